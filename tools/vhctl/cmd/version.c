// SPDX-License-Identifier: GPL-2.0-only
/* version.c - vhctl version. */
#include <stdio.h>
#include <string.h>

#include "vhctl.h"

int cmd_version(int argc, char **argv)
{
	char module[64] = "not loaded";
	FILE *f;

	if (argc > 1) {
		int help = !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h");

		fprintf(help ? stdout : stderr, "usage: vhctl version\n");
		return help ? EXIT_OK : EXIT_USAGE;
	}
	f = fopen("/sys/module/vh/version", "re");
	if (f) {
		if (fgets(module, sizeof(module), f))
			module[strcspn(module, "\n")] = 0;
		fclose(f);
	}
	printf("vhctl %s\nvh.ko %s\n", VERSION, module);
	return EXIT_OK;
}
