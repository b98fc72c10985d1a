/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * clock.h - included before all else where kmod/irq/ is compiled for its suites: time stands still
 * until the test calls shim_advance(), which runs the timers that expire on the way, in order.
 */
#ifndef VH_KUNIT_CLOCK_H
#define VH_KUNIT_CLOCK_H

#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/timekeeping.h>
#include <asm/msr.h>
#include <asm/tsc.h>

extern u64 shim_now;
extern u64 env_tsc_offset;			/* TSC = shim_now + this: 1 GHz */

void shim_advance(u64 ns);
unsigned int shim_timers(void);			/* how many are queued */
bool shim_queued(const struct hrtimer *t);
void shim_start(struct hrtimer *t, ktime_t expires);
int shim_cancel(struct hrtimer *t);
u64 shim_forward(struct hrtimer *t, ktime_t step);

#define rdtsc_ordered()			(shim_now + env_tsc_offset)
#define ktime_get()			((ktime_t)shim_now)
#define ktime_get_ns()			shim_now
#define hrtimer_start(t, expires, mode)	shim_start(t, expires)
#define hrtimer_cancel(t)		shim_cancel(t)
#define hrtimer_try_to_cancel(t)	shim_cancel(t)
#define hrtimer_is_queued(t)		shim_queued(t)
#define hrtimer_forward_now(t, step)	shim_forward(t, step)

#endif
