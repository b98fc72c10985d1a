// SPDX-License-Identifier: GPL-2.0-only
/*
 * lend.c - one instruction in a state that this processor cannot enter, by the processor.
 *
 * Without unrestricted guest, real mode and what is around a mode switch are interpreted (realmode.c). What the
 * interpreter does not know, x87, MMX and SSE, XSAVE, INVPCID, opcodes that do not exist, the processor executes: for one
 * entry it has segments of protected mode at CPL 0 with the bases, limits and sizes that the guest's have. Bits that
 * the instruction could tell the difference by are interpreted with whatever reads them: CR0.PE, selectors, RFLAGS.IF.
 * No event comes before it; every exception is an exit, and so is its end. What it did to segments, and only a guest that
 * rewrites its code meanwhile can have it do something, it keeps; all others are the guest's own again.
 */
#include <asm/vmx.h>

#include "internal.h"

#define DB_VECTOR	1
#define DR6_BS		BIT(14)
#define DR6_BREAKPOINTS	0xf

/**
 * vh_can_lend - can the processor execute one instruction in the guest's state, with lent segments?
 * @vcpu: the vCPU, whose state cannot be entered
 *
 * Own thread, interrupts on. CPL 0 alone; 64-bit mode can be entered anyway.
 */
bool vh_can_lend(struct vh_vcpu *vcpu)
{
	vh_need(vcpu, VH_S_RFLAGS | VH_S_EFER);
	return !(vcpu->s.efer & EFER_LMA) && !(vcpu->s.rflags & X86_EFLAGS_VM) && !vh_cpl(vcpu);
}

/* SDM Vol. 3, 27.3.1.2. Real mode looks neither at types nor at what protected mode calls unusable (segment_allows()). */
static void lend_segment(struct vh_cpu_state *s, unsigned int n)
{
	struct kvm_segment *seg = &s->seg[n];
	bool grows_down = (seg->type & 0xc) == 4;

	if (n == VH_CS)
		seg->type = (s->cr0 & X86_CR0_PE) && (seg->type & 8) ? seg->type | 1 : 11;
	else if (!(s->cr0 & X86_CR0_PE))
		seg->type = grows_down ? 7 : 3;
	else if (n != VH_SS && (seg->unusable || !seg->present))
		return;
	else
		seg->type |= 1;
	seg->selector &= ~3;
	seg->base = (u32)seg->base;
	seg->s = seg->present = 1;
	seg->dpl = seg->unusable = seg->l = seg->padding = 0;
	seg->g = seg->limit >> 20 ? 1 : 0;
	if (seg->g)
		seg->limit |= 0xfff;
}

/* Instructions that look at these are interpreted. */
static void lend_tables(struct vh_cpu_state *s)
{
	s->seg[VH_LDTR] = (struct kvm_segment){ .unusable = 1 };
	s->seg[VH_TR] = (struct kvm_segment){ .limit = 0x67, .type = 11, .present = 1 };
}

/**
 * vh_lend - make the state one that can be entered, for one instruction
 * @vcpu: the vCPU; vh_can_lend()
 * @own: what vh_take_back() wants
 *
 * Own thread, interrupts on. A section has to follow, and then vh_take_back().
 */
void vh_lend(struct vh_vcpu *vcpu, struct vh_own_state *own)
{
	struct vh_cpu_state *s = &vcpu->s;
	unsigned int i;

	vh_need(vcpu, VH_S_RIP | VH_S_RFLAGS | VH_S_INTR | VH_S_SEGS | VH_S_TABLES | VH_S_CR0);
	memcpy(own->seg, s->seg, sizeof(own->seg));
	own->rip = s->rip;
	own->rflags = s->rflags;
	own->interruptibility = s->interruptibility;
	for (i = VH_ES; i <= VH_GS; i++)
		lend_segment(s, i);
	lend_tables(s);
	memcpy(own->lent, s->seg, sizeof(own->lent));
	/* No interrupt that the processor delivers by itself; STI's shadow goes with IF. */
	s->rflags &= ~(u64)X86_EFLAGS_IF;
	s->interruptibility &= ~VH_SHADOW_STI;
	/* Without the monitor trap flag it is a single step. */
	if (!vh_cpu_caps.step)
		s->rflags |= X86_EFLAGS_TF;
	vh_dirty(vcpu, VH_S_RFLAGS | VH_S_INTR | VH_S_SEGS | VH_S_TABLES);
	vcpu->alone = true;
	vh_request(vcpu, VH_REQ_DEBUG_CONTROLS);
}

/* The single step that stands in for the monitor trap flag is not the guest's. */
static void end_of_step(struct vh_vcpu *vcpu, const struct vh_own_state *own)
{
	struct vh_cpu_state *s = &vcpu->s;
	struct vh_exit *x = &vcpu->exit;

	if (vh_cpu_caps.step || (own->rflags & X86_EFLAGS_TF))
		return;
	vh_need(vcpu, VH_S_PENDING_DB);
	if (s->pending_db & VH_PENDING_DB_STEP) {
		s->pending_db &= ~(u64)VH_PENDING_DB_STEP;
		vh_dirty(vcpu, VH_S_PENDING_DB);
	}
	if (x->reason != EXIT_REASON_EXCEPTION_NMI || (x->intr_info & INTR_INFO_VECTOR_MASK) != DB_VECTOR)
		return;
	x->qualification &= ~(u64)DR6_BS;
	if (!(x->qualification & DR6_BREAKPOINTS))
		x->reason = EXIT_REASON_MONITOR_TRAP_FLAG;
}

static bool same(const struct kvm_segment *a, const struct kvm_segment *b)
{
	return a->selector == b->selector && a->base == b->base && a->limit == b->limit && a->type == b->type;
}

/**
 * vh_take_back - the section behind vh_lend() is over
 * @vcpu: the vCPU
 * @own: filled in by vh_lend()
 *
 * Own thread, interrupts on. vcpu->exit, if that ended it, is as if the guest's own state had been entered. The
 * instruction may be done or not.
 */
void vh_take_back(struct vh_vcpu *vcpu, const struct vh_own_state *own)
{
	const u64 flags = X86_EFLAGS_IF | (vh_cpu_caps.step ? 0 : X86_EFLAGS_TF);
	struct vh_cpu_state *s = &vcpu->s;
	unsigned int i;

	vh_need(vcpu, VH_S_RIP | VH_S_RFLAGS | VH_S_INTR | VH_S_SEGS | VH_S_TABLES);
	for (i = 0; i < VH_NR_SEGS; i++)
		if (same(&s->seg[i], &own->lent[i]))
			s->seg[i] = own->seg[i];
	s->rflags = (s->rflags & ~flags) | (own->rflags & flags);
	if (s->rip == own->rip)
		s->interruptibility |= own->interruptibility & VH_SHADOW_STI;
	vh_dirty(vcpu, VH_S_RFLAGS | VH_S_INTR | VH_S_SEGS | VH_S_TABLES);
	end_of_step(vcpu, own);
	vcpu->alone = false;
	vh_request(vcpu, VH_REQ_DEBUG_CONTROLS);
	vh_request(vcpu, VH_REQ_EVENT);
}
