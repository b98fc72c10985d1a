// SPDX-License-Identifier: GPL-2.0-only
/*
 * coalesce.c - KVM_REGISTER_COALESCED_MMIO: a guest's writes to some addresses or ports are put
 * down in a ring that userspace reads at the next exit, and cause none themselves.
 *
 * Each bus has an array of its zones, sorted by address, replaced as a whole. Zones may overlap:
 * each element knows how far it and all before it reach, so that a look-up is one binary search.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "internal.h"

#define RING_SIZE	KVM_COALESCED_MMIO_MAX

struct vh_zones {
	struct rcu_head rcu;
	unsigned int n;
	struct one_zone {
		u64 start, end;		/* end: past the last; never below start */
		u64 reach;		/* the greatest end up to here */
	} z[];
};

static struct vh_zones *zones_alloc(unsigned int n)
{
	struct vh_zones *zones = kvzalloc(struct_size(zones, z, n), GFP_KERNEL_ACCOUNT);

	if (zones)
		zones->n = n;
	return zones;
}

static void set_reach(struct vh_zones *zones)
{
	u64 reach = 0;
	unsigned int i;

	for (i = 0; i < zones->n; i++) {
		reach = max(reach, zones->z[i].end);
		zones->z[i].reach = reach;
	}
}

/* Is all of [addr, end) in one zone? */
static bool covered(const struct vh_zones *zones, u64 addr, u64 end)
{
	unsigned int lo = 0, hi = zones && end >= addr ? zones->n : 0;

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;

		if (addr < zones->z[mid].start)
			hi = mid;
		else
			lo = mid + 1;
	}
	/* All zones before lo begin at addr or below. */
	return lo && zones->z[lo - 1].reach >= end;
}

/**
 * vh_coalesced_page - the page of a VM's ring, which all its vCPUs map
 * @vm: the VM
 *
 * Process context; made when it is first asked for. NULL: no memory.
 */
void *vh_coalesced_page(struct vh_vm *vm)
{
	struct vh_eventfds *all = vm->eventfds;
	void *page = smp_load_acquire(&all->ring), *old;

	if (page)
		return page;
	page = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!page)
		return NULL;
	old = cmpxchg(&all->ring, NULL, page);
	if (old)
		free_page((unsigned long)page);
	return old ? old : page;
}

/* The ring is userspace's to write as well: its indices are read once, and checked. */
static bool put(struct kvm_coalesced_mmio_ring *ring, u64 addr, const void *data,
		unsigned int len, bool pio)
{
	u32 last = READ_ONCE(ring->last);
	struct kvm_coalesced_mmio *e;

	if (last >= RING_SIZE || (last + 1) % RING_SIZE == READ_ONCE(ring->first))
		return false;
	e = &ring->coalesced_mmio[last];
	e->phys_addr = addr;
	e->len = len;
	memcpy(e->data, data, len);
	e->pio = pio;
	/* What it says is there before it counts. */
	smp_store_release(&ring->last, (last + 1) % RING_SIZE);
	return true;
}

/**
 * vh_coalesce - a guest's write that no device took: is it put down for later?
 * @vm: the VM
 * @addr: guest-physical address, or port
 * @data: what is written
 * @len: 1 to 8 bytes
 * @pio: a port
 *
 * Process context. False: in no zone, or the ring is full, and the write is userspace's at once.
 */
bool vh_coalesce(struct vh_vm *vm, u64 addr, const void *data, unsigned int len, bool pio)
{
	struct vh_eventfds *all = vm->eventfds;
	bool done = false;

	rcu_read_lock();
	if (covered(rcu_dereference(all->zones[pio]), addr, addr + len)) {
		spin_lock(&all->ring_lock);
		/* Once more: when a zone has been taken away nothing is put down for it. */
		done = covered(rcu_dereference(all->zones[pio]), addr, addr + len) &&
		       put(all->ring, addr, data, len, pio);
		spin_unlock(&all->ring_lock);
	}
	rcu_read_unlock();
	return done;
}

/* Take the place of the zones of a bus; ioeventfd_lock held. */
static void publish(struct vh_eventfds *all, bool pio, struct vh_zones *old, struct vh_zones *new)
{
	spin_lock(&all->ring_lock);
	rcu_assign_pointer(all->zones[pio], new);
	spin_unlock(&all->ring_lock);
	WRITE_ONCE(all->watched, all->watched + new->n - (old ? old->n : 0));
	if (old)
		kvfree_rcu(old, rcu);
}

static int add(struct vh_eventfds *all, bool pio, struct vh_zones *old, const struct one_zone *z)
{
	unsigned int n = old ? old->n : 0, at = 0;
	struct vh_zones *new;

	if (n >= VH_MAX_ZONES)
		return -ENOSPC;
	new = zones_alloc(n + 1);
	if (!new)
		return -ENOMEM;
	while (at < n && old->z[at].start <= z->start)
		at++;
	if (old) {
		memcpy(new->z, old->z, at * sizeof(*z));
		memcpy(new->z + at + 1, old->z + at, (n - at) * sizeof(*z));
	}
	new->z[at] = *z;
	set_reach(new);
	publish(all, pio, old, new);
	return 0;
}

/* All zones that hold the whole of @z. That there is none is no error. */
static int take(struct vh_eventfds *all, bool pio, struct vh_zones *old, const struct one_zone *z)
{
	unsigned int i, n = 0;
	struct vh_zones *new;

	if (!old)
		return 0;
	new = zones_alloc(old->n);
	if (!new)
		return -ENOMEM;
	for (i = 0; i < old->n; i++)
		if (old->z[i].start > z->start || old->z[i].end < z->end)
			new->z[n++] = old->z[i];
	new->n = n;
	set_reach(new);
	publish(all, pio, old, new);
	return 0;
}

/**
 * vh_coalesced_zone - KVM_REGISTER_COALESCED_MMIO, KVM_UNREGISTER_COALESCED_MMIO
 * @vm: the VM
 * @args: addresses, or ports
 * @remove: take back all zones that hold these
 *
 * Process context. -EINVAL, -ENOMEM, -ENOSPC (VH_MAX_ZONES on that bus).
 */
int vh_coalesced_zone(struct vh_vm *vm, const struct kvm_coalesced_mmio_zone *args, bool remove)
{
	struct one_zone z = { .start = args->addr, .end = args->addr + args->size };
	struct vh_eventfds *all = vm->eventfds;
	struct vh_zones *old;
	int err;

	if (args->pio > 1)
		return -EINVAL;
	if (!vh_coalesced_page(vm))
		return -ENOMEM;
	/* One that wraps around holds no access, as in KVM, but counts. */
	if (z.end < z.start) {
		if (remove)
			return 0;
		z.end = z.start;
	}
	mutex_lock(&all->ioeventfd_lock);
	old = rcu_dereference_protected(all->zones[args->pio],
					lockdep_is_held(&all->ioeventfd_lock));
	err = remove ? take(all, args->pio, old, &z) : add(all, args->pio, old, &z);
	mutex_unlock(&all->ioeventfd_lock);
	return err;
}

/**
 * vh_coalesced_free - the VM goes
 * @vm: no vCPU runs any more, and none is mapped
 */
void vh_coalesced_free(struct vh_vm *vm)
{
	struct vh_eventfds *all = vm->eventfds;

	kvfree(rcu_dereference_protected(all->zones[0], 1));
	kvfree(rcu_dereference_protected(all->zones[1], 1));
	free_page((unsigned long)all->ring);
}
