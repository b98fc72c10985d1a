/* SPDX-License-Identifier: GPL-2.0-only */
/* arch.h - differences between kernels in what belongs to the processor and to KVM's ABI. */
#ifndef VH_COMPAT_ARCH_H
#define VH_COMPAT_ARCH_H

#include "compat.h"

#include <linux/kvm.h>
#include <linux/perf_event.h>
#include <asm/msr.h>
#include <asm/tlbflush.h>
#include <asm/vmx.h>
#ifdef VH_HAVE_CPUID_API
#include <asm/cpuid/api.h>
#endif

/* In the kernel the field has a name that says who may change it. */
static inline bool vh_immediate_exit(const struct kvm_run *run)
{
#ifdef VH_HAVE_IMMEDIATE_EXIT_UNSAFE
	return READ_ONCE(run->immediate_exit__unsafe);
#else
	return READ_ONCE(run->immediate_exit);
#endif
}

/* 64-bit MSR access got its name with q in 6.16, and lost the one with l later. */
#ifdef VH_HAVE_RDMSRQ
#undef rdmsrl
#undef wrmsrl
#undef rdmsrl_safe
#undef wrmsrl_safe
#define rdmsrl		rdmsrq
#define wrmsrl		wrmsrq
#define rdmsrl_safe	rdmsrq_safe
#define wrmsrl_safe	wrmsrq_safe
#endif

#ifndef SECONDARY_EXEC_ENABLE_XSAVES
#define SECONDARY_EXEC_ENABLE_XSAVES	SECONDARY_EXEC_XSAVES
#endif

/*
 * CR4.VMXE, by way of the kernel's own copy of CR4: whatever is written past that copy is undone
 * by the next change to any bit of it. From 6.19 on the kernel lets only KVM's modules do that.
 */
#ifdef VH_HAVE_CR4_UPDATE
#define VH_MAY_SET_VMXE		true
static inline void vh_cr4_vmxe(bool on)
{
	if (on)
		cr4_set_bits_irqsoff(X86_CR4_VMXE);
	else
		cr4_clear_bits_irqsoff(X86_CR4_VMXE);
}
#else
#define VH_MAY_SET_VMXE		false
static inline void vh_cr4_vmxe(bool on)
{
}
#endif

/*
 * VMX operation begins, or is over, on this CPU: there a processor without IA32_VMX_MISC[14] does not trace (SDM Vol. 3,
 * 33.5), and perf has to know. Later kernels have VMXON to themselves.
 */
static inline void vh_pt_vmx(bool on)
{
#ifdef VH_HAVE_INTEL_PT_VMX
	intel_pt_handle_vmx(on);
#endif
}

#endif /* VH_COMPAT_ARCH_H */
