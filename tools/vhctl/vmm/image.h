/* SPDX-License-Identifier: GPL-2.0-only */
/* image.h - what of a disk's file is the guest's disk: all of it, or what an image format says. */
#ifndef IMAGE_H
#define IMAGE_H

#include <stdbool.h>

#include "vmm/disk.h"

#define IMAGE_MAX_FILES	64

/**
 * struct image - an image and the files that it stands on
 * @format: its format
 * @blockdev: how qemu-storage-daemon opens all of it, JSON; the node's name is "disk"
 * @path: the files; all but the first are only read
 * @files: how many
 */
struct image {
	const char *format;
	char *blockdev;
	char *path[IMAGE_MAX_FILES];
	int files;
};

bool image_known_format(const char *name);
const char *image_formats(void);
int image_format(const struct disk_config *cfg, const char **format);
int image_open(const struct disk_config *cfg, const char *format, struct image *i);
void image_free(struct image *i);

#endif /* IMAGE_H */
