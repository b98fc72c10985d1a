/* SPDX-License-Identifier: GPL-2.0-only */
/* image.h - the commands of vhctl image, and the options that they share. */
#ifndef CMD_IMAGE_H
#define CMD_IMAGE_H

#include <getopt.h>

#include "image/image.h"
#include "image/ops.h"
#include "out.h"

/**
 * struct image_args - what was said on the command line
 * @command: as typed
 * @arg: what is no option
 * @args: how many
 */
struct image_args {
	const char *command, *store, *format, *from, *ssh, *remote_store;
	enum out_mode mode;
	uint64_t size;
	bool quiet, all, force, compress, shrink, dry, extents, read_only;
	struct settings set;
	struct image_seed seed;
	char **arg;
	int args;
};

/**
 * struct image_command - a word behind vhctl image
 * @usage: its arguments
 * @options: short names of those that it has, of image_options.c's
 * @least: arguments
 * @most: the same
 * @missing: what it asks for when there are too few
 * @help: what it does
 */
struct image_command {
	const char *name, *usage, *options;
	int least, most;
	const char *missing;
	int (*run)(struct image_args *a);
	const char *help;
};

/* -1: go on; else the exit status. */
int image_options(int argc, char **argv, const struct image_command *c, struct image_args *a);
/* NAME[:TAG] as NAME:TAG; false, told. */
bool image_name(const char *text, char name[NAME_SIZE]);

int image_ls(struct image_args *a);
int image_show(struct image_args *a);
int image_do_diff(struct image_args *a);
int image_do_verify(struct image_args *a);
int image_do_gc(struct image_args *a);

#endif /* CMD_IMAGE_H */
