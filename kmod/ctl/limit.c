// SPDX-License-Identifier: GPL-2.0-only
/*
 * limit.c - a group is at its limit of page-table memory: its VMs give some back.
 */
#include <linux/sched.h>

#include "registry.h"

/* A round over the VMs of a group: group by group, by id in each. */
struct round {
	struct vh_group *full;
	struct vh_group *at;		/* with a reference */
	u64 next;			/* VM of @at to go on with */
	unsigned long left;		/* VMs and groups to be looked at */
};

/* Where the last round ended. vh_registry_lock held. */
static void begin(struct round *o, struct vh_group *full)
{
	o->full = full;
	o->left = full->nr_live;
	o->next = READ_ONCE(full->hand_vm);
	o->at = vh_group_find(READ_ONCE(full->hand_group));
	if (o->at && vh_group_within(o->at, full))
		return;
	if (o->at)
		vh_group_put(o->at);
	vh_group_hold(full);
	o->at = full;
	o->next = 0;
}

/* The next VM, pinned; NULL when all have had their turn. vh_registry_lock held. */
static struct vh_vm *next_vm(struct round *o)
{
	struct vh_index_node *n;
	struct vh_record *r;

	if (!o->left)
		return NULL;
	o->left--;
	while (!(n = vh_index_next(&o->at->live, o->next))) {
		if (!READ_ONCE(o->full->nr_live))
			return NULL;
		o->next = 0;
		o->at = vh_group_walk(o->full, o->at);
		if (!o->at) {
			vh_group_hold(o->full);
			o->at = o->full;
		}
	}
	r = container_of(n, struct vh_record, live);
	o->next = r->id + 1;
	vh_reclaim_pin(r->vm);
	return r->vm;
}

/* One round over the VMs of a group. */
static unsigned long one_round(struct vh_group *full, unsigned long want, bool force)
{
	unsigned long got = 0;
	struct vh_vm *vm;
	struct round o;
	bool more;

	vh_registry_read_lock();
	begin(&o, full);
	while (got < want && (vm = next_vm(&o))) {
		vh_registry_read_unlock();
		got += vh_reclaim_vm(vm, want - got, force, &more);
		if (more && got < want) {
			o.next--;	/* that one again */
			o.left++;
		}
		vh_reclaim_unpin(vm);
		cond_resched();
		vh_registry_read_lock();
	}
	WRITE_ONCE(full->hand_group, o.at->id);
	WRITE_ONCE(full->hand_vm, o.next);
	vh_registry_read_unlock();
	vh_group_put(o.at);
	return got;
}

/*
 * The caller's VM, which stays: from where its hand is to the end, and with @force once around. Without, what
 * the hand has just made look cold is not to go before other VMs' that are.
 */
static unsigned long from_own(struct vh_vm *vm, unsigned long want, bool force)
{
	unsigned int rounds = force ? 2 : 1;
	unsigned long got = 0;
	bool more;

	while (rounds && got < want) {
		got += vh_reclaim_vm(vm, want - got, force, &more);
		if (!more)
			rounds--;
		cond_resched();
	}
	return got;
}

/**
 * vh_limit_reclaim - take page tables back from the VMs of a group at its limit
 * @full: the group
 * @first: a VM in it that needs them, the caller's; it pays first
 * @want: how many pages
 *
 * Process context, no lock held but a VM's mutexes. Cold ones go first, of all
 * VMs, and only then some in use. vh_registry_lock is held only to go from VM
 * to VM. Returns the number of pages freed.
 */
unsigned long vh_limit_reclaim(struct vh_group *full, struct vh_vm *first, unsigned long want)
{
	unsigned long got = from_own(first, want, false);

	if (got < want)
		got += one_round(full, want - got, false);
	if (!got)
		got = from_own(first, want, true);
	if (!got)
		got = one_round(full, want, true);
	return got;
}
