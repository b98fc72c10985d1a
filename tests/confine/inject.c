// SPDX-License-Identifier: GPL-2.0-only
/* inject.c - a system call made by another's thread. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "intruder.h"

#define RED_ZONE	4096	/* bytes below the stack that nobody uses, and then some */

static bool ended(pid_t tid, int *status)
{
	if (waitpid(tid, status, __WALL) != tid)
		die("waitpid: %s", strerror(errno));
	return WIFEXITED(*status) || WIFSIGNALED(*status);
}

/* Goes on to the next stop at a system call; signals are let through to nobody. */
static bool to_call(pid_t tid, int *status)
{
	do {
		if (ptrace(PTRACE_SYSCALL, tid, 0, 0))
			return ended(tid, status), false;
		if (ended(tid, status))
			return false;
	} while (WSTOPSIG(*status) != (SIGTRAP | 0x80));
	return true;
}

static void poke(pid_t tid, long at, const void *data, size_t n)
{
	for (size_t i = 0; i < n; i += sizeof(long)) {
		long word = 0;

		memcpy(&word, (const char *)data + i, n - i < sizeof(long) ? n - i : sizeof(long));
		if (ptrace(PTRACE_POKEDATA, tid, at + i, word))
			die("poke: %s", strerror(errno));
	}
}

static void stop(pid_t tid)
{
	int status;

	if (ptrace(PTRACE_SEIZE, tid, 0, PTRACE_O_TRACESYSGOOD))
		die("cannot trace %d: %s", tid, strerror(errno));
	if (ptrace(PTRACE_INTERRUPT, tid, 0, 0) || ended(tid, &status))
		die("cannot stop %d", tid);
}

long scratch(pid_t tid, const void *data, size_t n)
{
	struct user_regs_struct r;

	stop(tid);
	if (ptrace(PTRACE_GETREGS, tid, 0, &r))
		die("registers: %s", strerror(errno));
	r.rsp = (r.rsp - RED_ZONE) & ~15ULL;
	poke(tid, r.rsp, data, n);
	ptrace(PTRACE_DETACH, tid, 0, 0);
	return r.rsp;
}

/*
 * The thread goes on to its next system call, which becomes getpid(), that all may call. Before RIP is
 * SYSCALL then, and there it goes again, with other registers; at last for what it wanted.
 */
enum outcome inject(pid_t tid, long nr, const long *args, bool compat, long *result)
{
	struct user_regs_struct own, r;
	int status;
	long code;

	stop(tid);
	if (!to_call(tid, &status) || ptrace(PTRACE_GETREGS, tid, 0, &own))
		die("thread %d makes no system call", tid);
	r = own;
	r.orig_rax = SYS_getpid;
	if (ptrace(PTRACE_SETREGS, tid, 0, &r) || !to_call(tid, &status))
		die("thread %d cannot be led", tid);
	own.rax = own.orig_rax;
	own.orig_rax = -1;
	own.rip -= 2;
	code = ptrace(PTRACE_PEEKTEXT, tid, own.rip, 0);
	if (compat)	/* INT 0x80 */
		ptrace(PTRACE_POKETEXT, tid, own.rip, (code & ~0xffffL) | 0x80cd);
	r = own;
	r.rax = nr;
	r.rdi = args[0], r.rsi = args[1], r.rdx = args[2], r.r10 = args[3], r.r8 = args[4], r.r9 = args[5];
	if (compat)
		r.rbx = args[0], r.rcx = args[1], r.rdx = args[2], r.rsi = args[3], r.rdi = args[4];
	if (ptrace(PTRACE_SETREGS, tid, 0, &r))
		die("registers: %s", strerror(errno));
	/* its beginning, its end */
	if (!to_call(tid, &status) || !to_call(tid, &status))
		return ENDED;
	if (ptrace(PTRACE_GETREGS, tid, 0, &r))
		return ended(tid, &status), ENDED;
	*result = r.rax;
	/* When the kernel itself ends the process, the call is rolled back, and the signal comes after it. */
	if (*result == nr && !to_call(tid, &status))
		return ENDED;
	if (compat)
		ptrace(PTRACE_POKETEXT, tid, own.rip, code);
	ptrace(PTRACE_SETREGS, tid, 0, &own);
	ptrace(PTRACE_DETACH, tid, 0, 0);
	return MADE;
}
