/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ledger.h - charges with limits in a hierarchy.
 *
 * A charge is made at a node and at each of its ancestors, or nowhere. At no
 * moment does a charge take any node over its limit. A charge that an ancestor
 * refuses may for a moment be seen at the nodes below it, and may make another
 * charge fail there; none is lost and none is left over.
 */
#ifndef VH_LEDGER_H
#define VH_LEDGER_H

#include <linux/atomic.h>
#include <linux/types.h>

#include "../../uapi/linux/vh.h"

#define VH_NR_RESOURCES	(VH_RES_TABLES + 1)

/**
 * struct vh_account - one resource at one node
 */
struct vh_account {
	atomic64_t usage;
	u64 limit;		/* VH_LIMIT_NONE: none; READ_ONCE/WRITE_ONCE */
	atomic64_t peak;	/* highest usage after a charge that succeeded */
	atomic64_t refused;	/* charges that this limit refused */
};

/**
 * struct vh_ledger - a node
 */
struct vh_ledger {
	struct vh_ledger *parent;		/* const; NULL: the root */
	struct vh_account res[VH_NR_RESOURCES];
};

void vh_ledger_init(struct vh_ledger *l, struct vh_ledger *parent);
/* 0, or -EDQUOT with *full, the nearest node whose limit refused. Any context. */
int vh_ledger_charge(struct vh_ledger *l, enum vh_resource res, u64 n, struct vh_ledger **full);
void vh_ledger_uncharge(struct vh_ledger *l, enum vh_resource res, u64 n);

#endif /* VH_LEDGER_H */
