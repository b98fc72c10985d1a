// SPDX-License-Identifier: GPL-2.0-only
/*
 * witness.c - debug build: rules that only silicon would punish, checked.
 */
#include <linux/bug.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/user-return-notifier.h>

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

/* The current VMCS when a window opened, beside KVM; -1 also where VMX was off. */
static DEFINE_PER_CPU(u64, vmptr);

static u64 vmptr_read(void)
{
	u64 pa = -1;

	if (__read_cr4() & X86_CR4_VMXE)
		vmx_vmptrst(&pa);
	return pa;
}

/**
 * vmx_witness_host_save - remember the host's state
 *
 * Interrupts off, a window opens.
 */
void vmx_witness_host_save(void)
{
	vh_host_save(VH_HOST_WINDOW);
	if (__this_cpu_read(vmx_root_state) != VMX_ROOT_BESIDE)
		return;
	vh_host_save(VH_HOST_BESIDE);
	__this_cpu_write(vmptr, vmptr_read());
}

/**
 * vmx_witness_host_check - the host's state is as it was
 *
 * Interrupts off, the window has closed.
 */
void vmx_witness_host_check(void)
{
	vh_host_check(VH_HOST_WINDOW);
	if (__this_cpu_read(vmx_root_state) != VMX_ROOT_BESIDE)
		return;
	vh_host_check(VH_HOST_BESIDE);
	WARN_ONCE(vmptr_read() != __this_cpu_read(vmptr), "vh: a window left another VMCS than %#llx current\n",
		  __this_cpu_read(vmptr));
}

/*
 * The host's syscall MSRs are back when the CPU returns to user mode. Those who register a notifier
 * first are called last: behind the one that puts them back (switch.c).
 */
struct to_user {
	struct user_return_notifier notifier;
	bool registered;
};
static DEFINE_PER_CPU(struct to_user, to_user);	/* own CPU, interrupts off */

static void to_user_check(struct user_return_notifier *n)
{
	unsigned long flags;

	local_irq_save(flags);
	vmx_witness_user_check();
	local_irq_restore(flags);
}

/**
 * vmx_witness_user_due - the host's syscall MSRs are about to be replaced, until user mode
 *
 * Preemption off.
 */
void vmx_witness_user_due(void)
{
	struct to_user *t;
	unsigned long flags;

	local_irq_save(flags);
	t = this_cpu_ptr(&to_user);
	if (!t->registered && __this_cpu_read(vmx_root_state) == VMX_ROOT_OWN) {
		vh_host_save(VH_HOST_USER);
		t->notifier.on_user_return = to_user_check;
		user_return_notifier_register(&t->notifier);
		t->registered = true;
	}
	local_irq_restore(flags);
}

/**
 * vmx_witness_user_check - they are back
 *
 * Interrupts off.
 */
void vmx_witness_user_check(void)
{
	struct to_user *t = this_cpu_ptr(&to_user);

	if (!t->registered)
		return;
	t->registered = false;
	user_return_notifier_unregister(&t->notifier);
	vh_host_check(VH_HOST_USER);
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

/* A VMREAD that is not to fail on demand (fault.h). */
static unsigned long peek(unsigned long field)
{
	unsigned long value = 0;

	asm volatile("1: vmread %[field], %[value]\n2:\n" _ASM_EXTABLE(1b, 2b)
		     : [value] "+r" (value) : [field] "r" (field) : "cc");
	return value;
}

/* What software writes flushes nothing, though the guest's MOV would (SDM Vol. 3, 4.10.4.1, 29.4.3.1). */
static bool paging_flushed(const struct vmx_model *was, u64 cr0, u64 cr3, u64 cr4)
{
	const u64 all = X86_CR4_PGE | X86_CR4_PAE;

	if (!vh_cpu_caps.ept)
		return was->cr3 != cr3;
	if (!(was->cr0 & X86_CR0_PG))
		return false;
	return !(cr0 & X86_CR0_PG) || ((was->cr4 ^ cr4) & all) ||
	       (was->cr4 & ~cr4 & X86_CR4_PCIDE) || (~was->cr4 & cr4 & X86_CR4_SMEP) ||
	       (was->cr3 != cr3 && !(cr4 & X86_CR4_PCIDE));
}

static void model_paging(struct vmx_model *model)
{
	model->cr0 = peek(GUEST_CR0);
	model->cr3 = peek(GUEST_CR3);
	model->cr4 = peek(GUEST_CR4);
}

/*
 * The guest's paging is other than at the last exit: then its own translations have to go. Once: the entry may fail,
 * and be tried again.
 */
static void witness_paging(struct vh_vcpu *vcpu)
{
	struct vmx_model *model = &vcpu->vmx->model;

	if (model->state != VMX_MODEL_LAUNCHED)
		return;
	if (paging_flushed(model, peek(GUEST_CR0), peek(GUEST_CR3), peek(GUEST_CR4)))
		vh_tag_changed_own(vcpu->tag);
	model_paging(model);
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
	vmx_witness_launch(vmx, vmx->launched);
	/* Not when VMREAD fails, or has failed. */
	if (!vmx->lost && !READ_ONCE(vmx_fault_mask))
		witness_virtual(vcpu);
	witness_paging(vcpu);
	vh_tag_enter(vcpu->vm->mmu->ept[vcpu->smm].tag, vcpu->tag);
}

/**
 * vmx_witness_left - VMLAUNCH or VMRESUME is behind us, the guest does not run any more
 *
 * In the window.
 */
void vmx_witness_left(void)
{
	vh_tag_leave();
}

/**
 * vmx_witness_exit - what the exit made of the VMCS
 * @vcpu: the vCPU; its exit's reason is known
 *
 * In the window. An entry that failed leaves the launch state as it was (SDM Vol. 3, 27.8).
 */
void vmx_witness_exit(struct vh_vcpu *vcpu)
{
	struct vh_vmx *vmx = vcpu->vmx;

	if (vcpu->exit.reason & VMX_EXIT_REASONS_FAILED_VMENTRY)
		return;
	vmx_witness_launched(vmx);
	model_paging(&vmx->model);
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
