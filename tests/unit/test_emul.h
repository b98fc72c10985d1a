/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_emul.h - what the interpreter's tests share: random numbers and templates of the
 * instructions that it handles.
 */
#ifndef TEST_EMUL_H
#define TEST_EMUL_H

#include <emul/insn.h>

static u64 rnd_state = 0x9e3779b97f4a7c15ULL;

/* xorshift64*: the same cases in every run */
static inline u64 rnd(void)
{
	rnd_state ^= rnd_state >> 12;
	rnd_state ^= rnd_state << 25;
	rnd_state ^= rnd_state >> 27;
	return rnd_state * 0x2545f4914f6cdd1dULL;
}

static inline unsigned int rnd_below(unsigned int n)
{
	return (rnd() >> 33) % n;
}

/* Values that meet the corners of arithmetic. */
static inline u64 rnd_value(void)
{
	static const u64 corner[] = {
		0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000,
		0xffffffff, 0x7fffffffffffffff, 0x8000000000000000, ~0ULL, 0x100, 0x10000,
		0x8080808080808080,
	};

	switch (rnd_below(4)) {
	case 0:
		return corner[rnd_below(ARRAY_SIZE(corner))];
	case 1:
		return rnd() >> rnd_below(64);
	default:
		return rnd();
	}
}

#define T_MODRM		0x0001
#define T_BYTE		0x0002
#define T_LOCK		0x0004	/* may be LOCKed */
#define T_MEM		0x0008	/* no register form */
#define T_STACK		0x0010	/* needs a stack */
#define T_BT		0x0020	/* register operand is a bit number */
#define T_DIV		0x0040
#define T_SHIFT		0x0080	/* flags by count: ModRM.reg's operation */
#define T_STRING	0x0100
#define T_ONLY64	0x0200
#define T_NO64		0x0400
#define T_ACC		0x0800	/* compares the accumulator with the operand */
#define T_OPREG		0x1000	/* register in the opcode's low bits */
#define T_NOREG		0x2000	/* only decoded, not run natively */
#define T_DOUBLE	0x4000	/* SHLD, SHRD */
#define T_MOFFS		0x8000
#define T_CC		0x10000	/* condition in the opcode's low bits */
#define T_BRANCH	0x20000
#define T_WIDE		0x40000	/* CMPXCHG8B, 16B */
#define T_66		0x80000	/* the prefix is part of the opcode */
#define T_F2		0x100000
#define T_F3		0x200000
#define T_VEX		0x400000 /* with a first source, or a destination, in the prefix */
#define T_VEX1		0x800000 /* without */
#define T_NO66		0x1000000

enum { I_NONE, I_8, I_16, I_Z, I_V };

#define ANY_EXT 0xff
#define F_AF X86_EFLAGS_AF
#define F_MUL (X86_EFLAGS_SF | X86_EFLAGS_ZF | X86_EFLAGS_AF | X86_EFLAGS_PF)
#define F_BT (X86_EFLAGS_OF | X86_EFLAGS_SF | X86_EFLAGS_AF | X86_EFLAGS_PF)
#define F_LZ (VH_FLAGS_ARITH & ~(X86_EFLAGS_CF | X86_EFLAGS_ZF))
#define F_BSF (VH_FLAGS_ARITH & ~X86_EFLAGS_ZF)

/* One instruction form. @ext: ModRM.reg, ANY_EXT: an operand. @undef: flags the SDM leaves open. */
struct tmpl {
	const char *name;
	u8 map;			/* 1; 2: 0F; 3: 0F 38 */
	u8 opcode;
	u8 ext;
	u8 imm;
	u32 flags;
	u64 undef;
};

#define ALU_T(n, base, lk, un)						\
	{ n " rm8,r8", 1, (base), ANY_EXT, I_NONE, T_MODRM | T_BYTE | (lk), (un) }, \
	{ n " rm,r", 1, (base) + 1, ANY_EXT, I_NONE, T_MODRM | (lk), (un) }, \
	{ n " r8,rm8", 1, (base) + 2, ANY_EXT, I_NONE, T_MODRM | T_BYTE, (un) }, \
	{ n " r,rm", 1, (base) + 3, ANY_EXT, I_NONE, T_MODRM, (un) },	\
	{ n " al,imm", 1, (base) + 4, 0, I_8, T_BYTE, (un) },		\
	{ n " ax,imm", 1, (base) + 5, 0, I_Z, 0, (un) },			\
	{ n " rm8,imm", 1, 0x80, (base) >> 3, I_8, T_MODRM | T_BYTE | (lk), (un) }, \
	{ n " rm,imm", 1, 0x81, (base) >> 3, I_Z, T_MODRM | (lk), (un) }, \
	{ n " rm,imm8", 1, 0x83, (base) >> 3, I_8, T_MODRM | (lk), (un) }
#define SHIFT_T(n, e)							\
	{ n " rm8,imm", 1, 0xc0, e, I_8, T_MODRM | T_BYTE | T_SHIFT },	\
	{ n " rm,imm", 1, 0xc1, e, I_8, T_MODRM | T_SHIFT },		\
	{ n " rm8,1", 1, 0xd0, e, I_NONE, T_MODRM | T_BYTE | T_SHIFT },	\
	{ n " rm,1", 1, 0xd1, e, I_NONE, T_MODRM | T_SHIFT },		\
	{ n " rm8,cl", 1, 0xd2, e, I_NONE, T_MODRM | T_BYTE | T_SHIFT },	\
	{ n " rm,cl", 1, 0xd3, e, I_NONE, T_MODRM | T_SHIFT }
#define GRP3_T(n, e, fl, un)						\
	{ n " rm8", 1, 0xf6, e, I_NONE, T_MODRM | T_BYTE | (fl), (un) },	\
	{ n " rm", 1, 0xf7, e, I_NONE, T_MODRM | (fl), (un) }
#define BT_T(n, op, e, lk)						\
	{ n " rm,r", 2, op, ANY_EXT, I_NONE, T_MODRM | T_BT | (lk), F_BT },	\
	{ n " rm,imm", 2, 0xba, e, I_8, T_MODRM | (lk), F_BT }
#define STRING_T(n, op)							\
	{ n "b", 1, op, 0, I_NONE, T_BYTE | T_STRING },			\
	{ n, 1, (op) + 1, 0, I_NONE, T_STRING }

static const struct tmpl tmpls[] = {
	ALU_T("add", 0x00, T_LOCK, 0), ALU_T("or", 0x08, T_LOCK, F_AF),
	ALU_T("adc", 0x10, T_LOCK, 0), ALU_T("sbb", 0x18, T_LOCK, 0),
	ALU_T("and", 0x20, T_LOCK, F_AF), ALU_T("sub", 0x28, T_LOCK, 0),
	ALU_T("xor", 0x30, T_LOCK, F_AF), ALU_T("cmp", 0x38, 0, 0),
	SHIFT_T("rol", 0), SHIFT_T("ror", 1), SHIFT_T("rcl", 2), SHIFT_T("rcr", 3),
	SHIFT_T("shl", 4), SHIFT_T("shr", 5), SHIFT_T("sal", 6), SHIFT_T("sar", 7),
	GRP3_T("not", 2, T_LOCK, 0), GRP3_T("neg", 3, T_LOCK, 0),
	GRP3_T("mul", 4, 0, F_MUL), GRP3_T("imul", 5, 0, F_MUL),
	GRP3_T("div", 6, T_DIV, VH_FLAGS_ARITH), GRP3_T("idiv", 7, T_DIV, VH_FLAGS_ARITH),
	{ "test rm8,imm", 1, 0xf6, 0, I_8, T_MODRM | T_BYTE, F_AF },
	{ "test rm,imm", 1, 0xf7, 0, I_Z, T_MODRM, F_AF },
	{ "test rm8,r8", 1, 0x84, ANY_EXT, I_NONE, T_MODRM | T_BYTE, F_AF },
	{ "test rm,r", 1, 0x85, ANY_EXT, I_NONE, T_MODRM, F_AF },
	{ "test al,imm", 1, 0xa8, 0, I_8, T_BYTE, F_AF },
	{ "test ax,imm", 1, 0xa9, 0, I_Z, 0, F_AF },
	{ "inc rm8", 1, 0xfe, 0, I_NONE, T_MODRM | T_BYTE | T_LOCK },
	{ "dec rm8", 1, 0xfe, 1, I_NONE, T_MODRM | T_BYTE | T_LOCK },
	{ "inc rm", 1, 0xff, 0, I_NONE, T_MODRM | T_LOCK },
	{ "dec rm", 1, 0xff, 1, I_NONE, T_MODRM | T_LOCK },
	{ "inc r", 1, 0x40, 0, I_NONE, T_OPREG | T_NO64 },
	{ "dec r", 1, 0x48, 0, I_NONE, T_OPREG | T_NO64 },
	{ "imul r,rm", 2, 0xaf, ANY_EXT, I_NONE, T_MODRM, F_MUL },
	{ "imul r,rm,imm", 1, 0x69, ANY_EXT, I_Z, T_MODRM, F_MUL },
	{ "imul r,rm,imm8", 1, 0x6b, ANY_EXT, I_8, T_MODRM, F_MUL },
	{ "shld rm,r,imm", 2, 0xa4, ANY_EXT, I_8, T_MODRM | T_DOUBLE },
	{ "shld rm,r,cl", 2, 0xa5, ANY_EXT, I_NONE, T_MODRM | T_DOUBLE },
	{ "shrd rm,r,imm", 2, 0xac, ANY_EXT, I_8, T_MODRM | T_DOUBLE },
	{ "shrd rm,r,cl", 2, 0xad, ANY_EXT, I_NONE, T_MODRM | T_DOUBLE },
	{ "mov rm8,r8", 1, 0x88, ANY_EXT, I_NONE, T_MODRM | T_BYTE },
	{ "mov rm,r", 1, 0x89, ANY_EXT, I_NONE, T_MODRM },
	{ "mov r8,rm8", 1, 0x8a, ANY_EXT, I_NONE, T_MODRM | T_BYTE },
	{ "mov r,rm", 1, 0x8b, ANY_EXT, I_NONE, T_MODRM },
	{ "mov rm8,imm", 1, 0xc6, 0, I_8, T_MODRM | T_BYTE },
	{ "mov rm,imm", 1, 0xc7, 0, I_Z, T_MODRM },
	{ "mov r8,imm", 1, 0xb0, 0, I_8, T_OPREG | T_BYTE },
	{ "mov r,imm", 1, 0xb8, 0, I_V, T_OPREG },
	{ "mov al,moffs", 1, 0xa0, 0, I_NONE, T_MOFFS | T_BYTE },
	{ "mov ax,moffs", 1, 0xa1, 0, I_NONE, T_MOFFS },
	{ "mov moffs,al", 1, 0xa2, 0, I_NONE, T_MOFFS | T_BYTE },
	{ "mov moffs,ax", 1, 0xa3, 0, I_NONE, T_MOFFS },
	{ "mov rm,ds", 1, 0x8c, 3, I_NONE, T_MODRM },
	{ "movzx r,rm8", 2, 0xb6, ANY_EXT, I_NONE, T_MODRM },
	{ "movzx r,rm16", 2, 0xb7, ANY_EXT, I_NONE, T_MODRM },
	{ "movsx r,rm8", 2, 0xbe, ANY_EXT, I_NONE, T_MODRM },
	{ "movsx r,rm16", 2, 0xbf, ANY_EXT, I_NONE, T_MODRM },
	{ "movsxd r,rm", 1, 0x63, ANY_EXT, I_NONE, T_MODRM | T_ONLY64 },
	{ "movbe r,m", 3, 0xf0, ANY_EXT, I_NONE, T_MODRM | T_MEM },
	{ "movbe m,r", 3, 0xf1, ANY_EXT, I_NONE, T_MODRM | T_MEM },
	{ "movnti m,r", 2, 0xc3, ANY_EXT, I_NONE, T_MODRM | T_MEM },
	{ "lea r,m", 1, 0x8d, ANY_EXT, I_NONE, T_MODRM | T_MEM },
	{ "nop rm", 2, 0x1f, 0, I_NONE, T_MODRM },
	{ "xchg rm8,r8", 1, 0x86, ANY_EXT, I_NONE, T_MODRM | T_BYTE | T_LOCK },
	{ "xchg rm,r", 1, 0x87, ANY_EXT, I_NONE, T_MODRM | T_LOCK },
	{ "xchg ax,r", 1, 0x90, 0, I_NONE, T_OPREG },
	{ "setcc rm8", 2, 0x90, 0, I_NONE, T_MODRM | T_BYTE | T_CC },
	{ "cmovcc r,rm", 2, 0x40, ANY_EXT, I_NONE, T_MODRM | T_CC },
	{ "bswap r", 2, 0xc8, 0, I_NONE, T_OPREG },
	{ "cbw", 1, 0x98 }, { "cwd", 1, 0x99 },
	{ "xadd rm8,r8", 2, 0xc0, ANY_EXT, I_NONE, T_MODRM | T_BYTE | T_LOCK },
	{ "xadd rm,r", 2, 0xc1, ANY_EXT, I_NONE, T_MODRM | T_LOCK },
	{ "cmpxchg rm8,r8", 2, 0xb0, ANY_EXT, I_NONE, T_MODRM | T_BYTE | T_LOCK | T_ACC },
	{ "cmpxchg rm,r", 2, 0xb1, ANY_EXT, I_NONE, T_MODRM | T_LOCK | T_ACC },
	{ "cmpxchg8b", 2, 0xc7, 1, I_NONE, T_MODRM | T_MEM | T_LOCK | T_WIDE },
	BT_T("bt", 0xa3, 4, 0), BT_T("bts", 0xab, 5, T_LOCK),
	BT_T("btr", 0xb3, 6, T_LOCK), BT_T("btc", 0xbb, 7, T_LOCK),
	{ "bsf r,rm", 2, 0xbc, ANY_EXT, I_NONE, T_MODRM, F_BSF },
	{ "bsr r,rm", 2, 0xbd, ANY_EXT, I_NONE, T_MODRM, F_BSF },
	{ "crc32 r,rm8", 3, 0xf0, ANY_EXT, I_NONE, T_MODRM | T_BYTE | T_F2 },
	{ "crc32 r,rm", 3, 0xf1, ANY_EXT, I_NONE, T_MODRM | T_F2 },
	{ "popcnt r,rm", 2, 0xb8, ANY_EXT, I_NONE, T_MODRM | T_F3 },
	{ "tzcnt r,rm", 2, 0xbc, ANY_EXT, I_NONE, T_MODRM | T_F3, F_LZ },
	{ "lzcnt r,rm", 2, 0xbd, ANY_EXT, I_NONE, T_MODRM | T_F3, F_LZ },
	{ "adcx r,rm", 3, 0xf6, ANY_EXT, I_NONE, T_MODRM | T_66 },
	{ "adox r,rm", 3, 0xf6, ANY_EXT, I_NONE, T_MODRM | T_F3 | T_NO66 },
	{ "andn r,v,rm", 3, 0xf2, ANY_EXT, I_NONE, T_MODRM | T_VEX, F_AF | X86_EFLAGS_PF },
	{ "blsr v,rm", 3, 0xf3, 1, I_NONE, T_MODRM | T_VEX, F_AF | X86_EFLAGS_PF },
	{ "blsmsk v,rm", 3, 0xf3, 2, I_NONE, T_MODRM | T_VEX, F_AF | X86_EFLAGS_PF },
	{ "blsi v,rm", 3, 0xf3, 3, I_NONE, T_MODRM | T_VEX, F_AF | X86_EFLAGS_PF },
	{ "bzhi r,rm,v", 3, 0xf5, ANY_EXT, I_NONE, T_MODRM | T_VEX, F_AF | X86_EFLAGS_PF },
	{ "pext r,v,rm", 3, 0xf5, ANY_EXT, I_NONE, T_MODRM | T_VEX | T_F3 },
	{ "pdep r,v,rm", 3, 0xf5, ANY_EXT, I_NONE, T_MODRM | T_VEX | T_F2 },
	{ "mulx r,v,rm", 3, 0xf6, ANY_EXT, I_NONE, T_MODRM | T_VEX | T_F2 },
	{ "bextr r,rm,v", 3, 0xf7, ANY_EXT, I_NONE, T_MODRM | T_VEX,
	  F_AF | X86_EFLAGS_PF | X86_EFLAGS_SF },
	{ "shlx r,rm,v", 3, 0xf7, ANY_EXT, I_NONE, T_MODRM | T_VEX | T_66 },
	{ "sarx r,rm,v", 3, 0xf7, ANY_EXT, I_NONE, T_MODRM | T_VEX | T_F3 },
	{ "shrx r,rm,v", 3, 0xf7, ANY_EXT, I_NONE, T_MODRM | T_VEX | T_F2 },
	{ "rorx r,rm,imm", 4, 0xf0, ANY_EXT, I_8, T_MODRM | T_VEX1 | T_F2 },
	{ "bound r,m", 1, 0x62, ANY_EXT, I_NONE, T_MODRM | T_MEM | T_NO64 },
	{ "arpl rm,r", 1, 0x63, ANY_EXT, I_NONE, T_MODRM | T_NO64 },
	{ "salc", 1, 0xd6, 0, I_NONE, T_NO64 },
	STRING_T("movs", 0xa4), STRING_T("cmps", 0xa6), STRING_T("stos", 0xaa),
	STRING_T("lods", 0xac), STRING_T("scas", 0xae),
	{ "push r", 1, 0x50, 0, I_NONE, T_OPREG | T_STACK },
	{ "pop r", 1, 0x58, 0, I_NONE, T_OPREG | T_STACK },
	{ "push rm", 1, 0xff, 6, I_NONE, T_MODRM | T_STACK },
	{ "pop rm", 1, 0x8f, 0, I_NONE, T_MODRM | T_STACK },
	{ "push imm", 1, 0x68, 0, I_Z, T_STACK },
	{ "push imm8", 1, 0x6a, 0, I_8, T_STACK },
	{ "pushf", 1, 0x9c, 0, I_NONE, T_STACK },
	{ "popf", 1, 0x9d, 0, I_NONE, T_STACK },
	{ "call rm", 1, 0xff, 2, I_NONE, T_MODRM | T_STACK | T_BRANCH },
	{ "jmp rm", 1, 0xff, 4, I_NONE, T_MODRM | T_BRANCH },
	{ "xlat", 1, 0xd7, 0, I_NONE, T_BYTE | T_NOREG },
	{ "lahf", 1, 0x9f }, { "sahf", 1, 0x9e },
	{ "cmc", 1, 0xf5 }, { "clc", 1, 0xf8 }, { "stc", 1, 0xf9 },
	{ "cld", 1, 0xfc }, { "std", 1, 0xfd },
	{ "cli", 1, 0xfa, 0, I_NONE, T_NOREG }, { "sti", 1, 0xfb, 0, I_NONE, T_NOREG },
	{ "in al,imm", 1, 0xe4, 0, I_8, T_BYTE | T_NOREG },
	{ "in ax,imm", 1, 0xe5, 0, I_8, T_NOREG },
	{ "out imm,al", 1, 0xe6, 0, I_8, T_BYTE | T_NOREG },
	{ "out imm,ax", 1, 0xe7, 0, I_8, T_NOREG },
	{ "in ax,dx", 1, 0xed, 0, I_NONE, T_NOREG },
	{ "out dx,ax", 1, 0xef, 0, I_NONE, T_NOREG },
	{ "insb", 1, 0x6c, 0, I_NONE, T_BYTE | T_NOREG },
	{ "ins", 1, 0x6d, 0, I_NONE, T_NOREG },
	{ "outsb", 1, 0x6e, 0, I_NONE, T_BYTE | T_NOREG },
	{ "outs", 1, 0x6f, 0, I_NONE, T_NOREG },
};

/* Segments of a flat machine, or of one in real mode. */
static inline void flat_segments(struct kvm_segment *seg, unsigned int mode)
{
	unsigned int i;

	for (i = 0; i < VH_NR_SEGS; i++)
		seg[i] = (struct kvm_segment){
			.limit = mode == 2 ? 0xffff : 0xffffffff, .type = 3, .present = 1,
			.s = 1, .g = mode != 2, .db = mode == 4, .selector = 0x2b, .dpl = 3,
		};
	seg[VH_CS].type = 11;
	seg[VH_CS].l = mode == 8;
	seg[VH_CS].db = mode == 4;
}

#endif /* TEST_EMUL_H */
