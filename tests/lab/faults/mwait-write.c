/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SDM Vol. 2, MONITOR and MWAIT: a store of another CPU to the monitored line ends MWAIT. The line is
 * physical memory: by which linear address the other CPU writes does not matter.
 *
 * Bochs has MONITOR drop the line's translations on all CPUs, so that writes are looked at again, but
 * it drops those of the linear address that equals the physical one. Where memory is mapped
 * elsewhere, as in any kernel, a CPU that wrote the line before writes on unseen, and the one in
 * MWAIT sleeps until its next interrupt. Linux' idle loop has wake-ups by such a write: hence
 * idle=halt.
 */
#include "lib.h"

#define VECTOR	0x40
#define ALIAS	0x80000000ul		/* where 2 MiB from 0 are mapped once more */

extern u64 pd[4][512];
static volatile u32 line[1024] __page;
static volatile u32 turn, ready;

static volatile u32 *alias(volatile u32 *at)
{
	return (volatile u32 *)((u64)at + ALIAS);
}

/* On each turn: writes near by, so that the translation is there, waits until the other one sleeps, writes. */
void ap_main(void)
{
	volatile u32 *at;

	for (u32 last = 0; ; ) {
		while (turn == last)
			asm volatile("pause");
		last = turn;
		at = last == 1 ? line : alias(line);
		at[512] = last;
		ready = last;
		for (u32 i = 0; i < 20000; i++)
			asm volatile("pause");
		at[0] = last;
	}
}

static void one(const char *what)
{
	turn++;
	for (u32 i = 0; ready != turn; i++) {
		if (i > 10000000)
			fail("the second CPU does not start");
		asm volatile("pause");
	}
	apic_timer(VECTOR, 2000000);
	/* the usual loop: MWAIT may end for other reasons too */
	while (line[0] != turn && !count[VECTOR]) {
		asm volatile("monitor" : : "a"(line), "c"(0), "d"(0) : "memory");
		if (line[0] != turn)
			asm volatile("sti; mwait; cli" : : "a"(0), "c"(0) : "memory");
	}
	if (count[VECTOR])
		fail("MWAIT is not ended by a write %s", what);
	*apic(APIC_TIMER) = 0;
}

void test(void)
{
	if (!(cpuid(1, 0).ecx & 8))
		skip("no MONITOR");
	pd[ALIAS >> 30][0] = 0x83;
	write_reg("cr3", read_reg("cr3"));
	wrmsr(0x2ff, 0x806);		/* all memory is write-back */
	apic_on();
	start_ap();
	one("to the monitored address");
	one("through another mapping");
	one("through another mapping, once more");
}
