// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_walk: the guest page-table walker against a model of SDM Vol. 3, chapter 4.
 *
 * Three parts: cases written by hand, every bit of every kind of entry, and
 * random page tables under random settings. The model says, in the SDM's words
 * and bit by bit, what the walker computes with masks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/bits.h>

#include "mmu/mmu.h"
#include "tap.h"

#define P	(1ull << 0)
#define W	(1ull << 1)
#define U	(1ull << 2)
#define A	(1ull << 5)
#define D	(1ull << 6)
#define PS	(1ull << 7)
#define G	(1ull << 8)
#define NX	(1ull << 63)

#define WP	(1ull << 16)
#define PG	(1ull << 31)
#define PSE	(1ull << 4)
#define PAE	(1ull << 5)
#define LA57	(1ull << 12)
#define SMEP	(1ull << 20)
#define SMAP	(1ull << 21)
#define PKE	(1ull << 22)
#define LMA	(1ull << 10)
#define NXE	(1ull << 11)
#define AC	(1ull << 18)

#define RD	VH_ACC_READ
#define WR	VH_ACC_WRITE
#define EX	VH_ACC_EXEC
#define USER	VH_ACC_USER
#define IMPL	VH_ACC_IMPLICIT

enum mode { M32, M32_PSE, MPAE, M4, M5, NR_MODES };
static const char * const mode_name[] = { "32-bit", "32-bit PSE", "PAE", "4-level", "5-level" };
static const int top_level[] = { 2, 2, 2, 4, 5 };	/* PAE: below the PDPTEs */

/* --- guest memory: one entry a level, and what happens to those that are changed --- */

struct memory {
	u64 at[6], entry[6];	/* by level, 1 to 5 */
	unsigned int size;
	int races;		/* this many exchanges fail: another processor was there */
	u64 race_xor;		/* and it changed this */
	int readonly;
	int hole;		/* the entry of this level is not in memory */
	int exchanges;
};

static int find(struct memory *m, gpa_t gpa)
{
	int l;

	for (l = 1; l <= 5; l++)
		if (l != m->hole && m->at[l] == gpa)
			return l;
	return 0;
}

static int mem_read(void *ctx, gpa_t gpa, void *buf, unsigned int len)
{
	struct memory *m = ctx;
	int l = find(m, gpa);

	if (!l || len != m->size)
		return -ENXIO;
	memcpy(buf, &m->entry[l], len);
	return 0;
}

static int mem_cas(void *ctx, gpa_t gpa, u64 *old, u64 new, unsigned int len)
{
	struct memory *m = ctx;
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

static int walk(const struct vh_paging *p, struct memory *m, u64 gva, u32 access, bool set_ad,
		struct vh_walk *w)
{
	struct vh_walk_mem mem = { mem_read, mem_cas, m };

	return vh_walk_paging(p, &mem, gva, access, set_ad, w);
}

/* --- the model --- */

static bool model_maps(enum mode mode, int level, u64 e, bool gbpages)
{
	switch (level) {
	case 1:
		return true;
	case 2:
		return mode != M32 && (e & PS);
	case 3:
		return gbpages && (e & PS);
	}
	return false;
}

/* Is bit @b of an entry reserved? SDM Tables 4-5, 4-6, 4-9 to 4-11, 4-15 to 4-20. */
static bool model_reserved(enum mode mode, int level, bool maps, int b, const struct vh_paging *p)
{
	if (mode == M32 || mode == M32_PSE) {
		/* 4-MiB page: bit 21, and what names address bits past the width */
		if (level == 2 && maps)
			return b == 21 || (b >= 13 && b <= 20 && b - 13 + 32 >= p->maxphyaddr);
		return false;
	}
	if (b == 63)
		return !(p->efer & NXE);
	if (b >= 52)
		return mode == MPAE;
	if (b >= p->maxphyaddr)
		return true;
	if (b == 7)
		return level >= 4 || (level == 3 && !p->gbpages);
	if (maps && b >= 13)
		return (level == 2 && b <= 20) || (level == 3 && b <= 29);
	return false;
}

static u64 model_page_size(enum mode mode, int level)
{
	if (mode == M32 || mode == M32_PSE)
		return level == 2 ? 4u << 20 : 4096;
	return level == 3 ? 1u << 30 : level == 2 ? 2u << 20 : 4096;
}

static u64 model_address(enum mode mode, int level, u64 e)
{
	u64 a = 0;
	int b, low = 12;

	if ((mode == M32 || mode == M32_PSE) && level == 2) {
		for (b = 22; b < 32; b++)
			a |= e & (1ull << b);
		for (b = 13; b <= 20; b++)
			if (e & (1ull << b))
				a |= 1ull << (b - 13 + 32);
		return a;
	}
	if (level > 1)
		low = level == 3 ? 30 : 21;
	for (b = low; b < 52; b++)
		a |= e & (1ull << b);
	return a;
}

/* SDM 4.6.1: may an access with these rights of the translation happen, keys apart? */
static bool model_allowed(const struct vh_paging *p, u32 access, bool u, bool w, bool nx)
{
	bool user_access = access & USER;

	if (user_access) {
		if (!u)
			return false;
		if (access & EX)
			return !nx;
		if (access & WR)
			return w;
		return true;
	}
	if (access & EX) {
		if (u && (p->cr4 & SMEP))
			return false;
		return !nx;
	}
	if (u && (p->cr4 & SMAP)) {
		if (access & IMPL)
			return false;
		if (!(p->rflags & AC))
			return false;
	}
	if ((access & WR) && (p->cr0 & WP))
		return w;
	return true;
}

/* SDM 4.6.2 and the PK flag of 4.7 */
static bool model_key_violation(const struct vh_paging *p, u32 access, bool u, int key)
{
	bool ad = p->pkru & (1u << (2 * key)), wd = p->pkru & (2u << (2 * key));

	if (!(p->efer & LMA) || !(p->cr4 & PKE) || (access & EX) || !u)
		return false;
	if (ad)
		return true;
	return wd && (access & WR) && ((p->cr0 & WP) || (access & USER));
}

struct verdict {
	int ret, leaf;
	u32 code;
	struct vh_walk w;
};

static struct verdict model(enum mode mode, const struct vh_paging *p, const struct memory *m,
			    u64 gva, u32 access)
{
	struct verdict v = { .ret = -EFAULT };
	bool u = true, w = true, nx = false, key;
	u64 e = 0;
	int l, b;

	if (access & WR)
		v.code |= 2;
	if (access & USER)
		v.code |= 4;
	if ((access & EX) && ((p->cr4 & SMEP) || ((p->cr4 & PAE) && (p->efer & NXE))))
		v.code |= 16;
	if (mode == MPAE && !(p->pdptr[gva >> 30 & 3] & P))
		return v;
	for (l = top_level[mode]; ; l--) {
		bool maps;

		e = m->entry[l];
		if (!(e & P))
			return v;
		maps = model_maps(mode, l, e, p->gbpages);
		for (b = 0; b < 64; b++) {
			if ((e >> b & 1) && model_reserved(mode, l, maps, b, p)) {
				v.code |= 1 | 8;
				return v;
			}
		}
		u = u && (e & U);
		w = w && (e & W);
		nx = nx || (m->size == 8 && (p->efer & NXE) && (e & NX));
		if (maps)
			break;
	}
	key = model_key_violation(p, access, u, e >> 59 & 15);
	if (key || !model_allowed(p, access, u, w, nx)) {
		v.code |= key ? 1 | 32 : 1;
		return v;
	}
	v.ret = 0;
	v.leaf = l;
	v.w.page_size = model_page_size(mode, l);
	v.w.gpa = model_address(mode, l, e) + gva % v.w.page_size;
	v.w.writable = w;
	v.w.user = u;
	v.w.nx = nx;
	v.w.global = e & G;
	v.w.dirty = e & D;
	return v;
}

/* --- settings and tables to walk --- */

static u64 seed = 0x9e3779b97f4a7c15;

static u64 rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1d;
}

/* One in @n */
static bool rarely(unsigned int n)
{
	return (rnd() >> 20) % n == 0;
}

static void set_mode(struct vh_paging *p, enum mode mode)
{
	p->cr0 |= PG;
	if (mode == M32_PSE)
		p->cr4 |= PSE;
	if (mode >= MPAE)
		p->cr4 |= PAE;
	if (mode >= M4)
		p->efer |= LMA;
	if (mode == M5)
		p->cr4 |= LA57;
}

/* Where each level's table is; returns what the entry above it (or CR3) holds. */
static u64 table_at(enum mode mode, int level)
{
	return mode <= M32_PSE ? 0x80000000ull + level * 0x1000 : 0x380000000ull + level * 0x7000;
}

static u64 canonical(enum mode mode, u64 gva)
{
	if (mode <= MPAE)
		return (u32)gva;
	return mode == M4 ? (u64)((s64)(gva << 16) >> 16) : (u64)((s64)(gva << 7) >> 7);
}

/* Entries that lead to a 4-KiB page at @frame with all rights. */
static void build(enum mode mode, struct vh_paging *p, struct memory *m, u64 gva, u64 frame)
{
	unsigned int bits = mode <= M32_PSE ? 10 : 9;
	int l;

	memset(m, 0, sizeof(*m));
	m->size = mode <= M32_PSE ? 4 : 8;
	for (l = 1; l <= top_level[mode]; l++) {
		u64 index = gva >> (12 + bits * (l - 1)) & ((1u << bits) - 1);

		m->at[l] = table_at(mode, l) + index * m->size;
		m->entry[l] = (l == 1 ? frame : table_at(mode, l - 1)) | P | W | U;
	}
	if (mode == MPAE) {
		p->pdptr[gva >> 30 & 3] = table_at(mode, 2) | P;
		p->cr3 = 0xdead0020;	/* not looked at */
	} else {
		p->cr3 = table_at(mode, top_level[mode]) | 0x18;
	}
}

static bool same(const struct vh_walk *a, const struct vh_walk *b)
{
	return a->gpa == b->gpa && a->page_size == b->page_size && a->writable == b->writable &&
	       a->user == b->user && a->nx == b->nx && a->global == b->global &&
	       a->dirty == b->dirty;
}

static void explain(enum mode mode, const struct vh_paging *p, const struct memory *m, u64 gva,
		    u32 access, int ret, const struct vh_walk *w, const struct verdict *v)
{
	int l;

	printf("# %s gva %#llx access %#x cr0 %#llx cr4 %#llx efer %#llx rflags %#llx pkru %#x "
	       "maxphyaddr %u gb %d\n", mode_name[mode], (unsigned long long)gva, access,
	       (unsigned long long)p->cr0, (unsigned long long)p->cr4,
	       (unsigned long long)p->efer, (unsigned long long)p->rflags, p->pkru,
	       p->maxphyaddr, p->gbpages);
	for (l = top_level[mode]; l >= 1; l--)
		printf("#   level %d %#018llx\n", l, (unsigned long long)m->entry[l]);
	printf("#   walker %d code %#x gpa %#llx, model %d code %#x gpa %#llx\n", ret,
	       w->error_code, (unsigned long long)w->gpa, v->ret, v->code,
	       (unsigned long long)v->w.gpa);
}

/* Walk and compare, accessed and dirty bits included; false after saying what differs. */
static bool agree(enum mode mode, const struct vh_paging *p, struct memory *m, u64 gva,
		  u32 access, bool set_ad)
{
	struct verdict v = model(mode, p, m, gva, access);
	struct memory before = *m;
	struct vh_walk w;
	int ret, l;
	bool good;

	if (set_ad && !v.ret && (access & WR))
		v.w.dirty = true;
	ret = walk(p, m, gva, access, set_ad, &w);
	good = ret == v.ret && (ret ? w.error_code == v.code : same(&w, &v.w));
	for (l = 1; l <= top_level[mode]; l++) {
		u64 want = before.entry[l];

		if (set_ad && !v.ret && l >= v.leaf)
			want |= l == v.leaf && (access & WR) ? A | D : A;
		good &= m->entry[l] == want;
	}
	if (!good)
		explain(mode, p, &before, gva, access, ret, &w, &v);
	return good;
}

static const u32 accesses[] = {
	RD, WR, EX, RD | USER, WR | USER, EX | USER, RD | IMPL, WR | IMPL,
};

/* --- part 1: cases by hand; the answer is written here --- */

static const struct hand {
	const char *what;
	enum mode mode;
	u64 cr0, cr4, efer, rflags, clear[3], set[3];	/* of levels 1, 2 and the top one */
	u32 pkru, access;
	int ret;
	u32 code;
} hand[] = {
	{ "present", M4, 0, 0, 0, 0, {}, {}, 0, RD, 0, 0 },
	{ "not present, supervisor read", M4, 0, 0, 0, 0, { P }, {}, 0, RD, -EFAULT, 0x0 },
	{ "not present, user write", M4, 0, 0, 0, 0, { P }, {}, 0, WR | USER, -EFAULT, 0x6 },
	{ "not present, fetch without NX", M4, 0, 0, 0, 0, { P }, {}, 0, EX, -EFAULT, 0x0 },
	{ "not present, fetch with NX", M4, 0, 0, NXE, 0, { P }, {}, 0, EX, -EFAULT, 0x10 },
	{ "not present, fetch with SMEP", M32, 0, SMEP, 0, 0, { P }, {}, 0, EX, -EFAULT, 0x10 },
	{ "32-bit: NXE without PAE", M32, 0, 0, NXE, 0, { P }, {}, 0, EX, -EFAULT, 0x0 },
	{ "directory not present", M32, 0, 0, 0, 0, { 0, P }, {}, 0, WR, -EFAULT, 0x2 },
	{ "write, read-only, WP=0", M4, 0, 0, 0, 0, { W }, {}, 0, WR, 0, 0 },
	{ "write, read-only, WP=1", M4, WP, 0, 0, 0, { W }, {}, 0, WR, -EFAULT, 0x3 },
	{ "user write, read-only, WP=0", M4, 0, 0, 0, 0, { W }, {}, 0, WR | USER, -EFAULT, 0x7 },
	{ "user write, read-only above", M5, 0, 0, 0, 0, { 0, 0, W }, {}, 0, WR | USER, -EFAULT, 0x7 },
	{ "user read, supervisor page", M32, 0, 0, 0, 0, { U }, {}, 0, RD | USER, -EFAULT, 0x5 },
	{ "user read, supervisor above", M4, 0, 0, 0, 0, { 0, 0, U }, {}, 0, RD | USER, -EFAULT, 0x5 },
	{ "fetch, NX", MPAE, 0, 0, NXE, 0, {}, { NX }, 0, EX, -EFAULT, 0x11 },
	{ "fetch, NX above", MPAE, 0, 0, NXE, 0, {}, { 0, NX }, 0, EX | USER, -EFAULT, 0x15 },
	{ "read, NX", M4, 0, 0, NXE, 0, {}, { NX }, 0, RD, 0, 0 },
	{ "NX without NXE is reserved", M4, 0, 0, 0, 0, {}, { NX }, 0, RD, -EFAULT, 0x9 },
	{ "reserved before rights", M4, 0, 0, 0, 0, { U }, { 1ull << 50 }, 0, WR | USER, -EFAULT, 0xf },
	{ "SMEP, user page", M4, 0, SMEP, 0, 0, {}, {}, 0, EX, -EFAULT, 0x11 },
	{ "SMEP, user page, user fetch", M4, 0, SMEP, 0, 0, {}, {}, 0, EX | USER, 0, 0 },
	{ "SMEP, supervisor page", M4, 0, SMEP, 0, 0, { U }, {}, 0, EX, 0, 0 },
	{ "SMAP, AC=0", M4, 0, SMAP, 0, 0, {}, {}, 0, RD, -EFAULT, 0x1 },
	{ "SMAP, AC=1", M4, 0, SMAP, 0, AC, {}, {}, 0, RD, 0, 0 },
	{ "SMAP, AC=1, implicit", M4, 0, SMAP, 0, AC, {}, {}, 0, WR | IMPL, -EFAULT, 0x3 },
	{ "SMAP, supervisor page", M4, 0, SMAP, 0, 0, { U }, {}, 0, WR, 0, 0 },
	{ "SMAP does not stop fetches", M4, 0, SMAP, 0, 0, {}, {}, 0, EX, 0, 0 },
	{ "key 1 access-disabled", M4, 0, PKE, 0, 0, {}, { 1ull << 59 }, 0x4, RD, -EFAULT, 0x21 },
	{ "key 1 write-disabled, read", M4, 0, PKE, 0, 0, {}, { 1ull << 59 }, 0x8, RD | USER, 0, 0 },
	{ "key 1 write-disabled, user write", M4, 0, PKE, 0, 0, {}, { 1ull << 59 }, 0x8, WR | USER, -EFAULT, 0x27 },
	{ "key 1 write-disabled, WP=0", M4, 0, PKE, 0, 0, {}, { 1ull << 59 }, 0x8, WR, 0, 0 },
	{ "key 1 write-disabled, WP=1", M4, WP, PKE, 0, 0, {}, { 1ull << 59 }, 0x8, WR, -EFAULT, 0x23 },
	{ "keys do not stop fetches", M4, 0, PKE, 0, 0, {}, { 1ull << 59 }, 0xc, EX, 0, 0 },
	{ "keys leave supervisor pages", M4, 0, PKE, 0, 0, { U }, { 1ull << 59 }, 0xc, WR, 0, 0 },
	{ "key and rights both deny", M4, 0, PKE, 0, 0, { W }, { 1ull << 59 }, 0x4, WR | USER, -EFAULT, 0x27 },
	{ "PKE=0", M4, 0, 0, 0, 0, {}, { 1ull << 59 }, 0xc, WR, 0, 0 },
	{ "PAE: key bits are reserved", MPAE, 0, PKE, 0, 0, {}, { 1ull << 59 }, 0, RD, -EFAULT, 0x9 },
	{ "32-bit: PS without PSE", M32, 0, 0, 0, 0, {}, { 0, PS }, 0, WR, 0, 0 },
	{ "PS in the top entry", M4, 0, 0, 0, 0, {}, { 0, 0, PS }, 0, RD, -EFAULT, 0x9 },
	{ "PS in the top entry", M5, 0, 0, 0, 0, {}, { 0, 0, PS }, 0, RD, -EFAULT, 0x9 },
};

static void by_hand(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(hand) / sizeof(hand[0]); i++) {
		const struct hand *h = &hand[i];
		struct vh_paging p = { .cr0 = h->cr0, .cr4 = h->cr4, .efer = h->efer,
				       .rflags = h->rflags, .pkru = h->pkru, .maxphyaddr = 40,
				       .gbpages = true };
		struct memory m;
		struct vh_walk w;
		u64 gva = canonical(h->mode, 0x1234567890abcd);
		int ret, top = top_level[h->mode];
		bool good;

		set_mode(&p, h->mode);
		build(h->mode, &p, &m, gva, 0x40000000);
		m.entry[1] = (m.entry[1] & ~h->clear[0]) | h->set[0];
		m.entry[2] = (m.entry[2] & ~h->clear[1]) | h->set[1];
		m.entry[top] = (m.entry[top] & ~h->clear[2]) | h->set[2];
		ret = walk(&p, &m, gva, h->access, false, &w);
		good = ret == h->ret && (ret ? w.error_code == h->code :
					 w.gpa == (0x40000000 | (gva & 0xfff)) &&
					 w.page_size == 4096);
		tap_ok(good, "%s: %s", mode_name[h->mode], h->what);
		if (!good)
			printf("# returned %d, code %#x, gpa %#llx\n", ret, w.error_code,
			       (unsigned long long)w.gpa);
	}
}

static void no_paging(void)
{
	struct vh_paging p = { .maxphyaddr = 36, .cr4 = SMEP | SMAP | PAE };
	struct memory m = {};
	struct vh_walk w;

	TAP_EQ(walk(&p, &m, 0x1fedc1234, WR | USER, true, &w), 0);
	TAP_EQ(w.gpa, 0xfedc1234);
	TAP_CHECK(w.writable && w.user && !w.nx);
}

static void large_pages(void)
{
	static const struct {
		enum mode mode;
		int level;
		u64 frame, size;
	} t[] = {
		{ M32_PSE, 2, 0x80c00000, 4 << 20 },
		{ M32_PSE, 2, 0xffffc00000, 4 << 20 },	/* PSE-36, all 40 bits */
		{ MPAE, 2, 0xffffe00000, 2 << 20 },
		{ M4, 2, 0xffffe00000, 2 << 20 },
		{ M4, 3, 0xffc0000000, 1 << 30 },
		{ M5, 3, 0xffc0000000, 1 << 30 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct vh_paging p = { .maxphyaddr = 40, .gbpages = true };
		u64 gva = canonical(t[i].mode, 0xfedcba9876543), e = t[i].frame;
		struct memory m;
		struct vh_walk w = {};
		int ret;

		set_mode(&p, t[i].mode);
		build(t[i].mode, &p, &m, gva, 0);
		if (t[i].mode == M32_PSE)
			e = (u32)e | e >> 32 << 13;
		m.entry[t[i].level] = e | P | PS | G;
		ret = walk(&p, &m, gva, RD, false, &w);
		tap_ok(!ret && w.gpa == (t[i].frame | (gva & (t[i].size - 1))) &&
		       w.page_size == t[i].size && w.global && !w.writable && !w.user,
		       "%s: %llu MiB page at %#llx", mode_name[t[i].mode],
		       (unsigned long long)t[i].size >> 20, (unsigned long long)t[i].frame);
	}
}

/* Tables that change under the walk, cannot be written, or are not there. */
static void tables(void)
{
	struct vh_paging p = { .maxphyaddr = 40 };
	struct memory m;
	struct vh_walk w;
	u64 gva = 0x7f1234567000;
	int l;

	set_mode(&p, M4);
	build(M4, &p, &m, gva, 0x5000);
	TAP_EQ(walk(&p, &m, gva, WR, true, &w), 0);
	TAP_EQ(m.exchanges, 4);
	TAP_CHECK((m.entry[1] & (A | D)) == (A | D) && (m.entry[2] & (A | D)) == A);
	m.exchanges = 0;
	TAP_EQ(walk(&p, &m, gva, WR, true, &w), 0);
	TAP_EQ(m.exchanges, 0);

	build(M4, &p, &m, gva, 0x5000);
	m.races = 1;
	m.race_xor = P;
	TAP_EQ(walk(&p, &m, gva, WR, true, &w), -EFAULT);
	TAP_EQ(w.error_code, 2);

	build(M4, &p, &m, gva, 0x5000);
	m.races = 3;
	m.race_xor = 1ull << 9;
	TAP_EQ(walk(&p, &m, gva, WR, true, &w), 0);
	TAP_CHECK((m.entry[1] & (A | D)) == (A | D));

	/* another processor that never rests: the walk ends nevertheless */
	build(M4, &p, &m, gva, 0x5000);
	m.races = 1 << 30;
	m.race_xor = 1ull << 9;
	TAP_EQ(walk(&p, &m, gva, RD, true, &w), 0);
	TAP_EQ(w.gpa, 0x5000);

	build(M4, &p, &m, gva, 0x5000);
	m.readonly = 1;
	TAP_EQ(walk(&p, &m, gva, WR, true, &w), 0);
	TAP_EQ(w.gpa, 0x5000);
	TAP_CHECK(!(m.entry[1] & (A | D)));

	for (l = 1; l <= 4; l++) {
		build(M4, &p, &m, gva, 0x5000);
		m.hole = l;
		TAP_EQ(walk(&p, &m, gva, RD, true, &w), -ENXIO);
	}
}

/* --- part 2: each bit of each entry, alone --- */

static void each_bit(enum mode mode)
{
	static const u8 widths[] = { 32, 36, 39, 40, 46, 52 };
	unsigned int wi, large, ai, tries = 0, wrong = 0;
	int l, b, variant;

	for (wi = 0; wi < sizeof(widths); wi++)
	for (variant = 0; variant < 4; variant++)
	for (large = 1; large <= 3; large++)
	for (l = large; l <= top_level[mode]; l++)
	for (b = 1; b < (mode <= M32_PSE ? 32 : 64); b++)
	for (ai = 0; ai < 8; ai++) {
		struct vh_paging p = { .maxphyaddr = widths[wi], .gbpages = variant & 1,
				       .efer = variant & 2 ? NXE : 0, .cr0 = WP,
				       .cr4 = SMEP | SMAP | PKE, .rflags = AC,
				       .pkru = 0x55555550 };
		u64 gva = canonical(mode, 0x5a5a5a5a5a5a5a5);
		struct memory m;

		if (large > top_level[mode] || (mode == M32 && large > 1))
			continue;
		if (widths[wi] < 36 && mode > M32_PSE)
			continue;	/* our tables lie above 4 GiB */
		set_mode(&p, mode);
		build(mode, &p, &m, gva, 0x80000000);
		if (large > 1)
			m.entry[large] = 0x80000000 | P | W | U | PS;
		m.entry[l] ^= 1ull << b;
		/* an entry that leads nowhere is another test's */
		if (b >= 12 && l > large && b < p.maxphyaddr && b < 52)
			continue;
		if (b == 7 && l == large && l > 1)
			continue;
		tries++;
		wrong += !agree(mode, &p, &m, gva, accesses[ai], ai & 1);
	}
	tap_ok(!wrong, "%s: each bit of each entry: %u of %u walks wrong", mode_name[mode],
	       wrong, tries);
}

/* --- part 3: random --- */

static void at_random(enum mode mode, unsigned int n)
{
	static const u8 widths[] = { 36, 39, 40, 46, 52 };
	unsigned int i, wrong = 0, mapped = 0;
	struct { unsigned int faults, rsvd, pk; } seen = {};

	for (i = 0; i < n && wrong < 5; i++) {
		struct vh_paging p = {
			.maxphyaddr = widths[rnd() % sizeof(widths)], .gbpages = !rarely(4),
			.cr0 = rnd() & WP, .cr4 = rnd() & (SMEP | SMAP | PKE),
			.efer = rarely(4) ? 0 : NXE, .rflags = rnd() & AC,
			.pkru = rarely(2) ? (u32)(rnd() & rnd()) : 0,
		};
		u64 gva = canonical(mode, rnd());
		u32 access = accesses[rnd() % 8];
		struct verdict v;
		struct memory m;
		int l;

		set_mode(&p, mode);
		build(mode, &p, &m, gva, 0);
		if (mode == MPAE && rarely(20))
			p.pdptr[gva >> 30 & 3] &= ~P;
		for (l = 1; l <= top_level[mode]; l++) {
			u64 e = m.entry[l];

			/* ignored, A, D, G and cache bits; keys where they are ignored */
			e |= rnd() & 0xf78;
			if (mode >= M4)
				e |= rnd() & 0x7ff0000000000000;
			if (l <= 3 && rarely(l == 1 ? 2 : 3)) {
				e |= PS;
				/* a page's address, aligned as the size wants it */
				if (l > 1) {
					e = (e & ~0xffffffffff000ull) |
					    (rnd() & ((1ull << p.maxphyaddr) - 1) &
					     (l == 3 ? ~0x3fffffffull : ~0x1fffffull));
					if (mode <= M32_PSE)
						e = (e & ~(1ull << 21)) | (rnd() & 0xf << 13) |
						    (u64)rarely(10) << 21;
				}
			}
			if (l == 1)
				e |= rnd() & ((1ull << p.maxphyaddr) - 1) & ~0xfffull;
			if (rarely(4))
				e &= ~W;
			if (rarely(6))
				e &= ~U;
			if (rarely(30))
				e &= ~P;
			if (rarely(5) && (p.efer & NXE))
				e |= NX;
			if (rarely(40))
				e ^= 1ull << (13 + rnd() % 51);
			if (rarely(60))
				e |= PS;
			if (mode <= M32_PSE)
				e = (u32)e;
			m.entry[l] = e;
		}
		/* tables stay where they are: only entries that the walk takes for pages may roam */
		for (l = top_level[mode]; l > 1; l--) {
			u64 mask = mode <= M32_PSE ? 0xfffff000 : ((1ull << p.maxphyaddr) - 1) & ~0xfffull;

			if (model_maps(mode, l, m.entry[l], p.gbpages))
				break;
			m.entry[l] = (m.entry[l] & ~mask) | table_at(mode, l - 1);
		}
		v = model(mode, &p, &m, gva, access);
		mapped += !v.ret;
		seen.faults += v.ret && !(v.code & 8);
		seen.rsvd += v.ret && (v.code & 8);
		seen.pk += v.ret && (v.code & 32);
		wrong += !agree(mode, &p, &m, gva, access, rarely(2));
	}
	tap_ok(!wrong, "%s: %u random tables", mode_name[mode], i);
	/* a test of random things has to say what it met */
	tap_ok(mapped > n / 10 && seen.faults > n / 10 && (mode == M32 || seen.rsvd > n / 100) &&
	       (mode < M4 || seen.pk > n / 100),
	       "%s: met %u mapped, %u faults, %u of reserved bits, %u of keys", mode_name[mode],
	       mapped, seen.faults, seen.rsvd, seen.pk);
}

int main(void)
{
	enum mode mode;

	no_paging();
	by_hand();
	large_pages();
	tables();
	for (mode = 0; mode < NR_MODES; mode++)
		each_bit(mode);
	for (mode = 0; mode < NR_MODES; mode++)
		at_random(mode, 200000);
	return tap_done();
}
