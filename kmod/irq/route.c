// SPDX-License-Identifier: GPL-2.0-only
/*
 * route.c - global system interrupts to chip pins and messages; the chips' ioctls.
 */
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "internal.h"

/*
 * struct vh_routes - a routing table, sorted by GSI, replaced as a whole (RCU)
 */
struct vh_routes {
	struct rcu_head rcu;
	unsigned int n;
	struct kvm_irq_routing_entry e[];
};

static const struct vh_routes *routes_of(struct vh_vm *vm)
{
	struct vh_irqchip *chip = smp_load_acquire(&vm->irqchip);

	return chip ? rcu_dereference_check(chip->routes, lockdep_is_held(&vm->lock)) : NULL;
}

static void to_msi(u32 lo, u32 hi, u32 data, struct vh_msi *m)
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
}

static int drive(struct vh_vm *vm, const struct kvm_irq_routing_entry *e, unsigned int source,
		 int level)
{
	struct vh_msi m;

	if (e->type == KVM_IRQ_ROUTING_MSI) {
		if (!level)
			return -1;
		to_msi(e->u.msi.address_lo, e->u.msi.address_hi, e->u.msi.data, &m);
		return vh_irq_deliver(vm, NULL, &m);
	}
	switch (e->u.irqchip.irqchip) {
	case KVM_IRQCHIP_PIC_MASTER:
		return vh_pic_set_line(vm->irqchip, e->u.irqchip.pin, source, level);
	case KVM_IRQCHIP_PIC_SLAVE:
		return vh_pic_set_line(vm->irqchip, e->u.irqchip.pin + 8, source, level);
	default:
		return vh_ioapic_set_line(vm->irqchip, e->u.irqchip.pin, source, level);
	}
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
	to_msi(msi->address_lo, msi->address_hi, msi->data, &m);
	r = vh_irq_deliver(vm, NULL, &m);
	return r < 0 ? 0 : r;
}

/**
 * vh_irq_acked - the guest acknowledged a chip's pin
 * @vm: the VM
 * @chip: KVM_IRQCHIP_*
 * @pin: its pin
 *
 * Any context.
 */
void vh_irq_acked(struct vh_vm *vm, unsigned int chip, unsigned int pin)
{
	const struct vh_routes *r;
	unsigned int i;

	if (!vh_irqfd_any_resample(vm))
		return;
	rcu_read_lock();
	r = routes_of(vm);
	for (i = 0; r && i < r->n; i++)
		if (r->e[i].type == KVM_IRQ_ROUTING_IRQCHIP &&
		    r->e[i].u.irqchip.irqchip == chip && r->e[i].u.irqchip.pin == pin)
			vh_irqfd_resample(vm, r->e[i].gsi);
	rcu_read_unlock();
}

static int entry_check(const struct kvm_irq_routing_entry *e)
{
	if (e->gsi >= VH_MAX_GSI || e->flags)
		return -EINVAL;
	switch (e->type) {
	case KVM_IRQ_ROUTING_MSI:
		return e->u.msi.address_hi & 0xff ? -EINVAL : 0;
	case KVM_IRQ_ROUTING_IRQCHIP:
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

/**
 * vh_irq_set_routing - KVM_SET_GSI_ROUTING
 * @vm: the VM; vm->lock held
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
	unsigned int i, j;

	if (!chip || flags || nr > VH_MAX_ROUTES)
		return -EINVAL;
	new = kvzalloc(struct_size(new, e, nr), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		cond_resched();
		if (entry_check(&e[i]))
			goto invalid;
		/* Insertion: tables come sorted as a rule. */
		for (j = new->n; j > 0 && new->e[j - 1].gsi > e[i].gsi; j--)
			new->e[j] = new->e[j - 1];
		new->e[j] = e[i];
		new->n++;
		for (; j > 0 && new->e[j - 1].gsi == e[i].gsi; j--)
			if (conflict(&new->e[j - 1], &e[i]))
				goto invalid;
	}
	old = rcu_replace_pointer(chip->routes, new, lockdep_is_held(&vm->lock));
	if (old)
		kvfree_rcu(old, rcu);
	vh_vm_request_all(vm, VH_REQ_EOI_BITMAP);
	return 0;
invalid:
	kvfree(new);
	return -EINVAL;
}

/**
 * vh_routes_default - what a PC's wiring is
 * @vm: the VM; vm->lock held
 *
 * GSI 0 to 15 go to the 8259s and the IOAPIC, 16 to 23 to the IOAPIC alone, each
 * to the pin of its number. A VMM whose tables say that the timer is on pin 2
 * (as PCs have it) sets routes, as it has to on KVM.
 */
int vh_routes_default(struct vh_vm *vm)
{
	struct kvm_irq_routing_entry *e = kcalloc(40, sizeof(*e), GFP_KERNEL);
	unsigned int n = 0, gsi;
	int err;

	if (!e)
		return -ENOMEM;
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
	err = vh_irq_set_routing(vm, e, n, 0);
	kfree(e);
	return err;
}

/**
 * vh_irqchip_create - KVM_CREATE_IRQCHIP
 * @vm: the VM; vm->lock held
 *
 * Process context. -ENOMEM.
 */
int vh_irqchip_create(struct vh_vm *vm)
{
	struct vh_irqchip *chip = kzalloc(sizeof(*chip), GFP_KERNEL_ACCOUNT);
	int err;

	if (!chip)
		return -ENOMEM;
	chip->vm = vm;
	vh_pic_init(chip);
	vh_ioapic_init(chip);
	smp_store_release(&vm->irqchip, chip);
	err = vh_routes_default(vm);
	if (err)
		vh_irqchip_destroy(vm);
	return err;
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
