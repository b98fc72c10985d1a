// SPDX-License-Identifier: GPL-2.0-only
/*
 * breakpoint.c - the guest's breakpoints on what is interpreted (SDM Vol. 3, 18.2).
 *
 * The processor has them all while it executes the guest itself. DR7's enables in memory are right
 * even where the group is not valid: each MOV to DR7 exits, and so does each task switch. I/O
 * breakpoints are not looked for.
 */
#include <linux/kernel.h>

#include "internal.h"

#define ON_EXECUTION	0	/* R/W of DR7 */
#define ON_WRITE	1
#define ON_ACCESS	3

static bool enabled(const struct vh_cpu_state *s, unsigned int n)
{
	return s->dr7 >> 2 * n & 3;
}

static unsigned int kind(const struct vh_cpu_state *s, unsigned int n)
{
	return s->dr7 >> (16 + 4 * n) & 3;
}

/* Bytes: 1, 2, 8, 4 (SDM Vol. 3, figure 18-1). */
static unsigned int length(const struct vh_cpu_state *s, unsigned int n)
{
	static const u8 lengths[] = { 1, 2, 8, 4 };

	return lengths[s->dr7 >> (18 + 4 * n) & 3];
}

/* What DR6 is to say of @hits; 0 where none of these is enabled: the others alone are nothing. */
static u64 told(const struct vh_cpu_state *s, u64 hits)
{
	unsigned int n;

	hits &= ~(u64)VH_HIT_STEP;
	for (n = 0; n < 4; n++)
		if ((hits & BIT(n)) && enabled(s, n))
			return hits;
	return 0;
}

/**
 * vh_code_breakpoint - #DB if there is a breakpoint on the instruction at RIP
 * @vcpu: the vCPU; own thread; RIP, RFLAGS, segments, EFER and interruptibility are valid
 *
 * RF and MOV SS's shadow hide it (SDM Vol. 3, 18.3.1.1). True: the fault is raised.
 */
bool vh_code_breakpoint(struct vh_vcpu *vcpu)
{
	struct vh_cpu_state *s = &vcpu->s;
	u64 at, hits = 0;
	unsigned int n;

	if ((s->rflags & X86_EFLAGS_RF) || (s->interruptibility & VH_SHADOW_MOVSS))
		return false;
	at = vh_linear_rip(vcpu);
	for (n = 0; n < 4; n++)
		if (kind(s, n) == ON_EXECUTION && s->dr[n] == at)
			hits |= BIT(n);
	if (!told(s, hits))
		return false;
	vh_inject_trap(vcpu, hits);
	return true;
}

/**
 * vh_data_breakpoint - note an access of the instruction that is interpreted
 * @vcpu: the vCPU; own thread
 * @linear: where
 * @len: bytes
 * @write: direction
 */
void vh_data_breakpoint(struct vh_vcpu *vcpu, u64 linear, unsigned int len, bool write)
{
	struct vh_cpu_state *s = &vcpu->s;
	unsigned int n;

	for (n = 0; n < 4; n++) {
		unsigned int bytes = length(s, n);
		u64 from = s->dr[n] & ~(u64)(bytes - 1);

		if (kind(s, n) != ON_ACCESS && !(write && kind(s, n) == ON_WRITE))
			continue;
		if (linear < from + bytes && from < linear + len)
			vcpu->exec->hits |= BIT(n);
	}
}

/**
 * vh_data_breakpoints_met - what DR6 is to say of the accesses of the instruction that is done
 * @vcpu: the vCPU; own thread
 *
 * 0: no trap is due. Behind MOV SS, whose shadow holds it back, it is lost.
 */
u64 vh_data_breakpoints_met(struct vh_vcpu *vcpu)
{
	struct vh_exec *exec = vcpu->exec;

	if (likely(!exec->hits) || exec->e.mov_ss)
		return 0;
	return told(&vcpu->s, exec->hits);
}
