/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * region.h - memory that comes and goes while the guest runs: addresses above its other memory, in blocks that the guest
 * plugs (mem.c). It is shown to the guest in chunks, a memslot each, which are charged; of the host's memory there is
 * what was touched.
 *
 * The VMM's addresses of all of it are there as long as the VMM is: who has found a place by region_at() may use it
 * however late. What is behind it is given up, and no more than that.
 */
#ifndef REGION_H
#define REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vmm;

#define REGION_BLOCK	(2ULL << 20)
#define REGION_CHUNK	(128ULL << 20)	/* at least: what Linux adds and removes at once */
#define REGION_SLOT	32		/* the first memslot; the others' are below */
#define REGION_CHUNKS	256		/* at most, and so many memslots */

/**
 * struct region - the addresses
 * @gpa: the first of the guest's; const, as the next four are
 * @size: of all chunks
 * @chunk_size: of one
 * @at: the first of the VMM's
 * @chunks: how many
 * @plugged: a bit each block; written by the device's thread, read by any
 * @chunk: what of each is plugged, the device's thread's; and has it a memslot? That is changed with bus->lock held
 * @shown: how many have one; the device's thread's
 */
struct region {
	uint64_t gpa, size, chunk_size;
	uint8_t *at;
	unsigned int chunks;
	uint64_t *plugged;
	struct region_chunk {
		unsigned int blocks;
		bool shown;
	} chunk[REGION_CHUNKS];
	unsigned int shown;
};

static inline bool region_is_plugged(const struct region *r, uint64_t block)
{
	return __atomic_load_n(&r->plugged[block / 64], __ATOMIC_RELAXED) >> block % 64 & 1;
}

/* Where [gpa, +len) is, if all of it is plugged; else NULL. Any thread. */
static inline void *region_at(const struct region *r, uint64_t gpa, uint64_t len)
{
	uint64_t offset = gpa - r->gpa;

	if (gpa < r->gpa || offset >= r->size || len > r->size - offset)
		return NULL;
	for (uint64_t b = offset / REGION_BLOCK; b <= (offset + (len ? len - 1 : 0)) / REGION_BLOCK; b++)
		if (!region_is_plugged(r, b))
			return NULL;
	return r->at + offset;
}

/* The next piece of what has memslots, from offset *@from on, which moves behind it; its size, 0: none. bus->lock is held. */
static inline uint64_t region_next_shown(const struct region *r, uint64_t *from, uint64_t *first)
{
	unsigned int i = *from / r->chunk_size, n;

	while (i < r->chunks && !r->chunk[i].shown)
		i++;
	for (n = i; n < r->chunks && r->chunk[n].shown; n++)
		;
	*first = i * r->chunk_size;
	*from = n * r->chunk_size;
	return *from - *first;
}

int region_create(struct vmm *v);
int region_want(struct vmm *v, uint64_t bytes);
void region_trim(struct vmm *v, uint64_t bytes);
bool region_plug(struct vmm *v, uint64_t block, uint64_t n, uint64_t bytes);
void region_unplug(struct vmm *v, uint64_t block, uint64_t n);

#endif /* REGION_H */
