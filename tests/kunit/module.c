// SPDX-License-Identifier: GPL-2.0-only
/* module.c - vh-kunit.ko: nothing but suites. */
#include <linux/module.h>

MODULE_DESCRIPTION("KUnit suites of vh");
MODULE_LICENSE("GPL");
