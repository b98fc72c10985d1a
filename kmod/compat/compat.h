/* SPDX-License-Identifier: GPL-2.0-only */
/* compat.h - differences between kernels; the only place for them. */
#ifndef VH_COMPAT_H
#define VH_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "vh needs Linux 6.1 or newer"
#endif

#endif /* VH_COMPAT_H */
