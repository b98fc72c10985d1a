// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_recipe.c - recipes of images: what is in right ones, and that of wrong and random ones nothing comes that
 * mmdebstrap, a shell or the host's files were not to see.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/recipe.h"
#include "random.h"
#include "tap.h"
#include "vhctl.h"

#define RANDOM	3000

static char file[256], said[2048];
static int errors;

void error(const char *fmt, ...)
{
	va_list ap;

	errors++;
	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
}

static bool reads(const char *text, size_t n, struct recipe *r)
{
	FILE *f = fopen(file, "w");

	if (!f || fwrite(text, 1, n, f) != n || fclose(f))
		abort();
	errors = 0;
	said[0] = 0;
	return !recipe_read(file, r);
}

static const char right[] =
	"# a recipe\n"
	"\n"
	"  suite\t=  bookworm  \n"
	"mirror = http://deb.debian.org/debian\n"
	"packages = linux-image-amd64, g++  libc6:i386\n"
	"file = passwd /etc/passwd 644\n"
	"   # and more\n"
	"file = /etc /opt/etc\n"
	"run = \"echo\" \"a=b # no comment\"\n"
	"packages = less\n"
	"size = 4G\n"
	"cmdline = \" console=ttyS0 \"\n"
	"memory = 512M\n"
	"cpus = 2\n"
	"label = a=b=c\n"
	"label = d=\n";

static void test_right(void)
{
	struct recipe r;
	bool good = reads(right, strlen(right), &r);

	/* "passwd" is at the recipe's folder. */
	TAP_CHECK(!good && errors == 1 && strstr(said, ":6: ") && strstr(said, "/passwd: No such file"));
	recipe_free(&r);
	if (symlink("/etc/passwd", "passwd"))
		abort();
	TAP_CHECK(reads(right, strlen(right), &r) && !errors);
	TAP_CHECK(!strcmp(r.suite, "bookworm") && !strcmp(r.mirror, "http://deb.debian.org/debian") && r.size == 4ULL << 30);
	TAP_EQ(r.items, 7);
	TAP_CHECK(r.item[1].kind == RECIPE_PACKAGE && !strcmp(r.item[1].text, "g++") && r.item[1].line == 5);
	TAP_CHECK(r.item[3].kind == RECIPE_FILE && *r.item[3].text == '/' && strstr(r.item[3].text, "/passwd") &&
		  !strcmp(r.item[3].to, "/etc/passwd") && !strcmp(r.item[3].mode, "644"));
	TAP_CHECK(r.item[4].line == 8 && !r.item[4].mode);
	/* quotes are the shell's there */
	TAP_CHECK(r.item[5].kind == RECIPE_RUN && !strcmp(r.item[5].text, "\"echo\" \"a=b # no comment\""));
	TAP_CHECK(!strcmp(r.set.cmdline, " console=ttyS0 ") && r.set.memory == 512 << 20 && r.set.cpus == 2);
	TAP_CHECK(r.set.labels == 2 && !strcmp(r.set.label[0], "a=b=c") && !strcmp(r.set.label[1], "d="));
	recipe_free(&r);
	/* without an end of the last line */
	TAP_CHECK(reads("suite=sid", 9, &r) && !r.items && !strcmp(r.suite, "sid"));
	recipe_free(&r);
}

static void test_wrong(void)
{
	static const char *const wrong[] = {
		"", "suite = \n", "suite = -x\n", "suite = a b\n", "suite = a;b\n", "suite = $(id)\n", "Suite = a\n",
		"suite = a\nsuite = a\n", "suite = a\nmirror = x\n", "suite = a\nmirror = http://x y\n",
		"suite = a\nmirror = -http://x\n", "suite = a\npackages = -x\n", "suite = a\npackages = x'y\n",
		"suite = a\npackages = ?essential\n", "suite = a\nfile = /etc\n", "suite = a\nfile = /etc etc\n",
		"suite = a\nfile = /etc /a/../../b\n", "suite = a\nfile = /etc /./b\n", "suite = a\nfile = /etc/passwd /b/\n",
		"suite = a\nfile = /etc/passwd /b 8\n", "suite = a\nfile = /etc/passwd /b 07777\n",
		"suite = a\nfile = /etc/passwd /b 644 x\n", "suite = a\nfile = /dev/null /b\n", "suite = a\nrun =  \t\n",
		"suite = a\nsize = 100\n", "suite = a\ncpus = 65\n", "suite = a\nmemory = 1M\n", "suite = a\nlabel = x\n",
		"suite = a\nbase = debian\n", "base = Debian\n", "base = a\nbase = a\n", "base = ../x\n",
		"base = a\nmirror = http://x\n", "suite = a\n\x1b[2J = x\n", "suite = a\ncmdline = \x07\n",
	};
	struct recipe r;

	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		bool good = reads(wrong[i], strlen(wrong[i]), &r);

		tap_ok(!good && errors == 1 && !strchr(said, '\x1b'), "wrong recipe %u: %s", i, said);
		recipe_free(&r);
	}
	TAP_CHECK(!reads("suite = a\n\0x", 12, &r) && strstr(said, "no text"));
	recipe_free(&r);
}

/* Lines of right recipes, with bytes of which some are others. */
static void test_random(void)
{
	static const char *const lines[] = {
		"suite = bookworm\n", "mirror = http://a/b\n", "packages = a b\n", "file = /etc/passwd /a/b 644\n",
		"file = /etc /../x\n", "run = true\n", "size = 1G\n", "memory = 1G\n", "cpus = 3\n", "label = a=b\n", "= \n", "#",
		"\"", "\n",
	};
	uint64_t state = 1;
	int good = 0, bad = 0, odd = 0;

	for (int i = 0; i < RANDOM; i++) {
		char text[1024] = "suite = bookworm\n";
		size_t n = next_random(&state) % 8 ? strlen(text) : 0;
		struct recipe r;

		for (int k = next_random(&state) % 10; k; k--)
			n += sprintf(text + n, "%s", lines[next_random(&state) % (sizeof(lines) / sizeof(lines[0]))]);
		for (int k = next_random(&state) % 4; n && k; k--)
			text[next_random(&state) % n] = next_random(&state) % 4 ? " =/\"'.\n$"[next_random(&state) % 8] :
						       next_random(&state);
		if (reads(text, n, &r)) {
			good++;
			odd += errors || !r.suite || strpbrk(r.suite, " '\"$;/") || (r.mirror && strpbrk(r.mirror, " '\"$;"));
			for (unsigned int k = 0; k < r.items; k++)
				odd += r.item[k].kind == RECIPE_FILE ? *r.item[k].to != '/' || !!strstr(r.item[k].to, "/../") :
				       r.item[k].kind == RECIPE_PACKAGE && strpbrk(r.item[k].text, " '\"$;/");
		} else {
			bad++;
			odd += !errors;
		}
		recipe_free(&r);
	}
	printf("# %d recipes are right, %d are not\n", good, bad);
	TAP_CHECK(good > RANDOM / 20 && bad > RANDOM / 20);
	TAP_EQ(odd, 0);
}

int main(void)
{
	char dir[] = "/tmp/test-recipe-XXXXXX";

	if (!mkdtemp(dir) || chdir(dir))
		abort();
	snprintf(file, sizeof(file), "%s/recipe", dir);
	test_right();
	test_wrong();
	test_random();
	unlink("recipe");
	unlink("passwd");
	rmdir(dir);
	return tap_done();
}
