/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kick.h - what anybody may ask of a vCPU: requests, kicks, flushes, posted events.
 *
 * Any context, interrupts may be off, unless it says otherwise.
 */
#ifndef VH_KICK_H
#define VH_KICK_H

#include "vh.h"

/* vcpu->requests: set by anybody, honoured before the next entry. */
enum vh_request {
	VH_REQ_TLB_FLUSH,		/* EPT of the VM changed: INVEPT */
	VH_REQ_TLB_FLUSH_GUEST,		/* the guest's own translations: INVVPID */
	VH_REQ_EVENT,			/* an interrupt or NMI may be deliverable */
	VH_REQ_EOI_BITMAP,		/* IOAPIC or route change: EOI-exit bitmap stale */
	VH_REQ_CLOCK,			/* kvmclock page to be written */
	VH_REQ_APIC_PAGE,		/* APIC-access page moved */
	VH_REQ_TRIPLE_FAULT,
	VH_REQ_APIC_EVENT,		/* INIT or SIPI posted */
	VH_REQ_APIC_MODE,		/* xAPIC/x2APIC/disabled changed: controls, bitmaps */
	VH_REQ_CONTROL,			/* vm->control changed */
	VH_REQ_MMU,			/* without EPT: which root? */
	VH_REQ_EPT,			/* vm->mmu->pml or eptp changed */
	VH_REQ_STOPPED,			/* the guest did not run for a while: its clock is to say so */
	VH_REQ_TIMER,			/* the LAPIC's periodic timer lapsed */
	VH_REQ_CPUID,			/* the vCPU has another CPUID: what it hides is intercepted */
	VH_REQ_RING,			/* the vCPU's dirty ring is as full as it may be */
	VH_REQ_ACKED,			/* the guest acknowledged a line: irqfds are to be told */
	VH_REQ_DEBUG,			/* a debugger's step or breakpoint: KVM_EXIT_DEBUG is due */
	VH_REQ_DEBUG_CONTROLS,		/* vcpu->debug or smm changed: what of the guest exits */
	VH_REQ_EOI_EXIT,		/* userspace's IOAPIC is to be told of an EOI: KVM_EXIT_IOAPIC_EOI is due */
	VH_REQ_PAYLOAD,			/* an exception of userspace's: CR2 or DR6 goes with it */
	VH_REQ_BUS_LOCK,		/* the guest made a bus lock: userspace is to know, by this return or an exit */
	VH_REQ_STEAL,			/* the thread has waited for a CPU: the guest is told */
	VH_REQ_MSR_FILTER,		/* vm->msr_filter changed: which MSRs exit */
	VH_REQ_SMI,			/* an SMI has come, or one that waits is due */
	VH_REQ_LATE,			/* pages that come later are to be looked for, or the guest to be told of one */
	VH_NR_REQUESTS,
};

/*
 * Those that the window honours without ending, some of them rarely; all others are the run loop's, before
 * the guest, or the interpreter, goes on.
 */
#define VH_REQS_RARE	(BIT(VH_REQ_APIC_MODE) | BIT(VH_REQ_EOI_BITMAP) | BIT(VH_REQ_EPT) | BIT(VH_REQ_CPUID) | \
			 BIT(VH_REQ_DEBUG_CONTROLS) | BIT(VH_REQ_MSR_FILTER))
#define VH_REQS_WINDOW	(VH_REQS_RARE | BIT(VH_REQ_TLB_FLUSH) | BIT(VH_REQ_TLB_FLUSH_GUEST) | BIT(VH_REQ_EVENT))

/* vcpu->mode */
enum vh_mode { VH_OUTSIDE, VH_IN_GUEST, VH_KICKED };

static inline void vh_request(struct vh_vcpu *vcpu, enum vh_request req)
{
	/* Paired with the barrier between mode = IN_GUEST and the requests' check (vmx/window.c). */
	set_bit(req, &vcpu->requests);
	smp_mb__after_atomic();
}

static inline bool vh_test_request(struct vh_vcpu *vcpu, enum vh_request req)
{
	return test_bit(req, &vcpu->requests) && test_and_clear_bit(req, &vcpu->requests);
}

void vh_vcpu_kick(struct vh_vcpu *vcpu);	/* wake it if halted, out of the guest if in it */
void vh_vm_request_all(struct vh_vm *vm, enum vh_request req);	/* request and kick each */
/*
 * Every vCPU that is in the guest leaves it before this returns, and flushes
 * its EPT translations before it enters again. Process context or a spinlock
 * held with interrupts on.
 */
void vh_vm_flush_tlb(struct vh_vm *vm);
/* Every vCPU that is in the guest leaves it before this returns; contexts as above. */
void vh_vm_leave_guest(struct vh_vm *vm);
/* As vh_vm_flush_tlb(), for any request: no guest code runs between it and its being honoured. */
bool vh_vm_request_sync(struct vh_vm *vm, enum vh_request req);
/* Find a vCPU by its KVM_CREATE_VCPU id; NULL. */
struct vh_vcpu *vh_vcpu_by_id(struct vh_vm *vm, u32 id);

/* From the LAPICs, and KVM_NMI. */
void vh_vcpu_post_init(struct vh_vcpu *vcpu);
void vh_vcpu_post_sipi(struct vh_vcpu *vcpu, u8 vector);
void vh_vcpu_post_nmi(struct vh_vcpu *vcpu);
void vh_vcpu_post_smi(struct vh_vcpu *vcpu);

#endif /* VH_KICK_H */
