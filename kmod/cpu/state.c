// SPDX-License-Identifier: GPL-2.0-only
/*
 * state.c - a vCPU's registers as userspace reads and sets them.
 *
 * What userspace sets must be loadable: a value that would make VM entry fail
 * (SDM Vol. 3, 27.3.1) is -EINVAL here. Control registers are in creg.c.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <asm/processor-flags.h>

#include "internal.h"

/**
 * vh_cpu_create - the processor of a new vCPU
 * @vcpu: the vCPU
 *
 * Process context; vm->lock held. -ENOMEM; vh_cpu_destroy() also then.
 */
int vh_cpu_create(struct vh_vcpu *vcpu)
{
	struct vh_guest_cpu *c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);
	int err;

	if (!c)
		return -ENOMEM;
	vcpu->cpuid = &c->cpuid;
	vcpu->msrs = &c->msrs;
	vcpu->mce = &c->mce;
	vcpu->mce->cap = VH_MCE_BANKS;	/* KVM's vCPUs have them before anybody asks */
	vcpu->clock = &c->clock;
	vcpu->pv = &c->pv;
	vh_pv_init(vcpu);
	vcpu->fpu = &c->fpu;
	err = vh_fpu_create(vcpu);
	if (!err)
		vh_clock_init(vcpu);
	return err;
}

/**
 * vh_cpu_destroy - undo vh_cpu_create()
 * @vcpu: the vCPU
 */
void vh_cpu_destroy(struct vh_vcpu *vcpu)
{
	if (!vcpu->cpuid)
		return;
	vh_apf_destroy(vcpu);
	vh_fpu_destroy(vcpu);
	kvfree(vcpu->cpuid->entry);
	kfree(container_of(vcpu->cpuid, struct vh_guest_cpu, cpuid));
	vcpu->cpuid = NULL;
}

#define DB_VECTOR	1
#define PF_VECTOR	14
#define DR6_BREAKPOINTS	0xfULL
#define DR6_CAUSES	(DR6_BREAKPOINTS | VH_DR6_BD | BIT_ULL(14))

static bool canonical(u64 addr)
{
	return vh_canonical(addr, vh_host_la57());
}

/**
 * vh_regs_get - KVM_GET_REGS
 * @vcpu: the vCPU
 * @r: r
 */
int vh_regs_get(struct vh_vcpu *vcpu, struct kvm_regs *r)
{
	const u64 *g = vcpu->s.gpr;

	vh_need(vcpu, VH_S_RIP | VH_S_RSP | VH_S_RFLAGS);
	*r = (struct kvm_regs){
		.rax = g[VH_RAX], .rbx = g[VH_RBX], .rcx = g[VH_RCX], .rdx = g[VH_RDX],
		.rsi = g[VH_RSI], .rdi = g[VH_RDI], .rsp = g[VH_RSP], .rbp = g[VH_RBP],
		.r8 = g[VH_R8], .r9 = g[VH_R9], .r10 = g[VH_R10], .r11 = g[VH_R11],
		.r12 = g[VH_R12], .r13 = g[VH_R13], .r14 = g[VH_R14], .r15 = g[VH_R15],
		.rip = vcpu->s.rip, .rflags = vcpu->s.rflags,
	};
	return 0;
}

/* Other events are under way than before: an SMI may have waited for those. */
static void look_again(struct vh_vcpu *vcpu)
{
	if (vcpu->ev.smi_pending)
		vh_request(vcpu, VH_REQ_SMI);
	vh_request(vcpu, VH_REQ_EVENT);
}

/**
 * vh_regs_set - KVM_SET_REGS
 * @vcpu: the vCPU
 * @r: r
 */
int vh_regs_set(struct vh_vcpu *vcpu, const struct kvm_regs *r)
{
	u64 *g = vcpu->s.gpr;

	/* Reserved flags: bit 1 is one, the rest zero (SDM 27.3.1.4). */
	g[VH_RAX] = r->rax, g[VH_RBX] = r->rbx, g[VH_RCX] = r->rcx, g[VH_RDX] = r->rdx;
	g[VH_RSI] = r->rsi, g[VH_RDI] = r->rdi, g[VH_RSP] = r->rsp, g[VH_RBP] = r->rbp;
	g[VH_R8] = r->r8, g[VH_R9] = r->r9, g[VH_R10] = r->r10, g[VH_R11] = r->r11;
	g[VH_R12] = r->r12, g[VH_R13] = r->r13, g[VH_R14] = r->r14, g[VH_R15] = r->r15;
	vh_need(vcpu, VH_S_RFLAGS);
	/* Which segments can be entered with changes along: have that looked at. */
	if ((vcpu->s.rflags ^ r->rflags) & X86_EFLAGS_VM) {
		vh_need(vcpu, VH_S_SEGS);
		vh_dirty(vcpu, VH_S_SEGS);
	}
	vcpu->s.rip = r->rip;
	vcpu->s.rflags = (r->rflags & 0x3f7fd5) | X86_EFLAGS_FIXED;
	/* An interrupt shadow has to fit the flags. */
	vh_need(vcpu, VH_S_INTR);
	vh_dirty(vcpu, VH_S_RIP | VH_S_RSP | VH_S_RFLAGS | VH_S_INTR);
	/* A new place to go on from: what was met there is not any more. One that is being delivered is, as on KVM. */
	if (!vcpu->ev.exception_reinject)
		vcpu->ev.exception_pending = false;
	vcpu->s.pending_db = 0;
	vh_dirty(vcpu, VH_S_PENDING_DB);
	look_again(vcpu);
	return 0;
}

/* The part that struct kvm_sregs and struct kvm_sregs2 share. */
#define SREGS_COPY_OUT(vcpu, o) do {						\
	struct vh_cpu_state *s_ = &(vcpu)->s;					\
	vh_need(vcpu, VH_S_CR0 | VH_S_CR3 | VH_S_CR4 | VH_S_EFER | VH_S_SEGS |	\
		      VH_S_TABLES);						\
	(o)->cs = s_->seg[VH_CS]; (o)->ds = s_->seg[VH_DS];			\
	(o)->es = s_->seg[VH_ES]; (o)->fs = s_->seg[VH_FS];			\
	(o)->gs = s_->seg[VH_GS]; (o)->ss = s_->seg[VH_SS];			\
	(o)->tr = s_->seg[VH_TR]; (o)->ldt = s_->seg[VH_LDTR];			\
	(o)->gdt = s_->gdt; (o)->idt = s_->idt;					\
	(o)->cr0 = s_->cr0; (o)->cr2 = s_->cr2; (o)->cr3 = s_->cr3;		\
	(o)->cr4 = s_->cr4; (o)->efer = s_->efer;				\
	(o)->cr8 = vcpu->lapic ? vh_lapic_tpr(vcpu) >> 4 : vcpu->user_cr8;	\
	(o)->apic_base = vcpu->lapic ? vh_lapic_base(vcpu) : vcpu->user_apic_base; \
} while (0)

/**
 * vh_sregs_get - KVM_GET_SREGS
 * @vcpu: the vCPU
 * @s: s
 */
int vh_sregs_get(struct vh_vcpu *vcpu, struct kvm_sregs *s)
{
	SREGS_COPY_OUT(vcpu, s);
	if (!vcpu->lapic && vcpu->user_irq >= 0)
		__set_bit(vcpu->user_irq, (unsigned long *)s->interrupt_bitmap);
	else if (vcpu->ev.irq_reinject && !vcpu->ev.irq_soft)
		__set_bit(vcpu->ev.irq_vector, (unsigned long *)s->interrupt_bitmap);
	return 0;
}

/**
 * vh_sregs2_get - KVM_GET_SREGS2
 * @vcpu: the vCPU
 * @s: s
 */
int vh_sregs2_get(struct vh_vcpu *vcpu, struct kvm_sregs2 *s)
{
	SREGS_COPY_OUT(vcpu, s);
	s->flags = 0;
	if ((s->cr0 & X86_CR0_PG) && (s->cr4 & X86_CR4_PAE) && !(s->efer & EFER_LMA)) {
		memcpy(s->pdptrs, vcpu->s.pdptr, sizeof(s->pdptrs));
		s->flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
	}
	return 0;
}

/*
 * struct creg - control registers to be set together
 */
struct creg {
	u64 cr0, cr3, cr4, efer;
};

static bool cregs_valid(struct vh_vcpu *vcpu, const struct creg *c)
{
	u64 cr0_bits = X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_ET |
		       X86_CR0_NE | X86_CR0_WP | X86_CR0_AM | X86_CR0_NW | X86_CR0_CD | X86_CR0_PG;
	bool lma = c->efer & EFER_LMA;

	if (c->cr0 & ~cr0_bits)
		return false;
	if (((c->cr0 & X86_CR0_PG) && !(c->cr0 & X86_CR0_PE)) ||
	    ((c->cr0 & X86_CR0_NW) && !(c->cr0 & X86_CR0_CD)))
		return false;
	if ((c->cr4 & vcpu->cr4_reserved) || (c->efer & vcpu->cpuid->efer_reserved))
		return false;
	/* Long mode is active exactly when it is enabled and paging is on. */
	if (lma != ((c->efer & EFER_LME) && (c->cr0 & X86_CR0_PG)))
		return false;
	if (lma && !(c->cr4 & X86_CR4_PAE))
		return false;
	if ((c->cr4 & X86_CR4_PCIDE) && !lma)
		return false;
	return !(c->cr3 & ~GENMASK_ULL(vcpu->maxphyaddr - 1, 0));
}

/* SDM 27.3.1.2. That segments fit each other and RFLAGS.VM is left to VM entry. */
static bool sregs_valid(struct vh_vcpu *vcpu, const struct kvm_sregs *n)
{
	const struct creg c = { n->cr0, n->cr3, n->cr4, n->efer };

	if (!cregs_valid(vcpu, &c))
		return false;
	if (!canonical(n->gdt.base) || !canonical(n->idt.base) || !canonical(n->fs.base) ||
	    !canonical(n->gs.base) || !canonical(n->tr.base) ||
	    (!n->ldt.unusable && !canonical(n->ldt.base)))
		return false;
	return !((n->efer & EFER_LMA) && n->cs.l && n->cs.db);
}

static bool pae_paging(const struct kvm_sregs *n)
{
	return (n->cr0 & X86_CR0_PG) && (n->cr4 & X86_CR4_PAE) && !(n->efer & EFER_LMA);
}

/* What is valid becomes the state; PDPTEs are in memory already. */
static void sregs_apply(struct vh_vcpu *vcpu, const struct kvm_sregs *n)
{
	struct vh_cpu_state *s = &vcpu->s;

	vh_need(vcpu, VH_S_ALL);
	s->seg[VH_CS] = n->cs;
	s->seg[VH_DS] = n->ds;
	s->seg[VH_ES] = n->es;
	s->seg[VH_FS] = n->fs;
	s->seg[VH_GS] = n->gs;
	s->seg[VH_SS] = n->ss;
	s->seg[VH_TR] = n->tr;
	s->seg[VH_LDTR] = n->ldt;
	s->gdt = n->gdt;
	s->idt = n->idt;
	s->cr0 = n->cr0 | X86_CR0_ET;
	s->cr2 = n->cr2;
	s->cr3 = n->cr3;
	s->cr4 = n->cr4;
	s->efer = n->efer;
	/* The activity, too: user code is not halted (SDM 27.3.1.5). */
	vh_dirty(vcpu, VH_S_SEGS | VH_S_TABLES | VH_S_CR0 | VH_S_CR3 | VH_S_CR4 | VH_S_EFER | VH_S_INTR);
	vh_cpuid_refresh(vcpu);
	vh_mmu_new_paging(vcpu);
	vh_mmu_flush(vcpu, VH_FLUSH_ALL, 0);
	vh_request(vcpu, VH_REQ_EVENT);
}

/**
 * vh_sregs_load - as KVM_SET_SREGS, by the guest itself (RSM)
 * @vcpu: the vCPU
 * @n: what; the APIC's registers and the pending interrupt do not count
 *
 * Process context; all groups are valid. -EINVAL also for PDPTEs that cannot be loaded: nothing is changed.
 */
int vh_sregs_load(struct vh_vcpu *vcpu, const struct kvm_sregs *n)
{
	if (!sregs_valid(vcpu, n) || (pae_paging(n) && vh_load_pdptrs(vcpu, n->cr3)))
		return -EINVAL;
	sregs_apply(vcpu, n);
	return 0;
}

static int sregs_set(struct vh_vcpu *vcpu, const struct kvm_sregs *n, const u64 *pdptrs)
{
	if (!sregs_valid(vcpu, n) || n->cr8 > 15)
		return -EINVAL;
	if (vcpu->lapic) {
		if (vh_lapic_set_base(vcpu, n->apic_base, true))
			return -EINVAL;
		vh_request(vcpu, VH_REQ_APIC_MODE);
	} else {
		vcpu->user_apic_base = n->apic_base;
	}
	vh_need(vcpu, VH_S_ALL);
	if (pae_paging(n) && pdptrs)
		memcpy(vcpu->s.pdptr, pdptrs, sizeof(vcpu->s.pdptr));
	else if (pae_paging(n))
		/* Memory may not be there yet: absent PDPTEs fault when they are used. */
		if (vh_load_pdptrs(vcpu, n->cr3))
			memset(vcpu->s.pdptr, 0, sizeof(vcpu->s.pdptr));
	sregs_apply(vcpu, n);
	if (vcpu->lapic)
		vh_lapic_set_tpr(vcpu, n->cr8 << 4);
	else
		vcpu->user_cr8 = n->cr8;
	return 0;
}

/**
 * vh_sregs_set - KVM_SET_SREGS
 * @vcpu: the vCPU
 * @s: s
 */
int vh_sregs_set(struct vh_vcpu *vcpu, const struct kvm_sregs *s)
{
	unsigned int bit = find_first_bit((const unsigned long *)s->interrupt_bitmap, 256);
	int err = sregs_set(vcpu, s, NULL);

	if (err)
		return err;
	if (bit < 256) {
		if (vcpu->lapic) {
			vcpu->ev.irq_reinject = true;
			vcpu->ev.irq_soft = false;
			vcpu->ev.irq_vector = bit;
		} else {
			vcpu->user_irq = bit;
		}
	}
	return 0;
}

/**
 * vh_sregs2_set - KVM_SET_SREGS2
 * @vcpu: the vCPU
 * @s: s
 */
int vh_sregs2_set(struct vh_vcpu *vcpu, const struct kvm_sregs2 *s)
{
	struct kvm_sregs one = {
		.cs = s->cs, .ds = s->ds, .es = s->es, .fs = s->fs, .gs = s->gs, .ss = s->ss,
		.tr = s->tr, .ldt = s->ldt, .gdt = s->gdt, .idt = s->idt,
		.cr0 = s->cr0, .cr2 = s->cr2, .cr3 = s->cr3, .cr4 = s->cr4, .cr8 = s->cr8,
		.efer = s->efer, .apic_base = s->apic_base,
	};
	bool pae = (s->cr0 & X86_CR0_PG) && (s->cr4 & X86_CR4_PAE) && !(s->efer & EFER_LMA);
	bool valid = s->flags & KVM_SREGS2_FLAGS_PDPTRS_VALID;

	if (s->flags & ~KVM_SREGS2_FLAGS_PDPTRS_VALID || (valid && !pae))
		return -EINVAL;
	if (valid && !vh_pdptrs_valid(vcpu, s->pdptrs))
		return -EINVAL;
	return sregs_set(vcpu, &one, valid ? s->pdptrs : NULL);
}

/**
 * vh_events_payload - CR2 or DR6 is loaded with what an exception that userspace made pending has for it
 * @vcpu: the vCPU
 *
 * Own thread, interrupts on. As soon as the exception is going to be delivered, or userspace cannot be told of it.
 */
void vh_events_payload(struct vh_vcpu *vcpu)
{
	struct vh_fault *f = &vcpu->ev.exception;

	if (!vcpu->ev.exception_pending || !f->payload)
		return;
	f->payload = false;
	if (f->vector == PF_VECTOR) {
		vcpu->s.cr2 = f->cr2;
	} else if (f->vector == DB_VECTOR) {
		/* As a #DB is raised: SDM Vol. 3, 18.2.3 and 18.2.4. */
		vcpu->s.dr6 = (vcpu->s.dr6 & ~DR6_BREAKPOINTS) | (f->cr2 & DR6_CAUSES);
		vh_need(vcpu, VH_S_DR7);
		*vh_own_dr7(vcpu) &= ~(u64)VH_DR7_GD;
		vh_dirty(vcpu, VH_S_DR7);
	}
}

/* An exception on its way, for userspace; the interruptibility and pending traps are valid. */
static void exception_get(struct vh_vcpu *vcpu, struct kvm_vcpu_events *e)
{
	const u64 traps = VH_PENDING_DB_ENABLED | VH_PENDING_DB_STEP;
	bool apart = READ_ONCE(vcpu->vm->exception_payload);
	const struct vh_events *ev = &vcpu->ev;
	struct vh_cpu_state *s = &vcpu->s;
	bool pending;

	if (apart)
		e->flags |= KVM_VCPUEVENT_VALID_PAYLOAD;
	else
		vh_events_payload(vcpu);
	if (ev->exception_pending) {
		pending = apart && !ev->exception_reinject;
		e->exception.nr = ev->exception.vector;
		e->exception.has_error_code = vh_has_error_code(ev->exception.vector);
		e->exception.error_code = ev->exception.error;
		if (ev->exception.payload) {
			e->exception_has_payload = 1;
			e->exception_payload = ev->exception.cr2;
		}
	} else if ((s->pending_db & traps) && !(s->interruptibility & (VH_SHADOW_STI | VH_SHADOW_MOVSS))) {
		/* A trap that is due; an interrupt shadow's is made anew. */
		pending = apart;
		e->exception.nr = DB_VECTOR;
		if (apart) {
			e->exception_has_payload = 1;
			e->exception_payload = s->pending_db & DR6_CAUSES;
		} else {
			/* DR6 has it already, as on KVM. */
			s->dr6 |= s->pending_db & DR6_CAUSES;
		}
	} else {
		return;
	}
	e->exception.pending = pending;
	e->exception.injected = !pending;
}

/**
 * vh_events_get - KVM_GET_VCPU_EVENTS
 * @vcpu: the vCPU
 * @e: filled in, zeroed by the caller
 */
int vh_events_get(struct vh_vcpu *vcpu, struct kvm_vcpu_events *e)
{
	const struct vh_events *ev = &vcpu->ev;

	vh_need(vcpu, VH_S_INTR | VH_S_PENDING_DB);
	exception_get(vcpu, e);
	if (READ_ONCE(vcpu->vm->triple_fault_event)) {
		e->triple_fault.pending = test_bit(VH_REQ_TRIPLE_FAULT, &vcpu->requests);
		e->flags |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	}
	if (!vcpu->lapic && vcpu->user_irq >= 0) {
		e->interrupt.injected = 1;
		e->interrupt.nr = vcpu->user_irq;
	} else if (ev->irq_reinject) {
		e->interrupt.injected = 1;
		e->interrupt.nr = ev->irq_vector;
		e->interrupt.soft = ev->irq_soft;
	}
	if (vcpu->s.interruptibility & VH_SHADOW_MOVSS)
		e->interrupt.shadow |= KVM_X86_SHADOW_INT_MOV_SS;
	if (vcpu->s.interruptibility & VH_SHADOW_STI)
		e->interrupt.shadow |= KVM_X86_SHADOW_INT_STI;
	e->nmi.injected = ev->nmi_reinject;
	e->nmi.pending = ev->nmi_pending + atomic_read(&vcpu->nmi_queued) != 0;
	e->nmi.masked = !!(vcpu->s.interruptibility & VH_BLOCKED_NMI);
	e->sipi_vector = 0;
	e->smi.smm = vcpu->smm;
	e->smi.pending = ev->smi_pending || (READ_ONCE(vcpu->requests) & BIT(VH_REQ_SMI));
	e->smi.smm_inside_nmi = vcpu->smm && vcpu->smm_in_nmi;
	e->smi.latched_init = vcpu->lapic && (READ_ONCE(vcpu->apic_events) & BIT(0));
	e->flags |= KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_SMM;
	return 0;
}

/* As KVM has it: the state is userspace's to set. */
static int smi_set(struct vh_vcpu *vcpu, const struct kvm_vcpu_events *e)
{
	int err = vh_smm_set(vcpu, e->smi.smm);

	if (err)
		return err;
	vcpu->ev.smi_pending = false;
	if (e->smi.pending)
		vh_request(vcpu, VH_REQ_SMI);
	else
		vh_test_request(vcpu, VH_REQ_SMI);
	if (vcpu->smm)
		vcpu->smm_in_nmi = e->smi.smm_inside_nmi;
	if (!vcpu->lapic)
		return 0;
	if (e->smi.latched_init) {
		set_bit(0, &vcpu->apic_events);
		vh_request(vcpu, VH_REQ_APIC_EVENT);
	} else {
		clear_bit(0, &vcpu->apic_events);
	}
	return 0;
}

/**
 * vh_events_set - KVM_SET_VCPU_EVENTS
 * @vcpu: the vCPU
 * @e: new events; -EINVAL for flags that are not known, or not enabled, and for what no exception can be
 */
int vh_events_set(struct vh_vcpu *vcpu, const struct kvm_vcpu_events *e)
{
	bool pending = (e->flags & KVM_VCPUEVENT_VALID_PAYLOAD) && e->exception.pending;
	bool injected = e->exception.injected && !pending;
	struct vh_events *ev = &vcpu->ev;

	if (e->flags & ~(KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR |
			 KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_PAYLOAD |
			 KVM_VCPUEVENT_VALID_TRIPLE_FAULT | KVM_VCPUEVENT_VALID_SMM))
		return -EINVAL;
	if (((e->flags & KVM_VCPUEVENT_VALID_PAYLOAD) && !READ_ONCE(vcpu->vm->exception_payload)) ||
	    ((e->flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT) && !READ_ONCE(vcpu->vm->triple_fault_event)))
		return -EINVAL;
	/* Entry fails for a vector or error code that the exception cannot have (SDM 27.2.1.3). */
	if ((pending || injected) &&
	    (e->exception.nr > 31 || e->exception.nr == 2 ||
	     (e->exception.has_error_code && (!vh_has_error_code(e->exception.nr) ||
					      e->exception.error_code > 0xffff))))
		return -EINVAL;

	/* What is there after INIT takes no SMI. */
	if ((e->flags & KVM_VCPUEVENT_VALID_SMM) && (e->smi.smm || e->smi.pending) &&
	    vcpu->mp_state == KVM_MP_STATE_INIT_RECEIVED)
		return -EINVAL;
	if (e->flags & KVM_VCPUEVENT_VALID_SMM) {
		int err = smi_set(vcpu, e);

		if (err)
			return err;
	}

	vh_need(vcpu, VH_S_INTR);
	vcpu->s.pending_db = 0;
	vh_dirty(vcpu, VH_S_PENDING_DB);
	ev->exception_pending = pending || injected;
	ev->exception_reinject = injected;
	/* INT3 and INTO: what is saved is the instruction behind them, which a debugger may have been shown. */
	ev->exception_soft = ev->exception_pending && (e->exception.nr == 3 || e->exception.nr == 4);
	if (ev->exception_soft)
		ev->soft_len = ev->int3_len;
	if (ev->exception_pending)
		ev->exception = (struct vh_fault){
			.vector = e->exception.nr,
			.error = e->exception.has_error_code ? e->exception.error_code : 0,
			.payload = pending && e->exception_has_payload,
			.cr2 = e->exception_payload,
		};
	if (ev->exception_pending && ev->exception.payload)
		vh_request(vcpu, VH_REQ_PAYLOAD);
	if (e->flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT) {
		if (e->triple_fault.pending)
			vh_request(vcpu, VH_REQ_TRIPLE_FAULT);
		else
			clear_bit(VH_REQ_TRIPLE_FAULT, &vcpu->requests);
	}
	ev->irq_reinject = false;
	if (!vcpu->lapic)
		vcpu->user_irq = -1;
	if (e->interrupt.injected) {
		if (!vcpu->lapic && !e->interrupt.soft) {
			vcpu->user_irq = e->interrupt.nr;
		} else {
			ev->irq_reinject = true;
			ev->irq_vector = e->interrupt.nr;
			ev->irq_soft = e->interrupt.soft;
			if (e->interrupt.soft)
				ev->soft_len = 2;
		}
	}
	if (e->flags & KVM_VCPUEVENT_VALID_SHADOW) {
		vcpu->s.interruptibility &= ~(VH_SHADOW_STI | VH_SHADOW_MOVSS);
		if (e->interrupt.shadow & KVM_X86_SHADOW_INT_MOV_SS)
			vcpu->s.interruptibility |= VH_SHADOW_MOVSS;
		else if (e->interrupt.shadow & KVM_X86_SHADOW_INT_STI)
			vcpu->s.interruptibility |= VH_SHADOW_STI;
	}
	ev->nmi_reinject = e->nmi.injected;
	if (e->flags & KVM_VCPUEVENT_VALID_NMI_PENDING) {
		ev->nmi_pending = !!e->nmi.pending;
		atomic_set(&vcpu->nmi_queued, 0);
	}
	/* One that is being delivered blocks the next when it is (SDM 27.3.1.5). */
	vcpu->s.interruptibility &= ~VH_BLOCKED_NMI;
	if (e->nmi.masked && !e->nmi.injected)
		vcpu->s.interruptibility |= VH_BLOCKED_NMI;
	if ((e->flags & KVM_VCPUEVENT_VALID_SIPI_VECTOR) && vcpu->lapic)
		WRITE_ONCE(vcpu->sipi_vector, e->sipi_vector);
	vh_dirty(vcpu, VH_S_INTR);
	look_again(vcpu);
	return 0;
}

/**
 * vh_debugregs_get - KVM_GET_DEBUGREGS
 * @vcpu: the vCPU
 * @d: d
 */
int vh_debugregs_get(struct vh_vcpu *vcpu, struct kvm_debugregs *d)
{
	vh_need(vcpu, VH_S_DR7);
	memcpy(d->db, vh_own_dr(vcpu), sizeof(d->db));
	d->dr6 = vcpu->s.dr6;
	d->dr7 = *vh_own_dr7(vcpu);
	return 0;
}

/**
 * vh_debugregs_set - KVM_SET_DEBUGREGS
 * @vcpu: the vCPU
 * @d: d
 */
int vh_debugregs_set(struct vh_vcpu *vcpu, const struct kvm_debugregs *d)
{
	if (d->flags || d->dr6 >> 32 || d->dr7 >> 32)
		return -EINVAL;
	vh_need(vcpu, VH_S_DR7);
	memcpy(vh_own_dr(vcpu), d->db, sizeof(d->db));
	vcpu->s.dr6 = (d->dr6 & 0xe00f) | 0xffff0ff0;
	*vh_own_dr7(vcpu) = (d->dr7 & VH_DR7_WRITABLE) | VH_DR7_FIXED;
	vh_dirty(vcpu, VH_S_DR7);
	return 0;
}

static struct kvm_segment data_segment(void)
{
	return (struct kvm_segment){ .limit = 0xffff, .type = 3, .s = 1, .present = 1 };
}

/**
 * vh_state_reset - power-up, RESET or INIT values (SDM Vol. 3, Table 10-1)
 * @vcpu: the vCPU
 * @init: init
 */
void vh_state_reset(struct vh_vcpu *vcpu, bool init)
{
	struct vh_cpu_state *s = &vcpu->s;
	u64 cr0 = init ? s->cr0 & (X86_CR0_CD | X86_CR0_NW) : X86_CR0_CD | X86_CR0_NW;
	int i;

	if (init)
		vh_need(vcpu, VH_S_ALL);
	memset(s->gpr, 0, sizeof(s->gpr));
	s->gpr[VH_RDX] = 0x600;		/* family 6; the guest's CPUID.1 has more */
	s->rip = 0xfff0;
	s->rflags = X86_EFLAGS_FIXED;
	s->cr0 = cr0 | X86_CR0_ET;
	s->cr2 = 0;
	s->cr3 = 0;
	s->cr4 = 0;
	s->efer = 0;
	for (i = 0; i < VH_NR_SEGS; i++)
		s->seg[i] = data_segment();
	s->seg[VH_CS].type = 11;
	s->seg[VH_CS].selector = 0xf000;
	s->seg[VH_CS].base = 0xffff0000;
	s->seg[VH_LDTR].type = 2;
	s->seg[VH_LDTR].s = 0;
	s->seg[VH_TR].type = 11;
	s->seg[VH_TR].s = 0;
	s->gdt = (struct kvm_dtable){ .limit = 0xffff };
	s->idt = (struct kvm_dtable){ .limit = 0xffff };
	memset(vh_own_dr(vcpu), 0, sizeof(s->dr));
	s->dr6 = 0xffff0ff0;
	*vh_own_dr7(vcpu) = VH_DR7_FIXED;
	s->interruptibility = 0;
	s->pending_db = 0;
	if (!init) {
		s->sysenter_cs = 0;
		s->sysenter_esp = 0;
		s->sysenter_eip = 0;
		s->pat = 0x0007040600070406ULL;
		s->star = s->lstar = s->cstar = s->sfmask = 0;
		s->kernel_gs_base = 0;
		s->tsc_aux = 0;
		vcpu->user_apic_base = 0xfee00800 | (vcpu->id == vcpu->vm->bsp_id ? 0x100 : 0);
	}
	vh_dirty(vcpu, VH_S_ALL);
}
