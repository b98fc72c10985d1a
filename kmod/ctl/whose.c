// SPDX-License-Identifier: GPL-2.0-only
/*
 * whose.c - records by those who may see them, so that nobody goes past strangers' to find his own.
 *
 * Who may signal a VM's process sees the VM (asker.c): a user of the same id; whoever made the
 * user namespace that the process is in, or has rights over it; in a PID namespace only what is in
 * it. So each record is found by the user ids concerned, and by the outermost user and PID
 * namespaces of its process and of its owner. What is found this way may be more than what one
 * sees, so asker.c decides. It is less only while a VMM that has changed its user has not called
 * an ioctl since, but for KVM_RUN.
 */
#include <linux/cred.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/user_namespace.h>

#include "../vh.h"
#include "asker.h"
#include "registry.h"
#include "whose.h"

static struct vh_index index;		/* by key(); vh_registry_lock */

enum kind { USER, NAMESPACE };		/* a user id, the number of a namespace */

static u64 key(enum kind kind, u32 value, u64 id)
{
	return (u64)kind << 63 | (u64)value << 31 | id;
}

#define KEY_OF_ALL(key)	((key) & ~(u64)S32_MAX)

/* Those of one user in his PID namespaces are his own: he may look through them. 0: the initial one. */
static u32 outermost_pid_ns(const struct pid_namespace *ns)
{
	if (ns == &init_pid_ns)
		return 0;
	while (ns->parent != &init_pid_ns)
		ns = ns->parent;
	return ns->ns.inum;
}

/* vh_registry_lock held for writing. */
static void add(struct vh_record *r, enum kind kind, u32 value)
{
	u64 k = key(kind, value, r->id);
	unsigned int i;

	for (i = 0; i < r->nr_whose; i++)
		if (r->whose[i].node.key == k)
			return;
	if (WARN_ON_ONCE(i == ARRAY_SIZE(r->whose)))
		return;
	r->whose[i].record = r;
	vh_index_add(&index, &r->whose[i].node, k);
	r->nr_whose++;
}

static void add_namespaces(struct vh_record *r, const struct user_namespace *user_ns,
			   const struct pid_namespace *pid_ns)
{
	const struct user_namespace *outer = vh_outermost_user_ns(user_ns);
	u32 pid_inum = outermost_pid_ns(pid_ns);

	if (outer) {
		add(r, USER, __kuid_val(outer->owner));
		add(r, NAMESPACE, outer->ns.inum);
	}
	if (pid_inum)
		add(r, NAMESPACE, pid_inum);
}

/**
 * vh_whose_add - a record has come to be, or has another process
 * @r: a record with its id and process, not in the index
 *
 * vh_registry_lock held for writing. The process's credentials are those of its first thread,
 * as for kill(2).
 */
void vh_whose_add(struct vh_record *r)
{
	struct task_struct *task;
	const struct cred *cred;

	add(r, USER, __kuid_val(r->uid));
	add_namespaces(r, r->user_ns, r->pid_ns);
	rcu_read_lock();
	task = pid_task(r->pid, PIDTYPE_TGID);
	if (task) {
		cred = __task_cred(task);
		add(r, USER, __kuid_val(cred->uid));
		add(r, USER, __kuid_val(cred->suid));
		add_namespaces(r, cred->user_ns, ns_of_pid(r->pid));
	}
	rcu_read_unlock();
}

/**
 * vh_whose_del - a record goes, or its process is about to be another
 * @r: the record
 *
 * vh_registry_lock held for writing.
 */
void vh_whose_del(struct vh_record *r)
{
	while (r->nr_whose)
		vh_index_del(&index, &r->whose[--r->nr_whose].node);
}

/**
 * vh_whose_changed - a VMM calls that may have another user than before
 * @vm: a VM of current->mm
 *
 * Process context. The VM stays.
 */
void vh_whose_changed(struct vh_vm *vm)
{
	struct vh_record *r = vm->rec;
	const struct cred *cred;

	/* Another process, which shares the VMM's memory. */
	if (r->pid != task_tgid(current))
		return;
	cred = get_task_cred(current->group_leader);
	vh_registry_write_lock();
	if (r->vm == vm) {
		vh_whose_del(r);
		vh_whose_add(r);
		swap(vm->seen, cred);
	}
	vh_registry_write_unlock();
	put_cred(cred);
}

/* By what an asker finds: at most three; 0: it may see all. */
static unsigned int keys_of(const struct vh_right *w, u64 keys[3])
{
	const struct cred *cred = w->cred;
	const struct user_namespace *outer = vh_outermost_user_ns(cred->user_ns);
	u32 pid_inum = outermost_pid_ns(w->pid_ns);
	unsigned int n = 0;

	if (w->admin)
		return 0;
	if (!outer && cap_raised(cred->cap_effective, CAP_KILL)) {
		if (pid_inum)
			keys[n++] = key(NAMESPACE, pid_inum, 0);
		return n;
	}
	keys[n++] = key(USER, __kuid_val(cred->euid), 0);
	if (!uid_eq(cred->uid, cred->euid))
		keys[n++] = key(USER, __kuid_val(cred->uid), 0);
	if (outer)
		keys[n++] = key(NAMESPACE, outer->ns.inum, 0);
	return n;
}

/**
 * vh_whose_next - the next record that somebody may be able to see
 * @w: whose right counts
 * @id: where to begin
 *
 * vh_registry_lock held. The lowest id from @id on, or NULL.
 */
struct vh_record *vh_whose_next(const struct vh_right *w, u64 id)
{
	struct vh_record *best = NULL, *r;
	struct vh_index_node *node;
	unsigned int n, i;
	u64 keys[3];

	if (w->stranger || id > S32_MAX)
		return NULL;
	n = keys_of(w, keys);
	if (!n)
		return vh_record_next(id);
	for (i = 0; i < n; i++) {
		node = vh_index_next(&index, keys[i] | id);
		if (!node || KEY_OF_ALL(node->key) != keys[i])
			continue;
		r = container_of(node, struct vh_whose, node)->record;
		if (!best || r->id < best->id)
			best = r;
	}
	return best;
}

/**
 * vh_whose_all - is there nothing that somebody could not be able to see?
 * @w: whose right counts
 */
bool vh_whose_all(const struct vh_right *w)
{
	u64 keys[3];

	return !keys_of(w, keys);
}
