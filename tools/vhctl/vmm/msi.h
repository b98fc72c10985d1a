/* SPDX-License-Identifier: GPL-2.0-only */
/* msi.h - interrupts as messages, each behind an eventfd. */
#ifndef MSI_H
#define MSI_H

#include <stdbool.h>
#include <stdint.h>

struct vmm;

/**
 * struct msi - a message; bus->lock, but for what is const from msi_create() on
 * @v: the VM; const
 * @fd: eventfd; who signals it sends the message; const
 * @gsi: the kernel's number of it; const
 * @route: its index in the table of routes; const
 * @connected: the kernel delivers it
 */
struct msi {
	struct vmm *v;
	int fd, gsi;
	unsigned int route;
	bool connected;
};

int msi_create(struct vmm *v, struct msi *m);
void msi_destroy(struct msi *m);
void msi_set(struct msi *m, bool on, uint64_t address, uint32_t data);
bool msi_pending(const struct msi *m);
void msi_signal(int fd);

#endif /* MSI_H */
