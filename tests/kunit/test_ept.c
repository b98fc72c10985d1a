// SPDX-License-Identifier: GPL-2.0-only
/*
 * The builder of extended page tables (kmod/mmu/ept.c) against SDM Vol. 3, 29.3.2: formats by hand,
 * and random mappings against a list of what should be mapped.
 */
#include <kunit/test.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "../../kmod/mmu/slots.h"
#include "../../kmod/mmu/ept.h"

/* Tables 29-1 to 29-7, bit by bit. */
#define R		BIT_ULL(0)
#define W		BIT_ULL(1)
#define X		BIT_ULL(2)
#define RWX		(R | W | X)
#define MEMORY_TYPE	GENMASK_ULL(5, 3)
#define WRITE_BACK	(6ULL << 3)
#define IGNORE_PAT	BIT_ULL(6)
#define LARGE		BIT_ULL(7)
#define ACCESSED	BIT_ULL(8)
#define DIRTY		BIT_ULL(9)
#define ADDRESS		GENMASK_ULL(51, 12)

struct ept_test {
	struct vh_vm *vm;
	struct vh_mmu *mmu;
	long tables;			/* allocated, not freed */
	struct rnd_state rnd;
};

/* --- what the builder calls elsewhere in the module --- */

static struct ept_test *now;

void *vh_table_alloc(struct vh_vm *vm)
{
	now->tables++;
	return (void *)get_zeroed_page(GFP_KERNEL);
}

void vh_table_free(struct vh_vm *vm, void *table)
{
	now->tables--;
	free_page((unsigned long)table);
}

unsigned long vh_ept_reclaim(struct vh_vm *vm, unsigned long want, bool force, bool *more)
{
	return 0;
}

/* --- an EPT --- */

static int begin(struct kunit *test)
{
	struct ept_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	test->priv = now = t;
	prandom_seed_state(&t->rnd, 29);
	t->vm = kvzalloc(sizeof(*t->vm), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->vm);
	t->mmu = kunit_kzalloc(test, sizeof(*t->mmu), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->mmu);
	t->mmu->vm = t->vm;
	t->vm->mmu = t->mmu;
	rwlock_init(&t->mmu->lock);
	vh_ept_caps = (struct vh_ept_caps){ .ad = true, .huge_2m = true, .huge_1g = true };
	t->mmu->ad = true;
	KUNIT_ASSERT_EQ(test, vh_ept_init(t->mmu, 0), 0);
	return 0;
}

/* Removes [@start, @end), in parts of @budget; how many parts. */
static unsigned int zap(struct ept_test *t, gfn_t start, gfn_t end, long budget)
{
	struct vh_zap z = { .start = start, .end = end };
	unsigned int parts = 0;
	bool more;

	INIT_LIST_HEAD(&z.tables);
	do {
		z.budget = budget;
		write_lock(&t->mmu->lock);
		more = vh_ept_zap(t->mmu, &z);
		write_unlock(&t->mmu->lock);
		parts++;
	} while (more && parts < 100000);
	vh_ept_free_tables(t->vm, &z.tables);
	return parts;
}

/* In parts of 7 pages; is a flush due? */
static bool protect(struct ept_test *t, const struct vh_mmu_ops *ops, gfn_t start, gfn_t end)
{
	struct vh_zap z = { .start = start, .end = end };
	bool more;

	do {
		z.budget = 7;
		write_lock(&t->mmu->lock);
		more = ops->protect(t->mmu, &z);
		write_unlock(&t->mmu->lock);
	} while (more);
	return z.flush;
}

static void end(struct kunit *test)
{
	struct ept_test *t = test->priv;

	if (!t || !t->mmu || !t->mmu->ept[0].root)
		return;
	zap(t, 0, VH_ALL_GFNS, VH_ZAP_BATCH);
	KUNIT_EXPECT_EQ(test, t->tables, 1L);
	vh_table_free(t->vm, t->mmu->ept[0].root);
	kvfree(t->vm);
}

static int map(struct ept_test *t, gfn_t gfn, u64 entry, int level)
{
	struct vh_table_cache cache = {};
	int r;

	while (cache.n < ARRAY_SIZE(cache.table))
		cache.table[cache.n++] = vh_table_alloc(t->vm);
	read_lock(&t->mmu->lock);
	r = vh_ept_map(t->mmu, gfn, entry, level, &cache);
	read_unlock(&t->mmu->lock);
	while (cache.n)
		vh_table_free(t->vm, cache.table[--cache.n]);
	return r;
}

/* As the processor walks (29.3.2): the entry that maps @gfn, its level; 0 when there is none. */
static u64 *walk(struct kunit *test, struct vh_mmu *mmu, gfn_t gfn, int *level)
{
	u64 *table = mmu->ept[gfn >= VH_SPACE_GFN].root;

	for (*level = 4; ; --*level) {
		u64 *e = &table[gfn >> (9 * (*level - 1)) & 511];

		if (!(*e & RWX)) {
			KUNIT_EXPECT_EQ(test, *e, 0ULL);
			return NULL;
		}
		/* 29.3.3.1: writable but not readable is a misconfiguration */
		KUNIT_EXPECT_TRUE(test, *e & R);
		if (*level == 1 || (*e & LARGE)) {
			KUNIT_EXPECT_LT(test, *level, 4);
			/* reserved: address bits below the page's size */
			KUNIT_EXPECT_EQ(test, *e & ADDRESS & ((4096ULL << (9 * (*level - 1))) - 1), 0ULL);
			KUNIT_EXPECT_EQ(test, *e & MEMORY_TYPE, WRITE_BACK);
			return e;
		}
		/* 7:3 of what refers to a table are reserved; rights are the leaf's business */
		KUNIT_EXPECT_EQ(test, *e & GENMASK_ULL(7, 3), 0ULL);
		KUNIT_EXPECT_EQ(test, *e & RWX, RWX);
		table = __va(*e & ADDRESS);
	}
}

/* --- formats --- */

static void test_formats(struct kunit *test)
{
	struct ept_test *t = test->priv;
	u64 e = ept_entry(0x12345, true);

	/* Table 29-7 */
	KUNIT_EXPECT_EQ(test, e, 0x12345000ULL | RWX | WRITE_BACK | IGNORE_PAT | ACCESSED);
	KUNIT_EXPECT_EQ(test, ept_entry(0x12345, false), e & ~W);
	/* 25.6.11, Table 25-9: memory type 6, page-walk length minus 1 in 5:3, A/D in 6 */
	KUNIT_EXPECT_EQ(test, t->mmu->ept[0].eptp, __pa(t->mmu->ept[0].root) | 6 | 3 << 3 | BIT_ULL(6));
	/* Figure 29-1: 9 bits a level */
	KUNIT_EXPECT_EQ(test, ept_index(0x123456789ULL, 1), 0x189U);
	KUNIT_EXPECT_EQ(test, ept_index(0x123456789ULL, 2), 0x0b3U);
	KUNIT_EXPECT_EQ(test, ept_index(0x123456789ULL, 3), 0x0d1U);
	KUNIT_EXPECT_EQ(test, ept_index(0x123456789ULL, 4), 0x024U);
}

static void test_no_ad(struct kunit *test)
{
	struct vh_mmu *mmu = kunit_kzalloc(test, sizeof(*mmu), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, mmu);
	mmu->vm = now->vm;
	vh_ept_caps.ad = false;
	rwlock_init(&mmu->lock);
	KUNIT_EXPECT_EQ(test, vh_ept_init(mmu, 0), 0);
	KUNIT_EXPECT_EQ(test, mmu->ept[0].eptp, __pa(mmu->ept[0].root) | 6 | 3 << 3);
	vh_table_free(mmu->vm, mmu->ept[0].root);
}

/* --- one leaf of each size --- */

static const int levels[] = { 1, 2, 3 };

static void level_name(const int *level, char *name)
{
	strcpy(name, *level == 1 ? "4K" : *level == 2 ? "2M" : "1G");
}
KUNIT_ARRAY_PARAM(level, levels, level_name);

#define ALIEN	EPT_NO_PAGE		/* no struct page is looked at */

static void test_leaf(struct kunit *test)
{
	int level = *(const int *)test->param_value, found;
	struct ept_test *t = test->priv;
	gfn_t span = 1ULL << (9 * (level - 1)), gfn = 5 * (1ULL << 27) + 3 * (1ULL << 18);
	u64 entry = ept_entry(7 * (1ULL << 18), false) | ALIEN, *e;

	KUNIT_EXPECT_EQ(test, map(t, gfn, entry, level), 0);
	KUNIT_EXPECT_EQ(test, t->tables, 1L + 4 - level);
	e = walk(test, t->mmu, gfn, &found);
	KUNIT_ASSERT_NOT_NULL(test, e);
	KUNIT_EXPECT_EQ(test, found, level);
	KUNIT_EXPECT_EQ(test, *e, entry | (level > 1 ? LARGE : 0));
	KUNIT_EXPECT_PTR_EQ(test, e, walk(test, t->mmu, gfn + span - 1, &found));
	KUNIT_EXPECT_PTR_EQ(test, (u64 *)NULL, walk(test, t->mmu, gfn + span, &found));
	KUNIT_EXPECT_PTR_EQ(test, (u64 *)NULL, walk(test, t->mmu, gfn - 1, &found));

	/* The same again; with more rights, which keeps what the processor noted; another page. */
	KUNIT_EXPECT_EQ(test, map(t, gfn, entry, level), 0);
	*e |= DIRTY;
	KUNIT_EXPECT_EQ(test, map(t, gfn, entry | W, level), 0);
	KUNIT_EXPECT_EQ(test, *e, entry | W | DIRTY | (level > 1 ? LARGE : 0));
	KUNIT_EXPECT_EQ(test, map(t, gfn, entry, level), 0);
	KUNIT_EXPECT_TRUE(test, *e & W);
	KUNIT_EXPECT_EQ(test, map(t, gfn, entry ^ (1ULL << 40), level), -EEXIST);
	/* A smaller page below a large one is there already, if it has the rights. */
	if (level > 1) {
		KUNIT_EXPECT_EQ(test, map(t, gfn + 1, entry, 1), 0);
		*e &= ~W;
		KUNIT_EXPECT_EQ(test, map(t, gfn + 1, entry, 1), 0);
		KUNIT_EXPECT_EQ(test, map(t, gfn + 1, entry | W, 1), -EEXIST);
	}
	/* Where a table is no larger page fits. */
	if (level < 3)
		KUNIT_EXPECT_EQ(test, map(t, gfn, entry, level + 1), -EEXIST);
	KUNIT_EXPECT_EQ(test, t->tables, 1L + 4 - level);

	/* Any page of it takes the whole away, and the tables with it only when they are empty. */
	KUNIT_EXPECT_EQ(test, map(t, gfn + span, entry, level), 0);
	zap(t, gfn + span - 1, gfn + span, 1);
	KUNIT_EXPECT_EQ(test, *e, 0ULL);
	KUNIT_EXPECT_EQ(test, t->tables, 1L + 4 - level);
	zap(t, gfn + span, gfn + span + 1, 1);
	KUNIT_EXPECT_EQ(test, t->tables, 1L);
}

static void test_no_tables(struct kunit *test)
{
	struct ept_test *t = test->priv;
	struct vh_table_cache cache = {};
	int n;

	for (n = 0; n < 3; n++) {
		KUNIT_EXPECT_EQ(test, vh_ept_map(t->mmu, 1, ept_entry(1, true) | ALIEN, 1, &cache), -ENOMEM);
		cache.table[cache.n++] = vh_table_alloc(t->vm);
	}
	KUNIT_EXPECT_EQ(test, vh_ept_map(t->mmu, 1, ept_entry(1, true) | ALIEN, 1, &cache), 0);
	KUNIT_EXPECT_EQ(test, cache.n, 0U);
}

/* --- the host page's state --- */

static void test_page_state(struct kunit *test)
{
	struct ept_test *t = test->priv;
	struct page *page = alloc_page(GFP_KERNEL);
	u64 *e, entry;
	int level;

	KUNIT_ASSERT_NOT_NULL(test, page);
	entry = ept_entry(page_to_pfn(page), true);
	ClearPageDirty(page);
	KUNIT_EXPECT_EQ(test, map(t, 9, entry, 1), 0);
	e = walk(test, t->mmu, 9, &level);
	KUNIT_ASSERT_NOT_NULL(test, e);

	/* used: said once, forgotten with @clear */
	KUNIT_EXPECT_TRUE(test, vh_ept_ops.young(t->mmu, 9, 10, false));
	KUNIT_EXPECT_TRUE(test, vh_ept_ops.young(t->mmu, 9, 10, true));
	KUNIT_EXPECT_FALSE(test, vh_ept_ops.young(t->mmu, 9, 10, false));
	KUNIT_EXPECT_EQ(test, *e, entry & ~ACCESSED);
	KUNIT_EXPECT_FALSE(test, vh_ept_ops.young(t->mmu, 10, VH_ALL_GFNS, true));

	/* written pages become dirty; clean ones do not */
	KUNIT_EXPECT_TRUE(test, protect(t, &vh_ept_ops, 0, 100));
	KUNIT_EXPECT_FALSE(test, *e & W);
	KUNIT_EXPECT_FALSE(test, PageDirty(page));
	KUNIT_EXPECT_FALSE(test, protect(t, &vh_ept_ops, 0, 100));
	*e |= W | DIRTY;
	KUNIT_EXPECT_FALSE(test, protect(t, &vh_ept_ops, 10, 100));
	KUNIT_EXPECT_TRUE(test, protect(t, &vh_ept_ops, 9, 10));
	KUNIT_EXPECT_EQ(test, *e & (W | DIRTY), 0ULL);
	KUNIT_EXPECT_TRUE(test, PageDirty(page));

	/* with PML only the dirty bit goes */
	ClearPageDirty(page);
	*e |= W;
	KUNIT_EXPECT_FALSE(test, protect(t, &vh_ept_pml_ops, 0, 100));
	*e |= DIRTY;
	KUNIT_EXPECT_TRUE(test, protect(t, &vh_ept_pml_ops, 0, 100));
	KUNIT_EXPECT_EQ(test, *e & (W | DIRTY), W);
	KUNIT_EXPECT_TRUE(test, PageDirty(page));

	/* what goes leaves its dirty bit behind; without A/D bits what was writable counts */
	ClearPageDirty(page);
	zap(t, 9, 10, 1);
	KUNIT_EXPECT_FALSE(test, PageDirty(page));
	KUNIT_EXPECT_EQ(test, map(t, 9, entry | DIRTY, 1), 0);
	zap(t, 9, 10, 1);
	KUNIT_EXPECT_TRUE(test, PageDirty(page));
	ClearPageDirty(page);
	t->mmu->ad = false;
	KUNIT_EXPECT_EQ(test, map(t, 9, entry, 1), 0);
	zap(t, 9, 10, 1);
	KUNIT_EXPECT_TRUE(test, PageDirty(page));
	ClearPageDirty(page);
	__free_page(page);
}

/* Memory types of a device (SDM 29.3.7.2), and that nothing is looked for behind its pfn. */
static void test_device(struct kunit *test)
{
	static const struct {
		enum vh_memtype type;
		u64 bits;
	} types[] = {
		{ VH_MEM_WB, WRITE_BACK | IGNORE_PAT },
		{ VH_MEM_WC, 1ULL << 3 | IGNORE_PAT },
		{ VH_MEM_UC, IGNORE_PAT },
		{ VH_MEM_UC_MINUS, 0 },
	};
	/* No host has memory there. */
	const unsigned long pfn = 0xffffff0000UL;
	struct ept_test *t = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		u64 e = ept_device(pfn + i, i & 1, types[i].type);

		KUNIT_EXPECT_EQ(test, e & (MEMORY_TYPE | IGNORE_PAT), types[i].bits);
		KUNIT_EXPECT_EQ(test, e & ADDRESS, (u64)(pfn + i) << 12);
		KUNIT_EXPECT_EQ(test, e & RWX, i & 1 ? RWX : R | X);
		KUNIT_EXPECT_EQ(test, map(t, i, e | DIRTY, 1), 0);
	}
	/* Each of these would touch its struct page. */
	KUNIT_EXPECT_TRUE(test, protect(t, &vh_ept_pml_ops, 0, 2));
	KUNIT_EXPECT_FALSE(test, protect(t, &vh_ept_pml_ops, 0, 2));
	KUNIT_EXPECT_TRUE(test, protect(t, &vh_ept_ops, 2, 4));
	zap(t, 0, 4, VH_ZAP_BATCH);
}

/* Large pages go when they are to be watched: they come back small. */
static void test_protect_large(struct kunit *test)
{
	struct ept_test *t = test->priv;
	int level;

	KUNIT_EXPECT_EQ(test, map(t, 512, ept_entry(512, true) | ALIEN, 2), 0);
	KUNIT_EXPECT_TRUE(test, protect(t, &vh_ept_ops, 513, 514));
	KUNIT_EXPECT_PTR_EQ(test, (u64 *)NULL, walk(test, t->mmu, 512, &level));
	KUNIT_EXPECT_EQ(test, map(t, 512, ept_entry(512, true) | ALIEN, 2), 0);
	KUNIT_EXPECT_TRUE(test, protect(t, &vh_ept_pml_ops, 0, 1024));
	KUNIT_EXPECT_PTR_EQ(test, (u64 *)NULL, walk(test, t->mmu, 512, &level));
}

/* --- random mappings --- */

#define GFNS	(3 << 10)		/* a window over three tables, at the end of a 1-GByte region */
#define BASE	((1ULL << 18) - (GFNS / 2))

struct model {
	u32 pfn[GFNS];			/* 0: not mapped */
	u8 level[GFNS];
	bool write[GFNS];
};

static void compare(struct kunit *test, struct ept_test *t, struct model *m)
{
	unsigned int i, wrong = 0;

	for (i = 0; i < GFNS; i++) {
		gfn_t gfn = BASE + i;
		int level;
		u64 *e = walk(test, t->mmu, gfn, &level);
		u64 pfn = e ? ((*e & ADDRESS) >> 12) + (gfn & ((1ULL << (9 * (level - 1))) - 1)) : 0;

		if (pfn != m->pfn[i] || (e && (level != m->level[i] || !!(*e & W) != m->write[i])))
			wrong++;
	}
	KUNIT_EXPECT_EQ(test, wrong, 0U);
}

static void test_random(struct kunit *test)
{
	struct ept_test *t = test->priv;
	struct model *m = kvzalloc(sizeof(*m), GFP_KERNEL);
	unsigned int step, i;

	KUNIT_ASSERT_NOT_NULL(test, m);
	for (step = 0; step < 600; step++) {
		u32 r = prandom_u32_state(&t->rnd);
		unsigned int at = prandom_u32_state(&t->rnd) % GFNS, n = 1, level = 1;
		bool write = r & 1, free = true, same = true;
		u32 pfn = 0x100000 + at;

		if (r >> 1 & 1 && r >> 2 & 1) {
			level = 2;
			n = 512;
			at = round_down(at, 512);
			pfn = 0x200000 + at;
		}
		switch (r >> 3 & 3) {
		case 0: {	/* remove a range: large pages that it touches go whole */
			unsigned int from = at, to = min_t(unsigned int, GFNS, at + (r >> 5) % 700 + 1);

			zap(t, BASE + from, BASE + to, 1 + (r >> 16) % 64);
			for (i = from; i < to; i++) {
				unsigned int first = m->level[i] == 2 ? round_down(i, 512) : i;
				unsigned int past = m->level[i] == 2 ? first + 512 : i + 1;

				if (!m->pfn[i])
					continue;
				for (; first < past; first++)
					m->pfn[first] = m->level[first] = 0;
			}
			break;
		}
		default:
			for (i = at; i < at + n; i++) {
				free &= !m->pfn[i];
				same &= m->level[i] == level;
			}
			i = map(t, BASE + at, ept_entry(pfn, write) | ALIEN, level);
			if (free) {
				/* a table may be left over from what was there: then a large page waits */
				if (level == 2 && i == -EEXIST) {
					zap(t, BASE + at, BASE + at + n, 1000);
					i = map(t, BASE + at, ept_entry(pfn, write) | ALIEN, level);
				}
				KUNIT_EXPECT_EQ(test, (int)i, 0);
				same = true;
			} else if (level == 1 && m->level[at] == 2) {
				KUNIT_EXPECT_EQ(test, (int)i, write && !m->write[at] ? -EEXIST : 0);
				break;
			} else if (!same) {
				KUNIT_EXPECT_EQ(test, (int)i, -EEXIST);
				break;
			} else {
				KUNIT_EXPECT_EQ(test, (int)i, 0);
				write |= m->write[at];
			}
			for (i = at; i < at + n; i++) {
				m->pfn[i] = pfn + i - at;
				m->level[i] = level;
				m->write[i] = write;
			}
		}
		if (step % 20 == 0) {
			compare(test, t, m);
			cond_resched();
		}
	}
	compare(test, t, m);
	kvfree(m);
}

/* A budget that runs out goes on where it stopped, and does all. */
static void test_budget(struct kunit *test)
{
	struct ept_test *t = test->priv;
	unsigned int i, parts;
	int level;

	for (i = 0; i < 2048; i++)
		KUNIT_ASSERT_EQ(test, map(t, i, ept_entry(i + 1, true) | ALIEN, 1), 0);
	parts = zap(t, 0, 2000, 512);
	KUNIT_EXPECT_GE(test, parts, 3U);
	for (i = 0; i < 2048; i++)
		KUNIT_EXPECT_EQ(test, !!walk(test, t->mmu, i, &level), i >= 2000);
}

/* Each address space has its own tables; a range that covers both is zapped in both. */
static void test_spaces(struct kunit *test)
{
	struct ept_test *t = test->priv;
	const gfn_t far = VH_SPACE_GFN + VH_ALL_GFNS - 1;
	int level;

	KUNIT_ASSERT_EQ(test, vh_ept_init(t->mmu, 1), 0);
	KUNIT_EXPECT_NE(test, t->mmu->ept[0].eptp, t->mmu->ept[1].eptp);
	KUNIT_ASSERT_EQ(test, map(t, 5, ept_entry(1, true) | ALIEN, 1), 0);
	KUNIT_EXPECT_NULL(test, walk(test, t->mmu, VH_SPACE_GFN + 5, &level));
	KUNIT_ASSERT_EQ(test, map(t, VH_SPACE_GFN + 5, ept_entry(2, true) | ALIEN, 1), 0);
	KUNIT_ASSERT_EQ(test, map(t, far, ept_entry(3, true) | ALIEN, 1), 0);
	KUNIT_EXPECT_TRUE(test, protect(t, &vh_ept_ops, VH_SPACE_GFN + 5, VH_SPACE_GFN + 6));
	KUNIT_EXPECT_TRUE(test, *walk(test, t->mmu, 5, &level) & W);
	KUNIT_EXPECT_FALSE(test, *walk(test, t->mmu, VH_SPACE_GFN + 5, &level) & W);
	zap(t, 0, VH_ALL_GFNS, VH_ZAP_BATCH);
	KUNIT_EXPECT_NULL(test, walk(test, t->mmu, 5, &level));
	KUNIT_EXPECT_NOT_NULL(test, walk(test, t->mmu, VH_SPACE_GFN + 5, &level));
	KUNIT_ASSERT_EQ(test, map(t, 5, ept_entry(1, true) | ALIEN, 1), 0);
	zap(t, VH_SPACE_GFN + 5, VH_SPACE_GFN + 6, VH_ZAP_BATCH);
	KUNIT_EXPECT_NOT_NULL(test, walk(test, t->mmu, 5, &level));
	KUNIT_EXPECT_NULL(test, walk(test, t->mmu, VH_SPACE_GFN + 5, &level));
	/* one leaf a part: over the border */
	KUNIT_EXPECT_GE(test, zap(t, 0, VH_ALL_SPACES, 1), 2U);
	KUNIT_EXPECT_NULL(test, walk(test, t->mmu, 5, &level));
	KUNIT_EXPECT_NULL(test, walk(test, t->mmu, far, &level));
	KUNIT_EXPECT_EQ(test, t->tables, 2L);
	vh_table_free(t->vm, t->mmu->ept[1].root);
	t->mmu->ept[1].root = NULL;
}

static struct kunit_case ept_cases[] = {
	KUNIT_CASE(test_formats),
	KUNIT_CASE(test_no_ad),
	KUNIT_CASE_PARAM(test_leaf, level_gen_params),
	KUNIT_CASE(test_no_tables),
	KUNIT_CASE(test_page_state),
	KUNIT_CASE(test_device),
	KUNIT_CASE(test_protect_large),
	KUNIT_CASE(test_budget),
	KUNIT_CASE(test_random),
	KUNIT_CASE(test_spaces),
	{}
};

static struct kunit_suite ept_suite = {
	.name = "vh-ept",
	.init = begin,
	.exit = end,
	.test_cases = ept_cases,
};
kunit_test_suite(ept_suite);
