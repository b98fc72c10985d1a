// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk.c - disks: virtio block devices whose requests io_uring does, on a file, or by asking who serves
 * an image (storage.c).
 *
 * Each disk has a thread, which sleeps in io_uring until a queue is kicked, a request is done, or the
 * device is started or stopped. All that a disk has is this thread's, but for what the bus lock
 * protects.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "vhctl.h"
#include "vmm/blk_image.h"
#include "vmm/blk_request.h"
#include "vmm/bucket.h"
#include "vmm/devices.h"
#include "vmm/hotplug.h"
#include "vmm/virtio.h"
#include "vmm/vmm.h"

#define MAX_QUEUES	4
#define RING_ENTRIES	256
#define MAX_IN_FLIGHT	(MAX_QUEUES * VQ_SIZE + MAX_QUEUES + 1)
#define MAX_BOUNCE	(16u << 20)	/* bytes, of all requests in flight */
#define CHUNK		(1u << 20)
#define END_SECONDS	10		/* that requests have to end, when the VM does */

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
	struct disk_config own;			/* const, as the next seven are */
	const struct disk_config *cfg;		/* that */
	struct disk disk;
	struct blk_image *image;		/* what serves it; NULL: nothing, it is raw */
	char name[160];
	int control;
	pthread_t thread;
	struct blk *next;			/* bus.lock */

	struct blk_limits limits;
	struct io_uring ring;
	struct tag control_tag, kick_tag[MAX_QUEUES], image_tag[BLK_IMAGE_EVENTS];
	uint64_t control_count, kick_count[MAX_QUEUES];	/* read into */
	bool active;				/* the queues are this thread's */
	bool running, stopping, ending, pending[MAX_QUEUES];
	int in_flight, complaints;
	uint64_t bounced;			/* bytes of copies of what is in flight */
	struct bucket iops, bps;
	uint64_t look_at;			/* at the size */
	struct request *unused;
};

static struct blk *disks;	/* bus.lock */

/* --- io_uring --- */

static struct io_uring_sqe *new_sqe(struct blk *b)
{
	struct io_uring_sqe *s;

	while (!(s = io_uring_get_sqe(&b->ring)))
		io_uring_submit(&b->ring);
	return s;
}

static void wait_for(struct blk *b, struct tag *tag, int fd, uint64_t *count)
{
	struct io_uring_sqe *s = new_sqe(b);

	io_uring_prep_read(s, fd, count, sizeof(*count), 0);
	io_uring_sqe_set_data(s, tag);
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
		io_uring_prep_readv(s, b->disk.fd, iov, n, rq->r.offset);
	else
		io_uring_prep_writev(s, b->disk.fd, iov, n, rq->r.offset);
	io_uring_sqe_set_data(s, &rq->tag);
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
	io_uring_prep_fallocate(s, b->disk.fd, mode | FALLOC_FL_KEEP_SIZE, rq->r.offset, rq->r.bytes);
	io_uring_sqe_set_data(s, &rq->tag);
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
		io_uring_prep_fsync(s, b->disk.fd, IORING_FSYNC_DATASYNC);
		io_uring_sqe_set_data(s, &rq->tag);
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

/* nbd.c tells only whether it was done; of data as much as was asked for. */
static void image_done(void *user, struct nbd_op *op, int result)
{
	struct request *rq = (struct request *)((char *)op - offsetof(struct request, op));

	complete(user, rq, result || !rq->r.bytes || op->command > NBD_WRITE ? result : (int)op->bytes);
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
		for (int i = 0; i < MAX_QUEUES; i++)
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
			wait_for(b, tag, b->virtio.queue[tag->queue].kick, &b->kick_count[tag->queue]);
			break;
		case TAG_CONTROL:
			obey(b);
			wait_for(b, tag, b->control, &b->control_count);
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

static void end_image(struct blk *b)
{
	if (!b->image)
		return;
	blk_image_end(b->image);
	blk_image_free(b->image);
	b->image = NULL;
}

/* What blk_create() opened. */
static int give_up(struct blk *b)
{
	end_image(b);
	if (b->disk.fd >= 0)
		close(b->disk.fd);
	if (b->control >= 0)
		close(b->control);
	free((char *)b->own.path);
	free(b);
	return -1;
}

/*
 * The guest has ejected it, and nothing is in flight: nobody knows it any more. What the ring waits for is
 * called off first, for its end is not waited for, and what it would write to is freed.
 */
static void forget(struct blk *b)
{
	struct io_uring_sync_cancel_reg all = {
		.fd = -1, .flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL, .timeout = { -1, -1 },
	};
	struct vmm *v = b->virtio.v;
	struct blk **at;

	io_uring_register_sync_cancel(&b->ring, &all);
	io_uring_queue_exit(&b->ring);
	virtio_destroy(&b->virtio);
	for (struct request *rq = b->unused, *next; rq; rq = next) {
		next = rq->next;
		free(rq);
	}
	/* As long as its image is written, blk_finish() waits for it. */
	end_image(b);
	pthread_mutex_lock(&v->bus.lock);
	for (at = &disks; *at != b; at = &(*at)->next)
		;
	*at = b->next;
	pthread_mutex_unlock(&v->bus.lock);
	give_up(b);
}

static void *serve_disk(void *arg)
{
	struct blk *b = arg;
	int i;

	b->control_tag.kind = TAG_CONTROL;
	wait_for(b, &b->control_tag, b->control, &b->control_count);
	for (i = 0; i < b->virtio.queues; i++) {
		b->kick_tag[i] = (struct tag){ TAG_KICK, i };
		wait_for(b, &b->kick_tag[i], b->virtio.queue[i].kick, &b->kick_count[i]);
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
				forget(b);
			return NULL;
		}
		if (b->image)
			blk_image_serve(b->image);
		ts = (struct __kernel_timespec){ wait / SECOND, wait % SECOND };
		io_uring_submit_and_wait_timeout(&b->ring, &cqe, 1, &ts, NULL);
		reap(b);
	}
}

/* --- the device --- */

static void ask(struct virtio *d, enum asked asked)
{
	struct blk *b = (struct blk *)d;

	b->asked = asked;
	msi_signal(b->control);
}

static void start(struct virtio *d)
{
	ask(d, START);
}

static void stop(struct virtio *d)
{
	ask(d, STOP);
}

static const struct virtio_ops ops = { .start = start, .stop = stop };

static uint64_t features(const struct blk *b, int queues)
{
	uint64_t f = 1ULL << VIRTIO_BLK_F_SEG_MAX | 1ULL << VIRTIO_BLK_F_BLK_SIZE |
		     1ULL << VIRTIO_BLK_F_FLUSH;

	if (queues > 1)
		f |= 1ULL << VIRTIO_BLK_F_MQ;
	if (b->limits.ro)
		f |= 1ULL << VIRTIO_BLK_F_RO;
	if (b->limits.discard)
		f |= 1ULL << VIRTIO_BLK_F_DISCARD | 1ULL << VIRTIO_BLK_F_WRITE_ZEROES;
	return f;
}

static int start_thread(struct blk *b)
{
	struct io_uring_params p = { .flags = IORING_SETUP_CQSIZE, .cq_entries = 2 * MAX_IN_FLIGHT };
	int err = io_uring_queue_init_params(RING_ENTRIES, &b->ring, &p);
	sigset_t all, old;

	if (err) {
		error("%s: cannot set up io_uring: %s%s", b->name, strerror(-err), err == -EPERM ?
		      " (see /proc/sys/kernel/io_uring_disabled)" : "");
		return -1;
	}
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&b->thread, NULL, serve_disk, b);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err) {
		error("%s: cannot start a thread: %s", b->name, strerror(err));
		return -1;
	}
	pthread_setname_np(b->thread, "disk");
	return 0;
}

/* Taken off the bus; bus->lock is held. */
static void remove_disk(struct virtio *d)
{
	struct blk *b = (struct blk *)d;

	b->quit = b->removed = true;
	pthread_detach(b->thread);
	msi_signal(b->control);
}

/**
 * blk_create - a disk
 * @v: the VM, with a PCI host
 * @cfg: what it is
 *
 * Also while the VM runs: it is found by hot-plug then. bus->lock is not held. 0, or -1, told.
 */
int blk_create(struct vmm *v, const struct disk_config *cfg)
{
	struct blk *b = calloc(1, sizeof(*b));
	struct virtio_kind kind = {
		.type = VIRTIO_ID_BLOCK, .class = 0x018000, .config_size = sizeof(b->config),
	};

	if (!b)
		abort();
	b->own = *cfg;
	b->own.path = strdup(cfg->path);
	b->cfg = &b->own;
	b->control = -1;
	if (disk_open(cfg, &b->disk))
		return give_up(b);
	snprintf(b->name, sizeof(b->name), "disk %s", cfg->path);
	if (b->disk.image) {
		void *data[BLK_IMAGE_EVENTS];

		for (int i = 0; i < BLK_IMAGE_EVENTS; i++) {
			b->image_tag[i] = (struct tag){ TAG_IMAGE, i };
			data[i] = &b->image_tag[i];
		}
		b->image = blk_image_create(&b->disk, b->name, nbd_create(b->disk.fd, image_done, b), &b->ring, data);
	}
	b->iops.rate = cfg->iops;
	b->bps.rate = cfg->bps;
	b->limits = (struct blk_limits){
		.sectors = disk_size(&b->disk) / BLK_SECTOR, .block = b->disk.block,
		.ro = cfg->ro, .discard = b->disk.holes,
	};
	kind.name = b->name;
	kind.config = &b->config;
	kind.queues = v->cfg->cpus < MAX_QUEUES ? v->cfg->cpus : MAX_QUEUES;
	kind.features = features(b, kind.queues);
	b->config = (struct virtio_blk_config){
		.capacity = b->limits.sectors, .seg_max = VQ_SIZE - 2, .blk_size = b->disk.block,
		.num_queues = kind.queues, .max_discard_sectors = BLK_MAX_DISCARD,
		.max_discard_seg = 1, .discard_sector_alignment = b->disk.block / BLK_SECTOR,
		.max_write_zeroes_sectors = BLK_MAX_DISCARD, .max_write_zeroes_seg = 1,
		.write_zeroes_may_unmap = 1,
	};
	b->control = eventfd(0, EFD_CLOEXEC);
	if (b->control < 0) {
		error("%s: cannot make an eventfd: %s", b->name, strerror(errno));
		return give_up(b);
	}
	if (virtio_create(v, &b->virtio, &ops, &kind))
		return give_up(b);
	if (start_thread(b)) {
		pthread_mutex_lock(&v->bus.lock);
		pci_unplug(v, &b->virtio.pci);
		pthread_mutex_unlock(&v->bus.lock);
		virtio_destroy(&b->virtio);
		return give_up(b);
	}
	pthread_mutex_lock(&v->bus.lock);
	b->next = disks;
	disks = b;
	hotplug_add(v, "disk", cfg->path, &b->virtio, remove_disk);
	pthread_mutex_unlock(&v->bus.lock);
	return 0;
}

/**
 * blk_finish - the VM is at its end: what disks have begun is ended
 * @v: the VM, its vCPUs ended
 */
void blk_finish(struct vmm *v)
{
	struct blk *own = NULL, **at = &disks, *b;
	struct timespec until;
	bool left = true;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += END_SECONDS;
	pthread_mutex_lock(&v->bus.lock);
	while ((b = *at)) {
		b->quit = true;
		msi_signal(b->control);
		if (b->removed) {
			at = &b->next;	/* ends by itself */
			continue;
		}
		*at = b->next;
		b->next = own;
		own = b;
	}
	pthread_mutex_unlock(&v->bus.lock);
	for (b = own; b; b = b->next)
		if (pthread_timedjoin_np(b->thread, NULL, &until))
			error("%s: there are requests that do not end", b->name);
	for (b = own; b; b = b->next)
		if (b->image)
			blk_image_end(b->image);
	for (int i = 0; left && i < END_SECONDS * 100; i++) {
		pthread_mutex_lock(&v->bus.lock);
		left = disks;
		pthread_mutex_unlock(&v->bus.lock);
		if (left)
			usleep(10000);
	}
}
