/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_SLAB_H
#define SHIM_LINUX_SLAB_H

#include <stdlib.h>
#include <linux/types.h>

#define GFP_KERNEL 0
#define GFP_KERNEL_ACCOUNT 0
#define GFP_ATOMIC 0
#define kzalloc(n, f) calloc(1, n)
#define kmalloc(n, f) malloc(n)
#define kcalloc(n, s, f) calloc(n, s)
#define kfree(p) free((void *)(p))
#define kvzalloc(n, f) calloc(1, n)
#define struct_size(p, member, n) (sizeof(*(p)) + sizeof((p)->member[0]) * (n))
#define kvfree(p) free((void *)(p))

#endif
