/* SPDX-License-Identifier: GPL-2.0-only */
/* thread.h - threads of devices: signals are the main thread's. */
#ifndef THREAD_H
#define THREAD_H

#include <pthread.h>
#include <signal.h>
#include <stddef.h>

/*
 * As pthread_create(), with all signals blocked in it but that of memory that is gone (pmem.c); @name: at most
 * 15 characters, NULL: it has its own.
 */
static inline int thread_start(pthread_t *thread, const char *name, void *(*function)(void *), void *arg)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	sigdelset(&all, SIGBUS);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(thread, NULL, function, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!err && name)
		pthread_setname_np(*thread, name);
	return err;
}

#endif /* THREAD_H */
