// SPDX-License-Identifier: GPL-2.0-only
/* rm.c - names: given, taken away, and with the last of them the image. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/ops.h"
#include "vhctl.h"

/**
 * image_tag - another name for an image; if it was another's, it is moved
 * @s: the store
 * @text: name or id
 * @name: NAME:TAG
 */
int image_tag(struct store *s, const char *text, const char *name)
{
	struct image *m;
	int err = -1;

	if (store_lock(s))
		return -1;
	m = store_find(s, text);
	if (m && !store_name_free(s, name)) {
		index_set_name(&s->index, name, m->id);
		err = store_write(s);
	}
	store_unlock(s);
	return err;
}

static unsigned int count_names(const struct index *x, const char *id)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < x->names; i++)
		n += !strcmp(x->name[i].id, id);
	return n;
}

/* The files of an image that is no longer in the index, unless others have them. */
static void remove_files(struct store *s, const struct image *m)
{
	char file[3][FILE_SIZE] = { "", "", "" };

	disk_name(m, file[0]);
	if (*m->kernel)
		sealed_name(m->kernel, file[1]);
	if (*m->initrd)
		sealed_name(m->initrd, file[2]);
	for (int i = 0; i < 3; i++)
		if (*file[i] && !index_uses(&s->index, file[i]))
			file_remove(s, file[i]);
	fsync(s->files);
}

static int remove_image(struct store *s, const struct image *m, const char *text)
{
	unsigned int children;
	const char *child = index_child_of(&s->index, m->id, &children);
	char file[FILE_SIZE];
	struct image gone;
	int fd, err;

	if (child) {
		if (children > 1)
			error("%s: %s and %u more stand on it", text, child, children - 1);
		else
			error("%s: %s stands on it", text, child);
		return -1;
	}
	disk_name(m, file);
	fd = file_hold(s, file, true);
	if (fd < 0 && errno == EWOULDBLOCK) {
		error("%s: is in use, by a VM or another command", text);
		return -1;
	}
	image_copy(&gone, m);
	index_remove(&s->index, gone.id);
	err = store_write(s);
	if (!err)
		remove_files(s, &gone);
	if (fd >= 0)
		close(fd);
	image_free(&gone);
	return err;
}

/**
 * image_rm - a name goes, and the image with its last
 * @s: the store
 * @text: name, or id: all names
 */
int image_rm(struct store *s, const char *text)
{
	char name[NAME_SIZE];
	struct image *m;
	bool named;
	int err = -1;

	if (store_lock(s))
		return -1;
	m = store_find(s, text);
	named = false;
	if (m && name_complete(text, name))
		for (unsigned int i = 0; i < s->index.names; i++)
			named |= !strcmp(s->index.name[i].name, name);
	if (m && named && count_names(&s->index, m->id) > 1) {
		index_unset_name(&s->index, name);
		err = store_write(s);
	} else if (m) {
		err = remove_image(s, m, text);
	}
	store_unlock(s);
	return err;
}

