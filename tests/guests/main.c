// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every exit kind's own guest. Each case runs in a process of its own with a
 * time limit, so that one which hangs or crashes is only its own failure.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

static unsigned int time_limit = 20;

static void run_guest(const struct guest_case *gc, struct tap_result *r)
{
	static struct ctx c;

	ctx_create(&c, gc, r);
	ctx_run(&c);
}

/* First the vCPU is asked where it is, then the process is killed. */
static void time_is_up(int sig)
{
	kvm_stop = 1;
	signal(sig, SIG_DFL);
	alarm(2);
}

/* Run one case in a child; what it writes to @r is shared with us. */
static void run_isolated(const struct guest_case *gc,
			 const struct host_case *hc, struct tap_result *r)
{
	int status;
	pid_t pid;

	memset(r, 0, sizeof(*r));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct sigaction sa = { .sa_handler = time_is_up };

		sigaction(SIGALRM, &sa, NULL);
		alarm(time_limit);
		if (gc)
			run_guest(gc, r);
		else
			hc->run(r);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		tap_fail(r, "no end in %u s", time_limit);
	else if (WIFSIGNALED(status))
		tap_fail(r, "killed by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		tap_fail(r, "an ioctl failed, see above");
}

static void usage(FILE *to)
{
	fprintf(to,
		"usage: guests [--list] [--only PATTERN] [--skip PATTERN] [--timeout S] [DEVICE]\n"
		"  --list          names of the cases\n"
		"  --only PATTERN  cases whose name matches or contains PATTERN\n"
		"  --skip PATTERN  leave those out\n"
		"  --timeout S     time limit of a case (20)\n"
		"  DEVICE          speaks the KVM ABI (/dev/vh)\n");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "list", no_argument, NULL, 'l' },
		{ "only", required_argument, NULL, 'o' },
		{ "skip", required_argument, NULL, 's' },
		{ "timeout", required_argument, NULL, 't' },
		{ "device", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	const struct guest_case *gc = NULL;
	const struct host_case *hc;
	const char *only = NULL, *skip = NULL;
	struct tap_totals totals = { 0 };
	struct tap_result *r;
	bool list = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'l':
			list = true;
			break;
		case 'o':
			only = optarg;
			break;
		case 's':
			skip = optarg;
			break;
		case 't':
			time_limit = atoi(optarg);
			break;
		case 'd':
			kvm_device = optarg;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind < argc)
		kvm_device = argv[optind];
	r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	while ((gc = guest_next(gc))) {
		if (gc->flags & F_MANUAL || !tap_match(gc->name, only) ||
		    (skip && tap_match(gc->name, skip)))
			continue;
		if (list) {
			printf("%s\n", gc->name);
			continue;
		}
		kvm_open();
		run_isolated(gc, NULL, r);
		tap_report(&totals, gc->name, r);
	}
	for (hc = host_cases; hc->name; hc++) {
		if (!tap_match(hc->name, only) ||
		    (skip && tap_match(hc->name, skip)))
			continue;
		if (list) {
			printf("%s\n", hc->name);
			continue;
		}
		run_isolated(NULL, hc, r);
		tap_report(&totals, hc->name, r);
	}
	return list ? 0 : tap_finish(&totals);
}
