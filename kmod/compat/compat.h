/* SPDX-License-Identifier: GPL-2.0-only */
/* compat.h - differences between kernels; the only place for them. */
#ifndef VH_COMPAT_H
#define VH_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 1, 0)
#error "vh needs Linux 6.1 or newer"
#endif

#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/hrtimer.h>

/* hrtimer_setup() took the place of hrtimer_init() and the function member in 6.13. */
static inline void vh_hrtimer_init(struct hrtimer *t, enum hrtimer_restart (*fn)(struct hrtimer *),
				   clockid_t clock, enum hrtimer_mode mode)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
	hrtimer_init(t, clock, mode);
	t->function = fn;
#else
	hrtimer_setup(t, fn, clock, mode);
#endif
}

/* struct fd became opaque in 6.12. */
#ifndef fd_file
#define fd_file(f)	((f).file)
#endif

/* eventfd_signal() lost its count, which was always 1, in 6.8. */
static inline void vh_eventfd_signal(struct eventfd_ctx *ctx)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
	eventfd_signal(ctx, 1);
#else
	eventfd_signal(ctx);
#endif
}

/* A node's parent is behind RCU since 6.15: the id of the parent, 0 when there is none. */
struct kernfs_node;
u64 vh_kernfs_parent_id(const struct kernfs_node *kn);

/* Shrinkers are allocated, and list_lru_add() takes node and memory cgroup, since 6.7 and 6.8. */
struct shrinker;
struct shrink_control;
struct list_lru;
struct shrinker *vh_shrinker_register(const char *name,
				      unsigned long (*count)(struct shrinker *,
							     struct shrink_control *),
				      unsigned long (*scan)(struct shrinker *,
							    struct shrink_control *));
void vh_shrinker_unregister(struct shrinker *s);
bool vh_list_lru_add(struct list_lru *lru, struct list_head *item);
bool vh_list_lru_del(struct list_lru *lru, struct list_head *item);

#endif /* VH_COMPAT_H */
