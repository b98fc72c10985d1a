// SPDX-License-Identifier: GPL-2.0-only
/*
 * lists.c - what the threads of the VMM may call once it is confined: a list for each kind, which libseccomp makes a
 * filter of (seccomp(2)). All else is not done: supervise.c ends the VMM.
 *
 * A filter sees numbers and not what pointers point to: where a call names a descriptor, a command or a process the
 * list says which, unless each that the VMM has will do. Requests that io_uring carries are none of these calls; a
 * disk's ring has a list of its own (blk_ring.c).
 */
#include <errno.h>
#include <liburing.h>
#include <linux/fs.h>
#include <linux/if_tun.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <linux/vh.h>
#include <linux/vhost.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "vmm/confine.h"
#include "vmm/lists.h"
#include "vmm/vmm.h"

struct rule {
	int call;
	enum which first;
	uint32_t second;	/* argument: of ioctl the request. 0: any, for the others */
};

/*
 * What every thread needs of the C library: memory (one arena: vmm_run()), locks, messages, time
 * where the vDSO has none, sleep, the end. Its output goes to eventfds, too.
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
	{ SCMP_SYS(clock_nanosleep), ANY, 0 },
	{ SCMP_SYS(gettimeofday), ANY, 0 },
	{ SCMP_SYS(time), ANY, 0 },
	{ SCMP_SYS(getpid), ANY, 0 },
	{ SCMP_SYS(gettid), ANY, 0 },
	{ SCMP_SYS(tgkill), ITSELF, 0 },
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

/* One that was ejected begins anew when it comes back. */
static const struct rule vcpu_comes[] = {
	{ SCMP_SYS(ioctl), OWN, KVM_SET_MP_STATE },
};

/* One that may come is made, under the number of @own, and then has the list of those that there are. */
static const struct rule spare[] = {
	{ SCMP_SYS(ioctl), VM, KVM_CREATE_VCPU },
	{ SCMP_SYS(ioctl), OWN, KVM_SET_CPUID2 },
	{ SCMP_SYS(ioctl), OWN, KVM_GET_MSRS },
	{ SCMP_SYS(ioctl), OWN, KVM_SET_MSRS },
	{ SCMP_SYS(dup3), ANY, 0 },			/* add_special() */
	{ SCMP_SYS(close), ANY, 0 },
	{ SCMP_SYS(seccomp), ANY, 0 },			/* add_special(): less than it has */
};

/* The last four, and image: when the guest has ejected it. */
static const struct rule disk[] = {
	{ SCMP_SYS(io_uring_enter), OWN, 0 },
	{ SCMP_SYS(pread64), SERVED, 0 },
	{ SCMP_SYS(pwrite64), SERVED, 0 },
	{ SCMP_SYS(lseek), SERVED, 0 },
	{ SCMP_SYS(ioctl), SERVED, BLKDISCARD },
	{ SCMP_SYS(shutdown), SERVED, 0 },		/* it is the connection to who serves an image */
	{ SCMP_SYS(io_uring_register), OWN, IORING_REGISTER_SYNC_CANCEL },
	{ SCMP_SYS(ioctl), VM, KVM_IRQFD },
	{ SCMP_SYS(close), ANY, 0 },
};

/* Ends who serves an image, a folder or a network: there is no other process of which the VMM has a descriptor. */
static const struct rule image[] = {
	{ SCMP_SYS(pidfd_send_signal), ANY, 0 },		/* add_special() */
	{ SCMP_SYS(waitid), ANY, 0 },			/* add_special() */
};

/* The kernel serves queues: what it is told, in whose thread the guest does something that changes it. */
static const struct rule vhost[] = {
	{ SCMP_SYS(ioctl), ANY, VHOST_SET_FEATURES },
	{ SCMP_SYS(ioctl), ANY, VHOST_SET_MEM_TABLE },
	{ SCMP_SYS(ioctl), ANY, VHOST_SET_VRING_NUM },
	{ SCMP_SYS(ioctl), ANY, VHOST_SET_VRING_BASE },
	{ SCMP_SYS(ioctl), ANY, VHOST_SET_VRING_ADDR },
	{ SCMP_SYS(ioctl), ANY, VHOST_SET_VRING_KICK },
	{ SCMP_SYS(ioctl), ANY, VHOST_SET_VRING_CALL },
	{ SCMP_SYS(ioctl), ANY, VHOST_SET_VRING_ERR },
};

/* It begins to, and ends: that also when a queue makes no sense, a network is ejected, and the VM ends. */
static const struct rule vhost_net[] = {
	{ SCMP_SYS(ioctl), ANY, VHOST_NET_SET_BACKEND },
};

static const struct rule vhost_vsock[] = {
	{ SCMP_SYS(ioctl), ANY, VHOST_VSOCK_SET_RUNNING },
};

static const struct rule tap[] = {
	{ SCMP_SYS(ioctl), ANY, TUNSETQUEUE },
	{ SCMP_SYS(ioctl), ANY, TUNSETOFFLOAD },
};

/* What watch.c is told to wait for. */
static const struct rule watched[] = {
	{ SCMP_SYS(epoll_ctl), ANY, 0 },
};

/* The last two, image and passt: of a network that the guest has ejected. */
static const struct rule watch[] = {
	{ SCMP_SYS(epoll_wait), OWN, 0 },
	{ SCMP_SYS(ioctl), ANY, SIOCGIFNAME },		/* net_link.c */
	{ SCMP_SYS(ioctl), ANY, SIOCGIFFLAGS },
	{ SCMP_SYS(ioctl), VM, KVM_IRQFD },
	{ SCMP_SYS(close), ANY, 0 },
};

static const struct rule net[] = {
	{ SCMP_SYS(sendto), OWN, 0 },
	{ SCMP_SYS(recvfrom), OWN, 0 },
	{ SCMP_SYS(close), OWN, 0 },
};

/* With who serves a shared folder it talks over a socket. */
static const struct rule share[] = {
	{ SCMP_SYS(sendmsg), OWN, 0 },
	{ SCMP_SYS(recvfrom), OWN, 0 },
	{ SCMP_SYS(close), ANY, 0 },
};

static const struct rule pmem[] = {
	{ SCMP_SYS(fdatasync), SERVED, 0 },
};

/* Memory that comes and goes has memslots. */
static const struct rule mem[] = {
	{ SCMP_SYS(ioctl), VM, KVM_SET_USER_MEMORY_REGION },
};

static const struct rule vhost_table[] = {
	{ SCMP_SYS(ioctl), ANY, VHOST_SET_MEM_TABLE },
};

/* Its socket is to the module: is the VM paused, and pause it. */
static const struct rule watchdog[] = {
	{ SCMP_SYS(sendmsg), OWN, 0 },
	{ SCMP_SYS(recvmsg), OWN, 0 },
	{ SCMP_SYS(ioctl), VM, VH_GET_VM_ID },
};

/* The console, the end of the vCPUs and devices, and figures at the end. */
static const struct rule main_thread[] = {
	{ SCMP_SYS(ioctl), VM, KVM_IRQ_LINE },
	{ SCMP_SYS(ioctl), ANY, VH_GET_EXIT_STATS },
	{ SCMP_SYS(accept4), LISTENER, 0 },
	{ SCMP_SYS(sendmsg), CHANNEL, 0 },
	{ SCMP_SYS(close), ANY, 0 },
};

static const struct rule terminal[] = {
	{ SCMP_SYS(ioctl), ANY, TIOCGWINSZ },
};

/* A network of passt's is ended with what it has sent. */
static const struct rule passt[] = {
	{ SCMP_SYS(shutdown), ANY, 0 },
	{ SCMP_SYS(recvfrom), ANY, 0 },
};

/* Its alarms and ticks are interrupts; it sleeps with a lock. */
static const struct rule clock_thread[] = {
	{ SCMP_SYS(ioctl), VM, KVM_IRQ_LINE },
};

/* Requests come from supervise.c. */
static const struct rule control[] = {
	{ SCMP_SYS(recvmsg), OWN, 0 },
	{ SCMP_SYS(sendmsg), OWN, 0 },
	{ SCMP_SYS(ioctl), VM, KVM_IRQ_LINE },
	{ SCMP_SYS(getrandom), ANY, 0 },
	{ SCMP_SYS(close), ANY, 0 },
};

/*
 * Plugging: eventfds, a thread, and all that a disk's or a network's thread may call, for it can have no more than who
 * made it. A disk's ring comes from supervise.c, which answers io_uring_setup(2), is mapped here, and takes files that
 * there are. What serves a tap is told whose memory it is. The first network has the thread of watch.c begin.
 */
static const struct rule plug[] = {
	{ SCMP_SYS(eventfd2), ANY, 0 },
	{ SCMP_SYS(clone), ANY, 0 },			/* add_special() */
	{ SCMP_SYS(clone3), ANY, 0 },			/* the same */
	{ SCMP_SYS(mprotect), ANY, 0 },			/* the same: the new one's stack */
	{ SCMP_SYS(set_robust_list), ANY, 0 },
	{ SCMP_SYS(rseq), ANY, 0 },
	{ SCMP_SYS(prctl), ANY, 0 },			/* add_special(): its name */
	{ SCMP_SYS(seccomp), ANY, 0 },			/* add_special(): less than it has */
	{ SCMP_SYS(io_uring_register), ANY, IORING_REGISTER_FILES },
	{ SCMP_SYS(io_uring_register), ANY, IORING_REGISTER_SYNC_CANCEL },
	{ SCMP_SYS(io_uring_enter), ANY, 0 },
	{ SCMP_SYS(pread64), ANY, 0 },
	{ SCMP_SYS(pwrite64), ANY, 0 },
	{ SCMP_SYS(lseek), ANY, 0 },
	{ SCMP_SYS(shutdown), ANY, 0 },
	{ SCMP_SYS(ioctl), ANY, BLKDISCARD },
	{ SCMP_SYS(ioctl), VM, KVM_IRQFD },
	{ SCMP_SYS(ioctl), VM, KVM_IOEVENTFD },		/* of one that could not be made */
	{ SCMP_SYS(ioctl), ANY, VHOST_SET_OWNER },
	{ SCMP_SYS(sendto), ANY, 0 },
	{ SCMP_SYS(epoll_wait), ANY, 0 },
	{ SCMP_SYS(ioctl), ANY, SIOCGIFNAME },
	{ SCMP_SYS(ioctl), ANY, SIOCGIFFLAGS },
};

/* A file that was cut has zeroes put in its place, whoever meets its end first (pmem.c). */
static const struct rule mends[] = {
	{ SCMP_SYS(lseek), ANY, 0 },
	{ SCMP_SYS(sched_yield), ANY, 0 },
};

/* It has, or may get, disks and networks, of which some are served by the kernel. */
static bool has_pci(const struct vmm *v)
{
	return v->pci;
}

static bool has_vsock(const struct vmm *v)
{
	return v->cfg->vsock_cid;
}

/* vCPUs come and go. */
static bool has_spare(const struct vmm *v)
{
	return v->cfg->cpus_max;
}

static bool has_hvc(const struct vmm *v)
{
	return v->cfg->virtio_console;
}

/* The kinds of threads: each with its name, the call that it makes most often, and what it may call beside all. */
static const struct list {
	const char *name;
	int most;
	struct {
		const struct rule *rules;
		int n;
		bool (*has)(const struct vmm *v);	/* NULL: each VM */
	} set[9];
} lists[THREAD_KINDS] = {
#define SET(a, has) { a, sizeof(a) / sizeof((a)[0]), has }
	[THREAD_MAIN] = { "vhctl", SCMP_SYS(poll), {
		SET(main_thread, NULL), SET(terminal, has_hvc), SET(image, has_pci), SET(passt, has_pci),
		SET(vhost_net, has_pci), SET(vhost_vsock, has_vsock), SET(watched, has_pci) } },
	[THREAD_VCPU] = { "vcpu", SCMP_SYS(ioctl), {
		SET(vcpu, NULL), SET(vcpu_comes, has_spare), SET(vhost, has_pci), SET(vhost_net, has_pci),
		SET(vhost_vsock, has_vsock), SET(tap, has_pci), SET(watched, has_pci) } },
	[THREAD_SPARE] = { "vcpu", SCMP_SYS(ioctl), {
		SET(spare, NULL), SET(vcpu, NULL), SET(vcpu_comes, NULL), SET(vhost, has_pci), SET(vhost_net, has_pci),
		SET(vhost_vsock, has_vsock), SET(tap, has_pci), SET(watched, has_pci) } },
	[THREAD_DISK] = { "disk", SCMP_SYS(io_uring_enter), { SET(disk, NULL), SET(image, NULL) } },
	[THREAD_CLOCK] = { "clock", SCMP_SYS(futex), { SET(clock_thread, NULL) } },
	[THREAD_WATCH] = { "watch", SCMP_SYS(epoll_wait), {
		SET(watch, NULL), SET(watched, NULL), SET(vhost_net, NULL), SET(vhost_vsock, has_vsock), SET(tap, NULL), SET(image, NULL),
		SET(passt, NULL) } },
	[THREAD_NET] = { "net", SCMP_SYS(poll), { SET(net, NULL) } },
	[THREAD_BALLOON] = { "balloon", SCMP_SYS(madvise), { } },
	[THREAD_HVC] = { "hvc", SCMP_SYS(poll), { } },
	[THREAD_SHARE] = { "share", SCMP_SYS(poll), { SET(share, NULL), SET(image, NULL) } },
	[THREAD_PMEM] = { "pmem", SCMP_SYS(poll), { SET(pmem, NULL) } },
	[THREAD_MEM] = { "memory", SCMP_SYS(madvise), { SET(mem, NULL), SET(vhost_table, has_pci) } },
	[THREAD_WATCHDOG] = { "watchdog", SCMP_SYS(futex), { SET(watchdog, NULL) } },
	[THREAD_CONTROL] = { "control", SCMP_SYS(poll), {
		SET(control, NULL), SET(plug, has_pci), SET(image, has_pci), SET(passt, has_pci), SET(watched, has_pci),
		SET(vhost_net, has_pci), SET(vhost_vsock, has_vsock), SET(tap, has_pci) } },
};

/**
 * confine_name - of a thread
 * @kind: of it
 */
const char *confine_name(enum thread_kind kind)
{
	return lists[kind].name;
}

/* --- a filter --- */

/* What stands for it in the filter of a kind; false: this VM has none. */
static bool value_of(const struct vmm *v, enum which which, uint32_t *value)
{
	*value = PLACE(which);
	return which == LISTENER ? v->cfg->listen_fd >= 0 : which == CHANNEL ? v->channel >= 0 : true;
}

#define MASKED(arg, mask, value)	SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, mask, value)
#define ALLOW(f, call, ...)		seccomp_rule_add_array(f, SCMP_ACT_ALLOW, call, \
		sizeof((struct scmp_arg_cmp[]){ __VA_ARGS__ }) / sizeof(struct scmp_arg_cmp), (struct scmp_arg_cmp[]){ __VA_ARGS__ })
/* As pthread_create() has them */
#define THREAD_FLAGS	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_SIGHAND | CLONE_THREAD | CLONE_SETTLS | \
			 CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)
#define NOT_RW		(~(uint64_t)(PROT_READ | PROT_WRITE))

/* Memory: of nobody's file, or a thread's stack, a ring, or its vCPU's; none is to be executed, ever. */
static int add_mmap(scmp_filter_ctx f, bool plugs, bool mends, bool maps_own)
{
	uint64_t more = MAP_NORESERVE | (mends ? MAP_FIXED : 0) | (plugs ? MAP_STACK : 0);
	int err = ALLOW(f, SCMP_SYS(mmap), MASKED(2, NOT_RW, 0), MASKED(3, ~more, MAP_PRIVATE | MAP_ANONYMOUS),
			MASKED(4, 0xffffffff, 0xffffffff));

	if (!err && maps_own)
		err = ALLOW(f, SCMP_SYS(mmap), MASKED(2, NOT_RW, 0), SCMP_A3(SCMP_CMP_EQ, MAP_SHARED),
			    MASKED(4, 0xffffffff, PLACE(OWN)));
	if (err || !plugs)
		return err;
	return ALLOW(f, SCMP_SYS(mmap), MASKED(2, NOT_RW, 0), SCMP_A3(SCMP_CMP_EQ, MAP_SHARED | MAP_POPULATE));
}

/*
 * Giving memory back, large pages where the C library is told to use them (glibc.malloc.hugetlb); of a thread's
 * making the C library has a second way when the first is not there, whose arguments are to be seen.
 * 1: it is a call like others.
 */
static int add_special(scmp_filter_ctx f, const struct vmm *v, enum thread_kind kind, int call)
{
	int err;

	switch (call) {
	case SCMP_SYS(madvise):
		err = ALLOW(f, call, SCMP_A2(SCMP_CMP_EQ, MADV_DONTNEED));
		if (!err && kind == THREAD_BALLOON && v->memory_fd >= 0)
			err = ALLOW(f, call, SCMP_A2(SCMP_CMP_EQ, MADV_REMOVE));	/* of memory that is shared */
		return err ? err : ALLOW(f, call, SCMP_A2(SCMP_CMP_EQ, MADV_HUGEPAGE));
	case SCMP_SYS(mmap):
		return add_mmap(f, kind == THREAD_CONTROL, v->cfg->pmems, kind == THREAD_SPARE);
	case SCMP_SYS(dup3):
		return ALLOW(f, call, SCMP_A1(SCMP_CMP_EQ, PLACE(OWN)));
	case SCMP_SYS(mprotect):
		return ALLOW(f, call, MASKED(2, NOT_RW, 0));
	case SCMP_SYS(clone):
		return ALLOW(f, call, SCMP_A0(SCMP_CMP_EQ, THREAD_FLAGS));
	case SCMP_SYS(clone3):
		return seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), call, 0);
	case SCMP_SYS(prctl):
		return ALLOW(f, call, SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
	case SCMP_SYS(seccomp):
		return ALLOW(f, call, SCMP_A0(SCMP_CMP_EQ, SECCOMP_SET_MODE_FILTER));
	case SCMP_SYS(pidfd_send_signal):	/* it ends them, and does not stop them */
		err = ALLOW(f, call, SCMP_A1(SCMP_CMP_EQ, SIGTERM), SCMP_A2(SCMP_CMP_EQ, 0), SCMP_A3(SCMP_CMP_EQ, 0));
		return err ? err : ALLOW(f, call, SCMP_A1(SCMP_CMP_EQ, SIGKILL), SCMP_A2(SCMP_CMP_EQ, 0), SCMP_A3(SCMP_CMP_EQ, 0));
	case SCMP_SYS(waitid):
		return ALLOW(f, call, SCMP_A0(SCMP_CMP_EQ, P_PIDFD));
	}
	return 1;
}

static int add(scmp_filter_ctx f, const struct vmm *v, enum thread_kind kind, const struct rule *r)
{
	int err = add_special(f, v, kind, r->call);
	uint32_t first;

	if (err <= 0)
		return err;
	if (r->first == ANY)
		return r->second ? ALLOW(f, r->call, SCMP_A1(SCMP_CMP_EQ, r->second)) :
				   seccomp_rule_add(f, SCMP_ACT_ALLOW, r->call, 0);
	if (!value_of(v, r->first, &first))
		return 0;
	return r->second ? ALLOW(f, r->call, SCMP_A0(SCMP_CMP_EQ, first), SCMP_A1(SCMP_CMP_EQ, r->second)) :
			   ALLOW(f, r->call, SCMP_A0(SCMP_CMP_EQ, first));
}

/**
 * list_make - all that a kind of thread may call
 * @v: the VM
 * @kind: of thread
 *
 * What is a thread's own stands as PLACE() there. NULL with errno.
 */
scmp_filter_ctx list_make(const struct vmm *v, enum thread_kind kind)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_NOTIFY);
	int err = f ? seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) : -ENOMEM;
	const struct list *l = &lists[kind];

	for (unsigned int i = 0; !err && i < sizeof(all) / sizeof(all[0]); i++)
		err = add(f, v, kind, &all[i]);
	for (unsigned int i = 0; !err && v->cfg->pmems && i < sizeof(mends) / sizeof(mends[0]); i++)
		err = add(f, v, kind, &mends[i]);
	for (unsigned int s = 0; s < sizeof(l->set) / sizeof(l->set[0]); s++)
		for (int i = 0; !err && i < l->set[s].n && (!l->set[s].has || l->set[s].has(v)); i++)
			err = add(f, v, kind, &l->set[s].rules[i]);
	if (!err)
		err = seccomp_syscall_priority(f, l->most, 255);
	if (!err)
		return f;
	seccomp_release(f);
	errno = -err;
	return NULL;
}
