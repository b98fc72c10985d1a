// SPDX-License-Identifier: GPL-2.0-only
/*
 * timer.c - the LAPIC's timer: one-shot, periodic, TSC deadline (SDM 11.5.4).
 *
 * The bus clock that it divides is 1 GHz. Expiry posts the LVT's vector.
 *
 * Expiries are the host's hard interrupts, and nobody's time. So a periodic timer goes on
 * by itself only as long as its vCPU takes what it posts, or is in the guest. Otherwise it
 * lapses: the vCPU's own thread starts it again before it enters (VH_REQ_TIMER), and the
 * current count is what it would be. Periods shorter than MIN_PERIOD_NS become multiples.
 */
#include "internal.h"
#include "../compat/compat.h"
#include "../tsc.h"

static u32 divisor(const struct vh_lapic *a)
{
	u32 t = apic_reg(a, APIC_TDCR_);

	t = (t & 3) | (t >> 1 & 4);
	return 1u << ((t + 1) & 7);
}

static u32 mode(const struct vh_lapic *a)
{
	return READ_ONCE(a->timer_mode);
}

/* Is this an interrupt more? Not when it is masked, or the last one waits still. */
static bool fire(struct vh_lapic *a)
{
	u32 lvt = apic_reg(a, APIC_LVTT_);

	return !(lvt & LVT_MASKED) && READ_ONCE(a->hw_enabled) && (lvt & 0xff) >= 16 &&
	       vh_lapic_post(a->vcpu, lvt, false);
}

static void lapse(struct vh_lapic *a)
{
	WRITE_ONCE(a->lapsed, true);
	vh_request(a->vcpu, VH_REQ_TIMER);
	/* It may have entered meanwhile, and looked before. */
	if (READ_ONCE(a->vcpu->mode) != VH_OUTSIDE)
		vh_vcpu_kick(a->vcpu);
}

/* Hard interrupt context. */
static enum hrtimer_restart expired(struct hrtimer *t)
{
	struct vh_lapic *a = container_of(t, struct vh_lapic, timer);
	bool more;

	vh_bound_begin(VH_BOUND_TIMER);
	more = fire(a);
	vh_bound_end(VH_BOUND_TIMER);
	if (mode(a) == LVT_TIMER_PERIODIC && a->period_ns) {
		if (!more && READ_ONCE(a->vcpu->mode) == VH_OUTSIDE) {
			lapse(a);
			return HRTIMER_NORESTART;
		}
		/* Periods that passed meanwhile are lost, not made up for in a burst. */
		hrtimer_forward_now(t, ns_to_ktime(a->period_ns));
		WRITE_ONCE(a->expires, hrtimer_get_expires(t));
		return HRTIMER_RESTART;
	}
	if (mode(a) == LVT_TIMER_DEADLINE)
		WRITE_ONCE(a->deadline, 0);
	WRITE_ONCE(a->armed, false);
	return HRTIMER_NORESTART;
}

/**
 * vh_apic_timer_init - of a new LAPIC
 * @a: the LAPIC
 */
void vh_apic_timer_init(struct vh_lapic *a)
{
	vh_hrtimer_init(&a->timer, expired, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
}

/**
 * vh_apic_timer_stop - disarm
 * @a: the LAPIC; own thread
 */
void vh_apic_timer_stop(struct vh_lapic *a)
{
	hrtimer_cancel(&a->timer);
	a->armed = false;
	a->lapsed = false;
	a->period_ns = 0;
}

static void arm(struct vh_lapic *a, u64 delta_ns)
{
	a->expires = ktime_add_ns(ktime_get(), delta_ns);
	a->armed = true;
	hrtimer_start(&a->timer, a->expires, HRTIMER_MODE_ABS_HARD);
}

/**
 * vh_apic_timer_start - count down; the initial count is in its register
 * @a: the LAPIC; own thread
 * @count: of the first period; 0 stops
 */
void vh_apic_timer_start(struct vh_lapic *a, u32 count)
{
	vh_apic_timer_stop(a);
	if (!count)
		return;
	a->divided_by = divisor(a);
	if (mode(a) == LVT_TIMER_PERIODIC) {
		/* KVM_SET_LAPIC may say 0: the count at hand is the last. */
		a->reload_ns = (u64)apic_reg(a, APIC_TMICT_) * divisor(a);
		a->period_ns = a->reload_ns;
		if (a->reload_ns && a->reload_ns < MIN_PERIOD_NS)
			a->period_ns *= DIV_ROUND_UP_ULL(MIN_PERIOD_NS, a->reload_ns);
	}
	arm(a, (u64)count * divisor(a));
}

/**
 * vh_lapic_timer_resume - go on with a timer that lapsed (VH_REQ_TIMER)
 * @vcpu: own thread
 *
 * Periods that have passed are lost but for the one that is posted.
 */
void vh_lapic_timer_resume(struct vh_vcpu *vcpu)
{
	struct vh_lapic *a = vcpu->lapic;
	u64 passed;

	if (!a || !READ_ONCE(a->lapsed))
		return;
	/* The callback that said so may not have ended. */
	hrtimer_cancel(&a->timer);
	a->lapsed = false;
	passed = max_t(s64, ktime_to_ns(ktime_sub(ktime_get(), a->expires)), 0);
	a->expires = ktime_add_ns(a->expires, (div64_u64(passed, a->period_ns) + 1) * a->period_ns);
	hrtimer_start(&a->timer, a->expires, HRTIMER_MODE_ABS_HARD);
}

/* A count that is under way goes on, by what the registers say now. */
static void go_on(struct vh_lapic *a, u32 count)
{
	if (READ_ONCE(a->armed))
		vh_apic_timer_start(a, max(count, 1u));
}

/**
 * vh_apic_timer_lvt - the timer's LVT was written
 * @a: the LAPIC; own thread
 *
 * A change of mode to or from TSC deadline disarms (SDM 11.5.4.1); between the other two the
 * count goes on. The mode before
 * is kept aside: with APIC-register virtualization the page holds only the new one.
 */
void vh_apic_timer_lvt(struct vh_lapic *a)
{
	u32 now = apic_reg(a, APIC_LVTT_) & LVT_TIMER_MODE, old = a->timer_mode, count;

	if (old == now)
		return;
	vh_lapic_timer_resume(a->vcpu);
	if (now == LVT_TIMER_DEADLINE || old == LVT_TIMER_DEADLINE) {
		WRITE_ONCE(a->timer_mode, now);
		vh_apic_timer_stop(a);
		a->deadline = 0;
		apic_set(a, APIC_TMICT_, 0);
		return;
	}
	count = vh_apic_timer_count(a);
	WRITE_ONCE(a->timer_mode, now);
	go_on(a, count);
}

/**
 * vh_apic_timer_divide - the divide configuration register was written
 * @a: the LAPIC; own thread
 *
 * A count that is under way goes on from where it is, at the new rate.
 */
void vh_apic_timer_divide(struct vh_lapic *a)
{
	if (mode(a) == LVT_TIMER_DEADLINE || !READ_ONCE(a->armed) || a->divided_by == divisor(a))
		return;
	vh_lapic_timer_resume(a->vcpu);
	go_on(a, vh_apic_timer_count(a));
}

/**
 * vh_apic_timer_count - the current count
 * @a: the LAPIC; own thread
 */
u32 vh_apic_timer_count(struct vh_lapic *a)
{
	s64 left;
	u64 part;

	if (!READ_ONCE(a->armed) || mode(a) == LVT_TIMER_DEADLINE)
		return 0;
	left = ktime_to_ns(ktime_sub(READ_ONCE(a->expires), ktime_get()));
	if (mode(a) == LVT_TIMER_PERIODIC && a->period_ns) {
		/* Of the reload at hand, of which an expiry may be several; it may have lapsed. */
		if (left > 0) {
			div64_u64_rem(left - 1, a->reload_ns, &part);
			left = part + 1;
		} else {
			div64_u64_rem(-left, a->reload_ns, &part);
			left = a->reload_ns - part;
		}
	}
	return left > 0 ? div_u64(left, a->divided_by) : 0;
}

/**
 * vh_lapic_deadline - IA32_TSC_DEADLINE
 * @vcpu: own thread
 */
u64 vh_lapic_deadline(struct vh_vcpu *vcpu)
{
	struct vh_lapic *a = vcpu->lapic;

	return mode(a) == LVT_TIMER_DEADLINE ? READ_ONCE(a->deadline) : 0;
}

/**
 * vh_lapic_set_deadline - write IA32_TSC_DEADLINE
 * @vcpu: own thread; interrupts may be off
 * @value: guest TSC; 0 disarms
 */
void vh_lapic_set_deadline(struct vh_vcpu *vcpu, u64 value)
{
	struct vh_lapic *a = vcpu->lapic;
	u64 now;

	if (mode(a) != LVT_TIMER_DEADLINE)
		return;
	/* A callback under way on another CPU clears the deadline: let it end first. */
	hrtimer_cancel(&a->timer);
	a->armed = false;
	a->deadline = value;
	if (!value)
		return;
	now = vh_tsc_read(vcpu);
	if (value <= now) {
		a->deadline = 0;
		fire(a);
		return;
	}
	arm(a, min_t(u64, vh_tsc_to_ns(vcpu, value - now), KTIME_MAX / 4));
}

/**
 * vh_lapic_timer_due - will the timer expire within @ns?
 * @vcpu: own thread
 * @ns: nanoseconds
 */
bool vh_lapic_timer_due(struct vh_vcpu *vcpu, u64 ns)
{
	struct vh_lapic *a = vcpu->lapic;

	return READ_ONCE(a->armed) && !READ_ONCE(a->lapsed) &&
	       ktime_to_ns(ktime_sub(READ_ONCE(a->expires), ktime_get())) <= (s64)ns;
}
