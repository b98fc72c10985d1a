// SPDX-License-Identifier: GPL-2.0-only
/* Who may see and do what: the table of docs/security.md, row by row. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

#define USER	1000
#define OTHER	2000

/* The effective and permitted capabilities without those that count here, or nothing but one. */
static int change_caps(uint32_t keep)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2];

	if (syscall(SYS_capget, &h, d))
		return -1;
	d[0].permitted &= keep;
	d[0].effective = d[0].permitted;
	d[0].inheritable = 0;
	d[1].effective = d[1].permitted = d[1].inheritable = 0;
	return syscall(SYS_capset, &h, d);
}

static int drop_admin(void)
{
	return change_caps(~(1u << CAP_SYS_ADMIN | 1u << CAP_KILL));
}

static int keep_admin(void)
{
	return change_caps(1u << CAP_SYS_ADMIN);
}

/* --- rows 1 and 2: see and control --- */

static void stranger(struct tap_result *r, void *arg)
{
	uint32_t id = *(uint32_t *)arg;
	struct vcpu_info v;
	struct vm_info vm;
	struct conn c;
	int cmd, mine;

	conn_open(&c);
	WANT_EQ(get_vm(&c, id, &vm), -ENOENT);
	WANT_EQ(get_vcpu(&c, id, 0, &v), -ENOENT);
	WANT_EQ(dump_count(&c, VH_CMD_VM_GET), 0);
	WANT_EQ(dump_count(&c, VH_CMD_VCPU_GET), 0);
	for (cmd = VH_CMD_VM_PAUSE; cmd <= VH_CMD_VM_KILL; cmd++)
		WANT(vm_command(&c, cmd, id) == -ENOENT, "command %d on another's VM", cmd);
	WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, id), -ENOENT);
	WANT_EQ(vm_rename(&c, id, "mine"), -ENOENT);
	msg_begin(&c, VH_CMD_VM_GET, 0);
	msg_str(&c, VH_A_VM_NAME, "roots");
	WANT_EQ(msg_send(&c, NULL, NULL), -ENOENT);
	msg_begin(&c, VH_CMD_VCPU_GET, NLM_F_DUMP);
	msg_u32(&c, VH_A_VCPU_VM_ID, id);
	WANT_EQ(msg_send(&c, NULL, NULL), -ENOENT);
	/* its own, of the same name */
	mine = vm_define(&c, kvm_open(), "roots", 1, 0, -1, -1);
	WANT(mine > 0, "create: %d", mine);
	WANT_EQ(get_vm(&c, mine, &vm), 0);
	WANT_EQ(vm.uid, USER);
	WANT_EQ(dump_count(&c, VH_CMD_VM_GET), 1);
	WANT_EQ(vm_rename(&c, mine, "users"), 0);
	WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, mine), 0);
	WANT(ioctl(kvm_open(), VH_ATTACH_VM, &id) < 0 && errno == ENOENT, "attach: %d", errno);
}

static void own_only(struct tap_result *r, const void *arg)
{
	struct conn c;
	struct vm vm;
	uint32_t id;

	(void)arg;
	conn_open(&c);
	vm_with_code(&vm, guest_spin, sizeof(guest_spin), 0);
	id = id_of(&vm);
	WANT_EQ(vm_rename(&c, id, "roots"), 0);
	in_child(r, USER, stranger, &id);
	vm_destroy(&vm);
	/* a defined one cannot be attached to either */
	id = vm_define(&c, kvm_open(), "roots", 1, 0, -1, -1);
	in_child(r, USER, stranger, &id);
	WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, id), 0);
}

static void define_one(struct tap_result *r, void *arg)
{
	struct conn c;

	(void)r;
	conn_open(&c);
	*(volatile int *)arg = vm_define(&c, kvm_open(), "twin", 1, 0, -1, -1);
}

static void root_sees(struct tap_result *r, const void *arg)
{
	int before, id[2];
	struct vm_info vm;
	struct conn c;

	(void)arg;
	conn_open(&c);
	before = dump_count(&c, VH_CMD_VM_GET);
	in_child(r, USER, define_one, id);
	in_child(r, OTHER, define_one, id);
	WANT_EQ(dump_count(&c, VH_CMD_VM_GET), before + 2);
	msg_begin(&c, VH_CMD_VM_GET, 0);
	msg_str(&c, VH_A_VM_NAME, "twin");
	WANT_EQ(msg_send(&c, vm_from, &vm), -ENOTUNIQ);
	/* root may attach to and remove what users made */
	for (id[0] = 1, id[1] = 0; id[0] < 20000 && id[1] < 2; id[0]++)
		if (!get_vm(&c, id[0], &vm) && !strcmp(vm.name, "twin")) {
			uint32_t v = vm.id;
			int fd = ioctl(kvm_open(), VH_ATTACH_VM, &v);

			WANT(fd >= 0, "root attaches: %s", strerror(errno));
			close(fd);
			WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, vm.id), 0);
			id[1]++;
		}
	WANT_EQ(id[1], 2);
}

static int by_name(struct conn *c, const char *name, struct vm_info *vm)
{
	msg_begin(c, VH_CMD_VM_GET, 0);
	msg_str(c, VH_A_VM_NAME, name);
	return msg_send(c, vm_from, vm);
}

/* A VM of this name, in a PID namespace of its own, where others have none. */
static void same_name_elsewhere(struct tap_result *r, void *arg)
{
	int *e = arg;
	struct vm_info vm;
	struct conn c;
	int status;
	pid_t pid;

	WANT(!unshare(CLONE_NEWPID), "unshare: %s", strerror(errno));
	pid = fork();
	if (pid) {
		waitpid(pid, &status, 0);
		WANT(!status, "in the namespace: %#x", status);
		return;
	}
	if (setresuid(USER, USER, USER))
		_exit(1);
	conn_open(&c);
	if (by_name(&c, "web", &vm) != -ENOENT)
		_exit(2);
	*e = vm_define(&c, kvm_open(), "web", 1, 0, -1, -1);
	if (*e < 0 || by_name(&c, "web", &vm) || vm.id != (uint32_t)*e)
		_exit(3);
	_exit(0);
}

static void define_web(struct tap_result *r, void *arg)
{
	int *e = arg;
	struct vm_info vm;
	struct conn c;
	int other = *e;

	conn_open(&c);
	/* the one in the namespace within has the name, but is not what is meant */
	*e = vm_define(&c, kvm_open(), "web", 1, 0, -1, -1);
	WANT(*e > 0, "a name that is used elsewhere cannot be had: %d", *e);
	WANT_EQ(by_name(&c, "web", &vm), 0);
	WANT_EQ(vm.id, *e);
	WANT_EQ(get_vm(&c, other, &vm), 0);
}

/* One's own come first; ids always work; names tell nothing of other namespaces. */
static void names(struct tap_result *r, const void *arg)
{
	int *e = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
				   -1, 0);
	int mine, users, inner, i;
	struct vm_info vm;
	struct conn c;

	(void)arg;
	conn_open(&c);
	kvm_open();
	in_child(r, USER, define_one, e);	/* "twin" */
	WANT_EQ(by_name(&c, "twin", &vm), 0);
	WANT_EQ(vm.id, *e);
	for (i = 0; i < 2; i++) {	/* made after and before the user's */
		mine = vm_define(&c, kvm_open(), "twin", 1, 0, -1, -1);
		WANT(mine > 0, "create: %d", mine);
		WANT_EQ(by_name(&c, "twin", &vm), 0);
		WANT_EQ(vm.id, mine);
		WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, *e), 0);
		in_child(r, USER, define_one, e);
		WANT_EQ(by_name(&c, "twin", &vm), 0);
		WANT_EQ(vm.id, mine);
		WANT_EQ(get_vm(&c, *e, &vm), 0);
		WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, mine), 0);
	}
	WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, *e), 0);
	in_child(r, 0, same_name_elsewhere, e);
	inner = *e;
	in_child(r, USER, define_web, e);
	users = *e;
	WANT_EQ(by_name(&c, "web", &vm), -ENOTUNIQ);
	WANT(strstr(c.message, "id"), "the error does not say what helps: %s", c.message);
	WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, inner), 0);
	WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, users), 0);
}

/*
 * What counts is CAP_SYS_ADMIN, not the user: a user with it sees all, root
 * without it sees what is root's.
 */
static void without_admin(struct tap_result *r, void *arg)
{
	struct conn c;

	if (drop_admin()) {
		tap_fail(r, "dropping CAP_SYS_ADMIN: %s", strerror(errno));
		return;
	}
	conn_open(&c);
	WANT_EQ(dump_count(&c, VH_CMD_VM_GET), 1);
	WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, *(int *)arg), -ENOENT);
	WANT_EQ(set_limit(&c, open(CGROUP, O_RDONLY), -1, VH_RES_VMS, VH_LIMIT_NONE), -EPERM);
	WANT(setsockopt(c.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &c.events_group,
			sizeof(c.events_group)) < 0 && errno == EPERM,
	     "joins the group without CAP_SYS_ADMIN: %d", errno);
}

static void with_admin(struct tap_result *r, void *arg)
{
	struct vm_info vm;
	struct conn c;

	if (prctl(PR_SET_KEEPCAPS, 1) || setresuid(OTHER, OTHER, OTHER) || keep_admin()) {
		tap_fail(r, "keeping CAP_SYS_ADMIN: %s", strerror(errno));
		return;
	}
	conn_open(&c);
	WANT_EQ(dump_count(&c, VH_CMD_VM_GET), 2);
	WANT_EQ(get_vm(&c, *(int *)arg, &vm), 0);
	WANT_EQ(set_limit(&c, open(CGROUP, O_RDONLY), -1, VH_RES_VMS, VH_LIMIT_NONE), 0);
	WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, *(int *)arg), 0);
}

static void capability(struct tap_result *r, const void *arg)
{
	int *id = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct vm vm;

	(void)arg;
	vm_create(&vm, 1 << 20, 0);
	in_child(r, USER, define_one, id);
	WANT(*id > 0, "create: %d", *id);
	in_child(r, 0, without_admin, id);
	in_child(r, 0, with_admin, id);
	vm_destroy(&vm);
}

/* --- row 3: create needs /dev/vh --- */

static void no_device(struct tap_result *r, const void *arg)
{
	int null = open("/dev/null", O_RDWR);
	struct conn c;

	(void)arg;
	conn_open(&c);
	WANT_EQ(vm_define(&c, -1, NULL, 1, 0, -1, -1), -EINVAL);
	WANT_EQ(vm_define(&c, null, NULL, 1, 0, -1, -1), -EBADF);
	WANT_EQ(vm_define(&c, 999, NULL, 1, 0, -1, -1), -EBADF);
	WANT_EQ(vm_define(&c, kvm_open(), NULL, 1, 4095, -1, -1), -EINVAL);
	WANT_EQ(vm_define(&c, kvm_open(), NULL, 1, 1ULL << 63, -1, -1), -EINVAL);
	WANT_EQ(vm_define(&c, kvm_open(), NULL, 1025, 0, -1, -1), -ERANGE);
	close(null);
}

/* --- row 4: another cgroup --- */

static void into_cgroup(struct tap_result *r, void *arg)
{
	int dev = kvm_open(), dir, procs, read_only, common, id;
	struct vm_info vm;
	struct conn c;

	(void)arg;
	conn_open(&c);
	procs = cgroup_procs("deleg/sub");
	common = cgroup_procs("deleg");
	WANT(procs >= 0 && common >= 0, "the user cannot write what was given to it");
	/* this task is in deleg/sub2: both, and right */
	WANT_EQ(vm_define(&c, dev, "into", 1, 0, procs, -1), -EACCES);
	WANT(strstr(c.message, "common"), "the error does not say what is missing: %s", c.message);
	WANT_EQ(vm_define(&c, dev, "into", 1, 0, procs, procs), -EBADF);
	id = vm_define(&c, dev, "into", 1, 0, procs, common);
	WANT(id > 0, "create: %d %s", id, c.message);
	WANT_EQ(get_vm(&c, id, &vm), 0);
	WANT_EQ(vm.cgroup, cgroup_id("deleg/sub"));
	WANT(!strcmp(vm.path, "/deleg/sub"), "path '%s'", vm.path);
	WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, id), 0);
	/* what is no cgroup.procs, or not open for writing */
	dir = open(CGROUP "/deleg/sub", O_RDONLY);
	WANT_EQ(vm_define(&c, dev, "into", 1, 0, dir, common), -EBADF);
	read_only = open(CGROUP "/deleg/sub/cgroup.procs", O_RDONLY);
	WANT_EQ(vm_define(&c, dev, "into", 1, 0, read_only, common), -EACCES);
	close(read_only);
	read_only = open(CGROUP "/deleg/sub/cgroup.threads", O_WRONLY);
	WANT_EQ(vm_define(&c, dev, "into", 1, 0, read_only, common), -EBADF);
	WANT(cgroup_procs("deleg2") < 0, "the user may write what it was not given");
}

static void delegate(const char *path)
{
	char file[300];

	close(cgroup_make(path));
	snprintf(file, sizeof(file), CGROUP "/%s", path);
	if (chown(file, USER, USER))
		return;
	snprintf(file, sizeof(file), CGROUP "/%s/cgroup.procs", path);
	if (chown(file, USER, USER))
		return;
	snprintf(file, sizeof(file), CGROUP "/%s/cgroup.threads", path);
	if (chown(file, USER, USER))
		return;
}

static void cleanup(void)
{
	cgroup_enter(".");
	cgroup_remove("deleg/sub");
	cgroup_remove("deleg/sub2");
	cgroup_remove("deleg");
	cgroup_remove("deleg2");
}

static void set_up(void)
{
	kvm_open();
	delegate("deleg");
	delegate("deleg/sub");
	delegate("deleg/sub2");
	close(cgroup_make("deleg2"));
}

static void cgroups(struct tap_result *r, const void *arg)
{
	(void)arg;
	set_up();
	cgroup_enter("deleg/sub2");
	in_child(r, USER, into_cgroup, NULL);
	cleanup();
}

/* --- row 6 and 7: groups --- */

static void limits_by_user(struct tap_result *r, void *arg)
{
	int top = open(CGROUP "/deleg", O_RDONLY), sub = open(CGROUP "/deleg/sub", O_RDONLY),
	    procs = cgroup_procs("deleg"), subprocs = cgroup_procs("deleg/sub"), bad;
	struct group_info g;
	struct conn c;

	(void)arg;
	conn_open(&c);
	/* figures: what can be opened can be read */
	WANT_EQ(get_group(&c, top, &g), 0);
	WANT(get_group(&c, procs, &g) < 0, "a file passes for a directory");
	/* a sub-cgroup of what was given: yes, with the parent's cgroup.procs */
	WANT_EQ(set_limit(&c, sub, -1, VH_RES_VMS, 5), -EPERM);
	WANT(strstr(c.message, "parent-fd"), "the error does not say what is missing: %s", c.message);
	WANT_EQ(set_limit(&c, sub, subprocs, VH_RES_VMS, 5), -EBADF);
	bad = open(CGROUP "/deleg/cgroup.procs", O_RDONLY);
	WANT_EQ(set_limit(&c, sub, bad, VH_RES_VMS, 5), -EACCES);
	bad = open("/dev/null", O_RDWR);
	WANT_EQ(set_limit(&c, sub, bad, VH_RES_VMS, 5), -EBADF);
	bad = open(CGROUP "/deleg/cgroup.threads", O_WRONLY);
	WANT(bad >= 0, "cgroup.threads: %s", strerror(errno));
	WANT_EQ(set_limit(&c, sub, bad, VH_RES_VMS, 5), -EBADF);
	WANT_EQ(set_limit(&c, sub, 999, VH_RES_VMS, 5), -EBADF);
	WANT_EQ(set_limit(&c, 999, procs, VH_RES_VMS, 5), -EBADF);
	WANT_EQ(get_group(&c, sub, &g), 0);
	WANT_EQ(g.limit[VH_RES_VMS], VH_LIMIT_NONE);
	WANT_EQ(set_limit(&c, sub, procs, VH_RES_VMS, 5), 0);
	WANT_EQ(get_group(&c, sub, &g), 0);
	WANT_EQ(g.limit[VH_RES_VMS], 5);
	/* what was given itself: no, whatever it shows */
	WANT_EQ(set_limit(&c, top, -1, VH_RES_VMS, 5), -EPERM);
	WANT_EQ(set_limit(&c, top, procs, VH_RES_VMS, 5), -EBADF);
	WANT(cgroup_procs(".") < 0, "the user may write the root's cgroup.procs");
	WANT_EQ(set_limit(&c, open(CGROUP, O_RDONLY), procs, VH_RES_VMS, 5), -EPERM);
}

static void delegation(struct tap_result *r, const void *arg)
{
	(void)arg;
	set_up();
	in_child(r, USER, limits_by_user, NULL);
	cleanup();
}

/* --- the socket's opener and the sender --- */

static void lent_socket(struct tap_result *r, void *arg)
{
	uint32_t id = *(uint32_t *)arg;
	struct conn c, own;
	struct event_info e;
	struct vm_info vm;
	int status, i;
	pid_t pid;

	/* opened by the user, written to by root: as good as the user */
	if (setegid(USER) || seteuid(USER)) {
		tap_fail(r, "seteuid: %s", strerror(errno));
		return;
	}
	conn_open(&c);
	pid = fork();
	if (!pid) {
		if (seteuid(0))
			_exit(2);
		for (i = 0; i < 2; i++, c.plain_write = true) {
			if (get_vm(&c, id, &vm) != -ENOENT)
				_exit(3 + i);
			if (dump_count(&c, VH_CMD_VM_GET))
				_exit(5 + i);
			if (vm_command(&c, VH_CMD_VM_KILL, id) != -ENOENT)
				_exit(7 + i);
			if (set_limit(&c, open(CGROUP, O_RDONLY), -1, VH_RES_VMS, 1) != -EPERM)
				_exit(9 + i);
		}
		/* nor does it hear what root hears */
		conn_open(&own);
		if (events_ask(&c) || vm_rename(&own, id, "renamed"))
			_exit(11);
		if (event_next(&c, &e, 200))
			_exit(12);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	WANT(!status, "root's rights through a user's socket: %#x", status);
}

static void sockets(struct tap_result *r, const void *arg)
{
	struct vm vm;
	uint32_t id;

	(void)arg;
	vm_create(&vm, 1 << 20, 0);
	id = id_of(&vm);
	in_child(r, 0, lent_socket, &id);
	vm_destroy(&vm);
}

/* --- rows 8 and 9: events --- */

static void user_events(struct tap_result *r, void *arg)
{
	int *pipes = arg, id;
	struct event_info e;
	unsigned int n = 0;
	struct conn c, own;
	char byte;

	conn_open(&c);
	conn_open(&own);
	/* the group is not for users */
	WANT(setsockopt(c.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &c.events_group,
			sizeof(c.events_group)) < 0 && errno == EPERM,
	     "a user joins the multicast group: %d", errno);
	WANT_EQ(events_ask(&own), 0);
	WANT_EQ(events_ask(&own), -EALREADY);
	if (write(pipes[1], "x", 1) != 1 || read(pipes[2], &byte, 1) != 1)
		return;		/* root has made and removed a VM meanwhile */
	id = vm_define(&c, kvm_open(), "heard", 1, 0, -1, -1);
	WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, id), 0);
	while (event_next(&own, &e, 500)) {
		WANT(e.vm == (uint32_t)id, "hears of VM %u, its own is %d", e.vm, id);
		WANT(e.seq == ++n, "event %u has number %llu", n, (long long)e.seq);
	}
	WANT_EQ(n, 2);
}

static void events(struct tap_result *r, const void *arg)
{
	int to[2], from[2], pipes[4], id, heard = 0, status;
	struct tap_result inner = { 0 };
	struct event_info e;
	struct conn c, group;
	char byte;
	pid_t pid;

	(void)arg;
	conn_open(&c);
	conn_open(&group);
	WANT(!setsockopt(group.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group.events_group,
			 sizeof(group.events_group)), "root cannot join the group: %s", strerror(errno));
	if (pipe(to) || pipe(from))
		return;
	memcpy(pipes, to, sizeof(to));
	memcpy(pipes + 2, from, sizeof(from));
	kvm_open();
	pid = fork();
	if (!pid) {
		in_child(&inner, USER, user_events, pipes);
		if (inner.verdict == TAP_FAIL)
			printf("# %s\n", inner.why);
		_exit(inner.verdict == TAP_FAIL);
	}
	WANT(read(to[0], &byte, 1) == 1, "the user's part failed");
	id = vm_define(&c, kvm_open(), "secret", 1, 0, -1, -1);
	WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, id), 0);
	WANT_EQ(set_limit(&c, cgroup_make("."), -1, VH_RES_VMS, VH_LIMIT_NONE), 0);
	WANT(write(from[1], "x", 1) == 1, "pipe");
	waitpid(pid, &status, 0);
	WANT(!status, "the user's part failed: %#x", status);
	while (event_next(&group, &e, 500))
		heard++;
	WANT(heard == 5, "root hears %d events of 5", heard);
}

/* In a network namespace of its own a user may join the group there: nothing is sent to it. */
static void private_net(struct tap_result *r, void *arg)
{
	int *pipes = arg, i;
	struct event_info e;
	struct conn c;
	char byte;

	WANT(!unshare(CLONE_NEWUSER | CLONE_NEWNET), "unshare: %s", strerror(errno));
	conn_open(&c);
	for (i = 0; i < 2; i++) {	/* as a member, if it may, and by asking */
		if (i)
			WANT_EQ(events_ask(&c), 0);
		else
			setsockopt(c.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &c.events_group,
				   sizeof(c.events_group));
		WANT(write(pipes[1], "x", 1) == 1 && read(pipes[2], &byte, 1) == 1, "pipe");
		WANT(!event_next(&c, &e, 300), "hears event %u of VM %u", e.type, e.vm);
	}
}

static void events_net(struct tap_result *r, const void *arg)
{
	int to[2], from[2], pipes[4], id, status, i;
	struct tap_result inner = { 0 };
	struct conn c;
	char byte;
	pid_t pid;

	(void)arg;
	conn_open(&c);
	if (pipe(to) || pipe(from))
		return;
	memcpy(pipes, to, sizeof(to));
	memcpy(pipes + 2, from, sizeof(from));
	kvm_open();
	pid = fork();
	if (!pid) {
		close(to[0]);
		close(from[1]);
		in_child(&inner, USER, private_net, pipes);
		if (inner.verdict == TAP_FAIL)
			printf("# %s\n", inner.why);
		fflush(stdout);
		_exit(inner.verdict == TAP_FAIL);
	}
	close(to[1]);
	close(from[0]);
	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < 2; i++) {
		if (read(to[0], &byte, 1) != 1)
			break;		/* its verdict follows */
		id = vm_define(&c, kvm_open(), "secret", 1, 0, -1, -1);
		WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, id), 0);
		if (write(from[1], "x", 1) != 1)
			break;
	}
	waitpid(pid, &status, 0);
	WANT(!status, "the user's part failed: %#x", status);
}

/* --- namespaces --- */

static void inside(struct tap_result *r, void *arg)
{
	struct vm_info vm, outer;
	struct group_info g;
	struct conn c;
	int status, n = 0;
	pid_t pid;

	cgroup_enter("deleg/sub");
	WANT(!unshare(CLONE_NEWCGROUP | CLONE_NEWPID | CLONE_NEWNET), "unshare: %s", strerror(errno));
	pid = fork();
	if (pid) {
		waitpid(pid, &status, 0);
		WANT(!status || r->verdict == TAP_FAIL, "the inner process ended with %#x", status);
		return;
	}
	/* process 1 of its namespace, at the root of its cgroup namespace, in its own network */
	conn_open(&c);
	vm.id = vm_define(&c, kvm_open(), "ns", 1, 0, -1, -1);
	if (get_vm(&c, vm.id, &vm) || vm.pid != 1 || strcmp(vm.path, "/"))
		tap_fail(r, "inside: pid %u, path '%s'", vm.pid, vm.path);
	n = dump_count(&c, VH_CMD_GROUP_GET);
	if (n < 1)
		tap_fail(r, "inside: %d groups", n);
	if (get_vm(&c, *(uint32_t *)arg, &outer) || outer.pid || strncmp(outer.path, "/..", 3))
		tap_fail(r, "a VM outside: pid %u, path '%s'", outer.pid, outer.path);
	if (!get_group_id(&c, vm.cgroup, &g) && strcmp(g.path, "/"))
		tap_fail(r, "inside: the group's path is '%s'", g.path);
	vm_command(&c, VH_CMD_VM_DESTROY, vm.id);
	_exit(0);
}

static void user_in_ns(struct tap_result *r, void *arg)
{
	struct group_info g;
	struct conn c;

	(void)arg;
	conn_open(&c);
	/* a user sees the groups of its cgroup namespace, and no others */
	WANT_EQ(get_group_id(&c, 1, &g), -ENOENT);
	WANT_EQ(dump_count(&c, VH_CMD_GROUP_GET), 1);
}

static void refused_above(struct tap_result *r, void *arg)
{
	struct conn c, events;
	struct event_info e;

	(void)arg;
	conn_open(&c);
	conn_open(&events);
	WANT_EQ(events_ask(&events), 0);
	WANT_EQ(vm_define(&c, kvm_open(), NULL, 0, 1 << 20, -1, -1), -EDQUOT);
	WANT(event_next(&events, &e, 1000), "no event");
	WANT_EQ(e.type, VH_EVENT_LIMIT);
	WANT_EQ(e.requested, 1 << 20);
	WANT_EQ(e.limit, 0);
}

static void cgroup_ns(struct tap_result *r, void *arg)
{
	struct group_info g;
	struct conn c;

	(void)arg;
	conn_open(&c);
	cgroup_enter("deleg/sub");
	WANT_EQ(get_group(&c, open(CGROUP "/deleg/sub", O_RDONLY), &g), 0);
	WANT_EQ(set_limit(&c, open(CGROUP "/deleg", O_RDONLY), -1, VH_RES_MEMORY, 8192), 0);
	WANT(!unshare(CLONE_NEWCGROUP), "unshare: %s", strerror(errno));
	in_child(r, USER, user_in_ns, NULL);
	/* and is not told what a group above it has */
	in_child(r, USER, refused_above, NULL);
}

/* Root of a user namespace is not root. */
static void ns_root(struct tap_result *r, void *arg)
{
	struct vm_info vm;
	struct conn c;
	int mine;

	if (unshare(CLONE_NEWUSER)) {
		tap_fail(r, "unshare: %s", strerror(errno));
		return;
	}
	conn_open(&c);
	WANT_EQ(get_vm(&c, *(uint32_t *)arg, &vm), -ENOENT);
	WANT_EQ(dump_count(&c, VH_CMD_VM_GET), 0);
	WANT_EQ(set_limit(&c, open(CGROUP, O_RDONLY), -1, VH_RES_VMS, 5), -EPERM);
	/* its own it sees, of a user that has no number there */
	mine = vm_define(&c, kvm_open(), NULL, 1, 0, -1, -1);
	WANT(mine > 0, "create: %d", mine);
	WANT_EQ(get_vm(&c, mine, &vm), 0);
	WANT_EQ(vm.uid, 65534);
	WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, mine), 0);
}

/* --- security modules: Landlock is there for everybody, and mediates signals from 6.12 on --- */

static void locked_in(struct tap_result *r, void *arg)
{
	/* struct landlock_ruleset_attr with .scoped = LANDLOCK_SCOPE_SIGNAL */
	uint64_t attr[3] = { 0, 0, 2 };
	const uint32_t *ids = arg;
	struct event_info e;
	struct conn c, own;
	struct vm_info vm;
	struct vm mine;
	int fd;

	conn_open(&c);
	WANT_EQ(get_vm(&c, ids[0], &vm), 0);
	fd = syscall(SYS_landlock_create_ruleset, attr, sizeof(attr), 0);
	WANT(fd >= 0, "landlock_create_ruleset: %s", strerror(errno));
	WANT(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) && !syscall(SYS_landlock_restrict_self, fd, 0),
	     "landlock_restrict_self: %s", strerror(errno));
	WANT_EQ(get_vm(&c, ids[0], &vm), -ENOENT);
	WANT_EQ(vm_command(&c, VH_CMD_VM_KILL, ids[0]), -ENOENT);
	WANT_EQ(dump_count(&c, VH_CMD_VM_GET), 1);	/* the one without a process */
	WANT_EQ(get_vm(&c, ids[1], &vm), 0);
	/* what is within is its own */
	WANT_EQ(events_ask(&c), 0);
	vm_create(&mine, 1 << 20, 0);
	conn_open(&own);
	WANT_EQ(get_vm(&own, id_of(&mine), &vm), 0);
	WANT(event_next(&c, &e, 2000) && e.vm == id_of(&mine), "does not hear of its own");
	vm_destroy(&mine);
}

static void security_module(struct tap_result *r, const void *arg)
{
	uint32_t ids[2];
	struct conn c;
	struct vm vm;

	(void)arg;
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* version */) < 6) {
		tap_skip(r, "Landlock does not mediate signals here");
		return;
	}
	conn_open(&c);
	vm_create(&vm, 1 << 20, 0);
	ids[0] = id_of(&vm);
	ids[1] = vm_define(&c, kvm_open(), NULL, 1, 0, -1, -1);
	in_child(r, 0, locked_in, ids);
	WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, ids[1]), 0);
	vm_destroy(&vm);
}

static void namespaces(struct tap_result *r, const void *arg)
{
	struct vm vm;
	uint32_t id;

	(void)arg;
	set_up();
	vm_create(&vm, 1 << 20, 0);
	id = id_of(&vm);
	in_child(r, 0, inside, &id);
	in_child(r, 0, cgroup_ns, NULL);
	in_child(r, USER, ns_root, &id);
	vm_destroy(&vm);
	cleanup();
}

const struct test_case permissions_cases[] = {
	{ "permissions-own-only", own_only, NULL },
	{ "permissions-root", root_sees, NULL },
	{ "permissions-names", names, NULL },
	{ "permissions-capability", capability, NULL },
	{ "permissions-device", no_device, NULL },
	{ "permissions-cgroup", cgroups, NULL },
	{ "permissions-delegation", delegation, NULL },
	{ "permissions-sockets", sockets, NULL },
	{ "permissions-events", events, NULL },
	{ "permissions-events-net", events_net, NULL },
	{ "permissions-namespaces", namespaces, NULL },
	{ "permissions-security-module", security_module, NULL },
	{ NULL, NULL, NULL }
};
