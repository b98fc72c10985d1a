// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random ioctls in random order with arguments that are nearly right: what
 * the device last gave, with bits flipped; numbers near the limits; pointers
 * to nothing. The host must survive it; nothing else is checked. The guest's
 * memory is all HLT, so whatever state it is put into, it does not run far.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../kmod/compat/kvm.h"
#include "../lib/kvm.h"

static uint32_t seed = 1;
static unsigned int *stats;		/* shared: ioctls tried, done, guest exits */

static uint32_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

static uint64_t odd_number(void)
{
	static const uint64_t odd[] = {
		0, 1, 2, 3, 4, 7, 8, 15, 16, 24, 31, 32, 63, 64, 255, 256,
		4095, 4096, 4097, 65535, 65536, 1u << 20, 0x7fffffff,
		0x80000000, 0xffffffff, 1ull << 32, 1ull << 36, 1ull << 47,
		0xffff800000000000, 0x7fffffffffffffff, 0x8000000000000000,
		-4096ull, -1ull, 0xfee00000, 0xfec00000, 0xfffbd000
	};

	if (rnd() % 4 == 0)
		return (uint64_t)rnd() << 32 | rnd();
	return odd[rnd() % (sizeof(odd) / sizeof(odd[0]))];
}

enum fd_kind { SYSTEM, VM, VCPU };

static const struct call {
	enum fd_kind fd;
	unsigned long get, set;		/* get 0: only set; plain: see below */
	bool plain;			/* the argument is a number */
	unsigned int size;		/* of the argument; 0: from the number */
	const char *name;
} calls[] = {
#define PAIR(kind, x, y) { kind, KVM_GET_ ## x, KVM_SET_ ## x, 0, y, #x }
#define SET(kind, x, y) { kind, 0, KVM_ ## x, 0, y, #x }
#define PLAIN(kind, x) { kind, 0, KVM_ ## x, 1, 0, #x }
	PAIR(VCPU, REGS, 0), PAIR(VCPU, SREGS, 0), PAIR(VCPU, FPU, 0),
	PAIR(VCPU, XSAVE, 0), PAIR(VCPU, XCRS, 0), PAIR(VCPU, LAPIC, 0),
	PAIR(VCPU, MP_STATE, 0), PAIR(VCPU, VCPU_EVENTS, 0),
	PAIR(VCPU, DEBUGREGS, 0), PAIR(VCPU, SREGS2, 0),
	PAIR(VCPU, SREGS, 0), PAIR(VCPU, VCPU_EVENTS, 0),
	{ VCPU, KVM_GET_MSRS, KVM_SET_MSRS, 0, 512, "MSRS" },
	{ VCPU, KVM_GET_CPUID2, KVM_SET_CPUID2, 0, 8 + 40 * 64, "CPUID2" },
	PLAIN(VCPU, RUN), PLAIN(VCPU, RUN), PLAIN(VCPU, RUN),
	PLAIN(VCPU, RUN), PLAIN(VCPU, RUN), PLAIN(VCPU, RUN),
	PLAIN(VCPU, NMI), PLAIN(VCPU, SET_TSC_KHZ), PLAIN(VCPU, KVMCLOCK_CTRL),
	SET(VCPU, INTERRUPT, 0), SET(VCPU, TRANSLATE, 0),
	SET(VCPU, TPR_ACCESS_REPORTING, 0), SET(VCPU, SET_GUEST_DEBUG, 0),
	SET(VCPU, SET_SIGNAL_MASK, 16), SET(VCPU, ENABLE_CAP, 0),
	SET(VCPU, X86_SETUP_MCE, 0), SET(VCPU, X86_SET_MCE, 0),
	SET(VCPU, SET_VAPIC_ADDR, 0),
	SET(VM, SET_USER_MEMORY_REGION, 0), SET(VM, SET_USER_MEMORY_REGION, 0),
	SET(VM, SET_USER_MEMORY_REGION2, 0), SET(VCPU, PRE_FAULT_MEMORY, 0),
	PLAIN(VM, SET_NR_MMU_PAGES), PLAIN(VM, GET_NR_MMU_PAGES),
	SET(VM, GET_DIRTY_LOG, 0), SET(VM, CLEAR_DIRTY_LOG, 0), SET(VM, IRQ_LINE, 0),
	SET(VM, IRQ_LINE_STATUS, 0), SET(VM, SIGNAL_MSI, 0), SET(VM, IRQFD, 0),
	SET(VM, IOEVENTFD, 0), SET(VM, REGISTER_COALESCED_MMIO, 0),
	SET(VM, UNREGISTER_COALESCED_MMIO, 0), SET(VM, SET_GSI_ROUTING, 8 + 48 * 8),
	SET(VM, SET_IDENTITY_MAP_ADDR, 0), SET(VM, CREATE_PIT2, 0),
	SET(VM, ENABLE_CAP, 0),
	{ VM, KVM_GET_CLOCK, KVM_SET_CLOCK, 0, 0, "CLOCK" },
	{ VM, KVM_GET_IRQCHIP, KVM_SET_IRQCHIP, 0, 0, "IRQCHIP" },
	{ VM, KVM_GET_IRQCHIP, KVM_SET_IRQCHIP, 0, 0, "IRQCHIP" },
	{ VM, KVM_GET_PIT2, KVM_SET_PIT2, 0, 0, "PIT2" },
	PLAIN(VM, RESET_DIRTY_RINGS), PLAIN(VM, CREATE_VCPU), PLAIN(VM, CREATE_IRQCHIP),
	PLAIN(VM, SET_TSS_ADDR), PLAIN(VM, CHECK_EXTENSION),
	SET(SYSTEM, GET_SUPPORTED_CPUID, 8), SET(SYSTEM, GET_MSR_INDEX_LIST, 4),
	SET(SYSTEM, GET_MSR_FEATURE_INDEX_LIST, 4), SET(SYSTEM, GET_MSRS, 512),
	PLAIN(SYSTEM, CHECK_EXTENSION), PLAIN(SYSTEM, GET_API_VERSION),
};

#define CALLS	(sizeof(calls) / sizeof(calls[0]))

static void nothing(int sig)
{
	(void)sig;
}

/* Numbers that make an argument plausible, in place of zeros. */
static void plausible(const struct call *c, struct vm *vm, uint8_t *buf)
{
	struct kvm_userspace_memory_region *m = (void *)buf;
	struct kvm_msrs *msrs = (void *)buf;

	switch (c->set) {
	case KVM_SET_USER_MEMORY_REGION:
	case KVM_SET_USER_MEMORY_REGION2:	/* begins as the other */
		m->slot = rnd() % 4;
		m->flags = rnd() % 4;
		m->guest_phys_addr = (uint64_t)(rnd() % 64) << 16;
		m->memory_size = (uint64_t)(rnd() % 4) << 16;
		m->userspace_addr = (uintptr_t)vm->mem + (rnd() % 8 << 16);
		break;
	case KVM_SET_MSRS:
		msrs->nmsrs = 1 + rnd() % 8;
		for (unsigned int i = 0; i < 8; i++) {
			static const uint32_t base[] = {
				0, 0x10, 0x1b, 0x170, 0x1a0, 0x1d8, 0x200,
				0x250, 0x277, 0x2ff, 0x3a, 0x400, 0x480, 0x6e0,
				0x800, 0x820, 0x830, 0xda0, 0x4b564d00,
				0xc0000080, 0xc0000100, 0x40000000
			};
			msrs->entries[i].index = base[rnd() % 22] + rnd() % 16;
			msrs->entries[i].data = odd_number();
		}
		break;
	case KVM_IRQFD:
		((struct kvm_irqfd *)buf)->fd = eventfd(0, EFD_CLOEXEC);
		((struct kvm_irqfd *)buf)->gsi = rnd() % 32;
		break;
	case KVM_IOEVENTFD:
		((struct kvm_ioeventfd *)buf)->fd = eventfd(0, EFD_CLOEXEC);
		((struct kvm_ioeventfd *)buf)->addr = rnd() % 0x10000;
		((struct kvm_ioeventfd *)buf)->len = 1 << rnd() % 4;
		break;
	case KVM_SET_IRQCHIP:
		((struct kvm_irqchip *)buf)->chip_id = rnd() % 3;
		break;
	case KVM_SET_GSI_ROUTING:
		((struct kvm_irq_routing *)buf)->nr = rnd() % 8;
		for (unsigned int i = 0; i < 8; i++) {
			struct kvm_irq_routing_entry *e =
				&((struct kvm_irq_routing *)buf)->entries[i];

			e->gsi = rnd() % 40;
			e->type = 1 + rnd() % 2;
			e->u.irqchip.irqchip = rnd() % 4;
			e->u.irqchip.pin = rnd() % 26;
		}
		break;
	}
}

static void one(struct vm *vm)
{
	static uint8_t buf[8192];
	const struct call *c = &calls[rnd() % CALLS];
	unsigned int size = c->size ? c->size : _IOC_SIZE(c->set), i;
	struct vcpu *v = &vm->vcpu[rnd() % vm->vcpus];
	int fd = c->fd == SYSTEM ? kvm_open() : c->fd == VM ? vm->fd : v->fd;

	if (rnd() % 64 == 0)	/* on the wrong descriptor */
		fd = rnd() % 2 ? vm->fd : v->fd;
	if (c->plain) {
		v->run->immediate_exit = rnd() % 8 == 0;
		v->run->request_interrupt_window = rnd() % 8 == 0;
		stats[0]++;
		if (ioctl(fd, c->set, c->set == KVM_RUN && rnd() % 16 ? 0 :
			  odd_number()) >= 0) {
			stats[1]++;
			stats[2] += c->set == KVM_RUN;
		}
		return;
	}
	if (rnd() % 32 == 0) {
		ioctl(fd, c->set, odd_number());
		return;
	}
	memset(buf, 0, sizeof(buf));
	plausible(c, vm, buf);
	if (c->get && ioctl(fd, c->get, buf) < 0 && rnd() % 2)
		return;
	for (i = rnd() % 6; i > 0; i--) {
		unsigned int at = rnd() % size;
		uint64_t n = odd_number();

		switch (rnd() % 3) {
		case 0:
			buf[at] ^= 1 << rnd() % 8;
			break;
		case 1:
			memcpy(buf + (at & ~3u), &n, 4);
			break;
		case 2:
			memcpy(buf + (at & ~7u), &n, 8);
			break;
		}
	}
	stats[0]++;
	stats[1] += ioctl(fd, c->set, buf) >= 0;
}

static void fuzz(unsigned int count)
{
	struct sigaction sa = { .sa_handler = nothing };
	struct itimerval it = { { 0, 3000 }, { 0, 3000 } };
	struct vm vm;
	unsigned int i;

	vm_create(&vm, 1 << 20, rnd() % 4 ? VM_IRQCHIP | rnd() % 4 : 0);
	memset(vm.mem, 0xf4, vm.size);
	if (rnd() % 2)
		vm_build_tables(&vm);
	for (i = 0; i < 1 + rnd() % 3; i++) {
		vm_add_vcpu(&vm);
		if (rnd() % 2)
			vcpu_set_mode(&vm, &vm.vcpu[i], rnd() % 5, 0x1000,
				      0x8000);
	}
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
	for (i = 0; i < count; i++) {
		one(&vm);
		if (rnd() % 128 == 0)
			memset(vm.mem + 0x1000, 0xf4, 4096);
	}
	if (rnd() % 2)
		vm_destroy(&vm);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "rounds", required_argument, NULL, 'r' },
		{ "count", required_argument, NULL, 'c' },
		{ "seed", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	unsigned int rounds = 50, count = 400, first = 1, i;
	int c, status, ended_early = 0;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'r':
			rounds = atoi(optarg);
			break;
		case 'c':
			count = atoi(optarg);
			break;
		case 's':
			first = atoi(optarg);
			break;
		default:
			fprintf(c == 'h' ? stdout : stderr,
				"usage: fuzz [--rounds N] [--count IOCTLS] [--seed N] [DEVICE]\n");
			return c == 'h' ? 0 : 2;
		}
	}
	if (optind < argc)
		kvm_device = argv[optind];
	setvbuf(stdout, NULL, _IOLBF, 0);
	stats = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = first; i < first + rounds; i++) {
		pid_t pid = fork();

		if (!pid) {
			seed = i * 2654435761u | 1;
			fuzz(count);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		if (status) {	/* a signal by its own mappings is no failure */
			printf("# seed %u ended with status %#x\n", i, status);
			ended_early++;
		}
	}
	printf("# %u ioctls, %u succeeded, %u guest exits\n", stats[0],
	       stats[1], stats[2]);
	if (ended_early > (int)rounds / 2 || stats[2] < rounds) {
		printf("not ok: too little was done\n");
		return 1;
	}
	printf("ok: %u rounds of %u ioctls, %d ended early\n", rounds, count,
	       ended_early);
	return 0;
}
