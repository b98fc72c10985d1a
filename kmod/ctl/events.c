// SPDX-License-Identifier: GPL-2.0-only
/*
 * events.c - events: to the multicast group, and to sockets that asked for what they may see.
 *
 * The kernel offers no way to keep a multicast message from some members of
 * the group, so the group is for administrators, who may see everything, and
 * others are sent theirs one by one.
 */
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/notifier.h>
#include <linux/slab.h>
#include <net/net_namespace.h>

#include "../vh.h"
#include "netlink.h"

#define EVENT_SIZE	320

/* A socket that asked for events. */
struct listener {
	struct list_head list;		/* events_mutex */
	struct net *net;		/* const; stays while the socket does */
	u32 portid;			/* const */
	kuid_t uid;			/* const: whose VMs it may see */
	bool admin;			/* const: all */
	u64 seq;			/* events_mutex */
};

static DEFINE_MUTEX(events_mutex);	/* also puts events in order */
static LIST_HEAD(listeners);		/* events_mutex */
static u64 group_seq;			/* events_mutex */

static bool may_hear(const struct listener *l, kuid_t uid)
{
	return l->admin || uid_eq(l->uid, uid);
}

/* events_mutex held. */
static struct listener *find_listener(const struct net *net, u32 portid)
{
	struct listener *l;

	list_for_each_entry(l, &listeners, list)
		if (l->net == net && l->portid == portid)
			return l;
	return NULL;
}

struct event {
	struct sk_buff *msg;
	void *head;
	unsigned int seq_at;		/* offset of VH_A_EVENT_SEQ's value */
};

static void set_seq(const struct event *e, struct sk_buff *msg, u64 seq)
{
	memcpy(msg->data + e->seq_at, &seq, sizeof(seq));
}

/*
 * The group is of the initial network namespace: VMs are in none, and joining
 * it there takes CAP_SYS_ADMIN where it counts. Takes the message.
 */
static void broadcast(struct event *e, kuid_t uid)
{
	struct sk_buff *copy;
	struct listener *l;

	mutex_lock(&events_mutex);
	list_for_each_entry(l, &listeners, list) {
		if (!may_hear(l, uid))
			continue;
		l->seq++;	/* before anything can fail: it will see the gap */
		copy = skb_copy(e->msg, GFP_KERNEL);
		if (!copy)
			continue;
		set_seq(e, copy, l->seq);
		genlmsg_unicast(l->net, copy, l->portid);
	}
	set_seq(e, e->msg, ++group_seq);
	genlmsg_multicast_netns(&vh_genl_family, &init_net, e->msg, 0, 0, GFP_KERNEL);
	mutex_unlock(&events_mutex);
}

static bool anybody_listens(void)
{
	return !list_empty(&listeners) || genl_has_listeners(&vh_genl_family, &init_net, 0);
}

static bool begin(struct event *e, enum vh_event type)
{
	if (!anybody_listens())
		return false;
	e->msg = nlmsg_new(EVENT_SIZE, GFP_KERNEL);
	if (!e->msg)
		return false;
	e->head = genlmsg_put(e->msg, 0, 0, &vh_genl_family, 0, VH_CMD_EVENT);
	if (e->head && !nla_put_u64_64bit(e->msg, VH_A_EVENT_SEQ, 0, VH_A_EVENT_PAD)) {
		e->seq_at = e->msg->len - sizeof(u64);
		if (!nla_put_u32(e->msg, VH_A_EVENT_TYPE, type) &&
		    !nla_put_u64_64bit(e->msg, VH_A_EVENT_TIME, ktime_get_boottime_ns(),
				       VH_A_EVENT_PAD))
			return true;
	}
	nlmsg_free(e->msg);
	return false;
}

static int put_vm(struct event *e, const struct vh_record *r)
{
	char name[VH_VM_NAME_MAX + 1];
	u8 uuid[UUID_SIZE];

	if (!r->registered)
		return 0;
	vh_record_name(r, name);
	export_uuid(uuid, &r->uuid);
	return nla_put_u32(e->msg, VH_A_EVENT_VM_ID, r->id) ||
	       nla_put(e->msg, VH_A_EVENT_VM_UUID, sizeof(uuid), uuid) ||
	       nla_put_string(e->msg, VH_A_EVENT_VM_NAME, name);
}

static int put_u64(struct event *e, int attr, u64 value)
{
	return nla_put_u64_64bit(e->msg, attr, value, VH_A_EVENT_PAD);
}

static void end(struct event *e, kuid_t uid, int err)
{
	if (WARN_ON_ONCE(err)) {
		nlmsg_free(e->msg);
		return;
	}
	genlmsg_end(e->msg, e->head);
	broadcast(e, uid);
}

/**
 * vh_event_vm - something happened to a VM
 * @r: its record
 * @type: what
 *
 * Process context.
 */
void vh_event_vm(const struct vh_record *r, enum vh_event type)
{
	struct event e;

	if (begin(&e, type))
		end(&e, r->uid, put_vm(&e, r) || put_u64(&e, VH_A_EVENT_CGROUP_ID, r->group->id));
}

/**
 * vh_event_crash - a VM crashed
 * @r: its record
 * @reason: how
 *
 * Process context.
 */
void vh_event_crash(const struct vh_record *r, enum vh_crash reason)
{
	struct event e;

	if (begin(&e, VH_EVENT_CRASHED))
		end(&e, r->uid, put_vm(&e, r) || put_u64(&e, VH_A_EVENT_CGROUP_ID, r->group->id) ||
				nla_put_u32(e.msg, VH_A_EVENT_REASON, reason));
}

/**
 * vh_event_limit - a limit refused a charge
 * @r: who was to be charged; registered or not
 * @full: whose limit
 * @res: the resource
 * @requested: how much was to be charged
 *
 * Process context.
 */
void vh_event_limit(const struct vh_record *r, struct vh_group *full, enum vh_resource res,
		    u64 requested)
{
	const struct vh_account *a = &full->ledger.res[res];
	struct event e;

	if (begin(&e, VH_EVENT_LIMIT))
		end(&e, r->uid, put_vm(&e, r) || put_u64(&e, VH_A_EVENT_CGROUP_ID, full->id) ||
				nla_put_u32(e.msg, VH_A_EVENT_RESOURCE, res) ||
				put_u64(&e, VH_A_EVENT_USAGE,
					vh_from_units(res, atomic64_read(&a->usage))) ||
				put_u64(&e, VH_A_EVENT_LIMIT,
					vh_from_units(res, READ_ONCE(a->limit))) ||
				put_u64(&e, VH_A_EVENT_REQUESTED, requested));
}

/**
 * vh_event_limits_set - a group has other limits
 * @g: the group
 *
 * Process context. For administrators and the one who set them, current.
 */
void vh_event_limits_set(struct vh_group *g)
{
	struct event e;

	if (begin(&e, VH_EVENT_LIMITS_SET))
		end(&e, current_euid(), put_u64(&e, VH_A_EVENT_CGROUP_ID, g->id));
}

/**
 * vh_nl_event - VH_CMD_EVENT: the sender's socket gets events from now on
 * @skb: the request
 * @info: the request
 */
int vh_nl_event(struct sk_buff *skb, struct genl_info *info)
{
	struct listener *l;
	struct vh_asker a;
	int err;

	err = vh_asker_init(&a, skb);
	if (err)
		return err;
	mutex_lock(&events_mutex);
	if (find_listener(genl_info_net(info), info->snd_portid)) {
		err = -EALREADY;
		NL_SET_ERR_MSG(info->extack, "this socket gets events already");
	} else {
		l = kzalloc(sizeof(*l), GFP_KERNEL_ACCOUNT);
		err = l ? 0 : -ENOMEM;
	}
	if (!err) {
		l->net = genl_info_net(info);
		l->portid = info->snd_portid;
		l->uid = a.uid;
		l->admin = a.admin;
		list_add_tail(&l->list, &listeners);
	}
	mutex_unlock(&events_mutex);
	vh_asker_exit(&a);
	return err;
}

/* A socket is released: no message goes to whoever gets its port id next. */
static int socket_gone(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct netlink_notify *n = data;
	struct listener *l;

	if (event != NETLINK_URELEASE || n->protocol != NETLINK_GENERIC)
		return NOTIFY_DONE;
	mutex_lock(&events_mutex);
	l = find_listener(n->net, n->portid);
	if (l)
		list_del(&l->list);
	mutex_unlock(&events_mutex);
	kfree(l);
	return NOTIFY_DONE;
}

static struct notifier_block socket_notifier = { .notifier_call = socket_gone };

/**
 * vh_events_init - module load
 */
int vh_events_init(void)
{
	return netlink_register_notifier(&socket_notifier);
}

/**
 * vh_events_exit - module unload; no request comes in any more
 */
void vh_events_exit(void)
{
	struct listener *l, *next;

	netlink_unregister_notifier(&socket_notifier);
	list_for_each_entry_safe(l, next, &listeners, list)
		kfree(l);
}
