// SPDX-License-Identifier: GPL-2.0-only
/*
 * flush.c - invalidation by every means there is, and control registers.
 *
 * What each is sure to invalidate: SDM Vol. 3, 4.10.4.1.
 */
#include "guest.h"

void load_pdptrs(struct cpu *c)
{
	ul root = c->root[c->ctx_root[c->ctx]];
	int i;

	if (MODE != MODE_PAE3)
		return;
	for (i = 0; i < 4; i++) {
		u64 e = entry_read(root + i * 8);

		if (e != c->pdptr[i])
			c->stale_n[0] |= REGION0;
		c->pdptr[i] = e;
	}
}

/* Some processors load PDPTEs with any MOV to CR0 or CR4: let there be nothing new. */
static void no_new_pdptes(struct cpu *c)
{
	ul root = c->root[c->ctx_root[c->ctx]];
	int i;

	for (i = 0; MODE == MODE_PAE3 && i < 4; i++) {
		if (entry_read(root + i * 8) != c->pdptr[i]) {
			cr3_load(c, 0, c->ctx_root[0], false);
			break;
		}
	}
}

static void set_cr0(struct cpu *c, u64 v)
{
	no_new_pdptes(c);
	c->cr0 = v;
	note(c, C_wp, v, 0, 0);
	__asm__ __volatile__("mov %0, %%cr0" : : "r" ((ul)v) : "memory");
}

static void set_cr4(struct cpu *c, u64 v)
{
	if ((c->cr4 ^ v) & (CR4_PGE | CR4_PSE | CR4_SMEP))
		load_pdptrs(c);
	else
		no_new_pdptes(c);
	c->cr4 = v;
	note(c, C_pge, v, 0, 0);
	__asm__ __volatile__("mov %0, %%cr4" : : "r" ((ul)v) : "memory");
}

static void set_cr3(u64 v)
{
	__asm__ __volatile__("mov %0, %%cr3" : : "r" ((ul)v) : "memory");
}

void invlpg_at(ul va)
{
	__asm__ __volatile__("invlpg (%0)" : : "r" (va) : "memory");
}

static void invpcid(ul type, u64 pcid, u64 va)
{
	struct { u64 pcid, va; } d = { pcid, va };

	__asm__ __volatile__("invpcid %0, %1" : : "m" (d), "r" (type) : "memory");
}

static bool pcids(const struct cpu *c)
{
	return c->cr4 & CR4_PCIDE;
}

/* Take up @root with PCID @ctx, keeping that PCID's translations if they are the root's. */
void cr3_load(struct cpu *c, int ctx, int root, bool keep)
{
	u64 v;

	if (!pcids(c))
		ctx = 0;
	keep = keep && pcids(c) && c->ctx_root[ctx] == root;
	v = c->root[root] | ctx;
	if (ctx != c->ctx)
		count(c, switch_pcid);
	if (root != c->ctx_root[c->ctx])
		count(c, switch_root);
	c->ctx = ctx;
	c->ctx_root[ctx] = root;
	load_pdptrs(c);
	if (keep) {
		v |= BIT(63);
		count(c, noflush);
	} else {
		c->stale_n[ctx] = 0;
	}
	set_cr3(v);
	note(c, C_mov_cr3, v, 0, 0);
	count(c, mov_cr3);
}

static void all_exact(struct cpu *c)
{
	int i;

	for (i = 0; i < NR_CTX; i++)
		c->stale_n[i] = 0;
	c->stale_g = 0;
}

void flush_all(struct cpu *c)
{
	if ((c->has & F_INVPCID) && one_in(c, 2)) {
		invpcid(2, 0, 0);
	} else if (c->has & F_PGE) {
		set_cr4(c, c->cr4 ^ CR4_PGE);
		set_cr4(c, c->cr4 ^ CR4_PGE);
	} else {
		cr3_load(c, c->ctx, c->ctx_root[c->ctx], false);
	}
	all_exact(c);
	note(c, C_flush_all, 0, 0, 0);
	count(c, flush_all);
	recycle(c);
}

void invlpg(struct cpu *c, int k)
{
	invlpg_at(c->vas[k] + pick(c, 4096));
	c->stale_n[c->ctx] &= ~BIT(k);
	c->stale_g &= ~BIT(k);
	note(c, C_invlpg, c->vas[k], 0, 0);
	count(c, invlpg);
}

static void invpcid_some(struct cpu *c, int k)
{
	int type = pick(c, 4), ctx = pcids(c) ? pick(c, NR_CTX) : 0, i;

	if (!(c->has & F_INVPCID)) {
		invlpg(c, k);
		return;
	}
	if (type < 2 && one_in(c, 2))
		ctx = c->ctx;
	invpcid(type, type < 2 ? ctx : 0, type ? 0 : c->vas[k] + pick(c, 4096));
	note(c, C_invpcid_addr, type, ctx, c->vas[k]);
	switch (type) {
	case 0:
		c->stale_n[ctx] &= ~BIT(k);
		count(c, invpcid_addr);
		break;
	case 1:
		c->stale_n[ctx] = 0;
		count(c, invpcid_one);
		break;
	case 2:
		all_exact(c);
		count(c, invpcid_all);
		recycle(c);
		break;
	case 3:
		for (i = 0; i < NR_CTX; i++)
			c->stale_n[i] = 0;
		count(c, invpcid_local);
	}
}

/* After a change of what translates @k. */
void invalidate(struct cpu *c, int k)
{
	u32 r = pick(c, 16);

	if (r < 7)
		invlpg(c, k);
	else if (r < 9)
		cr3_load(c, c->ctx, c->ctx_root[c->ctx], false);
	else if (r < 12)
		cr3_load(c, pick(c, NR_CTX), pick(c, NR_ROOTS), one_in(c, 2));
	else if (r < 14)
		invpcid_some(c, k);
	else if (r < 15)
		flush_all(c);
}

static void toggle_nxe(struct cpu *c)
{
	if (!(c->has & F_NX) || MODE == MODE_2LEVEL)
		return;
	c->efer ^= EFER_NXE;
	__asm__ __volatile__("wrmsr" : : "c" (0xc0000080), "a" ((u32)c->efer),
			     "d" ((u32)(c->efer >> 32)) : "memory");
	flush_all(c);
	count(c, nxe);
}

static void toggle_pcide(struct cpu *c)
{
	if (!(c->has & F_PCID))
		return;
	/* CR3[11:0] is 0 before and after. */
	cr3_load(c, 0, c->ctx_root[c->ctx], false);
	set_cr4(c, c->cr4 ^ CR4_PCIDE);
	count(c, pcide);
	if (!pcids(c)) {
		all_exact(c);
		recycle(c);
	}
}

static void toggle_cr4(struct cpu *c, u32 f, u64 bit)
{
	if (c->has & f)
		set_cr4(c, c->cr4 ^ bit);
}

static void new_pkru(struct cpu *c)
{
	if (!(c->cr4 & CR4_PKE))
		return;
	c->pkru = (rnd(c) & rnd(c)) & ~3u;	/* key 0 is the shared pages' */
	__asm__ __volatile__("wrpkru" : : "a" (c->pkru), "c" (0), "d" (0) : "memory");
	count(c, pkru);
}

/* Change how tables are read. */
void toggle(struct cpu *c)
{
	switch (pick(c, 16)) {
	case 0 ... 4:
		if (board->tame && (c->cr4 & (CR4_SMAP | CR4_PKE)))
			break;
		set_cr0(c, c->cr0 ^ CR0_WP);
		count(c, wp);
		break;
	case 5:
		if (c->has & F_PGE) {
			toggle_cr4(c, F_PGE, CR4_PGE);
			all_exact(c);
			recycle(c);
			count(c, pge);
		}
		break;
	case 6 ... 7:
		toggle_cr4(c, F_SMEP, CR4_SMEP);
		if (c->has & F_SMEP)
			count(c, smep);
		break;
	case 8 ... 9:
		if (board->tame && !(c->cr0 & CR0_WP))
			break;
		toggle_cr4(c, F_SMAP, CR4_SMAP);
		if (c->has & F_SMAP)
			count(c, smap);
		break;
	case 10:
		if (MODE == MODE_4LEVEL && (c->has & F_PKU) &&
		    !(board->tame && !(c->cr0 & CR0_WP))) {
			toggle_cr4(c, F_PKU, CR4_PKE);
			flush_all(c);
			new_pkru(c);
			count(c, pke);
		}
		break;
	case 11 ... 12:
		new_pkru(c);
		break;
	case 13:
		toggle_nxe(c);
		break;
	case 14:
		if (MODE == MODE_4LEVEL)
			toggle_pcide(c);
		break;
	case 15:
		if (MODE == MODE_2LEVEL && (c->has & F_PSE) && !board->tame) {
			set_cr4(c, c->cr4 ^ CR4_PSE);
			flush_all(c);
			count(c, pse);
		}
	}
}
