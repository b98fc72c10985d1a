// SPDX-License-Identifier: GPL-2.0-only
/*
 * irqfd.c - KVM_IRQFD: an eventfd drives a GSI.
 *
 * Without a resample fd each signal is an edge. With one, a signal raises the
 * line; when the guest acknowledges, the line falls and the resample fd is
 * signalled, so that the device can raise it again. The vCPU's own thread signals.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>
#include <linux/workqueue.h>

#include "internal.h"
#include "../compat/compat.h"

/*
 * struct irqfd - one assignment
 */
struct irqfd {
	struct vh_vm *vm;
	struct hlist_node node;		/* vm->eventfds->irqfds: irqfd_lock */
	struct hlist_node anywhere;	/* eventfds: eventfds_lock */
	struct hlist_node by_gsi;	/* vm->eventfds->resample[gsi]: irqfd_lock */
	u32 gsi;
	u64 nr;				/* of those that resample: later ones come first, and have higher ones */
	struct eventfd_ctx *eventfd, *resamplefd;
	struct wait_queue_entry wait;
	poll_table pt;
	struct work_struct inject;	/* what may go to many vCPUs */
	unsigned long dead;		/* bit 0: who set it shuts it down */
	struct work_struct shutdown;
};

static struct workqueue_struct *irqfd_wq;	/* closes; unbound: whoever spins keeps no other work from its CPU */
static struct workqueue_struct *inject_wq;

#define TELL_BATCH	16		/* resample fds signalled with irqfd_lock held */

static void lock(struct vh_eventfds *e)
	__acquires(&e->irqfd_lock)
{
	spin_lock(&e->irqfd_lock);
	vh_bound_begin(VH_BOUND_IRQFDS);
}

static void unlock(struct vh_eventfds *e)
	__releases(&e->irqfd_lock)
{
	vh_bound_end(VH_BOUND_IRQFDS);
	spin_unlock(&e->irqfd_lock);
}

/*
 * An eventfd is one irqfd at most, of all VMs: a signal wakes all that are in its
 * queue, with interrupts off.
 */
static DEFINE_SPINLOCK(eventfds_lock);
static DEFINE_HASHTABLE(eventfds, 12);	/* eventfds_lock */

/* The eventfd is this irqfd's; false: it is another's. */
static bool reserve(struct irqfd *f)
{
	struct irqfd *other;
	bool taken = false;

	spin_lock(&eventfds_lock);
	vh_bound_begin(VH_BOUND_EVENTFDS);
	hash_for_each_possible(eventfds, other, anywhere, (unsigned long)f->eventfd)
		taken |= other->eventfd == f->eventfd;
	if (!taken)
		hash_add(eventfds, &f->anywhere, (unsigned long)f->eventfd);
	vh_bound_end(VH_BOUND_EVENTFDS);
	spin_unlock(&eventfds_lock);
	return !taken;
}

static void release(struct irqfd *f)
{
	spin_lock(&eventfds_lock);
	vh_bound_begin(VH_BOUND_EVENTFDS);
	hash_del(&f->anywhere);
	vh_bound_end(VH_BOUND_EVENTFDS);
	spin_unlock(&eventfds_lock);
}

/* irqfd_lock held, and dead is ours: nobody finds it any more. */
static void unlink(struct irqfd *f)
{
	struct vh_eventfds *e = f->vm->eventfds;

	hash_del(&f->node);
	release(f);
	e->nr_irqfds--;
	if (f->resamplefd) {
		hlist_del(&f->by_gsi);
		atomic_dec(&e->nr_resample);
	}
}

/* Unlinked: no vCPU is going to signal its resample fd. */
static void shut_down(struct irqfd *f)
{
	u64 count;

	/* No wake-up is running or will come after this. */
	eventfd_ctx_remove_wait_queue(f->eventfd, &f->wait, &count);
	cancel_work_sync(&f->inject);
	if (f->resamplefd) {
		vh_irq_set(f->vm, f->gsi, SRC_RESAMPLE, 0);
		eventfd_ctx_put(f->resamplefd);
	}
	eventfd_ctx_put(f->eventfd);
	kfree(f);
}

static void shutdown_work(struct work_struct *work)
{
	struct irqfd *f = container_of(work, struct irqfd, shutdown);
	struct vh_eventfds *e = f->vm->eventfds;

	lock(e);
	unlink(f);
	unlock(e);
	shut_down(f);
	if (atomic_dec_and_test(&e->closing))
		wake_up_var(&e->closing);
}

static void signalled(struct irqfd *f)
{
	if (f->resamplefd) {
		vh_irq_set(f->vm, f->gsi, SRC_RESAMPLE, 1);
	} else {
		vh_irq_set(f->vm, f->gsi, SRC_USER, 1);
		vh_irq_set(f->vm, f->gsi, SRC_USER, 0);
	}
}

static void inject_work(struct work_struct *work)
{
	signalled(container_of(work, struct irqfd, inject));
}

/* The eventfd is closed; its context stays until the work drops it. */
static void hung_up(struct irqfd *f)
{
	struct vh_eventfds *e = f->vm->eventfds;

	/* Before dead: who finds that set waits for the work. */
	atomic_inc(&e->closing);
	if (!test_and_set_bit(0, &f->dead))
		queue_work(irqfd_wq, &f->shutdown);
	else if (atomic_dec_and_test(&e->closing))
		wake_up_var(&e->closing);
}

/* The eventfd's wait-queue lock is held, interrupts off. */
static int wakeup(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct irqfd *f = container_of(wait, struct irqfd, wait);
	__poll_t events = key_to_poll(key);
	u64 count;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(f->eventfd, &count);
		if (READ_ONCE(f->vm->nr_vcpus) > 1 && vh_irq_gsi_is_wide(f->vm, f->gsi))
			queue_work(inject_wq, &f->inject);
		else
			signalled(f);
	}
	if (events & EPOLLHUP)
		hung_up(f);
	return 0;
}

static void queue_proc(struct file *file, wait_queue_head_t *wqh, poll_table *pt)
{
	struct irqfd *f = container_of(pt, struct irqfd, pt);

	add_wait_queue_priority(wqh, &f->wait);
}

/* irqfd_lock held. */
static struct irqfd *find(struct vh_eventfds *e, const struct eventfd_ctx *ctx)
{
	struct irqfd *f;

	hash_for_each_possible(e->irqfds, f, node, (unsigned long)ctx)
		if (f->eventfd == ctx)
			return f;
	return NULL;
}

/* irqfd_lock held. -EBUSY, -ENOSPC. */
static int link(struct vh_eventfds *e, struct irqfd *f)
{
	if (find(e, f->eventfd))
		return -EBUSY;
	if (e->nr_irqfds >= VH_MAX_IRQFDS)
		return -ENOSPC;
	if (!reserve(f))
		return -EBUSY;
	e->nr_irqfds++;
	hash_add(e->irqfds, &f->node, (unsigned long)f->eventfd);
	if (f->resamplefd) {
		f->nr = e->next_nr++;
		hlist_add_head(&f->by_gsi, &e->resample[f->gsi]);
		atomic_inc(&e->nr_resample);
	}
	return 0;
}

/* The lists of those that resample, made with the first of them. */
static int need_resample(struct vh_eventfds *e)
{
	struct hlist_head *lists;

	if (e->resample)
		return 0;
	lists = kvcalloc(VH_MAX_GSI, sizeof(*lists), GFP_KERNEL_ACCOUNT);
	if (!lists)
		return -ENOMEM;
	smp_store_release(&e->resample, lists);
	return 0;
}

/* vm->lock held. */
static int assign(struct vh_vm *vm, const struct kvm_irqfd *args)
{
	struct vh_eventfds *e = vm->eventfds;
	struct fd efd = fdget(args->fd);
	struct irqfd *f;
	__poll_t events;
	int err = -EBADF;

	if (!fd_file(efd))
		return -EBADF;
	f = kzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT);
	if (!f) {
		fdput(efd);
		return -ENOMEM;
	}
	f->vm = vm;
	f->gsi = args->gsi;
	INIT_WORK(&f->shutdown, shutdown_work);
	INIT_WORK(&f->inject, inject_work);
	init_waitqueue_func_entry(&f->wait, wakeup);
	init_poll_funcptr(&f->pt, queue_proc);
	f->eventfd = eventfd_ctx_fileget(fd_file(efd));
	if (IS_ERR(f->eventfd)) {
		err = PTR_ERR(f->eventfd);
		goto free;
	}
	if (args->flags & KVM_IRQFD_FLAG_RESAMPLE) {
		err = need_resample(e);
		if (err)
			goto put;
		f->resamplefd = eventfd_ctx_fdget(args->resamplefd);
		if (IS_ERR(f->resamplefd)) {
			err = PTR_ERR(f->resamplefd);
			goto put;
		}
	}
	lock(e);
	err = link(e, f);
	unlock(e);
	if (err)
		goto put_resample;
	if (f->resamplefd && hlist_is_singular_node(&f->by_gsi, &e->resample[f->gsi]))
		vh_routes_resample(vm);

	/* Signals from before the assignment count too. */
	events = vfs_poll(fd_file(efd), &f->pt);
	if (events & EPOLLIN)
		signalled(f);
	fdput(efd);
	return 0;

put_resample:
	if (f->resamplefd)
		eventfd_ctx_put(f->resamplefd);
put:
	eventfd_ctx_put(f->eventfd);
free:
	kfree(f);
	fdput(efd);
	return err;
}

/* vm->lock held. When this returns the eventfd raises nothing any more. */
static int deassign(struct vh_vm *vm, const struct kvm_irqfd *args)
{
	struct eventfd_ctx *ctx = eventfd_ctx_fdget(args->fd);
	struct vh_eventfds *e = vm->eventfds;
	struct irqfd *f;

	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	lock(e);
	f = find(e, ctx);
	/* One that another thread is closing is its work's. */
	if (f && (f->gsi != args->gsi || test_and_set_bit(0, &f->dead)))
		f = NULL;
	if (f)
		unlink(f);
	unlock(e);
	eventfd_ctx_put(ctx);
	if (!f)
		return 0;
	if (f->resamplefd && !vh_irqfd_resamples(vm, f->gsi))
		vh_routes_resample(vm);
	shut_down(f);
	return 0;
}

/**
 * vh_irqfd - KVM_IRQFD
 * @vm: the VM
 * @args: assign, or deassign with KVM_IRQFD_FLAG_DEASSIGN
 *
 * Process context. -EINVAL, -EBADF, -EBUSY (that eventfd is assigned, to this VM or another), -ENOMEM,
 * -ENOSPC (VH_MAX_IRQFDS), -EINTR.
 */
int vh_irqfd(struct vh_vm *vm, const struct kvm_irqfd *args)
{
	int err;

	if (args->flags & ~(KVM_IRQFD_FLAG_DEASSIGN | KVM_IRQFD_FLAG_RESAMPLE))
		return -EINVAL;
	if (args->gsi >= VH_MAX_GSI)
		return -EINVAL;
	if (!smp_load_acquire(&vm->irqchip))
		return -EINVAL;
	/* What is acknowledged in userspace is not known here. */
	if (vm->irqchip->split && (args->flags & KVM_IRQFD_FLAG_RESAMPLE))
		return -EINVAL;
	/* No deassign may find what an assign has not yet hung into its eventfd's queue. */
	if (mutex_lock_killable(&vm->lock))
		return -EINTR;
	if (args->flags & KVM_IRQFD_FLAG_DEASSIGN)
		err = deassign(vm, args);
	else
		err = assign(vm, args);
	mutex_unlock(&vm->lock);
	return err;
}

/* One that is ours to shut down, unlinked, from a bucket on; NULL: there are none. */
static struct irqfd *take(struct vh_eventfds *e, unsigned int *bucket)
{
	struct irqfd *f;

	for (; *bucket < HASH_SIZE(e->irqfds); ++*bucket) {
		lock(e);
		hlist_for_each_entry(f, &e->irqfds[*bucket], node) {
			/* Whose eventfd was closed a moment ago waits in a queue with all others'. */
			if (test_and_set_bit(0, &f->dead)) {
				if (!cancel_work(&f->shutdown))
					continue;
				atomic_dec(&e->closing);
			}
			unlink(f);
			unlock(e);
			return f;
		}
		unlock(e);
	}
	return NULL;
}

/**
 * vh_irqfd_release_all - the VM goes
 * @vm: the VM; no vCPU runs any more
 *
 * Process context.
 */
void vh_irqfd_release_all(struct vh_vm *vm)
{
	struct vh_eventfds *e = vm->eventfds;
	unsigned int bucket = 0;
	struct irqfd *f;

	while ((f = take(e, &bucket))) {
		shut_down(f);
		cond_resched();
	}
	/* Those whose work has begun. */
	wait_var_event(&e->closing, !atomic_read(&e->closing));
}

/**
 * vh_irqfd_resamples - is there anybody to tell of the acknowledges of a GSI?
 * @vm: the VM
 * @gsi: global system interrupt
 *
 * Any context.
 */
bool vh_irqfd_resamples(struct vh_vm *vm, u32 gsi)
{
	struct hlist_head *lists = smp_load_acquire(&vm->eventfds->resample);

	return lists && !hlist_empty(&lists[gsi]);
}

/**
 * vh_irqfd_resample - the guest acknowledged a GSI
 * @vm: the VM
 * @gsi: global system interrupt
 *
 * Process context.
 */
void vh_irqfd_resample(struct vh_vm *vm, u32 gsi)
{
	struct vh_eventfds *e = vm->eventfds;
	u64 last = U64_MAX;
	struct irqfd *f;
	unsigned int n;

	if (!vh_irqfd_resamples(vm, gsi))
		return;
	/* First the line, then the news: the answer may be to raise it again. */
	vh_irq_set(vm, gsi, SRC_RESAMPLE, 0);
	do {
		n = 0;
		lock(e);
		hlist_for_each_entry(f, &e->resample[gsi], by_gsi) {
			if (f->nr >= last)
				continue;	/* knows, or has come since */
			if (n++ == TELL_BATCH)
				break;
			last = f->nr;
			vh_eventfd_signal(f->resamplefd);
		}
		unlock(e);
		cond_resched();
	} while (f);
}

/**
 * vh_irq_vm_init - of a new VM: no irqfds and no ioeventfds
 * @vm: the VM
 *
 * Process context. -ENOMEM.
 */
int vh_irq_vm_init(struct vh_vm *vm)
{
	struct vh_eventfds *e = kzalloc(sizeof(*e), GFP_KERNEL_ACCOUNT);

	if (!e)
		return -ENOMEM;
	hash_init(e->irqfds);
	spin_lock_init(&e->irqfd_lock);
	hash_init(e->ioeventfds);
	mutex_init(&e->ioeventfd_lock);
	spin_lock_init(&e->ring_lock);
	vm->eventfds = e;
	return 0;
}

/**
 * vh_irq_vm_free - undo vh_irq_vm_init()
 * @vm: the VM; its irqfds and ioeventfds are released, no vCPU is left
 */
void vh_irq_vm_free(struct vh_vm *vm)
{
	if (vm->eventfds) {
		kvfree(vm->eventfds->resample);
		vh_coalesced_free(vm);
	}
	kfree(vm->eventfds);
	vm->eventfds = NULL;
}

/**
 * vh_irq_module_init - module load
 *
 * -ENOMEM.
 */
int vh_irq_module_init(void)
{
	irqfd_wq = alloc_workqueue("vh-irqfd", WQ_UNBOUND, 0);
	inject_wq = irqfd_wq ? alloc_workqueue("vh-inject", VH_WQ_PERCPU, 0) : NULL;
	if (inject_wq)
		return 0;
	if (irqfd_wq)
		destroy_workqueue(irqfd_wq);
	return -ENOMEM;
}

/**
 * vh_irq_module_exit - module unload
 */
void vh_irq_module_exit(void)
{
	destroy_workqueue(inject_wq);
	destroy_workqueue(irqfd_wq);
}
