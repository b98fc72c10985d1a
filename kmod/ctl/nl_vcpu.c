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

/* vh_registry_lock held. 0 or -EMSGSIZE. */
static int put_vcpu(struct sk_buff *skb, const struct vh_asker *a, const struct vh_record *r,
		    const struct vh_vcpu *vcpu)
{
	struct vh_counts counts = {};
	int cpu = READ_ONCE(vcpu->cpu);
	pid_t tid;

	rcu_read_lock();
	tid = pid_nr_ns(rcu_dereference(vcpu->pid), a->right.pid_ns);
	rcu_read_unlock();
	vh_counts_add_vcpu(&counts, vcpu);
	if (nla_put_u32(skb, VH_A_VCPU_VM_ID, r->id) ||
	    nla_put_u32(skb, VH_A_VCPU_ID, vcpu->id) ||
	    nla_put_u32(skb, VH_A_VCPU_STATE, vh_vcpu_state(vcpu)) ||
	    (cpu >= 0 && nla_put_u32(skb, VH_A_VCPU_CPU, cpu)) ||
	    (tid && nla_put_u32(skb, VH_A_VCPU_TID, tid)))
		return -EMSGSIZE;
	return vh_put_counters(skb, VH_A_VCPU_COUNTERS, &counts);
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
static int put_asked(struct sk_buff *msg, struct vh_asker *a, struct genl_info *info)
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
	return put_vcpu(msg, a, r, vcpu);
}

static int fill_vcpu(struct sk_buff *msg, struct vh_asker *a, struct genl_info *info)
{
	int err;

	read_lock(&vh_registry_lock);
	err = put_asked(msg, a, info);
	read_unlock(&vh_registry_lock);
	return err;
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

/* vCPUs of one VM from d->sub on; false when the message is full. */
static bool dump_vm(struct sk_buff *skb, struct netlink_callback *cb, const struct vh_record *r)
{
	struct vh_dump *d = vh_dump(cb);
	struct vh_vcpu *vcpu;
	unsigned int i;

	vh_for_each_vcpu(i, vcpu, r->vm) {
		void *head;

		if (i < d->sub)
			continue;
		head = vh_dump_begin(skb, cb, VH_CMD_VCPU_GET);
		if (!head || !vh_dump_end(skb, head, put_vcpu(skb, d->asker, r, vcpu)))
			return false;
		d->sub = i + 1;
	}
	d->sub = 0;
	return true;
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
	struct vh_record *r;
	int err = 0;

	if (attrs[VH_A_VCPU_ID]) {
		NL_SET_ERR_MSG_ATTR(cb->extack, attrs[VH_A_VCPU_ID], "a dump is of all vCPUs");
		return -EINVAL;
	}
	read_lock(&vh_registry_lock);
	if (attrs[VH_A_VCPU_VM_ID]) {
		u32 id = nla_get_u32(attrs[VH_A_VCPU_VM_ID]);

		r = vh_asker_vm(d->asker, id);
		if (!d->next && !r) {
			NL_SET_ERR_MSG_ATTR(cb->extack, attrs[VH_A_VCPU_VM_ID], "no such VM");
			err = -ENOENT;
		} else if (d->next <= id) {
			d->next = id;
			if (!r || !r->vm || dump_vm(skb, cb, r))
				d->next = (u64)id + 1;
		}
	} else {
		while ((r = vh_whose_next(&d->asker->right, d->next))) {
			if (r->id != d->next)	/* the one that was under way is gone */
				d->sub = 0;
			d->next = r->id;
			if (vh_asker_sees(d->asker, r) && r->vm && !dump_vm(skb, cb, r))
				break;
			d->next = (u64)r->id + 1;
			d->sub = 0;
			vh_registry_breathe();
		}
	}
	read_unlock(&vh_registry_lock);
	return err ? err : skb->len;
}
