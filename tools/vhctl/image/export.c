// SPDX-License-Identifier: GPL-2.0-only
/* export.c - an image as one file, in any format. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/ops.h"
#include "image/program.h"
#include "image/progress.h"
#include "vhctl.h"

/**
 * chain_convert - a disk, with all that it stands on, as one file
 * @s: the store
 * @file: name of the disk in files/, which is held
 * @to: absolute path of the file to be made
 * @format: of that
 * @writes: that file, if it is there, or the directory that it is in
 * @compress: where the format can
 * @t: the stage that the program ends with
 * @what: is done, for the progress bar
 * @shown: the image, to the user
 */
int chain_convert(struct store *s, const char *file, const char *to, const char *format, const char *writes,
		  bool compress, struct stage *t, const char *what, const char *shown)
{
	char *path = store_path(s, file);
	struct progress bar;
	struct program p;
	int err;

	program_new(&p, "qemu-img");
	program_args(&p, "convert", "-p", "-f", "qcow2", "-O", format, compress ? "-c" : path, compress ? path : to,
		     compress ? to : NULL, NULL);
	program_reads(&p, s->path);
	program_writes(&p, writes);
	p.stage = t;
	p.progress = &bar;
	progress_start(&bar, what, 1);
	err = program_must(&p, shown);
	progress_end(&bar);
	program_free(&p);
	free(path);
	return err;
}

static const char *format_of(const char *file)
{
	static const char *const known[][2] = {
		{ ".qcow2", "qcow2" }, { ".vmdk", "vmdk" }, { ".vhdx", "vhdx" }, { ".vdi", "vdi" },
	};
	const char *dot = strrchr(file, '.');

	for (unsigned int i = 0; dot && i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(dot, known[i][0]))
			return known[i][1];
	return "raw";
}

static int send_out(struct stage *t, const char *shown)
{
	int in = openat(t->fd, "out", O_RDONLY | O_CLOEXEC | O_NOFOLLOW), err = 0;
	static char b[1 << 20];
	ssize_t n = 0, w;

	while (in >= 0 && !err && ((n = read(in, b, sizeof(b))) > 0 || (n < 0 && errno == EINTR)))
		for (ssize_t at = 0; at < n && !err; at += w) {
			w = write(STDOUT_FILENO, b + at, n - at);
			if (w < 0 && errno == EINTR)
				w = 0;
			err = w < 0;
		}
	if (in < 0 || n < 0 || err) {
		error("%s: standard output: %s", shown, strerror(errno));
		err = -1;
	}
	if (in >= 0)
		close(in);
	return err;
}

/*
 * Beside where it is going, so that nobody ever sees a part of it under its name: an empty file of a
 * name of its own, whose path is to be freed. A descriptor, or -1, told.
 */
static int make_part(const char *to, char **part)
{
	char *dir = strdup(to), *slash, *whole;
	mode_t mask = umask(0);
	int fd = -1;

	umask(mask);
	if (!dir)
		abort();
	slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = 0;
	whole = realpath(slash ? dir : ".", NULL);
	*part = NULL;
	if (whole && asprintf(part, "%s/.%s.XXXXXX", whole, slash ? to + (slash - dir) + 1 : to) >= 0)
		fd = mkostemp(*part, O_CLOEXEC);
	if (fd < 0)
		error("%s: %s", to, strerror(errno));
	else
		fchmod(fd, 0666 & ~mask);
	free(whole);
	free(dir);
	return fd;
}

static int put_in_place(const char *part, const char *to, bool force)
{
	if (!renameat2(AT_FDCWD, part, AT_FDCWD, to, force ? 0 : RENAME_NOREPLACE))
		return 0;
	/* Not every file system can; whether it is there has been looked at. */
	return errno == EINVAL ? rename(part, to) : -1;
}

static int export_file(struct store *s, const char *disk, const char *to, const char *format, bool compress,
		       bool force, const char *shown)
{
	struct stage t;
	char *part;
	int fd = make_part(to, &part), err = -1;

	if (fd >= 0 && !stage_new_with(s, &t, part)) {
		err = chain_convert(s, disk, part, format, part, compress, &t, "export", shown);
		if (!err && (fsync(fd) || put_in_place(part, to, force))) {
			error("%s: %s", to, strerror(errno));
			err = -1;
		}
		stage_end(&t);
	} else if (fd >= 0) {
		unlink(part);
	}
	if (fd >= 0)
		close(fd);
	free(part);
	return err;
}

static int export_out(struct store *s, const char *disk, const char *format, bool compress, const char *shown)
{
	struct stage t;
	char *path;
	int err;

	if (stage_new(s, &t))
		return -1;
	path = stage_path(&t, "out");
	err = chain_convert(s, disk, path, format, t.path, compress, &t, "export", shown) || send_out(&t, shown);
	free(path);
	stage_end(&t);
	return err ? -1 : 0;
}

/**
 * image_export - an image as one file that stands on nothing
 * @s: the store
 * @text: name or id
 * @to: file; "-": standard output
 * @format: NULL: by the file's name, and raw
 * @compress: where the format can
 * @force: replace the file
 */
int image_export(struct store *s, const char *text, const char *to, const char *format, bool compress, bool force)
{
	const struct image *m = store_find(s, text);
	bool out = !strcmp(to, "-");
	int fds[CHAIN_MAX], err;
	char file[FILE_SIZE];
	struct stat st;
	unsigned int n;

	if (!m)
		return -1;
	if (out && isatty(STDOUT_FILENO)) {
		error("standard output is a terminal; want a file");
		return -1;
	}
	if (!out && !lstat(to, &st) && (!force || !S_ISREG(st.st_mode))) {
		error("%s: is there already%s", to, S_ISREG(st.st_mode) ? "; --force replaces it" : "");
		return -1;
	}
	if (!format)
		format = format_of(to);
	disk_name(m, file);
	if (chain_hold(s, m, fds, &n))
		return -1;
	err = out ? export_out(s, file, format, compress, text) : export_file(s, file, to, format, compress, force, text);
	while (n)
		close(fds[--n]);
	return err;
}
