/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SDM Vol. 3, 4.6.1: with CR0.WP clear, code at CPL 0 may write to any address that is mapped,
 * whether its R/W bits are set or not. 4.8: such a write sets the leaf's dirty flag, except on CPUs
 * that have CET: they never set it where R/W is clear.
 *
 * On its models with CET, bochs 3.0 panics: it believes that this does not happen. A guest kernel
 * without write protection ends the emulator; where a panic does not, it sets the dirty flag.
 */
#include "lib.h"

static u64 pdpt[4] __attribute__((aligned(32)));
static u64 pd[512] __page, pt[512] __page;
static u8 data[PAGE] __page;

void test(void)
{
	u32 index = (u32)data >> 12;
	volatile u8 *at = data;
	struct cpuid features = cpuid(7, 0);
	bool cet = features.ecx & 1 << 7 || features.edx & 1 << 20;	/* shadow stacks, branch tracking */

	for (u32 i = 0; i < 512; i++) {
		pt[i] = i << 12 | 3;
		pd[i] = i << 21 | 0x83;
	}
	pd[0] = (u32)pt | 3;
	pdpt[0] = (u32)pd | 1;
	pt[index] &= ~2ull;
	write_reg("cr4", read_reg("cr4") | 0x20);
	write_reg("cr3", pdpt);
	write_reg("cr0", (read_reg("cr0") & ~0x10000ul) | 0x80000000);
	*at = 0x5a;
	expect(*at, 0x5a, "what was written with WP clear");
	expect(pt[index] & 0x60, cet ? 0x20 : 0x60, "accessed and dirty");

	/* and with WP it is a page fault: present, write */
	write_reg("cr0", read_reg("cr0") | 0x10000);
	asm volatile(MAY_FAULT("movb $1, (%0)") : : "r"(at) : "memory");
	expect(count[PF], 1, "page faults with WP set");
	expect(fault_error, 3, "the error code");
	expect(*at, 0x5a, "what was written with WP set");
}
