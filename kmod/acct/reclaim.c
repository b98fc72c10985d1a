// SPDX-License-Identifier: GPL-2.0-only
/*
 * reclaim.c - page tables are taken back when the host is short.
 *
 * The shrinker knows VMs by the memory cgroup that their item was charged to,
 * so that pressure in a cgroup finds the VMs of that cgroup.
 */
#include <linux/list_lru.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>

#include "../compat/compat.h"
#include "../vh.h"
#include "acct.h"

/* A VM in the shrinker's lists. */
struct vh_shrink_item {
	struct list_head lru;		/* the list's own lock */
	struct vh_vm *vm;		/* const */
	bool listed;			/* who makes the VM, or ends it */
	atomic_t pins;			/* who takes from it just now */
};

static struct kmem_cache *items;
static struct list_lru vms;
static bool ready;			/* vms is set up */

static const struct vh_reclaim_ops *ops __ro_after_init;

/**
 * vh_reclaim_from - page tables can be taken back
 * @from: how
 *
 * Module load, before any VM.
 */
void vh_reclaim_from(const struct vh_reclaim_ops *from)
{
	ops = from;
}

/**
 * vh_reclaim_vm - take page tables of a VM back, as many as in one go
 * @vm: the VM, which stays meanwhile
 * @want: how many pages
 * @force: also tables in use
 * @more: set when it has not been over all tables since it last began with the first
 *
 * Process context, interrupts on, mmu.lock not held. Returns the number of pages freed.
 */
unsigned long vh_reclaim_vm(struct vh_vm *vm, unsigned long want, bool force, bool *more)
{
	return ops->reclaim(vm, want, force, more);
}

static VH_LRU_WALK_FN(add_reclaimable, item, list, sum)
{
	*(unsigned long *)sum += ops->reclaimable(container_of(item, struct vh_shrink_item, lru)->vm);
	return LRU_SKIP;
}

#define SHRINK_LOOKS	32UL		/* VMs looked at with the list's lock, which is of all memory cgroups */
#define SHRINK_VMS	16		/* that one call of the shrinker takes from */

/*
 * How much there is, by the first VMs. EMPTY only without any: the kernel does not ask again for a
 * memory cgroup before it has one more VM; but VMs that have no tables yet will have some.
 */
static unsigned long shrink_count(struct shrinker *s, struct shrink_control *sc)
{
	unsigned long sum = 0, n, looks;

	n = READ_ONCE(ready) ? list_lru_shrink_count(&vms, sc) : 0;
	if (!n)
		return SHRINK_EMPTY;
	looks = min(n, SHRINK_LOOKS);
	sc->nr_to_scan = looks;
	list_lru_shrink_walk(&vms, sc, add_reclaimable, &sum);
	/* Of those behind them, which come to the front in turn, it is a guess. */
	return sum + (n - looks) * max(sum / looks, 1UL);
}

/*
 * Who ends the VM waits for whoever has it pinned. That one stays on its CPU, or its
 * cgroup might keep it from it for long; but on PREEMPT_RT, where locks sleep.
 */
static void pin(struct vh_shrink_item *i)
{
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		preempt_disable();
	atomic_inc(&i->pins);
}

static void unpin(struct vh_shrink_item *i)
{
	/* The last access: the VM may be torn down at once. */
	if (atomic_dec_and_test(&i->pins))
		wake_up_var(&i->pins);
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		preempt_enable();
}

/**
 * vh_reclaim_pin - a VM is not torn down for a while
 * @vm: a VM that is not removed: the registry's lock held
 */
void vh_reclaim_pin(struct vh_vm *vm)
{
	pin(vm->shrink);
}

/**
 * vh_reclaim_unpin - undo vh_reclaim_pin()
 * @vm: the VM; may be gone when this returns
 */
void vh_reclaim_unpin(struct vh_vm *vm)
{
	unpin(vm->shrink);
}

/* The VM goes to the end of its list: others are first next time. Until it is unpinned it stays. */
static VH_LRU_WALK_FN(take, item, list, vm)
{
	struct vh_shrink_item *i = container_of(item, struct vh_shrink_item, lru);

	if (*(struct vh_vm **)vm)
		return LRU_SKIP;
	pin(i);
	*(struct vh_vm **)vm = i->vm;
	return LRU_ROTATE;
}

static unsigned long shrink_scan(struct shrinker *s, struct shrink_control *sc)
{
	unsigned long want = sc->nr_to_scan, got = 0;
	struct vh_vm *vm;
	unsigned int n;
	bool more;

	if (!READ_ONCE(ready))
		return SHRINK_STOP;
	for (n = 0; n < SHRINK_VMS && got < want; n++) {
		vm = NULL;
		sc->nr_to_scan = 1;
		list_lru_shrink_walk(&vms, sc, take, &vm);
		if (!vm)
			break;
		got += vh_reclaim_vm(vm, want - got, false, &more);
		vh_reclaim_unpin(vm);
		cond_resched();
	}
	sc->nr_scanned = want;
	return n ? got : SHRINK_STOP;
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
	atomic_set(&item->pins, 0);
	vm->shrink = item;
	return 0;
}

/**
 * vh_reclaim_vm_add - the shrinker may take from this VM
 * @vm: the VM, complete; no lock of all tenants held: the list's may be, for long
 */
void vh_reclaim_vm_add(struct vh_vm *vm)
{
	vm->shrink->listed = vh_list_lru_add(&vms, &vm->shrink->lru);
}

/**
 * vh_reclaim_vm_remove - no more
 * @vm: the VM; as vh_reclaim_vm_add(), which need not have been called
 */
void vh_reclaim_vm_remove(struct vh_vm *vm)
{
	if (vm->shrink->listed)
		vh_list_lru_del(&vms, &vm->shrink->lru);
	vm->shrink->listed = false;
}

/**
 * vh_reclaim_vm_settle - wait for those who take from the VM just now
 * @vm: the VM, removed; no lock held that they need
 *
 * Process context. They take page tables of this VM alone, and do not sleep for others.
 */
void vh_reclaim_vm_settle(struct vh_vm *vm)
{
	wait_var_event(&vm->shrink->pins, !atomic_read(&vm->shrink->pins));
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
int __init vh_reclaim_init(void)
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
