/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vhost.h - queues that the kernel serves, in this process's memory: kicks come to it by ioeventfd, its
 * calls go to the guest by irqfd, and the VMM sees neither.
 */
#ifndef VHOST_H
#define VHOST_H

#include <stdint.h>

#include "vmm/virtio.h"
#include "vmm/watch.h"

#define VHOST_PIECES	48	/* of a region, that the kernel takes beside other memory (it has 64 in all) */

/**
 * struct vhost - a descriptor of /dev/vhost-*, and the queues behind it
 * @fault: signalled when a queue makes no sense; the first member, bus->lock
 * @d: the device; const from vhost_attach() on, as the next three are
 * @first: of its queues the first that is served here
 * @queues: how many
 * @halt: stops all that the device has in the kernel
 * @fd: const
 * @features: what it can do; const
 * @next: of those that are started; bus->lock
 */
struct vhost {
	struct watch fault;
	struct virtio *d;
	int first, queues;
	void (*halt)(struct virtio *d);
	int fd;
	uint64_t features;
	struct vhost *next;
};

/* A descriptor of @path, which @module makes, for any process; -1, told. That is this one's. Both. */
int vhost_file(const char *path, const char *module, const char *name, uint64_t *features);
int vhost_own(struct vhost *h, int fd, uint64_t features, const char *name);
int vhost_open(struct vhost *h, const char *path, const char *module, const char *name);
void vhost_close(struct vhost *h);
void vhost_attach(struct vhost *h, struct virtio *d, int first, int queues, void (*halt)(struct virtio *d));
int vhost_start(struct vhost *h);
void vhost_stopped(struct vhost *h);
void vhost_vector(struct vhost *h, int q);
int vhost_memory(struct vmm *v);
void vhost_refused(struct vhost *h, const char *what);

#endif /* VHOST_H */
