// SPDX-License-Identifier: GPL-2.0-only
/*
 * nl_vm.c - VM commands of the netlink family.
 *
 * A VM that the asker may not see does not exist for it.
 */
#include <linux/sched/task.h>

#include "../vh.h"
#include "netlink.h"

#define BAD_NAME	"a name has letters, digits and ._+:@-; no number, UUID or vm-NUMBER"

#define NAME_BATCH	64		/* VMs looked at with vh_registry_lock held ... */
#define NAME_LOOKS	512		/* ... and for a request: see struct vh_dump */

/*
 * The VM of a name, of those that the asker sees; *several: two of them have it. vh_registry_lock
 * held; dropped now and then: who may see few goes through these, not through all of that name. ERR_PTR(-E2BIG).
 */
static struct vh_record *find_named(const struct vh_asker *a, const char *name, bool *several)
{
	struct vh_record *r = NULL, *found = NULL;
	unsigned int n = 0;
	u64 next = 0;
	u32 id = 0;

	if (vh_whose_all(&a->right)) {
		while (!*several && (r = vh_record_named(name, r))) {
			if (n++ == NAME_LOOKS)	/* a security module hides them */
				return ERR_PTR(-E2BIG);
			if (!vh_asker_sees(a, r))
				continue;
			*several = found;
			found = r;
		}
		return found;
	}
	while (!*several && (r = vh_whose_next(&a->right, next))) {
		if (n == NAME_LOOKS)
			return ERR_PTR(-E2BIG);
		next = (u64)r->id + 1;
		if (!strcmp(r->name, name) && vh_asker_sees(a, r)) {
			*several = id;
			id = r->id;
		}
		if (++n % NAME_BATCH)
			continue;
		vh_registry_read_unlock();
		vh_registry_read_lock();
	}
	found = id ? vh_asker_vm(a, id) : NULL;
	return found && !strcmp(found->name, name) ? found : NULL;
}

/*
 * The VM that a request names by VH_A_VM_ID, _UUID or _NAME, in this order of
 * preference; of several with a name the asker's own. vh_registry_lock held, and perhaps dropped.
 * ERR_PTR with extack set: -EINVAL (none given), -ENOENT, -ENOTUNIQ (a name
 * that VMs of several others have), -E2BIG (a name to be looked for among too many).
 */
static struct vh_record *find_vm(const struct vh_asker *a, struct genl_info *info)
{
	struct nlattr *id = info->attrs[VH_A_VM_ID], *uuid = info->attrs[VH_A_VM_UUID],
		      *name = info->attrs[VH_A_VM_NAME], *by = id ? id : uuid ? uuid : name;
	struct vh_record *found = NULL;
	bool several = false;

	if (!by) {
		NL_SET_ERR_MSG(info->extack, "id, uuid or name of a VM is required");
		return ERR_PTR(-EINVAL);
	}
	if (id) {
		found = vh_asker_vm(a, nla_get_u32(id));
	} else if (uuid) {
		found = vh_record_by_uuid(nla_data(uuid));
		if (found && !vh_asker_sees(a, found))
			found = NULL;
	} else {
		found = vh_record_own(nla_data(name), a->right.cred->euid, a->right.pid_ns);
		if (!found || !vh_asker_sees(a, found))
			found = find_named(a, nla_data(name), &several);
	}
	if (several) {
		NL_SET_ERR_MSG_ATTR(info->extack, by,
				    "VMs of several users have this name: say its id");
		return ERR_PTR(-ENOTUNIQ);
	}
	if (IS_ERR(found))
		NL_SET_ERR_MSG_ATTR(info->extack, by,
				    "none of yours has this name, and others are too many to look at: say its id");
	if (found)
		return found;
	NL_SET_ERR_MSG_ATTR(info->extack, by, "no such VM");
	return ERR_PTR(-ENOENT);
}

static int put_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, VH_A_VM_PAD);
}

/*
 * A VM as it was at one moment: what needs vh_registry_lock is looked at under it,
 * the rest without.
 */
struct vm_view {
	struct vh_record *r;		/* with a reference */
	struct vh_vm *vm;		/* pinned, or NULL: has not been added up yet */
	struct vh_counts counts;
	long tables;
	enum vh_vm_state state;
	bool button;
	pid_t pid;			/* 0: none that the asker sees */
	char name[VH_VM_NAME_MAX + 1], comm[TASK_COMM_LEN];
};

/* vh_registry_lock held. view_put() drops it. */
static void view_get(struct vm_view *v, const struct vh_asker *a, struct vh_record *r)
{
	vh_record_get(r);
	v->r = r;
	v->counts = r->past;
	v->tables = 0;
	v->button = false;
	v->vm = r->vm;
	if (v->vm) {
		v->button = READ_ONCE(v->vm->power_button);
		vh_reclaim_pin(v->vm);
		v->tables = atomic_long_read(&v->vm->tables);
	}
	v->state = vh_vm_state(r);
	v->pid = pid_nr_ns(r->pid, a->right.pid_ns);
	memcpy(v->name, r->name, sizeof(v->name));
	memcpy(v->comm, r->comm, sizeof(v->comm));
}

/* No lock held: up to VH_MAX_VCPUS. */
static void view_sum(struct vm_view *v)
{
	if (!v->vm)
		return;
	vh_counts_add_vm(&v->counts, v->vm);
	vh_reclaim_unpin(v->vm);
	v->vm = NULL;
}

/* Process context, no lock held. */
static void view_put(struct vm_view *v)
{
	vh_record_put(v->r);
}

/* Who and where, as the asker sees it. */
static int put_owner(struct sk_buff *skb, struct vh_asker *a, const struct vm_view *v)
{
	const char *path = vh_asker_path(a, v->r->group->cgrp);

	return nla_put_u32(skb, VH_A_VM_UID, from_kuid_munged(a->right.cred->user_ns, v->r->uid)) ||
	       (v->pid && nla_put_u32(skb, VH_A_VM_PID, v->pid)) ||
	       nla_put_string(skb, VH_A_VM_COMM, v->comm) ||
	       put_u64(skb, VH_A_VM_CGROUP_ID, v->r->group->id) ||
	       (path && nla_put_string(skb, VH_A_VM_CGROUP_PATH, path)) ? -EMSGSIZE : 0;
}

static int put_identity(struct sk_buff *skb, const struct vh_record *r, const char *name)
{
	u8 uuid[UUID_SIZE];

	export_uuid(uuid, &r->uuid);
	return nla_put_u32(skb, VH_A_VM_ID, r->id) ||
	       nla_put(skb, VH_A_VM_UUID, sizeof(uuid), uuid) ||
	       nla_put_string(skb, VH_A_VM_NAME, name) ? -EMSGSIZE : 0;
}

/* 0 or -EMSGSIZE. */
static int put_vm(struct sk_buff *skb, struct vh_asker *a, const struct vm_view *v)
{
	const struct vh_record *r = v->r;

	if (put_identity(skb, r, v->name) || put_owner(skb, a, v) ||
	    nla_put_u32(skb, VH_A_VM_STATE, v->state) ||
	    put_u64(skb, VH_A_VM_MEMORY, READ_ONCE(r->used[VH_RES_MEMORY])) ||
	    nla_put_u32(skb, VH_A_VM_VCPUS, READ_ONCE(r->used[VH_RES_VCPUS])) ||
	    put_u64(skb, VH_A_VM_TABLES, v->tables * PAGE_SIZE) ||
	    put_u64(skb, VH_A_VM_AGE, ktime_get_boottime_ns() - r->created_ns))
		return -EMSGSIZE;
	if (r->defined && (nla_put_flag(skb, VH_A_VM_DEFINED) ||
			   put_u64(skb, VH_A_VM_RESERVED_MEMORY, r->reserved[VH_RES_MEMORY]) ||
			   nla_put_u32(skb, VH_A_VM_RESERVED_VCPUS, r->reserved[VH_RES_VCPUS])))
		return -EMSGSIZE;
	if (v->button && nla_put_flag(skb, VH_A_VM_POWER_BUTTON))
		return -EMSGSIZE;
	return vh_put_counters(skb, VH_A_VM_COUNTERS, &v->counts);
}

static int fill_vm(struct sk_buff *msg, struct vh_asker *a, struct genl_info *info)
{
	struct vh_record *r;
	struct vm_view v;
	int err;

	vh_registry_read_lock();
	r = find_vm(a, info);
	if (!IS_ERR(r))
		view_get(&v, a, r);
	vh_registry_read_unlock();
	if (IS_ERR(r))
		return PTR_ERR(r);
	view_sum(&v);
	err = put_vm(msg, a, &v);
	view_put(&v);
	return err;
}

/**
 * vh_nl_vm_get - VH_CMD_VM_GET, one VM
 * @skb: the request
 * @info: the request
 */
int vh_nl_vm_get(struct sk_buff *skb, struct genl_info *info)
{
	return vh_nl_answer(skb, info, fill_vm);
}

/**
 * vh_nl_vm_dump - VH_CMD_VM_GET, all VMs that the asker may see, by id
 * @skb: to be filled
 * @cb: the dump
 */
int vh_nl_vm_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct vh_dump *d = vh_dump(cb);
	struct vh_record *r;
	struct vm_view v;
	unsigned int n;
	bool sees, full;
	void *head;

	if (vh_asker_goes_on(d->asker))
		return -ENOMEM;
	do {
		sees = full = false;
		vh_registry_read_lock();
		for (n = 0; n < VH_REGISTRY_BATCH && !sees && (r = vh_whose_next(&d->asker->right, d->next)); n++) {
			sees = vh_asker_sees(d->asker, r);
			if (sees)
				view_get(&v, d->asker, r);
			else
				d->next = r->id + 1;
		}
		vh_registry_read_unlock();
		if (sees) {
			view_sum(&v);
			head = vh_dump_begin(skb, cb, VH_CMD_VM_GET);
			full = !head || !vh_dump_end(skb, head, put_vm(skb, d->asker, &v));
			if (!full)
				d->next = v.r->id + 1;
			view_put(&v);
		}
	} while (r && !full && vh_dump_goes_on(d));
	return vh_dump_part(skb, cb, r);
}

/*
 * May the caller put a VM there? As for a task: cgroup.procs of the cgroup and
 * of the nearest common ancestor with the caller's own are open for writing.
 */
static int may_attach(const struct vh_asker *a, struct genl_info *info, struct cgroup *to)
{
	struct nlattr *attr = info->attrs[VH_A_VM_COMMON_FD];
	struct cgroup *from, *common = to;
	bool below;
	int err;

	if (a->right.admin)
		return 0;
	rcu_read_lock();
	from = task_dfl_cgroup(current);
	while (!cgroup_is_descendant(from, common))
		common = cgroup_parent(common);
	below = common == to;
	rcu_read_unlock();
	/* An ancestor stays while @to does. */
	if (below)
		return 0;
	if (!attr) {
		NL_SET_ERR_MSG(info->extack,
			       "common-fd is required: cgroup.procs of the common ancestor");
		return -EACCES;
	}
	err = vh_check_procs_fd(nla_get_s32(attr), common);
	if (err)
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "not cgroup.procs of the common ancestor, open for writing");
	return err;
}

static struct vh_group *group_for(const struct vh_asker *a, struct genl_info *info)
{
	struct nlattr *attr = info->attrs[VH_A_VM_CGROUP_FD];
	struct vh_group *g;
	struct cgroup *cgrp;
	int err;

	if (!attr)
		return vh_group_of_current();
	cgrp = vh_cgroup_of_procs_fd(nla_get_s32(attr));
	if (IS_ERR(cgrp)) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "not cgroup.procs of a cgroup v2, open for writing");
		return ERR_CAST(cgrp);
	}
	err = may_attach(a, info, cgrp);
	g = err ? ERR_PTR(err) : vh_group_of(cgrp);
	cgroup_put(cgrp);
	return g;
}

/*
 * The VM will be the sender's, and charged to it: not at the word of another
 * user, who opened the socket. Before anything is told of the sender's files.
 */
static int check_sender(const struct vh_asker *a, struct genl_info *info)
{
	if (!a->right.stranger)
		return 0;
	NL_SET_ERR_MSG(info->extack, VH_STRANGER);
	return -EPERM;
}

static int check_definition(struct genl_info *info, const char *name,
			    const struct vh_definition *def)
{
	struct nlattr *dev = info->attrs[VH_A_VM_DEV_FD];

	if (!dev) {
		NL_SET_ERR_MSG(info->extack, "dev-fd is required: " VH_DEVICE ", open");
		return -EINVAL;
	}
	if (vh_check_device_fd(nla_get_s32(dev))) {
		NL_SET_ERR_MSG_ATTR(info->extack, dev, "not an open " VH_DEVICE);
		return -EBADF;
	}
	if (name && !vh_record_name_ok(name)) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[VH_A_VM_NAME], BAD_NAME);
		return -EINVAL;
	}
	if (def->memory > VH_VM_MEMORY_MAX || def->memory & ~PAGE_MASK) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[VH_A_VM_MEMORY],
				    "memory is a multiple of 4096 bytes, 256 TiB at most");
		return -EINVAL;
	}
	return 0;
}

static int reply_identity(struct genl_info *info, const struct vh_record *r)
{
	struct sk_buff *msg = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	char name[VH_VM_NAME_MAX + 1];
	void *head;

	if (!msg)
		return -ENOMEM;
	vh_record_name(r, name);
	head = genlmsg_put_reply(msg, info, &vh_genl_family, 0, VH_CMD_VM_CREATE);
	if (!head || put_identity(msg, r, name)) {
		nlmsg_free(msg);
		return -EMSGSIZE;
	}
	genlmsg_end(msg, head);
	return genlmsg_reply(msg, info);
}

/**
 * vh_nl_vm_create - VH_CMD_VM_CREATE
 * @skb: the request
 * @info: the request
 */
int vh_nl_vm_create(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *name_attr = info->attrs[VH_A_VM_NAME];
	const char *name = name_attr ? nla_data(name_attr) : NULL;
	struct vh_definition def = {};
	const char *why = NULL;
	struct vh_record *r;
	struct vh_group *g;
	struct vh_asker a;
	int err;

	if (info->attrs[VH_A_VM_VCPUS])
		def.vcpus = nla_get_u32(info->attrs[VH_A_VM_VCPUS]);
	if (info->attrs[VH_A_VM_MEMORY])
		def.memory = nla_get_u64(info->attrs[VH_A_VM_MEMORY]);
	err = vh_asker_init(&a, skb);
	if (err)
		return err;
	err = check_sender(&a, info);
	if (!err)
		err = check_definition(info, name, &def);
	g = err ? ERR_PTR(err) : group_for(&a, info);
	vh_asker_exit(&a);
	if (IS_ERR(g)) {
		vh_nl_group_error(info->extack, PTR_ERR(g));
		return PTR_ERR(g);
	}
	r = vh_record_create(g, &def, &why);
	if (IS_ERR(r)) {
		if (PTR_ERR(r) == -EDQUOT && info->extack)
			info->extack->_msg = why;
		return PTR_ERR(r);
	}
	vh_record_get(r);	/* it may be destroyed before it is told */
	err = vh_record_register(r, NULL, name);
	if (err) {
		if (err == -EEXIST)
			NL_SET_ERR_MSG_ATTR(info->extack, name_attr, "a VM has this name");
		vh_record_put(r);
		vh_record_discard(r);
		return err;
	}
	err = reply_identity(info, r);
	vh_record_put(r);
	return err;
}

/* The VM that a request names, with a reference; ERR_PTR. */
static struct vh_record *get_vm(struct sk_buff *skb, struct genl_info *info)
{
	struct vh_record *r;
	struct vh_asker a;
	int err;

	err = vh_asker_init(&a, skb);
	if (err)
		return ERR_PTR(err);
	vh_registry_read_lock();
	r = find_vm(&a, info);
	if (!IS_ERR(r))
		vh_record_get(r);
	vh_registry_read_unlock();
	vh_asker_exit(&a);
	return r;
}

/**
 * vh_nl_vm_destroy - VH_CMD_VM_DESTROY
 * @skb: the request
 * @info: the request
 */
int vh_nl_vm_destroy(struct sk_buff *skb, struct genl_info *info)
{
	struct vh_record *r;
	int err;

	r = get_vm(skb, info);
	if (IS_ERR(r))
		return PTR_ERR(r);
	err = vh_record_undefine(r);
	vh_record_put(r);
	if (err == -EBUSY)
		NL_SET_ERR_MSG(info->extack, "the VM has a VMM: stop or kill it first");
	if (err == -EINVAL)
		NL_SET_ERR_MSG(info->extack, "the VM belongs to its VMM: stop or kill it");
	return err;
}

/**
 * vh_nl_vm_set - VH_CMD_VM_SET: the VM of an id or UUID gets a name
 * @skb: the request
 * @info: the request
 */
int vh_nl_vm_set(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *name = info->attrs[VH_A_VM_NAME];
	struct vh_record *r;
	int err;

	if (!name || !(info->attrs[VH_A_VM_ID] || info->attrs[VH_A_VM_UUID])) {
		NL_SET_ERR_MSG(info->extack, "id or uuid, and the new name are required");
		return -EINVAL;
	}
	r = get_vm(skb, info);
	if (IS_ERR(r))
		return PTR_ERR(r);
	err = vh_record_rename(r, nla_data(name));
	vh_record_put(r);
	if (err == -EEXIST)
		NL_SET_ERR_MSG_ATTR(info->extack, name, "a VM has this name");
	if (err == -EINVAL)
		NL_SET_ERR_MSG_ATTR(info->extack, name, BAD_NAME);
	return err;
}

/**
 * vh_nl_vm_control - VH_CMD_VM_PAUSE, _RESUME, _STOP and _KILL
 * @skb: the request
 * @info: the request
 */
int vh_nl_vm_control(struct sk_buff *skb, struct genl_info *info)
{
	struct vh_control c;
	struct vh_record *r;
	struct vh_asker a;
	int err;

	err = vh_asker_init(&a, skb);
	if (err)
		return err;
	vh_registry_read_lock();
	r = find_vm(&a, info);
	if (IS_ERR(r))
		err = PTR_ERR(r);
	else
		err = vh_control_begin(&c, r, info->genlhdr->cmd);
	vh_registry_read_unlock();
	if (!err)
		err = vh_control_end(&c, &a.right);
	vh_asker_exit(&a);
	if (err == -ENOTCONN)
		NL_SET_ERR_MSG(info->extack, "the VM has no VMM");
	if (err == -EIO)
		NL_SET_ERR_MSG(info->extack, "the VM is dead");
	if (err == -EPERM)
		NL_SET_ERR_MSG(info->extack, "you may not kill the VM's process");
	return err;
}
