// SPDX-License-Identifier: GPL-2.0-only
/*
 * native.c - arithmetic that only the processor does exactly: x87 and SSE.
 *
 * The instruction itself is executed on copies of the guest's registers and of its memory
 * operand. Which there are is written down here; nothing is put together at run time. Each
 * is one asm statement that loads, executes and saves: the compiler never sees a register of
 * theirs in use. Unmasked exceptions do not happen: of x87 the saving does not raise them, and
 * of SSE the caller masks all.
 */
#include "insn.h"

/* Nothing else here may use vector registers, in whatever program this is compiled. */
#define NATIVE __attribute__((target("general-regs-only")))

#define X87(op, modrm)								\
	asm volatile("fxrstor64 %0\n\t.byte " op ", " modrm "\n\tfxsave64 %0\n\tfninit"	\
		     : "+m" (*n->fx) : "D" (n->buf) : "memory")

/* ModRM: [RDI] */
#define X87_ROW(op)								\
	do {									\
		switch (n->reg) {						\
		case 0:								\
			X87(op, "0x07");					\
			break;							\
		case 1:								\
			X87(op, "0x0f");					\
			break;							\
		case 2:								\
			X87(op, "0x17");					\
			break;							\
		case 3:								\
			X87(op, "0x1f");					\
			break;							\
		case 4:								\
			X87(op, "0x27");					\
			break;							\
		case 5:								\
			X87(op, "0x2f");					\
			break;							\
		case 6:								\
			X87(op, "0x37");					\
			break;							\
		default:							\
			X87(op, "0x3f");					\
		}								\
	} while (0)

/**
 * vh_native_x87 - an x87 instruction with a memory operand
 * @arg: struct vh_native_x87; MXCSR of its fx has all exceptions masked
 *
 * Called by ops->with_fpu. The form is one that exists; no exception is pending, unless it
 * is one that does not wait.
 */
NATIVE void vh_native_x87(void *arg)
{
	struct vh_native_x87 *n = arg;

	if (n->op16) {		/* FLDENV, FNSTENV, FRSTOR, FNSAVE */
		if (n->opcode == 0xd9 && n->reg == 4)
			X87("0x66, 0xd9", "0x27");
		else if (n->opcode == 0xd9)
			X87("0x66, 0xd9", "0x37");
		else if (n->reg == 4)
			X87("0x66, 0xdd", "0x27");
		else
			X87("0x66, 0xdd", "0x37");
		return;
	}
	switch (n->opcode) {
	case 0xd8:
		X87_ROW("0xd8");
		break;
	case 0xd9:
		X87_ROW("0xd9");
		break;
	case 0xda:
		X87_ROW("0xda");
		break;
	case 0xdb:
		X87_ROW("0xdb");
		break;
	case 0xdc:
		X87_ROW("0xdc");
		break;
	case 0xdd:
		X87_ROW("0xdd");
		break;
	case 0xde:
		X87_ROW("0xde");
		break;
	default:
		X87_ROW("0xdf");
	}
}

#define SIMD(bytes)								\
	asm volatile("ldmxcsr %1\n\tmovups %0, %%xmm0\n\t.byte " bytes "\n\t"	\
		     "movups %%xmm0, %0\n\tstmxcsr %1"				\
		     : "+m" (n->dst), "+m" (n->mxcsr) : "D" (n->src) : "memory", "cc")
#define COMPARE(bytes)								\
	asm volatile("ldmxcsr %3\n\tmovups %4, %%xmm0\n\t.byte " bytes "\n\tstmxcsr %3"	\
		     : "=@ccz" (zf), "=@ccp" (pf), "=@ccc" (cf), "+m" (n->mxcsr)	\
		     : "m" (n->dst), "D" (n->src) : "memory")
/* to RAX */
#define CONVERT(bytes)								\
	asm volatile("ldmxcsr %1\n\t.byte " bytes "\n\tstmxcsr %1"		\
		     : "=a" (n->gpr), "+m" (n->mxcsr) : "D" (n->src) : "memory")

/* One opcode with the prefix that stands before it, an operand at [RDI]. */
#define CASE(map, pp, op, insn)							\
	case VH_NATIVE(map, pp, op):						\
		insn;								\
		break
#define PS(op)	CASE(2, 0, op, SIMD("0x0f, " #op ", 0x07"))
#define PD(op)	CASE(2, 1, op, SIMD("0x66, 0x0f, " #op ", 0x07"))
#define SS(op)	CASE(2, 2, op, SIMD("0xf3, 0x0f, " #op ", 0x07"))
#define SD(op)	CASE(2, 3, op, SIMD("0xf2, 0x0f, " #op ", 0x07"))
#define ALL(op)	PS(op); PD(op); SS(op); SD(op)
#define P38(op)	CASE(3, 1, op, SIMD("0x66, 0x0f, 0x38, " #op ", 0x07"))

/* CMPPS and its like: eight relations, as SSE has them. */
#define RELATION(prefix)							\
	switch (n->imm & 7) {							\
	case 0:									\
		SIMD(prefix "0x0f, 0xc2, 0x07, 0");				\
		break;								\
	case 1:									\
		SIMD(prefix "0x0f, 0xc2, 0x07, 1");				\
		break;								\
	case 2:									\
		SIMD(prefix "0x0f, 0xc2, 0x07, 2");				\
		break;								\
	case 3:									\
		SIMD(prefix "0x0f, 0xc2, 0x07, 3");				\
		break;								\
	case 4:									\
		SIMD(prefix "0x0f, 0xc2, 0x07, 4");				\
		break;								\
	case 5:									\
		SIMD(prefix "0x0f, 0xc2, 0x07, 5");				\
		break;								\
	case 6:									\
		SIMD(prefix "0x0f, 0xc2, 0x07, 6");				\
		break;								\
	default:								\
		SIMD(prefix "0x0f, 0xc2, 0x07, 7");				\
	}

/* Integers of 4 or 8 bytes from memory, or to a general register. */
#define WIDTH(pp, op, prefix, what)						\
	case VH_NATIVE(2, pp, op):						\
		if (n->wide)							\
			what(prefix ", 0x48, 0x0f, " #op ", 0x07");		\
		else								\
			what(prefix ", 0x0f, " #op ", 0x07");			\
		break

/* Floating point. False: not one of these. */
NATIVE static bool simd_float(struct vh_native_simd *n)
{
	bool zf = false, pf = false, cf = false;

	switch (n->key) {
	ALL(0x51);	/* SQRT */
	PS(0x52); SS(0x52); PS(0x53); SS(0x53);	/* RSQRT, RCP */
	ALL(0x58); ALL(0x59); ALL(0x5c); ALL(0x5d); ALL(0x5e); ALL(0x5f);
	ALL(0x5a);	/* CVT between precisions */
	PS(0x5b); PD(0x5b); SS(0x5b);
	PD(0xe6); SS(0xe6); SD(0xe6);
	PD(0x7c); SD(0x7c); PD(0x7d); SD(0x7d); PD(0xd0); SD(0xd0);	/* HADD, HSUB, ADDSUB */
	WIDTH(2, 0x2a, "0xf3", SIMD);
	WIDTH(3, 0x2a, "0xf2", SIMD);
	WIDTH(2, 0x2c, "0xf3", CONVERT);
	WIDTH(3, 0x2c, "0xf2", CONVERT);
	WIDTH(2, 0x2d, "0xf3", CONVERT);
	WIDTH(3, 0x2d, "0xf2", CONVERT);
	CASE(2, 0, 0x2e, COMPARE("0x0f, 0x2e, 0x07"));
	CASE(2, 1, 0x2e, COMPARE("0x66, 0x0f, 0x2e, 0x07"));
	CASE(2, 0, 0x2f, COMPARE("0x0f, 0x2f, 0x07"));
	CASE(2, 1, 0x2f, COMPARE("0x66, 0x0f, 0x2f, 0x07"));
	CASE(2, 0, 0xc2, RELATION(""));
	CASE(2, 1, 0xc2, RELATION("0x66, "));
	CASE(2, 2, 0xc2, RELATION("0xf3, "));
	CASE(2, 3, 0xc2, RELATION("0xf2, "));
	default:
		return false;
	}
	n->flags = (zf ? X86_EFLAGS_ZF : 0) | (pf ? X86_EFLAGS_PF : 0) | (cf ? X86_EFLAGS_CF : 0);
	return true;
}

/* Integers and bits. */
NATIVE static bool simd_integer(struct vh_native_simd *n)
{
	bool zf = false, pf = false, cf = false;

	switch (n->key) {
	PS(0x14); PD(0x14); PS(0x15); PD(0x15);				/* UNPCK */
	PS(0x54); PD(0x54); PS(0x55); PD(0x55); PS(0x56); PD(0x56); PS(0x57); PD(0x57);
	PD(0x60); PD(0x61); PD(0x62); PD(0x63); PD(0x64); PD(0x65); PD(0x66); PD(0x67);
	PD(0x68); PD(0x69); PD(0x6a); PD(0x6b); PD(0x6c); PD(0x6d);
	PD(0x74); PD(0x75); PD(0x76);
	PD(0xd1); PD(0xd2); PD(0xd3); PD(0xd4); PD(0xd5); PD(0xd8); PD(0xd9); PD(0xda);
	PD(0xdb); PD(0xdc); PD(0xdd); PD(0xde); PD(0xdf);
	PD(0xe0); PD(0xe1); PD(0xe2); PD(0xe3); PD(0xe4); PD(0xe5); PD(0xe8); PD(0xe9);
	PD(0xea); PD(0xeb); PD(0xec); PD(0xed); PD(0xee); PD(0xef);
	PD(0xf1); PD(0xf2); PD(0xf3); PD(0xf4); PD(0xf5); PD(0xf6);
	PD(0xf8); PD(0xf9); PD(0xfa); PD(0xfb); PD(0xfc); PD(0xfd); PD(0xfe);
	P38(0x00); P38(0x01); P38(0x02); P38(0x03); P38(0x04); P38(0x05); P38(0x06); P38(0x07);
	P38(0x08); P38(0x09); P38(0x0a); P38(0x0b); P38(0x1c); P38(0x1d); P38(0x1e);
	P38(0x28); P38(0x29); P38(0x2b); P38(0x37); P38(0x38); P38(0x39); P38(0x3a); P38(0x3b);
	P38(0x3c); P38(0x3d); P38(0x3e); P38(0x3f); P38(0x40); P38(0x41);
	P38(0xdb); P38(0xdc); P38(0xdd); P38(0xde); P38(0xdf);		/* AES */
	CASE(3, 1, 0x17, COMPARE("0x66, 0x0f, 0x38, 0x17, 0x07"));	/* PTEST */
	default:
		return false;
	}
	n->flags = (zf ? X86_EFLAGS_ZF : 0) | (pf ? X86_EFLAGS_PF : 0) | (cf ? X86_EFLAGS_CF : 0);
	return true;
}

/**
 * vh_native_simd - an SSE instruction with a memory operand
 * @arg: struct vh_native_simd; its mxcsr has all exceptions masked
 *
 * Called by ops->with_fpu. The processor has the instruction: what its CPUID shows is the
 * caller's to ask.
 */
NATIVE void vh_native_simd(void *arg)
{
	struct vh_native_simd *n = arg;

	n->known = simd_float(n) || simd_integer(n);
}
