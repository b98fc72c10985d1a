/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SDM Vol. 3, 11.12.1.2 and 11.12.9: in x2APIC mode the interrupt command register is one 64-bit MSR
 * (830H) that can be read as it was written.
 *
 * Bochs sends the interrupt and forgets the value: a read gives what was last written in xAPIC mode.
 */
#include "lib.h"

#define VECTOR	0x40

static bool handler(struct frame *frame)
{
	return frame->vector >= 32;
}

void test(void)
{
	u64 value = VECTOR;

	if (!(cpuid(1, 0).ecx & 1 << 21))
		skip("no x2APIC");
	apic_on();
	on_interrupt = handler;
	wrmsr(0x1b, rdmsr(0x1b) | 0xc00);
	value |= rdmsr(0x802) << 32;
	wrmsr(0x830, value);
	asm volatile("sti; nop; nop; cli" : : : "memory");
	expect(count[VECTOR], 1, "interrupts sent to this CPU");
	expect(rdmsr(0x830), value, "the interrupt command register");
}
