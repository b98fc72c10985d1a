// SPDX-License-Identifier: GPL-2.0-only
/*
 * alu.c - integer arithmetic with x86 flags; nothing but values.
 *
 * Flags that the SDM leaves undefined are set as the formulas happen to give them.
 */
#include "insn.h"

static void put(u64 *flags, u64 flag, bool on)
{
	*flags = on ? *flags | flag : *flags & ~flag;
}

/* SF, ZF, PF of a result. */
static void flags_szp(unsigned int size, u64 r, u64 *flags)
{
	u8 p = r;

	p ^= p >> 4;
	p ^= p >> 2;
	p ^= p >> 1;
	put(flags, X86_EFLAGS_PF, !(p & 1));
	put(flags, X86_EFLAGS_ZF, !(r & vh_mask(size)));
	put(flags, X86_EFLAGS_SF, r & vh_sign(size));
}

static u64 add(unsigned int size, u64 a, u64 b, bool carry, u64 *flags)
{
	u64 r = (a + b + carry) & vh_mask(size), sign = vh_sign(size);

	put(flags, X86_EFLAGS_CF, ((a & b) | ((a | b) & ~r)) & sign);
	put(flags, X86_EFLAGS_AF, (a ^ b ^ r) & 0x10);
	put(flags, X86_EFLAGS_OF, (a ^ r) & (b ^ r) & sign);
	flags_szp(size, r, flags);
	return r;
}

static u64 sub(unsigned int size, u64 a, u64 b, bool borrow, u64 *flags)
{
	u64 r = (a - b - borrow) & vh_mask(size), sign = vh_sign(size);

	put(flags, X86_EFLAGS_CF, ((~a & b) | ((~a | b) & r)) & sign);
	put(flags, X86_EFLAGS_AF, (a ^ b ^ r) & 0x10);
	put(flags, X86_EFLAGS_OF, (a ^ b) & (a ^ r) & sign);
	flags_szp(size, r, flags);
	return r;
}

static u64 logic(unsigned int size, u64 r, u64 *flags)
{
	*flags &= ~(u64)(X86_EFLAGS_CF | X86_EFLAGS_OF | X86_EFLAGS_AF);
	flags_szp(size, r, flags);
	return r & vh_mask(size);
}

/**
 * vh_alu - ADD to CMP, the eight operations of opcodes 00 to 3F
 * @op: which; VH_CMP returns @a
 * @size: operand bytes
 * @a: destination operand
 * @b: source operand
 * @flags: RFLAGS, changed
 */
u64 vh_alu(enum vh_alu op, unsigned int size, u64 a, u64 b, u64 *flags)
{
	bool carry = *flags & X86_EFLAGS_CF;

	a &= vh_mask(size);
	b &= vh_mask(size);
	switch (op) {
	case VH_ADD:
		return add(size, a, b, false, flags);
	case VH_ADC:
		return add(size, a, b, carry, flags);
	case VH_SUB:
		return sub(size, a, b, false, flags);
	case VH_SBB:
		return sub(size, a, b, carry, flags);
	case VH_OR:
		return logic(size, a | b, flags);
	case VH_AND:
		return logic(size, a & b, flags);
	case VH_XOR:
		return logic(size, a ^ b, flags);
	case VH_CMP:
		sub(size, a, b, false, flags);
		break;
	}
	return a;
}

/**
 * vh_alu_inc - INC and DEC: CF stays
 * @size: operand bytes
 * @a: operand
 * @dec: DEC
 * @flags: RFLAGS, changed
 */
u64 vh_alu_inc(unsigned int size, u64 a, bool dec, u64 *flags)
{
	bool carry = *flags & X86_EFLAGS_CF;
	u64 r = vh_alu(dec ? VH_SUB : VH_ADD, size, a, 1, flags);

	put(flags, X86_EFLAGS_CF, carry);
	return r;
}

static u64 rotate(bool right, unsigned int size, u64 a, unsigned int count, u64 *flags)
{
	unsigned int bits = size * 8, n = count % bits;
	u64 r = a;
	bool top, carry;

	if (right)
		n = (bits - n) % bits;
	if (n)
		r = (a << n | a >> (bits - n)) & vh_mask(size);
	top = r & vh_sign(size);
	carry = right ? top : r & 1;
	put(flags, X86_EFLAGS_CF, carry);
	put(flags, X86_EFLAGS_OF, right ? top ^ (r >> (bits - 2) & 1) : top ^ carry);
	return r;
}

static u64 rotate_carry(bool right, unsigned int size, u64 a, unsigned int count, u64 *flags)
{
	unsigned int bits = size * 8, n = count % (bits + 1);
	bool carry = *flags & X86_EFLAGS_CF, out;

	while (n--) {
		if (right) {
			out = a & 1;
			a = a >> 1 | (carry ? vh_sign(size) : 0);
		} else {
			out = a & vh_sign(size);
			a = (a << 1 | carry) & vh_mask(size);
		}
		carry = out;
	}
	put(flags, X86_EFLAGS_CF, carry);
	if (right)
		put(flags, X86_EFLAGS_OF, !(a & vh_sign(size)) != !(a & vh_sign(size) >> 1));
	else
		put(flags, X86_EFLAGS_OF, !(a & vh_sign(size)) == carry);
	return a;
}

static u64 shift(enum vh_shift op, unsigned int size, u64 a, unsigned int count, u64 *flags)
{
	unsigned int bits = size * 8;
	s64 s = vh_sext(a, size);
	u64 r;

	switch (op) {
	case VH_SHR:
		r = count < 64 ? a >> count : 0;
		put(flags, X86_EFLAGS_CF, a >> (count - 1) & 1);
		put(flags, X86_EFLAGS_OF, a & vh_sign(size));
		break;
	case VH_SAR:
		r = (u64)(s >> count) & vh_mask(size);
		put(flags, X86_EFLAGS_CF, s >> (count - 1) & 1);
		put(flags, X86_EFLAGS_OF, false);
		break;
	default:	/* SHL and its alias */
		r = (a << count) & vh_mask(size);
		put(flags, X86_EFLAGS_CF, count <= bits && (a >> (bits - count) & 1));
		put(flags, X86_EFLAGS_OF,
		    !(r & vh_sign(size)) != !(*flags & X86_EFLAGS_CF));
	}
	put(flags, X86_EFLAGS_AF, false);
	flags_szp(size, r, flags);
	return r;
}

/**
 * vh_alu_shift - the eight shifts and rotates of group 2
 * @op: which
 * @size: operand bytes
 * @a: operand
 * @count: as in the instruction; cut to 5 or 6 bits here
 * @flags: RFLAGS, changed unless the count is 0
 */
u64 vh_alu_shift(enum vh_shift op, unsigned int size, u64 a, unsigned int count, u64 *flags)
{
	a &= vh_mask(size);
	count &= size == 8 ? 63 : 31;
	if (!count)
		return a;
	switch (op) {
	case VH_ROL:
	case VH_ROR:
		return rotate(op == VH_ROR, size, a, count, flags);
	case VH_RCL:
	case VH_RCR:
		return rotate_carry(op == VH_RCR, size, a, count, flags);
	default:
		return shift(op, size, a, count, flags);
	}
}

/**
 * vh_alu_shift_double - SHLD and SHRD
 * @right: SHRD
 * @size: operand bytes
 * @a: destination operand
 * @b: where bits come from
 * @count: cut to 5 or 6 bits here; with 16 bits and more than that, undefined as in the SDM
 * @flags: RFLAGS, changed unless the count is 0
 */
u64 vh_alu_shift_double(bool right, unsigned int size, u64 a, u64 b, unsigned int count,
			u64 *flags)
{
	unsigned int bits = size * 8;
	bool carry;
	u64 r;

	a &= vh_mask(size);
	b &= vh_mask(size);
	count &= size == 8 ? 63 : 31;
	if (!count)
		return a;
	if (count > bits) {
		/* b is shifted in and out again: what processors do is a rotate of b:a. */
		count -= bits;
		swap(a, b);
	}
	if (right) {
		r = a >> (count - 1);
		carry = r & 1;
		r = r >> 1 | b << (bits - count);
	} else {
		carry = a >> (bits - count) & 1;
		r = a << (count - 1) << 1 | b >> (bits - count);
	}
	r &= vh_mask(size);
	put(flags, X86_EFLAGS_CF, carry);
	put(flags, X86_EFLAGS_OF, (a ^ r) & vh_sign(size));
	put(flags, X86_EFLAGS_AF, false);
	flags_szp(size, r, flags);
	return r;
}

/**
 * vh_alu_mul - MUL and IMUL
 * @is_signed: IMUL
 * @size: operand bytes
 * @a: operand
 * @b: operand
 * @lo: low half of the product
 * @hi: high half
 * @flags: RFLAGS; CF and OF tell that @hi is significant
 */
void vh_alu_mul(bool is_signed, unsigned int size, u64 a, u64 b, u64 *lo, u64 *hi, u64 *flags)
{
	bool wide;

	if (is_signed) {
		s64 sa = vh_sext(a, size), sb = vh_sext(b, size);

		if (size == 8) {
			asm("imulq %3" : "=a" (*lo), "=d" (*hi) : "a" (sa), "r" (sb) : "cc");
		} else {
			s64 product = sa * sb;

			*lo = product & vh_mask(size);
			*hi = product >> (size * 8) & vh_mask(size);
		}
		wide = *hi != ((*lo & vh_sign(size)) ? vh_mask(size) : 0);
	} else {
		a &= vh_mask(size);
		b &= vh_mask(size);
		if (size == 8) {
			asm("mulq %3" : "=a" (*lo), "=d" (*hi) : "a" (a), "r" (b) : "cc");
		} else {
			*lo = (a * b) & vh_mask(size);
			*hi = (a * b) >> (size * 8);
		}
		wide = *hi;
	}
	flags_szp(size, *lo, flags);
	put(flags, X86_EFLAGS_AF, false);
	put(flags, X86_EFLAGS_CF, wide);
	put(flags, X86_EFLAGS_OF, wide);
}

/* hi:lo / divisor where hi < divisor, so that the quotient fits 64 bits. */
static void divide(u64 lo, u64 hi, u64 divisor, u64 *quotient, u64 *remainder)
{
	asm("divq %4" : "=a" (*quotient), "=d" (*remainder)
	    : "a" (lo), "d" (hi), "r" (divisor) : "cc");
}

static bool div_unsigned(unsigned int size, u64 lo, u64 hi, u64 divisor, u64 *q, u64 *r)
{
	if (hi >= divisor)
		return false;
	if (size < 8) {
		lo |= hi << (size * 8);
		hi = 0;
	}
	divide(lo, hi, divisor, q, r);
	return true;
}

/**
 * vh_alu_div - DIV and IDIV
 * @is_signed: IDIV
 * @size: bytes of the divisor; the dividend has twice as many
 * @lo: low half of the dividend
 * @hi: high half
 * @divisor: the divisor
 * @quotient: quotient
 * @remainder: remainder
 *
 * Returns false for #DE.
 */
bool vh_alu_div(bool is_signed, unsigned int size, u64 lo, u64 hi, u64 divisor, u64 *quotient,
		u64 *remainder)
{
	bool neg_dividend, neg_divisor;
	u64 mask = vh_mask(size);

	lo &= mask;
	hi &= mask;
	divisor &= mask;
	if (!is_signed)
		return div_unsigned(size, lo, hi, divisor, quotient, remainder);
	neg_dividend = hi & vh_sign(size);
	neg_divisor = divisor & vh_sign(size);
	if (neg_dividend) {
		lo = -lo & mask;
		hi = (~hi + !lo) & mask;
	}
	if (neg_divisor)
		divisor = -divisor & mask;
	if (!div_unsigned(size, lo, hi, divisor, quotient, remainder))
		return false;
	if (neg_dividend != neg_divisor) {
		if (*quotient > vh_sign(size))
			return false;
		*quotient = -*quotient & mask;
	} else if (*quotient >= vh_sign(size)) {
		return false;
	}
	if (neg_dividend)
		*remainder = -*remainder & mask;
	return true;
}

/**
 * vh_condition - a condition code (SDM Vol. 1, appendix B)
 * @flags: RFLAGS
 * @cc: low four bits of the opcode
 */
bool vh_condition(u64 flags, unsigned int cc)
{
	bool sf_of = !(flags & X86_EFLAGS_SF) != !(flags & X86_EFLAGS_OF);
	bool yes;

	switch (cc >> 1 & 7) {
	case 0:
		yes = flags & X86_EFLAGS_OF;
		break;
	case 1:
		yes = flags & X86_EFLAGS_CF;
		break;
	case 2:
		yes = flags & X86_EFLAGS_ZF;
		break;
	case 3:
		yes = flags & (X86_EFLAGS_CF | X86_EFLAGS_ZF);
		break;
	case 4:
		yes = flags & X86_EFLAGS_SF;
		break;
	case 5:
		yes = flags & X86_EFLAGS_PF;
		break;
	case 6:
		yes = sf_of;
		break;
	default:
		yes = sf_of || (flags & X86_EFLAGS_ZF);
	}
	return yes != (cc & 1);
}
