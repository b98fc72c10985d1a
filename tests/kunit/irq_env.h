/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * irq_env.h - a VM with vCPUs for the tests of kmod/irq/: what the chips call
 * outside of their folder is counted here, the clock is the test's.
 */
#ifndef IRQ_ENV_H
#define IRQ_ENV_H

#include "clock.h"
#include "../../kmod/irq/internal.h"
#include "../../kmod/tsc.h"
#include "tap.h"

#define ENV_VCPUS	10

extern struct vh_vm *vm;
extern struct vh_vcpu *vcpus[ENV_VCPUS];
extern unsigned int env_kicks[ENV_VCPUS], env_nmis[ENV_VCPUS], env_inits[ENV_VCPUS];
extern unsigned int env_expiries;		/* timers that expired */
extern unsigned int env_notified;		/* posted-interrupt notifications sent */
extern int env_sipi[ENV_VCPUS];			/* vector, -1: none */
unsigned int acks(u32 gsi);			/* how often it was resampled, told now */

/* A VM with @n vCPUs, their LAPICs enabled in software, LVT0 of the first ExtINT. */
void env_create(unsigned int n);
void env_destroy(void);

/* The LAPIC's registers as the guest sees them, by MMIO. */
u32 rd(unsigned int cpu, u32 offset);
void wr(unsigned int cpu, u32 offset, u32 value);
/* Deliver the vector that is due: acknowledge it, -1 none; it is in service then. */
int take(unsigned int cpu);
/* Take it and end its service. */
int take_eoi(unsigned int cpu);

#endif
