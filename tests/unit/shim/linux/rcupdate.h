/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_RCUPDATE_H
#define SHIM_LINUX_RCUPDATE_H

#include <linux/atomic.h>

struct rcu_head { void *next; };

#define rcu_read_lock() do { } while (0)
#define rcu_read_unlock() do { } while (0)
#define rcu_dereference_raw(p) (p)
#define rcu_dereference_check(p, c) (p)
#define rcu_dereference_protected(p, c) (p)
#define rcu_replace_pointer(p, new, c) ({ typeof(p) old_ = (p); (p) = (new); old_; })
#define kvfree_rcu(p, member) kvfree(p)

#endif
