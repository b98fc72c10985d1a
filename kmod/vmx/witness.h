/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * witness.h - proofs that an emulated processor does not ask for.
 *
 * Silicon caches VMCSs and translations; an emulator forgives what that would
 * punish. The debug build (VH_DEBUG) therefore records on which CPU each VMCS
 * is active, that every requested flush was executed where it counts, that RVI and SVI
 * are what the virtual-APIC page says, and that host state after a window equals
 * host state before it. A broken rule is a WARN.
 * Where the kernel has PROVE_RAW_LOCK_NESTING, lockdep reports locks taken in a
 * section that would sleep on PREEMPT_RT.
 */
#ifndef VH_VMX_WITNESS_H
#define VH_VMX_WITNESS_H

#include "internal.h"

#ifdef VH_DEBUG
void vmx_witness_loaded(struct vh_vmx *vmx, int cpu);	/* VMPTRLD on a new CPU */
void vmx_witness_cleared(struct vh_vmx *vmx);		/* VMCLEAR */
void vmx_witness_due(enum vmx_insn insn);		/* about to be executed here */
void vmx_witness_flushed(struct vh_vmx *vmx, enum vmx_insn insn);	/* INVEPT, INVVPID done */
void vmx_witness_entry(struct vh_vcpu *vcpu);		/* about to enter */
void vmx_witness_drained(struct vh_vcpu *vcpu);		/* the PML page is empty */
void vmx_witness_section_open(void);			/* preemption is off from here */
void vmx_witness_section_close(void);
void vmx_witness_host_save(void);			/* window opens */
void vmx_witness_host_check(void);			/* window closed */
#else
static inline void vmx_witness_loaded(struct vh_vmx *vmx, int cpu) { }
static inline void vmx_witness_cleared(struct vh_vmx *vmx) { }
static inline void vmx_witness_due(enum vmx_insn insn) { }
static inline void vmx_witness_flushed(struct vh_vmx *vmx, enum vmx_insn insn) { }
static inline void vmx_witness_entry(struct vh_vcpu *vcpu) { }
static inline void vmx_witness_drained(struct vh_vcpu *vcpu) { }
static inline void vmx_witness_section_open(void) { }
static inline void vmx_witness_section_close(void) { }
static inline void vmx_witness_host_save(void) { }
static inline void vmx_witness_host_check(void) { }
#endif

#endif /* VH_VMX_WITNESS_H */
