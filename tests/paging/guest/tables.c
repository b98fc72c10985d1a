// SPDX-License-Identifier: GPL-2.0-only
/*
 * tables.c - a vCPU's own tables: made at random in its pool, changed at
 * random through one of several mappings, and turned into data again.
 */
#include "guest.h"

#define MAX_TABLES	64
#define INDEX1		5		/* entries of a page table that count */

static const u32 index1_64[INDEX1] = { 0, 1, 7, 8, 511 }, index1_32[INDEX1] = { 0, 1, 7, 8, 1023 };

static u32 index1(int i)
{
	return MODE == MODE_2LEVEL ? index1_32[i] : index1_64[i];
}

/* Of level 2: the ones through which a page of 1 GiB reaches the pool, first. */
static u32 index2(const struct cpu *c, int i)
{
	static const u32 more[] = { 0, 1, 2, 3 };

	if (MODE == MODE_2LEVEL)
		return i;
	return i < 2 ? (c->pool >> 21) + i : more[i - 2];
}

/* The entries of a table at @level that count; level 2 of two-level paging is the root. */
static int indices(int level)
{
	if (level == 1)
		return INDEX1;
	if (level == 2)
		return MODE == MODE_4LEVEL ? 3 : 6;
	return level == 3 ? 2 : 1;
}

static u32 index_of(const struct cpu *c, int level, int i)
{
	return level == 1 ? index1(i) : level == 2 ? index2(c, i) : i ? 511 : 0;
}

static void name_addresses(struct cpu *c)
{
	int k, l3 = MODE == MODE_4LEVEL ? 2 : 1, n = 0, r, i, j;

	for (r = 0; r < 2; r++) {
		for (k = 0; k < l3; k++) {
			for (i = 0; i < indices(2); i++) {
				for (j = 0; j < INDEX1; j++) {
					u64 va = (u64)index1(j) << 12;

					if (MODE == MODE_2LEVEL)
						va |= (256ull * (1 + r) + index2(c, i)) << 22;
					else
						va |= (u64)index2(c, i) << 21;
					if (MODE == MODE_PAE3)
						va |= (1ull + r) << 30;
					if (MODE == MODE_4LEVEL)
						va |= (u64)index_of(c, 3, k) << 30 | (1ull + r) << 39;
					c->vas[n++] = va;
				}
			}
		}
	}
}

/* --- frames --- */

static ul frame(const struct cpu *c, u32 f)
{
	return c->pool + ((ul)f << 12);
}

static void zero(ul at)
{
	ul n = 1024;

	__asm__ __volatile__("rep stosl" : "+D" (at), "+c" (n) : "a" (0) : "memory");
}

static void frame_init(struct cpu *c, u32 f)
{
	u8 *code = (u8 *)frame(c, f) + CODE_AT;
	int i;

	zero(frame(c, f));
	for (i = 0; i < WORDS; i++)
		c->model[f][i] = 0;
	c->kind[f] = KIND_DATA;
	*(volatile ul *)frame(c, f) = tag(c, f);
	code[0] = 0xb8;				/* mov tag, %eax */
	*(u32 *)(code + 1) = tag(c, f);
	code[5] = 0xff;				/* jmp *%rcx */
	code[6] = 0xe1;
}

void verify_frames(struct cpu *c)
{
	u32 f, i;

	for (f = 0; f < FRAMES; f++) {
		const u8 *code = (u8 *)frame(c, f) + CODE_AT;

		for (i = 0; i < WORDS; i++) {
			u32 is = *(volatile u32 *)(frame(c, f) + (WORD0 + i) * sizeof(ul));

			if (is != c->model[f][i])
				fail(c, "a frame has changed", frame(c, f), c->model[f][i], is);
		}
		if (c->kind[f])
			continue;
		if (*(volatile ul *)frame(c, f) != tag(c, f))
			fail(c, "a tag has changed", frame(c, f), tag(c, f),
			     *(volatile ul *)frame(c, f));
		if (*(u32 *)(code + 1) != tag(c, f) || code[0] != 0xb8)
			fail(c, "code has changed", frame(c, f), tag(c, f), *(u32 *)(code + 1));
	}
}

/* 0: there are enough. */
static ul table_new(struct cpu *c, int level, int region)
{
	u32 f = pick(c, FRAMES);
	int i;

	if (c->tables >= MAX_TABLES)
		return 0;
	/* Without CR4.PSE what maps a page of 4 MiB leads to frame 0: never a table. */
	while (c->kind[f] || !f)
		f = (f + 1) % FRAMES;
	c->kind[f] = level | region << 3;
	c->tables++;
	count(c, tables);
	zero(frame(c, f));
	for (i = 0; i < WORDS; i++)
		c->model[f][i] = 0;
	for (i = 0; i < indices(level); i++)
		entry_write(frame(c, f) + index_of(c, level, i) * entry_size(),
			    random_entry(c, level, region));
	return frame(c, f);
}

/* One that is there already, or a new one. */
static ul table_some(struct cpu *c, int level, int region)
{
	u32 f, i;
	ul t = one_in(c, 2) ? table_new(c, level, region) : 0;

	if (t)
		return t;
	f = pick(c, FRAMES);
	for (i = 0; i < FRAMES; i++, f = (f + 1) % FRAMES)
		if ((c->kind[f] & ~KIND_FIXED) == (level | region << 3))
			return frame(c, f);
	return table_new(c, level, region);
}

/* --- entries --- */

static u64 random_flags(struct cpu *c, int level, int region, bool leaf)
{
	u64 e = P_P | P_W | P_U;

	if (one_in(c, 8))
		e &= ~P_P;
	if (one_in(c, leaf ? 3 : 10))
		e &= ~P_W;
	if (one_in(c, leaf ? 3 : 10))
		e &= ~P_U;
	if (one_in(c, 2))
		e |= P_A;
	if (leaf && one_in(c, 2))
		e |= P_D;
	if (leaf && region == 1 && one_in(c, 2))
		e |= P_G;
	if (one_in(c, 4))
		e |= (u64)pick(c, 8) << 9;
	if (MODE == MODE_2LEVEL)
		return e;
	if (one_in(c, c->efer & EFER_NXE ? (leaf ? 4 : 12) : 40))
		e |= P_NX;
	if (MODE == MODE_4LEVEL && leaf && one_in(c, 2))
		e |= (u64)pick(c, 16) << 59;
	if (c->maxphyaddr < 52 && one_in(c, 60))
		e |= BIT(51);
	if (MODE == MODE_4LEVEL && level == 4 && one_in(c, 30))
		e |= P_PS;
	return e;
}

static u64 large_page(struct cpu *c, int level)
{
	if (level == 3)
		return P_PS;
	return P_PS | (c->pool + (MODE == MODE_2LEVEL ? 0 : pick(c, 2) << 21));
}

u64 random_entry(struct cpu *c, int level, int region)
{
	bool leaf = level == 1;
	u64 at = 0;

	if (level == 1)
		at = frame(c, pick(c, FRAMES));
	else if (level == 2 && one_in(c, 4) && (MODE != MODE_2LEVEL || (c->has & F_PSE)))
		at = large_page(c, level);
	else if (level == 3 && one_in(c, 6) && (c->has & F_GB))
		at = large_page(c, level);
	leaf |= !!at;
	if (!at)
		at = table_some(c, level - 1, region);
	if (!at && level == 2 && (MODE != MODE_2LEVEL || (c->has & F_PSE)))
		at = large_page(c, level);
	if (!at)
		return 0;
	return at | random_flags(c, level, region, leaf);
}

/* May the tables have it? A link must lead to a table that is one. */
static bool acceptable(const struct cpu *c, int level, int region, u64 e)
{
	u64 at = e & P_ADDR & ~(BIT(51));
	bool leaf = level == 1 || ((e & P_PS) && (level < 4));

	if (!(e & ~(P_A | P_D)))
		return true;
	if (MODE == MODE_2LEVEL && (e & P_PS))
		return level == 2 && (e & 0xffc00000) == c->pool && !(e & 0x3ff000);
	if (leaf)
		return level == 3 ? !at && (c->has & F_GB) : at - c->pool < POOL_SIZE;
	return at - c->pool < POOL_SIZE &&
	       (c->kind[(at - c->pool) >> 12] & ~KIND_FIXED) == ((level - 1) | region << 3);
}

static u64 tweaked(struct cpu *c, int level, int region, u64 e)
{
	static const u8 bits[] = { 0, 0, 1, 1, 2, 2, 5, 6, 6, 7, 8, 9, 63, 63, 59, 60, 51 };
	u64 bit = BIT(bits[pick(c, sizeof(bits))]);

	if (bit == P_G && region == 0)
		bit = P_W;
	if (bit == P_PS && level == 1)		/* the PAT */
		bit = P_D;
	if (MODE == MODE_2LEVEL && bit > BIT(31))
		bit = P_U;
	if (bit == BIT(51) && c->maxphyaddr >= 52)
		bit = P_A;
	if (bit == P_G && !maps_page(c, level, e))
		bit = P_A;
	return e ^ bit;
}

/* --- writing an entry --- */

/* Where a root's entry that leads to its own table shows the entry of @va; 0: nowhere. */
static u64 self_address(u64 va, int level)
{
	u64 self, i1 = index_at(va, 1), i2 = index_at(va, 2), i3;

	if (MODE == MODE_2LEVEL) {
		self = 1022ull << 22;
		return level == 2 ? self | 1022u << 12 | i2 * 4 : self | i2 << 12 | i1 * 4;
	}
	if (MODE == MODE_PAE3) {
		self = (va & 0xc0000000) | 510u << 21;
		return level == 2 ? self | 510u << 12 | i2 * 8 : self | i2 << 12 | i1 * 8;
	}
	i3 = index_at(va, 3);
	self = 510ull << 39 | 0xffffull << 48;
	switch (level) {
	case 1:
		return self | (u64)index_at(va, 4) << 30 | i3 << 21 | i2 << 12 | i1 * 8;
	case 2:
		return self | 510ull << 30 | (u64)index_at(va, 4) << 21 | i3 << 12 | i2 * 8;
	case 3:
		return self | 510ull << 30 | 510u << 21 | (u64)index_at(va, 4) << 12 | i3 * 8;
	}
	return self | 510ull << 30 | 510u << 21 | 510u << 12 | index_at(va, 4) * 8;
}

static void write_somehow(struct cpu *c, ul at, u64 e, u64 va, int level)
{
	struct path p;
	u64 self;

	switch (pick(c, 4)) {
	case 1:
		*c->window_pte = (at & ~0xffful) | P_P | P_W | P_A | P_D;
		invlpg_at(WINDOW);
		entry_write(WINDOW | (at & 0xfff), e);
		count(c, via_window);
		break;
	case 2:
		if (at - c->pool >= POOL_SIZE)
			goto identity;
		entry_write(ALIAS + (at - c->pool), e);
		count(c, via_alias);
		break;
	case 3:
		self = self_address(va, level);
		walk(c, self, ACC_WRITE, &p);
		if (!p.ok || p.pa != at)
			goto identity;
		invlpg_at(self);
		entry_write(self, e);
		count(c, via_self);
		break;
	default:
identity:
		entry_write(at, e);
		count(c, via_identity);
	}
	if ((entry_read(at) ^ e) & ~(P_A | P_D))
		fail(c, "an entry just written", at, e, entry_read(at));
}

/* Every address that an entry with this index may translate is stale now, in every context. */
static void mark_stale(struct cpu *c, u64 va, int level)
{
	u64 map = 0;
	int k, ctx, region = 0;

	for (k = 0; k < NR_VAS; k++)
		if (c->vas[k] == va)
			region = k / REGION_VAS;
	for (k = region * REGION_VAS; k < (region + 1) * REGION_VAS; k++)
		if (index_at(c->vas[k], level) == index_at(va, level))
			map |= BIT(k);
	for (ctx = 0; ctx < NR_CTX; ctx++)
		c->stale_n[ctx] |= map;
	if (region == 1 && (c->cr4 & CR4_PGE))
		c->stale_g |= map;
}

/* Change one entry of those that translate address @k under the root in use. */
void modify(struct cpu *c, int k)
{
	int level = top_level(), region = k / REGION_VAS, i;
	u32 r = pick(c, 100), want = r < 55 ? 1 : r < 82 ? 2 : r < 94 ? 3 : 4;
	ul table = c->root[c->ctx_root[c->ctx]], at;
	u64 va = c->vas[k], e, new;

	/* The same in all roots: the top of region 1, and PDPTEs. */
	if (MODE == MODE_PAE3 || (MODE == MODE_4LEVEL && region == 1)) {
		e = MODE == MODE_PAE3 ? c->pdptr[index_at(va, 3)] :
		    entry_read(table + index_at(va, level) * entry_size());
		if (!(e & P_P))
			return;
		table = e & P_ADDR;
		level--;
	}
	for (;; level--) {
		at = table + index_at(va, level) * entry_size();
		e = entry_read(at);
		/* Frame 0 is no table to be changed, though it is read as one without CR4.PSE. */
		if (level <= (int)want || !(e & P_P) || maps_page(c, level, e) ||
		    (e & reserved_of(c, level, e)) || (MODE == MODE_2LEVEL && (e & P_PS)))
			break;
		table = e & P_ADDR;
	}
	new = one_in(c, 2) ? random_entry(c, level, region) : tweaked(c, level, region, e);
	if (!acceptable(c, level, region, new))
		new = random_entry(c, level, region);
	if (level == 1)
		count(c, mod_l1);
	else if (level == 2)
		count(c, mod_l2);
	else if (level == 3)
		count(c, mod_l3);
	else
		count(c, mod_l4);
	if (level > 1 && (new & P_P)) {
		bool was = (e & P_P) && maps_page(c, level, e), is = maps_page(c, level, new);

		if (is)
			count(c, large);
		if ((e & P_P) && was && !is)
			count(c, split);
		if ((e & P_P) && !was && is)
			count(c, merge);
	}
	mark_stale(c, va, level);
	note(c, C_mod_l1 + level - 1, va, at, new);
	write_somehow(c, at, new, va, level);
	/* What all roots share is one table, but for the root itself. */
	for (i = 0; MODE == MODE_2LEVEL && level == 2 && region == 1 && i < NR_ROOTS; i++)
		entry_write(c->root[i] + index_at(va, 2) * 4, new);
}

/* A PDPTE of a root in memory, which counts when it is loaded. */
void modify_pdpte(struct cpu *c)
{
	int root = pick(c, NR_ROOTS);
	u32 f;
	u64 e = 0;

	if (MODE != MODE_PAE3)
		return;
	if (one_in(c, 2))
		root = c->ctx_root[0];
	f = pick(c, FRAMES);
	while (c->kind[f] != (2 | KIND_FIXED))
		f = (f + 1) % FRAMES;
	if (!one_in(c, 6))
		e = frame(c, f) | P_P;
	entry_write(c->root[root] + 8, e);
	note(c, C_pdpte, root, e, 0);
	count(c, pdpte);
	if (one_in(c, 2))
		cr3_load(c, 0, c->ctx_root[0], false);
}

/* --- tables become data --- */

static void mark(struct cpu *c, ul table, int level, int region)
{
	int i;

	if (table - c->pool < POOL_SIZE) {
		if (c->marked[(table - c->pool) >> 12])
			return;
		c->marked[(table - c->pool) >> 12] = 1;
	}
	for (i = 0; i < indices(level); i++) {
		u32 index = index_of(c, level, i);
		u64 e;

		if (MODE == MODE_2LEVEL && level == 2)
			index += 256 * (1 + region);
		e = entry_read(table + index * entry_size());
		/* Not present or reserved, it may become a link again by one bit. */
		if (level > 1 && (e & P_ADDR) && acceptable(c, level, region, e | P_P) &&
		    !((e & P_PS) && level < 4))
			mark(c, e & P_ADDR & ~BIT(51), level - 1, region);
	}
}

/* All translations have just been flushed: what no root leads to is data from now on. */
void recycle(struct cpu *c)
{
	u32 f;
	int i, r;

	for (f = 0; f < FRAMES; f++)
		c->marked[f] = 0;
	for (i = 0; i < NR_ROOTS; i++) {
		for (r = 0; r < 2; r++) {
			u64 e;

			if (MODE == MODE_2LEVEL)
				mark(c, c->root[i], 2, r);
			if (MODE != MODE_4LEVEL)
				continue;
			e = entry_read(c->root[i] + (1 + r) * 8);
			if ((e & P_ADDR) && acceptable(c, 4, r, e | P_P))
				mark(c, e & P_ADDR & ~BIT(51), 3, r);
		}
	}
	/* What PDPTEs may lead to. */
	for (f = 0; f < FRAMES; f++)
		if (MODE == MODE_PAE3 && (c->kind[f] & KIND_FIXED))
			mark(c, frame(c, f), 2, c->kind[f] >> 3 & 1);
	for (f = 0; f < FRAMES; f++) {
		if (!c->kind[f] || c->marked[f] || (c->kind[f] & KIND_FIXED))
			continue;
		frame_init(c, f);
		c->tables--;
		count(c, recycled);
	}
}

/* --- what stays --- */

static ul bump(struct cpu *c)
{
	ul at = KERNEL_TABLES + c->id * 0x40000ul + (ul)c->round++ * 4096;

	zero(at);
	return at;
}

static ul small_pages(struct cpu *c, u64 first)
{
	ul t = bump(c), i, n = 4096 / entry_size();

	for (i = 0; i < n; i++)
		entry_write(t + i * entry_size(), (first + i * 4096) | P_P | P_W);
	return t;
}

static ul misc_pages(struct cpu *c)
{
	ul t = bump(c);

	entry_write(t, (ul)stubs | P_P | P_U);
	entry_write(t + entry_size(), 0);
	c->window_pte = (void *)(t + entry_size());
	return t;
}

static ul fixed_table(struct cpu *c, int level, int region)
{
	ul t = table_new(c, level, region);

	c->kind[(t - c->pool) >> 12] |= KIND_FIXED;
	return t;
}

static void build_2level(struct cpu *c)
{
	ul misc = misc_pages(c), alias = small_pages(c, c->pool), id[RAM >> 22], i, j, r;

	for (i = 0; i < RAM >> 22; i++)
		id[i] = small_pages(c, (u64)i << 22);
	for (r = 0; r < NR_ROOTS; r++) {
		ul t = c->root[r] = bump(c);

		for (i = 0; i < RAM >> 22; i++)
			entry_write(t + i * 4, id[i] | P_P | P_W);
		entry_write(t + (USER_STUBS >> 22) * 4, misc | P_P | P_W | P_U);
		entry_write(t + (ALIAS >> 22) * 4, alias | P_P | P_W);
		for (i = 0; i < 2; i++)
			entry_write(t + (768 + i) * 4, shared_pt(i) | P_P | P_W | P_U);
		entry_write(t + 1022 * 4, t | P_P | P_W);
	}
	for (j = 0; j < 6; j++) {
		u64 e = random_entry(c, 2, 1);

		for (r = 0; r < NR_ROOTS; r++) {
			entry_write(c->root[r] + (256 + j) * 4, random_entry(c, 2, 0));
			entry_write(c->root[r] + (512 + j) * 4, e);
		}
	}
}

static void build_8(struct cpu *c)
{
	ul misc = misc_pages(c), pd = bump(c), pdpt = 0, i, r, same;
	u64 g = one_in(c, 2) ? P_G : 0;

	for (i = 0; i < RAM >> 21; i++)
		entry_write(pd + i * 8, (u64)i << 21 | P_P | P_W | P_PS | g);
	entry_write(pd + (USER_STUBS >> 21) * 8, misc | P_P | P_W | P_U);
	for (i = 0; i < 2; i++)
		entry_write(pd + ((ALIAS >> 21) + i) * 8,
			    small_pages(c, c->pool + (i << 21)) | P_P | P_W);
	if (MODE == MODE_4LEVEL) {
		pdpt = bump(c);
		entry_write(pdpt, pd | P_P | P_W | P_U);
	}
	same = fixed_table(c, top_level() - 1, 1);
	for (r = 0; r < NR_ROOTS; r++) {
		ul t = c->root[r] = bump(c);

		if (MODE == MODE_4LEVEL) {
			entry_write(t, pdpt | P_P | P_W | P_U);
			entry_write(t + 8, random_entry(c, 4, 0));
			entry_write(t + 16, same | P_P | P_W | P_U);
			entry_write(t + 24, shared_table() | P_P | P_W | P_U);
			entry_write(t + 510 * 8, t | P_P | P_W);
		} else {
			ul own = fixed_table(c, 2, 0);

			entry_write(t, pd | P_P);
			entry_write(t + 8, own | P_P);
			entry_write(t + 16, same | P_P);
			entry_write(t + 24, shared_table() | P_P);
			entry_write(own + 510 * 8, own | P_P | P_W);
			entry_write(same + 510 * 8, same | P_P | P_W);
		}
	}
}

void build(struct cpu *c)
{
	u32 f;

	c->pool = POOLS + c->id * (ul)POOL_SIZE;
	name_addresses(c);
	for (f = 0; f < FRAMES; f++)
		frame_init(c, f);
	if (MODE == MODE_2LEVEL)
		build_2level(c);
	else
		build_8(c);
	c->round = 0;
}
