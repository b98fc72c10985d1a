/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_EVENTFD_H
#define SHIM_LINUX_EVENTFD_H

#include <linux/types.h>

struct eventfd_ctx;
u64 eventfd_signal(struct eventfd_ctx *ctx, u64 n);

#endif
