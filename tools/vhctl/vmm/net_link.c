// SPDX-License-Identifier: GPL-2.0-only
/* net_link.c - a network device has a link while the interface behind it is up (rtnetlink(7)). */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "vhctl.h"
#include "vmm/confine.h"
#include "vmm/net.h"
#include "vmm/vmm.h"

/**
 * struct link - what is followed
 * @watch: messages of interfaces that change; the first member
 * @net: the device; const, as the next is
 * @index: of the interface, which may be renamed
 */
struct link {
	struct watch watch;
	struct net *net;
	int index;
};

static bool is_up(const struct link *l)
{
	struct ifreq r = { .ifr_ifindex = l->index };

	return !ioctl(l->watch.fd, SIOCGIFNAME, &r) && !ioctl(l->watch.fd, SIOCGIFFLAGS, &r) &&
	       (r.ifr_flags & IFF_UP);
}

/* Whichever interface it was. */
static void changed(struct watch *w)
{
	struct link *l = (struct link *)w;

	net_link(l->net, is_up(l));
}

/**
 * net_follow - the device's link is an interface's
 * @n: the device, made
 * @index: of the interface
 *
 * Before vCPUs run. 0, or -1, told.
 */
int net_follow(struct net *n, int index)
{
	struct sockaddr_nl at = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	pthread_mutex_t *lock = &n->virtio.v->bus.lock;
	struct link *l = calloc(1, sizeof(*l));

	if (!l)
		abort();
	*l = (struct link){ .watch.ready = changed, .net = n, .index = index };
	l->watch.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (l->watch.fd < 0 || bind(l->watch.fd, (struct sockaddr *)&at, sizeof(at))) {
		error("%s: cannot follow the interface: %s", n->name, strerror(errno));
		return -1;
	}
	confine_keep(l->watch.fd);
	pthread_mutex_lock(lock);
	watch_on(&l->watch);
	changed(&l->watch);
	pthread_mutex_unlock(lock);
	return 0;
}
