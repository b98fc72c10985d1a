// SPDX-License-Identifier: GPL-2.0-only
/* disk.c - opening what a guest's disk is made of: raw files and block devices. */
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
	uint64_t size = 0;
	struct stat st;

	if (d->device ? ioctl(d->fd, BLKGETSIZE64, &size) : fstat(d->fd, &st))
		return 0;
	if (!d->device)
		size = st.st_size;
	return size - size % d->block;
}

/* Whoever else has it for writing, or at all when this is for writing, is a stranger. */
static int lock(const struct disk_config *cfg, int fd)
{
	struct flock l = { .l_type = cfg->ro ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET };

	if (!fcntl(fd, F_OFD_SETLK, &l))
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
	struct stat st;

	*d = (struct disk){ .fd = -1 };
	/* Before it is opened: a FIFO would wait. */
	if (stat(cfg->path, &st)) {
		error("%s: %s", cfg->path, strerror(errno));
		return -1;
	}
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
		error("%s: is neither a file nor a block device", cfg->path);
		return -1;
	}
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
	if (lock(cfg, d->fd))
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
