/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * virtio.h - virtio devices on PCI: version 1 alone, each queue with an eventfd for its kicks and a
 * message for its interrupts.
 *
 * A device serves its queues in a thread of its own, which sleeps on the eventfds of kicks, or in the
 * vCPU that kicks, or has the kernel serve them (vhost.h).
 */
#ifndef VIRTIO_H
#define VIRTIO_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/pci.h"
#include "vmm/virtqueue.h"

struct virtio;

/**
 * struct virtio_ops - what a device does; bus->lock is held
 * @start: the driver is ready, the queues are started
 * @stop: nothing more is to be taken; virtio_stopped() when nothing is in flight. NULL: never is
 * @kick: serve queue @q; NULL: a thread or the kernel does, who is told by the queue's eventfd
 * @vector: the message of queue @q's interrupts is another one now, while the device runs; may be NULL
 * @configure: the driver writes @len bytes at @offset of the configuration, which it has; may be NULL
 */
struct virtio_ops {
	void (*start)(struct virtio *d);
	void (*stop)(struct virtio *d);
	void (*kick)(struct virtio *d, int q);
	void (*vector)(struct virtio *d, int q);
	void (*configure)(struct virtio *d, uint64_t offset, int len, uint32_t value);
};

/**
 * struct virtio_queue - a queue, and how both sides tell each other
 * @vq: the queue
 * @vector: message of its interrupts; written under bus->lock, read anywhere
 * @kick: eventfd that the driver's kicks signal, -1 when vCPUs serve the queue; const
 * @bound: the kernel signals it, without the VMM; bus->lock
 */
struct virtio_queue {
	struct virtqueue vq;
	uint16_t vector;
	int kick;
	bool bound;
};

/**
 * struct virtio - a device; bus->lock, but for what is said otherwise
 * @pci: what it is on the bus; the first member
 * @v: the VM; const
 * @name: in messages; const
 * @ops: const
 * @offered: features; const once vCPUs run
 * @accepted: of the driver; const between start and stop
 * @status: the driver's, and DEVICE_NEEDS_RESET; atomic
 * @isr: what was there to tell without a message; atomic
 * @queue: the queues; const, as their number is
 * @config: the device's configuration
 * @waiters: vCPUs that wait for @stopped
 * @stopped: a reset is through
 */
struct virtio {
	struct pci_device pci;
	struct vmm *v;
	const char *name;
	const struct virtio_ops *ops;
	uint64_t offered, accepted;
	uint32_t feature_select[2];	/* the device's, the driver's */
	uint8_t status, isr, generation;
	uint16_t config_vector, select;
	int queues, config_access, complaints;
	struct virtio_queue *queue;
	const void *config;
	size_t config_size;
	bool running, resetting;
	int waiters;
	pthread_cond_t stopped;
};

/**
 * struct virtio_kind - what a device is, for virtio_create()
 * @name: in messages
 * @type: its number in the specification
 * @class: PCI class code
 * @queues: how many
 * @features: offered, beyond those of all devices
 * @config: its configuration
 * @config_size: of that
 * @watched: kicks are looked at by who may not block (watch.h)
 */
struct virtio_kind {
	const char *name;
	uint16_t type;
	uint32_t class;
	int queues;
	uint64_t features;
	const void *config;
	size_t config_size;
	bool watched;
};

int virtio_create(struct vmm *v, struct virtio *d, const struct virtio_ops *ops,
		  const struct virtio_kind *kind);
void virtio_destroy(struct virtio *d);
void virtio_interrupt(struct virtio *d, int q);
void virtio_config_changed(struct virtio *d);
void virtio_broken(struct virtio *d, const char *why);
void virtio_stopped(struct virtio *d);

#endif /* VIRTIO_H */
