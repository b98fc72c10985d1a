/* SPDX-License-Identifier: GPL-2.0-only */
/* blk.h - a disk, between the device (blk.c) and its thread (blk_ring.c). */
#ifndef BLK_H
#define BLK_H

#include <liburing.h>
#include <linux/virtio_blk.h>

#include "vmm/blk_image.h"
#include "vmm/blk_request.h"
#include "vmm/bucket.h"
#include "vmm/disk.h"
#include "vmm/thread.h"
#include "vmm/virtio.h"

#define BLK_MAX_QUEUES	4

/* What is in flight begins with this. */
struct tag {
	enum { TAG_KICK, TAG_CONTROL, TAG_REQUEST, TAG_IMAGE } kind;
	int queue;			/* or the event, of an image */
};

struct request {
	struct tag tag;
	struct blk_request r;
	struct nbd_op op;		/* of an image */
	uint32_t data;			/* bytes that a read is to write */
	int mode;			/* of fallocate() */
	void *bounce;			/* aligned, with all data, or NULL */
	uint64_t bounced;		/* bytes of it */
	struct iovec part;		/* of that, still to do */
	struct request *next;		/* free ones */
};

enum asked { NOTHING, START, STOP };

struct blk {
	struct virtio virtio;
	struct virtio_blk_config config;	/* bus.lock */
	enum asked asked;			/* bus.lock */
	bool quit, removed;			/* bus.lock */
	struct disk_config own;			/* const, as the next nine are */
	const struct disk_config *cfg;		/* that */
	struct disk disk;
	struct blk_image *image;		/* what serves it; NULL: nothing, it is raw */
	char name[160];
	int control;
	struct thread thread;
	struct blk *next;			/* bus.lock */

	struct blk_limits limits;
	struct io_uring ring;
	struct tag control_tag, kick_tag[BLK_MAX_QUEUES], image_tag[BLK_IMAGE_EVENTS];
	uint64_t control_count, kick_count[BLK_MAX_QUEUES];	/* read into */
	bool active;				/* the queues are this thread's */
	bool running, stopping, ending, pending[BLK_MAX_QUEUES];
	int in_flight, complaints;
	uint64_t bounced;			/* bytes of copies of what is in flight */
	struct bucket iops, bps;
	uint64_t look_at;			/* at the size */
	struct request *unused;
};

/**
 * struct blk_parts - what of a disk another process has opened, and the ring that it has for it
 * @disk: open
 * @ring: as io_uring_setup(2) has filled it in
 */
struct blk_parts {
	struct disk disk;
	struct io_uring_params ring;
};

/* blk.c: a disk of these; else as blk_create(). */
int blk_plug(struct vmm *v, const struct disk_config *cfg, const struct blk_parts *parts);
/* blk.c: the guest has ejected it, and its thread, which calls, ends. */
void blk_forget(struct blk *b);

/* blk_ring.c; 0, or -1, told */
int blk_ring_make(struct io_uring_params *p);
int blk_ring_create(struct blk *b, const struct io_uring_params *made);
void *blk_serve(void *disk);
void blk_image_done(void *disk, struct nbd_op *op, int result);

#endif /* BLK_H */
