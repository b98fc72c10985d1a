/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * daemon.h - a program that serves a device of a VM's over a socket: a child of this process, or of the one that waits for
 * it, in its cgroup, which dies with it.
 */
#ifndef DAEMON_H
#define DAEMON_H

#include <stddef.h>
#include <sys/types.h>

#define DAEMON_FD	3	/* of the program: the socket on which a connection waits for it */
#define DAEMON_NOT_THERE 127	/* exit status of a child that finds no program, and of one that */
#define DAEMON_NOT_RUN	126	/* cannot run it */

/**
 * struct daemon - the program
 * @pid: its process, of this one's children; 0: another process has started it
 * @pidfd: the same
 * @said: what it writes to its standard error
 */
struct daemon {
	pid_t pid;
	int pidfd, said;
};

/**
 * struct daemon_kind - which program, and what it has of the host
 * @argv: its arguments; the first is its name
 * @namespaces: CLONE_NEW*, which it has of its own; with a PID namespace all that it starts is gone when it is
 * @map: of @namespaces: gives its ids to the user namespace that it takes without root, 0 or -1, told
 * @enter: in the child, before it is the program: 0, or -1, said on standard error. Takes no lock
 * @arg: of @enter
 */
struct daemon_kind {
	char *const *argv;
	int namespaces;
	int (*map)(pid_t child);
	int (*enter)(const void *arg);
	const void *arg;
};

int daemon_start(struct daemon *d, const struct daemon_kind *k, int *fd);
void daemon_close(struct daemon *d);
void daemon_stop(struct daemon *d);
int daemon_kill(struct daemon *d, char *text, size_t size);
int daemon_end(struct daemon *d, int signal, char *text, size_t size);

#endif /* DAEMON_H */
