/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guests of guest.S that count their interrupts, and vCPUs that run in threads
 * while somebody else interrupts, moves and kicks them.
 */
#ifndef VH_TESTS_LANE_H
#define VH_TESTS_LANE_H

#include <pthread.h>

#include "abi.h"

#define HANDLERS	0x50000u	/* 32 bytes for each vector */
#define COUNTS		0x60000u	/* a dword for each; guest.S knows it */
#define TURNS		0x70000u	/* rounds of the guest's loop */

/* count() - the guest's counter of a vector */
volatile uint32_t *count(struct vm *vm, unsigned int vector);

/* total() - the sum of all counters, those that nobody sent among them */
uint32_t total(struct vm *vm);

/* gate() - where a vector goes */
void gate(struct vm *vm, unsigned int vector, uint32_t to);

/* make_handlers() - each vector counts itself, writes EOI and returns */
void make_handlers(struct vm *vm);

/* vm_irqs() - a VM with interrupt controllers whose vCPU is about to run a guest of guest.S; @flags: more of vm_create() */
struct vcpu *vm_irqs(struct vm *vm, const char *guest, unsigned int flags);

/* msi_to() - KVM_SIGNAL_MSI to an APIC id */
void msi_to(struct vm *vm, unsigned int id, uint32_t data);

/* set_pins() - pins 16 to 23 of the IOAPIC: vectors 0x30 to 0x37 */
void set_pins(struct vm *vm, bool level);

/* A vCPU in a thread; OUT to port 0x10 is a while in userspace, to others the end. */
struct lane {
	struct vcpu *v;
	pthread_t thread;
	volatile pid_t tid;
	volatile bool stop;
	int failed;
};

void lane_start(struct lane *l, struct vcpu *v);
void lane_stop(struct tap_result *r, struct lane *l);

/* From CPU to CPU, and out of the guest by a signal now and then. */
struct mover {
	struct lane *lane;
	volatile uint32_t *turns;	/* the guest's */
	pthread_t thread;
	volatile bool stop;
	bool hotplug;		/* CPU 1 goes and comes */
	unsigned int moves;
};

/* cpu_online() - a CPU of the host goes on-line or off-line; whether it did */
bool cpu_online(int cpu, bool on);

void mover_start(struct mover *m, struct vm *vm, struct lane *l, bool hotplug);
void mover_stop(struct mover *m);

uint64_t now_ms(void);

/* wait_count() - until the counter has got there; 10 s of emulated time are for ever */
bool wait_count(volatile uint32_t *c, uint32_t n);

#endif
