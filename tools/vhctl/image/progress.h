/* SPDX-License-Identifier: GPL-2.0-only */
/* progress.h - a bar on the terminal for what takes its time. */
#ifndef IMAGE_PROGRESS_H
#define IMAGE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct progress - a bar; everything takes NULL for none
 * @what: stands before it
 * @total: bytes, or parts; 0: not known
 */
struct progress {
	char what[48];
	uint64_t total, done;
	long long shown;		/* when, in ms */
	bool terminal, drawn, parts;
};

void progress_start(struct progress *p, const char *what, uint64_t total);
void progress_add(struct progress *p, uint64_t n);
void progress_parts(struct progress *p, double percent);
void progress_step(struct progress *p, const char *what);
void progress_end(struct progress *p);

#endif /* IMAGE_PROGRESS_H */
