/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SDM Vol. 1, 7.3.9.1: a repeated string instruction can be interrupted after each iteration. So what
 * another processor does meanwhile goes on, and its time-stamp counter counts as ever (Vol. 3, 18.17).
 *
 * Bochs with more than one CPU has all iterations at once: the counter jumps by half as many.
 */
#include "lib.h"

#define LENGTH 16384
#define READS 20000

static u8 buffer[LENGTH] __page;
static volatile int filling;

static u64 rdtsc(void)
{
	u32 low, high;

	asm volatile("rdtsc" : "=a"(low), "=d"(high));
	return low | (u64)high << 32;
}

void ap_main(void)
{
	for (;;) {
		void *to = buffer;
		u64 n = LENGTH;

		asm volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(0) : "memory");
		filling++;
	}
}

void test(void)
{
	u64 longest = 0, last;
	int i;

	start_ap();
	while (filling < 2)
		asm volatile("pause");
	last = rdtsc();
	for (i = 0; i < READS; i++) {
		u64 now = rdtsc();

		if (now - last > longest)
			longest = now - last;
		last = now;
	}
	if (longest >= 1000)
		fail("the time-stamp counter jumps by %llu", (unsigned long long)longest);
}
