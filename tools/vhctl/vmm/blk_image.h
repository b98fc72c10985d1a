/* SPDX-License-Identifier: GPL-2.0-only */
/* blk_image.h - between a disk's io_uring and who serves its image: requests go by nbd_submit(). */
#ifndef BLK_IMAGE_H
#define BLK_IMAGE_H

#include "vmm/disk.h"
#include "vmm/nbd.h"

/* Of the files that the ring has: who serves it, and what that says. */
enum { BLK_IMAGE_FILE_SERVER, BLK_IMAGE_FILE_WORDS };

enum blk_image_event { BLK_IMAGE_SENT, BLK_IMAGE_RECEIVED, BLK_IMAGE_SAID, BLK_IMAGE_EVENTS };

/**
 * struct blk_image - an image that is served; all of it is the disk's thread's, but for @storage
 * @nbd: the connection
 * @storage: who serves it; blk_image_end()'s alone, which may come before a thread that hangs has ended
 * @words: what that says
 */
struct blk_image {
	struct nbd *nbd;
	struct storage *storage;
	const char *name;
	struct io_uring *ring;
	void *data[BLK_IMAGE_EVENTS];
	bool listening, deaf, lost;
	int words, complaints;
	char said[1024];
};

struct blk_image *blk_image_create(const struct disk *d, const char *name, struct nbd *nbd,
				   struct io_uring *ring, void *const *data);
void blk_image_serve(struct blk_image *i);
void blk_image_event(struct blk_image *i, enum blk_image_event event, int result);
void blk_image_end(struct blk_image *i);
void blk_image_free(struct blk_image *i);

#endif /* BLK_IMAGE_H */
