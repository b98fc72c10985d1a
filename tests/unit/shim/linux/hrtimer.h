/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_HRTIMER_H
#define SHIM_LINUX_HRTIMER_H

/*
 * Timers on a clock that stands still until the test calls shim_advance(),
 * which runs what expires on the way, in order.
 */
#include <linux/bug.h>
#include <linux/math64.h>
#include <linux/types.h>

typedef s64 ktime_t;
typedef int clockid_shim_t;

#define NSEC_PER_SEC 1000000000L
#define KTIME_MAX ((s64)~(1ULL << 63))
#define U64_MAX (~0ULL)
#ifndef CLOCK_MONOTONIC
#define CLOCK_MONOTONIC 1
#endif

enum hrtimer_restart { HRTIMER_NORESTART, HRTIMER_RESTART };
enum hrtimer_mode { HRTIMER_MODE_ABS_HARD };

struct hrtimer {
	enum hrtimer_restart (*function)(struct hrtimer *);
	ktime_t expires;
	bool queued;
	struct hrtimer *next;
};

extern u64 shim_now;
extern struct hrtimer *shim_timers;	/* all that are queued */

void shim_advance(u64 ns);

static inline void hrtimer_init(struct hrtimer *t, clockid_t clock, enum hrtimer_mode mode)
{
	t->queued = false;
}

static inline int hrtimer_cancel(struct hrtimer *t)
{
	struct hrtimer **p;

	if (!t->queued)
		return 0;
	for (p = &shim_timers; *p != t; p = &(*p)->next)
		WARN_ON(!*p);
	*p = t->next;
	t->queued = false;
	return 1;
}

#define hrtimer_try_to_cancel(t) hrtimer_cancel(t)

static inline void hrtimer_start(struct hrtimer *t, ktime_t expires, enum hrtimer_mode mode)
{
	hrtimer_cancel(t);
	t->expires = expires;
	t->next = shim_timers;
	t->queued = true;
	shim_timers = t;
}

static inline u64 hrtimer_forward_now(struct hrtimer *t, ktime_t step)
{
	u64 n = 0;

	WARN_ON(t->queued || step <= 0);
	for (; t->expires <= (s64)shim_now; n++)
		t->expires += step;
	return n;
}

#define hrtimer_is_queued(t) ((t)->queued)
#define hrtimer_get_expires(t) ((t)->expires)
#define ktime_get() ((ktime_t)shim_now)
#define ktime_get_ns() shim_now
#define ktime_add_ns(k, ns) ((ktime_t)((k) + (ns)))
#define ktime_sub(a, b) ((a) - (b))
#define ktime_to_ns(k) ((s64)(k))
#define ns_to_ktime(n) ((ktime_t)(n))

#endif
