// SPDX-License-Identifier: GPL-2.0-only
/* store.c - where a store is, its lock, its index. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/store.h"
#include "vhctl.h"

static bool join(char *to, const char *a, const char *b)
{
	return snprintf(to, PATH_MAX, "%s%s", a, b) < PATH_MAX;
}

/* What was given, VH_STORE, or the user's own. */
static bool find_store(const char *given, char *path)
{
	const char *env = getenv("VH_STORE"), *home;

	if (given || (env && *env))
		return join(path, given ? given : env, "");
	if (!geteuid())
		return join(path, "/var/lib/vh/images", "");
	home = getenv("XDG_DATA_HOME");
	if (home && *home == '/')
		return join(path, home, "/vh/images");
	home = getenv("HOME");
	if (home && *home == '/')
		return join(path, home, "/.local/share/vh/images");
	error("where are images to be kept? HOME is not set; --store DIR or VH_STORE says it");
	path[0] = 0;
	return false;
}

static int make_all(char *path)
{
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = 0;
		if (mkdir(path, 0755) && errno != EEXIST)
			return -1;
		*p = '/';
	}
	return mkdir(path, 0700) && errno != EEXIST ? -1 : 0;
}

static int open_dirs(struct store *s, bool create)
{
	struct stat st;

	s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0 && errno == ENOENT && !create)
		return 0;
	if (s->dir < 0 || fstat(s->dir, &st))
		return -1;
	/* Who else may write here could have what is checked be something else when it is used. */
	if (st.st_uid != geteuid() || (st.st_mode & 022)) {
		error("%s: %s", s->path, st.st_uid != geteuid() ? "is another user's" :
		      "others may write to it; a store is its user's alone (chmod 700)");
		errno = 0;
		return -1;
	}
	if (create && ((mkdirat(s->dir, "files", 0700) && errno != EEXIST) ||
		       (mkdirat(s->dir, "tmp", 0700) && errno != EEXIST)))
		return -1;
	s->files = openat(s->dir, "files", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return s->files < 0 && (create || errno != ENOENT) ? -1 : 0;
}

/**
 * store_open - the store, with its index read
 * @path: directory; NULL: the user's
 * @create: make it when there is none; without it, one that is not there is empty
 *
 * NULL, told.
 */
struct store *store_open(const char *path, bool create)
{
	struct store *s = calloc(1, sizeof(*s));
	char where[PATH_MAX], whole[PATH_MAX];

	if (!s)
		abort();
	s->dir = s->files = s->lock = -1;
	if (!find_store(path, where)) {
		if (*where)
			error("the store's path is too long");
		free(s);
		return NULL;
	}
	if (create && make_all(where)) {
		error("%s: %s", where, strerror(errno));
		free(s);
		return NULL;
	}
	s->path = strdup(realpath(where, whole) ? whole : where);
	errno = 0;
	if (open_dirs(s, create)) {
		if (errno)
			error("%s: %s", s->path, strerror(errno));
		store_close(s);
		return NULL;
	}
	if (s->dir >= 0 && index_read(s->dir, s->path, &s->index)) {
		store_close(s);
		return NULL;
	}
	return s;
}

/**
 * store_close - it is needed no longer
 * @s: the store, unlocked if it is locked
 */
void store_close(struct store *s)
{
	if (!s)
		return;
	store_unlock(s);
	if (s->files >= 0)
		close(s->files);
	if (s->dir >= 0)
		close(s->dir);
	index_free(&s->index);
	free(s->path);
	free(s);
}

/**
 * store_lock - nobody else changes the store until store_unlock(); the index is read anew
 * @s: the store
 *
 * 0, or -1, told.
 */
int store_lock(struct store *s)
{
	int fd = openat(s->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	while (fd >= 0 && flock(fd, LOCK_EX)) {
		if (errno == EINTR)
			continue;
		close(fd);
		fd = -1;
	}
	if (fd < 0) {
		error("%s/lock: %s", s->path, strerror(errno));
		return -1;
	}
	s->lock = fd;
	if (!store_refresh(s))
		return 0;
	store_unlock(s);
	return -1;
}

/**
 * store_unlock - others may change it
 * @s: the store
 */
void store_unlock(struct store *s)
{
	if (s->lock >= 0)
		close(s->lock);
	s->lock = -1;
}

/**
 * store_refresh - the index as it is now; what pointed into the old one does no longer
 * @s: the store
 */
int store_refresh(struct store *s)
{
	index_free(&s->index);
	return index_read(s->dir, s->path, &s->index);
}

/**
 * store_write - the index becomes what it is in memory
 * @s: the store, locked
 *
 * 0, or -1, told: then it is as it was.
 */
int store_write(struct store *s)
{
	return index_write(s->dir, s->path, &s->index);
}

/**
 * store_find - an image, or NULL, told
 * @s: the store
 * @text: name or id, as people write it
 */
struct image *store_find(struct store *s, const char *text)
{
	bool several;
	struct image *m = index_find(&s->index, text, &several);

	if (!m && several)
		error("%s: several images begin so; give more of the id", text);
	else if (!m)
		error("no image '%s'; 'vhctl image ls' lists them", text);
	return m;
}

/**
 * store_path - the path of a file of an image, to be freed
 * @s: the store
 * @file: its name in files/
 */
char *store_path(const struct store *s, const char *file)
{
	char *path;

	if (asprintf(&path, "%s/files/%s", s->path, file) < 0)
		abort();
	return path;
}

/**
 * store_name_free - may that name be given to another image?
 * @s: the store; what counts is asked while it is locked
 * @name: NAME:TAG
 *
 * A sealed image that loses its name can be had again; what is in a writable one cannot. 0, or -1, told.
 */
int store_name_free(struct store *s, const char *name)
{
	bool several;
	struct image *m = index_find(&s->index, name, &several);

	if (!m || m->sealed)
		return 0;
	error("%s is a writable image; commit it, or remove it first", name);
	return -1;
}
