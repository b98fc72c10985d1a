// SPDX-License-Identifier: GPL-2.0-only
/*
 * paging.c - exits that only processors without EPT, or with ept=0, give: #PF,
 * INVLPG, INVPCID.
 */
#include <linux/mm.h>
#include <asm/vmx.h>

#include "internal.h"

#define SS_VECTOR	12
#define GP_VECTOR	13

/* INVPCID types (SDM Vol. 2). */
enum { INVPCID_ADDRESS, INVPCID_PCID, INVPCID_ALL, INVPCID_LOCAL };

/*
 * An event's delivery met the guest's own page fault, and is lost to it as on the processor; INT n begins anew when the
 * fault's handler returns. What becomes of an exception is vh_inject_fault()'s to say.
 */
static void lose_event(struct vh_vcpu *vcpu)
{
	struct vh_events *ev = &vcpu->ev;

	ev->irq_reinject = false;
	if (!ev->nmi_reinject)
		return;
	ev->nmi_reinject = false;
	vh_need(vcpu, VH_S_INTR);
	vcpu->s.interruptibility |= VH_BLOCKED_NMI;
	vh_dirty(vcpu, VH_S_INTR);
}

/* Nothing is behind the memslot that the guest's tables lead to. */
static int not_behind(struct vh_vcpu *vcpu, u64 va)
{
	struct vh_fault f;
	gpa_t gpa;

	if (vh_gva_to_gpa(vcpu, va, VH_ACC_READ | VH_ACC_NOSET | VH_ACC_IMPLICIT, &gpa, &f))
		return -EFAULT;
	return vh_memory_fault(vcpu, gpa);
}

/**
 * vh_exit_page_fault - the guest took #PF
 * @vcpu: the vCPU
 *
 * Results as vh_handle_exit().
 */
int vh_exit_page_fault(struct vh_vcpu *vcpu)
{
	struct vh_exit *x = &vcpu->exit;
	u32 error = x->intr_error;
	int r = vh_shadow_fault(vcpu, x->qualification, &error, vcpu->nowait);

	if (unlikely(r == VH_FAULT_LATER))
		r = vh_page_comes_later(vcpu) ? 0 : vh_shadow_fault(vcpu, x->qualification, &error, 0);
	switch (r) {
	case 0:
	case VH_FAULT_RETRY:
	case -EINTR:			/* the loop sees the signal */
		return 1;
	case VH_FAULT_GUEST:
		lose_event(vcpu);
		vh_inject_pf(vcpu, x->qualification, error);
		return 1;
	case VH_FAULT_MMIO:
		break;
	case -EFAULT:
		return not_behind(vcpu, x->qualification);
	default:
		return r;
	}
	if (vh_delivering(vcpu))
		return vh_undeliverable(vcpu, x->qualification);
	return vh_emulate(vcpu);
}

/**
 * vh_exit_invlpg - INVLPG
 * @vcpu: the vCPU
 *
 * Results as vh_handle_exit().
 */
int vh_exit_invlpg(struct vh_vcpu *vcpu)
{
	vh_mmu_invlpg(vcpu, vcpu->exit.qualification);
	vh_skip(vcpu);
	return 1;
}

static u64 reg(struct vh_vcpu *vcpu, unsigned int i)
{
	if (i == VH_RSP)
		vh_need(vcpu, VH_S_RSP);
	return vcpu->s.gpr[i];
}

/* Of the exit's instruction information; its segment numbers are those of struct vh_cpu_state.seg[]. */
static const struct kvm_segment *operand_segment(struct vh_vcpu *vcpu, u32 info)
{
	return &vcpu->s.seg[(info >> 15) & 7];
}

/* Limit and type of an operand to be read (SDM Vol. 3, 5.3, 5.5): the exit comes before the processor looks. Not of 64-bit mode. */
static bool operand_within(const struct vh_cpu_state *s, const struct kvm_segment *seg, u32 offset, unsigned int len)
{
	u64 last = (u64)offset + len - 1;

	if ((s->cr0 & X86_CR0_PE) && (seg->unusable || !seg->present || (seg->type & 0xa) == 8))
		return false;
	if ((seg->type & 0xc) == 4)	/* expand-down data */
		return offset > seg->limit && last <= (seg->db ? 0xffffffffULL : 0xffffULL);
	return last <= seg->limit;
}

/* The offset of the memory operand in its segment: SDM Table 28-12, and the displacement. */
static u64 operand_offset(struct vh_vcpu *vcpu, u32 info, u64 displacement)
{
	unsigned int size = (info >> 7) & 7;
	u64 a = displacement;

	if (!(info & BIT(27)))
		a += reg(vcpu, (info >> 23) & 15);
	if (!(info & BIT(22)))
		a += reg(vcpu, (info >> 18) & 15) << (info & 3);
	if (size < 2)
		a = size ? (u32)a : (u16)a;
	return a;
}

static u64 operand_linear(struct vh_vcpu *vcpu, const struct kvm_segment *seg, u64 offset)
{
	if (vh_long_mode(vcpu))
		return seg == &vcpu->s.seg[VH_FS] || seg == &vcpu->s.seg[VH_GS] ? offset + seg->base : offset;
	return (u32)(offset + seg->base);
}

/* 0, or -errno as vh_gva_to_gpa(). */
static int read_linear(struct vh_vcpu *vcpu, u64 gva, void *buf, unsigned int len,
		       struct vh_fault *f)
{
	while (len) {
		unsigned int part = min_t(unsigned int, len, PAGE_SIZE - offset_in_page(gva));
		gpa_t gpa;
		int err = vh_gva_to_gpa(vcpu, gva, VH_ACC_READ, &gpa, f);

		if (!err)
			err = vh_gpa_read(vcpu, gpa, buf, part);
		if (err)
			return err;
		gva += part;
		buf += part;
		len -= part;
	}
	return 0;
}

/**
 * vh_exit_invpcid - INVPCID
 * @vcpu: the vCPU
 *
 * Results as vh_handle_exit(). The processor has checked the privilege level; an emulator may not have.
 */
int vh_exit_invpcid(struct vh_vcpu *vcpu)
{
	struct vh_exit *x = &vcpu->exit;
	struct { u64 pcid, va; } desc;
	const struct kvm_segment *seg = operand_segment(vcpu, x->insn_info);
	struct vh_fault f = {};
	u64 type, offset, at;
	bool pcide;
	int err;

	vh_need(vcpu, VH_S_CR0 | VH_S_CR3 | VH_S_CR4 | VH_S_SEGS);
	offset = operand_offset(vcpu, x->insn_info, x->qualification);
	at = operand_linear(vcpu, seg, offset);
	if (vh_cpl(vcpu)) {
		vh_inject_gp(vcpu, 0);
		return 1;
	}
	if (vh_long_mode(vcpu) ? !vh_canonical(at, vcpu->s.cr4 & X86_CR4_LA57) :
				 !operand_within(&vcpu->s, seg, offset, sizeof(desc))) {
		vh_inject_fault(vcpu, &(struct vh_fault){ .vector = seg == &vcpu->s.seg[VH_SS] ? SS_VECTOR : GP_VECTOR });
		return 1;
	}
	type = reg(vcpu, x->insn_info >> 28);
	if (!vh_long_mode(vcpu))
		type = (u32)type;
	err = read_linear(vcpu, at, &desc, sizeof(desc), &f);
	if (err == -EFAULT && f.vector == 14) {
		vh_inject_fault(vcpu, &f);
		return 1;
	}
	if (err == -EINTR)
		return 1;
	if (err)
		return vh_internal_error(vcpu, KVM_INTERNAL_ERROR_EMULATION, x->reason, 0);
	pcide = vcpu->s.cr4 & X86_CR4_PCIDE;
	if (type > INVPCID_LOCAL || desc.pcid >> 12 ||
	    (type <= INVPCID_PCID && desc.pcid && !pcide) ||
	    (type == INVPCID_ADDRESS && !vh_canonical(desc.va, vcpu->s.cr4 & X86_CR4_LA57))) {
		vh_inject_gp(vcpu, 0);
		return 1;
	}
	if (type == INVPCID_ADDRESS)
		vh_mmu_invlpg(vcpu, desc.va);
	else
		vh_mmu_flush(vcpu, type == INVPCID_PCID ? VH_FLUSH_PCID :
				   type == INVPCID_LOCAL ? VH_FLUSH_LOCAL : VH_FLUSH_ALL,
			     desc.pcid);
	vh_skip(vcpu);
	return 1;
}
