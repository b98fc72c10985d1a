// SPDX-License-Identifier: GPL-2.0-only
/*
 * bcd.c - handlers of decimal arithmetic (SDM Vol. 2, DAA, DAS, AAA, AAS, AAM, AAD).
 *
 * Every function is a handler of the opcode tables: results are enum vh_emul_result.
 */
#include "insn.h"

#define DE_VECTOR 0

/* SF, ZF, PF of AL; the others as they are. */
static void flags_of_al(struct vh_emul *e)
{
	u64 flags = e->rflags;

	vh_alu(VH_OR, 1, e->gpr[VH_RAX], 0, &flags);
	e->rflags = (e->rflags & ~(u64)(X86_EFLAGS_SF | X86_EFLAGS_ZF | X86_EFLAGS_PF)) |
		    (flags & (X86_EFLAGS_SF | X86_EFLAGS_ZF | X86_EFLAGS_PF));
}

static void put_flag(struct vh_emul *e, u64 flag, bool on)
{
	e->rflags = on ? e->rflags | flag : e->rflags & ~flag;
}

/* vh_exec_bcd_add - 27, 2F, 37, 3F: DAA, DAS, AAA, AAS */
int vh_exec_bcd_add(struct vh_emul *e)
{
	u8 al = e->gpr[VH_RAX], old = al;
	bool cf = e->rflags & X86_EFLAGS_CF;
	bool adjust = (al & 15) > 9 || (e->rflags & X86_EFLAGS_AF);
	int sign = e->d.opcode & 8 ? -1 : 1;
	u16 ax = e->gpr[VH_RAX];

	if (e->d.opcode >= 0x37) {
		if (adjust)
			ax = sign > 0 ? ax + 0x106 : ax - 0x106;
		vh_reg_write(e, VH_RAX, 2, ax & 0xff0f);
		put_flag(e, X86_EFLAGS_AF, adjust);
		put_flag(e, X86_EFLAGS_CF, adjust);
		return VH_EMUL_OK;
	}
	put_flag(e, X86_EFLAGS_CF, cf || old > 0x99 ||
		 (adjust && (sign < 0 && old < 6)));
	if (adjust)
		al += sign * 6;
	if (old > 0x99 || cf)
		al += sign * 0x60;
	put_flag(e, X86_EFLAGS_AF, adjust);
	e->gpr[VH_RAX] = (e->gpr[VH_RAX] & ~0xffULL) | al;
	flags_of_al(e);
	return VH_EMUL_OK;
}

/* vh_exec_aam - D4 */
int vh_exec_aam(struct vh_emul *e)
{
	u8 al = e->gpr[VH_RAX], base = e->d.imm;

	if (!base)
		return vh_emul_fault(e, DE_VECTOR);
	vh_reg_write(e, VH_RAX, 2, (al / base) << 8 | al % base);
	flags_of_al(e);
	return VH_EMUL_OK;
}

/* vh_exec_aad - D5 */
int vh_exec_aad(struct vh_emul *e)
{
	u16 ax = e->gpr[VH_RAX];

	vh_reg_write(e, VH_RAX, 2, (ax + (ax >> 8) * (u8)e->d.imm) & 0xff);
	flags_of_al(e);
	return VH_EMUL_OK;
}
