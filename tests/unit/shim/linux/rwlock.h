/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_RWLOCK_H
#define SHIM_LINUX_RWLOCK_H

typedef struct { int held; } rwlock_t;

#endif
