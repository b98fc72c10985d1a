// SPDX-License-Identifier: GPL-2.0-only
/*
 * shadow_pte.c - a translation of the guest and a page of the host become one entry.
 *
 * Plain values in, plain values out. The hardware runs with CR0.WP and
 * EFER.NXE set, and with the guest's SMEP, SMAP and PKE.
 */
#include "shadow_pte.h"

#define CR0_WP		BIT_ULL(16)
#define CR4_SMAP	BIT_ULL(21)
#define CR4_PKE		BIT_ULL(22)
#define EFER_LMA_	BIT_ULL(10)

/*
 * A supervisor may write where the tables say read-only because CR0.WP is 0.
 * On a user page the entry then serves the supervisor alone, until the next
 * user access has it made anew.
 */
static bool by_wp0(const struct vh_walk *w, u32 role, u32 access)
{
	if (!(role & SH_WP0) || w->writable)
		return false;
	if (!w->user)
		return w->dirty;
	return (access & VH_ACC_WRITE) && !(access & VH_ACC_USER);
}

/**
 * vh_shadow_leaf - the entry for an access that the guest's tables allow
 * @w: the walk
 * @h: the page
 * @role: SH_WP0 and SH_SMEP of the tables
 * @access: VH_ACC_*
 *
 * It allows no more than the guest's tables do; writing only when the guest's
 * dirty bit is set, so that the first write is seen. SDM Vol. 3, 4.6 to 4.8.
 */
u64 vh_shadow_leaf(const struct vh_walk *w, const struct vh_shadow_host *h, u32 role,
		   u32 access)
{
	u64 e = (u64)h->pfn << 12 | SH_PTE_PRESENT | SH_PTE_ACCESSED | SH_PTE_DIRTY |
		(u64)w->pkey << 59 | h->cache;
	bool wp0 = h->writable && by_wp0(w, role, access);

	if (h->level > 1)
		e |= SH_PTE_LARGE;
	if (w->user && !wp0)
		e |= SH_PTE_USER;
	if (w->nx || (wp0 && w->user && (role & SH_SMEP)))
		e |= SH_PTE_NX;
	if ((w->writable || wp0) && w->dirty && h->writable)
		e |= SH_PTE_WRITE;
	return e;
}

/**
 * vh_shadow_can_map - is there an entry that allows this and no more?
 * @w: the walk
 * @p: the guest's paging
 * @access: VH_ACC_*
 *
 * Not always for a supervisor's write to a user page while CR0.WP is clear. If
 * the page is read-only, the entry would be a supervisor's page: SMAP and
 * protection keys would not see it. If its key forbids writing, the hardware,
 * whose CR0.WP is set, would heed that. False: interpret the instruction.
 */
bool vh_shadow_can_map(const struct vh_walk *w, const struct vh_paging *p, u32 access)
{
	bool keys = (p->cr4 & CR4_PKE) && (p->efer & EFER_LMA_);

	if (!(access & VH_ACC_WRITE) || (access & VH_ACC_USER) || !w->user || (p->cr0 & CR0_WP))
		return true;
	if (keys && (p->pkru >> (2 * w->pkey) & 2))
		return false;
	return w->writable || !(keys || (p->cr4 & CR4_SMAP));
}
