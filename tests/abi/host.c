// SPDX-License-Identifier: GPL-2.0-only
/* Several VMs at once, and the host's CPUs going and coming under them. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/perf_event.h>

#include "lane.h"

#define VMS	4

struct worker {
	struct vm vm;
	struct vcpu *v;
	pthread_t thread;
	volatile bool stop;
	volatile unsigned int rounds;
	int error;
};

static void *work(void *arg)
{
	struct worker *w = arg;

	while (!w->stop) {
		int ret = vcpu_run(w->v);

		if (ret) {
			w->error = ret;
			break;
		}
		if (w->v->run->exit_reason != KVM_EXIT_IO &&
		    w->v->run->exit_reason != KVM_EXIT_MMIO) {
			w->error = w->v->run->exit_reason;
			break;
		}
		w->rounds++;
	}
	return NULL;
}

static void start(struct worker *w)
{
	w->stop = false;
	w->rounds = 0;
	w->error = 0;
	w->v = vm_simple(&w->vm, VM_IRQCHIP);
	guest_start(&w->vm, w->v, "mixed", 0x80000, 0);
	pthread_create(&w->thread, NULL, work, w);
}

static void finish(struct tap_result *r, struct worker *w)
{
	w->stop = true;
	pthread_join(w->thread, NULL);
	if (w->error)
		tap_fail(r, "a VM ended with %d after %u exits", w->error,
			 w->rounds);
	if (!w->rounds)
		tap_fail(r, "a VM never ran");
	vm_destroy(&w->vm);
}

static void several_vms(struct tap_result *r, const void *arg)
{
	static struct worker w[VMS];
	int i, n;

	(void)arg;
	for (n = 0; n < 3; n++) {
		for (i = 0; i < VMS; i++)
			start(&w[i]);
		usleep(50000);
		for (i = 0; i < VMS; i++)
			finish(r, &w[i]);
	}
}

static void cpu_hotplug(struct tap_result *r, const void *arg)
{
	static struct worker w[VMS];
	int i;

	(void)arg;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		tap_skip(r, "the host has one CPU");
		return;
	}
	for (i = 0; i < VMS; i++)
		start(&w[i]);
	for (i = 0; i < 4; i++) {
		unsigned int before;

		usleep(20000);
		if (!cpu_online(1, false))
			tap_fail(r, "CPU 1 cannot be taken off-line");
		before = w[0].rounds;
		usleep(50000);
		if (w[0].rounds == before)
			tap_fail(r, "a VM stands still with CPU 1 off-line");
		if (!cpu_online(1, true))
			tap_fail(r, "CPU 1 cannot be brought back");
	}
	usleep(20000);
	for (i = 0; i < VMS; i++)
		finish(r, &w[i]);
}

/* VMX goes on with the first VM and off with the last, again and again. */
static void create_destroy(struct tap_result *r, const void *arg)
{
	struct vm vm;
	struct vcpu *v;
	int i;

	(void)arg;
	for (i = 0; i < 50; i++) {
		v = vm_simple(&vm, VM_IRQCHIP | VM_PIT);
		guest_start(&vm, v, "mixed", 0x80000, 0);
		if (vcpu_run(v))
			tap_fail(r, "KVM_RUN");
		vm_destroy(&vm);
	}
}

/* --- a guest that never leaves is a process like others to the softirqs of its CPU --- */

#define PINGS	40

static bool lo_up(void)
{
	struct ifreq i = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok = s >= 0 && !ioctl(s, SIOCSIFFLAGS, &i);

	close(s);
	/* what comes in is CPU 1's to handle */
	return ok && write_file("/sys/class/net/lo/queues/rx-0/rps_cpus", "2");
}

static void on_cpu(pid_t tid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(tid, sizeof(set), &set);
}

/* A guest that never exits by itself, alone on CPU 1; the caller goes to CPU 0. */
static void spin_on_cpu1(struct vm *vm, struct lane *lane)
{
	on_cpu(0, 0);
	lane_start(lane, vm_irqs(vm, "irq_spin", 0));
	wait_count((volatile uint32_t *)(vm->mem + TURNS), 1);
	on_cpu(lane->tid, 1);
	usleep(20000);
}

/* The longest of many rounds, ms: @ping waits for an answer that CPU 1 gives. */
static uint64_t worst_ping(struct tap_result *r, bool (*ping)(int fd), int fd)
{
	uint64_t at, worst = 0;
	int i;

	for (i = 0; i < PINGS; i++) {
		at = now_ms();
		if (!ping(fd)) {
			tap_fail(r, "ping %d: %s", i, strerror(errno));
			break;
		}
		at = now_ms() - at;
		worst = at > worst ? at : worst;
		usleep(3000);
	}
	return worst;
}

/* Through the loopback: a connected socket hears itself. */
static bool ping_packet(int fd)
{
	char c;

	return send(fd, "x", 1, 0) == 1 && recv(fd, &c, 1, 0) == 1;
}

static bool ping_task(int fd)
{
	char c = 0;

	return write(fd, &c, 1) == 1 && read(fd, &c, 1) == 1;
}

static void softirqs(struct tap_result *r, const void *arg)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval limit = { .tv_usec = 300000 };
	socklen_t size = sizeof(to);
	struct lane lane;
	uint64_t worst;
	struct vm vm;
	int s;

	(void)arg;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		tap_skip(r, "the host has one CPU");
		return;
	}
	if (!lo_up()) {
		tap_skip(r, "no loopback with RPS");
		return;
	}
	s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s < 0 || bind(s, (void *)&to, sizeof(to)) || getsockname(s, (void *)&to, &size) ||
	    connect(s, (void *)&to, size) || setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit))) {
		tap_fail(r, "socket: %s", strerror(errno));
		return;
	}
	spin_on_cpu1(&vm, &lane);
	worst = worst_ping(r, ping_packet, s);
	if (worst > 50)
		tap_fail(r, "a packet took %llu ms", (unsigned long long)worst);
	lane_stop(r, &lane);
	vm_destroy(&vm);
	close(s);
}

/* Echoes what it reads, on CPU 1. */
static void *echo(void *arg)
{
	int fd = *(int *)arg;
	char c;

	on_cpu(0, 1);
	while (read(fd, &c, 1) == 1 && write(fd, &c, 1) == 1)
		;
	return NULL;
}

/* A task that wakes on the CPU of a guest that never exits by itself gets it as beside any other task. */
static void wakeups(struct tap_result *r, const void *arg)
{
	struct lane lane;
	uint64_t worst;
	pthread_t t;
	struct vm vm;
	int fd[2];

	(void)arg;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		tap_skip(r, "the host has one CPU");
		return;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd)) {
		tap_fail(r, "socketpair: %s", strerror(errno));
		return;
	}
	pthread_create(&t, NULL, echo, &fd[1]);
	spin_on_cpu1(&vm, &lane);
	worst = worst_ping(r, ping_task, fd[0]);
	/* With lazy preemption it may be a tick. */
	if (worst > 12)
		tap_fail(r, "a wake-up took %llu ms", (unsigned long long)worst);
	shutdown(fd[0], SHUT_RDWR);
	pthread_join(t, NULL);
	close(fd[0]);
	close(fd[1]);
	lane_stop(r, &lane);
	vm_destroy(&vm);
}

/*
 * A vCPU that goes from CPU to CPU: what a processor keeps of a VMCS is not seen by another, so
 * what was not cleared there is old here.
 */
static void moves(struct tap_result *r, const void *arg)
{
	volatile uint32_t *word;
	struct kvm_sregs first, now;
	struct vcpu *v;
	struct vm vm;
	unsigned int i;
	int ret;

	(void)arg;
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		tap_skip(r, "the host has one CPU");
		return;
	}
	v = vm_simple(&vm, 0);
	word = (volatile uint32_t *)(vm.mem + 0x80000);
	guest_start(&vm, v, "touch", 0x80000, 1);
	for (i = 1; i <= 24; i++) {
		on_cpu(0, i % 3 & 1);	/* 1 0 0 and again: some rounds stay */
		/* what only the VMCS holds, another each time */
		xioctl(v->fd, KVM_GET_SREGS, &now);
		now.fs.base = i << 12;
		xioctl(v->fd, KVM_SET_SREGS, &now);
		ret = vcpu_run(v);
		if (ret || v->run->exit_reason != KVM_EXIT_IO) {
			tap_fail(r, "round %u: %s, exit %s", i, strerror(-ret), exit_name(v->run->exit_reason));
			break;
		}
		xioctl(v->fd, KVM_GET_SREGS, &now);
		if (i == 1)
			first = now;
		first.fs.base = i << 12;
		if (*word != i || memcmp(&now, &first, sizeof(now)))
			tap_fail(r, "round %u: the guest counts %u, FS base %#llx, CS base %#llx", i, *word,
				 (unsigned long long)now.fs.base, (unsigned long long)now.cs.base);
	}
	vm_destroy(&vm);
}

/* loop: dec ecx; jnz loop; out 0x10, al: 2^28 rounds */
static const uint8_t counting[] = { 0xb9, 0, 0, 0, 0x10, 0x49, 0x75, 0xfd, 0xe6, 0x10 };

static int open_counter(bool with_guests)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE, .size = sizeof(attr), .config = PERF_COUNT_HW_INSTRUCTIONS,
		.exclude_guest = !with_guests,
	};

	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

/* A counter of perf's that leaves guests out has what the host executes for them, and no more. */
static void excludes_guest(struct tap_result *r, const void *arg)
{
	int fd = open_counter(false);
	uint64_t count = 0;
	struct vcpu *v;
	struct vm vm;

	(void)arg;
	if (fd < 0) {
		tap_skip(r, "no counter of instructions: %s", strerror(errno));
		return;
	}
	v = vm_simple(&vm, 0);
	memcpy(vm.mem + 0x1000, counting, sizeof(counting));
	vcpu_set_mode(&vm, v, MODE_FLAT32, 0x1000, 0x9000);
	ioctl(fd, PERF_EVENT_IOC_RESET, 0);
	if (vcpu_run(v) || v->run->exit_reason != KVM_EXIT_IO)
		tap_fail(r, "KVM_RUN: exit %u", v->run->exit_reason);
	if (read(fd, &count, sizeof(count)) != sizeof(count) || !count)
		tap_fail(r, "the counter counts nothing");
	/* Of 2^29 in the guest; the host's own ticks are some thousand each. */
	if (count > 1 << 27)
		tap_fail(r, "%llu instructions counted", (unsigned long long)count);
	vm_destroy(&vm);
	close(fd);
}

const struct test_case host_cases[] = {
	{ "host-moves", moves, NULL },
	{ "host-several-vms", several_vms, NULL },
	{ "host-create-destroy", create_destroy, NULL },
	{ "host-cpu-hotplug", cpu_hotplug, NULL },
	{ "host-softirqs", softirqs, NULL },
	{ "host-wakeups", wakeups, NULL },
	{ "host-perf-excludes", excludes_guest, NULL },
	{ NULL, NULL, NULL }
};
