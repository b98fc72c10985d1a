// SPDX-License-Identifier: GPL-2.0-only
/*
 * opcodes.c - the opcode maps (SDM Vol. 2, appendix A). An entry that is not here is an
 * instruction that the interpreter does not handle.
 */
#include "insn.h"

#define M	VH_OP_MODRM
#define B	VH_OP_BYTE
#define MEM	VH_OP_MEM
#define LK	VH_OP_LOCK
#define I8	VH_OP_IMM8
#define I8U	VH_OP_IMM8U
#define IZ	VH_OP_IMMZ
#define IV	VH_OP_IMMV
#define MO	VH_OP_MOFFS
#define D64	VH_OP_D64
#define F64	VH_OP_F64
#define NO64	VH_OP_NO64
#define NOREP	VH_OP_NOREP
#define NO66	VH_OP_NO66
#define I16	VH_OP_IMM16
#define FAR	VH_OP_FAR

#define OP(handler, fl)		{ .exec = vh_exec_##handler, .flags = (fl) }
#define GROUP(table, fl)	{ .group = (table), .flags = M | (fl) }
#define UD			{ .exec = vh_exec_ud }

/* Six opcodes of one ALU operation; @lk: its memory form may be LOCKed. */
#define ALU(base, lk)						\
	[(base)]     = OP(alu_rm_reg, M | B | (lk)),		\
	[(base) + 1] = OP(alu_rm_reg, M | (lk)),		\
	[(base) + 2] = OP(alu_reg_rm, M | B),			\
	[(base) + 3] = OP(alu_reg_rm, M),			\
	[(base) + 4] = OP(alu_acc_imm, B | I8),			\
	[(base) + 5] = OP(alu_acc_imm, IZ)

static const struct vh_opcode group_1[8] = {
	[0 ... 6] = OP(alu_rm_imm, LK),
	[7] = OP(alu_rm_imm, 0),
};

static const struct vh_opcode group_1a[8] = {
	[0] = OP(pop_rm, D64),
	[1 ... 7] = {},		/* XOP, where the processor has it */
};

static const struct vh_opcode group_2_imm[8] = { [0 ... 7] = OP(shift_imm, 0) };
static const struct vh_opcode group_2_one[8] = { [0 ... 7] = OP(shift_1, 0) };
static const struct vh_opcode group_2_cl[8] = { [0 ... 7] = OP(shift_cl, 0) };

static const struct vh_opcode group_3_byte[8] = {
	[0 ... 1] = OP(test_rm_imm, I8),
	[2] = OP(not, LK),
	[3] = OP(neg, LK),
	[4 ... 5] = OP(mul, 0),
	[6 ... 7] = OP(div, 0),
};

static const struct vh_opcode group_3[8] = {
	[0 ... 1] = OP(test_rm_imm, IZ),
	[2] = OP(not, LK),
	[3] = OP(neg, LK),
	[4 ... 5] = OP(mul, 0),
	[6 ... 7] = OP(div, 0),
};

static const struct vh_opcode group_4[8] = {
	[0] = OP(inc, LK),
	[1] = OP(dec, LK),
	[2 ... 7] = UD,
};

static const struct vh_opcode group_5[8] = {
	[0] = OP(inc, LK),
	[1] = OP(dec, LK),
	[2] = OP(call_rm, F64),
	[3] = OP(call_far, MEM),
	[4] = OP(jmp_rm, F64),
	[5] = OP(jmp_far, MEM),
	[6] = OP(push_rm, D64),
	[7] = UD,
};

static const struct vh_opcode group_8[8] = {
	[0 ... 3] = UD,
	[4] = OP(bt_imm, I8U),
	[5 ... 7] = OP(bt_imm, I8U | LK),
};

static const struct vh_opcode group_9[8] = {
	[1] = OP(cmpxchg_wide, MEM | LK),
	[6 ... 7] = OP(vmx, 0),		/* of a register RDRAND and RDSEED */
};

/* C6 and C7 /7 with a register are XABORT and XBEGIN. */
static const struct vh_opcode group_11_byte[8] = { [0] = OP(mov_rm_imm, I8), [1 ... 6] = UD };
static const struct vh_opcode group_11[8] = { [0] = OP(mov_rm_imm, IZ), [1 ... 6] = UD };

static const struct vh_opcode group_6[8] = {
	[0] = OP(store_sel, 0), [1] = OP(store_sel, 0),
	[2] = OP(lldt, 0), [3] = OP(ltr, 0),
	[4 ... 5] = OP(protected_only, 0),	/* VERR, VERW */
};

static const struct vh_opcode group_7[8] = {
	[0] = OP(sgdt, 0), [1] = OP(sgdt, 0),
	[2] = OP(lgdt, 0), [3] = OP(lgdt, 0),
	[4] = OP(smsw, 0), [6] = OP(lmsw, 0), [7] = OP(invlpg, 0),
};

const struct vh_opcode vh_opcodes_1[256] = {
	ALU(0x00, LK), ALU(0x08, LK), ALU(0x10, LK), ALU(0x18, LK),
	ALU(0x20, LK), ALU(0x28, LK), ALU(0x30, LK), ALU(0x38, 0),
	[0x06] = OP(push_seg, NO64), [0x07] = OP(pop_seg, NO64),
	[0x0e] = OP(push_seg, NO64),
	[0x16] = OP(push_seg, NO64), [0x17] = OP(pop_seg, NO64),
	[0x1e] = OP(push_seg, NO64), [0x1f] = OP(pop_seg, NO64),
	[0x27] = OP(bcd_add, NO64), [0x2f] = OP(bcd_add, NO64),
	[0x37] = OP(bcd_add, NO64), [0x3f] = OP(bcd_add, NO64),
	[0x40 ... 0x4f] = OP(incdec_opreg, 0),
	[0x50 ... 0x57] = OP(push_reg, D64),
	[0x58 ... 0x5f] = OP(pop_reg, D64),
	[0x60] = OP(pusha, NO64), [0x61] = OP(popa, NO64),
	[0x62] = OP(bound, M | MEM | NO64), [0x63] = OP(movsxd, M),
	[0x68] = OP(push_imm, IZ | D64),
	[0x69] = OP(imul_reg_rm_imm, M | IZ),
	[0x6a] = OP(push_imm, I8 | D64),
	[0x6b] = OP(imul_reg_rm_imm, M | I8),
	[0x6c] = OP(ins, B), [0x6d] = OP(ins, 0),
	[0x6e] = OP(outs, B), [0x6f] = OP(outs, 0),
	[0x70 ... 0x7f] = OP(jcc, I8 | F64),
	[0x80] = GROUP(group_1, B | I8),
	[0x81] = GROUP(group_1, IZ),
	[0x82] = GROUP(group_1, B | I8 | NO64),
	[0x83] = GROUP(group_1, I8),
	[0x84] = OP(test_rm_reg, M | B), [0x85] = OP(test_rm_reg, M),
	[0x86] = OP(xchg, M | B | LK), [0x87] = OP(xchg, M | LK),
	[0x88] = OP(mov_rm_reg, M | B), [0x89] = OP(mov_rm_reg, M),
	[0x8a] = OP(mov_reg_rm, M | B), [0x8b] = OP(mov_reg_rm, M),
	[0x8c] = OP(mov_rm_seg, M),
	[0x8d] = OP(lea, M | MEM),
	[0x8e] = OP(mov_seg_rm, M),
	[0x8f] = GROUP(group_1a, 0),
	[0x90 ... 0x97] = OP(xchg_acc, 0),
	[0x98] = OP(cbw, 0),
	[0x99] = OP(cwd, 0),
	[0x9a] = OP(call_far, IZ | FAR | NO64),
	[0x9b] = OP(fwait, 0),
	[0x9c] = OP(pushf, D64),
	[0x9d] = OP(popf, D64),
	[0x9e] = OP(sahf, 0),
	[0x9f] = OP(lahf, 0),
	[0xa0] = OP(mov_acc_moffs, B | MO), [0xa1] = OP(mov_acc_moffs, MO),
	[0xa2] = OP(mov_moffs_acc, B | MO), [0xa3] = OP(mov_moffs_acc, MO),
	[0xa4] = OP(movs, B), [0xa5] = OP(movs, 0),
	[0xa6] = OP(cmps, B), [0xa7] = OP(cmps, 0),
	[0xa8] = OP(test_acc_imm, B | I8), [0xa9] = OP(test_acc_imm, IZ),
	[0xaa] = OP(stos, B), [0xab] = OP(stos, 0),
	[0xac] = OP(lods, B), [0xad] = OP(lods, 0),
	[0xae] = OP(scas, B), [0xaf] = OP(scas, 0),
	[0xb0 ... 0xb7] = OP(mov_opreg_imm, B | I8),
	[0xb8 ... 0xbf] = OP(mov_opreg_imm, IV),
	[0xc0] = GROUP(group_2_imm, B | I8U), [0xc1] = GROUP(group_2_imm, I8U),
	[0xc2] = OP(ret, I16 | F64), [0xc3] = OP(ret, F64),
	[0xc4] = OP(load_far, M | MEM | NO64), [0xc5] = OP(load_far, M | MEM | NO64),
	[0xc6] = GROUP(group_11_byte, B), [0xc7] = GROUP(group_11, 0),
	[0xc8] = OP(enter, I16 | I8U | D64), [0xc9] = OP(leave, D64),
	[0xca] = OP(ret_far, I16), [0xcb] = OP(ret_far, 0),
	[0xcc] = OP(int, 0), [0xcd] = OP(int, B | I8U), [0xce] = OP(int, NO64),
	[0xcf] = OP(iret, 0), [0xf1] = OP(int, 0),
	[0xd0] = GROUP(group_2_one, B), [0xd1] = GROUP(group_2_one, 0),
	[0xd2] = GROUP(group_2_cl, B), [0xd3] = GROUP(group_2_cl, 0),
	[0xd4] = OP(aam, I8U | NO64), [0xd5] = OP(aad, I8U | NO64),
	[0xd6] = OP(salc, NO64), [0xd7] = OP(xlat, B),
	[0xd8 ... 0xdf] = OP(x87, M),
	[0xe0 ... 0xe3] = OP(loop, I8 | F64),
	[0xe4] = OP(in, B | I8U), [0xe5] = OP(in, I8U),
	[0xe6] = OP(out, B | I8U), [0xe7] = OP(out, I8U),
	[0xe8] = OP(call, IZ | F64), [0xe9] = OP(jmp, IZ | F64),
	[0xea] = OP(jmp_far, IZ | FAR | NO64), [0xeb] = OP(jmp, I8 | F64),
	[0xec] = OP(in, B), [0xed] = OP(in, 0),
	[0xee] = OP(out, B), [0xef] = OP(out, 0),
	[0xf4] = OP(hlt, 0),
	[0xf5] = OP(flag_op, 0),
	[0xf6] = GROUP(group_3_byte, B), [0xf7] = GROUP(group_3, 0),
	[0xf8] = OP(flag_op, 0), [0xf9] = OP(flag_op, 0),
	[0xfa] = OP(cli, 0), [0xfb] = OP(sti, 0),
	[0xfc] = OP(flag_op, 0), [0xfd] = OP(flag_op, 0),
	[0xfe] = GROUP(group_4, B), [0xff] = GROUP(group_5, 0),
};

const struct vh_opcode vh_opcodes_0f[256] = {
	[0x00] = GROUP(group_6, 0), [0x01] = GROUP(group_7, 0),
	[0x02 ... 0x03] = OP(protected_only, M),	/* LAR, LSL */
	[0x05] = OP(syscall, 0), [0x07] = OP(syscall, 0),
	[0x06] = OP(clts, 0), [0x08] = OP(wbinvd, 0), [0x09] = OP(wbinvd, 0),
	[0x0b] = UD,
	[0x0d] = OP(nop, M),
	[0x10 ... 0x17] = OP(simd, M),
	[0x18 ... 0x1f] = OP(nop, M),
	[0x20] = OP(mov_reg_cr, M), [0x21] = OP(mov_reg_cr, M),
	[0x22] = OP(mov_cr_reg, M), [0x23] = OP(mov_cr_reg, M),
	[0x28 ... 0x2f] = OP(simd, M),
	[0x30] = OP(wrmsr, 0), [0x31] = OP(rdtsc, 0), [0x32] = OP(rdmsr, 0),
	[0x34] = OP(sysenter, 0), [0x35] = OP(sysenter, 0),
	[0x40 ... 0x4f] = OP(cmovcc, M),
	[0x51 ... 0x6f] = OP(simd, M), [0x70] = OP(simd, M | I8U),
	[0x74 ... 0x76] = OP(simd, M), [0x7c ... 0x7f] = OP(simd, M),
	[0x78 ... 0x79] = OP(vmx, M),
	[0x80 ... 0x8f] = OP(jcc, IZ | F64),
	[0x90 ... 0x9f] = OP(setcc, M | B),
	[0xa0] = OP(push_seg, D64), [0xa1] = OP(pop_seg, D64), [0xa2] = OP(cpuid, 0),
	[0xa3] = OP(bt_reg, M),
	[0xa4] = OP(shift_double, M | I8U), [0xa5] = OP(shift_double, M),
	[0xa8] = OP(push_seg, D64), [0xa9] = OP(pop_seg, D64),
	[0xaa] = OP(rsm, 0),
	[0xab] = OP(bt_reg, M | LK),
	[0xac] = OP(shift_double, M | I8U), [0xad] = OP(shift_double, M),
	[0xae] = OP(group_15, M),
	[0xaf] = OP(imul_reg_rm, M),
	[0xb0] = OP(cmpxchg, M | B | LK), [0xb1] = OP(cmpxchg, M | LK),
	[0xb2] = OP(load_far, M | MEM), [0xb4 ... 0xb5] = OP(load_far, M | MEM),
	[0xb3] = OP(bt_reg, M | LK),
	[0xb6] = OP(movzx, M), [0xb7] = OP(movzx, M),
	[0xb8] = OP(popcnt, M),
	[0xb9] = { .exec = vh_exec_ud, .flags = M },
	[0xba] = GROUP(group_8, 0),
	[0xbb] = OP(bt_reg, M | LK),
	[0xbc] = OP(bsf_tzcnt, M), [0xbd] = OP(bsr_lzcnt, M),
	[0xbe] = OP(movsx, M), [0xbf] = OP(movsx, M),
	[0xc0] = OP(xadd, M | B | LK), [0xc1] = OP(xadd, M | LK),
	[0xc2] = OP(simd, M | I8U), [0xc3] = OP(movnti, M | MEM | NOREP | NO66),
	[0xc4] = OP(simd, M | I8U), [0xc6] = OP(simd, M | I8U),
	[0xc7] = GROUP(group_9, 0),
	[0xc8 ... 0xcf] = OP(bswap, 0),
	[0xd0 ... 0xfe] = OP(simd, M),
};

const struct vh_opcode vh_opcodes_0f38[256] = {
	[0x00 ... 0x7f] = OP(simd, M),
	[0x80 ... 0x81] = OP(vmx, M | MEM),	/* INVEPT, INVVPID */
	[0x82 ... 0xef] = OP(simd, M),
	/* With F2 they are CRC32; 66 is the operand size. */
	[0xf0] = OP(movbe, M), [0xf1] = OP(movbe, M),
	[0xf6] = OP(adx, M),
};

/* All of 0F 3A have an immediate. */
const struct vh_opcode vh_opcode_0f3a = OP(simd, M | I8U);
const struct vh_opcode vh_opcode_vex = OP(vex, M);
const struct vh_opcode vh_opcode_vex_imm = OP(vex, M | I8U);
