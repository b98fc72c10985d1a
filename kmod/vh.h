/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vh.h - VM and vCPU, and what all rooms share.
 *
 * A file calls and includes its own floor and those below it (docs/architecture.md):
 *
 *   9  dev.c vm.c vcpu.c stats.c vfio.c objects.h     /dev/vh: system, VM and vCPU ioctls (the KVM ABI)
 *   8  vmx/               vmx/vmx.h     everything that knows VMX; the VMCS lives only there
 *   7  run/               run/run.h     KVM_RUN: the loop, its exits, injection, emulation
 *   6  cpu/               cpu/cpu.h     what the guest sees of the processor
 *   5  mmu/               mmu/mmu.h     memslots, EPT, shadow tables, guest page-table walker
 *   4  irq/               irq/irq.h     LAPIC, IOAPIC, PIC, PIT, irqfd, ioeventfd
 *      ctl/               registry.h    registry of VMs, control, the netlink family
 *   3  acct/              acct/acct.h   groups, charges, counters, reclaim of page tables
 *   2  kick.c             kick.h        requests, kicks, flushes: from anybody to a vCPU
 *   1  vh.h caps.h tsc.h bound.h trace.h
 *   0  emul/ compat/      emul.h        know nothing of VMs
 *
 * Exit handlers work on struct vh_cpu_state, plain memory. The window
 * (vmx/window.c) is the only place where it is exchanged with the VMCS.
 */
#ifndef VH_H
#define VH_H

#include <linux/kvm.h>
#include <linux/kvm_types.h>
#include <linux/mutex.h>
#include <linux/rcuwait.h>
#include <linux/refcount.h>
#include <linux/static_call.h>
#include <linux/types.h>
#include <linux/uaccess.h>

#include "../uapi/linux/vh.h"
#include "emul/emul.h"

#define VH_MAX_VCPUS	1024
#define VH_MAX_VCPU_IDS	4096		/* KVM_CREATE_VCPU's, from 0 on */
#define VH_VCPU_CHUNK	32
#define VH_EXIT_COUNTERS 128		/* VH_NR_EXIT_REASONS or more; a power of 2 */
#define VH_MAX_GSI	4096		/* GSIs that can be routed */
#define VH_MAX_ROUTES	4096		/* entries of one routing table */
#define VH_VCPU_MMAP_PAGES 3		/* struct kvm_run, PIO data, the ring of coalesced writes */
#define VH_X2APIC_API	(KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK)
#define VH_IOAPIC_BASE	0xfec00000ULL
#define VH_IOAPIC_PINS	24

#define vh_err(fmt, ...)	pr_err("vh: " fmt, ##__VA_ARGS__)
#define vh_info(fmt, ...)	pr_info("vh: " fmt, ##__VA_ARGS__)

/* Indices of gpr[]: the encoding of ModRM and REX (SDM Vol. 2, 2.1). */
enum vh_gpr {
	VH_RAX, VH_RCX, VH_RDX, VH_RBX, VH_RSP, VH_RBP, VH_RSI, VH_RDI,
	VH_R8, VH_R9, VH_R10, VH_R11, VH_R12, VH_R13, VH_R14, VH_R15,
};

/*
 * Groups of struct vh_cpu_state that live in the VMCS. vh_need() makes them
 * valid in memory, vh_dirty() has them written back before the next entry.
 */
#define VH_S_RIP	BIT(0)
#define VH_S_RSP	BIT(1)
#define VH_S_RFLAGS	BIT(2)
#define VH_S_CR0	BIT(3)
#define VH_S_CR3	BIT(4)	/* and the PDPTEs */
#define VH_S_CR4	BIT(5)
#define VH_S_EFER	BIT(6)
#define VH_S_SEGS	BIT(7)	/* ES to GS */
#define VH_S_TABLES	BIT(8)	/* GDTR, IDTR, LDTR, TR */
#define VH_S_SYSENTER	BIT(9)
#define VH_S_DR7	BIT(10)
#define VH_S_PAT	BIT(11)
#define VH_S_INTR	BIT(12)	/* interruptibility and activity */
#define VH_S_PENDING_DB	BIT(13)	/* pending debug exceptions */
#define VH_S_SS		BIT(14)	/* only SS, for the CPL; part of SEGS */
#define VH_S_ALL	GENMASK(14, 0)
/* What the interpreter starts with. */
#define VH_S_EMUL	(VH_S_RIP | VH_S_RSP | VH_S_RFLAGS | VH_S_CR0 | VH_S_CR4 | VH_S_EFER | \
			 VH_S_SEGS | VH_S_INTR)

/* Interruptibility (SDM 25.4.2), as in the VMCS. */
#define VH_SHADOW_STI	BIT(0)
#define VH_SHADOW_MOVSS	BIT(1)
#define VH_BLOCKED_SMI	BIT(2)
#define VH_BLOCKED_NMI	BIT(3)

/* Debug registers (SDM Vol. 3, 18.2) */
#define VH_DR6_BD	BIT(13)		/* MOV DR while DR7.GD is set */
#define VH_DR7_GD	BIT(13)
#define VH_DR7_WRITABLE	0xffff2fffULL
#define VH_DR7_FIXED	0x400ULL

/* Pending debug exceptions (SDM Table 25-4): an enabled breakpoint was met; single step */
#define VH_PENDING_DB_ENABLED	BIT(12)
#define VH_PENDING_DB_STEP	BIT(14)

/**
 * struct vh_cpu_state - architectural state of a vCPU, in plain memory
 *
 * Owned by the thread that holds vcpu->lock.
 */
struct vh_cpu_state {
	u64 gpr[16];			/* RSP is valid as group VH_S_RSP; offset 0: vmx/enter.S */
	u64 rip, rflags;
	u64 cr0, cr2, cr3, cr4, efer;	/* as the guest sees them */
	u64 pdptr[4];
	struct kvm_segment seg[VH_NR_SEGS];
	struct kvm_dtable gdt, idt;
	u64 sysenter_cs, sysenter_esp, sysenter_eip;
	u64 pat;
	u64 dr[4], dr6, dr7;
	u32 interruptibility;
	u64 pending_db;			/* VH_PENDING_DB_* */

	/* not in the VMCS: switched by the section (cpu/fpu.c, vmx/switch.c) */
	u64 star, lstar, cstar, sfmask, kernel_gs_base, tsc_aux;
	u64 xcr0, xss;
	u32 pkru;
};

/**
 * struct vh_exit - what the processor said about the last exit (SDM 25.9)
 *
 * The window fills in what the reason asks for; the rest is zero.
 */
struct vh_exit {
	u32 reason;			/* with the entry-failure bit */
	u32 insn_len;
	u32 intr_info, intr_error;
	u32 insn_info;
	u32 fail_code;			/* VM-instruction error when the entry did not happen */
	u64 qualification;
	u64 gpa, gla;			/* guest-physical and guest-linear address */
	u32 vectoring;			/* of a task switch: the event that led to it, as IDT-vectoring information */
};

/**
 * struct vh_events - events on their way to the guest; own thread
 */
struct vh_events {
	struct vh_fault exception;	/* valid when exception_pending */
	bool exception_pending;		/* not yet handed to the hardware */
	bool exception_soft;		/* INT3, INTO: needs insn_len */
	bool exception_reinject;	/* delivery was cut short by an exit */
	bool irq_reinject;		/* irq_vector was acknowledged, delivery cut short */
	bool irq_soft;			/* INT n */
	u8 irq_vector;
	u8 soft_len;			/* instruction length of a software event */
	u8 int3_len;			/* that of the INT3 which a debugger saw last, or 1 */
	bool nmi_reinject;
	bool resume;			/* RFLAGS.RF when the last event was injected */
	bool smi_pending;		/* taken from VH_REQ_SMI, cannot be taken yet */
	bool nmi_window;		/* exit wanted when NMIs unblock */
	bool irq_window;		/* exit wanted when interrupts unblock */
	unsigned int nmi_pending;	/* at most 2; taken from vcpu->nmi_queued */
};

/**
 * struct vh_late_page - a page of the guest's that the host is bringing in
 */
struct vh_late_page {
	u64 gfn;			/* with VH_SPACE_GFN, in SMM */
	bool write;			/* it is to be writable */
};

/* What the rooms keep of a vCPU or a VM; each is only theirs to look into. */
struct vh_cpuid;			/* cpu/ */
struct vh_eventfds;			/* irq/ */
struct vh_exec;				/* run/ */
struct vh_fpu;				/* cpu/ */
struct vh_irqchip;			/* irq/ */
struct vh_lapic;			/* irq/ */
struct vh_mce;				/* cpu/ */
struct vh_mmu;				/* mmu/ */
struct vh_msr_filter;			/* cpu/ */
struct vh_msrs;				/* cpu/ */
struct vh_pit;				/* irq/ */
struct vh_pv;				/* cpu/ */
struct vh_pvclock;			/* cpu/ */
struct vh_record;			/* ctl/ */
struct vh_ring;				/* mmu/ */
struct vh_shadow;			/* mmu/ */
struct vh_shrink_item;			/* acct/ */
struct vh_table_cache;			/* mmu/ */
struct vh_vfio;				/* vfio.c */
struct vh_vm_clock;			/* cpu/ */
struct vh_vmx;				/* vmx/ */

/**
 * struct vh_vcpu - one virtual processor
 */
struct vh_vcpu {
	struct vh_cpu_state s;		/* first: vmx/enter.S */
	u32 valid, dirty;		/* VH_S_* groups; own thread */
	struct vh_vmx *vmx;		/* own thread; vmx/ */

	struct vh_vm *vm;		/* const */
	struct mutex lock;		/* held across every vCPU ioctl: "own thread" */
	u32 id;				/* KVM_CREATE_VCPU's argument, the initial APIC id; const */
	u32 idx;			/* position in the VM (vh_vcpu_at()); const */

	unsigned long requests;		/* atomic bits, enum vh_request (kick.h) */
	int mode;			/* atomic, enum vh_mode (kick.h) */
	int cpu;			/* CPU of the last entry; written with interrupts off */
	struct rcuwait wait;		/* where a halted vCPU sleeps */
	struct pid __rcu *pid;		/* thread that runs it */

	struct kvm_run *run;		/* shared with userspace: read once, check, use */
	void *pio_data;			/* page 1 of the mapping: string PIO data */
	struct vh_exit exit;		/* own thread */
	u64 device_gfn;		/* where memory was last missing: a device is likely there again; mmu/ */
	unsigned long device_gen;	/* of the memslots, which had none there; 0: they may have; mmu/ */
	u32 nowait;		/* VH_ACC_NOWAIT where the guest may be told of a page before it is there, or 0; own thread, cpu/ */
	bool owes_write;	/* a write of the instruction waits for userspace; own thread, run/ */
	bool alone;		/* no event comes before the next instruction, every exception exits, and its end; own thread, run/ */
#ifdef VH_DEBUG
	bool stepping;		/* own thread: exit behind the next instruction */
	struct vh_tag *tag;	/* of its own translations (witness/witness.h); const while it can run */
#endif
	struct vh_events ev;		/* own thread */
	u32 debug;			/* KVM_GUESTDBG_*: the VMM debugs the guest; own thread */
	u64 own_dr[4], own_dr7;		/* the guest's, while s.dr[] and s.dr7 are the debugger's; own thread */
	struct vh_table_cache *table_cache;	/* own thread; mmu/ */
	struct vh_late_page late;	/* what VH_FAULT_LATER was about; own thread, mmu/ writes */
	struct vh_shadow *shadow;	/* without EPT, else NULL; const */
	struct vh_ring *ring;		/* of the pages it has written (mmu/ring.c), or NULL; const */
	struct vh_exec *exec;		/* own thread; run/ */

	int mp_state;			/* KVM_MP_STATE_*; own thread */
	bool smm;			/* in system management mode; own thread, mmu/ writes */
	bool smm_in_nmi;		/* NMIs were blocked when it began; own thread */
	u32 smbase;			/* own thread */
	u64 space;			/* VH_SPACE with @smm: added to all guest-physical addresses; likewise */
	unsigned long apic_events;	/* atomic: BIT(0) INIT, BIT(1) SIPI */
	u8 sipi_vector;			/* valid with the SIPI bit */
	atomic_t nmi_queued;
	u8 user_cr8;			/* CR8 and IA32_APIC_BASE without in-kernel irqchip; own thread */
	u64 user_apic_base;
	int user_irq;			/* KVM_INTERRUPT of userspace's 8259s; -1: none; own thread */

	struct vh_lapic *lapic;		/* set at creation, const; NULL: no in-kernel irqchip */
	bool user_pic;			/* the 8259s are userspace's: no LAPIC, or a split irqchip; const */
	/* own thread; cpu/ */
	struct vh_cpuid *cpuid;
	struct vh_msrs *msrs;
	struct vh_mce *mce;
	struct vh_pvclock *clock;
	struct vh_pv *pv;
	struct vh_fpu *fpu;

	/* From the vCPU's CPUID; own thread. */
	u8 maxphyaddr;
	bool gbpages;
	u64 cr4_reserved;		/* CR4 bits that #GP */
	bool msrs_filtered;		/* the VM has a filter: no MSR but the LAPIC's in the window; own thread */

	s64 tsc_offset;			/* guest TSC = host TSC (scaled) + offset; own thread */
	u64 tsc_scale;			/* ratio, 48 fraction bits; 0: not scaled */
	u32 tsc_khz;			/* of the guest */

	sigset_t sigmask;		/* KVM_SET_SIGNAL_MASK; own thread */
	bool sigmask_set;
	bool tpr_reporting;		/* KVM_TPR_ACCESS_REPORTING */

	bool parked;			/* waits for VH_CMD_VM_RESUME; own thread writes, others read */
	bool lost;			/* its state could not be read: ioctls fail with -EIO; own thread */

	/* Accounting: own thread writes, others read (acct/counters.c). */
	s64 guest_tsc;			/* ticks in the guest; minus the TSC of the entry while in it */
	u64 exits[VH_EXIT_COUNTERS];
	u64 injected, faults;
	u64 halt_waited, halt_polled;	/* ns */
	u64 halt_polls, halt_poll_hit, halt_poll_hit_ns, halt_wakeups;
	u64 mmio_exits, signal_exits;	/* to userspace; KVM_RUN that a signal ended */
};

/**
 * struct vh_vm - one virtual machine
 */
struct vh_vm {
	struct mm_struct *mm;		/* const */
	refcount_t refs;		/* VM fd, each vCPU fd */
	struct vh_record *rec;		/* const: identity and charges (ctl/registry.h) */
	const struct cred *seen;	/* the VMM's when the record last knew; vh_registry_lock, read at any time */
	u32 id;				/* the record's; vh_registry_lock, const once there */
	struct vh_shrink_item *shrink;	/* acct/reclaim.c */
	unsigned long control;		/* atomic bits VH_CTL_*: the run loop stops to look when not 0 */

	struct mutex lock;		/* vCPU and irqchip creation, state of the VM */
	/* Filled in order, never cleared while the VM lives (vh_vcpu_at()); lock */
	struct vh_vcpu **vcpus[VH_MAX_VCPUS / VH_VCPU_CHUNK];
	unsigned int nr_vcpus;		/* published after the pointer (smp_store_release); lock */
	bool irqchip_kernel;		/* KVM_CREATE_IRQCHIP or KVM_CAP_SPLIT_IRQCHIP done; lock, read with READ_ONCE */
	u32 x2apic_api;			/* KVM_X2APIC_API_*: lock, read with READ_ONCE */

	struct vh_mmu *mmu;		/* const */
	struct vh_irqchip *irqchip;	/* set once, smp_store_release */
	struct vh_pit *pit;		/* set once, smp_store_release */
	struct vh_eventfds *eventfds;	/* const */
	struct vh_vfio *vfio;		/* the VM's VFIO device, as long as its file is there; set with lock */
	struct vh_vm_clock *clock;	/* const; cpu/ */

	/* VH_CMD_VM_STOP (ctl/control.c), with READ_ONCE and WRITE_ONCE */
	unsigned long stop_at;		/* jiffies: when it came, then when the VMM was told */
	unsigned int stop_told;		/* by which vCPU's position */
	bool power_button;		/* VH_SET_POWER_BUTTON */

	u32 bsp_id;			/* KVM_SET_BOOT_CPU_ID; lock, const once there are vCPUs */
	u64 tss_addr, identity_addr;	/* lock */
	unsigned long disabled_exits;	/* KVM_CAP_X86_DISABLE_EXITS; lock, before vCPUs */
	u32 notify_flags, notify_window;	/* KVM_CAP_X86_NOTIFY_VMEXIT; lock, before vCPUs */
	bool bus_lock;			/* KVM_CAP_X86_BUS_LOCK_EXIT, of vCPUs that have not run; lock, read with READ_ONCE */
	u32 default_tsc_khz;		/* of vCPUs to come; lock */
	u32 quirks_off;			/* KVM_X86_QUIRK_* of KVM_CAP_DISABLE_QUIRKS2; lock, read at any time */
	u32 max_vcpu_ids;		/* KVM_CAP_MAX_VCPU_ID, 0: not set; lock */
	bool hide_platform_info;	/* KVM_CAP_MSR_PLATFORM_INFO with 0; lock, read at any time */
	bool exception_payload;		/* KVM_CAP_EXCEPTION_PAYLOAD; lock, read at any time */
	bool triple_fault_event;	/* KVM_CAP_X86_TRIPLE_FAULT_EVENT; the same */
	struct vh_msr_filter __rcu *msr_filter;	/* NULL: every MSR; lock; cpu/ */
	bool user_emulation_failure;	/* KVM_CAP_EXIT_ON_EMULATION_FAILURE; lock, read with READ_ONCE */
	u32 user_msr;			/* KVM_CAP_X86_USER_SPACE_MSR: what exits to userspace; lock, read with READ_ONCE */

	/* Accounting: mmu/ writes, others read. */
	atomic_long_t tables;		/* page-table pages, those kept for the next faults included */
	atomic_long_t reclaimed;	/* page-table pages taken back so far */
	atomic_long_t flushes, flush_kicks;	/* vh_vm_flush_tlb(): calls, and those that took a vCPU out of the guest */
};

/* The vCPU at position @i, below nr_vcpus as smp_load_acquire() has it. */
static inline struct vh_vcpu *vh_vcpu_at(const struct vh_vm *vm, unsigned int i)
{
	return vm->vcpus[i / VH_VCPU_CHUNK][i % VH_VCPU_CHUNK];
}

/* Has the VMM left KVM's oddity @quirk (KVM_X86_QUIRK_*) as it is? */
static inline bool vh_has_quirk(const struct vh_vm *vm, u32 quirk)
{
	return !(READ_ONCE(vm->quirks_off) & quirk);
}

#define vh_for_each_vcpu(i, vcpu, vm)						\
	for ((i) = 0; (i) < smp_load_acquire(&(vm)->nr_vcpus) &&		\
	     ((vcpu) = vh_vcpu_at(vm, i)) != NULL; (i)++)

/* --- state in the VMCS; own thread, interrupts on --- */

/* Installed by vmx/: makes the groups valid, in a short window. */
typedef void vh_fetch_fn(struct vh_vcpu *vcpu, u32 groups);
DECLARE_STATIC_CALL(vh_fetch, vh_fetch_fn);

static inline void vh_need(struct vh_vcpu *vcpu, u32 groups)
{
	if (groups & ~vcpu->valid)
		static_call(vh_fetch)(vcpu, groups & ~vcpu->valid);
}

static inline void vh_dirty(struct vh_vcpu *vcpu, u32 groups)
{
	vcpu->valid |= groups;
	vcpu->dirty |= groups;
}

static inline bool vh_long_mode(struct vh_vcpu *vcpu)	/* needs EFER, SEGS: 64-bit code */
{
	return (vcpu->s.efer & (1 << 10)) && vcpu->s.seg[VH_CS].l;
}

#endif /* VH_H */
