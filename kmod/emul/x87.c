// SPDX-License-Identifier: GPL-2.0-only
/*
 * x87.c - handlers of the x87 control instructions, by which real-mode code looks for a
 * floating-point unit and resets it. Arithmetic is not handled.
 *
 * Every function is a handler of the opcode tables: results are enum vh_emul_result.
 */
#include "insn.h"

#define NM_VECTOR 7
#define MF_VECTOR 16

#define SW_EXCEPTIONS	0x003f
#define SW_SUMMARY	0x0080	/* ES: one of them is unmasked */
#define SW_BUSY		0x8000	/* the same bit, for the 8087's sake */

/* SDM Vol. 3, table 2-2; WAIT looks at TS and MP, the others at TS and EM. */
static int available(struct vh_emul *e)
{
	if (!e->ops->read_x87 || !e->ops->write_x87)
		return VH_EMUL_UNHANDLED;
	return e->cr0 & (X86_CR0_TS | X86_CR0_EM) ? vh_emul_fault(e, NM_VECTOR) : VH_EMUL_OK;
}

/*
 * An unmasked exception waits: #MF. With CR0.NE clear it would be an interrupt through
 * the 8259, which nobody has wired up.
 */
static int pending(struct vh_emul *e, const struct vh_x87 *x)
{
	if (!(x->sw & SW_SUMMARY))
		return VH_EMUL_OK;
	return e->cr0 & X86_CR0_NE ? vh_emul_fault(e, MF_VECTOR) : VH_EMUL_UNHANDLED;
}

/* vh_exec_fwait - 9B */
int vh_exec_fwait(struct vh_emul *e)
{
	struct vh_x87 x;

	if ((e->cr0 & (X86_CR0_TS | X86_CR0_MP)) == (X86_CR0_TS | X86_CR0_MP))
		return vh_emul_fault(e, NM_VECTOR);
	if (!e->ops->read_x87)
		return VH_EMUL_OK;
	e->ops->read_x87(e, &x);
	return pending(e, &x);
}

/* vh_exec_fldcw - D9 /5 with memory */
int vh_exec_fldcw(struct vh_emul *e)
{
	struct vh_x87 x;
	u64 val;
	int r;

	if (!e->d.mem)
		return VH_EMUL_UNHANDLED;
	r = available(e);
	if (r)
		return r;
	e->ops->read_x87(e, &x);
	r = pending(e, &x);
	if (!r)
		r = vh_rm_read(e, 2, &val);
	if (r)
		return r;
	x.cw = (val & 0x1f3f) | 0x40;
	/* It may unmask what is noted already. */
	if (x.sw & ~x.cw & SW_EXCEPTIONS)
		x.sw |= SW_SUMMARY | SW_BUSY;
	e->ops->write_x87(e, &x);
	return VH_EMUL_OK;
}

/* vh_exec_fnstcw - D9 /7 with memory */
int vh_exec_fnstcw(struct vh_emul *e)
{
	struct vh_x87 x;
	int r;

	if (!e->d.mem)
		return VH_EMUL_UNHANDLED;
	r = available(e);
	if (r)
		return r;
	e->ops->read_x87(e, &x);
	return vh_rm_write(e, 2, x.cw);
}

/* vh_exec_fnclex_fninit - DB E2, DB E3 */
int vh_exec_fnclex_fninit(struct vh_emul *e)
{
	struct vh_x87 x;
	int r;

	if (e->d.modrm != 0xe2 && e->d.modrm != 0xe3)
		return VH_EMUL_UNHANDLED;
	r = available(e);
	if (r)
		return r;
	e->ops->read_x87(e, &x);
	if (e->d.modrm == 0xe2)
		x.sw &= ~(SW_EXCEPTIONS | 0x40 | SW_SUMMARY | SW_BUSY);
	else
		x = (struct vh_x87){ .cw = 0x37f, .init = true };
	e->ops->write_x87(e, &x);
	return VH_EMUL_OK;
}

/* vh_exec_fnstsw - DD /7 with memory, DF E0 */
int vh_exec_fnstsw(struct vh_emul *e)
{
	struct vh_x87 x;
	int r;

	if (e->d.opcode == 0xdd ? !e->d.mem : e->d.modrm != 0xe0)
		return VH_EMUL_UNHANDLED;
	r = available(e);
	if (r)
		return r;
	e->ops->read_x87(e, &x);
	if (e->d.mem)
		return vh_rm_write(e, 2, x.sw);
	vh_reg_write(e, VH_RAX, 2, x.sw);
	return VH_EMUL_OK;
}
