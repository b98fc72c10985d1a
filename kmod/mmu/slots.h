/* SPDX-License-Identifier: GPL-2.0-only */
/* slots.h - memslots, for the files of mmu/ only. */
#ifndef VH_MMU_SLOTS_H
#define VH_MMU_SLOTS_H

#include <linux/mm.h>
#include <linux/atomic.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>

#include "../bound.h"
#include "../caps.h"
#include "../kick.h"
#include "../witness/witness.h"
#include "mmu.h"

/* promise.c: nobody uses what the tables of a VM have lost so far */
#ifdef VH_DEBUG
void vh_mmu_promised(struct vh_mmu *mmu);
#else
static inline void vh_mmu_promised(struct vh_mmu *mmu) { }
#endif

/* mmu.lock for writing: as long as a part takes (bound.h). */
static inline void vh_mmu_lock(struct vh_mmu *mmu)
	__acquires(&mmu->lock)
{
	write_lock(&mmu->lock);
	vh_bound_begin(VH_BOUND_MMU);
}

static inline void vh_mmu_unlock(struct vh_mmu *mmu)
	__releases(&mmu->lock)
{
	vh_bound_end(VH_BOUND_MMU);
	vh_mmu_promised(mmu);
	write_unlock(&mmu->lock);
}

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
	u32 id, flags;			/* id: with the address space, as userspace has it */
};

/**
 * struct vh_slot_found - a memslot as it was found, to be used when it may be gone
 *
 * What is made of it counts only if mmu.slots_gen still is @gen when that is looked at
 * with mmu.lock held; as long as the lock is held after that, @s.dirty exists.
 */
struct vh_slot_found {
	struct vh_slot s;
	unsigned long gen;
};

#define VH_ALL_GFNS	(1ULL << (48 - PAGE_SHIFT))	/* past the last one: 4-level EPT */
static_assert(VH_ALL_GFNS == VH_VM_MEMORY_MAX >> PAGE_SHIFT);	/* memslots do not overlap */
#define VH_ALL_SPACES	(VH_SPACES * VH_SPACE_GFN)
#define VH_APIC_GFN	(0xfee00000ULL >> PAGE_SHIFT)	/* see vh_mmu_create_apic_page() */

/*
 * Memslots stay as they are until vh_slots_leave(). Nothing in between sleeps or is
 * preempted: who changes this VM's memslots waits for all that are inside, and nobody
 * else does. With interrupts off.
 */
static inline int vh_slots_enter_window(struct vh_vm *vm)
{
	int idx = READ_ONCE(vm->mmu->epoch) & 1;

	atomic_inc(&vm->mmu->readers[idx]);
	/* Before the memslots are read: pairs with wait_for_readers(). */
	smp_mb__after_atomic();
	return idx;
}

static inline void vh_slots_leave_window(struct vh_vm *vm, int idx)
{
	smp_mb__before_atomic();
	atomic_dec(&vm->mmu->readers[idx]);
}

/* The same with interrupts on. */
static inline int vh_slots_enter(struct vh_vm *vm)
{
	preempt_disable();
	return vh_slots_enter_window(vm);
}

static inline void vh_slots_leave(struct vh_vm *vm, int idx)
{
	vh_slots_leave_window(vm, idx);
	preempt_enable();
}

/* Readers are inside vh_slots_enter(), or hold slots_lock or mmu.lock. */
static inline const struct vh_slots *vh_slots(struct vh_vm *vm)
{
	return rcu_dereference_check(vm->mmu->slots, rcu_read_lock_sched_held() ||
				     lockdep_is_held(&vm->mmu->slots_lock) ||
				     lockdep_is_held(&vm->mmu->lock));
}

/* slot_tree.c */
struct vh_slot *vh_slot_alloc(const struct vh_slot *like);
void vh_slot_free(struct vh_slot *slot);
void vh_slots_change(struct vh_slots *slots, struct vh_slot *out, struct vh_slot *in);
bool vh_slot_overlap(const struct vh_slots *slots, gfn_t base, unsigned long npages,
		     const struct vh_slot *but);
const struct vh_slot *vh_slot_find(const struct vh_slots *slots, gfn_t gfn);
const struct vh_slot *vh_slot_next_at(const struct vh_slots *slots, unsigned long start,
				      unsigned long end, const struct vh_slot *after);

/* slots.c */
void vh_slots_init(struct vh_mmu *mmu);
void vh_slots_release(struct vh_vm *vm);

/* KVM's slot ids: bits 16 and up are the address space. */
static inline bool vh_slot_id_valid(u32 id)
{
	return id >> 16 < VH_SPACES && (id & 0xffff) < VH_MAX_SLOTS;
}

/* The memslot with this id, or NULL; slots_lock held. */
static inline struct vh_slot *vh_slot_of_id(struct vh_vm *vm, u32 id)
{
	return xa_load(&vm->mmu->slot_ids, id);
}

/* dirty.c */
bool vh_log_begins_full(const struct vh_mmu *mmu);
unsigned long *vh_log_alloc(const struct vh_mmu *mmu, unsigned long npages);

/* Of a vCPU's frame number: where it is. */
static inline gfn_t vh_space_gfn(const struct vh_vcpu *vcpu, gfn_t gfn)
{
	return gfn | vcpu->space >> PAGE_SHIFT;
}

/* The tables that map @gfn. */
static inline struct vh_ept *vh_ept_at(struct vh_mmu *mmu, gfn_t gfn)
{
	return &mmu->ept[gfn >> (VH_SPACE_SHIFT - PAGE_SHIFT)];
}

/* A copy of the memslot that holds @gfn, for code that sleeps. */
static inline bool vh_slot_lookup(struct vh_vm *vm, gfn_t gfn, struct vh_slot_found *found)
{
	const struct vh_slot *slot;
	int idx = vh_slots_enter(vm);

	/* The memslots are of this generation, or newer; then the copy is stale at once. */
	found->gen = smp_load_acquire(&vm->mmu->slots_gen);
	slot = vh_slot_find(vh_slots(vm), gfn);
	if (slot)
		found->s = *slot;
	vh_slots_leave(vm, idx);
	return slot;
}

/* Is @gfn in the memslot? What is below it wraps around to more than any memslot has. */
static inline bool vh_slot_holds(const struct vh_slot *slot, gfn_t gfn)
{
	return gfn - slot->base < slot->npages;
}

static inline unsigned long vh_slot_hva(const struct vh_slot *slot, gfn_t gfn)
{
	return slot->hva + ((gfn - slot->base) << PAGE_SHIFT);
}

/* ring.c */
int vh_ring_create(struct vh_vcpu *vcpu);
void vh_ring_destroy(struct vh_vcpu *vcpu);
void vh_ring_mark(struct vh_vcpu *vcpu, const struct vh_slot *slot, gfn_t gfn);
bool vh_ring_room(const struct vh_vcpu *vcpu);

/* The vCPU has written to a page; own thread. */
static inline void vh_slot_mark(struct vh_vcpu *vcpu, const struct vh_slot *slot, gfn_t gfn)
{
	if (!slot->dirty)
		return;
	if (likely(!vcpu->ring))
		set_bit(gfn - slot->base, slot->dirty);
	else
		vh_ring_mark(vcpu, slot, gfn);
}

/* May vh write for the vCPU? Not what could not be told of. */
static inline bool vh_slot_writable(const struct vh_vcpu *vcpu, const struct vh_slot *slot)
{
	return likely(!slot->dirty || !vcpu->ring) || vh_ring_room(vcpu);
}

/**
 * struct vh_zap - a range to be zapped or protected, in parts if it is long; own thread
 *
 * Between two parts mmu.lock is dropped. @vcpu, @pos and @scan begin as 0.
 */
struct vh_zap {
	gfn_t start, end;		/* EPT: start moves on from part to part */
	u32 vcpu;			/* shadow: index of the vCPU whose turn it is */
	u64 pos;			/* shadow: how far in its tables, or in the range */
	bool scan;			/* shadow: it is tables that are gone through */
	long budget;			/* about how many leaves still go in this part */
	bool flush;			/* this part needs a TLB flush */
	struct list_head tables;	/* unlinked ones, to be freed after the flush */
};

#define VH_ZAP_BATCH	16384		/* leaves between two chances to reschedule */

/* In how many tables a page has to be looked for: without EPT each vCPU has its own. */
static inline unsigned int vh_mmu_tables_of(const struct vh_vm *vm)
{
	return vh_cpu_caps.ept ? 1 : max(READ_ONCE(vm->nr_vcpus), 1u);
}

/**
 * struct vh_mmu_ops - how guest memory is mapped: EPT, or shadow tables
 *
 * mmu.lock is held for writing, but by @reclaim's caller.
 */
struct vh_mmu_ops {
	/* Remove mappings; true when there is more to do. */
	bool (*zap)(struct vh_mmu *mmu, struct vh_zap *z);
	/*
	 * From the flush on, the next write to a page of the range is marked: write
	 * permission goes, or with PML the dirty bit. Likewise.
	 */
	bool (*protect)(struct vh_mmu *mmu, struct vh_zap *z);
	/* Accessed bits of [start, end): any set? Cleared with @clear. NULL: there are none. */
	bool (*young)(struct vh_mmu *mmu, gfn_t start, gfn_t end, bool clear);
	/* As vh_mmu_reclaim(). */
	unsigned long (*reclaim)(struct vh_vm *vm, unsigned long want, bool force, bool *more);
};
extern const struct vh_mmu_ops vh_ept_ops, vh_ept_pml_ops, vh_ept_noad_ops, vh_shadow_ops;
extern const struct vh_mmu_ops *vh_mmu_ops;	/* of a new VM; notifier.c */

/* ept.c */
int vh_ept_init(struct vh_mmu *mmu, unsigned int space);
void vh_ept_free_tables(struct vh_vm *vm, struct list_head *tables);
bool vh_ept_zap(struct vh_mmu *mmu, struct vh_zap *z);

/* Are logged memslots left to PML? Without a lock, it may have just ended: vh_host_page_stale(). */
static inline bool vh_mmu_has_pml(const struct vh_mmu *mmu)
{
	return vh_ept_caps.pml && READ_ONCE(mmu->ad);
}

/* pml.c */
void vh_pml_switch(struct vh_vm *vm, bool on);

/* tables.c: acct/ calls these two (struct vh_reclaim_ops) */
unsigned long vh_mmu_reclaim(struct vh_vm *vm, unsigned long want, bool force, bool *more);
unsigned long vh_mmu_reclaimable(struct vh_vm *vm);
unsigned long vh_ept_reclaim(struct vh_vm *vm, unsigned long want, bool force, bool *more);

/* How what is no page may be cached: as the host's mapping of it. UC_MINUS: guests may make it WC. */
enum vh_memtype { VH_MEM_WB, VH_MEM_WC, VH_MEM_UC, VH_MEM_UC_MINUS };

/**
 * struct vh_host_page - the host's page behind a gfn, and since when that is so
 */
struct vh_host_page {
	struct page *page;		/* the one page, with a reference; NULL: no page of the VMM's */
	unsigned long pfn;
	unsigned long hva, seq, slots_gen;
	s8 level;			/* of the largest leaf that may map it */
	bool writable;
	u8 type;			/* without @page: enum vh_memtype */
	u8 cache;			/* the same as bits of an entry of the host's; 0 with @page */
};

/* gpa.c */
#define VH_BRING_IN	1	/* of a try that does not sleep: vh_host_bring_in() first */
int vh_slot_cmpxchg(struct vh_vcpu *vcpu, const struct vh_slot *slot, gpa_t gpa, u64 *old, u64 new,
		    unsigned int len);

/* fault.c */
int vh_host_page_get(struct vh_vcpu *vcpu, const struct vh_slot_found *found, gfn_t gfn,
		     u32 access, int max, struct vh_host_page *hp);
int vh_host_bring_in(unsigned long hva, bool write);
int vh_host_level(struct mm_struct *mm, unsigned long hva);

static inline void vh_host_page_put(const struct vh_host_page *hp)
{
	if (likely(hp->page))
		put_page(hp->page);
}

/* device.c */
int vh_device_page(unsigned long hva, bool write, struct vh_host_page *hp);

int vh_host_page_peek(struct vh_vcpu *vcpu, const struct vh_slot *slot, gfn_t gfn, bool write,
		      int max, struct vh_host_page *hp);
bool vh_mmu_is_apic(struct vh_vcpu *vcpu, gfn_t gfn);

/* mmu.lock held for reading: has the memslot or the host's mapping changed, or is it changing? */
static inline bool vh_host_page_stale(const struct vh_mmu *mmu, const struct vh_host_page *hp)
{
	if (unlikely(mmu->invalidating) && hp->hva >= mmu->inv_start && hp->hva < mmu->inv_end)
		return true;
	return mmu->seq != hp->seq || mmu->slots_gen != hp->slots_gen;
}

/* shadow.c */
int vh_shadow_create(struct vh_vcpu *vcpu);
void vh_shadow_destroy(struct vh_vcpu *vcpu);
unsigned long vh_shadow_reclaim(struct vh_vm *vm, unsigned long want, bool force, bool *more);
int vh_shadow_module_init(void);
void vh_shadow_module_exit(void);

/* Zap a range with flush and free; takes mmu->lock. */
void vh_mmu_zap(struct vh_vm *vm, gfn_t start, gfn_t end);

#endif /* VH_MMU_SLOTS_H */
