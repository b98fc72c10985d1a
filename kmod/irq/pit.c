// SPDX-License-Identifier: GPL-2.0-only
/*
 * pit.c - the 8254 interval timer (Intel 8254 data sheet) and port 0x61.
 *
 * Counters are not ticked: they are computed from the time of their load.
 * Channel 0's output drives GSI 0. A tick that finds the last one not yet
 * taken is counted and tried again soon, so that no tick is lost (unless
 * KVM_REINJECT_CONTROL says that it is); and the longer
 * nobody takes it, or it is masked and no vCPU runs, the more rarely, so that no
 * storm is made.
 */
#include <linux/math64.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "internal.h"
#include "../compat/compat.h"

#define PIT_HZ		1193182
#define MAX_MISSED	1000
#define MIN_WIDE_NS	2000000		/* between ticks that go to many vCPUs */
#define MAX_RETRY_NS	10000000	/* between tries while nobody takes a tick */
#define RUNNING		U64_MAX		/* in stopped[]: not stopped */
#define NOT_LOADED	-1		/* count_load_time in userspace's copy */

enum { RW_LATCH, RW_LSB, RW_MSB, RW_WORD0, RW_WORD1 };

/*
 * struct vh_pit - a VM's 8254
 */
struct vh_pit {
	struct vh_vm *vm;
	raw_spinlock_t lock;			/* all of the following */
	struct kvm_pit_channel_state ch[3];
	u64 stopped[3];				/* ticks counted when the gate fell */
	bool hpet_legacy;			/* channel 0 does not interrupt */
	bool speaker;				/* port 0x61 is ours; const */
	bool speaker_data;
	bool armed;				/* channel 0 is going to interrupt */
	u64 period_ns;				/* channel 0, periodic modes */
	u64 due;				/* and its next tick */
	u64 retry_ns;				/* until missed ticks are tried again */
	bool reinject;				/* ticks that found the line busy come again */
	unsigned int missed;			/* how many of them there are */
	bool masked;				/* by all, when the last one came */
	bool deferred;				/* a tick is @wide's to send */
	struct hrtimer timer;
	struct work_struct wide;
};

/* Initial count; 0 when none was loaded, up to 65536 (10000 in BCD). */
static u32 load_value(const struct kvm_pit_channel_state *c)
{
	return c->count ? c->count : c->bcd ? 10000 : 0x10000;
}

static u32 from_bcd(u16 v)
{
	return (v >> 12) * 1000 + (v >> 8 & 15) * 100 + (v >> 4 & 15) * 10 + (v & 15);
}

static u16 to_bcd(u32 v)
{
	return v / 1000 % 10 << 12 | v / 100 % 10 << 8 | v / 10 % 10 << 4 | v % 10;
}

/* A low gate stops the count, in modes 1 and 5 its rise starts it (data sheet, table 21). */
static bool counting(const struct vh_pit *pit, int n)
{
	return pit->stopped[n] == RUNNING;
}

static u64 ticks_since_load(const struct vh_pit *pit, int n)
{
	s64 ns = ktime_get_ns() - pit->ch[n].count_load_time;

	if (!counting(pit, n))
		return pit->stopped[n];
	return mul_u64_u32_div(max_t(s64, ns, 0), PIT_HZ, NSEC_PER_SEC);
}

static bool periodic(u8 mode)
{
	return mode == 2 || mode == 3;
}

static u16 counter(const struct vh_pit *pit, int i)
{
	const struct kvm_pit_channel_state *c = &pit->ch[i];
	u32 wrap = c->bcd ? 10000 : 0x10000, n = load_value(c), value, passed;
	u64 t = ticks_since_load(pit, i);

	switch (c->mode) {
	case 0: case 1: case 4: case 5:
		div_u64_rem(t, wrap, &passed);
		value = n + wrap - passed;
		break;
	case 3:	/* counts by twos */
		div_u64_rem(2 * t, n, &passed);
		value = n - (passed & ~1u);
		break;
	default:
		div_u64_rem(t, n, &passed);
		value = n - passed;
		break;
	}
	value %= wrap;
	return c->bcd ? to_bcd(value) : value;
}

static bool output(const struct vh_pit *pit, int i)
{
	const struct kvm_pit_channel_state *c = &pit->ch[i];
	u64 t = ticks_since_load(pit, i);
	u32 n = load_value(c), passed;

	/* A low gate sets the output of the periodic modes at once. */
	if (!c->count || (periodic(c->mode) && !c->gate))
		return c->mode != 0;
	div_u64_rem(t, n, &passed);
	switch (c->mode) {
	case 0: case 1:
		return t >= n;
	case 2:
		return passed != n - 1;
	case 3:
		return passed < (n + 1) / 2;
	default:
		return t != n;
	}
}

static void disarm(struct vh_pit *pit)
{
	pit->armed = false;
	pit->missed = 0;
	pit->period_ns = 0;
	pit->deferred = false;
	/* A callback under way waits for the lock, and sees that it came too late. */
	hrtimer_try_to_cancel(&pit->timer);
}

/* Channel 0 was loaded: when does its output rise? Lock held. */
static void arm(struct vh_pit *pit)
{
	struct kvm_pit_channel_state *c = &pit->ch[0];
	u64 ns = div_u64((u64)load_value(c) * NSEC_PER_SEC, PIT_HZ);

	disarm(pit);
	/* Modes 1 and 5 need a gate's edge, and channel 0's gate is wired high. */
	if (pit->hpet_legacy || c->mode == 5 || c->mode == 1)
		return;
	if (periodic(c->mode)) {
		ns = max_t(u64, ns, MIN_PERIOD_NS);
		pit->period_ns = ns;
		pit->retry_ns = 0;
		pit->due = ktime_get_ns() + ns;
	}
	pit->armed = true;
	hrtimer_start(&pit->timer, ktime_add_ns(ktime_get(), ns), HRTIMER_MODE_ABS_HARD);
}

static bool anybody_in_guest(struct vh_vm *vm)
{
	struct vh_vcpu *vcpu;
	unsigned int i;

	vh_for_each_vcpu(i, vcpu, vm)
		if (READ_ONCE(vcpu->mode) != VH_OUTSIDE)
			return true;
	return false;
}

/* The output rises and falls: how many took it, 0 coalesced, -1 all mask it. */
static int pulse(struct vh_pit *pit)
{
	int got = vh_irq_set(pit->vm, 0, SRC_PIT, 1);

	vh_irq_set(pit->vm, 0, SRC_PIT, 0);
	return got;
}

/* Lock held, after a pulse(). False: it was the only tick; else when to come again. */
static bool tick(struct vh_pit *pit, int got, u64 *next)
{
	u64 now = ktime_get_ns(), soon = max_t(u64, pit->period_ns / 2, MIN_PERIOD_NS), n;
	bool lost;

	if (!pit->period_ns) {
		pit->armed = false;
		return false;
	}
	if (now >= pit->due) {
		n = div64_u64(now - pit->due, pit->period_ns) + 1;
		pit->due += n * pit->period_ns;
		if (pit->reinject)
			pit->missed = min_t(u64, pit->missed + (pit->masked ? 1 : n), MAX_MISSED);
	}
	/* Where everybody masks it nothing is missed. */
	pit->masked = got < 0;
	if (pit->masked)
		pit->missed = 0;
	else if (got && pit->missed)
		pit->missed--;
	lost = pit->masked || !pit->reinject;
	if (got > 0 || (lost && anybody_in_guest(pit->vm))) {
		pit->retry_ns = 0;
		*next = pit->missed ? min(now + soon, pit->due) : pit->due;
	} else {
		pit->retry_ns = min_t(u64, max(2 * pit->retry_ns, soon),
				      max_t(u64, MAX_RETRY_NS, soon));
		*next = now + pit->retry_ns;
		if (lost)
			*next = max(*next, pit->due);
	}
	return true;
}

/* Hard interrupt context. */
static enum hrtimer_restart expired(struct hrtimer *t)
{
	struct vh_pit *pit = container_of(t, struct vh_pit, timer);
	enum hrtimer_restart again = HRTIMER_NORESTART;
	unsigned long flags;
	u64 next;

	vh_bound_lock_irqsave(&pit->lock, flags, VH_BOUND_PIT);
	/* Disarmed, or started anew, while this was on its way. */
	if (pit->armed && !hrtimer_is_queued(t)) {
		if (vh_irq_gsi_is_wide(pit->vm, 0)) {
			pit->deferred = true;
			schedule_work(&pit->wide);
		} else if (tick(pit, pulse(pit), &next)) {
			hrtimer_set_expires(t, ns_to_ktime(next));
			again = HRTIMER_RESTART;
		}
	}
	vh_bound_unlock_irqrestore(&pit->lock, flags, VH_BOUND_PIT);
	return again;
}

/* A tick for many vCPUs: with interrupts on, and not often. */
static void wide_tick(struct work_struct *work)
{
	struct vh_pit *pit = container_of(work, struct vh_pit, wide);
	unsigned long flags;
	u64 next;
	int got;

	if (!READ_ONCE(pit->deferred))
		return;
	got = pulse(pit);
	vh_bound_lock_irqsave(&pit->lock, flags, VH_BOUND_PIT);
	if (pit->deferred) {		/* not disarmed, or started anew, meanwhile */
		pit->deferred = false;
		if (tick(pit, got, &next)) {
			next = max(next, ktime_get_ns() + MIN_WIDE_NS);
			hrtimer_start(&pit->timer, ns_to_ktime(next), HRTIMER_MODE_ABS_HARD);
		}
	}
	vh_bound_unlock_irqrestore(&pit->lock, flags, VH_BOUND_PIT);
}

static void load(struct vh_pit *pit, int n, u16 value)
{
	struct kvm_pit_channel_state *c = &pit->ch[n];

	c->count = c->bcd ? from_bcd(value) : value;
	if (!c->count)
		c->count = load_value(c);
	c->count_load_time = ktime_get_ns();
	pit->stopped[n] = RUNNING;
	if (c->mode == 1 || c->mode == 5)
		pit->stopped[n] = c->count + 1;		/* as after an expiry, until triggered */
	else if (!c->gate)
		pit->stopped[n] = 0;
	if (n == 0)
		arm(pit);
}

static void latch_count(struct vh_pit *pit, int n)
{
	struct kvm_pit_channel_state *c = &pit->ch[n];

	if (c->count_latched)
		return;
	c->latched_count = counter(pit, n);
	c->count_latched = c->rw_mode;
}

static void latch_status(struct vh_pit *pit, int n)
{
	struct kvm_pit_channel_state *c = &pit->ch[n];

	if (c->status_latched)
		return;
	/* Bit 6: no count was loaded since the mode was set. */
	c->status = output(pit, n) << 7 | !c->count << 6 | (c->rw_mode & 3) << 4 | c->mode << 1 |
		    c->bcd;
	c->status_latched = 1;
}

static void control_write(struct vh_pit *pit, u8 v)
{
	struct kvm_pit_channel_state *c;
	int n = v >> 6, access = (v >> 4) & 3, i;

	if (n == 3) {				/* read-back */
		for (i = 0; i < 3; i++) {
			if (!(v & (2 << i)))
				continue;
			if (!(v & 0x20))
				latch_count(pit, i);
			if (!(v & 0x10))
				latch_status(pit, i);
		}
		return;
	}
	c = &pit->ch[n];
	if (!access) {
		latch_count(pit, n);
		return;
	}
	c->rw_mode = access;
	c->read_state = access;
	c->write_state = access;
	c->mode = (v >> 1) & 7;
	if (c->mode > 5)
		c->mode -= 4;
	c->bcd = v & 1;
	c->count_latched = 0;
	c->status_latched = 0;
	c->count = 0;
	if (n == 0)		/* no interrupt until the load */
		disarm(pit);
}

static void counter_write(struct vh_pit *pit, int n, u8 v)
{
	struct kvm_pit_channel_state *c = &pit->ch[n];

	switch (c->write_state) {
	case RW_LSB:
		load(pit, n, v);
		break;
	case RW_MSB:
		load(pit, n, v << 8);
		break;
	case RW_WORD0:
		c->write_latch = v;
		c->write_state = RW_WORD1;
		break;
	case RW_WORD1:
		c->write_state = RW_WORD0;
		load(pit, n, c->write_latch | v << 8);
		break;
	}
}

static u8 counter_read(struct vh_pit *pit, int n)
{
	struct kvm_pit_channel_state *c = &pit->ch[n];
	u16 value;

	if (c->status_latched) {
		c->status_latched = 0;
		return c->status;
	}
	switch (c->count_latched) {
	case RW_LSB:
		c->count_latched = 0;
		return c->latched_count;
	case RW_MSB: case RW_WORD1:
		c->count_latched = 0;
		return c->latched_count >> 8;
	case RW_WORD0:
		c->count_latched = RW_WORD1;
		return c->latched_count;
	}
	value = counter(pit, n);
	switch (c->read_state) {
	case RW_MSB:
		return value >> 8;
	case RW_WORD0:
		c->read_state = RW_WORD1;
		return value;
	case RW_WORD1:
		c->read_state = RW_WORD0;
		return value >> 8;
	}
	return value;
}

/* Port 0x61: gate and output of channel 2, speaker, refresh toggle. */
static u8 speaker_read(struct vh_pit *pit)
{
	struct kvm_pit_channel_state *c = &pit->ch[2];
	bool refresh = (ktime_get_ns() >> 14) & 1;

	return c->gate | pit->speaker_data << 1 | refresh << 4 | output(pit, 2) << 5;
}

static void speaker_write(struct vh_pit *pit, u8 v)
{
	struct kvm_pit_channel_state *c = &pit->ch[2];

	pit->speaker_data = (v >> 1) & 1;
	if ((v & 1) == c->gate || !c->count) {
		c->gate = v & 1;
		return;
	}
	c->gate = v & 1;
	if (!c->gate) {
		/* Falls: counting stops, but modes 1 and 5 do not care. */
		if (c->mode != 1 && c->mode != 5)
			pit->stopped[2] = ticks_since_load(pit, 2);
	} else {
		/* Rises: modes 0 and 4 go on, the others start again. */
		c->count_load_time = ktime_get_ns();
		if (c->mode == 0 || c->mode == 4)
			c->count_load_time -= mul_u64_u32_div(pit->stopped[2], NSEC_PER_SEC, PIT_HZ);
		pit->stopped[2] = RUNNING;
	}
}

/**
 * vh_pit_io - an access to ports 0x40 to 0x43 and 0x61
 * @vm: the VM
 * @port: any; others are not taken
 * @data: one byte, in or out
 * @write: direction
 *
 * Any context. True when the port is ours.
 */
bool vh_pit_io(struct vh_vm *vm, u16 port, u8 *data, bool write)
{
	struct vh_pit *pit = smp_load_acquire(&vm->pit);
	unsigned long flags;

	if (!pit || (port != 0x61 && (port < 0x40 || port > 0x43)))
		return false;
	if (port == 0x61 && !pit->speaker)
		return false;
	vh_bound_lock_irqsave(&pit->lock, flags, VH_BOUND_PIT);
	if (port == 0x61) {
		if (write)
			speaker_write(pit, *data);
		else
			*data = speaker_read(pit);
	} else if (port == 0x43) {
		if (write)
			control_write(pit, *data);
		else
			*data = 0;
	} else if (write) {
		counter_write(pit, port & 3, *data);
	} else {
		*data = counter_read(pit, port & 3);
	}
	vh_bound_unlock_irqrestore(&pit->lock, flags, VH_BOUND_PIT);
	return true;
}

/**
 * vh_pit_reinject - KVM_REINJECT_CONTROL
 * @vm: with a PIT
 * @on: ticks that the guest was not ready for come when it is; else they are lost
 */
void vh_pit_reinject(struct vh_vm *vm, bool on)
{
	struct vh_pit *pit = vm->pit;

	raw_spin_lock_irq(&pit->lock);
	pit->reinject = on;
	if (!on)
		pit->missed = 0;
	raw_spin_unlock_irq(&pit->lock);
}

/**
 * vh_pit_get - KVM_GET_PIT2
 * @vm: with a PIT
 * @ps: filled in, zeroed by the caller
 *
 * VMMs divide by the count, so it is never 0, as in KVM; that no count was
 * loaded is told by the time of its load.
 */
void vh_pit_get(struct vh_vm *vm, struct kvm_pit_state2 *ps)
{
	struct vh_pit *pit = vm->pit;
	int i;

	raw_spin_lock_irq(&pit->lock);
	memcpy(ps->channels, pit->ch, sizeof(ps->channels));
	for (i = 0; i < 3; i++) {
		if (pit->ch[i].count)
			continue;
		ps->channels[i].count = load_value(&pit->ch[i]);
		ps->channels[i].count_load_time = NOT_LOADED;
	}
	ps->flags = (pit->hpet_legacy ? KVM_PIT_FLAGS_HPET_LEGACY : 0) |
		    (pit->speaker_data ? KVM_PIT_FLAGS_SPEAKER_DATA_ON : 0);
	raw_spin_unlock_irq(&pit->lock);
}

static bool channel_valid(const struct kvm_pit_channel_state *c)
{
	return c->mode <= 5 && c->rw_mode <= RW_WORD0 && c->read_state <= RW_WORD1 &&
	       c->write_state <= RW_WORD1 && c->count_latched <= RW_WORD1 &&
	       c->status_latched <= 1 && c->bcd <= 1 && c->gate <= 1 &&
	       c->count <= (c->bcd ? 10000 : 0x10000);
}

/**
 * vh_pit_set - KVM_SET_PIT2
 * @vm: with a PIT
 * @ps: new state; -EINVAL for an impossible one
 * @flags: also its flags
 */
int vh_pit_set(struct vh_vm *vm, const struct kvm_pit_state2 *ps, bool flags)
{
	struct vh_pit *pit = vm->pit;
	int i;

	for (i = 0; i < 3; i++)
		if (!channel_valid(&ps->channels[i]))
			return -EINVAL;
	raw_spin_lock_irq(&pit->lock);
	memcpy(pit->ch, ps->channels, sizeof(pit->ch));
	if (flags) {
		pit->hpet_legacy = ps->flags & KVM_PIT_FLAGS_HPET_LEGACY;
		pit->speaker_data = ps->flags & KVM_PIT_FLAGS_SPEAKER_DATA_ON;
	}
	/* Counting starts anew: the clock of count_load_time is another host's. */
	for (i = 0; i < 3; i++) {
		struct kvm_pit_channel_state *c = &pit->ch[i];

		if (c->count_load_time == NOT_LOADED && c->count == (c->bcd ? 10000 : 0x10000))
			c->count = 0;
		c->count_load_time = ktime_get_ns();
		pit->stopped[i] = c->gate ? RUNNING : 0;
	}
	if (pit->ch[0].count)
		arm(pit);
	else
		disarm(pit);
	raw_spin_unlock_irq(&pit->lock);
	return 0;
}

/**
 * vh_pit_create - KVM_CREATE_PIT2
 * @vm: the VM; vm->lock held, its irqchip exists
 * @cfg: flags
 *
 * Process context. -EINVAL for unknown flags, -ENOMEM.
 */
int vh_pit_create(struct vh_vm *vm, const struct kvm_pit_config *cfg)
{
	struct vh_pit *pit;
	int i;

	if (cfg->flags & ~KVM_PIT_SPEAKER_DUMMY)
		return -EINVAL;
	pit = kzalloc(sizeof(*pit), GFP_KERNEL_ACCOUNT);
	if (!pit)
		return -ENOMEM;
	pit->vm = vm;
	pit->reinject = true;
	pit->speaker = cfg->flags & KVM_PIT_SPEAKER_DUMMY;
	raw_spin_lock_init(&pit->lock);
	INIT_WORK(&pit->wide, wide_tick);
	vh_hrtimer_init(&pit->timer, expired, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	for (i = 0; i < 3; i++) {
		pit->ch[i].mode = 3;
		pit->ch[i].gate = i != 2;
		pit->ch[i].count_load_time = ktime_get_ns();
		pit->stopped[i] = RUNNING;
	}
	smp_store_release(&vm->pit, pit);
	return 0;
}

/**
 * vh_pit_destroy - cancel and free
 * @vm: nobody uses it any more
 */
void vh_pit_destroy(struct vh_vm *vm)
{
	struct vh_pit *pit = vm->pit;

	if (!pit)
		return;
	/* Each may have started the other. */
	raw_spin_lock_irq(&pit->lock);
	disarm(pit);
	raw_spin_unlock_irq(&pit->lock);
	hrtimer_cancel(&pit->timer);
	cancel_work_sync(&pit->wide);
	kfree(pit);
	vm->pit = NULL;
}
