/* SPDX-License-Identifier: GPL-2.0-only */
/* run_image.h - vhctl run IMAGE: an image of the store as the first disk, and a seed for cloud-init. */
#ifndef RUN_IMAGE_H
#define RUN_IMAGE_H

#include "image/image.h"
#include "vmm/vmm.h"

/* Options of one letter that they do not have; values of getopt_long(). */
enum { OPTION_KEEP = 512, OPTION_STORE, OPTION_CLOUD_INIT, OPTION_SSH_KEY, OPTION_HOSTNAME };

#define RUN_IMAGE_OPTIONS						\
	{ "keep", required_argument, NULL, OPTION_KEEP },		\
	{ "store", required_argument, NULL, OPTION_STORE },		\
	{ "cloud-init", required_argument, NULL, OPTION_CLOUD_INIT },	\
	{ "ssh-key", required_argument, NULL, OPTION_SSH_KEY },		\
	{ "hostname", required_argument, NULL, OPTION_HOSTNAME }

#define RUN_IMAGE_HELP \
	"      --keep NAME      run on a new image of this name, which stays\n" \
	"      --store DIR      where images are (default: as 'vhctl image' has it)\n" \
	"      --cloud-init FILE|DIR\n" \
	"                       user-data for cloud-init, or a directory that has it\n" \
	"      --ssh-key FILE   public keys for the system's user, by cloud-init\n" \
	"      --hostname NAME  the system's name, by cloud-init\n"

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

/* An option of RUN_IMAGE_OPTIONS. False with the error told. */
bool run_image_option(struct run_image *r, int opt, const char *value);

/**
 * run_image_attach - what the configuration gets of the image and the seed
 * @r: what was asked for
 * @cfg: disks, and, where nobody said otherwise, kernel, initrd, command line, memory, vCPUs and name; memory and vCPUs
 *       that are 0 nobody has said
 *
 * An exit status of vhctl's, with the error told.
 */
int run_image_attach(struct run_image *r, struct vmm_config *cfg);

/* The VM is gone, or there was none: then there is no image of --keep either. */
void run_image_detach(struct run_image *r);

#endif /* RUN_IMAGE_H */
