// SPDX-License-Identifier: GPL-2.0-only
/* program.c - run one of Debian's programs, keep what it says, say what became of it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/program.h"
#include "image/progress.h"
#include "image/store.h"
#include "landlock.h"
#include "vhctl.h"

#define OUTPUT_MAX	(256UL << 20)
#define EXIT_NONE	127		/* it could not be run */
#define PATHS		"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* A user's path lacks mke2fs. To be freed. */
static char *path_of(void)
{
	const char *path = getenv("PATH");
	char *whole;

	if (asprintf(&whole, "%s%s" PATHS, path ? path : "", path ? ":" : "") < 0)
		abort();
	return whole;
}

/**
 * program_new - a program without arguments
 * @p: filled in
 * @name: as in PATH
 */
void program_new(struct program *p, const char *name)
{
	*p = (struct program){ .arg = { name }, .args = 1, .in = -1, .out = -1 };
}

void program_args(struct program *p, ...)
{
	const char *arg;
	va_list ap;

	va_start(ap, p);
	while ((arg = va_arg(ap, const char *))) {
		if (p->args == PROGRAM_ARGS)
			abort();
		p->arg[p->args++] = arg;
	}
	va_end(ap);
	p->arg[p->args] = NULL;
}

/**
 * program_reads - a path that it may read
 * @p: the program
 * @path: a file, or a directory with all that is in it
 */
void program_reads(struct program *p, const char *path)
{
	if (p->nr_reads == PROGRAM_PATHS)
		abort();
	p->reads[p->nr_reads++] = path;
}

/**
 * program_writes - a path that it may write, too
 * @p: the program
 * @path: a file, or a directory with all that is in it
 */
void program_writes(struct program *p, const char *path)
{
	if (p->nr_writes == PROGRAM_PATHS)
		abort();
	p->writes[p->nr_writes++] = path;
}

/**
 * program_there - can a program be run?
 * @name: as in PATH
 */
bool program_there(const char *name)
{
	char *path = path_of(), *part, *rest = NULL, *whole;
	bool there = false;

	for (part = strtok_r(path, ":", &rest); part && !there; part = strtok_r(NULL, ":", &rest)) {
		if (asprintf(&whole, "%s/%s", part, name) < 0)
			abort();
		there = !access(whole, X_OK);
		free(whole);
	}
	free(path);
	return there;
}

/* The Debian package that has it. */
static const char *package(const char *name)
{
	static const char *const packages[][2] = {
		{ "qemu-img", "qemu-utils" }, { "mke2fs", "e2fsprogs" }, { "fakeroot", "fakeroot" }, { "tar", "tar" },
		{ "mformat", "mtools" }, { "mcopy", "mtools" }, { "zstd", "zstd" }, { "xz", "xz-utils" },
		{ "gzip", "gzip" }, { "bzip2", "bzip2" }, { "ssh", "openssh-client" },
		{ "mmdebstrap", "mmdebstrap" }, { "cp", "coreutils" }, { "apt-get", "apt" }, { "apt-config", "apt" },
	};

	for (unsigned int i = 0; i < sizeof(packages) / sizeof(packages[0]); i++)
		if (!strcmp(name, packages[i][0]))
			return packages[i][1];
	return NULL;
}

/* From here on it opens only what it was given, whatever strangers' files make of it. */
static int confine(const struct program *p)
{
	static const char *const reads[] = { "/etc/mke2fs.conf", "/etc/alternatives", "/proc" };
	static const char *const devices[] = { "/dev/null", "/dev/zero" };
	int rules = landlock_new();
	unsigned int i;

	for (i = 0; i < sizeof(reads) / sizeof(reads[0]); i++)
		landlock_allow(rules, reads[i], LANDLOCK_READ);
	for (i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		landlock_allow(rules, devices[i], LANDLOCK_WRITE);
	for (i = 0; i < p->nr_reads; i++)
		landlock_allow(rules, p->reads[i], LANDLOCK_READ);
	for (i = 0; i < p->nr_writes; i++)
		landlock_allow(rules, p->writes[i], LANDLOCK_TREE);
	return landlock_enter(rules);
}

static void become(const struct program *p, pid_t parent, int out, int err)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), status;

	if (p->stage) {
		/* It is gone if this process is an orphan already. */
		if (setpgid(0, p->stage->janitor))
			_exit(EXIT_NONE);
		fcntl(p->stage->alive, F_SETFD, 0);
	} else {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(EXIT_NONE);
	}
	dup2(p->in >= 0 ? p->in : null, STDIN_FILENO);
	dup2(p->out >= 0 ? p->out : out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	setenv("PATH", path_of(), 1);
	/* It is to say the same everywhere. */
	setenv("LC_ALL", "C.UTF-8", 1);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	if (p->whole || !confine(p))
		execvp(p->arg[0], (char *const *)p->arg);
	status = errno;
	dprintf(STDERR_FILENO, "%s", strerror(status));
	_exit(EXIT_NONE);
}

/* What is behind the last line that has something to say is not kept. */
static void keep_said(struct program *p, const char *text, size_t n)
{
	size_t has = strlen(p->said), room = sizeof(p->said) - 1;

	if (n > room) {
		text += n - room;
		n = room;
	}
	if (has + n > room) {
		memmove(p->said, p->said + has + n - room, room - n);
		has = room - n;
	}
	memcpy(p->said + has, text, n);
	p->said[has + n] = 0;
	/* A program can be made to say what a terminal would obey. */
	for (char *c = p->said + has; *c; c++)
		if ((*c < ' ' && *c != '\n') || *c > '~')
			*c = '?';
}

/* "    (12.34/100%)" */
static void told_progress(struct program *p, const char *text)
{
	const char *open = strrchr(text, '(');

	if (open)
		progress_parts(p->progress, strtod(open + 1, NULL));
}

static bool keep_output(struct program *p, const char *text, size_t n)
{
	if (p->progress) {
		told_progress(p, text);
		return true;
	}
	if (p->size + n > OUTPUT_MAX)
		return false;
	p->output = realloc(p->output, p->size + n + 1);
	if (!p->output)
		abort();
	memcpy(p->output + p->size, text, n);
	p->size += n;
	p->output[p->size] = 0;
	return true;
}

static void listen_to(struct program *p, pid_t pid, int out, int err)
{
	struct pollfd fds[] = { { out, POLLIN, 0 }, { err, POLLIN, 0 } };
	char b[65537];
	ssize_t n;

	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		if (poll(fds, 2, -1) < 0)
			continue;
		for (int i = 0; i < 2; i++) {
			if (fds[i].fd < 0 || !fds[i].revents)
				continue;
			n = read(fds[i].fd, b, sizeof(b) - 1);
			if (n < 0 && errno == EINTR)
				continue;
			if (n <= 0) {
				fds[i].fd = -1;
				continue;
			}
			b[n] = 0;
			/* What is no text ends none. */
			for (ssize_t k = 0; i && k < n; k++)
				if (!b[k])
					b[k] = ' ';
			if (i && p->hears)
				p->hears(p->hearer, b);
			if (i)
				keep_said(p, b, n);
			else if (!keep_output(p, b, n))
				kill(pid, SIGKILL);
		}
	}
}

/**
 * program_run - run it to its end
 * @p: the program
 *
 * Its exit status, or -1, told, when it could not be run or was killed.
 */
int program_run(struct program *p)
{
	int out[2], err[2], status;
	pid_t pid, parent = getpid();

	p->said[0] = 0;
	if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC)) {
		error("%s: %s", p->arg[0], strerror(errno));
		return -1;
	}
	fflush(NULL);
	pid = fork();
	if (!pid)
		become(p, parent, out[1], err[1]);
	close(out[1]);
	close(err[1]);
	if (pid > 0)
		listen_to(p, pid, out[0], err[0]);
	close(out[0]);
	close(err[0]);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid < 0) {
		error("%s: %s", p->arg[0], strerror(errno));
		return -1;
	}
	if (WIFSIGNALED(status)) {
		error("%s was ended by signal %d", p->arg[0], WTERMSIG(status));
		return -1;
	}
	if (WEXITSTATUS(status) == EXIT_NONE) {
		const char *from = package(p->arg[0]);

		if (from)
			error("%s cannot be run: %s; it is in Debian's package %s", p->arg[0], p->said, from);
		else
			error("%s cannot be run: %s", p->arg[0], p->said);
		return -1;
	}
	return WEXITSTATUS(status);
}

/**
 * program_failed - tell that it failed, and what it said of it last
 * @p: the program
 * @what: it was to be done to, such as a file
 */
void program_failed(const struct program *p, const char *what)
{
	char said[sizeof(p->said)], *line, *name;
	size_t n = strlen(p->said);

	strcpy(said, p->said);
	while (n && (said[n - 1] == '\n' || said[n - 1] == ' '))
		said[--n] = 0;
	line = strrchr(said, '\n');
	line = line ? line + 1 : said;
	/* It begins with its own name. */
	name = strstr(line, ": ");
	if (name && !strncmp(line, p->arg[0], name - line))
		line = name + 2;
	error("%s: %s: %s", what, p->arg[0], *line ? line : "failed");
}

/**
 * program_must - run it; it has to succeed
 * @p: the program
 * @what: it is done to, for the message
 *
 * 0, or -1, told.
 */
int program_must(struct program *p, const char *what)
{
	int status = program_run(p);

	if (status > 0)
		program_failed(p, what);
	return status ? -1 : 0;
}

/**
 * program_free - what it wrote
 * @p: the program
 */
void program_free(struct program *p)
{
	free(p->output);
	p->output = NULL;
	p->size = 0;
}
