/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mitigate.h - processor weaknesses, and what is done about them around a guest's run.
 *
 * What is to be done is decided once, at module load, from the host's settings. Where it is
 * nothing, an entry costs one NOP and a window another: static key vmx_mitigated. Otherwise
 * entries go through vmx_enter_mitigated() (enter.S), which has the parts that must be next to
 * the transition. docs/security.md has the table.
 */
#ifndef VH_VMX_MITIGATE_H
#define VH_VMX_MITIGATE_H

/* Flags of vmx_enter_mitigated(); for enter.S too. */
#define VMX_ENTER_LAUNCHED_BIT	0
#define VMX_ENTER_VERW_BIT	1

#ifndef __ASSEMBLY__

#include <linux/jump_label.h>
#include <linux/types.h>

#include "internal.h"

DECLARE_STATIC_KEY_FALSE(vmx_mitigated);

/* Module load, capabilities are known; unload. */
int vmx_mitigate_init(void);
void vmx_mitigate_exit(void);

/* Interrupts off. */
void vmx_mitigate_window_slow(struct vh_vmx *vmx);	/* the host ran: a window opens */
void vmx_mitigate_switch(struct vh_vmx *vmx);		/* another vCPU than last time on this CPU */
int vmx_mitigate_enter(struct vh_vcpu *vcpu);		/* as vmx_enter() */

/* enter.S; @spec_ctrl: the host's IA32_SPEC_CTRL, written again after the exit where it must be */
int vmx_enter_mitigated(struct vh_vcpu *vcpu, u64 *host_rsp, unsigned int flags, u64 spec_ctrl);
extern const char vmx_exit_label_mitigated[];

static __always_inline void vmx_mitigate_window(struct vh_vmx *vmx)
{
	if (static_branch_unlikely(&vmx_mitigated))
		vmx_mitigate_window_slow(vmx);
}

static __always_inline int vmx_mitigate_and_enter(struct vh_vcpu *vcpu, struct vh_vmx *vmx)
{
	if (static_branch_unlikely(&vmx_mitigated))
		return vmx_mitigate_enter(vcpu);
	return vmx_enter(vcpu, &vmx->host_rsp, vmx->launched);
}

/* HOST_RIP of the entry that is in use. */
static inline unsigned long vmx_host_rip(void)
{
	return (unsigned long)(static_key_enabled(&vmx_mitigated) ? vmx_exit_label_mitigated :
								    vmx_exit_label);
}

#endif /* !__ASSEMBLY__ */

#endif /* VH_VMX_MITIGATE_H */
