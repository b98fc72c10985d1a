/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * shadow.h - the shadow of a guest's page tables, for processors without EPT.
 *
 * A software TLB (SDM Vol. 3, 4.10): it holds what a processor's own TLB might
 * hold, and no guest table is ever write-protected. Each vCPU has its tables
 * for itself. A table mirrors one guest table at one linear address, so a
 * change that the guest announces is looked for at one place:
 *
 *   MOV CR3, INVPCID, CR4  the entries are compared with what they were made
 *                          of, and those that differ go; the others stay
 *   INVLPG                 the one entry goes, in every root
 *   the memory goes away   the reverse map finds the leaves of a gfn
 *
 * Locking: mmu.lock for reading to add entries, done by the vCPU's own thread
 * only; for writing to remove them from outside, to change the reverse map
 * from outside, and to free tables. In the window the own thread removes
 * entries without the lock: an entry that two remove is removed.
 */
#ifndef VH_MMU_SHADOW_H
#define VH_MMU_SHADOW_H

#include <linux/hashtable.h>
#include <linux/mm.h>
#include <linux/xarray.h>

#include "slots.h"
#include "shadow_pte.h"

#define SH_ENTRIES	512
#define SH_ROOTS	16
#define SH_HASH_BITS	8
/* Tables of a vCPU: one for so many pages of memory, within bounds. */
#define SH_PAGES_MIN	256UL
#define SH_PAGES_MAX	16384UL
#define SH_PAGES_SHARE	64
/* Tables that are compared with interrupts off, or gone through without a chance to reschedule. */
#define SH_BATCH	64

/**
 * struct vh_shadow_key - what a table is the shadow of
 */
struct vh_shadow_key {
	u64 va;				/* linear address of entry 0 */
	gfn_t gfn;			/* of the guest table; direct: the first that is mapped; with VH_SPACE_GFN */
	u64 large;			/* direct: the guest's entry that maps it all */
	u32 role;			/* SH_* below */
};

/**
 * struct vh_shadow_page - one hardware table, and what it is the shadow of
 *
 * @key does not change. Entries: see the locking above; the
 * rest is the own thread's, @next is mmu.lock's as well.
 */
struct vh_shadow_page {
	struct vh_shadow *sh;		/* whose it is; const */
	u64 *spt;			/* the table; only 4 entries in the root of a PAE walk */
	u64 *gpte;			/* guest's entry behind each; NULL where there are none */
	struct vh_shadow_key key;
	u32 id;				/* in vh_shadow.pages */
	u16 offset;			/* of entry 0 in the guest's table, bytes */
	bool marked;			/* in use, while garbage is collected */
	unsigned int links;		/* how often it was linked in, at least */
	unsigned long slots_gen;	/* of @hva */
	unsigned long hva;		/* of the guest table; 0: none */
	u64 pass;			/* of the last comparison */
	struct hlist_node hash;
	struct list_head node;		/* sh->tables or sh->dying */
	struct list_head work;		/* marked, and what it leads to is not yet */
	u8 words;			/* of @filled that are not 0 */
	bool is_local;			/* some of @local is set */
	unsigned long filled[SH_ENTRIES / BITS_PER_LONG];	/* entries that may be present */
	unsigned long local[SH_ENTRIES / BITS_PER_LONG];	/* those that may lead to non-global ones */
	u32 next[SH_ENTRIES];		/* reverse map: next leaf of the bucket; 0: not in one */
};

/**
 * struct vh_shadow_root - what CR3 of the hardware can be; own thread
 */
struct vh_shadow_root {
	struct vh_shadow_page *page;	/* NULL: free */
	u64 cr3, pdptr[4];		/* cr3: what counts of it, with VH_SPACE */
	u32 role;
	u16 pcid;
	u8 stale;			/* SH_STALE_*: to be compared before it is used again */
	bool large;			/* comparing it takes more than one batch */
	u64 used;			/* when; least recently used goes first */
};

/**
 * struct vh_shadow_bucket - leaves of the gfns with one hash
 */
struct vh_shadow_bucket {
	u32 head;			/* shadow_rmap.c */
	u32 n;
};

#define SH_STALE_LOCAL	1
#define SH_STALE_ALL	3

/**
 * struct vh_shadow - the software TLB of a vCPU
 */
struct vh_shadow {
	struct vh_vcpu *vcpu;		/* const */
	struct list_head node;		/* vm->mmu->shadows; mmu.lock */
	struct vh_shadow_root roots[SH_ROOTS];	/* own thread; from outside with mmu.lock */
	struct vh_shadow_root *cur;	/* NULL: VH_REQ_MMU is pending; as roots */
	u64 *pdpt;			/* below 4 GiB: roots of PAE walks; const */
	struct vh_shadow_page *pdpt_page[SH_ROOTS];	/* own thread */
	DECLARE_HASHTABLE(hash, SH_HASH_BITS);	/* all tables; as roots */
	struct list_head tables;	/* the same */
	struct list_head dying;		/* tables that nothing leads to; mmu.lock for writing */
	unsigned long forgotten;	/* how often all tables went; as dying */
	s64 ticks;			/* vcpu->guest_tsc when reclaim last asked; as dying */
	struct xarray pages;		/* by id, dying ones too */
	unsigned long nr_pages;		/* as roots */
	u64 clock, pass;		/* own thread */
	/* A comparison that goes on in the next batch, if nothing else is compared; own thread. */
	struct vh_shadow_page *unfinished;
	bool unfinished_all;
	unsigned int budget;		/* tables that are left of the batch */
	unsigned int nr_roots;		/* how many of @roots were ever used; own thread */
	u64 spurious;			/* address of the last fault without reason; own thread */
	bool device;			/* the window found no memory behind the last fault; own thread */

	/* The reverse map, gfn to leaves; mmu.lock: own thread reading, others writing. */
	bool unlisted;			/* it is not valid: there is no root, or it is made anew */
	struct vh_shadow_bucket *bucket;
	unsigned int bucket_bits;
	unsigned long leaves;		/* in it */
	unsigned long large_leaves;	/* ever, of 2 MiB or more */

	/* For the next fault; own thread. */
	struct vh_shadow_page *spare[5];
	void *spare_table[10];
	unsigned int spares, spare_tables;
};

/* role: level of the table, kind of guest tables, rights that lead to it, what else counts */
#define SH_LEVEL(role)	((role) & 7)
#define SH_MODE(role)	((role) & SH_MODE_MASK)
#define SH_MODE_MASK	(3 << 3)
#define SH_NONE		(0 << 3)	/* the guest does not page */
#define SH_32		(1 << 3)
#define SH_PAE		(2 << 3)
#define SH_LONG		(3 << 3)
#define SH_DIRECT	BIT(5)		/* maps one stretch of guest-physical memory */
#define SH_WRITE	BIT(6)		/* what the entries above allow */
#define SH_USER		BIT(7)
#define SH_EXEC		BIT(8)
#define SH_RIGHTS	(SH_WRITE | SH_USER | SH_EXEC)
/* SH_WP0, SH_NXE, SH_PSE, SH_SMEP, SH_STRICT: shadow_pte.h */

static inline unsigned int sh_shift(int level)
{
	return PAGE_SHIFT + 9 * (level - 1);
}

static inline unsigned int sh_index(u64 va, int level)
{
	return (va >> sh_shift(level)) & (SH_ENTRIES - 1);
}

/* A present entry of a table at @level: does it map memory? */
static inline bool sh_leaf(u64 e, int level)
{
	return level == 1 || (e & SH_PTE_LARGE);
}

/* The table that an entry that is no leaf leads to. */
static inline struct vh_shadow_page *sh_child(u64 e)
{
	return (void *)page_private(pfn_to_page((e & SH_PTE_ADDR) >> PAGE_SHIFT));
}

static inline void sh_set(unsigned long *map, unsigned int i)
{
	map[i / BITS_PER_LONG] |= BIT(i % BITS_PER_LONG);
}

/* Entry @i may lead to translations that are not global. */
static inline void sh_set_local(struct vh_shadow_page *p, unsigned int i)
{
	sh_set(p->local, i);
	p->is_local = true;
}

/* Does an entry leave less than the one before it, or lead elsewhere (SDM 4.10.4.3)? */
static inline bool sh_restricts(u64 old, u64 e)
{
	return (old & SH_PTE_PRESENT) &&
	       (((old ^ e) & (SH_PTE_ADDR | SH_PTE_LARGE)) || (e & ~old & SH_PTE_NX) ||
		(old & ~e & (SH_PTE_PRESENT | SH_PTE_WRITE | SH_PTE_USER)));
}

static inline void sh_fill(struct vh_shadow_page *p, unsigned int i, u64 e)
{
	if (VH_TAG_OF(p->sh->vcpu) && sh_restricts(READ_ONCE(p->spt[i]), e))
		vh_tag_changed_own(VH_TAG_OF(p->sh->vcpu));
	WRITE_ONCE(p->spt[i], e);
	sh_set(p->filled, i);
	p->words |= BIT(i / BITS_PER_LONG);
}

static inline bool sh_has(const unsigned long *map, unsigned int i)
{
	return map[i / BITS_PER_LONG] & BIT(i % BITS_PER_LONG);
}

/* Offset of the guest's entry behind entry @i from that behind entry 0. */
static inline unsigned int sh_guest_offset(const struct vh_shadow_page *p, unsigned int i)
{
	if (SH_MODE(p->key.role) != SH_32)
		return i * 8;
	return SH_LEVEL(p->key.role) == 2 ? (i >> 1) * 4 : i * 4;
}

/* The first gfn that leaf @i maps, or did map when it was there. */
static inline gfn_t sh_leaf_gfn(const struct vh_shadow_page *p, unsigned int i)
{
	int level = SH_LEVEL(p->key.role);
	gfn_t space = p->key.gfn & VH_SPACE_GFN;
	u64 e;

	if (p->key.role & SH_DIRECT)
		return p->key.gfn + ((gfn_t)i << (9 * (level - 1)));
	e = p->gpte[i];
	if (SH_MODE(p->key.role) == SH_32 && level == 2)
		return space | ((e & 0xffc00000) | ((e >> 13) & 0xff) << 32) >> PAGE_SHIFT | (i & 1) << 9;
	return space | (e & SH_PTE_ADDR & ~((1ULL << sh_shift(level)) - 1)) >> PAGE_SHIFT;
}

static inline bool sh_same_key(const struct vh_shadow_key *a, const struct vh_shadow_key *b)
{
	return a->gfn == b->gfn && a->va == b->va && a->role == b->role && a->large == b->large;
}

/* shadow.c */
struct vh_shadow_page *vh_shadow_find(struct vh_shadow *sh, const struct vh_shadow_key *key);
struct vh_shadow_page *vh_shadow_new(struct vh_shadow *sh, const struct vh_shadow_key *key,
				     u64 *spt);
int vh_shadow_prepare(struct vh_shadow *sh);
void vh_shadow_page_free(struct vh_shadow_page *p);

/* shadow_garbage.c */
void vh_shadow_collect(struct vh_shadow *sh, unsigned int keep);
void vh_shadow_detach(struct vh_shadow *sh);
unsigned long vh_shadow_bury(struct vh_shadow *sh);

/* Has vh_shadow_prepare() nothing to do? */
static inline bool vh_shadow_ready(const struct vh_shadow *sh)
{
	return sh->spares == ARRAY_SIZE(sh->spare) &&
	       sh->spare_tables == ARRAY_SIZE(sh->spare_table) && sh->nr_pages < SH_PAGES_MIN;
}

/* shadow_flush.c */
void vh_shadow_flush(struct vh_shadow *sh, enum vh_flush what, u16 pcid);
bool vh_shadow_compare(struct vh_shadow *sh, struct vh_shadow_page *p, bool all);

/* shadow_rmap.c */
void vh_shadow_rmap_add(struct vh_shadow *sh, struct vh_shadow_page *p, unsigned int i);
void vh_shadow_rmap_del(struct vh_shadow *sh, struct vh_shadow_page *p, unsigned int i);
int vh_shadow_rmap_init(struct vh_shadow *sh);
int vh_shadow_rmap_grow(struct vh_shadow *sh);
void vh_shadow_rmap_rebuild(struct vh_shadow *sh);

#endif /* VH_MMU_SHADOW_H */
