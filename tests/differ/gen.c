// SPDX-License-Identifier: GPL-2.0-only
/* A program out of its number: mode, registers, memory, and the instructions. */
#include <stdlib.h>
#include <string.h>

#include "../fuzz/rounds.h"
#include "gen.h"

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

/* --- registers --- */

uint64_t pick_linear(const struct program *p)
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
		at |= chance(2) ? p->sregs.cr4 & CR4_LA57 ? 0xff00000000000000 : 0xffff800000000000 :
		      chance(2) ? 0xffffff8000000000 : chance(2) ? 0x800000000000 : 0xff00000000000000;
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

/* What this program has otherwise than the template, 8 bytes each; gen_program() takes it back before the next. */
static struct { uint32_t at; uint64_t was; } patches[512];
static unsigned int nr_patches;
static uint32_t patched_pages;
uint32_t gen_pages;

static inline void gen_patch(uint8_t *ram, uint32_t at, const void *bytes, unsigned int n)
{
	uint32_t word;

	for (word = at & ~7u; word < at + n; word += 8) {
		if (nr_patches == sizeof(patches) / sizeof(patches[0])) {
			fprintf(stderr, "a program has more than can be taken back\n");
			exit(2);
		}
		patches[nr_patches].at = word;
		memcpy(&patches[nr_patches++].was, ram + word, 8);
		patched_pages |= 1u << word / 0x1000;
	}
	memcpy(ram + at, bytes, n);
}

/* A word, at its boundary. */
static void gen_word(uint8_t *ram, uint32_t at, uint64_t value)
{
	gen_patch(ram, at, &value, sizeof(value));
}

static void take_back(uint8_t *ram)
{
	gen_pages |= patched_pages;
	patched_pages = 0;
	while (nr_patches) {
		nr_patches--;
		memcpy(ram + patches[nr_patches].at, &patches[nr_patches].was, 8);
	}
}

/* What the CPUID that the devices share has beyond what every processor with VMX has. */
static void gen_features(struct program *p)
{
	const struct gen_features *has = &gen_options.has;
	struct kvm_sregs *s = &p->sregs;

	if (has->xsave && !chance(8)) {
		s->cr4 |= CR4_OSXSAVE;
		p->xcr0 = chance(8) ? 3 : 7;
	}
	if (has->umip && chance(4))
		s->cr4 |= CR4_UMIP;
	if (has->fsgsbase && chance(2))
		s->cr4 |= CR4_FSGSBASE;
	if (has->smep && chance(4))
		s->cr4 |= CR4_SMEP;
	if (has->smap && chance(4))
		s->cr4 |= CR4_SMAP;
}

/* Pages of the supervisor's, without which SMEP and SMAP end each program at its first instruction. */
static void gen_supervisor_pages(struct program *p, uint8_t *ram)
{
	unsigned int page;

	if (!(p->sregs.cr0 & CR0_PG) || !(p->sregs.cr4 & (CR4_SMEP | CR4_SMAP)))
		return;
	for (page = 0; page < RAM >> 12; page++) {
		bool code = page == CODE >> 12 || page == (CODE >> 12) + 1;
		bool data = page >= DATA >> 12 && page < (DATA >> 12) + 4;
		uint32_t entry = page << 12 | 0x63;

		if ((p->cpl == 3 && (code || data || page == STACK >> 12 || page == (STACK >> 12) - 1)) ||
		    (data && !chance(4)))
			continue;
		gen_patch(ram, PT + 8 * page, &entry, 4);
		gen_patch(ram, PT32 + 4 * page, &entry, 4);
	}
}

/*
 * A task to switch to, whole and right: what KVM makes of others is known to be wrong (tests/cases). It is a handler's,
 * so that its first instruction is HLT.
 */
static void gen_task(struct program *p, uint8_t *ram)
{
	static const uint32_t segments[] = { S_DATA_U, S_CODE32, S_DATA, S_DATA_U, S_DATA16_U, 0 };
	uint32_t tss[26] = { }, link, busy;
	unsigned int i;

	if (!(gen_options.kinds & 1 << K_TASK) || p->mode < M_PROT16 || p->mode > M_PAE || !chance(8))
		return;
	p->task = true;
	tss[1] = STACK0 - 0x100;
	tss[2] = S_DATA;
	tss[7] = p->sregs.cr3;
	tss[8] = HANDLERS + 4 * 0xe8;
	tss[9] = 2 | (rnd64() & FL_ARITH) | (chance(3) ? FL_DF : 0) | rnd(4) << 12;
	for (i = 0; i < 8; i++)
		tss[10 + i] = rnd64();
	tss[14] = STACK0 - 0x200;
	for (i = 0; i < 6; i++)
		tss[18 + i] = segments[i];
	tss[24] = chance(2) ? S_LDT : 0;
	tss[25] = 0x680000;
	gen_patch(ram, TSS_OTHER, tss, sizeof(tss));
	/* One that this one is nested in is busy. */
	if (chance(3)) {
		p->regs.rflags |= FL_NT;
		memcpy(&link, ram + TSS32, 4);
		link = (link & 0xffff0000) | S_TSS_OTHER;
		gen_patch(ram, TSS32, &link, 4);
		memcpy(&busy, ram + GDT + S_TSS_OTHER + 4, 4);
		busy |= 0x200;
		gen_patch(ram, GDT + S_TSS_OTHER + 4, &busy, 4);
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
	gen_features(p);
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
		if (p->mode == M_LONG && gen_options.has.la57 && chance(6)) {
			s->cr4 |= CR4_LA57;
			s->cr3 = PML5;
		}
		if (gen_options.has.pcid && chance(4)) {
			s->cr4 |= CR4_PCIDE;
			s->cr3 |= chance(2) ? rnd(3) : rnd(0x1000);
		}
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
	p->regs.rflags = 2 | (p->regs.rflags & FL_NT) | (rnd64() & FL_ARITH) | (chance(6) ? FL_DF : 0) | (chance(3) ? FL_IF : 0) |
			 (chance(3) ? rnd(4) << 12 : 0) | (chance(24) ? FL_TF : 0) | (chance(8) ? FL_AC : 0) |
			 (chance(24) ? FL_NT : 0) | (chance(24) ? FL_RF : 0) | (chance(24) ? FL_ID : 0);
	if (p->mode == M_VM86)
		p->regs.rflags |= FL_VM;
	/* IRET of a nested task switches it: only where there is one. */
	if (!p->task)
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
		/* of execution another length than 1 is undefined (SDM Vol. 3, 18.2.4) */
		for (i = 0; i < 4; i++)
			if (!(p->debug.dr7 >> (16 + 4 * i) & 3))
				p->debug.dr7 &= ~(0xcull << (16 + 4 * i));
	}
}

/* An interrupt, an NMI, a shadow that is left of the instruction before. */
static void gen_events(struct program *p)
{
	if (!gen_options.events || !chance(6))
		return;
	if (chance(2))
		p->irq = 0x40 + rnd(0xc0);
	if (!p->irq || chance(3)) {
		p->nmi = true;
		p->nmi_masked = chance(4);
	}
	if (!chance(3) || (p->regs.rflags & FL_TF))
		return;
	/* Whether STI holds NMIs back as well is the processor's affair (SDM Vol. 2, STI). */
	if ((p->regs.rflags & FL_IF) && !p->nmi && chance(2))
		p->shadow = KVM_X86_SHADOW_INT_STI;
	else
		p->shadow = KVM_X86_SHADOW_INT_MOV_SS;
}

static bool has_strings(const struct program *p)
{
	unsigned int i;

	for (i = 0; i < p->ops; i++)
		if (p->op[i]->kind == K_STRING || p->op[i]->kind == K_BRANCH || p->op[i]->kind == K_FAR)
			return true;
	return false;
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
	take_back(ram);
	gen_control(p);
	gen_supervisor_pages(p, ram);
	gen_task(p, ram);
	gen_segments(p, (const uint64_t *)(ram + GDT));
	gen_registers(p);
	p->regs.rip = p->code_at - p->sregs.cs.base;
	gen_msrs(p);
	gen_fpu(&p->fpu);
	gen_events(p);
	gen_code(p);
	gen_vectors(p);
	/* An NMI in the middle of an instruction; where in a string it comes is the processor's affair. */
	if (gen_options.events && chance(8) && !p->irq && !p->nmi && !p->bytes && !has_strings(p))
		p->nmi_at = 1 + rnd(4);
	gen_patch(ram, p->code_at, p->code, p->code_len);
	for (i = 0; i < 0x200; i += 8) {
		uint64_t x = chance(2) ? pick_register(p, 0) : rnd64();

		/* data that instructions here and there find, and what they pop */
		gen_word(ram, DATA + rnd(0x4000 / 8) * 8, x);
		if (i < 0x80) {
			x = chance(2) ? HANDLERS + 4 * rnd(256) : x;
			x = chance(6) ? rnd(GDT_ENTRIES + 2) * 8 + rnd(8) : x;
			gen_word(ram, STACK + i - 0x20, x);
		}
	}
	gen_pages |= patched_pages;
}

void gen_save(FILE *f, const struct program *p, const uint8_t *ram)
{
	struct { uint64_t at, value; } words[sizeof(patches) / sizeof(patches[0])];
	uint64_t n = nr_patches;
	unsigned int i;

	for (i = 0; i < n; i++) {
		words[i].at = patches[i].at;
		memcpy(&words[i].value, ram + patches[i].at, 8);
	}
	if (fwrite(p, sizeof(*p), 1, f) != 1 || fwrite(&n, sizeof(n), 1, f) != 1 || fwrite(words, sizeof(words[0]), n, f) != n) {
		perror("write");
		exit(2);
	}
}

bool gen_load(FILE *f, struct program *p, uint8_t *ram)
{
	struct { uint64_t at, value; } words[sizeof(patches) / sizeof(patches[0])];
	uint64_t n;
	unsigned int i;

	take_back(ram);
	if (fread(p, sizeof(*p), 1, f) != 1 || fread(&n, sizeof(n), 1, f) != 1 || n > sizeof(words) / sizeof(words[0]) ||
	    fread(words, sizeof(words[0]), n, f) != n)
		return false;
	for (i = 0; i < n; i++)
		gen_word(ram, words[i].at, words[i].value);
	gen_pages |= patched_pages;
	return true;
}
