// SPDX-License-Identifier: GPL-2.0-only
/* runtime.c - the folder that a user's VMs have their sockets and logs in. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "object.h"
#include "runtime.h"
#include "vhctl.h"

#define YOUNG_S	10	/* a socket may have nobody yet who listens */

static bool is_folder_of(const char *path, uid_t uid, struct stat *st)
{
	return !lstat(path, st) && S_ISDIR(st->st_mode) && st->st_uid == uid;
}

/**
 * runtime_folder - a user's folder, made if need be
 * @uid: the user
 * @session: what his login session has (XDG_RUNTIME_DIR), or NULL
 * @users: where those of all who are logged in are (/run/user)
 * @all: where everybody can have one (/tmp)
 * @dir: filled in
 * @size: of that
 *
 * Nobody else can change, or have made, what is in it. 0, or -1, told.
 */
int runtime_folder(uid_t uid, const char *session, const char *users, const char *all, char *dir, size_t size)
{
	struct stat st;
	char of_user[PATH_MAX];

	snprintf(of_user, sizeof(of_user), "%s/%u", users, uid);
	if (session && *session == '/' && is_folder_of(session, uid, &st))
		snprintf(dir, size, "%s/vh", session);
	else if (is_folder_of(of_user, uid, &st))
		snprintf(dir, size, "%s/vh", of_user);
	else
		snprintf(dir, size, "%s/vh-%u", all, uid);
	if (mkdir(dir, 0700) && errno != EEXIST) {
		error("%s: %s; set XDG_RUNTIME_DIR to a folder of yours, which sockets can be in", dir, strerror(errno));
		return -1;
	}
	/* Where everybody can have one somebody may have been faster. */
	if (!is_folder_of(dir, uid, &st)) {
		error("%s: is not your folder, and who has made it could be at your VMs' sockets; set XDG_RUNTIME_DIR to "
		      "a folder of yours", dir);
		return -1;
	}
	if (st.st_mode & 077 && chmod(dir, 0700)) {
		error("%s: is open to others, and cannot be closed: %s", dir, strerror(errno));
		return -1;
	}
	return 0;
}

static int own_folder(char *dir, size_t size)
{
	if (geteuid())
		return runtime_folder(geteuid(), getenv("XDG_RUNTIME_DIR"), "/run/user", "/tmp", dir, size);
	snprintf(dir, size, "/run/vh");
	if (!mkdir(dir, 0700) || errno == EEXIST)
		return 0;
	error("%s: %s", dir, strerror(errno));
	return -1;
}

int runtime_path(const uint8_t *uuid, const char *suffix, char *path, size_t size)
{
	char text[37], dir[PATH_MAX];

	if (own_folder(dir, sizeof(dir)))
		return -1;
	uuid_text(uuid, text);
	if ((size_t)snprintf(path, size, "%s/%s%s", dir, text, suffix) >= size) {
		error("%s: the path is too long", dir);
		return -1;
	}
	return 0;
}

/* Nobody listens at it, nor will. */
static bool is_left(int dir, const char *name, const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct stat st;
	bool left;
	int s;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISSOCK(st.st_mode) || time(NULL) - st.st_ctime < YOUNG_S ||
	    (size_t)snprintf(at.sun_path, sizeof(at.sun_path), "%s", path) >= sizeof(at.sun_path))
		return false;
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	left = s >= 0 && connect(s, (struct sockaddr *)&at, sizeof(at)) && errno == ECONNREFUSED;
	if (s >= 0)
		close(s);
	return left;
}

/**
 * runtime_clean - remove what VMMs that were killed have left in the user's folder
 * @folder: the folder; NULL: where it is by itself
 */
void runtime_clean(const char *folder)
{
	char own[PATH_MAX], path[PATH_MAX + 256];
	struct dirent *e;
	DIR *d;

	if (!folder && own_folder(own, sizeof(own)))
		return;
	folder = folder ? folder : own;
	d = opendir(folder);
	while (d && (e = readdir(d))) {
		const char *dot = strrchr(e->d_name, '.');

		if (!dot || strcmp(dot, RUNTIME_CONTROL))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		if (is_left(dirfd(d), e->d_name, path))
			unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d)
		closedir(d);
}
