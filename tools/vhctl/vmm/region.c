// SPDX-License-Identifier: GPL-2.0-only
/*
 * region.c - memory that comes and goes: the VMM's addresses, memslots, and what the host gets back.
 *
 * As many chunks have memslots as hold what the VM has been granted, wherever in the region its blocks are; more only while
 * a guest is still to let go of some. So a guest that takes blocks here and there, or writes where none is plugged, has no
 * more than that.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "vhctl.h"
#include "vmm/region.h"
#include "vmm/vhost.h"
#include "vmm/vmm.h"

#define ALIGN		(2ULL << 30)	/* of its addresses: the most that Linux adds at once */
#define LARGE_GUEST	(60ULL << 30)	/* from here on it does so */

static unsigned int chunks_of(const struct region *r, uint64_t bytes)
{
	return (bytes + r->chunk_size - 1) / r->chunk_size;
}

/**
 * region_create - the addresses of what may come
 * @v: the VM, with the memory that it begins with
 *
 * 0, or -1, told.
 */
int region_create(struct vmm *v)
{
	uint64_t chunk = v->cfg->memory >= LARGE_GUEST ? ALIGN : REGION_CHUNK, most = v->cfg->memory_max - v->cfg->memory;
	struct region *r;
	uint8_t *p;

	if (!v->cfg->memory_max)
		return 0;
	while (most > REGION_CHUNKS * chunk)
		chunk *= 2;
	r = calloc(1, sizeof(*r));
	if (!r)
		abort();
	r->chunk_size = chunk;
	r->chunks = chunks_of(r, most);
	r->size = r->chunks * chunk;
	r->gpa = (FOUR_GIB + v->high_size + ALIGN - 1) & ~(ALIGN - 1);
	if (r->gpa + r->size > memory_limit()) {
		error("--memory: the processor's addresses end at %llu GiB, and there is no room for so much",
		      (unsigned long long)memory_limit() >> 30);
		free(r);
		return -1;
	}
	r->plugged = calloc((r->size / REGION_BLOCK + 63) / 64, sizeof(*r->plugged));
	if (!r->plugged)
		abort();
	p = mmap(NULL, r->size + REGION_BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED) {
		error("--memory: no addresses for %llu MiB: %s", (unsigned long long)r->size >> 20, strerror(errno));
		return -1;
	}
	r->at = p + -(uintptr_t)p % REGION_BLOCK;
	v->region = r;
	return 0;
}

/* --- chunks --- */

static int set_slot(struct vmm *v, unsigned int c, uint64_t size)
{
	const struct region *r = v->region;
	struct kvm_userspace_memory_region s = {
		.slot = REGION_SLOT + c, .guest_phys_addr = r->gpa + c * r->chunk_size, .memory_size = size,
		.userspace_addr = (uintptr_t)r->at + c * r->chunk_size,
	};

	return ioctl(v->vm, KVM_SET_USER_MEMORY_REGION, &s);
}

static void give_back(const struct region *r, uint64_t offset, uint64_t size)
{
	madvise(r->at + offset, size, MADV_DONTNEED);
}

/* Who has tables of memory can have so many pieces. */
static bool few_pieces(const struct region *r)
{
	uint64_t from = 0, first;
	int n = 0;

	while (region_next_shown(r, &from, &first))
		n++;
	return n <= VHOST_PIECES;
}

/* False with errno: as before. */
static bool mark(struct vmm *v, unsigned int c, bool shown)
{
	struct region *r = v->region;
	bool good;

	pthread_mutex_lock(&v->bus.lock);
	r->chunk[c].shown = shown;
	errno = ENOSPC;
	good = few_pieces(r) && !vhost_memory(v);
	if (!good) {
		int err = errno;

		r->chunk[c].shown = !shown;
		vhost_memory(v);	/* of those that took it */
		errno = err;
	}
	pthread_mutex_unlock(&v->bus.lock);
	return good;
}

static bool show(struct vmm *v, unsigned int c)
{
	struct region *r = v->region;
	int err;

	/* A device that was late may have written there. */
	give_back(r, c * r->chunk_size, r->chunk_size);
	if (set_slot(v, c, r->chunk_size))
		return false;
	if (mark(v, c, true)) {
		r->shown++;
		return true;
	}
	err = errno;
	set_slot(v, c, 0);
	errno = err;
	return false;
}

/* Nothing of it is plugged. False: it stays. */
static bool hide(struct vmm *v, unsigned int c)
{
	struct region *r = v->region;

	if (!mark(v, c, false))
		return false;
	set_slot(v, c, 0);
	give_back(r, c * r->chunk_size, r->chunk_size);
	r->shown--;
	return true;
}

/**
 * region_want - the guest may plug so much
 * @v: the VM
 * @bytes: all in all
 *
 * Memslots come for it, in the lowest chunks, where Linux begins. 0, or an error, and then all is as before. The device's
 * thread, as for all below.
 */
int region_want(struct vmm *v, uint64_t bytes)
{
	struct region *r = v->region;
	unsigned int c, had = r->shown;
	bool fresh[REGION_CHUNKS] = { };
	int err;

	for (c = 0; c < r->chunks && r->shown < chunks_of(r, bytes); c++) {
		if (r->chunk[c].shown)
			continue;
		if (!show(v, c)) {
			err = errno;
			while (r->shown > had && c--)
				if (fresh[c])
					hide(v, c);
			return err;
		}
		fresh[c] = true;
	}
	return 0;
}

/**
 * region_trim - memslots go that are not needed any more
 * @v: the VM
 * @bytes: the guest may have so much
 */
void region_trim(struct vmm *v, uint64_t bytes)
{
	struct region *r = v->region;

	for (unsigned int c = r->chunks; c-- && r->shown > chunks_of(r, bytes);)
		if (r->chunk[c].shown && !r->chunk[c].blocks)
			hide(v, c);
}

/* --- blocks --- */

/* One that has a memslot and nothing in it, and is not among those of [first, last]; -1: none. */
static int idle(const struct region *r, unsigned int first, unsigned int last)
{
	for (unsigned int c = r->chunks; c--;)
		if (r->chunk[c].shown && !r->chunk[c].blocks && (c < first || c > last))
			return c;
	return -1;
}

static void set(struct region *r, uint64_t block, bool plugged)
{
	uint64_t bit = 1ULL << block % 64;
	struct region_chunk *c = &r->chunk[block * REGION_BLOCK / r->chunk_size];

	if (plugged)
		__atomic_fetch_or(&r->plugged[block / 64], bit, __ATOMIC_RELEASE);
	else
		__atomic_fetch_and(&r->plugged[block / 64], ~bit, __ATOMIC_RELEASE);
	c->blocks += plugged ? 1 : -1;
}

/**
 * region_plug - blocks become memory
 * @v: the VM
 * @block: the first; none is plugged
 * @n: how many
 * @bytes: as for region_want()
 *
 * False: it would take more memslots than there may be.
 */
bool region_plug(struct vmm *v, uint64_t block, uint64_t n, uint64_t bytes)
{
	struct region *r = v->region;
	unsigned int first = block * REGION_BLOCK / r->chunk_size, last = (block + n - 1) * REGION_BLOCK / r->chunk_size;

	for (unsigned int c = first; c <= last; c++) {
		int other;

		if (r->chunk[c].shown)
			continue;
		/* A guest that begins elsewhere: one for the other */
		if (r->shown >= chunks_of(r, bytes)) {
			other = idle(r, first, last);
			if (other < 0 || !hide(v, other))
				return false;
		}
		if (!show(v, c))
			return false;
	}
	while (n--)
		set(r, block++, true);
	return true;
}

/**
 * region_unplug - blocks are memory no more
 * @v: the VM
 * @block: the first; those that are plugged
 * @n: how many
 */
void region_unplug(struct vmm *v, uint64_t block, uint64_t n)
{
	struct region *r = v->region;

	for (uint64_t b = block; b < block + n; b++)
		if (region_is_plugged(r, b))
			set(r, b, false);
	give_back(r, block * REGION_BLOCK, n * REGION_BLOCK);
}
