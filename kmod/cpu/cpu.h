/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cpu.h - what a guest sees of the processor.
 *
 *   cpuid.c      CPUID: what may be offered, and a vCPU's own
 *   msr.c        model-specific registers
 *   msr_filter.c which of them the VMM lets the guest access
 *   mce.c        machine-check banks
 *   creg.c       control registers as the guest writes them
 *   clock.c      TSC and kvmclock
 *   pv.c         stolen time and the other MSRs of KVM's
 *   apf.c        asynchronous page faults
 *   fpu.c        x87, SSE, AVX, PKRU
 *   state.c      registers as userspace reads and sets them
 *   attr.c       attributes of descriptors
 *   smm.c        system management mode
 *   translate.c  linear addresses
 *
 * Own thread throughout, interrupts on, unless it says otherwise.
 */
#ifndef VH_CPU_H
#define VH_CPU_H

#include <linux/jump_label.h>
#include <linux/kvm.h>
#include <asm/fpu/xcr.h>

#include "../vh.h"

/* What cpu/ keeps of a vCPU; process context, vm->lock held. -ENOMEM. */
int vh_cpu_create(struct vh_vcpu *vcpu);
void vh_cpu_destroy(struct vh_vcpu *vcpu);

/* --- cpuid.c --- */
#define VH_MAX_CPUID	256		/* leaves of a vCPU */

int vh_cpuid_supported(struct kvm_cpuid2 __user *u, bool emulated);	/* KVM_GET_SUPPORTED_CPUID */
int vh_cpuid_hyperv(struct kvm_cpuid2 __user *u);
unsigned int vh_cpuid_list(struct kvm_cpuid_entry2 *e);
void vh_cpuid_install(struct vh_vcpu *vcpu, struct kvm_cpuid_entry2 *e, unsigned int n);
int vh_cpuid_set(struct vh_vcpu *vcpu, const struct kvm_cpuid2 __user *u);
int vh_cpuid_get(struct vh_vcpu *vcpu, struct kvm_cpuid2 __user *u);
const struct kvm_cpuid_entry2 *vh_cpuid_find(struct vh_vcpu *vcpu, u32 function, u32 index);
bool vh_cpuid_has(struct vh_vcpu *vcpu, unsigned int feature);	/* VH_HAS_*; interrupts may be off */
bool vh_cpuid_host_has(unsigned int feature);	/* any context */
void vh_cpuid_enforce_pv(struct vh_vcpu *vcpu, bool on);
/* The CPUID instruction on vcpu->s.gpr; interrupts may be off. */
void vh_cpuid_exec(struct vh_vcpu *vcpu);
/* After CR4 or XCR0 changes: OSXSAVE, OSPKE, leaf 0xd sizes. */
void vh_cpuid_refresh(struct vh_vcpu *vcpu);

/* --- msr.c; own thread --- */
void vh_msr_reset(struct vh_vcpu *vcpu);
/*
 * 0; -ENOENT: no such MSR; -EINVAL: not so. @host: userspace reads or writes.
 * Needs the groups that the MSR maps to (vh_need() inside); process context.
 */
int vh_msr_read(struct vh_vcpu *vcpu, u32 msr, u64 *value, bool host);
int vh_msr_write(struct vh_vcpu *vcpu, u32 msr, u64 value, bool host);
/* Interrupts off, no VMCS state: true when handled (hot MSRs only). RDMSR is on vcpu->s.gpr. */
bool vh_msr_read_fast(struct vh_vcpu *vcpu);
bool vh_msr_write_fast(struct vh_vcpu *vcpu, u32 msr, u64 value);
int vh_msr_index_list(struct kvm_msr_list __user *u, bool feature);
int vh_msr_feature(u32 msr, u64 *value);		/* system KVM_GET_MSRS */
int vh_msrs_ioctl(struct vh_vcpu *vcpu, struct kvm_msrs __user *u, bool write);	/* vcpu NULL: system */

/* --- msr_filter.c --- */
bool vh_msr_allowed(struct vh_vm *vm, u32 msr, bool write);	/* any context */
int vh_msr_set_filter(struct vh_vm *vm, const struct kvm_msr_filter *u);
void vh_msr_filter_free(struct vh_vm *vm);
/* RDMSR, WRMSR of the guest's: 0, or KVM_MSR_EXIT_REASON_* of the #GP. */
u32 vh_msr_guest(struct vh_vcpu *vcpu, u32 msr, u64 *value, bool write);

/* --- state.c: the guest's own debug registers, which are not the processor's while a debugger uses those --- */
static inline u64 *vh_own_dr(struct vh_vcpu *vcpu)	/* DR0 to DR3 */
{
	return vcpu->debug & KVM_GUESTDBG_USE_HW_BP ? vcpu->own_dr : vcpu->s.dr;
}

static inline u64 *vh_own_dr7(struct vh_vcpu *vcpu)	/* vh_need(VH_S_DR7) before, vh_dirty() behind a change */
{
	return vcpu->debug & KVM_GUESTDBG_USE_HW_BP ? &vcpu->own_dr7 : &vcpu->s.dr7;
}

/* --- clock.c --- */
int vh_clock_vm_init(struct vh_vm *vm);			/* -ENOMEM */
void vh_clock_vm_free(struct vh_vm *vm);
void vh_clock_update(struct vh_vcpu *vcpu);		/* VH_REQ_CLOCK: write the pvclock page */
void vh_clock_check(struct vh_vcpu *vcpu, bool moved);	/* is the host's TSC as the guest was told? */
void vh_tsc_suspend(void);				/* one CPU online, interrupts off */
void vh_tsc_resume(void);
int vh_clock_get(struct vh_vm *vm, struct kvm_clock_data *d);
int vh_clock_set(struct vh_vm *vm, const struct kvm_clock_data *d);
int vh_clock_ctrl(struct vh_vcpu *vcpu);		/* KVM_KVMCLOCK_CTRL */
bool vh_tsc_can_scale(void);				/* KVM_CAP_TSC_CONTROL */
int vh_tsc_khz_check(u32 khz);				/* could a vCPU have it? */
int vh_tsc_set_khz(struct vh_vcpu *vcpu, u32 khz);

/* --- pv.c --- */
void vh_pv_reset(struct vh_vcpu *vcpu);			/* INIT */
void vh_steal_check(struct vh_vcpu *vcpu);
void vh_steal_leave(struct vh_vcpu *vcpu);
void vh_steal_thread(struct vh_vcpu *vcpu);
void vh_steal_update(struct vh_vcpu *vcpu);		/* VH_REQ_STEAL */
bool vh_polls(const struct vh_vcpu *vcpu);		/* does the guest let its halts be polled? */

/* --- apf.c --- */
bool vh_apf_in_kernel(const struct vh_vcpu *vcpu);
u32 vh_apf_begin(struct vh_vcpu *vcpu);			/* the token of vcpu->late; 0: it has to be waited for */
void vh_apf_work(struct vh_vcpu *vcpu);			/* VH_REQ_LATE */

/* --- fpu.c --- */
int vh_fpu_module_init(void);
u64 vh_fpu_xcr0(void);					/* XCR0 bits vh offers */
void vh_fpu_reset(struct vh_vcpu *vcpu, bool init);
/*
 * Guest FPU state into the registers, and out of them. enter: process context,
 * interrupts on; disables preemption (kernel FPU section). leave: interrupts on.
 */
void vh_fpu_enter(struct vh_vcpu *vcpu);
void vh_fpu_leave(struct vh_vcpu *vcpu);
void vh_fpu_more_enter(struct vh_vcpu *vcpu);
void vh_fpu_more_leave(struct vh_vcpu *vcpu);
extern u64 vh_fpu_host_xcr0;				/* const */
DECLARE_STATIC_KEY_FALSE(vh_fpu_more);			/* the host has an XSS, or PKRU */

/**
 * vh_fpu_window_enter - the guest's XCR0, XSS and PKRU
 * @vcpu: the vCPU
 *
 * Interrupts off, in a section. Not for longer than the window: handlers of the host's interrupts
 * use XSAVES with what XCR0 and XSS of the host's enable (perf does, for the records of last
 * branches), and look at user memory with the PKRU of the thread.
 */
static __always_inline void vh_fpu_window_enter(struct vh_vcpu *vcpu)
{
	if (vcpu->s.xcr0 != vh_fpu_host_xcr0)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, vcpu->s.xcr0);
	if (static_branch_unlikely(&vh_fpu_more))
		vh_fpu_more_enter(vcpu);
}

/**
 * vh_fpu_window_leave - the host's XCR0, XSS and PKRU again
 * @vcpu: the vCPU
 *
 * Interrupts off.
 */
static __always_inline void vh_fpu_window_leave(struct vh_vcpu *vcpu)
{
	if (static_branch_unlikely(&vh_fpu_more))
		vh_fpu_more_leave(vcpu);
	if (vcpu->s.xcr0 != vh_fpu_host_xcr0)
		xsetbv(XCR_XFEATURE_ENABLED_MASK, vh_fpu_host_xcr0);
}
struct fxregs_state *vh_fpu_legacy(struct vh_vcpu *vcpu, bool write);	/* for the interpreter */
void vh_fpu_vector_get(struct vh_vcpu *vcpu, unsigned int n, u8 val[64]);
void vh_fpu_vector_set(struct vh_vcpu *vcpu, unsigned int n, const u8 val[64], unsigned int len);
void vh_fpu_call(void (*fn)(void *arg), void *arg);	/* @fn uses x87 and SSE; interrupts on */
int vh_fpu_get(struct vh_vcpu *vcpu, struct kvm_fpu *f);
int vh_fpu_set(struct vh_vcpu *vcpu, const struct kvm_fpu *f);
unsigned int vh_xsave_size(void);
void vh_xsave_get(struct vh_vcpu *vcpu, struct xregs_state *dst);
int vh_xsave_set(struct vh_vcpu *vcpu, const struct xregs_state *src);	/* -EINVAL for bad headers */
int vh_xcrs_get(struct vh_vcpu *vcpu, struct kvm_xcrs *x);
int vh_xcrs_set(struct vh_vcpu *vcpu, const struct kvm_xcrs *x);
int vh_xcr0_set(struct vh_vcpu *vcpu, u64 value);	/* -EINVAL: #GP */

/* --- state.c: vCPU state ioctls; own thread --- */
int vh_regs_get(struct vh_vcpu *vcpu, struct kvm_regs *r);
int vh_regs_set(struct vh_vcpu *vcpu, const struct kvm_regs *r);
int vh_sregs_get(struct vh_vcpu *vcpu, struct kvm_sregs *s);
int vh_sregs_set(struct vh_vcpu *vcpu, const struct kvm_sregs *s);
int vh_sregs2_get(struct vh_vcpu *vcpu, struct kvm_sregs2 *s);
int vh_sregs2_set(struct vh_vcpu *vcpu, const struct kvm_sregs2 *s);
int vh_events_get(struct vh_vcpu *vcpu, struct kvm_vcpu_events *e);
int vh_events_set(struct vh_vcpu *vcpu, const struct kvm_vcpu_events *e);
void vh_events_payload(struct vh_vcpu *vcpu);		/* VH_REQ_PAYLOAD */
int vh_debugregs_get(struct vh_vcpu *vcpu, struct kvm_debugregs *d);
int vh_debugregs_set(struct vh_vcpu *vcpu, const struct kvm_debugregs *d);
void vh_state_reset(struct vh_vcpu *vcpu, bool init);	/* RESET or INIT values (SDM Table 10-1) */

/* --- smm.c --- */
int vh_smm_set(struct vh_vcpu *vcpu, bool smm);
int vh_smm_enter(struct vh_vcpu *vcpu, bool halted, gpa_t *gpa);
int vh_smm_leave(struct vh_vcpu *vcpu, bool *halted, gpa_t *gpa);

/* --- mce.c --- */
#define VH_MCE_BANKS 32			/* KVM_CAP_MCE */

u64 vh_mce_cap(void);						/* KVM_X86_GET_MCE_CAP_SUPPORTED */
int vh_mce_setup(struct vh_vcpu *vcpu, u64 cap);		/* KVM_X86_SETUP_MCE */
int vh_mce_inject(struct vh_vcpu *vcpu, const struct kvm_x86_mce *e);	/* KVM_X86_SET_MCE; 1: #MC is due */

/* --- attr.c: -ENXIO for what is none --- */
int vh_system_attr(const struct kvm_device_attr __user *u, unsigned int cmd);
int vh_vcpu_attr(struct vh_vcpu *vcpu, const struct kvm_device_attr __user *u, unsigned int cmd);

/* --- creg.c: control registers as the guest writes them: 0, or -EINVAL: #GP --- */
int vh_cr_read(struct vh_vcpu *vcpu, unsigned int cr, u64 *value);
int vh_cr_write(struct vh_vcpu *vcpu, unsigned int cr, u64 value);
bool vh_cr3_loadable(struct vh_vcpu *vcpu, u64 cr3);

/* --- translate.c --- */
int vh_paged_gva_to_gpa(struct vh_vcpu *vcpu, u64 gva, u32 access, gpa_t *gpa, struct vh_fault *f);

/**
 * vh_gva_to_gpa - translate a linear address as the guest's processor would
 * @vcpu: the vCPU
 * @gva: guest linear address
 * @access: VH_ACC_*
 * @gpa: guest-physical address
 * @f: the exception
 *
 * Own thread, interrupts on. Accessed and dirty bits are set. Returns 0,
 * -EFAULT with *f for a page fault, -ENXIO when a paging structure is not RAM.
 */
static inline int vh_gva_to_gpa(struct vh_vcpu *vcpu, u64 gva, u32 access, gpa_t *gpa,
				struct vh_fault *f)
{
	vh_need(vcpu, VH_S_CR0);
	if (!(vcpu->s.cr0 & X86_CR0_PG)) {
		*gpa = (u32)gva;
		return 0;
	}
	return vh_paged_gva_to_gpa(vcpu, gva, access, gpa, f);
}

int vh_translate(struct vh_vcpu *vcpu, struct kvm_translation *t);

#endif /* VH_CPU_H */
