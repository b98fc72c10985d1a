// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk_ring.c - a disk's thread, its io_uring and its requests: taken from the queues, done on a file, or
 * by asking who serves an image (blk_image.c), and given back.
 *
 * The thread sleeps in io_uring until a queue is kicked, a request is done, or the device is started or
 * stopped.
 */
#include <errno.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "vhctl.h"
#include "vmm/blk.h"
#include "vmm/confine.h"
#include "vmm/vmm.h"

#define RING_ENTRIES	256
#define MAX_IN_FLIGHT	(BLK_MAX_QUEUES * VQ_SIZE + BLK_MAX_QUEUES + 1)
#define MAX_BOUNCE	(16u << 20)	/* bytes, of all requests in flight */
#define CHUNK		(1u << 20)

/* --- io_uring --- */

/*
 * What the ring reaches: requests are not looked at by a thread's filter of system calls. Files are those
 * that were registered, by these numbers, and requests those of allow(), from before the guest runs.
 */
enum {
	FILE_DISK = BLK_IMAGE_FILE_SERVER, FILE_SAID = BLK_IMAGE_FILE_WORDS, FILE_CONTROL, FILE_KICK,
	NR_FILES = FILE_KICK + BLK_MAX_QUEUES
};

static struct io_uring_sqe *new_sqe(struct blk *b)
{
	struct io_uring_sqe *s;

	while (!(s = io_uring_get_sqe(&b->ring)))
		io_uring_submit(&b->ring);
	return s;
}

/* A prepared request goes to the ring, for a registered file. */
static void put_sqe(struct io_uring_sqe *s, struct tag *tag)
{
	io_uring_sqe_set_flags(s, IOSQE_FIXED_FILE);
	io_uring_sqe_set_data(s, tag);
}

static void wait_for(struct blk *b, struct tag *tag, int file, uint64_t *count)
{
	struct io_uring_sqe *s = new_sqe(b);

	io_uring_prep_read(s, file, count, sizeof(*count), 0);
	put_sqe(s, tag);
}

/* --- images --- */

static void ask_image(struct blk *b, struct request *rq, enum nbd_command command, uint16_t flags, uint64_t bytes)
{
	rq->op = (struct nbd_op){
		.command = command, .flags = flags, .offset = command == NBD_FLUSH ? 0 : rq->r.offset, .bytes = bytes,
		.iov = rq->r.iov, .iovs = command == NBD_READ || command == NBD_WRITE ? rq->r.iovs : 0,
	};
	nbd_submit(b->image->nbd, &rq->op);
}

/* --- files --- */

static void transfer(struct blk *b, struct request *rq)
{
	const struct iovec *iov = rq->bounce ? &rq->part : rq->r.iov;
	struct io_uring_sqe *s;
	int n = rq->bounce ? 1 : rq->r.iovs;

	if (b->image) {
		ask_image(b, rq, rq->r.op == BLK_READ ? NBD_READ : NBD_WRITE, 0,
			  rq->r.bytes < NBD_MAX_BYTES ? rq->r.bytes : NBD_MAX_BYTES);
		return;
	}
	s = new_sqe(b);
	if (rq->r.op == BLK_READ)
		io_uring_prep_readv(s, FILE_DISK, iov, n, rq->r.offset);
	else
		io_uring_prep_writev(s, FILE_DISK, iov, n, rq->r.offset);
	put_sqe(s, &rq->tag);
}

static void give_back(struct blk *b, struct request *rq, int mode)
{
	struct io_uring_sqe *s;

	rq->mode = mode;
	if (b->image) {
		ask_image(b, rq, rq->r.op == BLK_DISCARD ? NBD_TRIM : NBD_ZERO,
			  mode == FALLOC_FL_ZERO_RANGE ? NBD_NO_HOLE : 0, rq->r.bytes);
		return;
	}
	s = new_sqe(b);
	io_uring_prep_fallocate(s, FILE_DISK, mode | FALLOC_FL_KEEP_SIZE, rq->r.offset, rq->r.bytes);
	put_sqe(s, &rq->tag);
}

/* --- requests --- */

static struct request *new_request(struct blk *b, int queue)
{
	struct request *rq = b->unused;

	if (rq)
		b->unused = rq->next;
	else
		rq = malloc(sizeof(*rq));
	if (!rq)
		abort();
	rq->tag = (struct tag){ TAG_REQUEST, queue };
	rq->bounce = NULL;
	rq->data = 0;
	return rq;
}

static void free_request(struct blk *b, struct request *rq)
{
	if (rq->bounce) {
		b->bounced -= rq->bounced;
		free(rq->bounce);
	}
	rq->next = b->unused;
	b->unused = rq;
}

static void finish(struct blk *b, struct request *rq, uint8_t status)
{
	__atomic_store_n(rq->r.status_at, status, __ATOMIC_RELAXED);
	vq_push(&b->virtio.queue[rq->tag.queue].vq, rq->r.chain.head, rq->data + 1);
	b->in_flight--;
	free_request(b, rq);
}

static void failed(struct blk *b, struct request *rq, const char *what, int err)
{
	if (may_complain(&b->complaints))
		error("%s: %s at %llu: %s", b->name, what, (unsigned long long)rq->r.offset,
		      err ? strerror(err) : "the file ends there");
	rq->data = 0;
	finish(b, rq, VIRTIO_BLK_S_IOERR);
}

static bool aligned(const struct blk *b, const struct blk_request *r)
{
	for (int i = 0; i < r->iovs; i++)
		if (((uintptr_t)r->iov[i].iov_base | r->iov[i].iov_len) % b->disk.align)
			return false;
	return true;
}

/* The first @left bytes of the data. */
static void copy_data(const struct blk_request *r, char *buffer, uint64_t left, bool to_guest)
{
	for (int i = 0; left; i++) {
		void *guest = r->iov[i].iov_base;
		size_t n = r->iov[i].iov_len < left ? r->iov[i].iov_len : left;

		memcpy(to_guest ? guest : buffer, to_guest ? buffer : guest, n);
		buffer += n;
		left -= n;
	}
}

static bool make_bounce(struct blk *b, struct request *rq)
{
	uint64_t n = rq->r.bytes;

	if (n > MAX_BOUNCE - b->bounced)
		return false;
	rq->bounce = aligned_alloc(b->disk.align, n);
	if (!rq->bounce)
		return false;
	rq->bounced = n;
	b->bounced += n;
	rq->part = (struct iovec){ rq->bounce, n };
	if (rq->r.op == BLK_WRITE)
		copy_data(&rq->r, rq->bounce, n, false);
	return true;
}

/* Too much to be copied at once: piece by piece, while everything else of the disk waits. */
static void in_pieces(struct blk *b, struct request *rq)
{
	struct blk_request *r = &rq->r;
	bool read = r->op == BLK_READ;
	char *piece = aligned_alloc(b->disk.align, CHUNK);
	ssize_t n = 0;

	errno = ENOMEM;
	while (piece && r->bytes) {
		n = r->bytes < CHUNK ? r->bytes : CHUNK;
		if (!read)
			copy_data(r, piece, n, false);
		errno = 0;
		n = read ? pread(b->disk.fd, piece, n, r->offset) : pwrite(b->disk.fd, piece, n, r->offset);
		if (n <= 0)
			break;
		if (read)
			copy_data(r, piece, n, true);
		blk_advance(r, n);
	}
	free(piece);
	if (r->bytes)
		failed(b, rq, read ? "read" : "write", errno);
	else
		finish(b, rq, VIRTIO_BLK_S_OK);
}

static void begin(struct blk *b, struct request *rq)
{
	struct blk_request *r = &rq->r;
	struct io_uring_sqe *s;

	switch (r->op) {
	case BLK_READ:
	case BLK_WRITE:
		if (r->op == BLK_READ)
			rq->data = r->bytes;
		if (!aligned(b, r) && !make_bounce(b, rq)) {
			in_pieces(b, rq);
			return;
		}
		transfer(b, rq);
		return;
	case BLK_FLUSH:
		if (b->cfg->cache == DISK_UNSAFE || b->cfg->ro)
			break;
		if (b->image) {
			ask_image(b, rq, NBD_FLUSH, 0, 0);
			return;
		}
		s = new_sqe(b);
		io_uring_prep_fsync(s, FILE_DISK, IORING_FSYNC_DATASYNC);
		put_sqe(s, &rq->tag);
		return;
	case BLK_DISCARD:
		give_back(b, rq, FALLOC_FL_PUNCH_HOLE);
		return;
	case BLK_ZERO:
		give_back(b, rq, r->unmap ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE);
		return;
	case BLK_ID:
		rq->data = blk_give_id(r, b->cfg->serial);
		break;
	case BLK_NOTHING:
		break;
	}
	finish(b, rq, r->status);
}

static void transferred(struct blk *b, struct request *rq, int res)
{
	bool all;

	if (res == -EINTR || res == -EAGAIN) {
		transfer(b, rq);
		return;
	}
	if (res <= 0) {
		failed(b, rq, rq->r.op == BLK_READ ? "read" : "write", -res);
		return;
	}
	if (rq->bounce) {
		rq->part.iov_base = (char *)rq->part.iov_base + res;
		rq->part.iov_len -= res;
		rq->r.offset += res;
		all = !rq->part.iov_len;
	} else {
		all = blk_advance(&rq->r, res);
	}
	if (!all) {
		transfer(b, rq);
		return;
	}
	if (rq->bounce && rq->r.op == BLK_READ)
		copy_data(&rq->r, rq->bounce, rq->bounced, true);
	finish(b, rq, VIRTIO_BLK_S_OK);
}

/* Discarding is a hint. Block devices that zero nothing may take it. */
static void discarded(struct blk *b, struct request *rq, int res)
{
	uint64_t range[2] = { rq->r.offset, rq->r.bytes };

	if (res == -EOPNOTSUPP)
		res = b->disk.device && ioctl(b->disk.fd, BLKDISCARD, range) ? -errno : 0;
	if (res && res != -EOPNOTSUPP)
		failed(b, rq, "discard", -res);
	else
		finish(b, rq, VIRTIO_BLK_S_OK);
}

/* Not every file system has both ways; what is not to be given back is then taken again. */
static void zeroed(struct blk *b, struct request *rq, int res)
{
	int first = rq->r.unmap ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE;
	int second = FALLOC_FL_PUNCH_HOLE ^ FALLOC_FL_ZERO_RANGE ^ first;

	if (res == -EOPNOTSUPP && rq->mode == first && !b->image)
		give_back(b, rq, second);
	else if (!res && rq->mode == FALLOC_FL_PUNCH_HOLE && !rq->r.unmap)
		give_back(b, rq, 0);
	else if (res && rq->mode)
		failed(b, rq, "write zeroes", -res);
	else
		finish(b, rq, VIRTIO_BLK_S_OK);
}

static void complete(struct blk *b, struct request *rq, int res)
{
	switch (rq->r.op) {
	case BLK_READ:
	case BLK_WRITE:
		transferred(b, rq, res);
		break;
	case BLK_DISCARD:
		discarded(b, rq, res);
		break;
	case BLK_ZERO:
		zeroed(b, rq, res);
		break;
	default:
		if (res < 0)
			failed(b, rq, "flush", -res);
		else
			finish(b, rq, VIRTIO_BLK_S_OK);
	}
}

/**
 * blk_image_done - an image's request is done
 * @disk: which has the image
 * @op: of the request
 * @result: 0, or an error; nbd.c tells only that, and of data as much is done as was asked for
 */
void blk_image_done(void *disk, struct nbd_op *op, int result)
{
	struct request *rq = (struct request *)((char *)op - offsetof(struct request, op));

	complete(disk, rq, result || !rq->r.bytes || op->command > NBD_WRITE ? result : (int)op->bytes);
}

/* --- queues --- */

static void broken(struct blk *b, const char *why)
{
	b->running = false;
	virtio_broken(&b->virtio, why);
}

/* Take what the limits let through; how long until they let more, 0: all is taken. */
static uint64_t take(struct blk *b, int n)
{
	struct virtqueue *q = &b->virtio.queue[n].vq;

	while (b->running) {
		struct request *rq = new_request(b, n);
		uint64_t now = b->iops.rate || b->bps.rate ? now_ns() : 0, wait, more;

		wait = bucket_wait(&b->iops, now);
		more = bucket_wait(&b->bps, now);
		if (wait < more)
			wait = more;
		if (wait || !vq_pop(q, &rq->r.chain)) {
			free_request(b, rq);
			if (q->broken)
				broken(b, q->broken);
			return wait;
		}
		if (!blk_parse(&rq->r, &b->limits)) {
			free_request(b, rq);
			q->broken = "a request without head, or without room for its status";
			broken(b, q->broken);
			return 0;
		}
		bucket_take(&b->iops, now, 1);
		if (rq->r.op == BLK_READ || rq->r.op == BLK_WRITE)
			bucket_take(&b->bps, now, rq->r.bytes);
		b->in_flight++;
		begin(b, rq);
	}
	return 0;
}

/* All queues; @wait: no longer than until a limit lets more through. */
static void serve(struct blk *b, uint64_t *wait)
{
	for (int i = 0; i < b->virtio.queues; i++) {
		struct virtqueue *q = &b->virtio.queue[i].vq;
		uint64_t later = 0;

		if (!b->running || !b->pending[i] || !q->enabled)
			continue;
		vq_hold_kicks(q);
		do {
			later = take(b, i);
		} while (!later && b->running && vq_want_kicks(q));
		b->pending[i] = later;
		if (later && later < *wait)
			*wait = later;
	}
}

static void tell(struct blk *b)
{
	for (int i = 0; i < b->virtio.queues && b->active; i++) {
		struct virtqueue *q = &b->virtio.queue[i].vq;

		if (q->enabled && vq_wants_interrupt(q))
			virtio_interrupt(&b->virtio, i);
	}
}

/* --- the ring, before the guest runs --- */

static struct io_uring_restriction allow(int op)
{
	return (struct io_uring_restriction){ .opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = op };
}

/* liburing 2.3 declares functions for these, and does not have them. */
static int tell_ring(int fd, int what, const void *arg, int n)
{
	return syscall(SYS_io_uring_register, fd, what, arg, n);
}

/**
 * blk_ring_make - a ring that does what disks need, and cannot be taught more
 * @p: filled in
 *
 * It has no files yet, and does nothing with others. A descriptor, or -1 with errno.
 */
int blk_ring_make(struct io_uring_params *p)
{
	struct io_uring_restriction only[] = {
		allow(IORING_OP_READ), allow(IORING_OP_READV), allow(IORING_OP_WRITEV), allow(IORING_OP_FSYNC),
		allow(IORING_OP_FALLOCATE),
		/* to who serves an image */
		allow(IORING_OP_SENDMSG), allow(IORING_OP_RECVMSG), allow(IORING_OP_RECV),
		{ .opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED, .sqe_flags = IOSQE_FIXED_FILE },
		{ .opcode = IORING_RESTRICTION_REGISTER_OP, .register_op = IORING_REGISTER_FILES },
		/* blk_forget() */
		{ .opcode = IORING_RESTRICTION_REGISTER_OP, .register_op = IORING_REGISTER_SYNC_CANCEL },
	};
	int fd, err;

	*p = (struct io_uring_params){ .flags = IORING_SETUP_CQSIZE | IORING_SETUP_R_DISABLED, .cq_entries = 2 * MAX_IN_FLIGHT };
	fd = syscall(SYS_io_uring_setup, RING_ENTRIES, p);
	if (fd < 0 || (tell_ring(fd, IORING_REGISTER_RESTRICTIONS, only, sizeof(only) / sizeof(only[0])) >= 0 &&
		       tell_ring(fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0) >= 0))
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

/* As io_uring_queue_init_params() leaves it. 0, or -1 with errno. */
static int map_ring(struct blk *b, int fd, struct io_uring_params *p)
{
	int err = io_uring_queue_mmap(fd, p, &b->ring);

	if (err) {
		errno = -err;
		return -1;
	}
	b->ring.features = p->features;
	for (unsigned int i = 0; i < p->sq_entries; i++)
		b->ring.sq.array[i] = i;
	return 0;
}

/* What the disk is made of. */
static int give_files(struct blk *b, int fd)
{
	int files[NR_FILES] = {
		[FILE_DISK] = b->disk.fd, [FILE_SAID] = b->image ? b->image->words : -1, [FILE_CONTROL] = b->control,
	};

	for (int i = 0; i < b->virtio.queues; i++)
		files[FILE_KICK + i] = b->virtio.queue[i].kick;
	return tell_ring(fd, IORING_REGISTER_FILES, files, FILE_KICK + b->virtio.queues);
}

/**
 * blk_ring_create - the disk's ring
 * @b: the disk, opened, and its device
 * @made: what blk_ring_make() has filled in of one that there is, in another process, which gives it to who asks for
 *	any; NULL: there is none
 *
 * 0, or -1, told.
 */
int blk_ring_create(struct blk *b, const struct io_uring_params *made)
{
	struct io_uring_params p = made ? *made : (struct io_uring_params){ 0 };
	int fd = made ? (int)syscall(SYS_io_uring_setup, 0, NULL) : blk_ring_make(&p), err;

	if (fd >= 0 && give_files(b, fd) >= 0 && !map_ring(b, fd, &p)) {
		confine_keep(fd);
		return 0;
	}
	err = errno;
	if (fd >= 0)
		close(fd);
	error("%s: cannot set up io_uring: %s%s", b->name, strerror(err), err == EPERM ?
	      " (see /proc/sys/kernel/io_uring_disabled)" : "");
	return -1;
}

/* --- the thread --- */

static void look_at_size(struct blk *b)
{
	uint64_t sectors = disk_size(&b->disk) / BLK_SECTOR;

	if (sectors == b->limits.sectors)
		return;
	b->limits.sectors = sectors;
	pthread_mutex_lock(&b->virtio.v->bus.lock);
	b->config.capacity = sectors;
	virtio_config_changed(&b->virtio);
	pthread_mutex_unlock(&b->virtio.v->bus.lock);
}

static void obey(struct blk *b)
{
	pthread_mutex_lock(&b->virtio.v->bus.lock);
	if (b->asked == START) {
		b->active = b->running = true;
		for (int i = 0; i < BLK_MAX_QUEUES; i++)
			b->pending[i] = true;
	} else if (b->asked == STOP) {
		b->running = false;
		b->stopping = true;
	}
	b->asked = NOTHING;
	if (b->quit) {
		b->running = false;
		b->ending = true;
	}
	pthread_mutex_unlock(&b->virtio.v->bus.lock);
}

static void stopped(struct blk *b)
{
	b->stopping = b->active = false;
	pthread_mutex_lock(&b->virtio.v->bus.lock);
	virtio_stopped(&b->virtio);
	pthread_mutex_unlock(&b->virtio.v->bus.lock);
}

static void reap(struct blk *b)
{
	struct io_uring_cqe *cqe;

	while (!io_uring_peek_cqe(&b->ring, &cqe)) {
		struct tag *tag = io_uring_cqe_get_data(cqe);
		int res = cqe->res;

		io_uring_cqe_seen(&b->ring, cqe);
		switch (tag->kind) {
		case TAG_KICK:
			b->pending[tag->queue] = true;
			wait_for(b, tag, FILE_KICK + tag->queue, &b->kick_count[tag->queue]);
			break;
		case TAG_CONTROL:
			obey(b);
			wait_for(b, tag, FILE_CONTROL, &b->control_count);
			break;
		case TAG_IMAGE:
			blk_image_event(b->image, tag->queue, res);
			break;
		case TAG_REQUEST:
			complete(b, (struct request *)tag, res);
			break;
		}
	}
}

/**
 * blk_serve - the thread of a disk
 * @disk: which
 */
void *blk_serve(void *disk)
{
	struct blk *b = disk;
	int i;

	b->control_tag.kind = TAG_CONTROL;
	wait_for(b, &b->control_tag, FILE_CONTROL, &b->control_count);
	for (i = 0; i < b->virtio.queues; i++) {
		b->kick_tag[i] = (struct tag){ TAG_KICK, i };
		wait_for(b, &b->kick_tag[i], FILE_KICK + i, &b->kick_count[i]);
	}
	for (;;) {
		uint64_t now = now_ns(), wait;
		struct __kernel_timespec ts;
		struct io_uring_cqe *cqe;

		if (now >= b->look_at) {
			look_at_size(b);
			b->look_at = now + SECOND;
		}
		wait = b->look_at - now;
		serve(b, &wait);
		tell(b);
		if (b->stopping && !b->in_flight)
			stopped(b);
		if (b->ending && !b->in_flight) {
			if (b->removed)
				blk_forget(b);
			return NULL;
		}
		if (b->image)
			blk_image_serve(b->image);
		ts = (struct __kernel_timespec){ wait / SECOND, wait % SECOND };
		io_uring_submit_and_wait_timeout(&b->ring, &cqe, 1, &ts, NULL);
		reap(b);
	}
}
