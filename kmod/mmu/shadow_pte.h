/* SPDX-License-Identifier: GPL-2.0-only */
/* shadow_pte.h - what the hardware is told of one translation: plain values. */
#ifndef VH_MMU_SHADOW_PTE_H
#define VH_MMU_SHADOW_PTE_H

#include <linux/bits.h>
#include <linux/types.h>

#include "mmu.h"

/* Format of the hardware's entries (SDM Vol. 3, 4.4, 4.5). */
#define SH_PTE_PRESENT	BIT_ULL(0)
#define SH_PTE_WRITE	BIT_ULL(1)
#define SH_PTE_USER	BIT_ULL(2)
#define SH_PTE_ACCESSED	BIT_ULL(5)
#define SH_PTE_DIRTY	BIT_ULL(6)
#define SH_PTE_LARGE	BIT_ULL(7)
#define SH_PTE_NX	BIT_ULL(63)
#define SH_PTE_ADDR	GENMASK_ULL(51, 12)

/* Bits of a table's role that its entries depend on. */
#define SH_WP0		BIT(9)		/* CR0.WP is 0, but the hardware's is 1 */
#define SH_NXE		BIT(10)
#define SH_PSE		BIT(11)
/* These count with SH_WP0 only. */
#define SH_SMEP		BIT(12)
#define SH_STRICT	BIT(13)		/* SMAP or PKE: see vh_shadow_can_map() */

/**
 * struct vh_shadow_host - the host's side of a translation
 * @pfn: of the first page that the entry maps
 * @level: 1 to 3, 4 KiB to 1 GiB
 * @writable: writes need not be seen
 * @cache: PWT, PCD and, of a small entry, PAT for a device's memory; else 0
 */
struct vh_shadow_host {
	unsigned long pfn;
	int level;
	bool writable;
	u64 cache;
};

u64 vh_shadow_leaf(const struct vh_walk *w, const struct vh_shadow_host *h, u32 role,
		   u32 access);
bool vh_shadow_can_map(const struct vh_walk *w, const struct vh_paging *p, u32 access);

#endif /* VH_MMU_SHADOW_PTE_H */
