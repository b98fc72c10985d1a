// SPDX-License-Identifier: GPL-2.0-only
/* ask.c - requests to VMs that run: connect to the control socket, a line there, a line back. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ask.h"
#include "nl.h"
#include "printable.h"
#include "quota.h"
#include "runtime.h"
#include "vhctl.h"

#define PATIENCE	20000	/* ms; a VMM that is stopped does not answer */
#define LITTLE		1000	/* for what is not so important */
#define LONGEST		(1 << 20)	/* bytes of an answer */

struct json_object *ask_new(const char *command)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "command", json_object_new_string(command));
	return o;
}

uint64_t answer_number(struct json_object *answer, const char *key)
{
	struct json_object *o;

	return json_object_object_get_ex(answer, key, &o) ? json_object_get_uint64(o) : 0;
}

/* A VMM that a guest has broken into may answer anything. */
const char *answer_text(struct json_object *answer, const char *key)
{
	struct json_object *o;
	char *text;

	if (!json_object_object_get_ex(answer, key, &o) || !json_object_is_type(o, json_type_string))
		return "";
	text = strdup(json_object_get_string(o));
	if (!text)
		return "";
	json_object_set_string(o, printable(text));
	free(text);
	return json_object_get_string(o);
}

struct json_object *answer_list(struct json_object *answer, const char *key)
{
	struct json_object *o;

	return json_object_object_get_ex(answer, key, &o) && json_object_is_type(o, json_type_array) ? o : NULL;
}

static int connect_to(const struct vm *vm, bool quiet)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd;

	if (runtime_path(vm->uuid, RUNTIME_CONTROL, at.sun_path, sizeof(at.sun_path)))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && !connect(fd, (struct sockaddr *)&at, sizeof(at)))
		return fd;
	if (!quiet && (errno == ENOENT || errno == ECONNREFUSED))
		error("%s cannot be asked: no VM of 'vhctl run' or 'vhctl start' of this user (%s: %s)", vm->name,
		      at.sun_path, strerror(errno));
	else if (!quiet)
		error("%s: %s", at.sun_path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool send_line(int fd, struct json_object *request)
{
	const char *text = json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN);
	size_t n = strlen(text);

	return send(fd, text, n, MSG_NOSIGNAL) == (ssize_t)n && send(fd, "\n", 1, MSG_NOSIGNAL) == 1;
}

/* An object, or NULL: what came is none, or nothing came. */
static struct json_object *receive(int fd, int patience)
{
	struct json_tokener *t = json_tokener_new();
	long long until = now_ms() + patience;
	struct json_object *o = NULL;
	size_t all = 0;
	char text[4096];

	do {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		long long left = until - now_ms();
		ssize_t n;

		if (left <= 0 || poll(&p, 1, left) <= 0)
			break;
		n = read(fd, text, sizeof(text));
		if (n <= 0)
			break;
		o = json_tokener_parse_ex(t, text, n);
		all += n;
	} while (!o && all < LONGEST && json_tokener_get_error(t) == json_tokener_continue);
	json_tokener_free(t);
	if (o && !json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		o = NULL;
	}
	return o;
}

/* A limit that struck is that of the VM's cgroup, which the VMM may not ask for. */
static void tell(const struct vm *vm, struct json_object *answer)
{
	uint64_t resource = answer_number(answer, "resource");

	if (json_object_object_get_ex(answer, "resource", NULL) && resource <= VH_RES_TABLES && vm->cgroup)
		error("%s: %s: %s", vm->name, answer_text(answer, "error"),
		      limit_words_of(vm->cgroup, resource, answer_number(answer, "more")));
	else
		error("%s: %s", vm->name, answer_text(answer, "error"));
}

struct json_object *ask_known(const struct vm *vm, struct json_object *request, bool quiet)
{
	struct json_object *answer = NULL, *why;
	int fd = connect_to(vm, quiet);

	if (fd >= 0) {
		if (send_line(fd, request))
			answer = receive(fd, quiet ? LITTLE : PATIENCE);
		if (!answer && !quiet)
			error("%s does not answer; is its process stopped?", vm->name);
		close(fd);
	}
	json_object_put(request);
	if (!answer || !json_object_object_get_ex(answer, "error", &why))
		return answer;
	if (!quiet)
		tell(vm, answer);
	json_object_put(answer);
	return NULL;
}

struct json_object *ask_vm(const char *ref, struct json_object *request)
{
	struct json_object *answer = NULL;
	struct nl *nl = vh_open();
	struct vm vm;

	if (nl && !vm_get(nl, ref, &vm)) {
		answer = ask_known(&vm, request, false);
		vm_free(&vm);
	} else {
		json_object_put(request);
	}
	if (nl)
		vh_close(nl);
	return answer;
}
