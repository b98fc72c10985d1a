/* SPDX-License-Identifier: GPL-2.0-only */
/* gen.h - shared by the files of the generator only. */
#ifndef VH_TESTS_DIFFER_GEN_H
#define VH_TESTS_DIFFER_GEN_H

#include "differ.h"

/* Bits of control registers. */
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
#define CR4_UMIP 0x800
#define CR4_LA57 0x1000
#define CR4_FSGSBASE 0x10000
#define CR4_PCIDE 0x20000
#define CR4_OSXSAVE 0x40000
#define CR4_SMEP 0x100000
#define CR4_SMAP 0x200000

static inline bool is16(const struct program *p)
{
	return p->mode <= M_PROT16;
}

/* gen.c: a linear address where something is */
uint64_t pick_linear(const struct program *p);
/* code.c: the program's instructions */
void gen_code(struct program *p);
/* vsib.c: gathers, and AVX-512, behind them */
void gen_vectors(struct program *p);

#endif
