// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VMM may have many of must not make others wait: the same work beside few objects and
 * beside many. In the lab the TSC counts instructions; elsewhere the least of several rounds does.
 */
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <x86intrin.h>

#include "lane.h"

#define COST	0x70010u		/* where the guest leaves what its EOI took */
#define ROUNDS	16

static int new_eventfd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		_exit(3);
	return fd;
}

static void many_files(void)
{
	struct rlimit lim = { 8192, 8192 };

	if (setrlimit(RLIMIT_NOFILE, &lim))
		_exit(3);
}

/* What grows @few times to @many may cost twice as much, and a little. */
static void want_flat(struct tap_result *r, const char *what, uint64_t few, uint64_t many,
		      uint64_t bound)
{
	if (many > 2 * few + 2000 || many > bound)
		tap_fail(r, "%s: %llu beside few, %llu beside many, at most %llu", what,
			 (unsigned long long)few, (unsigned long long)many,
			 (unsigned long long)bound);
}

/* --- EOI --- */

/* @routes GSIs are wired to the pin that interrupts; @irqfds resample on others. */
static uint64_t eoi_cost(unsigned int routes, unsigned int irqfds)
{
	struct kvm_irqfd f = { .gsi = 20, .flags = KVM_IRQFD_FLAG_RESAMPLE };
	struct kvm_irq_routing *t;
	uint64_t best = ~0ull, one = 1, n;
	unsigned int i, told = 0;
	struct vcpu *v;
	struct vm vm;

	t = calloc(1, sizeof(*t) + routes * sizeof(t->entries[0]));
	v = vm_irqs(&vm, "irq_exit", 0);
	gate(&vm, 0x34, guest_entry("on_eoi"));
	set_pins(&vm, true);
	t->nr = routes;
	for (i = 0; i < routes; i++) {
		t->entries[i].gsi = 20 + i;
		t->entries[i].type = KVM_IRQ_ROUTING_IRQCHIP;
		t->entries[i].u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
		t->entries[i].u.irqchip.pin = 20;
	}
	xioctl(vm.fd, KVM_SET_GSI_ROUTING, t);
	f.fd = new_eventfd();
	f.resamplefd = new_eventfd();
	xioctl(vm.fd, KVM_IRQFD, &f);
	for (i = 0; i < irqfds; i++) {
		struct kvm_irqfd other = { .gsi = 1023, .flags = KVM_IRQFD_FLAG_RESAMPLE };

		other.fd = new_eventfd();
		other.resamplefd = f.resamplefd;
		xioctl(vm.fd, KVM_IRQFD, &other);
	}
	for (i = 0; i < ROUNDS; i++) {
		if (vcpu_run(v) || v->run->exit_reason != KVM_EXIT_IO)
			_exit(3);
		told += read(f.resamplefd, &n, 8) == 8;
		if (*(uint32_t *)(vm.mem + COST) && *(uint32_t *)(vm.mem + COST) < best)
			best = *(uint32_t *)(vm.mem + COST);
		if (write(f.fd, &one, 8) != 8)
			_exit(3);
	}
	if (told < ROUNDS - 3)
		best = ~0ull;			/* the way was not taken */
	vm_destroy(&vm);
	free(t);
	return best;
}

static void eoi(struct tap_result *r, const void *arg)
{
	uint64_t few, routes, irqfds;

	(void)arg;
	many_files();
	few = eoi_cost(10, 10);
	routes = eoi_cost(1000, 200);
	irqfds = eoi_cost(1, 2000);
	want_flat(r, "1,000 routes of a pin, 200 irqfds that resample", few, routes, 500000);
	want_flat(r, "2,000 irqfds that resample", few, irqfds, 500000);
}

/* --- irqfds --- */

static uint64_t assign_cost(struct vm *vm, unsigned int gsi)
{
	struct kvm_irqfd f = { .gsi = gsi, .fd = new_eventfd() };
	uint64_t at = __rdtsc();

	xioctl(vm->fd, KVM_IRQFD, &f);
	return __rdtsc() - at;
}

static uint64_t deassign_cost(struct vm *vm)
{
	struct kvm_irqfd f = { .gsi = 30, .fd = new_eventfd() };
	uint64_t at;

	xioctl(vm->fd, KVM_IRQFD, &f);
	f.flags = KVM_IRQFD_FLAG_DEASSIGN;
	at = __rdtsc();
	xioctl(vm->fd, KVM_IRQFD, &f);
	at = __rdtsc() - at;
	close(f.fd);
	return at;
}

static void irqfds(struct tap_result *r, const void *arg)
{
	uint64_t few = ~0ull, many = ~0ull, few_off = ~0ull, many_off = ~0ull, c;
	struct vm vm;
	int i;

	(void)arg;
	many_files();
	vm_simple(&vm, VM_IRQCHIP);
	for (i = 0; i < 2000; i++) {
		c = assign_cost(&vm, 24 + i % 1000);
		if (i < ROUNDS && c < few)
			few = c;
		if (i >= 2000 - ROUNDS && c < many)
			many = c;
		if (i < ROUNDS && (c = deassign_cost(&vm)) < few_off)
			few_off = c;
		if (i >= 2000 - ROUNDS && (c = deassign_cost(&vm)) < many_off)
			many_off = c;
	}
	want_flat(r, "to assign an irqfd", few, many, 500000);
	want_flat(r, "to deassign one", few_off, many_off, 500000);
	vm_destroy(&vm);
}

/* --- ioeventfds --- */

/* The median: now and then one is served on a way that is half as long. */
static uint64_t hit_cost(unsigned int n)
{
	uint64_t took[ROUNDS], got;
	struct kvm_ioeventfd e = { 0 };
	struct kvm_regs regs;
	unsigned int i;
	struct vcpu *v;
	struct vm vm;

	v = vm_simple(&vm, 0);
	for (i = 0; i < n; i++) {
		e.addr = 0xd0000000 + 4 * i;
		e.len = 4;
		e.fd = new_eventfd();
		xioctl(vm.fd, KVM_IOEVENTFD, &e);
	}
	/* mov %eax, (%esi); out %al, $0x10 */
	memcpy(vm.mem + 0x1000, (uint8_t[]){ 0x89, 0x06, 0xe6, 0x10 }, 4);
	for (i = 0; i < ROUNDS; i++) {
		vcpu_set_mode(&vm, v, MODE_FLAT32, 0x1000, 0x8000);
		xioctl(v->fd, KVM_GET_REGS, &regs);
		regs.rsi = e.addr;
		xioctl(v->fd, KVM_SET_REGS, &regs);
		took[i] = __rdtsc();
		if (vcpu_run(v) || v->run->exit_reason != KVM_EXIT_IO)
			_exit(3);
		took[i] = __rdtsc() - took[i];
	}
	qsort(took, ROUNDS, sizeof(*took), by_value);
	if (read(e.fd, &got, 8) != 8 || got != ROUNDS)
		took[ROUNDS / 2] = ~0ull;
	vm_destroy(&vm);
	return took[ROUNDS / 2];
}

static void ioeventfds(struct tap_result *r, const void *arg)
{
	uint64_t few;

	(void)arg;
	many_files();
	few = hit_cost(10);
	want_flat(r, "a write that an ioeventfd takes", few, hit_cost(1000), few + 3000);
}

/* --- routes --- */

static void routing(struct tap_result *r, const void *arg)
{
	unsigned int n = 3 * 1024, i;
	struct kvm_irq_routing *t;
	struct vm vm;
	uint64_t at;

	(void)arg;
	vm_simple(&vm, VM_IRQCHIP);
	t = calloc(1, sizeof(*t) + n * sizeof(t->entries[0]));
	t->nr = n;
	for (i = 0; i < n; i++) {		/* the last GSI first */
		t->entries[i].gsi = 1023 - i / 3;
		t->entries[i].type = KVM_IRQ_ROUTING_IRQCHIP;
		t->entries[i].u.irqchip.irqchip = i % 3;
		t->entries[i].u.irqchip.pin = i % 8;
	}
	at = __rdtsc();
	want_ok(r, ioctl(vm.fd, KVM_SET_GSI_ROUTING, t), "3,072 routes");
	at = __rdtsc() - at;
	if (at > 30000000)
		tap_fail(r, "3,072 routes in no order: %llu", (unsigned long long)at);
	t->entries[7].u.irqchip = t->entries[8].u.irqchip;
	want_errno(r, ioctl(vm.fd, KVM_SET_GSI_ROUTING, t), EINVAL, "the same chip twice");
	vm_destroy(&vm);
	free(t);
}

/* --- how many there may be --- */

static void limits(struct tap_result *r, const void *arg)
{
	struct kvm_ioeventfd e = { .len = 4, .fd = new_eventfd() };
	struct kvm_irqfd f = { .gsi = 24 };
	int first = -1, i, ret = 0;
	struct vm vm;

	(void)arg;
	many_files();
	vm_simple(&vm, VM_IRQCHIP);
	for (i = 0; i < 5000 && !ret; i++) {
		e.addr = 0xd0000000 + 4 * i;
		ret = ioctl(vm.fd, KVM_IOEVENTFD, &e);
	}
	want_errno(r, ret, ENOSPC, "too many ioeventfds");
	if (i != 1001)
		tap_fail(r, "%d ioeventfds", i - 1);
	e.addr = 0xd0000000;
	e.flags = KVM_IOEVENTFD_FLAG_DEASSIGN;
	want_ok(r, ioctl(vm.fd, KVM_IOEVENTFD, &e), "one less");
	e.flags = 0;
	want_ok(r, ioctl(vm.fd, KVM_IOEVENTFD, &e), "and one more");
	for (i = 0, ret = 0; i < 5000 && !ret; i++) {
		f.fd = new_eventfd();
		if (first < 0)
			first = f.fd;
		ret = ioctl(vm.fd, KVM_IRQFD, &f);
	}
	want_errno(r, ret, ENOSPC, "too many irqfds");
	if (i != 2049)
		tap_fail(r, "%d irqfds", i - 1);
	/* closing one makes room as well */
	close(first);
	for (i = 0; i < 1000 && ioctl(vm.fd, KVM_IRQFD, &f); i++)
		usleep(1000);
	if (i == 1000)
		tap_fail(r, "no room after one was closed");
	vm_destroy(&vm);
}

/* A signal wakes all that are in an eventfd's queue, with interrupts off: one irqfd, of all VMs. */
static void eventfd_once(struct tap_result *r, const void *arg)
{
	struct kvm_irqfd f = { .gsi = 20, .fd = new_eventfd() };
	struct vm a, b, c;

	(void)arg;
	vm_create(&a, 1 << 20, VM_IRQCHIP);
	vm_create(&b, 1 << 20, VM_IRQCHIP);
	want_ok(r, ioctl(a.fd, KVM_IRQFD, &f), "an irqfd");
	want_errno(r, ioctl(b.fd, KVM_IRQFD, &f), EBUSY, "of another VM too");
	f.flags = KVM_IRQFD_FLAG_DEASSIGN;
	want_ok(r, ioctl(a.fd, KVM_IRQFD, &f), "no more");
	f.flags = 0;
	want_ok(r, ioctl(b.fd, KVM_IRQFD, &f), "now the other's");
	vm_destroy(&b);
	want_ok(r, ioctl(a.fd, KVM_IRQFD, &f), "which is gone");
	vm_destroy(&a);
	/* closed a moment before its VM is: nobody waits for others' */
	vm_create(&c, 1 << 20, VM_IRQCHIP);
	want_ok(r, ioctl(c.fd, KVM_IRQFD, &f), "a third's");
	close(f.fd);
	vm_destroy(&c);
}

/* --- memslots --- */

/* What giving a page back costs whose process has VMs with so many memslots each, of other pages. */
static uint64_t give_back(unsigned int slots)
{
	enum { VMS = 20 };
	uint64_t took[ROUNDS];
	struct vm vm[VMS];
	unsigned int i, k;
	uint8_t *mem;

	mem = mmap(NULL, (slots + 1) * 4096ul, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		   -1, 0);
	for (k = 0; k < VMS; k++) {
		vm_create(&vm[k], 0x10000, 0);
		for (i = 0; i < slots; i++)
			if (vm_slot(&vm[k], 1 + i, 0, 0x10000000 + i * 8192ul, 4096,
				    mem + i * 4096ul))
				_exit(3);
	}
	for (i = 0; i < ROUNDS; i++) {
		mem[slots * 4096ul] = 1;
		took[i] = __rdtsc();
		if (madvise(mem + slots * 4096ul, 4096, MADV_DONTNEED))
			_exit(3);
		took[i] = __rdtsc() - took[i];
	}
	for (k = 0; k < VMS; k++)
		vm_destroy(&vm[k]);
	munmap(mem, (slots + 1) * 4096ul);
	qsort(took, ROUNDS, sizeof(*took), by_value);
	return took[ROUNDS / 2];
}

static void notifier(struct tap_result *r, const void *arg)
{
	(void)arg;
	want_flat(r, "a page given back, 20 VMs of 500 memslots", give_back(8), give_back(500), 500000);
}

const struct test_case scale_cases[] = {
	{ "scale-eoi", eoi, NULL },
	{ "scale-irqfds", irqfds, NULL },
	{ "scale-ioeventfds", ioeventfds, NULL },
	{ "scale-routes", routing, NULL },
	{ "scale-limits", limits, NULL },
	{ "scale-eventfd", eventfd_once, NULL },
	{ "scale-memslots", notifier, NULL },
	{ NULL, NULL, NULL }
};
