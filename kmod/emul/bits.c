// SPDX-License-Identifier: GPL-2.0-only
/*
 * bits.c - handlers of BOUND, ARPL and other integer instructions that stand alone.
 *
 * Every function is a handler of the opcode tables: results are enum vh_emul_result.
 */
#include "insn.h"

#define BR_VECTOR 5
#define UD_VECTOR 6

/* vh_exec_movnti - 0F C3: the operand has 32 bits in 16-bit code, too */
int vh_exec_movnti(struct vh_emul *e)
{
	e->d.size = e->d.rex & 8 ? 8 : 4;
	return vh_exec_mov_rm_reg(e);
}

/* vh_exec_bound - 62: with a register it is an EVEX prefix, and nothing where there is none: in real mode */
int vh_exec_bound(struct vh_emul *e)
{
	unsigned int size = e->d.size;
	s64 index = vh_sext(vh_reg_read(e, e->d.reg, size), size);
	u64 both = 0;
	int r;

	r = vh_mem_read_pair(e, e->d.ea_seg, e->d.ea, &both, 2 * size, size);
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
	if (!r && e->d.mem && e->ops->probe && e->ops->probe(e, linear, 2, true, false) == VH_EMUL_FAULT)
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
