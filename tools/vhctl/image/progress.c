// SPDX-License-Identifier: GPL-2.0-only
/* progress.c - a bar on the terminal, of which nothing is left when it is done. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/progress.h"
#include "out.h"
#include "vhctl.h"

#define WIDTH	30
#define EVERY	100			/* ms */

static void draw(struct progress *p)
{
	unsigned int full = p->total ? p->done * WIDTH / p->total : 0;
	char bar[WIDTH + 1];

	memset(bar, ' ', WIDTH);
	memset(bar, '#', full > WIDTH ? WIDTH : full);
	bar[WIDTH] = 0;
	if (p->parts)
		fprintf(stderr, "\r%s [%s] %3u%%", p->what, bar, (unsigned int)(p->done / 100));
	else if (p->total)
		fprintf(stderr, "\r%s [%s] %5s of %-5s", p->what, bar, human_bytes(p->done), human_bytes(p->total));
	else
		fprintf(stderr, "\r%s %5s", p->what, human_bytes(p->done));
	fputs("\033[K", stderr);
	fflush(stderr);
	p->drawn = true;
}

static void moved(struct progress *p)
{
	long long now;

	if (!p->terminal)
		return;
	now = now_ms();
	if (now - p->shown < EVERY)
		return;
	p->shown = now;
	draw(p);
}

/**
 * progress_start - a bar, if standard error is a terminal that can show one
 * @p: filled in
 * @what: stands before it
 * @total: bytes; 0: not known
 */
void progress_start(struct progress *p, const char *what, uint64_t total)
{
	const char *term = getenv("TERM");

	*p = (struct progress){ .total = total, .shown = now_ms() };
	snprintf(p->what, sizeof(p->what), "%s", what);
	p->terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb");
}

/**
 * progress_add - so many bytes more are done
 * @p: the bar, or NULL
 * @n: bytes
 */
void progress_add(struct progress *p, uint64_t n)
{
	if (!p)
		return;
	p->done += n;
	moved(p);
}

/**
 * progress_parts - a program has said how far it is
 * @p: the bar, or NULL
 * @percent: 0 to 100
 */
void progress_parts(struct progress *p, double percent)
{
	if (!p || !(percent >= 0 && percent <= 100))
		return;
	p->parts = true;
	p->total = 10000;
	p->done = percent * 100;
	moved(p);
}

/**
 * progress_step - what is done now, of which nobody knows how long it takes
 * @p: the bar
 * @what: a line
 */
void progress_step(struct progress *p, const char *what)
{
	if (!p->terminal)
		return;
	fprintf(stderr, "\r%s: %.64s\033[K", p->what, what);
	fflush(stderr);
	p->drawn = true;
}

/**
 * progress_end - takes the bar away
 * @p: the bar, or NULL
 */
void progress_end(struct progress *p)
{
	if (!p || !p->drawn)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	p->drawn = false;
}
