// SPDX-License-Identifier: GPL-2.0-only
/* index.c - what is in a store: looked up, changed in memory, read and written. */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/store.h"
#include "vhctl.h"

#define INDEX		"index.json"
#define INDEX_NEW	"index.new"
#define INDEX_MAX	(64 << 20)

static char *copy(const char *s)
{
	char *c = s ? strdup(s) : NULL;

	if (s && !c)
		abort();
	return c;
}

/**
 * image_copy - another like it, with memory of its own
 * @to: filled in
 * @from: the image
 */
bool image_copy(struct image *to, const struct image *from)
{
	*to = *from;
	to->cmdline = copy(from->cmdline);
	for (unsigned int i = 0; i < from->labels; i++)
		to->label[i] = (struct label){ copy(from->label[i].key), copy(from->label[i].value) };
	return true;
}

/**
 * image_free - what it refers to
 * @m: the image, empty afterwards
 */
void image_free(struct image *m)
{
	free(m->cmdline);
	for (unsigned int i = 0; i < m->labels; i++) {
		free(m->label[i].key);
		free(m->label[i].value);
	}
	*m = (struct image){ };
}

/**
 * index_free - all of it
 * @x: the index, empty afterwards
 */
void index_free(struct index *x)
{
	for (unsigned int i = 0; i < x->images; i++)
		image_free(&x->image[i]);
	free(x->image);
	free(x->name);
	*x = (struct index){ };
}

/**
 * index_by_id - an image by its whole id, or NULL
 * @x: the index
 * @id: anything
 */
struct image *index_by_id(const struct index *x, const char *id)
{
	for (unsigned int i = 0; i < x->images; i++)
		if (!strcmp(x->image[i].id, id))
			return &x->image[i];
	return NULL;
}

static struct name *by_name(const struct index *x, const char *name)
{
	for (unsigned int i = 0; i < x->names; i++)
		if (!strcmp(x->name[i].name, name))
			return &x->name[i];
	return NULL;
}

/**
 * index_find - an image by what people write
 * @x: the index
 * @text: NAME, NAME:TAG, sha256:DIGEST or the beginning of an id or digest, 4 digits at least
 * @several: the beginning is that of several
 */
struct image *index_find(const struct index *x, const char *text, bool *several)
{
	struct image *found = NULL;
	char name[NAME_SIZE];
	const char *hex = text;
	struct name *n;
	size_t size;

	*several = false;
	n = name_complete(text, name) ? by_name(x, name) : NULL;
	if (n)
		return index_by_id(x, n->id);
	if (!strncmp(hex, "sha256:", 7))
		hex += 7;
	size = strlen(hex);
	if (size < 4 || strspn(hex, "0123456789abcdef") < size)
		return NULL;
	for (unsigned int i = 0; i < x->images; i++) {
		struct image *m = &x->image[i];

		if (strncmp(m->id, hex, size) && strncmp(m->digest, hex, size))
			continue;
		*several |= !!found;
		found = m;
	}
	return *several ? NULL : found;
}

/**
 * index_name_of - a name of an image, or NULL
 * @x: the index
 * @id: of the image
 */
const char *index_name_of(const struct index *x, const char *id)
{
	for (unsigned int i = 0; i < x->names; i++)
		if (!strcmp(x->name[i].id, id))
			return x->name[i].name;
	return NULL;
}

/**
 * index_child_of - who stands on an image: a name or an id, or NULL
 * @x: the index
 * @id: of the image
 * @n: how many, or NULL
 */
const char *index_child_of(const struct index *x, const char *id, unsigned int *n)
{
	const char *child = NULL, *named = NULL;
	unsigned int found = 0;

	for (unsigned int i = 0; i < x->images; i++) {
		if (strcmp(x->image[i].parent, id))
			continue;
		if (!child)
			child = x->image[i].id;
		if (!named)
			named = index_name_of(x, x->image[i].id);
		found++;
	}
	if (n)
		*n = found;
	return named ? named : child;
}

/**
 * index_uses - does an image consist of that file, among others?
 * @x: the index
 * @file: a name in files/
 */
bool index_uses(const struct index *x, const char *file)
{
	char own[FILE_SIZE];

	for (unsigned int i = 0; i < x->images; i++) {
		const struct image *m = &x->image[i];

		disk_name(m, own);
		if (!strcmp(own, file))
			return true;
		sealed_name(m->kernel, own);
		if (*m->kernel && !strcmp(own, file))
			return true;
		sealed_name(m->initrd, own);
		if (*m->initrd && !strcmp(own, file))
			return true;
	}
	return false;
}

/**
 * index_add - one more
 * @x: the index
 * @m: the image, whose memory becomes the index's
 */
void index_add(struct index *x, const struct image *m)
{
	x->image = realloc(x->image, (x->images + 1) * sizeof(*m));
	if (!x->image)
		abort();
	x->image[x->images++] = *m;
}

/**
 * index_remove - an image, and its names
 * @x: the index
 * @id: of the image
 */
void index_remove(struct index *x, const char *id)
{
	struct image *m = index_by_id(x, id);
	unsigned int i = 0;
	char gone[ID_SIZE];

	if (!m)
		return;
	/* It may be the image's own, or a name's, which move. */
	strcpy(gone, m->id);
	image_free(m);
	x->images--;
	memmove(m, m + 1, (char *)&x->image[x->images] - (char *)m);
	while (i < x->names) {
		if (strcmp(x->name[i].id, gone))
			i++;
		else
			x->name[i] = x->name[--x->names];
	}
}

/**
 * index_set_name - the name is that image's now
 * @x: the index
 * @name: NAME:TAG
 * @id: of the image
 */
void index_set_name(struct index *x, const char *name, const char *id)
{
	struct name *n = by_name(x, name), made;

	snprintf(made.name, sizeof(made.name), "%s", name);
	snprintf(made.id, sizeof(made.id), "%s", id);
	if (!n) {
		x->name = realloc(x->name, (x->names + 1) * sizeof(*n));
		if (!x->name)
			abort();
		n = &x->name[x->names++];
	}
	*n = made;
}

/**
 * index_unset_name - the name is nobody's
 * @x: the index
 * @name: NAME:TAG
 */
void index_unset_name(struct index *x, const char *name)
{
	struct name *n = by_name(x, name);

	if (n)
		*n = x->name[--x->names];
}

int index_chain(const struct index *x, const struct image *m, const struct image *chain[CHAIN_MAX])
{
	int n = 0;

	for (;;) {
		memmove(chain + 1, chain, n * sizeof(*chain));
		chain[0] = m;
		n++;
		if (!*m->parent)
			return n;
		m = index_by_id(x, m->parent);
		if (!m || !m->sealed || n == CHAIN_MAX)
			return -1;
	}
}

/* --- the file --- */

static char *read_all(int fd, size_t *size)
{
	struct stat st;
	char *text;
	size_t at = 0;
	ssize_t n;

	if (fstat(fd, &st))
		return NULL;
	if (st.st_size > INDEX_MAX) {
		errno = EFBIG;
		return NULL;
	}
	text = malloc(st.st_size + 1);
	if (!text)
		abort();
	while (at < (size_t)st.st_size) {
		n = read(fd, text + at, st.st_size - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		at += n;
	}
	*size = at;
	return text;
}

/**
 * index_read - the index as it is at one moment; nobody is waited for
 * @dir: the store
 * @path: the same, for messages
 * @x: filled in
 *
 * A store that has none is empty. 0, or -1, told.
 */
int index_read(int dir, const char *path, struct index *x)
{
	int fd = openat(dir, INDEX, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	const char *why = "is no JSON";
	json_object *j;
	char *text;
	size_t size;

	*x = (struct index){ };
	if (fd < 0 && errno == ENOENT)
		return 0;
	text = fd < 0 ? NULL : read_all(fd, &size);
	if (!text) {
		error("%s/" INDEX ": %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	close(fd);
	j = json_parse(text, size);
	if (j)
		why = index_from_json(j, x);
	json_object_put(j);
	free(text);
	if (!why)
		return 0;
	index_free(x);
	error("%s/" INDEX ": %s; nothing is done to the store until it is put right", path, why);
	return -1;
}

static int write_all(int fd, const char *text, size_t size)
{
	ssize_t n;

	for (; size; text += n, size -= n) {
		n = write(fd, text, size);
		if (n < 0 && errno == EINTR)
			n = 0;
		if (n < 0)
			return -1;
	}
	return 0;
}

/**
 * index_write - replace it, at once and for good: 0, or -1, told
 * @dir: the store, locked
 * @path: the same, for messages
 * @x: the index
 */
int index_write(int dir, const char *path, const struct index *x)
{
	int fd = openat(dir, INDEX_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644), err = -1;
	json_object *j = index_to_json(x);
	const char *text = json_object_to_json_string_ext(j, JSON_C_TO_STRING_PRETTY |
							  JSON_C_TO_STRING_NOSLASHESCAPE);

	if (fd >= 0 && !write_all(fd, text, strlen(text)) && !write_all(fd, "\n", 1) && !fsync(fd) &&
	    !renameat(dir, INDEX_NEW, dir, INDEX) && !fsync(dir))
		err = 0;
	if (err)
		error("%s/" INDEX ": %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	json_object_put(j);
	return err;
}
