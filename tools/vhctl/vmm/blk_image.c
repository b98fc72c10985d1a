// SPDX-License-Identifier: GPL-2.0-only
/* blk_image.c - the connection to who serves a disk's image, and what that says, by the disk's io_uring. */
#include <stdlib.h>
#include <string.h>

#include "vhctl.h"
#include "vmm/blk_image.h"
#include "vmm/storage.h"
#include "vmm/vmm.h"

/* A prepared request goes to the ring, for one of the files that it has. */
static void put_sqe(struct blk_image *i, struct io_uring_sqe *s, int file, enum blk_image_event event)
{
	s->fd = file;
	io_uring_sqe_set_flags(s, IOSQE_FIXED_FILE);
	io_uring_sqe_set_data(s, i->data[event]);
}

static struct io_uring_sqe *new_sqe(struct blk_image *i)
{
	struct io_uring_sqe *s;

	while (!(s = io_uring_get_sqe(i->ring)))
		io_uring_submit(i->ring);
	return s;
}

/**
 * blk_image_create - a disk's image
 * @d: the disk, open
 * @name: of it, in messages; kept
 * @nbd: the connection to who serves it
 * @ring: io_uring of the disk's thread; not set up yet
 * @data: user data of the ring for each of BLK_IMAGE_EVENTS
 */
struct blk_image *blk_image_create(const struct disk *d, const char *name, struct nbd *nbd,
				   struct io_uring *ring, void *const *data)
{
	struct blk_image *i = calloc(1, sizeof(*i));

	if (!i)
		abort();
	i->nbd = nbd;
	i->storage = d->image;
	i->words = d->image->daemon.said;
	i->name = name;
	i->ring = ring;
	memcpy(i->data, data, sizeof(i->data));
	return i;
}

/**
 * blk_image_serve - send and receive what there is
 * @i: the image
 *
 * To be called before the ring is waited for.
 */
void blk_image_serve(struct blk_image *i)
{
	struct io_uring_sqe *s;

	if (nbd_wants_send(i->nbd)) {
		s = new_sqe(i);
		nbd_prepare_send(i->nbd, s);
		put_sqe(i, s, BLK_IMAGE_FILE_SERVER, BLK_IMAGE_SENT);
	}
	if (nbd_wants_receive(i->nbd)) {
		s = new_sqe(i);
		nbd_prepare_receive(i->nbd, s);
		put_sqe(i, s, BLK_IMAGE_FILE_SERVER, BLK_IMAGE_RECEIVED);
	}
	if (!i->listening && !i->deaf) {
		s = new_sqe(i);
		io_uring_prep_read(s, i->words, i->said, sizeof(i->said) - 1, 0);
		put_sqe(i, s, BLK_IMAGE_FILE_WORDS, BLK_IMAGE_SAID);
		i->listening = true;
	}
}

static void heard(struct blk_image *i, int n)
{
	i->listening = false;
	i->deaf = n <= 0;
	if (n <= 0)
		return;
	i->said[n] = 0;
	if (may_complain(&i->complaints))
		storage_say(i->name, i->said);
}

/**
 * blk_image_event - the ring has done what blk_image_serve() asked it for
 * @i: the image
 * @event: which it was
 * @result: of it
 */
void blk_image_event(struct blk_image *i, enum blk_image_event event, int result)
{
	switch (event) {
	case BLK_IMAGE_SENT:
		nbd_sent(i->nbd, result);
		break;
	case BLK_IMAGE_RECEIVED:
		nbd_received(i->nbd, result);
		break;
	default:
		heard(i, result);
	}
	if (!i->lost && nbd_over(i->nbd)) {
		i->lost = true;
		error("%s: qemu-storage-daemon is lost: %s; all requests fail from now on", i->name, nbd_over(i->nbd));
	}
}

/**
 * blk_image_end - end who serves it
 * @i: the image; the disk's thread has ended, or hangs until it is lost
 */
void blk_image_end(struct blk_image *i)
{
	storage_end(i->storage, i->name);
}

/**
 * blk_image_free - what blk_image_create() made, and the connection
 * @i: the image, after blk_image_end(); the disk's thread has ended, or is the caller
 */
void blk_image_free(struct blk_image *i)
{
	free(i->nbd);
	free(i);
}
