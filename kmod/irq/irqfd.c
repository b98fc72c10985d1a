// SPDX-License-Identifier: GPL-2.0-only
/*
 * irqfd.c - KVM_IRQFD: an eventfd drives a GSI.
 *
 * Without a resample fd each signal is an edge. With one, a signal raises the
 * line; when the guest acknowledges, the line falls and the resample fd is
 * signalled, so that the device can raise it again.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "internal.h"
#include "../compat/compat.h"

/*
 * struct irqfd - one assignment
 */
struct irqfd {
	struct vh_vm *vm;
	struct list_head node;		/* vm->eventfds->irqfds, vm->eventfds->irqfd_lock */
	u32 gsi;
	struct eventfd_ctx *eventfd, *resamplefd;
	struct wait_queue_entry wait;
	poll_table pt;
	struct work_struct resample;
	struct work_struct shutdown;
};

static struct workqueue_struct *irqfd_wq;

static void shutdown_work(struct work_struct *work)
{
	struct irqfd *f = container_of(work, struct irqfd, shutdown);
	u64 count;

	/* No wake-up is running or will come after this. */
	eventfd_ctx_remove_wait_queue(f->eventfd, &f->wait, &count);
	if (f->resamplefd) {
		cancel_work_sync(&f->resample);
		vh_irq_set(f->vm, f->gsi, SRC_RESAMPLE, 0);
		eventfd_ctx_put(f->resamplefd);
	}
	eventfd_ctx_put(f->eventfd);
	kfree(f);
}

static void resample_work(struct work_struct *work)
{
	struct irqfd *f = container_of(work, struct irqfd, resample);

	vh_eventfd_signal(f->resamplefd);
}

/* irqfd_lock held: nobody finds it any more, the rest is the work's. */
static void deactivate(struct irqfd *f)
{
	if (list_empty(&f->node))
		return;
	list_del_init(&f->node);
	if (f->resamplefd)
		atomic_dec(&f->vm->eventfds->nr_resample);
	queue_work(irqfd_wq, &f->shutdown);
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

/* The eventfd's wait-queue lock is held, interrupts off. */
static int wakeup(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct irqfd *f = container_of(wait, struct irqfd, wait);
	__poll_t events = key_to_poll(key);
	unsigned long flags;
	u64 count;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(f->eventfd, &count);
		signalled(f);
	}
	if (events & EPOLLHUP) {
		/* The eventfd is closed; its context stays until the work drops it. */
		raw_spin_lock_irqsave(&f->vm->eventfds->irqfd_lock, flags);
		deactivate(f);
		raw_spin_unlock_irqrestore(&f->vm->eventfds->irqfd_lock, flags);
	}
	return 0;
}

static void queue_proc(struct file *file, wait_queue_head_t *wqh, poll_table *pt)
{
	struct irqfd *f = container_of(pt, struct irqfd, pt);

	add_wait_queue_priority(wqh, &f->wait);
}

static int assign(struct vh_vm *vm, const struct kvm_irqfd *args)
{
	struct fd efd = fdget(args->fd);
	struct irqfd *f, *other;
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
	INIT_LIST_HEAD(&f->node);
	INIT_WORK(&f->shutdown, shutdown_work);
	INIT_WORK(&f->resample, resample_work);
	init_waitqueue_func_entry(&f->wait, wakeup);
	init_poll_funcptr(&f->pt, queue_proc);
	f->eventfd = eventfd_ctx_fileget(fd_file(efd));
	if (IS_ERR(f->eventfd)) {
		err = PTR_ERR(f->eventfd);
		goto free;
	}
	if (args->flags & KVM_IRQFD_FLAG_RESAMPLE) {
		f->resamplefd = eventfd_ctx_fdget(args->resamplefd);
		if (IS_ERR(f->resamplefd)) {
			err = PTR_ERR(f->resamplefd);
			goto put;
		}
	}

	raw_spin_lock_irq(&vm->eventfds->irqfd_lock);
	list_for_each_entry(other, &vm->eventfds->irqfds, node) {
		if (other->eventfd == f->eventfd) {
			raw_spin_unlock_irq(&vm->eventfds->irqfd_lock);
			err = -EBUSY;
			goto put_resample;
		}
	}
	list_add_tail(&f->node, &vm->eventfds->irqfds);
	vm->eventfds->irqfd_used = true;
	if (f->resamplefd)
		atomic_inc(&vm->eventfds->nr_resample);
	raw_spin_unlock_irq(&vm->eventfds->irqfd_lock);

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

static int deassign(struct vh_vm *vm, const struct kvm_irqfd *args)
{
	struct eventfd_ctx *ctx = eventfd_ctx_fdget(args->fd);
	struct irqfd *f, *next;

	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	raw_spin_lock_irq(&vm->eventfds->irqfd_lock);
	list_for_each_entry_safe(f, next, &vm->eventfds->irqfds, node)
		if (f->eventfd == ctx && f->gsi == args->gsi)
			deactivate(f);
	raw_spin_unlock_irq(&vm->eventfds->irqfd_lock);
	eventfd_ctx_put(ctx);
	flush_workqueue(irqfd_wq);
	return 0;
}

/**
 * vh_irqfd - KVM_IRQFD
 * @vm: the VM
 * @args: assign, or deassign with KVM_IRQFD_FLAG_DEASSIGN
 *
 * Process context. -EINVAL, -EBADF, -EBUSY (that eventfd is assigned), -ENOMEM.
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

/**
 * vh_irqfd_release_all - the VM goes
 * @vm: the VM
 *
 * Process context.
 */
void vh_irqfd_release_all(struct vh_vm *vm)
{
	struct irqfd *f, *next;
	bool any = false;

	raw_spin_lock_irq(&vm->eventfds->irqfd_lock);
	list_for_each_entry_safe(f, next, &vm->eventfds->irqfds, node)
		deactivate(f);
	any = vm->eventfds->irqfd_used;
	raw_spin_unlock_irq(&vm->eventfds->irqfd_lock);
	/* Also those whose eventfd was closed a moment ago. */
	if (any)
		flush_workqueue(irqfd_wq);
}

/**
 * vh_irqfd_any_resample - is there anybody to tell of acknowledges?
 * @vm: the VM
 */
bool vh_irqfd_any_resample(struct vh_vm *vm)
{
	return atomic_read(&vm->eventfds->nr_resample);
}

/**
 * vh_irqfd_resample - the guest acknowledged a GSI
 * @vm: the VM
 * @gsi: global system interrupt
 *
 * Any context.
 */
void vh_irqfd_resample(struct vh_vm *vm, u32 gsi)
{
	struct irqfd *f;
	unsigned long flags;
	bool lowered = false;

	raw_spin_lock_irqsave(&vm->eventfds->irqfd_lock, flags);
	list_for_each_entry(f, &vm->eventfds->irqfds, node) {
		if (f->gsi != gsi || !f->resamplefd)
			continue;
		/* First the line, then the news: the answer may be to raise it again. */
		if (!lowered)
			vh_irq_set(vm, gsi, SRC_RESAMPLE, 0);
		lowered = true;
		queue_work(irqfd_wq, &f->resample);
	}
	raw_spin_unlock_irqrestore(&vm->eventfds->irqfd_lock, flags);
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
	INIT_LIST_HEAD(&e->irqfds);
	raw_spin_lock_init(&e->irqfd_lock);
	INIT_LIST_HEAD(&e->ioeventfds);
	mutex_init(&e->ioeventfd_lock);
	vm->eventfds = e;
	return 0;
}

/**
 * vh_irq_vm_free - undo vh_irq_vm_init()
 * @vm: the VM; its irqfds and ioeventfds are released, no vCPU is left
 */
void vh_irq_vm_free(struct vh_vm *vm)
{
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
	irqfd_wq = alloc_workqueue("vh-irqfd", VH_WQ_PERCPU, 0);
	return irqfd_wq ? 0 : -ENOMEM;
}

/**
 * vh_irq_module_exit - module unload
 */
void vh_irq_module_exit(void)
{
	destroy_workqueue(irqfd_wq);
}
