// SPDX-License-Identifier: GPL-2.0-only
/*
 * passt.c - passt, which is a user's network: started with one end of a socket, it goes into the
 * background when it is ready, and ends when the other end is closed, however that comes about.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "printable.h"
#include "vhctl.h"
#include "vmm/net.h"

#define SOCKET		3	/* its number there */
#define ARGUMENTS	16	/* beside the ports */
#define RESOLVED	"/run/systemd/resolve/resolv.conf"

extern char **environ;

/* --- ports --- */

static void port_name(const struct net_publish *p, char *text, size_t size)
{
	const char *form = strchr(p->address, ':') ? "[%s]:%u" : "%s:%u";

	if (p->any)
		snprintf(text, size, "%u", p->port);
	else
		snprintf(text, size, form, p->address, p->port);
}

static const char *remedy(int err)
{
	switch (err) {
	case EADDRINUSE:
		return "is in use by another program";
	case EADDRNOTAVAIL:
		return "is not at an address of this host's";
	case EACCES:
		return "is root's (see /proc/sys/net/ipv4/ip_unprivileged_port_start)";
	}
	return strerror(err);
}

/* 0, or an error's number: nobody else has the port. */
static int try_port(const struct net_publish *p, int family)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(p->port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(p->port) };
	int s = socket(family, (p->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0), one = 1, err = 0;

	if (s < 0)
		return errno == EAFNOSUPPORT && p->any ? 0 : errno;
	if (!p->any)
		inet_pton(family, p->address, family == AF_INET ? (void *)&four.sin_addr : &six.sin6_addr);
	/* What lingers of a connection that has ended is no obstacle. */
	if (!p->udp)
		setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if ((family == AF_INET ? bind(s, (struct sockaddr *)&four, sizeof(four)) :
				 bind(s, (struct sockaddr *)&six, sizeof(six))) ||
	    (!p->udp && listen(s, 1)))
		err = errno;
	close(s);
	return err;
}

/*
 * passt takes it for good enough when of several addresses one can be had. It is asked for each port
 * by itself; who takes one between this and that is the rare case.
 */
static int try_ports(const char *name, const struct net_publish *p, int n)
{
	char text[80];

	for (int i = 0; i < n; i++, p++) {
		int err = 0;

		if (p->any || !strchr(p->address, ':'))
			err = try_port(p, AF_INET);
		if (!err && (p->any || strchr(p->address, ':')))
			err = try_port(p, AF_INET6);
		if (!err)
			continue;
		port_name(p, text, sizeof(text));
		error("%s: %s port %s %s", name, p->udp ? "UDP" : "TCP", text, remedy(err));
		return -1;
	}
	return 0;
}

/* --- the program --- */

static char *spec(const struct net_publish *p)
{
	char *text;

	if (asprintf(&text, "%s%s%u:%u", p->address, p->any ? "" : "/", p->port, p->guest) < 0)
		abort();
	return text;
}

/* How many name servers of a file are not at the host's own addresses; these. */
static int servers_of(const char *path, char (*found)[INET6_ADDRSTRLEN])
{
	char line[256], address[INET6_ADDRSTRLEN];
	FILE *f = fopen(path, "re");
	int n = 0;

	while (f && n < NET_SERVERS && fgets(line, sizeof(line), f))
		if (sscanf(line, "nameserver %45s", address) == 1 && strncmp(address, "127.", 4) &&
		    strcmp(address, "::1") && !strchr(address, '%'))
			strcpy(found[n++], address);
	if (f)
		fclose(f);
	return n;
}

/**
 * passt_name_servers - those of the host's name servers that a guest can reach
 * @found: gets NET_SERVERS at most
 *
 * passt tells the guest of the host's, but of none at 127.0.0.1. Where that is systemd-resolved's there are others
 * behind it. How many there are.
 */
int passt_name_servers(char (*found)[INET6_ADDRSTRLEN])
{
	int n = servers_of("/etc/resolv.conf", found);

	return n ? n : servers_of(RESOLVED, found);
}

static void add_servers(char **argv)
{
	char found[NET_SERVERS][INET6_ADDRSTRLEN];
	int n = servers_of("/etc/resolv.conf", found) ? 0 : servers_of(RESOLVED, found), c = 0;

	for (int i = 0; i < n; i++) {
		argv[c++] = "--dns";
		argv[c++] = strdup(found[i]);
	}
}

/* Freed by nobody: once for each network of a VM. */
static char **arguments(const struct net_publish *p, int n)
{
	/* The host's own services at 127.0.0.1 are not the guest's. */
	static const char *const fixed[] = { "passt", "--quiet", "--fd", "3", "--no-map-gw" };
	char **argv = calloc(ARGUMENTS + 2 * n, sizeof(*argv));
	bool udp = false;
	int c = 0;

	if (!argv)
		abort();
	for (unsigned int i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		argv[c++] = (char *)fixed[i];
	for (int i = 0; i < n; i++) {
		argv[c++] = p[i].udp ? "--udp-ports" : "--tcp-ports";
		argv[c++] = spec(&p[i]);
		udp |= p[i].udp;
	}
	/* Else it would take ports of TCP for those of UDP as well. */
	if (!udp) {
		argv[c++] = "--udp-ports";
		argv[c++] = "none";
	}
	add_servers(argv + c);
	return argv;
}

static int spawn(char **argv, int socket, int said, pid_t *pid)
{
	posix_spawn_file_actions_t f;
	sigset_t none, all;
	posix_spawnattr_t a;
	int err;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&f);
	posix_spawnattr_init(&a);
	posix_spawnattr_setsigmask(&a, &none);
	posix_spawnattr_setsigdefault(&a, &all);
	posix_spawnattr_setflags(&a, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_addopen(&f, STDIN_FILENO, "/dev/null", O_RDWR, 0);
	posix_spawn_file_actions_adddup2(&f, STDIN_FILENO, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&f, said, STDERR_FILENO);
	posix_spawn_file_actions_adddup2(&f, socket, SOCKET);
	posix_spawn_file_actions_addclosefrom_np(&f, SOCKET + 1);
	err = posix_spawnp(pid, argv[0], &f, &a, argv, environ);
	posix_spawnattr_destroy(&a);
	posix_spawn_file_actions_destroy(&f);
	return err;
}

/* What it said, until it went into the background. */
static void hear(int fd, char *text, size_t size)
{
	size_t n = 0;
	ssize_t r;
	char more[256];

	do {
		r = n < size - 1 ? read(fd, text + n, size - 1 - n) : read(fd, more, sizeof(more));
		if (r > 0 && n < size - 1)
			n += r;
	} while (r > 0 || (r < 0 && errno == EINTR));
	text[n] = 0;
}

static void tell(const char *name, char *text, int status)
{
	bool told = false;

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		/* It speaks to the system's log as well, and complains if there is none. */
		if (!strncmp(line, "Failed to send", 14) || strstr(line, "as root"))
			continue;
		error("%s: passt: %s", name, printable(line));
		told = true;
	}
	if (!told)
		error("%s: passt ends with %s %d", name, WIFEXITED(status) ? "status" : "signal",
		      WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

/* Descriptors that are not among those that spawn() lays out. */
static bool high(int *fd)
{
	int old = *fd;

	*fd = fcntl(old, F_DUPFD_CLOEXEC, SOCKET + 1);
	close(old);
	return *fd >= 0;
}

/**
 * passt_start - a user's network
 * @name: in messages
 * @p: ports of the host that are the guest's
 * @n: how many
 *
 * Returns a socket for its frames, which is its life, or -1, told.
 */
int passt_start(const char *name, const struct net_publish *p, int n)
{
	int ends[2], said[2], err, status = 0;
	char text[2048];
	pid_t pid;

	if (try_ports(name, p, n))
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) || pipe2(said, O_CLOEXEC) ||
	    !high(&ends[1]) || !high(&said[1])) {
		error("%s: %s", name, strerror(errno));
		return -1;
	}
	/* In the background it is still this process's: of a systemd unit that one is the main one. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	err = spawn(arguments(p, n), ends[1], said[1], &pid);
	close(ends[1]);
	close(said[1]);
	if (err) {
		if (err == ENOENT)
			error("%s: passt is not installed: apt install passt", name);
		else
			error("%s: cannot start passt: %s", name, strerror(err));
		return -1;
	}
	hear(said[0], text, sizeof(text));
	close(said[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status) {
		tell(name, text, status);
		return -1;
	}
	return ends[0];
}
