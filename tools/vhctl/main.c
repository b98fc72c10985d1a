// SPDX-License-Identifier: GPL-2.0-only
/* main.c - vhctl: a table of subcommands. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "vhctl.h"

static const struct command commands[] = {
	{ "ls", cmd_ls, "list VMs" },
	{ "ps", cmd_ps, "list VMs that have a VMM" },
	{ "show", cmd_show, "all about VMs" },
	{ "run", cmd_run, "run a VM on this terminal" },
	{ "create", cmd_create, "make a VM that a VMM can attach to later" },
	{ "destroy", cmd_destroy, "remove a VM of create" },
	{ "start", cmd_start, "run a VM of create in the background" },
	{ "attach", cmd_attach, "connect this terminal to the console of a VM of start" },
	{ "stop", cmd_stop, "ask a VM to stop" },
	{ "kill", cmd_kill, "end a VM at once" },
	{ "cpu", cmd_cpu, "what processor VMs can have, and may have to move" },
	{ "cpus", cmd_cpus, "how many vCPUs a VM has, and another number of them" },
	{ "memory", cmd_memory, "how much memory a VM has, and another size of it" },
	{ "balloon", cmd_balloon, "how much memory a guest has, and another size of it" },
	{ "device", cmd_device, "devices of a VM that come and go while it runs" },
	{ "pause", cmd_pause, "let a VM run no more until resume" },
	{ "resume", cmd_resume, "let a paused VM run" },
	{ "rename", cmd_rename, "give a VM a name" },
	{ "top", cmd_top, "VMs by what they use, live" },
	{ "stats", cmd_stats, "counters of a VM and its vCPUs" },
	{ "exits", cmd_exits, "VM exits by reason" },
	{ "monitor", cmd_monitor, "events as they happen" },
	{ "group", cmd_group, "cgroups: usage, limits, totals" },
	{ "user", cmd_user, "users: what they have and may have" },
	{ "config", cmd_config, "descriptions of VMs in files, checked and shown" },
	{ "image", cmd_image, "images of disks, and what was built on them" },
	{ "exec", cmd_exec, "run a program that sees /dev/vh as /dev/kvm" },
	{ "metrics", cmd_metrics, "figures for Prometheus" },
	{ "check", cmd_check, "is this host able to run VMs on vh?" },
	{ "version", cmd_version, "versions of vhctl and of the module" },
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static _Thread_local char *captured;
static _Thread_local size_t captured_size;

void error_capture(char *text, size_t size)
{
	captured = text;
	captured_size = size;
	if (text)
		text[0] = 0;
}

void error(const char *fmt, ...)
{
	va_list ap;

	if (captured) {
		va_start(ap, fmt);
		vsnprintf(captured, captured_size, fmt, ap);
		va_end(ap);
		return;
	}
	fflush(stdout);
	fputs("vhctl: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

int device_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		error("%s: %s%s", path, strerror(errno),
		      errno == ENOENT ? "; load the module: modprobe vh" :
		      errno == EACCES ? "; be a member of group kvm" : "");
	return fd;
}

long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

int usage_error(const char *command)
{
	fprintf(stderr, "'vhctl %s --help' tells how to use it\n", command);
	return EXIT_USAGE;
}

static void usage(FILE *f)
{
	fputs("usage: vhctl COMMAND [OPTIONS]\n\ncommands:\n", f);
	for (unsigned int i = 0; i < NR_COMMANDS; i++)
		fprintf(f, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\nA VM is named by its id, name or UUID; a domain of libvirt by that of its cgroup, too.\n'vhctl COMMAND --help' tells more, vhctl(8) all.\n",
	      f);
}

int main(int argc, char **argv)
{
	char help[] = "--help", *ask[] = { argv[0], argc > 2 ? argv[2] : NULL, help, NULL };

	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    (!strcmp(argv[1], "help") && argc < 3)) {
		usage(stdout);
		return EXIT_OK;
	}
	if (!strcmp(argv[1], "help")) {
		argv = ask;
		argc = 3;
	}
	if (!strcmp(argv[1], "--version"))
		argv[1] = "version";
	if (!strcmp(argv[1], "list"))
		argv[1] = "ls";
	for (unsigned int i = 0; i < NR_COMMANDS; i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	error("unknown command '%s'; 'vhctl --help' lists them", argv[1]);
	return EXIT_USAGE;
}
