// SPDX-License-Identifier: GPL-2.0-only
/*
 * build.c - a recipe becomes a sealed image: what both ways of that (debian.c, base.c) have in common, which is the
 * recipe's files and commands, and what is told of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/build.h"
#include "image/program.h"
#include "printable.h"
#include "vhctl.h"

#define MARK		"vh-build-line "	/* it says so which line of the recipe is next */
#define END		"vh-build-end "		/* and so a VM with what status it ends */

char *text_of(const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	return text;
}

/* --- what it says --- */

static const struct recipe_item *item_of(const struct recipe *r, enum recipe_kind kind, unsigned int line)
{
	for (unsigned int i = 0; i < r->items; i++)
		if (r->item[i].kind == kind && r->item[i].line == line)
			return &r->item[i];
	return NULL;
}

static void take_said(struct build *b, char *line)
{
	const struct recipe_item *i;

	printable(line);
	if (!strncmp(line, MARK, strlen(MARK))) {
		b->line = atoi(line + strlen(MARK));
		i = item_of(b->r, RECIPE_RUN, b->line);
		if (i)
			progress_step(&b->bar, i->text);
		return;
	}
	if (!b->work && !strncmp(line, END, strlen(END))) {
		b->end = atoi(line + strlen(END));
		return;
	}
	if (!strncmp(line, "I: ", 3)) {
		if (!b->line)
			progress_step(&b->bar, line + 3);
		return;
	}
	if (*line)
		snprintf(b->said[b->lines++ % BUILD_LINES], BUILD_WIDTH, "%s", line);
}

/**
 * build_hear - what a program, or a VM, says while it works
 * @build: the build
 * @text: of it
 */
void build_hear(void *build, const char *text)
{
	struct build *b = build;
	size_t n = strlen(b->part);

	for (; *text; text++) {
		if (*text == '\n' || *text == '\r') {
			b->part[n] = 0;
			take_said(b, b->part);
			n = 0;
		} else if (n < BUILD_WIDTH - 1) {
			b->part[n++] = *text;
		}
	}
	b->part[n] = 0;
}

/* A package that is not there is some line's fault. */
static bool tell_package(const struct build *b, const char *said)
{
	static const char *const words[] = { "E: Unable to locate package ", "has no installation candidate" };
	const char *name = strstr(said, words[0]);
	bool told = false;
	char *quote;
	size_t n;

	if (name) {
		name += strlen(words[0]);
	} else if (strstr(said, words[1]) && (quote = strchr(said, '\''))) {
		name = quote + 1;
	} else {
		return false;
	}
	n = strcspn(name, " '");
	for (unsigned int i = 0; i < b->r->items; i++) {
		const struct recipe_item *p = &b->r->item[i];

		if (p->kind != RECIPE_PACKAGE || strncmp(p->text, name, n) || (p->text[n] && p->text[n] != ':'))
			continue;
		recipe_error(b->r, p->line, "packages: %s has no package '%s'", b->r->suite ? b->r->suite : b->r->base, p->text);
		told = true;
	}
	return told;
}

/**
 * build_failed - tell why
 * @b: the build
 * @who: "mmdebstrap", when the recipe's lines are not to blame
 */
void build_failed(const struct build *b, const char *who)
{
	unsigned int first = b->lines > BUILD_LINES ? b->lines - BUILD_LINES : 0;
	const struct recipe_item *i = b->line ? item_of(b->r, RECIPE_RUN, b->line) : NULL;
	bool told = false;

	for (unsigned int n = first; n < b->lines && !told; n++)
		told = tell_package(b, b->said[n % BUILD_LINES]);
	if (told)
		return;
	for (unsigned int n = first; n < b->lines; n++)
		fprintf(stderr, "| %s\n", b->said[n % BUILD_LINES]);
	if (i)
		recipe_error(b->r, b->line, "run: '%s' failed", i->text);
	else
		recipe_error(b->r, 0, "%s cannot make it%s", who, b->lines ? ": see above" : "");
}

/* --- what is made for it --- */

/**
 * build_write - a new file
 * @path: of it
 * @text: what is in it
 * @mode: of it
 */
int build_write(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	size_t n = strlen(text);
	bool good = fd >= 0 && write(fd, text, n) == (ssize_t)n && !fchmod(fd, mode);

	if (!good)
		error("%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return good ? 0 : -1;
}

/**
 * build_ask - what a program of apt's says
 * @t: where it ends
 * @arg: it and its arguments, to NULL
 *
 * To be freed; NULL: nothing.
 */
char *build_ask(struct stage *t, const char *const *arg)
{
	struct program p;
	char *text = NULL;

	program_new(&p, arg[0]);
	while (*++arg)
		program_args(&p, *arg, NULL);
	p.whole = true;
	p.stage = t;
	if (!program_run(&p) && p.size) {
		text = p.output;
		p.output = NULL;
	}
	program_free(&p);
	return text;
}

/**
 * build_apt_config - how this machine's apt gets packages: proxies and the like, as a file of apt's has it
 * @t: where the program ends that is asked
 *
 * To be freed; NULL: nothing is said.
 */
char *build_apt_config(struct stage *t)
{
	static const char *const config[] = { "apt-config", "dump", "--format", "%F \"%v\";%n", "Acquire", NULL };

	return program_there(config[0]) ? build_ask(t, config) : NULL;
}

/* The directories that a path is in. */
static int make_parents(const char *tree, const char *path)
{
	char *whole = text_of("%s/%s", tree, path), *c;
	int err = 0;

	for (c = whole + strlen(tree) + 1; !err && (c = strchr(c, '/')); c++) {
		*c = 0;
		err = mkdir(whole, 0700) && errno != EEXIST ? -1 : 0;
		*c = '/';
	}
	free(whole);
	return err;
}

static int copy_file(struct build *b, const struct recipe_item *i, const char *tree)
{
	char *to = text_of("%s/%s", tree, i->to), *from;
	struct program p;
	struct stat st;
	int err = -1;

	if (stat(i->text, &st) || make_parents(tree, i->to) ||
	    (S_ISDIR(st.st_mode) && mkdir(to, 0700) && errno != EEXIST)) {
		recipe_error(b->r, i->line, "%s: %s", i->text, strerror(errno));
		free(to);
		return -1;
	}
	/* Of a folder what is in it; of a link what it leads to */
	from = text_of("%s%s", i->text, S_ISDIR(st.st_mode) ? "/." : "");
	program_new(&p, "cp");
	program_args(&p, "-rH", "--no-target-directory", "--preserve=mode,links", "--remove-destination", "--", from, to, NULL);
	program_reads(&p, i->text);
	program_writes(&p, tree);
	p.stage = b->t;
	err = program_run(&p);
	if (err > 0)
		recipe_error(b->r, i->line, "file: %s", p.said);
	if (!err && i->mode && chmod(to, strtoul(i->mode, NULL, 8))) {
		recipe_error(b->r, i->line, "%s: %s", to, strerror(errno));
		err = -1;
	}
	free(from);
	free(to);
	return err ? -1 : 0;
}

/* As the shell takes it for one word. */
static void quote(FILE *f, const char *text)
{
	fputc('\'', f);
	for (; *text; text++)
		if (*text == '\'')
			fputs("'\\''", f);
		else
			fputc(*text, f);
	fputc('\'', f);
}

static int write_script(const struct recipe *r, const char *path)
{
	FILE *f = fopen(path, "wxe");
	int err;

	if (!f) {
		error("%s: %s", path, strerror(errno));
		return -1;
	}
	fputs("export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 HOME=/root\ncd /\nexec </dev/null >&2\n", f);
	for (unsigned int i = 0; i < r->items; i++) {
		if (r->item[i].kind != RECIPE_RUN)
			continue;
		fprintf(f, "echo '" MARK "%u'\n/bin/sh -ec ", r->item[i].line);
		quote(f, r->item[i].text);
		fputs(" || exit 1\n", f);
	}
	err = fflush(f) || ferror(f) ? -1 : 0;
	if (err)
		error("%s: %s", path, strerror(errno));
	fclose(f);
	return err;
}

/**
 * build_files - the recipe's files, and its commands as BUILD_SCRIPT, as stage/files.tar, root's
 * @b: the build
 *
 * Directories are not in it: those that are there stay as they are, others are made. 0 or -1, told.
 */
int build_files(struct build *b)
{
	char *tree = stage_path(b->t, "files"), *tar = stage_path(b->t, "files.tar"), *script = text_of("%s/" BUILD_SCRIPT, tree);
	struct program p;
	int err;

	err = mkdir(tree, 0700);
	if (err)
		error("%s: %s", tree, strerror(errno));
	for (unsigned int i = 0; !err && i < b->r->items; i++)
		if (b->r->item[i].kind == RECIPE_FILE)
			err = copy_file(b, &b->r->item[i], tree);
	err = err || write_script(b->r, script);
	if (!err) {
		program_new(&p, "sh");
		program_args(&p, "-c", "cd \"$1\" && find . ! -type d -print0 | tar -c -f \"$2\" --null --no-recursion "
			     "--owner=0 --group=0 --numeric-owner -T -", "sh", tree, tar, NULL);
		program_writes(&p, b->t->path);
		p.stage = b->t;
		err = program_must(&p, b->r->shown);
	}
	free(tree);
	free(tar);
	free(script);
	return err ? -1 : 0;
}

/**
 * image_build - a sealed image of what a recipe says
 * @s: the store
 * @r: the recipe
 * @name: NAME:TAG
 */
int image_build(struct store *s, const struct recipe *r, const char *name)
{
	if (store_name_free(s, name))
		return -1;
	return r->base ? build_on_base(s, r, name) : build_debian(s, r, name);
}
