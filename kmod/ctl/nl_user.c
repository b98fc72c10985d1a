// SPDX-License-Identifier: GPL-2.0-only
/*
 * nl_user.c - user commands of the netlink family: what users have, and may have.
 */
#include <linux/user_namespace.h>

#include "../vh.h"
#include "netlink.h"

static int put_quotas(struct sk_buff *skb, int attr, const u64 *v)
{
	struct nlattr *nest = nla_nest_start(skb, attr);
	int q;

	BUILD_BUG_ON(VH_A_QUOTA_SOCKETS - VH_A_QUOTA_VMS != VH_QUOTA_SOCKETS);
	if (!nest)
		return -EMSGSIZE;
	for (q = 0; q < VH_NR_QUOTAS; q++)
		if (nla_put_u64_64bit(skb, VH_A_QUOTA_VMS + q, v[q], VH_A_QUOTA_PAD))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_user_info(struct sk_buff *skb, const struct vh_asker *a, const struct vh_user_info *info)
{
	return (uid_valid(info->uid) &&
		nla_put_u32(skb, VH_A_USER_UID, from_kuid_munged(a->right.cred->user_ns, info->uid))) ||
	       put_quotas(skb, VH_A_USER_USAGE, info->usage) ||
	       put_quotas(skb, VH_A_USER_LIMIT, info->limit) ||
	       put_quotas(skb, VH_A_USER_REFUSED, info->refused) ? -EMSGSIZE : 0;
}

/* The user that a request names, by default the asker; INVALID_UID with extack set. */
static kuid_t asked_uid(const struct vh_asker *a, struct genl_info *info)
{
	struct nlattr *attr = info->attrs[VH_A_USER_UID];
	kuid_t uid = attr ? make_kuid(a->right.cred->user_ns, nla_get_u32(attr)) : vh_asker_uid(a);

	if (uid_valid(uid) && (a->right.admin || uid_eq(uid, vh_asker_uid(a))))
		return uid;
	NL_SET_ERR_MSG(info->extack, "no such user that you may see");
	return INVALID_UID;
}

static int fill_user(struct sk_buff *msg, struct vh_asker *a, struct genl_info *info)
{
	kuid_t uid = asked_uid(a, info);
	struct vh_user_info user;

	if (!uid_valid(uid))
		return -ENOENT;
	vh_user_info(uid, &user);
	return put_user_info(msg, a, &user);
}

/**
 * vh_nl_user_get - VH_CMD_USER_GET, one user
 * @skb: the request
 * @info: the request
 */
int vh_nl_user_get(struct sk_buff *skb, struct genl_info *info)
{
	return vh_nl_answer(skb, info, fill_user);
}

/* False when the message is full. */
static bool dump_one(struct sk_buff *skb, struct netlink_callback *cb,
		     const struct vh_user_info *user)
{
	void *head = vh_dump_begin(skb, cb, VH_CMD_USER_GET);

	return head && vh_dump_end(skb, head, put_user_info(skb, vh_dump(cb)->asker, user));
}

/**
 * vh_nl_user_dump - VH_CMD_USER_GET, what all may have, and those that the asker may see, by uid
 * @skb: to be filled
 * @cb: the dump
 */
int vh_nl_user_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct vh_dump *d = vh_dump(cb);
	struct vh_user_info user;
	bool more = false;

	/* d->next: 0, or the uid to go on with, and 1 */
	if (!d->next) {
		vh_user_info(INVALID_UID, &user);
		if (!dump_one(skb, cb, &user))
			return vh_dump_part(skb, cb, false);
		d->next = 1;
	}
	if (!d->asker->right.admin) {
		if (d->next == 1 && uid_valid(vh_asker_uid(d->asker))) {
			vh_user_info(vh_asker_uid(d->asker), &user);
			if (dump_one(skb, cb, &user))
				d->next = 2;
		}
		return vh_dump_part(skb, cb, false);
	}
	while (vh_user_next(d->next - 1, &user) && dump_one(skb, cb, &user)) {
		d->next = (u64)__kuid_val(user.uid) + 2;
		more = !vh_dump_goes_on(d);
		if (more)
			break;
	}
	return vh_dump_part(skb, cb, more);
}

static int set_limits(const struct vh_asker *a, struct genl_info *info, struct nlattr **limits)
{
	struct nlattr *attr = info->attrs[VH_A_USER_UID];
	kuid_t uid = attr ? make_kuid(a->right.cred->user_ns, nla_get_u32(attr)) : INVALID_UID;
	int q, err;

	if (attr && !uid_valid(uid)) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr, "no such user");
		return -EINVAL;
	}
	for (q = 0; q < VH_NR_QUOTAS; q++) {
		struct nlattr *limit = limits[VH_A_QUOTA_VMS + q];

		if (limit && !attr && nla_get_u64(limit) == VH_LIMIT_DEFAULT) {
			NL_SET_ERR_MSG_ATTR(info->extack, limit, "the default is for one user");
			return -EINVAL;
		}
	}
	for (q = 0; q < VH_NR_QUOTAS; q++) {
		if (!limits[VH_A_QUOTA_VMS + q])
			continue;
		err = vh_user_limit(uid, q, nla_get_u64(limits[VH_A_QUOTA_VMS + q]));
		if (err)
			return err;
	}
	vh_event_limits_set(NULL, uid);
	return 0;
}

/**
 * vh_nl_user_set - VH_CMD_USER_SET
 * @skb: the request
 * @info: the request
 *
 * A limit below the usage lets nothing grow, and takes nothing away.
 */
int vh_nl_user_set(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *limits[VH_A_QUOTA_MAX + 1];
	struct vh_asker a;
	int err;

	err = vh_nl_limits(info, VH_A_USER_LIMIT, VH_A_QUOTA_MAX, limits);
	if (err)
		return err;
	err = vh_asker_init(&a, skb);
	if (err)
		return err;
	if (a.right.admin) {
		err = set_limits(&a, info, limits);
	} else {
		err = -EPERM;
		NL_SET_ERR_MSG(info->extack, "limits of users need CAP_SYS_ADMIN");
	}
	vh_asker_exit(&a);
	return err;
}
