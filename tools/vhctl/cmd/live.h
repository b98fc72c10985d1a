/* SPDX-License-Identifier: GPL-2.0-only */
/* live.h - a table that is sampled again and again: ncurses on a terminal, else plain text. */
#ifndef LIVE_H
#define LIVE_H

#include "nl.h"

#define LIVE_COLUMNS	11

struct live_column {
	const char *key, *title;	/* key: for --sort */
};

struct live_row {
	struct { char text[64]; double sort; bool number; } cell[LIVE_COLUMNS];
};

struct live {
	struct nl *nl;
	struct live_row *rows;
	unsigned int nr_rows;
};

struct live_row *live_add(struct live *live);
void live_number(struct live_row *r, int column, double value, const char *format);
void live_bytes(struct live_row *r, int column, uint64_t value);
void live_text(struct live_row *r, int column, const char *text);

/*
 * Options, and then @sample every delay: it adds the rows; @seconds since the
 * last one (never 0). Returns an exit status.
 */
int live_main(int argc, char **argv, const char *command, const struct live_column *columns,
	      int (*sample)(struct live *live, void *arg, double seconds), void *arg);

#endif /* LIVE_H */
