// SPDX-License-Identifier: GPL-2.0-only
/* KVM_CREATE_DEVICE, and its one device: VFIO's. */
#include <fcntl.h>
#include <unistd.h>

#include "abi.h"

static int create(struct vm *vm, uint32_t type, uint32_t flags)
{
	struct kvm_create_device cd = { .type = type, .flags = flags, .fd = -1 };

	return ioctl(vm->fd, KVM_CREATE_DEVICE, &cd) ? -1 : (int)cd.fd;
}

static int attr(int fd, unsigned long req, uint32_t group, uint64_t number, void *addr)
{
	struct kvm_device_attr a = { .group = group, .attr = number, .addr = (uintptr_t)addr };

	return ioctl(fd, req, &a);
}

static void device_create(struct tap_result *r, const void *arg)
{
	struct kvm_create_device cd = { .type = KVM_DEV_TYPE_VFIO, .flags = KVM_CREATE_DEVICE_TEST, .fd = 1234 };
	struct vm vm;
	int fd;

	(void)arg;
	vm_create(&vm, 1 << 20, 0);
	/* KVM has it on x86 since 6.4 */
	if (ioctl(vm.fd, KVM_CHECK_EXTENSION, KVM_CAP_DEVICE_CTRL) != 1 && !on_kvm())
		tap_fail(r, "KVM_CAP_DEVICE_CTRL is not there");
	want_errno(r, create(&vm, 0xffff, 0), ENODEV, "type 65535");
	want_errno(r, create(&vm, -1, 0), ENODEV, "type -1");
	want_errno(r, create(&vm, KVM_DEV_TYPE_XICS, KVM_CREATE_DEVICE_TEST), ENODEV, "another machine's");
	want_errno(r, ioctl(vm.fd, KVM_CREATE_DEVICE, BAD_POINTER), EFAULT, "bad pointer");
	want_ok(r, ioctl(vm.fd, KVM_CREATE_DEVICE, &cd), "is there VFIO's?");
	if (cd.fd != 1234)
		tap_fail(r, "a test made descriptor %d", (int)cd.fd);
	fd = create(&vm, KVM_DEV_TYPE_VFIO, 0);
	want_ok(r, fd, "VFIO's");
	want_errno(r, create(&vm, KVM_DEV_TYPE_VFIO, 0), EBUSY, "a second one");
	want_either(r, ioctl(fd, KVM_RUN, 0), ENOTTY, EINVAL, "KVM_RUN");
	close(fd);
	/* 6.1's KVM has it for the VM's life */
	if (!on_kvm()) {
		fd = create(&vm, KVM_DEV_TYPE_VFIO, 0);
		want_ok(r, fd, "another behind its end");
		/* it outlives the VM's descriptor */
		close(vm.fd);
		want_ok(r, attr(fd, KVM_HAS_DEVICE_ATTR, KVM_DEV_VFIO_GROUP, KVM_DEV_VFIO_GROUP_ADD, NULL), "without the VM's");
		close(fd);
	}
}

static void device_vfio(struct tap_result *r, const void *arg)
{
	int32_t null = open("/dev/null", O_RDWR), bad = 999, self;
	struct vm vm;
	int fd;

	(void)arg;
	vm_create(&vm, 1 << 20, 0);
	fd = create(&vm, KVM_DEV_TYPE_VFIO, 0);
	if (!want_ok(r, fd, "VFIO's"))
		return;
	self = fd;
	want_ok(r, attr(fd, KVM_HAS_DEVICE_ATTR, KVM_DEV_VFIO_GROUP, KVM_DEV_VFIO_GROUP_ADD, NULL), "ADD");
	want_ok(r, attr(fd, KVM_HAS_DEVICE_ATTR, KVM_DEV_VFIO_GROUP, KVM_DEV_VFIO_GROUP_DEL, NULL), "DEL");
	want_errno(r, attr(fd, KVM_HAS_DEVICE_ATTR, KVM_DEV_VFIO_GROUP, 77, NULL), ENXIO, "attribute 77");
	want_errno(r, attr(fd, KVM_HAS_DEVICE_ATTR, 77, KVM_DEV_VFIO_GROUP_ADD, NULL), ENXIO, "group 77");
	want_errno(r, attr(fd, KVM_SET_DEVICE_ATTR, KVM_DEV_VFIO_GROUP, 77, &null), ENXIO, "set attribute 77");
	want_errno(r, attr(fd, KVM_GET_DEVICE_ATTR, KVM_DEV_VFIO_GROUP, KVM_DEV_VFIO_GROUP_ADD, &null), EPERM, "get");
	want_errno(r, ioctl(fd, KVM_SET_DEVICE_ATTR, BAD_POINTER), EFAULT, "bad pointer");
	want_errno(r, attr(fd, KVM_SET_DEVICE_ATTR, KVM_DEV_VFIO_GROUP, KVM_DEV_VFIO_GROUP_ADD, BAD_POINTER), EFAULT, "no file");
	want_errno(r, attr(fd, KVM_SET_DEVICE_ATTR, KVM_DEV_VFIO_GROUP, KVM_DEV_VFIO_GROUP_ADD, &bad), EBADF, "bad file");
	want_errno(r, attr(fd, KVM_SET_DEVICE_ATTR, KVM_DEV_VFIO_GROUP, KVM_DEV_VFIO_GROUP_DEL, &bad), EBADF, "bad file off");
	/* what is no file of VFIO's */
	want_errno(r, attr(fd, KVM_SET_DEVICE_ATTR, KVM_DEV_VFIO_GROUP, KVM_DEV_VFIO_GROUP_ADD, &null), EINVAL, "/dev/null");
	want_errno(r, attr(fd, KVM_SET_DEVICE_ATTR, KVM_DEV_VFIO_GROUP, KVM_DEV_VFIO_GROUP_ADD, &self), EINVAL, "itself");
	want_errno(r, attr(fd, KVM_SET_DEVICE_ATTR, KVM_DEV_VFIO_GROUP, KVM_DEV_VFIO_GROUP_DEL, &null), ENOENT, "not added");
}

const struct test_case device_cases[] = {
	{ "device-create", device_create, NULL },
	{ "device-vfio", device_vfio, NULL },
	{ NULL, NULL, NULL }
};
