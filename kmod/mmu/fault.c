// SPDX-License-Identifier: GPL-2.0-only
/*
 * fault.c - EPT violations become mappings of the VMM's pages.
 *
 * Nothing is pinned: GUP brings the page in, the mapping is made only if no
 * invalidation has begun or ended since before GUP, and the reference is
 * dropped at once. From then on the MMU notifier takes the mapping away
 * before the page goes.
 */
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/userfaultfd_k.h>

#include "../irq/irq.h"
#include "slots.h"
#include "ept.h"

static int cache_fill(struct vh_vcpu *vcpu)
{
	struct vh_table_cache *cache = vcpu->table_cache;

	while (cache->n < ARRAY_SIZE(cache->table)) {
		void *table = vh_table_alloc(vcpu->vm);

		if (!table)
			return -ENOMEM;
		cache->table[cache->n++] = table;
	}
	return 0;
}

/**
 * vh_mmu_vcpu_create - the memory side of a new vCPU
 * @vcpu: the vCPU
 *
 * Process context. -ENOMEM; vh_mmu_vcpu_free() also then.
 */
int vh_mmu_vcpu_create(struct vh_vcpu *vcpu)
{
	vcpu->table_cache = kzalloc(sizeof(*vcpu->table_cache), GFP_KERNEL_ACCOUNT);
	if (!vcpu->table_cache)
		return -ENOMEM;
	if (vh_ring_create(vcpu))
		return -ENOMEM;
	return vh_cpu_caps.ept ? 0 : vh_shadow_create(vcpu);
}

/**
 * vh_mmu_vcpu_free - free a vCPU's shadow and dirty ring, and the tables that it kept for its next faults
 * @vcpu: the vCPU; it never runs again
 */
void vh_mmu_vcpu_free(struct vh_vcpu *vcpu)
{
	struct vh_table_cache *cache = vcpu->table_cache;

	vh_shadow_destroy(vcpu);
	vh_ring_destroy(vcpu);
	while (cache && cache->n)
		vh_table_free(vcpu->vm, cache->table[--cache->n]);
	kfree(cache);
	vcpu->table_cache = NULL;
	/* Until now others might have looked at the shadow. */
	VH_TAG_FREE(vcpu);
}

/**
 * vh_host_level - at which level does the host map an address?
 * @mm: the address space
 * @hva: in it
 *
 * Interrupts off keeps the host's tables from being freed under the walk (as
 * fast GUP does); that the answer still holds when it is used is what the
 * caller's sequence check proves. 1 to 3.
 */
int vh_host_level(struct mm_struct *mm, unsigned long hva)
{
	unsigned long flags;
	int level = 1;
	pgd_t pgd;
	p4d_t p4d;
	pud_t pud;
	pmd_t pmd;

	local_irq_save(flags);
	pgd = READ_ONCE(*pgd_offset(mm, hva));
	if (pgd_none(pgd))
		goto out;
	p4d = READ_ONCE(*p4d_offset(&pgd, hva));
	if (p4d_none(p4d) || !p4d_present(p4d))
		goto out;
	pud = READ_ONCE(*pud_offset(&p4d, hva));
	if (pud_none(pud) || !pud_present(pud))
		goto out;
	if (pud_leaf(pud)) {
		level = 3;
		goto out;
	}
	pmd = READ_ONCE(*pmd_offset(&pud, hva));
	if (pmd_present(pmd) && pmd_leaf(pmd))
		level = 2;
out:
	local_irq_restore(flags);
	return level;
}

/* The largest leaf up to @max that slot, alignment and host mapping allow. */
static int leaf_level(const struct vh_slot *slot, gfn_t gfn, unsigned long hva, int max)
{
	int level;

	if (slot->dirty || max == 1 || slot->npages < 1UL << ept_shift(2))
		return 1;
	max = min(max, vh_host_level(current->mm, hva));
	for (level = max; level > 1; level--) {
		gfn_t n = 1ULL << ept_shift(level), first = gfn & ~(n - 1);

		if (((slot->hva >> PAGE_SHIFT) - slot->base) & (n - 1))
			continue;
		if (first >= slot->base && first + n <= slot->base + slot->npages)
			return level;
	}
	return 1;
}

/*
 * GUP has found no page. A fatal signal looks like a missing one, and a signal tells of a
 * poisoned one: let the run loop see it.
 */
static int no_page(unsigned long hva, long got)
{
	if (fatal_signal_pending(current))
		return -EINTR;
	if (got != -EHWPOISON)
		return -EFAULT;
	/* As if the VMM's thread had touched it: it may put another page there. */
	send_sig_mceerr(BUS_MCEERR_AR, (void __user *)hva, PAGE_SHIFT, current);
	return -EINTR;
}

/**
 * vh_host_bring_in - have the host's page at hand, by a fault if it must
 * @hva: in the VMM's memory
 * @write: it is about to be written
 *
 * Process context, in the VM's address space; sleeps as long as it takes whoever serves the
 * memory. The page may be gone again when this returns. -EFAULT, -EINTR.
 */
int vh_host_bring_in(unsigned long hva, bool write)
{
	struct page *page;
	int err = 0;
	long n;

	n = get_user_pages_unlocked(hva, 1, &page, FOLL_HWPOISON | (write ? FOLL_WRITE : 0));
	if (n == 1)
		put_page(page);
	else
		err = no_page(hva, n);
	if (err == -EFAULT)
		err = vh_device_page(hva, write, NULL);
	if (err)
		return err;
	/* Somebody may take it away again and again. */
	cond_resched();
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/*
 * What a fault that may not wait has begun, is it going to end without anybody who faults and waits? Not where
 * userspace serves the pages: it is told by those who wait.
 */
static bool comes_by_itself(unsigned long hva)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	bool yes;

	if (mmap_read_lock_killable(mm))
		return false;
	vma = vma_lookup(mm, hva);
	yes = vma && !userfaultfd_armed(vma);
	mmap_read_unlock(mm);
	return yes;
}

/*
 * The page, if it is at hand or can be without I/O; 0. Else the I/O is begun, and VH_FAULT_LATER answered. -EAGAIN:
 * there is more to say, or the page has to be waited for.
 */
static int get_page_nowait(unsigned long hva, bool write, struct page **page)
{
	long n = get_user_pages_unlocked(hva, 1, page, FOLL_NOWAIT | FOLL_HWPOISON | (write ? FOLL_WRITE : 0));

	if (n == 1)
		return 0;
	return (!n || n == -EAGAIN) && comes_by_itself(hva) ? VH_FAULT_LATER : -EAGAIN;
}

/* The page behind hva, with a reference; *writable when it may be mapped so. VH_FAULT_LATER with VH_ACC_NOWAIT. */
static int get_page_at(unsigned long hva, u32 access, struct page **page, bool *writable)
{
	bool write = access & VH_ACC_WRITE;
	long n;

	*writable = true;
	if (get_user_pages_fast_only(hva, 1, FOLL_WRITE, page) == 1)
		return 0;
	*writable = write;
	if (access & VH_ACC_NOWAIT) {
		int r = get_page_nowait(hva, write, page);

		if (r != -EAGAIN)
			return r;
	}
	n = get_user_pages_unlocked(hva, 1, page, FOLL_HWPOISON | (write ? FOLL_WRITE : 0));
	return n == 1 ? 0 : no_page(hva, n);
}

/* Something else stands where a leaf of @level is to be: the next try finds room. */
static void clear_way(struct vh_vm *vm, gfn_t gfn, int level)
{
	gfn_t n = 1ULL << ept_shift(level), first = gfn & ~(n - 1);

	vh_mmu_zap(vm, first, first + n);
}

/**
 * vh_host_page_get - the host's page behind a gfn, brought in
 * @vcpu: the vCPU, own thread
 * @found: its memslot
 * @gfn: guest frame number
 * @access: VH_ACC_WRITE: it is about to be written, and the slot allows that; VH_ACC_NOWAIT
 * @max: largest level of leaf that is wanted
 * @hp: filled in; give it back with vh_host_page_put()
 *
 * Process context, may sleep, and is not inside vh_slots_enter(). -EFAULT, -EINTR; VH_FAULT_LATER with vcpu->late.
 */
int vh_host_page_get(struct vh_vcpu *vcpu, const struct vh_slot_found *found, gfn_t gfn,
		     u32 access, int max, struct vh_host_page *hp)
{
	const struct vh_slot *slot = &found->s;
	bool write = access & VH_ACC_WRITE;
	int err;

	hp->slots_gen = found->gen;
	hp->hva = vh_slot_hva(slot, gfn);
	hp->seq = smp_load_acquire(&vcpu->vm->mmu->seq);
	err = get_page_at(hp->hva, access, &hp->page, &hp->writable);
	if (likely(!err)) {
		hp->pfn = page_to_pfn(hp->page);
		hp->cache = 0;
		hp->level = leaf_level(slot, gfn, hp->hva, max);
	} else {
		if (err == VH_FAULT_LATER)
			vcpu->late = (struct vh_late_page){ .gfn = gfn, .write = write };
		if (err == -EFAULT)
			err = vh_device_page(hp->hva, write, hp);
		if (err)
			return err;
	}
	if (slot->flags & KVM_MEM_READONLY)
		hp->writable = false;
	/* Without PML a logged page becomes writable by the fault that marks it. */
	if (slot->dirty && !write && !vh_mmu_has_pml(vcpu->vm->mmu))
		hp->writable = false;
	return 0;
}

/**
 * vh_host_page_peek - the host's page behind a gfn, if it is there and writable
 * @vcpu: the vCPU, own thread
 * @slot: its memslot
 * @gfn: guest frame number
 * @write: it is about to be written; the slot allows that
 * @max: largest level of leaf that is wanted
 * @hp: filled in; give hp->page back with put_page()
 *
 * Interrupts may be off. -EAGAIN: vh_host_page_get() has to bring it in.
 */
int vh_host_page_peek(struct vh_vcpu *vcpu, const struct vh_slot *slot, gfn_t gfn, bool write,
		      int max, struct vh_host_page *hp)
{
	hp->slots_gen = READ_ONCE(vcpu->vm->mmu->slots_gen);
	hp->hva = vh_slot_hva(slot, gfn);
	hp->seq = smp_load_acquire(&vcpu->vm->mmu->seq);
	if (get_user_pages_fast_only(hp->hva, 1, FOLL_WRITE, &hp->page) != 1)
		return -EAGAIN;
	hp->pfn = page_to_pfn(hp->page);
	hp->cache = 0;
	hp->writable = !(slot->flags & KVM_MEM_READONLY) && (write || !slot->dirty);
	hp->level = leaf_level(slot, gfn, hp->hva, max);
	return 0;
}

/*
 * iTLB multihit: a processor that finds translations of two sizes for the code
 * it executes stops with a machine check. So large leaves are not executable,
 * and code that is executed is mapped by small ones, which stay (EPT_SPLIT).
 */
static int nx_level(const struct vh_host_page *hp, u32 access)
{
	return vh_ept_caps.nx_huge && (access & VH_ACC_EXEC) ? 1 : hp->level;
}

static u64 leaf_for(const struct vh_host_page *hp, u32 access)
{
	int level = nx_level(hp, access);
	u64 entry;

	if (likely(hp->page))
		entry = ept_entry(hp->pfn & ~((1UL << ept_shift(level)) - 1), hp->writable);
	else
		entry = ept_device(hp->pfn, hp->writable, hp->type);
	/* It is going to be: nothing for the processor to do, nor for PML to log. */
	if (access & VH_ACC_WRITE)
		entry |= VMX_EPT_DIRTY_BIT;
	if (vh_ept_caps.nx_huge && level > 1)
		entry &= ~(u64)VMX_EPT_EXECUTABLE_MASK;
	if (level < hp->level)
		entry |= EPT_SPLIT;
	return entry;
}

/* *level: of the leaf, if it was mapped. */
static int map_page(struct vh_vcpu *vcpu, const struct vh_slot_found *found, gfn_t gfn, u32 access,
		    int *level)
{
	int err, max = vh_ept_caps.huge_1g ? 3 : vh_ept_caps.huge_2m ? 2 : 1;
	struct vh_mmu *mmu = vcpu->vm->mmu;
	bool write = access & VH_ACC_WRITE;
	struct vh_host_page hp __uninitialized;

	err = vh_host_page_get(vcpu, found, gfn, access, max, &hp);
	if (err)
		return err;

	read_lock(&mmu->lock);
	err = VH_FAULT_RETRY;
	if (!vh_host_page_stale(mmu, &hp)) {
		do {
			err = vh_ept_map(mmu, gfn, leaf_for(&hp, access), nx_level(&hp, access),
					 vcpu->table_cache);
			/* Code is executed nearby: a smaller leaf. */
			if (err == -E2BIG) {
				hp.level--;
				err = -EAGAIN;
			}
		} while (err == -EAGAIN);
		/* Before the lock is dropped: whoever takes the bit finds the page to protect. */
		if (!err && write)
			vh_slot_mark(vcpu, &found->s, gfn);
	}
	read_unlock(&mmu->lock);
	vh_host_page_put(&hp);
	*level = nx_level(&hp, access);
	if (err == -EEXIST) {
		clear_way(vcpu->vm, gfn, nx_level(&hp, access));
		if (nx_level(&hp, access) < hp.level)
			atomic_long_inc(&vh_ept_splits);
		return VH_FAULT_RETRY;
	}
	return err;
}

/*
 * A page of vh's own; writable, for the processor's walks write accessed bits. In no log.
 * @gen: of the memslots, if one could take its place.
 */
static int map_private(struct vh_vcpu *vcpu, gfn_t gfn, struct page *page, const unsigned long *gen)
{
	struct vh_mmu *mmu = vcpu->vm->mmu;
	u64 e = ept_entry(page_to_pfn(page), true) | EPT_NO_PAGE | VMX_EPT_DIRTY_BIT;
	int err;

	read_lock(&mmu->lock);
	do {
		if (gen && *gen != mmu->slots_gen)
			err = VH_FAULT_RETRY;
		else
			err = vh_ept_map(mmu, gfn, e, 1, vcpu->table_cache);
	} while (err == -EAGAIN);
	read_unlock(&mmu->lock);
	return err;
}

/**
 * vh_mmu_is_apic - is this where the processor virtualizes APIC accesses?
 * @vcpu: the vCPU
 * @gfn: in no memslot of where it is; without VH_SPACE_GFN
 */
bool vh_mmu_is_apic(struct vh_vcpu *vcpu, gfn_t gfn)
{
	return gfn == VH_APIC_GFN && vcpu->vm->mmu->apic_page && vcpu->lapic &&
	       vh_lapic_hw_enabled(vcpu) && !vh_lapic_x2apic(vcpu);
}

/* Of vh_mmu_fault(): not where a device was before. */
static noinline int resolve(struct vh_vcpu *vcpu, gfn_t gfn, u32 access)
{
	const gfn_t at = vh_space_gfn(vcpu, gfn);
	struct vh_slot_found found __uninitialized;
	int err, level;

	if (unlikely(vcpu->table_cache->n < ARRAY_SIZE(vcpu->table_cache->table))) {
		err = cache_fill(vcpu);
		if (err)
			return err;
	}
	if (vcpu->vm->mmu->identity_page && gfn == vcpu->vm->identity_addr >> PAGE_SHIFT) {
		err = map_private(vcpu, at, vcpu->vm->mmu->identity_page, NULL);
		if (err != -EEXIST)
			return err;
		clear_way(vcpu->vm, at, 1);
		return VH_FAULT_RETRY;
	}
	if (!vh_slot_lookup(vcpu->vm, at, &found)) {
		if (vh_mmu_is_apic(vcpu, gfn))
			return map_private(vcpu, at, vcpu->vm->mmu->apic_page, &found.gen);
		vcpu->device_gfn = gfn;
		vcpu->device_gen = gfn == VH_APIC_GFN ? 0 : found.gen;
		return VH_FAULT_MMIO;
	}
	if ((access & VH_ACC_WRITE) && (found.s.flags & KVM_MEM_READONLY)) {
		vcpu->device_gfn = gfn;
		vcpu->device_gen = 0;
		return VH_FAULT_MMIO;
	}
	return map_page(vcpu, &found, at, access, &level);
}

/**
 * vh_mmu_fault - resolve an EPT violation
 * @vcpu: the vCPU, own thread
 * @gpa: guest-physical address
 * @access: VH_ACC_READ, WRITE, EXEC; NOWAIT
 *
 * Process context, may sleep. Returns 0 (mapped), VH_FAULT_MMIO,
 * VH_FAULT_RETRY, VH_FAULT_LATER, -EFAULT (nothing behind the memslot), -ENOMEM, -EINTR (a signal is to be
 * handled first, maybe the SIGBUS that tells of a poisoned page).
 */
int vh_mmu_fault(struct vh_vcpu *vcpu, gpa_t gpa, u32 access)
{
	gfn_t gfn = gpa >> PAGE_SHIFT;

	vcpu->faults++;
	/* No memslot since. */
	if (gfn == vcpu->device_gfn && vcpu->device_gen == smp_load_acquire(&vcpu->vm->mmu->slots_gen))
		return VH_FAULT_MMIO;
	return resolve(vcpu, gfn, access);
}

/**
 * vh_mmu_is_late - is a page that was VH_FAULT_LATER still on its way?
 * @vcpu: the vCPU, own thread
 * @late: what vcpu->late was
 *
 * Process context; does not wait for the page, but begins to bring it in once more if it is gone again. False also if
 * it cannot come: then the next fault finds out why.
 */
bool vh_mmu_is_late(struct vh_vcpu *vcpu, const struct vh_late_page *late)
{
	struct vh_slot_found found;
	struct page *page;
	int r;

	if (!vh_slot_lookup(vcpu->vm, late->gfn, &found))
		return false;
	r = get_page_nowait(vh_slot_hva(&found.s, late->gfn), late->write && !(found.s.flags & KVM_MEM_READONLY), &page);
	if (!r)
		put_page(page);
	return r == VH_FAULT_LATER;
}

/**
 * vh_mmu_prefault - have a page mapped before the guest reads it
 * @vcpu: the vCPU, own thread
 * @gpa: guest-physical address
 *
 * Process context, may sleep. Returns how many bytes from @gpa on the leaf maps; -EOPNOTSUPP without
 * EPT, -ENOENT in no memslot, -EFAULT (nothing behind it), -ENOMEM, -EINTR.
 */
long vh_mmu_prefault(struct vh_vcpu *vcpu, gpa_t gpa)
{
	gfn_t gfn = gpa >> PAGE_SHIFT;
	struct vh_slot_found found;
	int err, level = 1;
	u64 size;

	if (!vh_cpu_caps.ept)
		return -EOPNOTSUPP;
	if (gpa >= VH_SPACE)
		return -ENOENT;
	/* A page of vh's own is in the place of the memslot's. */
	if (vcpu->vm->mmu->identity_page && gfn == vcpu->vm->identity_addr >> PAGE_SHIFT)
		return PAGE_SIZE;
	for (;;) {
		if (signal_pending(current))
			return -EINTR;
		err = cache_fill(vcpu);
		if (err)
			return err;
		if (!vh_slot_lookup(vcpu->vm, vh_space_gfn(vcpu, gfn), &found))
			return -ENOENT;
		err = map_page(vcpu, &found, vh_space_gfn(vcpu, gfn), VH_ACC_READ, &level);
		if (err != VH_FAULT_RETRY)
			break;
		cond_resched();
	}
	if (err)
		return err;
	size = PAGE_SIZE << ept_shift(level);
	return size - (gpa & (size - 1));
}

/**
 * vh_mmu_smm - the vCPU is in SMM's address space from now on, or no more
 * @vcpu: the vCPU, own thread
 * @smm: which
 *
 * Process context. No translation of the other one is used; vcpu->smm is set. -ENOMEM, -EINTR: nothing is changed.
 */
int vh_mmu_smm(struct vh_vcpu *vcpu, bool smm)
{
	struct vh_mmu *mmu = vcpu->vm->mmu;
	int err = 0;

	if (vh_cpu_caps.ept && smm && !READ_ONCE(mmu->ept[1].eptp)) {
		if (mutex_lock_killable(&mmu->slots_lock))
			return -EINTR;
		if (!mmu->ept[1].root)
			err = vh_ept_init(mmu, 1);
		mutex_unlock(&mmu->slots_lock);
		if (err)
			return err;
	}
	vcpu->smm = smm;
	vcpu->space = smm ? VH_SPACE : 0;
	vcpu->device_gfn = ~0ULL;
	vh_request(vcpu, VH_REQ_EPT);
	vh_mmu_new_paging(vcpu);
	vh_mmu_flush(vcpu, VH_FLUSH_ALL, 0);
	return 0;
}

/**
 * vh_mmu_create_apic_page - the page for "virtualize APIC accesses"
 * @vm: the VM; vm->lock held
 *
 * SDM 30.4: accesses to it are virtualized or exit, its content is never used.
 */
int vh_mmu_create_apic_page(struct vh_vm *vm)
{
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);

	if (!page)
		return -ENOMEM;
	vm->mmu->apic_page = page;
	return 0;
}

/**
 * vh_mmu_free_apic_page - undo vh_mmu_create_apic_page()
 * @vm: the VM; vm->lock held, no vCPU yet
 */
void vh_mmu_free_apic_page(struct vh_vm *vm)
{
	__free_page(vm->mmu->apic_page);
	vm->mmu->apic_page = NULL;
}

/**
 * vh_mmu_create_identity_page - the page directory that unpaged guests run on
 * @vm: the VM; vm->lock held, no vCPU yet
 *
 * 1024 entries of 4 MiB (SDM Vol. 3, Table 4-4), for user and supervisor.
 */
int vh_mmu_create_identity_page(struct vh_vm *vm)
{
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	u32 *pde;
	u32 i;

	if (!page)
		return -ENOMEM;
	pde = page_address(page);
	for (i = 0; i < 1024; i++)
		pde[i] = i << 22 | 0xe7;	/* P, RW, US, A, D, PS */
	vm->mmu->identity_page = page;
	return 0;
}
