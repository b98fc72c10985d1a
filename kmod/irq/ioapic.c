// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioapic.c - the I/O APIC (Intel 82093AA data sheet), 24 pins at 0xfec00000.
 */
#include "internal.h"

#define REG_ID		0
#define REG_VERSION	1
#define REG_ARB		2
#define REG_TABLE	0x10
#define VERSION		(0x11 | (VH_IOAPIC_PINS - 1) << 16)

#define E_DELIVERY	BIT_ULL(12)	/* delivery status: read-only */
#define E_REMOTE_IRR	BIT_ULL(14)	/* read-only */
#define E_LEVEL		BIT_ULL(15)
#define E_MASKED	BIT_ULL(16)
#define E_LOGICAL	BIT_ULL(11)

static u64 entry(const struct vh_irqchip *chip, unsigned int pin)
{
	return chip->ioapic.redirtbl[pin].bits;
}

static struct vh_msi message(u64 e)
{
	return (struct vh_msi){
		.dest = e >> 56,
		.vector = e,
		.delivery_mode = (e >> 8) & 7,
		.logical = e & E_LOGICAL,
		.level = e & E_LEVEL,
		.assert = true,
	};
}

/**
 * vh_ioapic_is_wide - would a pin's message go to many vCPUs?
 * @chip: the chips
 * @pin: 0 to 23
 *
 * Any context, without a lock.
 */
bool vh_ioapic_is_wide(struct vh_irqchip *chip, unsigned int pin)
{
	struct vh_msi m;

	if (pin >= VH_IOAPIC_PINS)
		return false;
	m = message(READ_ONCE(chip->ioapic.redirtbl[pin].bits));
	return vh_irq_is_wide(chip->vm, NULL, &m);
}

/*
 * A line that stays up interrupts after each EOI. After so many in a row the next waits for a while: a
 * guest that only ends it would never get to what silences the device.
 */
#define STORM		10000
#define STORM_PAUSE	(HZ / 100)

/*
 * Messages to be sent when ioapic_lock is dropped: one may go to all vCPUs.
 */
struct outbox {
	unsigned int n;
	struct { u64 e; u8 pin; } of[VH_IOAPIC_PINS];
};

/* ioapic_lock held. 1 to be sent, 0 coalesced, -1 masked. */
static int service(struct vh_irqchip *chip, unsigned int pin, struct outbox *out)
{
	u64 e = entry(chip, pin);

	if (e & E_MASKED)
		return -1;
	if ((e & E_LEVEL) && (e & E_REMOTE_IRR))
		return 0;
	/* Before it is sent: the EOI may come at once, from another CPU. */
	if (e & E_LEVEL)
		chip->ioapic.redirtbl[pin].bits |= E_REMOTE_IRR;
	else
		chip->ioapic.irr &= ~BIT(pin);
	out->of[out->n].e = e;
	out->of[out->n++].pin = pin;
	return 1;
}

/* ioapic_lock not held. Of the last message: 1 sent, 0 coalesced, -1 not accepted. */
static int send(struct vh_irqchip *chip, const struct outbox *out)
{
	unsigned long flags;
	struct vh_msi m;
	unsigned int i;
	int r = 0;

	for (i = 0; i < out->n; i++) {
		m = message(out->of[i].e);
		r = vh_irq_deliver(chip->vm, NULL, &m);
		if (r >= 0 || !(out->of[i].e & E_LEVEL))
			continue;
		/* Nobody will end it. */
		vh_bound_lock_irqsave(&chip->ioapic_lock, flags, VH_BOUND_IOAPIC);
		chip->ioapic.redirtbl[out->of[i].pin].bits &= ~E_REMOTE_IRR;
		vh_bound_unlock_irqrestore(&chip->ioapic_lock, flags, VH_BOUND_IOAPIC);
	}
	return min(r, 1);
}

/**
 * vh_ioapic_set_line - a device drives a pin
 * @chip: the chips
 * @pin: 0 to 23
 * @source: who; lines of several sources are ORed
 * @level: up or down
 *
 * Any context. 1 sent, 0 coalesced, -1 masked or not accepted.
 */
int vh_ioapic_set_line(struct vh_irqchip *chip, unsigned int pin, unsigned int source, int level)
{
	struct outbox out = { .n = 0 };
	unsigned long flags;
	bool was, now;
	int r = 1;

	if (pin >= VH_IOAPIC_PINS)
		return -1;
	vh_bound_lock_irqsave(&chip->ioapic_lock, flags, VH_BOUND_IOAPIC);
	was = chip->ioapic_lines[pin];
	if (level)
		chip->ioapic_lines[pin] |= BIT(source);
	else
		chip->ioapic_lines[pin] &= ~BIT(source);
	now = chip->ioapic_lines[pin];
	if (!now) {
		chip->storm[pin] = 0;
		if (entry(chip, pin) & E_LEVEL)
			chip->ioapic.irr &= ~BIT(pin);
	} else if ((entry(chip, pin) & E_LEVEL) || !was) {
		chip->ioapic.irr |= BIT(pin);
		r = service(chip, pin, &out);
	} else {
		r = 0;
	}
	vh_bound_unlock_irqrestore(&chip->ioapic_lock, flags, VH_BOUND_IOAPIC);
	return out.n ? send(chip, &out) : r;
}

/**
 * vh_ioapic_eoi - a LAPIC broadcasts the EOI of a level-triggered vector
 * @vm: the VM
 * @vector: of the interrupt
 *
 * Any context. A line that is still up interrupts again: many vCPUs when the caller's thread
 * is in process context (vh_irq_note_acks()).
 */
void vh_ioapic_eoi(struct vh_vm *vm, u8 vector)
{
	struct vh_irqchip *chip = vm->irqchip;
	struct outbox out = { .n = 0 };
	unsigned long flags;
	unsigned int pin;
	u32 acked = 0;

	vh_bound_lock_irqsave(&chip->ioapic_lock, flags, VH_BOUND_IOAPIC);
	for (pin = 0; pin < VH_IOAPIC_PINS; pin++) {
		u64 e = entry(chip, pin);

		if ((u8)e != vector || !(e & E_LEVEL) || !(e & E_REMOTE_IRR))
			continue;
		chip->ioapic.redirtbl[pin].bits &= ~E_REMOTE_IRR;
		acked |= BIT(pin);
		if (!chip->ioapic_lines[pin] || (chip->ioapic_lines[pin] & BIT(SRC_RESAMPLE)))
			continue;
		/* The guest has to get on with something before it can do anything about it. */
		if (++chip->storm[pin] == STORM) {
			chip->storm[pin] = 0;
			chip->held |= BIT(pin);
			schedule_delayed_work(&chip->storm_work, STORM_PAUSE);
		} else if (vh_ioapic_is_wide(chip, pin)) {
			chip->again |= BIT(pin);
		} else {
			service(chip, pin, &out);
		}
	}
	vh_bound_unlock_irqrestore(&chip->ioapic_lock, flags, VH_BOUND_IOAPIC);
	send(chip, &out);
	for (pin = 0; acked; pin++, acked >>= 1)
		if (acked & 1)
			vh_irq_acked(vm, KVM_IRQCHIP_IOAPIC, pin);
}

/* Process context. Pins of *@which that are still up, which are its no more. */
static void send_again(struct vh_irqchip *chip, u32 *which)
{
	struct outbox out = { .n = 0 };
	unsigned long flags;
	unsigned int pin;

	vh_bound_lock_irqsave(&chip->ioapic_lock, flags, VH_BOUND_IOAPIC);
	for (pin = 0; pin < VH_IOAPIC_PINS; pin++)
		if ((*which & BIT(pin)) && (entry(chip, pin) & E_LEVEL) && chip->ioapic_lines[pin])
			service(chip, pin, &out);
	*which = 0;
	vh_bound_unlock_irqrestore(&chip->ioapic_lock, flags, VH_BOUND_IOAPIC);
	send(chip, &out);
}

/**
 * vh_ioapic_again - send what vh_ioapic_eoi() left
 * @chip: the chips
 *
 * Process context.
 */
void vh_ioapic_again(struct vh_irqchip *chip)
{
	send_again(chip, &chip->again);
}

static void storm_over(struct work_struct *work)
{
	struct vh_irqchip *chip = container_of(to_delayed_work(work), struct vh_irqchip, storm_work);

	send_again(chip, &chip->held);
}

/**
 * vh_ioapic_stop - the VM goes
 * @chip: the chips; no vCPU runs any more
 *
 * Process context.
 */
void vh_ioapic_stop(struct vh_irqchip *chip)
{
	cancel_delayed_work_sync(&chip->storm_work);
}

static u32 reg_read(struct vh_irqchip *chip)
{
	u32 sel = chip->ioapic.ioregsel, at = (sel - REG_TABLE) / 2;

	switch (sel) {
	case REG_ID:
	case REG_ARB:
		return (chip->ioapic.id & 15) << 24;
	case REG_VERSION:
		return VERSION;
	}
	if (sel < REG_TABLE || at >= VH_IOAPIC_PINS)
		return ~0u;
	return sel & 1 ? entry(chip, at) >> 32 : entry(chip, at);
}

/* What a write of @value to register @sel makes of entry *@at; false: it is none of an entry's. */
static bool new_entry(struct vh_irqchip *chip, u32 sel, u32 value, u32 *at, u64 *e)
{
	u64 old;

	*at = (sel - REG_TABLE) / 2;
	if (sel < REG_TABLE || *at >= VH_IOAPIC_PINS)
		return false;
	old = entry(chip, *at);
	if (sel & 1)
		*e = (old & 0xffffffff) | (u64)value << 32;
	else
		*e = (old & 0xffffffff00000000ULL) | value;
	/* Bits 55:17 are reserved; status bits are the chip's own. */
	*e &= ~(GENMASK_ULL(55, 17) | E_DELIVERY | E_REMOTE_IRR);
	*e |= old & E_REMOTE_IRR;
	if (!(*e & E_LEVEL))
		*e &= ~E_REMOTE_IRR;
	return true;
}

/**
 * vh_ioapic_announce - vectors become level-triggered
 * @chip: the chips
 * @vectors: their bits
 *
 * When this returns their EOI exits in every vCPU. With interrupts that the processor delivers a
 * request and a kick are not enough: what is sent next might be there, and ended, before the kick is.
 *
 * Process context, ioapic_lock not held. Until announced(), with the lock held; for good where
 * the IOAPIC is userspace's, which says nothing of what is under way.
 */
void vh_ioapic_announce(struct vh_irqchip *chip, const u64 vectors[4])
{
	unsigned long flags;
	int i;

	vh_bound_lock_irqsave(&chip->ioapic_lock, flags, VH_BOUND_IOAPIC);
	for (i = 0; i < 4; i++)
		chip->announced[i] |= vectors[i];
	chip->announcing++;
	vh_bound_unlock_irqrestore(&chip->ioapic_lock, flags, VH_BOUND_IOAPIC);
	vh_vm_request_sync(chip->vm, VH_REQ_EOI_BITMAP);
}

static void announced(struct vh_irqchip *chip)
{
	if (!--chip->announcing)
		memset(chip->announced, 0, sizeof(chip->announced));
}

/*
 * Entries have changed: bitmaps are made anew at each vCPU's next entry. Nobody has to be
 * taken out of the guest for that: who became level-triggered was announced, and an EOI
 * that exits for nothing does no harm.
 *
 * ioapic_lock not held: there may be many.
 */
static void bitmaps_stale(struct vh_irqchip *chip)
{
	struct vh_vcpu *vcpu;
	unsigned int i;

	vh_for_each_vcpu(i, vcpu, chip->vm)
		vh_request(vcpu, VH_REQ_EOI_BITMAP);
}

/* ioapic_lock held. True: bitmaps_stale(), without it. */
static bool reg_write(struct vh_irqchip *chip, u32 sel, u32 value, struct outbox *out)
{
	u64 old, e;
	u32 at;

	if (sel == REG_ID) {
		chip->ioapic.id = (value >> 24) & 15;
		return false;
	}
	if (!new_entry(chip, sel, value, &at, &e))
		return false;
	old = entry(chip, at);
	chip->ioapic.redirtbl[at].bits = e;
	if (e & E_LEVEL) {
		if (chip->ioapic_lines[at])
			service(chip, at, out);
	} else if ((chip->ioapic.irr & BIT(at)) && (old & E_MASKED) && !(e & E_MASKED)) {
		/* An edge that came while it was masked was lost (82093AA 3.2.4). */
		chip->ioapic.irr &= ~BIT(at);
	}
	return (old ^ e) & (E_LEVEL | 0xff);
}

/**
 * vh_ioapic_mmio - an access to the IOAPIC's registers
 * @chip: the chips
 * @offset: in its page
 * @data: in or out
 * @len: bytes
 * @write: direction
 *
 * Process context.
 */
void vh_ioapic_mmio(struct vh_irqchip *chip, u32 offset, void *data, unsigned int len, bool write)
{
	u64 vectors[4] = { 0 }, e;
	struct outbox out = { .n = 0 };
	u32 value = 0, sel, at;
	bool level, stale = false;
	unsigned long flags;

	if (write)
		memcpy(&value, data, min(len, 4u));
	else
		memset(data, 0, len);
	vh_bound_lock_irqsave(&chip->ioapic_lock, flags, VH_BOUND_IOAPIC);
	sel = chip->ioapic.ioregsel;
	switch (offset) {
	case 0x00:
		if (write)
			chip->ioapic.ioregsel = value & 0xff;
		else
			value = sel;
		break;
	case 0x10:
		if (!write) {
			value = reg_read(chip);
			break;
		}
		level = new_entry(chip, sel, value, &at, &e) && (e & E_LEVEL) &&
			((e ^ entry(chip, at)) & (E_LEVEL | 0xff));
		if (level) {
			vh_bound_unlock_irqrestore(&chip->ioapic_lock, flags, VH_BOUND_IOAPIC);
			__set_bit((u8)e, (unsigned long *)vectors);
			vh_ioapic_announce(chip, vectors);
			vh_bound_lock_irqsave(&chip->ioapic_lock, flags, VH_BOUND_IOAPIC);
		}
		stale = reg_write(chip, sel, value, &out);
		if (level)
			announced(chip);
		break;
	}
	vh_bound_unlock_irqrestore(&chip->ioapic_lock, flags, VH_BOUND_IOAPIC);
	if (stale)
		bitmaps_stale(chip);
	send(chip, &out);
	if (!write)
		memcpy(data, &value, min(len, 4u));
}

/**
 * vh_lapic_eoi_exit_bitmap - vectors whose EOI concerns the IOAPIC
 * @vcpu: the vCPU
 * @bitmap: filled in
 *
 * Any context. All level-triggered entries: a vector posted elsewhere costs an
 * exit, one that is missed would hang its line.
 */
void vh_lapic_eoi_exit_bitmap(struct vh_vcpu *vcpu, u64 bitmap[4])
{
	struct vh_irqchip *chip = vcpu->vm->irqchip;
	unsigned long flags;
	unsigned int pin, i;
	u32 tmr;

	memset(bitmap, 0, 4 * sizeof(u64));
	vh_bound_lock_irqsave(&chip->ioapic_lock, flags, VH_BOUND_IOAPIC);
	for (pin = 0; pin < VH_IOAPIC_PINS; pin++) {
		u64 e = entry(chip, pin);

		if (e & E_LEVEL)
			__set_bit(e & 0xff, (unsigned long *)bitmap);
	}
	for (i = 0; i < 4; i++)
		bitmap[i] |= chip->announced[i];
	vh_bound_unlock_irqrestore(&chip->ioapic_lock, flags, VH_BOUND_IOAPIC);
	/* And those that are under way from an entry that has changed since. */
	for (i = 0; i < 8; i++) {
		tmr = apic_reg(vcpu->lapic, APIC_TMR_ + i * 16);
		bitmap[i / 2] |= (u64)tmr << i % 2 * 32;
	}
}

/**
 * vh_ioapic_get - KVM_GET_IRQCHIP
 * @chip: the chips
 * @s: filled in
 */
void vh_ioapic_get(struct vh_irqchip *chip, struct kvm_ioapic_state *s)
{
	unsigned long flags;

	vh_bound_lock_irqsave(&chip->ioapic_lock, flags, VH_BOUND_IOAPIC);
	*s = chip->ioapic;
	vh_bound_unlock_irqrestore(&chip->ioapic_lock, flags, VH_BOUND_IOAPIC);
}

/**
 * vh_ioapic_set - KVM_SET_IRQCHIP
 * @chip: the chips
 * @s: new state; -EINVAL for another base address
 *
 * Process context.
 */
int vh_ioapic_set(struct vh_irqchip *chip, const struct kvm_ioapic_state *s)
{
	struct outbox out = { .n = 0 };
	u64 vectors[4] = { 0 };
	unsigned long flags;
	unsigned int pin;

	if (s->base_address != VH_IOAPIC_BASE)
		return -EINVAL;
	for (pin = 0; pin < VH_IOAPIC_PINS; pin++)
		if (s->redirtbl[pin].bits & E_LEVEL)
			__set_bit((u8)s->redirtbl[pin].bits, (unsigned long *)vectors);
	vh_ioapic_announce(chip, vectors);
	vh_bound_lock_irqsave(&chip->ioapic_lock, flags, VH_BOUND_IOAPIC);
	chip->ioapic = *s;
	chip->ioapic.pad = 0;
	chip->ioapic.ioregsel &= 0xff;
	chip->ioapic.id &= 15;
	chip->ioapic.irr &= BIT(VH_IOAPIC_PINS) - 1;
	for (pin = 0; pin < VH_IOAPIC_PINS; pin++)
		chip->ioapic.redirtbl[pin].bits &= ~(GENMASK_ULL(55, 17) | E_DELIVERY);
	/* Requests that were under way are made again. */
	for (pin = 0; pin < VH_IOAPIC_PINS; pin++) {
		chip->ioapic_lines[pin] = 0;
		if (chip->ioapic.irr & BIT(pin)) {
			if (entry(chip, pin) & E_LEVEL)
				chip->ioapic_lines[pin] = BIT(SRC_USER);
			service(chip, pin, &out);
		}
	}
	chip->again = 0;
	chip->held = 0;
	memset(chip->storm, 0, sizeof(chip->storm));
	announced(chip);
	vh_bound_unlock_irqrestore(&chip->ioapic_lock, flags, VH_BOUND_IOAPIC);
	bitmaps_stale(chip);
	send(chip, &out);
	return 0;
}

/**
 * vh_ioapic_init - power-up: all pins masked
 * @chip: new
 */
void vh_ioapic_init(struct vh_irqchip *chip)
{
	unsigned int pin;

	raw_spin_lock_init(&chip->ioapic_lock);
	INIT_DELAYED_WORK(&chip->storm_work, storm_over);
	chip->ioapic.base_address = VH_IOAPIC_BASE;
	for (pin = 0; pin < VH_IOAPIC_PINS; pin++)
		chip->ioapic.redirtbl[pin].bits = E_MASKED;
}
