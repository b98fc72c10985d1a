/* SPDX-License-Identifier: GPL-2.0-only */
/* blk_request.h - what a driver asks of a disk, checked. */
#ifndef BLK_REQUEST_H
#define BLK_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/virtqueue.h"

#define BLK_SECTOR		512
#define BLK_ID_BYTES		20		/* VIRTIO_BLK_ID_BYTES */
#define BLK_MAX_BYTES		(1u << 30)	/* of a request */
#define BLK_MAX_DISCARD		(1u << 22)	/* sectors of a range */

enum blk_op { BLK_NOTHING, BLK_READ, BLK_WRITE, BLK_FLUSH, BLK_ID, BLK_DISCARD, BLK_ZERO };

/**
 * struct blk_limits - what a disk can do
 * @sectors: its size
 * @block: bytes that reads and writes begin and end at multiples of
 * @ro: it is not written
 * @discard: ranges can be discarded and zeroed
 */
struct blk_limits {
	uint64_t sectors;
	uint32_t block;
	bool ro, discard;
};

/**
 * struct blk_request - a request
 * @chain: the driver's buffers; blk_parse() cuts the head and the status off
 * @op: what to do; BLK_NOTHING: @status says already how it ends
 * @status: VIRTIO_BLK_S_*
 * @status_at: where that goes in the end
 * @iov: the data, in the chain
 * @iovs: how many
 * @offset: in the file, bytes
 * @bytes: of data, or of the range
 * @unmap: what is zeroed may be given back
 */
struct blk_request {
	struct vq_chain chain;
	enum blk_op op;
	uint8_t status, *status_at;
	struct iovec *iov;
	int iovs;
	uint64_t offset, bytes;
	bool unmap;
};

bool blk_parse(struct blk_request *r, const struct blk_limits *l);
bool blk_advance(struct blk_request *r, uint64_t n);
uint32_t blk_give_id(struct blk_request *r, const char *id);

#endif /* BLK_REQUEST_H */
