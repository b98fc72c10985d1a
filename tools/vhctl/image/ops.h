/* SPDX-License-Identifier: GPL-2.0-only */
/* ops.h - what is done to the images of a store. Each gives 0, or -1, told. */
#ifndef IMAGE_OPS_H
#define IMAGE_OPS_H

#include "image/store.h"

/**
 * struct settings - what people say of an image that they make
 * @kernel: file; NULL: what it has already
 * @initrd: the same
 * @cmdline: NULL: the same
 * @memory: 0: the same
 * @cpus: 0: the same
 * @label: KEY=VALUE
 * @labels: how many
 */
struct settings {
	const char *kernel, *initrd, *cmdline, *label[LABELS_MAX];
	uint64_t memory;
	unsigned int cpus, labels;
};

/* --- make.c: from what is being made to an image --- */
int settings_stage(const struct settings *set, struct stage *t, struct image *m);
int boot_prepare(struct stage *t, struct image *m);
int boot_seal(struct store *s, struct stage *t, const struct image *m);
int copy_data(int in, int out, uint64_t max, uint64_t *copied, struct progress *p);
int publish_sealed(struct store *s, struct stage *t, struct image *m, const char *name, const char *instead);
int make_overlay(struct stage *t, const char *file, const char *digest, uint64_t size);
int image_new(struct store *s, const char *name, const char *base, uint64_t size, const struct settings *set);

/* --- import.c, foreign.c, rootfs.c --- */
int image_import(struct store *s, const char *file, const char *name, const char *format, uint64_t size,
		 const struct settings *set);
/* From an archive that is not compressed, as image_import() */
int import_tar(struct store *s, struct stage *t, const char *tar, const char *name, uint64_t size,
	       const struct settings *set, const char *shown);
/* build.c */
struct recipe;
int image_build(struct store *s, const struct recipe *r, const char *name);
/* What kind of file it is, by how it begins; NULL with errno when it cannot be read. */
const char *foreign_kind(int fd);
/* May this file be opened as a disk of that format? */
int foreign_check(const char *path, const char *format, const char *shown);
int rootfs_from_tar(struct stage *t, const char *tar, bool *faked, const char *shown);
/* stage/raw from a directory; its kernel and initrd, if it has one, as stage/kernel and stage/initrd. */
int rootfs_make(struct stage *t, const char *tree, bool faked, uint64_t size, bool *kernel, const char *shown);

/* --- change.c, rm.c, export.c --- */
int image_commit(struct store *s, const char *text, const char *as, const struct settings *set);
int image_flatten(struct store *s, const char *text);
int image_resize(struct store *s, const char *text, uint64_t size, bool shrink);
int image_tag(struct store *s, const char *text, const char *name);
int image_rm(struct store *s, const char *text);
int chain_convert(struct store *s, const char *file, const char *to, const char *format, const char *writes,
		  bool compress, struct stage *t, const char *what, const char *shown);
int image_export(struct store *s, const char *text, const char *to, const char *format, bool compress, bool force);

/* --- look.c --- */
uint64_t image_size(const struct store *s, const struct image *m);
uint64_t image_used(const struct store *s, const struct image *m);

typedef void (*extent_fn)(uint64_t start, uint64_t length, bool zero, void *arg);
int image_diff(struct store *s, const char *text, extent_fn fn, void *arg, const struct image **found);
/* NULL: it is whole. "": in use, not looked at. */
const char *image_verify(struct store *s, const struct image *m, struct progress *p);

typedef void (*gone_fn)(const char *kind, const char *name, uint64_t bytes, void *arg);
int store_gc(struct store *s, bool dry, gone_fn fn, void *arg);
unsigned int store_strays(struct store *s);

/* --- transfer.c, serve.c --- */
int image_push(struct store *s, const char *text, const char *host, const char *as, const char *ssh,
	       const char *remote_store);
int image_pull(struct store *s, const char *host, const char *name, const char *as, const char *ssh,
	       const char *remote_store);
int image_serve(struct store *s, int in, int out, bool read_only);

#endif /* IMAGE_OPS_H */
