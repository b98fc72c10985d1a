// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_event.c - events through the IDT of protected mode, INT n of vm86, and ENTER with all its levels, in a machine
 * of 64K; and the x87 environment as real mode has it.
 */
#include "tap.h"

#include <emul/insn.h>

#define GDT	0x1000
#define IDT	0x2000
#define TSS_AT	0x3000
#define CODE	0x8000
#define STACK	0x9f00

#define SEL_CODE 0x08
#define SEL_DATA 0x10
#define SEL_ABSENT 0x18
#define SEL_USER 0x20
#define SEL_CONFORMING 0x28
#define SEL_SMALL 0x30

#define NP 11
#define SS 12
#define GP 13
#define PF 14

static struct machine {
	u8 ram[0x10000];
	struct kvm_segment seg[VH_NR_SEGS];
	struct vh_fx fx;
} m;

static struct kvm_dtable gdt = { .base = GDT, .limit = 0x37 }, idt = { .base = IDT, .limit = 0x7ff };
static unsigned int accesses;

static int at(struct vh_emul *e, u64 linear, unsigned int len)
{
	accesses++;
	if (linear + len <= sizeof(m.ram))
		return VH_EMUL_OK;
	e->fault = (struct vh_fault){ .vector = PF, .error = 2, .cr2 = linear };
	return VH_EMUL_FAULT;
}

#include "test_ram.h"

static int op_cmpxchg(struct vh_emul *e, u64 linear, u64 *old, u64 new, unsigned int len, bool system)
{
	int r = at(e, linear, len);

	if (!r)
		memcpy(m.ram + linear, &new, len);
	return r;
}

static void op_fpu_read(struct vh_emul *e, struct vh_fx *fx)
{
	*fx = m.fx;
}

static void op_fpu_write(struct vh_emul *e, const struct vh_fx *fx)
{
	m.fx = *fx;
}

static void op_with_fpu(struct vh_emul *e, void (*fn)(void *arg), void *arg)
{
	fn(arg);
}

static void op_vec_read(struct vh_emul *e, unsigned int n, u8 val[64])
{
	memset(val, 0, 64);
}

static void op_vec_write(struct vh_emul *e, unsigned int n, const u8 val[64], unsigned int len)
{
}

static const struct vh_emul_ops ops = {
	.fetch = op_fetch, .read = op_read, .write = op_write, .cmpxchg = op_cmpxchg, .set_seg = op_set_seg,
	.fpu_read = op_fpu_read, .fpu_write = op_fpu_write, .with_fpu = op_with_fpu,
	.vec_read = op_vec_read, .vec_write = op_vec_write,
};

static void gate(u8 vector, u16 sel, u32 offset, u16 rights)
{
	put(IDT + 8 * vector, (offset & 0xffff) | (u64)sel << 16 | (u64)rights << 32 | (u64)(offset >> 16) << 48, 8);
}

/* As behind MOV CR0 in real mode: its segments, and CS by a selector that protected mode would not have loaded. */
static struct vh_emul machine(const char *bytes, unsigned int len)
{
	struct vh_emul e = {
		.ops = &ops, .seg = m.seg, .gdt = &gdt, .idt = &idt, .rip = 0x10, .rflags = 0x10302, .cr0 = 0x11,
	};
	unsigned int i;

	memset(&m, 0, sizeof(m));
	accesses = 0;
	for (i = 0; i < VH_LDTR; i++)
		m.seg[i] = (struct kvm_segment){ .limit = 0xffff, .type = 3, .s = 1, .present = 1 };
	m.seg[VH_CS].selector = 0x7ff;
	m.seg[VH_CS].base = 0x7ff0;
	m.seg[VH_TR] = (struct kvm_segment){ .base = TSS_AT, .limit = 0xff, .type = 11, .present = 1 };
	put(GDT + SEL_CODE, 0x00cf9a000000ffff, 8);
	put(GDT + SEL_DATA, 0x00cf92000000ffff, 8);
	put(GDT + SEL_ABSENT, 0x00cf1a000000ffff, 8);
	put(GDT + SEL_USER, 0x00cffa000000ffff, 8);
	put(GDT + SEL_CONFORMING, 0x00cf9e000000ffff, 8);
	put(GDT + SEL_SMALL, 0x00009a00000000ff, 8);
	gate(6, SEL_CODE, 0x12345, 0x8e00);
	gate(0x40, SEL_CODE, 0x4000, 0x8f00);
	gate(0x41, SEL_CODE, 0x4000, 0x8600);
	memcpy(m.ram + CODE, bytes, len);
	e.gpr[VH_RSP] = 0xabcd0000 | STACK;
	e.d.mode = 2;
	e.d.next_rip = 0x10;
	return e;
}

#define MACHINE(bytes) machine(bytes, sizeof(bytes) - 1)

static void test_events(void)
{
	struct vh_emul_event ud = { .vector = 6, .fault = true }, gp = { .vector = 0x41, .has_error = true, .error = 0x5a5a };
	struct vh_emul e = MACHINE("");

	/* 32 bits on a stack of 16; an interrupt gate, and the accessed flag of its segment */
	TAP_EQ(vh_emul_event(&e, &ud), VH_EMUL_OK);
	TAP_EQ(e.d.next_rip, 0x12345);
	TAP_EQ(e.gpr[VH_RSP], 0xabcd0000 | (STACK - 12));
	TAP_EQ(get(STACK - 12, 4), 0x10);
	TAP_EQ(get(STACK - 8, 4), 0x7ff);
	TAP_EQ(get(STACK - 4, 4), 0x10302);
	TAP_EQ(e.rflags, 2);
	TAP_EQ(m.seg[VH_CS].selector, SEL_CODE);
	TAP_EQ(m.seg[VH_CS].type, 11);
	TAP_EQ(m.ram[GDT + SEL_CODE + 5], 0x9b);
	/* 16 bits with an error code */
	e = MACHINE("");
	TAP_EQ(vh_emul_event(&e, &gp), VH_EMUL_OK);
	TAP_EQ(get(STACK - 8, 8), 0x030207ff00105a5a);
	TAP_EQ(e.d.next_rip, 0x4000);
	/* a trap gate leaves IF */
	e = MACHINE("");
	TAP_EQ(vh_emul_event(&e, &(struct vh_emul_event){ .vector = 0x40 }), VH_EMUL_OK);
	TAP_EQ(e.rflags, 0x202);
	/* a conforming segment keeps CPL */
	e = MACHINE("");
	gate(6, SEL_CONFORMING, 0, 0x8e00);
	TAP_EQ(vh_emul_event(&e, &ud), VH_EMUL_OK);
	TAP_EQ(m.seg[VH_CS].selector, SEL_CONFORMING);
}

/* The fault that the delivery of #UD, and of INT 6, ends in. */
static void faults(const char *what, u16 sel, u32 offset, u16 rights, u8 vector, u32 error)
{
	struct vh_emul_event ud = { .vector = 6, .fault = true };
	struct vh_emul e = MACHINE("\xcd\x06");

	gate(6, sel, offset, rights);
	TAP_EQ(vh_emul_event(&e, &ud), VH_EMUL_FAULT);
	TAP_EQ(e.fault.vector, vector);
	TAP_EQ(e.fault.error, error | 1);
	TAP_EQ(e.gpr[VH_RSP], 0xabcd0000 | STACK);
	e = MACHINE("\xcd\x06");
	gate(6, sel, offset, rights);
	TAP_EQ(vh_emul_step(&e), VH_EMUL_FAULT);
	tap_ok(e.fault.vector == vector && e.fault.error == error, "INT: %s: vector %u, error %#x", what, e.fault.vector,
	       e.fault.error);
	TAP_EQ(e.rip, 0x10);
	TAP_EQ(e.rflags, 0x10302);
}

static void test_faults(void)
{
	struct vh_emul_event ud = { .vector = 6, .fault = true };
	struct vh_emul e;

	faults("no gate", SEL_CODE, 0, 0x8c00, GP, 6 * 8 + 2);
	faults("absent gate", SEL_CODE, 0, 0x0e00, NP, 6 * 8 + 2);
	faults("null", 2, 0, 0x8e00, GP, 0);
	faults("beyond the table", 0x38, 0, 0x8e00, GP, 0x38);
	faults("data", SEL_DATA, 0, 0x8e00, GP, SEL_DATA);
	faults("of user code", SEL_USER, 0, 0x8e00, GP, SEL_USER);
	faults("absent code", SEL_ABSENT, 0, 0x8e00, NP, SEL_ABSENT);
	faults("beyond the segment", SEL_SMALL, 0x100, 0x8e00, GP, 0);

	/* the table's end, the stack's, and a page */
	e = MACHINE("");
	idt.limit = 6 * 8 + 6;
	TAP_EQ(vh_emul_event(&e, &ud), VH_EMUL_FAULT);
	TAP_EQ(e.fault.error, 6 * 8 + 3);
	idt.limit = 0x7ff;
	e = MACHINE("");
	m.seg[VH_SS].limit = STACK - 6;
	TAP_EQ(vh_emul_event(&e, &ud), VH_EMUL_FAULT);
	TAP_EQ(e.fault.vector, SS);
	TAP_EQ(e.fault.error, 1);
	TAP_EQ(e.gpr[VH_RSP], 0xabcd0000 | STACK);
	e = MACHINE("");
	m.seg[VH_SS].base = 0x10000;
	TAP_EQ(vh_emul_event(&e, &ud), VH_EMUL_FAULT);
	TAP_EQ(e.fault.vector, PF);
	TAP_EQ(e.fault.error, 2);
	/* not here: IA-32e mode, another level */
	e = MACHINE("");
	e.efer = 0x500;
	TAP_EQ(vh_emul_event(&e, &ud), VH_EMUL_UNHANDLED);
	e = MACHINE("");
	e.cpl = 3;
	TAP_EQ(vh_emul_event(&e, &ud), VH_EMUL_UNHANDLED);
	/* INT n has to be let through, INT1 and what comes from outside not */
	e = MACHINE("\xcd\x40");
	e.cpl = 3;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_FAULT);
	TAP_EQ(e.fault.error, 0x40 * 8 + 2);
}

static struct vh_emul vm86(unsigned int iopl, u64 flags)
{
	struct vh_emul e = MACHINE("\xcd\x21");

	e.cpl = 3;
	e.cr4 = X86_CR4_VME;
	e.rflags = 2 | X86_EFLAGS_VM | iopl << 12 | flags;
	put(TSS_AT + 0x66, 0xa0, 2);			/* the program's bit map is at 0x80 */
	put(4 * 0x21, 0x12340567, 4);
	return e;
}

static void test_vm86(void)
{
	struct vh_emul e = vm86(3, X86_EFLAGS_IF | X86_EFLAGS_TF | X86_EFLAGS_NT);

	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(e.rip, 0x567);
	TAP_EQ(m.seg[VH_CS].base, 0x12340);
	TAP_EQ(get(STACK - 6, 6), 0x730207ff0012);
	TAP_EQ(e.rflags, 2 | X86_EFLAGS_VM | 0x3000 | X86_EFLAGS_NT);
	/* below IOPL 3 its interrupt flag is VIF */
	e = vm86(0, X86_EFLAGS_VIF);
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(get(STACK - 2, 2), 0x3202);
	TAP_EQ(e.rflags, 2 | X86_EFLAGS_VM);
	e = vm86(0, X86_EFLAGS_IF);
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(get(STACK - 2, 2), 0x3002);
	TAP_EQ(e.rflags, 2 | X86_EFLAGS_VM | X86_EFLAGS_IF);
	/* its bit is set: the kernel's */
	e = vm86(0, 0);
	m.ram[TSS_AT + 0x84] = 2;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_FAULT);
	TAP_CHECK(e.fault.vector == GP && !e.fault.error);
	e = vm86(3, 0);
	m.ram[TSS_AT + 0x84] = 2;
	gate(0x21, SEL_CODE, 0, 0xee00);
	TAP_EQ(vh_emul_step(&e), VH_EMUL_UNHANDLED);
	/* INT3 is never the program's */
	e = vm86(3, 0);
	m.ram[CODE] = 0xcc;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_FAULT);
	TAP_EQ(e.fault.error, 3 * 8 + 2);
	/* no bit map */
	e = vm86(3, 0);
	put(TSS_AT + 0x66, 0x10, 2);
	TAP_EQ(vh_emul_step(&e), VH_EMUL_FAULT);
	TAP_EQ(e.fault.vector, GP);
}

static void test_enter(void)
{
	struct vh_emul e = MACHINE("\x66\xc8\x00\x00\x1f");
	unsigned int i;

	e.gpr[VH_RBP] = 0x9000;
	for (i = 0; i < 32; i++)
		put(0x9000 - 4 * i, 0x1000 + i, 4);
	accesses = 0;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(accesses, 62);			/* run/internal.h has room for as many */
	TAP_EQ(get(STACK - 4 * 31, 4), 0x101e);
	TAP_EQ(get(STACK - 4 * 32, 4), 0xabcd0000 | (STACK - 4));
}

static const u8 pi[10] = { 0x35, 0xc2, 0x68, 0x21, 0xa2, 0xda, 0x0f, 0xc9, 0x00, 0x40 };

static struct vh_emul x87(const char *bytes, unsigned int len)
{
	struct vh_emul e = machine(bytes, len);

	e.cr0 = 0x10;
	m.fx.cw = 0x360;
	m.fx.sw = 5 << 11;
	m.fx.tw = 0xe1;				/* 7, 6, 5 and 0 */
	m.fx.op = 0x1eb;
	m.fx.ip = 0x12345;
	m.fx.dp = 0xfedcb;
	m.fx.mxcsr = 0x1f80;
	memcpy(m.fx.st[0], pi, 10);		/* 5; 6 is zero */
	m.fx.st[2][8] = 0xff;			/* 7: infinity */
	m.fx.st[2][9] = 0x7f;
	m.fx.st[2][7] = 0x80;
	m.fx.st[3][0] = 1;			/* 0: denormal */
	return e;
}

#define X87(bytes) x87(bytes, sizeof(bytes) - 1)
#define TAGS 0x93fe				/* 10 01 00 11 11 11 11 10 */

static void test_environment(void)
{
	struct vh_fx was;
	unsigned int i;
	struct vh_emul e = X87("\xd9\x36\x00\x60");	/* FNSTENV 0x6000 */

	was = m.fx;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(get(0x6000, 8), 0x2345000000000000 | (u64)TAGS << 32 | 0x28000360);
	TAP_EQ(get(0x6008, 6), 0xf000edcb11eb);
	TAP_EQ(m.fx.cw, 0x37f);
	m.fx = (struct vh_fx){ .mxcsr = 0x1f80 };
	m.fx.sw = 6 << 11;				/* ST(0) is what ST(1) was */
	for (i = 0; i < 8; i++)
		memcpy(m.fx.st[i], was.st[(i + 1) & 7], 16);
	m.ram[CODE + 1] = 0x26;				/* FLDENV */
	e.rip = 0x10;
	e.insn_len = 0;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_CHECK(!memcmp(&m.fx, &was, sizeof(was)));

	e = X87("\x66\xdd\x36\x00\x60");		/* FNSAVE with 32 bits */
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(get(0x6000, 8), 0xffff2800ffff0360);
	TAP_EQ(get(0x6008, 8), 0xffff2345ffff0000 | TAGS);
	TAP_EQ(get(0x6010, 8), 0xffffedcb000011eb);
	TAP_EQ(get(0x6018, 4), 0xf000);
	TAP_CHECK(!memcmp(m.ram + 0x601c, pi, 10));
	TAP_EQ(get(0x601c + 30, 8), 1);
	TAP_EQ(m.fx.cw, 0x37f);
	TAP_CHECK(!m.fx.sw && !m.fx.tw && !m.fx.ip && !m.fx.op);
	memset(m.fx.st, 0, sizeof(m.fx.st));
	m.ram[CODE + 2] = 0x26;				/* FRSTOR */
	e.rip = 0x10;
	e.insn_len = 0;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_CHECK(!memcmp(&m.fx, &was, sizeof(was)));

	/* an exception that waits is known by its flag and its mask, whatever the summary in memory says */
	e = X87("\xd9\x26\x00\x60");
	put(0x6000, 0x37b | 0x0004 << 16, 4);
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(m.fx.sw, 0x8084);
	e = X87("\xd9\x26\x00\x60");
	put(0x6000, 0x37f | 0x80840000, 4);
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(m.fx.sw, 4);
}

/* Vol. 2, PINSRB, PEXTRB: the quadword's are of 64-bit mode, where W is not ignored. */
static int vex(const char *bytes, unsigned int len)
{
	struct vh_emul e = machine(bytes, len);
	int r;

	m.seg[VH_CS].db = 1;
	e.cr4 = 1 << 18;
	e.xcr0 = 7;
	r = vh_emul_step(&e);
	return r == VH_EMUL_FAULT ? e.fault.vector : r;
}

#define VEX(bytes) vex(bytes, sizeof(bytes) - 1)

static void test_quadwords(void)
{
	TAP_EQ(VEX("\xc4\xe3\x49\x22\x15\x00\x60\x00\x00\x01"), VH_EMUL_OK);	/* VPINSRD XMM2, XMM6, [0x6000], 1 */
	TAP_EQ(VEX("\xc4\xe3\xc9\x22\x15\x00\x60\x00\x00\x01"), 6);		/* VPINSRQ */
	TAP_EQ(VEX("\xc4\xe3\x79\x16\x15\x00\x60\x00\x00\x01"), VH_EMUL_OK);	/* VPEXTRD [0x6000], XMM2, 1 */
	TAP_EQ(VEX("\xc4\xe3\xf9\x16\x15\x00\x60\x00\x00\x01"), 6);		/* VPEXTRQ */
}

int main(void)
{
	test_events();
	test_faults();
	test_vm86();
	test_enter();
	test_environment();
	test_quadwords();
	return tap_done();
}
