/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SDM Vol. 3, 30.6 and 30.2: a notification is processed in the HLT state too. When it leads to a
 * virtual interrupt that can be delivered, the guest wakes up; otherwise it goes on halting.
 *
 * Bochs 3.0 takes the guest out of HLT first. It goes on behind its HLT with nothing delivered, or, with
 * IF clear, does not see the notification at all.
 */
#include "vmx.h"

#define NOTIFICATION	0xf2
#define VIRTUAL		0x61

static u32 descriptor[16] __page;

static void guest(void)
{
	asm volatile("cli; sti; hlt");
	vmcall();
}

static void guest_if0(void)
{
	asm volatile("cli; hlt");
	vmcall();
}

static void start(void (*at)(void), bool request)
{
	vmwrite(GUEST_RIP, (u64)at);
	vmwrite(GUEST_RFLAGS, 2 | RFLAGS_IF);
	vmwrite(ACTIVITY, 0);
	vm_interrupt_status(0, 0);
	memset(vapic, 0, sizeof(vapic));
	memset(descriptor, 0, sizeof(descriptor));
	if (request)
		descriptor[VIRTUAL / 32] = 1u << VIRTUAL % 32;
	descriptor[8] = 1;
	apic_timer(NOTIFICATION, 20000);
}

void test(void)
{
	apic_on();
	vm_make((struct controls){ .pin = PIN_EXTERNAL | PIN_POSTED, .proc = PROC_TPR_SHADOW,
				   .proc2 = PROC2_DELIVERY, .exit = EXIT_ACK }, guest, 0);
	vmwrite(NOTIFICATION_VECTOR, NOTIFICATION);
	vmwrite(POSTED_DESCRIPTOR, (u64)descriptor);

	start(guest, true);
	vm_run_to(REASON_VMCALL, "wake-up by a posted interrupt");
	expect(count[VIRTUAL], 1, "virtual interrupts delivered");

	start(guest, false);
	vm_run_to(REASON_TIMER, "sleep over a notification of nothing");
	expect(descriptor[8], 0, "ON after a notification of nothing");

	start(guest_if0, true);
	vm_run_to(REASON_TIMER, "sleep over a notification with IF clear");
	expect(descriptor[8], 0, "ON after a notification with IF clear");
	expect(count[VIRTUAL], 1, "virtual interrupts delivered with IF clear");
	expect(vmread(GUEST_INTERRUPT_STATUS), VIRTUAL, "the guest interrupt status");
	expect(*apic(APIC_ISR + NOTIFICATION / 32 * 16), 0, "the local APIC's ISR");
}
