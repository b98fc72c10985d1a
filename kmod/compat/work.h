/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * work.h - what a task has to see to before it runs its guest on, as before it returns to user mode.
 *
 * The kernel's own xfer_to_guest_mode_handle_work() wants one of KVM's vCPUs, or is not there.
 */
#ifndef VH_COMPAT_WORK_H
#define VH_COMPAT_WORK_H

#include "compat.h"

#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/task_work.h>
#include <linux/thread_info.h>

#ifdef TIF_NEED_RESCHED_LAZY
#define VH_WORK_RESCHED	(BIT(TIF_NEED_RESCHED) | BIT(TIF_NEED_RESCHED_LAZY))
#else
#define VH_WORK_RESCHED	BIT(TIF_NEED_RESCHED)
#endif
#define VH_WORK_SIGNAL	(BIT(TIF_SIGPENDING) | BIT(TIF_NOTIFY_SIGNAL))
#define VH_WORK_RESUME	BIT(TIF_NOTIFY_RESUME)

/*
 * TIF_NOTIFY_RESUME is set: by task work (NUMA balancing, machine checks, 7.x's cpu.max), a memory
 * cgroup above memory.high, or a block device's throttle? Not only because restartable sequences
 * are to be looked at, which is after every preemption, and has time until user code runs.
 */
static inline bool vh_resume_work(void)
{
#ifdef CONFIG_MEMCG
	if (current->memcg_nr_pages_over_high)
		return true;
#endif
#ifdef CONFIG_BLK_CGROUP
#ifdef VH_HAVE_THROTTLE_DISK
	if (current->throttle_disk)
		return true;
#else
	if (current->throttle_queue)
		return true;
#endif
#endif
	return task_work_pending(current);
}

/**
 * vh_work_pending - is there anything of it?
 *
 * Own thread. Whether that is so is to be asked with interrupts off before an entry.
 */
static inline bool vh_work_pending(void)
{
	unsigned long flags = READ_ONCE(current_thread_info()->flags);

	if (likely(!(flags & (VH_WORK_RESCHED | VH_WORK_SIGNAL | VH_WORK_RESUME))))
		return false;
	return (flags & (VH_WORK_RESCHED | VH_WORK_SIGNAL)) || vh_resume_work();
}

/**
 * vh_resched_pending - is the thread to give its CPU away, now or (lazy preemption) before user code runs?
 *
 * Own thread.
 */
static inline bool vh_resched_pending(void)
{
	return READ_ONCE(current_thread_info()->flags) & VH_WORK_RESCHED;
}

/**
 * vh_work - see to it
 *
 * Own thread, process context. 0; -EINTR: a signal; -ERESTARTNOHAND: to user mode, and the system
 * call from its begin, which nobody there notices, unless the work raises a signal that is handled.
 */
static inline int vh_work(void)
{
	unsigned long flags = READ_ONCE(current_thread_info()->flags);

	if (flags & VH_WORK_SIGNAL)
		return -EINTR;
	if ((flags & VH_WORK_RESUME) && vh_resume_work()) {
		/* Without it the return would not look at whether a call is to be restarted. */
		set_thread_flag(TIF_NOTIFY_SIGNAL);
		return -ERESTARTNOHAND;
	}
	if (flags & VH_WORK_RESCHED)
		schedule();
	return 0;
}

#endif /* VH_COMPAT_WORK_H */
