// SPDX-License-Identifier: GPL-2.0-only
/*
 * inject.c - exceptions, NMIs and interrupts on their way to the guest.
 *
 * Priority at an entry: what was already being delivered, then an exception
 * that an exit handler raised, then NMI, then interrupt (SDM Table 6-2).
 */
#include <asm/vmx.h>

#include "internal.h"

#define DF_VECTOR 8
#define PF_VECTOR 14

static bool contributory(u8 vector)
{
	return vector == 0 || (vector >= 10 && vector <= 13);
}

/**
 * vh_inject_fault - raise an exception in the guest at the next entry
 * @vcpu: the vCPU
 * @f: the exception
 *
 * Own thread. A second fault while one is being delivered becomes a double
 * fault, a third a shutdown (SDM Table 6-5).
 */
void vh_inject_fault(struct vh_vcpu *vcpu, const struct vh_fault *f)
{
	struct vh_events *ev = &vcpu->ev;

	if (ev->exception_pending) {
		u8 first = ev->exception.vector;

		if (first == DF_VECTOR) {
			ev->exception_pending = false;
			vh_request(vcpu, VH_REQ_TRIPLE_FAULT);
			return;
		}
		if ((contributory(first) && contributory(f->vector)) ||
		    (first == PF_VECTOR && (contributory(f->vector) || f->vector == PF_VECTOR))) {
			ev->exception = (struct vh_fault){ .vector = DF_VECTOR };
			ev->exception_soft = false;
			ev->exception_reinject = false;
			/* It is loaded as a page fault is met, whatever becomes of that. */
			if (f->vector == PF_VECTOR)
				vcpu->s.cr2 = f->cr2;
			goto out;
		}
	}
	ev->exception = *f;
	ev->exception_pending = true;
	ev->exception_soft = false;
	ev->exception_reinject = false;
	if (f->vector == PF_VECTOR)
		vcpu->s.cr2 = f->cr2;
	/* The instruction that faulted did not complete: an interrupt to be re-delivered is lost to it. */
out:
	vh_request(vcpu, VH_REQ_EVENT);
}

/**
 * vh_inject_soft - raise the exception of INT1, INT3 or INTO: behind the instruction
 * @vcpu: the vCPU
 * @vector: the exception
 * @len: bytes of the instruction
 */
void vh_inject_soft(struct vh_vcpu *vcpu, u8 vector, u8 len)
{
	vh_inject_fault(vcpu, &(struct vh_fault){ .vector = vector });
	vcpu->ev.exception_soft = true;
	vcpu->ev.soft_len = len;
}

/**
 * vh_inject_gp - #GP with an error code
 * @vcpu: the vCPU
 * @error: its error code
 */
void vh_inject_gp(struct vh_vcpu *vcpu, u32 error)
{
	vh_inject_fault(vcpu, &(struct vh_fault){ .vector = 13, .error = error });
}

/**
 * vh_inject_ud - #UD
 * @vcpu: the vCPU
 */
void vh_inject_ud(struct vh_vcpu *vcpu)
{
	vh_inject_fault(vcpu, &(struct vh_fault){ .vector = 6 });
}

/**
 * vh_inject_trap - #DB before the next instruction: a trap, or the fault of a breakpoint on it
 * @vcpu: the vCPU
 * @dr6: what DR6 says of it; 0: there is none
 */
void vh_inject_trap(struct vh_vcpu *vcpu, u64 dr6)
{
	dr6 = vh_debug_trap(vcpu, dr6);
	if (!dr6)
		return;
	/* Which breakpoints were met is told anew each time (SDM Vol. 3, 18.2.3). */
	vcpu->s.dr6 = (vcpu->s.dr6 & ~0xfULL) | dr6;
	/* An injected #DB leaves DR7.GD as it is, the processor's own clears it (27.6.1.1; 18.2.4). */
	vh_clear_gd(vcpu);
	vh_inject_fault(vcpu, &(struct vh_fault){ .vector = 1 });
}

/**
 * vh_inject_pf - #PF; CR2 is set
 * @vcpu: the vCPU
 * @cr2: faulting linear address
 * @error: its error code
 */
void vh_inject_pf(struct vh_vcpu *vcpu, u64 cr2, u32 error)
{
	vh_inject_fault(vcpu, &(struct vh_fault){
		.vector = PF_VECTOR, .error = error, .cr2 = cr2 });
}

void vh_events_requeue(struct vh_vcpu *vcpu, const struct vh_idt_vectoring *v)
{
	struct vh_events *ev = &vcpu->ev;
	u8 vector = v->info & VECTORING_INFO_VECTOR_MASK;

	switch (v->info & VECTORING_INFO_TYPE_MASK) {
	case INTR_TYPE_EXT_INTR:
		ev->irq_reinject = true;
		ev->irq_soft = false;
		ev->irq_vector = vector;
		break;
	case INTR_TYPE_SOFT_INTR:
		ev->irq_reinject = true;
		ev->irq_soft = true;
		ev->irq_vector = vector;
		ev->soft_len = v->insn_len;
		break;
	case INTR_TYPE_NMI_INTR:
		ev->nmi_reinject = true;
		break;
	case INTR_TYPE_SOFT_EXCEPTION:
	case INTR_TYPE_PRIV_SW_EXCEPTION:
		ev->soft_len = v->insn_len;
		fallthrough;
	case INTR_TYPE_HARD_EXCEPTION:
		ev->exception = (struct vh_fault){
			.vector = vector,
			.error = v->error,
			.cr2 = vcpu->s.cr2,
		};
		ev->exception_pending = true;
		ev->exception_reinject = true;
		ev->exception_soft = (v->info & VECTORING_INFO_TYPE_MASK) != INTR_TYPE_HARD_EXCEPTION;
		break;
	}
	vh_request(vcpu, VH_REQ_EVENT);
}

/**
 * vh_delivery_pending - is an event to be delivered before anything else?
 * @vcpu: the vCPU
 */
bool vh_delivery_pending(const struct vh_vcpu *vcpu)
{
	const struct vh_events *ev = &vcpu->ev;

	return ev->exception_pending || ev->irq_reinject || ev->nmi_reinject;
}

/**
 * vh_events_pending - is an event under way or waiting in vcpu->ev?
 * @vcpu: the vCPU
 */
bool vh_events_pending(struct vh_vcpu *vcpu)
{
	const struct vh_events *ev = &vcpu->ev;

	return vh_delivery_pending(vcpu) || ev->nmi_pending || atomic_read(&vcpu->nmi_queued);
}

/**
 * vh_event_due - is there an event that comes before interrupts now?
 * @vcpu: own thread
 *
 * Interruptibility is valid. An NMI that is blocked is none: nothing waits for it.
 */
bool vh_event_due(struct vh_vcpu *vcpu)
{
	return vh_events_pending(vcpu) && (vh_nmi_allowed(vcpu) || vh_delivery_pending(vcpu));
}

/**
 * vh_irq_allowed - would an external interrupt be taken?
 * @vcpu: the vCPU
 *
 * RFLAGS and interruptibility are valid.
 */
bool vh_irq_allowed(struct vh_vcpu *vcpu)
{
	return (vcpu->s.rflags & X86_EFLAGS_IF) &&
	       !(vcpu->s.interruptibility & (VH_SHADOW_STI | VH_SHADOW_MOVSS));
}

/**
 * vh_nmi_allowed - would an NMI be taken?
 * @vcpu: the vCPU
 *
 * Interruptibility is valid. STI's shadow is respected too: SDM 27.3.1.5
 * leaves it to the processor whether an NMI may be injected there.
 */
bool vh_nmi_allowed(struct vh_vcpu *vcpu)
{
	return !(vcpu->s.interruptibility & (VH_SHADOW_STI | VH_SHADOW_MOVSS | VH_BLOCKED_NMI));
}

/* Queued NMIs collapse into one being handled and one pending, as in hardware. */
static void take_queued_nmis(struct vh_vcpu *vcpu)
{
	struct vh_events *ev = &vcpu->ev;
	unsigned int limit = 2;

	if (!atomic_read(&vcpu->nmi_queued))
		return;
	if ((vcpu->s.interruptibility & VH_BLOCKED_NMI) || ev->nmi_reinject)
		limit = 1;
	ev->nmi_pending = min(ev->nmi_pending + (unsigned int)atomic_xchg(&vcpu->nmi_queued, 0),
			      limit);
}

/**
 * vh_is_fault - is an exception one that begins anew at the instruction that had it? (SDM Table 6-1)
 * @vector: the exception
 *
 * What is saved of RFLAGS has RF set then, so that the instruction's breakpoint does not strike twice (18.3.1.1). An
 * entry that injects one saves RFLAGS as they are. #DB is none: it may be a trap.
 */
bool vh_is_fault(u8 vector)
{
	static const u32 faults = BIT(0) | BIT(5) | BIT(6) | BIT(7) | GENMASK(14, 10) | BIT(16) | BIT(17) |
				  BIT(19) | BIT(20) | BIT(21);

	return vector < 32 && (faults & BIT(vector));
}

/**
 * vh_wants_window - is userspace, whose 8259s they are, to be told when an interrupt could be taken?
 * @vcpu: own thread
 *
 * Not while it has one under way, or the LAPIC lets none of them through.
 */
bool vh_wants_window(struct vh_vcpu *vcpu)
{
	return vcpu->user_pic && READ_ONCE(vcpu->run->request_interrupt_window) && vcpu->user_irq < 0 &&
	       (!vcpu->lapic || vh_lapic_accepts_pic(vcpu));
}

/*
 * A trap of the instruction before comes before NMIs and interrupts (SDM Vol. 3, table 6-2), and an entry that injects one
 * drops it (27.6.3): the processor delivers it first, and exits as soon as the other can be taken.
 */
static bool trap_first(const struct vh_vcpu *vcpu)
{
	return vcpu->s.pending_db & (VH_PENDING_DB_ENABLED | VH_PENDING_DB_STEP);
}

void vh_inject_select(struct vh_vcpu *vcpu, bool virtual, struct vh_injection *inj)
{
	struct vh_events *ev = &vcpu->ev;
	bool blocked = vcpu->debug & KVM_GUESTDBG_BLOCKIRQ;
	int vector;

	memset(inj, 0, sizeof(*inj));
	take_queued_nmis(vcpu);

	if (ev->exception_pending) {
		const struct vh_fault *f = &ev->exception;

		inj->info = f->vector | INTR_INFO_VALID_MASK;
		if (ev->exception_soft) {
			inj->info |= f->vector == 1 ? INTR_TYPE_PRIV_SW_EXCEPTION :
						      INTR_TYPE_SOFT_EXCEPTION;
			inj->insn_len = ev->soft_len;
		} else {
			inj->info |= INTR_TYPE_HARD_EXCEPTION;
		}
		/* Real mode has no error codes; the mode is today's, whatever it was when this came (SDM 27.2.1.3). */
		if (!ev->exception_soft && vh_has_error_code(f->vector) && (vcpu->s.cr0 & X86_CR0_PE)) {
			inj->info |= INTR_INFO_DELIVER_CODE_MASK;
			inj->error = f->error;
		}
		/* What is delivered once more was saved with the RF that it is to have. */
		if (!ev->exception_soft && !ev->exception_reinject && vh_is_fault(f->vector) &&
		    !(vcpu->s.rflags & X86_EFLAGS_RF)) {
			vcpu->s.rflags |= X86_EFLAGS_RF;
			vh_dirty(vcpu, VH_S_RFLAGS);
		}
		ev->exception_pending = false;
		ev->exception_reinject = false;
	} else if (ev->nmi_reinject && vh_nmi_allowed(vcpu)) {
		inj->info = 2 | INTR_TYPE_NMI_INTR | INTR_INFO_VALID_MASK;
		ev->nmi_reinject = false;
	} else if (ev->irq_reinject && (ev->irq_soft || vh_irq_allowed(vcpu))) {
		inj->info = ev->irq_vector | INTR_INFO_VALID_MASK |
			    (ev->irq_soft ? INTR_TYPE_SOFT_INTR : INTR_TYPE_EXT_INTR);
		inj->insn_len = ev->irq_soft ? ev->soft_len : 0;
		ev->irq_reinject = false;
	} else if (ev->nmi_pending && vh_nmi_allowed(vcpu) && !trap_first(vcpu) && !blocked) {
		inj->info = 2 | INTR_TYPE_NMI_INTR | INTR_INFO_VALID_MASK;
		ev->nmi_pending--;
		vcpu->injected++;
	}
	/* A debugger wants no new ones. */
	if (unlikely(blocked))
		return;
	/* What userspace says is under way may not be possible yet. */
	if (ev->nmi_pending || ev->nmi_reinject)
		inj->nmi_window = true;
	if (ev->irq_reinject)
		inj->irq_window = true;

	if (!vcpu->lapic) {
		/* Userspace has the interrupt controllers: KVM_INTERRUPT. */
		if (vcpu->user_irq >= 0) {
			if (!inj->info && vh_irq_allowed(vcpu) && !trap_first(vcpu)) {
				inj->info = vcpu->user_irq | INTR_TYPE_EXT_INTR |
					    INTR_INFO_VALID_MASK;
				vcpu->user_irq = -1;
				vcpu->injected++;
			} else {
				inj->irq_window = true;
			}
		} else if (vh_wants_window(vcpu)) {
			inj->irq_window = true;
		}
		return;
	}

	if (unlikely(vcpu->user_pic) && vh_wants_window(vcpu))
		inj->irq_window = true;
	if (virtual) {
		/* Only the 8259's interrupts come this way. */
		if (!vh_irq_pic_pending(vcpu))
			return;
		if (inj->info || !vh_irq_allowed(vcpu) || trap_first(vcpu)) {
			inj->irq_window = true;
			return;
		}
		vector = vh_irq_ack_pic(vcpu);
	} else {
		vector = vh_irq_pending(vcpu);
		if (vector < 0) {
			/* Below the TPR: have the exit when the guest lowers it. */
			int irr = vh_lapic_sync(vcpu);

			if (irr >= 0 && (irr >> 4) <= vh_lapic_tpr(vcpu) >> 4)
				inj->tpr_threshold = irr >> 4;
			return;
		}
		if (inj->info || !vh_irq_allowed(vcpu) || trap_first(vcpu)) {
			inj->irq_window = true;
			return;
		}
		vector = vh_irq_ack(vcpu);
	}
	if (vector < 0)
		return;
	inj->info = vector | INTR_TYPE_EXT_INTR | INTR_INFO_VALID_MASK;
	vcpu->injected++;
	/* One at a time; look again as soon as the next may be taken. */
	if (virtual ? vh_irq_pic_pending(vcpu) : vh_irq_pending(vcpu) >= 0)
		inj->irq_window = true;
	/* An automatic EOI: its irqfds are told when the guest comes out next. */
	if (READ_ONCE(vcpu->requests) & BIT(VH_REQ_ACKED))
		inj->irq_window = true;
}
