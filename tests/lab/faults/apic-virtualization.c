/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SDM Vol. 3, chapter 30, where the guest uses the x2APIC MSRs:
 *  - 30.1.2, 30.2.1: entries and writes to the TPR (808H, CR8) make the virtual PPR anew; a request
 *    is delivered when its class is above, not while interrupt-window exiting is on;
 *  - 30.1.4: EOI (80BH) ends the highest vector in service and exits, behind the instruction, for
 *    those in the EOI-exit bitmap;
 *  - 30.1.5: the self-IPI register (83FH) requests a vector;
 *  - 30.5: with APIC-register virtualization RDMSR of 800H to 8FFH reads the virtual-APIC page and
 *    nothing else: a register that does not exist or cannot be read gives no #GP. The MSR bitmap
 *    comes first, so a hypervisor that wants #GP there has to intercept these reads.
 *
 * No fault of Bochs is known here.
 */
#include "vmx.h"

#define LOW	0x51
#define HIGH	0xa3

#define status() vmread(GUEST_INTERRUPT_STATUS)

static volatile u64 seen[8];

static void self_ipis(void)
{
	wrmsr(0x83f, LOW);
	seen[0] = count[LOW];			/* in service */
	wrmsr(0x83f, LOW + 1);			/* the same class */
	seen[1] = count[LOW + 1];
	wrmsr(0x83f, HIGH);
	seen[2] = count[HIGH];
	seen[3] = rdmsr(0x80a);			/* PPR */
	wrmsr(0x80b, 0);			/* of HIGH: exits */
	seen[4] = count[LOW + 1];
	wrmsr(0x80b, 0);			/* of LOW: lets LOW + 1 in */
	seen[5] = count[LOW + 1];
	vmcall();
}

static void priorities(void)
{
	seen[0] = count[LOW];
	wrmsr(0x808, 0x40);
	seen[1] = count[LOW];
	seen[2] = read_reg("cr8");
	vmcall();
	write_reg("cr8", 0xf);
	wrmsr(0x83f, HIGH);
	seen[3] = count[HIGH];
	seen[4] = rdmsr(0x808);
	write_reg("cr8", 0);
	seen[5] = count[HIGH];
	vmcall();
}

static void illegal_reads(void)
{
	seen[0] = rdmsr(0x80e);
	seen[1] = rdmsr(0x80b);
	seen[2] = rdmsr(0x83f);
	seen[3] = rdmsr(0x8ff);
	vmcall();
}

static void start(void (*guest)(void), u64 rflags)
{
	memset(vapic, 0, sizeof(vapic));
	memset((void *)count, 0, sizeof(count));
	vm_interrupt_status(0, 0);
	vmwrite(GUEST_RIP, (u64)guest);
	vmwrite(GUEST_RSP, (u64)guest_stack + sizeof(guest_stack) - 8);
	vmwrite(GUEST_RFLAGS, 2 | rflags);
}

static void test_self_ipis(void)
{
	start(self_ipis, RFLAGS_IF);
	vmwrite(EOI_EXIT_BITMAP + 2 * (HIGH / 64), 1ull << HIGH % 64);
	vm_run_to(REASON_EOI, "exit by EOI");
	expect(seen[0], 1, "deliveries of a self-IPI");
	expect(seen[1], 0, "deliveries with the class in service");
	expect(seen[2], 1, "deliveries of a higher class");
	expect(seen[3], HIGH & 0xf0, "the virtual PPR");
	expect(vmread(QUALIFICATION), HIGH, "the vector of the exit by EOI");
	expect(status(), LOW << 8 | (LOW + 1), "the guest interrupt status after EOI");
	expect(bit_of(vapic + APIC_ISR / 4, HIGH), 0, "the virtual ISR's bit after EOI");
	vm_run_to(REASON_VMCALL, "VMCALL");	/* the exit was behind the instruction */
	expect(seen[4], 0, "deliveries with the class in service, after EOI of a higher one");
	expect(seen[5], 1, "deliveries after EOI");
	expect(status(), (LOW + 1) << 8, "the guest interrupt status at the end");
}

static void test_priorities(void)
{
	start(priorities, RFLAGS_IF);
	vapic[APIC_TPR / 4] = 0x50;
	bit_set(vapic + APIC_IRR / 4, LOW);
	vm_interrupt_status(LOW, 0);
	vm_run_to(REASON_VMCALL, "VMCALL");
	expect(seen[0], 0, "deliveries below the TPR on entry");
	expect(seen[1], 1, "deliveries after the TPR is lowered");
	expect(seen[2], 4, "CR8");
	expect(vapic[APIC_PPR / 4], LOW & 0xf0, "the virtual PPR");
	vm_skip();
	vm_run_to(REASON_VMCALL, "VMCALL");
	expect(seen[3], 0, "deliveries below CR8");
	expect(seen[4], 0xf0, "the TPR");
	expect(seen[5], 1, "deliveries after CR8 is lowered");
}

static void test_window(void)
{
	u64 controls = vmread(PROC_CONTROLS);

	start(vmcall, RFLAGS_IF);
	bit_set(vapic + APIC_IRR / 4, LOW);
	vm_interrupt_status(LOW, 0);
	vmwrite(PROC_CONTROLS, controls | PROC_WINDOW);
	vm_run_to(REASON_WINDOW, "exit by the interrupt window");
	expect(count[LOW], 0, "virtual interrupts with interrupt-window exiting");
	vmwrite(PROC_CONTROLS, controls);
	vm_run_to(REASON_VMCALL, "VMCALL");
	expect(count[LOW], 1, "virtual interrupts without interrupt-window exiting");
}

static void test_illegal_reads(void)
{
	start(illegal_reads, 0);
	vapic[0x0e0 / 4] = 1;
	vapic[0x0b0 / 4] = 2;
	vapic[0x3f0 / 4] = 3;
	vapic[0xff0 / 4] = 4;
	vm_run_to(REASON_VMCALL, "VMCALL");
	for (u32 i = 0; i < 4; i++)
		expect(seen[i], i + 1, "what RDMSR read of the virtual-APIC page");
	expect(count[GP], 0, "#GP");
}

void test(void)
{
	vm_make((struct controls){ .pin = PIN_EXTERNAL, .proc = PROC_TPR_SHADOW,
				   .proc2 = PROC2_DELIVERY | PROC2_X2APIC | PROC2_APIC_REGISTERS },
		self_ipis, RFLAGS_IF);
	test_self_ipis();
	test_priorities();
	test_window();
	test_illegal_reads();
}
