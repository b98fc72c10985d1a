/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_ATOMIC_H
#define SHIM_LINUX_ATOMIC_H

/* The unit tests have one thread: plain memory accesses do, in program order. */
#include <linux/compiler.h>
#include <linux/types.h>

typedef struct { long counter; } atomic_long_t;

#define smp_load_acquire(p) READ_ONCE(*(p))
#define smp_store_release(p, v) WRITE_ONCE(*(p), v)
#define smp_mb__after_atomic() smp_mb()
#define xchg(p, v) ({ typeof(*(p)) old_ = *(p); *(p) = (v); old_; })
#define atomic_read(a) READ_ONCE((a)->counter)
#define atomic_inc(a) ((void)(a)->counter++)
#define atomic_dec(a) ((void)(a)->counter--)

#endif
