/* SPDX-License-Identifier: GPL-2.0-only */
/* vhctl.h - shared by the subcommands. */
#ifndef VHCTL_H
#define VHCTL_H

#include <stdarg.h>
#include <stdint.h>

/* Exit statuses; vhctl(8) documents them. */
enum {
	EXIT_OK = 0,		/* done; run: the guest powered off */
	EXIT_ERROR = 1,		/* could not be done */
	EXIT_USAGE = 2,
	EXIT_GUEST_RESET = 3,	/* run: the guest asked for a reset */
	EXIT_GUEST_CRASH = 4,	/* run: triple fault, failed entry, emulation failure */
	EXIT_QUIT = 5,		/* run: ended by Ctrl-A x or a signal */
};

/**
 * struct command - a subcommand
 * @name: as typed
 * @run: argv[0] is the name; returns an exit status
 * @summary: one line for the help
 */
struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
};

int cmd_run(int argc, char **argv);
int cmd_version(int argc, char **argv);

/* "vhctl: " and the message, on stderr. */
void error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif /* VHCTL_H */
