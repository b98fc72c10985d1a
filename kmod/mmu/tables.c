// SPDX-License-Identifier: GPL-2.0-only
/*
 * tables.c - pages for page tables: charged to the VM's group, taken back when cold.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "../acct/acct.h"
#include "../ctl/registry.h"
#include "slots.h"
#include "ept.h"

/* Below this many a VM's tables are left to it: one instruction may need as many. */
#define TABLES_FLOOR	16

/**
 * vh_table_alloc - a zeroed page for a page table
 * @vm: the VM it is for
 *
 * Process context, no lock held but the VM's mutexes; may take page tables
 * from VMs of the group that is at its limit. Returns NULL when there is no
 * memory, or the limit holds and nothing can be taken back.
 */
void *vh_table_alloc(struct vh_vm *vm)
{
	void *table;

	if (vh_record_charge_tables(vm, PAGE_SIZE))
		return NULL;
	table = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!table) {
		vh_record_uncharge_tables(vm, PAGE_SIZE);
		return NULL;
	}
	atomic_long_inc(&vm->tables);
	return table;
}

/**
 * vh_table_free - give a page of vh_table_alloc() back
 * @vm: the VM it was for
 * @table: the page; no processor uses it any more
 */
void vh_table_free(struct vh_vm *vm, void *table)
{
	free_page((unsigned long)table);
	atomic_long_dec(&vm->tables);
	vh_record_uncharge_tables(vm, PAGE_SIZE);
}

struct hand {
	struct vh_zap z;
	gfn_t from;			/* moves on */
	unsigned long want, got;
	long budget;			/* entries still to be looked at, leaves of tables that go included */
	bool force;
};

/*
 * The clock's hand goes on: tables of leaves that no processor has used since its
 * last visit are zapped; @force: also used ones. True when there is enough, or the
 * budget is used up. mmu.lock held for writing.
 */
static bool sweep(struct vh_vm *vm, u64 *table, int level, gfn_t base, struct hand *h)
{
	gfn_t span = 1ULL << ept_shift(level);
	unsigned int i = h->from > base ? (h->from - base) >> ept_shift(level) : 0;

	for (; i < EPT_ENTRIES; i++) {
		gfn_t first = base + i * span;
		u64 e = READ_ONCE(table[i]);

		h->from = max(h->from, first);
		if (h->got >= h->want || h->budget-- <= 0)
			return true;
		if (!(e & VMX_EPT_RWX_MASK) || ept_leaf(e, level))
			continue;
		if (level > 2) {
			if (sweep(vm, ept_table(e), level - 1, first, h))
				return true;
			continue;
		}
		if (!h->force && vm->mmu->ad && (e & VMX_EPT_ACCESS_BIT)) {
			clear_bit(8, (unsigned long *)&table[i]);
			continue;
		}
		h->z.start = first;
		h->z.end = first + span;
		h->z.budget = VH_ZAP_BATCH;
		vh_ept_zap(vm->mmu, &h->z);
		h->budget -= EPT_ENTRIES;
		h->got++;
	}
	return false;
}

/**
 * vh_ept_reclaim - vh_mmu_reclaim() of an EPT
 * @vm: the VM
 * @want: how many pages
 * @force: also tables in use
 * @more: set when the hand is not at the end
 */
unsigned long vh_ept_reclaim(struct vh_vm *vm, unsigned long want, bool force, bool *more)
{
	struct vh_mmu *mmu = vm->mmu;
	struct hand h = { .want = want, .force = force, .budget = VH_ZAP_BATCH };
	unsigned int i;

	INIT_LIST_HEAD(&h.z.tables);
	vh_mmu_lock(mmu);
	h.from = mmu->hand;
	*more = false;
	for (i = 0; i < VH_SPACES && mmu->ept[i].root && !*more; i++)
		if (h.from < i * VH_SPACE_GFN + VH_ALL_GFNS)
			*more = sweep(vm, mmu->ept[i].root, EPT_LEVELS, i * VH_SPACE_GFN, &h);
	mmu->hand = *more ? h.from : 0;
	if (h.z.flush)
		vh_vm_flush_tlb(vm);
	vh_mmu_unlock(mmu);
	vh_ept_free_tables(vm, &h.z.tables);
	return h.got;
}

/**
 * vh_mmu_reclaim - take cold page tables of a VM back, as many as in one go
 * @vm: the VM
 * @want: how many pages
 * @force: also tables in use, down to what a vCPU needs to make progress
 * @more: set when it has not been over all tables since it last began with the first
 *
 * Process context, interrupts on, mmu.lock not held. What was mapped by them
 * faults in again when it is used. Returns the number of pages freed.
 */
unsigned long vh_mmu_reclaim(struct vh_vm *vm, unsigned long want, bool force, bool *more)
{
	long spare = atomic_long_read(&vm->tables) - TABLES_FLOOR;
	unsigned long got;

	*more = false;
	if (spare <= 0)
		return 0;
	got = vh_mmu_ops->reclaim(vm, min_t(unsigned long, want, spare), force, more);
	atomic_long_add(got, &vm->reclaimed);
	return got;
}

/**
 * vh_mmu_reclaimable - how many page tables vh_mmu_reclaim() could free at most
 * @vm: the VM
 */
unsigned long vh_mmu_reclaimable(struct vh_vm *vm)
{
	return max(atomic_long_read(&vm->tables) - TABLES_FLOOR, 0L);
}
