// SPDX-License-Identifier: GPL-2.0-only
/*
 * What may be behind guest memory besides memory at hand: pages that nobody
 * serves, poisoned ones, a device's.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/userfaultfd.h>

#include "lane.h"

#define GPA	0x1000000u		/* where the slot under test is */
#define PAGES	4u
#define SIZE	(PAGES * 4096u)

/* --- memory that nobody serves --- */

/* Whoever touches @p..@p+@size first waits for ever; -1: the kernel has no userfaultfd. */
static int leave_unserved(void *p, size_t size)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { (uintptr_t)p, size }, .mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg))
		return -1;
	return fd;
}

/* Has somebody begun to wait for a page? */
static bool waited_for(int uffd)
{
	struct uffd_msg msg;
	int i;

	fcntl(uffd, F_SETFL, O_NONBLOCK);
	for (i = 0; i < 1000; i++) {
		if (read(uffd, &msg, sizeof(msg)) == sizeof(msg))
			return true;
		usleep(1000);
	}
	return false;
}

static void *run_once(void *arg)
{
	struct vcpu *v = arg;

	/* the guest of "device" gets its word first */
	while (!vcpu_run(v) && v->run->exit_reason == KVM_EXIT_MMIO)
		;
	return NULL;
}

/* A VMM with a vCPU that waits in KVM_RUN; it tells @to when it is so, and never ends. */
static void stuck_vmm(const char *guest, int to)
{
	struct vm vm;
	struct vcpu *v = vm_simple(&vm, 0);
	uint8_t *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int uffd = leave_unserved(p, SIZE);
	pthread_t t;
	char c = 's';

	if (uffd < 0)
		_exit(4);
	if (vm_slot(&vm, 1, KVM_MEM_LOG_DIRTY_PAGES, GPA, SIZE, p))
		_exit(3);
	guest_start(&vm, v, guest, GPA, PAGES);
	pthread_create(&t, NULL, run_once, v);
	if (!waited_for(uffd))
		_exit(5);
	if (write(to, &c, 1) != 1)
		_exit(3);
	/* Its own memslots change as well; KVM waits for the vCPU. */
	if (!strcmp(kvm_device, "/dev/vh")) {
		c = vm_slot(&vm, 2, 0, 2 * GPA, 4096, vm.mem) ||
		    vm_slot(&vm, 1, 0, GPA, 0, p) ? 'e' : 'o';
		if (write(to, &c, 1) != 1)
			_exit(3);
	}
	pause();
}

/* What every VMM does, under somebody else's eyes. */
static void another_vmm(int to)
{
	unsigned int i;
	struct vm vm;
	struct vcpu *v = vm_simple(&vm, 0);
	uint8_t *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t bits;
	struct kvm_dirty_log l = { .slot = 1, .dirty_bitmap = &bits };
	char c = 'o';

	for (i = 0; i < 10; i++) {
		if (vm_slot(&vm, 1, KVM_MEM_LOG_DIRTY_PAGES, GPA, SIZE, p))
			_exit(3);
		guest_start(&vm, v, "touch", GPA, PAGES);
		if (vcpu_run(v) || v->run->exit_reason != KVM_EXIT_IO)
			_exit(4);
		xioctl(vm.fd, KVM_GET_DIRTY_LOG, &l);
		if (vm_slot(&vm, 1, 0, GPA, 0, p))
			_exit(5);
	}
	vm_destroy(&vm);
	if (write(to, &c, 1) != 1)
		_exit(3);
	_exit(0);
}

/* A byte of the pipe within 5 s of emulated time; 0: none came. */
static char byte_of(int fd)
{
	char c = 0;
	int i;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	for (i = 0; i < 5000; i++) {
		ssize_t n = read(fd, &c, 1);

		if (n == 1)
			return c;
		if (!n)
			return 0;
		usleep(1000);
	}
	return 0;
}

static bool ends(pid_t pid, int *status)
{
	int i;

	for (i = 0; i < 5000; i++) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		usleep(1000);
	}
	return false;
}

/* A vCPU that waits for a page stops nobody else, and is gone when it is killed. */
static void unserved(struct tap_result *r, const void *arg)
{
	int stuck[2], other[2], status = 0;
	pid_t a, b;

	if (pipe(stuck) || pipe(other)) {
		tap_fail(r, "pipe");
		return;
	}
	a = fork();
	if (!a) {
		stuck_vmm(arg, stuck[1]);
		_exit(0);
	}
	close(stuck[1]);
	if (byte_of(stuck[0]) != 's') {
		kill(a, SIGKILL);
		waitpid(a, &status, 0);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 4)
			tap_skip(r, "the kernel has no userfaultfd");
		else
			tap_fail(r, "its vCPU does not wait: %#x", status);
		return;
	}
	b = fork();
	if (!b)
		another_vmm(other[1]);
	close(other[1]);
	if (byte_of(other[0]) != 'o')
		tap_fail(r, "another VMM waits for it");
	if (!strcmp(kvm_device, "/dev/vh") && byte_of(stuck[0]) != 'o')
		tap_fail(r, "its own memslots wait for it");
	kill(a, SIGKILL);
	if (!ends(a, &status))
		tap_fail(r, "it does not end when it is killed");
	kill(b, SIGKILL);
	if (!ends(b, &status))
		tap_fail(r, "the other does not end when it is killed");
}

/* A page that comes late is the guest's as if it had been there. */
static void served_late(struct tap_result *r, const void *arg)
{
	struct vm vm;
	struct vcpu *v = vm_simple(&vm, 0);
	uint8_t *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int uffd = leave_unserved(p, SIZE);
	static uint8_t page[4096] __attribute__((aligned(4096)));
	struct uffdio_copy copy = { .dst = (uintptr_t)p, .src = (uintptr_t)page, .len = 4096 };
	uint64_t bits = 0;
	struct kvm_dirty_log l = { .slot = 1, .dirty_bitmap = &bits };
	uint32_t want = 42;
	pthread_t t;

	if (uffd < 0) {
		tap_skip(r, "the kernel has no userfaultfd");
		return;
	}
	vm_slot(&vm, 1, KVM_MEM_LOG_DIRTY_PAGES, GPA, SIZE, p);
	guest_start(&vm, v, arg, GPA, 1);
	pthread_create(&t, NULL, run_once, v);
	if (!waited_for(uffd))
		tap_fail(r, "the vCPU does not wait");
	*(uint32_t *)page = 41;
	/* "device": zeros of a device that nobody answered */
	if (strcmp(arg, "touch"))
		want = 0;
	xioctl(uffd, UFFDIO_COPY, &copy);
	pthread_join(t, NULL);
	if (v->run->exit_reason != KVM_EXIT_IO)
		tap_fail(r, "exit %s", exit_name(v->run->exit_reason));
	if (*(uint32_t *)p != want)
		tap_fail(r, "the page has %u, not %u", *(uint32_t *)p, want);
	xioctl(vm.fd, KVM_GET_DIRTY_LOG, &l);
	if (bits != 1)
		tap_fail(r, "the log has %#llx", (unsigned long long)bits);
}

/* --- pages that the memory has failed --- */

static struct {
	struct vm vm;
	struct vcpu *v;
	uint8_t *mem;			/* slot 1's */
	void *page;			/* the poisoned one */
	unsigned int signals;
	int code, lsb;
	void *addr;
} poison;

/* What a VMM does that can make the page's content anew. */
static void on_poison(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	poison.signals++;
	poison.code = info->si_code;
	poison.addr = info->si_addr;
	poison.lsb = info->si_addr_lsb;
	if (poison.signals > 5)
		_exit(6);
	if (mmap(poison.page, 4096, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != poison.page)
		_exit(7);
	if (poison.page == poison.vm.mem + GUEST_PD32)
		vm_build_tables(&poison.vm);
}

/* False: skipped or failed. */
static bool poison_page(struct tap_result *r, void *page)
{
	struct sigaction sa = { .sa_sigaction = on_poison, .sa_flags = SA_SIGINFO };

	sigaction(SIGBUS, &sa, NULL);
	poison.page = page;
	if (!madvise(page, 4096, MADV_HWPOISON))
		return true;
	if (errno == EINVAL || errno == EPERM)
		tap_skip(r, "the kernel poisons no pages");
	else
		tap_fail(r, "MADV_HWPOISON: %s", strerror(errno));
	return false;
}

static void check_poison(struct tap_result *r, int ret)
{
	if (ret || poison.v->run->exit_reason != KVM_EXIT_IO)
		tap_fail(r, "KVM_RUN: %s, exit %s", strerror(-ret),
			 exit_name(poison.v->run->exit_reason));
	if (poison.signals != 1)
		tap_fail(r, "%u signals", poison.signals);
	else if (poison.code != BUS_MCEERR_AR || poison.lsb != 12 ||
		 ((uintptr_t)poison.addr & -4096ul) != (uintptr_t)poison.page)
		tap_fail(r, "si_code %d, si_addr %p, not %p, lsb %d", poison.code, poison.addr,
			 poison.page, poison.lsb);
}

static void poison_vm(const char *guest, unsigned int n)
{
	poison.v = vm_simple(&poison.vm, 0);
	poison.mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (vm_slot(&poison.vm, 1, 0, GPA, SIZE, poison.mem))
		_exit(3);
	guest_start(&poison.vm, poison.v, guest, GPA, n);
}

/* The guest touches a poisoned page: SIGBUS for the thread, and on with another page. */
static void poisoned(struct tap_result *r, const void *arg)
{
	unsigned int i;

	(void)arg;
	poison_vm("touch", PAGES);
	for (i = 0; i < 3; i++)
		if (vcpu_run(poison.v))
			tap_fail(r, "KVM_RUN");
	if (!poison_page(r, poison.mem + 4096))
		return;
	check_poison(r, vcpu_run(poison.v));
	for (i = 0; i < PAGES; i++) {
		uint32_t now = *(uint32_t *)(poison.mem + i * 4096);

		if (now != (i == 1 ? 1 : 4))
			tap_fail(r, "page %u has %u", i, now);
	}
}

/* The interpreter does: of the instruction's data, or of its code. */
static void poisoned_interpreted(struct tap_result *r, const void *arg)
{
	struct kvm_run *run;
	int ret;

	(void)arg;
	if (strcmp(kvm_device, "/dev/vh")) {
		tap_skip(r, "KVM gives up the instruction");
		return;
	}
	poison_vm("device", 1);
	*(uint32_t *)poison.mem = 1;
	if (!poison_page(r, poison.mem))
		return;
	run = poison.v->run;
	while (!(ret = vcpu_run(poison.v)) && run->exit_reason == KVM_EXIT_MMIO)
		*(uint32_t *)run->mmio.data = 77;
	check_poison(r, ret);
	if (*(uint32_t *)poison.mem != 77)
		tap_fail(r, "the page has %u", *(uint32_t *)poison.mem);
}

/* It is the guest's page directory. */
static void poisoned_tables(struct tap_result *r, const void *arg)
{
	struct kvm_regs regs;

	(void)arg;
	poison_vm("touch", PAGES);
	xioctl(poison.v->fd, KVM_GET_REGS, &regs);
	vcpu_set_mode(&poison.vm, poison.v, MODE_PAGE32, regs.rip, 0x8000);
	xioctl(poison.v->fd, KVM_SET_REGS, &regs);
	if (!poison_page(r, poison.vm.mem + GUEST_PD32))
		return;
	check_poison(r, vcpu_run(poison.v));
	if (*(uint32_t *)poison.mem != 1)
		tap_fail(r, "memory has %u", *(uint32_t *)poison.mem);
}

/* --- memory that is not pages of the VMM's: the kernel's (vvar), a device's --- */

/* The mapping of this name in /proc/self/maps. */
static uint8_t *mapping(const char *name, size_t *size)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long from, to, found = 0;
	char line[300];

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, name) && sscanf(line, "%lx-%lx", &from, &to) == 2) {
			found = from;
			*size = to - from;
			break;
		}
	if (f)
		fclose(f);
	return (uint8_t *)found;
}

static uint32_t guest_sum(struct tap_result *r, struct vm *vm, struct vcpu *v, uint32_t at,
			  uint32_t n)
{
	int ret;

	guest_start(vm, v, "sum", at, n);
	ret = vcpu_run(v);
	if (ret || v->run->exit_reason != KVM_EXIT_IO) {
		tap_fail(r, "a read: %s, exit %s", strerror(-ret), exit_name(v->run->exit_reason));
		return ~0u;
	}
	return *(uint32_t *)((uint8_t *)v->run + v->run->io.data_offset);
}

/* What the kernel shows to each process: read, but neither written nor kept. */
static void vvar(struct tap_result *r, const void *arg)
{
	size_t size = 0, at;
	uint8_t *p = mapping("[vvar]", &size);
	struct vm vm;
	struct vcpu *v = vm_simple(&vm, 0);
	uint32_t want = 0;
	int ret;

	(void)arg;
	/* a word of the first page that stays as it is */
	for (at = 0x80; p && at < 0x1000 && !want; at += 4) {
		want = *(volatile uint32_t *)(p + at);
		usleep(20000);
		if (*(volatile uint32_t *)(p + at) != want)
			want = 0;
	}
	if (!want) {
		tap_skip(r, "the kernel shows no time");
		return;
	}
	at -= 4;
	if (vm_slot(&vm, 1, 0, GPA, size, p)) {
		tap_fail(r, "slot: %s", strerror(errno));
		return;
	}
	if (guest_sum(r, &vm, v, GPA + at, 1) != want)
		tap_fail(r, "the guest reads something else at %#zx", at);
	guest_start(&vm, v, "touch", GPA + at, 1);
	ret = vcpu_run(v);
	if (ret != -EFAULT)
		tap_fail(r, "a write: %s, exit %s", strerror(-ret),
			 exit_name(v->run->exit_reason));
	if (*(volatile uint32_t *)(p + at) != want)
		tap_fail(r, "it was written");
}

#define TEXT	0xb8000			/* the display's memory: 32 KiB */

/* A device's memory: both read and write it, and it goes with the VMM's mapping. */
static void device(struct tap_result *r, const void *arg)
{
	const char *guest = arg;
	struct vm vm;
	struct vcpu *v = vm_simple(&vm, 0);
	volatile uint32_t *p, *again;
	uint64_t bits = 0;
	struct kvm_dirty_log l = { .slot = 1, .dirty_bitmap = &bits };
	int fd = open("/dev/mem", O_RDWR | O_SYNC), ret;

	p = fd < 0 ? MAP_FAILED : mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, TEXT);
	if (p == MAP_FAILED) {
		tap_skip(r, "no device's memory can be had");
		return;
	}
	p[0] = 41;
	if (p[0] != 41) {
		tap_skip(r, "there is no display");
		return;
	}
	if (vm_slot(&vm, 1, KVM_MEM_LOG_DIRTY_PAGES, GPA, SIZE, (void *)p)) {
		tap_fail(r, "slot: %s", strerror(errno));
		return;
	}
	if (!strcmp(guest, "touch") && guest_sum(r, &vm, v, GPA, 1) != 41)
		tap_fail(r, "the guest reads something else");
	xioctl(vm.fd, KVM_GET_DIRTY_LOG, &l);
	if (bits)
		tap_fail(r, "the log has %#llx", (unsigned long long)bits);
	guest_start(&vm, v, guest, GPA, 1);
	run_once(v);
	/* "device" writes zeros */
	if (v->run->exit_reason != KVM_EXIT_IO || p[0] != (strcmp(guest, "touch") ? 0 : 42))
		tap_fail(r, "exit %s, memory has %u", exit_name(v->run->exit_reason), p[0]);
	xioctl(vm.fd, KVM_GET_DIRTY_LOG, &l);
	if (bits != 1)
		tap_fail(r, "after a write the log has %#llx", (unsigned long long)bits);
	run_once(v);
	xioctl(vm.fd, KVM_GET_DIRTY_LOG, &l);
	if (bits != 1)
		tap_fail(r, "after another the log has %#llx", (unsigned long long)bits);
	p[0] = 7;

	/* Gone: the guest has it no longer, and what comes there is the guest's. */
	again = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, TEXT);
	munmap((void *)p, SIZE);
	guest_start(&vm, v, guest, GPA, 1);
	while (!(ret = vcpu_run(v)) && v->run->exit_reason == KVM_EXIT_MMIO)
		;
	if (!ret && v->run->exit_reason != KVM_EXIT_INTERNAL_ERROR)
		tap_fail(r, "it outlives the mapping: exit %s", exit_name(v->run->exit_reason));
	if (again[0] != 7)
		tap_fail(r, "the guest has written %u to the device", again[0]);
	if (mmap((void *)p, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		 -1, 0) != p)
		tap_fail(r, "mmap");
	guest_start(&vm, v, "touch", GPA, 1);
	run_once(v);
	if (p[0] != 1 || again[0] != 7)
		tap_fail(r, "memory in its place has %u, the device %u", p[0], again[0]);
}

const struct test_case backing_cases[] = {
	{ "memory-unserved", unserved, "touch" },
	{ "memory-unserved-interpreted", unserved, "device" },
	{ "memory-served-late", served_late, "touch" },
	{ "memory-served-late-interpreted", served_late, "device" },
	{ "memory-vvar", vvar, NULL },
	{ "memory-device", device, "touch" },
	{ "memory-device-interpreted", device, "device" },
	{ "memory-poisoned", poisoned, NULL },
	{ "memory-poisoned-interpreted", poisoned_interpreted, NULL },
	{ "memory-poisoned-tables", poisoned_tables, NULL },
	{ NULL, NULL, NULL }
};
