// SPDX-License-Identifier: GPL-2.0-only
/* The 8254 against its data sheet: what ports 0x40 to 0x43 and 0x61 show. */
#include "irq_env.h"

#define PIT_HZ	1193182ULL
#define SEC	1000000000ULL
#define MS	1000000ULL

static void out(u16 port, u8 v)
{
	vh_bus_pio(vcpus[0], port, &v, 1, true);
}

static u8 in(u16 port)
{
	u8 v = 0x5a;

	vh_bus_pio(vcpus[0], port, &v, 1, false);
	return v;
}

static void create(u32 flags)
{
	struct kvm_pit_config cfg = { .flags = flags };

	env_create(1);
	TAP_EQ(vh_pit_create(vm, &cfg), 0);
	/* GSI 0 is pin 0 of the IOAPIC: vector 0x30, edge. */
	vm->irqchip->ioapic.redirtbl[0].bits = 0x30;
}

/* To the middle of tick @n after @start. */
static void to_tick(u64 start, u64 n)
{
	shim_advance(start + (2 * n + 1) * SEC / (2 * PIT_HZ) - shim_now);
}

static u16 word(u16 port)
{
	u8 low = in(port);

	return low | in(port) << 8;
}

static u16 latched(unsigned int ch)
{
	out(0x43, ch << 6);
	return word(0x40 + ch);
}

static void load(unsigned int ch, u8 mode, u16 count)
{
	out(0x43, ch << 6 | 0x30 | mode << 1);
	out(0x40 + ch, count);
	out(0x40 + ch, count >> 8);
}

static u8 status(unsigned int ch)
{
	out(0x43, 0xe0 | 2 << ch);
	return in(0x40 + ch);
}

static unsigned int ticks(u64 ns, unsigned int steps)
{
	unsigned int n = 0, i;

	for (i = 0; i < steps; i++) {
		shim_advance(ns / steps);
		n += take_eoi(0) == 0x30;
	}
	return n;
}

static void interrupts(struct kunit *test)
{
	create(0);
	TAP_EQ(ticks(100 * MS, 100), 0);
	load(0, 2, 11932);			/* 100 Hz */
	TAP_EQ(ticks(1000 * MS + MS, 2000), 100);
	load(0, 3, 1193);			/* 1 kHz */
	TAP_EQ(ticks(100 * MS + MS / 2, 1000), 100);
	load(0, 2, 0);				/* 65536: 18.2 Hz */
	TAP_EQ(ticks(1000 * MS, 1000), 18);
	/* Mode 0 once. */
	load(0, 0, 11932);
	TAP_EQ(ticks(9 * MS, 100), 0);
	TAP_EQ(ticks(2 * MS, 100), 1);
	TAP_EQ(ticks(1000 * MS, 1000), 0);
	/* The control word stops it. */
	load(0, 2, 11932);
	out(0x43, 0x34);
	TAP_EQ(ticks(100 * MS, 100), 0);
	out(0x40, 0x9c);
	TAP_EQ(ticks(100 * MS, 100), 0);
	out(0x40, 0x2e);
	TAP_EQ(ticks(101 * MS, 1000), 10);
	/* Modes 1 and 5 wait for a gate that never comes. */
	load(0, 1, 100);
	load(0, 5, 100);
	TAP_EQ(ticks(100 * MS, 100), 0);
	/* A count of 1 does not eat the host. */
	load(0, 2, 1);
	env_kicks[0] = 0;
	shim_advance(10 * MS);
	TAP_CHECK(env_kicks[0] <= 52);
	/* Where nobody takes one, or it is masked and nobody runs, less and less. */
	load(0, 2, 24);
	env_expiries = 0;
	shim_advance(1000 * MS);
	TAP_CHECK(env_expiries <= 120);
	vm->irqchip->ioapic.redirtbl[0].bits |= 0x10000;
	load(0, 2, 24);
	env_expiries = 0;
	shim_advance(1000 * MS);
	TAP_CHECK(env_expiries <= 120);
	env_destroy();
}

static void missed(struct kunit *test)
{
	unsigned int n = 0, i;

	create(0);
	load(0, 2, 11932);
	/* The guest is away for ten ticks: it gets them later, not all at once. */
	shim_advance(100 * MS + MS);
	for (i = 0; i < 1000; i++) {
		shim_advance(MS);
		n += take_eoi(0) == 0x30;
	}
	TAP_CHECK(n >= 108 && n <= 111);
	n = ticks(1000 * MS, 1000);
	TAP_CHECK(n >= 99 && n <= 101);
	/* KVM_REINJECT_CONTROL: away for ten ticks, the guest gets one of them, and loses those that are missed already. */
	shim_advance(50 * MS);
	vh_pit_reinject(vm, false);
	shim_advance(50 * MS);
	n = ticks(1000 * MS, 1000);
	TAP_CHECK(n >= 98 && n <= 102);
	vh_pit_reinject(vm, true);
	n = ticks(1000 * MS, 1000);
	TAP_CHECK(n >= 99 && n <= 101);
	/* Where it is masked nothing is missed. */
	vm->irqchip->ioapic.redirtbl[0].bits |= 0x10000;
	shim_advance(5000 * MS);
	vm->irqchip->ioapic.redirtbl[0].bits &= ~0x10000;
	n = ticks(1000 * MS, 1000);
	TAP_CHECK(n >= 99 && n <= 101);
	env_destroy();
}

static void counting(struct kunit *test)
{
	u64 t;

	create(KVM_PIT_SPEAKER_DUMMY);
	t = shim_now;
	load(0, 2, 1000);
	TAP_EQ(latched(0), 1000);
	to_tick(t, 1);
	TAP_EQ(latched(0), 999);
	to_tick(t, 999);
	TAP_EQ(latched(0), 1);
	TAP_EQ(status(0) & 0x80, 0);		/* low for the last one */
	to_tick(t, 1000);
	TAP_EQ(latched(0), 1000);
	TAP_EQ(status(0), 0xb4);
	t = shim_now;
	load(0, 3, 1000);
	to_tick(t, 10);
	TAP_EQ(latched(0), 980);
	TAP_EQ(status(0), 0xb6);
	to_tick(t, 499);
	TAP_EQ(status(0) & 0x80, 0x80);
	to_tick(t, 500);
	TAP_EQ(status(0) & 0x80, 0);
	TAP_EQ(latched(0), 1000);
	t = shim_now;
	load(0, 0, 1000);
	TAP_EQ(status(0), 0x30);
	to_tick(t, 999);
	TAP_EQ(status(0), 0x30);
	to_tick(t, 1000);
	TAP_EQ(status(0), 0xb0);
	to_tick(t, 1001);
	TAP_EQ(latched(0), 0xffff);		/* it goes on */
	t = shim_now;
	load(0, 4, 100);
	TAP_EQ(status(0), 0xb8);
	to_tick(t, 100);
	TAP_EQ(status(0), 0x38);
	to_tick(t, 101);
	TAP_EQ(status(0), 0xb8);
	/* BCD. */
	t = shim_now;
	out(0x43, 0x35);
	out(0x40, 0x00);
	out(0x40, 0x10);
	TAP_EQ(latched(0), 0x1000);
	to_tick(t, 1);
	TAP_EQ(latched(0), 0x0999);
	/* Null count until there is one. */
	out(0x43, 0x34);
	TAP_EQ(status(0) & 0x40, 0x40);
	env_destroy();
}

static void access(struct kunit *test)
{
	u64 t;
	u16 seen;

	create(0);
	t = shim_now;
	load(0, 2, 0x8000);
	to_tick(t, 0x123);
	/* A latch holds through both reads, and a second does not disturb it. */
	out(0x43, 0);
	to_tick(t, 0x456);
	out(0x43, 0);
	TAP_EQ(word(0x40), 0x8000 - 0x123);
	TAP_EQ(word(0x40), 0x8000 - 0x456);
	/* Status and count together: status first. */
	out(0x43, 0xc2);
	to_tick(t, 0x555);
	TAP_EQ(in(0x40), 0xb4);
	TAP_EQ(word(0x40), 0x8000 - 0x456);
	/* One byte only. */
	out(0x43, 0x14);
	out(0x40, 0x80);
	TAP_EQ(in(0x40), 0x80);
	TAP_EQ(status(0), 0x94);
	out(0x43, 0);
	TAP_EQ(in(0x40), 0x80);
	out(0x43, 0x24);
	t = shim_now;
	out(0x40, 0x80);
	TAP_EQ(in(0x40), 0x80);
	to_tick(t, 0x100);
	out(0x43, 0);
	TAP_EQ(in(0x40), 0x7f);
	/* Modes 6 and 7 are 2 and 3. */
	out(0x43, 0x3e);
	TAP_EQ(status(0) & 0x0e, 6);
	TAP_EQ(in(0x43), 0);
	/* Without the flag port 0x61 is somebody else's. */
	seen = in(0x61);
	TAP_EQ(seen, 0x5a);
	env_destroy();
}

static void speaker(struct kunit *test)
{
	unsigned int changes = 0, i;
	u8 last;
	u64 t;

	create(KVM_PIT_SPEAKER_DUMMY);
	TAP_EQ(in(0x61) & 3, 0);
	/* A kernel's calibration: gate up, mode 0, wait for the output. */
	out(0x61, 1);
	t = shim_now;
	load(2, 0, 11932);
	TAP_EQ(in(0x61) & 0x23, 0x01);
	to_tick(t, 11931);
	TAP_EQ(in(0x61) & 0x20, 0);
	to_tick(t, 11932);
	TAP_EQ(in(0x61) & 0x20, 0x20);
	/* The gate stops mode 0, and lets it go on. */
	t = shim_now;
	load(2, 0, 1000);
	to_tick(t, 400);
	out(0x61, 0);
	shim_advance(100 * MS);
	TAP_EQ(latched(2), 600);
	TAP_EQ(in(0x61) & 0x20, 0);
	t = shim_now;
	out(0x61, 1);
	to_tick(t, 598);
	TAP_EQ(in(0x61) & 0x20, 0);
	to_tick(t, 601);
	TAP_EQ(in(0x61) & 0x20, 0x20);
	/* Mode 1: the rise triggers, and triggers again. */
	out(0x61, 0);
	load(2, 1, 1000);
	TAP_EQ(in(0x61) & 0x20, 0x20);
	shim_advance(100 * MS);
	TAP_EQ(in(0x61) & 0x20, 0x20);
	t = shim_now;
	out(0x61, 1);
	to_tick(t, 500);
	TAP_EQ(in(0x61) & 0x20, 0);
	out(0x61, 0);
	out(0x61, 1);
	t = shim_now;
	to_tick(t, 998);
	TAP_EQ(in(0x61) & 0x20, 0);
	to_tick(t, 1001);
	TAP_EQ(in(0x61) & 0x20, 0x20);
	/* Mode 3: a low gate makes the output high. */
	load(2, 3, 1000);
	t = shim_now;
	to_tick(t, 600);
	TAP_EQ(in(0x61) & 0x20, 0);
	out(0x61, 2);
	TAP_EQ(in(0x61) & 0x23, 0x22);
	/* The refresh bit toggles about every 15 us. */
	last = in(0x61) & 0x10;
	for (i = 0; i < 1000; i++) {
		shim_advance(1000);
		changes += (in(0x61) & 0x10) != last;
		last = in(0x61) & 0x10;
	}
	TAP_CHECK(changes >= 55 && changes <= 70);
	env_destroy();
}

static void state(struct kunit *test)
{
	struct kvm_pit_config cfg = { .flags = 2 };
	struct kvm_pit_state2 a = { 0 }, b = { 0 };
	int i;

	env_create(1);
	TAP_EQ(vh_pit_create(vm, &cfg), -EINVAL);
	env_destroy();
	create(KVM_PIT_SPEAKER_DUMMY);
	load(0, 2, 0);
	load(2, 3, 0x1234);
	out(0x61, 3);
	vh_pit_get(vm, &a);
	TAP_EQ(a.channels[0].count, 65536);
	TAP_EQ(a.channels[2].count, 0x1234);
	TAP_EQ(a.channels[2].gate, 1);
	TAP_EQ(a.flags, KVM_PIT_FLAGS_SPEAKER_DATA_ON);
	TAP_EQ(vh_pit_set(vm, &a, true), 0);
	vh_pit_get(vm, &b);
	TAP_CHECK(!memcmp(&a, &b, sizeof(a)));
	TAP_EQ(ticks(1000 * MS, 1000), 18);
	TAP_EQ(in(0x61) & 3, 3);		/* the port is still there */
	/* KVM_SET_PIT has no flags: they stay. */
	a.flags = 0;
	TAP_EQ(vh_pit_set(vm, &a, false), 0);
	vh_pit_get(vm, &b);
	TAP_EQ(b.flags, KVM_PIT_FLAGS_SPEAKER_DATA_ON);
	/* An HPET takes the timer's place. */
	a.flags = KVM_PIT_FLAGS_HPET_LEGACY;
	TAP_EQ(vh_pit_set(vm, &a, true), 0);
	TAP_EQ(ticks(1000 * MS, 1000), 0);
	load(0, 2, 11932);
	TAP_EQ(ticks(1000 * MS, 1000), 0);
	a.flags = 0;
	TAP_EQ(vh_pit_set(vm, &a, true), 0);
	TAP_EQ(ticks(1000 * MS, 1000), 18);
	/* No count loaded: never shown as 0, and still so after a restore. */
	env_destroy();
	create(0);
	vh_pit_get(vm, &b);
	for (i = 0; i < 3; i++)
		TAP_EQ(b.channels[i].count, 65536);
	TAP_EQ(vh_pit_set(vm, &b, true), 0);
	TAP_EQ(ticks(1000 * MS, 1000), 0);
	b.channels[0].count = 11932;
	TAP_EQ(vh_pit_set(vm, &b, true), 0);
	TAP_EQ(ticks(1000 * MS, 1000), 99);
	/* States that cannot be. */
	for (i = 0; i < 3; i++) {
		b = a;
		b.channels[i].mode = 6;
		TAP_EQ(vh_pit_set(vm, &b, true), -EINVAL);
		b = a;
		b.channels[i].count = 65537;
		TAP_EQ(vh_pit_set(vm, &b, true), -EINVAL);
		b = a;
		b.channels[i].read_state = 5;
		TAP_EQ(vh_pit_set(vm, &b, true), -EINVAL);
	}
	memset(&b, 0, sizeof(b));
	TAP_EQ(vh_pit_set(vm, &b, true), 0);
	TAP_EQ(ticks(1000 * MS, 1000), 0);
	for (i = 0; i < 256; i++) {
		out(0x43, i);
		out(0x40 + i % 3, i);
		in(0x40 + i % 3);
		out(0x61, i);
		in(0x61);
		shim_advance(1000);
	}
	env_destroy();
}

static struct kunit_case pit_cases[] = {
	KUNIT_CASE(interrupts),
	KUNIT_CASE(missed),
	KUNIT_CASE(counting),
	KUNIT_CASE(access),
	KUNIT_CASE(speaker),
	KUNIT_CASE(state),
	{}
};

TAP_SUITE("vh-pit", pit_cases);
