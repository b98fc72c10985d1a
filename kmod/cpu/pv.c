// SPDX-License-Identifier: GPL-2.0-only
/*
 * pv.c - what a guest and its hypervisor tell each other by MSRs and shared memory, besides the clock.
 *
 * As Documentation/virt/kvm/x86/msr.rst has it: stolen time, EOIs without an exit, and whether halts are polled.
 * Asynchronous page faults are in apf.c.
 */
#include <linux/sched.h>
#include <linux/sched/stat.h>
#include <uapi/asm/kvm_para.h>

#include "internal.h"

#define STEAL_RESERVED	GENMASK_ULL(KVM_STEAL_ALIGNMENT_BITS, 1)
#define EOI_RESERVED	BIT_ULL(1)		/* four bytes, aligned; bit 0 is not of the address */

/**
 * vh_pv_init - a new vCPU's
 * @vcpu: the vCPU
 */
void vh_pv_init(struct vh_vcpu *vcpu)
{
	vcpu->pv->poll_control = 1;
}

/**
 * vh_pv_reset - INIT: nothing is shared any more
 * @vcpu: the vCPU
 *
 * Own thread. As on KVM: the kernel that comes has not asked for it, and its memory is where the last one's was. What
 * is no address stays.
 */
void vh_pv_reset(struct vh_vcpu *vcpu)
{
	vcpu->pv->steal_msr = 0;
	vcpu->pv->eoi_msr = 0;
	vcpu->clock->system_time_msr = 0;
	vcpu->clock->enabled = false;
	vcpu->clock->flags = 0;
	vh_apf_reset(vcpu);
}

/**
 * vh_pv_msr_read - RDMSR, or userspace reading
 * @vcpu: the vCPU
 * @msr: its index
 * @value: filled in
 *
 * -ENOENT for any MSR that is not of this file.
 */
int vh_pv_msr_read(struct vh_vcpu *vcpu, u32 msr, u64 *value)
{
	const struct vh_pv *p = vcpu->pv;

	switch (msr) {
	case MSR_KVM_STEAL_TIME:
		*value = p->steal_msr;
		return 0;
	case MSR_KVM_PV_EOI_EN:
		*value = p->eoi_msr;
		return 0;
	case MSR_KVM_POLL_CONTROL:
		*value = p->poll_control;
		return 0;
	case MSR_KVM_ASYNC_PF_EN:
		*value = p->apf_msr;
		return 0;
	case MSR_KVM_ASYNC_PF_INT:
		*value = p->apf_int_msr;
		return 0;
	case MSR_KVM_ASYNC_PF_ACK:
		*value = 0;
		return 0;
	}
	return -ENOENT;
}

/**
 * vh_pv_msr_write - WRMSR, or userspace writing
 * @vcpu: the vCPU
 * @msr: its index
 * @value: new value
 *
 * -EINVAL: reserved bits; -ENOENT for any MSR that is not of this file.
 */
int vh_pv_msr_write(struct vh_vcpu *vcpu, u32 msr, u64 value)
{
	struct vh_pv *p = vcpu->pv;

	switch (msr) {
	case MSR_KVM_STEAL_TIME:
		if (!sched_info_on() || (value & STEAL_RESERVED))
			return -EINVAL;
		p->steal_msr = value;
		p->steal_fresh = true;
		vh_request(vcpu, VH_REQ_STEAL);
		return 0;
	case MSR_KVM_PV_EOI_EN:
		/*
		 * The guest looks whether it is let off the write of EOI. It never is: that is the processor's, or
		 * finished in the window, and to take it from memory would cost every look at what is in service.
		 */
		if (value & EOI_RESERVED)
			return -EINVAL;
		p->eoi_msr = value;
		return 0;
	case MSR_KVM_POLL_CONTROL:
		if (value & ~1ULL)
			return -EINVAL;
		p->poll_control = value;
		return 0;
	case MSR_KVM_ASYNC_PF_EN:
		return vh_apf_enable(vcpu, value);
	case MSR_KVM_ASYNC_PF_INT:
		return vh_apf_set_int(vcpu, value);
	case MSR_KVM_ASYNC_PF_ACK:
		vh_apf_ack(vcpu, value);
		return 0;
	}
	return -ENOENT;
}

static bool steal_on(const struct vh_pv *p)
{
	return p->steal_msr & KVM_MSR_ENABLED;
}

/**
 * vh_polls - may a halt of this vCPU's be polled for?
 * @vcpu: the vCPU
 *
 * Not when the guest does that itself (MSR_KVM_POLL_CONTROL). Own thread.
 */
bool vh_polls(const struct vh_vcpu *vcpu)
{
	return vcpu->pv->poll_control & 1;
}

static u64 run_delay(void)
{
#ifdef CONFIG_SCHED_INFO
	return current->sched_info.run_delay;
#else
	return 0;
#endif
}

/**
 * vh_steal_check - has this thread waited for a CPU since the guest was told?
 * @vcpu: the vCPU
 *
 * Own thread, process context, where the kernel may have scheduled.
 */
void vh_steal_check(struct vh_vcpu *vcpu)
{
	if (unlikely(steal_on(vcpu->pv)) && run_delay() != vcpu->pv->steal_seen)
		vh_request(vcpu, VH_REQ_STEAL);
}

/**
 * vh_steal_leave - the thread is about to give its CPU away
 * @vcpu: the vCPU
 *
 * Own thread; preemption may be off. Other vCPUs are told not to wait for this one; its own guest never sees that.
 * Advice, for which no page is waited for.
 */
void vh_steal_leave(struct vh_vcpu *vcpu)
{
	struct vh_pv *p = vcpu->pv;
	const u8 preempted = KVM_VCPU_PREEMPTED;

	if (likely(!steal_on(p)) || p->steal_fresh)
		return;
	vh_gpa_try_write_outside(vcpu, (p->steal_msr & KVM_STEAL_VALID_BITS) + offsetof(struct kvm_steal_time, preempted),
				 &preempted, sizeof(preempted));
	vh_request(vcpu, VH_REQ_STEAL);
}

/**
 * vh_steal_thread - another thread runs the vCPU
 * @vcpu: the vCPU
 *
 * Own thread. What that one has waited before was not for this vCPU.
 */
void vh_steal_thread(struct vh_vcpu *vcpu)
{
	vcpu->pv->steal_fresh = true;
}

/**
 * vh_steal_update - tell the guest how long it has waited for a CPU, and that it runs (VH_REQ_STEAL)
 * @vcpu: the vCPU
 *
 * Own thread, process context. The sum is the guest's memory's, which moves with the guest. A page outside the
 * memslots is left alone.
 */
void vh_steal_update(struct vh_vcpu *vcpu)
{
	struct vh_pv *p = vcpu->pv;
	gpa_t at = p->steal_msr & KVM_STEAL_VALID_BITS;
	const gpa_t version = at + offsetof(struct kvm_steal_time, version);
	struct kvm_steal_time st = {};
	u64 now = run_delay();
	int err;

	if (!steal_on(p))
		return;
	if (p->steal_fresh)
		p->steal_seen = now;
	err = vh_gpa_read_outside(vcpu, at, &st, offsetofend(struct kvm_steal_time, preempted));
	if (!err) {
		/* Odd while it changes; it may begin as anything. */
		st.version = (st.version + 1) | 1;
		err = vh_gpa_write_outside(vcpu, version, &st.version, sizeof(st.version));
	}
	if (err) {
		/* A signal comes first. */
		if (err == -EINTR)
			vh_request(vcpu, VH_REQ_STEAL);
		return;
	}
	p->steal_fresh = false;
	st.steal += now - p->steal_seen;
	p->steal_seen = now;
	smp_wmb();
	vh_gpa_write_outside(vcpu, at, &st.steal, sizeof(st.steal));
	if (st.preempted) {
		st.preempted = 0;
		vh_gpa_write_outside(vcpu, at + offsetof(struct kvm_steal_time, preempted), &st.preempted,
				     sizeof(st.preempted));
	}
	smp_wmb();
	st.version++;
	vh_gpa_write_outside(vcpu, version, &st.version, sizeof(st.version));
}
