// SPDX-License-Identifier: GPL-2.0-only
/*
 * decode.c - instruction bytes to struct vh_insn (SDM Vol. 2, chapter 2).
 */
#include "insn.h"

#define MAX_LEN 15
#define UD_VECTOR 6
#define GP_VECTOR 13

/* Make the instruction's first @upto bytes present in e->insn. */
static int fetch_upto(struct vh_emul *e, unsigned int upto)
{
	const struct kvm_segment *cs = &e->seg[VH_CS];

	while (e->insn_len < upto) {
		u64 offset = e->rip + e->insn_len, linear;
		unsigned int len;
		int r;

		if (e->d.mode == 8) {
			linear = offset;
			if (!vh_emul_canonical(e, linear))
				return vh_emul_fault(e, GP_VECTOR);
			len = MAX_LEN - e->insn_len;
		} else {
			if (offset > cs->limit)
				return vh_emul_fault(e, GP_VECTOR);
			linear = (u32)(cs->base + offset);
			len = min_t(u64, MAX_LEN - e->insn_len, cs->limit - offset + 1);
		}
		/* The next page only when the instruction is known to reach into it. */
		len = min_t(unsigned int, len, 4096 - (linear & 4095));
		r = e->ops->fetch(e, linear, e->insn + e->insn_len, len);
		if (r)
			return r;
		e->insn_len += len;
	}
	return VH_EMUL_OK;
}

/* The next @n bytes, zero-extended. */
static int next_bytes(struct vh_emul *e, unsigned int n, u64 *val)
{
	int r;

	*val = 0;
	if (e->len + n > MAX_LEN)
		return vh_emul_fault(e, GP_VECTOR);
	r = fetch_upto(e, e->len + n);
	if (r)
		return r;
	memcpy(val, e->insn + e->len, n);
	e->len += n;
	return VH_EMUL_OK;
}

static int next_byte(struct vh_emul *e, u8 *val)
{
	u64 v;
	int r;

	/* The usual case: the byte is there. */
	if (e->len < e->insn_len) {
		*val = e->insn[e->len++];
		return VH_EMUL_OK;
	}
	r = next_bytes(e, 1, &v);
	*val = v;
	return r;
}

/* Prefixes and the first byte that is none. */
static int decode_prefixes(struct vh_emul *e, u8 *opcode)
{
	struct vh_insn *d = &e->d;
	bool ad_prefix = false;
	u8 b;
	int r;

	for (;;) {
		r = next_byte(e, &b);
		if (r)
			return r;
		switch (b) {
		case 0x26: case 0x2e: case 0x36: case 0x3e:
			if (d->mode != 8)
				d->seg_override = (b >> 3) & 3;
			break;
		case 0x64: case 0x65:
			d->seg_override = b - 0x64 + VH_FS;
			break;
		case 0x66:
			d->opsize_prefix = true;
			break;
		case 0x67:
			ad_prefix = true;
			break;
		case 0xf0:
			d->lock = true;
			break;
		case 0xf2: case 0xf3:
			d->rep = b;
			break;
		default:
			if (d->mode == 8 && (b & 0xf0) == 0x40) {
				d->rex = b;
				continue;
			}
			goto done;
		}
		/* A REX that is not next to the opcode is ignored (2.2.1). */
		d->rex = 0;
	}
done:
	*opcode = b;
	switch (d->mode) {
	case 2:
		d->opsize = d->opsize_prefix ? 4 : 2;
		d->adsize = ad_prefix ? 4 : 2;
		break;
	case 4:
		d->opsize = d->opsize_prefix ? 2 : 4;
		d->adsize = ad_prefix ? 2 : 4;
		break;
	default:
		d->opsize = d->rex & 8 ? 8 : d->opsize_prefix ? 2 : 4;
		d->adsize = ad_prefix ? 4 : 8;
	}
	return VH_EMUL_OK;
}

static int next_disp(struct vh_emul *e, unsigned int n)
{
	u64 v;
	int r = next_bytes(e, n, &v);

	if (!r)
		e->d.disp = vh_sext(v, n) * (n == 1 ? e->d.disp_scale : 1);
	return r;
}

/* Table 2-1. The base and index registers' sum goes to d->ea; d->disp is added later. */
static int decode_modrm16(struct vh_emul *e)
{
	static const s8 base[8] = { VH_RBX, VH_RBX, VH_RBP, VH_RBP, VH_RSI, VH_RDI, VH_RBP, VH_RBX };
	static const s8 index[8] = { VH_RSI, VH_RDI, VH_RSI, VH_RDI, -1, -1, -1, -1 };
	struct vh_insn *d = &e->d;
	unsigned int mod = d->modrm >> 6, rm = d->modrm & 7;

	if (mod == 0 && rm == 6)
		return next_disp(e, 2);
	d->ea = e->gpr[base[rm]];
	if (index[rm] >= 0)
		d->ea += e->gpr[index[rm]];
	if (base[rm] == VH_RBP)
		d->ea_seg = VH_SS;
	return mod ? next_disp(e, mod) : VH_EMUL_OK;
}

/* Tables 2-2, 2-3; *rip_relative is for 2.2.1.6. */
static int decode_modrm32(struct vh_emul *e, bool *rip_relative)
{
	struct vh_insn *d = &e->d;
	unsigned int mod = d->modrm >> 6, rm = d->modrm & 7;
	unsigned int base = rm | (d->rex & 1) << 3;
	int r;

	if (rm == 4) {
		unsigned int index;

		r = next_byte(e, &d->sib);
		if (r)
			return r;
		base = (d->sib & 7) | (d->rex & 1) << 3;
		index = (d->sib >> 3 & 7) | (d->rex & 2) << 2;
		if (index != 4)
			d->ea = e->gpr[index] << (d->sib >> 6);
		if ((base & 7) == 5 && mod == 0)
			return next_disp(e, 4);
	} else if (rm == 5 && mod == 0) {
		*rip_relative = d->mode == 8;
		return next_disp(e, 4);
	}
	d->ea += e->gpr[base];
	if (base == VH_RSP || base == VH_RBP)
		d->ea_seg = VH_SS;
	switch (mod) {
	case 1:
		return next_disp(e, 1);
	case 2:
		return next_disp(e, 4);
	}
	return VH_EMUL_OK;
}

static int decode_imm(struct vh_emul *e, u32 flags)
{
	struct vh_insn *d = &e->d;
	int r;

	if (flags & VH_OP_IMM16)
		d->imm_len = 2;
	else if (flags & (VH_OP_IMM8 | VH_OP_IMM8U))
		d->imm_len = 1;
	else if (flags & VH_OP_IMMZ)
		d->imm_len = min_t(u8, d->opsize, 4);
	else if (flags & VH_OP_IMMV)
		d->imm_len = d->opsize;
	else if (flags & VH_OP_MOFFS)
		d->imm_len = d->adsize;
	else
		return VH_EMUL_OK;
	r = next_bytes(e, d->imm_len, &d->imm);
	if (r)
		return r;
	/* ENTER has both immediates, a far pointer offset and selector. */
	if ((flags & VH_OP_IMM16) && (flags & VH_OP_IMM8U))
		return next_bytes(e, 1, &d->imm2);
	if (flags & VH_OP_FAR)
		return next_bytes(e, 2, &d->imm2);
	if (flags & (VH_OP_IMM8 | VH_OP_IMMZ))
		d->imm = vh_sext(d->imm, d->imm_len);
	if (flags & VH_OP_MOFFS) {
		d->ea = d->imm;
		d->mem = true;
	}
	return VH_EMUL_OK;
}

/* VEX, EVEX: outside 64-bit mode what would be LES, LDS and BOUND with a register. */
static bool is_vex(struct vh_emul *e, u8 b)
{
	u8 next;

	if (b != 0xc4 && b != 0xc5 && b != 0x62)
		return false;
	if (e->d.mode == 8)
		return true;
	if (!vh_emul_protected(e) || next_byte(e, &next))
		return false;
	e->len--;
	return next >= 0xc0;
}

/* SDM Vol. 2, 2.3.5 and 2.7.1. */
static int decode_vex(struct vh_emul *e, u8 b, const struct vh_opcode **op)
{
	struct vh_insn *d = &e->d;
	unsigned int n = b == 0xc5 ? 1 : b == 0xc4 ? 2 : 3, i, map = 1;
	u8 p[3] = {}, last;
	int r;

	if (d->rep || d->opsize_prefix || d->lock || d->rex)
		return vh_emul_fault(e, UD_VECTOR);
	for (i = 0; i < n; i++) {
		r = next_byte(e, &p[i]);
		if (r)
			return r;
	}
	r = next_byte(e, &d->opcode);
	if (r)
		return r;
	/* R, X, B (and R') are inverted and on top of the first byte; W and pp are the last but EVEX's. */
	last = p[n == 3 ? 1 : n - 1];
	d->rex = 0x40 | (~p[0] >> 5 & (n == 1 ? 4 : 7));
	d->vvvv = ~last >> 3 & 15;
	d->vlen = last & 4 ? 32 : 16;
	d->w = n > 1 && last & 0x80;
	d->vex = VH_VEX;
	if (n > 1)
		map = p[0] & 31;
	if (n == 3) {
		d->vex = VH_EVEX;
		d->evex = p[2];
		d->vvvv |= (~p[2] & 8) << 1;
		d->vlen = 16 << (p[2] >> 5 & 3);
		map = p[0] & 7;
		d->reg = d->mode == 8 ? ~p[0] & 16 : 0;
		if ((p[0] & 8) || !(p[1] & 4) || (p[2] & 0x60) == 0x60)
			return vh_emul_fault(e, UD_VECTOR);
	}
	if (d->w && d->mode == 8)
		d->rex |= 8;
	if (d->mode != 8) {
		d->rex = 0;
		d->vvvv &= 7;
	}
	d->opsize = d->rex & 8 ? 8 : 4;
	d->opsize_prefix = (last & 3) == 1;
	d->rep = (last & 3) == 2 ? 0xf3 : (last & 3) == 3 ? 0xf2 : 0;
	if (!map || map > 3)
		return VH_EMUL_UNHANDLED;
	d->opcode_map = map + 1;
	*op = map == 3 || (map == 1 && (d->opcode == 0xc2 || (d->opcode & 0xfc) == 0xc4 ||
					(d->opcode & 0xfc) == 0x70)) ?
	      &vh_opcode_vex_imm : &vh_opcode_vex;
	if (n == 3)
		d->disp_scale = vh_simd_size(e);
	return VH_EMUL_OK;
}

/* The table of the opcode whose first byte is @b. */
static int decode_opcode(struct vh_emul *e, u8 b, const struct vh_opcode **op)
{
	struct vh_insn *d = &e->d;
	int r;

	d->opcode_map = 1;
	d->opcode = b;
	*op = &vh_opcodes_1[b];
	if (b != 0x0f)
		return VH_EMUL_OK;
	d->opcode_map = 2;
	r = next_byte(e, &d->opcode);
	if (r)
		return r;
	*op = &vh_opcodes_0f[d->opcode];
	if (d->opcode != 0x38 && d->opcode != 0x3a)
		return VH_EMUL_OK;
	d->opcode_map = d->opcode == 0x38 ? 3 : 4;
	r = next_byte(e, &d->opcode);
	if (r)
		return r;
	*op = d->opcode_map == 4 ? &vh_opcode_0f3a : &vh_opcodes_0f38[d->opcode];
	return VH_EMUL_OK;
}

static int decode(struct vh_emul *e)
{
	struct vh_insn *d = &e->d;
	const struct vh_opcode *op;
	bool rip_relative = false;
	u32 flags;
	int r;
	u8 b;

	r = decode_prefixes(e, &b);
	if (r)
		return r;
	d->disp_scale = 1;
	r = is_vex(e, b) ? decode_vex(e, b, &op) : decode_opcode(e, b, &op);
	if (r)
		return r;
	flags = op->flags;
	if (flags & VH_OP_MODRM) {
		r = next_byte(e, &d->modrm);
		if (r)
			return r;
		d->reg |= (d->modrm >> 3 & 7) | (d->rex & 4) << 1;
		d->rm = (d->modrm & 7) | (d->rex & 1) << 3;
		d->mem = d->modrm < 0xc0;
		if (op->group) {
			op = &op->group[d->modrm >> 3 & 7];
			flags |= op->flags;
		}
	} else {
		/* Forms with the register in the opcode. */
		d->rm = (d->opcode & 7) | (d->rex & 1) << 3;
	}
	if (!op->exec)
		return VH_EMUL_UNHANDLED;
	if (((flags & VH_OP_NOREP) && d->rep) || ((flags & VH_OP_NO66) && d->opsize_prefix))
		return VH_EMUL_UNHANDLED;
	d->op = op;
	if (d->mode == 8) {
		if (flags & VH_OP_F64)
			d->opsize = 8;
		else if ((flags & VH_OP_D64) && d->opsize == 4)
			d->opsize = 8;
	}
	d->size = flags & VH_OP_BYTE ? 1 : d->opsize;

	if ((flags & VH_OP_MODRM) && d->mem) {
		r = d->adsize == 2 ? decode_modrm16(e) : decode_modrm32(e, &rip_relative);
		if (r)
			return r;
	}
	r = decode_imm(e, flags);
	if (r)
		return r;
	d->ea += d->disp;
	if (rip_relative)
		d->ea += e->rip + e->len;
	d->ea &= vh_mask(d->adsize);
	if (d->seg_override != VH_NR_SEGS)
		d->ea_seg = d->seg_override;

	d->next_rip = e->rip + e->len;
	if (d->mode != 8)
		d->next_rip = (u32)d->next_rip;

	if (((flags & VH_OP_NO64) && d->mode == 8) || ((flags & VH_OP_MEM) && !d->mem) ||
	    (d->lock && !((flags & VH_OP_LOCK) && d->mem)))
		return vh_emul_fault(e, UD_VECTOR);
	return VH_EMUL_OK;
}

/**
 * vh_emul_decode - decode the instruction at RIP
 * @e: its context, inputs set
 *
 * Fetches through ops->fetch what e->insn lacks, never more of the next page than the
 * instruction needs. On VH_EMUL_OK e->d and e->len are valid. VH_EMUL_FAULT: #PF of the
 * fetch, #GP (15 bytes, segment limit), #UD; VH_EMUL_UNHANDLED: not in the tables.
 */
int vh_emul_decode(struct vh_emul *e)
{
	memset(&e->d, 0, sizeof(e->d));
	e->len = 0;
	e->d.seg_override = VH_NR_SEGS;
	e->d.ea_seg = VH_DS;
	e->d.mode = vh_emul_is64(e) ? 8 : e->seg[VH_CS].db ? 4 : 2;
	if (e->d.mode != 8)
		e->rip = (u32)e->rip;
	return decode(e);
}

/**
 * vh_emul_step - decode and execute the instruction at RIP
 * @e: its context, inputs set
 *
 * On VH_EMUL_OK gpr, rflags and rip are those after the instruction, or after some
 * iterations of a REP form (rep_more and RFLAGS.RF are set and RIP has stayed). On any other
 * result registers are as before, but for a new task's fault (e->task). The end of interrupt
 * shadows is the caller's, and the #DB that @e->trap asks for: TF counts as it was before the
 * instruction (SDM Vol. 3, 18.3.1.4).
 */
int vh_emul_step(struct vh_emul *e)
{
	int r;

	e->rep_more = false;
	e->sti_shadow = false;
	e->mov_ss = false;
	e->halted = false;
	e->iret = e->int1 = false;
	e->trap = e->rflags & X86_EFLAGS_TF;
	e->task = false;
	r = vh_emul_decode(e);
	if (r)
		return r;
	r = e->d.op->exec(e);
	if (r && !e->task)
		return r;
	/* What interrupts a string between two iterations saves RF set. */
	if (e->rep_more) {
		e->rflags |= X86_EFLAGS_RF;
		return VH_EMUL_OK;
	}
	e->rip = e->d.next_rip;
	/* A new task brings its own, and IRET, if with 32 bits (SDM Vol. 3, 18.3.1.1). */
	if (!e->task && (!e->iret || e->d.opsize == 2))
		e->rflags &= ~(u64)X86_EFLAGS_RF;
	if (e->task || e->mov_ss)
		e->trap = false;
	return r;
}
