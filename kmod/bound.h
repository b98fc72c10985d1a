/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bound.h - debug build: for how long interrupts are off, and what all tenants share is held.
 *
 * Each such time has a bound (docs/locking.md), in ticks of the TSC: in the lab, instructions. One
 * that is longer is reported in the host's log as a BUG. What an interrupt made longer does not
 * count.
 */
#ifndef VH_BOUND_H
#define VH_BOUND_H

#include <linux/spinlock.h>

enum vh_bound {
	VH_BOUND_WINDOW,		/* of a window, up to an entry and from an exit on */
	VH_BOUND_TIMER,			/* what a guest's timer does in an interrupt */
	VH_BOUND_PIC,			/* chips: */
	VH_BOUND_IOAPIC,
	VH_BOUND_PIT,
	VH_BOUND_CLOCK,			/* clocks of a VM */
	VH_BOUND_REGISTRY_READ,		/* of all tenants, interrupts on: vh_registry_lock */
	VH_BOUND_REGISTRY_WRITE,
	VH_BOUND_GROUPS,		/* groups_lock */
	VH_BOUND_USERS,			/* users_lock */
	VH_BOUND_EVENTS,		/* queue_lock, ports_lock */
	VH_BOUND_EVENTFDS,		/* eventfds_lock */
	VH_BOUND_IRQFDS,		/* of one VM, preemption off: irqfd_lock */
	VH_BOUND_MMU,			/* of one VM, preemption off: mmu.lock held for writing */
	VH_NR_BOUNDS
};

#ifdef VH_DEBUG
/* Preemption off. Not nested in one of the same kind. */
void vh_bound_begin(enum vh_bound b);
void vh_bound_end(enum vh_bound b);
void vh_bounds_report(void);		/* module unload: the longest of each, to the log */
#else
static inline void vh_bound_begin(enum vh_bound b) { }
static inline void vh_bound_end(enum vh_bound b) { }
static inline void vh_bounds_report(void) { }
#endif

/* A raw spinlock with interrupts off, of kind @bound. */
#define vh_bound_lock_irqsave(lock, flags, bound)			\
	do {								\
		raw_spin_lock_irqsave(lock, flags);			\
		vh_bound_begin(bound);					\
	} while (0)
#define vh_bound_unlock_irqrestore(lock, flags, bound)			\
	do {								\
		vh_bound_end(bound);					\
		raw_spin_unlock_irqrestore(lock, flags);		\
	} while (0)

#endif /* VH_BOUND_H */
