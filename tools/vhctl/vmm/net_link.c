// SPDX-License-Identifier: GPL-2.0-only
/* net_link.c - a network device has a link while the interface behind it is up (rtnetlink(7)). */
#include <errno.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

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

static bool is_up(int fd, int index)
{
	struct ifreq r = { .ifr_ifindex = index };

	return !ioctl(fd, SIOCGIFNAME, &r) && !ioctl(fd, SIOCGIFFLAGS, &r) && (r.ifr_flags & IFF_UP);
}

/* Whichever interface it was. */
static void changed(struct watch *w)
{
	struct link *l = (struct link *)w;

	net_link(l->net, is_up(w->fd, l->index));
}

/**
 * net_link_open - what tells of interfaces that change
 * @name: of the network, in messages
 * @index: of an interface
 * @up: is it up? What changes behind that is told
 *
 * A socket, or -1, told.
 */
int net_link_open(const char *name, int index, bool *up)
{
	struct sockaddr_nl at = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	/* From the kernel comes that an interface has changed or gone, and nothing else, whatever it is asked. */
	static struct sock_filter links[] = {
		{ BPF_LD | BPF_H | BPF_ABS, 0, 0, offsetof(struct nlmsghdr, nlmsg_type) },
		{ BPF_JMP | BPF_JEQ | BPF_K, 1, 0, RTM_NEWLINK << 8 },	/* loaded the other way round */
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 1, RTM_DELLINK << 8 },
		{ BPF_RET | BPF_K, 0, 0, ~0U },
		{ BPF_RET | BPF_K, 0, 0, 0 },
	};
	struct sock_fprog filter = { sizeof(links) / sizeof(links[0]), links };
	int one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) ||
	    setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &one, sizeof(one)) || bind(fd, (struct sockaddr *)&at, sizeof(at))) {
		error("%s: cannot follow the interface: %s", name, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	*up = is_up(fd, index);
	return fd;
}

/**
 * net_follow - the device's link is an interface's
 * @n: the device, made, with the parts of a tap
 *
 * bus->lock is not held.
 */
struct link *net_follow(struct net *n)
{
	pthread_mutex_t *lock = &n->virtio.v->bus.lock;
	struct link *l = calloc(1, sizeof(*l));

	if (!l)
		abort();
	*l = (struct link){ .watch = { .fd = n->parts.link, .ready = changed }, .net = n, .index = n->parts.index };
	confine_keep(l->watch.fd);
	pthread_mutex_lock(lock);
	watch_on(&l->watch);
	pthread_mutex_unlock(lock);
	return l;
}

/**
 * net_unfollow - it is not any more
 * @l: of net_follow(), or NULL; freed by who has it, when no thread looks at it
 *
 * bus->lock is held.
 */
void net_unfollow(struct link *l)
{
	if (l)
		watch_off(&l->watch);
}
