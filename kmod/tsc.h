/* SPDX-License-Identifier: GPL-2.0-only */
/* tsc.h - the guest's TSC: a multiple of the host's, and an offset (SDM Vol. 3, 25.6.5). */
#ifndef VH_TSC_H
#define VH_TSC_H

#include <linux/math64.h>
#include <asm/tsc.h>

#include "vh.h"

#define VH_TSC_SHIFT	48		/* fraction bits of vcpu->tsc_scale */

/*
 * What the host's TSC lost by restarting when the host resumed, in ticks. All that is kept
 * of host ticks has it added, so that it goes on. Written with one CPU left.
 */
extern u64 vh_tsc_lost;

/**
 * vh_host_tsc - the host's TSC, as if it had never restarted
 */
static inline u64 vh_host_tsc(void)
{
	return rdtsc_ordered() + READ_ONCE(vh_tsc_lost);
}

static inline u64 vh_tsc_scaled(u64 host_tsc, u64 ratio)
{
	return ratio ? mul_u64_u64_shr(host_tsc, ratio, VH_TSC_SHIFT) : host_tsc;
}

/**
 * vh_tsc_to_guest - what the guest's TSC is when the host's is @host_tsc
 * @vcpu: the vCPU; own thread
 * @host_tsc: host ticks, of vh_host_tsc()
 */
static inline u64 vh_tsc_to_guest(const struct vh_vcpu *vcpu, u64 host_tsc)
{
	return vh_tsc_scaled(host_tsc, vcpu->tsc_scale) + vcpu->tsc_offset;
}

/**
 * vh_tsc_read - the guest's TSC now
 * @vcpu: the vCPU; own thread, interrupts may be off
 */
static inline u64 vh_tsc_read(const struct vh_vcpu *vcpu)
{
	return vh_tsc_to_guest(vcpu, vh_host_tsc());
}

/**
 * vh_mul_div - a * mul / div, whatever the values are
 * @a: any
 * @mul: any
 * @div: any
 *
 * U64_MAX when the quotient has more than 64 bits (or @div is 0): the processor's
 * division of 128 bits by 64 raises #DE then, so no value from outside may reach it
 * by itself.
 */
static inline u64 vh_mul_div(u64 a, u32 mul, u32 div)
{
	if (mul_u64_u64_shr(a, mul, 64) >= div)
		return U64_MAX;
	return mul_u64_u32_div(a, mul, div);
}

/**
 * vh_tsc_to_ns - a duration in guest ticks as nanoseconds
 * @vcpu: the vCPU; own thread
 * @guest_ticks: guest TSC ticks
 *
 * U64_MAX for what is more than that: a guest's TSC may be slower than 1 GHz.
 */
static inline u64 vh_tsc_to_ns(const struct vh_vcpu *vcpu, u64 guest_ticks)
{
	return vh_mul_div(guest_ticks, 1000000, vcpu->tsc_khz);
}

#endif /* VH_TSC_H */
