// SPDX-License-Identifier: GPL-2.0-only
/*
 * gate.c - events through the IDT of protected mode, to a handler of the same privilege level.
 *
 * Gates to another level, and those of IA-32e mode, are not handled: they belong to states that the processor runs
 * itself. What comes here is CPL 0 around a mode switch. SDM Vol. 3, 6.12.1; Vol. 2, INT n.
 */
#include "insn.h"

#define TS_VECTOR 10
#define NP_VECTOR 11
#define SS_VECTOR 12
#define GP_VECTOR 13

#define TASK_GATE 5
#define TRAP	BIT(0)			/* of a gate's type: IF stays */

/* Error codes of a delivery say whether the event came from outside of the program (SDM Vol. 3, 6.13). */
static int fault(struct vh_emul *e, const struct vh_emul_event *ev, u8 vector, u32 error)
{
	e->fault = (struct vh_fault){ .vector = vector, .error = error | (ev->soft ? 0 : 1) };
	return VH_EMUL_FAULT;
}

/* A #GP or #SS that says nothing of a selector comes out of checks that know nothing of events. */
static int of_event(struct vh_emul *e, const struct vh_emul_event *ev, int r)
{
	if (r == VH_EMUL_FAULT && e->fault.vector != 14 && !ev->soft)
		e->fault.error |= 1;
	return r;
}

/* The handler's code segment. */
static int handler(struct vh_emul *e, const struct vh_emul_event *ev, u16 sel, struct kvm_segment *cs)
{
	u64 desc = 0, linear;
	int r;

	if (!(sel & ~3))
		return fault(e, ev, GP_VECTOR, 0);
	r = vh_read_desc(e, sel, &desc, &linear);
	if (r)
		return of_event(e, ev, r);
	vh_unpack_desc(cs, sel, desc);
	if (!cs->s || !(cs->type & 8) || cs->dpl > e->cpl)
		return fault(e, ev, GP_VECTOR, sel & ~3);
	if (!cs->present)
		return fault(e, ev, NP_VECTOR, sel & ~3);
	if ((e->rflags & X86_EFLAGS_VM) || (!(cs->type & 4) && cs->dpl < e->cpl))
		return VH_EMUL_UNHANDLED;
	cs->selector = (sel & ~3) | e->cpl;
	return vh_set_accessed(e, cs, desc, linear);
}

/* Flags, return address and error code, each of the gate's size. */
static int push_frame(struct vh_emul *e, const struct vh_emul_event *ev, unsigned int size)
{
	const u64 frame[] = { e->rflags, e->seg[VH_CS].selector, e->d.next_rip, ev->error };

	return of_event(e, ev, vh_push_frame(e, frame, ev->has_error ? 4 : 3, size));
}

static int task(struct vh_emul *e, const struct vh_emul_event *ev, u16 sel)
{
	return vh_emul_task_switch(e, &(struct vh_task_switch){
		.sel = sel, .source = VH_TASK_GATE, .external = !ev->soft, .fault = ev->fault,
		.push = ev->has_error, .error = ev->error });
}

/**
 * vh_emul_event - deliver an interrupt or exception in protected mode
 * @e: its context; e->d.next_rip is the return address
 * @ev: the event
 *
 * Changes gpr, rflags, CS and e->d.next_rip, or the task. VH_EMUL_*; VH_EMUL_FAULT: the delivery itself met an exception.
 */
int vh_emul_event(struct vh_emul *e, const struct vh_emul_event *ev)
{
	u32 in_idt = ev->vector * 8 | 2, offset;
	struct kvm_segment gate, cs;
	u64 desc = 0;
	int r;

	if (!e->ops->set_seg || (e->efer & EFER_LMA))
		return VH_EMUL_UNHANDLED;
	vh_emul_tables(e);
	if (ev->vector * 8 + 7 > e->idt->limit)
		return fault(e, ev, GP_VECTOR, in_idt);
	r = e->ops->read(e, (u32)(e->idt->base + ev->vector * 8), &desc, 8, true);
	if (r)
		return r;
	vh_unpack_desc(&gate, 0, desc);
	if (gate.s || (gate.type != TASK_GATE && (gate.type & 7) < 6) || (ev->checked && gate.dpl < e->cpl))
		return fault(e, ev, GP_VECTOR, in_idt);
	if (!gate.present)
		return fault(e, ev, NP_VECTOR, in_idt);
	if (gate.type == TASK_GATE)
		return task(e, ev, desc >> 16);
	r = handler(e, ev, desc >> 16, &cs);
	if (r)
		return r;
	offset = (desc & 0xffff) | (gate.type & 8 ? desc >> 32 & 0xffff0000 : 0);
	if (offset > cs.limit)
		return fault(e, ev, GP_VECTOR, 0);
	r = push_frame(e, ev, gate.type & 8 ? 4 : 2);
	if (r)
		return r;
	e->ops->set_seg(e, VH_CS, &cs);
	if (!(gate.type & TRAP))
		e->rflags &= ~(u64)X86_EFLAGS_IF;
	e->rflags &= ~(u64)(X86_EFLAGS_TF | X86_EFLAGS_NT | X86_EFLAGS_RF | X86_EFLAGS_VM);
	e->trap = false;	/* the handler is not stepped through */
	e->d.next_rip = offset;
	return VH_EMUL_OK;
}

/**
 * vh_emul_redirects - vm86 with CR4.VME: is INT n the program's own?
 * @e: its context
 * @vector: n
 * @answer: filled in: the bit map before the TSS's I/O permissions says so
 *
 * VH_EMUL_*. SDM Vol. 3, 20.2, 20.3.3.
 */
int vh_emul_redirects(struct vh_emul *e, u8 vector, bool *answer)
{
	const struct kvm_segment *tr = &e->seg[VH_TR];
	u16 io_map = 0;
	u8 bits = 0;
	int r;

	*answer = false;
	vh_emul_tables(e);
	if (tr->limit < 0x67)
		return vh_emul_fault(e, GP_VECTOR);
	r = e->ops->read(e, (u32)(tr->base + 0x66), &io_map, 2, true);
	if (r)
		return r;
	if (io_map < 32 || (u32)io_map - 32 + vector / 8 > tr->limit)
		return vh_emul_fault(e, GP_VECTOR);
	r = e->ops->read(e, (u32)(tr->base + io_map - 32 + vector / 8), &bits, 1, true);
	*answer = !(bits & 1 << (vector & 7));
	return r;
}

/* SDM Vol. 3, 20.3.3.3: as real mode has it; without IOPL 3 the program sees its virtual interrupt flag. */
static int vm86_int(struct vh_emul *e, u8 vector)
{
	u64 flags = e->rflags & ~(u64)X86_EFLAGS_RF, off = X86_EFLAGS_IF | X86_EFLAGS_TF;
	u64 frame[] = { flags, e->seg[VH_CS].selector, e->d.next_rip };
	struct kvm_segment cs = e->seg[VH_CS];
	u16 ivt[2];
	int r = e->ops->read(e, vector * 4, ivt, 4, true);

	if ((e->rflags & X86_EFLAGS_IOPL) != X86_EFLAGS_IOPL) {
		frame[0] = (flags & ~(u64)X86_EFLAGS_IF) | X86_EFLAGS_IOPL | (e->rflags & X86_EFLAGS_VIF ? X86_EFLAGS_IF : 0);
		off = X86_EFLAGS_VIF | X86_EFLAGS_TF;
	}
	if (!r)
		r = vh_push_frame(e, frame, ARRAY_SIZE(frame), 2);
	if (r)
		return r;
	cs.selector = ivt[1];
	cs.base = (u32)ivt[1] << 4;
	e->ops->set_seg(e, VH_CS, &cs);
	e->rflags &= ~(off | X86_EFLAGS_RF);
	e->trap = false;
	e->d.next_rip = ivt[0];
	return VH_EMUL_OK;
}

/**
 * vh_gate_int - INT n, INT3, INTO or INT1 in protected or virtual-8086 mode
 * @e: the instruction
 * @vector: its vector
 *
 * VH_EMUL_*. SDM Vol. 2, INT n: INT1 is let through by any gate, and its error codes are those of an event from outside.
 */
int vh_gate_int(struct vh_emul *e, u8 vector)
{
	bool int1 = e->d.opcode == 0xf1, own;
	struct vh_emul_event ev = { .vector = vector, .soft = !int1, .checked = !int1 };
	u64 flags = e->rflags;
	int r;

	if (!e->ops->set_seg || (e->efer & EFER_LMA))
		return VH_EMUL_UNHANDLED;
	if ((e->rflags & X86_EFLAGS_VM) && e->d.opcode == 0xcd) {
		if (e->cr4 & X86_CR4_VME) {
			r = vh_emul_redirects(e, vector, &own);
			if (r || own)
				return r ? r : vm86_int(e, vector);
		}
		if ((e->rflags & X86_EFLAGS_IOPL) != X86_EFLAGS_IOPL)
			return vh_emul_fault(e, GP_VECTOR);
	}
	/* RF was for this instruction (SDM Vol. 3, 18.3.1.1). */
	e->rflags &= ~(u64)X86_EFLAGS_RF;
	r = vh_emul_event(e, &ev);
	if (r && !e->task)
		e->rflags = flags;
	return r;
}
