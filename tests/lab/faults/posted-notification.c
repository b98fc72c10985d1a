/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SDM Vol. 3, 30.6: an external interrupt with the notification vector does not leave the guest. The
 * CPU clears ON, dismisses the interrupt at its local APIC, moves the requests to the virtual IRR
 * and RVI, and delivers what RFLAGS.IF and the virtual PPR allow.
 */
#include "vmx.h"

#define NOTIFICATION	0xf2
#define LOW		0x61
#define HIGH		0xa3

/* A page of its own: that 64 bytes do is another test. */
static u32 descriptor[16] __page;
static volatile u32 in_guest[2];

static void post(u8 vector)
{
	__atomic_fetch_or(&descriptor[vector / 32], 1u << vector % 32, __ATOMIC_SEQ_CST);
}

static void notify(void)
{
	__atomic_fetch_or(&descriptor[8], 1, __ATOMIC_SEQ_CST);
	*apic(APIC_ICR) = SELF | NOTIFICATION;
	for (volatile int i = 0; i < 20; i++)
		;
}

static void guest(void)
{
	post(LOW);
	post(HIGH);
	notify();
	in_guest[0] = count_total;
	asm volatile("sti; nop; nop");
	in_guest[1] = count_total;
	vmcall();
}

void test(void)
{
	apic_on();
	vm_make((struct controls){ .pin = PIN_EXTERNAL | PIN_POSTED, .proc = PROC_TPR_SHADOW,
				   .proc2 = PROC2_DELIVERY, .exit = EXIT_ACK }, guest, 0);
	vmwrite(NOTIFICATION_VECTOR, NOTIFICATION);
	vmwrite(POSTED_DESCRIPTOR, (u64)descriptor);
	vm_run_to(REASON_VMCALL, "VMCALL");
	expect(in_guest[0], 0, "interrupts delivered with IF clear");
	expect(count[HIGH], 1, "deliveries of the higher one");
	expect(count[LOW], 0, "deliveries of the lower one before EOI");
	expect(in_guest[1], 1, "interrupts delivered");
	expect(descriptor[8] & 1, 0, "ON");
	for (u32 i = 0; i < 8; i++)
		expect(descriptor[i], 0, "what is left in the descriptor");
	expect(bit_of(vapic + APIC_ISR / 4, HIGH), 1, "the higher one's bit in the virtual ISR");
	expect(bit_of(vapic + APIC_IRR / 4, HIGH), 0, "the higher one's bit in the virtual IRR");
	expect(bit_of(vapic + APIC_IRR / 4, LOW), 1, "the lower one's bit in the virtual IRR");
	expect(vmread(GUEST_INTERRUPT_STATUS), HIGH << 8 | LOW, "the guest interrupt status");
	expect(*apic(APIC_ISR + NOTIFICATION / 32 * 16), 0, "the local APIC's ISR");
}
