/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_SPINLOCK_H
#define SHIM_LINUX_SPINLOCK_H

/* The unit tests have one thread. The counter finds unpaired and nested locking. */
#include <linux/bug.h>
#include <linux/rwlock.h>
#include <linux/types.h>

typedef struct { int held; } spinlock_t, raw_spinlock_t;

#define spin_lock_init(l) ((l)->held = 0)
#define spin_lock(l) WARN_ON((l)->held++)
#define spin_unlock(l) WARN_ON(--(l)->held)
#define spin_lock_irqsave(l, f) ((f) = 0, spin_lock(l))
#define spin_unlock_irqrestore(l, f) ((void)(f), spin_unlock(l))
#define raw_spin_lock_init(l) spin_lock_init(l)
#define raw_spin_lock(l) spin_lock(l)
#define raw_spin_unlock(l) spin_unlock(l)
#define raw_spin_lock_irqsave(l, f) spin_lock_irqsave(l, f)
#define raw_spin_unlock_irqrestore(l, f) spin_unlock_irqrestore(l, f)
#define raw_spin_lock_irq(l) spin_lock(l)
#define raw_spin_unlock_irq(l) spin_unlock(l)
#define lockdep_assert_held(l) WARN_ON(!(l)->held)

#endif
