/* SPDX-License-Identifier: GPL-2.0-only */
#include "vmx.h"

#define FEATURE_CONTROL	0x3a
#define VMX_BASIC	0x480
#define VMX_MISC	0x485
#define VMX_CR0_FIXED0	0x486
#define VMX_CR4_FIXED0	0x488
#define VMX_PROC2	0x48b
#define VMX_PIN		0x48d		/* the "true" ones, and so on */
#define VMX_PROC	0x48e
#define VMX_EXIT	0x48f
#define VMX_ENTRY	0x490

/* Instructions after which a guest that nothing else ends is ended. */
#define WATCHDOG	4000000u

u32 vapic[PAGE / 4] __page;
u8 guest_stack[4 * PAGE] __page;
static u32 vmxon_region[PAGE / 4] __page;
static u32 vmcs[PAGE / 4] __page;
static u8 msr_bitmap[PAGE] __page;
static u64 ept_pml4[512] __page, ept_pdpt[512] __page, ept_pd[4][512] __page, ept_pt[512] __page;
static bool launched;

extern char gdt[];
int vm_enter(int launched);

static bool offers(u32 msr, u32 wanted)
{
	return !(wanted & ~(rdmsr(msr) >> 32));
}

static bool have_vmx(void)
{
	u64 control;

	if (!(cpuid(1, 0).ecx & 1 << 5))
		return false;
	control = rdmsr(FEATURE_CONTROL);
	if (!(control & 1))
		wrmsr(FEATURE_CONTROL, control | 5);
	return (rdmsr(FEATURE_CONTROL) & 5) == 5 && rdmsr(VMX_BASIC) >> 55 & 1;
}

bool vm_offers(struct controls c)
{
	return have_vmx() && offers(VMX_PIN, c.pin) && offers(VMX_PROC, c.proc) &&
		(!c.proc2 || (offers(VMX_PROC, PROC_SECONDARY) && offers(VMX_PROC2, c.proc2))) &&
		offers(VMX_EXIT, c.exit);
}

static void on(void)
{
	u64 at = (u64)vmxon_region;
	u8 failed;

	write_reg("cr0", read_reg("cr0") | rdmsr(VMX_CR0_FIXED0));
	write_reg("cr4", read_reg("cr4") | rdmsr(VMX_CR4_FIXED0));
	vmxon_region[0] = rdmsr(VMX_BASIC) & 0x7fffffff;
	asm volatile("vmxon %1; setbe %0" : "=q"(failed) : "m"(at) : "cc", "memory");
	if (failed)
		fail("VMXON fails");
}

static void make_ept(void)
{
	ept_pml4[0] = (u64)ept_pdpt | 7;
	for (u64 i = 0; i < 4; i++) {
		ept_pdpt[i] = (u64)ept_pd[i] | 7;
		for (u64 j = 0; j < 512; j++)
			ept_pd[i][j] = i << 30 | j << 21 | 0xb7;	/* 2 MiB, write-back */
	}
	for (u64 i = 0; i < 512; i++)
		ept_pt[i] = i << 12 | 0x37;
	ept_pd[0][0] = (u64)ept_pt | 7;
	vmwrite(EPT_POINTER, (u64)ept_pml4 | 0x1e);
}

u64 *ept_entry(const void *addr)
{
	return &ept_pt[(u64)addr >> 12];
}

static void control(u64 field, u32 msr, u32 wanted)
{
	vmwrite(field, wanted | (u32)rdmsr(msr));
}

static void make_state(void)
{
	struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) idtr;

	asm volatile("sidt %0" : "=m"(idtr));
	vmwrite(HOST_CR0, read_reg("cr0"));
	vmwrite(HOST_CR3, read_reg("cr3"));
	vmwrite(HOST_CR4, read_reg("cr4"));
	vmwrite(GUEST_CR0, read_reg("cr0"));
	vmwrite(GUEST_CR3, read_reg("cr3"));
	vmwrite(GUEST_CR4, read_reg("cr4"));
	/* ES CS SS DS FS GS, LDTR, TR */
	for (u32 i = 0; i < 8; i++) {
		u16 selector = i == 1 ? 0x08 : i == 6 ? 0 : i == 7 ? 0x20 : 0x10;
		u32 rights = i == 1 ? 0xa09b : i == 6 ? 0x10000 : i == 7 ? 0x8b : 0xc093;

		vmwrite(GUEST_ES_SELECTOR + 2 * i, selector);
		vmwrite(GUEST_ES_LIMIT + 2 * i, i < 6 ? 0xffffffff : 0x67);
		vmwrite(GUEST_ES_RIGHTS + 2 * i, rights);
		vmwrite(GUEST_ES_BASE + 2 * i, 0);
		if (i != 6)
			vmwrite(HOST_ES_SELECTOR + 2 * (i == 7 ? 6 : i), selector);
	}
	vmwrite(HOST_GDTR_BASE, (u64)gdt);
	vmwrite(GUEST_GDTR_BASE, (u64)gdt);
	vmwrite(GUEST_GDTR_LIMIT, 0x2f);
	vmwrite(HOST_IDTR_BASE, idtr.base);
	vmwrite(GUEST_IDTR_BASE, idtr.base);
	vmwrite(GUEST_IDTR_LIMIT, idtr.limit);
	vmwrite(GUEST_DR7, 0x400);
	vmwrite(LINK_POINTER, ~0ull);
}

void vm_make(struct controls c, void (*guest)(void), u64 rflags)
{
	u64 at = (u64)vmcs;
	u8 failed;

	if (!vm_offers((struct controls){}))
		skip("no VMX");
	if (!vm_offers(c))
		skip("VMX without what this takes");
	if (!vm_offers((struct controls){ .pin = PIN_TIMER }))
		skip("VMX without a preemption timer");
	on();
	vmcs[0] = vmxon_region[0];
	asm volatile("vmclear %1; setbe %0" : "=q"(failed) : "m"(at) : "cc", "memory");
	if (failed)
		fail("VMCLEAR fails");
	asm volatile("vmptrld %1; setbe %0" : "=q"(failed) : "m"(at) : "cc", "memory");
	if (failed)
		fail("VMPTRLD fails");
	launched = false;
	control(PIN_CONTROLS, VMX_PIN, c.pin | PIN_TIMER);
	control(PROC_CONTROLS, VMX_PROC, c.proc | PROC_MSR_BITMAP | (c.proc2 ? PROC_SECONDARY : 0));
	if (c.proc2)
		control(PROC2_CONTROLS, VMX_PROC2, c.proc2);
	control(EXIT_CONTROLS, VMX_EXIT, c.exit | EXIT_HOST64);
	control(ENTRY_CONTROLS, VMX_ENTRY, ENTRY_GUEST64);
	vmwrite(MSR_BITMAP, (u64)msr_bitmap);
	vmwrite(VIRTUAL_APIC_PAGE, (u64)vapic);
	if (c.proc2 & PROC2_EPT)
		make_ept();
	make_state();
	vmwrite(GUEST_RIP, (u64)guest);
	vmwrite(GUEST_RSP, (u64)guest_stack + sizeof(guest_stack) - 8);
	vmwrite(GUEST_RFLAGS, rflags | 2);
}

u32 vm_run(void)
{
	int failed;

	vmwrite(GUEST_TIMER, WATCHDOG >> (rdmsr(VMX_MISC) & 31));
	failed = vm_enter(launched);
	if (failed == 1)
		fail("the VM entry fails: VM-instruction error %u", (u32)vmread(INSTRUCTION_ERROR));
	if (failed)
		fail("the VM entry fails: no current VMCS");
	launched = true;
	return vmread(EXIT_REASON);
}

void vm_run_to(u32 reason, const char *what)
{
	u32 got = vm_run();

	if (got == reason)
		return;
	if (got >> 31)
		fail("the VM entry fails: exit reason 0x%x, qualification 0x%x", got,
		     (u32)vmread(QUALIFICATION));
	if (got == REASON_TIMER)
		fail("no %s: the guest runs on", what);
	fail("no %s: exit reason %u, qualification 0x%x, interruption information 0x%x", what, got,
	     (u32)vmread(QUALIFICATION), (u32)vmread(EXIT_EVENT));
}

void vm_skip(void)
{
	vmwrite(GUEST_RIP, vmread(GUEST_RIP) + vmread(INSTRUCTION_LENGTH));
}
