// SPDX-License-Identifier: GPL-2.0-only
/*
 * rootfs.c - a root file system, as an archive or a directory, becomes ext4, without root.
 *
 * The owners of an archive's files, and its devices, are fakeroot's to remember between tar and
 * mke2fs: they come out as the archive has them, and never were the host's. Capabilities of files are
 * lost on that way, so root, where it may make devices, unpacks without fakeroot. Of a directory all
 * is as root reads it; when somebody else imports it, everything in it is root's.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "image/ops.h"
#include "image/program.h"
#include "vhctl.h"

#define MIB		(1ULL << 20)
#define SPARE		(256 * MIB)
#define LEAST		(1024 * MIB)
#define FILES_PER_FD	16

/* root of a container may make none. */
static bool makes_devices(const struct stage *t)
{
	bool able = !geteuid() && !mknodat(t->fd, "device", S_IFCHR | 0600, makedev(1, 3));

	unlinkat(t->fd, "device", 0);
	return able;
}

/**
 * rootfs_from_tar - unpack an archive into stage/tree
 * @t: where
 * @tar: absolute path of the archive, not compressed
 * @faked: fakeroot knows the owners, in stage/owners
 * @shown: as the user calls it
 *
 * tar does not go through links that the archive made and that lead out of the tree, and can write
 * nowhere else.
 */
int rootfs_from_tar(struct stage *t, const char *tar, bool *faked, const char *shown)
{
	char *tree = stage_path(t, "tree"), *owners = stage_path(t, "owners");
	int fd = open(owners, O_CREAT | O_WRONLY | O_CLOEXEC, 0600), err = -1;
	struct program p;

	*faked = !makes_devices(t);
	if (fd >= 0 && !mkdir(tree, 0700)) {
		program_new(&p, *faked ? "fakeroot" : "tar");
		if (*faked)
			program_args(&p, "-s", owners, "--", "tar", NULL);
		program_args(&p, "-x", "-f", tar, "-C", tree, "--numeric-owner", "--same-owner", "-p", "--no-acls",
			     "--no-selinux", *faked ? "--no-xattrs" : "--xattrs", *faked ? NULL : "--xattrs-include=*",
			     NULL);
		program_reads(&p, tar);
		program_writes(&p, t->path);
		p.stage = t;
		err = program_must(&p, shown);
	} else {
		error("%s: %s", tree, strerror(errno));
	}
	if (fd >= 0)
		close(fd);
	free(tree);
	free(owners);
	return err;
}

/* --- how large --- */

static struct {
	uint64_t bytes, files;
} found;

static int count(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)path;
	(void)ftw;
	if (type == FTW_DNR || type == FTW_NS) {
		error("%s: cannot be read", path);
		return 1;
	}
	found.files++;
	if (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode))
		found.bytes += (st->st_size + 4095) & ~4095ULL;
	return 0;
}

static int find_size(const char *tree, uint64_t *size, const char *shown)
{
	int err;

	found.bytes = found.files = 0;
	err = nftw(tree, count, FILES_PER_FD, FTW_PHYS);
	if (err < 0)
		error("%s: %s", shown, strerror(errno));
	if (err)
		return -1;
	/* An inode is 256 bytes; there is to be room to work. */
	found.bytes += found.files * 512;
	if (*size) {
		if (*size < found.bytes + found.bytes / 16 + 8 * MIB) {
			error("--size: %s has %llu MiB of files", shown, (unsigned long long)(found.bytes / MIB));
			return -1;
		}
		return 0;
	}
	*size = (found.bytes + found.bytes / 4 + SPARE + MIB - 1) / MIB * MIB;
	if (*size < LEAST)
		*size = LEAST;
	return 0;
}

/* --- its kernel --- */

/* Links in the tree lead where they do for who has it as its root. */
static int open_in(int tree, const char *path)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, .resolve = RESOLVE_IN_ROOT };
	struct stat st;
	int fd = syscall(SYS_openat2, tree, path, &how, sizeof(how));

	if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode) || !st.st_size)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Of /boot/vmlinuz-VERSION the newest: the version, to be freed, or NULL. */
static char *newest(int tree)
{
	struct open_how how = { .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	int fd = syscall(SYS_openat2, tree, "boot", &how, sizeof(how));
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	char *best = NULL;
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (strncmp(e->d_name, "vmlinuz-", 8) || (best && strverscmp(e->d_name + 8, best) <= 0))
			continue;
		free(best);
		best = strdup(e->d_name + 8);
	}
	if (d)
		closedir(d);
	return best;
}

static int take(struct stage *t, int from, const char *to)
{
	int out = openat(t->fd, to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600), err = -1;

	if (out >= 0)
		err = copy_data(from, out, 2048 * MIB, NULL, NULL);
	if (err)
		error("%s/%s: %s", t->path, to, strerror(errno));
	if (out >= 0)
		close(out);
	close(from);
	return err;
}

static int find_kernel(struct stage *t, const char *tree, bool *kernel)
{
	int dir = open(tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd, initrd = -1, err = 0;
	char *version = NULL, path[512];

	if (dir < 0)
		return 0;
	fd = open_in(dir, "boot/vmlinuz");
	if (fd >= 0)
		initrd = open_in(dir, "boot/initrd.img");
	if (fd < 0 && (fd = open_in(dir, "vmlinuz")) >= 0)
		initrd = open_in(dir, "initrd.img");
	if (fd < 0 && (version = newest(dir))) {
		snprintf(path, sizeof(path), "boot/vmlinuz-%s", version);
		fd = open_in(dir, path);
		/* Debian's, and Fedora's. */
		snprintf(path, sizeof(path), "boot/initrd.img-%s", version);
		initrd = open_in(dir, path);
		snprintf(path, sizeof(path), "boot/initramfs-%s.img", version);
		if (initrd < 0)
			initrd = open_in(dir, path);
	}
	if (fd >= 0 && initrd < 0)
		initrd = open_in(dir, "boot/initrd");
	*kernel = fd >= 0;
	if (fd >= 0)
		err = take(t, fd, "kernel");
	if (initrd >= 0)
		err = take(t, initrd, "initrd") || err;
	free(version);
	close(dir);
	return err ? -1 : 0;
}

/**
 * rootfs_make - ext4 of a directory, as stage/raw
 * @t: where
 * @tree: the directory; links in it are copied, not followed
 * @faked: fakeroot knows the owners, in stage/owners
 * @size: of the file system; 0: enough
 * @kernel: there is one; it is stage/kernel, and stage/initrd what goes with it
 * @shown: as the user calls it
 */
int rootfs_make(struct stage *t, const char *tree, bool faked, uint64_t size, bool *kernel, const char *shown)
{
	char *raw, *known, blocks[24];
	struct program p;
	int err;

	if (find_size(tree, &size, shown) || find_kernel(t, tree, kernel))
		return -1;
	raw = stage_path(t, "raw");
	known = stage_path(t, "owners");
	snprintf(blocks, sizeof(blocks), "%lluk", (unsigned long long)size / 1024);
	program_new(&p, faked || geteuid() ? "fakeroot" : "mke2fs");
	if (faked)
		program_args(&p, "-i", known, NULL);
	if (faked || geteuid())
		program_args(&p, "--", "mke2fs", NULL);
	program_args(&p, "-q", "-F", "-t", "ext4", "-d", tree, raw, blocks, NULL);
	program_reads(&p, tree);
	program_writes(&p, t->path);
	p.stage = t;
	err = program_must(&p, shown);
	free(raw);
	free(known);
	return err;
}
