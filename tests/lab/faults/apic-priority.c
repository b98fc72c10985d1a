/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SDM Vol. 3, 11.8.3.1 and 11.8.4: the local APIC gives the CPU an interrupt whose priority class
 * (bits 7:4) is above the processor priority's: the task priority, or what is in service. One of the
 * same class waits for EOI. A task priority raised before the interrupt is taken holds it back.
 *
 * Bochs compares whole vectors to decide that there is an interrupt, and classes to decide which one:
 * with one of the class in service, the CPU gets the spurious vector instead. With the task priority
 * raised meanwhile it does so too. Kernels count spurious interrupts, or complain.
 */
#include "lib.h"

#define FIRST	0x60
#define SECOND	0x65

static bool handler(struct frame *frame)
{
	return frame->vector >= 32;
}

static void allow(void)
{
	asm volatile("sti; nop; nop; cli" : : : "memory");
}

void test(void)
{
	apic_on();
	on_interrupt = handler;
	*apic(APIC_ICR) = SELF | FIRST;
	allow();
	expect(count[FIRST], 1, "interrupts of the first vector");
	*apic(APIC_ICR) = SELF | SECOND;
	allow();
	expect(count[SPURIOUS], 0, "spurious interrupts with the class in service");
	expect(count[SECOND], 0, "interrupts of the class in service");
	*apic(APIC_EOI) = 0;
	allow();
	expect(count[SECOND], 1, "interrupts of the second vector after EOI");
	*apic(APIC_EOI) = 0;

	*apic(APIC_ICR) = SELF | FIRST;
	*apic(APIC_TPR) = 0xf0;
	allow();
	expect(count[FIRST], 1, "interrupts below the task priority");
	expect(count[SPURIOUS], 0, "spurious interrupts with the task priority raised");
	*apic(APIC_TPR) = 0;
	allow();
	expect(count[FIRST], 2, "interrupts after the task priority is lowered");
}
