// SPDX-License-Identifier: GPL-2.0-only
/*
 * slots.c - memslots: KVM_SET_USER_MEMORY_REGION.
 *
 * There are two sets of trees with the same memslots in them. The one that nobody reads is changed,
 * and published; then the other, when all who read it have left: whoever is inside vh_slots_enter(),
 * which is never over code that sleeps, so that no memory that a VMM or its guests choose can draw
 * the wait out; and whoever holds mmu.lock. Only then is torn down what a memslot described that is
 * gone. Readers are counted for each VM: no grace period of others is waited for.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../ctl/registry.h"
#include "slots.h"

#define MAX_PAGES	((1UL << 31) - 1)	/* of one slot: bounds the dirty bitmap */
#define MMU_PAGES_MIN	64UL			/* KVM_SET_NR_MMU_PAGES */

/*
 * Whoever found the array before is out of vh_slots_enter(). Twice: one that had read
 * the epoch before it changed may be counted after its readers were waited for, with
 * the array of that time.
 */
static void wait_for_readers(struct vh_mmu *mmu)
{
	unsigned int round, old;

	for (round = 0; round < 2; round++) {
		old = mmu->epoch & 1;
		WRITE_ONCE(mmu->epoch, mmu->epoch + 1);
		smp_mb();
		/* They are running, and do not sleep. */
		while (atomic_read(&mmu->readers[old])) {
			cpu_relax();
			cond_resched();
		}
		smp_mb();
	}
}

/**
 * vh_slots_init - no memslots
 * @mmu: of a new VM
 */
void vh_slots_init(struct vh_mmu *mmu)
{
	xa_init(&mmu->slot_ids);
	mmu->sets[1].which = 1;
	mmu->slots_gen = 1;
	RCU_INIT_POINTER(mmu->slots, &mmu->sets[0]);
}

/**
 * vh_slots_release - free all memslots
 * @vm: no vCPU is left, and nothing is mapped
 *
 * Process context. The MMU notifier may still look for some, with mmu.lock held.
 */
void vh_slots_release(struct vh_vm *vm)
{
	struct vh_mmu *mmu = vm->mmu;
	struct vh_slot *slot;
	unsigned long id;

	vh_mmu_lock(mmu);
	mmu->sets[0].by_gfn = mmu->sets[0].by_hva = RB_ROOT;
	mmu->sets[1].by_gfn = mmu->sets[1].by_hva = RB_ROOT;
	vh_mmu_unlock(mmu);
	xa_for_each(&mmu->slot_ids, id, slot) {
		kvfree(slot->dirty);
		vh_slot_free(slot);
		cond_resched();
	}
	xa_destroy(&mmu->slot_ids);
}

/* One memslot goes, one comes. When this returns nobody uses @out any more, but for its mappings. */
static void publish(struct vh_vm *vm, struct vh_slot *out, struct vh_slot *in)
{
	struct vh_mmu *mmu = vm->mmu;
	struct vh_slots *old = rcu_dereference_protected(mmu->slots, lockdep_is_held(&mmu->slots_lock));
	struct vh_slots *new = &mmu->sets[!old->which];

	vh_slots_change(new, out, in);
	vh_mmu_lock(mmu);
	rcu_assign_pointer(mmu->slots, new);
	smp_store_release(&mmu->slots_gen, mmu->slots_gen + 1);
	vh_mmu_unlock(mmu);
	if (out) {
		mmu->pages[out->id >> 16] -= out->npages;
		mmu->logged -= !!out->dirty;
	}
	if (in) {
		mmu->pages[in->id >> 16] += in->npages;
		mmu->logged += !!in->dirty;
	}
	wait_for_readers(mmu);
	vh_slots_change(old, out, in);
}

static int region_check(const struct kvm_userspace_memory_region *r)
{
	if (r->flags & ~(KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY))
		return -EINVAL;
	if (!vh_slot_id_valid(r->slot))
		return -EINVAL;
	if (!PAGE_ALIGNED(r->guest_phys_addr) || !PAGE_ALIGNED(r->memory_size) ||
	    !PAGE_ALIGNED(r->userspace_addr))
		return -EINVAL;
	if (r->memory_size >> PAGE_SHIFT > MAX_PAGES)
		return -EINVAL;
	if (r->guest_phys_addr + r->memory_size < r->guest_phys_addr ||
	    (r->guest_phys_addr + r->memory_size) >> PAGE_SHIFT > VH_ALL_GFNS)
		return -EINVAL;
	if (untagged_addr(r->userspace_addr) != r->userspace_addr ||
	    !access_ok((void __user *)(unsigned long)r->userspace_addr, r->memory_size))
		return -EINVAL;
	return 0;
}

/*
 * Deleting and moving: no reader may find the old slot when its mappings go.
 * What is logged until they are gone counts for the slot that moves.
 */
static void unpublish(struct vh_vm *vm, struct vh_slot *old, bool moves)
{
	if (moves)
		smp_store_release(&vm->mmu->moving, old);
	publish(vm, old, NULL);
	vh_mmu_zap(vm, old->base, old->base + old->npages);
	WRITE_ONCE(vm->mmu->moving, NULL);
}

static void write_protect(struct vh_vm *vm, gfn_t start, gfn_t end)
{
	struct vh_zap z = { .start = start, .end = end };
	struct vh_mmu *mmu = vm->mmu;
	bool more;

	do {
		z.budget = VH_ZAP_BATCH;
		z.flush = false;
		vh_mmu_lock(mmu);
		more = mmu->ops->protect(mmu, &z);
		if (z.flush && !VH_BROKEN(protect))
			vh_vm_flush_tlb(vm);
		vh_mmu_unlock(mmu);
		cond_resched();
	} while (more);
}

/*
 * Bytes that are charged for a memslot that is in no tree: memory of the VMM's counts once, whichever memslots of
 * either address space show it. slots_lock held.
 */
static u64 shown_by_it_alone(struct vh_vm *vm, const struct vh_slot *slot)
{
	unsigned long at = slot->hva, end = slot->hva + (slot->npages << PAGE_SHIFT), alone = 0;
	const struct vh_slot *other = NULL;

	while (at < end && (other = vh_slot_next_at(vh_slots(vm), at, end, other))) {
		if (other->hva > at)
			alone += other->hva - at;
		at = max(at, other->hva + (other->npages << PAGE_SHIFT));
		cond_resched();
	}
	return at < end ? alone + end - at : alone;
}

static int delete_slot(struct vh_vm *vm, struct vh_slot *old)
{
	unpublish(vm, old, false);
	xa_erase(&vm->mmu->slot_ids, old->id);
	if (!vm->mmu->logged)
		vh_pml_switch(vm, false);
	vh_record_vacate(vm->rec, shown_by_it_alone(vm, old));
	/* Drains may have found it as the one that moves: they are over. */
	kvfree(old->dirty);
	vh_slot_free(old);
	return 0;
}

/* All that may fail comes before anything is changed. Its bitmap is that of @old, if both have one. */
static struct vh_slot *new_slot(struct vh_vm *vm, struct vh_slot *like, const struct vh_slot *old)
{
	unsigned long *fresh = NULL;
	struct vh_slot *add;

	if (like->flags & KVM_MEM_LOG_DIRTY_PAGES) {
		like->dirty = old ? old->dirty : NULL;
		if (!like->dirty) {
			fresh = vh_log_alloc(vm->mmu, like->npages);
			if (!fresh)
				return NULL;
			like->dirty = fresh;
		}
	}
	add = vh_slot_alloc(like);
	if (add && !xa_is_err(xa_store(&vm->mmu->slot_ids, like->id, add, GFP_KERNEL_ACCOUNT)))
		return add;
	vh_slot_free(add);
	kvfree(fresh);
	return NULL;
}

static int set_region(struct vh_vm *vm, const struct kvm_userspace_memory_region *r)
{
	struct vh_slot *old = vh_slot_of_id(vm, r->slot), *add;
	struct vh_slot like = {
		.base = r->guest_phys_addr >> PAGE_SHIFT | (r->slot >> 16) * VH_SPACE_GFN,
		.npages = r->memory_size >> PAGE_SHIFT,
		.hva = r->userspace_addr, .id = r->slot, .flags = r->flags,
	};
	const gfn_t apic = VH_APIC_GFN | (like.base & VH_SPACE_GFN);
	u64 charge = 0;
	bool moved, fresh;
	int err;

	if (!like.npages)
		return old ? delete_slot(vm, old) : -EINVAL;
	if (old) {
		if (old->npages != like.npages || old->hva != like.hva ||
		    ((old->flags ^ like.flags) & KVM_MEM_READONLY))
			return -EINVAL;
		if (old->base == like.base && old->flags == like.flags)
			return 0;
	}
	if (vh_slot_overlap(vh_slots(vm), like.base, like.npages, old))
		return -EEXIST;
	if (!old)
		charge = shown_by_it_alone(vm, &like);
	err = charge ? vh_record_charge(vm->rec, VH_RES_MEMORY, charge) : 0;
	if (err)
		return err;
	add = new_slot(vm, &like, old);
	if (!add) {
		if (charge)
			vh_record_uncharge(vm->rec, VH_RES_MEMORY, charge);
		return -ENOMEM;
	}
	moved = old && old->base != add->base;
	fresh = add->dirty && !(old && old->dirty);
	if (add->dirty)
		vh_pml_switch(vm, true);
	if (moved)
		unpublish(vm, old, true);
	publish(vm, moved ? NULL : old, add);
	/* A page whose bit is set as well may stay as it is, until the bit is cleared. */
	if (fresh && !moved && !vh_log_begins_full(vm->mmu))
		write_protect(vm, add->base, add->base + add->npages);
	/* The memslot takes the place of the APIC-access page. */
	if (vh_slot_holds(add, apic))
		vh_mmu_zap(vm, apic, apic + 1);
	if (!vm->mmu->logged)
		vh_pml_switch(vm, false);
	if (old && old->dirty != add->dirty)
		kvfree(old->dirty);
	vh_slot_free(old);
	return 0;
}

/**
 * vh_mmu_set_region - KVM_SET_USER_MEMORY_REGION
 * @vm: the VM
 * @r: create, delete (size 0), move, or change flags
 *
 * Process context. -EINVAL, -EEXIST (overlap), -ENOMEM, -EDQUOT (a group's limit), -EINTR.
 */
int vh_mmu_set_region(struct vh_vm *vm, const struct kvm_userspace_memory_region *r)
{
	int err = region_check(r);

	if (err)
		return err;
	if (mutex_lock_killable(&vm->mmu->slots_lock))
		return -EINTR;
	err = set_region(vm, r);
	mutex_unlock(&vm->mmu->slots_lock);
	return err;
}

/**
 * vh_mmu_set_nr_pages - KVM_SET_NR_MMU_PAGES
 * @vm: the VM; vm->lock held
 * @n: shadow tables, of which there are none with EPT
 *
 * Kept, and what is answered from then on; how many there are is the VM's memory's to say. -EINVAL.
 */
int vh_mmu_set_nr_pages(struct vh_vm *vm, unsigned long n)
{
	if (n < MMU_PAGES_MIN)
		return -EINVAL;
	vm->mmu->nr_mmu_pages = min_t(unsigned long, n, INT_MAX);
	return 0;
}

/**
 * vh_mmu_nr_pages - KVM_GET_NR_MMU_PAGES
 * @vm: the VM; vm->lock held
 *
 * What was set, else KVM's share of the memslots' pages: 2 %, 64 at least. -EINTR.
 */
int vh_mmu_nr_pages(struct vh_vm *vm)
{
	unsigned long n = vm->mmu->nr_mmu_pages;

	if (n)
		return n;
	if (mutex_lock_killable(&vm->mmu->slots_lock))
		return -EINTR;
	n = vm->mmu->pages[0] + vm->mmu->pages[1];
	mutex_unlock(&vm->mmu->slots_lock);
	return n ? min_t(unsigned long, max(n / 50, MMU_PAGES_MIN), INT_MAX) : 0;
}
