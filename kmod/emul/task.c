// SPDX-License-Identifier: GPL-2.0-only
/*
 * task.c - hardware task switches (SDM Vol. 3, chapter 8).
 *
 * Until the commit point an exception is the old task's, which has lost nothing. What
 * comes before it is done in an order that can begin anew: an access that cannot be
 * done now (VH_EMUL_RETRY), or never, leaves the old task as it was even when the new
 * one's segments are being loaded.
 */
#include "insn.h"

#define TS_VECTOR 10
#define NP_VECTOR 11
#define SS_VECTOR 12
#define GP_VECTOR 13

#define TASK_GATE 5
#define TSS_BUSY BIT(1)			/* of a descriptor's byte 5 */
#define MAX_TRIES 64

/* What a TSS may set of EFLAGS. */
#define TASK_FLAGS (VH_FLAGS_ARITH | X86_EFLAGS_TF | X86_EFLAGS_IF | X86_EFLAGS_DF | X86_EFLAGS_IOPL | \
		    X86_EFLAGS_NT | X86_EFLAGS_RF | X86_EFLAGS_VM | X86_EFLAGS_AC | X86_EFLAGS_VIF | \
		    X86_EFLAGS_VIP | X86_EFLAGS_ID)

/* The two forms of a TSS (SDM figures 8-2 and 8-10): registers of one size, one after the other. */
struct layout {
	u8 len, width;
	u8 state;			/* where they begin */
	u8 segs;			/* segment registers */
};

enum { R_IP, R_FLAGS, R_GPR, R_SEG = R_GPR + 8 };	/* and LDTR, behind the segment registers */

#define TSS_CR3		0x1c		/* the 32-bit one's */
#define TSS_TRAP	0x64
#define MAX_TSS		0x68

static const struct layout tss16 = { .len = 0x2c, .width = 2, .state = 0x0e, .segs = 4 };
static const struct layout tss32 = { .len = MAX_TSS, .width = 4, .state = 0x20, .segs = 6 };

static const struct layout *layout_of(const struct kvm_segment *tss)
{
	return tss->type & 8 ? &tss32 : &tss16;
}

/* A register of the state at @p. */
static u32 get(const struct layout *l, const u8 *p, unsigned int n)
{
	u32 val = 0;

	memcpy(&val, p + n * l->width, l->width);
	return val;
}

/* A new task: what has been read of it, and what its registers become. */
struct task {
	const struct vh_task_switch *t;
	const struct layout *layout;
	struct kvm_segment seg[VH_NR_SEGS];
	u64 desc_at;			/* its TSS's descriptor */
	u64 old_desc_at;
	u8 cpl;
	u8 tss[MAX_TSS];
};

static u32 task_reg(const struct task *n, unsigned int reg)
{
	return get(n->layout, n->tss + n->layout->state, reg);
}

/* --- before the commit point --- */

/* #GP of the table's limit is another exception here. */
static int read_desc(struct vh_emul *e, u8 vector, u16 sel, u64 *desc, u64 *linear)
{
	int r = vh_read_desc(e, sel, desc, linear);

	if (r == VH_EMUL_FAULT && e->fault.vector == GP_VECTOR)
		e->fault.vector = vector;
	return r;
}

/* The new TSS's descriptor (SDM Table 8-1, first part). */
static int find_tss(struct vh_emul *e, struct task *n)
{
	bool iret = n->t->source == VH_TASK_IRET;
	u8 vector = iret ? TS_VECTOR : GP_VECTOR;
	struct kvm_segment *tss = &n->seg[VH_TR];
	u16 sel = n->t->sel;
	u64 desc = 0;
	int r;

	if ((sel & 4) || !(sel & ~3))
		return vh_fault_sel(e, vector, sel);
	r = read_desc(e, vector, sel, &desc, &n->desc_at);
	if (r)
		return r;
	vh_unpack_desc(tss, sel, desc);
	if (tss->s || (tss->type & 5) != 1 || !(tss->type & TSS_BUSY) == iret)
		return vh_fault_sel(e, vector, sel);
	if (!tss->present)
		return vh_fault_sel(e, NP_VECTOR, sel);
	n->layout = layout_of(tss);
	if (tss->limit < n->layout->len - 1)
		return vh_fault_sel(e, TS_VECTOR, sel);
	tss->type |= TSS_BUSY;
	return VH_EMUL_OK;
}

/* All that will be written can be, and is memory: a device would have seen half of it. */
static int plain(struct vh_emul *e, u64 linear, unsigned int len, bool write)
{
	int r = e->ops->probe(e, linear, len, write, true);

	return r == VH_EMUL_USER ? VH_EMUL_UNHANDLED : r;
}

static bool nested(const struct vh_task_switch *t)
{
	return t->source == VH_TASK_CALL || t->source == VH_TASK_GATE;
}

/* The old task's descriptor becomes available. */
static bool leaves(const struct vh_task_switch *t)
{
	return !nested(t);
}

static int probe_all(struct vh_emul *e, const struct task *n)
{
	const struct kvm_segment *old = &e->seg[VH_TR];
	const struct layout *l = layout_of(old);
	unsigned int saved = (R_SEG + l->segs) * l->width;
	int r;

	if (old->limit < l->len - 1)
		return vh_fault_sel(e, TS_VECTOR, old->selector);
	r = plain(e, (u32)(old->base + l->state), saved, true);
	if (!r)
		r = plain(e, (u32)n->seg[VH_TR].base, n->layout->len, false);
	if (!r && nested(n->t))
		r = plain(e, (u32)n->seg[VH_TR].base, 2, true);
	if (!r && n->t->source != VH_TASK_IRET)
		r = plain(e, n->desc_at + 5, 1, true);
	if (!r && leaves(n->t))
		r = plain(e, n->old_desc_at + 5, 1, true);
	return r;
}

/* The old task into its TSS. What is there beside the selectors stays. */
static int save_old(struct vh_emul *e, const struct vh_task_switch *t)
{
	const struct kvm_segment *old = &e->seg[VH_TR];
	const struct layout *l = layout_of(old);
	u64 at = (u32)(old->base + l->state);
	unsigned int len = (R_SEG + l->segs) * l->width, i;
	u32 ip = e->d.next_rip, flags = e->rflags;
	u8 buf[MAX_TSS];
	int r = e->ops->read(e, at, buf, len, true);

	if (r)
		return r;
	if (t->source == VH_TASK_IRET)
		flags &= ~X86_EFLAGS_NT;
	if (!t->external)
		flags &= ~X86_EFLAGS_RF;
	if (t->fault)
		flags |= X86_EFLAGS_RF;
	memcpy(buf, &ip, l->width);
	memcpy(buf + R_FLAGS * l->width, &flags, l->width);
	for (i = 0; i < 8; i++)
		memcpy(buf + (R_GPR + i) * l->width, &e->gpr[i], l->width);
	for (i = 0; i < l->segs; i++)
		memcpy(buf + (R_SEG + i) * l->width, &e->seg[VH_ES + i].selector, 2);
	return e->ops->write(e, at, buf, len, true);
}

static int set_busy(struct vh_emul *e, u64 desc_at, bool busy)
{
	u64 linear = desc_at + 5, old = 0, seen, new;
	unsigned int tries;
	int r = e->ops->read(e, linear, &old, 1, true);

	for (tries = 0; !r && tries < MAX_TRIES; tries++) {
		new = busy ? old | TSS_BUSY : old & ~(u64)TSS_BUSY;
		if (new == old)
			return VH_EMUL_OK;
		seen = old;
		r = (e->ops->cmpxchg)(e, linear, &seen, new, 1, true);
		if (!r && seen == old)
			return VH_EMUL_OK;
		old = seen;
	}
	return r ? r : VH_EMUL_RETRY;
}

/* Back link and busy flags; the last one cannot be set twice. */
static int link_tasks(struct vh_emul *e, const struct task *n)
{
	u16 old = e->seg[VH_TR].selector;
	int r = VH_EMUL_OK;

	if (nested(n->t))
		r = e->ops->write(e, (u32)n->seg[VH_TR].base, &old, 2, true);
	if (!r && leaves(n->t))
		r = set_busy(e, n->old_desc_at, false);
	if (!r && n->t->source != VH_TASK_IRET)
		r = set_busy(e, n->desc_at, true);
	return r;
}

/* These are pages that have just been written. */
static void unlink_tasks(struct vh_emul *e, const struct task *n)
{
	if (n->t->source != VH_TASK_IRET)
		set_busy(e, n->desc_at, false);
	if (leaves(n->t))
		set_busy(e, n->old_desc_at, true);
}

/* --- in the new task --- */

static void v86_segments(struct task *n)
{
	unsigned int i;

	for (i = VH_ES; i <= VH_GS; i++)
		n->seg[i] = (struct kvm_segment){
			.base = (u32)n->seg[i].selector << 4, .limit = 0xffff, .type = 3, .s = 1,
			.dpl = 3, .present = 1, .selector = n->seg[i].selector,
		};
}

/*
 * Selectors without descriptors: what a fault leaves behind of those that are not loaded.
 * No instruction is executed with this CS, but VM entry wants one, as it wants SS to have
 * the CPL's RPL. A 16-bit TSS has no FS and GS: they are null.
 */
static void set_selectors(struct task *n)
{
	unsigned int i;

	n->cpl = task_reg(n, R_SEG + VH_CS) & 3;
	for (i = VH_ES; i <= VH_GS; i++)
		n->seg[i] = (struct kvm_segment){
			.selector = i < n->layout->segs ? task_reg(n, R_SEG + i) : 0,
			.unusable = 1, .dpl = n->cpl,
		};
	n->seg[VH_SS].selector = (n->seg[VH_SS].selector & ~3) | n->cpl;
	n->seg[VH_CS].limit = 0xffffffff;
	n->seg[VH_CS].type = 11;
	n->seg[VH_CS].s = n->seg[VH_CS].g = n->seg[VH_CS].present = 1;
	n->seg[VH_CS].db = n->layout->width == 4;
	n->seg[VH_CS].unusable = 0;
	n->seg[VH_LDTR] = (struct kvm_segment){
		.selector = task_reg(n, R_SEG + n->layout->segs), .unusable = 1,
	};
}

/* SDM Table 8-1, second part; e->seg is n->seg. */
static int load_ldtr(struct vh_emul *e, struct task *n)
{
	u16 sel = n->seg[VH_LDTR].selector;
	struct kvm_segment s;
	u64 desc = 0, linear;
	int r;

	if (!(sel & ~3))
		return VH_EMUL_OK;
	if (sel & 4)
		return vh_fault_sel(e, TS_VECTOR, sel);
	r = read_desc(e, TS_VECTOR, sel, &desc, &linear);
	if (r)
		return r;
	vh_unpack_desc(&s, sel, desc);
	if (s.s || s.type != 2 || !s.present)
		return vh_fault_sel(e, TS_VECTOR, sel);
	n->seg[VH_LDTR] = s;
	return VH_EMUL_OK;
}

static bool code_ok(const struct task *n, const struct kvm_segment *s)
{
	if (!s->s || !(s->type & 8))
		return false;
	return s->type & 4 ? s->dpl <= n->cpl : s->dpl == n->cpl;
}

static bool stack_ok(const struct task *n, const struct kvm_segment *s)
{
	return s->s && (s->type & 0xa) == 2 && s->dpl == n->cpl && (s->selector & 3) == n->cpl;
}

static bool data_ok(const struct task *n, const struct kvm_segment *s)
{
	if (!s->s || (s->type & 0xa) == 8)
		return false;
	return (s->type & 0xc) == 0xc || (s->dpl >= n->cpl && s->dpl >= (s->selector & 3));
}

static int load_segment(struct vh_emul *e, struct task *n, unsigned int i)
{
	u16 sel = i < n->layout->segs ? task_reg(n, R_SEG + i) : 0;
	struct kvm_segment s;
	u64 desc = 0, linear;
	bool ok;
	int r;

	if (!(sel & ~3))
		return i == VH_CS || i == VH_SS ? vh_fault_sel(e, TS_VECTOR, sel) : VH_EMUL_OK;
	r = read_desc(e, TS_VECTOR, sel, &desc, &linear);
	if (r)
		return r;
	vh_unpack_desc(&s, sel, desc);
	ok = i == VH_CS ? code_ok(n, &s) : i == VH_SS ? stack_ok(n, &s) : data_ok(n, &s);
	if (!ok)
		return vh_fault_sel(e, TS_VECTOR, sel);
	if (!s.present)
		return vh_fault_sel(e, i == VH_SS ? SS_VECTOR : NP_VECTOR, sel);
	r = vh_set_accessed(e, &s, desc, linear);
	if (!r)
		n->seg[i] = s;
	return r;
}

static int load_segments(struct vh_emul *e, struct task *n)
{
	static const u8 order[] = { VH_CS, VH_SS, VH_DS, VH_ES, VH_FS, VH_GS };
	unsigned int i;
	int r = load_ldtr(e, n);

	for (i = 0; !r && i < ARRAY_SIZE(order) && !(e->rflags & X86_EFLAGS_VM); i++)
		r = load_segment(e, n, order[i]);
	return r;
}

/* The new task's registers, but for what ops->set_seg and ops->system set; a fault is the new task's. */
static int load_new(struct vh_emul *e, struct task *n)
{
	const struct layout *l = n->layout;
	unsigned int i;
	int r;

	for (i = 0; i < 8; i++)
		e->gpr[i] = task_reg(n, R_GPR + i);
	e->seg = n->seg;
	e->cpl = n->cpl;
	r = load_segments(e, n);
	if (!r && n->t->push) {
		u64 linear, sp = (e->gpr[VH_RSP] - l->width) & vh_mask(vh_stack_size(e));

		r = vh_linear(e, VH_SS, sp, l->width, true, &linear);
		if (!r)		/* a device would get it twice, or not at all */
			r = e->ops->probe(e, linear, l->width, true, false);
		if (r == VH_EMUL_USER)
			r = VH_EMUL_UNHANDLED;
		if (!r)
			r = vh_push(e, n->t->error, l->width);
	}
	if (!r && task_reg(n, R_IP) > n->seg[VH_CS].limit)
		r = vh_emul_fault(e, GP_VECTOR);
	return r;
}

/* What of the old task load_new() changes. */
struct old_task {
	const struct kvm_segment *seg;
	u64 gpr[8], rflags;
	u8 cpl;
};

/* Behind the instruction its own single step, not that of INT; and the new task's T flag (SDM 18.3.1.4, 18.3.1.5). */
static u16 traps(const struct task *n, u64 old_rflags)
{
	u16 dr6 = 0;

	if ((old_rflags & X86_EFLAGS_TF) && n->t->source != VH_TASK_GATE)
		dr6 |= BIT(14);
	if (n->layout == &tss32 && (n->tss[TSS_TRAP] & 1))
		dr6 |= BIT(15);
	return dr6;
}

static void commit(struct vh_emul *e, struct task *n, const struct old_task *old)
{
	unsigned int i;
	u64 none = 0;

	for (i = 0; i < VH_NR_SEGS; i++)
		e->ops->set_seg(e, i, &n->seg[i]);
	e->seg = old->seg;
	e->ops->system(e, VH_SYS_TASK_DONE, 0, &none);
	e->d.next_rip = task_reg(n, R_IP);
	e->task = true;
	e->task_traps = traps(n, old->rflags);
	e->iret = n->t->source == VH_TASK_IRET;
}

static int task_switch(struct vh_emul *e, const struct vh_task_switch *t)
{
	struct old_task old = { .seg = e->seg, .rflags = e->rflags, .cpl = e->cpl };
	struct task n = { .t = t };
	u64 cr3 = 0;
	int r;

	vh_emul_tables(e);
	n.old_desc_at = (u32)(e->gdt->base + (e->seg[VH_TR].selector & ~7U));
	r = find_tss(e, &n);
	if (!r)
		r = probe_all(e, &n);
	if (!r)
		r = save_old(e, t);
	/* Not before: IRET may lead to the same task. */
	if (!r)
		r = e->ops->read(e, (u32)n.seg[VH_TR].base, n.tss, n.layout->len, true);
	if (r)
		return r;
	if (n.layout == &tss32)
		memcpy(&cr3, n.tss + TSS_CR3, 4);
	r = e->ops->system(e, VH_SYS_TASK_CHECK, n.layout == &tss32, &cr3);
	if (r)
		return r;
	r = link_tasks(e, &n);
	if (r) {
		if (leaves(t))
			set_busy(e, n.old_desc_at, true);
		return r;
	}

	set_selectors(&n);
	e->rflags = (task_reg(&n, R_FLAGS) & TASK_FLAGS) | X86_EFLAGS_FIXED;
	if (nested(t))
		e->rflags |= X86_EFLAGS_NT;
	if (e->rflags & X86_EFLAGS_VM) {
		v86_segments(&n);
		n.cpl = 3;
	}
	memcpy(old.gpr, e->gpr, sizeof(old.gpr));
	r = e->ops->system(e, VH_SYS_TASK_ENTER, n.layout == &tss32, &cr3);
	if (r)
		goto undo;
	r = load_new(e, &n);
	if (r == VH_EMUL_OK || r == VH_EMUL_FAULT) {
		commit(e, &n, &old);
		return r;
	}
	e->ops->system(e, VH_SYS_TASK_UNDO, n.layout == &tss32, &cr3);
undo:
	e->seg = old.seg;
	e->cpl = old.cpl;
	e->rflags = old.rflags;
	memcpy(e->gpr, old.gpr, sizeof(old.gpr));
	unlink_tasks(e, &n);
	return r == VH_EMUL_USER ? VH_EMUL_UNHANDLED : r;
}

/**
 * vh_emul_task_switch - switch to another task
 * @e: its context; e->d.next_rip is the old task's return address
 * @t: what to do
 *
 * VH_EMUL_OK: gpr, rflags, e->d.next_rip and what ops->set_seg sets are the new task's, and
 * e->task is set. VH_EMUL_FAULT with e->task: as well, and the exception is the new task's; without:
 * nothing has changed. VH_EMUL_RETRY, VH_EMUL_UNHANDLED (also: a TSS or a table is in a
 * device): nothing has changed.
 */
int vh_emul_task_switch(struct vh_emul *e, const struct vh_task_switch *t)
{
	struct vh_fault *f = &e->fault;
	int r;

	e->task = false;
	e->task_traps = 0;
	if (!e->ops->set_seg || !e->ops->system || !e->ops->probe || (e->efer & EFER_LMA))
		return VH_EMUL_UNHANDLED;
	r = task_switch(e, t);
	/* The selector's other bits are 0: IDT and TI are for those who read descriptors. */
	if (r == VH_EMUL_FAULT && t->external && f->vector >= TS_VECTOR && f->vector <= GP_VECTOR)
		f->error |= 1;
	return r;
}

/* --- instructions that lead to a task --- */

/**
 * vh_task_far - JMP or CALL whose selector names a gate or a system segment
 * @e: the instruction
 * @sel: the selector
 * @source: VH_TASK_JMP or VH_TASK_CALL
 *
 * VH_EMUL_*; a call gate is not handled. SDM Vol. 2, JMP and CALL.
 */
int vh_task_far(struct vh_emul *e, u16 sel, enum vh_task_source source)
{
	struct vh_task_switch t = { .sel = sel, .source = source };
	bool long_mode = e->efer & EFER_LMA;
	struct kvm_segment s;
	u64 desc = 0, linear;
	int r = vh_read_desc(e, sel, &desc, &linear);

	if (r)
		return r;
	vh_unpack_desc(&s, sel, desc);
	if (s.s || s.type == 12 || (s.type == 4 && !long_mode))
		return VH_EMUL_UNHANDLED;
	if (long_mode || (s.type != TASK_GATE && ((s.type & 5) != 1 || (sel & 4))) ||
	    s.dpl < e->cpl || s.dpl < (sel & 3))
		return vh_fault_sel(e, GP_VECTOR, sel);
	if (s.type == TASK_GATE) {
		if (!s.present)
			return vh_fault_sel(e, NP_VECTOR, sel);
		t.sel = desc >> 16;
	}
	return vh_emul_task_switch(e, &t);
}

/**
 * vh_task_iret - IRET of a nested task
 * @e: the instruction
 *
 * VH_EMUL_*. SDM Vol. 2, IRET.
 */
int vh_task_iret(struct vh_emul *e)
{
	struct vh_task_switch t = { .source = VH_TASK_IRET };
	int r;

	if (e->efer & EFER_LMA)
		return vh_emul_fault(e, GP_VECTOR);
	vh_emul_tables(e);
	r = e->ops->read(e, (u32)e->seg[VH_TR].base, &t.sel, 2, true);
	return r ? r : vh_emul_task_switch(e, &t);
}
