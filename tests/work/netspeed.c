// SPDX-License-Identifier: GPL-2.0-only
/*
 * netspeed.c - what goes by a TCP connection costs, in ticks of the time-stamp counter: in the lab with one CPU that is
 * instructions of all, guest, VMM and host.
 *
 *   netspeed serve PORT              the other side, for ever
 *   netspeed NAME ADDRESS PORT       lines "NAME ROW TICKS", the middle of many: a MiB that is sent and one that is
 *                                    received, and a byte that is answered by one
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <x86intrin.h>

#define MOST	400
#define LARGE	(1 << 20)

static char data[LARGE];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int whole(int fd, size_t n, int writes)
{
	ssize_t k;

	for (size_t at = 0; at < n; at += k) {
		k = writes ? write(fd, data + at, n - at) : read(fd, data + at, n - at);
		if (k <= 0)
			return -1;
	}
	return 0;
}

/* What the first byte asks for: 's' a MiB is coming, and a byte says that it is here; 'r' send one; 'a' a byte. */
static void answer(int fd)
{
	char c;

	while (read(fd, &c, 1) == 1)
		if ((c == 's' && whole(fd, LARGE, 0)) || whole(fd, c == 'r' ? LARGE : 1, 1))
			break;
	close(fd);
}

static int serve(uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	int s = socket(AF_INET, SOCK_STREAM, 0), fd, on = 1;

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(s, (void *)&at, sizeof(at)) || listen(s, 4))
		die("serve");
	signal(SIGPIPE, SIG_IGN);
	while ((fd = accept(s, NULL, NULL)) >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		answer(fd);
	}
	return 1;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void row(const char *name, const char *what, int fd, char kind, int times)
{
	static uint64_t took[MOST];
	uint64_t began;

	for (int i = 0; i < times; i++) {
		began = __rdtsc();
		if (write(fd, &kind, 1) != 1 || (kind == 's' && whole(fd, LARGE, 1)) || whole(fd, kind == 'r' ? LARGE : 1, 0))
			die(what);
		took[i] = __rdtsc() - began;
	}
	qsort(took, times, sizeof(*took), by_value);
	printf("guest: %s %s %llu\n", name, what, (unsigned long long)took[times / 2]);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd, on = 1;

	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(atoi(argv[2]));
	if (argc != 4 || inet_pton(AF_INET, argv[2], &to.sin_addr) != 1) {
		fputs("usage: netspeed serve PORT | NAME ADDRESS PORT\n", stderr);
		return 2;
	}
	to.sin_port = htons(atoi(argv[3]));
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (void *)&to, sizeof(to)))
		die(argv[2]);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	row(argv[1], "send-1m", fd, 's', 24);
	row(argv[1], "receive-1m", fd, 'r', 24);
	row(argv[1], "answer", fd, 'a', MOST);
	return 0;
}
