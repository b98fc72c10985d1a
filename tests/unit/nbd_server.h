/* SPDX-License-Identifier: GPL-2.0-only */
/* nbd_server.h - what inputs came to, so that a test knows that they reach what they are for. */
#ifndef NBD_SERVER_H
#define NBD_SERVER_H

#include <stddef.h>
#include <stdint.h>

struct nbd_counts {
	uint64_t greeted, not_greeted, done, failed, read, early, over, requests;
};

extern struct nbd_counts nbd_counts;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#endif /* NBD_SERVER_H */
