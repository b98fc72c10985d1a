// SPDX-License-Identifier: GPL-2.0-only
/* vhost.c - what kernel backends have in common: memory, rings, eventfds (<linux/vhost.h>). */
#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vhctl.h"
#include "vmm/confine.h"
#include "vmm/region.h"
#include "vmm/vhost.h"
#include "vmm/vmm.h"

/**
 * vhost_file - open a backend
 * @path: of its device
 * @module: that makes this
 * @name: in messages
 * @features: filled in: what it can do
 *
 * A descriptor, which is no process's yet, or -1, told.
 */
int vhost_file(const char *path, const char *module, const char *name, uint64_t *features)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0) {
		if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
			error("%s: there is no %s on this host: modprobe %s", name, path, module);
		else
			error("%s: %s: %s%s", name, path, strerror(errno), errno == EACCES ?
			      "; it belongs to the group of its file, usually kvm" : "");
		return -1;
	}
	if (!ioctl(fd, VHOST_GET_FEATURES, features))
		return fd;
	error("%s: %s: %s", name, path, strerror(errno));
	close(fd);
	return -1;
}

/**
 * vhost_own - a backend serves this process's memory
 * @h: filled in; vhost_close() is still to come, also when this has failed
 * @fd: of vhost_file()
 * @features: the same
 * @name: in messages
 *
 * 0, or -1, told.
 */
int vhost_own(struct vhost *h, int fd, uint64_t features, const char *name)
{
	*h = (struct vhost){ .fd = fd, .features = features, .fault.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	if (h->fault.fd < 0 || ioctl(h->fd, VHOST_SET_OWNER, 0)) {
		error("%s: vhost: %s", name, strerror(errno));
		return -1;
	}
	confine_keep(h->fd);
	confine_keep(h->fault.fd);
	return 0;
}

/**
 * vhost_open - open a backend, for this process's memory
 * @h: filled in
 * @path: of its device
 * @module: that makes this
 * @name: in messages
 *
 * 0, or -1, told.
 */
int vhost_open(struct vhost *h, const char *path, const char *module, const char *name)
{
	uint64_t features;
	int fd = vhost_file(path, module, name, &features);

	return fd < 0 ? -1 : vhost_own(h, fd, features, name);
}

/**
 * vhost_close - give it back
 * @h: the backend, which serves nothing any more; what vhost_own() was given is closed, too
 */
void vhost_close(struct vhost *h)
{
	if (h->fault.fd >= 0)
		close(h->fault.fd);
	if (h->fd >= 0)
		close(h->fd);
	h->fd = h->fault.fd = -1;
}

static void fault(struct watch *w)
{
	struct vhost *h = (struct vhost *)w;

	h->halt(h->d);
	virtio_broken(h->d, "the kernel finds a queue that makes no sense");
}

/**
 * vhost_attach - it is a device's
 * @h: the backend
 * @d: the device
 * @first: its first queue that the backend serves
 * @queues: how many
 * @halt: stops all backends of the device, now
 */
void vhost_attach(struct vhost *h, struct virtio *d, int first, int queues, void (*halt)(struct virtio *d))
{
	h->d = d;
	h->first = first;
	h->queues = queues;
	h->halt = halt;
	h->fault.ready = fault;
}

static struct vhost *started;	/* bus->lock */

static struct vhost_memory_region piece(uint64_t gpa, uint64_t size, const void *at)
{
	return (struct vhost_memory_region){
		.guest_phys_addr = gpa, .memory_size = size, .userspace_addr = (uintptr_t)at,
	};
}

/* All that memory_at() knows: of a file that is memory, too, a guest's program can send by reference. */
static int set_memory(struct vhost *h)
{
	const struct vmm *v = h->d->v;
	union {
		struct vhost_memory m;
		uint8_t room[sizeof(struct vhost_memory) + (2 + VMM_MAX_AREAS + VHOST_PIECES) * sizeof(struct vhost_memory_region)];
	} t = { .m.nregions = 0 };
	uint64_t from = 0, first, size;

	t.m.regions[t.m.nregions++] = piece(0, v->low_size, v->low);
	if (v->high_size)
		t.m.regions[t.m.nregions++] = piece(FOUR_GIB, v->high_size, v->high);
	for (int i = 0; i < v->areas; i++)
		t.m.regions[t.m.nregions++] = piece(v->area[i].gpa, v->area[i].size, v->area[i].at);
	while (v->region && (size = region_next_shown(v->region, &from, &first)))
		t.m.regions[t.m.nregions++] = piece(v->region->gpa + first, size, v->region->at + first);
	return ioctl(h->fd, VHOST_SET_MEM_TABLE, &t);
}

/*
 * Where the driver wants no message of a queue there is nobody to call: a message is all that there is,
 * and who does without one looks at the ring.
 */
static int set_call(struct vhost *h, int i)
{
	struct virtio_queue *q = &h->d->queue[h->first + i];
	struct vhost_vring_file f = { .index = i, .fd = pci_vector_fd(&h->d->pci, q->vector) };

	return ioctl(h->fd, VHOST_SET_VRING_CALL, &f);
}

static int set_ring(struct vhost *h, int i)
{
	struct virtio_queue *q = &h->d->queue[h->first + i];
	struct vhost_vring_state num = { .index = i, .num = q->vq.size };
	struct vhost_vring_state base = { .index = i };
	struct vhost_vring_addr addr = {
		.index = i, .desc_user_addr = (uintptr_t)q->vq.table,
		.avail_user_addr = (uintptr_t)q->vq.driver, .used_user_addr = (uintptr_t)q->vq.device,
	};
	struct vhost_vring_file kick = { .index = i, .fd = q->kick };
	struct vhost_vring_file err = { .index = i, .fd = h->fault.fd };

	if (ioctl(h->fd, VHOST_SET_VRING_NUM, &num) || ioctl(h->fd, VHOST_SET_VRING_BASE, &base) ||
	    ioctl(h->fd, VHOST_SET_VRING_ADDR, &addr) || ioctl(h->fd, VHOST_SET_VRING_KICK, &kick) ||
	    ioctl(h->fd, VHOST_SET_VRING_ERR, &err))
		return -1;
	return set_call(h, i);
}

/**
 * vhost_refused - the kernel does not take what the driver has set up
 * @h: the backend; errno says why
 * @what: it is about
 *
 * Everything of the device is stopped. bus->lock is held.
 */
void vhost_refused(struct vhost *h, const char *what)
{
	char why[120];

	snprintf(why, sizeof(why), "the kernel does not take its %s: %s", what, strerror(errno));
	h->halt(h->d);
	virtio_broken(h->d, why);
}

static void forget(struct vhost *h)
{
	for (struct vhost **at = &started; *at; at = &(*at)->next)
		if (*at == h) {
			*at = h->next;
			return;
		}
}

/**
 * vhost_start - give the kernel what the driver has agreed on, and the rings that it uses
 * @h: the backend, whose queues have no backend of their own at present
 *
 * 0, or -1: the device is broken, told. bus->lock is held.
 */
int vhost_start(struct vhost *h)
{
	uint64_t features = h->d->accepted & h->features;

	if (ioctl(h->fd, VHOST_SET_FEATURES, &features)) {
		vhost_refused(h, "features");
		return -1;
	}
	if (set_memory(h)) {
		vhost_refused(h, "memory");
		return -1;
	}
	for (int i = 0; i < h->queues; i++)
		if (h->d->queue[h->first + i].vq.enabled && set_ring(h, i)) {
			vhost_refused(h, "queues");
			return -1;
		}
	forget(h);
	h->next = started;
	started = h;
	watch_on(&h->fault);
	return 0;
}

/**
 * vhost_stopped - its queues have no backend any more
 * @h: the backend; bus->lock is held
 */
void vhost_stopped(struct vhost *h)
{
	forget(h);
	watch_off(&h->fault);
}

/**
 * vhost_memory - the kernel learns of memory that has come or gone
 * @v: the VM; bus->lock is held
 *
 * 0, or -1 with errno: not everybody has. When this is back nobody uses what has gone.
 */
int vhost_memory(struct vmm *v)
{
	(void)v;	/* there is one */
	for (struct vhost *h = started; h; h = h->next)
		if (set_memory(h))
			return -1;
	return 0;
}

/**
 * vhost_vector - a queue's interrupts go elsewhere now
 * @h: the backend
 * @q: the queue, of the device's; nothing happens when it is not the backend's
 *
 * bus->lock is held.
 */
void vhost_vector(struct vhost *h, int q)
{
	int i = q - h->first;

	if (i >= 0 && i < h->queues && h->d->queue[q].vq.enabled && set_call(h, i))
		vhost_refused(h, "interrupt");
}
