// SPDX-License-Identifier: GPL-2.0-only
/*
 * msi.c - message-signalled interrupts: an eventfd that becomes a message to the guest's interrupt
 * controllers in the kernel, without the VMM between.
 *
 * While a message may not be delivered its eventfd is not connected, and keeps count of what was
 * signalled: that is the pending bit, whoever signals.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vhctl.h"
#include "vmm/confine.h"
#include "vmm/msi.h"
#include "vmm/vmm.h"

#define PIC_PINS	8
#define IOAPIC_PINS	24

/* All routes of the VM: those of the chips, as they are without this, and one for each message. */
static struct kvm_irq_routing *table;	/* bus->lock */
static int next_gsi = IOAPIC_PINS;

/* Messages that were given back: their numbers and routes are free. */
static struct msi *unused;	/* bus->lock */
static unsigned int nr_unused;

static struct kvm_irq_routing_entry *add(uint32_t gsi, uint32_t type)
{
	unsigned int n = table ? table->nr : 0;
	struct kvm_irq_routing *t = realloc(table, sizeof(*t) + (n + 1) * sizeof(t->entries[0]));

	if (!t)
		abort();
	table = t;
	t->nr = n + 1;
	t->flags = 0;
	t->entries[n] = (struct kvm_irq_routing_entry){ .gsi = gsi, .type = type };
	return &t->entries[n];
}

static void chip_pin(uint32_t gsi, uint32_t chip, uint32_t pin)
{
	struct kvm_irq_routing_entry *e = add(gsi, KVM_IRQ_ROUTING_IRQCHIP);

	e->u.irqchip.irqchip = chip;
	e->u.irqchip.pin = pin;
}

/* Its number and route are free. */
static void set_aside(const struct msi *m)
{
	struct msi *u = realloc(unused, (nr_unused + 1) * sizeof(*u));

	if (!u)
		abort();
	unused = u;
	unused[nr_unused++] = *m;
}

/**
 * msi_create - a message, not connected
 * @v: the VM
 * @m: filled in
 *
 * bus->lock is held. 0, or -1, told.
 */
int msi_create(struct vmm *v, struct msi *m)
{
	uint32_t i;

	if (!table)
		for (i = 0; i < IOAPIC_PINS; i++) {
			if (i < 2 * PIC_PINS)
				chip_pin(i, i < PIC_PINS ? KVM_IRQCHIP_PIC_MASTER :
					 KVM_IRQCHIP_PIC_SLAVE, i % PIC_PINS);
			chip_pin(i, KVM_IRQCHIP_IOAPIC, i);
		}
	if (nr_unused) {
		*m = unused[--nr_unused];
	} else {
		*m = (struct msi){ .v = v, .gsi = next_gsi++ };
		m->route = table->nr;
		add(m->gsi, KVM_IRQ_ROUTING_MSI);
	}
	m->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->fd < 0) {
		error("cannot make an eventfd: %s", strerror(errno));
		set_aside(m);
		return -1;
	}
	confine_keep(m->fd);
	return 0;
}

static void complain(const struct msi *m)
{
	static int complaints;

	if (may_complain(&complaints))
		error("interrupt %d: %s", m->gsi, strerror(errno));
}

static void connect_fd(struct msi *m, bool on)
{
	struct kvm_irqfd i = { .fd = m->fd, .gsi = m->gsi,
			       .flags = on ? 0 : KVM_IRQFD_FLAG_DEASSIGN };

	if (ioctl(m->v->vm, KVM_IRQFD, &i))
		complain(m);
	else
		m->connected = on;
}

/**
 * msi_destroy - the message is not needed any more
 * @m: the message; bus->lock is held
 */
void msi_destroy(struct msi *m)
{
	if (m->connected)
		connect_fd(m, false);
	close(m->fd);
	m->fd = -1;
	set_aside(m);
}

/**
 * msi_set - where a message goes, and whether it does
 * @m: the message
 * @on: it is delivered; else it becomes pending
 * @address: of the message
 * @data: the same
 *
 * What is pending is delivered now. bus->lock is held.
 */
void msi_set(struct msi *m, bool on, uint64_t address, uint32_t data)
{
	struct kvm_irq_routing_msi *r = &table->entries[m->route].u.msi;
	uint64_t count;
	bool pending;

	if (on && (r->address_lo != (uint32_t)address || r->address_hi != address >> 32 ||
		   r->data != data)) {
		r->address_lo = address;
		r->address_hi = address >> 32;
		r->data = data;
		if (ioctl(m->v->vm, KVM_SET_GSI_ROUTING, table))
			complain(m);
	}
	if (on == m->connected)
		return;
	pending = on && read(m->fd, &count, sizeof(count)) == sizeof(count);
	connect_fd(m, on);
	if (pending)
		msi_signal(m->fd);
}

/**
 * msi_pending - has it been signalled, and not delivered?
 * @m: the message
 */
bool msi_pending(const struct msi *m)
{
	struct pollfd p = { .fd = m->fd, .events = POLLIN };

	return !m->connected && poll(&p, 1, 0) == 1;
}

/**
 * msi_signal - send the message
 * @fd: its eventfd
 */
void msi_signal(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		return;		/* the count is at its end: it is pending all the more */
}
