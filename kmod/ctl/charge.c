// SPDX-License-Identifier: GPL-2.0-only
/*
 * charge.c - what a VM is charged: to its group, and to the user who made it.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>

#include "../vh.h"
#include "events.h"
#include "registry.h"

#define RECLAIM_BATCH	8		/* pages taken back at once for a limit's sake */
#define RECLAIM_TRIES	4

#define KEEP_JIFFIES	(VH_KEEP_SECONDS * HZ)

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

/* charge_lock held. What is charged while it uses @used. */
static u64 due(const struct vh_record *r, enum vh_resource res, u64 used)
{
	u64 kept = res == VH_RES_MEMORY ? r->kept : 0;

	return r->over ? r->reserved[res] : max3(r->reserved[res], used, kept);
}

/* charge_lock held. Less may be due now. */
static void settle(struct vh_record *r, enum vh_resource res)
{
	u64 want = due(r, res, r->used[res]);

	if (want < r->charged[res]) {
		uncharge(r, res, r->charged[res] - want);
		r->charged[res] = want;
	}
}

static const char *const group_words[VH_NR_RESOURCES] = {
	[VH_RES_VMS]	= "a limit of VMs of the cgroup, or of one above it, is reached",
	[VH_RES_VCPUS]	= "a limit of vCPUs of the cgroup, or of one above it, is reached",
	[VH_RES_MEMORY]	= "a limit of memory of the cgroup, or of one above it, is reached",
};

/**
 * vh_quota_log - tell the host's log that an ioctl ends with EDQUOT, and why
 * @why: which limit, in words
 *
 * A VMM can be told no more than the error, and its user has to know. Any context of the VMM's.
 */
void vh_quota_log(const char *why)
{
	static struct ratelimit_state told = RATELIMIT_STATE_INIT_FLAGS(told, 10 * HZ, 50, RATELIMIT_MSG_ON_RELEASE);

	if (__ratelimit(&told))
		vh_info("%s[%d]: %s\n", current->comm, task_tgid_nr(current), why);
}

/**
 * vh_record_charge - a VM is to have more vCPUs or memory
 * @r: its record
 * @res: VH_RES_VCPUS or VH_RES_MEMORY
 * @n: how much more
 *
 * What was reserved is charged already, and so is memory that it had a moment
 * ago. Process context. 0 or -EDQUOT.
 */
int vh_record_charge(struct vh_record *r, enum vh_resource res, u64 n)
{
	u64 used, want;
	int err = 0;

	spin_lock(&r->charge_lock);
	used = r->used[res] + n;
	want = due(r, res, used);
	if (want > r->charged[res])
		err = charge(r, res, want - r->charged[res]);
	if (!err) {
		r->used[res] = used;
		r->charged[res] = max(r->charged[res], want);
	}
	spin_unlock(&r->charge_lock);
	if (err)
		vh_quota_log(group_words[res]);
	return err;
}

/**
 * vh_record_uncharge - a VM has less, or never had what was charged
 * @r: its record
 * @res: VH_RES_VCPUS or VH_RES_MEMORY
 * @n: how much less
 *
 * Process context.
 */
void vh_record_uncharge(struct vh_record *r, enum vh_resource res, u64 n)
{
	spin_lock(&r->charge_lock);
	r->used[res] -= n;
	settle(r, res);
	spin_unlock(&r->charge_lock);
}

/**
 * vh_record_vacate - a memslot is gone, and may come back
 * @r: the VM's record
 * @n: bytes
 *
 * Process context. Its charge stays the VM's own for VH_KEEP_SECONDS after the
 * last such call, so that it comes back at any limit.
 */
void vh_record_vacate(struct vh_record *r, u64 n)
{
	spin_lock(&r->charge_lock);
	r->kept = max(r->kept, r->used[VH_RES_MEMORY]);
	r->used[VH_RES_MEMORY] -= n;
	r->kept_until = jiffies + KEEP_JIFFIES;
	settle(r, VH_RES_MEMORY);
	schedule_delayed_work(&r->keep_work, KEEP_JIFFIES);	/* unless it is on its way */
	spin_unlock(&r->charge_lock);
}

static void keep_ends(struct work_struct *work)
{
	struct vh_record *r = container_of(to_delayed_work(work), struct vh_record, keep_work);
	long left;

	spin_lock(&r->charge_lock);
	left = r->kept_until - jiffies;
	if (left > 0) {
		schedule_delayed_work(&r->keep_work, left);
	} else {
		r->kept = 0;
		settle(r, VH_RES_MEMORY);
	}
	spin_unlock(&r->charge_lock);
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

/**
 * vh_record_over - the VMM is gone: no vCPU runs again, and no memory is left
 * @r: the VM's record
 *
 * Process context. Descriptors that another process holds keep the VM, which
 * counts as one, but not its vCPUs and memory.
 */
void vh_record_over(struct vh_record *r)
{
	spin_lock(&r->charge_lock);
	r->over = true;
	settle(r, VH_RES_VCPUS);
	settle(r, VH_RES_MEMORY);
	spin_unlock(&r->charge_lock);
}

static const char *const user_words[VH_NR_QUOTAS] = {
	[VH_QUOTA_VMS]		= "the user's limit of VMs is reached",
	[VH_QUOTA_DEFINED]	= "the user's limit of VMs without a VMM of their own is reached",
	[VH_QUOTA_RESERVED]	= "the user's limit of reserved memory is reached",
	[VH_QUOTA_SOCKETS]	= "the user's limit of sockets that get events is reached",
};

/**
 * vh_quota_words - what to tell the one whom a user's limit refused
 * @q: of what
 */
const char *vh_quota_words(enum vh_quota q)
{
	return user_words[q];
}

static int charge_user(struct vh_record *r, enum vh_quota q, u64 n, const char **why)
{
	struct vh_user *full;
	int err = vh_payer_charge(&r->payer, q, n, &full);

	if (!err)
		return 0;
	*why = user_words[q];
	vh_event_user_limit(r, &r->payer, full->uid, q, n);
	return err;
}

static int charge_group(struct vh_record *r, enum vh_resource res, u64 n, const char **why)
{
	int err = charge(r, res, n);

	if (err)
		*why = group_words[res];
	else
		r->charged[res] = n;
	return err;
}

/**
 * vh_record_charge_new - what a new VM costs: one VM, and what it reserves
 * @r: a new record, with its group, payer and reservation
 * @why: with -EDQUOT: which limit, in words
 *
 * Process context. All or nothing. -EDQUOT, told as an event.
 */
int vh_record_charge_new(struct vh_record *r, const char **why)
{
	u64 memory = r->reserved[VH_RES_MEMORY];
	int err;

	spin_lock_init(&r->charge_lock);
	INIT_DELAYED_WORK(&r->keep_work, keep_ends);
	err = charge_user(r, VH_QUOTA_VMS, 1, why);
	if (err)
		return err;
	if (r->defined)
		err = charge_user(r, VH_QUOTA_DEFINED, 1, why);
	if (err)
		goto vms;
	err = charge_user(r, VH_QUOTA_RESERVED, memory, why);
	if (err)
		goto defined;
	err = charge_group(r, VH_RES_VMS, 1, why);
	if (err)
		goto reserved;
	err = charge_group(r, VH_RES_VCPUS, r->reserved[VH_RES_VCPUS], why);
	if (!err)
		err = charge_group(r, VH_RES_MEMORY, memory, why);
	if (!err)
		return 0;
	uncharge(r, VH_RES_VCPUS, r->charged[VH_RES_VCPUS]);
	uncharge(r, VH_RES_VMS, 1);
reserved:
	vh_payer_uncharge(&r->payer, VH_QUOTA_RESERVED, memory);
defined:
	if (r->defined)
		vh_payer_uncharge(&r->payer, VH_QUOTA_DEFINED, 1);
vms:
	vh_payer_uncharge(&r->payer, VH_QUOTA_VMS, 1);
	return err;
}

/**
 * vh_record_uncharge_all - a VM ends: it gives back what it holds beside page tables
 * @r: its record, which is not charged any more
 *
 * Process context.
 */
void vh_record_uncharge_all(struct vh_record *r)
{
	cancel_delayed_work_sync(&r->keep_work);
	uncharge(r, VH_RES_VCPUS, r->charged[VH_RES_VCPUS]);
	uncharge(r, VH_RES_MEMORY, r->charged[VH_RES_MEMORY]);
	uncharge(r, VH_RES_VMS, 1);
	memset(r->charged, 0, sizeof(r->charged));
	vh_payer_uncharge(&r->payer, VH_QUOTA_RESERVED, r->reserved[VH_RES_MEMORY]);
	if (r->defined)
		vh_payer_uncharge(&r->payer, VH_QUOTA_DEFINED, 1);
	vh_payer_uncharge(&r->payer, VH_QUOTA_VMS, 1);
}

/**
 * vh_record_uncharge_vmm - a VM has no VMM any more: back to what it reserves
 * @r: its record
 *
 * Process context.
 */
void vh_record_uncharge_vmm(struct vh_record *r)
{
	cancel_delayed_work_sync(&r->keep_work);
	spin_lock(&r->charge_lock);
	r->over = false;
	r->kept = 0;
	r->used[VH_RES_VCPUS] = 0;
	r->used[VH_RES_MEMORY] = 0;
	settle(r, VH_RES_VCPUS);
	settle(r, VH_RES_MEMORY);
	spin_unlock(&r->charge_lock);
}
