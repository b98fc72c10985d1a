// SPDX-License-Identifier: GPL-2.0-only
/*
 * group.c - groups: one for each cgroup with VMs, and for its ancestors.
 *
 * A module is not told of a cgroup's removal. A group keeps its cgroup's
 * structure, notices now and then that the cgroup is gone, and goes as well
 * when the last VM and the last child group have. While a cgroup exists, its
 * group stays, with limits and totals.
 *
 * On a host without a cgroup v2 hierarchy every task is in its root, and so is
 * every VM: there is one group.
 */
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "../vh.h"
#include "acct.h"

#define REAP_INTERVAL	(2 * HZ)

static DEFINE_MUTEX(groups_mutex);
static DEFINE_XARRAY(groups);		/* by id; groups_mutex */
static struct vh_group *root;		/* const after vh_groups_init() */

static void reap(struct work_struct *work);
static DECLARE_DEFERRABLE_WORK(reap_work, reap);

/**
 * vh_group_removed - was the cgroup removed?
 * @g: the group
 */
bool vh_group_removed(const struct vh_group *g)
{
	/* Not css_is_dying(): since 6.12 that is about controllers, and a cgroup's own css never is. */
	return g != root && percpu_ref_is_dying(&g->cgrp->self.refcnt);
}

/* groups_mutex held. */
static struct vh_group *create(struct cgroup *cgrp, struct vh_group *parent)
{
	struct vh_group *g = kzalloc(sizeof(*g), GFP_KERNEL_ACCOUNT);

	if (!g)
		return NULL;
	g->id = cgroup_id(cgrp);
	if (xa_is_err(xa_store(&groups, g->id, g, GFP_KERNEL_ACCOUNT))) {
		kfree(g);
		return NULL;
	}
	vh_ledger_init(&g->ledger, parent ? &parent->ledger : NULL);
	g->parent = parent;
	cgroup_get(cgrp);
	g->cgrp = cgrp;
	if (parent) {
		parent->refs++;
		schedule_delayed_work(&reap_work, REAP_INTERVAL);
	}
	return g;
}

static void destroy(struct vh_group *g)
{
	xa_erase(&groups, g->id);
	if (g->parent)
		g->parent->refs--;
	cgroup_put(g->cgrp);
	kfree(g);
}

/* groups_mutex held. A child that goes may let its parent go. */
static void reap_one(struct vh_group *g)
{
	struct vh_group *parent;

	for (; g && !g->refs && vh_group_removed(g); g = parent) {
		parent = g->parent;
		destroy(g);
	}
}

static void reap_all(void)
{
	struct vh_group *g;
	unsigned long id;

	xa_for_each(&groups, id, g)
		reap_one(g);
}

static void reap(struct work_struct *work)
{
	unsigned long id = root->id + 1;

	mutex_lock(&groups_mutex);
	reap_all();
	if (xa_find(&groups, &id, ULONG_MAX, XA_PRESENT))
		schedule_delayed_work(&reap_work, REAP_INTERVAL);
	mutex_unlock(&groups_mutex);
}

/**
 * vh_group_of - the group of a cgroup, made when it is the first time
 * @cgrp: of the default hierarchy, with a reference of the caller's
 *
 * Process context. Returns it with a reference, or ERR_PTR(-ENOMEM).
 */
struct vh_group *vh_group_of(struct cgroup *cgrp)
{
	struct vh_group *g = root, *child;
	int level;

	mutex_lock(&groups_mutex);
	/* From the root down, so that a child always finds its parent. */
	for (level = 1; level <= cgrp->level; level++) {
		struct cgroup *at = cgroup_ancestor(cgrp, level);

		child = xa_load(&groups, cgroup_id(at));
		if (!child)
			child = create(at, g);
		if (!child) {
			mutex_unlock(&groups_mutex);
			return ERR_PTR(-ENOMEM);
		}
		g = child;
	}
	g->refs++;
	mutex_unlock(&groups_mutex);
	return g;
}

/**
 * vh_group_of_current - the group of the current task's cgroup
 *
 * As vh_group_of().
 */
struct vh_group *vh_group_of_current(void)
{
	struct cgroup *cgrp;
	struct vh_group *g;

	rcu_read_lock();
	do {
		cgrp = task_dfl_cgroup(current);
	} while (!cgroup_tryget(cgrp));
	rcu_read_unlock();
	g = vh_group_of(cgrp);
	cgroup_put(cgrp);
	return g;
}

/**
 * vh_group_find - an existing group
 * @id: its cgroup's id
 *
 * Process context. Returns it with a reference, or NULL.
 */
struct vh_group *vh_group_find(u64 id)
{
	struct vh_group *g;

	mutex_lock(&groups_mutex);
	g = xa_load(&groups, id);
	if (g)
		g->refs++;
	mutex_unlock(&groups_mutex);
	return g;
}

/**
 * vh_group_next - the existing group with the lowest id from @id on
 * @id: where to begin
 *
 * Process context. Returns it with a reference, or NULL.
 */
struct vh_group *vh_group_next(u64 id)
{
	unsigned long index = id;
	struct vh_group *g;

	mutex_lock(&groups_mutex);
	if (!id)
		reap_all();
	g = xa_find(&groups, &index, ULONG_MAX, XA_PRESENT);
	if (g)
		g->refs++;
	mutex_unlock(&groups_mutex);
	return g;
}

/**
 * vh_group_put - drop a reference
 * @g: the group
 *
 * Process context.
 */
void vh_group_put(struct vh_group *g)
{
	mutex_lock(&groups_mutex);
	g->refs--;
	reap_one(g);
	mutex_unlock(&groups_mutex);
}

/**
 * vh_group_within - is @g @ancestor, or below it?
 * @g: a group
 * @ancestor: a group
 */
bool vh_group_within(const struct vh_group *g, const struct vh_group *ancestor)
{
	for (; g; g = g->parent)
		if (g == ancestor)
			return true;
	return false;
}

/**
 * vh_group_fold - the counts of a VM that ends become its group's
 * @g: the VM's group
 * @c: the counts
 *
 * Process context.
 */
void vh_group_fold(struct vh_group *g, const struct vh_counts *c)
{
	mutex_lock(&groups_mutex);
	for (; g; g = g->parent)
		vh_counts_add(&g->past, c);
	mutex_unlock(&groups_mutex);
}

/**
 * vh_group_count_vm - a VM was created in a group
 * @g: the group
 */
void vh_group_count_vm(struct vh_group *g)
{
	mutex_lock(&groups_mutex);
	for (; g; g = g->parent)
		g->created++;
	mutex_unlock(&groups_mutex);
}

/**
 * vh_group_past - what a group's VMs that are gone had counted
 * @g: the group
 * @c: added to
 * @created: VMs ever created
 */
void vh_group_past(struct vh_group *g, struct vh_counts *c, u64 *created)
{
	mutex_lock(&groups_mutex);
	vh_counts_add(c, &g->past);
	*created = g->created;
	mutex_unlock(&groups_mutex);
}

/**
 * vh_groups_init - the root group
 *
 * Module load. -ENOMEM.
 */
int vh_groups_init(void)
{
	mutex_lock(&groups_mutex);
	root = create(&cgrp_dfl_root.cgrp, NULL);
	if (root)
		root->refs++;
	mutex_unlock(&groups_mutex);
	return root ? 0 : -ENOMEM;
}

/**
 * vh_groups_exit - free all groups; no VM is left
 */
void vh_groups_exit(void)
{
	struct vh_group *g;
	unsigned long id;

	cancel_delayed_work_sync(&reap_work);
	xa_for_each(&groups, id, g) {
		cgroup_put(g->cgrp);
		kfree(g);
	}
	xa_destroy(&groups);
}
