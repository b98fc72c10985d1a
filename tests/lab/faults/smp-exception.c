/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SDM Vol. 3, 28.3.3: a VM exit saves the RIP at which the guest is to go on: behind the delivery of
 * an exception the handler's, also when its first instruction cannot be fetched.
 *
 * Bochs with more than one CPU goes back to the instruction that had the exception, but with the
 * handler's code segment, stack and flags. A guest's user program with a page fault then runs on at
 * CPL 0, now and then: when an interrupt or an EPT violation comes just there.
 */
#include "vmx.h"

static u8 handler[PAGE] __page;
static struct {
	u64 low, high;
} idt[32] __page;

static void guest(void)
{
	asm volatile("ud2");
}

/* There have to be two, one that waits is enough. */
void ap_main(void)
{
}

void test(void)
{
	u64 at = (u64)handler;
	u16 cs;

	memcpy(handler, "\x0f\x01\xc1", 3);		/* VMCALL */
	asm volatile("mov %%cs, %0" : "=r"(cs));
	idt[UD].low = (at & 0xffff) | (u64)cs << 16 | 0x8e00ull << 32 | (at >> 16 & 0xffff) << 48;
	idt[UD].high = at >> 32;
	vm_make((struct controls){ .proc2 = PROC2_EPT }, guest, 0);
	vmwrite(GUEST_IDTR_BASE, (u64)idt);
	vmwrite(GUEST_IDTR_LIMIT, sizeof(idt) - 1);
	*ept_entry(handler) &= ~7ull;
	vm_run_to(REASON_EPT, "EPT violation");
	expect(vmread(GUEST_RIP), at, "the guest's RIP");
	expect(vmread(VECTORING) >> 31, 0, "the IDT-vectoring information's valid bit");
	*ept_entry(handler) |= 7;
	vm_run_to(REASON_VMCALL, "VMCALL");
}
