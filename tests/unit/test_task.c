// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_task.c - task switches of the interpreter, in a machine of 64K: the instructions that
 * lead to them, and that each access which cannot be done leaves everything as it was.
 */
#include "tap.h"

#include <emul/insn.h>

#define GDT	0x1000
#define IDT	0x2000
#define T0	0x3f00			/* across two pages, as is T1 */
#define T1	0x4fe0
#define T16	0x6000
#define LDT	0x7000
#define CODE	0x8000
#define S0	0x9f00
#define S1	0xaf00

#define SEL_CODE 0x08
#define SEL_DATA 0x10
#define SEL_LDT	0x18
#define SEL_T0	0x20
#define SEL_T1	0x28
#define SEL_T16	0x30
#define SEL_GATE 0x38

#define TS 10
#define NP 11
#define SS 12
#define GP 13
#define PF 14

static struct machine {
	u8 ram[0x10000];
	struct kvm_segment seg[VH_NR_SEGS];
	u64 cr3;
	bool ts;
} m, begin;

static struct kvm_dtable gdt = { .base = GDT, .limit = 0x3f }, idt = { .base = IDT, .limit = 0x7ff };
static u64 old_cr3;
static bool bad_cr3;
static unsigned int accesses, fail_at;	/* this one has @fail_with for a result; 0: none */
static int fail_with;
static u64 device = ~0ULL;		/* this page is one */

/* A page that has never been there, or an access whose turn to fail it is. */
static int at(struct vh_emul *e, u64 linear, unsigned int len)
{
	if (++accesses == fail_at)
		return fail_with;
	if (linear + len <= sizeof(m.ram))
		return VH_EMUL_OK;
	e->fault = (struct vh_fault){ .vector = PF, .cr2 = linear };
	return VH_EMUL_FAULT;
}

#include "test_ram.h"

static int op_cmpxchg(struct vh_emul *e, u64 linear, u64 *old, u64 new, unsigned int len, bool system)
{
	u64 now = 0;
	int r = at(e, linear, len);

	if (r)
		return r;
	memcpy(&now, m.ram + linear, len);
	if (now == *old)
		memcpy(m.ram + linear, &new, len);
	*old = now;
	return VH_EMUL_OK;
}

static int op_probe(struct vh_emul *e, u64 linear, unsigned int len, bool write, bool system)
{
	int r = at(e, linear, len);

	if (!r && (linear >> 12 == device >> 12 || (linear + len - 1) >> 12 == device >> 12))
		r = VH_EMUL_USER;
	return r;
}

static int op_system(struct vh_emul *e, enum vh_emul_sys what, unsigned int n, u64 *val)
{
	switch (what) {
	case VH_SYS_TASK_CHECK:
		return n && bad_cr3 ? vh_emul_fault(e, GP) : VH_EMUL_OK;
	case VH_SYS_TASK_ENTER:
		old_cr3 = m.cr3;
		if (n)
			m.cr3 = *val;
		return VH_EMUL_OK;
	case VH_SYS_TASK_UNDO:
		m.cr3 = old_cr3;
		return VH_EMUL_OK;
	case VH_SYS_TASK_DONE:
		m.ts = true;
		return VH_EMUL_OK;
	case VH_SYS_INT3:
		return VH_EMUL_OK;
	default:
		return VH_EMUL_UNHANDLED;
	}
}

static const struct vh_emul_ops ops = {
	.fetch = op_fetch, .read = op_read, .write = op_write, .cmpxchg = op_cmpxchg, .probe = op_probe,
	.set_seg = op_set_seg, .system = op_system,
};

static void desc(u16 sel, u32 base, u32 limit, u16 rights)
{
	put(GDT + sel, (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)rights << 40 |
		       (u64)(limit & 0xf0000) << 32 | (u64)(base >> 24) << 56, 8);
}

static void new_task(void)
{
	static const u16 sel[] = { SEL_DATA, SEL_CODE, SEL_DATA, SEL_DATA, SEL_DATA, 0x0c, SEL_LDT };
	unsigned int i;

	put(T1 + 0x1c, 0xc3000, 4);
	put(T1 + 0x20, CODE + 0x100, 4);
	put(T1 + 0x24, 0x246, 4);
	for (i = 0; i < 8; i++)
		put(T1 + 0x28 + 4 * i, i == VH_RSP ? S1 : 0x11111111 * i, 4);
	for (i = 0; i < ARRAY_SIZE(sel); i++)
		put(T1 + 0x48 + 4 * i, sel[i], 4);
	put(LDT + 8, 0x00cf92000000ffff, 8);
	put(T16 + 0x0e, 0x8100, 2);
	put(T16 + 0x10, 2, 2);
	for (i = 0; i < 4; i++)
		put(T16 + 0x22 + 2 * i, sel[i], 2);
}

/* 32-bit code of CPL 0 at CODE. */
static struct vh_emul machine(const char *bytes, unsigned int len)
{
	struct vh_emul e = {
		.ops = &ops, .seg = m.seg, .gdt = &gdt, .idt = &idt, .rip = CODE, .rflags = 0x10003, .cr0 = 0x11,
	};
	unsigned int i;

	memset(&m, 0, sizeof(m));
	fail_at = 0;
	device = ~0ULL;
	bad_cr3 = false;
	for (i = 0; i < VH_LDTR; i++)
		m.seg[i] = (struct kvm_segment){ .selector = SEL_DATA, .limit = 0xffffffff, .type = 3, .s = 1,
						 .present = 1, .db = 1, .g = 1 };
	m.seg[VH_CS].selector = SEL_CODE;
	m.seg[VH_CS].type = 11;
	m.seg[VH_LDTR].unusable = 1;
	m.seg[VH_TR] = (struct kvm_segment){ .selector = SEL_T0, .base = T0, .limit = 0x67, .type = 11, .present = 1 };
	put(GDT + SEL_CODE, 0x00cf9a000000ffff, 8);
	put(GDT + SEL_DATA, 0x00cf92000000ffff, 8);
	desc(SEL_LDT, LDT, 0xf, 0x82);
	desc(SEL_T0, T0, 0x67, 0x8b);
	desc(SEL_T1, T1, 0x67, 0x89);
	desc(SEL_T16, T16, 0x2b, 0x81);
	put(GDT + SEL_GATE, (u64)0x8500 << 32 | SEL_T1 << 16, 8);
	put(IDT + 8 * 0x80, (u64)0x8500 << 32 | SEL_T1 << 16, 8);
	put(IDT + 8 * 0x81, (u64)0x8e00 << 32 | SEL_CODE << 16, 8);
	new_task();
	put(T0, SEL_T1, 2);
	m.cr3 = 0xaa000;
	memcpy(m.ram + CODE, bytes, len);
	for (i = 0; i < 8; i++)
		e.gpr[i] = 0xa0a0a000 + i;
	e.gpr[VH_RSP] = S0;
	begin = m;
	return e;
}

#define MACHINE(bytes) machine(bytes, sizeof(bytes) - 1)
#define JMP	"\xea\x00\x00\x00\x00\x28\x00"
#define JMP16	"\xea\x00\x00\x00\x00\x30\x00"
#define CALL	"\x9a\x00\x00\x00\x00\x28\x00"
#define JMP_GATE "\xea\x00\x00\x00\x00\x38\x00"
#define CALL_GATE "\x9a\x00\x00\x00\x00\x38\x00"
#define INT	"\xcd\x80"
#define IRET	"\xcf"

static bool busy(u16 sel)
{
	return m.ram[GDT + sel + 5] & 2;
}

static void check_new(const struct vh_emul *e)
{
	TAP_CHECK(e->task);
	TAP_EQ(e->rip, CODE + 0x100);
	TAP_EQ(e->gpr[VH_RDI], 0x77777777);
	TAP_EQ(e->gpr[VH_RSP], S1);
	TAP_EQ(m.seg[VH_TR].selector, SEL_T1);
	TAP_EQ(m.seg[VH_TR].type, 11);
	TAP_EQ(m.seg[VH_TR].base, T1);
	TAP_EQ(m.seg[VH_LDTR].base, LDT);
	TAP_EQ(m.seg[VH_GS].selector, 0x0c);
	TAP_CHECK(!m.seg[VH_GS].unusable && (m.seg[VH_GS].type & 1));
	TAP_EQ(m.cr3, 0xc3000);
	TAP_CHECK(m.ts && busy(SEL_T1));
}

static void check_saved(const struct vh_emul *e, unsigned int len, u32 flags)
{
	TAP_EQ(get(T0 + 0x20, 4), CODE + len);
	TAP_EQ(get(T0 + 0x24, 4), flags);
	TAP_EQ(get(T0 + 0x28, 4), 0xa0a0a000);
	TAP_EQ(get(T0 + 0x38, 4), S0);
	TAP_EQ(get(T0 + 0x44, 4), 0xa0a0a007);
	TAP_EQ(get(T0 + 0x4c, 4), SEL_CODE);
	TAP_EQ(get(T0 + 0x5c, 4), SEL_DATA);
	TAP_EQ(get(T0 + 0x60, 4), 0);
}

static void test_instructions(void)
{
	struct vh_emul e = MACHINE(JMP);

	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	check_new(&e);
	check_saved(&e, 7, 3);
	TAP_EQ(e.rflags, 0x246);
	TAP_CHECK(!busy(SEL_T0) && !get(T1, 2));

	e = MACHINE(CALL);
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	check_new(&e);
	check_saved(&e, 7, 3);
	TAP_EQ(e.rflags, 0x4246);
	TAP_EQ(get(T1, 2), SEL_T0);
	TAP_CHECK(busy(SEL_T0));

	e = MACHINE(JMP_GATE);
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	check_new(&e);
	e = MACHINE(CALL_GATE);
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	check_new(&e);
	TAP_EQ(get(T1, 2), SEL_T0);

	e = MACHINE(INT);
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	check_new(&e);
	check_saved(&e, 2, 3);
	TAP_EQ(get(T1, 2), SEL_T0);
	TAP_EQ(e.rflags, 0x4246);

	e = MACHINE(IRET);
	e.rflags |= X86_EFLAGS_NT;
	desc(SEL_T1, T1, 0x67, 0x8b);
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	check_new(&e);
	check_saved(&e, 1, 3);
	TAP_CHECK(e.iret && !busy(SEL_T0));
	TAP_EQ(e.rflags, 0x246);

	e = MACHINE(JMP16);
	e.rflags |= X86_EFLAGS_VM;		/* not from there: a far jump as in real mode */
	e.cpl = 3;
	TAP_CHECK(vh_emul_step(&e) == VH_EMUL_OK && !e.task);
	e = MACHINE(JMP16);
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(e.rip, 0x8100);
	TAP_EQ(m.cr3, 0xaa000);
	TAP_EQ(m.seg[VH_TR].type, 3);
}

#define FAULTS(e, vec, err) do {						\
	TAP_EQ(vh_emul_step(&(e)), VH_EMUL_FAULT);				\
	TAP_EQ((e).fault.vector, vec);						\
	TAP_EQ((e).fault.error, err);						\
	TAP_CHECK(!(e).task && (e).rip == CODE);				\
} while (0)

static void test_checks(void)
{
	struct vh_emul e = MACHINE(JMP);

	e.cpl = 3;
	FAULTS(e, GP, SEL_T1);			/* DPL 0 */
	e = MACHINE(CALL_GATE);
	e.cpl = 3;
	FAULTS(e, GP, SEL_GATE);
	e = MACHINE(CALL_GATE);
	e.cpl = 3;
	m.ram[GDT + SEL_GATE + 5] |= 0x60;	/* the gate's counts, the TSS's does not */
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	e = MACHINE(CALL_GATE);
	m.ram[GDT + SEL_GATE + 5] = 5;
	FAULTS(e, NP, SEL_GATE);
	e = MACHINE(CALL);
	m.ram[GDT + SEL_T1 + 5] = 0x8b;
	FAULTS(e, GP, SEL_T1);
	e = MACHINE(CALL);
	m.ram[GDT + SEL_T1 + 5] = 9;
	FAULTS(e, NP, SEL_T1);
	e = MACHINE(CALL);
	desc(SEL_T1, T1, 0x66, 0x89);
	FAULTS(e, TS, SEL_T1);
	e = MACHINE(CALL);
	m.seg[VH_TR].limit = 0x66;
	FAULTS(e, TS, SEL_T0);
	e = MACHINE(CALL);
	bad_cr3 = true;
	FAULTS(e, GP, 0);
	TAP_CHECK(!busy(SEL_T1) && !get(T1, 2));
	e = MACHINE(CALL);
	e.efer = EFER_LMA;
	FAULTS(e, GP, SEL_T1);
	e = MACHINE(IRET);
	e.rflags |= X86_EFLAGS_NT;
	FAULTS(e, TS, SEL_T1);			/* available */
	e = MACHINE(IRET);
	e.rflags |= X86_EFLAGS_NT;
	e.efer = EFER_LMA;
	FAULTS(e, GP, 0);
	e = MACHINE(INT);
	e.cpl = 3;
	FAULTS(e, GP, 0x80 * 8 + 2);
	e = MACHINE("\xf1");			/* INT1 goes through any gate */
	put(IDT + 8 * 1, (u64)0x8500 << 32 | SEL_T1 << 16, 8);
	e.cpl = 3;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	e = MACHINE("\xf1");
	put(IDT + 8 * 1, (u64)0x8e00 << 32 | SEL_CODE << 16, 8);
	e.cpl = 3;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_UNHANDLED);
	e = MACHINE("\xf1");
	idt.limit = 8 + 6;
	FAULTS(e, GP, 8 + 2 + 1);
	idt.limit = 0x7ff;
	e = MACHINE(INT);
	idt.limit = 0x400 + 6;
	FAULTS(e, GP, 0x80 * 8 + 2);
	idt.limit = 0x7ff;
	e = MACHINE(INT);
	m.ram[IDT + 8 * 0x80 + 5] = 5;
	FAULTS(e, NP, 0x80 * 8 + 2);
	e = MACHINE(INT);
	m.ram[IDT + 8 * 0x80 + 5] = 0x8c;	/* no gate of the IDT */
	FAULTS(e, GP, 0x80 * 8 + 2);
	e = MACHINE("\xcd\x81");			/* no task's */
	TAP_CHECK(vh_emul_step(&e) == VH_EMUL_OK && !e.task);
	e = MACHINE(INT);
	e.rflags |= X86_EFLAGS_VM;
	e.cpl = 3;
	FAULTS(e, GP, 0);			/* IOPL */
}

/* Faults of the new task: it is the one that runs. */
static void test_new_faults(void)
{
	struct vh_emul e = MACHINE(CALL);

	put(T1 + 0x58, 0x100, 4);		/* FS */
	TAP_EQ(vh_emul_step(&e), VH_EMUL_FAULT);
	TAP_CHECK(e.task && e.fault.vector == TS && e.fault.error == 0x100);
	TAP_EQ(e.rip, CODE + 0x100);
	TAP_CHECK(m.seg[VH_FS].unusable && m.seg[VH_FS].selector == 0x100 && m.seg[VH_GS].unusable);
	TAP_CHECK(!m.seg[VH_SS].unusable && m.seg[VH_TR].selector == SEL_T1 && busy(SEL_T1));
	TAP_EQ(e.rflags, 0x4246);

	e = MACHINE(CALL);
	put(T1 + 0x4c, 0x103, 4);		/* CS: CPL 3, and something that VM entry takes */
	TAP_EQ(vh_emul_step(&e), VH_EMUL_FAULT);
	TAP_CHECK(e.task && e.fault.vector == TS && e.fault.error == 0x100);
	TAP_CHECK(m.seg[VH_CS].selector == 0x103 && m.seg[VH_CS].dpl == 3 && m.seg[VH_CS].type == 11 &&
		  m.seg[VH_CS].present);
	TAP_CHECK(m.seg[VH_SS].unusable && m.seg[VH_SS].dpl == 3 && (m.seg[VH_SS].selector & 3) == 3);

	e = MACHINE(JMP);
	put(T1 + 0x24, 0x20002, 4);		/* virtual-8086 mode, with an LDT that is none */
	put(T1 + 0x60, SEL_DATA, 4);
	TAP_EQ(vh_emul_step(&e), VH_EMUL_FAULT);
	TAP_CHECK(e.task && e.fault.vector == TS && e.fault.error == SEL_DATA);
	TAP_CHECK(m.seg[VH_CS].base == SEL_CODE << 4 && m.seg[VH_CS].dpl == 3 && m.seg[VH_CS].limit == 0xffff);
}

static void test_traps(void)
{
	struct vh_emul e = MACHINE(JMP);

	e.rflags |= X86_EFLAGS_TF;
	put(T1 + 0x64, 1, 2);
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(e.task_traps, 0xc000);
	e = MACHINE(INT);
	e.rflags |= X86_EFLAGS_TF;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(e.task_traps, 0);
	TAP_EQ(get(T0 + 0x24, 4), 0x103);
}

/* RF is the next instruction's, whoever sets it (SDM Vol. 3, 18.3.1.1). */
static void test_resume_flag(void)
{
	struct vh_emul e = MACHINE(JMP);

	put(T1 + 0x24, 0x10002, 4);
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(e.rflags, 0x10002);
	e = MACHINE(IRET);
	put(S0, CODE + 0x200, 4);
	put(S0 + 4, SEL_CODE, 4);
	put(S0 + 8, 0x10002, 4);
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_CHECK(e.rip == CODE + 0x200 && !e.task);
	TAP_EQ(e.rflags, 0x10002);
	e = MACHINE("\x90");
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(e.rflags, 3);
}

/* An event as the exit's handler passes it on. */
static int deliver(struct vh_emul *e)
{
	const struct vh_task_switch t = {
		.sel = SEL_T1, .source = VH_TASK_GATE, .external = true, .fault = true, .push = true, .error = 0x1234,
	};

	e->d.mode = 4;
	e->d.next_rip = e->rip;
	return vh_emul_task_switch(e, &t);
}

static void test_event(void)
{
	struct vh_emul e = MACHINE("");

	TAP_EQ(deliver(&e), VH_EMUL_OK);
	TAP_EQ(get(T0 + 0x20, 4), CODE);
	TAP_EQ(get(T0 + 0x24, 4), 0x10003);	/* RF */
	TAP_EQ(e.gpr[VH_RSP], S1 - 4);
	TAP_EQ(get(S1 - 4, 4), 0x1234);
	e = MACHINE("");
	m.ram[GDT + SEL_T1 + 5] = 9;
	TAP_EQ(deliver(&e), VH_EMUL_FAULT);
	TAP_EQ(e.fault.error, SEL_T1 | 1);	/* EXT */
	e = MACHINE("");
	put(T1 + 0x38, 2, 4);			/* the error code wraps around the stack's end */
	TAP_EQ(deliver(&e), VH_EMUL_FAULT);
	TAP_CHECK(e.task && e.fault.vector == SS && e.fault.error == 1);
	TAP_EQ(e.gpr[VH_RSP], 2);
}

static int step_iret(struct vh_emul *e)
{
	desc(SEL_T1, T1, 0x67, 0x8b);
	begin = m;
	e->rflags |= X86_EFLAGS_NT;
	return vh_emul_step(e);
}

/* Everything but where the old task is saved, and the link that nobody follows. */
static bool as_it_was(const struct vh_emul *e, const struct vh_emul *was)
{
	memcpy(begin.ram + T0 + 0x20, m.ram + T0 + 0x20, 0x40);
	memcpy(begin.ram + T1, m.ram + T1, 2);
	/* Accessed bits may be set by an attempt as well. */
	begin.ram[GDT + SEL_CODE + 5] = m.ram[GDT + SEL_CODE + 5];
	begin.ram[GDT + SEL_DATA + 5] = m.ram[GDT + SEL_DATA + 5];
	begin.ram[LDT + 8 + 5] = m.ram[LDT + 8 + 5];
	return !memcmp(&m, &begin, sizeof(m)) && !memcmp(e->gpr, was->gpr, sizeof(e->gpr)) &&
	       e->rip == was->rip && e->cpl == was->cpl && e->seg == m.seg && !e->task &&
	       (e->rflags | X86_EFLAGS_NT) == (was->rflags | X86_EFLAGS_NT);
}

/* Each access in turn cannot be done: nothing has happened, and the next attempt is as the first would have been. */
static void test_undone(const char *name, const char *bytes, unsigned int len, int (*run)(struct vh_emul *e),
			int result)
{
	struct vh_emul e = machine(bytes, len), was = e;
	struct machine whole;
	unsigned int n, i, bad = 0;
	u64 gpr[16];

	accesses = 0;
	if (run(&e) != VH_EMUL_OK)
		bad++;
	n = accesses;
	whole = m;
	memcpy(gpr, e.gpr, sizeof(gpr));
	for (i = 1; i <= n; i++) {
		e = machine(bytes, len);
		accesses = 0;
		fail_at = i;
		fail_with = result;
		if (run(&e) != result || !as_it_was(&e, &was))
			bad++;
		fail_at = 0;
		if (result != VH_EMUL_RETRY)
			continue;
		e.rflags = was.rflags;
		if (run(&e) != VH_EMUL_OK || memcmp(&m, &whole, sizeof(m)) || memcmp(gpr, e.gpr, sizeof(gpr)))
			bad++;
	}
	tap_ok(!bad && n > 10, "%s: each of %u accesses fails with %d (%u are wrong)", name, n, result, bad);
}

static void test_devices(void)
{
	static const u32 pages[] = { GDT, T0, T0 + 0x100, T1, T1 + 0x20 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		struct vh_emul e = MACHINE(CALL), was = e;

		device = pages[i];
		TAP_EQ(vh_emul_step(&e), VH_EMUL_UNHANDLED);
		TAP_CHECK(as_it_was(&e, &was));
	}
}

int main(void)
{
	static const int results[] = { VH_EMUL_RETRY, VH_EMUL_UNHANDLED };
	unsigned int i;

	test_instructions();
	test_checks();
	test_new_faults();
	test_traps();
	test_event();
	test_resume_flag();
	for (i = 0; i < ARRAY_SIZE(results); i++) {
		test_undone("JMP", JMP, 7, vh_emul_step, results[i]);
		test_undone("CALL", CALL, 7, vh_emul_step, results[i]);
		test_undone("INT", INT, 2, vh_emul_step, results[i]);
		test_undone("IRET", IRET, 1, step_iret, results[i]);
		test_undone("event", "", 0, deliver, results[i]);
	}
	test_devices();
	return tap_done();
}
