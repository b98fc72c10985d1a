// SPDX-License-Identifier: GPL-2.0-only
/*
 * storage.c - qemu-storage-daemon for a disk that is no raw file: started, talked to and ended.
 *
 * There is one for each such disk, so that what is wrong with one image is not the other's. It is this
 * process's child, in its cgroup, and dies with it. The connection is made before it runs, over a socket
 * whose name is gone by then: nobody else can have one.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "landlock.h"
#include "printable.h"
#include "vhctl.h"
#include "vmm/storage.h"

#define PROGRAM		"qemu-storage-daemon"
#define NOT_THERE	127	/* exit status of a child that finds no program, and of one that */
#define NOT_RUN		126	/* cannot run it */
#define END_MS		10000	/* to write what it has not written yet */
#define SAY_MS		1000	/* to say why it does not serve */
#define KILL_MS		1000	/* to be gone; not while the kernel waits for a file's storage */
#ifndef STORAGE_OPEN_MS
#define STORAGE_OPEN_MS	30000	/* to open its image, which may be large, and far away */
#endif
#define LISTEN_FD	3	/* of the child */

/* A listening socket to which one connection is waiting, and which has no name. */
static int make_sockets(int *listener, int *fd)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char dir[] = "/tmp/vh-XXXXXX";
	int err;

	*listener = *fd = -1;
	if (!mkdtemp(dir)) {
		error("/tmp: %s", strerror(errno));
		return -1;
	}
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/nbd", dir);
	*listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	err = *listener < 0 || *fd < 0 || bind(*listener, (struct sockaddr *)&at, sizeof(at)) ||
	      listen(*listener, 1) || connect(*fd, (struct sockaddr *)&at, sizeof(at)) ? errno : 0;
	unlink(at.sun_path);
	rmdir(dir);
	if (!err)
		return 0;
	error("cannot make a socket: %s", strerror(err));
	if (*listener >= 0)
		close(*listener);
	if (*fd >= 0)
		close(*fd);
	return -1;
}

/* In the child, of a process that may have threads: nothing that takes a lock. */
static void __attribute__((noreturn)) become(char *const *argv, int listener, int said, int rules, pid_t parent)
{
	int null = fcntl(open("/dev/null", O_RDWR), F_DUPFD, LISTEN_FD + 1);
	sigset_t none;

	/* Wherever they are, the first ones are to be others'. */
	listener = fcntl(listener, F_DUPFD, LISTEN_FD + 1);
	said = fcntl(said, F_DUPFD, LISTEN_FD + 1);
	if (rules >= 0)
		rules = fcntl(rules, F_DUPFD, LISTEN_FD + 1);
	setsid();	/* the terminal's signals are the VMM's, which then ends it in order */
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(NOT_RUN);
	if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 || dup2(said, STDERR_FILENO) < 0 ||
	    dup2(listener, LISTEN_FD) < 0 || close_range(LISTEN_FD + 1, ~0u, CLOSE_RANGE_CLOEXEC) ||
	    landlock_enter(rules))
		_exit(NOT_RUN);
	execvp(argv[0], argv);
	_exit(errno == ENOENT ? NOT_THERE : NOT_RUN);
}

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

/* It has ended, before long; its status. */
static bool ended(const struct storage *s, int ms, int *status)
{
	long long until = now_ms() + ms;
	pid_t pid;

	while (!(pid = waitpid(s->pid, status, WNOHANG)) && now_ms() < until)
		usleep(2000);
	return pid;
}

/* What it says until it has ended, or says nothing more; then it has ended. Its status. */
static int listen_to_the_end(struct storage *s, char *text, size_t size)
{
	struct pollfd p = { .fd = s->said, .events = POLLIN };
	size_t n = 0;
	ssize_t r = 1;
	int status = 0;

	while (n < size - 1 && r > 0 && poll(&p, 1, SAY_MS) > 0) {
		r = read(s->said, text + n, size - 1 - n);
		n += r > 0 ? r : 0;
	}
	text[n] = 0;
	kill(s->pid, SIGKILL);
	ended(s, KILL_MS, &status);
	return status;
}

/* It does not serve: what it has said, or what there is to say without that. */
static void did_not_start(struct storage *s, const struct disk_config *cfg, bool hangs)
{
	char text[4096];
	int status = listen_to_the_end(s, text, sizeof(text));

	if (hangs)
		error("%s: %s has not opened it in %d seconds, and is killed: does the storage of its files answer?",
		      cfg->path, PROGRAM, STORAGE_OPEN_MS / 1000);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_THERE)
		error("%s: images that are not raw need %s (Debian's package qemu-system-common)", cfg->path, PROGRAM);
	else if (*text)
		storage_say(cfg->path, text);
	else if (!hangs)
		error("%s: %s does not serve it", cfg->path, PROGRAM);
}

static pid_t start(const struct disk_config *cfg, const struct disk_image *i, int listener, int said)
{
	char server[64], export[128];
	char *argv[] = { PROGRAM, "--blockdev", i->blockdev, "--nbd-server", server, "--export", export, NULL };
	int rules = landlock_new();
	pid_t parent = getpid(), pid;

	landlock_allow(rules, "/dev/null", LANDLOCK_WRITE);	/* where QEMU's programs find out which locks there are */
	for (int n = 0; n < i->files; n++)
		landlock_allow(rules, i->path[n], n || cfg->ro ? LANDLOCK_READ : LANDLOCK_WRITE);
	snprintf(server, sizeof(server), "addr.type=fd,addr.str=%d,max-connections=1", LISTEN_FD);
	snprintf(export, sizeof(export), "type=nbd,id=nbd,node-name=disk,name=" NBD_NAME ",writable=%s",
		 cfg->ro ? "off" : "on");
	pid = fork();
	if (!pid)
		become(argv, listener, said, rules, parent);
	if (rules >= 0)
		close(rules);
	return pid;
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
	int listener, said[2], err, greeted;

	if (!s)
		abort();
	if (make_sockets(&listener, fd))
		goto fail;
	if (pipe2(said, O_CLOEXEC)) {
		error("cannot make a pipe: %s", strerror(errno));
		close(listener);
		close(*fd);
		goto fail;
	}
	s->said = said[0];
	s->pid = start(cfg, i, listener, said[1]);
	err = errno;
	close(listener);
	close(said[1]);
	greeted = s->pid > 0 ? nbd_greet(*fd, e, STORAGE_OPEN_MS) : -err;
	if (!greeted)
		return s;
	if (s->pid > 0)
		did_not_start(s, cfg, greeted == -ETIMEDOUT);
	else
		error("cannot start %s: %s", PROGRAM, strerror(err));
	close(s->said);
	close(*fd);
fail:
	free(s);
	return NULL;
}

/**
 * storage_end - end a daemon, which writes what it has not written yet
 * @s: it; freed
 * @name: of the disk, for what it says
 */
void storage_end(struct storage *s, const char *name)
{
	char text[4096];
	int status;
	ssize_t n;

	kill(s->pid, SIGTERM);
	if (!ended(s, END_MS, &status)) {
		error("%s: %s does not end; it is killed", name, PROGRAM);
		listen_to_the_end(s, text, sizeof(text));
	} else {
		/* What the disk's thread did not take any more; at the end of the pipe, as it has ended. */
		n = read(s->said, text, sizeof(text) - 1);
		text[n > 0 ? n : 0] = 0;
		storage_say(name, text);
	}
	close(s->said);
	free(s);
}
