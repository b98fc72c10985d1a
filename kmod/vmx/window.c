// SPDX-License-Identifier: GPL-2.0-only
/*
 * window.c - the only place where the VMCS is current and interrupts are off.
 *
 * A window goes from VMPTRLD (if needed) through entries and exits to the
 * reads that the last exit asks for. Exits that fast.c finishes do not end it.
 *
 * Kicks and requests: whoever sets a request and then finds mode == IN_GUEST
 * sends an IPI, which either forces an exit or waits until interrupts are on;
 * both come before the next look at vcpu->requests. The full barrier after
 * mode = IN_GUEST pairs with the one in vh_request() (docs/locking.md).
 */
#include <linux/context_tracking.h>
#include <linux/hardirq.h>
#include <linux/sched/signal.h>
#include <linux/vtime.h>
#include <asm/debugreg.h>
#include <asm/fsgsbase.h>
#include <asm/mce.h>

#include "../compat/work.h"
#include "../tsc.h"
#include "internal.h"
#include "mitigate.h"
#include "witness.h"
#include "../bound.h"
#include "../ctl/registry.h"
#include "../trace.h"

/* What the slow path wants to know of an exit, by reason. */
#define N_QUAL	BIT(0)
#define N_INSN	BIT(1)	/* instruction length, RIP */
#define N_INTR	BIT(2)	/* interruption information */
#define N_GPA	BIT(3)
#define N_GLA	BIT(4)
#define N_INFO	BIT(5)	/* instruction information */
#define N_IDTV	BIT(6)	/* may have cut short the delivery of an event */

static const u8 exit_needs[VH_NR_EXIT_REASONS] = {
	[EXIT_REASON_EXCEPTION_NMI]	= N_QUAL | N_INSN | N_INTR | N_IDTV,
	[EXIT_REASON_TRIPLE_FAULT]	= N_INSN,
	[EXIT_REASON_TASK_SWITCH]	= N_QUAL | N_INSN | N_IDTV,
	[EXIT_REASON_CPUID]		= N_INSN,
	[EXIT_REASON_HLT]		= N_INSN,
	[EXIT_REASON_INVD]		= N_INSN,
	[EXIT_REASON_INVLPG]		= N_QUAL | N_INSN,
	[EXIT_REASON_RDPMC]		= N_INSN,
	[EXIT_REASON_RDTSC]		= N_INSN,
	[EXIT_REASON_VMCALL]		= N_INSN,
	[EXIT_REASON_CR_ACCESS]		= N_QUAL | N_INSN,
	[EXIT_REASON_DR_ACCESS]		= N_QUAL | N_INSN,
	[EXIT_REASON_IO_INSTRUCTION]	= N_QUAL | N_INSN,
	[EXIT_REASON_MSR_READ]		= N_INSN,
	[EXIT_REASON_MSR_WRITE]		= N_INSN,
	[EXIT_REASON_INVALID_STATE]	= N_QUAL,
	[EXIT_REASON_MWAIT_INSTRUCTION]	= N_INSN,
	[EXIT_REASON_MONITOR_INSTRUCTION] = N_INSN,
	[EXIT_REASON_PAUSE_INSTRUCTION]	= N_INSN,
	[EXIT_REASON_APIC_ACCESS]	= N_QUAL | N_INSN | N_IDTV,
	[EXIT_REASON_EPT_VIOLATION]	= N_QUAL | N_GPA | N_GLA | N_IDTV,
	[EXIT_REASON_EPT_MISCONFIG]	= N_GPA | N_IDTV,
	[EXIT_REASON_WBINVD]		= N_INSN,
	[EXIT_REASON_XSETBV]		= N_INSN,
	[EXIT_REASON_APIC_WRITE]	= N_QUAL,
	[EXIT_REASON_XSAVES]		= N_INSN,
	[EXIT_REASON_XRSTORS]		= N_INSN,
	[EXIT_REASON_PML_FULL]		= N_QUAL | N_IDTV,
	[EXIT_REASON_INVPCID]		= N_QUAL | N_INSN | N_INFO,
	[EXIT_REASON_NOTIFY]		= N_QUAL | N_IDTV,
};

/* Groups that a guest can change without an exit; the others stay valid. */
#define VOLATILE_STATE	(VH_S_ALL & ~(VH_S_EFER | VH_S_PAT | VH_S_DR7))

/* Is it an access to a device, which will be interpreted? */
static bool device_likely(const struct vh_vcpu *vcpu, u32 basic)
{
	if (basic == EXIT_REASON_EPT_VIOLATION)
		return vcpu->exit.gpa >> PAGE_SHIFT == vcpu->device_gfn;
	return basic == EXIT_REASON_EXCEPTION_NMI && vh_shadow_device(vcpu);
}

static void read_exit(struct vh_vcpu *vcpu)
{
	struct vh_exit *x = &vcpu->exit;
	u32 basic = x->reason & 0xffff;
	u8 need = basic < VH_NR_EXIT_REASONS ? exit_needs[basic] : N_QUAL;

	if (need & N_QUAL)
		x->qualification = vmcs_read(EXIT_QUALIFICATION);
	if (need & N_INSN)
		x->insn_len = vmcs_read(VM_EXIT_INSTRUCTION_LEN);
	if (need & N_GPA)
		x->gpa = vmcs_read(GUEST_PHYSICAL_ADDRESS);
	if (need & N_GLA)
		x->gla = vmcs_read(GUEST_LINEAR_ADDRESS);
	if (need & N_INFO)
		x->insn_info = vmcs_read(VMX_INSTRUCTION_INFO);
	/* Nearly every slow exit looks at these; a device's is interpreted. */
	vmx_read_state(vcpu, device_likely(vcpu, basic) ? VH_S_EMUL :
							   VH_S_RIP | VH_S_RFLAGS | VH_S_INTR);
}

/*
 * A fault that the guest is not to see came while an event was delivered. It saved RF as its own frame would have it
 * (SDM 28.3.3), which is 1. The event's frame, when it is delivered again, has the 1 if it is a fault's, 0 if an
 * instruction asked for it, else what there was when it was injected (SDM 18.3.1.1).
 */
static noinline void restore_resume_flag(struct vh_vcpu *vcpu, u32 info)
{
	u8 vector = info & VECTORING_INFO_VECTOR_MASK;
	u64 flags;

	switch (info & VECTORING_INFO_TYPE_MASK) {
	case INTR_TYPE_HARD_EXCEPTION:
		if (vector != 1)
			return;
		fallthrough;
	case INTR_TYPE_EXT_INTR:
	case INTR_TYPE_NMI_INTR:
		if (vcpu->ev.resume)
			return;
	}
	flags = vmcs_read(GUEST_RFLAGS) & ~(u64)X86_EFLAGS_RF;
	vmcs_write(GUEST_RFLAGS, flags);
	if (vcpu->valid & VH_S_RFLAGS)
		vcpu->s.rflags = flags;
}

/*
 * Delivery of an event was cut short by this exit: it is due again (SDM
 * 28.2.4). An exit that left NMIs unblocked although the guest's IRET had not
 * finished sets bit 12, and they must be blocked again (SDM 28.2.3).
 */
static void read_vectoring(struct vh_vcpu *vcpu, u32 basic)
{
	struct vh_exit *x = &vcpu->exit;
	struct vh_idt_vectoring v __uninitialized;
	bool iret;

	v.info = vmcs_read(IDT_VECTORING_INFO_FIELD);
	x->vectoring = v.info;
	if (v.info & VECTORING_INFO_VALID_MASK) {
		v.error = v.info & VECTORING_INFO_DELIVER_CODE_MASK ?
			  vmcs_read(IDT_VECTORING_ERROR_CODE) : 0;
		v.insn_len = vmcs_read(VM_EXIT_INSTRUCTION_LEN);
		if (basic == EXIT_REASON_EXCEPTION_NMI &&
		    (x->intr_info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_HARD_EXCEPTION)
			restore_resume_flag(vcpu, v.info);
		vh_events_requeue(vcpu, &v);
		if ((v.info & VECTORING_INFO_TYPE_MASK) == INTR_TYPE_NMI_INTR)
			vmcs_write(GUEST_INTERRUPTIBILITY_INFO,
				   vmcs_read(GUEST_INTERRUPTIBILITY_INFO) & ~VH_BLOCKED_NMI);
		return;
	}
	if (basic == EXIT_REASON_EPT_VIOLATION || basic == EXIT_REASON_PML_FULL || basic == EXIT_REASON_NOTIFY)
		iret = vmcs_read(EXIT_QUALIFICATION) & BIT(12);
	else
		iret = basic == EXIT_REASON_EXCEPTION_NMI && (x->intr_info & INTR_INFO_UNBLOCK_NMI) &&
		       (x->intr_info & INTR_INFO_VECTOR_MASK) != 8;
	if (iret)
		vmcs_write(GUEST_INTERRUPTIBILITY_INFO,
			   vmcs_read(GUEST_INTERRUPTIBILITY_INFO) | VH_BLOCKED_NMI);
}

/*
 * A machine check while the guest ran: the host's handler is to see that it was not the kernel that met
 * it, but the VMM's thread, which gets a SIGBUS for what can be borne. Where the kernel does not lend
 * its handler to modules, it is taken for the kernel's own.
 */
static noinline void host_machine_check(void)
{
#ifdef VH_HAVE_DO_MACHINE_CHECK
	struct pt_regs regs = { .cs = __USER_CS, .ss = __USER_DS, .flags = X86_EFLAGS_IF };

	/* How long it takes, printing what it finds, is the host's. */
	vh_bound_end(VH_BOUND_WINDOW);
	do_machine_check(&regs);
	vh_bound_begin(VH_BOUND_WINDOW);
#else
	asm volatile("int $18");
#endif
}

/*
 * The host's handler of what came while the guest ran. With the host's XCR0, XSS and PKRU, for perf's
 * looks at user memory; before DEBUGCTL, so that it finds the last branches as the exit left them. NMIs
 * are blocked from an exit for one on, to the end of its handler (SDM Vol. 3, 28.5.5).
 */
static noinline void host_event(struct vh_vmx *vmx)
{
	u8 due = vmx->host_event;

	vmx->host_event = 0;
	if (due & VMX_HOST_MC)
		host_machine_check();
	if (due & VMX_HOST_NMI)
		asm volatile("int $2");
}

/*
 * An NMI or a machine check that came while the guest ran is the host's. It may have cut short the
 * delivery of an event all the same.
 */
static bool is_host_event(struct vh_vcpu *vcpu, u32 info)
{
	struct vh_exit *x = &vcpu->exit;

	x->intr_info = info;
	x->intr_error = x->intr_info & INTR_INFO_DELIVER_CODE_MASK ?
			vmcs_read(VM_EXIT_INTR_ERROR_CODE) : 0;
	if ((x->intr_info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_NMI_INTR) {
		read_vectoring(vcpu, EXIT_REASON_EXCEPTION_NMI);
		vcpu->vmx->host_event |= VMX_HOST_NMI;
		return true;
	}
	if ((x->intr_info & (INTR_INFO_INTR_TYPE_MASK | INTR_INFO_VECTOR_MASK)) ==
	    (INTR_TYPE_HARD_EXCEPTION | 18)) {
		read_vectoring(vcpu, EXIT_REASON_EXCEPTION_NMI);
		vcpu->vmx->host_event |= VMX_HOST_MC;
		return true;
	}
	return false;
}

/* Hand pending events to the hardware, or ask for the exit that lets us. */
static void prepare_events(struct vh_vcpu *vcpu)
{
	struct vh_vmx *vmx = vcpu->vmx;
	struct vh_injection inj __uninitialized;
	u32 proc = vmx->proc & ~(CPU_BASED_INTR_WINDOW_EXITING | CPU_BASED_NMI_WINDOW_EXITING);

	vmx_need(vcpu, VH_S_RFLAGS | VH_S_INTR | VH_S_PENDING_DB);
	if (vmx->vid)
		vmx_intr_status(vcpu);
	vh_inject_select(vcpu, vmx->vid, &inj);
	if (inj.info) {
		vcpu->ev.resume = vcpu->s.rflags & X86_EFLAGS_RF;
		vmcs_write(VM_ENTRY_INTR_INFO_FIELD, inj.info);
		if (inj.info & INTR_INFO_DELIVER_CODE_MASK)
			vmcs_write(VM_ENTRY_EXCEPTION_ERROR_CODE, inj.error);
		if (inj.insn_len)
			vmcs_write(VM_ENTRY_INSTRUCTION_LEN, inj.insn_len);
		/* Where HLT does not exit the guest may be halted, which most exceptions are not injected in (SDM 27.3.1.5). */
		if (unlikely(!(vmx->proc & CPU_BASED_HLT_EXITING)))
			vmcs_write(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
		trace_vh_inject(vcpu->id, inj.info, inj.error);
		if (unlikely(vcpu->ev.smi_pending) && !vcpu->smm) {
			/* The SMI comes right behind it: a host's interrupt that is pending exits there. */
			vh_request(vcpu, VH_REQ_SMI);
			vh_kick_cpu(smp_processor_id());
		}
	}
	if (inj.irq_window)
		proc |= CPU_BASED_INTR_WINDOW_EXITING;
	if (inj.nmi_window)
		proc |= CPU_BASED_NMI_WINDOW_EXITING;
	vmx_set_proc(vmx, proc);
	if (vcpu->lapic && !vmx->vid && vmx->tpr_threshold != inj.tpr_threshold) {
		vmx->tpr_threshold = inj.tpr_threshold;
		vmcs_write(TPR_THRESHOLD, inj.tpr_threshold);
	}
}

static noinline void rare_requests(struct vh_vcpu *vcpu)
{
	if (vh_test_request(vcpu, VH_REQ_APIC_MODE))
		vmx_apic_mode(vcpu);
	if (vh_test_request(vcpu, VH_REQ_EOI_BITMAP))
		vmx_eoi_bitmap(vcpu);
	if (vh_test_request(vcpu, VH_REQ_EPT)) {
		vmx_pml_switch(vcpu);
		vmx_eptp_switch(vcpu);
	}
	if (vh_test_request(vcpu, VH_REQ_CPUID))
		vmx_hide(vcpu);
	if (vh_test_request(vcpu, VH_REQ_DEBUG_CONTROLS))
		vmx_debug_controls(vcpu);
	if (vh_test_request(vcpu, VH_REQ_MSR_FILTER))
		vmx_msr_passes(vcpu);
}

/* Requests that are honoured here; others end the window. */
static bool honour_requests(struct vh_vcpu *vcpu)
{
	if (unlikely(READ_ONCE(vcpu->requests) & VH_REQS_RARE))
		rare_requests(vcpu);
	if (vh_test_request(vcpu, VH_REQ_TLB_FLUSH))
		vmx_flush_ept(vcpu);
	if (vh_test_request(vcpu, VH_REQ_TLB_FLUSH_GUEST))
		vmx_flush_vpid(vcpu);
	/* Also when a flush failed, which leaves its request. */
	if (READ_ONCE(vcpu->requests) & ~BIT(VH_REQ_EVENT))
		return false;
	if (likely(!vcpu->alone) && vh_test_request(vcpu, VH_REQ_EVENT))
		prepare_events(vcpu);
	return true;
}

/* What of the host's state may have changed since the last window. */
static void host_refresh(struct vh_vmx *vmx)
{
	unsigned long v;

	v = read_cr0();
	if (v != vmx->host_cr0)
		vmcs_write(HOST_CR0, vmx->host_cr0 = v);
	v = __read_cr3();
	if (v != vmx->host_cr3)
		vmcs_write(HOST_CR3, vmx->host_cr3 = v);
	v = __read_cr4();
	if (v != vmx->host_cr4)
		vmcs_write(HOST_CR4, vmx->host_cr4 = v);
	v = x86_fsbase_read_cpu();
	if (v != vmx->host_fs_base)
		vmcs_write(HOST_FS_BASE, vmx->host_fs_base = v);
}

static void tsc_refresh(struct vh_vcpu *vcpu)
{
	struct vh_vmx *vmx = vcpu->vmx;
	s64 offset = vcpu->tsc_offset;

	if (unlikely(READ_ONCE(vh_tsc_lost)))
		offset += vh_tsc_scaled(vh_tsc_lost, vcpu->tsc_scale);
	if (unlikely(vmx->tsc_offset != offset)) {
		vmx->tsc_offset = offset;
		vmcs_write(TSC_OFFSET, offset);
	}
	if (unlikely(vmx->tsc_scale != vcpu->tsc_scale)) {
		vmx->tsc_scale = vcpu->tsc_scale;
		if (vmx->tsc_scale) {
			vmcs_write(TSC_MULTIPLIER, vmx->tsc_scale);
			vmx_set_proc2(vmx, vmx->proc2 | SECONDARY_EXEC_TSC_SCALING);
		} else {
			vmx_set_proc2(vmx, vmx->proc2 & ~SECONDARY_EXEC_TSC_SCALING);
		}
	}
}

/*
 * Debug registers: the host's breakpoints are put aside, and the guest's go in
 * when its DR7 enables any. MOV DR always exits, so s.dr[] is what counts.
 */
struct host_debug {
	unsigned long dr[4], dr6, dr7;
	u64 debugctl;
	unsigned long active, guest, any;
};

static void debug_enter(struct vh_vcpu *vcpu, struct host_debug *h)
{
	const u64 *dr = vcpu->s.dr;

	h->debugctl = get_debugctlmsr();
	h->active = hw_breakpoint_active();
	h->guest = vcpu->s.dr7 & 0xff;
	h->any = h->debugctl | h->active | h->guest;
	if (likely(!(h->active | h->guest)))
		return;
	get_debugreg(h->dr[0], 0);
	get_debugreg(h->dr[1], 1);
	get_debugreg(h->dr[2], 2);
	get_debugreg(h->dr[3], 3);
	get_debugreg(h->dr6, 6);
	get_debugreg(h->dr7, 7);
	set_debugreg(0, 7);
	if (h->guest) {
		set_debugreg(dr[0], 0);
		set_debugreg(dr[1], 1);
		set_debugreg(dr[2], 2);
		set_debugreg(dr[3], 3);
		set_debugreg(vcpu->s.dr6, 6);
	}
}

static void debug_leave(struct vh_vcpu *vcpu, struct host_debug *h)
{
	if (likely(!h->any))
		return;
	if (h->debugctl)
		update_debugctlmsr(h->debugctl);	/* an exit clears it */
	if (!(h->active | h->guest))
		return;
	if (h->guest) {
		unsigned long dr6;

		get_debugreg(dr6, 6);
		vcpu->s.dr6 = dr6;
	}
	if (!VH_BROKEN(dr))
		set_debugreg(h->dr[0], 0);
	set_debugreg(h->dr[1], 1);
	set_debugreg(h->dr[2], 2);
	set_debugreg(h->dr[3], 3);
	set_debugreg(h->dr6, 6);
	set_debugreg(h->dr7, 7);
}

/*
 * All that accounting adds to an exit. A module built with VH_ACCT=0 has none
 * of it: tests/bench shows the difference. acct/counters.c reads the sum.
 */
static __always_inline void vmx_count_entry(struct vh_vcpu *vcpu)
{
	if (VH_ACCT)
		vcpu->guest_tsc -= rdtsc();	/* one instruction writes it */
}

static __always_inline void vmx_count_exit(struct vh_vcpu *vcpu)
{
	if (VH_ACCT)
		vcpu->guest_tsc += rdtsc();
}

static __always_inline void vmx_count_reason(struct vh_vcpu *vcpu, u32 basic)
{
	if (VH_ACCT)	/* a reason above ends the run: what it counts as does not matter */
		vcpu->exits[basic % VH_EXIT_COUNTERS]++;
}

/*
 * The entry did not happen. What it was to inject is due again; the processor
 * leaves it in the field, where the next entry would find it (SDM 27.8).
 */
static noinline enum vh_window entry_undone(struct vh_vcpu *vcpu)
{
	struct vh_idt_vectoring v = { .info = vmcs_read(VM_ENTRY_INTR_INFO_FIELD) };

	if (v.info & INTR_INFO_VALID_MASK) {
		if (v.info & INTR_INFO_DELIVER_CODE_MASK)
			v.error = vmcs_read(VM_ENTRY_EXCEPTION_ERROR_CODE);
		v.insn_len = vmcs_read(VM_ENTRY_INSTRUCTION_LEN);
		vmcs_write(VM_ENTRY_INTR_INFO_FIELD, 0);
		vh_events_requeue(vcpu, &v);
	}
	return VH_WIN_FAILED;
}

static noinline enum vh_window window_lost(struct vh_vmx *vmx)
{
	vmx->lost = true;
	return VH_WIN_LOST;
}

/* What the reason reads as when it cannot be read: no processor's, with the entry-failure bit. */
#define VMX_NO_REASON	0xffffffff

/* The entry was checked, and failed (SDM 27.8). */
static noinline enum vh_window entry_refused(struct vh_vcpu *vcpu)
{
	struct vh_exit *x = &vcpu->exit;

	if (x->reason == VMX_NO_REASON)
		return window_lost(vcpu->vmx);
	/* One during the entry is not delivered (SDM 27.9): the host's too. */
	if ((x->reason & 0xffff) == EXIT_REASON_MCE_DURING_VMENTRY)
		vcpu->vmx->host_event |= VMX_HOST_MC;
	x->qualification = vmcs_read(EXIT_QUALIFICATION);
	return entry_undone(vcpu);
}

/*
 * With context tracking (nohz_full=) the kernel takes a CPU that is in a guest for idle: RCU does not
 * look, so from its guest_enter to its guest_exit nothing may be traced or probed.
 */
static noinstr int enter_tracked(struct vh_vcpu *vcpu)
{
	int failed;

	context_tracking_guest_enter();
	vmx_count_entry(vcpu);
	failed = vmx_mitigate_and_enter(vcpu, vcpu->vmx);
	vmx_count_exit(vcpu);
	context_tracking_guest_exit();
	return failed;
}

static __always_inline int enter(struct vh_vcpu *vcpu)
{
	int failed;

	if (vmx_fault(VMX_I_ENTER))
		return 1;
	if (context_tracking_enabled())
		return enter_tracked(vcpu);
	vmx_count_entry(vcpu);
	failed = vmx_mitigate_and_enter(vcpu, vcpu->vmx);
	vmx_count_exit(vcpu);
	return failed;
}

/* Enter until an exit needs more than this window can do. */
static enum vh_window enter_loop(struct vh_vcpu *vcpu)
{
	struct vh_vmx *vmx = vcpu->vmx;
	struct vh_exit *x = &vcpu->exit;
	u32 basic;
	int failed;

	for (;;) {
		if (unlikely(READ_ONCE(vcpu->requests)) && !honour_requests(vcpu))
			return unlikely(vmx->lost) ? VH_WIN_LOST : VH_WIN_BREAK;
		vmx_step(vcpu);
		if (vcpu->dirty) {
			vmx_write_state(vcpu, vcpu->dirty);
			vcpu->dirty = 0;
		}
		if (unlikely(vcpu->s.cr2 != native_read_cr2()))
			native_write_cr2(vcpu->s.cr2);
		vmx_witness_entry(vcpu);
		trace_vh_entry(vcpu->id);
		vh_bound_end(VH_BOUND_WINDOW);
		failed = enter(vcpu);
		vh_bound_begin(VH_BOUND_WINDOW);
		vmx_witness_left();
		if (unlikely(failed)) {
			x->reason = 0;
			x->fail_code = vmcs_read(VM_INSTRUCTION_ERROR);
			/* Without an error number the VMCS was not current, or VMX not on. */
			return x->fail_code ? entry_undone(vcpu) : window_lost(vmx);
		}
		vcpu->s.cr2 = native_read_cr2();
		vcpu->valid &= ~VOLATILE_STATE;
		x->reason = vmcs_read_or(VM_EXIT_REASON, VMX_NO_REASON);
		if (vmx_fault(VMX_I_MCE_ENTRY))
			x->reason = VMX_EXIT_REASONS_FAILED_VMENTRY | EXIT_REASON_MCE_DURING_VMENTRY;
		vmx_witness_exit(vcpu);
		basic = x->reason & 0xffff;
		if (vmx_fault(VMX_I_BUS_LOCK))
			x->reason |= VMX_EXIT_BUS_LOCK;
		if (unlikely(x->reason & (VMX_EXIT_REASONS_FAILED_VMENTRY | VMX_EXIT_BUS_LOCK))) {
			if (x->reason & VMX_EXIT_REASONS_FAILED_VMENTRY)
				return entry_refused(vcpu);
			/* Userspace is told of it before the guest goes on. */
			x->reason &= ~VMX_EXIT_BUS_LOCK;
			vh_request(vcpu, VH_REQ_BUS_LOCK);
		}
		/* Not before: an entry that fails leaves the launch state as it was (SDM 27.8). */
		vmx->launched = true;
		vmx_count_reason(vcpu, basic);
		trace_vh_exit(vcpu->id, x->reason);

		if (basic == EXIT_REASON_EXTERNAL_INTERRUPT) {
			/* Acknowledged by the exit: the host's as soon as the window has closed. */
			if (vmx_caps.posted)
				vmx->host_vector = vmcs_read(VM_EXIT_INTR_INFO);
			return VH_WIN_AGAIN;
		}
		if (vmx_fault(VMX_I_MCE)) {
			is_host_event(vcpu, INTR_INFO_VALID_MASK | INTR_TYPE_HARD_EXCEPTION | 18);
			return VH_WIN_AGAIN;
		}
		if (basic == EXIT_REASON_EXCEPTION_NMI &&
		    is_host_event(vcpu, vmcs_read(VM_EXIT_INTR_INFO)))
			return VH_WIN_AGAIN;
		if (vmx_fault(VMX_I_NOTIFY)) {
			*x = (struct vh_exit){ .reason = EXIT_REASON_NOTIFY, .qualification = NOTIFY_VM_CONTEXT_INVALID };
			read_vectoring(vcpu, 0);
			return VH_WIN_EXIT;
		}
		if (vmx_fast_exit(vcpu)) {
			if (unlikely(vcpu->debug) && vmx_fast_stepped(vcpu))
				return VH_WIN_EXIT;
			continue;
		}
		if (likely(basic < VH_NR_EXIT_REASONS) && (exit_needs[basic] & N_IDTV))
			read_vectoring(vcpu, basic);
		read_exit(vcpu);
		return VH_WIN_EXIT;
	}
}

/*
 * May an interrupt have been acknowledged whose vector is not known? Then its
 * fields could not be read, or the exit was taken for a failed entry.
 */
static bool acknowledged_unread(const struct vh_vcpu *vcpu, enum vh_window result)
{
	return result == VH_WIN_FAILED || result == VH_WIN_LOST ||
	       (vcpu->exit.reason == EXIT_REASON_EXTERNAL_INTERRUPT && result == VH_WIN_AGAIN &&
		!vcpu->vmx->host_vector);
}

static void window_close(struct vh_vcpu *vcpu)
{
	vmx_witness_drained(vcpu);
	smp_store_release(&vcpu->mode, VH_OUTSIDE);
	vmx_root_end();
	vmx_witness_host_check();
	vh_bound_end(VH_BOUND_WINDOW);
}

/**
 * vh_window_run - enter the guest, come back with an exit for the slow path
 * @vcpu: the vCPU
 *
 * Inside a section (vh_vmx_load()), interrupts on. The host's interrupts that
 * ended the guest's run are taken when this returns: they are on again.
 */
enum vh_window vh_window_run(struct vh_vcpu *vcpu)
{
	struct vh_vmx *vmx = vcpu->vmx;
	struct host_debug debug __uninitialized;
	enum vh_window result;

	local_irq_disable();
	vh_bound_begin(VH_BOUND_WINDOW);
	vmx_witness_host_save();
	/* The section was made for one provider. */
	if (unlikely(__this_cpu_read(vmx_root_state) != vmx->root || !vmx_root_begin())) {
		local_irq_enable();
		return VH_WIN_NO_ROOT;
	}
	vcpu->cpu = smp_processor_id();
	/* Full barrier: see the top of this file. */
	smp_store_mb(vcpu->mode, VH_IN_GUEST);
	if (vcpu->lapic && vh_lapic_posted(vcpu))
		vh_request(vcpu, VH_REQ_EVENT);
	if (unlikely(vh_work_pending() || vh_immediate_exit(vcpu->run))) {
		window_close(vcpu);
		local_irq_enable();
		return VH_WIN_BREAK;
	}
	if (unlikely(__this_cpu_read(vmx_current) != vmx && !vmx_make_current(vcpu))) {
		window_close(vcpu);
		local_irq_enable();
		return VH_WIN_LOST;
	}
	host_refresh(vmx);
	tsc_refresh(vcpu);
	debug_enter(vcpu, &debug);
	if (unlikely(vmx->root == VMX_ROOT_BESIDE))
		vmx_msrs_window_enter(vcpu);
	vh_fpu_window_enter(vcpu);
	vtime_account_guest_enter();
	vmx_mitigate_window(vmx);
	vmx_perf_enter(vmx);

	result = enter_loop(vcpu);

	if (unlikely(vmx_pml_on(vmx)) && !vmx->lost)
		vmx_pml_drain(vcpu);
	if (unlikely(vmx->root == VMX_ROOT_BESIDE))
		vmx_msrs_window_leave();
	vh_fpu_window_leave(vcpu);
	vmx_perf_leave(vmx);
	if (unlikely(vmx->host_event))
		host_event(vmx);
	debug_leave(vcpu, &debug);
	window_close(vcpu);
	if (vmx_caps.posted && unlikely(acknowledged_unread(vcpu, result)))
		vmx_host_interrupts();
	if (result == VH_WIN_AGAIN) {
		if (vmx->host_vector) {
			vmx_host_interrupt(vmx->host_vector);
			vmx->host_vector = 0;
		}
		/* The interrupt is taken here, on the guest's account; STI works one insn late. */
		local_irq_enable();
		asm volatile("nop");
		local_irq_disable();
		/* As good as a turn through user mode: no RCU reader is on this CPU. */
		rcu_note_context_switch(false);
	}
	vtime_account_guest_exit();
	local_irq_enable();
	return result;
}

/**
 * vmx_fetch - read groups of state that the last exit did not bring along
 * @vcpu: the vCPU
 * @groups: VH_S_* groups
 *
 * Own thread, interrupts on, inside or outside a section. Waits while this
 * CPU is out of VMX operation (hotplug, suspend), but not for a process that
 * was killed. When the VMCS cannot be read the state is lost, and the VM ends.
 */
void vmx_fetch(struct vh_vcpu *vcpu, u32 groups)
{
	bool ok = false, on = true;

	while (!vcpu->lost) {
		preempt_disable();
		if (vcpu->vmx->cpu != smp_processor_id())
			vmx_release_remote(vcpu->vmx);
		local_irq_disable();
		vmx_witness_host_save();
		if (likely(vmx_root_begin())) {
			ok = vmx_make_current(vcpu);
			if (ok)
				vmx_read_state(vcpu, groups);
			/* -1 in every VMCS of vh's: this one can be read, or all of it was not. */
			ok = ok && vmcs_read(VMCS_LINK_POINTER) == -1UL;
			vmx_root_end();
			vmx_witness_host_check();
			local_irq_enable();
			preempt_enable();
			break;
		}
		local_irq_enable();
		preempt_enable();
		on = !fatal_signal_pending(current);
		if (!on)
			break;
		schedule_timeout_killable(1);
	}
	if (unlikely(!ok)) {
		/* Nobody will ask again. */
		vcpu->valid |= groups;
		vcpu->lost = true;
		if (on)
			vh_vm_lost(vcpu);
	}
}
