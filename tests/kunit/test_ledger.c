// SPDX-License-Identifier: GPL-2.0-only
/* The charging algebra (kmod/acct/ledger.c): limits, all or none, and many at once. */
#include <kunit/test.h>
#include <linux/kthread.h>
#include <linux/prandom.h>
#include <linux/sched.h>

#include "../../kmod/acct/ledger.h"

#define LEVELS	4

/* A path from a root to a leaf. */
struct path {
	struct vh_ledger node[LEVELS];
};

static void path_init(struct path *p)
{
	int i;

	for (i = 0; i < LEVELS; i++)
		vh_ledger_init(&p->node[i], i ? &p->node[i - 1] : NULL);
}

static s64 usage(struct vh_ledger *l, enum vh_resource res)
{
	return atomic64_read(&l->res[res].usage);
}

/* A limit at each level in turn: what is below it and above it is refused alike. */
struct limit_case { int level; u64 limit, charged, n; int err; };

static const struct limit_case limit_cases[] = {
	{ 0, 10, 0, 10, 0 }, { 0, 10, 0, 11, -EDQUOT }, { 0, 10, 10, 1, -EDQUOT },
	{ 0, 10, 10, 0, 0 }, { 0, 0, 0, 1, -EDQUOT }, { 0, 0, 0, 0, 0 },
	{ 1, 10, 4, 6, 0 }, { 1, 10, 4, 7, -EDQUOT },
	{ 2, 1, 0, 1, 0 }, { 2, 1, 0, 2, -EDQUOT }, { 2, 1, 1, 1, -EDQUOT },
	{ 3, 10, 9, 1, 0 }, { 3, 10, 9, 2, -EDQUOT },
	{ 3, VH_LIMIT_NONE, 1, VH_MAX_VMS - 1, 0 },	/* what all resources can have */
	{ 3, VH_LIMIT_NONE, 0, VH_MAX_CHARGE + 1, -EDQUOT },	/* what no VM can have */
	{ 3, VH_LIMIT_NONE, 0, S64_MAX, -EDQUOT }, { 3, VH_LIMIT_NONE, 0, 1ULL << 63, -EDQUOT },
	{ 3, VH_LIMIT_NONE, 0, U64_MAX, -EDQUOT }, { 0, U64_MAX - 1, 5, U64_MAX, -EDQUOT },
	{ 0, S64_MAX, 5, VH_MAX_VMS - 5, 0 }, { 1, 1ULL << 63, 5, VH_MAX_VMS - 5, 0 },
	{ 2, U64_MAX - 1, 5, VH_MAX_VMS - 5, 0 }, { 2, U64_MAX - 1, 5, S64_MAX, -EDQUOT },
	{ 0, 5, 9, 0, 0 },	/* lowered below the usage (see the test): growth stops */
	{ 0, 5, 9, 1, -EDQUOT },
};

static void limit_desc(const struct limit_case *c, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "level %d limit %lld charged %lld + %lld", c->level,
		 c->limit, c->charged, c->n);
}
KUNIT_ARRAY_PARAM(limit, limit_cases, limit_desc);

static void test_limit(struct kunit *test)
{
	const struct limit_case *c = test->param_value;
	struct vh_ledger *full = NULL;
	int res, i, err;
	struct path p;

	for (res = 0; res < VH_NR_RESOURCES; res++) {
		path_init(&p);
		KUNIT_ASSERT_EQ(test, 0, vh_ledger_charge(&p.node[LEVELS - 1], res, c->charged, &full));
		p.node[c->level].res[res].limit = c->limit;
		if (!c->n && c->charged > c->limit)	/* no growth is asked for, but none is there */
			continue;
		err = vh_ledger_charge(&p.node[LEVELS - 1], res, c->n, &full);
		KUNIT_EXPECT_EQ(test, c->err, err);
		for (i = 0; i < LEVELS; i++)	/* all or none */
			KUNIT_EXPECT_EQ(test, (s64)(c->charged + (err ? 0 : c->n)),
					usage(&p.node[i], res));
		for (i = 0; i < VH_NR_RESOURCES; i++)
			if (i != res)
				KUNIT_EXPECT_EQ(test, 0LL, usage(&p.node[0], i));
		if (err && c->n <= VH_MAX_CHARGE) {
			KUNIT_EXPECT_PTR_EQ(test, &p.node[c->level], full);
			KUNIT_EXPECT_EQ(test, 1LL,
					(s64)atomic64_read(&p.node[c->level].res[res].refused));
		}
	}
}

static void test_nearest_refuses(struct kunit *test)
{
	struct vh_ledger *full = NULL;
	struct path p;

	path_init(&p);
	p.node[0].res[VH_RES_VMS].limit = 1;
	p.node[2].res[VH_RES_VMS].limit = 1;
	KUNIT_EXPECT_EQ(test, -EDQUOT, vh_ledger_charge(&p.node[3], VH_RES_VMS, 2, &full));
	KUNIT_EXPECT_PTR_EQ(test, &p.node[2], full);
	/* A charge higher up does not meet the limits below. */
	KUNIT_EXPECT_EQ(test, 0, vh_ledger_charge(&p.node[1], VH_RES_VMS, 1, &full));
	KUNIT_EXPECT_EQ(test, 0LL, usage(&p.node[2], VH_RES_VMS));
	KUNIT_EXPECT_EQ(test, -EDQUOT, vh_ledger_charge(&p.node[3], VH_RES_VMS, 1, &full));
	KUNIT_EXPECT_PTR_EQ(test, &p.node[0], full);
}

static void test_peak(struct kunit *test)
{
	struct vh_ledger *full;
	struct path p;
	int i;

	path_init(&p);
	p.node[0].res[VH_RES_MEMORY].limit = 100;
	KUNIT_EXPECT_EQ(test, 0, vh_ledger_charge(&p.node[3], VH_RES_MEMORY, 60, &full));
	KUNIT_EXPECT_EQ(test, -EDQUOT, vh_ledger_charge(&p.node[3], VH_RES_MEMORY, 60, &full));
	vh_ledger_uncharge(&p.node[3], VH_RES_MEMORY, 50);
	KUNIT_EXPECT_EQ(test, 0, vh_ledger_charge(&p.node[3], VH_RES_MEMORY, 20, &full));
	for (i = 0; i < LEVELS; i++) {	/* what was refused was never used */
		KUNIT_EXPECT_EQ(test, 60LL,
				(s64)atomic64_read(&p.node[i].res[VH_RES_MEMORY].peak));
		KUNIT_EXPECT_EQ(test, 30LL, usage(&p.node[i], VH_RES_MEMORY));
	}
}

/* However much is charged by however many: a node without a limit never refuses, and no sum overflows. */
static void test_most(struct kunit *test)
{
	struct vh_ledger *full = NULL;
	int res, refused = 0;
	struct path p;
	u64 i, sum;

	path_init(&p);
	for (i = 0; i < 100000; i++) {
		refused += vh_ledger_charge(&p.node[i % LEVELS], VH_RES_MEMORY, VH_MAX_CHARGE, &full) != 0;
		if (!(i % 64))
			cond_resched();
	}
	KUNIT_EXPECT_EQ(test, 0, refused);
	KUNIT_EXPECT_EQ(test, (s64)(100000 * VH_MAX_CHARGE), usage(&p.node[0], VH_RES_MEMORY));
	KUNIT_EXPECT_EQ(test, 0, vh_ledger_charge(&p.node[0], VH_RES_MEMORY, 1, &full));
	/* so many VMs, and no more: with them all sums are below 2^63 */
	KUNIT_EXPECT_EQ(test, 0, vh_ledger_charge(&p.node[3], VH_RES_VMS, VH_MAX_VMS, &full));
	KUNIT_EXPECT_EQ(test, -EDQUOT, vh_ledger_charge(&p.node[0], VH_RES_VMS, 1, &full));
	KUNIT_EXPECT_LE(test, (u64)VH_MAX_VMS * VH_MAX_CHARGE, (u64)S64_MAX);
	vh_ledger_uncharge(&p.node[3], VH_RES_VMS, VH_MAX_VMS);
	KUNIT_EXPECT_EQ(test, 0LL, usage(&p.node[0], VH_RES_VMS));
	/* bytes and pages */
	for (res = 0; res < VH_NR_RESOURCES; res++) {
		KUNIT_EXPECT_EQ(test, VH_LIMIT_NONE, vh_to_units(res, VH_LIMIT_NONE));
		KUNIT_EXPECT_EQ(test, VH_LIMIT_NONE, vh_from_units(res, VH_LIMIT_NONE));
		KUNIT_EXPECT_EQ(test, 0ULL, vh_from_units(res, vh_to_units(res, 0)));
		KUNIT_EXPECT_EQ(test, 8192ULL, vh_from_units(res, vh_to_units(res, 8192)));
		sum = vh_from_units(res, vh_to_units(res, VH_LIMIT_NONE - 1));
		KUNIT_EXPECT_LT(test, VH_LIMIT_NONE - 1 - sum, 4096ULL);
		sum = vh_from_units(res, (u64)VH_MAX_VMS * VH_MAX_CHARGE);
		KUNIT_EXPECT_GE(test, sum, 1ULL << 62);	/* saturated, not wrapped */
		KUNIT_EXPECT_LT(test, sum, VH_LIMIT_NONE);
	}
}

/*
 * Many at once: a root with a limit, three branches with a limit each, three
 * leaves in each; one thread a leaf charges and gives back at random, one
 * charges at a branch, and one watches.
 */
#define BRANCHES	3
#define LEAVES		3
#define ROUNDS		20000
#define ROOT_LIMIT	60
#define BRANCH_LIMIT	25
#define LEAF_LIMIT	12

struct tree {
	struct vh_ledger root, branch[BRANCHES], leaf[BRANCHES][LEAVES];
	atomic_t running, refused_root, refused_branch, refused_leaf;
	atomic64_t held;		/* what all threads believe to have */
	atomic_t over;			/* samples above a limit */
};

struct worker {
	struct tree *tree;
	struct vh_ledger *at;
	u64 seed, held;
	struct completion done;
};

static void count_refusal(struct tree *t, const struct vh_ledger *full)
{
	if (full == &t->root)
		atomic_inc(&t->refused_root);
	else if (full >= t->branch && full < t->branch + BRANCHES)
		atomic_inc(&t->refused_branch);
	else
		atomic_inc(&t->refused_leaf);
}

static int work(void *arg)
{
	struct worker *w = arg;
	struct rnd_state rnd;
	struct vh_ledger *full;
	int i;

	prandom_seed_state(&rnd, w->seed);
	for (i = 0; i < ROUNDS; i++) {
		u64 n = prandom_u32_state(&rnd) % 6 + 1;

		if (prandom_u32_state(&rnd) & 1) {
			if (vh_ledger_charge(w->at, VH_RES_VCPUS, n, &full))
				count_refusal(w->tree, full);
			else
				w->held += n;
		} else if (w->held) {
			n = min(n, w->held);
			vh_ledger_uncharge(w->at, VH_RES_VCPUS, n);
			w->held -= n;
		}
		if (!(i % 64))
			cond_resched();
	}
	atomic64_add(w->held, &w->tree->held);
	atomic_dec(&w->tree->running);
	complete(&w->done);
	return 0;
}

static void watch(struct tree *t)
{
	int i, j;

	while (atomic_read(&t->running)) {
		bool over = usage(&t->root, VH_RES_VCPUS) > ROOT_LIMIT;

		for (i = 0; i < BRANCHES; i++) {
			over |= usage(&t->branch[i], VH_RES_VCPUS) > BRANCH_LIMIT;
			for (j = 0; j < LEAVES; j++)
				over |= usage(&t->leaf[i][j], VH_RES_VCPUS) > LEAF_LIMIT;
		}
		if (over)
			atomic_inc(&t->over);
		cond_resched();
	}
}

static void test_concurrent(struct kunit *test)
{
	struct worker *w = kunit_kcalloc(test, BRANCHES * (LEAVES + 1), sizeof(*w), GFP_KERNEL);
	struct tree *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	s64 sum = 0;
	int i, j, n = 0;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, w);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, t);
	vh_ledger_init(&t->root, NULL);
	t->root.res[VH_RES_VCPUS].limit = ROOT_LIMIT;
	for (i = 0; i < BRANCHES; i++) {
		vh_ledger_init(&t->branch[i], &t->root);
		t->branch[i].res[VH_RES_VCPUS].limit = BRANCH_LIMIT;
		w[n++].at = &t->branch[i];
		for (j = 0; j < LEAVES; j++) {
			vh_ledger_init(&t->leaf[i][j], &t->branch[i]);
			t->leaf[i][j].res[VH_RES_VCPUS].limit = LEAF_LIMIT;
			w[n++].at = &t->leaf[i][j];
		}
	}
	atomic_set(&t->running, n);
	for (i = 0; i < n; i++) {
		w[i].tree = t;
		w[i].seed = 0x5eed + i;
		init_completion(&w[i].done);
		KUNIT_ASSERT_FALSE(test, IS_ERR(kthread_run(work, &w[i], "ledger/%d", i)));
	}
	watch(t);
	for (i = 0; i < n; i++)
		wait_for_completion(&w[i].done);

	KUNIT_EXPECT_EQ(test, 0, atomic_read(&t->over));
	/* Nothing lost, nothing left over, at any level. */
	KUNIT_EXPECT_EQ(test, (s64)atomic64_read(&t->held), usage(&t->root, VH_RES_VCPUS));
	for (i = 0; i < BRANCHES; i++) {
		sum = w[i * (LEAVES + 1)].held;
		for (j = 0; j < LEAVES; j++) {
			KUNIT_EXPECT_EQ(test, (s64)w[i * (LEAVES + 1) + 1 + j].held,
					usage(&t->leaf[i][j], VH_RES_VCPUS));
			sum += w[i * (LEAVES + 1) + 1 + j].held;
		}
		KUNIT_EXPECT_EQ(test, sum, usage(&t->branch[i], VH_RES_VCPUS));
	}
	/* The test has met every limit, and counted as the ledger did. */
	KUNIT_EXPECT_GT(test, atomic_read(&t->refused_root), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&t->refused_branch), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&t->refused_leaf), 0);
	KUNIT_EXPECT_EQ(test, (s64)atomic_read(&t->refused_root),
			(s64)atomic64_read(&t->root.res[VH_RES_VCPUS].refused));
	for (i = 0; i < n; i++)
		vh_ledger_uncharge(w[i].at, VH_RES_VCPUS, w[i].held);
	KUNIT_EXPECT_EQ(test, 0LL, usage(&t->root, VH_RES_VCPUS));
}

static struct kunit_case ledger_cases[] = {
	KUNIT_CASE_PARAM(test_limit, limit_gen_params),
	KUNIT_CASE(test_nearest_refuses),
	KUNIT_CASE(test_peak),
	KUNIT_CASE(test_most),
	KUNIT_CASE(test_concurrent),
	{}
};

static struct kunit_suite ledger_suite = {
	.name = "vh-ledger",
	.test_cases = ledger_cases,
};
kunit_test_suite(ledger_suite);
