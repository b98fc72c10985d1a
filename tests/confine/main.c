// SPDX-License-Identifier: GPL-2.0-only
/*
 * main.c - intruder: what can who has broken into vhctl's VMM do?
 *
 *   intruder list USER COMMAND...    every call that the filters of its threads let through
 *   intruder calls USER COMMAND...   one call after the other, by each kind of thread, each in a VM of its own
 *   intruder listened USER COMMAND...  some of them, where somebody listens to its system calls already
 *   intruder listenedstate USER COMMAND...  state there
 *   intruder harmless USER COMMAND...  some that do no harm
 *   intruder ring USER COMMAND...    requests to the io_uring of its first disk
 *   intruder terminal 0 COMMAND...   a terminal is as before, however the VM on it ends
 *   intruder state USER COMMAND...   the VMM's rights, namespaces, root, descriptors and limits
 *
 * ONLY, in the environment, names kinds of threads that try, in place of all.
 * PLUG is a command that is run when the VM runs, and makes one of the threads.
 * COMMAND is vhctl run, as user USER: a number, and behind a colon that of a further group. For root.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "intruder.h"
#include "attacks.h"

#define SAID	"said"		/* what the command says */

void die(const char *what, ...)
{
	va_list ap;

	va_start(ap, what);
	fputs("intruder: ", stdout);
	vprintf(what, ap);
	putchar('\n');
	va_end(ap);
	exit(1);
}

static bool file_says(const char *path, const char *word)
{
	char text[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n < 0 ? 0 : n] = 0;
	return strstr(text, word);
}

pid_t thread_named(pid_t pid, const char *name)
{
	char path[300], line[32];
	struct dirent *e;
	pid_t found = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	d = opendir(path);
	snprintf(line, sizeof(line), "%s\n", name);
	while (d && !found && (e = readdir(d))) {
		snprintf(path, sizeof(path), "/proc/%d/task/%s/comm", pid, e->d_name);
		if (e->d_name[0] != '.' && file_says(path, line))
			found = atoi(e->d_name);
	}
	if (d)
		closedir(d);
	return found;
}

int descriptor(pid_t pid, const char *part, int n)
{
	char path[64], link[256];
	ssize_t len;

	for (int fd = 0; fd < 256; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
		len = readlink(path, link, sizeof(link) - 1);
		link[len < 0 ? 0 : len] = 0;
		if (len > 0 && strstr(link, part) && !n--)
			return fd;
	}
	return -1;
}

/* --- a VM --- */

static uid_t uid;	/* who runs it */
static gid_t group;
static bool listened;	/* somebody gets to know of its calls already */

/* A filter that lets all through, with a listener that is never asked, and stays open. */
static int listen_to_it(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog prog = { 1, &allow };
	int fd = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -1 :
		 (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);

	return fd < 0 || fcntl(fd, F_SETFD, 0) ? -1 : 0;
}

pid_t child_of(pid_t pid)
{
	char path[64], text[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	f = fopen(path, "re");
	if (f && !fgets(text, sizeof(text), f))
		text[0] = 0;
	if (f)
		fclose(f);
	return atoi(text);
}

/* The guest has written a line: it runs. All threads wait. */
static void start(struct target *t, char **command)
{
	bool confined = true;

	for (char **c = command; *c; c++)
		confined &= strcmp(*c, "--no-confine") != 0;
	unlink(SAID);
	t->confined = confined;
	t->started = fork();
	if (!t->started) {
		int fd = open(SAID, O_WRONLY | O_CREAT | O_TRUNC, 0666), null = open("/dev/null", O_RDONLY);

		dup2(fd, 1);
		dup2(fd, 2);
		dup2(null, 0);
		if (uid && (setgroups(1, &group) || setgid(uid) || setuid(uid)))
			_exit(127);
		if (listened && listen_to_it())
			_exit(127);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execv(command[0], command);
		_exit(127);
	}
	for (int i = 0; i < 1000 && !file_says(SAID, "r\n"); i++)
		usleep(10000);
	if (!file_says(SAID, "r\n"))
		die("the guest does not run");
	usleep(20000);
	if (getenv("PLUG") && system(getenv("PLUG")))
		die("%s: fails", getenv("PLUG"));
	usleep(20000);		/* a thread that comes has its name */
	t->vmm = confined ? child_of(t->started) : t->started;
	if (!t->vmm)
		die("there is no VMM");
}

static int finish(struct target *t)
{
	int status;

	kill(t->started, SIGTERM);
	if (waitpid(t->started, &status, 0) != t->started)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* --- calls --- */

static long value_of(const struct target *t, pid_t tid, long arg, const char *text)
{
	static char buffer[512];

	switch (arg) {
	case A_STARTED: return t->started;
	case A_VMM: return t->vmm;
	case A_VM: return descriptor(t->vmm, "-vm", 0);
	case A_VCPU: return descriptor(t->vmm, "-vcpu", 0);
	case A_OTHER_VCPU: return descriptor(t->vmm, "-vcpu", 1);
	case A_DISK: return descriptor(t->vmm, "disk.img", 0);
	case A_RING: return descriptor(t->vmm, "io_uring", 0);
	case A_OTHER_RING: return descriptor(t->vmm, "io_uring", 1);
	case A_SOCKET: return descriptor(t->vmm, "socket:", 0);
	case A_EVENT: return descriptor(t->vmm, "eventfd", 0);
	case A_TEXT: return scratch(tid, text, strlen(text) + 1);
	case A_BUFFER: return scratch(tid, buffer, sizeof(buffer));
	}
	return arg;
}

/* Does a line say which call, and has it all ended? */
static bool told(struct target *t, const struct attack *a)
{
	char words[64];
	int status, child = t->vmm;

	if (waitpid(t->started, &status, 0) != t->started || !WIFEXITED(status) || WEXITSTATUS(status) != 1)
		return false;
	snprintf(words, sizeof(words), "tried the system call %s (", a->name);
	/* Of a thread that was plugged in nobody is told what its maker could call. */
	if (a->how != PLAIN || listened || getenv("PLUG"))
		strcpy(words, "the host's log says which");
	return file_says(SAID, words) && kill(child, 0);
}

static void call(char **command, const struct attack *a, const char *kind, const char *name)
{
	struct target t;
	long args[6], result = 0;
	enum outcome o;
	pid_t tid;
	bool ok;

	start(&t, command);
	tid = thread_named(t.vmm, name);
	if (!tid)
		die("there is no thread %s", name);
	for (int i = 0; i < 6; i++)
		args[i] = value_of(&t, tid, a->args[i], a->text);
	o = inject(tid, a->nr, args, a->how == COMPAT, &result);
	if (o == MADE) {
		printf("%s %s%s: made, %ld\n", kind, a->name, a->more, result);
		finish(&t);
		return;
	}
	ok = told(&t, a);
	printf("%s %s%s: %s\n", kind, a->name, a->more, ok ? "ended" : "ended, but not told or not all of it");
}

const struct kind kinds[] = {
	{ "main", "vhctl", BY_MAIN }, { "vcpu", "vcpu 0", BY_VCPU }, { "disk", "disk", BY_DISK },
	{ "clock", "clock", BY_CLOCK }, { "control", "control", BY_CONTROL }, { "watch", "watch", BY_WATCH },
	{ "net", "net", BY_NET }, { "balloon", "balloon", BY_BALLOON }, { "hvc", "hvc", BY_HVC }, { "pmem", "pmem", BY_PMEM },
	{ "memory", "memory", BY_MEM }, { "spare", "vcpu 2", BY_SPARE }, { "share", "share", BY_SHARE },
	{ "watchdog", "watchdog", BY_WATCHDOG }, { NULL, NULL, 0 }
};

static unsigned int only = BY_EACH;	/* of which kinds: those of $ONLY */

enum { ALL, SOME, HARMLESS };	/* which are tried */

static bool is_tried(const struct attack *a, int which)
{
	static const char *const harmless[] = { "openat", "memfd_create", "pidfd_open", "socket" };

	if (which == ALL)
		return true;
	if (a->how != PLAIN)
		return which == SOME;
	for (unsigned int i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (!strcmp(a->name, harmless[i]))
			return strcmp(a->more, " /dev/vh") != 0;
	return false;
}

static void calls(char **command, int which)
{
	for (const struct kind *k = kinds; k->kind; k++)
		for (const struct attack *a = attacks; a->name; a++)
			if ((a->by & k->bit & only) && is_tried(a, which))
				call(command, a, k->kind, k->name);
}

/* Of kinds, a blank between each. */
static unsigned int bits_of(char *names)
{
	unsigned int bits = 0;

	for (char *name = strtok(names, " "); name; name = strtok(NULL, " "))
		for (const struct kind *k = kinds; k->kind; k++)
			if (!strcmp(name, k->kind))
				bits |= k->bit;
	return bits;
}

int main(int argc, char **argv)
{
	struct target t;

	if (argc < 4)
		die("usage: intruder list|calls|listened|harmless|ring|state|terminal USER COMMAND...");
	setbuf(stdout, NULL);
	if (getenv("ONLY"))
		only = bits_of(getenv("ONLY"));
	uid = atoi(argv[2]);
	group = strchr(argv[2], ':') ? atoi(strchr(argv[2], ':') + 1) : 0;
	listened = !strncmp(argv[1], "listened", 8);
	if (!strcmp(argv[1], "listened") || !strcmp(argv[1], "calls") || !strcmp(argv[1], "harmless")) {
		calls(argv + 3, listened ? SOME : argv[1][0] == 'c' ? ALL : HARMLESS);
		return 0;
	}
	if (!strcmp(argv[1], "terminal")) {
		try_terminal(argv + 3);
		return 0;
	}
	start(&t, argv + 3);
	if (!strcmp(argv[1], "list"))
		list_calls(&t);
	else if (!strcmp(argv[1], "ring")) {
		try_ring(&t);
		kill(t.vmm, SIGKILL);	/* its thread does not know where its ring is any more */
	}
	else if (!strcmp(argv[1], "state") || !strcmp(argv[1], "listenedstate"))
		show_state(&t);
	else
		die("'%s'?", argv[1]);
	return finish(&t) == 5 ? 0 : 1;
}
