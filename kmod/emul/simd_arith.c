// SPDX-License-Identifier: GPL-2.0-only
/*
 * simd_arith.c - SSE arithmetic with a memory operand, by native.c; with VEX the same for
 * each 16 bytes.
 *
 * Results are enum vh_emul_result.
 */
#include "simd.h"

#define UD_VECTOR 6
#define XM_VECTOR 19

/* MXCSR (SDM Vol. 1, 10.2.3) */
#define MX_FLAGS	0x003fu
#define MX_PRE		0x0007u		/* invalid, denormal, divide: before there is a result */
#define MX_UNDERFLOW	0x0010u
#define MX_MASKS	0x1f80u
#define MX_MASK_SHIFT	7
#define MX_FLUSH	0x8000u

#define VL	0		/* bytes in memory: a whole vector */
#define GPR	0xf0		/* 4, or 8 with W */

#define FLOAT	0x01		/* has exceptions */
#define UNARY	0x02		/* no first source: VEX.vvvv is 1111 */
#define L0	0x04		/* not with VEX.L: what it does crosses 16 bytes */
#define FLAGS	0x08		/* the result is in RFLAGS */
#define TO_GPR	0x10
#define INTEGER	0x20		/* 32 bytes of it are AVX2 */
#define SHUFFLE	0x40		/* by an immediate: simd_shuffle.c */
#define COUNT	0x80		/* the memory operand is one for all: what shifts count */

static const struct arith {
	u8 map, prefixes;		/* bit by bit: none, 66, F3, F2 */
	u8 first, last;
	u8 size, flags;
	u16 feature;
} ariths[] = {
	{ 2, 1, 0x51, 0x51, VL, FLOAT | UNARY, VH_HAS_SSE }, { 2, 2, 0x51, 0x51, VL, FLOAT | UNARY, VH_HAS_SSE2 },
	{ 2, 4, 0x51, 0x51, 4, FLOAT, VH_HAS_SSE }, { 2, 8, 0x51, 0x51, 8, FLOAT, VH_HAS_SSE2 },
	{ 2, 1, 0x52, 0x53, VL, UNARY, VH_HAS_SSE }, { 2, 4, 0x52, 0x53, 4, 0, VH_HAS_SSE },
	{ 2, 1, 0x14, 0x15, VL, 0, VH_HAS_SSE }, { 2, 2, 0x14, 0x15, VL, 0, VH_HAS_SSE2 },
	{ 2, 1, 0x54, 0x57, VL, 0, VH_HAS_SSE }, { 2, 2, 0x54, 0x57, VL, 0, VH_HAS_SSE2 },
	{ 2, 1, 0x58, 0x59, VL, FLOAT, VH_HAS_SSE }, { 2, 2, 0x58, 0x59, VL, FLOAT, VH_HAS_SSE2 },
	{ 2, 4, 0x58, 0x59, 4, FLOAT, VH_HAS_SSE }, { 2, 8, 0x58, 0x59, 8, FLOAT, VH_HAS_SSE2 },
	{ 2, 1, 0x5c, 0x5f, VL, FLOAT, VH_HAS_SSE }, { 2, 2, 0x5c, 0x5f, VL, FLOAT, VH_HAS_SSE2 },
	{ 2, 4, 0x5c, 0x5f, 4, FLOAT, VH_HAS_SSE }, { 2, 8, 0x5c, 0x5f, 8, FLOAT, VH_HAS_SSE2 },
	{ 2, 1, 0xc2, 0xc2, VL, FLOAT, VH_HAS_SSE }, { 2, 2, 0xc2, 0xc2, VL, FLOAT, VH_HAS_SSE2 },
	{ 2, 4, 0xc2, 0xc2, 4, FLOAT, VH_HAS_SSE }, { 2, 8, 0xc2, 0xc2, 8, FLOAT, VH_HAS_SSE2 },
	{ 2, 1, 0x5a, 0x5a, 8, FLOAT | UNARY | L0, VH_HAS_SSE2 },
	{ 2, 2, 0x5a, 0x5a, 16, FLOAT | UNARY | L0, VH_HAS_SSE2 },
	{ 2, 4, 0x5a, 0x5a, 4, FLOAT, VH_HAS_SSE2 }, { 2, 8, 0x5a, 0x5a, 8, FLOAT, VH_HAS_SSE2 },
	{ 2, 7, 0x5b, 0x5b, VL, FLOAT | UNARY, VH_HAS_SSE2 },
	{ 2, 10, 0xe6, 0xe6, 16, FLOAT | UNARY | L0, VH_HAS_SSE2 },
	{ 2, 4, 0xe6, 0xe6, 8, FLOAT | UNARY | L0, VH_HAS_SSE2 },
	{ 2, 10, 0x7c, 0x7d, VL, FLOAT, VH_HAS_SSE3 }, { 2, 10, 0xd0, 0xd0, VL, FLOAT, VH_HAS_SSE3 },
	{ 2, 4, 0x2a, 0x2a, GPR, FLOAT, VH_HAS_SSE }, { 2, 8, 0x2a, 0x2a, GPR, FLOAT, VH_HAS_SSE2 },
	{ 2, 4, 0x2c, 0x2d, 4, FLOAT | UNARY | TO_GPR, VH_HAS_SSE },
	{ 2, 8, 0x2c, 0x2d, 8, FLOAT | UNARY | TO_GPR, VH_HAS_SSE2 },
	{ 2, 1, 0x2e, 0x2f, 4, FLOAT | UNARY | FLAGS, VH_HAS_SSE },
	{ 2, 2, 0x2e, 0x2f, 8, FLOAT | UNARY | FLAGS, VH_HAS_SSE2 },
	{ 2, 2, 0x60, 0x6d, VL, INTEGER, VH_HAS_SSE2 }, { 2, 2, 0x74, 0x76, VL, INTEGER, VH_HAS_SSE2 },
	{ 2, 2, 0xd1, 0xd3, 16, COUNT | INTEGER, VH_HAS_SSE2 }, { 2, 2, 0xe1, 0xe2, 16, COUNT | INTEGER, VH_HAS_SSE2 },
	{ 2, 2, 0xf1, 0xf3, 16, COUNT | INTEGER, VH_HAS_SSE2 },
	{ 2, 2, 0xd4, 0xd5, VL, INTEGER, VH_HAS_SSE2 }, { 2, 2, 0xd8, 0xe0, VL, INTEGER, VH_HAS_SSE2 },
	{ 2, 2, 0xe3, 0xe5, VL, INTEGER, VH_HAS_SSE2 }, { 2, 2, 0xe8, 0xef, VL, INTEGER, VH_HAS_SSE2 },
	{ 2, 2, 0xf4, 0xf6, VL, INTEGER, VH_HAS_SSE2 }, { 2, 2, 0xf8, 0xfe, VL, INTEGER, VH_HAS_SSE2 },
	{ 3, 2, 0x00, 0x0b, VL, INTEGER, VH_HAS_SSSE3 },
	{ 3, 2, 0x1c, 0x1e, VL, INTEGER | UNARY, VH_HAS_SSSE3 },
	{ 3, 2, 0x17, 0x17, VL, UNARY | FLAGS, VH_HAS_SSE41 },
	{ 3, 2, 0x28, 0x29, VL, INTEGER, VH_HAS_SSE41 }, { 3, 2, 0x2b, 0x2b, VL, INTEGER, VH_HAS_SSE41 },
	{ 3, 2, 0x37, 0x37, VL, INTEGER, VH_HAS_SSE42 }, { 3, 2, 0x38, 0x40, VL, INTEGER, VH_HAS_SSE41 },
	{ 3, 2, 0x41, 0x41, VL, UNARY | L0, VH_HAS_SSE41 },
	{ 2, 1, 0xc6, 0xc6, VL, SHUFFLE, VH_HAS_SSE }, { 2, 2, 0xc6, 0xc6, VL, SHUFFLE, VH_HAS_SSE2 },
	{ 2, 14, 0x70, 0x70, VL, SHUFFLE | UNARY | INTEGER, VH_HAS_SSE2 },
	{ 4, 2, 0x0c, 0x0d, VL, SHUFFLE, VH_HAS_SSE41 }, { 4, 2, 0x0e, 0x0e, VL, SHUFFLE | INTEGER, VH_HAS_SSE41 },
	{ 4, 2, 0x0f, 0x0f, VL, SHUFFLE | INTEGER, VH_HAS_SSSE3 },
	{ 3, 2, 0xdb, 0xdb, VL, UNARY | L0, VH_HAS_AES }, { 3, 2, 0xdc, 0xdf, VL, L0, VH_HAS_AES },
};

static const struct arith *find_arith(const struct vh_emul *e)
{
	unsigned int prefix = 1 << vh_emul_pp(e), i;

	for (i = 0; i < ARRAY_SIZE(ariths); i++) {
		const struct arith *a = &ariths[i];

		if (a->map == e->d.opcode_map && a->prefixes & prefix &&
		    e->d.opcode >= a->first && e->d.opcode <= a->last)
			return a;
	}
	return NULL;
}

/* UNHANDLED, or what decides before memory is looked at. */
static int check(struct vh_emul *e, const struct arith *a)
{
	unsigned int vex = VH_HAS_AVX;

	if (!a || e->d.vex == VH_EVEX || !e->ops->with_fpu || !e->ops->fpu_read ||
	    !e->ops->fpu_write || !e->ops->vec_read || !e->ops->vec_write)
		return VH_EMUL_UNHANDLED;
	/* VEX has 32 relations, and widths that are not 16 bytes after 16 bytes. */
	if ((e->d.opcode == 0xc2 && e->d.imm > 7 && e->d.vex) || (a->flags & L0 && e->d.vlen != 16))
		return VH_EMUL_UNHANDLED;
	if (e->d.vlen == 32 && a->flags & INTEGER)
		vex = VH_HAS_AVX2;
	/* With VEX the instruction itself has to be there as well: AES, for one. Before #NM, as all that is no instruction. */
	if (e->d.vex && ((e->d.vvvv && a->flags & UNARY) || !vh_emul_has(e, a->feature)))
		return vh_emul_fault(e, UD_VECTOR);
	return vh_simd_available(e, a->feature, vex);
}

/*
 * All exceptions are masked for the execution. Unmasked underflow is of tiny results also
 * when they are exact: these are seen when they would be flushed to 0. Beside an unmasked
 * overflow or underflow the flag of precision may be set where the processor leaves it.
 */
static u32 masked(u32 mxcsr)
{
	u32 m = (mxcsr & ~MX_FLAGS) | MX_MASKS;

	return mxcsr & MX_UNDERFLOW << MX_MASK_SHIFT ? m : m | MX_FLUSH;
}

/* What the guest's MXCSR makes of the exceptions @raised. */
static int exceptions(struct vh_emul *e, struct vh_fx *fx, u32 raised)
{
	u32 unmasked = raised & ~(fx->mxcsr >> MX_MASK_SHIFT) & MX_FLAGS;

	fx->mxcsr |= unmasked & MX_PRE ? raised & MX_PRE : raised;
	e->ops->fpu_write(e, fx);
	if (!unmasked)
		return VH_EMUL_OK;
	return vh_emul_fault(e, e->cr4 & X86_CR4_OSXMMEXCPT ? XM_VECTOR : UD_VECTOR);
}

/**
 * vh_simd_arith - SSE, AVX or AVX2 arithmetic
 * @e: the instruction; its other operand is memory
 */
int vh_simd_arith(struct vh_emul *e)
{
	const struct arith *a = find_arith(e);
	struct vh_native_simd n = { .imm = e->d.imm, .wide = e->d.rex & 8 };
	unsigned int size, i, lanes;
	u8 reg[64], mem[32] = {};
	struct vh_fx fx;
	u32 raised = 0;
	u64 linear, flags = ~0ULL;
	int r = check(e, a);

	if (r)
		return r;
	size = a->size == VL ? e->d.vlen : a->size == GPR ? n.wide ? 8 : 4 : a->size;
	lanes = a->size == VL || a->flags & COUNT ? e->d.vlen / 16 : 1;
	if (lanes == 1)
		e->d.vlen = 16;
	r = vh_simd_linear(e, size, size == 16 && !e->d.vex ? 16 : 1, false, &linear);
	if (!r)
		r = e->ops->read(e, linear, mem, size, false);
	if (r)
		return r;
	e->ops->fpu_read(e, &fx);
	e->ops->vec_read(e, e->d.vex && !(a->flags & UNARY) ? e->d.vvvv : e->d.reg, reg);
	n.key = VH_NATIVE(e->d.opcode_map, vh_emul_pp(e), e->d.opcode);
	for (i = 0; i < lanes; i++) {
		memcpy(n.dst, reg + i * 16, 16);
		memcpy(n.src, mem + (a->flags & COUNT ? 0 : i * 16), 16);
		n.mxcsr = masked(fx.mxcsr);
		n.known = a->flags & SHUFFLE;
		if (n.known)
			vh_simd_shuffle(n.key, n.imm, i, n.dst, n.src);
		else
			e->ops->with_fpu(e, vh_native_simd, &n);
		if (!n.known)
			return VH_EMUL_UNHANDLED;
		memcpy(reg + i * 16, n.dst, 16);
		raised |= n.mxcsr & MX_FLAGS;
		flags &= n.flags;	/* VPTEST: of all */
	}
	if (a->flags & FLOAT) {
		r = exceptions(e, &fx, raised);
		if (r)
			return r;
	}
	if (a->flags & FLAGS)
		e->rflags = (e->rflags & ~(u64)VH_FLAGS_ARITH) | flags;
	else if (a->flags & TO_GPR)
		vh_reg_write(e, e->d.reg, n.wide ? 8 : 4, n.gpr);
	else
		vh_simd_write(e, reg);
	return VH_EMUL_OK;
}
