/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * confine.h - the VMM is confined before its guest's first instruction.
 *
 *   supervise.c  the VMM is a process of its own, watched by the one that was started
 *   relay.c      which is asked in its place, and opens what is plugged in while it runs
 *   jail.c       what that process has: descriptors, namespaces, a root, capabilities, limits
 *   lists.c      what each of its threads may call: a list for each kind, a line in a table
 *   confine.c    that they can call nothing else: each thread's filter
 *
 * A new device opens what it needs when it is made, has each descriptor that is to stay in confine_keep(), and says
 * which kind its thread is of (thread.h).
 *
 * docs/security.md says what is left to reach.
 */
#ifndef CONFINE_H
#define CONFINE_H

#include <stdbool.h>
#include <sys/types.h>

#include "vmm/thread.h"

struct filter;
struct vmm;

/* jail.c; 0, or -1, told */
void confine_keep_from_now(void);
void confine_keep(int fd);
int confine_process(struct vmm *v);
int jail_spare(int n);

/* confine.c; 0, or -1, told */
struct filter *confine_filter(struct vmm *v, enum thread_kind kind, int own, int file);
int confine_thread(struct vmm *v, struct filter *f);
int confine_wait(struct vmm *v);
int confine_main(struct vmm *v);
void confine_open(bool run);
bool confine_gate(void);
bool confine_can_plug(void);
const char *confine_name(enum thread_kind kind);	/* lists.c */

#endif /* CONFINE_H */
