// SPDX-License-Identifier: GPL-2.0-only
/* Limits in a tree of cgroups, and page tables at theirs. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

static const char *const resources[] = { "VMs", "vCPUs", "memory", "page tables" };

/* Each resource at its limit at each level: refused there, with an event, nothing kept. */
struct at { int resource, level; };
static const char *const levels[] = { "l1", "l1/l2", "l1/l2/l3" };

static void *memory_of(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED)
		abort();
	return mem;
}

/* Is a line of this process's in the kernel's log, with these words? */
static bool logged(const char *words)
{
	static char log[1 << 18], line[160];
	int n = klogctl(3 /* SYSLOG_ACTION_READ_ALL */, log, sizeof(log) - 1);

	log[n < 0 ? 0 : n] = 0;
	snprintf(line, sizeof(line), "[%d]: %s", getpid(), words);
	return strstr(log, line);
}

static void refused(struct tap_result *r, const void *arg)
{
	static const char *const words[] = { "a limit of VMs", "a limit of vCPUs", "a limit of memory" };
	static const uint64_t limit[] = { 2, 2, 2 << 20 };
	struct group_info g[3], before;
	struct event_info e = { 0 };
	const struct at *at = arg;
	struct conn c, events;
	char *more = memory_of(2 << 20);
	int dir[3], i, fd[3];
	struct vm vm;

	conn_open(&c);
	conn_open(&events);
	for (i = 0; i < 3; i++)
		dir[i] = cgroup_make(levels[i]);
	cgroup_enter(levels[2]);
	WANT_EQ(set_limit(&c, dir[at->level], -1, at->resource, limit[at->resource]), 0);
	WANT_EQ(get_group(&c, dir[at->level], &before), 0);
	WANT_EQ(events_ask(&events), 0);
	vm_create(&vm, 1 << 20, 0);
	switch (at->resource) {
	case VH_RES_VMS:
		fd[0] = ioctl(kvm_open(), KVM_CREATE_VM, 0);
		WANT(fd[0] >= 0, "the second of 2 VMs: %s", strerror(errno));
		WANT(ioctl(kvm_open(), KVM_CREATE_VM, 0) < 0 && errno == EDQUOT, "the third: %d", errno);
		close(fd[0]);
		break;
	case VH_RES_VCPUS:
		fd[0] = ioctl(vm.fd, KVM_CREATE_VCPU, 0);
		fd[1] = ioctl(vm.fd, KVM_CREATE_VCPU, 1);
		WANT(fd[0] >= 0 && fd[1] >= 0, "2 vCPUs: %s", strerror(errno));
		WANT(ioctl(vm.fd, KVM_CREATE_VCPU, 2) < 0 && errno == EDQUOT, "the third: %d", errno);
		close(fd[0]);
		close(fd[1]);
		break;
	case VH_RES_MEMORY:
		WANT_EQ(vm_slot(&vm, 1, 0, 1 << 20, 1 << 20, more), 0);
		WANT_EQ(vm_slot(&vm, 2, 0, 2 << 20, 4096, more + (1 << 20)), -EDQUOT);
		/* what changes without growing is no charge */
		WANT_EQ(vm_slot(&vm, 1, KVM_MEM_LOG_DIRTY_PAGES, 1 << 20, 1 << 20, more), 0);
		WANT_EQ(vm_slot(&vm, 1, KVM_MEM_LOG_DIRTY_PAGES, 8 << 20, 1 << 20, more), 0);
		/* what was given back is its own for a while, can be had again, and then is anybody's */
		WANT_EQ(vm_slot(&vm, 1, 0, 0, 0, NULL), 0);
		WANT_EQ(get_group(&c, dir[at->level], &g[0]), 0);
		WANT_EQ(g[0].usage[VH_RES_MEMORY], 2 << 20);
		WANT_EQ(vm_slot(&vm, 2, 0, 2 << 20, 4096, more + (1 << 20)), 0);
		usleep(12000000);
		break;
	}
	WANT(logged(words[at->resource]), "nothing in the log");
	while (event_next(&events, &e, 2000) && e.type != VH_EVENT_LIMIT)
		;
	WANT(e.type == VH_EVENT_LIMIT, "no event");
	WANT_EQ(e.cgroup, cgroup_id(levels[at->level]));
	WANT_EQ(e.resource, at->resource);
	WANT_EQ(e.limit, limit[at->resource]);
	WANT_EQ(e.usage, limit[at->resource]);
	WANT_EQ(e.requested, at->resource == VH_RES_MEMORY ? 4096 : 1);
	/* nothing of what was refused stays at any level */
	for (i = 0; i < 3; i++) {
		WANT_EQ(get_group(&c, dir[i], &g[i]), 0);
		WANT_EQ(g[i].usage[VH_RES_VMS], 1);
		WANT_EQ(g[i].usage[VH_RES_VCPUS], at->resource == VH_RES_VCPUS ? 2 : 0);
		WANT_EQ(g[i].usage[VH_RES_MEMORY],
			(1 << 20) + (at->resource == VH_RES_MEMORY ? 4096 : 0));
	}
	/* lowering takes nothing away, and stops growth */
	WANT_EQ(set_limit(&c, dir[at->level], -1, VH_RES_VMS, 0), 0);
	WANT(ioctl(kvm_open(), KVM_CREATE_VM, 0) < 0 && errno == EDQUOT, "above a lowered limit: %d", errno);
	WANT_EQ(get_group(&c, dir[at->level], &g[0]), 0);
	WANT_EQ(g[0].usage[VH_RES_VMS], 1);
	WANT_EQ(g[0].refused[at->resource] - before.refused[at->resource],
		1 + (at->resource == VH_RES_VMS));
	vm_destroy(&vm);
	for (i = 0; i < 3; i++) {
		WANT_EQ(get_group(&c, dir[i], &g[i]), 0);
		WANT_EQ(g[i].usage[VH_RES_VMS], 0);
		WANT_EQ(g[i].usage[VH_RES_VCPUS], 0);
		WANT_EQ(g[i].usage[VH_RES_MEMORY], 0);
		WANT_EQ(g[i].usage[VH_RES_TABLES], 0);
	}
	cgroup_enter(".");
	for (i = 2; i >= 0; i--)
		cgroup_remove(levels[i]);
}

/*
 * Three levels, filled from both ends by several processes: leaves make and
 * drop VMs with vCPUs and memory until they are refused, the parent's limits
 * go up and down meanwhile.
 */
#define FILLERS	6
#define SECONDS	4

static void fill(const char *group, unsigned int seed)
{
	struct vm vm[6];
	int n = 0, i;

	cgroup_enter(group);
	alarm(SECONDS);
	for (;;) {
		seed = seed * 1103515245 + 12345;
		i = seed >> 16 & 3;
		if (i == 0 && n) {
			close(vm[--n].fd);
			for (i = 0; i < (int)vm[n].vcpus; i++)
				close(vm[n].vcpu[i].fd);
			munmap(vm[n].mem, 1 << 20);
		} else if (i == 1 && n < 6) {
			memset(&vm[n], 0, sizeof(vm[n]));
			vm[n].fd = ioctl(kvm_open(), KVM_CREATE_VM, 0);
			if (vm[n].fd < 0)
				continue;
			vm[n].mem = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			n++;
		} else if (i == 2 && n) {
			vm_slot(&vm[n - 1], seed >> 20 & 3, 0, (uint64_t)(seed >> 20 & 3) << 20,
				seed >> 24 & 1 ? 1 << 20 : 0, vm[n - 1].mem);
		} else if (n && vm[n - 1].vcpus < VM_MAX_VCPUS) {
			int fd = ioctl(vm[n - 1].fd, KVM_CREATE_VCPU, vm[n - 1].vcpus);

			if (fd >= 0)
				vm[n - 1].vcpu[vm[n - 1].vcpus++].fd = fd;
		}
	}
}

static void tree(struct tap_result *r, const void *arg)
{
	static const char *const path[] = { "top", "top/a", "top/b", "top/a/x", "top/a/y", "top/b/z" };
	static const uint64_t limits[6][3] = {
		{ 12, 20, 12 << 20 }, { 8, 14, 8 << 20 }, { 7, 9, 7 << 20 },
		{ 5, 9, 5 << 20 }, { 5, 9, 5 << 20 }, { 6, 8, 6 << 20 },
	};
	static const char *const where[FILLERS] = { "top/a/x", "top/a/y", "top/b/z", "top/a", "top",
						    "top/b" };
	unsigned int samples = 0, i, res, refusals = 0;
	struct group_info g;
	pid_t pid[FILLERS];
	struct conn c;
	int dir[6];

	(void)arg;
	conn_open(&c);
	kvm_open();
	for (i = 0; i < 6; i++) {
		dir[i] = cgroup_make(path[i]);
		for (res = 0; res < 3; res++)
			WANT_EQ(set_limit(&c, dir[i], -1, res, limits[i][res]), 0);
	}
	for (i = 0; i < FILLERS; i++) {
		pid[i] = fork();
		if (!pid[i])
			fill(where[i], 77 + i);
	}
	while (waitpid(pid[0], NULL, WNOHANG) == 0) {
		for (i = 0; i < 6; i++) {
			WANT_EQ(get_group(&c, dir[i], &g), 0);
			/* only the root of the tree has limits that move */
			for (res = 0; res < 3; res++)
				WANT(g.usage[res] <= limits[i][res], "%s: %llu %s of %llu", path[i],
				     (long long)g.usage[res], resources[res],
				     (long long)limits[i][res]);
			samples++;
		}
		WANT_EQ(set_limit(&c, dir[0], -1, VH_RES_VMS, samples & 8 ? 3 : 12), 0);
	}
	for (i = 1; i < FILLERS; i++)
		waitpid(pid[i], NULL, 0);
	WANT(samples >= 18, "only %u samples", samples);
	for (i = 0; i < 6; i++) {
		WANT_EQ(get_group(&c, dir[i], &g), 0);
		for (res = 0; res < 4; res++) {
			WANT(!g.usage[res], "%s: %llu %s are left", path[i], (long long)g.usage[res],
			     resources[res]);
			refusals += g.refused[res];
		}
		WANT(g.peak[VH_RES_VMS] <= limits[i][VH_RES_VMS], "the peak is above the limit");
	}
	WANT(refusals > 20, "only %u refusals: the limits were not met", refusals);
	for (i = 6; i-- > 0;)
		cgroup_remove(path[i]);
}

static bool gone(void *arg)
{
	struct group_info g;

	return get_group_id(((void **)arg)[0], *(uint64_t *)((void **)arg)[1], &g) == -ENOENT;
}

static void removed(struct tap_result *r, const void *arg)
{
	uint64_t id;
	struct group_info g;
	struct vm_info info;
	struct conn c;
	struct vm vm;
	void *args[] = { &c, &id };

	(void)arg;
	conn_open(&c);
	close(cgroup_make("brief"));
	close(cgroup_make("brief/er"));
	cgroup_enter("brief/er");
	vm_create(&vm, 1 << 20, 0);
	id = cgroup_id("brief/er");
	cgroup_enter(".");
	cgroup_remove("brief/er");
	cgroup_remove("brief");
	WANT_EQ(get_group_id(&c, id, &g), 0);
	WANT(g.removed, "not marked as removed");
	WANT_EQ(g.usage[VH_RES_VMS], 1);
	WANT_EQ(get_vm(&c, id_of(&vm), &info), 0);
	WANT_EQ(info.cgroup, id);
	usleep(3000000);
	WANT_EQ(get_group_id(&c, id, &g), 0);
	vm_destroy(&vm);
	WANT(wait_for(gone, args, 6000), "the group stays");
	id = g.parent;
	WANT(wait_for(gone, args, 6000), "the parent's group stays");
}

/* A reservation is charged at once, all of it or nothing. */
static void reservation(struct tap_result *r, const void *arg)
{
	static const struct { uint32_t vcpus; uint64_t memory; int refused; } no[] = {
		{ 5, 1 << 20, VH_RES_VCPUS }, { 1, 9 << 20, VH_RES_MEMORY },
		{ 288, 1ULL << 48, VH_RES_VCPUS }, { 4, 1ULL << 48, VH_RES_MEMORY },
	};
	int top = cgroup_make("res"), leaf = cgroup_make("res/leaf"), procs = cgroup_procs("res/leaf"),
	    dev = kvm_open(), id;
	struct event_info e;
	struct group_info g;
	struct conn c, events;
	unsigned int i, j;

	(void)arg;
	conn_open(&c);
	conn_open(&events);
	WANT_EQ(set_limit(&c, top, -1, VH_RES_VCPUS, 4), 0);
	WANT_EQ(set_limit(&c, leaf, -1, VH_RES_MEMORY, 8 << 20), 0);
	WANT_EQ(events_ask(&events), 0);
	for (i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		WANT_EQ(vm_define(&c, dev, NULL, no[i].vcpus, no[i].memory, procs, -1), -EDQUOT);
		WANT(event_next(&events, &e, 2000) && e.type == VH_EVENT_LIMIT, "no event");
		WANT_EQ(e.resource, no[i].refused);
		WANT_EQ(e.cgroup, cgroup_id(no[i].refused == VH_RES_VCPUS ? "res" : "res/leaf"));
		WANT(!e.has_vm, "an event of a VM that never was");
		for (j = 0; j < 3; j++) {
			WANT_EQ(get_group(&c, j & 1 ? top : leaf, &g), 0);
			WANT(!g.usage[j] && !g.created, "%s are left of what was refused",
			     resources[j]);
		}
	}
	id = vm_define(&c, dev, NULL, 4, 8 << 20, procs, -1);
	WANT(id > 0, "what just fits: %d %s", id, c.message);
	WANT_EQ(get_group(&c, top, &g), 0);
	WANT_EQ(g.usage[VH_RES_VCPUS], 4);
	WANT_EQ(g.usage[VH_RES_MEMORY], 8 << 20);
	WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, id), 0);
	WANT_EQ(get_group(&c, top, &g), 0);
	WANT_EQ(g.usage[VH_RES_VCPUS] + g.usage[VH_RES_MEMORY] + g.usage[VH_RES_VMS], 0);
	close(procs);
	cgroup_remove("res/leaf");
	cgroup_remove("res");
}

/* What nobody can have nobody gets, and what one has is never in another's way. */
static void reserve_wildly(struct tap_result *r, void *arg)
{
	int i, dev = kvm_open(), *given = arg;
	struct conn c;

	(void)r;
	conn_open(&c);
	for (i = 0; i < 51; i++)
		*given += vm_define(&c, dev, NULL, 0, (1ULL << 63) - 4096, -1, -1) > 0;
}

static void reserve_too_much(struct tap_result *r, void *arg)
{
	static const uint64_t much[] = {
		(1ULL << 48) + 4096, 1ULL << 49, (1ULL << 63) - 4096, 1ULL << 63, ~0ULL & ~4095ULL,
		4095, 1, ~0ULL,
	};
	int i, dev = kvm_open();
	struct conn c;

	(void)arg;
	conn_open(&c);
	for (i = 0; i < (int)(sizeof(much) / sizeof(much[0])); i++)
		WANT_EQ(vm_define(&c, dev, NULL, 288, much[i], -1, -1), -EINVAL);
}

static void wild(struct tap_result *r, const void *arg)
{
	int *given = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), i, id[3];
	struct group_info g;
	struct conn c;
	struct vm vm;

	(void)arg;
	conn_open(&c);
	in_child(r, 1000, reserve_wildly, given);
	close(cgroup_make("tame"));
	cgroup_enter("tame");
	vm_create(&vm, 1 << 20, 0);	/* ends the test unless the memslot succeeds */
	vm_destroy(&vm);
	WANT_EQ(*given, 0);
	in_child(r, 1000, reserve_too_much, NULL);
	/* the most that can be had, more often than 64 bits of bytes could count at the root */
	for (i = 0; i < 3; i++) {
		id[i] = vm_define(&c, kvm_open(), NULL, 288, 1ULL << 48, -1, -1);
		WANT(id[i] > 0, "the largest reservation: %d %s", id[i], c.message);
	}
	WANT_EQ(get_group_id(&c, cgroup_id("tame"), &g), 0);
	WANT_EQ(g.usage[VH_RES_MEMORY], 3ULL << 48);
	for (i = 0; i < 3; i++)
		WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, id[i]), 0);
	WANT_EQ(get_group_id(&c, cgroup_id("tame"), &g), 0);
	WANT_EQ(g.usage[VH_RES_MEMORY], 0);
	/* limits are in pages, as those of cgroup v2 */
	WANT_EQ(set_limit(&c, cgroup_make("tame"), -1, VH_RES_MEMORY, 8191), 0);
	WANT_EQ(vm_define(&c, kvm_open(), NULL, 0, 8192, -1, -1), -EDQUOT);
	WANT_EQ(get_group_id(&c, cgroup_id("tame"), &g), 0);
	WANT_EQ(g.limit[VH_RES_MEMORY], 4096);
	WANT_EQ(set_limit(&c, cgroup_make("tame"), -1, VH_RES_MEMORY, ~0ULL - 1), 0);
	WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, vm_define(&c, kvm_open(), NULL, 0, 8192, -1, -1)), 0);
	cgroup_enter(".");
	cgroup_remove("tame");
}

/* What a user may have without an administrator: each limit refuses, says so, and counts down again. */
static void use_up(struct tap_result *r, void *arg)
{
	struct user_info u;
	struct event_info e;
	struct conn c, events, more[4];
	int dev = kvm_open(), fd[3], id[2], i;

	(void)arg;
	conn_open(&c);
	conn_open(&events);
	WANT_EQ(events_ask(&events), 0);
	WANT_EQ(get_user(&c, -1, &u), 0);
	WANT_EQ(u.uid, 1000);
	WANT_EQ(u.usage[VH_QUOTA_SOCKETS], 1);
	WANT_EQ(u.limit[VH_QUOTA_VMS], 3);
	WANT_EQ(get_user(&c, 0, &u), -ENOENT);
	WANT_EQ(set_quota(&c, 1000, VH_QUOTA_VMS, 100), -EPERM);
	WANT_EQ(set_quota(&c, -1, VH_QUOTA_VMS, 100), -EPERM);
	/* VMs */
	for (i = 0; i < 3; i++)
		WANT((fd[i] = ioctl(dev, KVM_CREATE_VM, 0)) >= 0, "VM %d: %s", i, strerror(errno));
	WANT(ioctl(dev, KVM_CREATE_VM, 0) < 0 && errno == EDQUOT, "the fourth VM: %d", errno);
	while (event_next(&events, &e, 2000) && e.type != VH_EVENT_LIMIT)
		;
	WANT_EQ(e.type, VH_EVENT_LIMIT);
	WANT(e.has_quota && e.has_uid, "whose limit?");
	WANT_EQ(e.quota, VH_QUOTA_VMS);
	WANT_EQ(e.uid, 1000);
	WANT_EQ(e.usage, 3);
	WANT_EQ(e.limit, 3);
	WANT_EQ(vm_define(&c, dev, NULL, 0, 0, -1, -1), -EDQUOT);
	WANT(strstr(c.message, "user's limit of VMs"), "'%s'", c.message);
	for (i = 0; i < 3; i++)
		close(fd[i]);
	/* defined ones, and what they reserve */
	for (i = 0; i < 2; i++)
		WANT((id[i] = vm_define(&c, dev, NULL, 1, 4096, -1, -1)) > 0, "%d", id[i]);
	WANT_EQ(vm_define(&c, dev, NULL, 0, 0, -1, -1), -EDQUOT);
	WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, id[0]), 0);
	WANT_EQ(vm_define(&c, dev, NULL, 0, 8192, -1, -1), -EDQUOT);
	WANT(strstr(c.message, "reserved memory"), "'%s'", c.message);
	WANT((id[0] = vm_define(&c, dev, NULL, 1, 4096, -1, -1)) > 0, "%d", id[0]);
	WANT_EQ(get_user(&c, -1, &u), 0);
	WANT_EQ(u.usage[VH_QUOTA_VMS], 2);
	WANT_EQ(u.usage[VH_QUOTA_DEFINED], 2);
	WANT_EQ(u.usage[VH_QUOTA_RESERVED], 8192);
	WANT_EQ(u.refused[VH_QUOTA_VMS], 2);
	for (i = 0; i < 2; i++)
		WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, id[i]), 0);
	/* sockets */
	for (i = 0; i < 3; i++) {
		conn_open(&more[i]);
		WANT_EQ(events_ask(&more[i]), i < 2 ? 0 : -EDQUOT);
	}
	conn_close(&more[0]);
	WANT_EQ(events_ask(&more[2]), 0);
	WANT_EQ(events_ask(&more[2]), -EDQUOT);
	conn_close(&more[1]);
	WANT_EQ(events_ask(&more[2]), -EALREADY);
}

static void sees_users(const struct nlattr *a, int len, int cmd, void *arg)
{
	struct user_info u = { 0 };

	user_from(a, len, cmd, &u);
	*(unsigned int *)arg |= u.all ? 1 : u.uid == 1000 ? 2 : u.uid ? 4 : 8;
}

static void users(struct tap_result *r, const void *arg)
{
	static const uint64_t limit[] = { 3, 2, 8192, 3 };
	unsigned int i, seen = 0;
	struct user_info u, defaults;
	struct conn c;
	int id[5];

	(void)arg;
	conn_open(&c);
	WANT_EQ(get_user(&c, 4711, &defaults), 0);
	for (i = 0; i < 4; i++) {
		WANT(defaults.limit[i] && defaults.limit[i] < 1ULL << 40, "no default limit %u", i);
		WANT_EQ(set_quota(&c, 1000, i, limit[i]), 0);
	}
	in_child(r, 1000, use_up, NULL);
	WANT_EQ(get_user(&c, 1000, &u), 0);
	for (i = 0; i < 4; i++) {
		WANT(!u.usage[i], "quota %u: %lld are left", i, (long long)u.usage[i]);
		WANT_EQ(u.limit[i], limit[i]);
	}
	/* CAP_SYS_RESOURCE is counted, not refused */
	WANT_EQ(set_quota(&c, 0, VH_QUOTA_DEFINED, 2), 0);
	for (i = 0; i < 5; i++)
		WANT((id[i] = vm_define(&c, kvm_open(), NULL, 0, 4096, -1, -1)) > 0, "%d", id[i]);
	WANT_EQ(get_user(&c, 0, &u), 0);
	WANT_EQ(u.usage[VH_QUOTA_DEFINED], 5);
	msg_begin(&c, VH_CMD_USER_GET, NLM_F_DUMP);
	WANT_EQ(msg_send(&c, sees_users, &seen), 0);
	WANT_EQ(seen, 1 | 2 | 8);
	for (i = 0; i < 5; i++)
		WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, id[i]), 0);
	/* what all users may have, and back to it */
	WANT_EQ(set_quota(&c, -1, VH_QUOTA_VMS, VH_LIMIT_DEFAULT), -EINVAL);
	WANT_EQ(set_quota(&c, -1, VH_QUOTA_VMS, 17), 0);
	for (i = 0; i < 4; i++)
		WANT_EQ(set_quota(&c, 1000, i, VH_LIMIT_DEFAULT), 0);
	WANT_EQ(get_user(&c, 1000, &u), 0);
	WANT_EQ(u.limit[VH_QUOTA_VMS], 17);
	WANT_EQ(u.limit[VH_QUOTA_SOCKETS], defaults.limit[VH_QUOTA_SOCKETS]);
	WANT_EQ(set_quota(&c, -1, VH_QUOTA_VMS, defaults.limit[VH_QUOTA_VMS]), 0);
	WANT_EQ(set_quota(&c, 0, VH_QUOTA_DEFINED, VH_LIMIT_DEFAULT), 0);
}

/* A removed cgroup is gone as soon as its VMs are: vh does not hold it. */
static long dying(const char *path)
{
	char full[200], line[80];
	long n = -1;
	FILE *f;

	snprintf(full, sizeof(full), CGROUP "/%s/cgroup.stat", path);
	f = fopen(full, "r");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "nr_dying_descendants %ld", &n);
	if (f)
		fclose(f);
	return n;
}

static bool none_dying(void *arg)
{
	return !dying(arg);
}

static void not_held(struct tap_result *r, const void *arg)
{
	struct group_info g;
	struct conn c;
	struct vm vm;
	char leaf[40];
	int i, dir;

	(void)arg;
	conn_open(&c);
	close(cgroup_make("mortal"));
	for (i = 0; i < 50; i++) {
		snprintf(leaf, sizeof(leaf), "mortal/%d", i);
		close(cgroup_make(leaf));
		cgroup_enter(leaf);
		vm_create(&vm, 1 << 20, 0);
		cgroup_enter(".");
		if (i & 1)	/* removed before its last VM goes, or after */
			cgroup_remove(leaf);
		vm_destroy(&vm);
		cgroup_remove(leaf);
	}
	WANT(wait_for(none_dying, "mortal", 500), "%ld dying cgroups are held", dying("mortal"));
	/* a limit is the cgroup's: it lasts without VMs, and goes with the cgroup, as cgroup v2's own do */
	dir = cgroup_make("mortal/slice");
	WANT_EQ(set_limit(&c, dir, -1, VH_RES_VMS, 0), 0);
	usleep(6000000);
	WANT_EQ(get_group(&c, dir, &g), 0);
	WANT_EQ(g.limit[VH_RES_VMS], 0);
	close(dir);
	cgroup_remove("mortal/slice");
	dir = cgroup_make("mortal/slice");
	WANT_EQ(get_group(&c, dir, &g), 0);
	WANT_EQ(g.limit[VH_RES_VMS], VH_LIMIT_NONE);
	close(dir);
	cgroup_remove("mortal/slice");
	cgroup_remove("mortal");
}

/* A memslot that comes back within 10 s finds its charge, in a full group and with somebody waiting for it. */
static void comes_back(struct tap_result *r, const void *arg)
{
	struct group_info g;
	struct vm vm, other;
	int dir = cgroup_make("full"), i;
	struct conn c;
	void *more = memory_of(1 << 20), *others = memory_of(1 << 20);

	(void)arg;
	conn_open(&c);
	WANT_EQ(set_limit(&c, dir, -1, VH_RES_MEMORY, 3 << 20), 0);
	cgroup_enter("full");
	vm_create(&vm, 1 << 20, 0);
	vm_create(&other, 1 << 20, 0);
	WANT_EQ(vm_slot(&vm, 1, 0, 1 << 20, 1 << 20, more), 0);
	for (i = 0; i < 8; i++) {
		WANT_EQ(vm_slot(&vm, 1, 0, 0, 0, NULL), 0);
		WANT_EQ(vm_slot(&other, 1, 0, 1 << 20, 4096, others), -EDQUOT);
		usleep(2000000);
		WANT_EQ(vm_slot(&vm, 1, 0, 1 << 20, 1 << 20, more), 0);
	}
	/* and no longer */
	WANT_EQ(vm_slot(&vm, 1, 0, 0, 0, NULL), 0);
	usleep(9000000);
	WANT_EQ(vm_slot(&other, 1, 0, 1 << 20, 4096, others), -EDQUOT);
	usleep(2000000);
	WANT_EQ(get_group(&c, dir, &g), 0);
	WANT_EQ(g.usage[VH_RES_MEMORY], 2 << 20);
	WANT_EQ(vm_slot(&other, 1, 0, 1 << 20, 1 << 20, others), 0);
	WANT_EQ(vm_slot(&vm, 1, 0, 1 << 20, 4096, more), -EDQUOT);
	vm_destroy(&vm);
	vm_destroy(&other);
	WANT_EQ(get_group(&c, dir, &g), 0);
	WANT_EQ(g.usage[VH_RES_MEMORY], 0);
	cgroup_enter(".");
	munmap(more, 1 << 20);
	munmap(others, 1 << 20);
	cgroup_remove("full");
}

/*
 * Memory of the VMM's is charged once, however many memslots show it, of either address space; and what SMM alone sees
 * as all other.
 */
static void shown_often(struct tap_result *r, const void *arg)
{
	/* slot, offset and size in units of 64 KiB, what is used then, or -1: EDQUOT. Size 0: it goes. */
	static const struct { uint32_t slot; int at, size, used; } step[] = {
		{ 0x00001, 0, 4, 4 }, { 0x10000, 0, 4, 4 }, { 0x10001, 2, 4, 6 }, { 0x10002, 8, 4, -1 },
		{ 0x10002, 8, 2, 8 }, { 0x00003, 1, 9, -1 }, { 0x00003, 1, 7, -1 }, { 0x00004, 3, 1, 8 },
		{ 0x10000, 0, 0, 8 }, { 0x00001, 0, 0, 6 }, { 0x10003, 0, 3, 8 }, { 0x00004, 3, 0, 8 },
		{ 0x10001, 2, 0, 5 }, { 0x00003, 0, 6, 8 }, { 0x10002, 8, 0, 6 }, { 0x10003, 0, 0, 6 },
		{ 0x00003, 0, 0, 0 },
	};
	const int unit = 1 << 16;
	char *mem = memory_of(12 * unit);
	int dir = cgroup_make("shown");
	struct vm_info info;
	struct conn c;
	struct vm vm;
	unsigned int i;
	long used = 0;

	(void)arg;
	conn_open(&c);
	WANT_EQ(set_limit(&c, dir, -1, VH_RES_MEMORY, 8 * unit + 4096), 0);
	cgroup_enter("shown");
	vm_create(&vm, 4096, 0);
	for (i = 0; i < sizeof(step) / sizeof(step[0]); i++) {
		int got = vm_slot(&vm, step[i].slot, 0, (uint64_t)(step[i].slot & 0xffff) << 24, (uint64_t)step[i].size * unit,
				  mem + step[i].at * unit);

		WANT(got == (step[i].used < 0 ? -EDQUOT : 0), "step %u: %d", i, got);
		used = step[i].used < 0 ? used : (long)step[i].used * unit;
		WANT_EQ(get_vm(&c, id_of(&vm), &info), 0);
		WANT(info.memory == (uint64_t)used + 4096, "step %u: %llu bytes", i, (unsigned long long)info.memory);
	}
	vm_destroy(&vm);
	munmap(mem, 12 * unit);
	cgroup_enter(".");
	cgroup_remove("shown");
}

/* The VMM is killed, and somebody else has the VM's descriptor: nothing but the VM stays charged. */
static void held_by_another(struct tap_result *r, const void *arg)
{
	int dir = cgroup_make("held"), ready[2], status;
	struct group_info g;
	struct conn c;
	struct vm vm;
	pid_t vmm, holder;
	char byte;

	(void)arg;
	conn_open(&c);
	kvm_open();
	WANT(!pipe(ready), "pipe");
	fflush(stdout);
	vmm = fork();
	if (!vmm) {
		cgroup_enter("held");
		vm_create(&vm, 1 << 20, 0);
		vm_add_vcpu(&vm);
		holder = fork();
		if (!holder)
			for (;;)
				pause();
		if (write(ready[1], &holder, sizeof(holder)) != sizeof(holder))
			_exit(1);
		for (;;)
			pause();
	}
	WANT_EQ(read(ready[0], &holder, sizeof(holder)), (int)sizeof(holder));
	(void)byte;
	WANT_EQ(get_group(&c, dir, &g), 0);
	WANT_EQ(g.usage[VH_RES_VCPUS], 1);
	kill(vmm, SIGKILL);
	waitpid(vmm, &status, 0);
	usleep(100000);
	WANT_EQ(get_group(&c, dir, &g), 0);
	WANT_EQ(g.usage[VH_RES_VMS], 1);
	WANT_EQ(g.usage[VH_RES_MEMORY], 0);
	WANT_EQ(g.usage[VH_RES_VCPUS], 0);
	kill(holder, SIGKILL);
	usleep(300000);
	WANT_EQ(get_group(&c, dir, &g), 0);
	WANT_EQ(g.usage[VH_RES_VMS], 0);
	WANT_EQ(g.usage[VH_RES_TABLES], 0);
	cgroup_remove("held");
}

#define AT(res, level) { "limits-" #res "-level" #level, refused, &(struct at){ VH_RES_##res, level } }
const struct test_case limits_cases[] = {
	AT(VMS, 0), AT(VMS, 1), AT(VMS, 2), AT(VCPUS, 0), AT(VCPUS, 1), AT(VCPUS, 2),
	AT(MEMORY, 0), AT(MEMORY, 1), AT(MEMORY, 2),
	{ "limits-reservation", reservation, NULL },
	{ "limits-reservation-wild", wild, NULL },
	{ "limits-users", users, NULL },
	{ "limits-cgroups-not-held", not_held, NULL },
	{ "limits-memslot-back", comes_back, NULL },
	{ "limits-memory-shown-often", shown_often, NULL },
	{ "limits-held-by-another", held_by_another, NULL },
	{ "limits-tree", tree, NULL },
	{ "limits-removed", removed, NULL },
	{ NULL, NULL, NULL }
};
