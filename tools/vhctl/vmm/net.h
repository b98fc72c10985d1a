/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * net.h - network devices, and what is behind them.
 *
 *   net.c         the device: features, configuration, control queue
 *   net_queue.c   packets and commands in queues, for who serves them here
 *   net_tap.c     behind it: taps and bridges, by the kernel's vhost_net; their state: net_link.c
 *   net_user.c    behind it: user mode, by passt (passt.c)
 */
#ifndef NET_H
#define NET_H

#include <linux/if_ether.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/net_config.h"
#include "vmm/virtio.h"
#include "vmm/watch.h"

#define NET_HEADER	12	/* struct virtio_net_hdr_mrg_rxbuf, as version 1 always has it */
#define NET_SERVERS	3	/* of names; resolv.conf(5) */
#define NET_MAX_MTU	65520
#define NET_MAX_FRAME	65536	/* bytes of a frame at most */

struct net;

/**
 * struct net_backend - what is behind a device; bus->lock is held, but by @open, @attach and @finish
 * @open: before the device is made: sets @features, @mtu and @pairs of it; 0, or -1, told
 * @attach: behind that; 0, or -1, told
 * @start: serve the queues that are enabled: receive and transmit of the first pair
 * @stop: serve none, and virtio_stopped() then
 * @set_pairs: serve so many pairs; NULL: there is one
 * @set_offloads: of these VIRTIO_NET_F_GUEST_* the driver takes what they bring; NULL: none comes
 * @vector: as in virtio_ops; may be NULL
 * @finish: the VM is at its end
 */
struct net_backend {
	int (*open)(struct net *n);
	int (*attach)(struct net *n);
	void (*start)(struct net *n);
	void (*stop)(struct net *n);
	bool (*set_pairs)(struct net *n, int pairs);
	bool (*set_offloads)(struct net *n, uint64_t offloads);
	void (*vector)(struct net *n, int q);
	void (*finish)(struct net *n);
};

/**
 * struct net - a device; bus->lock, but for what is const
 * @virtio: the first member
 * @control: the kicks of the control queue; while the device runs
 * @config: what the driver reads
 * @cfg: const, as the next seven are
 * @backend: what is behind it
 * @behind: its own
 * @name: in messages
 * @mac: the address that it has after a reset
 * @features: of the backend
 * @pairs: of queues
 * @mtu: of what is behind it
 * @chain: for the control queue
 */
struct net {
	struct virtio virtio;
	struct watch control;
	struct virtio_net_config config;
	const struct net_config *cfg;
	const struct net_backend *backend;
	void *behind;
	char name[64];
	uint8_t mac[ETH_ALEN];
	uint64_t features;
	int pairs, mtu;
	struct vq_chain chain;
	struct net *next;
};

extern const struct net_backend net_tap, net_user;

void net_address(const char *vm, unsigned int uid, int index, const char *host, uint8_t *mac);
void net_link(struct net *n, bool up);
int net_follow(struct net *n, int index);

/* passt.c: a socket that passt speaks at, or -1, told */
int passt_start(const char *name, const struct net_publish *p, int n);
int passt_name_servers(char (*found)[INET6_ADDRSTRLEN]);

#endif /* NET_H */
