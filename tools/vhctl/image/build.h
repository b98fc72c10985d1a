/* SPDX-License-Identifier: GPL-2.0-only */
/* build.h - an image of a recipe, while it is made. */
#ifndef IMAGE_BUILD_H
#define IMAGE_BUILD_H

#include "image/ops.h"
#include "image/progress.h"
#include "image/recipe.h"

#define BUILD_SCRIPT	".vh-build"	/* the recipe's commands, in the new system's root, as long as it is made */
#define BUILD_LINES	16		/* of what is said that are shown when it fails */
#define BUILD_WIDTH	400

/**
 * struct build - what is being made
 * @r: of what
 * @t: where
 * @work: mmdebstrap's directory; NULL: it is made on an image
 * @line: of the recipe, whose command runs; 0: none does
 * @end: what a VM has said at its end; -1: nothing
 * @said: the last lines, in a ring
 * @lines: how many there were
 * @part: a line that has not ended yet
 */
struct build {
	const struct recipe *r;
	struct stage *t;
	char *work;
	struct progress bar;
	unsigned int line, lines;
	int end;
	char said[BUILD_LINES][BUILD_WIDTH], part[BUILD_WIDTH];
};

/* --- build.c --- */
char *text_of(const char *fmt, ...) __attribute__((format(printf, 1, 2)));	/* abort(3) without memory */
void build_hear(void *build, const char *text);
void build_failed(const struct build *b, const char *who);
int build_write(const char *path, const char *text, mode_t mode);
char *build_ask(struct stage *t, const char *const *arg);
char *build_apt_config(struct stage *t);
int build_files(struct build *b);

/* --- debian.c, base.c; 0 or -1, told --- */
int build_debian(struct store *s, const struct recipe *r, const char *name);
int build_on_base(struct store *s, const struct recipe *r, const char *name);

#endif /* IMAGE_BUILD_H */
