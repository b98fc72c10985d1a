// SPDX-License-Identifier: GPL-2.0-only
/*
 * pic.c - two 8259A interrupt controllers in cascade (Intel 8259A data sheet).
 *
 * The state is struct kvm_pic_state, the ABI's: pic[0] is the master, at
 * ports 0x20 and 0x21 with the slave on its IR2; ELCR at 0x4d0 and 0x4d1.
 */
#include "internal.h"

#define CASCADE	2

static const u8 elcr_mask[2] = { 0xf8, 0xde };	/* 0, 1, 2, 8, 13 are always edge */

/* The highest-priority bit of @mask, counted from priority_add: 0 first, 8 for none. */
static int priority(const struct kvm_pic_state *s, u8 mask)
{
	int p;

	for (p = 0; p < 8; p++)
		if (mask & (1 << ((p + s->priority_add) & 7)))
			return p;
	return 8;
}

/* The input that INTR stands for, or -1. */
static int pending(const struct vh_irqchip *chip, const struct kvm_pic_state *s)
{
	u8 isr = s->isr;
	int req, cur;

	req = priority(s, s->irr & ~s->imr);
	if (req == 8)
		return -1;
	if (s->special_mask)
		isr &= ~s->imr;
	/* Special fully nested: the slave may interrupt its own service. */
	if (s->special_fully_nested_mode && s == &chip->pic[0])
		isr &= ~BIT(CASCADE);
	cur = priority(s, isr);
	return req < cur ? (req + s->priority_add) & 7 : -1;
}

/* 1 when the request is new, 0 when it was waiting already, -1 when it is masked. */
static int input(struct kvm_pic_state *s, int irq, int level)
{
	u8 bit = BIT(irq);
	bool taken = true;

	if (s->elcr & bit) {
		if (level) {
			taken = !(s->irr & bit);
			s->irr |= bit;
			s->last_irr |= bit;
		} else {
			s->irr &= ~bit;
			s->last_irr &= ~bit;
		}
	} else if (level) {
		taken = !((s->last_irr | s->irr) & bit);
		if (!(s->last_irr & bit))
			s->irr |= bit;
		s->last_irr |= bit;
	} else {
		s->last_irr &= ~bit;
	}
	return s->imr & bit ? -1 : taken;
}

/* pic_lock held: recompute the cascade and INTR. */
static void update(struct vh_irqchip *chip)
{
	bool slave = pending(chip, &chip->pic[1]) >= 0, intr;
	struct kvm_pic_state *master = &chip->pic[0];

	/* The slave's INT is a level that the master sees as an edge again and again. */
	if (slave) {
		input(master, CASCADE, 1);
		input(master, CASCADE, 0);
	} else {
		master->irr &= ~BIT(CASCADE);
	}
	intr = pending(chip, master) >= 0;
	WRITE_ONCE(chip->pic_intr, intr);
}

/* INTR went up: whoever takes the 8259's interrupts looks again. */
static void notify(struct vh_irqchip *chip)
{
	struct vh_vcpu *vcpu;
	unsigned int i;

	if (!READ_ONCE(chip->pic_intr))
		return;
	vh_for_each_vcpu(i, vcpu, chip->vm)
		if (vcpu->lapic && vh_lapic_accepts_pic(vcpu))
			vh_vcpu_kick(vcpu);
}

/**
 * vh_pic_set_line - a device drives an input
 * @chip: the chips
 * @pin: 0 to 15
 * @source: who; lines of several sources are ORed
 * @level: up or down
 *
 * Any context. 1 when it will be delivered, 0 when it was coalesced, -1 when it is masked.
 */
int vh_pic_set_line(struct vh_irqchip *chip, unsigned int pin, unsigned int source, int level)
{
	unsigned long flags;
	int taken;

	if (pin > 15)
		return -1;
	vh_bound_lock_irqsave(&chip->pic_lock, flags, VH_BOUND_PIC);
	if (level)
		chip->pic_lines[pin] |= BIT(source);
	else
		chip->pic_lines[pin] &= ~BIT(source);
	taken = input(&chip->pic[pin >> 3], pin & 7, !!chip->pic_lines[pin]);
	update(chip);
	vh_bound_unlock_irqrestore(&chip->pic_lock, flags, VH_BOUND_PIC);
	notify(chip);
	return taken;
}

/**
 * vh_pic_pending - is INTR up?
 * @vm: the VM
 */
bool vh_pic_pending(struct vh_vm *vm)
{
	struct vh_irqchip *chip = vm->irqchip;

	return chip && READ_ONCE(chip->pic_intr);
}

/* The service of @irq ends: remembered until pic_lock is dropped. */
static void eoi(struct vh_irqchip *chip, struct kvm_pic_state *s, int irq)
{
	s->isr &= ~BIT(irq);
	chip->pic_acked |= BIT(irq + (s == &chip->pic[0] ? 0 : 8));
}

/* Drops pic_lock, then notes for whom services have ended; true: for any. */
static bool unlock(struct vh_irqchip *chip, unsigned long flags)
	__releases(&chip->pic_lock)
{
	unsigned int pin, acked = chip->pic_acked;
	bool any = acked;

	chip->pic_acked = 0;
	vh_bound_unlock_irqrestore(&chip->pic_lock, flags, VH_BOUND_PIC);
	for (pin = 0; acked; pin++, acked >>= 1)
		if (acked & 1)
			vh_irq_acked(chip->vm, pin < 8 ? KVM_IRQCHIP_PIC_MASTER :
				     KVM_IRQCHIP_PIC_SLAVE, pin & 7);
	return any;
}

static void ack_input(struct vh_irqchip *chip, struct kvm_pic_state *s, int irq)
{
	s->isr |= BIT(irq);
	/* A level stays requested while its line is up. */
	if (!(s->elcr & BIT(irq)))
		s->irr &= ~BIT(irq);
	if (s->auto_eoi) {
		if (s->rotate_on_auto_eoi)
			s->priority_add = (irq + 1) & 7;
		eoi(chip, s, irq);
	}
}

/**
 * vh_pic_ack - INTA: the vector
 * @vm: the VM
 *
 * A request that has gone gives the spurious vector, IR7 (data sheet, "interrupt sequence").
 */
int vh_pic_ack(struct vh_vm *vm)
{
	struct vh_irqchip *chip = vm->irqchip;
	struct kvm_pic_state *master = &chip->pic[0], *slave = &chip->pic[1];
	unsigned long flags;
	int irq, irq2, vector;

	vh_bound_lock_irqsave(&chip->pic_lock, flags, VH_BOUND_PIC);
	irq = pending(chip, master);
	if (irq < 0) {
		vector = master->irq_base + 7;
	} else if (irq == CASCADE) {
		ack_input(chip, master, CASCADE);
		irq2 = pending(chip, slave);
		if (irq2 >= 0) {
			ack_input(chip, slave, irq2);
		} else {
			irq2 = 7;
		}
		vector = slave->irq_base + irq2;
	} else {
		ack_input(chip, master, irq);
		vector = master->irq_base + irq;
	}
	update(chip);
	unlock(chip, flags);
	return vector;
}

static void reset(struct vh_irqchip *chip, struct kvm_pic_state *s)
{
	int irq;

	/* Services under way end here; levels stay, edges must come again. */
	for (irq = 0; irq < 8; irq++)
		if (s->isr & BIT(irq))
			eoi(chip, s, irq);
	s->irr &= s->elcr;
	s->imr = 0;
	s->priority_add = 0;
	s->special_mask = 0;
	s->read_reg_select = 0;
	s->poll = 0;
	s->auto_eoi = 0;
	s->rotate_on_auto_eoi = 0;
	s->special_fully_nested_mode = 0;
}

static void ocw2(struct vh_irqchip *chip, struct kvm_pic_state *s, u8 v)
{
	int p;

	switch (v >> 5) {
	case 0: case 4:		/* rotate on automatic EOI: clear, set */
		s->rotate_on_auto_eoi = v >> 7;
		break;
	case 1: case 5:		/* non-specific EOI, with rotation */
		p = priority(s, s->isr);
		if (p < 8) {
			int irq = (p + s->priority_add) & 7;

			eoi(chip, s, irq);
			if (v >> 5 == 5)
				s->priority_add = (irq + 1) & 7;
		}
		break;
	case 3:			/* specific EOI */
		eoi(chip, s, v & 7);
		break;
	case 6:			/* set priority */
		s->priority_add = (v + 1) & 7;
		break;
	case 7:			/* specific EOI with rotation */
		eoi(chip, s, v & 7);
		s->priority_add = (v + 1) & 7;
		break;
	}
}

static void command_write(struct vh_irqchip *chip, struct kvm_pic_state *s, u8 v)
{
	if (v & 0x10) {				/* ICW1 */
		reset(chip, s);
		s->init4 = v & 1;
		s->init_state = 1;
	} else if (v & 0x08) {			/* OCW3 */
		if (v & 0x04)
			s->poll = 1;
		if (v & 0x02)
			s->read_reg_select = v & 1;
		if (v & 0x40)
			s->special_mask = (v >> 5) & 1;
	} else {
		ocw2(chip, s, v);
	}
}

static void data_write(struct kvm_pic_state *s, u8 v)
{
	switch (s->init_state) {
	case 0:
		s->imr = v;			/* OCW1 */
		break;
	case 1:
		s->irq_base = v & 0xf8;		/* ICW2 */
		s->init_state = 2;
		break;
	case 2:					/* ICW3: the cascade is wired */
		s->init_state = s->init4 ? 3 : 0;
		break;
	case 3:					/* ICW4 */
		s->special_fully_nested_mode = (v >> 4) & 1;
		s->auto_eoi = (v >> 1) & 1;
		s->init_state = 0;
		break;
	}
}

/* A poll is an acknowledge by software. */
static u8 poll_read(struct vh_irqchip *chip, struct kvm_pic_state *s)
{
	int irq = pending(chip, s);

	s->poll = 0;
	if (irq < 0)
		return 0x07;
	ack_input(chip, s, irq);
	return 0x80 | irq;
}

/**
 * vh_pic_io - an access to the controllers' ports
 * @chip: the chips
 * @port: any; others are not taken
 * @data: one byte, in or out
 * @write: direction
 *
 * Any context. 0 when the port is not ours; 2 when services ended, so that the caller
 * looks whether irqfds are to be told; else 1.
 */
int vh_pic_io(struct vh_irqchip *chip, u16 port, u8 *data, bool write)
{
	struct kvm_pic_state *s;
	unsigned long flags;
	bool acked;

	switch (port) {
	case 0x20: case 0x21: case 0x4d0:
		s = &chip->pic[0];
		break;
	case 0xa0: case 0xa1: case 0x4d1:
		s = &chip->pic[1];
		break;
	default:
		return 0;
	}
	/* The mask is one byte, and nobody is ordered by reading it. */
	if (!write && (port == 0x21 || port == 0xa1) && !READ_ONCE(s->poll)) {
		*data = READ_ONCE(s->imr);
		return 1;
	}
	vh_bound_lock_irqsave(&chip->pic_lock, flags, VH_BOUND_PIC);
	if (port >= 0x4d0) {
		if (write)
			s->elcr = *data & elcr_mask[port & 1];
		else
			*data = s->elcr;
	} else if (write) {
		if (port & 1)
			data_write(s, *data);
		else
			command_write(chip, s, *data);
	} else if (s->poll) {
		*data = poll_read(chip, s);
		write = true;		/* it may have changed INTR */
	} else if (port & 1) {
		*data = s->imr;
	} else {
		*data = s->read_reg_select ? s->isr : s->irr;
	}
	if (write)
		update(chip);
	acked = unlock(chip, flags);
	if (write)
		notify(chip);
	return acked ? 2 : 1;
}

/**
 * vh_pic_set - KVM_SET_IRQCHIP
 * @chip: the chips
 * @n: 0 the master, 1 the slave
 * @new: its state; what is impossible is put right
 */
void vh_pic_set(struct vh_irqchip *chip, unsigned int n, const struct kvm_pic_state *new)
{
	struct kvm_pic_state state = *new, *s = &state;
	unsigned long flags;

	s->elcr_mask = elcr_mask[n];
	s->elcr &= s->elcr_mask;
	s->priority_add &= 7;
	s->irq_base &= 0xf8;
	s->read_reg_select &= 1;
	s->poll = !!s->poll;
	s->special_mask = !!s->special_mask;
	s->init_state = s->init_state > 3 ? 0 : s->init_state;
	s->auto_eoi = !!s->auto_eoi;
	s->rotate_on_auto_eoi = !!s->rotate_on_auto_eoi;
	s->special_fully_nested_mode = !!s->special_fully_nested_mode;
	s->init4 = !!s->init4;
	vh_bound_lock_irqsave(&chip->pic_lock, flags, VH_BOUND_PIC);
	chip->pic[n] = state;
	update(chip);
	vh_bound_unlock_irqrestore(&chip->pic_lock, flags, VH_BOUND_PIC);
	notify(chip);
}

/**
 * vh_pic_init - power-up
 * @chip: new
 */
void vh_pic_init(struct vh_irqchip *chip)
{
	raw_spin_lock_init(&chip->pic_lock);
	chip->pic[0].elcr_mask = elcr_mask[0];
	chip->pic[1].elcr_mask = elcr_mask[1];
}
