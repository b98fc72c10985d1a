// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dirty logs: no page that was written may be missing, however many vCPUs
 * write while the log is taken, and whatever happens to the slot meanwhile.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../uapi/linux/vh.h"
#include "abi.h"

#define GPA	0x1000000u		/* where the slot under test is */
#define AWAY	0x8000000u		/* where it moves to */
#define MOST	2048u			/* pages: more than a processor's log holds */
#define SIZE	(pages * 4096ul)
#define WRITERS	4u
#define WORDS	(MOST / 64)

#define EXIT_INTERRUPT		1
#define EXIT_EPT_VIOLATION	48
#define EXIT_PML_FULL		62
#define LOG_SIZE		512u	/* pages in a processor's log */

struct dirty_vm {
	struct vm vm;
	struct writer {
		struct vcpu *v;
		pthread_t thread;
	} w[WRITERS];
	uint8_t *mem;			/* slot 1's */
	uint32_t seen[MOST];		/* first word of each page after the last log */
	uint64_t log[WORDS];		/* the last log */
	uint64_t owed[WORDS];		/* written, and due in the next log */
	unsigned int changes;		/* found so far */
};

/* Does the module log by PML? -1: it is not vh. */
static int pml(void)
{
	FILE *f = fopen("/sys/module/vh/parameters/pml", "r");
	int c = 'N';

	if (strcmp(kvm_device, "/dev/vh"))
		return -1;
	if (f) {
		c = getc(f);
		fclose(f);
	}
	return c == 'Y';
}

/* Of the slot. Where each first write takes an exit a quarter of them is enough. */
static unsigned int pages;

/* What memory is behind the slot. */
enum backing { SMALL, HUGE };

static void dirty_vm_create(struct dirty_vm *d, unsigned int flags, enum backing backing,
			    const char *guest)
{
	unsigned int i;
	uint8_t *p;

	memset(d, 0, sizeof(*d));
	pages = pml() ? MOST : MOST / 4;
	d->w[0].v = vm_simple(&d->vm, 0);
	for (i = 1; i < WRITERS; i++)
		d->w[i].v = vm_add_vcpu(&d->vm);
	p = mmap(NULL, SIZE + (2 << 20), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		 -1, 0);
	d->mem = (uint8_t *)(((uintptr_t)p + (2 << 20) - 1) & -(2ul << 20));
	madvise(d->mem, SIZE, backing == HUGE ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	memset(d->mem, 0, SIZE);
	if (vm_slot(&d->vm, 1, flags, GPA, SIZE, d->mem)) {
		printf("# slot 1: %s\n", strerror(errno));
		_exit(3);
	}
	for (i = 0; i < WRITERS; i++)
		guest_start(&d->vm, d->w[i].v, guest, GPA, pages);
}

/* Run one round of the first vCPU's guest; anything but its OUT is a failure. */
static bool round_(struct tap_result *r, struct dirty_vm *d)
{
	struct vcpu *v = d->w[0].v;
	int ret = vcpu_run(v);

	if (ret)
		return tap_fail(r, "KVM_RUN: %s", strerror(-ret));
	if (v->run->exit_reason != KVM_EXIT_IO)
		return tap_fail(r, "exit %s", exit_name(v->run->exit_reason));
	return true;
}

static void on_signal(int sig)
{
	(void)sig;
	kvm_stop = 1;
}

static void *keep_running(void *arg)
{
	struct vcpu *v = arg;

	while (!v->run->immediate_exit)
		if (vcpu_run(v))
			break;
	return NULL;
}

static void start_all(struct dirty_vm *d)
{
	struct sigaction sa = { .sa_handler = on_signal };
	unsigned int i;

	sigaction(SIGUSR1, &sa, NULL);
	kvm_stop = 0;
	for (i = 0; i < WRITERS; i++) {
		d->w[i].v->run->immediate_exit = 0;
		pthread_create(&d->w[i].thread, NULL, keep_running, d->w[i].v);
	}
}

static void stop_all(struct dirty_vm *d)
{
	unsigned int i;

	for (i = 0; i < WRITERS; i++)
		d->w[i].v->run->immediate_exit = 1;
	for (i = 0; i < WRITERS; i++) {
		pthread_kill(d->w[i].thread, SIGUSR1);
		pthread_join(d->w[i].thread, NULL);
		d->w[i].v->run->immediate_exit = 0;
	}
}

static void take(struct dirty_vm *d, unsigned int slot, uint64_t *bits)
{
	struct kvm_dirty_log l = { .slot = slot, .dirty_bitmap = bits };

	xioctl(d->vm.fd, KVM_GET_DIRTY_LOG, &l);
}

static bool bit(const uint64_t *bits, unsigned int i)
{
	return bits[i / 64] >> i % 64 & 1;
}

static unsigned int count(const uint64_t *bits)
{
	unsigned int i, n = 0;

	for (i = 0; i < WORDS; i++)
		n += __builtin_popcountll(bits[i]);
	return n;
}

/* Look at memory without a log: what is logged from here on? */
static void look(struct dirty_vm *d)
{
	unsigned int i;

	for (i = 0; i < pages; i++)
		d->seen[i] = *(volatile uint32_t *)(d->mem + i * 4096ul);
	memset(d->owed, 0, sizeof(d->owed));
}

/*
 * Look at memory, take a log, look again. What the first look finds changed
 * since the last one was written before the log was taken, and is in it. What
 * only the second finds may have been written after that: then it is in the
 * next log. When the guest stands still (@last) there is no next one.
 */
static void check(struct tap_result *r, struct dirty_vm *d, bool last, const char *when)
{
	static uint32_t before[MOST];
	unsigned int i;

	for (i = 0; i < pages; i++)
		before[i] = *(volatile uint32_t *)(d->mem + i * 4096ul);
	take(d, 1, d->log);
	for (i = 0; i < pages; i++) {
		uint32_t now = *(volatile uint32_t *)(d->mem + i * 4096ul);
		bool logged = bit(d->log, i), changed = now != d->seen[i];

		d->changes += changed;
		if (bit(d->owed, i) && !logged)
			tap_fail(r, "%s: page %#x is in neither of two logs", when, i);
		if (before[i] != d->seen[i] && !logged)
			tap_fail(r, "%s: page %#x had been written, and is not in the log", when,
				 i);
		if (last && changed && !logged)
			tap_fail(r, "%s: page %#x went from %u to %u, and is not in the last log",
				 when, i, d->seen[i], now);
		d->owed[i / 64] &= ~(1ull << i % 64);
		d->owed[i / 64] |= (uint64_t)(changed && !logged) << i % 64;
		d->seen[i] = now;
	}
}

/* Until the guests have written to @n pages since the last look. */
static void wait_for_writes(struct tap_result *r, const struct dirty_vm *d, unsigned int n)
{
	unsigned int tries, changed, i;

	for (tries = 0; tries < 10000; tries++) {
		for (changed = i = 0; i < pages; i++)
			changed += *(volatile uint32_t *)(d->mem + i * 4096ul) != d->seen[i];
		if (changed >= n)
			return;
		usleep(200);
	}
	tap_fail(r, "the guests have written to %u pages only", changed);
}

static uint64_t exits(struct dirty_vm *d, unsigned int reason)
{
	struct vh_exit_stats s;
	uint64_t n = 0;
	unsigned int i;

	for (i = 0; i < WRITERS; i++) {
		xioctl(d->w[i].v->fd, VH_GET_EXIT_STATS, &s);
		n += s.counts[reason];
	}
	return n;
}

/*
 * Of these pages, must a log have become full? Each exit empties it, and where the host is slow, as
 * one that is a VM itself is, its interrupts may all come before. With more than three quarters of a
 * log between two of them one had more than a log (on the sanitizer kernel it is half of one).
 */
static bool must_fill(unsigned int written, uint64_t interrupts)
{
	return written > LOG_SIZE / 4 * 3 * (interrupts + WRITERS);
}

/* Logs while four vCPUs write all over the slot. */
static void running(struct tap_result *r, const void *arg)
{
	static struct dirty_vm d;
	unsigned int i, slow = 1;

	dirty_vm_create(&d, 0, *(const enum backing *)arg, "scatter");
	/* what is mapped and dirty when logging begins must not stay so */
	start_all(&d);
	usleep(5000);
	if (vm_slot(&d.vm, 1, KVM_MEM_LOG_DIRTY_PAGES, GPA, SIZE, d.mem))
		tap_fail(r, "logging on: %s", strerror(errno));
	look(&d);
	/* a slow host takes more rounds until enough was written, or fewer, and longer ones */
	for (i = 0; i < 400 && (i < 40 || d.changes < 4 * pages); i++) {
		usleep(i % 4 * 1500 * slow);
		check(r, &d, false, "running");
		if (d.changes < pages * i / 100 && slow < 16)
			slow++;
		if (i >= 10 && d.changes >= 16 * pages)
			break;
	}
	stop_all(&d);
	check(r, &d, true, "stopped");
	take(&d, 1, d.log);
	if (count(d.log))
		tap_fail(r, "%u pages dirty though no vCPU ran", count(d.log));
	if (d.changes < 4 * pages)
		tap_fail(r, "only %u pages changed", d.changes);
	printf("# %u changes, %llu interrupts, %llu logs full\n", d.changes,
	       (unsigned long long)exits(&d, EXIT_INTERRUPT),
	       (unsigned long long)exits(&d, EXIT_PML_FULL));
	fflush(stdout);
	if (pml() == 1 && !exits(&d, EXIT_PML_FULL) &&
	    must_fill(d.changes, exits(&d, EXIT_INTERRUPT)))
		tap_fail(r, "no log of a processor was ever full");
}

/* Logging goes on and off, of this slot and of another. */
static void switched(struct tap_result *r, const void *arg)
{
	static struct dirty_vm d;
	unsigned int i, flags0;

	(void)arg;
	dirty_vm_create(&d, 0, HUGE, "scatter");
	start_all(&d);
	for (i = 0; ; i++) {
		/* in some rounds it is this slot alone that is logged */
		flags0 = i & 4 ? KVM_MEM_LOG_DIRTY_PAGES : 0;
		if (vm_slot(&d.vm, 0, flags0, 0, d.vm.size, d.vm.mem) ||
		    vm_slot(&d.vm, 1, KVM_MEM_LOG_DIRTY_PAGES, GPA, SIZE, d.mem))
			tap_fail(r, "on: %s", strerror(errno));
		look(&d);
		usleep(i % 3 * 1000);
		check(r, &d, false, "on");
		/* however slow the host is */
		wait_for_writes(r, &d, pages / 16);
		check(r, &d, false, "again");
		if (i == 15)
			break;
		if (vm_slot(&d.vm, 1, 0, GPA, SIZE, d.mem))
			tap_fail(r, "off: %s", strerror(errno));
		usleep(i & 1 ? 1000 : 0);
	}
	stop_all(&d);
	check(r, &d, true, "stopped");
	if (d.changes < pages)
		tap_fail(r, "only %u pages changed", d.changes);
}

/* What was written at the old place counts at the new one. */
static void moved(struct tap_result *r, const void *arg)
{
	static struct dirty_vm d;
	unsigned int i;

	(void)arg;
	dirty_vm_create(&d, KVM_MEM_LOG_DIRTY_PAGES, SMALL, "scatter");
	for (i = 0; i < 8; i++) {
		check(r, &d, true, "before");
		start_all(&d);
		wait_for_writes(r, &d, 300);
		/* the vCPUs now write to a device that does not mind */
		if (vm_slot(&d.vm, 1, KVM_MEM_LOG_DIRTY_PAGES, AWAY, SIZE, d.mem))
			tap_fail(r, "move: %s", strerror(errno));
		stop_all(&d);
		check(r, &d, true, "moved");
		if (vm_slot(&d.vm, 1, KVM_MEM_LOG_DIRTY_PAGES, GPA, SIZE, d.mem))
			tap_fail(r, "move back: %s", strerror(errno));
	}
}

/* Delivery of an event writes to the stack: what is logged, and does it arrive? */
static void delivery(struct tap_result *r, const void *arg)
{
	static struct dirty_vm d;
	static const uint8_t vectors[] = { 0x20, 6 };
	uint32_t arrived, to;
	unsigned int i, pass;

	(void)arg;
	dirty_vm_create(&d, KVM_MEM_LOG_DIRTY_PAGES, SMALL, "stacks");
	for (i = 0; i < 2; i++) {
		uint64_t gate;

		to = guest_entry(i ? "on_ud" : "on_int");
		gate = (to & 0xffff) | SEL_CODE32 << 16 | 0x8e0000000000ull |
		       (uint64_t)(to >> 16) << 48;
		memcpy(d.vm.mem + GUEST_IDT + vectors[i] * 8, &gate, 8);
	}
	for (pass = 0; pass < 3; pass++) {
		if (!round_(r, &d))
			return;
		memcpy(&arrived, (uint8_t *)d.w[0].v->run + d.w[0].v->run->io.data_offset, 4);
		if (arrived != pages - 1)
			tap_fail(r, "%u events of %u arrived", arrived, pages - 1);
		take(&d, 1, d.log);
		if (count(d.log) != pages)
			tap_fail(r, "pass %u: %u stacks of %u are in the log", pass, count(d.log),
				 pages);
	}
	for (i = 0; i < pages - 1; i++)
		if (*(uint32_t *)(d.mem + i * 4096ul + 0xffc) != SEL_CODE32)
			tap_fail(r, "page %#x is no stack", i);
}

/* Accessed and dirty bits that the processor sets in the guest's tables. */
static void tables(struct tap_result *r, const void *arg)
{
	static struct dirty_vm d;
	struct kvm_regs regs;
	uint32_t *pd, i;
	uint64_t bits[WORDS] = { 0 };

	(void)arg;
	dirty_vm_create(&d, 0, SMALL, "touch");
	xioctl(d.w[0].v->fd, KVM_GET_REGS, &regs);
	regs.rsi = 0x80000;
	regs.rcx = 16;
	vm_slot(&d.vm, 0, KVM_MEM_LOG_DIRTY_PAGES, 0, d.vm.size, d.vm.mem);
	take(&d, 0, bits);
	pd = (uint32_t *)(d.vm.mem + GUEST_PD32);
	for (i = 0; i < 3; i++) {
		pd[0] &= ~0x60u;
		/* the TLB has to forget it */
		vcpu_set_mode(&d.vm, d.w[0].v, MODE_PAGE32, guest_entry("touch"), 0x8000);
		xioctl(d.w[0].v->fd, KVM_SET_REGS, &regs);
		if (!round_(r, &d))
			return;
		take(&d, 0, bits);
		if ((pd[0] & 0x60) != 0x60)
			tap_fail(r, "the entry is %#x", pd[0]);
		if (!bit(bits, GUEST_PD32 >> 12))
			tap_fail(r, "round %u: the table is not in the log", i);
	}
}

/* The interpreter's writes are the guest's as well. */
static void interpreted(struct tap_result *r, const void *arg)
{
	static struct dirty_vm d;
	struct kvm_run *run;
	uint32_t value = 0x12345678;
	unsigned int i;
	int ret;

	(void)arg;
	dirty_vm_create(&d, KVM_MEM_LOG_DIRTY_PAGES, SMALL, "device");
	run = d.w[0].v->run;
	for (i = 0; i < 3; i++) {
		ret = vcpu_run(d.w[0].v);
		if (ret || run->exit_reason != KVM_EXIT_MMIO || run->mmio.is_write) {
			tap_fail(r, "%s, exit %s", strerror(-ret), exit_name(run->exit_reason));
			return;
		}
		value++;
		memcpy(run->mmio.data, &value, 4);
		if (!round_(r, &d))
			return;
		check(r, &d, true, "interpreted");
		if (d.seen[0] != value)
			tap_fail(r, "memory has %#x", d.seen[0]);
		if (count(d.log) != 1)
			tap_fail(r, "%u pages are in the log", count(d.log));
	}
}

/* The first write to a page after a log: with PML without an exit, else with one. */
static void exits_of_writes(struct tap_result *r, const void *arg)
{
	static struct dirty_vm d;
	uint64_t violations, full, interrupts;

	(void)arg;
	if (pml() < 0) {
		tap_skip(r, "only vh counts exits by reason");
		return;
	}
	dirty_vm_create(&d, KVM_MEM_LOG_DIRTY_PAGES, SMALL, "touch");
	round_(r, &d);
	take(&d, 1, d.log);
	violations = exits(&d, EXIT_EPT_VIOLATION);
	full = exits(&d, EXIT_PML_FULL);
	interrupts = exits(&d, EXIT_INTERRUPT);
	round_(r, &d);
	violations = exits(&d, EXIT_EPT_VIOLATION) - violations;
	full = exits(&d, EXIT_PML_FULL) - full;
	interrupts = exits(&d, EXIT_INTERRUPT) - interrupts;
	take(&d, 1, d.log);
	if (count(d.log) != pages)
		tap_fail(r, "%u of %u pages are in the log", count(d.log), pages);
	printf("# %u pages: %llu EPT violations, %llu logs full, %llu interrupts\n", pages,
	       (unsigned long long)violations, (unsigned long long)full,
	       (unsigned long long)interrupts);
	fflush(stdout);
	if (pml() ? violations || (!full && must_fill(pages, interrupts)) || full > pages / LOG_SIZE : full)
		tap_fail(r, "%llu EPT violations, %llu logs full", (unsigned long long)violations,
			 (unsigned long long)full);
}

/* Instructions of @call; in the lab a tick of the TSC is one. */
#define TICKS(call)							\
	({								\
		uint64_t t_ = rdtsc();					\
		call;							\
		rdtsc() - t_;						\
	})

/*
 * A memslot of 64 GiB, of which little is there: what a log costs is told by
 * its words, and one that cannot be delivered costs no more, and loses nothing.
 */
static void large(struct tap_result *r, const void *arg)
{
	const uint64_t npages = 1 << 24, base = 1ull << 32;
	/* a kernel that looks for errors takes ten times as long */
	const uint64_t limit = access("/sys/kernel/debug/kmemleak", F_OK) ? 2 * npages : 20 * npages;
	struct kvm_dirty_log l = { .slot = 1 };
	struct vm vm;
	struct vcpu *v = vm_simple(&vm, 0);
	uint64_t *bits, ticks, i;
	uint8_t *p;

	(void)arg;
	p = mmap(NULL, npages << 12, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	bits = mmap(NULL, npages / 8, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (p == MAP_FAILED || vm_slot(&vm, 1, 0, base, npages << 12, p) ||
	    vm_slot(&vm, 2, 0, GPA, 4 * 4096, p)) {
		tap_fail(r, "64 GiB: %s", strerror(errno));
		return;
	}
	guest_start(&vm, v, "touch", GPA, 4);
	if (vcpu_run(v) || v->run->exit_reason != KVM_EXIT_IO)
		tap_fail(r, "exit %s", exit_name(v->run->exit_reason));
	ticks = TICKS(vm_slot(&vm, 1, KVM_MEM_LOG_DIRTY_PAGES, base, npages << 12, p));
	printf("# %llu ticks to log 2^24 pages,", (unsigned long long)ticks);
	if (ticks > limit)
		tap_fail(r, "%llu ticks to begin", (unsigned long long)ticks);
	l.dirty_bitmap = BAD_POINTER;
	ticks = TICKS(if (ioctl(vm.fd, KVM_GET_DIRTY_LOG, &l) != -1 || errno != EFAULT)
			      tap_fail(r, "a bad pointer is taken"));
	printf(" %llu for a bad pointer,", (unsigned long long)ticks);
	if (ticks > limit)
		tap_fail(r, "%llu ticks for a bad pointer", (unsigned long long)ticks);
	l.dirty_bitmap = bits;
	ticks = TICKS(xioctl(vm.fd, KVM_GET_DIRTY_LOG, &l));
	printf(" %llu for a good one\n", (unsigned long long)ticks);
	fflush(stdout);
	if (ticks > limit)
		tap_fail(r, "%llu ticks for a good one", (unsigned long long)ticks);
	for (i = 0; i < npages / 64; i++)
		if (bits[i])
			tap_fail(r, "word %llu has %#llx", (unsigned long long)i,
				 (unsigned long long)bits[i]);
}

/* What a bad pointer could not be told is told to a good one. */
static void bad_pointer(struct tap_result *r, const void *arg)
{
	static struct dirty_vm d;
	struct kvm_dirty_log l = { .slot = 1 };
	long n;

	(void)arg;
	dirty_vm_create(&d, KVM_MEM_LOG_DIRTY_PAGES, SMALL, "touch");
	round_(r, &d);
	/* all of it bad, and but the first page */
	for (n = 0; n < 2; n++) {
		uint8_t *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				  -1, 0);

		munmap(p + 4096, 4096);
		l.dirty_bitmap = n ? p + 4096 - 8 : BAD_POINTER;
		want_errno(r, ioctl(d.vm.fd, KVM_GET_DIRTY_LOG, &l), EFAULT, "KVM_GET_DIRTY_LOG");
	}
	take(&d, 1, d.log);
	if (count(d.log) != pages)
		tap_fail(r, "%u of %u pages are in the log", count(d.log), pages);
	take(&d, 1, d.log);
	if (count(d.log))
		tap_fail(r, "%u pages are in the next", count(d.log));
}

static const enum backing small = SMALL, huge = HUGE;

const struct test_case dirty_cases[] = {
	{ "dirty-running", running, &small },
	{ "dirty-running-huge", running, &huge },
	{ "dirty-switched", switched, NULL },
	{ "dirty-moved", moved, NULL },
	{ "dirty-delivery", delivery, NULL },
	{ "dirty-tables", tables, NULL },
	{ "dirty-interpreted", interpreted, NULL },
	{ "dirty-exits", exits_of_writes, NULL },
	{ "dirty-large", large, NULL },
	{ "dirty-bad-pointer", bad_pointer, NULL },
	{ NULL, NULL, NULL }
};
