/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SDM Vol. 3, 30.2.2: a virtual interrupt is delivered when RFLAGS.IF is set and STI or MOV SS does
 * not block it. Until then it stays requested; what else happens does not change that.
 *
 * Bochs looks for a virtual interrupt whenever an external one comes, and then forgets IF. With
 * interrupts off, the guest gets one: in the middle of a lock, or on a stack that is being changed.
 * The host's interrupt waits for the next exit.
 */
#include "vmx.h"

#define VECTOR	0x40
#define VIRTUAL	0x51

/* It is the guest that clears IF, and then requests: see external-interrupt-if0 for why. */
static void guest(void)
{
	asm volatile("cli");
	wrmsr(0x83f, VIRTUAL);
	asm volatile("1: jmp 1b");
}

void test(void)
{
	apic_on();
	vm_make((struct controls){ .pin = PIN_EXTERNAL, .proc = PROC_TPR_SHADOW, .proc2 = PROC2_DELIVERY |
				   PROC2_X2APIC, .exit = EXIT_ACK }, guest, RFLAGS_IF);
	apic_timer(VECTOR, 20000);
	vm_run_to(REASON_EXTERNAL, "exit by an interrupt with a virtual one requested and IF clear");
	expect(count[VIRTUAL], 0, "virtual interrupts delivered with IF clear");
	expect(vmread(GUEST_INTERRUPT_STATUS), VIRTUAL, "the guest interrupt status");
	expect(vmread(EXIT_EVENT), 0x80000000 | VECTOR, "the interruption information");
}
