// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty rings: each page that was written is in an entry, and again after the entry has been reset,
 * whatever userspace writes into the rings.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi.h"

#define GPA	0x1000000u
#define PAGES	2048u
#define SIZE	(PAGES * 4096ul)
#define SMALL	(16u << 10)		/* the least where the processor logs */
#define MOST	4u			/* vCPUs */
#define MSR_WALL_CLOCK	0x4b564d00u

struct ring_vm {
	struct vm vm;
	struct ring {
		struct vcpu *v;
		struct kvm_dirty_gfn *e;
		uint32_t next;
		pthread_t thread;
	} r[MOST];
	unsigned int vcpus, entries;
	uint8_t *mem;
	uint8_t seen[PAGES];		/* in how many entries */
	unsigned int full;		/* exits because of it */
	volatile bool stop;
};

static int enable(int fd, uint32_t which, uint64_t bytes)
{
	struct kvm_enable_cap cap = { .cap = which, .args = { bytes } };

	return ioctl(fd, KVM_ENABLE_CAP, &cap);
}

static bool ring_vm_create(struct tap_result *r, struct ring_vm *d, uint32_t bytes, unsigned int vcpus,
			   const char *guest)
{
	unsigned int i;

	memset(d, 0, sizeof(*d));
	vm_create(&d->vm, 1 << 20, 0);
	if (enable(d->vm.fd, KVM_CAP_DIRTY_LOG_RING, bytes))
		return tap_fail(r, "KVM_CAP_DIRTY_LOG_RING: %s", strerror(errno));
	vm_build_tables(&d->vm);
	d->vcpus = vcpus;
	d->entries = bytes / sizeof(struct kvm_dirty_gfn);
	d->mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (vm_slot(&d->vm, 1, KVM_MEM_LOG_DIRTY_PAGES, GPA, SIZE, d->mem))
		return tap_fail(r, "slot 1: %s", strerror(errno));
	for (i = 0; i < vcpus; i++) {
		d->r[i].v = vm_add_vcpu(&d->vm);
		d->r[i].e = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, d->r[i].v->fd,
				 KVM_DIRTY_LOG_PAGE_OFFSET * 4096);
		if (d->r[i].e == MAP_FAILED)
			return tap_fail(r, "the ring cannot be mapped: %s", strerror(errno));
		guest_start(&d->vm, d->r[i].v, guest, GPA, PAGES);
	}
	return true;
}

/* Entries of one ring that are due, at most @most; they are given back. */
static unsigned int harvest(struct tap_result *r, struct ring_vm *d, struct ring *ring, unsigned int most)
{
	unsigned int n = 0;

	while (n < most) {
		struct kvm_dirty_gfn *e = &ring->e[ring->next % d->entries];

		if (__atomic_load_n(&e->flags, __ATOMIC_ACQUIRE) != KVM_DIRTY_GFN_F_DIRTY)
			break;
		if (e->slot != 1 || e->offset >= PAGES)
			tap_fail(r, "slot %u, page %#llx", e->slot, (unsigned long long)e->offset);
		else
			d->seen[e->offset]++;
		__atomic_store_n(&e->flags, KVM_DIRTY_GFN_F_RESET, __ATOMIC_RELEASE);
		ring->next++;
		n++;
	}
	return n;
}

static unsigned int harvest_all(struct tap_result *r, struct ring_vm *d)
{
	unsigned int i, n = 0;

	for (i = 0; i < d->vcpus; i++)
		n += harvest(r, d, &d->r[i], d->entries);
	return n;
}

static int reset(struct ring_vm *d)
{
	return ioctl(d->vm.fd, KVM_RESET_DIRTY_RINGS, 0);
}

static void arguments(struct tap_result *r, const void *arg)
{
	static const uint64_t bad[] = { 0, 1, 16, 1024, 4095, 12288, SMALL + 4096, 1ull << 63, ~0ull };
	struct kvm_dirty_log log = { .slot = 1 };
	struct kvm_clear_dirty_log clear = { .slot = 1 };
	static struct ring_vm d;
	struct vm vm;
	unsigned int i;

	(void)arg;
	if (kvm_cap(KVM_CAP_DIRTY_LOG_RING) != 1 << 20 || kvm_cap(KVM_CAP_DIRTY_LOG_RING_ACQ_REL) != 1 << 20)
		tap_fail(r, "KVM_CHECK_EXTENSION: %d, %d", kvm_cap(KVM_CAP_DIRTY_LOG_RING),
			 kvm_cap(KVM_CAP_DIRTY_LOG_RING_ACQ_REL));
	vm_create(&vm, 1 << 20, 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (!enable(vm.fd, KVM_CAP_DIRTY_LOG_RING, bad[i]))
			tap_fail(r, "%#llx bytes are taken", (unsigned long long)bad[i]);
	want_errno(r, enable(vm.fd, KVM_CAP_DIRTY_LOG_RING, 2 << 20), E2BIG, "2 MiB");
	want_errno(r, ioctl(vm.fd, KVM_RESET_DIRTY_RINGS, 0), EINVAL, "a reset without rings");
	want_ok(r, enable(vm.fd, KVM_CAP_DIRTY_LOG_RING_ACQ_REL, 1 << 20), "1 MiB");
	want_errno(r, enable(vm.fd, KVM_CAP_DIRTY_LOG_RING, 1 << 20), EINVAL, "again");
	vm_create(&vm, 1 << 20, 0);
	vm_add_vcpu(&vm);
	want_errno(r, enable(vm.fd, KVM_CAP_DIRTY_LOG_RING, 1 << 20), EINVAL, "after the first vCPU");
	if (mmap(NULL, 4096, PROT_READ, MAP_SHARED, vm.vcpu[0].fd, KVM_DIRTY_LOG_PAGE_OFFSET * 4096) !=
	    MAP_FAILED && !strcmp(kvm_device, "/dev/vh"))
		tap_fail(r, "a ring that is not there is mapped");

	if (!ring_vm_create(r, &d, SMALL, 1, "touch"))
		return;
	want_errno(r, ioctl(d.vm.fd, KVM_GET_DIRTY_LOG, &log), ENXIO, "KVM_GET_DIRTY_LOG");
	want_errno(r, ioctl(d.vm.fd, KVM_CLEAR_DIRTY_LOG, &clear), ENXIO, "KVM_CLEAR_DIRTY_LOG");
	if (mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, d.r[0].v->fd, 64 * 4096) != MAP_FAILED)
		tap_fail(r, "a private mapping");
	if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, d.r[0].v->fd, 64 * 4096) != MAP_FAILED)
		tap_fail(r, "an executable mapping");
	if (!strcmp(kvm_device, "/dev/vh") &&
	    mmap(NULL, SMALL + 4096, PROT_READ, MAP_SHARED, d.r[0].v->fd, 64 * 4096) != MAP_FAILED)
		tap_fail(r, "a mapping beyond the end");
	if (reset(&d))
		tap_fail(r, "nothing to be reset: %d", reset(&d));
}

/* A guest writes to 200 pages: they are told once, and again when they have been reset. */
static void told(struct tap_result *r, const void *arg)
{
	static struct ring_vm d;
	unsigned int i, round;
	int n;

	(void)arg;
	if (!ring_vm_create(r, &d, SMALL, 1, "touch"))
		return;
	for (round = 0; round < 8; round++) {
		unsigned int first = round * 13, want = 200;

		guest_start(&d.vm, d.r[0].v, "touch", GPA + first * 4096, want);
		memset(d.seen, 0, sizeof(d.seen));
		/* what is written a second time before the reset needs no second entry */
		if (vcpu_run(d.r[0].v) || vcpu_run(d.r[0].v) || d.r[0].v->run->exit_reason != KVM_EXIT_IO)
			return (void)tap_fail(r, "exit %s", exit_name(d.r[0].v->run->exit_reason));
		n = harvest(r, &d, &d.r[0], d.entries);
		if (n != (int)want)
			tap_fail(r, "round %u: %d entries, not %u", round, n, want);
		for (i = 0; i < PAGES; i++)
			if (d.seen[i] != (i >= first && i < first + want))
				tap_fail(r, "round %u: page %#x is in %u entries", round, i, d.seen[i]);
		/* half of it was not given back: those before it are all that is reset */
		if (round & 1)
			__atomic_store_n(&d.r[0].e[(d.r[0].next - 50) % d.entries].flags,
					 KVM_DIRTY_GFN_F_DIRTY, __ATOMIC_RELEASE);
		n = reset(&d);
		if (n != (int)(round & 1 ? want - 50 : want))
			tap_fail(r, "round %u: %d entries were reset", round, n);
		if (round & 1) {
			__atomic_store_n(&d.r[0].e[(d.r[0].next - 50) % d.entries].flags,
					 KVM_DIRTY_GFN_F_RESET, __ATOMIC_RELEASE);
			n = reset(&d);
			if (n != 50)
				tap_fail(r, "round %u: then %d", round, n);
		}
		if (reset(&d))
			tap_fail(r, "and more");
	}
	for (i = 0; i < d.entries; i++)
		if (d.r[0].e[i].flags)
			tap_fail(r, "entry %u has flags %#x", i, d.r[0].e[i].flags);
}

/* A log that began with all pages in it, before there were rings: they are told when they are written. */
static void begun(struct tap_result *r, const void *arg)
{
	struct kvm_enable_cap manual = { .cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args = { 3 } };
	static struct ring_vm d;

	(void)arg;
	memset(&d, 0, sizeof(d));
	vm_create(&d.vm, 1 << 20, 0);
	vm_build_tables(&d.vm);
	d.mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	want_ok(r, ioctl(d.vm.fd, KVM_ENABLE_CAP, &manual), "manual");
	vm_slot(&d.vm, 1, KVM_MEM_LOG_DIRTY_PAGES, GPA, SIZE, d.mem);
	want_ok(r, enable(d.vm.fd, KVM_CAP_DIRTY_LOG_RING, SMALL), "rings");
	d.vcpus = 1;
	d.entries = SMALL / sizeof(struct kvm_dirty_gfn);
	d.r[0].v = vm_add_vcpu(&d.vm);
	d.r[0].e = mmap(NULL, SMALL, PROT_READ | PROT_WRITE, MAP_SHARED, d.r[0].v->fd,
			KVM_DIRTY_LOG_PAGE_OFFSET * 4096);
	guest_start(&d.vm, d.r[0].v, "touch", GPA, 100);
	if (vcpu_run(d.r[0].v) || d.r[0].v->run->exit_reason != KVM_EXIT_IO)
		tap_fail(r, "exit %s", exit_name(d.r[0].v->run->exit_reason));
	if (harvest_all(r, &d) != 100)
		tap_fail(r, "not all pages are told");
}

/* A ring that nobody empties stops its vCPU, before anything is lost. */
static void full(struct tap_result *r, const void *arg)
{
	static struct ring_vm d;
	unsigned int i, exits = 0, entries = 0;
	uint32_t before[PAGES];
	int ret;

	(void)arg;
	if (!ring_vm_create(r, &d, SMALL, 1, "touch"))
		return;
	for (;;) {
		ret = vcpu_run(d.r[0].v);
		if (ret || d.r[0].v->run->exit_reason != KVM_EXIT_DIRTY_RING_FULL)
			break;
		exits++;
		/* nothing runs until there is room */
		for (i = 0; i < PAGES; i++)
			before[i] = *(uint32_t *)(d.mem + i * 4096ul);
		ret = vcpu_run(d.r[0].v);
		if (ret || d.r[0].v->run->exit_reason != KVM_EXIT_DIRTY_RING_FULL)
			tap_fail(r, "%s, exit %s", strerror(-ret), exit_name(d.r[0].v->run->exit_reason));
		entries += harvest_all(r, &d);
		ret = vcpu_run(d.r[0].v);
		if (ret || d.r[0].v->run->exit_reason != KVM_EXIT_DIRTY_RING_FULL)
			tap_fail(r, "before the reset: %s, exit %s", strerror(-ret),
				 exit_name(d.r[0].v->run->exit_reason));
		for (i = 0; i < PAGES; i++)
			if (before[i] != *(uint32_t *)(d.mem + i * 4096ul))
				tap_fail(r, "page %#x was written with a full ring", i);
		if (reset(&d) <= 0)
			return (void)tap_fail(r, "nothing was reset");
		if (exits > 100)
			break;
	}
	if (ret || d.r[0].v->run->exit_reason != KVM_EXIT_IO)
		tap_fail(r, "%s, exit %s", strerror(-ret), exit_name(d.r[0].v->run->exit_reason));
	entries += harvest_all(r, &d);
	if (exits < 2 || exits > 20)
		tap_fail(r, "%u exits for a full ring", exits);
	for (i = 0; i < PAGES; i++)
		if (!d.seen[i])
			tap_fail(r, "page %#x is in no entry", i);
	if (entries > PAGES + 64)
		tap_fail(r, "%u entries for %u pages", entries, PAGES);
}

static void on_signal(int sig)
{
	(void)sig;
	kvm_stop = 1;
}

static struct ring_vm shared;

static void *keep_running(void *arg)
{
	struct ring *ring = arg;

	while (!ring->v->run->immediate_exit) {
		if (vcpu_run(ring->v))
			break;
		if (ring->v->run->exit_reason == KVM_EXIT_DIRTY_RING_FULL) {
			__atomic_fetch_add(&shared.full, 1, __ATOMIC_RELAXED);
			usleep(200);
		}
	}
	return NULL;
}

static void start_all(struct ring_vm *d)
{
	struct sigaction sa = { .sa_handler = on_signal };
	unsigned int i;

	sigaction(SIGUSR1, &sa, NULL);
	kvm_stop = 0;
	for (i = 0; i < d->vcpus; i++)
		pthread_create(&d->r[i].thread, NULL, keep_running, &d->r[i]);
}

static void stop_all(struct ring_vm *d)
{
	unsigned int i;

	for (i = 0; i < d->vcpus; i++)
		d->r[i].v->run->immediate_exit = 1;
	for (i = 0; i < d->vcpus; i++) {
		pthread_kill(d->r[i].thread, SIGUSR1);
		pthread_join(d->r[i].thread, NULL);
		d->r[i].v->run->immediate_exit = 0;
	}
}

/* Four vCPUs write to all of it; what is copied of what the rings tell is all there is. */
static void running(struct tap_result *r, const void *arg)
{
	static uint32_t copy[PAGES];
	struct ring_vm *d = &shared;
	unsigned int i, j, round, told = 0;
	bool last = false;

	(void)arg;
	if (!ring_vm_create(r, d, SMALL, MOST, "scatter"))
		return;
	for (i = 0; i < MOST; i++)
		guest_start(&d->vm, d->r[i].v, "scatter", GPA, PAGES);
	start_all(d);
	/* in a VM there is little time between two rounds for the guest */
	for (round = 0; !last; round++) {
		usleep(round % 4 * 700);
		last = round >= 59 && (told >= PAGES || round > 2000);
		if (last)
			stop_all(d);
		memset(d->seen, 0, sizeof(d->seen));
		for (i = 0; i < MOST; i++)
			told += harvest(r, d, &d->r[i], round % 3 || last ? d->entries : 100);
		if (reset(d) < 0)
			tap_fail(r, "KVM_RESET_DIRTY_RINGS: %s", strerror(errno));
		for (j = 0; j < PAGES; j++)
			if (d->seen[j])
				copy[j] = *(volatile uint32_t *)(d->mem + j * 4096ul);
	}
	for (j = 0; j < PAGES; j++)
		if (copy[j] != *(uint32_t *)(d->mem + j * 4096ul))
			tap_fail(r, "page %#x has %u, and what was told of it is %u", j,
				 *(uint32_t *)(d->mem + j * 4096ul), copy[j]);
	if (told < PAGES)
		tap_fail(r, "only %u pages were told", told);
}

/* What vh writes itself is told as well: the interpreter's writes, one entry however many there are. */
static void interpreted(struct tap_result *r, const void *arg)
{
	static struct ring_vm d;
	unsigned int i, n;

	(void)arg;
	if (!ring_vm_create(r, &d, SMALL, 1, "device"))
		return;
	for (i = 0; i < 3; i++) {
		if (vcpu_run(d.r[0].v) || d.r[0].v->run->exit_reason != KVM_EXIT_MMIO)
			return (void)tap_fail(r, "exit %s", exit_name(d.r[0].v->run->exit_reason));
		memset(d.r[0].v->run->mmio.data, i + 1, 4);
		if (vcpu_run(d.r[0].v) || d.r[0].v->run->exit_reason != KVM_EXIT_IO)
			return (void)tap_fail(r, "exit %s", exit_name(d.r[0].v->run->exit_reason));
		n = harvest_all(r, &d);
		if (!n || !d.seen[0])
			tap_fail(r, "round %u: %u entries", i, n);
		if (reset(&d) != (int)n)
			tap_fail(r, "not all were reset");
	}
}

/* Without running the guest, vh is made to write to more pages than the ring has room for. */
static void overrun(struct tap_result *r, const void *arg)
{
	static struct ring_vm d;
	unsigned int i;

	(void)arg;
	if (strcmp(kvm_device, "/dev/vh")) {
		tap_skip(r, "KVM warns in the host's log");
		return;
	}
	if (!ring_vm_create(r, &d, SMALL, 1, "touch"))
		return;
	for (i = 0; i < PAGES; i++)
		vcpu_msr_set(d.r[0].v, MSR_WALL_CLOCK, GPA + i * 4096);
	if (harvest_all(r, &d) != d.entries)
		tap_fail(r, "not all entries are in use");
	/* nothing was written that is not told */
	for (i = 0; i < PAGES; i++)
		if (!d.seen[i] && *(uint32_t *)(d.mem + i * 4096ul))
			tap_fail(r, "page %#x was written, and is in no entry", i);
	if (vcpu_run(d.r[0].v) || d.r[0].v->run->exit_reason != KVM_EXIT_DIRTY_RING_FULL)
		tap_fail(r, "exit %s", exit_name(d.r[0].v->run->exit_reason));
	reset(&d);
	if (vcpu_run(d.r[0].v) || (d.r[0].v->run->exit_reason != KVM_EXIT_IO &&
				   d.r[0].v->run->exit_reason != KVM_EXIT_DIRTY_RING_FULL))
		tap_fail(r, "then exit %s", exit_name(d.r[0].v->run->exit_reason));
}

static void *scribble(void *arg)
{
	struct ring_vm *d = arg;
	uint32_t x = 12345;

	while (!d->stop) {
		struct kvm_dirty_gfn *e;

		x = x * 1664525 + 1013904223;
		e = &d->r[x >> 30].e[(x >> 8) % d->entries];
		__atomic_store_n(&e->flags, x >> 5 & 3, __ATOMIC_RELAXED);
		__atomic_store_n(&e->slot, x & 64 ? x >> 3 : x >> 7 & 1, __ATOMIC_RELAXED);
		e->offset = x & 128 ? (uint64_t)x << 32 | x : (x >> 9) % (2 * PAGES);
	}
	return NULL;
}

/* Userspace writes anything into the rings, resets, and the slot goes and comes: the guest goes on. */
static void hostile(struct tap_result *r, const void *arg)
{
	struct ring_vm *d = &shared;
	unsigned int i;
	pthread_t t;
	int n;

	(void)arg;
	if (!ring_vm_create(r, d, SMALL, MOST, "scatter"))
		return;
	start_all(d);
	pthread_create(&t, NULL, scribble, d);
	for (i = 0; i < 200; i++) {
		n = reset(d);
		/* KVM lets its indices be driven apart, and goes on for longer */
		if (n < 0 || (n > (int)(MOST * d->entries) && !strcmp(kvm_device, "/dev/vh")))
			tap_fail(r, "%d entries of %u were reset", n, MOST * d->entries);
		if (i % 8 == 0) {
			vm_slot(&d->vm, 1, 0, GPA, 0, d->mem);
			vm_slot(&d->vm, 1, KVM_MEM_LOG_DIRTY_PAGES, GPA, i % 16 ? SIZE / 2 : SIZE, d->mem);
		}
		usleep(i % 5 * 100);
	}
	d->stop = true;
	pthread_join(t, NULL);
	stop_all(d);
	/* in order again: all is as it should be */
	if (!ring_vm_create(r, d, SMALL, 1, "touch"))
		return;
	guest_start(&d->vm, d->r[0].v, "touch", GPA, 5);
	if (vcpu_run(d->r[0].v) || d->r[0].v->run->exit_reason != KVM_EXIT_IO || harvest_all(r, d) != 5)
		tap_fail(r, "a new VM: exit %s", exit_name(d->r[0].v->run->exit_reason));
}

/* Entries of a slot that is gone, or is another by now. */
static void stale(struct tap_result *r, const void *arg)
{
	static struct ring_vm d;
	unsigned int n;

	(void)arg;
	if (!ring_vm_create(r, &d, SMALL, 1, "touch"))
		return;
	guest_start(&d.vm, d.r[0].v, "touch", GPA, 100);
	vcpu_run(d.r[0].v);
	vm_slot(&d.vm, 1, 0, GPA, 0, d.mem);
	n = harvest_all(r, &d);
	if (n != 100 || reset(&d) != 100)
		tap_fail(r, "%u entries of a slot that is gone", n);
	/* it comes back: all of it is to be told */
	vm_slot(&d.vm, 1, KVM_MEM_LOG_DIRTY_PAGES, GPA, SIZE, d.mem);
	vcpu_run(d.r[0].v);
	vm_slot(&d.vm, 1, 0, GPA, 0, d.mem);
	vm_slot(&d.vm, 1, KVM_MEM_LOG_DIRTY_PAGES, GPA, SIZE, d.mem);
	vcpu_run(d.r[0].v);
	n = harvest_all(r, &d);
	if (n != 200)
		tap_fail(r, "%u entries of the slot before and of this one", n);
	if (reset(&d) != 200)
		tap_fail(r, "not all were reset");
	vcpu_run(d.r[0].v);
	n = harvest_all(r, &d);
	if (n != 100)
		tap_fail(r, "after the reset %u entries", n);
}

const struct test_case ring_cases[] = {
	{ "ring-arguments", arguments, NULL },
	{ "ring-told", told, NULL },
	{ "ring-begun", begun, NULL },
	{ "ring-full", full, NULL },
	{ "ring-running", running, NULL },
	{ "ring-interpreted", interpreted, NULL },
	{ "ring-overrun", overrun, NULL },
	{ "ring-hostile", hostile, NULL },
	{ "ring-stale", stale, NULL },
	{ NULL, NULL, NULL }
};
