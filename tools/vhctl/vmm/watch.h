/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * watch.h - what happens now and then: kicks of control queues, what kernel backends find wrong, the
 * host's interfaces that come and go. One thread waits for all of it, and calls with bus->lock held.
 */
#ifndef WATCH_H
#define WATCH_H

#include <stdbool.h>

struct vmm;

/**
 * struct watch - what is waited for; bus->lock
 * @fd: an eventfd, or a socket of messages of which only that they come matters; it does not block
 * @ready: called when it has been signalled, or a message has come; that has been taken then
 * @on: it is waited for
 */
struct watch {
	int fd;
	void (*ready)(struct watch *w);
	bool on;
};

int watch_create(struct vmm *v);
int watch_begin(struct vmm *v);
void watch_on(struct watch *w);
void watch_off(struct watch *w);
void watch_finish(struct vmm *v);

#endif /* WATCH_H */
