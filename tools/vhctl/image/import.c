// SPDX-License-Identifier: GPL-2.0-only
/* import.c - a disk image, an archive or a directory becomes a sealed image. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/ops.h"
#include "image/program.h"
#include "image/progress.h"
#include "qcow2.h"
#include "vhctl.h"

#define ROOT_CMDLINE	"console=ttyS0 root=/dev/vda rw"

/**
 * struct source - what is imported
 * @shown: as the user calls it
 * @path: absolute, to be opened by programs
 * @kind: foreign_kind()'s, or "dir"
 */
struct source {
	const char *shown, *kind;
	char *path;
};

/* Into stage/NAME, from a descriptor. */
static int spool(struct stage *t, int in, const char *name, const char *shown)
{
	int out = openat(t->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct progress p;
	int err;

	progress_start(&p, "read", 0);
	err = out < 0 || copy_data(in, out, SIZE_MAX_DISK, NULL, &p);
	progress_end(&p);
	if (err)
		error("%s: %s", shown, strerror(errno));
	if (out >= 0)
		close(out);
	return err ? -1 : 0;
}

static int open_source(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static int find_kind(struct source *src)
{
	int fd = open_source(src->path);
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st)) {
		src->kind = S_ISDIR(st.st_mode) ? "dir" : S_ISREG(st.st_mode) || S_ISBLK(st.st_mode) ?
			    foreign_kind(fd) : "";
		if (src->kind && S_ISREG(st.st_mode) && !st.st_size) {
			error("%s: is empty", src->shown);
			close(fd);
			return -1;
		}
	}
	if (!src->kind)
		error("%s: %s", src->shown, strerror(errno));
	else if (!*src->kind)
		error("%s: is neither a file nor a directory", src->shown);
	if (fd >= 0)
		close(fd);
	return src->kind && *src->kind ? 0 : -1;
}

static int find_source(struct stage *t, const char *file, struct source *src)
{
	char whole[PATH_MAX];

	src->shown = file;
	if (!strcmp(file, "-")) {
		src->shown = "standard input";
		if (isatty(STDIN_FILENO)) {
			error("standard input is a terminal; want a disk image or a tar archive");
			return -1;
		}
		if (spool(t, STDIN_FILENO, "source", src->shown))
			return -1;
		src->path = stage_path(t, "source");
		return 0;
	}
	if (!realpath(file, whole)) {
		error("%s: %s", file, strerror(errno));
		return -1;
	}
	src->path = strdup(whole);
	return src->path ? 0 : -1;
}

/* Compressed once. What comes out is looked at anew. */
static int unpack(struct stage *t, struct source *src)
{
	int in = open(src->path, O_RDONLY | O_CLOEXEC), pipes[2], err = -1;
	struct program p;
	pid_t pid;

	if (in < 0 || pipe2(pipes, O_CLOEXEC)) {
		error("%s: %s", src->shown, strerror(errno));
		if (in >= 0)
			close(in);
		return -1;
	}
	/* The program writes into a pipe, and another process from there into a file with holes. */
	fflush(NULL);
	pid = fork();
	if (!pid) {
		if (setpgid(0, t->janitor))
			_exit(1);
		/* It is no sign of its parent's life. */
		close(t->end);
		close(pipes[1]);
		_exit(spool(t, pipes[0], "plain", src->shown) ? 1 : 0);
	}
	close(pipes[0]);
	program_new(&p, src->kind);
	program_args(&p, "-dc", NULL);
	p.in = in;
	p.out = pipes[1];
	p.stage = t;
	if (pid > 0)
		err = program_must(&p, src->shown);
	close(pipes[1]);
	close(in);
	if (pid > 0) {
		int status = 1;

		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		err = err || status ? -1 : 0;
	}
	if (err)
		return -1;
	free(src->path);
	src->path = stage_path(t, "plain");
	unlinkat(t->fd, "source", 0);
	return 0;
}

static bool compressed(const char *kind)
{
	return !strcmp(kind, "gzip") || !strcmp(kind, "xz") || !strcmp(kind, "zstd") || !strcmp(kind, "bzip2");
}

/* From any format, or stage/raw, into stage/disk. */
static int convert(struct stage *t, const char *path, const char *format, const char *shown)
{
	char *to = stage_path(t, "disk");
	struct progress bar;
	struct program p;
	int err;

	program_new(&p, "qemu-img");
	program_args(&p, "convert", "-p", "-f", format, "-O", "qcow2", path, to, NULL);
	program_reads(&p, path);
	program_writes(&p, t->path);
	p.stage = t;
	p.progress = &bar;
	progress_start(&bar, "import", 1);
	err = program_must(&p, shown);
	progress_end(&bar);
	program_free(&p);
	free(to);
	return err;
}

static int grow(struct stage *t, uint64_t size, struct image *m, const char *shown)
{
	char bytes[24], *disk = stage_path(t, "disk");
	struct program p;
	struct qcow2 q;
	int fd = openat(t->fd, "disk", O_RDONLY | O_CLOEXEC | O_NOFOLLOW), err = -1;
	const char *why = fd < 0 ? strerror(errno) : qcow2_read(fd, &q);

	if (fd >= 0)
		close(fd);
	if (why) {
		error("%s: %s", shown, why);
	} else if (size && size < q.size) {
		error("--size: %s is larger than that", shown);
	} else if (size > q.size) {
		snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)size);
		program_new(&p, "qemu-img");
		program_args(&p, "resize", "-q", "-f", "qcow2", disk, bytes, NULL);
		program_writes(&p, t->path);
		p.stage = t;
		err = program_must(&p, shown);
		program_free(&p);
		m->size = size;
	} else {
		m->size = q.size;
		err = 0;
	}
	free(disk);
	return err;
}

static int make_disk(struct stage *t, struct source *src, const char *format, uint64_t size, struct image *m)
{
	bool kernel = false, tree = false, faked = false;
	char *raw = NULL, *path;
	int err;

	if (!format && compressed(src->kind) && (unpack(t, src) || find_kind(src)))
		return -1;
	if (format && strcmp(format, "dir") && strcmp(format, "tar"))
		src->kind = format;
	if (compressed(src->kind)) {
		error("%s: is compressed twice", src->shown);
		return -1;
	}
	if (!strcmp(src->kind, "tar")) {
		path = stage_path(t, "tree");
		err = rootfs_from_tar(t, src->path, &faked, src->shown) ||
		      rootfs_make(t, path, faked, size, &kernel, src->shown);
		free(path);
		tree = true;
	} else if (!strcmp(src->kind, "dir")) {
		err = rootfs_make(t, src->path, false, size, &kernel, src->shown);
		tree = true;
	} else {
		err = strcmp(src->kind, "raw") ? foreign_check(src->path, src->kind, src->shown) : 0;
	}
	if (tree)
		raw = stage_path(t, "raw");
	err = err || convert(t, tree ? raw : src->path, tree ? "raw" : src->kind, src->shown);
	if (tree)
		unlinkat(t->fd, "raw", 0);
	free(raw);
	if (!err && kernel && !(m->cmdline = strdup(ROOT_CMDLINE)))
		abort();
	return err || grow(t, tree ? 0 : size, m, src->shown) ? -1 : 0;
}

/**
 * image_import - a sealed image of what is in a file or directory
 * @s: the store
 * @file: disk image, archive or directory; "-": standard input
 * @name: NAME:TAG
 * @format: of a disk image; NULL: as it begins
 * @size: of the disk; 0: as it is, and of a file system what it needs and more
 * @set: what is said of it; a directory's own kernel and initrd are taken when it says nothing of them
 */
int image_import(struct store *s, const char *file, const char *name, const char *format, uint64_t size,
		 const struct settings *set)
{
	struct source src = { };
	struct image m = { };
	struct stage t;
	int err = -1;

	/* Said again when it is put in, but then it has taken its time. */
	if (store_name_free(s, name) || stage_new(s, &t))
		return -1;
	if (!find_source(&t, file, &src) && !find_kind(&src) && !make_disk(&t, &src, format, size, &m) &&
	    !settings_stage(set, &t, &m))
		err = publish_sealed(s, &t, &m, name, NULL);
	free(src.path);
	stage_end(&t);
	image_free(&m);
	return err;
}

/**
 * import_tar - a sealed image of a root file system that is made here
 * @s: the store
 * @t: where it is made
 * @tar: absolute path of the archive
 * @name: NAME:TAG
 * @size: of the file system; 0: what it needs and more
 * @set: as of image_import()
 * @shown: what it is made of, as the user calls it
 */
int import_tar(struct store *s, struct stage *t, const char *tar, const char *name, uint64_t size,
	       const struct settings *set, const char *shown)
{
	struct source src = { .shown = shown, .kind = "tar", .path = (char *)tar };
	struct image m = { };
	int err = -1;

	if (!make_disk(t, &src, NULL, size, &m) && !settings_stage(set, t, &m))
		err = publish_sealed(s, t, &m, name, NULL);
	image_free(&m);
	return err;
}
