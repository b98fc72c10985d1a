// SPDX-License-Identifier: GPL-2.0-only
/* module.c - vh-kunit.ko: suites, and what they share. */
#include <linux/module.h>

#include "tap.h"

struct kunit *tap_test;

int tap_begin(struct kunit *test)
{
	tap_test = test;
	return 0;
}

MODULE_DESCRIPTION("KUnit suites of vh");
MODULE_LICENSE("GPL");
