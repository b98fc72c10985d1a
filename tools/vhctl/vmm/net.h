/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * net.h - network devices, and what is behind them.
 *
 *   net.c         the device: features, configuration, control queue
 *   net_life.c    from its options to its end, also while the VM runs
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
#include <sys/types.h>

#include "vmm/net_config.h"
#include "vmm/virtio.h"
#include "vmm/watch.h"

#define NET_HEADER	12	/* struct virtio_net_hdr_mrg_rxbuf, as version 1 always has it */
#define NET_SERVERS	3	/* of names; resolv.conf(5) */
#define NET_MAX_MTU	65520
#define NET_MAX_FRAME	65536	/* bytes of a frame at most */

struct net;

/**
 * struct net_parts - what of a network this process has open, or another one has opened for it
 * @pairs: of a tap's queues; 0: it is passt's network
 * @tap: a descriptor of the tap for each
 * @vhost: one of vhost_net for each
 * @link: a socket that tells of interfaces that change
 * @index: of the tap
 * @mtu: of it
 * @up: it is up, or was before @link tells
 * @several: it is one of several queues
 * @features: of vhost_net
 * @sock: passt's socket
 * @process: passt; -1: which one it is, is not known
 * @pid: the same, where it is a child
 *
 * What is not there is -1.
 */
struct net_parts {
	int pairs;
	int tap[NET_MAX_PAIRS], vhost[NET_MAX_PAIRS];
	int link, index, mtu;
	bool up, several;
	uint64_t features;
	int sock, process;
	pid_t pid;
};

#define NET_FDS		(2 * NET_MAX_PAIRS + 1)	/* at most */

/**
 * struct net_backend - what is behind a device; bus->lock is held, but by @open, @make, @attach and @finish
 * @open: what a network is made of, whoever's it becomes; 0, or -1, told: what is open then is @p's
 * @make: before the device is made: sets @features, @mtu and @pairs of it from its @parts; 0, or -1, told
 * @attach: behind that; 0, or -1, told
 * @start: serve the queues that are enabled: receive and transmit of the first pair
 * @stop: serve none, and virtio_stopped() then
 * @set_pairs: serve so many pairs; NULL: there is one
 * @set_offloads: of these VIRTIO_NET_F_GUEST_* the driver takes what they bring; NULL: none comes
 * @vector: as in virtio_ops; may be NULL
 * @leave: serve none any more, ever
 * @finish: all that there is of it is given back, @parts too; behind @leave, or when it could not be made
 */
struct net_backend {
	int (*open)(const struct net_config *cfg, const char *name, const struct net_ports *ports, struct net_parts *p);
	int (*make)(struct net *n);
	int (*attach)(struct net *n);
	void (*start)(struct net *n);
	void (*stop)(struct net *n);
	bool (*set_pairs)(struct net *n, int pairs);
	bool (*set_offloads)(struct net *n, uint64_t offloads);
	void (*vector)(struct net *n, int q);
	void (*leave)(struct net *n);
	void (*finish)(struct net *n);
};

/**
 * struct net - a device; bus->lock, but for what is const
 * @virtio: the first member
 * @control: the kicks of the control queue; while the device runs
 * @config: what the driver reads
 * @cfg: const, as the next nine are
 * @backend: what is behind it
 * @parts: what that is made of; its own
 * @behind: its own
 * @name: in messages
 * @index: which of the VM's networks it is
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
	struct net_config cfg;
	const struct net_backend *backend;
	struct net_parts parts;
	void *behind;
	char name[64];
	int index;
	uint8_t mac[ETH_ALEN];
	uint64_t features;
	int pairs, mtu;
	struct vq_chain chain;
	struct net *next;
};

extern const struct net_backend net_tap, net_user;

/* net.c: the device of a network that has its parts, on the bus. 0, or -1, told */
int net_device(struct vmm *v, struct net *n);
void net_device_leave(struct net *n);
void net_link(struct net *n, bool up);

/* net_life.c */
void net_address(const char *vm, unsigned int uid, int index, const char *host, uint8_t *mac);
int nets_prepare(struct vmm *v);
/* As net_create(), of these parts, which are its own from now on; NULL: what is asked for is opened. */
int net_plug(struct vmm *v, const struct net_config *cfg, const struct net_ports *ports, const struct net_parts *parts);
/* 0, or -1, told: then nothing is open. */
int net_open(const struct net_config *cfg, const struct net_ports *ports, struct net_parts *p);
/* From one process to another: what is open, and how many; the same there. */
int net_fds(const struct net_parts *p, int *fd);
void net_adopt(struct net_parts *p, const int *fd);
/* They are another process's, or nobody's: then passt is ended, too. */
void net_close(struct net_parts *p);
void net_end(struct net_parts *p);

/* net_link.c: what tells of an interface, and whether that is up; -1, told. A device's link is its. */
int net_link_open(const char *name, int index, bool *up);
struct link *net_follow(struct net *n);
void net_unfollow(struct link *l);

/* passt.c: a socket that passt speaks at, or -1, told; @process: of passt, and @pid, or -1 and 0 */
int passt_start(const char *name, const struct net_ports *ports, int *process, pid_t *pid);
void passt_end(const char *name, int sock, int process);
int passt_name_servers(char (*found)[INET6_ADDRSTRLEN]);

#endif /* NET_H */
