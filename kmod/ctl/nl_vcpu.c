// SPDX-License-Identifier: GPL-2.0-only
/*
 * nl_vcpu.c - vCPU commands of the netlink family, and how counters are told.
 */
#include "../kick.h"
#include "../compat/compat.h"
#include "netlink.h"

static int put_exits(struct sk_buff *skb, const struct vh_counts *c)
{
	unsigned int i;

	for (i = 0; i < VH_NR_EXIT_REASONS; i++) {
		struct nlattr *nest;

		if (!c->exits[i])
			continue;
		nest = nla_nest_start(skb, VH_A_COUNTER_EXIT);
		if (!nest || nla_put_u32(skb, VH_A_EXIT_REASON, i) ||
		    nla_put_u64_64bit(skb, VH_A_EXIT_COUNT, c->exits[i], VH_A_EXIT_PAD))
			return -EMSGSIZE;
		nla_nest_end(skb, nest);
	}
	return 0;
}

/**
 * vh_put_counters - a nest of enum vh_attr_counter
 * @skb: message
 * @attr: the nest's type
 * @c: the counts
 *
 * 0 or -EMSGSIZE; the caller cancels the message then.
 */
int vh_put_counters(struct sk_buff *skb, int attr, const struct vh_counts *c)
{
	const struct { int attr; u64 value; } list[] = {
		{ VH_A_COUNTER_GUEST_TIME, c->guest_ns },
		{ VH_A_COUNTER_WAIT_TIME, c->wait_ns },
		{ VH_A_COUNTER_POLL_TIME, c->poll_ns },
		{ VH_A_COUNTER_POLLS, c->polls },
		{ VH_A_COUNTER_POLL_HITS, c->poll_hits },
		{ VH_A_COUNTER_INJECTED, c->injected },
		{ VH_A_COUNTER_PAGE_FAULTS, c->faults },
		{ VH_A_COUNTER_RECLAIMED, c->reclaimed * PAGE_SIZE },
		{ VH_A_COUNTER_EXITS, vh_counts_exits(c) },
	};
	struct nlattr *nest = nla_nest_start(skb, attr);
	unsigned int i;

	if (!nest)
		return -EMSGSIZE;
	for (i = 0; i < ARRAY_SIZE(list); i++)
		if (nla_put_u64_64bit(skb, list[i].attr, list[i].value, VH_A_COUNTER_PAD))
			return -EMSGSIZE;
	if (put_exits(skb, c))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* A vCPU as it was at one moment: looked at under vh_registry_lock, told without. */
struct vcpu_view {
	u32 vm_id, id;
	enum vh_vcpu_state state;
	int cpu;
	pid_t tid;			/* 0: none that the asker sees */
	struct vh_counts counts;
};

/* vh_registry_lock held. */
static void view_get(struct vcpu_view *v, const struct vh_asker *a, const struct vh_record *r,
		     const struct vh_vcpu *vcpu)
{
	v->vm_id = r->id;
	v->id = vcpu->id;
	v->state = vh_vcpu_state(vcpu);
	v->cpu = READ_ONCE(vcpu->cpu);
	rcu_read_lock();
	v->tid = pid_nr_ns(rcu_dereference(vcpu->pid), a->right.pid_ns);
	rcu_read_unlock();
	memset(&v->counts, 0, sizeof(v->counts));
	vh_counts_add_vcpu(&v->counts, vcpu);
}

/* 0 or -EMSGSIZE. */
static int put_vcpu(struct sk_buff *skb, const struct vcpu_view *v)
{
	if (nla_put_u32(skb, VH_A_VCPU_VM_ID, v->vm_id) ||
	    nla_put_u32(skb, VH_A_VCPU_ID, v->id) ||
	    nla_put_u32(skb, VH_A_VCPU_STATE, v->state) ||
	    (v->cpu >= 0 && nla_put_u32(skb, VH_A_VCPU_CPU, v->cpu)) ||
	    (v->tid && nla_put_u32(skb, VH_A_VCPU_TID, v->tid)))
		return -EMSGSIZE;
	return vh_put_counters(skb, VH_A_VCPU_COUNTERS, &v->counts);
}

/* vh_registry_lock held. */
static struct vh_record *find_vm(const struct vh_asker *a, struct genl_info *info)
{
	struct nlattr *attr = info->attrs[VH_A_VCPU_VM_ID];
	struct vh_record *r;

	if (!attr || !info->attrs[VH_A_VCPU_ID]) {
		NL_SET_ERR_MSG(info->extack, "vm-id and id of a vCPU are required");
		return ERR_PTR(-EINVAL);
	}
	r = vh_asker_vm(a, nla_get_u32(attr));
	if (!r) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr, "no such VM");
		return ERR_PTR(-ENOENT);
	}
	return r;
}

/* vh_registry_lock held. */
static int look(struct vcpu_view *v, const struct vh_asker *a, struct genl_info *info)
{
	struct vh_record *r = find_vm(a, info);
	struct vh_vcpu *vcpu;

	if (IS_ERR(r))
		return PTR_ERR(r);
	vcpu = r->vm ? vh_vcpu_by_id(r->vm, nla_get_u32(info->attrs[VH_A_VCPU_ID])) : NULL;
	if (!vcpu) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[VH_A_VCPU_ID], "no such vCPU");
		return -ENOENT;
	}
	view_get(v, a, r, vcpu);
	return 0;
}

static int fill_vcpu(struct sk_buff *msg, struct vh_asker *a, struct genl_info *info)
{
	struct vcpu_view v;
	int err;

	vh_registry_read_lock();
	err = look(&v, a, info);
	vh_registry_read_unlock();
	return err ? err : put_vcpu(msg, &v);
}

/**
 * vh_nl_vcpu_get - VH_CMD_VCPU_GET, one vCPU
 * @skb: the request
 * @info: the request
 */
int vh_nl_vcpu_get(struct sk_buff *skb, struct genl_info *info)
{
	return vh_nl_answer(skb, info, fill_vcpu);
}

/*
 * The next vCPU of a dump, of VM d->next its d->sub-th, with vh_registry_lock held.
 * @only: of this VM. False: none, or none among the VMs that were looked at: *end tells.
 */
static bool next_vcpu(struct vh_dump *d, const u32 *only, struct vcpu_view *v, bool *end)
{
	struct vh_vcpu *vcpu;
	struct vh_record *r;
	unsigned int n;

	*end = false;
	for (n = 0; n < VH_REGISTRY_BATCH; n++) {
		r = only ? vh_record_by_id(*only) : vh_whose_next(&d->asker->right, d->next);
		if (!r || (only && d->next > *only)) {
			*end = true;
			return false;
		}
		if (r->id != d->next)	/* the one that was under way is gone */
			d->sub = 0;
		d->next = r->id;
		if (r->vm && vh_asker_sees(d->asker, r) &&
		    d->sub < smp_load_acquire(&r->vm->nr_vcpus)) {
			vcpu = vh_vcpu_at(r->vm, d->sub);
			view_get(v, d->asker, r, vcpu);
			return true;
		}
		d->next = (u64)r->id + 1;
		d->sub = 0;
	}
	return false;
}

/**
 * vh_nl_vcpu_dump - VH_CMD_VCPU_GET, all vCPUs of a VM or of all VMs
 * @skb: to be filled
 * @cb: the dump
 */
int vh_nl_vcpu_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nlattr **attrs = vh_dump_attrs(cb);
	struct vh_dump *d = vh_dump(cb);
	const u32 *only = NULL;
	struct vcpu_view v;
	bool has, end, full = false;
	void *head;
	u32 id;

	if (attrs[VH_A_VCPU_ID]) {
		NL_SET_ERR_MSG_ATTR(cb->extack, attrs[VH_A_VCPU_ID], "a dump is of all vCPUs");
		return -EINVAL;
	}
	if (attrs[VH_A_VCPU_VM_ID]) {
		id = nla_get_u32(attrs[VH_A_VCPU_VM_ID]);
		only = &id;
		if (!d->next) {
			vh_registry_read_lock();
			has = vh_asker_vm(d->asker, id);
			vh_registry_read_unlock();
			if (!has) {
				NL_SET_ERR_MSG_ATTR(cb->extack, attrs[VH_A_VCPU_VM_ID],
						    "no such VM");
				return -ENOENT;
			}
			d->next = id;
		}
	}
	do {
		vh_registry_read_lock();
		has = next_vcpu(d, only, &v, &end);
		vh_registry_read_unlock();
		if (has) {
			head = vh_dump_begin(skb, cb, VH_CMD_VCPU_GET);
			full = !head || !vh_dump_end(skb, head, put_vcpu(skb, &v));
			if (!full)
				d->sub++;
		}
	} while (!end && !full && vh_dump_goes_on(d));
	return vh_dump_part(skb, cb, !end);
}
