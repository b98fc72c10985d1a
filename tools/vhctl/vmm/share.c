// SPDX-License-Identifier: GPL-2.0-only
/*
 * share.c - a folder of the host's that the guest can mount (Virtual I/O Device Version 1.2, 5.11): a virtiofsd serves
 * the queues.
 *
 * A thread talks to it, so that nobody waits for it who has the bus. While virtiofsd is there nothing here looks
 * at the queues. When it is gone, the thread answers for it that it is, so that the guest's programs do not wait
 * for ever.
 */
#include <errno.h>
#include <linux/fuse.h>
#include <linux/virtio_fs.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vhctl.h"
#include "vmm/confine.h"
#include "vmm/daemon.h"
#include "vmm/share.h"
#include "vmm/thread.h"
#include "vmm/vhost_user.h"
#include "vmm/virtio.h"
#include "vmm/vmm.h"

#define QUEUES	2		/* what has not to wait; requests: virtiofsd has one queue for them */

enum asked { NOTHING, START, STOP };

struct share {
	struct virtio virtio;
	struct virtio_fs_config config;		/* const, as the next three are */
	const struct share_config *cfg;
	char name[160];
	struct share *next;
	struct thread thread;
	int wake;

	enum asked asked;			/* bus.lock, as the next two are */
	uint32_t vectors;			/* queues whose interrupts go elsewhere now */
	bool quit;

	/* The thread's */
	struct daemon daemon;
	struct vhost_user user;
	bool active, lost, deaf;		/* the queues are served, virtiofsd is gone, has nothing more to say */
	int complaints;
	struct vq_chain chain;
};

static struct share *shares;	/* const while vCPUs run */

/* --- in place of a virtiofsd that is gone --- */

/* Copies between a chain's buffers and what is here, as far as there is room. False: there is not. */
static bool copy(const struct iovec *iov, int n, void *here, size_t size, bool in)
{
	char *p = here;

	for (int i = 0; i < n && size; i++) {
		size_t part = iov[i].iov_len < size ? iov[i].iov_len : size;

		memcpy(in ? iov[i].iov_base : p, in ? p : iov[i].iov_base, part);
		p += part;
		size -= part;
	}
	return !size;
}

/* What the guest's programs get of it is ENOTCONN, as of a file system in user space that has ended. */
static uint32_t answer(const struct vq_chain *c)
{
	struct fuse_out_header out = { .len = sizeof(out), .error = -ENOTCONN };
	struct fuse_in_header in;

	/* Of what is only told there is no answer. */
	if (!c->in || !copy(c->iov, c->out, &in, sizeof(in), false))
		return 0;
	out.unique = in.unique;
	return copy(c->iov + c->out, c->in, &out, sizeof(out), true) ? sizeof(out) : 0;
}

static void serve(struct share *s, int n, bool always)
{
	struct virtio *d = &s->virtio;
	struct virtqueue *q = &d->queue[n].vq;

	do {
		while (vq_pop(q, &s->chain))
			vq_push(q, s->chain.head, answer(&s->chain));
	} while (vq_want_kicks(q));
	if (q->broken)
		virtio_broken(d, q->broken);
	if (vq_wants_interrupt(q) || always)
		virtio_interrupt(d, n);
}

/* It has answered in turn: what is not answered comes next. Whether the guest was told of the last ones nobody knows. */
static void take_over(struct share *s)
{
	for (int i = 0; i < QUEUES; i++) {
		struct virtqueue *q = &s->virtio.queue[i].vq;

		if (!q->enabled)
			continue;
		q->next = q->done = q->told = __atomic_load_n(&((struct vring_used *)q->device)->idx, __ATOMIC_ACQUIRE);
		serve(s, i, true);
	}
}

/* --- the thread --- */

static bool taken(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count);
}

static void hear(struct share *s)
{
	char text[1024];
	ssize_t n = read(s->daemon.said, text, sizeof(text) - 1);

	s->deaf = n <= 0;
	text[n > 0 ? n : 0] = 0;
	if (n > 0 && may_complain(&s->complaints))
		virtiofsd_say(s->cfg->dir, text);
}

/* Nothing of it is left when this is back: the memory is the guest's again. */
static void lose(struct share *s)
{
	char text[1024];

	daemon_stop(&s->daemon);
	daemon_kill(&s->daemon, text, sizeof(text));
	virtiofsd_say(s->cfg->dir, text);
	error("%s: virtiofsd is lost: %s; all that the guest asks of it fails from now on", s->cfg->dir, s->user.why);
	vhost_user_close(&s->user);
	s->lost = true;
	if (s->active)
		take_over(s);
}

static void start_queues(struct share *s)
{
	s->active = true;
	if (s->lost)
		take_over(s);
	else if (vhost_user_start(&s->user, &s->virtio))
		lose(s);
}

static void stop_queues(struct share *s)
{
	if (s->active && !s->lost && vhost_user_stop(&s->user, &s->virtio)) {
		s->active = false;
		lose(s);
	}
	s->active = false;
	pthread_mutex_lock(&s->virtio.v->bus.lock);
	virtio_stopped(&s->virtio);
	pthread_mutex_unlock(&s->virtio.v->bus.lock);
}

static void move_interrupts(struct share *s, uint32_t vectors)
{
	for (int i = 0; i < QUEUES; i++)
		if (vectors >> i & 1 && s->active && !s->lost && s->virtio.queue[i].vq.enabled &&
		    vhost_user_vector(&s->user, &s->virtio, i))
			lose(s);
}

/* False: that was all. */
static bool obey(struct share *s)
{
	pthread_mutex_t *lock = &s->virtio.v->bus.lock;
	enum asked asked;
	uint32_t vectors;
	bool quit;

	pthread_mutex_lock(lock);
	asked = s->asked;
	vectors = s->vectors;
	quit = s->quit;
	s->asked = NOTHING;
	s->vectors = 0;
	pthread_mutex_unlock(lock);
	if (quit)
		return false;
	if (asked == START)
		start_queues(s);
	else if (asked == STOP)
		stop_queues(s);
	move_interrupts(s, vectors);
	return true;
}

/* It has ended, or says what nobody has asked for. */
static void unasked(struct share *s)
{
	char c;

	s->user.why = recv(s->user.fd, &c, 1, MSG_DONTWAIT | MSG_PEEK) > 0 ? "it speaks unasked" : "it has ended";
	lose(s);
}

static void *work(void *arg)
{
	struct share *s = arg;
	const struct virtio_queue *q = s->virtio.queue;

	for (;;) {
		struct pollfd fds[3 + QUEUES] = {
			{ s->wake, POLLIN, 0 },
			{ s->lost ? -1 : s->user.fd, POLLIN, 0 },
			{ s->lost || s->deaf ? -1 : s->daemon.said, POLLIN, 0 },
		};

		/* As long as it is there, kicks are for it. */
		for (int i = 0; i < QUEUES; i++)
			fds[3 + i] = (struct pollfd){ s->lost && s->active ? q[i].kick : -1, POLLIN, 0 };
		if (poll(fds, 3 + QUEUES, -1) < 0)
			continue;
		/* Last words first */
		if (fds[2].revents)
			hear(s);
		if (fds[1].revents)
			unasked(s);
		for (int i = 0; i < QUEUES; i++)
			if (fds[3 + i].revents && taken(q[i].kick) && q[i].vq.enabled)
				serve(s, i, false);
		if (fds[0].revents && taken(s->wake) && !obey(s))
			return NULL;
	}
}

/* --- the device; bus->lock is held --- */

static void ask(struct share *s, enum asked asked)
{
	s->asked = asked;
	msi_signal(s->wake);
}

static void start(struct virtio *d)
{
	ask((struct share *)d, START);
}

static void stop(struct virtio *d)
{
	ask((struct share *)d, STOP);
}

static void vector(struct virtio *d, int q)
{
	struct share *s = (struct share *)d;

	s->vectors |= 1u << q;
	msi_signal(s->wake);
}

static const struct virtio_ops ops = { .start = start, .stop = stop, .vector = vector };

/* --- making one --- */

static int make_device(struct vmm *v, struct share *s)
{
	struct virtio_kind kind = {
		.name = s->name, .type = VIRTIO_ID_FS, .class = 0x018000, .queues = QUEUES,
		.config = &s->config, .config_size = sizeof(s->config),
	};

	snprintf(s->name, sizeof(s->name), "share %s", s->cfg->dir);
	memcpy(s->config.tag, s->cfg->tag, strlen(s->cfg->tag));
	s->config.num_request_queues = QUEUES - 1;
	if (virtio_create(v, &s->virtio, &ops, &kind))
		return -1;
	/* Of queues the other side decides. */
	s->virtio.offered &= s->user.features;
	s->wake = eventfd(0, EFD_CLOEXEC);
	if (s->wake < 0) {
		error("%s: cannot make an eventfd: %s", s->name, strerror(errno));
		return -1;
	}
	confine_keep(s->wake);
	confine_keep(s->user.fd);
	confine_keep(s->user.nobody);
	confine_keep(s->daemon.said);
	confine_keep(s->daemon.pidfd);
	s->thread = (struct thread){ .kind = THREAD_SHARE, .own = s->user.fd, .file = -1, .run = work, .arg = s };
	return thread_create(v, &s->thread);
}

/**
 * share_create - a folder for the guest
 * @v: the VM, with a PCI host and memory that can be shared
 * @cfg: which
 *
 * 0, or -1, told.
 */
int share_create(struct vmm *v, const struct share_config *cfg)
{
	struct share *s = calloc(1, sizeof(*s));
	int fd;

	if (!s)
		abort();
	s->cfg = cfg;
	if (virtiofsd_start(&s->daemon, cfg, &fd)) {
		free(s);
		return -1;
	}
	if (vhost_user_greet(&s->user, fd)) {
		virtiofsd_failed(&s->daemon, cfg, s->user.why);
	} else if (!make_device(v, s)) {
		s->next = shares;
		shares = s;
		return 0;
	} else {
		daemon_kill(&s->daemon, (char [1]){ }, 1);
	}
	vhost_user_close(&s->user);
	free(s);
	return -1;
}

static void finish(struct share *s)
{
	char text[1024];

	pthread_mutex_lock(&s->virtio.v->bus.lock);
	s->quit = true;
	pthread_mutex_unlock(&s->virtio.v->bus.lock);
	msi_signal(s->wake);
	thread_join(&s->thread);
	if (s->lost)
		return;
	vhost_user_close(&s->user);	/* that is its end */
	if (daemon_end(&s->daemon, 0, text, sizeof(text)))
		error("%s: virtiofsd does not end; it is killed", s->cfg->dir);
	/* What it says of its end, it says of each. */
}

/**
 * shares_finish - vCPUs have ended: so do the threads, and what serves the folders
 */
void shares_finish(void)
{
	for (struct share *s = shares; s; s = s->next)
		finish(s);
	shares = NULL;
}
