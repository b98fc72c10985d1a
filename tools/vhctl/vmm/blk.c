// SPDX-License-Identifier: GPL-2.0-only
/*
 * blk.c - disks: virtio block devices whose requests io_uring does, on a file, or by asking who serves
 * an image (storage.c).
 *
 * Each disk has a thread (blk_ring.c). All that a disk has is this thread's, but for what the bus lock
 * protects.
 */
#include <errno.h>
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "vhctl.h"
#include "vmm/blk.h"
#include "vmm/confine.h"
#include "vmm/devices.h"
#include "vmm/hotplug.h"
#include "vmm/storage.h"
#include "vmm/vmm.h"

#define END_SECONDS	10		/* that requests have to end, when the VM does */

static struct blk *disks;	/* bus.lock */

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
	disk_close(&b->disk);
	if (b->control >= 0)
		close(b->control);
	free((char *)b->own.path);
	free(b);
	return -1;
}

/**
 * blk_forget - the guest has ejected it, and nothing is in flight: nobody knows it any more
 * @b: the disk; its thread calls
 *
 * What the ring waits for is called off first, for its end is not waited for, and what it would write to is freed.
 */
void blk_forget(struct blk *b)
{
	struct io_uring_sync_cancel_reg all = {
		.fd = -1, .flags = IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL, .timeout = { -1, -1 },
	};
	struct vmm *v = b->virtio.v;
	struct blk **at;

	if (io_uring_register_sync_cancel(&b->ring, &all) < 0)
		error("%s: what it waits for cannot be called off", b->name);
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
	pthread_mutex_lock(&v->bus.lock);
	hotplug_left(v);
	pthread_mutex_unlock(&v->bus.lock);
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

static int start_thread(struct vmm *v, struct blk *b)
{
	b->thread = (struct thread){
		.kind = THREAD_DISK, .own = b->ring.ring_fd, .file = b->disk.fd, .run = blk_serve, .arg = b,
	};
	return thread_create(v, &b->thread);
}

/* Taken off the bus; bus->lock is held. */
static void remove_disk(struct virtio *d)
{
	struct blk *b = (struct blk *)d;

	b->quit = b->removed = true;
	hotplug_leaves();
	pthread_detach(b->thread.id);
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
	return blk_plug(v, cfg, NULL);
}

/**
 * blk_plug - a disk that another process has opened
 * @v: the VM, with a PCI host, and confined
 * @cfg: what it is
 * @parts: open; NULL: as blk_create()
 */
int blk_plug(struct vmm *v, const struct disk_config *cfg, const struct blk_parts *parts)
{
	struct blk *b = calloc(1, sizeof(*b)), **at;
	struct virtio_kind kind = {
		.type = VIRTIO_ID_BLOCK, .class = 0x018000, .config_size = sizeof(b->config),
	};
	bool made;

	if (!b)
		abort();
	b->own = *cfg;
	b->own.path = strdup(cfg->path);
	b->cfg = &b->own;
	b->control = -1;
	if (parts)
		b->disk = parts->disk;
	else if (disk_open(cfg, &b->disk))
		return give_up(b);
	snprintf(b->name, sizeof(b->name), "disk %s", cfg->path);
	if (b->disk.image) {
		void *data[BLK_IMAGE_EVENTS];

		for (int i = 0; i < BLK_IMAGE_EVENTS; i++) {
			b->image_tag[i] = (struct tag){ TAG_IMAGE, i };
			data[i] = &b->image_tag[i];
		}
		b->image = blk_image_create(&b->disk, b->name, nbd_create(b->disk.fd, blk_image_done, b), &b->ring, data);
	}
	b->iops.rate = cfg->iops;
	b->bps.rate = cfg->bps;
	b->limits = (struct blk_limits){
		.sectors = disk_size(&b->disk) / BLK_SECTOR, .block = b->disk.block,
		.ro = cfg->ro, .discard = b->disk.holes,
	};
	kind.name = b->name;
	kind.config = &b->config;
	kind.queues = v->cfg->cpus < BLK_MAX_QUEUES ? v->cfg->cpus : BLK_MAX_QUEUES;
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
	made = !blk_ring_create(b, parts ? &parts->ring : NULL);
	if (!made || start_thread(v, b)) {
		if (made)
			io_uring_queue_exit(&b->ring);
		pthread_mutex_lock(&v->bus.lock);
		pci_unplug(v, &b->virtio.pci);
		pthread_mutex_unlock(&v->bus.lock);
		virtio_destroy(&b->virtio);
		return give_up(b);
	}
	confine_keep(b->control);
	confine_keep(b->disk.fd);
	confine_keep(b->disk.lock);
	if (b->disk.image) {
		confine_keep(b->disk.image->daemon.pidfd);
		confine_keep(b->disk.image->daemon.said);
	}
	pthread_mutex_lock(&v->bus.lock);
	for (at = &disks; *at; at = &(*at)->next)
		;
	*at = b;
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
		if (b->thread.started && pthread_timedjoin_np(b->thread.id, NULL, &until))
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
