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
#include <linux/slab.h>
#include <net/sock.h>

#include "../compat/compat.h"
#include "asker.h"

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
	const struct file *opener = sk && sk->sk_socket ? sk->sk_socket->file : NULL;

	a->path = kmalloc(PATH_MAX, GFP_KERNEL_ACCOUNT);
	if (!a->path)
		return -ENOMEM;
	/* netlink_capable() leaves the opener out when the sender names the destination. */
	a->admin = opener && file_ns_capable(opener, &init_user_ns, CAP_SYS_ADMIN) &&
		   netlink_capable(skb, CAP_SYS_ADMIN);
	a->uid = INVALID_UID;
	if (opener && uid_eq(opener->f_cred->euid, current_euid()))
		a->uid = current_euid();
	a->cred = get_current_cred();
	a->pid_ns = get_pid_ns(task_active_pid_ns(current));
	a->cgroup_ns = current->nsproxy->cgroup_ns;
	get_cgroup_ns(a->cgroup_ns);
	return 0;
}

/**
 * vh_asker_exit - drop what vh_asker_init() took
 * @a: the asker
 */
void vh_asker_exit(struct vh_asker *a)
{
	put_cgroup_ns(a->cgroup_ns);
	put_pid_ns(a->pid_ns);
	put_cred(a->cred);
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
	int n = cgroup_path_ns(cgrp, a->path, PATH_MAX, a->cgroup_ns);

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
