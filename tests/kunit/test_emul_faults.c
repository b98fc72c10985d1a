// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_emul_faults.c - 16-bit code, segments, privilege, ports and exceptions of the
 * interpreter: what cannot be run natively in a test program.
 */
#include "emul_machine.h"

static void test_16bit_addressing(struct kunit *test)
{
	struct vh_emul e;

	/* Each of the eight forms: mov al,[...]; the value is what lies there. */
	static const struct {
		const char *bytes;
		unsigned int len, linear;
	} form[] = {
		{ "\x8a\x00", 2, DS_BASE + 0x1030 },			/* bx+si */
		{ "\x8a\x01", 2, DS_BASE + 0x1400 },			/* bx+di */
		{ "\x8a\x02", 2, SS_BASE + 0x2030 },			/* bp+si */
		{ "\x8a\x03", 2, SS_BASE + 0x2400 },			/* bp+di */
		{ "\x8a\x04", 2, DS_BASE + 0x30 },			/* si */
		{ "\x8a\x05", 2, DS_BASE + 0x400 },			/* di */
		{ "\x8a\x06\x34\x12", 4, DS_BASE + 0x1234 },		/* disp16 */
		{ "\x8a\x07", 2, DS_BASE + 0x1000 },			/* bx */
		{ "\x8a\x46\xff", 3, SS_BASE + 0x1fff },		/* bp-1 */
		{ "\x8a\x87\x00\x80", 4, DS_BASE + 0x9000 },		/* bx+8000 */
		{ "\x8a\x80\x00\xf0", 4, DS_BASE + 0x0030 },		/* bx+si+f000 wraps */
		{ "\x26\x8a\x07", 3, ES_BASE + 0x1000 },
		{ "\x36\x8a\x07", 3, SS_BASE + 0x1000 },
		{ "\x2e\x8a\x07", 3, CS_BASE + 0x1000 },
		{ "\x3e\x8a\x46\x00", 4, DS_BASE + 0x2000 },
		{ "\x67\x8a\x04\x73", 4, DS_BASE + 0x1060 },		/* ebx+esi*2 */
		{ "\x67\x8a\x45\x02", 4, SS_BASE + 0x2002 },		/* ebp+2 */
		{ "\xa0\x78\x56", 3, DS_BASE + 0x5678 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(form); i++) {
		memset(ram, 0x11, sizeof(ram));
		e = *real_mode(form[i].bytes, form[i].len);
		e.gpr[VH_RBX] = 0x1000;
		e.gpr[VH_RSI] = 0x30;
		e.gpr[VH_RDI] = 0x400;
		e.gpr[VH_RBP] = 0x2000;
		e.gpr[VH_RAX] = 0xaabbccdd;
		put(form[i].linear, 0x77, 1);
		tap_ok(vh_emul_step(&e) == VH_EMUL_OK && e.gpr[VH_RAX] == 0xaabbcc77 &&
		       e.rip == 0x100 + form[i].len, "16-bit address form %u", i);
	}
}

static void test_16bit_code(struct kunit *test)
{
	struct vh_emul e;

	memset(ram, 0, sizeof(ram));
	e = REAL("\x01\x07");			/* add [bx],ax */
	e.gpr[VH_RBX] = 0x10;
	e.gpr[VH_RAX] = 0x8001;
	put(DS_BASE + 0x10, 0xffff8000, 4);
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(get(DS_BASE + 0x10, 4), 0xffff0001);
	TAP_EQ(e.rflags, 2 | X86_EFLAGS_CF | X86_EFLAGS_OF);

	e = REAL("\x66\xc7\x07\x78\x56\x34\x12");	/* mov dword [bx],12345678 */
	e.gpr[VH_RBX] = 0x10;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(get(DS_BASE + 0x10, 4), 0x12345678);
	TAP_EQ(e.rip, 0x107);

	e = REAL("\xf3\xa5");			/* rep movsw */
	e.gpr[VH_RSI] = 0xaaaa0ffe;
	e.gpr[VH_RDI] = 0xbbbb0100;
	e.gpr[VH_RCX] = 0xcccc0003;
	put(DS_BASE + 0xffe, 0x665544332211, 6);
	while (vh_emul_step(&e) == VH_EMUL_OK && e.rep_more)
		;
	TAP_EQ(get(ES_BASE + 0x100, 8), 0x665544332211);
	TAP_EQ(e.gpr[VH_RSI], 0xaaaa1004);
	TAP_EQ(e.gpr[VH_RDI], 0xbbbb0106);
	TAP_EQ(e.gpr[VH_RCX], 0xcccc0000);
	TAP_EQ(e.rip, 0x102);

	e = REAL("\xfd");
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(e.rflags, 2 | X86_EFLAGS_DF);
	e = REAL("\x36\xac");			/* ss lodsb, downwards through 0 */
	e.rflags |= X86_EFLAGS_DF;
	put(SS_BASE, 0x42, 1);
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(e.gpr[VH_RAX], 0x42);
	TAP_EQ(e.gpr[VH_RSI], 0xffff);

	e = REAL("\xf3\xaa");			/* rep stosb with CX = 0 */
	e.gpr[VH_RCX] = 0x10000;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_CHECK(!e.rep_more && e.rip == 0x102 && e.gpr[VH_RDI] == 0);

	e = REAL("\xf3\xa6");			/* repe cmpsb */
	e.gpr[VH_RCX] = 10;
	put(DS_BASE, 0x04030201, 4);
	put(ES_BASE, 0x04990201, 4);
	while (vh_emul_step(&e) == VH_EMUL_OK && e.rep_more)
		;
	TAP_EQ(e.gpr[VH_RCX], 7);
	TAP_EQ(e.gpr[VH_RSI], 3);
	TAP_CHECK(!(e.rflags & X86_EFLAGS_ZF) && (e.rflags & X86_EFLAGS_CF));

	e = REAL("\xff\x37");			/* push word [bx]; SP wraps */
	e.gpr[VH_RSP] = 0xdead0000;
	put(DS_BASE, 0xbeef, 2);
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(e.gpr[VH_RSP], 0xdeadfffe);
	TAP_EQ(get(SS_BASE + 0xfffe, 2), 0xbeef);

	e = REAL("\xff\x17");			/* call [bx] */
	e.gpr[VH_RSP] = 0x100;
	put(DS_BASE, 0x4321, 2);
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(e.rip, 0x4321);
	TAP_EQ(get(SS_BASE + 0xfe, 2), 0x102);

	e = REAL("\x0f\xab\x07");		/* bts [bx],ax with a negative bit number */
	e.gpr[VH_RBX] = 0x100;
	e.gpr[VH_RAX] = 0xffff;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(get(DS_BASE + 0xfe, 2), 0x8000);

	e = REAL("\x47");			/* inc di */
	e.gpr[VH_RDI] = 0xffff;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(e.gpr[VH_RDI], 0);
	TAP_CHECK(e.rflags & X86_EFLAGS_ZF);

	e = REAL("\xd7");			/* xlat */
	e.gpr[VH_RBX] = 0xffff;
	e.gpr[VH_RAX] = 0x1202;
	put(DS_BASE + 1, 0x99, 1);
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(e.gpr[VH_RAX], 0x1299);
}

/* The step faults with @vector, error code 0 if any, and nothing has changed. */
static void expect_(const struct vh_emul *from, int vector, const char *what)
{
	static u8 before_ram[sizeof(ram)];
	static struct vh_emul e, before;
	int r;

	e = before = *from;
	memcpy(before_ram, ram, sizeof(ram));
	r = vh_emul_step(&e);
	if (vector < 0) {
		tap_ok(r == VH_EMUL_OK, "%s: allowed (result %d vector %u)", what, r,
		       e.fault.vector);
		return;
	}
	tap_ok(r == VH_EMUL_FAULT && e.fault.vector == vector &&
	       vh_has_error_code(e.fault.vector) == (vector == 12 || vector == 13 || vector == 14 || vector == 17) &&
	       (vector == 14 || !e.fault.error) && e.rip == before.rip &&
	       e.rflags == before.rflags && !memcmp(e.gpr, before.gpr, sizeof(e.gpr)) &&
	       !memcmp(ram, before_ram, sizeof(ram)),
	       "%s: result %d vector %u, expected %d", what, r, e.fault.vector, vector);
}

#define expect(e, vector, what) expect_(&(e), vector, what)

/* mov al,[ebx] or mov [ebx],al and so on in 32-bit protected mode, DS as given */
static struct vh_emul *protected_mode(const char *bytes, unsigned int len, u32 offset,
				     const struct kvm_segment *ds)
{
	struct vh_emul *e = real_mode(bytes, len);

	flat_segments(seg, 4);
	seg[VH_CS].base = CS_BASE;
	if (ds)
		seg[VH_DS] = *ds;
	e->cr0 = X86_CR0_PE;
	e->gpr[VH_RBX] = offset;
	return e;
}

#define PROT(bytes, offset, ds) (*protected_mode(bytes, sizeof(bytes) - 1, offset, ds))
#define LOAD8 "\x8a\x03"
#define LOAD32 "\x8b\x03"
#define STORE8 "\x88\x03"
#define SEG(...) (&(struct kvm_segment){ .present = 1, .s = 1, .db = 1, __VA_ARGS__ })

static void test_segments(struct kunit *test)
{
	struct vh_emul e;

	expect(PROT(LOAD8, 0xfff, SEG(.type = 3, .limit = 0xfff)), -1, "last byte");
	expect(PROT(LOAD8, 0x1000, SEG(.type = 3, .limit = 0xfff)), 13, "past the limit");
	expect(PROT(LOAD32, 0xffc, SEG(.type = 3, .limit = 0xfff)), -1, "last dword");
	expect(PROT(LOAD32, 0xffd, SEG(.type = 3, .limit = 0xfff)), 13, "dword over the limit");
	expect(PROT(LOAD32, 0xfffffffe, SEG(.type = 3, .limit = 0xfff)), 13, "wrapping dword");
	expect(PROT(STORE8, 0, SEG(.type = 1, .limit = 0xfff)), 13, "write to read-only data");
	expect(PROT(LOAD8, 0, SEG(.type = 1, .limit = 0xfff)), -1, "read of read-only data");
	expect(PROT("\x00\x03", 0, SEG(.type = 1, .limit = 0xfff)), 13, "RMW of read-only data");
	expect(PROT("\x38\x03", 0, SEG(.type = 1, .limit = 0xfff)), -1, "CMP of read-only data");
	expect(PROT(LOAD8, 0, SEG(.type = 9, .limit = 0xfff)), 13, "read of execute-only code");
	expect(PROT(LOAD8, 0, SEG(.type = 11, .limit = 0xfff)), -1, "read of readable code");
	expect(PROT(STORE8, 0, SEG(.type = 11, .limit = 0xfff)), 13, "write to code");
	expect(PROT(LOAD8, 0, SEG(.type = 3, .limit = 0xfff, .unusable = 1)), 13, "NULL selector");
	expect(PROT(LOAD8, 0xfff, SEG(.type = 7, .limit = 0xfff)), 13, "expand-down, at the limit");
	expect(PROT(LOAD8, 0x1000, SEG(.type = 7, .limit = 0xfff)), -1, "expand-down, above it");
	expect(PROT(LOAD32, 0xfffd, SEG(.type = 7, .limit = 0xfff, .db = 0)), 13,
	       "expand-down, past 64 KB");
	expect(PROT(LOAD32, 0xfffc, SEG(.type = 7, .limit = 0xfff, .db = 0)), -1,
	       "expand-down, up to 64 KB");
	/* by SS: #SS */
	e = PROT("\x8a\x45\x00", 0, NULL);
	e.gpr[VH_RBP] = 0x1000;
	seg[VH_SS].limit = 0xfff;
	expect(e, 12, "past the stack's limit");
	e = PROT("\x36\x8a\x03", 0x1000, NULL);
	seg[VH_SS].limit = 0xfff;
	expect(e, 12, "past the stack's limit by override");
	e = PROT("\x50", 0, NULL);
	seg[VH_SS].limit = 0xfff;
	e.gpr[VH_RSP] = 0x1002;
	expect(e, 12, "PUSH past the limit");
	e = PROT("\x50", 0, NULL);
	e.gpr[VH_RSP] = 2;
	seg[VH_SS].limit = 0xfff;
	expect(e, 12, "PUSH through 0");
	/* a string instruction's two segments */
	e = PROT("\xa4", 0, NULL);
	seg[VH_ES].type = 1;
	expect(e, 13, "MOVS to read-only ES");
	e = PROT("\xa6", 0, NULL);
	seg[VH_ES].type = 1;
	expect(e, -1, "CMPS with read-only ES");
	e = REAL("\x8b\x07");
	e.gpr[VH_RBX] = 0xffff;
	expect(e, 13, "real mode word at FFFF");
	e = REAL("\xff\x17");
	e.gpr[VH_RSP] = 1;
	expect(e, 12, "real mode CALL with SP = 1");
	e = PROT("\xff\x13", 0x100, NULL);
	e.gpr[VH_RSP] = 0x8000;
	seg[VH_CS].limit = 0xffff;
	put(0x100, 0x10000, 4);
	expect(e, 13, "CALL past the code's limit");
}

static struct vh_emul *long_mode(const char *bytes, unsigned int len, u64 offset)
{
	struct vh_emul *e = real_mode(bytes, len);

	flat_segments(seg, 8);
	e->cr0 = X86_CR0_PE;
	e->cr4 = X86_CR4_PAE | X86_CR4_OSFXSR;
	e->efer = EFER_LMA;
	e->rip = CS_BASE + 0x100;
	e->gpr[VH_RBX] = e->gpr[VH_RBP] = e->gpr[VH_RSP] = offset;
	return e;
}

#define LONG(bytes, offset) (*long_mode(bytes, sizeof(bytes) - 1, offset))

static void test_long_mode(struct kunit *test)
{
	struct vh_emul e;

	expect(LONG(LOAD8, 0x800000000000), 13, "non-canonical");
	expect(LONG(LOAD8, 0xffff7fffffffffff), 13, "non-canonical from above");
	expect(LONG(LOAD32, 0x7ffffffffffd), 13, "last byte non-canonical");
	expect(LONG("\x8a\x45\x00", 0x800000000000), 12, "non-canonical by RBP");
	expect(LONG("\x8a\x04\x24", 0x800000000000), 12, "non-canonical by RSP");
	expect(LONG("\x50", 0x800000000008), 12, "PUSH to a non-canonical address");
	expect(LONG(LOAD8, 0x40000000), 14, "absent page");
	e = LONG(LOAD8, 0x800000000000);
	e.cr4 |= X86_CR4_LA57;
	expect(e, 14, "57 bits: canonical");
	e = LONG(LOAD8, 0x1000);
	seg[VH_DS] = (struct kvm_segment){ .unusable = 1, .base = 0x123 };
	put(0x1000, 0x55, 1);
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(e.gpr[VH_RAX], 0x55);	/* DS base, limit and NULL are ignored */
	e = LONG("\x65" LOAD8, 0x1000);
	seg[VH_GS].base = 0x2000;
	put(0x3000, 0x66, 1);
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(e.gpr[VH_RAX], 0x66);
	e = LONG("\x65" LOAD8, 0x1000);
	seg[VH_GS].base = 0x7ffffffff000;
	expect(e, 13, "non-canonical with the base of GS");
	e = LONG("\xff\x23", 0x1000);
	put(0x1000, 0x800000000000, 8);
	expect(e, 13, "JMP to a non-canonical address");
	expect(LONG("\x48\x0f\xc7\x0b", 0x1008), 13, "CMPXCHG16B, not aligned");

	/* #AC */
	e = LONG(LOAD32, 0x1001);
	e.cr0 |= X86_CR0_AM;
	e.rflags |= X86_EFLAGS_AC;
	expect(e, -1, "alignment at CPL 0");
	e.cpl = 3;
	expect(e, 17, "alignment at CPL 3");
	absent = 0x1000;
	expect(e, 14, "a page fault comes before alignment");
	absent = ~0ULL;
	e.rflags &= ~X86_EFLAGS_AC;
	expect(e, -1, "alignment without AC");
	e = LONG(LOAD32, 0x1004);
	e.cr0 |= X86_CR0_AM;
	e.rflags |= X86_EFLAGS_AC;
	e.cpl = 3;
	expect(e, -1, "aligned");

	/* division */
	e = LONG("\xf6\x33", 0x1000);
	put(0x1000, 0, 8);
	expect(e, 0, "division by zero");
	e = LONG("\x48\xf7\x3b", 0x1000);
	put(0x1000, ~0ULL, 8);
	e.gpr[VH_RDX] = ~0ULL;
	e.gpr[VH_RAX] = 0x8000000000000000;
	expect(e, 0, "IDIV overflow");
	expect(LONG("\x0f\x0b", 0), 6, "UD2");
}

static void test_page_faults(struct kunit *test)
{
	struct vh_emul e;

	absent = 0x2000;
	expect(LONG(LOAD32, 0x1ffe), 14, "read into an absent page");
	expect(LONG("\x01\x03", 0x1ffe), 14, "RMW into an absent page");
	e = LONG("\xff\x33", 0x1000);		/* push [rbx] */
	e.gpr[VH_RSP] = 0x2008;
	expect(e, 14, "PUSH to an absent page");
	e = LONG("\x8f\x03", 0x2000);		/* pop [rbx] */
	e.gpr[VH_RSP] = 0x1000;
	expect(e, 14, "POP to an absent page");
	e = LONG("\xff\x13", 0x1000);		/* call [rbx] */
	e.gpr[VH_RSP] = 0x2008;
	put(0x1000, 0x1234, 8);
	expect(e, 14, "CALL with an absent stack");
	/* What was done before the fault stays done. */
	e = LONG("\xf3\xaa", 0);
	e.gpr[VH_RDI] = 0x1ffd;
	e.gpr[VH_RCX] = 8;
	e.gpr[VH_RAX] = 0x77;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_CHECK(e.rep_more && e.gpr[VH_RCX] == 5 && e.gpr[VH_RDI] == 0x2000 &&
		  e.rip == CS_BASE + 0x100);
	TAP_EQ(get(0x1ffc, 4) >> 8, 0x777777);
	expect(e, 14, "REP STOS at the absent page");
	absent = ~0ULL;
	e.insn_len = 0;
	while (vh_emul_step(&e) == VH_EMUL_OK && e.rep_more)
		;
	TAP_CHECK(e.gpr[VH_RCX] == 0 && e.gpr[VH_RDI] == 0x2005);
	/* INS: the destination is looked at before the port. */
	absent = 0x2000;
	ports = 0;
	e = LONG("\x6c", 0);
	e.gpr[VH_RDI] = 0x2000;
	expect(e, 14, "INS to an absent page");
	TAP_EQ(ports, 0);
	absent = ~0ULL;
}

static void test_ports(struct kunit *test)
{
	struct vh_emul e;

	port_data = 0x8877665544332211;
	e = LONG("\xed", 0);				/* in eax,dx */
	e.gpr[VH_RAX] = ~0ULL;
	e.gpr[VH_RDX] = 0xf1234;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(e.gpr[VH_RAX], 0x44332211);
	TAP_EQ(last_port, 0x1234);
	e = LONG("\xe4\xf0", 0);			/* in al,f0 */
	e.gpr[VH_RAX] = ~0ULL;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(e.gpr[VH_RAX], 0xffffffffffffff11);
	TAP_EQ(last_port, 0xf0);
	e = LONG("\x66\xe7\x80", 0);			/* out 80,ax */
	e.gpr[VH_RAX] = 0x12345678;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(port_data, 0x5678);
	e = LONG("\xee", 0);
	e.gpr[VH_RDX] = 0x666;
	expect(e, 13, "OUT to a forbidden port");
	e = LONG("\xf3\x6e", 0);
	e.gpr[VH_RDX] = 0x666;
	e.gpr[VH_RCX] = 1;
	expect(e, 13, "OUTS to a forbidden port");
	e.gpr[VH_RCX] = 0;
	expect(e, -1, "OUTS of nothing");
	ports = 0;
	port_data = 0xab;
	e = LONG("\xf3\x6c", 0);			/* rep insb */
	e.gpr[VH_RDI] = 0x1000;
	e.gpr[VH_RCX] = 3;
	while (vh_emul_step(&e) == VH_EMUL_OK && e.rep_more)
		;
	TAP_EQ(ports, 3);
	TAP_EQ(get(0x1000, 3), 0xababab);
	put(0x1000, 0x11223344, 4);
	e = LONG("\x6f", 0);				/* outsd */
	e.gpr[VH_RSI] = 0x1000;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(port_data, 0x11223344);
	TAP_EQ(e.gpr[VH_RSI], 0x1004);
}

/* Run a REP to its end; the number of steps. */
static unsigned int finish(struct vh_emul *e)
{
	unsigned int steps = 1;

	while (vh_emul_step(e) == VH_EMUL_OK && e->rep_more)
		steps++;
	return steps;
}

static void test_port_blocks(struct kunit *test)
{
	struct vh_emul e;

	port_data = 0xabcd;
	ports = blocks = 0;
	e = LONG("\x66\xf3\x6d", 0);			/* rep insw */
	e.ops = &block_ops;
	e.gpr[VH_RDI] = 0x1000;
	e.gpr[VH_RCX] = 7;
	TAP_EQ(finish(&e), 3);
	TAP_EQ(blocks, 2);				/* the last one goes by itself */
	TAP_EQ(ports, 7);
	TAP_EQ(e.gpr[VH_RDI], 0x100e);
	TAP_EQ(e.gpr[VH_RCX], 0);
	TAP_EQ(get(0x100c, 2), 0xabcd);
	/* Up to the end of the page, the element across it, and on. */
	blocks = ports = 0;
	e = LONG("\xf3\x6f", 0);			/* rep outsd */
	e.ops = &block_ops;
	e.gpr[VH_RSI] = 0x1ff5;
	e.gpr[VH_RCX] = 5;
	put(0x2005, 0x55667788, 4);
	TAP_EQ(finish(&e), 3);
	TAP_EQ(blocks, 2);
	TAP_EQ(ports, 5);
	TAP_EQ(e.gpr[VH_RSI], 0x2009);
	TAP_EQ(port_data, 0x55667788);
	/* Downwards each goes by itself. */
	blocks = ports = 0;
	e = LONG("\xf3\x6e", 0);			/* rep outsb */
	e.ops = &block_ops;
	e.rflags |= X86_EFLAGS_DF;
	e.gpr[VH_RSI] = 0x1004;
	e.gpr[VH_RCX] = 3;
	TAP_EQ(finish(&e), 3);
	TAP_EQ(blocks, 0);
	TAP_EQ(ports, 3);
	TAP_EQ(e.gpr[VH_RSI], 0x1001);
	/* Real mode: SI wraps around, and beyond the limit is #GP. */
	blocks = ports = 0;
	e = REAL("\xf3\x6e");
	e.ops = &block_ops;
	e.gpr[VH_RSI] = 0xfffe;
	e.gpr[VH_RCX] = 4;
	TAP_EQ(finish(&e), 3);
	TAP_EQ(ports, 4);
	TAP_EQ(e.gpr[VH_RSI], 2);
	e = REAL("\xf3\x6e");
	e.ops = &block_ops;
	seg[VH_DS].limit = 0x101;
	e.gpr[VH_RSI] = 0x100;
	e.gpr[VH_RCX] = 4;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(e.gpr[VH_RSI], 0x102);
	expect(e, 13, "OUTS beyond the limit");
	e = LONG("\xf3\x6e", 0);
	e.ops = &block_ops;
	e.gpr[VH_RDX] = 0x666;
	e.gpr[VH_RCX] = 4;
	expect(e, 13, "REP OUTS to a forbidden port");
}

/* CPL, IOPL and virtual-8086 mode decide about IF */
static void test_flags(struct kunit *test)
{
	struct vh_emul e;
	unsigned int iopl;

	e = LONG("\xfb", 0);
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_CHECK((e.rflags & X86_EFLAGS_IF) && e.sti_shadow);
	e = LONG("\xfb", 0);
	e.rflags |= X86_EFLAGS_IF;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_CHECK(!e.sti_shadow);
	for (iopl = 0; iopl < 4; iopl += 3) {
		e = LONG("\xfa", 0);
		e.cpl = 3;
		e.rflags |= X86_EFLAGS_IF | iopl << 12;
		expect(e, iopl ? -1 : 13, "CLI at CPL 3");
		/* POPF ignores what it may not change. */
		e = LONG("\x9d", 0x1000);
		e.cpl = 3;
		e.rflags |= X86_EFLAGS_IF | iopl << 12;
		put(0x1000, 0x2 | X86_EFLAGS_CF | 2 << 12, 8);
		TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
		TAP_EQ(e.rflags, 3 | iopl << 12 | (iopl ? 0 : X86_EFLAGS_IF));
		TAP_EQ(e.gpr[VH_RSP], 0x1008);
	}
	e = LONG("\x9d", 0x1000);
	put(0x1000, ~0ULL, 8);
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(e.rflags, 0x247fd7);	/* neither RF, VM, VIF, VIP nor reserved ones */
	e = LONG("\x9c", 0x1000);
	e.rflags |= X86_EFLAGS_RF | X86_EFLAGS_IF | X86_EFLAGS_ID;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(get(0xff8, 8), 2 | X86_EFLAGS_IF | X86_EFLAGS_ID);
	TAP_CHECK(!(e.rflags & X86_EFLAGS_RF));

	/* virtual-8086 */
	e = REAL("\xfa");
	e.cr0 = X86_CR0_PE;
	e.cpl = 3;
	e.rflags |= X86_EFLAGS_VM | X86_EFLAGS_IF | X86_EFLAGS_VIF;
	expect(e, 13, "CLI in virtual-8086 mode");
	e.cr4 |= X86_CR4_VME;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(e.rflags, 2 | X86_EFLAGS_VM | X86_EFLAGS_IF);
	e = REAL("\x9c");
	e.cr0 = X86_CR0_PE;
	e.cpl = 3;
	e.gpr[VH_RSP] = 0x100;
	e.rflags |= X86_EFLAGS_VM | X86_EFLAGS_IF;
	expect(e, 13, "PUSHF in virtual-8086 mode");
	e.cr4 |= X86_CR4_VME;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(get(SS_BASE + 0xfe, 2), 0x3002);
	e = REAL("\xfb");
	e.cr0 = X86_CR0_PE;
	e.cr4 = X86_CR4_VME;
	e.cpl = 3;
	e.rflags |= X86_EFLAGS_VM | X86_EFLAGS_VIP;
	expect(e, 13, "STI in virtual-8086 mode with VIP");
}

static void test_sse(struct kunit *test)
{
	struct vh_emul e;

	put(0x1001, 0x1111222233334444, 8);
	put(0x1009, 0x5555666677778888, 8);
	e = LONG("\xf3\x44\x0f\x6f\x03", 0x1001);	/* movdqu xmm8,[rbx] */
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_CHECK(xmm[8][0] == 0x1111222233334444 && xmm[8][1] == 0x5555666677778888);
	expect(LONG("\x66\x0f\x6f\x03", 0x1001), 13, "MOVDQA, not aligned");
	e = LONG("\x44\x0f\x29\x03", 0x2000);		/* movaps [rbx],xmm8 */
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_CHECK(get(0x2000, 8) == xmm[8][0] && get(0x2008, 8) == xmm[8][1]);
	e = LONG("\xf3\x0f\x7e\x0b", 0x2000);		/* movq xmm1,[rbx] */
	xmm[1][1] = 5;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_CHECK(xmm[1][0] == xmm[8][0] && xmm[1][1] == 0);
	e = LONG("\x66\x0f\x7e\x0b", 0x3000);		/* movd [rbx],xmm1 */
	put(0x3000, 0, 8);
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(get(0x3000, 8), 0x33334444);
	e = LONG("\x0f\x10\x03", 0x1000);
	e.cr0 |= X86_CR0_TS;
	expect(e, 7, "MOVUPS with TS");
	e.cr0 ^= X86_CR0_TS | X86_CR0_EM;
	expect(e, 6, "MOVUPS with EM");
}

/* How real-mode code looks for an FPU, and what is not handled. */
static void test_x87(struct kunit *test)
{
	static const char *const unhandled[] = {
		"\xd9\xe8", "\xd9\xff", "\xd8\x07", "\xdb\xe4", "\xdb\xe0",
		"\xdd\xe1", "\xdf\xe1", "\xdf\x27", "\xdd\xf8", "\xd9\xeb",
	};
	struct vh_emul e;
	unsigned int i;

	x87 = (struct vh_fx){ .cw = 0x40, .sw = 0xffff, .tw = 0xff, .ip = 1 };
	e = REAL("\xdb\xe3");				/* fninit */
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(x87.cw, 0x37f);
	TAP_EQ(x87.sw, 0);
	TAP_EQ(x87.tw, 0);
	TAP_EQ(x87.ip, 0);
	expect(REAL("\xdb\x27"), 6, "DB /4 with memory");
	TAP_EQ(e.rip, 0x102);
	x87.sw = 0x3801;
	e = REAL("\xdf\xe0");				/* fnstsw ax */
	e.gpr[VH_RAX] = ~0ULL;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(e.gpr[VH_RAX], 0xffffffffffff3801);
	put(DS_BASE + 0x12, 0x99999999, 4);
	e = REAL("\x67\xdd\x7c\x24\x02");		/* fnstsw [esp+2] */
	e.gpr[VH_RSP] = 0x10;
	put(SS_BASE + 0x12, 0x99999999, 4);
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(get(SS_BASE + 0x12, 4), 0x99993801);
	e = REAL("\xd9\x3f");				/* fnstcw [bx] */
	e.gpr[VH_RBX] = 0x12;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(get(DS_BASE + 0x12, 4), 0x9999037f);
	e.gpr[VH_RBX] = 0xffff;
	e.rip = 0x100;
	expect(e, 13, "FNSTCW beyond the limit");
	/* A control word that unmasks what is noted; then #MF, until it is cleared. */
	put(DS_BASE + 0x12, 0xf27e, 2);
	e = REAL("\xd9\x2f\x9b\xdb\xe2\x9b");		/* fldcw [bx]; wait; fnclex; wait */
	e.gpr[VH_RBX] = 0x12;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(x87.cw, 0x127e);
	TAP_EQ(x87.sw, 0xb881);
	e.insn_len = 0;
	e.cr0 |= X86_CR0_NE;
	expect(e, 16, "WAIT with an exception pending");
	e.rip = 0x100;
	expect(e, 16, "FLDCW with an exception pending");
	e.cr0 = 0;
	e.rip = 0x102;
	expect(e, 16, "also where it would be an interrupt");
	e.rip = 0x103;
	e.insn_len = 0;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	TAP_EQ(x87.sw, 0x3800);
	e.insn_len = 0;
	TAP_EQ(vh_emul_step(&e), VH_EMUL_OK);
	/* CR0 */
	e = REAL("\xdb\xe3");
	e.cr0 = X86_CR0_EM;
	expect(e, 7, "FNINIT with EM");
	e.cr0 = X86_CR0_TS;
	expect(e, 7, "FNINIT with TS");
	e = REAL("\x9b");
	e.cr0 = X86_CR0_TS | X86_CR0_EM;
	expect(e, -1, "WAIT with TS and EM");
	e.cr0 = X86_CR0_TS | X86_CR0_MP;
	expect(e, 7, "WAIT with TS and MP");
	for (i = 0; i < ARRAY_SIZE(unhandled); i++) {
		e = *real_mode(unhandled[i], 2);
		TAP_EQ(vh_emul_step(&e), VH_EMUL_UNHANDLED);
	}
}

static struct kunit_case emul_cases[] = {
	KUNIT_CASE(test_16bit_addressing),
	KUNIT_CASE(test_16bit_code),
	KUNIT_CASE(test_segments),
	KUNIT_CASE(test_long_mode),
	KUNIT_CASE(test_page_faults),
	KUNIT_CASE(test_ports),
	KUNIT_CASE(test_port_blocks),
	KUNIT_CASE(test_flags),
	KUNIT_CASE(test_sse),
	KUNIT_CASE(test_x87),
	{}
};

TAP_SUITE("vh-emul", emul_cases);
