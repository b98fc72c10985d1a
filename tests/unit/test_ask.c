// SPDX-License-Identifier: GPL-2.0-only
/* test_ask.c - what vhctl makes of answers of a VMM that a guest has broken into. */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ask.h"
#include "nl.h"
#include "object.h"
#include "quota.h"
#include "runtime.h"
#include "tap.h"
#include "vhctl.h"

static char said[4096];

void error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(said, sizeof(said), fmt, args);
	va_end(args);
}

long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

const char *limit_words_of(const char *cgroup, enum vh_resource resource, uint64_t more)
{
	static char text[100];

	snprintf(text, sizeof(text), "limit %d of %s by %llu", resource, cgroup, (unsigned long long)more);
	return text;
}

/* Of ask_vm(), which is not called. */
struct nl *vh_open(void)
{
	return NULL;
}

void vh_close(struct nl *nl)
{
	(void)nl;
}

int vm_get(struct nl *nl, const char *ref, struct vm *vm)
{
	(void)nl, (void)ref, (void)vm;
	return -1;
}

void vm_free(struct vm *vm)
{
	(void)vm;
}

static int listener;
static const char *reply;
static size_t times;

static void *serve(void *arg)
{
	int fd = accept(listener, NULL, NULL);
	char line[256];

	(void)arg;
	if (read(fd, line, sizeof(line)) > 0)
		for (size_t i = 0; i < times && send(fd, reply, strlen(reply), MSG_NOSIGNAL) > 0; i++)
			;
	shutdown(fd, SHUT_WR);
	while (read(fd, line, sizeof(line)) > 0)
		;
	close(fd);
	return NULL;
}

static struct json_object *asked(const char *text, size_t n)
{
	struct vm vm = { .name = "web" };
	struct json_object *answer;
	pthread_t thread;

	reply = text;
	times = n;
	said[0] = 0;
	pthread_create(&thread, NULL, serve, NULL);
	answer = ask_known(&vm, ask_new("device-ls"), false);
	pthread_join(thread, NULL);
	return answer;
}

static void refused(const char *text, size_t n, const char *words)
{
	struct json_object *answer = asked(text, n);

	TAP_CHECK(!answer && strstr(said, words));
	json_object_put(answer);
}

int main(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char dir[] = "/tmp/test-ask-XXXXXX";
	struct vm vm = { };
	struct json_object *a;

	/* root's folder is the system's */
	if (!mkdtemp(dir) || chmod(dir, 0777) || setenv("XDG_RUNTIME_DIR", dir, 1) ||
	    (!geteuid() && (setgid(65534) || setuid(65534))))
		return 1;
	if (runtime_path(vm.uuid, RUNTIME_CONTROL, at.sun_path, sizeof(at.sun_path))) {
		printf("# %s\n", said);
		return 1;
	}
	unlink(at.sun_path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) || listen(listener, 1))
		return 1;

	refused("", 0, "does not answer");
	refused("[1, 2]\n", 1, "does not answer");
	refused("\"text\"\n", 1, "does not answer");
	refused("{\"a\": \n", 1, "does not answer");
	refused("[[[[[[[[[[[[[[[[", 100000, "does not answer");
	refused("{\"error\": \"x\\u001b]0;y\\u009bz\"}\n", 1, "web: x?]0;y??z");
	refused("{\"error\": 7}\n", 1, "web: ");
	a = asked("{\"id\": \"d\\u0007\", \"state\": 5, \"devices\": 7}\n", 1);
	TAP_CHECK(a && !strcmp(answer_text(a, "id"), "d?") && !strcmp(answer_text(a, "state"), ""));
	TAP_CHECK(a && !strcmp(answer_text(a, "none"), "") && !answer_list(a, "devices") && !answer_list(a, "none"));
	json_object_put(a);
	a = asked("{\"devices\": [{\"id\": \"d1\"}, 7, null]}\n", 1);
	TAP_CHECK(a && json_object_array_length(answer_list(a, "devices")) == 3);
	for (size_t i = 0; a && i < 3; i++)
		TAP_CHECK(!strcmp(answer_text(json_object_array_get_idx(answer_list(a, "devices"), i), "id"), i ? "" : "d1"));
	json_object_put(a);
	unlink(at.sun_path);
	return tap_done();
}
