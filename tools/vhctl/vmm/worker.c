// SPDX-License-Identifier: GPL-2.0-only
/* worker.c - a device's thread, which sleeps until a queue is kicked, or somebody else wakes it. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vhctl.h"
#include "vmm/confine.h"
#include "vmm/virtio.h"
#include "vmm/vmm.h"
#include "vmm/worker.h"

#define MAX_QUEUES	8

static bool taken(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count);
}

/* Queues are taken up, or given back. False: that was all. */
static bool obey(struct worker *w)
{
	struct virtio *d = w->d;
	bool start, quit;

	pthread_mutex_lock(&d->v->bus.lock);
	start = w->asked == WORKER_START;
	if (start)
		w->active = true;
	if (w->asked == WORKER_STOP) {
		w->active = false;
		virtio_stopped(d);
	}
	w->asked = WORKER_NOTHING;
	quit = w->quit;
	pthread_mutex_unlock(&d->v->bus.lock);
	for (int i = 0; start && !quit && i < d->queues; i++)
		if (d->queue[i].vq.enabled)
			w->serve(d, i);
	return !quit;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct virtio *d = w->d;
	struct pollfd fds[MAX_QUEUES + 1];
	int i;

	for (i = 0; i < d->queues; i++)
		fds[i] = (struct pollfd){ .fd = d->queue[i].kick, .events = POLLIN };
	fds[i] = (struct pollfd){ .fd = w->wake, .events = POLLIN };
	for (;;) {
		if (poll(fds, d->queues + 1, -1) < 0)
			continue;
		/* First: a queue is touched only while it is this thread's. */
		if (fds[d->queues].revents && taken(w->wake)) {
			if (!obey(w))
				return NULL;
			if (w->woken)
				w->woken(d);
			if (w->active)
				w->serve(d, -1);
		}
		for (i = 0; i < d->queues; i++)
			if (fds[i].revents && taken(d->queue[i].kick) && w->active && d->queue[i].vq.enabled)
				w->serve(d, i);
	}
}

/**
 * worker_create - the thread of a device
 * @w: filled in
 * @d: the device, made by virtio_create() without a function for kicks
 * @kind: of the thread
 * @file: that it serves, -1: none
 * @serve: serves a queue
 *
 * The device's start and stop call worker_ask(). 0, or -1, told.
 */
int worker_create(struct worker *w, struct virtio *d, enum thread_kind kind, int file,
		  void (*serve)(struct virtio *d, int q))
{
	if (d->queues > MAX_QUEUES)
		abort();
	*w = (struct worker){ .d = d, .serve = serve, .wake = eventfd(0, EFD_CLOEXEC) };
	if (w->wake < 0) {
		error("%s: cannot make an eventfd: %s", d->name, strerror(errno));
		return -1;
	}
	confine_keep(w->wake);
	w->thread = (struct thread){ .kind = kind, .own = -1, .file = file, .run = work, .arg = w };
	return thread_create(d->v, &w->thread);
}

/**
 * worker_ask - the driver is ready, or resets the device
 * @w: the thread; bus->lock is held
 * @asked: which
 */
void worker_ask(struct worker *w, enum worker_asked asked)
{
	w->asked = asked;
	worker_wake(w);
}

/**
 * worker_wake - have @serve called for queue -1, if the device runs
 * @w: the thread
 */
void worker_wake(struct worker *w)
{
	msi_signal(w->wake);
}

/**
 * worker_finish - end the thread; what it does is done first
 * @w: the thread; bus->lock is not held
 */
void worker_finish(struct worker *w)
{
	pthread_mutex_lock(&w->d->v->bus.lock);
	w->quit = true;
	pthread_mutex_unlock(&w->d->v->bus.lock);
	worker_wake(w);
	thread_join(&w->thread);
	close(w->wake);
}
