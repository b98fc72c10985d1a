// SPDX-License-Identifier: GPL-2.0-only
/* confine.c - each thread's filter of system calls (lists.c), and that all have one before the guest runs. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vhctl.h"
#include "vmm/confine.h"
#include "vmm/lists.h"
#include "vmm/net.h"
#include "vmm/pci.h"
#include "vmm/supervise.h"
#include "vmm/vmm.h"

#define NO_LISTENER	(-2)
#define SPARE		2	/* descriptors: a console's next client, beside the last */
#define SPARE_NET	(NET_FDS + 6 * NET_MAX_PAIRS + 6)	/* of a tap; with each queue's eventfds, and vhost's */
#define SPARE_DEVICES	(PCI_SLOTS * 16 + VMM_MAX_NETS * SPARE_NET)	/* and for what is plugged in */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int listener[VMM_MAX_THREADS];			/* lock */
static int wanted, reported, failures;			/* lock */
static enum { CLOSED, OPEN, NEVER } gate;		/* lock */
static bool listened;					/* const once the VM is confined: somebody did already */

/* --- a filter --- */

struct filter {
	size_t n;
	struct sock_filter code[];
};

/*
 * libseccomp would load it itself, but has one listener for a process; here each thread has one. It writes to a file
 * that is memory, and stays: kinds of threads that come later have theirs made then.
 */
static struct filter *export(scmp_filter_ctx ctx)
{
	static int fd = -1;	/* const once the VM is confined */
	struct filter *f;
	off_t size;

	if (fd < 0)
		fd = memfd_create("filter", MFD_CLOEXEC);
	if (fd < 0 || lseek(fd, 0, SEEK_SET) || seccomp_export_bpf(ctx, fd))
		return NULL;
	size = lseek(fd, 0, SEEK_CUR);
	f = size > 0 ? malloc(sizeof(*f) + size) : NULL;
	if (!f)
		return NULL;
	f->n = size / sizeof(f->code[0]);
	if (pread(fd, f->code, size, 0) != size) {
		free(f);
		f = NULL;
	}
	return f;
}

static struct filter *made[THREAD_KINDS];	/* of each kind, not filled in; of who makes threads */

static struct filter *of_kind(const struct vmm *v, enum thread_kind kind)
{
	scmp_filter_ctx ctx = made[kind] ? NULL : list_make(v, kind);

	if (ctx) {
		made[kind] = export(ctx);
		seccomp_release(ctx);
	}
	return made[kind];
}

/* What is the thread's own comes where it is compared with. */
static struct filter *fill(const struct filter *f, const uint32_t *value)
{
	size_t size = sizeof(*f) + f->n * sizeof(f->code[0]);
	struct filter *own = malloc(size);

	if (!own)
		return NULL;
	memcpy(own, f, size);
	for (size_t i = 0; i < own->n; i++) {
		struct sock_filter *c = &own->code[i];

		if (c->code == (BPF_JMP | BPF_JEQ | BPF_K) && c->k > PLACE(ANY) && c->k < PLACE(WHICH_ALL))
			c->k = value[c->k - PLACE(ANY)];
	}
	return own;
}

/**
 * confine_filter - what a thread is going to be able to call
 * @v: the VM
 * @kind: of thread
 * @own: the descriptor that it is there for, -1: none
 * @file: a file's that it serves, -1: none
 *
 * After confine_process(), for confine_thread(). NULL, told, if it cannot be made. Where nothing is confined it is
 * empty, and then nothing is done with it.
 */
struct filter *confine_filter(struct vmm *v, enum thread_kind kind, int own, int file)
{
	static struct filter none;
	const uint32_t value[WHICH_ALL] = {
		[OWN] = own, [SERVED] = file, [VM] = v->vm, [ITSELF] = getpid(), [LISTENER] = v->cfg->listen_fd,
		[CHANNEL] = v->channel,
	};
	struct filter *f;

	if (!v->cfg->confine)
		return &none;
	f = of_kind(v, kind);
	if (f)
		f = fill(f, value);
	if (!f)
		error("cannot make a list of system calls: %s", strerror(errno));
	else if (!v->running) {
		pthread_mutex_lock(&lock);
		wanted += kind != THREAD_MAIN;
		pthread_mutex_unlock(&lock);
	}
	return f;
}

/* Where somebody listens already there is no second listener: the kernel kills, and its log tells. */
static int load(struct filter *f)
{
	struct sock_fprog prog = { f->n, f->code };
	int fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);

	if (fd >= 0 || errno != EBUSY)
		return fd;
	for (size_t i = 0; i < f->n; i++)
		if (f->code[i].code == (BPF_RET | BPF_K) && f->code[i].k == SECCOMP_RET_USER_NOTIF)
			f->code[i].k = SECCOMP_RET_KILL_PROCESS;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_LOG, &prog) ? -1 : NO_LISTENER;
}

/* --- all threads, before the first instruction of the guest --- */

/**
 * confine_thread - from now on this thread can call what is on its list
 * @v: the VM
 * @f: its own; freed
 *
 * Before the guest runs its listener is for confine_wait(). Who is made later has the one of the thread that
 * made it, and the kernel ends the VMM for what that could call and this one can not. 0, or -1, told.
 */
int confine_thread(struct vmm *v, struct filter *f)
{
	int fd;

	if (!v->cfg->confine)
		return 0;
	fd = load(f);
	if (fd == -1)
		error("cannot confine a thread: %s", strerror(errno));
	free(f);
	if (v->running)
		return fd == -1 ? -1 : 0;
	pthread_mutex_lock(&lock);
	if (reported == VMM_MAX_THREADS)
		abort();
	listener[reported++] = fd;
	failures += fd == -1;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	return fd == -1 ? -1 : 0;
}

static int hand_over(struct vmm *v, int fd)
{
	int err = fd >= 0 ? supervise_listener(v->channel, fd) : 0;

	listened |= fd == NO_LISTENER;
	if (fd >= 0)
		close(fd);
	return err;
}

/**
 * confine_wait - all other threads are confined
 * @v: the VM, whose threads were started
 *
 * 0, or -1, told.
 */
int confine_wait(struct vmm *v)
{
	int err = 0;

	if (!v->cfg->confine)
		return 0;
	pthread_mutex_lock(&lock);
	while (reported < wanted)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	if (failures)
		return -1;	/* they have told */
	for (int i = 0; !err && i < wanted; i++)
		err = hand_over(v, listener[i]);
	if (err)
		error("cannot confine the VMM: %s", strerror(errno));
	return err;
}

/**
 * confine_main - the main thread too, and the guest may run
 * @v: the VM; confine_wait() was called
 *
 * 0, or -1, told.
 */
int confine_main(struct vmm *v)
{
	struct filter *f;
	int fd, err;

	if (v->cfg->confine) {
		f = confine_filter(v, THREAD_MAIN, -1, -1);
		if (!f)
			return -1;
		err = jail_spare(SPARE + (v->pci ? SPARE_DEVICES : 0) + (v->cfg->cpus_max ? 1 : 0));	/* a vCPU, while it is made */
		fd = err ? -1 : load(f);
		free(f);
		err = fd == -1 ? -1 : hand_over(v, fd);
		if (err) {
			error("cannot confine the VMM: %s", strerror(errno));
			return -1;
		}
	}
	confine_open(true);
	return 0;
}

/**
 * confine_can_plug - can a device's thread get a ring?
 *
 * supervise.c gives it one when it hears of the wish.
 */
bool confine_can_plug(void)
{
	return !listened;
}

/**
 * confine_open - vCPUs go on
 * @run: into the guest; else they end
 */
void confine_open(bool run)
{
	pthread_mutex_lock(&lock);
	if (gate == CLOSED)
		gate = run ? OPEN : NEVER;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

/**
 * confine_gate - wait until everything is confined
 *
 * In a vCPU's thread. False: the guest is not to run.
 */
bool confine_gate(void)
{
	bool run;

	pthread_mutex_lock(&lock);
	while (gate == CLOSED)
		pthread_cond_wait(&changed, &lock);
	run = gate == OPEN;
	pthread_mutex_unlock(&lock);
	return run;
}
