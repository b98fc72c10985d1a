// SPDX-License-Identifier: GPL-2.0-only
/*
 * nl_group.c - group commands of the netlink family.
 *
 * As with the files of cgroup v2 itself, figures of a group may be read by
 * whoever can name the cgroup; limits are set by whoever may write the
 * parent's cgroup.procs, so that who was given a subtree cannot lift its limits.
 */
#include "../compat/compat.h"
#include "../vh.h"
#include "netlink.h"

static int put_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, VH_A_GROUP_PAD);
}

enum figure { USAGE, PEAK, LIMIT, REFUSED };

static u64 figure(const struct vh_group *g, enum vh_resource res, enum figure f)
{
	const struct vh_account *a = &g->ledger.res[res];

	switch (f) {
	case USAGE:
		return vh_from_units(res, atomic64_read(&a->usage));
	case PEAK:
		return vh_from_units(res, atomic64_read(&a->peak));
	case LIMIT:
		return vh_from_units(res, READ_ONCE(a->limit));
	default:
		return atomic64_read(&a->refused);
	}
}

/* In the order of enum vh_resource, whose attributes follow each other. */
static int put_resources(struct sk_buff *skb, int attr, const struct vh_group *g, enum figure f)
{
	struct nlattr *nest = nla_nest_start(skb, attr);
	int res;

	BUILD_BUG_ON(VH_A_RESOURCE_TABLES - VH_A_RESOURCE_VMS != VH_RES_TABLES);
	if (!nest)
		return -EMSGSIZE;
	for (res = 0; res < VH_NR_RESOURCES; res++)
		if (nla_put_u64_64bit(skb, VH_A_RESOURCE_VMS + res, figure(g, res, f),
				      VH_A_RESOURCE_PAD))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* 0, -EMSGSIZE, or as vh_registry_group_counts(). */
static int put_group(struct sk_buff *skb, struct vh_asker *a, struct vh_group *g, bool brief)
{
	struct cgroup *cgrp = READ_ONCE(g->cgrp);
	struct vh_counts counts;
	const char *path;
	u64 created;
	int err;

	err = vh_registry_group_counts(g, &counts, &created, brief);
	if (err)
		return err;
	path = cgrp ? vh_asker_path(a, cgrp) : NULL;
	if (put_u64(skb, VH_A_GROUP_CGROUP_ID, g->id) ||
	    (g->parent && put_u64(skb, VH_A_GROUP_PARENT_ID, g->parent->id)) ||
	    (path && nla_put_string(skb, VH_A_GROUP_CGROUP_PATH, path)) ||
	    (vh_group_removed(g) && nla_put_flag(skb, VH_A_GROUP_REMOVED)) ||
	    put_resources(skb, VH_A_GROUP_USAGE, g, USAGE) ||
	    put_resources(skb, VH_A_GROUP_PEAK, g, PEAK) ||
	    put_resources(skb, VH_A_GROUP_LIMIT, g, LIMIT) ||
	    put_resources(skb, VH_A_GROUP_REFUSED, g, REFUSED) ||
	    put_u64(skb, VH_A_GROUP_CREATED_VMS, created))
		return -EMSGSIZE;
	return vh_put_counters(skb, VH_A_GROUP_COUNTERS, &counts);
}

/**
 * vh_nl_group_error - why a cgroup can have no group
 * @extack: of the request
 * @err: of vh_group_of()
 */
void vh_nl_group_error(struct netlink_ext_ack *extack, int err)
{
	if (err == -ELOOP)
		NL_SET_ERR_MSG(extack, "the cgroup is more than 32 levels deep");
}

static struct vh_group *group_of_fd(struct netlink_ext_ack *extack, struct nlattr *attr)
{
	struct cgroup *cgrp = cgroup_get_from_fd(nla_get_s32(attr));
	struct vh_group *g;

	if (IS_ERR(cgrp)) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "not the directory of a cgroup v2");
		return ERR_CAST(cgrp);
	}
	g = vh_group_of(cgrp);
	cgroup_put(cgrp);
	if (IS_ERR(g))
		vh_nl_group_error(extack, PTR_ERR(g));
	return g;
}

static bool sees(const struct vh_asker *a, const struct vh_group *g)
{
	struct cgroup *cgrp = READ_ONCE(g->cgrp);

	return a->right.admin || (!a->right.stranger && cgrp && vh_asker_in_namespace(a, cgrp));
}

/* The group that a request names, with a reference; ERR_PTR with extack set. */
static struct vh_group *find_group(const struct vh_asker *a, struct nlattr **attrs,
				   struct netlink_ext_ack *extack)
{
	struct nlattr *id = attrs[VH_A_GROUP_CGROUP_ID], *fd = attrs[VH_A_GROUP_CGROUP_FD];
	struct vh_group *g;

	if (a->right.stranger) {	/* descriptors would be the sender's */
		NL_SET_ERR_MSG(extack, VH_STRANGER);
		return ERR_PTR(-EPERM);
	}
	if (fd)
		return group_of_fd(extack, fd);
	if (!id) {
		NL_SET_ERR_MSG(extack, "cgroup-id or cgroup-fd is required");
		return ERR_PTR(-EINVAL);
	}
	g = vh_group_find(nla_get_u64(id));
	if (g && sees(a, g))
		return g;
	if (g)
		vh_group_put(g);
	NL_SET_ERR_MSG_ATTR(extack, id, "no group with this id");
	return ERR_PTR(-ENOENT);
}

static int fill_group(struct sk_buff *msg, struct vh_asker *a, struct genl_info *info)
{
	struct vh_group *g = find_group(a, info->attrs, info->extack);
	int err;

	if (IS_ERR(g))
		return PTR_ERR(g);
	err = put_group(msg, a, g, true);
	vh_group_put(g);
	if (err == -E2BIG || err == -EBUSY)
		NL_SET_ERR_MSG(info->extack, "too many VMs and vCPUs to be added up at once: ask by a dump");
	return err;
}

/**
 * vh_nl_group_get - VH_CMD_GROUP_GET, one group of few VMs
 * @skb: the request
 * @info: the request
 */
int vh_nl_group_get(struct sk_buff *skb, struct genl_info *info)
{
	return vh_nl_answer(skb, info, fill_group);
}

/* -EMSGSIZE: the message is full; as put_group(). */
static int dump_one(struct sk_buff *skb, struct netlink_callback *cb, struct vh_group *g)
{
	struct vh_dump *d = vh_dump(cb);
	void *head;
	int err;

	if (!d->one && !sees(d->asker, g))
		return 0;
	head = vh_dump_begin(skb, cb, VH_CMD_GROUP_GET);
	if (!head)
		return -EMSGSIZE;
	err = put_group(skb, d->asker, g, !d->later);
	vh_dump_end(skb, head, err);
	return err;
}

/**
 * vh_nl_group_dump_start - begin VH_CMD_GROUP_GET, of all groups or of one
 * @cb: the dump
 *
 * As vh_dump_start(). The group is found, and whether it may be told, in the sender's context;
 * kept is its id: nobody holds a cgroup by a dump that he does not go on with.
 */
int vh_nl_group_dump_start(struct netlink_callback *cb)
{
	struct nlattr **attrs = vh_dump_attrs(cb);
	struct vh_dump *d = vh_dump(cb);
	struct vh_group *g;
	int err = vh_dump_start(cb);

	if (err || (!attrs[VH_A_GROUP_CGROUP_ID] && !attrs[VH_A_GROUP_CGROUP_FD]))
		return err;
	g = find_group(d->asker, attrs, cb->extack);
	if (IS_ERR(g)) {
		vh_dump_done(cb);
		return PTR_ERR(g);
	}
	d->one = true;
	d->next = g->id;
	vh_group_put(g);
	return 0;
}

/**
 * vh_nl_group_dump - VH_CMD_GROUP_GET, all groups in the asker's cgroup namespace, by id, or one
 * @skb: to be filled
 * @cb: the dump
 */
int vh_nl_group_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct vh_dump *d = vh_dump(cb);
	struct vh_group *g;
	int err;

	if (vh_asker_goes_on(d->asker))
		return -ENOMEM;
	do {
		g = d->one ? vh_group_find(d->next) : vh_group_next(d->next);
		if (!g)
			break;
		err = dump_one(skb, cb, g);
		if (!err)
			d->next = d->one ? 0 : g->id + 1;
		vh_group_put(g);
	} while (!err && vh_dump_goes_on(d));
	if (g && err && d->later && !skb->len)
		return err;
	return vh_dump_part(skb, cb, g);
}

static int may_limit(const struct vh_asker *a, struct genl_info *info, const struct vh_group *g)
{
	struct nlattr *attr = info->attrs[VH_A_GROUP_PARENT_FD];
	struct cgroup *cgrp = READ_ONCE(g->cgrp);
	int err;

	if (a->right.admin)
		return 0;
	if (!g->parent) {
		NL_SET_ERR_MSG(info->extack, "limits of the root need CAP_SYS_ADMIN");
		return -EPERM;
	}
	if (!attr) {
		NL_SET_ERR_MSG(info->extack,
			       "parent-fd is required: the parent's cgroup.procs, open for writing");
		return -EPERM;
	}
	/* Found because it is seen: the cgroup is known, and holds its parent. */
	err = vh_check_procs_fd(nla_get_s32(attr), cgroup_parent(cgrp));
	if (err)
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "not the parent's cgroup.procs, open for writing");
	return err;
}

/**
 * vh_nl_group_set - VH_CMD_GROUP_SET
 * @skb: the request
 * @info: the request
 *
 * A limit below the usage lets nothing grow, and takes nothing away.
 */
int vh_nl_group_set(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *limits[VH_A_RESOURCE_MAX + 1];
	struct vh_group *g;
	struct vh_asker a;
	int res, err;

	err = vh_nl_limits(info, VH_A_GROUP_LIMIT, VH_A_RESOURCE_MAX, limits);
	if (err)
		return err;
	err = vh_asker_init(&a, skb);
	if (err)
		return err;
	g = find_group(&a, info->attrs, info->extack);
	err = PTR_ERR_OR_ZERO(g);
	if (err)
		goto out;
	err = may_limit(&a, info, g);
	if (!err) {
		for (res = 0; res < VH_NR_RESOURCES; res++)
			if (limits[VH_A_RESOURCE_VMS + res])
				WRITE_ONCE(g->ledger.res[res].limit,
					   vh_to_units(res, nla_get_u64(limits[VH_A_RESOURCE_VMS + res])));
		vh_event_limits_set(g, INVALID_UID);
	}
	vh_group_put(g);
out:
	vh_asker_exit(&a);
	return err;
}
