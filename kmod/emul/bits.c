// SPDX-License-Identifier: GPL-2.0-only
/*
 * bits.c - handlers of bit counts, CRC32, BOUND, ARPL and other integer instructions that stand alone.
 *
 * Every function is a handler of the opcode tables: results are enum vh_emul_result.
 */
#include <linux/bitops.h>

#include "insn.h"

#define BR_VECTOR 5
#define UD_VECTOR 6

/* vh_exec_movnti - 0F C3: the operand has 32 bits in 16-bit code, too */
int vh_exec_movnti(struct vh_emul *e)
{
	e->d.size = e->d.rex & 8 ? 8 : 4;
	return vh_exec_mov_rm_reg(e);
}

/* vh_exec_popcnt - F3 0F B8 */
int vh_exec_popcnt(struct vh_emul *e)
{
	unsigned int count = 0;
	u64 val;
	int r = vh_rm_read(e, e->d.size, &val);

	if (r)
		return r;
	e->rflags &= ~(u64)VH_FLAGS_ARITH;
	if (!val)
		e->rflags |= X86_EFLAGS_ZF;
	for (; val; val &= val - 1)
		count++;
	vh_reg_write(e, e->d.reg, e->d.size, count);
	return VH_EMUL_OK;
}

/* Zero bits at one end of the operand: CF tells that it has no others, ZF that there are none. */
static int count_zeros(struct vh_emul *e, bool leading)
{
	unsigned int bits = e->d.size * 8, count = bits;
	u64 val;
	int r = vh_rm_read(e, e->d.size, &val);

	if (r)
		return r;
	if (val)
		count = leading ? bits - 1 - __fls(val) : __ffs(val);
	e->rflags &= ~(u64)(X86_EFLAGS_CF | X86_EFLAGS_ZF);
	if (!val)
		e->rflags |= X86_EFLAGS_CF;
	if (!count)
		e->rflags |= X86_EFLAGS_ZF;
	vh_reg_write(e, e->d.reg, e->d.size, count);
	return VH_EMUL_OK;
}

/* vh_exec_tzcnt - 0F BC: BSF without F3, or on a processor without BMI1 */
int vh_exec_tzcnt(struct vh_emul *e)
{
	return e->d.rep == 0xf3 && e->has_tzcnt ? count_zeros(e, false) : vh_exec_bsf(e);
}

/* vh_exec_lzcnt - 0F BD: BSR without F3, or on a processor without LZCNT */
int vh_exec_lzcnt(struct vh_emul *e)
{
	return e->d.rep == 0xf3 && e->has_lzcnt ? count_zeros(e, true) : vh_exec_bsr(e);
}

#define CRC32C_REVERSED	0x82f63b78

/* F2 0F 38 F0, F1: the destination has 32 bits, the upper half of 64 becomes 0. */
static int crc32(struct vh_emul *e)
{
	unsigned int size = e->d.opcode & 1 ? e->d.size : 1, i;
	u32 crc = vh_reg_read(e, e->d.reg, 4);
	u64 val;
	int r = vh_rm_read(e, size, &val);

	if (r)
		return r;
	for (i = 0; i < size * 8; i++, val >>= 1)
		crc = crc >> 1 ^ ((crc ^ val) & 1 ? CRC32C_REVERSED : 0);
	vh_reg_write(e, e->d.reg, e->d.size == 8 ? 8 : 4, crc);
	return VH_EMUL_OK;
}

/* vh_exec_movbe_crc32 - 0F 38 F0, F1: MOVBE, with F2 CRC32 */
int vh_exec_movbe_crc32(struct vh_emul *e)
{
	if (e->d.rep == 0xf2)
		return crc32(e);
	return e->d.opcode & 1 ? vh_exec_movbe_store(e) : vh_exec_movbe_load(e);
}

/* vh_exec_bound - 62: with a register it is an EVEX prefix */
int vh_exec_bound(struct vh_emul *e)
{
	unsigned int size = e->d.size;
	s64 index = vh_sext(vh_reg_read(e, e->d.reg, size), size);
	u64 both = 0;
	int r;

	if (!e->d.mem)
		return VH_EMUL_UNHANDLED;
	r = vh_mem_read(e, e->d.ea_seg, e->d.ea, &both, 2 * size);
	if (r)
		return r;
	if (index < vh_sext(both & vh_mask(size), size) || index > vh_sext(both >> size * 8, size))
		return vh_emul_fault(e, BR_VECTOR);
	return VH_EMUL_OK;
}

/* vh_exec_arpl - 63 outside 64-bit mode */
int vh_exec_arpl(struct vh_emul *e)
{
	u64 rpl = vh_reg_read(e, e->d.reg, 2) & 3, val, linear;
	int r = VH_EMUL_OK;

	if (!vh_emul_protected(e))
		return vh_emul_fault(e, UD_VECTOR);
	/* A page that cannot be written faults as such, written or not. */
	if (e->d.mem)
		r = vh_linear(e, e->d.ea_seg, e->d.ea, 2, true, &linear);
	if (!r && e->d.mem && e->ops->probe && e->ops->probe(e, linear, 2, true) == VH_EMUL_FAULT)
		r = VH_EMUL_FAULT;
	if (!r)
		r = vh_rm_read(e, 2, &val);
	if (!r && (val & 3) < rpl)
		r = vh_rm_write(e, 2, (val & ~3ULL) | rpl);
	if (r)
		return r;
	e->rflags &= ~(u64)X86_EFLAGS_ZF;
	if ((val & 3) < rpl)
		e->rflags |= X86_EFLAGS_ZF;
	return VH_EMUL_OK;
}

/* vh_exec_salc - D6: AL from CF; in no manual, in every processor */
int vh_exec_salc(struct vh_emul *e)
{
	vh_reg_write(e, VH_RAX, 1, e->rflags & X86_EFLAGS_CF ? 0xff : 0);
	return VH_EMUL_OK;
}
