/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The main program of the test suites: options, a process for each case with
 * a time limit, and the report.
 */
#ifndef VH_TESTS_RUNNER_H
#define VH_TESTS_RUNNER_H

#include "kvm.h"
#include "tap.h"

struct test_case {
	const char *name;
	void (*run)(struct tap_result *r, const void *arg);
	const void *arg;		/* passed to run() */
};

/**
 * runner_main() - run the cases the command line asks for
 * @argc: as main() got it
 * @argv: likewise: [--list] [--only P] [--skip P] [--timeout S] [DEVICE]
 * @cases: ends with a NULL name
 *
 * Return: the program's exit status.
 */
int runner_main(int argc, char **argv, const struct test_case *cases);

/**
 * want_errno() - check that a system call fails in the right way
 * @r: the case's result
 * @ret: what the call returned
 * @err: the errno it should give
 * @what: the call and its arguments, for the report
 *
 * Return: true if it did.
 */
bool want_errno(struct tap_result *r, long ret, int err, const char *what);

/* want_either() - the same when two errno values are right */
bool want_either(struct tap_result *r, long ret, int err, int err2,
		 const char *what);

/* want_ok() - check that a system call does not fail */
bool want_ok(struct tap_result *r, long ret, const char *what);

#endif
