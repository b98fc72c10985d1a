// SPDX-License-Identifier: GPL-2.0-only
/* kernfs.c - nodes of pseudo file systems, before and after 6.15. */
#include <linux/kernfs.h>
#include <linux/rcupdate.h>

#include "compat.h"

/**
 * vh_kernfs_parent_id - the id of a node's parent
 * @kn: the node, kept by an open file
 *
 * 0 for a root.
 */
u64 vh_kernfs_parent_id(const struct kernfs_node *kn)
{
#ifndef VH_HAVE_KERNFS_PARENT_RCU
	return kn->parent ? kn->parent->id : 0;
#else
	const struct kernfs_node *parent;
	u64 id;

	rcu_read_lock();
	parent = rcu_dereference(kn->__parent);
	id = parent ? parent->id : 0;
	rcu_read_unlock();
	return id;
#endif
}
