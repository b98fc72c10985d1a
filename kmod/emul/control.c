// SPDX-License-Identifier: GPL-2.0-only
/*
 * control.c - handlers of control registers, descriptor-table registers, MSRs and HLT.
 *
 * Every function is a handler of the opcode tables: results are enum vh_emul_result.
 */
#include "insn.h"

#define UD_VECTOR 6
#define GP_VECTOR 13

/* CPL 0 only. */
static int privileged(struct vh_emul *e)
{
	return e->cpl ? vh_emul_fault(e, GP_VECTOR) : VH_EMUL_OK;
}

static int sys(struct vh_emul *e, enum vh_emul_sys what, unsigned int n, u64 *val)
{
	return e->ops->system ? e->ops->system(e, what, n, val) : VH_EMUL_UNHANDLED;
}

static int privileged_sys(struct vh_emul *e, enum vh_emul_sys what, unsigned int n, u64 *val)
{
	int r = privileged(e);

	return r ? r : sys(e, what, n, val);
}

/* 0F 01 with a register and reg other than 4 and 6: the whole byte is the opcode. */
static int group_7_register(struct vh_emul *e)
{
	u64 val = 0;
	int r;

	switch (e->d.modrm) {
	case 0xc1:	/* VMCALL */
		r = sys(e, VH_SYS_VMCALL, 0, &val);
		if (!r)
			vh_reg_write(e, VH_RAX, e->d.mode == 8 ? 8 : 4, val);
		return r;
	case 0xc2: case 0xc3: case 0xc4:	/* VMLAUNCH, VMRESUME, VMXOFF */
		return vh_emul_fault(e, UD_VECTOR);
	case 0xd0: case 0xd1:	/* XGETBV, XSETBV */
		return e->cr4 & X86_CR4_OSXSAVE ? VH_EMUL_UNHANDLED : vh_emul_fault(e, UD_VECTOR);
	case 0xf8:		/* SWAPGS */
		return e->d.mode == 8 ? VH_EMUL_UNHANDLED : vh_emul_fault(e, UD_VECTOR);
	case 0xca: case 0xcb:	/* CLAC, STAC */
		if (!e->has_smap)
			return VH_EMUL_UNHANDLED;
		if (e->cpl || e->d.opsize_prefix || e->d.rep)
			return vh_emul_fault(e, UD_VECTOR);
		e->rflags &= ~(u64)X86_EFLAGS_AC;
		if (e->d.modrm & 1)
			e->rflags |= X86_EFLAGS_AC;
		return VH_EMUL_OK;
	}
	return VH_EMUL_UNHANDLED;
}

/* vh_exec_protected_only - 0F 00 /4, /5, 0F 02, 0F 03: VERR, VERW, LAR, LSL */
int vh_exec_protected_only(struct vh_emul *e)
{
	return vh_emul_protected(e) ? VH_EMUL_UNHANDLED : vh_emul_fault(e, UD_VECTOR);
}

/* vh_exec_syscall - 0F 05, 0F 07: SYSCALL, SYSRET; what EFER enables is the processor's */
int vh_exec_syscall(struct vh_emul *e)
{
	return e->efer & EFER_LMA ? VH_EMUL_UNHANDLED : vh_emul_fault(e, UD_VECTOR);
}

/* vh_exec_sysenter - 0F 34, 0F 35: SYSENTER, SYSEXIT */
int vh_exec_sysenter(struct vh_emul *e)
{
	return e->cr0 & X86_CR0_PE ? VH_EMUL_UNHANDLED : vh_emul_fault(e, GP_VECTOR);
}

/* vh_exec_vmx - what is #UD outside VMX operation; the other forms are other instructions */
int vh_exec_vmx(struct vh_emul *e)
{
	bool other = e->d.opcode_map == 2 ? (e->d.opcode == 0xc7 && !e->d.mem) ||
					    (e->d.opcode != 0xc7 && (e->d.rep || e->d.opsize_prefix)) :
					    e->d.rep || !e->d.opsize_prefix;

	return other ? VH_EMUL_UNHANDLED : vh_emul_fault(e, UD_VECTOR);
}

/* vh_exec_sgdt - 0F 01 /0, /1 */
int vh_exec_sgdt(struct vh_emul *e)
{
	const struct kvm_dtable *t = e->d.modrm & 8 ? e->idt : e->gdt;
	unsigned int size = e->d.mode == 8 ? 8 : 4;
	u64 linear;
	u8 buf[10];
	int r;

	if (!e->d.mem)
		return group_7_register(e);
	if (!t)
		return VH_EMUL_UNHANDLED;
	if ((e->cr4 & X86_CR4_UMIP) && e->cpl)
		return vh_emul_fault(e, GP_VECTOR);
	/* A word, and a base that is aligned for itself (SDM Vol. 3, 3.5.1). */
	r = vh_linear_aligned(e, e->d.ea_seg, (e->d.ea + 2) & vh_mask(e->d.adsize), size, size, true, &linear);
	if (r)
		return r;
	vh_emul_tables(e);
	memcpy(buf, &t->limit, 2);
	memcpy(buf + 2, &t->base, size);
	return vh_mem_write(e, e->d.ea_seg, e->d.ea, buf, 2 + size);
}

/* vh_exec_lgdt - 0F 01 /2, /3; a 16-bit operand has a base of 24 bits */
int vh_exec_lgdt(struct vh_emul *e)
{
	unsigned int size = e->d.mode == 8 ? 8 : 4;
	u8 buf[10];
	u64 base = 0;
	u16 limit;
	int r;

	if (!e->d.mem)
		return group_7_register(e);
	r = privileged(e);
	if (!r && !e->ops->set_table)
		r = VH_EMUL_UNHANDLED;
	if (!r)
		r = vh_mem_read(e, e->d.ea_seg, e->d.ea, buf, 2 + size);
	if (r)
		return r;
	memcpy(&limit, buf, 2);
	memcpy(&base, buf + 2, size);
	if (e->d.mode != 8 && e->d.opsize == 2)
		base &= 0xffffff;
	if (e->d.mode == 8 && !vh_emul_canonical(e, base))
		return vh_emul_fault(e, GP_VECTOR);
	e->ops->set_table(e, e->d.modrm & 8, base, limit);
	return VH_EMUL_OK;
}

/* vh_exec_smsw - 0F 01 /4: memory gets 16 bits */
int vh_exec_smsw(struct vh_emul *e)
{
	if ((e->cr4 & X86_CR4_UMIP) && e->cpl)
		return vh_emul_fault(e, GP_VECTOR);
	return vh_rm_write(e, e->d.mem ? 2 : e->d.size, e->cr0);
}

/* vh_exec_lmsw - 0F 01 /6: PE can be set, never cleared */
int vh_exec_lmsw(struct vh_emul *e)
{
	u64 val;
	int r = privileged(e);

	if (!r)
		r = vh_rm_read(e, 2, &val);
	if (r)
		return r;
	val = (e->cr0 & ~14ULL) | (val & 15);
	return sys(e, VH_SYS_CR_WRITE, 0, &val);
}

/* vh_exec_invlpg - 0F 01 /7 */
int vh_exec_invlpg(struct vh_emul *e)
{
	u64 linear = e->d.ea + (e->d.mode == 8 ? 0 : e->seg[e->d.ea_seg].base);

	if (!e->d.mem)
		return group_7_register(e);
	return privileged_sys(e, VH_SYS_INVLPG, 0, &linear);
}

/* vh_exec_clts - 0F 06 */
int vh_exec_clts(struct vh_emul *e)
{
	u64 val = e->cr0 & ~(u64)X86_CR0_TS;

	return privileged_sys(e, VH_SYS_CR_WRITE, 0, &val);
}

/* Of MOV CR and MOV DR: #UD for what does not exist. */
static int creg(struct vh_emul *e, bool write, enum vh_emul_sys *what, unsigned int *size)
{
	bool dr = e->d.opcode & 1;

	*size = e->d.mode == 8 ? 8 : 4;
	*what = dr ? write ? VH_SYS_DR_WRITE : VH_SYS_DR_READ :
		     write ? VH_SYS_CR_WRITE : VH_SYS_CR_READ;
	if (dr ? e->d.reg > 7 : e->d.reg != 0 && (e->d.reg < 2 || e->d.reg > 4) && e->d.reg != 8)
		return vh_emul_fault(e, UD_VECTOR);
	/* Of debug registers others do not exist first (CR4.DE): the host looks at CPL. */
	return dr ? VH_EMUL_OK : privileged(e);
}

/* The other operand is a register whatever mod says (SDM Vol. 2, MOV CR): not handled else. */
/* vh_exec_mov_reg_cr - 0F 20, 21 */
int vh_exec_mov_reg_cr(struct vh_emul *e)
{
	enum vh_emul_sys what;
	unsigned int size;
	u64 val = 0;
	int r = creg(e, false, &what, &size);

	if (!r && e->d.mem)
		r = VH_EMUL_UNHANDLED;
	if (!r)
		r = sys(e, what, e->d.reg, &val);
	if (!r)
		vh_reg_write(e, e->d.rm, size, val);
	return r;
}

/* vh_exec_mov_cr_reg - 0F 22, 23 */
int vh_exec_mov_cr_reg(struct vh_emul *e)
{
	enum vh_emul_sys what;
	unsigned int size;
	u64 val;
	int r = creg(e, true, &what, &size);

	if (!r && e->d.mem)
		r = VH_EMUL_UNHANDLED;
	if (r)
		return r;
	val = vh_reg_read(e, e->d.rm, size);
	return sys(e, what, e->d.reg, &val);
}

/* vh_exec_rdmsr - 0F 32 */
int vh_exec_rdmsr(struct vh_emul *e)
{
	u64 val = 0;
	int r = privileged_sys(e, VH_SYS_MSR_READ, e->gpr[VH_RCX], &val);

	if (!r) {
		vh_reg_write(e, VH_RAX, 4, val);
		vh_reg_write(e, VH_RDX, 4, val >> 32);
	}
	return r;
}

/* vh_exec_wrmsr - 0F 30 */
int vh_exec_wrmsr(struct vh_emul *e)
{
	u64 val = (u32)e->gpr[VH_RAX] | e->gpr[VH_RDX] << 32;

	return privileged_sys(e, VH_SYS_MSR_WRITE, e->gpr[VH_RCX], &val);
}

/* vh_exec_rdtsc - 0F 31 */
int vh_exec_rdtsc(struct vh_emul *e)
{
	u64 val = 0;
	int r;

	if ((e->cr4 & X86_CR4_TSD) && e->cpl)
		return vh_emul_fault(e, GP_VECTOR);
	r = sys(e, VH_SYS_TSC_READ, 0, &val);
	if (!r) {
		vh_reg_write(e, VH_RAX, 4, val);
		vh_reg_write(e, VH_RDX, 4, val >> 32);
	}
	return r;
}

/* vh_exec_cpuid - 0F A2 */
int vh_exec_cpuid(struct vh_emul *e)
{
	return sys(e, VH_SYS_CPUID, 0, NULL);
}

/* vh_exec_rsm - 0F AA */
int vh_exec_rsm(struct vh_emul *e)
{
	int r = e->ops->system ? e->ops->system(e, VH_SYS_RSM, 0, NULL) : VH_EMUL_OK;

	return r ? r : vh_emul_fault(e, UD_VECTOR);
}

/* vh_exec_hlt - F4 */
int vh_exec_hlt(struct vh_emul *e)
{
	int r = privileged(e);

	if (!r && !e->ops->system)
		r = VH_EMUL_UNHANDLED;
	if (!r)
		e->halted = true;
	return r;
}

/* vh_exec_wbinvd - 0F 08, 09: guest memory is ordinary cached memory */
int vh_exec_wbinvd(struct vh_emul *e)
{
	return privileged(e);
}
