/* SPDX-License-Identifier: GPL-2.0-only */
/* internal.h - shared by the files of cpu/ only; own thread throughout. */
#ifndef VH_CPU_INTERNAL_H
#define VH_CPU_INTERNAL_H

#include "../caps.h"
#include "../compat/arch.h"
#include "../irq/irq.h"
#include "../kick.h"
#include "../mmu/mmu.h"
#include "cpu.h"

#define VH_CPUID_HOT	0x20		/* basic leaves found without a search */

/**
 * struct vh_cpuid - CPUID of a vCPU, and what follows from it
 */
struct vh_cpuid {
	struct kvm_cpuid_entry2 *entry;
	u32 nr;
	u16 hot[VH_CPUID_HOT + 11];	/* leaf to index + 1 in entry[] */
	u64 efer_reserved;		/* EFER bits that #GP */
	u64 xcr0_allowed;
	bool pv_enforced;		/* KVM_CAP_ENFORCE_PV_FEATURE_CPUID */
};

#define NR_MTRR_VAR	8

/* MSRs that are memory: value as written, reserved bits #GP. */
enum stored {
	ST_MISC_ENABLE, ST_MTRR_DEF, ST_MISC_FEATURES, ST_TSC_ADJUST, ST_SMI_COUNT,
	ST_ARCH_CAPABILITIES, ST_UCODE_REV, ST_PLATFORM_INFO,
	ST_MTRR_FIX, ST_MTRR_FIX_END = ST_MTRR_FIX + 11,
	ST_MTRR_VAR, ST_MTRR_VAR_END = ST_MTRR_VAR + 2 * NR_MTRR_VAR,
	NR_STORED = ST_MTRR_VAR_END,
};

/* msr.c */
struct vh_msrs {
	u64 v[NR_STORED];
};

/* Machine-check state of a vCPU; own thread. */
struct vh_mce {
	u64 cap, status, ctl;
	u64 bank[VH_MCE_BANKS][4];
};

/* kvmclock */
struct vh_pvclock {
	gpa_t page;		/* of the time info; valid when enabled */
	bool enabled;
	bool stable;		/* what the guest was told of the host's TSC */
	u64 system_time_msr, wall_clock_msr;
	u32 version;
	u8 flags;		/* PVCLOCK_GUEST_STOPPED, until it was written once */
};

/* pv.c */
struct vh_pv {
	u64 steal_msr, eoi_msr, poll_control;
	u64 steal_seen;		/* run delay of the thread, as the guest was told of it, ns */
	bool steal_fresh;	/* what it is now is not the guest's */
	/* apf.c */
	bool apf_wake_all;	/* the guest is to be told that whoever waits for a page is to try again */
	u32 apf_id;		/* of the last token */
	u64 apf_msr, apf_int_msr;
	struct vh_apf *apf;	/* NULL until the guest first wants it, or for want of memory */
};

/* A vCPU's FPU; own thread. */
struct vh_fpu {
	struct xregs_state *area;	/* the guest's, in the standard format */
	u32 host_pkru;			/* of this window */
};

/**
 * struct vh_guest_cpu - all that cpu/ keeps of a vCPU, allocated as one; own thread
 */
struct vh_guest_cpu {
	struct vh_cpuid cpuid;
	struct vh_msrs msrs;
	struct vh_mce mce;
	struct vh_pvclock clock;
	struct vh_pv pv;
	struct vh_fpu fpu;
};

/* Addresses in MSRs and segments: the processor has to take them, whatever the guest's CR4 says. */
static inline bool vh_host_la57(void)
{
	return __read_cr4() & X86_CR4_LA57;
}

/* cpuid.c */
bool vh_cpuid_has_pv(struct vh_vcpu *vcpu, unsigned int feature);	/* KVM_FEATURE_* */

/* msr.c */
void vh_msr_smi(struct vh_vcpu *vcpu);

/* state.c */
int vh_sregs_load(struct vh_vcpu *vcpu, const struct kvm_sregs *n);

/* creg.c */
int vh_set_efer(struct vh_vcpu *vcpu, u64 value, bool host);	/* -EINVAL: #GP */
bool vh_pdptrs_valid(struct vh_vcpu *vcpu, const u64 *pdptr);
/* The PAE PDPTEs from memory into s.pdptr; -EINVAL when one has reserved bits set. */
int vh_load_pdptrs(struct vh_vcpu *vcpu, u64 cr3);

/* mce.c, clock.c: 0; -EINVAL; -ENOENT: not an MSR of theirs. @host: userspace writes. */
int vh_mce_msr_read(struct vh_vcpu *vcpu, u32 msr, u64 *value);
int vh_mce_msr_write(struct vh_vcpu *vcpu, u32 msr, u64 value, bool host);
int vh_clock_msr_read(struct vh_vcpu *vcpu, u32 msr, u64 *value);	/* MSR_KVM_* and old 0x11, 0x12 */
int vh_clock_msr_write(struct vh_vcpu *vcpu, u32 msr, u64 value);

/* pv.c: the same */
void vh_pv_init(struct vh_vcpu *vcpu);
int vh_pv_msr_read(struct vh_vcpu *vcpu, u32 msr, u64 *value);
int vh_pv_msr_write(struct vh_vcpu *vcpu, u32 msr, u64 value);

/* apf.c: the same */
int vh_apf_enable(struct vh_vcpu *vcpu, u64 value);
int vh_apf_set_int(struct vh_vcpu *vcpu, u64 value);
void vh_apf_ack(struct vh_vcpu *vcpu, u64 value);
void vh_apf_reset(struct vh_vcpu *vcpu);
void vh_apf_destroy(struct vh_vcpu *vcpu);

/* fpu.c: the area; -ENOMEM */
int vh_fpu_create(struct vh_vcpu *vcpu);
void vh_fpu_destroy(struct vh_vcpu *vcpu);

/* clock.c */
void vh_clock_init(struct vh_vcpu *vcpu);
void vh_tsc_write(struct vh_vcpu *vcpu, u64 value, bool host);	/* IA32_TSC */
u64 vh_tsc_offset_get(const struct vh_vcpu *vcpu);		/* KVM_VCPU_TSC_OFFSET */
void vh_tsc_offset_set(struct vh_vcpu *vcpu, u64 offset);
void vh_tsc_adjust(struct vh_vcpu *vcpu, s64 delta);

#endif /* VH_CPU_INTERNAL_H */
