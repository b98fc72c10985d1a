/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Results of a test program, one line a case, in the manner of the Test
 * Anything Protocol:
 *
 *   ok 3 cpuid
 *   not ok 4 rdmsr-unknown: no #GP
 *   ok 5 avx512 # skip the CPU has none
 *   # 4 passed, 1 failed, 1 skipped
 */
#ifndef VH_TESTS_TAP_H
#define VH_TESTS_TAP_H

#include <stdbool.h>

/* How one case ended. */
enum tap_verdict { TAP_PASS, TAP_FAIL, TAP_SKIP };

struct tap_result {
	enum tap_verdict verdict;
	char why[400];			/* of a failure or a skip */
};

struct tap_totals {
	unsigned int passed, failed, skipped;
};

/**
 * tap_fail() - record that the case failed; the first reason is kept
 * @r: the case's result
 * @fmt: reason, as for printf
 *
 * Return: false, so that a check can be written "return tap_fail(...)".
 */
bool tap_fail(struct tap_result *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * tap_skip() - record that the case cannot be decided here
 * @r: the case's result; a failure already recorded stays
 * @fmt: reason, as for printf
 *
 * Return: false.
 */
bool tap_skip(struct tap_result *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * tap_report() - print the line of one case and count it
 * @t: totals so far
 * @name: the case
 * @r: its result
 */
void tap_report(struct tap_totals *t, const char *name,
		const struct tap_result *r);

/**
 * tap_finish() - print the totals
 * @t: totals
 *
 * Return: the program's exit status: 0, or 1 if a case failed or none ran.
 */
int tap_finish(const struct tap_totals *t);

/**
 * tap_match() - does a name match the user's --only pattern?
 * @name: the case
 * @pattern: shell pattern or substring; NULL matches everything
 */
bool tap_match(const char *name, const char *pattern);

#endif
