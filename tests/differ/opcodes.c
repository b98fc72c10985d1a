// SPDX-License-Identifier: GPL-2.0-only
/* The opcode maps (SDM Vol. 2, appendix A) as the generator wants them. */
#include "differ.h"

#define CF 0x001
#define PF 0x004
#define AF 0x010
#define ZF 0x040
#define SF 0x080
#define OF 0x800

#define ALL (CF | PF | AF | ZF | SF | OF)

#define ALU(base, undef, name)					\
	{ 1, base, (base) + 1, "ML", K_INT, undef, name },	\
	{ 1, (base) + 2, (base) + 3, "M", K_INT, undef, name },	\
	{ 1, (base) + 4, (base) + 4, "b", K_INT, undef, name },	\
	{ 1, (base) + 5, (base) + 5, "z", K_INT, undef, name }
#define ONE(map, op, form, kind, undef, name)	{ map, op, op, form, kind, undef, name }

const struct opcode opcodes[] = {
	ALU(0x00, 0, "add"), ALU(0x08, AF, "or"), ALU(0x10, 0, "adc"), ALU(0x18, 0, "sbb"),
	ALU(0x20, AF, "and"), ALU(0x28, 0, "sub"), ALU(0x30, AF, "xor"), ALU(0x38, 0, "cmp"),
	ONE(1, 0x27, "", K_INT, OF, "daa"), ONE(1, 0x2f, "", K_INT, OF, "das"),
	ONE(1, 0x37, "", K_INT, OF | SF | ZF | PF, "aaa"), ONE(1, 0x3f, "", K_INT, OF | SF | ZF | PF, "aas"),
	{ 1, 0x40, 0x4f, "", K_INT, 0, "inc" },
	ONE(1, 0x62, "m", K_INT, 0, "bound"), ONE(1, 0x63, "M", K_INT, 0, "arpl"),
	ONE(1, 0x69, "Mz", K_INT, SF | ZF | AF | PF, "imul"), ONE(1, 0x6b, "Mb", K_INT, SF | ZF | AF | PF, "imul"),
	ONE(1, 0x80, "Mb/0-7L", K_INT, AF, "group1"), ONE(1, 0x81, "Mz/0-7L", K_INT, AF, "group1"),
	ONE(1, 0x82, "Mb/0-7", K_INT, AF, "group1"), ONE(1, 0x83, "Mb/0-7L", K_INT, AF, "group1"),
	{ 1, 0x84, 0x85, "M", K_INT, AF, "test" }, { 1, 0x86, 0x87, "ML", K_INT, 0, "xchg" },
	{ 1, 0x88, 0x8b, "M", K_INT, 0, "mov" }, ONE(1, 0x8d, "m", K_INT, 0, "lea"),
	{ 1, 0x90, 0x97, "", K_INT, 0, "xchg" }, { 1, 0x98, 0x99, "", K_INT, 0, "cbw" },
	{ 1, 0x9e, 0x9f, "", K_INT, 0, "sahf" }, { 1, 0xa0, 0xa3, "o", K_INT, 0, "mov" },
	ONE(1, 0xa8, "b", K_INT, AF, "test"), ONE(1, 0xa9, "z", K_INT, AF, "test"),
	{ 1, 0xb0, 0xb7, "b", K_INT, 0, "mov" }, { 1, 0xb8, 0xbf, "v", K_INT, 0, "mov" },
	{ 1, 0xc0, 0xc1, "Mb", K_INT, AF | OF | CF, "shift" }, { 1, 0xd0, 0xd3, "M", K_INT, AF | OF | CF, "shift" },
	ONE(1, 0xc6, "Mb/0-0", K_INT, 0, "mov"), ONE(1, 0xc7, "Mz/0-0", K_INT, 0, "mov"),
	ONE(1, 0xd4, "b", K_INT, OF | AF | CF, "aam"), ONE(1, 0xd5, "b", K_INT, OF | AF | CF, "aad"),
	ONE(1, 0xd6, "", K_INT, 0, "salc"), ONE(1, 0xd7, "", K_INT, 0, "xlat"),
	ONE(1, 0xf5, "", K_INT, 0, "cmc"), { 1, 0xf8, 0xf9, "", K_INT, 0, "clc" },
	{ 1, 0xfc, 0xfd, "", K_INT, 0, "cld" },
	ONE(1, 0xf6, "Mb/0-1", K_INT, AF, "test"), ONE(1, 0xf7, "Mz/0-1", K_INT, AF, "test"),
	{ 1, 0xf6, 0xf7, "M/2-3L", K_INT, 0, "not" }, { 1, 0xf6, 0xf7, "M/4-5", K_INT, SF | ZF | AF | PF, "mul" },
	{ 1, 0xf6, 0xf7, "M/6-7", K_INT, ALL, "div" },
	{ 1, 0xfe, 0xff, "M/0-1L", K_INT, 0, "inc" },
	{ 2, 0x40, 0x4f, "M", K_INT, 0, "cmov" }, { 2, 0x90, 0x9f, "M", K_INT, 0, "setcc" },
	ONE(2, 0xa3, "M", K_INT, OF | SF | AF | PF, "bt"), ONE(2, 0xab, "ML", K_INT, OF | SF | AF | PF, "bts"),
	ONE(2, 0xb3, "ML", K_INT, OF | SF | AF | PF, "btr"), ONE(2, 0xbb, "ML", K_INT, OF | SF | AF | PF, "btc"),
	ONE(2, 0xba, "Mb/4-7L", K_INT, OF | SF | AF | PF, "bt"),
	ONE(2, 0xa4, "Mb", K_INT, ALL, "shld"), ONE(2, 0xa5, "M", K_INT, ALL, "shld"),
	ONE(2, 0xac, "Mb", K_INT, ALL, "shrd"), ONE(2, 0xad, "M", K_INT, ALL, "shrd"),
	ONE(2, 0xaf, "M", K_INT, SF | ZF | AF | PF, "imul"), { 2, 0xb0, 0xb1, "ML", K_INT, 0, "cmpxchg" },
	{ 2, 0xb6, 0xb7, "M", K_INT, 0, "movzx" }, { 2, 0xbe, 0xbf, "M", K_INT, 0, "movsx" },
	{ 2, 0xbc, 0xbd, "M", K_INT, CF | OF | SF | AF | PF, "bsf" },
	{ 2, 0xbc, 0xbd, "0xf3M", K_INT, OF | SF | AF | PF, "tzcnt" },
	ONE(2, 0xb8, "0xf3M", K_INT, 0, "popcnt"),
	{ 2, 0xc0, 0xc1, "ML", K_INT, 0, "xadd" }, ONE(2, 0xc3, "m", K_INT, 0, "movnti"),
	ONE(2, 0xc7, "m/1-1L", K_INT, 0, "cmpxchg8b"), { 2, 0xc8, 0xcf, "", K_INT, 0, "bswap" },
	ONE(2, 0x0d, "m", K_INT, 0, "prefetch"), { 2, 0x18, 0x1f, "M", K_INT, 0, "nop" },
	{ 3, 0xf0, 0xf1, "m", K_INT, 0, "movbe" }, { 3, 0xf0, 0xf1, "0xf2M", K_INT, 0, "crc32" },

	{ 1, 0x50, 0x57, "", K_STACK, 0, "push" }, { 1, 0x58, 0x5f, "", K_STACK, 0, "pop" },
	ONE(1, 0x68, "z", K_STACK, 0, "push"), ONE(1, 0x6a, "b", K_STACK, 0, "push"),
	ONE(1, 0x60, "", K_STACK, 0, "pusha"), ONE(1, 0x61, "", K_STACK, 0, "popa"),
	{ 1, 0x06, 0x07, "", K_STACK, 0, "es" }, ONE(1, 0x0e, "", K_STACK, 0, "cs"),
	{ 1, 0x16, 0x17, "", K_STACK, 0, "ss" }, { 1, 0x1e, 0x1f, "", K_STACK, 0, "ds" },
	ONE(1, 0x8f, "M/0-0", K_STACK, 0, "pop"), ONE(1, 0xff, "M/6-6", K_STACK, 0, "push"),
	{ 1, 0x9c, 0x9d, "", K_STACK, 0, "popf" }, ONE(1, 0xc8, "wb", K_STACK, 0, "enter"),
	ONE(1, 0xc9, "", K_STACK, 0, "leave"), { 2, 0xa0, 0xa1, "", K_STACK, 0, "fs" },
	{ 2, 0xa8, 0xa9, "", K_STACK, 0, "gs" }, ONE(1, 0x8c, "M", K_STACK, 0, "movseg"),
	ONE(1, 0x8e, "M/0-5", K_STACK, 0, "movseg"), { 1, 0xc4, 0xc5, "m", K_STACK, 0, "les" },
	ONE(2, 0xb2, "m", K_STACK, 0, "lss"), { 2, 0xb4, 0xb5, "m", K_STACK, 0, "lfs" },

	{ 1, 0x70, 0x7f, "j", K_BRANCH, 0, "jcc" }, { 1, 0xe0, 0xe3, "j", K_BRANCH, 0, "loop" },
	ONE(1, 0xeb, "j", K_BRANCH, 0, "jmp"), ONE(1, 0xe8, "J", K_BRANCH, 0, "call"),
	ONE(1, 0xe9, "J", K_BRANCH, 0, "jmp"), { 2, 0x80, 0x8f, "J", K_BRANCH, 0, "jcc" },
	ONE(1, 0xc2, "w", K_BRANCH, 0, "ret"), ONE(1, 0xc3, "", K_BRANCH, 0, "ret"),
	ONE(1, 0xff, "M/2-2", K_BRANCH, 0, "call"), ONE(1, 0xff, "M/4-4", K_BRANCH, 0, "jmp"),

	ONE(1, 0x9a, "p", K_FAR, 0, "callfar"), ONE(1, 0xea, "p", K_FAR, 0, "jmpfar"),
	ONE(1, 0xca, "w", K_FAR, 0, "retfar"), ONE(1, 0xcb, "", K_FAR, 0, "retfar"),
	ONE(1, 0xcf, "", K_FAR, 0, "iret"), ONE(1, 0xcc, "", K_FAR, 0, "int3"),
	ONE(1, 0xcd, "b", K_FAR, 0, "int"), ONE(1, 0xce, "", K_FAR, 0, "into"),
	ONE(1, 0xf1, "", K_FAR, 0, "int1"), ONE(1, 0xff, "m/3-3", K_FAR, 0, "callfar"),
	ONE(1, 0xff, "m/5-5", K_FAR, 0, "jmpfar"),

	{ 1, 0xa4, 0xa5, "R", K_STRING, 0, "movs" }, { 1, 0xa6, 0xa7, "R", K_STRING, 0, "cmps" },
	{ 1, 0xaa, 0xab, "R", K_STRING, 0, "stos" }, { 1, 0xac, 0xad, "R", K_STRING, 0, "lods" },
	{ 1, 0xae, 0xaf, "R", K_STRING, 0, "scas" }, { 1, 0x6c, 0x6d, "R", K_STRING, 0, "ins" },
	{ 1, 0x6e, 0x6f, "R", K_STRING, 0, "outs" },

	{ 1, 0xe4, 0xe5, "b", K_PORT, 0, "in" }, { 1, 0xe6, 0xe7, "b", K_PORT, 0, "out" },
	{ 1, 0xec, 0xed, "", K_PORT, 0, "in" }, { 1, 0xee, 0xef, "", K_PORT, 0, "out" },

	ONE(1, 0xf4, "", K_SYSTEM, 0, "hlt"), { 1, 0xfa, 0xfb, "", K_SYSTEM, 0, "sti" },
	ONE(2, 0x00, "M/0-1", K_SYSTEM, 0, "sldt"), ONE(2, 0x00, "M/2-2", K_SYSTEM, 0, "lldt"),
	ONE(2, 0x00, "M/3-3", K_SYSTEM, 0, "ltr"), ONE(2, 0x00, "M/4-5", K_SYSTEM, 0, "verr"),
	ONE(2, 0x01, "m/0-1", K_SYSTEM, 0, "sgdt"), ONE(2, 0x01, "m/2-3", K_SYSTEM, 0, "lgdt"),
	ONE(2, 0x01, "M/4-4", K_SYSTEM, 0, "smsw"), ONE(2, 0x01, "M/6-6", K_SYSTEM, 0, "lmsw"),
	ONE(2, 0x01, "m/7-7", K_SYSTEM, 0, "invlpg"), ONE(2, 0x02, "M", K_SYSTEM, 0, "lar"),
	ONE(2, 0x03, "M", K_SYSTEM, 0, "lsl"), ONE(2, 0x05, "", K_SYSTEM, 0, "syscall"),
	ONE(2, 0x06, "", K_SYSTEM, 0, "clts"), ONE(2, 0x07, "", K_SYSTEM, 0, "sysret"),
	{ 2, 0x08, 0x09, "", K_SYSTEM, 0, "wbinvd" }, ONE(2, 0x0b, "", K_SYSTEM, 0, "ud2"),
	ONE(2, 0x20, "r", K_SYSTEM, 0, "movfromcr"), ONE(2, 0x22, "r", K_SYSTEM, 0, "movtocr"),
	ONE(2, 0x21, "r", K_SYSTEM, 0, "movfromdr"), ONE(2, 0x23, "r", K_SYSTEM, 0, "movtodr"),
	ONE(2, 0x30, "c", K_SYSTEM, 0, "wrmsr"), ONE(2, 0x32, "c", K_SYSTEM, 0, "rdmsr"),
	ONE(2, 0x34, "", K_SYSTEM, 0, "sysenter"), ONE(2, 0x35, "", K_SYSTEM, 0, "sysexit"),
	ONE(2, 0x01, "=\xf8", K_SYSTEM, 0, "swapgs"), ONE(2, 0x01, "=\xca", K_SYSTEM, 0, "clac"),
	ONE(2, 0x01, "=\xcb", K_SYSTEM, 0, "stac"), ONE(2, 0x01, "=\xc8", K_SYSTEM, 0, "monitor"),
	ONE(2, 0x01, "=\xc9", K_SYSTEM, 0, "mwait"), ONE(2, 0x01, "=\xd0", K_SYSTEM, 0, "xgetbv"),
	ONE(2, 0x01, "=\xd1", K_SYSTEM, 0, "xsetbv"), ONE(2, 0x01, "=\xc1", K_SYSTEM, 0, "vmcall"),
	ONE(2, 0x01, "=\xc2", K_SYSTEM, 0, "vmlaunch"), ONE(2, 0x78, "M", K_SYSTEM, 0, "vmread"),
	ONE(2, 0xc7, "m/6-7", K_SYSTEM, 0, "vmptrld"), ONE(2, 0xaa, "", K_SYSTEM, 0, "rsm"),
	ONE(3, 0x82, "0x66m", K_SYSTEM, 0, "invpcid"), { 3, 0x80, 0x81, "0x66m", K_SYSTEM, 0, "invept" },
	ONE(2, 0xae, "0xf3r/0-3", K_SYSTEM, 0, "fsgsbase"),

	ONE(1, 0x9b, "", K_X87, 0, "fwait"), { 1, 0xd8, 0xdf, "M", K_X87, 0, "x87" },
	ONE(2, 0x77, "", K_X87, 0, "emms"),

	{ 2, 0x10, 0x17, "VM", K_SSE, 0, "sse" }, { 2, 0x28, 0x2f, "VM", K_SSE, 0, "sse" },
	{ 2, 0x50, 0x76, "VM", K_SSE, 0, "sse" }, { 2, 0x7c, 0x7f, "VM", K_SSE, 0, "sse" },
	ONE(2, 0xc2, "VMb", K_SSE, 0, "sse"), { 2, 0xc4, 0xc6, "VMb", K_SSE, 0, "sse" },
	{ 2, 0xd0, 0xfe, "VM", K_SSE, 0, "sse" }, { 2, 0x70, 0x73, "VMb", K_SSE, 0, "sse" },
	{ 3, 0x00, 0x41, "VM", K_SSE, 0, "sse3" }, { 4, 0x08, 0x17, "VMb", K_SSE, 0, "sse4" },
	ONE(2, 0xae, "M/0-3", K_SSE, 0, "fxsave"), ONE(2, 0xae, "M/4-7", K_SSE, 0, "xsave"),

	ONE(1, 0x9a, "t", K_TASK, 0, "task"), ONE(1, 0xea, "t", K_TASK, 0, "task"),
	ONE(1, 0xcd, "T", K_TASK, 0, "task"), ONE(1, 0xcf, "", K_TASK, 0, "task"),

	/* v: mostly without a second source, in which VEX.vvvv has to be 1111 */
	{ 5, 0x10, 0x17, "Mv", K_AVX, 0, "avx" }, { 5, 0x28, 0x2f, "Mv", K_AVX, 0, "avx" },
	{ 5, 0x50, 0x52, "Mv", K_AVX, 0, "avx" }, { 5, 0x54, 0x6d, "M", K_AVX, 0, "avx" },
	{ 5, 0x6e, 0x6f, "Mv", K_AVX, 0, "avx" }, { 5, 0x70, 0x73, "Mbv", K_AVX, 0, "avx" },
	{ 5, 0x74, 0x76, "M", K_AVX, 0, "avx" }, ONE(5, 0x77, "v", K_AVX, 0, "vzero"),
	{ 5, 0x7c, 0x7d, "M", K_AVX, 0, "avx" }, { 5, 0x7e, 0x7f, "Mv", K_AVX, 0, "avx" },
	ONE(5, 0xc2, "Mb", K_AVX, 0, "avx"), { 5, 0xc4, 0xc6, "Mbv", K_AVX, 0, "avx" },
	{ 5, 0xd0, 0xd5, "M", K_AVX, 0, "avx" }, { 5, 0xd6, 0xd7, "Mv", K_AVX, 0, "avx" },
	{ 5, 0xd8, 0xe5, "M", K_AVX, 0, "avx" }, { 5, 0xe6, 0xe7, "Mv", K_AVX, 0, "avx" },
	{ 5, 0xe8, 0xef, "M", K_AVX, 0, "avx" }, ONE(5, 0xf0, "Mv", K_AVX, 0, "avx"),
	{ 5, 0xf1, 0xfe, "M", K_AVX, 0, "avx" }, ONE(5, 0xae, "Mv", K_AVX, 0, "vldmxcsr"),
	{ 6, 0x00, 0x0f, "M", K_AVX, 0, "avx" }, { 6, 0x13, 0x1e, "Mv", K_AVX, 0, "avx" },
	{ 6, 0x20, 0x27, "Mv", K_AVX, 0, "avx" }, { 6, 0x28, 0x2f, "M", K_AVX, 0, "avx" },
	{ 6, 0x30, 0x35, "Mv", K_AVX, 0, "avx" }, { 6, 0x36, 0x40, "M", K_AVX, 0, "avx" },
	{ 6, 0x41, 0x41, "Mv", K_AVX, 0, "avx" }, { 6, 0x45, 0x47, "M", K_AVX, 0, "avx" },
	{ 6, 0x58, 0x5a, "Mv", K_AVX, 0, "avx" }, { 6, 0x78, 0x79, "Mv", K_AVX, 0, "avx" },
	ONE(6, 0x8c, "M", K_AVX, 0, "vmaskmov"), ONE(6, 0x8e, "M", K_AVX, 0, "vmaskmov"),
	{ 6, 0x96, 0x9f, "M", K_AVX, 0, "fma" }, { 6, 0xa6, 0xaf, "M", K_AVX, 0, "fma" },
	{ 6, 0xb6, 0xbf, "M", K_AVX, 0, "fma" },
	ONE(6, 0xf2, "M", K_AVX, AF | PF, "bmi"), ONE(6, 0xf3, "M", K_AVX, AF | PF, "bmi"),
	ONE(6, 0xf5, "M", K_AVX, AF | PF, "bmi"), ONE(6, 0xf6, "M", K_AVX, 0, "bmi"),
	ONE(6, 0xf7, "M", K_AVX, AF | PF | SF, "bmi"),
	{ 7, 0x00, 0x06, "Mbv", K_AVX, 0, "avx" }, { 7, 0x08, 0x09, "Mbv", K_AVX, 0, "avx" },
	{ 7, 0x0a, 0x0f, "Mb", K_AVX, 0, "avx" }, { 7, 0x14, 0x19, "Mbv", K_AVX, 0, "avx" },
	{ 7, 0x20, 0x22, "Mb", K_AVX, 0, "avx" }, { 7, 0x38, 0x39, "Mbv", K_AVX, 0, "avx" },
	{ 7, 0x40, 0x46, "Mb", K_AVX, 0, "avx" }, { 7, 0x4a, 0x4c, "Mb", K_AVX, 0, "avx" },
	ONE(7, 0xf0, "Mbv", K_AVX, 0, "bmi"),
};

const unsigned int nr_opcodes = sizeof(opcodes) / sizeof(opcodes[0]);
