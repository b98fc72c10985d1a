/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_VERSION_H
#define SHIM_LINUX_VERSION_H

/* The oldest kernel that the module supports. */
#define KERNEL_VERSION(a, b, c) ((a) << 16 | (b) << 8 | (c))
#define LINUX_VERSION_CODE KERNEL_VERSION(6, 1, 0)

#endif
