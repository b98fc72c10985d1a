// SPDX-License-Identifier: GPL-2.0-only
/*
 * counters.c - adding up what vCPUs counted.
 *
 * A vCPU's counters are written by its thread alone, without locks or atomics;
 * readers may be a moment behind.
 */
#include <linux/math64.h>
#include <asm/tsc.h>

#include "../tsc.h"
#include "../vh.h"
#include "acct.h"

/**
 * vh_counts_add - sum of two
 * @to: added to
 * @c: what is added
 */
void vh_counts_add(struct vh_counts *to, const struct vh_counts *c)
{
	const u64 *from = (const u64 *)c;
	unsigned int i;

	BUILD_BUG_ON(sizeof(*c) % sizeof(u64));
	for (i = 0; i < sizeof(*c) / sizeof(u64); i++)
		((u64 *)to)[i] += from[i];
}

/*
 * vmx/window.c subtracts the TSC on entry and adds it on exit: a negative sum
 * is that of a vCPU in the guest, whose time counts up to now.
 */
static u64 guest_ns(const struct vh_vcpu *vcpu)
{
	s64 tsc = READ_ONCE(vcpu->guest_tsc);

	if (tsc < 0)
		tsc = max_t(s64, tsc + rdtsc(), 0);
	return vh_mul_div(tsc, USEC_PER_SEC, tsc_khz);
}

/**
 * vh_counts_add_vcpu - add a vCPU's counters
 * @to: added to
 * @vcpu: running or not
 */
void vh_counts_add_vcpu(struct vh_counts *to, const struct vh_vcpu *vcpu)
{
	unsigned int i;

	to->guest_ns += guest_ns(vcpu);
	to->wait_ns += READ_ONCE(vcpu->halt_waited);
	to->poll_ns += READ_ONCE(vcpu->halt_polled);
	to->polls += READ_ONCE(vcpu->halt_polls);
	to->poll_hits += READ_ONCE(vcpu->halt_poll_hit);
	to->injected += READ_ONCE(vcpu->injected);
	to->faults += READ_ONCE(vcpu->faults);
	for (i = 0; i < VH_NR_EXIT_REASONS; i++)
		to->exits[i] += READ_ONCE(vcpu->exits[i]);
}

/**
 * vh_counts_add_own - add what a VM counts itself, and not its vCPUs
 * @to: added to
 * @vm: the VM
 */
void vh_counts_add_own(struct vh_counts *to, struct vh_vm *vm)
{
	to->reclaimed += atomic_long_read(&vm->reclaimed);
}

/**
 * vh_counts_add_vm - add all of a VM's vCPUs, and what it counts itself
 * @to: added to
 * @vm: a VM whose vCPUs are not being freed
 */
void vh_counts_add_vm(struct vh_counts *to, struct vh_vm *vm)
{
	struct vh_vcpu *vcpu;
	unsigned int i;

	vh_for_each_vcpu(i, vcpu, vm)
		vh_counts_add_vcpu(to, vcpu);
	vh_counts_add_own(to, vm);
}

/**
 * vh_counts_exits - exits of all reasons
 * @c: the counts
 */
u64 vh_counts_exits(const struct vh_counts *c)
{
	u64 sum = 0;
	unsigned int i;

	for (i = 0; i < VH_NR_EXIT_REASONS; i++)
		sum += c->exits[i];
	return sum;
}
