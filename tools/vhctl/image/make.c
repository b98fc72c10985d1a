// SPDX-License-Identifier: GPL-2.0-only
/* make.c - what was made becomes an image: its files, then its entry in the index. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "image/ops.h"
#include "image/program.h"
#include "image/progress.h"
#include "out.h"
#include "vhctl.h"

#define CHUNK	(1 << 20)
#define BLOCK	4096
#define KERNEL_MAX	(2ULL << 30)

static bool all_zero(const char *b, size_t n)
{
	return !n || (!b[0] && !memcmp(b, b + 1, n - 1));
}

/* Zeroes become holes. */
static int write_sparse(int fd, const char *b, size_t n, uint64_t at)
{
	size_t i, part;
	ssize_t w;

	for (i = 0; i < n; i += part) {
		part = n - i < BLOCK ? n - i : BLOCK;
		if (all_zero(b + i, part))
			continue;
		for (size_t done = 0; done < part; done += w) {
			w = pwrite(fd, b + i + done, part - done, at + i + done);
			if (w < 0 && errno == EINTR)
				w = 0;
			if (w < 0)
				return -1;
		}
	}
	return 0;
}

/**
 * copy_data - from a descriptor to its end into a file that is empty, with holes for zeroes
 * @in: from
 * @out: into
 * @max: no more than that: EFBIG
 * @copied: how much it was; or NULL
 * @p: is told, or NULL
 *
 * 0, or -1 with errno.
 */
int copy_data(int in, int out, uint64_t max, uint64_t *copied, struct progress *p)
{
	char *b = malloc(CHUNK);
	uint64_t at = 0;
	size_t fill = 0;
	ssize_t n = 1;
	int err = 0;

	if (!b)
		abort();
	/* A pipe gives little at a time; holes want whole blocks. */
	while (!err && n) {
		n = read(in, b + fill, CHUNK - fill);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		fill += n;
		progress_add(p, n);
		if (n && fill < CHUNK)
			continue;
		if (at + fill > max) {
			errno = EFBIG;
			n = -1;
			break;
		}
		err = write_sparse(out, b, fill, at);
		at += fill;
		fill = 0;
	}
	free(b);
	if (copied)
		*copied = at;
	return n < 0 || err || ftruncate(out, at) ? -1 : 0;
}

static int stage_copy(struct stage *t, const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK), out = -1, err = -1;
	struct stat st;

	if (in >= 0 && !fstat(in, &st) && !S_ISREG(st.st_mode)) {
		error("%s: is no file", from);
		close(in);
		return -1;
	}
	if (in >= 0)
		out = openat(t->fd, to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (out >= 0)
		err = copy_data(in, out, KERNEL_MAX, NULL, NULL);
	if (err)
		error("%s: %s", from, strerror(errno));
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return err;
}

static int add_label(struct image *m, const char *text)
{
	const char *equals = strchr(text, '=');
	char *key = strndup(text, equals ? equals - text : 0), *value = strdup(equals ? equals + 1 : "");
	unsigned int i;

	if (!key || !value)
		abort();
	for (i = 0; i < m->labels && strcmp(m->label[i].key, key); i++)
		;
	if (!equals || !label_valid(key, value) || i == LABELS_MAX) {
		if (i == LABELS_MAX)
			error("--label '%s': an image has at most %d", text, LABELS_MAX);
		else
			error("--label '%s': want KEY=VALUE: letters, digits and ._/-, and a line of text", text);
		free(key);
		free(value);
		return -1;
	}
	if (i < m->labels) {
		free(m->label[i].key);
		free(m->label[i].value);
	} else {
		m->labels++;
	}
	m->label[i] = (struct label){ key, value };
	return 0;
}

/**
 * settings_stage - what the user said of an image, into it
 * @set: what was said
 * @t: gets copies of kernel and initrd, when they were given
 * @m: the image
 */
int settings_stage(const struct settings *set, struct stage *t, struct image *m)
{
	if (set->kernel && stage_copy(t, set->kernel, "kernel"))
		return -1;
	/* The old one's initrd does not fit another kernel. */
	if (set->kernel) {
		unlinkat(t->fd, "initrd", 0);
		*m->initrd = 0;
	}
	if (set->initrd && stage_copy(t, set->initrd, "initrd"))
		return -1;
	if (set->initrd && !set->kernel && !*m->kernel && faccessat(t->fd, "kernel", F_OK, 0)) {
		error("--initrd without a kernel");
		return -1;
	}
	if (set->cmdline) {
		if (!text_valid(set->cmdline, CMDLINE_MAX)) {
			error("--cmdline: want at most %d printable characters", CMDLINE_MAX);
			return -1;
		}
		free(m->cmdline);
		m->cmdline = *set->cmdline ? strdup(set->cmdline) : NULL;
	}
	if (set->memory)
		m->memory = set->memory;
	if (set->cpus)
		m->cpus = set->cpus;
	for (unsigned int i = 0; i < set->labels; i++)
		if (add_label(m, set->label[i]))
			return -1;
	return 0;
}

/**
 * boot_prepare - kernel and initrd that are in the stage: their digests
 * @t: the stage
 * @m: gets them
 */
int boot_prepare(struct stage *t, struct image *m)
{
	uint64_t bytes;

	if (!faccessat(t->fd, "kernel", F_OK, 0) && seal_prepare(t, "kernel", m->kernel, &bytes, NULL))
		return -1;
	if (!faccessat(t->fd, "initrd", F_OK, 0) && seal_prepare(t, "initrd", m->initrd, &bytes, NULL))
		return -1;
	return 0;
}

/**
 * boot_seal - the same go into files/
 * @s: the store, locked
 * @t: the stage
 * @m: has the digests
 */
int boot_seal(struct store *s, struct stage *t, const struct image *m)
{
	if (!faccessat(t->fd, "kernel", F_OK, 0) && seal(s, t, "kernel", m->kernel))
		return -1;
	if (!faccessat(t->fd, "initrd", F_OK, 0) && seal(s, t, "initrd", m->initrd))
		return -1;
	return 0;
}

/* All that it stands on is still there. The store is locked. */
static int still_there(struct store *s, const struct image *m)
{
	const struct image *parent = *m->parent ? index_by_id(&s->index, m->parent) : NULL, *chain[CHAIN_MAX];
	char file[FILE_SIZE];

	if (*m->parent && !parent) {
		error("its base was removed meanwhile");
		return -1;
	}
	if (parent && index_chain(&s->index, parent, chain) >= CHAIN_MAX) {
		error("more than %d images would stand on each other; flatten one", CHAIN_MAX);
		return -1;
	}
	for (int i = 0; i < 2; i++) {
		const char *digest = i ? m->initrd : m->kernel;

		sealed_name(digest, file);
		if (!*digest || index_uses(&s->index, file))
			continue;
		/* It is ours, sealed a moment ago. */
		if (faccessat(s->files, file, F_OK, AT_SYMLINK_NOFOLLOW)) {
			error("its kernel was removed meanwhile");
			return -1;
		}
	}
	return 0;
}

/**
 * publish_sealed - stage/disk, stage/kernel and stage/initrd become a sealed image
 * @s: the store, not locked
 * @t: where they are
 * @m: what is known of it; @id and @digest are filled in; stays the caller's
 * @name: that it gets, NAME:TAG; NULL: none
 * @instead: id of the image whose names it takes; NULL: none
 */
int publish_sealed(struct store *s, struct stage *t, struct image *m, const char *name, const char *instead)
{
	struct progress p;
	struct stat st;
	struct image own;
	int err;

	if (fstatat(t->fd, "disk", &st, AT_SYMLINK_NOFOLLOW)) {
		error("%s/disk: %s", t->path, strerror(errno));
		return -1;
	}
	progress_start(&p, "checksum", st.st_size);
	err = boot_prepare(t, m) || seal_prepare(t, "disk", m->digest, &m->bytes, &p);
	progress_end(&p);
	if (err)
		return -1;
	m->sealed = true;
	m->created = time(NULL);
	image_seal_id(m, m->id);
	if (store_lock(s))
		return -1;
	err = (name && store_name_free(s, name)) || boot_seal(s, t, m) || still_there(s, m) ||
	      seal(s, t, "disk", m->digest);
	if (!err) {
		if (!index_by_id(&s->index, m->id)) {
			image_copy(&own, m);
			index_add(&s->index, &own);
		}
		for (unsigned int i = 0; instead && i < s->index.names; i++)
			if (!strcmp(s->index.name[i].id, instead))
				strcpy(s->index.name[i].id, m->id);
		if (name)
			index_set_name(&s->index, name, m->id);
		err = store_write(s);
	}
	store_unlock(s);
	return err ? -1 : 0;
}

/**
 * make_overlay - an empty disk that stands on a sealed one
 * @t: where it is made
 * @file: its name there
 * @digest: of the disk that it stands on
 * @size: its size to the guest
 */
int make_overlay(struct stage *t, const char *file, const char *digest, uint64_t size)
{
	char base[FILE_SIZE], bytes[24], *path = stage_path(t, file);
	struct program p;
	int err;

	sealed_name(digest, base);
	snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)size);
	program_new(&p, "qemu-img");
	/* The base is named as it is called beside the place where this is going. */
	program_args(&p, "create", "-q", "-u", "-f", "qcow2", "-F", "qcow2", "-b", base, path, bytes, NULL);
	program_writes(&p, t->path);
	p.stage = t;
	err = program_must(&p, path);
	program_free(&p);
	free(path);
	return err;
}

/**
 * image_new - a writable image that stands on a sealed one
 * @s: the store
 * @name: NAME:TAG
 * @base: name or id
 * @size: 0: its base's
 * @set: what is said of it
 */
int image_new(struct store *s, const char *name, const char *base, uint64_t size, const struct settings *set)
{
	const struct image *from = store_find(s, base);
	char file[FILE_SIZE];
	struct image m;
	struct stage t;
	bool several;
	int err = -1;

	if (!from)
		return -1;
	if (!from->sealed) {
		error("%s: is writable, and nothing can stand on it; 'vhctl image commit' seals it", base);
		return -1;
	}
	if (size && (size < from->size || size % 512)) {
		error("--size: %s is %s large; want that or more, in blocks of 512", base, human_bytes(from->size));
		return -1;
	}
	image_copy(&m, from);
	strcpy(m.parent, from->id);
	m.sealed = false;
	if (size)
		m.size = size;
	m.bytes = 0;
	m.created = time(NULL);
	random_id(m.id);
	if (stage_new(s, &t)) {
		image_free(&m);
		return -1;
	}
	if (settings_stage(set, &t, &m) || boot_prepare(&t, &m) || make_overlay(&t, "disk", m.digest, m.size))
		goto out;
	*m.digest = 0;
	disk_name(&m, file);
	if (store_lock(s))
		goto out;
	if (index_find(&s->index, name, &several))
		error("%s: is there already; another name, or 'vhctl image rm %s'", name, name);
	else if (!boot_seal(s, &t, &m) && !still_there(s, &m) &&
	    !put_writable(s, &t, "disk", file)) {
		struct image own;

		image_copy(&own, &m);
		index_add(&s->index, &own);
		index_set_name(&s->index, name, m.id);
		err = store_write(s);
	}
	store_unlock(s);
out:
	stage_end(&t);
	image_free(&m);
	return err;
}
