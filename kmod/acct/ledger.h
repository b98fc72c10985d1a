/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ledger.h - charges with limits in a hierarchy.
 *
 * A charge is made at a node and at each of its ancestors, or nowhere. At no
 * moment does a charge take any node over its limit. A charge that an ancestor
 * refuses may for a moment be seen at the nodes below it, and may make another
 * charge fail there; none is lost and none is left over.
 *
 * Memory and page tables are kept in pages. No sum overflows: there are never
 * more than VH_MAX_VMS charges of at most VH_MAX_CHARGE each, 2^62 together.
 * So a node without a limit never refuses.
 */
#ifndef VH_LEDGER_H
#define VH_LEDGER_H

#include <linux/atomic.h>
#include <linux/build_bug.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/types.h>
#include <asm/page.h>

#include "../../uapi/linux/vh.h"

#define VH_NR_RESOURCES	(VH_RES_TABLES + 1)

#define VH_MAX_VMS	(1UL << 26)	/* at once */
#define VH_MAX_CHARGE	(VH_VM_MEMORY_MAX >> PAGE_SHIFT)	/* of a resource, for one VM */
static_assert(VH_MAX_CHARGE <= S64_MAX / VH_MAX_VMS);

/* Bytes or a count, as everybody else has it, in a ledger's units ... */
static inline u64 vh_to_units(enum vh_resource res, u64 n)
{
	if (n == VH_LIMIT_NONE)
		return n;
	return res == VH_RES_MEMORY || res == VH_RES_TABLES ? n >> PAGE_SHIFT : n;
}

/* ... and back; what has no place in 64 bits is the most that has. */
static inline u64 vh_from_units(enum vh_resource res, u64 n)
{
	if (n == VH_LIMIT_NONE)
		return n;
	return res == VH_RES_MEMORY || res == VH_RES_TABLES ?
	       min_t(u64, n, U64_MAX >> PAGE_SHIFT) << PAGE_SHIFT : n;
}

/**
 * struct vh_account - one resource at one node
 */
struct vh_account {
	atomic64_t usage;
	u64 limit;		/* in units; VH_LIMIT_NONE: none; READ_ONCE/WRITE_ONCE */
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
