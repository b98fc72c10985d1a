// SPDX-License-Identifier: GPL-2.0-only
/*
 * asker.c - the rights and the namespaces of who asks.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kernfs.h>
#include <linux/magic.h>
#include <linux/netlink.h>
#include <linux/nsproxy.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <net/sock.h>

#include "../compat/compat.h"
#include "asker.h"

/* --- rights --- */

/* Credentials as they count: who may do everything may send signals. NULL: no memory. */
static const struct cred *counting(const struct cred *cred, bool admin)
{
	const struct cred *saved;
	struct cred *more;

	if (!admin || cap_raised(cred->cap_effective, CAP_KILL))
		return get_cred(cred);
	saved = override_creds(cred);
	more = prepare_creds();
	revert_creds(saved);
	if (more)
		cap_raise(more->cap_effective, CAP_KILL);
	return more;
}

/* Of the current task, by a socket (NULL: by none) that others may have opened. 0 or -ENOMEM. */
static int right_init(struct vh_right *w, const struct file *opener)
{
	bool admin = ns_capable_noaudit(&init_user_ns, CAP_SYS_ADMIN);
	bool opener_admin = !opener || file_ns_capable(opener, &init_user_ns, CAP_SYS_ADMIN);

	w->admin = admin && opener_admin;
	/* Of an opener only the credentials are known, not the namespaces. */
	w->stranger = !opener_admin && !uid_eq(opener->f_cred->euid, current_euid());
	w->opener = NULL;
	w->cred = counting(current_cred(), admin);
	if (!w->cred)
		return -ENOMEM;
	if (opener && opener->f_cred != current_cred()) {
		w->opener = counting(opener->f_cred, opener_admin);
		if (!w->opener) {
			put_cred(w->cred);
			return -ENOMEM;
		}
	}
	w->pid_ns = get_pid_ns(task_active_pid_ns(current));
	return 0;
}

/**
 * vh_right_of_current - the right of the current task
 * @w: to be filled in; vh_right_put()
 *
 * Process context. 0 or -ENOMEM.
 */
int vh_right_of_current(struct vh_right *w)
{
	return right_init(w, NULL);
}

/**
 * vh_right_copy - keep a right
 * @to: to be filled in; vh_right_put()
 * @from: a right
 */
void vh_right_copy(struct vh_right *to, const struct vh_right *from)
{
	*to = *from;
	get_cred(to->cred);
	get_cred(to->opener);	/* NULL is let be */
	get_pid_ns(to->pid_ns);
}

/**
 * vh_right_put - drop what a right holds
 * @w: the right
 *
 * Process context.
 */
void vh_right_put(struct vh_right *w)
{
	put_pid_ns(w->pid_ns);
	put_cred(w->opener);
	put_cred(w->cred);
}

/* Either of the asker's user ids is one of these, or it has CAP_KILL there; @cred is in force. */
static bool over_user(const struct cred *cred, kuid_t uid, kuid_t suid, struct user_namespace *ns)
{
	return uid_eq(cred->euid, uid) || uid_eq(cred->euid, suid) ||
	       uid_eq(cred->uid, uid) || uid_eq(cred->uid, suid) ||
	       ns_capable_noaudit(ns, CAP_KILL);
}

/*
 * kill(2) with these credentials. kill_pid() without privilege has the kernel
 * check them and ask the security modules, whose hook no module may call. But
 * it lets every process signal itself, whatever stands in for its own
 * credentials; so they are compared here first, which also keeps capabilities
 * that nobody has out of the audit log.
 */
static int signal_as(const struct cred *cred, struct pid *pid, int sig)
{
	const struct cred *saved, *of;
	struct task_struct *task;
	int err = -ESRCH;

	saved = override_creds(cred);
	rcu_read_lock();
	task = pid_task(pid, PIDTYPE_TGID);
	if (task) {
		of = __task_cred(task);
		err = over_user(cred, of->uid, of->suid, of->user_ns) ? 0 : -EPERM;
	}
	rcu_read_unlock();
	if (!err)
		err = kill_pid(pid, sig, 0);
	revert_creds(saved);
	return !err || err == -ESRCH ? err : -EPERM;
}

/**
 * vh_right_signal - send a process a signal
 * @w: whose right counts
 * @pid: of the thread group
 * @sig: the signal; 0 only asks
 *
 * As kill(2): 0, -EPERM, -ESRCH (it is gone).
 */
int vh_right_signal(const struct vh_right *w, struct pid *pid, int sig)
{
	int err = w->opener ? signal_as(w->opener, pid, 0) : 0;

	return err ? err : signal_as(w->cred, pid, sig);
}

static bool over_owner_as(const struct cred *cred, const struct vh_record *r)
{
	const struct cred *saved = override_creds(cred);
	bool may = over_user(cred, r->uid, r->uid, r->user_ns);

	revert_creds(saved);
	return may;
}

/* A VM without a process: what would hold for one of its owner's, where it was made. */
static bool over_owner(const struct vh_right *w, const struct vh_record *r)
{
	const struct pid_namespace *ns = r->pid_ns;

	while (ns && ns != w->pid_ns)
		ns = ns->parent;
	return (ns || w->admin) && (!w->opener || over_owner_as(w->opener, r)) &&
	       over_owner_as(w->cred, r);
}

/**
 * vh_right_hears - may it be told of what happened?
 * @w: whose right counts
 * @r: the record of a VM that it happened to, or NULL
 * @pid: the process that stood for the VM, or that did it; NULL: there was none
 * @uid: who did it, if there is no record
 *
 * Whoever sees the process and may signal it; when that is gone, the owner. Process context.
 */
bool vh_right_hears(const struct vh_right *w, const struct vh_record *r, struct pid *pid, kuid_t uid)
{
	int err = -ESRCH;

	if (w->stranger)
		return false;
	if (pid) {
		err = -EPERM;
		if (w->admin || pid_nr_ns(pid, w->pid_ns))
			err = vh_right_signal(w, pid, 0);
	}
	if (err != -ESRCH)
		return !err;
	return r ? over_owner(w, r) : w->admin || uid_eq(w->cred->euid, uid);
}

/**
 * vh_right_sees - may it see the VM, and govern it?
 * @w: whose right counts
 * @r: a record
 *
 * Whoever sees the VM's process and may signal it. Process context;
 * vh_registry_lock held, or the VM stays with its VMM.
 */
bool vh_right_sees(const struct vh_right *w, const struct vh_record *r)
{
	return vh_right_hears(w, r, vh_record_process(r), r->uid);
}

/**
 * vh_right_owns - did this user make the VM, in this PID namespace?
 * @w: whose right counts
 * @r: a record
 */
bool vh_right_owns(const struct vh_right *w, const struct vh_record *r)
{
	return uid_eq(w->cred->euid, r->uid) && w->pid_ns == r->pid_ns;
}

/* --- who asks over netlink --- */

/**
 * vh_asker_init - the sender of a message
 * @a: to be filled in
 * @skb: the message, being received by the kernel in the sender's context
 *
 * 0 or -ENOMEM.
 */
int vh_asker_init(struct vh_asker *a, struct sk_buff *skb)
{
	const struct sock *sk = NETLINK_CB(skb).sk;
	int err;

	a->path = kmalloc(PATH_MAX, GFP_KERNEL);
	if (!a->path)
		return -ENOMEM;
	/* The sender holds the file. */
	err = right_init(&a->right, sk->sk_socket->file);
	if (err) {
		kfree(a->path);
		return err;
	}
	a->cgroup_ns = current->nsproxy->cgroup_ns;
	get_cgroup_ns(a->cgroup_ns);
	return 0;
}

/**
 * vh_asker_rests - nothing is asked until vh_asker_goes_on()
 * @a: the asker
 *
 * vh_asker_path() has no answer meanwhile.
 */
void vh_asker_rests(struct vh_asker *a)
{
	kfree(a->path);
	a->path = NULL;
}

/**
 * vh_asker_goes_on - after vh_asker_rests()
 * @a: the asker
 *
 * Process context. 0 or -ENOMEM.
 */
int vh_asker_goes_on(struct vh_asker *a)
{
	if (!a->path)
		a->path = kmalloc(PATH_MAX, GFP_KERNEL);
	return a->path ? 0 : -ENOMEM;
}

/**
 * vh_asker_exit - drop what vh_asker_init() took
 * @a: the asker
 */
void vh_asker_exit(struct vh_asker *a)
{
	put_cgroup_ns(a->cgroup_ns);
	vh_right_put(&a->right);
	kfree(a->path);
}

/**
 * vh_asker_path - the path of a cgroup as the asker sees it
 * @a: the asker; the answer is valid until the next call
 * @cgrp: of the default hierarchy
 *
 * Process context. NULL when it is too long.
 */
const char *vh_asker_path(struct vh_asker *a, struct cgroup *cgrp)
{
	/* Not cgroup_path_ns(): it waits for whoever changes cgroups. */
	int n = kernfs_path_from_node(cgrp->kn, a->cgroup_ns->root_cset->dfl_cgrp->kn, a->path,
				      PATH_MAX);

	return n > 0 && n < PATH_MAX ? a->path : NULL;
}

/**
 * vh_asker_in_namespace - is a cgroup inside the asker's cgroup namespace?
 * @a: the asker
 * @cgrp: of the default hierarchy
 */
bool vh_asker_in_namespace(const struct vh_asker *a, struct cgroup *cgrp)
{
	return cgroup_is_descendant(cgrp, a->cgroup_ns->root_cset->dfl_cgrp);
}

/* The kernfs node of a writable cgroup v2 file, or ERR_PTR. The file stays open meanwhile. */
static struct kernfs_node *procs_node(const struct file *file)
{
	if (file_inode(file)->i_sb->s_magic != CGROUP2_SUPER_MAGIC ||
	    !S_ISREG(file_inode(file)->i_mode))
		return ERR_PTR(-EBADF);
	if (!(file->f_mode & FMODE_WRITE))
		return ERR_PTR(-EACCES);
	return file_inode(file)->i_private;
}

/**
 * vh_cgroup_of_procs_fd - the cgroup whose cgroup.procs is open for writing
 * @fd: descriptor of the current task
 *
 * Process context. The cgroup with a reference, ERR_PTR(-EBADF) when it is no
 * such file, ERR_PTR(-EACCES) when it is not open for writing, ERR_PTR(-ENOENT)
 * when the cgroup is gone or outside the current cgroup namespace.
 */
struct cgroup *vh_cgroup_of_procs_fd(int fd)
{
	struct file *file = fget(fd);
	struct kernfs_node *kn;
	struct cgroup *cgrp;

	if (!file)
		return ERR_PTR(-EBADF);
	kn = procs_node(file);
	if (IS_ERR(kn)) {
		cgrp = ERR_CAST(kn);
	} else {
		cgrp = cgroup_get_from_id(vh_kernfs_parent_id(kn));
		if (!IS_ERR(cgrp) && cgrp->procs_file.kn != kn) {
			cgroup_put(cgrp);
			cgrp = ERR_PTR(-EBADF);
		}
	}
	fput(file);
	return cgrp;
}

/**
 * vh_check_procs_fd - is this cgroup.procs of @cgrp, open for writing?
 * @fd: descriptor of the current task
 * @cgrp: the cgroup, with a reference of the caller's
 *
 * Process context. 0, -EBADF or -EACCES.
 */
int vh_check_procs_fd(int fd, struct cgroup *cgrp)
{
	struct file *file = fget(fd);
	struct kernfs_node *kn;
	int err = -EBADF;

	if (!file)
		return err;
	kn = procs_node(file);
	if (IS_ERR(kn))
		err = PTR_ERR(kn);
	else if (kn == cgrp->procs_file.kn)
		err = 0;
	fput(file);
	return err;
}

bool (*vh_is_device)(const struct file *file) __ro_after_init;

/**
 * vh_check_device_fd - is this /dev/vh?
 * @fd: descriptor of the current task
 *
 * Process context. 0 or -EBADF.
 */
int vh_check_device_fd(int fd)
{
	struct file *file = fget(fd);
	int err = file && vh_is_device(file) ? 0 : -EBADF;

	if (file)
		fput(file);
	return err;
}
