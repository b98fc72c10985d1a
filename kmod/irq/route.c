// SPDX-License-Identifier: GPL-2.0-only
/*
 * route.c - global system interrupts to chip pins and messages; the chips' ioctls.
 */
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include "internal.h"

#define PIC_PINS	16
#define PINS		(PIC_PINS + VH_IOAPIC_PINS)

/*
 * struct vh_routes - a routing table, sorted by GSI, replaced as a whole (RCU)
 *
 * Those GSIs of a pin that have irqfds which resample are by_pin[first[pin]] to
 * by_pin[first[pin + 1] - 1]: chip->acks_lock.
 */
struct vh_routes {
	struct rcu_head rcu;
	unsigned int n;
	u16 first[PINS + 1];
	u16 *by_pin;			/* room behind e[] for one of each entry */
	struct kvm_irq_routing_entry e[];
};

static const struct vh_routes *routes_of(struct vh_vm *vm)
{
	struct vh_irqchip *chip = smp_load_acquire(&vm->irqchip);

	return chip ? rcu_dereference_check(chip->routes, lockdep_is_held(&vm->lock)) : NULL;
}

static void to_msi(struct vh_vm *vm, u32 lo, u32 hi, u32 data, struct vh_msi *m)
{
	/* SDM 11.11: the redirection hint asks for one of the logical destination's. */
	bool one = (lo & BIT(3)) && (lo & BIT(2)) && !(data & 0x700);

	*m = (struct vh_msi){
		.dest = (lo >> 12) & 0xff,
		.vector = data,
		.delivery_mode = one ? 1 : (data >> 8) & 7,
		.logical = lo & BIT(2),
		.level = data & BIT(15),
		.assert = data & BIT(14),
	};
	if (vh_apic_wide_ids(vm))
		m->dest |= hi & ~0xffu;
}

/* The pin of both chips' that an entry is wired to, counted through; PINS for an MSI. */
static unsigned int pin_of(const struct kvm_irq_routing_entry *e)
{
	if (e->type != KVM_IRQ_ROUTING_IRQCHIP)
		return PINS;
	switch (e->u.irqchip.irqchip) {
	case KVM_IRQCHIP_PIC_MASTER:
		return e->u.irqchip.pin;
	case KVM_IRQCHIP_PIC_SLAVE:
		return e->u.irqchip.pin + 8;
	default:
		return e->u.irqchip.pin + PIC_PINS;
	}
}

/* One source's line of a pin. */
static int drive_pin(struct vh_vm *vm, unsigned int pin, unsigned int source, int level)
{
	return pin < PIC_PINS ? vh_pic_set_line(vm->irqchip, pin, source, level) :
				vh_ioapic_set_line(vm->irqchip, pin - PIC_PINS, source, level);
}

static int drive(struct vh_vm *vm, const struct kvm_irq_routing_entry *e, unsigned int source,
		 int level)
{
	struct vh_msi m;

	if (e->type == KVM_IRQ_ROUTING_MSI) {
		if (!level)
			return -1;
		to_msi(vm, e->u.msi.address_lo, e->u.msi.address_hi, e->u.msi.data, &m);
		return vh_irq_deliver(vm, NULL, &m);
	}
	return drive_pin(vm, pin_of(e), source, level);
}

/* The first entry of a GSI; table sorted. */
static unsigned int first_of(const struct vh_routes *r, u32 gsi)
{
	unsigned int lo = 0, hi = r->n;

	while (lo < hi) {
		unsigned int mid = (lo + hi) / 2;

		if (r->e[mid].gsi < gsi)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/**
 * vh_irq_set - drive a GSI
 * @vm: the VM
 * @gsi: global system interrupt
 * @source: who
 * @level: up or down
 *
 * Any context. How many took it, 0 coalesced, -1 nobody.
 */
int vh_irq_set(struct vh_vm *vm, u32 gsi, unsigned int source, int level)
{
	const struct vh_routes *r;
	int result = -1;
	unsigned int i;

	rcu_read_lock();
	r = routes_of(vm);
	for (i = r ? first_of(r, gsi) : 0; r && i < r->n && r->e[i].gsi == gsi; i++) {
		int got = drive(vm, &r->e[i], source, level);

		if (got >= 0)
			result = max(result, 0) + got;
	}
	rcu_read_unlock();
	return result;
}

/**
 * vh_irq_gsi_is_wide - would a GSI's message go to many vCPUs?
 * @vm: the VM
 * @gsi: global system interrupt
 *
 * Any context.
 */
bool vh_irq_gsi_is_wide(struct vh_vm *vm, u32 gsi)
{
	const struct vh_routes *r;
	bool wide = false;
	struct vh_msi m;
	unsigned int i;

	rcu_read_lock();
	r = routes_of(vm);
	for (i = r ? first_of(r, gsi) : 0; !wide && r && i < r->n && r->e[i].gsi == gsi; i++) {
		const struct kvm_irq_routing_entry *e = &r->e[i];

		if (e->type == KVM_IRQ_ROUTING_MSI) {
			to_msi(vm, e->u.msi.address_lo, e->u.msi.address_hi, e->u.msi.data, &m);
			wide = vh_irq_is_wide(vm, NULL, &m);
		} else if (e->u.irqchip.irqchip == KVM_IRQCHIP_IOAPIC) {
			wide = vh_ioapic_is_wide(vm->irqchip, e->u.irqchip.pin);
		}
	}
	rcu_read_unlock();
	return wide;
}

/**
 * vh_irq_line - KVM_IRQ_LINE
 * @vm: the VM
 * @gsi: global system interrupt
 * @level: up or down
 *
 * 1 delivered, 0 coalesced or masked, -EINVAL no chip.
 */
int vh_irq_line(struct vh_vm *vm, u32 gsi, int level)
{
	if (!smp_load_acquire(&vm->irqchip))
		return -EINVAL;
	return vh_irq_set(vm, gsi, SRC_USER, level) > 0;
}

/**
 * vh_irq_signal_msi - KVM_SIGNAL_MSI
 * @vm: the VM
 * @msi: the message
 *
 * How many took it, 0 when the guest blocked it, -EINVAL.
 */
int vh_irq_signal_msi(struct vh_vm *vm, const struct kvm_msi *msi)
{
	struct vh_msi m;
	int r;

	if (!smp_load_acquire(&vm->irqchip) || msi->flags)
		return -EINVAL;
	if (vh_apic_wide_ids(vm) && (msi->address_hi & 0xff))
		return -EINVAL;
	to_msi(vm, msi->address_lo, msi->address_hi, msi->data, &m);
	r = vh_irq_deliver(vm, NULL, &m);
	return r < 0 ? 0 : r;
}

/**
 * vh_irq_acked - the guest acknowledged a chip's pin
 * @vm: the VM
 * @chip: KVM_IRQCHIP_*
 * @pin: its pin
 *
 * Any context, and as long however many routes and irqfds there are: the line of those
 * that resample falls, the rest is vh_irq_tell_acks()'s. The caller makes a request of it
 * (vh_irq_note_acks()).
 */
void vh_irq_acked(struct vh_vm *vm, unsigned int chip, unsigned int pin)
{
	unsigned int at = chip == KVM_IRQCHIP_IOAPIC ? pin + PIC_PINS :
			  chip == KVM_IRQCHIP_PIC_SLAVE ? pin + 8 : pin;

	if (!(READ_ONCE(vm->irqchip->resample_pins) & BIT_ULL(at)))
		return;
	drive_pin(vm, at, SRC_RESAMPLE, 0);
	set_bit(at, &vm->irqchip->acked);
}

/**
 * vh_irq_tell_acks - tell irqfds that resample of what the guest acknowledged
 * @vm: the VM, with chips
 *
 * Process context; as a rule the thread of the vCPU that did, so that it is its time.
 */
void vh_irq_tell_acks(struct vh_vm *vm)
{
	unsigned long acked = xchg(&vm->irqchip->acked, 0);
	DECLARE_BITMAP(gsis, VH_MAX_GSI) = {};
	const struct vh_routes *r;
	unsigned int pin, i;

	BUILD_BUG_ON(PINS > BITS_PER_LONG);
	if (READ_ONCE(vm->irqchip->again))
		vh_ioapic_again(vm->irqchip);
	if (!acked)
		return;
	mutex_lock(&vm->irqchip->acks_lock);
	rcu_read_lock();
	r = routes_of(vm);
	for_each_set_bit(pin, &acked, PINS)
		for (i = r->first[pin]; i < r->first[pin + 1]; i++)
			__set_bit(r->by_pin[i], gsis);
	rcu_read_unlock();
	mutex_unlock(&vm->irqchip->acks_lock);
	for_each_set_bit(i, gsis, VH_MAX_GSI) {
		vh_irqfd_resample(vm, i);
		cond_resched();
	}
}

/*
 * Which GSIs of a pin have irqfds that resample: a table under acks_lock, or one that
 * nobody else sees yet. Returns the pins that have any.
 */
static u64 index_pins(struct vh_vm *vm, struct vh_routes *r)
{
	u16 next[PINS];
	unsigned int i, pin;
	u64 pins = 0;

	memset(r->first, 0, sizeof(r->first));
	for (i = 0; i < r->n; i++) {
		pin = pin_of(&r->e[i]);
		if (pin < PINS && vh_irqfd_resamples(vm, r->e[i].gsi)) {
			r->first[pin + 1]++;
			pins |= BIT_ULL(pin);
		}
	}
	for (pin = 0; pin < PINS; pin++) {
		r->first[pin + 1] += r->first[pin];
		next[pin] = r->first[pin];
	}
	for (i = 0; i < r->n; i++) {
		pin = pin_of(&r->e[i]);
		/* One that is being closed may have gone meanwhile: never more than was counted. */
		if (pin < PINS && next[pin] < r->first[pin + 1] &&
		    vh_irqfd_resamples(vm, r->e[i].gsi))
			r->by_pin[next[pin]++] = r->e[i].gsi;
	}
	return pins;
}

/**
 * vh_routes_resample - the first irqfd of a GSI that resamples has come, or the last has gone
 * @vm: the VM, with chips; vm->lock held
 *
 * Process context.
 */
void vh_routes_resample(struct vh_vm *vm)
{
	struct vh_irqchip *chip = vm->irqchip;

	mutex_lock(&chip->acks_lock);
	WRITE_ONCE(chip->resample_pins,
		   index_pins(vm, rcu_dereference_protected(chip->routes,
							    lockdep_is_held(&vm->lock))));
	mutex_unlock(&chip->acks_lock);
}

static int entry_check(struct vh_vm *vm, const struct kvm_irq_routing_entry *e)
{
	if (e->gsi >= VH_MAX_GSI || e->flags)
		return -EINVAL;
	switch (e->type) {
	case KVM_IRQ_ROUTING_MSI:
		return vh_apic_wide_ids(vm) && (e->u.msi.address_hi & 0xff) ? -EINVAL : 0;
	case KVM_IRQ_ROUTING_IRQCHIP:
		if (vh_irqchip_is_split(vm))
			return -EINVAL;
		switch (e->u.irqchip.irqchip) {
		case KVM_IRQCHIP_PIC_MASTER:
		case KVM_IRQCHIP_PIC_SLAVE:
			return e->u.irqchip.pin < 8 ? 0 : -EINVAL;
		case KVM_IRQCHIP_IOAPIC:
			return e->u.irqchip.pin < VH_IOAPIC_PINS ? 0 : -EINVAL;
		}
	}
	return -EINVAL;
}

/* Two entries of one GSI: not twice the same chip, and an MSI stands alone. */
static bool conflict(const struct kvm_irq_routing_entry *a, const struct kvm_irq_routing_entry *b)
{
	return a->gsi == b->gsi &&
	       (a->type == KVM_IRQ_ROUTING_MSI || b->type == KVM_IRQ_ROUTING_MSI ||
		a->u.irqchip.irqchip == b->u.irqchip.irqchip);
}

static int compare(const void *a, const void *b)
{
	const struct kvm_irq_routing_entry *x = a, *y = b;

	return x->gsi < y->gsi ? -1 : x->gsi > y->gsi;
}

/* A table of @nr checked entries, sorted; ERR_PTR. */
static struct vh_routes *make_routes(struct vh_vm *vm, const struct kvm_irq_routing_entry *e, u32 nr)
{
	struct vh_routes *r;
	unsigned int i, j;

	for (i = 0; i < nr; i++)
		if (entry_check(vm, &e[i]))
			return ERR_PTR(-EINVAL);
	r = kvzalloc(struct_size(r, e, nr) + nr * sizeof(*r->by_pin), GFP_KERNEL_ACCOUNT);
	if (!r)
		return ERR_PTR(-ENOMEM);
	r->n = nr;
	r->by_pin = (u16 *)&r->e[nr];
	if (nr)
		memcpy(r->e, e, nr * sizeof(*e));
	/* As a rule it is in order. */
	for (i = 1; i < nr && r->e[i - 1].gsi <= r->e[i].gsi; i++)
		;
	if (i < nr)
		sort(r->e, nr, sizeof(*r->e), compare, NULL);
	/* At most three of a GSI do not conflict, so this is short. */
	for (i = 1; i < nr; i++)
		for (j = i; j > 0 && r->e[j - 1].gsi == r->e[i].gsi; j--)
			if (conflict(&r->e[j - 1], &r->e[i])) {
				kvfree(r);
				return ERR_PTR(-EINVAL);
			}
	return r;
}

/* What userspace's IOAPICs will send level-triggered, before they can: their EOI is told of. */
static void announce_levels(struct vh_irqchip *chip, const struct vh_routes *r)
{
	u64 vectors[4] = {};
	bool new = false;
	struct vh_msi m;
	unsigned int i;

	for (i = 0; i < r->n && r->e[i].gsi < chip->user_pins; i++) {
		to_msi(chip->vm, r->e[i].u.msi.address_lo, r->e[i].u.msi.address_hi, r->e[i].u.msi.data, &m);
		if (!m.level)
			continue;
		vectors[m.vector / 64] |= BIT_ULL(m.vector % 64);
		new |= !(chip->announced[m.vector / 64] & BIT_ULL(m.vector % 64));
	}
	if (new)
		vh_ioapic_announce(chip, vectors);
}

/**
 * vh_irq_set_routing - KVM_SET_GSI_ROUTING
 * @vm: the VM, with chips; vm->lock held
 * @e: the new table
 * @nr: its entries
 * @flags: must be 0
 *
 * Process context. -EINVAL, -ENOMEM.
 */
int vh_irq_set_routing(struct vh_vm *vm, const struct kvm_irq_routing_entry *e, u32 nr, u32 flags)
{
	struct vh_irqchip *chip = vm->irqchip;
	struct vh_routes *new, *old;
	u64 pins;

	if (!chip || flags || nr > VH_MAX_ROUTES)
		return -EINVAL;
	new = make_routes(vm, e, nr);
	if (IS_ERR(new))
		return PTR_ERR(new);
	if (chip->split)
		announce_levels(chip, new);
	/* What was acknowledged by the old table is told by it, what comes by the new is noticed. */
	vh_irq_tell_acks(vm);
	mutex_lock(&chip->acks_lock);
	pins = index_pins(vm, new);
	WRITE_ONCE(chip->resample_pins, chip->resample_pins | pins);
	old = rcu_replace_pointer(chip->routes, new, lockdep_is_held(&vm->lock));
	WRITE_ONCE(chip->resample_pins, pins);
	mutex_unlock(&chip->acks_lock);
	kvfree_rcu(old, rcu);
	if (!chip->split)
		vh_vm_request_all(vm, VH_REQ_EOI_BITMAP);
	return 0;
}

/*
 * What a PC's wiring is.
 *
 * GSI 0 to 15 go to the 8259s and the IOAPIC, 16 to 23 to the IOAPIC alone, each
 * to the pin of its number. A VMM whose tables say that the timer is on pin 2
 * (as PCs have it) sets routes, as it has to on KVM.
 */
static struct vh_routes *default_routes(struct vh_vm *vm)
{
	struct kvm_irq_routing_entry *e = kcalloc(PINS, sizeof(*e), GFP_KERNEL);
	unsigned int n = 0, gsi;
	struct vh_routes *r;

	if (!e)
		return ERR_PTR(-ENOMEM);
	for (gsi = 0; gsi < VH_IOAPIC_PINS; gsi++) {
		e[n].gsi = gsi;
		e[n].type = KVM_IRQ_ROUTING_IRQCHIP;
		e[n].u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
		e[n++].u.irqchip.pin = gsi;
		if (gsi > 15)
			continue;
		e[n].gsi = gsi;
		e[n].type = KVM_IRQ_ROUTING_IRQCHIP;
		e[n].u.irqchip.irqchip = gsi < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE;
		e[n++].u.irqchip.pin = gsi & 7;
	}
	r = make_routes(vm, e, n);
	kfree(e);
	return r;
}

static int create(struct vh_vm *vm, bool split, u32 pins)
{
	struct vh_irqchip *chip = kzalloc(sizeof(*chip), GFP_KERNEL_ACCOUNT);
	struct vh_routes *r;

	if (!chip)
		return -ENOMEM;
	r = split ? make_routes(vm, NULL, 0) : default_routes(vm);
	if (IS_ERR(r)) {
		kfree(chip);
		return PTR_ERR(r);
	}
	chip->vm = vm;
	chip->split = split;
	chip->user_pins = pins;
	vh_pic_init(chip);
	vh_ioapic_init(chip);
	/* KVM_INTERRUPT says whether there is something. */
	chip->pic_intr = split;
	mutex_init(&chip->acks_lock);
	RCU_INIT_POINTER(chip->routes, r);
	/* Complete: other threads' ioctls find it from here on. */
	smp_store_release(&vm->irqchip, chip);
	return 0;
}

/**
 * vh_irqchip_create - KVM_CREATE_IRQCHIP
 * @vm: the VM; vm->lock held
 *
 * Process context. -ENOMEM.
 */
int vh_irqchip_create(struct vh_vm *vm)
{
	return create(vm, false, 0);
}

/**
 * vh_irqchip_create_split - KVM_CAP_SPLIT_IRQCHIP: LAPICs and routes, the other chips are userspace's
 * @vm: the VM; vm->lock held
 * @pins: GSIs from 0 on that are pins of its IOAPICs
 *
 * Process context. -ENOMEM.
 */
int vh_irqchip_create_split(struct vh_vm *vm, u32 pins)
{
	return create(vm, true, pins);
}

/**
 * vh_irqchip_is_split - are the chips userspace's, and only the LAPICs here?
 * @vm: the VM
 *
 * Any context.
 */
bool vh_irqchip_is_split(struct vh_vm *vm)
{
	const struct vh_irqchip *chip = smp_load_acquire(&vm->irqchip);

	return chip && chip->split;
}

/**
 * vh_irqchip_stop - nothing comes of the chips by itself any more
 * @vm: no vCPU runs any more, and nobody drives lines
 *
 * Process context.
 */
void vh_irqchip_stop(struct vh_vm *vm)
{
	if (vm->irqchip)
		vh_ioapic_stop(vm->irqchip);
}

/**
 * vh_irqchip_destroy - free the chips
 * @vm: nobody uses them any more
 */
void vh_irqchip_destroy(struct vh_vm *vm)
{
	struct vh_irqchip *chip = vm->irqchip;

	if (!chip)
		return;
	vm->irqchip = NULL;
	kvfree(rcu_dereference_protected(chip->routes, 1));
	kfree(chip);
}

/**
 * vh_irqchip_get - KVM_GET_IRQCHIP
 * @vm: the VM
 * @c: chip_id says which; filled in
 *
 * -EINVAL for another chip.
 */
int vh_irqchip_get(struct vh_vm *vm, struct kvm_irqchip *c)
{
	struct vh_irqchip *chip = vm->irqchip;

	switch (c->chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		raw_spin_lock_irq(&chip->pic_lock);
		c->chip.pic = chip->pic[c->chip_id == KVM_IRQCHIP_PIC_SLAVE];
		raw_spin_unlock_irq(&chip->pic_lock);
		return 0;
	case KVM_IRQCHIP_IOAPIC:
		vh_ioapic_get(chip, &c->chip.ioapic);
		return 0;
	}
	return -EINVAL;
}

/**
 * vh_irqchip_set - KVM_SET_IRQCHIP
 * @vm: the VM
 * @c: new state
 *
 * -EINVAL for another chip or an impossible state.
 */
int vh_irqchip_set(struct vh_vm *vm, const struct kvm_irqchip *c)
{
	struct vh_irqchip *chip = vm->irqchip;

	switch (c->chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		vh_pic_set(chip, c->chip_id == KVM_IRQCHIP_PIC_SLAVE, &c->chip.pic);
		return 0;
	case KVM_IRQCHIP_IOAPIC:
		return vh_ioapic_set(chip, &c->chip.ioapic);
	}
	return -EINVAL;
}
