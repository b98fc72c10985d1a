// SPDX-License-Identifier: GPL-2.0-only
/* The instructions of a program. */
#include <string.h>

#include "../fuzz/rounds.h"
#include "gen.h"

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
	/* of 64-bit ENTER and LEAVE (SDM Vol. 2); the emulator ignores it */
	if (mode == 8 && (!strcmp(op->name, "leave") || !strcmp(op->name, "enter")))
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

/* A VEX prefix, of two bytes where that is enough, and what follows it (SDM Vol. 2, 2.3.5). */
static void put_vex(struct out *o, const struct opcode *op, unsigned int opcode)
{
	bool wide = o->p->mode == M_LONG;
	unsigned int r = wide ? rnd(2) : 1, xb = wide ? rnd(4) : 3, w = chance(3);
	unsigned int v = strchr(op->form, 'v') && chance(2) ? 15 : wide ? rnd(16) : 8 + rnd(8);
	unsigned int last = v << 3 | rnd(2) << 2 | rnd(4);

	o->opsize = 4;
	o->adsize = o->p->mode == M_LONG ? 8 : is16(o->p) ? 2 : 4;
	if (chance(60))
		put(o, 0x66, 1);		/* #UD */
	if (op->map == MAP_VEX && xb == 3 && !w && chance(2)) {
		put(o, 0xc5, 1);
		put(o, r << 7 | last, 1);
	} else {
		put(o, 0xc4, 1);
		put(o, r << 7 | xb << 5 | (op->map - MAP_VEX + 1), 1);
		put(o, w << 7 | last, 1);
	}
	put(o, opcode, 1);
	if (strchr(op->form, 'M'))
		put_modrm(o, op, -1, -1);
	if (strchr(op->form, 'b'))
		put(o, pick_imm(), 1);
}

/* MOV to a control register of what it holds but for a bit or two, so that most are taken. */
static void put_control(struct out *o)
{
	static const uint32_t cr0[] = { CR0_WP, CR0_TS, CR0_EM, CR0_MP, CR0_AM, CR0_PG, CR0_PE, 0x20000000, 0x40000000 };
	static const uint32_t cr4[] = {
		CR4_VME, CR4_PVI, CR4_DE, CR4_PSE, CR4_PAE, 0x80, CR4_OSFXSR, CR4_UMIP, CR4_LA57, CR4_FSGSBASE, CR4_PCIDE,
		CR4_OSXSAVE, CR4_SMEP, CR4_SMAP, 0x80000000
	};
	const struct kvm_sregs *s = &o->p->sregs;
	static const uint8_t which[] = { 0, 3, 4 };
	unsigned int n = which[rnd(3)];
	uint64_t value = !n ? s->cr0 ^ cr0[rnd(9)] : n == 4 ? s->cr4 ^ cr4[rnd(15)] : s->cr3 ^ (chance(2) ? 0 : rnd(0x1000));

	if (o->p->mode == M_LONG && n == 3 && chance(2)) {
		put(o, 0xb848, 2);
		put(o, value | 1ull << 63, 8);
	} else {
		if (is16(o->p))
			put(o, 0x66, 1);
		put(o, 0xb8, 1);
		put(o, value, 4);
	}
	put(o, 0x220f, 2);
	put(o, 0xc0 | n << 3, 1);
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

	if (op->map >= MAP_VEX) {
		put_vex(o, op, opcode);
		return;
	}
	if (!strcmp(op->name, "movtocr") && !chance(3)) {
		put_control(o);
		return;
	}
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
		case 't':
			put(o, pick_imm(), o->opsize == 2 ? 2 : 4);
			put(o, (chance(2) ? S_TSS_OTHER : S_TASK_GATE) | rnd(4), 2);
			break;
		case 'T':
			put(o, 0x39, 1);
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

static const struct opcode *pick_opcode(const struct program *p)
{
	static const uint8_t weights[KINDS] = {
		[K_INT] = 40, [K_STACK] = 14, [K_BRANCH] = 6, [K_FAR] = 8, [K_STRING] = 8, [K_PORT] = 4,
		[K_SYSTEM] = 12, [K_X87] = 3, [K_SSE] = 4, [K_AVX] = 4, [K_TASK] = 40, [K_BYTES] = 1,
	};
	static uint16_t of_kind[KINDS][160], n[KINDS];
	unsigned int i, j, left, total = 0, kinds = gen_options.kinds;

	if (!gen_options.has.avx || p->mode <= M_VM86)
		kinds &= ~(1u << K_AVX);
	/* Where in a string an interrupt comes is the processor's affair. */
	if (p->irq || p->nmi)
		kinds &= ~(1u << K_STRING);
	if (!p->task)
		kinds &= ~(1u << K_TASK);
	if (!n[K_INT])
		for (i = 0; i < nr_opcodes; i++) {
			for (j = 0; j < gen_options.skips; j++)
				if (!strcmp(gen_options.skip[j], opcodes[i].name))
					break;
			if (j == gen_options.skips)
				of_kind[opcodes[i].kind][n[opcodes[i].kind]++] = i;
		}
	for (i = 0; i < KINDS; i++)
		if (kinds & 1 << i)
			total += weights[i];
	left = rnd(total);
	for (i = 0; i < KINDS; i++) {
		if (!(kinds & 1 << i))
			continue;
		if (left < weights[i])
			break;
		left -= weights[i];
	}
	return n[i] ? &opcodes[of_kind[i][rnd(n[i])]] : NULL;
}

void gen_code(struct program *p)
{
	unsigned int n = 1 + rnd(5), i;
	struct out o = { .p = p, .at = p->code };

	for (i = 0; i < n; i++) {
		const struct opcode *op = pick_opcode(p);
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
