// SPDX-License-Identifier: GPL-2.0-only
/*
 * pml.c - the page-modification log (SDM Vol. 3, 29.3.6).
 *
 * When the processor sets the dirty bit of an EPT leaf it also writes the gpa
 * to a page of the vCPU's, from its end to its start. The control is on while
 * a memslot of the VM is logged. Every window that may have entered the guest
 * is drained before it closes: whoever has taken a vCPU out of the guest finds
 * all that it wrote in the bitmaps.
 */
#include "internal.h"

#define PML_ENTRIES	(PAGE_SIZE / sizeof(u64))

/**
 * vmx_pml_switch - follow the memslots with the control
 * @vcpu: the vCPU
 *
 * In the window (VH_REQ_EPT). What was logged before it goes off is in no
 * memslot that is still logged.
 */
void vmx_pml_switch(struct vh_vcpu *vcpu)
{
	struct vh_vmx *vmx = vcpu->vmx;
	bool on = READ_ONCE(vcpu->vm->mmu->pml);

	if (on == vmx_pml_on(vmx))
		return;
	if (on)
		vmcs_write(GUEST_PML_INDEX, PML_ENTRIES - 1);
	vmx_set_proc2(vmx, vmx->proc2 ^ SECONDARY_EXEC_ENABLE_PML);
}

/**
 * vmx_pml_drain - what the processor has logged goes to the bitmaps
 * @vcpu: the vCPU; PML is on
 *
 * In the window.
 */
void vmx_pml_drain(struct vh_vcpu *vcpu)
{
	/* The index is that of the next entry to be written; below 0 it wraps: the page is full. */
	u16 first = vmcs_read(GUEST_PML_INDEX) + 1;

	if (first < PML_ENTRIES) {
		vh_pml_log(vcpu, vcpu->vmx->pml + first, PML_ENTRIES - first);
		vmcs_write(GUEST_PML_INDEX, PML_ENTRIES - 1);
	}
}
