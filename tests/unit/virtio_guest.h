/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * virtio_guest.h - what inputs came to, so that a test knows that they reach what they are for; and what
 * guests that do as an input says are made of.
 */
#ifndef VIRTIO_GUEST_H
#define VIRTIO_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "input.h"

struct guest_counts {
	uint64_t chains, broken, no_requests, messages, signals, sum;
	uint64_t op[8];		/* by enum blk_op */
	uint64_t received, merged, too_large, transmitted, commands;	/* net_guest.c */
};

extern struct guest_counts guest_counts;

/* --- the guest's memory, and where its queue is --- */

#define LOW	0x6000ULL
#define HIGH	0x1000ULL
#define DESC	0x0000ULL
#define AVAIL	0x1000ULL
#define USED	0x2000ULL
#define BUFFERS	0x3000ULL

struct vmm;
extern struct vmm vmm;

/* --- the input --- */

/* An address, mostly of memory, now and then of none or of an edge. */
uint64_t address(struct input *in);
uint32_t length(struct input *in);
void put(uint64_t gpa, uint64_t value, size_t n);
void put_descriptor(struct input *in, uint64_t table);
/* Ends the program unless it is so. */
void need(bool so, const char *what);
#define NEED(cond) need(cond, #cond)

/* net_guest.c: packets and commands */
void net_input(struct input *in);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#endif /* VIRTIO_GUEST_H */
