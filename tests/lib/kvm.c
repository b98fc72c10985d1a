// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kvm.h"

#define CR0_PE	(1u << 0)
#define CR0_ET	(1u << 4)
#define CR0_NE	(1u << 5)
#define CR0_WP	(1u << 16)
#define CR0_PG	(1u << 31)
#define CR4_PSE	(1u << 4)
#define CR4_PAE	(1u << 5)
#define CR4_OSFXSR	(1u << 9)
#define CR4_OSXMMEXCPT	(1u << 10)
#define EFER_SCE	1u
#define EFER_LME	(1u << 8)
#define EFER_LMA	(1u << 10)
#define EFER_NX		(1u << 11)

#define PTE_P	1ull
#define PTE_W	2ull
#define PTE_U	4ull
#define PTE_PS	0x80ull

const char *kvm_device = "/dev/vh";
volatile sig_atomic_t kvm_stop;

int kvm_open(void)
{
	static int fd = -1;
	int version;

	if (fd >= 0)
		return fd;
	fd = open(kvm_device, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		fprintf(stderr, "%s: %s\n", kvm_device, strerror(errno));
		exit(2);
	}
	version = ioctl(fd, KVM_GET_API_VERSION, 0);
	if (version != KVM_API_VERSION) {
		fprintf(stderr, "%s: API version %d\n", kvm_device, version);
		exit(2);
	}
	return fd;
}

int kvm_cap(int cap)
{
	return ioctl(kvm_open(), KVM_CHECK_EXTENSION, cap);
}

int xioctl_named(int fd, unsigned long req, void *arg, const char *name)
{
	int r = ioctl(fd, req, arg);

	if (r < 0) {
		printf("# %s: %s\n", name, strerror(errno));
		fflush(stdout);
		_exit(3);
	}
	return r;
}

int vm_slot(struct vm *vm, unsigned int slot, unsigned int flags, uint64_t gpa,
	    uint64_t size, void *hva)
{
	struct kvm_userspace_memory_region r = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)hva,
	};

	if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &r) < 0)
		return -errno;
	return 0;
}

void vm_create(struct vm *vm, size_t size, unsigned int flags)
{
	uint64_t ident = 0xfffbc000;

	memset(vm, 0, sizeof(*vm));
	vm->fd = xioctl(kvm_open(), KVM_CREATE_VM, 0);
	xioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &ident);
	xioctl(vm->fd, KVM_SET_TSS_ADDR, 0xfffbd000);
	if (flags & VM_SPLIT) {
		struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };

		xioctl(vm->fd, KVM_ENABLE_CAP, &cap);
	} else if (flags & VM_IRQCHIP) {
		xioctl(vm->fd, KVM_CREATE_IRQCHIP, 0);
	}
	if (flags & VM_PIT) {
		struct kvm_pit_config pit = {
			.flags = KVM_PIT_SPEAKER_DUMMY
		};

		xioctl(vm->fd, KVM_CREATE_PIT2, &pit);
	}
	if (flags & VM_HLT) {
		struct kvm_enable_cap cap = {
			.cap = KVM_CAP_X86_DISABLE_EXITS,
			.args = { KVM_X86_DISABLE_EXITS_HLT }
		};

		xioctl(vm->fd, KVM_ENABLE_CAP, &cap);
	}
	vm->size = size;
	vm->mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (vm->mem == MAP_FAILED) {
		printf("# mmap of %zu: %s\n", size, strerror(errno));
		_exit(3);
	}
	if (vm_slot(vm, 0, 0, 0, size, vm->mem)) {
		printf("# KVM_SET_USER_MEMORY_REGION: %s\n", strerror(errno));
		_exit(3);
	}
}

void vcpu_set_cpuid(struct vcpu *v, unsigned int apic_id)
{
	struct kvm_cpuid2 *c;
	unsigned int i;

	c = calloc(1, sizeof(*c) + 256 * sizeof(c->entries[0]));
	c->nent = 256;
	xioctl(kvm_open(), KVM_GET_SUPPORTED_CPUID, c);
	for (i = 0; i < c->nent; i++) {
		struct kvm_cpuid_entry2 *e = &c->entries[i];

		if (e->function == 1) {
			e->ebx = (e->ebx & 0x00ffffff) | apic_id << 24;
			e->ecx |= 1u << 31;
			if (kvm_cap(KVM_CAP_TSC_DEADLINE_TIMER) > 0)
				e->ecx |= 1u << 24;
		}
		if (e->function == 0xb || e->function == 0x1f)
			e->edx = apic_id;
	}
	xioctl(v->fd, KVM_SET_CPUID2, c);
	free(c);
}

struct vcpu *vm_add_vcpu(struct vm *vm)
{
	struct vcpu *v = &vm->vcpu[vm->vcpus];

	v->fd = xioctl(vm->fd, KVM_CREATE_VCPU, vm->vcpus);
	v->run_size = xioctl(kvm_open(), KVM_GET_VCPU_MMAP_SIZE, 0);
	v->run = mmap(NULL, v->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		      v->fd, 0);
	if (v->run == MAP_FAILED) {
		printf("# mmap of kvm_run: %s\n", strerror(errno));
		_exit(3);
	}
	vcpu_set_cpuid(v, vm->vcpus);
	vm->vcpus++;
	return v;
}

void vm_destroy(struct vm *vm)
{
	unsigned int i;

	for (i = 0; i < vm->vcpus; i++) {
		munmap(vm->vcpu[i].run, vm->vcpu[i].run_size);
		close(vm->vcpu[i].fd);
	}
	close(vm->fd);
	munmap(vm->mem, vm->size);
	vm->vcpus = 0;
}

void vm_build_tables(struct vm *vm)
{
	static const uint64_t gdt[] = {
		0,
		0x00cf9b000000ffff,	/* SEL_CODE32 */
		0x00cf93000000ffff,	/* SEL_DATA */
		0x00af9b000000ffff,	/* SEL_CODE64 */
		0x00008b0000000067 | (uint64_t)GUEST_TSS << 16,	/* SEL_TSS */
		0,
		0x00affb000000ffff,	/* SEL_CODE64_U */
		0x00cff3000000ffff,	/* SEL_DATA_U */
		0x00008b0000000067 | (uint64_t)(GUEST_TSS + 0x100) << 16,
		0x00009b000000ffff,	/* SEL_CODE16 */
	};
	uint64_t *pml4 = (uint64_t *)(vm->mem + GUEST_PML4);
	uint64_t *pdpt = (uint64_t *)(vm->mem + GUEST_PDPT);
	uint64_t *pae = (uint64_t *)(vm->mem + GUEST_PDPT_PAE);
	uint64_t *pd = (uint64_t *)(vm->mem + GUEST_PD);
	uint32_t *pd32 = (uint32_t *)(vm->mem + GUEST_PD32);
	uint64_t i;

	memcpy(vm->mem + GUEST_GDT, gdt, sizeof(gdt));
	pml4[0] = GUEST_PDPT | PTE_P | PTE_W | PTE_U;
	for (i = 0; i < 4; i++) {
		pdpt[i] = (GUEST_PD + i * 4096) | PTE_P | PTE_W | PTE_U;
		pae[i] = (GUEST_PD + i * 4096) | PTE_P;
	}
	for (i = 0; i < 2048; i++)
		pd[i] = i << 21 | PTE_P | PTE_W | PTE_U | PTE_PS;
	for (i = 0; i < 1024; i++)
		pd32[i] = i << 22 | PTE_P | PTE_W | PTE_U | PTE_PS;
}

static void set_seg(struct kvm_segment *s, uint16_t sel, enum guest_mode mode,
		    bool code)
{
	memset(s, 0, sizeof(*s));
	s->selector = sel;
	s->present = 1;
	s->s = 1;
	s->type = code ? 0xb : 0x3;
	if (mode == MODE_REAL) {
		s->limit = 0xffff;
		s->selector = 0;
		return;
	}
	s->limit = 0xffffffff;
	s->g = 1;
	s->db = !(code && mode == MODE_LONG);
	s->l = code && mode == MODE_LONG;
}

void vcpu_set_mode(struct vm *vm, struct vcpu *v, enum guest_mode mode,
		   uint64_t rip, uint64_t rsp)
{
	struct kvm_regs regs = { .rip = rip, .rsp = rsp, .rflags = 2 };
	struct kvm_sregs s;

	(void)vm;
	xioctl(v->fd, KVM_GET_SREGS, &s);
	set_seg(&s.cs, mode == MODE_LONG ? SEL_CODE64 : SEL_CODE32, mode, true);
	set_seg(&s.ds, SEL_DATA, mode, false);
	s.es = s.fs = s.gs = s.ss = s.ds;
	s.gdt.base = GUEST_GDT;
	s.gdt.limit = 10 * 8 - 1;
	s.idt.base = mode == MODE_REAL ? 0 : GUEST_IDT;
	s.idt.limit = mode == MODE_REAL ? 0x3ff : 0xfff;
	s.tr = (struct kvm_segment) {
		.base = GUEST_TSS,
		.limit = 0x67,
		.selector = SEL_TSS,
		.type = 0xb,
		.present = 1,
	};
	s.cr0 = CR0_ET | CR0_NE;
	s.cr3 = 0;
	s.cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT;
	s.efer = 0;
	switch (mode) {
	case MODE_REAL:
		break;
	case MODE_FLAT32:
		s.cr0 |= CR0_PE;
		break;
	case MODE_PAGE32:
		s.cr0 |= CR0_PE | CR0_PG | CR0_WP;
		s.cr3 = GUEST_PD32;
		s.cr4 |= CR4_PSE;
		break;
	case MODE_PAE:
		s.cr0 |= CR0_PE | CR0_PG | CR0_WP;
		s.cr3 = GUEST_PDPT_PAE;
		s.cr4 |= CR4_PAE;
		break;
	case MODE_LONG:
		s.cr0 |= CR0_PE | CR0_PG | CR0_WP;
		s.cr3 = GUEST_PML4;
		s.cr4 |= CR4_PAE;
		s.efer = EFER_LME | EFER_LMA | EFER_NX | EFER_SCE;
		break;
	}
	xioctl(v->fd, KVM_SET_SREGS, &s);
	xioctl(v->fd, KVM_SET_REGS, &regs);
}

int vcpu_run(struct vcpu *v)
{
	for (;;) {
		if (ioctl(v->fd, KVM_RUN, 0) >= 0)
			return 0;
		if (errno == EINTR && kvm_stop)
			return -ETIME;
		/* EAGAIN: an INIT or a SIPI has changed its state */
		if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
}

const char *exit_name(unsigned int reason)
{
	static const char *const names[] = {
		[KVM_EXIT_UNKNOWN] = "UNKNOWN",
		[KVM_EXIT_EXCEPTION] = "EXCEPTION",
		[KVM_EXIT_IO] = "IO",
		[KVM_EXIT_HYPERCALL] = "HYPERCALL",
		[KVM_EXIT_DEBUG] = "DEBUG",
		[KVM_EXIT_HLT] = "HLT",
		[KVM_EXIT_MMIO] = "MMIO",
		[KVM_EXIT_IRQ_WINDOW_OPEN] = "IRQ_WINDOW_OPEN",
		[KVM_EXIT_SHUTDOWN] = "SHUTDOWN",
		[KVM_EXIT_FAIL_ENTRY] = "FAIL_ENTRY",
		[KVM_EXIT_INTR] = "INTR",
		[KVM_EXIT_SET_TPR] = "SET_TPR",
		[KVM_EXIT_TPR_ACCESS] = "TPR_ACCESS",
		[KVM_EXIT_NMI] = "NMI",
		[KVM_EXIT_INTERNAL_ERROR] = "INTERNAL_ERROR",
		[KVM_EXIT_SYSTEM_EVENT] = "SYSTEM_EVENT",
	};

	if (reason < sizeof(names) / sizeof(names[0]) && names[reason])
		return names[reason];
	return "?";
}
