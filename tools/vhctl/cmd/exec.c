// SPDX-License-Identifier: GPL-2.0-only
/*
 * exec.c - vhctl exec: a program with a fixed path to /dev/kvm finds /dev/vh there, in a mount
 * namespace of its own.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parse.h"
#include "userns.h"
#include "vhctl.h"

/* Without root, the mount namespace needs a user namespace, in which ids stay as they are. */
static int own_namespace(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (!unshare(CLONE_NEWNS))
		return 0;
	if (errno != EPERM || unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return -1;
	return userns_map_ids(uid, gid);
}

/* One entry of the real /dev into the private one. */
static void carry_over(int old, const char *name)
{
	char from[PATH_MAX], to[PATH_MAX], target[PATH_MAX];
	struct stat st;
	ssize_t n;

	snprintf(from, sizeof(from), "/proc/self/fd/%d/%s", old, name);
	snprintf(to, sizeof(to), "/dev/%s", name);
	if (lstat(from, &st))
		return;
	/* It looks for pts where it is, which for a file that is mounted by itself is nowhere. */
	if (!strcmp(name, "ptmx") && S_ISCHR(st.st_mode)) {
		if (mknod(to, S_IFCHR, st.st_rdev))
			symlink("pts/ptmx", to);
		else if (chown(to, st.st_uid, st.st_gid) || chmod(to, st.st_mode & 07777))
			unlink(to);
		return;
	}
	if (S_ISLNK(st.st_mode)) {
		n = readlink(from, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = 0;
		if (n <= 0 || symlink(target, to))
			return;
	} else if (S_ISDIR(st.st_mode) ? !mkdir(to, 0755) : !mknod(to, S_IFREG | 0600, 0)) {
		mount(from, to, NULL, MS_BIND | MS_REC, NULL);
	}
}

/*
 * The private /dev is the only one: a libvirt that makes a /dev for each domain may take a second mount there for one that
 * has the others, /dev/pts and all, inside. In a user namespace the real one cannot be unmounted, and stays below.
 */
static int alone(void)
{
	if (mount("/dev", "/sys", NULL, MS_MOVE, NULL))
		return -1;
	umount2("/dev", MNT_DETACH);
	return mount("/sys", "/dev", NULL, MS_MOVE, NULL);
}

/*
 * /dev/kvm has to exist to be covered, and does not while KVM is not loaded.
 * Made in the real /dev it would stand in KVM's way later: so a private /dev
 * with all that is in the real one, and a place for it.
 */
static int private_dev(const char *target)
{
	int old = open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC), err;
	struct dirent *e;
	DIR *d;

	if (old < 0 || mount("tmpfs", "/dev", "tmpfs", MS_NOSUID, "mode=755"))
		return -1;
	d = fdopendir(old);
	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			carry_over(old, e->d_name);
	err = d ? mknod(target, S_IFREG | 0600, 0) : -1;
	if (d)
		closedir(d);
	return err ? err : alone();
}

static int cover(const char *device, const char *target)
{
	struct stat st;

	if (stat(target, &st) && (errno != ENOENT || private_dev(target))) {
		error("%s does not exist and cannot be made: %s", target, strerror(errno));
		return -1;
	}
	if (mount(device, target, NULL, MS_BIND, NULL)) {
		error("cannot bind %s over %s: %s", device, target, strerror(errno));
		return -1;
	}
	return 0;
}

int cmd_exec(int argc, char **argv)
{
	static const struct option options[] = {
		{ "cgroup", required_argument, NULL, 'g' },
		{ "device", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	const char *device = "/dev/vh", *cgroup = NULL;
	int opt;

	while ((opt = getopt_long(argc, argv, "+g:d:h", options, NULL)) != -1) {
		switch (opt) {
		case 'g':
			cgroup = optarg;
			break;
		case 'd':
			device = optarg;
			break;
		case 'h':
			puts("usage: vhctl exec [OPTIONS] [--] COMMAND [ARG...]\n\n"
			     "Runs a program that finds " "/dev/vh where it looks for /dev/kvm, so that any VMM\n"
			     "for KVM uses vh. Others keep seeing /dev/kvm as it is.\n\n"
			     "  -g, --cgroup PATH  run it, and so its VMs, in this cgroup\n"
			     "  -d, --device PATH  default: /dev/vh\n"
			     "  -h, --help         this text\n\n"
			     "exit status: that of the command; 1 when it could not be run");
			return EXIT_OK;
		default:
			return usage_error(argv[0]);
		}
	}
	if (optind == argc) {
		error("which command?");
		return usage_error(argv[0]);
	}
	/* Closed when COMMAND runs: it was only to be seen whether that could open it. */
	if (device_open(device) < 0)
		return EXIT_ERROR;
	if (cgroup && cgroup_enter(cgroup))
		return EXIT_ERROR;
	if (own_namespace()) {
		error("cannot make a mount namespace: %s; run it as root", strerror(errno));
		return EXIT_ERROR;
	}
	/* Nothing of this is seen outside. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
		error("cannot make the mounts private: %s", strerror(errno));
		return EXIT_ERROR;
	}
	if (cover(device, "/dev/kvm"))
		return EXIT_ERROR;
	execvp(argv[optind], argv + optind);
	error("%s: %s", argv[optind], strerror(errno));
	return EXIT_ERROR;
}
