// SPDX-License-Identifier: GPL-2.0-only
/*
 * console.c - the console: a terminal, or for a VM in the background a socket and a log. Input
 * goes to a channel, whose output goes to stdout, or to the log and whoever is connected.
 *
 * Output is collected, and written by the loop at line ends, when much is there, or a moment later, so that a
 * guest's character costs no system call. A terminal may be stopped (Ctrl-S), and who reads a pipe may be slow:
 * nobody else waits for them. The guest is told when it has to wait; when nothing at all goes out for a second
 * what it writes is lost, which is said as soon as something does.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "vhctl.h"
#include "vmm/confine.h"
#include "vmm/devices.h"
#include "vmm/vmm.h"

#define ESCAPE		1	/* Ctrl-A */
#define FLUSH_MS	10
#define STUCK_MS	1000
#define OUT_SIZE	65536
#define OUT_FULL	(OUT_SIZE - 256)	/* the guest is told; what its device has by then goes in */
#define OUT_MUCH	4096	/* at once; of a terminal, which may have room for less than poll() lets hope, */
#define OUT_FEW		512	/* so much */
#define NOTICE		100	/* bytes at most */

static struct termios saved;
static bool raw;
static int wake_fd = -1, signal_fd = -1;
static uint8_t out[OUT_SIZE];	/* bus.lock, as the next ones; but what is there does not move */
static size_t out_at, out_n;
static bool due;		/* it is not to wait for more */
static bool stuck;		/* it is full, and nothing goes out */
static bool refused;		/* a device waits for room */
static unsigned long lost;	/* bytes */
static long long progress;	/* ms of CLOCK_MONOTONIC, as of now; the loop's */
static int in_fd = STDIN_FILENO, out_fd = STDOUT_FILENO;
static bool terminal;		/* that is out_fd */
static int listen_fd = -1, client_fd = -1;

static void put(uint8_t c);
static bool full(void);
static void console_wake(void);

/**
 * console_open - set the terminal, or the socket and the log, up
 * @v: the VM; its console channel is the device's already
 *
 * 0, or -1, told.
 */
int console_open(struct vmm *v)
{
	const struct vmm_config *cfg = v->cfg;
	struct termios t;
	sigset_t set;

	v->console.output = v->hvc.output = put;
	v->console.full = v->hvc.full = full;
	v->console.drained = v->hvc.drained = console_wake;
	v->wake = console_wake;
	wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGWINCH);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (wake_fd < 0 || signal_fd < 0) {
		error("cannot set up the console: %s", strerror(errno));
		return -1;
	}
	confine_keep(wake_fd);
	confine_keep(signal_fd);
	confine_keep(cfg->listen_fd);
	confine_keep(cfg->log_fd);
	if (cfg->listen_fd >= 0) {
		listen_fd = cfg->listen_fd;
		out_fd = cfg->log_fd;
		in_fd = -1;
		return 0;
	}
	terminal = isatty(out_fd);
	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &saved))
		return 0;
	t = saved;
	cfmakeraw(&t);
	t.c_oflag = saved.c_oflag;
	raw = !tcsetattr(STDIN_FILENO, TCSANOW, &t);
	return 0;
}

static void write_all(int fd, const uint8_t *data, size_t n)
{
	while (n) {
		ssize_t r = write(fd, data, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			break;	/* nobody reads: the guest goes on */
		data += r;
		n -= r;
	}
}

/* What can be written of it at once, if it is to be written. bus.lock held. */
static size_t piece(void)
{
	size_t most = terminal ? OUT_FEW : OUT_MUCH, n = out_n < OUT_SIZE - out_at ? out_n : OUT_SIZE - out_at;

	return n < most ? n : most;
}

static void say_lost(void)
{
	char text[NOTICE];
	int n = snprintf(text, sizeof(text), "\r\n[vhctl: %lu bytes of output are lost here]\r\n", lost);

	lost = 0;
	for (int i = 0; i < n; i++)
		put(text[i]);
}

/* There may be room now: who waited for it is told. bus.lock held. */
static void go_on(struct vmm *v)
{
	if (!refused || full())
		return;
	refused = false;
	if (v->console.writable)
		v->console.writable(v->console.device);
	if (v->hvc.writable)
		v->hvc.writable(v->hvc.device);
}

/* A piece of the output; bus.lock is not held, as this may wait. */
static void console_flush(struct vmm *v)
{
	size_t n;
	ssize_t r;

	pthread_mutex_lock(&v->bus.lock);
	n = piece();
	pthread_mutex_unlock(&v->bus.lock);
	r = write(out_fd, out + out_at, n);
	if (r < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (r <= 0)
		r = n;	/* nobody reads: the guest goes on */
	if (client_fd >= 0)
		write_all(client_fd, out + out_at, r);
	progress = now_ms();
	pthread_mutex_lock(&v->bus.lock);
	out_at = (out_at + r) % OUT_SIZE;
	out_n -= r;
	due = due && out_n;
	stuck = false;
	if (lost && OUT_SIZE - out_n >= NOTICE)
		say_lost();
	go_on(v);
	pthread_mutex_unlock(&v->bus.lock);
}

/* It is full, and nothing goes out: the guest does not wait any more. */
static void give_up(struct vmm *v)
{
	pthread_mutex_lock(&v->bus.lock);
	stuck = out_n >= OUT_FULL;
	go_on(v);
	pthread_mutex_unlock(&v->bus.lock);
}

/* One terminal at a time: the latest. */
static void take_client(void)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (client_fd >= 0)
		close(client_fd);
	client_fd = in_fd = fd;
}

static void drop_client(void)
{
	close(client_fd);
	client_fd = in_fd = -1;
}

/* What is left; a terminal that is stopped is not waited for, a pipe is, until a signal. */
static void flush_all(struct vmm *v)
{
	struct pollfd fds[] = { { .fd = out_fd, .events = POLLOUT }, { .fd = signal_fd, .events = POLLIN } };

	while (out_n && poll(fds, 2, terminal ? STUCK_MS : -1) > 0 && !fds[1].revents)
		console_flush(v);
}

/**
 * console_close - write what is left, and set the terminal right
 * @v: the VM, its threads ended
 */
void console_close(struct vmm *v)
{
	flush_all(v);
	if (raw && v->channel < 0)	/* else supervise.c does */
		tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	raw = false;
}

static void console_wake(void)
{
	uint64_t one = 1;

	if (wake_fd >= 0 && write(wake_fd, &one, sizeof(one)) < 0)
		return;		/* it is awake already */
}

static void put(uint8_t c)
{
	if (out_n == OUT_SIZE) {
		lost++;
		return;
	}
	out[(out_at + out_n++) % OUT_SIZE] = c;
	if (!due && (c == '\n' || out_n >= OUT_MUCH)) {
		due = true;
		console_wake();
	} else if (out_n == 1 || out_n == OUT_FULL) {
		console_wake();
	}
}

/* What is put now would be lost: it is for the device to wait until it is told. */
static bool full(void)
{
	bool yes = out_n >= OUT_FULL && !stuck;

	refused |= yes;
	return yes;
}

/* Ctrl-A x quits, Ctrl-A Ctrl-A is Ctrl-A; returns what is left for the guest. */
static size_t filter(struct vmm *v, uint8_t *data, size_t n)
{
	static bool escaped;
	size_t i, kept = 0;

	if (!raw)
		return n;
	for (i = 0; i < n; i++) {
		if (!escaped && data[i] == ESCAPE) {
			escaped = true;
			continue;
		}
		if (escaped && data[i] == 'x')
			vmm_stop(v, EXIT_QUIT, NULL);
		else if (!escaped || data[i] == ESCAPE)
			data[kept++] = data[i];
		escaped = false;
	}
	return kept;
}

/* Where input goes: to the console that the guest has, which at its start is the serial port. bus.lock held. */
static struct channel *to_guest(struct vmm *v)
{
	return v->hvc.device && v->hvc.open(v->hvc.device) ? &v->hvc : &v->console;
}

/* False at end of input. */
static bool input(struct vmm *v, struct channel *channel, size_t room)
{
	uint8_t data[64];
	ssize_t n = read(in_fd, data, room < sizeof(data) ? room : sizeof(data));

	if (n <= 0)
		return n < 0 && (errno == EINTR || errno == EAGAIN);
	n = filter(v, data, n);
	pthread_mutex_lock(&v->bus.lock);
	channel->input(channel->device, data, n);
	pthread_mutex_unlock(&v->bus.lock);
	return true;
}

/* The guest is told how large the terminal is, if that is one. */
static void tell_size(struct vmm *v)
{
	struct winsize size;

	if (v->cfg->virtio_console && listen_fd < 0 && !ioctl(STDIN_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		hvc_resize(v, size.ws_row, size.ws_col);
}

static void take_signal(struct vmm *v)
{
	struct signalfd_siginfo info;

	if (read(signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH)
		tell_size(v);
	else
		vmm_stop(v, EXIT_QUIT, "ended by signal %u (%s)", info.ssi_signo,
			 strsignal(info.ssi_signo));
}

/* As the loop has seen it. */
struct out_state {
	bool waiting;		/* for more */
	bool full;		/* and guests wait */
};

static int sooner(long long a, long long b)
{
	if (a < 0 || (b >= 0 && b < a))
		return b;
	return a;
}

/* How long poll() may wait, -1 for ever. v->lock held. */
static int patience(const struct vmm *v)
{
	long long left = v->stop_at ? v->stop_at - now_ms() : -1;

	return v->stop_at && left < 0 ? 0 : left;
}

/* The same, of the output, in the state @o. */
static int patience_out(const struct out_state *o)
{
	long long left = progress + STUCK_MS - now_ms();

	if (o->waiting)
		return FLUSH_MS;
	return !o->full ? -1 : left < 0 ? 0 : left;
}

/* Nothing has happened so long. */
static void too_late(struct vmm *v, const struct out_state *o)
{
	pthread_mutex_lock(&v->bus.lock);
	if (o->waiting)
		due = out_n;
	pthread_mutex_unlock(&v->bus.lock);
	if (o->full && now_ms() >= progress + STUCK_MS)
		give_up(v);
}

/**
 * console_loop - serve the console until the VM ends
 * @v: the VM
 */
void console_loop(struct vmm *v)
{
	struct pollfd fds[5] = {
		{ .events = POLLIN }, { .fd = wake_fd, .events = POLLIN },
		{ .fd = signal_fd, .events = POLLIN }, { .fd = listen_fd, .events = POLLIN },
		{ .events = POLLOUT },
	};
	bool eof = false, stopping = false, late;
	struct out_state o;
	uint64_t count;
	struct channel *channel;
	size_t room;
	int n;

	tell_size(v);
	for (;;) {
		pthread_mutex_lock(&v->bus.lock);
		channel = to_guest(v);
		room = channel->room(channel->device);
		o = (struct out_state){ .waiting = out_n && !due, .full = out_n >= OUT_FULL && !stuck };
		fds[4].fd = due ? out_fd : -1;
		pthread_mutex_unlock(&v->bus.lock);
		pthread_mutex_lock(&v->lock);
		stopping = v->stopping;
		late = v->stop_at && now_ms() >= v->stop_at;
		n = patience(v);
		pthread_mutex_unlock(&v->lock);
		if (!stopping && late)
			vmm_stop(v, EXIT_QUIT, "stopped; the guest did not power off in time");
		if (stopping || late)
			break;
		if (!o.full)
			progress = now_ms();
		fds[0].fd = eof || !room ? -1 : in_fd;
		n = poll(fds, 5, sooner(n, patience_out(&o)));
		if (n == 0)
			too_late(v, &o);
		if (n <= 0)
			continue;
		if (fds[1].revents && read(wake_fd, &count, sizeof(count)) < 0)
			continue;
		if (fds[2].revents)
			take_signal(v);
		if (fds[3].revents)
			take_client();
		if (fds[4].fd >= 0 && fds[4].revents)
			console_flush(v);
		if (fds[0].fd >= 0 && fds[0].revents && !input(v, channel, room)) {
			if (listen_fd < 0)
				eof = true;
			else if (fds[0].fd == in_fd)
				drop_client();
		}
	}
}
