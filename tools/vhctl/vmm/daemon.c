// SPDX-License-Identifier: GPL-2.0-only
/*
 * daemon.c - programs that serve a device: started, heard and ended. The connection is made before the
 * program runs, over a socket whose name is gone by then: nobody else can have one.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vhctl.h"
#include "vmm/daemon.h"

#define END_MS	10000	/* to end by itself */
#define SAY_MS	1000	/* to say why it does not serve */
#define KILL_MS	1000	/* to be gone when it is killed */

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
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/socket", dir);
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

/* Nobody hears it any more: who started it is gone. */
static int orphan(int said)
{
	struct pollfd p = { .fd = said };

	return poll(&p, 1, 0) && p.revents & POLLERR;
}

/* In the child, of a process that may have threads: nothing that takes a lock. */
static void __attribute__((noreturn)) become(const struct daemon_kind *k, int listener, int said, int go, bool wait)
{
	int null = fcntl(open("/dev/null", O_RDWR), F_DUPFD, DAEMON_FD + 1);
	sigset_t none;
	char c;

	/* Wherever they are, the first ones are to be others'. */
	listener = fcntl(listener, F_DUPFD, DAEMON_FD + 1);
	said = fcntl(said, F_DUPFD, DAEMON_FD + 1);
	if (wait && read(go, &c, 1) != 1)
		_exit(DAEMON_NOT_RUN);
	setsid();	/* the terminal's signals are the VMM's, which then ends it in order */
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(said, STDERR_FILENO) < 0 || k->enter(k->arg))
		_exit(DAEMON_NOT_RUN);
	/* What changes rights would take this back. The first process of a PID namespace heeds SIGKILL alone. */
	prctl(PR_SET_PDEATHSIG, k->namespaces & CLONE_NEWPID ? SIGKILL : SIGTERM);
	if (orphan(said))
		_exit(DAEMON_NOT_RUN);
	if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 || dup2(listener, DAEMON_FD) < 0 ||
	    close_range(DAEMON_FD + 1, ~0u, CLOSE_RANGE_CLOEXEC))
		_exit(DAEMON_NOT_RUN);
	execvp(k->argv[0], k->argv);
	_exit(errno == ENOENT ? DAEMON_NOT_THERE : DAEMON_NOT_RUN);
}

/* As fork(), into namespaces; without the right to them in a user namespace, too. */
static pid_t fork_into(int namespaces, bool *user)
{
	pid_t pid;

	*user = false;
	if (!namespaces)
		return fork();
	pid = syscall(SYS_clone, namespaces | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid >= 0 || errno != EPERM)
		return pid;
	*user = true;
	return syscall(SYS_clone, namespaces | CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
}

/* By its descriptor, which is this one's whatever becomes of its number, and may be another process's child. */
static void tell(const struct daemon *d, int signal)
{
	syscall(SYS_pidfd_send_signal, d->pidfd, signal, NULL, 0);
}

/* It has ended, before long. Who is another's child he hears of. Its exit status, -1: of none. */
static bool ended(const struct daemon *d, int ms, int *status)
{
	struct pollfd p = { .fd = d->pidfd, .events = POLLIN };
	long long until = now_ms() + ms, left = ms;
	siginfo_t info = { 0 };

	while (poll(&p, 1, left) <= 0)
		if ((left = until - now_ms()) <= 0)
			return false;
	*status = !waitid(P_PIDFD, d->pidfd, &info, WEXITED | WNOHANG) && info.si_code == CLD_EXITED ? info.si_status : -1;
	return true;
}

/* @said and @go are pipes. */
static int start(struct daemon *d, const struct daemon_kind *k, int listener, const int *said, const int *go)
{
	int status;
	bool user;

	d->said = said[0];
	d->pid = fork_into(k->namespaces, &user);
	if (d->pid < 0) {
		error("cannot start %s: %s%s", k->argv[0], strerror(errno), user ? "; that takes root or user namespaces "
		      "(sysctl kernel.unprivileged_userns_clone, user.max_user_namespaces)" : "");
		return -1;
	}
	if (!d->pid) {
		/* The parent's end would keep it from being an orphan. */
		close(said[0]);
		close(go[1]);
		become(k, listener, said[1], go[0], user);
	}
	d->pidfd = syscall(SYS_pidfd_open, d->pid, 0);
	if (d->pidfd < 0)
		error("cannot start %s: %s", k->argv[0], strerror(errno));
	else if (!user || (!k->map(d->pid) && write(go[1], "", 1) == 1))
		return 0;
	kill(d->pid, SIGKILL);
	while (waitpid(d->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (d->pidfd >= 0)
		close(d->pidfd);
	return -1;
}

static void close_all(const int *fd, int n)
{
	for (int i = 0; i < n; i++)
		if (fd[i] >= 0)
			close(fd[i]);
}

/**
 * daemon_start - a program that serves
 * @d: filled in
 * @k: which
 * @fd: the connection to it, to which it has not said anything yet
 *
 * 0, or -1, told.
 */
int daemon_start(struct daemon *d, const struct daemon_kind *k, int *fd)
{
	int listener, said[2] = { -1, -1 }, go[2] = { -1, -1 }, err;

	if (make_sockets(&listener, fd))
		return -1;
	err = pipe2(said, O_CLOEXEC) || pipe2(go, O_CLOEXEC);
	if (err)
		error("cannot make a pipe: %s", strerror(errno));
	else
		err = start(d, k, listener, said, go);
	close(listener);
	close_all((int []){ said[1], go[0], go[1] }, 3);
	if (err)
		close_all((int []){ said[0], *fd }, 2);
	return err ? -1 : 0;
}

/* What it says until it has ended, or says nothing more. */
static void listen_to(const struct daemon *d, char *text, size_t size)
{
	struct pollfd p = { .fd = d->said, .events = POLLIN };
	size_t n = 0;
	ssize_t r = 1;

	while (n < size - 1 && r > 0 && poll(&p, 1, SAY_MS) > 0) {
		r = read(d->said, text + n, size - 1 - n);
		n += r > 0 ? r : 0;
	}
	text[n] = 0;
}

/**
 * daemon_close - it is another process's from now on, or gone
 * @d: the program
 */
void daemon_close(struct daemon *d)
{
	close(d->said);
	close(d->pidfd);
}

/**
 * daemon_stop - nothing of it goes on when this is back, however long that takes
 * @d: the program; daemon_kill() is still to come
 */
void daemon_stop(struct daemon *d)
{
	struct pollfd p = { .fd = d->pidfd, .events = POLLIN };

	tell(d, SIGKILL);
	while (poll(&p, 1, -1) <= 0)
		;
}

/**
 * daemon_kill - it does not serve, and is gone
 * @d: the program
 * @text: what it has said of it
 * @size: room there
 *
 * Its exit status, -1 if it has none.
 */
int daemon_kill(struct daemon *d, char *text, size_t size)
{
	int status = -1;

	listen_to(d, text, size);
	tell(d, SIGKILL);
	ended(d, KILL_MS, &status);	/* one that the kernel has wait for a device stays behind */
	daemon_close(d);
	return status;
}

/**
 * daemon_end - it is not needed any more, and does first what it has to do
 * @d: the program
 * @signal: that asks it to end; 0: it knows
 * @text: what it has said
 * @size: room there
 *
 * 0; -1 when it did not end, and was killed.
 */
int daemon_end(struct daemon *d, int signal, char *text, size_t size)
{
	int status;
	ssize_t n;

	if (signal)
		tell(d, signal);
	if (!ended(d, END_MS, &status)) {
		daemon_kill(d, text, size);
		return -1;
	}
	/* At the end of the pipe, as it has ended. */
	n = read(d->said, text, size - 1);
	text[n > 0 ? n : 0] = 0;
	daemon_close(d);
	return 0;
}
