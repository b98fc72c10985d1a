// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes that are put down for later (KVM_REGISTER_COALESCED_MMIO): each is in the ring once, in
 * its order, and what is not in the ring is an exit.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi.h"

#ifndef PAGE_SIZE
#define PAGE_SIZE 4096		/* of KVM_COALESCED_MMIO_MAX */
#endif

#define DEVICE	0xd0000000u
#define PORT	0x300u
#define ROOM	(KVM_COALESCED_MMIO_MAX - 1)	/* entries of a full ring */

struct zone_vm {
	struct vm vm;
	struct vcpu *v;
	struct kvm_coalesced_mmio_ring *ring;
};

static int zone(struct zone_vm *z, unsigned long cmd, uint64_t addr, uint32_t size, uint32_t pio)
{
	struct kvm_coalesced_mmio_zone arg = { .addr = addr, .size = size, .pio = pio };

	return ioctl(z->vm.fd, cmd, &arg);
}

static void zone_vm_create(struct zone_vm *z, const char *guest, uint32_t esi, uint32_t ecx)
{
	z->v = vm_simple(&z->vm, 0);
	z->ring = (void *)((uint8_t *)z->v->run + kvm_cap(KVM_CAP_COALESCED_MMIO) * 4096);
	guest_start(&z->vm, z->v, guest, esi, ecx);
}

/* The next exit is a write to memory, or to a port. */
static bool writes(struct tap_result *r, struct zone_vm *z, uint64_t addr, uint32_t value, bool pio)
{
	const struct kvm_run *run = z->v->run;
	int ret = vcpu_run(z->v);
	uint32_t was = 0;

	if (ret || run->exit_reason != (pio ? KVM_EXIT_IO : KVM_EXIT_MMIO))
		return tap_fail(r, "KVM_RUN: %s, exit %s", strerror(-ret), exit_name(run->exit_reason));
	if (pio ? run->io.port != addr : run->mmio.phys_addr != addr || !run->mmio.is_write)
		return tap_fail(r, "%s %#llx", pio ? "port" : "address",
				(unsigned long long)(pio ? run->io.port : run->mmio.phys_addr));
	memcpy(&was, pio ? (const uint8_t *)run + run->io.data_offset : run->mmio.data,
	       pio ? 1 : run->mmio.len);
	if (was != value)
		return tap_fail(r, "%#x is written, not %#x", was, value);
	return true;
}

/* The guest's OUT that ends a round. */
static bool ends(struct tap_result *r, struct zone_vm *z)
{
	int ret = vcpu_run(z->v);

	if (ret || z->v->run->exit_reason != KVM_EXIT_IO || z->v->run->io.port != 0x10)
		return tap_fail(r, "KVM_RUN: %s, exit %s", strerror(-ret),
				exit_name(z->v->run->exit_reason));
	return true;
}

/* The oldest entry of the ring; it is taken out. */
static bool holds(struct tap_result *r, struct zone_vm *z, uint64_t addr, uint32_t value, uint32_t len,
		  uint32_t pio)
{
	struct kvm_coalesced_mmio *e = &z->ring->coalesced_mmio[z->ring->first];
	uint32_t was = 0;

	if (z->ring->first == z->ring->last)
		return tap_fail(r, "the ring is empty, %#x is not there", value);
	memcpy(&was, e->data, len);
	if (e->phys_addr != addr || e->len != len || was != value || e->pio != pio)
		return tap_fail(r, "%#llx, %u bytes, %#x, pio %u; not %#llx, %u, %#x, %u",
				(unsigned long long)e->phys_addr, e->len, was, e->pio,
				(unsigned long long)addr, len, value, pio);
	z->ring->first = (z->ring->first + 1) % KVM_COALESCED_MMIO_MAX;
	return true;
}

static bool empty(struct tap_result *r, struct zone_vm *z)
{
	return z->ring->first == z->ring->last || tap_fail(r, "there is more in the ring");
}

/* Zones that hold nothing: of no size, and around the end of addresses. */
static void hollow(struct tap_result *r, const void *arg)
{
	struct zone_vm z;

	(void)arg;
	zone_vm_create(&z, "stores", DEVICE, 1);
	want_ok(r, zone(&z, KVM_REGISTER_COALESCED_MMIO, DEVICE, 0, 0), "a zone of 0 bytes");
	want_ok(r, zone(&z, KVM_REGISTER_COALESCED_MMIO, -4096ull, 8192, 0), "a zone that wraps");
	writes(r, &z, DEVICE, 1, false);
	ends(r, &z);
	empty(r, &z);
	want_ok(r, zone(&z, KVM_UNREGISTER_COALESCED_MMIO, -4096ull, 8192, 0), "no zone that wraps");
	want_ok(r, zone(&z, KVM_UNREGISTER_COALESCED_MMIO, DEVICE, 0, 0), "a zone of 0 bytes goes");
	writes(r, &z, DEVICE, 1, false);
}

static void arguments(struct tap_result *r, const void *arg)
{
	struct zone_vm z;
	unsigned int i;

	(void)arg;
	zone_vm_create(&z, "stores", DEVICE, 1);
	if (kvm_cap(KVM_CAP_COALESCED_MMIO) != 2 || kvm_cap(KVM_CAP_COALESCED_PIO) != 1)
		tap_fail(r, "KVM_CHECK_EXTENSION: %d, %d", kvm_cap(KVM_CAP_COALESCED_MMIO),
			 kvm_cap(KVM_CAP_COALESCED_PIO));
	if (z.v->run_size < 3 * 4096)
		tap_fail(r, "the mapping has %zu bytes", z.v->run_size);
	want_errno(r, ioctl(z.vm.fd, KVM_REGISTER_COALESCED_MMIO, BAD_POINTER), EFAULT, "bad pointer");
	want_errno(r, ioctl(z.vm.fd, KVM_UNREGISTER_COALESCED_MMIO, BAD_POINTER), EFAULT, "bad pointer");
	want_errno(r, zone(&z, KVM_REGISTER_COALESCED_MMIO, DEVICE, 4096, 2), EINVAL, "pio 2");
	want_errno(r, zone(&z, KVM_UNREGISTER_COALESCED_MMIO, DEVICE, 4096, 2), EINVAL, "pio 2");
	want_ok(r, zone(&z, KVM_UNREGISTER_COALESCED_MMIO, DEVICE, 4096, 0), "one that is not there");
	writes(r, &z, DEVICE, 1, false);
	ends(r, &z);
	/* each bus has room for 1000 */
	for (i = 0; i < 1000; i++)
		if (!want_ok(r, zone(&z, KVM_REGISTER_COALESCED_MMIO, 0xe0000000 + i * 4096, 4096, 0),
			     "one of 1000 zones"))
			return;
	want_errno(r, zone(&z, KVM_REGISTER_COALESCED_MMIO, DEVICE, 4096, 0), ENOSPC, "one more");
	want_ok(r, zone(&z, KVM_REGISTER_COALESCED_MMIO, PORT, 8, 1), "ports");
	want_ok(r, zone(&z, KVM_UNREGISTER_COALESCED_MMIO, 0xe0064000, 4096, 0), "one of them goes");
	want_ok(r, zone(&z, KVM_REGISTER_COALESCED_MMIO, DEVICE, 4096, 0), "another comes");
	ends(r, &z);
	holds(r, &z, DEVICE, 1, 4, 0);
}

/* What is written, and in which order, across the ring's end; @arg: ports. */
static void order(struct tap_result *r, const void *arg)
{
	bool pio = arg;
	uint64_t at = pio ? PORT : DEVICE + 0x10;
	unsigned int i, round;
	struct zone_vm z;

	zone_vm_create(&z, pio ? "outs" : "stores", at, 60);
	want_ok(r, zone(&z, KVM_REGISTER_COALESCED_MMIO, at, 4, pio), "the zone");
	for (round = 0; round < 8; round++) {
		if (!ends(r, &z))
			return;
		for (i = 1; i <= 60; i++)
			if (!holds(r, &z, at, i, pio ? 1 : 4, pio))
				return;
		empty(r, &z);
	}
	/* not all of it is in the zone */
	guest_start(&z.vm, z.v, pio ? "outs" : "stores", at - 1, 2);
	writes(r, &z, at - 1, 1, pio);
	guest_start(&z.vm, z.v, pio ? "outs" : "stores", at + (pio ? 4 : 1), 2);
	writes(r, &z, at + (pio ? 4 : 1), 1, pio);
	empty(r, &z);
	/* the other bus has another zone at the same place */
	guest_start(&z.vm, z.v, pio ? "stores" : "outs", pio ? DEVICE : PORT, 2);
	writes(r, &z, pio ? DEVICE : PORT, 1, !pio);
	empty(r, &z);
}

/* A full ring: the write is an exit, and those behind it wait for their turn. */
static void full(struct tap_result *r, const void *arg)
{
	unsigned int room = ROOM, i;
	struct zone_vm z;

	(void)arg;
	zone_vm_create(&z, "stores", DEVICE, ROOM + 10);
	want_ok(r, zone(&z, KVM_REGISTER_COALESCED_MMIO, DEVICE, 4096, 0), "the zone");
	if (vcpu_run(z.v) || z.v->run->exit_reason != KVM_EXIT_MMIO)
		tap_fail(r, "exit %s", exit_name(z.v->run->exit_reason));
	/* KVM before 6.10 takes a ring that begins at 0 for full when it is half so */
	if (strcmp(kvm_device, "/dev/vh"))
		room = z.ring->last;
	if (*(uint32_t *)z.v->run->mmio.data != room + 1)
		tap_fail(r, "%u is written, not %u", *(uint32_t *)z.v->run->mmio.data, room + 1);
	if (!writes(r, &z, DEVICE, room + 2, false))
		return;
	for (i = 1; i <= room; i++)
		if (!holds(r, &z, DEVICE, i, 4, 0))
			return;
	empty(r, &z);
	guest_start(&z.vm, z.v, "stores", DEVICE, 8);
	ends(r, &z);
	for (i = 1; i <= 8; i++)
		holds(r, &z, DEVICE, i, 4, 0);
	empty(r, &z);
	/* indices that are none */
	z.ring->last = KVM_COALESCED_MMIO_MAX;
	writes(r, &z, DEVICE, 1, false);
	z.ring->last = 0xffffffff;
	writes(r, &z, DEVICE, 2, false);
	z.ring->first = 0xffffffff;
	z.ring->last = 5;
	vcpu_run(z.v);
	if (z.ring->last >= KVM_COALESCED_MMIO_MAX)
		tap_fail(r, "last is %u", z.ring->last);
}

/* Which zones go, and that nothing is put down for them from then on. */
static void removed(struct tap_result *r, const void *arg)
{
	struct zone_vm z;

	(void)arg;
	zone_vm_create(&z, "stores", DEVICE + 0x800, 1);
	want_ok(r, zone(&z, KVM_REGISTER_COALESCED_MMIO, DEVICE, 4096, 0), "a page");
	want_ok(r, zone(&z, KVM_REGISTER_COALESCED_MMIO, DEVICE + 0x700, 0x200, 0), "some of it");
	want_ok(r, zone(&z, KVM_REGISTER_COALESCED_MMIO, DEVICE + 0x700, 0x10, 0), "less of it");
	ends(r, &z);
	holds(r, &z, DEVICE + 0x800, 1, 4, 0);
	/* ports, and more than any has: none of them goes */
	zone(&z, KVM_UNREGISTER_COALESCED_MMIO, DEVICE, 4096, 1);
	zone(&z, KVM_UNREGISTER_COALESCED_MMIO, DEVICE, 4097, 0);
	ends(r, &z);
	holds(r, &z, DEVICE + 0x800, 1, 4, 0);
	/* the page alone holds this */
	zone(&z, KVM_UNREGISTER_COALESCED_MMIO, DEVICE, 16, 0);
	ends(r, &z);
	holds(r, &z, DEVICE + 0x800, 1, 4, 0);
	zone(&z, KVM_UNREGISTER_COALESCED_MMIO, DEVICE + 0x800, 16, 0);
	writes(r, &z, DEVICE + 0x800, 1, false);
	empty(r, &z);
}

/* A write across two pages, the second of them in a zone: userspace sees the first one first. */
static void crossing(struct tap_result *r, const void *arg)
{
	struct zone_vm z;

	(void)arg;
	if (strcmp(kvm_device, "/dev/vh")) {
		tap_skip(r, "KVM puts the second half down at once");
		return;
	}
	zone_vm_create(&z, "stores", DEVICE + 0xffe, 1);
	want_ok(r, zone(&z, KVM_REGISTER_COALESCED_MMIO, DEVICE + 0x1000, 4096, 0), "the zone");
	if (vcpu_run(z.v) || z.v->run->exit_reason != KVM_EXIT_MMIO ||
	    z.v->run->mmio.phys_addr != DEVICE + 0xffe || z.v->run->mmio.len != 2)
		tap_fail(r, "exit %s", exit_name(z.v->run->exit_reason));
	empty(r, &z);
	if (vcpu_run(z.v) || z.v->run->exit_reason != KVM_EXIT_MMIO ||
	    z.v->run->mmio.phys_addr != DEVICE + 0x1000)
		tap_fail(r, "exit %s", exit_name(z.v->run->exit_reason));
	empty(r, &z);
	ends(r, &z);
	/* the first of them in the zone: it is older */
	guest_start(&z.vm, z.v, "stores", DEVICE + 0x1ffe, 1);
	if (vcpu_run(z.v) || z.v->run->exit_reason != KVM_EXIT_MMIO ||
	    z.v->run->mmio.phys_addr != DEVICE + 0x2000)
		tap_fail(r, "exit %s", exit_name(z.v->run->exit_reason));
	holds(r, &z, DEVICE + 0x1ffe, 1, 2, 0);
	empty(r, &z);
}

static void *keep_running(void *arg)
{
	struct zone_vm *z = arg;

	while (!z->v->run->immediate_exit)
		if (vcpu_run(z->v))
			break;
	return NULL;
}

static void on_signal(int sig)
{
	(void)sig;
	kvm_stop = 1;
}

/* Zones come and go, and mappings of the ring, while the guest writes: nothing is put down twice or torn. */
static void racing(struct tap_result *r, const void *arg)
{
	struct sigaction sa = { .sa_handler = on_signal };
	unsigned int i, seen = 0;
	struct zone_vm z;
	pthread_t t;

	(void)arg;
	zone_vm_create(&z, "stores", DEVICE, 1000);
	sigaction(SIGUSR1, &sa, NULL);
	kvm_stop = 0;
	pthread_create(&t, NULL, keep_running, &z);
	for (i = 0; i < 300; i++) {
		void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, z.v->fd, 2 * 4096);
		uint32_t last;

		zone(&z, KVM_REGISTER_COALESCED_MMIO, DEVICE, 4096 + i, 0);
		while (z.ring->first != (last = *(volatile uint32_t *)&z.ring->last)) {
			struct kvm_coalesced_mmio *e = &z.ring->coalesced_mmio[z.ring->first];

			if (e->phys_addr != DEVICE || e->len != 4 || e->pio || *(uint32_t *)e->data > 1000)
				tap_fail(r, "%#llx, %u bytes", (unsigned long long)e->phys_addr, e->len);
			seen++;
			z.ring->first = (z.ring->first + 1) % KVM_COALESCED_MMIO_MAX;
		}
		if (i % 3)
			zone(&z, KVM_UNREGISTER_COALESCED_MMIO, DEVICE, 16, 0);
		if (p == MAP_FAILED)
			tap_fail(r, "mmap");
		else
			munmap(p, 4096);
		usleep(i % 7 * 100);
	}
	zone(&z, KVM_UNREGISTER_COALESCED_MMIO, DEVICE, 16, 0);
	z.ring->first = z.ring->last;
	usleep(5000);
	empty(r, &z);
	z.v->run->immediate_exit = 1;
	pthread_kill(t, SIGUSR1);
	pthread_join(t, NULL);
	if (!seen)
		tap_fail(r, "nothing was put down");
}

/* Pages of a vCPU that there are not. */
static void mapping(struct tap_result *r, const void *arg)
{
	struct zone_vm z;
	void *p;

	(void)arg;
	zone_vm_create(&z, "stores", DEVICE, 1);
	if (strcmp(kvm_device, "/dev/vh")) {
		tap_skip(r, "KVM maps what is not there, and it is no memory");
		return;
	}
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, z.v->fd, z.v->run_size);
	if (p != MAP_FAILED)
		tap_fail(r, "a page beyond the end is mapped");
	p = mmap(NULL, z.v->run_size + 4096, PROT_READ, MAP_SHARED, z.v->fd, 0);
	if (p != MAP_FAILED)
		tap_fail(r, "a page too many is mapped");
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, z.v->fd, -4096l);
	if (p != MAP_FAILED)
		tap_fail(r, "the last page of all is mapped");
}

const struct test_case coalesced_cases[] = {
	{ "coalesced-arguments", arguments, NULL },
	{ "coalesced-hollow", hollow, NULL },
	{ "coalesced-order", order, NULL },
	{ "coalesced-order-pio", order, "" },
	{ "coalesced-full", full, NULL },
	{ "coalesced-removed", removed, NULL },
	{ "coalesced-crossing", crossing, NULL },
	{ "coalesced-racing", racing, NULL },
	{ "coalesced-mapping", mapping, NULL },
	{ NULL, NULL, NULL }
};
