/* SPDX-License-Identifier: GPL-2.0-only */
/* test_simd.h - the instructions of test_simd.c. */
#ifndef TEST_SIMD_H
#define TEST_SIMD_H

#include "test_emul.h"

enum { LEGACY, VEX, EVEX };

#define ANY	0xff		/* ModRM.reg is an operand */
#define S_VL	0		/* size: a vector */

#define S_W	0x0001		/* W is set */
#define S_WANY	0x0002
#define S_V	0x0004		/* VEX.vvvv is an operand */
#define S_L0	0x0008
#define S_L1	0x0010
#define S_IMM	0x0020
#define S_IMM3	0x0040		/* 0 to 7 */
#define S_FLOAT	0x0080		/* of elem bytes */
#define S_GPR	0x0100		/* ModRM.reg is a general register */
#define S_ALWAYS 0x0200		/* no CPUID bit is asked for */
#define S_M80	0x0400
#define S_BCD	0x0800
#define S_ENV	0x1000		/* stores the last instruction's pointers */
#define S_OP16	0x2000
#define S_X87	0x4000		/* sets these */
#define S_RANDOM 0x8000		/* any opcode, any prefix */

struct simd_tmpl {
	const char *name;
	u8 enc, map, pp, opcode, ext, size, elem;
	u16 flags;
	u16 feature;
};

/* Without VEX, with it, with EVEX. */
#define ROW(n, enc, map, pp, op, size, elem, fl, f) \
	{ n, enc, map, pp, op, ANY, size, elem, fl, VH_HAS_##f }
#define SSE(n, map, pp, op, size, fl, f)	ROW(n, LEGACY, map, pp, op, size, 0, fl, f)
#define BOTH(n, map, pp, op, size, fl, f)	SSE(n, map, pp, op, size, fl, f), \
	ROW(n, VEX, map, pp, op, size, 0, fl, AVX)
#define BOTH2(n, map, pp, op, size, fl, f)	SSE(n, map, pp, op, size, fl, f), \
	ROW(n, VEX, map, pp, op, size, 0, fl, AVX2)
#define ALL3(n, map, pp, op, size, fl, w, f)	BOTH(n, map, pp, op, size, fl, f), \
	ROW(n, EVEX, map, pp, op, size, 0, (fl) | (w), AVX512VL)
/* Floating point, packed: the second source is VEX.vvvv. */
#define FLT(n, map, pp, op, size, elem, fl, f) \
	ROW(n, LEGACY, map, pp, op, size, elem, (fl) | S_FLOAT, f), \
	ROW(n, VEX, map, pp, op, size, elem, (fl) | S_FLOAT, AVX)
#define ARITH4(n, op, f) \
	FLT(n "ps", 2, 0, op, S_VL, 4, S_V, SSE), FLT(n "pd", 2, 1, op, S_VL, 8, S_V, SSE2), \
	FLT(n "ss", 2, 2, op, 4, 4, S_V, SSE), FLT(n "sd", 2, 3, op, 8, 8, S_V, SSE2)
#define INT(n, map, op, f)	BOTH2(n, map, 1, op, S_VL, S_V, f)

#define X87(n, op, ext, size, elem, fl) \
	{ n, LEGACY, 1, 0, op, ext, size, elem, (fl) | S_X87 | S_ALWAYS, VH_HAS_FPU }
#define X87_ARITH(op, size, elem, fl) \
	X87("fadd " #op, op, 0, size, elem, fl), X87("fmul " #op, op, 1, size, elem, fl), \
	X87("fcom " #op, op, 2, size, elem, fl), X87("fcomp " #op, op, 3, size, elem, fl), \
	X87("fsub " #op, op, 4, size, elem, fl), X87("fsubr " #op, op, 5, size, elem, fl), \
	X87("fdiv " #op, op, 6, size, elem, fl), X87("fdivr " #op, op, 7, size, elem, fl)
#define CONTROL(n, pp, op, ext, fl) \
	{ n, LEGACY, 1, pp, op, ext, 8, 0, (fl) | S_ALWAYS, VH_HAS_FPU }

static const struct simd_tmpl simd_tmpls[] = {
	/* MMX */
	SSE("movd mm,m32", 2, 0, 0x6e, 4, 0, MMX), SSE("movq mm,m64", 2, 0, 0x6e, 8, S_W, MMX),
	SSE("movq mm,m", 2, 0, 0x6f, 8, 0, MMX), SSE("movd m32,mm", 2, 0, 0x7e, 4, 0, MMX),
	SSE("movq m64,mm", 2, 0, 0x7e, 8, S_W, MMX), SSE("movq m,mm", 2, 0, 0x7f, 8, 0, MMX),
	SSE("movntq m,mm", 2, 0, 0xe7, 8, 0, SSE),
	/* moves */
	ALL3("movups x,m", 2, 0, 0x10, S_VL, 0, 0, SSE), ALL3("movupd x,m", 2, 1, 0x10, S_VL, 0, S_W, SSE2),
	ALL3("movss x,m", 2, 2, 0x10, 4, 0, 0, SSE), ALL3("movsd x,m", 2, 3, 0x10, 8, 0, S_W, SSE2),
	ALL3("movups m,x", 2, 0, 0x11, S_VL, 0, 0, SSE), ALL3("movupd m,x", 2, 1, 0x11, S_VL, 0, S_W, SSE2),
	ALL3("movss m,x", 2, 2, 0x11, 4, 0, 0, SSE), ALL3("movsd m,x", 2, 3, 0x11, 8, 0, S_W, SSE2),
	ALL3("movlps x,m", 2, 0, 0x12, 8, S_V | S_L0, 0, SSE), ALL3("movlpd x,m", 2, 1, 0x12, 8, S_V | S_L0, S_W, SSE2),
	ALL3("movsldup x,m", 2, 2, 0x12, S_VL, 0, 0, SSE3),
	SSE("movddup x,m", 2, 3, 0x12, 8, 0, SSE3), ROW("movddup x,m", VEX, 2, 3, 0x12, 8, 0, 0, AVX),
	ROW("movddup x,m", EVEX, 2, 3, 0x12, 8, 0, S_W | S_L0, AVX512VL),
	ROW("movddup y,m", EVEX, 2, 3, 0x12, S_VL, 0, S_W | S_L1, AVX512VL),
	ALL3("movlps m,x", 2, 0, 0x13, 8, S_L0, 0, SSE), ALL3("movlpd m,x", 2, 1, 0x13, 8, S_L0, S_W, SSE2),
	ALL3("movhps x,m", 2, 0, 0x16, 8, S_V | S_L0, 0, SSE), ALL3("movhpd x,m", 2, 1, 0x16, 8, S_V | S_L0, S_W, SSE2),
	ALL3("movshdup x,m", 2, 2, 0x16, S_VL, 0, 0, SSE3),
	ALL3("movhps m,x", 2, 0, 0x17, 8, S_L0, 0, SSE), ALL3("movhpd m,x", 2, 1, 0x17, 8, S_L0, S_W, SSE2),
	ALL3("movaps x,m", 2, 0, 0x28, S_VL, 0, 0, SSE), ALL3("movapd x,m", 2, 1, 0x28, S_VL, 0, S_W, SSE2),
	ALL3("movaps m,x", 2, 0, 0x29, S_VL, 0, 0, SSE), ALL3("movapd m,x", 2, 1, 0x29, S_VL, 0, S_W, SSE2),
	ALL3("movntps m,x", 2, 0, 0x2b, S_VL, 0, 0, SSE), ALL3("movntpd m,x", 2, 1, 0x2b, S_VL, 0, S_W, SSE2),
	ALL3("movd x,m", 2, 1, 0x6e, 4, S_L0, 0, SSE2), BOTH("movq x,m", 2, 1, 0x6e, 8, S_L0 | S_W, SSE2),
	ROW("movq x,m", EVEX, 2, 1, 0x6e, 8, 0, S_L0 | S_W, AVX512VL),
	ALL3("movdqa x,m", 2, 1, 0x6f, S_VL, 0, S_WANY, SSE2), ALL3("movdqu x,m", 2, 2, 0x6f, S_VL, 0, S_WANY, SSE2),
	ROW("movdqu8 x,m", EVEX, 2, 3, 0x6f, S_VL, 0, S_WANY, AVX512BW),
	ROW("movdqu8 m,x", EVEX, 2, 3, 0x7f, S_VL, 0, S_WANY, AVX512BW),
	ROW("no such movdqu", VEX, 2, 3, 0x6f, S_VL, 0, 0, AVX),
	ALL3("movd m,x", 2, 1, 0x7e, 4, S_L0, 0, SSE2), BOTH("movq m,x", 2, 1, 0x7e, 8, S_L0 | S_W, SSE2),
	ROW("movq m,x", EVEX, 2, 1, 0x7e, 8, 0, S_L0 | S_W, AVX512VL),
	ALL3("movq x,m", 2, 2, 0x7e, 8, S_L0, S_W, SSE2),
	ALL3("movdqa m,x", 2, 1, 0x7f, S_VL, 0, S_WANY, SSE2), ALL3("movdqu m,x", 2, 2, 0x7f, S_VL, 0, S_WANY, SSE2),
	ALL3("movq m,x", 2, 1, 0xd6, 8, S_L0, S_W, SSE2), ALL3("movntdq m,x", 2, 1, 0xe7, S_VL, 0, 0, SSE2),
	BOTH("lddqu x,m", 2, 3, 0xf0, S_VL, 0, SSE3), BOTH2("movntdqa x,m", 3, 1, 0x2a, S_VL, 0, SSE41),
	ROW("movntdqa x,m", EVEX, 3, 1, 0x2a, S_VL, 0, 0, AVX512VL),
	BOTH("pinsrw", 2, 1, 0xc4, 2, S_V | S_L0 | S_IMM, SSE2), BOTH("pinsrb", 4, 1, 0x20, 1, S_V | S_L0 | S_IMM, SSE41),
	BOTH("insertps", 4, 1, 0x21, 4, S_V | S_L0 | S_IMM, SSE41),
	BOTH("pinsrd", 4, 1, 0x22, 4, S_V | S_L0 | S_IMM, SSE41),
	BOTH("pinsrq", 4, 1, 0x22, 8, S_V | S_L0 | S_IMM | S_W, SSE41),
	BOTH("pextrb", 4, 1, 0x14, 1, S_L0 | S_IMM, SSE41), BOTH("pextrw", 4, 1, 0x15, 2, S_L0 | S_IMM, SSE41),
	BOTH("pextrd", 4, 1, 0x16, 4, S_L0 | S_IMM, SSE41), BOTH("pextrq", 4, 1, 0x16, 8, S_L0 | S_IMM | S_W, SSE41),
	BOTH("extractps", 4, 1, 0x17, 4, S_L0 | S_IMM, SSE41),
	ROW("insertf128", VEX, 4, 1, 0x18, 16, 0, S_V | S_L1 | S_IMM, AVX),
	ROW("extractf128", VEX, 4, 1, 0x19, 16, 0, S_L1 | S_IMM, AVX),
	ROW("inserti128", VEX, 4, 1, 0x38, 16, 0, S_V | S_L1 | S_IMM, AVX2),
	ROW("extracti128", VEX, 4, 1, 0x39, 16, 0, S_L1 | S_IMM, AVX2),
	ROW("broadcastss", VEX, 3, 1, 0x18, 4, 0, 0, AVX), ROW("broadcastss", EVEX, 3, 1, 0x18, 4, 0, 0, AVX512VL),
	ROW("broadcastsd", VEX, 3, 1, 0x19, 8, 0, S_L1, AVX), ROW("broadcastsd", EVEX, 3, 1, 0x19, 8, 0, S_L1 | S_W, AVX512VL),
	ROW("broadcastf128", VEX, 3, 1, 0x1a, 16, 0, S_L1, AVX), ROW("broadcasti128", VEX, 3, 1, 0x5a, 16, 0, S_L1, AVX2),
	ROW("pbroadcastd", VEX, 3, 1, 0x58, 4, 0, 0, AVX2), ROW("pbroadcastd", EVEX, 3, 1, 0x58, 4, 0, 0, AVX512VL),
	ROW("pbroadcastq", VEX, 3, 1, 0x59, 8, 0, 0, AVX2), ROW("pbroadcastq", EVEX, 3, 1, 0x59, 8, 0, S_W, AVX512VL),
	ROW("pbroadcastb", VEX, 3, 1, 0x78, 1, 0, 0, AVX2), ROW("pbroadcastw", VEX, 3, 1, 0x79, 2, 0, 0, AVX2),
	BOTH2("pmovsxbw", 3, 1, 0x20, 8, 0, SSE41), BOTH2("pmovsxbd", 3, 1, 0x21, 4, 0, SSE41),
	BOTH2("pmovsxbq", 3, 1, 0x22, 2, 0, SSE41), BOTH2("pmovsxwd", 3, 1, 0x23, 8, 0, SSE41),
	BOTH2("pmovsxwq", 3, 1, 0x24, 4, 0, SSE41), BOTH2("pmovsxdq", 3, 1, 0x25, 8, 0, SSE41),
	BOTH2("pmovzxbw", 3, 1, 0x30, 8, 0, SSE41), BOTH2("pmovzxbd", 3, 1, 0x31, 4, 0, SSE41),
	BOTH2("pmovzxbq", 3, 1, 0x32, 2, 0, SSE41), BOTH2("pmovzxwd", 3, 1, 0x33, 8, 0, SSE41),
	BOTH2("pmovzxwq", 3, 1, 0x34, 4, 0, SSE41), BOTH2("pmovzxdq", 3, 1, 0x35, 8, 0, SSE41),
	/* floating point */
	FLT("sqrtps", 2, 0, 0x51, S_VL, 4, 0, SSE), FLT("sqrtpd", 2, 1, 0x51, S_VL, 8, 0, SSE2),
	FLT("sqrtss", 2, 2, 0x51, 4, 4, S_V, SSE), FLT("sqrtsd", 2, 3, 0x51, 8, 8, S_V, SSE2),
	FLT("rsqrtps", 2, 0, 0x52, S_VL, 4, 0, SSE), FLT("rsqrtss", 2, 2, 0x52, 4, 4, S_V, SSE),
	FLT("rcpps", 2, 0, 0x53, S_VL, 4, 0, SSE), FLT("rcpss", 2, 2, 0x53, 4, 4, S_V, SSE),
	ARITH4("add", 0x58, SSE), ARITH4("mul", 0x59, SSE), ARITH4("sub", 0x5c, SSE), ARITH4("min", 0x5d, SSE),
	ARITH4("div", 0x5e, SSE), ARITH4("max", 0x5f, SSE),
	FLT("andps", 2, 0, 0x54, S_VL, 4, S_V, SSE), FLT("andnpd", 2, 1, 0x55, S_VL, 8, S_V, SSE2),
	FLT("orps", 2, 0, 0x56, S_VL, 4, S_V, SSE), FLT("xorpd", 2, 1, 0x57, S_VL, 8, S_V, SSE2),
	FLT("unpcklps", 2, 0, 0x14, S_VL, 4, S_V, SSE), FLT("unpckhpd", 2, 1, 0x15, S_VL, 8, S_V, SSE2),
	FLT("cvtps2pd", 2, 0, 0x5a, 8, 4, S_L0, SSE2), FLT("cvtpd2ps", 2, 1, 0x5a, 16, 8, S_L0, SSE2),
	FLT("cvtss2sd", 2, 2, 0x5a, 4, 4, S_V, SSE2), FLT("cvtsd2ss", 2, 3, 0x5a, 8, 8, S_V, SSE2),
	FLT("cvtdq2ps", 2, 0, 0x5b, S_VL, 4, 0, SSE2), FLT("cvtps2dq", 2, 1, 0x5b, S_VL, 4, 0, SSE2),
	FLT("cvttps2dq", 2, 2, 0x5b, S_VL, 4, 0, SSE2), FLT("cvttpd2dq", 2, 1, 0xe6, 16, 8, S_L0, SSE2),
	FLT("cvtdq2pd", 2, 2, 0xe6, 8, 4, S_L0, SSE2), FLT("cvtpd2dq", 2, 3, 0xe6, 16, 8, S_L0, SSE2),
	FLT("haddps", 2, 3, 0x7c, S_VL, 4, S_V, SSE3), FLT("haddpd", 2, 1, 0x7c, S_VL, 8, S_V, SSE3),
	FLT("hsubps", 2, 3, 0x7d, S_VL, 4, S_V, SSE3), FLT("addsubps", 2, 3, 0xd0, S_VL, 4, S_V, SSE3),
	FLT("cvtsi2ss", 2, 2, 0x2a, 4, 4, S_V, SSE), FLT("cvtsi2ssq", 2, 2, 0x2a, 8, 8, S_V | S_W, SSE),
	FLT("cvtsi2sd", 2, 3, 0x2a, 4, 4, S_V, SSE2), FLT("cvtsi2sdq", 2, 3, 0x2a, 8, 8, S_V | S_W, SSE2),
	FLT("cvttss2si", 2, 2, 0x2c, 4, 4, S_GPR, SSE), FLT("cvtss2siq", 2, 2, 0x2d, 4, 4, S_GPR | S_W, SSE),
	FLT("cvttsd2siq", 2, 3, 0x2c, 8, 8, S_GPR | S_W, SSE2), FLT("cvtsd2si", 2, 3, 0x2d, 8, 8, S_GPR, SSE2),
	FLT("ucomiss", 2, 0, 0x2e, 4, 4, 0, SSE), FLT("ucomisd", 2, 1, 0x2e, 8, 8, 0, SSE2),
	FLT("comiss", 2, 0, 0x2f, 4, 4, 0, SSE), FLT("comisd", 2, 1, 0x2f, 8, 8, 0, SSE2),
	FLT("cmpps", 2, 0, 0xc2, S_VL, 4, S_V | S_IMM | S_IMM3, SSE), FLT("cmppd", 2, 1, 0xc2, S_VL, 8, S_V | S_IMM | S_IMM3, SSE2),
	FLT("cmpss", 2, 2, 0xc2, 4, 4, S_V | S_IMM | S_IMM3, SSE), FLT("cmpsd", 2, 3, 0xc2, 8, 8, S_V | S_IMM | S_IMM3, SSE2),
	/* integers */
	INT("punpcklbw", 2, 0x60, SSE2), INT("packsswb", 2, 0x63, SSE2), INT("pcmpgtd", 2, 0x66, SSE2),
	INT("packssdw", 2, 0x6b, SSE2), INT("punpckhqdq", 2, 0x6d, SSE2), INT("pcmpeqb", 2, 0x74, SSE2),
	INT("paddq", 2, 0xd4, SSE2), INT("pmullw", 2, 0xd5, SSE2), INT("psubusb", 2, 0xd8, SSE2),
	INT("pand", 2, 0xdb, SSE2), INT("pandn", 2, 0xdf, SSE2), INT("pavgb", 2, 0xe0, SSE2),
	INT("pmulhuw", 2, 0xe4, SSE2), INT("por", 2, 0xeb, SSE2), INT("pxor", 2, 0xef, SSE2),
	INT("pmuludq", 2, 0xf4, SSE2), INT("psadbw", 2, 0xf6, SSE2), INT("psubd", 2, 0xfa, SSE2),
	INT("paddb", 2, 0xfc, SSE2), INT("paddd", 2, 0xfe, SSE2),
	BOTH2("psrlw", 2, 1, 0xd1, 16, S_V, SSE2), BOTH2("psraw", 2, 1, 0xe1, 16, S_V, SSE2),
	BOTH2("psllq", 2, 1, 0xf3, 16, S_V, SSE2),
	INT("pshufb", 3, 0x00, SSSE3), INT("phaddw", 3, 0x01, SSSE3), INT("psignd", 3, 0x0a, SSSE3),
	INT("pmulhrsw", 3, 0x0b, SSSE3), BOTH2("pabsb", 3, 1, 0x1c, S_VL, 0, SSSE3),
	INT("pmuldq", 3, 0x28, SSE41), INT("packusdw", 3, 0x2b, SSE41), INT("pcmpgtq", 3, 0x37, SSE42),
	INT("pminsb", 3, 0x38, SSE41), INT("pmaxud", 3, 0x3f, SSE41), INT("pmulld", 3, 0x40, SSE41),
	BOTH("phminposuw", 3, 1, 0x41, 16, S_L0, SSE41), BOTH("ptest", 3, 1, 0x17, S_VL, 0, SSE41),
	BOTH("aesenc", 3, 1, 0xdc, 16, S_V | S_L0, AES), BOTH("aesimc", 3, 1, 0xdb, 16, S_L0, AES),
	/* shuffles */
	FLT("shufps", 2, 0, 0xc6, S_VL, 4, S_V | S_IMM, SSE), FLT("shufpd", 2, 1, 0xc6, S_VL, 8, S_V | S_IMM, SSE2),
	BOTH2("pshufd", 2, 1, 0x70, S_VL, S_IMM, SSE2), BOTH2("pshufhw", 2, 2, 0x70, S_VL, S_IMM, SSE2),
	BOTH2("pshuflw", 2, 3, 0x70, S_VL, S_IMM, SSE2), BOTH2("palignr", 4, 1, 0x0f, S_VL, S_V | S_IMM, SSSE3),
	FLT("blendps", 4, 1, 0x0c, S_VL, 4, S_V | S_IMM, SSE41), FLT("blendpd", 4, 1, 0x0d, S_VL, 8, S_V | S_IMM, SSE41),
	BOTH2("pblendw", 4, 1, 0x0e, S_VL, S_V | S_IMM, SSE41),
	/* x87 */
	X87_ARITH(0xd8, 4, 4, S_FLOAT), X87_ARITH(0xdc, 8, 8, S_FLOAT), X87_ARITH(0xda, 4, 0, 0), X87_ARITH(0xde, 2, 0, 0),
	X87("fld m32", 0xd9, 0, 4, 4, S_FLOAT), X87("fst m32", 0xd9, 2, 4, 0, 0), X87("fstp m32", 0xd9, 3, 4, 0, 0),
	X87("fild m32", 0xdb, 0, 4, 0, 0), X87("fist m32", 0xdb, 2, 4, 0, 0), X87("fistp m32", 0xdb, 3, 4, 0, 0),
	X87("fld m80", 0xdb, 5, 10, 0, S_M80), X87("fstp m80", 0xdb, 7, 10, 0, 0),
	X87("fld m64", 0xdd, 0, 8, 8, S_FLOAT), X87("fst m64", 0xdd, 2, 8, 0, 0), X87("fstp m64", 0xdd, 3, 8, 0, 0),
	X87("fild m16", 0xdf, 0, 2, 0, 0), X87("fist m16", 0xdf, 2, 2, 0, 0), X87("fistp m16", 0xdf, 3, 2, 0, 0),
	X87("fbld", 0xdf, 4, 10, 0, S_BCD), X87("fild m64", 0xdf, 5, 8, 0, 0), X87("fbstp", 0xdf, 6, 10, 0, 0),
	X87("fistp m64", 0xdf, 7, 8, 0, 0),
	{ "fisttp m32", LEGACY, 1, 0, 0xdb, 1, 4, 0, S_X87, VH_HAS_SSE3 },
	{ "fisttp m64", LEGACY, 1, 0, 0xdd, 1, 8, 0, S_X87, VH_HAS_SSE3 },
	{ "fisttp m16", LEGACY, 1, 0, 0xdf, 1, 2, 0, S_X87, VH_HAS_SSE3 },
	CONTROL("fldcw", 0, 0xd9, 5, 0), CONTROL("fnstcw", 0, 0xd9, 7, 0), CONTROL("fnstsw", 0, 0xdd, 7, 0),
	CONTROL("fldenv", 0, 0xd9, 4, 0), CONTROL("fnstenv", 0, 0xd9, 6, S_ENV),
	CONTROL("fldenv16", 1, 0xd9, 4, 0), CONTROL("fnstenv16", 1, 0xd9, 6, S_ENV | S_OP16),
	CONTROL("frstor", 0, 0xdd, 4, 0), CONTROL("fnsave", 0, 0xdd, 6, S_ENV),
	{ "any opcode", LEGACY, 2, 0, 0, ANY, S_VL, 0, S_RANDOM | S_ALWAYS, VH_HAS_FPU },
	{ "any opcode of floats", LEGACY, 2, 0, 0, ANY, S_VL, 4, S_RANDOM | S_ALWAYS | S_FLOAT, VH_HAS_FPU },
	{ "any opcode", VEX, 2, 0, 0, ANY, S_VL, 0, S_RANDOM | S_ALWAYS, VH_HAS_AVX2 },
	{ "any opcode of floats", VEX, 2, 0, 0, ANY, S_VL, 8, S_RANDOM | S_ALWAYS | S_FLOAT, VH_HAS_AVX2 },
	{ "any opcode", EVEX, 2, 0, 0, ANY, S_VL, 0, S_RANDOM | S_ALWAYS, VH_HAS_AVX512VL },
	CONTROL("frstor16", 1, 0xdd, 4, 0), CONTROL("fnsave16", 1, 0xdd, 6, S_ENV | S_OP16),
};

#endif /* TEST_SIMD_H */
