/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * index.h - objects by number, in order, without any memory of the index's own.
 *
 * What is looked up, added and removed under a lock that strangers share must
 * not allocate there: an allocation may wait for a memory cgroup at its limit.
 * The caller's lock protects an index.
 */
#ifndef VH_INDEX_H
#define VH_INDEX_H

#include <linux/rbtree.h>
#include <linux/types.h>

struct vh_index {
	struct rb_root root;		/* all zero: empty */
};

/* In the object. */
struct vh_index_node {
	struct rb_node rb;
	u64 key;			/* const while it is in the index */
};

/* False: there is one of this key. */
bool vh_index_add(struct vh_index *x, struct vh_index_node *n, u64 key);
void vh_index_del(struct vh_index *x, struct vh_index_node *n);
struct vh_index_node *vh_index_find(const struct vh_index *x, u64 key);	/* or NULL */
struct vh_index_node *vh_index_next(const struct vh_index *x, u64 key);	/* lowest from @key on, or NULL */

static inline bool vh_index_empty(const struct vh_index *x)
{
	return RB_EMPTY_ROOT(&x->root);
}

#endif /* VH_INDEX_H */
