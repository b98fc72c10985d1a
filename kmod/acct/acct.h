/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * acct.h - what VMs cost and to whom: groups and counters.
 *
 * A group stands for a cgroup (v2) that VMs were created in, or an ancestor of
 * one. Charges (ledger.h) are made at a VM's group and all ancestors; counters
 * belong to vCPUs, are added up when somebody asks, and pass to the groups
 * when the VM ends.
 */
#ifndef VH_ACCT_H
#define VH_ACCT_H

#include <linux/cgroup.h>

#include "ledger.h"

struct vh_vm;
struct vh_vcpu;

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
	struct vh_group *parent;	/* const; NULL: the root. Holds a reference */
	struct cgroup *cgrp;		/* const; holds a reference */
	u64 id;				/* const: cgroup_id(cgrp) */
	unsigned long refs;		/* records, child groups, users; groups_mutex */
	u64 created;			/* VMs ever charged, descendants' included; groups_mutex */
	struct vh_counts past;		/* of VMs that ended, descendants' included; groups_mutex */
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
void vh_group_put(struct vh_group *g);
bool vh_group_within(const struct vh_group *g, const struct vh_group *ancestor);
bool vh_group_removed(const struct vh_group *g);
/* A VM of @g ended (counts) or began (created): fold into the group and its ancestors. */
void vh_group_fold(struct vh_group *g, const struct vh_counts *c);
void vh_group_count_vm(struct vh_group *g);
/* What is in @g of VMs that are gone, and how many there ever were. */
void vh_group_past(struct vh_group *g, struct vh_counts *c, u64 *created);

static inline struct vh_group *vh_group_from_ledger(struct vh_ledger *l)
{
	return container_of(l, struct vh_group, ledger);
}

/* --- counters.c --- */
void vh_counts_add(struct vh_counts *to, const struct vh_counts *c);
void vh_counts_add_vcpu(struct vh_counts *to, const struct vh_vcpu *vcpu);
void vh_counts_add_vm(struct vh_counts *to, struct vh_vm *vm);
u64 vh_counts_exits(const struct vh_counts *c);

/* --- reclaim.c --- */

/**
 * struct vh_reclaim_ops - how page tables are taken back; installed by mmu/
 */
struct vh_reclaim_ops {
	/* Process context; @force: also tables in use. Pages freed. */
	unsigned long (*reclaim)(struct vh_vm *vm, unsigned long want, bool force);
	unsigned long (*reclaimable)(struct vh_vm *vm);	/* how many at most */
};
void vh_reclaim_from(const struct vh_reclaim_ops *from);

struct rw_semaphore;
int vh_reclaim_init(struct rw_semaphore *lock);
void vh_reclaim_exit(void);
int vh_reclaim_vm_init(struct vh_vm *vm);
void vh_reclaim_vm_remove(struct vh_vm *vm);	/* registry lock held for writing */
void vh_reclaim_vm_add(struct vh_vm *vm);
void vh_reclaim_vm_free(struct vh_vm *vm);
unsigned long vh_reclaim_vm(struct vh_vm *vm, unsigned long want, bool force);

#endif /* VH_ACCT_H */
