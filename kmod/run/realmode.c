// SPDX-License-Identifier: GPL-2.0-only
/*
 * realmode.c - guest states that this processor cannot enter, by interpretation.
 *
 * Without unrestricted guest VM entry wants protected mode with segments that
 * protected mode could have loaded (SDM 27.3.1.2). Real mode, and the
 * instructions around a mode switch, are executed one by one until the state
 * can be entered; those that the interpreter does not know by the processor (lend.c).
 */
#include <linux/moduleparam.h>
#include <asm/vmx.h>

#include "../compat/work.h"
#include "internal.h"

/* Limit and granularity must agree. */
static bool limit_ok(const struct kvm_segment *s)
{
	return s->g ? (s->limit & 0xfff) == 0xfff : !(s->limit >> 20);
}

static bool unusable(const struct kvm_segment *s)
{
	return s->unusable || !s->present;
}

static bool vm86_ok(const struct kvm_segment *s)
{
	return s->base == (u64)s->selector << 4 && s->limit == 0xffff && s->type == 3 &&
	       s->s && s->dpl == 3 && s->present && !s->unusable && !s->avl && !s->l &&
	       !s->db && !s->g;
}

static bool data_ok(const struct kvm_segment *s)
{
	if (unusable(s))
		return true;
	return s->s && (s->type & 1) && (s->type & 0xa) != 8 && limit_ok(s) &&
	       (s->type > 11 || s->dpl >= (s->selector & 3));
}

/* SDM 27.3.1.2, for a processor without unrestricted guest. */
static bool enterable(const struct vh_cpu_state *s)
{
	const struct kvm_segment *cs = &s->seg[VH_CS], *ss = &s->seg[VH_SS];
	const struct kvm_segment *ldt = &s->seg[VH_LDTR], *tr = &s->seg[VH_TR];
	int i;

	if (!(s->cr0 & X86_CR0_PE))
		return false;
	if (s->rflags & X86_EFLAGS_VM) {
		for (i = VH_ES; i <= VH_GS; i++)
			if (!vm86_ok(&s->seg[i]))
				return false;
	} else {
		if (unusable(cs) || !cs->s || (cs->type & 9) != 9 || !limit_ok(cs) ||
		    (cs->selector & 3) != (ss->selector & 3) || (ss->selector & 3) != ss->dpl)
			return false;
		if (cs->type & 4 ? cs->dpl > ss->dpl : cs->dpl != ss->dpl)
			return false;
		if ((s->efer & EFER_LMA) && cs->l && cs->db)
			return false;
		if (!unusable(ss) && (!ss->s || (ss->type & 0xb) != 3 || !limit_ok(ss)))
			return false;
		for (i = VH_ES; i <= VH_GS; i++)
			if (i != VH_CS && i != VH_SS && !data_ok(&s->seg[i]))
				return false;
	}
	if (!unusable(ldt) && (ldt->type != 2 || ldt->s || (ldt->selector & 4) || !limit_ok(ldt)))
		return false;
	return !(tr->selector & 4) && limit_ok(tr);
}

/**
 * vh_must_interpret - is the guest's state one that VM entry would refuse?
 * @vcpu: the vCPU
 *
 * Own thread. State that the processor itself left behind is always enterable,
 * so only what was changed in memory is looked at. Whoever changes RFLAGS.VM
 * changes segments as well, or marks them.
 */
bool vh_must_interpret(struct vh_vcpu *vcpu)
{
	if (vh_cpu_caps.unrestricted ||
	    !(vcpu->dirty & (VH_S_SEGS | VH_S_TABLES | VH_S_CR0 | VH_S_EFER)))
		return false;
	vh_need(vcpu, VH_S_SEGS | VH_S_TABLES | VH_S_CR0 | VH_S_RFLAGS | VH_S_EFER);
	return !enterable(&vcpu->s);
}

#ifdef VH_DEBUG
bool vh_interpret_all;
module_param_named(interpret, vh_interpret_all, bool, 0444);
MODULE_PARM_DESC(interpret, "debug build: interpret all instructions that the interpreter knows");

static unsigned int vh_mistake;
module_param_named(mistake, vh_mistake, uint, 0444);
MODULE_PARM_DESC(mistake, "debug build: the interpreter has this fault, for tests/differ alone");

#define MISTAKE_ADC	1	/* ADC leaves CF clear */
#define MISTAKE_WRITE	2	/* the page fault of a write says that it was a read */
#define MISTAKE_PUSH	3	/* PUSH of a register goes 2 bytes too far */

/**
 * vh_make_mistake - what the parameter "mistake" makes of an instruction that is done
 * @e: the instruction
 * @r: how it ended, VH_EMUL_*
 *
 * A test that finds none of them finds nothing.
 */
void vh_make_mistake(struct vh_emul *e, int r)
{
	bool first_map = e->d.opcode_map == 1;

	if (vh_mistake == MISTAKE_ADC && !r && first_map && e->d.opcode >= 0x10 && e->d.opcode < 0x16)
		e->rflags &= ~(u64)X86_EFLAGS_CF;
	if (vh_mistake == MISTAKE_WRITE && r == VH_EMUL_FAULT && e->fault.vector == 14)
		e->fault.error &= ~2u;
	if (vh_mistake == MISTAKE_PUSH && !r && first_map && (e->d.opcode & 0xf8) == 0x50)
		e->gpr[VH_RSP] -= 2;
}

/* An interrupt that is to be taken now, or its window told of. */
static bool irq_waits(struct vh_vcpu *vcpu)
{
	vh_need(vcpu, VH_S_RFLAGS | VH_S_INTR);
	if (!vh_irq_allowed(vcpu))
		return false;
	if (vh_wants_window(vcpu))
		return true;
	return vcpu->lapic ? READ_ONCE(vcpu->requests) & BIT(VH_REQ_EVENT) : vcpu->user_irq >= 0;
}

/**
 * vh_interpret_this - is the next instruction the interpreter's, or the processor's?
 * @vcpu: the vCPU, with "interpret"
 *
 * Own thread, interrupts on. The processor delivers events, has breakpoints, and executes what
 * the interpreter has just refused: vcpu->stepping has it exit behind that.
 */
bool vh_interpret_this(struct vh_vcpu *vcpu)
{
	struct vh_cpu_state *s = &vcpu->s;

	vh_need(vcpu, VH_S_RIP | VH_S_PENDING_DB | VH_S_DR7 | VH_S_INTR);
	vcpu->stepping = vh_event_due(vcpu) || s->pending_db || (s->dr7 & 0xff) || irq_waits(vcpu) ||
			 (vcpu->exec->failed && vcpu->exec->failed_rip == s->rip);
	return !vcpu->stepping;
}
#endif

/* Userspace's 8259s: have they an interrupt, and could it be taken now? */
static bool user_window(struct vh_vcpu *vcpu)
{
	return vh_wants_window(vcpu) && vh_irq_allowed(vcpu);
}

/* Traps that the processor left behind the instruction that led here, or that was lent to it (SDM Vol. 3, 25.4.2). */
static void processor_traps(struct vh_vcpu *vcpu)
{
	struct vh_cpu_state *s = &vcpu->s;
	u64 dr6 = 0;

	vh_need(vcpu, VH_S_PENDING_DB);
	if (vcpu->ev.exception_pending || (s->interruptibility & (VH_SHADOW_STI | VH_SHADOW_MOVSS)))
		return;
	if (s->pending_db & VH_PENDING_DB_STEP)
		dr6 = BIT(14);
	if (s->pending_db & VH_PENDING_DB_ENABLED)
		dr6 |= s->pending_db & 0xf;
	if (!dr6)
		return;
	s->pending_db = 0;
	vh_dirty(vcpu, VH_S_PENDING_DB);
	vh_inject_trap(vcpu, dr6);
}

static int deliver_this(struct vh_vcpu *vcpu, const struct vh_injection *inj)
{
	/* The hardware's copy of what is requested and in service is stale now. */
	vh_request(vcpu, VH_REQ_APIC_MODE);
	vh_request(vcpu, VH_REQ_EVENT);
	if ((inj->info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_NMI_INTR) {
		vcpu->s.interruptibility |= VH_BLOCKED_NMI;
		vh_dirty(vcpu, VH_S_INTR);
	}
	if (vcpu->ev.smi_pending && !vcpu->smm)
		vh_request(vcpu, VH_REQ_SMI);
	return vcpu->s.cr0 & X86_CR0_PE ? vh_emulate_event(vcpu, inj) : vh_emulate_real_int(vcpu, inj);
}

/**
 * vh_deliver_by_software - the event whose delivery by the processor an exit cut short
 * @vcpu: the vCPU; vh_can_lend()
 *
 * Own thread, interrupts on. Returns as vh_handle_exit() does.
 */
int vh_deliver_by_software(struct vh_vcpu *vcpu)
{
	struct vh_injection inj;

	vh_need(vcpu, VH_S_RFLAGS | VH_S_INTR | VH_S_CR0 | VH_S_PENDING_DB);
	vh_inject_select(vcpu, false, &inj);
	return inj.info ? deliver_this(vcpu, &inj) : 1;
}

/*
 * The next event, through the interrupt vector table or, at CPL 0, the IDT. 1: go on; else as
 * vh_handle_exit(). In vm86 and at other levels events wait for an enterable state.
 * *waiting: one is there that cannot be taken yet, look again after each instruction.
 * *delivered: one was.
 */
static int deliver(struct vh_vcpu *vcpu, bool *waiting, bool *delivered)
{
	struct vh_injection inj;

	clear_bit(VH_REQ_EVENT, &vcpu->requests);
	smp_mb__after_atomic();
	*waiting = true;
	vh_need(vcpu, VH_S_RFLAGS | VH_S_INTR | VH_S_CR0);
	if ((vcpu->s.cr0 & X86_CR0_PE) && !vh_can_lend(vcpu)) {
		if (vcpu->ev.exception_pending)
			return vh_internal_error(vcpu, KVM_INTERNAL_ERROR_DELIVERY_EV,
						 vcpu->ev.exception.vector, 0);
		return 1;
	}
	processor_traps(vcpu);
	vh_inject_select(vcpu, false, &inj);
	*waiting = inj.irq_window || inj.nmi_window || inj.tpr_threshold;
	if (!inj.info) {
		if (!user_window(vcpu))
			return 1;
		vcpu->run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
		return 0;
	}
	*waiting = *delivered = true;
	return deliver_this(vcpu, &inj);
}

static bool code_breakpoint(struct vh_vcpu *vcpu, bool *waiting)
{
	if (!vh_breakpoints_on(vcpu))
		return false;
	vh_need(vcpu, VH_S_EMUL);
	if (!vh_code_breakpoint(vcpu))
		return false;
	*waiting = true;
	return true;
}

/* Requests that the run loop has to see. */
#define SLOW_REQUESTS	(~VH_REQS_WINDOW)

/**
 * vh_interpret - execute instructions until the state can be entered
 * @vcpu: the vCPU
 *
 * Own thread, interrupts on. Returns as vh_handle_exit() does: 1 also when the
 * run loop has something to look at (a signal, a request, a halt, an instruction
 * to be lent to the processor).
 */
int vh_interpret(struct vh_vcpu *vcpu)
{
	bool waiting = true;
	int r;

	do {
		bool delivered = false;

		r = 1;
		if (waiting || (READ_ONCE(vcpu->requests) & BIT(VH_REQ_EVENT)))
			r = deliver(vcpu, &waiting, &delivered);
		/* What waits behind the event, an NMI, comes before its handler's first instruction. */
		if (r == 1 && !delivered && !(READ_ONCE(vcpu->requests) & SLOW_REQUESTS) && !code_breakpoint(vcpu, &waiting)) {
			vcpu->exec->lendable = vh_can_lend(vcpu);
			r = vh_emulate(vcpu);
			vcpu->exec->lendable = false;
		}
		if (r != 1 || vcpu->exec->lend || vcpu->mp_state != KVM_MP_STATE_RUNNABLE ||
		    vh_work_pending() || (READ_ONCE(vcpu->requests) & SLOW_REQUESTS))
			break;
	} while (!enterable(&vcpu->s));
	vh_request(vcpu, VH_REQ_EVENT);
	return r;
}
