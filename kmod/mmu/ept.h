/* SPDX-License-Identifier: GPL-2.0-only */
/* ept.h - the format of EPT entries (SDM Vol. 3, Tables 29-1 to 29-7), for mmu/ only. */
#ifndef VH_MMU_EPT_H
#define VH_MMU_EPT_H

#include <linux/types.h>
#include <asm/page.h>
#include <asm/vmx.h>

#include "slots.h"

#define EPT_LEVELS	4
#define EPT_ENTRIES	512
#define EPT_LARGE	BIT_ULL(7)
#define EPT_NO_PAGE	BIT_ULL(52)	/* ignored by hardware: not a page of the VMM */
#define EPT_DEVICE	BIT_ULL(54)	/* ignored by hardware: no page to keep dirty and young */
#define EPT_SPLIT	BIT_ULL(53)	/* ignored by hardware: code was executed in this table's range */
#define EPT_ADDR	GENMASK_ULL(51, 12)

/* log2 of the pages that an entry at @level maps */
static inline unsigned int ept_shift(int level)
{
	return 9 * (level - 1);
}

static inline unsigned int ept_index(u64 gfn, int level)
{
	return (gfn >> ept_shift(level)) & (EPT_ENTRIES - 1);
}

static inline bool ept_leaf(u64 e, int level)
{
	return level == 1 || (e & EPT_LARGE);
}

static inline unsigned long ept_pfn(u64 e)
{
	return (e & EPT_ADDR) >> PAGE_SHIFT;
}

static inline u64 *ept_table(u64 e)
{
	return __va(e & EPT_ADDR);
}

/* Guest memory is the VMM's cached memory, whatever the guest's PAT says. */
static inline u64 ept_entry(unsigned long pfn, bool writable)
{
	return (u64)pfn << PAGE_SHIFT | VMX_EPTP_MT_WB << VMX_EPT_MT_EPTE_SHIFT | VMX_EPT_IPAT_BIT |
	       VMX_EPT_READABLE_MASK | VMX_EPT_EXECUTABLE_MASK | VMX_EPT_ACCESS_BIT |
	       (writable ? VMX_EPT_WRITABLE_MASK : 0);
}

/* A device's memory, or the kernel's: cached as the VMM has it mapped (SDM 29.3.7.2). */
static inline u64 ept_device(unsigned long pfn, bool writable, enum vh_memtype type)
{
	u64 e = ept_entry(pfn, writable) | EPT_DEVICE;
	const u64 clear = (u64)VMX_EPTP_MT_WB << VMX_EPT_MT_EPTE_SHIFT;

	switch (type) {
	case VH_MEM_WB:
		return e;
	case VH_MEM_WC:
		return (e & ~clear) | 1ULL << VMX_EPT_MT_EPTE_SHIFT;
	case VH_MEM_UC_MINUS:
		/* With the guest's PAT: WC if that says WC, else UC (SDM Table 12-7). */
		return e & ~(clear | VMX_EPT_IPAT_BIT);
	case VH_MEM_UC:
		break;
	}
	return e & ~clear;
}

int vh_ept_map(struct vh_mmu *mmu, gfn_t gfn, u64 entry, int level, struct vh_table_cache *cache);

#endif /* VH_MMU_EPT_H */
