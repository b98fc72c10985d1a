/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_SMP_H
#define SHIM_LINUX_SMP_H

#include <linux/compiler.h>

#define smp_store_release(p, v) WRITE_ONCE(*(p), v)

#endif
