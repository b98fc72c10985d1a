/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * acct.h - what VMs cost and to whom: groups and counters.
 *
 * A group stands for a cgroup (v2) that VMs were created in, or an ancestor of
 * one. Charges (ledger.h) are made at a VM's group and all ancestors; counters
 * belong to vCPUs, are added up when somebody asks, and pass to the groups
 * when the VM ends. Users have limits beside (user.c).
 */
#ifndef VH_ACCT_H
#define VH_ACCT_H

#include <linux/cgroup.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uidgid.h>

#include "index.h"
#include "ledger.h"

struct vh_vm;
struct vh_vcpu;

/*
 * Zeroed memory of what is made in a netlink request, when strangers wait for its end: charged to the current task's
 * memory cgroup if there is room. At the cgroup's limit that would be searched for memory; then nobody is
 * charged, and the limits of users and the number of cgroups bound it. Process context; NULL: no memory.
 */
static inline void *vh_zalloc_brief(size_t size)
{
	void *p = kzalloc(size, GFP_NOWAIT | __GFP_NOWARN | __GFP_ACCOUNT);

	return p ? p : kzalloc(size, GFP_KERNEL);
}

/**
 * struct vh_counts - what was counted; see enum vh_attr_counter
 */
struct vh_counts {
	u64 guest_ns, wait_ns, poll_ns;
	u64 polls, poll_hits, injected, faults;
	u64 reclaimed;			/* pages of page tables */
	u64 exits[VH_NR_EXIT_REASONS];
};

/**
 * struct vh_group - a cgroup with VMs in it or below
 */
struct vh_group {
	struct vh_ledger ledger;
	struct vh_group *parent;	/* const; NULL: the root. Stays while it has children */
	struct cgroup *cgrp;		/* set, and held, while there are references; NULL: not known */
	u64 id;				/* const: cgroup_id() */
	struct vh_index_node node;	/* of all groups; groups_lock */
	unsigned long nr_children;	/* groups_lock */
	struct vh_index_node sibling;	/* of the parent's busy children; the registry's lock */
	struct vh_index busy;		/* children with nr_live, by id; the registry's lock */
	unsigned long refs;		/* records and users, not children; groups_lock */
	struct vh_index live;		/* VMs that have a VMM, by id; the registry's lock */
	unsigned long nr_live;		/* of these, descendants' included; the registry's lock */
	u64 hand_group, hand_vm;	/* where limit.c goes on; races do no harm */
	u64 created;			/* VMs ever charged, descendants' included; groups_lock */
	struct vh_counts past;		/* of VMs that ended, descendants' included; groups_lock */
};

int vh_groups_init(void);
void vh_groups_exit(void);

/* The group of @cgrp or of the current task's cgroup, with a reference; ERR_PTR(-ENOMEM). */
struct vh_group *vh_group_of(struct cgroup *cgrp);
struct vh_group *vh_group_of_current(void);
/* An existing group by its cgroup's id, with a reference, or NULL. */
struct vh_group *vh_group_find(u64 id);
/* The existing group with the lowest id from @id on, with a reference, or NULL. */
struct vh_group *vh_group_next(u64 id);
void vh_group_hold(struct vh_group *g);
void vh_group_put(struct vh_group *g);
bool vh_group_within(const struct vh_group *g, const struct vh_group *ancestor);
int vh_group_order(const struct vh_group *a, const struct vh_group *b);
bool vh_group_removed(const struct vh_group *g);
/* From @at, whose reference passes on, to the next group of @top's subtree that has VMs, or NULL. */
struct vh_group *vh_group_walk(const struct vh_group *top, struct vh_group *at);
/* A VM got a VMM, or lost it; registry lock held for writing. */
void vh_group_live(struct vh_group *g, struct vh_index_node *n, u64 id, bool live);
/* A VM of @g ended (counts) or began (created): fold into the group and its ancestors. */
void vh_group_fold(struct vh_group *g, const struct vh_counts *c);
void vh_group_count_vm(struct vh_group *g);
/* What is in @g of VMs that are gone, and how many there ever were. */
void vh_group_past(struct vh_group *g, struct vh_counts *c, u64 *created);

static inline struct vh_group *vh_group_from_ledger(struct vh_ledger *l)
{
	return container_of(l, struct vh_group, ledger);
}

/* --- user.c --- */
#define VH_NR_QUOTAS	(VH_QUOTA_SOCKETS + 1)

/**
 * struct vh_user - a user who has VMs or sockets, or limits of its own
 */
struct vh_user {
	struct vh_index_node node;	/* users_lock (user.c), as all that follows */
	unsigned long refs;
	kuid_t uid;			/* const */
	u64 usage[VH_NR_QUOTAS], limit[VH_NR_QUOTAS], refused[VH_NR_QUOTAS];
	unsigned int queued;		/* events on their way; the queue's lock (ctl/events.c) */
	u64 lost;			/* events that found no place since the last that did; likewise */
	struct mutex walk;		/* held for the one sum of many VMs at a time (ctl/walk.c) */
};

/**
 * struct vh_payer - who pays: a user, and NULL or who answers for the user namespace it lives in
 */
struct vh_payer {
	struct vh_user *user[2];
};

/* Figures, in bytes or counts; limits as they hold. */
struct vh_user_info {
	kuid_t uid;
	u64 usage[VH_NR_QUOTAS], limit[VH_NR_QUOTAS], refused[VH_NR_QUOTAS];
};

void vh_users_init(void);
void vh_users_exit(void);
const struct user_namespace *vh_outermost_user_ns(const struct user_namespace *ns);
int vh_payer_init(struct vh_payer *p);		/* the current task's user: -ENOMEM */
void vh_payer_exit(struct vh_payer *p);
/* 0, or -EDQUOT with *full; who has CAP_SYS_RESOURCE is not refused. */
int vh_payer_charge(struct vh_payer *p, enum vh_quota q, u64 n, struct vh_user **full);
void vh_payer_uncharge(struct vh_payer *p, enum vh_quota q, u64 n);
struct vh_user *vh_user_answering(void);	/* the one of those who pay that most share; or NULL */
void vh_user_hold(struct vh_user *u);
void vh_user_put(struct vh_user *u);
void vh_user_info(kuid_t uid, struct vh_user_info *info);	/* INVALID_UID: the defaults */
bool vh_user_next(u64 uid, struct vh_user_info *info);	/* lowest uid from @uid on; false: none */
int vh_user_limit(kuid_t uid, enum vh_quota q, u64 limit);	/* INVALID_UID: the default; -ENOMEM */

/* --- counters.c --- */
void vh_counts_add(struct vh_counts *to, const struct vh_counts *c);
void vh_counts_add_vcpu(struct vh_counts *to, const struct vh_vcpu *vcpu);
void vh_counts_add_own(struct vh_counts *to, struct vh_vm *vm);
void vh_counts_add_vm(struct vh_counts *to, struct vh_vm *vm);
u64 vh_counts_exits(const struct vh_counts *c);

/* --- reclaim.c --- */

/**
 * struct vh_reclaim_ops - how page tables are taken back; installed by mmu/
 */
struct vh_reclaim_ops {
	/* Process context; @force: also tables in use; as many as in one go. Pages freed. */
	unsigned long (*reclaim)(struct vh_vm *vm, unsigned long want, bool force, bool *more);
	unsigned long (*reclaimable)(struct vh_vm *vm);	/* how many at most */
};
void vh_reclaim_from(const struct vh_reclaim_ops *from);

int vh_reclaim_init(void);
void vh_reclaim_exit(void);
int vh_reclaim_vm_init(struct vh_vm *vm);
void vh_reclaim_vm_remove(struct vh_vm *vm);	/* registry lock held for writing */
void vh_reclaim_vm_add(struct vh_vm *vm);
void vh_reclaim_vm_settle(struct vh_vm *vm);	/* removed: waits for those who have it pinned */
void vh_reclaim_vm_free(struct vh_vm *vm);
/*
 * A VM that is not removed (registry lock held) is not torn down until it is unpinned. In between
 * nothing sleeps.
 */
void vh_reclaim_pin(struct vh_vm *vm);
void vh_reclaim_unpin(struct vh_vm *vm);
unsigned long vh_reclaim_vm(struct vh_vm *vm, unsigned long want, bool force, bool *more);

#endif /* VH_ACCT_H */
