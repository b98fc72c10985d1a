// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmcs.c - a vCPU's VMCS: life cycle, controls, and the CPU it is active on.
 *
 * A VMCS is active on at most one CPU (SDM 25.11.1). The CPU it is active on
 * keeps it on a list, so that it can be cleared before that CPU leaves VMX
 * operation; another CPU that wants it asks by IPI.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <asm/desc.h>
#include <asm/io.h>
#include <asm/fsgsbase.h>
#include <asm/segment.h>

#include "../compat/compat.h"
#include "internal.h"
#include "mitigate.h"
#include "witness.h"

DEFINE_PER_CPU(struct vh_vmx *, vmx_current);
static DEFINE_PER_CPU(struct list_head, vmx_active);

/*
 * VPIDs: a tag for each vCPU; 0 is the host's. Without EPT the TLB knows guests
 * by nothing else. KVM takes the lowest that is free of its own; these come
 * from the other end, and not from the lower half.
 */
#define NR_VPIDS	(1 << 15)
#define LAST_VPID	0xffff
static DEFINE_SPINLOCK(vpid_lock);
static DECLARE_BITMAP(vpid_used, NR_VPIDS);	/* downwards from LAST_VPID */

static u16 vpid_get(void)
{
	unsigned long n;

	if (!(vmx_caps.proc2 & SECONDARY_EXEC_ENABLE_VPID))
		return 0;
	spin_lock(&vpid_lock);
	n = find_first_zero_bit(vpid_used, NR_VPIDS);
	if (n < NR_VPIDS)
		__set_bit(n, vpid_used);
	spin_unlock(&vpid_lock);
	return n < NR_VPIDS ? LAST_VPID - n : 0;	/* 0: this vCPU runs untagged */
}

static void vpid_put(u16 id)
{
	if (!id)
		return;
	spin_lock(&vpid_lock);
	__clear_bit(LAST_VPID - id, vpid_used);
	spin_unlock(&vpid_lock);
}

/* --- active where --- */

static void vmcs_clear_local(struct vh_vmx *vmx)
{
	if (vmx->cpu != smp_processor_id())
		return;
	/* What this CPU had cached of it is gone. */
	if (!VMX_UNLESS_BROKEN(vmclear, vmx->vmcs_pa)) {
		vmx->lost = true;
		vmx_witness_lost(vmx);
	}
	if (__this_cpu_read(vmx_current) == vmx)
		__this_cpu_write(vmx_current, NULL);
	if (!list_empty(&vmx->node))
		list_del_init(&vmx->node);
	vmx->launched = false;
	/* Whoever sees -1 may VMPTRLD elsewhere. */
	smp_store_release(&vmx->cpu, -1);
}

static void vmcs_clear_ipi(void *vmx)
{
	vmcs_clear_local(vmx);
}

/**
 * vmx_clear_all_local - VMCLEAR every VMCS that is active on this CPU
 *
 * Interrupts off, in VMX operation; before VMXOFF.
 */
void vmx_clear_all_local(void)
{
	struct list_head *list = this_cpu_ptr(&vmx_active);

	while (list->next && !list_empty(list))
		vmcs_clear_local(list_first_entry(list, struct vh_vmx, node));
	vmx_msrs_restore_local();
}

/**
 * vmx_clear_current - VMCLEAR the current VMCS, if it is one of ours
 *
 * Interrupts off, in VMX operation.
 */
void vmx_clear_current(void)
{
	struct vh_vmx *vmx = __this_cpu_read(vmx_current);

	if (vmx)
		vmcs_clear_local(vmx);
}

/**
 * vmx_clear_all_emergency - VMCLEAR what is active on this CPU, and touch nothing else
 *
 * In an NMI, which may have come in the middle of anything: the list is only
 * read, forwards, which is possible at any moment of an addition or removal.
 */
void vmx_clear_all_emergency(void)
{
	struct list_head *list = this_cpu_ptr(&vmx_active), *at;
	struct vh_vmx *current_vmx = __this_cpu_read(vmx_current);

	if (current_vmx)
		vmx_vmclear(current_vmx->vmcs_pa);
	if (!list->next)
		return;
	for (at = READ_ONCE(list->next); at != list; at = READ_ONCE(at->next)) {
		struct vh_vmx *vmx = list_entry(at, struct vh_vmx, node);

		vmx_vmclear(vmx->vmcs_pa);
		if (READ_ONCE(at->next) == at)
			break;		/* it was just being removed */
	}
}

/* --- controls --- */

/**
 * vmx_set_proc - write the primary processor-based controls if they changed
 * @vmx: its VMX side
 * @value: new value
 *
 * In the window.
 */
void vmx_set_proc(struct vh_vmx *vmx, u32 value)
{
	if (vmx->proc == value)
		return;
	vmx->proc = value;
	vmcs_write(CPU_BASED_VM_EXEC_CONTROL, value);
}

/**
 * vmx_set_proc2 - write the secondary processor-based controls if they changed
 * @vmx: its VMX side
 * @value: new value
 *
 * In the window.
 */
void vmx_set_proc2(struct vh_vmx *vmx, u32 value)
{
	if (vmx->proc2 == value)
		return;
	vmx->proc2 = value;
	vmcs_write(SECONDARY_VM_EXEC_CONTROL, value);
}

static void msr_intercept(struct vh_vmx *vmx, u32 msr, bool read, bool write)
{
	unsigned long *map = vmx->msr_bitmap;
	unsigned int high = msr >= 0xc0000000 ? 0x400 * 8 : 0, bit = msr & 0x1fff;

	/* SDM 25.6.9: reads low, reads high, writes low, writes high, 1 KiB each. */
	__assign_bit(high + bit, map, read);
	__assign_bit(0x800 * 8 + high + bit, map, write);
}

static const u32 passed_msrs[] = {
	MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE,
	MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
};

/* How long the processor was in a C-state: the host's figures, read where the guest chooses these. */
static const u32 cstate_msrs[] = {
	MSR_CORE_C1_RES, MSR_CORE_C3_RESIDENCY, MSR_CORE_C6_RESIDENCY, MSR_CORE_C7_RESIDENCY,
};

/**
 * vmx_msr_passes - which MSRs the guest accesses without an exit
 * @vcpu: the vCPU
 *
 * In the window (VH_REQ_MSR_FILTER), or before the vCPU is visible. Those of the x2APIC are vmx_apic_mode()'s.
 */
void vmx_msr_passes(struct vh_vcpu *vcpu)
{
	struct vh_vm *vm = vcpu->vm;
	unsigned int i;

	vcpu->msrs_filtered = rcu_access_pointer(vm->msr_filter);
	for (i = 0; i < ARRAY_SIZE(passed_msrs); i++)
		msr_intercept(vcpu->vmx, passed_msrs[i], !vh_msr_allowed(vm, passed_msrs[i], false),
			      !vh_msr_allowed(vm, passed_msrs[i], true));
	if (!(vm->disabled_exits & KVM_X86_DISABLE_EXITS_CSTATE))
		return;
	for (i = 0; i < ARRAY_SIZE(cstate_msrs); i++)
		msr_intercept(vcpu->vmx, cstate_msrs[i], !vh_msr_allowed(vm, cstate_msrs[i], false), true);
}

/*
 * The processor reads any offset of the page for these (SDM 30.5), also where there is no
 * register, which has to be #GP. The timer's count is not in the page.
 */
static bool x2apic_readable(u32 msr)
{
	switch (msr) {
	case 0x802: case 0x803: case 0x808: case 0x80a: case 0x80d: case 0x80f:
	case 0x810 ... 0x828:		/* ISR, TMR, IRR, ESR */
	case 0x830: case 0x832 ... 0x838: case 0x83e:
		return true;
	}
	return false;
}

/**
 * vmx_intr_status - tell the processor what is requested and in service
 * @vcpu: the vCPU; its interrupts are virtual
 *
 * In the window. RVI and SVI are the highest bits of IRR and ISR, whoever
 * changed them: the processor keeps to that too (SDM 30.2).
 */
void vmx_intr_status(struct vh_vcpu *vcpu)
{
	u16 status = vh_lapic_status(vcpu);

	if (vmcs_read(GUEST_INTR_STATUS) != status)
		vmcs_write(GUEST_INTR_STATUS, status);
}

/**
 * vmx_apic_mode - follow the LAPIC's mode with controls and MSR bitmap
 * @vcpu: the vCPU
 *
 * In the window (VH_REQ_APIC_MODE). SDM 30.4, 30.5: xAPIC is virtualized by
 * the APIC-access page, x2APIC by MSR intercepts.
 */
void vmx_apic_mode(struct vh_vcpu *vcpu)
{
	struct vh_vmx *vmx = vcpu->vmx;
	u32 proc2 = vmx->proc2 & ~(SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES |
				   SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE |
				   SECONDARY_EXEC_APIC_REGISTER_VIRT |
				   SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY);
	u32 have = vmx_caps.proc2;
	bool x2 = false, on = vcpu->lapic && vh_lapic_hw_enabled(vcpu);
	u32 msr;

	if (on) {
		x2 = vh_lapic_x2apic(vcpu);
		if (x2)
			proc2 |= have & SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE;
		else if (vcpu->vm->mmu->apic_page)
			proc2 |= have & SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES;
		/* What is delivered without an exit cannot be held back: KVM_GUESTDBG_BLOCKIRQ. */
		if (vmx_caps.vid && !(vcpu->debug & KVM_GUESTDBG_BLOCKIRQ) && (proc2 & (SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE |
					      SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES)))
			proc2 |= SECONDARY_EXEC_APIC_REGISTER_VIRT |
				 SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY;
	}
	vmx_set_proc2(vmx, proc2);
	vmx->vid = proc2 & SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY;
	vmcs_write(PIN_BASED_VM_EXEC_CONTROL,
		   vmx_caps.pin | (vmx->vid && vmx_caps.posted ? PIN_BASED_POSTED_INTR : 0));
	if (vcpu->lapic)
		vh_lapic_set_virtual(vcpu, vmx->vid, vmx_caps.posted);

	for (msr = 0x800; msr < 0x840; msr++)
		msr_intercept(vmx, msr, !(x2 && vmx->vid && x2apic_readable(msr)), true);
	if (x2) {
		/* Without VID only the TPR is the hardware's (SDM 30.5). */
		bool hw = proc2 & SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE;

		msr_intercept(vmx, 0x808, !hw, !hw);
		msr_intercept(vmx, 0x80b, true, !vmx->vid);
		msr_intercept(vmx, 0x83f, true, !vmx->vid);
	}
	if (vmx->vid) {
		vmx->tpr_threshold = 0;
		vmcs_write(TPR_THRESHOLD, 0);
		vmx_intr_status(vcpu);
		vmx_eoi_bitmap(vcpu);
	}
	vh_request(vcpu, VH_REQ_TLB_FLUSH_GUEST);
	vh_request(vcpu, VH_REQ_TLB_FLUSH);
	vh_request(vcpu, VH_REQ_EVENT);
}

/*
 * Instructions that CPUID hides are #UD where a control can have it so: without the one they
 * are, with the other they exit. RDPID comes with RDTSCP.
 */
static const struct {
	u32 control;
	bool exits;
	u16 feature[2];
} hideable[] = {
	{ SECONDARY_EXEC_ENABLE_RDTSCP, false, { VH_HAS_RDTSCP, VH_HAS_RDPID } },
	{ SECONDARY_EXEC_ENABLE_INVPCID, false, { VH_HAS_INVPCID, VH_HAS_INVPCID } },
	{ SECONDARY_EXEC_ENABLE_XSAVES, false, { VH_HAS_XSAVES, VH_HAS_XSAVES } },
	{ SECONDARY_EXEC_RDRAND_EXITING, true, { VH_HAS_RDRAND, VH_HAS_RDRAND } },
	{ SECONDARY_EXEC_RDSEED_EXITING, true, { VH_HAS_RDSEED, VH_HAS_RDSEED } },
};

/**
 * vmx_hide - follow the vCPU's CPUID with the controls of single instructions
 * @vcpu: the vCPU
 *
 * In the window (VH_REQ_CPUID). What the processor has no control for stays as it is.
 */
void vmx_hide(struct vh_vcpu *vcpu)
{
	u32 proc2 = vcpu->vmx->proc2;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(hideable); i++) {
		u32 control = hideable[i].control & vmx_caps.proc2;
		bool shown = vh_cpuid_has(vcpu, hideable[i].feature[0]) ||
			     vh_cpuid_has(vcpu, hideable[i].feature[1]);

		if (shown == hideable[i].exits)
			proc2 &= ~control;
		else
			proc2 |= control;
	}
	vmx_set_proc2(vcpu->vmx, proc2);
}

#define BP_VECTOR	3
#define UD_VECTOR	6
#define PF_VECTOR	14

/**
 * vmx_debug_controls - follow vcpu->debug: steps, and #BP; vcpu->smm, for RSM is #UD; and vcpu->alone
 * @vcpu: the vCPU
 *
 * In the window (VH_REQ_DEBUG_CONTROLS). #DB exits always.
 */
void vmx_debug_controls(struct vh_vcpu *vcpu)
{
	struct vh_vmx *vmx = vcpu->vmx;

	vmx_set_step(vmx, vmx_steps(vcpu));
	vmx->exceptions &= ~(BIT(BP_VECTOR) | BIT(UD_VECTOR));
	if (vcpu->smm)
		vmx->exceptions |= BIT(UD_VECTOR);
	if (vcpu->debug & KVM_GUESTDBG_USE_SW_BP)
		vmx->exceptions |= BIT(BP_VECTOR);
	/* #PF is not the guest's to have while it is alone, for there is no paging, or it exits anyway. */
	vmcs_write(EXCEPTION_BITMAP, vcpu->alone ? vmx->exceptions | ~BIT(PF_VECTOR) : vmx->exceptions);
}

/**
 * vmx_eoi_bitmap - which vectors' EOIs must exit
 * @vcpu: the vCPU
 *
 * In the window (VH_REQ_EOI_BITMAP).
 */
void vmx_eoi_bitmap(struct vh_vcpu *vcpu)
{
	u64 map[4];

	if (!vcpu->vmx->vid)
		return;
	vh_lapic_eoi_exit_bitmap(vcpu, map);
	vmcs_write(EOI_EXIT_BITMAP0, map[0]);
	vmcs_write(EOI_EXIT_BITMAP1, map[1]);
	vmcs_write(EOI_EXIT_BITMAP2, map[2]);
	vmcs_write(EOI_EXIT_BITMAP3, map[3]);
}

/**
 * vmx_flush_ept - drop what the processor cached of the VM's EPT, or shadow
 * @vcpu: the vCPU
 *
 * In the window. SDM 29.4.3.3. Without the flush the guest might use pages
 * that are not its any more: the request stays, and the VM ends.
 */
void vmx_flush_ept(struct vh_vcpu *vcpu)
{
	const struct vh_ept *ept = vcpu->vm->mmu->ept;
	u64 smm;
	bool ok;

	if (!vh_cpu_caps.ept) {
		vmx_flush_vpid(vcpu);
		return;
	}
	smm = READ_ONCE(ept[1].eptp);
	if (vmx_caps.ept_vpid & VMX_EPT_EXTENT_CONTEXT_BIT) {
		ok = VMX_UNLESS_BROKEN(invept, VMX_EPT_EXTENT_CONTEXT, READ_ONCE(ept[0].eptp), 0);
		/* Of SMM's too: this may have been the last request before the vCPU is there again. */
		if (unlikely(smm) && ok)
			ok = VMX_UNLESS_BROKEN(invept, VMX_EPT_EXTENT_CONTEXT, smm, 0);
	} else {
		ok = vmx_invept(VMX_EPT_EXTENT_GLOBAL, 0, 0);
	}
	if (unlikely(!ok)) {
		vcpu->vmx->lost = true;
		vh_request(vcpu, VH_REQ_TLB_FLUSH);
	}
}

/**
 * vmx_eptp_switch - follow the VM's EPT: that of SMM, or without accessed and dirty bits now?
 * @vcpu: the vCPU
 *
 * In the window (VH_REQ_EPT). With and without these bits the root is the same, and so are the cached
 * translations, which are of walks that wrote (SDM 29.4.3.3).
 */
void vmx_eptp_switch(struct vh_vcpu *vcpu)
{
	u64 eptp = READ_ONCE(vcpu->vm->mmu->ept[vcpu->smm].eptp);

	if (!vh_cpu_caps.ept || vmcs_read(EPT_POINTER) == eptp)
		return;
	vmcs_write(EPT_POINTER, eptp);
	vmx_flush_ept(vcpu);
}

/**
 * vmx_flush_vpid - drop the guest's own translations
 * @vcpu: the vCPU
 *
 * In the window. Untagged vCPUs are flushed by every entry and exit.
 */
void vmx_flush_vpid(struct vh_vcpu *vcpu)
{
	u16 vpid = vcpu->vmx->vpid;
	bool ok = true;

	if (!vpid)
		return;
	if (vmx_caps.ept_vpid & VMX_VPID_EXTENT_SINGLE_CONTEXT_BIT << 32)
		ok = VMX_UNLESS_BROKEN(invvpid, VMX_VPID_EXTENT_SINGLE_CONTEXT, vpid, 0);
	else
		ok = vmx_invvpid(VMX_VPID_EXTENT_ALL_CONTEXT, 0, 0);
	if (unlikely(!ok)) {
		vcpu->vmx->lost = true;
		vh_request(vcpu, VH_REQ_TLB_FLUSH_GUEST);
	}
}

/* Everything that never changes for this vCPU; the VMCS is current. */
static noinline void vmcs_configure(struct vh_vcpu *vcpu)
{
	struct vh_vmx *vmx = vcpu->vmx;
	struct desc_ptr dt;
	u64 value;

	vmcs_write(VMCS_LINK_POINTER, -1ULL);
	vmx->proc = vmx_caps.proc & ~(CPU_BASED_INTR_WINDOW_EXITING | CPU_BASED_NMI_WINDOW_EXITING);
	if (!vcpu->lapic) {
		vmx->proc &= ~CPU_BASED_TPR_SHADOW;
		vmx->proc |= CPU_BASED_CR8_LOAD_EXITING | CPU_BASED_CR8_STORE_EXITING;
	}
	if (vcpu->vm->disabled_exits & KVM_X86_DISABLE_EXITS_HLT)
		vmx->proc &= ~CPU_BASED_HLT_EXITING;
	if (vcpu->vm->disabled_exits & KVM_X86_DISABLE_EXITS_MWAIT)
		vmx->proc &= ~(CPU_BASED_MWAIT_EXITING | CPU_BASED_MONITOR_EXITING);
	vmcs_write(CPU_BASED_VM_EXEC_CONTROL, vmx->proc);
	vmx->proc2 = vmx_caps.proc2 & ~(SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES |
					SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE |
					SECONDARY_EXEC_APIC_REGISTER_VIRT |
					SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY);
	if (!vmx->vpid)
		vmx->proc2 &= ~SECONDARY_EXEC_ENABLE_VPID;
	vmx->proc2 &= ~(SECONDARY_EXEC_TSC_SCALING | SECONDARY_EXEC_ENABLE_PML);
	if (vcpu->vm->disabled_exits & KVM_X86_DISABLE_EXITS_PAUSE)
		vmx->proc2 &= ~SECONDARY_EXEC_PAUSE_LOOP_EXITING;
	if (READ_ONCE(vcpu->vm->bus_lock))
		vmx->proc2 |= SECONDARY_EXEC_BUS_LOCK_DETECTION;
	if (vcpu->vm->notify_flags) {
		vmx->proc2 |= SECONDARY_EXEC_NOTIFY_VM_EXITING;
		vmcs_write(NOTIFY_WINDOW, vcpu->vm->notify_window);
	}
	vmcs_write(SECONDARY_VM_EXEC_CONTROL, vmx->proc2);
	vmcs_write(VM_EXIT_CONTROLS, vmx_caps.exit);
	vmx->entry = vmx_caps.entry & ~VM_ENTRY_IA32E_MODE;
	vmcs_write(VM_ENTRY_CONTROLS, vmx->entry);

	vmcs_write(PAGE_FAULT_ERROR_CODE_MASK, 0);
	vmcs_write(PAGE_FAULT_ERROR_CODE_MATCH, 0);
	vmcs_write(CR3_TARGET_COUNT, 0);
	vmcs_write(VM_EXIT_MSR_STORE_COUNT, 0);
	vmx->listed_entry = vmx->listed_exit = vmx_efer_listed();
	vmcs_write(VM_EXIT_MSR_LOAD_COUNT, vmx->listed_exit);
	vmcs_write(VM_ENTRY_MSR_LOAD_COUNT, vmx->listed_entry);
	if (vmx->lists) {
		vmcs_write(VM_ENTRY_MSR_LOAD_ADDR, __pa(vmx->lists->guest));
		vmcs_write(VM_EXIT_MSR_LOAD_ADDR, __pa(vmx->lists->host));
	}
	vmcs_write(VM_ENTRY_INTR_INFO_FIELD, 0);
	vmcs_write(MSR_BITMAP, __pa(vmx->msr_bitmap));
	if (vh_cpu_caps.ept)
		vmcs_write(EPT_POINTER, READ_ONCE(vcpu->vm->mmu->ept[vcpu->smm].eptp));
	if (vmx->pml)
		vmcs_write(PML_ADDRESS, __pa(vmx->pml));
	if (vmx->vpid)
		vmcs_write(VIRTUAL_PROCESSOR_ID, vmx->vpid);
	if (vmx->proc2 & SECONDARY_EXEC_PAUSE_LOOP_EXITING) {
		vmcs_write(PLE_GAP, 128);
		vmcs_write(PLE_WINDOW, 4096);
	}
	if (vmx->proc2 & SECONDARY_EXEC_ENCLS_EXITING)
		vmcs_write(ENCLS_EXITING_BITMAP, -1ULL);	/* no guest has SGX */
	if (vmx_caps.proc2 & SECONDARY_EXEC_ENABLE_XSAVES)
		vmcs_write(XSS_EXIT_BITMAP, 0);
	if (vcpu->lapic) {
		vmcs_write(VIRTUAL_APIC_PAGE_ADDR, page_to_phys(vh_lapic_page(vcpu)));
		vmcs_write(TPR_THRESHOLD, 0);
		if (vmx_caps.posted) {
			vmcs_write(POSTED_INTR_NV, vh_notify_vector());
			vmcs_write(POSTED_INTR_DESC_ADDR, vh_lapic_posted_address(vcpu));
		}
		if (vcpu->vm->mmu->apic_page)
			vmcs_write(APIC_ACCESS_ADDR, page_to_phys(vcpu->vm->mmu->apic_page));
	}
	vmcs_write(GUEST_IA32_DEBUGCTL, 0);
	vmcs_write(TSC_OFFSET, vmx->tsc_offset);
	vmx->exceptions = BIT(1) | BIT(17) | BIT(18);	/* #DB, #AC: see docs/security.md; #MC is the host's */
	if (!vh_cpu_caps.ept)
		vmx->exceptions |= BIT(14);
	vmcs_write(EXCEPTION_BITMAP, vmx->exceptions);

	/* Host state that is the same on every CPU (SDM 25.5). */
	vmcs_write(HOST_CS_SELECTOR, __KERNEL_CS);
	vmcs_write(HOST_SS_SELECTOR, __KERNEL_DS);
	vmcs_write(HOST_DS_SELECTOR, 0);
	vmcs_write(HOST_ES_SELECTOR, 0);
	vmcs_write(HOST_FS_SELECTOR, 0);
	vmcs_write(HOST_GS_SELECTOR, 0);
	vmcs_write(HOST_TR_SELECTOR, GDT_ENTRY_TSS * 8);
	store_idt(&dt);
	vmcs_write(HOST_IDTR_BASE, dt.address);
	vmcs_write(HOST_RIP, vmx_host_rip());
	rdmsrl(MSR_IA32_SYSENTER_CS, value);
	vmcs_write(HOST_IA32_SYSENTER_CS, value);
	rdmsrl(MSR_IA32_SYSENTER_EIP, value);
	vmcs_write(HOST_IA32_SYSENTER_EIP, value);
	rdmsrl(MSR_EFER, value);
	if (vmx_efer_listed()) {
		vmx->lists->guest[0].index = MSR_EFER;
		vmx->lists->host[0].index = MSR_EFER;
		vmx->lists->host[0].value = value;
	} else {
		vmcs_write(HOST_IA32_EFER, value);
	}
	rdmsrl(MSR_IA32_CR_PAT, value);
	if (vmx_caps.exit & VM_EXIT_LOAD_IA32_PAT)
		vmcs_write(HOST_IA32_PAT, value);
	vmx->configured = true;
	vmx_apic_mode(vcpu);
	vmx_hide(vcpu);
}

/* Host state of this CPU. */
static noinline void vmcs_host_cpu(void)
{
	struct desc_ptr dt;
	u64 value;

	native_store_gdt(&dt);
	vmcs_write(HOST_GDTR_BASE, dt.address);
	vmcs_write(HOST_TR_BASE, (unsigned long)&get_cpu_entry_area(smp_processor_id())->tss.x86_tss);
	rdmsrl(MSR_GS_BASE, value);
	vmcs_write(HOST_GS_BASE, value);
	rdmsrl(MSR_IA32_SYSENTER_ESP, value);
	vmcs_write(HOST_IA32_SYSENTER_ESP, value);
}

static bool vmptrld(struct vh_vmx *vmx)
{
	bool ok = vmx_vmptrld(vmx->vmcs_pa);

	__this_cpu_write(vmx_current, (ok ? vmx : NULL));
	return ok;
}

/**
 * vmx_make_current - VMPTRLD if this VMCS is not the current one
 * @vcpu: the vCPU
 *
 * Interrupts off, in VMX operation; vh_vmx_load() has made sure that the VMCS
 * is active on no other CPU. On another CPU than last time everything that CPU
 * may have cached for the vCPU in an earlier visit is flushed. Returns false
 * when it cannot be made current: the VMCS that is may be anybody's.
 */
bool vmx_make_current(struct vh_vcpu *vcpu)
{
	struct vh_vmx *vmx = vcpu->vmx;
	int cpu = smp_processor_id();

	if (likely(__this_cpu_read(vmx_current) == vmx))
		return true;
	if (vmx->lost)
		return false;
	vmx_mitigate_switch(vmx);
	if (vmx->cpu != cpu) {
		if (!vmx->configured && !vmx_vmclear(vmx->vmcs_pa))
			return false;
		vmx->cpu = cpu;
		/* Beside KVM it is cleared before anybody could look for it. */
		if (likely(__this_cpu_read(vmx_root_state) == VMX_ROOT_OWN)) {
			struct list_head *list = this_cpu_ptr(&vmx_active);

			if (!list->next)
				INIT_LIST_HEAD(list);
			list_add(&vmx->node, list);
		}
		if (!vmptrld(vmx))
			return false;
		if (vmx->last_cpu == cpu)
			return true;
		vmx->last_cpu = cpu;
		vmcs_host_cpu();
		if (!vmx->configured)
			vmcs_configure(vcpu);
		vh_request(vcpu, VH_REQ_TLB_FLUSH);
		vh_request(vcpu, VH_REQ_TLB_FLUSH_GUEST);
		vh_clock_check(vcpu, true);
	} else if (!vmptrld(vmx)) {
		return false;
	}
	return true;
}

/**
 * vmx_release_remote - have the VMCS cleared on the CPU where it is active
 * @vmx: its VMX side
 *
 * Preemption off, interrupts on.
 */
void vmx_release_remote(struct vh_vmx *vmx)
{
	int cpu = smp_load_acquire(&vmx->cpu);

	/* -ENXIO: that CPU went offline and cleared it itself. */
	if (cpu >= 0 && cpu != smp_processor_id())
		smp_call_function_single(cpu, vmcs_clear_ipi, vmx, 1);
}

/**
 * vh_vmx_create - the VMX side of a new vCPU
 * @vcpu: the vCPU
 *
 * Process context, before the vCPU is visible. -ENOMEM.
 */
int vh_vmx_create(struct vh_vcpu *vcpu)
{
	static atomic64_t serial = ATOMIC64_INIT(0);
	struct vh_vmx *vmx = kzalloc(sizeof(*vmx), GFP_KERNEL_ACCOUNT);

	if (!vmx)
		return -ENOMEM;
	vmx->cpu = -1;
	vmx->last_cpu = -1;
	vmx->serial = atomic64_inc_return(&serial);
	INIT_LIST_HEAD(&vmx->node);
	vmx->vmcs = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vmx->msr_bitmap = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
	if (vmx_lists_needed())
		vmx->lists = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (vh_ept_caps.pml)
		vmx->pml = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vmx->vmcs || !vmx->msr_bitmap || (vh_ept_caps.pml && !vmx->pml) ||
	    (vmx_lists_needed() && !vmx->lists)) {
		free_page((unsigned long)vmx->pml);
		free_page((unsigned long)vmx->lists);
		free_page((unsigned long)vmx->vmcs);
		free_page((unsigned long)vmx->msr_bitmap);
		kfree(vmx);
		return -ENOMEM;
	}
	vmx->vmcs_pa = __pa(vmx->vmcs);
	*(u32 *)vmx->vmcs = vmx_caps.revision;
	memset(vmx->msr_bitmap, 0xff, PAGE_SIZE);
	vcpu->vmx = vmx;
	vmx_msr_passes(vcpu);
	vmx->vpid = vpid_get();
	vmx_witness_create(vcpu, vmx);
	vmx_exchange_init(vcpu, vmx);
	if (vmx->pml)
		vh_request(vcpu, VH_REQ_EPT);
	return 0;
}

/**
 * vh_vmx_destroy - free it, VMCLEARed wherever it was active
 * @vcpu: the vCPU
 *
 * Process context; nobody runs the vCPU any more.
 */
void vh_vmx_destroy(struct vh_vcpu *vcpu)
{
	struct vh_vmx *vmx = vcpu->vmx;

	if (!vmx)
		return;
	preempt_disable();
	vmx_release_remote(vmx);
	local_irq_disable();
	if (vmx->cpu == smp_processor_id())
		vmcs_clear_local(vmx);
	local_irq_enable();
	preempt_enable();
	vmx_witness_destroy(vmx);
	vpid_put(vmx->vpid);
	free_page((unsigned long)vmx->pml);
	free_page((unsigned long)vmx->lists);
	free_page((unsigned long)vmx->vmcs);
	free_page((unsigned long)vmx->msr_bitmap);
	kfree(vmx);
	vcpu->vmx = NULL;
}
