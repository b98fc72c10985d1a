// SPDX-License-Identifier: GPL-2.0-only
/*
 * pfnmap.c - what a process has mapped of memory that is not pages of its own.
 */
#include <linux/mm.h>
#include <linux/pgtable.h>

#include "compat.h"

/**
 * vh_pfnmap_get - what is mapped at an address of a VM_PFNMAP or VM_IO mapping
 * @vma: the mapping; mmap_lock is held for reading
 * @addr: in it
 * @m: filled in
 *
 * What it tells may be over when this returns: the caller has the MMU notifier. 0, or
 * -errno when nothing is mapped there yet.
 *
 * follow_pte() became follow_pfnmap_start() in 6.12, and knows large entries.
 */
int vh_pfnmap_get(struct vm_area_struct *vma, unsigned long addr, struct vh_pfnmap *m)
{
#ifdef VH_HAVE_FOLLOW_PFNMAP
	struct follow_pfnmap_args args = { .vma = vma, .address = addr };
	int err = follow_pfnmap_start(&args);

	if (err)
		return err;
	m->pfn = args.pfn;
	m->writable = args.writable;
	m->prot = args.pgprot;
	follow_pfnmap_end(&args);
	return 0;
#else
	spinlock_t *ptl;
	pte_t *pte;
	int err = follow_pte(vma->vm_mm, addr, &pte, &ptl);

	if (err)
		return err;
	__acquire(ptl);			/* which follow_pte() does not tell sparse */
	m->pfn = pte_pfn(*pte);
	m->writable = pte_write(*pte);
	m->prot = pte_pgprot(*pte);
	pte_unmap_unlock(pte, ptl);
	return 0;
#endif
}
