/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that does not come at once, or not at all: served by userfaultfd or FUSE, late or with errors,
 * poisoned; and memory cgroups at their limit. All of it ends with the round.
 */
#ifndef VH_TESTS_BACKING_H
#define VH_TESTS_BACKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ODD_SIZE	(1u << 20)

/* backing_make() - ODD_SIZE bytes served by userfaultfd or FUSE; NULL: neither is to be had */
uint8_t *backing_make(void);

/* backing_serve() - what is missing from @at to @at + @size from now on comes late, with bytes @fill */
void backing_serve(void *at, size_t size, uint8_t fill);

/*
 * backing_file() - a file of FUSE, full of bytes @fill, whose reads come late or fail, or, unless @at_all, never
 * come; -1: not to be had. Before there are threads; once in a round.
 */
int backing_file(uint8_t fill, bool at_all);

/*
 * backing_poison() - a page of anonymous memory is poisoned; who touches it gets a SIGBUS, whose
 * handler puts another there, of bytes @fill. At most a few of a round.
 */
void backing_poison(void *page, uint8_t fill);

/* backing_tight() - this round's memory is charged to a cgroup that has room for @least KiB, and up to @more */
void backing_tight(unsigned int least, unsigned int more);

/* backing_end() - everything is served at once from now on */
void backing_end(void);

#endif
