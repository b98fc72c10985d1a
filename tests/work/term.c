// SPDX-License-Identifier: GPL-2.0-only
/*
 * term.c - term LOG COMMAND...: the command on a terminal of 24 lines and 80 columns. What it says goes to
 * LOG, its input comes from this program's. SIGUSR1: the terminal has 50 lines and 132 columns.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t larger;

static void grow(int sig)
{
	(void)sig;
	larger = 1;
}

static void copy(int from, int to)
{
	char data[4096];
	ssize_t n = read(from, data, sizeof(data));

	if (n <= 0 || write(to, data, n) != n)
		return;
}

int main(int argc, char **argv)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	struct sigaction sa = { .sa_handler = grow };
	int log, terminal, status;
	pid_t pid;

	if (argc < 3)
		return 2;
	log = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);
	pid = forkpty(&terminal, NULL, NULL, &size);
	if (log < 0 || pid < 0) {
		perror(argv[1]);
		return 1;
	}
	if (!pid) {
		execv(argv[2], argv + 2);
		_exit(127);
	}
	sigaction(SIGUSR1, &sa, NULL);
	for (;;) {
		struct pollfd p[] = { { .fd = terminal, .events = POLLIN }, { .fd = 0, .events = POLLIN } };

		if (larger) {
			size = (struct winsize){ .ws_row = 50, .ws_col = 132 };
			ioctl(terminal, TIOCSWINSZ, &size);
			larger = 0;
		}
		if (poll(p, 2, -1) < 0 && errno == EINTR)
			continue;
		if (p[0].revents & POLLIN)
			copy(terminal, log);
		else if (p[0].revents)
			break;
		if (p[1].revents & POLLIN)
			copy(0, terminal);
		else if (p[1].revents)
			usleep(100000);		/* nobody writes there now */
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
