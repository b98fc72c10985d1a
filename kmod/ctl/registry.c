// SPDX-License-Identifier: GPL-2.0-only
/*
 * registry.c - records of VMs: life and lookup.
 */
#include <linux/cred.h>
#include <linux/ctype.h>
#include <linux/hashtable.h>
#include <linux/jhash.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/user_namespace.h>

#include "../vh.h"
#include "asker.h"
#include "events.h"
#include "registry.h"

DEFINE_RWLOCK(vh_registry_lock);
static struct vh_index records;		/* by id; vh_registry_lock */
static u32 next_id = 1;			/* vh_registry_lock */
static DEFINE_HASHTABLE(names, 12);	/* vh_registry_lock */
static DEFINE_HASHTABLE(uuids, 12);	/* vh_registry_lock */
static DEFINE_HASHTABLE(own_names, 12);	/* by name, owner and PID namespace; vh_registry_lock */
static u32 name_seed __ro_after_init;	/* nobody can choose names that fall together */
static DEFINE_SPINLOCK(name_lock);	/* names, for those without vh_registry_lock */

/**
 * vh_record_get - one more reference
 * @r: the record
 */
void vh_record_get(struct vh_record *r)
{
	refcount_inc(&r->refs);
}

/**
 * vh_record_put - drop a reference
 * @r: the record
 *
 * Process context.
 */
void vh_record_put(struct vh_record *r)
{
	if (!refcount_dec_and_test(&r->refs))
		return;
	vh_group_put(r->group);
	vh_payer_exit(&r->payer);
	put_pid(r->pid);
	put_pid_ns(r->pid_ns);
	put_user_ns(r->user_ns);
	kfree(r);
}

/**
 * vh_record_name - a VM's name now
 * @r: the record
 * @name: VH_VM_NAME_MAX + 1 bytes
 */
void vh_record_name(const struct vh_record *r, char *name)
{
	spin_lock(&name_lock);
	strscpy(name, r->name, VH_VM_NAME_MAX + 1);
	spin_unlock(&name_lock);
}

/* --- life --- */

static void set_process(struct vh_record *r)
{
	put_pid(r->pid);
	r->pid = get_task_pid(current, PIDTYPE_TGID);
	get_task_comm(r->comm, current->group_leader);
}

#define LOOK_THREADS	16

/*
 * Has the VMM's process become another program (exec)? It keeps its id, but is
 * no more what made the VM. Not yet when it is exiting: no thread has memory then.
 * One whose first threads have all exited is not another: who execs is the first.
 */
static bool is_other_program(struct pid *pid, const struct vh_vm *vm)
{
	struct mm_struct *mm = NULL;
	struct task_struct *task, *t;
	unsigned int n = 0;

	rcu_read_lock();
	task = pid_task(pid, PIDTYPE_TGID);
	if (task) {
		for_each_thread(task, t) {	/* the first one may be gone */
			mm = READ_ONCE(t->mm);
			if (mm || ++n == LOOK_THREADS)
				break;
		}
	}
	rcu_read_unlock();
	return mm && mm != vm->mm;
}

/**
 * vh_record_runs - is a process the VMM that made a VM?
 * @pid: of the thread group
 * @vm: a VM that stays
 *
 * Also when it is gone.
 */
bool vh_record_runs(struct pid *pid, const struct vh_vm *vm)
{
	return !is_other_program(pid, vm);
}

/**
 * vh_record_process - the process that stands for the VM
 * @r: a record
 *
 * vh_registry_lock held, or the VM stays with its VMM. NULL: there is none.
 */
struct pid *vh_record_process(const struct vh_record *r)
{
	if ((!r->attached && r->defined) || (r->vm && is_other_program(r->pid, r->vm)))
		return NULL;
	return r->pid;
}

/* A random one (RFC 9562, version 4). Not uuid_gen(): it makes random numbers for each anew. */
static void new_uuid(uuid_t *uuid)
{
	u64 half[2] = { get_random_u64(), get_random_u64() };

	memcpy(uuid->b, half, sizeof(half));
	uuid->b[6] = (uuid->b[6] & 0x0f) | 0x40;
	uuid->b[8] = (uuid->b[8] & 0x3f) | 0x80;
}

/**
 * vh_record_create - a VM of the current user, charged but not yet known
 * @group: what it is charged to; the reference passes to the record
 * @def: made over netlink: what to reserve; else NULL
 * @why: with -EDQUOT: which limit, in words
 *
 * Process context. Returns it with one reference; ERR_PTR(-EDQUOT), told as an
 * event, or ERR_PTR(-ENOMEM).
 */
struct vh_record *vh_record_create(struct vh_group *group, const struct vh_definition *def,
				   const char **why)
{
	struct vh_record *r;
	int err;

	r = def ? vh_zalloc_brief(sizeof(*r)) : kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
	if (!r) {
		vh_group_put(group);
		return ERR_PTR(-ENOMEM);
	}
	refcount_set(&r->refs, 1);
	r->group = group;
	r->defined = def;
	r->uid = current_euid();
	r->pid_ns = get_pid_ns(task_active_pid_ns(current));
	r->user_ns = get_user_ns(current_user_ns());
	r->created_ns = ktime_get_boottime_ns();
	new_uuid(&r->uuid);
	set_process(r);
	if (def) {
		r->reserved[VH_RES_VCPUS] = def->vcpus;
		r->reserved[VH_RES_MEMORY] = def->memory;
	}
	err = vh_payer_init(&r->payer);
	if (!err)
		err = vh_record_charge_new(r, why);
	if (!err)
		return r;
	vh_record_put(r);
	return ERR_PTR(err);
}

/**
 * vh_record_name_ok - may a VM be given this name?
 * @name: zero-terminated
 *
 * Names are no ids: not digits alone, no UUID; and not one that a VM has by
 * itself, vm-NUMBER.
 */
bool vh_record_name_ok(const char *name)
{
	size_t n = strlen(name), i;

	if (!n || n > VH_VM_NAME_MAX || name[0] == '-')
		return false;
	for (i = 0; i < n; i++)
		if (!isascii(name[i]) || (!isalnum(name[i]) && !strchr("._+:@-", name[i])))
			return false;
	if (n == UUID_STRING_LEN && uuid_is_valid(name))
		return false;
	if (!strncmp(name, "vm-", 3))
		name += 3;
	return !*name || name[strspn(name, "0123456789")];
}

#define OWN_NAME	16

/* The name that no other VM can have. */
static void own_name(const struct vh_record *r, char *name)
{
	snprintf(name, OWN_NAME, "vm-%u", r->id);
}

static u32 name_hash(const char *name)
{
	return jhash(name, strlen(name), name_seed);
}

static u32 uuid_hash(const u8 *uuid)
{
	u32 hash;

	memcpy(&hash, uuid, sizeof(hash));	/* random */
	return hash;
}

/**
 * vh_record_named - the next of the VMs with a name, in no order
 * @name: zero-terminated
 * @after: of them, or NULL: the first
 *
 * vh_registry_lock held. NULL when there is none.
 */
struct vh_record *vh_record_named(const char *name, const struct vh_record *after)
{
	struct vh_record *r;

	if (after) {
		r = (struct vh_record *)after;
		hlist_for_each_entry_continue(r, named)
			if (!strcmp(r->name, name))
				return r;
		return NULL;
	}
	hash_for_each_possible(names, r, named, name_hash(name))
		if (!strcmp(r->name, name))
			return r;
	return NULL;
}

/**
 * vh_record_by_uuid - the VM of a UUID
 * @uuid: UUID_SIZE bytes
 *
 * vh_registry_lock held. NULL when there is none.
 */
struct vh_record *vh_record_by_uuid(const u8 *uuid)
{
	struct vh_record *r;

	hash_for_each_possible(uuids, r, by_uuid, uuid_hash(uuid))
		if (!memcmp(&r->uuid, uuid, UUID_SIZE))
			return r;
	return NULL;
}

static u32 own_hash(const char *name, kuid_t uid, const struct pid_namespace *ns)
{
	return jhash_2words(name_hash(name), __kuid_val(uid), hash_ptr(ns, 32));
}

/**
 * vh_record_own - the VM of a name that a user made in a PID namespace
 * @name: zero-terminated
 * @uid: the user
 * @ns: the namespace
 *
 * vh_registry_lock held. As long however many others' VMs have this name. NULL when there is none.
 */
struct vh_record *vh_record_own(const char *name, kuid_t uid, const struct pid_namespace *ns)
{
	struct vh_record *r;

	hash_for_each_possible(own_names, r, own_named, own_hash(name, uid, ns))
		if (uid_eq(r->uid, uid) && r->pid_ns == ns && !strcmp(r->name, name))
			return r;
	return NULL;
}

static bool name_taken(const struct vh_record *me, const char *name)
{
	const struct vh_record *r = vh_record_own(name, me->uid, me->pid_ns);

	return r && r != me;
}

static void set_name(struct vh_record *r, const char *name)
{
	spin_lock(&name_lock);
	strscpy(r->name, name, sizeof(r->name));
	spin_unlock(&name_lock);
	hash_add(names, &r->named, name_hash(name));
	hash_add(own_names, &r->own_named, own_hash(name, r->uid, r->pid_ns));
}

/* The next free id. Ids come again only after all others: no two VMs of one follow each other. */
static void set_id(struct vh_record *r)
{
	do {
		r->id = next_id;
		next_id = next_id < S32_MAX ? next_id + 1 : 1;
	} while (!vh_index_add(&records, &r->node, r->id));
}

/* What @r->vm is now, everybody finds. */
static void has_vmm(struct vh_record *r, struct vh_vm *vm)
{
	r->vm = vm;
	vm->id = r->id;
	vm->seen = get_task_cred(current->group_leader);
	vh_group_live(r->group, &r->live, r->id, true);
}

static void unlist(struct vh_record *r)
{
	vh_index_del(&records, &r->node);
	hash_del(&r->named);
	hash_del(&r->own_named);
	hash_del(&r->by_uuid);
	vh_whose_del(r);
	r->listed = false;
}

/**
 * vh_record_register - from now on the VM is known
 * @r: its record
 * @vm: its VM, or NULL
 * @name: a valid name, or NULL for "vm-ID"
 *
 * Process context. 0, -EEXIST when its owner has a VM of this name in the same
 * PID namespace, -ENODEV when the module is being unloaded.
 * Tells the listeners before anybody can do anything with the VM.
 */
int vh_record_register(struct vh_record *r, struct vh_vm *vm, const char *name)
{
	char own[OWN_NAME];

	/* Nothing else keeps a record made over netlink; not while the module goes already. */
	if (r->defined && !try_module_get(THIS_MODULE))
		return -ENODEV;
	if (vm)
		vh_reclaim_vm_add(vm);
	vh_registry_write_lock();
	if (name && name_taken(r, name)) {
		vh_registry_write_unlock();
		if (r->defined)
			module_put(THIS_MODULE);
		return -EEXIST;
	}
	set_id(r);
	if (!name) {
		own_name(r, own);
		name = own;
	}
	set_name(r, name);
	hash_add(uuids, &r->by_uuid, uuid_hash((const u8 *)&r->uuid));
	vh_whose_add(r);
	r->claimed = vm;
	r->registered = true;
	r->listed = true;
	if (vm)
		has_vmm(r, vm);
	vh_group_count_vm(r->group);
	vh_event_vm(r, VH_EVENT_CREATED);
	vh_registry_write_unlock();
	return 0;
}

/**
 * vh_record_claim - the caller is about to become the VMM of a defined VM
 * @id: of the VM
 *
 * Process context. The record with a reference, which vh_record_detached()
 * drops; ERR_PTR(-ENOENT), ERR_PTR(-EBUSY), ERR_PTR(-ENOMEM).
 */
struct vh_record *vh_record_claim(u32 id)
{
	struct vh_record *r;
	struct vh_right w;
	int err = vh_right_of_current(&w);

	if (err)
		return ERR_PTR(err);
	vh_registry_write_lock();
	r = vh_record_by_id(id);
	if (!r || !r->defined || !vh_right_sees(&w, r)) {
		r = ERR_PTR(-ENOENT);
	} else if (r->claimed) {
		r = ERR_PTR(-EBUSY);
	} else {
		vh_record_get(r);
		r->claimed = true;
	}
	vh_registry_write_unlock();
	vh_right_put(&w);
	return r;
}

/**
 * vh_record_attach - a defined VM has a VMM
 * @r: its record, of vh_record_claim()
 * @vm: what the VMM has
 *
 * Process context. Returns 0.
 */
int vh_record_attach(struct vh_record *r, struct vh_vm *vm)
{
	vh_reclaim_vm_add(vm);
	vh_registry_write_lock();
	vh_whose_del(r);
	set_process(r);
	vh_whose_add(r);
	r->status = 0;
	r->attached = true;
	has_vmm(r, vm);
	vh_event_vm(r, VH_EVENT_ATTACHED);
	vh_registry_write_unlock();
	return 0;
}

/**
 * vh_record_detach - a VM is about to be torn down
 * @r: its record
 * @vm: the VM; no vCPU runs
 *
 * Process context. Nobody finds it from now on, and what it has counted is in
 * the group's past, and the record's. Nothing is done for one that was never
 * registered or attached.
 */
void vh_record_detach(struct vh_record *r, struct vh_vm *vm)
{
	struct vh_counts c = {};

	vh_reclaim_vm_remove(vm);
	vh_counts_add_vm(&c, vm);	/* no vCPU runs any more */
	vh_registry_write_lock();
	if (r->vm == vm) {
		put_cred(vm->seen);
		vm->seen = NULL;
		if (is_other_program(r->pid, vm)) {
			put_pid(r->pid);
			r->pid = NULL;
		}
		vh_walk_leaves(r, &c);
		vh_group_live(r->group, &r->live, r->id, false);
		vh_group_fold(r->group, &c);
		vh_counts_add(&r->past, &c);
		r->vm = NULL;
		if (!r->defined)
			unlist(r);
	}
	vh_registry_write_unlock();
	vh_reclaim_vm_settle(vm);
}

/**
 * vh_record_detached - a VM was torn down, or never came to be
 * @r: its record; the reference is dropped
 *
 * Process context.
 */
void vh_record_detached(struct vh_record *r)
{
	bool was_attached;

	if (r->defined)
		vh_record_uncharge_vmm(r);
	else
		vh_record_uncharge_all(r);
	vh_registry_write_lock();
	if (r->defined) {
		r->claimed = false;
		was_attached = r->attached;
		r->attached = false;	/* its owner's again, who is told */
		if (was_attached)
			vh_event_vm(r, VH_EVENT_DETACHED);
	} else if (r->registered) {
		vh_event_vm(r, VH_EVENT_DESTROYED);
	}
	vh_registry_write_unlock();
	vh_record_put(r);
}

/**
 * vh_vm_over - the VMM's memory is gone, and no vCPU can run any more
 * @vm: the VM, whose teardown may be under way
 *
 * Process context. Somebody else may hold descriptors of it: the VM is dead.
 */
void vh_vm_over(struct vh_vm *vm)
{
	struct vh_record *r;

	vh_registry_read_lock();
	r = vh_record_by_id(vm->id);
	if (r && r->vm == vm) {
		set_bit(VH_CTL_DEAD, &vm->control);
		vh_record_over(r);
	}
	vh_registry_read_unlock();
}

/**
 * vh_record_discard - a record that could not be registered
 * @r: the record; the reference is dropped
 *
 * Process context.
 */
void vh_record_discard(struct vh_record *r)
{
	vh_record_uncharge_all(r);
	vh_record_put(r);
}

/**
 * vh_record_undefine - VH_CMD_VM_DESTROY
 * @r: a record with a reference of the caller's
 *
 * Process context. -EBUSY when it has a VMM, -ENOENT when it is gone already,
 * -EINVAL when it goes with its VMM.
 */
int vh_record_undefine(struct vh_record *r)
{
	int err = 0;

	vh_registry_write_lock();
	if (!r->defined)
		err = -EINVAL;
	else if (!r->listed)
		err = -ENOENT;
	else if (r->claimed)
		err = -EBUSY;
	if (!err)
		unlist(r);
	vh_registry_write_unlock();
	if (err)
		return err;
	vh_record_uncharge_all(r);
	vh_event_vm(r, VH_EVENT_DESTROYED);
	vh_record_put(r);
	module_put(THIS_MODULE);
	return 0;
}

/**
 * vh_record_rename - another name
 * @r: a registered record
 * @name: zero-terminated
 *
 * Process context. -EINVAL, -EEXIST when the owner has a VM of this name where
 * it was made, -ENOENT when it is gone. "vm-ID" can be had back.
 */
int vh_record_rename(struct vh_record *r, const char *name)
{
	char own[OWN_NAME];
	int err = 0;

	own_name(r, own);
	if (strcmp(name, own) && !vh_record_name_ok(name))
		return -EINVAL;
	vh_registry_write_lock();
	if (!r->listed) {
		err = -ENOENT;
	} else if (name_taken(r, name)) {
		err = -EEXIST;
	} else if (strcmp(r->name, name)) {
		hash_del(&r->named);
		hash_del(&r->own_named);
		set_name(r, name);
		vh_event_vm(r, VH_EVENT_RENAMED);
	}
	vh_registry_write_unlock();
	return err;
}

/* --- lookup --- */

/**
 * vh_record_by_id - a record, or NULL
 * @id: of the VM
 *
 * vh_registry_lock held.
 */
struct vh_record *vh_record_by_id(u32 id)
{
	struct vh_index_node *n = vh_index_find(&records, id);

	return n ? container_of(n, struct vh_record, node) : NULL;
}

/**
 * vh_record_next - the record with the lowest id from @id on, or NULL
 * @id: where to begin
 *
 * vh_registry_lock held.
 */
struct vh_record *vh_record_next(u32 id)
{
	struct vh_index_node *n = vh_index_next(&records, id);

	return n ? container_of(n, struct vh_record, node) : NULL;
}

/**
 * vh_registry_init - groups, users, reclaim and an empty registry
 *
 * Module load. -ENOMEM.
 */
int __init vh_registry_init(void)
{
	int err = vh_groups_init();

	if (err)
		return err;
	vh_users_init();
	get_random_bytes(&name_seed, sizeof(name_seed));
	err = vh_reclaim_init();
	if (err)
		vh_groups_exit();
	return err;
}

/**
 * vh_registry_exit - module unload; no record is left
 */
void vh_registry_exit(void)
{
	vh_reclaim_exit();
	vh_groups_exit();
	vh_users_exit();
}
