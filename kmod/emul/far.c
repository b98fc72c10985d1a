// SPDX-License-Identifier: GPL-2.0-only
/*
 * far.c - segment registers, far branches, INT and IRET.
 *
 * Every vh_exec_ function is a handler of the opcode tables. Segments are set last,
 * by ops->set_seg. Branches to another privilege level and through call gates are not
 * handled: they belong to states that the processor runs itself. Those to tasks are
 * task.c's, events gate.c's.
 */
#include "insn.h"

#define UD_VECTOR 6
#define NP_VECTOR 11
#define SS_VECTOR 12
#define GP_VECTOR 13

/**
 * vh_fault_sel - the instruction raises an exception whose error code is a selector
 * @e: the instruction
 * @vector: the exception
 * @sel: the selector
 *
 * Returns VH_EMUL_FAULT.
 */
int vh_fault_sel(struct vh_emul *e, u8 vector, u16 sel)
{
	e->fault = (struct vh_fault){ .vector = vector, .error = sel & ~3 };
	return VH_EMUL_FAULT;
}

/**
 * vh_read_desc - the descriptor that a selector names (SDM Vol. 3, 3.4.2)
 * @e: the instruction
 * @sel: the selector
 * @desc: filled in
 * @linear: where the descriptor is
 *
 * VH_EMUL_OK; VH_EMUL_FAULT with #GP when the table has no such descriptor; else what ops->read returns.
 */
int vh_read_desc(struct vh_emul *e, u16 sel, u64 *desc, u64 *linear)
{
	const struct kvm_segment *ldt = &e->seg[VH_LDTR];
	u32 limit;
	u64 base;

	vh_emul_tables(e);
	base = e->gdt->base;
	limit = e->gdt->limit;
	if (sel & 4) {
		if (ldt->unusable || !ldt->present)
			return vh_fault_sel(e, GP_VECTOR, sel);
		base = ldt->base;
		limit = ldt->limit;
	}
	if ((u32)(sel | 7) > limit)
		return vh_fault_sel(e, GP_VECTOR, sel);
	*linear = base + (sel & ~7U);
	if (!(e->efer & EFER_LMA))
		*linear = (u32)*linear;
	return e->ops->read(e, *linear, desc, 8, true);
}

/**
 * vh_unpack_desc - a descriptor as a segment register holds it (SDM Vol. 3, figure 3-8)
 * @s: filled in
 * @sel: the selector
 * @d: the descriptor
 */
void vh_unpack_desc(struct kvm_segment *s, u16 sel, u64 d)
{
	*s = (struct kvm_segment){
		.base = (d >> 16 & 0xffffff) | (d >> 56) << 24,
		.limit = (d & 0xffff) | (d >> 32 & 0xf0000),
		.selector = sel, .type = d >> 40 & 15, .s = d >> 44 & 1, .dpl = d >> 45 & 3,
		.present = d >> 47 & 1, .avl = d >> 52 & 1, .l = d >> 53 & 1, .db = d >> 54 & 1,
		.g = d >> 55 & 1,
	};
	if (s->g)
		s->limit = s->limit << 12 | 0xfff;
}

/**
 * vh_set_accessed - a code or data segment is loaded
 * @e: the instruction
 * @s: the segment
 * @desc: its descriptor
 * @linear: where that is
 *
 * VH_EMUL_OK, or what ops->cmpxchg returns.
 */
int vh_set_accessed(struct vh_emul *e, struct kvm_segment *s, u64 desc, u64 linear)
{
	u64 old = desc, new = desc | BIT_ULL(40);

	if (s->type & 1)
		return VH_EMUL_OK;
	s->type |= 1;
	/* Somebody who changed it meanwhile wins: the descriptor was read before that. */
	return (e->ops->cmpxchg)(e, linear, &old, new, 8, true);
}

/* Real mode and vm86: limit and rights stay in real mode (SDM Vol. 3, 21.1.4). */
static void real_segment(const struct vh_emul *e, unsigned int n, u16 sel, struct kvm_segment *s)
{
	*s = e->seg[n];
	s->selector = sel;
	s->base = (u32)sel << 4;
	if (n == VH_CS || (e->cr0 & X86_CR0_PE)) {
		s->type = 3;
		s->s = 1;
		s->present = 1;
		s->unusable = 0;
		s->dpl = e->cr0 & X86_CR0_PE ? 3 : 0;
	}
	if (e->cr0 & X86_CR0_PE) {
		s->limit = 0xffff;
		s->g = s->db = s->l = s->avl = 0;
	}
}

/* A data or stack segment, to be set with ops->set_seg. SDM Vol. 2, MOV. */
static int data_segment(struct vh_emul *e, unsigned int n, u16 sel, struct kvm_segment *s)
{
	u64 desc = 0, linear;
	u8 rpl = sel & 3;
	bool bad;
	int r;

	if (!e->ops->set_seg)
		return VH_EMUL_UNHANDLED;
	if (!vh_emul_protected(e)) {
		real_segment(e, n, sel, s);
		return VH_EMUL_OK;
	}
	if (!(sel & ~3)) {
		if (n == VH_SS && (e->d.mode != 8 || e->cpl == 3 || rpl != e->cpl))
			return vh_emul_fault(e, GP_VECTOR);
		*s = (struct kvm_segment){ .selector = sel, .unusable = 1, .dpl = e->cpl };
		return VH_EMUL_OK;
	}
	r = vh_read_desc(e, sel, &desc, &linear);
	if (r)
		return r;
	vh_unpack_desc(s, sel, desc);
	if (n == VH_SS)
		bad = !s->s || (s->type & 0xa) != 2 || rpl != e->cpl || s->dpl != e->cpl;
	else
		bad = !s->s || (s->type & 0xa) == 8 ||
		      ((s->type & 0xc) != 0xc && (rpl > s->dpl || e->cpl > s->dpl));
	if (bad)
		return vh_fault_sel(e, GP_VECTOR, sel);
	if (!s->present)
		return vh_fault_sel(e, n == VH_SS ? SS_VECTOR : NP_VECTOR, sel);
	return vh_set_accessed(e, s, desc, linear);
}

#define SYSTEM_DESC -1	/* of code_segment(): a gate or a task */

/* CS for a far branch at the same privilege level; @offset is checked against it. */
static int code_segment(struct vh_emul *e, u16 sel, u64 offset, bool ret, struct kvm_segment *s)
{
	u64 desc = 0, linear;
	bool bad;
	int r;

	if (!e->ops->set_seg)
		return VH_EMUL_UNHANDLED;
	if (!vh_emul_protected(e)) {
		real_segment(e, VH_CS, sel, s);
		return offset > s->limit ? vh_emul_fault(e, GP_VECTOR) : VH_EMUL_OK;
	}
	if (!(sel & ~3))
		return vh_emul_fault(e, GP_VECTOR);
	r = vh_read_desc(e, sel, &desc, &linear);
	if (r)
		return r;
	vh_unpack_desc(s, sel, desc);
	if (ret && (sel & 3) != e->cpl)
		return (sel & 3) < e->cpl ? vh_fault_sel(e, GP_VECTOR, sel) : VH_EMUL_UNHANDLED;
	if (!s->s && !ret)
		return SYSTEM_DESC;
	if (s->type & 4)
		bad = s->dpl > e->cpl;
	else
		bad = s->dpl != e->cpl || (sel & 3) > e->cpl;
	if (!s->s || !(s->type & 8) || bad)
		return vh_fault_sel(e, GP_VECTOR, sel);
	if (!s->present)
		return vh_fault_sel(e, NP_VECTOR, sel);
	if ((e->efer & EFER_LMA) && s->l) {
		if (s->db)
			return vh_fault_sel(e, GP_VECTOR, sel);
		if (!vh_emul_canonical(e, offset))
			return vh_emul_fault(e, GP_VECTOR);
	} else if ((u32)offset > s->limit) {
		return vh_emul_fault(e, GP_VECTOR);
	}
	s->selector = (sel & ~3) | e->cpl;
	return vh_set_accessed(e, s, desc, linear);
}

/* Selector and offset of EA, 9A, FF /3, FF /5. */
static int far_pointer(struct vh_emul *e, u16 *sel, u64 *offset)
{
	u8 buf[10];
	int r;

	if (!e->d.mem) {
		*sel = e->d.imm2;
		*offset = e->d.imm & vh_mask(e->d.opsize);
		return VH_EMUL_OK;
	}
	r = vh_mem_read_pair(e, e->d.ea_seg, e->d.ea, buf, e->d.opsize + 2, e->d.opsize);
	*offset = 0;
	memcpy(offset, buf, e->d.opsize);
	memcpy(sel, buf + e->d.opsize, 2);
	return r;
}

/* vh_exec_jmp_far - EA, FF /5 */
int vh_exec_jmp_far(struct vh_emul *e)
{
	struct kvm_segment cs;
	u64 offset;
	u16 sel;
	int r = far_pointer(e, &sel, &offset);

	if (!r)
		r = code_segment(e, sel, offset, false, &cs);
	if (r == SYSTEM_DESC)
		return vh_task_far(e, sel, VH_TASK_JMP);
	if (r)
		return r;
	e->ops->set_seg(e, VH_CS, &cs);
	e->d.next_rip = offset;
	return VH_EMUL_OK;
}

/* vh_exec_call_far - 9A, FF /3 */
int vh_exec_call_far(struct vh_emul *e)
{
	const u64 back[] = { e->seg[VH_CS].selector, e->d.next_rip };
	struct kvm_segment cs;
	u64 offset;
	u16 sel;
	int r = far_pointer(e, &sel, &offset);

	if (!r)
		r = code_segment(e, sel, offset, false, &cs);
	if (r == SYSTEM_DESC)
		return vh_task_far(e, sel, VH_TASK_CALL);
	if (!r)
		r = vh_push_frame(e, back, ARRAY_SIZE(back), e->d.opsize);
	if (r)
		return r;
	e->ops->set_seg(e, VH_CS, &cs);
	e->d.next_rip = offset;
	return VH_EMUL_OK;
}

/* @n operand-size values from the stack; *sp: behind them. */
static int pop_frame(struct vh_emul *e, u64 *val, unsigned int n, u64 *sp)
{
	u64 at = e->gpr[VH_RSP], mask = vh_mask(vh_stack_size(e));
	int r;

	for (; n--; val++, at += e->d.opsize) {
		*val = 0;
		r = vh_mem_read(e, VH_SS, at & mask, val, e->d.opsize);
		if (r)
			return r;
	}
	*sp = at;
	return VH_EMUL_OK;
}

/* vh_exec_ret_far - CA, CB */
int vh_exec_ret_far(struct vh_emul *e)
{
	struct kvm_segment cs;
	u64 frame[2], sp;
	int r = pop_frame(e, frame, 2, &sp);

	if (!r)
		r = code_segment(e, frame[1], frame[0], true, &cs);
	if (r)
		return r;
	e->ops->set_seg(e, VH_CS, &cs);
	e->d.next_rip = frame[0];
	vh_addr_reg_write(e, VH_RSP, vh_stack_size(e), sp + (e->d.opcode == 0xca ? e->d.imm : 0));
	return VH_EMUL_OK;
}

/**
 * vh_emul_real_int - deliver an interrupt or exception in real mode
 * @e: its context; e->d.next_rip is the return address
 * @vector: the vector
 *
 * SDM Vol. 3, 21.1.4. Changes gpr, rflags, CS and e->d.next_rip. Returns
 * VH_EMUL_OK, or why it was not delivered.
 */
int vh_emul_real_int(struct vh_emul *e, u8 vector)
{
	const u64 frame[] = { e->rflags, e->seg[VH_CS].selector, e->d.next_rip };
	struct kvm_segment cs;
	u16 ivt[2];
	int r;

	if (!e->ops->set_seg)
		return VH_EMUL_UNHANDLED;
	vh_emul_tables(e);
	if (vector * 4 + 3 > e->idt->limit) {
		e->fault = (struct vh_fault){ .vector = GP_VECTOR,
					      .error = vector * 8 + 2 };
		return VH_EMUL_FAULT;
	}
	r = e->ops->read(e, (u32)(e->idt->base + vector * 4), ivt, 4, true);
	if (!r)
		r = vh_push_frame(e, frame, ARRAY_SIZE(frame), 2);
	if (r)
		return r;
	real_segment(e, VH_CS, ivt[1], &cs);
	e->ops->set_seg(e, VH_CS, &cs);
	e->rflags &= ~(u64)(X86_EFLAGS_IF | X86_EFLAGS_TF | X86_EFLAGS_AC | X86_EFLAGS_RF);
	e->trap = false;	/* the handler is not stepped through */
	e->d.next_rip = ivt[0];
	return VH_EMUL_OK;
}

/* vh_exec_int - CC, CD, CE, F1: INT3, INT n, INTO, INT1 */
int vh_exec_int(struct vh_emul *e)
{
	u8 vector = e->d.opcode == 0xcd ? e->d.imm : e->d.opcode == 0xf1 ? 1 :
		    e->d.opcode == 0xcc ? 3 : 4;

	if (e->d.opcode == 0xce && !(e->rflags & X86_EFLAGS_OF))
		return VH_EMUL_OK;
	if (e->d.opcode == 0xcc && e->ops->system) {
		int r = e->ops->system(e, VH_SYS_INT3, 0, NULL);

		if (r)
			return r;
	}
	e->int1 = e->d.opcode == 0xf1;
	return e->cr0 & X86_CR0_PE ? vh_gate_int(e, vector) : vh_emul_real_int(e, vector);
}

/* vh_exec_iret - CF: in real mode, to the same level in protected mode, and to another task */
int vh_exec_iret(struct vh_emul *e)
{
	u64 change = VH_FLAGS_ARITH | X86_EFLAGS_TF | X86_EFLAGS_DF | X86_EFLAGS_NT |
		     X86_EFLAGS_AC | X86_EFLAGS_ID | X86_EFLAGS_RF | X86_EFLAGS_IF |
		     X86_EFLAGS_IOPL;
	struct kvm_segment cs;
	u64 frame[3], sp;
	int r;

	e->iret = true;		/* also when it faults (SDM Vol. 3, 28.2.3) */
	if (vh_emul_protected(e) && (e->rflags & X86_EFLAGS_NT))
		return vh_task_iret(e);
	if ((e->cr0 & X86_CR0_PE) && (e->cpl || e->d.mode == 8))
		return VH_EMUL_UNHANDLED;
	r = pop_frame(e, frame, 3, &sp);
	if (!r && (e->cr0 & X86_CR0_PE) && e->d.opsize == 4 && (frame[2] & X86_EFLAGS_VM))
		r = VH_EMUL_UNHANDLED;
	if (!r)
		r = code_segment(e, frame[1], frame[0], true, &cs);
	if (r)
		return r;
	if (e->d.opsize == 2)
		change &= 0xffff;
	e->ops->set_seg(e, VH_CS, &cs);
	e->d.next_rip = frame[0];
	e->rflags = (e->rflags & ~change) | (frame[2] & change) | X86_EFLAGS_FIXED;
	vh_addr_reg_write(e, VH_RSP, vh_stack_size(e), sp);
	return VH_EMUL_OK;
}

static int load(struct vh_emul *e, unsigned int n, u16 sel)
{
	struct kvm_segment s;
	int r = data_segment(e, n, sel, &s);

	if (r)
		return r;
	e->ops->set_seg(e, n, &s);
	e->mov_ss = n == VH_SS;
	return VH_EMUL_OK;
}

/* vh_exec_mov_seg_rm - 8E */
int vh_exec_mov_seg_rm(struct vh_emul *e)
{
	unsigned int n = e->d.modrm >> 3 & 7;
	u64 val;
	int r;

	if (n > VH_GS || n == VH_CS)
		return vh_emul_fault(e, UD_VECTOR);
	r = vh_rm_read(e, 2, &val);
	return r ? r : load(e, n, val);
}

/* Of PUSH and POP: 06 to 1F, 0F A0 to A9. */
static unsigned int segment_of(const struct vh_emul *e)
{
	return e->d.opcode_map == 1 ? e->d.opcode >> 3 & 3 : e->d.opcode & 8 ? VH_GS : VH_FS;
}

/* vh_exec_push_seg - 06, 0E, 16, 1E, 0F A0, 0F A8; of 32 bits only the lower half is written */
int vh_exec_push_seg(struct vh_emul *e)
{
	unsigned int ss = vh_stack_size(e), size = e->d.size;
	u64 sp = (e->gpr[VH_RSP] - size) & vh_mask(ss), val = e->seg[segment_of(e)].selector;
	int r = vh_mem_write(e, VH_SS, sp, &val, size == 4 ? 2 : size);

	if (!r)
		vh_addr_reg_write(e, VH_RSP, ss, sp);
	return r;
}

/* vh_exec_pop_seg - 07, 17, 1F, 0F A1, 0F A9 */
int vh_exec_pop_seg(struct vh_emul *e)
{
	unsigned int size = vh_stack_size(e);
	u64 val, sp;
	int r = vh_peek(e, &val, e->d.size, &sp);

	if (!r)
		r = load(e, segment_of(e), val);
	if (!r)
		vh_addr_reg_write(e, VH_RSP, size, sp);
	return r;
}

/* vh_exec_load_far - C4, C5, 0F B2, B4, B5: LES, LDS, LSS, LFS, LGS */
int vh_exec_load_far(struct vh_emul *e)
{
	unsigned int n;
	u64 offset;
	u16 sel;
	int r = far_pointer(e, &sel, &offset);

	if (e->d.opcode_map == 1)
		n = e->d.opcode == 0xc4 ? VH_ES : VH_DS;
	else
		n = e->d.opcode & 7;
	if (!r)
		r = load(e, n, sel);
	e->mov_ss = false;	/* LSS makes no shadow */
	if (!r)
		vh_reg_write(e, e->d.reg, e->d.size, offset);
	return r;
}

/* LDTR and TR: @type of the descriptor, CPL 0, GDT only. SDM Vol. 2, LLDT, LTR. */
static int load_system(struct vh_emul *e, unsigned int n, bool tss)
{
	bool wide = e->efer & EFER_LMA;
	struct kvm_segment s;
	u64 val, desc = 0, upper = 0, linear, old;
	int r;

	if (!e->ops->set_seg)
		return VH_EMUL_UNHANDLED;
	if (!vh_emul_protected(e))
		return vh_emul_fault(e, UD_VECTOR);
	if (e->cpl)
		return vh_emul_fault(e, GP_VECTOR);
	r = vh_rm_read(e, 2, &val);
	if (r)
		return r;
	if (!(val & ~3ULL)) {
		if (tss)
			return vh_emul_fault(e, GP_VECTOR);
		s = (struct kvm_segment){ .selector = val, .unusable = 1 };
		e->ops->set_seg(e, n, &s);
		return VH_EMUL_OK;
	}
	if (val & 4)
		return vh_fault_sel(e, GP_VECTOR, val);
	r = vh_read_desc(e, val, &desc, &linear);
	/* IA-32e mode's descriptors have 16 bytes (SDM Vol. 3, figures 7-4 and 8-4). */
	if (!r && wide && (u32)(val | 7) + 8 > e->gdt->limit)
		return vh_fault_sel(e, GP_VECTOR, val);
	if (!r && wide)
		r = e->ops->read(e, linear + 8, &upper, 8, true);
	if (r)
		return r;
	vh_unpack_desc(&s, val, desc);
	s.base |= upper << 32;
	if (s.s || (tss ? s.type != 9 && (wide || s.type != 1) : s.type != 2) ||
	    upper >> 40 & 31 || !vh_emul_canonical(e, s.base))
		return vh_fault_sel(e, GP_VECTOR, val);
	if (!s.present)
		return vh_fault_sel(e, NP_VECTOR, val);
	if (tss) {
		old = desc;
		r = (e->ops->cmpxchg)(e, linear, &old, desc | BIT_ULL(41), 8, true);
		if (r)
			return r;
		s.type |= 2;
	}
	e->ops->set_seg(e, n, &s);
	return VH_EMUL_OK;
}

/* vh_exec_lldt - 0F 00 /2 */
int vh_exec_lldt(struct vh_emul *e)
{
	return load_system(e, VH_LDTR, false);
}

/* vh_exec_ltr - 0F 00 /3 */
int vh_exec_ltr(struct vh_emul *e)
{
	return load_system(e, VH_TR, true);
}

/* vh_exec_store_sel - 0F 00 /0, /1: SLDT, STR */
int vh_exec_store_sel(struct vh_emul *e)
{
	if (!vh_emul_protected(e))
		return vh_emul_fault(e, UD_VECTOR);
	if ((e->cr4 & X86_CR4_UMIP) && e->cpl)
		return vh_emul_fault(e, GP_VECTOR);
	vh_emul_tables(e);
	return vh_rm_write(e, e->d.mem ? 2 : e->d.size,
			   e->seg[e->d.modrm & 8 ? VH_TR : VH_LDTR].selector);
}
