/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * description.h - what was said of a VM, in a file (vh.conf(5)) and on a command line: settings, each with the
 * place where it was said.
 *
 *   description.c  settings, the command line, from settings to options
 *   conf_file.c    the file's lines
 *   config.c       vhctl config; config_check.c: are the files that are named there?
 */
#ifndef DESCRIPTION_H
#define DESCRIPTION_H

#include <limits.h>

#include "cmd/vm_options.h"

#define WHOLE_FILE	UINT_MAX	/* in place of a line */

/**
 * struct vm_setting - an option and its value
 * @option: of the table
 * @value: NULL: it has none
 * @line: of the file; 0: it is of the command line
 */
struct vm_setting {
	const struct vm_option *option;
	char *value;
	unsigned int line;
};

/**
 * struct description - all that was said
 * @setting: what counts, in the order of its saying
 * @settings: how many
 * @file: the description's, of which lines are; NULL: none was read
 * @plain: mistakes are told as compilers do, without the program's name before them
 */
struct description {
	struct vm_setting *setting;
	unsigned int settings;
	char *file;
	bool plain;
};

void description_free(struct description *d);
bool description_add(struct description *d, const struct vm_option *o, const char *value, unsigned int line);
int description_options(struct description *said, unsigned int of, int argc, char **argv);
bool description_merge(struct description *d, const struct description *said);
unsigned int description_apply(struct description *d, struct vm_options *o);
const struct vm_setting *description_says(const struct description *d, const char *name);
void description_mistake(const struct description *d, unsigned int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
bool description_try(const struct description *d, unsigned int line,
		     bool (*look)(struct vm_options *o, const void *arg), struct vm_options *o, const void *arg);

/* conf_file.c */
int description_read(struct description *d, const char *path);
bool description_path(const char *name, char *path, size_t size);
bool description_folder(char *path, size_t size);
bool description_quoted(const char *value);

#endif /* DESCRIPTION_H */
