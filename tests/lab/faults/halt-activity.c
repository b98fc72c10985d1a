/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SDM Vol. 3, 28.1 and 28.3.4: a VM exit by an external interrupt does not wake a guest that halts:
 * its activity state is saved as it was, 1 (HLT), and the next entry halts again.
 *
 * Bochs wakes the CPU first and saves 0. The guest goes on behind its HLT though nothing has
 * interrupted it: each of the host's interrupts is a wake-up.
 */
#include "vmx.h"

#define VECTOR	0x40

static void guest(void)
{
	asm volatile("hlt");
	vmcall();
}

void test(void)
{
	apic_on();
	vm_make((struct controls){ .pin = PIN_EXTERNAL, .exit = EXIT_ACK }, guest, RFLAGS_IF);
	for (u32 i = 0; i < 2; i++) {
		apic_timer(VECTOR, 20000);
		vm_run_to(REASON_EXTERNAL, "exit by an interrupt while the guest halts");
		*apic(APIC_EOI) = 0;
		expect(vmread(ACTIVITY), 1, "the activity state");
	}
}
