// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest page-table walker (kmod/mmu/walk.c) against the model of paging_model.c.
 *
 * For each mode and size of page: every right at every level under every setting,
 * every order of faults, every bit of every entry, protection keys, accessed and
 * dirty bits, addresses. Beside them cases whose answers are written by hand, tables
 * that change under the walk, and tables and settings at random.
 */
#include <linux/errno.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "paging_model.h"

#define FRAME	0x40000000ULL	/* a page of any size, below 4 GiB */
#define GVA		0x05a5a5a5a5a5a5a5ULL

static u64 walks;

/* --- shapes: what most cases are repeated for --- */

static const struct pm_shape shapes[] = {
	{ PM_NONE, 0 },
	{ PM_32, PM_4K },
	{ PM_32_PSE, PM_4K }, { PM_32_PSE, PM_LARGE },
	{ PM_PAE, PM_4K }, { PM_PAE, PM_LARGE },
	{ PM_4, PM_4K }, { PM_4, PM_LARGE }, { PM_4, PM_1G },
	{ PM_5, PM_4K }, { PM_5, PM_LARGE }, { PM_5, PM_1G },
};

static void shape_desc(const struct pm_shape *s, char *desc)
{
	if (s->mode == PM_NONE)
		snprintf(desc, KUNIT_PARAM_DESC_SIZE, "no paging");
	else
		snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s, %s leaf", pm_mode_name[s->mode],
			 pm_leaf_name(*s));
}
KUNIT_ARRAY_PARAM(shape, shapes, shape_desc);

static const enum pm_mode modes[] = { PM_32, PM_32_PSE, PM_PAE, PM_4, PM_5 };

static void mode_desc(const enum pm_mode *mode, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s", pm_mode_name[*mode]);
}
KUNIT_ARRAY_PARAM(mode, modes, mode_desc);

static struct pm_guest *new_guest(struct kunit *test, struct pm_shape shape)
{
	struct pm_guest *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, g);
	g->p.maxphyaddr = 40;
	g->p.gbpages = true;
	pm_build(g, shape, GVA, FRAME);
	return g;
}

/* --- settings by number --- */

#define S_WP	BIT(0)
#define S_SMEP	BIT(1)
#define S_SMAP	BIT(2)
#define S_AC	BIT(3)
#define S_NXE	BIT(4)
#define SETTINGS	32
#define S_PKE	BIT(5)

static void set(struct pm_guest *g, unsigned int s)
{
	struct vh_paging *p = &g->p;

	p->cr0 = s & S_WP ? CR0_WP : 0;
	p->cr4 = (s & S_SMEP ? CR4_SMEP : 0) | (s & S_SMAP ? CR4_SMAP : 0) |
		 (s & S_PKE ? CR4_PKE : 0);
	p->efer = s & S_NXE ? NXE : 0;
	p->rflags = s & S_AC ? AC : 0;
	pm_set_mode(p, g->shape.mode);
	/* what has no meaning in the mode */
	if (g->shape.mode >= PM_PAE)
		p->cr4 |= CR4_PSE;
	if (g->shape.mode <= PM_PAE)
		p->cr4 |= CR4_LA57 | CR4_PKE;
}

/* --- one walk, and what the model says of it --- */

static int walk(struct pm_guest *g, u32 access, bool set_ad, struct vh_walk *w)
{
	const struct vh_walk_mem mem = { pm_read, pm_cas, &g->m };

	memset(w, 0x5a, sizeof(*w));
	return vh_walk_paging(&g->p, &mem, g->gva, access, set_ad, w);
}

static bool same_result(const struct pm_guest *g, const struct pm_translation *t, u32 access,
			bool set_ad, const struct vh_walk *w)
{
	int top = pm_top(g->shape.mode), l;

	if (w->gpa != t->gpa || w->page_size != t->size || w->writable != t->write ||
	    w->user != t->user || w->nx != t->nx || w->global != t->global ||
	    w->pkey != t->key || w->error_code)
		return false;
	if (w->dirty != (t->dirty || (set_ad && (access & WR))))
		return false;
	if (w->steps != (top ? top - t->leaf + 1 : 0))
		return false;
	for (l = top; top && l >= t->leaf; l--) {
		const struct vh_walk_step *s = &w->step[top - l];

		if (s->at != g->m.at[l] || s->entry != g->m.entry[l])
			return false;
	}
	return true;
}

/*
 * Walk, and compare everything: result, error code, and the accessed and dirty
 * bits (4.8), which are set for a translation that is used and for no other.
 * The entries are put back.
 */
static void try(struct pm_tally *tally, struct pm_guest *g, const struct pm_translation *t,
		u32 access, bool set_ad)
{
	u64 before[6], want[6];
	struct vh_walk w;
	u32 code;
	int ret, l, model = pm_check(g, t, access, &code);
	bool good;

	memcpy(before, g->m.entry, sizeof(before));
	memcpy(want, g->m.entry, sizeof(want));
	if (set_ad && !model) {
		for (l = pm_top(g->shape.mode); l >= 1 && l >= t->leaf; l--)
			want[l] |= A;
		if (access & WR)
			want[t->leaf] |= D;
		if (g->shape.mode == PM_NONE)
			memcpy(want, before, sizeof(want));
	}
	ret = walk(g, access, set_ad, &w);
	good = ret == model && !memcmp(g->m.entry, want, sizeof(want)) &&
	       (ret ? w.error_code == code && !w.gpa && !w.steps :
		      same_result(g, t, access, set_ad, &w));
	tally->tried++;
	if (!good) {
		char buf[384];

		pm_describe(g, buf, sizeof(buf));
		pm_wrong(tally, "%s%s: %s; walker %d, code %#x, gpa %#llx; model %d, code %#x, gpa %#llx",
			 pm_access_name(access), set_ad ? ", sets A and D" : "", buf, ret,
			 w.error_code, w.gpa, model, code, t->gpa);
	}
	memcpy(g->m.entry, before, sizeof(before));
}

static void try_all(struct pm_tally *tally, struct pm_guest *g)
{
	struct pm_translation t;
	int i;

	pm_translate(g, &t);
	for (i = 0; i < PM_ACCESSES; i++)
		try(tally, g, &t, pm_access[i], true);
}

/* --- rights: W, U and NX at every level, under every setting --- */

/* The rights that an entry does not give, by number. */
#define R_NO_W	BIT(0)
#define R_NO_U	BIT(1)
#define R_NX	BIT(2)

static u64 rights(u64 e, unsigned int r)
{
	return (e & ~(W | U | NX)) | (r & R_NO_W ? 0 : W) | (r & R_NO_U ? 0 : U) |
	       (r & R_NX ? NX : 0);
}

/*
 * All tables under all settings; where there are four or five entries to pass,
 * tables in which more than two of them deny something are walked with all
 * protection only. There too some access shows which rights are left.
 */
static void test_rights(struct kunit *test)
{
	const struct pm_shape *shape = test->param_value;
	struct pm_guest *g = new_guest(test, *shape);
	int top = pm_top(shape->mode), levels = top ? top - shape->leaf + 1 : 0;
	struct pm_tally tally = { test };
	unsigned int n, s, bits = pm_has_nx(shape->mode) ? 3 : 2;

	for (n = 0; n < 1u << (bits * levels); n++) {
		unsigned int all = 0, deny = 0, r, i;

		for (i = 0; i < levels; i++) {
			r = n >> (bits * i) & ((1u << bits) - 1);
			g->m.entry[top - i] = rights(g->m.entry[top - i], r);
			all |= r;
			deny += !!r;
		}
		for (s = 0; s < SETTINGS; s++) {
			if ((all & R_NX) && !(s & S_NXE))
				continue;	/* reserved: see test_faults() */
			if (levels > 3 && deny > 2 && s != (S_WP | S_SMEP | S_SMAP | S_NXE))
				continue;
			set(g, s);
			try_all(&tally, g);
		}
		cond_resched();
	}
	pm_tally_end(&tally, &walks);
}

/* --- faults: each of them at each level, alone and above each other --- */

enum fault { FINE, EMPTY, ABSENT, RESERVED, NO_RIGHT, FAULTS };

/* A bit that is reserved in an entry of this level; 0: there is none. */
static u64 some_reserved(const struct pm_guest *g, int level)
{
	if (g->shape.mode >= PM_PAE)
		return BIT_ULL(51);
	return g->shape.mode == PM_32_PSE && level == 2 && g->shape.leaf == 2 ? BIT_ULL(21) : 0;
}

static u64 faulty(const struct pm_guest *g, int level, u64 e, enum fault fault)
{
	switch (fault) {
	case EMPTY:
		return 0;
	case ABSENT:		/* of an entry that is not present no bit counts */
		return (g->m.size == 4 ? U32_MAX : U64_MAX) & ~P;
	case RESERVED:
		return e | some_reserved(g, level);
	case NO_RIGHT:
		return e & ~(W | U);
	default:
		return e;
	}
}

static void test_faults(struct kunit *test)
{
	static const u8 settings[] = {
		0, S_SMEP, S_NXE, S_SMEP | S_NXE, S_WP | S_SMEP | S_SMAP,
		S_WP | S_SMEP | S_SMAP | S_NXE,
	};
	const struct pm_shape *shape = test->param_value;
	struct pm_guest *g = new_guest(test, *shape);
	struct pm_tally tally = { test };
	int i, s, upper, lower, top = pm_top(shape->mode);
	enum fault fu, fl;
	u64 good[6];

	memcpy(good, g->m.entry, sizeof(good));
	for (s = 0; s < ARRAY_SIZE(settings); s++)
	for (upper = top; upper >= shape->leaf; upper--)
	for (lower = upper; lower >= shape->leaf; lower--)
	for (fu = FINE; fu < FAULTS; fu++)
	for (fl = FINE; fl < FAULTS; fl++)
	for (i = 0; i < 2; i++) {	/* NX in an entry between; reserved without NXE */
		if (i && !pm_has_nx(shape->mode))
			continue;
		memcpy(g->m.entry, good, sizeof(good));
		set(g, settings[s]);
		if (i)
			g->m.entry[(upper + lower) / 2] |= NX;
		g->m.entry[lower] = faulty(g, lower, g->m.entry[lower], fl);
		g->m.entry[upper] = faulty(g, upper, g->m.entry[upper], fu);
		try_all(&tally, g);
		if (shape->mode == PM_PAE) {
			struct vh_paging p = g->p;

			memset(g->p.pdptr, 0xfe, sizeof(g->p.pdptr));	/* P is 0 */
			try_all(&tally, g);
			g->p = p;
		}
		cond_resched();
	}
	pm_tally_end(&tally, &walks);
}

/* --- each bit of each entry, alone --- */

static void test_bits(struct kunit *test)
{
	static const u8 widths[] = { 32, 36, 39, 40, 46, 52 };
	static const u32 accesses[] = { RD, WR | USER, EX | USER };
	const struct pm_shape *shape = test->param_value;
	struct pm_guest *g = new_guest(test, *shape);
	struct pm_tally tally = { test };
	struct pm_translation t;
	int wi, gb, s, l, b, i;

	for (wi = 0; wi < ARRAY_SIZE(widths); wi++)
	for (gb = 0; gb < 2; gb++)
	for (s = 0; s < 2; s++)
	for (l = shape->leaf; l <= pm_top(shape->mode); l++)
	for (b = 0; b < g->m.size * 8; b++) {
		u64 good = g->m.entry[l];

		if (widths[wi] < 36 && shape->mode > PM_32_PSE)
			continue;	/* the tables lie above 4 GiB */
		if (b >= 12 && l > shape->leaf && b < widths[wi] && b < 52)
			continue;	/* leads to no table: see test_memory() */
		if (b == 7 && l == shape->leaf && l > 1)
			continue;	/* the same */
		set(g, s ? S_WP | S_SMEP | S_SMAP | S_AC | S_NXE : S_WP);
		g->p.maxphyaddr = widths[wi];
		g->p.gbpages = gb;
		g->m.entry[l] ^= BIT_ULL(b);
		pm_translate(g, &t);
		for (i = 0; i < ARRAY_SIZE(accesses); i++)
			try(&tally, g, &t, accesses[i], b & 1);
		g->m.entry[l] = good;
		cond_resched();
	}
	if (shape->mode != PM_NONE)
		pm_tally_end(&tally, &walks);
}

/* --- protection keys: each key, each right of PKRU, each right of the page --- */

static void test_keys(struct kunit *test)
{
	const struct pm_shape *shape = test->param_value;
	struct pm_guest *g = new_guest(test, *shape);
	struct pm_tally tally = { test };
	unsigned int key, deny, s, r, others;

	for (key = 0; key < (pm_has_keys(shape->mode) ? 16 : 1); key++)
	for (deny = 0; deny < 4; deny++)		/* AD and WD of this key */
	for (others = 0; others < 2; others++)		/* and of the others */
	for (r = 0; r < 4; r++)
	for (s = 0; s < 8; s++) {
		set(g, (s & 1 ? S_WP : 0) | (s & 2 ? S_PKE : 0) |
		       (s & 4 ? S_SMAP : S_AC) | S_NXE);
		g->p.pkru = (others ? U32_MAX : 0) & ~(3u << (2 * key));
		g->p.pkru |= deny << (2 * key);
		if (pm_top(shape->mode)) {
			g->m.entry[shape->leaf] &= ~(15ULL << 59);
			g->m.entry[shape->leaf] = rights(g->m.entry[shape->leaf], r) |
						  (u64)key << 59;
		}
		/* the keys of the entries above mean nothing */
		if (pm_has_keys(shape->mode))
			g->m.entry[pm_top(shape->mode)] |= (~(u64)key & 15) << 59;
		try_all(&tally, g);
		if (pm_has_keys(shape->mode))
			g->m.entry[pm_top(shape->mode)] &= ~(15ULL << 59);
		cond_resched();
	}
	pm_tally_end(&tally, &walks);
}

/* --- accessed and dirty bits: each combination that may be there before --- */

static void test_accessed_dirty(struct kunit *test)
{
	const struct pm_shape *shape = test->param_value;
	struct pm_guest *g = new_guest(test, *shape);
	int top = pm_top(shape->mode), levels = top ? top - shape->leaf + 1 : 0;
	struct pm_tally tally = { test };
	struct pm_translation t;
	unsigned int n, i, r;

	/* A and D are two bits beside each other; so is all that counts here */
	for (n = 0; n < 1u << (2 * levels); n++)
	for (r = 0; r < 4; r++) {
		set(g, S_WP | S_SMEP | S_NXE);
		for (i = 0; i < levels; i++) {
			g->m.entry[top - i] &= ~(A | D);
			g->m.entry[top - i] |= (u64)(n >> (2 * i) & 3) << 5;
		}
		if (levels)
			g->m.entry[shape->leaf] = rights(g->m.entry[shape->leaf], r);
		pm_translate(g, &t);
		for (i = 0; i < PM_ACCESSES; i++) {
			try(&tally, g, &t, pm_access[i], false);
			try(&tally, g, &t, pm_access[i], true);
		}
		cond_resched();
	}
	pm_tally_end(&tally, &walks);
}

/* --- addresses: each bit of the linear address, each of the page's --- */

static void test_addresses(struct kunit *test)
{
	const struct pm_shape *shape = test->param_value;
	struct pm_guest *g = new_guest(test, *shape);
	int size = shape->leaf == PM_1G ? 30 : shape->leaf == PM_LARGE ? 21 : 12;
	int width = shape->mode >= PM_PAE ? 52 : shape->leaf == PM_LARGE ? 40 : 32;
	struct pm_tally tally = { test };
	struct vh_walk w;
	u64 frame, gva;
	int b, f;

	if (shape->mode <= PM_32_PSE && shape->leaf == PM_LARGE)
		size = 22;
	g->p.maxphyaddr = 52;
	for (b = 0; b < 66; b++)
	for (f = size; f < width + 2; f++) {
		gva = b < 64 ? BIT_ULL(b) : b == 64 ? 0 : U64_MAX;
		frame = f < width ? BIT_ULL(f) : f == width ? 0 :
				    GENMASK_ULL(width - 1, size);
		pm_build(g, *shape, gva, frame);
		set(g, S_NXE);
		try_all(&tally, g);
		/* the same without the model */
		if (shape->mode != PM_NONE &&
		    (walk(g, RD, false, &w) || w.gpa != (frame | (g->gva & (BIT_ULL(size) - 1)))))
			pm_wrong(&tally, "page at %#llx, gva %#llx: gpa %#llx", frame, g->gva, w.gpa);
		cond_resched();
	}
	pm_tally_end(&tally, &walks);
}

/* --- cases by hand; the answer is written here --- */

struct hand {
	const char *what;
	enum pm_mode mode;
	u64 cr0, cr4, efer, rflags, clear[3], set[3];	/* of levels 1, 2 and the top one */
	u32 pkru, access;
	int ret;
	u32 code;
};

static const struct hand hands[] = {
	{ "present", PM_4, 0, 0, 0, 0, {}, {}, 0, RD, 0, 0 },
	{ "not present, supervisor read", PM_4, 0, 0, 0, 0, { P }, {}, 0, RD, -EFAULT, 0x0 },
	{ "not present, user write", PM_4, 0, 0, 0, 0, { P }, {}, 0, WR | USER, -EFAULT, 0x6 },
	{ "not present, fetch without NX", PM_4, 0, 0, 0, 0, { P }, {}, 0, EX, -EFAULT, 0x0 },
	{ "not present, fetch with NX", PM_4, 0, 0, NXE, 0, { P }, {}, 0, EX, -EFAULT, 0x10 },
	{ "not present, fetch with SMEP", PM_32, 0, CR4_SMEP, 0, 0, { P }, {}, 0, EX, -EFAULT, 0x10 },
	{ "NXE without PAE", PM_32, 0, 0, NXE, 0, { P }, {}, 0, EX, -EFAULT, 0x0 },
	{ "directory not present", PM_32, 0, 0, 0, 0, { 0, P }, {}, 0, WR, -EFAULT, 0x2 },
	{ "write, read-only, WP=0", PM_4, 0, 0, 0, 0, { W }, {}, 0, WR, 0, 0 },
	{ "write, read-only, WP=1", PM_4, CR0_WP, 0, 0, 0, { W }, {}, 0, WR, -EFAULT, 0x3 },
	{ "user write, read-only, WP=0", PM_4, 0, 0, 0, 0, { W }, {}, 0, WR | USER, -EFAULT, 0x7 },
	{ "user write, read-only above", PM_5, 0, 0, 0, 0, { 0, 0, W }, {}, 0, WR | USER, -EFAULT, 0x7 },
	{ "user read, supervisor page", PM_32, 0, 0, 0, 0, { U }, {}, 0, RD | USER, -EFAULT, 0x5 },
	{ "user read, supervisor above", PM_4, 0, 0, 0, 0, { 0, 0, U }, {}, 0, RD | USER, -EFAULT, 0x5 },
	{ "fetch, NX", PM_PAE, 0, 0, NXE, 0, {}, { NX }, 0, EX, -EFAULT, 0x11 },
	{ "fetch, NX above", PM_PAE, 0, 0, NXE, 0, {}, { 0, NX }, 0, EX | USER, -EFAULT, 0x15 },
	{ "read, NX", PM_4, 0, 0, NXE, 0, {}, { NX }, 0, RD, 0, 0 },
	{ "NX without NXE is reserved", PM_4, 0, 0, 0, 0, {}, { NX }, 0, RD, -EFAULT, 0x9 },
	{ "reserved before rights", PM_4, 0, 0, 0, 0, { U }, { BIT_ULL(50) }, 0, WR | USER, -EFAULT, 0xf },
	{ "SMEP, user page", PM_4, 0, CR4_SMEP, 0, 0, {}, {}, 0, EX, -EFAULT, 0x11 },
	{ "SMEP, user page, user fetch", PM_4, 0, CR4_SMEP, 0, 0, {}, {}, 0, EX | USER, 0, 0 },
	{ "SMEP, supervisor page", PM_4, 0, CR4_SMEP, 0, 0, { U }, {}, 0, EX, 0, 0 },
	{ "SMAP, AC=0", PM_4, 0, CR4_SMAP, 0, 0, {}, {}, 0, RD, -EFAULT, 0x1 },
	{ "SMAP, AC=1", PM_4, 0, CR4_SMAP, 0, AC, {}, {}, 0, RD, 0, 0 },
	{ "SMAP, AC=1, implicit", PM_4, 0, CR4_SMAP, 0, AC, {}, {}, 0, WR | IMPL, -EFAULT, 0x3 },
	{ "SMAP, supervisor page", PM_4, 0, CR4_SMAP, 0, 0, { U }, {}, 0, WR, 0, 0 },
	{ "SMAP does not stop fetches", PM_4, 0, CR4_SMAP, 0, 0, {}, {}, 0, EX, 0, 0 },
	{ "key 1 access-disabled", PM_4, 0, CR4_PKE, 0, 0, {}, { 1ULL << 59 }, 0x4, RD, -EFAULT, 0x21 },
	{ "key 1 write-disabled, read", PM_4, 0, CR4_PKE, 0, 0, {}, { 1ULL << 59 }, 0x8, RD | USER, 0, 0 },
	{ "key 1 write-disabled, user write", PM_4, 0, CR4_PKE, 0, 0, {}, { 1ULL << 59 }, 0x8, WR | USER, -EFAULT, 0x27 },
	{ "key 1 write-disabled, WP=0", PM_4, 0, CR4_PKE, 0, 0, {}, { 1ULL << 59 }, 0x8, WR, 0, 0 },
	{ "key 1 write-disabled, WP=1", PM_4, CR0_WP, CR4_PKE, 0, 0, {}, { 1ULL << 59 }, 0x8, WR, -EFAULT, 0x23 },
	{ "keys do not stop fetches", PM_4, 0, CR4_PKE, 0, 0, {}, { 1ULL << 59 }, 0xc, EX, 0, 0 },
	{ "keys leave supervisor pages", PM_4, 0, CR4_PKE, 0, 0, { U }, { 1ULL << 59 }, 0xc, WR, 0, 0 },
	{ "key and rights both deny", PM_4, 0, CR4_PKE, 0, 0, { W }, { 1ULL << 59 }, 0x4, WR | USER, -EFAULT, 0x27 },
	{ "PKE=0", PM_4, 0, 0, 0, 0, {}, { 1ULL << 59 }, 0xc, WR, 0, 0 },
	{ "key bits are reserved", PM_PAE, 0, CR4_PKE, 0, 0, {}, { 1ULL << 59 }, 0, RD, -EFAULT, 0x9 },
	{ "PS without PSE", PM_32, 0, 0, 0, 0, {}, { 0, PS }, 0, WR, 0, 0 },
	{ "PS in the top entry", PM_4, 0, 0, 0, 0, {}, { 0, 0, PS }, 0, RD, -EFAULT, 0x9 },
	{ "PS in the top entry", PM_5, 0, 0, 0, 0, {}, { 0, 0, PS }, 0, RD, -EFAULT, 0x9 },
};

static void hand_desc(const struct hand *h, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s: %s", pm_mode_name[h->mode], h->what);
}
KUNIT_ARRAY_PARAM(hand, hands, hand_desc);

static void test_by_hand(struct kunit *test)
{
	const struct hand *h = test->param_value;
	struct pm_guest *g = new_guest(test, (struct pm_shape){ h->mode, PM_4K });
	int top = pm_top(h->mode);
	u64 *e = g->m.entry;
	struct vh_walk w;

	g->p.cr0 |= h->cr0;
	g->p.cr4 |= h->cr4;
	g->p.efer |= h->efer;
	g->p.rflags = h->rflags;
	g->p.pkru = h->pkru;
	e[1] = (e[1] & ~h->clear[0]) | h->set[0];
	e[2] = (e[2] & ~h->clear[1]) | h->set[1];
	e[top] = (e[top] & ~h->clear[2]) | h->set[2];
	KUNIT_EXPECT_EQ(test, h->ret, walk(g, h->access, false, &w));
	KUNIT_EXPECT_EQ(test, h->code, w.error_code);
	if (!h->ret) {
		KUNIT_EXPECT_EQ(test, FRAME | 0x5a5, w.gpa);
		KUNIT_EXPECT_EQ(test, 4096ULL, w.page_size);
	}
}

static void test_no_paging(struct kunit *test)
{
	struct pm_guest *g = new_guest(test, (struct pm_shape){ PM_NONE });
	struct vh_walk w;

	g->p.cr4 = CR4_SMEP | CR4_SMAP | CR4_PAE;
	g->gva = 0x1fedc1234;
	KUNIT_EXPECT_EQ(test, 0, walk(g, WR | USER, true, &w));
	KUNIT_EXPECT_EQ(test, 0xfedc1234ULL, w.gpa);
	KUNIT_EXPECT_TRUE(test, w.writable && w.user && !w.nx && w.dirty);
	KUNIT_EXPECT_EQ(test, 0, w.steps);
}

/* --- tables that change under the walk, cannot be written, or are not there --- */

static void test_memory(struct kunit *test)
{
	const struct pm_shape *shape = test->param_value;
	struct pm_guest *g = new_guest(test, *shape);
	const u64 ignored = BIT_ULL(9), gpa = FRAME | (g->gva & 0xfff);
	int top = pm_top(shape->mode), levels = top - shape->leaf + 1, l;
	u64 *leaf = &g->m.entry[shape->leaf];
	struct vh_walk w;

	if (shape->mode == PM_NONE) {	/* there is none to be read */
		g->m.hole = 1;
		KUNIT_EXPECT_EQ(test, 0, walk(g, WR, true, &w));
		KUNIT_EXPECT_EQ(test, 0, g->m.reads + g->m.exchanges);
		return;
	}
	/* each entry once, none twice */
	KUNIT_EXPECT_EQ(test, 0, walk(g, WR, true, &w));
	KUNIT_EXPECT_EQ(test, levels, g->m.reads);
	KUNIT_EXPECT_EQ(test, levels, g->m.exchanges);
	KUNIT_EXPECT_EQ(test, 0, walk(g, WR, true, &w));
	KUNIT_EXPECT_EQ(test, levels, g->m.exchanges);

	pm_build(g, *shape, GVA, FRAME);
	g->m.races = 1;
	g->m.race_xor = P;
	KUNIT_EXPECT_EQ(test, -EFAULT, walk(g, WR, true, &w));
	KUNIT_EXPECT_EQ(test, 2U, w.error_code);

	pm_build(g, *shape, GVA, FRAME);
	g->m.races = 3;
	g->m.race_xor = ignored;
	KUNIT_EXPECT_EQ(test, 0, walk(g, WR, true, &w));
	KUNIT_EXPECT_EQ(test, A | D, *leaf & (A | D));
	KUNIT_EXPECT_EQ(test, ignored, g->m.entry[top] & ignored);

	/* another processor that never rests: the walk ends nevertheless */
	pm_build(g, *shape, GVA, FRAME);
	g->m.races = 1 << 30;
	g->m.race_xor = ignored;
	KUNIT_EXPECT_EQ(test, 0, walk(g, RD, true, &w));
	KUNIT_EXPECT_EQ(test, gpa, w.gpa & ~(w.page_size - 1 - 0xfff));

	pm_build(g, *shape, GVA, FRAME);
	g->m.readonly = true;
	KUNIT_EXPECT_EQ(test, 0, walk(g, WR, true, &w));
	KUNIT_EXPECT_EQ(test, gpa, w.gpa & ~(w.page_size - 1 - 0xfff));
	KUNIT_EXPECT_EQ(test, 0ULL, *leaf & (A | D));

	for (l = top; l >= shape->leaf; l--) {
		pm_build(g, *shape, GVA, FRAME);
		g->m.hole = l;
		KUNIT_EXPECT_EQ(test, -ENXIO, walk(g, RD, true, &w));
		pm_build(g, *shape, GVA, FRAME);
		if (l > shape->leaf) {	/* an entry that leads nowhere */
			g->m.entry[l] ^= BIT_ULL(20);
			KUNIT_EXPECT_EQ(test, -ENXIO, walk(g, RD, true, &w));
		}
	}
}

/* --- random --- */

static struct rnd_state rnd_state;

static u64 rnd(void)
{
	return (u64)prandom_u32_state(&rnd_state) << 32 | prandom_u32_state(&rnd_state);
}

/* One in @n */
static bool rarely(unsigned int n)
{
	return prandom_u32_state(&rnd_state) % n == 0;
}

static u64 random_entry(const struct pm_guest *g, int l)
{
	const u64 width = BIT_ULL(g->p.maxphyaddr) - 1;
	enum pm_mode mode = g->shape.mode;
	u64 e = g->m.entry[l];

	/* ignored, A, D, G and cache bits; keys where they are ignored */
	e |= rnd() & 0xf78;
	if (mode >= PM_4)
		e |= rnd() & 0x7ff0000000000000;
	if (l <= 3 && rarely(l == 1 ? 2 : 3)) {
		e |= PS;
		/* a page's address, aligned as the size wants it */
		if (l > 1)
			e = (e & ~0xffffffffff000ULL) |
			    (rnd() & width & (l == 3 ? ~0x3fffffffULL : ~0x1fffffULL));
		if (l > 1 && mode <= PM_32_PSE)
			e = (e & ~BIT_ULL(21)) | (rnd() & 0xf << 13) | (u64)rarely(10) << 21;
	}
	if (l == 1)
		e |= rnd() & width & ~0xfffULL;
	if (rarely(4))
		e &= ~W;
	if (rarely(6))
		e &= ~U;
	if (rarely(30))
		e &= ~P;
	if (rarely(5) && (g->p.efer & NXE))
		e |= NX;
	if (rarely(40))
		e ^= BIT_ULL(13 + rnd() % 51);
	if (rarely(60))
		e |= PS;
	return mode <= PM_32_PSE ? (u32)e : e;
}

static void random_guest(struct pm_guest *g, enum pm_mode mode)
{
	static const u8 widths[] = { 36, 39, 40, 46, 52 };
	u64 address;
	int l;

	g->p = (struct vh_paging){
		.maxphyaddr = widths[rnd() % sizeof(widths)], .gbpages = !rarely(4),
		.cr0 = rnd() & CR0_WP, .cr4 = rnd() & (CR4_SMEP | CR4_SMAP | CR4_PKE),
		.efer = rarely(4) ? 0 : NXE, .rflags = rnd() & AC,
		.pkru = rarely(2) ? (u32)(rnd() & rnd()) : 0,
	};
	pm_build(g, (struct pm_shape){ mode, PM_4K }, rnd(), 0);
	if (mode == PM_PAE && rarely(20))
		g->p.pdptr[g->gva >> 30 & 3] &= ~P;
	for (l = 1; l <= pm_top(mode); l++)
		g->m.entry[l] = random_entry(g, l);
	/* tables stay where they are: only entries that the walk takes for pages may roam */
	address = mode <= PM_32_PSE ? 0xfffff000 : (BIT_ULL(g->p.maxphyaddr) - 1) & ~0xfffULL;
	for (l = pm_top(mode); l > 1; l--) {
		if (pm_maps(mode, l, g->m.entry[l], g->p.gbpages))
			break;
		g->m.entry[l] = (g->m.entry[l] & ~address) | pm_table(mode, l - 1);
	}
}

#define RANDOM	10000

static void test_random(struct kunit *test)
{
	enum pm_mode mode = *(const enum pm_mode *)test->param_value;
	struct pm_guest *g = new_guest(test, (struct pm_shape){ mode, PM_4K });
	unsigned int mapped = 0, faults = 0, reserved = 0, keys = 0, i;
	struct pm_tally tally = { test };

	prandom_seed_state(&rnd_state, 0x5eed + mode);
	for (i = 0; i < RANDOM; i++) {
		u32 access = pm_access[rnd() % PM_ACCESSES], code;
		struct pm_translation t;

		random_guest(g, mode);
		pm_translate(g, &t);
		mapped += !pm_check(g, &t, access, &code);
		faults += code && !(code & BIT(3));
		reserved += !!(code & BIT(3));
		keys += !!(code & BIT(5));
		try(&tally, g, &t, access, rarely(2));
		cond_resched();
	}
	pm_tally_end(&tally, &walks);
	/* a test of random things has to say what it met */
	KUNIT_EXPECT_GT(test, mapped, RANDOM / 10U);
	KUNIT_EXPECT_GT(test, faults, RANDOM / 10U);
	if (mode != PM_32)
		KUNIT_EXPECT_GT(test, reserved, RANDOM / 100U);
	if (pm_has_keys(mode))
		KUNIT_EXPECT_GT(test, keys, RANDOM / 100U);
}

static void say_walks(struct kunit_suite *suite)
{
	kunit_info(suite, "%llu walks compared", walks);
}

static struct kunit_case walk_cases[] = {
	KUNIT_CASE_PARAM(test_by_hand, hand_gen_params),
	KUNIT_CASE(test_no_paging),
	KUNIT_CASE_PARAM(test_rights, shape_gen_params),
	KUNIT_CASE_PARAM(test_faults, shape_gen_params),
	KUNIT_CASE_PARAM(test_bits, shape_gen_params),
	KUNIT_CASE_PARAM(test_keys, shape_gen_params),
	KUNIT_CASE_PARAM(test_accessed_dirty, shape_gen_params),
	KUNIT_CASE_PARAM(test_addresses, shape_gen_params),
	KUNIT_CASE_PARAM(test_memory, shape_gen_params),
	KUNIT_CASE_PARAM(test_random, mode_gen_params),
	{}
};

static struct kunit_suite walk_suite = {
	.name = "vh-walk",
	.suite_exit = say_walks,
	.test_cases = walk_cases,
};
kunit_test_suite(walk_suite);
