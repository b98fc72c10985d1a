// SPDX-License-Identifier: GPL-2.0-only
/*
 * slots.c - memslots: KVM_SET_USER_MEMORY_REGION and dirty logs.
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
#define COPY_WORDS	8192UL			/* of a bitmap, between two chances to reschedule */

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
			new_dirty = kvcalloc(BITS_TO_LONGS(add.npages), sizeof(long),
					     GFP_KERNEL_ACCOUNT);
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
	if (new_dirty && !moved)
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

static const struct vh_slot *slot_of_id(struct vh_vm *vm, u32 id)
{
	const struct vh_slots *slots = vh_slots(vm);
	unsigned int i;

	for (i = 0; i < slots->n; i++)
		if (slots->s[i].id == id)
			return &slots->s[i];
	return NULL;
}

/*
 * Take the bits of a bitmap: a page whose bit is taken is marked at its next
 * write. mmu.lock is held for no more pages than are zapped at once.
 */
static void take_bits(struct vh_vm *vm, const struct vh_slot *slot, unsigned long *copy)
{
	unsigned long i, words = BITS_TO_LONGS(slot->npages);
	struct vh_mmu *mmu = vm->mmu;
	struct vh_zap z = {};
	long budget = VH_ZAP_BATCH;

	vh_mmu_lock(mmu);
	for (i = 0; i < words; i++) {
		gfn_t first = slot->base + i * BITS_PER_LONG;

		copy[i] = slot->dirty[i] ? xchg(&slot->dirty[i], 0) : 0;
		if (copy[i]) {
			z.start = first + __ffs(copy[i]);
			z.end = first + __fls(copy[i]) + 1;
			z.vcpu = 0;
			z.pos = 0;
			z.budget = LONG_MAX;	/* at most as many pages as a word has bits */
			mmu->ops->protect(mmu, &z);
			budget -= BITS_PER_LONG;
		}
		if (--budget > 0 && !need_resched())
			continue;
		if (z.flush && !VH_BROKEN(protect))
			vh_vm_flush_tlb(vm);
		z.flush = false;
		vh_mmu_unlock(mmu);
		cond_resched();
		budget = VH_ZAP_BATCH;
		vh_mmu_lock(mmu);
	}
	if (z.flush && !VH_BROKEN(protect))
		vh_vm_flush_tlb(vm);
	vh_mmu_unlock(mmu);
}

/* Give them back: the caller could not be told, and may ask again. */
static void return_bits(struct vh_vm *vm, const struct kvm_dirty_log *log,
			const unsigned long *copy, unsigned long words)
{
	const struct vh_slot *slot;
	unsigned long i;

	if (mutex_lock_killable(&vm->mmu->slots_lock))
		return;
	slot = slot_of_id(vm, log->slot);
	if (slot && slot->dirty && BITS_TO_LONGS(slot->npages) == words) {
		for (i = 0; i < words; i++) {
			if (copy[i])
				atomic_long_or(copy[i], (atomic_long_t *)&slot->dirty[i]);
			if (!(i % COPY_WORDS))
				cond_resched();
		}
	}
	mutex_unlock(&vm->mmu->slots_lock);
}

static int copy_bits(void __user *to, const unsigned long *copy, unsigned long words)
{
	unsigned long i, n;

	for (i = 0; i < words; i += n) {
		n = min(words - i, COPY_WORDS);
		if (copy_to_user(to + i * sizeof(long), copy + i, n * sizeof(long)))
			return -EFAULT;
		cond_resched();
	}
	return 0;
}

/**
 * vh_mmu_get_dirty_log - KVM_GET_DIRTY_LOG: pages written since the last call
 * @vm: the VM
 * @log: slot and bitmap
 *
 * Process context. -ENOENT when the slot does not exist or is not logged, -ENOMEM, -EFAULT
 * (nothing is lost), -EINTR.
 */
int vh_mmu_get_dirty_log(struct vh_vm *vm, const struct kvm_dirty_log *log)
{
	unsigned long words = 0, *copy = NULL;
	const struct vh_slot *slot;
	int err = -ENOENT;

	if (log->slot >= VH_MAX_SLOTS)
		return -EINVAL;
	if (mutex_lock_killable(&vm->mmu->slots_lock))
		return -EINTR;
	slot = slot_of_id(vm, log->slot);
	if (slot && slot->dirty) {
		words = BITS_TO_LONGS(slot->npages);
		copy = kvmalloc_array(words, sizeof(long), GFP_KERNEL_ACCOUNT);
		err = copy ? 0 : -ENOMEM;
	}
	if (!err) {
		/* What was written before the call is in the bitmap, and not only in a vCPU's log. */
		if (vm->mmu->pml)
			vh_vm_leave_guest(vm);
		take_bits(vm, slot, copy);
	}
	mutex_unlock(&vm->mmu->slots_lock);
	if (err)
		return err;
	/* The VMM's memory may take for ever to come: nothing is held. */
	err = copy_bits(log->dirty_bitmap, copy, words);
	if (err)
		return_bits(vm, log, copy, words);
	kvfree(copy);
	return err;
}
