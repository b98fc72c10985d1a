/* SPDX-License-Identifier: GPL-2.0-only */
/* internal.h - shared by the files of run/ only; own thread, interrupts on. */
#ifndef VH_RUN_INTERNAL_H
#define VH_RUN_INTERNAL_H

#include "../caps.h"
#include "../cpu/cpu.h"
#include "../ctl/registry.h"
#include "../irq/irq.h"
#include "../kick.h"
#include "../mmu/mmu.h"
#include "run.h"

/**
 * struct vh_accesses - userspace accesses of the instruction being emulated
 *
 * An instruction may need several (a page-crossing access, MOVS from device to
 * device); each is done once, its answer kept until the instruction completes.
 */
#define VH_MAX_ACCESSES	64	/* ENTER with 31 levels: 30 reads, 32 writes, one of each in two pages */
struct vh_accesses {
	struct vh_access {
		gpa_t gpa;		/* or port, or index of the MSR */
		u8 data[8];
		u8 len;
		enum { VH_AT_MMIO, VH_AT_PORT, VH_AT_MSR } __packed where;
		u16 count;		/* string I/O: elements, in pio_data; else 1 */
		bool write;
		bool posted;		/* a write that userspace has yet to see */
		/* of an MSR: why userspace is asked, KVM_MSR_EXIT_REASON_*; #GP, it says */
		u8 reason;
		bool refused;
	} log[VH_MAX_ACCESSES];
	unsigned int done;		/* answered by userspace */
	unsigned int next;		/* position of the execution under way */
	bool pending;			/* log[done] is a read, or an MSR's write, that userspace answers */
	bool finished;			/* the instruction is done; posted writes may remain */
};

/**
 * struct vh_exec - what run/ keeps of a vCPU; own thread
 */
struct vh_exec {
	struct vh_emul e;
	struct vh_vcpu *vcpu;		/* const */
	struct vh_accesses accesses;
	int (*complete)(struct vh_vcpu *vcpu);	/* what a KVM_RUN has to finish first */
	/* The last instruction that could not be executed: it is left to the guest once more. */
	u64 failed_rip;
	u8 failed_insn[15], failed_len;
	bool failed;
	bool lendable;			/* what cannot be interpreted is lent to the processor (lend.c) */
	bool lend;			/* the instruction at RIP is */
	u8 hits;			/* data breakpoints that the instruction under way has met; VH_HIT_STEP */
	u8 step;			/* VH_HIT_STEP, or 0: what hits begins with */
#define VH_HIT_STEP	BIT(7)		/* a debugger steps */
	/* Of the debugger of the VMM (debug.c). */
	u8 debug_vector;
	u64 debug_dr6;
	/* Of the old task, while a new one's registers are being loaded. */
	u64 task_cr3, task_pdptr[4], task_rflags;
	unsigned int halt_poll_ns;	/* adaptive */
};

/*
 * Handlers of exits return 1 to enter the guest again, 0 with vcpu->run filled
 * to go to userspace, or a negative errno.
 */

/* exits.c */
int vh_handle_exit(struct vh_vcpu *vcpu);
int vh_halt(struct vh_vcpu *vcpu);			/* HLT is done */
int vh_memory_fault(struct vh_vcpu *vcpu, gpa_t gpa);
void vh_skip(struct vh_vcpu *vcpu);			/* the exit's instruction is done */
int vh_internal_error(struct vh_vcpu *vcpu, u32 suberror, u64 data0, u64 data1);
int vh_undeliverable(struct vh_vcpu *vcpu, u64 where);	/* an event's frame is in a device */
u8 vh_cpl(struct vh_vcpu *vcpu);
bool vh_dr_access(struct vh_vcpu *vcpu, int dr, bool write, u64 *value, struct vh_fault *f);

/* late.c: after VH_FAULT_LATER; false: the page is to be waited for */
bool vh_page_comes_later(struct vh_vcpu *vcpu);

/* smi.c */
int vh_smi(struct vh_vcpu *vcpu);			/* VH_REQ_SMI */
int vh_smi_return(struct vh_vcpu *vcpu);		/* RSM, in SMM */
int vh_smi_exit_ud(struct vh_vcpu *vcpu);		/* #UD in SMM */

/* paging.c: exits of processors without EPT */
int vh_exit_page_fault(struct vh_vcpu *vcpu);
int vh_exit_invlpg(struct vh_vcpu *vcpu);
int vh_exit_invpcid(struct vh_vcpu *vcpu);

/* realmode.c: processors without unrestricted guest */
bool vh_must_interpret(struct vh_vcpu *vcpu);
int vh_interpret(struct vh_vcpu *vcpu);
int vh_deliver_by_software(struct vh_vcpu *vcpu);

/**
 * struct vh_own_state - what vh_lend() changes, as it was, and what it lends
 */
struct vh_own_state {
	struct kvm_segment seg[VH_NR_SEGS], lent[VH_NR_SEGS];
	u64 rip, rflags;
	u32 interruptibility;
};

/* lend.c: an instruction of theirs that is the processor's */
bool vh_can_lend(struct vh_vcpu *vcpu);
void vh_lend(struct vh_vcpu *vcpu, struct vh_own_state *own);
void vh_take_back(struct vh_vcpu *vcpu, const struct vh_own_state *own);
#ifdef VH_DEBUG
/* The parameter "interpret": the processor executes only what the interpreter does not know. */
extern bool vh_interpret_all;
bool vh_interpret_this(struct vh_vcpu *vcpu);
void vh_make_mistake(struct vh_emul *e, int r);
#else
#define vh_interpret_all false
static inline bool vh_interpret_this(struct vh_vcpu *vcpu)
{
	return false;
}

static inline void vh_make_mistake(struct vh_emul *e, int r)
{
}
#endif

/* debug.c: the debugger of the VMM */
void vh_debug_report(struct vh_vcpu *vcpu, u8 vector, u64 dr6);
int vh_debug_exit(struct vh_vcpu *vcpu);
u64 vh_debug_trap(struct vh_vcpu *vcpu, u64 dr6);
void vh_debug_stepped(struct vh_vcpu *vcpu);
bool vh_debug_breakpoint(struct vh_vcpu *vcpu, u8 len);
bool vh_debug_guards_dr(struct vh_vcpu *vcpu);

static inline bool vh_stepping(const struct vh_vcpu *vcpu)
{
	return vcpu->debug & KVM_GUESTDBG_SINGLESTEP;
}

/* #DB clears the guest's DR7.GD (SDM Vol. 3, 18.2.4). */
static inline void vh_clear_gd(struct vh_vcpu *vcpu)
{
	vh_need(vcpu, VH_S_DR7);
	if (*vh_own_dr7(vcpu) & VH_DR7_GD) {
		*vh_own_dr7(vcpu) &= ~(u64)VH_DR7_GD;
		vh_dirty(vcpu, VH_S_DR7);
	}
}

/* Where RIP is: a linear address; RIP, segments and EFER valid. */
static inline u64 vh_linear_rip(struct vh_vcpu *vcpu)
{
	const struct vh_cpu_state *s = &vcpu->s;

	return vh_long_mode(vcpu) ? s->rip : (u32)(s->seg[VH_CS].base + s->rip);
}

/* breakpoint.c: the guest's, on interpreted instructions */
#define DR7_ENABLES	0xff

/* Does the guest have any? Own thread. */
static inline bool vh_breakpoints_on(const struct vh_vcpu *vcpu)
{
	return unlikely(vcpu->s.dr7 & DR7_ENABLES);
}

bool vh_code_breakpoint(struct vh_vcpu *vcpu);
void vh_data_breakpoint(struct vh_vcpu *vcpu, u64 linear, unsigned int len, bool write);
u64 vh_data_breakpoints_met(struct vh_vcpu *vcpu);

/* inject.c */
bool vh_is_fault(u8 vector);
void vh_inject_gp(struct vh_vcpu *vcpu, u32 error);
void vh_inject_ud(struct vh_vcpu *vcpu);
void vh_inject_soft(struct vh_vcpu *vcpu, u8 vector, u8 len);
void vh_inject_trap(struct vh_vcpu *vcpu, u64 dr6);
/* Is anything in vcpu->ev waiting? */
bool vh_events_pending(struct vh_vcpu *vcpu);
bool vh_event_due(struct vh_vcpu *vcpu);
bool vh_delivery_pending(const struct vh_vcpu *vcpu);	/* but for NMIs that wait */
/* Would an interrupt, an NMI be taken now? RFLAGS and INTR valid. */
bool vh_irq_allowed(struct vh_vcpu *vcpu);
bool vh_wants_window(struct vh_vcpu *vcpu);
bool vh_nmi_allowed(struct vh_vcpu *vcpu);

/* An event's frame is being pushed: where that is a device, nothing sensible can be done. */
static inline bool vh_delivering(const struct vh_vcpu *vcpu)
{
	return vcpu->ev.exception_reinject | vcpu->ev.irq_reinject | vcpu->ev.nmi_reinject;
}

/* emulate.c */
int vh_emulate(struct vh_vcpu *vcpu);			/* the instruction at RIP */
int vh_emulate_is_rsm(struct vh_vcpu *vcpu);
/* An event by software, as vh_inject_select() has chosen: through the IVT, or the IDT. */
int vh_emulate_real_int(struct vh_vcpu *vcpu, const struct vh_injection *inj);
int vh_emulate_event(struct vh_vcpu *vcpu, const struct vh_injection *inj);
bool vh_emulate_redirects(struct vh_vcpu *vcpu, u8 vector);
int vh_emulate_task(struct vh_vcpu *vcpu, const struct vh_task_switch *t, u8 len);
int vh_emulate_linear(struct vh_vcpu *vcpu, u64 linear, void *buf, unsigned int len, bool write);

/* access.c */
int vh_access_device(struct vh_vcpu *vcpu, gpa_t gpa, void *data, unsigned int len, bool write,
		     bool pio);
int vh_access_string(struct vh_vcpu *vcpu, u16 port, u64 linear, unsigned int size,
		     unsigned int *count, bool write);
int vh_access_msr(struct vh_vcpu *vcpu, u32 msr, u64 *value, bool write);
int vh_access_to_user(struct vh_vcpu *vcpu);
void vh_access_reset(struct vh_vcpu *vcpu);

#endif /* VH_RUN_INTERNAL_H */
