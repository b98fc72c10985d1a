// SPDX-License-Identifier: GPL-2.0-only
/*
 * x87.c - handlers of x87 instructions: all that have a memory operand, and those by which
 * real-mode code looks for a floating-point unit and resets it; FXSAVE and FXRSTOR.
 *
 * Control instructions are plain; the others are executed by native.c on a copy of the
 * registers. Every vh_exec_ function is a handler of the opcode tables: results are enum
 * vh_emul_result.
 */
#include "insn.h"

#define UD_VECTOR 6
#define NM_VECTOR 7
#define GP_VECTOR 13
#define MF_VECTOR 16

#define SW_EXCEPTIONS	0x003f
#define SW_PRECISION	0x0020
#define SW_SUMMARY	0x0080	/* ES: one of them is unmasked */
#define SW_BUSY		0x8000	/* the same bit, for the 8087's sake */

#define MXCSR_MASKED	0x1f80

/* SDM Vol. 3, table 2-2; WAIT looks at TS and MP, the others at TS and EM. */
static int available(struct vh_emul *e)
{
	if (!e->ops->fpu_read || !e->ops->fpu_write)
		return VH_EMUL_UNHANDLED;
	return e->cr0 & (X86_CR0_TS | X86_CR0_EM) ? vh_emul_fault(e, NM_VECTOR) : VH_EMUL_OK;
}

/**
 * vh_x87_read - the x87 registers as the processor would have loaded them
 * @e: the instruction
 * @fx: the answer
 *
 * Userspace may have set a summary that is not one. Were it believed, native.c might take
 * the exception.
 */
void vh_x87_read(struct vh_emul *e, struct vh_fx *fx)
{
	e->ops->fpu_read(e, fx);
	if (fx->sw & ~fx->cw & SW_EXCEPTIONS)
		fx->sw |= SW_SUMMARY | SW_BUSY;
	else
		fx->sw &= ~(SW_SUMMARY | SW_BUSY);
}

/**
 * vh_x87_pending - does an x87 exception wait?
 * @e: the instruction, which takes it
 * @fx: the registers, by vh_x87_read()
 *
 * VH_EMUL_OK, or #MF; with CR0.NE clear it would be an interrupt through the 8259, which
 * nobody has wired up.
 */
int vh_x87_pending(struct vh_emul *e, const struct vh_fx *fx)
{
	if (!(fx->sw & SW_SUMMARY))
		return VH_EMUL_OK;
	return vh_emul_fault(e, MF_VECTOR);
}

/* vh_exec_fwait - 9B */
int vh_exec_fwait(struct vh_emul *e)
{
	struct vh_fx fx;

	if ((e->cr0 & (X86_CR0_TS | X86_CR0_MP)) == (X86_CR0_TS | X86_CR0_MP))
		return vh_emul_fault(e, NM_VECTOR);
	if (!e->ops->fpu_read)
		return VH_EMUL_OK;
	vh_x87_read(e, &fx);
	return vh_x87_pending(e, &fx);
}

/* FLDCW: it may unmask what is noted already. */
static int load_control(struct vh_emul *e, struct vh_fx *fx)
{
	u64 val;
	int r = vh_x87_pending(e, fx);

	if (!r)
		r = vh_rm_read(e, 2, &val);
	if (r)
		return r;
	fx->cw = (val & 0x1f3f) | 0x40;
	if (fx->sw & ~fx->cw & SW_EXCEPTIONS)
		fx->sw |= SW_SUMMARY | SW_BUSY;
	e->ops->fpu_write(e, fx);
	return VH_EMUL_OK;
}

/* Bytes of the memory operand by ModRM.reg, 0: there is no such form; ENV and STATE by operand size. */
#define ENV	0xfe
#define STATE	0xff
static const u8 sizes[8][8] = {
	{ 4, 4, 4, 4, 4, 4, 4, 4 },
	{ 4, 0, 4, 4, ENV, 2, ENV, 2 },
	{ 4, 4, 4, 4, 4, 4, 4, 4 },
	{ 4, 4, 4, 4, 0, 10, 0, 10 },
	{ 8, 8, 8, 8, 8, 8, 8, 8 },
	{ 8, 8, 8, 8, STATE, 0, STATE, 2 },
	{ 2, 2, 2, 2, 2, 2, 2, 2 },
	{ 2, 2, 2, 2, 10, 8, 10, 8 },
};

/* --- FLDENV, FNSTENV, FRSTOR, FNSAVE in real mode and vm86 (SDM Vol. 1, figures 8-10 and 8-12) --- */

enum { E_CW, E_SW, E_TW, E_IP, E_IP_HIGH, E_DP, E_DP_HIGH, E_WORDS };

/* A register's tag: valid, zero, special, empty. */
static unsigned int tag_of(const struct vh_fx *fx, unsigned int n)
{
	const u8 *st = fx->st[(n - (fx->sw >> 11)) & 7];
	u64 significand;
	u16 exponent;

	if (!(fx->tw & 1 << n))
		return 3;
	memcpy(&significand, st, 8);
	memcpy(&exponent, st + 8, 2);
	exponent &= 0x7fff;
	if (!exponent && !significand)
		return 1;
	return exponent == 0x7fff || !(significand >> 63) ? 2 : 0;
}

/* @width: of each word; reserved halves are 1, as the processor leaves them. Addresses are linear ones. */
static void env_store(const struct vh_fx *fx, u8 *buf, unsigned int width)
{
	unsigned int i;
	u32 ip = fx->ip, dp = fx->dp;
	u32 words[E_WORDS] = {
		[E_CW] = fx->cw | 0xffff0000, [E_SW] = fx->sw | 0xffff0000, [E_TW] = 0xffff0000,
		[E_IP] = (ip & 0xffff) | 0xffff0000, [E_IP_HIGH] = (ip >> 16 << 12) | (fx->op & 0x7ff),
		[E_DP] = (dp & 0xffff) | 0xffff0000, [E_DP_HIGH] = dp >> 16 << 12,
	};

	for (i = 0; i < 8; i++)
		words[E_TW] |= tag_of(fx, i) << 2 * i;
	for (i = 0; i < E_WORDS; i++)
		memcpy(buf + i * width, &words[i], width);
}

/* Registers stay where they are while TOP becomes another. */
static void move_top(struct vh_fx *fx, unsigned int from)
{
	unsigned int up = ((fx->sw >> 11) - from) & 7, i;
	u8 st[8][16];

	memcpy(st, fx->st, sizeof(st));
	for (i = 0; i < 8; i++)
		memcpy(fx->st[i], st[(i + up) & 7], 16);
}

static void env_load(struct vh_fx *fx, const u8 *buf, unsigned int width)
{
	unsigned int top = fx->sw >> 11, i;
	u32 words[E_WORDS] = {};

	for (i = 0; i < E_WORDS; i++)
		memcpy(&words[i], buf + i * width, width);
	fx->cw = (words[E_CW] & 0x1f3f) | 0x40;
	fx->sw = words[E_SW] & ~(SW_SUMMARY | SW_BUSY);
	if (fx->sw & ~fx->cw & SW_EXCEPTIONS)
		fx->sw |= SW_SUMMARY | SW_BUSY;
	fx->tw = 0;
	for (i = 0; i < 8; i++)
		if ((words[E_TW] >> 2 * i & 3) != 3)
			fx->tw |= 1 << i;
	move_top(fx, top);
	fx->op = words[E_IP_HIGH] & 0x7ff;
	fx->ip = (words[E_IP] & 0xffff) | (words[E_IP_HIGH] >> 12 << 16);
	fx->dp = (words[E_DP] & 0xffff) | (words[E_DP_HIGH] >> 12 << 16);
}

/* Registers keep what they hold, empty or not (SDM Vol. 2, FINIT). */
static void initialize(struct vh_fx *fx)
{
	unsigned int top = fx->sw >> 11;

	fx->cw = 0x37f;
	fx->sw = fx->op = 0;
	fx->tw = 0;
	fx->ip = fx->dp = 0;
	move_top(fx, top);
}

/* Without memory: FNCLEX, FNINIT and FNSTSW AX. */
static int register_form(struct vh_emul *e)
{
	unsigned int what = e->d.opcode << 8 | e->d.modrm;
	struct vh_fx fx;
	int r;

	if (what != 0xdbe2 && what != 0xdbe3 && what != 0xdfe0)
		return VH_EMUL_UNHANDLED;
	r = available(e);
	if (r)
		return r;
	vh_x87_read(e, &fx);
	switch (what) {
	case 0xdfe0:
		vh_reg_write(e, VH_RAX, 2, fx.sw);
		return VH_EMUL_OK;
	case 0xdbe2:
		fx.sw &= ~(SW_EXCEPTIONS | 0x40 | SW_SUMMARY | SW_BUSY);
		break;
	default:
		initialize(&fx);
	}
	e->ops->fpu_write(e, &fx);
	return VH_EMUL_OK;
}

/* @state: and the registers, which FNSAVE then initializes. */
static void real_form(struct vh_fx *fx, u8 *buf, unsigned int width, bool state, bool store)
{
	u8 *regs = buf + E_WORDS * width;
	unsigned int i;

	if (!store)
		env_load(fx, buf, width);
	else
		env_store(fx, buf, width);
	for (i = 0; state && i < 8; i++) {
		if (store)
			memcpy(regs + 10 * i, fx->st[i], 10);
		else
			memcpy(fx->st[i], regs + 10 * i, 10);
	}
	if (!store)
		return;
	if (state) {
		initialize(fx);
	} else {
		fx->cw |= SW_EXCEPTIONS;
		fx->sw &= ~(SW_SUMMARY | SW_BUSY);
	}
}

/* Which of them write memory, bit by bit. */
static const u8 stores[8] = { 0, 0xcc, 0, 0x8e, 0, 0xce, 0, 0xce };

/* FISTTP is of SSE3. */
static bool exists(struct vh_emul *e)
{
	unsigned int n = e->d.opcode & 7, reg = e->d.modrm >> 3 & 7, size = sizes[n][reg];

	return size && (size >= ENV || n < 3 || !(n & 1) || reg != 1 || vh_emul_has(e, VH_HAS_SSE3));
}

/* Loads, stores and arithmetic, and what saves and loads the whole of it. */
static int memory_form(struct vh_emul *e, struct vh_fx *fx)
{
	unsigned int n = e->d.opcode & 7, reg = e->d.modrm >> 3 & 7, size = sizes[n][reg], align;
	bool whole = size >= ENV, store = stores[n] & 1 << reg;
	bool short_form = whole && e->d.opsize == 2;
	u8 buf[108];
	struct vh_native_x87 arg = { fx, buf, e->d.opcode, reg, short_form };
	u32 mxcsr = fx->mxcsr;
	u64 linear;
	int r;

	if (!e->ops->with_fpu)
		return VH_EMUL_UNHANDLED;
	if (size == ENV)
		size = short_form ? 14 : 28;
	else if (size == STATE)
		size = short_form ? 94 : 108;
	/* SDM Vol. 3, table 6-7 */
	align = !whole ? min(size, 8u) : short_form ? 2 : 4;
	/* FNSTENV and FNSAVE do not wait. */
	r = whole && store ? VH_EMUL_OK : vh_x87_pending(e, fx);
	if (!r)
		r = vh_linear_aligned(e, e->d.ea_seg, e->d.ea, size, align, store, &linear);
	if (!r && !store)
		r = e->ops->read(e, linear, buf, size, false);
	if (r)
		return r;
	if (whole && !vh_emul_protected(e)) {
		real_form(fx, buf, short_form ? 2 : 4, n == 5, store);
	} else {
		fx->mxcsr = MXCSR_MASKED;
		e->ops->with_fpu(e, vh_native_x87, &arg);
		fx->mxcsr = mxcsr;
	}
	if (!whole) {
		fx->op = (n << 8) | e->d.modrm;
		fx->ip = e->rip;
		/* SDM Vol. 1, 8.1.8 */
		if (!vh_emul_has(e, VH_HAS_FDP_EXCPTN_ONLY) || (fx->sw & ~fx->cw & SW_EXCEPTIONS))
			fx->dp = e->d.ea;
	}
	/* After an unmasked exception, but that of precision, there is nothing to store. */
	if (store && (whole || !(fx->sw & ~fx->cw & SW_EXCEPTIONS & ~SW_PRECISION)))
		r = e->ops->write(e, linear, buf, size, false);
	if (!r)
		e->ops->fpu_write(e, fx);
	return r;
}

/* vh_exec_x87 - D8 to DF */
int vh_exec_x87(struct vh_emul *e)
{
	struct vh_fx fx;
	int r;

	if (!e->d.mem)
		return register_form(e);
	if (!exists(e))
		return vh_emul_fault(e, UD_VECTOR);
	r = available(e);
	if (r)
		return r;
	vh_x87_read(e, &fx);
	switch (e->d.opcode << 8 | (e->d.modrm & 0x38)) {
	case 0xd928:
		return load_control(e, &fx);
	case 0xd938:		/* FNSTCW */
		return vh_rm_write(e, 2, fx.cw);
	case 0xdd38:		/* FNSTSW */
		return vh_rm_write(e, 2, fx.sw);
	}
	return memory_form(e, &fx);
}

#define MXCSR_MASK	0xffbf	/* where the processor tells no other */

/**
 * vh_exec_fxsave - 0F AE /0 and /1: FXSAVE, FXRSTOR (SDM Vol. 1, 10.5)
 * @e: the instruction
 *
 * In memory only, on a device they are not handled. Without CR4.OSFXSR it is x87 and MXCSR that
 * are saved, and x87 that is loaded. FCS and FDS are 0, as on processors that do not keep them.
 */
int vh_exec_fxsave(struct vh_emul *e)
{
	bool store = !(e->d.modrm & 0x38), osfxsr = e->cr4 & X86_CR4_OSFXSR;
	unsigned int size = offsetof(struct vh_fx, xmm), i;
	struct vh_fx fx;
	u32 mxcsr, mask;
	u64 linear;
	int r;

	if (!vh_emul_has(e, VH_HAS_FXSR))
		return vh_emul_fault(e, UD_VECTOR);
	r = available(e);
	if (!r)
		r = vh_linear(e, e->d.ea_seg, e->d.ea, sizeof(fx), store, &linear);
	if (!r && (linear & 15))
		return vh_emul_fault(e, GP_VECTOR);
	if (!r && e->ops->probe)
		r = e->ops->probe(e, linear, sizeof(fx), store, false);
	if (r)
		return r == VH_EMUL_USER ? VH_EMUL_UNHANDLED : r;
	if (osfxsr)
		size += (vh_emul_is64(e) ? 16 : 8) * sizeof(fx.xmm[0]);
	vh_x87_read(e, &fx);
	mxcsr = fx.mxcsr;
	mask = fx.mxcsr_mask;
	if (!store) {
		r = e->ops->read(e, linear, &fx, size, false);
		if (r)
			return r;
		if (osfxsr && (fx.mxcsr & ~(mask ? mask : MXCSR_MASK)))
			return vh_emul_fault(e, GP_VECTOR);
	}
	if (!(e->d.rex & 8)) {
		fx.ip = (u32)fx.ip;
		fx.dp = (u32)fx.dp;
	}
	if (store)
		return e->ops->write(e, linear, &fx, size, false);
	fx.cw = (fx.cw & 0x1f3f) | 0x40;
	fx.reserved = 0;
	fx.op &= 0x7ff;
	if (fx.sw & ~fx.cw & SW_EXCEPTIONS)
		fx.sw |= SW_SUMMARY | SW_BUSY;
	else
		fx.sw &= ~(SW_SUMMARY | SW_BUSY);
	if (!osfxsr)
		fx.mxcsr = mxcsr;
	fx.mxcsr_mask = mask;
	for (i = 0; i < 8; i++)
		memset(fx.st[i] + 10, 0, 6);
	e->ops->fpu_write(e, &fx);
	return VH_EMUL_OK;
}
