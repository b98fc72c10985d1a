// SPDX-License-Identifier: GPL-2.0-only
/*
 * system.c - handlers of port I/O and of the flags.
 *
 * Every function is a handler of the opcode tables: results are enum vh_emul_result.
 */
#include "insn.h"

#define GP_VECTOR 13

/* Of IN and OUT: E4 to E7 have the port in the instruction, EC to EF in DX. */
static int io_begin(struct vh_emul *e, u16 *port)
{
	e->d.size = min_t(u8, e->d.size, 4);
	*port = e->d.opcode & 8 ? e->gpr[VH_RDX] : e->d.imm;
	return e->ops->io_allowed(e, *port, e->d.size);
}

/* vh_exec_in - E4, E5, EC, ED */
int vh_exec_in(struct vh_emul *e)
{
	u64 val = 0;
	u16 port;
	int r = io_begin(e, &port);

	if (!r)
		r = e->ops->io(e, port, &val, e->d.size, false);
	if (!r)
		vh_reg_write(e, VH_RAX, e->d.size, val);
	return r;
}

/* vh_exec_out - E6, E7, EE, EF */
int vh_exec_out(struct vh_emul *e)
{
	u64 val = e->gpr[VH_RAX];
	u16 port;
	int r = io_begin(e, &port);

	return r ? r : e->ops->io(e, port, &val, e->d.size, true);
}

/*
 * Which flag CLI and STI act on: IF, VIF (SDM Vol. 3, 20.3.3.3 and 20.4), or none: #GP(0).
 */
static u64 interrupt_flag(const struct vh_emul *e)
{
	unsigned int iopl = e->rflags >> X86_EFLAGS_IOPL_BIT & 3;

	if (!(e->cr0 & X86_CR0_PE))
		return X86_EFLAGS_IF;
	if (e->rflags & X86_EFLAGS_VM)
		return iopl == 3 ? X86_EFLAGS_IF : e->cr4 & X86_CR4_VME ? X86_EFLAGS_VIF : 0;
	if (e->cpl <= iopl)
		return X86_EFLAGS_IF;
	return e->cpl == 3 && (e->cr4 & X86_CR4_PVI) ? X86_EFLAGS_VIF : 0;
}

/* vh_exec_cli - FA */
int vh_exec_cli(struct vh_emul *e)
{
	u64 flag = interrupt_flag(e);

	if (!flag)
		return vh_emul_fault(e, GP_VECTOR);
	e->rflags &= ~flag;
	return VH_EMUL_OK;
}

/* vh_exec_sti - FB */
int vh_exec_sti(struct vh_emul *e)
{
	u64 flag = interrupt_flag(e);

	if (!flag || (flag == X86_EFLAGS_VIF && (e->rflags & X86_EFLAGS_VIP)))
		return vh_emul_fault(e, GP_VECTOR);
	e->sti_shadow = flag == X86_EFLAGS_IF && !(e->rflags & X86_EFLAGS_IF);
	e->rflags |= flag;
	return VH_EMUL_OK;
}

/* vh_exec_flag_op - F5, F8, F9, FC, FD: CMC, CLC, STC, CLD, STD */
int vh_exec_flag_op(struct vh_emul *e)
{
	switch (e->d.opcode) {
	case 0xf5:
		e->rflags ^= X86_EFLAGS_CF;
		break;
	case 0xf8:
		e->rflags &= ~(u64)X86_EFLAGS_CF;
		break;
	case 0xf9:
		e->rflags |= X86_EFLAGS_CF;
		break;
	case 0xfc:
		e->rflags &= ~(u64)X86_EFLAGS_DF;
		break;
	default:
		e->rflags |= X86_EFLAGS_DF;
	}
	return VH_EMUL_OK;
}

#define AH_FLAGS (X86_EFLAGS_SF | X86_EFLAGS_ZF | X86_EFLAGS_AF | X86_EFLAGS_PF | X86_EFLAGS_CF)

/* vh_exec_lahf - 9F */
int vh_exec_lahf(struct vh_emul *e)
{
	u64 ah = (e->rflags & AH_FLAGS) | X86_EFLAGS_FIXED;

	e->gpr[VH_RAX] = (e->gpr[VH_RAX] & ~0xff00ULL) | ah << 8;
	return VH_EMUL_OK;
}

/* vh_exec_sahf - 9E */
int vh_exec_sahf(struct vh_emul *e)
{
	e->rflags = (e->rflags & ~(u64)AH_FLAGS) | (e->gpr[VH_RAX] >> 8 & AH_FLAGS);
	return VH_EMUL_OK;
}
