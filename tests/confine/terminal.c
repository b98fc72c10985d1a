// SPDX-License-Identifier: GPL-2.0-only
/* terminal.c - a VM on a terminal, which is as before when the VM has ended, however that comes about. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "intruder.h"

enum how { CTRL_A_X, SIGNAL, KILL };

static pid_t run(int terminal, char **command)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	setsid();
	ioctl(terminal, TIOCSCTTY, 0);
	for (int i = 0; i < 3; i++)
		dup2(terminal, i);
	execv(command[0], command);
	_exit(127);
}

static bool is_raw(int terminal)
{
	struct termios t;

	return !tcgetattr(terminal, &t) && !(t.c_lflag & ICANON);
}

static bool same(const struct termios *a, const struct termios *b)
{
	return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag && a->c_cflag == b->c_cflag &&
	       a->c_lflag == b->c_lflag && a->c_cc[VMIN] == b->c_cc[VMIN] && a->c_cc[VTIME] == b->c_cc[VTIME];
}

static void one(char **command, const char *name, enum how how)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), terminal, status;
	struct termios before, after;
	pid_t pid;

	if (master < 0 || grantpt(master) || unlockpt(master))
		die("no terminal: %s", strerror(errno));
	terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
	if (terminal < 0 || tcgetattr(terminal, &before))
		die("no terminal: %s", strerror(errno));
	pid = run(terminal, command);
	for (int i = 0; i < 500 && !is_raw(terminal); i++)
		usleep(10000);
	if (!is_raw(terminal))
		die("the terminal does not become raw");
	usleep(200000);
	if (how == CTRL_A_X && write(master, "\1x", 2) != 2)
		die("nothing can be typed");
	if (how == KILL && !child_of(pid))
		die("there is no VMM");
	if (how != CTRL_A_X)
		kill(how == KILL ? child_of(pid) : pid, how == KILL ? SIGKILL : SIGTERM);
	if (waitpid(pid, &status, 0) != pid || tcgetattr(terminal, &after))
		die("it does not end");
	printf("terminal, %s: status %d, %s\n", name, WIFEXITED(status) ? WEXITSTATUS(status) : -1,
	       same(&before, &after) ? "as before" : "another than before");
	close(terminal);
	close(master);
}

void try_terminal(char **command)
{
	one(command, "Ctrl-A x", CTRL_A_X);
	one(command, "a signal", SIGNAL);
	one(command, "the VMM killed", KILL);
}
