// SPDX-License-Identifier: GPL-2.0-only
/*
 * device.c - memory behind a memslot that is not pages of the VMM's: a device's, or
 * the kernel's own (VM_PFNMAP, VM_IO).
 *
 * The VMM has it mapped, so its guest may use it, in the same way: as cached as
 * there, read-only if it is so there, and until the VMM's mapping goes, of which
 * the MMU notifier tells. No reference is taken, for there may be nothing to count.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <asm/pgtable_types.h>

#include "../compat/compat.h"
#include "slots.h"

/* Bits of a 4 KiB entry. A large one has its own PAT bit elsewhere, and that one set. */
static enum vh_memtype type_of(u64 prot, bool large)
{
	u64 cache = prot & (large ? _PAGE_PCD | _PAGE_PWT : _PAGE_PCD | _PAGE_PWT | _PAGE_PAT);

	if (cache == cachemode2protval(_PAGE_CACHE_MODE_WB))
		return VH_MEM_WB;
	/* Before WC, which may be the same. */
	if (cache == cachemode2protval(_PAGE_CACHE_MODE_UC_MINUS))
		return VH_MEM_UC_MINUS;
	if (cache == cachemode2protval(_PAGE_CACHE_MODE_WC))
		return VH_MEM_WC;
	return VH_MEM_UC;
}

/* Host's bits for a small entry of a shadow table: the guest runs with the host's PAT. */
static u8 cache_bits(enum vh_memtype type)
{
	static const enum page_cache_mode mode[] = {
		[VH_MEM_WB] = _PAGE_CACHE_MODE_WB, [VH_MEM_WC] = _PAGE_CACHE_MODE_WC,
		[VH_MEM_UC] = _PAGE_CACHE_MODE_UC, [VH_MEM_UC_MINUS] = _PAGE_CACHE_MODE_UC_MINUS,
	};

	return cachemode2protval(mode[type]);
}

/**
 * vh_device_page - what is behind an address where GUP finds no page
 * @hva: in the VMM's memory
 * @write: it is about to be written
 * @hp: pfn, writable, type, cache and level are filled in, and there is no page; or NULL:
 *      it is only brought in
 *
 * Process context, in the VM's address space; may sleep. -EFAULT (nothing either, or not
 * allowed), -EINTR.
 */
int vh_device_page(unsigned long hva, bool write, struct vh_host_page *hp)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	struct vh_pfnmap m;
	bool unlocked;
	int err;

	if (mmap_read_lock_killable(mm))
		return -EINTR;
	for (;;) {
		err = -EFAULT;
		vma = vma_lookup(mm, hva);
		if (!vma || !(vma->vm_flags & (VM_PFNMAP | VM_IO)) || !(vma->vm_flags & VM_READ) ||
		    (write && !(vma->vm_flags & VM_WRITE)))
			break;
		err = vh_pfnmap_get(vma, hva, &m);
		if (!err && (m.writable || !write))
			break;
		unlocked = false;
		err = fixup_user_fault(mm, hva & PAGE_MASK, write ? FAULT_FLAG_WRITE : 0, &unlocked);
		if (err)
			break;
		err = -EINTR;
		if (fatal_signal_pending(current))
			break;
		cond_resched();
	}
	mmap_read_unlock(mm);
	if (err || !hp)
		return err == -EINTR || !err ? err : -EFAULT;
	hp->page = NULL;
	hp->pfn = m.pfn;
	hp->writable = m.writable;
	hp->level = 1;
	hp->type = type_of(pgprot_val(m.prot), vh_host_level(mm, hva) > 1);
	hp->cache = cache_bits(hp->type);
	return 0;
}
