/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * worker.h - a thread that serves the queues of a virtio device: what takes long, or has to wait, is
 * done there and not in a vCPU.
 */
#ifndef WORKER_H
#define WORKER_H

#include <stdbool.h>

#include "vmm/thread.h"

struct virtio;

enum worker_asked { WORKER_NOTHING, WORKER_START, WORKER_STOP };

/**
 * struct worker - the thread
 * @d: its device; const, as the next four are
 * @serve: serve queue @q, which may have something; -1: somebody called worker_wake(). Not held: bus->lock
 * @woken: the same call was made, whether the driver is ready or not; or NULL. Not held: bus->lock
 * @wake: eventfd
 * @thread: the thread
 * @asked: what it has to obey; bus->lock, as the next one
 * @quit: it is to end
 * @active: the queues are the thread's; its own
 */
struct worker {
	struct virtio *d;
	void (*serve)(struct virtio *d, int q);
	void (*woken)(struct virtio *d);
	int wake;
	struct thread thread;
	enum worker_asked asked;
	bool quit, active;
};

int worker_create(struct worker *w, struct virtio *d, enum thread_kind kind, int file,
		  void (*serve)(struct virtio *d, int q));
void worker_ask(struct worker *w, enum worker_asked asked);
void worker_wake(struct worker *w);
void worker_finish(struct worker *w);

#endif /* WORKER_H */
