/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_MM_H
#define SHIM_LINUX_MM_H

#include <stdlib.h>
#include <string.h>
#include <linux/slab.h>
#include <linux/types.h>

#define PAGE_SIZE 4096UL
#define PAGE_MASK (~(PAGE_SIZE - 1))

struct page;

static inline unsigned long get_zeroed_page(gfp_t gfp)
{
	return (unsigned long)memset(aligned_alloc(PAGE_SIZE, PAGE_SIZE), 0, PAGE_SIZE);
}

#define free_page(p) free((void *)(p))
#define virt_to_page(p) ((struct page *)(p))

#endif
