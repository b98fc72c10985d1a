/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * intruder.h - a process that acts as who has broken into a VMM: it makes the VMM's threads call what it
 * likes (ptrace(2), as root), and says what came of it.
 */
#ifndef INTRUDER_H
#define INTRUDER_H

#include <stdbool.h>
#include <sys/types.h>

/**
 * struct target - a VM of vhctl run, whose threads are confined
 * @started: the process that was started
 * @vmm: its child, if it has one; else itself
 */
struct target {
	pid_t started, vmm;
	bool confined;
};

/* main.c */
void die(const char *what, ...) __attribute__((format(printf, 1, 2), noreturn));
/* The first of its children, or 0. */
pid_t child_of(pid_t pid);
/* The kinds of threads: the name in lists, that of the thread, its bit among BY_*. NULL ends it. */
extern const struct kind {
	const char *kind, *name;
	unsigned int bit;
} kinds[];
/* The thread of a name, or 0. */
pid_t thread_named(pid_t pid, const char *name);
/* The n-th descriptor whose link has @part in it, -1: there is none. */
int descriptor(pid_t pid, const char *part, int n);

/* filter.c: what each thread may call, a line for each call and kind of thread */
void list_calls(const struct target *t);

/* state.c: what the process has */
void show_state(const struct target *t);

/* ring.c: what the ring of a disk takes */
void try_ring(const struct target *t);

/* terminal.c: a VM on a terminal */
void try_terminal(char **command);

/* inject.c */
enum outcome { MADE, ENDED };
/* Have a thread call something. @result: what it returned, if the call was made */
enum outcome inject(pid_t tid, long nr, const long *args, bool compat, long *result);
/* Where the thread can have a few bytes of ours. */
long scratch(pid_t tid, const void *data, size_t n);

#endif /* INTRUDER_H */
