// SPDX-License-Identifier: GPL-2.0-only
/*
 * console.c - the console: a terminal, or for a VM in the background a socket and a log. Input
 * goes to a channel, whose output goes to stdout, or to the log and whoever is connected.
 *
 * Output is collected and written at line ends, when much is there, or a
 * moment later by the loop, so that a guest's character costs no system call.
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

static struct termios saved;
static bool raw;
static int wake_fd = -1, signal_fd = -1;
static uint8_t out[4096];	/* bus.lock */
static size_t out_n;
static int in_fd = STDIN_FILENO, out_fd = STDOUT_FILENO;
static int listen_fd = -1, client_fd = -1;	/* client_fd: bus.lock */

static void put(uint8_t c);
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

static void console_flush(void)
{
	write_all(out_fd, out, out_n);
	if (client_fd >= 0)
		write_all(client_fd, out, out_n);
	out_n = 0;
}

/* One terminal at a time: the latest. */
static void take_client(struct vmm *v)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	pthread_mutex_lock(&v->bus.lock);
	if (client_fd >= 0)
		close(client_fd);
	client_fd = fd;
	pthread_mutex_unlock(&v->bus.lock);
	in_fd = fd;
}

static void drop_client(struct vmm *v)
{
	pthread_mutex_lock(&v->bus.lock);
	close(client_fd);
	client_fd = -1;
	pthread_mutex_unlock(&v->bus.lock);
	in_fd = -1;
}

/**
 * console_close - write what is left, and set the terminal right
 * @v: the VM, its threads ended
 */
void console_close(struct vmm *v)
{
	console_flush();
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
	if (!out_n)
		console_wake();
	out[out_n++] = c;
	if (c == '\n' || out_n == sizeof(out))
		console_flush();
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

/* How long poll() may wait, -1 for ever. v->lock held; @unwritten: there is output. */
static int patience(const struct vmm *v, bool unwritten)
{
	long long left = v->stop_at ? v->stop_at - now_ms() : -1;

	if (v->stop_at && left < 0)
		left = 0;
	if (unwritten && (left < 0 || left > FLUSH_MS))
		left = FLUSH_MS;
	return left;
}

/**
 * console_loop - serve the console until the VM ends
 * @v: the VM
 */
void console_loop(struct vmm *v)
{
	struct pollfd fds[4] = {
		{ .events = POLLIN }, { .fd = wake_fd, .events = POLLIN },
		{ .fd = signal_fd, .events = POLLIN }, { .fd = listen_fd, .events = POLLIN },
	};
	bool eof = false, stopping = false, late, unwritten;
	uint64_t count;
	struct channel *channel;
	size_t room;
	int n;

	tell_size(v);
	for (;;) {
		pthread_mutex_lock(&v->bus.lock);
		channel = to_guest(v);
		room = channel->room(channel->device);
		unwritten = out_n;
		pthread_mutex_unlock(&v->bus.lock);
		pthread_mutex_lock(&v->lock);
		stopping = v->stopping;
		late = v->stop_at && now_ms() >= v->stop_at;
		n = patience(v, unwritten);
		pthread_mutex_unlock(&v->lock);
		if (!stopping && late)
			vmm_stop(v, EXIT_QUIT, "stopped; the guest did not power off in time");
		if (stopping || late)
			break;
		fds[0].fd = eof || !room ? -1 : in_fd;
		n = poll(fds, 4, n);
		if (n == 0) {
			pthread_mutex_lock(&v->bus.lock);
			console_flush();
			pthread_mutex_unlock(&v->bus.lock);
		}
		if (n <= 0)
			continue;
		if (fds[1].revents && read(wake_fd, &count, sizeof(count)) < 0)
			continue;
		if (fds[2].revents)
			take_signal(v);
		if (fds[3].revents)
			take_client(v);
		if (fds[0].fd >= 0 && fds[0].revents && !input(v, channel, room)) {
			if (listen_fd < 0)
				eof = true;
			else if (fds[0].fd == in_fd)
				drop_client(v);
		}
	}
}
