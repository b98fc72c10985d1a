/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SDM Vol. 3, 26.2 and 26.3: with external-interrupt exiting, an interrupt ends the guest whatever
 * its RFLAGS.IF says.
 *
 * Bochs masks interrupts by the IF that the guest is entered with, until the guest changes it. A guest that spins with
 * interrupts off keeps its CPU for ever: the host's timer does not tick on it.
 */
#include "vmx.h"

#define VECTOR	0x40

static void spin(void)
{
	asm volatile("1: jmp 1b");
}

static void one(u64 rflags, const char *what)
{
	vmwrite(GUEST_RIP, (u64)spin);
	vmwrite(GUEST_RFLAGS, 2 | rflags);
	apic_timer(VECTOR, 20000);
	vm_run_to(REASON_EXTERNAL, what);
	expect(vmread(EXIT_EVENT), 0x80000000 | VECTOR, "the interruption information");
	*apic(APIC_EOI) = 0;
}

void test(void)
{
	apic_on();
	vm_make((struct controls){ .pin = PIN_EXTERNAL, .exit = EXIT_ACK }, spin, 0);
	one(RFLAGS_IF, "exit by an interrupt with IF set");
	one(0, "exit by an interrupt with IF clear");
}
