// SPDX-License-Identifier: GPL-2.0-only
/*
 * qmp.c - QEMU's monitor, found by the command line of the process and asked by the QEMU Machine Protocol
 * (QEMU's docs/interop/qmp-spec): JSON, an object a line, a greeting first.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "qmp.h"
#include "vhctl.h"

#define PATIENCE	3000	/* ms: a monitor that somebody else uses does not answer */

/* --- the command line --- */

/* The arguments of a process, each with its zero; NULL. */
static char *arguments(uint32_t pid, size_t *len)
{
	char path[32], *text = malloc(1 << 20);
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	*len = 0;
	while (text && fd >= 0 && *len < (1 << 20) - 1 && (n = read(fd, text + *len, (1 << 20) - 1 - *len)) > 0)
		*len += n;
	if (fd >= 0)
		close(fd);
	if (text)
		text[*len] = 0;
	return text;
}

/* Of "a=b,key=VALUE,c" the value, or what is before the first comma for a key of ""; false: none, or too long. */
static bool option(const char *text, const char *key, char *value, size_t size)
{
	size_t len = strlen(key), n;

	while (len && strncmp(text, key, len)) {
		text = strchr(text, ',');
		if (!text++)
			return false;
	}
	text += len;
	n = strcspn(text, ",");
	if (n >= size)
		return false;
	memcpy(value, text, n);
	value[n] = 0;
	return true;
}

/* "unix:PATH,...", or the "socket,...,path=PATH" of a character device. */
static bool socket_of(const char *arg, char *path, size_t size)
{
	if (!strncmp(arg, "unix:", 5))
		return option(arg + 5, "", path, size);
	return !strncmp(arg, "socket,", 7) && option(arg, "path=", path, size);
}

/*
 * The socket of a monitor: -qmp's, or that of the -chardev that a -mon with mode=control names. Of libvirt's, which is
 * its own, there is no path.
 */
static bool find_socket(const char *args, size_t len, char *path, size_t size)
{
	const char *arg, *next, *other, *end = args + len;
	char mon[64], id[64];

	for (arg = args; arg < end; arg += strlen(arg) + 1) {
		next = arg + strlen(arg) + 1;
		if (next >= end)
			return false;
		arg += arg[0] == '-' && arg[1] == '-';
		if ((!strcmp(arg, "-qmp") || !strcmp(arg, "-qmp-pretty")) && socket_of(next, path, size))
			return true;
		if (strcmp(arg, "-mon") || !strstr(next, "mode=control") ||
		    !(option(next, "chardev=", mon, sizeof(mon)) || option(next, "", mon, sizeof(mon))))
			continue;
		for (other = args; other + strlen(other) + 1 < end; other += strlen(other) + 1) {
			const char *dev = other + strlen(other) + 1;

			if (!strcmp(other + (other[0] == '-' && other[1] == '-'), "-chardev") &&
			    option(dev, "id=", id, sizeof(id)) && !strcmp(id, mon) && socket_of(dev, path, size))
				return true;
		}
	}
	return false;
}

/* --- the protocol --- */

struct monitor {
	int fd;
	size_t len;
	char text[65536];	/* read and not yet taken */
};

/* The next object, or NULL: nothing came in time. To be put. */
static json_object *receive(struct monitor *m, long long until)
{
	for (;;) {
		struct pollfd p = { .fd = m->fd, .events = POLLIN };
		char *end = memchr(m->text, '\n', m->len);
		long long left = until - now_ms();
		json_object *o;
		ssize_t n;

		if (end) {
			*end = 0;
			o = json_tokener_parse(m->text);
			m->len -= end + 1 - m->text;
			memmove(m->text, end + 1, m->len);
			if (o)
				return o;
			continue;
		}
		if (left <= 0 || m->len == sizeof(m->text) || poll(&p, 1, left) <= 0)
			return NULL;
		n = read(m->fd, m->text + m->len, sizeof(m->text) - m->len);
		if (n <= 0)
			return NULL;
		m->len += n;
	}
}

/* An object that has @key; others, which are events, are passed over. */
static json_object *wait_for(struct monitor *m, const char *key, const char *or_key)
{
	long long until = now_ms() + PATIENCE;
	json_object *o;

	while ((o = receive(m, until))) {
		if (json_object_object_get_ex(o, key, NULL) || json_object_object_get_ex(o, or_key, NULL))
			return o;
		json_object_put(o);
	}
	return NULL;
}

static bool command(struct monitor *m, const char *name)
{
	json_object *o, *err, *desc;
	char text[64];
	int n = snprintf(text, sizeof(text), "{\"execute\":\"%s\"}\n", name);
	bool done;

	if (send(m->fd, text, n, MSG_NOSIGNAL) != n)
		return false;
	o = wait_for(m, "return", "error");
	if (!o)
		return false;
	done = json_object_object_get_ex(o, "return", NULL);
	if (!done && json_object_object_get_ex(o, "error", &err) && json_object_object_get_ex(err, "desc", &desc))
		error("QEMU says to %s: %s", name, json_object_get_string(desc));
	json_object_put(o);
	return done;
}

static int connect_to(uint32_t pid, const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), n;

	/* as the process sees it, wherever that is */
	n = snprintf(a.sun_path, sizeof(a.sun_path), "/proc/%u/%s/%s", pid, path[0] == '/' ? "root" : "cwd", path);
	if (n >= (int)sizeof(a.sun_path))
		errno = ENAMETOOLONG;
	else if (fd >= 0 && !connect(fd, (struct sockaddr *)&a, sizeof(a)))
		return fd;
	error("QEMU's monitor %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static void hint(const char *args, size_t len)
{
	const char *arg, *end = args + len;
	char name[128];

	for (arg = args; arg + strlen(arg) + 1 < end; arg += strlen(arg) + 1)
		if (!strcmp(arg, "-name") && option(arg + 6, "guest=", name, sizeof(name))) {
			error("libvirt's domain %s: 'virsh shutdown %s' presses its power button", name, name);
			return;
		}
}

enum qmp qmp_powerdown(const struct vm *vm)
{
	static struct monitor m;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	enum qmp result = QMP_FAILED;
	json_object *greeting;
	char *args;
	size_t len;

	if (!vm->pid)
		return QMP_NONE;
	args = arguments(vm->pid, &len);
	if (!args || !find_socket(args, len, path, sizeof(path))) {
		if (args)
			hint(args, len);
		free(args);
		return QMP_NONE;
	}
	free(args);
	m.len = 0;
	m.fd = connect_to(vm->pid, path);
	if (m.fd < 0)
		return QMP_FAILED;
	greeting = wait_for(&m, "QMP", "QMP");
	if (!greeting)
		error("QEMU's monitor %s does not answer; is somebody else connected to it?", path);
	else if (command(&m, "qmp_capabilities") && command(&m, "system_powerdown"))
		result = QMP_DONE;
	else
		error("QEMU's monitor %s: the power button was not pressed", path);
	json_object_put(greeting);
	close(m.fd);
	return result;
}
