// SPDX-License-Identifier: GPL-2.0-only
/* What the registry knows of a VM through its life, and the commands. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host.h"

static void identity(struct tap_result *r, const void *arg)
{
	struct vm_info info, again;
	struct vh_vm_id id;
	struct conn c;
	struct vm vm;

	(void)arg;
	conn_open(&c);
	vm_with_code(&vm, guest_spin, sizeof(guest_spin), VM_IRQCHIP);
	xioctl(vm.fd, VH_GET_VM_ID, &id);
	WANT_EQ(get_vm(&c, id.id, &info), 0);
	WANT_EQ(info.id, id.id);
	WANT(!memcmp(info.uuid, id.uuid, 16), "the UUIDs differ");
	WANT_EQ(info.uid, 0);
	WANT_EQ(info.pid, getpid());
	WANT(!strcmp(info.comm, "netlink"), "comm is '%s'", info.comm);
	WANT_EQ(info.vcpus, 1);
	WANT_EQ(info.memory, 1 << 20);
	WANT_EQ(info.state, VH_VM_CREATED);
	WANT_EQ(info.cgroup, cgroup_id("."));
	WANT(!strcmp(info.path, "/"), "path is '%s'", info.path);
	WANT(!info.defined, "it counts as defined");
	WANT(!info.c.v[VH_A_COUNTER_EXITS] && !info.c.v[VH_A_COUNTER_GUEST_TIME], "it has run");
	usleep(20000);
	/* by UUID and by name */
	msg_begin(&c, VH_CMD_VM_GET, 0);
	msg_put(&c, VH_A_VM_UUID, id.uuid, 16);
	WANT_EQ(msg_send(&c, vm_from, &again), 0);
	WANT_EQ(again.id, info.id);
	WANT(again.age > info.age, "it does not grow older");
	msg_begin(&c, VH_CMD_VM_GET, 0);
	msg_str(&c, VH_A_VM_NAME, info.name);
	WANT_EQ(msg_send(&c, vm_from, &again), 0);
	WANT_EQ(again.id, info.id);
	vm_destroy(&vm);
	WANT_EQ(get_vm(&c, id.id, &info), -ENOENT);
	WANT_EQ(get_vm(&c, 0x7fffffff, &info), -ENOENT);
}

static void names(struct tap_result *r, const void *arg)
{
	static const char *const bad[] = {
		"", "1", "123", "a b", "a/b", "-a", "\xc3\xa4", "a\n", "vm-7", "vm-007", "vm-4294967297",
		"f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
	};
	static const char *const good[] = { "vm-", "vm-7a", "vm7", "0x7", "f81d4fae-7dec-11d0-a765-00a0c91e6bf" };
	char longest[66];
	struct vm_info info;
	struct vm a, b;
	struct conn c;
	unsigned int i;

	(void)arg;
	conn_open(&c);
	vm_create(&a, 1 << 20, 0);
	vm_create(&b, 1 << 20, 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		WANT(vm_rename(&c, id_of(&a), bad[i]) == -EINVAL, "'%s' is accepted", bad[i]);
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		WANT(!vm_rename(&c, id_of(&a), good[i]), "'%s' is refused: %s", good[i], c.message);
	/* the name that a VM has by itself is nobody else's, and stays its own */
	WANT_EQ(get_vm(&c, id_of(&b), &info), 0);
	WANT_EQ(vm_rename(&c, id_of(&a), info.name), -EINVAL);
	WANT_EQ(vm_define(&c, kvm_open(), info.name, 1, 0, -1, -1), -EINVAL);
	memset(longest, 'x', 65);
	longest[63] = 0;
	WANT_EQ(vm_rename(&c, id_of(&a), longest), 0);
	longest[63] = 'x';
	longest[64] = 0;
	WANT_EQ(vm_rename(&c, id_of(&a), longest), -EINVAL);
	WANT_EQ(vm_rename(&c, id_of(&a), "web.1_x+y:z@h-0"), 0);
	WANT_EQ(vm_rename(&c, id_of(&b), "web.1_x+y:z@h-0"), -EEXIST);
	WANT(strstr(c.message, "name") && c.attr > 0, "the error names no attribute: '%s'", c.message);
	WANT_EQ(vm_rename(&c, id_of(&a), "web.1_x+y:z@h-0"), 0);	/* its own */
	WANT_EQ(get_vm(&c, id_of(&a), &info), 0);
	WANT(!strcmp(info.name, "web.1_x+y:z@h-0"), "the name is '%s'", info.name);
	vm_destroy(&a);
	WANT_EQ(vm_rename(&c, id_of(&b), "web.1_x+y:z@h-0"), 0);
	snprintf(longest, sizeof(longest), "vm-%u", id_of(&b));
	WANT_EQ(vm_rename(&c, id_of(&b), longest), 0);
	vm_destroy(&b);
}

static void strict(struct tap_result *r, const void *arg)
{
	struct nlmsghdr *h;
	struct conn c;
	int cmd;

	(void)arg;
	conn_open(&c);
	/* nothing given */
	for (cmd = VH_CMD_VM_GET; cmd < VH_CMD_EVENT; cmd++) {
		msg_begin(&c, cmd, 0);
		WANT(msg_send(&c, NULL, NULL) == -EINVAL, "command %d without attributes is accepted", cmd);
		WANT(c.message[0], "command %d: no words about what is missing", cmd);
	}
	/* an attribute that the command does not take: named */
	msg_begin(&c, VH_CMD_VM_GET, 0);
	msg_u32(&c, VH_A_VM_STATE, 1);
	WANT_EQ(msg_send(&c, NULL, NULL), -EINVAL);
	WANT_EQ(c.attr, 20);
	/* one that does not exist */
	msg_begin(&c, VH_CMD_VM_GET, 0);
	msg_u32(&c, VH_A_VM_ID, 1);
	msg_u32(&c, VH_A_VM_MAX + 1, 1);
	WANT_EQ(msg_send(&c, NULL, NULL), -EINVAL);
	WANT_EQ(c.attr, 28);
	/* wrong lengths */
	msg_begin(&c, VH_CMD_VM_GET, 0);
	msg_u64(&c, VH_A_VM_ID, 1);
	WANT_EQ(msg_send(&c, NULL, NULL), -EINVAL);
	WANT_EQ(c.attr, 20);
	msg_begin(&c, VH_CMD_VM_GET, 0);
	msg_u32(&c, VH_A_VM_ID, 0);
	WANT_EQ(msg_send(&c, NULL, NULL), -ERANGE);
	WANT_EQ(c.attr, 20);
	msg_begin(&c, VH_CMD_VM_GET, 0);
	msg_put(&c, VH_A_VM_UUID, "short", 5);
	WANT_EQ(msg_send(&c, NULL, NULL), -ERANGE);
	WANT_EQ(c.attr, 20);
	msg_begin(&c, VH_CMD_VM_GET, 0);
	msg_put(&c, VH_A_VM_NAME, "unterminated", 12);
	WANT_EQ(msg_send(&c, NULL, NULL), -EINVAL);
	WANT_EQ(c.attr, 20);
	/* bytes that are no attribute */
	msg_begin(&c, VH_CMD_VM_GET, 0);
	msg_u32(&c, VH_A_VM_ID, 1);
	c.len += 3;
	WANT_EQ(msg_send(&c, NULL, NULL), -EINVAL);
	/* reserved header bytes */
	msg_begin(&c, VH_CMD_VM_GET, 0);
	h = (void *)c.out;
	((struct genlmsghdr *)NLMSG_DATA(h))->reserved = 1;
	msg_u32(&c, VH_A_VM_ID, 1);
	WANT_EQ(msg_send(&c, NULL, NULL), -EINVAL);
	/* no such command; one that has no dump */
	msg_begin(&c, VH_CMD_MAX + 1, 0);
	WANT_EQ(msg_send(&c, NULL, NULL), -EOPNOTSUPP);
	msg_begin(&c, VH_CMD_VM_KILL, NLM_F_DUMP);
	WANT_EQ(msg_send(&c, NULL, NULL), -EOPNOTSUPP);
	/* limits: an unknown resource, an empty nest */
	msg_begin(&c, VH_CMD_GROUP_SET, 0);
	msg_u64(&c, VH_A_GROUP_CGROUP_ID, 1);
	{
		struct nlattr *nest = msg_put(&c, VH_A_GROUP_LIMIT | NLA_F_NESTED, NULL, 0);

		msg_u64(&c, VH_A_RESOURCE_MAX + 1, 1);
		nest->nla_len = c.out + c.len - (unsigned char *)nest;
	}
	WANT_EQ(msg_send(&c, NULL, NULL), -EINVAL);
	WANT_EQ(c.attr, 20 + 12 + NLA_HDRLEN);
	/* a VM that is not there: the attribute that names it is named */
	msg_begin(&c, VH_CMD_VCPU_GET, 0);
	msg_u32(&c, VH_A_VCPU_ID, 0);
	msg_u32(&c, VH_A_VCPU_VM_ID, 0x7ffffff0);
	WANT_EQ(msg_send(&c, NULL, NULL), -ENOENT);
	WANT_EQ(c.attr, 28);
	WANT(c.message[0], "no words about a VM that is not there");
}

static bool running(void *arg)
{
	return GUEST_COUNTER((struct vm *)arg) > 1000;
}

static void pause_resume(struct tap_result *r, const void *arg)
{
	struct vcpu_info v;
	struct vm_info info;
	struct runner run;
	struct conn c;
	struct vm vm;
	uint32_t id, n;
	int i;

	(void)arg;
	conn_open(&c);
	vm_with_code(&vm, guest_spin, sizeof(guest_spin), VM_IRQCHIP);
	id = id_of(&vm);
	runner_start(&run, &vm.vcpu[0]);
	WANT(wait_for(running, &vm, 5000), "the guest does not run");
	for (i = 0; i < 20; i++) {
		WANT_EQ(vm_command(&c, VH_CMD_VM_PAUSE, id), 0);
		n = GUEST_COUNTER(&vm);
		usleep(3000);
		WANT(n == GUEST_COUNTER(&vm), "a paused guest runs");
		WANT_EQ(get_vm(&c, id, &info), 0);
		WANT_EQ(info.state, VH_VM_PAUSED);
		WANT_EQ(get_vcpu(&c, id, 0, &v), 0);
		WANT(v.state == VH_VCPU_PAUSED || v.state == VH_VCPU_HOST, "its vCPU is in state %u",
		     v.state);
		WANT_EQ(vm_command(&c, VH_CMD_VM_PAUSE, id), 0);	/* once more does no harm */
		WANT_EQ(vm_command(&c, VH_CMD_VM_RESUME, id), 0);
		GUEST_COUNTER(&vm) = 0;
		WANT(wait_for(running, &vm, 5000), "a resumed guest does not run");
		WANT_EQ(get_vm(&c, id, &info), 0);
		WANT_EQ(info.state, VH_VM_RUNNING);
	}
	WANT(info.tables >= 4 << 12, "a running VM has %llu bytes of page tables",
	     (long long)info.tables);
	/* paused before it runs for the first time, and a signal gets through */
	WANT_EQ(vm_command(&c, VH_CMD_VM_PAUSE, id), 0);
	runner_stop(&run);
	n = GUEST_COUNTER(&vm);
	runner_start(&run, &vm.vcpu[0]);
	usleep(10000);
	WANT(n == GUEST_COUNTER(&vm), "a paused guest is started");
	runner_stop(&run);
	vm_destroy(&vm);
}

static bool told(void *arg)
{
	return ((struct runner *)arg)->system_events > 0;
}

static void stop(struct tap_result *r, const void *arg)
{
	struct runner run, second;
	struct vm_info info;
	struct conn c;
	struct vm vm;
	uint32_t id;
	int i;

	(void)arg;
	conn_open(&c);
	vm_with_code(&vm, guest_spin, sizeof(guest_spin), 0);
	vm_add_vcpu(&vm);
	vcpu_set_mode(&vm, &vm.vcpu[1], MODE_FLAT32, 0x1000, 0x6000);
	id = id_of(&vm);
	runner_start(&run, &vm.vcpu[0]);
	runner_start(&second, &vm.vcpu[1]);
	WANT(wait_for(running, &vm, 5000), "the guest does not run");
	WANT_EQ(vm_command(&c, VH_CMD_VM_STOP, id), 0);
	for (i = 0; i < 500 && !run.system_events && !second.system_events; i++)
		usleep(10000);
	usleep(50000);
	WANT_EQ(run.system_events + second.system_events, 1);
	WANT_EQ((run.system_events ? run : second).v->run->system_event.type,
		KVM_SYSTEM_EVENT_SHUTDOWN);
	runner_stop(&second);
	run.system_events = 0;
	WANT_EQ(get_vm(&c, id, &info), 0);
	WANT_EQ(info.state, VH_VM_STOPPING);
	/* also while it is paused */
	WANT_EQ(vm_command(&c, VH_CMD_VM_PAUSE, id), 0);
	run.system_events = 0;
	WANT_EQ(vm_command(&c, VH_CMD_VM_STOP, id), 0);
	WANT(wait_for(told, &run, 5000), "the VMM of a paused VM is not told");
	runner_stop(&run);
	vm_destroy(&vm);
}

/* Nothing wakes a guest that halts with interrupts masked; who has its VM stopped is heard all the same. */
static void stop_halted(struct tap_result *r, const void *arg)
{
	static const uint8_t code[] = { 0xfa, 0xf4, 0xeb, 0xfd };	/* CLI; HLT; JMP to it */
	struct vcpu_info v = { };
	struct runner run;
	struct conn c;
	struct vm vm;
	uint32_t id;
	int i;

	(void)arg;
	conn_open(&c);
	vm_with_code(&vm, code, sizeof(code), VM_IRQCHIP);
	id = id_of(&vm);
	runner_start(&run, &vm.vcpu[0]);
	for (i = 0; i < 500 && v.state != VH_VCPU_HALTED; i++) {
		usleep(10000);
		WANT_EQ(get_vcpu(&c, id, 0, &v), 0);
	}
	WANT_EQ(v.state, VH_VCPU_HALTED);
	WANT_EQ(vm_command(&c, VH_CMD_VM_STOP, id), 0);
	WANT(wait_for(told, &run, 5000), "the VMM of a halted guest is not told");
	WANT_EQ(vm_command(&c, VH_CMD_VM_PAUSE, id), 0);
	run.system_events = 0;
	WANT_EQ(vm_command(&c, VH_CMD_VM_STOP, id), 0);
	WANT(wait_for(told, &run, 5000), "nor when it is paused");
	runner_stop(&run);
	vm_destroy(&vm);
}

/* A stop lapses that finds no vCPU running; "stopping" ends when the VMM goes on. */
static void stop_not(struct tap_result *r, const void *arg)
{
	struct vm_info info;
	struct runner run;
	struct conn c;
	struct vm vm;
	uint32_t id;

	(void)arg;
	conn_open(&c);
	vm_with_code(&vm, guest_spin, sizeof(guest_spin), 0);
	id = id_of(&vm);
	WANT_EQ(vm_command(&c, VH_CMD_VM_STOP, id), 0);
	WANT_EQ(get_vm(&c, id, &info), 0);
	WANT_EQ(info.state, VH_VM_STOPPING);
	sleep(11);
	WANT_EQ(get_vm(&c, id, &info), 0);
	WANT_EQ(info.state, VH_VM_CREATED);
	runner_start(&run, &vm.vcpu[0]);
	WANT(wait_for(running, &vm, 5000), "the guest does not run");
	WANT_EQ(run.system_events, 0);

	WANT_EQ(vm_command(&c, VH_CMD_VM_STOP, id), 0);
	WANT(wait_for(told, &run, 5000), "the VMM is not told");
	WANT_EQ(get_vm(&c, id, &info), 0);
	WANT_EQ(info.state, VH_VM_STOPPING);
	/* no button, and it goes on */
	sleep(3);
	WANT_EQ(get_vm(&c, id, &info), 0);
	WANT_EQ(info.state, VH_VM_RUNNING);
	/* with one it is the guest that takes its time */
	WANT(!info.power_button, "a power button from nowhere");
	WANT(ioctl(vm.fd, VH_SET_POWER_BUTTON, 2) < 0 && errno == EINVAL, "two buttons: %d", errno);
	xioctl(vm.fd, VH_SET_POWER_BUTTON, 1);
	run.system_events = 0;
	WANT_EQ(vm_command(&c, VH_CMD_VM_STOP, id), 0);
	WANT(wait_for(told, &run, 5000), "the VMM is not told");
	sleep(3);
	WANT_EQ(get_vm(&c, id, &info), 0);
	WANT_EQ(info.state, VH_VM_STOPPING);
	WANT(info.power_button, "no power button");
	runner_stop(&run);
	vm_destroy(&vm);
}

static void kill_vm(struct tap_result *r, const void *arg)
{
	int ready[2], status;
	struct vm_info info;
	struct conn c;
	uint32_t id;
	pid_t pid;

	(void)arg;
	conn_open(&c);
	if (pipe(ready))
		return;
	pid = fork();
	if (!pid) {
		struct runner run;
		struct vm vm;

		signal(SIGTERM, SIG_IGN);
		vm_with_code(&vm, guest_spin, sizeof(guest_spin), VM_IRQCHIP);
		runner_start(&run, &vm.vcpu[0]);
		wait_for(running, &vm, 5000);
		id = id_of(&vm);
		if (write(ready[1], &id, sizeof(id)) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	WANT(read(ready[0], &id, sizeof(id)) == sizeof(id), "the VMM does not start");
	WANT_EQ(vm_command(&c, VH_CMD_VM_KILL, id), 0);
	WANT_EQ(waitpid(pid, &status, 0), pid);
	WANT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the VMM ended with %#x", status);
	WANT_EQ(get_vm(&c, id, &info), -ENOENT);
}

/* A child that makes a VM, tells its id, and goes on with @then. */
static pid_t vmm_child(uint32_t *id, void (*then)(struct vm *vm))
{
	int ready[2];
	struct vm vm;
	pid_t pid;

	kvm_open();
	if (pipe(ready))
		return -1;
	pid = fork();
	if (!pid) {
		vm_create(&vm, 1 << 20, 0);
		*id = id_of(&vm);
		if (write(ready[1], id, sizeof(*id)) < 0)
			_exit(1);
		then(&vm);
		_exit(1);
	}
	close(ready[1]);
	if (read(ready[0], id, sizeof(*id)) != sizeof(*id))
		pid = -1;
	close(ready[0]);
	return pid;
}

static void *sleeper(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

static void end_first_thread(struct vm *vm)
{
	pthread_t thread;

	(void)vm;
	pthread_create(&thread, NULL, sleeper, NULL);
	pthread_exit(NULL);
}

/* The first line of a file of a process; "" when there is none. */
static void proc_line(pid_t pid, const char *file, char *line, int size)
{
	char path[64];
	FILE *f;

	line[0] = 0;
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	f = fopen(path, "r");
	if (!f)
		return;
	if (!fgets(line, size, f))
		line[0] = 0;
	fclose(f);
}

static bool is_zombie(void *arg)
{
	char line[200];

	proc_line(*(pid_t *)arg, "stat", line, sizeof(line));
	return strstr(line, ") Z ");
}

/* A process is more than its first thread. */
static void kill_threads(struct tap_result *r, const void *arg)
{
	struct vm_info info;
	struct conn c;
	int status;
	uint32_t id;
	pid_t pid;

	(void)arg;
	conn_open(&c);
	pid = vmm_child(&id, end_first_thread);
	WANT(pid > 0 && wait_for(is_zombie, &pid, 5000), "the first thread does not end");
	WANT_EQ(get_vm(&c, id, &info), 0);
	WANT_EQ(vm_command(&c, VH_CMD_VM_KILL, id), 0);
	WANT_EQ(waitpid(pid, &status, 0), pid);
	WANT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the VMM ended with %#x", status);
}

static void become_sleep(struct vm *vm)
{
	fcntl(vm->fd, F_SETFD, 0);	/* the VM stays */
	execl("/bin/sleep", "sleep", "100", NULL);
}

static void become_true(struct vm *vm)
{
	(void)vm;
	execl("/bin/true", "true", NULL);
}

static bool is_sleep(void *arg)
{
	char name[20];

	proc_line(*(pid_t *)arg, "comm", name, sizeof(name));
	return !strncmp(name, "sleep", 5);
}

/* What a VMM has become by exec is not killed, and the VM is its owner's as before. */
static void kill_exec(struct tap_result *r, const void *arg)
{
	struct vm_info info;
	struct conn c;
	int status, i, err;
	uint32_t id;
	pid_t pid;

	(void)arg;
	conn_open(&c);
	pid = vmm_child(&id, become_sleep);
	WANT(pid > 0 && wait_for(is_sleep, &pid, 5000), "no exec");
	WANT_EQ(get_vm(&c, id, &info), 0);
	WANT_EQ(vm_command(&c, VH_CMD_VM_KILL, id), 0);
	WANT_EQ(get_vm(&c, id, &info), 0);
	WANT_EQ(info.state, VH_VM_DEAD);
	usleep(100000);
	WANT(waitpid(pid, &status, WNOHANG) == 0 && !kill(pid, SIGKILL), "it was killed");
	WANT_EQ(waitpid(pid, &status, 0), pid);
	/* at once: one of both, and nobody waits */
	for (i = 0; i < 40; i++) {
		pid = vmm_child(&id, become_true);
		WANT(pid > 0, "no VMM");
		usleep(i * 50);
		err = vm_command(&c, VH_CMD_VM_KILL, id);
		WANT(!err || err == -ENOENT, "kill: %d", err);
		WANT_EQ(waitpid(pid, &status, 0), pid);
		WANT(!status || (!err && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL),
		     "it ended with %#x, kill with %d", status, err);
	}
}

static void attach(struct tap_result *r, const void *arg)
{
	int dev = kvm_open(), id, fd, vcpu, other;
	static const uint32_t want[] = { VH_EVENT_CREATED, VH_EVENT_ATTACHED, VH_EVENT_DETACHED,
					 VH_EVENT_ATTACHED, VH_EVENT_DETACHED, VH_EVENT_DESTROYED };
	struct group_info before, g;
	int root = cgroup_make(".");
	struct event_info e;
	struct conn c, events;
	struct vm_info info;
	unsigned int i;
	uint32_t id32;

	(void)arg;
	conn_open(&c);
	conn_open(&events);
	WANT_EQ(events_ask(&events), 0);
	WANT_EQ(get_group(&c, root, &before), 0);
	id = vm_define(&c, dev, "db", 2, 64 << 20, -1, -1);
	WANT(id > 0, "create: %d %s", id, c.message);
	id32 = id;
	WANT_EQ(get_group(&c, root, &g), 0);
	WANT_EQ(g.usage[VH_RES_VMS] - before.usage[VH_RES_VMS], 1);
	WANT_EQ(g.usage[VH_RES_VCPUS] - before.usage[VH_RES_VCPUS], 2);
	WANT_EQ(g.usage[VH_RES_MEMORY] - before.usage[VH_RES_MEMORY], 64 << 20);
	WANT_EQ(get_vm(&c, id, &info), 0);
	WANT_EQ(info.state, VH_VM_DEFINED);
	WANT(info.defined && info.reserved_vcpus == 2 && info.reserved_memory == 64 << 20,
	     "the reservation is not told");
	WANT_EQ(vm_define(&c, dev, "db", 1, 0, -1, -1), -EEXIST);
	WANT_EQ(vm_command(&c, VH_CMD_VM_PAUSE, id), -ENOTCONN);
	WANT_EQ(vm_command(&c, VH_CMD_VM_STOP, id), -ENOTCONN);
	WANT_EQ(vm_command(&c, VH_CMD_VM_KILL, id), -ENOTCONN);
	other = 0x7ffffff0;
	WANT(ioctl(dev, VH_ATTACH_VM, &other) < 0 && errno == ENOENT, "attach to nothing: %d", errno);
	fd = ioctl(dev, VH_ATTACH_VM, &id32);
	WANT(fd >= 0, "attach: %s", strerror(errno));
	WANT(ioctl(dev, VH_ATTACH_VM, &id32) < 0 && errno == EBUSY, "attach twice: %d", errno);
	WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, id), -EBUSY);
	/* what was reserved is charged already, and what goes beyond is added */
	vcpu = ioctl(fd, KVM_CREATE_VCPU, 0);
	WANT(vcpu >= 0, "KVM_CREATE_VCPU: %s", strerror(errno));
	WANT_EQ(get_group(&c, root, &g), 0);
	WANT_EQ(g.usage[VH_RES_VCPUS] - before.usage[VH_RES_VCPUS], 2);
	close(ioctl(fd, KVM_CREATE_VCPU, 1));
	close(ioctl(fd, KVM_CREATE_VCPU, 2));
	WANT_EQ(get_group(&c, root, &g), 0);
	WANT_EQ(g.usage[VH_RES_VCPUS] - before.usage[VH_RES_VCPUS], 3);
	WANT_EQ(get_vm(&c, id, &info), 0);
	WANT_EQ(info.vcpus, 3);
	WANT_EQ(info.state, VH_VM_CREATED);
	close(vcpu);
	close(fd);
	WANT_EQ(get_vm(&c, id, &info), 0);
	WANT_EQ(info.state, VH_VM_DEFINED);
	WANT_EQ(info.vcpus, 0);
	WANT_EQ(get_group(&c, root, &g), 0);
	WANT_EQ(g.usage[VH_RES_VCPUS] - before.usage[VH_RES_VCPUS], 2);
	fd = ioctl(dev, VH_ATTACH_VM, &id32);
	WANT(fd >= 0, "attach again: %s", strerror(errno));
	close(fd);
	WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, id), 0);
	WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, id), -ENOENT);
	WANT_EQ(get_group(&c, root, &g), 0);
	WANT_EQ(g.usage[VH_RES_VMS] - before.usage[VH_RES_VMS], 0);
	WANT_EQ(g.usage[VH_RES_VCPUS] - before.usage[VH_RES_VCPUS], 0);
	WANT_EQ(g.usage[VH_RES_MEMORY] - before.usage[VH_RES_MEMORY], 0);
	WANT_EQ(g.usage[VH_RES_TABLES] - before.usage[VH_RES_TABLES], 0);
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		WANT(event_next(&events, &e, 2000), "only %u events", i);
		WANT(e.vm == id32 && e.type == want[i] && !strcmp(e.name, "db"),
		     "event %u: type %u of VM %u, '%s'", i, e.type, e.vm, e.name);
	}
}

/* A VMM that ends without a word leaves the VM that it attached to. */
static void attach_killed(struct tap_result *r, const void *arg)
{
	int dev = kvm_open(), id, status;
	struct vm_info info;
	struct conn c;
	uint32_t id32;
	pid_t pid;

	(void)arg;
	conn_open(&c);
	id = vm_define(&c, dev, "orphan", 1, 0, -1, -1);
	WANT(id > 0, "create: %d %s", id, c.message);
	id32 = id;
	pid = fork();
	if (!pid) {
		if (ioctl(dev, VH_ATTACH_VM, &id32) < 0)
			_exit(1);
		/* kills itself, by way of its VM */
		vm_command(&c, VH_CMD_VM_KILL, id);
		_exit(2);
	}
	WANT_EQ(waitpid(pid, &status, 0), pid);
	WANT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the VMM ended with %#x", status);
	WANT_EQ(get_vm(&c, id, &info), 0);
	WANT_EQ(info.state, VH_VM_DEFINED);
	WANT_EQ(vm_command(&c, VH_CMD_VM_DESTROY, id), 0);
}

/* --- vCPUs --- */

#define VMS	12
#define EACH	7

struct listing { unsigned int n, bad; uint32_t vm[VMS * EACH + 8], id[VMS * EACH + 8]; };

static void list_vcpu(const struct nlattr *a, int len, int cmd, void *arg)
{
	struct listing *l = arg;

	(void)cmd;
	if (l->n == VMS * EACH + 8)
		return;
	l->vm[l->n] = attr_u(a, len, VH_A_VCPU_VM_ID);
	l->id[l->n++] = attr_u(a, len, VH_A_VCPU_ID);
	l->bad += !attr_find(a, len, VH_A_VCPU_COUNTERS) || attr_find(a, len, VH_A_VCPU_CPU);
}

static void vcpus(struct tap_result *r, const void *arg)
{
	static struct listing l;
	struct vcpu_info v;
	unsigned int i, j;
	struct vm vm[VMS];
	struct conn c;

	(void)arg;
	conn_open_small(&c, 8192);
	for (i = 0; i < VMS; i++) {
		vm_create(&vm[i], 1 << 20, 0);
		for (j = 0; j < EACH; j++)
			close(xioctl(vm[i].fd, KVM_CREATE_VCPU, EACH - 1 - j));
	}
	msg_begin(&c, VH_CMD_VCPU_GET, NLM_F_DUMP);
	WANT_EQ(msg_send(&c, list_vcpu, &l), 0);
	WANT_EQ(l.n, VMS * EACH);
	WANT(!l.bad, "%u have no counters, or a host CPU though they never ran", l.bad);
	for (i = 0; i < l.n; i++) {
		WANT(l.vm[i] == id_of(&vm[i / EACH]), "entry %u is of VM %u", i, l.vm[i]);
		for (j = i - i % EACH; j < i; j++)
			WANT(l.id[i] != l.id[j] && l.id[i] < EACH, "vCPU %u twice", l.id[i]);
	}
	l.n = 0;
	msg_begin(&c, VH_CMD_VCPU_GET, NLM_F_DUMP);
	msg_u32(&c, VH_A_VCPU_VM_ID, id_of(&vm[5]));
	WANT_EQ(msg_send(&c, list_vcpu, &l), 0);
	WANT_EQ(l.n, EACH);
	for (i = 0; i < EACH; i++)
		WANT_EQ(l.vm[i], id_of(&vm[5]));
	WANT_EQ(get_vcpu(&c, id_of(&vm[5]), EACH - 1, &v), 0);
	WANT_EQ(v.id, EACH - 1);
	WANT_EQ(v.state, VH_VCPU_IDLE);
	WANT_EQ(get_vcpu(&c, id_of(&vm[5]), EACH, &v), -ENOENT);
	WANT_EQ(c.attr, 28);
	for (i = 0; i < VMS; i++)
		vm_destroy(&vm[i]);
}

static void crash(struct tap_result *r, const void *arg)
{
	static const uint8_t triple[] = { 0x0f, 0x01, 0x1d, 0, 0x80, 0, 0, 0x0f, 0x0b };	/* lidt, ud2 */
	struct event_info e = { 0 };
	struct vm_info info;
	struct conn c, events;
	struct vm vm;
	uint32_t id;

	(void)arg;
	conn_open(&c);
	conn_open(&events);
	WANT_EQ(events_ask(&events), 0);
	vm_with_code(&vm, triple, sizeof(triple), 0);
	id = id_of(&vm);
	WANT_EQ(vcpu_run(&vm.vcpu[0]), 0);
	WANT_EQ(vm.vcpu[0].run->exit_reason, KVM_EXIT_SHUTDOWN);
	WANT_EQ(get_vm(&c, id, &info), 0);
	WANT_EQ(info.state, VH_VM_CRASHED);
	while (event_next(&events, &e, 2000) && !(e.vm == id && e.type == VH_EVENT_CRASHED))
		;
	WANT(e.type == VH_EVENT_CRASHED && e.has_reason && e.reason == VH_CRASH_TRIPLE_FAULT,
	     "no crash event");
	/* the VMM resets it: it runs again */
	memcpy(vm.mem + 0x1000, "\xe6\x80", 2);
	vcpu_set_mode(&vm, &vm.vcpu[0], MODE_FLAT32, 0x1000, 0x7000);
	WANT_EQ(vcpu_run(&vm.vcpu[0]), 0);
	WANT_EQ(get_vm(&c, id, &info), 0);
	WANT_EQ(info.state, VH_VM_RUNNING);
	vm_destroy(&vm);
}

/* --- a VMM that becomes another user's --- */

struct shown { uint32_t id; int all, named; };

static void what_is_shown(struct tap_result *r, void *arg)
{
	struct shown *s = arg;
	struct conn c;
	char name[32];

	(void)r;
	conn_open(&c);
	s->all = dump_count(&c, VH_CMD_VM_GET);
	snprintf(name, sizeof(name), "vm-%u", s->id);
	msg_begin(&c, VH_CMD_VM_GET, 0);
	msg_str(&c, VH_A_VM_NAME, name);
	s->named = msg_send(&c, NULL, NULL);
	conn_close(&c);
}

/* Who may signal the process sees the VM, before and after, in lists as well. */
static void changed_user(struct tap_result *r, const void *arg)
{
	struct shown *s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int ready[2];
	pid_t pid;
	char one;

	(void)arg;
	WANT(!pipe(ready), "pipe");
	pid = fork();
	if (!pid) {
		struct vm vm;

		vm_with_code(&vm, guest_spin, sizeof(guest_spin), 0);
		s->id = id_of(&vm);
		if (write(ready[1], "r", 1) != 1)
			_exit(3);
		usleep(100000);
		if (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000))
			_exit(3);
		/* the next that it does with its VM */
		xioctl(vm.fd, KVM_CHECK_EXTENSION, KVM_CAP_IRQCHIP);
		if (write(ready[1], "u", 1) != 1)
			_exit(3);
		pause();
	}
	WANT(read(ready[0], &one, 1) == 1, "no VM");
	in_child(r, 1000, what_is_shown, s);
	WANT_EQ(s->all, 0);
	WANT_EQ(s->named, -ENOENT);
	WANT(read(ready[0], &one, 1) == 1, "the VMM has gone");
	in_child(r, 1000, what_is_shown, s);
	WANT_EQ(s->all, 1);
	WANT_EQ(s->named, 0);
	in_child(r, 1001, what_is_shown, s);
	WANT_EQ(s->all, 0);
	WANT_EQ(s->named, -ENOENT);
	in_child(r, 0, what_is_shown, s);
	WANT_EQ(s->all, 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	munmap(s, 4096);
}

const struct test_case registry_cases[] = {
	{ "registry-identity", identity, NULL },
	{ "registry-names", names, NULL },
	{ "registry-strict", strict, NULL },
	{ "registry-pause", pause_resume, NULL },
	{ "registry-stop", stop, NULL },
	{ "registry-stop-not", stop_not, NULL },
	{ "registry-stop-halted", stop_halted, NULL },
	{ "registry-kill", kill_vm, NULL },
	{ "registry-kill-threads", kill_threads, NULL },
	{ "registry-kill-exec", kill_exec, NULL },
	{ "registry-attach", attach, NULL },
	{ "registry-attach-killed", attach_killed, NULL },
	{ "registry-vcpus", vcpus, NULL },
	{ "registry-crash", crash, NULL },
	{ "registry-changed-user", changed_user, NULL },
	{ NULL, NULL, NULL }
};
