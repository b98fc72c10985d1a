// SPDX-License-Identifier: GPL-2.0-only
/*
 * posted.c - interrupts on their way to a LAPIC, from any CPU.
 *
 * Whoever has an interrupt for a vCPU sets the vector's bit in its
 * posted-interrupt descriptor (SDM 30.6), then ON, and whoever turned ON on
 * notifies the vCPU. ON is cleared before the bits are taken: by the processor
 * when the notification reaches it in the guest, by fold() everywhere else.
 *
 * A notification is an interrupt that means nothing to the host. It may come
 * when the guest has just been left, and be gone: ON is looked at when the next
 * window opens, after mode = IN_GUEST, and when a halted vCPU asks whether it
 * may go on. Both come after a full barrier, as the look at mode here comes
 * after the one of setting ON.
 */
#include <linux/smp.h>

#include "internal.h"
#include "../compat/compat.h"

/* The trigger mode goes to TMR at once: what the processor takes over does not touch it. */
static void set_trigger(struct vh_lapic *a, u8 vector, bool level)
{
	unsigned long *word = a->regs + APIC_TMR_ + (vector >> 5) * 16;

	if (level == test_bit(vector & 31, word))
		return;
	if (level)
		set_bit(vector & 31, word);
	else
		clear_bit(vector & 31, word);
}

static void notify(struct vh_vcpu *vcpu)
{
	if (READ_ONCE(vcpu->lapic->notified)) {
		int cpu = get_cpu(), target = -1;

		if (READ_ONCE(vcpu->mode) == VH_IN_GUEST) {
			smp_rmb();	/* cpu is written before mode */
			target = READ_ONCE(vcpu->cpu);
		}
		/* On its own CPU it is not in the guest: it looks before it enters again. */
		if (target >= 0 && target != cpu && cpu_online(target)) {
			vh_notify_cpu(target);
			put_cpu();
			return;
		}
		put_cpu();
	}
	vh_vcpu_kick(vcpu);
}

/**
 * vh_lapic_post - an interrupt arrives
 * @vcpu: its target
 * @vector: interrupt vector
 * @level: level-triggered: its EOI goes to the IOAPIC
 *
 * Any context. False when the same vector was waiting already (SDM 11.8.4).
 */
bool vh_lapic_post(struct vh_vcpu *vcpu, u8 vector, bool level)
{
	struct vh_lapic *a = vcpu->lapic;
	bool first;

	set_trigger(a, vector, level);
	first = !test_and_set_bit(vector, a->posted->pir);
	/* A look at another CPU's page: at worst a tick too many or too few. */
	if (apic_reg(a, APIC_IRR_ + (vector >> 5) * 16) & BIT(vector & 31))
		first = false;
	if (!test_and_set_bit(VH_POSTED_ON, &a->posted->control))
		notify(vcpu);
	return first;
}

/**
 * vh_lapic_enabled - does the LAPIC take up interrupts that are posted?
 * @vcpu: has one; own thread
 *
 * SDM Vol. 3, 11.4.3, 11.4.7.2.
 */
bool vh_lapic_enabled(struct vh_vcpu *vcpu)
{
	const struct vh_lapic *a = vcpu->lapic;

	return a->hw_enabled && a->sw_enabled;
}

/**
 * vh_lapic_posted - is there anything the hardware, or the next entry, has not been told of?
 * @vcpu: own thread
 *
 * Vectors posted since the last fold, or IRR and ISR changed by software while
 * the processor delivers interrupts by itself.
 */
bool vh_lapic_posted(struct vh_vcpu *vcpu)
{
	const struct vh_lapic *a = vcpu->lapic;

	return (READ_ONCE(a->posted->control) & BIT(VH_POSTED_ON)) || a->changed;
}

/**
 * vh_apic_fold - take posted vectors into IRR
 * @a: the LAPIC; own thread, outside the guest
 */
void vh_apic_fold(struct vh_lapic *a)
{
	struct vh_posted *p = a->posted;
	int i;

	if (!(READ_ONCE(p->control) & BIT(VH_POSTED_ON)))
		return;
	clear_bit(VH_POSTED_ON, &p->control);
	smp_mb__after_atomic();
	for (i = 0; i < ARRAY_SIZE(p->pir); i++) {
		unsigned long bits = READ_ONCE(p->pir[i]) ? xchg(&p->pir[i], 0) : 0;
		u32 at = APIC_IRR_ + i * 32;

		if (!bits)
			continue;
		apic_set(a, at, apic_reg(a, at) | (u32)bits);
		apic_set(a, at + 16, apic_reg(a, at + 16) | (u32)(bits >> 32));
		vh_apic_changed(a);
	}
}

/**
 * vh_apic_unpost - forget what was posted: INIT, RESET, KVM_SET_LAPIC
 * @a: the LAPIC; own thread
 */
void vh_apic_unpost(struct vh_lapic *a)
{
	clear_bit(VH_POSTED_ON, &a->posted->control);
	smp_mb__after_atomic();
	memset(a->posted->pir, 0, sizeof(a->posted->pir));
	vh_apic_changed(a);
}

/**
 * vh_lapic_set_virtual - who delivers this vCPU's interrupts from now on
 * @vcpu: own thread, in the window
 * @virtual: the processor (virtual-interrupt delivery is on)
 * @posted: and it takes posted ones without an exit
 */
void vh_lapic_set_virtual(struct vh_vcpu *vcpu, bool virtual, bool posted)
{
	struct vh_lapic *a = vcpu->lapic;

	a->virtual = virtual;
	/* Who sees an old value kicks for nothing, or notifies, which ends in an exit. */
	WRITE_ONCE(a->notified, virtual && posted);
	a->changed = virtual;
}

/**
 * vh_lapic_status - guest interrupt status for the VMCS: RVI, SVI (SDM 25.4.2)
 * @vcpu: own thread, in the window
 *
 * Folds first. The processor is told by this: what changed is forgotten.
 */
u16 vh_lapic_status(struct vh_vcpu *vcpu)
{
	int irr = vh_lapic_sync(vcpu), isr = vh_lapic_highest_isr(vcpu);
	struct vh_lapic *a = vcpu->lapic;

	a->changed = false;
	/* What is requested of a disabled APIC waits until it is enabled (SDM 11.4.7.2). */
	if (!a->sw_enabled)
		irr = -1;
	return max(irr, 0) | max(isr, 0) << 8;
}

/**
 * vh_lapic_posted_address - the posted-interrupt descriptor, for the VMCS
 * @vcpu: the vCPU
 *
 * Its physical address, a multiple of 64.
 */
u64 vh_lapic_posted_address(struct vh_vcpu *vcpu)
{
	return __pa(vcpu->lapic->posted);
}
