// SPDX-License-Identifier: GPL-2.0-only
/*
 * branch.c - handlers of near branches.
 *
 * Every function is a handler of the opcode tables: results are enum vh_emul_result.
 */
#include "insn.h"

static int branch(struct vh_emul *e)
{
	u64 target = (e->d.next_rip + e->d.imm) & vh_mask(e->d.opsize);
	int r = vh_branch_ok(e, target);

	if (!r)
		e->d.next_rip = target;
	return r;
}

/* vh_exec_jcc - 70 to 7F, 0F 80 to 8F */
int vh_exec_jcc(struct vh_emul *e)
{
	return vh_condition(e->rflags, e->d.opcode & 15) ? branch(e) : VH_EMUL_OK;
}

/* vh_exec_jmp - E9, EB */
int vh_exec_jmp(struct vh_emul *e)
{
	return branch(e);
}

/* vh_exec_call - E8 */
int vh_exec_call(struct vh_emul *e)
{
	u64 back = e->d.next_rip;
	int r = branch(e);

	return r ? r : vh_push(e, back, e->d.opsize);
}

/* vh_exec_ret - C2, C3 */
int vh_exec_ret(struct vh_emul *e)
{
	u64 target, sp;
	int r = vh_peek(e, &target, e->d.opsize, &sp);

	if (!r)
		r = vh_branch_ok(e, target);
	if (r)
		return r;
	e->d.next_rip = target;
	vh_addr_reg_write(e, VH_RSP, vh_stack_size(e), sp + (e->d.opcode == 0xc2 ? e->d.imm : 0));
	return VH_EMUL_OK;
}

/* vh_exec_loop - E0 to E3: LOOPNE, LOOPE, LOOP, JCXZ; the count has the address size */
int vh_exec_loop(struct vh_emul *e)
{
	u64 count = e->gpr[VH_RCX];
	bool taken;
	int r;

	if (e->d.opcode == 0xe3)
		return count & vh_mask(e->d.adsize) ? VH_EMUL_OK : branch(e);
	count = (count - 1) & vh_mask(e->d.adsize);
	taken = count;
	if (e->d.opcode != 0xe2)
		taken = taken && !(e->rflags & X86_EFLAGS_ZF) == (e->d.opcode == 0xe0);
	r = taken ? branch(e) : VH_EMUL_OK;
	if (!r)
		vh_addr_reg_write(e, VH_RCX, e->d.adsize, count);
	return r;
}
