// SPDX-License-Identifier: GPL-2.0-only
/*
 * walk.c - what all VMs of a group have counted, exactly, without holding the registry for long.
 *
 * The VMs that have a VMM are visited in parts, vh_registry_lock dropped in
 * between. A sum begins with what VMs that are gone had counted; one that goes
 * before it is visited adds its counts on its way out (vh_walk_leaves()). Only
 * one sum of several parts is under way at a time; what fits into one part
 * waits for nobody.
 */
#include <linux/sched.h>

#include "../vh.h"
#include "registry.h"

#define PART	64		/* vCPUs, VMs and groups visited with vh_registry_lock held */

struct walk {
	struct vh_group *top;
	struct vh_group *at;		/* with a reference; NULL: at the end */
	u64 next;			/* VM of @at to go on with */
	struct vh_counts *sum;
	u64 serial;			/* not 0: VMs that go tell it */
	struct vh_vm *big;		/* visited, but to be added up without the lock; pinned */
};

static DEFINE_MUTEX(walk_mutex);	/* the one walk of several parts */
static struct walk *walking;		/* it; set with vh_registry_lock held */
static u64 last_serial;			/* walk_mutex */

/* vh_registry_lock held. */
static void begin(struct walk *w, u64 *created)
{
	memset(w->sum, 0, sizeof(*w->sum));
	vh_group_past(w->top, w->sum, created);
	vh_group_hold(w->top);
	w->at = w->top;
	w->next = 0;
}

/* vh_registry_lock held. One part; false: there is more. */
static bool part(struct walk *w)
{
	struct vh_index_node *n;
	struct vh_record *r;
	int left = PART;

	while (w->at) {
		while ((n = vh_index_next(&w->at->live, w->next))) {
			if (left <= 0)
				return false;
			r = container_of(n, struct vh_record, live);
			if (r->vm->nr_vcpus > PART && !w->serial)
				return false;
			w->next = r->id + 1;
			if (w->serial)
				r->walked = w->serial;
			if (r->vm->nr_vcpus > PART) {
				w->big = r->vm;
				vh_reclaim_pin(w->big);
				return false;
			}
			vh_counts_add_vm(w->sum, r->vm);
			left -= 1 + r->vm->nr_vcpus;
		}
		if (left-- <= 0)
			return false;
		w->at = vh_group_walk(w->top, w->at);
		w->next = 0;
	}
	return true;
}

/* Many VMs, or one of many vCPUs. */
static int walk_in_parts(struct walk *w, u64 *created)
{
	struct vh_counts big = {};
	bool done;

	if (mutex_lock_killable(&walk_mutex))
		return -EINTR;
	w->serial = ++last_serial;
	vh_registry_read_lock();
	begin(w, created);
	walking = w;
	for (;;) {
		done = part(w);
		if (done)
			break;
		vh_registry_read_unlock();
		if (w->big) {
			vh_counts_add_vm(&big, w->big);
			vh_reclaim_unpin(w->big);
			w->big = NULL;
		}
		cond_resched();
		vh_registry_read_lock();
	}
	walking = NULL;
	vh_counts_add(w->sum, &big);
	vh_registry_read_unlock();
	mutex_unlock(&walk_mutex);
	return 0;
}

/**
 * vh_registry_group_counts - what all VMs of a group have counted
 * @g: the group, with a reference of the caller's
 * @c: its VMs' counts, its descendants', and of those that are gone
 * @created: VMs ever created
 *
 * Process context, vh_registry_lock not held. No VM is missed and none is
 * counted twice. 0, or -EINTR: the caller is being killed.
 */
int vh_registry_group_counts(struct vh_group *g, struct vh_counts *c, u64 *created)
{
	struct walk w = { .top = g, .sum = c };
	bool done;

	vh_registry_read_lock();
	begin(&w, created);
	done = part(&w);
	vh_registry_read_unlock();
	if (done)
		return 0;
	vh_group_put(w.at);
	return walk_in_parts(&w, created);
}

/**
 * vh_walk_leaves - a VM loses its VMM, and its counts pass to what is gone
 * @r: its record
 * @c: what it has counted
 *
 * vh_registry_lock held for writing.
 */
void vh_walk_leaves(const struct vh_record *r, const struct vh_counts *c)
{
	if (walking && r->walked != walking->serial && vh_group_within(r->group, walking->top))
		vh_counts_add(walking->sum, c);
}
