// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipi.c - interrupt messages find their LAPICs (SDM 11.6, 11.10, 11.12.10).
 */
#include "internal.h"

static bool match_logical(const struct vh_lapic *a, u32 dest)
{
	u32 ldr = READ_ONCE(a->ldr);

	if (READ_ONCE(a->x2apic))
		return ldr >> 16 == dest >> 16 && (ldr & dest & 0xffff);
	ldr >>= 24;
	if (READ_ONCE(a->dfr) >> 28 == 0xf)
		return ldr & dest & 0xff;		/* flat */
	return ldr >> 4 == dest >> 4 && (ldr & dest & 15);	/* cluster */
}

#define ALL_XAPICS	0xffu
#define ALL_X2APICS	0xffffffffu

/*
 * Does a destination stand for everybody, this vCPU too? x2APICs' messages have 32 bits of it, all others' have
 * 8, chips' too; these reach x2APICs as well, although SDM 11.12.9 has none of it without interrupt remapping,
 * for KVM has it so unless KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK.
 */
static bool broadcast(const struct vh_lapic *a, struct vh_vcpu *src, u32 dest)
{
	bool x2apic = READ_ONCE(a->x2apic);

	if (READ_ONCE(a->vcpu->vm->x2apic_api) & KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK)
		return dest == (x2apic ? ALL_X2APICS : ALL_XAPICS);
	if (src && READ_ONCE(src->lapic->x2apic))
		return dest == ALL_X2APICS;
	return dest == ALL_XAPICS || (dest == ALL_X2APICS && x2apic);
}

static bool match(struct vh_vcpu *vcpu, struct vh_vcpu *src, const struct vh_msi *m)
{
	const struct vh_lapic *a = vcpu->lapic;

	if (!a || !READ_ONCE(a->hw_enabled))
		return false;
	switch (m->shorthand) {
	case 1:
		return vcpu == src;
	case 2:
		return true;
	case 3:
		return vcpu != src;
	}
	if (broadcast(a, src, m->dest))
		return true;
	return m->logical ? match_logical(a, m->dest) : READ_ONCE(a->id) == m->dest;
}

/* 1: taken, 0: it was waiting already, -1: not accepted. */
static int deliver_one(struct vh_vcpu *vcpu, const struct vh_msi *m)
{
	switch (m->delivery_mode) {
	case MODE_FIXED:
	case MODE_LOWEST:
		if (!READ_ONCE(vcpu->lapic->sw_enabled) || m->vector < 16)
			return -1;
		return vh_lapic_post(vcpu, m->vector, m->level);
	case MODE_SMI:
		vh_vcpu_post_smi(vcpu);
		return 1;
	case MODE_NMI:
		vh_vcpu_post_nmi(vcpu);
		return 1;
	case MODE_INIT:
		/* The de-assert only synchronizes arbitration ids: nothing to do (SDM 11.6.1). */
		if (!m->level || m->assert)
			vh_vcpu_post_init(vcpu);
		return 1;
	case MODE_SIPI:
		vh_vcpu_post_sipi(vcpu, m->vector);
		return 1;
	case MODE_EXTINT:
		vh_vcpu_kick(vcpu);
		return 1;
	}
	return -1;
}

/* The usual cases: the sender itself, or one physical destination whose index is its id. NULL: all have to be looked at. */
static struct vh_vcpu *direct(struct vh_vm *vm, struct vh_vcpu *src, const struct vh_msi *m)
{
	struct vh_vcpu *vcpu = src;

	if (m->shorthand != 1) {
		if (m->shorthand || m->logical || m->dest == ALL_XAPICS || m->dest >= smp_load_acquire(&vm->nr_vcpus))
			return NULL;
		vcpu = vh_vcpu_at(vm, m->dest);
		if (!vcpu->lapic || READ_ONCE(vcpu->lapic->id) != m->dest)
			return NULL;
	}
	return READ_ONCE(vcpu->lapic->hw_enabled) ? vcpu : NULL;
}

/* Of those that match, the next after the one that was chosen last. */
static int deliver_lowest(struct vh_vm *vm, struct vh_vcpu *src, const struct vh_msi *m)
{
	unsigned int n = smp_load_acquire(&vm->nr_vcpus), i;
	unsigned int start = READ_ONCE(vm->irqchip->round_robin);

	for (i = 0; i < n; i++) {
		unsigned int at = (start + i) % n;
		struct vh_vcpu *vcpu = vh_vcpu_at(vm, at);

		if (match(vcpu, src, m) && READ_ONCE(vcpu->lapic->sw_enabled)) {
			WRITE_ONCE(vm->irqchip->round_robin, at + 1);
			return deliver_one(vcpu, m);
		}
	}
	return -1;
}

/**
 * vh_irq_deliver - deliver an interrupt message
 * @vm: the VM
 * @src: sending vCPU, or NULL
 * @m: the message
 *
 * Any context. Returns how many vCPUs took it, 0 when it was waiting there
 * already, -1 when none matched.
 */
int vh_irq_deliver(struct vh_vm *vm, struct vh_vcpu *src, const struct vh_msi *m)
{
	struct vh_vcpu *vcpu = direct(vm, src, m);
	int count = -1, got;
	unsigned int i;

	if (vcpu)
		return deliver_one(vcpu, m);
	if (m->delivery_mode == MODE_LOWEST)
		return deliver_lowest(vm, src, m);
	vh_for_each_vcpu(i, vcpu, vm) {
		if (!match(vcpu, src, m))
			continue;
		got = deliver_one(vcpu, m);
		if (got >= 0)
			count = max(count, 0) + got;
	}
	return count;
}

/*
 * Each vCPU that a message wakes costs some microseconds. From this many on what may go to
 * all of them is sent with interrupts on.
 */
#define MANY_VCPUS	8

/* Nor is it short to go over so many and find few: each LAPIC is another line of the cache. */
#define SCAN_VCPUS	128

/**
 * vh_irq_is_wide - might a message go to many vCPUs?
 * @vm: the VM
 * @src: sending vCPU, or NULL
 * @m: the message
 *
 * Any context. Also when all would have to be looked at, and they are many. A physical destination has 16 vCPUs at most,
 * for xAPICs have 8 bits of their ids, as long as guests leave these as they are; and an x2APIC's logical one 16.
 */
bool vh_irq_is_wide(struct vh_vm *vm, struct vh_vcpu *src, const struct vh_msi *m)
{
	unsigned int n = READ_ONCE(vm->nr_vcpus);

	if (n < MANY_VCPUS || direct(vm, src, m))
		return false;
	if (n > SCAN_VCPUS)
		return true;
	if (m->delivery_mode == MODE_LOWEST)
		return false;
	if (m->shorthand || m->dest == ALL_X2APICS)
		return true;
	if (!m->logical && atomic_read(&vm->irqchip->renamed) >= MANY_VCPUS)
		return true;
	if (src && READ_ONCE(src->lapic->x2apic))
		return m->logical && atomic_read(&vm->irqchip->grouped) >= MANY_VCPUS;
	return m->logical || m->dest == ALL_XAPICS;
}

static void icr_message(u32 low, u32 dest, struct vh_msi *m)
{
	*m = (struct vh_msi){
		.dest = dest,
		.vector = low,
		.delivery_mode = (low >> 8) & 7,
		.logical = low & BIT(11),
		.assert = low & BIT(14),
		/* IPIs are edge-triggered, but for INIT's level de-assert. */
		.level = ((low >> 8) & 7) == MODE_INIT && (low & BIT(15)),
		.shorthand = (low >> 18) & 3,
	};
}

/**
 * vh_lapic_icr_is_wide - is a write of the interrupt-command register for the slow path?
 * @vcpu: own thread
 * @low: bits 31:0
 * @dest: 8-bit or, in x2APIC mode, 32-bit destination
 */
bool vh_lapic_icr_is_wide(struct vh_vcpu *vcpu, u32 low, u32 dest)
{
	struct vh_msi m;

	icr_message(low, dest, &m);
	return vh_irq_is_wide(vcpu->vm, vcpu, &m);
}

/**
 * vh_lapic_write_is_wide - the same of an exit "APIC write", whose value is in the page
 * @vcpu: own thread
 * @offset: in the page
 */
bool vh_lapic_write_is_wide(struct vh_vcpu *vcpu, u32 offset)
{
	const struct vh_lapic *a = vcpu->lapic;

	if ((offset & 0xff0) != APIC_ICR_)
		return false;
	return vh_lapic_icr_is_wide(vcpu, apic_reg(a, APIC_ICR_),
				    a->x2apic ? apic_reg(a, APIC_ICR_ + 4) :
						apic_reg(a, APIC_ICR2_) >> 24);
}

/**
 * vh_apic_send_icr - the interrupt-command register was written
 * @vcpu: own thread
 * @low: bits 31:0
 * @dest: 8-bit or, in x2APIC mode, 32-bit destination
 */
void vh_apic_send_icr(struct vh_vcpu *vcpu, u32 low, u32 dest)
{
	struct vh_msi m;

	icr_message(low, dest, &m);
	vh_irq_deliver(vcpu->vm, vcpu, &m);
}
