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
 * its own alone, unless there are as many as there may be: then the users wait in
 * line, one thread of each. Who has come to the end of a walk wakes one thread.
 */
#include <linux/cred.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/semaphore.h>
#include <linux/spinlock.h>

#include "../vh.h"
#include "registry.h"

#define PART		8		/* vCPUs, VMs and groups visited with vh_registry_lock held */
#define BRIEF		8		/* parts of a walk that has to be over soon */
#define MAX_WALKS	32		/* root's may be one more; a VM that goes looks at all */

struct walk {
	struct list_head node;		/* walks */
	struct vh_user *user;		/* who answers for it: its @walk is held */
	bool placed;			/* has one of the places */
	struct vh_group *top;
	struct vh_group *at;		/* with a reference; NULL: at the end */
	u64 next;			/* VM of @at to go on with */
	unsigned int vcpu;		/* of it */
	struct vh_counts *sum;
	struct vh_counts some;		/* of that VM, the vCPUs before @vcpu */
};

static LIST_HEAD(walks);		/* of several parts; walks_lock, and to be read the registry's */
static DEFINE_SPINLOCK(walks_lock);	/* inside vh_registry_lock */
static struct semaphore places = __SEMAPHORE_INITIALIZER(places, MAX_WALKS);

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
		vh_counts_add_vcpu(&w->some, vh_vcpu_at(vm, w->vcpu));
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

/* The user's turn; -EINTR, -EBUSY. */
static int take_turn(struct walk *w, bool brief)
{
	bool root = uid_eq(w->user->uid, GLOBAL_ROOT_UID);
	int err = 0;

	if (brief)
		err = mutex_trylock(&w->user->walk) ? 0 : -EBUSY;
	else if (mutex_lock_killable(&w->user->walk))
		err = -EINTR;
	if (err)
		return err;
	w->placed = !down_trylock(&places);
	if (w->placed || root)
		return 0;
	err = brief ? -EBUSY : down_killable(&places);
	w->placed = !err;
	if (err)
		mutex_unlock(&w->user->walk);
	return err;
}

static void end_turn(struct walk *w)
{
	if (w->placed)
		up(&places);
	mutex_unlock(&w->user->walk);
}

/* vh_registry_lock held. */
static void enter(struct walk *w)
{
	spin_lock(&walks_lock);
	list_add(&w->node, &walks);
	spin_unlock(&walks_lock);
}

/* vh_registry_lock held. */
static void leave(struct walk *w)
{
	spin_lock(&walks_lock);
	list_del(&w->node);
	spin_unlock(&walks_lock);
}

/* One more part, or the last of a walk that ends here whether or not it has come to its end. */
static bool go_on(struct walk *w, bool last)
{
	bool done;

	vh_registry_read_lock();
	done = part(w);
	if (done || last)
		leave(w);
	vh_registry_read_unlock();
	return done;
}

/* Many VMs, or one of many vCPUs. */
static int walk_in_parts(struct walk *w, u64 *created, bool brief)
{
	unsigned int n = 0;
	bool done;
	int err;

	w->user = vh_user_answering();
	if (!w->user)
		return -ENOMEM;
	err = take_turn(w, brief);
	if (err)
		goto out;
	vh_registry_read_lock();
	enter(w);
	begin(w, created);
	vh_registry_read_unlock();
	do {
		if (!brief)
			cond_resched();
		n++;
		done = go_on(w, brief && n == BRIEF);
	} while (!done && !(brief && n == BRIEF));
	if (!done) {
		vh_group_put(w->at);
		err = -E2BIG;
	}
	end_turn(w);
out:
	vh_user_put(w->user);
	return err;
}

/**
 * vh_registry_group_counts - what all VMs of a group have counted
 * @g: the group, with a reference of the caller's
 * @c: its VMs' counts, its descendants', and of those that are gone
 * @created: VMs ever created
 * @brief: the caller holds what strangers wait for: no waiting, no rescheduling, 64 VMs, vCPUs and groups at most
 *
 * Process context, vh_registry_lock not held. No VM is missed and none is
 * counted twice. 0; -EINTR: the caller is being killed while another walk of its user's is
 * under way; -ENOMEM; if @brief, -E2BIG, and -EBUSY instead of waiting for another walk.
 */
int vh_registry_group_counts(struct vh_group *g, struct vh_counts *c, u64 *created, bool brief)
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
	return walk_in_parts(&w, created, brief);
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
