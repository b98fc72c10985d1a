// SPDX-License-Identifier: GPL-2.0-only
/* change.c - what is done to images that are there. */
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
#include "vhctl.h"

/* All names of an image are another's. */
static void move_names(struct index *x, const char *from, const char *to)
{
	for (unsigned int i = 0; i < x->names; i++)
		if (!strcmp(x->name[i].id, from))
			strcpy(x->name[i].id, to);
}

static void add_copy(struct index *x, const struct image *m)
{
	struct image own;

	image_copy(&own, m);
	index_add(x, &own);
}

/* The writable image, still as it was looked at; the store is locked. */
static bool same(struct store *s, const char *id)
{
	if (index_by_id(&s->index, id))
		return true;
	error("it was removed meanwhile");
	return false;
}

/* --- commit --- */

/* Is it a disk that others can stand on? */
static int check_disk(struct store *s, const struct image *m, int fd, const char *shown)
{
	const struct image *parent = *m->parent ? index_by_id(&s->index, m->parent) : NULL;
	char file[FILE_SIZE], base[FILE_SIZE] = "", *path;
	const char *why;
	struct program p;
	int status;

	if (parent)
		sealed_name(parent->digest, base);
	why = qcow2_check(fd, base, 0);
	if (why) {
		error("%s: its disk %s", shown, why);
		return -1;
	}
	disk_name(m, file);
	path = store_path(s, file);
	program_new(&p, "qemu-img");
	program_args(&p, "check", "-q", "-f", "qcow2", path, NULL);
	program_reads(&p, s->path);
	status = program_run(&p);
	if (status > 0 && status != 3)
		program_failed(&p, shown);
	program_free(&p);
	free(path);
	return status && status != 3 ? -1 : 0;
}

static int hash_disk(int fd, struct image *sealed, const char *shown)
{
	struct progress p;
	struct stat st;
	int err;

	if (fsync(fd) || fstat(fd, &st)) {
		error("%s: %s", shown, strerror(errno));
		return -1;
	}
	sealed->bytes = st.st_size;
	progress_start(&p, "checksum", st.st_size);
	err = hash_file(fd, sealed->digest, &p);
	progress_end(&p);
	if (err)
		error("%s: %s", shown, strerror(errno));
	return err;
}

/**
 * image_commit - what is in a writable image is sealed
 * @s: the store
 * @text: name or id of the writable image
 * @as: NAME:TAG of the sealed one, on which the writable one stands from now on; NULL: it is sealed
 *      itself, with its names
 * @set: what is said of the sealed one beside what was said already
 */
int image_commit(struct store *s, const char *text, const char *as, const struct settings *set)
{
	struct image *m = store_find(s, text), sealed, next;
	char old[ID_SIZE], file[FILE_SIZE], to[FILE_SIZE];
	struct stage t;
	int err = -1, fd;

	if (!m)
		return -1;
	if (m->sealed) {
		error("%s: is sealed already", text);
		return -1;
	}
	if (as && store_name_free(s, as))
		return -1;
	strcpy(old, m->id);
	disk_name(m, file);
	image_copy(&sealed, m);
	if (stage_new(s, &t)) {
		image_free(&sealed);
		return -1;
	}
	fd = file_hold(s, file, true);
	if (fd < 0) {
		if (errno == EWOULDBLOCK)
			error("%s: is in use, by a VM or another command", text);
		else
			error("%s: %s", text, strerror(errno));
		goto out;
	}
	sealed.size = image_size(s, &sealed);
	if (check_disk(s, &sealed, fd, text) || settings_stage(set, &t, &sealed) || hash_disk(fd, &sealed, text))
		goto out;
	if (boot_prepare(&t, &sealed))
		goto out;
	sealed.sealed = true;
	sealed.created = time(NULL);
	image_seal_id(&sealed, sealed.id);
	image_copy(&next, &sealed);
	next.sealed = false;
	next.bytes = 0;
	*next.digest = 0;
	strcpy(next.parent, sealed.id);
	random_id(next.id);
	disk_name(&next, to);
	if (as && make_overlay(&t, "disk", sealed.digest, sealed.size))
		goto free_next;
	if (store_lock(s))
		goto free_next;
	if (same(s, old) && (!as || !store_name_free(s, as)) &&
	    !boot_seal(s, &t, &sealed) && !seal(s, NULL, file, sealed.digest) &&
	    (!as || !put_writable(s, &t, "disk", to))) {
		move_names(&s->index, old, as ? next.id : sealed.id);
		index_remove(&s->index, old);
		if (!index_by_id(&s->index, sealed.id))
			add_copy(&s->index, &sealed);
		if (as) {
			add_copy(&s->index, &next);
			index_set_name(&s->index, as, sealed.id);
		}
		err = store_write(s);
		if (!err)
			seal_finish(s, file, sealed.digest);
	}
	store_unlock(s);
free_next:
	image_free(&next);
out:
	if (fd >= 0)
		close(fd);
	stage_end(&t);
	image_free(&sealed);
	return err;
}

/* --- flatten, resize --- */

static int put_flat(struct store *s, struct stage *t, struct image *m, const char *old, const char *file)
{
	char to[FILE_SIZE];
	int err = -1;

	random_id(m->id);
	disk_name(m, to);
	if (store_lock(s))
		return -1;
	if (same(s, old) && !put_writable(s, t, "disk", to)) {
		move_names(&s->index, old, m->id);
		index_remove(&s->index, old);
		add_copy(&s->index, m);
		err = store_write(s);
		if (!err)
			file_remove(s, file);
	}
	store_unlock(s);
	return err;
}

/**
 * image_flatten - an image becomes one that stands on nothing, with the same content
 * @s: the store
 * @text: name or id; the names go over to the new one
 */
int image_flatten(struct store *s, const char *text)
{
	struct image *found = store_find(s, text), m;
	char old[ID_SIZE], file[FILE_SIZE], *to;
	int fds[CHAIN_MAX], err = -1;
	struct stage t;
	unsigned int n;

	if (!found)
		return -1;
	if (!*found->parent) {
		error("%s: stands on nothing", text);
		return -1;
	}
	image_copy(&m, found);
	strcpy(old, m.id);
	disk_name(&m, file);
	if (chain_hold(s, found, fds, &n)) {
		image_free(&m);
		return -1;
	}
	m.size = image_size(s, &m);
	*m.parent = 0;
	if (!stage_new(s, &t)) {
		to = stage_path(&t, "disk");
		err = chain_convert(s, file, to, "qcow2", t.path, false, &t, "flatten", text);
		if (!err && m.sealed)
			err = publish_sealed(s, &t, &m, NULL, old);
		else if (!err)
			err = put_flat(s, &t, &m, old, file);
		free(to);
		stage_end(&t);
	}
	while (n)
		close(fds[--n]);
	image_free(&m);
	return err;
}

/**
 * image_resize - the disk of a writable image gets larger or smaller
 * @s: the store
 * @text: name or id
 * @size: bytes
 * @shrink: what is behind a smaller size may be lost
 */
int image_resize(struct store *s, const char *text, uint64_t size, bool shrink)
{
	struct image *m = store_find(s, text);
	char id[ID_SIZE], file[FILE_SIZE], bytes[24], *path;
	struct program p;
	int fd, err;

	if (!m)
		return -1;
	if (m->sealed) {
		error("%s: is sealed; 'vhctl image new NAME --from %s --size SIZE' makes a larger one of it", text,
		      text);
		return -1;
	}
	if (!size || size % 512 || size > SIZE_MAX_DISK) {
		error("%s: want a size in blocks of 512, such as 20G, up to 64T", text);
		return -1;
	}
	strcpy(id, m->id);
	disk_name(m, file);
	fd = file_hold(s, file, true);
	if (fd < 0) {
		error("%s: %s", text, errno == EWOULDBLOCK ? "is in use, by a VM or another command" : strerror(errno));
		return -1;
	}
	if (size < image_size(s, m) && !shrink) {
		error("%s: is larger; --shrink cuts off what is behind the new end", text);
		close(fd);
		return -1;
	}
	make_writable(s, file);
	path = store_path(s, file);
	snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)size);
	program_new(&p, "qemu-img");
	program_args(&p, "resize", "-q", "-f", "qcow2", NULL);
	if (shrink)
		program_args(&p, "--shrink", NULL);
	program_args(&p, path, bytes, NULL);
	program_reads(&p, s->path);
	program_writes(&p, path);
	err = program_must(&p, text);
	program_free(&p);
	free(path);
	if (!err)
		fsync(fd);
	if (!err && !store_lock(s)) {
		m = index_by_id(&s->index, id);
		if (m) {
			m->size = size;
			err = store_write(s);
		}
		store_unlock(s);
	}
	close(fd);
	return err;
}
