// SPDX-License-Identifier: GPL-2.0-only
/* What all programs have in memory: tables, handlers, page tables. */
#include <string.h>

#include "differ.h"

enum { TYPE_DATA = 0x13, TYPE_CODE = 0x1b };
enum { D_G = 8, D_DB = 4, D_L = 2 };

static uint64_t descriptor(uint32_t base, uint32_t limit, unsigned int type, unsigned int dpl,
			   unsigned int flags)
{
	return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 |
	       (uint64_t)(type | dpl << 5 | 0x80) << 40 | (uint64_t)(limit >> 16 & 15) << 48 |
	       (uint64_t)flags << 52 | (uint64_t)(base >> 24) << 56;
}

static uint64_t gate(unsigned int sel, uint32_t offset, unsigned int type, unsigned int dpl)
{
	return (offset & 0xffff) | (uint64_t)sel << 16 | (uint64_t)(type | dpl << 5 | 0x80) << 40 |
	       (uint64_t)(offset >> 16) << 48;
}

static void make_gdt(uint64_t *gdt, uint64_t *ldt)
{
	const unsigned int flat = D_G | D_DB;

	gdt[1] = descriptor(0, 0xfffff, TYPE_CODE, 0, flat);
	gdt[2] = descriptor(0, 0xfffff, TYPE_DATA, 0, flat);
	gdt[3] = descriptor(0, 0xfffff, TYPE_CODE, 0, D_G | D_L);
	gdt[4] = descriptor(TSS32, 0x2ff, 0xb, 0, 0);
	gdt[5] = descriptor(TSS64, 0x2ff, 0xb, 0, 0);
	gdt[7] = descriptor(CODE, 0xffff, TYPE_CODE, 0, 0);
	gdt[8] = descriptor(CODE, 0xffff, TYPE_DATA, 0, 0);
	gdt[9] = descriptor(0, 0xfffff, TYPE_CODE, 3, flat);
	gdt[10] = descriptor(0, 0xfffff, TYPE_DATA, 3, flat);
	gdt[11] = descriptor(0, 0xfffff, TYPE_CODE, 3, D_G | D_L);
	gdt[12] = descriptor(CODE, 0xffff, TYPE_CODE, 3, 0);
	gdt[13] = descriptor(CODE, 0xffff, TYPE_DATA, 3, 0);
	gdt[14] = descriptor(0, 0xfffff, 0x1f, 0, flat);		/* conforming */
	gdt[15] = descriptor(CODE, 0x3fff, 0x17, 3, D_DB);		/* expand-down */
	gdt[16] = descriptor(0, 0xfffff, 0x11, 3, flat);		/* read-only */
	gdt[17] = descriptor(DATA + 3, 0x43, TYPE_DATA, 3, D_DB);
	gdt[18] = descriptor(0, 0xfffff, TYPE_DATA, 3, flat) & ~(1ull << 47);
	gdt[19] = gate(S_CODE32, HANDLERS + 4 * 0xe0, 0xc, 3);
	gdt[20] = gate(S_CODE64, HANDLERS + 4 * 0xe1, 0xc, 3);
	gdt[22] = descriptor(LDT, 0x3f, 2, 0, 0);
	gdt[24] = descriptor(TSS_OTHER, 0x67, 9, 0, 0);
	gdt[25] = gate(S_TSS_OTHER, 0, 5, 3);
	gdt[26] = descriptor(0, 0xfffff, 0x19, 3, flat);		/* execute-only */
	gdt[27] = gate(S_CODE16, 0x100, 4, 3);
	gdt[28] = descriptor(CODE, 0x3fff, 0x17, 3, 0);
	gdt[29] = descriptor(0, 0xfffff, 0x12, 3, flat);		/* not accessed */
	gdt[30] = descriptor(LDT, 0x3f, 2, 0, 0) & ~(1ull << 47);
	gdt[32] = descriptor(TSS64, 0x67, 9, 0, 0);
	gdt[34] = descriptor(0, 0xfffff, 0x18, 3, flat);		/* code, not accessed */
	gdt[35] = descriptor(0, 0xfffff, TYPE_CODE, 3, D_G | D_DB | D_L);
	ldt[1] = descriptor(0, 0xfffff, TYPE_CODE, 0, flat);
	ldt[2] = descriptor(0, 0xfffff, TYPE_DATA, 0, flat);
	ldt[3] = descriptor(0, 0xfffff, TYPE_CODE, 3, flat);
	ldt[4] = descriptor(DATA, 0xfff, TYPE_DATA, 3, flat);
	ldt[5] = gate(S_CODE32, HANDLERS + 4 * 0xe2, 0xc, 3);
}

static void make_idt(uint64_t *idt32, uint64_t *idt64)
{
	unsigned int v, dpl, type;

	for (v = 0; v < 256; v++) {
		dpl = v == 3 || v == 4 || (v >= 0x20 && v < 0x80) ? 3 : 0;
		type = v & 1 ? 0xf : 0xe;
		idt32[v] = gate(S_CODE32, HANDLERS + 4 * v, type, dpl);
		idt64[2 * v] = gate(S_CODE64, HANDLERS + 4 * v, type, dpl);
	}
	idt32[0x30] = gate(S_CODE16, 0x100, 6, 3);
	idt32[0x31] = gate(S_CODE32, 0, 0xe, 3) & ~(1ull << 47);
	idt32[0x32] = gate(0x70, HANDLERS + 4 * 0x32, 0xe, 3);
	idt32[0x33] = gate(S_CODE32_U, HANDLERS, 0xe, 3);
	idt32[0x34] = gate(S_DATA, HANDLERS, 0xe, 3);
	idt32[0x35] = gate(0, HANDLERS, 0xe, 3);
	idt32[0x36] = gate(0x120, HANDLERS, 0xe, 3);		/* up to the end of the table and beyond */
	idt32[0x37] = gate(0x150, HANDLERS, 0xe, 3);
	idt32[0x39] = gate(S_TSS_OTHER, 0, 5, 3);
	idt64[2 * 0x31] = gate(S_CODE64, 0, 0xe, 3) & ~(1ull << 47);
	idt64[2 * 0x32] = gate(S_CODE32, HANDLERS, 0xe, 3);
	idt64[2 * 0x33] = gate(S_CODE64_U, HANDLERS, 0xe, 3);
	idt64[2 * 0x34] = gate(S_DATA, HANDLERS, 0xe, 3);
	idt64[2 * 0x35] = gate(S_CODE64, HANDLERS, 6, 3);
	idt64[2 * 0x36 + 1] = 0x8000;				/* not canonical */
	idt64[2 * 8] |= 1ull << 32;				/* IST1 */
	idt64[2 * 0x38] |= 1ull << 32;
}

static const struct { uint32_t linear, physical; uint64_t clear, set; } odd_pages[] = {
	{ L_ALIAS, DATA + 0x2000, 0, 0 },
	{ L_ABSENT, DATA, 1, 0 },
	{ L_READONLY, DATA + 0x1000, 2, 0 },
	{ L_SUPERVISOR, DATA + 0x1000, 4, 0 },
	{ L_NX, DATA + 0x1000, 0, 1ull << 63 },
	{ L_OLD, DATA + 0x1000, 0x60, 0 },
	{ L_CLEAN, DATA + 0x1000, 0x40, 0 },
	{ L_RESERVED, DATA + 0x1000, 0, 1ull << 51 },
	{ L_ROM, ROM, 0, 0 },
	{ L_DEVICE, DEVICE, 0, 0 },
};

static void make_paging(uint8_t *ram)
{
	uint64_t *pt = (void *)(ram + PT), *pd = (void *)(ram + PD);
	uint64_t *pdpt = (void *)(ram + PDPT), *pml4 = (void *)(ram + PML4);
	uint64_t *pae = (void *)(ram + PDPT_PAE), *pml5 = (void *)(ram + PML5);
	uint32_t *pt32 = (void *)(ram + PT32), *pd32 = (void *)(ram + PD32);
	unsigned int i;

	for (i = 0; i < 512; i++) {
		pt[i] = i << 12 | 0x67;
		pt32[i] = i << 12 | 0x67;
	}
	for (i = 0; i < sizeof(odd_pages) / sizeof(odd_pages[0]); i++) {
		uint64_t e = (odd_pages[i].physical | 0x67 | odd_pages[i].set) & ~odd_pages[i].clear;

		pt[odd_pages[i].linear >> 12] = e;
		pt32[odd_pages[i].linear >> 12] = e;
	}
	pd[0] = PT | 0x67;
	pd[2] = 0xe7;
	pd32[0] = PT32 | 0x67;
	pd32[1] = 0xe7;
	pdpt[0] = PD | 0x67;
	pae[0] = PD | 1;
	pml4[0] = pml4[256] = pml4[511] = PDPT | 0x67;
	pml5[0] = pml5[256] = pml5[511] = PML4 | 0x67;
}

static void make_tss(uint8_t *ram)
{
	uint32_t *tss = (void *)(ram + TSS32);
	uint8_t *tss64 = ram + TSS64;
	uint64_t sp = STACK0, ist = IST1;
	uint16_t map = 0x70;
	unsigned int i;

	tss[1] = STACK0;
	tss[2] = S_DATA;
	memcpy(ram + TSS32 + 0x66, &map, 2);
	memcpy(tss64 + 0x66, &map, 2);
	memcpy(tss64 + 4, &sp, 8);
	memcpy(tss64 + 0x24, &ist, 8);
	/* ports: every second byte of the bit map allows */
	for (i = 0x70; i < 0x300; i++)
		ram[TSS32 + i] = tss64[i] = i & 2 ? 0xff : i & 1 ? 0 : 0x3c;
}

void gen_template(uint8_t *ram, uint8_t *rom)
{
	unsigned int i;

	memset(ram, 0, RAM);
	for (i = 0; i < 256; i++) {
		ram[IVT + 4 * i] = 4 * i;
		ram[IVT + 4 * i + 1] = 4 * i >> 8;
		ram[IVT + 4 * i + 2] = HANDLERS >> 4 & 0xff;
		ram[IVT + 4 * i + 3] = HANDLERS >> 12;
	}
	memset(ram + HANDLERS, 0xf4, 0x1000);
	memset(ram + CODE, 0xf4, 0x4000);
	make_gdt((void *)(ram + GDT), (void *)(ram + LDT));
	make_idt((void *)(ram + IDT32), (void *)(ram + IDT64));
	make_paging(ram);
	make_tss(ram);
	for (i = 0; i < ROM_SIZE; i++)
		rom[i] = i * 0x9d ^ i >> 3;
}
