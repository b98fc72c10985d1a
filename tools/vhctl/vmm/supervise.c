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
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "vhctl.h"
#include "vmm/children.h"
#include "vmm/relay.h"
#include "vmm/supervise.h"
#include "vmm/vmm.h"

#define ORPHANS	256	/* that are ended */
#define END_MS	10000		/* for what the VMM has started, to end */

struct message {
	enum { CONFINED, NAMED, RUNS } kind;
	uint8_t uuid[16];		/* of NAMED */
};

struct supervisor {
	const struct vmm_config *cfg;
	pid_t child;
	int channel, link;			/* link: for relay.c */
	bool asked;				/* that is used */
	struct pollfd fds[2 + VMM_MAX_THREADS];	/* signals, channel, threads */
	int nr;
	bool told;				/* why it ends */
};

/* The VM has a UUID, by which it is asked; the guest does not run before that can be. */
static void take_name(struct supervisor *s, const uint8_t *uuid)
{
	relay_open(s->cfg->name, uuid, s->link, vmm_has_bus(s->cfg));
	s->asked = true;
	if (write(s->channel, "", 1) < 0)
		error("%s: the VMM does not wait for its socket", s->cfg->name);
}

/* What the channel brings: a thread's listener, the VM's name, or that it runs. */
static void take_message(struct supervisor *s)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct message what = { 0 };
	struct iovec iov = { &what, sizeof(what) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space,
			    .msg_controllen = sizeof(control.space) };
	ssize_t n = recvmsg(s->channel, &m, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n == sizeof(what) ? CMSG_FIRSTHDR(&m) : NULL;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && s->nr < 2 + VMM_MAX_THREADS) {
		s->fds[s->nr] = (struct pollfd){ .events = POLLIN };
		memcpy(&s->fds[s->nr++].fd, CMSG_DATA(c), sizeof(int));
		return;
	}
	if (n == sizeof(what) && what.kind == NAMED) {
		take_name(s, what.uuid);
		return;
	}
	if (n == sizeof(what) && what.kind == RUNS && s->cfg->ready_fd >= 0) {
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

/* --- what the thread of relay.c wants --- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int ring = -1;		/* lock; for the VMM to have, should it ask */
static pid_t *helpers;		/* lock; this process's children, beside the VMM */
static int nr_helpers;		/* lock */

/**
 * supervise_offer - the VMM may have a ring
 * @fd: the ring, -1: it may not any more; closed when that is over
 */
void supervise_offer(int fd)
{
	pthread_mutex_lock(&lock);
	if (ring >= 0)
		close(ring);
	ring = fd;
	pthread_mutex_unlock(&lock);
}

/**
 * supervise_helper - a child is the VMM's, which ends it
 * @pid: of it; it may have ended
 */
void supervise_helper(pid_t pid)
{
	pthread_mutex_lock(&lock);
	if (waitpid(pid, NULL, WNOHANG)) {
		pthread_mutex_unlock(&lock);
		return;
	}
	helpers = realloc(helpers, (nr_helpers + 1) * sizeof(*helpers));
	if (!helpers)
		abort();
	helpers[nr_helpers++] = pid;
	pthread_mutex_unlock(&lock);
}

/* Of those that have ended nothing is to be left. */
static void look_at_helpers(void)
{
	pthread_mutex_lock(&lock);
	for (int i = 0; i < nr_helpers; i++)
		if (waitpid(helpers[i], NULL, WNOHANG))
			helpers[i--] = helpers[--nr_helpers];
	pthread_mutex_unlock(&lock);
}

/* A ring can be passed by no socket. Whichever thread asks has not got more by it than was meant. False: there is none. */
static bool give_ring(int fd, uint64_t id)
{
	struct seccomp_notif_addfd a = { .id = id, .flags = SECCOMP_ADDFD_FLAG_SEND, .newfd_flags = O_CLOEXEC };
	bool given;

	pthread_mutex_lock(&lock);
	a.srcfd = ring;
	given = ring >= 0 && ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &a) >= 0;
	if (given) {
		close(ring);
		ring = -1;
	}
	pthread_mutex_unlock(&lock);
	return given;
}

/* --- calls --- */

/* The thread waits in its call, which is never made. */
static void violation(struct supervisor *s, int fd)
{
	struct seccomp_notif n = { 0 };
	char thread[17], *call;

	if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &n))
		return;
	if (n.data.nr == SYS_io_uring_setup && give_ring(fd, n.id))
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

	if (read(s->fds[0].fd, &i, sizeof(i)) != sizeof(i))
		return;
	if (i.ssi_signo == SIGCHLD)
		look_at_helpers();
	else
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

/* Who has become this program may have had children, which are not the VMM's. */
static bool has_children(void)
{
	siginfo_t info;

	return !waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
}

/* What the VMM has started, and whose signal it is that the VMM has gone, has END_MS to write what it has not written yet. */
static void wait_for_orphans(void)
{
	long long until = now_ms() + END_MS;
	pid_t pid, left[ORPHANS];
	int n;

	while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0 && now_ms() < until)
		if (!pid)
			usleep(2000);
	if (pid < 0)
		return;
	/* Who has broken into the VMM may have stopped them, and root's VMM may not kill those of nobody's. */
	n = children(left, ORPHANS);
	for (int i = 0; i < n; i++)
		kill(left[i], SIGKILL);
	for (int i = 0; !n && i < nr_helpers; i++)
		if (!waitpid(helpers[i], NULL, WNOHANG))	/* it is a child still */
			kill(helpers[i], SIGKILL);
}

/**
 * supervise - run the VMM in a process of its own
 * @cfg: what to run
 * @run: does; gets a socket for supervise_listener(), supervise_name() and supervise_runs(), and one for relay_serve()
 *
 * Returns an exit status of vhctl; what went wrong is printed.
 */
int supervise(const struct vmm_config *cfg, int (*run)(const struct vmm_config *cfg, int channel, int link))
{
	struct supervisor s = { .cfg = cfg };
	bool terminal = isatty(STDIN_FILENO), others = has_children();
	pid_t parent = getpid();
	struct termios saved;
	sigset_t set, old;
	int pair[2], link[2], status;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link)) {
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
		close(link[0]);
		sigprocmask(SIG_SETMASK, &old, NULL);
		exit(run(cfg, pair[1], link[1]));
	}
	signal(SIGPIPE, SIG_IGN);
	if (!others)
		prctl(PR_SET_CHILD_SUBREAPER, 1);
	close(pair[1]);
	close(link[1]);
	s.channel = pair[0];
	s.link = link[0];
	if (cfg->listen_fd >= 0)
		close(cfg->listen_fd);
	status = watch(&s, &set);
	if (s.asked)
		relay_close();
	if (!others)
		wait_for_orphans();
	if (terminal && tcgetpgrp(STDIN_FILENO) == getpgrp())
		tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	return status;
}

static int send_message(int channel, const struct message *what, const int *fd)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { (void *)what, sizeof(*what) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd) {
		m.msg_control = control.space;
		m.msg_controllen = sizeof(control.space);
		control.align = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.align), fd, sizeof(int));
	}
	return sendmsg(channel, &m, MSG_NOSIGNAL) == sizeof(*what) ? 0 : -1;
}

/**
 * supervise_listener - hand over what tells of a thread's calls
 * @channel: of supervise()
 * @fd: of seccomp(2); it is not closed
 */
int supervise_listener(int channel, int fd)
{
	return send_message(channel, &(struct message){ .kind = CONFINED }, &fd);
}

/**
 * supervise_name - the VM can be asked by this UUID, before this is back
 * @channel: of supervise()
 * @uuid: of the VM
 */
int supervise_name(int channel, const uint8_t *uuid)
{
	struct message m = { .kind = NAMED };
	char done;

	memcpy(m.uuid, uuid, sizeof(m.uuid));
	return send_message(channel, &m, NULL) || read(channel, &done, 1) != 1 ? -1 : 0;
}

/**
 * supervise_runs - the VM runs, and nothing more is said
 * @channel: of supervise()
 */
int supervise_runs(int channel)
{
	return send_message(channel, &(struct message){ .kind = RUNS }, NULL);
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
