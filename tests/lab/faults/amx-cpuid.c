/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SDM Vol. 1, 13.3 and 13.14: AMX state is tile configuration (17) and tile data (18) of XCR0, which
 * can be enabled only together. CPUID leaf 0DH offers both or none, each with its size. The data is
 * large; every CPU that has it can disable it by XFD (leaf 0DH, 1: EAX bit 4; 18: ECX bit 2).
 *
 * Bochs 3.0 has no XFD. Linux does not take tile data without it, then enables tile configuration
 * alone, and gets #GP: it has to be told that there is no AMX.
 */
#include "lib.h"

#define TILES	0x60000u

void test(void)
{
	u32 offered;

	if (!(cpuid(1, 0).ecx & 1 << 26))
		skip("no XSAVE");
	offered = cpuid(0xd, 0).eax & TILES;
	if (!offered && !(cpuid(7, 0).edx & 1 << 24))
		skip("no AMX");
	expect(offered, TILES, "what of AMX XCR0 can have");
	expect(cpuid(0xd, 17).eax, 64, "the size of the tile configuration");
	expect(cpuid(0xd, 18).eax, 8192, "the size of the tile data");
	write_reg("cr4", read_reg("cr4") | 0x40000);
	asm volatile(MAY_FAULT("xsetbv") : : "a"(0x20003), "d"(0), "c"(0) : "memory");
	expect(count[GP], 1, "#GP of XCR0 with one of the two");
	asm volatile(MAY_FAULT("xsetbv") : : "a"(0x60003), "d"(0), "c"(0) : "memory");
	expect(count[GP], 1, "#GP of XCR0 with both");
	expect(cpuid(0xd, 1).eax >> 4 & 1, 1, "XFD");
	expect(cpuid(0xd, 18).ecx >> 2 & 1, 1, "XFD of the tile data");
	/* without compaction all state lies at fixed places, and the size covers the last of it */
	expect(cpuid(0xd, 0).ebx >= cpuid(0xd, 18).ebx + 8192, 1, "XSAVE's size for what is enabled is enough");
}
