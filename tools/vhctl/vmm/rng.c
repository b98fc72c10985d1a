// SPDX-License-Identifier: GPL-2.0-only
/* rng.c - an entropy device (Virtual I/O Device Version 1.2, 5.4): the host's random numbers. */
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/devices.h"
#include "vmm/virtio.h"
#include "vmm/vmm.h"

#define MAX_BYTES	4096	/* for one request, whatever it has room for */

struct rng {
	struct virtio virtio;
	struct vq_chain chain;
};

static uint32_t fill(const struct vq_chain *c)
{
	uint32_t total = 0;

	for (int i = c->out; i < c->out + c->in && total < MAX_BYTES; i++) {
		size_t n = c->iov[i].iov_len;
		/* not getrandom(), which may want memory of a kind that the vCPU's thread cannot ask for */
		ssize_t got = syscall(SYS_getrandom, c->iov[i].iov_base,
				      n < MAX_BYTES - total ? n : MAX_BYTES - total, 0);

		if (got < 0)
			break;
		total += got;
		if ((size_t)got < n)
			break;
	}
	return total;
}

/* It never waits, and what a vCPU can ask for at once is bounded: in that vCPU. */
static void kick(struct virtio *d, int n)
{
	struct rng *r = (struct rng *)d;
	struct virtqueue *q = &d->queue[n].vq;

	for (int i = 0; i < VQ_SIZE && vq_pop(q, &r->chain); i++)
		vq_push(q, r->chain.head, fill(&r->chain));
	if (q->broken)
		virtio_broken(d, q->broken);
	else
		vq_want_kicks(q);	/* what is there now has its kick still to come */
	if (vq_wants_interrupt(q))
		virtio_interrupt(d, n);
}

static void start(struct virtio *d)
{
	if (d->queue[0].vq.enabled)
		kick(d, 0);
}

static const struct virtio_ops ops = { .start = start, .kick = kick };

/**
 * rng_create - random numbers for the guest
 * @v: the VM, with a PCI host
 *
 * 0, or -1, told.
 */
int rng_create(struct vmm *v)
{
	static const struct virtio_kind kind = {
		.name = "rng", .type = VIRTIO_ID_RNG, .class = 0xff0000, .queues = 1,
	};
	struct rng *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	return virtio_create(v, &r->virtio, &ops, &kind);
}
