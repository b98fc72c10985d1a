// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk_request.c - requests to a disk (Virtual I/O Device Version 1.2, 5.2.6), as they are in guest
 * memory: of any framing, and of any content.
 */
#include <linux/virtio_blk.h>
#include <string.h>

#include "vmm/blk_request.h"

/* What a guest may change meanwhile is looked at once. */
static void copy(void *to, const void *from, size_t n)
{
	memcpy(to, from, n);
	__asm__ volatile("" : : "r"(to) : "memory");
}

static uint64_t total(const struct iovec *iov, int n)
{
	uint64_t bytes = 0;

	while (n--)
		bytes += iov++->iov_len;
	return bytes;
}

/* The first @bytes, which are there, leave the buffers, into @to unless that is NULL. */
static void take(struct iovec **iov, int *n, void *to, uint64_t bytes)
{
	while (bytes) {
		size_t part = bytes < (*iov)->iov_len ? bytes : (*iov)->iov_len;

		if (to) {
			copy(to, (*iov)->iov_base, part);
			to = (char *)to + part;
		}
		(*iov)->iov_base = (char *)(*iov)->iov_base + part;
		(*iov)->iov_len -= part;
		bytes -= part;
		if (!(*iov)->iov_len) {
			(*iov)++;
			(*n)--;
		}
	}
}

static void done(struct blk_request *r, uint8_t status)
{
	r->op = BLK_NOTHING;
	r->status = status;
}

static void set_data(struct blk_request *r, const struct blk_limits *l, enum blk_op op,
		     struct iovec *iov, int iovs, uint64_t sector)
{
	uint64_t bytes = total(iov, iovs);

	if (bytes > BLK_MAX_BYTES || bytes % l->block || sector > l->sectors ||
	    bytes / BLK_SECTOR > l->sectors - sector || sector * BLK_SECTOR % l->block ||
	    (op == BLK_WRITE && l->ro)) {
		done(r, VIRTIO_BLK_S_IOERR);
		return;
	}
	r->op = bytes ? op : BLK_NOTHING;
	r->iov = iov;
	r->iovs = iovs;
	r->offset = sector * BLK_SECTOR;
	r->bytes = bytes;
}

static void set_range(struct blk_request *r, const struct blk_limits *l, enum blk_op op,
		      struct iovec *iov, int iovs)
{
	struct virtio_blk_discard_write_zeroes range;

	if (!l->discard) {
		done(r, VIRTIO_BLK_S_UNSUPP);
		return;
	}
	if (l->ro || total(iov, iovs) != sizeof(range)) {	/* the limit is one range */
		done(r, VIRTIO_BLK_S_IOERR);
		return;
	}
	take(&iov, &iovs, &range, sizeof(range));
	if (range.flags & ~(op == BLK_ZERO ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0u)) {
		done(r, VIRTIO_BLK_S_UNSUPP);
		return;
	}
	if (range.num_sectors > BLK_MAX_DISCARD || range.sector > l->sectors ||
	    range.num_sectors > l->sectors - range.sector) {
		done(r, VIRTIO_BLK_S_IOERR);
		return;
	}
	r->op = range.num_sectors ? op : BLK_NOTHING;
	r->offset = range.sector * BLK_SECTOR;
	r->bytes = (uint64_t)range.num_sectors * BLK_SECTOR;
	r->unmap = range.flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
}

/**
 * blk_parse - what a chain asks for
 * @r: its chain is filled in
 * @l: what the disk can do
 *
 * False when it is no request at all: without a head, or without room for the status.
 */
bool blk_parse(struct blk_request *r, const struct blk_limits *l)
{
	struct iovec *out = r->chain.iov, *in = out + r->chain.out, *last;
	int outs = r->chain.out, ins = r->chain.in;
	struct virtio_blk_outhdr head;

	if (!ins || total(out, outs) < sizeof(head))
		return false;
	take(&out, &outs, &head, sizeof(head));
	last = &in[ins - 1];
	r->status_at = (uint8_t *)last->iov_base + --last->iov_len;
	if (!last->iov_len)
		ins--;
	r->status = VIRTIO_BLK_S_OK;
	r->iov = in;
	r->iovs = 0;
	r->offset = r->bytes = 0;
	r->unmap = false;
	switch (head.type) {
	case VIRTIO_BLK_T_IN:
		set_data(r, l, BLK_READ, in, ins, head.sector);
		break;
	case VIRTIO_BLK_T_OUT:
		set_data(r, l, BLK_WRITE, out, outs, head.sector);
		break;
	case VIRTIO_BLK_T_FLUSH:
		r->op = BLK_FLUSH;
		break;
	case VIRTIO_BLK_T_GET_ID:
		r->op = BLK_ID;
		r->iovs = ins;
		break;
	case VIRTIO_BLK_T_DISCARD:
		set_range(r, l, BLK_DISCARD, out, outs);
		break;
	case VIRTIO_BLK_T_WRITE_ZEROES:
		set_range(r, l, BLK_ZERO, out, outs);
		break;
	default:
		done(r, VIRTIO_BLK_S_UNSUPP);
	}
	return true;
}

/**
 * blk_advance - so much of the data has been read or written
 * @r: the request
 * @n: bytes, no more than there are
 *
 * True when that was all.
 */
bool blk_advance(struct blk_request *r, uint64_t n)
{
	take(&r->iov, &r->iovs, NULL, n);
	r->offset += n;
	r->bytes -= n;
	return !r->bytes;
}

/**
 * blk_give_id - write the disk's id
 * @r: a request for it
 * @id: text, of which BLK_ID_BYTES are given
 *
 * Returns how many bytes were written.
 */
uint32_t blk_give_id(struct blk_request *r, const char *id)
{
	char text[BLK_ID_BYTES] = { 0 };
	uint32_t n = 0;

	memcpy(text, id, strnlen(id, sizeof(text)));
	for (int i = 0; i < r->iovs && n < sizeof(text); i++) {
		size_t part = r->iov[i].iov_len < sizeof(text) - n ? r->iov[i].iov_len : sizeof(text) - n;

		memcpy(r->iov[i].iov_base, text + n, part);
		n += part;
	}
	return n;
}
