// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioeventfd.c - KVM_IOEVENTFD: a guest's write signals an eventfd, without an
 * exit to userspace.
 */
#include <linux/eventfd.h>
#include <linux/rculist.h>
#include <linux/slab.h>

#include "internal.h"
#include "../compat/compat.h"

/*
 * struct ioeventfd - one assignment; constant once on the list
 */
struct ioeventfd {
	struct hlist_node node;		/* vm->eventfds->ioeventfds: RCU, writers ioeventfd_lock */
	struct eventfd_ctx *eventfd;
	u64 addr, datamatch;
	u32 len;			/* 0: any */
	bool wildcard, pio;
};

/**
 * vh_ioeventfd_hit - a guest's write: does an eventfd take it?
 * @vm: the VM
 * @addr: guest-physical address or port
 * @data: what is written
 * @len: bytes
 * @pio: a port
 *
 * Process context.
 */
bool vh_ioeventfd_hit(struct vh_vm *vm, u64 addr, const void *data, unsigned int len, bool pio)
{
	struct ioeventfd *e;
	u64 value = 0;
	bool hit = false;

	memcpy(&value, data, min(len, 8u));
	rcu_read_lock();
	hash_for_each_possible_rcu(vm->eventfds->ioeventfds, e, node, addr) {
		if (e->pio != pio || e->addr != addr || (e->len && e->len != len))
			continue;
		if (!e->wildcard && e->datamatch != value)
			continue;
		vh_eventfd_signal(e->eventfd);
		hit = true;
		break;
	}
	rcu_read_unlock();
	return hit;
}

static bool overlap(const struct ioeventfd *a, const struct ioeventfd *b)
{
	return a->pio == b->pio && a->addr == b->addr &&
	       (!a->len || !b->len || (a->len == b->len &&
		(a->wildcard || b->wildcard || a->datamatch == b->datamatch)));
}

static int assign(struct vh_vm *vm, const struct ioeventfd *like)
{
	struct vh_eventfds *all = vm->eventfds;
	struct ioeventfd *e, *other;
	int err = -EEXIST;

	e = kmemdup(like, sizeof(*e), GFP_KERNEL_ACCOUNT);
	if (!e)
		return -ENOMEM;
	mutex_lock(&all->ioeventfd_lock);
	hash_for_each_possible(all->ioeventfds, other, node, e->addr)
		if (overlap(e, other))
			goto unlock;
	err = -ENOSPC;
	if (all->nr_ioeventfds >= VH_MAX_IOEVENTFDS)
		goto unlock;
	hash_add_rcu(all->ioeventfds, &e->node, e->addr);
	all->nr_ioeventfds++;
	WRITE_ONCE(all->watched, all->watched + 1);
	err = 0;
unlock:
	mutex_unlock(&all->ioeventfd_lock);
	if (err)
		kfree(e);
	return err;
}

static void release(struct ioeventfd *e)
{
	eventfd_ctx_put(e->eventfd);
	kfree(e);
}

static int deassign(struct vh_vm *vm, const struct ioeventfd *like)
{
	struct vh_eventfds *all = vm->eventfds;
	struct ioeventfd *e, *found = NULL;

	mutex_lock(&all->ioeventfd_lock);
	hash_for_each_possible(all->ioeventfds, e, node, like->addr) {
		if (e->eventfd == like->eventfd && e->pio == like->pio && e->addr == like->addr &&
		    e->len == like->len && e->wildcard == like->wildcard &&
		    (e->wildcard || e->datamatch == like->datamatch)) {
			found = e;
			hash_del_rcu(&e->node);
			all->nr_ioeventfds--;
			WRITE_ONCE(all->watched, all->watched - 1);
			break;
		}
	}
	mutex_unlock(&all->ioeventfd_lock);
	if (!found)
		return -ENOENT;
	synchronize_rcu();
	release(found);
	return 0;
}

/**
 * vh_ioeventfd - KVM_IOEVENTFD
 * @vm: the VM
 * @args: assign, or deassign with KVM_IOEVENTFD_FLAG_DEASSIGN
 *
 * Process context. -EINVAL, -EBADF, -EEXIST (overlap), -ENOENT, -ENOMEM, -ENOSPC
 * (VH_MAX_IOEVENTFDS).
 */
int vh_ioeventfd(struct vh_vm *vm, const struct kvm_ioeventfd *args)
{
	u32 known = KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_PIO |
		    KVM_IOEVENTFD_FLAG_DEASSIGN;
	struct ioeventfd like = {
		.addr = args->addr, .len = args->len, .datamatch = args->datamatch,
		.wildcard = !(args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH),
		.pio = args->flags & KVM_IOEVENTFD_FLAG_PIO,
	};
	int err;

	if (args->flags & ~known)
		return -EINVAL;
	switch (args->len) {
	case 0: case 1: case 2: case 4: case 8:
		break;
	default:
		return -EINVAL;
	}
	if (args->addr + args->len < args->addr || (!args->len && !like.wildcard))
		return -EINVAL;
	like.eventfd = eventfd_ctx_fdget(args->fd);
	if (IS_ERR(like.eventfd))
		return PTR_ERR(like.eventfd);
	if (args->flags & KVM_IOEVENTFD_FLAG_DEASSIGN) {
		err = deassign(vm, &like);
		eventfd_ctx_put(like.eventfd);
		return err;
	}
	err = assign(vm, &like);
	if (err)
		eventfd_ctx_put(like.eventfd);
	return err;
}

/**
 * vh_ioeventfd_release_all - the VM goes
 * @vm: no vCPU runs any more
 */
void vh_ioeventfd_release_all(struct vh_vm *vm)
{
	struct hlist_node *next;
	struct ioeventfd *e;
	unsigned int i;

	hash_for_each_safe(vm->eventfds->ioeventfds, i, next, e, node) {
		hash_del(&e->node);
		release(e);
	}
}
