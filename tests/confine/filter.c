// SPDX-License-Identifier: GPL-2.0-only
/*
 * filter.c - all that a thread's filter lets through: it is walked through for each call's number, both
 * ways wherever it looks at an argument (seccomp(2): struct seccomp_data).
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "intruder.h"

#define MAX_CALL	1024
#define X32		0x40000000
#define MOST		12	/* conditions on one way */

struct condition {
	int word;		/* of the arguments: 0 is the low half of the first */
	uint32_t mask, value;
};

struct walk {
	const struct target *t;
	const char *kind;
	struct sock_filter *code;
	int n, call;
	uint32_t arch;
	struct condition on[MOST];
	char *lines[96];
	int nr_lines;
};

static bool names_descriptor(int call)
{
	return call != SCMP_SYS(tgkill) && call != SCMP_SYS(prctl) && call != SCMP_SYS(seccomp) && call != SCMP_SYS(waitid) &&
	       call != SCMP_SYS(clone);
}

/* The one that a vCPU's thread has is where the vCPU is to be. */
static bool is_place(int call, int word, uint32_t value)
{
	return (call == SCMP_SYS(dup3) && word == 2) || (call == SCMP_SYS(mmap) && word == 8 && value && value != ~0u);
}

/* A descriptor by what it is, so that the list is the same each time. */
static void put_value(const struct walk *w, char *text, size_t size, int word, uint32_t value, uint32_t mask)
{
	char path[64], link[256];
	ssize_t n = -1;

	snprintf(path, sizeof(path), "/proc/%d/fd/%u", w->t->vmm, value);
	if ((!word && names_descriptor(w->call)) || is_place(w->call, word, value))
		n = readlink(path, link, sizeof(link) - 1);
	if (n > 0) {
		link[n] = 0;
		/* a socket has a number, a vCPU of KVM's too */
		if (!strncmp(link, "socket:", 7))
			link[6] = 0;
		snprintf(text, size, word ? " %2$d=<%1$s>" : " <%s>", !strncmp(link, "anon_inode:", 11) ? link + 11 : link, word / 2);
	} else if (!word && value == (uint32_t)w->t->vmm) {
		snprintf(text, size, " itself");
	} else if (mask != ~0u) {
		snprintf(text, size, " %d&%#x=%#x", word / 2, mask, value);
	} else {
		snprintf(text, size, " %d=%#x", word / 2, value);
	}
}

static void allowed(struct walk *w, int conditions, const char *answer)
{
	char line[400], *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, w->call);

	snprintf(line, sizeof(line), "%s %s%s", w->kind, w->arch != AUDIT_ARCH_X86_64 ? "32-bit" :
		 w->call & X32 ? "x32" : name ? name : "unknown", answer);
	free(name);
	for (int i = 0; i < conditions; i++) {
		const struct condition *c = &w->on[i];
		size_t at = strlen(line);

		/* The upper half of a number is 0: not worth a word. */
		if (!(c->word & 1) || c->value || c->mask != ~0u)
			put_value(w, line + at, sizeof(line) - at, c->word, c->value, c->mask);
	}
	for (int i = 0; i < w->nr_lines; i++)
		if (!strcmp(w->lines[i], line))
			return;
	if (w->nr_lines < (int)(sizeof(w->lines) / sizeof(w->lines[0])))
		w->lines[w->nr_lines++] = strdup(line);
}

/* The last of the conditions does not contradict the others. */
static bool can_be(const struct walk *w, int last)
{
	for (int i = 0; i < last; i++)
		if (w->on[i].word == w->on[last].word &&
		    (w->on[i].value ^ w->on[last].value) & w->on[i].mask & w->on[last].mask)
			return false;
	return true;
}

/* @word: what A is of the arguments, or -1: it is @a. */
static void walk(struct walk *w, int pc, uint32_t a, int word, uint32_t mask, int conditions)
{
	for (; pc < w->n; pc++) {
		const struct sock_filter *i = &w->code[pc];
		bool yes;

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			word = -1;
			mask = ~0u;
			if (i->k == offsetof(struct seccomp_data, nr))
				a = w->call;
			else if (i->k == offsetof(struct seccomp_data, arch))
				a = w->arch;
			else if (i->k >= offsetof(struct seccomp_data, args))
				word = (i->k - offsetof(struct seccomp_data, args)) / 4;
			else
				die("the filter looks at %u", i->k);
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			mask &= i->k;
			continue;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			yes = a == i->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			yes = a >= i->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			yes = a > i->k;
			break;
		case BPF_RET | BPF_K:
			if (i->k == SECCOMP_RET_ALLOW)
				allowed(w, conditions, "");
			else if (i->k == (SECCOMP_RET_ERRNO | ENOSYS))
				allowed(w, conditions, " (not there)");
			else if (i->k != SECCOMP_RET_USER_NOTIF && i->k != SECCOMP_RET_KILL_PROCESS)
				die("the filter answers %#x", i->k);
			return;
		default:
			die("the filter has an instruction %#x", i->code);
		}
		if (word < 0) {
			pc += yes ? i->jt : i->jf;
			continue;
		}
		if (BPF_OP(i->code) != BPF_JEQ || conditions == MOST)
			die("the filter compares in a way that is not understood");
		w->on[conditions] = (struct condition){ word, mask, i->k };
		if (can_be(w, conditions))
			walk(w, pc + 1 + i->jt, a, word, mask, conditions + 1);
		pc += i->jf;
	}
	die("the filter has no end");
}

static void fetch(struct walk *w, pid_t tid)
{
	int status, last;

	if (ptrace(PTRACE_SEIZE, tid, 0, 0) || ptrace(PTRACE_INTERRUPT, tid, 0, 0) ||
	    waitpid(tid, &status, __WALL) != tid)
		die("cannot trace %d: %s", tid, strerror(errno));
	/* A thread that was made later has that of its maker as well. */
	last = ptrace(PTRACE_SECCOMP_GET_FILTER, tid, 1, 0) > 0;
	w->n = ptrace(PTRACE_SECCOMP_GET_FILTER, tid, last, 0);
	if (w->n <= 0)
		die("thread %d has no filter: %s", tid, strerror(errno));
	w->code = calloc(w->n, sizeof(*w->code));
	if (!w->code || ptrace(PTRACE_SECCOMP_GET_FILTER, tid, last, w->code) != w->n)
		die("cannot read the filter of %d", tid);
	ptrace(PTRACE_DETACH, tid, 0, 0);
}

void list_calls(const struct target *t)
{
	for (const struct kind *k = kinds; k->kind; k++) {
		struct walk w = { .t = t, .kind = k->kind };
		pid_t tid = thread_named(t->vmm, k->name);

		if (!tid)
			continue;
		fetch(&w, tid);
		w.arch = AUDIT_ARCH_X86_64;
		for (w.call = 0; w.call < MAX_CALL; w.call++)
			walk(&w, 0, 0, -1, ~0u, 0);
		for (w.call = X32; w.call < X32 + MAX_CALL; w.call++)
			walk(&w, 0, 0, -1, ~0u, 0);
		w.arch = AUDIT_ARCH_I386;
		for (w.call = 0; w.call < MAX_CALL; w.call++)
			walk(&w, 0, 0, -1, ~0u, 0);
		for (int i = 0; i < w.nr_lines; i++)
			puts(w.lines[i]);
		free(w.code);
	}
}
