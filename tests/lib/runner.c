// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner.h"

/* First the vCPU is asked where it is, then the process is killed. */
static void time_is_up(int sig)
{
	kvm_stop = 1;
	signal(sig, SIG_DFL);
	alarm(2);
}

/* Run one case in a child; what it writes to @r is shared with us. */
static void run_isolated(const struct test_case *tc, struct tap_result *r,
			 unsigned int seconds)
{
	int status;
	pid_t pid;

	memset(r, 0, sizeof(*r));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct sigaction sa = { .sa_handler = time_is_up };

		sigaction(SIGALRM, &sa, NULL);
		alarm(seconds);
		tc->run(r, tc->arg);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		tap_fail(r, "no end in %u s", seconds);
	else if (WIFSIGNALED(status))
		tap_fail(r, "killed by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		tap_fail(r, "an ioctl failed, see above");
}

static void usage(FILE *to, const char *name)
{
	fprintf(to,
		"usage: %s [--list] [--only PATTERN] [--skip PATTERN] [--timeout S] [DEVICE]\n"
		"  --list          names of the cases\n"
		"  --only PATTERN  cases whose name matches or contains PATTERN\n"
		"  --skip PATTERN  leave those out; several count\n"
		"  --timeout S     time limit of a case (20)\n"
		"  DEVICE          speaks the KVM ABI (/dev/vh)\n", name);
}

static bool left_out(const char *name, const char *const *skip, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (tap_match(name, skip[i]))
			return true;
	return false;
}

int runner_main(int argc, char **argv, const struct test_case *cases)
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
	const char *only = NULL, *skip[32];
	unsigned int skips = 0;
	struct tap_totals totals = { 0 };
	unsigned int seconds = 20;
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
			if (skips == sizeof(skip) / sizeof(skip[0])) {
				fprintf(stderr, "%s: too many --skip\n", argv[0]);
				return 2;
			}
			skip[skips++] = optarg;
			break;
		case 't':
			seconds = atoi(optarg);
			break;
		case 'd':
			kvm_device = optarg;
			break;
		case 'h':
			usage(stdout, argv[0]);
			return 0;
		default:
			usage(stderr, argv[0]);
			return 2;
		}
	}
	if (optind < argc)
		kvm_device = argv[optind];
	if (!list)
		kvm_open();
	r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (; cases->name; cases++) {
		if (!tap_match(cases->name, only) || left_out(cases->name, skip, skips))
			continue;
		if (list) {
			printf("%s\n", cases->name);
			continue;
		}
		run_isolated(cases, r, seconds);
		tap_report(&totals, cases->name, r);
	}
	return list ? 0 : tap_finish(&totals);
}

bool want_either(struct tap_result *r, long ret, int err, int err2,
		 const char *what)
{
	int got = errno;

	if (ret >= 0)
		return tap_fail(r, "%s gave %ld, not %s", what, ret,
				strerrorname_np(err));
	if (got != err && got != err2)
		return tap_fail(r, "%s gave %s, not %s", what,
				strerrorname_np(got), strerrorname_np(err));
	return true;
}

bool want_errno(struct tap_result *r, long ret, int err, const char *what)
{
	return want_either(r, ret, err, err, what);
}

bool want_ok(struct tap_result *r, long ret, const char *what)
{
	if (ret < 0)
		return tap_fail(r, "%s: %s", what, strerror(errno));
	return true;
}
