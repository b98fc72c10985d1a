/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SDM Vol. 2, MWAIT: an interrupt that is not masked ends it; with bit 0 of ECX, one that IF masks
 * does so too, and stays pending. A write to the monitored line between MONITOR and MWAIT leaves
 * nothing to wait for.
 */
#include "lib.h"

#define VECTOR	0x40

static u32 line[16] __attribute__((aligned(64)));

static void end_of_interrupt(void)
{
	*apic(APIC_EOI) = 0;
}

static bool handler(struct frame *frame)
{
	if (frame->vector == VECTOR)
		end_of_interrupt();
	return frame->vector >= 32;
}

void test(void)
{
	if (!(cpuid(1, 0).ecx & 8))
		skip("no MONITOR");
	wrmsr(0x2ff, 0x806);		/* all memory is write-back */
	apic_on();
	on_interrupt = handler;

	apic_timer(VECTOR, 100000);
	asm volatile("monitor" : : "a"(line), "c"(0), "d"(0) : "memory");
	asm volatile("sti; mwait; cli" : : "a"(0), "c"(0) : "memory");
	expect(count[VECTOR], 1, "interrupts that ended MWAIT with IF set");

	if (!(cpuid(5, 0).ecx & 2))
		return;
	apic_timer(VECTOR, 100000);
	asm volatile("monitor" : : "a"(line), "c"(0), "d"(0) : "memory");
	asm volatile("mwait" : : "a"(0), "c"(1) : "memory");
	expect(count[VECTOR], 1, "interrupts taken with IF clear");
	expect(*apic(APIC_IRR + VECTOR / 32 * 16) >> VECTOR % 32 & 1, 1, "pending interrupts after MWAIT with IF clear");
	asm volatile("sti; nop; cli" : : : "memory");
	expect(count[VECTOR], 2, "interrupts after IF is set");

	/* a write of its own comes first: the timer must not be needed */
	apic_timer(VECTOR, 100000);
	asm volatile("monitor" : : "a"(line), "c"(0), "d"(0) : "memory");
	*(volatile u32 *)line = 1;
	asm volatile("mwait" : : "a"(0), "c"(1) : "memory");
	expect(*apic(APIC_IRR + VECTOR / 32 * 16) >> VECTOR % 32 & 1, 0, "interrupts that ended MWAIT after a write");
}
