/* SPDX-License-Identifier: GPL-2.0-only */
/* internal.h - shared by the files of vmx/ only. */
#ifndef VH_VMX_INTERNAL_H
#define VH_VMX_INTERNAL_H

#include <linux/jump_label.h>
#include <asm/msr.h>
#include <asm/vmx.h>

#include "../caps.h"
#include "../compat/arch.h"
#include "../cpu/cpu.h"
#include "../irq/irq.h"
#include "../mmu/mmu.h"
#include "../run/run.h"
#include "vmx.h"
#include "insn.h"

/**
 * struct vmx_caps - what the capability MSRs allow (SDM Vol. 3, Appendix A)
 *
 * Written once at module load, read-only afterwards. @pin to @entry are the
 * controls that vh uses: minimum and whatever optional ones the CPU has.
 */
struct vmx_caps {
	u32 revision;
	u32 vmcs_size;
	u32 pin, proc, proc2, exit, entry;
	u64 cr0_fixed0, cr4_fixed0, cr4_fixed1;
	u64 ept_vpid;			/* those that vh uses */
	bool pt_stops;			/* Intel PT does not trace in VMX operation */
	bool vid;			/* register virtualization + virtual-interrupt delivery */
	bool step;			/* monitor trap flag */
	bool bus_lock, notify;		/* bus-lock detection, notify exits */
	bool posted;			/* and posted interrupts: exits acknowledge the host's */
};
extern struct vmx_caps vmx_caps;

/* Of an exit's reason (SDM 25.9.1): there was a bus lock before it, whatever it is for. */
#define VMX_EXIT_BUS_LOCK	BIT(26)

int vmx_caps_init(void);

/*
 * struct vmx_msr_lists - MSRs that each entry and each exit load (SDM Vol. 3, 25.7.2, 25.8.2)
 *
 * A page. First EFER, where the VMCS has no fields for it; then what perf.c finds.
 */
struct vmx_msr_lists {
	struct vmx_msr_entry guest[16], host[16];
};

/**
 * struct vh_vmx - VMX side of a vCPU
 *
 * Own thread, with interrupts off where the VMCS is current; @cpu and @node
 * change only on the CPU where the VMCS is active, with interrupts off there.
 */
struct vh_vmx {
	u64 host_rsp;			/* as in the VMCS; first: enter.S */
	void *vmcs;
	u64 vmcs_pa;
	unsigned long *msr_bitmap;
	int cpu;			/* where the VMCS is active, -1: nowhere */
	int last_cpu;			/* where it was last: what that one cached is good */
	u8 root;			/* provider that the open section was made for */
	struct list_head node;		/* on that CPU's list of active VMCSs */
	bool launched;
	bool configured;		/* constant fields are written */
	u16 vpid;			/* 0: none */

	/* caches of what the VMCS holds */
	u32 proc, proc2, entry, exceptions;
	u64 host_cr0, host_cr3, host_cr4, host_fs_base;
	u16 host_fs, host_gs;
	u64 tsc_offset, tsc_scale;
	u64 cr0_mask, cr4_mask;
	u32 seg_ar[VH_NR_SEGS];		/* access rights as s.seg[] has them taken apart */
	u64 *pml;			/* page that PML logs to; NULL: PML is not used */
	struct vmx_msr_lists *lists;	/* NULL: this processor needs none */
	u32 listed_entry, listed_exit;	/* of these how many are loaded */
	u64 pebs;			/* IA32_PEBS_ENABLE, which is off in this window; 0: was off before */
	u32 tpr_threshold;
	u8 host_vector;			/* of the interrupt that the exit acknowledged; 0: none */
	u8 host_event;			/* VMX_HOST_*: the exit was for it, and its handler is due */
	bool vid;			/* virtual-interrupt delivery is on now */
	bool nopaging;			/* the VMCS has an identity map in place of no paging */
	bool section;			/* a section is open: KERNEL_GS_BASE is the guest's */
	bool lost;			/* an instruction failed that cannot: never entered again */
	bool l1d_due;			/* the host has run: flush before the next entry */
	u64 spec_ctrl;			/* the host's in this window, where it is written at exits */
	u64 serial;			/* never used twice; const */
#ifdef VH_DEBUG
	struct vmx_model {		/* active.c */
		int cpu;		/* where it is active, -1: nowhere */
		enum { VMX_MODEL_UNKNOWN, VMX_MODEL_CLEAR, VMX_MODEL_LAUNCHED } state;
		/* paging of the guest, as the last exit left it */
		u64 cr0, cr3, cr4;
	} model;
#endif
};

DECLARE_PER_CPU(struct vh_vmx *, vmx_current);	/* VMCS loaded by VMPTRLD; interrupts off */

/* root.c: who provides VMX operation on this CPU; changed on it, interrupts off */
enum vmx_root_state { VMX_ROOT_NONE, VMX_ROOT_OWN, VMX_ROOT_BESIDE };
DECLARE_PER_CPU(u8, vmx_root_state);
DECLARE_PER_CPU(u64, vmx_root_region);	/* for VMXON; physical address */
int vmx_root_init(void);
void vmx_root_exit(void);
bool vmx_root_is_on(int cpu);			/* any context */
bool vmx_root_emergency_off(void);		/* interrupts off, NMI: was it on? */

/* crash.c; process context */
void vmx_crash_init(void);
void vmx_crash_exit(void);
extern bool vmx_dying;				/* VMX is not turned on any more */

/* beside.c; interrupts off */
static __always_inline void vmx_pt(bool vmx_on)
{
	if (unlikely(vmx_caps.pt_stops))
		vh_pt_vmx(vmx_on);
}

bool vmx_beside_cannot(void);
bool vmx_beside_begin(void);
void vmx_beside_end(void);
int vmx_beside_try(void);
bool vmx_beside_is_mine(int cpu);		/* any context */
bool vmx_beside_emergency_off(void);

/**
 * vmx_root_begin - is this CPU in VMX operation, until vmx_root_end()?
 *
 * Interrupts off.
 */
static __always_inline bool vmx_root_begin(void)
{
	u8 state = __this_cpu_read(vmx_root_state);

	return likely(state == VMX_ROOT_OWN) || (state == VMX_ROOT_BESIDE && vmx_beside_begin());
}

static __always_inline void vmx_root_end(void)
{
	if (unlikely(__this_cpu_read(vmx_root_state) == VMX_ROOT_BESIDE))
		vmx_beside_end();
}

/* vmcs.c */
bool vmx_make_current(struct vh_vcpu *vcpu);	/* interrupts off, VMX on: VMPTRLD if needed */
void vmx_clear_all_local(void);			/* interrupts off: VMCLEAR all active here */
void vmx_clear_current(void);			/* interrupts off: VMCLEAR the current one, if ours */
void vmx_clear_all_emergency(void);		/* the same in an NMI */
void vmx_release_remote(struct vh_vmx *vmx);	/* preemption off, interrupts on */
void vmx_set_proc(struct vh_vmx *vmx, u32 value);	/* in the window */
void vmx_set_proc2(struct vh_vmx *vmx, u32 value);	/* in the window */
void vmx_apic_mode(struct vh_vcpu *vcpu);	/* in the window: VH_REQ_APIC_MODE */
void vmx_hide(struct vh_vcpu *vcpu);		/* in the window: VH_REQ_CPUID */
void vmx_debug_controls(struct vh_vcpu *vcpu);	/* in the window: VH_REQ_DEBUG_CONTROLS */
void vmx_msr_passes(struct vh_vcpu *vcpu);	/* in the window: VH_REQ_MSR_FILTER */
void vmx_intr_status(struct vh_vcpu *vcpu);	/* in the window: RVI and SVI as the page says */
void vmx_eoi_bitmap(struct vh_vcpu *vcpu);	/* in the window: VH_REQ_EOI_BITMAP */
void vmx_flush_ept(struct vh_vcpu *vcpu);	/* in the window */
void vmx_eptp_switch(struct vh_vcpu *vcpu);	/* VH_REQ_EPT */
void vmx_flush_vpid(struct vh_vcpu *vcpu);	/* in the window */

/* In the window: does an exit follow the next instruction? */
static inline void vmx_set_step(struct vh_vmx *vmx, bool on)
{
	u32 proc = vmx->proc & ~CPU_BASED_MONITOR_TRAP_FLAG;

	vmx_set_proc(vmx, on ? proc | CPU_BASED_MONITOR_TRAP_FLAG : proc);
}

/* Outside the debug build. */
static inline bool vmx_steps(const struct vh_vcpu *vcpu)
{
	return (vcpu->debug & KVM_GUESTDBG_SINGLESTEP) || (vcpu->alone && vmx_caps.step);
}

static inline void vmx_step(struct vh_vcpu *vcpu)
{
#ifdef VH_DEBUG
	vmx_set_step(vcpu->vmx, vcpu->stepping || vmx_steps(vcpu));
#endif
}

/* perf.c: counters of the host's that do not go on in guests; in the window */
DECLARE_STATIC_KEY_FALSE(vmx_perf);
void vmx_perf_init(void);			/* module load */
void vmx_perf_enter_slow(struct vh_vmx *vmx);
void vmx_perf_leave_slow(struct vh_vmx *vmx);

static __always_inline void vmx_perf_enter(struct vh_vmx *vmx)
{
	if (static_branch_unlikely(&vmx_perf))
		vmx_perf_enter_slow(vmx);
}

static __always_inline void vmx_perf_leave(struct vh_vmx *vmx)
{
	if (static_branch_unlikely(&vmx_perf))
		vmx_perf_leave_slow(vmx);
}

/* Is EFER the first of the lists? */
static inline bool vmx_efer_listed(void)
{
	return !(vmx_caps.exit & VM_EXIT_LOAD_IA32_EFER);
}

static inline bool vmx_lists_needed(void)
{
	return vmx_efer_listed() || static_key_enabled(&vmx_perf);
}

/* pml.c; in the window */
void vmx_pml_switch(struct vh_vcpu *vcpu);	/* VH_REQ_EPT */
void vmx_pml_drain(struct vh_vcpu *vcpu);

static inline bool vmx_pml_on(const struct vh_vmx *vmx)
{
	return vmx->proc2 & SECONDARY_EXEC_ENABLE_PML;
}

/* switch.c; interrupts off */
void vmx_msrs_restore_local(void);
void vmx_msrs_window_enter(struct vh_vcpu *vcpu);
void vmx_msrs_window_leave(void);

/* exchange.c; in the window, but for init */
void vmx_exchange_init(struct vh_vcpu *vcpu, struct vh_vmx *vmx);
void vmx_read_state(struct vh_vcpu *vcpu, u32 groups);
void vmx_write_state(struct vh_vcpu *vcpu, u32 groups);
static inline void vmx_need(struct vh_vcpu *vcpu, u32 groups)
{
	groups &= ~vcpu->valid;
	if (groups)
		vmx_read_state(vcpu, groups);
}

/* host_irq.c; interrupts off: the host's handler of an acknowledged interrupt, or of all there are */
void vmx_host_interrupt(u8 vector);
void vmx_host_interrupts(void);

/* struct vh_vmx, host_event */
#define VMX_HOST_NMI	BIT(0)
#define VMX_HOST_MC	BIT(1)

/* window.c: what vh_need() calls */
void vmx_fetch(struct vh_vcpu *vcpu, u32 groups);

/* fast.c; in the window: true when the exit is dealt with */
bool vmx_fast_exit(struct vh_vcpu *vcpu);
bool vmx_fast_stepped(struct vh_vcpu *vcpu);

/* enter.S: 0 after a VM exit, 1 when VMLAUNCH/VMRESUME itself failed */
int vmx_enter(struct vh_vcpu *vcpu, u64 *host_rsp, bool launched);
extern const char vmx_exit_label[];

#endif /* VH_VMX_INTERNAL_H */
