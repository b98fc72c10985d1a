// SPDX-License-Identifier: GPL-2.0-only
/* Memslots by the thousand, and what else there is about them: faults that are told, pages that are there before. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../kmod/compat/kvm.h"
#include "../../uapi/linux/vh.h"
#include "abi.h"

#define GPA	0x20000000u
#define PAGES	64u
#define MANY	32764u		/* memslots */

#define EXIT_EPT_VIOLATION	48

static uint8_t *pages_of(unsigned int n)
{
	return mmap(NULL, n * 4096ul, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* Slot @i is one page, every other gfn. */
static int one(struct vm *vm, unsigned int i, unsigned int flags, bool there, uint8_t *mem)
{
	return vm_slot(vm, i, flags, GPA + i * 8192, there ? 4096 : 0, mem + i % PAGES * 4096);
}

static bool touch(struct tap_result *r, struct vm *vm, struct vcpu *v, uint32_t gpa, unsigned int n)
{
	int ret;

	guest_start(vm, v, "touch", gpa, n);
	ret = vcpu_run(v);
	if (ret || v->run->exit_reason != KVM_EXIT_IO)
		return tap_fail(r, "at %#x: %s, exit %s", gpa, strerror(-ret), exit_name(v->run->exit_reason));
	return true;
}

struct cost { uint64_t change, fault; };

/* In the lab a tick is an instruction. */
static struct cost measure(struct tap_result *r, struct vm *vm, struct vcpu *v, unsigned int n, uint8_t *mem)
{
	enum { ROUNDS = 40 };
	struct cost c = { 0, 0 };
	unsigned int i, at = n / 2;
	uint64_t t;

	for (i = 0; i < ROUNDS; i++) {
		t = rdtsc();
		if (one(vm, at, 0, false, mem) || one(vm, at, 0, true, mem))
			tap_fail(r, "a change with %u slots: %s", n, strerror(errno));
		c.change += rdtsc() - t;
		t = rdtsc();
		if (vcpu_run(v))
			tap_fail(r, "KVM_RUN");
		c.fault += rdtsc() - t;
	}
	c.change /= 2 * ROUNDS;
	c.fault /= ROUNDS;
	printf("# %u memslots: a change %llu ticks, KVM_RUN with a fault %llu\n", n,
	       (unsigned long long)c.change, (unsigned long long)c.fault);
	fflush(stdout);
	return c;
}

/* 32,764 memslots; neither changes nor faults cost more with them. */
static void many(struct tap_result *r, const void *arg)
{
	static const unsigned int steps[] = { 10, 1000, 32000 };
	uint8_t *mem = pages_of(PAGES);
	struct cost c[3];
	unsigned int i, n = 1;
	struct vcpu *v;
	struct vm vm;

	(void)arg;
	v = vm_simple(&vm, 0);
	if (kvm_cap(KVM_CAP_NR_MEMSLOTS) != (int)MANY)
		tap_fail(r, "KVM_CAP_NR_MEMSLOTS is %d", kvm_cap(KVM_CAP_NR_MEMSLOTS));
	want_errno(r, vm_slot(&vm, MANY, 0, GPA, 4096, mem) ? -1 : 0, EINVAL, "one too many");
	if (strcmp(kvm_device, "/dev/vh")) {
		tap_skip(r, "KVM takes too long for all of them");
		return;
	}
	for (i = 0; i < 3; i++) {
		for (; n < steps[i]; n++)
			if (one(&vm, n, 0, true, mem))
				return (void)tap_fail(r, "slot %u: %s", n, strerror(errno));
		touch(r, &vm, v, GPA + n / 2 * 8192, 1);
		c[i] = measure(r, &vm, v, n, mem);
	}
	if (c[2].change > c[0].change * 3 / 2 || c[2].fault > c[0].fault * 5 / 4)
		tap_fail(r, "it grows: a change %llu to %llu, a fault %llu to %llu", (unsigned long long)c[0].change,
			 (unsigned long long)c[2].change, (unsigned long long)c[0].fault,
			 (unsigned long long)c[2].fault);
	for (; n < MANY; n++)
		if (one(&vm, n, 0, true, mem))
			return (void)tap_fail(r, "slot %u: %s", n, strerror(errno));
	/* each is where it should be: what is written to them is seen */
	memset(mem, 0, PAGES * 4096ul);
	for (i = 1; i < MANY; i += 517) {
		if (!touch(r, &vm, v, GPA + i * 8192, 1))
			return;
		if (*(volatile uint32_t *)(mem + i % PAGES * 4096) == 0)
			tap_fail(r, "slot %u shows another page", i);
	}
	/* the page goes from all that show it */
	madvise(mem, PAGES * 4096ul, MADV_DONTNEED);
	for (i = 1; i < MANY; i += 517) {
		uint32_t was = *(volatile uint32_t *)(mem + i % PAGES * 4096);

		touch(r, &vm, v, GPA + i * 8192, 1);
		if (*(volatile uint32_t *)(mem + i % PAGES * 4096) != was + 1)
			tap_fail(r, "slot %u still had the page", i);
	}
	/* overlaps are found among so many; a move, a change of flags, and what is between two */
	want_errno(r, vm_slot(&vm, 5, 0, GPA + 6 * 8192, 4096, mem + 5 * 4096) ? -1 : 0, EEXIST, "a move onto another");
	if (vm_slot(&vm, 5, 0, GPA + 5 * 8192 + 4096, 4096, mem + 5 * 4096) ||
	    vm_slot(&vm, 5, KVM_MEM_LOG_DIRTY_PAGES, GPA + 5 * 8192 + 4096, 4096, mem + 5 * 4096))
		tap_fail(r, "a move between two: %s", strerror(errno));
	touch(r, &vm, v, GPA + 5 * 8192 + 4096, 1);
	/* they go in another order, and come again */
	for (i = 1; i < MANY; i++)
		if (one(&vm, 1 + (i * 7919ul) % (MANY - 1), 0, false, mem))
			return (void)tap_fail(r, "deleting: %s", strerror(errno));
	for (i = 1; i < 100; i++)
		if (one(&vm, i * 327, 0, true, mem))
			tap_fail(r, "and again: %s", strerror(errno));
	touch(r, &vm, v, GPA + 98 * 327 * 8192, 1);
}

static void region2(struct tap_result *r, const void *arg)
{
	struct kvm_userspace_memory_region2 m = { .slot = 1, .guest_phys_addr = GPA, .memory_size = PAGES * 4096 };
	struct vcpu *v;
	struct vm vm;

	(void)arg;
	if (!kvm_cap(KVM_CAP_USER_MEMORY2)) {
		if (!strcmp(kvm_device, "/dev/vh"))
			tap_fail(r, "there is no KVM_CAP_USER_MEMORY2");
		tap_skip(r, "this KVM has no KVM_SET_USER_MEMORY_REGION2");
		return;
	}
	v = vm_simple(&vm, 0);
	m.userspace_addr = (uintptr_t)pages_of(PAGES);
	want_errno(r, ioctl(vm.fd, KVM_SET_USER_MEMORY_REGION2, BAD_POINTER), EFAULT, "bad pointer");
	/* a memory file there is not */
	m.flags = 4;
	m.guest_memfd = -1;
	want_errno(r, ioctl(vm.fd, KVM_SET_USER_MEMORY_REGION2, &m), EINVAL, "GUEST_MEMFD");
	m.flags = 8;
	want_errno(r, ioctl(vm.fd, KVM_SET_USER_MEMORY_REGION2, &m), EINVAL, "an unknown flag");
	m.flags = KVM_MEM_LOG_DIRTY_PAGES;
	want_ok(r, ioctl(vm.fd, KVM_SET_USER_MEMORY_REGION2, &m), "a memslot");
	touch(r, &vm, v, GPA, PAGES);
	if (*(uint32_t *)m.userspace_addr != 1)
		tap_fail(r, "the guest wrote elsewhere");
	m.memory_size = 0;
	want_ok(r, ioctl(vm.fd, KVM_SET_USER_MEMORY_REGION2, &m), "it goes");
}

/* Nothing is behind a memslot: -EFAULT, and where. */
static void memory_fault(struct tap_result *r, const void *arg)
{
	const struct vh_memory_fault *f;
	struct vcpu *v;
	struct vm vm;
	uint8_t *mem;
	int ret;

	v = vm_simple(&vm, 0);
	mem = pages_of(PAGES);
	f = vh_memory_fault_of(v->run);
	if (!kvm_cap(KVM_CAP_MEMORY_FAULT_INFO)) {
		if (!strcmp(kvm_device, "/dev/vh"))
			tap_fail(r, "there is no KVM_CAP_MEMORY_FAULT_INFO");
		tap_skip(r, "this KVM has no KVM_CAP_MEMORY_FAULT_INFO");
		return;
	}
	vm_slot(&vm, 1, 0, GPA, PAGES * 4096, mem);
	munmap(mem + 5 * 4096, 4096);
	guest_start(&vm, v, "touch", GPA + 4 * 4096 + 8, 2);
	if (arg)
		vcpu_set_mode(&vm, v, MODE_PAGE32, guest_entry("touch"), 0x8000);
	ret = vcpu_run(v);
	if (ret != -EFAULT)
		tap_fail(r, "KVM_RUN: %s, exit %s", strerror(-ret), exit_name(v->run->exit_reason));
	/* not every KVM tells of every fault */
	if (v->run->exit_reason != KVM_EXIT_MEMORY_FAULT && !strcmp(kvm_device, "/dev/vh"))
		tap_fail(r, "exit %s", exit_name(v->run->exit_reason));
	if (v->run->exit_reason == KVM_EXIT_MEMORY_FAULT &&
	    (f->gpa != GPA + 5 * 4096 || f->size != 4096 || f->flags))
		tap_fail(r, "%#llx, %llu bytes, flags %#llx", (unsigned long long)f->gpa,
			 (unsigned long long)f->size, (unsigned long long)f->flags);
	/* it can be put right */
	mmap(mem + 5 * 4096, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (vcpu_run(v) || v->run->exit_reason != KVM_EXIT_IO)
		tap_fail(r, "then exit %s", exit_name(v->run->exit_reason));
}

static int prefault(struct vcpu *v, struct kvm_pre_fault_memory *p, uint64_t gpa, uint64_t size)
{
	*p = (struct kvm_pre_fault_memory){ .gpa = gpa, .size = size };
	return ioctl(v->fd, KVM_PRE_FAULT_MEMORY, p);
}

/* Pages are mapped before the guest reads them; @arg: large ones. */
static void pre_fault(struct tap_result *r, const void *arg)
{
	unsigned int n = arg ? 2048 : PAGES;
	struct kvm_pre_fault_memory p;
	struct vh_exit_stats before, after;
	uint8_t *mem, *whole;
	struct vcpu *v;
	struct vm vm;

	v = vm_simple(&vm, 0);
	whole = pages_of(n + 512);
	mem = (uint8_t *)(((uintptr_t)whole + (2 << 20) - 1) & -(2ul << 20));
	madvise(mem, n * 4096ul, arg ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	vm_slot(&vm, 1, 0, GPA, n * 4096, mem);
	if (!kvm_cap(KVM_CAP_PRE_FAULT_MEMORY)) {
		/* without EPT, or on an older KVM */
		if (!prefault(v, &p, GPA, 4096))
			tap_fail(r, "it works without the capability");
		else if (errno != EOPNOTSUPP && errno != ENOTTY && errno != EINVAL)
			tap_fail(r, "%s", strerror(errno));
		tap_skip(r, "there is no KVM_CAP_PRE_FAULT_MEMORY here");
		return;
	}
	want_errno(r, ioctl(v->fd, KVM_PRE_FAULT_MEMORY, BAD_POINTER), EFAULT, "bad pointer");
	want_errno(r, prefault(v, &p, GPA, 0), EINVAL, "no bytes");
	want_errno(r, prefault(v, &p, GPA + 1, 4096), EINVAL, "an odd address");
	want_errno(r, prefault(v, &p, GPA, 4097), EINVAL, "an odd size");
	want_errno(r, prefault(v, &p, -4096ull, 8192), EINVAL, "around the end");
	p = (struct kvm_pre_fault_memory){ .gpa = GPA, .size = 4096, .flags = 1 };
	want_errno(r, ioctl(v->fd, KVM_PRE_FAULT_MEMORY, &p), EINVAL, "a flag");
	want_errno(r, prefault(v, &p, GPA - 4096, 4096), ENOENT, "no memslot");
	if (p.gpa != GPA - 4096 || p.size != 4096)
		tap_fail(r, "what was not done has changed");
	want_errno(r, prefault(v, &p, 1ull << 52, 4096), ENOENT, "no memslot, and no address");
	/* more than there is: what is left is told */
	want_ok(r, prefault(v, &p, GPA, (n + 16) * 4096), "past the end");
	if (p.gpa != GPA + n * 4096 || p.size != 16 * 4096)
		tap_fail(r, "it came to %#llx, %#llx are left", (unsigned long long)p.gpa, (unsigned long long)p.size);
	if (!strcmp(kvm_device, "/dev/vh")) {
		xioctl(v->fd, VH_GET_EXIT_STATS, &before);
		guest_start(&vm, v, "sum", GPA, n);
		if (vcpu_run(v) || v->run->exit_reason != KVM_EXIT_IO)
			tap_fail(r, "exit %s", exit_name(v->run->exit_reason));
		xioctl(v->fd, VH_GET_EXIT_STATS, &after);
		/* its code and its tables */
		if (after.counts[EXIT_EPT_VIOLATION] - before.counts[EXIT_EPT_VIOLATION] > 8)
			tap_fail(r, "%llu EPT violations",
				 (unsigned long long)(after.counts[EXIT_EPT_VIOLATION] - before.counts[EXIT_EPT_VIOLATION]));
	}
	touch(r, &vm, v, GPA, n);
	/* and where nothing is behind it */
	munmap(mem, 8192);
	want_errno(r, prefault(v, &p, GPA, 8192), EFAULT, "nothing there");
	want_ok(r, prefault(v, &p, GPA + 8192, 4096), "the next one");
}

static void nr_mmu_pages(struct tap_result *r, const void *arg)
{
	struct vcpu *v;
	struct vm vm;
	int n;

	(void)arg;
	v = vm_simple(&vm, 0);
	if (kvm_cap(KVM_CAP_MMU_SHADOW_CACHE_CONTROL) != 1)
		tap_fail(r, "KVM_CHECK_EXTENSION");
	n = ioctl(vm.fd, KVM_GET_NR_MMU_PAGES, 0);
	if (n != 64 && strcmp(kvm_device, "/dev/vh") == 0)
		tap_fail(r, "%d for 1 MiB", n);
	want_errno(r, ioctl(vm.fd, KVM_SET_NR_MMU_PAGES, 63), EINVAL, "63");
	want_errno(r, ioctl(vm.fd, KVM_SET_NR_MMU_PAGES, 0), EINVAL, "0");
	want_ok(r, ioctl(vm.fd, KVM_SET_NR_MMU_PAGES, 100), "100");
	/* newer KVMs are not asked */
	if (n >= 0 && ioctl(vm.fd, KVM_GET_NR_MMU_PAGES, 0) != 100)
		tap_fail(r, "%d, not 100", ioctl(vm.fd, KVM_GET_NR_MMU_PAGES, 0));
	vm_slot(&vm, 1, 0, GPA, PAGES * 4096, pages_of(PAGES));
	touch(r, &vm, v, GPA, PAGES);
}

const struct test_case slots_cases[] = {
	{ "slots-many", many, NULL },
	{ "slots-region2", region2, NULL },
	{ "slots-memory-fault", memory_fault, NULL },
	{ "slots-pre-fault", pre_fault, NULL },
	{ "slots-pre-fault-huge", pre_fault, "" },
	{ "slots-nr-mmu-pages", nr_mmu_pages, NULL },
	{ NULL, NULL, NULL }
};
