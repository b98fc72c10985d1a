// SPDX-License-Identifier: GPL-2.0-only
/*
 * user.c - what each user has, and may have: limits that need no administrator.
 *
 * Whose processes make a VM, or ask for events, pays. In a user namespace its
 * user pays, and besides the one who made the outermost of its namespaces. Where that is root, a container's, the
 * first of the ids that the namespace was given pays besides. Who has
 * CAP_SYS_RESOURCE is counted, not refused.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/user_namespace.h>

#include "../bound.h"
#include "acct.h"

static DEFINE_SPINLOCK(users_lock);
static struct vh_index users;		/* by uid; users_lock */
static u64 defaults[VH_NR_QUOTAS];	/* in units; users_lock */

static void lock_users(void)
	__acquires(&users_lock)
{
	spin_lock(&users_lock);
	vh_bound_begin(VH_BOUND_USERS);
}

static void unlock_users(void)
	__releases(&users_lock)
{
	vh_bound_end(VH_BOUND_USERS);
	spin_unlock(&users_lock);
}

/* Reserved memory is kept in pages: see ledger.h. */
static u64 to_units(enum vh_quota q, u64 n)
{
	return q == VH_QUOTA_RESERVED && n < VH_LIMIT_DEFAULT ? n >> PAGE_SHIFT : n;
}

static u64 from_units(enum vh_quota q, u64 n)
{
	return q == VH_QUOTA_RESERVED && n < VH_LIMIT_DEFAULT ?
	       min_t(u64, n, U64_MAX >> PAGE_SHIFT) << PAGE_SHIFT : n;
}

/* users_lock held. */
static struct vh_user *find(u64 uid)
{
	struct vh_index_node *n = vh_index_find(&users, uid);

	return n ? container_of(n, struct vh_user, node) : NULL;
}

static struct vh_user *user_get(kuid_t uid)
{
	struct vh_user *u, *fresh = NULL;
	int i;

	for (;;) {
		lock_users();
		u = find(__kuid_val(uid));
		if (!u && fresh) {
			u = fresh;
			fresh = NULL;
			vh_index_add(&users, &u->node, __kuid_val(uid));
		}
		if (u)
			u->refs++;
		unlock_users();
		if (u)
			break;
		fresh = vh_zalloc_brief(sizeof(*fresh));
		if (!fresh)
			return NULL;
		fresh->uid = uid;
		mutex_init(&fresh->walk);
		for (i = 0; i < VH_NR_QUOTAS; i++)
			fresh->limit[i] = VH_LIMIT_DEFAULT;
	}
	kfree(fresh);
	return u;
}

/**
 * vh_user_hold - one more reference
 * @u: the user
 */
void vh_user_hold(struct vh_user *u)
{
	lock_users();
	u->refs++;
	unlock_users();
}

static bool has_limits(const struct vh_user *u)
{
	int i;

	for (i = 0; i < VH_NR_QUOTAS; i++)
		if (u->limit[i] != VH_LIMIT_DEFAULT)
			return true;
	return false;
}

/**
 * vh_user_put - drop a reference
 * @u: the user, or NULL
 *
 * One that has limits of its own stays known.
 */
void vh_user_put(struct vh_user *u)
{
	bool gone;

	if (!u)
		return;
	lock_users();
	gone = !--u->refs && !has_limits(u);
	if (gone)
		vh_index_del(&users, &u->node);
	unlock_users();
	if (gone)
		kfree(u);
}

/**
 * vh_outermost_user_ns - the user namespace around another that is right in the initial one
 * @ns: that other, or it itself
 *
 * NULL for the initial one.
 */
const struct user_namespace *vh_outermost_user_ns(const struct user_namespace *ns)
{
	if (ns == &init_user_ns)
		return NULL;
	while (ns->parent != &init_user_ns)
		ns = ns->parent;
	return ns;
}

/* The host's id of the first that root gave a user namespace. */
static kuid_t first_id(const struct user_namespace *ns)
{
	const struct uid_gid_map *map = &ns->uid_map;
	u32 n = READ_ONCE(map->nr_extents);

	smp_rmb();	/* extents are written before their number */
	if (!n)
		return INVALID_UID;
	return KUIDT_INIT(n <= UID_GID_MAP_MAX_BASE_EXTENTS ? map->extent[0].lower_first :
			  map->forward[0].lower_first);
}

/* Who pays besides the current task's user, or INVALID_UID. */
static kuid_t besides(const struct cred *cred)
{
	const struct user_namespace *ns = vh_outermost_user_ns(cred->user_ns);
	kuid_t uid;

	if (!ns)
		return INVALID_UID;
	uid = uid_eq(ns->owner, GLOBAL_ROOT_UID) ? first_id(ns) : ns->owner;
	/* Ids as on the host: its users pay for themselves. */
	if (!uid_valid(uid) || uid_eq(uid, GLOBAL_ROOT_UID) || uid_eq(uid, cred->euid))
		return INVALID_UID;
	return uid;
}

/**
 * vh_user_answering - who answers for what the current task does
 *
 * Process context. Its user, or whoever pays besides: users of one's own making are one. With a reference,
 * or NULL: no memory.
 */
struct vh_user *vh_user_answering(void)
{
	kuid_t uid = besides(current_cred());

	return user_get(uid_valid(uid) ? uid : current_euid());
}

/**
 * vh_payer_init - the current task's user is to pay for something
 * @p: to be filled in; vh_payer_exit() undoes it
 *
 * Process context. 0 or -ENOMEM.
 */
int vh_payer_init(struct vh_payer *p)
{
	kuid_t uid = besides(current_cred());

	p->user[1] = NULL;
	p->user[0] = user_get(current_euid());
	if (p->user[0] && uid_valid(uid)) {
		p->user[1] = user_get(uid);
		if (!p->user[1]) {
			vh_user_put(p->user[0]);
			p->user[0] = NULL;
		}
	}
	return p->user[0] ? 0 : -ENOMEM;
}

/**
 * vh_payer_exit - undo vh_payer_init()
 * @p: all charges given back
 */
void vh_payer_exit(struct vh_payer *p)
{
	vh_user_put(p->user[1]);
	vh_user_put(p->user[0]);
	p->user[0] = p->user[1] = NULL;
}

/* users_lock held. */
static u64 limit_of(const struct vh_user *u, enum vh_quota q)
{
	return u->limit[q] == VH_LIMIT_DEFAULT ? defaults[q] : u->limit[q];
}

/* users_lock held. One more of @n, however much there is: 2^26 VMs of 2^36 pages have place. */
static void add(struct vh_payer *p, enum vh_quota q, u64 n)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(p->user) && p->user[i]; i++)
		p->user[i]->usage[q] += n;
}

/**
 * vh_payer_charge - charge those who pay, all or none
 * @p: who
 * @q: for what
 * @n: how many, or bytes; VH_VM_MEMORY_MAX at most
 * @full: with -EDQUOT: whose limit refused; valid as long as @p
 *
 * Process context, the current task is the one that asks. 0 or -EDQUOT.
 */
int vh_payer_charge(struct vh_payer *p, enum vh_quota q, u64 n, struct vh_user **full)
{
	unsigned int i;

	n = to_units(q, n);
	*full = NULL;
	lock_users();
	for (i = 0; i < ARRAY_SIZE(p->user) && p->user[i]; i++) {
		u64 limit = limit_of(p->user[i], q), usage = p->user[i]->usage[q];

		if (limit != VH_LIMIT_NONE && (usage > limit || n > limit - usage)) {
			*full = p->user[i];
			break;
		}
	}
	if (!*full)
		add(p, q, n);
	unlock_users();
	if (!*full)
		return 0;
	/* Asked only now: a refusal may be noted in a log. */
	if (capable(CAP_SYS_RESOURCE)) {
		lock_users();
		add(p, q, n);
		unlock_users();
		return 0;
	}
	lock_users();
	(*full)->refused[q]++;
	unlock_users();
	return -EDQUOT;
}

/**
 * vh_payer_uncharge - give back what was charged
 * @p: who
 * @q: for what
 * @n: how many, or bytes
 */
void vh_payer_uncharge(struct vh_payer *p, enum vh_quota q, u64 n)
{
	unsigned int i;

	n = to_units(q, n);
	lock_users();
	for (i = 0; i < ARRAY_SIZE(p->user) && p->user[i]; i++)
		p->user[i]->usage[q] -= n;
	unlock_users();
}

/* users_lock held. */
static void tell(const struct vh_user *u, struct vh_user_info *info)
{
	int i;

	info->uid = u->uid;
	for (i = 0; i < VH_NR_QUOTAS; i++) {
		info->usage[i] = from_units(i, u->usage[i]);
		info->limit[i] = from_units(i, limit_of(u, i));
		info->refused[i] = u->refused[i];
	}
}

/**
 * vh_user_info - figures of a user
 * @uid: the user; INVALID_UID: what every user may have
 * @info: to be filled in; one who has nothing has zeros and the defaults
 */
void vh_user_info(kuid_t uid, struct vh_user_info *info)
{
	struct vh_user none = { .uid = uid }, *u;
	int i;

	for (i = 0; i < VH_NR_QUOTAS; i++)
		none.limit[i] = VH_LIMIT_DEFAULT;
	lock_users();
	u = uid_valid(uid) ? find(__kuid_val(uid)) : NULL;
	tell(u ? u : &none, info);
	unlock_users();
}

/**
 * vh_user_next - figures of the user with the lowest uid from @uid on
 * @uid: where to begin, in the initial user namespace
 * @info: to be filled in
 *
 * False when there is none.
 */
bool vh_user_next(u64 uid, struct vh_user_info *info)
{
	struct vh_index_node *n;

	lock_users();
	n = vh_index_next(&users, uid);
	if (n)
		tell(container_of(n, struct vh_user, node), info);
	unlock_users();
	return n;
}

/**
 * vh_user_limit - set a limit
 * @uid: whose; INVALID_UID: of all users that have none of their own
 * @q: of what
 * @limit: bytes or a count, VH_LIMIT_NONE; for one user VH_LIMIT_DEFAULT
 *
 * Process context. 0 or -ENOMEM.
 */
int vh_user_limit(kuid_t uid, enum vh_quota q, u64 limit)
{
	struct vh_user *u = NULL;

	if (uid_valid(uid)) {
		u = user_get(uid);
		if (!u)
			return -ENOMEM;
	}
	lock_users();
	*(u ? &u->limit[q] : &defaults[q]) = to_units(q, limit);
	unlock_users();
	vh_user_put(u);
	return 0;
}

/**
 * vh_users_init - the defaults
 *
 * Module load.
 */
void vh_users_init(void)
{
	defaults[VH_QUOTA_VMS] = 4096;
	defaults[VH_QUOTA_DEFINED] = 1024;
	defaults[VH_QUOTA_RESERVED] = 4 * totalram_pages();
	defaults[VH_QUOTA_SOCKETS] = 64;
}

/**
 * vh_users_exit - forget those who have limits; nobody has anything
 */
void vh_users_exit(void)
{
	struct vh_index_node *n;

	while ((n = vh_index_next(&users, 0))) {
		vh_index_del(&users, n);
		kfree(container_of(n, struct vh_user, node));
	}
}
