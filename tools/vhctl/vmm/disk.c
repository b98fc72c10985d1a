// SPDX-License-Identifier: GPL-2.0-only
/* disk.c - opening what a guest's disk is made of: raw files and block devices, and images. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vhctl.h"
#include "vmm/disk.h"
#include "vmm/storage.h"

#define SECTOR	512
#define PAGE	4096

/**
 * disk_size - how large it is now, in bytes
 * @d: the disk
 *
 * What is no whole block is not there.
 */
uint64_t disk_size(const struct disk *d)
{
	off_t size;

	if (d->image)
		return d->size - d->size % d->block;
	/* Nobody goes by its position; and fstat() is a call that could be led to other files (confine.c). */
	size = lseek(d->fd, 0, SEEK_END);
	return size < 0 ? 0 : size - size % d->block;
}

/*
 * QEMU's programs lock bytes of a file for what they do with it, from this one on, and for what others are
 * not to do with it, from that one on: reads are number 0, writes number 1, another size number 3.
 */
#define DONE_HERE	100
#define NOT_BY_OTHERS	200

static int lock_bytes(int fd, int how, short type, off_t first, off_t n)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = first, .l_len = n };
	int err = fcntl(fd, how, &l);

	if (!err && how == F_OFD_GETLK && l.l_type != F_UNLCK) {
		errno = EAGAIN;
		err = -1;
	}
	return err;
}

/*
 * Whoever else has it for writing, or at all when this is for writing, is a stranger. What is only read can
 * be under an image that a qemu-storage-daemon has open.
 */
static bool lock_all(bool ro, int fd)
{
	if (!ro)
		return !lock_bytes(fd, F_OFD_SETLK, F_WRLCK, 0, 0);
	return !lock_bytes(fd, F_OFD_SETLK, F_RDLCK, DONE_HERE, 1) &&
	       !lock_bytes(fd, F_OFD_SETLK, F_RDLCK, NOT_BY_OTHERS + 1, 1) &&
	       !lock_bytes(fd, F_OFD_SETLK, F_RDLCK, NOT_BY_OTHERS + 3, 1) &&
	       !lock_bytes(fd, F_OFD_GETLK, F_WRLCK, DONE_HERE + 1, 1) &&
	       !lock_bytes(fd, F_OFD_GETLK, F_WRLCK, DONE_HERE + 3, 1);
}

/*
 * The lock has a descriptor of its own: the other is registered with io_uring, which keeps it for a while
 * after the end of the process, however that comes; what is in flight is over before.
 */
static int lock(const struct disk_config *cfg, struct disk *d)
{
	struct stat a, b;

	d->lock = open(cfg->path, (cfg->ro ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (d->lock < 0 || fstat(d->lock, &a) || fstat(d->fd, &b)) {
		error("%s: %s", cfg->path, strerror(errno));
		return -1;
	}
	if (a.st_dev != b.st_dev || a.st_ino != b.st_ino) {
		error("%s: is another file than a moment ago", cfg->path);
		return -1;
	}
	if (lock_all(cfg->ro, d->lock))
		return 0;
	if (errno == EAGAIN || errno == EACCES)
		error("%s: is in use by another program%s", cfg->path, cfg->ro ? ", for writing" : "");
	else
		error("%s: cannot be locked: %s", cfg->path, strerror(errno));
	return -1;
}

/* Past the page cache the kernel wants whole blocks, and tells how large only by refusing others. */
static void find_block(const struct disk_config *cfg, struct disk *d)
{
	int n = 0;
	void *p;

	d->block = SECTOR;
	d->align = 1;
	if (d->device && !ioctl(d->fd, BLKSSZGET, &n) && n > SECTOR)
		d->block = n;
	if (cfg->cache != DISK_NONE)
		return;
	p = aligned_alloc(PAGE, PAGE);
	if (!p)
		abort();
	while (pread(d->fd, p, d->block, 0) < 0 && errno == EINVAL && d->block < PAGE)
		d->block *= 2;
	d->align = d->block;
	free(p);
}

/* Somebody else opens it, and locks it as all of QEMU's programs do. */
static int open_image(const struct disk_config *cfg, const char *format, struct disk *d)
{
	struct nbd_export e = { 0 };
	struct disk_image i;

	if (disk_image_open(cfg, format, &i))
		return -1;
	d->image = storage_start(cfg, &i, &d->fd, &e);
	disk_image_free(&i);
	if (!d->image)
		return -1;
	d->size = e.size;
	d->holes = e.trim && !cfg->ro;
	d->block = SECTOR;
	d->align = 1;
	if (disk_size(d) && (!e.ro || cfg->ro))
		return 0;
	if (disk_size(d))
		error("%s: %s images can only be read: with ',ro' it is", cfg->path, format);
	else
		error("%s: is empty", cfg->path);
	storage_end(d->image, cfg->path);
	return -1;
}

/**
 * disk_open - open, check and lock it
 * @cfg: what was asked for
 * @d: filled in
 *
 * 0, or -1, told.
 */
int disk_open(const struct disk_config *cfg, struct disk *d)
{
	int flags = (cfg->ro ? O_RDONLY : O_RDWR) | O_CLOEXEC;
	const char *format;
	struct stat st;

	*d = (struct disk){ .fd = -1, .lock = -1 };
	/* Before it is opened: a FIFO would wait. */
	if (stat(cfg->path, &st)) {
		error("%s: %s", cfg->path, strerror(errno));
		return -1;
	}
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
		error("%s: is neither a file nor a block device", cfg->path);
		return -1;
	}
	if (disk_image_format(cfg, &format))
		return -1;
	if (strcmp(format, "raw"))
		return open_image(cfg, format, d);
	d->device = S_ISBLK(st.st_mode);
	d->fd = open(cfg->path, flags | (cfg->cache == DISK_NONE ? O_DIRECT : 0));
	if (d->fd < 0) {
		if (errno == EINVAL && cfg->cache == DISK_NONE)
			error("%s: its file system has no cache=none (O_DIRECT)", cfg->path);
		else
			error("%s: %s%s", cfg->path, strerror(errno), !cfg->ro &&
			      (errno == EACCES || errno == EROFS || errno == EPERM) ?
			      "; with ',ro' it is only read" : "");
		return -1;
	}
	if (lock(cfg, d))
		return -1;
	find_block(cfg, d);
	if (!disk_size(d)) {
		error("%s: is empty", cfg->path);
		return -1;
	}
	/* Behind the end there is nothing to lose by asking. */
	d->holes = !cfg->ro && (d->device || !fallocate(d->fd, FALLOC_FL_PUNCH_HOLE |
							FALLOC_FL_KEEP_SIZE, disk_size(d) + PAGE, PAGE));
	return 0;
}

/**
 * disk_close - give it back, also when disk_open() has failed
 * @d: the disk; who serves its image is not ended
 */
void disk_close(struct disk *d)
{
	if (d->fd >= 0)
		close(d->fd);
	if (d->lock >= 0)
		close(d->lock);
	d->fd = d->lock = -1;
}

/**
 * disk_fds - what another process needs of a disk, beside the structure
 * @d: the disk
 * @fd: filled in, DISK_FDS at most
 *
 * Returns how many there are.
 */
int disk_fds(const struct disk *d, int *fd)
{
	int n = 0;

	fd[n++] = d->fd;
	if (d->image) {
		fd[n++] = d->image->daemon.pidfd;
		fd[n++] = d->image->daemon.said;
	} else {
		fd[n++] = d->lock;
	}
	return n;
}

/**
 * disk_adopt - a disk that another process has opened
 * @d: that one's structure; becomes this one's
 * @fd: what disk_fds() was, here
 * @n: how many
 */
void disk_adopt(struct disk *d, const int *fd, int n)
{
	d->fd = fd[0];
	d->lock = n == DISK_FDS ? -1 : fd[1];
	d->image = n == DISK_FDS ? storage_adopt(fd[1], fd[2]) : NULL;
}
