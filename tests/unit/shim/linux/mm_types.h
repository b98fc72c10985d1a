/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_MM_TYPES_H
#define SHIM_LINUX_MM_TYPES_H

#include <linux/types.h>

#endif
