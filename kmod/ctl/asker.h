/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * asker.h - who asks: what it may see and govern, and from where it looks.
 *
 * What a task may see of a VM and do to it follows what it may do to the VM's
 * process: whoever may signal the one may govern the other. A VM without a
 * process is its owner's.
 *
 * A socket's opener and its sender may differ: the lesser right of both
 * counts, so that nobody gains from a privileged program that writes into a
 * socket handed to it.
 */
#ifndef VH_ASKER_H
#define VH_ASKER_H

#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/pid_namespace.h>
#include <linux/skbuff.h>

#include "registry.h"

/**
 * struct vh_right - over which VMs; const once made
 */
struct vh_right {
	bool admin;			/* CAP_SYS_ADMIN in the initial user namespace: all */
	bool stranger;			/* another user opened the socket, without that: none */
	const struct cred *cred;	/* the sender's */
	const struct cred *opener;	/* who opened the socket; NULL: the same */
	struct pid_namespace *pid_ns;	/* the sender's */
};

/* Why such a one gets -EPERM. */
#define VH_STRANGER	"another user opened this socket"

/* Of the current task, without a socket: 0 or -ENOMEM. */
int vh_right_of_current(struct vh_right *w);
void vh_right_copy(struct vh_right *to, const struct vh_right *from);
void vh_right_put(struct vh_right *w);

/* May it see and govern this VM? vh_registry_lock held, or the VM stays with its VMM. */
bool vh_right_sees(const struct vh_right *w, const struct vh_record *r);
/* Is the VM its own: made by this user, in this PID namespace? */
bool vh_right_owns(const struct vh_right *w, const struct vh_record *r);
/* May it be told of what happened to @r, or what @pid did? */
bool vh_right_hears(const struct vh_right *w, const struct vh_record *r, struct pid *pid,
		    kuid_t uid);
/* kill(2); -EPERM, -ESRCH. */
int vh_right_signal(const struct vh_right *w, struct pid *pid, int sig);

/**
 * struct vh_asker - who asks over netlink; own thread
 */
struct vh_asker {
	struct vh_right right;
	struct cgroup_namespace *cgroup_ns;
	char *path;			/* PATH_MAX bytes */
};

/* The sender of @skb, current. 0 or -ENOMEM. */
int vh_asker_init(struct vh_asker *a, struct sk_buff *skb);
void vh_asker_exit(struct vh_asker *a);
void vh_asker_rests(struct vh_asker *a);	/* between the parts of a dump */
int vh_asker_goes_on(struct vh_asker *a);

/* Who it is, as an owner; INVALID_UID: two. */
static inline kuid_t vh_asker_uid(const struct vh_asker *a)
{
	return a->right.stranger ? INVALID_UID : a->right.cred->euid;
}

static inline bool vh_asker_sees(const struct vh_asker *a, const struct vh_record *r)
{
	return vh_right_sees(&a->right, r);
}

/* The VM of this id if the asker may see it, or NULL; vh_registry_lock held. */
static inline struct vh_record *vh_asker_vm(const struct vh_asker *a, u32 id)
{
	struct vh_record *r = vh_record_by_id(id);

	return r && vh_asker_sees(a, r) ? r : NULL;
}

/* The path of a cgroup from the asker's cgroup namespace, or NULL. Process context. */
const char *vh_asker_path(struct vh_asker *a, struct cgroup *cgrp);
/* Is the cgroup at or below the root of the asker's cgroup namespace? */
bool vh_asker_in_namespace(const struct vh_asker *a, struct cgroup *cgrp);

/* --- file descriptors as proof --- */

/*
 * @fd is cgroup.procs of some cgroup v2, open for writing: that cgroup with a
 * reference, or ERR_PTR(-EBADF, -EACCES, -ENOENT).
 */
struct cgroup *vh_cgroup_of_procs_fd(int fd);
/* 0 when @fd is cgroup.procs of @cgrp, open for writing; -EBADF, -EACCES. */
int vh_check_procs_fd(int fd, struct cgroup *cgrp);
/* 0 when @fd is /dev/vh; -EBADF. */
int vh_check_device_fd(int fd);
/* Is this file /dev/vh? Installed by dev.c before the family is there. */
extern bool (*vh_is_device)(const struct file *file) __ro_after_init;

#endif /* VH_ASKER_H */
