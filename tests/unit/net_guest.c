// SPDX-License-Identifier: GPL-2.0-only
/*
 * net_guest.c - a guest that does to the queues of a network device what an input says: packets that are
 * received and transmitted, and commands.
 */
#include <linux/if_ether.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>

#include "virtio_guest.h"
#include "vmm/net.h"
#include "vmm/net_queue.h"
#include "vmm/vmm.h"

/* What the device has given back since @from, in bytes. */
static uint64_t written(const struct virtqueue *q, uint16_t from)
{
	const struct vring_used *used = q->device;
	uint64_t sum = 0;

	for (; from != q->done; from++)
		sum += used->ring[from % q->size].len;
	return sum;
}

static void receive(struct input *in, struct virtqueue *q, struct vq_chain *c, uint8_t op)
{
	static uint8_t frame[NET_MAX_FRAME];
	uint16_t done = q->done, n = number(in, 2);
	bool was_broken = q->broken;
	/* a packet as it is usual, or as large as the guest's memory */
	size_t bytes = ETH_HLEN + (op & 0x20 ? n % 0x6000 : n % 200);

	memset(frame, n, bytes);
	switch (net_receive(q, c, frame, bytes, op & 0x10, 0)) {
	case NET_RECEIVED:
		NEED(!was_broken && q->done != done);
		/* A used ring in the buffers is not what the device wrote there. */
		guest_counts.received++;
		if ((uint16_t)(q->done - done) > 1) {
			NEED(op & 0x10);
			guest_counts.merged++;
		}
		guest_counts.sum += written(q, done);
		break;
	case NET_NO_ROOM:
		NEED(q->done == done);
		break;
	case NET_TOO_LARGE:
		NEED(q->done == done && !q->broken);
		guest_counts.too_large++;
		break;
	}
}

static void transmit(struct virtqueue *q, struct vq_chain *c, uint8_t *frame)
{
	uint16_t done = q->done;
	size_t n = net_transmit(q, c, frame);

	if (!n) {
		NEED(q->done == done);
		return;
	}
	NEED(n >= ETH_HLEN && n <= NET_MAX_FRAME && q->done == (uint16_t)(done + 1));
	guest_counts.sum += frame[n - 1];
	guest_counts.transmitted++;
}

static void command(struct virtqueue *q, struct vq_chain *c)
{
	struct net_command cmd;

	if (!net_take_command(q, c, &cmd))
		return;
	NEED(memory_at(&vmm, (uint8_t *)cmd.ack - vmm.low, 1) == cmd.ack ||
	     memory_at(&vmm, FOUR_GIB + (uint64_t)(cmd.ack - vmm.high), 1) == cmd.ack);
	*cmd.ack = cmd.class;
	vq_push(q, c->head, 1);
	guest_counts.commands++;
}

/**
 * net_input - one input
 * @in: says what is done
 */
void net_input(struct input *in)
{
	uint8_t *frame = malloc(NET_MAX_FRAME);	/* ASan sees what is behind it */
	uint8_t how = number(in, 1), op;
	struct virtqueue q = {
		.size = how & 0x10 ? number(in, 2) : 1 << (number(in, 1) & 7), .desc = DESC, .avail = AVAIL,
		.used = how & 0x20 ? address(in) : USED,
	};
	static struct vq_chain c;
	uint16_t index = 0;

	if (!frame)
		abort();
	if (!vq_start(&q, &vmm, how & 0x40, how & 0x80))
		in->left = 0;
	while (in->left) {
		op = number(in, 1);
		switch (op & 15) {
		case 0: case 1:
			put_descriptor(in, op & 0x10 ? BUFFERS + 0x800 : DESC);
			break;
		case 2: case 3: case 4: {	/* a buffer of some use, or a command */
			uint16_t d = number(in, 1) % (q.size < 32 ? q.size : 32);
			uint32_t bytes = number(in, 1) * (op & 0x20 ? 16 : 1) + 1;
			uint64_t flags = !(how & 1) == !(op & 0x80) ? VRING_DESC_F_WRITE : 0;
			uint64_t at = BUFFERS + number(in, 2) % 0x2000;

			if (op & 0x40)
				flags |= VRING_DESC_F_NEXT;
			put(DESC + d * 16, at, 8);
			put(DESC + d * 16 + 8, bytes | flags << 32 | (d + 1ULL) << 48, 8);
			if (op & 0x40) {
				put(DESC + d * 16 + 16, at + bytes, 8);
				put(DESC + d * 16 + 24, 1 | 2ULL << 32, 8);
			}
			put(q.avail + 4 + index % q.size * 2, d, 2);
			put(q.avail + 2, ++index, 2);
			break;
		}
		case 5:
			put(q.avail + 4 + index % q.size * 2, number(in, 1) % 40, 2);
			put(q.avail + 2, ++index, 2);
			break;
		case 6:
			put(q.avail + 2, number(in, 2), 2);
			break;
		case 7:
			put(address(in), number(in, 8), 8);
			break;
		case 8: case 9: case 10: case 11:
			receive(in, &q, &c, op);
			break;
		case 12: case 13:
			transmit(&q, &c, frame);
			break;
		case 14:
			command(&q, &c);
			break;
		case 15:
			vq_wants_interrupt(&q);
			vq_want_kicks(&q);
			break;
		}
		/* Nothing is held between two calls. */
		NEED(!q.taken);
	}
	if (q.broken)
		guest_counts.broken++;
	free(frame);
}
