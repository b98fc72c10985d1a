// SPDX-License-Identifier: GPL-2.0-only
/* What guest and hypervisor share by the MSRs of KVM's: stolen time, EOIs, halt polling. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <asm/kvm_para.h>

#include "lane.h"

#define STEAL		0x9000u		/* of guest memory, below what the guests of guest.S use */
#define EOI_FLAG	0x9100u

/* A feature of leaf 0x40000001. */
static bool offered(unsigned int feature)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + 256 * sizeof(c->entries[0]));
	unsigned int i;
	bool has = false;

	c->nent = 256;
	xioctl(kvm_open(), KVM_GET_SUPPORTED_CPUID, c);
	for (i = 0; i < c->nent; i++)
		if (c->entries[i].function == 0x40000001)
			has = c->entries[i].eax & 1u << feature;
	free(c);
	return has;
}

static bool saved(uint32_t msr)
{
	struct kvm_msr_list *l = calloc(1, sizeof(*l) + 1000 * 4);
	unsigned int i;
	bool has = false;

	l->nmsrs = 1000;
	xioctl(kvm_open(), KVM_GET_MSR_INDEX_LIST, l);
	for (i = 0; i < l->nmsrs; i++)
		has |= l->indices[i] == msr;
	free(l);
	return has;
}

static void pv_msrs(struct tap_result *r, const void *arg)
{
	static const struct {
		uint32_t msr, feature;
		uint64_t first, good, bad;
	} t[] = {
		{ MSR_KVM_STEAL_TIME, KVM_FEATURE_STEAL_TIME, 0, STEAL | 1, STEAL | 3 },
		{ MSR_KVM_STEAL_TIME, KVM_FEATURE_STEAL_TIME, 0, STEAL, STEAL | 0x21 },
		{ MSR_KVM_PV_EOI_EN, KVM_FEATURE_PV_EOI, 0, EOI_FLAG | 1, EOI_FLAG | 3 },
		{ MSR_KVM_POLL_CONTROL, KVM_FEATURE_POLL_CONTROL, 1, 0, 2 },
	};
	unsigned int i;

	(void)arg;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct vm vm;
		struct vcpu *v = vm_simple(&vm, VM_IRQCHIP);

		if (!offered(t[i].feature) || !saved(t[i].msr))
			tap_fail(r, "MSR %#x: feature %d, saved %d", t[i].msr, offered(t[i].feature), saved(t[i].msr));
		if (vcpu_msr_get(v, t[i].msr) != t[i].first)
			tap_fail(r, "MSR %#x begins as %#llx", t[i].msr, (long long)vcpu_msr_get(v, t[i].msr));
		if (!vcpu_msr_set(v, t[i].msr, t[i].good) || vcpu_msr_get(v, t[i].msr) != t[i].good)
			tap_fail(r, "MSR %#x does not take %#llx", t[i].msr, (long long)t[i].good);
		if (vcpu_msr_set(v, t[i].msr, t[i].bad) || vcpu_msr_get(v, t[i].msr) != t[i].good)
			tap_fail(r, "MSR %#x takes %#llx", t[i].msr, (long long)t[i].bad);
		vm_destroy(&vm);
	}
}

/* --- stolen time --- */

static void pin(pthread_t thread)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	pthread_setaffinity_np(thread, sizeof(set), &set);
}

static volatile bool burning;

static void *burn(void *arg)
{
	(void)arg;
	while (burning)
		;
	return NULL;
}

static void steal(struct tap_result *r, const void *arg)
{
	const uint64_t before = 1000000000000ull;
	volatile struct kvm_steal_time *st;
	struct vm vm;
	struct vcpu *v = vm_simple(&vm, 0);
	struct lane lane;
	pthread_t other;
	uint64_t seen, last;
	unsigned int i, away = 0;

	(void)arg;
	guest_start(&vm, v, "spin", 0x80000, 1);
	st = (volatile struct kvm_steal_time *)(vm.mem + STEAL);
	/* as a guest that has moved here finds it, and a version that was left odd */
	st->steal = before;
	st->version = 7;
	st->preempted = 1;
	if (!vcpu_msr_set(v, MSR_KVM_STEAL_TIME, STEAL | 1))
		tap_fail(r, "the MSR is not taken");
	burning = true;
	pthread_create(&other, NULL, burn, NULL);
	pin(other);
	lane_start(&lane, v);
	pin(lane.thread);
	pin(pthread_self());
	last = before;
	for (i = 0; i < 20; i++) {
		uint32_t version;

		usleep(50000);
		away += st->preempted;		/* it is, for this thread has its CPU */
		version = st->version;
		seen = st->steal;
		if (!(version & 1) && version == st->version) {
			if (seen < last)
				tap_fail(r, "it runs backwards: %llu, %llu", (long long)last, (long long)seen);
			last = seen;
		}
	}
	/* it had about half of the CPU; a second and more has passed */
	if (last - before < 50000000 || last - before > 60000000000ull)
		tap_fail(r, "%lld ns stolen", (long long)(last - before));
	if (away < 15)
		tap_fail(r, "preempted, it says %u times of 20", away);
	if (st->version < 10)
		tap_fail(r, "version %u", st->version);
	burning = false;
	pthread_join(other, NULL);
	lane_stop(r, &lane);
	/* off: the memory is the guest's again */
	if (!vcpu_msr_set(v, MSR_KVM_STEAL_TIME, 0))
		tap_fail(r, "it does not go off");
	st->steal = 5;
	st->version = 0;
	lane_start(&lane, v);
	usleep(200000);
	lane_stop(r, &lane);
	if (st->steal != 5 || st->version)
		tap_fail(r, "off, it is still written");
}

/* Where no memory is: nothing happens, to the guest or to the host. */
static void steal_nowhere(struct tap_result *r, const void *arg)
{
	static const uint64_t where[] = { 0xd0000000, 0xffffffffffffffc0, 0xffffff000, 1ull << 20 };
	unsigned int i;

	(void)arg;
	for (i = 0; i < sizeof(where) / sizeof(where[0]); i++) {
		struct vm vm;
		struct vcpu *v = vm_simple(&vm, 0);

		guest_start(&vm, v, "touch", 0x80000, 4);
		if (!vcpu_msr_set(v, MSR_KVM_STEAL_TIME, where[i] | 1))
			tap_fail(r, "%#llx is not taken", (long long)where[i]);
		if (vcpu_run(v) || v->run->exit_reason != KVM_EXIT_IO)
			tap_fail(r, "%#llx: exit %s", (long long)where[i], exit_name(v->run->exit_reason));
		vm_destroy(&vm);
	}
}

/* INIT ends what a kernel has asked for, as KVM has it: the next one finds its memory left alone. */
static void init_ends(struct tap_result *r, const void *arg)
{
	static const uint32_t shared[] = { MSR_KVM_STEAL_TIME, MSR_KVM_SYSTEM_TIME_NEW, MSR_KVM_PV_EOI_EN };
	struct vm vm;
	struct vcpu *v = vm_irqs(&vm, "irq_halt", 0);
	unsigned int i;

	(void)arg;
	if (on_kvm()) {
		tap_skip(r, "KVM's bootstrap processor was not seen to go on after this INIT in its time");
		return;
	}
	for (i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
		if (!vcpu_msr_set(v, shared[i], (STEAL + i * 0x100) | 1))
			tap_fail(r, "MSR %#x is not taken", shared[i]);
	if (!vcpu_msr_set(v, MSR_KVM_POLL_CONTROL, 0))
		tap_fail(r, "MSR %#x is not taken", MSR_KVM_POLL_CONTROL);
	msi_to(&vm, 0, 5 << 8);
	memcpy(vm.mem + vm.size - 16, "\xe6\x10\xeb\xfc", 4);
	vm_slot(&vm, 9, 0, 0xfffff000, 4096, vm.mem + vm.size - 4096);
	want_exit(r, v, KVM_EXIT_IO, "what INIT leads to");
	for (i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
		if (vcpu_msr_get(v, shared[i]))
			tap_fail(r, "MSR %#x is %#llx behind INIT", shared[i], (long long)vcpu_msr_get(v, shared[i]));
	if (vcpu_msr_get(v, MSR_KVM_POLL_CONTROL))
		tap_fail(r, "MSR %#x is not the guest's to keep", MSR_KVM_POLL_CONTROL);
	memset(vm.mem + STEAL, 0x5a, 0x300);
	for (i = 0; i < 20; i++) {
		usleep(20000);
		want_exit(r, v, KVM_EXIT_IO, "on and on");
	}
	for (i = 0; i < 0x300; i++)
		if (vm.mem[STEAL + i] != 0x5a) {
			tap_fail(r, "%#x is written behind INIT", STEAL + i);
			return;
		}
}

/* --- halts --- */

static uint64_t polls(int fd)
{
	struct kvm_stats_header h;
	struct { struct kvm_stats_desc d; char name[64]; } e;
	uint64_t value = ~0ull;
	unsigned int i;

	if (pread(fd, &h, sizeof(h), 0) != sizeof(h))
		return value;
	for (i = 0; i < h.num_desc; i++)
		if (pread(fd, &e, sizeof(e.d) + h.name_size, h.desc_offset + i * (sizeof(e.d) + h.name_size)) > 0 &&
		    !strcmp(e.name, "halt_attempted_poll"))
			pread(fd, &value, 8, h.data_offset + e.d.offset);
	return value;
}

/* How many of @n halts, each ended soon, were polled for. */
static uint64_t halts(struct tap_result *r, struct vm *vm, struct vcpu *v, int fd, unsigned int n)
{
	volatile uint32_t *turns = (volatile uint32_t *)(vm->mem + TURNS);
	uint64_t before = polls(fd);
	struct lane lane;
	unsigned int i;

	lane_start(&lane, v);
	wait_count(turns, 1);
	for (i = 0; i < n; i++) {
		uint32_t was = *turns;

		usleep(50);
		msi_to(vm, 0, 0x40);
		if (!wait_count(turns, was + 1))
			tap_fail(r, "it does not wake up");
	}
	lane_stop(r, &lane);
	return polls(fd) - before;
}

/* For how long the host polls at most, ns; what it was. */
static unsigned int poll_at_most(unsigned int ns)
{
	const char *path = on_kvm() ? "/sys/module/kvm/parameters/halt_poll_ns" :
						       "/sys/module/vh/parameters/halt_poll_ns";
	FILE *f = fopen(path, "r+");
	unsigned int was = 0;

	if (f && fscanf(f, "%u", &was) == 1) {
		rewind(f);
		fprintf(f, "%u", ns);
	}
	if (f)
		fclose(f);
	return was;
}

static void poll_control(struct tap_result *r, const void *arg)
{
	/* longer than the lab's host takes to end a halt */
	unsigned int was = poll_at_most(100000000);
	struct vm vm;
	struct vcpu *v = vm_irqs(&vm, "irq_halt", 0);
	int fd = xioctl(v->fd, KVM_GET_STATS_FD, 0);
	uint64_t on, off;

	(void)arg;
	on = halts(r, &vm, v, fd, 40);
	if (!vcpu_msr_set(v, MSR_KVM_POLL_CONTROL, 0))
		tap_fail(r, "the MSR is not taken");
	off = halts(r, &vm, v, fd, 40);
	poll_at_most(was);
	if (off)
		tap_fail(r, "%llu halts are polled for, but the guest does that", (long long)off);
	if (!on)
		tap_skip(r, "this host polls for none");
}

const struct test_case pv_cases[] = {
	{ "pv-msrs", pv_msrs, NULL },
	{ "pv-steal", steal, NULL },
	{ "pv-steal-nowhere", steal_nowhere, NULL },
	{ "pv-init", init_ends, NULL },
	{ "pv-poll-control", poll_control, NULL },
	{ NULL, NULL, NULL }
};
