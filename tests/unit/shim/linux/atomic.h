/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_ATOMIC_H
#define SHIM_LINUX_ATOMIC_H

#include <linux/types.h>

#define ATOMIC64_INIT(v) { v }
#define atomic64_inc_return(a) __sync_add_and_fetch(&(a)->counter, 1)

#endif
