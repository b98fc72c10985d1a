// SPDX-License-Identifier: GPL-2.0-only
/*
 * simd_shuffle.c - shuffles and blends by an immediate byte, 16 bytes at a time.
 */
#include "simd.h"

static void elements(u8 *to, const u8 *low, const u8 *high, unsigned int size, unsigned int imm)
{
	unsigned int n = 16 / size, bits = size == 4 ? 2 : 1, i;

	for (i = 0; i < n; i++, imm >>= bits)
		memcpy(to + i * size, (i < n / 2 ? low : high) + (imm & ((1 << bits) - 1)) * size, size);
}

static void blend(u8 *to, const u8 *src, unsigned int size, unsigned int imm)
{
	unsigned int i;

	for (i = 0; i < 16 / size; i++)
		if (imm & 1 << i)
			memcpy(to + i * size, src + i * size, size);
}

/**
 * vh_simd_shuffle - one of these instructions, of 16 bytes
 * @key: VH_NATIVE() of prefix and opcode
 * @imm: the immediate
 * @lane: 1: the upper half of a VEX vector
 * @dst: the register, and the result
 * @src: the memory operand
 */
void vh_simd_shuffle(u32 key, unsigned int imm, unsigned int lane, u8 dst[16], const u8 src[16])
{
	u8 both[48] = {}, old[16];
	unsigned int i;

	memcpy(old, dst, 16);
	switch (key) {
	case VH_NATIVE(2, 0, 0xc6):		/* SHUFPS */
		elements(dst, old, src, 4, imm);
		break;
	case VH_NATIVE(2, 1, 0xc6):		/* SHUFPD */
		elements(dst, old, src, 8, imm >> lane * 2);
		break;
	case VH_NATIVE(2, 1, 0x70):		/* PSHUFD */
		elements(dst, src, src, 4, imm);
		break;
	case VH_NATIVE(2, 2, 0x70):		/* PSHUFHW, PSHUFLW */
	case VH_NATIVE(2, 3, 0x70):
		i = key == VH_NATIVE(2, 2, 0x70) ? 8 : 0;
		memcpy(dst, src, 16);
		for (lane = 0; lane < 4; lane++, imm >>= 2)
			memcpy(dst + i + lane * 2, src + i + (imm & 3) * 2, 2);
		break;
	case VH_NATIVE(4, 1, 0x0f):		/* PALIGNR */
		memcpy(both, src, 16);
		memcpy(both + 16, old, 16);
		memcpy(dst, both + (imm < 32 ? imm : 32), 16);
		break;
	case VH_NATIVE(4, 1, 0x0c):		/* BLENDPS */
		blend(dst, src, 4, imm >> lane * 4);
		break;
	case VH_NATIVE(4, 1, 0x0d):		/* BLENDPD */
		blend(dst, src, 8, imm >> lane * 2);
		break;
	default:				/* PBLENDW */
		blend(dst, src, 2, imm);
	}
}
