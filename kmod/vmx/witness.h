/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * witness.h - proofs that an emulated processor does not ask for.
 *
 * Silicon caches VMCSs and translations; an emulator forgives what that would
 * punish. The debug build (VH_DEBUG) therefore keeps a model of which VMCSs are active and
 * current on each CPU, one of what each CPU's TLB may hold (witness/tlb.c), checks that RVI and SVI
 * are what the virtual-APIC page says, and that the host's state after a window, a section
 * and a return to user mode is what it was before (witness/host.c). A broken rule is a WARN.
 * Where the kernel has PROVE_RAW_LOCK_NESTING, lockdep reports locks taken in a
 * section that would sleep on PREEMPT_RT.
 */
#ifndef VH_VMX_WITNESS_H
#define VH_VMX_WITNESS_H

#include "internal.h"

#ifdef VH_DEBUG
void vmx_witness_create(struct vh_vcpu *vcpu, struct vh_vmx *vmx);	/* VMCS and VPID are there */
void vmx_witness_destroy(struct vh_vmx *vmx);		/* the VMCS goes */
void vmx_witness_lost(struct vh_vmx *vmx);		/* an instruction failed on it */
void vmx_witness_launch(struct vh_vmx *vmx, bool resume);	/* active.c, for witness.c */
void vmx_witness_launched(struct vh_vmx *vmx);		/* the same */
void vmx_witness_entry(struct vh_vcpu *vcpu);		/* about to enter */
void vmx_witness_left(void);				/* the guest does not run any more */
void vmx_witness_exit(struct vh_vcpu *vcpu);		/* vcpu->exit.reason is known */
void vmx_witness_drained(struct vh_vcpu *vcpu);		/* the PML page is empty */
void vmx_witness_section_open(void);			/* preemption is off from here */
void vmx_witness_section_close(void);
void vmx_witness_host_save(void);			/* window opens */
void vmx_witness_host_check(void);			/* window closed */
void vmx_witness_user_due(void);			/* before the syscall MSRs are a guest's */
void vmx_witness_user_check(void);			/* they are not any more */
#else
static inline void vmx_witness_create(struct vh_vcpu *vcpu, struct vh_vmx *vmx) { }
static inline void vmx_witness_destroy(struct vh_vmx *vmx) { }
static inline void vmx_witness_lost(struct vh_vmx *vmx) { }
static inline void vmx_witness_entry(struct vh_vcpu *vcpu) { }
static inline void vmx_witness_left(void) { }
static inline void vmx_witness_exit(struct vh_vcpu *vcpu) { }
static inline void vmx_witness_drained(struct vh_vcpu *vcpu) { }
static inline void vmx_witness_section_open(void) { }
static inline void vmx_witness_section_close(void) { }
static inline void vmx_witness_host_save(void) { }
static inline void vmx_witness_host_check(void) { }
static inline void vmx_witness_user_due(void) { }
static inline void vmx_witness_user_check(void) { }
#endif

#endif /* VH_VMX_WITNESS_H */
