// SPDX-License-Identifier: GPL-2.0-only
/* attach.c - an image as the disk of a VM. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/image.h"
#include "image/ops.h"
#include "vhctl.h"

/* "run-ID", and locked before it is seen, so that gc never takes it for one left behind. A descriptor, or -1, told. */
static int make_run(struct store *s, const struct image *m, char file[FILE_SIZE])
{
	char id[ID_SIZE];
	struct stage t;
	int fd = -1;

	random_id(id);
	snprintf(file, FILE_SIZE, "run-%.16s", id);
	if (stage_new(s, &t))
		return -1;
	if (!make_overlay(&t, "disk", m->digest, m->size)) {
		fd = openat(t.fd, "disk", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0 || fchmod(fd, 0600) || flock(fd, LOCK_EX | LOCK_NB) ||
		    linkat(t.fd, "disk", s->files, file, 0)) {
			error("%s/files/%s: %s", s->path, file, strerror(errno));
			if (fd >= 0)
				close(fd);
			fd = -1;
		}
	}
	stage_end(&t);
	return fd;
}

static char *boot_path(const struct store *s, const char *digest)
{
	char file[FILE_SIZE];

	if (!*digest)
		return NULL;
	sealed_name(digest, file);
	return store_path(s, file);
}

static char *copy(const char *text)
{
	char *c = text ? strdup(text) : NULL;

	if (text && !c)
		abort();
	return c;
}

static int fill(struct store *s, struct image *m, struct image_disk *d)
{
	char file[FILE_SIZE];
	int fds[CHAIN_MAX + 1], fd;
	unsigned int n;

	if (chain_hold(s, m, fds, &n))
		return -1;
	disk_name(m, file);
	if (m->sealed) {
		/* The index is read anew while it is made. */
		struct image base;

		image_copy(&base, m);
		fd = make_run(s, &base, file);
		m = index_by_id(&s->index, base.id);
		image_free(&base);
		if (fd < 0 || !m) {
			if (fd >= 0)
				close(fd);
			while (n)
				close(fds[--n]);
			return -1;
		}
		fds[n++] = fd;
		d->ephemeral = true;
	} else {
		make_writable(s, file);
	}
	d->path = store_path(s, file);
	d->format = "qcow2";
	d->kernel = boot_path(s, m->kernel);
	d->initrd = boot_path(s, m->initrd);
	d->cmdline = copy(m->cmdline);
	d->memory = m->memory;
	d->cpus = m->cpus;
	d->size = image_size(s, m);
	d->store = copy(s->path);
	d->file = copy(file);
	d->held = malloc(n * sizeof(*fds));
	if (!d->held)
		abort();
	memcpy(d->held, fds, n * sizeof(*fds));
	d->nr_held = n;
	return 0;
}

int image_attach(const char *store, const char *image, const char *keep, struct image_disk *d)
{
	static const struct settings none;
	char name[NAME_SIZE];
	struct store *s;
	struct image *m;
	int err = -1;

	*d = (struct image_disk){ };
	if (keep && !name_complete(keep, name)) {
		error("'%s': want a name of small letters, digits and ._-", keep);
		return -1;
	}
	s = store_open(store, true);
	if (!s)
		return -1;
	d->made = keep && !image_new(s, name, image, 0, &none);
	m = keep && !d->made ? NULL : store_find(s, keep ? name : image);
	if (m)
		err = fill(s, m, d);
	if (err && d->made)
		image_rm(s, name);
	if (!err)
		d->image = copy(keep ? name : image);
	store_close(s);
	if (err)
		image_detach(d, true);
	return err;
}

void image_detach(struct image_disk *d, bool used)
{
	bool unused = d->made && !used;
	struct store *s = d->ephemeral || unused ? store_open(d->store, false) : NULL;

	if (s && d->ephemeral && !store_lock(s))
		file_remove(s, d->file);
	for (unsigned int i = 0; i < d->nr_held; i++)
		close(d->held[i]);
	if (s && unused)
		image_rm(s, d->image);
	store_close(s);
	free(d->held);
	free(d->path);
	free(d->image);
	free(d->kernel);
	free(d->initrd);
	free(d->cmdline);
	free(d->store);
	free(d->file);
	*d = (struct image_disk){ };
}

bool image_exists(const char *store, const char *image)
{
	struct store *s = store_open(store, false);
	bool several, found = s && index_find(&s->index, image, &several);

	store_close(s);
	return found;
}

int image_wants(const char *store, const char *image, uint64_t *memory, unsigned int *cpus)
{
	struct store *s = store_open(store, false);
	struct image *m = s ? store_find(s, image) : NULL;

	if (m) {
		*memory = m->memory;
		*cpus = m->cpus;
	}
	store_close(s);
	return m ? 0 : -1;
}
