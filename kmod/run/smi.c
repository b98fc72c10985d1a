// SPDX-License-Identifier: GPL-2.0-only
/*
 * smi.c - when system management mode begins and ends; what it is, is cpu/smm.c's.
 *
 * VH_REQ_SMI: an SMI has come, or one that waits (ev.smi_pending) may be due. It is taken between two instructions, by
 * the run loop, when no event is half delivered. One that has to wait for an event's delivery makes the guest exit
 * right behind it (prepare_events()); RSM, and whatever else ends the wait, set the request anew.
 */
#include "internal.h"

/* 1: shall be tried again; else as vh_handle_exit(). */
static int not_done(struct vh_vcpu *vcpu, int err, gpa_t gpa)
{
	if (err == -EINTR)
		return 1;		/* the loop sees the signal */
	return err == -EFAULT ? vh_memory_fault(vcpu, gpa) : err;
}

static bool can_be_taken(struct vh_vcpu *vcpu)
{
	if (vcpu->smm || (vcpu->debug & KVM_GUESTDBG_BLOCKIRQ))
		return false;
	if (vcpu->mp_state != KVM_MP_STATE_RUNNABLE && vcpu->mp_state != KVM_MP_STATE_HALTED)
		return false;
	if (vh_delivery_pending(vcpu))
		return false;
	/* A trap is delivered before: it is not among what is saved. */
	vh_need(vcpu, VH_S_PENDING_DB);
	return !(vcpu->s.pending_db & (VH_PENDING_DB_ENABLED | VH_PENDING_DB_STEP));
}

/**
 * vh_smi - VH_REQ_SMI: take the SMI, or keep it until it can be
 * @vcpu: the vCPU
 *
 * Own thread, process context, between two instructions. 1: go on; else as vh_handle_exit(), and it is kept.
 */
int vh_smi(struct vh_vcpu *vcpu)
{
	gpa_t gpa = 0;
	int err;

	vcpu->ev.smi_pending = true;
	if (!can_be_taken(vcpu))
		return 1;
	vcpu->ev.smi_pending = false;
	err = vh_smm_enter(vcpu, vcpu->mp_state == KVM_MP_STATE_HALTED, &gpa);
	if (err) {
		vh_request(vcpu, VH_REQ_SMI);
		return not_done(vcpu, err, gpa);
	}
	vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
	if (vh_stepping(vcpu))
		vh_debug_stepped(vcpu);
	return 1;
}

/**
 * vh_smi_return - RSM
 * @vcpu: the vCPU, in SMM
 *
 * Own thread, process context. Results as vh_handle_exit().
 */
int vh_smi_return(struct vh_vcpu *vcpu)
{
	bool halted = false;
	gpa_t gpa = 0;
	int err = vh_smm_leave(vcpu, &halted, &gpa);

	if (err == -EINVAL) {
		vh_request(vcpu, VH_REQ_TRIPLE_FAULT);
		return 1;
	}
	if (err)
		return not_done(vcpu, err, gpa);
	if (vh_stepping(vcpu))
		vh_debug_stepped(vcpu);
	/* HLT goes on, unless the handler says otherwise (SDM Vol. 3, 32.10). */
	return halted ? vh_halt(vcpu) : 1;
}

/**
 * vh_smi_exit_ud - #UD in SMM, which is what the processor makes of RSM
 * @vcpu: the vCPU
 *
 * Own thread, process context. Results as vh_handle_exit().
 */
int vh_smi_exit_ud(struct vh_vcpu *vcpu)
{
	switch (vh_emulate_is_rsm(vcpu)) {
	case VH_EMUL_RSM:
		return vh_smi_return(vcpu);
	case VH_EMUL_RETRY:
		return 1;
	}
	vh_inject_ud(vcpu);
	return 1;
}
