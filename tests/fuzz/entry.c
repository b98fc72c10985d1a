// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>
#include <stdint.h>

#include "entry.h"

#define CR0_PE		1u
#define EFER_LMA	(1u << 10)
#define RFLAGS_VM	(1u << 17)

static bool canonical(uint64_t v)
{
	return (int64_t)(v << 16) >> 16 == (int64_t)v;
}

static bool unusable(const struct kvm_segment *s)
{
	return s->unusable || !s->present;
}

static bool limit_ok(const struct kvm_segment *s)
{
	if ((s->limit & 0xfff) != 0xfff && s->g)
		return false;
	return !(s->limit >> 20) || s->g;
}

static bool vm86_ok(const struct kvm_segment *s)
{
	return s->base == (uint64_t)s->selector << 4 && s->limit == 0xffff && s->type == 3 && s->s &&
	       s->dpl == 3 && s->present && !s->avl && !s->l && !s->db && !s->g && !s->unusable;
}

/* SDM 27.3.1.2; selector checks that hold without unrestricted guest only are not here. */
static const char *segments(const struct kvm_sregs *s, bool vm86)
{
	const struct kvm_segment *seg[] = { &s->cs, &s->ss, &s->ds, &s->es, &s->fs, &s->gs };
	const struct kvm_segment *cs = &s->cs, *ss = &s->ss;
	unsigned int i;

	for (i = 0; vm86 && i < 6; i++)
		if (!vm86_ok(seg[i]))
			return "segment of virtual-8086 mode";
	if (s->tr.selector & 4)
		return "TR.TI";
	if (!limit_ok(&s->tr))
		return "TR limit";
	if (!unusable(&s->ldt) && (s->ldt.selector & 4 || s->ldt.type != 2 || s->ldt.s ||
				   !limit_ok(&s->ldt)))
		return "LDTR";
	if (vm86)
		return NULL;
	if (cs->base >> 32)
		return "CS base";
	for (i = 1; i < 4; i++)
		if (!unusable(seg[i]) && seg[i]->base >> 32)
			return "SS, DS, ES base";
	if (cs->unusable || !cs->present || !cs->s)
		return "CS not present, or no code segment";
	if (cs->type != 3 && (cs->type & 9) != 9)
		return "CS type";
	if (!limit_ok(cs))
		return "CS limit";
	if ((s->efer & EFER_LMA) && cs->l && cs->db)
		return "CS.L with CS.D";
	if (cs->type == 3 ? cs->dpl : cs->type & 4 ? cs->dpl > ss->dpl : cs->dpl != ss->dpl)
		return "CS.DPL";
	/* Not in the SDM, but bochs refuses it (2.7, VMenterLoadCheckGuestState). */
	if (cs->type != 3 && (cs->type & 4 ? (cs->selector & 3) < cs->dpl : (cs->selector & 3) != cs->dpl))
		return "CS.RPL";
	if (!unusable(ss) && ((ss->type != 3 && ss->type != 7) || !ss->s || !limit_ok(ss)))
		return "SS";
	if ((cs->type == 3 || !(s->cr0 & CR0_PE)) && ss->dpl)
		return "SS.DPL";
	for (i = 2; i < 6; i++) {
		if (unusable(seg[i]))
			continue;
		if (!(seg[i]->type & 1) || (seg[i]->type & 0xa) == 8 || !seg[i]->s || !limit_ok(seg[i]))
			return "data segment";
	}
	return NULL;
}

const char *entry_refused(const struct kvm_sregs *s, const struct kvm_regs *r)
{
	bool vm86 = r->rflags & RFLAGS_VM, lma = s->efer & EFER_LMA;

	/* 27.3.1.4 */
	if (vm86 && (lma || !(s->cr0 & CR0_PE)))
		return "RFLAGS.VM";
	if (lma && s->cs.l ? !canonical(r->rip) : r->rip >> 32)
		return "RIP";
	return segments(s, vm86);
}
