/* SPDX-License-Identifier: GPL-2.0-only */
/* disk.h - the file or block device behind a guest's disk. */
#ifndef DISK_H
#define DISK_H

#include <stdbool.h>
#include <stdint.h>

struct storage;

enum disk_cache { DISK_WRITEBACK, DISK_NONE, DISK_UNSAFE };

/**
 * struct disk_config - what --disk asked for
 * @path: file or block device
 * @format: of it; NULL: nobody has said
 * @serial: told to the guest; "" is none
 * @cache: DISK_NONE: past the host's page cache; DISK_UNSAFE: flushes do nothing
 * @ro: the guest cannot write
 * @iops: requests a second at most, 0: any
 * @bps: bytes a second at most, 0: any
 */
struct disk_config {
	const char *path, *format;
	char serial[21];
	enum disk_cache cache;
	bool ro;
	uint64_t iops, bps;
};

/**
 * struct disk - an open one
 * @fd: of it; of an image the connection to who opens it
 * @lock: of a raw one too, which has the lock
 * @image: who opens it, NULL: nobody, it is raw
 * @size: of an image, bytes
 * @device: it is a block device
 * @holes: parts of it can be given back
 * @block: bytes that accesses begin and end at multiples of
 * @align: with DISK_NONE, what memory has to be aligned to; else 1
 */
struct disk {
	int fd, lock;
	struct storage *image;
	uint64_t size;
	bool device, holes;
	uint32_t block, align;
};

#define DISK_FDS	3	/* at most */

int disk_open(const struct disk_config *cfg, struct disk *d);
void disk_close(struct disk *d);
uint64_t disk_size(const struct disk *d);
/* From one process to another: what it has open, and how many; the same there. */
int disk_fds(const struct disk *d, int *fd);
void disk_adopt(struct disk *d, const int *fd, int n);

#endif /* DISK_H */
