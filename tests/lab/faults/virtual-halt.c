/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SDM Vol. 3, 30.2.2: a virtual interrupt that is recognized wakes a guest from the HLT state, which
 * it came into by HLT behind STI or by the VM entry (27.7.5).
 *
 * Bochs does not know virtual interrupts among what ends HLT. A guest that idles by STI and HLT
 * without HLT exiting sleeps over what was requested before it; an entry into HLT with a request
 * hangs until something of the host's comes.
 */
#include "vmx.h"

#define VIRTUAL	0x51

static void guest(void)
{
	asm volatile("sti; hlt");
	vmcall();
}

void test(void)
{
	vm_make((struct controls){ .pin = PIN_EXTERNAL, .proc = PROC_TPR_SHADOW, .proc2 = PROC2_DELIVERY },
		guest, 0);
	bit_set(vapic + APIC_IRR / 4, VIRTUAL);
	vm_interrupt_status(VIRTUAL, 0);
	vm_run_to(REASON_VMCALL, "wake-up from STI and HLT by a virtual interrupt");
	expect(count[VIRTUAL], 1, "virtual interrupts delivered");

	memset(vapic, 0, sizeof(vapic));
	bit_set(vapic + APIC_IRR / 4, VIRTUAL);
	vm_interrupt_status(VIRTUAL, 0);
	vmwrite(ACTIVITY, 1);
	vmwrite(GUEST_RIP, (u64)vmcall);
	vmwrite(GUEST_RFLAGS, 2 | RFLAGS_IF);
	vm_run_to(REASON_VMCALL, "wake-up of an entry into HLT by a virtual interrupt");
	expect(count[VIRTUAL], 2, "virtual interrupts delivered");
}
