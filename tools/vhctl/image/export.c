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
 * @writes: the directory that it is in
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

/* Beside where it is going, so that nobody ever sees a part of it under its name. */
static int export_file(struct store *s, const char *disk, const char *to, const char *format, bool compress,
		       struct stage *t, const char *shown)
{
	char *dir = strdup(to), *slash, *whole, *part = NULL;
	int fd, err = -1;

	if (!dir)
		abort();
	slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = 0;
	whole = realpath(slash ? dir : ".", NULL);
	if (!whole || asprintf(&part, "%s/%s.part", whole, slash ? to + (slash - dir) + 1 : to) < 0) {
		error("%s: %s", to, strerror(errno));
		goto out;
	}
	/* It is ours, or nothing: a link there would lead elsewhere. */
	unlink(part);
	fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0) {
		error("%s: %s", part, strerror(errno));
		goto out;
	}
	err = chain_convert(s, disk, part, format, whole, compress, t, "export", shown);
	if (!err && (fsync(fd) || rename(part, to))) {
		error("%s: %s", to, strerror(errno));
		err = -1;
	}
	if (err)
		unlink(part);
	close(fd);
out:
	free(part);
	free(whole);
	free(dir);
	return err;
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
	int fds[CHAIN_MAX], err = -1;
	bool out = !strcmp(to, "-");
	char file[FILE_SIZE], *path;
	struct stat st;
	struct stage t;
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
	if (!stage_new(s, &t)) {
		path = stage_path(&t, "out");
		err = out ? chain_convert(s, file, path, format, t.path, compress, &t, "export", text) ||
			    send_out(&t, text) :
			    export_file(s, file, to, format, compress, &t, text);
		free(path);
		stage_end(&t);
	}
	while (n)
		close(fds[--n]);
	return err ? -1 : 0;
}
