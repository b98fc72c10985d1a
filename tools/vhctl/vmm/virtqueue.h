/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * virtqueue.h - split virtqueues (Virtual I/O Device Version 1.2, 2.7), the device's side.
 *
 * The guest may write its rings and tables at any moment, whatever it likes: each number is read
 * once, then checked, and a queue that makes no sense is broken until the device is reset.
 */
#ifndef VIRTQUEUE_H
#define VIRTQUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#define VQ_SIZE		256	/* entries of a queue at most, and buffers of a chain */

struct vmm;

/**
 * struct vq_chain - buffers of a request
 * @head: the descriptor that names it
 * @out: how many of @iov, the first ones, the device reads
 * @in: how many, behind these, it writes
 * @iov: in the VMM's memory; none is empty
 */
struct vq_chain {
	uint16_t head;
	int out, in;
	struct iovec iov[VQ_SIZE];
};

/**
 * struct vq_given - a request that is given back
 * @head: of its chain
 * @written: bytes written to it
 */
struct vq_given {
	uint16_t head;
	uint32_t written;
};

/**
 * struct virtqueue - a queue
 * @size: entries, a power of two; const between vq_start() and the device's reset, as the next four are
 * @desc: guest-physical address of the descriptors
 * @avail: of the driver's ring
 * @used: of the device's ring
 * @enabled: the driver uses it
 * @v: the VM; const from vq_start() on, as the next five are
 * @event_idx: both sides say by index when they want to be told
 * @indirect: chains may be in tables of their own
 * @table: where the descriptors are
 * @driver: the driver's ring
 * @device: the device's ring
 * @next: index of the next entry of the driver's ring
 * @done: index of the next entry of the device's ring
 * @told: @done when the driver was told of it last
 * @taken: chains that have not been given back
 * @broken: why nothing is taken any more, or NULL
 *
 * From @next on: whose thread the queue is served by.
 */
struct virtqueue {
	uint16_t size;
	uint64_t desc, avail, used;
	bool enabled;

	struct vmm *v;
	bool event_idx, indirect;
	void *table, *driver, *device;

	uint16_t next, done, told, taken;
	const char *broken;
};

bool vq_start(struct virtqueue *q, struct vmm *v, bool event_idx, bool indirect);
bool vq_pop(struct virtqueue *q, struct vq_chain *c);
void vq_rewind(struct virtqueue *q, int n);
void vq_push_all(struct virtqueue *q, const struct vq_given *given, int n);
void vq_push(struct virtqueue *q, uint16_t head, uint32_t written);
bool vq_wants_interrupt(struct virtqueue *q);
void vq_hold_kicks(struct virtqueue *q);
bool vq_want_kicks(struct virtqueue *q);

#endif /* VIRTQUEUE_H */
