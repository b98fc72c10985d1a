// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asynchronous page faults: what the guest is told of pages that come late, when, and what becomes of a VM whose pages
 * do not come. They are read from a file system whose server waits as long as it is told to.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <asm/kvm_para.h>
#include <linux/userfaultfd.h>

#include "../lib/fuse.h"
#include "../lib/nbd.h"
#include "lane.h"

#define GPA		0x1000000u	/* where the late pages are */
#define AREA		0x9040u		/* guest.S knows it */
#define VECTOR		0x50
#define WORD		0x5a5a5a5au
#define MOST		64		/* pages of a vCPU that the guest is told of, as KVM has it */
#define MANY		80
#define ALL		(KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_DELIVERY_AS_INT | KVM_ASYNC_PF_SEND_ALWAYS)

/* What guest.S leaves behind. */
#define SAID(offset)	((volatile uint32_t *)(t->vm.mem + 0x70000 + (offset)))
#define DONE		SAID(0x18)
#define SUM		SAID(0x1c)
#define TOKEN		SAID(0x20)
#define FLAGS		SAID(0x24)
#define TOLD		SAID(0x28)
#define TURNED		SAID(0x2c)
#define READIES		SAID(0x34)
#define HALTS		SAID(0x38)
#define TOKENS		SAID(0x100)
#define READY		SAID(0x400)

struct test {
	struct vm vm;
	struct vcpu *v;
	struct lane lane;
	uint8_t *pages;
};

/* --- memory that comes when it is told to --- */

static volatile struct { bool held; unsigned int reads; } *server;
static pid_t server_pid;
static char server_dir[40];

static enum fuse_read when_told(void)
{
	server->reads++;
	while (server->held)
		usleep(1000);
	return FUSE_READ_NOW;
}

/* @n pages; NULL: skipped. */
static uint8_t *late_pages(struct tap_result *r, unsigned int n)
{
	void *at;
	int fd;

	server = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	server->held = true;
	snprintf(server_dir, sizeof(server_dir), "/tmp/late.%d", getpid());
	fd = fuse_mount(server_dir, 0);
	if (fd < 0) {
		tap_skip(r, "the kernel has no FUSE");
		return NULL;
	}
	server_pid = fork();
	if (!server_pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fuse_read_ahead = 4096;
		fuse_serve(fd, 0, WORD & 0xff, when_told);
		_exit(0);
	}
	close(fd);
	at = fuse_map(server_dir, n * 4096ul);
	if (at == MAP_FAILED) {
		tap_fail(r, "the file is not mapped: %s", strerror(errno));
		return NULL;
	}
	return at;
}

static void serve_no_more(void)
{
	if (!server_pid)
		return;
	kill(server_pid, SIGKILL);
	waitpid(server_pid, NULL, 0);
	umount2(server_dir, MNT_DETACH);
	rmdir(server_dir);
}

/* --- the guest --- */

static bool paged = true;

static void apic_on(struct vcpu *v)
{
	struct kvm_lapic_state lapic;

	xioctl(v->fd, KVM_GET_LAPIC, &lapic);
	lapic.regs[0xf1] |= 1;
	xioctl(v->fd, KVM_SET_LAPIC, &lapic);
}

/* A guest that is about to add up @n late pages, and takes interrupts; @en: of MSR_KVM_ASYNC_PF_EN. */
static void begin_with(struct test *t, uint8_t *pages, unsigned int n, const char *on_late, uint32_t en)
{
	struct kvm_regs regs;

	memset(t, 0, sizeof(*t));
	t->v = vm_simple(&t->vm, VM_IRQCHIP);
	t->pages = pages;
	if (vm_slot(&t->vm, 1, 0, GPA, n * 4096ul, pages))
		_exit(3);
	guest_start(&t->vm, t->v, "late", GPA, n);
	xioctl(t->v->fd, KVM_GET_REGS, &regs);
	regs.rflags |= 0x200;
	if (paged)
		vcpu_set_mode(&t->vm, t->v, MODE_PAGE32, regs.rip, regs.rsp);
	xioctl(t->v->fd, KVM_SET_REGS, &regs);
	gate(&t->vm, 14, guest_entry(on_late));
	gate(&t->vm, VECTOR, guest_entry("on_ready"));
	/* its APIC is on from the first instruction, or what the MSR has sent would wait */
	apic_on(t->v);
	if (!vcpu_msr_set(t->v, MSR_KVM_ASYNC_PF_INT, VECTOR) || !vcpu_msr_set(t->v, MSR_KVM_ASYNC_PF_EN, AREA | en))
		_exit(3);
}

static bool begin(struct tap_result *r, struct test *t, unsigned int n, const char *on_late, uint32_t en)
{
	uint8_t *pages = late_pages(r, n);

	if (pages)
		begin_with(t, pages, n, on_late, en);
	return pages;
}

/* The sum is right, and each page that it was told of has become ready. */
static void check_end(struct tap_result *r, struct test *t, unsigned int n)
{
	if (!wait_count(DONE, 1))
		tap_fail(r, "the guest does not end: told %u times, ready %u", *TOLD, *READIES);
	else if (*SUM != n * WORD)
		tap_fail(r, "the sum is %#x", *SUM);
	if (!wait_count(READIES, *TOLD + 1))
		tap_fail(r, "told %u times, ready %u", *TOLD, *READIES);
	lane_stop(r, &t->lane);
	vm_destroy(&t->vm);
	serve_no_more();
}

/* It is told once, and goes on. */
static void check_told(struct tap_result *r, struct test *t)
{
	uint32_t turned;

	if (!wait_count(TOLD, 1)) {
		tap_fail(r, "it is not told");
		return;
	}
	if (*FLAGS != KVM_PV_REASON_PAGE_NOT_PRESENT)
		tap_fail(r, "the flags are %#x", *FLAGS);
	turned = *TURNED;
	usleep(50000);
	if (!*HALTS && *TURNED <= turned)
		tap_fail(r, "it does nothing meanwhile");
	if (*TOLD != 1 || *DONE)
		tap_fail(r, "told %u times, done %u", *TOLD, *DONE);
	/* that of the MSR, and no other */
	if (*READIES != 1 || READY[0] != ~0u)
		tap_fail(r, "ready %u times, at first %#x", *READIES, READY[0]);
}

/* The page comes, and the guest is told of that. */
static void check_ready(struct tap_result *r, struct test *t)
{
	uint32_t token = *TOKEN;

	server->held = false;
	if (!wait_count(READIES, 2) || READY[1] != token)
		tap_fail(r, "ready is %#x, not %#x", READY[1], token);
}

/* The guest goes on in its kernel; @arg: halted, until the page is ready. */
static void told(struct tap_result *r, const void *arg)
{
	static struct test here, *t = &here;

	if (!begin(r, t, 4, "on_late", ALL))
		return;
	*HALTS = !!arg;
	lane_start(&t->lane, t->v);
	check_told(r, t);
	check_ready(r, t);
	check_end(r, t, 4);
}

/* User code, as it is told of by default. */
static void told_user(struct tap_result *r, const void *arg)
{
	static struct test here, *t = &here;
	struct kvm_sregs s;
	struct kvm_regs regs;

	(void)arg;
	if (!begin(r, t, 4, "on_late", KVM_ASYNC_PF_ENABLED | KVM_ASYNC_PF_DELIVERY_AS_INT))
		return;
	/* 32-bit code in the place of 64-bit code; the kernel's stack */
	((uint64_t *)(t->vm.mem + GUEST_GDT))[SEL_CODE64_U / 8] = 0x00cffb000000ffff;
	*(uint32_t *)(t->vm.mem + GUEST_TSS + 4) = 0x7000;
	*(uint32_t *)(t->vm.mem + GUEST_TSS + 8) = SEL_DATA;
	xioctl(t->v->fd, KVM_GET_SREGS, &s);
	s.cs.selector = SEL_CODE64_U;
	s.ds.selector = SEL_DATA_U;
	s.cs.dpl = s.ds.dpl = 3;
	s.ss = s.es = s.fs = s.gs = s.ds;
	xioctl(t->v->fd, KVM_SET_SREGS, &s);
	lane_start(&t->lane, t->v);
	check_told(r, t);
	server->held = false;
	if (!wait_count(DONE, 1))
		tap_fail(r, "it does not go on");
	lane_stop(r, &t->lane);
	xioctl(t->v->fd, KVM_GET_REGS, &regs);
	xioctl(t->v->fd, KVM_GET_SREGS, &s);
	if (s.cs.selector != SEL_CODE64_U)
		tap_fail(r, "CS is %#x, RIP %#llx", s.cs.selector, regs.rip);
	lane_start(&t->lane, t->v);
	check_end(r, t, 4);
}

/* A guest that cannot be told, or has not asked for it, waits. */
static void not_told(struct tap_result *r, const void *arg)
{
	static const struct { uint32_t en; bool no_interrupts, unpaged, debugged; const char *why; } cases[] = {
		{ .en = ALL & ~KVM_ASYNC_PF_SEND_ALWAYS, .why = "in its kernel" },
		{ .en = ALL & ~KVM_ASYNC_PF_DELIVERY_AS_INT, .why = "without an interrupt" },
		{ .en = ALL & ~KVM_ASYNC_PF_ENABLED, .why = "switched off" },
		{ .en = ALL, .no_interrupts = true, .why = "with interrupts off" },
		{ .en = ALL, .unpaged = true, .why = "without paging" },
		/* KVM tells all the same */
		{ .en = ALL, .debugged = true, .why = "under a debugger" },
	};
	static const struct kvm_guest_debug debug = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP };
	static struct test here, *t = &here;
	const unsigned int n = sizeof(cases) / sizeof(cases[0]) - on_kvm();
	uint8_t *pages = late_pages(r, n);
	struct kvm_regs regs;
	unsigned int i;

	(void)arg;
	for (i = 0; pages && i < n; i++) {
		server->held = true;
		paged = !cases[i].unpaged;
		begin_with(t, pages + i * 4096, 1, "on_late", cases[i].en);
		if (cases[i].no_interrupts) {
			xioctl(t->v->fd, KVM_GET_REGS, &regs);
			regs.rflags &= ~0x200ull;
			xioctl(t->v->fd, KVM_SET_REGS, &regs);
		}
		if (cases[i].debugged)
			xioctl(t->v->fd, KVM_SET_GUEST_DEBUG, &debug);
		lane_start(&t->lane, t->v);
		usleep(100000);
		if (*DONE)
			tap_fail(r, "%s: it does not wait", cases[i].why);
		server->held = false;
		if (!wait_count(DONE, 1) || *SUM != WORD)
			tap_fail(r, "%s: done %u, the sum is %#x", cases[i].why, *DONE, *SUM);
		if (*TOLD)
			tap_fail(r, "%s: it is told", cases[i].why);
		lane_stop(r, &t->lane);
		vm_destroy(&t->vm);
	}
	serve_no_more();
}

/* As many as there may be; each becomes ready once. */
static void many(struct tap_result *r, const void *arg)
{
	static struct test here, *t = &here;
	unsigned int i, j, n;

	(void)arg;
	if (!begin(r, t, MANY, "on_late_skip", ALL))
		return;
	lane_start(&t->lane, t->v);
	if (!wait_count(TOLD, MOST))
		tap_fail(r, "told %u times", *TOLD);
	usleep(100000);
	if (*TOLD != MOST || *DONE)
		tap_fail(r, "told %u times, done %u", *TOLD, *DONE);
	server->held = false;
	if (!wait_count(DONE, 1))
		tap_fail(r, "the guest does not end");
	n = *TOLD;
	if (*SUM != (MANY - n) * WORD)
		tap_fail(r, "told %u times, the sum is %#x", n, *SUM);
	if (!wait_count(READIES, n + 1))
		tap_fail(r, "told %u times, ready %u", n, *READIES);
	for (i = 0; i < n; i++) {
		unsigned int found = 0;

		for (j = 0; j <= n; j++)
			found += READY[j] == TOKENS[i];
		if (found != 1 || !TOKENS[i] || TOKENS[i] == ~0u)
			tap_fail(r, "token %#x was ready %u times", TOKENS[i], found);
	}
	lane_stop(r, &t->lane);
	vm_destroy(&t->vm);
	serve_no_more();
}

/* The guest comes to another host: whoever waits is to try again. */
static void moved(struct tap_result *r, const void *arg)
{
	static struct test here, *t = &here;

	(void)arg;
	if (!begin(r, t, 4, "on_late", ALL))
		return;
	lane_start(&t->lane, t->v);
	check_told(r, t);
	lane_stop(r, &t->lane);
	if (vcpu_msr_get(t->v, MSR_KVM_ASYNC_PF_EN) != (AREA | ALL) ||
	    vcpu_msr_get(t->v, MSR_KVM_ASYNC_PF_INT) != VECTOR ||
	    !vcpu_msr_set(t->v, MSR_KVM_ASYNC_PF_EN, AREA | ALL))
		tap_fail(r, "the MSRs are not as they were");
	lane_start(&t->lane, t->v);
	if (!wait_count(READIES, 2) || READY[1] != ~0u)
		tap_fail(r, "ready %u times, then %#x", *READIES, READY[1]);
	server->held = false;
	if (!wait_count(DONE, 1) || *SUM != 4 * WORD)
		tap_fail(r, "done %u, the sum is %#x", *DONE, *SUM);
	lane_stop(r, &t->lane);
	vm_destroy(&t->vm);
	serve_no_more();
}

/* --- pages that do not come --- */

/* The VM goes before its page comes, and so does its VMM, if it is killed. */
static void never(struct tap_result *r, const void *arg)
{
	static struct test here, *t = &here;
	int to[2], status, i;
	uint64_t start;
	uint8_t *pages;
	pid_t pid;
	char c = 0;

	(void)arg;
	if (on_kvm()) {
		tap_skip(r, "KVM's worker waits for it, and who ends the VM for the worker");
		return;
	}
	pages = late_pages(r, 4);
	if (!pages)
		return;
	begin_with(t, pages, 1, "on_late", ALL);
	lane_start(&t->lane, t->v);
	check_told(r, t);
	start = now_ms();
	lane_stop(r, &t->lane);
	vm_destroy(&t->vm);
	if (now_ms() - start > 3000)
		tap_fail(r, "its end takes %llu ms", (long long)(now_ms() - start));
	if (pipe(to))
		_exit(3);
	pid = fork();
	if (!pid) {
		begin_with(t, pages + 4096, 1, "on_late", ALL);
		lane_start(&t->lane, t->v);
		c = wait_count(TOLD, 1) ? 't' : 'n';
		if (write(to[1], &c, 1) != 1)
			_exit(3);
		pause();
	}
	close(to[1]);
	if (read(to[0], &c, 1) != 1 || c != 't')
		tap_fail(r, "it is not told");
	kill(pid, SIGKILL);
	for (i = 0; i < 5000 && waitpid(pid, &status, WNOHANG) != pid; i++)
		usleep(1000);
	if (i == 5000)
		tap_fail(r, "it does not end when it is killed");
	serve_no_more();
}

/* The server fails: the guest is told to try again, and the VMM that nothing is there. */
static void fails(struct tap_result *r, const void *arg)
{
	static struct test here, *t = &here;

	(void)arg;
	if (on_kvm()) {
		tap_skip(r, "KVM tells the guest that it comes, again and again");
		return;
	}
	if (!begin(r, t, 1, "on_late", ALL))
		return;
	lane_start(&t->lane, t->v);
	check_told(r, t);
	serve_no_more();
	pthread_join(t->lane.thread, NULL);
	if (t->lane.failed != EFAULT)
		tap_fail(r, "KVM_RUN: %s", strerror(t->lane.failed));
	vm_destroy(&t->vm);
}

/* userspace hears of a page that is missing, and the guest has it, whether it is told or not */
static void by_userspace(struct tap_result *r, const void *arg)
{
	static uint32_t page[1024] __attribute__((aligned(4096))) = { WORD };
	static struct test here, *t = &here;
	uint8_t *pages = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .range = { (uintptr_t)pages, 4096 }, .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_copy copy = { .dst = (uintptr_t)pages, .src = (uintptr_t)page, .len = 4096 };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffd_msg msg;

	(void)arg;
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg)) {
		tap_skip(r, "the kernel has no userfaultfd");
		return;
	}
	begin_with(t, pages, 1, "on_late", ALL);
	lane_start(&t->lane, t->v);
	if (read(fd, &msg, sizeof(msg)) != sizeof(msg))
		tap_fail(r, "nothing is heard of it");
	usleep(20000);
	xioctl(fd, UFFDIO_COPY, &copy);
	if (!wait_count(DONE, 1) || *SUM != WORD)
		tap_fail(r, "done %u, the sum is %#x", *DONE, *SUM);
	if (*TOLD && !on_kvm())
		tap_fail(r, "it is told");
	lane_stop(r, &t->lane);
	vm_destroy(&t->vm);
}

/* --- the MSRs --- */

/* Where CPUID hides the feature, enforced. */
static void hidden(struct tap_result *r, struct vcpu *v)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + 256 * sizeof(c->entries[0]));
	struct kvm_enable_cap on = { .cap = KVM_CAP_ENFORCE_PV_FEATURE_CPUID, .args = { 1 } };
	unsigned int i, want = 1u << KVM_FEATURE_ASYNC_PF | 1u << KVM_FEATURE_ASYNC_PF_INT |
			       1u << KVM_FEATURE_ASYNC_PF_VMEXIT;

	c->nent = 256;
	xioctl(kvm_open(), KVM_GET_SUPPORTED_CPUID, c);
	for (i = 0; i < c->nent; i++) {
		if (c->entries[i].function != 0x40000001)
			continue;
		if ((c->entries[i].eax & want) != want)
			tap_fail(r, "CPUID offers %#x", c->entries[i].eax);
		c->entries[i].eax = 1u << KVM_FEATURE_ASYNC_PF;
	}
	xioctl(v->fd, KVM_SET_CPUID2, c);
	xioctl(v->fd, KVM_ENABLE_CAP, &on);
	if (!vcpu_msr_set(v, MSR_KVM_ASYNC_PF_EN, AREA | 1))
		tap_fail(r, "it is hidden");
	if (vcpu_msr_set(v, MSR_KVM_ASYNC_PF_EN, AREA | 1 | KVM_ASYNC_PF_DELIVERY_AS_INT) ||
	    vcpu_msr_set(v, MSR_KVM_ASYNC_PF_EN, AREA | 1 | KVM_ASYNC_PF_DELIVERY_AS_PF_VMEXIT) ||
	    vcpu_msr_set(v, MSR_KVM_ASYNC_PF_INT, VECTOR) || vcpu_msr_set(v, MSR_KVM_ASYNC_PF_ACK, 0))
		tap_fail(r, "what CPUID hides is there");
	free(c);
}

static void msrs(struct tap_result *r, const void *arg)
{
	static const uint64_t bad[] = {
		AREA | ALL | 0x10, AREA | ALL | 0x20, 0xd0000000 | ALL, 0xffffffffffffffc0 | ALL, 1ull << 52 | AREA | ALL,
	};
	struct kvm_msi init = { .address_lo = 0xfee00000, .data = 0x4500 };
	struct vm vm;
	struct vcpu *v = vm_simple(&vm, VM_IRQCHIP);
	unsigned int i;

	(void)arg;
	if (kvm_cap(KVM_CAP_ASYNC_PF) != 1 || kvm_cap(KVM_CAP_ASYNC_PF_INT) != 1)
		tap_fail(r, "ASYNC_PF %d, ASYNC_PF_INT %d", kvm_cap(KVM_CAP_ASYNC_PF), kvm_cap(KVM_CAP_ASYNC_PF_INT));
	if (!vcpu_msr_set(v, MSR_KVM_ASYNC_PF_ACK, 1) || vcpu_msr_get(v, MSR_KVM_ASYNC_PF_ACK))
		tap_fail(r, "ACK");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (vcpu_msr_set(v, MSR_KVM_ASYNC_PF_EN, bad[i]))
			tap_fail(r, "%#llx is taken", (long long)bad[i]);
	if (!vcpu_msr_set(v, MSR_KVM_ASYNC_PF_INT, VECTOR) || !vcpu_msr_set(v, MSR_KVM_ASYNC_PF_EN, AREA | ALL))
		tap_fail(r, "they are not taken");
	/* INIT: the next run has it, wherever that leads */
	apic_on(v);
	if (ioctl(vm.fd, KVM_SIGNAL_MSI, &init) != 1)
		tap_fail(r, "INIT goes nowhere");
	vcpu_run(v);
	if (vcpu_msr_get(v, MSR_KVM_ASYNC_PF_EN) || vcpu_msr_get(v, MSR_KVM_ASYNC_PF_INT))
		tap_fail(r, "behind an INIT %#llx, %#llx", (long long)vcpu_msr_get(v, MSR_KVM_ASYNC_PF_EN),
			 (long long)vcpu_msr_get(v, MSR_KVM_ASYNC_PF_INT));
	vm_destroy(&vm);
	v = vm_simple(&vm, VM_IRQCHIP);
	hidden(r, v);
	vm_destroy(&vm);
	/* Without a LAPIC they lead to nothing, but a VMM resets them as others. KVM refuses, at which QEMU ends. */
	v = vm_simple(&vm, 0);
	if (!on_kvm() && (!vcpu_msr_set(v, MSR_KVM_ASYNC_PF_EN, AREA | ALL) || !vcpu_msr_set(v, MSR_KVM_ASYNC_PF_INT, VECTOR) ||
			  !vcpu_msr_set(v, MSR_KVM_ASYNC_PF_INT, 0)))
		tap_fail(r, "without a LAPIC");
	if (!vcpu_msr_set(v, MSR_KVM_ASYNC_PF_EN, 0))
		tap_fail(r, "they cannot be reset without a LAPIC");
	vm_destroy(&vm);
}

#define CGROUP		"/sys/fs/cgroup/"

/* Pages on a disk that waits, private ones. What is written stays in memory until memory is wanted. */
static void swapped(struct tap_result *r, const void *arg)
{
	static struct test here, *t = &here;
	const unsigned int n = 16;
	unsigned char in[16];
	unsigned int i, tries, resident = n;
	uint32_t *pages;
	struct nbd nbd;

	(void)arg;
	if (access(NBD_DEVICE, F_OK)) {
		tap_skip(r, "the kernel has no network block device");
		return;
	}
	server = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!nbd_start(&nbd, 4 << 20, (volatile bool *)&server->held) || system("mkswap " NBD_DEVICE " >/dev/null") ||
	    !want_ok(r, swapon(NBD_DEVICE, SWAP_FLAG_PREFER | 100), "swapon")) {
		tap_fail(r, "no disk to swap to");
		return;
	}
	write_file(CGROUP "cgroup.subtree_control", "+memory");
	mkdir(CGROUP "swapped", 0755);
	write_file(CGROUP "swapped/cgroup.procs", "0");
	pages = mmap(NULL, n * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(pages, n * 4096, MADV_NOHUGEPAGE);
	for (i = 0; i < n * 1024; i++)
		pages[i] = WORD;
	madvise(pages, n * 4096, MADV_PAGEOUT);
	for (tries = 0; resident && tries < 100; tries++) {
		usleep(10000);
		write_file(CGROUP "swapped/memory.reclaim", "16M");	/* which says that it was less */
		mincore(pages, n * 4096, in);
		for (i = resident = 0; i < n; i++)
			resident += in[i] & 1;
	}
	if (resident)
		tap_fail(r, "%u pages stay in memory", resident);
	server->held = true;
	begin_with(t, (uint8_t *)pages, n, "on_late", ALL);
	lane_start(&t->lane, t->v);
	check_told(r, t);
	check_ready(r, t);
	check_end(r, t, n);
	munmap(pages, n * 4096);
	if (want_ok(r, swapoff(NBD_DEVICE), "no more of that disk"))
		nbd_stop(&nbd);
	write_file(CGROUP "cgroup.procs", "0");
	rmdir(CGROUP "swapped");
}

const struct test_case apf_cases[] = {
	{ "apf-msrs", msrs, NULL },
	{ "apf-told", told, NULL },
	{ "apf-told-halted", told, "" },
	{ "apf-told-user", told_user, NULL },
	{ "apf-not-told", not_told, NULL },
	{ "apf-many", many, NULL },
	{ "apf-moved", moved, NULL },
	{ "apf-never", never, NULL },
	{ "apf-fails", fails, NULL },
	{ "apf-swapped", swapped, NULL },
	{ "apf-by-userspace", by_userspace, NULL },
	{ NULL, NULL, NULL }
};
