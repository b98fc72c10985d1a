// SPDX-License-Identifier: GPL-2.0-only
/*
 * pci.c - a host bridge and its bus (PCI Local Bus Specification 3.0, chapter 6; PCI Express Base
 * Specification, 7.2: ECAM).
 *
 * Everything that a guest can write in a device's configuration space are the bits that @writable
 * says; only the command register, BAR 0 and MSI-X's control then mean something here.
 */
#include <stdlib.h>
#include <string.h>

#include "vhctl.h"
#include "vmm/pci.h"
#include "vmm/region.h"
#include "vmm/vmm.h"

#define CONFIG_ADDRESS	0xcf8
#define CONFIG_DATA	0xcfc
#define HIGH_WINDOW	(16ULL << 30)

#define VENDOR_BRIDGE	0x1b36
#define DEVICE_BRIDGE	0x0008
/* By these a SeaBIOS knows that it is in a VM, with a fw_cfg to ask. */
#define SUBVENDOR	0x1af4
#define SUBDEVICE	0x1100

struct pci_host {
	struct pci_device *slot[PCI_SLOTS];	/* bus->lock */
	uint32_t address;			/* of mechanism #1; bus->lock */
	uint64_t next;				/* place for a BAR */
	struct pci_window {
		struct pci_host *host;
		uint64_t first;
	} window[3];				/* const: low, high, top */
	struct pci_device bridge;
};

static uint32_t get(const uint8_t *p, int len)
{
	uint32_t value = 0;

	memcpy(&value, p, len);
	return value;
}

static void put(uint8_t *p, int len, uint32_t value)
{
	memcpy(p, &value, len);
}

/* --- MSI-X --- */


static void update_vector(struct pci_device *d, struct pci_vector *e)
{
	uint16_t flags = get(d->config + d->msix + PCI_MSIX_FLAGS, 2);

	msi_set(&e->msi, (flags & PCI_MSIX_FLAGS_ENABLE) && !(flags & PCI_MSIX_FLAGS_MASKALL) &&
		!(e->control & PCI_MSIX_ENTRY_CTRL_MASKBIT), e->address, e->data);
}

static uint32_t table_read(const struct pci_device *d, uint64_t offset)
{
	const struct pci_vector *e = &d->vector[offset / PCI_MSIX_ENTRY_SIZE];

	switch (offset % PCI_MSIX_ENTRY_SIZE) {
	case PCI_MSIX_ENTRY_LOWER_ADDR: return e->address;
	case PCI_MSIX_ENTRY_UPPER_ADDR: return e->address >> 32;
	case PCI_MSIX_ENTRY_DATA: return e->data;
	case PCI_MSIX_ENTRY_VECTOR_CTRL: return e->control;
	}
	return ~0u;
}

static void table_write(struct pci_device *d, uint64_t offset, uint32_t value)
{
	struct pci_vector *e = &d->vector[offset / PCI_MSIX_ENTRY_SIZE];

	switch (offset % PCI_MSIX_ENTRY_SIZE) {
	case PCI_MSIX_ENTRY_LOWER_ADDR:
		e->address = (e->address & ~0xffffffffULL) | (value & ~3u);
		break;
	case PCI_MSIX_ENTRY_UPPER_ADDR:
		e->address = (e->address & 0xffffffff) | (uint64_t)value << 32;
		break;
	case PCI_MSIX_ENTRY_DATA:
		e->data = value;
		break;
	case PCI_MSIX_ENTRY_VECTOR_CTRL:
		e->control = value & PCI_MSIX_ENTRY_CTRL_MASKBIT;
		break;
	default:
		return;
	}
	update_vector(d, e);
}

static uint32_t pending_bits(const struct pci_device *d, uint64_t offset)
{
	uint32_t bits = 0;

	for (int i = offset * 8, n = 0; n < 32 && i < d->vectors; i++, n++)
		if (msi_pending(&d->vector[i].msi))
			bits |= 1u << n;
	return bits;
}

/* --- the BAR --- */

static bool within(uint64_t offset, uint64_t first, uint64_t size)
{
	return offset - first < size;
}

static uint64_t bar_access(struct pci_device *d, uint64_t offset, int len, bool write, uint64_t value)
{
	uint64_t table_size = d->vectors * PCI_MSIX_ENTRY_SIZE, high;

	if (len == 8) {
		high = bar_access(d, offset + 4, 4, write, value >> 32);
		return high << 32 | bar_access(d, offset, 4, write, (uint32_t)value);
	}
	if (within(offset, d->table, table_size)) {
		if (len != 4 || offset % 4)
			return ~0u;
		if (!write)
			return table_read(d, offset - d->table);
		table_write(d, offset - d->table, value);
	} else if (d->vectors && within(offset, d->pba, 8)) {
		return write || len != 4 || offset % 4 ? ~0u : pending_bits(d, offset - d->pba);
	} else if (offset + len <= d->size) {
		if (!write)
			return d->ops->read(d, offset, len);
		d->ops->write(d, offset, len, value);
	}
	return ~0u;
}

static struct pci_device *at(const struct pci_window *w, uint64_t *offset)
{
	for (int i = 0; i < PCI_SLOTS; i++) {
		struct pci_device *d = w->host->slot[i];

		if (d && d->at && within(w->first + *offset, d->at, d->size)) {
			*offset = w->first + *offset - d->at;
			return d;
		}
	}
	return NULL;
}

static uint64_t window_read(void *device, uint64_t offset, int len)
{
	struct pci_device *d = at(device, &offset);

	return d ? bar_access(d, offset, len, false, 0) : ~0ULL;
}

static void window_write(void *device, uint64_t offset, int len, uint64_t value)
{
	struct pci_device *d = at(device, &offset);

	if (d)
		bar_access(d, offset, len, true, value);
}

static const struct device_ops window_ops = { .read = window_read, .write = window_write };

/* Command register or BAR have changed, perhaps. */
static void decode(struct pci_host *host, struct pci_device *d)
{
	uint64_t old = d->at, to = 0;

	if (!d->size)
		return;
	if (get(d->config + PCI_COMMAND, 2) & PCI_COMMAND_MEMORY) {
		to = get(d->config + PCI_BASE_ADDRESS_0, 4) & PCI_BASE_ADDRESS_MEM_MASK;
		to |= (uint64_t)get(d->config + PCI_BASE_ADDRESS_1, 4) << 32;
		/* Elsewhere nobody would ask this bus. */
		if (!within(to, PCI_WINDOW, PCI_WINDOW_SIZE) &&
		    !within(to, PCI_TOP_WINDOW, PCI_TOP_WINDOW_SIZE) &&
		    !(host->window[1].host && within(to, host->window[1].first, HIGH_WINDOW)))
			to = 0;
	}
	d->at = to;
	if (to != old)
		d->ops->moved(d, old);
}

/* --- configuration space --- */

static uint32_t config_read(struct pci_device *d, uint64_t offset, int len)
{
	if (offset + len > PCI_CONFIG_SIZE)
		return 0;	/* no extended capabilities */
	if (d->ops && d->ops->config_access)
		d->ops->config_access(d, offset, len, false);
	return get(d->config + offset, len);
}

static void config_write(struct pci_host *host, struct pci_device *d, uint64_t offset, int len,
			 uint32_t value)
{
	int i;

	if (offset + len > PCI_CONFIG_SIZE)
		return;
	for (i = 0; i < len; i++, value >>= 8)
		d->config[offset + i] = (d->config[offset + i] & ~d->writable[offset + i]) |
					(value & d->writable[offset + i]);
	if (offset < PCI_BASE_ADDRESS_2)
		decode(host, d);
	if (d->vectors && offset < d->msix + 4u && offset + len > d->msix + 2u)
		for (i = 0; i < d->vectors; i++)
			update_vector(d, &d->vector[i]);
	if (d->ops && d->ops->config_access)
		d->ops->config_access(d, offset, len, true);
}

static struct pci_device *function(const struct pci_host *host, unsigned int devfn)
{
	return devfn & 7 ? NULL : host->slot[devfn >> 3 & (PCI_SLOTS - 1)];
}

static uint64_t ecam_read(void *device, uint64_t offset, int len)
{
	struct pci_device *d = function(device, offset >> 12);

	if (!d)
		return ~0ULL;
	offset &= 0xfff;
	if (len == 8)
		return config_read(d, offset, 4) | (uint64_t)config_read(d, offset + 4, 4) << 32;
	return config_read(d, offset, len);
}

static void ecam_write(void *device, uint64_t offset, int len, uint64_t value)
{
	struct pci_device *d = function(device, offset >> 12);

	if (!d)
		return;
	offset &= 0xfff;
	config_write(device, d, offset, len < 4 ? len : 4, value);
	if (len == 8)
		config_write(device, d, offset + 4, 4, value >> 32);
}

static const struct device_ops ecam_ops = { .read = ecam_read, .write = ecam_write };

/* Port 0xcf9 is another device's: only whole accesses to the address register are this one's. */
static uint64_t address_read(void *device, uint64_t offset, int len)
{
	struct pci_host *host = device;

	(void)offset;
	return len == 4 ? host->address : ~0ULL;
}

static void address_write(void *device, uint64_t offset, int len, uint64_t value)
{
	struct pci_host *host = device;

	(void)offset;
	if (len == 4)
		host->address = value;
}

static const struct device_ops address_ops = { .read = address_read, .write = address_write };

/* The device that the address register means; NULL where there is none. */
static struct pci_device *addressed(const struct pci_host *host, uint64_t *offset)
{
	if (!(host->address & 1u << 31) || host->address >> 16 & 0xff)
		return NULL;
	*offset += host->address & 0xfc;
	return function(host, host->address >> 8 & 0xff);
}

static uint64_t data_read(void *device, uint64_t offset, int len)
{
	struct pci_device *d = addressed(device, &offset);

	return d && len <= 4 ? config_read(d, offset, len) : ~0ULL;
}

static void data_write(void *device, uint64_t offset, int len, uint64_t value)
{
	struct pci_device *d = addressed(device, &offset);

	if (d && len <= 4)
		config_write(device, d, offset, len, value);
}

static const struct device_ops data_ops = { .read = data_read, .write = data_write };

/* --- devices --- */

/**
 * pci_init_device - configuration space of a device, without capabilities
 * @d: the device
 * @ops: its functions
 * @vendor: id
 * @device: id
 * @class: class code, 24 bits
 * @size: of BAR 0, a power of two of a page or more; 0: it has none
 */
void pci_init_device(struct pci_device *d, const struct pci_ops *ops, uint16_t vendor,
		     uint16_t device, uint32_t class, uint64_t size)
{
	*d = (struct pci_device){ .ops = ops, .slot = -1, .size = size, .end_cap = 0x40 };
	put(d->config + PCI_VENDOR_ID, 2, vendor);
	put(d->config + PCI_DEVICE_ID, 2, device);
	put(d->config + PCI_CLASS_REVISION, 4, class << 8 | 1);
	put(d->config + PCI_SUBSYSTEM_VENDOR_ID, 2, vendor);
	put(d->config + PCI_SUBSYSTEM_ID, 2, device);
	if (!size)
		return;
	put(d->writable + PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
	    PCI_COMMAND_INTX_DISABLE);
	put(d->config + PCI_BASE_ADDRESS_0, 4, PCI_BASE_ADDRESS_MEM_TYPE_64);
	put(d->writable + PCI_BASE_ADDRESS_0, 4, ~(size - 1));
	put(d->writable + PCI_BASE_ADDRESS_1, 4, ~(size - 1) >> 32);
	d->writable[PCI_INTERRUPT_LINE] = 0xff;		/* guests note something there */
}

/**
 * pci_add_cap - a capability
 * @d: the device
 * @id: of the capability
 * @body: what follows its two-byte head
 * @len: of that
 *
 * Returns where it is.
 */
int pci_add_cap(struct pci_device *d, uint8_t id, const void *body, int len)
{
	int here = d->end_cap;

	if (here + 2 + len > PCI_CONFIG_SIZE)
		abort();
	d->config[d->last_cap ? d->last_cap + 1 : PCI_CAPABILITY_LIST] = here;
	d->config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	d->config[here] = id;
	memcpy(d->config + here + 2, body, len);
	d->last_cap = here;
	d->end_cap = (here + 2 + len + 3) & ~3;
	return here;
}

/**
 * pci_add_msix - MSI-X
 * @v: the VM
 * @d: the device
 * @vectors: how many, 1 to 64
 * @table: offset of the table in the BAR
 * @pba: of the pending bits
 *
 * 0, or -1, told.
 */
int pci_add_msix(struct vmm *v, struct pci_device *d, int vectors, uint64_t table, uint64_t pba)
{
	uint8_t body[10];
	int i;

	d->vector = calloc(vectors, sizeof(*d->vector));
	if (!d->vector)
		abort();
	for (i = 0; i < vectors; i++) {
		d->vector[i].control = PCI_MSIX_ENTRY_CTRL_MASKBIT;
		if (msi_create(v, &d->vector[i].msi))
			return -1;
		d->vectors = i + 1;	/* what there is to forget */
	}
	put(body, 2, vectors - 1);
	put(body + 2, 4, table);
	put(body + 6, 4, pba);
	d->msix = pci_add_cap(d, PCI_CAP_ID_MSIX, body, sizeof(body));
	put(d->writable + d->msix + PCI_MSIX_FLAGS, 2,
	    PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	d->vectors = vectors;
	d->table = table;
	d->pba = pba;
	return 0;
}

/**
 * pci_plug - put a device into the next free slot
 * @v: the VM
 * @d: the device
 *
 * Before vCPUs run its BAR is put into the window, too; later that is the guest's affair. bus->lock is
 * held. 0, or -1, told.
 */
int pci_plug(struct vmm *v, struct pci_device *d)
{
	struct pci_host *host = v->pci;
	int i;

	for (i = 0; i < PCI_SLOTS && host->slot[i]; i++)
		;
	if (i == PCI_SLOTS) {
		error("there is no room for another PCI device");
		return -1;
	}
	d->slot = i;
	if (v->running) {
		host->slot[i] = d;
		return 0;
	}
	host->next = (host->next + d->size - 1) & ~(d->size - 1);
	if (!within(host->next + d->size - 1, PCI_WINDOW, PCI_WINDOW_SIZE)) {
		error("there is no room for another PCI device");
		return -1;
	}
	host->slot[i] = d;
	put(d->config + PCI_BASE_ADDRESS_0, 4, host->next | PCI_BASE_ADDRESS_MEM_TYPE_64);
	host->next += d->size;
	put(d->config + PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	decode(host, d);
	return 0;
}

/**
 * pci_unplug - take a device off the bus
 * @v: the VM
 * @d: the device; bus->lock is held
 */
void pci_unplug(struct vmm *v, struct pci_device *d)
{
	uint64_t old = d->at;

	v->pci->slot[d->slot] = NULL;
	d->slot = -1;
	d->at = 0;
	if (old)
		d->ops->moved(d, old);
}

/**
 * pci_forget - give back what pci_add_msix() made
 * @d: the device, on no bus; bus->lock is held
 */
void pci_forget(struct pci_device *d)
{
	for (int i = 0; i < d->vectors; i++)
		msi_destroy(&d->vector[i].msi);
	free(d->vector);
	d->vector = NULL;
	d->vectors = 0;
}

/**
 * pci_slot - what is in a slot
 * @v: the VM
 * @slot: of the bus
 *
 * NULL: nothing. Before vCPUs run, or with bus->lock held.
 */
struct pci_device *pci_slot(const struct vmm *v, int slot)
{
	return v->pci->slot[slot];
}

/**
 * pci_high_window - where BARs may be above memory
 * @v: the VM
 * @first: the first address
 * @size: 0: nowhere, as memory reaches up to what the processor can address
 */
void pci_high_window(const struct vmm *v, uint64_t *first, uint64_t *size)
{
	uint64_t end = FOUR_GIB;

	if (v->cfg->memory > MMIO_START)
		end += v->cfg->memory - MMIO_START;
	if (v->region)
		end = v->region->gpa + v->region->size;
	*first = (end + HIGH_WINDOW - 1) & ~(HIGH_WINDOW - 1);
	*size = *first + HIGH_WINDOW <= memory_limit() ? HIGH_WINDOW : 0;
}

/**
 * pci_create - the host bridge
 * @v: the VM
 */
void pci_create(struct vmm *v)
{
	struct pci_host *host = calloc(1, sizeof(*host));
	uint64_t first, size;

	if (!host)
		abort();
	v->pci = host;
	host->next = PCI_WINDOW;
	pci_init_device(&host->bridge, NULL, VENDOR_BRIDGE, DEVICE_BRIDGE, 0x060000, 0);
	put(host->bridge.config + PCI_SUBSYSTEM_VENDOR_ID, 2, SUBVENDOR);
	put(host->bridge.config + PCI_SUBSYSTEM_ID, 2, SUBDEVICE);
	host->slot[0] = &host->bridge;
	host->window[0] = (struct pci_window){ host, PCI_WINDOW };
	bus_claim(&v->bus, BUS_MEMORY, PCI_WINDOW, PCI_WINDOW_SIZE, &window_ops, &host->window[0]);
	host->window[2] = (struct pci_window){ host, PCI_TOP_WINDOW };
	bus_claim(&v->bus, BUS_MEMORY, PCI_TOP_WINDOW, PCI_TOP_WINDOW_SIZE, &window_ops, &host->window[2]);
	pci_high_window(v, &first, &size);
	if (size) {
		host->window[1] = (struct pci_window){ host, first };
		bus_claim(&v->bus, BUS_MEMORY, first, size, &window_ops, &host->window[1]);
	}
	bus_claim(&v->bus, BUS_MEMORY, PCI_ECAM, PCI_ECAM_SIZE, &ecam_ops, host);
	bus_claim(&v->bus, BUS_PORTS, CONFIG_ADDRESS, 1, &address_ops, host);
	bus_claim(&v->bus, BUS_PORTS, CONFIG_DATA, 4, &data_ops, host);
}
