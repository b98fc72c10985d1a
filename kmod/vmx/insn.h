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

#include <linux/types.h>
#include <asm/asm.h>

#include "fault.h"

#ifdef VH_DEBUG
void vmx_witness_did(enum vmx_insn insn);
void vmx_insn_failed(const char *insn, unsigned long operand);
#define VMX_CHECK(ok, insn, operand) \
	do { if (unlikely(!(ok))) vmx_insn_failed(insn, operand); } while (0)
#else
static __always_inline void vmx_witness_did(enum vmx_insn insn) { }
#define VMX_CHECK(ok, insn, operand) ((void)(ok))
#endif

/* @value is what a VMREAD gives that fails: not on a VMCS that is current. */
static __always_inline unsigned long vmcs_read_or(unsigned long field, unsigned long value)
{
#ifdef VH_DEBUG
	u8 fail = 1;

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
	vmx_witness_did(insn);						\
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
	return !fail;
}

static __always_inline bool vmx_vmxoff(void)
{
	u8 fail = 1;

	asm volatile("1: vmxoff\n\tsetna %[fail]\n2:\n"
		     _ASM_EXTABLE(1b, 2b)
		     : [fail] "+qm" (fail) : : "cc", "memory");
	return !fail;
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
	vmx_witness_did(insn);						\
	return !fail;							\
}
VMX_INSN_INV(invept, VMX_I_INVEPT)
VMX_INSN_INV(invvpid, VMX_I_INVVPID)
#undef VMX_INSN_INV

/* VH_BREAK=NAME of the build: this one is left out where it matters, which tests/nested.sh has to find. */
enum { VMX_BREAK_, VMX_BREAK_invept, VMX_BREAK_invvpid, VMX_BREAK_vmclear };
#ifndef VMX_BREAK
#define VMX_BREAK VMX_BREAK_
#endif
#define VMX_UNLESS_BROKEN(name, ...) (VMX_BREAK == VMX_BREAK_##name || vmx_##name(__VA_ARGS__))

#endif /* VH_VMX_INSN_H */
