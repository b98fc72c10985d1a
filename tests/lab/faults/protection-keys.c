/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SDM Vol. 3, 4.6.2: a data access to a user-mode address (U/S set in every entry that translates it)
 * is subject to its key's rights in PKRU, whoever makes it: access-disable forbids it, write-disable
 * forbids writes by CPL 3 and, with CR0.WP, by the supervisor. Supervisor-mode addresses are not
 * subject to PKRU.
 *
 * Bochs 3.0 asks who accesses, not what: the kernel reads what access-disable forbids, its writes to
 * its own pages fail for rights that are not theirs, and a user's access to such a page says in its
 * error code that a key forbade it.
 */
#include "lib.h"

#define KEY	5ull
#define AD	1u
#define WD	2u

static u64 pml4[512] __page, pdpt[512] __page, pd[512] __page, pt[512] __page;
static u8 data[2 * PAGE] __page;

static void write_pkru(u32 key_rights)
{
	asm volatile("wrpkru" : : "a"(key_rights << 2 * KEY), "c"(0), "d"(0) : "memory");
}

/* The error code of a page fault, or -1 without one. */
static u32 access(volatile u8 *at, bool write)
{
	u32 faults = count[PF];

	if (write)
		asm volatile(MAY_FAULT("movb $1, (%0)") : : "r"(at) : "memory");
	else
		asm volatile(MAY_FAULT("movb (%0), %%al") : : "r"(at) : "memory", "rax");
	return count[PF] == faults ? -1u : fault_error;
}

void test(void)
{
	volatile u8 *user = data, *supervisor = data + PAGE;
	u32 index = (u32)(u64)data >> 12;

	if (!(cpuid(7, 0).ecx & 1 << 3))
		skip("no protection keys");
	for (u32 i = 0; i < 512; i++) {
		pt[i] = i << 12 | 3;
		pd[i] = (u64)i << 21 | 0x87;
	}
	pt[index] |= KEY << 59 | 4;
	pt[index + 1] |= KEY << 59;
	pd[0] = (u64)pt | 7;
	pdpt[0] = (u64)pd | 7;
	pml4[0] = (u64)pdpt | 7;
	write_reg("cr3", pml4);
	write_reg("cr0", read_reg("cr0") | 0x10000);
	/* both are in the TLB before any key counts */
	expect(access(user, true), -1u, "a write before keys");
	expect(access(supervisor, true), -1u, "a supervisor's write before keys");
	write_reg("cr4", read_reg("cr4") | 1 << 22);
	for (u32 rights = 0; rights < 4; rights++) {
		write_pkru(rights);
		expect(access(supervisor, false), -1u, "a read of a supervisor's page");
		expect(access(supervisor, true), -1u, "a write to a supervisor's page");
		expect(access(user, false), rights & AD ? 0x21 : -1u, "a read of a user's page");
		expect(access(user, true), rights & (AD | WD) ? 0x23 : -1u, "a write to a user's page");
		write_reg("cr0", read_reg("cr0") & ~0x10000ul);
		expect(access(user, true), rights & AD ? 0x23 : -1u, "a write without CR0.WP");
		write_reg("cr0", read_reg("cr0") | 0x10000);
	}
	/* one entry on the way without U/S is enough */
	write_pkru(AD | WD);
	pd[0] &= ~4ull;
	write_reg("cr3", pml4);
	expect(access(user, true), -1u, "a write below a supervisor's entry");
}
