/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * insn.h - what the parts of the interpreter share.
 *
 * decode.c fills vh_insn from the bytes and the tables of opcodes.c; a handler
 * (the other files) then does its memory and I/O accesses
 * first and changes registers only when nothing can fail any more.
 */
#ifndef VH_INSN_H
#define VH_INSN_H

#include <linux/kernel.h>
#include <linux/string.h>
#include <asm/msr-index.h>
#include <asm/processor-flags.h>

#include "emul.h"

enum { VH_RAX, VH_RCX, VH_RDX, VH_RBX, VH_RSP, VH_RBP, VH_RSI, VH_RDI };

#define VH_FLAGS_ARITH (X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | \
			X86_EFLAGS_ZF | X86_EFLAGS_SF | X86_EFLAGS_OF)

/* --- opcode tables --- */

#define VH_OP_MODRM	BIT(0)
#define VH_OP_BYTE	BIT(1)	/* operand of one byte */
#define VH_OP_MEM	BIT(2)	/* ModRM with a register is #UD */
#define VH_OP_LOCK	BIT(3)	/* LOCK is allowed when the destination is memory */
#define VH_OP_NO64	BIT(4)	/* #UD in 64-bit mode */
#define VH_OP_D64	BIT(5)	/* operand size 8 in 64-bit mode, 2 with 66 */
#define VH_OP_F64	BIT(6)	/* operand size 8 in 64-bit mode, whatever the prefixes */
#define VH_OP_IMM8	BIT(7)	/* sign-extended byte */
#define VH_OP_IMM8U	BIT(8)	/* zero-extended byte */
#define VH_OP_IMM16	BIT(9)
#define VH_OP_IMMZ	BIT(10)	/* 2 or 4 bytes by operand size, sign-extended */
#define VH_OP_IMMV	BIT(11)	/* 2, 4 or 8 bytes by operand size */
#define VH_OP_MOFFS	BIT(12)	/* address in the immediate */
#define VH_OP_NOREP	BIT(13)	/* with F2 or F3 it is another instruction */
#define VH_OP_FAR	BIT(15)	/* with IMMZ: then a selector */
#define VH_OP_NO66	BIT(14)	/* with 66 it is another instruction */

/**
 * struct vh_opcode - one entry of an opcode table
 * @exec: executes the decoded instruction; NULL: not handled
 * @group: if set, the entry to use is @group[ModRM.reg], its flags added
 * @flags: VH_OP_*
 */
struct vh_opcode {
	int (*exec)(struct vh_emul *e);
	const struct vh_opcode *group;
	u16 flags;
};

extern const struct vh_opcode vh_opcodes_1[256];
extern const struct vh_opcode vh_opcodes_0f[256];
extern const struct vh_opcode vh_opcodes_0f38[256];
extern const struct vh_opcode vh_opcode_0f3a;
extern const struct vh_opcode vh_opcode_vex, vh_opcode_vex_imm;

/* --- operand.c: registers, segments, memory --- */

static inline bool vh_emul_is64(const struct vh_emul *e)
{
	return (e->efer & EFER_LMA) && e->seg[VH_CS].l;
}

static inline bool vh_emul_has(struct vh_emul *e, unsigned int feature)
{
	return !e->ops->has || e->ops->has(e, feature);
}

/* The prefix that is part of a SIMD opcode, as VEX numbers them: none, 66, F3, F2. */
static inline unsigned int vh_emul_pp(const struct vh_emul *e)
{
	return e->d.rep == 0xf3 ? 2 : e->d.rep == 0xf2 ? 3 : e->d.opsize_prefix;
}

static inline void vh_emul_tables(struct vh_emul *e)
{
	if (e->ops->tables)
		e->ops->tables(e);
}

static inline bool vh_emul_protected(const struct vh_emul *e)
{
	return (e->cr0 & X86_CR0_PE) && !(e->rflags & X86_EFLAGS_VM);
}

static inline u64 vh_mask(unsigned int size)
{
	return size >= 8 ? ~0ULL : BIT_ULL(size * 8) - 1;
}

static inline u64 vh_sign(unsigned int size)
{
	return BIT_ULL(size * 8 - 1);
}

static inline s64 vh_sext(u64 val, unsigned int size)
{
	unsigned int shift = 64 - size * 8;

	return (s64)(val << shift) >> shift;
}

int vh_emul_fault(struct vh_emul *e, u8 vector);	/* error code 0, where it has one */
int vh_exec_ud(struct vh_emul *e);

u64 vh_reg_read(const struct vh_emul *e, unsigned int n, unsigned int size);
void vh_reg_write(struct vh_emul *e, unsigned int n, unsigned int size, u64 val);
void vh_addr_reg_write(struct vh_emul *e, unsigned int n, unsigned int adsize, u64 val);

static inline bool vh_emul_canonical(const struct vh_emul *e, u64 linear)
{
	return vh_canonical(linear, e->cr4 & X86_CR4_LA57);
}
int vh_linear_aligned(struct vh_emul *e, unsigned int seg, u64 offset, unsigned int len, unsigned int align,
		      bool write, u64 *linear);
int vh_linear(struct vh_emul *e, unsigned int seg, u64 offset, unsigned int len, bool write,
	      u64 *linear);
int vh_mem_read(struct vh_emul *e, unsigned int seg, u64 offset, void *buf, unsigned int len);
int vh_mem_read_pair(struct vh_emul *e, unsigned int seg, u64 offset, void *buf, unsigned int len, unsigned int align);
int vh_mem_write(struct vh_emul *e, unsigned int seg, u64 offset, const void *buf,
		 unsigned int len);
int vh_branch_ok(struct vh_emul *e, u64 target);

int vh_rm_read(struct vh_emul *e, unsigned int size, u64 *val);
int vh_rm_write(struct vh_emul *e, unsigned int size, u64 val);

/**
 * struct vh_rmw - a read-modify-write of the ModRM operand
 * @src: the handler's second operand
 * @old: what the operand held
 * @flags: RFLAGS after it; starts as they are now
 */
struct vh_rmw {
	u64 src, old, flags;
};

typedef u64 (*vh_rmw_fn)(struct vh_emul *e, struct vh_rmw *m);
int vh_rmw(struct vh_emul *e, unsigned int size, struct vh_rmw *m, vh_rmw_fn fn);

/* --- alu.c --- */

enum vh_alu { VH_ADD, VH_OR, VH_ADC, VH_SBB, VH_AND, VH_SUB, VH_XOR, VH_CMP };
enum vh_shift { VH_ROL, VH_ROR, VH_RCL, VH_RCR, VH_SHL, VH_SHR, VH_SAL, VH_SAR };

u64 vh_alu(enum vh_alu op, unsigned int size, u64 a, u64 b, u64 *flags);
u64 vh_alu_inc(unsigned int size, u64 a, bool dec, u64 *flags);
u64 vh_alu_shift(enum vh_shift op, unsigned int size, u64 a, unsigned int count, u64 *flags);
u64 vh_alu_shift_double(bool right, unsigned int size, u64 a, u64 b, unsigned int count,
			u64 *flags);
void vh_alu_mul(bool is_signed, unsigned int size, u64 a, u64 b, u64 *lo, u64 *hi, u64 *flags);
bool vh_alu_div(bool is_signed, unsigned int size, u64 lo, u64 hi, u64 divisor, u64 *quotient,
		u64 *remainder);
bool vh_condition(u64 flags, unsigned int cc);

/* --- handlers, by file --- */

/* exec.c */
int vh_exec_mov_rm_reg(struct vh_emul *e);
int vh_exec_mov_reg_rm(struct vh_emul *e);
int vh_exec_mov_acc_moffs(struct vh_emul *e);
int vh_exec_mov_moffs_acc(struct vh_emul *e);
int vh_exec_mov_rm_imm(struct vh_emul *e);
int vh_exec_mov_opreg_imm(struct vh_emul *e);
int vh_exec_mov_rm_seg(struct vh_emul *e);
int vh_exec_movzx(struct vh_emul *e);
int vh_exec_movsx(struct vh_emul *e);
int vh_exec_movsxd(struct vh_emul *e);
int vh_exec_movbe(struct vh_emul *e);
int vh_exec_lea(struct vh_emul *e);
int vh_exec_nop(struct vh_emul *e);
int vh_exec_xchg(struct vh_emul *e);
int vh_exec_xchg_acc(struct vh_emul *e);
int vh_exec_setcc(struct vh_emul *e);
int vh_exec_cmovcc(struct vh_emul *e);
int vh_exec_bswap(struct vh_emul *e);
int vh_exec_cbw(struct vh_emul *e);
int vh_exec_cwd(struct vh_emul *e);
int vh_exec_xlat(struct vh_emul *e);

/* arith.c */
int vh_exec_alu_rm_reg(struct vh_emul *e);
int vh_exec_alu_reg_rm(struct vh_emul *e);
int vh_exec_alu_acc_imm(struct vh_emul *e);
int vh_exec_alu_rm_imm(struct vh_emul *e);
int vh_exec_test_rm_reg(struct vh_emul *e);
int vh_exec_test_rm_imm(struct vh_emul *e);
int vh_exec_test_acc_imm(struct vh_emul *e);
int vh_exec_not(struct vh_emul *e);
int vh_exec_neg(struct vh_emul *e);
int vh_exec_inc(struct vh_emul *e);
int vh_exec_dec(struct vh_emul *e);
int vh_exec_incdec_opreg(struct vh_emul *e);
int vh_exec_shift_imm(struct vh_emul *e);
int vh_exec_shift_1(struct vh_emul *e);
int vh_exec_shift_cl(struct vh_emul *e);
int vh_exec_shift_double(struct vh_emul *e);
int vh_exec_mul(struct vh_emul *e);
int vh_exec_imul_reg_rm(struct vh_emul *e);
int vh_exec_imul_reg_rm_imm(struct vh_emul *e);
int vh_exec_div(struct vh_emul *e);
int vh_exec_xadd(struct vh_emul *e);
int vh_exec_cmpxchg(struct vh_emul *e);
int vh_exec_cmpxchg_wide(struct vh_emul *e);
int vh_exec_bt_reg(struct vh_emul *e);
int vh_exec_bt_imm(struct vh_emul *e);
int vh_exec_bsf(struct vh_emul *e);
int vh_exec_bsr(struct vh_emul *e);

/* string.c */
int vh_exec_movs(struct vh_emul *e);
int vh_exec_cmps(struct vh_emul *e);
int vh_exec_stos(struct vh_emul *e);
int vh_exec_lods(struct vh_emul *e);
int vh_exec_scas(struct vh_emul *e);
int vh_exec_ins(struct vh_emul *e);
int vh_exec_outs(struct vh_emul *e);

/* stack.c */
int vh_exec_push_reg(struct vh_emul *e);
int vh_exec_push_rm(struct vh_emul *e);
int vh_exec_push_imm(struct vh_emul *e);
int vh_exec_pop_reg(struct vh_emul *e);
int vh_exec_pop_rm(struct vh_emul *e);
int vh_exec_pushf(struct vh_emul *e);
int vh_exec_popf(struct vh_emul *e);
int vh_exec_call_rm(struct vh_emul *e);
int vh_exec_jmp_rm(struct vh_emul *e);

int vh_exec_pusha(struct vh_emul *e);
int vh_exec_popa(struct vh_emul *e);
int vh_exec_enter(struct vh_emul *e);
int vh_exec_leave(struct vh_emul *e);
unsigned int vh_stack_size(const struct vh_emul *e);
int vh_push(struct vh_emul *e, u64 val, unsigned int size);
int vh_push_frame(struct vh_emul *e, const u64 *words, unsigned int n, unsigned int size);
int vh_peek(struct vh_emul *e, u64 *val, unsigned int size, u64 *sp);

/* branch.c */
int vh_exec_jcc(struct vh_emul *e);
int vh_exec_jmp(struct vh_emul *e);
int vh_exec_call(struct vh_emul *e);
int vh_exec_ret(struct vh_emul *e);
int vh_exec_loop(struct vh_emul *e);

/* far.c */
int vh_exec_jmp_far(struct vh_emul *e);
int vh_exec_call_far(struct vh_emul *e);
int vh_exec_ret_far(struct vh_emul *e);
int vh_exec_int(struct vh_emul *e);
int vh_exec_iret(struct vh_emul *e);
int vh_exec_mov_seg_rm(struct vh_emul *e);
int vh_exec_push_seg(struct vh_emul *e);
int vh_exec_pop_seg(struct vh_emul *e);
int vh_exec_load_far(struct vh_emul *e);
int vh_exec_lldt(struct vh_emul *e);
int vh_exec_ltr(struct vh_emul *e);
int vh_exec_store_sel(struct vh_emul *e);

int vh_fault_sel(struct vh_emul *e, u8 vector, u16 sel);
int vh_read_desc(struct vh_emul *e, u16 sel, u64 *desc, u64 *linear);
void vh_unpack_desc(struct kvm_segment *s, u16 sel, u64 d);
int vh_set_accessed(struct vh_emul *e, struct kvm_segment *s, u64 desc, u64 linear);

/* task.c */
int vh_task_far(struct vh_emul *e, u16 sel, enum vh_task_source source);
int vh_task_iret(struct vh_emul *e);

/* gate.c */
int vh_gate_int(struct vh_emul *e, u8 vector);

/* bcd.c */
int vh_exec_bcd_add(struct vh_emul *e);
int vh_exec_aam(struct vh_emul *e);
int vh_exec_aad(struct vh_emul *e);

/* bits.c */
int vh_exec_movnti(struct vh_emul *e);
int vh_exec_bound(struct vh_emul *e);
int vh_exec_arpl(struct vh_emul *e);
int vh_exec_salc(struct vh_emul *e);

/* control.c */
int vh_exec_protected_only(struct vh_emul *e);
int vh_exec_syscall(struct vh_emul *e);
int vh_exec_sysenter(struct vh_emul *e);
int vh_exec_vmx(struct vh_emul *e);
int vh_exec_sgdt(struct vh_emul *e);
int vh_exec_lgdt(struct vh_emul *e);
int vh_exec_smsw(struct vh_emul *e);
int vh_exec_lmsw(struct vh_emul *e);
int vh_exec_invlpg(struct vh_emul *e);
int vh_exec_clts(struct vh_emul *e);
int vh_exec_mov_reg_cr(struct vh_emul *e);
int vh_exec_mov_cr_reg(struct vh_emul *e);
int vh_exec_rdmsr(struct vh_emul *e);
int vh_exec_wrmsr(struct vh_emul *e);
int vh_exec_rdtsc(struct vh_emul *e);
int vh_exec_cpuid(struct vh_emul *e);
int vh_exec_hlt(struct vh_emul *e);
int vh_exec_rsm(struct vh_emul *e);
int vh_exec_wbinvd(struct vh_emul *e);

/* x87.c */
int vh_exec_fwait(struct vh_emul *e);
int vh_exec_x87(struct vh_emul *e);
int vh_exec_fxsave(struct vh_emul *e);
void vh_x87_read(struct vh_emul *e, struct vh_fx *fx);
int vh_x87_pending(struct vh_emul *e, const struct vh_fx *fx);

/* simd.c */
int vh_exec_simd(struct vh_emul *e);
int vh_exec_vex(struct vh_emul *e);
int vh_exec_group_15(struct vh_emul *e);
unsigned int vh_simd_size(const struct vh_emul *e);

/* bmi.c */
int vh_exec_crc32(struct vh_emul *e);
int vh_exec_adx(struct vh_emul *e);
int vh_exec_popcnt(struct vh_emul *e);
int vh_exec_bsf_tzcnt(struct vh_emul *e);
int vh_exec_bsr_lzcnt(struct vh_emul *e);
int vh_exec_bmi(struct vh_emul *e);

/* native.c: what the processor itself does, on copies; called by ops->with_fpu */

struct vh_native_x87 {
	struct vh_fx *fx;
	void *buf;			/* the memory operand */
	u8 opcode, reg;			/* D8 to DF, ModRM.reg */
	bool op16;			/* FLDENV and the like: the shorter form */
};

void vh_native_x87(void *arg);

/**
 * struct vh_native_simd - an SSE instruction with its operands
 * @dst: the register before and after
 * @src: the memory operand
 * @mxcsr: before and after
 * @key: VH_NATIVE() of prefix and opcode
 * @imm: its immediate; of CMPPS and its like the low 3 bits count
 * @gpr: of what converts to a general register
 * @flags: ZF, PF and CF of what compares
 * @known: it was one that is here
 */
struct vh_native_simd {
	u8 dst[16] __attribute__((aligned(16)));
	u8 src[16] __attribute__((aligned(16)));
	u32 mxcsr;
	u32 key;
	u64 gpr, flags;
	u8 imm;
	bool wide;			/* REX.W */
	bool known;
};

#define VH_NATIVE(map, pp, op)	((map) << 12 | (pp) << 8 | (op))
void vh_native_simd(void *arg);

/* system.c */
int vh_exec_in(struct vh_emul *e);
int vh_exec_out(struct vh_emul *e);
int vh_exec_cli(struct vh_emul *e);
int vh_exec_sti(struct vh_emul *e);
int vh_exec_flag_op(struct vh_emul *e);
int vh_exec_lahf(struct vh_emul *e);
int vh_exec_sahf(struct vh_emul *e);

#endif /* VH_INSN_H */
