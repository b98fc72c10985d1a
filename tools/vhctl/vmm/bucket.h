/* SPDX-License-Identifier: GPL-2.0-only */
/* bucket.h - a limit of a disk: so much a second. */
#ifndef BUCKET_H
#define BUCKET_H

#include <stdint.h>
#include <time.h>

#define SECOND		1000000000ULL
#define BURST		(SECOND / 10)	/* so much may come at once */

/**
 * struct bucket - a limit
 * @rate: of a second; 0: there is none
 * @due: when all that was let through is paid for
 */
struct bucket {
	uint64_t rate, due;
};

static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

/* How long until more is let through. */
static inline uint64_t bucket_wait(const struct bucket *b, uint64_t now)
{
	return b->rate && b->due > now + BURST ? b->due - now - BURST : 0;
}

/* A request may name the same memory many times, and so be of any size. */
static inline void bucket_take(struct bucket *b, uint64_t now, uint64_t n)
{
	unsigned __int128 due;

	if (!b->rate)
		return;
	due = (unsigned __int128)n * SECOND / b->rate + (b->due < now ? now : b->due);
	b->due = due < INT64_MAX ? (uint64_t)due : INT64_MAX;
}

#endif /* BUCKET_H */
