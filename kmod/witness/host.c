// SPDX-License-Identifier: GPL-2.0-only
/*
 * host.c - debug build: the host's state, as the table of docs/architecture.md promises it back.
 *
 * Each thing is read at the beginning of a span and at its end, and both have to be the same: a
 * window, with interrupts off; a section, with preemption off; or up to the return to user mode.
 */
#include <linux/bug.h>
#include <linux/kernel.h>
#include <linux/percpu.h>
#include <asm/cpufeature.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/fpu/xcr.h>
#include <asm/msr.h>
#include <asm/segment.h>
#include <asm/special_insns.h>

#include "../compat/arch.h"
#include "witness.h"

enum kind {
	MSR, CR0, CR3, CR4, CR8, DR0, DR1, DR2, DR3, DR6, DR7, XCR0, PKRU,
	GDT_BASE, GDT_LIMIT, IDT_BASE, IDT_LIMIT, LDTR, TR, CS, SS, DS, ES, FS, GS,
};

#define W	BIT(VH_HOST_WINDOW)
#define B	BIT(VH_HOST_BESIDE)
#define S	BIT(VH_HOST_SECTION)
#define U	BIT(VH_HOST_USER)

/* What is neither in a stock kernel's headers of 6.1 nor in all later ones. */
#define MSR_UMWAIT	0xe1
#define MSR_FEATURE_XFD	0x1c4
#define MSR_UCET	0x6a0
#define MSR_SCET	0x6a2
#define MSR_PL0SSP	0x6a4
#define MSR_PL3SSP	0x6a7
#define MSR_SSP_TABLE	0x6a8
#define MSR_PKRS	0x6e1
#define MSR_BNDCFG	0xd90
#define MSR_SUPERVISOR	0xda0
#define MSR_LASTBRANCH	0x14ce
#define MSR_RTIT	0x570
#define MSR_PERF	0x38f

/* In the order of the table in docs/architecture.md; tests/static.sh holds them against each other. */
static const struct item {
	const char *name;
	u8 kind, spans;
	u32 msr;
} items[] = {
	{ "CR0", CR0, W | S },
	{ "CR3", CR3, W },
	{ "CR4", CR4, W },
	{ "CR8", CR8, W },
	{ "DR0", DR0, W },
	{ "DR1", DR1, W },
	{ "DR2", DR2, W },
	{ "DR3", DR3, W },
	{ "DR6", DR6, W },
	{ "DR7", DR7, W },
	{ "XCR0", XCR0, W | S },
	{ "PKRU", PKRU, W | S },
	{ "GDTR.base", GDT_BASE, W | S },
	{ "GDTR.limit", GDT_LIMIT, S },
	{ "IDTR.base", IDT_BASE, W | S },
	{ "IDTR.limit", IDT_LIMIT, S },
	{ "LDTR", LDTR, S },
	{ "TR", TR, W | S },
	{ "CS", CS, W | S },
	{ "SS", SS, W | S },
	{ "DS", DS, S },
	{ "ES", ES, S },
	{ "FS", FS, S },
	{ "GS", GS, S },
	{ "FS_BASE", MSR, W | S, MSR_FS_BASE },
	{ "GS_BASE", MSR, W | S, MSR_GS_BASE },
	{ "KERNEL_GS_BASE", MSR, S, MSR_KERNEL_GS_BASE },
	{ "SYSENTER_CS", MSR, W, MSR_IA32_SYSENTER_CS },
	{ "SYSENTER_ESP", MSR, W, MSR_IA32_SYSENTER_ESP },
	{ "SYSENTER_EIP", MSR, W, MSR_IA32_SYSENTER_EIP },
	{ "STAR", MSR, B | U, MSR_STAR },
	{ "LSTAR", MSR, B | U, MSR_LSTAR },
	{ "CSTAR", MSR, W | U, MSR_CSTAR },
	{ "FMASK", MSR, B | U, MSR_SYSCALL_MASK },
	{ "TSC_AUX", MSR, B | U, MSR_TSC_AUX },
	{ "EFER", MSR, W, MSR_EFER },
	{ "PAT", MSR, W, MSR_IA32_CR_PAT },
	{ "DEBUGCTL", MSR, W, MSR_IA32_DEBUGCTLMSR },
	{ "SPEC_CTRL", MSR, W, MSR_IA32_SPEC_CTRL },
	{ "XSS", MSR, W | S, MSR_SUPERVISOR },
	{ "XFD", MSR, W | S, MSR_FEATURE_XFD },
	{ "U_CET", MSR, W | S, MSR_UCET },
	{ "S_CET", MSR, W | S, MSR_SCET },
	{ "PL0_SSP", MSR, W | S, MSR_PL0SSP },
	{ "PL3_SSP", MSR, W | S, MSR_PL3SSP },
	{ "INTERRUPT_SSP_TABLE_ADDR", MSR, W | S, MSR_SSP_TABLE },
	{ "PKRS", MSR, W, MSR_PKRS },
	{ "BNDCFGS", MSR, W, MSR_BNDCFG },
	{ "PERF_GLOBAL_CTRL", MSR, W, MSR_PERF },
	{ "RTIT_CTL", MSR, W, MSR_RTIT },
	{ "LBR_CTL", MSR, W, MSR_LASTBRANCH },
	{ "MISC_ENABLE", MSR, W, MSR_IA32_MISC_ENABLE },
	{ "TSC_ADJUST", MSR, W, MSR_IA32_TSC_ADJUST },
	{ "APIC_BASE", MSR, W, MSR_IA32_APICBASE },
	{ "UMWAIT_CONTROL", MSR, W, MSR_UMWAIT },
};
#define NR_ITEMS	ARRAY_SIZE(items)

static DEFINE_PER_CPU(u64, before[VH_NR_HOST_SPANS][NR_ITEMS]);
/* MSRs that this processor has: 0 unknown, 1 yes, 2 no; any CPU finds the same. */
static u8 known[NR_ITEMS];
static unsigned long told[BITS_TO_LONGS(NR_ITEMS)];

static u64 read_msr(unsigned int i)
{
	u64 value = 0;

	switch (READ_ONCE(known[i])) {
	case 0:
		WRITE_ONCE(known[i], rdmsrl_safe(items[i].msr, &value) ? 2 : 1);
		break;
	case 1:
		rdmsrl(items[i].msr, value);
	}
	return value;
}

static u64 read_segment(enum kind kind)
{
	u16 s = 0;

	switch (kind) {
	case CS:
		savesegment(cs, s);
		break;
	case SS:
		savesegment(ss, s);
		/* An interrupt from user mode leaves SS null (SDM Vol. 3, 6.14.4): as good. */
		return s ? s : __KERNEL_DS;
	case DS:
		savesegment(ds, s);
		break;
	case ES:
		savesegment(es, s);
		break;
	case FS:
		savesegment(fs, s);
		break;
	case GS:
		savesegment(gs, s);
		break;
	case LDTR:
		asm volatile("sldt %0" : "=r" (s));
		break;
	default:
		asm volatile("str %0" : "=r" (s));
	}
	return s;
}

static u64 read_item(unsigned int i)
{
	unsigned long value = 0;
	struct desc_ptr dt;

	switch (items[i].kind) {
	case MSR:
		return read_msr(i);
	case CR0:
		return read_cr0();
	case CR3:
		return __read_cr3();
	case CR4:
		return __read_cr4();
	case CR8:
		asm volatile("mov %%cr8, %0" : "=r" (value));
		return value;
	case DR0:
		get_debugreg(value, 0);
		return value;
	case DR1:
		get_debugreg(value, 1);
		return value;
	case DR2:
		get_debugreg(value, 2);
		return value;
	case DR3:
		get_debugreg(value, 3);
		return value;
	case DR6:
		get_debugreg(value, 6);
		return value;
	case DR7:
		get_debugreg(value, 7);
		return value;
	case XCR0:
		return boot_cpu_has(X86_FEATURE_OSXSAVE) ? xgetbv(XCR_XFEATURE_ENABLED_MASK) : 0;
	case PKRU:
		return boot_cpu_has(X86_FEATURE_OSPKE) ? rdpkru() : 0;
	case GDT_BASE:
		native_store_gdt(&dt);
		return dt.address;
	case GDT_LIMIT:
		native_store_gdt(&dt);
		return dt.size;
	case IDT_BASE:
		store_idt(&dt);
		return dt.address;
	case IDT_LIMIT:
		store_idt(&dt);
		return dt.size;
	}
	return read_segment(items[i].kind);
}

/**
 * vh_host_save - a span begins
 * @span: which
 *
 * Preemption off until vh_host_check(); for a window, interrupts off.
 */
void vh_host_save(enum vh_host_span span)
{
	u64 *to = this_cpu_ptr(before[span]);
	unsigned int i;

	for (i = 0; i < NR_ITEMS; i++)
		if (items[i].spans & BIT(span))
			to[i] = read_item(i);
}

/**
 * vh_host_check - it is over: everything is as it was
 * @span: which
 *
 * As vh_host_save(), on the same CPU.
 */
void vh_host_check(enum vh_host_span span)
{
	static const char *const names[VH_NR_HOST_SPANS] = {
		"a window", "a window beside KVM", "a section", "what ran before user mode",
	};
	const u64 *from = this_cpu_ptr(before[span]);
	unsigned int i;
	u64 now;

	for (i = 0; i < NR_ITEMS; i++) {
		if (!(items[i].spans & BIT(span)))
			continue;
		now = read_item(i);
		if (unlikely(now != from[i]) && !test_and_set_bit(i, told))
			WARN(1, "vh: %s left the host's %s at %#llx, it was %#llx\n", names[span],
			     items[i].name, now, from[i]);
	}
}
