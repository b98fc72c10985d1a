// SPDX-License-Identifier: GPL-2.0-only
/*
 * walk.c - what all VMs of a group have counted, exactly, without holding the registry for long.
 *
 * The VMs that have a VMM are visited in parts, vh_registry_lock dropped in
 * between: group by group, by id in each, vCPU by vCPU. A sum begins with what VMs
 * that are gone had counted; one that goes before it is visited adds its counts on
 * its way out (vh_walk_leaves()), and where a walk has come tells whether it was.
 *
 * Who is between two parts may be kept there, by a cgroup that has little of a
 * processor. So each user has one walk of several parts at a time, and waits for
 * its own alone.
 */
#include <linux/cred.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "../vh.h"
#include "registry.h"

#define PART		8		/* vCPUs, VMs and groups visited with vh_registry_lock held */
#define MAX_WALKS	32		/* root's may be one more; a VM that goes looks at all */

struct walk {
	struct list_head node;		/* walks */
	kuid_t who;			/* who asks, at most once at a time */
	struct vh_group *top;
	struct vh_group *at;		/* with a reference; NULL: at the end */
	u64 next;			/* VM of @at to go on with */
	unsigned int vcpu;		/* of it */
	struct vh_counts *sum;
	struct vh_counts some;		/* of that VM, the vCPUs before @vcpu */
};

static LIST_HEAD(walks);		/* of several parts; walks_lock, and to be read the registry's */
static unsigned int nr_walks;		/* walks_lock */
static DEFINE_SPINLOCK(walks_lock);	/* inside vh_registry_lock */
static DECLARE_WAIT_QUEUE_HEAD(walk_over);

/* vh_registry_lock held. */
static void begin(struct walk *w, u64 *created)
{
	memset(w->sum, 0, sizeof(*w->sum));
	vh_group_past(w->top, w->sum, created);
	vh_group_hold(w->top);
	w->at = w->top;
	w->next = 0;
	w->vcpu = 0;
}

/* The rest of a VM, or as many vCPUs of it as there is time for; false: there are more. */
static bool one_vm(struct walk *w, struct vh_vm *vm, int *left)
{
	unsigned int n = smp_load_acquire(&vm->nr_vcpus);

	for (; w->vcpu < n; w->vcpu++, --*left) {
		if (*left <= 0)
			return false;
		vh_counts_add_vcpu(&w->some, rcu_dereference_raw(vm->vcpus[w->vcpu]));
	}
	vh_counts_add(w->sum, &w->some);
	vh_counts_add_own(w->sum, vm);
	memset(&w->some, 0, sizeof(w->some));
	w->vcpu = 0;
	--*left;
	return true;
}

/* vh_registry_lock held. One part; false: there is more. */
static bool part(struct walk *w)
{
	struct vh_index_node *n;
	struct vh_record *r;
	int left = PART;

	while (w->at) {
		while ((n = vh_index_next(&w->at->live, w->next))) {
			r = container_of(n, struct vh_record, live);
			w->next = r->id;
			if (left <= 0 || !one_vm(w, r->vm, &left))
				return false;
			w->next = r->id + 1;
		}
		if (left-- <= 0)
			return false;
		w->at = vh_group_walk(w->top, w->at);
		w->next = 0;
	}
	return true;
}

/* Has the walk been at the VM, or was it where it is before it came to be? */
static bool visited(const struct walk *w, const struct vh_record *r)
{
	int order = vh_group_order(r->group, w->at);

	return order < 0 || (!order && r->id < w->next);
}

/* vh_registry_lock held. Is there room for one more? */
static bool enter(struct walk *w)
{
	const struct walk *other;
	bool room;

	spin_lock(&walks_lock);
	room = nr_walks < MAX_WALKS || uid_eq(w->who, GLOBAL_ROOT_UID);
	list_for_each_entry(other, &walks, node)
		room &= !uid_eq(other->who, w->who);
	if (room) {
		list_add(&w->node, &walks);
		nr_walks++;
	}
	spin_unlock(&walks_lock);
	return room;
}

/* vh_registry_lock held. */
static void leave(struct walk *w)
{
	spin_lock(&walks_lock);
	list_del(&w->node);
	nr_walks--;
	spin_unlock(&walks_lock);
}

/* The walk begins, if no other one of the same user has to end before. */
static bool try_begin(struct walk *w, u64 *created)
{
	bool room;

	vh_registry_read_lock();
	room = enter(w);
	if (room)
		begin(w, created);
	vh_registry_read_unlock();
	return room;
}

/* Many VMs, or one of many vCPUs. */
static int walk_in_parts(struct walk *w, u64 *created)
{
	bool done;

	w->who = vh_user_answering();
	if (wait_event_killable(walk_over, try_begin(w, created)))
		return -EINTR;
	do {
		cond_resched();
		vh_registry_read_lock();
		done = part(w);
		if (done)
			leave(w);
		vh_registry_read_unlock();
	} while (!done);
	wake_up_all(&walk_over);
	return 0;
}

/**
 * vh_registry_group_counts - what all VMs of a group have counted
 * @g: the group, with a reference of the caller's
 * @c: its VMs' counts, its descendants', and of those that are gone
 * @created: VMs ever created
 *
 * Process context, vh_registry_lock not held. No VM is missed and none is
 * counted twice. 0, or -EINTR: the caller is being killed while another walk of its user's is
 * under way.
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
	memset(&w.some, 0, sizeof(w.some));
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
	struct walk *w;

	list_for_each_entry(w, &walks, node) {
		if (!vh_group_within(r->group, w->top) || visited(w, r))
			continue;
		vh_counts_add(w->sum, c);
		/* Some of it may be known already. */
		if (w->at == r->group && w->next == r->id) {
			memset(&w->some, 0, sizeof(w->some));
			w->vcpu = 0;
		}
	}
}
