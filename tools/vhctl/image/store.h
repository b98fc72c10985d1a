/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * store.h - a store of images: what is in it, and how it changes.
 *
 *   index.json   every image and every name; replaced whole, by rename(2), so that what it says is
 *                always one state of the store: the only place that says what belongs to it
 *   files/       disks (qcow2), kernels and initrds. sha256-HEX: sealed, read-only, never written.
 *                work-ID: a writable image's disk. run-ID: an overlay that goes with its VM.
 *   tmp/         a directory for each command that is making something
 *   lock         flock(2): who changes the index or the names in files/
 *
 * What is in use is locked, too, by flock(2): the directory in tmp/, the disk that is written, and,
 * shared, the disks below it. A lock goes with its process, so that gc can tell what was left behind.
 * A change makes files first, the index then, and removes files last: killed anywhere, the store is
 * what it was or what it was to be, and files that the index does not name, which gc removes.
 */
#ifndef IMAGE_STORE_H
#define IMAGE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define ID_SIZE		65		/* SHA-256 in hex, and the end */
#define NAME_SIZE	130		/* NAME:TAG */
#define NAME_MAX_PART	63
#define FILE_SIZE	80		/* of a name in files/ */
#define CMDLINE_MAX	2047
#define LABELS_MAX	32
#define LABEL_KEY_MAX	63
#define LABEL_VALUE_MAX	255
#define CHAIN_MAX	64		/* images that stand on each other */
#define IMAGES_MAX	65536
#define SIZE_MAX_DISK	(1ULL << 46)	/* 64T */

struct label {
	char *key, *value;
};

/**
 * struct image - what the index says of an image
 * @id: sealed: SHA-256 of what image_seal_id() says; writable: random. In hex
 * @sealed: never written again; what others may stand on
 * @digest: sealed: SHA-256 of its disk's file
 * @parent: the sealed image that the disk is an overlay on; "" is none
 * @size: of the disk, to the guest
 * @bytes: sealed: of the disk's file
 * @created: seconds since 1970
 * @kernel: SHA-256 of the kernel's file; "" is none
 * @initrd: the same
 * @cmdline: the kernel's; NULL is none
 * @memory: of a VM of it, in bytes; 0: not said
 * @cpus: the same
 */
struct image {
	char id[ID_SIZE], digest[ID_SIZE], parent[ID_SIZE], kernel[ID_SIZE], initrd[ID_SIZE];
	bool sealed;
	uint64_t size, bytes, memory;
	int64_t created;
	char *cmdline;
	unsigned int cpus, labels;
	struct label label[LABELS_MAX];
};

struct name {
	char name[NAME_SIZE], id[ID_SIZE];
};

struct index {
	struct image *image;
	struct name *name;
	unsigned int images, names;
};

struct store {
	char *path;
	int dir, files;			/* descriptors */
	int lock;			/* -1: not ours */
	struct index index;
};

/* --- name.c: what people write, and what others sent --- */

bool name_valid(const char *name);	/* NAME:TAG, both */
bool name_complete(const char *text, char name[NAME_SIZE]);
bool hex_valid(const char *text);	/* 64 digits */
bool text_valid(const char *text, size_t max);
bool label_valid(const char *key, const char *value);
void random_id(char id[ID_SIZE]);
void disk_name(const struct image *m, char file[FILE_SIZE]);
void sealed_name(const char *digest, char file[FILE_SIZE]);

/* --- hash.c --- */

struct progress;
int hash_file(int fd, char hex[ID_SIZE], struct progress *p);
void image_seal_id(const struct image *m, char id[ID_SIZE]);

/* --- json.c, index.c --- */

struct json_object;
struct json_object *image_to_json(const struct image *m);
const char *image_from_json(struct json_object *j, struct image *m);
struct json_object *json_parse(const char *text, size_t size);
bool image_copy(struct image *to, const struct image *from);
void image_free(struct image *m);
int index_read(int dir, const char *path, struct index *x);
int index_write(int dir, const char *path, const struct index *x);
const char *index_from_json(struct json_object *j, struct index *x);
struct json_object *index_to_json(const struct index *x);
void index_free(struct index *x);
struct image *index_by_id(const struct index *x, const char *id);
struct image *index_find(const struct index *x, const char *text, bool *several);
const char *index_name_of(const struct index *x, const char *id);
const char *index_child_of(const struct index *x, const char *id, unsigned int *n);
bool index_uses(const struct index *x, const char *file);
void index_add(struct index *x, const struct image *m);
void index_remove(struct index *x, const char *id);
void index_set_name(struct index *x, const char *name, const char *id);
void index_unset_name(struct index *x, const char *name);
/* The images below @m and it itself, the lowest first; how many, or -1: the chain is broken. */
int index_chain(const struct index *x, const struct image *m, const struct image *chain[CHAIN_MAX]);

/* --- store.c --- */

struct store *store_open(const char *path, bool create);
void store_close(struct store *s);
int store_lock(struct store *s);
void store_unlock(struct store *s);
int store_refresh(struct store *s);
int store_write(struct store *s);
struct image *store_find(struct store *s, const char *text);
char *store_path(const struct store *s, const char *file);
int store_name_free(struct store *s, const char *name);

/* --- files.c: what is in files/ and tmp/ --- */

/**
 * struct stage - a directory of its own for what is being made
 * @path: absolute
 * @name: in tmp/
 * @also: path of a file or directory elsewhere that goes with it; or NULL
 * @fd: the directory, locked
 * @janitor: the process that removes it when this one is gone, and leads its programs' process group
 * @end: of a pair of sockets, by which it learns that
 * @alive: of a pipe, which the programs have as long as they are there
 */
struct stage {
	struct store *s;
	char *path;
	const char *also;
	char name[16];
	int fd, janitor, end, alive;
};

int stage_new(struct store *s, struct stage *t);
int stage_new_with(struct store *s, struct stage *t, const char *also);
char *stage_path(const struct stage *t, const char *file);
void stage_end(struct stage *t);
int seal(struct store *s, struct stage *t, const char *file, const char *digest);
int put_writable(struct store *s, struct stage *t, const char *file, const char *to);
void seal_finish(struct store *s, const char *file, const char *digest);
int seal_prepare(struct stage *t, const char *file, char digest[ID_SIZE], uint64_t *bytes, struct progress *p);
int file_remove(struct store *s, const char *file);
int file_open(const struct store *s, const char *file);
int file_hold(const struct store *s, const char *file, bool alone);
int chain_hold(const struct store *s, const struct image *m, int *fds, unsigned int *n);
void make_sealed(const struct store *s, const char *file);
void make_writable(const struct store *s, const char *file);
int tree_remove(int dir, const char *name);

/* --- qcow2.c --- */

/* What is wrong with a disk of the store that is to stand on @backing, a file's name or ""; or NULL. */
const char *qcow2_check(int fd, const char *backing, uint64_t size);

#endif /* IMAGE_STORE_H */
