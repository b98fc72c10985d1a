/* SPDX-License-Identifier: GPL-2.0-only */
/* quota.h - what users have and may have, and which limit struck. */
#ifndef QUOTA_H
#define QUOTA_H

#include "nl.h"

struct user {
	bool all;			/* what every user may have */
	uint32_t uid;
	uint64_t usage[VH_QUOTA_SOCKETS + 1], limit[VH_QUOTA_SOCKETS + 1],
		 refused[VH_QUOTA_SOCKETS + 1];
};

const char *quota_name(int quota);
/* @each: what every user may have, then all users that are seen. 0 or -errno. */
int users_get(struct nl *nl, void (*each)(const struct user *u, void *arg), void *arg);
/*
 * After EDQUOT: whose limit left no room for @more of a resource, in words; a
 * static buffer. Asks the kernel, and says less when that does not tell.
 */
const char *limit_words(enum vh_resource resource, uint64_t more);
/* The same of another's cgroup. */
const char *limit_words_of(const char *cgroup, enum vh_resource resource, uint64_t more);

#endif /* QUOTA_H */
