// SPDX-License-Identifier: GPL-2.0-only
/*
 * net_tap.c - a network device on a tap of the host's, whose queues the kernel serves (vhost_net): a tap
 * that is there, or one made for a bridge, which is gone with the VMM.
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
 * @index: of the interface; const
 * @several: it is a tap of several queues; const
 * @offloads: what the tap was told last that it may give, TUN_F_*
 * @due: ms of CLOCK_MONOTONIC at which all changes so far are paid for
 */
struct tap {
	struct tap_pair {
		struct vhost vhost;
		int fd;
		bool attached;		/* the tap gives it packets */
	} pair[NET_MAX_PAIRS];
	int index;
	bool several;
	unsigned long offloads;
	long long due;
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

static int open_queue(struct net *n, const char *name, char *made, bool several)
{
	int fd = open(TUN, O_RDWR | O_CLOEXEC | O_NONBLOCK), header = NET_HEADER;
	struct ifreq r;

	if (fd < 0) {
		error("%s: %s: %s%s", n->name, TUN, strerror(errno), errno == ENOENT || errno == ENODEV ?
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
		error("%s: %s: %s", n->name, r.ifr_name, strerror(errno));
		close(fd);
		return -1;
	}
	memcpy(made, r.ifr_name, IFNAMSIZ);
	return fd;
}

static int no_tap(const struct net *n, const char *name)
{
	switch (errno) {
	case EBUSY:
		error("%s: is in use by another program", n->name);
		break;
	case EPERM:
		if (n->cfg->kind == NET_BRIDGE)
			error("%s: making a tap needs CAP_NET_ADMIN: run as root, or have one made in the bridge "
			      "(ip tuntap add NAME mode tap user USER; ip link set NAME master %s up), and use "
			      "--net tap=NAME", n->name, n->cfg->ifname);
		else
			error("%s: belongs to another user: ip tuntap add %s mode tap user USER", n->name, name);
		break;
	case EINVAL:
		error("%s: is no tap of several queues: ip tuntap add %s mode tap multi_queue, or queues=1",
		      n->name, name);
		break;
	case E2BIG:
		error("%s: has not so many queues", n->name);
		break;
	default:
		error("%s: %s", n->name, strerror(errno));
	}
	return -1;
}

/* All queues of a tap, whose name may be a pattern, and comes to @made. */
static int open_tap(struct net *n, struct tap *t, const char *name, char *made)
{
	int fd;

	for (int i = 0; i < n->pairs; i++) {
		fd = open_queue(n, i ? made : name, made, t->several || n->pairs > 1);
		/* Of a tap for several queues one may be used. */
		if (fd == -2 && errno == EINVAL && n->pairs == 1) {
			t->several = true;
			fd = open_queue(n, name, made, true);
		}
		if (fd < 0)
			return fd == -2 ? no_tap(n, name) : -1;
		t->pair[i].fd = fd;
		confine_keep(fd);
		t->pair[i].attached = true;
	}
	t->several |= n->pairs > 1;
	return 0;
}

static int own_tap(struct net *n, struct tap *t, int s, char *made)
{
	if (!if_nametoindex(n->cfg->ifname)) {
		error("%s: there is no such interface: ip tuntap add %s mode tap user USER%s", n->name,
		      n->cfg->ifname, n->pairs > 1 ? " multi_queue" : "");
		return -1;
	}
	if (!is(s, n->cfg->ifname, "tun", "tap")) {
		error("%s: is no tap", n->name);
		return -1;
	}
	if (in_use(s, n->cfg->ifname)) {
		errno = EBUSY;
		return no_tap(n, n->cfg->ifname);
	}
	return open_tap(n, t, n->cfg->ifname, made);
}

/* --- a bridge --- */

/* The tap is up, and has an address above all others, that the bridge does not take for its own. */
static int bridge_port(struct net *n, int s, const char *tap)
{
	const char *bridge = n->cfg->ifname;
	struct ifreq r;

	request(&r, tap);
	r.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(r.ifr_hwaddr.sa_data, n->mac, ETH_ALEN);
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

static int make_port(struct net *n, struct tap *t, int s, char *made)
{
	if (!if_nametoindex(n->cfg->ifname)) {
		error("%s: there is no such bridge: ip link add %s type bridge", n->name, n->cfg->ifname);
		return -1;
	}
	if (!is(s, n->cfg->ifname, "bridge", NULL)) {
		error("%s: is no bridge", n->name);
		return -1;
	}
	if (open_tap(n, t, "vh%d", made))
		return -1;
	if (!bridge_port(n, s, made))
		return 0;
	error("%s: cannot add %s to it: %s", n->name, made, strerror(errno));
	return -1;
}

/* --- the device --- */

static int open_vhost(struct net *n, struct tap *t)
{
	uint64_t all = ~0ULL;

	for (int i = 0; i < n->pairs; i++) {
		struct vhost *h = &t->pair[i].vhost;

		if (vhost_open(h, "/dev/vhost-net", "vhost_net", n->name))
			return -1;
		all &= h->features;
	}
	n->features = PASSED | (all & BIT(VIRTIO_NET_F_MRG_RXBUF));
	return 0;
}

static int tap_open(struct net *n)
{
	int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;
	struct tap *t = calloc(1, sizeof(*t));
	char made[IFNAMSIZ] = "";
	struct ifreq r;

	if (!t)
		abort();
	n->behind = t;
	n->pairs = n->cfg->pairs;
	request(&r, n->cfg->ifname);
	if (s < 0) {
		error("%s: %s", n->name, strerror(errno));
		return -1;
	}
	err = n->cfg->kind == NET_TAP ? own_tap(n, t, s, made) : make_port(n, t, s, made);
	if (!err && ioctl(s, SIOCGIFMTU, &r)) {
		error("%s: %s", n->name, strerror(errno));
		err = -1;
	}
	close(s);
	t->index = if_nametoindex(made);
	n->mtu = r.ifr_mtu < NET_MAX_MTU ? r.ifr_mtu : NET_MAX_MTU;
	t->offloads = ~0UL;	/* a tap may have had others before */
	return err ? -1 : open_vhost(n, t);
}

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

static int tap_attach(struct net *n)
{
	struct tap *t = n->behind;

	for (int i = 0; i < n->pairs; i++)
		vhost_attach(&t->pair[i].vhost, &n->virtio, 2 * i, 2, halt);
	return net_follow(n, t->index);
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

	for (int i = 0; i < n->pairs && t->several; i++) {
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

static void tap_finish(struct net *n)
{
	halt(&n->virtio);
}

const struct net_backend net_tap = {
	.open = tap_open, .attach = tap_attach, .start = tap_start, .stop = tap_stop, .set_pairs = tap_set_pairs,
	.set_offloads = tap_set_offloads, .vector = tap_vector, .finish = tap_finish,
};
