/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * inject.h - which event the guest gets next.
 *
 * Decided on plain memory, so that tests need no VMX; the formats are those
 * of the VMCS fields (SDM 25.8.3).
 */
#ifndef VH_INJECT_H
#define VH_INJECT_H

#include "../kick.h"

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
 * Choose the event for this entry; it counts as delivered. RFLAGS and
 * interruptibility are valid. @virtual: the hardware delivers the LAPIC's
 * interrupts itself.
 */
void vh_inject_select(struct vh_vcpu *vcpu, bool virtual, struct vh_injection *inj);
/* Is anything in vcpu->ev waiting? */
bool vh_events_pending(struct vh_vcpu *vcpu);
/* Would an interrupt, an NMI be taken now? RFLAGS and INTR valid. */
bool vh_irq_allowed(struct vh_vcpu *vcpu);
bool vh_nmi_allowed(struct vh_vcpu *vcpu);

/* An event's frame is being pushed: where that is a device, nothing sensible can be done. */
static inline bool vh_delivering(const struct vh_vcpu *vcpu)
{
	return vcpu->ev.exception_reinject || vcpu->ev.irq_reinject || vcpu->ev.nmi_reinject;
}

#endif /* VH_INJECT_H */
