/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SDM Vol. 2, DIV and IDIV: with a 64-bit operand, RDX:RAX is divided; the quotient goes to RAX,
 * the remainder to RDX, truncated towards zero; a quotient that does not fit is #DE.
 *
 * Bochs 3.1 gives 0 for quotients such as 10^9 / 1000. A kernel's clock conversions go wrong at
 * once, and a hypervisor that emulates timers sees times of 0.
 */
#include "lib.h"

struct division {
	u64 high, low, by, quotient, remainder;
	bool overflow;
};

/* Made with a wider arithmetic than the CPU's. */
static const struct division unsigned_ones[] = {
	{ 0, 1000000000, 1000, 1000000, 0, false },
	{ 0, 1000000007, 1000, 1000000, 7, false },
	{ 0, 0xffffffffffffffff, 1, 0xffffffffffffffff, 0, false },
	{ 0, 0xffffffffffffffff, 0x100000001, 0xffffffff, 0, false },
	{ 0, 5, 7, 0, 5, false },
	{ 0, 0x123456789abcdef0, 0xfedcba9876543210, 0, 0x123456789abcdef0, false },
	{ 1, 0, 2, 0x8000000000000000, 0, false },
	{ 1, 0, 0x10, 0x1000000000000000, 0, false },
	{ 999, 5, 1000, 0xffbe76c8b4395810, 389, false },
	{ 0xfffffffffffffffe, 0xffffffffffffffff, 0xffffffffffffffff, 0xffffffffffffffff,
	  0xfffffffffffffffe, false },
	{ 0x0123456789abcdef, 0xfedcba9876543210, 0x8000000000000001, 0x02468acf13579bdf,
	  0x7c962fc962fc9631, false },
	{ 1000, 0, 1000, 0, 0, true },
	{ 1, 0, 1, 0, 0, true },
	{ 0, 1, 0, 0, 0, true },
};

static const struct division signed_ones[] = {
	{ 0, 1000000000, 1000, 1000000, 0, false },
	{ -1ull, -1000000007ull, 1000, -1000000ull, -7ull, false },
	{ 0, 1000000007, -1000ull, -1000000ull, 7, false },
	{ -1ull, -1000000007ull, -1000ull, 1000000, -7ull, false },
	{ 0, 0x7fffffffffffffff, -1ull, 0x8000000000000001, 0, false },
	{ -1ull, 0x8000000000000000, 1, 0x8000000000000000, 0, false },
	{ 1, 0, 4, 0x4000000000000000, 0, false },
	{ -1ull, 0, 4, 0xc000000000000000, 0, false },
	{ -1ull, 0, 2, 0x8000000000000000, 0, false },
	{ -2ull, 5, 1000, 0xff7ced916872b021, -227ull, false },
	{ 1, 0, 2, 0, 0, true },
	{ -1ull, 0x8000000000000000, -1ull, 0, 0, true },
	{ 0, 1, 0, 0, 0, true },
};

#define DIVIDE(name)									\
static void name##_one(const struct division *d, u32 i)				\
{											\
	u64 low = d->low, high = d->high;						\
	u32 faults = count[DE];								\
											\
	asm volatile(MAY_FAULT(#name "q %2") : "+a"(low), "+d"(high) : "r"(d->by)	\
		     : "cc", "memory");							\
	if ((count[DE] != faults) != d->overflow)					\
		fail(#name " %u: %s", i, d->overflow ? "no #DE" : "#DE");		\
	if (d->overflow)								\
		return;									\
	if (low != d->quotient)								\
		fail(#name " %u: the quotient is 0x%llx, not 0x%llx", i,		\
		     (unsigned long long)low, (unsigned long long)d->quotient);		\
	if (high != d->remainder)							\
		fail(#name " %u: the remainder is 0x%llx, not 0x%llx", i,		\
		     (unsigned long long)high, (unsigned long long)d->remainder);	\
}

DIVIDE(div)
DIVIDE(idiv)

void test(void)
{
	for (u32 i = 0; i < sizeof(unsigned_ones) / sizeof(*unsigned_ones); i++)
		div_one(&unsigned_ones[i], i);
	for (u32 i = 0; i < sizeof(signed_ones) / sizeof(*signed_ones); i++)
		idiv_one(&signed_ones[i], i);
}
