/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SDM Vol. 3, 26.2, 26.3, 27.7.6, 28.2.3: with NMI exiting an NMI ends the guest. With virtual NMIs, bit
 * 3 of the interruptibility state is the guest's blocking by NMI, which an injected NMI sets and IRET
 * clears; NMI-window exiting waits for that, and ends HLT. When an IRET that cleared it ends in an
 * EPT violation, bit 12 of the qualification says so.
 *
 * No fault of Bochs is known here.
 */
#include "vmx.h"

#define PROC_NMI_WINDOW	0x00400000u
#define REASON_NMI_WINDOW	8u
#define NMI_EVENT	0x80000202u
#define BLOCKED		8u

static volatile u32 in_guest;
static u8 frames[2 * PAGE] __page;

static bool handler(struct frame *frame)
{
	return frame->vector == 2;
}

static void send_nmi(void)
{
	*apic(APIC_ICR2) = 0;
	*apic(APIC_ICR) = 0x400;
	for (volatile int i = 0; i < 20; i++)
		;
}

static void sends(void)
{
	send_nmi();
	in_guest = 1;
	vmcall();
}

static void halts(void)
{
	asm volatile("cli; hlt");
	vmcall();
}

/* To the VMCALL behind it; make_frame() puts the frame there. */
static void iret(void)
{
	asm volatile("mov %0, %%rsp\n\t"
		     "iretq\n"
		     "vmcall" : : "r"(frames + PAGE - 40) : "memory");
}

static void make_frame(u8 *at)
{
	u64 *frame = (u64 *)at;
	u8 *code = (u8 *)iret;

	while (code[0] != 0x48 || code[1] != 0xcf)
		code++;
	frame[0] = (u64)code + 2;
	frame[1] = 0x08;
	frame[2] = 2;
	frame[3] = (u64)guest_stack + sizeof(guest_stack);
	frame[4] = 0x10;
}

static void start(void (*at)(void), u32 interruptibility, u32 event)
{
	vmwrite(GUEST_RIP, (u64)at);
	vmwrite(GUEST_RSP, (u64)guest_stack + sizeof(guest_stack) - 8);
	vmwrite(GUEST_RFLAGS, 2);
	vmwrite(INTERRUPTIBILITY, interruptibility);
	vmwrite(ACTIVITY, 0);
	vmwrite(ENTRY_EVENT, event);
}

/* An NMI's exit blocks NMIs in the host as a delivery does: an IRET ends that. */
static void unblock(void)
{
	asm volatile("mov %%rsp, %%rax\n\tpushq $0x10\n\tpush %%rax\n\tpushfq\n\tpushq $0x08\n\t"
		     "pushq $1f\n\tiretq\n1:" : : : "rax", "memory", "cc");
}

static void window(bool on)
{
	u64 controls = vmread(PROC_CONTROLS) & ~(u64)PROC_NMI_WINDOW;

	vmwrite(PROC_CONTROLS, controls | (on ? PROC_NMI_WINDOW : 0));
}

void test(void)
{
	apic_on();
	on_interrupt = handler;
	vm_make((struct controls){ .pin = PIN_NMI | PIN_VIRTUAL_NMI, .proc = PROC_NMI_WINDOW,
				   .proc2 = PROC2_EPT }, vmcall, 0);
	window(false);
	make_frame(frames + PAGE - 40);

	start(sends, 0, 0);
	vm_run_to(REASON_NMI, "exit by an NMI");
	expect(vmread(EXIT_EVENT), NMI_EVENT, "the interruption information");
	expect(in_guest, 0, "that the guest went on behind the NMI");
	send_nmi();
	expect(count[2], 0, "NMIs in the host behind the exit by one");
	unblock();
	expect(count[2], 1, "NMIs in the host after IRET");
	vm_run_to(REASON_VMCALL, "VMCALL");

	start(vmcall, 0, 0);
	window(true);
	vm_run_to(REASON_NMI_WINDOW, "exit by the NMI window");
	start(halts, 0, 0);
	vmwrite(ACTIVITY, 1);
	vm_run_to(REASON_NMI_WINDOW, "exit by the NMI window in the HLT state");

	start(iret, BLOCKED, 0);
	vm_run_to(REASON_NMI_WINDOW, "exit by the NMI window after IRET");
	expect(vmread(INTERRUPTIBILITY), 0, "the interruptibility state after IRET");
	window(false);

	/* an injected NMI blocks; its delivery is not the exit's */
	start(vmcall, 0, NMI_EVENT);
	u64 *page = ept_entry(guest_stack + sizeof(guest_stack) - PAGE);
	u64 entry = *page;
	*page &= ~7ull;
	vm_run_to(REASON_EPT, "EPT violation of an injected NMI");
	expect(vmread(VECTORING), NMI_EVENT, "the IDT-vectoring information of an injected NMI");
	*page = entry;

	page = ept_entry(frames);
	*page &= ~7ull;
	start(iret, BLOCKED, 0);
	vm_run_to(REASON_EPT, "EPT violation of IRET");
	expect(vmread(QUALIFICATION) >> 12 & 1, 1, "NMI unblocking due to IRET in the qualification");
	expect(vmread(INTERRUPTIBILITY), 0, "the interruptibility state after an IRET that faults");
}
