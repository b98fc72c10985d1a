// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory is the VMM's own: whatever the VMM or the host's memory
 * management does to it, the guest sees the same.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../uapi/linux/vh.h"
#include "abi.h"

#define GPA	0x1000000u		/* where the slot under test is */
#define PSE_TABLE 0xc0000u		/* page directory in slot 0 */
#define EXIT_EXCEPTION		0
#define EXIT_EPT_VIOLATION	48
#define PAGES	64u
#define SIZE	(PAGES * 4096u)

struct mem_vm {
	struct vm vm;
	struct vcpu *v;
	uint8_t *mem;			/* slot 1's */
};

/* One slot of PAGES at GPA, and a guest that works on it. */
static void mem_vm_create(struct mem_vm *m, unsigned int flags,
			  const char *guest)
{
	m->v = vm_simple(&m->vm, 0);
	m->mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (vm_slot(&m->vm, 1, flags, GPA, SIZE, m->mem)) {
		printf("# slot 1: %s\n", strerror(errno));
		_exit(3);
	}
	guest_start(&m->vm, m->v, guest, GPA, PAGES);
}

static uint32_t word(const struct mem_vm *m, unsigned int page)
{
	return *(volatile uint32_t *)(m->mem + page * 4096ul);
}

/* Run one round of the guest; anything but its OUT is a failure. */
static bool round_(struct tap_result *r, struct mem_vm *m)
{
	int ret = vcpu_run(m->v);

	if (ret)
		return tap_fail(r, "KVM_RUN: %s", strerror(-ret));
	if (m->v->run->exit_reason != KVM_EXIT_IO)
		return tap_fail(r, "exit %s",
				exit_name(m->v->run->exit_reason));
	return true;
}

static bool all_are(struct tap_result *r, const struct mem_vm *m,
		    uint32_t value, const char *when)
{
	unsigned int i;

	for (i = 0; i < PAGES; i++)
		if (word(m, i) != value)
			return tap_fail(r, "%s page %u has %u, not %u", when, i,
					word(m, i), value);
	return true;
}

static void dontneed(struct tap_result *r, const void *arg)
{
	struct mem_vm m;

	(void)arg;
	mem_vm_create(&m, 0, "touch");
	round_(r, &m);
	round_(r, &m);
	all_are(r, &m, 2, "at first");
	madvise(m.mem, SIZE, MADV_DONTNEED);
	round_(r, &m);
	all_are(r, &m, 1, "after MADV_DONTNEED");
}

static void munmapped(struct tap_result *r, const void *arg)
{
	struct mem_vm m;
	int ret;

	(void)arg;
	mem_vm_create(&m, 0, "touch");
	round_(r, &m);
	munmap(m.mem, SIZE);
	ret = vcpu_run(m.v);
	if (ret != -EFAULT)
		tap_fail(r, "KVM_RUN gave %s, exit %s", strerror(-ret),
			 exit_name(m.v->run->exit_reason));
	/* something new at the same address is the guest's at once */
	if (mmap(m.mem, SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != m.mem)
		tap_fail(r, "mmap");
	round_(r, &m);
	if (word(&m, PAGES - 1) != 1)
		tap_fail(r, "the new memory has %u", word(&m, PAGES - 1));
}

static void mremapped(struct tap_result *r, const void *arg)
{
	struct mem_vm m;
	uint8_t *to;
	int ret;

	(void)arg;
	mem_vm_create(&m, 0, "touch");
	round_(r, &m);
	to = mremap(m.mem, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
		    mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0));
	if (to == MAP_FAILED) {
		tap_fail(r, "mremap: %s", strerror(errno));
		return;
	}
	ret = vcpu_run(m.v);
	if (ret != -EFAULT)
		tap_fail(r, "after it moved away KVM_RUN gave %s",
			 strerror(-ret));
	if (*(uint32_t *)to != 1)
		tap_fail(r, "the guest still wrote to it: %u",
			 *(uint32_t *)to);
	if (mremap(to, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, m.mem) !=
	    m.mem)
		tap_fail(r, "mremap back: %s", strerror(errno));
	round_(r, &m);
	if (word(&m, PAGES - 1) != 2)
		tap_fail(r, "back again page %u has %u", PAGES - 1,
			 word(&m, PAGES - 1));
}

static void protect(struct tap_result *r, const void *arg)
{
	struct mem_vm m;
	int ret;

	(void)arg;
	mem_vm_create(&m, 0, "touch");
	round_(r, &m);
	mprotect(m.mem, SIZE, PROT_READ);
	ret = vcpu_run(m.v);
	if (ret != -EFAULT)
		tap_fail(r, "a write to PROT_READ memory: KVM_RUN gave %s",
			 strerror(-ret));
	if (word(&m, 0) != 1)
		tap_fail(r, "it was written all the same");
	guest_start(&m.vm, m.v, "sum", GPA, PAGES);
	if (round_(r, &m) && *(uint32_t *)((uint8_t *)m.v->run +
	    m.v->run->io.data_offset) != PAGES)
		tap_fail(r, "reads fail");
	mprotect(m.mem, SIZE, PROT_READ | PROT_WRITE);
	guest_start(&m.vm, m.v, "touch", GPA, PAGES);
	round_(r, &m);
	all_are(r, &m, 2, "writable again");
}

static void forked(struct tap_result *r, const void *arg)
{
	int to_child[2], status;
	struct mem_vm m;
	pid_t pid;
	char c;

	(void)arg;
	mem_vm_create(&m, 0, "touch");
	round_(r, &m);
	if (pipe(to_child)) {
		tap_fail(r, "pipe");
		return;
	}
	pid = fork();
	if (!pid) {
		close(to_child[1]);
		if (read(to_child[0], &c, 1) < 0)
			_exit(2);
		_exit(word(&m, 0) != 1 || word(&m, PAGES - 1) != 1);
	}
	round_(r, &m);
	round_(r, &m);
	all_are(r, &m, 3, "in the parent");
	close(to_child[1]);
	waitpid(pid, &status, 0);
	if (status)
		tap_fail(r, "the child sees the guest's later writes");
	round_(r, &m);
	all_are(r, &m, 4, "after the child");
}

static long read_long(const char *path)
{
	long v = -1;
	FILE *f = fopen(path, "r");

	if (!f)
		return -1;
	if (fscanf(f, "%ld", &v) != 1)
		v = -1;
	fclose(f);
	return v;
}

#define KSM "/sys/kernel/mm/ksm/"

static void ksm(struct tap_result *r, const void *arg)
{
	struct mem_vm m;
	int i;

	(void)arg;
	if (read_long(KSM "run") < 0) {
		tap_skip(r, "the kernel has no KSM");
		return;
	}
	mem_vm_create(&m, 0, "touch");
	round_(r, &m);
	madvise(m.mem, SIZE, MADV_MERGEABLE);
	write_file(KSM "sleep_millisecs", "1");
	write_file(KSM "pages_to_scan", "1000");
	write_file(KSM "run", "1");
	for (i = 0; i < 300 && read_long(KSM "pages_sharing") < PAGES / 2; i++)
		usleep(10000);
	if (read_long(KSM "pages_sharing") < PAGES / 2)
		tap_fail(r, "only %ld pages were merged",
			 read_long(KSM "pages_sharing"));
	all_are(r, &m, 1, "merged");
	round_(r, &m);
	all_are(r, &m, 2, "written to");
	for (i = 0; i < 10; i++) {
		usleep(20000);
		round_(r, &m);
		all_are(r, &m, 3 + i, "while being merged");
	}
	write_file(KSM "run", "2");
	round_(r, &m);
	all_are(r, &m, 13, "unmerged");
	write_file(KSM "run", "0");
}

/* Kilobytes of this process that are swapped out. */
static long swapped(void)
{
	char line[200];
	long kb = 0;
	FILE *f = fopen("/proc/self/smaps_rollup", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Swap: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

static void swap(struct tap_result *r, const void *arg)
{
	struct mem_vm m;
	char line[200];
	int i, tries, lines = 0;
	FILE *f = fopen("/proc/swaps", "r");

	(void)arg;
	while (f && fgets(line, sizeof(line), f))
		lines++;
	if (lines < 2) {
		tap_skip(r, "the host has no swap");
		return;
	}
	mem_vm_create(&m, 0, "touch");
	for (i = 1; i <= 5; i++) {
		round_(r, &m);
		/* the first only clears the accessed bits, the guest's too */
		for (tries = 0; tries < 5 && !swapped(); tries++)
			madvise(m.mem, SIZE, MADV_PAGEOUT);
		if (swapped() < (long)SIZE / 1024 / 2)
			tap_fail(r, "only %ld kB are swapped out", swapped());
	}
	round_(r, &m);
	all_are(r, &m, 6, "swapped in");
}

static void *keep_running(void *arg)
{
	struct mem_vm *m = arg;

	while (!m->v->run->immediate_exit)
		if (vcpu_run(m->v))
			break;
	return NULL;
}

static void stop_running(struct mem_vm *m, pthread_t t)
{
	m->v->run->immediate_exit = 1;
	pthread_kill(t, SIGUSR1);
	pthread_join(t, NULL);
	m->v->run->immediate_exit = 0;
}

static void on_signal(int sig)
{
	(void)sig;
	kvm_stop = 1;
}

/* Start the guest in a thread of its own; stop_running() ends it. */
static pthread_t start_running(struct mem_vm *m)
{
	struct sigaction sa = { .sa_handler = on_signal };
	pthread_t t;

	sigaction(SIGUSR1, &sa, NULL);
	kvm_stop = 0;
	pthread_create(&t, NULL, keep_running, m);
	return t;
}

static void dontneed_running(struct tap_result *r, const void *arg)
{
	struct mem_vm m;
	uint32_t before;
	pthread_t t;
	int i;

	(void)arg;
	mem_vm_create(&m, 0, "spin");
	t = start_running(&m);
	for (i = 0; i < 50; i++) {
		madvise(m.mem, SIZE, MADV_DONTNEED);
		usleep(1000);
	}
	before = word(&m, 0);
	for (i = 0; i < 1000 && word(&m, 0) == before; i++)
		usleep(1000);
	if (word(&m, 0) == before)
		tap_fail(r, "the guest no longer writes where the VMM reads");
	stop_running(&m, t);
}

static void protect_running(struct tap_result *r, const void *arg)
{
	struct mem_vm m;
	uint32_t seen;
	pthread_t t;
	int i;

	(void)arg;
	/* write-protecting stops writes at once: nothing is cached */
	mem_vm_create(&m, 0, "spin");
	for (i = 0; i < 10; i++) {
		guest_start(&m.vm, m.v, "spin", GPA, PAGES);
		t = start_running(&m);
		usleep(2000);
		mprotect(m.mem, SIZE, PROT_READ);
		seen = word(&m, 0);
		usleep(2000);
		if (word(&m, 0) != seen)
			tap_fail(r, "%u became %u in read-only memory", seen,
				 word(&m, 0));
		stop_running(&m, t);
		mprotect(m.mem, SIZE, PROT_READ | PROT_WRITE);
	}
}

static void slot_churn(struct tap_result *r, const void *arg)
{
	struct mem_vm m;
	pthread_t t;
	int i;

	(void)arg;
	/* deleted, moved, made again under a guest that uses it */
	mem_vm_create(&m, 0, "spin");
	t = start_running(&m);
	for (i = 0; i < 100; i++) {
		int e = vm_slot(&m.vm, 1, 0, GPA, 0, m.mem);

		if (e)
			tap_fail(r, "delete: %s", strerror(-e));
		usleep(300);
		e = vm_slot(&m.vm, 1, 0, GPA + (i & 1) * 0x100000, SIZE,
			    m.mem);
		if (e)
			tap_fail(r, "create: %s", strerror(-e));
		if (i & 1) {
			e = vm_slot(&m.vm, 1, 0, GPA, SIZE, m.mem);
			if (e)
				tap_fail(r, "move: %s", strerror(-e));
		}
		usleep(300);
	}
	stop_running(&m, t);
	guest_start(&m.vm, m.v, "touch", GPA, PAGES);
	madvise(m.mem, SIZE, MADV_DONTNEED);
	round_(r, &m);
	all_are(r, &m, 1, "in the end");
}

static void slot_deleted(struct tap_result *r, const void *arg)
{
	struct mem_vm m;

	(void)arg;
	mem_vm_create(&m, 0, "touch");
	round_(r, &m);
	vm_slot(&m.vm, 1, 0, GPA, 0, m.mem);
	if (vcpu_run(m.v) || m.v->run->exit_reason != KVM_EXIT_MMIO ||
	    m.v->run->mmio.phys_addr != GPA)
		tap_fail(r, "a touch of what was deleted: exit %s",
			 exit_name(m.v->run->exit_reason));
	if (word(&m, 0) != 1)
		tap_fail(r, "the guest wrote to a deleted slot");
}

static void slot_moved(struct tap_result *r, const void *arg)
{
	struct mem_vm m;

	(void)arg;
	mem_vm_create(&m, 0, "touch");
	round_(r, &m);
	if (vm_slot(&m.vm, 1, 0, GPA + 0x100000, SIZE, m.mem))
		tap_fail(r, "move");
	guest_start(&m.vm, m.v, "touch", GPA + 0x100000, PAGES);
	round_(r, &m);
	all_are(r, &m, 2, "at the new place");
	guest_start(&m.vm, m.v, "touch", GPA, PAGES);
	if (vcpu_run(m.v) || m.v->run->exit_reason != KVM_EXIT_MMIO)
		tap_fail(r, "at the old place: exit %s",
			 exit_name(m.v->run->exit_reason));
}

/* 500 memslots that all show one page: when that goes, it goes from all. */
static void one_page(struct tap_result *r, const void *arg)
{
	enum { SLOTS = 500 };
	struct mem_vm m;
	unsigned int i, round;

	(void)arg;
	mem_vm_create(&m, 0, "touch");
	for (i = 0; i < SLOTS; i++)
		if (vm_slot(&m.vm, 10 + i, 0, GPA + 0x100000 + i * 4096, 4096, m.mem))
			return (void)tap_fail(r, "slot %u: %s", i, strerror(errno));
	guest_start(&m.vm, m.v, "touch", GPA + 0x100000, SLOTS);
	for (round = 0; round < 3; round++) {
		if (!round_(r, &m))
			return;
		if (word(&m, 0) != SLOTS)
			tap_fail(r, "round %u: %u of %u writes are seen", round, word(&m, 0), SLOTS);
		if (madvise(m.mem, 4096, MADV_DONTNEED))
			tap_fail(r, "madvise: %s", strerror(errno));
		if (word(&m, 0))
			tap_fail(r, "the page did not go");
	}
	/* Every other one is deleted: the rest is found all the same. */
	for (i = 0; i < SLOTS; i += 2)
		vm_slot(&m.vm, 10 + i, 0, GPA + 0x100000 + i * 4096, 0, m.mem);
	for (i = 1; i < SLOTS; i += 2) {
		guest_start(&m.vm, m.v, "touch", GPA + 0x100000 + i * 4096, 1);
		if (!round_(r, &m))
			return;
	}
	madvise(m.mem, 4096, MADV_DONTNEED);
	guest_start(&m.vm, m.v, "touch", GPA + 0x101000, 1);
	if (round_(r, &m) && word(&m, 0) != 1)
		tap_fail(r, "after half of them were deleted: %u", word(&m, 0));
}

static void read_only(struct tap_result *r, const void *arg)
{
	struct mem_vm m;

	(void)arg;
	mem_vm_create(&m, KVM_MEM_READONLY, "sum");
	memset(m.mem, 0, SIZE);
	m.mem[0] = 5;
	if (round_(r, &m) && *(uint32_t *)((uint8_t *)m.v->run +
	    m.v->run->io.data_offset) != 5)
		tap_fail(r, "reads fail");
	guest_start(&m.vm, m.v, "touch", GPA, PAGES);
	if (vcpu_run(m.v) || m.v->run->exit_reason != KVM_EXIT_MMIO ||
	    !m.v->run->mmio.is_write || m.v->run->mmio.data[0] != 6)
		tap_fail(r, "a write: exit %s",
			 exit_name(m.v->run->exit_reason));
	if (m.mem[0] != 5)
		tap_fail(r, "it was written all the same");
}

static bool dirty_is(struct tap_result *r, struct mem_vm *m, uint64_t want,
		     const char *when)
{
	uint64_t bits = 0;
	struct kvm_dirty_log l = { .slot = 1, .dirty_bitmap = &bits };

	xioctl(m->vm.fd, KVM_GET_DIRTY_LOG, &l);
	if (bits != want)
		return tap_fail(r, "%s: %#llx instead of %#llx", when,
				(unsigned long long)bits,
				(unsigned long long)want);
	return true;
}

static void dirty_log(struct tap_result *r, const void *arg)
{
	struct mem_vm m;

	(void)arg;
	mem_vm_create(&m, KVM_MEM_LOG_DIRTY_PAGES, "sum");
	round_(r, &m);
	dirty_is(r, &m, 0, "after reads");
	guest_start(&m.vm, m.v, "touch", GPA + 0x3000, 4);
	round_(r, &m);
	dirty_is(r, &m, 0x78, "after writes to pages 3 to 6");
	dirty_is(r, &m, 0, "asked again");
	round_(r, &m);
	dirty_is(r, &m, 0x78, "written again");
	guest_start(&m.vm, m.v, "touch", GPA, PAGES);
	round_(r, &m);
	dirty_is(r, &m, ~0ull, "all");
	/* off and on again over mapped pages */
	vm_slot(&m.vm, 1, 0, GPA, SIZE, m.mem);
	round_(r, &m);
	vm_slot(&m.vm, 1, KVM_MEM_LOG_DIRTY_PAGES, GPA, SIZE, m.mem);
	dirty_is(r, &m, 0, "switched on");
	guest_start(&m.vm, m.v, "touch", GPA + 0x10000, 1);
	round_(r, &m);
	dirty_is(r, &m, 1ull << 16, "then page 16");
}

/* No write is lost between reading the log and clearing it. */
static void dirty_log_running(struct tap_result *r, const void *arg)
{
	static uint8_t copy[SIZE];
	uint64_t bits;
	struct kvm_dirty_log l = { .slot = 1, .dirty_bitmap = &bits };
	struct mem_vm m;
	unsigned int i, j;
	pthread_t t;

	(void)arg;
	mem_vm_create(&m, KVM_MEM_LOG_DIRTY_PAGES, "spin");
	t = start_running(&m);
	for (i = 0; i < 50; i++) {
		usleep(500);
		if (i == 49)
			stop_running(&m, t);
		xioctl(m.vm.fd, KVM_GET_DIRTY_LOG, &l);
		for (j = 0; j < PAGES; j++)
			if (bits >> j & 1)
				memcpy(copy + j * 4096, m.mem + j * 4096,
				       4096);
	}
	if (memcmp(copy, m.mem, SIZE))
		tap_fail(r, "the copy made from the log differs");
	if (!word(&m, 0))
		tap_fail(r, "the guest did not run");
}

/* Memory that begins at a huge page, and may be of huge pages. */
static uint8_t *huge_memory(size_t size)
{
	uint8_t *p = mmap(NULL, size + (2 << 20), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	p = (uint8_t *)(((uintptr_t)p + (2 << 20) - 1) & -(2ul << 20));
	madvise(p, size, MADV_HUGEPAGE);
	return p;
}

static void huge_pages(struct tap_result *r, const void *arg)
{
	const size_t size = 8 << 20;
	struct mem_vm m;
	uint8_t *p;
	unsigned int i;

	(void)arg;
	m.v = vm_simple(&m.vm, 0);
	m.mem = p = huge_memory(size);
	vm_slot(&m.vm, 1, 0, GPA, size, p);
	guest_start(&m.vm, m.v, "touch", GPA, size / 4096);
	round_(r, &m);
	/* a hole in the middle of a huge page, its neighbours as before */
	madvise(p + 0x300000, 4096, MADV_DONTNEED);
	madvise(p + 0x500000, 0x10000, MADV_DONTNEED);
	round_(r, &m);
	for (i = 0; i < size / 4096; i++) {
		uint32_t want = i == 0x300 || (i >= 0x500 && i < 0x510) ? 1 : 2;

		if (word(&m, i) != want)
			tap_fail(r, "page %#x has %u, not %u", i, word(&m, i),
				 want);
	}
	madvise(p, size, MADV_DONTNEED);
	round_(r, &m);
	if (word(&m, 0) != 1 || word(&m, 0x7ff) != 1)
		tap_fail(r, "after all was given away: %u, %u", word(&m, 0),
			 word(&m, 0x7ff));
}

/* Of this process' anonymous memory in huge pages, bytes. */
static size_t anon_huge(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	char line[128];
	size_t kb = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "AnonHugePages: %zu kB", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb << 10;
}

/* A huge page is mapped as a whole, with EPT and in shadow tables, paging or not. */
static void huge_mappings(struct tap_result *r, const void *arg)
{
	const size_t size = 8 << 20;
	struct vh_exit_stats s;
	struct kvm_sregs sregs;
	uint64_t faults;
	struct mem_vm m;
	uint8_t *p;
	unsigned int i;

	if (strcmp(kvm_device, "/dev/vh")) {
		tap_skip(r, "it tells no exits");
		return;
	}
	m.v = vm_simple(&m.vm, 0);
	m.mem = p = huge_memory(size);
	memset(p, 0, size);
	if (anon_huge() < size) {
		tap_skip(r, "the host has no huge pages to give");
		return;
	}
	vm_slot(&m.vm, 1, 0, GPA, size, p);
	guest_start(&m.vm, m.v, "touch", GPA, size / 4096);
	if (arg) {
		/* 4-MiB pages that map all to itself */
		for (i = 0; i < 1024; i++)
			((uint32_t *)(m.vm.mem + PSE_TABLE))[i] = i << 22 | 0xe3;
		xioctl(m.v->fd, KVM_GET_SREGS, &sregs);
		sregs.cr3 = PSE_TABLE;
		sregs.cr4 |= 1 << 4;
		sregs.cr0 |= 1u << 31;
		xioctl(m.v->fd, KVM_SET_SREGS, &sregs);
	}
	round_(r, &m);
	for (i = 0; i < size / 4096; i++)
		if (word(&m, i) != 1)
			tap_fail(r, "page %#x has %u", i, word(&m, i));
	xioctl(m.v->fd, VH_GET_EXIT_STATS, &s);
	faults = s.counts[EXIT_EXCEPTION] + s.counts[EXIT_EPT_VIOLATION];
	/* one for each, and a few for code and tables */
	if (faults > size / (2 << 20) + 8)
		tap_fail(r, "%llu faults for %zu pages of 2 MiB", (unsigned long long)faults,
			 size / (2 << 20));
}

/* Logging leaves small mappings; large ones take their place when it ends. */
static void dirty_log_huge(struct tap_result *r, const void *arg)
{
	const size_t size = 4 << 20;
	struct mem_vm m;
	uint8_t *p;
	unsigned int i;

	(void)arg;
	m.v = vm_simple(&m.vm, 0);
	m.mem = p = huge_memory(size);
	memset(p, 0, size);
	vm_slot(&m.vm, 1, KVM_MEM_LOG_DIRTY_PAGES, GPA, size, p);
	guest_start(&m.vm, m.v, "touch", GPA + 0x1fe000, 4);
	round_(r, &m);
	vm_slot(&m.vm, 1, 0, GPA, size, p);
	guest_start(&m.vm, m.v, "touch", GPA, size / 4096);
	round_(r, &m);
	for (i = 0; i < size / 4096; i++) {
		uint32_t want = i >= 0x1fe && i < 0x202 ? 2 : 1;

		if (word(&m, i) != want)
			tap_fail(r, "page %#x has %u, not %u", i, word(&m, i),
				 want);
	}
}

/* A file's pages: written by the guest, seen by read(), truncated away. */
static void file_backed(struct tap_result *r, const void *arg)
{
	struct mem_vm m;
	uint32_t w = 0;
	int fd, ret;

	(void)arg;
	m.v = vm_simple(&m.vm, 0);
	fd = memfd_create("guest", MFD_CLOEXEC);
	if (ftruncate(fd, SIZE))
		tap_fail(r, "ftruncate: %s", strerror(errno));
	m.mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	vm_slot(&m.vm, 1, 0, GPA, SIZE, m.mem);
	guest_start(&m.vm, m.v, "touch", GPA, PAGES);
	round_(r, &m);
	if (pread(fd, &w, 4, SIZE - 4096) != 4 || w != 1)
		tap_fail(r, "read() sees %u", w);
	w = 41;
	if (pwrite(fd, &w, 4, 0) != 4)
		tap_fail(r, "pwrite");
	round_(r, &m);
	if (word(&m, 0) != 42)
		tap_fail(r, "the guest does not see what write() wrote: %u",
			 word(&m, 0));
	if (ftruncate(fd, SIZE / 2))
		tap_fail(r, "ftruncate: %s", strerror(errno));
	ret = vcpu_run(m.v);
	if (ret != -EFAULT)
		tap_fail(r, "past the end of the file: KVM_RUN gave %s",
			 strerror(-ret));
}

const struct test_case memory_cases[] = {
	{ "memory-dontneed", dontneed, NULL },
	{ "memory-munmap", munmapped, NULL },
	{ "memory-mremap", mremapped, NULL },
	{ "memory-mprotect", protect, NULL },
	{ "memory-fork", forked, NULL },
	{ "memory-ksm", ksm, NULL },
	{ "memory-swap", swap, NULL },
	{ "memory-dontneed-running", dontneed_running, NULL },
	{ "memory-mprotect-running", protect_running, NULL },
	{ "memory-slot-churn", slot_churn, NULL },
	{ "memory-slot-deleted", slot_deleted, NULL },
	{ "memory-slot-moved", slot_moved, NULL },
	{ "memory-one-page", one_page, NULL },
	{ "memory-read-only", read_only, NULL },
	{ "memory-dirty-log", dirty_log, NULL },
	{ "memory-dirty-log-running", dirty_log_running, NULL },
	{ "memory-huge-pages", huge_pages, NULL },
	{ "memory-huge-mappings", huge_mappings, NULL },
	{ "memory-huge-mappings-paged", huge_mappings, "" },
	{ "memory-dirty-log-huge", dirty_log_huge, NULL },
	{ "memory-file", file_backed, NULL },
	{ NULL, NULL, NULL }
};
