// SPDX-License-Identifier: GPL-2.0-only
/*
 * bus.c - which in-kernel device answers an access.
 */
#include "internal.h"

#define APIC_PAGE	0xfee00000ULL

/**
 * vh_bus_pio_chip - an access to a port of the PICs or the PIT
 * @vcpu: own thread
 * @port: its number
 * @data: in or out
 * @len: 1, 2 or 4 bytes
 * @write: direction
 *
 * Also in the window: takes raw locks only. True when a chip took it.
 */
bool vh_bus_pio_chip(struct vh_vcpu *vcpu, u16 port, void *data, unsigned int len, bool write)
{
	struct vh_vm *vm = vcpu->vm;
	int taken;

	/* The chips are 8 bits wide. */
	if (len != 1 || vcpu->user_pic)
		return false;
	taken = vh_pic_io(vm->irqchip, port, data, write);
	if (!taken)
		return vh_pit_io(vcpu->vm, port, data, write);
	if (unlikely(taken > 1))
		vh_irq_note_acks(vcpu);
	return true;
}

/*
 * A write that no chip took. Behind one of the same instruction that userspace has yet to see
 * nothing may be put down that it reads first.
 */
static bool watched(struct vh_vcpu *vcpu, u64 addr, const void *data, unsigned int len, bool pio)
{
	struct vh_vm *vm = vcpu->vm;

	if (likely(!READ_ONCE(vm->eventfds->watched)))
		return false;
	return vh_ioeventfd_hit(vm, addr, data, len, pio) ||
	       (!vcpu->owes_write && vh_coalesce(vm, addr, data, len, pio));
}

/**
 * vh_bus_pio_watched - a write to a port that no chip took: an eventfd's, or put down for userspace?
 * @vcpu: own thread, process context
 * @port: its number
 * @data: what is written
 * @len: 1, 2 or 4 bytes
 */
bool vh_bus_pio_watched(struct vh_vcpu *vcpu, u16 port, const void *data, unsigned int len)
{
	return watched(vcpu, port, data, len, true);
}

/**
 * vh_bus_pio - an access to a port
 * @vcpu: own thread, process context
 * @port: its number
 * @data: in or out
 * @len: 1, 2 or 4 bytes
 * @write: direction
 *
 * True when a device took it, or it was put down for userspace (coalesce.c).
 */
bool vh_bus_pio(struct vh_vcpu *vcpu, u16 port, void *data, unsigned int len, bool write)
{
	return vh_bus_pio_chip(vcpu, port, data, len, write) ||
	       (write && watched(vcpu, port, data, len, true));
}

/* The page of the vCPU's xAPIC, or where that would be. Apart: others would pay for its registers. */
static noinline bool apic_page(struct vh_vcpu *vcpu, gpa_t gpa, void *data, unsigned int len, bool write)
{
	if (!vh_lapic_hw_enabled(vcpu) || vh_lapic_x2apic(vcpu)) {
		if (!vh_has_quirk(vcpu->vm, KVM_X86_QUIRK_LAPIC_MMIO_HOLE))
			return write && watched(vcpu, gpa, data, len, false);
		if (!write)
			memset(data, 0xff, len);
	} else if (write) {
		vh_lapic_mmio_write(vcpu, gpa & ~PAGE_MASK, data, len);
	} else {
		vh_lapic_mmio_read(vcpu, gpa & ~PAGE_MASK, data, len);
	}
	return true;
}

/**
 * vh_bus_mmio - an access to guest-physical memory that is no RAM
 * @vcpu: own thread, process context
 * @gpa: guest-physical address
 * @data: in or out
 * @len: 1 to 8 bytes
 * @write: direction
 *
 * True when a device took it, or it was put down for userspace.
 */
bool vh_bus_mmio(struct vh_vcpu *vcpu, gpa_t gpa, void *data, unsigned int len, bool write)
{
	struct vh_vm *vm = vcpu->vm;

	if (vcpu->lapic && (gpa & PAGE_MASK) == APIC_PAGE)
		return apic_page(vcpu, gpa, data, len, write);
	if (!vcpu->user_pic && gpa >= VH_IOAPIC_BASE && gpa < VH_IOAPIC_BASE + 0x100) {
		vh_ioapic_mmio(vm->irqchip, gpa - VH_IOAPIC_BASE, data, len, write);
		return true;
	}
	return write && watched(vcpu, gpa, data, len, false);
}
