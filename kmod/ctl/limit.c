// SPDX-License-Identifier: GPL-2.0-only
/*
 * limit.c - a group is at its limit of page-table memory: its VMs give some back.
 */
#include <linux/sched.h>

#include "registry.h"

static u32 next_victim;			/* where the next round begins; races do no harm */

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
		got += vh_reclaim_vm(r->vm, want - got, force);
		WRITE_ONCE(next_victim, id);
		if (got >= want)
			return got;
		cond_resched();
	}
}

/**
 * vh_limit_reclaim - take page tables back from the VMs of a group at its limit
 * @full: the group
 * @first: a VM in it that needs them; it pays first
 * @want: how many pages
 *
 * Process context, no lock held but a VM's mutexes. Cold ones go first, of all
 * VMs, and only then some in use. Returns the number of pages freed.
 */
unsigned long vh_limit_reclaim(struct vh_group *full, struct vh_vm *first, unsigned long want)
{
	unsigned long got;

	down_read(&vh_registry_lock);
	got = vh_reclaim_vm(first, want, false);
	if (got < want)
		got += one_round(full, want - got, false);
	if (!got)
		got = vh_reclaim_vm(first, want, true);
	if (!got)
		got = one_round(full, want, true);
	up_read(&vh_registry_lock);
	return got;
}
