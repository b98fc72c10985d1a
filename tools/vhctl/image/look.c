// SPDX-License-Identifier: GPL-2.0-only
/* look.c - what is in an image, whether it is whole, and what nobody needs. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/ops.h"
#include "image/program.h"
#include "qcow2.h"
#include "vhctl.h"

/**
 * image_size - of the disk, to the guest
 * @s: the store
 * @m: the image
 *
 * A writable disk's header knows it: a resize that was killed may not have told the index.
 */
uint64_t image_size(const struct store *s, const struct image *m)
{
	char file[FILE_SIZE];
	struct qcow2 q;
	int fd;

	if (m->sealed)
		return m->size;
	disk_name(m, file);
	fd = file_open(s, file);
	if (fd < 0)
		return m->size;
	if (qcow2_read(fd, &q))
		q.size = m->size;
	close(fd);
	return q.size;
}

/**
 * image_used - what its disk takes on the host
 * @s: the store
 * @m: the image
 */
uint64_t image_used(const struct store *s, const struct image *m)
{
	char file[FILE_SIZE];
	struct stat st;

	disk_name(m, file);
	return fstatat(s->files, file, &st, AT_SYMLINK_NOFOLLOW) ? 0 : st.st_blocks * 512ULL;
}

/* --- diff --- */

static uint64_t get_number(json_object *j, const char *key)
{
	json_object *v;

	return json_object_object_get_ex(j, key, &v) ? json_object_get_uint64(v) : 0;
}

static bool get_bool(json_object *j, const char *key)
{
	json_object *v;

	return json_object_object_get_ex(j, key, &v) && json_object_get_boolean(v);
}

static int told_extents(json_object *list, extent_fn fn, void *arg)
{
	if (!json_object_is_type(list, json_type_array))
		return -1;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		json_object *e = json_object_array_get_idx(list, i);

		if (!json_object_is_type(e, json_type_object))
			return -1;
		if (!get_number(e, "depth") && get_bool(e, "present"))
			fn(get_number(e, "start"), get_number(e, "length"), !get_bool(e, "data"), arg);
	}
	return 0;
}

/**
 * image_diff - what a disk has beyond what it stands on
 * @s: the store
 * @text: name or id
 * @fn: is told of each extent, by where the guest sees it
 * @arg: for @fn
 * @found: the image; valid until the index is read anew
 */
int image_diff(struct store *s, const char *text, extent_fn fn, void *arg, const struct image **found)
{
	const struct image *m = *found = store_find(s, text);
	int fds[CHAIN_MAX], err;
	char file[FILE_SIZE], *path;
	struct program p;
	json_object *j;
	unsigned int n;

	if (!m || chain_hold(s, m, fds, &n))
		return -1;
	disk_name(m, file);
	path = store_path(s, file);
	program_new(&p, "qemu-img");
	program_args(&p, "map", "--output=json", "-f", "qcow2", path, NULL);
	program_reads(&p, s->path);
	err = program_must(&p, text);
	if (!err) {
		j = json_parse(p.output ? p.output : "", p.size);
		err = told_extents(j, fn, arg);
		if (err)
			error("%s: qemu-img map says nothing that is known here", text);
		json_object_put(j);
	}
	program_free(&p);
	free(path);
	while (n)
		close(fds[--n]);
	return err;
}

/* --- verify --- */

static const char *verify_digest(const struct store *s, const char *digest, const char *what, struct progress *p)
{
	static char why[160];
	char file[FILE_SIZE], now[ID_SIZE];
	int fd;

	if (!*digest)
		return NULL;
	sealed_name(digest, file);
	fd = file_open(s, file);
	if (fd < 0 || hash_file(fd, now, p)) {
		snprintf(why, sizeof(why), "its %s: %s", what, strerror(errno));
		if (fd >= 0)
			close(fd);
		return why;
	}
	close(fd);
	if (!strcmp(now, digest))
		return NULL;
	snprintf(why, sizeof(why), "its %s has changed: sha256 is %.12s", what, now);
	return why;
}

static const char *verify_tables(const struct store *s, const char *file)
{
	static char why[600];
	char *path = store_path(s, file);
	struct program p;
	int status;

	program_new(&p, "qemu-img");
	program_args(&p, "check", "-q", "-f", "qcow2", path, NULL);
	program_reads(&p, s->path);
	status = program_run(&p);
	program_free(&p);
	free(path);
	/* 3: clusters that nobody uses, as after a kill; no harm. */
	if (!status || status == 3)
		return NULL;
	snprintf(why, sizeof(why), "qemu-img check: %s", status == 2 ? "its tables are corrupt" :
		 status < 0 ? "could not be run" : p.said);
	why[strcspn(why, "\n")] = 0;
	return why;
}

static const char *verify_disk(const struct store *s, const struct image *m)
{
	const struct image *parent = *m->parent ? index_by_id(&s->index, m->parent) : NULL;
	char file[FILE_SIZE], base[FILE_SIZE] = "";
	const char *why;
	struct stat st;
	int fd;

	disk_name(m, file);
	if (parent)
		sealed_name(parent->digest, base);
	fd = file_hold(s, file, !m->sealed);
	if (fd < 0 && errno == EWOULDBLOCK && !m->sealed)
		return "";
	if (fd < 0 && errno == EWOULDBLOCK)
		return "somebody has locked it for writing";
	if (fd < 0 || fstat(fd, &st))
		why = strerror(errno);
	else if (m->sealed && (uint64_t)st.st_size != m->bytes)
		why = "its disk has another length";
	else if (m->sealed && (st.st_mode & 0222))
		why = "its disk may be written (chmod 444)";
	else
		why = qcow2_check(fd, base, m->sealed ? m->size : 0);
	if (!why)
		why = verify_tables(s, file);
	if (fd >= 0)
		close(fd);
	return why;
}

const char *image_verify(struct store *s, const struct image *m, struct progress *p)
{
	const char *why;
	char id[ID_SIZE];

	if (m->sealed) {
		image_seal_id(m, id);
		if (strcmp(id, m->id))
			return "what the index says of it has changed";
	}
	why = verify_digest(s, m->kernel, "kernel", p);
	if (!why)
		why = verify_digest(s, m->initrd, "initrd", p);
	if (!why)
		why = verify_digest(s, m->digest, "disk", p);
	return why ? why : verify_disk(s, m);
}

/* --- gc --- */

/**
 * struct sweep - what gc goes by
 * @dry: only say what would go
 */
struct sweep {
	struct store *s;
	bool dry;
	gone_fn fn;
	void *arg;
	int err;
};

/* The id of a sealed image without a name, that nobody stands on or runs; or false. */
static bool dangling(struct sweep *w, struct image **found)
{
	const struct index *x = &w->s->index;
	char file[FILE_SIZE];
	int fd;

	for (unsigned int i = 0; i < x->images; i++) {
		struct image *m = &x->image[i];

		if (!m->sealed || index_name_of(x, m->id) || index_child_of(x, m->id, NULL))
			continue;
		disk_name(m, file);
		fd = file_hold(w->s, file, true);
		if (fd < 0 && errno == EWOULDBLOCK)
			continue;
		if (fd >= 0)
			close(fd);
		*found = m;
		return true;
	}
	return false;
}

static void each_file(struct sweep *w, int dir, void (*fn)(struct sweep *w, int dir, const char *name))
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			fn(w, dir, e->d_name);
	if (d)
		closedir(d);
}

static void sweep_file(struct sweep *w, int dir, const char *name)
{
	struct stat st;
	int fd;

	if (index_uses(&w->s->index, name) || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
		return;
	fd = file_hold(w->s, name, true);
	if (fd < 0 && errno == EWOULDBLOCK)
		return;
	if (fd >= 0)
		close(fd);
	if (!w->dry && (S_ISDIR(st.st_mode) ? tree_remove(dir, name) : file_remove(w->s, name))) {
		w->err = -1;
		return;
	}
	/* Another name of a disk that stays frees nothing. */
	w->fn(!strncmp(name, "run-", 4) ? "overlay" : "file", name, st.st_nlink > 1 ? 0 : st.st_blocks * 512ULL,
	      w->arg);
}

static void sweep_stage(struct sweep *w, int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB)) {
		close(fd);
		return;
	}
	if (!w->dry && tree_remove(dir, name)) {
		error("%s/tmp/%s: %s", w->s->path, name, strerror(errno));
		w->err = -1;
	} else {
		w->fn("unfinished", name, 0, w->arg);
	}
	if (fd >= 0)
		close(fd);
}

/* What a command that was killed did not come to. */
static void protect(struct store *s)
{
	char file[FILE_SIZE];

	for (unsigned int i = 0; i < s->index.images; i++) {
		disk_name(&s->index.image[i], file);
		if (s->index.image[i].sealed)
			make_sealed(s, file);
		else
			make_writable(s, file);
	}
}

/**
 * store_gc - remove what nobody needs
 * @s: the store
 * @dry: only say what would go
 * @fn: is told of each
 * @arg: for @fn
 *
 * Sealed images without a name that nobody stands on; files that no image names; what was being made
 * by who is gone. A writable image stays, and so does what is in use.
 */
int store_gc(struct store *s, bool dry, gone_fn fn, void *arg)
{
	struct sweep w = { s, dry, fn, arg, 0 };
	struct image *m;
	bool any = false;
	int tmp;

	if (store_lock(s))
		return -1;
	while (dangling(&w, &m)) {
		/* Its files follow below. */
		fn("image", m->id, 0, arg);
		index_remove(&s->index, m->id);
		any = true;
	}
	if (any && !dry && store_write(s)) {
		store_unlock(s);
		return -1;
	}
	each_file(&w, s->files, sweep_file);
	tmp = openat(s->dir, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (tmp >= 0) {
		each_file(&w, tmp, sweep_stage);
		close(tmp);
	}
	if (!dry) {
		unlinkat(s->dir, "index.new", 0);
		protect(s);
		fsync(s->files);
	} else {
		store_refresh(s);
	}
	store_unlock(s);
	return w.err;
}

static void count_stray(const char *kind, const char *name, uint64_t bytes, void *arg)
{
	(void)name;
	(void)bytes;
	if (strcmp(kind, "image"))
		++*(unsigned int *)arg;
}

/**
 * store_strays - how many files and directories are there that gc would remove
 * @s: the store
 */
unsigned int store_strays(struct store *s)
{
	unsigned int n = 0;

	store_gc(s, true, count_stray, &n);
	return n;
}
