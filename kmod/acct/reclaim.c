// SPDX-License-Identifier: GPL-2.0-only
/*
 * reclaim.c - page tables are taken back: for a group at its limit, and when the host is short.
 *
 * The shrinker knows VMs by the memory cgroup that their item was charged to,
 * so that pressure in a cgroup finds the VMs of that cgroup.
 */
#include <linux/list_lru.h>
#include <linux/shrinker.h>
#include <linux/slab.h>

#include "../vh.h"
#include "../compat/compat.h"
#include "../ctl/registry.h"

/* A VM in the shrinker's lists. */
struct vh_shrink_item {
	struct list_head lru;		/* the list's own lock */
	struct vh_vm *vm;		/* const */
	bool listed;			/* vh_registry_lock */
};

static struct kmem_cache *items;
static struct list_lru vms;
static bool ready;			/* vms is set up */
static u32 next_victim;			/* where the next round begins; races do no harm */

/* --- limits --- */

static bool victim(const struct vh_record *r, const struct vh_group *full)
{
	return r->vm && vh_group_within(r->group, full);
}

/* One round over the VMs of a group, from next_victim on. vh_registry_lock held. */
static unsigned long one_round(struct vh_group *full, unsigned long want, bool force)
{
	u32 start = READ_ONCE(next_victim), id = start;
	unsigned long got = 0;
	struct vh_record *r;
	bool wrapped = false;

	for (;;) {
		r = vh_record_next(id);
		if (!r || (wrapped && r->id >= start)) {
			if (wrapped || !start)
				return got;
			wrapped = true;
			id = 0;
			continue;
		}
		id = r->id + 1;
		if (!victim(r, full))
			continue;
		got += vh_mmu_reclaim(r->vm, want - got, force);
		WRITE_ONCE(next_victim, id);
		if (got >= want)
			return got;
		cond_resched();
	}
}

/**
 * vh_reclaim_group - take page tables back from the VMs of a group at its limit
 * @full: the group
 * @first: a VM in it that needs them; it pays first
 * @want: how many pages
 *
 * Process context, no lock held but a VM's mutexes. Cold ones go first, of all
 * VMs, and only then some in use. Returns the number of pages freed.
 */
unsigned long vh_reclaim_group(struct vh_group *full, struct vh_vm *first, unsigned long want)
{
	unsigned long got;

	down_read(&vh_registry_lock);
	got = vh_mmu_reclaim(first, want, false);
	if (got < want)
		got += one_round(full, want - got, false);
	if (!got)
		got = vh_mmu_reclaim(first, want, true);
	if (!got)
		got = one_round(full, want, true);
	up_read(&vh_registry_lock);
	return got;
}

/* --- pressure --- */

static VH_LRU_WALK_FN(add_reclaimable, item, list, sum)
{
	*(unsigned long *)sum += vh_mmu_reclaimable(container_of(item, struct vh_shrink_item,
								 lru)->vm);
	return LRU_SKIP;
}

static unsigned long shrink_count(struct shrinker *s, struct shrink_control *sc)
{
	unsigned long sum = 0;

	if (!READ_ONCE(ready))
		return SHRINK_EMPTY;
	sc->nr_to_scan = list_lru_shrink_count(&vms, sc);	/* what the walk may visit */
	list_lru_shrink_walk(&vms, sc, add_reclaimable, &sum);
	return sum ? sum : SHRINK_EMPTY;
}

#define SHRINK_VMS	16

struct batch {
	struct vh_vm *vm[SHRINK_VMS];
	unsigned int n;
};

/* The VM goes to the end of its list: others are first next time. */
static VH_LRU_WALK_FN(take, item, list, arg)
{
	struct batch *b = arg;

	if (b->n == SHRINK_VMS)
		return LRU_SKIP;
	b->vm[b->n++] = container_of(item, struct vh_shrink_item, lru)->vm;
	return LRU_ROTATE;
}

static unsigned long shrink_scan(struct shrinker *s, struct shrink_control *sc)
{
	unsigned long want = sc->nr_to_scan, got = 0;
	struct batch b = { .n = 0 };
	unsigned int i;

	/* VMs stay while this is held. Whoever holds it for writing may be allocating. */
	if (!READ_ONCE(ready) || !down_read_trylock(&vh_registry_lock))
		return SHRINK_STOP;
	sc->nr_to_scan = SHRINK_VMS;
	list_lru_shrink_walk(&vms, sc, take, &b);
	for (i = 0; i < b.n && got < want; i++)
		got += vh_mmu_reclaim(b.vm[i], want - got, false);
	up_read(&vh_registry_lock);
	sc->nr_scanned = want;
	return b.n ? got : SHRINK_STOP;
}

static struct shrinker *shrinker;

/**
 * vh_reclaim_vm_init - prepare a VM for the shrinker
 * @vm: a new VM
 *
 * Process context. -ENOMEM.
 */
int vh_reclaim_vm_init(struct vh_vm *vm)
{
	struct vh_shrink_item *item = kmem_cache_alloc_lru(items, &vms, GFP_KERNEL_ACCOUNT);

	if (!item)
		return -ENOMEM;
	INIT_LIST_HEAD(&item->lru);
	item->vm = vm;
	item->listed = false;
	vm->shrink = item;
	return 0;
}

/**
 * vh_reclaim_vm_add - the shrinker may take from this VM
 * @vm: the VM; vh_registry_lock held for writing
 */
void vh_reclaim_vm_add(struct vh_vm *vm)
{
	vm->shrink->listed = vh_list_lru_add(&vms, &vm->shrink->lru);
}

/**
 * vh_reclaim_vm_remove - no more
 * @vm: the VM; vh_registry_lock held for writing
 */
void vh_reclaim_vm_remove(struct vh_vm *vm)
{
	if (vm->shrink->listed)
		vh_list_lru_del(&vms, &vm->shrink->lru);
	vm->shrink->listed = false;
}

/**
 * vh_reclaim_vm_free - undo vh_reclaim_vm_init()
 * @vm: the VM, removed
 */
void vh_reclaim_vm_free(struct vh_vm *vm)
{
	kmem_cache_free(items, vm->shrink);
	vm->shrink = NULL;
}

/**
 * vh_reclaim_init - register the shrinker
 *
 * Module load. -ENOMEM.
 */
int vh_reclaim_init(void)
{
	int err = -ENOMEM;

	items = kmem_cache_create("vh_shrink_item", sizeof(struct vh_shrink_item), 0,
				  SLAB_ACCOUNT, NULL);
	if (!items)
		return err;
	shrinker = vh_shrinker_register("vh-page-tables", shrink_count, shrink_scan);
	if (!shrinker)
		goto cache;
	err = list_lru_init_memcg(&vms, shrinker);
	if (err)
		goto unregister;
	WRITE_ONCE(ready, true);
	return 0;
unregister:
	vh_shrinker_unregister(shrinker);
cache:
	kmem_cache_destroy(items);
	return err;
}

/**
 * vh_reclaim_exit - no VM is left
 */
void vh_reclaim_exit(void)
{
	vh_shrinker_unregister(shrinker);
	list_lru_destroy(&vms);
	kmem_cache_destroy(items);
}
