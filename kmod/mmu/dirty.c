// SPDX-License-Identifier: GPL-2.0-only
/*
 * dirty.c - dirty logs: KVM_GET_DIRTY_LOG and KVM_CLEAR_DIRTY_LOG.
 *
 * A page whose bit is taken is clean from then on, by PML or write protection: its next write sets
 * the bit again. Without KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 the log that is got is taken; with it it is
 * only looked at, and userspace says which bits are taken, of as few pages as it likes.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "slots.h"

#define COPY_WORDS	8192UL			/* of a bitmap, between two chances to reschedule */

/**
 * vh_log_begins_full - do bitmaps begin with all bits set?
 * @mmu: of the VM; slots_lock held
 *
 * Then no mapping changes when logging begins: a page is protected when its bit is first cleared.
 */
bool vh_log_begins_full(const struct vh_mmu *mmu)
{
	/* A bit is in a ring's place only while an entry is. */
	return !mmu->ring_bytes && (mmu->manual_log & KVM_DIRTY_LOG_INITIALLY_SET);
}

/**
 * vh_log_alloc - a memslot's bitmap
 * @mmu: of the VM; slots_lock held
 * @npages: of the memslot
 *
 * Process context. NULL: no memory.
 */
unsigned long *vh_log_alloc(const struct vh_mmu *mmu, unsigned long npages)
{
	unsigned long *bits = kvcalloc(BITS_TO_LONGS(npages), sizeof(long), GFP_KERNEL_ACCOUNT);
	unsigned long at, n;

	if (!bits || !vh_log_begins_full(mmu))
		return bits;
	for (at = 0; at < npages; at += n) {
		n = min(npages - at, COPY_WORDS * BITS_PER_LONG);
		bitmap_set(bits, at, n);
		cond_resched();
	}
	return bits;
}

/**
 * vh_log_manual - KVM_ENABLE_CAP of KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2
 * @vm: the VM
 * @flags: KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE, and with it KVM_DIRTY_LOG_INITIALLY_SET
 *
 * Process context. Of logs that begin later, and of bits that are got. -EINVAL, -EINTR.
 */
int vh_log_manual(struct vh_vm *vm, u64 flags)
{
	u64 known = KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE;

	if (flags & KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE)
		known |= KVM_DIRTY_LOG_INITIALLY_SET;
	if (flags & ~known)
		return -EINVAL;
	if (mutex_lock_killable(&vm->mmu->slots_lock))
		return -EINTR;
	vm->mmu->manual_log = flags;
	mutex_unlock(&vm->mmu->slots_lock);
	return 0;
}

/* Some of a bitmap: words from @first on. */
struct part {
	unsigned long first, words;
	unsigned long *bits;
};

static unsigned long take_word(unsigned long *at, unsigned long which)
{
	if (!(READ_ONCE(*at) & which))
		return 0;
	return atomic_long_fetch_andnot(which, (atomic_long_t *)at) & which;
}

/* mmu.lock is let go of for a moment. What has lost a right is flushed before; bits that are taken are told of behind. */
static void let_go(struct vh_vm *vm, struct vh_zap *z)
	__must_hold(&vm->mmu->lock)
{
	if (z->flush && !VH_BROKEN(protect))
		vh_vm_flush_tlb(vm);
	z->flush = false;
	vh_mmu_unlock(vm->mmu);
	cond_resched();
	vh_mmu_lock(vm->mmu);
}

/*
 * Take bits of a memslot's bitmap, all or with @some those of @p->bits, which become those that
 * were set. mmu.lock is held for no more pages than are zapped at once.
 */
static void take_bits(struct vh_vm *vm, const struct vh_slot *slot, const struct part *p, bool some)
{
	const long cost = BITS_PER_LONG * vh_mmu_tables_of(vm);
	struct vh_mmu *mmu = vm->mmu;
	long budget = VH_ZAP_BATCH;
	struct vh_zap z = {};
	unsigned long i;

	vh_mmu_lock(mmu);
	for (i = 0; i < p->words; i++) {
		gfn_t gfn = slot->base + (p->first + i) * BITS_PER_LONG;
		unsigned long got;

		got = take_word(&slot->dirty[p->first + i], some ? p->bits[i] : ~0UL);
		p->bits[i] = got;
		if (got) {
			z.start = gfn + __ffs(got);
			z.end = gfn + __fls(got) + 1;
			z.vcpu = 0;
			z.pos = 0;
			/* As many pages as a word has bits; each vCPU's tables may have them. */
			do {
				if (budget < cost && budget < VH_ZAP_BATCH) {
					let_go(vm, &z);
					budget = VH_ZAP_BATCH;
				}
				z.budget = budget;
				budget -= cost;
			} while (mmu->ops->protect(mmu, &z));
		}
		if (--budget > 0 && !need_resched())
			continue;
		let_go(vm, &z);
		budget = VH_ZAP_BATCH;
	}
	if (z.flush && !VH_BROKEN(protect))
		vh_vm_flush_tlb(vm);
	vh_mmu_unlock(mmu);
}

/* The bits as they are. What is written meanwhile may be among them. */
static void look_at_bits(const struct vh_slot *slot, const struct part *p)
{
	unsigned long i;

	for (i = 0; i < p->words; i++) {
		p->bits[i] = READ_ONCE(slot->dirty[i]);
		if (!(i % COPY_WORDS))
			cond_resched();
	}
}

/* Give them back: the caller could not be told, and may ask again. */
static void return_bits(struct vh_vm *vm, u32 id, const struct part *p)
{
	const struct vh_slot *slot;
	unsigned long i;

	if (mutex_lock_killable(&vm->mmu->slots_lock))
		return;
	slot = vh_slot_of_id(vm, id);
	if (slot && slot->dirty && BITS_TO_LONGS(slot->npages) == p->words) {
		for (i = 0; i < p->words; i++) {
			if (p->bits[i])
				atomic_long_or(p->bits[i], (atomic_long_t *)&slot->dirty[i]);
			if (!(i % COPY_WORDS))
				cond_resched();
		}
	}
	mutex_unlock(&vm->mmu->slots_lock);
}

/* To userspace, or from there. */
static int copy_bits(void __user *user, const struct part *p, bool in)
{
	unsigned long i, n, left;

	for (i = 0; i < p->words; i += n) {
		void __user *at = user + i * sizeof(long);

		n = min(p->words - i, COPY_WORDS);
		left = in ? copy_from_user(p->bits + i, at, n * sizeof(long)) :
			    copy_to_user(at, p->bits + i, n * sizeof(long));
		if (left)
			return -EFAULT;
		cond_resched();
	}
	return 0;
}

/* What was written before the call is in the bitmap, and not only in a vCPU's log. */
static void drain_logs(struct vh_vm *vm)
{
	if (vm->mmu->pml)
		vh_vm_leave_guest(vm);
}

static int part_alloc(struct part *p)
{
	p->bits = kvmalloc_array(p->words, sizeof(long), GFP_KERNEL_ACCOUNT);
	return p->bits ? 0 : -ENOMEM;
}

/**
 * vh_mmu_get_dirty_log - KVM_GET_DIRTY_LOG: pages written since the last call, or since they were cleared
 * @vm: the VM
 * @log: slot and bitmap
 *
 * Process context. -ENXIO (the VM has dirty rings), -EINVAL, -ENOENT when the slot does not exist or is not logged, -ENOMEM, -EFAULT
 * (nothing is lost), -EINTR.
 */
int vh_mmu_get_dirty_log(struct vh_vm *vm, const struct kvm_dirty_log *log)
{
	const struct vh_slot *slot;
	struct part p = {};
	bool taken = false;
	int err = -ENOENT;

	if (READ_ONCE(vm->mmu->ring_bytes))
		return -ENXIO;
	if (!vh_slot_id_valid(log->slot))
		return -EINVAL;
	if (mutex_lock_killable(&vm->mmu->slots_lock))
		return -EINTR;
	slot = vh_slot_of_id(vm, log->slot);
	if (slot && slot->dirty) {
		p.words = BITS_TO_LONGS(slot->npages);
		err = part_alloc(&p);
	}
	if (!err) {
		drain_logs(vm);
		taken = !vm->mmu->manual_log;
		if (taken)
			take_bits(vm, slot, &p, false);
		else
			look_at_bits(slot, &p);
	}
	mutex_unlock(&vm->mmu->slots_lock);
	if (err)
		return err;
	/* The VMM's memory may take for ever to come: nothing is held. */
	err = copy_bits(log->dirty_bitmap, &p, false);
	if (err && taken)
		return_bits(vm, log->slot, &p);
	kvfree(p.bits);
	return err;
}

/* The memslot that is to be cleared, if it has these pages; slots_lock held. */
static const struct vh_slot *slot_to_clear(struct vh_vm *vm, const struct kvm_clear_dirty_log *log)
{
	const struct vh_slot *slot = vh_slot_of_id(vm, log->slot);

	if (!slot || !slot->dirty)
		return ERR_PTR(-ENOENT);
	if (log->first_page > slot->npages || log->num_pages > slot->npages - log->first_page)
		return ERR_PTR(-EINVAL);
	/* Whole words, but for the end of the memslot. */
	if (log->num_pages % BITS_PER_LONG && log->num_pages < slot->npages - log->first_page)
		return ERR_PTR(-EINVAL);
	return slot;
}

/**
 * vh_mmu_clear_dirty_log - KVM_CLEAR_DIRTY_LOG: the next write to these pages is to be told
 * @vm: the VM
 * @log: slot, pages, and a bitmap of those among them that count
 *
 * Process context. -ENXIO (the VM has dirty rings), -EINVAL, -ENOENT, -ENOMEM, -EFAULT (nothing is changed), -EINTR.
 */
int vh_mmu_clear_dirty_log(struct vh_vm *vm, const struct kvm_clear_dirty_log *log)
{
	const struct vh_slot *slot;
	struct part p = {
		.first = log->first_page / BITS_PER_LONG, .words = BITS_TO_LONGS((u64)log->num_pages),
	};
	int err;

	if (READ_ONCE(vm->mmu->ring_bytes))
		return -ENXIO;
	if (!vh_slot_id_valid(log->slot) || log->first_page % BITS_PER_LONG)
		return -EINVAL;
	/* The bitmap is copied with nothing held: what it is about is looked at before, and after. */
	if (mutex_lock_killable(&vm->mmu->slots_lock))
		return -EINTR;
	err = PTR_ERR_OR_ZERO(slot_to_clear(vm, log));
	mutex_unlock(&vm->mmu->slots_lock);
	if (err || !p.words)
		return err;
	err = part_alloc(&p);
	if (err)
		return err;
	err = copy_bits(log->dirty_bitmap, &p, true);
	if (!err && mutex_lock_killable(&vm->mmu->slots_lock))
		err = -EINTR;
	if (!err) {
		slot = slot_to_clear(vm, log);
		err = PTR_ERR_OR_ZERO(slot);
		if (!err) {
			drain_logs(vm);
			take_bits(vm, slot, &p, true);
		}
		mutex_unlock(&vm->mmu->slots_lock);
	}
	kvfree(p.bits);
	return err;
}
