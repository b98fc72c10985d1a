/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SDM Vol. 3, 28.2.4: a VM exit during the delivery of an event through the IDT leaves that event in
 * the IDT-vectoring fields. A virtual interrupt (30.2.2) is delivered so: its vector, type 0.
 *
 * Bochs delivers virtual interrupts without noting them: the fields hold the event before. A
 * hypervisor that maps the guest's memory on demand injects that one again, and the guest gets an
 * interrupt or an exception that nothing caused, while the right one is lost.
 */
#include "vmx.h"

#define VECTOR	0x51

static void guest(void)
{
	asm volatile("1: pause; jmp 1b");
}

void test(void)
{
	u64 *stack;

	vm_make((struct controls){ .pin = PIN_EXTERNAL, .proc = PROC_TPR_SHADOW,
				   .proc2 = PROC2_DELIVERY | PROC2_EPT }, guest, RFLAGS_IF);
	stack = ept_entry(guest_stack + sizeof(guest_stack) - PAGE);
	*stack &= ~7ull;
	bit_set(vapic + APIC_IRR / 4, VECTOR);
	vm_interrupt_status(VECTOR, 0);
	vm_run_to(REASON_EPT, "EPT violation");
	expect(vmread(VECTORING), 0x80000000 | VECTOR, "the IDT-vectoring information");
	expect(vmread(GUEST_RIP), (u64)guest, "the guest's RIP");
	expect(vmread(GUEST_INTERRUPT_STATUS), VECTOR << 8, "the guest interrupt status");
	expect(count_total, 0, "interrupts delivered");
}
