// SPDX-License-Identifier: GPL-2.0-only
/* attach.c - vhctl attach: this terminal on the console of a VM in the background. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "ask.h"
#include "nl.h"
#include "runtime.h"
#include "vhctl.h"

#define ESCAPE	0x1d	/* Ctrl-] */

static int connect_console(const struct vm *vm)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (runtime_path(vm->uuid, RUNTIME_CONSOLE, at.sun_path, sizeof(at.sun_path)))
		return -1;
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at))) {
		error("%s has no console here (%s: %s); vhctl start makes one", vm->name,
		      at.sun_path, strerror(errno));
		return -1;
	}
	return fd;
}

/* False: detach. */
static bool input(int fd, bool raw)
{
	char data[256], *escape = NULL;
	ssize_t n = read(STDIN_FILENO, data, sizeof(data));

	if (n <= 0)
		return false;
	if (raw)
		escape = memchr(data, ESCAPE, n);
	if (escape)
		n = escape - data;
	return send(fd, data, n, MSG_NOSIGNAL) == n && !escape;
}

static volatile sig_atomic_t resized;

static void on_resize(int sig)
{
	(void)sig;
	resized = 1;
}

/* The guest's console, if it is one that knows sizes, gets this terminal's. */
static void tell_size(const struct vm *vm)
{
	struct json_object *request;
	struct winsize size;

	resized = 0;
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return;
	request = ask_new("resize");
	json_object_object_add(request, "rows", json_object_new_int(size.ws_row));
	json_object_object_add(request, "cols", json_object_new_int(size.ws_col));
	json_object_put(ask_known(vm, request, true));
}

static int copy(int fd, bool raw, const struct vm *vm)
{
	struct pollfd p[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
			       { .fd = fd, .events = POLLIN } };
	char data[4096];
	ssize_t n;

	for (;;) {
		if (resized)
			tell_size(vm);
		if (poll(p, 2, -1) < 0) {
			if (errno != EINTR)
				return EXIT_ERROR;
			continue;
		}
		if (p[1].revents) {
			n = read(fd, data, sizeof(data));
			if (n <= 0)
				return EXIT_OK;	/* the VM is gone, or another terminal took over */
			if (write(STDOUT_FILENO, data, n) != n)
				return EXIT_ERROR;
		}
		if (p[0].revents && !input(fd, raw)) {
			if (raw)
				return EXIT_OK;
			p[0].fd = -1;	/* end of a file: go on listening */
		}
	}
}

int cmd_attach(int argc, char **argv)
{
	static const struct option options[] = { { "help", no_argument, NULL, 'h' }, { } };
	struct sigaction resize = { .sa_handler = on_resize };
	struct termios saved, t;
	struct nl *nl;
	struct vm vm;
	int opt, fd, status;
	bool raw;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt != 'h')
			return usage_error(argv[0]);
		puts("usage: vhctl attach VM\n\n"
		     "Connects this terminal to the console of a VM that vhctl start runs. Ctrl-]\n"
		     "leaves it. One terminal at a time: the latest.");
		return EXIT_OK;
	}
	if (argc - optind != 1) {
		error("which VM?");
		return usage_error(argv[0]);
	}
	nl = vh_open();
	if (!nl || vm_get(nl, argv[optind], &vm))
		return EXIT_ERROR;
	vh_close(nl);
	fd = connect_console(&vm);
	if (fd < 0)
		return EXIT_ERROR;
	raw = isatty(STDIN_FILENO) && !tcgetattr(STDIN_FILENO, &saved);
	if (raw) {
		fprintf(stderr, "attached to %s; Ctrl-] leaves\r\n", vm.name);
		t = saved;
		cfmakeraw(&t);
		tcsetattr(STDIN_FILENO, TCSANOW, &t);
		sigaction(SIGWINCH, &resize, NULL);
		resized = 1;
	}
	status = copy(fd, raw, &vm);
	if (raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	return status;
}
