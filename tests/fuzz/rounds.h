/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Rounds of a fuzzer: a process for each, with random numbers that follow from
 * the seed and the round's number alone, so that a round can be had again
 * without those before it.
 */
#ifndef VH_TESTS_ROUNDS_H
#define VH_TESTS_ROUNDS_H

#include <stdbool.h>
#include <stdint.h>

#define ROUNDS_COUNTERS	48

/* How a round ends, besides by a signal. */
#define ROUND_OK	0
#define ROUND_FAILED	1

struct rounds {
	const char *name;
	void (*round)(void);		/* in a process of its own; returns or calls round_failed() */
	const char *const *counters;	/* names of counter[], ends with NULL */
	bool may_die;			/* a signal that ends it is no failure */
};

/**
 * rounds_main() - run the rounds that the command line asks for
 * @argc: as main() got it
 * @argv: likewise: [--seed N] [--rounds N | --round K] [--seconds S] [--timeout S] [--keep-going]
 *	[DEVICE]
 * @r: the fuzzer
 *
 * Return: the program's exit status; the first failed round ends it, but with --keep-going.
 */
int rounds_main(int argc, char **argv, const struct rounds *r);

/* round_failed() - print what is wrong, and how to have it again; ends the round */
void round_failed(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* round_may_die() - a signal that ends this round is no failure: its memory may be too little */
void round_may_die(void);

extern volatile unsigned long *counter;	/* shared by all rounds */
extern bool verbose;			/* --round: tell what is done */
#define count(i)	__atomic_fetch_add(&counter[i], 1, __ATOMIC_RELAXED)

/* Random numbers of this round; each thread has a sequence of its own. */
extern __thread uint64_t rnd_state;
uint64_t rnd64(void);
static inline uint32_t rnd(uint32_t below)
{
	return (uint32_t)((rnd64() >> 32) * below >> 32);
}

static inline bool chance(uint32_t one_in)
{
	return rnd(one_in) == 0;
}

uint64_t odd_number(void);		/* near a limit of something, or any */

#endif
