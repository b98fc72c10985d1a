// SPDX-License-Identifier: GPL-2.0-only
/* What two states differ in. */
#include <stdio.h>
#include <string.h>

#include "differ.h"

#define DIFFERS(a, b, member)	(memcmp(&(a)->member, &(b)->member, sizeof((a)->member)) != 0)

static bool fpu_differs(const struct fpu *a, const struct fpu *b)
{
	return a->cw != b->cw || a->sw != b->sw || a->tw != b->tw || a->mxcsr != b->mxcsr || DIFFERS(a, b, st);
}

static bool pointers_differ(const struct fpu *a, const struct fpu *b)
{
	return a->op != b->op || a->ip != b->ip || a->dp != b->dp;
}

static bool general_differ(const struct kvm_regs *a, const struct kvm_regs *b)
{
	struct kvm_regs c = *b;

	c.rsp = a->rsp;
	c.rip = a->rip;
	c.rflags = a->rflags;
	return memcmp(a, &c, sizeof(c));
}

static bool control_differs(const struct kvm_sregs *a, const struct kvm_sregs *b)
{
	return a->cr0 != b->cr0 || a->cr3 != b->cr3 || a->cr4 != b->cr4 || a->cr8 != b->cr8 || a->efer != b->efer ||
	       a->apic_base != b->apic_base;
}

unsigned int compare(const struct state *a, const struct state *b)
{
	const struct kvm_sregs *sa = &a->sregs, *sb = &b->sregs;
	unsigned int mask = 0;

	if (a->end != b->end || a->detail != b->detail)
		mask |= D_END;
	if (general_differ(&a->regs, &b->regs))
		mask |= D_GPR;
	if (a->regs.rsp != b->regs.rsp)
		mask |= D_RSP;
	if (a->regs.rip != b->regs.rip)
		mask |= D_RIP;
	if (a->regs.rflags != b->regs.rflags)
		mask |= D_RFLAGS;
	if (memcmp(&sa->cs, &sb->cs, 6 * sizeof(sa->cs)))
		mask |= D_SEGMENTS;
	if (DIFFERS(sa, sb, tr) || DIFFERS(sa, sb, ldt) || DIFFERS(sa, sb, gdt) || DIFFERS(sa, sb, idt))
		mask |= D_TABLES;
	if (control_differs(sa, sb))
		mask |= D_CONTROL;
	if (sa->cr2 != sb->cr2)
		mask |= D_CR2;
	if (a->debug.dr6 != b->debug.dr6)
		mask |= D_DR6;
	if (DIFFERS(a, b, debug.db) || a->debug.dr7 != b->debug.dr7)
		mask |= D_DR;
	if (fpu_differs(&a->fpu, &b->fpu))
		mask |= D_FPU;
	if (pointers_differ(&a->fpu, &b->fpu))
		mask |= D_POINTERS;
	if (DIFFERS(a, b, fpu.xmm) || DIFFERS(a, b, fpu.ymmh) || DIFFERS(a, b, fpu512) || a->xcr0 != b->xcr0)
		mask |= D_VECTORS;
	if (DIFFERS(a, b, msr))
		mask |= D_MSRS;
	if (DIFFERS(a, b, events))
		mask |= D_EVENTS;
	if (a->memory != b->memory)
		mask |= D_MEMORY;
	if (a->accesses != b->accesses || DIFFERS(a, b, access))
		mask |= D_ACCESSES;
	return mask;
}

void print_differences(FILE *f, unsigned int mask)
{
	static const char *const names[] = {
		"end", "registers", "rsp", "rip", "rflags", "segments", "tables", "control", "cr2", "dr6", "dr", "fpu",
		"fpu-pointers", "vectors", "msrs", "events", "memory", "accesses"
	};
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (mask & 1u << i)
			fprintf(f, " %s", names[i]);
}
