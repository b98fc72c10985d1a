// SPDX-License-Identifier: GPL-2.0-only
/* The worst that a user without any right can do, a thing each. */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/fuse.h"
#include "neighbour.h"

#define MANY	3000		/* objects, unless something refuses before */

void attack_thread(void *(*fn)(void *), void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, fn, arg))
		_exit(3);
}

static void *run_thread(void *arg)
{
	for (;;)
		vcpu_run(arg);
	return NULL;
}

static void hold(unsigned int objects)
{
	attack_ready(objects);
	for (;;)
		pause();
}

/* --- memory that nobody serves --- */

/* A VM of two vCPUs that read @at, where they stay; and memslots that come and go meanwhile. */
static void stuck(void *at, size_t size)
{
	/* sti; mov eax, [0x200000]; again */
	static const uint8_t code[] = { 0xfb, 0xa1, 0, 0, 0x20, 0, 0xeb, 0xf8 };
	struct vm vm;

	vm_with_code(&vm, code, sizeof(code), 0);
	if (vm_slot(&vm, 1, 0, 0x200000, size, at))
		_exit(3);
	vcpu_set_mode(&vm, vm_add_vcpu(&vm), MODE_FLAT32, 0x1000, 0x7000);
	attack_thread(run_thread, &vm.vcpu[0]);
	attack_thread(run_thread, &vm.vcpu[1]);
	usleep(100000);
	attack_ready(2);
	/* what waits for the two of them */
	for (;;) {
		vm_slot(&vm, 2, 0, 0x10000000, 1 << 20, at);
		vm_slot(&vm, 2, 0, 0x10000000, 0, at);
	}
}

static void uffd(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	size_t size = 1 << 20;
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	reg.range.start = (uintptr_t)at;
	reg.range.len = size;
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg)) {
		printf("# userfaultfd: %s\n", strerror(errno));
		_exit(3);
	}
	stuck(at, size);
}

#define FUSE_DIR	"/tmp/fuse"

static int fuse_server;

static void fuse_prepare(void)
{
	fuse_server = fuse_mount(FUSE_DIR, ATTACKER);
	if (fuse_server < 0) {
		printf("# fuse: %s\n", strerror(errno));
		_exit(3);
	}
}

static enum fuse_read never(void)
{
	return FUSE_READ_NEVER;
}

static void fuse(void)
{
	void *at;

	if (!fork()) {
		fuse_serve(fuse_server, ATTACKER, 0, never);
		_exit(0);
	}
	close(fuse_server);
	at = fuse_map(FUSE_DIR, 1 << 20);
	if (at == MAP_FAILED) {
		printf("# the file of fuse: %s\n", strerror(errno));
		_exit(3);
	}
	stuck(at, 1 << 20);
}

/* --- objects of the control plane --- */

static void reserve(void)
{
	unsigned int bits, n = 0, tries;
	struct conn c;

	conn_open(&c);
	for (bits = 62; bits >= 20; bits--)
		for (tries = 0; tries < 100; tries++) {
			if (vm_define(&c, kvm_open(), NULL, 64, (2ull << bits) - 4096, -1, -1) < 0)
				break;
			n++;
		}
	hold(n);
}

static unsigned int define_many(struct conn *c)
{
	unsigned int n;

	for (n = 0; n < MANY; n++)
		if (vm_define(c, kvm_open(), NULL, 0, 0, -1, -1) < 0)
			break;
	return n;
}

static void ignore(const struct nlattr *attrs, int len, int cmd, void *arg)
{
	(void)attrs, (void)len, (void)cmd, (void)arg;
}

static void *dump_thread(void *arg)
{
	struct conn c;

	(void)arg;
	conn_open(&c);
	for (;;) {
		msg_begin(&c, VH_CMD_VM_GET, NLM_F_DUMP);
		msg_send(&c, ignore, NULL);
		msg_begin(&c, VH_CMD_GROUP_GET, NLM_F_DUMP);
		msg_send(&c, ignore, NULL);
	}
	return NULL;
}

/* Records by the thousand, and somebody who lists them without end. */
static void records(void)
{
	struct conn c;
	unsigned int n;

	conn_open(&c);
	n = define_many(&c);
	attack_thread(dump_thread, NULL);
	attack_thread(dump_thread, NULL);
	attack_ready(n);
	for (;;) {
		int id = vm_define(&c, kvm_open(), NULL, 0, 0, -1, -1);

		if (id < 0)
			usleep(1000);
		else
			vm_command(&c, VH_CMD_VM_DESTROY, id);
	}
}

static void sockets(void)
{
	static struct conn c[500];
	unsigned int n;

	for (n = 0; n < 500; n++) {
		conn_open(&c[n]);
		if (events_ask(&c[n]))
			break;
	}
	attack_ready(n);
	/* who creates VMs, too */
	for (;;)
		close(ioctl(kvm_open(), KVM_CREATE_VM, 0));
}

/* --- interrupts --- */

/* Vector 0x40 comes again and again from IOAPIC pin 5, and is acknowledged. */
static void irq_vm(struct vm *vm)
{
	static const uint8_t spin[] = { 0xfb, 0xeb, 0xfe };		/* sti; jmp . */
	static const uint8_t eoi[] = { 0x50, 0x31, 0xc0, 0xa3, 0xb0, 0, 0xe0, 0xfe, 0x58, 0xcf };
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
	struct kvm_lapic_state lapic;
	uint32_t *gate;

	vm_with_code(vm, spin, sizeof(spin), VM_IRQCHIP);
	memcpy(vm->mem + 0x3000, eoi, sizeof(eoi));
	gate = (void *)(vm->mem + GUEST_IDT + 0x40 * 8);
	gate[0] = SEL_CODE32 << 16 | 0x3000;
	gate[1] = 0x8e00;
	xioctl(vm->vcpu[0].fd, KVM_GET_LAPIC, &lapic);
	*(uint32_t *)(lapic.regs + 0xf0) = 0x1ff;
	xioctl(vm->vcpu[0].fd, KVM_SET_LAPIC, &lapic);
	xioctl(vm->fd, KVM_GET_IRQCHIP, &chip);
	chip.chip.ioapic.redirtbl[5].bits = 0x8040;	/* level-triggered, to APIC 0 */
	xioctl(vm->fd, KVM_SET_IRQCHIP, &chip);
}

static void irqfds(void)
{
	struct kvm_irq_routing *t = calloc(1, sizeof(*t) + 1000 * sizeof(t->entries[0]));
	struct kvm_irq_level line = { .irq = 5, .level = 1 };
	unsigned int i, n;
	struct vm vm;

	irq_vm(&vm);
	for (i = 0; i < 1000; i++)
		t->entries[t->nr++] = (struct kvm_irq_routing_entry){
			.gsi = i + 1, .type = KVM_IRQ_ROUTING_IRQCHIP,
			.u.irqchip = { .irqchip = KVM_IRQCHIP_IOAPIC, .pin = 5 },
		};
	xioctl(vm.fd, KVM_SET_GSI_ROUTING, t);
	for (n = 0; n < MANY; n++) {
		struct kvm_irqfd args = {
			.fd = eventfd(0, EFD_CLOEXEC), .gsi = n % 1000 + 1,
			.flags = KVM_IRQFD_FLAG_RESAMPLE, .resamplefd = eventfd(0, EFD_CLOEXEC),
		};

		if (ioctl(vm.fd, KVM_IRQFD, &args))
			break;
	}
	xioctl(vm.fd, KVM_IRQ_LINE, &line);
	attack_thread(run_thread, &vm.vcpu[0]);
	hold(n);
}

static void ioeventfds(void)
{
	static const uint8_t code[] = { 0xfb, 0xe6, 0x99, 0xeb, 0xfb };	/* sti; out 0x99, al */
	unsigned int n;
	struct vm vm;

	vm_with_code(&vm, code, sizeof(code), 0);
	for (n = 0; n < MANY; n++) {
		struct kvm_ioeventfd args = {
			.addr = 0x100 + n, .len = 1, .fd = eventfd(0, EFD_CLOEXEC),
			.flags = KVM_IOEVENTFD_FLAG_PIO,
		};

		if (ioctl(vm.fd, KVM_IOEVENTFD, &args))
			break;
	}
	attack_thread(run_thread, &vm.vcpu[0]);
	hold(n);
}

/* Periodic timers of vCPUs that never run. */
static void timers(void)
{
	struct kvm_lapic_state lapic;
	unsigned int i, n = 0, v;
	struct vm vm[4];

	for (v = 0; v < 4; v++) {
		static const uint8_t spin[] = { 0xeb, 0xfe };

		vm_with_code(&vm[v], spin, sizeof(spin), VM_IRQCHIP | VM_PIT);
		for (i = 0; i < 8; i++, n++) {
			if (i)
				vm_add_vcpu(&vm[v]);
			xioctl(vm[v].vcpu[i].fd, KVM_GET_LAPIC, &lapic);
			*(uint32_t *)(lapic.regs + 0xf0) = 0x1ff;
			*(uint32_t *)(lapic.regs + 0x3e0) = 0xb;		/* by 1 */
			*(uint32_t *)(lapic.regs + 0x320) = 0x20040;		/* periodic */
			*(uint32_t *)(lapic.regs + 0x380) = 20000;		/* 20 us */
			xioctl(vm[v].vcpu[i].fd, KVM_SET_LAPIC, &lapic);
		}
	}
	hold(n);
}

/* --- memslots --- */

static void slots(void)
{
	uint8_t *at = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int n;
	struct vm vm;

	vm_with_code(&vm, guest_spin, sizeof(guest_spin), 0);
	for (n = 1; n < MANY; n++)
		if (vm_slot(&vm, n, KVM_MEM_LOG_DIRTY_PAGES, (uint64_t)n << 21, 1 << 20, at))
			break;
	attack_thread(run_thread, &vm.vcpu[0]);
	attack_ready(n);
	for (;;) {
		vm_slot(&vm, 1, 0, 2 << 20, 0, at);
		vm_slot(&vm, 1, KVM_MEM_LOG_DIRTY_PAGES, 2 << 20, 1 << 20, at);
	}
}

/* A log of 2^24 pages, asked for without a place to put it. */
static void dirty(void)
{
	size_t size = 1ull << 36;
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = (void *)8 };
	uint8_t *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct vm vm;

	vm_with_code(&vm, guest_spin, sizeof(guest_spin), 0);
	if (at == MAP_FAILED || vm_slot(&vm, 1, KVM_MEM_LOG_DIRTY_PAGES, 1ull << 32, size, at))
		_exit(3);
	attack_ready(size >> 12);
	for (;;)
		ioctl(vm.fd, KVM_GET_DIRTY_LOG, &log);
}

/* --- VMMs that come and go --- */

static void killed(void)
{
	unsigned int seed = 1;

	attack_ready(0);
	for (;;) {
		pid_t pid = fork();

		if (!pid) {
			struct vm vm;
			int i;

			vm_with_code(&vm, guest_spin, sizeof(guest_spin), VM_IRQCHIP | VM_PIT);
			for (i = 1; i < 4; i++)
				vcpu_set_mode(&vm, vm_add_vcpu(&vm), MODE_FLAT32, 0x1000, 0x7000);
			for (i = 0; i < 4; i++)
				attack_thread(run_thread, &vm.vcpu[i]);
			slots();
		}
		seed = seed * 1103515245 + 12345;
		usleep(seed >> 16 & 0x3fff);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

const struct attack attacks[] = {
	{ .name = "uffd", .fn = uffd },
	{ .name = "fuse", .prepare = fuse_prepare, .fn = fuse },
	{ .name = "reserve", .fn = reserve },
	{ .name = "records", .fn = records },
	{ .name = "sockets", .fn = sockets },
	{ .name = "irqfds", .fn = irqfds },
	{ .name = "ioeventfds", .fn = ioeventfds },
	{ .name = "timers", .fn = timers },
	{ .name = "slots", .fn = slots },
	{ .name = "dirty", .fn = dirty, .bulk = true },
	{ .name = "killed", .fn = killed },
	{ }
};
