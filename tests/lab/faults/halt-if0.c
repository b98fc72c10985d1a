/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SDM Vol. 3, 26.2: external-interrupt exiting works whatever RFLAGS.IF says, and in the HLT state
 * too (25.4.2: what is blocked there is named, and external interrupts are not).
 *
 * Bochs looks at IF while a CPU halts. A guest that halts with interrupts off, as a kernel that has
 * stopped does, takes its CPU from the host for ever unless HLT exits.
 */
#include "vmx.h"

#define VECTOR	0x40

static void guest(void)
{
	asm volatile("cli; 1: hlt; jmp 1b");
}

void test(void)
{
	apic_on();
	vm_make((struct controls){ .pin = PIN_EXTERNAL, .exit = EXIT_ACK }, guest, RFLAGS_IF);
	apic_timer(VECTOR, 20000);
	vm_run_to(REASON_EXTERNAL, "exit by an interrupt while the guest halts with IF clear");
	expect(vmread(EXIT_EVENT), 0x80000000 | VECTOR, "the interruption information");
}
