// SPDX-License-Identifier: GPL-2.0-only
/* Sums over groups of many VMs, exact while VMs go; events of which there are too many at once. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

#define VMS	150
#define BIG	100			/* vCPUs of one of them: more than are added up in one go */

/* out 0x81, al; again */
static const uint8_t out[] = { 0xe6, 0x81, 0xeb, 0xfc };

static uint64_t exits_of(struct conn *c, int dir)
{
	struct group_info g;

	return get_group(c, dir, &g) ? ~0ull : g.c.v[VH_A_COUNTER_EXITS];
}

/*
 * Every VM has counted something, and then they go, one after the other: however many are added up
 * as VMs, and however many as what is gone, the sum is always the same.
 */
static void exact(struct tap_result *r, const void *arg)
{
	int top = cgroup_make("sums"), dirs[3], vcpu[BIG];
	static struct vm vm[VMS];
	static const char *const groups[] = { "sums/a", "sums/b", "sums" };
	unsigned int i, k, reads = 0;
	volatile unsigned int *gone;
	uint64_t all, now;
	struct conn c;
	int status;
	pid_t pid;

	(void)arg;
	conn_open(&c);
	gone = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < 3; i++)
		dirs[i] = cgroup_make(groups[i]);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (i = 0; i < VMS; i++) {
			cgroup_enter(groups[i % 3]);
			vm_with_code(&vm[i], out, sizeof(out), 0);
			for (k = 1; i == VMS / 2 && k < BIG; k++)
				vcpu[k] = xioctl(vm[i].fd, KVM_CREATE_VCPU, k);
			for (k = 0; k < 1 + i % 5; k++)
				if (vcpu_run(&vm[i].vcpu[0]))
					_exit(1);
		}
		cgroup_enter(".");
		*gone = 1;
		while (*gone == 1)
			usleep(1000);
		for (i = 0; i < VMS; i++) {
			vm_destroy(&vm[i * 7 % VMS]);
			*gone = 3 + i;
		}
		for (k = 1; k < BIG; k++)
			close(vcpu[k]);
		_exit(0);
	}
	while (!*gone && !waitpid(pid, &status, WNOHANG))
		usleep(1000);
	WANT(*gone == 1, "the VMs do not run");
	all = exits_of(&c, top);
	WANT(all >= VMS && all != ~0ull, "%llu exits", (unsigned long long)all);
	*gone = 2;
	do {
		now = exits_of(&c, top);
		WANT(now == all, "%llu exits with %u VMs gone, %llu before", (unsigned long long)now, *gone - 2,
		     (unsigned long long)all);
		reads++;
	} while (!waitpid(pid, &status, WNOHANG));
	WANT_EQ(exits_of(&c, top), all);
	printf("# %u sums while %u VMs went\n", reads, VMS);
	WANT(reads > 20, "only %u sums", reads);
	for (i = 0; i < 3; i++)
		close(dirs[i]);
	cgroup_remove("sums/a");
	cgroup_remove("sums/b");
	cgroup_remove("sums");
}

/* --- events --- */

#define EVENTS	3000			/* the queue has room for 1024 of a user */

/* No other thread runs, the one that sends neither. */
static pid_t take_processor(int cpu)
{
	struct sched_param first = { .sched_priority = 60 };
	cpu_set_t set;
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) || sched_setscheduler(0, SCHED_FIFO, &first))
		_exit(3);
	for (;;)
		;
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (f) {
		fputs(text, f);
		fclose(f);
	}
}

/* Who makes more than can be sent loses some, and hears how many. */
static void overflow(struct tap_result *r, const void *arg)
{
	struct sched_param first = { .sched_priority = 60 }, normal = { 0 };
	unsigned int i, n = 0, cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct event_info e;
	struct conn c, events;
	pid_t busy[8] = { 0 };
	uint64_t last = 0;
	cpu_set_t set;
	int id;

	(void)arg;
	conn_open(&c);
	conn_open(&events);
	id = vm_define(&c, kvm_open(), "a", 1, 0, -1, -1);
	WANT(id > 0, "create: %d", id);
	WANT_EQ(events_ask(&events), 0);
	put("/proc/sys/kernel/sched_rt_runtime_us", "-1");
	fflush(stdout);
	for (i = 1; i < cpus && i < 8; i++)
		busy[i] = take_processor(i);
	usleep(100000);
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
	sched_setscheduler(0, SCHED_FIFO, &first);
	for (i = 0; i < EVENTS; i++)
		if (vm_rename(&c, id, i & 1 ? "a" : "b"))
			break;
	for (unsigned int k = 1; k < cpus && k < 8; k++) {
		kill(busy[k], SIGKILL);
		waitpid(busy[k], NULL, 0);
	}
	sched_setscheduler(0, SCHED_OTHER, &normal);
	put("/proc/sys/kernel/sched_rt_runtime_us", "950000");
	WANT_EQ(i, EVENTS);
	while (event_next(&events, &e, 300)) {
		n++;
		WANT(e.seq > last, "event %llu after %llu", (unsigned long long)e.seq,
		     (unsigned long long)last);
		last = e.seq;
	}
	/* the next one tells of all that were lost */
	WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, id), 0);
	WANT(event_next(&events, &e, 1000), "no event after the overflow");
	printf("# %u of %u events came, the next has number %llu\n", n, EVENTS, (unsigned long long)e.seq);
	WANT_EQ(e.seq, EVENTS + 1);
	WANT(n >= 500 && n < EVENTS, "%u events came", n);
}

/* --- users of a user's own making --- */

static void write_map(pid_t pid, const char *file, const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	put(path, text);
}

struct pays {
	uid_t maker;			/* of the namespace */
	const char *map;
	uid_t user, besides;		/* on the host: user 2 there, and who pays besides */
};

/* A user of a namespace pays, and besides who made it, or a container's first id. */
static void namespace_pays(struct tap_result *r, const void *arg)
{
	const struct pays *p = arg;
	int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int to_root[2], to_child[2], status;
	struct user_info u;
	struct conn c;
	char one;
	int id[100];
	pid_t pid;

	conn_open(&c);
	kvm_open();
	WANT(!pipe(to_root) && !pipe(to_child), "pipe");
	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct conn mine;

		if (setresgid(p->maker, p->maker, p->maker) ||
		    setresuid(p->maker, p->maker, p->maker) || unshare(CLONE_NEWUSER))
			_exit(3);
		if (write(to_root[1], "n", 1) != 1 || read(to_child[0], &one, 1) != 1)
			_exit(3);
		if (setresgid(2, 2, 2) || setresuid(2, 2, 2))
			_exit(4);
		conn_open(&mine);
		for (shared[0] = 0; shared[0] < 100; shared[0]++) {
			id[shared[0]] = vm_define(&mine, kvm_open(), NULL, 0, 0, -1, -1);
			if (id[shared[0]] < 0)
				break;
		}
		snprintf((char *)(shared + 4), 256, "%s", mine.message);
		if (write(to_root[1], "n", 1) != 1 || read(to_child[0], &one, 1) != 1)
			_exit(3);
		while (shared[0]--)
			if (vm_command(&mine, VH_CMD_VM_DESTROY, id[shared[0]]))
				_exit(5);
		_exit(0);
	}
	WANT_EQ(set_quota(&c, p->besides, VH_QUOTA_DEFINED, 5), 0);
	WANT(read(to_root[0], &one, 1) == 1, "no namespace");
	write_map(pid, "uid_map", p->map);
	write_map(pid, "gid_map", p->map);
	WANT(write(to_child[1], "m", 1) == 1 && read(to_root[0], &one, 1) == 1, "the other user");
	WANT_EQ(shared[0], 5);
	WANT(strstr((char *)(shared + 4), "user's limit"), "'%s'", (char *)(shared + 4));
	WANT_EQ(get_user(&c, p->besides, &u), 0);
	WANT_EQ(u.usage[VH_QUOTA_DEFINED], 5);
	WANT_EQ(u.refused[VH_QUOTA_DEFINED], 1);
	WANT_EQ(get_user(&c, p->user, &u), 0);
	WANT_EQ(u.usage[VH_QUOTA_DEFINED], 5);
	WANT(write(to_child[1], "m", 1) == 1, "pipe");
	waitpid(pid, &status, 0);
	WANT(!status, "the other user ended with %#x", status);
	WANT_EQ(set_quota(&c, p->besides, VH_QUOTA_DEFINED, VH_LIMIT_DEFAULT), 0);
	munmap(shared, 4096);
}

static const struct pays
	by_user = { 1000, "0 1000 1\n1 100000 10\n", 100001, 1000 },
	by_root = { 0, "0 200000 10\n", 200002, 200000 };

const struct test_case sums_cases[] = {
	{ "sums-exact", exact, NULL },
	{ "sums-events-lost", overflow, NULL },
	{ "sums-maker-pays", namespace_pays, &by_user },
	{ "sums-container-pays", namespace_pays, &by_root },
	{ NULL, NULL, NULL }
};
