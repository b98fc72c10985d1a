// SPDX-License-Identifier: GPL-2.0-only
/*
 * run.c - KVM_RUN: requests, halts, sections, exits, until userspace is due.
 */
#include <linux/interrupt.h>
#include <linux/moduleparam.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>

#include "../compat/arch.h"
#include "../compat/work.h"
#include "../vmx/vmx.h"
#include "internal.h"

static unsigned int halt_poll_ns = 200000;
module_param(halt_poll_ns, uint, 0644);
MODULE_PARM_DESC(halt_poll_ns, "longest time a halted vCPU polls before it sleeps, ns (0: never)");

#define HALT_POLL_START	10000

/* INIT of a vCPU (SDM Vol. 3, Table 10-1). */
static void init_event(struct vh_vcpu *vcpu)
{
	vh_state_reset(vcpu, true);
	vh_fpu_reset(vcpu, true);
	vh_pv_reset(vcpu);
	if (vcpu->lapic)
		vh_lapic_reset(vcpu, true);
	memset(&vcpu->ev, 0, sizeof(vcpu->ev));
	vcpu->ev.int3_len = 1;
	atomic_set(&vcpu->nmi_queued, 0);
	vh_cpuid_refresh(vcpu);
	vh_mmu_new_paging(vcpu);
	vh_mmu_flush(vcpu, VH_FLUSH_ALL, 0);
}

/* INIT and SIPI, in this order when both are there. */
static void apic_events(struct vh_vcpu *vcpu)
{
	/* INIT waits for the end of SMM, a SIPI is lost (SDM Vol. 3, 32.4, 32.5.1). */
	if (vcpu->smm) {
		clear_bit(1, &vcpu->apic_events);
		return;
	}
	if (test_and_clear_bit(0, &vcpu->apic_events)) {
		init_event(vcpu);
		vcpu->mp_state = vcpu->id == vcpu->vm->bsp_id ? KVM_MP_STATE_RUNNABLE :
								KVM_MP_STATE_INIT_RECEIVED;
	}
	if (test_and_clear_bit(1, &vcpu->apic_events) &&
	    vcpu->mp_state == KVM_MP_STATE_INIT_RECEIVED) {
		struct kvm_segment *cs = &vcpu->s.seg[VH_CS];
		u8 vector = READ_ONCE(vcpu->sipi_vector);

		vh_need(vcpu, VH_S_SEGS | VH_S_RIP);
		cs->selector = vector << 8;
		cs->base = (u64)vector << 12;
		vcpu->s.rip = 0;
		vh_dirty(vcpu, VH_S_SEGS | VH_S_RIP);
		vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
		if (vcpu->ev.smi_pending)
			vh_request(vcpu, VH_REQ_SMI);
	}
}

/* An SMI that has not been looked at. */
static bool smi_due(const struct vh_vcpu *vcpu)
{
	return READ_ONCE(vcpu->requests) & BIT(VH_REQ_SMI);
}

/* A page that came while the guest had nothing else to do: it is told. */
static bool late_due(const struct vh_vcpu *vcpu)
{
	return READ_ONCE(vcpu->requests) & BIT(VH_REQ_LATE);
}

/* Is there a reason for a halted vCPU to go on? RFLAGS and INTR are valid. */
static bool runnable(struct vh_vcpu *vcpu)
{
	/* In SMM they are latched. */
	if (READ_ONCE(vcpu->apic_events) && !vcpu->smm)
		return true;
	if (vcpu->mp_state != KVM_MP_STATE_HALTED)
		return vcpu->mp_state == KVM_MP_STATE_RUNNABLE;
	if (smi_due(vcpu))
		return true;
	if (vh_event_due(vcpu))
		return true;
	return vh_irq_allowed(vcpu) && (vcpu->lapic ? vh_irq_pending(vcpu) >= 0 :
						      vcpu->user_irq >= 0);
}

/* Polling pays when the wake-up comes soon: grow on a near miss, shrink on a long sleep. */
static void adapt_halt_poll(struct vh_vcpu *vcpu, u64 waited, bool polled)
{
	unsigned int max = READ_ONCE(halt_poll_ns);

	if (!max)
		vcpu->exec->halt_poll_ns = 0;
	else if (polled)
		return;
	else if (waited > max)
		vcpu->exec->halt_poll_ns = 0;
	else
		vcpu->exec->halt_poll_ns = min(max, vcpu->exec->halt_poll_ns ? vcpu->exec->halt_poll_ns * 2 :
								    HALT_POLL_START);
}

/* HLT, and userspace waits for a moment when its 8259s' interrupt is taken: it is now. */
static bool halted_in_window(struct vh_vcpu *vcpu)
{
	if (likely(!vcpu->user_pic) || vcpu->mp_state != KVM_MP_STATE_HALTED || !vh_wants_window(vcpu))
		return false;
	vh_need(vcpu, VH_S_RFLAGS | VH_S_INTR);
	return vh_irq_allowed(vcpu);
}

/* Wait until the vCPU has something to do. 0, or -EINTR. */
static int block(struct vh_vcpu *vcpu)
{
	ktime_t start = ktime_get(), now = start, stop;
	u64 waited;
	bool polled = false;

	vh_need(vcpu, VH_S_RFLAGS | VH_S_INTR);
	stop = ktime_add_ns(start, vh_polls(vcpu) ? min(vcpu->exec->halt_poll_ns, READ_ONCE(halt_poll_ns)) : 0);
	vcpu->halt_polls += ktime_before(now, stop);
	while (ktime_before(now, stop) && single_task_running() && !need_resched() &&
	       !signal_pending(current) && !late_due(vcpu) && !READ_ONCE(vcpu->vm->control)) {
		if (runnable(vcpu)) {
			polled = true;
			break;
		}
		cpu_relax();
		now = ktime_get();
	}
	waited = ktime_to_ns(ktime_sub(now, start));
	vcpu->halt_polled += waited;
	if (polled) {
		vcpu->halt_poll_hit++;
		vcpu->halt_poll_hit_ns += waited;
	} else {
		vh_steal_leave(vcpu);
		/* A command is followed at once, also where nothing wakes the guest: CLI, HLT. */
		rcuwait_wait_event(&vcpu->wait, runnable(vcpu) || late_due(vcpu) || signal_pending(current) ||
				   READ_ONCE(vcpu->vm->control), TASK_INTERRUPTIBLE);
	}
	waited = ktime_to_ns(ktime_sub(ktime_get(), start));
	if (!polled)
		vcpu->halt_waited += waited - ktime_to_ns(ktime_sub(now, start));
	adapt_halt_poll(vcpu, waited, polled);
	if (runnable(vcpu)) {
		vcpu->halt_wakeups += !polled;
		/* What an SMI finds is a halt. */
		if (vcpu->mp_state == KVM_MP_STATE_HALTED && !smi_due(vcpu))
			vcpu->mp_state = KVM_MP_STATE_RUNNABLE;
		vh_request(vcpu, VH_REQ_EVENT);
	}
	return 0;
}

/* Requests that need process context. 1: go on; 0: to userspace; -ENOMEM. */
static int slow_requests(struct vh_vcpu *vcpu)
{
	/* First of all, for whatever follows may write. */
	if (unlikely(vh_test_request(vcpu, VH_REQ_RING)) && vh_ring_full(vcpu)) {
		vcpu->run->exit_reason = KVM_EXIT_DIRTY_RING_FULL;
		return 0;
	}
	/* What it is about is looked at once more: it may have come since. */
	if (vh_test_request(vcpu, VH_REQ_CONTROL))
		return 1;
	if (vh_test_request(vcpu, VH_REQ_TRIPLE_FAULT)) {
		vh_vm_crashed(vcpu->vm, VH_CRASH_TRIPLE_FAULT);
		vcpu->run->exit_reason = KVM_EXIT_SHUTDOWN;
		return 0;
	}
	if (vh_test_request(vcpu, VH_REQ_EOI_EXIT)) {
		vcpu->run->eoi.vector = vh_lapic_ended(vcpu);
		vcpu->run->exit_reason = KVM_EXIT_IOAPIC_EOI;
		return 0;
	}
	if (vh_test_request(vcpu, VH_REQ_PAYLOAD))
		vh_events_payload(vcpu);
	if (vh_test_request(vcpu, VH_REQ_DEBUG))
		return vh_debug_exit(vcpu);
	/* No other exit has come that could tell of it (told_at_last()). */
	if (unlikely(READ_ONCE(vcpu->requests) & BIT(VH_REQ_BUS_LOCK))) {
		vcpu->run->exit_reason = KVM_EXIT_X86_BUS_LOCK;
		return 0;
	}
	if (vh_test_request(vcpu, VH_REQ_SMI)) {
		int r = vh_smi(vcpu);

		if (r <= 0)
			return r;
	}
	if (vh_test_request(vcpu, VH_REQ_APIC_EVENT))
		apic_events(vcpu);
	if (vh_test_request(vcpu, VH_REQ_ACKED))
		vh_irq_tell_acks(vcpu->vm);
	if (vh_test_request(vcpu, VH_REQ_TIMER))
		vh_lapic_timer_resume(vcpu);
	/* The guest's watchdogs are to know where the time went. */
	if (vh_test_request(vcpu, VH_REQ_STOPPED))
		vh_clock_ctrl(vcpu);
	if (vh_test_request(vcpu, VH_REQ_CLOCK))
		vh_clock_update(vcpu);
	if (vh_test_request(vcpu, VH_REQ_STEAL))
		vh_steal_update(vcpu);
	if (vh_test_request(vcpu, VH_REQ_LATE))
		vh_apf_work(vcpu);
	if (vh_test_request(vcpu, VH_REQ_MMU)) {
		int err = vh_shadow_load(vcpu);

		/* What CR3 is in the hardware may be gone: the next KVM_RUN tries again. */
		if (err) {
			vh_request(vcpu, VH_REQ_MMU);
			return err;
		}
	}
	if (vh_test_request(vcpu, VH_REQ_APIC_PAGE))
		vh_request(vcpu, VH_REQ_APIC_MODE);
	return 1;
}

/*
 * The guest's context on this CPU; host interrupts do not end it, but for what they leave to
 * softirqs: where the FPU's section disables these (7.2), they run when it ends.
 */
static enum vh_window section(struct vh_vcpu *vcpu)
{
	enum vh_window win;

	vh_fpu_enter(vcpu);
	vh_vmx_load(vcpu);
	do {
		win = vh_window_run(vcpu);
	} while (win == VH_WIN_AGAIN && !vh_work_pending() && !local_softirq_pending());
	vh_vmx_unload(vcpu);
	if (unlikely(vh_resched_pending())) {
		/* A kernel that preempts itself does it as soon as it may. */
		preempt_disable();
		vh_fpu_leave(vcpu);
		vh_steal_leave(vcpu);
		preempt_enable();
	} else {
		vh_fpu_leave(vcpu);
	}
	return win;
}

/* The one instruction that was lent to the processor. */
static noinline enum vh_window lent_section(struct vh_vcpu *vcpu)
{
	struct vh_own_state own;
	enum vh_window win;

	vcpu->exec->lend = false;
	vh_lend(vcpu, &own);
	win = section(vcpu);
	vh_take_back(vcpu, &own);
	return win;
}

static int entry_failed(struct vh_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_FAIL_ENTRY;
	run->fail_entry.hardware_entry_failure_reason =
		vcpu->exit.reason ? vcpu->exit.reason : vcpu->exit.fail_code;
	run->fail_entry.cpu = vcpu->cpu;
	vh_vm_crashed(vcpu->vm, VH_CRASH_FAIL_ENTRY);
	return 0;
}

static int interrupted(struct vh_vcpu *vcpu)
{
	vcpu->run->exit_reason = KVM_EXIT_INTR;
	return -EINTR;
}

static void give_way(struct vh_vcpu *vcpu)
{
	vh_steal_leave(vcpu);
	cond_resched();
}

static int run_loop(struct vh_vcpu *vcpu)
{
	bool lend;
	int r;

	for (;;) {
		if (unlikely(READ_ONCE(vcpu->vm->control))) {
			r = vh_control(vcpu);
			if (r <= 0)
				return r;
		}
		if (READ_ONCE(vcpu->requests)) {
			r = slow_requests(vcpu);
			if (r <= 0)
				return r;
		}
		if (unlikely(vh_work_pending())) {
			if (vh_resched_pending())
				vh_steal_leave(vcpu);
			r = vh_work();
			if (r) {
				vcpu->signal_exits++;
				interrupted(vcpu);
				return r;
			}
		}
		if (unlikely(vcpu->mp_state != KVM_MP_STATE_RUNNABLE)) {
			if (halted_in_window(vcpu)) {
				vcpu->run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
				return 0;
			}
			block(vcpu);
			vh_steal_check(vcpu);
			continue;
		}
		lend = false;
		if (unlikely(vh_must_interpret(vcpu))) {
			if (vh_immediate_exit(vcpu->run))
				return interrupted(vcpu);
			r = vh_interpret(vcpu);
			if (r <= 0)
				return r;
			lend = vcpu->exec->lend;
			if (!lend) {
				cond_resched();
				continue;
			}
		} else if (vh_interpret_all && vh_interpret_this(vcpu)) {
			if (vh_immediate_exit(vcpu->run))
				return interrupted(vcpu);
			r = vh_emulate(vcpu);
			if (r <= 0)
				return r;
			cond_resched();
			continue;
		}
		switch (unlikely(lend) ? lent_section(vcpu) : section(vcpu)) {
		case VH_WIN_EXIT:
			r = vh_handle_exit(vcpu);
			if (r <= 0)
				return r;
			break;
		case VH_WIN_FAILED:
			return entry_failed(vcpu);
		case VH_WIN_LOST:
			vh_vm_lost(vcpu);
			return -EIO;
		case VH_WIN_NO_ROOT:
			schedule_timeout_interruptible(1);
			break;
		case VH_WIN_AGAIN:
		case VH_WIN_BREAK:
			vh_clock_check(vcpu, false);
			if (vh_immediate_exit(vcpu->run))
				return interrupted(vcpu);
			if (need_resched())
				give_way(vcpu);
			vh_steal_check(vcpu);
			continue;
		}
		cond_resched();
	}
}

/* What every return to userspace tells (<linux/kvm.h>, struct kvm_run). */
static void tell_userspace(struct vh_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	vh_need(vcpu, VH_S_RFLAGS);
	run->if_flag = !!(vcpu->s.rflags & X86_EFLAGS_IF);
	run->flags = vcpu->smm ? KVM_RUN_X86_SMM : 0;
	if (vcpu->lapic) {
		run->cr8 = vh_lapic_tpr(vcpu) >> 4;
		run->apic_base = vh_lapic_base(vcpu);
	} else {
		run->cr8 = vcpu->user_cr8;
		run->apic_base = vcpu->user_apic_base;
	}
	run->ready_for_interrupt_injection = 1;
	if (vcpu->user_pic) {
		vh_need(vcpu, VH_S_INTR);
		run->ready_for_interrupt_injection = vcpu->user_irq < 0 && vh_irq_allowed(vcpu) &&
						     !vh_event_due(vcpu) &&
						     (!vcpu->lapic || vh_lapic_accepts_pic(vcpu));
	}
}

#define REQUESTS_TOLD	(BIT(VH_REQ_ACKED) | BIT(VH_REQ_BUS_LOCK))

/* What is not left for the next KVM_RUN: nobody knows when that is. */
static noinline void told_at_last(struct vh_vcpu *vcpu)
{
	if (vh_test_request(vcpu, VH_REQ_ACKED))
		vh_irq_tell_acks(vcpu->vm);
	if (vh_test_request(vcpu, VH_REQ_BUS_LOCK))
		vcpu->run->flags |= KVM_RUN_X86_BUS_LOCK;
}

/**
 * vh_vcpu_run - KVM_RUN
 * @vcpu: the vCPU
 *
 * vcpu->lock held. Returns 0 with vcpu->run->exit_reason, or -EINTR (signal,
 * immediate_exit), -ERESTARTNOHAND (there is something to be done on the way to user mode), -EFAULT (memory behind a memslot is gone), -EIO (the VM was
 * stopped for an impossible state), -ENOMEM.
 */
int vh_vcpu_run(struct vh_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;
	int (*complete)(struct vh_vcpu *vcpu) = vcpu->exec->complete;
	sigset_t saved;
	int r = 1;

	if (vcpu->sigmask_set)
		sigprocmask(SIG_SETMASK, &vcpu->sigmask, &saved);
	if (unlikely(rcu_access_pointer(vcpu->pid) != task_pid(current))) {
		struct pid *old = rcu_dereference_protected(vcpu->pid, 1);

		rcu_assign_pointer(vcpu->pid, get_task_pid(current, PIDTYPE_PID));
		vh_steal_thread(vcpu);
		if (old) {
			synchronize_rcu();
			put_pid(old);
		}
	}
	if (complete) {
		vcpu->exec->complete = NULL;
		r = complete(vcpu);
	}
	if (vcpu->user_pic) {
		u8 cr8 = READ_ONCE(run->cr8) & 15;

		if (r == 1 && !vcpu->lapic)
			vcpu->user_cr8 = cr8;
		vh_request(vcpu, VH_REQ_EVENT);
	}
	/* To finish an exit and no more: what it was is still there to be read, as in KVM. */
	if (r > 0 && vh_immediate_exit(run)) {
		r = -EINTR;
	} else if (r > 0) {
		run->exit_reason = KVM_EXIT_UNKNOWN;
		r = run_loop(vcpu);
	}
	if (unlikely(r < 0) && (r == -EFAULT || r == -ENOMEM))
		vh_vm_crashed(vcpu->vm, VH_CRASH_MEMORY);
	tell_userspace(vcpu);
	if (unlikely(READ_ONCE(vcpu->requests) & REQUESTS_TOLD))
		told_at_last(vcpu);
	if (vcpu->sigmask_set)
		sigprocmask(SIG_SETMASK, &saved, NULL);
	return r;
}
