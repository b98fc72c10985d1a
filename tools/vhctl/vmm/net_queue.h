/* SPDX-License-Identifier: GPL-2.0-only */
/* net_queue.h - packets and commands of a network device, in queues that are served here. */
#ifndef NET_QUEUE_H
#define NET_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/virtqueue.h"

enum net_received { NET_RECEIVED, NET_NO_ROOM, NET_TOO_LARGE };

/**
 * struct net_command - what a driver asks for in the control queue
 * @class: VIRTIO_NET_CTRL_*
 * @command: of the class
 * @bytes: of what follows, in all
 * @data: the first ones
 * @ack: where the answer goes
 */
struct net_command {
	uint8_t class, command;
	size_t bytes;
	uint8_t data[8];
	uint8_t *ack;
};

enum net_received net_receive(struct virtqueue *q, struct vq_chain *c, const uint8_t *frame, size_t n,
			      bool mergeable, uint8_t flags);
size_t net_transmit(struct virtqueue *q, struct vq_chain *c, uint8_t *frame);
bool net_take_command(struct virtqueue *q, struct vq_chain *c, struct net_command *cmd);

#endif /* NET_QUEUE_H */
