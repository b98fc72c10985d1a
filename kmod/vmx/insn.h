/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * insn.h - the VMX instructions (SDM Vol. 3, chapter 31).
 *
 * Each has a fault fixup: VMX operation may be left under us (another owner of
 * VMX root, a reboot), and a #UD then must not take the host down. VMREAD and
 * VMWRITE of fields that the checked capabilities promise cannot fail on a
 * current VMCS, so their flags are looked at only by the debug build.
 */
#ifndef VH_VMX_INSN_H
#define VH_VMX_INSN_H

#include <linux/bits.h>
#include <linux/types.h>
#include <asm/asm.h>

#include "../witness/witness.h"
#include "fault.h"

#ifdef VH_DEBUG
/* active.c: what was executed, but for the first, which is about to be */
void vmx_witness_access(const char *insn, unsigned long field);
void vmx_witness_vmclear(u64 pa);
void vmx_witness_vmptrld(u64 pa);
void vmx_witness_vmptrst(u64 pa);
void vmx_witness_vmxon(u64 pa);
void vmx_witness_vmxoff(void);
void vmx_insn_failed(const char *insn, unsigned long operand);
#define VMX_CHECK(ok, insn, operand) \
	do { if (unlikely(!(ok))) vmx_insn_failed(insn, operand); } while (0)
#else
static __always_inline void vmx_witness_vmclear(u64 pa) { }
static __always_inline void vmx_witness_vmptrld(u64 pa) { }
static __always_inline void vmx_witness_vmptrst(u64 pa) { }
static __always_inline void vmx_witness_vmxon(u64 pa) { }
static __always_inline void vmx_witness_vmxoff(void) { }
#define VMX_CHECK(ok, insn, operand) ((void)(ok))
#endif

/* @value is what a VMREAD gives that fails: not on a VMCS that is current. */
static __always_inline unsigned long vmcs_read_or(unsigned long field, unsigned long value)
{
#ifdef VH_DEBUG
	u8 fail = 1;

	vmx_witness_access("VMREAD", field);
	if (vmx_fault(VMX_I_VMREAD))
		return value;
	asm volatile("1: vmread %[field], %[value]\n\tsetna %[fail]\n2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [value] "+r" (value), [fail] "+qm" (fail)
		     : [field] "r" (field) : "cc");
	VMX_CHECK(!fail, "vmread", field);
#else
	asm volatile("1: vmread %[field], %[value]\n2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [value] "+r" (value) : [field] "r" (field) : "cc");
#endif
	return value;
}

static __always_inline unsigned long vmcs_read(unsigned long field)
{
	return vmcs_read_or(field, 0);
}

static __always_inline void vmcs_write(unsigned long field, unsigned long value)
{
#ifdef VH_DEBUG
	u8 fail = 1;

	vmx_witness_access("VMWRITE", field);
	if (vmx_fault(VMX_I_VMWRITE))
		return;
	asm volatile("1: vmwrite %[value], %[field]\n\tsetna %[fail]\n2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [fail] "+qm" (fail)
		     : [value] "r" (value), [field] "r" (field) : "cc");
	VMX_CHECK(!fail, "vmwrite", field);
#else
	asm volatile("1: vmwrite %[value], %[field]\n2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : : [value] "r" (value), [field] "r" (field) : "cc");
#endif
}

/* All of these return true when the instruction succeeded. */
#define VMX_INSN_MEM(name, insn)					\
static __always_inline bool vmx_##name(u64 pa)				\
{									\
	u8 fail = 1;							\
									\
	if (vmx_fault(insn))						\
		return false;						\
	asm volatile("1: " #name " %[pa]\n\tsetna %[fail]\n2:\n"	\
		     _ASM_EXTABLE(1b, 2b)				\
		     : [fail] "+qm" (fail) : [pa] "m" (pa)		\
		     : "cc", "memory");					\
	if (!fail)							\
		vmx_witness_##name(pa);					\
	return !fail;							\
}
VMX_INSN_MEM(vmxon, VMX_I_VMXON)
VMX_INSN_MEM(vmclear, VMX_I_VMCLEAR)
VMX_INSN_MEM(vmptrld, VMX_I_VMPTRLD)
#undef VMX_INSN_MEM

static __always_inline bool vmx_vmptrst(u64 *pa)
{
	u8 fail = 1;

	asm volatile("1: vmptrst %[pa]\n\tsetna %[fail]\n2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [fail] "+qm" (fail), [pa] "=m" (*pa) : : "cc", "memory");
	if (!fail)
		vmx_witness_vmptrst(*pa);
	return !fail;
}

static __always_inline bool vmx_vmxoff(void)
{
	u8 fail = 1;

	asm volatile("1: vmxoff\n\tsetna %[fail]\n2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [fail] "+qm" (fail) : : "cc", "memory");
	if (!fail)
		vmx_witness_vmxoff();
	return !fail;
}

/* What an INVEPT or INVVPID did, if it covers all that is cached of a tag (SDM 29.4.3.1). */
static __always_inline void vmx_witness_invept(unsigned long type, u64 eptp)
{
	if (type == 1 || type == 2)
		vh_tag_invalidated(VH_TAG_EPT, type == 1 ? VH_TAG_ONE : VH_TAG_ALL,
				   (eptp & GENMASK_ULL(51, 12)) >> 12);
}

static __always_inline void vmx_witness_invvpid(unsigned long type, u64 vpid)
{
	/* Type 0 is of one address, type 3 leaves global translations. */
	if (type == 1 || type == 2)
		vh_tag_invalidated(VH_TAG_VPID, type == 1 ? VH_TAG_ONE : VH_TAG_ALL, vpid & 0xffff);
}

#define VMX_INSN_INV(name, insn)					\
static __always_inline bool vmx_##name(unsigned long type, u64 lo, u64 hi)	\
{									\
	struct { u64 lo, hi; } desc = { lo, hi };			\
	u8 fail = 1;							\
									\
	if (vmx_fault(insn))						\
		return false;						\
	asm volatile("1: " #name " %[desc], %[type]\n\tsetna %[fail]\n2:\n" \
		     _ASM_EXTABLE(1b, 2b)				\
		     : [fail] "+qm" (fail)				\
		     : [desc] "m" (desc), [type] "r" (type) : "cc", "memory"); \
	if (!fail)							\
		vmx_witness_##name(type, lo);				\
	return !fail;							\
}
VMX_INSN_INV(invept, VMX_I_INVEPT)
VMX_INSN_INV(invvpid, VMX_I_INVVPID)
#undef VMX_INSN_INV

/* This one is left out, where it matters, when tests ask for it. */
#define VMX_UNLESS_BROKEN(name, ...) (VH_BROKEN(name) || vmx_##name(__VA_ARGS__))

#endif /* VH_VMX_INSN_H */
