/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory that does not come at once, or not at all: served by userfaultfd or FUSE, late or with errors,
 * poisoned; and memory cgroups at their limit. All of it ends with the round.
 */
#ifndef VH_TESTS_BACKING_H
#define VH_TESTS_BACKING_H

#include <stddef.h>
#include <stdint.h>

#define ODD_SIZE	(1u << 20)

/* backing_make() - ODD_SIZE bytes served by userfaultfd or FUSE; NULL: neither is to be had */
uint8_t *backing_make(void);

/* backing_serve() - what is missing from @at to @at + @size from now on comes late, with bytes @fill */
void backing_serve(void *at, size_t size, uint8_t fill);

/*
 * backing_poison() - a page of anonymous memory is poisoned; who touches it gets a SIGBUS, whose
 * handler puts another there, of bytes @fill. At most a few of a round.
 */
void backing_poison(void *page, uint8_t fill);

/* backing_tight() - this round's memory is charged to a cgroup with little room */
void backing_tight(void);

/* backing_end() - everything is served at once from now on */
void backing_end(void);

#endif
