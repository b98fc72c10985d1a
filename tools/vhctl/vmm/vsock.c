// SPDX-License-Identifier: GPL-2.0-only
/*
 * vsock.c - sockets between guest and host (Virtual I/O Device Version 1.2, 5.10), by the kernel's
 * vhost_vsock. Its third queue tells of a VM that moved, and nothing ever comes there.
 */
#include <errno.h>
#include <linux/vhost.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_vsock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vhctl.h"
#include "vmm/devices.h"
#include "vmm/vhost.h"
#include "vmm/vmm.h"

#define QUEUES		3
#define SERVED		2	/* by the kernel: receive and transmit */

struct vsock {
	struct virtio virtio;
	struct vhost vhost;
	struct virtio_vsock_config config;	/* const */
};

static void halt(struct virtio *d)
{
	struct vsock *s = (struct vsock *)d;
	int off = 0;

	ioctl(s->vhost.fd, VHOST_VSOCK_SET_RUNNING, &off);
	vhost_stopped(&s->vhost);
}

static void start(struct virtio *d)
{
	struct vsock *s = (struct vsock *)d;
	int on = 1;

	if (!vhost_start(&s->vhost) && ioctl(s->vhost.fd, VHOST_VSOCK_SET_RUNNING, &on))
		vhost_refused(&s->vhost, "queues");
}

static void stop(struct virtio *d)
{
	halt(d);
	virtio_stopped(d);
}

static void vector(struct virtio *d, int q)
{
	vhost_vector(&((struct vsock *)d)->vhost, q);
}

static const struct virtio_ops ops = { .start = start, .stop = stop, .vector = vector };

/**
 * vsock_create - sockets to the host
 * @v: the VM, with a PCI host and a watch
 * @cid: its address
 *
 * 0, or -1, told.
 */
int vsock_create(struct vmm *v, uint32_t cid)
{
	struct virtio_kind kind = {
		.name = "vsock", .type = VIRTIO_ID_VSOCK, .class = 0x078000, .queues = QUEUES,
		.config_size = sizeof(struct virtio_vsock_config),
	};
	struct vsock *s = calloc(1, sizeof(*s));
	uint64_t guest = cid;

	if (!s)
		abort();
	if (vhost_open(&s->vhost, "/dev/vhost-vsock", "vhost_vsock", "--vsock"))
		return -1;
	if (ioctl(s->vhost.fd, VHOST_VSOCK_SET_GUEST_CID, &guest)) {
		if (errno == EADDRINUSE)
			error("--vsock %u: another VM has it", cid);
		else
			error("--vsock %u: %s", cid, strerror(errno));
		return -1;
	}
	s->config.guest_cid = cid;
	kind.features = s->vhost.features & 1ULL << VIRTIO_VSOCK_F_SEQPACKET;
	kind.config = &s->config;
	if (virtio_create(v, &s->virtio, &ops, &kind))
		return -1;
	vhost_attach(&s->vhost, &s->virtio, 0, SERVED, halt);
	return watch_begin(v);
}
