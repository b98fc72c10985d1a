/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_KVM_TYPES_H
#define SHIM_LINUX_KVM_TYPES_H

#include <linux/types.h>

typedef u64 gpa_t;
typedef unsigned long gva_t;
typedef u64 hpa_t;

#endif
