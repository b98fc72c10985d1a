// SPDX-License-Identifier: GPL-2.0-only
/*
 * hotplug.c - which devices can be removed, by what name; the registers by which guest and VMM agree about
 * slots; and the control socket's commands. The guest is asked, and never waited for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cmd/run.h"
#include "vhctl.h"
#include "vmm/confine.h"
#include "vmm/control.h"
#include "vmm/devices.h"
#include "vmm/hotplug.h"
#include "vmm/plug.h"
#include "vmm/virtio.h"
#include "vmm/vmm.h"

#define SETTLE_SECONDS	3	/* for what was ejected to be given back */

/* A device that can be removed; bus.lock. */
struct plugged {
	char id[32], *what;
	const char *kind;
	struct virtio *d;
	void (*remove)(struct virtio *d);	/* it is on the bus no more: end it */
	bool wanted;				/* the guest was asked to eject it */
	uint32_t refused;			/* the status with which it did not; 0: it has not said so */
};

static struct hotplug {
	struct vmm *v;
	struct plugged *slot[PCI_SLOTS];
	uint32_t added, wanted;			/* what the guest has not read yet */
	int leaving;				/* ejected, and not given back yet */
	int complaints;
} hotplug;
static pthread_cond_t left = PTHREAD_COND_INITIALIZER;	/* hotplug.leaving */

static char *add_disk(struct vmm *v, struct json_object *request);
static char *add_net(struct vmm *v, struct json_object *request);

/* What can be added while the VM runs, and how: the name of the device, or NULL, told. */
static struct {
	const char *name;
	char *(*add)(struct vmm *v, struct json_object *request);
	unsigned int count;			/* of the names; bus.lock */
} kinds[] = {
	{ .name = "disk", .add = add_disk },
	{ .name = "net", .add = add_net },
};

#define KINDS	((int)(sizeof(kinds) / sizeof(kinds[0])))

static int kind_of(const char *name)
{
	for (int i = 0; name && i < KINDS; i++)
		if (!strcmp(name, kinds[i].name))
			return i;
	return -1;
}

static bool existing(unsigned int n)
{
	return n < PCI_SLOTS && hotplug.slot[n];
}

/* --- registers; bus->lock is held --- */

static void eject(struct hotplug *h, unsigned int n)
{
	struct plugged *p = h->slot[n];

	h->slot[n] = NULL;
	h->added &= ~(1u << n);
	h->wanted &= ~(1u << n);
	if (!p->wanted && may_complain(&h->complaints))
		error("%s: the guest has ejected %s (%s) by itself", h->v->cfg->name, p->id, p->what);
	pci_unplug(h->v, &p->d->pci);
	p->remove(p->d);
	free(p->what);
	free(p);
}

static uint64_t reg_read(void *device, uint64_t offset, int len)
{
	struct hotplug *h = device;
	uint32_t value = 0;

	if (len != 4)
		return ~0ULL;
	if (offset == HOTPLUG_ADDED) {
		value = h->added;
		h->added = 0;
	} else if (offset == HOTPLUG_WANTED) {
		value = h->wanted;
		h->wanted = 0;
	}
	return value;
}

/* @value: the slot, and what became of the wish from bit 8 on (ACPI Specification 6.5, 6.3.5). */
static void set_status(struct hotplug *h, uint64_t value)
{
	unsigned int n = value & 0xff;

	if (existing(n) && h->slot[n]->wanted && value >> 8)
		h->slot[n]->refused = value >> 8;
}

static void reg_write(void *device, uint64_t offset, int len, uint64_t value)
{
	struct hotplug *h = device;

	if (len != 4)
		return;
	if (offset == HOTPLUG_STATUS)
		set_status(h, value);
	for (unsigned int n = 0; offset == HOTPLUG_EJECT && n < PCI_SLOTS; n++)
		if (value >> n & 1 && existing(n))
			eject(h, n);
}

static const struct device_ops ops = { .read = reg_read, .write = reg_write };

/**
 * hotplug_create - the registers
 * @v: the VM, with a PCI host, and no devices on it yet
 */
void hotplug_create(struct vmm *v)
{
	hotplug.v = v;
	bus_claim(&v->bus, BUS_PORTS, HOTPLUG_PORT, HOTPLUG_SIZE, &ops, &hotplug);
}

/**
 * hotplug_slot - can what is in a slot, or comes there, be removed?
 * @v: the VM; without registers nothing can
 * @slot: of the bus
 *
 * Before vCPUs run.
 */
bool hotplug_slot(const struct vmm *v, int slot)
{
	return hotplug.v && (existing(slot) || !pci_slot(v, slot));
}

/**
 * hotplug_add - a device can be removed
 * @v: the VM; without registers it cannot
 * @kind: of the device, one that there is: its name is this and a number
 * @what: what it is made of
 * @d: the device, on the bus
 * @remove: ends it, when it is on the bus no more; bus->lock is held, and may not be given up
 *
 * bus->lock is held. While the VM runs the guest is told.
 */
void hotplug_add(struct vmm *v, const char *kind, const char *what, struct virtio *d, void (*remove)(struct virtio *d))
{
	struct plugged *p;
	int n = d->pci.slot, k = kind_of(kind);

	if (!hotplug.v)
		return;
	p = calloc(1, sizeof(*p));
	if (!p || n < 0 || k < 0)
		abort();
	*p = (struct plugged){ .kind = kind, .what = strdup(what), .d = d, .remove = remove };
	snprintf(p->id, sizeof(p->id), "%s%u", kind, kinds[k].count++);
	hotplug.slot[n] = p;
	if (!v->running)
		return;
	hotplug.added |= 1u << n;
	pm_event(v->pm, GPE_PCI);
}

/**
 * hotplug_leaves - what was ejected is not given back at once
 *
 * bus->lock is held.
 */
void hotplug_leaves(void)
{
	hotplug.leaving++;
}

/**
 * hotplug_left - it has been given back
 * @v: the VM; bus->lock is held
 */
void hotplug_left(struct vmm *v)
{
	(void)v;
	hotplug.leaving--;
	pthread_cond_broadcast(&left);
}

/* Who asks finds free what was a device's: files, taps, ports. For one that does not end it is not waited. bus->lock is held. */
static void settle(struct vmm *v)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += SETTLE_SECONDS;
	while (hotplug.leaving && !pthread_cond_timedwait(&left, &v->bus.lock, &until))
		;
}

/* --- the control socket's commands --- */

static struct plugged *find(const char *id, int *n)
{
	for (*n = 0; *n < PCI_SLOTS; ++*n)
		if (hotplug.slot[*n] && !strcmp(hotplug.slot[*n]->id, id))
			return hotplug.slot[*n];
	return NULL;
}

static bool no_bus(struct vmm *v, struct json_object *answer)
{
	if (!v->pci)
		control_fail(answer, "the VM has no PCI bus; one with a device there, such as a disk or --balloon, has");
	return !v->pci;
}

/* What it is made of a confined VM gets with the request. False, told. */
static bool may_plug(struct vmm *v, const struct plug **parts)
{
	if (!v->cfg->confine)
		return true;
	if (!confine_can_plug()) {
		error("somebody listens to the VMM's system calls already (a container's manager?), and so nothing can be plugged "
		      "in; with --no-confine it can");
		return false;
	}
	*parts = relay_parts();
	if (!*parts)
		error("the VMM has no room for what it is made of: it has as many descriptors as it may have");
	return *parts;
}

/* Of what was made a moment ago. Names are counted: it is the last one, unless the guest has ejected it already. */
static char *last_name(struct vmm *v, const char *kind)
{
	char *id;

	pthread_mutex_lock(&v->bus.lock);
	if (asprintf(&id, "%s%u", kind, kinds[kind_of(kind)].count - 1) < 0)
		abort();
	pthread_mutex_unlock(&v->bus.lock);
	return id;
}

/* As --disk describes it. */
static char *add_disk(struct vmm *v, struct json_object *request)
{
	struct vmm_config *c = calloc(1, sizeof(*c));
	const struct plug *parts = NULL;
	char *id = NULL;

	if (!c)
		abort();
	if (option_disk(control_text(request, "options"), c) && may_plug(v, &parts) &&
	    !blk_plug(v, &c->disk[0], parts ? &parts->disk : NULL))
		id = last_name(v, "disk");
	free((char *)c->disk[0].path);
	free(c);
	return id;
}

bool hotplug_net_options(struct json_object *request, struct vmm_config *c)
{
	struct json_object *ports;

	if (!option_net(control_text(request, "options"), c))
		return false;
	if (json_object_object_get_ex(request, "publish", &ports)) {
		if (!json_object_is_type(ports, json_type_array)) {
			error("--publish: want a list of texts");
			return false;
		}
		for (size_t i = 0; i < json_object_array_length(ports); i++) {
			const char *text = control_string(json_object_array_get_idx(ports, i));

			if (!option_publish(text ? text : "", c))
				return false;
		}
	}
	return net_options_fit(c);
}

/* As --net and --publish describe it. */
static char *add_net(struct vmm *v, struct json_object *request)
{
	struct vmm_config *c = calloc(1, sizeof(*c));
	const struct plug *parts = NULL;
	struct net_ports ports;
	char *id = NULL;

	if (!c)
		abort();
	if (hotplug_net_options(request, c) && may_plug(v, &parts)) {
		ports = (struct net_ports){ c->publish, c->publishes };
		if (!net_plug(v, &c->net[0], &ports, parts ? &parts->net : NULL))
			id = last_name(v, "net");
	}
	free(c);
	return id;
}

/**
 * hotplug_add_command - "device-add": another device
 * @v: the VM
 * @request: has "kind" and "options", as the option of that name takes them; of a network "publish" may be a list
 * @answer: gets "id"
 */
void hotplug_add_command(struct vmm *v, struct json_object *request, struct json_object *answer)
{
	int kind = kind_of(control_text(request, "kind"));
	char why[512], *id;

	if (no_bus(v, answer))
		return;
	if (kind < 0 || !control_text(request, "options")) {
		control_fail(answer, "only a disk or a net can be added while the VM runs");
		return;
	}
	error_capture(why, sizeof(why));
	id = kinds[kind].add(v, request);
	error_capture(NULL, 0);
	if (id)
		json_object_object_add(answer, "id", json_object_new_string(id));
	else
		control_fail(answer, "%s", why);
	free(id);
}

/**
 * hotplug_remove_command - "device-rm": the guest is asked to eject a device
 * @v: the VM
 * @request: has "id"
 * @answer: nothing is added; "device-ls" tells when it is gone
 */
void hotplug_remove_command(struct vmm *v, struct json_object *request, struct json_object *answer)
{
	const char *id = control_text(request, "id");
	struct plugged *p;
	int n;

	if (no_bus(v, answer))
		return;
	pthread_mutex_lock(&v->bus.lock);
	p = id ? find(id, &n) : NULL;
	if (p) {
		p->wanted = true;
		p->refused = 0;
		hotplug.wanted |= 1u << n;
		pm_event(v->pm, GPE_PCI);
	}
	pthread_mutex_unlock(&v->bus.lock);
	if (!p)
		control_fail(answer, "no device '%s' that can be removed; 'vhctl device ls' lists them", id ? id : "");
}

static struct json_object *describe(const struct plugged *p, int n)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "id", json_object_new_string(p->id));
	json_object_object_add(o, "kind", json_object_new_string(p->kind));
	json_object_object_add(o, "slot", json_object_new_int(n));
	json_object_object_add(o, "driver", json_object_new_boolean(p->d->running));
	json_object_object_add(o, "state", json_object_new_string(!p->wanted ? "plugged" : p->refused ? "refused" :
								  "leaving"));
	json_object_object_add(o, "what", json_object_new_string(p->what));
	return o;
}

/**
 * hotplug_list_command - "device-ls": what can be removed
 * @v: the VM
 * @request: nothing of it is looked at
 * @answer: gets "devices"
 */
void hotplug_list_command(struct vmm *v, struct json_object *request, struct json_object *answer)
{
	struct json_object *list = json_object_new_array();

	(void)request;
	pthread_mutex_lock(&v->bus.lock);
	settle(v);
	for (int n = 0; n < PCI_SLOTS; n++)
		if (hotplug.slot[n])
			json_object_array_add(list, describe(hotplug.slot[n], n));
	pthread_mutex_unlock(&v->bus.lock);
	json_object_object_add(answer, "devices", list);
}
