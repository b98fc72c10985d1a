// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_emul.c - the interpreter against this machine's processor.
 *
 * Each case is an instruction with random operands. It is executed by the interpreter on a
 * copy of the data, and natively, in 64-bit and in 32-bit code; registers, the flags that
 * the SDM defines, memory and exceptions must agree.
 */
#define _GNU_SOURCE
#include <stdlib.h>

#include "tap.h"
#include "test_emul.h"
#include "test_native.h"

#define CASES 1000	/* of each form and mode */

/* --- the interpreter's side --- */

static u8 shadow[DATA_SIZE];
static bool contended;

static int op_fetch(struct vh_emul *e, u64 linear, void *buf, unsigned int len)
{
	if (linear - CODE > 4096 - len)
		abort();
	memcpy(buf, (void *)linear, len);
	return VH_EMUL_OK;
}

static u8 *data_at(struct vh_emul *e, u64 linear, unsigned int len)
{
	if (linear - DATA <= DATA_SIZE - len)
		return shadow + (linear - DATA);
	e->fault = (struct vh_fault){ .vector = 14, .cr2 = linear };
	return NULL;
}

static int op_read(struct vh_emul *e, u64 linear, void *buf, unsigned int len, bool system)
{
	u8 *p = data_at(e, linear, len);

	if (!p)
		return VH_EMUL_FAULT;
	memcpy(buf, p, len);
	return VH_EMUL_OK;
}

static int op_write(struct vh_emul *e, u64 linear, const void *buf, unsigned int len, bool system)
{
	u8 *p = data_at(e, linear, len);

	if (!p)
		return VH_EMUL_FAULT;
	memcpy(p, buf, len);
	return VH_EMUL_OK;
}

static int op_cmpxchg(struct vh_emul *e, u64 linear, u64 *old, u64 new, unsigned int len,
		      bool system)
{
	u8 *p = data_at(e, linear, len);
	u64 now = 0;

	if (!p)
		return VH_EMUL_FAULT;
	memcpy(&now, p, len);
	/* As if another processor had written something else for a moment. */
	if (contended && now == *old && !rnd_below(4))
		now ^= 1;
	else if (now == *old)
		memcpy(p, &new, len);
	*old = now;
	return VH_EMUL_OK;
}

static int op_cmpxchg16(struct vh_emul *e, u64 linear, u64 old[2], const u64 new[2])
{
	u8 *p = data_at(e, linear, 16);
	u64 now[2];

	if (!p)
		return VH_EMUL_FAULT;
	memcpy(now, p, 16);
	if (now[0] == old[0] && now[1] == old[1])
		memcpy(p, new, 16);
	memcpy(old, now, 16);
	return VH_EMUL_OK;
}

static int op_probe(struct vh_emul *e, u64 linear, unsigned int len, bool write, bool system)
{
	return data_at(e, linear, len) ? VH_EMUL_OK : VH_EMUL_FAULT;
}

static const struct vh_emul_ops ops_all = {
	.fetch = op_fetch, .read = op_read, .write = op_write, .cmpxchg = op_cmpxchg,
	.cmpxchg16 = op_cmpxchg16, .probe = op_probe,
};

static const struct vh_emul_ops ops_few = {
	.fetch = op_fetch, .read = op_read, .write = op_write, .cmpxchg = op_cmpxchg,
	.cmpxchg16 = op_cmpxchg16,
};

/* --- the same memory as a device that userspace plays --- */

static struct {
	u64 linear;
	u8 data[16];
	unsigned int len;
	bool write;
} dev_log[64];
static unsigned int dev_done, dev_next;
static bool dev_pending;
static u8 dev_data[DATA_SIZE];

/* One piece within a page: answered from the log, else it becomes userspace's. */
static int dev_piece(u64 linear, void *buf, unsigned int len, bool write)
{
	if (dev_next < dev_done) {
		if (dev_log[dev_next].linear != linear || dev_log[dev_next].len != len ||
		    dev_log[dev_next].write != write ||
		    (write && memcmp(dev_log[dev_next].data, buf, len)))
			return VH_EMUL_UNHANDLED;	/* not the same instruction twice */
		if (!write)
			memcpy(buf, dev_log[dev_next].data, len);
		dev_next++;
		return VH_EMUL_OK;
	}
	if (dev_next == ARRAY_SIZE(dev_log))
		return VH_EMUL_UNHANDLED;
	dev_log[dev_next].linear = linear;
	dev_log[dev_next].len = len;
	dev_log[dev_next].write = write;
	if (write)
		memcpy(dev_log[dev_next].data, buf, len);
	dev_pending = true;
	return VH_EMUL_USER;
}

static int dev_access(struct vh_emul *e, u64 linear, void *buf, unsigned int len, bool write)
{
	unsigned int first = min(len, (unsigned int)(4096 - (linear & 4095)));
	int r;

	if (!data_at(e, linear, len))
		return VH_EMUL_FAULT;
	r = dev_piece(linear, buf, first, write);
	if (!r && first < len)
		r = dev_piece(linear + first, buf + first, len - first, write);
	return r;
}

static int dev_read(struct vh_emul *e, u64 linear, void *buf, unsigned int len, bool system)
{
	return dev_access(e, linear, buf, len, false);
}

static int dev_write(struct vh_emul *e, u64 linear, const void *buf, unsigned int len, bool system)
{
	return dev_access(e, linear, (void *)buf, len, true);
}

static int dev_cmpxchg(struct vh_emul *e, u64 linear, u64 *old, u64 new, unsigned int len,
		       bool system)
{
	u64 expected = *old, now = 0;
	int r = dev_access(e, linear, &now, len, false);

	if (r)
		return r;
	*old = now;
	return now == expected ? dev_access(e, linear, &new, len, true) : VH_EMUL_OK;
}

static int dev_cmpxchg16(struct vh_emul *e, u64 linear, u64 old[2], const u64 new[2])
{
	u64 now[2];
	int r = dev_access(e, linear, now, 16, false);

	if (r)
		return r;
	if (now[0] == old[0] && now[1] == old[1])
		r = dev_access(e, linear, (void *)new, 16, true);
	memcpy(old, now, 16);
	return r;
}

static int dev_probe(struct vh_emul *e, u64 linear, unsigned int len, bool write, bool system)
{
	return data_at(e, linear, len) ? VH_EMUL_USER : VH_EMUL_FAULT;
}

static const struct vh_emul_ops ops_dev = {
	.fetch = op_fetch, .read = dev_read, .write = dev_write, .cmpxchg = dev_cmpxchg,
	.cmpxchg16 = dev_cmpxchg16, .probe = dev_probe,
};

static const struct vh_emul_ops ops_dev_few = {
	.fetch = op_fetch, .read = dev_read, .write = dev_write, .cmpxchg = dev_cmpxchg,
	.cmpxchg16 = dev_cmpxchg16,
};

/* Userspace does the access that is pending. */
static void dev_user(void)
{
	u8 *p = dev_data + (dev_log[dev_next].linear - DATA);

	if (dev_log[dev_next].write)
		memcpy(p, dev_log[dev_next].data, dev_log[dev_next].len);
	else
		memcpy(dev_log[dev_next].data, p, dev_log[dev_next].len);
	dev_done = dev_next + 1;
	dev_pending = false;
}

/* Execute @e until it is done, each access being userspace's: nothing may happen before. */
static int run_device(struct vh_emul *e)
{
	unsigned int steps = 0;
	int r;

	do {
		dev_done = 0;
		for (;;) {
			struct vh_emul before = *e;

			dev_next = 0;
			e->insn_len = 0;
			r = vh_emul_step(e);
			if (r != VH_EMUL_USER)
				break;
			if (!dev_pending || memcmp(before.gpr, e->gpr, sizeof(e->gpr)) ||
			    before.rip != e->rip || before.rflags != e->rflags)
				return -1;
			dev_user();
		}
	} while (r == VH_EMUL_OK && e->rep_more && steps++ < 1000);
	return r;
}

/* --- one case --- */

struct testcase {
	const struct tmpl *t;
	unsigned int mode, opsize;
	u8 insn[16];
	unsigned int len;
	u64 gpr[16], flags;
	u64 target;		/* the memory operand, if any */
	unsigned int used;	/* registers that the address is made of */
	unsigned int reg;
	bool mem, lock, opsize_prefix, adsize_prefix;
	u8 rep, rex;
	u64 undef;
	bool skip;
};

static void emit(struct testcase *c, u64 val, unsigned int n)
{
	memcpy(c->insn + c->len, &val, n);
	c->len += n;
}

static unsigned int imm_size(const struct testcase *c)
{
	switch (c->t->imm) {
	case I_8:
		return 1;
	case I_16:
		return 2;
	case I_Z:
		return c->opsize == 2 ? 2 : 4;
	case I_V:
		return c->opsize;
	}
	return 0;
}

/* ModRM, SIB and displacement of a memory operand at c->target; registers are set to fit. */
static void emit_mem(struct testcase *c, unsigned int reg_field)
{
	unsigned int mod = rnd_below(3), rexb = c->rex & 1 ? 8 : 0, rexx = c->rex & 2 ? 8 : 0;
	unsigned int rm = rnd_below(8), base = rm, index = 4, scale = 0;
	bool stack = c->t->flags & T_STACK;
	u64 rest = c->target;
	s64 disp = 0;

	if (c->t->flags & T_STACK && rm == 4)
		mod = 2;
	if (rm == 5 && mod == 0) {
		/* RIP-relative in 64-bit code */
		emit(c, reg_field << 3 | 5, 1);
		if (c->mode == 8)
			rest -= INSN + c->len + 4 + imm_size(c);
		emit(c, rest, 4);
		return;
	}
	emit(c, mod << 6 | reg_field << 3 | rm, 1);
	if (mod == 1)
		disp = (s8)rnd();
	else if (mod == 2)
		disp = (int)(rnd() & 0xffffff) - 0x800000;
	if (rm == 4) {
		base = rnd_below(8);
		index = rnd_below(8) | rexx;
		scale = rnd_below(4);
		if (index == (base | rexb) || (stack && index == VH_RSP))
			index = 4;
		emit(c, scale << 6 | (index & 7) << 3 | base, 1);
		if (index == 4 && rexx) {
			c->skip = true;	/* would be r12 */
			return;
		}
		if (index != 4) {
			c->used |= 1 << index;
			if (base == 5 && mod == 0)
				c->gpr[index] = rnd_below(0x1000);
			if (c->adsize_prefix && c->mode == 8 && rnd_below(2))
				c->gpr[index] ^= rnd() << 32;
			rest -= c->gpr[index] << scale;
		}
		if (base == 5 && mod == 0) {
			emit(c, rest, 4);
			return;
		}
	}
	base |= rexb;
	if (stack && base == VH_RSP) {
		/* The stack pointer is given: the displacement fits, unless an index is there. */
		if (index != 4)
			c->skip = true;
		disp = (s64)(c->target - c->gpr[VH_RSP]);
		if (mod == 1)
			disp = (s8)disp;
	} else {
		c->used |= 1 << base;
		c->gpr[base] = rest - disp;
		if (c->adsize_prefix && c->mode == 8)
			c->gpr[base] = (u32)c->gpr[base] | rnd() << 32;
	}
	emit(c, disp, mod == 1 ? 1 : mod == 2 ? 4 : 0);
}

static u64 peek_data(const struct testcase *c)
{
	u64 val;

	memcpy(&val, shadow + (c->target - DATA), 8);
	return val;
}

static void poke_data(const struct testcase *c, u64 val)
{
	memcpy(shadow + (c->target - DATA), &val, 8);
}

/* Operands with which the instruction does something worth seeing. */
static void special_operands(struct testcase *c)
{
	const u32 f = c->t->flags;
	unsigned int size = f & T_BYTE ? 1 : c->opsize;

	if (f & T_BT && c->mem) {
		if (c->used & 1 << c->reg) {
			c->skip = true;
			return;
		}
		c->gpr[c->reg] = (c->gpr[c->reg] & ~vh_mask(size)) |
				 ((rnd_below(32000) - 16000LL) & vh_mask(size));
	}
	if (f & T_STRING) {
		c->gpr[VH_RSI] = DATA + 0x1000 - 64 + rnd_below(128);
		c->gpr[VH_RDI] = DATA + 0x1000 - 64 + rnd_below(128);
		c->gpr[VH_RCX] = rnd_below(12);
		if (rnd_below(2)) {
			memset(shadow + 0x800, rnd_below(3), 0x1000);
			c->gpr[VH_RAX] = 0x0101010101010101ULL * rnd_below(3);
		}
	}
	if (f & T_DIV && rnd_below(4)) {
		u64 mask = vh_mask(size);

		if (size == 1 && !(c->used & 1 << VH_RAX))
			c->gpr[VH_RAX] &= ~0xf000ULL;
		else if (size > 1 && !(c->used & 1 << VH_RDX))
			c->gpr[VH_RDX] = rnd_below(2) ? rnd() >> (70 - size * 8) :
				(c->gpr[VH_RAX] & vh_sign(size) ? mask : 0);
	}
	if (f & T_ACC && c->mem && !(c->used & 1) && rnd_below(2))
		c->gpr[VH_RAX] = (c->gpr[VH_RAX] & ~vh_mask(size)) |
				 (peek_data(c) & vh_mask(size));
	if (f & T_WIDE && !(c->used & 5) && rnd_below(2)) {
		u64 next;

		memcpy(&next, shadow + (c->target - DATA) + 8, 8);
		c->gpr[VH_RAX] = peek_data(c);
		c->gpr[VH_RDX] = c->opsize == 8 ? next : c->gpr[VH_RAX] >> 32;
	}
	if (f & T_BRANCH)
		poke_data(c, INSN + c->len);
	if (c->t->opcode == 0x9d && c->t->map == 1) {
		u64 flags = (rnd() & (VH_FLAGS_ARITH | X86_EFLAGS_DF)) | 0x202;

		memcpy(shadow + (c->gpr[VH_RSP] - DATA), &flags, 8);
	}
}

/* Flags of shifts depend on the count. */
static void shift_undefined(struct testcase *c)
{
	unsigned int bits = (c->t->flags & T_BYTE ? 1 : c->opsize) * 8, count;

	if (c->t->imm == I_8)
		count = c->insn[c->len - 1];
	else if (c->t->flags & T_SHIFT && !(c->t->opcode & 2))
		count = 1;
	else
		count = c->gpr[VH_RCX];
	count &= bits == 64 ? 63 : 31;
	if (!count)
		return;
	if (count != 1)
		c->undef |= X86_EFLAGS_OF;
	if (c->t->flags & T_DOUBLE) {
		c->undef |= X86_EFLAGS_AF;
		if (count > bits)
			c->skip = true;
	} else if (c->t->ext >= 4) {
		c->undef |= X86_EFLAGS_AF;
		if (count >= bits && c->t->ext != 7)
			c->undef |= X86_EFLAGS_CF;
	}
}

/* Three bytes of VEX, opcode, operands; sometimes what is not allowed: L, LOCK. */
static void build_vex(struct testcase *c)
{
	const struct tmpl *t = c->t;
	unsigned int v = t->flags & T_VEX ? rnd_below(c->mode == 8 ? 16 : 8) : 0;
	unsigned int pp = c->rep == 0x66 ? 1 : c->rep == 0xf3 ? 2 : c->rep == 0xf2 ? 3 : 0;
	unsigned int field = t->ext == ANY_EXT ? rnd_below(8) : t->ext;

	if (v == VH_RSP || (t->flags & T_VEX && t->ext == ANY_EXT && field == VH_RSP))
		v = field = 0;
	if (c->lock)
		emit(c, 0xf0, 1);
	if (c->adsize_prefix)
		emit(c, 0x67, 1);
	emit(c, 0xc4, 1);
	emit(c, (~(unsigned int)c->rex << 5 & 0xe0) | (t->map - 1), 1);
	emit(c, (c->rex & 8) << 4 | (~v << 3 & 0x78) | (rnd_below(32) ? 0 : 4) | pp, 1);
	emit(c, t->opcode, 1);
	c->reg = field | (c->rex & 4) << 1;
	if (c->mem)
		emit_mem(c, field);
	else
		emit(c, 0xc0 | field << 3 | rnd_below(8), 1);
	emit(c, rnd_value(), imm_size(c));
	c->gpr[VH_RSP] = (u64)((s64)(c->gpr[VH_RSP] << 16) >> 16);
}

static void build(struct testcase *c, const struct tmpl *t, unsigned int mode)
{
	unsigned int i, reg_field;

	memset(c, 0, sizeof(*c));
	c->t = t;
	c->mode = mode;
	for (i = 0; i < (mode == 8 ? 16 : 8); i++)
		c->gpr[i] = mode == 8 ? rnd_value() : (u32)rnd_value();
	c->flags = (rnd() & (VH_FLAGS_ARITH | X86_EFLAGS_DF)) | 0x202;
	c->undef = t->undef;
	for (i = 0; i < DATA_SIZE; i += 8)
		*(u64 *)(shadow + i) = rnd();
	c->target = DATA + 0x1000 + rnd_below(64) - 32;
	if (rnd_below(2))
		c->target &= ~15ULL;
	poke_data(c, rnd_value());
	if (t->flags & T_STACK)
		c->gpr[VH_RSP] = DATA + 0x1000 + rnd_below(64) - 32;

	c->opsize_prefix = !rnd_below(3) && !(t->flags & (T_BRANCH | T_66 | T_VEX | T_VEX1 | T_NO66)) &&
			   !(t->map == 2 && ((t->opcode & 0xf8) == 0xc8 || t->opcode == 0xc3));
	c->opsize = c->opsize_prefix ? 2 : 4;
	if (mode == 8) {
		c->adsize_prefix = !rnd_below(4);
		if (rnd_below(3))
			c->rex = 0x40 | rnd_below(16);
		if (c->rex & 8 || (t->flags & T_STACK && c->opsize == 4))
			c->opsize = 8;
	}
	if (t->flags & T_STRING && rnd_below(2))
		c->rep = rnd_below(2) ? 0xf2 : 0xf3;
	if (t->flags & (T_F2 | T_F3))
		c->rep = t->flags & T_F2 ? 0xf2 : 0xf3;
	c->mem = t->flags & T_MODRM && (rnd_below(4) || t->flags & (T_MEM | T_BRANCH));
	c->lock = rnd_below(c->mem && t->flags & T_LOCK ? 2 : 64) == 0;
	if (t->flags & (T_66 | T_F2 | T_F3))
		c->rep = t->flags & T_66 ? 0x66 : t->flags & T_F2 ? 0xf2 : 0xf3;
	if (t->flags & (T_VEX | T_VEX1)) {
		build_vex(c);
		return;
	}

	if (c->lock)
		emit(c, 0xf0, 1);
	if (c->opsize_prefix)
		emit(c, 0x66, 1);
	if (c->adsize_prefix)
		emit(c, 0x67, 1);
	if (c->rep)
		emit(c, c->rep, 1);
	if (c->rex)
		emit(c, c->rex, 1);
	if (t->map >= 2)
		emit(c, 0x0f, 1);
	if (t->map == 3)
		emit(c, 0x38, 1);
	if (t->map == 4)
		emit(c, 0x3a, 1);
	i = t->opcode;
	if (t->flags & T_OPREG)
		i += rnd_below(8);
	if (t->flags & T_CC)
		i += rnd_below(16);
	emit(c, i, 1);
	if (t->flags & T_MODRM) {
		reg_field = t->ext == ANY_EXT ? rnd_below(8) : t->ext;
		c->reg = reg_field | (c->rex & 4) << 1;
		if (c->mem)
			emit_mem(c, reg_field);
		else
			emit(c, 0xc0 | reg_field << 3 | rnd_below(8), 1);
	}
	if (t->flags & T_MOFFS)
		emit(c, c->target, c->adsize_prefix || mode != 8 ? 4 : 8);
	emit(c, rnd_value(), imm_size(c));
	special_operands(c);
	if (t->flags & (T_SHIFT | T_DOUBLE))
		shift_undefined(c);
	/* Some processors do not return from an interrupt to a stack pointer that is not canonical. */
	c->gpr[VH_RSP] = (u64)((s64)(c->gpr[VH_RSP] << 16) >> 16);
	if (mode == 4)
		for (i = 0; i < 16; i++)
			c->gpr[i] = (u32)c->gpr[i];
}

static void dump(const struct testcase *c)
{
	unsigned int i;

	printf("# %s, %u-bit code:", c->t->name, c->mode * 8);
	for (i = 0; i < c->len; i++)
		printf(" %02x", c->insn[i]);
	printf("\n#   flags %llx", c->flags);
	for (i = 0; i < (c->mode == 8 ? 16 : 8); i++)
		printf(" %llx", c->gpr[i]);
	printf("\n");
}

/* 0: agrees; 1: does not; -1: nothing to compare */
static int run_case(struct testcase *c)
{
	struct kvm_segment seg[VH_NR_SEGS];
	struct vh_emul e = {
		.ops = rnd_below(2) ? &ops_all : &ops_few, .seg = seg, .rip = INSN,
		.rflags = c->flags, .cr0 = X86_CR0_PE, .cr4 = X86_CR4_PAE,
		.efer = c->mode == 8 ? EFER_LMA : 0, .cpl = 3,
	}, d;
	u64 mask = c->mode == 8 ? ~0ULL : 0xffffffff, flags, next = INSN + c->len;
	unsigned int i, steps = 0;
	int r, device_r, bad = 0;

	if (c->skip)
		return -1;
	native_place(c->mode, c->insn, c->len);
	memcpy(native->gpr, c->gpr, sizeof(c->gpr));
	native->flags = c->flags;
	native->fault = 0;
	memcpy((void *)DATA, shadow, DATA_SIZE);
	run_native();

	contended = !(c->t->flags & T_WIDE);
	memcpy(e.gpr, c->gpr, sizeof(c->gpr));
	flat_segments(seg, c->mode);
	d = e;
	memcpy(dev_data, shadow, DATA_SIZE);
	do {
		e.insn_len = 0;
		r = vh_emul_step(&e);
	} while (r == VH_EMUL_OK && e.rep_more && steps++ < 1000);

	d.ops = e.ops == &ops_all ? &ops_dev : &ops_dev_few;
	device_r = run_device(&d);
	if (device_r != r || memcmp(d.gpr, e.gpr, sizeof(e.gpr)) || d.rip != e.rip ||
	    d.rflags != e.rflags || memcmp(dev_data, shadow, DATA_SIZE)) {
		bad = 1;
		printf("# on a device: result %d, %u accesses\n", device_r, dev_done);
	}
	/* A read-modify-write is two accesses, LOCKed or not; each may be split once. */
	if (d.ops == &ops_dev && !(c->t->flags & T_WIDE) && dev_done > 4) {
		bad = 1;
		printf("# %u accesses\n", dev_done);
	}

	if (r == VH_EMUL_FAULT && native->fault && !bad) {
		if (e.fault.vector + 1 == native->fault && e.rip == INSN && e.rflags == c->flags &&
		    !memcmp(e.gpr, c->gpr, sizeof(c->gpr)))
			return 0;
		dump(c);
		printf("# vector %u, natively %llu\n", e.fault.vector, native->fault - 1);
		return 1;
	}
	if (r != VH_EMUL_OK || native->fault) {
		dump(c);
		printf("# result %d vector %u, natively %lld\n", r, e.fault.vector,
		       (s64)native->fault - 1);
		return 1;
	}
	flags = (VH_FLAGS_ARITH | X86_EFLAGS_DF) & ~c->undef;
	if ((e.rflags ^ native->out_flags) & flags) {
		bad = 1;
		printf("# flags %llx, natively %llx\n", e.rflags & flags,
		       native->out_flags & flags);
	}
	for (i = 0; i < (c->mode == 8 ? 16 : 8); i++)
		if ((e.gpr[i] ^ native->out[i]) & mask) {
			bad = 1;
			printf("# register %u %llx, natively %llx\n", i, e.gpr[i], native->out[i]);
		}
	if (e.rip != next) {
		bad = 1;
		printf("# rip %llx, expected %llx\n", e.rip, next);
	}
	if (memcmp((void *)DATA, shadow, DATA_SIZE)) {
		bad = 1;
		for (i = 0; i < DATA_SIZE; i++)
			if (shadow[i] != ((u8 *)DATA)[i]) {
				printf("# memory at %x: %02x, natively %02x\n", i, shadow[i],
				       ((u8 *)DATA)[i]);
				break;
			}
	}
	if (bad)
		dump(c);
	return bad;
}

/* A kernel without 32-bit emulation has no code segment for it. */
static bool runs_natively(unsigned int mode)
{
	static const u8 nop = 0x90;

	memset(native->gpr, 0, sizeof(native->gpr));
	native->gpr[VH_RSP] = DATA;
	native->flags = 0x202;
	native->fault = 0;
	native_place(mode, &nop, 1);
	run_native();
	return !native->fault;
}

int main(void)
{
	static const unsigned int modes[] = { 8, 4 };
	unsigned int m, i, n;
	unsigned long total = 0;
	bool runs;

	native_init();
	for (m = 0; m < ARRAY_SIZE(modes); m++) {
		runs = runs_natively(modes[m]);
		for (i = 0; i < ARRAY_SIZE(tmpls); i++) {
			const struct tmpl *t = &tmpls[i];
			unsigned int bad = 0, ran = 0;

			if (t->flags & T_NOREG ||
			    t->flags & (modes[m] == 8 ? T_NO64 : T_ONLY64))
				continue;
			if (!runs) {
				tap_ok(1, "%s in %u-bit code # SKIP this kernel runs none", t->name,
				       modes[m] * 8);
				continue;
			}
			for (n = 0; n < CASES && bad < 3; n++) {
				struct testcase c;
				int r;

				build(&c, t, modes[m]);
				r = run_case(&c);
				bad += r == 1;
				ran += r >= 0;
			}
			total += ran;
			tap_ok(!bad && ran, "%s in %u-bit code: %u cases", t->name, modes[m] * 8,
			       ran);
		}
	}
	printf("# %lu cases as on the processor\n", total);
	return tap_done();
}
