/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_TYPES_H
#define SHIM_LINUX_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include_next <linux/types.h>

typedef __u8 u8;
typedef __s8 s8;
typedef __u16 u16;
typedef __s16 s16;
typedef __u32 u32;
typedef __s32 s32;
/* long long: %llx as in the kernel */
typedef unsigned long long u64;
typedef long long s64;

#define __iomem
#define __user
#define __rcu
#define __force
#define __must_check __attribute__((warn_unused_result))
#define __percpu
#define __acquires(x)
#define __releases(x)
#define __must_hold(x)

typedef u64 gfn_t;
typedef u64 phys_addr_t;
typedef unsigned int gfp_t;
typedef struct { int counter; } atomic_t;
typedef struct { long long counter; } atomic64_t;

struct list_head { struct list_head *next, *prev; };

#endif
