// SPDX-License-Identifier: GPL-2.0-only
/*
 * shadow_flush.c - invalidation as the guest asks for it (SDM Vol. 3, 4.10.4).
 *
 * Flushing means comparing: an entry that still is what a walk of the guest's
 * tables gives is one that the processor could have cached again by now.
 */
#include <linux/uaccess.h>
#include <asm/processor-flags.h>

#include "shadow.h"

#define G_DIRTY		BIT_ULL(6)
/* Bits that software may use, and that no translation depends on. */
#define G_IGNORED	GENMASK_ULL(11, 9)
#define G_IGNORED_LONG	(GENMASK_ULL(58, 52) | G_IGNORED)

/* The guest's table in the VMM's memory; 0: it is not in a memslot. */
static noinline unsigned long find_hva(struct vh_vm *vm, struct vh_shadow_page *p,
				       unsigned long gen)
{
	const struct vh_slot *slot;
	int idx;

	idx = vh_slots_enter(vm);
	slot = vh_slot_find(vh_slots(vm), p->key.gfn);
	p->hva = slot ? vh_slot_hva(slot, p->key.gfn) : 0;
	p->slots_gen = gen;
	vh_slots_leave(vm, idx);
	return p->hva;
}

static inline unsigned long table_hva(struct vh_vm *vm, struct vh_shadow_page *p)
{
	unsigned long gen = smp_load_acquire(&vm->mmu->slots_gen);

	return likely(p->slots_gen == gen) ? p->hva : find_hva(vm, p, gen);
}

static noinline void drop_entries(struct vh_shadow_page *p, unsigned int n, unsigned long which)
{
	unsigned long w;

	for (w = which; w; w &= w - 1)
		WRITE_ONCE(p->spt[n * BITS_PER_LONG + __ffs(w)], 0);
	p->filled[n] &= ~which;
	p->local[n] &= ~which;
}

/*
 * Compare the entries in @map, which is the page's @filled or @local, with the
 * guest's. What cannot be read, or not without sleeping, differs.
 */
static __always_inline void compare_as(struct vh_vm *vm, struct vh_shadow_page *p,
				       unsigned long *map, const bool is_32, const u64 ignored)
{
	const u64 *was = p->gpte;
	/* By pointer: a bounds check would be a call with user access on. */
	unsigned long *filled = p->filled, *local = p->local;
	unsigned long hva = table_hva(vm, p), m, w;
	void __user *base = (void __user *)(hva + p->offset);
	unsigned int i, n;
	u64 now, diff;
	u32 now32;

	if (!hva)
		goto all;
	pagefault_disable();
	if (!user_read_access_begin(base, PAGE_SIZE - p->offset))
		goto enable;
	for (m = p->words; m; m &= m - 1) {
		unsigned long gone = 0;

		n = __ffs(m);
		for (w = map[n]; w; w &= w - 1) {
			i = n * BITS_PER_LONG + __ffs(w);
			if (is_32) {
				unsafe_get_user(now32, (u32 __user *)(base + sh_guest_offset(p, i)),
						fault);
				now = now32;
			} else {
				unsafe_get_user(now, (u64 __user *)base + i, fault);
			}
			diff = (now ^ was[i]) & ~ignored;
			/* Dirty by now: the next write will see it. */
			if (likely(!diff) || (diff == G_DIRTY && (now & G_DIRTY)))
				continue;
			WRITE_ONCE(p->spt[i], 0);
			gone |= BIT(i % BITS_PER_LONG);
		}
		if (gone) {
			filled[n] &= ~gone;
			local[n] &= ~gone;
		}
	}
	user_read_access_end();
	pagefault_enable();
	return;
fault:
	user_read_access_end();
enable:
	pagefault_enable();
all:
	for (m = p->words; m; m &= m - 1)
		drop_entries(p, __ffs(m), map[__ffs(m)]);
}

static __always_inline void compare_entries(struct vh_vm *vm, struct vh_shadow_page *p, unsigned long *map)
{
	switch (SH_MODE(p->key.role)) {
	case SH_LONG:
		compare_as(vm, p, map, false, G_IGNORED_LONG);
		break;
	case SH_PAE:
		compare_as(vm, p, map, false, G_IGNORED);
		break;
	default:
		compare_as(vm, p, map, true, G_IGNORED);
	}
}

static void compare_all(struct vh_shadow *sh, struct vh_shadow_page *p, bool all);
static bool compare_some(struct vh_shadow *sh, struct vh_shadow_page *p, bool all);

/*
 * A table, and those below it that are not done in this pass. False: the batch
 * is over (@limited). The variant without limit is shorter, for few tables.
 */
static __always_inline bool compare(struct vh_shadow *sh, struct vh_shadow_page *p, bool all,
				    const bool limited)
{
	int level = SH_LEVEL(p->key.role);
	unsigned long m, w, any = 0;

	if (!limited)
		p->pass = sh->pass;
	if (p->gpte)
		compare_entries(sh->vcpu->vm, p, all ? p->filled : p->local);
	for (m = p->words; m; m &= m - 1) {
		unsigned int n = __ffs(m);
		unsigned long gone = 0, global = 0;

		if (level == 1) {
			any |= p->local[n];
			continue;
		}

		for (w = all ? p->filled[n] : p->local[n]; w; w &= w - 1) {
			u64 e = READ_ONCE(p->spt[n * BITS_PER_LONG + __ffs(w)]);

			if (!(e & SH_PTE_PRESENT)) {
				gone |= w & -w;
			} else if (!sh_leaf(e, level)) {
				struct vh_shadow_page *child = sh_child(e);

				if (child->pass != sh->pass && !(child->key.role & SH_DIRECT)) {
					if (!limited)
						compare_all(sh, child, all);
					else if (!sh->budget || !compare_some(sh, child, all))
						return false;
				}
				if (!child->is_local)
					global |= w & -w;
			}
		}
		p->filled[n] &= ~gone;
		p->local[n] &= ~(gone | global);
		any |= p->local[n];
		if (!p->filled[n])
			p->words &= ~BIT(n);
	}
	p->is_local = any;
	if (limited) {
		p->pass = sh->pass;
		sh->budget -= !!sh->budget;
	}
	return true;
}

static void compare_all(struct vh_shadow *sh, struct vh_shadow_page *p, bool all)
{
	compare(sh, p, all, false);
}

static bool compare_some(struct vh_shadow *sh, struct vh_shadow_page *p, bool all)
{
	return compare(sh, p, all, true);
}

/**
 * vh_shadow_compare - drop the entries under a table that the guest has changed
 * @sh: the vCPU's
 * @p: the table
 * @all: also global translations, and what leads only to them
 *
 * Own thread, with mmu.lock held for reading or in the window. The hardware's
 * TLB is to be flushed afterwards. At most SH_BATCH at once: false when there
 * is more to do, and @p must not be used before. The next call goes on where this
 * one has stopped, as long as sh->unfinished stays @p: set it to NULL before the
 * guest runs again.
 */
bool vh_shadow_compare(struct vh_shadow *sh, struct vh_shadow_page *p, bool all)
{
	bool done;

	if (p->key.role & SH_DIRECT)
		return true;
	if (sh->nr_pages < SH_BATCH) {
		sh->pass++;
		compare_all(sh, p, all);
		return true;
	}
	if (likely(sh->unfinished != p || sh->unfinished_all != all))
		sh->pass++;
	sh->budget = SH_BATCH;
	done = compare_some(sh, p, all);
	sh->unfinished = done ? NULL : p;
	sh->unfinished_all = all;
	return done;
}

/**
 * vh_shadow_flush - which roots have to be compared before they are used
 * @sh: the vCPU's
 * @what: VH_FLUSH_*
 * @pcid: for VH_FLUSH_PCID
 *
 * Own thread. The current root is not compared at once: vh_shadow_load() or
 * vh_shadow_switch() does that.
 */
void vh_shadow_flush(struct vh_shadow *sh, enum vh_flush what, u16 pcid)
{
	/* What was made as global may be here still, but is so no longer. */
	const u8 local = sh->vcpu->s.cr4 & X86_CR4_PGE ? SH_STALE_LOCAL : SH_STALE_ALL;
	unsigned int i;

	for (i = 0; i < sh->nr_roots; i++) {
		struct vh_shadow_root *r = &sh->roots[i];

		if (what == VH_FLUSH_ALL)
			r->stale = SH_STALE_ALL;
		else if (what == VH_FLUSH_LOCAL || r->pcid == pcid)
			r->stale |= local;
	}
}

/* Drop what translates @va under a root. */
static void drop_va(struct vh_shadow_page *p, u64 va)
{
	for (;;) {
		int level = SH_LEVEL(p->key.role);
		unsigned int i = sh_index(va, level);
		u64 e = READ_ONCE(p->spt[i]);
		bool pse = SH_MODE(p->key.role) == SH_32 && level == 2;
		struct vh_shadow_page *child;

		if (level > 1 && (e & SH_PTE_PRESENT) && !sh_leaf(e, level)) {
			child = sh_child(e);
			if (!(child->key.role & SH_DIRECT)) {
				p = child;
				continue;
			}
		} else if (!(e & SH_PTE_PRESENT) && !pse) {
			return;
		}
		/* A leaf, or the pieces of a large page; 4 MiB have two entries. */
		if (p->gpte) {
			vh_tag_changed_own(VH_TAG_OF(p->sh->vcpu));
			WRITE_ONCE(p->spt[i], 0);
			if (pse && (p->gpte[i ^ 1] & SH_PTE_LARGE))
				WRITE_ONCE(p->spt[i ^ 1], 0);
		}
		return;
	}
}

/**
 * vh_shadow_invlpg - INVLPG, INVPCID of one address
 * @vcpu: the vCPU
 * @va: linear address
 *
 * Own thread, in the window or with mmu.lock held for reading. The hardware's
 * TLB is to be flushed for the address, its paging-structure caches too.
 */
void vh_shadow_invlpg(struct vh_vcpu *vcpu, u64 va)
{
	struct vh_shadow *sh = vcpu->shadow;
	unsigned int i;

	for (i = 0; i < sh->nr_roots; i++) {
		struct vh_shadow_root *r = &sh->roots[i];

		if (!r->page || (r->role & SH_DIRECT))
			continue;
		drop_va(r->page, SH_MODE(r->role) == SH_LONG ? va : (u32)va);
	}
	/*
	 * What it caches of the upper levels goes as well (SDM 4.10.4.1). Links
	 * count only where a walk has just confirmed them, but a root that is
	 * left and taken up again would see what others filled in meanwhile.
	 */
	if (sh->cur)
		sh->cur->stale |= SH_STALE_LOCAL;
}
