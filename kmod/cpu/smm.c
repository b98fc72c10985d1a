// SPDX-License-Identifier: GPL-2.0-only
/*
 * smm.c - system management mode: how it begins, and RSM (SDM Vol. 3, 32).
 *
 * SMM of a guest is a mode that vh keeps: the processor is outside of it, and runs the handler as it would any
 * real-mode code. What is saved has AMD64's layout, as on KVM, for firmware expects it there: the 64-bit one if the
 * vCPU's CPUID has long mode, else the older one. What the handler may change of it counts, if the processor could
 * have been in such a state; otherwise RSM is a shutdown.
 */
#include <linux/mm.h>
#include <asm/processor-flags.h>

#include "internal.h"

#define AREA		0xfe00		/* from SMBASE */
#define ENTRY		0x8000
#define REVISION_64	0x20064		/* SMBASE can be relocated; no restart of I/O */
#define REVISION_32	0x20000

/* As the second half of a descriptor has them, from bit 8 on; access rights of 16 bits. */
struct seg64 {
	u16 selector, attributes;
	u32 limit;
	u64 base;
};

struct seg32 {
	u32 attributes, limit, base;	/* attributes from bit 8 on */
};

union area {
	struct {
		struct seg64 seg[6], gdt, ldt, idt, tr;
		u8 unused0[0x28];
		u8 io_restart, halt_restart, nmi_mask, shadow;	/* at 0xfec8; shadow: KVM's */
		u32 unused1;
		u64 efer;		/* 0xfed0 */
		u8 unused2[0x24];
		u32 revision, smbase;	/* 0xfefc */
		u8 unused3[0x44];
		u64 cr4, cr3, cr0, dr7, dr6, rflags, rip;	/* 0xff48 */
		u64 gpr[16];		/* R15 first */
	} q;
	struct {
		u8 unused0[0xf8];
		u32 smbase, revision;	/* 0xfef8 */
		u16 io_restart, halt_restart;
		u32 unused1[4];
		u32 cr4;		/* 0xff14 */
		u16 unused2;
		u8 shadow, unused3[17];
		struct seg32 ds_gs[3];	/* 0xff2c: DS, FS, GS */
		u32 unused4;
		u32 idt_limit, idt_base;
		struct seg32 tr;	/* 0xff5c */
		u32 unused5[2];
		u32 gdt_limit, gdt_base;
		struct seg32 ldt;
		struct seg32 es_ss[3];	/* 0xff84: ES, CS, SS */
		u32 selector[6], ldt_selector, tr_selector;
		u32 dr7, dr6;
		u32 gpr[8];		/* 0xffd0 */
		u32 eip, eflags, cr3, cr0;
	} d;
	u8 bytes[0x200];
};

static_assert(sizeof(union area) == 0x200 && offsetof(union area, q.tr) == 0x90);
static_assert(offsetof(union area, q.efer) == 0xd0 && offsetof(union area, q.smbase) == 0x100);
static_assert(offsetof(union area, q.cr4) == 0x148 && offsetof(union area, q.gpr) == 0x180);
static_assert(offsetof(union area, d.cr4) == 0x114 && offsetof(union area, d.ds_gs) == 0x12c);
static_assert(offsetof(union area, d.tr) == 0x15c && offsetof(union area, d.es_ss) == 0x184);
static_assert(offsetof(union area, d.gpr) == 0x1d0 && offsetof(union area, d.cr0) == 0x1fc);

static bool has_long_mode(struct vh_vcpu *vcpu)
{
	return vh_cpuid_has(vcpu, VH_HAS_LM);
}

static u32 attributes(const struct kvm_segment *s)
{
	bool present = s->present && !s->unusable;

	return s->type | s->s << 4 | s->dpl << 5 | present << 7 | s->avl << 12 | s->l << 13 | s->db << 14 | s->g << 15;
}

static struct kvm_segment segment(u16 selector, u32 attributes, u32 limit, u64 base)
{
	return (struct kvm_segment){
		.selector = selector, .limit = limit, .base = base,
		.type = attributes & 15, .s = attributes >> 4 & 1, .dpl = attributes >> 5 & 3,
		.present = attributes >> 7 & 1, .unusable = !(attributes >> 7 & 1),
		.avl = attributes >> 12 & 1, .l = attributes >> 13 & 1, .db = attributes >> 14 & 1,
		.g = attributes >> 15 & 1,
	};
}

static struct seg64 put64(const struct kvm_segment *s)
{
	return (struct seg64){ s->selector, attributes(s), s->limit, s->base };
}

static struct kvm_segment get64(const struct seg64 *s)
{
	return segment(s->selector, s->attributes, s->limit, s->base);
}

static struct seg32 put32(const struct kvm_segment *s)
{
	return (struct seg32){ attributes(s) << 8, s->limit, s->base };
}

static struct kvm_segment get32(u32 selector, const struct seg32 *s)
{
	return segment(selector, s->attributes >> 8, s->limit, s->base);
}

static u8 shadow_of(const struct vh_cpu_state *s)
{
	return (s->interruptibility & VH_SHADOW_MOVSS ? KVM_X86_SHADOW_INT_MOV_SS : 0) |
	       (s->interruptibility & VH_SHADOW_STI ? KVM_X86_SHADOW_INT_STI : 0);
}

static void save64(struct vh_vcpu *vcpu, union area *a, bool halted)
{
	const struct vh_cpu_state *s = &vcpu->s;
	int i;

	for (i = 0; i < 6; i++)
		a->q.seg[i] = put64(&s->seg[VH_ES + i]);
	a->q.ldt = put64(&s->seg[VH_LDTR]);
	a->q.tr = put64(&s->seg[VH_TR]);
	a->q.gdt.limit = s->gdt.limit;
	a->q.gdt.base = s->gdt.base;
	a->q.idt.limit = s->idt.limit;
	a->q.idt.base = s->idt.base;
	a->q.halt_restart = halted;
	a->q.shadow = shadow_of(s);
	a->q.efer = s->efer;
	a->q.revision = REVISION_64;
	a->q.smbase = vcpu->smbase;
	a->q.cr0 = s->cr0;
	a->q.cr3 = s->cr3;
	a->q.cr4 = s->cr4;
	a->q.dr6 = s->dr6;
	a->q.dr7 = *vh_own_dr7(vcpu);
	a->q.rflags = s->rflags;
	a->q.rip = s->rip;
	for (i = 0; i < 16; i++)
		a->q.gpr[15 - i] = s->gpr[i];
}

static void save32(struct vh_vcpu *vcpu, union area *a, bool halted)
{
	const struct vh_cpu_state *s = &vcpu->s;
	int i;

	for (i = 0; i < 3; i++) {
		a->d.es_ss[i] = put32(&s->seg[VH_ES + i]);
		a->d.ds_gs[i] = put32(&s->seg[VH_DS + i]);
	}
	for (i = 0; i < 6; i++)
		a->d.selector[i] = s->seg[VH_ES + i].selector;
	a->d.ldt = put32(&s->seg[VH_LDTR]);
	a->d.ldt_selector = s->seg[VH_LDTR].selector;
	a->d.tr = put32(&s->seg[VH_TR]);
	a->d.tr_selector = s->seg[VH_TR].selector;
	a->d.gdt_limit = s->gdt.limit;
	a->d.gdt_base = s->gdt.base;
	a->d.idt_limit = s->idt.limit;
	a->d.idt_base = s->idt.base;
	a->d.halt_restart = halted;
	a->d.shadow = shadow_of(s);
	a->d.revision = REVISION_32;
	a->d.smbase = vcpu->smbase;
	a->d.cr0 = s->cr0;
	a->d.cr3 = s->cr3;
	a->d.cr4 = s->cr4;
	a->d.dr6 = s->dr6;
	a->d.dr7 = *vh_own_dr7(vcpu);
	a->d.eflags = s->rflags;
	a->d.eip = s->rip;
	for (i = 0; i < 8; i++)
		a->d.gpr[i] = s->gpr[i];
}

/* Where the handler begins, and with what (SDM Vol. 3, 32.5.1; the IDT's limit is 0 as on KVM). */
static void begin(struct vh_vcpu *vcpu)
{
	const struct kvm_segment data = { .limit = ~0U, .type = 3, .s = 1, .present = 1, .g = 1 };
	struct vh_cpu_state *s = &vcpu->s;
	int i;

	vcpu->smm_in_nmi = s->interruptibility & VH_BLOCKED_NMI;
	s->interruptibility = VH_BLOCKED_NMI;
	s->rflags = X86_EFLAGS_FIXED;
	s->rip = ENTRY;
	s->cr0 &= ~(u64)(X86_CR0_PE | X86_CR0_EM | X86_CR0_TS | X86_CR0_PG);
	s->cr4 = 0;
	if (has_long_mode(vcpu))
		s->efer = 0;
	s->idt = (struct kvm_dtable){};
	*vh_own_dr7(vcpu) = VH_DR7_FIXED;
	for (i = VH_ES; i <= VH_GS; i++)
		s->seg[i] = data;
	s->seg[VH_CS].base = vcpu->smbase;
	s->seg[VH_CS].selector = vcpu->smbase >> 4;
	vh_dirty(vcpu, VH_S_RIP | VH_S_RFLAGS | VH_S_CR0 | VH_S_CR3 | VH_S_CR4 | VH_S_EFER | VH_S_SEGS | VH_S_TABLES |
		       VH_S_DR7 | VH_S_INTR);
	vh_cpuid_refresh(vcpu);
	vh_mmu_new_paging(vcpu);
}

/**
 * vh_smm_set - the vCPU is in SMM from now on, or no more; nothing else of its state changes
 * @vcpu: the vCPU, own thread
 * @smm: which
 *
 * Process context. RSM is #UD to the processor: it exits while the vCPU is in SMM. What was latched in SMM is due when
 * it ends. -ENOMEM, -EINTR: nothing is changed.
 */
int vh_smm_set(struct vh_vcpu *vcpu, bool smm)
{
	int err;

	if (vcpu->smm == smm)
		return 0;
	err = vh_mmu_smm(vcpu, smm);
	if (err)
		return err;
	vh_request(vcpu, VH_REQ_DEBUG_CONTROLS);
	vh_request(vcpu, VH_REQ_EVENT);
	if (smm)
		return 0;
	if (vcpu->ev.smi_pending)
		vh_request(vcpu, VH_REQ_SMI);
	if (READ_ONCE(vcpu->apic_events))
		vh_request(vcpu, VH_REQ_APIC_EVENT);
	return 0;
}

/**
 * vh_smm_enter - an SMI is taken: save the state, and begin
 * @vcpu: the vCPU, own thread; not in SMM
 * @halted: it was
 * @gpa: with -EFAULT, where
 *
 * Process context. Where nothing is that could keep it the state is lost, as on a processor. -EFAULT (nothing behind
 * the memslot), -ENOMEM, -EINTR: nothing is changed.
 */
int vh_smm_enter(struct vh_vcpu *vcpu, bool halted, gpa_t *gpa)
{
	union area a = {};
	int err;

	vh_need(vcpu, VH_S_ALL);
	if (has_long_mode(vcpu))
		save64(vcpu, &a, halted);
	else
		save32(vcpu, &a, halted);
	err = vh_smm_set(vcpu, true);
	if (err)
		return err;
	*gpa = (u64)vcpu->smbase + AREA;
	err = vh_gpa_write(vcpu, *gpa, &a, sizeof(a));
	if (err && err != -ENXIO) {
		vh_smm_set(vcpu, false);
		return err;
	}
	vh_msr_smi(vcpu);
	begin(vcpu);
	return 0;
}

static void load64(const union area *a, struct kvm_sregs *n, struct kvm_regs *r)
{
	struct kvm_segment *seg[] = { &n->es, &n->cs, &n->ss, &n->ds, &n->fs, &n->gs };
	u64 *gpr[] = { &r->rax, &r->rcx, &r->rdx, &r->rbx, &r->rsp, &r->rbp, &r->rsi, &r->rdi,
		       &r->r8, &r->r9, &r->r10, &r->r11, &r->r12, &r->r13, &r->r14, &r->r15 };
	int i;

	for (i = 0; i < 6; i++)
		*seg[i] = get64(&a->q.seg[i]);
	n->ldt = get64(&a->q.ldt);
	n->tr = get64(&a->q.tr);
	n->gdt = (struct kvm_dtable){ .base = a->q.gdt.base, .limit = a->q.gdt.limit };
	n->idt = (struct kvm_dtable){ .base = a->q.idt.base, .limit = a->q.idt.limit };
	n->efer = a->q.efer & ~(u64)EFER_LMA;
	if ((n->efer & EFER_LME) && (a->q.cr0 & X86_CR0_PG))
		n->efer |= EFER_LMA;
	n->cr0 = a->q.cr0;
	n->cr3 = a->q.cr3;
	n->cr4 = a->q.cr4;
	r->rflags = (u32)a->q.rflags;
	r->rip = a->q.rip;
	for (i = 0; i < 16; i++)
		*gpr[i] = a->q.gpr[15 - i];
}

static void load32(const union area *a, struct kvm_sregs *n, struct kvm_regs *r)
{
	struct kvm_segment *seg[] = { &n->es, &n->cs, &n->ss, &n->ds, &n->fs, &n->gs };
	u64 *gpr[] = { &r->rax, &r->rcx, &r->rdx, &r->rbx, &r->rsp, &r->rbp, &r->rsi, &r->rdi };
	int i;

	for (i = 0; i < 6; i++)
		*seg[i] = get32(a->d.selector[i], i < 3 ? &a->d.es_ss[i] : &a->d.ds_gs[i - 3]);
	n->ldt = get32(a->d.ldt_selector, &a->d.ldt);
	n->tr = get32(a->d.tr_selector, &a->d.tr);
	n->gdt = (struct kvm_dtable){ .base = a->d.gdt_base, .limit = a->d.gdt_limit };
	n->idt = (struct kvm_dtable){ .base = a->d.idt_base, .limit = a->d.idt_limit };
	n->cr0 = a->d.cr0;
	n->cr3 = a->d.cr3;
	n->cr4 = a->d.cr4;
	r->rflags = a->d.eflags;
	r->rip = a->d.eip;
	for (i = 0; i < 8; i++)
		*gpr[i] = a->d.gpr[i];
}

static bool place_valid(const struct kvm_sregs *n, struct kvm_regs *r)
{
	bool lma = n->efer & EFER_LMA;

	if (lma && (r->rflags & X86_EFLAGS_VM))
		return false;
	if (lma && n->cs.l)
		return vh_canonical(r->rip, vh_host_la57());
	r->rip = (u32)r->rip;
	return true;
}

/**
 * vh_smm_leave - RSM: what was saved is the state again
 * @vcpu: the vCPU, own thread; in SMM
 * @halted: filled in: it is to be again
 * @gpa: with -EFAULT, where
 *
 * Process context. -EINVAL: no processor can be in such a state, or nothing can be read; it is a shutdown (SDM Vol. 3,
 * 32.3.2), and the vCPU still in SMM. -EFAULT (nothing behind the memslot), -EINTR: nothing is changed.
 */
int vh_smm_leave(struct vh_vcpu *vcpu, bool *halted, gpa_t *gpa)
{
	bool wide = has_long_mode(vcpu);
	struct vh_cpu_state *s = &vcpu->s;
	struct kvm_sregs n = {};
	struct kvm_regs r;
	union area a;
	u8 shadow;
	int err;

	*gpa = (u64)vcpu->smbase + AREA;
	err = vh_gpa_read(vcpu, *gpa, &a, sizeof(a));
	if (err)
		return err == -ENXIO ? -EINVAL : err;
	vh_need(vcpu, VH_S_ALL);
	vh_sregs_get(vcpu, &n);
	vh_regs_get(vcpu, &r);
	if (wide)
		load64(&a, &n, &r);
	else
		load32(&a, &n, &r);
	if (!place_valid(&n, &r))
		return -EINVAL;
	/* PDPTEs are those outside. */
	vh_smm_set(vcpu, false);
	if (vh_sregs_load(vcpu, &n)) {
		vh_smm_set(vcpu, true);
		return -EINVAL;
	}
	vh_regs_set(vcpu, &r);
	s->dr6 = ((wide ? a.q.dr6 : a.d.dr6) & 0xe00f) | 0xffff0ff0;
	*vh_own_dr7(vcpu) = ((wide ? a.q.dr7 : a.d.dr7) & VH_DR7_WRITABLE) | VH_DR7_FIXED;
	vcpu->smbase = wide ? a.q.smbase : a.d.smbase;
	*halted = wide ? a.q.halt_restart & 1 : a.d.halt_restart & 1;
	shadow = wide ? a.q.shadow : a.d.shadow;
	s->interruptibility &= vcpu->smm_in_nmi ? VH_BLOCKED_NMI : 0;
	if (shadow & KVM_X86_SHADOW_INT_MOV_SS)
		s->interruptibility |= VH_SHADOW_MOVSS;
	else if (shadow & KVM_X86_SHADOW_INT_STI)
		s->interruptibility |= VH_SHADOW_STI;
	vh_dirty(vcpu, VH_S_DR7 | VH_S_INTR);
	return 0;
}
