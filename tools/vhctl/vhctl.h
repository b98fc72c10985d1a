/* SPDX-License-Identifier: GPL-2.0-only */
/* vhctl.h - shared by the subcommands, which are in cmd/, a file each. */
#ifndef VHCTL_H
#define VHCTL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Exit statuses; vhctl(8) documents them. */
enum {
	EXIT_OK = 0,		/* done; run: the guest powered off */
	EXIT_ERROR = 1,		/* could not be done */
	EXIT_USAGE = 2,
	EXIT_GUEST_RESET = 3,	/* run: the guest asked for a reset */
	EXIT_GUEST_CRASH = 4,	/* run: panic, triple fault, failed entry, emulation failure */
	EXIT_QUIT = 5,		/* run: ended from outside: Ctrl-A x, a signal, vhctl stop or kill */
	EXIT_TIMEOUT = 6,	/* stop: the VM is still there; device rm: the device is */
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

int cmd_attach(int argc, char **argv);
int cmd_cpu(int argc, char **argv);
int cmd_cpus(int argc, char **argv);
int cmd_memory(int argc, char **argv);
int cmd_balloon(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_config(int argc, char **argv);
int cmd_create(int argc, char **argv);
int cmd_destroy(int argc, char **argv);
int cmd_device(int argc, char **argv);
int cmd_exec(int argc, char **argv);
int cmd_exits(int argc, char **argv);
int cmd_group(int argc, char **argv);
int cmd_image(int argc, char **argv);
int cmd_kill(int argc, char **argv);
int cmd_ls(int argc, char **argv);
int cmd_metrics(int argc, char **argv);
int cmd_monitor(int argc, char **argv);
int cmd_pause(int argc, char **argv);
int cmd_ps(int argc, char **argv);
int cmd_rename(int argc, char **argv);
int cmd_resume(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_start(int argc, char **argv);
int cmd_stats(int argc, char **argv);
int cmd_stop(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_user(int argc, char **argv);
int cmd_version(int argc, char **argv);

/* "vhctl: " and the message, on stderr. */
void error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* What this thread has to say goes there from now on, the last of it; NULL: to stderr. */
void error_capture(char *text, size_t size);
/* Milliseconds of CLOCK_MONOTONIC. */
long long now_ms(void);
/* /dev/vh, or what the user named: a descriptor; -1, told. */
int device_open(const char *path);
/* A wrong option or argument: says where the help is. EXIT_USAGE. */
int usage_error(const char *command);

#endif /* VHCTL_H */
