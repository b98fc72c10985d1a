/* SPDX-License-Identifier: GPL-2.0-only */
/* recipe.h - what an image is to be built of, as a file says it: vhctl-image(8), RECIPES. */
#ifndef IMAGE_RECIPE_H
#define IMAGE_RECIPE_H

#include "image/ops.h"

#define RECIPE_LINES	4096		/* at most */

/**
 * struct recipe_item - a package, a file or a command
 * @kind: which
 * @line: where it is said
 * @text: package's name; file of this host's; command
 * @to: of a file: where it goes, absolute
 * @mode: of a file, octal as it was said; NULL: as it is
 */
struct recipe_item {
	enum recipe_kind { RECIPE_PACKAGE, RECIPE_FILE, RECIPE_RUN } kind;
	unsigned int line;
	const char *text, *to, *mode;
};

/**
 * struct recipe - all that a file says
 * @shown: the file, as the user calls it
 * @suite: of Debian; NULL: @base
 * @base: image of the store that it is made on; NULL: @suite
 * @mirror: or NULL: as this host has it
 * @size: of the disk; 0: enough, or the base's
 * @set: of the image
 * @item: in the file's order
 * @items: how many
 */
struct recipe {
	const char *shown, *suite, *base, *mirror;
	uint64_t size;
	struct settings set;
	struct recipe_item *item;
	unsigned int items;

	char *dir, *text, **owned;	/* what it is made of */
	unsigned int nr_owned;
};

int recipe_read(const char *file, struct recipe *r);
void recipe_free(struct recipe *r);
/* As error(), with the file and the line; 0: the file alone. */
void recipe_error(const struct recipe *r, unsigned int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif /* IMAGE_RECIPE_H */
