/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_BUG_H
#define SHIM_LINUX_BUG_H

#include <stdio.h>
#include <stdlib.h>
#include <linux/compiler.h>

/* A warning fails the test program. */
#define WARN_ON(c) ({							\
	bool warn_ = !!(c);						\
	if (warn_) {							\
		fprintf(stderr, "WARN %s:%d %s\n", __FILE__, __LINE__, #c); \
		abort();						\
	}								\
	warn_;								\
})
#define WARN_ON_ONCE(c) WARN_ON(c)
#define BUILD_BUG_ON(c) _Static_assert(!(c), #c)
#define static_assert(...) _Static_assert(__VA_ARGS__, "")

#endif
