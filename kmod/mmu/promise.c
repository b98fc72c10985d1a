// SPDX-License-Identifier: GPL-2.0-only
/* promise.c - debug build: what mmu.lock is dropped with, nobody uses any more (witness/tlb.c). */
#include "shadow.h"

/**
 * vh_mmu_promised - nobody uses what the tables of a VM have lost so far
 * @mmu: of the VM; lock held for writing
 */
void vh_mmu_promised(struct vh_mmu *mmu)
{
	struct vh_shadow *sh;
	unsigned int i;

	for (i = 0; i < VH_SPACES; i++)
		vh_tag_promised(mmu->ept[i].tag);
	list_for_each_entry(sh, &mmu->shadows, node)
		vh_tag_promised(sh->vcpu->tag);
}
