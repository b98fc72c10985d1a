// SPDX-License-Identifier: GPL-2.0-only
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tap.h"

bool tap_fail(struct tap_result *r, const char *fmt, ...)
{
	va_list ap;

	if (r->verdict == TAP_FAIL)
		return false;
	r->verdict = TAP_FAIL;
	va_start(ap, fmt);
	vsnprintf(r->why, sizeof(r->why), fmt, ap);
	va_end(ap);
	return false;
}

bool tap_skip(struct tap_result *r, const char *fmt, ...)
{
	va_list ap;

	if (r->verdict != TAP_PASS)
		return false;
	r->verdict = TAP_SKIP;
	va_start(ap, fmt);
	vsnprintf(r->why, sizeof(r->why), fmt, ap);
	va_end(ap);
	return false;
}

void tap_report(struct tap_totals *t, const char *name,
		const struct tap_result *r)
{
	unsigned int n = t->passed + t->failed + t->skipped + 1;

	switch (r->verdict) {
	case TAP_PASS:
		printf("ok %u %s\n", n, name);
		t->passed++;
		break;
	case TAP_FAIL:
		printf("not ok %u %s: %s\n", n, name, r->why);
		t->failed++;
		break;
	case TAP_SKIP:
		printf("ok %u %s # skip %s\n", n, name, r->why);
		t->skipped++;
		break;
	}
	fflush(stdout);
}

int tap_finish(const struct tap_totals *t)
{
	printf("# %u passed, %u failed", t->passed, t->failed);
	if (t->skipped)
		printf(", %u skipped", t->skipped);
	printf("\n");
	fflush(stdout);
	return t->failed || !(t->passed + t->skipped);
}

bool tap_match(const char *name, const char *pattern)
{
	return !pattern || !fnmatch(pattern, name, 0) ||
	       strstr(name, pattern);
}
