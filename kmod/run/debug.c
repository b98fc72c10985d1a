// SPDX-License-Identifier: GPL-2.0-only
/*
 * debug.c - the debugger of the VMM: KVM_SET_GUEST_DEBUG and KVM_EXIT_DEBUG.
 *
 * A single step is the processor's monitor trap flag (SDM Vol. 3, 26.5.2): the guest sees neither a
 * trap flag nor a #DB of it. A step ends behind an instruction, or where an event's handler begins. What is
 * done outside the processor, an exit's instruction or an interpreted one, is told of with VH_REQ_DEBUG.
 *
 * With breakpoints of the debugger's the processor's debug registers, s.dr[] and s.dr7, are its: the guest's own are
 * put aside (vh_own_dr()), and strike no more. All other #DB and #BP remain the guest's.
 */
#include <linux/kernel.h>

#include "internal.h"

#define DB_VECTOR	1
#define BP_VECTOR	3

#define DR6_FIXED	0xffff0ff0ULL
#define DR6_BREAKPOINTS	0xfULL
#define DR6_BS		BIT_ULL(14)

/**
 * vh_debug_supported - has the processor what is behind KVM_CAP_SET_GUEST_DEBUG?
 */
bool vh_debug_supported(void)
{
	return vh_cpu_caps.step;
}

/**
 * vh_debug_report - something is the debugger's: KVM_EXIT_DEBUG before the guest is entered again
 * @vcpu: the vCPU; own thread, any context
 * @vector: #DB or #BP
 * @dr6: what of DR6 it is about; what was told before and not seen is added
 */
void vh_debug_report(struct vh_vcpu *vcpu, u8 vector, u64 dr6)
{
	struct vh_exec *exec = vcpu->exec;

	exec->debug_vector = vector;
	exec->debug_dr6 |= dr6;
	vh_request(vcpu, VH_REQ_DEBUG);
}

/**
 * vh_debug_exit - to userspace with KVM_EXIT_DEBUG, as VH_REQ_DEBUG asks
 * @vcpu: the vCPU
 *
 * Own thread, interrupts on. Returns 0.
 */
int vh_debug_exit(struct vh_vcpu *vcpu)
{
	struct kvm_debug_exit_arch *arch = &vcpu->run->debug.arch;
	struct vh_exec *exec = vcpu->exec;

	vh_need(vcpu, VH_S_RIP | VH_S_SEGS | VH_S_EFER | VH_S_DR7);
	vcpu->run->exit_reason = KVM_EXIT_DEBUG;
	arch->exception = exec->debug_vector;
	arch->pc = vh_linear_rip(vcpu);
	arch->dr6 = exec->debug_dr6 | DR6_FIXED;
	arch->dr7 = vcpu->s.dr7;
	exec->debug_dr6 = 0;
	/* It may have waited for this. */
	if (vcpu->ev.smi_pending)
		vh_request(vcpu, VH_REQ_SMI);
	return 0;
}

/**
 * vh_debug_trap - which part of a #DB is the guest's?
 * @vcpu: the vCPU; own thread
 * @dr6: what DR6 would say of it
 *
 * The rest, breakpoints of the debugger's, is told to that one.
 */
u64 vh_debug_trap(struct vh_vcpu *vcpu, u64 dr6)
{
	if (!(vcpu->debug & KVM_GUESTDBG_USE_HW_BP) || !(dr6 & DR6_BREAKPOINTS))
		return dr6;
	vh_debug_report(vcpu, DB_VECTOR, dr6 & DR6_BREAKPOINTS);
	return dr6 & ~DR6_BREAKPOINTS;
}

/**
 * vh_debug_stepped - the instruction of a single step is done, or an event delivered
 * @vcpu: the vCPU; own thread, interrupts on
 *
 * Traps of the debugger's that came with it are told at once; the guest's stay pending.
 */
void vh_debug_stepped(struct vh_vcpu *vcpu)
{
	struct vh_cpu_state *s = &vcpu->s;
	u64 hits = 0;

	vh_need(vcpu, VH_S_PENDING_DB);
	if (vcpu->debug & KVM_GUESTDBG_USE_HW_BP && s->pending_db & VH_PENDING_DB_ENABLED) {
		hits = s->pending_db & DR6_BREAKPOINTS;
		s->pending_db &= ~(DR6_BREAKPOINTS | VH_PENDING_DB_ENABLED);
		vh_dirty(vcpu, VH_S_PENDING_DB);
	}
	vh_debug_report(vcpu, DB_VECTOR, DR6_BS | hits);
}

/**
 * vh_debug_breakpoint - INT3: is it the debugger's?
 * @vcpu: the vCPU; own thread
 * @len: bytes of the instruction
 *
 * True: it is not executed, and will be told of.
 */
bool vh_debug_breakpoint(struct vh_vcpu *vcpu, u8 len)
{
	if (!(vcpu->debug & KVM_GUESTDBG_USE_SW_BP))
		return false;
	vcpu->ev.int3_len = len;
	vh_debug_report(vcpu, BP_VECTOR, 0);
	return true;
}

/**
 * vh_debug_guards_dr - MOV DR: does the debugger's DR7.GD stop it?
 * @vcpu: the vCPU; own thread
 *
 * True: it is not executed, and will be told of.
 */
bool vh_debug_guards_dr(struct vh_vcpu *vcpu)
{
	vh_need(vcpu, VH_S_DR7);
	if (!(vcpu->debug & KVM_GUESTDBG_USE_HW_BP) || !(vcpu->s.dr7 & VH_DR7_GD))
		return false;
	vh_debug_report(vcpu, DB_VECTOR, VH_DR6_BD);
	return true;
}

/* The debug registers change hands. */
static void own_registers(struct vh_vcpu *vcpu, const struct kvm_guest_debug *d, u32 control)
{
	struct vh_cpu_state *s = &vcpu->s;

	vh_need(vcpu, VH_S_DR7);
	if (!(vcpu->debug & KVM_GUESTDBG_USE_HW_BP)) {
		memcpy(vcpu->own_dr, s->dr, sizeof(s->dr));
		vcpu->own_dr7 = s->dr7;
	}
	if (control & KVM_GUESTDBG_USE_HW_BP) {
		memcpy(s->dr, d->arch.debugreg, sizeof(s->dr));
		s->dr7 = (d->arch.debugreg[7] & VH_DR7_WRITABLE) | VH_DR7_FIXED;
	} else {
		memcpy(s->dr, vcpu->own_dr, sizeof(s->dr));
		s->dr7 = vcpu->own_dr7;
	}
	vh_dirty(vcpu, VH_S_DR7);
}

/**
 * vh_debug_set - KVM_SET_GUEST_DEBUG
 * @vcpu: the vCPU; own thread, process context
 * @d: what userspace asks for
 *
 * -EINVAL: bits that are not known, registers that the processor does not take, or no such processor; -EBUSY: an
 * exception is to be injected while another is pending.
 */
int vh_debug_set(struct vh_vcpu *vcpu, const struct kvm_guest_debug *d)
{
	const u32 inject = KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP;
	u32 control = d->control & ~inject;

	if (!vh_debug_supported() || (d->control & ~VH_GUESTDBG_VALID))
		return -EINVAL;
	if (!(control & KVM_GUESTDBG_ENABLE))
		control = 0;
	if ((control & KVM_GUESTDBG_USE_HW_BP) && d->arch.debugreg[7] >> 32)
		return -EINVAL;
	if (d->control & inject) {
		if (vcpu->ev.exception_pending)
			return -EBUSY;
		if (d->control & KVM_GUESTDBG_INJECT_DB)
			vh_inject_fault(vcpu, &(struct vh_fault){ .vector = DB_VECTOR });
		else
			vh_inject_soft(vcpu, BP_VECTOR, vcpu->ev.int3_len);
	}
	if ((vcpu->debug | control) & KVM_GUESTDBG_USE_HW_BP)
		own_registers(vcpu, d, control);
	if (vcpu->lapic && ((vcpu->debug ^ control) & KVM_GUESTDBG_BLOCKIRQ))
		vh_request(vcpu, VH_REQ_APIC_MODE);
	vcpu->debug = control;
	vcpu->exec->step = control & KVM_GUESTDBG_SINGLESTEP ? VH_HIT_STEP : 0;
	/* What nobody was told of is not waited for any more. */
	vh_test_request(vcpu, VH_REQ_DEBUG);
	vcpu->exec->debug_dr6 = 0;
	if (vcpu->ev.smi_pending)
		vh_request(vcpu, VH_REQ_SMI);
	vh_request(vcpu, VH_REQ_DEBUG_CONTROLS);
	vh_request(vcpu, VH_REQ_EVENT);
	return 0;
}
