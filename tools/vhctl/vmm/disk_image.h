/* SPDX-License-Identifier: GPL-2.0-only */
/* disk_image.h - what of a disk's file is the guest's disk: all of it, or what an image format says. */
#ifndef DISK_IMAGE_H
#define DISK_IMAGE_H

#include <stdbool.h>

#include "vmm/disk.h"

#define DISK_IMAGE_MAX_FILES	64

/**
 * struct disk_image - an image and the files that it stands on
 * @format: its format
 * @blockdev: how qemu-storage-daemon opens all of it, JSON; the node's name is "disk"
 * @path: the files; all but the first are only read
 * @files: how many
 */
struct disk_image {
	const char *format;
	char *blockdev;
	char *path[DISK_IMAGE_MAX_FILES];
	int files;
};

bool disk_image_known_format(const char *name);
const char *disk_image_formats(void);
const char *disk_image_name_says(const char *path);
int disk_image_format(const struct disk_config *cfg, const char **format);
int disk_image_open(const struct disk_config *cfg, const char *format, struct disk_image *i);
void disk_image_free(struct disk_image *i);

#endif /* DISK_IMAGE_H */
