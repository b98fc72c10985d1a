/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The KVM ABI for test programs: open a device that speaks it (/dev/vh,
 * /dev/kvm), make a VM with memory and vCPUs, set a vCPU's mode, run it.
 * Nothing here knows which device it talks to.
 */
#ifndef VH_TESTS_KVM_H
#define VH_TESTS_KVM_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <linux/kvm.h>

#define VM_MAX_VCPUS	8

/* Where vm_set_mode() puts what a guest needs; below it is the guest's. */
#define GUEST_GDT	0x10000u
#define GUEST_IDT	0x11000u
#define GUEST_TSS	0x12000u
#define GUEST_PML4	0x20000u	/* 4-level: PML4, PDPT, four PDs */
#define GUEST_PDPT	0x21000u
#define GUEST_PD	0x22000u
#define GUEST_PD32	0x26000u	/* 32-bit paging with 4M pages */
#define GUEST_PDPT_PAE	0x27000u

/* Selectors in that GDT. */
#define SEL_CODE32	0x08
#define SEL_DATA	0x10
#define SEL_CODE64	0x18
#define SEL_TSS		0x20		/* 16 bytes long in 64-bit mode */
#define SEL_CODE64_U	0x33
#define SEL_DATA_U	0x3b
#define SEL_TSS32	0x40
#define SEL_CODE16	0x48

enum guest_mode {
	MODE_REAL,		/* 16-bit, all bases 0 */
	MODE_FLAT32,		/* protected mode, no paging */
	MODE_PAGE32,		/* 32-bit paging, 4M identity pages */
	MODE_PAE,		/* PAE, 2M identity pages */
	MODE_LONG,		/* 64-bit, 2M identity pages of the first 4G */
};

struct vcpu {
	int fd;
	struct kvm_run *run;
	size_t run_size;
};

struct vm {
	int fd;
	uint8_t *mem;		/* memslot 0, guest physical 0 */
	size_t size;
	struct vcpu vcpu[VM_MAX_VCPUS];
	unsigned int vcpus;
};

extern const char *kvm_device;	/* path, "/dev/vh" unless changed */
extern volatile sig_atomic_t kvm_stop;	/* set by a signal: vcpu_run() ends */

/**
 * kvm_open() - the device's file descriptor, opened once
 *
 * Exits the program with status 2 if it cannot be opened or does not answer
 * KVM_GET_API_VERSION with 12.
 */
int kvm_open(void);

/**
 * kvm_cap() - KVM_CHECK_EXTENSION on the system fd
 * @cap: KVM_CAP_x
 */
int kvm_cap(int cap);

/**
 * xioctl() - an ioctl whose failure ends the case
 *
 * A failure is printed as a comment and ends the process with status 3; the
 * runners fork for each case, so that only this case is lost.
 */
#define xioctl(fd, req, arg) \
	xioctl_named(fd, req, (void *)(uintptr_t)(arg), #req)
int xioctl_named(int fd, unsigned long req, void *arg, const char *name);

/* Flags of vm_create(). */
#define VM_IRQCHIP	1
#define VM_PIT		2
#define VM_HLT		4	/* HLT does not exit */
#define VM_SPLIT	8	/* LAPICs alone, and 24 pins of an IOAPIC that is the caller's */

/**
 * vm_create() - a VM with memory at guest physical 0
 * @vm: filled in
 * @size: bytes of memory, a multiple of the page size, at least 1 MB
 * @flags: VM_x
 *
 * Also sets the TSS and identity-map addresses (0xfffbd000, 0xfffbc000).
 */
void vm_create(struct vm *vm, size_t size, unsigned int flags);

/**
 * vm_add_vcpu() - create the next vCPU, its CPUID as the device supports it
 * @vm: the VM
 *
 * The local APIC id in CPUID is the vCPU's id.
 */
struct vcpu *vm_add_vcpu(struct vm *vm);

/**
 * vm_destroy() - close everything and unmap
 * @vm: the VM
 */
void vm_destroy(struct vm *vm);

/**
 * vm_slot() - set or delete a memory slot
 *
 * Return: 0, or -errno.
 */
int vm_slot(struct vm *vm, unsigned int slot, unsigned int flags, uint64_t gpa,
	    uint64_t size, void *hva);

/**
 * vm_build_tables() - write GDT and identity page tables into the guest
 * @vm: the VM
 */
void vm_build_tables(struct vm *vm);

/**
 * vcpu_set_mode() - put a vCPU at an address in a mode, at CPL 0
 * @vm: the VM, whose tables have been built
 * @v: the vCPU
 * @mode: the mode
 * @rip: first instruction
 * @rsp: stack pointer
 */
void vcpu_set_mode(struct vm *vm, struct vcpu *v, enum guest_mode mode,
		   uint64_t rip, uint64_t rsp);

/**
 * vcpu_set_cpuid() - give a vCPU the device's supported CPUID
 * @v: the vCPU
 * @apic_id: reported in leaves 1 and 0xb
 */
void vcpu_set_cpuid(struct vcpu *v, unsigned int apic_id);

/**
 * vcpu_run() - KVM_RUN, restarted after EINTR and EAGAIN
 * @v: the vCPU
 *
 * Return: 0, or -errno; -ETIME if a signal came and kvm_stop is set.
 */
int vcpu_run(struct vcpu *v);

/* exit_name() - "IO", "MMIO", ... of a KVM_EXIT_x */
const char *exit_name(unsigned int reason);

static inline uint64_t rdtsc(void)
{
	uint32_t lo, hi;

	__asm__ __volatile__("lfence; rdtsc" : "=a" (lo), "=d" (hi) : :
			     "memory");
	return (uint64_t)hi << 32 | lo;
}

/* by_value() - for qsort() of uint64_t */
static inline int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

#endif
