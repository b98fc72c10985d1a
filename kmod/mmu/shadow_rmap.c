// SPDX-License-Identifier: GPL-2.0-only
/*
 * shadow_rmap.c - from guest memory to the leaves that map it.
 *
 * A hash table of gfns; a bucket is a list of leaves, each named by its
 * table's id and its index. A leaf that the own thread drops stays in its
 * list until its place is needed for another gfn.
 *
 * A guest may map one page at as many addresses as it likes. As a processor's
 * TLB would, the shadow forgets some when there are too many, so that no list
 * is longer than CHAIN_MAX.
 */
#include <linux/hash.h>
#include <linux/mm.h>

#include "shadow.h"

#define END		1U		/* of a list; 0 is "in no list" */
#define BUCKET_BITS	9
#define LOAD		8		/* leaves for a bucket, before there are more buckets */
#define CHAIN_MAX	512
#define EMPTY_PART	16384UL		/* buckets emptied without a chance to reschedule */
#define SCAN_COST	64		/* a table's leaves looked at, in lists of gfns gone through */

static u32 code_of(const struct vh_shadow_page *p, unsigned int i)
{
	return (p->id * SH_ENTRIES | i) + 2;
}

static struct vh_shadow_page *page_of(struct vh_shadow *sh, u32 code)
{
	return xa_load(&sh->pages, (code - 2) / SH_ENTRIES);
}

static unsigned int index_of(u32 code)
{
	return (code - 2) % SH_ENTRIES;
}

static struct vh_shadow_bucket *bucket_of(struct vh_shadow *sh, gfn_t gfn)
{
	return &sh->bucket[hash_64(gfn, sh->bucket_bits)];
}

static void buckets_empty(struct vh_shadow_bucket *b, unsigned long n)
{
	unsigned long i;

	for (i = 0; i < n; i++)
		b[i] = (struct vh_shadow_bucket){ .head = END };
}

static struct vh_shadow_bucket *buckets_alloc(unsigned int bits)
{
	struct vh_shadow_bucket *b = kvmalloc_array(1UL << bits, sizeof(*b), GFP_KERNEL_ACCOUNT);

	/* rebuild() empties them, unless there are few. */
	if (b && bits == BUCKET_BITS)
		buckets_empty(b, 1UL << bits);
	return b;
}

/**
 * vh_shadow_rmap_init - an empty reverse map
 * @sh: a new vCPU's
 *
 * Process context. -ENOMEM.
 */
int vh_shadow_rmap_init(struct vh_shadow *sh)
{
	sh->bucket_bits = BUCKET_BITS;
	sh->bucket = buckets_alloc(BUCKET_BITS);
	return sh->bucket ? 0 : -ENOMEM;
}

static void chain(struct vh_shadow_bucket *b, struct vh_shadow_page *p, unsigned int i)
{
	p->next[i] = b->head;
	b->head = code_of(p, i);
	b->n++;
}

/* The leaves of a part of the tables, from @p on; where to go on, or NULL at the end. */
static struct vh_shadow_page *list_part(struct vh_shadow *sh, struct vh_shadow_page *p)
{
	unsigned int n = 0, i;

	list_for_each_entry_from(p, &sh->tables, node) {
		if (n++ == SH_BATCH)
			return p;
		for (i = 0; i < SH_ENTRIES; i++) {
			if (!p->next[i])
				continue;
			chain(bucket_of(sh, sh_leaf_gfn(p, i)), p, i);
			sh->leaves++;
		}
	}
	return NULL;
}

/* False: all tables went meanwhile. */
static bool rebuild(struct vh_shadow *sh)
{
	struct vh_mmu *mmu = sh->vcpu->vm->mmu;
	struct vh_shadow_page *p;
	unsigned long gen, b, n;
	bool same;

	vh_mmu_lock(mmu);
	sh->unlisted = true;
	gen = sh->forgotten;
	vh_mmu_unlock(mmu);
	/* Nobody else looks at them now. */
	for (b = 0; b < 1UL << sh->bucket_bits; b += n) {
		n = min(1UL << sh->bucket_bits, EMPTY_PART);
		buckets_empty(sh->bucket + b, n);
		cond_resched();
	}
	sh->leaves = 0;
	p = list_first_entry(&sh->tables, struct vh_shadow_page, node);
	do {
		cond_resched();
		/* What others take out of the tables, with the lock held for writing, may stay in lists. */
		read_lock(&mmu->lock);
		same = sh->forgotten == gen;
		if (same)
			p = list_part(sh, p);
		read_unlock(&mmu->lock);
	} while (same && p);
	vh_mmu_lock(mmu);
	same = sh->forgotten == gen;
	if (same)
		sh->unlisted = false;
	vh_mmu_unlock(mmu);
	return same;
}

/**
 * vh_shadow_rmap_rebuild - the lists as the tables' leaves tell them
 * @sh: the vCPU's; tables that are gone are no longer in @sh->tables
 *
 * Own thread, process context, no lock held. In parts; whoever has to take leaves away meanwhile
 * takes all tables. What is dying by then is freed. Taking leaves out of their lists one by one would
 * take as long as the lists are for each.
 */
void vh_shadow_rmap_rebuild(struct vh_shadow *sh)
{
	while (!rebuild(sh))
		;
	vh_shadow_bury(sh);
}

/**
 * vh_shadow_rmap_grow - more buckets when their lists have become long
 * @sh: the vCPU's
 *
 * Own thread, process context, no lock held. -ENOMEM.
 */
int vh_shadow_rmap_grow(struct vh_shadow *sh)
{
	struct vh_mmu *mmu = sh->vcpu->vm->mmu;
	unsigned int bits = sh->bucket_bits + 2;
	struct vh_shadow_bucket *old, *new;

	if (likely(sh->leaves < (unsigned long)LOAD << sh->bucket_bits))
		return 0;
	new = buckets_alloc(bits);
	if (!new)
		return -ENOMEM;
	vh_mmu_lock(mmu);
	sh->unlisted = true;
	old = sh->bucket;
	sh->bucket = new;
	sh->bucket_bits = bits;
	vh_mmu_unlock(mmu);
	kvfree(old);
	vh_shadow_rmap_rebuild(sh);
	return 0;
}

/* All leaves of a list go, in the tables too. */
static noinline void forget_chain(struct vh_shadow *sh, struct vh_shadow_bucket *b)
{
	u32 code = b->head;

	while (code != END) {
		struct vh_shadow_page *p = page_of(sh, code);
		unsigned int i = index_of(code);

		WRITE_ONCE(p->spt[i], 0);
		code = p->next[i];
		p->next[i] = 0;
	}
	vh_tag_changed_own(VH_TAG_OF(sh->vcpu));
	sh->leaves -= b->n;
	*b = (struct vh_shadow_bucket){ .head = END };
	/* Nobody will find that the hardware has them still. */
	vh_request(sh->vcpu, VH_REQ_TLB_FLUSH_GUEST);
}

/**
 * vh_shadow_rmap_add - a leaf that is about to map its gfn
 * @sh: the vCPU's
 * @p: its table; what sh_leaf_gfn() looks at is set
 * @i: its index; in no list
 *
 * Own thread, mmu.lock held for reading. It may be gone at once, with others: then it faults
 * again, and is the first of its list.
 */
void vh_shadow_rmap_add(struct vh_shadow *sh, struct vh_shadow_page *p, unsigned int i)
{
	struct vh_shadow_bucket *b = bucket_of(sh, sh_leaf_gfn(p, i));

	chain(b, p, i);
	sh->leaves++;
	if (SH_LEVEL(p->key.role) > 1)
		sh->large_leaves++;
	if (unlikely(b->n > CHAIN_MAX))
		forget_chain(sh, b);
}

/**
 * vh_shadow_rmap_del - a leaf that no longer maps its gfn
 * @sh: the vCPU's
 * @p: its table; what sh_leaf_gfn() looks at is as it was
 * @i: its index; in a list
 *
 * Own thread with mmu.lock held for reading, or mmu.lock held for writing.
 */
void vh_shadow_rmap_del(struct vh_shadow *sh, struct vh_shadow_page *p, unsigned int i)
{
	struct vh_shadow_bucket *b = bucket_of(sh, sh_leaf_gfn(p, i));
	u32 *at = &b->head, code = code_of(p, i);

	while (*at != code) {
		if (WARN_ON_ONCE(*at == END))
			return;
		at = &page_of(sh, *at)->next[index_of(*at)];
	}
	*at = p->next[i];
	p->next[i] = 0;
	b->n--;
	sh->leaves--;
}

/* What is done to each leaf that maps some of a range. True when it changed something. */
typedef bool (*leaf_fn)(struct vh_shadow_page *p, unsigned int i, u64 e);

static bool leaf_zap(struct vh_shadow_page *p, unsigned int i, u64 e)
{
	WRITE_ONCE(p->spt[i], 0);
	vh_tag_changed(VH_TAG_OF(p->sh->vcpu));
	return true;
}

/* Small leaves become read-only; large ones go, to come back small. */
static bool leaf_protect(struct vh_shadow_page *p, unsigned int i, u64 e)
{
	if (SH_LEVEL(p->key.role) > 1)
		return leaf_zap(p, i, e);
	if (!(e & SH_PTE_WRITE))
		return false;
	/* The own thread may be removing it: no bit may come back. */
	clear_bit(1, (unsigned long *)&p->spt[i]);
	vh_tag_changed(VH_TAG_OF(p->sh->vcpu));
	return true;
}

static bool leaf_young(struct vh_shadow_page *p, unsigned int i, u64 e)
{
	return e & SH_PTE_ACCESSED;
}

static bool leaf_age(struct vh_shadow_page *p, unsigned int i, u64 e)
{
	if (!(e & SH_PTE_ACCESSED))
		return false;
	clear_bit(5, (unsigned long *)&p->spt[i]);
	return true;
}

static bool one_leaf(struct vh_shadow_page *p, unsigned int i, leaf_fn fn)
{
	u64 e = READ_ONCE(p->spt[i]);

	/* Where the list is older than the entry, a link may be there now. */
	if (!(e & SH_PTE_PRESENT) || !sh_leaf(e, SH_LEVEL(p->key.role)))
		return false;
	return fn(p, i, e);
}

/* Leaves of @level that begin at @gfn. */
static bool bucket_apply(struct vh_shadow *sh, gfn_t gfn, int level, leaf_fn fn)
{
	u32 code = bucket_of(sh, gfn)->head;
	bool any = false;

	while (code != END) {
		struct vh_shadow_page *p = page_of(sh, code);
		unsigned int i = index_of(code);

		if (SH_LEVEL(p->key.role) == level && sh_leaf_gfn(p, i) == gfn)
			any |= one_leaf(p, i, fn);
		code = p->next[i];
	}
	return any;
}

/* A table's leaves that map some of [start, end). */
static bool table_apply(struct vh_shadow_page *p, gfn_t start, gfn_t end, leaf_fn fn)
{
	bool any = false;
	unsigned int i;

	for (i = 0; i < SH_ENTRIES; i++) {
		gfn_t first, n;

		/* A root may have no level of leaves at all. */
		if (!p->next[i])
			continue;
		n = 1ULL << (9 * (SH_LEVEL(p->key.role) - 1));
		first = sh_leaf_gfn(p, i);
		if (first < end && first + n > start)
			any |= one_leaf(p, i, fn);
	}
	return any;
}

/* All leaves of a vCPU, where that is less work than all gfns of the range. True: z->pos is next. */
static bool scan_apply(struct vh_shadow *sh, struct vh_zap *z, leaf_fn fn)
{
	struct vh_shadow_page *p;
	unsigned long id;

	xa_for_each_start(&sh->pages, id, p, z->pos) {
		if (z->budget <= 0) {
			z->pos = id;
			return true;
		}
		z->budget -= SCAN_COST;
		z->flush |= table_apply(p, z->start, z->end, fn);
	}
	return false;
}

static bool range_apply(struct vh_shadow *sh, struct vh_zap *z, leaf_fn fn)
{
	gfn_t gfn;
	int level;

	for (gfn = z->start + z->pos; gfn < z->end; gfn++) {
		if (z->budget-- <= 0) {
			z->pos = gfn - z->start;
			return true;
		}
		z->flush |= bucket_apply(sh, gfn, 1, fn);
	}
	for (level = 2; sh->large_leaves && level <= 3; level++) {
		gfn_t n = 1ULL << (9 * (level - 1));

		for (gfn = z->start & ~(n - 1); gfn < z->end; gfn += n)
			z->flush |= bucket_apply(sh, gfn, level, fn);
	}
	return false;
}

/*
 * To the leaves of each vCPU in turn. True when the budget ran out: the caller
 * has made sure that no leaf of the range comes where it has been.
 */
static bool apply(struct vh_mmu *mmu, struct vh_zap *z, leaf_fn fn)
{
	struct vh_shadow *sh;

	list_for_each_entry(sh, &mmu->shadows, node) {
		if (sh->unlisted && sh->nr_pages) {
			/* The own thread makes the lists anew, and looks at nothing without the lock. */
			vh_shadow_detach(sh);
			vh_request(sh->vcpu, VH_REQ_MMU);
			z->flush = true;
		}
		if (sh->vcpu->idx < z->vcpu || sh->unlisted || !sh->leaves)
			continue;
		if (sh->vcpu->idx > z->vcpu) {
			z->vcpu = sh->vcpu->idx;
			z->pos = 0;
		}
		if (!z->pos)
			z->scan = z->end - z->start > sh->nr_pages * SCAN_COST;
		if (z->scan ? scan_apply(sh, z, fn) : range_apply(sh, z, fn))
			return true;
	}
	return false;
}

static bool shadow_zap(struct vh_mmu *mmu, struct vh_zap *z)
{
	return apply(mmu, z, leaf_zap);
}

static bool shadow_protect(struct vh_mmu *mmu, struct vh_zap *z)
{
	return apply(mmu, z, leaf_protect);
}

/* The host asks for a page, or a large one. Where it would take long it is told that it was used. */
static bool shadow_young(struct vh_mmu *mmu, gfn_t start, gfn_t end, bool clear)
{
	struct vh_zap z = { .start = start, .end = end, .budget = VH_ZAP_BATCH };
	const struct vh_shadow *sh;

	list_for_each_entry(sh, &mmu->shadows, node)
		if (sh->unlisted && sh->nr_pages)
			return true;
	return apply(mmu, &z, clear ? leaf_age : leaf_young) || z.flush;
}

const struct vh_mmu_ops vh_shadow_ops = {
	.zap = shadow_zap,
	.protect = shadow_protect,
	.young = shadow_young,
	.reclaim = vh_shadow_reclaim,
};
