// SPDX-License-Identifier: GPL-2.0-only
/* quota.c - limits of users, and the one of a user or a cgroup that struck. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "out.h"
#include "parse.h"
#include "quota.h"

static const char *const names[] = { "vms", "defined", "reserved", "sockets" };

const char *quota_name(int quota)
{
	return quota >= 0 && quota <= VH_QUOTA_SOCKETS ? names[quota] : "unknown";
}

static void figures(struct nlattr *nest, uint64_t *v)
{
	struct nlattr *a[VH_A_QUOTA_MAX + 1];

	if (!nest || nla_parse_nested(a, VH_A_QUOTA_MAX, nest, NULL))
		return;
	for (int q = 0; q <= VH_QUOTA_SOCKETS; q++)
		if (a[VH_A_QUOTA_VMS + q] && nla_len(a[VH_A_QUOTA_VMS + q]) >= 8)
			v[q] = nla_get_u64(a[VH_A_QUOTA_VMS + q]);
}

struct visit {
	void (*each)(const struct user *u, void *arg);
	void *arg;
};

static void on_user(struct nlmsghdr *h, void *arg)
{
	struct nlattr *a[VH_A_USER_MAX + 1];
	struct visit *v = arg;
	struct user u = { };

	if (!genlmsg_valid_hdr(h, 0) || genlmsg_hdr(h)->cmd != VH_CMD_USER_GET ||
	    genlmsg_parse(h, 0, a, VH_A_USER_MAX, NULL))
		return;
	u.all = !a[VH_A_USER_UID];
	if (!u.all)
		u.uid = nla_get_u32(a[VH_A_USER_UID]);
	figures(a[VH_A_USER_USAGE], u.usage);
	figures(a[VH_A_USER_LIMIT], u.limit);
	figures(a[VH_A_USER_REFUSED], u.refused);
	v->each(&u, v->arg);
}

int users_get(struct nl *nl, void (*each)(const struct user *u, void *arg), void *arg)
{
	struct visit v = { each, arg };

	return vh_talk(nl, vh_request(nl, VH_CMD_USER_GET, NLM_F_DUMP), on_user, &v);
}

static void keep(const struct user *u, void *arg)
{
	*(struct user *)arg = *u;
}

static bool full(uint64_t usage, uint64_t limit, uint64_t more)
{
	return limit != VH_LIMIT_NONE && (usage > limit || more > limit - usage);
}

/* The group of a cgroup, or one above it, that has no room. False: none. */
static bool find_group(struct nl *nl, const char *cgroup, enum vh_resource res, uint64_t more, struct group *found)
{
	struct group_list groups;
	uint64_t at = 0;
	bool is_full = false;
	unsigned int i;

	if (groups_get(nl, &groups))
		return false;
	for (i = 0; i < groups.n; i++)
		if (groups.v[i].path && !groups.v[i].removed && !strcmp(groups.v[i].path, cgroup))
			at = groups.v[i].id;
	while (at && !is_full) {
		uint64_t id = at;

		at = 0;
		for (i = 0; i < groups.n; i++) {
			if (groups.v[i].id != id)
				continue;
			at = groups.v[i].parent;
			is_full = full(groups.v[i].usage.v[res], groups.v[i].limit.v[res], more);
			if (is_full) {
				*found = groups.v[i];
				groups.v[i].path = NULL;	/* passes on */
			}
		}
	}
	groups_free(&groups);
	return is_full;
}

const char *limit_words_of(const char *cgroup, enum vh_resource res, uint64_t more)
{
	static const char *const what[] = { "VMs", "vCPUs", "memory", "page tables" };
	static char text[PATH_MAX + 200];
	struct visit v = { keep, NULL };
	struct user u = { };
	struct group g = { };
	struct nl *nl = vh_open();

	snprintf(text, sizeof(text), "a limit of %s of the cgroup or the user is reached", what[res]);
	if (!nl)
		return text;
	v.arg = &u;
	if (res == VH_RES_VMS && !vh_talk(nl, vh_request(nl, VH_CMD_USER_GET, 0), on_user, &v) &&
	    full(u.usage[VH_QUOTA_VMS], u.limit[VH_QUOTA_VMS], more)) {
		snprintf(text, sizeof(text), "the limit of VMs of user %u is reached: %llu of %llu",
			 u.uid, (unsigned long long)u.usage[VH_QUOTA_VMS],
			 (unsigned long long)u.limit[VH_QUOTA_VMS]);
	} else if (find_group(nl, cgroup, res, more, &g)) {
		if (res >= VH_RES_MEMORY)
			snprintf(text, sizeof(text), "the limit of %s of cgroup %s is reached: %s of %s",
				 what[res], g.path, human_bytes(g.usage.v[res]),
				 human_bytes(g.limit.v[res]));
		else
			snprintf(text, sizeof(text), "the limit of %s of cgroup %s is reached: %llu of %llu",
				 what[res], g.path, (unsigned long long)g.usage.v[res],
				 (unsigned long long)g.limit.v[res]);
		group_free(&g);
	}
	vh_close(nl);
	return text;
}

const char *limit_words(enum vh_resource res, uint64_t more)
{
	char own[PATH_MAX];

	cgroup_self(own, sizeof(own));
	return limit_words_of(own, res, more);
}
