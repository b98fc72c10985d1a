/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * split_lock.h - #AC in a guest because the host detects split locks (SDM Vol. 3, 9.1.2.3).
 *
 * The kernel's handler for guests is KVM's alone in later kernels; then the detection goes off for this
 * thread, as the kernel's own warning does it.
 */
#ifndef VH_COMPAT_SPLIT_LOCK_H
#define VH_COMPAT_SPLIT_LOCK_H

#include <linux/sched.h>
#include <asm/cpu.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>

#include "arch.h"

static inline bool vh_split_lock_detected(void)
{
	return boot_cpu_has(X86_FEATURE_SPLIT_LOCK_DETECT);
}

/*
 * Can vh_split_lock() do anything about one? Where neither the handler nor the flag can be had, the guest gets
 * its #AC: user code of a guest does not end its VM.
 */
#if defined(VH_HAVE_SPLIT_LOCK) || defined(TIF_SLD)
#define VH_SPLIT_LOCK_HANDLED	true
#else
#define VH_SPLIT_LOCK_HANDLED	false
#endif

/**
 * vh_split_lock - a guest's instruction has a split lock
 * @rip: where
 *
 * Own thread, interrupts on. True: it may go on; false: the thread has its SIGBUS.
 */
static inline bool vh_split_lock(u64 rip)
{
#ifdef VH_HAVE_SPLIT_LOCK
	return handle_guest_split_lock(rip);
#elif defined(TIF_SLD)
	u64 ctrl;

	pr_warn_ratelimited("vh: %s/%d: split lock in a guest, at 0x%llx\n", current->comm, current->pid, rip);
	preempt_disable();
	set_thread_flag(TIF_SLD);
	if (!rdmsrl_safe(MSR_TEST_CTRL, &ctrl))
		wrmsrl(MSR_TEST_CTRL, ctrl & ~MSR_TEST_CTRL_SPLIT_LOCK_DETECT);
	preempt_enable();
	return true;
#else
	return false;
#endif
}

#endif /* VH_COMPAT_SPLIT_LOCK_H */
