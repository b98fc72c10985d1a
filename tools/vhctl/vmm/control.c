// SPDX-License-Identifier: GPL-2.0-only
/*
 * control.c - a thread that answers requests on a socket of the VM's own. Only who runs the VM, and
 * root, is heard. Whoever is connected may send what he likes, or nothing, or not read: that is his
 * connection's loss.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <linux/vh.h>
#include <unistd.h>

#include "runtime.h"
#include "vhctl.h"
#include "vmm/confine.h"
#include "vmm/control.h"
#include "vmm/msi.h"
#include "vmm/relay.h"
#include "vmm/thread.h"
#include "vmm/vmm.h"

#define MAX_COMMANDS	16
#define MAX_CLIENTS	8
#define MAX_LINE	CONTROL_MAX_LINE

static struct {
	const char *name;
	control_fn *run;
} commands[MAX_COMMANDS];	/* const while the thread runs, as their number is */
static int nr_commands;

static struct client {
	int fd;			/* -1: nobody */
	size_t len;
	char *line;		/* MAX_LINE bytes */
} clients[MAX_CLIENTS];		/* the thread's */

static int listen_fd = -1, quit_fd = -1;	/* const while the thread runs */
static char socket_path[sizeof(((struct sockaddr_un *)0)->sun_path)];
static int link_fd = -1;			/* the same: of a confined VM, in place of the socket */
static control_answer_fn *answer = control_answer;	/* the same */
static struct thread thread;
static sem_t silent, over;		/* nobody is answered; the thread may go */
static bool running;

/**
 * control_add - a command
 * @name: as requests say it
 * @run: what it does
 *
 * Before control_open().
 */
void control_add(const char *name, control_fn *run)
{
	if (nr_commands == MAX_COMMANDS)
		abort();
	commands[nr_commands].name = name;
	commands[nr_commands++].run = run;
}

/**
 * control_fail - the command cannot be done
 * @answer: gets the reason
 * @fmt: the reason
 */
void control_fail(struct json_object *answer, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_object_object_add(answer, "error", json_object_new_string(text));
}

/**
 * control_short - the command could not be done for a limit, which who asks finds out (the VMM itself may not)
 * @answer: to which control_fail() has come
 * @resource: enum vh_resource, of which there was not enough
 * @more: that much more was wanted
 */
void control_short(struct json_object *answer, int resource, uint64_t more)
{
	json_object_object_add(answer, "resource", json_object_new_int(resource));
	json_object_object_add(answer, "more", json_object_new_uint64(more));
}

/**
 * control_number - a number of a request
 * @request: the request
 * @key: of it
 * @value: filled in
 *
 * False when there is none, or it is negative.
 */
bool control_number(struct json_object *request, const char *key, uint64_t *value)
{
	struct json_object *o;

	if (!json_object_object_get_ex(request, key, &o) || !json_object_is_type(o, json_type_int) ||
	    json_object_get_int64(o) < 0)
		return false;
	*value = json_object_get_uint64(o);
	return true;
}

/**
 * control_string - a text, or NULL when it is none
 * @o: a part of a request, which keeps the text
 */
const char *control_string(struct json_object *o)
{
	if (!json_object_is_type(o, json_type_string))
		return NULL;
	/* A zero in it would end it before its end. */
	if (strlen(json_object_get_string(o)) != (size_t)json_object_get_string_len(o))
		return NULL;
	return json_object_get_string(o);
}

/**
 * control_text - a text of a request, or NULL when there is none
 * @request: the request, which keeps the text
 * @key: of it
 */
const char *control_text(struct json_object *request, const char *key)
{
	struct json_object *o;

	return json_object_object_get_ex(request, key, &o) ? control_string(o) : NULL;
}

/* --- requests --- */

/**
 * control_parse - a request
 * @line: it
 * @len: bytes of it, behind which there is a zero
 *
 * NULL if it is no object.
 */
struct json_object *control_parse(const char *line, size_t len)
{
	struct json_tokener *t = json_tokener_new();
	struct json_object *o = json_tokener_parse_ex(t, line, len + 1);	/* the zero ends it */

	if (json_tokener_get_error(t) != json_tokener_success || !json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		o = NULL;
	}
	json_tokener_free(t);
	return o;
}

static void answer_to(struct vmm *v, struct json_object *request, struct json_object *to)
{
	const char *name = request ? control_text(request, "command") : NULL;

	if (!name) {
		control_fail(to, "want a JSON object with a \"command\"");
		return;
	}
	for (int i = 0; i < nr_commands; i++)
		if (!strcmp(commands[i].name, name)) {
			commands[i].run(v, request, to);
			return;
		}
	control_fail(to, "no command '%s'", name);
}

/**
 * control_answer - do what a request asks for
 * @v: the VM
 * @request: NULL: it was no object
 *
 * The answer, a line without its end, to be freed.
 */
char *control_answer(struct vmm *v, struct json_object *request)
{
	struct json_object *to = json_object_new_object();
	char *line;

	answer_to(v, request, to);
	line = strdup(json_object_to_json_string_ext(to, JSON_C_TO_STRING_PLAIN));
	json_object_put(to);
	if (!line)
		abort();
	return line;
}

/* False: he does not read, or is gone. */
static bool serve_line(struct vmm *v, struct client *c, size_t len)
{
	struct json_object *request = control_parse(c->line, len);
	char *text = answer(v, request), *line;
	int n = asprintf(&line, "%s\n", text);
	bool sent;

	if (n < 0)
		abort();
	sent = send(c->fd, line, n, MSG_DONTWAIT | MSG_NOSIGNAL) == n;
	free(line);
	free(text);
	json_object_put(request);
	return sent;
}

/* --- clients --- */

static bool may_ask(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) &&
	       (peer.uid == geteuid() || !peer.uid);
}

static void drop(struct client *c)
{
	close(c->fd);
	free(c->line);
	*c = (struct client){ .fd = -1 };
}

static void take_client(void)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), i;

	if (fd < 0)
		return;
	for (i = 0; i < MAX_CLIENTS && clients[i].fd >= 0; i++)
		;
	if (i == MAX_CLIENTS || !may_ask(fd)) {
		close(fd);
		return;
	}
	clients[i] = (struct client){ .fd = fd, .line = malloc(MAX_LINE) };
	if (!clients[i].line)
		abort();
}

static void read_client(struct vmm *v, struct client *c)
{
	ssize_t n = read(c->fd, c->line + c->len, MAX_LINE - c->len);
	char *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		drop(c);
		return;
	}
	c->len += n;
	while ((end = memchr(c->line, '\n', c->len))) {
		size_t len = end - c->line;

		*end = 0;
		if (!serve_line(v, c, len)) {
			drop(c);
			return;
		}
		c->len -= len + 1;
		memmove(c->line, end + 1, c->len);
	}
	if (c->len == MAX_LINE)
		drop(c);
}

static void serve_clients(struct vmm *v)
{
	struct pollfd fds[2 + MAX_CLIENTS];
	int i, n;

	for (;;) {
		fds[0] = (struct pollfd){ .fd = quit_fd, .events = POLLIN };
		for (i = n = 0; i < MAX_CLIENTS; i++) {
			fds[2 + i] = (struct pollfd){ .fd = clients[i].fd, .events = POLLIN };
			n += clients[i].fd >= 0;
		}
		/* Who is one too many waits until another one has gone. */
		fds[1] = (struct pollfd){ .fd = n < MAX_CLIENTS ? listen_fd : -1, .events = POLLIN };
		if (poll(fds, 2 + MAX_CLIENTS, -1) < 0)
			continue;
		if (fds[0].revents)
			return;
		for (i = 0; i < MAX_CLIENTS; i++)
			if (fds[2 + i].revents)
				read_client(v, &clients[i]);
		if (fds[1].revents)
			take_client();
	}
}

static void serve_link(struct vmm *v)
{
	struct pollfd fds[] = { { .fd = quit_fd, .events = POLLIN }, { .fd = link_fd, .events = POLLIN } };

	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[0].revents)
			return;
		if (fds[1].revents && !relay_serve(v, link_fd))
			fds[1].fd = -1;
	}
}

static void *serve(void *arg)
{
	if (link_fd >= 0)
		serve_link(arg);
	else
		serve_clients(arg);
	/* A program that a command has started gets its signal when this thread ends (PR_SET_PDEATHSIG). */
	sem_post(&silent);
	while (sem_wait(&over))
		;
	return NULL;
}

/* --- the socket --- */

static int start(struct vmm *v)
{
	quit_fd = eventfd(0, EFD_CLOEXEC);
	if (quit_fd < 0) {
		error("cannot make an eventfd: %s", strerror(errno));
		return -1;
	}
	confine_keep(quit_fd);
	sem_init(&silent, 0, 0);
	sem_init(&over, 0, 0);
	thread = (struct thread){ .kind = THREAD_CONTROL, .own = link_fd, .file = -1, .run = serve, .arg = v };
	if (thread_create(v, &thread))
		return -1;
	running = true;
	return 0;
}

/**
 * control_link - a confined VM is asked over a socket that it has already
 * @v: the VM
 * @link: the socket
 *
 * 0, or -1, told.
 */
int control_link(struct vmm *v, int link)
{
	link_fd = link;
	confine_keep(link);
	return start(v);
}

/**
 * control_answered_by - who answers requests that come at the socket, if not control_answer()
 * @by: who; before control_listen()
 */
void control_answered_by(control_answer_fn *by)
{
	answer = by;
}

/**
 * control_listen - make the socket, and the thread that serves it
 * @v: the VM
 * @path: of the socket
 *
 * 0, or -1, told: then nobody can ask.
 */
int control_listen(struct vmm *v, const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	for (int i = 0; i < MAX_CLIENTS; i++)
		clients[i].fd = -1;
	unlink(path);
	listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The socket's own mode becomes the file's. */
	if (listen_fd < 0 || fchmod(listen_fd, 0600) ||
	    bind(listen_fd, (struct sockaddr *)&at, sizeof(at)) || listen(listen_fd, MAX_CLIENTS)) {
		error("%s: %s", path, strerror(errno));
		return -1;
	}
	strcpy(socket_path, at.sun_path);
	return start(v);
}

/**
 * control_open - the VM can be asked from now on
 * @v: the VM, with all its devices
 *
 * On another module than vh nobody finds VMs, and there is no socket. Without one the VM runs, too.
 */
void control_open(struct vmm *v)
{
	struct vh_vm_id id;
	char path[sizeof(socket_path)];

	if (ioctl(v->vm, VH_GET_VM_ID, &id))
		return;
	runtime_clean(NULL);
	if (runtime_path(id.uuid, RUNTIME_CONTROL, path, sizeof(path)) || control_listen(v, path))
		error("%s: 'vhctl cpus', 'memory', 'balloon' and 'device' will not find it", v->cfg->name);
}

/**
 * control_close - nobody is answered any more
 *
 * What commands have started goes on until control_finish().
 */
void control_close(void)
{
	if (running && thread.started) {
		msi_signal(quit_fd);
		while (sem_wait(&silent))
			;
		for (int i = 0; i < MAX_CLIENTS; i++)
			if (clients[i].fd >= 0)
				drop(&clients[i]);
	}
	if (socket_path[0])
		unlink(socket_path);
	socket_path[0] = 0;
}

/**
 * control_finish - the thread ends, and with it what its commands have started
 *
 * After control_close().
 */
void control_finish(void)
{
	if (!running)
		return;
	sem_post(&over);
	thread_join(&thread);
	running = false;
}
