// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every command from everywhere: other users, capabilities, PID, user, mount, network and cgroup
 * namespaces, sockets that somebody else opened. A row is one who asks; its line for the table of
 * docs/security.md says what was found (tests/netlink/containers.sh).
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

#define CONTAINER	(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWCGROUP)
#define ALL_CAPS	~0u

/* Whose user namespace. */
enum userns {
	USERNS_HOST,
	USERNS_OWN,		/* made by this user, who is root in it */
	USERNS_MAPPED,		/* ids from 100000 on; the user is one of it */
	USERNS_OF_VM,		/* that of the VM in one */
};

struct who {
	unsigned int uid;
	uint32_t caps;		/* kept, where the user namespace is the host's */
	int ns;			/* CLONE_NEW* */
	enum userns userns;
};

/* --- the VMs --- */

enum vm_kind { OF_PROCESS, DEFINED, IN_PID_NS, DEFINED_THERE, IN_USER_NS, VMS };

static const struct {
	struct who owner;
	bool defined;
} vms[VMS] = {
	[OF_PROCESS]	= { { 1000, 0, 0, USERNS_HOST }, false },
	[DEFINED]	= { { 1000, 0, 0, USERNS_HOST }, true },
	[IN_PID_NS]	= { { 1000, 0, CONTAINER, USERNS_HOST }, false },
	[DEFINED_THERE]	= { { 1000, 0, CONTAINER, USERNS_HOST }, true },
	[IN_USER_NS]	= { { 1000, 0, 0, USERNS_MAPPED }, false },
};

/* --- the commands --- */

enum cmd {
	GET_ID, GET_UUID, GET_NAME, DUMP, VCPU, VCPU_DUMP, VCPU_DUMP_ALL, EVENT, RENAME, PAUSE, RESUME,
	STOP, KILL, ATTACH, DESTROY, CMDS
};

/* What who may gets, of a VM with and without a process; 1: not asked. Who may not: -ENOENT. */
static const struct { const char *name; int process, defined; } cmds[CMDS] = {
	[GET_ID]	= { "get by id", 0, 0 },
	[GET_UUID]	= { "get by uuid", 0, 0 },
	[GET_NAME]	= { "get by name", 0, 0 },
	[DUMP]		= { "dump", 0, 0 },
	[VCPU]		= { "vcpu-get", 0, 1 },
	[VCPU_DUMP]	= { "vcpu-dump", 0, 0 },
	[VCPU_DUMP_ALL]	= { "vcpu-dump of all", 0, 1 },
	[EVENT]		= { "event", 0, 0 },
	[RENAME]	= { "rename", 0, 0 },
	[PAUSE]		= { "pause", 0, -ENOTCONN },
	[RESUME]	= { "resume", 0, -ENOTCONN },
	[STOP]		= { "stop", 0, -ENOTCONN },
	[KILL]		= { "kill", 0, -ENOTCONN },
	[ATTACH]	= { "attach", 1, 0 },
	[DESTROY]	= { "destroy", 1, 0 },
};

/* What the processes of a case have in common. */
static struct shared {
	struct conn lent;
	struct { uint32_t id; uint8_t uuid[16]; pid_t pid; } vm[VMS];
	int result[VMS][CMDS];
	uint64_t root;		/* the group */
	int create, group_get, group_dump, group_set;
	char why[200];
} *sh;

static int ready[2], go[2], pass[2];	/* pipes, and a socket for sockets */

/* --- to be somebody --- */

static void fail(const char *what)
{
	snprintf(sh->why, sizeof(sh->why), "%s: %s", what, strerror(errno));
	_exit(4);
}

static void keep_caps(uint32_t keep)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2];

	if (syscall(SYS_capget, &h, d))
		fail("capget");
	d[0].permitted &= keep;
	d[0].effective = d[0].permitted;
	d[1].effective = d[1].permitted = keep == ALL_CAPS ? d[1].permitted : 0;
	d[0].inheritable = d[1].inheritable = 0;
	if (syscall(SYS_capset, &h, d))
		fail("capset");
}

static void set_ids(unsigned int uid)
{
	if (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
		fail("set ids");
}

static void write_map(pid_t pid, const char *name, const char *map)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, map, strlen(map)) < 0)
		fail(path);
	close(fd);
}

static void enter_mapped(void)
{
	int to[2], status;
	pid_t me = getpid(), pid;
	char byte;

	if (pipe(to))
		fail("pipe");
	pid = fork();	/* has to be outside */
	if (!pid) {
		close(to[1]);
		if (read(to[0], &byte, 1) != 1)
			_exit(4);
		write_map(me, "uid_map", "0 100000 65536");
		write_map(me, "gid_map", "0 100000 65536");
		_exit(0);
	}
	if (unshare(CLONE_NEWUSER))
		fail("unshare");
	if (write(to[1], "x", 1) != 1 || waitpid(pid, &status, 0) != pid || status)
		fail("uid_map");
	close(to[0]);
	close(to[1]);
}

/* Run fn as somebody, in this process or a child of it, and end. */
static void be(const struct who *w, void (*fn)(void *arg), void *arg)
{
	char path[64];
	int fd, status;
	pid_t pid;

	if (w->ns & CLONE_NEWCGROUP)
		cgroup_enter("contained");
	switch (w->userns) {
	case USERNS_OWN:
		set_ids(w->uid);
		if (unshare(CLONE_NEWUSER))
			fail("unshare");
		break;
	case USERNS_MAPPED:
		enter_mapped();
		break;
	case USERNS_OF_VM:
		snprintf(path, sizeof(path), "/proc/%d/ns/user", sh->vm[IN_USER_NS].pid);
		fd = open(path, O_RDONLY);
		if (fd < 0 || setns(fd, CLONE_NEWUSER))
			fail("setns");
		close(fd);
		break;
	case USERNS_HOST:
		break;
	}
	if (w->ns && unshare(w->ns))
		fail("unshare");
	if (w->ns & CLONE_NEWPID) {
		pid = fork();
		if (pid) {
			waitpid(pid, &status, 0);
			_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
		}
	}
	if (w->userns == USERNS_HOST) {
		if (w->caps && prctl(PR_SET_KEEPCAPS, 1))
			fail("prctl");
		set_ids(w->uid);
		keep_caps(w->caps);
	} else if (w->userns != USERNS_OWN) {
		set_ids(w->uid);
	}
	fn(arg);
	_exit(0);
}

static pid_t start(const struct who *w, void (*fn)(void *arg), void *arg)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		be(w, fn, arg);
	return pid;
}

static void told(void)
{
	if (write(ready[1], "x", 1) != 1)
		fail("pipe");
}

static void await(int fd)
{
	char byte;

	if (read(fd, &byte, 1) != 1)
		fail("nobody is there");
}

/* Did it come to told()? */
static bool wait_ready(pid_t pid)
{
	struct pollfd p = { .fd = ready[0], .events = POLLIN };
	char byte;

	while (!poll(&p, 1, 10)) {
		siginfo_t info = { 0 };

		if (waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid)
			return poll(&p, 1, 0) == 1 && read(ready[0], &byte, 1) == 1;
	}
	return read(ready[0], &byte, 1) == 1;
}

/* Is it being killed? In a PID namespace another process tells. */
static bool wait_killed(pid_t pid, int ms)
{
	int status;

	for (; waitpid(pid, &status, WNOHANG) != pid; ms -= 10) {
		if (ms <= 0)
			return false;
		usleep(10000);
	}
	return true;
}

static void give(int fd)
{
	char buf[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = buf,
			    .msg_controllen = sizeof(buf) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	if (sendmsg(pass[1], &m, 0) < 0)
		fail("sendmsg");
}

static int receive(void)
{
	char buf[CMSG_SPACE(sizeof(int))] = { 0 }, byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = buf,
			    .msg_controllen = sizeof(buf) };
	int fd;

	if (recvmsg(pass[0], &m, 0) < 0 || !CMSG_FIRSTHDR(&m))
		fail("recvmsg");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

/* --- who has a VM --- */

static void vmm(void *arg)
{
	uintptr_t k = (uintptr_t)arg;
	struct conn c;
	struct vm vm;
	int id;

	if (vms[k].defined) {
		conn_open(&c);
		id = vm_define(&c, kvm_open(), NULL, 1, 0, -1, -1);
		if (id < 0)
			fail("create");
		sh->vm[k].id = id;
		told();
		_exit(0);
	}
	vm_create(&vm, 1 << 20, 0);
	vm_add_vcpu(&vm);
	sh->vm[k].id = id_of(&vm);
	told();
	for (;;)
		pause();
}

/* --- who asks --- */

static const uint32_t *wanted_id;

static void look_for(const struct nlattr *a, int len, int cmd, void *arg)
{
	(void)cmd;
	if (attr_u(a, len, cmd == VH_CMD_VM_GET ? VH_A_VM_ID : VH_A_VCPU_VM_ID) == *wanted_id)
		*(int *)arg = 0;
}

/* 0 when a dump shows the VM, or is of it. */
static int dump(struct conn *c, int cmd, uint32_t id, bool of_one)
{
	int err, found = -ENOENT;

	msg_begin(c, cmd, NLM_F_DUMP);
	if (of_one)
		msg_u32(c, VH_A_VCPU_VM_ID, id);
	wanted_id = &id;
	err = msg_send(c, look_for, &found);
	return of_one || err ? err : found;
}

static void vm_name(char *name, enum vm_kind k, const char *suffix)
{
	sprintf(name, "t%u%s", sh->vm[k].id, suffix);
}

static int by_uuid(struct conn *c, enum vm_kind k)
{
	msg_begin(c, VH_CMD_VM_GET, 0);
	msg_put(c, VH_A_VM_UUID, sh->vm[k].uuid, 16);
	return msg_send(c, NULL, NULL);
}

static int by_name(struct conn *c, enum vm_kind k)
{
	char name[40];

	vm_name(name, k, "");
	msg_begin(c, VH_CMD_VM_GET, 0);
	msg_str(c, VH_A_VM_NAME, name);
	return msg_send(c, NULL, NULL);
}

static int attach(uint32_t id)
{
	int fd = ioctl(kvm_open(), VH_ATTACH_VM, &id);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static void ask_about(struct conn *c, enum vm_kind k, bool lent)
{
	static const int control[] = {
		[PAUSE] = VH_CMD_VM_PAUSE, [RESUME] = VH_CMD_VM_RESUME, [STOP] = VH_CMD_VM_STOP,
		[KILL] = VH_CMD_VM_KILL,
	};
	uint32_t id = sh->vm[k].id;
	struct vcpu_info v;
	struct vm_info vm;
	char name[40];
	int *res = sh->result[k], i;

	vm_name(name, k, "-renamed");
	res[GET_ID] = get_vm(c, id, &vm);
	res[GET_UUID] = by_uuid(c, k);
	res[GET_NAME] = by_name(c, k);
	res[DUMP] = dump(c, VH_CMD_VM_GET, id, false);
	res[VCPU] = get_vcpu(c, id, 0, &v);
	res[VCPU_DUMP] = dump(c, VH_CMD_VCPU_GET, id, true);
	res[VCPU_DUMP_ALL] = dump(c, VH_CMD_VCPU_GET, id, false);
	res[RENAME] = vm_rename(c, id, name);
	for (i = PAUSE; i <= KILL; i++)
		res[i] = vm_command(c, control[i], id);
	if (vms[k].defined) {
		if (!lent)
			res[ATTACH] = attach(id);
		res[DESTROY] = vm_command(c, VH_CMD_VM_DESTROY, id);
	}
}

static void find_root(const struct nlattr *a, int len, int cmd, void *arg)
{
	(void)cmd;
	if (attr_u(a, len, VH_A_GROUP_CGROUP_ID) == sh->root)
		*(int *)arg = 0;
}

static void ask_about_group(struct conn *c)
{
	struct group_info g;
	struct nlattr *nest;
	int err, found = -ENOENT;

	sh->group_get = get_group_id(c, sh->root, &g);
	msg_begin(c, VH_CMD_GROUP_GET, NLM_F_DUMP);
	err = msg_send(c, find_root, &found);
	sh->group_dump = err ? err : found;
	/* a dump of that one is the same */
	found = -ENOENT;
	msg_begin(c, VH_CMD_GROUP_GET, NLM_F_DUMP);
	msg_u64(c, VH_A_GROUP_CGROUP_ID, sh->root);
	err = msg_send(c, find_root, &found);
	if ((err ? err : found) != sh->group_get)
		sh->group_get = -EPROTO;
	msg_begin(c, VH_CMD_GROUP_SET, 0);
	msg_u64(c, VH_A_GROUP_CGROUP_ID, sh->root);
	nest = msg_put(c, VH_A_GROUP_LIMIT | NLA_F_NESTED, NULL, 0);
	msg_u64(c, VH_A_RESOURCE_VMS, VH_LIMIT_NONE);
	nest->nla_len = c->out + c->len - (unsigned char *)nest;
	sh->group_set = msg_send(c, NULL, NULL);
}

/* The socket of somebody else, or one of its own. */
static void ask(void *lent)
{
	struct event_info e;
	struct conn c;
	int k;

	if (lent) {
		c = sh->lent;
		c.fd = receive();
	} else {
		conn_open(&c);
	}
	if (events_ask(&c))
		fail("events");
	told();
	await(go[0]);	/* the VMs are renamed meanwhile */
	for (k = 0; k < VMS; k++)
		sh->result[k][EVENT] = -ENOENT;
	while (event_next(&c, &e, 300))	/* they come a moment later */
		for (k = 0; k < VMS; k++)
			if (e.vm == sh->vm[k].id)
				sh->result[k][EVENT] = 0;
	ask_about_group(&c);
	sh->create = vm_define(&c, kvm_open(), NULL, 1, 0, -1, -1);
	for (k = 0; k < VMS; k++)
		ask_about(&c, k, lent);
}

static void lend(void *arg)
{
	(void)arg;
	conn_open(&sh->lent);
	give(sh->lent.fd);
}

/* --- the rows --- */

struct row {
	const char *name;
	struct who sender, opener;
	bool lent;		/* the socket is @opener's */
	const char *may;	/* for each VM: y or n */
	int create;		/* 0, or an error */
	int group, limit;	/* get the root group's figures, set its limits */
};

static const struct row rows[] = {
	{ "uid 1000", { 1000, 0, 0, USERNS_HOST }, .may = "yyyyn", .limit = -EPERM },
	{ "uid 1000 in a PID namespace", { 1000, 0, CLONE_NEWPID, USERNS_HOST },
	  .may = "nnnnn", .limit = -EPERM },
	{ "uid 1000 in a mount, a network and a cgroup namespace",
	  { 1000, 0, CONTAINER & ~CLONE_NEWPID, USERNS_HOST }, .may = "yyyyn", .group = -ENOENT, .limit = -ENOENT },
	{ "uid 1000 in all of these", { 1000, 0, CONTAINER, USERNS_HOST },
	  .may = "nnnnn", .group = -ENOENT, .limit = -ENOENT },
	{ "uid 1000, root of a user namespace", { 1000, 0, 0, USERNS_OWN },
	  .may = "yyyyn", .limit = -EPERM },
	{ "uid 1000, root of a user namespace, in all of the others", { 1000, 0, CONTAINER, USERNS_OWN },
	  .may = "nnnnn", .group = -ENOENT, .limit = -ENOENT },
	{ "root of a user namespace with ids of its own", { 0, 0, 0, USERNS_MAPPED },
	  .may = "nnnnn", .limit = -EPERM },
	{ "root of the VM's user namespace", { 0, 0, 0, USERNS_OF_VM },
	  .may = "nnnny", .limit = -EPERM },
	{ "uid 2000", { 2000, 0, 0, USERNS_HOST }, .may = "nnnnn", .limit = -EPERM },
	/* It made the user namespace: root's processes may signal those in it. */
	{ "uid 0 without capabilities", { 0, 0, 0, USERNS_HOST }, .may = "nnnny", .limit = -EPERM },
	{ "uid 2000 with CAP_KILL", { 2000, 1u << CAP_KILL, 0, USERNS_HOST },
	  .may = "yyyyy", .limit = -EPERM },
	{ "uid 2000 with CAP_KILL in a PID namespace", { 2000, 1u << CAP_KILL, CLONE_NEWPID, USERNS_HOST },
	  .may = "nnnnn", .limit = -EPERM },
	{ "uid 2000 with CAP_SYS_ADMIN", { 2000, 1u << CAP_SYS_ADMIN, 0, USERNS_HOST },
	  .may = "yyyyy" },
	{ "uid 0 with all capabilities, in a PID, mount, network and cgroup namespace",
	  { 0, ALL_CAPS, CONTAINER, USERNS_HOST }, .may = "yyyyy" },
	{ "uid 1000 on a socket of uid 0", { 1000, 0, 0, USERNS_HOST }, { 0, ALL_CAPS, 0, USERNS_HOST },
	  .lent = true, .may = "yyyyn", .limit = -EPERM },
	{ "uid 0 on a socket of uid 1000", { 0, ALL_CAPS, 0, USERNS_HOST }, { 1000, 0, 0, USERNS_HOST },
	  .lent = true, .may = "nnnnn", .create = -EPERM, .group = -EPERM, .limit = -EPERM },
	{ "uid 0 on a socket of uid 0 without capabilities", { 0, ALL_CAPS, 0, USERNS_HOST },
	  { 0, 0, 0, USERNS_HOST }, .lent = true, .may = "nnnny", .limit = -EPERM },
	{ "uid 2000 on a socket of uid 1000", { 2000, 0, 0, USERNS_HOST }, { 1000, 0, 0, USERNS_HOST },
	  .lent = true, .may = "nnnnn", .create = -EPERM, .group = -EPERM, .limit = -EPERM },
	{ "uid 1000 in all of these, on a socket of uid 1000 outside", { 1000, 0, CONTAINER, USERNS_HOST },
	  { 1000, 0, 0, USERNS_HOST }, .lent = true, .may = "nnnnn", .group = -ENOENT, .limit = -ENOENT },
};

static unsigned int host_uid(const struct who *w)
{
	return w->userns == USERNS_HOST || w->userns == USERNS_OWN ? w->uid : 100000 + w->uid;
}

static void check_vm(struct tap_result *r, const struct row *row, int k)
{
	bool may = row->may[k] == 'y';
	int i, want;

	for (i = 0; i < CMDS; i++) {
		want = vms[k].defined ? cmds[i].defined : cmds[i].process;
		if (want == 1 || (i == ATTACH && row->lent))	/* it takes no socket */
			continue;
		if (!may)
			want = -ENOENT;
		if (sh->result[k][i] != want)
			tap_fail(r, "VM %d: %s is %d, not %d", k, cmds[i].name, sh->result[k][i], want);
	}
}

static void check_created(struct tap_result *r, struct conn *c, const struct row *row)
{
	struct vm_info vm;

	if (row->create || sh->create < 0) {
		WANT(sh->create == row->create, "create is %d, not %d", sh->create, row->create);
		return;
	}
	WANT_EQ(get_vm(c, sh->create, &vm), 0);
	WANT(vm.uid == host_uid(&row->sender), "what it created is of uid %u", vm.uid);
	WANT_EQ(vm_command(c, VH_CMD_VM_DESTROY, sh->create), 0);
}

/* One line of the table, of what was found. */
static void print_row(const struct row *row)
{
	int k;

	printf("# table | %s |", row->name);
	for (k = 0; k < VMS; k++)
		printf(" %s |", sh->result[k][GET_ID] ? strerrorname_np(-sh->result[k][GET_ID]) : "yes");
	printf(" %s |", sh->create < 0 ? strerrorname_np(-sh->create) : "yes");
	printf(" %s | %s |\n", sh->group_get ? strerrorname_np(-sh->group_get) : "yes",
	       sh->group_set ? strerrorname_np(-sh->group_set) : "yes");
	fflush(stdout);
}

static void run(struct tap_result *r, const void *arg)
{
	const struct row *row = arg;
	struct vm_info vm;
	int k, status;
	struct conn c;
	char name[40];
	pid_t pid;

	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	sh->root = cgroup_id(".");
	close(cgroup_make("contained"));
	kvm_open();
	conn_open(&c);
	if (pipe(ready) || pipe(go) || socketpair(AF_UNIX, SOCK_DGRAM, 0, pass)) {
		tap_fail(r, "pipe: %s", strerror(errno));
		return;
	}
	for (k = 0; k < VMS; k++) {
		sh->vm[k].pid = start(&vms[k].owner, vmm, (void *)(uintptr_t)k);
		WANT(wait_ready(sh->vm[k].pid), "VM %d: %s", k, sh->why);
		WANT_EQ(get_vm(&c, sh->vm[k].id, &vm), 0);
		memcpy(sh->vm[k].uuid, vm.uuid, sizeof(vm.uuid));
	}
	if (row->lent) {
		pid = start(&row->opener, lend, NULL);
		waitpid(pid, &status, 0);
		WANT(!status, "the socket's opener: %s", sh->why);
	}
	pid = start(&row->sender, ask, row->lent ? sh : NULL);
	WANT(wait_ready(pid), "%s", sh->why);
	for (k = 0; k < VMS; k++) {
		vm_name(name, k, "");
		WANT_EQ(vm_rename(&c, sh->vm[k].id, name), 0);
	}
	WANT(write(go[1], "x", 1) == 1, "pipe");
	waitpid(pid, &status, 0);
	WANT(!status, "it ended with %#x: %s", status, sh->why);
	for (k = 0; k < VMS; k++) {
		check_vm(r, row, k);
		/* What was killed is dead, what was not is not; nothing is left. */
		if (!vms[k].defined) {
			bool may = row->may[k] == 'y', killed = wait_killed(sh->vm[k].pid, may ? 5000 : 0);

			WANT(killed == may, "VM %d: its process is %s", k,
			     killed ? "killed" : "alive");
			if (!killed)
				WANT_EQ(vm_command(&c, VH_CMD_VM_KILL, sh->vm[k].id), 0);
		} else if (row->may[k] != 'y') {
			WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, sh->vm[k].id), 0);
		}
	}
	check_created(r, &c, row);
	WANT_EQ(sh->group_get, row->group);
	WANT_EQ(sh->group_dump, row->group ? -ENOENT : 0);
	WANT_EQ(sh->group_set, row->limit);
	print_row(row);
	cgroup_remove("contained");
}

#define ROW(n)	{ "containers-" #n, run, &rows[n] }
const struct test_case containers_cases[] = {
	ROW(0), ROW(1), ROW(2), ROW(3), ROW(4), ROW(5), ROW(6), ROW(7), ROW(8), ROW(9), ROW(10), ROW(11),
	ROW(12), ROW(13), ROW(14), ROW(15), ROW(16), ROW(17), ROW(18),
	{ NULL, NULL, NULL }
};
