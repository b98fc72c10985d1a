// SPDX-License-Identifier: GPL-2.0-only
/*
 * fast.c - exits finished inside the window.
 *
 * Interrupts are off and the VMCS is current: nothing here sleeps, allocates
 * or takes a lock that others hold for long. What does not fit is left to the
 * slow path (run/exits.c) untouched: an exit is either done here or not begun.
 */
#include <uapi/linux/kvm_para.h>

#include "internal.h"

/*
 * The instruction is done: RIP moves on, the interrupt shadow ends, and a
 * single-stepping guest gets its #DB (SDM 27.7.3).
 */
static void skip(struct vh_vcpu *vcpu)
{
	struct vh_cpu_state *s = &vcpu->s;
	u64 rip = vmcs_read(GUEST_RIP) + vmcs_read(VM_EXIT_INSTRUCTION_LEN);
	u32 shadow = vmcs_read(GUEST_INTERRUPTIBILITY_INFO);
	u64 rflags = vmcs_read(GUEST_RFLAGS);

	if (unlikely(!(s->efer & EFER_LMA)))
		rip &= 0xffffffff;
	vmcs_write(GUEST_RIP, rip);
	if (unlikely(shadow & (VH_SHADOW_STI | VH_SHADOW_MOVSS)))
		vmcs_write(GUEST_INTERRUPTIBILITY_INFO,
			   shadow & ~(VH_SHADOW_STI | VH_SHADOW_MOVSS));
	if (unlikely(rflags & X86_EFLAGS_TF))
		vmcs_write(GUEST_PENDING_DBG_EXCEPTIONS,
			   vmcs_read(GUEST_PENDING_DBG_EXCEPTIONS) | VH_PENDING_DB_STEP);
}

static bool fast_rdmsr(struct vh_vcpu *vcpu)
{
	if (!vh_msr_read_fast(vcpu))
		return false;
	skip(vcpu);
	return true;
}

static bool fast_wrmsr(struct vh_vcpu *vcpu)
{
	u64 *gpr = vcpu->s.gpr;

	if (!vh_msr_write_fast(vcpu, gpr[VH_RCX], (u32)gpr[VH_RAX] | gpr[VH_RDX] << 32))
		return false;
	vh_request(vcpu, VH_REQ_EVENT);
	skip(vcpu);
	return true;
}

/* Hypercalls: vh offers none, which is what the answer says (KVM's convention). */
static bool fast_vmcall(struct vh_vcpu *vcpu)
{
	u32 ar = vmcs_read(GUEST_SS_AR_BYTES);

	vcpu->s.gpr[VH_RAX] = (ar >> 5) & 3 ? -KVM_EPERM : -KVM_ENOSYS;
	if (!(vcpu->s.efer & EFER_LMA) || !(vmcs_read(GUEST_CS_AR_BYTES) & BIT(13)))
		vcpu->s.gpr[VH_RAX] &= 0xffffffff;
	skip(vcpu);
	return true;
}

/* Ports of the PICs and the PIT; their models take raw locks only. */
static bool fast_port(u16 port)
{
	switch (port) {
	case 0x20: case 0x21: case 0xa0: case 0xa1:
	case 0x40: case 0x41: case 0x42: case 0x43: case 0x61:
	case 0x4d0: case 0x4d1:
		return true;
	}
	return false;
}

static bool fast_io(struct vh_vcpu *vcpu)
{
	u64 qual = vmcs_read(EXIT_QUALIFICATION);
	unsigned int len = (qual & 7) + 1;
	u16 port = qual >> 16;
	u32 data = vcpu->s.gpr[VH_RAX];
	u64 mask = len == 4 ? 0xffffffff : (1ULL << len * 8) - 1;

	if ((qual & BIT(4)) || !fast_port(port))
		return false;
	if (!vh_bus_pio_chip(vcpu, port, &data, len, !(qual & BIT(3))))
		return false;
	if (qual & BIT(3))
		vcpu->s.gpr[VH_RAX] = len == 4 ? data :
				      (vcpu->s.gpr[VH_RAX] & ~mask) | (data & mask);
	else
		vh_request(vcpu, VH_REQ_EVENT);
	skip(vcpu);
	return true;
}

/* A write to the EOI register by an ordinary instruction: its data does not matter. */
static bool fast_apic_access(struct vh_vcpu *vcpu)
{
	u64 qual = vmcs_read(EXIT_QUALIFICATION);

	if ((qual & 0xfff) != 0xb0 || ((qual >> 12) & 15) != 1)
		return false;
	/* Delivery of an event wrote there: not an instruction. */
	if (vmcs_read(IDT_VECTORING_INFO_FIELD) & VECTORING_INFO_VALID_MASK)
		return false;
	vh_lapic_eoi(vcpu);
	vh_request(vcpu, VH_REQ_EVENT);
	skip(vcpu);
	return true;
}

static bool fast_hlt(struct vh_vcpu *vcpu)
{
	/* Only the cheap and certain case: a deliverable interrupt is there. */
	if (!vcpu->lapic || !(vmcs_read(GUEST_RFLAGS) & X86_EFLAGS_IF) ||
	    vh_irq_pending(vcpu) < 0)
		return false;
	vh_request(vcpu, VH_REQ_EVENT);
	skip(vcpu);
	return true;
}

/* --- without EPT; the hardware's TLB knows only the shadow --- */

static u64 gpr(struct vh_vcpu *vcpu, unsigned int reg)
{
	return reg == VH_RSP ? vmcs_read(GUEST_RSP) : vcpu->s.gpr[reg];
}

/* MOV to CR0 of which paging sees WP at most. */
static bool fast_cr0(struct vh_vcpu *vcpu, u64 value)
{
	const u64 quiet = X86_CR0_WP | X86_CR0_TS | X86_CR0_MP | X86_CR0_EM | X86_CR0_AM;
	struct vh_cpu_state *s = &vcpu->s;

	vmx_need(vcpu, VH_S_CR0);
	if ((s->cr0 ^ value) & ~quiet)
		return false;
	if (((s->cr0 ^ value) & X86_CR0_WP) && !vh_shadow_switch(vcpu, value, s->cr3, false))
		return false;
	s->cr0 = value;
	vh_dirty(vcpu, VH_S_CR0);
	return true;
}

/* MOV to CR3 with a root at hand. */
static bool fast_cr3(struct vh_vcpu *vcpu, u64 value)
{
	struct vh_cpu_state *s = &vcpu->s;
	bool flush = true;

	if (!(s->efer & EFER_LMA))
		value &= 0xffffffff;
	else if (s->cr4 & X86_CR4_PCIDE) {
		flush = !(value >> 63);
		value &= ~BIT_ULL(63);
	}
	if (value & ~GENMASK_ULL(vcpu->maxphyaddr - 1, 0))
		return false;
	return vh_shadow_switch(vcpu, s->cr0, value, flush);
}

static bool fast_cr(struct vh_vcpu *vcpu)
{
	u64 qual = vmcs_read(EXIT_QUALIFICATION), value;
	unsigned int cr = qual & 15, reg = (qual >> 8) & 15;
	bool done;

	if (!vcpu->shadow || ((qual >> 4) & 3) || !(vcpu->valid & VH_S_EFER))
		return false;
	/* Compatibility mode's operand is 32 bits; not worth a case here. */
	if ((vcpu->s.efer & EFER_LMA) && !(vmcs_read(GUEST_CS_AR_BYTES) & BIT(13)))
		return false;
	value = gpr(vcpu, reg);
	done = cr == 0 ? fast_cr0(vcpu, value) : cr == 3 ? fast_cr3(vcpu, value) : false;
	if (!done)
		return false;
	vmcs_write(GUEST_CR3, vh_shadow_hw_cr3(vcpu));
	vmx_flush_vpid(vcpu);
	skip(vcpu);
	return true;
}

static bool fast_invlpg(struct vh_vcpu *vcpu)
{
	if (!vcpu->shadow)
		return false;
	vh_shadow_invlpg(vcpu, vmcs_read(EXIT_QUALIFICATION));
	vmx_flush_vpid(vcpu);
	skip(vcpu);
	return true;
}

/* A #PF of the guest's own goes back to it; one of the shadow's is filled in. */
static bool fast_page_fault(struct vh_vcpu *vcpu)
{
	struct vh_exit *x = &vcpu->exit;
	u32 error = x->intr_error;
	u64 va;
	int r;

	/* Not while an event was being delivered, or IRET was about to unblock NMIs. */
	if (!vcpu->shadow || (x->intr_info & INTR_INFO_VECTOR_MASK) != 14 ||
	    (x->intr_info & INTR_INFO_UNBLOCK_NMI) ||
	    (vmcs_read(IDT_VECTORING_INFO_FIELD) & VECTORING_INFO_VALID_MASK))
		return false;
	va = vmcs_read(EXIT_QUALIFICATION);
	if (vcpu->s.cr4 & X86_CR4_SMAP)
		vmx_need(vcpu, VH_S_RFLAGS | VH_S_SS);
	r = vh_shadow_fault_fast(vcpu, va, &error);
	if (r == VH_FAULT_GUEST)
		vh_inject_pf(vcpu, va, error);
	return r == 0 || r == VH_FAULT_GUEST;
}

/* Not where it cut something short: that is read_vectoring()'s. */
static bool fast_pml_full(struct vh_vcpu *vcpu)
{
	if ((vmcs_read(IDT_VECTORING_INFO_FIELD) & VECTORING_INFO_VALID_MASK) ||
	    (vmcs_read(EXIT_QUALIFICATION) & BIT(12)))
		return false;
	vmx_pml_drain(vcpu);
	return true;
}

/**
 * vmx_fast_exit - try to finish the exit without leaving the window
 * @vcpu: the vCPU
 *
 * In the window. True: enter again. False: nothing was changed.
 */
bool vmx_fast_exit(struct vh_vcpu *vcpu)
{
	switch (vcpu->exit.reason) {
	case EXIT_REASON_CPUID:
		vh_cpuid_exec(vcpu);
		skip(vcpu);
		return true;
	case EXIT_REASON_MSR_READ:
		return fast_rdmsr(vcpu);
	case EXIT_REASON_MSR_WRITE:
		return fast_wrmsr(vcpu);
	case EXIT_REASON_VMCALL:
		return fast_vmcall(vcpu);
	case EXIT_REASON_IO_INSTRUCTION:
		return fast_io(vcpu);
	case EXIT_REASON_INTERRUPT_WINDOW:
		vcpu->ev.irq_window = false;
		vmx_set_proc(vcpu->vmx, vcpu->vmx->proc & ~CPU_BASED_INTR_WINDOW_EXITING);
		if (vcpu->user_pic)
			return false;	/* userspace may want to know */
		vh_request(vcpu, VH_REQ_EVENT);
		return true;
	case EXIT_REASON_NMI_WINDOW:
		vcpu->ev.nmi_window = false;
		vmx_set_proc(vcpu->vmx, vcpu->vmx->proc & ~CPU_BASED_NMI_WINDOW_EXITING);
		vh_request(vcpu, VH_REQ_EVENT);
		return true;
	case EXIT_REASON_TPR_BELOW_THRESHOLD:
		vh_request(vcpu, VH_REQ_EVENT);
		return true;
	case EXIT_REASON_APIC_ACCESS:
		return fast_apic_access(vcpu);
	case EXIT_REASON_EOI_INDUCED:
		vh_lapic_eoi_induced(vcpu, vmcs_read(EXIT_QUALIFICATION) & 0xff);
		return true;
	case EXIT_REASON_APIC_WRITE:
		if (vh_lapic_write_is_wide(vcpu, vmcs_read(EXIT_QUALIFICATION)))
			return false;
		vh_lapic_apic_write(vcpu, vmcs_read(EXIT_QUALIFICATION) & 0xff0);
		vh_request(vcpu, VH_REQ_EVENT);
		return true;
	case EXIT_REASON_HLT:
		return fast_hlt(vcpu);
	case EXIT_REASON_EXCEPTION_NMI:
		return fast_page_fault(vcpu);
	case EXIT_REASON_CR_ACCESS:
		return fast_cr(vcpu);
	case EXIT_REASON_INVLPG:
		return fast_invlpg(vcpu);
	case EXIT_REASON_WBINVD:
	case EXIT_REASON_INVD:
		/* Guest memory is ordinary cached memory: nothing needs writing back. */
		skip(vcpu);
		return true;
	}
	/* No case: without jump tables (retpolines) each makes the way to others longer. */
	if (vcpu->exit.reason == EXIT_REASON_PML_FULL)
		return fast_pml_full(vcpu);
	return false;
}

/**
 * vmx_fast_stepped - vmx_fast_exit() has finished an exit: was it an instruction that a debugger steps through?
 * @vcpu: the vCPU
 *
 * In the window. True: the exit is one of the monitor trap flag now.
 */
bool vmx_fast_stepped(struct vh_vcpu *vcpu)
{
	if (!(vcpu->debug & KVM_GUESTDBG_SINGLESTEP))
		return false;
	switch (vcpu->exit.reason) {
	case EXIT_REASON_INTERRUPT_WINDOW:
	case EXIT_REASON_NMI_WINDOW:
	case EXIT_REASON_TPR_BELOW_THRESHOLD:
	case EXIT_REASON_EXCEPTION_NMI:
	case EXIT_REASON_PML_FULL:
		return false;
	}
	vcpu->exit.reason = EXIT_REASON_MONITOR_TRAP_FLAG;
	return true;
}
