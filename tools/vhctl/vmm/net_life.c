// SPDX-License-Identifier: GPL-2.0-only
/*
 * net_life.c - networks of a VM: what they are made of is opened, they get an address, and come and go, also while
 * the VM runs.
 *
 * The guest ejects one in the thread of a vCPU, where it is served no more. The rest is done in the thread of watch.c,
 * so that nobody looks at it there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vhctl.h"
#include "vmm/confine.h"
#include "vmm/devices.h"
#include "vmm/hotplug.h"
#include "vmm/net.h"
#include "vmm/vmm.h"

static struct net *nets, *ejected;	/* bus.lock */
static struct watch reaper;		/* of what is ejected */

/* --- addresses --- */

/* What addresses follow from; const from nets_prepare() on. */
static struct {
	char host[65], unnamed[48];
	const char *name;
	unsigned int uid;
} self;

/**
 * net_address - an address that is the same every time, and no other network's, as good as surely
 * @vm: name of the VM
 * @uid: whose it is; names are a user's own
 * @index: which network of the VM
 * @host: what names this host
 * @mac: filled in: one that nobody has been given
 */
void net_address(const char *vm, unsigned int uid, int index, const char *host, uint8_t *mac)
{
	char text[512];
	uint64_t hash = 0xcbf29ce484222325ULL;	/* FNV-1a */

	snprintf(text, sizeof(text), "%s/%u/%s/%d", host, uid, vm, index);
	for (const char *c = text; *c; c++)
		hash = (hash ^ (uint8_t)*c) * 0x100000001b3ULL;
	/* Each of its bits in those that are taken. */
	hash ^= hash >> 32;
	hash *= 0x9e3779b97f4a7c15ULL;
	hash ^= hash >> 29;
	for (int i = 0; i < ETH_ALEN; i++, hash >>= 8)
		mac[i] = hash;
	mac[0] = (mac[0] & ~3) | 2;	/* one station, locally administered (IEEE 802, 8.2) */
}

static void learn_self(const struct vmm_config *vm)
{
	int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, self.host, 32) != 32)
		gethostname(self.host, sizeof(self.host) - 1);
	if (fd >= 0)
		close(fd);
	self.uid = geteuid();
	self.name = vm->name;
	/* What has no name of its own is not the same VM next time, nor alone now. */
	if (!vm->named && !vm->attach) {
		snprintf(self.unnamed, sizeof(self.unnamed), "/%d/%lld", getpid(), now_ms());
		self.name = self.unnamed;
	}
}

static bool index_taken(int index)
{
	for (const struct net *n = nets; n; n = n->next)
		if (n->index == index)
			return true;
	return false;
}

static bool mac_taken(const uint8_t *mac)
{
	for (const struct net *n = nets; n; n = n->next)
		if (!memcmp(n->mac, mac, ETH_ALEN))
			return true;
	return false;
}

/* Which one it is, and its address: of those that no other has the first. False, told. */
static bool take_place(struct net *n)
{
	int count = 0;

	for (const struct net *other = nets; other; other = other->next)
		count++;
	if (count >= VMM_MAX_NETS) {
		error("%s: a VM has at most %d networks", n->name, VMM_MAX_NETS);
		return false;
	}
	if (n->cfg.has_mac && mac_taken(n->cfg.mac)) {
		error("%s: another network of the VM's has this mac", n->name);
		return false;
	}
	do {
		while (index_taken(n->index))
			n->index++;
		net_address(self.name, self.uid, n->index, self.host, n->mac);
	} while (!n->cfg.has_mac && mac_taken(n->mac) && ++n->index);
	if (n->cfg.has_mac)
		memcpy(n->mac, n->cfg.mac, ETH_ALEN);
	return true;
}

/* --- parts --- */

static const struct net_backend *backend_of(const struct net_config *cfg)
{
	return cfg->kind == NET_USER ? &net_user : &net_tap;
}

static void name_of(const struct net_config *cfg, char *name, size_t size)
{
	static const char *const kinds[] = { [NET_USER] = "user", [NET_TAP] = "tap=", [NET_BRIDGE] = "bridge=" };

	snprintf(name, size, "--net %s%s", kinds[cfg->kind], cfg->ifname);
}

/**
 * net_open - open what a network is made of
 * @cfg: what was asked for
 * @ports: of the host's that are the guest's, of passt's
 * @p: filled in
 *
 * 0, or -1, told: then nothing is open.
 */
int net_open(const struct net_config *cfg, const struct net_ports *ports, struct net_parts *p)
{
	char name[64];

	*p = (struct net_parts){ .link = -1, .sock = -1, .process = -1 };
	for (int i = 0; i < NET_MAX_PAIRS; i++)
		p->tap[i] = p->vhost[i] = -1;
	name_of(cfg, name, sizeof(name));
	if (!backend_of(cfg)->open(cfg, name, ports, p))
		return 0;
	net_end(p);
	return -1;
}

/* Where each of them is; NULL: that is all. */
static int *part(struct net_parts *p, int i)
{
	if (!p->pairs)
		return i == 0 ? &p->sock : i == 1 ? &p->process : NULL;
	return i < p->pairs ? &p->tap[i] : i < 2 * p->pairs ? &p->vhost[i - p->pairs] : i == 2 * p->pairs ? &p->link : NULL;
}

/**
 * net_fds - what another process needs of a network, beside the structure
 * @p: open
 * @fd: filled in, NET_FDS at most
 *
 * Returns how many there are.
 */
int net_fds(const struct net_parts *p, int *fd)
{
	struct net_parts copy = *p;
	int n = 0, *from;

	for (int i = 0; (from = part(&copy, i)); i++)
		if (*from >= 0)
			fd[n++] = *from;
	return n;
}

/**
 * net_adopt - a network that another process has opened
 * @p: that one's structure; becomes this one's
 * @fd: what net_fds() was, here
 */
void net_adopt(struct net_parts *p, const int *fd)
{
	int *to;

	for (int i = 0; (to = part(p, i)); i++)
		if (*to >= 0)
			*to = *fd++;
	p->pid = 0;
}

/**
 * net_close - it is another process's, or there is nothing to be ended
 * @p: the parts; what is not there any more is left alone
 */
void net_close(struct net_parts *p)
{
	int *fd;

	for (int i = 0; (fd = part(p, i)); i++) {
		if (*fd >= 0)
			close(*fd);
		*fd = -1;
	}
}

/**
 * net_end - nobody needs it
 * @p: the same
 */
void net_end(struct net_parts *p)
{
	if (p->sock >= 0 || p->process >= 0)
		passt_end("--net user", p->sock, p->process);
	p->sock = p->process = -1;
	net_close(p);
}

/* --- networks --- */

static void unlist(struct net *n)
{
	struct net **at = &nets;

	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
}

/* In the watch's thread, which has the bus, but not meanwhile. */
static void reap(struct watch *w)
{
	struct net *n;

	(void)w;
	while ((n = ejected)) {
		struct vmm *v = n->virtio.v;

		ejected = n->next;
		pthread_mutex_unlock(&v->bus.lock);
		n->backend->finish(n);
		virtio_destroy(&n->virtio);
		free(n);
		pthread_mutex_lock(&v->bus.lock);
		hotplug_left(v);
	}
}

/* Taken off the bus; bus->lock is held. */
static void remove_net(struct virtio *d)
{
	struct net *n = (struct net *)d;

	net_device_leave(n);
	unlist(n);
	n->next = ejected;
	ejected = n;
	hotplug_leaves();
	msi_signal(reaper.fd);
}

/**
 * nets_prepare - there may be networks
 * @v: the VM, with a watch
 *
 * 0, or -1, told.
 */
int nets_prepare(struct vmm *v)
{
	learn_self(v->cfg);
	reaper = (struct watch){ .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .ready = reap };
	if (reaper.fd < 0) {
		error("cannot make an eventfd: %s", strerror(errno));
		return -1;
	}
	confine_keep(reaper.fd);
	pthread_mutex_lock(&v->bus.lock);
	watch_on(&reaper);
	pthread_mutex_unlock(&v->bus.lock);
	return 0;
}

/* What it is, for people: as it could be asked for. */
static void describe(const struct net *n, char *text, size_t size)
{
	const uint8_t *m = n->mac;
	int k = snprintf(text, size, "%s,mac=%02x:%02x:%02x:%02x:%02x:%02x", n->name + strlen("--net "), m[0], m[1], m[2],
			 m[3], m[4], m[5]);

	if (n->cfg.pairs > 1)
		snprintf(text + k, size - k, ",queues=%d", n->cfg.pairs);
}

/**
 * net_plug - a network
 * @v: the VM, with a PCI host; nets_prepare() was called
 * @cfg: what it is
 * @ports: of passt's, if they are to be opened
 * @parts: open, and its own, whatever becomes of it; NULL: they are opened
 *
 * Also while the VM runs: it is found by hot-plug then. bus->lock is not held. 0, or -1, told.
 */
int net_plug(struct vmm *v, const struct net_config *cfg, const struct net_ports *ports, const struct net_parts *parts)
{
	struct net *n = calloc(1, sizeof(*n));
	bool begun, placed;
	char what[96];
	int err;

	if (!n)
		abort();
	n->cfg = *cfg;
	n->backend = backend_of(cfg);
	name_of(cfg, n->name, sizeof(n->name));
	begun = !watch_begin(v);
	pthread_mutex_lock(&v->bus.lock);
	placed = begun && take_place(n);
	if (placed) {
		n->next = nets;
		nets = n;
	}
	pthread_mutex_unlock(&v->bus.lock);
	if (parts)
		n->parts = *parts;
	if (!placed) {
		if (parts)
			net_end(&n->parts);
		free(n);
		return -1;
	}
	if ((!parts && net_open(cfg, ports, &n->parts)) || net_device(v, n)) {
		pthread_mutex_lock(&v->bus.lock);
		unlist(n);
		pthread_mutex_unlock(&v->bus.lock);
		if (n->behind)
			n->backend->finish(n);
		free(n);
		return -1;
	}
	err = n->backend->attach(n);
	describe(n, what, sizeof(what));
	pthread_mutex_lock(&v->bus.lock);
	if (!err) {
		hotplug_add(v, "net", what, &n->virtio, remove_net);
	} else {
		/* The guest may have begun to use it. */
		pci_unplug(v, &n->virtio.pci);
		remove_net(&n->virtio);
	}
	pthread_mutex_unlock(&v->bus.lock);
	return err;
}

/**
 * net_create - a network of those that the VM begins with
 * @v: the VM; nets_prepare() was called
 * @cfg: what it is: one of the configuration's
 *
 * 0, or -1, told.
 */
int net_create(struct vmm *v, const struct net_config *cfg)
{
	const struct vmm_config *vm = v->cfg;
	struct net_ports ports = { vm->publish, vm->publishes };

	/* Ports are those of the first user's network. */
	for (const struct net_config *c = vm->net; c < cfg; c++)
		if (c->kind == NET_USER)
			ports.n = 0;
	return net_plug(v, cfg, &ports, NULL);
}

/**
 * nets_finish - the VM is at its end, and so is what is behind its networks
 * @v: the VM; its vCPUs, and the threads of control.c and watch.c, have ended
 */
void nets_finish(struct vmm *v)
{
	struct net *n, *next;

	pthread_mutex_lock(&v->bus.lock);
	for (n = nets; n; n = n->next)
		net_device_leave(n);
	pthread_mutex_unlock(&v->bus.lock);
	for (n = nets; n; n = next) {
		next = n->next;
		n->backend->finish(n);
	}
	for (n = ejected; n; n = next) {
		next = n->next;
		n->backend->finish(n);
	}
	nets = ejected = NULL;
}
