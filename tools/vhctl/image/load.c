// SPDX-License-Identifier: GPL-2.0-only
/* load.c - images that go from one store to another: what the other lacks, and nothing unproved. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/ops.h"
#include "image/progress.h"
#include "image/wire.h"
#include "vhctl.h"

#define BOOT_MAX	(2ULL << 30)	/* of a kernel or initrd */

static void add_file(struct load *l, const char *digest, bool disk, uint64_t size)
{
	unsigned int i;

	if (!*digest)
		return;
	for (i = 0; i < l->files && strcmp(l->file[i].digest, digest); i++)
		;
	if (i == l->files) {
		l->file = realloc(l->file, ++l->files * sizeof(*l->file));
		if (!l->file)
			abort();
		memset(&l->file[i], 0, sizeof(*l->file));
		strcpy(l->file[i].digest, digest);
	}
	l->file[i].disk |= disk;
	if (disk)
		l->file[i].size = size;
}

/* Takes over what @m refers to. */
static void add_image(struct load *l, const struct image *m)
{
	l->image = realloc(l->image, (l->images + 1) * sizeof(*m));
	if (!l->image)
		abort();
	l->image[l->images++] = *m;
	add_file(l, m->digest, true, m->bytes);
	add_file(l, m->kernel, false, 0);
	add_file(l, m->initrd, false, 0);
}

/**
 * load_free - all of it
 * @l: empty afterwards
 */
void load_free(struct load *l)
{
	for (unsigned int i = 0; i < l->images; i++)
		image_free(&l->image[i]);
	free(l->image);
	free(l->file);
	*l = (struct load){ };
}

/**
 * load_to_json - the images as the other side is told of them
 * @l: the load
 */
json_object *load_to_json(const struct load *l)
{
	json_object *list = json_object_new_array();

	for (unsigned int i = 0; i < l->images; i++)
		json_object_array_add(list, image_to_json(&l->image[i]));
	return list;
}

/**
 * load_from_store - an image and all that it stands on: 0, or -1, told
 * @w: the wire
 * @s: the store
 * @text: name or id
 * @l: filled in
 */
int load_from_store(struct wire *w, struct store *s, const char *text, struct load *l)
{
	const struct image *chain[CHAIN_MAX];
	struct image *m, own;
	bool several;
	int n;

	m = index_find(&s->index, text, &several);
	if (!m || !m->sealed) {
		if (!m)
			wire_fail(w, "%s image '%s'", several ? "there are several for" : "there is no", text);
		else
			wire_fail(w, "%s is writable; 'vhctl image commit' seals it", text);
		return -1;
	}
	n = index_chain(&s->index, m, chain);
	for (int i = 0; i < n; i++) {
		image_copy(&own, chain[i]);
		add_image(l, &own);
	}
	return 0;
}

/**
 * load_from_json - the images that the other side told of: 0, or -1, told
 * @w: the wire
 * @images: what it told
 * @l: filled in
 */
int load_from_json(struct wire *w, json_object *images, struct load *l)
{
	const char *why = NULL, *below = "";
	char id[ID_SIZE];
	struct image m;

	if (!json_object_is_type(images, json_type_array) || !json_object_array_length(images) ||
	    json_object_array_length(images) > CHAIN_MAX) {
		wire_fail(w, "names no images, or too many");
		return -1;
	}
	for (size_t i = 0; !why && i < json_object_array_length(images); i++) {
		why = image_from_json(json_object_array_get_idx(images, i), &m);
		if (why)
			break;
		image_seal_id(&m, id);
		if (!m.sealed)
			why = "is not sealed";
		else if (strcmp(m.id, id))
			why = "has another id than what is said of it";
		else if (strcmp(m.parent, below))
			why = "does not stand on the one before it";
		add_image(l, &m);
		below = l->image[l->images - 1].id;
	}
	if (why)
		wire_fail(w, "an image %s", why);
	return why ? -1 : 0;
}

/**
 * load_lack - mark the files that are not in the store
 * @s: the store
 * @l: the load
 */
void load_lack(struct store *s, struct load *l)
{
	char file[FILE_SIZE];

	for (unsigned int i = 0; i < l->files; i++) {
		sealed_name(l->file[i].digest, file);
		l->file[i].want = !index_uses(&s->index, file) || faccessat(s->files, file, F_OK, AT_SYMLINK_NOFOLLOW);
	}
}

/**
 * load_wanted - the marked ones, as the other side is told of them
 * @l: the load
 */
json_object *load_wanted(const struct load *l)
{
	json_object *j = json_object_new_object(), *list = json_object_new_array();

	for (unsigned int i = 0; i < l->files; i++)
		if (l->file[i].want)
			json_object_array_add(list, json_object_new_string(l->file[i].digest));
	json_object_object_add(j, "want", list);
	return j;
}

/**
 * load_want - mark those that the other side wants: 0, or -1, told
 * @w: the wire
 * @j: what it said
 * @l: the load
 */
int load_want(struct wire *w, json_object *j, struct load *l)
{
	json_object *list;

	if (!json_object_object_get_ex(j, "want", &list) || !json_object_is_type(list, json_type_array) ||
	    json_object_array_length(list) > l->files) {
		wire_fail(w, "does not say what it wants");
		return -1;
	}
	for (size_t k = 0; k < json_object_array_length(list); k++) {
		const char *digest = json_object_get_string(json_object_array_get_idx(list, k));
		unsigned int i;

		for (i = 0; i < l->files && (!digest || strcmp(l->file[i].digest, digest)); i++)
			;
		if (i == l->files) {
			wire_fail(w, "wants what is not of the image");
			return -1;
		}
		l->file[i].want = true;
	}
	return 0;
}

static uint64_t total(const struct load *l)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < l->files; i++)
		n += l->file[i].want ? l->file[i].size : 0;
	return n;
}

static int send_one(struct wire *w, struct store *s, const char *digest, struct progress *p)
{
	json_object *j = json_object_new_object();
	char file[FILE_SIZE];
	struct stat st;
	int fd, err;

	sealed_name(digest, file);
	/* In use: it stays. */
	fd = file_hold(s, file, false);
	if (fd < 0 || fstat(fd, &st)) {
		wire_fail(w, "%s: %s", file, strerror(errno));
		json_object_put(j);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	json_object_object_add(j, "file", json_object_new_string(digest));
	json_object_object_add(j, "size", json_object_new_uint64(st.st_size));
	err = wire_tell(w, j) || wire_send_file(w, fd, p);
	close(fd);
	return err ? -1 : 0;
}

/**
 * load_send - the marked files: 0, or -1, told
 * @w: the wire
 * @s: the store that has them
 * @l: the load
 */
int load_send(struct wire *w, struct store *s, struct load *l)
{
	struct progress p;
	int err = 0;

	progress_start(&p, "push", total(l));
	for (unsigned int i = 0; i < l->files && !err; i++)
		if (l->file[i].want)
			err = send_one(w, s, l->file[i].digest, w->peer ? &p : NULL);
	progress_end(&p);
	return err;
}

static int get_one(struct wire *w, struct stage *t, struct load *l, unsigned int i, struct progress *p)
{
	json_object *j = wire_ask(w), *name, *size;
	char file[FILE_SIZE], digest[ID_SIZE];
	uint64_t n, bytes;
	int fd, err;

	if (!j)
		return -1;
	if (!json_object_object_get_ex(j, "file", &name) || !json_object_object_get_ex(j, "size", &size) ||
	    strcmp(json_object_get_string(name) ? json_object_get_string(name) : "", l->file[i].digest) ||
	    !json_object_is_type(size, json_type_int) || json_object_get_int64(size) < 0) {
		wire_fail(w, "sends another file");
		json_object_put(j);
		return -1;
	}
	n = json_object_get_int64(size);
	json_object_put(j);
	if (l->file[i].disk ? n != l->file[i].size : n > BOOT_MAX) {
		wire_fail(w, "sends a file of another size");
		return -1;
	}
	sealed_name(l->file[i].digest, file);
	fd = openat(t->fd, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		wire_fail(w, "%s: %s", file, strerror(errno));
		return -1;
	}
	err = wire_get_file(w, fd, n, p);
	close(fd);
	if (err || seal_prepare(t, file, digest, &bytes, NULL))
		return -1;
	if (!strcmp(digest, l->file[i].digest))
		return 0;
	wire_fail(w, "%s came with another content", file);
	return -1;
}

/**
 * load_get - the marked files, into a stage: 0, or -1, told
 * @w: the wire
 * @t: the stage
 * @l: the load
 */
int load_get(struct wire *w, struct stage *t, struct load *l)
{
	struct progress p;
	int err = 0;

	progress_start(&p, "pull", total(l));
	for (unsigned int i = 0; i < l->files && !err; i++)
		if (l->file[i].want)
			err = get_one(w, t, l, i, w->peer ? &p : NULL);
	progress_end(&p);
	return err;
}

/* Whoever sent it, a disk stands on what the index says, and on nothing else. */
static int check_disks(struct wire *w, struct store *s, struct load *l)
{
	char file[FILE_SIZE], base[FILE_SIZE] = "";
	const char *why = NULL;
	struct stat st;

	for (unsigned int i = 0; i < l->images && !why; i++) {
		const struct image *m = &l->image[i];
		int fd;

		sealed_name(m->digest, file);
		fd = file_open(s, file);
		if (fd < 0 || fstat(fd, &st))
			why = strerror(errno);
		else if ((uint64_t)st.st_size != m->bytes)
			why = "has another length";
		else
			why = qcow2_check(fd, base, m->size);
		if (fd >= 0)
			close(fd);
		strcpy(base, file);
	}
	if (why)
		wire_fail(w, "a disk %s", why);
	return why ? -1 : 0;
}

static int seal_all(struct wire *w, struct store *s, struct stage *t, struct load *l)
{
	char file[FILE_SIZE];

	for (unsigned int i = 0; i < l->files; i++) {
		sealed_name(l->file[i].digest, file);
		if (!faccessat(t->fd, file, F_OK, AT_SYMLINK_NOFOLLOW)) {
			if (seal(s, t, file, l->file[i].digest)) {
				wire_fail(w, "%s could not be stored", file);
				return -1;
			}
		} else if (!index_uses(&s->index, file)) {
			wire_fail(w, "what was there is gone; try again");
			return -1;
		}
	}
	return 0;
}

/* What was sealed, and is of no image after all. */
static void drop_files(struct store *s, const struct load *l)
{
	char file[FILE_SIZE];

	for (unsigned int i = 0; i < l->files; i++) {
		sealed_name(l->file[i].digest, file);
		if (!index_uses(&s->index, file))
			file_remove(s, file);
	}
}

/**
 * load_publish - the images are in the store: 0, or -1, told
 * @w: the wire
 * @s: the store, not locked
 * @t: has the files that it lacked
 * @l: the load
 * @name: of the last image, NAME:TAG
 */
int load_publish(struct wire *w, struct store *s, struct stage *t, struct load *l, const char *name)
{
	bool several;
	struct image *m, own;
	int err = -1;

	if (store_lock(s)) {
		wire_fail(w, "the store cannot be locked");
		return -1;
	}
	m = index_find(&s->index, name, &several);
	if (m && !m->sealed) {
		wire_fail(w, "%s is a writable image here; commit it, or remove it first", name);
	} else if (!seal_all(w, s, t, l) && !check_disks(w, s, l)) {
		for (unsigned int i = 0; i < l->images; i++) {
			if (index_by_id(&s->index, l->image[i].id))
				continue;
			image_copy(&own, &l->image[i]);
			index_add(&s->index, &own);
		}
		index_set_name(&s->index, name, l->image[l->images - 1].id);
		err = store_write(s);
		if (err)
			wire_fail(w, "the index could not be written");
	}
	if (err && !store_refresh(s))
		drop_files(s, l);
	store_unlock(s);
	return err;
}
