// SPDX-License-Identifier: GPL-2.0-only
/*
 * notifier.c - the host takes pages away, moves, merges and ages them: the MMU notifier.
 *
 * Also the life cycle of a VM's memory, whose end is the notifier's: tables
 * and the VM itself are freed when no callback can be running any more.
 */
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/slab.h>

#include "../compat/compat.h"
#include "../ctl/registry.h"
#include "slots.h"

const struct vh_mmu_ops *vh_mmu_ops __ro_after_init;

static struct vh_vm *vm_of(struct mmu_notifier *mn)
{
	return container_of(mn, struct vh_mmu, notifier)->vm;
}

/* The gfns at which a memslot shows some of [start, end) of the VMM's memory. */
static void gfns_of(const struct vh_slot *s, unsigned long start, unsigned long end,
		    gfn_t *first, gfn_t *last)
{
	unsigned long from = max(start, s->hva), to = min(end, s->hva + (s->npages << PAGE_SHIFT));

	*first = s->base + ((from - s->hva) >> PAGE_SHIFT);
	*last = s->base + ((to - s->hva + PAGE_SIZE - 1) >> PAGE_SHIFT);
}

/*
 * mmu.lock held for writing, which keeps the memslots as they are (slots.c). It is
 * dropped between two parts of a long range: the caller has made sure that nothing
 * is mapped there meanwhile, or does not mind. Memslots may come and go then: what
 * comes is not mapped yet, what goes is zapped by who deletes it.
 */
static bool zap_hva_range(struct vh_vm *vm, unsigned long start, unsigned long end, bool may_sleep)
	__must_hold(&vm->mmu->lock)
{
	struct vh_mmu *mmu = vm->mmu;
	struct vh_zap z = { .tables = LIST_HEAD_INIT(z.tables), .budget = VH_ZAP_BATCH };
	const struct vh_slot *s;
	struct vh_slot at;
	bool more, any = false;

	s = vh_slot_next_at(vh_slots(vm), start, end, NULL);
	while (s) {
		at = *s;
		gfns_of(s, start, end, &z.start, &z.end);
		z.vcpu = 0;
		z.pos = 0;
		do {
			more = mmu->ops->zap(mmu, &z);
			z.budget--;	/* for a memslot of which nothing is mapped */
			if (!more && z.budget > 0)
				break;
			if (z.flush)
				vh_vm_flush_tlb(vm);
			any |= z.flush;
			z.flush = false;
			vh_ept_free_tables(vm, &z.tables);
			vh_mmu_unlock(mmu);
			if (may_sleep)
				cond_resched();
			vh_mmu_lock(mmu);
			z.budget = VH_ZAP_BATCH;
		} while (more);
		s = vh_slot_next_at(vh_slots(vm), start, end, &at);
	}
	if (z.flush)
		vh_vm_flush_tlb(vm);
	vh_ept_free_tables(vm, &z.tables);
	return any | z.flush;
}

/* Were pages of the range used? */
static bool young_hva_range(struct vh_vm *vm, unsigned long start, unsigned long end, bool clear)
{
	const struct vh_slot *s = NULL;
	bool young = false;
	gfn_t first, last;

	while ((s = vh_slot_next_at(vh_slots(vm), start, end, s))) {
		gfns_of(s, start, end, &first, &last);
		young |= vm->mmu->ops->young(vm->mmu, first, last, clear);
	}
	return young;
}

static int range_start(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct vh_vm *vm = vm_of(mn);
	struct vh_mmu *mmu = vm->mmu;

	vh_mmu_lock(mmu);
	if (!mmu->invalidating++) {
		mmu->inv_start = range->start;
		mmu->inv_end = range->end;
	} else {
		mmu->inv_start = min(mmu->inv_start, range->start);
		mmu->inv_end = max(mmu->inv_end, range->end);
	}
	zap_hva_range(vm, range->start, range->end, mmu_notifier_range_blockable(range));
	vh_mmu_unlock(mmu);
	return 0;
}

static void range_end(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct vh_mmu *mmu = vm_of(mn)->mmu;

	vh_mmu_lock(mmu);
	smp_store_release(&mmu->seq, mmu->seq + 1);
	mmu->invalidating--;
	vh_mmu_unlock(mmu);
}

static bool age(struct mmu_notifier *mn, unsigned long start, unsigned long end, bool clear,
	       bool flush)
{
	struct vh_vm *vm = vm_of(mn);
	bool young;

	vh_mmu_lock(vm->mmu);
	if (!vm->mmu->ops->young) {
		/* Without accessed bits, the next use is seen as a fault. */
		young = zap_hva_range(vm, start, end, false);
	} else {
		young = young_hva_range(vm, start, end, clear);
		if (young && flush)
			vh_vm_flush_tlb(vm);
	}
	vh_mmu_unlock(vm->mmu);
	return young;
}

static vh_young_t clear_flush_young(struct mmu_notifier *mn, struct mm_struct *mm,
			     unsigned long start, unsigned long end)
{
	return age(mn, start, end, true, true);
}

/* A stale accessed bit in a TLB only delays ageing: no flush. */
static vh_young_t clear_young(struct mmu_notifier *mn, struct mm_struct *mm,
		       unsigned long start, unsigned long end)
{
	return age(mn, start, end, true, false);
}

static vh_young_t test_young(struct mmu_notifier *mn, struct mm_struct *mm, unsigned long address)
{
	return age(mn, address, address + 1, false, false);
}

/* The address space ends; its pages go without further notice. */
static void release(struct mmu_notifier *mn, struct mm_struct *mm)
{
	struct vh_vm *vm = vm_of(mn);

	vh_mmu_zap(vm, 0, VH_ALL_SPACES);
	vh_vm_over(vm);
}

static void free_notifier(struct mmu_notifier *mn)
{
	struct vh_vm *vm = vm_of(mn);
	unsigned int i;

	for (i = 0; i < VH_SPACES; i++) {
		VH_TAG_FREE(&vm->mmu->ept[i]);
		free_page((unsigned long)vm->mmu->ept[i].root);
	}
	if (vm->mmu->identity_page)
		__free_page(vm->mmu->identity_page);
	if (vm->mmu->apic_page)
		__free_page(vm->mmu->apic_page);
	kfree(vm->mmu);
	kvfree(vm);
}

static const struct mmu_notifier_ops notifier_ops = {
	.invalidate_range_start	= range_start,
	.invalidate_range_end	= range_end,
	.clear_flush_young	= clear_flush_young,
	.clear_young		= clear_young,
	.test_young		= test_young,
	.release		= release,
	.free_notifier		= free_notifier,
};

/**
 * vh_mmu_zap - remove mappings of a range, flush, free tables
 * @vm: the VM
 * @start: first gfn
 * @end: past the last
 *
 * Process context, may sleep; takes mmu.lock, and drops it between the parts
 * of a long range.
 */
void vh_mmu_zap(struct vh_vm *vm, gfn_t start, gfn_t end)
{
	struct vh_mmu *mmu = vm->mmu;
	struct vh_zap z = { .start = start, .end = end, .tables = LIST_HEAD_INIT(z.tables) };
	bool more;

	do {
		z.budget = VH_ZAP_BATCH;
		z.flush = false;
		vh_mmu_lock(mmu);
		more = mmu->ops->zap(mmu, &z);
		if (z.flush)
			vh_vm_flush_tlb(vm);
		vh_mmu_unlock(mmu);
		vh_ept_free_tables(vm, &z.tables);
		cond_resched();
	} while (more);
}

/**
 * vh_mmu_init - a new VM's memory: no memslots, an empty EPT, the notifier
 * @vm: the VM; current->mm is its address space
 *
 * Process context. -ENOMEM, -EINTR.
 */
int vh_mmu_init(struct vh_vm *vm)
{
	struct vh_mmu *mmu = kzalloc(sizeof(*mmu), GFP_KERNEL_ACCOUNT);
	int err = -ENOMEM;

	if (!mmu)
		return err;
	vm->mmu = mmu;
	mmu->vm = vm;
	mmu->ops = vh_mmu_ops;
	mutex_init(&mmu->slots_lock);
	rwlock_init(&mmu->lock);
	INIT_LIST_HEAD(&mmu->shadows);
	vh_slots_init(mmu);
	mmu->ad = vh_cpu_caps.ept && vh_ept_caps.ad;
	err = vh_cpu_caps.ept ? vh_ept_init(mmu, 0) : 0;
	if (err)
		goto free;
	mmu->notifier.ops = &notifier_ops;
	err = mmu_notifier_register(&mmu->notifier, current->mm);
	if (err)
		goto free;
	return 0;
free:
	if (mmu->ept[0].root) {
		VH_TAG_FREE(&mmu->ept[0]);
		vh_table_free(vm, mmu->ept[0].root);
	}
	kfree(mmu);
	vm->mmu = NULL;
	return err;
}

/**
 * vh_mmu_destroy - the VM is gone; frees it when the notifier's callbacks have ended
 * @vm: the VM; no vCPU is left
 *
 * Process context; does not wait.
 */
void vh_mmu_destroy(struct vh_vm *vm)
{
	unsigned int i;

	/*
	 * While the notifier still protects the pages that the leaves name:
	 * after the put they may be freed before free_notifier() runs.
	 */
	vh_mmu_zap(vm, 0, VH_ALL_SPACES);
	vh_slots_release(vm);
	/* The roots stay for late callbacks, on nobody's account. */
	for (i = 0; i < VH_SPACES; i++)
		if (vm->mmu->ept[i].root)
			vh_record_uncharge_tables(vm, PAGE_SIZE);
	mmu_notifier_put(&vm->mmu->notifier);
}

static const struct vh_reclaim_ops reclaim_ops = {
	.reclaim = vh_mmu_reclaim, .reclaimable = vh_mmu_reclaimable,
};

/**
 * vh_mmu_module_init - module load, after vh_vmx_init(): EPT or shadow tables
 *
 * -ENOMEM.
 */
int __init vh_mmu_module_init(void)
{
	if (vh_cpu_caps.ept)
		vh_mmu_ops = vh_ept_caps.pml ? &vh_ept_pml_ops :
			     vh_ept_caps.ad ? &vh_ept_ops : &vh_ept_noad_ops;
	else
		vh_mmu_ops = &vh_shadow_ops;
	vh_reclaim_from(&reclaim_ops);
	return vh_shadow_module_init();
}

/**
 * vh_mmu_module_exit - module unload: wait for the last VMs to be freed
 */
void vh_mmu_module_exit(void)
{
	mmu_notifier_synchronize();
	vh_shadow_module_exit();
}
