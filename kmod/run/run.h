/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * run.h - KVM_RUN, and which event the guest gets next.
 *
 *   run.c       the loop: requests, halts, sections, until userspace is due
 *   exits.c     exits that leave the window
 *   paging.c    those of processors without EPT
 *   realmode.c  states that the processor cannot enter, by interpretation
 *   lend.c      one instruction of these, by the processor
 *   late.c      pages that are on their way, and the guest is told
 *   inject.c    exceptions, NMIs and interrupts on their way to the guest
 *   smi.c       when system management mode begins and ends
 *   emulate.c   the interpreter's view of the VM
 *   debug.c     the debugger of the VMM
 *   access.c    what it does to devices and to userspace
 *
 * Events are decided on plain memory, so that tests need no VMX; the formats
 * are those of the VMCS fields (SDM 25.8.3). Own thread throughout.
 */
#ifndef VH_RUN_H
#define VH_RUN_H

#include "../vh.h"

/* Process context; -ENOMEM. What run/ keeps of a vCPU. */
int vh_run_create(struct vh_vcpu *vcpu);
void vh_run_destroy(struct vh_vcpu *vcpu);
/* The instruction that userspace was answering is abandoned. */
void vh_run_abandon(struct vh_vcpu *vcpu);
/* KVM_SET_GUEST_DEBUG, and whether this processor can. */
int vh_debug_set(struct vh_vcpu *vcpu, const struct kvm_guest_debug *d);
bool vh_debug_supported(void);
#define VH_GUESTDBG_VALID	(KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_SW_BP |	\
				 KVM_GUESTDBG_USE_HW_BP | KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP |	\
				 KVM_GUESTDBG_BLOCKIRQ)
#define VH_NOTIFY_VALID	(KVM_X86_NOTIFY_VMEXIT_ENABLED | KVM_X86_NOTIFY_VMEXIT_USER)
/* KVM_RUN with vcpu->lock held. */
int vh_vcpu_run(struct vh_vcpu *vcpu);
/* Raise an exception; interrupts may be off. Double-fault rules: SDM Table 6-5. */
void vh_inject_fault(struct vh_vcpu *vcpu, const struct vh_fault *f);
void vh_inject_pf(struct vh_vcpu *vcpu, u64 cr2, u32 error);

/**
 * struct vh_idt_vectoring - an event whose delivery an exit cut short (SDM 25.9.3)
 */
struct vh_idt_vectoring {
	u32 info, error, insn_len;
};

/**
 * struct vh_injection - what the next entry is to do
 * @info: VM-entry interruption information, 0 for none
 * @tpr_threshold: for the TPR shadow, when an interrupt waits for the TPR to fall
 */
struct vh_injection {
	u32 info, error, insn_len;
	u32 tpr_threshold;
	bool irq_window, nmi_window;
};

/* Interrupts may be off. vcpu->ev takes the event up again. */
void vh_events_requeue(struct vh_vcpu *vcpu, const struct vh_idt_vectoring *v);
/*
 * Choose the event for this entry; it counts as delivered. RFLAGS,
 * interruptibility and pending traps are valid. @virtual: the hardware delivers the LAPIC's
 * interrupts itself.
 */
void vh_inject_select(struct vh_vcpu *vcpu, bool virtual, struct vh_injection *inj);

#endif /* VH_RUN_H */
