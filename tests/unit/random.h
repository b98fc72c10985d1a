/* SPDX-License-Identifier: GPL-2.0-only */
/* random.h - numbers and inputs that follow from a seed. */
#ifndef RANDOM_H
#define RANDOM_H

#include <stddef.h>
#include <stdint.h>

static inline uint32_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state >> 16;
}

/* Input @i of @seed: from @least bytes on, fewer than @most. Returns how many; @state goes on from there. */
static inline size_t random_input(uint64_t *state, uint64_t seed, unsigned long i, uint8_t *data, size_t least, size_t most)
{
	size_t n;

	*state = seed * 0x9e3779b97f4a7c15ULL + i * 0xbf58476d1ce4e5b9ULL + 1;
	next_random(state);
	n = least + next_random(state) % (most - least);
	for (size_t k = 0; k < n; k++)
		data[k] = next_random(state);
	return n;
}

#endif /* RANDOM_H */
