// SPDX-License-Identifier: GPL-2.0-only
/* The VM's file descriptor: vCPUs, memory slots, addresses, clock. */
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi.h"

static void create_vcpu(struct tap_result *r, const void *arg)
{
	struct vm vm;
	int max_id;

	(void)arg;
	vm_create(&vm, 1 << 20, VM_IRQCHIP);
	max_id = kvm_cap(KVM_CAP_MAX_VCPU_ID);
	want_ok(r, ioctl(vm.fd, KVM_CREATE_VCPU, 0), "id 0");
	want_errno(r, ioctl(vm.fd, KVM_CREATE_VCPU, 0), EEXIST, "id 0 again");
	want_ok(r, ioctl(vm.fd, KVM_CREATE_VCPU, 5), "id 5");
	want_errno(r, ioctl(vm.fd, KVM_CREATE_VCPU, max_id), EINVAL,
		   "first id out of range");
	want_errno(r, ioctl(vm.fd, KVM_CREATE_VCPU, 0xffffffff), EINVAL,
		   "id 2^32-1");
}

static void many_vcpus(struct tap_result *r, const void *arg)
{
	struct vm vm;
	int i;

	(void)arg;
	vm_create(&vm, 1 << 20, VM_IRQCHIP);
	for (i = 0; i < 64; i++)
		if (!want_ok(r, ioctl(vm.fd, KVM_CREATE_VCPU, i), "one of 64"))
			return;
}

static int set_slot(int fd, unsigned int slot, unsigned int flags,
		    uint64_t gpa, uint64_t size, uint64_t hva)
{
	struct kvm_userspace_memory_region m = {
		slot, flags, gpa, size, hva
	};

	return ioctl(fd, KVM_SET_USER_MEMORY_REGION, &m);
}

static void slot_arguments(struct tap_result *r, const void *arg)
{
	struct vm vm;
	uint64_t hva;
	int fd;

	(void)arg;
	vm_create(&vm, 1 << 20, 0);
	fd = vm.fd;
	hva = (uintptr_t)mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	want_errno(r, ioctl(fd, KVM_SET_USER_MEMORY_REGION, BAD_POINTER),
		   EFAULT, "bad pointer");
	want_errno(r, set_slot(fd, 1, 0, 1 << 20, 4097, hva), EINVAL,
		   "size 4097");
	want_errno(r, set_slot(fd, 1, 0, (1 << 20) + 1, 4096, hva), EINVAL,
		   "unaligned guest address");
	want_errno(r, set_slot(fd, 1, 0, 1 << 20, 4096, hva + 1), EINVAL,
		   "unaligned host address");
	want_errno(r, set_slot(fd, 1, 0, -4096ull, 8192, hva), EINVAL,
		   "guest addresses that wrap");
	want_errno(r, set_slot(fd, 1, 0, 1 << 20, -4096ull, hva), EINVAL,
		   "size -4096");
	want_errno(r, set_slot(fd, 1, 0, 0xff000, 8192, hva), EEXIST,
		   "overlap with slot 0");
	want_errno(r, set_slot(fd, 1, 0, 0, 4096, hva), EEXIST,
		   "slot inside slot 0");
	want_errno(r, set_slot(fd, 1, 0x80, 1 << 20, 4096, hva), EINVAL,
		   "unknown flag");
	want_errno(r, set_slot(fd, 1, 0, 1 << 20, 4096, 0xffff888000000000),
		   EINVAL, "the kernel's address");
	want_errno(r, set_slot(fd, 1, 0, 1 << 20, 4096, 1ull << 60), EINVAL,
		   "non-canonical host address");
	want_errno(r, set_slot(fd, 1, 0, 1 << 20, 8192, 0x7ffffffff000),
		   EINVAL, "past the end of the process' addresses");
	want_errno(r, set_slot(fd, 0xffff, 0, 1 << 20, 4096, hva), EINVAL,
		   "slot 65535");
	want_errno(r, set_slot(fd, 0x7fff0000, 0, 1 << 20, 4096, hva), EINVAL,
		   "address space 32767");
	want_errno(r, set_slot(fd, 9, 0, 1 << 20, 0, hva), EINVAL,
		   "deleting a slot that is not there");
	want_errno(r, set_slot(fd, 0, 0, 0, 1 << 19, (uintptr_t)vm.mem),
		   EINVAL, "another size for a slot");
	want_errno(r, set_slot(fd, 0, 0, 0, 1 << 20, hva), EINVAL,
		   "another host address for a slot");
	want_errno(r, set_slot(fd, 0, KVM_MEM_READONLY, 0, 1 << 20,
			       (uintptr_t)vm.mem), EINVAL,
		   "making a slot read-only");
}

static void slot_life(struct tap_result *r, const void *arg)
{
	struct vm vm;
	uint64_t hva;
	int i;

	(void)arg;
	vm_create(&vm, 1 << 20, 0);
	hva = (uintptr_t)vm.mem;
	want_ok(r, set_slot(vm.fd, 1, 0, 1 << 20, 1 << 20, hva),
		"a second slot of the same memory");
	want_ok(r, set_slot(vm.fd, 1, 0, 2 << 20, 1 << 20, hva), "moving it");
	want_ok(r, set_slot(vm.fd, 2, 0, 1 << 20, 1 << 20, hva),
		"a third where it was");
	want_ok(r, set_slot(vm.fd, 1, KVM_MEM_LOG_DIRTY_PAGES, 2 << 20,
			    1 << 20, hva), "dirty logging on");
	want_ok(r, set_slot(vm.fd, 1, 0, 2 << 20, 1 << 20, hva), "and off");
	want_errno(r, set_slot(vm.fd, 1, 0, 1 << 20, 1 << 20, hva), EEXIST,
		   "moving it onto another");
	want_ok(r, set_slot(vm.fd, 1, 0, 0, 0, 0), "deleting it");
	want_ok(r, set_slot(vm.fd, 1, KVM_MEM_READONLY, 2 << 20, 1 << 20, hva),
		"read-only");
	want_ok(r, set_slot(vm.fd, 1, KVM_MEM_READONLY, 2 << 20, 1 << 20, hva),
		"the same again");
	for (i = 3; i < 509; i++)
		if (!want_ok(r, set_slot(vm.fd, i, 0, (uint64_t)i << 24, 4096,
					 hva), "one of 509 slots"))
			break;
}

static void tss_identity(struct tap_result *r, const void *arg)
{
	uint64_t addr = 0xfffbc000;
	struct vm vm;

	(void)arg;
	vm_create(&vm, 1 << 20, 0);
	want_ok(r, ioctl(vm.fd, KVM_SET_TSS_ADDR, 0xfffbd000), "TSS address");
	want_errno(r, ioctl(vm.fd, KVM_SET_TSS_ADDR, 0xffffe000), EINVAL,
		   "TSS address above 4G - 3 pages");
	want_errno(r, ioctl(vm.fd, KVM_SET_IDENTITY_MAP_ADDR, BAD_POINTER),
		   EFAULT, "bad pointer");
	want_ok(r, ioctl(vm.fd, KVM_SET_IDENTITY_MAP_ADDR, &addr), "identity");
	vm_add_vcpu(&vm);
	want_errno(r, ioctl(vm.fd, KVM_SET_IDENTITY_MAP_ADDR, &addr), EINVAL,
		   "identity map address after a vCPU");
}

static void clock_(struct tap_result *r, const void *arg)
{
	struct kvm_clock_data c = { .clock = 5000000000ull }, d = { 0 };
	struct vm vm;

	(void)arg;
	vm_create(&vm, 1 << 20, VM_IRQCHIP);
	want_ok(r, ioctl(vm.fd, KVM_SET_CLOCK, &c), "KVM_SET_CLOCK");
	want_ok(r, ioctl(vm.fd, KVM_GET_CLOCK, &d), "KVM_GET_CLOCK");
	if (d.clock < c.clock || d.clock > c.clock + 5000000000ull)
		tap_fail(r, "set %llu, got %llu", c.clock, d.clock);
	usleep(10000);
	c = d;
	want_ok(r, ioctl(vm.fd, KVM_GET_CLOCK, &d), "KVM_GET_CLOCK");
	if (d.clock < c.clock + 10000000)
		tap_fail(r, "it stands still");
	c.flags = 0x80000000;
	want_errno(r, ioctl(vm.fd, KVM_SET_CLOCK, &c), EINVAL, "unknown flag");
	want_errno(r, ioctl(vm.fd, KVM_SET_CLOCK, BAD_POINTER), EFAULT,
		   "set, bad pointer");
	want_errno(r, ioctl(vm.fd, KVM_GET_CLOCK, BAD_POINTER), EFAULT,
		   "get, bad pointer");
}

static void dirty_log_arguments(struct tap_result *r, const void *arg)
{
	static uint64_t bits[64];
	struct kvm_dirty_log l = { .slot = 0, .dirty_bitmap = bits };
	struct vm vm;

	(void)arg;
	vm_create(&vm, 1 << 20, 0);
	want_errno(r, ioctl(vm.fd, KVM_GET_DIRTY_LOG, &l), ENOENT,
		   "a slot without logging");
	l.slot = 7;
	want_errno(r, ioctl(vm.fd, KVM_GET_DIRTY_LOG, &l), ENOENT,
		   "a slot that is not there");
	l.slot = 0x7ffff;
	want_errno(r, ioctl(vm.fd, KVM_GET_DIRTY_LOG, &l), EINVAL,
		   "a slot out of range");
	want_errno(r, ioctl(vm.fd, KVM_GET_DIRTY_LOG, BAD_POINTER), EFAULT,
		   "bad pointer");
	xioctl(vm.fd, KVM_SET_USER_MEMORY_REGION,
	       (&(struct kvm_userspace_memory_region) {
			0, KVM_MEM_LOG_DIRTY_PAGES, 0, 1 << 20,
			(uintptr_t)vm.mem }));
	l.slot = 0;
	want_ok(r, ioctl(vm.fd, KVM_GET_DIRTY_LOG, &l), "with logging");
	l.dirty_bitmap = BAD_POINTER;
	want_errno(r, ioctl(vm.fd, KVM_GET_DIRTY_LOG, &l), EFAULT,
		   "bad bitmap");
}

static void vm_unknown(struct tap_result *r, const void *arg)
{
	struct kvm_enable_cap cap = { .cap = 99999 };
	struct kvm_regs regs;
	struct vm vm;

	(void)arg;
	vm_create(&vm, 1 << 20, 0);
	want_either(r, ioctl(vm.fd, UNKNOWN_IOCTL, 0), ENOTTY, EINVAL,
		    "unknown ioctl");
	want_either(r, ioctl(vm.fd, KVM_GET_REGS, &regs), ENOTTY, EINVAL,
		    "KVM_GET_REGS on the VM's");
	want_either(r, ioctl(vm.fd, KVM_RUN, 0), ENOTTY, EINVAL,
		    "KVM_RUN on the VM's");
	want_either(r, ioctl(vm.fd, KVM_CREATE_VM, 0), ENOTTY, EINVAL,
		    "KVM_CREATE_VM on the VM's");
	want_either(r, ioctl(vm.fd, KVM_ENABLE_CAP, &cap), EINVAL, ENOTTY,
		    "enabling capability 99999");
	if (mmap(NULL, 4096, PROT_READ, MAP_SHARED, vm.fd, 0) != MAP_FAILED)
		tap_fail(r, "mmap works");
}

static void ioeventfd_arguments(struct tap_result *r, const void *arg)
{
	struct kvm_ioeventfd e = { .addr = 0x1000, .len = 4 };
	struct kvm_ioeventfd good;
	struct vm vm;

	(void)arg;
	vm_create(&vm, 1 << 20, 0);
	e.fd = eventfd(0, 0);
	good = e;
	want_ok(r, ioctl(vm.fd, KVM_IOEVENTFD, &e), "a good one");
	want_errno(r, ioctl(vm.fd, KVM_IOEVENTFD, &e), EEXIST, "twice");
	e.flags = KVM_IOEVENTFD_FLAG_DATAMATCH;
	want_errno(r, ioctl(vm.fd, KVM_IOEVENTFD, &e), EEXIST,
		   "a narrower one over one that takes all data");
	e.addr = 0x2000;
	e.datamatch = 1;
	want_ok(r, ioctl(vm.fd, KVM_IOEVENTFD, &e), "data 1");
	e.datamatch = 2;
	want_ok(r, ioctl(vm.fd, KVM_IOEVENTFD, &e), "data 2");
	e.len = 3;
	want_errno(r, ioctl(vm.fd, KVM_IOEVENTFD, &e), EINVAL, "length 3");
	e.len = 0;
	want_errno(r, ioctl(vm.fd, KVM_IOEVENTFD, &e), EINVAL,
		   "length 0 with data");
	e = good;
	e.addr = -2ull;
	want_errno(r, ioctl(vm.fd, KVM_IOEVENTFD, &e), EINVAL, "wrapping");
	e = good;
	e.addr = 0x3000;
	e.flags = 0x8000;
	want_errno(r, ioctl(vm.fd, KVM_IOEVENTFD, &e), EINVAL, "unknown flag");
	e.flags = 0;
	e.fd = 9999;
	want_errno(r, ioctl(vm.fd, KVM_IOEVENTFD, &e), EBADF, "bad fd");
	e.fd = kvm_open();
	want_errno(r, ioctl(vm.fd, KVM_IOEVENTFD, &e), EINVAL,
		   "fd that is no eventfd");
	e = good;
	e.flags = KVM_IOEVENTFD_FLAG_DEASSIGN;
	want_ok(r, ioctl(vm.fd, KVM_IOEVENTFD, &e), "taking it away");
	want_errno(r, ioctl(vm.fd, KVM_IOEVENTFD, &e), ENOENT, "again");
	want_errno(r, ioctl(vm.fd, KVM_IOEVENTFD, BAD_POINTER), EFAULT,
		   "bad pointer");
}

const struct test_case vm_cases[] = {
	{ "vm-create-vcpu", create_vcpu, NULL },
	{ "vm-64-vcpus", many_vcpus, NULL },
	{ "vm-slot-arguments", slot_arguments, NULL },
	{ "vm-slot-life", slot_life, NULL },
	{ "vm-tss-identity", tss_identity, NULL },
	{ "vm-clock", clock_, NULL },
	{ "vm-dirty-log-arguments", dirty_log_arguments, NULL },
	{ "vm-ioeventfd", ioeventfd_arguments, NULL },
	{ "vm-unknown", vm_unknown, NULL },
	{ NULL, NULL, NULL }
};
