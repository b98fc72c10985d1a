// SPDX-License-Identifier: GPL-2.0-only
/*
 * slots.c - memslots: KVM_SET_USER_MEMORY_REGION.
 *
 * The array is copied, changed and published. Who reads the old one is waited
 * for before what it described is torn down: whoever is inside vh_slots_enter(),
 * which is never over code that sleeps, so that no memory that a VMM or its
 * guests choose can draw the wait out; and whoever holds mmu.lock. Readers are
 * counted for each VM: no grace period of others is waited for.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "../ctl/registry.h"
#include "slots.h"

#define MAX_PAGES	((1UL << 31) - 1)	/* of one slot: bounds the dirty bitmap */

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

static void publish(struct vh_vm *vm, struct vh_slots *new)
{
	struct vh_slots *old = rcu_dereference_protected(vm->mmu->slots,
							 lockdep_is_held(&vm->mmu->slots_lock));
	unsigned int i;

	vh_mmu_lock(vm->mmu);
	rcu_assign_pointer(vm->mmu->slots, new);
	smp_store_release(&vm->mmu->slots_gen, vm->mmu->slots_gen + 1);
	vh_mmu_unlock(vm->mmu);
	vm->mmu->pages = 0;
	for (i = 0; i < new->n; i++)
		vm->mmu->pages += new->s[i].npages;
	wait_for_readers(vm->mmu);
	kvfree(old);
}

static int region_check(const struct kvm_userspace_memory_region *r)
{
	if (r->flags & ~(KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY))
		return -EINVAL;
	if (r->slot >= VH_MAX_SLOTS)
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
 * What is logged until they are gone counts for the slot that moves. Its copy
 * @gone must last until the next publish() has returned.
 */
static int slot_remove(struct vh_vm *vm, const struct vh_slots *slots, const struct vh_slot *old,
		       struct vh_slot *gone, bool moved)
{
	struct vh_slots *new = vh_slots_rebuilt(slots, old->id, NULL);

	if (!new)
		return -ENOMEM;
	*gone = *old;
	if (moved)
		smp_store_release(&vm->mmu->moving, gone);
	publish(vm, new);
	vh_mmu_zap(vm, gone->base, gone->base + gone->npages);
	WRITE_ONCE(vm->mmu->moving, NULL);
	return 0;
}

static bool any_logged(const struct vh_slots *slots)
{
	unsigned int i;

	for (i = 0; i < slots->n; i++)
		if (slots->s[i].dirty)
			return true;
	return false;
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

static int set_region(struct vh_vm *vm, const struct kvm_userspace_memory_region *r)
{
	const struct vh_slots *slots = vh_slots(vm);
	const struct vh_slot *old = NULL;
	struct vh_slot gone, add = {
		.base = r->guest_phys_addr >> PAGE_SHIFT,
		.npages = r->memory_size >> PAGE_SHIFT,
		.hva = r->userspace_addr, .id = r->slot, .flags = r->flags,
	};
	unsigned long *old_dirty = NULL, *new_dirty = NULL;
	struct vh_slots *new;
	bool moved;
	unsigned int i;
	int err;

	for (i = 0; i < slots->n; i++)
		if (slots->s[i].id == r->slot)
			old = &slots->s[i];
	if (!add.npages) {
		if (!old)
			return -EINVAL;
		old_dirty = old->dirty;
		add.npages = old->npages;
		err = slot_remove(vm, slots, old, &gone, false);
		if (err)
			return err;
		if (!any_logged(vh_slots(vm)))
			vh_pml_switch(vm, false);
		vh_record_vacate(vm->rec, (u64)add.npages << PAGE_SHIFT);
		kvfree(old_dirty);
		return 0;
	}
	if (old) {
		if (old->npages != add.npages || old->hva != add.hva ||
		    ((old->flags ^ add.flags) & KVM_MEM_READONLY))
			return -EINVAL;
		if (old->base == add.base && old->flags == add.flags)
			return 0;
	}
	for (i = 0; i < slots->n; i++) {
		const struct vh_slot *s = &slots->s[i];

		if (s != old && add.base < s->base + s->npages && s->base < add.base + add.npages)
			return -EEXIST;
	}

	if (!old) {
		err = vh_record_charge(vm->rec, VH_RES_MEMORY, r->memory_size);
		if (err)
			return err;
	}
	moved = old && old->base != add.base;
	if (old)
		old_dirty = old->dirty;
	if (add.flags & KVM_MEM_LOG_DIRTY_PAGES) {
		add.dirty = old_dirty;
		if (!add.dirty) {
			new_dirty = vh_log_alloc(vm->mmu, add.npages);
			if (!new_dirty) {
				err = -ENOMEM;
				goto uncharge;
			}
			add.dirty = new_dirty;
		}
		old_dirty = NULL;
	}
	/* Allocate before anything is undone. */
	new = vh_slots_rebuilt(slots, r->slot, &add);
	err = -ENOMEM;
	if (new && moved) {
		err = slot_remove(vm, slots, old, &gone, true);
		if (err) {
			kvfree(new);
			new = NULL;
		}
	}
	if (!new) {
		kvfree(new_dirty);
		goto uncharge;
	}
	if (add.dirty)
		vh_pml_switch(vm, true);
	publish(vm, new);
	/* A page whose bit is set as well may stay as it is, until the bit is cleared. */
	if (new_dirty && !moved && !vh_log_begins_full(vm->mmu))
		write_protect(vm, add.base, add.base + add.npages);
	/* The memslot takes the place of the APIC-access page. */
	if (VH_APIC_GFN >= add.base && VH_APIC_GFN - add.base < add.npages)
		vh_mmu_zap(vm, VH_APIC_GFN, VH_APIC_GFN + 1);
	if (!any_logged(new))
		vh_pml_switch(vm, false);
	kvfree(old_dirty);
	return 0;
uncharge:
	if (!old)
		vh_record_uncharge(vm->rec, VH_RES_MEMORY, r->memory_size);
	return err;
}

/**
 * vh_slot_of_id - the memslot with this id, or NULL
 * @vm: the VM; slots_lock held
 * @id: as KVM_SET_USER_MEMORY_REGION has it
 */
const struct vh_slot *vh_slot_of_id(struct vh_vm *vm, u32 id)
{
	const struct vh_slots *slots = vh_slots(vm);
	unsigned int i;

	for (i = 0; i < slots->n; i++)
		if (slots->s[i].id == id)
			return &slots->s[i];
	return NULL;
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
