// SPDX-License-Identifier: GPL-2.0-only
/*
 * virtiofsd.c - the program that serves a folder: the C one, which QEMU had up to 7.2 (Debian 12), or the one in Rust
 * that is a package of its own.
 *
 * It has a PID namespace of its own, so that with its first process all of it is gone, and a mount
 * namespace, in which /tmp is the folder, without device files and, if the guest is not to write, only read. From
 * there it goes into a sandbox by itself, where that is the root and nothing else is there. Of a user it is
 * root of a user namespace. Landlock is not for it: who is restricted by that cannot mount any more.
 */
#include <errno.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "printable.h"
#include "userns.h"
#include "vhctl.h"
#include "vmm/daemon.h"
#include "vmm/share.h"

#define PLACE		"/tmp"		/* any folder that is there */
#define NAMESPACES	(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC)
#define SET_ATTR_ALL	0x8000		/* AT_RECURSIVE, for what is mounted below as well */

/* Both have the socket as descriptor 3, DAEMON_FD. */
static char *const c_args[] = {
	"/usr/lib/qemu/virtiofsd", "--fd=3", "-o", "source=" PLACE, "-o", "sandbox=namespace", "-o", "log_level=err",
	"--rlimit-nofile=0", NULL,
};

static char *const rust_args[] = {
	"/usr/libexec/virtiofsd", "--fd=3", "--shared-dir=" PLACE, "--sandbox=namespace", "--log-level=error",
	"--rlimit-nofile=0", NULL,
};

/* The same, where other distributions have it */
static char *const rust_args_lib[] = {
	"/usr/lib/virtiofsd", "--fd=3", "--shared-dir=" PLACE, "--sandbox=namespace", "--log-level=error",
	"--rlimit-nofile=0", NULL,
};

static char *const *find(void)
{
	static char *const *const all[] = { rust_args, rust_args_lib, c_args };

	for (unsigned int i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!access(all[i][0], X_OK))
			return all[i];
	return NULL;
}

/* --- in the child --- */

static int cannot(const char *what)
{
	dprintf(STDERR_FILENO, "%s: %s\n", what, strerror(errno));
	return -1;
}

/* What the folder is to it, whoever else mounts and unmounts. */
static int enter(const void *arg)
{
	const struct share_config *cfg = arg;
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | (cfg->ro ? MOUNT_ATTR_RDONLY : 0) };
	struct rlimit files;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount(cfg->dir, PLACE, NULL, MS_BIND | MS_REC, NULL))
		return cannot("cannot be mounted in a namespace of its own");
	if (syscall(SYS_mount_setattr, -1, PLACE, SET_ATTR_ALL, &attr, sizeof(attr)))
		return cannot("cannot be mounted without device files, or read-only");
	/* A descriptor for each file that the guest knows. */
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	return chdir("/") || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? cannot("no new privileges") : 0;
}

/* --- in the VMM --- */

/* A user's groups are none of the namespace's, and can only be laid down where ids were given to him. */
static int map(pid_t child)
{
	bool more;

	if (userns_map_root(child, &more)) {
		error("virtiofsd: cannot give a user namespace its ids: %s", strerror(errno));
		return -1;
	}
	if (more || !getgroups(0, NULL))
		return 0;
	error("virtiofsd: wants ids of %s: newuidmap (Debian's package uidmap), and lines in /etc/subuid and /etc/subgid",
	      geteuid() ? "this user's own" : "this namespace's own");
	return -1;
}

static int look_at(const struct share_config *cfg)
{
	struct stat st;

	if (stat(cfg->dir, &st))
		error("%s: %s", cfg->dir, strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		error("%s: is no folder; only a folder can be shared", cfg->dir);
	else if (access(cfg->dir, R_OK | X_OK))
		error("%s: %s", cfg->dir, strerror(errno));
	else
		return 0;
	return -1;
}

/**
 * virtiofsd_start - one for a folder
 * @d: filled in
 * @cfg: the folder
 * @fd: the connection to it
 *
 * 0, or -1, told.
 */
int virtiofsd_start(struct daemon *d, const struct share_config *cfg, int *fd)
{
	struct daemon_kind kind = { .argv = find(), .namespaces = NAMESPACES, .map = map, .enter = enter,
				    .arg = cfg };

	if (look_at(cfg))
		return -1;
	if (!kind.argv) {
		error("%s: shared folders need virtiofsd (Debian's package virtiofsd; in Debian 12 qemu-system-common)",
		      cfg->dir);
		return -1;
	}
	return daemon_start(d, &kind, fd);
}

/**
 * virtiofsd_say - pass on what it has said
 * @dir: the folder
 * @text: lines, which are changed
 *
 * Without when it was, and by which of its threads; what a terminal would obey is not passed on.
 */
void virtiofsd_say(const char *dir, char *text)
{
	char *line, *rest = NULL, *end;

	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		printable(line);
		while (*line == '[' && (end = strstr(line, "] ")))
			line = end + 2;
		if (*line)
			error("%s: virtiofsd: %s", dir, line);
	}
}

/**
 * virtiofsd_failed - it does not serve, and is to end
 * @d: it
 * @cfg: the folder
 * @why: what is wrong, when it says nothing
 */
void virtiofsd_failed(struct daemon *d, const struct share_config *cfg, const char *why)
{
	char text[4096];

	daemon_kill(d, text, sizeof(text));
	if (*text)
		virtiofsd_say(cfg->dir, text);
	else
		error("%s: virtiofsd does not serve it: %s", cfg->dir, why);
}
