// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each allocation of a VM's life fails in turn (/proc/thread-self/fail-nth of a
 * kernel with CONFIG_FAULT_INJECTION): the operation fails with ENOMEM (EFAULT,
 * when it was a copy from or to user space) or does without, the same operation
 * then succeeds, and so does all that follows. "alloc load": those of the
 * module's own load, which nobody may have open.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../lib/kvm.h"
#include "../lib/runner.h"
#include "../lib/tap.h"
#include "scenario.h"

#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define MOST		2000	/* allocations of one operation: more is a loop */

static enum op armed_op;
static unsigned long nth, left;

static bool arm(unsigned long n)
{
	char text[24];
	int fd = open(FAIL_NTH, O_WRONLY), r;

	snprintf(text, sizeof(text), "%lu", n);
	r = fd < 0 ? -1 : write(fd, text, strlen(text));
	close(fd);
	return r > 0;
}

/* How many were left to go: 0, one has failed. */
static unsigned long disarm(void)
{
	char text[24] = "";
	int fd = open(FAIL_NTH, O_RDWR);
	unsigned long n = 0;

	if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0)
		n = strtoul(text, NULL, 10);
	if (fd >= 0 && pwrite(fd, "0", 1, 0) != 1)
		n = 0;
	close(fd);
	return n;
}

static void before(enum op op)
{
	if (op == armed_op)
		arm(nth);
}

static void after(enum op op, int err)
{
	(void)err;
	if (op == armed_op) {
		left = disarm();
		/* an operation that comes twice is armed once */
		armed_op = OPS;
	}
}

/* Allocations that may sleep are to fail as well; page cache and stacks of the host's are. */
static bool settings(void)
{
	static const char *const files[] = {
		"/sys/kernel/debug/failslab/ignore-gfp-wait",
		"/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait",
		"/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem",
	};
	bool any = false;
	unsigned int i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int fd = open(files[i], O_WRONLY);

		any |= fd >= 0 && write(fd, "N", 1) == 1;
		if (fd >= 0)
			close(fd);
	}
	return any && !access(FAIL_NTH, W_OK);
}

/* Copies from and to user space are failed in their turn as well. */
static bool expected(int err)
{
	return err == ENOMEM || err == EFAULT;
}

/* What earlier cases left behind goes with their last RCU grace period. */
static bool unload(void)
{
	unsigned int tries = 0;

	while (syscall(SYS_delete_module, "vh", O_NONBLOCK)) {
		if (errno != EAGAIN || ++tries == 100)
			return false;
		usleep(50000);
	}
	return true;
}

static void fail_each(struct tap_result *r, const void *arg)
{
	enum op op = *(const enum op *)arg;
	struct scenario s = { .before = before, .after = after, .irqchip = true, .retry = true };
	unsigned long failed = 0, absorbed = 0;
	int err[OPS];

	if (!settings()) {
		tap_skip(r, "this kernel cannot fail allocations");
		return;
	}
	for (nth = 1; nth < MOST; nth++) {
		bool ok;

		armed_op = op;
		left = 1;
		ok = scenario_run(&s, err);
		if (!ok) {
			tap_fail(r, "allocation %lu: %s: what follows does not work", nth,
				 strerror(err[op] > 0 ? err[op] : 0));
			return;
		}
		if (left)
			break;
		if (err[op] > 0 && !expected(err[op])) {
			tap_fail(r, "allocation %lu: %s", nth, strerror(err[op]));
			return;
		}
		err[op] ? failed++ : absorbed++;
	}
	printf("# %s: %lu allocations failed, of which %lu without consequence\n", op_name[op],
	       failed + absorbed, absorbed);
	fflush(stdout);
	if (nth == MOST)
		tap_fail(r, "no end of allocations");
}

/* Module load; the path of vh.ko is in the environment. */
static void fail_load(struct tap_result *r)
{
	const char *path = getenv("VH_KO");
	unsigned long failed = 0, loaded = 0;
	int fd, err;

	if (!path || !settings()) {
		tap_skip(r, "this kernel cannot fail allocations, or no VH_KO");
		return;
	}
	if (!unload()) {
		tap_fail(r, "the module cannot be unloaded: %s", strerror(errno));
		return;
	}
	for (nth = 1, left = 0; !left && nth < 20 * MOST; nth++) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		arm(nth);
		err = syscall(SYS_finit_module, fd, "", 0) ? errno : 0;
		left = disarm();
		close(fd);
		if (err && !expected(err)) {
			tap_fail(r, "allocation %lu: %s", nth, strerror(err));
			break;
		}
		err ? failed++ : loaded++;
		if (!err && !left && !unload()) {
			tap_fail(r, "allocation %lu: it cannot be unloaded: %s", nth, strerror(errno));
			break;
		}
	}
	printf("# module load: %lu allocations failed, %lu loads without consequence\n", failed, loaded);
	fflush(stdout);
	if (!left) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (syscall(SYS_finit_module, fd, "", 0))
			tap_fail(r, "the module cannot be loaded again: %s", strerror(errno));
		close(fd);
	}
}

int main(int argc, char **argv)
{
	static struct test_case cases[OPS + 1];
	static enum op ops[OPS];
	unsigned int i;

	if (argc == 2 && !strcmp(argv[1], "load")) {
		struct tap_totals t = { 0 };
		struct tap_result r = { 0 };

		fail_load(&r);
		tap_report(&t, "module load", &r);
		return tap_finish(&t);
	}
	for (i = 0; i < OPS; i++) {
		ops[i] = i;
		cases[i] = (struct test_case){ op_name[i], fail_each, &ops[i] };
	}
	return runner_main(argc, argv, cases);
}
