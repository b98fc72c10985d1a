// SPDX-License-Identifier: GPL-2.0-only
/*
 * net_tap.c - a network device on a tap of the host's, whose queues the kernel serves (vhost_net): a tap
 * that is there, or one made for a bridge, which is gone when nobody has it open.
 *
 * Each pair of queues has a descriptor of the tap and one of /dev/vhost-net.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <linux/vhost.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vhctl.h"
#include "vmm/confine.h"
#include "vmm/net.h"
#include "vmm/vhost.h"
#include "vmm/vmm.h"

#define TUN		"/dev/net/tun"
#define CHANGE_MS	50		/* between changes of a tap, in the long run */
#define BURST_MS	1000
#define BIT(n)		(1ULL << (n))
/* What of packets the tap and vhost do, and the VMM need not know of. */
#define PASSED		(BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6) | \
			 BIT(VIRTIO_NET_F_HOST_ECN) | BIT(VIRTIO_NET_F_GUEST_CSUM) | \
			 BIT(VIRTIO_NET_F_GUEST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO6) | \
			 BIT(VIRTIO_NET_F_GUEST_ECN))

/**
 * struct tap - bus->lock, but for what is const from tap_attach() on
 * @pair: what serves each pair of queues; const but for the backend's own
 * @link: the state of the interface; const
 * @offloads: what the tap was told last that it may give, TUN_F_*
 * @due: ms of CLOCK_MONOTONIC at which all changes so far are paid for
 */
struct tap {
	struct tap_pair {
		struct vhost vhost;
		int fd;
		bool attached;		/* the tap gives it packets */
	} pair[NET_MAX_PAIRS];
	struct link *link;
	unsigned long offloads;
	long long due;
};

/* What is asked for, and what is there of it. */
struct opening {
	const struct net_config *cfg;
	const char *name;		/* in messages */
	struct net_parts *parts;
	int s;				/* a socket, for ioctl() */
};

/* --- the tap --- */

static void request(struct ifreq *r, const char *name)
{
	memset(r, 0, sizeof(*r));
	memcpy(r->ifr_name, name, strnlen(name, IFNAMSIZ - 1));
}

/* Is an interface there, and made by this driver, on this "bus"? */
static bool is(int s, const char *name, const char *driver, const char *bus)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq r;

	request(&r, name);
	r.ifr_data = (char *)&info;
	return !ioctl(s, SIOCETHTOOL, &r) && !strcmp(info.driver, driver) && (!bus || !strcmp(info.bus_info, bus));
}

/* Is there somebody at the tap's other end? One with a single queue says so itself when it is asked for. */
static bool in_use(int s, const char *name)
{
	struct ethtool_value link = { .cmd = ETHTOOL_GLINK };
	struct ifreq r;

	request(&r, name);
	r.ifr_data = (char *)&link;
	return !ioctl(s, SIOCETHTOOL, &r) && link.data;
}

static int open_queue(const struct opening *o, const char *name, char *made, bool several)
{
	int fd = open(TUN, O_RDWR | O_CLOEXEC | O_NONBLOCK), header = NET_HEADER;
	struct ifreq r;

	if (fd < 0) {
		error("%s: %s: %s%s", o->name, TUN, strerror(errno), errno == ENOENT || errno == ENODEV ?
		      "; modprobe tun" : "");
		return -1;
	}
	request(&r, name);
	r.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (several ? IFF_MULTI_QUEUE : 0);
	if (ioctl(fd, TUNSETIFF, &r)) {
		header = errno;
		close(fd);
		errno = header;
		return -2;
	}
	if (ioctl(fd, TUNSETVNETHDRSZ, &header)) {
		error("%s: %s: %s", o->name, r.ifr_name, strerror(errno));
		close(fd);
		return -1;
	}
	memcpy(made, r.ifr_name, IFNAMSIZ);
	return fd;
}

static int no_tap(const struct opening *o, const char *name)
{
	switch (errno) {
	case EBUSY:
		error("%s: is in use by another program", o->name);
		break;
	case EPERM:
		if (o->cfg->kind == NET_BRIDGE)
			error("%s: making a tap needs CAP_NET_ADMIN: run as root, or have one made in the bridge "
			      "(ip tuntap add NAME mode tap user USER; ip link set NAME master %s up), and use "
			      "--net tap=NAME", o->name, o->cfg->ifname);
		else
			error("%s: belongs to another user: ip tuntap add %s mode tap user USER", o->name, name);
		break;
	case EINVAL:
		error("%s: is no tap of several queues: ip tuntap add %s mode tap multi_queue, or queues=1",
		      o->name, name);
		break;
	case E2BIG:
		error("%s: has not so many queues", o->name);
		break;
	default:
		error("%s: %s", o->name, strerror(errno));
	}
	return -1;
}

/* All queues of a tap, whose name may be a pattern, and comes to @made. */
static int open_queues(const struct opening *o, const char *name, char *made)
{
	struct net_parts *p = o->parts;
	int fd;

	for (int i = 0; i < p->pairs; i++) {
		fd = open_queue(o, i ? made : name, made, p->several || p->pairs > 1);
		/* Of a tap for several queues one may be used. */
		if (fd == -2 && errno == EINVAL && p->pairs == 1) {
			p->several = true;
			fd = open_queue(o, name, made, true);
		}
		if (fd < 0)
			return fd == -2 ? no_tap(o, name) : -1;
		p->tap[i] = fd;
	}
	p->several |= p->pairs > 1;
	return 0;
}

static int own_tap(const struct opening *o, char *made)
{
	const char *name = o->cfg->ifname;

	if (!if_nametoindex(name)) {
		error("%s: there is no such interface: ip tuntap add %s mode tap user USER%s", o->name, name,
		      o->parts->pairs > 1 ? " multi_queue" : "");
		return -1;
	}
	if (!is(o->s, name, "tun", "tap")) {
		error("%s: is no tap", o->name);
		return -1;
	}
	if (in_use(o->s, name)) {
		errno = EBUSY;
		return no_tap(o, name);
	}
	return open_queues(o, name, made);
}

/* --- a bridge --- */

/* The tap is up, and has an address above all others, that the bridge does not take for its own. */
static int bridge_port(const struct opening *o, const char *tap)
{
	const char *bridge = o->cfg->ifname;
	int s = o->s;
	struct ifreq r;

	request(&r, tap);
	if (ioctl(s, SIOCGIFHWADDR, &r))
		return -1;
	r.ifr_hwaddr.sa_data[0] = 0xfe;
	if (ioctl(s, SIOCSIFHWADDR, &r))
		return -1;
	request(&r, bridge);
	if (ioctl(s, SIOCGIFMTU, &r))
		return -1;
	memcpy(r.ifr_name, tap, IFNAMSIZ);
	if (ioctl(s, SIOCSIFMTU, &r))
		return -1;
	request(&r, bridge);
	r.ifr_ifindex = if_nametoindex(tap);
	if (ioctl(s, SIOCBRADDIF, &r))
		return -1;
	request(&r, tap);
	if (ioctl(s, SIOCGIFFLAGS, &r))
		return -1;
	r.ifr_flags |= IFF_UP;
	return ioctl(s, SIOCSIFFLAGS, &r);
}

static int make_port(const struct opening *o, char *made)
{
	const char *bridge = o->cfg->ifname;

	if (!if_nametoindex(bridge)) {
		error("%s: there is no such bridge: ip link add %s type bridge", o->name, bridge);
		return -1;
	}
	if (!is(o->s, bridge, "bridge", NULL)) {
		error("%s: is no bridge", o->name);
		return -1;
	}
	if (open_queues(o, "vh%d", made))
		return -1;
	if (!bridge_port(o, made))
		return 0;
	error("%s: cannot add %s to it: %s", o->name, made, strerror(errno));
	return -1;
}

/* --- what it is made of --- */

static int open_tap(const struct opening *o)
{
	struct net_parts *p = o->parts;
	char made[IFNAMSIZ] = "";
	struct ifreq r;

	if (o->cfg->kind == NET_TAP ? own_tap(o, made) : make_port(o, made))
		return -1;
	request(&r, o->cfg->ifname);
	if (ioctl(o->s, SIOCGIFMTU, &r)) {
		error("%s: %s", o->name, strerror(errno));
		return -1;
	}
	p->mtu = r.ifr_mtu < NET_MAX_MTU ? r.ifr_mtu : NET_MAX_MTU;
	p->index = if_nametoindex(made);
	p->link = net_link_open(o->name, p->index, &p->up);
	return p->link < 0 ? -1 : 0;
}

static int tap_open(const struct net_config *cfg, const char *name, const struct net_ports *ports, struct net_parts *p)
{
	const struct opening o = { cfg, name, p, socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) };
	uint64_t all = ~0ULL, features;
	int err;

	(void)ports;
	p->pairs = cfg->pairs;
	if (o.s < 0) {
		error("%s: %s", name, strerror(errno));
		return -1;
	}
	err = open_tap(&o);
	close(o.s);
	for (int i = 0; !err && i < p->pairs; i++) {
		p->vhost[i] = vhost_file("/dev/vhost-net", "vhost_net", name, &features);
		err = p->vhost[i] < 0 ? -1 : 0;
		all &= features;
	}
	p->features = all;
	return err;
}

/* --- the device --- */

static bool set_backend(struct tap_pair *p, int ring, int fd)
{
	struct vhost_vring_file f = { .index = ring, .fd = fd };

	return !ioctl(p->vhost.fd, VHOST_NET_SET_BACKEND, &f);
}

static void halt(struct virtio *d)
{
	struct net *n = (struct net *)d;
	struct tap *t = n->behind;

	for (int i = 0; i < n->pairs; i++) {
		for (int k = 0; k < 2; k++)
			set_backend(&t->pair[i], k, -1);
		vhost_stopped(&t->pair[i].vhost);
	}
}

static int tap_make(struct net *n)
{
	struct net_parts *p = &n->parts;
	struct tap *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	n->behind = t;
	t->offloads = ~0UL;	/* a tap may have had others before */
	for (int i = 0; i < p->pairs; i++)
		t->pair[i].vhost.fd = t->pair[i].vhost.fault.fd = t->pair[i].fd = -1;
	for (int i = 0; i < p->pairs; i++) {
		int fd = p->vhost[i];

		t->pair[i].fd = p->tap[i];
		t->pair[i].attached = true;
		p->vhost[i] = p->tap[i] = -1;	/* these have them now */
		confine_keep(t->pair[i].fd);
		if (vhost_own(&t->pair[i].vhost, fd, p->features, n->name))
			return -1;
	}
	for (int i = 0; i < p->pairs; i++)
		vhost_attach(&t->pair[i].vhost, &n->virtio, 2 * i, 2, halt);
	n->pairs = p->pairs;
	n->mtu = p->mtu;
	n->features = PASSED | (p->features & BIT(VIRTIO_NET_F_MRG_RXBUF));
	return 0;
}

static int tap_attach(struct net *n)
{
	((struct tap *)n->behind)->link = net_follow(n);
	return 0;
}

/*
 * A change of a tap takes a lock that all networks of the host share. A guest that wants one after another
 * waits, and nobody with it.
 */
static void pace(struct tap *t)
{
	long long now = now_ms();

	t->due = (t->due < now ? now : t->due) + CHANGE_MS;
	if (t->due - now > BURST_MS)
		usleep((t->due - now - BURST_MS) * 1000);
}

/* The tap spreads what comes over those that are attached to it. */
static bool tap_set_pairs(struct net *n, int pairs)
{
	struct tap *t = n->behind;

	for (int i = 0; i < n->pairs && n->parts.several; i++) {
		struct ifreq r = { .ifr_flags = i < pairs ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE };

		if (t->pair[i].attached == (i < pairs))
			continue;
		pace(t);
		if (ioctl(t->pair[i].fd, TUNSETQUEUE, &r))
			return false;
		t->pair[i].attached = i < pairs;
	}
	return true;
}

static bool tap_set_offloads(struct net *n, uint64_t offloads)
{
	static const struct {
		int feature;
		unsigned int flag;
	} flags[] = {
		{ VIRTIO_NET_F_GUEST_CSUM, TUN_F_CSUM }, { VIRTIO_NET_F_GUEST_TSO4, TUN_F_TSO4 },
		{ VIRTIO_NET_F_GUEST_TSO6, TUN_F_TSO6 }, { VIRTIO_NET_F_GUEST_ECN, TUN_F_TSO_ECN },
	};
	struct tap *t = n->behind;
	unsigned long take = 0;

	for (unsigned int i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (offloads & BIT(flags[i].feature))
			take |= flags[i].flag;
	/* As the kernel wants them: segments that are not whole have no checksum either. */
	if (!(take & (TUN_F_TSO4 | TUN_F_TSO6)))
		take &= ~TUN_F_TSO_ECN;
	if (!(take & TUN_F_CSUM))
		take = 0;
	if (take == t->offloads)
		return true;
	pace(t);
	if (ioctl(t->pair[0].fd, TUNSETOFFLOAD, take))
		return false;
	t->offloads = take;
	return true;
}

static void tap_start(struct net *n)
{
	int pairs = n->virtio.accepted & BIT(VIRTIO_NET_F_MQ) ? n->pairs : 1;
	struct tap *t = n->behind;

	if (!tap_set_pairs(n, 1)) {
		vhost_refused(&t->pair[0].vhost, "first queues");
		return;
	}
	for (int i = 0; i < pairs; i++) {
		struct tap_pair *p = &t->pair[i];

		if (vhost_start(&p->vhost))
			return;
		for (int k = 0; k < 2; k++)
			if (n->virtio.queue[2 * i + k].vq.enabled && !set_backend(p, k, p->fd)) {
				vhost_refused(&p->vhost, "queues");
				return;
			}
	}
}

static void tap_stop(struct net *n)
{
	halt(&n->virtio);
	virtio_stopped(&n->virtio);
}

static void tap_vector(struct net *n, int q)
{
	struct tap *t = n->behind;

	for (int i = 0; i < n->pairs; i++)
		vhost_vector(&t->pair[i].vhost, q);
}

static void tap_leave(struct net *n)
{
	halt(&n->virtio);
	net_unfollow(((struct tap *)n->behind)->link);
}

static void tap_finish(struct net *n)
{
	struct tap *t = n->behind;

	for (int i = 0; i < n->parts.pairs; i++) {
		vhost_close(&t->pair[i].vhost);
		if (t->pair[i].fd >= 0)
			close(t->pair[i].fd);
	}
	net_end(&n->parts);
	free(t->link);
	free(t);
}

const struct net_backend net_tap = {
	.open = tap_open, .make = tap_make, .attach = tap_attach, .start = tap_start, .stop = tap_stop,
	.set_pairs = tap_set_pairs, .set_offloads = tap_set_offloads, .vector = tap_vector, .leave = tap_leave,
	.finish = tap_finish,
};
