/* SPDX-License-Identifier: GPL-2.0-only */
/* weakness.h - what was decided about weaknesses, and telling it; mitigate.c and weakness.c only. */
#ifndef VH_VMX_WEAKNESS_H
#define VH_VMX_WEAKNESS_H

#include <linux/percpu.h>
#include <linux/types.h>

enum { L1D_NEVER, L1D_COND, L1D_ALWAYS, L1D_AUTO };

/**
 * struct vmx_mitigations - what is done; written once at module load
 */
struct vmx_mitigations {
	int l1d;			/* L1D_NEVER, L1D_COND, L1D_ALWAYS */
	bool l1d_msr;			/* by IA32_FLUSH_CMD, else by filling the cache */
	bool verw;			/* CPU buffers, as the host on its way to user mode */
	bool verw_mmio;			/* CPU buffers, as the host on its way to guests */
	bool ibpb;			/* between vCPUs */
	bool ibpb_to_user;		/* between a guest and its VMM */
	bool rsb, bhb;			/* return stack, branch history; after an exit */
	bool spec_ctrl;			/* IBRS has to be written again after an exit */
	bool smt;			/* siblings see what they must not: nothing is done */
	unsigned int flags;		/* of vmx_enter_mitigated(), but for launched */
};
extern struct vmx_mitigations vmx_mitigations;

/**
 * struct vmx_mitigation_counts - what was done on one CPU; interrupts off there
 */
struct vmx_mitigation_counts {
	u64 l1d, ibpb;
};
DECLARE_PER_CPU(struct vmx_mitigation_counts, vmx_mitigation_counts);

int vmx_weakness_init(void);
void vmx_weakness_exit(void);

#endif /* VH_VMX_WEAKNESS_H */
