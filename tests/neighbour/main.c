// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hostile neighbour: each attack in a process of uid 1000, or all at once; what the operations
 * of uid 1001, of another VM of uid 1000, and of root cost beside it, against what they cost alone.
 */
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "neighbour.h"

/*
 * Beside it an operation may cost twice as much; and this, for the host's own interrupts: one now
 * and then, and at worst what the host's own longest way without a chance to reschedule takes.
 */
#define FACTOR	2
#define SLACK	3000
#define SLACK_WORST 200000
/*
 * Who creates a VM registers an MMU notifier: the host's own mutex (mm_take_all_locks()), for all
 * processes, whose holder may have lost its processor to as many others as the attack has.
 */
#define SLACK_CREATE 12000000
/* And who holds it may be kept from its processor by cpu.max: four periods, at the lab's 400 MHz. */
#define SLACK_CREATE_THROTTLED 160000000

static int ready[2];

void attack_ready(unsigned int objects)
{
	char one[64];
	int n = snprintf(one, sizeof(one), "%u", objects);

	if (write(ready[1], one, n) != n)
		_exit(3);
	/* forks of it are not counted again */
	close(ready[1]);
	ready[1] = open("/dev/null", 1);
}

/* Its process, when it is as bad as it gets; 0: it failed. */
static pid_t start(const struct attack *a, struct tap_result *r)
{
	struct pollfd p = { .events = POLLIN };
	char objects[64] = "";
	pid_t pid;

	if (pipe(ready))
		return 0;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		close(ready[0]);
		if (a->prepare)
			a->prepare();
		cgroup_enter("attacker");
		if (setgroups(0, NULL) || setresgid(ATTACKER, ATTACKER, ATTACKER) ||
		    setresuid(ATTACKER, ATTACKER, ATTACKER))
			_exit(3);
		/* it does not outlive its case */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		a->fn();
		_exit(0);
	}
	setpgid(pid, pid);
	close(ready[1]);
	p.fd = ready[0];
	if (poll(&p, 1, 60000) != 1 || read(ready[0], objects, sizeof(objects) - 1) <= 0) {
		tap_fail(r, "%s: the attack does not get going", a->name);
		kill(-pid, SIGKILL);
		waitpid(pid, NULL, 0);
		pid = 0;
	} else {
		printf("# %s: %s objects\n", a->name, objects);
	}
	close(ready[0]);
	return pid;
}

/* It goes at once when it is killed. */
static void stop(pid_t pid, const char *name, struct tap_result *r)
{
	int i;

	kill(-pid, SIGKILL);
	for (i = 0; i < 500; i++) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return;
		usleep(10000);
	}
	tap_fail(r, "%s: the attacker does not die", name);
}

/* What is done beside the victim; @attack NULL: all. */
struct mode {
	const struct attack *attack;
	void (*limit)(void);
	unsigned int slack_create;
};

static void compare(const char *who, const struct cost *alone, const struct cost *now,
		    const struct mode *mode, struct tap_result *r)
{
	/* A string instruction of another processor passes as one, in the lab, and its time is everybody's. */
	unsigned int factor = mode->attack && mode->attack->bulk && sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 2 * FACTOR : FACTOR;
	unsigned int slack;
	int op;

	printf("#   %s:", who);
	for (op = 0; op < NR_OPS; op++)
		printf(" %s %llu/%llu (%llu/%llu)", op_names[op], (long long)now[op].median,
		       (long long)now[op].worst, (long long)alone[op].median,
		       (long long)alone[op].worst);
	printf("\n");
	for (op = 0; op < NR_OPS; op++) {
		if (now[op].median > factor * alone[op].median + SLACK)
			tap_fail(r, "%s of %s: %llu instructions, alone %llu", op_names[op], who,
				 (long long)now[op].median, (long long)alone[op].median);
		slack = op == OP_CREATE ? mode->slack_create : SLACK_WORST;
		if (now[op].worst > factor * alone[op].worst + slack)
			tap_fail(r, "%s of %s: at worst %llu instructions, alone %llu", op_names[op],
				 who, (long long)now[op].worst, (long long)alone[op].worst);
	}
}

/*
 * No processor idles, alone or not: the time of those that do passes faster in the lab.
 */
static pid_t busy[64];

static void keep_busy(void)
{
	struct sched_param idle = { 0 };
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	cpu_set_t one;

	while (n--) {
		busy[n] = fork();
		if (busy[n])
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		CPU_ZERO(&one);
		CPU_SET(n, &one);
		sched_setaffinity(0, sizeof(one), &one);
		sched_setscheduler(0, SCHED_IDLE, &idle);
		for (;;)
			;
	}
}

static void let_idle(void)
{
	unsigned int i;

	for (i = 0; busy[i]; i++) {
		kill(busy[i], SIGKILL);
		waitpid(busy[i], NULL, 0);
	}
}

static const struct { const char *name; unsigned int uid; } tenants[] = {
	{ "uid 1001", OTHER }, { "uid 1000", ATTACKER }, { "root", 0 },
};
#define TENANTS	(sizeof(tenants) / sizeof(*tenants))

static void prepare(void)
{
	struct rlimit files = { 20000, 20000 };

	setrlimit(RLIMIT_NOFILE, &files);
	cgroup_write(".", "cgroup.subtree_control", "+cpu +memory");
	cgroup_make("victim");
	cgroup_make("attacker");
}

/* Records that outlive who made them. */
static void destroy_one(const struct nlattr *attrs, int len, int cmd, void *arg)
{
	struct vm_info vm = { 0 };

	vm_from(attrs, len, cmd, &vm);
	if (vm.defined && *(uint32_t *)arg < vm.id)
		*(uint32_t *)arg = vm.id;
}

static void clean(void)
{
	struct conn c;

	conn_open(&c);
	for (;;) {
		uint32_t id = 0;

		msg_begin(&c, VH_CMD_VM_GET, NLM_F_DUMP);
		if (msg_send(&c, destroy_one, &id) || !id || vm_command(&c, VH_CMD_VM_DESTROY, id))
			break;
		while (id > 1 && !vm_command(&c, VH_CMD_VM_DESTROY, id - 1))
			id--;
	}
	conn_close(&c);
	umount2("/tmp/fuse", MNT_DETACH);
}

/* The attackers' cgroup, when they are as bad as it gets. */
static void no_limit(void)
{
}

static void throttled(void)
{
	cgroup_write("attacker", "cpu.max", "5000 100000");
}

/* They have more memory than they may: page tables are taken back all the time. */
static void short_of_memory(void)
{
	char high[32];

	snprintf(high, sizeof(high), "%lld", cgroup_read("attacker", "memory.current") / 4 * 3);
	cgroup_write("attacker", "memory.high", high);
}

static void no_more_limits(void)
{
	cgroup_write("attacker", "cpu.max", "max 100000");
	cgroup_write("attacker", "memory.high", "max");
}

static void beside(struct tap_result *r, const void *arg)
{
	const struct mode *mode = arg;
	const struct attack *first = mode->attack, *a;
	struct cost alone[TENANTS][NR_OPS], now[NR_OPS];
	pid_t pid[32] = { 0 };
	unsigned int i, n = 0, t;

	prepare();
	keep_busy();
	for (t = 0; t < TENANTS; t++)
		victim_measure(tenants[t].uid, alone[t], r);
	for (a = first ? first : attacks; a->name && r->verdict == TAP_PASS; a++) {
		pid[n] = start(a, r);
		if (!pid[n])
			break;
		n++;
		if (first)
			break;
	}
	if (r->verdict == TAP_PASS)
		mode->limit();
	for (t = 0; t < TENANTS && r->verdict == TAP_PASS; t++) {
		victim_measure(tenants[t].uid, now, r);
		if (r->verdict == TAP_PASS)
			compare(tenants[t].name, alone[t], now, mode, r);
	}
	no_more_limits();
	for (i = 0; i < n; i++)
		stop(pid[i], first ? first->name : attacks[i].name, r);
	/* and what it leaves behind */
	for (t = 0; t < TENANTS && r->verdict == TAP_PASS; t++) {
		victim_measure(tenants[t].uid, now, r);
		if (r->verdict == TAP_PASS)
			compare(tenants[t].name, alone[t], now, mode, r);
	}
	clean();
	let_idle();
}

int main(int argc, char **argv)
{
	static const struct mode all = { NULL, no_limit, SLACK_CREATE },
		all_throttled = { NULL, throttled, SLACK_CREATE_THROTTLED },
		all_short = { NULL, short_of_memory, SLACK_CREATE };
	static struct mode modes[32];
	static struct test_case cases[64];
	unsigned int n = 0;

	for (; attacks[n].name; n++) {
		modes[n] = (struct mode){ &attacks[n], no_limit, SLACK_CREATE };
		cases[n] = (struct test_case){ attacks[n].name, beside, &modes[n] };
	}
	cases[n++] = (struct test_case){ "all", beside, &all };
	cases[n++] = (struct test_case){ "all-throttled", beside, &all_throttled };
	cases[n] = (struct test_case){ "all-short-of-memory", beside, &all_short };
	return runner_main(argc, argv, cases);
}
