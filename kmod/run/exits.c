// SPDX-License-Identifier: GPL-2.0-only
/*
 * exits.c - exits that leave the window, by basic reason (SDM Vol. 3, Appendix C).
 *
 * Handlers run in process context on plain memory. They return 1 to enter the
 * guest again, 0 with vcpu->run filled to go to userspace, or a negative errno.
 */
#include <linux/sched.h>
#include <asm/vmx.h>

#include "../trace.h"
#include "../compat/kvm.h"
#include "../compat/split_lock.h"
#include "internal.h"

#define DB_VECTOR	1
#define BP_VECTOR	3
#define UD_VECTOR	6
#define AC_VECTOR	17
#define DF_VECTOR	8
#define TS_VECTOR	10
#define GP_VECTOR	13

/**
 * vh_skip - the instruction that caused the exit is done
 * @vcpu: the vCPU
 *
 * Own thread. RIP moves on, the interrupt shadow ends, a single-stepping
 * guest gets its #DB.
 */
void vh_skip(struct vh_vcpu *vcpu)
{
	struct vh_cpu_state *s = &vcpu->s;

	vh_need(vcpu, VH_S_RIP | VH_S_RFLAGS | VH_S_INTR);
	s->rip += vcpu->exit.insn_len;
	if (!(s->efer & EFER_LMA))
		s->rip = (u32)s->rip;
	vh_dirty(vcpu, VH_S_RIP);
	if (s->interruptibility & (VH_SHADOW_STI | VH_SHADOW_MOVSS)) {
		s->interruptibility &= ~(VH_SHADOW_STI | VH_SHADOW_MOVSS);
		vh_dirty(vcpu, VH_S_INTR);
	}
	if (unlikely(s->rflags & X86_EFLAGS_TF)) {
		vh_need(vcpu, VH_S_PENDING_DB);
		s->pending_db |= VH_PENDING_DB_STEP;
		vh_dirty(vcpu, VH_S_PENDING_DB);
	}
	if (unlikely(vh_stepping(vcpu)))
		vh_debug_stepped(vcpu);
}

/**
 * vh_internal_error - end this run with KVM_EXIT_INTERNAL_ERROR
 * @vcpu: the vCPU
 * @suberror: KVM_INTERNAL_ERROR_*
 * @data0: first word for userspace
 * @data1: second word for userspace
 */
int vh_internal_error(struct vh_vcpu *vcpu, u32 suberror, u64 data0, u64 data1)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->internal.suberror = suberror;
	run->internal.ndata = 2;
	run->internal.data[0] = data0;
	run->internal.data[1] = data1;
	vh_vm_crashed(vcpu->vm, VH_CRASH_INTERNAL_ERROR);
	return 0;
}

/**
 * vh_cpl - the privilege level of what the guest executes
 * @vcpu: the vCPU
 *
 * Own thread, interrupts on.
 */
u8 vh_cpl(struct vh_vcpu *vcpu)
{
	const struct vh_cpu_state *s = &vcpu->s;

	vh_need(vcpu, VH_S_CR0 | VH_S_RFLAGS | VH_S_SEGS);
	if (!(s->cr0 & X86_CR0_PE))
		return 0;
	return s->rflags & X86_EFLAGS_VM ? 3 : s->seg[VH_SS].dpl;
}

/**
 * vh_undeliverable - the frame or the gate of an event is in a device
 * @vcpu: the vCPU; an event was being delivered
 * @where: second word for userspace
 *
 * Own thread, interrupts on. What the interpreter can deliver it does: at CPL 0, and INT n
 * that stays in vm86. Else the end of this run, but for an event that came in user code: a
 * double fault, whose own frame is the kernel's affair (SDM Table 6-5).
 */
int vh_undeliverable(struct vh_vcpu *vcpu, u64 where)
{
	if (vh_can_lend(vcpu))
		return vh_deliver_by_software(vcpu);
	if (!vh_cpl(vcpu))
		return vh_internal_error(vcpu, KVM_INTERNAL_ERROR_DELIVERY_EV, vcpu->exit.reason, where);
	/* INT n is the guest's to repeat. */
	if (vcpu->ev.irq_soft && vcpu->ev.irq_reinject) {
		vcpu->ev.irq_reinject = false;
		if (vh_emulate_redirects(vcpu, vcpu->ev.irq_vector))
			return vh_emulate(vcpu);
	}
	vh_inject_fault(vcpu, &(struct vh_fault){ .vector = DF_VECTOR });
	return 1;
}

/**
 * vh_memory_fault - nothing is behind a memslot: tell where
 * @vcpu: the vCPU
 * @gpa: in the page
 *
 * -EFAULT, for KVM_RUN to return, with KVM_EXIT_MEMORY_FAULT beside it.
 */
int vh_memory_fault(struct vh_vcpu *vcpu, gpa_t gpa)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_MEMORY_FAULT;
	*vh_memory_fault_of(run) = (struct vh_memory_fault){ .gpa = gpa & PAGE_MASK, .size = PAGE_SIZE };
	return -EFAULT;
}

/* 0: done, skip; 1: #GP raised. */
static int gp_or_skip(struct vh_vcpu *vcpu, int err)
{
	if (err)
		vh_inject_gp(vcpu, 0);
	else
		vh_skip(vcpu);
	return 1;
}

/* Does the guest have alignment checked where it is (SDM Vol. 3, 6.15, interrupt 17)? */
static bool checks_alignment(struct vh_vcpu *vcpu)
{
	vh_need(vcpu, VH_S_CR0 | VH_S_RFLAGS);
	return (vcpu->s.cr0 & X86_CR0_AM) && (vcpu->s.rflags & X86_EFLAGS_AC) && vh_cpl(vcpu) == 3;
}

/* #AC that the guest did not ask for: it is the host that detects split locks. */
static int exit_split_lock(struct vh_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	vh_need(vcpu, VH_S_RIP);
	if (vh_split_lock(vcpu->s.rip))
		return 1;
	run->exit_reason = KVM_EXIT_EXCEPTION;
	run->ex.exception = AC_VECTOR;
	run->ex.error_code = 0;
	return 0;
}

static int exit_exception(struct vh_vcpu *vcpu)
{
	struct vh_exit *x = &vcpu->exit;
	u8 vector = x->intr_info & INTR_INFO_VECTOR_MASK;
	struct vh_fault f = {
		.vector = vector,
		.error = x->intr_error,
	};

	if (vector == 14)
		return vh_exit_page_fault(vcpu);
	if (vector == AC_VECTOR && VH_SPLIT_LOCK_HANDLED && vh_split_lock_detected() && !checks_alignment(vcpu))
		return exit_split_lock(vcpu);
	if (vector == UD_VECTOR && vcpu->smm)
		return vh_smi_exit_ud(vcpu);
	/* Given to the guest when it exits for a debugger that has gone since. */
	if (vector == BP_VECTOR) {
		if (!vh_debug_breakpoint(vcpu, x->insn_len))
			vh_inject_soft(vcpu, vector, x->insn_len);
		return 1;
	}
	/* SDM 28.2.1: the exit qualification of #DB is what DR6 would get. */
	if (vector == DB_VECTOR) {
		bool int1 = (x->intr_info & INTR_INFO_INTR_TYPE_MASK) == INTR_TYPE_PRIV_SW_EXCEPTION;
		u64 all = x->qualification & (15 | VH_DR6_BD | BIT(14)), own = vh_debug_trap(vcpu, all);

		if (own != all && !own)
			return 1;
		vcpu->s.dr6 = (vcpu->s.dr6 & ~15ULL) | own;
		vh_clear_gd(vcpu);
		/* INT1 is trap-like and has a length. */
		if (int1) {
			vh_inject_soft(vcpu, vector, x->insn_len);
			return 1;
		}
	}
	vh_inject_fault(vcpu, &f);
	return 1;
}

static int exit_triple_fault(struct vh_vcpu *vcpu)
{
	vh_vm_crashed(vcpu->vm, VH_CRASH_TRIPLE_FAULT);
	vcpu->run->exit_reason = KVM_EXIT_SHUTDOWN;
	return 0;
}

/* The one instruction is done, or the event delivered: a debugger's step, or the debug build's "interpret". */
static int exit_step(struct vh_vcpu *vcpu)
{
	if (vh_stepping(vcpu))
		vh_debug_stepped(vcpu);
	return 1;
}

static int exit_irq_window(struct vh_vcpu *vcpu)
{
	/* Userspace's interrupt controllers: is it waiting for this moment? */
	if (vh_wants_window(vcpu)) {
		vcpu->run->exit_reason = KVM_EXIT_IRQ_WINDOW_OPEN;
		return 0;
	}
	vh_request(vcpu, VH_REQ_EVENT);
	return 1;
}

/**
 * vh_halt - HLT is done: wait for an event, here or in userspace
 * @vcpu: the vCPU
 *
 * Results as vh_handle_exit().
 */
int vh_halt(struct vh_vcpu *vcpu)
{
	if (!vcpu->lapic) {
		vcpu->run->exit_reason = KVM_EXIT_HLT;
		return 0;
	}
	vcpu->mp_state = KVM_MP_STATE_HALTED;
	return 1;
}

/* A trap that is due behind HLT ends it at once. */
static int exit_hlt(struct vh_vcpu *vcpu)
{
	bool shadow;

	vh_need(vcpu, VH_S_INTR);
	shadow = vcpu->s.interruptibility & VH_SHADOW_MOVSS;	/* a breakpoint may wait beneath */
	vh_skip(vcpu);
	if (unlikely(shadow || (vcpu->s.rflags & X86_EFLAGS_TF))) {
		vh_need(vcpu, VH_S_PENDING_DB);
		if (vcpu->s.pending_db & (VH_PENDING_DB_ENABLED | VH_PENDING_DB_STEP))
			return 1;
	}
	return vh_halt(vcpu);
}

static int exit_ud(struct vh_vcpu *vcpu)
{
	vh_inject_ud(vcpu);
	return 1;
}

/* MONITOR and MWAIT do nothing: which is one of the things that they may do. */
static int exit_mwait(struct vh_vcpu *vcpu)
{
	if (!vh_has_quirk(vcpu->vm, KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS) && !vh_cpuid_has(vcpu, VH_HAS_MWAIT))
		return exit_ud(vcpu);
	vh_skip(vcpu);
	return 1;
}

static int exit_gp(struct vh_vcpu *vcpu)
{
	vh_inject_gp(vcpu, 0);
	return 1;
}

/* --- control and debug registers (SDM Tables 28-3, 28-4) --- */

static u64 gpr_read(struct vh_vcpu *vcpu, int reg)
{
	if (reg == VH_RSP)
		vh_need(vcpu, VH_S_RSP);
	return vcpu->s.gpr[reg];
}

static void gpr_write(struct vh_vcpu *vcpu, int reg, u64 value)
{
	vcpu->s.gpr[reg] = value;
	if (reg == VH_RSP)
		vh_dirty(vcpu, VH_S_RSP);
}

/* Outside 64-bit mode MOV CR and MOV DR have 32-bit operands. */
static u64 operand_mask(struct vh_vcpu *vcpu)
{
	if (!(vcpu->s.efer & EFER_LMA))
		return 0xffffffff;
	vh_need(vcpu, VH_S_SEGS);
	return vcpu->s.seg[VH_CS].l ? ~0ULL : 0xffffffff;
}

static int mov_to_cr(struct vh_vcpu *vcpu, int cr, u64 value)
{
	int err = vh_cr_write(vcpu, cr, value);

	gp_or_skip(vcpu, err);
	if (err || cr != 8 || vcpu->lapic)
		return 1;
	vcpu->run->exit_reason = KVM_EXIT_SET_TPR;
	return 0;
}

static int exit_cr(struct vh_vcpu *vcpu)
{
	u64 qual = vcpu->exit.qualification, value;
	int cr = qual & 15, reg = (qual >> 8) & 15;

	switch ((qual >> 4) & 3) {
	case 0:
		return mov_to_cr(vcpu, cr, gpr_read(vcpu, reg) & operand_mask(vcpu));
	case 1:
		if (vh_cr_read(vcpu, cr, &value))
			return exit_ud(vcpu);
		gpr_write(vcpu, reg, value & operand_mask(vcpu));
		vh_skip(vcpu);
		return 1;
	case 2:		/* CLTS */
		vh_need(vcpu, VH_S_CR0);
		return mov_to_cr(vcpu, 0, vcpu->s.cr0 & ~X86_CR0_TS);
	default:	/* LMSW: PE can be set, never cleared */
		vh_need(vcpu, VH_S_CR0);
		value = (qual >> 16) & 15;
		return mov_to_cr(vcpu, 0, (vcpu->s.cr0 & ~14ULL) | value);
	}
}

/**
 * vh_dr_access - MOV DR, of the processor's or of the interpreter's
 * @vcpu: the vCPU
 * @dr: 0 to 7
 * @write: direction
 * @value: from or to
 * @f: the exception, when there is one
 *
 * Own thread, interrupts on. The exit comes before the checks of CPL and of CR4.DE (SDM Vol. 3, 26.1.3).
 * Returns false when @f is to be injected.
 */
bool vh_dr_access(struct vh_vcpu *vcpu, int dr, bool write, u64 *value, struct vh_fault *f)
{
	struct vh_cpu_state *s = &vcpu->s;

	vh_need(vcpu, VH_S_CR4 | VH_S_DR7);
	if (dr == 4 || dr == 5) {
		if (s->cr4 & X86_CR4_DE) {
			*f = (struct vh_fault){ .vector = UD_VECTOR };
			return false;
		}
		dr += 2;
	}
	*f = (struct vh_fault){ .vector = GP_VECTOR };
	if (vh_cpl(vcpu))
		return false;
	if (*vh_own_dr7(vcpu) & VH_DR7_GD) {	/* the access itself traps */
		s->dr6 |= VH_DR6_BD;
		vh_clear_gd(vcpu);
		*f = (struct vh_fault){ .vector = DB_VECTOR };
		return false;
	}
	if (!write) {
		*value = dr < 4 ? vh_own_dr(vcpu)[dr] : dr == 6 ? s->dr6 : *vh_own_dr7(vcpu);
		return true;
	}
	if (dr >= 6 && *value >> 32)
		return false;
	if (dr < 4) {
		vh_own_dr(vcpu)[dr] = *value;
	} else if (dr == 6) {
		s->dr6 = (*value & 0xe00f) | 0xffff0ff0;
	} else {
		*vh_own_dr7(vcpu) = (*value & VH_DR7_WRITABLE) | VH_DR7_FIXED;
		vh_dirty(vcpu, VH_S_DR7);
	}
	return true;
}

static int exit_dr(struct vh_vcpu *vcpu)
{
	u64 qual = vcpu->exit.qualification, value;
	int dr = qual & 7, reg = (qual >> 8) & 15;
	bool read = qual & BIT(4);
	struct vh_fault f;

	if (unlikely(vcpu->debug) && vh_debug_guards_dr(vcpu))
		return 1;
	value = gpr_read(vcpu, reg) & operand_mask(vcpu);
	if (!vh_dr_access(vcpu, dr, !read, &value, &f)) {
		vh_inject_fault(vcpu, &f);
		return 1;
	}
	if (read)
		gpr_write(vcpu, reg, value & operand_mask(vcpu));
	vh_skip(vcpu);
	return 1;
}

/* --- ports --- */

static int complete_in(struct vh_vcpu *vcpu)
{
	unsigned int len = vcpu->run->io.size;	/* what we wrote there is also in the exit */
	u32 data = 0;

	len = (vcpu->exit.qualification & 7) + 1;
	memcpy(&data, vcpu->pio_data, len);
	if (len == 4)
		vcpu->s.gpr[VH_RAX] = data;
	else
		memcpy(&vcpu->s.gpr[VH_RAX], &data, len);
	vh_skip(vcpu);
	return 1;
}

static int complete_out(struct vh_vcpu *vcpu)
{
	vh_skip(vcpu);
	return 1;
}

static int exit_io(struct vh_vcpu *vcpu)
{
	u64 qual = vcpu->exit.qualification;
	struct kvm_run *run = vcpu->run;
	unsigned int len = (qual & 7) + 1;
	bool in = qual & BIT(3);
	u16 port = qual >> 16;
	u32 data = vcpu->s.gpr[VH_RAX];

	if (qual & BIT(4))
		return vh_emulate(vcpu);	/* INS, OUTS */
	trace_vh_pio(vcpu->id, !in, port, len, 1);
	/* The chips have been asked in the window. */
	if (!in && vh_bus_pio_watched(vcpu, port, &data, len)) {
		vh_skip(vcpu);
		return 1;
	}
	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = len;
	run->io.port = port;
	run->io.count = 1;
	run->io.data_offset = PAGE_SIZE;
	vcpu->exec->complete = in ? complete_in : complete_out;
	if (!in) {
		*(u32 *)vcpu->pio_data = data;	/* what is beyond @len is of no concern */
		/* What userspace sees of this port's are the registers behind the instruction. */
		if (unlikely(port == 0x7e) && vh_has_quirk(vcpu->vm, KVM_X86_QUIRK_OUT_7E_INC_RIP)) {
			vh_skip(vcpu);
			vcpu->exec->complete = NULL;
		}
	}
	return 0;
}

/* --- MSRs --- */

/* #GP, unless userspace has asked for what ends so: with it the interpreter knows how to deal. */
static int msr_refused(struct vh_vcpu *vcpu, u32 reason)
{
	return READ_ONCE(vcpu->vm->user_msr) & reason ? vh_emulate(vcpu) : exit_gp(vcpu);
}

static int exit_rdmsr(struct vh_vcpu *vcpu)
{
	u64 value = 0;
	u32 reason = vh_msr_guest(vcpu, vcpu->s.gpr[VH_RCX], &value, false);

	if (reason)
		return msr_refused(vcpu, reason);
	vcpu->s.gpr[VH_RAX] = (u32)value;
	vcpu->s.gpr[VH_RDX] = value >> 32;
	vh_skip(vcpu);
	return 1;
}

static int exit_wrmsr(struct vh_vcpu *vcpu)
{
	u64 *gpr = vcpu->s.gpr, value = (u32)gpr[VH_RAX] | gpr[VH_RDX] << 32;
	u32 reason = vh_msr_guest(vcpu, gpr[VH_RCX], &value, true);

	if (reason)
		return msr_refused(vcpu, reason);
	vh_request(vcpu, VH_REQ_EVENT);
	vh_skip(vcpu);
	return 1;
}

static int exit_xsetbv(struct vh_vcpu *vcpu)
{
	u64 *gpr = vcpu->s.gpr;
	int err = -EINVAL;

	if ((u32)gpr[VH_RCX] == 0)
		err = vh_xcr0_set(vcpu, (u32)gpr[VH_RAX] | gpr[VH_RDX] << 32);
	if (!err)
		vh_cpuid_refresh(vcpu);
	return gp_or_skip(vcpu, err);
}

/* --- memory --- */

/*
 * Of a walk of the guest's tables, in read-only memory, that need not write: it counts as a write where EPT has
 * accessed and dirty bits (SDM 29.3.5). Once a VM is without them what is left are the guest's own flags to be set.
 */
static bool reads_table(struct vh_vcpu *vcpu)
{
	const u64 walk = EPT_VIOLATION_GVA_IS_VALID, what = walk | EPT_VIOLATION_GVA_TRANSLATED;

	return (vcpu->exit.qualification & what) == walk && READ_ONCE(vcpu->vm->mmu->ad) &&
	       vh_gpa_is_ram(vcpu, vcpu->exit.gpa, false);
}

static int exit_ept_violation(struct vh_vcpu *vcpu)
{
	struct vh_exit *x = &vcpu->exit;
	u32 access = x->qualification & 7;
	int r;

	BUILD_BUG_ON(VH_ACC_READ != 1 || VH_ACC_WRITE != 2 || VH_ACC_EXEC != 4);
	trace_vh_fault(vcpu->id, x->gpa, access);
	r = vh_mmu_fault(vcpu, x->gpa, access | vcpu->nowait);
	if (unlikely(r == VH_FAULT_LATER))
		r = vh_page_comes_later(vcpu) ? 0 : vh_mmu_fault(vcpu, x->gpa, access);
	/* The loop sees the signal. */
	if (r == 0 || r == VH_FAULT_RETRY || r == -EINTR)
		return 1;
	if (r != VH_FAULT_MMIO)
		return r == -EFAULT ? vh_memory_fault(vcpu, x->gpa) : r;
	if (reads_table(vcpu)) {
		vh_ept_drop_ad(vcpu->vm);
		return 1;
	}
	if (vh_delivering(vcpu))
		return vh_undeliverable(vcpu, x->gpa);
	return vh_emulate(vcpu);
}

/* The guest let no event in for as long as its VMM allows. With an invalid context it cannot go on. */
static int exit_notify(struct vh_vcpu *vcpu)
{
	bool invalid = vcpu->exit.qualification & NOTIFY_VM_CONTEXT_INVALID;

	if (!invalid && !(vcpu->vm->notify_flags & KVM_X86_NOTIFY_VMEXIT_USER))
		return 1;
	vcpu->run->exit_reason = KVM_EXIT_NOTIFY;
	vcpu->run->notify.flags = invalid ? KVM_NOTIFY_CONTEXT_INVALID : 0;
	return 0;
}

/* Behind the instruction that made it; nothing to skip. */
static int exit_bus_lock(struct vh_vcpu *vcpu)
{
	vh_request(vcpu, VH_REQ_BUS_LOCK);
	return 1;
}

static int exit_apic_access(struct vh_vcpu *vcpu)
{
	if (vh_delivering(vcpu))
		return vh_undeliverable(vcpu, vcpu->exit.qualification);
	return vh_emulate(vcpu);
}

/* What is not done in the window; trap-like, so that there is nothing to skip (SDM 30.4.3.2). */
static int exit_apic_write(struct vh_vcpu *vcpu)
{
	vh_lapic_apic_write(vcpu, vcpu->exit.qualification & 0xff0);
	vh_request(vcpu, VH_REQ_EVENT);
	if (vh_stepping(vcpu))
		vh_debug_stepped(vcpu);
	return 1;
}

/* Never made by vh: the tables are damaged. This VM ends here, the host does not. */
static int exit_ept_misconfig(struct vh_vcpu *vcpu)
{
	if (!test_and_set_bit(VH_CTL_DEAD, &vcpu->vm->control))
		vh_err("VM %u: EPT misconfiguration at gpa %#llx; the VM is stopped\n",
		       vcpu->vm->rec->id, vcpu->exit.gpa);
	return vh_internal_error(vcpu, KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON,
				 vcpu->exit.reason, vcpu->exit.gpa);
}

/* The window has drained the log. */
static int exit_pml_full(struct vh_vcpu *vcpu)
{
	return 1;
}

/* A guest spins on a lock whose holder may be waiting for a CPU: let that one run. */
static int exit_pause(struct vh_vcpu *vcpu)
{
	struct vh_vm *vm = vcpu->vm;
	unsigned int n = smp_load_acquire(&vm->nr_vcpus), i;

	vh_skip(vcpu);
	for (i = 1; i < n; i++) {
		struct vh_vcpu *other = vh_vcpu_at(vm, (vcpu->idx + i) % n);
		struct task_struct *task = NULL;
		struct pid *pid;
		bool yielded = false;

		if (READ_ONCE(other->mode) == VH_IN_GUEST || rcuwait_active(&other->wait))
			continue;
		rcu_read_lock();
		pid = rcu_dereference(other->pid);
		if (pid)
			task = get_pid_task(pid, PIDTYPE_PID);
		rcu_read_unlock();
		if (!task)
			continue;
		yielded = yield_to(task, true) > 0;
		put_task_struct(task);
		if (yielded)
			break;
	}
	cond_resched();
	return 1;
}

/* The event that led to a task switch, as vh_events_requeue() has noted it; bytes of its instruction. */
static u8 gate_event(struct vh_vcpu *vcpu, struct vh_task_switch *t)
{
	const struct vh_events *ev = &vcpu->ev;

	switch (vcpu->exit.vectoring & VECTORING_INFO_TYPE_MASK) {
	case INTR_TYPE_SOFT_INTR:
	case INTR_TYPE_SOFT_EXCEPTION:
		return vcpu->exit.insn_len;
	case INTR_TYPE_PRIV_SW_EXCEPTION:
		t->external = true;
		return vcpu->exit.insn_len;
	case INTR_TYPE_HARD_EXCEPTION:
		t->fault = vh_is_fault(ev->exception.vector);
		t->push = vh_has_error_code(ev->exception.vector);
		t->error = ev->exception.error;
		break;
	}
	t->external = true;
	return 0;
}

/* It is in its handler. One that is not, and is no exception, is lost to what happened instead. */
static void gate_event_done(struct vh_vcpu *vcpu, bool delivered)
{
	struct vh_events *ev = &vcpu->ev;

	switch (vcpu->exit.vectoring & VECTORING_INFO_TYPE_MASK) {
	case INTR_TYPE_EXT_INTR:
	case INTR_TYPE_SOFT_INTR:
		ev->irq_reinject = false;
		break;
	case INTR_TYPE_NMI_INTR:
		ev->nmi_reinject = false;
		vh_need(vcpu, VH_S_INTR);
		vcpu->s.interruptibility |= VH_BLOCKED_NMI;
		vh_dirty(vcpu, VH_S_INTR);
		break;
	default:
		if (delivered)
			ev->exception_pending = ev->exception_reinject = ev->exception_soft = false;
	}
}

/*
 * What is in the way of a task switch is no exception: a TSS or a table in a device, or nothing there.
 * User code gets what a selector that is no task's gives: #TS of an IRET with NT, which it may set, else #GP.
 */
static int no_task_switch(struct vh_vcpu *vcpu, const struct vh_task_switch *t)
{
	struct vh_fault f = {
		.vector = t->source == VH_TASK_IRET ? TS_VECTOR : GP_VECTOR,
		.error = t->sel & ~3,
	};

	if (!vh_cpl(vcpu))
		return vh_internal_error(vcpu, KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON,
					 vcpu->exit.reason, vcpu->exit.qualification);
	if (t->source == VH_TASK_GATE) {
		gate_event_done(vcpu, false);
		if (t->external)
			f = (struct vh_fault){ .vector = DF_VECTOR };
	}
	vh_inject_fault(vcpu, &f);
	return 1;
}

/* The processor has looked at gates and the new TSS's descriptor (SDM Vol. 3, 26.4.2); the qualification: Table 28-2. */
static int exit_task_switch(struct vh_vcpu *vcpu)
{
	u64 qual = vcpu->exit.qualification;
	struct vh_task_switch t = { .sel = qual, .source = (qual >> 30) & 3 };
	struct vh_emul *e = &vcpu->exec->e;
	bool gate = t.source == VH_TASK_GATE && (vcpu->exit.vectoring & VECTORING_INFO_VALID_MASK);
	u8 len = vcpu->exit.insn_len;
	int r;

	if (gate)
		len = gate_event(vcpu, &t);
	r = vh_emulate_task(vcpu, &t, len);
	if (r == VH_EMUL_RETRY)
		return 1;
	if (t.source == VH_TASK_IRET && (vcpu->s.interruptibility & VH_BLOCKED_NMI)) {
		/* Also when it faults. */
		vcpu->s.interruptibility &= ~VH_BLOCKED_NMI;
		vh_dirty(vcpu, VH_S_INTR);
	}
	if (r == VH_EMUL_UNHANDLED)
		return no_task_switch(vcpu, &t);
	if (gate)
		gate_event_done(vcpu, r == VH_EMUL_OK);
	if (r == VH_EMUL_FAULT)
		vh_inject_fault(vcpu, &e->fault);
	else
		vh_inject_trap(vcpu, e->task_traps);
	if (vh_stepping(vcpu))
		vh_debug_stepped(vcpu);
	return 1;
}

static int (*const handlers[VH_NR_EXIT_REASONS])(struct vh_vcpu *vcpu) = {
	[EXIT_REASON_EXCEPTION_NMI]	= exit_exception,
	[EXIT_REASON_TRIPLE_FAULT]	= exit_triple_fault,
	[EXIT_REASON_TASK_SWITCH]	= exit_task_switch,
	[EXIT_REASON_INTERRUPT_WINDOW]	= exit_irq_window,
	[EXIT_REASON_HLT]		= exit_hlt,
	[EXIT_REASON_RDPMC]		= exit_gp,
	[EXIT_REASON_VMCLEAR]		= exit_ud,
	[EXIT_REASON_VMLAUNCH]		= exit_ud,
	[EXIT_REASON_VMPTRLD]		= exit_ud,
	[EXIT_REASON_VMPTRST]		= exit_ud,
	[EXIT_REASON_VMREAD]		= exit_ud,
	[EXIT_REASON_VMRESUME]		= exit_ud,
	[EXIT_REASON_VMWRITE]		= exit_ud,
	[EXIT_REASON_VMOFF]		= exit_ud,
	[EXIT_REASON_VMON]		= exit_ud,
	[EXIT_REASON_INVEPT]		= exit_ud,
	[EXIT_REASON_INVVPID]		= exit_ud,
	[EXIT_REASON_VMFUNC]		= exit_ud,
	[EXIT_REASON_ENCLS]		= exit_ud,
	[EXIT_REASON_RDRAND]		= exit_ud,
	[EXIT_REASON_RDSEED]		= exit_ud,
	[EXIT_REASON_CR_ACCESS]		= exit_cr,
	[EXIT_REASON_DR_ACCESS]		= exit_dr,
	[EXIT_REASON_IO_INSTRUCTION]	= exit_io,
	[EXIT_REASON_MSR_READ]		= exit_rdmsr,
	[EXIT_REASON_MSR_WRITE]		= exit_wrmsr,
	[EXIT_REASON_MONITOR_TRAP_FLAG]	= exit_step,
	[EXIT_REASON_MWAIT_INSTRUCTION]	= exit_mwait,
	[EXIT_REASON_MONITOR_INSTRUCTION] = exit_mwait,
	[EXIT_REASON_PAUSE_INSTRUCTION]	= exit_pause,
	[EXIT_REASON_APIC_ACCESS]	= exit_apic_access,
	[EXIT_REASON_APIC_WRITE]	= exit_apic_write,
	[EXIT_REASON_EPT_VIOLATION]	= exit_ept_violation,
	[EXIT_REASON_EPT_MISCONFIG]	= exit_ept_misconfig,
	[EXIT_REASON_PML_FULL]		= exit_pml_full,
	[EXIT_REASON_INVLPG]		= vh_exit_invlpg,
	[EXIT_REASON_INVPCID]		= vh_exit_invpcid,
	[EXIT_REASON_XSETBV]		= exit_xsetbv,
	[EXIT_REASON_BUS_LOCK]		= exit_bus_lock,
	[EXIT_REASON_NOTIFY]		= exit_notify,
};

/* Of TDX (SDM Vol. 3, appendix C); 6.1's headers have no names for them. */
#define EXIT_REASON_SEAMCALL_	76
#define EXIT_REASON_TDCALL_	77

/**
 * vh_handle_exit - do what the exit in vcpu->exit asks for
 * @vcpu: the vCPU
 *
 * Own thread, interrupts on, outside the section. Returns 1 to enter the guest
 * again, 0 to return to userspace, or a negative errno. An exit that vh does
 * not know ends this run with KVM_EXIT_INTERNAL_ERROR and the reason; in user
 * code it is an instruction that a newer processor has, and #UD.
 */
int vh_handle_exit(struct vh_vcpu *vcpu)
{
	u32 basic = vcpu->exit.reason & 0xffff;

	if (basic < VH_NR_EXIT_REASONS && handlers[basic])
		return handlers[basic](vcpu);
	if (vh_cpl(vcpu) || basic == EXIT_REASON_SEAMCALL_ || basic == EXIT_REASON_TDCALL_)
		return exit_ud(vcpu);
	return vh_internal_error(vcpu, KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON,
				 vcpu->exit.reason, vcpu->exit.qualification);
}
