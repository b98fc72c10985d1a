// SPDX-License-Identifier: GPL-2.0-only
/*
 * simd.c - MMX, SSE, AVX and AVX-512 with a memory operand: moves, and where arithmetic
 * (simd_arith.c) begins.
 *
 * Forms with registers alone touch no memory and are not handled. Of AVX-512 only moves
 * without a mask are. Every vh_exec_ function is a handler of the opcode tables: results are
 * enum vh_emul_result.
 */
#include "simd.h"

#define UD_VECTOR 6
#define NM_VECTOR 7
#define GP_VECTOR 13

#define XCR0_AVX	0x6
#define XCR0_AVX512	0xe6

enum move {
	LOAD,			/* the rest of the register becomes 0 */
	STORE,
	LOW, HIGH,		/* 8 bytes of 16, the others are the first source's */
	STORE_HIGH,
	DUP_64, DUP_EVEN, DUP_ODD,
	BROADCAST,
	SIGN_EXTEND, ZERO_EXTEND,
	INSERT, INSERT_PS, INSERT_128,
	EXTRACT, EXTRACT_128,
};

/* Bytes in memory, where they are not always as many. */
#define VL	0		/* a whole vector */
#define GPR	0xf0		/* 4, or 8 with W */
#define HALF	0xf2		/* of a vector */
#define QUARTER	0xf4
#define EIGHTH	0xf8
#define MOVDDUP	0xfe		/* 8 of 16, else all */

#define ALIGNED	0x001		/* #GP(0) unless it is: by 16, with VEX by the vector */
#define VEX	0x002		/* only with VEX, W clear */
#define L0	0x004		/* VEX.L is 0 */
#define L1	0x008		/* VEX.L is 1 */
#define AVX2	0x010		/* with VEX; else AVX */
#define AVX2_256 0x020		/* so if the vector has 256 bits */
#define W0	0x040		/* there is one with EVEX, W clear */
#define W1	0x080
#define BW	0x100		/* with EVEX and F2: AVX512BW */
#define WX	(W0 | W1)
#define ALIGNED_16 0x200	/* #GP(0) unless it is, but not with VEX */

#define K(map, pp, op)	VH_NATIVE(map, pp, op)

static const struct simd_move {
	u16 key;
	u8 move, size;
	u16 flags, feature;
} moves[] = {
	{ K(2, 0, 0x10), LOAD, VL, W0, VH_HAS_SSE },			/* MOVUPS */
	{ K(2, 1, 0x10), LOAD, VL, W1, VH_HAS_SSE2 },			/* MOVUPD */
	{ K(2, 2, 0x10), LOAD, 4, W0, VH_HAS_SSE },			/* MOVSS */
	{ K(2, 3, 0x10), LOAD, 8, W1, VH_HAS_SSE2 },			/* MOVSD */
	{ K(2, 0, 0x11), STORE, VL, W0, VH_HAS_SSE },
	{ K(2, 1, 0x11), STORE, VL, W1, VH_HAS_SSE2 },
	{ K(2, 2, 0x11), STORE, 4, W0, VH_HAS_SSE },
	{ K(2, 3, 0x11), STORE, 8, W1, VH_HAS_SSE2 },
	{ K(2, 0, 0x12), LOW, 8, L0 | W0, VH_HAS_SSE },			/* MOVLPS */
	{ K(2, 1, 0x12), LOW, 8, L0 | W1, VH_HAS_SSE2 },		/* MOVLPD */
	{ K(2, 2, 0x12), DUP_EVEN, VL, ALIGNED_16 | W0, VH_HAS_SSE3 },	/* MOVSLDUP */
	{ K(2, 3, 0x12), DUP_64, MOVDDUP, W1, VH_HAS_SSE3 },
	{ K(2, 0, 0x13), STORE, 8, L0 | W0, VH_HAS_SSE },
	{ K(2, 1, 0x13), STORE, 8, L0 | W1, VH_HAS_SSE2 },
	{ K(2, 0, 0x16), HIGH, 8, L0 | W0, VH_HAS_SSE },		/* MOVHPS */
	{ K(2, 1, 0x16), HIGH, 8, L0 | W1, VH_HAS_SSE2 },		/* MOVHPD */
	{ K(2, 2, 0x16), DUP_ODD, VL, ALIGNED_16 | W0, VH_HAS_SSE3 },	/* MOVSHDUP */
	{ K(2, 0, 0x17), STORE_HIGH, 8, L0 | W0, VH_HAS_SSE },
	{ K(2, 1, 0x17), STORE_HIGH, 8, L0 | W1, VH_HAS_SSE2 },
	{ K(2, 0, 0x28), LOAD, VL, ALIGNED | W0, VH_HAS_SSE },		/* MOVAPS */
	{ K(2, 1, 0x28), LOAD, VL, ALIGNED | W1, VH_HAS_SSE2 },		/* MOVAPD */
	{ K(2, 0, 0x29), STORE, VL, ALIGNED | W0, VH_HAS_SSE },
	{ K(2, 1, 0x29), STORE, VL, ALIGNED | W1, VH_HAS_SSE2 },
	{ K(2, 0, 0x2b), STORE, VL, ALIGNED | W0, VH_HAS_SSE },		/* MOVNTPS */
	{ K(2, 1, 0x2b), STORE, VL, ALIGNED | W1, VH_HAS_SSE2 },	/* MOVNTPD */
	{ K(2, 1, 0x6e), LOAD, GPR, L0 | WX, VH_HAS_SSE2 },		/* MOVD, MOVQ */
	{ K(2, 1, 0x6f), LOAD, VL, ALIGNED | WX, VH_HAS_SSE2 },		/* MOVDQA */
	{ K(2, 2, 0x6f), LOAD, VL, WX, VH_HAS_SSE2 },			/* MOVDQU */
	{ K(2, 1, 0x7e), STORE, GPR, L0 | WX, VH_HAS_SSE2 },
	{ K(2, 2, 0x7e), LOAD, 8, L0 | W1, VH_HAS_SSE2 },
	{ K(2, 1, 0x7f), STORE, VL, ALIGNED | WX, VH_HAS_SSE2 },
	{ K(2, 2, 0x7f), STORE, VL, WX, VH_HAS_SSE2 },
	{ K(2, 1, 0xc4), INSERT, 2, L0, VH_HAS_SSE2 },			/* PINSRW */
	{ K(2, 1, 0xd6), STORE, 8, L0 | W1, VH_HAS_SSE2 },
	{ K(2, 1, 0xe7), STORE, VL, ALIGNED | W0, VH_HAS_SSE2 },	/* MOVNTDQ */
	{ K(2, 3, 0xf0), LOAD, VL, 0, VH_HAS_SSE3 },			/* LDDQU */
	{ K(3, 1, 0x18), BROADCAST, 4, VEX | W0, VH_HAS_AVX },		/* VBROADCASTSS */
	{ K(3, 1, 0x19), BROADCAST, 8, VEX | L1 | W1, VH_HAS_AVX },	/* VBROADCASTSD */
	{ K(3, 1, 0x1a), BROADCAST, 16, VEX | L1, VH_HAS_AVX },		/* VBROADCASTF128 */
	{ K(3, 1, 0x20), SIGN_EXTEND, HALF, AVX2_256, VH_HAS_SSE41 },	/* PMOVSX, PMOVZX */
	{ K(3, 1, 0x21), SIGN_EXTEND, QUARTER, AVX2_256, VH_HAS_SSE41 },
	{ K(3, 1, 0x22), SIGN_EXTEND, EIGHTH, AVX2_256, VH_HAS_SSE41 },
	{ K(3, 1, 0x23), SIGN_EXTEND, HALF, AVX2_256, VH_HAS_SSE41 },
	{ K(3, 1, 0x24), SIGN_EXTEND, QUARTER, AVX2_256, VH_HAS_SSE41 },
	{ K(3, 1, 0x25), SIGN_EXTEND, HALF, AVX2_256, VH_HAS_SSE41 },
	{ K(3, 1, 0x2a), LOAD, VL, ALIGNED | AVX2_256 | W0, VH_HAS_SSE41 }, /* MOVNTDQA */
	{ K(3, 1, 0x30), ZERO_EXTEND, HALF, AVX2_256, VH_HAS_SSE41 },
	{ K(3, 1, 0x31), ZERO_EXTEND, QUARTER, AVX2_256, VH_HAS_SSE41 },
	{ K(3, 1, 0x32), ZERO_EXTEND, EIGHTH, AVX2_256, VH_HAS_SSE41 },
	{ K(3, 1, 0x33), ZERO_EXTEND, HALF, AVX2_256, VH_HAS_SSE41 },
	{ K(3, 1, 0x34), ZERO_EXTEND, QUARTER, AVX2_256, VH_HAS_SSE41 },
	{ K(3, 1, 0x35), ZERO_EXTEND, HALF, AVX2_256, VH_HAS_SSE41 },
	{ K(3, 1, 0x58), BROADCAST, 4, VEX | AVX2 | W0, VH_HAS_AVX2 },	/* VPBROADCASTD, Q, B, W */
	{ K(3, 1, 0x59), BROADCAST, 8, VEX | AVX2 | W1, VH_HAS_AVX2 },
	{ K(3, 1, 0x5a), BROADCAST, 16, VEX | AVX2 | L1, VH_HAS_AVX2 },	/* VBROADCASTI128 */
	{ K(3, 1, 0x78), BROADCAST, 1, VEX | AVX2, VH_HAS_AVX2 },
	{ K(3, 1, 0x79), BROADCAST, 2, VEX | AVX2, VH_HAS_AVX2 },
	{ K(4, 1, 0x14), EXTRACT, 1, L0, VH_HAS_SSE41 },		/* PEXTRB, W, D or Q */
	{ K(4, 1, 0x15), EXTRACT, 2, L0, VH_HAS_SSE41 },
	{ K(4, 1, 0x16), EXTRACT, GPR, L0, VH_HAS_SSE41 },
	{ K(4, 1, 0x17), EXTRACT, 4, L0, VH_HAS_SSE41 },		/* EXTRACTPS */
	{ K(4, 1, 0x18), INSERT_128, 16, VEX | L1, VH_HAS_AVX },
	{ K(4, 1, 0x19), EXTRACT_128, 16, VEX | L1, VH_HAS_AVX },
	{ K(4, 1, 0x20), INSERT, 1, L0, VH_HAS_SSE41 },			/* PINSRB, D or Q */
	{ K(4, 1, 0x21), INSERT_PS, 4, L0, VH_HAS_SSE41 },
	{ K(4, 1, 0x22), INSERT, GPR, L0, VH_HAS_SSE41 },
	{ K(4, 1, 0x38), INSERT_128, 16, VEX | AVX2 | L1, VH_HAS_AVX2 },
	{ K(4, 1, 0x39), EXTRACT_128, 16, VEX | AVX2 | L1, VH_HAS_AVX2 },
	/* EVEX alone: VMOVDQU8 and 16 */
	{ K(2, 3, 0x6f), LOAD, VL, VEX | BW | WX, VH_HAS_AVX512F },
	{ K(2, 3, 0x7f), STORE, VL, VEX | BW | WX, VH_HAS_AVX512F },
};

static const struct simd_move *find_move(const struct vh_emul *e)
{
	unsigned int key = K(e->d.opcode_map, vh_emul_pp(e), e->d.opcode), i;

	for (i = 0; i < ARRAY_SIZE(moves); i++)
		if (moves[i].key == key)
			return &moves[i];
	return NULL;
}

static unsigned int size_of(const struct vh_emul *e, const struct simd_move *m)
{
	unsigned int vl = e->d.vlen;

	switch (m->size) {
	case VL:
		return vl;
	case GPR:
		return e->d.rex & 8 ? 8 : 4;
	case HALF:
		return vl / 2;
	case QUARTER:
		return vl / 4;
	case EIGHTH:
		return vl / 8;
	case MOVDDUP:
		return vl == 16 ? 8 : vl;
	}
	return m->size;
}

/**
 * vh_simd_size - what an 8-bit displacement of EVEX counts
 * @e: the instruction, its opcode known
 *
 * Returns the bytes of its memory operand; 1 for what is not handled.
 */
unsigned int vh_simd_size(const struct vh_emul *e)
{
	const struct simd_move *m = find_move(e);

	return m ? size_of(e, m) : 1;
}

/**
 * vh_simd_available - may the guest have it now?
 * @e: the instruction
 * @legacy: feature of its form without VEX
 * @vex: feature with VEX
 *
 * VH_EMUL_OK, or VH_EMUL_FAULT. SDM Vol. 1, 14.3; Vol. 2, tables 2-18 and following.
 */
int vh_simd_available(struct vh_emul *e, unsigned int legacy, unsigned int vex)
{
	bool ok;

	if (!e->d.vex) {
		ok = !(e->cr0 & X86_CR0_EM) && (e->cr4 & X86_CR4_OSFXSR) && vh_emul_has(e, legacy);
	} else {
		u64 need = e->d.vex == VH_EVEX ? XCR0_AVX512 : XCR0_AVX;

		ok = vh_emul_protected(e) && (e->cr4 & X86_CR4_OSXSAVE) &&
		     (e->xcr0 & need) == need && vh_emul_has(e, vex);
	}
	if (!ok)
		return vh_emul_fault(e, UD_VECTOR);
	return e->cr0 & X86_CR0_TS ? vh_emul_fault(e, NM_VECTOR) : VH_EMUL_OK;
}

static bool merges(unsigned int move)
{
	return move == LOW || move == HIGH || (move >= INSERT && move <= INSERT_128);
}

/* What VEX and EVEX may say of it. */
static int check_vex(struct vh_emul *e, const struct simd_move *m)
{
	const struct vh_insn *d = &e->d;
	bool ok = true;

	if (!d->vex)
		return m->flags & VEX ? VH_EMUL_UNHANDLED : VH_EMUL_OK;
	if (d->vvvv && !merges(m->move))
		ok = false;
	if ((m->flags & L0 && d->vlen != 16) || (m->flags & L1 && d->vlen == 16))
		ok = false;
	if (d->vex == VH_VEX && (m->flags & BW || (m->flags & VEX && d->w)))
		ok = false;
	/* VPINSRQ and VPEXTRQ, whose W is not ignored there */
	if (d->vex == VH_VEX && d->w && d->mode != 8 && m->size == GPR && (m->move == INSERT || m->move == EXTRACT))
		ok = false;
	if (d->vex == VH_EVEX) {
		bool scalar = m->flags & L0 || (m->move <= STORE && m->size != VL);

		/* With the other W it is another instruction, or none. */
		if (!(m->flags & (d->w ? W1 : W0)) || d->evex & 7)
			return VH_EMUL_UNHANDLED;
		if (d->evex & 0x90 ||
		    (d->vlen != 64 && !scalar && !vh_emul_has(e, VH_HAS_AVX512VL)) ||
		    (m->flags & BW && !vh_emul_has(e, VH_HAS_AVX512BW)))
			ok = false;
	}
	return ok ? VH_EMUL_OK : vh_emul_fault(e, UD_VECTOR);
}

static unsigned int vex_feature(const struct vh_emul *e, const struct simd_move *m)
{
	if (e->d.vex == VH_EVEX)
		return VH_HAS_AVX512F;
	return m->flags & AVX2 || (m->flags & AVX2_256 && e->d.vlen == 32) ? VH_HAS_AVX2 : VH_HAS_AVX;
}

/* PMOVSX and PMOVZX by the low bits of the opcode: bytes of an element in memory. */
static void extend(const struct vh_emul *e, bool sign, const u8 *mem, u8 *to)
{
	static const u8 from_size[] = { 1, 1, 1, 2, 2, 4 }, to_size[] = { 2, 4, 8, 4, 8, 8 };
	unsigned int n = e->d.opcode & 7, from = from_size[n], size = to_size[n], i;

	for (i = 0; i < e->d.vlen / size; i++) {
		u64 val = 0;

		memcpy(&val, mem + i * from, from);
		if (sign)
			val = vh_sext(val, from);
		memcpy(to + i * size, &val, size);
	}
}

/* @to, which holds the first source, becomes the result; @mem has @size bytes. */
static void result_of(const struct vh_emul *e, const struct simd_move *m, const u8 *mem,
		      unsigned int size, u8 *to)
{
	unsigned int vl = e->d.vlen, imm = e->d.imm, i;

	switch (m->move) {
	case LOW:
		memcpy(to, mem, 8);
		break;
	case HIGH:
		memcpy(to + 8, mem, 8);
		break;
	case DUP_64:
		for (i = 0; i < vl; i += 8)
			memcpy(to + i, mem + (i & ~15), 8);
		break;
	case DUP_EVEN:
		for (i = 0; i < vl; i += 4)
			memcpy(to + i, mem + (i & ~7), 4);
		break;
	case DUP_ODD:
		for (i = 0; i < vl; i += 4)
			memcpy(to + i, mem + (i | 4), 4);
		break;
	case BROADCAST:
		for (i = 0; i < vl; i += size)
			memcpy(to + i, mem, size);
		break;
	case SIGN_EXTEND:
		extend(e, true, mem, to);
		break;
	case ZERO_EXTEND:
		extend(e, false, mem, to);
		break;
	case INSERT:
		memcpy(to + imm * size % 16, mem, size);
		break;
	case INSERT_PS:
		memcpy(to + (imm >> 4 & 3) * 4, mem, 4);
		for (i = 0; i < 4; i++)
			if (imm & 1 << i)
				memset(to + i * 4, 0, 4);
		break;
	case INSERT_128:
		memcpy(to + (imm & 1) * 16, mem, 16);
		break;
	default:
		memcpy(to, mem, size);
	}
}

/**
 * vh_simd_write - set the destination register
 * @e: the instruction
 * @val: its value; with VEX what is above the vector is cleared
 */
void vh_simd_write(struct vh_emul *e, u8 val[64])
{
	memset(val + e->d.vlen, 0, 64 - e->d.vlen);
	e->ops->vec_write(e, e->d.reg, val, e->d.vex ? 64 : 16);
}

/**
 * vh_simd_linear - where the memory operand is
 * @e: the instruction
 * @size: bytes
 * @align: it is #GP(0) unless the address is a multiple; 1: any
 * @write: whether it writes
 * @linear: the answer
 *
 * As vh_linear().
 */
int vh_simd_linear(struct vh_emul *e, unsigned int size, unsigned int align, bool write,
		   u64 *linear)
{
	int r = vh_linear(e, e->d.ea_seg, e->d.ea, size, write, linear);

	if (!r && (*linear & (align - 1)))
		r = vh_emul_fault(e, GP_VECTOR);
	return r;
}

static int exec_move(struct vh_emul *e, const struct simd_move *m)
{
	bool store = m->move == STORE || m->move == STORE_HIGH || m->move == EXTRACT ||
		     m->move == EXTRACT_128;
	unsigned int size = size_of(e, m), from = 0, align = e->d.vex ? ALIGNED : ALIGNED | ALIGNED_16;
	u8 reg[64] = {}, mem[64];
	u64 linear;
	int r;

	if (!e->ops->vec_read || !e->ops->vec_write)
		return VH_EMUL_UNHANDLED;
	r = check_vex(e, m);
	if (!r)
		r = vh_simd_available(e, m->feature, vex_feature(e, m));
	if (!r)
		r = vh_simd_linear(e, size, m->flags & align ? e->d.vlen : 1, store, &linear);
	if (r)
		return r;
	if (store) {
		if (m->move == STORE_HIGH)
			from = 8;
		else if (m->move == EXTRACT)
			from = e->d.imm * size % 16;
		else if (m->move == EXTRACT_128)
			from = (e->d.imm & 1) * 16;
		e->ops->vec_read(e, e->d.reg, reg);
		return e->ops->write(e, linear, reg + from, size, false);
	}
	r = e->ops->read(e, linear, mem, size, false);
	if (r)
		return r;
	if (merges(m->move))
		e->ops->vec_read(e, e->d.vex ? e->d.vvvv : e->d.reg, reg);
	result_of(e, m, mem, size, reg);
	vh_simd_write(e, reg);
	return VH_EMUL_OK;
}

/* --- MMX --- */

/*
 * The registers are those of x87, by their own numbers. Every MMX instruction makes all
 * of them valid and ST(0) the first (SDM Vol. 3, 13.2).
 */
static void mmx_begin(struct vh_fx *fx)
{
	unsigned int top = fx->sw >> 11 & 7, i;
	u8 st[8][16];

	memcpy(st, fx->st, sizeof(st));
	for (i = 0; i < 8; i++)
		memcpy(fx->st[(i + top) & 7], st[i], 16);
	fx->sw &= ~0x3800;
	fx->tw = 0xff;
}

static int exec_mmx(struct vh_emul *e)
{
	bool store = e->d.opcode >= 0x7e;
	unsigned int size = (e->d.opcode & 1) || e->d.rex & 8 ? 8 : 4;
	struct vh_fx fx;
	u64 val = 0;
	u8 *reg;
	int r;

	if (!e->ops->fpu_read || !e->ops->fpu_write)
		return VH_EMUL_UNHANDLED;
	if ((e->cr0 & X86_CR0_EM) || !vh_emul_has(e, e->d.opcode == 0xe7 ? VH_HAS_SSE : VH_HAS_MMX))
		return vh_emul_fault(e, UD_VECTOR);
	if (e->cr0 & X86_CR0_TS)
		return vh_emul_fault(e, NM_VECTOR);
	vh_x87_read(e, &fx);
	r = vh_x87_pending(e, &fx);
	if (r)
		return r;
	mmx_begin(&fx);
	reg = fx.st[e->d.reg & 7];
	if (store) {
		r = vh_mem_write(e, e->d.ea_seg, e->d.ea, reg, size);
	} else {
		r = vh_mem_read(e, e->d.ea_seg, e->d.ea, &val, size);
		memcpy(reg, &val, 8);
		memset(reg + 8, 0xff, 2);
	}
	if (!r)
		e->ops->fpu_write(e, &fx);
	return r;
}

static bool is_mmx(const struct vh_emul *e)
{
	switch (e->d.opcode) {
	case 0x6e: case 0x6f: case 0x7e: case 0x7f: case 0xe7:
		return e->d.opcode_map == 2 && !vh_emul_pp(e);
	}
	return false;
}

/* vh_exec_simd - what of 0F, 0F 38 and 0F 3A is SIMD; with VEX or EVEX, too */
int vh_exec_simd(struct vh_emul *e)
{
	const struct simd_move *m;

	if (!e->d.mem)
		return VH_EMUL_UNHANDLED;
	if (!e->d.vex) {
		e->d.vlen = 16;
		if (is_mmx(e))
			return exec_mmx(e);
	}
	m = find_move(e);
	return m ? exec_move(e, m) : vh_simd_arith(e);
}

/* vh_exec_vex - all that has one of these prefixes */
int vh_exec_vex(struct vh_emul *e)
{
	if (e->d.vex == VH_VEX &&
	    (e->d.opcode_map == 3 ? e->d.opcode >= 0xf2 && e->d.opcode <= 0xf7 :
	     e->d.opcode_map == 4 && e->d.opcode == 0xf0))
		return vh_exec_bmi(e);
	return vh_exec_simd(e);
}

/* vh_exec_group_15 - 0F AE: FXSAVE, FXRSTOR, LDMXCSR, STMXCSR, CLFLUSH, CLFLUSHOPT, CLWB; with registers what is #UD */
int vh_exec_group_15(struct vh_emul *e)
{
	unsigned int pp = vh_emul_pp(e), n = e->d.modrm >> 3 & 7;
	struct vh_fx fx;
	u64 val, linear;
	int r;

	/* RDFSBASE and its like are of 64-bit mode. */
	if (!e->d.mem && e->d.rep == 0xf3 && n < 4 && e->d.mode != 8)
		return vh_emul_fault(e, UD_VECTOR);
	if (!e->d.mem)
		return VH_EMUL_UNHANDLED;
	if ((n == 7 && pp < 2) || (n == 6 && pp == 1)) {
		/* Nothing is cached of a device. */
		r = vh_linear(e, e->d.ea_seg, e->d.ea, 1, false, &linear);
		if (!r && e->ops->probe)
			r = e->ops->probe(e, linear, 1, false, false);
		return r == VH_EMUL_USER ? VH_EMUL_OK : r;
	}
	if (n < 2 && !pp)
		return vh_exec_fxsave(e);
	if ((n != 2 && n != 3) || pp || !e->ops->fpu_read || !e->ops->fpu_write)
		return VH_EMUL_UNHANDLED;
	r = vh_simd_available(e, VH_HAS_SSE, VH_HAS_AVX);
	if (r)
		return r;
	e->ops->fpu_read(e, &fx);
	if (n == 3)
		return vh_rm_write(e, 4, fx.mxcsr);
	r = vh_rm_read(e, 4, &val);
	if (r)
		return r;
	if (val & ~(u64)(fx.mxcsr_mask ? fx.mxcsr_mask : 0xffbf))
		return vh_emul_fault(e, GP_VECTOR);
	fx.mxcsr = val;
	e->ops->fpu_write(e, &fx);
	return VH_EMUL_OK;
}
