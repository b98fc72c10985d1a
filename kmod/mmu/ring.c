// SPDX-License-Identifier: GPL-2.0-only
/*
 * ring.c - dirty rings (KVM_CAP_DIRTY_LOG_RING): which pages a vCPU has written, in its order, in
 * memory that is shared with userspace.
 *
 * A memslot that is logged has its bitmap as well: a page whose bit is set is in a ring, and is put
 * into none until an entry that names it has been reset. So a ring is never filled by one page, and
 * everything else is as with bitmaps: who takes a bit makes the page clean and flushes.
 *
 * An entry is the vCPU's to fill when its flags are 0, userspace's when they say dirty, and is
 * taken back when they say reset. Userspace may write anything there at any time. What it says of a
 * page is checked, and costs that page one more fault; what it takes from itself it does not get.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/vmalloc.h>

#include "../ctl/registry.h"
#include "slots.h"

#define RING_MAX	65536		/* entries */
#define RING_SPARE	64		/* of vh's own writes, after the guest has been stopped for a full ring */
#define PML_SPARE	512		/* what the processor's log may have by then */
#define RESET_BATCH	1024		/* entries between two chances to reschedule, without EPT of all vCPUs */

struct vh_ring {
	struct kvm_dirty_gfn *e;	/* shared with userspace */
	u32 size, soft;			/* entries; so many, and the vCPU stops */
	u32 head;			/* next to be filled, not wrapped; own thread, read with acquire */
	u32 tail;			/* next to be reset, likewise; slots_lock, read with acquire */
};

static u32 spare(void)
{
	return RING_SPARE + (vh_ept_caps.pml ? PML_SPARE : 0);
}

/**
 * vh_ring_enable - KVM_ENABLE_CAP of KVM_CAP_DIRTY_LOG_RING, or _ACQ_REL
 * @vm: the VM; vm->lock held
 * @bytes: of each vCPU's ring
 *
 * Process context. Once, before the first vCPU. -EINVAL, -E2BIG, -EINTR.
 */
int vh_ring_enable(struct vh_vm *vm, u64 bytes)
{
	struct vh_slot *slot;
	unsigned long id, at;

	if (!bytes || !is_power_of_2(bytes) || bytes < PAGE_SIZE ||
	    bytes < spare() * sizeof(struct kvm_dirty_gfn))
		return -EINVAL;
	if (bytes > VH_RING_MAX_BYTES)
		return -E2BIG;
	if (vm->mmu->ring_bytes || vm->nr_vcpus)
		return -EINVAL;
	if (mutex_lock_killable(&vm->mmu->slots_lock))
		return -EINTR;
	WRITE_ONCE(vm->mmu->ring_bytes, bytes);
	/* What a log began with (vh_log_begins_full()) is in no ring. Nothing is mapped yet. */
	xa_for_each(&vm->mmu->slot_ids, id, slot) {
		for (at = 0; slot->dirty && at < BITS_TO_LONGS(slot->npages); at++) {
			slot->dirty[at] = 0;
			if (!(at % 8192))
				cond_resched();
		}
	}
	mutex_unlock(&vm->mmu->slots_lock);
	return 0;
}

/**
 * vh_ring_create - a new vCPU's ring, if the VM has rings
 * @vcpu: the vCPU
 *
 * Process context, vm->lock held. -ENOMEM.
 */
int vh_ring_create(struct vh_vcpu *vcpu)
{
	u32 bytes = vcpu->vm->mmu->ring_bytes;
	struct vh_ring *ring;

	BUILD_BUG_ON(VH_RING_MAX_BYTES != RING_MAX * sizeof(struct kvm_dirty_gfn));
	if (!bytes)
		return 0;
	ring = kzalloc(sizeof(*ring), GFP_KERNEL_ACCOUNT);
	if (!ring)
		return -ENOMEM;
	ring->e = __vmalloc(bytes, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!ring->e) {
		kfree(ring);
		return -ENOMEM;
	}
	ring->size = bytes / sizeof(*ring->e);
	ring->soft = ring->size - spare();
	vcpu->ring = ring;
	return 0;
}

/**
 * vh_ring_destroy - undo vh_ring_create()
 * @vcpu: the vCPU; nobody has it mapped
 */
void vh_ring_destroy(struct vh_vcpu *vcpu)
{
	if (!vcpu->ring)
		return;
	vfree(vcpu->ring->e);
	kfree(vcpu->ring);
	vcpu->ring = NULL;
}

/**
 * vh_ring_page - what is mapped behind KVM_DIRTY_LOG_PAGE_OFFSET
 * @vcpu: the vCPU
 * @n: which page
 *
 * NULL: the ring is not that large, or there is none.
 */
struct page *vh_ring_page(struct vh_vcpu *vcpu, unsigned long n)
{
	if (n >= vcpu->vm->mmu->ring_bytes >> PAGE_SHIFT)
		return NULL;
	return vmalloc_to_page((void *)vcpu->ring->e + (n << PAGE_SHIFT));
}

static u32 used(const struct vh_ring *ring)
{
	return ring->head - smp_load_acquire(&ring->tail);
}

/**
 * vh_ring_full - has userspace to look at the ring before the guest goes on?
 * @vcpu: the vCPU, own thread
 *
 * Then VH_REQ_RING is set anew.
 */
bool vh_ring_full(struct vh_vcpu *vcpu)
{
	if (!vcpu->ring || used(vcpu->ring) < vcpu->ring->soft)
		return false;
	vh_request(vcpu, VH_REQ_RING);
	return true;
}

/**
 * vh_ring_room - can a write of vh's own be told of?
 * @vcpu: the vCPU, own thread
 *
 * For userspace may have vh write without running the guest, as often as it likes.
 */
bool vh_ring_room(const struct vh_vcpu *vcpu)
{
	return used(vcpu->ring) < vcpu->ring->size;
}

/**
 * vh_ring_mark - a page was written
 * @vcpu: the vCPU that did, own thread; the VM has rings
 * @slot: its memslot, which is logged; inside vh_slots_enter(), or with mmu.lock
 * @gfn: which page
 *
 * Interrupts may be off.
 */
void vh_ring_mark(struct vh_vcpu *vcpu, const struct vh_slot *slot, gfn_t gfn)
{
	struct vh_ring *ring = vcpu->ring;
	u32 n;

	/* A full barrier: what was written is seen by who takes the bit after this has found it set. */
	if (test_and_set_bit(gfn - slot->base, slot->dirty))
		return;
	n = used(ring);
	if (unlikely(n >= ring->size)) {
		/* The guest has been stopped long before. */
		if (!test_and_set_bit(VH_CTL_DEAD, &vcpu->vm->control))
			vh_err("VM %u: a write that no dirty ring has room for; the VM is stopped\n",
			       vcpu->vm->rec->id);
		return;
	}
	ring->e[ring->head & (ring->size - 1)].slot = slot->id;
	ring->e[ring->head & (ring->size - 1)].offset = gfn - slot->base;
	smp_store_release(&ring->e[ring->head & (ring->size - 1)].flags, KVM_DIRTY_GFN_F_DIRTY);
	smp_store_release(&ring->head, ring->head + 1);
	if (n + 1 >= ring->soft)
		vh_request(vcpu, VH_REQ_RING);
}

/*
 * The page of an entry is to be told of again: as with a bit that is taken. mmu.lock held for
 * writing. What is no page, or is in no ring, is left alone.
 */
static void reset_page(struct vh_vm *vm, u32 id, u64 offset, struct vh_zap *z)
{
	const struct vh_slot *slot = vh_slot_of_id(vm, id);

	if (!slot || !slot->dirty || offset >= slot->npages ||
	    !test_and_clear_bit(offset, slot->dirty))
		return;
	z->start = slot->base + offset;
	z->end = z->start + 1;
	z->vcpu = 0;
	z->pos = 0;
	z->budget = LONG_MAX;
	vm->mmu->ops->protect(vm->mmu, z);
}

/* Entries that userspace is done with, in their order; how many. */
static unsigned int reset_ring(struct vh_vm *vm, struct vh_ring *ring)
{
	/* No further: what is filled meanwhile is of the next time. */
	u32 head = smp_load_acquire(&ring->head), tail = ring->tail, done = 0;
	struct vh_zap z = {};

	while (tail != head) {
		unsigned int batch = max(RESET_BATCH / vh_mmu_tables_of(vm), 1u);
		bool end = false;

		vh_mmu_lock(vm->mmu);
		do {
			struct kvm_dirty_gfn *e = &ring->e[tail & (ring->size - 1)];
			u32 id;
			u64 offset;

			end = !(smp_load_acquire(&e->flags) & KVM_DIRTY_GFN_F_RESET);
			if (end)
				break;
			id = READ_ONCE(e->slot);
			offset = READ_ONCE(e->offset);
			smp_store_release(&e->flags, 0);
			/* The vCPU may fill it anew. */
			smp_store_release(&ring->tail, ++tail);
			reset_page(vm, id, offset, &z);
			done++;
		} while (tail != head && --batch && !need_resched());
		if (z.flush && !VH_BROKEN(protect))
			vh_vm_flush_tlb(vm);
		z.flush = false;
		vh_mmu_unlock(vm->mmu);
		if (end || fatal_signal_pending(current))
			break;
		cond_resched();
	}
	return done;
}

/**
 * vh_ring_reset - KVM_RESET_DIRTY_RINGS
 * @vm: the VM
 *
 * Process context. How many entries of all vCPUs were taken back; -EINVAL without rings, -EINTR.
 * Whoever reads the pages after this finds what was written before it, and is told of what comes.
 */
int vh_ring_reset(struct vh_vm *vm)
{
	struct vh_vcpu *vcpu;
	unsigned int i;
	int n = 0;

	if (!READ_ONCE(vm->mmu->ring_bytes))
		return -EINVAL;
	if (mutex_lock_killable(&vm->mmu->slots_lock))
		return -EINTR;
	vh_for_each_vcpu(i, vcpu, vm)
		n += reset_ring(vm, vcpu->ring);
	mutex_unlock(&vm->mmu->slots_lock);
	return n;
}
