// SPDX-License-Identifier: GPL-2.0-only
/*
 * witness.c - debug build: rules that only silicon would punish, checked.
 */
#include <linux/bug.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <asm/debugreg.h>
#include <asm/desc.h>

#include "witness.h"

/**
 * vmx_insn_failed - a VMREAD or VMWRITE failed
 * @insn: mnemonic
 * @operand: of the instruction
 */
void vmx_insn_failed(const char *insn, unsigned long operand)
{
	WARN_ONCE(1, "vh: %s of field %#lx failed\n", insn, operand);
}

/*
 * struct host_state - what a window must leave as it found it
 */
struct host_state {
	unsigned long cr0, cr3, cr4, dr7;
	u64 gs_base, fs_base, efer, pat, debugctl;
	u64 gdt_base, idt_base;
	u16 cs, ss, tr;
	u64 vmptr, star, lstar, sfmask, tsc_aux;	/* beside KVM */
};
static DEFINE_PER_CPU(struct host_state, before);

static void host_read(struct host_state *h)
{
	struct desc_ptr dt;

	memset(h, 0, sizeof(*h));
	h->cr0 = read_cr0();
	h->cr3 = __read_cr3();
	h->cr4 = __read_cr4();
	get_debugreg(h->dr7, 7);
	rdmsrl(MSR_GS_BASE, h->gs_base);
	rdmsrl(MSR_FS_BASE, h->fs_base);
	rdmsrl(MSR_EFER, h->efer);
	rdmsrl(MSR_IA32_CR_PAT, h->pat);
	h->debugctl = get_debugctlmsr();
	native_store_gdt(&dt);
	h->gdt_base = dt.address;
	store_idt(&dt);
	h->idt_base = dt.address;
	savesegment(cs, h->cs);
	savesegment(ss, h->ss);
	/* An interrupt from user mode leaves SS null (SDM Vol. 3, 6.14.4): as good. */
	if (!h->ss)
		h->ss = __KERNEL_DS;
	h->tr = 0;
	asm("str %0" : "=r" (h->tr));
	if (__this_cpu_read(vmx_root_state) != VMX_ROOT_BESIDE)
		return;
	if (h->cr4 & X86_CR4_VMXE)
		vmx_vmptrst(&h->vmptr);
	rdmsrl(MSR_STAR, h->star);
	rdmsrl(MSR_LSTAR, h->lstar);
	rdmsrl(MSR_SYSCALL_MASK, h->sfmask);
	if (boot_cpu_has(X86_FEATURE_RDTSCP))
		rdmsrl(MSR_TSC_AUX, h->tsc_aux);
}

/**
 * vmx_witness_host_save - remember the host's state
 *
 * Interrupts off, a window opens.
 */
void vmx_witness_host_save(void)
{
	host_read(this_cpu_ptr(&before));
}

/**
 * vmx_witness_host_check - the host's state is as it was
 *
 * Interrupts off, the window has closed.
 */
void vmx_witness_host_check(void)
{
	struct host_state now;

	host_read(&now);
	WARN_ONCE(memcmp(&now, this_cpu_ptr(&before), sizeof(now)),
		  "vh: a window changed the host's state\n");
}

#ifdef CONFIG_LOCKDEP
/* A section is to lockdep what a raw spinlock is: inside it only those are taken. */
static struct lock_class_key section_key;
static struct lockdep_map section_map = {
	.name = "vh_section",
	.key = &section_key,
	.wait_type_inner = LD_WAIT_SPIN,
};
#endif

/**
 * vmx_witness_section_open - preemption stays off until vmx_witness_section_close()
 */
void vmx_witness_section_open(void)
{
#ifdef CONFIG_LOCKDEP
	lock_acquire(&section_map, 0, 1, 0, 1, NULL, _THIS_IP_);
#endif
}

/**
 * vmx_witness_section_close - the section ends
 */
void vmx_witness_section_close(void)
{
#ifdef CONFIG_LOCKDEP
	lock_release(&section_map, _THIS_IP_);
#endif
}

/* Was it executed on this CPU since it was due? Interrupts off, or an NMI's. */
static DEFINE_PER_CPU(bool, done[VMX_NR_INSNS]);

/**
 * vmx_witness_did - an instruction was executed on this CPU
 * @insn: which
 *
 * Any context in which it may be.
 */
void vmx_witness_did(enum vmx_insn insn)
{
	this_cpu_write(done[insn], true);
}

/**
 * vmx_witness_due - an instruction has to be executed on this CPU from here on
 * @insn: which
 *
 * Interrupts off. vmx_witness_cleared() and vmx_witness_flushed() look whether it was.
 */
void vmx_witness_due(enum vmx_insn insn)
{
	this_cpu_write(done[insn], false);
}

/**
 * vmx_witness_loaded - the VMCS becomes active on @cpu
 * @vmx: its VMX side
 * @cpu: the CPU
 */
void vmx_witness_loaded(struct vh_vmx *vmx, int cpu)
{
	WARN_ONCE(vmx->cpu != -1, "vh: VMCS loaded on CPU%d while active on CPU%d\n",
		  cpu, vmx->cpu);
}

/**
 * vmx_witness_cleared - the VMCS is active nowhere
 * @vmx: its VMX side
 */
void vmx_witness_cleared(struct vh_vmx *vmx)
{
	WARN_ONCE(vmx->cpu != smp_processor_id(), "vh: VMCLEAR on the wrong CPU\n");
	WARN_ONCE(!this_cpu_read(done[VMX_I_VMCLEAR]) && !vmx->lost, "vh: a VMCS moves without VMCLEAR\n");
}

/**
 * vmx_witness_flushed - INVEPT or INVVPID was executed for this vCPU on this CPU
 * @vmx: its VMX side
 * @insn: which of them it had to be
 */
void vmx_witness_flushed(struct vh_vmx *vmx, enum vmx_insn insn)
{
	WARN_ONCE(vmx->cpu != smp_processor_id(), "vh: a flush on the wrong CPU\n");
	WARN_ONCE(!this_cpu_read(done[insn]) && !vmx->lost, "vh: a flush without %s\n",
		  insn == VMX_I_INVEPT ? "INVEPT" : "INVVPID");
}

/* The highest vector of one of the virtual-APIC page's bitmaps; 0: none. */
static u8 page_highest(const void *page, unsigned int offset)
{
	int i;

	for (i = 7; i >= 0; i--) {
		u32 word = READ_ONCE(*(const u32 *)(page + offset + i * 16));

		if (word)
			return i * 32 + __fls(word);
	}
	return 0;
}

/*
 * What the processor goes by when it delivers interrupts itself is what the
 * page says: it looks there for the next vector only after each of its own
 * changes (SDM 30.1.4, 30.2.2).
 */
static void witness_virtual(struct vh_vcpu *vcpu)
{
	u32 pin = vmcs_read(PIN_BASED_VM_EXEC_CONTROL);
	const void *page;
	u16 status;
	u8 irr;

	WARN_ONCE((pin & PIN_BASED_POSTED_INTR) && !vcpu->vmx->vid,
		  "vh: entry with posted interrupts, but not virtual ones\n");
	if (!vcpu->vmx->vid)
		return;
	page = page_address(vh_lapic_page(vcpu));
	status = vmcs_read(GUEST_INTR_STATUS);
	irr = page_highest(page, 0x200);
	WARN_ONCE(status >> 8 != page_highest(page, 0x100),
		  "vh: entry with SVI %#x, but %#x in service\n", status >> 8,
		  page_highest(page, 0x100));
	/* Bit 8 of SVR: what is requested of a disabled APIC is not told. */
	WARN_ONCE((*(const u32 *)(page + 0xf0) & BIT(8)) && (u8)status < irr,
		  "vh: entry with RVI %#x, but %#x requested\n", (u8)status, irr);
}

/**
 * vmx_witness_entry - nothing that must precede an entry is left undone
 * @vcpu: the vCPU
 */
void vmx_witness_entry(struct vh_vcpu *vcpu)
{
	struct vh_vmx *vmx = vcpu->vmx;

	WARN_ONCE(!irqs_disabled(), "vh: entry with interrupts on\n");
	WARN_ONCE(vmx->cpu != smp_processor_id() || __this_cpu_read(vmx_current) != vmx,
		  "vh: entry without the VMCS being current\n");
	WARN_ONCE(!vmx->section, "vh: entry outside a section\n");
	WARN_ONCE(READ_ONCE(vcpu->mode) == VH_OUTSIDE, "vh: entry that kicks cannot see\n");
	WARN_ONCE(READ_ONCE(vcpu->vm->mmu->pml_armed) && !vmx_pml_on(vmx),
		  "vh: entry without PML, by which a memslot is logged\n");
	/* Not when VMREAD fails, or has failed. */
	if (!vmx->lost && !READ_ONCE(vmx_fault_mask))
		witness_virtual(vcpu);
}

/**
 * vmx_witness_drained - nothing is left in the page-modification log
 * @vcpu: the vCPU, whose window closes
 */
void vmx_witness_drained(struct vh_vcpu *vcpu)
{
	struct vh_vmx *vmx = vcpu->vmx;

	/* Not when VMREAD fails, or has failed. */
	if (__this_cpu_read(vmx_current) == vmx && vmx_pml_on(vmx) && !vmx->lost &&
	    !READ_ONCE(vmx_fault_mask))
		WARN_ONCE(vmcs_read(GUEST_PML_INDEX) != PAGE_SIZE / sizeof(u64) - 1,
			  "vh: a window closes over an undrained log\n");
}
