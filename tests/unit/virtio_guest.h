/* SPDX-License-Identifier: GPL-2.0-only */
/* virtio_guest.h - what inputs came to, so that a test knows that they reach what they are for. */
#ifndef VIRTIO_GUEST_H
#define VIRTIO_GUEST_H

#include <stddef.h>
#include <stdint.h>

struct guest_counts {
	uint64_t chains, broken, no_requests, messages, signals, sum;
	uint64_t op[8];		/* by enum blk_op */
};

extern struct guest_counts guest_counts;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#endif /* VIRTIO_GUEST_H */
