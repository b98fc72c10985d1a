// SPDX-License-Identifier: GPL-2.0-only
/*
 * netlink.c - the generic-netlink family "vh": operations, policies, dumps.
 *
 * uapi/linux/vh.h says what each command takes and gives. Validation is
 * strict: what is not in an operation's policy is refused by the core, which
 * names the attribute.
 */
#include <linux/module.h>

#include "../vh.h"
#include "netlink.h"

static const struct nla_policy vm_ref_policy[VH_A_VM_MAX + 1] = {
	[VH_A_VM_ID]		= NLA_POLICY_MIN(NLA_U32, 1),
	[VH_A_VM_UUID]		= NLA_POLICY_EXACT_LEN(UUID_SIZE),
	[VH_A_VM_NAME]		= { .type = NLA_NUL_STRING, .len = VH_VM_NAME_MAX },
};

static const struct nla_policy vm_create_policy[VH_A_VM_MAX + 1] = {
	[VH_A_VM_NAME]		= { .type = NLA_NUL_STRING, .len = VH_VM_NAME_MAX },
	[VH_A_VM_MEMORY]	= { .type = NLA_U64 },
	[VH_A_VM_VCPUS]		= NLA_POLICY_RANGE(NLA_U32, 0, VH_MAX_VCPUS),
	[VH_A_VM_DEV_FD]	= NLA_POLICY_MIN(NLA_S32, 0),
	[VH_A_VM_CGROUP_FD]	= NLA_POLICY_MIN(NLA_S32, 0),
	[VH_A_VM_COMMON_FD]	= NLA_POLICY_MIN(NLA_S32, 0),
};

static const struct nla_policy vcpu_policy[VH_A_VCPU_MAX + 1] = {
	[VH_A_VCPU_VM_ID]	= NLA_POLICY_MIN(NLA_U32, 1),
	[VH_A_VCPU_ID]		= { .type = NLA_U32 },
};

static const struct nla_policy group_ref_policy[VH_A_GROUP_MAX + 1] = {
	[VH_A_GROUP_CGROUP_ID]	= { .type = NLA_U64 },
	[VH_A_GROUP_CGROUP_FD]	= NLA_POLICY_MIN(NLA_S32, 0),
};

static const struct nla_policy resource_policy[VH_A_RESOURCE_MAX + 1] = {
	[VH_A_RESOURCE_VMS]	= { .type = NLA_U64 },
	[VH_A_RESOURCE_VCPUS]	= { .type = NLA_U64 },
	[VH_A_RESOURCE_MEMORY]	= { .type = NLA_U64 },
	[VH_A_RESOURCE_TABLES]	= { .type = NLA_U64 },
};

static const struct nla_policy group_set_policy[VH_A_GROUP_MAX + 1] = {
	[VH_A_GROUP_CGROUP_ID]	= { .type = NLA_U64 },
	[VH_A_GROUP_CGROUP_FD]	= NLA_POLICY_MIN(NLA_S32, 0),
	[VH_A_GROUP_PARENT_FD]	= NLA_POLICY_MIN(NLA_S32, 0),
	[VH_A_GROUP_LIMIT]	= NLA_POLICY_NESTED(resource_policy),
};

static const struct nla_policy user_ref_policy[VH_A_USER_MAX + 1] = {
	[VH_A_USER_UID]		= { .type = NLA_U32 },
};

static const struct nla_policy quota_policy[VH_A_QUOTA_MAX + 1] = {
	[VH_A_QUOTA_VMS]	= { .type = NLA_U64 },
	[VH_A_QUOTA_DEFINED]	= { .type = NLA_U64 },
	[VH_A_QUOTA_RESERVED]	= { .type = NLA_U64 },
	[VH_A_QUOTA_SOCKETS]	= { .type = NLA_U64 },
};

static const struct nla_policy user_set_policy[VH_A_USER_MAX + 1] = {
	[VH_A_USER_UID]		= { .type = NLA_U32 },
	[VH_A_USER_LIMIT]	= NLA_POLICY_NESTED(quota_policy),
};

static const struct nla_policy event_policy[VH_A_EVENT_MAX + 1] = {};	/* takes no attributes */

#define POLICY(p)	.policy = p, .maxattr = ARRAY_SIZE(p) - 1
#define DUMP(fn)	.start = vh_dump_start, .dumpit = fn, .done = vh_dump_done
#define CONTROL(c)	{ .cmd = c, .doit = vh_nl_vm_control, POLICY(vm_ref_policy) }

static const struct genl_ops ops[] = {
	{ .cmd = VH_CMD_VM_GET, .doit = vh_nl_vm_get, DUMP(vh_nl_vm_dump), POLICY(vm_ref_policy) },
	{ .cmd = VH_CMD_VM_CREATE, .doit = vh_nl_vm_create, POLICY(vm_create_policy) },
	{ .cmd = VH_CMD_VM_DESTROY, .doit = vh_nl_vm_destroy, POLICY(vm_ref_policy) },
	{ .cmd = VH_CMD_VM_SET, .doit = vh_nl_vm_set, POLICY(vm_ref_policy) },
	CONTROL(VH_CMD_VM_PAUSE),
	CONTROL(VH_CMD_VM_RESUME),
	CONTROL(VH_CMD_VM_STOP),
	CONTROL(VH_CMD_VM_KILL),
	{ .cmd = VH_CMD_VCPU_GET, .doit = vh_nl_vcpu_get, DUMP(vh_nl_vcpu_dump),
	  POLICY(vcpu_policy) },
	{ .cmd = VH_CMD_GROUP_GET, .doit = vh_nl_group_get, .start = vh_nl_group_dump_start,
	  .dumpit = vh_nl_group_dump, .done = vh_dump_done, POLICY(group_ref_policy) },
	{ .cmd = VH_CMD_GROUP_SET, .doit = vh_nl_group_set, POLICY(group_set_policy) },
	{ .cmd = VH_CMD_EVENT, .doit = vh_nl_event, POLICY(event_policy) },
	{ .cmd = VH_CMD_USER_GET, .doit = vh_nl_user_get, DUMP(vh_nl_user_dump),
	  POLICY(user_ref_policy) },
	{ .cmd = VH_CMD_USER_SET, .doit = vh_nl_user_set, POLICY(user_set_policy) },
};

static const struct genl_multicast_group groups[] = {
	{ .name = VH_GENL_MCGRP_EVENTS, .flags = GENL_MCAST_CAP_SYS_ADMIN },
};

struct genl_family vh_genl_family __ro_after_init = {
	.name		= VH_GENL_NAME,
	.version	= VH_GENL_VERSION,
	.module		= THIS_MODULE,
	.netnsok	= true,
	.parallel_ops	= true,
	.ops		= ops,
	.n_ops		= ARRAY_SIZE(ops),
	.resv_start_op	= VH_CMD_UNSPEC + 1,
	.mcgrps		= groups,
	.n_mcgrps	= ARRAY_SIZE(groups),
};

/**
 * vh_dump_start - begin a dump in the sender's context
 * @cb: the dump
 *
 * Later parts may run in another task's context: what the sender may see is
 * settled here. 0 or -ENOMEM.
 */
int vh_dump_start(struct netlink_callback *cb)
{
	struct vh_dump *d = vh_dump(cb);
	int err;

	d->asker = kzalloc(sizeof(*d->asker), GFP_KERNEL);
	if (!d->asker)
		return -ENOMEM;
	err = vh_asker_init(d->asker, cb->skb);
	if (err) {
		kfree(d->asker);
		d->asker = NULL;
		return err;
	}
	cb->min_dump_alloc = VH_MSG_SIZE;
	return 0;
}

/**
 * vh_dump_done - the dump ended, complete or not
 * @cb: the dump
 */
int vh_dump_done(struct netlink_callback *cb)
{
	struct vh_dump *d = vh_dump(cb);

	if (d->asker)
		vh_asker_exit(d->asker);
	kfree(d->asker);
	d->asker = NULL;
	return 0;
}

/**
 * vh_dump_begin - an object of a dump begins
 * @skb: to be filled
 * @cb: the dump
 * @cmd: VH_CMD_*
 *
 * Its header for vh_dump_end(), or NULL when the message is full.
 */
void *vh_dump_begin(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd)
{
	return genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, &vh_genl_family,
			   NLM_F_MULTI, cmd);
}

/**
 * vh_dump_end - an object of a dump is complete, or takes itself back
 * @skb: to be filled
 * @head: of vh_dump_begin()
 * @err: not 0: its attributes did not find room
 *
 * False when the message is full.
 */
bool vh_dump_end(struct sk_buff *skb, void *head, int err)
{
	if (err)
		genlmsg_cancel(skb, head);
	else
		genlmsg_end(skb, head);
	return !err;
}

/**
 * vh_dump_goes_on - may this part of a dump look at more?
 * @d: the dump; a batch was looked at, or an object told
 *
 * Process context. Reschedules, but not in the first part, which is a short one.
 */
bool vh_dump_goes_on(struct vh_dump *d)
{
	if (!d->later)
		return ++d->steps < VH_DUMP_BRIEF;
	cond_resched();
	return true;
}

/**
 * vh_dump_part - the end of a part of a dump
 * @skb: what it told
 * @cb: the dump
 * @more: there may be more to tell
 *
 * What a dump returns. A part without anything ends the dump; so a first one that has only had no time has a
 * message that says nothing, of NLMSG_NOOP, which all have to ignore. It has room for a family's header: who looks
 * at that before the type finds no command there.
 */
int vh_dump_part(struct sk_buff *skb, struct netlink_callback *cb, bool more)
{
	struct vh_dump *d = vh_dump(cb);
	struct nlmsghdr *h;

	/* What stays for as long as the reader likes is little. */
	vh_asker_rests(d->asker);
	if (!more || skb->len || d->later) {
		d->later = true;
		return skb->len;
	}
	d->later = true;
	h = nlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, NLMSG_NOOP, GENL_HDRLEN,
		      NLM_F_MULTI);
	if (h)
		memset(nlmsg_data(h), 0, GENL_HDRLEN);
	return skb->len;
}

/**
 * vh_nl_answer - answer a request with one object
 * @skb: the request
 * @info: the request
 * @fill: finds the object and puts its attributes
 *
 * 0, what @fill returns, or -ENOMEM.
 */
int vh_nl_answer(struct sk_buff *skb, struct genl_info *info,
		 int (*fill)(struct sk_buff *msg, struct vh_asker *a, struct genl_info *info))
{
	struct sk_buff *msg;
	struct vh_asker a;
	void *head;
	int err;

	err = vh_asker_init(&a, skb);
	if (err)
		return err;
	err = -ENOMEM;
	msg = genlmsg_new(VH_MSG_SIZE, GFP_KERNEL);
	if (!msg)
		goto out;
	err = -EMSGSIZE;
	head = genlmsg_put_reply(msg, info, &vh_genl_family, 0, info->genlhdr->cmd);
	if (head)
		err = fill(msg, &a, info);
	if (err) {
		nlmsg_free(msg);
	} else {
		genlmsg_end(msg, head);
		err = genlmsg_reply(msg, info);
	}
out:
	vh_asker_exit(&a);
	return err;
}

/**
 * vh_nl_limits - the limits that a request sets
 * @info: the request
 * @attr: the nest that holds them
 * @max: the highest attribute in it
 * @limits: @max + 1 of them, filled in
 *
 * 0 or -EINVAL, with extack set.
 */
int vh_nl_limits(struct genl_info *info, int attr, int max, struct nlattr **limits)
{
	if (!info->attrs[attr]) {
		NL_SET_ERR_MSG(info->extack, "limit is required");
		return -EINVAL;
	}
	/* The family's policy has validated it. */
	return nla_parse_nested_deprecated(limits, max, info->attrs[attr], NULL, info->extack);
}

/**
 * vh_netlink_init - register the family
 *
 * Module load; from now on requests come in.
 */
int vh_netlink_init(void)
{
	int err = vh_events_init();

	if (err)
		return err;
	err = genl_register_family(&vh_genl_family);
	if (err)
		vh_events_exit();
	return err;
}

/**
 * vh_netlink_exit - no request and no event after this
 */
void vh_netlink_exit(void)
{
	vh_events_flush();
	genl_unregister_family(&vh_genl_family);
	vh_events_exit();
}
