/* SPDX-License-Identifier: GPL-2.0-only */
/* range.h - the kernels that vh is made for: docs/support.md says what was tested on them. */
#ifndef VH_RANGE_H
#define VH_RANGE_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "vh needs Linux 6.1 or newer"
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 3, 0) && !defined(VH_ANY_KERNEL)
#error "vh has not been tried on kernels newer than 7.2: 'make VH_ANY_KERNEL=1' builds it untried"
#endif

#endif /* VH_RANGE_H */
