/* SPDX-License-Identifier: GPL-2.0-only */
/* lists.h - between the lists (lists.c) and the threads' filters (confine.c). */
#ifndef LISTS_H
#define LISTS_H

#include <seccomp.h>

#include "vmm/thread.h"

struct vmm;

/* Which descriptor a call has as its first argument. */
enum which {
	ANY,		/* any, or it has none */
	OWN,		/* the one that the thread is there for: its vCPU, its ring, its socket */
	SERVED,		/* the file that it serves */
	VM,
	ITSELF,		/* no descriptor: the process */
	LISTENER,	/* the console's socket */
	CHANNEL,	/* to supervise.c */
	WHICH_ALL
};

/* They stand in a filter that is made once for each kind, until fill() puts the thread's own there. */
#define PLACE(which)	(0x7fa0de00u + (which))

scmp_filter_ctx list_make(const struct vmm *v, enum thread_kind kind);

#endif /* LISTS_H */
