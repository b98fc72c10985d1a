// SPDX-License-Identifier: GPL-2.0-only
/*
 * net_user.c - a network device whose frames go to passt: a stream of frames on a socket, each behind
 * its length (four bytes, the highest first).
 *
 * A thread moves them. It never waits for the socket alone, nor for the guest: passt may wait for what
 * it sends to be read while it is sent something.
 *
 * Each frame is sent by itself. Of what is sent at once the kernel makes pieces of some 36 KiB, wherever
 * frames begin in them. Debian 12's passt takes what it has not yet of a frame by one more recv(2), and
 * where that brings one piece of two it drops what it has, and takes the rest for the next frame's
 * length. A frame that begins with a piece has two at most, and none of them is cut short.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vhctl.h"
#include "vmm/confine.h"
#include "vmm/net.h"
#include "vmm/net_queue.h"
#include "vmm/thread.h"
#include "vmm/vmm.h"

#define BIT(n)		(1ULL << (n))
#define LENGTH		4
#define BUFFER		(4 * (LENGTH + NET_MAX_FRAME))
#define RECEIVE		0		/* the queues */
#define TRANSMIT	1
#define TURNS		4		/* of the one direction, before it is the other's */

enum asked { NOTHING, START, STOP };

/* What is there from @begin to @end is still to go; @rest of it belongs to a frame that was begun. */
struct stream {
	uint8_t data[BUFFER];
	size_t begin, end, rest;
};

struct user {
	struct net *net;			/* const, as the next three are */
	int sock, control;
	struct thread thread;
	enum asked asked;			/* bus.lock */
	bool quit;				/* bus.lock */

	/* the thread's */
	bool running, linked, mergeable;
	bool starved;				/* there is a frame, and no buffer for it */
	struct vq_chain chain;
	struct stream in, out;
};

static struct virtio_queue *queue(struct user *u, int i)
{
	return &u->net->virtio.queue[i];
}

static bool usable(struct user *u, int i)
{
	return u->running && queue(u, i)->vq.enabled;
}

static void broken(struct user *u, int i)
{
	if (!queue(u, i)->vq.broken)
		return;
	u->running = false;
	virtio_broken(&u->net->virtio, queue(u, i)->vq.broken);
}

static void tell(struct user *u, int i)
{
	if (vq_wants_interrupt(&queue(u, i)->vq))
		virtio_interrupt(&u->net->virtio, i);
}

/* passt is gone, or speaks nonsense: the guest has no link any more. */
static void lost(struct user *u, const char *why)
{
	error("%s: the network is gone: %s", u->net->name, why);
	u->linked = false;
	u->in.begin = u->in.end = u->out.begin = u->out.end = u->out.rest = 0;
	close(u->sock);
	u->sock = -1;
	pthread_mutex_lock(&u->net->virtio.v->bus.lock);
	net_link(u->net, false);
	pthread_mutex_unlock(&u->net->virtio.v->bus.lock);
}

/* --- from passt to the guest --- */

static const char *socket_error(int err)
{
	return err == EPIPE || err == ECONNRESET ? "passt has ended" : strerror(err);
}

static size_t frame_length(const struct stream *s)
{
	const uint8_t *p = s->data + s->begin;

	return (size_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* Frames that are there as a whole, as far as there are buffers. */
static void deliver(struct user *u)
{
	struct virtqueue *q = &queue(u, RECEIVE)->vq;
	struct stream *s = &u->in;

	u->starved = false;
	if (usable(u, RECEIVE))
		vq_hold_kicks(q);
	while (s->end - s->begin >= LENGTH) {
		size_t n = frame_length(s);

		if (n < ETH_HLEN || n > NET_MAX_FRAME) {
			lost(u, "passt sends a frame of a length that none has");
			return;
		}
		if (s->end - s->begin < LENGTH + n)
			break;
		/* One that is too large for the guest's buffers is lost; without a driver all are. */
		if (usable(u, RECEIVE) && net_receive(q, &u->chain, s->data + s->begin + LENGTH, n,
						      u->mergeable, 0) == NET_NO_ROOM) {
			broken(u, RECEIVE);
			u->starved = u->running;
			if (u->starved)
				break;
			continue;
		}
		s->begin += LENGTH + n;
	}
	if (usable(u, RECEIVE))
		tell(u, RECEIVE);
}

static void receive(struct user *u)
{
	struct stream *s = &u->in;
	ssize_t n;

	memmove(s->data, s->data + s->begin, s->end - s->begin);
	s->end -= s->begin;
	s->begin = 0;
	n = recv(u->sock, s->data + s->end, BUFFER - s->end, MSG_DONTWAIT);
	if (n > 0) {
		s->end += n;
		deliver(u);
	} else if (!n) {
		lost(u, "passt has ended");
	} else if (errno != EAGAIN && errno != EINTR) {
		lost(u, socket_error(errno));
	}
}

/* --- from the guest to passt --- */

/* As many frames as there is room for. False: there is none, and the driver tells of the next. */
static bool collect(struct user *u)
{
	struct virtqueue *q = &queue(u, TRANSMIT)->vq;
	struct stream *s = &u->out;

	vq_hold_kicks(q);
	for (int i = 0; i < VQ_SIZE && BUFFER - s->end >= LENGTH + NET_MAX_FRAME; i++) {
		uint8_t *p = s->data + s->end;
		size_t n = net_transmit(q, &u->chain, p + LENGTH);

		if (!n)
			return s->end || vq_want_kicks(q);
		if (!u->linked)
			continue;
		p[0] = n >> 24;
		p[1] = n >> 16;
		p[2] = n >> 8;
		p[3] = n;
		s->end += LENGTH + n;
	}
	return true;
}

/* False: the socket takes no more at present. */
static bool flush(struct user *u)
{
	struct stream *s = &u->out;

	while (s->begin < s->end) {
		/* what is left of one that was begun, or the next as a whole */
		size_t rest = s->rest ? s->rest : LENGTH + frame_length(s);
		ssize_t n = send(u->sock, s->data + s->begin, rest, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n >= 0) {
			s->begin += n;
			s->rest = rest - n;
		} else if (errno == EAGAIN) {
			return false;
		} else if (errno != EINTR) {
			lost(u, socket_error(errno));
		}
	}
	s->begin = s->end = 0;
	return true;
}

static void transmit(struct user *u)
{
	bool more = true;

	for (int turn = 0; turn < TURNS && more; turn++) {
		if (!flush(u) || !usable(u, TRANSMIT))
			return;
		more = collect(u);
		tell(u, TRANSMIT);
		broken(u, TRANSMIT);
	}
	/* Others want to be served as well. */
	if (more)
		msi_signal(queue(u, TRANSMIT)->kick);
}

/* --- the thread --- */

/* False: the VM is at its end. */
static bool obey(struct user *u)
{
	struct net *n = u->net;
	bool go_on;

	pthread_mutex_lock(&n->virtio.v->bus.lock);
	if (u->asked == START) {
		u->running = true;
		u->mergeable = n->virtio.accepted & BIT(VIRTIO_NET_F_MRG_RXBUF);
	} else if (u->asked == STOP) {
		u->running = false;
		virtio_stopped(&n->virtio);
	}
	u->asked = NOTHING;
	go_on = !u->quit;
	pthread_mutex_unlock(&n->virtio.v->bus.lock);
	return go_on;
}

static void take_count(int fd)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0)
		return;		/* it did not count */
}

static void *serve(void *arg)
{
	struct user *u = arg;

	for (;;) {
		bool room = u->in.end - u->in.begin < BUFFER && !u->starved;
		struct pollfd f[] = {
			{ .fd = u->control, .events = POLLIN },
			{ .fd = u->starved ? queue(u, RECEIVE)->kick : -1, .events = POLLIN },
			/* What the socket does not take is waited for there. */
			{ .fd = u->running && !u->out.end ? queue(u, TRANSMIT)->kick : -1, .events = POLLIN },
			{ .fd = room || u->out.end ? u->sock : -1,
			  .events = (room ? POLLIN : 0) | (u->out.end ? POLLOUT : 0) },
		};

		if (poll(f, sizeof(f) / sizeof(f[0]), -1) < 0)
			continue;
		if (f[0].revents) {
			take_count(u->control);
			if (!obey(u))
				return NULL;
			deliver(u);
			transmit(u);
			continue;
		}
		if (f[1].revents) {
			take_count(f[1].fd);
			deliver(u);
		}
		if (f[2].revents)
			take_count(f[2].fd);
		if (f[2].revents || (f[3].revents & POLLOUT))
			transmit(u);
		if (u->linked && room && (f[3].revents & ~POLLOUT))
			receive(u);
	}
}

/* --- the device --- */

static void ask(struct net *n, enum asked asked)
{
	struct user *u = n->behind;

	u->asked = asked;
	msi_signal(u->control);
}

static void user_start(struct net *n)
{
	ask(n, START);
}

static void user_stop(struct net *n)
{
	ask(n, STOP);
}

static int user_open(const struct net_config *cfg, const char *name, const struct net_ports *ports, struct net_parts *p)
{
	(void)cfg;
	p->sock = passt_start(name, ports, &p->process, &p->pid);
	return p->sock < 0 ? -1 : 0;
}

static int user_make(struct net *n)
{
	struct user *u = calloc(1, sizeof(*u));

	if (!u)
		abort();
	n->behind = u;
	u->net = n;
	u->sock = n->parts.sock;
	n->parts.sock = -1;	/* the thread may close it */
	u->linked = true;
	u->control = eventfd(0, EFD_CLOEXEC);
	if (u->control < 0) {
		error("%s: cannot make an eventfd: %s", n->name, strerror(errno));
		return -1;
	}
	n->pairs = 1;
	n->mtu = NET_MAX_MTU;
	n->features = BIT(VIRTIO_NET_F_MRG_RXBUF);
	return 0;
}

static int user_attach(struct net *n)
{
	struct user *u = n->behind;

	confine_keep(u->control);
	confine_keep(u->sock);
	confine_keep(n->parts.process);
	u->thread = (struct thread){ .kind = THREAD_NET, .own = u->sock, .file = -1, .run = serve, .arg = u };
	return thread_create(n->virtio.v, &u->thread);
}

static void user_leave(struct net *n)
{
	struct user *u = n->behind;

	u->quit = true;
	msi_signal(u->control);
}

static void user_finish(struct net *n)
{
	struct user *u = n->behind;

	thread_join(&u->thread);
	passt_end(n->name, u->sock, n->parts.process);
	n->parts.process = -1;
	if (u->control >= 0)
		close(u->control);
	free(u);
}

const struct net_backend net_user = {
	.open = user_open, .make = user_make, .attach = user_attach, .start = user_start, .stop = user_stop,
	.leave = user_leave, .finish = user_finish,
};
