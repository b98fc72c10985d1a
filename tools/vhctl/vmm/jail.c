// SPDX-License-Identifier: GPL-2.0-only
/*
 * jail.c - what the VMM's process is left with before its guest runs: the descriptors on a list, an empty
 * root that is only read, no network, no capabilities, nothing to gain by exec.
 *
 * It has no PID namespace of its own. The kernel's registry knows a VM by its user and the PID namespace
 * where it was made (docs/security.md): in another one, it would not be its user's any more by name, and
 * a user could not start what he created. The lists of confine.c have no call that names another process.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "userns.h"
#include "vhctl.h"
#include "vmm/confine.h"
#include "vmm/supervise.h"
#include "vmm/vmm.h"

#define NAMESPACES	(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWNET)

/* --- descriptors --- */

static bool keeping;	/* const once there are threads; false: nothing is closed */
static int *kept;
static int nr_kept;
static int first_free;	/* behind all that stay */

/**
 * confine_keep_from_now - the VMM is going to be confined
 */
void confine_keep_from_now(void)
{
	keeping = true;
}

/**
 * confine_keep - a descriptor stays open
 * @fd: it
 *
 * Before confine_process(), which closes all others. If that is not to come, at any time: nothing is done.
 */
void confine_keep(int fd)
{
	if (fd < 0 || !keeping)
		return;
	kept = realloc(kept, (nr_kept + 1) * sizeof(*kept));
	if (!kept)
		abort();
	kept[nr_kept++] = fd;
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Standard input, output and error stay too. */
static int close_others(void)
{
	int next = STDERR_FILENO + 1;

	qsort(kept, nr_kept, sizeof(*kept), by_number);
	for (int i = 0; i < nr_kept; i++) {
		if (kept[i] > next && close_range(next, kept[i] - 1, 0))
			return -1;
		if (kept[i] >= next)
			next = kept[i] + 1;
	}
	first_free = next;
	return close_range(next, ~0u, 0);
}

/**
 * jail_spare - at most so many descriptors more than there were at confine_process()
 * @n: how many; fewer where there is a limit already
 *
 * 0, or -1 with errno.
 */
int jail_spare(int n)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return -1;
	if (files.rlim_max > (rlim_t)first_free + n)
		files.rlim_max = first_free + n;
	files.rlim_cur = files.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &files);
}

/* --- namespaces and root --- */

/* False with errno: there are none to be had. */
static bool own_namespaces(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (!unshare(NAMESPACES))
		return true;
	return errno == EPERM && !unshare(CLONE_NEWUSER | NAMESPACES) && !userns_map_ids(uid, gid);
}

/* Any folder that is there can have it on top. */
static int mount_empty(void)
{
	static const char *const places[] = { "/proc", "/sys", "/dev", "/tmp" };

	for (unsigned int i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (!mount("vhctl", places[i], "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
			   "size=4k,nr_inodes=2,mode=555"))
			return chdir(places[i]);
	return -1;
}

/*
 * An empty tmpfs is the root, and nothing else is mounted. Where the root is the kernel's first one,
 * which pivot_root(2) does not move, it stays below, and there is no way to it but by a descriptor.
 */
static int empty_root(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount_empty())
		return -1;
	if (!syscall(SYS_pivot_root, ".", "."))
		return umount2(".", MNT_DETACH) || chdir("/") ? -1 : 0;
	return mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/") ? -1 : 0;
}

/* --- privileges --- */

/* exec gives none */
static int no_new_privileges(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* Who has no right to take them from what exec may give has no_new_privs for it. */
static int no_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { };

	for (int i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
		prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &head, none);
}

/* What is in memory is in no file. */
static int no_core(void)
{
	struct rlimit none = { 0, 0 };

	return setrlimit(RLIMIT_CORE, &none);
}

/* --- all of it --- */

/* There is nothing wrong with the VM: some hosts do not give it. What is on no list cannot be called there either. */
static void lacks(const char *what)
{
	error("the VMM runs without %s: %s; that takes root or user namespaces "
	      "(sysctl kernel.unprivileged_userns_clone, user.max_user_namespaces)",
	      what, strerror(errno));
}

static int failed(const char *what)
{
	error("cannot confine the VMM: %s: %s", what, strerror(errno));
	return -1;
}

/**
 * confine_process - the VMM has only what it needs from now on
 * @v: the VM, with all that it opens opened, and no threads yet
 *
 * Its memory is the guest's: no process of the same user may look into it. There are no limits of
 * processes and of files' sizes: io_uring's workers count as processes, and a disk, a log or what the
 * console is redirected to has the size that it has. 0, or -1, told.
 */
int confine_process(struct vmm *v)
{
	if (!v->cfg->confine)
		return 0;
	if (!own_namespaces())
		lacks("namespaces of its own (mount, IPC, network)");
	else if (empty_root())
		lacks("an empty root");
	if (close_others())
		return failed("closing descriptors");
	if (no_core() || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return failed("no core dumps");
	if (no_new_privileges() || no_capabilities())
		return failed("dropping capabilities");
	/* Cleared by a change of credentials, says prctl(2). Its parent may be gone already. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) || supervise_alone(v->channel))
		return failed("nobody waits for it");
	return 0;
}
