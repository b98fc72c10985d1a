// SPDX-License-Identifier: GPL-2.0-only
/*
 * net_queue.c - packets and commands in the queues of a network device (Virtual I/O Device Version 1.2,
 * 5.1.6).
 *
 * A packet has a header of twelve bytes, in whatever pieces; it is copied, so that no buffer is used when
 * these are back.
 */
#include <linux/if_ether.h>
#include <linux/virtio_net.h>
#include <string.h>

#include "vmm/net.h"
#include "vmm/net_queue.h"

/* A place in the buffers of a chain. */
struct place {
	const struct iovec *iov;
	int left;		/* buffers */
	size_t at;		/* in the first */
};

/* The next bytes, at most so many, that are in one piece; NULL at the end. */
static void *piece(struct place *p, size_t *n)
{
	void *here;

	while (p->left && p->at == p->iov->iov_len) {
		p->iov++;
		p->left--;
		p->at = 0;
	}
	if (!p->left)
		return NULL;
	if (*n > p->iov->iov_len - p->at)
		*n = p->iov->iov_len - p->at;
	here = (char *)p->iov->iov_base + p->at;
	p->at += *n;
	return here;
}

/* Returns how many bytes there was room for. */
static size_t put(struct place *p, const void *data, size_t n)
{
	size_t done = 0, part;
	void *to;

	while (done < n) {
		part = n - done;
		to = piece(p, &part);
		if (!to)
			break;
		memcpy(to, (const char *)data + done, part);
		done += part;
	}
	return done;
}

static size_t get(struct place *p, void *data, size_t n)
{
	size_t done = 0, part;
	const void *from;

	while (done < n) {
		part = n - done;
		from = piece(p, &part);
		if (!from)
			break;
		memcpy((char *)data + done, from, part);
		done += part;
	}
	return done;
}

static size_t bytes(const struct iovec *iov, int n)
{
	size_t sum = 0;

	for (int i = 0; i < n; i++)
		sum += iov[i].iov_len;
	return sum;
}

/*
 * How many chains a packet has taken is in its header, and known at the end only. Of a ring that
 * changes meanwhile the driver finds nonsense, and nothing else comes of it.
 */
static void count_buffers(struct place p, uint16_t n)
{
	uint8_t count[2] = { n, n >> 8 };
	size_t skip = NET_HEADER - sizeof(count), part;

	while (skip) {
		part = skip;
		if (!piece(&p, &part))
			return;
		skip -= part;
	}
	put(&p, count, sizeof(count));
}

/**
 * net_receive - a packet for the guest
 * @q: the queue that it receives by
 * @c: for use meanwhile
 * @frame: the packet
 * @n: its bytes
 * @mergeable: it may take several chains (VIRTIO_NET_F_MRG_RXBUF)
 * @flags: of its header
 *
 * Where there are too few buffers at present none is taken, the driver tells when there are more, and the
 * packet can be tried again; one that is too large never fits. The queue may be broken afterwards.
 */
enum net_received net_receive(struct virtqueue *q, struct vq_chain *c, const uint8_t *frame, size_t n,
			      bool mergeable, uint8_t flags)
{
	uint8_t header[NET_HEADER] = { flags, [NET_HEADER - 2] = 1 };
	struct vq_given taken[VQ_SIZE];
	struct iovec head[NET_HEADER];
	struct place first = { };
	size_t done = 0, part;
	int chains = 0, asked = -1;

	while (done < n || !chains) {
		struct place p;
		size_t before = 0;

		/* With the whole ring in hand there is nothing more to wait for. */
		if (chains == (mergeable ? q->size : 1)) {
			vq_rewind(q, chains);
			return NET_TOO_LARGE;
		}
		if (!vq_pop(q, c)) {
			/* The driver is to tell of more than these; who takes some back is not waited for. */
			if (asked != chains && !q->broken && vq_want_kicks(q)) {
				asked = chains;
				continue;
			}
			vq_rewind(q, chains);
			return NET_NO_ROOM;
		}
		p = (struct place){ .iov = c->iov + c->out, .left = c->in };
		if (!chains) {
			if (bytes(p.iov, p.left) < NET_HEADER) {
				vq_rewind(q, 1);
				q->broken = "a buffer to receive has no room for a header";
				return NET_NO_ROOM;
			}
			/* The header's pieces: each has a byte at least. */
			first.iov = head;
			first.left = c->in < NET_HEADER ? c->in : NET_HEADER;
			memcpy(head, p.iov, first.left * sizeof(*head));
			before = put(&p, header, NET_HEADER);
		}
		part = put(&p, frame + done, n - done);
		taken[chains++] = (struct vq_given){ c->head, before + part };
		done += part;
	}
	if (mergeable)
		count_buffers(first, chains);
	vq_push_all(q, taken, chains);
	return NET_RECEIVED;
}

/**
 * net_transmit - a packet of the guest's
 * @q: the queue that it transmits by
 * @c: for use meanwhile
 * @frame: room for NET_MAX_FRAME bytes
 *
 * Returns its bytes; 0: there is none, or the queue is broken. It has been given back.
 */
size_t net_transmit(struct virtqueue *q, struct vq_chain *c, uint8_t *frame)
{
	uint8_t header[NET_HEADER];
	struct place p;
	size_t n;

	if (!vq_pop(q, c))
		return 0;
	n = bytes(c->iov, c->out);
	if (n < NET_HEADER + ETH_HLEN || n > NET_HEADER + NET_MAX_FRAME) {
		vq_rewind(q, 1);
		q->broken = "a packet to transmit is shorter than its headers, or longer than packets are";
		return 0;
	}
	p = (struct place){ .iov = c->iov, .left = c->out };
	get(&p, header, NET_HEADER);
	n = get(&p, frame, NET_MAX_FRAME);
	vq_push(q, c->head, 0);
	return n;
}

/**
 * net_take_command - the next command
 * @q: the control queue
 * @c: its buffers; to be given back with one byte written
 * @cmd: filled in
 *
 * False: there is none, or the queue is broken.
 */
bool net_take_command(struct virtqueue *q, struct vq_chain *c, struct net_command *cmd)
{
	struct virtio_net_ctrl_hdr head;
	struct place p;
	size_t n;

	if (!vq_pop(q, c))
		return false;
	p = (struct place){ .iov = c->iov, .left = c->out };
	n = get(&p, &head, sizeof(head));
	if (n < sizeof(head) || !c->in) {
		vq_rewind(q, 1);
		q->broken = "a command without its head, or without room for its answer";
		return false;
	}
	*cmd = (struct net_command){
		.class = head.class, .command = head.cmd, .ack = c->iov[c->out].iov_base,
		.bytes = bytes(c->iov, c->out) - n,
	};
	get(&p, cmd->data, sizeof(cmd->data));
	return true;
}
