/* SPDX-License-Identifier: GPL-2.0-only */
/* userns.h - user namespaces. */
#ifndef USERNS_H
#define USERNS_H

#include <sys/types.h>

/* In one that is new, ids stay as they are: these, and no others. 0, or -1 with errno. */
int userns_map_ids(uid_t uid, gid_t gid);

#endif /* USERNS_H */
