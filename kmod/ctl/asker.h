/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * asker.h - who asks over netlink: what it may see, and from where it looks.
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
 * struct vh_asker - who asks; own thread
 */
struct vh_asker {
	bool admin;			/* CAP_SYS_ADMIN in the initial user namespace */
	kuid_t uid;			/* INVALID_UID: opener and sender differ */
	const struct cred *cred;	/* for ids in its user namespace */
	struct pid_namespace *pid_ns;
	struct cgroup_namespace *cgroup_ns;
	char *path;			/* PATH_MAX bytes */
};

/* The sender of @skb, current. 0 or -ENOMEM. */
int vh_asker_init(struct vh_asker *a, struct sk_buff *skb);
void vh_asker_exit(struct vh_asker *a);

static inline bool vh_asker_sees(const struct vh_asker *a, const struct vh_record *r)
{
	return a->admin || uid_eq(a->uid, r->uid);
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
