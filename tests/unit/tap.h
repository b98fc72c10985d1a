/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tap.h - the unit tests' way to report: TAP on stdout.
 */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdio.h>

static int tap_count, tap_failed;

/* One test's verdict; returns @good. */
__attribute__((format(printf, 2, 3), unused))
static int tap_ok(int good, const char *fmt, ...)
{
	va_list ap;

	tap_count++;
	tap_failed += !good;
	printf("%sok %d - ", good ? "" : "not ", tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	return good;
}

/* For main() to return. */
__attribute__((unused))
static int tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed != 0;
}

#define TAP_CHECK(cond) tap_ok(!!(cond), "%s:%d %s", __func__, __LINE__, #cond)
#define TAP_EQ(a, b) ({							\
	unsigned long long tap_a = (a), tap_b = (b);			\
	tap_ok(tap_a == tap_b, "%s:%d %s: %#llx, expected %#llx",	\
	       __func__, __LINE__, #a, tap_a, tap_b);			\
})

#endif /* TAP_H */
