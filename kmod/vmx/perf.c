// SPDX-License-Identifier: GPL-2.0-only
/*
 * perf.c - the host's performance counters stop at a guest's door.
 *
 * A counter of perf's may be asked to leave guests out (exclude_guest), and PEBS writes its
 * records to a linear address, which in a guest is the guest's (SDM Vol. 3, 20.9.5). So the MSRs
 * that turn them on are exchanged by the entry and the exit themselves: what the host's NMIs do
 * to them between is as it should be. Where no counter differs the lists are as short as ever.
 *
 * PEBS has to be off for a while before an entry, for a record may be on its way. It is off for the
 * whole window, and no exit turns it on: what perf wants then is asked when the window closes.
 */
#include "../compat/perf.h"
#include "internal.h"

DEFINE_STATIC_KEY_FALSE(vmx_perf);

/* One that a guest can see, in place of what a processor without counters has none of (fault.h). */
static unsigned int made_up(struct perf_guest_switch_msr *m)
{
	m->msr = MSR_TSC_AUX;
	m->guest = 0x7fe57ed;
	rdmsrl(MSR_TSC_AUX, m->host);
	return 1;
}

static void set_counts(struct vh_vmx *vmx, u32 entry, u32 exit)
{
	if (vmx->listed_entry != entry)
		vmcs_write(VM_ENTRY_MSR_LOAD_COUNT, vmx->listed_entry = entry);
	if (vmx->listed_exit != exit)
		vmcs_write(VM_EXIT_MSR_LOAD_COUNT, vmx->listed_exit = exit);
}

/**
 * vmx_perf_enter_slow - what is exchanged at the entries and exits of this window
 * @vmx: the VMX side of the vCPU, whose VMCS is current
 *
 * Interrupts off. What perf wants changes only while the host runs, or in an NMI.
 */
void vmx_perf_enter_slow(struct vh_vmx *vmx)
{
	struct perf_guest_switch_msr m[VH_PERF_MSRS] __uninitialized;
	unsigned int i, n, entry = vmx_efer_listed(), exit = entry;

	vmx->pebs = 0;
	n = unlikely(vmx_fault(VMX_I_PERF)) ? made_up(m) : vh_perf_msrs(m);
	for (i = 0; i < n; i++) {
		vmx->lists->guest[entry++] = (struct vmx_msr_entry){ .index = m[i].msr, .value = m[i].guest };
		if (m[i].msr == MSR_IA32_PEBS_ENABLE) {
			vmx->pebs = m[i].host;
			wrmsrl(MSR_IA32_PEBS_ENABLE, 0);
		} else {
			vmx->lists->host[exit++] = (struct vmx_msr_entry){ .index = m[i].msr, .value = m[i].host };
		}
	}
	set_counts(vmx, entry, exit);
}

/**
 * vmx_perf_leave_slow - PEBS is as perf wants it
 * @vmx: the VMX side of the vCPU
 *
 * Interrupts off, after the last exit of a window.
 */
void vmx_perf_leave_slow(struct vh_vmx *vmx)
{
	u64 now;

	if (likely(!vmx->pebs))
		return;
	/* An NMI may have written something else since the last entry; to stop one it asks again. */
	rdmsrl(MSR_IA32_PEBS_ENABLE, now);
	if (!now)
		wrmsrl(MSR_IA32_PEBS_ENABLE, vh_perf_pebs(vmx->pebs));
}

/**
 * vmx_perf_init - does this processor have what the windows would have to exchange?
 *
 * Module load, before there are vCPUs.
 */
void __init vmx_perf_init(void)
{
	BUILD_BUG_ON(1 + VH_PERF_MSRS > ARRAY_SIZE(((struct vmx_msr_lists *)0)->guest));
	if (VMX_FAULTS || vh_perf_msrs_exist())
		static_branch_enable(&vmx_perf);
}
