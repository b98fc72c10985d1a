/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * thread.h - the VMM's threads. A device makes its own when it is made, and says what the thread has: which
 * list of calls (confine.c), and which descriptors there. It starts when all that the VMM opens is open and the
 * process is confined, or at once if the guest runs already.
 */
#ifndef THREAD_H
#define THREAD_H

#include <pthread.h>
#include <stdbool.h>

struct filter;
struct vmm;

/* Kinds of threads, each with a name and a list of what it may call: a line each in lists.c. */
enum thread_kind {
	THREAD_MAIN, THREAD_VCPU, THREAD_SPARE, THREAD_DISK, THREAD_CLOCK, THREAD_WATCH, THREAD_NET, THREAD_BALLOON, THREAD_HVC,
	THREAD_SHARE, THREAD_PMEM, THREAD_MEM, THREAD_WATCHDOG, THREAD_CONTROL, THREAD_KINDS
};

/**
 * struct thread - a thread that is to be, or is
 * @kind: what it may call
 * @own: the descriptor that it is there for, -1: none
 * @file: a file's that it serves, -1: none
 * @number: of vCPUs, behind the name
 * @run: what it does, with @arg
 *
 * The rest is thread.c's.
 */
struct thread {
	enum thread_kind kind;
	int own, file, number;
	void *(*run)(void *arg);
	void *arg;

	struct vmm *v;
	pthread_t id;
	bool started;
	struct filter *filter;
	struct thread *next;
};

int thread_create(struct vmm *v, struct thread *t);
int thread_start(struct vmm *v, struct thread *t);
int threads_start(struct vmm *v);
void thread_join(struct thread *t);

#endif /* THREAD_H */
