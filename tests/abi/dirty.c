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

/* --- KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2: bits go when KVM_CLEAR_DIRTY_LOG says so --- */

static int manual(struct dirty_vm *d, uint64_t flags)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args = { flags } };

	return ioctl(d->vm.fd, KVM_ENABLE_CAP, &cap);
}

static int clear(struct dirty_vm *d, uint64_t first, uint32_t n, void *bits)
{
	struct kvm_clear_dirty_log l = { .slot = 1, .first_page = first, .num_pages = n, .dirty_bitmap = bits };

	return ioctl(d->vm.fd, KVM_CLEAR_DIRTY_LOG, &l);
}

static void manual_arguments(struct tap_result *r, const void *arg)
{
	static struct dirty_vm d;
	uint64_t bits[WORDS] = { 0 };

	(void)arg;
	if (kvm_cap(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2) != 3)
		tap_fail(r, "KVM_CHECK_EXTENSION: %d", kvm_cap(KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2));
	dirty_vm_create(&d, KVM_MEM_LOG_DIRTY_PAGES, SMALL, "touch");
	want_errno(r, manual(&d, KVM_DIRTY_LOG_INITIALLY_SET), EINVAL, "INITIALLY_SET alone");
	want_errno(r, manual(&d, 7), EINVAL, "an unknown flag");
	want_errno(r, manual(&d, 1ull << 32), EINVAL, "a flag above 2^32");
	want_ok(r, manual(&d, 3), "both");
	want_ok(r, manual(&d, 0), "neither");
	want_ok(r, manual(&d, 1), "one");
	want_errno(r, ioctl(d.vm.fd, KVM_CLEAR_DIRTY_LOG, BAD_POINTER), EFAULT, "bad pointer");
	want_errno(r, clear(&d, 0, pages, BAD_POINTER), EFAULT, "bad pointer to the bitmap");
	want_errno(r, clear(&d, 1, 64, bits), EINVAL, "from page 1");
	want_errno(r, clear(&d, 0, 65, bits), EINVAL, "65 pages");
	want_errno(r, clear(&d, 0, pages + 1, bits), EINVAL, "a page too many");
	want_errno(r, clear(&d, 64, pages, bits), EINVAL, "past the end");
	want_errno(r, clear(&d, pages + 64, 0, bits), EINVAL, "behind the end");
	want_errno(r, clear(&d, -64ull, 128, bits), EINVAL, "around the end of all");
	want_errno(r, clear(&d, 0, 0xffffffff, bits), EINVAL, "2^32-1 pages");
	want_ok(r, clear(&d, pages, 0, bits), "none at the end");
	want_ok(r, clear(&d, 0, 0, BAD_POINTER), "none");
	want_ok(r, clear(&d, 64, 64, bits), "64 pages");
	vm_slot(&d.vm, 1, 0, GPA, SIZE, d.mem);
	want_errno(r, clear(&d, 0, pages, bits), ENOENT, "not logged");
	vm_slot(&d.vm, 1, 0, GPA, 0, d.mem);
	want_errno(r, clear(&d, 0, pages, bits), ENOENT, "not there");
	/* a memslot that ends within a word */
	vm_slot(&d.vm, 1, KVM_MEM_LOG_DIRTY_PAGES, GPA, 70 * 4096, d.mem);
	want_ok(r, clear(&d, 64, 6, bits), "the last 6 of 70");
	want_ok(r, clear(&d, 0, 70, bits), "all 70");
	want_errno(r, clear(&d, 64, 5, bits), EINVAL, "5 of the last 6");
}

/* What a log tells stays until it is cleared, page by page. */
static void manual_cleared(struct tap_result *r, const void *arg)
{
	static struct dirty_vm d;
	uint64_t bits[WORDS] = { 0 }, every[WORDS];
	unsigned int i;

	(void)arg;
	dirty_vm_create(&d, KVM_MEM_LOG_DIRTY_PAGES, SMALL, "touch");
	want_ok(r, manual(&d, 1), "manual");
	round_(r, &d);
	for (i = 0; i < 2; i++) {
		take(&d, 1, d.log);
		if (count(d.log) != pages)
			tap_fail(r, "log %u: %u pages of %u", i, count(d.log), pages);
	}
	/* every third of the second half is cleared, and told again when it is written */
	for (i = 0; i < pages / 64; i++)
		every[i] = 0x9249249249249249;
	want_ok(r, clear(&d, pages / 2, pages / 2, every), "some");
	take(&d, 1, d.log);
	for (i = 0; i < pages; i++)
		if (bit(d.log, i) != (i < pages / 2 || (i % 64) % 3))
			tap_fail(r, "page %#x is %s the log", i, bit(d.log, i) ? "in" : "not in");
	guest_start(&d.vm, d.w[0].v, "touch", GPA + pages / 2 * 4096, 64);
	round_(r, &d);
	take(&d, 1, bits);
	for (i = 0; i < pages; i++)
		if (bit(bits, i) != (i < pages / 2 + 64 || (i % 64) % 3))
			tap_fail(r, "then page %#x is %s the log", i, bit(bits, i) ? "in" : "not in");
	/* a bit that is not in the log does not come by being cleared; nothing is written */
	memset(every, 0xff, sizeof(every));
	want_ok(r, clear(&d, 0, pages, every), "all");
	want_ok(r, clear(&d, 0, pages, every), "and again");
	take(&d, 1, bits);
	if (count(bits))
		tap_fail(r, "%u pages are left", count(bits));
	guest_start(&d.vm, d.w[0].v, "touch", GPA, pages);
	round_(r, &d);
	/* it works without the capability as well, and a log that is got is taken then */
	want_ok(r, manual(&d, 0), "no more");
	want_ok(r, clear(&d, 0, pages / 2, every), "half of it");
	take(&d, 1, bits);
	if (count(bits) != pages / 2)
		tap_fail(r, "%u pages of %u", count(bits), pages / 2);
	take(&d, 1, bits);
	if (count(bits))
		tap_fail(r, "%u pages though all were taken", count(bits));
}

/* A log that begins with all pages in it: they are told of from when they are cleared. */
static void manual_initially(struct tap_result *r, const void *arg)
{
	static struct dirty_vm d;
	uint64_t bits[WORDS] = { 0 }, all[WORDS];
	unsigned int i;

	memset(all, 0xff, sizeof(all));
	dirty_vm_create(&d, 0, *(const enum backing *)arg, "touch");
	want_ok(r, manual(&d, 3), "both");
	/* all of it is mapped, by large pages where there are any */
	round_(r, &d);
	vm_slot(&d.vm, 1, KVM_MEM_LOG_DIRTY_PAGES, GPA, SIZE, d.mem);
	take(&d, 1, d.log);
	if (count(d.log) != pages)
		tap_fail(r, "it begins with %u pages of %u", count(d.log), pages);
	/* one page of a large one, and one of another: what is around them stays in the log */
	all[1] = 1;
	want_ok(r, clear(&d, 64, 64, &all[1]), "page 64");
	all[1] = ~0ull;
	take(&d, 1, bits);
	if (count(bits) != pages - 1 || bit(bits, 64))
		tap_fail(r, "%u pages, page 64 is %s", count(bits), bit(bits, 64) ? "there" : "not there");
	guest_start(&d.vm, d.w[0].v, "touch", GPA + 64 * 4096, 1);
	round_(r, &d);
	take(&d, 1, bits);
	if (!bit(bits, 64))
		tap_fail(r, "page 64 was written, and is not in the log");
	want_ok(r, clear(&d, 0, pages, all), "all");
	take(&d, 1, bits);
	if (count(bits))
		tap_fail(r, "%u pages are left", count(bits));
	for (i = 0; i < pages; i += 97) {
		guest_start(&d.vm, d.w[0].v, "touch", GPA + i * 4096, 1);
		round_(r, &d);
	}
	take(&d, 1, bits);
	for (i = 0; i < pages; i++)
		if (bit(bits, i) != !(i % 97))
			tap_fail(r, "page %#x is %s the log", i, bit(bits, i) ? "in" : "not in");
}

/* Logs are got, and cleared a piece at a time, while four vCPUs write; what is copied after that is all there is. */
static void manual_running(struct tap_result *r, const void *arg)
{
	static uint8_t copy[MOST][16];
	static struct dirty_vm d;
	unsigned int i, j, at, n, copied = 0;
	uint64_t bits[WORDS];
	bool last = false;

	dirty_vm_create(&d, 0, HUGE, "scatter");
	want_ok(r, manual(&d, *(const uint64_t *)arg), "manual");
	start_all(&d);
	usleep(3000);
	for (j = 0; j < pages; j++)
		memset(copy[j], 0xff, 16);
	if (vm_slot(&d.vm, 1, KVM_MEM_LOG_DIRTY_PAGES, GPA, SIZE, d.mem))
		tap_fail(r, "logging on: %s", strerror(errno));
	/* without INITIALLY_SET what was there before is the VMM's to copy */
	for (j = 0; j < pages; j++)
		memcpy(copy[j], d.mem + j * 4096ul, 16);
	/* a slow host takes more rounds until enough was written */
	for (i = 0; !last; i++) {
		usleep(i % 4 * 1000);
		last = (i >= 23 && copied >= pages) || i == 400;
		if (last)
			stop_all(&d);
		take(&d, 1, bits);
		for (at = 0; at < pages; at += n) {
			n = 64 << i % 4;
			if (n > pages - at)
				n = pages - at;
			if (clear(&d, at, n, bits + at / 64))
				tap_fail(r, "clear: %s", strerror(errno));
			for (j = at; j < at + n; j++)
				if (bit(bits, j)) {
					memcpy(copy[j], d.mem + j * 4096ul, 16);
					copied++;
				}
		}
	}
	for (j = 0; j < pages; j++)
		if (memcmp(copy[j], d.mem + j * 4096ul, 16))
			tap_fail(r, "page %#x: the copy made from the log differs", j);
	if (copied < pages)
		tap_fail(r, "only %u pages were copied", copied);
}

static void *delete_often(void *arg)
{
	struct dirty_vm *d = arg;
	unsigned int i;

	for (i = 0; i < 200; i++) {
		vm_slot(&d->vm, 1, 0, GPA, 0, d->mem);
		vm_slot(&d->vm, 1, KVM_MEM_LOG_DIRTY_PAGES, GPA, i & 1 ? SIZE : SIZE / 4, d->mem);
	}
	return NULL;
}

/* The slot goes, and comes with another size, while it is cleared. */
static void manual_deleted(struct tap_result *r, const void *arg)
{
	static struct dirty_vm d;
	uint64_t all[WORDS];
	unsigned int done = 0, i;
	pthread_t t;

	(void)arg;
	dirty_vm_create(&d, KVM_MEM_LOG_DIRTY_PAGES, SMALL, "scatter");
	want_ok(r, manual(&d, 3), "both");
	memset(all, 0xff, sizeof(all));
	start_all(&d);
	pthread_create(&t, NULL, delete_often, &d);
	for (i = 0; i < 300 || pthread_tryjoin_np(t, NULL); i++)
		if (!clear(&d, 0, i & 1 ? pages : pages / 4, all))
			done++;
		else if (errno != ENOENT && errno != EINVAL)
			tap_fail(r, "%s", strerror(errno));
	stop_all(&d);
	if (!done)
		tap_fail(r, "none was cleared");
}

static const uint64_t enable = 1, both = 3;
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
	{ "dirty-manual-arguments", manual_arguments, NULL },
	{ "dirty-manual-cleared", manual_cleared, NULL },
	{ "dirty-manual-initially", manual_initially, &small },
	{ "dirty-manual-initially-huge", manual_initially, &huge },
	{ "dirty-manual-running", manual_running, &enable },
	{ "dirty-manual-running-initially", manual_running, &both },
	{ "dirty-manual-deleted", manual_deleted, NULL },
	{ NULL, NULL, NULL }
};
