/* SPDX-License-Identifier: GPL-2.0-only */
/* net_config.h - what was asked for of networks. */
#ifndef NET_CONFIG_H
#define NET_CONFIG_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define NET_MAX_PAIRS	8	/* of queues: one to receive and one to transmit */

enum net_kind { NET_USER, NET_TAP, NET_BRIDGE };

/**
 * struct net_config - what --net asked for
 * @kind: what is behind it
 * @ifname: name of the tap or the bridge
 * @mac: address, if @has_mac
 * @pairs: of queues
 */
struct net_config {
	enum net_kind kind;
	char ifname[IFNAMSIZ];
	uint8_t mac[6];
	bool has_mac;
	int pairs;
};

/**
 * struct net_publish - what --publish asked for: a port of the host's that is the guest's
 * @udp: and not TCP
 * @any: at all addresses of the host's; else @address
 * @address: text, of IPv4 or IPv6
 * @port: of the host
 * @guest: of the guest
 */
struct net_publish {
	bool udp, any;
	char address[INET6_ADDRSTRLEN];
	uint16_t port, guest;
};

/**
 * struct net_ports - those of a network
 * @port: each of them
 * @n: how many
 */
struct net_ports {
	const struct net_publish *port;
	int n;
};

#endif /* NET_CONFIG_H */
