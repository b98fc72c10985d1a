// SPDX-License-Identifier: GPL-2.0-only
/* The pair of 8259As against their data sheet. */
#include "irq_env.h"

static void out(u16 port, u8 v)
{
	if (!vh_bus_pio(vcpus[0], port, &v, 1, true))
		tap_ok(0, "nobody took port %#x", port);
}

static u8 in(u16 port)
{
	u8 v = 0x5a;

	vh_bus_pio(vcpus[0], port, &v, 1, false);
	return v;
}

/* What a PC's kernel does: vectors 0x30 and 0x38, cascade on 2, ICW4 @icw4. */
static void init(u8 icw4)
{
	env_create(1);
	out(0x20, 0x11);
	out(0x21, 0x30);
	out(0x21, 0x04);
	out(0x21, icw4);
	out(0xa0, 0x11);
	out(0xa1, 0x38);
	out(0xa1, 0x02);
	out(0xa1, icw4);
	out(0x21, 0);
	out(0xa1, 0);
}

static void pulse(unsigned int irq)
{
	vh_irq_line(vm, irq, 1);
	vh_irq_line(vm, irq, 0);
}

static void nested(struct kunit *test)
{
	init(1);
	TAP_CHECK(!vh_pic_pending(vm));
	pulse(5);
	TAP_CHECK(vh_pic_pending(vm));
	TAP_EQ(env_kicks[0] > 0, 1);
	TAP_EQ(in(0x20), 0x20);			/* IRR */
	TAP_EQ(take(0), 0x35);
	TAP_EQ(in(0x20), 0);
	out(0x20, 0x0b);
	TAP_EQ(in(0x20), 0x20);			/* ISR */
	/* Fully nested: 6 waits, 3 interrupts. */
	pulse(6);
	TAP_CHECK(!vh_pic_pending(vm));
	pulse(3);
	TAP_EQ(take(0), 0x33);
	TAP_EQ(in(0x20), 0x28);
	out(0x20, 0x20);			/* the highest in service ends */
	TAP_EQ(in(0x20), 0x20);
	TAP_EQ(acks(3), 1);
	TAP_CHECK(!vh_pic_pending(vm));
	out(0x20, 0x65);			/* specific: 5 */
	TAP_EQ(in(0x20), 0);
	TAP_EQ(acks(5), 1);
	TAP_EQ(take(0), 0x36);
	out(0x20, 0x20);
	/* Masks. */
	out(0x21, 0x02);
	TAP_EQ(in(0x21), 0x02);
	TAP_EQ(vh_pic_set_line(vm->irqchip, 1, SRC_USER, 1), -1);
	TAP_CHECK(!vh_pic_pending(vm));
	vh_irq_line(vm, 1, 0);
	out(0x21, 0);
	TAP_EQ(take(0), 0x31);			/* the edge was latched */
	out(0x20, 0x20);
	TAP_CHECK(!vh_pic_pending(vm));
	env_destroy();
}

static void cascade(struct kunit *test)
{
	init(1);
	pulse(12);
	TAP_EQ(take(0), 0x3c);
	out(0x20, 0x0b);
	out(0xa0, 0x0b);
	TAP_EQ(in(0x20), 0x04);
	TAP_EQ(in(0xa0), 0x10);
	/* Without special fully nested mode the slave waits for the master's EOI. */
	pulse(8);
	TAP_CHECK(!vh_pic_pending(vm));
	out(0xa0, 0x20);
	out(0x20, 0x20);
	TAP_EQ(take(0), 0x38);
	out(0xa0, 0x20);
	out(0x20, 0x20);
	TAP_EQ(in(0x20), 0);
	/* Both at once: 1 before the slave's, these before 3. */
	pulse(3);
	pulse(15);
	pulse(1);
	TAP_EQ(take(0), 0x31);
	out(0x20, 0x20);
	TAP_EQ(take(0), 0x3f);
	out(0xa0, 0x20);
	out(0x20, 0x20);
	TAP_EQ(take(0), 0x33);
	out(0x20, 0x20);
	env_destroy();

	init(0x11);				/* special fully nested */
	pulse(12);
	TAP_EQ(take(0), 0x3c);
	pulse(9);
	TAP_EQ(take(0), 0x39);
	out(0xa0, 0x20);
	out(0xa0, 0x20);
	out(0x20, 0x20);
	TAP_CHECK(!vh_pic_pending(vm));
	env_destroy();
}

static void levels(struct kunit *test)
{
	init(1);
	out(0x4d0, 0xff);
	TAP_EQ(in(0x4d0), 0xf8);
	out(0x4d1, 0xff);
	TAP_EQ(in(0x4d1), 0xde);
	vh_irq_line(vm, 5, 1);
	TAP_EQ(take(0), 0x35);
	out(0x20, 0x20);
	TAP_EQ(take(0), 0x35);			/* still up */
	vh_irq_line(vm, 5, 0);
	out(0x20, 0x20);
	TAP_CHECK(!vh_pic_pending(vm));
	/* Gone before the acknowledge: the spurious vector, nothing in service. */
	vh_irq_line(vm, 5, 1);
	TAP_CHECK(vh_pic_pending(vm));
	vh_irq_line(vm, 5, 0);
	TAP_CHECK(!vh_pic_pending(vm));
	TAP_EQ(vh_pic_ack(vm), 0x37);
	out(0x20, 0x0b);
	TAP_EQ(in(0x20), 0);
	/* A level that a resampling eventfd holds falls with the EOI. */
	vh_irq_set(vm, 10, SRC_RESAMPLE, 1);
	TAP_EQ(take(0), 0x3a);
	TAP_EQ(acks(10), 0);
	out(0xa0, 0x20);
	out(0x20, 0x20);
	TAP_EQ(acks(10), 1);
	TAP_CHECK(!vh_pic_pending(vm));
	env_destroy();
}

static void spurious_slave(struct kunit *test)
{
	init(1);
	out(0x4d1, 0x02);
	vh_irq_line(vm, 9, 1);
	TAP_CHECK(vh_pic_pending(vm));
	/* The slave's request goes between its INT and the acknowledge. */
	vm->irqchip->pic[1].irr = 0;
	TAP_EQ(vh_pic_ack(vm), 0x3f);
	out(0x20, 0x0b);
	out(0xa0, 0x0b);
	TAP_EQ(in(0x20), 0x04);			/* the master's is real */
	TAP_EQ(in(0xa0), 0);
	out(0x20, 0x20);
	env_destroy();
}

static void rotation(struct kunit *test)
{
	init(1);
	pulse(0);
	TAP_EQ(take(0), 0x30);
	out(0x20, 0xa0);			/* non-specific EOI, rotate: 0 is lowest */
	pulse(0);
	pulse(7);
	TAP_EQ(take(0), 0x37);
	out(0x20, 0x20);
	TAP_EQ(take(0), 0x30);
	out(0x20, 0x20);
	out(0x20, 0xc4);			/* set priority: 4 is lowest, 5 highest */
	pulse(4);
	pulse(5);
	pulse(3);
	TAP_EQ(take(0), 0x35);
	out(0x20, 0xe5);			/* specific EOI, rotate: 5 is lowest */
	TAP_EQ(take(0), 0x33);
	out(0x20, 0x20);
	TAP_EQ(take(0), 0x34);
	out(0x20, 0x20);
	env_destroy();
}

static void automatic_eoi(struct kunit *test)
{
	init(3);
	pulse(4);
	TAP_EQ(take(0), 0x34);
	out(0x20, 0x0b);
	TAP_EQ(in(0x20), 0);
	TAP_EQ(acks(4), 1);
	out(0x20, 0x80);			/* rotate on automatic EOI */
	pulse(1);
	TAP_EQ(take(0), 0x31);
	pulse(1);
	pulse(3);
	TAP_EQ(take(0), 0x33);
	TAP_EQ(take(0), 0x31);
	out(0x20, 0x00);
	env_destroy();
}

static void special_mask(struct kunit *test)
{
	init(1);
	pulse(1);
	TAP_EQ(take(0), 0x31);
	pulse(6);
	TAP_CHECK(!vh_pic_pending(vm));
	out(0x20, 0x68);
	out(0x21, 0x02);			/* 1 masked: it holds nobody up */
	TAP_EQ(take(0), 0x36);
	out(0x20, 0x66);
	out(0x20, 0x48);
	out(0x21, 0);
	pulse(6);
	TAP_CHECK(!vh_pic_pending(vm));
	out(0x20, 0x61);
	TAP_EQ(take(0), 0x36);
	env_destroy();
}

static void poll(struct kunit *test)
{
	init(1);
	out(0x20, 0x0c);
	TAP_EQ(in(0x20) & 0x80, 0);
	pulse(3);
	out(0x20, 0x0c);
	TAP_EQ(in(0x20), 0x83);
	TAP_CHECK(!vh_pic_pending(vm));
	out(0x20, 0x0b);
	TAP_EQ(in(0x20), 0x08);			/* a poll acknowledges */
	out(0x20, 0x20);
	/* The next read, of whichever port. */
	pulse(4);
	out(0x20, 0x0c);
	TAP_EQ(in(0x21), 0x84);
	TAP_EQ(in(0x21), 0);
	env_destroy();
}

static void initialization(struct kunit *test)
{
	init(1);
	vh_irq_line(vm, 6, 1);
	pulse(2);
	TAP_EQ(take(0), 0x36);
	pulse(7);
	out(0x20, 0x0b);
	out(0x20, 0x11);			/* ICW1: all is forgotten */
	TAP_EQ(in(0x20), 0);			/* and IRR is selected */
	TAP_CHECK(!vh_pic_pending(vm));
	TAP_EQ(acks(6), 1);
	out(0x21, 0x47);
	out(0x21, 0x04);
	out(0x21, 0x01);
	TAP_EQ(in(0x21), 0);
	/* The line that stayed up makes no new edge. */
	vh_irq_line(vm, 6, 1);
	TAP_CHECK(!vh_pic_pending(vm));
	vh_irq_line(vm, 6, 0);
	vh_irq_line(vm, 6, 1);
	TAP_EQ(take(0), 0x46);			/* the low three bits are the input's */
	/* Without ICW4. */
	out(0x20, 0x10);
	out(0x21, 0x50);
	out(0x21, 0x04);
	out(0x21, 0xfe);
	TAP_EQ(in(0x21), 0xfe);
	env_destroy();
}

static void delivery(struct kunit *test)
{
	init(1);
	/* LVT0 decides who takes it. */
	wr(0, APIC_LVT0_, 0x10700);
	pulse(5);
	TAP_EQ(vh_irq_pending(vcpus[0]), -1);
	wr(0, APIC_LVT0_, 0x700);
	vh_lapic_post(vcpus[0], 0x80, false);
	TAP_CHECK(vh_irq_pending(vcpus[0]) >= 0);
	TAP_EQ(take(0), 0x35);
	TAP_EQ(take(0), 0x80);
	/* A LAPIC that is off in hardware lets INTR through. */
	vh_lapic_set_base(vcpus[0], 0xfee00100, false);
	out(0x20, 0x20);
	pulse(4);
	TAP_EQ(take(0), 0x34);
	env_destroy();
}

static void state(struct kunit *test)
{
	struct kvm_irqchip a, b;
	unsigned int i;

	init(1);
	pulse(3);
	pulse(10);
	TAP_EQ(take(0), 0x3a);
	for (i = 0; i < 2; i++) {
		memset(&a, 0, sizeof(a));
		memset(&b, 0, sizeof(b));
		a.chip_id = i;
		b.chip_id = i;
		TAP_EQ(vh_irqchip_get(vm, &a), 0);
		TAP_EQ(vh_irqchip_set(vm, &a), 0);
		TAP_EQ(vh_irqchip_get(vm, &b), 0);
		TAP_CHECK(!memcmp(&a, &b, sizeof(a)));
	}
	TAP_EQ(b.chip.pic.isr, 0x04);
	/* Garbage: every register stays in its range, whatever comes then. */
	memset(&a, 0xff, sizeof(a));
	for (i = 0; i < 2; i++) {
		a.chip_id = i;
		TAP_EQ(vh_irqchip_set(vm, &a), 0);
	}
	TAP_EQ(in(0x4d0), 0xf8);
	for (i = 0; i < 16; i++)
		pulse(i);
	vh_pic_ack(vm);
	for (i = 0; i < 256; i++) {
		u8 v = i;

		vh_bus_pio(vcpus[0], i & 1 ? 0xa0 : 0x20, &v, 1, true);
		vh_bus_pio(vcpus[0], i & 1 ? 0x21 : 0xa1, &v, 1, true);
		vh_bus_pio(vcpus[0], 0x20, &v, 1, false);
		vh_pic_ack(vm);
	}
	env_destroy();
}

static struct kunit_case pic_cases[] = {
	KUNIT_CASE(nested),
	KUNIT_CASE(cascade),
	KUNIT_CASE(levels),
	KUNIT_CASE(spurious_slave),
	KUNIT_CASE(rotation),
	KUNIT_CASE(automatic_eoi),
	KUNIT_CASE(special_mask),
	KUNIT_CASE(poll),
	KUNIT_CASE(initialization),
	KUNIT_CASE(delivery),
	KUNIT_CASE(state),
	{}
};

TAP_SUITE("vh-pic", pic_cases);
