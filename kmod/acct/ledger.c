// SPDX-License-Identifier: GPL-2.0-only
/*
 * ledger.c - the charging algebra. Needs nothing but atomics.
 */
#include <linux/errno.h>
#include <linux/kernel.h>

#include "ledger.h"

/**
 * vh_ledger_init - a node without charges and limits
 * @l: the node
 * @parent: its parent, or NULL
 */
void vh_ledger_init(struct vh_ledger *l, struct vh_ledger *parent)
{
	int i;

	l->parent = parent;
	for (i = 0; i < VH_NR_RESOURCES; i++) {
		atomic64_set(&l->res[i].usage, 0);
		atomic64_set(&l->res[i].peak, 0);
		atomic64_set(&l->res[i].refused, 0);
		l->res[i].limit = VH_LIMIT_NONE;
	}
}

/* Compare and exchange, so that no reader ever finds more than the limit. */
static bool account_charge(struct vh_account *a, u64 n, u64 most)
{
	s64 old = atomic64_read(&a->usage);
	u64 limit;

	do {
		limit = min(READ_ONCE(a->limit), most);
		if (limit != VH_LIMIT_NONE && ((u64)old > limit || n > limit - (u64)old))
			return false;
	} while (!atomic64_try_cmpxchg(&a->usage, &old, old + n));
	return true;
}

static void account_peak(struct vh_account *a)
{
	s64 usage = atomic64_read(&a->usage), peak = atomic64_read(&a->peak);

	while (usage > peak && !atomic64_try_cmpxchg(&a->peak, &peak, usage))
		;
}

/**
 * vh_ledger_charge - charge a node and all its ancestors, or none
 * @l: the node
 * @res: the resource
 * @n: how much, in units; more than VH_MAX_CHARGE is refused
 * @full: with -EDQUOT: the node nearest to @l whose limit refused
 *
 * Any context, no lock. Returns 0 or -EDQUOT.
 */
int vh_ledger_charge(struct vh_ledger *l, enum vh_resource res, u64 n, struct vh_ledger **full)
{
	u64 most = res == VH_RES_VMS ? VH_MAX_VMS : VH_LIMIT_NONE;
	struct vh_ledger *at, *undo;

	*full = l;
	if (n > VH_MAX_CHARGE)
		return -EDQUOT;
	for (at = l; at; at = at->parent) {
		if (likely(account_charge(&at->res[res], n, most)))
			continue;
		atomic64_inc(&at->res[res].refused);
		for (undo = l; undo != at; undo = undo->parent)
			atomic64_sub(n, &undo->res[res].usage);
		*full = at;
		return -EDQUOT;
	}
	for (at = l; at; at = at->parent)
		account_peak(&at->res[res]);
	return 0;
}

/**
 * vh_ledger_uncharge - give back what was charged
 * @l: the node
 * @res: the resource
 * @n: how much, in units
 *
 * Any context, no lock. A node that would fall below zero shows a defect of
 * the caller: it says so once and stays at zero.
 */
void vh_ledger_uncharge(struct vh_ledger *l, enum vh_resource res, u64 n)
{
	for (; l; l = l->parent)
		if (WARN_ON_ONCE(atomic64_sub_return(n, &l->res[res].usage) < 0))
			atomic64_set(&l->res[res].usage, 0);
}
