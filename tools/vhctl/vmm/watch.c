// SPDX-License-Identifier: GPL-2.0-only
/* watch.c - one thread for all that happens now and then. */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vhctl.h"
#include "vmm/confine.h"
#include "vmm/msi.h"
#include "vmm/thread.h"
#include "vmm/vmm.h"
#include "vmm/watch.h"

static int epoll_fd = -1, end_fd = -1;	/* const while the thread runs */
static struct thread thread;
static bool begun;			/* of who makes devices */

static void *serve(void *arg)
{
	struct vmm *v = arg;

	for (;;) {
		struct epoll_event e;
		struct watch *w;
		uint64_t count;		/* or the beginning of a message */

		if (epoll_wait(epoll_fd, &e, 1, -1) != 1)
			continue;
		w = e.data.ptr;
		if (!w)
			return NULL;
		pthread_mutex_lock(&v->bus.lock);
		/* Meanwhile it may have been turned off, and its count taken. */
		if (w->on && read(w->fd, &count, sizeof(count)) > 0)
			w->ready(w);
		pthread_mutex_unlock(&v->bus.lock);
	}
}

static bool add(int fd, struct watch *w)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = w };

	return !epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
}

/**
 * watch_create - what the thread waits by
 * @v: the VM
 *
 * Before it is confined; watch_begin() is for the thread. 0, or -1, told.
 */
int watch_create(struct vmm *v)
{
	(void)v;
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (epoll_fd < 0 || end_fd < 0 || !add(end_fd, NULL)) {
		error("cannot wait for events: %s", strerror(errno));
		return -1;
	}
	confine_keep(epoll_fd);
	confine_keep(end_fd);
	return 0;
}

/**
 * watch_begin - there is something to wait for
 * @v: the VM; nothing is done where the thread is there, or waits to be started
 *
 * In the thread that makes devices. 0, or -1, told.
 */
int watch_begin(struct vmm *v)
{
	int err;

	if (begun)
		return 0;
	thread = (struct thread){ .kind = THREAD_WATCH, .own = epoll_fd, .file = -1, .run = serve, .arg = v };
	err = thread_create(v, &thread);
	begun = !err;
	return err;
}

/**
 * watch_on - wait for it
 * @w: nothing happens if it is waited for already
 *
 * bus->lock is held.
 */
void watch_on(struct watch *w)
{
	w->on = w->on || add(w->fd, w);
}

/**
 * watch_off - do not wait for it any more
 * @w: what an eventfd has counted is forgotten
 *
 * bus->lock is held: nobody is called when this is back.
 */
void watch_off(struct watch *w)
{
	uint64_t count;

	if (!w->on)
		return;
	epoll_ctl(epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
	w->on = false;
	if (read(w->fd, &count, sizeof(count)) < 0)
		return;		/* there was nothing */
}

/**
 * watch_finish - the VM is at its end, and so is the thread
 * @v: the VM; bus->lock is not held
 */
void watch_finish(struct vmm *v)
{
	(void)v;
	if (epoll_fd < 0)
		return;
	msi_signal(end_fd);
	thread_join(&thread);
	close(epoll_fd);
	close(end_fd);
	epoll_fd = -1;
}
