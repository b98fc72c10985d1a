// SPDX-License-Identifier: GPL-2.0-only
/*
 * storage.c - qemu-storage-daemon for a disk that is no raw file: started, talked to and ended.
 *
 * There is one for each such disk, so that what is wrong with one image is not the other's.
 */
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "landlock.h"
#include "printable.h"
#include "userns.h"
#include "vhctl.h"
#include "vmm/storage.h"

#define PROGRAM		"qemu-storage-daemon"
#ifndef STORAGE_OPEN_MS
#define STORAGE_OPEN_MS	30000	/* to open its image, which may be large, and far away */
#endif

/**
 * storage_say - pass on what a daemon has said
 * @name: of the disk
 * @text: lines, which are changed
 *
 * Its name is left out, of a file in use it is said as of a raw one, and what a terminal would obey is not
 * passed on.
 */
void storage_say(const char *name, char *text)
{
	static const char prefix[] = PROGRAM ": ";
	char *line, *rest = NULL, *end;

	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		printable(line);
		if (!strncmp(line, prefix, strlen(prefix)))
			line += strlen(prefix);
		/* The option that it is of, whose value ends so */
		if (!strncmp(line, "--blockdev ", 11))
			while ((end = strstr(line, "}: ")))
				line = end + 3;
		if (!strncmp(line, "Is another process using", 24))
			continue;
		if (!strncmp(line, "Failed to get ", 14) && strstr(line, " lock"))
			line = "is in use by another program";
		error("%s: %s", name, line);
	}
}

/* It does not serve: what it has said, or what there is to say without that. */
static void did_not_start(struct storage *s, const struct disk_config *cfg, bool hangs)
{
	char text[4096];
	int status = daemon_kill(&s->daemon, text, sizeof(text));

	if (hangs)
		error("%s: %s has not opened it in %d seconds, and is killed: does the storage of its files answer?",
		      cfg->path, PROGRAM, STORAGE_OPEN_MS / 1000);
	if (status == DAEMON_NOT_THERE)
		error("%s: images that are not raw need %s (Debian's package qemu-system-common)", cfg->path, PROGRAM);
	else if (*text)
		storage_say(cfg->path, text);
	else if (!hangs)
		error("%s: %s does not serve it", cfg->path, PROGRAM);
}

/*
 * It needs no network but its socket. A user has a user namespace for that, with his own id alone; where none is to be had
 * it goes without.
 */
static void no_network(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWNET | CLONE_NEWIPC) && !unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC))
		userns_map_ids(uid, gid);
}

/* Whoever's an image is that root opens: which one, Landlock says. With no_new_privs exec gives no more. */
static int no_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct some[2] = { };

	if (syscall(SYS_capget, &head, some))
		return -1;
	for (int i = 0; i < 2; i++)
		some[i].effective = some[i].permitted &= geteuid() || i ? 0 : 1u << CAP_DAC_OVERRIDE;
	some[0].inheritable = some[1].inheritable = 0;
	return syscall(SYS_capset, &head, some);
}

static int confine(const void *arg)
{
	no_network();
	return landlock_enter(*(const int *)arg) || no_capabilities() ? -1 : 0;
}

static int start(struct storage *s, const struct disk_config *cfg, const struct disk_image *i, int *fd)
{
	char server[64], export[128];
	char *argv[] = { PROGRAM, "--blockdev", i->blockdev, "--nbd-server", server, "--export", export, NULL };
	int rules = landlock_new(), err;
	struct daemon_kind kind = { .argv = argv, .enter = confine, .arg = &rules };

	landlock_allow(rules, "/dev/null", LANDLOCK_WRITE);	/* where QEMU's programs find out which locks there are */
	for (int n = 0; n < i->files; n++)
		landlock_allow(rules, i->path[n], n || cfg->ro ? LANDLOCK_READ : LANDLOCK_WRITE);
	snprintf(server, sizeof(server), "addr.type=fd,addr.str=%d,max-connections=1", DAEMON_FD);
	snprintf(export, sizeof(export), "type=nbd,id=nbd,node-name=disk,name=" NBD_NAME ",writable=%s",
		 cfg->ro ? "off" : "on");
	err = daemon_start(&s->daemon, &kind, fd);
	if (rules >= 0)
		close(rules);
	return err;
}

/**
 * storage_start - a daemon that serves an image
 * @cfg: the disk
 * @i: its image
 * @fd: the connection to it, after the handshake
 * @e: what it serves
 *
 * NULL, told, when there is none.
 */
struct storage *storage_start(const struct disk_config *cfg, const struct disk_image *i, int *fd,
			      struct nbd_export *e)
{
	struct storage *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		abort();
	if (!start(s, cfg, i, fd)) {
		err = nbd_greet(*fd, e, STORAGE_OPEN_MS);
		if (!err)
			return s;
		did_not_start(s, cfg, err == -ETIMEDOUT);
		close(*fd);
	}
	free(s);
	return NULL;
}

/**
 * storage_close - a daemon is another process's from now on
 * @s: it; freed
 */
void storage_close(struct storage *s)
{
	daemon_close(&s->daemon);
	free(s);
}

/**
 * storage_adopt - a daemon that another process has started
 * @pidfd: of it
 * @said: what it says
 */
struct storage *storage_adopt(int pidfd, int said)
{
	struct storage *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->daemon = (struct daemon){ .pidfd = pidfd, .said = said };
	return s;
}

/**
 * storage_end - end a daemon, which writes what it has not written yet
 * @s: it; freed
 * @name: of the disk, for what it says
 */
void storage_end(struct storage *s, const char *name)
{
	char text[4096];

	if (daemon_end(&s->daemon, SIGTERM, text, sizeof(text)))
		error("%s: %s does not end; it is killed", name, PROGRAM);
	else
		storage_say(name, text);	/* what the disk's thread did not take any more */
	free(s);
}
