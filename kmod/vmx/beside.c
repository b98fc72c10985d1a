// SPDX-License-Identifier: GPL-2.0-only
/*
 * beside.c - VMX operation for one window, on a CPU where VMX is KVM's.
 *
 * KVM takes it for granted that VMX is off when it turns it on, that the VMCS
 * it loaded is still the current one, and that it finds the host's syscall
 * MSRs. All of that is true whenever interrupts are on: a window leaves VMX,
 * the current VMCS and the MSRs as it found them. vh's VMCS is cleared at its
 * end, because KVM may leave VMX operation right afterwards (SDM 25.11.1).
 * Where KVM has VMX off, and the kernel lets vh, it is on for the window.
 *
 * What both have cached in the TLB is told apart by EPTP, and without EPT by
 * VPID: KVM's count up, vh's down (vmcs.c).
 */
#include <asm/hypervisor.h>

#include "internal.h"

/*
 * struct beside - what the open window of a CPU has to put back
 *
 * Own CPU, interrupts off.
 */
struct beside {
	u64 foreign;		/* the current VMCS; -1: none */
	unsigned long cr4;	/* if VMX was off */
	bool mine;		/* VMX was off; false outside windows */
};
static DEFINE_PER_CPU(struct beside, beside);

/*
 * Past the kernel's own copy of CR4, which changes with interrupts off only,
 * and so not while VMX is on for a window.
 */
static __always_inline void write_cr4(unsigned long value)
{
	asm volatile("mov %0, %%cr4" : : "r" (value) : "memory");
}

/**
 * vmx_beside_cannot - is KVM's VMX none that can be shared?
 *
 * On Hyper-V its VMCSs are enlightened: no instruction makes them current or tells which is.
 */
bool vmx_beside_cannot(void)
{
	return hypervisor_is_type(X86_HYPER_MS_HYPERV);
}

/**
 * vmx_beside_begin - have VMX operation until vmx_beside_end()
 *
 * Interrupts off. False: this CPU is out of VMX operation and not to be
 * brought in, now at least (hotplug, suspend, KVM about to turn it on or off).
 */
bool vmx_beside_begin(void)
{
	struct beside *b = this_cpu_ptr(&beside);
	unsigned long cr4 = __read_cr4();

	if (cr4 & X86_CR4_VMXE) {
		if (unlikely(vmx_beside_cannot()))
			return false;
		/* CR4.VMXE is set before VMXON, and cleared after VMXOFF. */
		return vmx_vmptrst(&b->foreign);
	}
	if (!VH_MAY_SET_VMXE || READ_ONCE(vmx_dying))
		return false;
	b->cr4 = cr4;
	write_cr4(cr4 | X86_CR4_VMXE);
	vmx_pt(true);
	b->mine = vmx_vmxon(__this_cpu_read(vmx_root_region));
	if (!b->mine) {
		vmx_pt(false);
		write_cr4(cr4);
	}
	return b->mine;
}

/**
 * vmx_beside_end - VMX as vmx_beside_begin() found it
 *
 * Interrupts off.
 */
void vmx_beside_end(void)
{
	struct beside *b = this_cpu_ptr(&beside);

	vmx_clear_current();
	if (b->mine) {
		vmx_vmxoff();
		vmx_pt(false);
		write_cr4(b->cr4);
		b->mine = false;
	} else if (b->foreign != -1ULL) {
		vmx_vmptrld(b->foreign);
	}
}

/**
 * vmx_beside_try - can this CPU have VMX operation?
 *
 * Interrupts off. 0; -EOPNOTSUPP when only KVM could turn it on; -EIO.
 */
int vmx_beside_try(void)
{
	if (!vmx_beside_begin())
		return VH_MAY_SET_VMXE ? -EIO : -EOPNOTSUPP;
	vmx_beside_end();
	return 0;
}

/**
 * vmx_beside_is_mine - is VMX on there for a window, and would not be without?
 * @cpu: the CPU
 */
bool vmx_beside_is_mine(int cpu)
{
	return READ_ONCE(per_cpu(beside, cpu).mine);
}

/**
 * vmx_beside_emergency_off - the host dies, maybe inside a window
 *
 * Interrupts off, or in an NMI. What is KVM's it leaves itself, with its own
 * VMCSs cleared. Returns whether VMX was on for the window only.
 */
bool vmx_beside_emergency_off(void)
{
	struct beside *b = this_cpu_ptr(&beside);

	if (__read_cr4() & X86_CR4_VMXE)
		vmx_clear_all_emergency();
	if (!b->mine)
		return false;
	b->mine = false;
	vmx_vmxoff();
	write_cr4(b->cr4);
	return true;
}
