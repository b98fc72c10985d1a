// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_decode.c - prefixes, limits, and noise. (Lengths: tests/unit/test_decode.c)
 */
#include <linux/sched.h>

#include "tap.h"
#include "../unit/test_emul.h"
#include "../unit/test_text.h"

/* Memory is what a hash makes of the address; some of it is not there. */
static int op_read(struct vh_emul *e, u64 linear, void *buf, unsigned int len, bool system)
{
	u64 val = linear * 0x9e3779b97f4a7c15ULL;

	if (!(val >> 61))
		return VH_EMUL_USER;
	memset(buf, 0, len);
	memcpy(buf, &val, min(len, 8u));
	return VH_EMUL_OK;
}

static int op_write(struct vh_emul *e, u64 linear, const void *buf, unsigned int len, bool system)
{
	return linear & 0x10000 ? VH_EMUL_USER : VH_EMUL_OK;
}

static int op_cmpxchg(struct vh_emul *e, u64 linear, u64 *old, u64 new, unsigned int len,
		      bool system)
{
	if (linear & 0x2000)
		*old = linear;
	return VH_EMUL_OK;
}

static int op_io(struct vh_emul *e, u16 port, void *data, unsigned int len, bool write)
{
	if (!write)
		memset(data, 0x5a, len);
	return port & 1 ? VH_EMUL_USER : VH_EMUL_OK;
}

static int op_io_allowed(struct vh_emul *e, u16 port, unsigned int len)
{
	return port & 2 ? vh_emul_fault(e, 13) : VH_EMUL_OK;
}

static int op_probe(struct vh_emul *e, u64 linear, unsigned int len, bool write, bool system)
{
	return linear & 0x10000 ? VH_EMUL_USER : VH_EMUL_OK;
}

static void op_vec_read(struct vh_emul *e, unsigned int n, u8 val[64])
{
	TAP_CHECK(n <= 31);
	memset(val, n, 64);
}

static void op_vec_write(struct vh_emul *e, unsigned int n, const u8 val[64], unsigned int len)
{
	TAP_CHECK(n <= 31 && (len == 16 || len == 64));
}

static void op_fpu_read(struct vh_emul *e, struct vh_fx *fx)
{
	memset(fx, 0, sizeof(*fx));
	fx->mxcsr = 0x1f80;
}

static void op_fpu_write(struct vh_emul *e, const struct vh_fx *fx)
{
}

static const struct vh_emul_ops ops = {
	.fetch = op_fetch, .read = op_read, .write = op_write, .cmpxchg = op_cmpxchg,
	.io = op_io, .io_allowed = op_io_allowed, .probe = op_probe,
	.vec_read = op_vec_read, .vec_write = op_vec_write, .fpu_read = op_fpu_read,
	.fpu_write = op_fpu_write,
};

static struct kvm_segment seg[VH_NR_SEGS];

static struct vh_emul context(unsigned int mode)
{
	flat_segments(seg, mode);
	return (struct vh_emul){
		.ops = &ops, .seg = seg, .rflags = 2, .cr0 = mode == 2 ? 0 : X86_CR0_PE,
		.cr4 = X86_CR4_PAE | X86_CR4_OSFXSR, .efer = mode == 8 ? EFER_LMA : 0,
	};
}

/* --- single cases --- */

static int decode(struct vh_emul *e, unsigned int mode, const char *bytes, unsigned int len)
{
	*e = context(mode);
	memset(text, 0x90, sizeof(text));
	memcpy(text, bytes, len);
	text_len = sizeof(text);
	fetched = 0;
	return vh_emul_decode(e);
}

static void expect_fault(unsigned int mode, const char *bytes, unsigned int len, int vector,
			 const char *what)
{
	struct vh_emul e;
	int r = decode(&e, mode, bytes, len);

	tap_ok(r == VH_EMUL_FAULT && e.fault.vector == vector && e.len <= 15,
	       "%s: result %d vector %u", what, r, e.fault.vector);
}

static void test_single(struct kunit *test)
{
	struct vh_emul e;

	expect_fault(8, "\xf0\x89\x00", 3, 6, "LOCK MOV");
	expect_fault(8, "\xf0\x01\xc0", 3, 6, "LOCK ADD to a register");
	expect_fault(8, "\xf0\x39\x00", 3, 6, "LOCK CMP");
	expect_fault(8, "\xf0\x0f\xa3\x00", 4, 6, "LOCK BT");
	expect_fault(8, "\xf0\x83\x38\x00", 4, 6, "LOCK CMP imm");
	expect_fault(8, "\xf0\x03\x00", 3, 6, "LOCK ADD from memory");
	expect_fault(8, "\xf0\xf6\x00\x01", 4, 6, "LOCK TEST");
	expect_fault(8, "\x8d\xc0", 2, 6, "LEA of a register");
	expect_fault(8, "\x0f\xc7\xc8", 3, 6, "CMPXCHG8B of a register");
	expect_fault(8, "\x82\xc0\x01", 3, 6, "82 in 64-bit code");
	TAP_EQ(decode(&e, 8, "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x90\x90", 16),
	       VH_EMUL_OK);
	expect_fault(8, "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x90", 16, 13,
		     "16 bytes");
	expect_fault(8, "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\xc7\x00\x11\x22", 16, 13,
		     "16 bytes with immediate");

	TAP_EQ(decode(&e, 8, "\x48\x66\x8b\x00", 4), VH_EMUL_OK);
	TAP_EQ(e.d.opsize, 2);		/* REX before another prefix does not count */
	TAP_EQ(decode(&e, 8, "\x66\x48\x8b\x00", 4), VH_EMUL_OK);
	TAP_EQ(e.d.opsize, 8);
	TAP_EQ(decode(&e, 8, "\x2e\x8b\x00", 3), VH_EMUL_OK);
	TAP_EQ(e.d.ea_seg, VH_DS);	/* CS override is nothing in 64-bit mode */
	TAP_EQ(decode(&e, 8, "\x65\x2e\x8b\x00", 4), VH_EMUL_OK);
	TAP_EQ(e.d.ea_seg, VH_GS);
	TAP_EQ(decode(&e, 4, "\x65\x2e\x8b\x00", 4), VH_EMUL_OK);
	TAP_EQ(e.d.ea_seg, VH_CS);	/* the last one counts */
	TAP_EQ(decode(&e, 4, "\x8b\x45\x00", 3), VH_EMUL_OK);
	TAP_EQ(e.d.ea_seg, VH_SS);
	TAP_EQ(decode(&e, 4, "\x8b\x04\x24", 3), VH_EMUL_OK);
	TAP_EQ(e.d.ea_seg, VH_SS);
	TAP_EQ(decode(&e, 8, "\x41\x8b\x45\x00", 4), VH_EMUL_OK);
	TAP_EQ(e.d.ea_seg, VH_DS);	/* r13 is not rBP */
	TAP_EQ(decode(&e, 2, "\x8b\x46\x00", 3), VH_EMUL_OK);
	TAP_EQ(e.d.ea_seg, VH_SS);
	TAP_EQ(decode(&e, 2, "\x8b\x0e\x34\x12", 4), VH_EMUL_OK);
	TAP_EQ(e.d.ea, 0x1234);
	TAP_EQ(e.d.ea_seg, VH_DS);
	TAP_EQ(decode(&e, 8, "\xa1\x88\x77\x66\x55\x44\x33\x22\x11", 9), VH_EMUL_OK);
	TAP_EQ(e.d.ea, 0x1122334455667788ULL);
	TAP_EQ(decode(&e, 8, "\xc5\xf8\x10\x00", 4), VH_EMUL_OK);
	TAP_EQ(e.d.vex, VH_VEX);
	TAP_EQ(e.d.vvvv, 0);
	TAP_EQ(e.d.vlen, 16);
	TAP_EQ(decode(&e, 8, "\xc4\x41\x34\x58\x00", 5), VH_EMUL_OK);	/* vaddps ymm8,ymm9,[r8] */
	TAP_EQ(e.d.reg, 8);
	TAP_EQ(e.d.vvvv, 9);
	TAP_EQ(e.d.vlen, 32);
	TAP_EQ(decode(&e, 8, "\x62\xe1\x7c\x48\x10\x40\x02", 7), VH_EMUL_OK);
	TAP_EQ(e.d.reg, 16);
	TAP_EQ(e.d.ea, 128);		/* an 8-bit displacement counts vectors */
	expect_fault(8, "\x66\xc5\xf8\x10\x00", 5, 6, "66 before VEX");
	expect_fault(8, "\x40\xc5\xf8\x10\x00", 5, 6, "REX before VEX");
	expect_fault(8, "\x62\xf1\x7c\x68\x10\x00", 6, 6, "EVEX with L'L = 3");
	expect_fault(2, "\xc5\xf8\x10\x00", 4, 6, "VEX in real mode");
	TAP_EQ(decode(&e, 4, "\xc5\x38\x10\x00", 4), VH_EMUL_OK);
	TAP_EQ(e.d.vex, 0);		/* LDS */
	TAP_EQ(decode(&e, 8, "\xf2\x0f\x38\xf0\x00", 5), VH_EMUL_OK);	/* CRC32 */

	/* CS limit, outside 64-bit mode */
	e = context(4);
	memcpy(text, "\x8b\x00\x90\x90", 4);
	seg[VH_CS].limit = 0;
	TAP_EQ(vh_emul_decode(&e), VH_EMUL_FAULT);
	TAP_EQ(e.fault.vector, 13);
	e = context(4);
	seg[VH_CS].limit = 1;
	TAP_EQ(vh_emul_decode(&e), VH_EMUL_OK);
	TAP_EQ(e.len, 2);
	e = context(8);
	e.rip = 0x800000000000ULL;
	TAP_EQ(vh_emul_decode(&e), VH_EMUL_FAULT);
	TAP_EQ(e.fault.vector, 13);
}

static u64 next_page_at = ~0ULL;	/* not present from there on */

static int page_fetch(struct vh_emul *e, u64 linear, void *buf, unsigned int len)
{
	/* one page at a time, the next only when needed */
	TAP_CHECK((linear >> 12) == ((linear + len - 1) >> 12));
	if (linear >= next_page_at) {
		e->fault = (struct vh_fault){ .vector = 14, .cr2 = linear };
		return VH_EMUL_FAULT;
	}
	fetched = linear + len;
	memcpy(buf, text + (linear - 0xff0), len);
	return VH_EMUL_OK;
}

static void test_page_end(struct kunit *test)
{
	static const struct vh_emul_ops page_ops = { .fetch = page_fetch };
	struct vh_emul e = context(8);

	e.ops = &page_ops;
	memcpy(text + 14, "\x8b\x00", 2);
	e.rip = 0xffe;
	TAP_EQ(vh_emul_decode(&e), VH_EMUL_OK);
	TAP_EQ(fetched, 0x1000);
	e.insn_len = 0;
	memcpy(text + 14, "\x8b\x40\x12", 3);
	TAP_EQ(vh_emul_decode(&e), VH_EMUL_OK);
	TAP_CHECK(fetched > 0x1000);
	TAP_EQ(e.d.disp, 0x12);
	next_page_at = 0x1000;
	e.insn_len = 0;
	TAP_EQ(vh_emul_decode(&e), VH_EMUL_FAULT);
	TAP_EQ(e.fault.cr2, 0x1000);
	e.insn_len = 0;
	memcpy(text + 14, "\x8b\x00", 2);
	TAP_EQ(vh_emul_decode(&e), VH_EMUL_OK);
}

/* --- noise --- */

#define FUZZ 100000

static void test_fuzz(struct kunit *test)
{
	static const u8 prefix[] = { 0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x48, 0x41, 0x64, 0x2e, 0x0f };
	unsigned int i, j, bad = 0, by_result[8] = {};

	for (i = 0; i < FUZZ; i++) {
		static const unsigned int modes[] = { 2, 4, 8 };
		struct vh_emul e = context(modes[rnd_below(3)]), before;
		unsigned int k;
		int r;

		if (!(i & 1023))
			cond_resched();
		text_len = rnd_below(8) ? sizeof(text) : 1 + rnd_below(16);
		for (j = 0; j < 16; j += 8)
			*(u64 *)(text + j) = rnd();
		for (j = 0; j < rnd_below(4); j++)
			text[j] = prefix[rnd_below(ARRAY_SIZE(prefix))];
		for (j = 0; j < 16; j++)
			e.gpr[j] = e.d.mode == 8 ? rnd_value() : (u32)rnd_value();
		e.rflags = (rnd() & 0x3f7fd7) | 2;
		e.cr0 |= rnd() & (X86_CR0_AM | X86_CR0_TS);
		e.cpl = rnd_below(2) * 3;
		for (j = 0; j < VH_NR_SEGS; j++) {
			if (rnd_below(4))
				continue;
			seg[j].limit = rnd_value();
			seg[j].base = rnd_value();
			seg[j].unusable = rnd_below(8) == 0;
			seg[j].db = rnd_below(2);
			if (j != VH_CS)
				seg[j].type = rnd_below(16);
			else
				seg[j].base = 0;
		}
		if (rnd_below(8) == 0) {
			memcpy(e.insn, text, 15);
			e.insn_len = 15;
		}
		before = e;
		r = vh_emul_step(&e);
		by_result[r & 7]++;
		k = r < 0 || r > VH_EMUL_UNHANDLED || e.len > 15;
		/* a branch moves RIP elsewhere, and says so in d.next_rip */
		if (r == VH_EMUL_OK && !e.rep_more && e.d.next_rip == before.rip + e.len)
			k |= e.rip != e.len;
		if (r == VH_EMUL_FAULT)
			k |= e.fault.vector > 17;
		if (r != VH_EMUL_OK)
			k |= memcmp(e.gpr, before.gpr, sizeof(e.gpr)) || e.rip != before.rip ||
			     e.rflags != before.rflags;
		if (k && bad++ < 5) {
			kunit_info(test, "result %d len %u: %*ph", r, e.len, 15, text);
		}
	}
	kunit_info(test, "done %u, fault %u, user %u, retry %u, unhandled %u", by_result[0],
		   by_result[1], by_result[2], by_result[3], by_result[4]);
	tap_ok(!bad, "%u random byte strings", FUZZ);
}

static struct kunit_case decode_cases[] = {
	KUNIT_CASE(test_single),
	KUNIT_CASE(test_page_end),
	KUNIT_CASE(test_fuzz),
	{}
};

TAP_SUITE("vh-decode", decode_cases);
