/* SPDX-License-Identifier: GPL-2.0-only */
/* storage.h - a qemu-storage-daemon of a disk's own, which opens an image and serves it by NBD. */
#ifndef STORAGE_H
#define STORAGE_H

#include "vmm/daemon.h"
#include "vmm/disk_image.h"
#include "vmm/nbd.h"

struct storage {
	struct daemon daemon;
};

struct storage *storage_start(const struct disk_config *cfg, const struct disk_image *i, int *fd,
			      struct nbd_export *e);
void storage_say(const char *name, char *text);
void storage_close(struct storage *s);
struct storage *storage_adopt(int pidfd, int said);
void storage_end(struct storage *s, const char *name);

#endif /* STORAGE_H */
