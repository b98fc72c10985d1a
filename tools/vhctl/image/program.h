/* SPDX-License-Identifier: GPL-2.0-only */
/* program.h - Debian's programs, run with nothing in reach but what they are given. */
#ifndef IMAGE_PROGRAM_H
#define IMAGE_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

struct progress;
struct stage;

#define PROGRAM_ARGS	40
#define PROGRAM_PATHS	8

/**
 * struct program - a program and its arguments
 * @arg: the first is its name
 * @reads: paths that it may read, beside the system's programs and libraries
 * @writes: paths that it may write
 * @in: its standard input; -1: empty
 * @out: its standard output; -1: kept in @output
 * @stage: it ends with it; or NULL
 * @progress: is told what qemu-img -p says; or NULL
 * @whole: it reaches all that this process does: it mounts, or starts what has rights of its own
 * @hears: gets what it writes to standard error, with an end; or NULL
 * @hearer: its argument
 * @output: what it wrote to standard output, with an end; to be freed
 * @size: of that
 * @said: the last that it wrote to standard error
 */
struct program {
	const char *arg[PROGRAM_ARGS + 1], *reads[PROGRAM_PATHS], *writes[PROGRAM_PATHS];
	unsigned int args, nr_reads, nr_writes;
	int in, out;
	struct stage *stage;
	struct progress *progress;
	bool whole;
	void (*hears)(void *hearer, const char *text);
	void *hearer;
	char *output;
	size_t size;
	char said[512];
};

bool program_there(const char *name);
void program_new(struct program *p, const char *name);
/* Further arguments; the last is NULL. They are not copied. */
void program_args(struct program *p, ...) __attribute__((sentinel));
void program_reads(struct program *p, const char *path);
void program_writes(struct program *p, const char *path);
int program_run(struct program *p);
int program_must(struct program *p, const char *what);
void program_failed(const struct program *p, const char *what);
void program_free(struct program *p);

#endif /* IMAGE_PROGRAM_H */
