// SPDX-License-Identifier: GPL-2.0-only
/* Gathers and scatters, and AVX-512 with memory operands and masks: the last instruction of some programs. */
#include <string.h>

#include "../fuzz/rounds.h"
#include "gen.h"

static const struct opcode gather = { .name = "gather", .kind = K_AVX }, evex = { .name = "evex", .kind = K_AVX };

/* Forms with a memory operand (SDM Vol. 2, tables 2-36 and following). */
static const struct form {
	uint8_t map, pp, first, last;	/* map: 1 (0F), 2 (0F 38), 3 (0F 3A); pp as VEX has it */
	uint8_t w;			/* 2: both */
	uint8_t flags;
#define V	1			/* a second source; else vvvv is 1111 */
#define I	2			/* an immediate */
#define G	4			/* an index register of vectors */
} forms[] = {
	{ 1, 0, 0x10, 0x11, 0, 0 }, { 1, 1, 0x10, 0x11, 1, 0 }, { 1, 0, 0x28, 0x29, 0, 0 }, { 1, 1, 0x28, 0x29, 1, 0 },
	{ 1, 1, 0x6f, 0x6f, 2, 0 }, { 1, 2, 0x6f, 0x6f, 2, 0 }, { 1, 3, 0x6f, 0x6f, 2, 0 },
	{ 1, 1, 0x7f, 0x7f, 2, 0 }, { 1, 2, 0x7f, 0x7f, 2, 0 }, { 1, 3, 0x7f, 0x7f, 2, 0 },
	{ 1, 2, 0x10, 0x11, 0, 0 }, { 1, 3, 0x10, 0x11, 1, 0 }, { 1, 1, 0x2b, 0x2b, 1, 0 }, { 1, 1, 0xe7, 0xe7, 0, 0 },
	{ 1, 0, 0x58, 0x59, 0, V }, { 1, 1, 0x58, 0x59, 1, V }, { 1, 2, 0x58, 0x5f, 0, V },
	{ 1, 3, 0x58, 0x5f, 1, V }, { 1, 0, 0x5c, 0x5f, 0, V }, { 1, 1, 0x5c, 0x5f, 1, V },
	{ 1, 1, 0xfe, 0xfe, 0, V }, { 1, 1, 0xd4, 0xd4, 1, V }, { 1, 1, 0xdb, 0xdb, 2, V },
	{ 1, 1, 0xeb, 0xeb, 2, V }, { 1, 1, 0xef, 0xef, 2, V }, { 1, 1, 0xfc, 0xfd, 2, V },
	{ 2, 1, 0x18, 0x18, 0, 0 }, { 2, 1, 0x19, 0x19, 1, 0 }, { 2, 1, 0x58, 0x58, 0, 0 }, { 2, 1, 0x59, 0x59, 1, 0 },
	{ 2, 1, 0x20, 0x25, 0, 0 }, { 2, 1, 0x30, 0x35, 0, 0 }, { 2, 2, 0x31, 0x33, 0, 0 }, { 2, 2, 0x35, 0x35, 0, 0 },
	{ 2, 1, 0x36, 0x36, 2, V }, { 2, 1, 0x64, 0x66, 2, V }, { 2, 1, 0x26, 0x27, 2, V },
	{ 2, 1, 0x88, 0x8b, 2, 0 }, { 3, 1, 0x03, 0x03, 2, V | I }, { 3, 1, 0x25, 0x25, 2, V | I },
	{ 3, 1, 0x1e, 0x1f, 2, V | I }, { 3, 1, 0x3e, 0x3f, 2, V | I }, { 3, 1, 0x38, 0x39, 2, V | I },
	{ 2, 1, 0x90, 0x93, 2, G }, { 2, 1, 0xa0, 0xa3, 2, G },
};

struct out {
	struct program *p;
	uint8_t *at;
};

static void put(struct out *o, uint64_t value, unsigned int bytes)
{
	memcpy(o->at, &value, bytes);
	o->at += bytes;
}

/* Register @n's elements are small, so that most of what they index is there. */
static void index_register(struct program *p, unsigned int n)
{
	uint32_t dwords[16];
	unsigned int i;

	for (i = 0; i < 16; i++)
		dwords[i] = chance(16) ? rnd64() : chance(8) ? -rnd(64) : rnd(64);
	/* as quadwords, mostly */
	for (i = 1; i < 16 && chance(2); i += 2)
		dwords[i] = 0;
	if (n >= 16) {
		memcpy(p->fpu512.zmm16[n - 16], dwords, 64);
		return;
	}
	memcpy(p->fpu.xmm[n], dwords, 16);
	memcpy(p->fpu.ymmh[n], dwords + 4, 16);
	memcpy(p->fpu512.zmmh[n], dwords + 8, 32);
}

/* ModRM and SIB of base and index, and a displacement. */
static void put_vsib(struct out *o, unsigned int reg, unsigned int index)
{
	unsigned int mod = 1 + rnd(2), base = rnd(8);

	put(o, mod << 6 | (reg & 7) << 3 | 4, 1);
	put(o, rnd(4) << 6 | (index & 7) << 3 | base, 1);
	put(o, mod == 1 ? rnd(32) - 16u : rnd(64) - 32u, mod == 1 ? 1 : 4);
}

static void put_memory(struct out *o, unsigned int reg)
{
	unsigned int mod = 1 + rnd(2), rm = rnd(8);

	put(o, mod << 6 | (reg & 7) << 3 | rm, 1);
	if (rm == 4)
		put(o, rnd(256), 1);
	put(o, mod == 1 ? rnd(32) - 16u : rnd(64) - 32u, mod == 1 ? 1 : 4);
}

static void put_gather(struct out *o)
{
	unsigned int n = o->p->mode == M_LONG ? 16 : 8, reg = rnd(n), index = rnd(n), mask = rnd(n);

	/* #UD where two of them are one: seldom */
	if (!chance(16)) {
		index = (reg + 1 + rnd(n - 2)) % n;
		while (mask == reg || mask == index)
			mask = (mask + 1) % n;
	}
	index_register(o->p, index);
	put(o, 0xc4, 1);
	put(o, (~reg >> 3 & 1) << 7 | (~index >> 3 & 1) << 6 | 0x22, 1);
	put(o, rnd(2) << 7 | (~mask & 15) << 3 | rnd(2) << 2 | 1, 1);
	put(o, 0x90 + rnd(4), 1);
	put_vsib(o, reg, index);
}

static void put_evex(struct out *o)
{
	const struct form *f = &forms[rnd(sizeof(forms) / sizeof(forms[0]))];
	unsigned int n = o->p->mode == M_LONG ? 32 : 8, reg = rnd(n), v = (f->flags & V) ? rnd(n) : 0, index = rnd(n);
	unsigned int w = f->w == 2 ? rnd(2) : f->w, aaa = (f->flags & G) && !chance(16) ? 1 + rnd(7) : rnd(8);
	bool broadcast = (f->flags & V) && chance(4), zero = aaa && !(f->flags & G) && chance(3);

	if (f->flags & G) {
		index_register(o->p, index);
		v = index & 16;			/* V' is its highest bit */
	}
	put(o, 0x62, 1);
	put(o, (~reg >> 3 & 1) << 7 | ((f->flags & G) ? ~index >> 3 & 1 : 1) << 6 | 1 << 5 | (~reg >> 4 & 1) << 4 | f->map, 1);
	put(o, w << 7 | (~v & 15) << 3 | 4 | f->pp, 1);
	put(o, zero << 7 | rnd(3) << 5 | broadcast << 4 | (~v >> 4 & 1) << 3 | aaa, 1);
	put(o, f->first + rnd(f->last - f->first + 1), 1);
	if (f->flags & G)
		put_vsib(o, reg, index);
	else
		put_memory(o, reg);
	if (f->flags & I)
		put(o, rnd(256), 1);
}

static void fill(struct fpu512 *f)
{
	uint8_t *at = (uint8_t *)f;
	unsigned int i;

	for (i = 0; i < sizeof(*f); i += 8) {
		uint64_t x = rnd64();

		memcpy(at + i, &x, 8);
	}
	for (i = 0; i < 8; i++)
		if (chance(3))
			f->k[i] = chance(2) ? ~0ull : rnd(16);
}

void gen_vectors(struct program *p)
{
	struct out o = { .p = p, .at = p->code + p->code_len };
	bool wide = gen_options.has.avx512 && p->xcr0 == 7 && chance(3);

	if (!(gen_options.kinds & 1 << K_AVX) || p->mode <= M_VM86 || !(p->xcr0 & 4) || !gen_options.has.avx)
		return;
	if (wide) {
		p->xcr0 |= XCR0_AVX512;
		fill(&p->fpu512);
	}
	if (p->ops == 8 || !chance(6))
		return;
	p->start[p->ops] = p->code_len;
	if (wide && !chance(4)) {
		p->op[p->ops++] = &evex;
		put_evex(&o);
	} else {
		p->op[p->ops++] = &gather;
		put_gather(&o);
	}
	p->code_len = o.at - p->code;
}
