// SPDX-License-Identifier: GPL-2.0-only
/*
 * What strangers wait for: the kernel's lock of all netlink families, which is held while a request is
 * answered, and while the first part of a dump is; threads that wait for their turn; work items.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

#define TRIES	5

static void many_files(void)
{
	struct rlimit files = { 20000, 20000 };

	setrlimit(RLIMIT_NOFILE, &files);
}

/* The least of some tries: what others' interrupts add is left out. */
static uint64_t begin_cost(struct conn *c, int cmd, int *err)
{
	uint64_t best = ~0ull, now;
	int i;

	for (i = 0; i < TRIES; i++) {
		now = dump_begin_cost(c, cmd, err);
		if (now < best)
			best = now;
	}
	return best;
}

static uint64_t ask_cost(struct conn *c, int dir, int *err)
{
	uint64_t best = ~0ull, now;
	struct group_info g;
	int i;

	for (i = 0; i < TRIES; i++) {
		now = rdtsc();
		*err = get_group_at_once(c, dir, &g);
		now = rdtsc() - now;
		if (now < best)
			best = now;
	}
	return best;
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000ull + t.tv_nsec / 1000;
}

/* --- figures of a group --- */

#define VMS	16		/* of so many vCPUs: */
#define VCPUS	60

static int vm_fd[VMS][1 + VCPUS];

static bool vm_make(int *fd, unsigned int vcpus)
{
	unsigned int k;

	fd[0] = ioctl(kvm_open(), KVM_CREATE_VM, 0);
	for (k = 0; k < vcpus; k++)
		fd[1 + k] = ioctl(fd[0], KVM_CREATE_VCPU, k);
	return fd[0] >= 0 && fd[vcpus] >= 0;
}

static void vm_drop(int *fd, unsigned int vcpus)
{
	unsigned int k;

	for (k = 0; k <= vcpus; k++)
		close(fd[k]);
}

static void groups(struct tap_result *r, const void *arg)
{
	int root = cgroup_make("."), err[2] = { 0 };
	uint64_t few[2], many[2];
	struct group_info g, now;
	struct conn c;
	unsigned int i;

	(void)arg;
	many_files();
	conn_open(&c);
	WANT(vm_make(vm_fd[0], VCPUS), "a VM");
	few[0] = begin_cost(&c, VH_CMD_GROUP_GET, &err[0]);
	few[1] = ask_cost(&c, root, &err[1]);
	WANT_EQ(err[0], 0);
	WANT_EQ(err[1], 0);
	WANT_EQ(get_group(&c, root, &g), 0);
	WANT_EQ(get_group_at_once(&c, root, &now), 0);
	WANT_EQ(now.id, g.id);
	WANT_EQ(now.created, g.created);
	for (i = 1; i < VMS; i++)
		WANT(vm_make(vm_fd[i], VCPUS), "VM %u", i);
	many[0] = begin_cost(&c, VH_CMD_GROUP_GET, &err[0]);
	many[1] = ask_cost(&c, root, &err[1]);
	printf("# a dump begins in %llu, %llu beside many; a group is told in %llu, refused in %llu\n",
	       (long long)few[0], (long long)many[0], (long long)few[1], (long long)many[1]);
	fflush(stdout);
	WANT_EQ(err[0], 0);
	WANT_EQ(err[1], -E2BIG);
	WANT(strstr(c.message, "dump"), "'%s'", c.message);
	WANT(many[0] < few[0] * 3 / 2 + 20000, "a dump begins in %llu, %llu beside many",
	     (long long)few[0], (long long)many[0]);
	WANT(many[1] < few[1] * 3 / 2 + 20000, "a request takes %llu, %llu beside many",
	     (long long)few[1], (long long)many[1]);
	/* Whoever asks so that nobody waits is told. */
	WANT_EQ(get_group(&c, root, &g), 0);
	WANT_EQ(g.usage[VH_A_RESOURCE_VCPUS - VH_A_RESOURCE_VMS], VMS * VCPUS);
	WANT(dump_count(&c, VH_CMD_GROUP_GET) >= 1, "a dump of all tells none");
	WANT_EQ(get_group(&c, vm_fd[0][0], &g), -EBADF);
	for (i = 0; i < VMS; i++)
		vm_drop(vm_fd[i], VCPUS);
	conn_close(&c);
	close(root);
}

static void destroy_all(struct conn *c)
{
	for (;;) {
		struct vm_info vm = { 0 };

		msg_begin(c, VH_CMD_VM_GET, NLM_F_DUMP);
		if (msg_send(c, vm_from, &vm) || !vm.found || vm_command(c, VH_CMD_VM_DESTROY, vm.id))
			break;
		while (vm.id > 1 && !vm_command(c, VH_CMD_VM_DESTROY, vm.id - 1))
			vm.id--;
	}
}

/* --- VMs that are looked at in vain --- */

#define MOST	900

struct vain { uint64_t begin, name; int begin_err, name_err, seen, own_err; };

static uint64_t name_cost(struct conn *c, const char *name, int *err)
{
	uint64_t best = ~0ull, now;
	int i;

	for (i = 0; i < TRIES; i++) {
		msg_begin(c, VH_CMD_VM_GET, 0);
		msg_str(c, VH_A_VM_NAME, name);
		now = rdtsc();
		*err = msg_send(c, NULL, NULL);
		now = rdtsc() - now;
		if (now < best)
			best = now;
	}
	return best;
}

/* uid 1000 in a PID namespace: the VMs outside are its own user's, but it does not see them. */
static void in_vain(struct tap_result *r, void *arg)
{
	struct vain *v = arg;
	struct conn c;

	(void)r;
	conn_open(&c);
	v->begin = begin_cost(&c, VH_CMD_VM_GET, &v->begin_err);
	v->seen = dump_count(&c, VH_CMD_VM_GET);
	v->name = name_cost(&c, "nobody", &v->name_err);
	conn_close(&c);
}

static void in_pid_ns(struct tap_result *r, struct vain *v)
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWPID))
			_exit(3);
		in_child(r, 1000, in_vain, v);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	WANT(!status, "in a PID namespace: %#x", status);
}

struct some { unsigned int from, to; };

static void define_some(struct tap_result *r, void *arg)
{
	struct some *s = arg;
	struct vm_info vm;
	struct conn c;
	char name[20];

	conn_open(&c);
	for (; s->from < s->to; s->from++) {
		snprintf(name, sizeof(name), "x%u", s->from);
		WANT(vm_define(&c, kvm_open(), name, 0, 0, -1, -1) > 0, "VM %u: %s", s->from, c.message);
	}
	/* its own it finds by name, however many they are */
	msg_begin(&c, VH_CMD_VM_GET, 0);
	msg_str(&c, VH_A_VM_NAME, name);
	WANT_EQ(msg_send(&c, vm_from, &vm), 0);
	WANT(!strcmp(vm.name, name), "'%s'", vm.name);
	conn_close(&c);
}

static void vain(struct tap_result *r, const void *arg)
{
	struct vain *few = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
		    *many = few + 1;
	struct some some = { 0, 100 };
	struct conn c;

	(void)arg;
	conn_open(&c);
	kvm_open();
	in_child(r, 1000, define_some, &some);
	in_pid_ns(r, few);
	some = (struct some){ 100, MOST };
	in_child(r, 1000, define_some, &some);
	in_pid_ns(r, many);
	printf("# beside 100: a dump begins in %llu, a name costs %llu; beside %u: %llu, %llu\n",
	       (long long)few->begin, (long long)few->name, MOST, (long long)many->begin,
	       (long long)many->name);
	fflush(stdout);
	destroy_all(&c);
	WANT_EQ(few->begin_err, 0);
	WANT_EQ(many->begin_err, 0);
	WANT_EQ(few->seen, 0);
	WANT_EQ(many->seen, 0);
	WANT_EQ(few->name_err, -ENOENT);
	WANT_EQ(many->name_err, -E2BIG);
	WANT(many->begin < few->begin * 3 / 2 + 20000, "a dump begins in %llu instructions",
	     (long long)many->begin);
	WANT(many->name < few->name * 8, "a name that nobody has costs %llu", (long long)many->name);
	conn_close(&c);
	munmap(few, 4096);
}

/* --- a memory cgroup at its limit --- */

#define FULL	(16 << 20)
#define CREATED	500

/* How often something was charged to it that had to wait for its being searched for memory; an open file, for open() is. */
static long searched(int fd)
{
	char text[300] = "", *max;

	if (pread(fd, text, sizeof(text) - 1, 0) < 0)
		return -1;
	max = strstr(text, "max ");
	return max ? atol(max + 4) : -1;
}

struct full { long before, after; int made, err, listens; };

/* Memory that can be taken back, up to the limit; then VMs. */
static void in_full(struct tap_result *r, void *arg)
{
	struct full *f = arg;
	struct conn c, events;
	int of_full = open(CGROUP "/full/memory.events", O_RDONLY | O_CLOEXEC);
	unsigned int i;
	uint8_t *at;

	conn_open(&c);
	conn_open(&events);
	/* its own memory is there by then */
	f->err = vm_define(&c, kvm_open(), NULL, 0, 0, -1, -1);
	at = mmap(NULL, 2 * FULL, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(at, 2 * FULL, MADV_NOHUGEPAGE);
	for (i = 0; i < 2 * FULL / 4096 && !searched(of_full); i++) {
		at[i * 4096] = 1;
		if (i % 64 == 63)
			madvise(at + (i - 63) * 4096, 64 * 4096, MADV_FREE);
	}
	f->before = searched(of_full);
	WANT(f->before > 0, "%u pages, and the cgroup is not full", i);
	f->err = 1;
	for (f->made = 0; f->made < CREATED && f->err > 0; f->made++)
		f->err = vm_define(&c, kvm_open(), NULL, 0, 0, -1, -1);
	f->listens = events_ask(&events);
	f->after = searched(of_full);
}

/* What a request keeps is had without a search of the asker's memory cgroup, while others wait. */
static void full(struct tap_result *r, const void *arg)
{
	struct full *f = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct conn c;
	char max[20];

	(void)arg;
	conn_open(&c);
	cgroup_write(".", "cgroup.subtree_control", "+memory");
	close(cgroup_make("full"));
	snprintf(max, sizeof(max), "%d", FULL);
	cgroup_write("full", "memory.max", max);
	cgroup_enter("full");
	in_child(r, 1000, in_full, f);
	cgroup_enter(".");
	destroy_all(&c);
	conn_close(&c);
	cgroup_remove("full");
	cgroup_write(".", "cgroup.subtree_control", "-memory");
	printf("# searched %ld times before, %ld after %d VMs\n", f->before, f->after, f->made);
	fflush(stdout);
	WANT_EQ(f->made, CREATED);
	WANT_EQ(f->listens, 0);
	WANT(f->after == f->before, "%ld searches of a memory cgroup while others wait", f->after - f->before);
	munmap(f, 4096);
}

/* --- threads in line --- */

#define LINE	300
#define LINE_VMS 6

static volatile unsigned int *told;	/* of those in line */

static void *ask_once(void *arg)
{
	struct group_info g;
	struct conn c;

	conn_open(&c);
	get_group(&c, *(int *)arg, &g);
	__atomic_add_fetch(told, 1, __ATOMIC_RELAXED);
	return NULL;
}

static void ask_on(struct tap_result *r, void *arg)
{
	struct group_info g;
	struct conn c;

	(void)r;
	conn_open(&c);
	while (!get_group(&c, *(int *)arg, &g))
		;
}

static void stand_in_line(struct tap_result *r, void *arg)
{
	pthread_attr_t small;
	pthread_t t;
	int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 1 << 17);
	for (i = 0; i < LINE; i++)
		WANT(!pthread_create(&t, &small, ask_once, arg), "thread %d", i);
	pause();
}

/* How many of a cgroup's threads wait for what only a fatal signal ends sooner. */
static unsigned int waiting(const char *cgroup)
{
	unsigned int n = 0, tid;
	char path[64], state;
	FILE *list, *f;

	snprintf(path, sizeof(path), CGROUP "/%s/cgroup.threads", cgroup);
	list = fopen(path, "r");
	while (list && fscanf(list, "%u", &tid) == 1) {
		snprintf(path, sizeof(path), "/proc/%u/stat", tid);
		f = fopen(path, "r");
		n += f && fscanf(f, "%*u %*s %c", &state) == 1 && state == 'D';
		if (f)
			fclose(f);
	}
	if (list)
		fclose(list);
	return n;
}

static uint64_t sum_cost(struct conn *c, int dir, int *err)
{
	uint64_t best = ~0ull, now;
	struct group_info g;
	int i;

	for (i = 0; i < TRIES; i++) {
		usleep(10000);
		now = rdtsc();
		*err = get_group(c, dir, &g);
		now = rdtsc() - now;
		if (now < best)
			best = now;
	}
	return best;
}

static pid_t child(struct tap_result *r, const char *cgroup, void (*fn)(struct tap_result *, void *), void *arg)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	cgroup_enter(cgroup);
	in_child(r, 1000, fn, arg);
	_exit(0);
}

/* Linux 6.18 and later: what is above its cpu.max ends a system call first. */
static bool throttled_in_user_mode(void)
{
	unsigned int major = 0, minor = 0;
	struct utsname u;

	return !uname(&u) && sscanf(u.release, "%u.%u", &major, &minor) == 2 && (major > 6 || (major == 6 && minor >= 18));
}

/*
 * Who has come to the end of a sum wakes nobody of another user's, however many of these wait: for one
 * of theirs whose cgroup keeps it from going on, if that is in the middle of its sum.
 */
static void line(struct tap_result *r, const void *arg)
{
	int root = cgroup_make("."), err;
	uint64_t alone, beside = 0;
	unsigned int i, tries;
	pid_t slow, fast;
	struct conn c;

	(void)arg;
	many_files();
	told = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	conn_open(&c);
	for (i = 0; i < LINE_VMS; i++)
		WANT(vm_make(vm_fd[i], VCPUS), "VM %u", i);
	alone = sum_cost(&c, root, &err);
	WANT_EQ(err, 0);
	slow_make("1000 500000");
	close(cgroup_make("fast"));
	slow = child(r, "slow", ask_on, &root);
	usleep(500000);
	for (tries = 0; tries < 150 && !beside; tries++) {
		*told = 0;
		fast = child(r, "fast", stand_in_line, &root);
		for (i = 0; i < 100 && !*told && waiting("fast") < LINE; i++)
			usleep(10000);
		if (!*told && i < 100)
			beside = sum_cost(&c, root, &err);
		if (*told)
			beside = 0;		/* the slow one was between two sums, or has gone on */
		cgroup_write("fast", "cgroup.kill", "1");
		waitpid(fast, NULL, 0);
		usleep(30000);
	}
	slow_released();
	cgroup_write("slow", "cgroup.kill", "1");
	waitpid(slow, NULL, 0);
	printf("# a sum alone %llu, beside %u threads in line %llu\n", (long long)alone, LINE,
	       (long long)beside);
	fflush(stdout);
	WANT_EQ(err, 0);
	if (!beside && throttled_in_user_mode()) {
		tap_skip(r, "this kernel takes a thread off its CPU when that is in user mode");
		goto out;
	}
	WANT(beside, "nobody stood in line");
	WANT(beside < alone * 5 / 4, "a sum costs %llu beside %u threads in line, alone %llu",
	     (long long)beside, LINE, (long long)alone);
out:
	for (i = 0; i < LINE_VMS; i++)
		vm_drop(vm_fd[i], VCPUS);
	conn_close(&c);
	close(root);
	munmap((void *)told, 4096);
	usleep(100000);
	cgroup_remove("fast");
	slow_remove();
}

/* --- sockets that ask for events --- */

#define COMING	40
#define STAYING	20

static void ask_for_events(struct tap_result *r, void *arg)
{
	struct conn c;

	(void)r, (void)arg;
	conn_open(&c);
	for (;;)
		events_ask(&c);
}

/* Events without end, and sockets that are told of each. */
static void make_events(struct tap_result *r, void *arg)
{
	static struct conn c[STAYING];
	struct vm vm;
	int i;

	(void)r, (void)arg;
	vm_create(&vm, 1 << 20, 0);
	for (i = 0; i < STAYING; i++) {
		conn_open(&c[i]);
		events_ask(&c[i]);
	}
	for (;;) {
		vm_command(&c[0], VH_CMD_VM_PAUSE, id_of(&vm));
		vm_command(&c[0], VH_CMD_VM_RESUME, id_of(&vm));
	}
}

/* Who asks for events, and whoever closes a socket, waits for nobody whose cgroup keeps it from going on. */
static void listeners(struct tap_result *r, const void *arg)
{
	uint64_t worst = 0, at;
	pid_t slow[COMING], busy;
	struct conn c;
	int i;

	(void)arg;
	close(cgroup_make("fast"));
	slow_make("20000 500000");
	busy = child(r, "fast", make_events, NULL);
	for (i = 0; i < COMING; i++)
		slow[i] = child(r, "slow", ask_for_events, NULL);
	usleep(1000000);
	for (i = 0; i < 600; i++) {
		conn_open(&c);
		at = now_us();
		WANT_EQ(events_ask(&c), 0);
		conn_close(&c);
		at = now_us() - at;
		if (at > worst)
			worst = at;
		usleep(3000);
	}
	slow_released();
	cgroup_write("slow", "cgroup.kill", "1");
	cgroup_write("fast", "cgroup.kill", "1");
	waitpid(busy, NULL, 0);
	for (i = 0; i < COMING; i++)
		waitpid(slow[i], NULL, 0);
	printf("# a socket asks for events and goes in %llu us at worst\n", (long long)worst);
	fflush(stdout);
	usleep(100000);
	cgroup_remove("fast");
	slow_remove();
	WANT(worst < 100000, "a socket asks for events and goes in %llu us", (long long)worst);
}

/* --- eventfds that are closed --- */

#define IRQFDS	2000
#define CLOSES	600		/* at once: more than a work queue works on */

static struct vm storm;
static int storm_fd[IRQFDS];

static void assign(int vm, int fd, unsigned int gsi, int resample)
{
	struct kvm_irqfd args = {
		.fd = fd, .gsi = gsi, .resamplefd = resample,
		.flags = resample >= 0 ? KVM_IRQFD_FLAG_RESAMPLE : 0,
	};

	xioctl(vm, KVM_IRQFD, &args);
}

/* Vector 0x40 comes again and again from IOAPIC pin 5, and each time all irqfds that resample are told. */
static void storm_make(void)
{
	static const uint8_t spin[] = { 0xfb, 0xeb, 0xfe };		/* sti; jmp . */
	static const uint8_t eoi[] = { 0x50, 0x31, 0xc0, 0xa3, 0xb0, 0, 0xe0, 0xfe, 0x58, 0xcf };
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
	struct kvm_irq_level on = { .irq = 5, .level = 1 };
	int resample = eventfd(0, EFD_CLOEXEC), i;
	struct kvm_lapic_state lapic;
	uint32_t *gate;

	vm_with_code(&storm, spin, sizeof(spin), VM_IRQCHIP);
	memcpy(storm.mem + 0x3000, eoi, sizeof(eoi));
	gate = (void *)(storm.mem + GUEST_IDT + 0x40 * 8);
	gate[0] = SEL_CODE32 << 16 | 0x3000;
	gate[1] = 0x8e00;
	xioctl(storm.vcpu[0].fd, KVM_GET_LAPIC, &lapic);
	*(uint32_t *)(lapic.regs + 0xf0) = 0x1ff;
	xioctl(storm.vcpu[0].fd, KVM_SET_LAPIC, &lapic);
	xioctl(storm.fd, KVM_GET_IRQCHIP, &chip);
	chip.chip.ioapic.redirtbl[5].bits = 0x8040;	/* level-triggered, to APIC 0 */
	xioctl(storm.fd, KVM_SET_IRQCHIP, &chip);
	for (i = 0; i < IRQFDS; i++) {
		storm_fd[i] = eventfd(0, EFD_CLOEXEC);
		assign(storm.fd, storm_fd[i], 5, resample);
	}
	xioctl(storm.fd, KVM_IRQ_LINE, &on);
}

static void on_cpu0(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* Another process of the same memory and descriptors, whose cgroup lets it run. */
static int close_on(void *arg)
{
	int i, n, resample = eventfd(0, EFD_CLOEXEC);

	(void)arg;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	on_cpu0();
	for (n = 0;; n = (n + CLOSES) % (IRQFDS - CLOSES)) {
		struct kvm_irqfd args = { .gsi = 5, .flags = KVM_IRQFD_FLAG_RESAMPLE };

		for (i = n; i < n + CLOSES; i++)
			close(storm_fd[i]);
		for (i = n; i < n + CLOSES; i++) {
			storm_fd[i] = eventfd(0, EFD_CLOEXEC);
			args.fd = storm_fd[i];
			args.resamplefd = resample;
			while (ioctl(storm.fd, KVM_IRQFD, &args) && errno == ENOSPC)
				usleep(1000);
		}
		usleep(1000);
	}
	return 0;
}

/* From the close of an eventfd until its irqfd is gone: the place is free again. */
static uint64_t close_time(int vm, int *fd)
{
	struct kvm_irqfd args = { .gsi = 30 };
	uint64_t at;

	close(*fd);
	*fd = eventfd(0, EFD_CLOEXEC);
	args.fd = *fd;
	at = now_us();
	while (ioctl(vm, KVM_IRQFD, &args)) {
		if (errno != ENOSPC)
			return ~0ull;
		usleep(500);
	}
	return now_us() - at;
}

static void closes(struct tap_result *r, const void *arg)
{
	static char stack[65536] __attribute__((aligned(16)));	/* of another thread of the memory */
	uint64_t worst = 0, t;
	static int mine[2048];
	struct vm vm;
	pid_t slow;
	int i;

	(void)arg;
	many_files();
	slow_make("2000 200000");
	fflush(stdout);
	slow = fork();
	if (!slow) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		storm_make();
		if (clone(close_on, stack + sizeof(stack), CLONE_VM | CLONE_FILES | SIGCHLD, NULL) < 0)
			_exit(3);
		cgroup_enter("slow");
		for (;;)
			vcpu_run(&storm.vcpu[0]);
	}
	vm_create(&vm, 1 << 20, VM_IRQCHIP);
	for (i = 0; i < 2048; i++) {
		mine[i] = eventfd(0, EFD_CLOEXEC);
		assign(vm.fd, mine[i], 30, -1);
	}
	on_cpu0();
	usleep(1000000);
	for (i = 0; i < 40; i++) {
		t = close_time(vm.fd, &mine[i]);
		if (t > worst)
			worst = t;
		usleep(7000);
	}
	slow_released();
	kill(slow, SIGKILL);
	waitpid(slow, NULL, 0);
	printf("# a closed eventfd's irqfd is gone after %llu us at worst\n", (long long)worst);
	fflush(stdout);
	WANT(worst < 60000, "a closed eventfd's irqfd is gone after %llu us", (long long)worst);
	vm_destroy(&vm);
	usleep(300000);
	slow_remove();
}

const struct test_case waits_cases[] = {
	{ "waits-groups", groups, NULL },
	{ "waits-vain", vain, NULL },
	{ "waits-full", full, NULL },
	{ "waits-line", line, NULL },
	{ "waits-listeners", listeners, NULL },
	{ "waits-closes", closes, NULL },
	{ NULL, NULL, NULL }
};
