/* SPDX-License-Identifier: GPL-2.0-only */
/* compat.h - differences between kernels; this folder is the only place for them. */
#ifndef VH_COMPAT_H
#define VH_COMPAT_H

#include "range.h"
#include "compat/probed.h"

#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/hrtimer.h>
#include <asm/pgtable_types.h>

/* hrtimer_setup() took the place of hrtimer_init() and the function member in 6.13. */
static inline void vh_hrtimer_init(struct hrtimer *t, enum hrtimer_restart (*fn)(struct hrtimer *),
				   clockid_t clock, enum hrtimer_mode mode)
{
#ifdef VH_HAVE_HRTIMER_SETUP
	hrtimer_setup(t, fn, clock, mode);
#else
	hrtimer_init(t, clock, mode);
	t->function = fn;
#endif
}

/* struct fd became opaque in 6.12. */
#ifndef fd_file
#define fd_file(f)	((f).file)
#endif

/* eventfd_signal() lost its count, which was always 1, in 6.8. */
static inline void vh_eventfd_signal(struct eventfd_ctx *ctx)
{
#ifdef VH_HAVE_EVENTFD_SIGNAL_PLAIN
	eventfd_signal(ctx);
#else
	eventfd_signal(ctx, 1);
#endif
}

/* Work queues per CPU ask for that in newer kernels, where all others are unbound. */
#ifdef VH_HAVE_WQ_PERCPU
#define VH_WQ_PERCPU	WQ_PERCPU
#else
#define VH_WQ_PERCPU	0
#endif

/* What the ageing callbacks of MMU notifiers return. */
#ifdef VH_HAVE_NOTIFIER_BOOL
typedef bool vh_young_t;
#else
typedef int vh_young_t;
#endif

/* Attributes of a netlink dump request. */
#ifdef VH_HAVE_GENL_DUMP_INFO
#define vh_dump_attrs(cb)	(genl_dumpit_info(cb)->info.attrs)
#else
#define vh_dump_attrs(cb)	(genl_dumpit_info(cb)->attrs)
#endif

/* The callback of list_lru_shrink_walk() was handed the list's lock up to 6.12. */
#ifdef VH_HAVE_LRU_WALK_UNLOCKED
#define VH_LRU_WALK_FN(fn, item, list, arg) \
	enum lru_status fn(struct list_head *item, struct list_lru_one *list, void *arg)
#else
#define VH_LRU_WALK_FN(fn, item, list, arg) \
	enum lru_status fn(struct list_head *item, struct list_lru_one *list, \
			   spinlock_t *lru_lock, void *arg)
#endif

/* pfnmap.c */
struct vm_area_struct;
struct vh_pfnmap {
	unsigned long pfn;
	pgprot_t prot;
	bool writable;
};
int vh_pfnmap_get(struct vm_area_struct *vma, unsigned long addr, struct vh_pfnmap *m);

void vh_kick_cpu(int cpu);
int vh_notify_vector(void);
void vh_notify_cpu(int cpu);
int vh_host_in_service(void);
void vh_syscore_register(int (*suspend_fn)(void), void (*resume_fn)(void));
void vh_syscore_unregister(void);

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
