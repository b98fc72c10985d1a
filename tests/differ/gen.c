// SPDX-License-Identifier: GPL-2.0-only
/* A program out of its number: mode, registers, memory, and the instructions. */
#include <string.h>

#include "../fuzz/rounds.h"
#include "differ.h"

#define FL_CF	0x1
#define FL_TF	0x100
#define FL_IF	0x200
#define FL_DF	0x400
#define FL_NT	0x4000
#define FL_RF	0x10000
#define FL_VM	0x20000
#define FL_AC	0x40000
#define FL_ID	0x200000
#define FL_ARITH 0x8d5

#define CR0_PE	0x1
#define CR0_MP	0x2
#define CR0_EM	0x4
#define CR0_TS	0x8
#define CR0_ET	0x10
#define CR0_NE	0x20
#define CR0_WP	0x10000
#define CR0_AM	0x40000
#define CR0_PG	0x80000000u
#define CR4_VME	0x1
#define CR4_PVI	0x2
#define CR4_DE	0x8
#define CR4_PSE	0x10
#define CR4_PAE	0x20
#define CR4_OSFXSR 0x200
#define CR4_OSXMMEXCPT 0x400
#define EFER_SCE 1
#define EFER_LME 0x100
#define EFER_LMA 0x400
#define EFER_NX	0x800

struct gen_options gen_options = { .seed = 1 };

const char *const mode_names[MODES] = {
	"real", "vm86", "prot16", "flat32", "page32", "pae", "compat", "long"
};

const uint32_t differ_msrs[DIFFER_MSRS] = {
	0x174, 0x175, 0x176,				/* SYSENTER_CS, ESP, EIP */
	0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,	/* STAR, LSTAR, CSTAR, SFMASK */
	0xc0000102, 0xc0000103,				/* KERNEL_GS_BASE, TSC_AUX */
	0x277,						/* PAT */
};

/* --- what all programs have --- */

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
	gdt[24] = descriptor(TSS32, 0x67, 9, 0, 0);
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
	uint64_t *pae = (void *)(ram + PDPT_PAE);
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

/* --- registers --- */

static bool is16(const struct program *p)
{
	return p->mode <= M_PROT16;
}

/* A linear address where something is. */
static uint64_t pick_linear(const struct program *p)
{
	static const uint32_t odd[] = {
		L_ALIAS, L_ABSENT, L_READONLY, L_SUPERVISOR, L_NX, L_OLD, L_CLEAN, L_RESERVED, L_ROM, L_DEVICE
	};
	uint64_t at = DATA + rnd(0x3000);

	switch (rnd(12)) {
	case 0: case 1: case 2: case 3: case 4:
		break;
	case 5:
		at &= ~15ull;
		break;
	case 6: case 7:
		at = odd[rnd(10)] + rnd(0x1000);
		break;
	case 8:
		at = odd[rnd(10)] + 0x1000 - rnd(12);
		break;
	case 9:
		at = chance(2) ? CODE + rnd(0x2000) : rnd(RAM);
		break;
	case 10:
		at = chance(2) ? ROM + rnd(ROM_SIZE) : DEVICE + rnd(64);
		break;
	case 11:
		at = L_BIG + DATA + rnd(0x3000);
		break;
	}
	if (p->mode == M_LONG && chance(8))
		at |= chance(2) ? 0xffff800000000000 : chance(2) ? 0xffffff8000000000 : 0x800000000000;
	return at;
}

static uint64_t pick_register(const struct program *p, uint64_t base)
{
	switch (rnd(8)) {
	case 0: case 1: case 2: case 3:
		return pick_linear(p) - base;
	case 4: case 5:
		return rnd(0x40);
	case 6:
		return odd_number();
	}
	return rnd64();
}

static void seg_from_table(struct kvm_segment *s, const uint64_t *table, uint16_t sel)
{
	uint64_t d = table[sel >> 3];

	memset(s, 0, sizeof(*s));
	s->selector = sel;
	s->base = (d >> 16 & 0xffffff) | (d >> 32 & 0xff000000);
	s->limit = (d & 0xffff) | (d >> 32 & 0xf0000);
	s->g = d >> 55 & 1;
	if (s->g)
		s->limit = s->limit << 12 | 0xfff;
	s->type = d >> 40 & 15;
	s->s = d >> 44 & 1;
	s->dpl = d >> 45 & 3;
	s->present = d >> 47 & 1;
	s->l = d >> 53 & 1;
	s->db = d >> 54 & 1;
}

static void seg_real(struct kvm_segment *s, uint16_t sel, bool vm86)
{
	*s = (struct kvm_segment){
		.selector = sel, .base = sel << 4, .limit = 0xffff, .type = 3, .s = 1, .present = 1,
		.dpl = vm86 ? 3 : 0,
	};
}

static void gen_segments(struct program *p, const uint64_t *gdt)
{
	static const uint16_t data_sels[] = {
		S_DATA_U, S_DATA_U, S_DATA_U, S_DATA16_U, 0x7b, 0x83, 0x8b, 0xe3, 0, 0xf3, 0x4b
	};
	static const uint16_t real_sels[] = {
		CODE >> 4, CODE >> 4, DATA >> 4, DATA >> 4, 0x1200, 0x2000, 0x1ff0, 0xc000, 0xffff
	};
	static const struct { uint16_t cs[2], ss[2]; } by_mode[MODES] = {
		[M_PROT16] = { { S_CODE16, S_CODE16_U }, { S_DATA16, S_DATA16_U } },
		[M_FLAT32] = { { S_CODE32, S_CODE32_U }, { S_DATA, S_DATA_U } },
		[M_PAGE32] = { { S_CODE32, S_CODE32_U }, { S_DATA, S_DATA_U } },
		[M_PAE] = { { S_CODE32, S_CODE32_U }, { S_DATA, S_DATA_U } },
		[M_COMPAT] = { { S_CODE32, S_CODE32_U }, { S_DATA, S_DATA_U } },
		[M_LONG] = { { S_CODE64, S_CODE64_U }, { S_DATA, S_DATA_U } },
	};
	struct kvm_segment *data[] = { &p->sregs.ds, &p->sregs.es, &p->sregs.fs, &p->sregs.gs };
	bool user = p->cpl == 3;
	unsigned int i;

	seg_from_table(&p->sregs.ldt, gdt, S_LDT);
	seg_from_table(&p->sregs.tr, gdt, p->mode >= M_COMPAT ? S_TSS64 : S_TSS32);
	if (p->mode <= M_VM86) {
		seg_real(&p->sregs.cs, CODE >> 4, p->mode == M_VM86);
		seg_real(&p->sregs.ss, chance(8) ? real_sels[rnd(7)] : CODE >> 4, p->mode == M_VM86);
		for (i = 0; i < 4; i++)
			seg_real(data[i], real_sels[rnd(9)], p->mode == M_VM86);
		return;
	}
	seg_from_table(&p->sregs.cs, gdt, by_mode[p->mode].cs[user]);
	seg_from_table(&p->sregs.ss, gdt, by_mode[p->mode].ss[user]);
	for (i = 0; i < 4; i++) {
		uint16_t sel = data_sels[chance(2) ? rnd(11) : 0];

		if (p->mode == M_PROT16 && chance(2))
			sel = S_DATA16_U;
		seg_from_table(data[i], gdt, sel);
		if (!sel) {
			data[i]->unusable = 1;
			data[i]->dpl = 0;
		}
	}
	if (p->mode == M_LONG) {
		p->sregs.fs.base = chance(2) ? 0 : pick_register(p, 0) & 0x7fffffffffff;
		p->sregs.gs.base = chance(2) ? 0 : pick_register(p, 0) & 0x7fffffffffff;
	}
}

static void gen_control(struct program *p)
{
	struct kvm_sregs *s = &p->sregs;

	s->gdt.base = GDT;
	s->gdt.limit = chance(16) ? 0x8f : GDT_ENTRIES * 8 - 1;
	s->idt.base = p->mode == M_REAL ? IVT : p->mode >= M_COMPAT ? IDT64 : IDT32;
	s->idt.limit = p->mode == M_REAL ? 0x3ff : p->mode >= M_COMPAT ? 0xfff : 0x7ff;
	s->apic_base = 0xfee00900;
	s->cr0 = CR0_ET | CR0_NE | (chance(2) ? CR0_MP : 0) | (chance(24) ? CR0_TS : 0) | (chance(48) ? CR0_EM : 0);
	s->cr4 = (chance(16) ? 0 : CR4_OSFXSR | CR4_OSXMMEXCPT) | (chance(4) ? CR4_DE : 0) |
		 (chance(6) ? CR4_VME : 0) | (chance(8) ? CR4_PVI : 0);
	if (p->mode == M_REAL)
		return;
	s->cr0 |= CR0_PE | (chance(4) ? CR0_AM : 0);
	switch (p->mode) {
	case M_VM86:
		if (chance(2))
			break;
		/* fall through */
	case M_PAGE32:
		s->cr0 |= CR0_PG;
		s->cr4 |= CR4_PSE;
		s->cr3 = PD32;
		break;
	case M_PAE:
		s->cr0 |= CR0_PG;
		s->cr4 |= CR4_PAE;
		s->efer = EFER_NX;
		s->cr3 = PDPT_PAE;
		break;
	case M_COMPAT:
	case M_LONG:
		s->cr0 |= CR0_PG;
		s->cr4 |= CR4_PAE;
		s->efer = EFER_NX | EFER_LME | EFER_LMA | EFER_SCE;
		s->cr3 = PML4;
		break;
	default:
		break;
	}
	if (s->cr0 & CR0_PG)
		s->cr0 |= chance(2) ? CR0_WP : 0;
}

static void gen_fpu(struct fpu *f)
{
	unsigned int i, j;

	memset(f, 0, sizeof(*f));
	f->cw = chance(4) ? 0x300 | rnd(64) | rnd(4) << 10 | 0x40 : 0x37f;
	f->sw = chance(4) ? rnd(8) << 11 : 0;
	f->mxcsr = chance(4) ? 0x1f80 | rnd(4) << 13 : 0x1f80;
	f->tw = chance(2) ? rnd(256) : 0;
	for (i = 0; i < 8; i++) {
		uint64_t m = chance(4) ? odd_number() : rnd64() | 1ull << 63;
		uint16_t e = chance(4) ? odd_number() : 0x3fff - 20 + rnd(40);

		memcpy(f->st[i], &m, 8);
		memcpy(f->st[i] + 8, &e, 2);
	}
	for (i = 0; i < 16; i++)
		for (j = 0; j < 16; j += 8) {
			uint64_t x = rnd64();

			memcpy(&f->xmm[i][j], &x, 8);
			x = ~x * 3;
			memcpy(&f->ymmh[i][j], &x, 8);
		}
}

static void gen_registers(struct program *p)
{
	uint64_t base = p->sregs.ds.base;
	uint64_t *gpr = (uint64_t *)&p->regs;	/* rax to r15 come first */
	uint64_t mask = p->mode == M_LONG ? ~0ull : 0xffffffff;
	unsigned int i;

	for (i = 0; i < 16; i++) {
		gpr[i] = pick_register(p, chance(4) ? p->sregs.es.base : base);
		if (is16(p) && !chance(8))
			gpr[i] &= 0xffff;
		gpr[i] &= mask;
		/* What ends beyond 4 GB may fault or not (SDM Vol. 3, 5.3). */
		if (p->mode != M_LONG && gpr[i] > 0xffffff80)
			gpr[i] -= 0x1000;
	}
	if (!chance(3))
		p->regs.rcx = rnd(chance(2) ? 6 : 40);
	p->regs.rsp = STACK - p->sregs.ss.base - (chance(4) ? rnd(16) : 0);
	if (is16(p) && chance(24))
		p->regs.rsp = chance(2) ? rnd(8) : 0xfff8 + rnd(8);
	else if (chance(40))
		p->regs.rsp = pick_register(p, p->sregs.ss.base) & mask;
	p->regs.rflags = 2 | (rnd64() & FL_ARITH) | (chance(6) ? FL_DF : 0) | (chance(3) ? FL_IF : 0) |
			 (chance(3) ? rnd(4) << 12 : 0) | (chance(24) ? FL_TF : 0) | (chance(8) ? FL_AC : 0) |
			 (chance(24) ? FL_NT : 0) | (chance(24) ? FL_RF : 0) | (chance(24) ? FL_ID : 0);
	if (p->mode == M_VM86)
		p->regs.rflags |= FL_VM;
	/* IRET of a nested task switches it. */
	if (!gen_options.task_switch)
		p->regs.rflags &= ~(uint64_t)FL_NT;
}

static void gen_msrs(struct program *p)
{
	bool wide = p->mode == M_LONG || p->mode == M_COMPAT;

	p->msr[0] = chance(8) ? 0 : S_CODE32;
	p->msr[1] = STACK0 - 0x100;
	p->msr[2] = HANDLERS + 4 * 0xe4;
	p->msr[3] = (uint64_t)S_CODE32 << 32 | (uint64_t)(S_CODE32_U - 3) << 48;
	p->msr[4] = HANDLERS + 4 * 0xe5;
	p->msr[5] = HANDLERS + 4 * 0xe6;
	p->msr[6] = rnd(4) ? 0x300 : 0xffffffff;
	p->msr[7] = wide ? pick_linear(p) & 0x7fffffffffff : 0;
	p->msr[8] = 0;
	p->msr[9] = 0x0007040600070406;
	p->debug.dr6 = 0xffff0ff0;
	p->debug.dr7 = 0x400;
	if (chance(12)) {
		unsigned int i;

		for (i = 0; i < 4; i++) {
			p->debug.db[i] = (chance(3) ? p->code_at + rnd(16) : pick_linear(p)) & ~(chance(2) ? 3ull : 0);
			if (p->mode != M_LONG)
				p->debug.db[i] &= 0xffffffff;
			else
				p->debug.db[i] = (int64_t)(p->debug.db[i] << 16) >> 16;
		}
		p->debug.dr7 |= rnd(256) | (uint64_t)rnd(0x10000) << 16 | (chance(8) ? 0x2000 : 0);
	}
}

/* --- code --- */

struct out {
	struct program *p;
	uint8_t *at;
	unsigned int opsize, adsize;	/* 2, 4, 8 */
};

static void put(struct out *o, uint64_t value, unsigned int bytes)
{
	memcpy(o->at, &value, bytes);
	o->at += bytes;
}

static uint64_t pick_imm(void)
{
	return chance(2) ? rnd64() : chance(2) ? rnd(0x40) : odd_number();
}

static void put_address(struct out *o, unsigned int bytes)
{
	put(o, pick_linear(o->p) - o->p->sregs.ds.base, bytes);
}

static void put_modrm(struct out *o, const struct opcode *op, int lo, int hi)
{
	unsigned int mod = chance(3) ? 3 : rnd(3), rm = rnd(8), reg = rnd(8);
	bool sib;

	if (lo >= 0)
		reg = chance(32) ? reg : (unsigned int)lo + rnd(hi - lo + 1);
	/* of registers these are RDTSCP, SWAPGS, RDRAND and others */
	if (strchr(op->form, 'm') && mod == 3 &&
	    (!strcmp(op->name, "invlpg") || !strcmp(op->name, "vmptrld") || !chance(24)))
		mod = rnd(3);
	if (strchr(op->form, 'r') && !chance(24))
		mod = 3;
	sib = mod != 3 && rm == 4 && o->adsize != 2;
	put(o, mod << 6 | reg << 3 | rm, 1);
	if (mod == 3)
		return;
	if (sib) {
		unsigned int base = rnd(8);

		put(o, rnd(4) << 6 | rnd(8) << 3 | base, 1);
		if (!mod && base == 5)
			put_address(o, 4);
	}
	if (o->adsize == 2) {
		if (!mod && rm == 6)
			put_address(o, 2);
		else if (mod == 2)
			put(o, rnd(64) - 32, 2);
	} else {
		if (!mod && rm == 5)
			put(o, o->p->mode == M_LONG ? pick_linear(o->p) - (o->p->code_at + 8) :
						       pick_linear(o->p) - o->p->sregs.ds.base, 4);
		else if (mod == 2)
			put(o, chance(8) ? pick_imm() : rnd(64) - 32u, 4);
	}
	if (mod == 1)
		put(o, rnd(64) - 32, 1);
}

static void put_prefixes(struct out *o, const struct opcode *op)
{
	static const uint8_t segs[] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 };
	unsigned int mode = o->p->mode == M_LONG ? 8 : is16(o->p) ? 2 : 4;
	const char *form = op->form;
	bool p66 = chance(6), p67 = chance(8);
	uint8_t must = 0, rex = 0;

	if (!strncmp(form, "0x", 2))
		must = form[2] == '6' ? 0x66 : form[3] == '3' ? 0xf3 : 0xf2;
	if (*form == 'V') {
		static const uint8_t v[] = { 0, 0x66, 0xf2, 0xf3 };

		must = v[rnd(4)];
		p66 = false;
	}
	p66 |= must == 0x66;
	/* of 64-bit LEAVE (SDM Vol. 2, LEAVE); the emulator ignores it */
	if (mode == 8 && !strcmp(op->name, "leave"))
		p66 = false;
	o->opsize = p66 ? (mode == 2 ? 4 : 2) : mode == 2 ? 2 : 4;
	o->adsize = p67 ? (mode == 4 ? 2 : 4) : mode;
	if (chance(10))
		put(o, segs[rnd(6)], 1);
	if (p66)
		put(o, 0x66, 1);
	if (p67)
		put(o, 0x67, 1);
	if (must && must != 0x66)
		put(o, must, 1);
	else if (strchr(form, 'R') ? chance(2) : chance(100))
		put(o, 0xf2 + rnd(2), 1);
	if (strchr(form, 'L') ? chance(6) : chance(100))
		put(o, 0xf0, 1);
	if (mode == 8 && chance(2)) {
		rex = 0x40 + rnd(16);
		/* of a segment register it is ignored (SDM Vol. 2, 2.2.1.2); the emulator has #UD */
		if (!strcmp(op->name, "movseg") || !strcmp(op->name, "movtodr") || !strcmp(op->name, "movfromdr"))
			rex &= ~4;
		put(o, rex, 1);
		if (rex & 8)
			o->opsize = 8;
	}
}

static void put_insn(struct out *o, const struct opcode *op)
{
	static const uint32_t msrs[] = {
		0x174, 0x175, 0x176, 0xc0000080, 0xc0000081, 0xc0000082, 0xc0000084, 0xc0000100,
		0xc0000101, 0xc0000102, 0xc0000103, 0x277, 0x1b, 0xfe, 0x200, 0x2ff, 0x12345
	};
	const char *f;
	int lo = -1, hi = -1;
	unsigned int opcode = op->first + rnd(op->last - op->first + 1);

	if (*op->form == 'c' && !chance(8)) {
		put(o, 0xb9, 1);
		put(o, msrs[rnd(sizeof(msrs) / sizeof(msrs[0]))], o->p->mode <= M_PROT16 ? 2 : 4);
	}
	put_prefixes(o, op);
	if (op->map >= 2)
		put(o, 0x0f, 1);
	if (op->map >= 3)
		put(o, op->map == 3 ? 0x38 : 0x3a, 1);
	put(o, opcode, 1);
	f = strchr(op->form, '/');
	if (f) {
		lo = f[1] - '0';
		hi = f[3] - '0';
	}
	f = op->form;
	if (*f == '=') {
		put(o, (uint8_t)f[1], 1);
		return;
	}
	if (strpbrk(f + (strncmp(f, "0x", 2) ? 0 : 4), "Mmr"))
		put_modrm(o, op, lo, hi);
	for (f += strncmp(f, "0x", 2) ? 0 : 4; *f && *f != '/'; f++)
		switch (*f) {
		case 'b':
			put(o, op->kind == K_FAR && !chance(4) ? 0x20 + rnd(0x20) : pick_imm(), 1);
			break;
		case 'w':
			put(o, chance(2) ? rnd(32) : pick_imm(), 2);
			break;
		case 'z':
			put(o, pick_imm(), o->opsize == 2 ? 2 : 4);
			break;
		case 'v':
			put(o, chance(3) ? pick_linear(o->p) : pick_imm(), o->opsize);
			break;
		case 'o':
			put_address(o, o->adsize);
			break;
		case 'j':
			put(o, chance(16) ? pick_imm() | 0x10 : rnd(12), 1);
			break;
		case 'J':
			put(o, chance(16) ? pick_imm() : rnd(12), o->opsize == 2 ? 2 : 4);
			break;
		case 'p': {
			static const uint16_t sels[] = { S_CODE32, S_CODE32_U, S_CODE64, S_CODE16, S_CODE16_U,
							 0x70, 0x98, 0xa0, 0xd8, 0x90, S_DATA, 0, 0xc, 0x1f, 0x2f, 0xd3, 0x113, 0x11b };
			uint32_t at = chance(8) ? pick_imm() : HANDLERS + 4 * rnd(256);

			put(o, at, o->opsize == 2 ? 2 : 4);
			put(o, o->p->mode <= M_VM86 ? (chance(2) ? 0x10 : pick_imm()) : sels[rnd(18)], 2);
			break;
		}
		}
}

static const struct opcode *pick_opcode(void)
{
	static const uint8_t weights[KINDS] = {
		[K_INT] = 40, [K_STACK] = 14, [K_BRANCH] = 6, [K_FAR] = 8, [K_STRING] = 8, [K_PORT] = 4,
		[K_SYSTEM] = 12, [K_X87] = 3, [K_SSE] = 4, [K_BYTES] = 1,
	};
	static uint16_t of_kind[KINDS][160], n[KINDS];
	unsigned int i, j, left, total = 0;

	if (!n[K_INT])
		for (i = 0; i < nr_opcodes; i++) {
			for (j = 0; j < gen_options.skips; j++)
				if (!strcmp(gen_options.skip[j], opcodes[i].name))
					break;
			if (j == gen_options.skips)
				of_kind[opcodes[i].kind][n[opcodes[i].kind]++] = i;
		}
	for (i = 0; i < KINDS; i++)
		if (gen_options.kinds & 1 << i)
			total += weights[i];
	left = rnd(total);
	for (i = 0; i < KINDS; i++) {
		if (!(gen_options.kinds & 1 << i))
			continue;
		if (left < weights[i])
			break;
		left -= weights[i];
	}
	return n[i] ? &opcodes[of_kind[i][rnd(n[i])]] : NULL;
}

static void gen_code(struct program *p)
{
	unsigned int n = 1 + rnd(5), i;
	struct out o = { .p = p, .at = p->code };

	for (i = 0; i < n; i++) {
		const struct opcode *op = pick_opcode();
		unsigned int bytes = 1 + rnd(8);

		if (op && p->mode == M_LONG && op->map == 1 && op->first == 0x40)
			op = &opcodes[0];	/* INC would be a REX prefix of the next */
		if (!op) {
			p->bytes = true;
			while (bytes--)
				put(&o, rnd(256), 1);
			continue;
		}
		p->start[p->ops] = o.at - p->code;
		p->op[p->ops++] = op;
		put_insn(&o, op);
		/* CMP AL, imm8 makes them defined again */
		if (op->undefined & ~0x10 && i < n - 1)
			put(&o, 0x3c | rnd(256) << 8, 2);
	}
	p->code_len = o.at - p->code;
}

void gen_program(struct program *p, uint64_t n, uint8_t *ram)
{
	unsigned int i;

	memset(p, 0, sizeof(*p));
	p->number = n;
	rnd_state = gen_options.seed * 0x2545f4914f6cdd1d + n;
	rnd64();
	do
		p->mode = rnd(MODES);
	while (gen_options.modes && !(gen_options.modes & 1 << p->mode));
	p->cpl = p->mode == M_REAL ? 0 : p->mode == M_VM86 ? 3 : chance(2) ? 3 : 0;
	p->code_at = CODE + (chance(6) ? 0xff0 + rnd(16) : 0x100 + rnd(16));
	gen_control(p);
	gen_segments(p, (const uint64_t *)(ram + GDT));
	gen_registers(p);
	p->regs.rip = p->code_at - p->sregs.cs.base;
	gen_msrs(p);
	gen_fpu(&p->fpu);
	gen_code(p);
	memcpy(ram + p->code_at, p->code, p->code_len);
	for (i = 0; i < 0x200; i += 8) {
		uint64_t x = chance(2) ? pick_register(p, 0) : rnd64();

		/* data that instructions here and there find, and what they pop */
		memcpy(ram + DATA + rnd(0x4000 / 8) * 8, &x, 8);
		if (i < 0x80) {
			x = chance(2) ? HANDLERS + 4 * rnd(256) : x;
			x = chance(6) ? rnd(GDT_ENTRIES + 2) * 8 + rnd(8) : x;
			memcpy(ram + STACK + i - 0x20, &x, 8);
		}
	}
}
