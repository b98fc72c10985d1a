/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the ABI suite share. */
#ifndef VH_TESTS_ABI_H
#define VH_TESTS_ABI_H

#include <errno.h>
#include <string.h>

#include "../lib/runner.h"

/* Addresses that no process has: a hole, and the kernel's half. */
#define BAD_POINTER	((void *)8)
#define KERNEL_POINTER	((void *)0xffff888000000000ul)

#define UNKNOWN_IOCTL	_IO(KVMIO, 0xfe)

/* Lists of cases; each ends with a NULL name. */
extern const struct test_case system_cases[], vm_cases[], irqchip_cases[], vcpu_cases[], state_cases[], mce_cases[],
	memory_cases[], backing_cases[], dirty_cases[], ring_cases[], slots_cases[], coalesced_cases[],
	shadow_cases[], storm_cases[], apicv_cases[], clock_cases[], scale_cases[], broadcast_cases[],
	timer_cases[], host_cases[], debug_cases[], event_cases[], attr_cases[], quirk_cases[],
	pit_cases[], split_cases[], msr_cases[], exits_cases[], stats_cases[], device_cases[],
	pv_cases[], apf_cases[], smm_cases[], smm_space_cases[];
extern struct test_case hostile_cases[];	/* made of a table */

/* vm_simple() - 1 MB, tables, @flags as vm_create(), and a vCPU */
struct vcpu *vm_simple(struct vm *vm, unsigned int flags);

/* guest_entry() - where a guest of guest.S begins */
uint32_t guest_entry(const char *name);

/* vm_enable() - KVM_ENABLE_CAP with one argument */
int vm_enable(struct vm *vm, uint32_t cap, uint64_t arg);

/* guest_code() - the vCPU is to run @size bytes at 0x1000, in flat 32-bit mode */
void guest_code(struct vm *vm, struct vcpu *v, const void *code, size_t size);

/* Is it Linux's KVM that is asked? Where that differs, and vh is right or more. */
bool on_kvm(void);

/* All of @text into a file of the kernel's; false: it did not take it. */
bool write_file(const char *path, const char *text);

/* vcpu_run(), and the reason of the exit; or -errno */
int vcpu_exit(struct vcpu *v);

/* The next exit is this one. */
void want_exit(struct tap_result *r, struct vcpu *v, int reason, const char *what);

/* An MSR; ~0 or false: it cannot be had. */
uint64_t vcpu_msr_get(struct vcpu *v, uint32_t index);
bool vcpu_msr_set(struct vcpu *v, uint32_t index, uint64_t data);

/*
 * A guest of guest.S in flat 32-bit mode: its entry by name, with ESI and ECX
 * for arguments.
 */
void guest_start(struct vm *vm, struct vcpu *v, const char *name, uint32_t esi,
		 uint32_t ecx);

#endif
