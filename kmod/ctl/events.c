// SPDX-License-Identifier: GPL-2.0-only
/*
 * events.c - events: to the multicast group, and to sockets that asked for what they may see.
 *
 * The kernel offers no way to keep a multicast message from some members of
 * the group, so the group is for administrators, who may see everything, and
 * others are sent theirs one by one.
 *
 * Who causes an event puts it into a queue, whatever locks it holds, and goes
 * on: however many listen, it pays the same. A work item sends what is in the
 * queue, in order. Each user has room for QUEUED events there; what finds none
 * is missing in the sequence numbers.
 */
#include <linux/hashtable.h>
#include <linux/jhash.h>
#include <linux/mempool.h>
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/notifier.h>
#include <linux/random.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/user_namespace.h>
#include <linux/workqueue.h>
#include <net/net_namespace.h>

#include "../bound.h"
#include "../vh.h"
#include "netlink.h"

#define EVENT_SIZE	360
#define QUEUED		1024		/* events of one user on their way */
#define RESERVE		64		/* events for which there is memory in any case */

/*
 * A socket that asked for events. Whoever comes or goes waits for nobody but the work item, and for
 * that only while it sends to this very socket: the work item sends with @sending held.
 */
struct listener {
	struct vh_index_node node;	/* in order of their coming; ports_lock */
	struct hlist_node by_port;	/* ports_lock */
	refcount_t refs;		/* the lists', and the work item's */
	struct mutex sending;		/* the work item, which only tries, and the end of the socket */
	bool gone;			/* the socket is; @sending */
	struct net *net;		/* const; stays while the socket does */
	u32 portid;			/* const */
	struct vh_right right;		/* const: of who asked for events, at that time */
	struct cgroup_namespace *cgroup_ns;	/* const: its; with a reference */
	struct vh_payer payer;		/* const */
	u64 after;			/* const in the lists: events that came later are for it */
	u64 seq;			/* the work item alone */
};

static DEFINE_SPINLOCK(ports_lock);	/* every netlink socket of the host that is closed looks here */
static struct vh_index listeners;	/* ports_lock */
static DEFINE_HASHTABLE(ports, 8);	/* listeners; ports_lock */
static u64 next_listener;		/* ports_lock */
static u32 port_seed;			/* const */
static u64 group_seq;			/* the work item alone */

/* Something that happened, on its way. */
struct event {
	struct list_head list;		/* the queue's lock */
	u64 nr;				/* in the queue; const */
	u64 lost;			/* of the same user before it */
	struct vh_user *user;		/* whose; with a reference */
	struct vh_record *rec;		/* the VM's, with a reference, or NULL */
	struct pid *pid;		/* who may signal it hears of it, or NULL; with a reference */
	kuid_t uid;			/* without process and record: who hears of it */
	u64 time, cgroup, usage, limit, requested;
	u32 type, id, reason, resource, quota;
	kuid_t whose;			/* the user whose limit it is */
	bool has_vm, has_cgroup, has_reason, has_resource, has_quota, has_whose;
	uuid_t uuid;
	char name[VH_VM_NAME_MAX + 1];
};

static void send_queued(struct work_struct *work);
static DECLARE_WORK(send_work, send_queued);
static struct workqueue_struct *workqueue;	/* NULL: nobody hears anything yet, or any more */
static mempool_t *pool;

static DEFINE_SPINLOCK(queue_lock);
static LIST_HEAD(queue);		/* queue_lock */
static u64 last_nr;			/* queue_lock */

/* One of the two. */
static void lock_events(spinlock_t *lock)
	__acquires(lock)
{
	spin_lock(lock);
	vh_bound_begin(VH_BOUND_EVENTS);
}

static void unlock_events(spinlock_t *lock)
	__releases(lock)
{
	vh_bound_end(VH_BOUND_EVENTS);
	spin_unlock(lock);
}

static bool may_hear(const struct listener *l, const struct event *e)
{
	return vh_right_hears(&l->right, e->rec, e->pid, e->uid);
}

static u32 port_hash(const struct net *net, u32 portid)
{
	return jhash_2words(portid, hash_ptr(net, 32), port_seed);
}

/* ports_lock held. */
static struct listener *find_listener(const struct net *net, u32 portid)
{
	struct listener *l;

	hash_for_each_possible(ports, l, by_port, port_hash(net, portid))
		if (l->net == net && l->portid == portid)
			return l;
	return NULL;
}

/* --- into the queue --- */

static bool anybody_listens(void)
{
	return READ_ONCE(workqueue) &&
	       (!vh_index_empty(&listeners) || genl_has_listeners(&vh_genl_family, &init_net, 0));
}

/*
 * An event of a VM (@r may be NULL), or NULL: nobody listens, or there is no memory. It
 * takes the place of whoever pays at last: users of one's own making have none of theirs.
 */
static struct event *begin(enum vh_event type, const struct vh_record *r, const struct vh_payer *p)
{
	struct vh_user *user = p->user[1] ? p->user[1] : p->user[0];
	struct event *e;

	if (!anybody_listens())
		return NULL;
	e = mempool_alloc(pool, GFP_NOWAIT | __GFP_NOWARN);
	if (!e) {
		lock_events(&queue_lock);
		user->lost++;
		unlock_events(&queue_lock);
		return NULL;
	}
	memset(e, 0, sizeof(*e));
	e->type = type;
	e->time = ktime_get_boottime_ns();
	e->user = user;
	e->uid = r ? r->uid : p->user[0]->uid;
	vh_user_hold(user);
	if (!r) {
		e->pid = get_pid(task_tgid(current));
		return e;
	}
	e->pid = get_pid(vh_record_process(r));
	e->rec = (struct vh_record *)r;
	vh_record_get(e->rec);
	if (r->registered) {
		e->has_vm = true;
		e->id = r->id;
		e->uuid = r->uuid;
		vh_record_name(r, e->name);
	}
	return e;
}

static void drop(struct event *e)
{
	if (e->rec)
		vh_record_put(e->rec);
	put_pid(e->pid);
	vh_user_put(e->user);
	mempool_free(e, pool);
}

static void end(struct event *e)
{
	bool full;

	lock_events(&queue_lock);
	full = e->user->queued >= QUEUED;
	if (full) {
		e->user->lost++;
	} else {
		e->user->queued++;
		e->lost = e->user->lost;
		e->user->lost = 0;
		e->nr = ++last_nr;
		list_add_tail(&e->list, &queue);
	}
	unlock_events(&queue_lock);
	if (full)
		drop(e);
	else
		queue_work(workqueue, &send_work);
}

static void of_cgroup(struct event *e, u64 id)
{
	e->has_cgroup = true;
	e->cgroup = id;
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
	struct event *e = begin(type, r, &r->payer);

	if (!e)
		return;
	of_cgroup(e, r->group->id);
	end(e);
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
	struct event *e = begin(VH_EVENT_CRASHED, r, &r->payer);

	if (!e)
		return;
	of_cgroup(e, r->group->id);
	e->has_reason = true;
	e->reason = reason;
	end(e);
}

/**
 * vh_event_limit - a group's limit refused a charge
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
	struct event *e = begin(VH_EVENT_LIMIT, r, &r->payer);

	if (!e)
		return;
	of_cgroup(e, full->id);
	e->has_resource = true;
	e->resource = res;
	e->usage = vh_from_units(res, atomic64_read(&a->usage));
	e->limit = vh_from_units(res, READ_ONCE(a->limit));
	e->requested = requested;
	end(e);
}

/**
 * vh_event_user_limit - a user's limit refused
 * @r: who was to be charged, not registered; NULL: no VM
 * @p: who asked
 * @full: whose limit
 * @q: of what
 * @requested: how much was to be charged
 *
 * Process context.
 */
void vh_event_user_limit(const struct vh_record *r, const struct vh_payer *p, kuid_t full,
			 enum vh_quota q, u64 requested)
{
	struct event *e = begin(VH_EVENT_LIMIT, r, p);
	struct vh_user_info info;

	if (!e)
		return;
	vh_user_info(full, &info);
	e->has_quota = true;
	e->quota = q;
	e->has_whose = true;
	e->whose = full;
	e->usage = info.usage[q];
	e->limit = info.limit[q];
	e->requested = requested;
	end(e);
}

/**
 * vh_event_limits_set - a group or a user has other limits
 * @g: the group, or NULL
 * @whose: the user, if there is no group; INVALID_UID: all users
 *
 * Process context. For administrators, and who may signal the one who set them, current.
 */
void vh_event_limits_set(struct vh_group *g, kuid_t whose)
{
	struct vh_payer p;
	struct event *e;

	if (!anybody_listens() || vh_payer_init(&p))
		return;
	e = begin(VH_EVENT_LIMITS_SET, NULL, &p);
	if (e) {
		if (g)
			of_cgroup(e, g->id);
		e->has_whose = uid_valid(whose);
		e->whose = whose;
		end(e);
	}
	vh_payer_exit(&p);
}

/* --- out of the queue --- */

struct message {
	struct sk_buff *skb;
	unsigned int seq_at, uid_at;	/* offsets of values that each receiver has its own of; 0: none */
	unsigned int usage_at;		/* from here on: who sees the group; 0: nothing */
};

static int put_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, VH_A_EVENT_PAD);
}

static int put_vm(struct sk_buff *skb, const struct event *e)
{
	u8 uuid[UUID_SIZE];

	export_uuid(uuid, &e->uuid);
	return nla_put_u32(skb, VH_A_EVENT_VM_ID, e->id) ||
	       nla_put(skb, VH_A_EVENT_VM_UUID, sizeof(uuid), uuid) ||
	       nla_put_string(skb, VH_A_EVENT_VM_NAME, e->name);
}

static int put_event(struct message *m, const struct event *e)
{
	struct sk_buff *skb = m->skb;

	if (put_u64(skb, VH_A_EVENT_SEQ, 0))
		return -EMSGSIZE;
	m->seq_at = skb->len - sizeof(u64);
	if (nla_put_u32(skb, VH_A_EVENT_TYPE, e->type) ||
	    put_u64(skb, VH_A_EVENT_TIME, e->time) ||
	    (e->has_vm && put_vm(skb, e)) ||
	    (e->has_cgroup && put_u64(skb, VH_A_EVENT_CGROUP_ID, e->cgroup)) ||
	    (e->has_reason && nla_put_u32(skb, VH_A_EVENT_REASON, e->reason)) ||
	    (e->has_resource && nla_put_u32(skb, VH_A_EVENT_RESOURCE, e->resource)) ||
	    (e->has_quota && nla_put_u32(skb, VH_A_EVENT_QUOTA, e->quota)))
		return -EMSGSIZE;
	if (e->has_whose) {
		if (nla_put_u32(skb, VH_A_EVENT_UID, 0))
			return -EMSGSIZE;
		m->uid_at = skb->len - sizeof(u32);
	}
	if (!e->has_resource && !e->has_quota)
		return 0;
	if (put_u64(skb, VH_A_EVENT_REQUESTED, e->requested))
		return -EMSGSIZE;
	m->usage_at = skb->len;
	return put_u64(skb, VH_A_EVENT_USAGE, e->usage) ||
	       put_u64(skb, VH_A_EVENT_LIMIT, e->limit) ? -EMSGSIZE : 0;
}

static bool build(struct message *m, const struct event *e)
{
	void *head;

	m->skb = nlmsg_new(EVENT_SIZE, GFP_KERNEL);
	if (!m->skb)
		return false;
	head = genlmsg_put(m->skb, 0, 0, &vh_genl_family, 0, VH_CMD_EVENT);
	if (WARN_ON_ONCE(!head || put_event(m, e))) {
		nlmsg_free(m->skb);
		m->skb = NULL;
		return false;
	}
	genlmsg_end(m->skb, head);
	return true;
}

/* What the receiver has of its own. */
static void address(const struct message *m, struct sk_buff *skb, const struct event *e, u64 seq,
		    struct user_namespace *ns)
{
	u32 uid;

	memcpy(skb->data + m->seq_at, &seq, sizeof(seq));
	if (!m->uid_at)
		return;
	uid = from_kuid_munged(ns, e->whose);
	memcpy(skb->data + m->uid_at, &uid, sizeof(uid));
}

/* What a group above the receiver's cgroup namespace has is not its business. */
static bool hides_usage(const struct listener *l, const struct event *e)
{
	struct cgroup *cgrp;
	bool inside;

	if (!e->has_resource || l->right.admin)
		return false;
	cgrp = cgroup_get_from_id(e->cgroup);	/* the work item is in the initial namespace */
	if (IS_ERR(cgrp))
		return true;
	inside = cgroup_is_descendant(cgrp, l->cgroup_ns->root_cset->dfl_cgrp);
	cgroup_put(cgrp);
	return !inside;
}

/* A message that cannot be sent is a gap in the numbers. */
static void send_to(struct listener *l, const struct message *m, const struct event *e)
{
	struct sk_buff *copy;

	l->seq += e->lost + 1;
	copy = m->skb ? skb_copy(m->skb, GFP_KERNEL) : NULL;
	if (!copy)
		return;
	address(m, copy, e, l->seq, l->right.cred->user_ns);
	if (m->usage_at && hides_usage(l, e)) {
		skb_trim(copy, m->usage_at);
		nlmsg_hdr(copy)->nlmsg_len = copy->len;
	}
	/* A socket that ends has no use for it, nor has its port. */
	if (!mutex_trylock(&l->sending)) {
		nlmsg_free(copy);
		return;
	}
	if (l->gone)
		nlmsg_free(copy);
	else
		genlmsg_unicast(l->net, copy, l->portid);
	mutex_unlock(&l->sending);
}

static void put_listener(struct listener *l)
{
	if (!refcount_dec_and_test(&l->refs))
		return;
	vh_payer_exit(&l->payer);
	put_cgroup_ns(l->cgroup_ns);
	vh_right_put(&l->right);
	kfree(l);
}

/* In no list any more: the user may have another one at once. */
static void drop_listener(struct listener *l)
{
	vh_payer_uncharge(&l->payer, VH_QUOTA_SOCKETS, 1);
	put_listener(l);
}

/* The next listener from @next on that was there when @e happened, with a reference; NULL: none. */
static struct listener *next_listener_of(const struct event *e, u64 next)
{
	struct vh_index_node *n;
	struct listener *l = NULL;

	lock_events(&ports_lock);
	n = vh_index_next(&listeners, next);
	if (n)
		l = container_of(n, struct listener, node);
	/* Those that follow came later still. */
	if (l && l->after >= e->nr)
		l = NULL;
	if (l)
		refcount_inc(&l->refs);
	unlock_events(&ports_lock);
	return l;
}

/*
 * The group is of the initial network namespace: VMs are in none, and joining
 * it there takes CAP_SYS_ADMIN where it counts.
 */
static void deliver(const struct event *e)
{
	struct message m = {};
	struct listener *l;
	u64 next = 0;

	build(&m, e);
	while ((l = next_listener_of(e, next))) {
		next = l->node.key + 1;
		if (may_hear(l, e))
			send_to(l, &m, e);
		put_listener(l);
		cond_resched();
	}
	group_seq += e->lost + 1;
	if (!m.skb)
		return;
	address(&m, m.skb, e, group_seq, &init_user_ns);
	genlmsg_multicast_netns(&vh_genl_family, &init_net, m.skb, 0, 0, GFP_KERNEL);
}

static void send_queued(struct work_struct *work)
{
	struct event *e;

	for (;;) {
		lock_events(&queue_lock);
		e = list_first_entry_or_null(&queue, struct event, list);
		if (e) {
			list_del(&e->list);
			e->user->queued--;
		}
		unlock_events(&queue_lock);
		if (!e)
			return;
		deliver(e);
		drop(e);
		cond_resched();
	}
}

/* --- who listens --- */

/* A listener of the current user's, charged. */
static struct listener *new_listener(struct genl_info *info, const struct vh_asker *a)
{
	struct listener *l = vh_zalloc_brief(sizeof(*l));
	struct vh_user *full;
	int err;

	if (!l)
		return ERR_PTR(-ENOMEM);
	err = vh_payer_init(&l->payer);
	if (err) {
		kfree(l);
		return ERR_PTR(err);
	}
	err = vh_payer_charge(&l->payer, VH_QUOTA_SOCKETS, 1, &full);
	if (err) {
		vh_event_user_limit(NULL, &l->payer, full->uid, VH_QUOTA_SOCKETS, 1);
		GENL_SET_ERR_MSG(info, "the user's limit of sockets that get events is reached");
		vh_payer_exit(&l->payer);
		kfree(l);
		return ERR_PTR(err);
	}
	refcount_set(&l->refs, 1);
	mutex_init(&l->sending);
	l->net = genl_info_net(info);
	l->portid = info->snd_portid;
	vh_right_copy(&l->right, &a->right);
	l->cgroup_ns = a->cgroup_ns;
	get_cgroup_ns(l->cgroup_ns);
	return l;
}

static int listen(struct listener *l)
{
	bool has;

	lock_events(&queue_lock);
	l->after = last_nr;
	unlock_events(&queue_lock);
	lock_events(&ports_lock);
	has = find_listener(l->net, l->portid);
	if (!has) {
		hash_add(ports, &l->by_port, port_hash(l->net, l->portid));
		vh_index_add(&listeners, &l->node, next_listener++);
	}
	unlock_events(&ports_lock);
	return has ? -EALREADY : 0;
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
	l = new_listener(info, &a);
	vh_asker_exit(&a);
	if (IS_ERR(l))
		return PTR_ERR(l);
	err = listen(l);
	if (err) {
		drop_listener(l);
		NL_SET_ERR_MSG(info->extack, "this socket gets events already");
	}
	return err;
}

/* A socket is released: no message goes to whoever gets its port id next. */
static int socket_gone(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct netlink_notify *n = data;
	struct listener *l;

	if (event != NETLINK_URELEASE || n->protocol != NETLINK_GENERIC)
		return NOTIFY_DONE;
	lock_events(&ports_lock);
	l = find_listener(n->net, n->portid);
	if (l) {
		hash_del(&l->by_port);
		vh_index_del(&listeners, &l->node);
	}
	unlock_events(&ports_lock);
	if (!l)
		return NOTIFY_DONE;
	mutex_lock(&l->sending);
	l->gone = true;
	mutex_unlock(&l->sending);
	drop_listener(l);
	return NOTIFY_DONE;
}

static struct notifier_block socket_notifier = { .notifier_call = socket_gone };

/**
 * vh_events_init - module load
 *
 * -ENOMEM.
 */
int vh_events_init(void)
{
	struct workqueue_struct *wq;
	int err = -ENOMEM;

	get_random_bytes(&port_seed, sizeof(port_seed));
	pool = mempool_create_kmalloc_pool(RESERVE, sizeof(struct event));
	if (!pool)
		return err;
	wq = alloc_workqueue("vh-events", WQ_UNBOUND, 1);
	if (!wq)
		goto pool;
	err = netlink_register_notifier(&socket_notifier);
	if (err)
		goto wq;
	WRITE_ONCE(workqueue, wq);
	return 0;
wq:
	destroy_workqueue(wq);
pool:
	mempool_destroy(pool);
	return err;
}

/**
 * vh_events_flush - what has happened is sent
 *
 * Process context, no lock held.
 */
void vh_events_flush(void)
{
	flush_workqueue(workqueue);
}

/**
 * vh_events_exit - module unload; no request comes in any more, and no VM is left
 */
void vh_events_exit(void)
{
	struct workqueue_struct *wq = workqueue;
	struct vh_index_node *n;

	netlink_unregister_notifier(&socket_notifier);
	WRITE_ONCE(workqueue, NULL);
	destroy_workqueue(wq);
	while ((n = vh_index_next(&listeners, 0))) {
		vh_index_del(&listeners, n);
		drop_listener(container_of(n, struct listener, node));
	}
	mempool_destroy(pool);
}
