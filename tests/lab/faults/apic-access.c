/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SDM Vol. 3, 30.4, the APIC-access page: with APIC-register virtualization reads of the registers
 * that exist come from the virtual-APIC page, of the others exit; writes of the TPR, of EOI and of
 * the interrupt command for the CPU itself are virtualized (30.1), that of the upper half of the
 * command is only stored; the others are stored and exit behind the instruction (30.4.3.3).
 * Accesses that are too wide or lie elsewhere exit as APIC accesses (28.2.1, table of the exit
 * qualification: offset, type in bits 15:12).
 *
 * 26.2 and 27.7.7: with a TPR shadow and no virtual-interrupt delivery, a TPR below the threshold
 * exits behind the write, and after the entry.
 *
 * Bochs ends when an instruction is fetched from that page.
 */
#include "vmx.h"

#define REASON_ACCESS	44
#define VECTOR		0x51

#define COMMON	(PROC2_DELIVERY | PROC2_APIC_ACCESS | PROC2_APIC_REGISTERS)

static volatile u32 seen[4];

static void reads(void)
{
	seen[0] = *apic(APIC_ID);
	seen[1] = *apic(APIC_TPR);
	seen[2] = *apic(0x390);			/* the timer's current count: exits */
	seen[3] = *(volatile u64 *)apic(APIC_ID);	/* too wide: exits */
}

static void writes(void)
{
	*apic(APIC_ICR2) = 0x12345678;
	seen[0] = *apic(APIC_ICR2);
	*apic(APIC_ICR) = SELF | VECTOR;
	seen[1] = count[VECTOR];
	*apic(APIC_EOI) = 0;
	*apic(APIC_TPR) = 0xabcdef20;
	seen[2] = *apic(APIC_TPR);
	*apic(APIC_ICR) = 0xc0000 | VECTOR;	/* all others: exits behind */
	*apic(APIC_SVR) = 0x1ff;		/* exits behind */
	*apic(APIC_PPR) = 0;			/* read-only: exits */
}

static void lower_tpr(void)
{
	write_reg("cr8", 8);
	write_reg("cr8", 3);
	vmcall();
}

static void access_to(u32 qualification, const char *what)
{
	vm_run_to(REASON_ACCESS, what);
	expect(vmread(QUALIFICATION), qualification, what);
}

static void write_of(u32 offset, const char *what)
{
	vm_run_to(REASON_APIC_WRITE, what);
	expect(vmread(QUALIFICATION), offset, what);
}

static void registers(void)
{
	vmwrite(APIC_ACCESS_PAGE, 0xfee00000);
	vapic[APIC_ID / 4] = 0x05000000;
	vapic[APIC_TPR / 4] = 0x70;
	access_to(0x390, "APIC-access exit by the current count");
	expect(seen[0], 0x05000000, "the id");
	expect(seen[1], 0x70, "the TPR");
	vm_skip();
	access_to(APIC_ID, "APIC-access exit by 8 bytes");

	vapic[APIC_TPR / 4] = 0;
	vmwrite(GUEST_RIP, (u64)writes);
	write_of(APIC_ICR, "APIC-write exit by the interrupt command");
	expect(vapic[APIC_ICR / 4], 0xc0000 | VECTOR, "the interrupt command");
	expect(seen[0], 0x12000000, "the upper half of the interrupt command");
	expect(seen[1], 1, "deliveries of a self-IPI");
	expect(seen[2], 0x20, "the TPR as written");
	expect(bit_of(vapic + APIC_ISR / 4, VECTOR), 0, "the virtual ISR's bit after EOI");
	expect(vmread(GUEST_INTERRUPT_STATUS), 0, "the guest interrupt status after EOI");
	write_of(APIC_SVR, "APIC-write exit by the spurious vector");
	expect(vapic[APIC_SVR / 4], 0x1ff, "the spurious vector");
	access_to(0x1000 | APIC_PPR, "APIC-access exit by a write of the PPR");

	vmwrite(GUEST_RIP, 0xfee00000 + APIC_ID);
	access_to(0x2000 | APIC_ID, "APIC-access exit by an instruction fetch");
	expect(vmread(GUEST_RIP), 0xfee00000 + APIC_ID, "RIP after an exit by its fetch");
}

static void threshold(void)
{
	u64 controls = vmread(PROC2_CONTROLS) & ~(u64)(PROC2_DELIVERY | PROC2_APIC_REGISTERS);
	u64 rip;

	vmwrite(PROC2_CONTROLS, controls);
	vmwrite(TPR_THRESHOLD, 5);
	vapic[APIC_TPR / 4] = 0x40;
	vmwrite(GUEST_RIP, (u64)lower_tpr);
	vm_run_to(REASON_TPR, "exit by the TPR below its threshold on entry");
	expect(vmread(GUEST_RIP), (u64)lower_tpr, "RIP after an exit by the entry's TPR");
	vapic[APIC_TPR / 4] = 0x50;
	vm_run_to(REASON_TPR, "exit by the TPR below its threshold");
	expect(vapic[APIC_TPR / 4], 0x30, "the TPR");
	rip = vmread(GUEST_RIP);
	vapic[APIC_TPR / 4] = 0x50;
	vm_run_to(REASON_VMCALL, "VMCALL");
	expect(rip != (u64)lower_tpr, 1, "that the exit is behind the write");
}

void test(void)
{
	vm_make((struct controls){ .pin = PIN_EXTERNAL, .proc = PROC_TPR_SHADOW, .proc2 = COMMON },
		reads, RFLAGS_IF);
	registers();
	threshold();
}
