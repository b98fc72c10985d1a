// SPDX-License-Identifier: GPL-2.0-only
/*
 * stack.c - handlers that push and pop, and near branches through memory.
 *
 * Every function is a handler of the opcode tables: results are enum vh_emul_result.
 */
#include "insn.h"

#define GP_VECTOR 13

/**
 * vh_stack_size - bytes of the stack pointer in use (SDM Vol. 1, 6.2.3)
 * @e: the instruction
 */
unsigned int vh_stack_size(const struct vh_emul *e)
{
	return e->d.mode == 8 ? 8 : e->seg[VH_SS].db ? 4 : 2;
}

static bool vm86(const struct vh_emul *e)
{
	return (e->cr0 & X86_CR0_PE) && (e->rflags & X86_EFLAGS_VM);
}

static unsigned int iopl(const struct vh_emul *e)
{
	return e->rflags >> X86_EFLAGS_IOPL_BIT & 3;
}

/**
 * vh_push - push @size bytes of @val
 * @e: the instruction
 * @val: the value
 * @size: bytes
 *
 * The stack pointer moves when the write is done. Returns what vh_mem_write() returns.
 */
int vh_push(struct vh_emul *e, u64 val, unsigned int size)
{
	u64 sp = (e->gpr[VH_RSP] - size) & vh_mask(vh_stack_size(e));
	int r = vh_mem_write(e, VH_SS, sp, &val, size);

	if (!r)
		vh_addr_reg_write(e, VH_RSP, vh_stack_size(e), sp);
	return r;
}

/**
 * vh_push_frame - push what belongs together: all of it, or the stack pointer stays
 * @e: the instruction
 * @words: the values, the first one first
 * @n: of them
 * @size: bytes of each
 *
 * Returns what vh_mem_write() returns.
 */
int vh_push_frame(struct vh_emul *e, const u64 *words, unsigned int n, unsigned int size)
{
	u64 old_sp = e->gpr[VH_RSP];
	int r = VH_EMUL_OK;

	for (; n && !r; n--)
		r = vh_push(e, *words++, size);
	if (r)
		e->gpr[VH_RSP] = old_sp;
	return r;
}

/**
 * vh_peek - the value on top of the stack
 * @e: the instruction
 * @val: the value
 * @size: bytes
 * @sp: the stack pointer for when all went well
 *
 * Returns what vh_mem_read() returns.
 */
int vh_peek(struct vh_emul *e, u64 *val, unsigned int size, u64 *sp)
{
	u64 top = e->gpr[VH_RSP] & vh_mask(vh_stack_size(e));

	*val = 0;
	*sp = top + size;
	return vh_mem_read(e, VH_SS, top, val, size);
}

/* vh_exec_push_reg - 50 to 57 */
int vh_exec_push_reg(struct vh_emul *e)
{
	return vh_push(e, e->gpr[e->d.rm], e->d.size);
}

/* vh_exec_push_rm - FF /6 */
int vh_exec_push_rm(struct vh_emul *e)
{
	u64 val;
	int r = vh_rm_read(e, e->d.size, &val);

	return r ? r : vh_push(e, val, e->d.size);
}

/* vh_exec_push_imm - 68, 6A */
int vh_exec_push_imm(struct vh_emul *e)
{
	return vh_push(e, e->d.imm, e->d.size);
}

/* vh_exec_pop_reg - 58 to 5F; POP of the stack pointer leaves the value there */
int vh_exec_pop_reg(struct vh_emul *e)
{
	u64 val, sp;
	int r = vh_peek(e, &val, e->d.size, &sp);

	if (r)
		return r;
	vh_addr_reg_write(e, VH_RSP, vh_stack_size(e), sp);
	vh_reg_write(e, e->d.rm, e->d.size, val);
	return VH_EMUL_OK;
}

/* The ModRM operand's base is the stack pointer. */
static bool base_is_sp(const struct vh_insn *d)
{
	return d->mem && d->adsize != 2 && (d->modrm & 7) == 4 && (d->sib & 7) == VH_RSP &&
	       !(d->rex & 1);
}

/* vh_exec_pop_rm - 8F /0; an address by the stack pointer is that after the pop */
int vh_exec_pop_rm(struct vh_emul *e)
{
	u64 val, sp;
	int r = vh_peek(e, &val, e->d.size, &sp);

	if (r)
		return r;
	if (!e->d.mem) {
		vh_addr_reg_write(e, VH_RSP, vh_stack_size(e), sp);
		return vh_rm_write(e, e->d.size, val);
	}
	if (base_is_sp(&e->d))
		e->d.ea = (e->d.ea + e->d.size) & vh_mask(e->d.adsize);
	r = vh_rm_write(e, e->d.size, val);
	if (!r)
		vh_addr_reg_write(e, VH_RSP, vh_stack_size(e), sp);
	return r;
}

/* vh_exec_pushf - 9C */
int vh_exec_pushf(struct vh_emul *e)
{
	u64 val = e->rflags & ~(u64)(X86_EFLAGS_VM | X86_EFLAGS_RF);

	if (vm86(e) && iopl(e) < 3) {
		if (!(e->cr4 & X86_CR4_VME) || e->d.size != 2)
			return vh_emul_fault(e, GP_VECTOR);
		/* SDM Vol. 3, 20.3.3.4: the program sees its virtual interrupt flag */
		val = (val & ~(u64)X86_EFLAGS_IF) | X86_EFLAGS_IOPL;
		if (e->rflags & X86_EFLAGS_VIF)
			val |= X86_EFLAGS_IF;
	}
	return vh_push(e, val, e->d.size);
}

/* vh_exec_popf - 9D (SDM Vol. 2, POPF, table 4-16) */
int vh_exec_popf(struct vh_emul *e)
{
	u64 change = VH_FLAGS_ARITH | X86_EFLAGS_TF | X86_EFLAGS_DF | X86_EFLAGS_NT |
		     X86_EFLAGS_AC | X86_EFLAGS_ID;
	bool virtual = false;
	u64 val, sp;
	int r;

	if (vm86(e)) {
		if (iopl(e) == 3)
			change |= X86_EFLAGS_IF;
		else if (!(e->cr4 & X86_CR4_VME) || e->d.size != 2)
			return vh_emul_fault(e, GP_VECTOR);
		else
			virtual = true;
	} else if (!(e->cr0 & X86_CR0_PE) || e->cpl == 0) {
		change |= X86_EFLAGS_IF | X86_EFLAGS_IOPL;
	} else if (e->cpl <= iopl(e)) {
		change |= X86_EFLAGS_IF;
	}
	r = vh_peek(e, &val, e->d.size, &sp);
	if (r)
		return r;
	if (virtual) {
		if (((val & X86_EFLAGS_IF) && (e->rflags & X86_EFLAGS_VIP)) ||
		    (val & X86_EFLAGS_TF))
			return vh_emul_fault(e, GP_VECTOR);
		e->rflags &= ~(u64)X86_EFLAGS_VIF;
		if (val & X86_EFLAGS_IF)
			e->rflags |= X86_EFLAGS_VIF;
	}
	if (e->d.size == 2)
		change &= 0xffff;
	e->rflags = (e->rflags & ~(change | X86_EFLAGS_RF)) | (val & change) | X86_EFLAGS_FIXED;
	vh_addr_reg_write(e, VH_RSP, vh_stack_size(e), sp);
	return VH_EMUL_OK;
}

static int branch_target(struct vh_emul *e, u64 *target)
{
	int r = vh_rm_read(e, e->d.size, target);

	return r ? r : vh_branch_ok(e, *target);
}

/* vh_exec_call_rm - FF /2 */
int vh_exec_call_rm(struct vh_emul *e)
{
	u64 target;
	int r = branch_target(e, &target);

	if (!r)
		r = vh_push(e, e->d.next_rip, e->d.size);
	if (!r)
		e->d.next_rip = target;
	return r;
}

/* vh_exec_jmp_rm - FF /4 */
int vh_exec_jmp_rm(struct vh_emul *e)
{
	u64 target;
	int r = branch_target(e, &target);

	if (!r)
		e->d.next_rip = target;
	return r;
}

/* Does the stack wrap around within [at, at + len), or fault? */
static bool in_pieces(struct vh_emul *e, u64 at, unsigned int len, bool write)
{
	u64 linear;

	return at + len - 1 > vh_mask(vh_stack_size(e)) ||
	       (e->ops->probe && !vh_linear(e, VH_SS, at, len, write, &linear) &&
		e->ops->probe(e, linear, len, write, false) == VH_EMUL_FAULT);
}

/*
 * The 8 values of PUSHA and POPA at @at: one access where it can be, else each its own, so that
 * the first that faults is the one that is told.
 */
static int all_registers(struct vh_emul *e, u64 at, u8 *buf, bool write)
{
	unsigned int size = e->d.size, i;
	u64 mask = vh_mask(vh_stack_size(e)), linear;
	int r = VH_EMUL_OK;

	if (!in_pieces(e, at, 8 * size, write)) {
		r = vh_linear_aligned(e, VH_SS, at, 8 * size, size, write, &linear);
		if (r)
			return r;
		return write ? e->ops->write(e, linear, buf, 8 * size, false) :
			       e->ops->read(e, linear, buf, 8 * size, false);
	}
	/* What is pushed first lies highest. */
	for (i = 0; i < 8 && !r; i++) {
		unsigned int n = write ? 7 - i : i;
		u64 sp = (at + n * size) & mask;

		r = write ? vh_mem_write(e, VH_SS, sp, buf + n * size, size) :
			    vh_mem_read(e, VH_SS, sp, buf + n * size, size);
	}
	return r;
}

/* vh_exec_pusha - 60: SP as it was before */
int vh_exec_pusha(struct vh_emul *e)
{
	unsigned int ss = vh_stack_size(e), size = e->d.size, i;
	u64 sp = e->gpr[VH_RSP], at = (sp - 8 * size) & vh_mask(ss);
	u8 buf[32];
	int r;

	for (i = 0; i < 8; i++)
		memcpy(buf + i * size, &e->gpr[7 - i], size);
	r = all_registers(e, at, buf, true);
	if (!r)
		vh_addr_reg_write(e, VH_RSP, ss, at);
	return r;
}

/* vh_exec_popa - 61: the image of SP is skipped */
int vh_exec_popa(struct vh_emul *e)
{
	unsigned int ss = vh_stack_size(e), size = e->d.size, i;
	u64 top = e->gpr[VH_RSP] & vh_mask(ss);
	u8 buf[32];
	int r = all_registers(e, top, buf, false);

	if (r)
		return r;
	for (i = 0; i < 8; i++) {
		u64 val = 0;

		memcpy(&val, buf + i * size, size);
		if (7 - i != VH_RSP)
			vh_reg_write(e, 7 - i, size, val);
	}
	vh_addr_reg_write(e, VH_RSP, ss, top + 8 * size);
	return VH_EMUL_OK;
}

/* The display of ENTER: the outer frames' pointers, and the one of this. */
static int push_display(struct vh_emul *e, u64 frame, unsigned int level)
{
	unsigned int size = e->d.size, i;
	u64 bp = e->gpr[VH_RBP], val = 0;
	int r;

	for (i = 1; i < level; i++) {
		bp -= size;
		r = vh_mem_read(e, VH_SS, bp & vh_mask(vh_stack_size(e)), &val, size);
		if (!r)
			r = vh_push(e, val, size);
		if (r)
			return r;
	}
	return level ? vh_push(e, frame, size) : VH_EMUL_OK;
}

/* vh_exec_enter - C8; the new top of the stack has to be writable, though nothing is written */
int vh_exec_enter(struct vh_emul *e)
{
	unsigned int ss = vh_stack_size(e);
	u64 old_sp = e->gpr[VH_RSP], frame = 0, sp, linear;
	int r = vh_push(e, e->gpr[VH_RBP], e->d.size);

	if (!r) {
		frame = e->gpr[VH_RSP];
		r = push_display(e, frame, e->d.imm2 & 31);
	}
	sp = (e->gpr[VH_RSP] - e->d.imm) & vh_mask(ss);
	if (!r)
		r = vh_linear(e, VH_SS, sp, e->d.size, true, &linear);
	if (!r && e->ops->probe && e->ops->probe(e, linear, e->d.size, true, false) == VH_EMUL_FAULT)
		r = VH_EMUL_FAULT;
	if (r) {
		e->gpr[VH_RSP] = old_sp;
		return r;
	}
	vh_reg_write(e, VH_RBP, e->d.size, frame);
	vh_addr_reg_write(e, VH_RSP, ss, sp);
	return VH_EMUL_OK;
}

/* vh_exec_leave - C9 */
int vh_exec_leave(struct vh_emul *e)
{
	unsigned int ss = vh_stack_size(e);
	u64 top = e->gpr[VH_RBP] & vh_mask(ss), val = 0;
	int r = vh_mem_read(e, VH_SS, top, &val, e->d.size);

	if (r)
		return r;
	vh_addr_reg_write(e, VH_RSP, ss, top + e->d.size);
	vh_reg_write(e, VH_RBP, e->d.size, val);
	return VH_EMUL_OK;
}
