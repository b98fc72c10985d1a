// SPDX-License-Identifier: GPL-2.0-only
/*
 * registry.c - records of VMs: life, lookup, charges.
 */
#include <linux/ctype.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/xarray.h>

#include "../vh.h"
#include "events.h"
#include "registry.h"

DECLARE_RWSEM(vh_registry_lock);
static DEFINE_XARRAY_ALLOC1(records);	/* by id; vh_registry_lock */
static u32 next_id = 1;			/* vh_registry_lock */
static DEFINE_SPINLOCK(name_lock);	/* names, for those without vh_registry_lock */

#define RECLAIM_BATCH	8		/* pages taken back at once for a limit's sake */
#define RECLAIM_TRIES	4

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
	put_pid(r->pid);
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

/* --- charges --- */

/* @n: bytes or a count; what it is at most, for one VM: VH_MAX_VCPUS, VH_VM_MEMORY_MAX. */
static int charge(struct vh_record *r, enum vh_resource res, u64 n)
{
	struct vh_ledger *full;
	int err = vh_ledger_charge(&r->group->ledger, res, vh_to_units(res, n), &full);

	if (err)
		vh_event_limit(r, vh_group_from_ledger(full), res, n);
	return err;
}

static void uncharge(struct vh_record *r, enum vh_resource res, u64 n)
{
	vh_ledger_uncharge(&r->group->ledger, res, vh_to_units(res, n));
}

/**
 * vh_record_charge - a VM is to have more vCPUs or memory
 * @r: its record
 * @res: VH_RES_VCPUS or VH_RES_MEMORY
 * @n: how much more
 *
 * What was reserved is charged already. Process context. 0 or -EDQUOT.
 */
int vh_record_charge(struct vh_record *r, enum vh_resource res, u64 n)
{
	u64 used, want;
	int err = 0;

	mutex_lock(&r->charge_mutex);
	used = r->used[res] + n;
	want = max(r->reserved[res], used);
	if (want > r->charged[res])
		err = charge(r, res, want - r->charged[res]);
	if (!err) {
		r->used[res] = used;
		r->charged[res] = want;
	}
	mutex_unlock(&r->charge_mutex);
	return err;
}

/**
 * vh_record_uncharge - a VM has less
 * @r: its record
 * @res: VH_RES_VCPUS or VH_RES_MEMORY
 * @n: how much less
 *
 * Process context.
 */
void vh_record_uncharge(struct vh_record *r, enum vh_resource res, u64 n)
{
	u64 want;

	mutex_lock(&r->charge_mutex);
	r->used[res] -= n;
	want = max(r->reserved[res], r->used[res]);
	if (want < r->charged[res])
		uncharge(r, res, r->charged[res] - want);
	r->charged[res] = want;
	mutex_unlock(&r->charge_mutex);
}

/**
 * vh_record_charge_tables - a VM is to have more page tables
 * @vm: the VM
 * @bytes: how much more
 *
 * Process context, no lock held but the VM's mutexes. At a limit, cold page
 * tables of the group at its limit are taken back first. 0 or -ENOMEM.
 */
int vh_record_charge_tables(struct vh_vm *vm, u64 bytes)
{
	struct vh_record *r = vm->rec;
	struct vh_ledger *full;
	int tries;

	for (tries = 0; tries < RECLAIM_TRIES; tries++) {
		if (likely(!vh_ledger_charge(&r->group->ledger, VH_RES_TABLES, bytes >> PAGE_SHIFT,
					     &full)))
			return 0;
		if (!vh_limit_reclaim(vh_group_from_ledger(full), vm, RECLAIM_BATCH))
			break;
	}
	vh_event_limit(r, vh_group_from_ledger(full), VH_RES_TABLES, bytes);
	return -ENOMEM;
}

/**
 * vh_record_uncharge_tables - a VM has fewer page tables
 * @vm: the VM
 * @bytes: how much less
 */
void vh_record_uncharge_tables(struct vh_vm *vm, u64 bytes)
{
	uncharge(vm->rec, VH_RES_TABLES, bytes);
}

/* What it holds beside page tables. */
static void uncharge_all(struct vh_record *r)
{
	uncharge(r, VH_RES_VMS, 1);
	uncharge(r, VH_RES_VCPUS, r->charged[VH_RES_VCPUS]);
	uncharge(r, VH_RES_MEMORY, r->charged[VH_RES_MEMORY]);
	memset(r->charged, 0, sizeof(r->charged));
}

/* --- life --- */

static void set_process(struct vh_record *r)
{
	put_pid(r->pid);
	r->pid = get_task_pid(current, PIDTYPE_TGID);
	get_task_comm(r->comm, current->group_leader);
}

/**
 * vh_record_create - a VM of the current user, charged but not yet known
 * @group: what it is charged to; the reference passes to the record
 * @def: made over netlink: what to reserve; else NULL
 *
 * Process context. Returns it with one reference; ERR_PTR(-EDQUOT), told as an
 * event, or ERR_PTR(-ENOMEM).
 */
struct vh_record *vh_record_create(struct vh_group *group, const struct vh_definition *def)
{
	struct vh_record *r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
	int err;

	if (!r) {
		vh_group_put(group);
		return ERR_PTR(-ENOMEM);
	}
	refcount_set(&r->refs, 1);
	mutex_init(&r->charge_mutex);
	r->group = group;
	r->defined = def;
	r->uid = current_euid();
	r->created_ns = ktime_get_boottime_ns();
	uuid_gen(&r->uuid);
	set_process(r);
	err = charge(r, VH_RES_VMS, 1);
	if (err)
		goto put;
	if (def) {
		r->reserved[VH_RES_VCPUS] = def->vcpus;
		r->reserved[VH_RES_MEMORY] = def->memory;
	}
	/* As if nothing were added to what it uses: the reservation. */
	err = vh_record_charge(r, VH_RES_VCPUS, 0);
	if (!err)
		err = vh_record_charge(r, VH_RES_MEMORY, 0);
	if (!err)
		return r;
	uncharge_all(r);
put:
	vh_record_put(r);
	return ERR_PTR(err);
}

/**
 * vh_record_name_ok - may a VM have this name?
 * @name: zero-terminated
 *
 * Ids are digits, so names are not digits alone.
 */
bool vh_record_name_ok(const char *name)
{
	size_t n = strlen(name), i;
	bool digits = true;

	if (!n || n > VH_VM_NAME_MAX)
		return false;
	for (i = 0; i < n; i++) {
		if (!isascii(name[i]) || (!isalnum(name[i]) && !strchr("._+:@-", name[i])))
			return false;
		digits &= isdigit(name[i]);
	}
	return !digits && name[0] != '-';
}

static bool name_taken(const struct vh_record *me, const char *name)
{
	struct vh_record *r;
	unsigned long id;

	xa_for_each(&records, id, r)
		if (r != me && uid_eq(r->uid, me->uid) && !strcmp(r->name, name))
			return true;
	return false;
}

static void set_name(struct vh_record *r, const char *name)
{
	spin_lock(&name_lock);
	strscpy(r->name, name, sizeof(r->name));
	spin_unlock(&name_lock);
}

/**
 * vh_record_register - from now on the VM is known
 * @r: its record
 * @vm: its VM, or NULL
 * @name: a valid name, or NULL for "vm-ID"
 *
 * Process context. 0, -EEXIST when its owner has a VM of this name, -ENOMEM.
 * Tells the listeners before anybody can do anything with the VM.
 */
int vh_record_register(struct vh_record *r, struct vh_vm *vm, const char *name)
{
	char own[16];
	int err;

	down_write(&vh_registry_lock);
	err = name && name_taken(r, name) ? -EEXIST : 0;
	if (!err)	/* a place first: the record must be complete when it is found */
		err = xa_alloc_cyclic(&records, &r->id, NULL, XA_LIMIT(1, S32_MAX), &next_id,
				      GFP_KERNEL_ACCOUNT);
	if (err < 0) {
		up_write(&vh_registry_lock);
		return err;
	}
	if (!name) {
		snprintf(own, sizeof(own), "vm-%u", r->id);
		name = own;
	}
	set_name(r, name);
	r->vm = vm;
	r->claimed = vm;
	r->registered = true;
	xa_store(&records, r->id, r, GFP_KERNEL_ACCOUNT);	/* has its place: no allocation */
	if (vm)
		vh_reclaim_vm_add(vm);
	if (r->defined)
		__module_get(THIS_MODULE);	/* nothing else keeps the record */
	vh_group_count_vm(r->group);
	vh_event_vm(r, VH_EVENT_CREATED);
	up_write(&vh_registry_lock);
	return 0;
}

/**
 * vh_record_claim - the caller is about to become the VMM of a defined VM
 * @id: of the VM
 *
 * Process context. The record with a reference, which vh_record_detached()
 * drops; ERR_PTR(-ENOENT), ERR_PTR(-EBUSY).
 */
struct vh_record *vh_record_claim(u32 id)
{
	struct vh_record *r;

	down_write(&vh_registry_lock);
	r = xa_load(&records, id);
	if (!r || !r->defined || !(uid_eq(r->uid, current_euid()) || capable(CAP_SYS_ADMIN))) {
		r = ERR_PTR(-ENOENT);
	} else if (r->claimed) {
		r = ERR_PTR(-EBUSY);
	} else {
		vh_record_get(r);
		r->claimed = true;
	}
	up_write(&vh_registry_lock);
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
	down_write(&vh_registry_lock);
	set_process(r);
	r->status = 0;
	r->vm = vm;
	r->attached = true;
	vh_reclaim_vm_add(vm);
	vh_event_vm(r, VH_EVENT_ATTACHED);
	up_write(&vh_registry_lock);
	return 0;
}

/**
 * vh_record_detach - a VM is about to be torn down
 * @r: its record
 * @vm: the VM; no vCPU runs
 *
 * Process context. Nobody finds it from now on, and what it has counted is in
 * the record, or in the group when the record goes with it. Nothing is done
 * for one that was never registered or attached.
 */
void vh_record_detach(struct vh_record *r, struct vh_vm *vm)
{
	struct vh_counts *c = &r->past;

	down_write(&vh_registry_lock);
	if (r->vm == vm) {
		vh_reclaim_vm_remove(vm);
		vh_counts_add_vm(c, vm);
		r->vm = NULL;
		if (!r->defined) {
			xa_erase(&records, r->id);
			vh_group_fold(r->group, c);
		}
	}
	up_write(&vh_registry_lock);
}

/**
 * vh_record_detached - a VM was torn down, or never came to be
 * @r: its record; the reference is dropped
 *
 * Process context.
 */
void vh_record_detached(struct vh_record *r)
{
	down_write(&vh_registry_lock);
	if (r->defined) {
		/* Back to the reservation. */
		vh_record_uncharge(r, VH_RES_VCPUS, r->used[VH_RES_VCPUS]);
		vh_record_uncharge(r, VH_RES_MEMORY, r->used[VH_RES_MEMORY]);
		r->claimed = false;
		if (r->attached)
			vh_event_vm(r, VH_EVENT_DETACHED);
		r->attached = false;
	} else {
		uncharge_all(r);
		if (r->registered)
			vh_event_vm(r, VH_EVENT_DESTROYED);
	}
	up_write(&vh_registry_lock);
	vh_record_put(r);
}

/**
 * vh_record_discard - a record that could not be registered
 * @r: the record; the reference is dropped
 *
 * Process context.
 */
void vh_record_discard(struct vh_record *r)
{
	uncharge_all(r);
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

	down_write(&vh_registry_lock);
	if (!r->defined)
		err = -EINVAL;
	else if (xa_load(&records, r->id) != r)
		err = -ENOENT;
	else if (r->claimed)
		err = -EBUSY;
	if (!err) {
		xa_erase(&records, r->id);
		vh_group_fold(r->group, &r->past);
		uncharge_all(r);
		vh_event_vm(r, VH_EVENT_DESTROYED);
	}
	up_write(&vh_registry_lock);
	if (!err) {
		vh_record_put(r);
		module_put(THIS_MODULE);
	}
	return err;
}

/**
 * vh_record_rename - another name
 * @r: a registered record
 * @name: zero-terminated
 *
 * Process context. -EINVAL, -EEXIST when the owner has a VM of this name.
 */
int vh_record_rename(struct vh_record *r, const char *name)
{
	int err = 0;

	if (!vh_record_name_ok(name))
		return -EINVAL;
	down_write(&vh_registry_lock);
	if (name_taken(r, name)) {
		err = -EEXIST;
	} else if (strcmp(r->name, name)) {
		set_name(r, name);
		vh_event_vm(r, VH_EVENT_RENAMED);
	}
	up_write(&vh_registry_lock);
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
	return xa_load(&records, id);
}

/**
 * vh_record_next - the record with the lowest id from @id on, or NULL
 * @id: where to begin
 *
 * vh_registry_lock held.
 */
struct vh_record *vh_record_next(u32 id)
{
	unsigned long index = id;

	return xa_find(&records, &index, U32_MAX, XA_PRESENT);
}

/**
 * vh_registry_group_counts - what all VMs of a group have counted
 * @g: the group
 * @c: added to: its VMs', its descendants', and of those that are gone
 * @created: VMs ever created
 *
 * vh_registry_lock held: no VM passes from one part of the sum to the other.
 */
void vh_registry_group_counts(struct vh_group *g, struct vh_counts *c, u64 *created)
{
	struct vh_record *r;
	unsigned long id;

	xa_for_each(&records, id, r) {
		if (!vh_group_within(r->group, g))
			continue;
		vh_counts_add(c, &r->past);
		if (r->vm)
			vh_counts_add_vm(c, r->vm);
	}
	vh_group_past(g, c, created);
}

/**
 * vh_registry_init - groups, reclaim and an empty registry
 *
 * Module load. -ENOMEM.
 */
int __init vh_registry_init(void)
{
	int err = vh_groups_init();

	if (err)
		return err;
	err = vh_reclaim_init(&vh_registry_lock);
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
	xa_destroy(&records);
}
