// SPDX-License-Identifier: GPL-2.0-only
/*
 * spin N: N VMs whose vCPU never leaves the guest by itself, one on each CPU, until killed.
 * Ten times a second it prints how far each has counted.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/kvm.h"

#define CODE	0x100000u
#define COUNT	0x200000u

static struct vm vms[8];

static void *runner(void *arg)
{
	long cpu = (long)arg;
	/* sti; 1: incl COUNT; jmp 1b */
	static const uint8_t code[] = { 0xfb, 0xff, 0x05, 0x00, 0x00, 0x20, 0x00, 0xeb, 0xf8 };
	struct vm *vm = &vms[cpu];
	struct vcpu *v;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
	vm_create(vm, 4 << 20, VM_IRQCHIP);
	v = vm_add_vcpu(vm);
	vm_build_tables(vm);
	memcpy(vm->mem + CODE, code, sizeof(code));
	vcpu_set_mode(vm, v, MODE_FLAT32, CODE, 0x90000);
	printf("# vCPU on CPU %ld ends: %d\n", cpu, vcpu_run(v));
	exit(1);
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? strtol(argv[1], NULL, 10) : 1, i;
	pthread_t t;

	if (n < 1 || n > 8)
		return 2;
	for (i = 0; i < n; i++)
		if (pthread_create(&t, NULL, runner, (void *)i))
			return 2;
	for (;;) {
		usleep(100000);
		for (i = 0; i < n; i++)
			printf("%u ", vms[i].mem ? *(volatile uint32_t *)(vms[i].mem + COUNT) : 0);
		printf("\n");
		fflush(stdout);
	}
}
