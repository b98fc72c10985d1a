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

	if (!vh_ept_caps.pml || mmu->pml == on)
		return;
	if (!on)
		WRITE_ONCE(mmu->pml_armed, false);
	WRITE_ONCE(mmu->pml, on);
	/* A vCPU that is not counted here yet finds the new value before it first enters. */
	smp_mb();
	vh_vm_request_sync(vm, VH_REQ_PML);
	WRITE_ONCE(mmu->pml_armed, on);
}

/**
 * vh_pml_log - mark what the processor has logged
 * @vm: the VM
 * @gpa: of pages that were written
 * @n: how many
 *
 * Interrupts may be off. Pages of memslots that are not logged count for nothing.
 */
void vh_pml_log(struct vh_vm *vm, const u64 *gpa, unsigned int n)
{
	const struct vh_slot *slot = NULL;
	const struct vh_slots *slots;
	unsigned int i;
	int idx;

	idx = vh_slots_enter(vm);
	slots = vh_slots(vm);
	for (i = 0; i < n; i++) {
		gfn_t gfn = gpa[i] >> PAGE_SHIFT;

		if (!slot || !vh_slot_holds(slot, gfn)) {
			slot = vh_slot_find(slots, gfn);
			if (!slot)
				slot = READ_ONCE(vm->mmu->moving);
			if (!slot || !vh_slot_holds(slot, gfn))
				continue;
		}
		vh_slot_mark(slot, gfn);
	}
	vh_slots_leave(vm, idx);
}
