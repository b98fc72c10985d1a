/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pci.h - one PCI bus: configuration space by ECAM and by mechanism #1, devices with one 64-bit
 * memory BAR, and MSI-X.
 */
#ifndef PCI_H
#define PCI_H

#include <linux/pci_regs.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/bus.h"
#include "vmm/msi.h"

#define PCI_SLOTS		32
#define PCI_CONFIG_SIZE		256

/* Guest-physical layout; the window above memory is where pci_high_window() says. */
#define PCI_WINDOW		0xc0000000ULL
#define PCI_WINDOW_SIZE		0x20000000ULL
#define PCI_ECAM		0xe0000000ULL	/* of bus 0 */
#define PCI_ECAM_SIZE		0x100000ULL
#define PCI_TOP_WINDOW		0xe0100000ULL	/* up to the IOAPIC: where a BIOS puts BARs */
#define PCI_TOP_WINDOW_SIZE	0x1eb00000ULL

struct pci_device;

/**
 * struct pci_ops - what a device does
 * @read: @len bytes (1, 2 or 4) at @offset of the BAR
 * @write: the same
 * @moved: the BAR is at @d->at now and was at @old; 0: nowhere
 * @config: a guest is about to read, or has written, these bytes of @d->config; may be NULL
 *
 * bus->lock is held.
 */
struct pci_ops {
	uint32_t (*read)(struct pci_device *d, uint64_t offset, int len);
	void (*write)(struct pci_device *d, uint64_t offset, int len, uint32_t value);
	void (*moved)(struct pci_device *d, uint64_t old);
	void (*config_access)(struct pci_device *d, int offset, int len, bool write);
};

/**
 * struct pci_vector - an entry of the MSI-X table
 * @address: as the guest wrote it
 * @data: the same
 * @control: the same
 * @msi: what it does
 */
struct pci_vector {
	uint64_t address;
	uint32_t data, control;
	struct msi msi;
};

/**
 * struct pci_device - a device in a slot, function 0; bus->lock, but for what is const
 * @ops: const
 * @config: configuration space
 * @writable: the bits of it that a guest can write; const once vCPUs run
 * @slot: where it is plugged; -1: nowhere
 * @size: of the BAR, a power of two; const
 * @at: where the BAR is, 0 while it is decoded nowhere
 * @last_cap: the last capability; const once vCPUs run
 * @end_cap: where the next would be; const once vCPUs run
 * @msix: the MSI-X capability; const once vCPUs run
 * @vectors: how many; const once vCPUs run
 * @table: offset of the MSI-X table in the BAR; const once vCPUs run
 * @pba: of the pending bits; const once vCPUs run
 * @vector: the table
 */
struct pci_device {
	const struct pci_ops *ops;
	uint8_t config[PCI_CONFIG_SIZE], writable[PCI_CONFIG_SIZE];
	int slot;
	uint64_t size, at;
	int last_cap, end_cap;
	int msix, vectors;
	uint64_t table, pba;
	struct pci_vector *vector;
};

void pci_create(struct vmm *v);
void pci_high_window(const struct vmm *v, uint64_t *first, uint64_t *size);
void pci_init_device(struct pci_device *d, const struct pci_ops *ops, uint16_t vendor,
		     uint16_t device, uint32_t class, uint64_t size);
int pci_add_cap(struct pci_device *d, uint8_t id, const void *body, int len);
int pci_add_msix(struct vmm *v, struct pci_device *d, int vectors, uint64_t table, uint64_t pba);
int pci_plug(struct vmm *v, struct pci_device *d);
void pci_unplug(struct vmm *v, struct pci_device *d);
struct pci_device *pci_slot(const struct vmm *v, int slot);
void pci_forget(struct pci_device *d);
/* What sends message @vector of a device, or -1 when there is none; any thread. */
static inline int pci_vector_fd(const struct pci_device *d, int vector)
{
	return vector < d->vectors ? d->vector[vector].msi.fd : -1;
}

#endif /* PCI_H */
