// SPDX-License-Identifier: GPL-2.0-only
/* KVM_CREATE_DEVICE, and its one device, VFIO's; a network card's registers as a slot. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
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

/* The lab's e1000 (--nic): registers of the 82540EM's manual (317453), chapter 13. */
#define CARD		"0000:00:02.0"
#define CARD_FILES	"/sys/bus/pci/devices/" CARD "/"
#define CARD_SIZE	0x20000
#define E1000_STATUS	0x8
#define E1000_RAL	0x5400
#define BAR_GPA		0x10000000u

/* "bind" or "unbind": the card's driver */
static bool card_driver(const char *what)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/e1000/%s", what);
	return write_file(path, CARD);
}

/* The card's BAR 0, or NULL: told. */
static volatile uint32_t *card_map(struct tap_result *r)
{
	int config, fd;
	uint16_t command = 0;
	void *bar;

	card_driver("unbind");
	config = open(CARD_FILES "config", O_RDWR | O_CLOEXEC);
	fd = open(CARD_FILES "resource0", O_RDWR | O_CLOEXEC);
	if (config < 0 || fd < 0) {
		tap_skip(r, "no network card");
		return NULL;
	}
	/* its memory on */
	if (pread(config, &command, 2, 4) != 2 || (command |= 2, pwrite(config, &command, 2, 4) != 2))
		tap_fail(r, "its command register");
	bar = mmap(NULL, CARD_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(config);
	close(fd);
	if (bar == MAP_FAILED) {
		tap_fail(r, "BAR 0 cannot be mapped");
		return NULL;
	}
	return bar;
}

/* A guest works on a card's registers, which are its slot, until its driver wants them. */
static void device_bar(struct tap_result *r, const void *arg)
{
	static const uint8_t code[] = {
		0xbe, 0x00, 0x00, 0x00, 0x10,				/* mov esi, BAR_GPA */
		0x8b, 0x46, E1000_STATUS,				/* mov eax, [esi + STATUS] */
		0xbb, 0x78, 0x56, 0x34, 0x12,				/* mov ebx, 0x12345678 */
		0x89, 0x9e, 0x00, 0x54, 0x00, 0x00,			/* mov [esi + RAL], ebx */
		0x8b, 0x8e, 0x00, 0x54, 0x00, 0x00,			/* mov ecx, [esi + RAL] */
		0xf4,							/* hlt */
	};
	volatile uint32_t *bar = card_map(r), *again;
	struct kvm_regs regs;
	struct vcpu *v;
	struct vm vm;

	(void)arg;
	if (!bar)
		return;
	v = vm_simple(&vm, 0);
	want_ok(r, vm_slot(&vm, 1, 0, BAR_GPA, CARD_SIZE, (void *)bar), "BAR 0 as a slot");
	bar[E1000_RAL / 4] = 0;
	guest_code(&vm, v, code, sizeof(code));
	want_exit(r, v, KVM_EXIT_HLT, "registers by the guest");
	ioctl(v->fd, KVM_GET_REGS, &regs);
	if ((uint32_t)regs.rax != bar[E1000_STATUS / 4])
		tap_fail(r, "STATUS is %#llx, not %#x", regs.rax, bar[E1000_STATUS / 4]);
	if ((uint32_t)regs.rcx != 0x12345678 || bar[E1000_RAL / 4] != 0x12345678)
		tap_fail(r, "RAL is %#llx to the guest, %#x to the VMM", regs.rcx, bar[E1000_RAL / 4]);

	/* the driver has all mappings taken away */
	if (!card_driver("bind"))
		tap_fail(r, "the card's driver does not take it");
	guest_code(&vm, v, code, sizeof(code));
	want_errno(r, ioctl(v->fd, KVM_RUN, 0), EFAULT, "registers that are the driver's");

	/* another mapping at the same address */
	again = card_map(r);
	if (again) {
		munmap((void *)bar, CARD_SIZE);
		bar = mremap((void *)again, CARD_SIZE, CARD_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)bar);
		bar[E1000_RAL / 4] = 0;
		guest_code(&vm, v, code, sizeof(code));
		want_exit(r, v, KVM_EXIT_HLT, "registers that are back");
		if (bar[E1000_RAL / 4] != 0x12345678)
			tap_fail(r, "RAL is %#x behind it", bar[E1000_RAL / 4]);
	}
	munmap((void *)bar, CARD_SIZE);
	vm_destroy(&vm);
}

const struct test_case device_cases[] = {
	{ "device-create", device_create, NULL },
	{ "device-vfio", device_vfio, NULL },
	{ "device-bar", device_bar, NULL },
	{ NULL, NULL, NULL }
};
