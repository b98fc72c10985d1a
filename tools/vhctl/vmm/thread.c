// SPDX-License-Identifier: GPL-2.0-only
/* thread.c - threads, which are confined before they do anything. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "vhctl.h"
#include "vmm/confine.h"
#include "vmm/thread.h"
#include "vmm/vmm.h"

/* No thread wants more, and what is less than a large page does not become one. */
#define STACK	(1UL << 20)

static struct thread *waiting;	/* for threads_start(), which is called before there are others */

static bool is_vcpu(const struct thread *t)
{
	return t->kind == THREAD_VCPU || t->kind == THREAD_SPARE;
}

/* It says its name itself: others would have to open a file for that. */
static void *begin(void *arg)
{
	struct thread *t = arg;
	char name[16];

	snprintf(name, sizeof(name), is_vcpu(t) ? "%s %d" : "%s", confine_name(t->kind), t->number);
	prctl(PR_SET_NAME, name, 0, 0, 0);
	if (!confine_thread(t->v, t->filter))
		return t->run(t->arg);
	vmm_stop(t->v, EXIT_ERROR, NULL);	/* it has told */
	return NULL;
}

/**
 * thread_start - start a thread
 * @v: the VM; if it is to be confined, it is
 * @t: the thread; of a vCPU it gets signals as its creator does, others have none but SIGBUS
 *
 * 0, or -1, told.
 */
int thread_start(struct vmm *v, struct thread *t)
{
	pthread_attr_t small;
	sigset_t all, old;
	int err;

	t->v = v;
	t->filter = confine_filter(v, t->kind, t->own, t->file);
	if (!t->filter)
		return -1;
	sigfillset(&all);
	sigdelset(&all, SIGBUS);	/* of memory that is gone: pmem.c */
	pthread_sigmask(is_vcpu(t) ? SIG_UNBLOCK : SIG_SETMASK, is_vcpu(t) ? NULL : &all, &old);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, STACK);
	err = pthread_create(&t->id, &small, begin, t);
	pthread_attr_destroy(&small);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err) {
		error("%s: cannot start a thread: %s", confine_name(t->kind), strerror(err));
		return -1;
	}
	t->started = true;
	return 0;
}

/**
 * thread_create - a thread, which starts as soon as it may
 * @v: the VM
 * @t: the thread; as long as it has not ended it stays where it is
 *
 * 0, or -1, told.
 */
int thread_create(struct vmm *v, struct thread *t)
{
	struct thread **at = &waiting;

	if (v->running)
		return thread_start(v, t);
	while (*at)
		at = &(*at)->next;
	t->next = NULL;
	*at = t;
	return 0;
}

/**
 * threads_start - all threads that there are so far
 * @v: the VM; if it is to be confined, it is
 *
 * 0, or -1, told.
 */
int threads_start(struct vmm *v)
{
	while (waiting) {
		struct thread *t = waiting;

		waiting = t->next;
		if (thread_start(v, t))
			return -1;
	}
	return 0;
}

/**
 * thread_join - wait for a thread's end
 * @t: the thread, which may not have been started
 */
void thread_join(struct thread *t)
{
	if (t->started)
		pthread_join(t->id, NULL);
	t->started = false;
}
