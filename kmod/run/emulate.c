// SPDX-License-Identifier: GPL-2.0-only
/*
 * emulate.c - the interpreter's view of the VM: its memory, registers and devices.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <uapi/linux/kvm_para.h>
#include <asm/vmx.h>

#include "../compat/split_lock.h"
#include "../tsc.h"
#include "internal.h"

static struct vh_vcpu *vcpu_of(struct vh_emul *e)
{
	return container_of(e, struct vh_exec, e)->vcpu;
}

static u32 access_of(struct vh_emul *e, u32 access, bool system)
{
	if (system)
		return access | VH_ACC_IMPLICIT;
	return e->cpl == 3 ? access | VH_ACC_USER : access;
}

/* vh_gva_to_gpa() has failed. */
static int not_translated(int err)
{
	return err == -EFAULT ? VH_EMUL_FAULT :
	       err == -EINTR ? VH_EMUL_RETRY : VH_EMUL_UNHANDLED;
}

/* vh_gpa_*() have: nothing is behind the memslot, or there is a signal to be handled first. */
static int not_reached(int err)
{
	return err == -EINTR ? VH_EMUL_RETRY : VH_EMUL_UNHANDLED;
}

/* Each page of [linear, +len): translate, then RAM or device. */
static int linear_access(struct vh_emul *e, u64 linear, void *buf, unsigned int len, u32 access)
{
	struct vh_vcpu *vcpu = vcpu_of(e);
	bool write = access & VH_ACC_WRITE;
	gpa_t gpa[2];
	unsigned int part[2], n = 0, i, left = len;
	u64 at = linear;
	int err;

	/* Both pages of a crossing access must translate before either is touched. */
	while (left) {
		if (n == 2)
			return VH_EMUL_UNHANDLED;
		part[n] = min_t(unsigned int, left, PAGE_SIZE - offset_in_page(at));
		err = vh_gva_to_gpa(vcpu, at, access, &gpa[n], &e->fault);
		if (err)
			return not_translated(err);
		at += part[n];
		left -= part[n];
		n++;
	}
	if (vh_breakpoints_on(vcpu) && !(access & VH_ACC_IMPLICIT))
		vh_data_breakpoint(vcpu, linear, len, write);
	for (i = 0; i < n; i++) {
		unsigned int done = 0;

		err = write ? vh_gpa_write(vcpu, gpa[i], buf, part[i]) :
			      vh_gpa_read(vcpu, gpa[i], buf, part[i]);
		if (err && err != -ENXIO)
			return not_reached(err);
		/* Devices are asked for naturally aligned pieces of up to 8 bytes. */
		while (err && done < part[i]) {
			unsigned int piece = min(part[i] - done, 8u);
			int r;

			if (part[i] - done < 8 && !is_power_of_2(piece) && part[i] == len)
				piece = rounddown_pow_of_two(piece);
			r = vh_access_device(vcpu, gpa[i] + done, buf + done, piece, write,
					     false);
			if (r)
				return r;
			done += piece;
		}
		buf += part[i];
	}
	return VH_EMUL_OK;
}

static int op_fetch(struct vh_emul *e, u64 linear, void *buf, unsigned int len)
{
	struct vh_vcpu *vcpu = vcpu_of(e);
	u32 access = access_of(e, VH_ACC_EXEC, false);
	gpa_t gpa;
	int err;

	while (len) {
		unsigned int part = min_t(unsigned int, len, PAGE_SIZE - offset_in_page(linear));

		err = vh_gva_to_gpa(vcpu, linear, access, &gpa, &e->fault);
		if (err)
			return not_translated(err);
		err = vh_gpa_read(vcpu, gpa, buf, part);
		if (err)
			return not_reached(err);
		linear += part;
		buf += part;
		len -= part;
	}
	return VH_EMUL_OK;
}

static int op_read(struct vh_emul *e, u64 linear, void *buf, unsigned int len, bool system)
{
	return linear_access(e, linear, buf, len, access_of(e, VH_ACC_READ, system));
}

static int op_write(struct vh_emul *e, u64 linear, const void *buf, unsigned int len, bool system)
{
	return linear_access(e, linear, (void *)buf, len, access_of(e, VH_ACC_WRITE, system));
}

/**
 * vh_emulate_linear - memory of the instruction being emulated, at a linear address
 * @vcpu: the vCPU
 * @linear: where
 * @buf: from or to
 * @len: bytes, in two pages at most
 * @write: direction
 *
 * Own thread, interrupts on. VH_EMUL_*; an exception is in the interpreter's context.
 */
int vh_emulate_linear(struct vh_vcpu *vcpu, u64 linear, void *buf, unsigned int len, bool write)
{
	struct vh_emul *e = &vcpu->exec->e;

	return linear_access(e, linear, buf, len,
			     access_of(e, write ? VH_ACC_WRITE : VH_ACC_READ, false));
}

/* FAULT, USER when any of it is a device, OK when it is all RAM; touches nothing. */
static int op_probe(struct vh_emul *e, u64 linear, unsigned int len, bool write, bool system)
{
	struct vh_vcpu *vcpu = vcpu_of(e);
	u32 access = access_of(e, write ? VH_ACC_WRITE : VH_ACC_READ, system);
	int err, r = VH_EMUL_OK;
	gpa_t gpa;

	while (len) {
		unsigned int part = min_t(unsigned int, len, PAGE_SIZE - offset_in_page(linear));

		err = vh_gva_to_gpa(vcpu, linear, access, &gpa, &e->fault);
		if (err)
			return not_translated(err);
		/* The fault of a page behind the device comes first. */
		if (!vh_gpa_is_ram(vcpu, gpa, write))
			r = VH_EMUL_USER;
		linear += part;
		len -= part;
	}
	return r;
}

static int op_cmpxchg(struct vh_emul *e, u64 linear, u64 *old, u64 new, unsigned int len,
		      bool system)
{
	struct vh_vcpu *vcpu = vcpu_of(e);
	u64 expected = *old, now = 0;
	bool atomic = is_power_of_2(len) && offset_in_page(linear) + len <= PAGE_SIZE;
	gpa_t gpa;
	int err;

	/* A split lock of the kernel's own is the kernel's end where they are detected. */
	if (vh_split_lock_detected() && (linear & 63) + len > 64)
		atomic = false;
	err = vh_gva_to_gpa(vcpu, linear, access_of(e, VH_ACC_WRITE, system), &gpa, &e->fault);
	if (err)
		return not_translated(err);
	if (atomic && vh_gpa_is_ram(vcpu, gpa, true)) {
		if (vh_breakpoints_on(vcpu) && !system)
			vh_data_breakpoint(vcpu, linear, len, true);
		err = vh_gpa_cmpxchg(vcpu, gpa, old, new, len);
		return err && err != -EAGAIN ? not_reached(err) : VH_EMUL_OK;
	}
	/* Devices have no atomic accesses: a read and a write, of what was read if it does not match (SDM Vol. 2, CMPXCHG). */
	err = op_read(e, linear, &now, len, system);
	if (err)
		return err;
	*old = now;
	if (now != expected) {
		if (vh_gpa_is_ram(vcpu, gpa, true))
			return VH_EMUL_OK;
		new = now;
	}
	return op_write(e, linear, &new, len, system);
}

/* Few instructions look at GDTR, IDTR, LDTR and TR: they are fetched when one does. */
static void op_tables(struct vh_emul *e)
{
	vh_need(vcpu_of(e), VH_S_TABLES);
}

static int op_io(struct vh_emul *e, u16 port, void *data, unsigned int len, bool write)
{
	return vh_access_device(vcpu_of(e), port, data, len, write, true);
}

static int op_io_rep(struct vh_emul *e, u16 port, u64 linear, unsigned int size,
		     unsigned int *count, bool write)
{
	return vh_access_string(vcpu_of(e), port, linear, size, count, write);
}

/* SDM Vol. 1, 19.5.2: IOPL, else the TSS's I/O permission bit map. */
static int op_io_allowed(struct vh_emul *e, u16 port, unsigned int len)
{
	const struct kvm_segment *tr = &e->seg[VH_TR];
	bool vm86 = e->rflags & X86_EFLAGS_VM;
	u16 base = 0, bits = 0;
	int r;

	if (!(e->cr0 & X86_CR0_PE) || (!vm86 && e->cpl <= ((e->rflags >> 12) & 3)))
		return VH_EMUL_OK;
	op_tables(e);
	if (tr->limit >= 103) {
		r = op_read(e, tr->base + 102, &base, 2, true);
		if (r)
			return r;
		if (base + port / 8 + 1 <= tr->limit) {
			r = op_read(e, tr->base + base + port / 8, &bits, 2, true);
			if (r)
				return r;
			if (!((bits >> (port & 7)) & ((1 << len) - 1)))
				return VH_EMUL_OK;
		}
	}
	e->fault = (struct vh_fault){ .vector = 13 };
	return VH_EMUL_FAULT;
}

static void op_set_seg(struct vh_emul *e, unsigned int n, const struct kvm_segment *seg)
{
	struct vh_vcpu *vcpu = vcpu_of(e);

	if (n >= VH_LDTR)
		vh_need(vcpu, VH_S_TABLES);
	vcpu->s.seg[n] = *seg;
	vh_dirty(vcpu, n >= VH_LDTR ? VH_S_TABLES : VH_S_SEGS);
}

static void op_set_table(struct vh_emul *e, bool idt, u64 base, u16 limit)
{
	struct vh_vcpu *vcpu = vcpu_of(e);
	struct kvm_dtable *t = idt ? &vcpu->s.idt : &vcpu->s.gdt;

	vh_need(vcpu, VH_S_TABLES);
	t->base = base;
	t->limit = limit;
	vh_dirty(vcpu, VH_S_TABLES);
}

static int op_cpuid(struct vh_emul *e)
{
	struct vh_vcpu *vcpu = vcpu_of(e);

	/* It works on s.gpr, which the step overwrites with e->gpr at its end. */
	memcpy(vcpu->s.gpr, e->gpr, 4 * sizeof(u64));
	vh_cpuid_exec(vcpu);
	memcpy(e->gpr, vcpu->s.gpr, 4 * sizeof(u64));
	return VH_EMUL_OK;
}

/* --- task switches: of emul/task.c --- */

/* Paging as the new task's: CR3, if it is another one (SDM 4.10.4.1), and EFLAGS.AC. */
static int task_enter(struct vh_emul *e, bool has_cr3, u64 cr3)
{
	struct vh_vcpu *vcpu = vcpu_of(e);
	struct vh_exec *exec = vcpu->exec;
	struct vh_cpu_state *s = &vcpu->s;

	vh_need(vcpu, VH_S_CR0 | VH_S_CR3 | VH_S_CR4);
	exec->task_rflags = s->rflags;
	exec->task_cr3 = s->cr3;
	memcpy(exec->task_pdptr, s->pdptr, sizeof(s->pdptr));
	if (has_cr3 && (s->cr0 & X86_CR0_PG) && cr3 != s->cr3 && vh_cr_write(vcpu, 3, cr3))
		return -EINVAL;
	s->rflags = e->rflags;
	vh_dirty(vcpu, VH_S_RFLAGS);
	return 0;
}

static void task_undo(struct vh_emul *e)
{
	struct vh_vcpu *vcpu = vcpu_of(e);
	struct vh_exec *exec = vcpu->exec;
	struct vh_cpu_state *s = &vcpu->s;

	s->rflags = exec->task_rflags;
	if (s->cr3 == exec->task_cr3)
		return;
	s->cr3 = exec->task_cr3;
	memcpy(s->pdptr, exec->task_pdptr, sizeof(s->pdptr));
	vh_dirty(vcpu, VH_S_CR3);
	vh_mmu_new_paging(vcpu);
	vh_mmu_flush(vcpu, VH_FLUSH_PCID, 0);
}

/* SDM Vol. 3, 2.5 and 18.2.4. */
static void task_done(struct vh_emul *e)
{
	struct vh_vcpu *vcpu = vcpu_of(e);
	struct vh_cpu_state *s = &vcpu->s;
	const u64 local = BIT(0) | BIT(2) | BIT(4) | BIT(6) | BIT(8);

	vh_need(vcpu, VH_S_CR0 | VH_S_DR7);
	s->cr0 |= X86_CR0_TS;
	vh_dirty(vcpu, VH_S_CR0);
	if (*vh_own_dr7(vcpu) & local) {
		*vh_own_dr7(vcpu) &= ~local;
		vh_dirty(vcpu, VH_S_DR7);
	}
}

static int op_system(struct vh_emul *e, enum vh_emul_sys what, unsigned int n, u64 *val)
{
	struct vh_vcpu *vcpu = vcpu_of(e);
	int err = 0;

	switch (what) {
	case VH_SYS_CR_READ:
		err = vh_cr_read(vcpu, n, val);
		break;
	case VH_SYS_CR_WRITE:
		err = vh_cr_write(vcpu, n, *val);
		break;
	case VH_SYS_MSR_READ:
	case VH_SYS_MSR_WRITE:
		err = vh_access_msr(vcpu, n, val, what == VH_SYS_MSR_WRITE);
		if (err == VH_EMUL_USER || err == VH_EMUL_RETRY)
			return err;
		break;
	case VH_SYS_CPUID:
		return op_cpuid(e);
	case VH_SYS_TSC_READ:
		*val = vh_tsc_read(vcpu);
		break;
	case VH_SYS_INVLPG:
		vh_mmu_invlpg(vcpu, *val);
		break;
	case VH_SYS_TASK_CHECK:
		vh_need(vcpu, VH_S_CR3);
		err = n && *val != vcpu->s.cr3 && !vh_cr3_loadable(vcpu, *val) ? -EINVAL : 0;
		break;
	case VH_SYS_TASK_ENTER:
		err = task_enter(e, n, *val);
		break;
	case VH_SYS_TASK_UNDO:
		task_undo(e);
		break;
	case VH_SYS_TASK_DONE:
		task_done(e);
		break;
	case VH_SYS_DR_READ:
	case VH_SYS_DR_WRITE:
		if (vh_debug_guards_dr(vcpu))
			return VH_EMUL_RETRY;
		return vh_dr_access(vcpu, n, what == VH_SYS_DR_WRITE, val, &e->fault) ? VH_EMUL_OK :
											 VH_EMUL_FAULT;
	case VH_SYS_INT3:
		return vh_debug_breakpoint(vcpu, e->d.next_rip - e->rip) ? VH_EMUL_RETRY : VH_EMUL_OK;
	case VH_SYS_RSM:
		return vcpu->smm ? VH_EMUL_RSM : VH_EMUL_OK;
	case VH_SYS_VMCALL:
		/* As the exit's (vmx/fast.c). */
		*val = e->cpl ? -KVM_EPERM : -KVM_ENOSYS;
		break;
	}
	if (!err) {
		/* The TPR, or which interrupts are there, may have changed. */
		if (what == VH_SYS_CR_WRITE || what == VH_SYS_MSR_WRITE)
			vh_request(vcpu, VH_REQ_EVENT);
		return VH_EMUL_OK;
	}
	e->fault = (struct vh_fault){ .vector = 13 };
	return VH_EMUL_FAULT;
}

static void op_fpu_read(struct vh_emul *e, struct vh_fx *fx)
{
	BUILD_BUG_ON(sizeof(*fx) != sizeof(struct fxregs_state));
	memcpy(fx, vh_fpu_legacy(vcpu_of(e), false), sizeof(*fx));
}

static void op_fpu_write(struct vh_emul *e, const struct vh_fx *fx)
{
	memcpy(vh_fpu_legacy(vcpu_of(e), true), fx, offsetof(struct vh_fx, unused));
}

static void op_vec_read(struct vh_emul *e, unsigned int n, u8 val[64])
{
	vh_fpu_vector_get(vcpu_of(e), n, val);
}

static void op_vec_write(struct vh_emul *e, unsigned int n, const u8 val[64], unsigned int len)
{
	vh_fpu_vector_set(vcpu_of(e), n, val, len);
}

static void op_with_fpu(struct vh_emul *e, void (*fn)(void *arg), void *arg)
{
	vh_fpu_call(fn, arg);
}

static bool op_has(struct vh_emul *e, unsigned int feature)
{
	/* Some are executed here: a VMM may promise what this processor does not have. */
	return vh_cpuid_has(vcpu_of(e), feature) && vh_cpuid_host_has(feature);
}

static const struct vh_emul_ops emul_ops = {
	.vec_read = op_vec_read, .vec_write = op_vec_write, .fpu_read = op_fpu_read,
	.fpu_write = op_fpu_write, .with_fpu = op_with_fpu, .has = op_has,
	.set_seg = op_set_seg, .set_table = op_set_table, .tables = op_tables, .system = op_system,
	.fetch = op_fetch, .read = op_read, .write = op_write, .cmpxchg = op_cmpxchg,
	.io = op_io, .io_allowed = op_io_allowed, .probe = op_probe, .io_rep = op_io_rep,
};

/* To userspace: flags, the instruction's bytes if there are any, and what the exit was, as KVM orders it. */
static int tell_failure(struct vh_vcpu *vcpu, const struct vh_emul *e, u8 len)
{
	const struct vh_exit *x = &vcpu->exit;
	struct kvm_run *run = vcpu->run;
	unsigned int n = 1;

	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->emulation_failure.suberror = KVM_INTERNAL_ERROR_EMULATION;
	run->emulation_failure.flags = len ? KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES : 0;
	if (len) {
		run->emulation_failure.insn_size = len;
		memset(run->emulation_failure.insn_bytes, 0x90, sizeof(run->emulation_failure.insn_bytes));
		memcpy(run->emulation_failure.insn_bytes, e->insn, len);
		n += (1 + sizeof(run->emulation_failure.insn_bytes)) / sizeof(u64);
	}
	run->internal.data[n++] = x->reason;
	run->internal.data[n++] = x->qualification;
	run->internal.data[n++] = x->vectoring;
	run->internal.data[n++] = x->intr_info;
	run->internal.data[n++] = x->intr_error;
	run->internal.ndata = n;
	return 0;
}

/*
 * The instruction is not one that is interpreted, or cannot be fetched. It may have
 * been rewritten since the exit, or memory come where there was none: the guest is
 * entered again. That it fails a second time as it stands is the guest's own doing:
 * of user code #UD, as on KVM, for that never ends a VM, unless userspace has asked to be told.
 * Where the guest cannot be entered as it is, the processor is lent the instruction.
 */
static int emulation_failed(struct vh_vcpu *vcpu, const struct vh_emul *e)
{
	u8 len = min_t(u8, e->insn_len, sizeof(e->insn));
	struct vh_exec *exec = vcpu->exec;

	if (exec->lendable) {
		int r = vh_access_to_user(vcpu);

		exec->lend = r == 1;
		return r;
	}
	if (!exec->failed || exec->failed_rip != e->rip || exec->failed_len != len ||
	    memcmp(exec->failed_insn, e->insn, len)) {
		exec->failed = true;
		exec->failed_rip = e->rip;
		exec->failed_len = len;
		memcpy(exec->failed_insn, e->insn, len);
		return vh_access_to_user(vcpu);
	}
	exec->failed = false;
	if (e->cpl && !READ_ONCE(vcpu->vm->user_emulation_failure)) {
		vh_inject_ud(vcpu);
		return vh_access_to_user(vcpu);
	}
	vh_access_reset(vcpu);
	return tell_failure(vcpu, e, len);
}

/* The vCPU's state into the interpreter. */
static void emul_begin(struct vh_vcpu *vcpu)
{
	struct vh_cpu_state *s = &vcpu->s;
	struct vh_emul *e = &vcpu->exec->e;

	vh_need(vcpu, VH_S_EMUL);
	memcpy(e->gpr, s->gpr, sizeof(e->gpr));
	e->rip = s->rip;
	e->rflags = s->rflags;
	e->seg = s->seg;
	e->gdt = &s->gdt;
	e->idt = &s->idt;
	e->cr0 = s->cr0;
	e->cr4 = s->cr4;
	e->efer = s->efer;
	e->xcr0 = s->xcr0;
	e->cpl = vh_cpl(vcpu);
	/* What userspace has answered to is gone on with, whatever stands there by now. */
	if (!vcpu->exec->accesses.done)
		e->insn_len = 0;
	e->rep_more = false;
	e->sti_shadow = false;
	vcpu->exec->hits = vcpu->exec->step;
	e->single = (s->dr7 & DR7_ENABLES) | vcpu->exec->step;
	vcpu->exec->accesses.next = 0;
}

/* The registers of the instruction that is done, and the end of interrupt shadows. */
static void write_back(struct vh_vcpu *vcpu)
{
	struct vh_cpu_state *s = &vcpu->s;
	struct vh_emul *e = &vcpu->exec->e;
	u32 changed = VH_S_RIP, blocked = s->interruptibility;

	if (s->gpr[VH_RSP] != e->gpr[VH_RSP])
		changed |= VH_S_RSP;
	if (s->rflags != e->rflags)
		changed |= VH_S_RFLAGS;
	memcpy(s->gpr, e->gpr, sizeof(e->gpr));
	s->rip = e->rip;
	s->rflags = e->rflags;
	s->interruptibility &= ~(VH_SHADOW_STI | VH_SHADOW_MOVSS);
	if (e->sti_shadow)
		s->interruptibility |= VH_SHADOW_STI;
	/* Of loads of SS that follow each other the first makes a shadow (Vol. 3, 6.8.3). */
	if (e->mov_ss && !(blocked & VH_SHADOW_MOVSS))
		s->interruptibility |= VH_SHADOW_MOVSS;
	if (e->iret)
		s->interruptibility &= ~VH_BLOCKED_NMI;
	if (e->int1)
		vh_clear_gd(vcpu);
	if (s->interruptibility != blocked)
		changed |= VH_S_INTR;
	vh_dirty(vcpu, changed);
}

/* What cannot be delivered now, or never, waits. */
static int undelivered(struct vh_vcpu *vcpu, const struct vh_injection *inj, int r)
{
	struct vh_idt_vectoring v = { inj->info, inj->error, inj->insn_len };

	vh_events_requeue(vcpu, &v);
	if (r == VH_EMUL_RETRY)
		return 1;
	return vh_internal_error(vcpu, KVM_INTERNAL_ERROR_DELIVERY_EV, inj->info & INTR_INFO_VECTOR_MASK, 0);
}

/* An event is to be delivered by software. */
static struct vh_emul *begin_delivery(struct vh_vcpu *vcpu, const struct vh_injection *inj)
{
	struct vh_emul *e = &vcpu->exec->e;

	vh_access_reset(vcpu);
	emul_begin(vcpu);
	memset(&e->d, 0, sizeof(e->d));
	e->mov_ss = e->iret = e->int1 = e->task = false;
	e->d.mode = (vcpu->s.cr0 & X86_CR0_PE) && e->seg[VH_CS].db ? 4 : 2;
	e->d.next_rip = (u32)(e->rip + inj->insn_len);
	return e;
}

/* It is delivered, but for what its frame is to a device. */
static int end_delivery(struct vh_vcpu *vcpu)
{
	vcpu->exec->accesses.finished = true;
	if (vh_stepping(vcpu))
		vh_debug_stepped(vcpu);
	return vh_access_to_user(vcpu);
}

/**
 * vh_emulate_real_int - deliver an event in real mode by software
 * @vcpu: the vCPU
 * @inj: the event, as vh_inject_select() has chosen it
 *
 * Own thread, interrupts on. Returns as vh_emulate() does. What faults
 * is a shutdown, as in a processor whose vector table is gone.
 */
int vh_emulate_real_int(struct vh_vcpu *vcpu, const struct vh_injection *inj)
{
	struct vh_emul *e = begin_delivery(vcpu, inj);
	int r = vh_emul_real_int(e, inj->info & INTR_INFO_VECTOR_MASK);

	if (r) {
		vh_access_reset(vcpu);
		if (r != VH_EMUL_FAULT)
			return undelivered(vcpu, inj, r);
		vh_request(vcpu, VH_REQ_TRIPLE_FAULT);
		return 1;
	}
	/* The handler's first instruction is not in the shadow of what was interrupted. */
	e->rip = e->d.next_rip;
	write_back(vcpu);
	return end_delivery(vcpu);
}

/**
 * vh_emulate_event - deliver an event in protected mode by software
 * @vcpu: the vCPU, at CPL 0
 * @inj: the event, as vh_inject_select() has chosen it
 *
 * Own thread, interrupts on. Returns as vh_emulate() does.
 */
int vh_emulate_event(struct vh_vcpu *vcpu, const struct vh_injection *inj)
{
	u32 type = inj->info & INTR_INFO_INTR_TYPE_MASK;
	bool soft = type == INTR_TYPE_SOFT_INTR || type == INTR_TYPE_SOFT_EXCEPTION;
	struct vh_emul_event event = {
		.vector = inj->info & INTR_INFO_VECTOR_MASK, .soft = soft, .checked = soft,
		.fault = type == INTR_TYPE_HARD_EXCEPTION && vh_is_fault(inj->info & INTR_INFO_VECTOR_MASK),
		.has_error = inj->info & INTR_INFO_DELIVER_CODE_MASK, .error = inj->error,
	};
	struct vh_emul *e = begin_delivery(vcpu, inj);
	int r = vh_emul_event(e, &event);

	if (r && !e->task)
		vh_access_reset(vcpu);
	if (r && r != VH_EMUL_FAULT)
		return undelivered(vcpu, inj, r);
	if (!r || e->task) {
		e->rip = e->d.next_rip;
		write_back(vcpu);
	}
	if (r) {
		/* The two of them may make a double fault. */
		vcpu->ev.exception_pending = type == INTR_TYPE_HARD_EXCEPTION && !e->task;
		vh_inject_fault(vcpu, &e->fault);
	} else if (e->task) {
		vh_inject_trap(vcpu, e->task_traps);
	}
	return end_delivery(vcpu);
}

/**
 * vh_emulate_redirects - is INT n of vm86, whose delivery was cut short, the program's own (CR4.VME)?
 * @vcpu: the vCPU
 * @vector: n
 *
 * Own thread, interrupts on.
 */
bool vh_emulate_redirects(struct vh_vcpu *vcpu, u8 vector)
{
	bool answer;

	vh_need(vcpu, VH_S_RFLAGS | VH_S_CR4);
	if (!(vcpu->s.rflags & X86_EFLAGS_VM) || !(vcpu->s.cr4 & X86_CR4_VME))
		return false;
	emul_begin(vcpu);
	return !vh_emul_redirects(&vcpu->exec->e, vector, &answer) && answer;
}

/**
 * vh_emulate_task - switch tasks, as an exit asks for
 * @vcpu: the vCPU
 * @t: what to do
 * @len: bytes of the instruction that asked for it, 0 for faults and interrupts
 *
 * Own thread, interrupts on. As vh_emul_task_switch(), with the vCPU's registers changed; traps
 * and exceptions are left in the interpreter's context.
 */
int vh_emulate_task(struct vh_vcpu *vcpu, const struct vh_task_switch *t, u8 len)
{
	struct vh_emul *e = &vcpu->exec->e;
	int r;

	emul_begin(vcpu);
	memset(&e->d, 0, sizeof(e->d));
	e->mov_ss = e->iret = e->int1 = false;
	e->d.mode = e->seg[VH_CS].db ? 4 : 2;
	e->d.next_rip = (u32)(e->rip + len);
	r = vh_emul_task_switch(e, t);
	vh_access_reset(vcpu);
	if (!e->task)
		return r == VH_EMUL_USER ? VH_EMUL_UNHANDLED : r;
	e->rip = e->d.next_rip;
	write_back(vcpu);
	return r;
}

static void nmis_unblock(struct vh_vcpu *vcpu)
{
	vcpu->s.interruptibility &= ~VH_BLOCKED_NMI;
	vh_dirty(vcpu, VH_S_INTR);
}

/**
 * vh_emulate - execute the instruction at RIP for the guest
 * @vcpu: the vCPU
 *
 * Own thread, interrupts on. Returns 1 to enter the guest again, 0 with
 * vcpu->run filled to go to userspace.
 */
int vh_emulate(struct vh_vcpu *vcpu)
{
	struct vh_emul *e = &vcpu->exec->e;
	int r;

	emul_begin(vcpu);
	r = vh_emul_step(e);
	if (r == VH_EMUL_USER)
		return vh_access_to_user(vcpu);
	vh_make_mistake(e, r);
	vcpu->exec->accesses.finished = true;
	switch (r) {
	case VH_EMUL_OK:
		write_back(vcpu);
		if (e->task)
			vh_inject_trap(vcpu, e->task_traps);
		else if (unlikely(e->trap || vcpu->exec->hits))
			vh_inject_trap(vcpu, (e->trap ? BIT(14) : 0) | vh_data_breakpoints_met(vcpu));
		if (unlikely(vcpu->exec->hits & VH_HIT_STEP))
			vh_debug_stepped(vcpu);
		if (e->halted && !e->trap)
			return vh_halt(vcpu);
		return vh_access_to_user(vcpu);
	case VH_EMUL_FAULT:
		if (e->task)
			write_back(vcpu);
		else if (unlikely(e->iret))
			nmis_unblock(vcpu);
		vh_inject_fault(vcpu, &e->fault);
		return vh_access_to_user(vcpu);
	case VH_EMUL_RETRY:
		return vh_access_to_user(vcpu);
	case VH_EMUL_RSM:
		vh_access_reset(vcpu);
		return vh_smi_return(vcpu);
	}
	return emulation_failed(vcpu, e);
}

/**
 * vh_emulate_is_rsm - is the instruction at RIP RSM?
 * @vcpu: the vCPU; no instruction is under way
 *
 * Own thread, interrupts on. Nothing is executed. VH_EMUL_RSM, VH_EMUL_RETRY, or else it is not.
 */
int vh_emulate_is_rsm(struct vh_vcpu *vcpu)
{
	struct vh_emul *e = &vcpu->exec->e;
	int r;

	emul_begin(vcpu);
	r = vh_emul_decode(e);
	return !r && e->d.opcode_map == 2 && e->d.opcode == 0xaa ? VH_EMUL_RSM : r;
}

/**
 * vh_run_create - what run/ keeps of a new vCPU
 * @vcpu: the vCPU
 *
 * Process context. -ENOMEM.
 */
int vh_run_create(struct vh_vcpu *vcpu)
{
	struct vh_exec *exec = kzalloc(sizeof(*exec), GFP_KERNEL_ACCOUNT);

	if (!exec)
		return -ENOMEM;
	exec->vcpu = vcpu;
	vcpu->ev.int3_len = 1;
	exec->e.ops = &emul_ops;
	exec->e.has_smap = boot_cpu_has(X86_FEATURE_SMAP);
	vcpu->exec = exec;
	return 0;
}

/**
 * vh_run_destroy - undo vh_run_create()
 * @vcpu: the vCPU
 */
void vh_run_destroy(struct vh_vcpu *vcpu)
{
	kfree(vcpu->exec);
	vcpu->exec = NULL;
}

/**
 * vh_run_abandon - the instruction that userspace was answering is not gone on with
 * @vcpu: the vCPU
 *
 * Own thread. Userspace has moved RIP away from it.
 */
void vh_run_abandon(struct vh_vcpu *vcpu)
{
	vcpu->exec->complete = NULL;
	memset(&vcpu->exec->accesses, 0, sizeof(vcpu->exec->accesses));
	vcpu->owes_write = false;
}
