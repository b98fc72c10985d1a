// SPDX-License-Identifier: GPL-2.0-only
/*
 * console.c - the terminal: raw input to the serial port, its output to stdout.
 *
 * Output is collected and written at line ends, when much is there, or a
 * moment later by the loop, so that a guest's character costs no system call.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "vhctl.h"
#include "vmm/vmm.h"

#define ESCAPE		1	/* Ctrl-A */
#define FLUSH_MS	10

static struct termios saved;
static bool raw;
static int wake_fd = -1, signal_fd = -1;
static uint8_t out[4096];	/* v->lock */
static size_t out_n;

int console_open(void)
{
	struct termios t;
	sigset_t set;

	wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (wake_fd < 0 || signal_fd < 0) {
		error("cannot set up the console: %s", strerror(errno));
		return -1;
	}
	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &saved))
		return 0;
	t = saved;
	cfmakeraw(&t);
	t.c_oflag = saved.c_oflag;
	raw = !tcsetattr(STDIN_FILENO, TCSANOW, &t);
	return 0;
}

void console_flush(void)
{
	size_t at = 0;

	while (at < out_n) {
		ssize_t n = write(STDOUT_FILENO, out + at, out_n - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;	/* nobody reads: the guest goes on */
		at += n;
	}
	out_n = 0;
}

void console_close(void)
{
	console_flush();
	if (raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	raw = false;
}

void console_wake(void)
{
	uint64_t one = 1;

	if (wake_fd >= 0 && write(wake_fd, &one, sizeof(one)) < 0)
		return;		/* it is awake already */
}

void console_put(uint8_t c)
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

/* False at end of input. */
static bool input(struct vmm *v, size_t room)
{
	uint8_t data[64];
	ssize_t n = read(STDIN_FILENO, data, room < sizeof(data) ? room : sizeof(data));

	if (n <= 0)
		return n < 0 && (errno == EINTR || errno == EAGAIN);
	n = filter(v, data, n);
	pthread_mutex_lock(&v->lock);
	serial_input(v, data, n);
	pthread_mutex_unlock(&v->lock);
	return true;
}

static void take_signal(struct vmm *v)
{
	struct signalfd_siginfo info;

	if (read(signal_fd, &info, sizeof(info)) == sizeof(info))
		vmm_stop(v, EXIT_QUIT, "ended by signal %u (%s)", info.ssi_signo,
			 strsignal(info.ssi_signo));
}

/**
 * console_loop - serve the terminal until the VM ends
 * @v: the VM
 */
void console_loop(struct vmm *v)
{
	struct pollfd fds[3] = {
		{ .events = POLLIN }, { .fd = wake_fd, .events = POLLIN },
		{ .fd = signal_fd, .events = POLLIN },
	};
	bool eof = false, stopping = false;
	uint64_t count;
	size_t room;
	int n;

	while (!stopping) {
		pthread_mutex_lock(&v->lock);
		room = serial_room();
		n = out_n ? FLUSH_MS : -1;
		stopping = v->stopping;
		pthread_mutex_unlock(&v->lock);
		if (stopping)
			break;
		fds[0].fd = eof || !room ? -1 : STDIN_FILENO;
		n = poll(fds, 3, n);
		if (n == 0) {
			pthread_mutex_lock(&v->lock);
			console_flush();
			pthread_mutex_unlock(&v->lock);
		}
		if (n <= 0)
			continue;
		if (fds[1].revents && read(wake_fd, &count, sizeof(count)) < 0)
			continue;
		if (fds[2].revents)
			take_signal(v);
		if (fds[0].fd >= 0 && fds[0].revents)
			eof = !input(v, room);
	}
}
