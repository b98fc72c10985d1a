// SPDX-License-Identifier: GPL-2.0-only
/* Several VMs at once, and the host's CPUs going and coming under them. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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

const struct test_case host_cases[] = {
	{ "host-several-vms", several_vms, NULL },
	{ "host-create-destroy", create_destroy, NULL },
	{ "host-cpu-hotplug", cpu_hotplug, NULL },
	{ NULL, NULL, NULL }
};
