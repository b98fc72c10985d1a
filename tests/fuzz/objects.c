// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../kmod/compat/kvm.h"
#include "../lib/kvm.h"
#include "../../uapi/linux/vh.h"
#include "backing.h"
#include "objects.h"
#include "rounds.h"

extern const uint8_t guest_image[], guest_image_end[];

struct a_vm vms[MAX_VMS];
unsigned int nr_vms;

/* --- making them --- */

/* No library calls here: threads may be in them, and these must not end the process. */
static long call(int fd, unsigned long cmd, void *arg)
{
	long r = ioctl(fd, cmd, arg);

	count(IOCTLS);
	if (r >= 0)
		count(SUCCEEDED);
	return r;
}

void vcpu_begin(struct a_vm *vm, struct a_vcpu *v)
{
	struct kvm_mp_state mp = { KVM_MP_STATE_RUNNABLE };
	struct kvm_regs regs = { .rip = CODE, .rsp = 0x8000 - 0x400 * (v - vm->vcpu), .rflags = 2 };
	struct kvm_segment *seg;
	struct kvm_sregs s;
	unsigned int i;

	if (ioctl(v->fd, KVM_GET_SREGS, &s) < 0)
		return;
	seg = &s.cs;
	for (i = 0; i < 6; i++)
		seg[i] = (struct kvm_segment){ .limit = 0xffffffff, .selector = i ? SEL_DATA : SEL_CODE32,
					       .type = i ? 3 : 11, .s = 1, .present = 1, .db = 1, .g = 1 };
	s.gdt.base = GUEST_GDT;
	s.gdt.limit = 0x7f;
	s.idt.base = IDT;
	s.idt.limit = 0x7ff;
	s.cr0 = 0x31;
	s.cr4 = s.efer = 0;
	ioctl(v->fd, KVM_SET_SREGS, &s);
	ioctl(v->fd, KVM_SET_REGS, &regs);
	ioctl(v->fd, KVM_SET_MP_STATE, &mp);
}

void vm_add(struct a_vm *vm)
{
	static struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 e[256];
	} c = { .head.nent = 256 };
	unsigned int n = __atomic_fetch_add(&vm->vcpus, 1, __ATOMIC_RELAXED);
	struct a_vcpu *v = &vm->vcpu[n];
	void *run;

	if (n >= MAX_VCPUS) {
		vm->vcpus = MAX_VCPUS;
		return;
	}
	v->fd = ioctl(vm->fd, KVM_CREATE_VCPU, n);
	run = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (run == MAP_FAILED)
		return;
	if (c.head.nent == 256)
		ioctl(kvm_open(), KVM_GET_SUPPORTED_CPUID, &c);
	ioctl(v->fd, KVM_SET_CPUID2, &c);
	vcpu_begin(vm, v);
	__atomic_store_n(&v->run, run, __ATOMIC_RELEASE);
}

static void fill(struct a_vm *vm)
{
	unsigned int i, handler = CODE + 256;
	static const uint64_t gdt[] = { 0, 0x00cf9b000000ffff, 0x00cf93000000ffff };

	memset(vm->mem, 0xf4, 1 << 20);
	if (!vm->live)
		return;
	memcpy(vm->mem + CODE, guest_image, guest_image_end - guest_image);
	memcpy(vm->mem + GUEST_GDT, gdt, sizeof(gdt));
	for (i = 0; i < 256; i++)
		((uint64_t *)(vm->mem + IDT))[i] = handler | SEL_CODE32 << 16 | 0x8e00ull << 32;
}

/* All of its interrupt controllers, LAPICs alone, or none; ids of 8 or 32 bits. */
static void irqchip(struct a_vm *vm)
{
	struct kvm_enable_cap split = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { rnd(32) } };
	struct kvm_enable_cap ids = { .cap = KVM_CAP_X2APIC_API, .args = { rnd(4) } };

	if (chance(4))
		call(vm->fd, KVM_ENABLE_CAP, &ids);
	if (chance(4))
		call(vm->fd, KVM_ENABLE_CAP, &split);
	else if (!chance(4))
		call(vm->fd, KVM_CREATE_IRQCHIP, NULL);
}

void vm_begin(struct a_vm *vm, bool live)
{
	unsigned int i, flags = MAP_NORESERVE | (chance(3) ? MAP_SHARED : MAP_PRIVATE);
	struct kvm_enable_cap rings = { .cap = KVM_CAP_DIRTY_LOG_RING, .args = { 16384 << rnd(3) } };
	struct kvm_pit_config pit = { };

	memset(vm, 0, sizeof(*vm));
	vm->live = live;
	vm->mem = mmap(NULL, MEM_SIZE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
	vm->spare = mmap(NULL, MEM_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	fill(vm);
	if (chance(3))
		vm->odd = backing_make();
	vm->fd = xioctl(kvm_open(), KVM_CREATE_VM, 0);
	count(VMS);
	if (chance(4))
		call(vm->fd, KVM_ENABLE_CAP, &rings);
	irqchip(vm);
	if (chance(2))
		call(vm->fd, KVM_CREATE_PIT2, &pit);
	vm->slot[0] = (struct kvm_userspace_memory_region){
		.memory_size = MEM_SIZE, .userspace_addr = (uintptr_t)vm->mem };
	call(vm->fd, KVM_SET_USER_MEMORY_REGION, &vm->slot[0]);
	for (i = 0; i < EVENTS; i++)
		vm->event[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	vm_add(vm);
}

void vm_end(struct a_vm *vm)
{
	unsigned int i;

	for (i = 0; i < MAX_VCPUS; i++)
		if (vm->vcpu[i].run) {
			close(vm->vcpu[i].fd);
			if (chance(2))
				munmap(vm->vcpu[i].run, 8192);
		}
	for (i = 0; i < EVENTS; i++)
		close(vm->event[i]);
	close(vm->fd);
	if (chance(2))
		munmap(vm->mem, MEM_SIZE);
}

/* --- ioctls of a VM --- */

static void flip(void *buf, unsigned int size, unsigned int most)
{
	unsigned int i, n = rnd(most + 1);
	uint8_t *p = buf;

	for (i = 0; i < n; i++) {
		uint64_t v = odd_number();

		switch (rnd(3)) {
		case 0:
			p[rnd(size)] ^= 1 << rnd(8);
			break;
		case 1:
			memcpy(p + rnd(size / 4) * 4, &v, 4);
			break;
		default:
			if (size >= 8)
				memcpy(p + rnd(size / 8) * 8, &v, 8);
		}
	}
}

/* Slot 0 is the guest's code: it is moved seldom. The others come, go, move and overlap. */
static void set_slot(struct a_vm *vm)
{
	unsigned int i = chance(12) ? 0 : 1 + rnd(SLOTS - 1);
	struct kvm_userspace_memory_region m = vm->slot[i];

	m.slot = i;
	switch (m.memory_size ? rnd(5) : 0) {
	case 0:
		if (!i)
			break;
		m.guest_phys_addr = 0x80000000 + rnd(16) * 0x40000;
		m.memory_size = (1 + rnd(64)) * 4096;
		m.userspace_addr = vm->odd && chance(2) ? (uintptr_t)vm->odd + rnd(192) * 4096ul :
				   (uintptr_t)vm->mem + rnd(512) * 4096ul;
		m.flags = rnd(4);
		break;
	case 1:
		m.memory_size = 0;
		break;
	case 2:
		m.flags ^= KVM_MEM_LOG_DIRTY_PAGES;
		break;
	case 3:
		m.guest_phys_addr ^= i ? 0x40000 : 0x40000000;
		break;
	default:
		flip(&m, sizeof(m), 2);
		/* the guest is not to write to the fuzzer's own memory */
		if (m.userspace_addr - (uintptr_t)vm->mem > MEM_SIZE && !(m.userspace_addr >> 47))
			m.userspace_addr |= 1ull << 47;
		else if (m.userspace_addr - (uintptr_t)vm->mem + m.memory_size > MEM_SIZE)
			m.memory_size |= 1ull << 62;
	}
	if (call(vm->fd, KVM_SET_USER_MEMORY_REGION, &m) >= 0) {
		count(SLOT_CHANGES);
		if (m.slot == i)
			vm->slot[i] = m;
	}
	/* the guest needs its code */
	if (!i && (!m.memory_size || m.guest_phys_addr))
		vm->slot[0].memory_size = 0;
	if (!vm->slot[0].memory_size && !chance(3)) {
		vm->slot[0] = (struct kvm_userspace_memory_region){
			.memory_size = MEM_SIZE, .userspace_addr = (uintptr_t)vm->mem };
		call(vm->fd, KVM_SET_USER_MEMORY_REGION, &(struct kvm_userspace_memory_region){ });
		call(vm->fd, KVM_SET_USER_MEMORY_REGION, &vm->slot[0]);
	}
}

static void dirty_log(struct a_vm *vm)
{
	static __thread uint64_t bits[MEM_SIZE / 4096 / 8];
	struct kvm_dirty_log d = { .slot = rnd(SLOTS), .dirty_bitmap = bits };

	if (vm->odd && chance(8))
		d.dirty_bitmap = vm->odd + rnd(ODD_SIZE - sizeof(bits));
	if (chance(16))
		d.slot = odd_number();
	if (chance(16))
		d.dirty_bitmap = (void *)odd_number();
	call(vm->fd, KVM_GET_DIRTY_LOG, &d);
}

static void clear_log(struct a_vm *vm)
{
	static __thread uint64_t bits[MEM_SIZE / 4096 / 8];
	struct kvm_clear_dirty_log d = { .slot = rnd(SLOTS), .dirty_bitmap = bits };
	struct kvm_enable_cap cap = { .cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args = { rnd(4) } };

	if (chance(4))
		call(vm->fd, KVM_ENABLE_CAP, &cap);
	memset(bits, chance(2) ? 0xff : rnd(256), sizeof(bits));
	d.first_page = chance(8) ? odd_number() : rnd(8) * 64;
	d.num_pages = chance(8) ? odd_number() : rnd(16) * 64;
	if (vm->odd && chance(8))
		d.dirty_bitmap = vm->odd + rnd(ODD_SIZE - sizeof(bits));
	call(vm->fd, KVM_CLEAR_DIRTY_LOG, &d);
}

/* What is shared with the VM beside kvm_run: coalesced writes, dirty rings. */
static void scribble(struct a_vcpu *v)
{
	uint64_t *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, (chance(2) ? 2 : 64 + rnd(4)) * 4096);
	unsigned int i;

	if (p == MAP_FAILED)
		return;
	for (i = rnd(32); i; i--)
		((volatile uint64_t *)p)[rnd(512)] = chance(2) ? odd_number() : rnd(4) | (uint64_t)rnd(SLOTS) << 32;
	munmap(p, 4096);
}

static void memory_rest(struct a_vm *vm, struct a_vcpu *v)
{
	struct kvm_coalesced_mmio_zone zone = { .addr = chance(8) ? odd_number() : rnd(64) << 16,
						.size = chance(8) ? odd_number() : 4096, .pio = rnd(2) };
	struct kvm_pre_fault_memory range = { .gpa = rnd(2048) << 12, .size = rnd(512) << 12 };
	struct kvm_userspace_memory_region2 region = { .slot = rnd(SLOTS), .flags = rnd(8), .guest_memfd = -1 };

	switch (rnd(7)) {
	case 0:
		call(vm->fd, KVM_REGISTER_COALESCED_MMIO, &zone);
		break;
	case 1:
		call(vm->fd, KVM_UNREGISTER_COALESCED_MMIO, &zone);
		break;
	case 2:
		call(vm->fd, KVM_RESET_DIRTY_RINGS, NULL);
		break;
	case 3:
		call(v->fd, KVM_PRE_FAULT_MEMORY, &range);
		break;
	case 4:
		memcpy(&region, &vm->slot[region.slot], sizeof(vm->slot[0]));
		region.flags ^= chance(2);
		call(vm->fd, KVM_SET_USER_MEMORY_REGION2, &region);
		break;
	case 5:
		call(vm->fd, chance(2) ? KVM_SET_NR_MMU_PAGES : KVM_GET_NR_MMU_PAGES, (void *)odd_number());
		break;
	case 6:
		scribble(v);
	}
}

static void irq(struct a_vm *vm)
{
	struct kvm_irq_level level = { .irq = chance(16) ? odd_number() : rnd(24), .level = rnd(2) };
	struct kvm_msi msi = { .address_lo = 0xfee00000 | rnd(4) << 12 | rnd(16) << 2,
			       .data = chance(4) ? odd_number() : 0x30 + rnd(16) };
	uint64_t one = 1;

	count(IRQS);
	switch (rnd(4)) {
	case 0:
		call(vm->fd, KVM_IRQ_LINE, &level);
		break;
	case 1:
		call(vm->fd, KVM_IRQ_LINE_STATUS, &level);
		break;
	case 2:
		if (chance(8))
			flip(&msi, sizeof(msi), 2);
		call(vm->fd, KVM_SIGNAL_MSI, &msi);
		break;
	default:
		if (write(vm->event[rnd(EVENTS)], &one, 8) < 0)
			return;
	}
}

static void eventfds(struct a_vm *vm)
{
	unsigned int i = rnd(EVENTS);
	struct kvm_irqfd f = vm->irqfd[i];
	struct kvm_ioeventfd e = vm->ioevent[i];
	uint64_t n;

	count(EVENTFDS);
	if (chance(2)) {
		if (f.fd && chance(2)) {
			f.flags = KVM_IRQFD_FLAG_DEASSIGN;
		} else {
			f = (struct kvm_irqfd){ .fd = vm->event[i], .gsi = chance(8) ? odd_number() : rnd(26) };
			if (chance(3)) {
				f.flags = KVM_IRQFD_FLAG_RESAMPLE;
				f.resamplefd = vm->event[rnd(EVENTS)];
			}
		}
		if (chance(16))
			flip(&f, sizeof(f), 2);
		if (call(vm->fd, KVM_IRQFD, &f) >= 0)
			vm->irqfd[i] = f;
		return;
	}
	if (e.fd && chance(2)) {
		e.flags |= KVM_IOEVENTFD_FLAG_DEASSIGN;
	} else {
		e = (struct kvm_ioeventfd){ .fd = vm->event[i], .len = 1 << rnd(4) };
		if (chance(2)) {
			e.flags = KVM_IOEVENTFD_FLAG_PIO;
			e.addr = 0x2000 + rnd(8);
			e.len = 1;
		} else {
			e.addr = 0xd0000000 + rnd(16) * 4;
		}
		if (chance(4)) {
			e.flags |= KVM_IOEVENTFD_FLAG_DATAMATCH;
			e.datamatch = rnd(256);
		}
		if (chance(6))
			e.len = 0;
	}
	if (chance(16))
		flip(&e, sizeof(e), 2);
	if (call(vm->fd, KVM_IOEVENTFD, &e) >= 0)
		vm->ioevent[i] = e;
	if (read(vm->event[rnd(EVENTS)], &n, 8) < 0)
		return;
}

static void routing(struct a_vm *vm)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry e[64];
	} r = { };
	unsigned int i, n = rnd(60);

	for (i = 0; i < n; i++) {
		struct kvm_irq_routing_entry *e = &r.e[i];

		e->gsi = rnd(28);
		if (chance(3)) {
			e->type = KVM_IRQ_ROUTING_MSI;
			e->u.msi.address_lo = 0xfee00000 | rnd(4) << 12;
			e->u.msi.data = 0x30 + rnd(64);
		} else {
			e->type = KVM_IRQ_ROUTING_IRQCHIP;
			e->u.irqchip.irqchip = rnd(3);
			e->u.irqchip.pin = e->u.irqchip.irqchip == 2 ? rnd(24) : rnd(8);
		}
	}
	r.head.nr = n;
	if (chance(12))
		flip(&r, sizeof(r), 2);
	call(vm->fd, KVM_SET_GSI_ROUTING, &r);
}

static void chips(struct a_vm *vm)
{
	struct kvm_irqchip chip = { .chip_id = rnd(3) };
	struct kvm_pit_state2 pit;

	if (chance(2)) {
		if (call(vm->fd, KVM_GET_IRQCHIP, &chip) < 0)
			return;
		if (chance(2))
			flip(&chip.chip, sizeof(chip.chip), 3);
		if (chance(16))
			chip.chip_id = odd_number();
		call(vm->fd, KVM_SET_IRQCHIP, &chip);
		return;
	}
	if (call(vm->fd, KVM_GET_PIT2, &pit) < 0)
		return;
	flip(&pit, sizeof(pit), 3);
	call(vm->fd, KVM_SET_PIT2, &pit);
}

static void vm_rest(struct a_vm *vm)
{
	struct kvm_clock_data clock;
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_DISABLE_EXITS };
	struct kvm_pit_config pit = { };
	struct vh_vm_id id;
	uint64_t address = odd_number();
	unsigned int n;

	switch (rnd(13)) {
	case 0:
		if (call(vm->fd, KVM_GET_CLOCK, &clock) >= 0) {
			flip(&clock, sizeof(clock), 2);
			call(vm->fd, KVM_SET_CLOCK, &clock);
		}
		break;
	case 1:
		flip(&cap, sizeof(cap), 2);
		/* with HLT not intercepted a guest may sleep in the emulator: not asked for */
		cap.args[0] &= ~(uint64_t)KVM_X86_DISABLE_EXITS_HLT;
		call(vm->fd, KVM_ENABLE_CAP, &cap);
		break;
	case 2:
		call(vm->fd, KVM_CREATE_IRQCHIP, NULL);
		break;
	case 3:
		call(vm->fd, KVM_CREATE_PIT2, &pit);
		break;
	case 4:
		call(vm->fd, KVM_SET_TSS_ADDR, (void *)address);
		break;
	case 5:
		call(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &address);
		break;
	case 6:
		call(vm->fd, KVM_SET_TSC_KHZ, (void *)address);
		break;
	case 7:
		call(vm->fd, KVM_SET_BOOT_CPU_ID, (void *)address);
		break;
	case 8:
		call(vm->fd, KVM_CHECK_EXTENSION, (void *)address);
		break;
	case 9:
		if (call(vm->fd, VH_GET_VM_ID, &id) >= 0) {
			n = chance(2) ? id.id : address;
			n = call(kvm_open(), VH_ATTACH_VM, &n);
			if ((int)n > 2)
				close(n);
		}
		break;
	case 10:
		n = call(vm->fd, KVM_CREATE_VCPU, (void *)address);
		if ((int)n > 2)
			close(n);
		break;
	case 11:
		call(kvm_open(), KVM_GET_API_VERSION, (void *)address);
		break;
	default:
		vm_add(vm);
	}
}

/* --- ioctls of a vCPU --- */

#define STATE	1	/* only where any state goes */
static const struct {
	unsigned long get, set;
	unsigned int size, flags;
} pairs[] = {
#define PAIR(x, size, flags) { KVM_GET_ ## x, KVM_SET_ ## x, size ? size : _IOC_SIZE(KVM_SET_ ## x), flags }
	PAIR(REGS, 0, STATE), PAIR(SREGS, 0, STATE), PAIR(SREGS2, 0, STATE), PAIR(FPU, 0, 0),
	PAIR(XSAVE, 0, 0), PAIR(XCRS, 0, 0), PAIR(LAPIC, 0, 0), PAIR(MP_STATE, 0, 0),
	PAIR(VCPU_EVENTS, 0, 0), PAIR(DEBUGREGS, 0, 0), PAIR(MSRS, 512, 0),
	PAIR(CPUID2, 8 + 40 * 64, 0),
};

static void vcpu_state(struct a_vm *vm, struct a_vcpu *v)
{
	static __thread union {
		uint8_t bytes[12288];
		struct kvm_msrs msrs;
		struct kvm_cpuid2 cpuid;
	} b;
	unsigned int i = rnd(sizeof(pairs) / sizeof(pairs[0])), j;

	memset(&b, 0, sizeof(b));
	if (pairs[i].get == KVM_GET_CPUID2)
		b.cpuid.nent = 256;
	if (pairs[i].get == KVM_GET_MSRS) {
		static const uint32_t base[] = { 0x10, 0x1b, 0x174, 0x277, 0x200, 0x2ff, 0x400, 0x6e0, 0x800,
						 0x830, 0x4b564d00, 0xc0000080, 0xc0000100 };

		b.msrs.nmsrs = 1 + rnd(8);
		for (j = 0; j < b.msrs.nmsrs; j++)
			b.msrs.entries[j].index = base[rnd(13)] + rnd(6);
	}
	if (call(v->fd, pairs[i].get, &b) < 0 || (pairs[i].flags & STATE && vm->live))
		return;
	flip(&b, pairs[i].size, 3);
	call(v->fd, pairs[i].set, &b);
}

static void vcpu_rest(struct a_vcpu *v)
{
	union {
		struct kvm_interrupt irq;
		struct kvm_translation tr;
		struct kvm_tpr_access_ctl tpr;
		struct kvm_vapic_addr va;
		struct kvm_x86_mce mce;
		struct vh_exit_stats stats;
		struct kvm_guest_debug debug;
		uint64_t n[128];
	} u = { .n = { rnd(256) } };
	unsigned int i;

	switch (rnd(10)) {
	case 0:
		call(v->fd, KVM_INTERRUPT, &u);
		break;
	case 1:
		call(v->fd, KVM_NMI, NULL);
		break;
	case 2:
		u.n[0] = odd_number();
		call(v->fd, KVM_TRANSLATE, &u);
		break;
	case 3:
		call(v->fd, VH_GET_EXIT_STATS, &u);
		break;
	case 4:
		u.n[0] = chance(2) ? odd_number() : 0x0100010a;
		call(v->fd, KVM_X86_SETUP_MCE, &u);
		break;
	case 5:
		flip(&u, sizeof(u.mce), 3);
		u.mce.bank = rnd(34);
		call(v->fd, KVM_X86_SET_MCE, &u);
		break;
	case 6:
		call(v->fd, KVM_SET_TSC_KHZ, (void *)(chance(2) ? odd_number() : 100000));
		break;
	case 7:
		call(v->fd, KVM_KVMCLOCK_CTRL, NULL);
		break;
	case 8:
		/* each of the controls, one that there is not, and breakpoints anywhere */
		u.debug.control = (rnd(128) & 3) | rnd(32) << 16 | (chance(8) ? odd_number() : 0);
		for (i = 0; i < 4; i++)
			u.debug.arch.debugreg[i] = chance(2) ? odd_number() : 0x1000 + rnd(256);
		u.debug.arch.debugreg[7] = chance(8) ? odd_number() : rnd64() & 0xffff27ff;
		call(v->fd, KVM_SET_GUEST_DEBUG, &u);
		break;
	default:
		call(v->fd, chance(2) ? KVM_TPR_ACCESS_REPORTING : KVM_SET_VAPIC_ADDR, &u);
	}
}

void an_ioctl(struct a_vm *vm)
{
	struct a_vcpu *v = &vm->vcpu[rnd(MAX_VCPUS)];
	struct kvm_run *run = __atomic_load_n(&v->run, __ATOMIC_ACQUIRE);

	if (run && chance(2)) {
		chance(2) ? vcpu_state(vm, v) : vcpu_rest(v);
		/* what is shared is not trusted */
		if (chance(4))
			((volatile uint8_t *)run)[rnd(chance(2) ? 64 : 8192)] ^= 1 << rnd(8);
		run->immediate_exit = 0;
		return;
	}
	switch (rnd(11)) {
	case 9:
		clear_log(vm);
		break;
	case 10:
		memory_rest(vm, v);
		break;
	case 0:
	case 1:
		set_slot(vm);
		break;
	case 2:
		dirty_log(vm);
		break;
	case 3:
		irq(vm);
		break;
	case 4:
		eventfds(vm);
		break;
	case 5:
		routing(vm);
		break;
	case 6:
		chips(vm);
		break;
	case 7:
		/* any number on any descriptor */
		call(chance(2) ? vm->fd : v->fd, _IOC(rnd(4), 0xae + chance(4) * 9, rnd(256), chance(2) ? rnd(512) : 8),
		     (void *)odd_number());
		break;
	default:
		vm_rest(vm);
	}
}

/* --- the memory behind the guest --- */

void to_memory(struct a_vm *vm)
{
	static const int advice[] = { MADV_DONTNEED, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_COLD, MADV_PAGEOUT,
				      MADV_MERGEABLE, MADV_UNMERGEABLE, MADV_FREE, MADV_WILLNEED };
	/* not the first megabyte, which is code, but seldom */
	unsigned int from = chance(20) ? rnd(256) : 256 + rnd(700), n = 1 + rnd(chance(4) ? 600 : 16);
	uint8_t *at = vm->mem + from * 4096ul;
	size_t size = (from + n > MEM_SIZE / 4096 ? MEM_SIZE / 4096 - from : n) * 4096ul;
	bool code = from < 256;
	int zero;

	count(MEMORY_CHANGES);
	switch (rnd(8)) {
	case 0:
	case 1:
		madvise(at, size, advice[rnd(sizeof(advice) / sizeof(advice[0]))]);
		break;
	case 2:
		mprotect(at, size, chance(2) ? PROT_READ : PROT_NONE);
		if (chance(2))
			sched_yield();
		mprotect(at, size, PROT_READ | PROT_WRITE);
		break;
	case 3:
		munmap(at, size);
		mmap(at, size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
		break;
	case 4:
		/* no hole is left that somebody else's memory would come to be in */
		if (mremap(at, size, size, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, vm->spare) ==
		    MAP_FAILED)
			break;
		if (chance(2))
			sched_yield();
		mremap(vm->spare, size, size, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, at);
		break;
	case 5:
		if (vm->odd && chance(2))
			madvise(vm->odd + rnd(192) * 4096ul, 64 * 4096, MADV_DONTNEED);
		else if (!code && chance(4))
			backing_poison(at, 0xf4);
		break;
	case 6:
		zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
		if (zero >= 0 && read(zero, at, size) < 0)
			code = true;
		close(zero);
		break;
	default:
		count(FORKS);
		if (!syscall(SYS_fork)) {
			/* the parent's pages are copied on write meanwhile */
			usleep(rnd(2000));
			_exit(0);
		}
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	if (code && mprotect(vm->mem, 1 << 20, PROT_READ | PROT_WRITE) == 0)
		fill(vm);
}

/* --- descriptors --- */

static void pass(int helper, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	if (sendmsg(helper, &m, MSG_DONTWAIT | MSG_NOSIGNAL) == 1)
		count(PASSED);
}

void to_descriptors(struct a_vm *vm, int helper)
{
	struct a_vcpu *v = &vm->vcpu[rnd(MAX_VCPUS)];
	int fd;

	switch (rnd(6)) {
	case 0:
		pass(helper, v->run ? v->fd : vm->fd);
		break;
	case 1:
		pass(helper, vm->fd);
		break;
	case 2:
		pass(helper, vm->event[rnd(EVENTS)]);
		break;
	case 3:		/* the old one is closed while others use it, the number stays */
		fd = dup(v->run ? v->fd : vm->fd);
		if (fd >= 0) {
			dup2(fd, v->run ? v->fd : vm->fd);
			close(fd);
		}
		break;
	case 4:		/* an eventfd in use goes away */
		fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (fd >= 0) {
			dup2(fd, vm->event[rnd(EVENTS)]);
			close(fd);
		}
		break;
	default:	/* the VM is closed while its vCPUs run; another takes its place */
		if (!chance(4))
			break;
		count(CLOSES);
		fd = ioctl(kvm_open(), KVM_CREATE_VM, 0);
		if (fd < 0)
			break;
		count(VMS);
		dup2(fd, vm->fd);
		close(fd);
		memset(vm->irqfd, 0, sizeof(vm->irqfd));
		memset(vm->ioevent, 0, sizeof(vm->ioevent));
		memset(vm->slot, 0, sizeof(vm->slot));
		memset(vm->vcpu, 0, sizeof(vm->vcpu));
		vm->slot[0] = (struct kvm_userspace_memory_region){
			.memory_size = MEM_SIZE, .userspace_addr = (uintptr_t)vm->mem };
		irqchip(vm);
		call(vm->fd, KVM_SET_USER_MEMORY_REGION, &vm->slot[0]);
		vm->vcpus = 0;
		vm_add(vm);
	}
}
