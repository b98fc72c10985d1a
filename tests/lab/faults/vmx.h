/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One guest: 64-bit, in the host's own address space, with the host's interrupt table unless the
 * test gives it another. It ends by VMCALL, or by the preemption timer when nothing else ends it.
 */
#ifndef FAULTS_VMX_H
#define FAULTS_VMX_H

#include "lib.h"

#define PIN_EXTERNAL	0x01u
#define PIN_NMI		0x08u
#define PIN_VIRTUAL_NMI	0x20u
#define PIN_TIMER	0x40u
#define PIN_POSTED	0x80u

#define PROC_WINDOW	0x00000004u
#define PROC_HLT	0x00000080u
#define PROC_TPR_SHADOW	0x00200000u
#define PROC_MSR_BITMAP	0x10000000u
#define PROC_SECONDARY	0x80000000u

#define PROC2_APIC_ACCESS	0x001u
#define PROC2_EPT		0x002u
#define PROC2_X2APIC		0x010u
#define PROC2_APIC_REGISTERS	0x100u
#define PROC2_DELIVERY		0x200u

#define EXIT_HOST64	0x0200u
#define EXIT_ACK	0x8000u
#define ENTRY_GUEST64	0x0200u

#define REASON_NMI	0u
#define REASON_EXTERNAL	1u
#define REASON_WINDOW	7u
#define REASON_HLT	12u
#define REASON_VMCALL	18u
#define REASON_TPR	43u
#define REASON_EOI	45u
#define REASON_EPT	48u
#define REASON_TIMER	52u
#define REASON_APIC_WRITE	56u

enum field {
	GUEST_INTERRUPT_STATUS = 0x0810, NOTIFICATION_VECTOR = 0x0002,
	GUEST_ES_SELECTOR = 0x0800, HOST_ES_SELECTOR = 0x0c00,
	MSR_BITMAP = 0x2004, VIRTUAL_APIC_PAGE = 0x2012, APIC_ACCESS_PAGE = 0x2014,
	POSTED_DESCRIPTOR = 0x2016, EPT_POINTER = 0x201a, EOI_EXIT_BITMAP = 0x201c,
	LINK_POINTER = 0x2800,
	PIN_CONTROLS = 0x4000, PROC_CONTROLS = 0x4002, EXIT_CONTROLS = 0x400c,
	ENTRY_CONTROLS = 0x4012, ENTRY_EVENT = 0x4016, TPR_THRESHOLD = 0x401c,
	PROC2_CONTROLS = 0x401e,
	INSTRUCTION_ERROR = 0x4400, EXIT_REASON = 0x4402, EXIT_EVENT = 0x4404,
	VECTORING = 0x4408, VECTORING_ERROR = 0x440a, INSTRUCTION_LENGTH = 0x440c,
	GUEST_ES_LIMIT = 0x4800, GUEST_GDTR_LIMIT = 0x4810, GUEST_IDTR_LIMIT = 0x4812,
	GUEST_ES_RIGHTS = 0x4814, INTERRUPTIBILITY = 0x4824, ACTIVITY = 0x4826,
	GUEST_TIMER = 0x482e,
	QUALIFICATION = 0x6400,
	GUEST_CR0 = 0x6800, GUEST_CR3 = 0x6802, GUEST_CR4 = 0x6804, GUEST_ES_BASE = 0x6806,
	GUEST_GDTR_BASE = 0x6816, GUEST_IDTR_BASE = 0x6818, GUEST_DR7 = 0x681a,
	GUEST_RSP = 0x681c, GUEST_RIP = 0x681e, GUEST_RFLAGS = 0x6820,
	HOST_CR0 = 0x6c00, HOST_CR3 = 0x6c02, HOST_CR4 = 0x6c04,
	HOST_GDTR_BASE = 0x6c0c, HOST_IDTR_BASE = 0x6c0e,
};

static inline void vmwrite(u64 field, u64 value)
{
	asm volatile("vmwrite %1, %0" : : "r"(field), "r"(value) : "cc");
}

static inline u64 vmread(u64 field)
{
	u64 value;

	asm volatile("vmread %1, %0" : "=r"(value) : "r"(field) : "cc");
	return value;
}

struct controls {
	u32 pin, proc, proc2, exit;
};

#define RFLAGS_IF	0x200u

/*
 * VMXON, and a VMCS for that guest. Skips the test where a control is missing. With
 * virtual-interrupt delivery or a TPR shadow it has vapic as its virtual-APIC page, with EPT all
 * memory as it is.
 */
void vm_make(struct controls controls, void (*guest)(void), u64 rflags);
/* Runs it; the exit's reason. Fails when the entry does. */
u32 vm_run(void);
/* Runs it and fails on another reason. */
void vm_run_to(u32 reason, const char *what);
/* Goes on behind the instruction that caused the exit. */
void vm_skip(void);
/* Whether the CPU offers these controls. */
bool vm_offers(struct controls controls);

extern u32 vapic[PAGE / 4];
/* The page of the first 2 MiB that addr is in, as EPT maps it. */
u64 *ept_entry(const void *addr);

extern u8 guest_stack[4 * PAGE];

static inline void vmcall(void)
{
	asm volatile("vmcall" : : : "memory");
}

/* Virtual interrupts: what is requested, and the vector being served. */
static inline void vm_interrupt_status(u8 rvi, u8 svi)
{
	vmwrite(GUEST_INTERRUPT_STATUS, rvi | svi << 8);
}

static inline void bit_set(u32 *registers, u8 vector)		/* 32 bits each 16 bytes */
{
	registers[vector / 32 * 4] |= 1u << vector % 32;
}

static inline bool bit_of(const u32 *registers, u8 vector)
{
	return ((const volatile u32 *)registers)[vector / 32 * 4] >> vector % 32 & 1;
}

#endif
