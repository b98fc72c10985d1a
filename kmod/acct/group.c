// SPDX-License-Identifier: GPL-2.0-only
/*
 * group.c - groups: one for each cgroup with VMs, and for its ancestors.
 *
 * A group whose VMs are gone keeps its limits and totals, by its cgroup's id
 * alone: it does not hold the cgroup, which can be removed as if vh were not
 * there. A module is not told of a removal: a group that nobody uses looks now
 * and then whether its cgroup is still there. One with VMs holds the cgroup's
 * structure, and goes with its last VM when the cgroup was removed meanwhile.
 *
 * On a host without a cgroup v2 hierarchy every task is in its root, and so is
 * every VM: there is one group.
 */
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "../bound.h"
#include "../vh.h"
#include "acct.h"

#define REAP_INTERVAL	(2 * HZ)
#define MAX_LEVEL	32		/* of cgroups with VMs: what is done for each ancestor has a bound */
#define REAP_BATCH	16		/* groups looked at with groups_lock held */
#define REAP_SOON	64		/* groups made since the last time, and a quarter of all: not later */

static DEFINE_SPINLOCK(groups_lock);	/* nothing is allocated under it */
static struct vh_index groups;		/* by id; groups_lock */
static struct vh_group *root;		/* const after vh_groups_init() */
static unsigned long nr_groups, nr_made;	/* nr_made: since all were looked at last; groups_lock */

static void lock_groups(void)
	__acquires(&groups_lock)
{
	spin_lock(&groups_lock);
	vh_bound_begin(VH_BOUND_GROUPS);
}

static void unlock_groups(void)
	__releases(&groups_lock)
{
	vh_bound_end(VH_BOUND_GROUPS);
	spin_unlock(&groups_lock);
}

static void reap(struct work_struct *work);
static DECLARE_DEFERRABLE_WORK(reap_work, reap);

static struct vh_group *of_node(struct vh_index_node *n)
{
	return n ? container_of(n, struct vh_group, node) : NULL;
}

static struct vh_group *of_child(struct vh_index_node *n)
{
	return n ? container_of(n, struct vh_group, sibling) : NULL;
}

/* Not css_is_dying(): since 6.12 that is about controllers, and a cgroup's own css never is. */
static bool dying(const struct cgroup *cgrp)
{
	return percpu_ref_is_dying((struct percpu_ref *)&cgrp->self.refcnt);
}

/**
 * vh_group_removed - was the cgroup removed?
 * @g: the group, with a reference of the caller's
 */
bool vh_group_removed(const struct vh_group *g)
{
	const struct cgroup *cgrp = READ_ONCE(g->cgrp);

	return g != root && cgrp && dying(cgrp);
}

/* groups_lock held. */
static void insert(struct vh_group *g, u64 id, struct vh_group *parent)
{
	g->id = id;
	g->parent = parent;
	vh_ledger_init(&g->ledger, parent ? &parent->ledger : NULL);
	vh_index_add(&groups, &g->node, id);
	nr_groups++;
	nr_made++;
	if (parent) {
		parent->nr_children++;
		schedule_delayed_work(&reap_work, REAP_INTERVAL);
	}
}

static void destroy(struct vh_group *g)
{
	vh_index_del(&groups, &g->node);
	nr_groups--;
	g->parent->nr_children--;
	kfree(g);
}

static bool unused(const struct vh_group *g)
{
	return g != root && !g->refs && !g->nr_children;
}

/* groups_lock held. @cgrp: its cgroup when that is at hand, with a reference of the caller's. */
static void get(struct vh_group *g, struct cgroup *cgrp)
{
	g->refs++;
	if (g->cgrp)
		return;
	if (cgrp)
		cgroup_get(cgrp);
	else
		cgrp = cgroup_get_from_id(g->id);	/* in the caller's cgroup namespace */
	if (!IS_ERR(cgrp))
		WRITE_ONCE(g->cgrp, cgrp);
}

/* groups_lock held. Of a removed cgroup it goes at once, and with it the ancestors that it kept. */
static void put(struct vh_group *g)
{
	struct cgroup *cgrp = g->cgrp, *at;
	struct vh_group *parent;

	if (--g->refs)
		return;
	WRITE_ONCE(g->cgrp, NULL);
	for (at = cgrp; at && unused(g) && dying(at); at = cgroup_parent(at), g = parent) {
		parent = g->parent;
		destroy(g);
	}
	if (cgrp)
		cgroup_put(cgrp);
}

static bool exists(u64 id)
{
	struct cgroup *cgrp = cgroup_get_from_id(id);

	if (IS_ERR(cgrp))
		return false;
	cgroup_put(cgrp);
	return true;
}

static void reap(struct work_struct *work)
{
	struct vh_group *g, *parent;
	u64 id = 0;
	int n;

	lock_groups();
	nr_made = 0;
	unlock_groups();
	do {
		lock_groups();
		for (n = 0; n < REAP_BATCH && (g = of_node(vh_index_next(&groups, id))); n++) {
			id = g->id + 1;
			for (; unused(g) && !exists(g->id); g = parent) {
				parent = g->parent;
				destroy(g);
			}
		}
		unlock_groups();
		cond_resched();
	} while (n == REAP_BATCH);
	lock_groups();
	if (root->nr_children)
		schedule_delayed_work(&reap_work, REAP_INTERVAL);
	unlock_groups();
}

/**
 * vh_group_of - the group of a cgroup, made when it is the first time
 * @cgrp: of the default hierarchy, with a reference of the caller's
 *
 * Process context. Returns it with a reference, or ERR_PTR(-ENOMEM), ERR_PTR(-ELOOP): the cgroup
 * is more than 32 levels deep.
 */
struct vh_group *vh_group_of(struct cgroup *cgrp)
{
	struct vh_group *g, *child, *fresh = NULL;
	bool soon;
	int level;

	if (cgrp->level > MAX_LEVEL)
		return ERR_PTR(-ELOOP);
	for (;;) {
		lock_groups();
		/* From the root down, so that a child always finds its parent. */
		g = root;
		for (level = 1; level <= cgrp->level; level++) {
			u64 id = cgroup_id(cgroup_ancestor(cgrp, level));

			child = of_node(vh_index_find(&groups, id));
			if (!child) {
				if (!fresh)
					break;
				child = fresh;
				fresh = NULL;
				insert(child, id, g);
			}
			g = child;
		}
		if (level > cgrp->level)
			break;
		unlock_groups();
		fresh = vh_zalloc_brief(sizeof(*fresh));
		if (!fresh)
			return ERR_PTR(-ENOMEM);
	}
	get(g, cgrp);
	soon = nr_made > REAP_SOON + nr_groups / 4;
	unlock_groups();
	kfree(fresh);
	/* Whose cgroups come and go quickly does not pile up groups: the timer may be late, too. */
	if (soon)
		mod_delayed_work(system_wq, &reap_work, 0);
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
 * Process context. Returns it with a reference, or NULL. Its cgroup is not
 * known (cgrp is NULL) when nobody uses it and the caller's cgroup namespace
 * does not show it.
 */
struct vh_group *vh_group_find(u64 id)
{
	struct vh_group *g;

	lock_groups();
	g = of_node(vh_index_find(&groups, id));
	if (g)
		get(g, NULL);
	unlock_groups();
	return g;
}

/**
 * vh_group_next - the existing group with the lowest id from @id on
 * @id: where to begin
 *
 * As vh_group_find().
 */
struct vh_group *vh_group_next(u64 id)
{
	struct vh_group *g;

	lock_groups();
	g = of_node(vh_index_next(&groups, id));
	if (g)
		get(g, NULL);
	unlock_groups();
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
	lock_groups();
	put(g);
	unlock_groups();
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

static int depth(const struct vh_group *g)
{
	int n = 0;

	while ((g = g->parent))
		n++;
	return n;
}

/**
 * vh_group_order - which group does vh_group_walk() visit first?
 * @a: a group
 * @b: another, or the same
 *
 * As for comparing: less than 0 when that is @a.
 */
int vh_group_order(const struct vh_group *a, const struct vh_group *b)
{
	int da = depth(a), db = depth(b), below = da - db;

	for (; da > db; da--)
		a = a->parent;
	for (; db > da; db--)
		b = b->parent;
	/* A group comes before those below it. */
	if (a == b)
		return below;
	while (a->parent != b->parent) {
		a = a->parent;
		b = b->parent;
	}
	return a->id < b->id ? -1 : 1;
}

/* The registry's lock held. The first child from @id on that has VMs in it or below. */
static struct vh_group *busy_child(const struct vh_group *g, u64 id)
{
	return of_child(vh_index_next(&g->busy, id));
}

/**
 * vh_group_walk - from group to group over those of a subtree that have VMs of VMMs
 * @top: the subtree, with a reference of the caller's
 * @at: where the walk is, with a reference, which passes on
 *
 * The registry's lock held. A group comes before those below it. Returns the
 * next one with a reference, or NULL at the end.
 */
struct vh_group *vh_group_walk(const struct vh_group *top, struct vh_group *at)
{
	struct vh_group *g = at, *next;

	next = busy_child(g, 0);
	while (!next && g != top) {
		next = busy_child(g->parent, g->id + 1);
		g = g->parent;
	}
	lock_groups();
	if (next)
		next->refs++;	/* has VMs: its cgroup is held, or that of one below */
	put(at);
	unlock_groups();
	return next;
}

/**
 * vh_group_hold - one more reference
 * @g: the group, with a reference of the caller's
 */
void vh_group_hold(struct vh_group *g)
{
	lock_groups();
	g->refs++;
	unlock_groups();
}

/**
 * vh_group_live - a VM of a group has a VMM, or has none any more
 * @g: the group
 * @n: its node, of the VM's id
 * @id: of the VM
 * @live: has one
 *
 * The registry's lock held for writing.
 */
void vh_group_live(struct vh_group *g, struct vh_index_node *n, u64 id, bool live)
{
	if (live)
		vh_index_add(&g->live, n, id);
	else
		vh_index_del(&g->live, n);
	for (; g; g = g->parent) {
		if (live && !g->nr_live++ && g->parent)
			vh_index_add(&g->parent->busy, &g->sibling, g->id);
		else if (!live && !--g->nr_live && g->parent)
			vh_index_del(&g->parent->busy, &g->sibling);
	}
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
	lock_groups();
	for (; g; g = g->parent)
		vh_counts_add(&g->past, c);
	unlock_groups();
}

/**
 * vh_group_count_vm - a VM was created in a group
 * @g: the group
 */
void vh_group_count_vm(struct vh_group *g)
{
	lock_groups();
	for (; g; g = g->parent)
		g->created++;
	unlock_groups();
}

/**
 * vh_group_past - what a group's VMs that are gone had counted
 * @g: the group
 * @c: added to
 * @created: VMs ever created
 */
void vh_group_past(struct vh_group *g, struct vh_counts *c, u64 *created)
{
	lock_groups();
	vh_counts_add(c, &g->past);
	*created = g->created;
	unlock_groups();
}

/**
 * vh_groups_init - the root group
 *
 * Module load. -ENOMEM.
 */
int vh_groups_init(void)
{
	root = kzalloc(sizeof(*root), GFP_KERNEL_ACCOUNT);
	if (!root)
		return -ENOMEM;
	lock_groups();
	insert(root, cgroup_id(&cgrp_dfl_root.cgrp), NULL);
	get(root, &cgrp_dfl_root.cgrp);
	unlock_groups();
	return 0;
}

/**
 * vh_groups_exit - free all groups; no VM is left
 */
void vh_groups_exit(void)
{
	struct vh_group *g;

	cancel_delayed_work_sync(&reap_work);
	while ((g = of_node(vh_index_next(&groups, 0)))) {
		vh_index_del(&groups, &g->node);
		if (g->cgrp)
			cgroup_put(g->cgrp);
		kfree(g);
	}
}
