// SPDX-License-Identifier: GPL-2.0-only
/*
 * ept.c - extended page tables (SDM Vol. 3, 29.3).
 *
 * Four levels, leaves of 4 KiB, 2 MiB and 1 GiB. Locking: mappers hold
 * mmu->lock for reading and install entries with cmpxchg; whoever removes or
 * restricts entries holds it for writing, and flushes before unlocking. The
 * processor sets accessed and dirty bits at any time, so entries change only
 * by atomic operations.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <asm/vmx.h>

#include "slots.h"
#include "ept.h"

struct vh_ept_caps vh_ept_caps __ro_after_init;
atomic_long_t vh_ept_splits = ATOMIC_LONG_INIT(0);

/**
 * vh_ept_init - an empty table
 * @mmu: of a new VM; or slots_lock held
 * @space: of which address space
 *
 * Process context. -ENOMEM.
 */
int vh_ept_init(struct vh_mmu *mmu, unsigned int space)
{
	struct vh_ept *ept = &mmu->ept[space];
	u64 *root = vh_table_alloc(mmu->vm);

	if (!root)
		return -ENOMEM;
	VH_TAG_NEW(ept, VH_TAG_EPT, __pa(root) >> PAGE_SHIFT);
	vh_mmu_lock(mmu);
	ept->root = root;
	vh_mmu_unlock(mmu);
	WRITE_ONCE(ept->eptp, __pa(root) | VMX_EPTP_MT_WB | VMX_EPTP_PWL_4 | (mmu->ad ? VMX_EPTP_AD_ENABLE_BIT : 0));
	return 0;
}

/**
 * vh_ept_free_tables - free unlinked tables
 * @vm: the VM
 * @tables: as vh_ept_zap() collected them; no processor uses them any more
 */
void vh_ept_free_tables(struct vh_vm *vm, struct list_head *tables)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, tables, lru) {
		list_del(&page->lru);
		/* A flush is of both. */
		vh_tag_frees(VH_TAG_OF(&vm->mmu->ept[0]), page_address(page));
		vh_tag_frees(VH_TAG_OF(&vm->mmu->ept[1]), page_address(page));
		set_page_private(page, 0);
		vh_table_free(vm, page_address(page));
	}
}

/* What the guest did to a page becomes the host page's state. */
static void leaf_gone(const struct vh_mmu *mmu, u64 e, int level)
{
	unsigned long pfn = ept_pfn(e), n = 1UL << ept_shift(level), i;
	bool dirty = mmu->ad ? e & VMX_EPT_DIRTY_BIT : e & VMX_EPT_WRITABLE_MASK;
	struct page *page;

	if (e & (EPT_NO_PAGE | EPT_DEVICE))
		return;
	page = pfn_to_page(pfn);
	/* The host maps it by one entry as well: its head stands for all. */
	if (level > 1 && PageCompound(page))
		n = 1;
	for (i = 0; i < n; i++, page++) {
		if (dirty)
			SetPageDirty(page);
		if (!mmu->ad || (e & VMX_EPT_ACCESS_BIT))
			mark_page_accessed(page);
	}
}

static bool table_empty(const u64 *table)
{
	int i;

	for (i = 0; i < EPT_ENTRIES; i++)
		if (table[i])
			return false;
	return true;
}

/* True when z->budget ran out; z->start is where to go on. */
static bool zap_table(struct vh_mmu *mmu, u64 *table, int level, gfn_t base, struct vh_zap *z)
{
	gfn_t span = 1ULL << ept_shift(level);
	unsigned int i = z->start > base ? (z->start - base) >> ept_shift(level) : 0;

	for (; i < EPT_ENTRIES; i++) {
		gfn_t first = base + i * span;
		u64 e;

		if (first >= z->end)
			break;
		e = READ_ONCE(table[i]);
		if (!(e & VMX_EPT_RWX_MASK))
			continue;
		if (ept_leaf(e, level)) {
			e = xchg(&table[i], 0);
			vh_tag_changed(VH_TAG_OF(vh_ept_at(mmu, first)));
			leaf_gone(mmu, e, level);
			z->flush = true;
			z->budget--;
			continue;
		}
		if (z->budget <= 0) {
			z->start = max(z->start, first);
			return true;
		}
		if (zap_table(mmu, ept_table(e), level - 1, first, z))
			return true;
		if ((first >= z->start && first + span <= z->end) || table_empty(ept_table(e))) {
			WRITE_ONCE(table[i], 0);
			vh_tag_changed(VH_TAG_OF(vh_ept_at(mmu, first)));
			vh_tag_took(VH_TAG_OF(vh_ept_at(mmu, first)), ept_table(e));
			list_add(&virt_to_page(ept_table(e))->lru, &z->tables);
			z->flush = true;
		}
	}
	return false;
}

/**
 * vh_ept_zap - remove mappings
 * @mmu: of the VM; lock held for writing
 * @z: the range, and how much to do at once
 *
 * A large leaf that overlaps the range goes as a whole. When z->flush is set,
 * flush before the lock is dropped, and then free z->tables. Returns true when
 * the budget ran out: z->start says where to go on.
 */
bool vh_ept_zap(struct vh_mmu *mmu, struct vh_zap *z)
{
	unsigned int i;

	for (i = 0; i < VH_SPACES && mmu->ept[i].root; i++) {
		gfn_t base = i * VH_SPACE_GFN;

		if (z->start < base + VH_ALL_GFNS && z->end > base &&
		    zap_table(mmu, mmu->ept[i].root, EPT_LEVELS, base, z))
			return true;
	}
	return false;
}

typedef bool (*leaf_fn)(const struct vh_mmu *mmu, u64 *entry, u64 e, int level);

/* Apply @fn to each leaf entry in the range. */
static bool for_each_leaf(const struct vh_mmu *mmu, u64 *table, int level, gfn_t base,
			  gfn_t start, gfn_t end, leaf_fn fn)
{
	gfn_t span = 1ULL << ept_shift(level);
	unsigned int i = start > base ? (start - base) >> ept_shift(level) : 0;
	bool result = false;

	for (; i < EPT_ENTRIES && base + i * span < end; i++) {
		u64 e = READ_ONCE(table[i]);

		if (!(e & VMX_EPT_RWX_MASK))
			continue;
		if (ept_leaf(e, level))
			result |= fn(mmu, &table[i], e, level);
		else
			result |= for_each_leaf(mmu, ept_table(e), level - 1, base + i * span,
						start, end, fn);
	}
	return result;
}

/* Small leaves lose the write permission; large ones go, to come back small. */
static bool protect_leaf(const struct vh_mmu *mmu, u64 *entry, u64 e, int level)
{
	if (level > 1) {
		leaf_gone(mmu, xchg(entry, 0), level);
		return true;
	}
	if (!(e & VMX_EPT_WRITABLE_MASK))
		return false;
	for (;;) {
		u64 old = cmpxchg64(entry, e, e & ~(VMX_EPT_WRITABLE_MASK | VMX_EPT_DIRTY_BIT));

		if (old == e)
			break;
		e = old;
	}
	if (!mmu->ad || (e & VMX_EPT_DIRTY_BIT))
		if (!(e & (EPT_NO_PAGE | EPT_DEVICE)))
			SetPageDirty(pfn_to_page(ept_pfn(e)));
	return true;
}

/* Of a range in one address space. */
static bool range_leaves(struct vh_mmu *mmu, gfn_t start, gfn_t end, leaf_fn fn)
{
	u64 *root = vh_ept_at(mmu, start)->root;

	return root && for_each_leaf(mmu, root, EPT_LEVELS, start & VH_SPACE_GFN, start, end, fn);
}

/* As many pages at once as a part has leaves. */
static bool one_part(struct vh_mmu *mmu, struct vh_zap *z, leaf_fn fn)
{
	gfn_t end = min_t(gfn_t, z->end, z->start + z->budget);

	if (range_leaves(mmu, z->start, end, fn)) {
		vh_tag_changed(VH_TAG_OF(vh_ept_at(mmu, z->start)));
		z->flush = true;
	}
	z->start = end;
	return end < z->end;
}

/* Take write permission away, for dirty logging. */
static bool ept_protect(struct vh_mmu *mmu, struct vh_zap *z)
{
	return one_part(mmu, z, protect_leaf);
}

/* Small leaves stay writable, and PML logs that they become dirty again. */
static bool clean_leaf(const struct vh_mmu *mmu, u64 *entry, u64 e, int level)
{
	if (level > 1)
		return protect_leaf(mmu, entry, e, level);
	if (!(e & VMX_EPT_DIRTY_BIT) || (e & EPT_NO_PAGE))
		return false;
	clear_bit(9, (unsigned long *)entry);
	if (!(e & EPT_DEVICE))
		SetPageDirty(pfn_to_page(ept_pfn(e)));
	return true;
}

static bool ept_clean(struct vh_mmu *mmu, struct vh_zap *z)
{
	return one_part(mmu, z, clean_leaf);
}

static bool leaf_young(const struct vh_mmu *mmu, u64 *entry, u64 e, int level)
{
	return e & VMX_EPT_ACCESS_BIT;
}

static bool leaf_age(const struct vh_mmu *mmu, u64 *entry, u64 e, int level)
{
	if (!(e & VMX_EPT_ACCESS_BIT))
		return false;
	clear_bit(8, (unsigned long *)entry);
	return true;
}

/* Were pages used? */
static bool ept_young(struct vh_mmu *mmu, gfn_t start, gfn_t end, bool clear)
{
	return range_leaves(mmu, start, end, clear ? leaf_age : leaf_young);
}

/**
 * vh_ept_map - install a leaf
 * @mmu: of the VM; lock held for reading
 * @gfn: guest frame number
 * @entry: the leaf, without the large bit
 * @level: of the leaf
 * @cache: tables to be linked in; taken from the end
 *
 * Returns 0, -EAGAIN when another mapper won and the caller should look again,
 * -EEXIST when something else is mapped there (zap it first: all that a leaf
 * of @level covers), -ENOMEM when the cache is empty, -E2BIG when no leaf of
 * this size may be there (EPT_SPLIT). @entry with EPT_SPLIT: nor from now on.
 */
int vh_ept_map(struct vh_mmu *mmu, gfn_t gfn, u64 entry, int level, struct vh_table_cache *cache)
{
	u64 split = entry & EPT_SPLIT;
	u64 *table = vh_ept_at(mmu, gfn)->root, *at, e, new;
	int l;

	entry &= ~EPT_SPLIT;
	for (l = EPT_LEVELS; l > level; l--) {
		at = &table[ept_index(gfn, l)];
		e = READ_ONCE(*at);
		if (!(e & VMX_EPT_RWX_MASK)) {
			u64 *fresh;

			if (!cache->n)
				return -ENOMEM;
			fresh = cache->table[cache->n - 1];
			new = __pa(fresh) | VMX_EPT_RWX_MASK | split;
			if (cmpxchg64(at, e, new) != e)
				return -EAGAIN;
			cache->n--;
			e = new;
		} else if (ept_leaf(e, l)) {
			/* A large page covers it already. */
			return entry & ~e & VMX_EPT_RWX_MASK ? -EEXIST : 0;
		} else if (split & ~e) {
			if (cmpxchg64(at, e, e | split) != e)
				return -EAGAIN;
		}
		table = ept_table(e);
	}
	at = &table[ept_index(gfn, level)];
	e = READ_ONCE(*at);
	if (level > 1)
		entry |= EPT_LARGE;
	if (e & VMX_EPT_RWX_MASK) {
		if (!ept_leaf(e, level))
			return e & EPT_SPLIT ? -E2BIG : -EEXIST;
		if (ept_pfn(e) != ept_pfn(entry))
			return -EEXIST;
		if ((e & entry & VMX_EPT_RWX_MASK) == (entry & VMX_EPT_RWX_MASK))
			return 0;
		entry |= e & (VMX_EPT_RWX_MASK | VMX_EPT_ACCESS_BIT | VMX_EPT_DIRTY_BIT);
	}
	return cmpxchg64(at, e, entry) == e ? 0 : -EAGAIN;
}

/* Without accessed bits a page that is mapped counts as used. */
const struct vh_mmu_ops vh_ept_ops = {
	.zap = vh_ept_zap, .protect = ept_protect, .young = ept_young, .reclaim = vh_ept_reclaim,
};
const struct vh_mmu_ops vh_ept_pml_ops = {
	.zap = vh_ept_zap, .protect = ept_clean, .young = ept_young, .reclaim = vh_ept_reclaim,
};
const struct vh_mmu_ops vh_ept_noad_ops = {
	.zap = vh_ept_zap, .protect = ept_protect, .reclaim = vh_ept_reclaim,
};
