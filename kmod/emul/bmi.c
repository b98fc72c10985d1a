// SPDX-License-Identifier: GPL-2.0-only
/*
 * bmi.c - handlers of bit manipulation: POPCNT, LZCNT, TZCNT, CRC32, ADX, BMI1 and BMI2.
 *
 * Every vh_exec_ function is a handler of the opcode tables: results are enum vh_emul_result.
 * Flags that the SDM leaves undefined stay as they were, or are cleared.
 */
#include "insn.h"

#define UD_VECTOR 6

#define CRC32C_REVERSED 0x82f63b78u

static void set_flags(struct vh_emul *e, u64 of, u64 to)
{
	e->rflags = (e->rflags & ~of) | to;
}

/* Flags of a result: ZF and SF by it, OF clear; CF as given. */
static void result_flags(struct vh_emul *e, unsigned int size, u64 val, bool carry)
{
	set_flags(e, X86_EFLAGS_CF | X86_EFLAGS_ZF | X86_EFLAGS_SF | X86_EFLAGS_OF,
		  (carry ? X86_EFLAGS_CF : 0) | (val & vh_mask(size) ? 0 : X86_EFLAGS_ZF) |
		  (val & vh_sign(size) ? X86_EFLAGS_SF : 0));
}

/* vh_exec_crc32 - F2 0F 38 F0, F1 */
int vh_exec_crc32(struct vh_emul *e)
{
	unsigned int size = e->d.opcode == 0xf0 ? 1 : e->d.opsize, i;
	u32 crc = e->gpr[e->d.reg];
	u64 val;
	int r;

	if (!vh_emul_has(e, VH_HAS_SSE42))
		return vh_emul_fault(e, UD_VECTOR);
	r = vh_rm_read(e, size, &val);
	if (r)
		return r;
	for (i = 0; i < size * 8; i++)
		crc = crc >> 1 ^ ((crc ^ val >> i) & 1 ? CRC32C_REVERSED : 0);
	e->gpr[e->d.reg] = crc;
	return VH_EMUL_OK;
}

/* vh_exec_adx - 66 0F 38 F6 ADCX, F3 ADOX: a carry of its own, and no other flag */
int vh_exec_adx(struct vh_emul *e)
{
	u64 flag = e->d.rep == 0xf3 ? X86_EFLAGS_OF : X86_EFLAGS_CF, val, a, sum;
	unsigned int size = e->d.rex & 8 ? 8 : 4;
	bool carry = e->rflags & flag;
	int r;

	if (e->d.rep == 0xf2 || (!e->d.rep && !e->d.opsize_prefix))
		return VH_EMUL_UNHANDLED;
	if (!vh_emul_has(e, VH_HAS_ADX))
		return vh_emul_fault(e, UD_VECTOR);
	r = vh_rm_read(e, size, &val);
	if (r)
		return r;
	a = vh_reg_read(e, e->d.reg, size);
	sum = (a + val + carry) & vh_mask(size);
	set_flags(e, flag, sum < a || (carry && sum == a) ? flag : 0);
	vh_reg_write(e, e->d.reg, size, sum);
	return VH_EMUL_OK;
}

/* vh_exec_popcnt - F3 0F B8 */
int vh_exec_popcnt(struct vh_emul *e)
{
	u64 val, n = 0;
	int r;

	if (e->d.rep != 0xf3)
		return VH_EMUL_UNHANDLED;
	if (!vh_emul_has(e, VH_HAS_POPCNT))
		return vh_emul_fault(e, UD_VECTOR);
	r = vh_rm_read(e, e->d.size, &val);
	if (r)
		return r;
	set_flags(e, VH_FLAGS_ARITH, val ? 0 : X86_EFLAGS_ZF);
	for (; val; val &= val - 1)
		n++;
	vh_reg_write(e, e->d.reg, e->d.size, n);
	return VH_EMUL_OK;
}

/* Zeros before the first bit, from below or from above. */
static int count_zeros(struct vh_emul *e, bool leading)
{
	unsigned int size = e->d.size, n = 0;
	u64 val;
	int r = vh_rm_read(e, size, &val);

	if (r)
		return r;
	while (n < size * 8 && !(val >> (leading ? size * 8 - 1 - n : n) & 1))
		n++;
	set_flags(e, X86_EFLAGS_CF | X86_EFLAGS_ZF,
		  (val ? 0 : X86_EFLAGS_CF) | (n ? 0 : X86_EFLAGS_ZF));
	vh_reg_write(e, e->d.reg, size, n);
	return VH_EMUL_OK;
}

/* vh_exec_bsf_tzcnt - 0F BC; F3 is without a meaning where there is no TZCNT */
int vh_exec_bsf_tzcnt(struct vh_emul *e)
{
	if (e->d.rep == 0xf3 && vh_emul_has(e, VH_HAS_BMI1))
		return count_zeros(e, false);
	return vh_exec_bsf(e);
}

/* vh_exec_bsr_lzcnt - 0F BD */
int vh_exec_bsr_lzcnt(struct vh_emul *e)
{
	if (e->d.rep == 0xf3 && vh_emul_has(e, VH_HAS_LZCNT))
		return count_zeros(e, true);
	return vh_exec_bsr(e);
}

/* PDEP spreads the low bits of @a to where @mask has ones, PEXT collects them from there. */
static u64 deposit(u64 a, u64 mask)
{
	u64 result = 0;

	for (; mask; mask &= mask - 1, a >>= 1)
		if (a & 1)
			result |= mask & -mask;
	return result;
}

static u64 extract(u64 a, u64 mask)
{
	u64 result = 0, bit = 1;

	for (; mask; mask &= mask - 1, bit <<= 1)
		if (a & mask & -mask)
			result |= bit;
	return result;
}

/* SHLX, SHRX, SARX by @pp, and RORX: no flags. */
static u64 shifted(unsigned int pp, unsigned int size, u64 val, unsigned int count)
{
	count &= size * 8 - 1;
	switch (pp) {
	case 1:
		return val << count;
	case 2:
		return vh_sext(val, size) >> count;
	}
	return val >> count;
}

static u64 bits_of(unsigned int size, u64 val, unsigned int start, unsigned int len)
{
	val = start < size * 8 ? val >> start : 0;
	return len < size * 8 ? val & (BIT_ULL(len) - 1) : val;
}

/* Its other forms are #UD before their operand is read. */
static bool is_lowest_bit(unsigned int reg)
{
	return reg >= 1 && reg <= 3;
}

/* F3 /1 to /3: the lowest bit that is set; the destination is VEX.vvvv. */
static int lowest_bit(struct vh_emul *e, unsigned int size, u64 val)
{
	u64 result;
	bool carry = !val;

	switch (e->d.modrm >> 3 & 7) {
	case 1:		/* BLSR */
		result = val & (val - 1);
		break;
	case 2:		/* BLSMSK */
		result = val ^ (val - 1);
		break;
	default:	/* BLSI */
		result = val & -val;
		carry = val;
		break;
	}
	result_flags(e, size, result, carry);
	vh_reg_write(e, e->d.vvvv, size, result);
	return VH_EMUL_OK;
}

#define FORM(map, pp, op) ((map) << 12 | (pp) << 8 | (op))

static const struct { u16 form, feature; } forms[] = {
	{ FORM(3, 0, 0xf2), VH_HAS_BMI1 }, { FORM(3, 0, 0xf3), VH_HAS_BMI1 },
	{ FORM(3, 0, 0xf7), VH_HAS_BMI1 }, { FORM(3, 0, 0xf5), VH_HAS_BMI2 },
	{ FORM(3, 2, 0xf5), VH_HAS_BMI2 }, { FORM(3, 3, 0xf5), VH_HAS_BMI2 },
	{ FORM(3, 3, 0xf6), VH_HAS_BMI2 }, { FORM(3, 1, 0xf7), VH_HAS_BMI2 },
	{ FORM(3, 2, 0xf7), VH_HAS_BMI2 }, { FORM(3, 3, 0xf7), VH_HAS_BMI2 },
	{ FORM(4, 3, 0xf0), VH_HAS_BMI2 },
};

static bool form_is_shown(struct vh_emul *e, unsigned int form)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(forms); i++)
		if (forms[i].form == form)
			return vh_emul_has(e, forms[i].feature);
	return false;
}

/* vh_exec_bmi - VEX 0F 38 F2 to F7 and 0F 3A F0 */
int vh_exec_bmi(struct vh_emul *e)
{
	unsigned int pp = vh_emul_pp(e), size = e->d.opsize;
	unsigned int form = FORM(e->d.opcode_map, pp, e->d.opcode);
	u64 val, hi, v = vh_reg_read(e, e->d.vvvv, size);
	unsigned int n = v & 0xff;
	int r;

	if (e->d.vlen != 16 || !form_is_shown(e, form) || (form == FORM(4, 3, 0xf0) && e->d.vvvv) ||
	    (form == FORM(3, 0, 0xf3) && !is_lowest_bit(e->d.modrm >> 3 & 7)))
		return vh_emul_fault(e, UD_VECTOR);
	r = vh_rm_read(e, size, &val);
	if (r)
		return r;
	switch (form) {
	case FORM(3, 0, 0xf2):		/* ANDN */
		val &= ~v;
		result_flags(e, size, val, false);
		break;
	case FORM(3, 0, 0xf3):
		return lowest_bit(e, size, val);
	case FORM(3, 0, 0xf5):		/* BZHI */
		val = bits_of(size, val, 0, n);
		result_flags(e, size, val, n >= size * 8);
		break;
	case FORM(3, 2, 0xf5):
		val = extract(v, val);
		break;
	case FORM(3, 3, 0xf5):
		val = deposit(v, val);
		break;
	case FORM(3, 3, 0xf6): {	/* MULX: the upper half wins when both are one register */
		u64 flags = 0;

		vh_alu_mul(false, size, vh_reg_read(e, VH_RDX, size), val, &val, &hi, &flags);
		vh_reg_write(e, e->d.vvvv, size, val);
		val = hi;
		break;
	}
	case FORM(3, 0, 0xf7):		/* BEXTR */
		val = bits_of(size, val, n, v >> 8 & 0xff);
		set_flags(e, X86_EFLAGS_CF | X86_EFLAGS_OF | X86_EFLAGS_ZF, val ? 0 : X86_EFLAGS_ZF);
		break;
	case FORM(3, 1, 0xf7):
	case FORM(3, 2, 0xf7):
	case FORM(3, 3, 0xf7):
		val = shifted(pp, size, val, n);
		break;
	default:			/* RORX */
		n = e->d.imm & (size * 8 - 1);
		val = n ? val >> n | val << (size * 8 - n) : val;
	}
	vh_reg_write(e, e->d.reg, size, val);
	return VH_EMUL_OK;
}
