// SPDX-License-Identifier: GPL-2.0-only
/*
 * perf.c - the host's performance counters stop at a guest's door.
 *
 * A counter of perf's may be asked to leave guests out (exclude_guest), and PEBS writes its
 * records to a linear address, which in a guest is the guest's (SDM Vol. 3, 20.9.5). So the MSRs
 * that turn them on are exchanged by the entry and the exit themselves: what the host's NMIs do
 * to them between is as it should be. Where no counter differs the lists are as short as ever.
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

/**
 * vmx_perf_window_slow - what is exchanged at the next entries and exits
 * @vmx: the VMX side of the vCPU, whose VMCS is current
 *
 * Interrupts off. What perf wants changes only while the host runs.
 */
void vmx_perf_window_slow(struct vh_vmx *vmx)
{
	struct perf_guest_switch_msr m[VH_PERF_MSRS] __uninitialized;
	unsigned int i, first = vmx_efer_listed(), n;

	n = unlikely(vmx_fault(VMX_I_PERF)) ? made_up(m) : vh_perf_msrs(m);
	for (i = 0; i < n; i++) {
		vmx->lists->guest[first + i] = (struct vmx_msr_entry){ .index = m[i].msr, .value = m[i].guest };
		vmx->lists->host[first + i] = (struct vmx_msr_entry){ .index = m[i].msr, .value = m[i].host };
	}
	if (vmx->listed != first + n) {
		vmx->listed = first + n;
		vmcs_write(VM_ENTRY_MSR_LOAD_COUNT, vmx->listed);
		vmcs_write(VM_EXIT_MSR_LOAD_COUNT, vmx->listed);
	}
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
