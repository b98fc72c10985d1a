// SPDX-License-Identifier: GPL-2.0-only
/*
 * pic.c - two 8259A interrupt controllers in cascade (Intel 8259A data sheet).
 *
 * The state is struct kvm_pic_state, the ABI's: pic[0] is the master, at
 * ports 0x20 and 0x21 with the slave on its IR2; ELCR at 0x4d0 and 0x4d1.
 */
#include "internal.h"

#define CASCADE	2

static u8 elcr_mask(const struct vh_irqchip *chip, const struct kvm_pic_state *s)
{
	return s == &chip->pic[0] ? 0xf8 : 0xde;	/* 0, 1, 2, 8, 13 are always edge */
}

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
static int pending(struct vh_irqchip *chip, const struct kvm_pic_state *s)
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

static bool input(struct vh_irqchip *chip, struct kvm_pic_state *s, int irq, int level)
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
		if (!(s->last_irr & bit)) {
			taken = !(s->irr & bit);
			s->irr |= bit;
		}
		s->last_irr |= bit;
	} else {
		s->last_irr &= ~bit;
	}
	return taken && !(s->imr & bit);
}

/**
 * vh_pic_update - recompute the cascade and INTR
 * @chip: pic_lock held
 */
void vh_pic_update(struct vh_irqchip *chip)
{
	bool slave = pending(chip, &chip->pic[1]) >= 0, intr;
	struct kvm_pic_state *master = &chip->pic[0];

	/* The slave's INT is a level that the master sees as an edge again and again. */
	if (slave) {
		input(chip, master, CASCADE, 1);
		input(chip, master, CASCADE, 0);
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
 * Any context. 1 when it will be delivered, 0 when it was coalesced or masked.
 */
int vh_pic_set_line(struct vh_irqchip *chip, unsigned int pin, unsigned int source, int level)
{
	unsigned long flags;
	bool taken;

	if (pin > 15)
		return -1;
	raw_spin_lock_irqsave(&chip->pic_lock, flags);
	if (level)
		chip->pic_lines[pin] |= BIT(source);
	else
		chip->pic_lines[pin] &= ~BIT(source);
	taken = input(chip, &chip->pic[pin >> 3], pin & 7, !!chip->pic_lines[pin]);
	vh_pic_update(chip);
	raw_spin_unlock_irqrestore(&chip->pic_lock, flags);
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

static void ack_input(struct kvm_pic_state *s, int irq)
{
	s->isr |= BIT(irq);
	/* A level stays requested while its line is up. */
	if (!(s->elcr & BIT(irq)))
		s->irr &= ~BIT(irq);
	if (s->auto_eoi) {
		if (s->rotate_on_auto_eoi)
			s->priority_add = (irq + 1) & 7;
		s->isr &= ~BIT(irq);
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
	int irq, irq2, vector, pin = -1;

	raw_spin_lock_irqsave(&chip->pic_lock, flags);
	irq = pending(chip, master);
	if (irq < 0) {
		vector = master->irq_base + 7;
	} else if (irq == CASCADE) {
		ack_input(master, CASCADE);
		irq2 = pending(chip, slave);
		if (irq2 >= 0) {
			ack_input(slave, irq2);
			pin = 8 + irq2;
		} else {
			irq2 = 7;
		}
		vector = slave->irq_base + irq2;
	} else {
		ack_input(master, irq);
		vector = master->irq_base + irq;
		pin = irq;
	}
	vh_pic_update(chip);
	raw_spin_unlock_irqrestore(&chip->pic_lock, flags);
	if (pin >= 0)
		vh_irq_acked(vm, pin < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE, pin & 7);
	return vector;
}

static void reset(struct kvm_pic_state *s)
{
	u8 edge = s->irr & s->elcr;	/* levels stay, edges must come again */

	s->last_irr &= s->elcr;
	s->irr = edge;
	s->imr = 0;
	s->isr = 0;
	s->priority_add = 0;
	s->special_mask = 0;
	s->read_reg_select = 0;
	s->poll = 0;
	s->auto_eoi = 0;
	s->rotate_on_auto_eoi = 0;
	s->special_fully_nested_mode = 0;
}

static void eoi(struct kvm_pic_state *s, int irq)
{
	s->isr &= ~BIT(irq);
}

static void ocw2(struct kvm_pic_state *s, u8 v)
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

			eoi(s, irq);
			if (v >> 5 == 5)
				s->priority_add = (irq + 1) & 7;
		}
		break;
	case 3:			/* specific EOI */
		eoi(s, v & 7);
		break;
	case 6:			/* set priority */
		s->priority_add = (v + 1) & 7;
		break;
	case 7:			/* specific EOI with rotation */
		eoi(s, v & 7);
		s->priority_add = (v + 1) & 7;
		break;
	}
}

static void command_write(struct kvm_pic_state *s, u8 v)
{
	if (v & 0x10) {				/* ICW1 */
		reset(s);
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
		ocw2(s, v);
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
	ack_input(s, irq);
	return 0x80 | irq;
}

/**
 * vh_pic_io - an access to the controllers' ports
 * @chip: the chips
 * @port: any; others are not taken
 * @data: one byte, in or out
 * @write: direction
 *
 * Any context. True when the port is ours.
 */
bool vh_pic_io(struct vh_irqchip *chip, u16 port, u8 *data, bool write)
{
	struct kvm_pic_state *s;
	unsigned long flags;

	switch (port) {
	case 0x20: case 0x21: case 0x4d0:
		s = &chip->pic[0];
		break;
	case 0xa0: case 0xa1: case 0x4d1:
		s = &chip->pic[1];
		break;
	default:
		return false;
	}
	raw_spin_lock_irqsave(&chip->pic_lock, flags);
	if (port >= 0x4d0) {
		if (write)
			s->elcr = *data & elcr_mask(chip, s);
		else
			*data = s->elcr;
	} else if (write) {
		if (port & 1)
			data_write(s, *data);
		else
			command_write(s, *data);
	} else if (s->poll) {
		*data = poll_read(chip, s);
		write = true;		/* it may have changed INTR */
	} else if (port & 1) {
		*data = s->imr;
	} else {
		*data = s->read_reg_select ? s->isr : s->irr;
	}
	if (write)
		vh_pic_update(chip);
	raw_spin_unlock_irqrestore(&chip->pic_lock, flags);
	if (write)
		notify(chip);
	return true;
}

/**
 * vh_pic_sanitize - make what userspace set a possible state
 * @s: one controller
 */
void vh_pic_sanitize(struct kvm_pic_state *s)
{
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
}

/**
 * vh_pic_init - power-up
 * @chip: new
 */
void vh_pic_init(struct vh_irqchip *chip)
{
	raw_spin_lock_init(&chip->pic_lock);
	chip->pic[0].elcr_mask = 0xf8;
	chip->pic[1].elcr_mask = 0xde;
}
