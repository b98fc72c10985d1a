// SPDX-License-Identifier: GPL-2.0-only
/* files.c - the files of a store: made in tmp/, sealed, held while they are in use, removed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/store.h"
#include "vhctl.h"

#define PATIENCE	3000		/* ms that a program has to end */

/* --- a directory of its own --- */

/* One level of a tree may be locked away from its owner by its mode. */
static int tree_empty(int dir)
{
	DIR *d = fdopendir(dir);
	struct dirent *e;
	int err = 0;

	if (!d) {
		close(dir);
		return -1;
	}
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") && tree_remove(dirfd(d), e->d_name))
			err = -1;
	closedir(d);
	return err;
}

/**
 * tree_remove - a file, or a directory with all that is in it; links are not followed
 * @dir: where it is
 * @name: it
 *
 * 0, or -1 with errno. What is not there is removed.
 */
int tree_remove(int dir, const char *name)
{
	int fd;

	if (!unlinkat(dir, name, 0) || errno == ENOENT)
		return 0;
	if (errno != EISDIR)
		return -1;
	/* One that is empty may be anybody's. */
	if (!unlinkat(dir, name, AT_REMOVEDIR))
		return 0;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == EACCES && !fchmodat(dir, name, 0700, 0))
		fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -1;
	fchmod(fd, 0700);
	if (tree_empty(fd))
		return -1;
	return unlinkat(dir, name, AT_REMOVEDIR) && errno != ENOENT ? -1 : 0;
}

/*
 * A directory elsewhere has what a program left there that could not clear up itself: of a user's, also files of
 * ids that only a user namespace has.
 */
static void remove_elsewhere(const char *path)
{
	pid_t pid;

	if (!tree_remove(AT_FDCWD, path) || !geteuid() || chmod(path, 0755))
		return;
	pid = fork();
	if (!pid) {
		for (int fd = 0; fd < 3; fd++)
			dup2(open("/dev/null", O_RDWR), fd);
		execlp("mmdebstrap", "mmdebstrap", "--unshare-helper", "rm", "-rf", "--one-file-system", "--", path, NULL);
		_exit(1);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	tree_remove(AT_FDCWD, path);
}

static void stage_clear(const struct stage *t)
{
	int tmp = openat(t->s->dir, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (t->also)
		remove_elsewhere(t->also);
	/* If it cannot be done now, gc does it later. */
	if (tmp >= 0) {
		tree_remove(tmp, t->name);
		close(tmp);
	}
}

/* What it leads is asked first, for fakeroot has somebody to tell, and has no choice then. */
static void end_programs(int alive)
{
	struct pollfd p = { .fd = alive, .events = POLLIN };

	kill(0, SIGINT);
	/* Each has the other end of this. */
	if (poll(&p, 1, PATIENCE) <= 0)
		kill(0, SIGTERM);
}

/*
 * When this process ends, however it does, its programs are ended and what it was making is removed:
 * a process waits for that, which leads the programs' process group. It has the lock as well.
 */
static int janitor_start(struct stage *t)
{
	int end[2], alive[2];
	bool killed;
	char c;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, end))
		return -1;
	if (pipe2(alive, O_CLOEXEC)) {
		close(end[0]);
		close(end[1]);
		return -1;
	}
	fflush(NULL);
	t->janitor = fork();
	if (t->janitor) {
		if (t->janitor > 0)
			setpgid(t->janitor, t->janitor);
		close(end[0]);
		close(alive[0]);
		t->end = end[1];
		t->alive = alive[1];
		return t->janitor < 0 ? -1 : 0;
	}
	setpgid(0, 0);
	close(end[1]);
	close(alive[1]);
	/* Whoever waits for the end of what this process was given does not wait for this one. */
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_IGN);
	while ((killed = read(end[0], &c, 1) != 1) && errno == EINTR)
		;
	if (killed)
		end_programs(alive[0]);
	stage_clear(t);
	if (killed)
		kill(0, SIGKILL);
	_exit(0);
}

/**
 * stage_new - a place for what is being made, which gc lets alone
 * @s: the store, not locked
 * @t: filled in; stage_end() removes it
 * @also: path of a file or directory that goes with it; or NULL
 *
 * 0, or -1, told.
 */
int stage_new_with(struct store *s, struct stage *t, const char *also)
{
	char id[ID_SIZE], in[32];

	random_id(id);
	*t = (struct stage){ .s = s, .also = also, .fd = -1, .end = -1, .alive = -1 };
	snprintf(t->name, sizeof(t->name), "%.12s", id);
	snprintf(in, sizeof(in), "tmp/%s", t->name);
	if (asprintf(&t->path, "%s/%s", s->path, in) < 0)
		abort();
	/* Between mkdir and its lock gc must not see it. */
	if (store_lock(s)) {
		free(t->path);
		return -1;
	}
	if (!mkdirat(s->dir, in, 0700))
		t->fd = openat(s->dir, in, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (t->fd >= 0 && !flock(t->fd, LOCK_EX | LOCK_NB)) {
		store_unlock(s);
		if (!janitor_start(t))
			return 0;
	}
	error("%s: %s", t->path, strerror(errno));
	store_unlock(s);
	stage_end(t);
	return -1;
}

/**
 * stage_new - the same, with nothing else
 * @s: the store, not locked
 * @t: filled in
 */
int stage_new(struct store *s, struct stage *t)
{
	return stage_new_with(s, t, NULL);
}

/**
 * stage_path - the path of a file in it, to be freed
 * @t: the directory
 * @file: name
 */
char *stage_path(const struct stage *t, const char *file)
{
	char *path;

	if (asprintf(&path, "%s/%s", t->path, file) < 0)
		abort();
	return path;
}

/**
 * stage_end - remove it
 * @t: the directory
 */
void stage_end(struct stage *t)
{
	if (t->end >= 0) {
		/* It is not the end of this process; if it cannot be told, it takes it for that. */
		send(t->end, "", 1, MSG_NOSIGNAL);
		close(t->end);
		close(t->alive);
	}
	if (t->janitor > 0)
		while (waitpid(t->janitor, NULL, 0) < 0 && errno == EINTR)
			;
	stage_clear(t);
	if (t->fd >= 0)
		close(t->fd);
	free(t->path);
	*t = (struct stage){ .fd = -1, .end = -1, .alive = -1 };
}

/* --- sealed files --- */

/* Where the file system knows it and the user may: not even root writes it by mistake. */
static void immutable(int fd, bool on)
{
	int flags;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags))
		return;
	flags = on ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
	if (ioctl(fd, FS_IOC_SETFLAGS, &flags))
		return;
}

/**
 * seal_prepare - its bytes are on the disk, and counted: what takes long, before the lock
 * @t: where it is
 * @file: its name there
 * @digest: SHA-256 of it
 * @bytes: its size
 * @p: or NULL
 *
 * 0, or -1, told.
 */
int seal_prepare(struct stage *t, const char *file, char digest[ID_SIZE], uint64_t *bytes, struct progress *p)
{
	int fd = openat(t->fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (fd >= 0 && !fsync(fd) && !hash_file(fd, digest, p) && !fstat(fd, &st)) {
		*bytes = st.st_size;
		close(fd);
		return 0;
	}
	error("%s/%s: %s", t->path, file, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* From a directory into files/. */
static int put(struct store *s, int from, const char *file, const char *to, mode_t mode)
{
	int fd = openat(from, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), err = -1;

	if (fd >= 0 && !fchmod(fd, mode) && !fsync(fd) && !linkat(from, file, s->files, to, 0) && !fsync(s->files))
		err = 0;
	if (err)
		error("%s/files/%s: %s", s->path, to, strerror(errno));
	if (fd >= 0)
		close(fd);
	return err;
}

/**
 * seal - a file is in files/ under its digest, and is written no longer
 * @s: the store, locked; its index does not have to name the digest yet
 * @t: where it is; NULL: in files/ itself
 * @file: its name there; it stays
 * @digest: of seal_prepare()
 *
 * 0, or -1, told.
 */
int seal(struct store *s, struct stage *t, const char *file, const char *digest)
{
	char to[FILE_SIZE];
	int fd;

	sealed_name(digest, to);
	/*
	 * The same file is there already, unless nobody names it: then it may be what a command left
	 * when it was killed, and still be another name of a disk that has been written since.
	 */
	if (index_uses(&s->index, to) && !faccessat(s->files, to, F_OK, AT_SYMLINK_NOFOLLOW))
		return 0;
	if (file_remove(s, to))
		return -1;
	if (put(s, t ? t->fd : s->files, file, to, 0444))
		return -1;
	fd = file_open(s, to);
	if (fd >= 0 && t) {
		/* Its other name would not go any more. */
		unlinkat(t->fd, file, 0);
		immutable(fd, true);
	}
	if (fd >= 0)
		close(fd);
	return 0;
}

/**
 * seal_finish - a writable disk that was sealed loses its old name
 * @s: the store, locked, whose index does not name it any longer
 * @file: the old name
 * @digest: the new one's
 */
void seal_finish(struct store *s, const char *file, const char *digest)
{
	char to[FILE_SIZE];
	int fd;

	file_remove(s, file);
	sealed_name(digest, to);
	fd = file_open(s, to);
	if (fd < 0)
		return;
	immutable(fd, true);
	close(fd);
}

/**
 * put_writable - a disk that was made is a writable image's
 * @s: the store, locked
 * @t: where it is
 * @file: its name there
 * @to: its name in files/
 *
 * 0, or -1, told.
 */
int put_writable(struct store *s, struct stage *t, const char *file, const char *to)
{
	return put(s, t->fd, file, to, 0600);
}

/**
 * file_remove - a file goes
 * @s: the store, locked
 * @file: its name in files/
 *
 * 0, also when there is none, or -1, told.
 */
int file_remove(struct store *s, const char *file)
{
	int fd;

	if (!unlinkat(s->files, file, 0) || errno == ENOENT)
		return 0;
	if (errno == EPERM) {
		fd = file_open(s, file);
		if (fd >= 0) {
			immutable(fd, false);
			close(fd);
		}
		if (!unlinkat(s->files, file, 0))
			return 0;
	}
	error("%s/files/%s: %s%s", s->path, file, strerror(errno),
	      errno == EPERM ? "; root made it immutable (chattr -i)" : "");
	return -1;
}

/**
 * file_open - for reading: a descriptor, or -1 with errno
 * @s: the store
 * @file: its name in files/
 */
int file_open(const struct store *s, const char *file)
{
	return openat(s->files, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

/**
 * file_hold - a file is in use by this process until the descriptor is closed
 * @s: the store
 * @file: its name in files/
 * @alone: by nobody else
 *
 * A descriptor, or -1 with errno: EWOULDBLOCK when somebody else's use forbids it, ENOENT when it is gone.
 */
int file_hold(const struct store *s, const char *file, bool alone)
{
	int fd = file_open(s, file), err;
	struct stat st;

	if (fd < 0)
		return -1;
	if (!flock(fd, (alone ? LOCK_EX : LOCK_SH) | LOCK_NB)) {
		/* It may have been removed between the two. */
		if (!fstat(fd, &st) && st.st_nlink)
			return fd;
		errno = ENOENT;
	}
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

/**
 * chain_hold - the disks of an image, and those below it, are in use
 * @s: the store
 * @m: the image; if it is writable, nobody else uses it
 * @fds: gets CHAIN_MAX descriptors at most
 * @n: how many
 *
 * Each stands on what the index says: whoever wrote to a disk, what its header names is not opened.
 * 0, or -1, told.
 */
int chain_hold(const struct store *s, const struct image *m, int *fds, unsigned int *n)
{
	const struct image *chain[CHAIN_MAX];
	int count = index_chain(&s->index, m, chain);
	const char *name = index_name_of(&s->index, m->id), *why;
	char file[FILE_SIZE], base[FILE_SIZE] = "";

	*n = 0;
	for (int i = 0; i < count; i++) {
		disk_name(chain[i], file);
		fds[*n] = file_hold(s, file, !chain[i]->sealed);
		why = fds[*n] >= 0 ? qcow2_check(fds[*n], base, chain[i]->sealed ? chain[i]->size : 0) : strerror(errno);
		strcpy(base, file);
		if (fds[*n] >= 0)
			++*n;
		if (!why)
			continue;
		if (fds[i] < 0 && errno == EWOULDBLOCK)
			error("%s: is in use, by a VM or another command", name ? name : m->id);
		else
			error("%s/files/%s: %s", s->path, file, why);
		while (*n)
			close(fds[--*n]);
		return -1;
	}
	return 0;
}

/**
 * make_sealed - nobody may write the disk of a sealed image
 * @s: the store
 * @file: its name in files/
 */
void make_sealed(const struct store *s, const char *file)
{
	int fd = file_open(s, file);
	struct stat st;

	if (fd < 0)
		return;
	if (!fstat(fd, &st) && (st.st_mode & 0222))
		fchmod(fd, 0444);
	immutable(fd, true);
	close(fd);
}

/**
 * make_writable - its owner may write the disk of a writable image
 * @s: the store
 * @file: its name in files/
 *
 * A commit that was killed may have taken that away.
 */
void make_writable(const struct store *s, const char *file)
{
	int fd = file_open(s, file);

	if (fd < 0)
		return;
	fchmod(fd, 0600);
	close(fd);
}
