/* SPDX-License-Identifier: GPL-2.0-only */
/* slots.h - memslots, for the files of mmu/ only. */
#ifndef VH_MMU_SLOTS_H
#define VH_MMU_SLOTS_H

#include <linux/srcu.h>

#include "../caps.h"
#include "../kick.h"
#include "mmu.h"

/**
 * struct vh_slot - guest-physical memory that is a range of the VMM's memory
 *
 * Constant once published, but for the bits of @dirty (atomic).
 */
struct vh_slot {
	gfn_t base;
	unsigned long npages;
	unsigned long hva;
	unsigned long *dirty;		/* one bit a page; NULL: not logged */
	u32 id, flags;
};

/**
 * struct vh_slots - all memslots of a VM, sorted by base, replaced as a whole
 */
struct vh_slots {
	unsigned int n;
	struct vh_slot s[];
};

extern struct srcu_struct vh_slots_srcu;

#define VH_ALL_GFNS	(1ULL << (48 - PAGE_SHIFT))	/* past the last one: 4-level EPT */
static_assert(VH_ALL_GFNS == VH_VM_MEMORY_MAX >> PAGE_SHIFT);	/* memslots do not overlap */
#define VH_APIC_GFN	(0xfee00000ULL >> PAGE_SHIFT)	/* see vh_mmu_create_apic_page() */

/* Readers hold vh_slots_srcu, slots_lock, or mmu.lock for writing. */
static inline const struct vh_slots *vh_slots(struct vh_vm *vm)
{
	return srcu_dereference_check(vm->mmu->slots, &vh_slots_srcu,
				      lockdep_is_held(&vm->mmu->slots_lock) ||
				      lockdep_is_held_type(&vm->mmu->lock, 0));
}

const struct vh_slot *vh_slot_find(const struct vh_slots *slots, gfn_t gfn);

/* Is @gfn in the memslot? What is below it wraps around to more than any memslot has. */
static inline bool vh_slot_holds(const struct vh_slot *slot, gfn_t gfn)
{
	return gfn - slot->base < slot->npages;
}

static inline unsigned long vh_slot_hva(const struct vh_slot *slot, gfn_t gfn)
{
	return slot->hva + ((gfn - slot->base) << PAGE_SHIFT);
}

static inline void vh_slot_mark(const struct vh_slot *slot, gfn_t gfn)
{
	if (slot->dirty)
		set_bit(gfn - slot->base, slot->dirty);
}

/**
 * struct vh_zap - a range to be zapped, in parts if it is long; own thread
 */
struct vh_zap {
	gfn_t start, end;		/* start moves on from part to part */
	long budget;			/* about how many leaves still go in this part */
	bool flush;			/* this part needs a TLB flush */
	struct list_head tables;	/* unlinked ones, to be freed after the flush */
};

#define VH_ZAP_BATCH	16384		/* leaves between two chances to reschedule */

/**
 * struct vh_mmu_ops - how guest memory is mapped: EPT, or shadow tables
 *
 * mmu.lock is held for writing, but by @reclaim's caller.
 */
struct vh_mmu_ops {
	/* Remove mappings; true when there is more to do. */
	bool (*zap)(struct vh_mmu *mmu, struct vh_zap *z);
	/*
	 * From the flush on, the next write to a page of [start, end) is marked: write
	 * permission goes, or with PML the dirty bit. True when a flush is due.
	 */
	bool (*protect)(struct vh_mmu *mmu, gfn_t start, gfn_t end);
	/* Accessed bits of [start, end): any set? Cleared with @clear. NULL: there are none. */
	bool (*young)(struct vh_mmu *mmu, gfn_t start, gfn_t end, bool clear);
	/* As vh_mmu_reclaim(). */
	unsigned long (*reclaim)(struct vh_vm *vm, unsigned long want, bool force);
};
extern const struct vh_mmu_ops vh_ept_ops, vh_ept_pml_ops, vh_ept_noad_ops, vh_shadow_ops;
extern const struct vh_mmu_ops *vh_mmu_ops;	/* the one in use; notifier.c */

/* ept.c */
int vh_ept_init(struct vh_mmu *mmu);
void vh_ept_free_tables(struct vh_vm *vm, struct list_head *tables);
bool vh_ept_zap(struct vh_mmu *mmu, struct vh_zap *z);

/* pml.c */
void vh_pml_switch(struct vh_vm *vm, bool on);

/* tables.c: acct/ calls these two (struct vh_reclaim_ops) */
unsigned long vh_mmu_reclaim(struct vh_vm *vm, unsigned long want, bool force);
unsigned long vh_mmu_reclaimable(struct vh_vm *vm);
unsigned long vh_ept_reclaim(struct vh_vm *vm, unsigned long want, bool force);

/**
 * struct vh_host_page - the host's page behind a gfn, and since when that is so
 */
struct vh_host_page {
	struct page *page;		/* the one page, with a reference */
	unsigned long hva, seq;
	int level;			/* of the largest leaf that may map it */
	bool writable;
};

/* fault.c */
int vh_host_page_get(struct vh_vcpu *vcpu, const struct vh_slot *slot, gfn_t gfn, bool write,
		     int max, struct vh_host_page *hp);
int vh_host_page_peek(struct vh_vcpu *vcpu, const struct vh_slot *slot, gfn_t gfn, bool write,
		      int max, struct vh_host_page *hp);
bool vh_mmu_is_apic(struct vh_vcpu *vcpu, gfn_t gfn);

/* mmu.lock held for reading: has the host's mapping changed, or is it changing? */
static inline bool vh_host_page_stale(const struct vh_mmu *mmu, const struct vh_host_page *hp)
{
	if (unlikely(mmu->invalidating) && hp->hva >= mmu->inv_start && hp->hva < mmu->inv_end)
		return true;
	return mmu->seq != hp->seq;
}

/* shadow.c */
int vh_shadow_create(struct vh_vcpu *vcpu);
void vh_shadow_destroy(struct vh_vcpu *vcpu);
unsigned long vh_shadow_reclaim(struct vh_vm *vm, unsigned long want, bool force);
int vh_shadow_module_init(void);
void vh_shadow_module_exit(void);

/* Zap a range with flush and free; takes mmu->lock. */
void vh_mmu_zap(struct vh_vm *vm, gfn_t start, gfn_t end);

#endif /* VH_MMU_SLOTS_H */
