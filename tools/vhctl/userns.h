/* SPDX-License-Identifier: GPL-2.0-only */
/* userns.h - user namespaces. */
#ifndef USERNS_H
#define USERNS_H

#include <stdbool.h>
#include <sys/types.h>

/* In one that is new, ids stay as they are: these, and no others. 0, or -1 with errno. */
int userns_map_ids(uid_t uid, gid_t gid);

/*
 * In that of another process, a child, 0 is this user, and further ids are those that /etc/subuid and /etc/subgid
 * give it, when newuidmap(1) is there. *@more: there are such. 0, or -1 with errno.
 */
int userns_map_root(pid_t pid, bool *more);

#endif /* USERNS_H */
