// SPDX-License-Identifier: GPL-2.0-only
/*
 * arith.c - handlers of arithmetic, logic, shifts and bits.
 *
 * Every function is a handler of the opcode tables: results are enum vh_emul_result.
 */
#include <linux/bitops.h>

#include "insn.h"

#define DE_VECTOR 0
#define GP_VECTOR 13

/* RFLAGS of a handler, but only its arithmetic ones. */
static void set_flags(struct vh_emul *e, u64 flags)
{
	e->rflags = (e->rflags & ~(u64)VH_FLAGS_ARITH) | (flags & VH_FLAGS_ARITH);
}

static int rmw(struct vh_emul *e, u64 src, vh_rmw_fn fn)
{
	struct vh_rmw m = { .src = src };
	int r = vh_rmw(e, e->d.size, &m, fn);

	if (!r)
		set_flags(e, m.flags);
	return r;
}

/* --- ADD OR ADC SBB AND SUB XOR CMP, TEST --- */

static enum vh_alu alu_op(const struct vh_emul *e)
{
	/* 80 to 83 have it in ModRM, the others in the opcode. */
	return (e->d.opcode & 0x80 ? e->d.modrm : e->d.opcode) >> 3 & 7;
}

static u64 do_alu(struct vh_emul *e, struct vh_rmw *m)
{
	return vh_alu(alu_op(e), e->d.size, m->old, m->src, &m->flags);
}

static int alu_rm(struct vh_emul *e, u64 src)
{
	u64 val, flags = e->rflags;
	int r;

	if (alu_op(e) != VH_CMP)
		return rmw(e, src, do_alu);
	r = vh_rm_read(e, e->d.size, &val);
	if (r)
		return r;
	vh_alu(VH_CMP, e->d.size, val, src, &flags);
	set_flags(e, flags);
	return VH_EMUL_OK;
}

/* vh_exec_alu_rm_reg - 00, 01 and so on to 38, 39 */
int vh_exec_alu_rm_reg(struct vh_emul *e)
{
	return alu_rm(e, vh_reg_read(e, e->d.reg, e->d.size));
}

/* vh_exec_alu_rm_imm - 80, 81, 83 */
int vh_exec_alu_rm_imm(struct vh_emul *e)
{
	return alu_rm(e, e->d.imm);
}

static void alu_reg(struct vh_emul *e, unsigned int reg, u64 src)
{
	u64 val = vh_reg_read(e, reg, e->d.size), flags = e->rflags;

	val = vh_alu(alu_op(e), e->d.size, val, src, &flags);
	if (alu_op(e) != VH_CMP)
		vh_reg_write(e, reg, e->d.size, val);
	set_flags(e, flags);
}

/* vh_exec_alu_reg_rm - 02, 03 and so on to 3A, 3B */
int vh_exec_alu_reg_rm(struct vh_emul *e)
{
	u64 src;
	int r = vh_rm_read(e, e->d.size, &src);

	if (!r)
		alu_reg(e, e->d.reg, src);
	return r;
}

/* vh_exec_alu_acc_imm - 04, 05 and so on to 3C, 3D */
int vh_exec_alu_acc_imm(struct vh_emul *e)
{
	alu_reg(e, VH_RAX, e->d.imm);
	return VH_EMUL_OK;
}

static int test_rm(struct vh_emul *e, u64 src)
{
	u64 val, flags = e->rflags;
	int r = vh_rm_read(e, e->d.size, &val);

	if (r)
		return r;
	vh_alu(VH_AND, e->d.size, val, src, &flags);
	set_flags(e, flags);
	return VH_EMUL_OK;
}

/* vh_exec_test_rm_reg - 84, 85 */
int vh_exec_test_rm_reg(struct vh_emul *e)
{
	return test_rm(e, vh_reg_read(e, e->d.reg, e->d.size));
}

/* vh_exec_test_rm_imm - F6 /0, F7 /0 */
int vh_exec_test_rm_imm(struct vh_emul *e)
{
	return test_rm(e, e->d.imm);
}

/* vh_exec_test_acc_imm - A8, A9 */
int vh_exec_test_acc_imm(struct vh_emul *e)
{
	u64 flags = e->rflags;

	vh_alu(VH_AND, e->d.size, vh_reg_read(e, VH_RAX, e->d.size), e->d.imm, &flags);
	set_flags(e, flags);
	return VH_EMUL_OK;
}

/* --- one operand --- */

static u64 do_not(struct vh_emul *e, struct vh_rmw *m)
{
	return ~m->old;
}

/* vh_exec_not - F6 /2, F7 /2 */
int vh_exec_not(struct vh_emul *e)
{
	return rmw(e, 0, do_not);
}

static u64 do_neg(struct vh_emul *e, struct vh_rmw *m)
{
	return vh_alu(VH_SUB, e->d.size, 0, m->old, &m->flags);
}

/* vh_exec_neg - F6 /3, F7 /3 */
int vh_exec_neg(struct vh_emul *e)
{
	return rmw(e, 0, do_neg);
}

static u64 do_incdec(struct vh_emul *e, struct vh_rmw *m)
{
	return vh_alu_inc(e->d.size, m->old, m->src, &m->flags);
}

/* vh_exec_inc - FE /0, FF /0 */
int vh_exec_inc(struct vh_emul *e)
{
	return rmw(e, 0, do_incdec);
}

/* vh_exec_dec - FE /1, FF /1 */
int vh_exec_dec(struct vh_emul *e)
{
	return rmw(e, 1, do_incdec);
}

/* vh_exec_incdec_opreg - 40 to 4F outside 64-bit mode */
int vh_exec_incdec_opreg(struct vh_emul *e)
{
	return rmw(e, e->d.opcode >= 0x48, do_incdec);
}

/* --- shifts and rotates --- */

static u64 do_shift(struct vh_emul *e, struct vh_rmw *m)
{
	return vh_alu_shift(e->d.modrm >> 3 & 7, e->d.size, m->old, m->src, &m->flags);
}

/* vh_exec_shift_imm - C0, C1 */
int vh_exec_shift_imm(struct vh_emul *e)
{
	return rmw(e, e->d.imm, do_shift);
}

/* vh_exec_shift_1 - D0, D1 */
int vh_exec_shift_1(struct vh_emul *e)
{
	return rmw(e, 1, do_shift);
}

/* vh_exec_shift_cl - D2, D3 */
int vh_exec_shift_cl(struct vh_emul *e)
{
	return rmw(e, e->gpr[VH_RCX] & 0xff, do_shift);
}

static u64 do_shift_double(struct vh_emul *e, struct vh_rmw *m)
{
	return vh_alu_shift_double(e->d.opcode & 8, e->d.size, m->old,
				   vh_reg_read(e, e->d.reg, e->d.size), m->src, &m->flags);
}

/* vh_exec_shift_double - 0F A4, A5, AC, AD */
int vh_exec_shift_double(struct vh_emul *e)
{
	return rmw(e, e->d.opcode & 1 ? e->gpr[VH_RCX] & 0xff : e->d.imm, do_shift_double);
}

/* --- multiplication and division --- */

/* vh_exec_mul - F6, F7 /4 and /5: accumulator by operand */
int vh_exec_mul(struct vh_emul *e)
{
	unsigned int size = e->d.size;
	u64 val, lo, hi, flags = e->rflags;
	int r = vh_rm_read(e, size, &val);

	if (r)
		return r;
	vh_alu_mul(e->d.modrm >> 3 & 1, size, vh_reg_read(e, VH_RAX, size), val, &lo, &hi, &flags);
	if (size == 1) {
		vh_reg_write(e, VH_RAX, 2, hi << 8 | lo);
	} else {
		vh_reg_write(e, VH_RAX, size, lo);
		vh_reg_write(e, VH_RDX, size, hi);
	}
	set_flags(e, flags);
	return VH_EMUL_OK;
}

static int imul_reg(struct vh_emul *e, u64 b, u64 a)
{
	u64 lo, hi, flags = e->rflags;

	vh_alu_mul(true, e->d.size, a, b, &lo, &hi, &flags);
	vh_reg_write(e, e->d.reg, e->d.size, lo);
	set_flags(e, flags);
	return VH_EMUL_OK;
}

/* vh_exec_imul_reg_rm - 0F AF */
int vh_exec_imul_reg_rm(struct vh_emul *e)
{
	u64 val;
	int r = vh_rm_read(e, e->d.size, &val);

	return r ? r : imul_reg(e, val, vh_reg_read(e, e->d.reg, e->d.size));
}

/* vh_exec_imul_reg_rm_imm - 69, 6B */
int vh_exec_imul_reg_rm_imm(struct vh_emul *e)
{
	u64 val;
	int r = vh_rm_read(e, e->d.size, &val);

	return r ? r : imul_reg(e, val, e->d.imm);
}

/* vh_exec_div - F6, F7 /6 and /7 */
int vh_exec_div(struct vh_emul *e)
{
	unsigned int size = e->d.size;
	u64 divisor, lo, hi, quotient, remainder;
	int r = vh_rm_read(e, size, &divisor);

	if (r)
		return r;
	lo = vh_reg_read(e, VH_RAX, size);
	hi = size == 1 ? e->gpr[VH_RAX] >> 8 & 0xff : vh_reg_read(e, VH_RDX, size);
	if (!vh_alu_div(e->d.modrm >> 3 & 1, size, lo, hi, divisor, &quotient, &remainder))
		return vh_emul_fault(e, DE_VECTOR);
	if (size == 1) {
		vh_reg_write(e, VH_RAX, 2, remainder << 8 | quotient);
	} else {
		vh_reg_write(e, VH_RAX, size, quotient);
		vh_reg_write(e, VH_RDX, size, remainder);
	}
	return VH_EMUL_OK;
}

/* --- XADD, CMPXCHG --- */

static u64 do_xadd(struct vh_emul *e, struct vh_rmw *m)
{
	return vh_alu(VH_ADD, e->d.size, m->old, m->src, &m->flags);
}

/* vh_exec_xadd - 0F C0, C1 */
int vh_exec_xadd(struct vh_emul *e)
{
	struct vh_rmw m = { .src = vh_reg_read(e, e->d.reg, e->d.size) };
	u64 sum;
	int r;

	r = vh_rmw(e, e->d.size, &m, do_xadd);
	if (r)
		return r;
	sum = vh_reg_read(e, e->d.rm, e->d.size);
	vh_reg_write(e, e->d.reg, e->d.size, m.old);
	/* The destination is written last: the operands may be one register. */
	if (!e->d.mem)
		vh_reg_write(e, e->d.rm, e->d.size, sum);
	set_flags(e, m.flags);
	return VH_EMUL_OK;
}

static u64 do_cmpxchg(struct vh_emul *e, struct vh_rmw *m)
{
	vh_alu(VH_CMP, e->d.size, vh_reg_read(e, VH_RAX, e->d.size), m->old, &m->flags);
	return m->flags & X86_EFLAGS_ZF ? m->src : m->old;
}

/* vh_exec_cmpxchg - 0F B0, B1 */
int vh_exec_cmpxchg(struct vh_emul *e)
{
	struct vh_rmw m = { .src = vh_reg_read(e, e->d.reg, e->d.size) };
	u64 rax = e->gpr[VH_RAX], dest = e->gpr[e->d.rm];
	int r;

	r = vh_rmw(e, e->d.size, &m, do_cmpxchg);
	if (r)
		return r;
	if (!(m.flags & X86_EFLAGS_ZF)) {
		/* A register destination that differs is not written, not even its upper half. */
		if (!e->d.mem)
			e->gpr[e->d.rm] = dest;
		vh_reg_write(e, VH_RAX, e->d.size, m.old);
	} else if (e->d.mem) {
		e->gpr[VH_RAX] = rax;
	}
	set_flags(e, m.flags);
	return VH_EMUL_OK;
}

/* LOCKed: ops->cmpxchg[16] does it all, for its first comparison is with the accumulator. */
static int cmpxchg_wide_locked(struct vh_emul *e, u64 linear, u64 seen[2], const u64 new[2])
{
	if (e->d.size == 16)
		return e->ops->cmpxchg16 ? e->ops->cmpxchg16(e, linear, seen, new) :
					   VH_EMUL_UNHANDLED;
	return (e->ops->cmpxchg)(e, linear, &seen[0], new[0], 8, false);
}

/* vh_exec_cmpxchg_wide - 0F C7 /1: CMPXCHG8B, CMPXCHG16B */
int vh_exec_cmpxchg_wide(struct vh_emul *e)
{
	unsigned int half = e->d.opsize == 8 ? 8 : 4;
	u64 expected[2] = { e->gpr[VH_RAX], e->gpr[VH_RDX] };
	u64 new[2] = { e->gpr[VH_RBX], e->gpr[VH_RCX] };
	u64 seen[2], linear;
	bool equal;
	int r;

	e->d.size = half * 2;
	if (half == 4) {
		expected[0] = (u32)expected[0] | expected[1] << 32;
		new[0] = (u32)new[0] | new[1] << 32;
		expected[1] = new[1] = 0;
	}
	r = vh_linear(e, e->d.ea_seg, e->d.ea, e->d.size, true, &linear);
	if (r)
		return r;
	if (half == 8 && (linear & 15))
		return vh_emul_fault(e, GP_VECTOR);
	/* Its fault is a write's, whatever is read. */
	if (e->ops->probe && e->ops->probe(e, linear, e->d.size, true, false) == VH_EMUL_FAULT)
		return VH_EMUL_FAULT;
	seen[0] = expected[0];
	seen[1] = expected[1];
	if (e->d.lock) {
		r = cmpxchg_wide_locked(e, linear, seen, new);
	} else {
		seen[1] = 0;
		r = e->ops->read(e, linear, seen, e->d.size, false);
		if (!r) {
			equal = seen[0] == expected[0] && seen[1] == expected[1];
			r = e->ops->write(e, linear, equal ? new : seen, e->d.size, false);
		}
	}
	if (r)
		return r;
	equal = seen[0] == expected[0] && seen[1] == expected[1];
	if (!equal) {
		vh_reg_write(e, VH_RAX, half, seen[0]);
		vh_reg_write(e, VH_RDX, half, half == 4 ? seen[0] >> 32 : seen[1]);
	}
	e->rflags = (e->rflags & ~(u64)X86_EFLAGS_ZF) | (equal ? X86_EFLAGS_ZF : 0);
	return VH_EMUL_OK;
}

/* --- bits --- */

enum { BIT_TEST, BIT_SET, BIT_RESET, BIT_COMPLEMENT };

/* m->src: the bit's number within the operand */
static u64 bit_change(unsigned int op, struct vh_rmw *m)
{
	u64 bit = BIT_ULL(m->src);

	m->flags = (m->flags & ~(u64)X86_EFLAGS_CF) | (m->old & bit ? X86_EFLAGS_CF : 0);
	switch (op) {
	case BIT_SET:
		return m->old | bit;
	case BIT_RESET:
		return m->old & ~bit;
	case BIT_COMPLEMENT:
		return m->old ^ bit;
	}
	return m->old;
}

/* A3, AB, B3, BB and BA /4 to /7 have the operation in the same place. */
static unsigned int bit_op(const struct vh_emul *e)
{
	return (e->d.opcode == 0xba ? e->d.modrm : e->d.opcode) >> 3 & 3;
}

static u64 do_bit(struct vh_emul *e, struct vh_rmw *m)
{
	return bit_change(bit_op(e), m);
}

static int bit(struct vh_emul *e, u64 number)
{
	struct vh_rmw m = { .src = number, .flags = e->rflags };
	int r;

	if (bit_op(e) != BIT_TEST)
		return rmw(e, number, do_bit);
	r = vh_rm_read(e, e->d.size, &m.old);
	if (r)
		return r;
	bit_change(BIT_TEST, &m);
	set_flags(e, m.flags);
	return VH_EMUL_OK;
}

/* vh_exec_bt_imm - 0F BA /4 to /7 */
int vh_exec_bt_imm(struct vh_emul *e)
{
	return bit(e, e->d.imm & (e->d.size * 8 - 1));
}

/* vh_exec_bt_reg - 0F A3, AB, B3, BB: in memory a bit string that reaches both ways */
int vh_exec_bt_reg(struct vh_emul *e)
{
	unsigned int size = e->d.size;
	s64 number = vh_sext(vh_reg_read(e, e->d.reg, size), size);

	if (e->d.mem) {
		/* Floor division: -1 is the last bit of the operand before. */
		e->d.ea += (number >> (size == 8 ? 6 : size == 4 ? 5 : 4)) * size;
		e->d.ea &= vh_mask(e->d.adsize);
	}
	return bit(e, number & (size * 8 - 1));
}

static int bit_scan(struct vh_emul *e, bool reverse)
{
	u64 val;
	int r = vh_rm_read(e, e->d.size, &val);

	if (r)
		return r;
	/* Of zero the destination stays, upper half included. */
	if (val)
		vh_reg_write(e, e->d.reg, e->d.size, reverse ? __fls(val) : __ffs(val));
	e->rflags = (e->rflags & ~(u64)X86_EFLAGS_ZF) | (val ? 0 : X86_EFLAGS_ZF);
	return VH_EMUL_OK;
}

/* vh_exec_bsf - 0F BC */
int vh_exec_bsf(struct vh_emul *e)
{
	return bit_scan(e, false);
}

/* vh_exec_bsr - 0F BD */
int vh_exec_bsr(struct vh_emul *e)
{
	return bit_scan(e, true);
}
