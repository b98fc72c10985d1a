// SPDX-License-Identifier: GPL-2.0-only
/*
 * confine.c - what the threads of the VMM may call once it is confined: a list for each kind, which
 * libseccomp makes a filter of (seccomp(2)). All else is not done: supervise.c ends the VMM.
 *
 * A filter sees numbers and not what pointers point to: where a call names a descriptor, a command or a
 * process the list says which. Requests that io_uring carries are none of these calls; a disk's ring has
 * a list of its own (blk.c).
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <linux/vh.h>
#include <pthread.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vhctl.h"
#include "vmm/confine.h"
#include "vmm/supervise.h"
#include "vmm/vmm.h"

#define NO_LISTENER	(-2)
#define SPARE		2	/* descriptors: a console's next client, beside the last */

/* Which descriptor a call has as its first argument. */
enum which {
	ANY,		/* any, or it has none */
	OWN,		/* the one that the thread is there for: its vCPU, its ring */
	DISK,		/* its disk's */
	VM,
	LISTENER,	/* the console's socket */
	CHANNEL,	/* to supervise.c */
};

struct rule {
	int call;
	enum which fd;
	uint32_t request;	/* of ioctl: the second argument. 0: any, for the others */
};

/*
 * What every thread needs of the C library: memory (one arena: vmm_run()), locks, messages, time
 * where the vDSO has none, the end. Its output goes to eventfds, too.
 */
static const struct rule all[] = {
	{ SCMP_SYS(futex), ANY, 0 },
	{ SCMP_SYS(write), ANY, 0 },
	{ SCMP_SYS(writev), ANY, 0 },
	{ SCMP_SYS(read), ANY, 0 },
	{ SCMP_SYS(poll), ANY, 0 },
	{ SCMP_SYS(brk), ANY, 0 },
	{ SCMP_SYS(munmap), ANY, 0 },
	{ SCMP_SYS(mmap), ANY, 0 },		/* add_special() */
	{ SCMP_SYS(madvise), ANY, 0 },		/* add_special() */
	{ SCMP_SYS(clock_gettime), ANY, 0 },
	{ SCMP_SYS(gettimeofday), ANY, 0 },
	{ SCMP_SYS(time), ANY, 0 },
	{ SCMP_SYS(getpid), ANY, 0 },
	{ SCMP_SYS(gettid), ANY, 0 },
	{ SCMP_SYS(tgkill), ANY, 0 },		/* add_special() */
	{ SCMP_SYS(rt_sigprocmask), ANY, 0 },
	{ SCMP_SYS(rt_sigreturn), ANY, 0 },
	{ SCMP_SYS(restart_syscall), ANY, 0 },
	{ SCMP_SYS(exit), ANY, 0 },
	{ SCMP_SYS(exit_group), ANY, 0 },
};

/* A guest's accesses raise interrupts, connect eventfds and are answered in the thread of its vCPU. */
static const struct rule vcpu[] = {
	{ SCMP_SYS(ioctl), OWN, KVM_RUN },
	{ SCMP_SYS(ioctl), OWN, KVM_GET_REGS },		/* where it crashed */
	{ SCMP_SYS(ioctl), VM, KVM_IRQ_LINE },
	{ SCMP_SYS(ioctl), VM, KVM_IOEVENTFD },
	{ SCMP_SYS(ioctl), VM, KVM_IRQFD },
	{ SCMP_SYS(ioctl), VM, KVM_SET_GSI_ROUTING },
	{ SCMP_SYS(getrandom), ANY, 0 },
};

static const struct rule disk[] = {
	{ SCMP_SYS(io_uring_enter), OWN, 0 },
	{ SCMP_SYS(pread64), DISK, 0 },
	{ SCMP_SYS(pwrite64), DISK, 0 },
	{ SCMP_SYS(lseek), DISK, 0 },
	{ SCMP_SYS(ioctl), DISK, BLKDISCARD },
};

/* The console, the end of the vCPUs, and figures at the end. */
static const struct rule main_thread[] = {
	{ SCMP_SYS(ioctl), VM, KVM_IRQ_LINE },
	{ SCMP_SYS(ioctl), ANY, VH_GET_EXIT_STATS },
	{ SCMP_SYS(accept4), LISTENER, 0 },
	{ SCMP_SYS(sendmsg), CHANNEL, 0 },
	{ SCMP_SYS(close), ANY, 0 },
};

/* Its alarms and ticks are interrupts; it sleeps with a lock. */
static const struct rule clock_thread[] = {
	{ SCMP_SYS(ioctl), VM, KVM_IRQ_LINE },
};

static const struct {
	const struct rule *rules;
	int n;
	int first;		/* looked at first: the call that is made most often */
} lists[] = {
#define LIST(a, first) { a, sizeof(a) / sizeof((a)[0]), first }
	[THREAD_MAIN] = LIST(main_thread, SCMP_SYS(poll)),
	[THREAD_VCPU] = LIST(vcpu, SCMP_SYS(ioctl)),
	[THREAD_DISK] = LIST(disk, SCMP_SYS(io_uring_enter)),
	[THREAD_CLOCK] = LIST(clock_thread, SCMP_SYS(futex)),
};

/* --- a filter --- */

struct descriptors {
	int own, file;
	const struct vmm *v;
};

static int number(const struct descriptors *d, enum which which)
{
	switch (which) {
	case OWN: return d->own;
	case DISK: return d->file;
	case VM: return d->v->vm;
	case LISTENER: return d->v->cfg->listen_fd;
	case CHANNEL: return d->v->channel;
	case ANY: break;
	}
	return -1;
}

/*
 * Memory of nobody's file, never to be executed; giving back a stack, large pages where the C library
 * is told to use them (glibc.malloc.hugetlb); signals for its own threads.
 * 1: it is a call like others.
 */
static int add_special(scmp_filter_ctx f, int call)
{
	int err;

	if (call == SCMP_SYS(madvise)) {
		err = seccomp_rule_add(f, SCMP_ACT_ALLOW, call, 1, SCMP_A2(SCMP_CMP_EQ, MADV_DONTNEED));
		return err ? err : seccomp_rule_add(f, SCMP_ACT_ALLOW, call, 1, SCMP_A2(SCMP_CMP_EQ, MADV_HUGEPAGE));
	}
	if (call == SCMP_SYS(tgkill))
		return seccomp_rule_add(f, SCMP_ACT_ALLOW, call, 1, SCMP_A0(SCMP_CMP_EQ, getpid()));
	if (call == SCMP_SYS(mmap))
		return seccomp_rule_add(f, SCMP_ACT_ALLOW, call, 3,
					SCMP_A2(SCMP_CMP_MASKED_EQ, ~(uint64_t)(PROT_READ | PROT_WRITE), 0),
					SCMP_A3(SCMP_CMP_MASKED_EQ, ~(uint64_t)MAP_NORESERVE,
						MAP_PRIVATE | MAP_ANONYMOUS),
					SCMP_A4(SCMP_CMP_MASKED_EQ, 0xffffffff, 0xffffffff));
	return 1;
}

static int add(scmp_filter_ctx f, const struct rule *r, const struct descriptors *d)
{
	int fd = number(d, r->fd), err = add_special(f, r->call);

	if (err <= 0)
		return err;
	if (r->fd == ANY)
		return r->request ? seccomp_rule_add(f, SCMP_ACT_ALLOW, r->call, 1, SCMP_A1(SCMP_CMP_EQ, r->request)) :
				    seccomp_rule_add(f, SCMP_ACT_ALLOW, r->call, 0);
	if (fd < 0)
		return 0;	/* this VM has none */
	return r->request ? seccomp_rule_add(f, SCMP_ACT_ALLOW, r->call, 2, SCMP_A0(SCMP_CMP_EQ, fd),
					     SCMP_A1(SCMP_CMP_EQ, r->request)) :
			    seccomp_rule_add(f, SCMP_ACT_ALLOW, r->call, 1, SCMP_A0(SCMP_CMP_EQ, fd));
}

static scmp_filter_ctx make(enum thread_kind kind, const struct descriptors *d)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_NOTIFY);
	int err = f ? seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) : -ENOMEM;

	for (unsigned int i = 0; !err && i < sizeof(all) / sizeof(all[0]); i++)
		err = add(f, &all[i], d);
	for (int i = 0; !err && i < lists[kind].n; i++)
		err = add(f, &lists[kind].rules[i], d);
	if (!err)
		err = seccomp_syscall_priority(f, lists[kind].first, 255);
	if (!err)
		return f;
	seccomp_release(f);
	errno = -err;
	return NULL;
}

struct filter {
	size_t n;
	struct sock_filter code[];
};

/* libseccomp would load it itself, but has one listener for a process; here each thread has one. */
static struct filter *export(scmp_filter_ctx ctx)
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	struct filter *f = NULL;
	off_t size;

	if (fd < 0 || seccomp_export_bpf(ctx, fd))
		goto out;
	size = lseek(fd, 0, SEEK_END);
	f = size > 0 ? malloc(sizeof(*f) + size) : NULL;
	if (!f)
		goto out;
	f->n = size / sizeof(f->code[0]);
	if (pread(fd, f->code, size, 0) != size) {
		free(f);
		f = NULL;
	}
out:
	if (fd >= 0)
		close(fd);
	return f;
}

/**
 * confine_filter - what a thread is going to be able to call
 * @v: the VM
 * @kind: of thread
 * @own: the descriptor that it is there for, -1: none
 * @file: a disk's file, -1: none
 *
 * After confine_process(), for confine_thread(). NULL, told, if it cannot be made. Without --confine it is
 * empty, and then nothing is done with it.
 */
struct filter *confine_filter(struct vmm *v, enum thread_kind kind, int own, int file)
{
	static struct filter none;
	struct descriptors d = { own, file, v };
	struct filter *f = NULL;
	scmp_filter_ctx ctx;

	if (!v->cfg->confine)
		return &none;
	ctx = make(kind, &d);
	if (ctx) {
		f = export(ctx);
		seccomp_release(ctx);
	}
	if (!f)
		error("cannot make a list of system calls: %s", strerror(errno));
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

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int listener[VMM_MAX_THREADS];			/* lock */
static int reported, failures;				/* lock */
static enum { CLOSED, OPEN, NEVER } gate;		/* lock */

/**
 * confine_thread - from now on this thread can call what is on its list
 * @f: its own
 *
 * Its listener is for confine_wait(). 0, or -1, told.
 */
int confine_thread(struct filter *f)
{
	int fd;

	if (!f->n)
		return 0;	/* nobody has asked for it; and of such threads there may be any number */
	fd = load(f);
	if (fd == -1)
		error("cannot confine a thread: %s", strerror(errno));
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

	if (fd >= 0)
		close(fd);
	return err;
}

/**
 * confine_wait - all other threads are confined
 * @v: the VM
 * @threads: how many there are
 *
 * 0, or -1, told.
 */
int confine_wait(struct vmm *v, int threads)
{
	int err = 0;

	if (!v->cfg->confine)
		return 0;
	pthread_mutex_lock(&lock);
	while (reported < threads)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	if (failures)
		return -1;	/* they have told */
	for (int i = 0; !err && i < threads; i++)
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
	struct filter *f = confine_filter(v, THREAD_MAIN, -1, -1);
	int fd = NO_LISTENER, err = f ? 0 : -1;

	if (!err && f->n) {
		err = jail_spare(SPARE);
		fd = err ? -1 : load(f);
		err = fd == -1 ? -1 : hand_over(v, fd);
		if (err)
			error("cannot confine the VMM: %s", strerror(errno));
	}
	if (!err)
		confine_open(true);
	return err;
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
