/* SPDX-License-Identifier: GPL-2.0-only */
/* run_image.h - vhctl run IMAGE: an image of the store as the first disk, and a seed for cloud-init. */
#ifndef RUN_IMAGE_H
#define RUN_IMAGE_H

#include "image/image.h"
#include "vmm/vmm.h"

/**
 * struct run_image - what was asked for
 * @image: name or id; NULL: none
 * @keep: name of what it is to run on
 * @store: directory
 * @seed: for cloud-init
 * @disk: of image_attach(), if @attached
 * @used: a VM has run on it
 */
struct run_image {
	const char *image, *keep, *store;
	struct image_seed seed;
	struct image_disk disk;
	bool attached, used;
};

/**
 * run_image_attach - what the configuration gets of the image and the seed
 * @r: what was asked for
 * @cfg: disks, and, where nobody said otherwise, kernel, initrd, command line, memory, vCPUs and name; memory and vCPUs
 *       that are 0 nobody has said
 *
 * An exit status of vhctl's, with the error told.
 */
int run_image_attach(struct run_image *r, struct vmm_config *cfg);

/**
 * run_image_wants - memory and vCPUs of a VM of an image
 * @r: the image
 * @cfg: gets those of both that nobody has said, if the image says them
 *
 * 0 or -1, told.
 */
int run_image_wants(const struct run_image *r, struct vmm_config *cfg);

/* The VM is gone, or there was none: then there is no image of --keep either. */
void run_image_detach(struct run_image *r);

#endif /* RUN_IMAGE_H */
