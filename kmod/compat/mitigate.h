/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mitigate.h - what the host does about the weaknesses of its processor, as far as this kernel
 * lets a module ask. Where it does not: what an affected processor needs unless mitigations=off.
 *
 * The first part is for assembly too.
 */
#ifndef VH_COMPAT_MITIGATE_H
#define VH_COMPAT_MITIGATE_H

#include "compat/probed.h"
#include <asm/cpufeatures.h>

/* Clearing the branch history by software after an exit; named anew in 6.19. */
#if defined(X86_FEATURE_CLEAR_BHB_LOOP_ON_VMEXIT)
#define VH_FEATURE_CLEAR_BHB	X86_FEATURE_CLEAR_BHB_LOOP_ON_VMEXIT
#elif defined(X86_FEATURE_CLEAR_BHB_VMEXIT)
#define VH_FEATURE_CLEAR_BHB	X86_FEATURE_CLEAR_BHB_VMEXIT
#endif

#ifndef __ASSEMBLY__

#include <linux/cpu.h>
#include <linux/jump_label.h>
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/nospec-branch.h>
#include <asm/processor.h>

/* Bugs that the headers do not know are not this kernel's to mitigate either. */
#define VH_BUG_NONE	-1
#ifdef X86_BUG_RFDS
#define VH_BUG_RFDS	X86_BUG_RFDS
#else
#define VH_BUG_RFDS	VH_BUG_NONE
#endif
#ifdef X86_BUG_BHI
#define VH_BUG_BHI	X86_BUG_BHI
#else
#define VH_BUG_BHI	VH_BUG_NONE
#endif
#ifdef X86_BUG_GDS
#define VH_BUG_GDS	X86_BUG_GDS
#else
#define VH_BUG_GDS	VH_BUG_NONE
#endif
#ifdef X86_BUG_ITS
#define VH_BUG_ITS	X86_BUG_ITS
#else
#define VH_BUG_ITS	VH_BUG_NONE
#endif
#ifdef X86_BUG_VMSCAPE
#define VH_BUG_VMSCAPE	X86_BUG_VMSCAPE
#else
#define VH_BUG_VMSCAPE	VH_BUG_NONE
#endif

static inline bool vh_has_bug(int bug)
{
	return bug != VH_BUG_NONE && boot_cpu_has(bug);
}

/* l1tf=: 0 off, 1 flush when there may be something to see, 2 flush always */
static inline int vh_host_l1tf(void)
{
	if (!vh_has_bug(X86_BUG_L1TF))
		return 0;
#ifdef VH_HAVE_L1TF_MITIGATION
	switch (l1tf_mitigation) {
	case L1TF_MITIGATION_OFF:
		return 0;
	case L1TF_MITIGATION_FULL:
	case L1TF_MITIGATION_FULL_FORCE:
		return 2;
	default:
		return 1;
	}
#else
	return !cpu_mitigations_off();
#endif
}

/* mds=, tsx_async_abort=, reg_file_data_sampling=: buffers are cleared on the way to user mode, or guests */
static inline bool vh_host_clears_buffers(void)
{
#ifdef X86_FEATURE_CLEAR_CPU_BUF_VM
	if (boot_cpu_has(X86_FEATURE_CLEAR_CPU_BUF_VM))
		return true;
#endif
#ifdef X86_FEATURE_CLEAR_CPU_BUF
	return boot_cpu_has(X86_FEATURE_CLEAR_CPU_BUF);
#else
	return !cpu_mitigations_off() &&
	       (vh_has_bug(X86_BUG_MDS) || vh_has_bug(X86_BUG_TAA) || vh_has_bug(VH_BUG_RFDS));
#endif
}

/* mmio_stale_data=: and on the way to guests */
static inline bool vh_host_clears_mmio(void)
{
	if (!vh_has_bug(X86_BUG_MMIO_STALE_DATA))
		return false;
#if defined(X86_FEATURE_CLEAR_CPU_BUF_VM_MMIO)
	return boot_cpu_has(X86_FEATURE_CLEAR_CPU_BUF_VM_MMIO);
#elif defined(VH_HAVE_MMIO_STALE_DATA)
	return static_key_enabled(&mmio_stale_data_clear);
#else
	return !cpu_mitigations_off();
#endif
}

/* spectre_v2_user=: a barrier between tasks, and so between guests */
static inline bool vh_host_ibpb(void)
{
#ifdef X86_FEATURE_USE_IBPB
	return boot_cpu_has(X86_FEATURE_USE_IBPB);
#else
	return boot_cpu_has(X86_FEATURE_IBPB) && vh_has_bug(X86_BUG_SPECTRE_V2) &&
	       !cpu_mitigations_off();
#endif
}

/* spectre_bhi=: by software */
static inline bool vh_host_clears_bhb(void)
{
#ifdef VH_FEATURE_CLEAR_BHB
	return boot_cpu_has(VH_FEATURE_CLEAR_BHB);
#else
	return false;
#endif
}

/* spectre_bhi=: by IA32_SPEC_CTRL.BHI_DIS_S, which stays set in guests */
static inline bool vh_host_bhi_dis_s(void)
{
#ifdef X86_FEATURE_CLEAR_BHB_HW
	return boot_cpu_has(X86_FEATURE_CLEAR_BHB_HW);
#else
	return false;
#endif
}

/* vmscape=: a barrier between a guest and its VMM */
static inline bool vh_host_ibpb_to_user(void)
{
#ifdef X86_FEATURE_IBPB_EXIT_TO_USER
	return boot_cpu_has(X86_FEATURE_IBPB_EXIT_TO_USER);
#else
	return false;
#endif
}

/*
 * A guest has run on this CPU: the host's own way out has the barrier. False: it has none that a
 * module may ask for. Preemption off.
 */
static inline bool vh_host_mark_guest_ran(void)
{
#ifdef VH_HAVE_IBPB_EXIT_TO_USER
	__this_cpu_write(x86_ibpb_exit_to_user, true);
	return true;
#else
	return false;
#endif
}

#endif /* !__ASSEMBLY__ */

#endif /* VH_COMPAT_MITIGATE_H */
