// SPDX-License-Identifier: GPL-2.0-only
/*
 * hold.c - what a VM does with an image of vhctl's, without a VM.
 *
 *   hold attach IMAGE [NAME]       the disk, as key=value; detached when standard input ends
 *   hold confine FILE [PATH]...    cat FILE, by a program that may read the paths and no other
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "image/image.h"
#include "image/program.h"
#include "vhctl.h"

void error(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

long long now_ms(void)
{
	return time(NULL) * 1000LL;
}

static int attach(const char *image, const char *keep)
{
	struct image_disk d;
	char b[64];

	if (image_attach(NULL, image, keep, &d))
		return 1;
	printf("path=%s\nformat=%s\nimage=%s\nkernel=%s\ninitrd=%s\ncmdline=%s\n", d.path, d.format, d.image,
	       d.kernel ? d.kernel : "", d.initrd ? d.initrd : "", d.cmdline ? d.cmdline : "");
	printf("memory=%llu\ncpus=%u\nsize=%llu\nephemeral=%d\n", (unsigned long long)d.memory, d.cpus,
	       (unsigned long long)d.size, d.ephemeral);
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, b, sizeof(b)) > 0)
		;
	image_detach(&d, true);
	return 0;
}

static int confined(char **path, int n)
{
	struct program p;
	int status;

	program_new(&p, "cat");
	program_args(&p, path[0], NULL);
	for (int i = 1; i < n; i++)
		program_reads(&p, path[i]);
	status = program_run(&p);
	fwrite(p.output, 1, p.size, stdout);
	program_free(&p);
	return status ? 1 : 0;
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "attach"))
		return attach(argv[2], argc > 3 ? argv[3] : NULL);
	if (argc > 2 && !strcmp(argv[1], "confine"))
		return confined(argv + 2, argc - 2);
	return 2;
}
