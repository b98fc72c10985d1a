// SPDX-License-Identifier: GPL-2.0-only
/*
 * invalidate.c - the guest invalidates translations: with EPT the hardware has
 * them all, without it the shadow does.
 */
#include "shadow.h"

/**
 * vh_mmu_flush - what a MOV CR, INVPCID or INIT flushes
 * @vcpu: the vCPU
 * @what: VH_FLUSH_*
 * @pcid: for VH_FLUSH_PCID
 *
 * Own thread. SDM Vol. 3, 4.10.4.1.
 */
void vh_mmu_flush(struct vh_vcpu *vcpu, enum vh_flush what, u16 pcid)
{
	vh_tag_changed_own(VH_TAG_OF(vcpu));
	if (!vh_cpu_caps.ept) {
		vh_shadow_flush(vcpu->shadow, what, pcid);
		vh_request(vcpu, VH_REQ_MMU);
	}
	vh_request(vcpu, VH_REQ_TLB_FLUSH_GUEST);
}

/**
 * vh_mmu_invlpg - INVLPG
 * @vcpu: the vCPU
 * @va: linear address
 *
 * Own thread, process context.
 */
void vh_mmu_invlpg(struct vh_vcpu *vcpu, u64 va)
{
	vh_tag_changed_own(VH_TAG_OF(vcpu));
	if (!vh_cpu_caps.ept) {
		read_lock(&vcpu->vm->mmu->lock);
		vh_shadow_invlpg(vcpu, va);
		read_unlock(&vcpu->vm->mmu->lock);
	}
	vh_request(vcpu, VH_REQ_TLB_FLUSH_GUEST);
}

/**
 * vh_mmu_new_paging - CR0, CR3, CR4 or EFER changed in what paging looks at
 * @vcpu: the vCPU
 *
 * Own thread. Flushes nothing by itself.
 */
void vh_mmu_new_paging(struct vh_vcpu *vcpu)
{
	if (!vh_cpu_caps.ept)
		vh_request(vcpu, VH_REQ_MMU);
}

/**
 * vh_mmu_forget - the guest's tables mean something else now (CPUID)
 * @vcpu: the vCPU
 *
 * Own thread, process context.
 */
void vh_mmu_forget(struct vh_vcpu *vcpu)
{
	vh_tag_changed_own(VH_TAG_OF(vcpu));
	if (!vh_cpu_caps.ept)
		vh_shadow_forget(vcpu);
	vh_request(vcpu, VH_REQ_TLB_FLUSH_GUEST);
}
