// SPDX-License-Identifier: GPL-2.0-only
/* paging_model.c - see paging_model.h. Section and table numbers are those of SDM Vol. 3. */
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "paging_model.h"

const u32 pm_access[PM_ACCESSES] = {
	RD, WR, EX, RD | USER, WR | USER, EX | USER, RD | IMPL, WR | IMPL,
};

const char * const pm_mode_name[PM_MODES] = {
	"no paging", "32-bit", "32-bit PSE", "PAE", "4-level", "5-level",
};

static bool is_32(enum pm_mode mode)
{
	return mode == PM_32 || mode == PM_32_PSE;
}

int pm_top(enum pm_mode mode)
{
	/* PAE: the PDPTEs are registers, loaded with CR3 (4.4.1) */
	static const int top[PM_MODES] = { 0, 2, 2, 2, 4, 5 };

	return top[mode];
}

bool pm_has_nx(enum pm_mode mode)
{
	return mode >= PM_PAE;
}

bool pm_has_keys(enum pm_mode mode)
{
	return mode >= PM_4;
}

const char *pm_leaf_name(struct pm_shape shape)
{
	if (shape.mode == PM_NONE)
		return "no";
	if (shape.leaf == PM_LARGE)
		return is_32(shape.mode) ? "4M" : "2M";
	return shape.leaf == PM_1G ? "1G" : "4K";
}

const char *pm_access_name(u32 access)
{
	switch (access) {
	case RD: return "supervisor read";
	case WR: return "supervisor write";
	case EX: return "supervisor fetch";
	case RD | USER: return "user read";
	case WR | USER: return "user write";
	case EX | USER: return "user fetch";
	case RD | IMPL: return "implicit supervisor read";
	case WR | IMPL: return "implicit supervisor write";
	}
	return "strange access";
}

/* --- a guest --- */

void pm_set_mode(struct vh_paging *p, enum pm_mode mode)
{
	if (mode != PM_NONE)
		p->cr0 |= CR0_PG;
	if (mode == PM_32_PSE)
		p->cr4 |= CR4_PSE;
	if (mode >= PM_PAE)
		p->cr4 |= CR4_PAE;
	if (mode >= PM_4)
		p->efer |= LMA;
	if (mode == PM_5)
		p->cr4 |= CR4_LA57;
}

u64 pm_table(enum pm_mode mode, int level)
{
	return is_32(mode) ? 0x80000000ULL + level * 0x1000 : 0x380000000ULL + level * 0x7000;
}

u64 pm_canonical(enum pm_mode mode, u64 gva)
{
	if (mode <= PM_PAE)
		return (u32)gva;
	return mode == PM_4 ? (u64)((s64)(gva << 16) >> 16) : (u64)((s64)(gva << 7) >> 7);
}

void pm_build(struct pm_guest *g, struct pm_shape shape, u64 gva, u64 frame)
{
	enum pm_mode mode = shape.mode;
	unsigned int bits = is_32(mode) ? 10 : 9;
	struct pm_memory *m = &g->m;
	int l;

	g->shape = shape;
	g->gva = gva = pm_canonical(mode, gva);
	pm_set_mode(&g->p, mode);
	memset(m, 0, sizeof(*m));
	m->size = is_32(mode) ? 4 : 8;
	for (l = 1; l <= pm_top(mode); l++) {
		u64 index = gva >> (12 + bits * (l - 1)) & ((1u << bits) - 1);

		m->at[l] = pm_table(mode, l) + index * m->size;
		m->entry[l] = pm_table(mode, l - 1) | P | W | U;
	}
	if (mode != PM_NONE) {
		u64 e = frame;

		/* Table 4-4: bits 39:32 of a 4-MByte page's address are in bits 20:13 */
		if (is_32(mode) && shape.leaf == PM_LARGE)
			e = (u32)frame | frame >> 32 << 13;
		m->entry[shape.leaf] = e | P | W | U | (shape.leaf > 1 ? PS : 0);
	}
	if (mode == PM_PAE) {
		memset(g->p.pdptr, 0, sizeof(g->p.pdptr));
		g->p.pdptr[gva >> 30 & 3] = pm_table(mode, 2) | P;
		g->p.cr3 = 0xdead0020;	/* not looked at */
	} else {
		g->p.cr3 = pm_table(mode, pm_top(mode)) | 0x18;
	}
}

static int find(struct pm_memory *m, gpa_t gpa)
{
	int l;

	for (l = 1; l <= 5; l++)
		if (l != m->hole && m->at[l] == gpa)
			return l;
	return 0;
}

int pm_read(void *ctx, gpa_t gpa, void *buf, unsigned int len)
{
	struct pm_memory *m = ctx;
	int l = find(m, gpa);

	if (!l || len != m->size)
		return -ENXIO;
	m->reads++;
	memcpy(buf, &m->entry[l], len);
	return 0;
}

int pm_cas(void *ctx, gpa_t gpa, u64 *old, u64 new, unsigned int len)
{
	struct pm_memory *m = ctx;
	int l = find(m, gpa);

	if (!l || len != m->size || m->readonly)
		return -EFAULT;
	m->exchanges++;
	if (m->races) {
		m->races--;
		m->entry[l] ^= m->race_xor;
		*old = m->entry[l];
		return -EAGAIN;
	}
	if (m->entry[l] != *old) {
		*old = m->entry[l];
		return -EAGAIN;
	}
	m->entry[l] = new;
	return 0;
}

/* --- the model --- */

bool pm_maps(enum pm_mode mode, int level, u64 e, bool gbpages)
{
	switch (level) {
	case 1:
		return true;
	case 2:
		return mode != PM_32 && (e & PS);
	case 3:
		return gbpages && (e & PS);
	}
	return false;
}

/* Is bit @b of an entry reserved? Tables 4-4 to 4-6, 4-9 to 4-11, 4-15 to 4-20. */
static bool bit_reserved(const struct pm_guest *g, int level, bool maps, int b)
{
	enum pm_mode mode = g->shape.mode;

	if (is_32(mode)) {
		/* 4-MByte page: bit 21, and what names address bits past the width */
		if (level == 2 && maps)
			return b == 21 || (b >= 13 && b <= 20 && b - 13 + 32 >= g->p.maxphyaddr);
		return false;
	}
	if (b == 63)
		return !(g->p.efer & NXE);
	if (b >= 52)
		return mode == PM_PAE;
	if (b >= g->p.maxphyaddr)
		return true;
	if (b == 7)
		return level >= 4 || (level == 3 && !g->p.gbpages);
	if (maps && b >= 13)
		return (level == 2 && b <= 20) || (level == 3 && b <= 29);
	return false;
}

static u64 page_size(enum pm_mode mode, int level)
{
	if (is_32(mode))
		return level == 2 ? 4u << 20 : 4096;
	return level == 3 ? 1u << 30 : level == 2 ? 2u << 20 : 4096;
}

static u64 page_address(enum pm_mode mode, int level, u64 e)
{
	u64 a = 0;
	int b, low = 12;

	if (is_32(mode) && level == 2) {
		for (b = 22; b < 32; b++)
			a |= e & BIT_ULL(b);
		for (b = 13; b <= 20; b++)
			if (e & BIT_ULL(b))
				a |= BIT_ULL(b - 13 + 32);
		return a;
	}
	if (level > 1)
		low = level == 3 ? 30 : 21;
	for (b = low; b < 52; b++)
		a |= e & BIT_ULL(b);
	return a;
}

/* 4.1.1 and 4.2 to 4.5: from the linear address to the page. */
void pm_translate(const struct pm_guest *g, struct pm_translation *t)
{
	enum pm_mode mode = g->shape.mode;
	u64 e = 0;
	int l;

	*t = (struct pm_translation){ .user = true, .write = true };
	if (mode == PM_NONE) {
		t->present = t->dirty = true;
		t->gpa = (u32)g->gva;
		t->size = 1ULL << 32;
		return;
	}
	if (mode == PM_PAE && !(g->p.pdptr[g->gva >> 30 & 3] & P))
		return;
	for (l = pm_top(mode); ; l--) {
		bool maps;
		u64 rest;

		e = g->m.entry[l];
		if (!(e & P))
			return;
		maps = pm_maps(mode, l, e, g->p.gbpages);
		for (rest = e; rest; rest &= rest - 1) {
			if (bit_reserved(g, l, maps, __ffs64(rest))) {
				t->present = t->reserved = true;
				return;
			}
		}
		/* 4.6.1: every entry has to allow it */
		t->user = t->user && (e & U);
		t->write = t->write && (e & W);
		t->nx = t->nx || (pm_has_nx(mode) && (e & NX));
		if (maps)
			break;
	}
	t->present = true;
	t->leaf = l;
	t->size = page_size(mode, l);
	t->gpa = page_address(mode, l, e) + (g->gva & (t->size - 1));
	t->global = e & G;
	t->dirty = e & D;
	t->key = pm_has_keys(mode) ? e >> 59 & 15 : 0;
}

/* 4.6.1: may an access with these rights of the translation happen, keys apart? */
static bool allowed(const struct vh_paging *p, u32 access, const struct pm_translation *t)
{
	if (access & USER) {
		if (!t->user)
			return false;
		if (access & EX)
			return !t->nx;
		if (access & WR)
			return t->write;
		return true;
	}
	if (access & EX) {
		if (t->user && (p->cr4 & CR4_SMEP))
			return false;
		return !t->nx;
	}
	if (t->user && (p->cr4 & CR4_SMAP)) {
		if (access & IMPL)
			return false;
		if (!(p->rflags & AC))
			return false;
	}
	if ((access & WR) && (p->cr0 & CR0_WP))
		return t->write;
	return true;
}

/* 4.6.2, and the PK flag of 4.7, which does not ask what else forbids the access. */
static bool key_violation(const struct vh_paging *p, u32 access, const struct pm_translation *t)
{
	bool ad = p->pkru & (1u << (2 * t->key)), wd = p->pkru & (2u << (2 * t->key));

	if (!(p->efer & LMA) || !(p->cr4 & CR4_PKE) || (access & EX) || !t->user)
		return false;
	if (ad)
		return true;
	return wd && (access & WR) && ((p->cr0 & CR0_WP) || (access & USER));
}

int pm_check(const struct pm_guest *g, const struct pm_translation *t, u32 access, u32 *code)
{
	const struct vh_paging *p = &g->p;
	bool key;

	*code = 0;
	if (g->shape.mode == PM_NONE)
		return 0;
	if (t->present && !t->reserved) {
		key = key_violation(p, access, t);
		if (!key && allowed(p, access, t))
			return 0;
		*code = key ? BIT(0) | BIT(5) : BIT(0);
	} else if (t->reserved) {
		*code = BIT(0) | BIT(3);
	}
	/* 4.7: what was tried; the I/D flag only where fetches can be told apart */
	if (access & WR)
		*code |= BIT(1);
	if (access & USER)
		*code |= BIT(2);
	if ((access & EX) && ((p->cr4 & CR4_SMEP) || ((p->cr4 & CR4_PAE) && (p->efer & NXE))))
		*code |= BIT(4);
	return -EFAULT;
}

/* --- reports --- */

const char *pm_describe(const struct pm_guest *g, char *buf, size_t size)
{
	const struct vh_paging *p = &g->p;
	int l, n;

	n = scnprintf(buf, size, "%s, %s leaf, gva %#llx, WP=%d SMEP=%d SMAP=%d PKE=%d NXE=%d AC=%d, "
		      "PKRU %#x, width %u, 1G pages %d, entries", pm_mode_name[g->shape.mode],
		      pm_leaf_name(g->shape), g->gva, !!(p->cr0 & CR0_WP), !!(p->cr4 & CR4_SMEP),
		      !!(p->cr4 & CR4_SMAP), !!(p->cr4 & CR4_PKE), !!(p->efer & NXE),
		      !!(p->rflags & AC), p->pkru, p->maxphyaddr, p->gbpages);
	if (g->shape.mode == PM_PAE)
		n += scnprintf(buf + n, size - n, " %#llx", p->pdptr[g->gva >> 30 & 3]);
	for (l = pm_top(g->shape.mode); l >= 1; l--)
		n += scnprintf(buf + n, size - n, " %#llx", g->m.entry[l]);
	return buf;
}

void pm_tally_end(const struct pm_tally *tally, u64 *sum)
{
	KUNIT_EXPECT_EQ_MSG(tally->test, 0U, tally->wrong, "%u of %u combinations are wrong",
			    tally->wrong, tally->tried);
	KUNIT_EXPECT_GT(tally->test, tally->tried, 0U);
	*sum += tally->tried;
	cond_resched();
}
