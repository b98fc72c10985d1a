// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio.c - KVM_CREATE_DEVICE with KVM_DEV_TYPE_VFIO: which VFIO files a VM's VMM hands devices through by.
 *
 * vh has guest memory cached whatever the guest says, so it takes only those whose DMA is coherent with that.
 * VFIO itself need not be there, and is asked by name, as KVM does: a reference to its symbols would load it.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "compat/kvm.h"
#include "objects.h"
#include "vh.h"

#define MAX_FILES	1024		/* of a VM: each is an allocation */

struct vh_vfio {
	struct mutex lock;		/* all below */
	struct list_head files;
	unsigned int nr;
};

struct vfio_file {
	struct list_head node;
	struct file *file;
};

/* VFIO's; the first was renamed to the second when it came to know devices' own files (6.6). */
bool vfio_file_is_group(struct file *file);
bool vfio_file_is_valid(struct file *file);
bool vfio_file_enforced_coherent(struct file *file);

static bool is_vfio(struct file *file)
{
	bool (*fn)(struct file *file) = symbol_get(vfio_file_is_valid);
	bool ok = false;

	if (fn) {
		ok = fn(file);
		symbol_put(vfio_file_is_valid);
		return ok;
	}
	fn = symbol_get(vfio_file_is_group);
	if (fn) {
		ok = fn(file);
		symbol_put(vfio_file_is_group);
	}
	return ok;
}

static bool is_coherent(struct file *file)
{
	bool (*fn)(struct file *file) = symbol_get(vfio_file_enforced_coherent), ok;

	if (!fn)
		return false;
	ok = fn(file);
	symbol_put(vfio_file_enforced_coherent);
	return ok;
}

static struct vfio_file *find(struct vh_vfio *v, const struct file *file)
{
	struct vfio_file *f;

	list_for_each_entry(f, &v->files, node)
		if (f->file == file)
			return f;
	return NULL;
}

/* v->lock held. Keeps a reference to @file of its own. */
static int add(struct vh_vfio *v, struct file *file)
{
	struct vfio_file *f;

	if (!is_vfio(file))
		return -EINVAL;
	if (find(v, file))
		return -EEXIST;
	if (!is_coherent(file))
		return -EOPNOTSUPP;
	if (v->nr == MAX_FILES)
		return -ENOSPC;
	f = kzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT);
	if (!f)
		return -ENOMEM;
	f->file = get_file(file);
	list_add_tail(&f->node, &v->files);
	v->nr++;
	return 0;
}

static void remove(struct vh_vfio *v, struct vfio_file *f)
{
	list_del(&f->node);
	v->nr--;
	fput(f->file);
	kfree(f);
}

static bool known(const struct kvm_device_attr *a)
{
	return a->group == KVM_DEV_VFIO_GROUP &&
	       (a->attr == KVM_DEV_VFIO_GROUP_ADD || a->attr == KVM_DEV_VFIO_GROUP_DEL);
}

static int set_attr(struct vh_vfio *v, const struct kvm_device_attr *a)
{
	struct vfio_file *f;
	struct file *file;
	int err = 0;
	s32 fd;

	if (!known(a))
		return -ENXIO;
	if (get_user(fd, (s32 __user *)a->addr))
		return -EFAULT;
	file = fget(fd);
	if (!file)
		return -EBADF;
	mutex_lock(&v->lock);
	if (a->attr == KVM_DEV_VFIO_GROUP_ADD) {
		err = add(v, file);
	} else {
		f = find(v, file);
		if (f)
			remove(v, f);
		else
			err = -ENOENT;
	}
	mutex_unlock(&v->lock);
	fput(file);
	return err;
}

static long vfio_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct vh_vm *vm = file->private_data;
	struct kvm_device_attr a;

	if (vm->mm != current->mm)
		return -EIO;
	switch (cmd) {
	case KVM_SET_DEVICE_ATTR:
	case KVM_HAS_DEVICE_ATTR:
		if (copy_from_user(&a, (void __user *)arg, sizeof(a)))
			return -EFAULT;
		return cmd == KVM_SET_DEVICE_ATTR ? set_attr(vm->vfio, &a) : known(&a) ? 0 : -ENXIO;
	case KVM_GET_DEVICE_ATTR:
		return -EPERM;
	}
	return -ENOTTY;
}

static int vfio_release(struct inode *inode, struct file *file)
{
	struct vh_vm *vm = file->private_data;
	struct vh_vfio *v = vm->vfio;

	while (!list_empty(&v->files))
		remove(v, list_first_entry(&v->files, struct vfio_file, node));
	kfree(v);
	/* From now on there may be another. */
	smp_store_release(&vm->vfio, NULL);
	vh_vm_put(vm);
	return 0;
}

static const struct file_operations vfio_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= vfio_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.release	= vfio_release,
	.llseek		= noop_llseek,
};

/**
 * vh_device_create - KVM_CREATE_DEVICE
 * @vm: the VM
 * @u: type and flags; the descriptor is put there
 *
 * vm->lock held. -ENODEV: a type that is not VFIO's; -EBUSY: the VM has one; -EMFILE, -ENOMEM, -EFAULT. With
 * KVM_CREATE_DEVICE_TEST nothing is made.
 */
int vh_device_create(struct vh_vm *vm, struct kvm_create_device __user *u)
{
	struct kvm_create_device cd;
	struct vh_vfio *v;
	struct file *file;
	int fd;

	if (copy_from_user(&cd, u, sizeof(cd)))
		return -EFAULT;
	if (cd.type != KVM_DEV_TYPE_VFIO)
		return -ENODEV;
	if (cd.flags & KVM_CREATE_DEVICE_TEST)
		return 0;
	if (smp_load_acquire(&vm->vfio))
		return -EBUSY;
	v = kzalloc(sizeof(*v), GFP_KERNEL_ACCOUNT);
	if (!v)
		return -ENOMEM;
	mutex_init(&v->lock);
	INIT_LIST_HEAD(&v->files);
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		goto free;
	if (put_user(fd, &u->fd)) {
		put_unused_fd(fd);
		fd = -EFAULT;
		goto free;
	}
	file = anon_inode_getfile("vh-vfio", &vfio_fops, vm, O_RDWR);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		fd = PTR_ERR(file);
		goto free;
	}
	vm->vfio = v;
	vh_vm_get(vm);
	fd_install(fd, file);
	return 0;
free:
	kfree(v);
	return fd;
}
