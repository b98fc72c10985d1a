// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost_user.c - the front-end's side of the vhost-user protocol, as far as a device needs it whose queues
 * are served from the driver's start to its reset.
 *
 * The other side is trusted with the guest's memory and nothing else: what it answers has to be the answer
 * to what was asked, in time, and descriptors that it sends are not taken.
 */
#include <errno.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "vhctl.h"
#include "vmm/vhost_user.h"
#include "vmm/vmm.h"

#define WAIT_MS		20000		/* for an answer: requests that are at work are finished first */
#define PROTOCOL	1
#define REPLY		(1u << 2)
#define WANT_REPLY	(1u << 3)
#define F_PROTOCOL	(1ULL << 30)	/* among features: that there are features of the protocol */
#define P_REPLY_ACK	(1ULL << 3)
#define MAX_REGIONS	2

enum request {
	GET_FEATURES = 1, SET_FEATURES = 2, SET_OWNER = 3, SET_MEM_TABLE = 5, SET_VRING_NUM = 8, SET_VRING_ADDR = 9,
	SET_VRING_BASE = 10, GET_VRING_BASE = 11, SET_VRING_KICK = 12, SET_VRING_CALL = 13,
	GET_PROTOCOL_FEATURES = 15, SET_PROTOCOL_FEATURES = 16, SET_VRING_ENABLE = 18,
};

struct header {
	uint32_t request, flags, size;
};

struct ring_state {
	uint32_t index, num;
};

struct ring_address {
	uint32_t index, flags;
	uint64_t desc, used, avail, log;
};

struct region {
	uint64_t gpa, size, at, offset;
};

struct memory {
	uint32_t n, padding;
	struct region region[MAX_REGIONS];
};

/* --- messages --- */

static int fails(struct vhost_user *u, const char *why)
{
	if (!u->why)
		u->why = why;
	return -1;
}

static int send_message(struct vhost_user *u, enum request r, uint32_t flags, const void *body, uint32_t size,
			const int *fds, int n)
{
	struct header h = { r, PROTOCOL | flags, size };
	struct iovec iov[] = { { &h, sizeof(h) }, { (void *)body, size } };
	union {
		char space[CMSG_SPACE(MAX_REGIONS * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = size ? 2 : 1 };
	ssize_t sent;

	if (n) {
		m.msg_control = control.space;
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
		control.align = (struct cmsghdr){ CMSG_LEN(n * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.align), fds, n * sizeof(int));
	}
	/* The answers are waited for, so that there is always room: who does not read is not waited for. */
	do {
		sent = sendmsg(u->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (sent < 0 && errno == EINTR);
	if (sent == (ssize_t)(sizeof(h) + size))
		return 0;
	return fails(u, sent < 0 && (errno == EPIPE || errno == ECONNRESET) ? "it has ended" : "it does not listen");
}

/* All of it, before the time is over. */
static int receive(struct vhost_user *u, void *to, size_t size, long long until)
{
	struct pollfd p = { .fd = u->fd, .events = POLLIN };

	while (size) {
		long long left = until - now_ms();
		ssize_t n;

		if (left <= 0)
			return fails(u, "it does not answer");
		if (poll(&p, 1, left) <= 0)
			continue;
		n = recv(u->fd, to, size, MSG_DONTWAIT);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return fails(u, "it has ended");
		to = (char *)to + n;
		size -= n;
	}
	return 0;
}

/* The answer to a request: its body has @size bytes. */
static int receive_answer(struct vhost_user *u, enum request r, void *body, uint32_t size)
{
	long long until = now_ms() + WAIT_MS;
	struct header h;

	if (receive(u, &h, sizeof(h), until))
		return -1;
	if (h.request != r || (h.flags & ~WANT_REPLY) != (PROTOCOL | REPLY) || h.size != size)
		return fails(u, "its answer makes no sense");
	return receive(u, body, size, until);
}

static int get(struct vhost_user *u, enum request r, uint64_t *value)
{
	return send_message(u, r, 0, NULL, 0, NULL, 0) || receive_answer(u, r, value, sizeof(*value)) ? -1 : 0;
}

/* What it can be asked to confirm, it has to. */
static int set(struct vhost_user *u, enum request r, const void *body, uint32_t size, const int *fds, int n)
{
	bool confirms = u->protocol & P_REPLY_ACK;
	uint64_t refused = 0;

	if (send_message(u, r, confirms ? WANT_REPLY : 0, body, size, fds, n))
		return -1;
	if (confirms && receive_answer(u, r, &refused, sizeof(refused)))
		return -1;
	return refused ? fails(u, "it refuses what the guest has set up") : 0;
}

/* --- what the device is --- */

/**
 * vhost_user_greet - the beginning
 * @u: filled in
 * @fd: a socket, of which nothing was read yet
 *
 * 0, or -1 and @u->why: vhost_user_close() in each case.
 */
int vhost_user_greet(struct vhost_user *u, int fd)
{
	uint64_t offered;

	*u = (struct vhost_user){ .fd = fd, .nobody = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	if (u->nobody < 0)
		return fails(u, "there is no eventfd for it");
	if (get(u, GET_FEATURES, &u->features))
		return -1;
	if (!(u->features >> VIRTIO_F_VERSION_1 & 1))
		return fails(u, "it knows no devices of virtio 1");
	if (u->features & F_PROTOCOL) {
		if (get(u, GET_PROTOCOL_FEATURES, &offered))
			return -1;
		offered &= P_REPLY_ACK;
		if (set(u, SET_PROTOCOL_FEATURES, &offered, sizeof(offered), NULL, 0))
			return -1;
		u->protocol = offered;
	}
	return set(u, SET_OWNER, NULL, 0, NULL, 0);
}

/* All that it can have: what is not in the file of the memory, such as a firmware, has no place in a queue. */
static int set_memory(struct vhost_user *u, const struct vmm *v)
{
	struct memory m = { .n = 1, .region[0] = { 0, v->low_size, (uintptr_t)v->low, 0 } };
	int fds[MAX_REGIONS] = { v->memory_fd, v->memory_fd };

	if (v->high_size)
		m.region[m.n++] = (struct region){ FOUR_GIB, v->high_size, (uintptr_t)v->high, v->low_size };
	return set(u, SET_MEM_TABLE, &m, offsetof(struct memory, region) + m.n * sizeof(m.region[0]), fds, m.n);
}

static int set_eventfd(struct vhost_user *u, enum request r, int q, int fd)
{
	uint64_t body = q;

	return set(u, r, &body, sizeof(body), &fd, 1);
}

/**
 * vhost_user_vector - a queue's interrupts go elsewhere now
 * @u: the connection
 * @d: the device, which was started
 * @q: the queue
 *
 * 0, or -1 and @u->why.
 */
int vhost_user_vector(struct vhost_user *u, struct virtio *d, int q)
{
	int fd = pci_vector_fd(&d->pci, __atomic_load_n(&d->queue[q].vector, __ATOMIC_RELAXED));

	/* Without a message there is nobody to call, as of vhost.c's. But there are those that call all the same. */
	return set_eventfd(u, SET_VRING_CALL, q, fd < 0 ? u->nobody : fd);
}

static int start_ring(struct vhost_user *u, struct virtio *d, int q)
{
	const struct virtqueue *vq = &d->queue[q].vq;
	struct ring_state num = { q, vq->size }, base = { q, 0 }, on = { q, 1 };
	struct ring_address at = {
		.index = q, .desc = (uintptr_t)vq->table, .used = (uintptr_t)vq->device, .avail = (uintptr_t)vq->driver,
	};

	if (set(u, SET_VRING_NUM, &num, sizeof(num), NULL, 0) || set(u, SET_VRING_BASE, &base, sizeof(base), NULL, 0) ||
	    set(u, SET_VRING_ADDR, &at, sizeof(at), NULL, 0) || vhost_user_vector(u, d, q) ||
	    set_eventfd(u, SET_VRING_KICK, q, d->queue[q].kick))
		return -1;
	/* Else it is as soon as it can be kicked. */
	if (u->features & F_PROTOCOL && set(u, SET_VRING_ENABLE, &on, sizeof(on), NULL, 0))
		return -1;
	/* The driver may have kicked already, and there are those that forget it until then. */
	msi_signal(d->queue[q].kick);
	return 0;
}

/**
 * vhost_user_start - hand over what the driver has agreed on, and the queues that it uses
 * @u: the connection
 * @d: the device, whose queues nobody serves
 *
 * 0, or -1 and @u->why: some may be served.
 */
int vhost_user_start(struct vhost_user *u, struct virtio *d)
{
	uint64_t features = d->accepted | (u->features & F_PROTOCOL);

	if (set(u, SET_FEATURES, &features, sizeof(features), NULL, 0) || set_memory(u, d->v))
		return -1;
	for (int q = 0; q < d->queues; q++)
		if (d->queue[q].vq.enabled && start_ring(u, d, q))
			return -1;
	return 0;
}

/**
 * vhost_user_stop - nobody serves the queues any more when this is back
 * @u: the connection
 * @d: the device, which was started
 *
 * 0, or -1 and @u->why: then somebody may, until the other side is gone.
 */
int vhost_user_stop(struct vhost_user *u, struct virtio *d)
{
	for (int q = 0; q < d->queues; q++) {
		struct ring_state state = { q, 0 };

		if (!d->queue[q].vq.enabled)
			continue;
		if (send_message(u, GET_VRING_BASE, 0, &state, sizeof(state), NULL, 0) ||
		    receive_answer(u, GET_VRING_BASE, &state, sizeof(state)))
			return -1;
		if (state.index != (uint32_t)q)
			return fails(u, "its answer is of another queue");
	}
	return 0;
}

/**
 * vhost_user_close - the end, for the other side, too
 * @u: the connection
 */
void vhost_user_close(struct vhost_user *u)
{
	close(u->fd);
	if (u->nobody >= 0)
		close(u->nobody);
}
