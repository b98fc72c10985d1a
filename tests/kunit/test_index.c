// SPDX-License-Identifier: GPL-2.0-only
/* Objects by number (kmod/acct/index.c), against a plain array of flags. */
#include <kunit/test.h>
#include <linux/prandom.h>

#include "../../kmod/acct/index.h"

#define KEYS	500

static void test_index(struct kunit *test)
{
	struct vh_index_node *n = kunit_kcalloc(test, KEYS, sizeof(*n), GFP_KERNEL), twice, *got;
	bool *in = kunit_kcalloc(test, KEYS, sizeof(*in), GFP_KERNEL);
	struct vh_index x = {};
	struct rnd_state rnd;
	int i, k, next, wrong = 0, count = 0;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, n);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, in);
	prandom_seed_state(&rnd, 0x1de);
	KUNIT_EXPECT_TRUE(test, vh_index_empty(&x));
	for (i = 0; i < 20000; i++) {
		k = prandom_u32_state(&rnd) % KEYS;
		if (in[k]) {
			wrong += vh_index_add(&x, &twice, k);
			vh_index_del(&x, &n[k]);
		} else {
			wrong += !vh_index_add(&x, &n[k], k);
		}
		in[k] = !in[k];
		count += in[k] ? 1 : -1;
		wrong += vh_index_empty(&x) != !count;
		k = prandom_u32_state(&rnd) % KEYS;
		wrong += vh_index_find(&x, k) != (in[k] ? &n[k] : NULL);
		for (next = k; next < KEYS && !in[next]; next++)
			;
		got = vh_index_next(&x, k);
		wrong += got != (next < KEYS ? &n[next] : NULL);
	}
	KUNIT_EXPECT_EQ(test, 0, wrong);
	/* the ends of what a number can be */
	KUNIT_EXPECT_TRUE(test, vh_index_add(&x, &twice, U64_MAX));
	KUNIT_EXPECT_PTR_EQ(test, &twice, vh_index_next(&x, KEYS));
	KUNIT_EXPECT_PTR_EQ(test, &twice, vh_index_find(&x, U64_MAX));
}

static struct kunit_case index_cases[] = {
	KUNIT_CASE(test_index),
	{}
};

static struct kunit_suite index_suite = {
	.name = "vh-index",
	.test_cases = index_cases,
};
kunit_test_suite(index_suite);
