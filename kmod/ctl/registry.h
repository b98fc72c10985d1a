/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * registry.h - every VM that the module knows: who it is, whose, what it is charged.
 *
 * A record is a VM's identity and its charges. It comes with KVM_CREATE_VM and
 * goes with the VM, or it was made over netlink (VH_CMD_VM_CREATE): then it
 * stays until VH_CMD_VM_DESTROY, while VMMs come and go.
 */
#ifndef VH_REGISTRY_H
#define VH_REGISTRY_H

#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <linux/uuid.h>
#include <linux/workqueue.h>

#include "../acct/acct.h"
#include "../bound.h"

struct vh_right;			/* asker.h */

/**
 * struct vh_whose - a record, to be found by one of those who may see it (whose.c)
 */
struct vh_whose {
	struct vh_index_node node;
	struct vh_record *record;
};

#define VH_WHOSE_MAX	9		/* 3 users of owner and process; of each 2 namespaces, and a maker */

/**
 * struct vh_record - a VM as the registry knows it
 */
struct vh_record {
	u32 id;				/* const once registered */
	bool defined;			/* const: made over netlink */
	bool registered;		/* has been in the registry; vh_registry_lock */
	bool listed;			/* is in it; vh_registry_lock */
	bool claimed;			/* has a VMM, or is about to; vh_registry_lock */
	bool attached;			/* has had the VMM's VM; vh_registry_lock */
	refcount_t refs;
	struct vh_index_node node;	/* by id; vh_registry_lock */
	struct vh_index_node live;	/* of the group's VMs that have a VMM; vh_registry_lock */
	struct hlist_node named, own_named;	/* by name, of all and of its owner; vh_registry_lock */
	struct hlist_node by_uuid;	/* vh_registry_lock */
	struct vh_whose whose[VH_WHOSE_MAX];	/* vh_registry_lock */
	unsigned int nr_whose;		/* of them in the index; vh_registry_lock */
	uuid_t uuid;			/* const */
	kuid_t uid;			/* const: owner */
	struct pid_namespace *pid_ns;	/* const: where it was made; holds a reference */
	struct user_namespace *user_ns;	/* the same */
	u64 created_ns;			/* const, ns of CLOCK_BOOTTIME */
	struct vh_group *group;		/* const, holds a reference */
	struct vh_payer payer;		/* const: whose limits it counts against */
	char name[VH_VM_NAME_MAX + 1];	/* writers: vh_registry_lock; name_lock (registry.c) */
	struct pid *pid;		/* VMM or creator, thread group; NULL: has become another
					 * program; vh_registry_lock, or the VM stays */
	char comm[TASK_COMM_LEN];	/* of it; vh_registry_lock */
	struct vh_vm *vm;		/* NULL: no VMM; vh_registry_lock */
	unsigned long status;		/* atomic bits VH_ST_*: of @vm */
	struct vh_counts past;		/* of VMMs that are gone; vh_registry_lock */

	spinlock_t charge_lock;
	u64 reserved[VH_NR_RESOURCES];	/* const: charged all the time */
	u64 used[VH_NR_RESOURCES];	/* VCPUS, MEMORY; charge_lock */
	u64 charged[VH_NR_RESOURCES];	/* max(reserved, used, kept); charge_lock */
	u64 kept;			/* MEMORY that it had a moment ago; charge_lock */
	unsigned long kept_until;	/* jiffies; charge_lock */
	struct delayed_work keep_work;
	bool over;			/* the VMM's memory is gone; charge_lock */
};

#define VH_KEEP_SECONDS	10		/* a deleted memslot's charge stays the VM's own */

/*
 * Held for reading: records, and the VMs and vCPUs that they name, stay. Held
 * for writing: they come and go. Strangers spin on it: nothing is allocated
 * under it, and what is done under it has a bound that the number of their
 * objects does not move (docs/locking.md).
 */
extern rwlock_t vh_registry_lock;

static inline void vh_registry_read_lock(void)
{
	read_lock(&vh_registry_lock);
	vh_bound_begin(VH_BOUND_REGISTRY_READ);
}

static inline void vh_registry_read_unlock(void)
{
	vh_bound_end(VH_BOUND_REGISTRY_READ);
	read_unlock(&vh_registry_lock);
}

static inline void vh_registry_write_lock(void)
{
	write_lock(&vh_registry_lock);
	vh_bound_begin(VH_BOUND_REGISTRY_WRITE);
}

static inline void vh_registry_write_unlock(void)
{
	vh_bound_end(VH_BOUND_REGISTRY_WRITE);
	write_unlock(&vh_registry_lock);
}

int vh_registry_init(void);		/* and groups, and reclaim */
void vh_registry_exit(void);		/* no VM and no record is left */

/* --- life of a record; process context --- */

/**
 * struct vh_definition - what VH_CMD_VM_CREATE reserves
 */
struct vh_definition { u32 vcpus; u64 memory; };

/*
 * Charged to @group, whose reference it takes: -EDQUOT (told as an event, *why
 * says which limit), -ENOMEM. @def: NULL unless it is made over netlink.
 */
struct vh_record *vh_record_create(struct vh_group *group, const struct vh_definition *def,
				   const char **why);
/*
 * Into the registry, with @vm or without; @name NULL: "vm-ID". -EEXIST: the owner has one of this
 * name in the same PID namespace; -ENODEV: the module is being unloaded.
 */
int vh_record_register(struct vh_record *r, struct vh_vm *vm, const char *name);
/* A record made over netlink, for the caller to become its VMM: with a reference; -ENOENT, -EBUSY. */
struct vh_record *vh_record_claim(u32 id);
int vh_record_attach(struct vh_record *r, struct vh_vm *vm);
/* The VMM's side goes: nobody finds @vm any more, its counters are the record's or the group's. */
void vh_record_detach(struct vh_record *r, struct vh_vm *vm);
/* After that, all charges given back: told as an event; drops the VM's reference. */
void vh_record_detached(struct vh_record *r);
/* The VMM's memory is gone, while somebody else may still hold descriptors. */
void vh_vm_over(struct vh_vm *vm);
/* A record made over netlink goes: -EBUSY when it has a VMM, -ENOENT when it is gone. */
int vh_record_undefine(struct vh_record *r);
void vh_record_discard(struct vh_record *r);	/* one that was never registered */
void vh_record_put(struct vh_record *r);
/* The VMM's process, as far as the record knows, or NULL; vh_registry_lock, or the VM stays. */
struct pid *vh_record_process(const struct vh_record *r);
/* Is that process still the program that made @vm, or gone? */
bool vh_record_runs(struct pid *pid, const struct vh_vm *vm);
void vh_record_name(const struct vh_record *r, char *name);	/* VH_VM_NAME_MAX + 1 bytes */
int vh_record_rename(struct vh_record *r, const char *name);	/* -EINVAL, -EEXIST */

/* --- lookup; vh_registry_lock held --- */
struct vh_record *vh_record_by_id(u32 id);
struct vh_record *vh_record_next(u32 id);	/* the lowest id from @id on, or NULL */
void vh_record_get(struct vh_record *r);
struct vh_record *vh_record_named(const char *name, const struct vh_record *after);
struct vh_record *vh_record_own(const char *name, kuid_t uid, const struct pid_namespace *ns);
struct vh_record *vh_record_by_uuid(const u8 *uuid);
bool vh_record_name_ok(const char *name);

/* --- whose.c; vh_registry_lock held --- */
void vh_whose_add(struct vh_record *r);		/* for writing */
void vh_whose_del(struct vh_record *r);		/* for writing */
/* The lowest id from @id on of those that @w may be able to see: it has to be asked, too. */
struct vh_record *vh_whose_next(const struct vh_right *w, u64 id);
bool vh_whose_all(const struct vh_right *w);

/* walk.c: all that a group's VMs counted, those that are gone included; lock not held. 0 or -errno. */
int vh_registry_group_counts(struct vh_group *g, struct vh_counts *c, u64 *created, bool brief);
void vh_walk_leaves(const struct vh_record *r, const struct vh_counts *c);	/* lock held for writing */

/* Who goes over VMs of others lets those in who spin on the lock, after so many. */
#define VH_REGISTRY_BATCH	8

/* --- charge.c: charges of a VM; 0 or -EDQUOT (told as an event) --- */
int vh_record_charge_new(struct vh_record *r, const char **why);
void vh_record_uncharge_all(struct vh_record *r);
void vh_record_uncharge_vmm(struct vh_record *r);	/* back to the reservation */
int vh_record_charge(struct vh_record *r, enum vh_resource res, u64 n);
void vh_record_uncharge(struct vh_record *r, enum vh_resource res, u64 n);
void vh_record_vacate(struct vh_record *r, u64 n);	/* memory, which may come back */
void vh_record_over(struct vh_record *r);		/* the VMM's memory is gone */
const char *vh_quota_words(enum vh_quota q);
void vh_quota_log(const char *why);		/* why an ioctl ends with EDQUOT */
int vh_record_charge_tables(struct vh_vm *vm, u64 bytes);	/* reclaims first; -ENOMEM */
void vh_record_uncharge_tables(struct vh_vm *vm, u64 bytes);

/* limit.c: page tables of VMs in @full, @first's before others': pages freed. */
unsigned long vh_limit_reclaim(struct vh_group *full, struct vh_vm *first, unsigned long want);

/* --- control.c: vh_registry_lock held --- */
#define VH_CTL_PAUSED	0	/* bits of vm->control: the run loop looks when any is set */
#define VH_CTL_STOP	1
#define VH_CTL_DEAD	2	/* killed, or an impossible state: every run fails with -EIO */
#define VH_CTL_NEW	3	/* has not run (again): see what there is to tell */

#define VH_ST_STARTED	0	/* bits of record->status */
#define VH_ST_STOPPED	1
#define VH_ST_CRASHED	2

enum vh_vm_state vh_vm_state(struct vh_record *r);
enum vh_vcpu_state vh_vcpu_state(const struct vh_vcpu *vcpu);

/**
 * struct vh_control - a command to a VM, from vh_control_begin() to vh_control_end()
 */
struct vh_control {
	struct vh_record *r;		/* with a reference */
	struct vh_vm *vm;		/* its VM, pinned */
	enum vh_event event;		/* to be told; 0: nothing has changed */
	bool kill;
	struct pid *victim;		/* to be killed, or NULL; with a reference */
};

/* vh_registry_lock held. -ENOTCONN (no VMM), -EIO (dead). */
int vh_control_begin(struct vh_control *c, struct vh_record *r, u8 cmd);
/* Not held. -EPERM: nothing has happened. */
int vh_control_end(struct vh_control *c, const struct vh_right *by);
/* Own thread, vm->control is not 0. 1: go on; 0: to userspace; -EIO, -EINTR. */
int vh_control(struct vh_vcpu *vcpu);
/* A vCPU met its end; for the registry and the listeners. Process context. */
void vh_vm_crashed(struct vh_vm *vm, enum vh_crash reason);
void vh_vm_lost(struct vh_vcpu *vcpu);		/* a VMX instruction failed that cannot; own thread */

#endif /* VH_REGISTRY_H */
