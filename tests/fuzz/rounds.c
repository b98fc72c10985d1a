// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <getopt.h>
#include <glob.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../lib/kvm.h"
#include "rounds.h"

volatile unsigned long *counter;
bool verbose;
__thread uint64_t rnd_state;

static uint64_t seed = 1;
static unsigned long this_round;

uint64_t rnd64(void)
{
	uint64_t z = rnd_state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint64_t odd_number(void)
{
	static const uint64_t odd[] = {
		0, 1, 2, 3, 4, 7, 8, 15, 16, 24, 31, 32, 63, 64, 255, 256, 4095, 4096, 4097,
		65535, 65536, 1u << 20, 0x7fffffff, 0x80000000, 0xffffffff, 1ull << 32,
		1ull << 36, 1ull << 40, 1ull << 46, 1ull << 47, 0xffff7fffffffffff,
		0xffff800000000000, 0x7fffffffffffffff, 1ull << 63, -4096ull, -1ull,
		0xfee00000, 0xfec00000, 0xfffbc000, 0xfffbd000
	};

	switch (rnd(4)) {
	case 0:
		return rnd64();
	case 1:
		return 1ull << rnd(64);
	}
	return odd[rnd(sizeof(odd) / sizeof(odd[0]))];
}

void round_failed(const char *fmt, ...)
{
	va_list ap;

	printf("not ok: round %lu: ", this_round);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	_exit(ROUND_FAILED);
}

/* counter[], behind what the fuzzer counts */
enum { MAY_DIE = ROUNDS_COUNTERS - 2, DIED };

void round_may_die(void)
{
	counter[MAY_DIE] = this_round + 1;
}

static long seconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec - start->tv_sec;
}

static void show(const char *path)
{
	char line[256];
	FILE *f = fopen(path, "r");

	while (f && fgets(line, sizeof(line), f))
		printf("#   %s%s", line, strchr(line, '\n') ? "" : "\n");
	if (f)
		fclose(f);
}

/* What the processes of a group are at, thread by thread, and where in the kernel (root's to know). */
static void show_group(pid_t group)
{
	static const char *const files[] = { "comm", "wchan", "syscall", "stack" };
	char path[64];
	glob_t tasks;
	size_t i, j;

	if (glob("/proc/[0-9]*/task/[0-9]*", 0, NULL, &tasks))
		return;
	for (i = 0; i < tasks.gl_pathc; i++) {
		if (getpgid(atoi(tasks.gl_pathv[i] + strlen("/proc/"))) != group)
			continue;
		printf("# %s\n", tasks.gl_pathv[i]);
		for (j = 0; j < sizeof(files) / sizeof(files[0]); j++) {
			snprintf(path, sizeof(path), "%s/%s", tasks.gl_pathv[i], files[j]);
			show(path);
		}
	}
	globfree(&tasks);
}

/* 0: well; what went wrong is printed. */
static int one(const struct rounds *r, unsigned int timeout)
{
	struct timespec nap = { 0, 20000000 }, start;
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		rnd_state = seed * 0x2545f4914f6cdd1d + this_round;
		rnd64();
		r->round();
		_exit(ROUND_OK);
	}
	if (timeout) {
		/* SIGCHLD ends the nap; a lost one costs its length. */
		sigset_t chld;

		sigemptyset(&chld);
		sigaddset(&chld, SIGCHLD);
		clock_gettime(CLOCK_MONOTONIC, &start);
		while (waitpid(pid, &status, WNOHANG) != pid) {
			sigtimedwait(&chld, NULL, &nap);
			if (seconds_since(&start) < (long)timeout)
				continue;
			printf("not ok: round %lu takes longer than %u s\n", this_round, timeout);
			show_group(pid);
			kill(-pid, SIGKILL);
			waitpid(pid, &status, 0);
			return 1;
		}
	} else {
		waitpid(pid, &status, 0);
	}
	kill(-pid, SIGKILL);	/* whoever else it started */
	if (WIFSIGNALED(status) && (r->may_die || counter[MAY_DIE] == this_round + 1)) {
		printf("# round %lu ended by signal %d\n", this_round, WTERMSIG(status));
		count(DIED);
		return 0;
	}
	if (WIFSIGNALED(status))
		printf("not ok: round %lu ended by signal %d\n", this_round, WTERMSIG(status));
	return status;
}

int rounds_main(int argc, char **argv, const struct rounds *r)
{
	static const struct option options[] = {
		{ "rounds", required_argument, NULL, 'n' }, { "seed", required_argument, NULL, 's' },
		{ "round", required_argument, NULL, 'r' }, { "seconds", required_argument, NULL, 't' },
		{ "timeout", required_argument, NULL, 'o' },
		{ "keep-going", no_argument, NULL, 'k' }, { "help", no_argument, NULL, 'h' }, { }
	};
	unsigned long first = 0, n = 20, done, seconds = 0;
	unsigned int timeout = 60, bad = 0, i;
	bool keep_going = false;
	struct timespec start;
	sigset_t chld;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			n = strtoul(optarg, NULL, 0);
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'r':
			first = strtoul(optarg, NULL, 0);
			n = 1;
			verbose = true;
			break;
		case 't':
			seconds = strtoul(optarg, NULL, 0);
			n = -1ul;
			break;
		case 'k':
			keep_going = true;
			break;
		case 'o':
			timeout = strtoul(optarg, NULL, 0);
			break;
		default:
			fprintf(c == 'h' ? stdout : stderr,
				"usage: %s [--seed N] [--rounds N | --round K | --seconds S] [--timeout S]\n"
				"       [--keep-going] [DEVICE]\n",
				r->name);
			return c == 'h' ? 0 : 2;
		}
	}
	if (optind < argc)
		kvm_device = argv[optind];
	setvbuf(stdout, NULL, _IOLBF, 0);
	counter = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (done = 0; done < n && (!bad || keep_going); done++) {
		this_round = first + done;
		if (seconds && seconds_since(&start) >= (long)seconds)
			break;
		if (done % 10 == 0)
			printf("# %s --seed %llu: round %lu\n", r->name, (unsigned long long)seed,
			       this_round);
		if (one(r, timeout)) {
			bad++;
			printf("# again: %s --seed %llu --round %lu %s\n", r->name,
			       (unsigned long long)seed, this_round, kvm_device);
		}
	}
	for (i = 0; r->counters[i]; i++)
		printf("# %-28s %lu\n", r->counters[i], counter[i]);
	printf("# %-28s %lu\n", "died of their own doing", counter[DIED]);
	/* A round that dies early has not tried much. */
	if (!bad && counter[DIED] * 2 > done && done > 4) {
		printf("not ok: more than half of the rounds died of their own doing\n");
		bad = 1;
	}
	printf("# %lu passed, %u failed\n", done - (bad > done ? done : bad), bad);
	return bad ? 1 : 0;
}
