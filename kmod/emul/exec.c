// SPDX-License-Identifier: GPL-2.0-only
/*
 * exec.c - handlers of moves and conversions.
 *
 * Every function is a handler of the opcode tables: results are enum vh_emul_result.
 */
#include "insn.h"

#define UD_VECTOR 6

/* vh_exec_mov_rm_reg - 88, 89 */
int vh_exec_mov_rm_reg(struct vh_emul *e)
{
	return vh_rm_write(e, e->d.size, vh_reg_read(e, e->d.reg, e->d.size));
}

/* vh_exec_mov_reg_rm - 8A, 8B */
int vh_exec_mov_reg_rm(struct vh_emul *e)
{
	u64 val;
	int r = vh_rm_read(e, e->d.size, &val);

	if (!r)
		vh_reg_write(e, e->d.reg, e->d.size, val);
	return r;
}

/* vh_exec_mov_acc_moffs - A0, A1 */
int vh_exec_mov_acc_moffs(struct vh_emul *e)
{
	u64 val;
	int r = vh_rm_read(e, e->d.size, &val);

	if (!r)
		vh_reg_write(e, VH_RAX, e->d.size, val);
	return r;
}

/* vh_exec_mov_moffs_acc - A2, A3 */
int vh_exec_mov_moffs_acc(struct vh_emul *e)
{
	return vh_rm_write(e, e->d.size, vh_reg_read(e, VH_RAX, e->d.size));
}

/* vh_exec_mov_rm_imm - C6 /0, C7 /0 */
int vh_exec_mov_rm_imm(struct vh_emul *e)
{
	return vh_rm_write(e, e->d.size, e->d.imm);
}

/* vh_exec_mov_opreg_imm - B0 to BF */
int vh_exec_mov_opreg_imm(struct vh_emul *e)
{
	vh_reg_write(e, e->d.rm, e->d.size, e->d.imm);
	return VH_EMUL_OK;
}

/* vh_exec_mov_rm_seg - 8C: memory gets 16 bits, a register as many as it has */
int vh_exec_mov_rm_seg(struct vh_emul *e)
{
	unsigned int n = e->d.modrm >> 3 & 7;

	if (n > VH_GS)
		return vh_emul_fault(e, UD_VECTOR);
	return vh_rm_write(e, e->d.mem ? 2 : e->d.size, e->seg[n].selector);
}

/* Source of 1 byte for 0F B6 and BE, else of 2. */
static unsigned int narrow(const struct vh_emul *e)
{
	return e->d.opcode & 1 ? 2 : 1;
}

/* vh_exec_movzx - 0F B6, B7 */
int vh_exec_movzx(struct vh_emul *e)
{
	u64 val;
	int r = vh_rm_read(e, narrow(e), &val);

	if (!r)
		vh_reg_write(e, e->d.reg, e->d.size, val);
	return r;
}

/* vh_exec_movsx - 0F BE, BF */
int vh_exec_movsx(struct vh_emul *e)
{
	u64 val;
	int r = vh_rm_read(e, narrow(e), &val);

	if (!r)
		vh_reg_write(e, e->d.reg, e->d.size, vh_sext(val, narrow(e)));
	return r;
}

/* vh_exec_movsxd - 63 in 64-bit mode; elsewhere it is ARPL */
int vh_exec_movsxd(struct vh_emul *e)
{
	unsigned int size = min_t(unsigned int, e->d.size, 4);
	u64 val;
	int r;

	if (e->d.mode != 8)
		return vh_exec_arpl(e);
	r = vh_rm_read(e, size, &val);
	if (!r)
		vh_reg_write(e, e->d.reg, e->d.size, vh_sext(val, size));
	return r;
}

static u64 byte_swapped(u64 val, unsigned int size)
{
	return __builtin_bswap64(val) >> (64 - size * 8);
}

/* vh_exec_movbe - 0F 38 F0, F1; with F2 CRC32 */
int vh_exec_movbe(struct vh_emul *e)
{
	u64 val;
	int r;

	if (e->d.rep == 0xf2)
		return vh_exec_crc32(e);
	if (e->d.rep)
		return VH_EMUL_UNHANDLED;
	if (!e->d.mem || !vh_emul_has(e, VH_HAS_MOVBE))
		return vh_emul_fault(e, UD_VECTOR);
	if (e->d.opcode == 0xf1) {
		val = vh_reg_read(e, e->d.reg, e->d.size);
		return vh_rm_write(e, e->d.size, byte_swapped(val, e->d.size));
	}
	r = vh_rm_read(e, e->d.size, &val);
	if (!r)
		vh_reg_write(e, e->d.reg, e->d.size, byte_swapped(val, e->d.size));
	return r;
}

/* vh_exec_lea - 8D */
int vh_exec_lea(struct vh_emul *e)
{
	vh_reg_write(e, e->d.reg, e->d.size, e->d.ea);
	return VH_EMUL_OK;
}

/* vh_exec_nop - 0F 0D, 18 to 1F: hints, no access */
int vh_exec_nop(struct vh_emul *e)
{
	return VH_EMUL_OK;
}

static u64 do_xchg(struct vh_emul *e, struct vh_rmw *m)
{
	return m->src;
}

/* vh_exec_xchg - 86, 87: with memory locked even without the prefix */
int vh_exec_xchg(struct vh_emul *e)
{
	struct vh_rmw m = { .src = vh_reg_read(e, e->d.reg, e->d.size) };
	int r;

	e->d.lock = e->d.mem;
	r = vh_rmw(e, e->d.size, &m, do_xchg);
	if (!r)
		vh_reg_write(e, e->d.reg, e->d.size, m.old);
	return r;
}

/* vh_exec_xchg_acc - 90 to 97; 90 without REX.B is NOP or PAUSE */
int vh_exec_xchg_acc(struct vh_emul *e)
{
	u64 val = vh_reg_read(e, e->d.rm, e->d.size);

	if (e->d.rm == VH_RAX)
		return VH_EMUL_OK;
	vh_reg_write(e, e->d.rm, e->d.size, vh_reg_read(e, VH_RAX, e->d.size));
	vh_reg_write(e, VH_RAX, e->d.size, val);
	return VH_EMUL_OK;
}

/* vh_exec_setcc - 0F 90 to 9F */
int vh_exec_setcc(struct vh_emul *e)
{
	return vh_rm_write(e, 1, vh_condition(e->rflags, e->d.opcode & 15));
}

/* vh_exec_cmovcc - 0F 40 to 4F: reads, and clears a 64-bit register's upper half, always */
int vh_exec_cmovcc(struct vh_emul *e)
{
	u64 val;
	int r = vh_rm_read(e, e->d.size, &val);

	if (r)
		return r;
	if (!vh_condition(e->rflags, e->d.opcode & 15))
		val = vh_reg_read(e, e->d.reg, e->d.size);
	vh_reg_write(e, e->d.reg, e->d.size, val);
	return VH_EMUL_OK;
}

/* vh_exec_bswap - 0F C8 to CF; of 16 bits undefined, processors give 0 */
int vh_exec_bswap(struct vh_emul *e)
{
	u64 val = vh_reg_read(e, e->d.rm, e->d.size);

	vh_reg_write(e, e->d.rm, e->d.size, e->d.size == 2 ? 0 : byte_swapped(val, e->d.size));
	return VH_EMUL_OK;
}

/* vh_exec_cbw - 98: CBW, CWDE, CDQE */
int vh_exec_cbw(struct vh_emul *e)
{
	unsigned int half = e->d.size / 2;

	vh_reg_write(e, VH_RAX, e->d.size, vh_sext(vh_reg_read(e, VH_RAX, half), half));
	return VH_EMUL_OK;
}

/* vh_exec_cwd - 99: CWD, CDQ, CQO */
int vh_exec_cwd(struct vh_emul *e)
{
	bool negative = vh_reg_read(e, VH_RAX, e->d.size) & vh_sign(e->d.size);

	vh_reg_write(e, VH_RDX, e->d.size, negative ? ~0ULL : 0);
	return VH_EMUL_OK;
}

/* vh_exec_xlat - D7 */
int vh_exec_xlat(struct vh_emul *e)
{
	u64 ea = (e->gpr[VH_RBX] + (e->gpr[VH_RAX] & 0xff)) & vh_mask(e->d.adsize);
	u64 val = 0;
	int r = vh_mem_read(e, e->d.ea_seg, ea, &val, 1);

	if (!r)
		vh_reg_write(e, VH_RAX, 1, val);
	return r;
}
