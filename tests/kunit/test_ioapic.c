// SPDX-License-Identifier: GPL-2.0-only
/* The I/O APIC against the 82093AA data sheet, and the routes to it and to the 8259s. */
#include "irq_env.h"

#define MASKED	0x10000
#define LEVEL	0x8000

static void sel(u32 reg)
{
	vh_bus_mmio(vcpus[0], 0xfec00000, &reg, 4, true);
}

static u32 get(u32 reg)
{
	u32 value = 0xdeadbeef;

	sel(reg);
	vh_bus_mmio(vcpus[0], 0xfec00010, &value, 4, false);
	return value;
}

static void set(u32 reg, u32 value)
{
	sel(reg);
	vh_bus_mmio(vcpus[0], 0xfec00010, &value, 4, true);
}

static void pin(unsigned int n, u32 low, u8 dest)
{
	set(0x11 + 2 * n, (u32)dest << 24);
	set(0x10 + 2 * n, low);
}

static void registers(struct kunit *test)
{
	unsigned int i, bad = 0;
	u8 byte = 0x10;
	u64 wide = 0;

	env_create(1);
	TAP_EQ(get(0), 0);
	TAP_EQ(get(1), 0x170011);
	for (i = 0; i < 24; i++)
		bad += get(0x10 + 2 * i) != MASKED || get(0x11 + 2 * i);
	TAP_EQ(bad, 0);
	set(0, 0xffffffff);
	TAP_EQ(get(0), 0x0f000000);
	TAP_EQ(get(2), 0x0f000000);
	set(1, 0);
	TAP_EQ(get(1), 0x170011);
	/* Delivery status and remote IRR are the chip's, 31:17 are reserved. */
	set(0x12, 0xffffffff);
	TAP_EQ(get(0x12), 0x1afff);
	set(0x13, 0xffffffff);
	TAP_EQ(get(0x13), 0xff000000);
	/* Beyond the last pin there is nothing. */
	set(0x40, 0);
	TAP_EQ(get(0x40), 0xffffffff);
	TAP_EQ(get(0xff), 0xffffffff);
	/* The index register is a byte wide; reads of other lengths stay in bounds. */
	sel(0xffffff01);
	vh_bus_mmio(vcpus[0], 0xfec00000, &wide, 8, false);
	TAP_EQ(wide, 1);
	vh_bus_mmio(vcpus[0], 0xfec00010, &byte, 1, false);
	TAP_EQ(byte, 0x11);
	TAP_CHECK(!vh_bus_mmio(vcpus[0], 0xfec00100, &wide, 8, false));
	TAP_CHECK(!vh_bus_mmio(vcpus[0], 0xfebfffff, &wide, 1, false));
	env_destroy();
}

static void edge(struct kunit *test)
{
	env_create(2);
	pin(5, 0x45, 1);
	TAP_EQ(vh_irq_line(vm, 5, 1), 1);
	TAP_EQ(take(0), -1);
	TAP_EQ(take_eoi(1), 0x45);
	/* Only a rise counts. */
	vh_irq_line(vm, 5, 1);
	TAP_EQ(take_eoi(1), -1);
	vh_irq_line(vm, 5, 0);
	vh_irq_line(vm, 5, 1);
	vh_irq_line(vm, 5, 0);
	TAP_EQ(vh_ioapic_set_line(vm->irqchip, 5, SRC_USER, 1), 0);
	vh_irq_line(vm, 5, 0);
	TAP_EQ(take_eoi(1), 0x45);
	TAP_EQ(take_eoi(1), -1);
	/* An edge at a masked pin is lost. */
	pin(5, MASKED | 0x45, 1);
	TAP_EQ(vh_ioapic_set_line(vm->irqchip, 5, SRC_USER, 1), -1);
	vh_irq_line(vm, 5, 0);
	pin(5, 0x45, 1);
	TAP_EQ(take_eoi(1), -1);
	/* Lines of two sources are one wire. */
	vh_ioapic_set_line(vm->irqchip, 5, SRC_USER, 1);
	vh_ioapic_set_line(vm->irqchip, 5, SRC_PIT, 1);
	vh_ioapic_set_line(vm->irqchip, 5, SRC_USER, 0);
	vh_ioapic_set_line(vm->irqchip, 5, SRC_USER, 1);
	TAP_EQ(take_eoi(1), 0x45);
	TAP_EQ(take_eoi(1), -1);
	TAP_EQ(vh_ioapic_set_line(vm->irqchip, 24, SRC_USER, 1), -1);
	TAP_EQ(vh_irq_line(vm, 0xffffffff, 1), 0);
	env_destroy();
}

static void level(struct kunit *test)
{
	env_create(2);
	pin(10, LEVEL | 0x5a, 1);
	vh_irq_line(vm, 10, 1);
	TAP_EQ(get(0x10 + 20) & 0x4000, 0x4000);
	TAP_EQ(take(1), 0x5a);
	TAP_EQ(vh_ioapic_set_line(vm->irqchip, 10, SRC_USER, 1), 0);
	/* Still up at the EOI: again. */
	wr(1, APIC_EOI_, 0);
	TAP_EQ(acks(10), 1);
	TAP_EQ(get(0x10 + 20) & 0x4000, 0x4000);
	TAP_EQ(take(1), 0x5a);
	vh_irq_line(vm, 10, 0);
	wr(1, APIC_EOI_, 0);
	TAP_EQ(get(0x10 + 20) & 0x4000, 0);
	TAP_EQ(take(1), -1);
	/* Up while it is masked: it comes with the unmasking. */
	pin(10, MASKED | LEVEL | 0x5a, 1);
	vh_irq_line(vm, 10, 1);
	TAP_EQ(take(1), -1);
	pin(10, LEVEL | 0x5a, 1);
	TAP_EQ(take(1), 0x5a);
	/* Masked in service: the EOI does not send it again, the unmasking does. */
	set(0x10 + 20, MASKED | LEVEL | 0x5a);
	wr(1, APIC_EOI_, 0);
	TAP_EQ(take(1), -1);
	set(0x10 + 20, LEVEL | 0x5a);
	TAP_EQ(take(1), 0x5a);
	/* Another vector's EOI is none of its business. */
	vh_lapic_post(vcpus[1], 0x70, false);
	TAP_EQ(take(1), 0x70);
	wr(1, APIC_EOI_, 0);
	TAP_EQ(get(0x10 + 20) & 0x4000, 0x4000);
	/* To edge: remote IRR goes. */
	set(0x10 + 20, 0x5a);
	TAP_EQ(get(0x10 + 20) & 0x4000, 0);
	vh_irq_line(vm, 10, 0);
	wr(1, APIC_EOI_, 0);
	/* Nobody there: no remote IRR, and it is tried again when somebody is. */
	pin(10, LEVEL | 0x5a, 7);
	vh_irq_line(vm, 10, 1);
	TAP_EQ(get(0x10 + 20) & 0x4000, 0);
	pin(10, LEVEL | 0x5a, 1);
	TAP_EQ(take(1), 0x5a);
	env_destroy();
}

static void shared_vector(struct kunit *test)
{
	env_create(1);
	pin(8, LEVEL | 0x60, 0);
	pin(9, LEVEL | 0x60, 0);
	vh_irq_line(vm, 8, 1);
	vh_irq_line(vm, 9, 1);
	TAP_EQ(take(0), 0x60);
	vh_irq_line(vm, 8, 0);
	wr(0, APIC_EOI_, 0);
	TAP_EQ(acks(8), 1);
	TAP_EQ(acks(9), 1);
	/* 9 is still up. */
	TAP_EQ(take(0), 0x60);
	vh_irq_line(vm, 9, 0);
	wr(0, APIC_EOI_, 0);
	TAP_EQ(take(0), -1);
	env_destroy();
}

static void modes(struct kunit *test)
{
	u64 map[4];

	env_create(4);
	pin(3, 0x400, 2);			/* NMI */
	vh_irq_line(vm, 3, 1);
	TAP_EQ(env_nmis[2], 1);
	pin(4, 0x500, 2);			/* INIT */
	vh_irq_line(vm, 4, 1);
	TAP_EQ(env_inits[2], 1);
	pin(6, 0x0044, 0xff);			/* broadcast */
	vh_irq_line(vm, 6, 1);
	TAP_EQ(take_eoi(0), 0x44);
	TAP_EQ(take_eoi(3), 0x44);
	wr(1, APIC_LDR_, 4u << 24);
	pin(7, 0x0945, 4);			/* logical, lowest priority */
	vh_irq_line(vm, 7, 1);
	TAP_EQ(take_eoi(1), 0x45);
	/* EOIs that must not be missed with virtual-interrupt delivery. */
	pin(11, LEVEL | 0xc3, 1);
	TAP_CHECK(vcpus[3]->requests & BIT(VH_REQ_EOI_BITMAP));
	vh_lapic_eoi_exit_bitmap(vcpus[0], map);
	TAP_EQ(map[3], 8);
	TAP_EQ(map[0] | map[1] | map[2], 0);
	env_destroy();
}

/* The order of resampling: first the line falls, then the device is told. */
static void resample(struct kunit *test)
{
	env_create(1);
	pin(12, LEVEL | 0x61, 0);
	vh_irq_set(vm, 12, SRC_RESAMPLE, 1);
	TAP_EQ(take(0), 0x61);
	wr(0, APIC_EOI_, 0);
	TAP_EQ(acks(12), 1);
	TAP_EQ(take(0), -1);
	/* Beside it another device holds the line. */
	vh_irq_set(vm, 12, SRC_RESAMPLE, 1);
	vh_irq_line(vm, 12, 1);
	TAP_EQ(take(0), 0x61);
	wr(0, APIC_EOI_, 0);
	TAP_EQ(acks(12), 2);
	TAP_EQ(take(0), 0x61);
	vh_irq_line(vm, 12, 0);
	wr(0, APIC_EOI_, 0);
	TAP_EQ(take(0), -1);
	env_destroy();
}

static void state(struct kunit *test)
{
	struct kvm_irqchip a, b;

	env_create(1);
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	pin(10, LEVEL | 0x5a, 0);
	pin(11, 0x5b, 0);
	vh_irq_line(vm, 10, 1);
	a.chip_id = KVM_IRQCHIP_IOAPIC;
	b.chip_id = KVM_IRQCHIP_IOAPIC;
	TAP_EQ(vh_irqchip_get(vm, &a), 0);
	TAP_EQ(a.chip.ioapic.base_address, 0xfec00000);
	TAP_EQ(a.chip.ioapic.irr, BIT(10));
	TAP_EQ(a.chip.ioapic.redirtbl[10].fields.remote_irr, 1);
	TAP_EQ(vh_irqchip_set(vm, &a), 0);
	TAP_EQ(vh_irqchip_get(vm, &b), 0);
	TAP_CHECK(!memcmp(&a, &b, sizeof(a)));
	/* The line of the restored state is up until somebody lowers it. */
	TAP_EQ(take(0), 0x5a);
	wr(0, APIC_EOI_, 0);
	TAP_EQ(take(0), 0x5a);
	vh_irq_line(vm, 10, 0);
	wr(0, APIC_EOI_, 0);
	TAP_EQ(take(0), -1);
	a.chip.ioapic.base_address += 0x1000;
	TAP_EQ(vh_irqchip_set(vm, &a), -EINVAL);
	a.chip_id = 3;
	TAP_EQ(vh_irqchip_get(vm, &a), -EINVAL);
	memset(&a, 0xff, sizeof(a));
	a.chip_id = KVM_IRQCHIP_IOAPIC;
	a.chip.ioapic.base_address = 0xfec00000;
	TAP_EQ(vh_irqchip_set(vm, &a), 0);
	TAP_EQ(get(0), 0x0f000000);
	TAP_EQ(get(1), 0x170011);
	env_destroy();
}

static void routes(struct kunit *test)
{
	struct kvm_irq_routing_entry e[4] = { 0 };
	struct kvm_msi m = { .address_lo = 0xfee01000, .data = 0x47 };

	env_create(2);
	TAP_EQ(vh_irq_signal_msi(vm, &m), 1);
	TAP_EQ(vh_irq_signal_msi(vm, &m), 0);		/* waits already */
	TAP_EQ(take_eoi(1), 0x47);
	m.address_lo = 0xfee05000;
	TAP_EQ(vh_irq_signal_msi(vm, &m), 0);		/* nobody */
	m.flags = 1;
	TAP_EQ(vh_irq_signal_msi(vm, &m), -EINVAL);
	/* Redirection hint with a logical destination: one of them. */
	wr(0, APIC_LDR_, 1u << 24);
	wr(1, APIC_LDR_, 2u << 24);
	m = (struct kvm_msi){ .address_lo = 0xfee0300c, .data = 0x48 };
	TAP_EQ(vh_irq_signal_msi(vm, &m), 1);
	TAP_EQ((take_eoi(0) == 0x48) + (take_eoi(1) == 0x48), 1);

	e[0].gsi = 100;
	e[0].type = KVM_IRQ_ROUTING_MSI;
	e[0].u.msi.address_lo = 0xfee00000;
	e[0].u.msi.data = 0x49;
	e[1].gsi = 3;
	e[1].type = KVM_IRQ_ROUTING_IRQCHIP;
	e[1].u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
	e[1].u.irqchip.pin = 23;
	e[2] = e[1];
	e[2].u.irqchip.irqchip = KVM_IRQCHIP_PIC_SLAVE;
	e[2].u.irqchip.pin = 7;
	mutex_lock(&vm->lock);
	TAP_EQ(vh_irq_set_routing(vm, e, 3, 0), 0);
	pin(23, 0x50, 1);
	TAP_EQ(vh_irq_line(vm, 100, 1), 1);
	TAP_EQ(take_eoi(0), 0x49);
	TAP_EQ(vh_irq_line(vm, 100, 0), 0);
	TAP_EQ(take_eoi(0), -1);
	vh_irq_line(vm, 3, 1);
	TAP_EQ(take_eoi(1), 0x50);
	TAP_EQ(vm->irqchip->pic[1].irr, 0x80);
	TAP_EQ(vh_irq_line(vm, 5, 1), 0);		/* not in the table any more */
	/* Bad tables leave the old one in place. */
	e[2].u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
	TAP_EQ(vh_irq_set_routing(vm, e, 3, 0), -EINVAL);
	e[2].u.irqchip.irqchip = KVM_IRQCHIP_PIC_MASTER;
	e[2].u.irqchip.pin = 8;
	TAP_EQ(vh_irq_set_routing(vm, e, 3, 0), -EINVAL);
	e[2] = e[0];
	e[2].gsi = 3;
	TAP_EQ(vh_irq_set_routing(vm, e, 3, 0), -EINVAL);
	e[2].gsi = VH_MAX_GSI;
	TAP_EQ(vh_irq_set_routing(vm, e, 3, 0), -EINVAL);
	TAP_EQ(vh_irq_line(vm, 100, 1), 1);
	TAP_EQ(vh_irq_set_routing(vm, NULL, 0, 0), 0);
	TAP_EQ(vh_irq_line(vm, 100, 1), 0);
	mutex_unlock(&vm->lock);
	env_destroy();
}

static struct kunit_case ioapic_cases[] = {
	KUNIT_CASE(registers),
	KUNIT_CASE(edge),
	KUNIT_CASE(level),
	KUNIT_CASE(shared_vector),
	KUNIT_CASE(modes),
	KUNIT_CASE(resample),
	KUNIT_CASE(state),
	KUNIT_CASE(routes),
	{}
};

TAP_SUITE("vh-ioapic", ioapic_cases);
