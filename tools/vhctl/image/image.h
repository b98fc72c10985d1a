/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * image.h - what the rest of vhctl needs of images: a disk for a VM to run on, and a seed for
 * cloud-init.
 */
#ifndef IMAGE_H
#define IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMAGE_SEED_KEYS	16

/**
 * struct image_disk - an image, ready for a VM
 * @path: the disk, absolute
 * @format: "qcow2"
 * @image: name or id of the image, as the user gave it
 * @kernel: to boot; NULL: the disk has its own
 * @initrd: or NULL
 * @cmdline: or NULL: not said
 * @memory: bytes; 0: not said
 * @cpus: 0: not said
 * @size: of the disk, in bytes
 * @ephemeral: goes with image_detach(), or, should this process be killed, with 'vhctl image gc'
 * @made: by @keep of image_attach()
 *
 * The rest is image_attach()'s own: descriptors, which have to stay open as long as the VM is there, for
 * their locks say that the disk, and those below it, are in use.
 */
struct image_disk {
	char *path, *image, *kernel, *initrd, *cmdline;
	const char *format;
	uint64_t memory, size;
	unsigned int cpus;
	bool ephemeral, made;

	char *store, *file;
	int *held;
	unsigned int nr_held;
};

/**
 * image_attach - a disk of an image, for a VM of this process
 * @store: directory; NULL: the user's
 * @image: name or id
 * @keep: name of a new writable image that the VM is to run on, which stays; NULL: none
 * @d: filled in
 *
 * A sealed image gets an overlay: it is never written. A writable one is given as it is, to one at a
 * time, and stays. 0, or -1, told.
 */
int image_attach(const char *store, const char *image, const char *keep, struct image_disk *d);

/**
 * image_detach - the VM is gone
 * @d: of image_attach(); an ephemeral disk is removed
 * @used: there was one; else an image that was made for it is removed as well
 */
void image_detach(struct image_disk *d, bool used);

/* Is there an image of that name or id? Tells nothing. */
bool image_exists(const char *store, const char *image);

/**
 * image_wants - what a VM of an image is to have
 * @store: directory; NULL: the user's
 * @image: name or id
 * @memory: bytes; 0: not said
 * @cpus: the same
 *
 * 0, or -1, told.
 */
int image_wants(const char *store, const char *image, uint64_t *memory, unsigned int *cpus);

/**
 * struct image_seed - what cloud-init's NoCloud is to find
 * @config: file with user-data, or a directory with user-data and, optionally, meta-data,
 *          vendor-data and network-config; or NULL
 * @key: files with public keys for the default user
 * @hostname: or NULL
 */
struct image_seed {
	const char *config, *hostname, *key[IMAGE_SEED_KEYS];
	unsigned int keys;
};

/**
 * image_seed_make - a small disk labelled CIDATA, to be attached read-only
 * @seed: what is to be in it
 * @path: file to make, as a FAT file system; replaced if it is there
 *
 * 0, or -1, told.
 */
int image_seed_make(const struct image_seed *seed, const char *path);

#endif /* IMAGE_H */
