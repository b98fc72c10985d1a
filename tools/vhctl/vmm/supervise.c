// SPDX-License-Identifier: GPL-2.0-only
/*
 * supervise.c - the VMM is a child of the process that was started, which waits for it: passes signals on,
 * tells why it ended, and sets the terminal right again, also when the VMM cannot.
 *
 * A call that is not on a thread's list is not made. It waits for an answer from here
 * (seccomp_unotify(2)), and the answer is SIGKILL, with a line that says which call it was: nothing of
 * that is in the reach of who has broken into the VMM. When this process is killed, the VMM is.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "vhctl.h"
#include "vmm/supervise.h"
#include "vmm/vmm.h"

struct supervisor {
	const struct vmm_config *cfg;
	pid_t child;
	int channel;
	struct pollfd fds[2 + VMM_MAX_THREADS];	/* signals, channel, threads */
	int nr;
	bool told;				/* why it ends */
};

/* What the channel brings: a thread's listener, or that the VM runs. */
static void take_message(struct supervisor *s)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	char what = 0;
	struct iovec iov = { &what, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space,
			    .msg_controllen = sizeof(control.space) };
	ssize_t n = recvmsg(s->channel, &m, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n == 1 ? CMSG_FIRSTHDR(&m) : NULL;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && s->nr < 2 + VMM_MAX_THREADS) {
		s->fds[s->nr] = (struct pollfd){ .events = POLLIN };
		memcpy(&s->fds[s->nr++].fd, CMSG_DATA(c), sizeof(int));
		return;
	}
	if (n == 1 && what == SUPERVISE_RUNS && s->cfg->ready_fd >= 0) {
		if (write(s->cfg->ready_fd, "", 1) < 0)
			error("nobody waits for the VM to run");
		close(s->cfg->ready_fd);
		dup2(s->cfg->log_fd, STDERR_FILENO);	/* from now on nobody reads the terminal */
	}
	/* There is nothing more to come. Who has broken into the VMM is not listened to. */
	close(s->channel);
	s->fds[1].fd = -1;
}

static void name_of(pid_t tid, char name[17])
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", tid);
	f = fopen(path, "re");
	if (!f || !fgets(name, 17, f))
		strcpy(name, "?");
	name[strcspn(name, "\n")] = 0;
	if (f)
		fclose(f);
}

/* The thread waits in its call, which is never made. */
static void violation(struct supervisor *s, int fd)
{
	struct seccomp_notif n = { 0 };
	char thread[17], *call;

	if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &n))
		return;
	name_of(n.pid, thread);
	kill(s->child, SIGKILL);
	if (s->told)
		return;
	s->told = true;
	call = seccomp_syscall_resolve_num_arch(n.data.arch, n.data.nr);
	error("%s: the VMM is ended: its thread '%s' tried the system call %s "
	      "(%d; arguments %#llx, %#llx, %#llx), which it has no need of",
	      s->cfg->name, thread, call ? call : "unknown", n.data.nr, (unsigned long long)n.data.args[0],
	      (unsigned long long)n.data.args[1], (unsigned long long)n.data.args[2]);
	free(call);
}

static void pass_signal(struct supervisor *s)
{
	struct signalfd_siginfo i;

	if (read(s->fds[0].fd, &i, sizeof(i)) == sizeof(i) && i.ssi_signo != SIGCHLD)
		kill(s->child, i.ssi_signo);
}

/* As a shell would see it of the VMM itself, where that makes sense. */
static int status_of(const struct supervisor *s, const siginfo_t *i)
{
	if (i->si_code == CLD_EXITED)
		return i->si_status;
	if (s->told)
		return EXIT_ERROR;
	switch (i->si_status) {
	case SIGKILL:
		error("%s: the VMM was killed", s->cfg->name);
		return EXIT_QUIT;
	case SIGINT:
	case SIGTERM:
	case SIGHUP:
	case SIGQUIT:
		return EXIT_QUIT;
	case SIGSYS:
		error("%s: the VMM is ended: it tried a system call that it has no need of; "
		      "the host's log says which (audit, type=1326)",
		      s->cfg->name);
		return EXIT_ERROR;
	}
	error("%s: the VMM died of signal %d (%s)", s->cfg->name, i->si_status, strsignal(i->si_status));
	return EXIT_ERROR;
}

static int watch(struct supervisor *s, const sigset_t *set)
{
	siginfo_t info = { 0 };

	s->fds[0] = (struct pollfd){ .fd = signalfd(-1, set, SFD_CLOEXEC), .events = POLLIN };
	s->fds[1] = (struct pollfd){ .fd = s->channel, .events = POLLIN };
	s->nr = 2;
	for (;;) {
		if (poll(s->fds, s->nr, -1) < 0)
			continue;
		for (int i = 2; i < s->nr; i++) {
			if (s->fds[i].revents & POLLIN)
				violation(s, s->fds[i].fd);
			else if (s->fds[i].revents)
				s->fds[i].fd = -1;	/* the thread is gone */
		}
		if (s->fds[1].revents)
			take_message(s);
		if (s->fds[0].revents)
			pass_signal(s);
		if (!waitid(P_PID, s->child, &info, WEXITED | WNOHANG) && info.si_pid)
			return status_of(s, &info);
	}
}

/**
 * supervise - run the VMM in a process of its own
 * @cfg: what to run
 * @run: does; gets a socket for supervise_listener() and supervise_runs()
 *
 * Returns an exit status of vhctl; what went wrong is printed.
 */
int supervise(const struct vmm_config *cfg, int (*run)(const struct vmm_config *cfg, int channel))
{
	struct supervisor s = { .cfg = cfg };
	bool terminal = isatty(STDIN_FILENO);
	pid_t parent = getpid();
	struct termios saved;
	sigset_t set, old;
	int pair[2], status;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		error("cannot make a socket: %s", strerror(errno));
		return EXIT_ERROR;
	}
	terminal = terminal && !tcgetattr(STDIN_FILENO, &saved);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &old);
	fflush(NULL);
	s.child = fork();
	if (s.child < 0) {
		error("fork: %s", strerror(errno));
		return EXIT_ERROR;
	}
	if (!s.child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(EXIT_ERROR);
		close(pair[0]);
		sigprocmask(SIG_SETMASK, &old, NULL);
		exit(run(cfg, pair[1]));
	}
	signal(SIGPIPE, SIG_IGN);
	close(pair[1]);
	s.channel = pair[0];
	if (cfg->listen_fd >= 0)
		close(cfg->listen_fd);
	status = watch(&s, &set);
	if (terminal && tcgetpgrp(STDIN_FILENO) == getpgrp())
		tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	return status;
}

static int send_message(int channel, char what, const int *fd)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { &what, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd) {
		m.msg_control = control.space;
		m.msg_controllen = sizeof(control.space);
		control.align = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.align), fd, sizeof(int));
	}
	return sendmsg(channel, &m, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

/**
 * supervise_listener - hand over what tells of a thread's calls
 * @channel: of supervise()
 * @fd: of seccomp(2); it is not closed
 */
int supervise_listener(int channel, int fd)
{
	return send_message(channel, 0, &fd);
}

/**
 * supervise_runs - the VM runs, and nothing more is said
 * @channel: of supervise()
 */
int supervise_runs(int channel)
{
	return send_message(channel, SUPERVISE_RUNS, NULL);
}

/**
 * supervise_alone - has the parent gone?
 * @channel: of supervise()
 */
bool supervise_alone(int channel)
{
	struct pollfd p = { .fd = channel };

	return poll(&p, 1, 0) && p.revents & POLLHUP;
}
