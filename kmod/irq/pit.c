// SPDX-License-Identifier: GPL-2.0-only
/*
 * pit.c - the 8254 interval timer (Intel 8254 data sheet) and port 0x61.
 *
 * Counters are not ticked: they are computed from the time of their load.
 * Channel 0's output drives GSI 0. A tick that finds the last one not yet
 * taken is counted and tried again soon, so that no tick is lost and no storm
 * is made.
 */
#include <linux/slab.h>

#include "internal.h"
#include "../compat/compat.h"

#define PIT_HZ		1193182
#define MIN_PERIOD_NS	20000
#define MAX_MISSED	1000

enum { RW_LATCH, RW_LSB, RW_MSB, RW_WORD0, RW_WORD1 };

/*
 * struct vh_pit - a VM's 8254
 */
struct vh_pit {
	struct vh_vm *vm;
	raw_spinlock_t lock;			/* all of the following */
	struct kvm_pit_channel_state ch[3];
	u32 flags;				/* KVM_PIT_FLAGS_* */
	bool speaker_data;
	u64 period_ns;				/* channel 0, periodic modes */
	unsigned int missed;			/* ticks that found the line busy */
	struct hrtimer timer;
};

static u32 load_value(const struct kvm_pit_channel_state *c)
{
	return c->count ? c->count : 0x10000;
}

static u64 ticks_since_load(const struct kvm_pit_channel_state *c)
{
	s64 ns = ktime_get_ns() - c->count_load_time;

	return mul_u64_u32_div(max_t(s64, ns, 0), PIT_HZ, NSEC_PER_SEC);
}

static bool periodic(u8 mode)
{
	return mode == 2 || mode == 3;
}

static u16 counter(const struct kvm_pit_channel_state *c)
{
	u64 t = ticks_since_load(c);
	u32 n = load_value(c);

	switch (c->mode) {
	case 0: case 1: case 4: case 5:
		return (u16)(n - t);
	case 3:	/* counts by twos */
		return n - (2 * (t % n)) % n;
	default:
		return n - t % n;
	}
}

static bool output(const struct kvm_pit_channel_state *c)
{
	u64 t = ticks_since_load(c);
	u32 n = load_value(c);

	switch (c->mode) {
	case 0: case 1:
		return t >= n;
	case 2:
		return t % n != n - 1;
	case 3:
		return t % n < (n + 1) / 2;
	default:
		return t != n;
	}
}

/* Channel 0 was loaded: when does its output rise? Lock held. */
static void arm(struct vh_pit *pit)
{
	struct kvm_pit_channel_state *c = &pit->ch[0];
	u64 ns = mul_u64_u32_div((u64)load_value(c) * NSEC_PER_SEC, 1, PIT_HZ);

	pit->missed = 0;
	pit->period_ns = 0;
	hrtimer_try_to_cancel(&pit->timer);
	if (c->mode == 5 || c->mode == 1)
		return;		/* need a gate edge, and channel 0's gate is wired high */
	if (periodic(c->mode)) {
		ns = max_t(u64, ns, MIN_PERIOD_NS);
		pit->period_ns = ns;
	}
	hrtimer_start(&pit->timer, ktime_add_ns(ktime_get(), ns), HRTIMER_MODE_ABS_HARD);
}

/* Hard interrupt context. */
static enum hrtimer_restart tick(struct hrtimer *t)
{
	struct vh_pit *pit = container_of(t, struct vh_pit, timer);
	u64 next;
	int got;

	got = vh_irq_set(pit->vm, 0, SRC_PIT, 1);
	vh_irq_set(pit->vm, 0, SRC_PIT, 0);

	raw_spin_lock(&pit->lock);
	next = pit->period_ns;
	if (next) {
		if (!got)
			pit->missed = min(pit->missed + 1, (unsigned int)MAX_MISSED);
		else if (pit->missed)
			pit->missed--;
		if (pit->missed)
			next = max_t(u64, next / 2, MIN_PERIOD_NS);
	}
	raw_spin_unlock(&pit->lock);
	if (!next)
		return HRTIMER_NORESTART;
	hrtimer_forward_now(t, ns_to_ktime(next));
	return HRTIMER_RESTART;
}

static void load(struct vh_pit *pit, int n, u16 value)
{
	struct kvm_pit_channel_state *c = &pit->ch[n];

	c->count = value;
	c->count_load_time = ktime_get_ns();
	if (n == 0)
		arm(pit);
}

static void latch_count(struct kvm_pit_channel_state *c)
{
	if (c->count_latched)
		return;
	c->latched_count = counter(c);
	c->count_latched = c->rw_mode;
}

static void latch_status(struct kvm_pit_channel_state *c)
{
	if (c->status_latched)
		return;
	c->status = output(c) << 7 | c->rw_mode << 4 | c->mode << 1 | c->bcd;
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
				latch_count(&pit->ch[i]);
			if (!(v & 0x10))
				latch_status(&pit->ch[i]);
		}
		return;
	}
	c = &pit->ch[n];
	if (!access) {
		latch_count(c);
		return;
	}
	c->rw_mode = access;
	c->read_state = access == RW_WORD0 ? RW_WORD0 : access;
	c->write_state = c->read_state;
	c->mode = (v >> 1) & 7;
	if (c->mode > 5)
		c->mode -= 4;
	c->bcd = v & 1;
	c->count_latched = 0;
	c->status_latched = 0;
	if (n == 0) {		/* output and counting stop until the load */
		pit->period_ns = 0;
		hrtimer_try_to_cancel(&pit->timer);
	}
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

static u8 counter_read(struct kvm_pit_channel_state *c)
{
	u16 value;

	if (c->status_latched) {
		c->status_latched = 0;
		return c->status;
	}
	if (c->count_latched) {
		switch (c->count_latched) {
		case RW_LSB:
			c->count_latched = 0;
			return c->latched_count;
		case RW_MSB:
			c->count_latched = 0;
			return c->latched_count >> 8;
		default:
			if (c->count_latched == RW_WORD0) {
				c->count_latched = RW_WORD1;
				return c->latched_count;
			}
			c->count_latched = 0;
			return c->latched_count >> 8;
		}
	}
	value = counter(c);
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

	return (c->gate & 1) | pit->speaker_data << 1 | refresh << 4 | output(c) << 5;
}

static void speaker_write(struct vh_pit *pit, u8 v)
{
	struct kvm_pit_channel_state *c = &pit->ch[2];

	pit->speaker_data = (v >> 1) & 1;
	/* A rising gate restarts modes 1, 2, 3 and 5. */
	if ((v & 1) && !c->gate && c->mode != 0 && c->mode != 4)
		c->count_load_time = ktime_get_ns();
	c->gate = v & 1;
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
	if (port == 0x61 && !(pit->flags & KVM_PIT_SPEAKER_DUMMY))
		return false;
	raw_spin_lock_irqsave(&pit->lock, flags);
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
		*data = counter_read(&pit->ch[port & 3]);
	}
	raw_spin_unlock_irqrestore(&pit->lock, flags);
	return true;
}

/**
 * vh_pit_get - KVM_GET_PIT2
 * @vm: with a PIT
 * @ps: filled in, zeroed by the caller
 */
int vh_pit_get(struct vh_vm *vm, struct kvm_pit_state2 *ps)
{
	struct vh_pit *pit = vm->pit;

	raw_spin_lock_irq(&pit->lock);
	memcpy(ps->channels, pit->ch, sizeof(ps->channels));
	ps->flags = pit->flags & KVM_PIT_FLAGS_HPET_LEGACY;
	raw_spin_unlock_irq(&pit->lock);
	return 0;
}

static bool channel_valid(const struct kvm_pit_channel_state *c)
{
	return c->mode <= 5 && c->rw_mode <= 3 && c->read_state <= RW_WORD1 &&
	       c->write_state <= RW_WORD1 && c->count_latched <= RW_WORD1 && c->count <= 0x10000;
}

/**
 * vh_pit_set - KVM_SET_PIT2
 * @vm: with a PIT
 * @ps: new state; -EINVAL for an impossible one
 */
int vh_pit_set(struct vh_vm *vm, const struct kvm_pit_state2 *ps)
{
	struct vh_pit *pit = vm->pit;
	int i;

	for (i = 0; i < 3; i++)
		if (!channel_valid(&ps->channels[i]))
			return -EINVAL;
	raw_spin_lock_irq(&pit->lock);
	memcpy(pit->ch, ps->channels, sizeof(pit->ch));
	pit->flags = (pit->flags & ~KVM_PIT_FLAGS_HPET_LEGACY) |
		     (ps->flags & KVM_PIT_FLAGS_HPET_LEGACY);
	for (i = 0; i < 3; i++) {
		pit->ch[i].count &= 0xffff;
		pit->ch[i].count_load_time = ktime_get_ns();
	}
	if (!(pit->flags & KVM_PIT_FLAGS_HPET_LEGACY) && ps->channels[0].count)
		arm(pit);
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
	pit->flags = cfg->flags;
	raw_spin_lock_init(&pit->lock);
	vh_hrtimer_init(&pit->timer, tick, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	for (i = 0; i < 3; i++) {
		pit->ch[i].mode = 3;
		pit->ch[i].gate = i != 2;
		pit->ch[i].count_load_time = ktime_get_ns();
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
	if (!vm->pit)
		return;
	hrtimer_cancel(&vm->pit->timer);
	kfree(vm->pit);
	vm->pit = NULL;
}
