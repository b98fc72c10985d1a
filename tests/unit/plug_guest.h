/* SPDX-License-Identifier: GPL-2.0-only */
/* plug_guest.h - what inputs came to, so that a test knows that they reach what they are for. */
#ifndef PLUG_GUEST_H
#define PLUG_GUEST_H

#include <stddef.h>
#include <stdint.h>

struct plug_counts {
	uint64_t answers[4], changes, broken, grants, refusals, ejected, came;
};

extern struct plug_counts plug_counts;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#endif /* PLUG_GUEST_H */
