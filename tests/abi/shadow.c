// SPDX-License-Identifier: GPL-2.0-only
/*
 * What guests' page tables cost the host where it shadows them (ept=0): however
 * many there are, others on the CPU are not kept waiting. With EPT nothing of it
 * is vh's work, and the cases pass as well.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "abi.h"

#define GPA		0x10000000u	/* slot 1: so large that many shadow tables are allowed */
#define SLOT		(256u << 20)
#define DATA		(8u << 20)	/* behind the guest's tables in it */
#define DATA_PAGES	4096u
#define STRIDE		0x40000u	/* of what is touched: 8 groups of entries in a table */
#define TABLES		500u		/* of 4 MiB; the shadow has two for each */

/* Longest time that a thread of real-time priority had to wait for the CPU, ns. */
static uint64_t latest(unsigned int ms)
{
	struct sched_param fifo = { .sched_priority = 10 };
	struct timespec next, now;
	int64_t late, most = 0;

	sched_setscheduler(0, SCHED_FIFO, &fifo);
	clock_gettime(CLOCK_MONOTONIC, &next);
	while (ms--) {
		next.tv_nsec += 1000000;
		if (next.tv_nsec >= 1000000000) {
			next.tv_nsec -= 1000000000;
			next.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
		clock_gettime(CLOCK_MONOTONIC, &now);
		late = (now.tv_sec - next.tv_sec) * 1000000000ll + now.tv_nsec - next.tv_nsec;
		if (late > most)
			most = late;
		if (late > 1000000)
			next = now;
	}
	return most;
}

static void *keep_running(void *arg)
{
	struct sched_param other = { 0 };

	sched_setscheduler(0, SCHED_OTHER, &other);
	vcpu_run(arg);
	return NULL;
}

static void on_signal(int sig)
{
	(void)sig;
	kvm_stop = 1;
}

/* Everything that @v runs on one CPU with this thread; for 300 ms. */
static void check_late(struct tap_result *r, struct vcpu *v, uint64_t limit)
{
	struct sigaction sa = { .sa_handler = on_signal };
	cpu_set_t one;
	uint64_t late;
	pthread_t t;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	sigaction(SIGUSR1, &sa, NULL);
	kvm_stop = 0;
	pthread_create(&t, NULL, keep_running, v);
	late = latest(300);
	printf("# at most %llu us late\n", (unsigned long long)late / 1000);
	fflush(stdout);
	/* a kernel that looks for errors takes ten times as long */
	if (!access("/sys/kernel/debug/kmemleak", F_OK))
		limit *= 10;
	if (late > limit)
		tap_fail(r, "a thread of real-time priority was %llu us late",
			 (unsigned long long)late / 1000);
	kvm_stop = 1;
	v->run->immediate_exit = 1;
	pthread_kill(t, SIGUSR1);
	pthread_join(t, NULL);
}

/* A guest in 32-bit paging that touches @tables tables, which map @pages pages, each as often. */
static struct vcpu *many_tables(struct vm *vm, unsigned int tables, unsigned int pages)
{
	struct vcpu *v = vm_simple(vm, 0);
	uint8_t *mem = mmap(NULL, SLOT, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint32_t *pd = (uint32_t *)(vm->mem + GUEST_PD32), *pt = (uint32_t *)mem;
	struct kvm_regs regs;
	unsigned int i, j, n = 0;

	if (mem == MAP_FAILED || vm_slot(vm, 1, 0, GPA, SLOT, mem)) {
		printf("# slot 1: %s\n", strerror(errno));
		_exit(3);
	}
	guest_start(vm, v, "switches", STRIDE, tables * ((4 << 20) / STRIDE));
	xioctl(v->fd, KVM_GET_REGS, &regs);
	vcpu_set_mode(vm, v, MODE_PAGE32, regs.rip, 0x8000);
	xioctl(v->fd, KVM_SET_REGS, &regs);
	for (i = 0; i < tables; i++) {
		pd[i + 1] = (GPA + i * 4096) | 0x67;
		for (j = 0; j < 1024; j++, n++)
			pt[i * 1024 + j] = (GPA + DATA + n % pages * 4096) | 0x67;
	}
	return v;
}

static void switches(struct tap_result *r, const void *arg)
{
	struct vm vm;
	struct vcpu *v = many_tables(&vm, TABLES, DATA_PAGES);

	(void)arg;
	if (vcpu_run(v) || v->run->exit_reason != KVM_EXIT_IO)
		tap_fail(r, "exit %s", exit_name(v->run->exit_reason));
	check_late(r, v, 2000000);
}

/* One page at thousands of addresses: it is taken away, and so is the VM, without walking for ever. */
static void aliases(struct tap_result *r, const void *arg)
{
	/* a kernel that looks for errors takes ten times as long */
	uint64_t limit = access("/sys/kernel/debug/kmemleak", F_OK) ? 30000000 : 300000000, ticks;
	struct vm vm;
	struct vcpu *v = many_tables(&vm, TABLES / 2, 1);

	(void)arg;
	if (vcpu_run(v) || v->run->exit_reason != KVM_EXIT_IO)
		tap_fail(r, "exit %s", exit_name(v->run->exit_reason));
	ticks = rdtsc();
	vm_destroy(&vm);
	ticks = rdtsc() - ticks;
	printf("# destroyed in %llu ticks\n", (unsigned long long)ticks);
	fflush(stdout);
	if (ticks > limit)
		tap_fail(r, "%llu ticks to destroy it", (unsigned long long)ticks);
}

const struct test_case shadow_cases[] = {
	{ "shadow-aliases", aliases, NULL },
	{ "shadow-switches", switches, NULL },
	{ NULL, NULL, NULL }
};
