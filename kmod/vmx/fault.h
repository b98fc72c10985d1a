/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fault.h - VMX instructions that fail on demand; debug build only.
 *
 * The module parameter fail_vmx, "INSN[,INSN...] N [forever]", has the N-th of
 * these instructions from then on fail as its fixup would have it, and all of
 * every kind after it with "forever": VMX operation has ended. It reads as how
 * many are left to go and how many have failed.
 *
 * Some are no instructions: "mce" has the N-th exit taken for one by a machine
 * check (the guest does again what it exited for), "mce-entry" the N-th entry
 * for one that a machine check stopped; "perf" has perf want another TSC_AUX
 * in guests for the N-th window; "bus-lock" has the N-th exit say that there was a
 * bus lock, and "notify" takes it for one by the notify window, its context invalid.
 */
#ifndef VH_VMX_FAULT_H
#define VH_VMX_FAULT_H

#include <linux/types.h>

enum vmx_insn {
	VMX_I_VMXON, VMX_I_VMCLEAR, VMX_I_VMPTRLD, VMX_I_ENTER, VMX_I_INVEPT, VMX_I_INVVPID,
	VMX_I_VMREAD, VMX_I_VMWRITE, VMX_I_MCE, VMX_I_MCE_ENTRY, VMX_I_PERF,
	VMX_I_BUS_LOCK, VMX_I_NOTIFY, VMX_NR_INSNS
};

#ifdef VH_DEBUG
#define VMX_FAULTS	true
extern unsigned int vmx_fault_mask;		/* 0: none is to fail */
bool vmx_fault_due(enum vmx_insn insn);

/* Is this instruction to fail instead of being executed? Any context. */
static __always_inline bool vmx_fault(enum vmx_insn insn)
{
	return unlikely(READ_ONCE(vmx_fault_mask)) && vmx_fault_due(insn);
}
#else
#define VMX_FAULTS	false
static __always_inline bool vmx_fault(enum vmx_insn insn)
{
	return false;
}
#endif

#endif /* VH_VMX_FAULT_H */
