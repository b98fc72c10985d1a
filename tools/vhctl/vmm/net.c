// SPDX-License-Identifier: GPL-2.0-only
/*
 * net.c - network devices (Virtual I/O Device Version 1.2, 5.1): what is the same whatever is behind
 * them.
 */
#include <linux/virtio_ids.h>
#include <string.h>

#include "vhctl.h"
#include "vmm/devices.h"
#include "vmm/net.h"
#include "vmm/net_queue.h"
#include "vmm/vmm.h"

#define BIT(n)		(1ULL << (n))
#define COMMANDS	16	/* at a time */
#define LINK_UP		VIRTIO_NET_S_LINK_UP
#define OFFLOADS	(BIT(VIRTIO_NET_F_GUEST_CSUM) | BIT(VIRTIO_NET_F_GUEST_TSO4) | \
			 BIT(VIRTIO_NET_F_GUEST_TSO6) | BIT(VIRTIO_NET_F_GUEST_ECN))

static bool accepted(const struct net *n, int feature)
{
	return n->virtio.accepted & BIT(feature);
}

/* --- the control queue --- */

static bool receive_mode(const struct net_command *c)
{
	return c->command <= VIRTIO_NET_CTRL_RX_ALLMULTI && c->bytes == 1;
}

static bool set_mac(struct net *n, const struct net_command *c)
{
	/* Of tables nothing is kept: the guest gets what is not for it, too, and looks itself. */
	if (c->command == VIRTIO_NET_CTRL_MAC_TABLE_SET)
		return accepted(n, VIRTIO_NET_F_CTRL_RX) && c->bytes >= 2 * sizeof(uint32_t);
	if (c->command != VIRTIO_NET_CTRL_MAC_ADDR_SET || !accepted(n, VIRTIO_NET_F_CTRL_MAC_ADDR) ||
	    c->bytes != ETH_ALEN || c->data[0] & 1)
		return false;
	memcpy(n->config.mac, c->data, ETH_ALEN);
	return true;
}

static bool set_pairs(struct net *n, const struct net_command *c)
{
	int pairs = c->data[0] | c->data[1] << 8;

	return c->command == VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET && accepted(n, VIRTIO_NET_F_MQ) && c->bytes == 2 &&
	       pairs >= 1 && pairs <= n->pairs && n->backend->set_pairs(n, pairs);
}

static bool set_offloads(struct net *n, const struct net_command *c)
{
	uint64_t offloads = 0;

	for (int i = 0; i < 8; i++)
		offloads |= (uint64_t)c->data[i] << i * 8;
	return c->command == VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET &&
	       accepted(n, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) && c->bytes == 8 &&
	       !(offloads & ~(n->virtio.accepted & OFFLOADS)) && n->backend->set_offloads(n, offloads);
}

static bool obey(struct net *n, const struct net_command *c)
{
	switch (c->class) {
	case VIRTIO_NET_CTRL_RX:
		return accepted(n, VIRTIO_NET_F_CTRL_RX) && receive_mode(c);
	case VIRTIO_NET_CTRL_MAC:
		return set_mac(n, c);
	case VIRTIO_NET_CTRL_MQ:
		return set_pairs(n, c);
	case VIRTIO_NET_CTRL_GUEST_OFFLOADS:
		return set_offloads(n, c);
	}
	return false;
}

/* Behind the pairs that there are: all of them, or one for who does not know of more. */
static int control_queue(const struct net *n)
{
	return accepted(n, VIRTIO_NET_F_MQ) ? 2 * n->pairs : 2;
}

static void serve_control(struct watch *w)
{
	struct net *n = (struct net *)((char *)w - offsetof(struct net, control));
	int i = control_queue(n);
	struct virtqueue *q = &n->virtio.queue[i].vq;
	struct net_command c;
	int most;

	for (most = COMMANDS; most && net_take_command(q, &n->chain, &c); most--) {
		__atomic_store_n(c.ack, obey(n, &c) ? VIRTIO_NET_OK : VIRTIO_NET_ERR, __ATOMIC_RELAXED);
		vq_push(q, n->chain.head, 1);
	}
	/* Others want the bus as well: what is left has another turn. */
	if (vq_want_kicks(q))
		msi_signal(w->fd);
	if (vq_wants_interrupt(q))
		virtio_interrupt(&n->virtio, i);
	if (q->broken) {
		watch_off(w);
		virtio_broken(&n->virtio, q->broken);
	}
}

/* --- the device --- */

static void start(struct virtio *d)
{
	struct net *n = (struct net *)d;
	struct virtio_queue *q = &d->queue[control_queue(n)];

	if (n->backend->set_offloads && !n->backend->set_offloads(n, d->accepted & OFFLOADS)) {
		virtio_broken(d, "what is behind it does not take the driver's offloads");
		return;
	}
	if (accepted(n, VIRTIO_NET_F_CTRL_VQ) && q->vq.enabled) {
		n->control.fd = q->kick;
		watch_on(&n->control);
		msi_signal(q->kick);	/* for what is there already */
	}
	n->backend->start(n);
}

static void stop(struct virtio *d)
{
	struct net *n = (struct net *)d;

	watch_off(&n->control);
	memcpy(n->config.mac, n->mac, ETH_ALEN);
	n->backend->stop(n);
}

static void vector(struct virtio *d, int q)
{
	struct net *n = (struct net *)d;

	if (n->backend->vector)
		n->backend->vector(n, q);
}

static const struct virtio_ops ops = { .start = start, .stop = stop, .vector = vector };

/**
 * net_link - the device has a link, or has none
 * @n: the device
 * @up: which
 *
 * bus->lock is held.
 */
void net_link(struct net *n, bool up)
{
	uint16_t status = up ? LINK_UP : 0;

	if (n->config.status == status)
		return;
	n->config.status = status;
	virtio_config_changed(&n->virtio);
}

static uint64_t features(const struct net *n)
{
	uint64_t f = n->features | BIT(VIRTIO_NET_F_MAC) | BIT(VIRTIO_NET_F_STATUS) | BIT(VIRTIO_NET_F_MTU) |
		     BIT(VIRTIO_NET_F_CTRL_VQ) | BIT(VIRTIO_NET_F_CTRL_RX) | BIT(VIRTIO_NET_F_CTRL_MAC_ADDR);

	if (n->pairs > 1)
		f |= BIT(VIRTIO_NET_F_MQ);
	if (n->backend->set_offloads)
		f |= BIT(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS);
	return f;
}

/**
 * net_device - the device of a network
 * @v: the VM, with a PCI host and a watch
 * @n: the network, which has its parts
 *
 * The guest may find it as soon as this is back, and use it. 0, or -1, told; its backend's finish is to be called then,
 * too.
 */
int net_device(struct vmm *v, struct net *n)
{
	struct virtio_kind kind = {
		.type = VIRTIO_ID_NET, .class = 0x020000, .watched = true, .name = n->name, .config = &n->config,
		.config_size = offsetof(struct virtio_net_config, speed),
	};

	n->virtio.v = v;
	n->control.ready = serve_control;
	if (n->backend->make(n))
		return -1;
	memcpy(n->config.mac, n->mac, ETH_ALEN);
	n->config.status = n->parts.up || !n->parts.pairs ? LINK_UP : 0;
	n->config.max_virtqueue_pairs = n->pairs;
	n->config.mtu = n->mtu;
	kind.queues = 2 * n->pairs + 1;
	kind.features = features(n);
	return virtio_create(v, &n->virtio, &ops, &kind);
}

/**
 * net_device_leave - it serves nothing any more
 * @n: the network; bus->lock is held
 */
void net_device_leave(struct net *n)
{
	watch_off(&n->control);
	n->backend->leave(n);
}
