// SPDX-License-Identifier: GPL-2.0-only
/*
 * probes.c - what this kernel has, found out by compiling it.
 *
 * Distributions take interfaces back into older kernels, so that a version says
 * little. probe.sh compiles each section below by itself; VH_HAVE_NAME is
 * defined in probed.h when that goes without an error. A probe asks for the
 * newer of two forms: where neither is there, the code that uses the older
 * one does not compile, and says what is missing.
 */
#include "range.h"

#ifdef PROBE_BASE	/* has to compile: or else every answer would be no */
#include <linux/module.h>
#include <linux/mm.h>
#endif

#ifdef PROBE_HRTIMER_SETUP
#include <linux/hrtimer.h>
void probe(struct hrtimer *t, enum hrtimer_restart (*fn)(struct hrtimer *));
void probe(struct hrtimer *t, enum hrtimer_restart (*fn)(struct hrtimer *))
{
	hrtimer_setup(t, fn, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
}
#endif

#ifdef PROBE_THROTTLE_DISK
#include <linux/sched.h>
void *probe(void);
void *probe(void)
{
	return current->throttle_disk;
}
#endif

#ifdef PROBE_EVENTFD_SIGNAL_PLAIN
#include <linux/eventfd.h>
void probe(struct eventfd_ctx *ctx);
void probe(struct eventfd_ctx *ctx)
{
	eventfd_signal(ctx);
}
#endif

#ifdef PROBE_KERNFS_PARENT_RCU
#include <linux/kernfs.h>
const void *probe(const struct kernfs_node *kn);
const void *probe(const struct kernfs_node *kn)
{
	return rcu_dereference(kn->__parent);
}
#endif

#ifdef PROBE_SHRINKER_ALLOC
#include <linux/shrinker.h>
struct shrinker *probe(void);
struct shrinker *probe(void)
{
	return shrinker_alloc(SHRINKER_NUMA_AWARE, "%s", "vh");
}
#endif

#ifdef PROBE_LIST_LRU_OBJ
#include <linux/list_lru.h>
bool probe(struct list_lru *lru, struct list_head *item);
bool probe(struct list_lru *lru, struct list_head *item)
{
	return list_lru_add_obj(lru, item) && list_lru_del_obj(lru, item);
}
#endif

#ifdef PROBE_LRU_WALK_UNLOCKED
#include <linux/list_lru.h>
static enum lru_status fn(struct list_head *item, struct list_lru_one *list, void *arg)
{
	return LRU_SKIP;
}
list_lru_walk_cb probe(void);
list_lru_walk_cb probe(void)
{
	return fn;
}
#endif

#ifdef PROBE_IMMEDIATE_EXIT_UNSAFE
#include <linux/kvm.h>
int probe(struct kvm_run *run);
int probe(struct kvm_run *run)
{
	return READ_ONCE(run->immediate_exit__unsafe);
}
#endif

#ifdef PROBE_FOLLOW_PFNMAP
#include <linux/mm.h>
int probe(struct follow_pfnmap_args *args);
int probe(struct follow_pfnmap_args *args)
{
	int err = follow_pfnmap_start(args);

	follow_pfnmap_end(args);
	return err;
}
#endif

#ifdef PROBE_SYSCORE_DATA
#include <linux/syscore_ops.h>
void probe(struct syscore *s);
void probe(struct syscore *s)
{
	register_syscore(s);
}
#endif

#ifdef PROBE_RDMSRQ
#include <asm/msr.h>
int probe(u64 v);
int probe(u64 v)
{
	rdmsrq(0, v);
	wrmsrq(0, v);
	return rdmsrq_safe(0, &v);
}
#endif

#ifdef PROBE_CPUID_API
#include <asm/cpuid/api.h>
#endif

#ifdef PROBE_NOTIFIER_BOOL
#include <linux/mmu_notifier.h>
static bool fn(struct mmu_notifier *mn, struct mm_struct *mm, unsigned long a)
{
	return false;
}
struct mmu_notifier_ops probe = { .test_young = fn };
#endif

#ifdef PROBE_GENL_DUMP_INFO
#include <net/genetlink.h>
struct nlattr **probe(struct netlink_callback *cb);
struct nlattr **probe(struct netlink_callback *cb)
{
	return genl_dumpit_info(cb)->info.attrs;
}
#endif

#ifdef PROBE_WQ_PERCPU
#include <linux/workqueue.h>
int probe = WQ_PERCPU;
#endif

#ifdef PROBE_KMSG_DUMP_DETAIL
#include <linux/kmsg_dump.h>
enum kmsg_dump_reason probe(const struct kmsg_dump_detail *d);
enum kmsg_dump_reason probe(const struct kmsg_dump_detail *d)
{
	return d->reason;
}
#endif
