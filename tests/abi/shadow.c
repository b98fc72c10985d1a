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

/* What @fn does, on one CPU with this thread; for @ms. */
static pthread_t late_while(struct tap_result *r, void *(*fn)(void *arg), void *arg, unsigned int ms, uint64_t limit)
{
	cpu_set_t one;
	uint64_t late;
	pthread_t t;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	pthread_create(&t, NULL, fn, arg);
	late = latest(ms);
	printf("# at most %llu us late\n", (unsigned long long)late / 1000);
	fflush(stdout);
	/* a kernel that looks for errors takes ten times as long */
	if (!access("/sys/kernel/debug/kmemleak", F_OK))
		limit *= 10;
	if (late > limit)
		tap_fail(r, "a thread of real-time priority was %llu us late",
			 (unsigned long long)late / 1000);
	return t;
}

/* Everything that @v runs. */
static void check_late(struct tap_result *r, struct vcpu *v, uint64_t limit)
{
	struct sigaction sa = { .sa_handler = on_signal };
	pthread_t t;

	sigaction(SIGUSR1, &sa, NULL);
	kvm_stop = 0;
	t = late_while(r, keep_running, v, 300, limit);
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

#define CROWD		600u		/* vCPUs, each of which has tables */
#define WRITTEN		1500u		/* pages */
#define RING		65536u

struct written {
	struct vm vm;
	struct vcpu v;			/* the first */
	bool ring;
};

static void *take_log(void *arg)
{
	struct sched_param other = { 0 };
	struct written *w = arg;
	struct kvm_dirty_log log = { .slot = 0, .dirty_bitmap = calloc(1, w->vm.size >> 15) };

	sched_setscheduler(0, SCHED_OTHER, &other);
	if (w->ring)
		ioctl(w->vm.fd, KVM_RESET_DIRTY_RINGS, 0);
	else
		ioctl(w->vm.fd, KVM_GET_DIRTY_LOG, &log);
	return NULL;
}

/* What one of many vCPUs has written is looked for in the tables of each. */
static void log_of_many(struct tap_result *r, const void *arg)
{
	struct written w = { .ring = *(const bool *)arg };
	struct kvm_dirty_gfn *e;
	struct vcpu v = { 0 };
	unsigned int i, n = 0;

	vm_create(&w.vm, 8 << 20, 0);
	if (w.ring && vm_enable(&w.vm, KVM_CAP_DIRTY_LOG_RING, RING))
		return (void)tap_fail(r, "KVM_CAP_DIRTY_LOG_RING: %s", strerror(errno));
	vm_build_tables(&w.vm);
	vm_slot(&w.vm, 0, KVM_MEM_LOG_DIRTY_PAGES, 0, w.vm.size, w.vm.mem);
	v.run_size = xioctl(kvm_open(), KVM_GET_VCPU_MMAP_SIZE, 0);
	for (i = 0; i < CROWD; i++) {
		v.fd = xioctl(w.vm.fd, KVM_CREATE_VCPU, i);
		v.run = mmap(NULL, v.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, v.fd, 0);
		guest_start(&w.vm, &v, "touch", i ? 0x80000 : 1 << 20, i ? 1 : WRITTEN);
		want_exit(r, &v, KVM_EXIT_IO, "a vCPU");
		if (!i)
			w.v = v;
	}
	e = w.ring ? mmap(NULL, RING, PROT_READ | PROT_WRITE, MAP_SHARED, w.v.fd, KVM_DIRTY_LOG_PAGE_OFFSET * 4096) : NULL;
	for (i = 0; e && i < RING / sizeof(*e) && e[i].flags == KVM_DIRTY_GFN_F_DIRTY; i++, n++)
		e[i].flags = KVM_DIRTY_GFN_F_RESET;
	if (w.ring && n < WRITTEN)
		tap_fail(r, "%u pages in the ring", n);
	pthread_join(late_while(r, take_log, &w, 300, 20000000), NULL);
}

static const bool yes = true, no;

const struct test_case shadow_cases[] = {
	{ "shadow-log-of-many", log_of_many, &no },
	{ "shadow-ring-of-many", log_of_many, &yes },
	{ "shadow-aliases", aliases, NULL },
	{ "shadow-switches", switches, NULL },
	{ NULL, NULL, NULL }
};
