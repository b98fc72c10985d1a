// SPDX-License-Identifier: GPL-2.0-only
/*
 * pml.c - dirty logging by the processor's page-modification log.
 *
 * Of a page of a logged memslot one of these is true, outside mmu.lock:
 *
 *   its EPT leaf is not dirty, nor is what any TLB holds of it, so that the
 *   next write is logged;
 *   it is in the page of a vCPU that has not left the guest since;
 *   its bit is set in the bitmap.
 *
 * Faults set bit and dirty bit together, under mmu.lock. Whoever takes bits
 * clears the dirty bits and flushes, before anybody is told.
 */
#include <asm/vmx.h>

#include "slots.h"

/**
 * vh_pml_switch - PML on or off, in every vCPU of a VM
 * @vm: the VM; slots_lock held
 * @on: before the first logged memslot is published; off: after the last one is gone
 *
 * Process context. When this returns no guest code runs with it off, or on.
 */
void vh_pml_switch(struct vh_vm *vm, bool on)
{
	struct vh_mmu *mmu = vm->mmu;

	if (!vh_mmu_has_pml(mmu) || mmu->pml == on)
		return;
	if (!on)
		WRITE_ONCE(mmu->pml_armed, false);
	WRITE_ONCE(mmu->pml, on);
	/* A vCPU that is not counted here yet finds the new value before it first enters. */
	smp_mb();
	vh_vm_request_sync(vm, VH_REQ_EPT);
	WRITE_ONCE(mmu->pml_armed, on);
}

/**
 * vh_ept_drop_ad - a VM goes without accessed and dirty bits in its EPT from now on
 * @vm: the VM
 *
 * With them each walk of the guest's tables counts as a write (SDM 29.3.5), so that no event
 * is delivered through tables in read-only memory. PML needs them: memslots are logged by
 * write protection then. Process context, no lock of the MMU held; a vCPU's thread may.
 * Nothing is done when the thread is being killed.
 */
void vh_ept_drop_ad(struct vh_vm *vm)
{
	struct vh_mmu *mmu = vm->mmu;
	unsigned int i;

	if (mutex_lock_killable(&mmu->slots_lock))
		return;
	if (mmu->ad) {
		vh_mmu_lock(mmu);
		WRITE_ONCE(mmu->ad, false);
		mmu->ops = &vh_ept_noad_ops;
		/* Who is about to map a page has it writable because PML would tell of writes. */
		smp_store_release(&mmu->seq, mmu->seq + 1);
		vh_mmu_unlock(mmu);
		/* So has what is mapped. It goes while PML is still on. */
		vh_mmu_zap(vm, 0, VH_ALL_SPACES);
		for (i = 0; i < VH_SPACES; i++)
			WRITE_ONCE(mmu->ept[i].eptp, mmu->ept[i].eptp & ~(u64)VMX_EPTP_AD_ENABLE_BIT);
		WRITE_ONCE(mmu->pml_armed, false);
		WRITE_ONCE(mmu->pml, false);
		/* As in vh_pml_switch(). */
		smp_mb();
		vh_vm_request_sync(vm, VH_REQ_EPT);
	}
	mutex_unlock(&mmu->slots_lock);
}

/**
 * vh_pml_log - mark what the processor has logged
 * @vcpu: the vCPU that wrote, own thread
 * @gpa: of pages that were written
 * @n: how many
 *
 * Interrupts may be off. Pages of memslots that are not logged count for nothing.
 */
void vh_pml_log(struct vh_vcpu *vcpu, const u64 *gpa, unsigned int n)
{
	struct vh_vm *vm = vcpu->vm;
	const struct vh_slot *slot = NULL;
	const struct vh_slots *slots;
	unsigned int i;
	int idx;

	idx = vh_slots_enter(vm);
	slots = vh_slots(vm);
	for (i = 0; i < n; i++) {
		gfn_t gfn = vh_space_gfn(vcpu, gpa[i] >> PAGE_SHIFT);

		if (!slot || !vh_slot_holds(slot, gfn)) {
			slot = vh_slot_find(slots, gfn);
			if (!slot)
				slot = READ_ONCE(vm->mmu->moving);
			if (!slot || !vh_slot_holds(slot, gfn))
				continue;
		}
		vh_slot_mark(vcpu, slot, gfn);
	}
	vh_slots_leave(vm, idx);
}
