/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SDM Vol. 3, 30.6: a notification makes RVI the greater of what it was and the highest request in
 * the descriptor. With no request there, RVI stays, and nothing is delivered.
 *
 * Bochs 3.0 takes "no request" for vector 255. A hypervisor that fetches the requests itself while
 * their notification is under way, as on any exit that comes between, has its guest interrupted by
 * vector 255, which then is in service until an EOI that the guest does not give.
 */
#include "vmx.h"

#define NOTIFICATION	0xf2

static u32 descriptor[16] __page;

static void guest(void)
{
	*apic(APIC_ICR) = SELF | NOTIFICATION;
	for (volatile int i = 0; i < 20; i++)
		;
	vmcall();
}

void test(void)
{
	apic_on();
	vm_make((struct controls){ .pin = PIN_EXTERNAL | PIN_POSTED, .proc = PROC_TPR_SHADOW,
				   .proc2 = PROC2_DELIVERY, .exit = EXIT_ACK }, guest, RFLAGS_IF);
	vmwrite(NOTIFICATION_VECTOR, NOTIFICATION);
	vmwrite(POSTED_DESCRIPTOR, (u64)descriptor);
	descriptor[8] = 1;
	vm_run_to(REASON_VMCALL, "VMCALL");
	expect(count[255], 0, "interrupts at vector 255");
	expect(count_total, 0, "interrupts delivered");
	expect(vmread(GUEST_INTERRUPT_STATUS), 0, "the guest interrupt status");
	expect(descriptor[8], 0, "ON");
}
