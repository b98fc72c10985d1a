// SPDX-License-Identifier: GPL-2.0-only
/* test_control.c - the control socket of vhctl's VMM: requests, what is none, and clients that misbehave. */
#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"
#include "vhctl.h"
#include "vmm/control.h"
#include "vmm/vmm.h"

static struct vmm vmm = { .vm = -1 };
static struct sockaddr_un at = { .sun_family = AF_UNIX };
static char answer[1 << 20];

void error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("# ");
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
}

void msi_signal(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		abort();
}

static void echo(struct vmm *v, struct json_object *request, struct json_object *to)
{
	const char *text = control_text(request, "text");
	uint64_t n;

	(void)v;
	if (text)
		json_object_object_add(to, "text", json_object_new_string(text));
	else if (control_number(request, "number", &n))
		json_object_object_add(to, "number", json_object_new_uint64(n));
	else
		control_fail(to, "neither, %s", "sorry");
}

static void large(struct vmm *v, struct json_object *request, struct json_object *to)
{
	static char text[300000];

	(void)v, (void)request;
	memset(text, 'x', sizeof(text) - 1);
	json_object_object_add(to, "text", json_object_new_string(text));
}

static pid_t child;

/* As storage.c starts a daemon. */
static void start(struct vmm *v, struct json_object *request, struct json_object *to)
{
	int ready[2];
	char c;

	(void)v, (void)request, (void)to;
	if (pipe(ready))
		abort();
	child = fork();
	if (!child) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		close(ready[0]);
		close(ready[1]);
		alarm(20);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &c, 1))
		abort();
	close(ready[0]);
}

static int dial(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval patience = { .tv_sec = 5 };

	if (connect(fd, (struct sockaddr *)&at, sizeof(at)))
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

/* The line that comes back; NULL: the connection is closed, or nothing comes. */
static const char *hear(int fd)
{
	size_t n = 0;

	while (n < sizeof(answer) - 1 && recv(fd, answer + n, 1, 0) == 1)
		if (answer[n++] == '\n') {
			answer[n - 1] = 0;
			return answer;
		}
	return NULL;
}

static const char *ask(int fd, const char *text, size_t n)
{
	return send(fd, text, n, MSG_NOSIGNAL) == (ssize_t)n ? hear(fd) : NULL;
}

#define SAY(fd, text) ask(fd, text, sizeof(text) - 1)

static bool says(const char *request, const char *want)
{
	int fd = dial();
	const char *got = ask(fd, request, strlen(request));
	bool same = got && strstr(got, want);

	if (!same)
		printf("# %s\n", got ? got : "nothing");
	close(fd);
	return same;
}

static bool well(void)
{
	return says("{\"command\":\"echo\",\"number\":7}\n", "{\"number\":7}");
}

static void requests(void)
{
	static char deep[2000];
	int fd, n;

	TAP_CHECK(well());
	TAP_CHECK(says(" {\"command\":\"echo\",\"text\":\"a\\nb\"} \n", "{\"text\":\"a\\nb\"}"));
	TAP_CHECK(says("{\"command\":\"echo\",\"number\":-1}\n", "{\"error\":\"neither, sorry\"}"));
	TAP_CHECK(says("{\"command\":\"echo\",\"text\":\"a\\u0000b\"}\n", "\"error\""));
	TAP_CHECK(says("{\"command\":\"none\"}\n", "no command 'none'"));
	TAP_CHECK(says("{\"command\":7}\n", "want a JSON object"));
	TAP_CHECK(says("{}\n", "want a JSON object") && says("[]\n", "want a JSON object"));
	TAP_CHECK(says("null\n", "want a JSON object") && says("\n", "want a JSON object"));
	TAP_CHECK(says("{\"command\":\"echo\"\n", "want a JSON object") && says("\xff\xfe\n", "want a JSON object"));
	for (n = 0; n < 1900; n++)
		deep[n] = '[';
	deep[n] = '\n';
	TAP_CHECK(says(deep, "want a JSON object"));
	/* two at once, and one in pieces */
	fd = dial();
	TAP_CHECK(SAY(fd, "{\"command\":\"echo\",\"number\":1}\n{\"command\":\"echo\",\"number\":2}\n"));
	TAP_CHECK(strstr(answer, "1") && hear(fd) && strstr(answer, "2"));
	for (const char *p = "{\"command\":\"echo\",\"text\":\"slow\"}\n"; *p; p++, usleep(100))
		if (send(fd, p, 1, MSG_NOSIGNAL) != 1)
			break;
	TAP_CHECK(hear(fd) && strstr(answer, "slow"));
	TAP_CHECK(SAY(fd, "{\"command\":\0}\n") && strstr(answer, "want a JSON"));
	close(fd);
}

static void clients(void)
{
	static char line[70000];
	int fd[14], quiet, i;

	/* a line without end */
	memset(line, ' ', sizeof(line));
	quiet = dial();
	TAP_CHECK(!ask(quiet, line, sizeof(line)));
	close(quiet);
	/* one that does not read is dropped, and others are heard meanwhile */
	quiet = dial();
	for (i = 0; i < 10; i++)
		if (send(quiet, "{\"command\":\"large\"}\n", 20, MSG_NOSIGNAL) != 20)
			break;
	TAP_CHECK(well());
	close(quiet);
	/* who says nothing keeps his place, but one who goes makes room */
	for (i = 0; i < 14; i++)
		fd[i] = dial();
	usleep(100000);
	close(fd[3]);
	TAP_CHECK(SAY(fd[8], "{\"command\":\"echo\",\"number\":5}\n"));
	for (i = 0; i < 14; i++)
		if (i != 3 && fd[i] >= 0)
			close(fd[i]);
	TAP_CHECK(well());
	/* half a request, and gone */
	for (i = 0; i < 100; i++) {
		fd[0] = dial();
		if (send(fd[0], "{\"command\":", 5 + i % 6, MSG_NOSIGNAL) < 0)
			break;
		close(fd[0]);
	}
	TAP_EQ(i, 100);
	TAP_CHECK(well());
}

/* Another user, if this one may become one. */
static void strangers(void)
{
	int status, fd;

	if (geteuid()) {
		printf("ok %d - another user # SKIP takes root\n", ++tap_count);
		return;
	}
	chmod(at.sun_path, 0666);
	fflush(stdout);
	if (!fork()) {
		if (setresuid(65534, 65534, 65534))
			_exit(2);
		fd = dial();
		_exit(fd >= 0 && SAY(fd, "{\"command\":\"echo\",\"number\":5}\n") ? 1 : 0);
	}
	TAP_CHECK(wait(&status) > 0 && !status);
}

/* What a command has started outlives the answers, for whom it serves is ended only then. */
static void children(void)
{
	int fd = dial();

	TAP_CHECK(SAY(fd, "{\"command\":\"start\"}\n"));
	close(fd);
}

int main(void)
{
	struct stat st;
	int status;

	/* Its path has to be short, and a place where another user gets to. */
	snprintf(at.sun_path, sizeof(at.sun_path), "/tmp/vhctl-test-control.%d", getpid());
	control_add("echo", echo);
	control_add("large", large);
	control_add("start", start);
	TAP_CHECK(!control_listen(&vmm, at.sun_path) && !threads_start(&vmm));
	TAP_CHECK(!stat(at.sun_path, &st) && (st.st_mode & 0777) == 0600);
	requests();
	clients();
	strangers();
	children();
	control_close();
	TAP_CHECK(child > 0 && !waitpid(child, NULL, WNOHANG));
	control_finish();
	TAP_CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	TAP_CHECK(dial() < 0 && access(at.sun_path, F_OK));
	return tap_done();
}
