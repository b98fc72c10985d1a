/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_BITOPS_H
#define SHIM_LINUX_BITOPS_H

#include <linux/bits.h>
#include <linux/types.h>

static inline int fls64(u64 x)
{
	return x ? 64 - __builtin_clzll(x) : 0;
}

static inline int fls(unsigned int x)
{
	return x ? 32 - __builtin_clz(x) : 0;
}

static inline unsigned long __fls(unsigned long x)
{
	return 63 - __builtin_clzl(x);
}

static inline unsigned long __ffs(unsigned long x)
{
	return __builtin_ctzl(x);
}

#define ffs(x) __builtin_ffs(x)

static inline unsigned int hweight32(u32 x)
{
	return __builtin_popcount(x);
}

static inline unsigned int hweight64(u64 x)
{
	return __builtin_popcountll(x);
}

static inline bool test_bit(long n, const volatile unsigned long *p)
{
	return p[n / 64] >> (n % 64) & 1;
}

static inline void __set_bit(long n, volatile unsigned long *p)
{
	p[n / 64] |= 1UL << (n % 64);
}

static inline void __clear_bit(long n, volatile unsigned long *p)
{
	p[n / 64] &= ~(1UL << (n % 64));
}

static inline void set_bit(long n, volatile unsigned long *p)
{
	__sync_fetch_and_or(&p[n / 64], 1UL << (n % 64));
}

static inline void clear_bit(long n, volatile unsigned long *p)
{
	__sync_fetch_and_and(&p[n / 64], ~(1UL << (n % 64)));
}

static inline bool test_and_set_bit(long n, volatile unsigned long *p)
{
	return __sync_fetch_and_or(&p[n / 64], 1UL << (n % 64)) >> (n % 64) & 1;
}

static inline bool test_and_clear_bit(long n, volatile unsigned long *p)
{
	return __sync_fetch_and_and(&p[n / 64], ~(1UL << (n % 64))) >> (n % 64) & 1;
}

#define for_each_set_bit(bit, p, size)				\
	for ((bit) = 0; (bit) < (size); (bit)++)		\
		if (!test_bit(bit, p)) { } else

#endif
