/* SPDX-License-Identifier: GPL-2.0-only */
/* tap.h - short words for expectations, for helpers without a struct kunit at hand. */
#ifndef VH_KUNIT_TAP_H
#define VH_KUNIT_TAP_H

#include <kunit/test.h>

extern struct kunit *tap_test;		/* the case that runs; suites run one after the other */

int tap_begin(struct kunit *test);	/* a suite's .init */

/* Fails the case unless @good; returns it. */
#define tap_ok(good, fmt, ...) ({						\
	bool tap_good = (good);							\
										\
	if (!tap_good)								\
		KUNIT_FAIL(tap_test, fmt, ##__VA_ARGS__);			\
	tap_good;								\
})
#define TAP_CHECK(cond) tap_ok(!!(cond), "%s:%d %s", __func__, __LINE__, #cond)
#define TAP_EQ(a, b) ({								\
	unsigned long long tap_a = (a), tap_b = (b);				\
										\
	tap_ok(tap_a == tap_b, "%s:%d %s: %#llx, expected %#llx",		\
	       __func__, __LINE__, #a, tap_a, tap_b);				\
})

/* A suite of cases that use the above. */
#define TAP_SUITE(name_, cases_)						\
	static struct kunit_suite cases_##_suite = {				\
		.name = name_, .init = tap_begin, .test_cases = cases_,		\
	};									\
	kunit_test_suite(cases_##_suite)

#endif
