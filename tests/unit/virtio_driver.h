/* SPDX-License-Identifier: GPL-2.0-only */
/* virtio_driver.h - a driver of virtio devices of vhctl's VMM, in a process without VM, for tests of one device. */
#ifndef VIRTIO_DRIVER_H
#define VIRTIO_DRIVER_H

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/vmm.h"

#define DRIVER_SIZE	16		/* entries of a queue */
#define DRIVER_DATA	0x100000ULL	/* memory from here on is the test's */
#define OUT(gpa, n)	{ gpa, n, 0, 0 }
#define IN(gpa, n)	{ gpa, n, VRING_DESC_F_WRITE, 0 }

extern struct vmm driver_vm;
extern char driver_said[512];	/* the last error */

void driver_begin(uint64_t memory);
uint64_t driver_bar(int slot, uint64_t at, int len, bool write, uint64_t value);
uint64_t driver_config(int slot, uint64_t at, int len, bool write, uint64_t value);
uint8_t driver_status(int slot);
bool driver_reset(int slot);
bool driver_start(int slot, uint32_t features, int queues);
void driver_add(int slot, int q, const struct vring_desc *d, int n);
bool driver_done(int q);		/* all is given back, before long */
/* The device says that it needs a reset, before long, and these words. */
bool driver_breaks(int slot, const char *words);
uint32_t driver_length(int q);		/* of what was given back last */
void *driver_at(uint64_t gpa);
bool driver_until(bool (*is)(void *), void *arg);

#endif /* VIRTIO_DRIVER_H */
