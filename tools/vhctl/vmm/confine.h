/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * confine.h - with --confine, the VMM is confined before its guest's first instruction.
 *
 *   supervise.c  the VMM is a process of its own, watched by the one that was started
 *   jail.c       what that process has: descriptors, namespaces, a root, capabilities, limits
 *   confine.c    what each of its threads may call: a list for each kind
 *
 * docs/security.md says what is left to reach.
 */
#ifndef CONFINE_H
#define CONFINE_H

#include <stdbool.h>
#include <sys/types.h>

struct filter;
struct vmm;

/* Kinds of threads, each with a list of what it may call. */
enum thread_kind { THREAD_MAIN, THREAD_VCPU, THREAD_DISK, THREAD_CLOCK };

/* jail.c; 0, or -1, told */
void confine_keep_from_now(void);
void confine_keep(int fd);
int confine_process(struct vmm *v);
int jail_spare(int n);

/* confine.c; 0, or -1, told */
struct filter *confine_filter(struct vmm *v, enum thread_kind kind, int own, int file);
int confine_thread(struct filter *f);
int confine_wait(struct vmm *v, int threads);
int confine_main(struct vmm *v);
void confine_open(bool run);
bool confine_gate(void);

#endif /* CONFINE_H */
