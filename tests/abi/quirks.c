// SPDX-License-Identifier: GPL-2.0-only
/* What a VMM may change of what its guests see: KVM's quirks, MSRs that tell of the processor, paravirtual features, ids. */
#include <stdlib.h>

#include "../../kmod/compat/kvm.h"
#include "lane.h"

#define UD		6
#define GP		13
#define PF		14
#define HANDLER		0x3000u
#define ARCH_CAPABILITIES 0x10a
#define UCODE_REV	0x8b
#define PERF_CAPABILITIES 0x345
#define PLATFORM_INFO	0xce
#define MISC_ENABLE	0x1a0
#define MWAIT		(1u << 18)	/* of IA32_MISC_ENABLE */
#define SYSTEM_TIME	0x4b564d01
#define FAULTED		0xfa

/* A VM that has left quirks behind; NULL: this device knows none of that kind. */
static struct vcpu *vm_without(struct tap_result *r, struct vm *vm, unsigned int flags, uint32_t quirks)
{
	vm_create(vm, 1 << 20, flags);
	vm_build_tables(vm);
	if (quirks && want_ok(r, vm_enable(vm, KVM_CAP_DISABLE_QUIRKS2, quirks), "KVM_CAP_DISABLE_QUIRKS2") == false)
		return NULL;
	return vm_add_vcpu(vm);
}

static bool knows(uint32_t quirk)
{
	return kvm_cap(KVM_CAP_DISABLE_QUIRKS2) & quirk;
}

/* Exceptions that the guest's code may have: port 0x10 gets FAULTED. */
static void catch(struct vm *vm, unsigned int vector)
{
	static const uint8_t code[] = { 0xb8, FAULTED, 0, 0, 0, 0xe7, 0x10 };	/* mov $FAULTED, %eax; out %eax */

	memcpy(vm->mem + HANDLER, code, sizeof(code));
	gate(vm, vector, HANDLER);
}

/* Runs to an OUT to port 0x10, and tells what it put out. */
static uint32_t out_of(struct tap_result *r, struct vcpu *v)
{
	if (vcpu_run(v) || v->run->exit_reason != KVM_EXIT_IO || v->run->io.port != 0x10) {
		tap_fail(r, "exit %s", exit_name(v->run->exit_reason));
		return 0;
	}
	return *(uint32_t *)((char *)v->run + v->run->io.data_offset);
}

static void mask(struct tap_result *r, const void *arg)
{
	const uint32_t all = kvm_cap(KVM_CAP_DISABLE_QUIRKS2);
	struct vm vm;

	(void)arg;
	if (kvm_cap(KVM_CAP_DISABLE_QUIRKS) <= 0 || (all & 0x7f) != 0x7f)
		tap_fail(r, "KVM_CAP_DISABLE_QUIRKS %d, 2: %#x", kvm_cap(KVM_CAP_DISABLE_QUIRKS), all);
	vm_create(&vm, 1 << 20, 0);
	want_errno(r, vm_enable(&vm, KVM_CAP_DISABLE_QUIRKS2, all | 1u << 30), EINVAL, "an unknown one");
	want_errno(r, vm_enable(&vm, KVM_CAP_DISABLE_QUIRKS2, 1ull << 32), EINVAL, "bit 32");
	want_ok(r, vm_enable(&vm, KVM_CAP_DISABLE_QUIRKS2, all), "all");
	want_ok(r, vm_enable(&vm, KVM_CAP_DISABLE_QUIRKS, ~0ull), "the older one takes any");
	vm_destroy(&vm);
}

/* The bootstrap processor's LINT0, and CR0, as a reset leaves them. */
static void reset(struct tap_result *r, const void *arg)
{
	const uint32_t quirks[] = {
		0, KVM_X86_QUIRK_LINT0_REENABLED | KVM_X86_QUIRK_CD_NW_CLEARED
	};
	struct kvm_lapic_state a;
	struct kvm_sregs s;
	struct vcpu *v;
	struct vm vm;
	uint32_t lint0;
	int i;

	(void)arg;
	for (i = 0; i < 2; i++) {
		v = vm_without(r, &vm, VM_IRQCHIP, quirks[i]);
		xioctl(v->fd, KVM_GET_LAPIC, &a);
		lint0 = *(uint32_t *)(a.regs + 0x350);
		if (lint0 != (i ? 0x10000 : 0x700))
			tap_fail(r, "quirks %s: LINT0 is %#x", i ? "off" : "on", lint0);
		xioctl(v->fd, KVM_GET_SREGS, &s);
		if (i && s.cr0 != 0x60000010)
			tap_fail(r, "CR0 is %#llx", s.cr0);
		vm_destroy(&vm);
	}
}

/* The xAPIC's page in x2APIC mode. */
static void lapic_hole(struct tap_result *r, const void *arg)
{
	/* mov %eax, 0xfee00080; mov 0xfee00030, %eax; out %eax, $0x10 */
	static const uint8_t code[] = { 0xa3, 0x80, 0, 0xe0, 0xfe, 0xa1, 0x30, 0, 0xe0, 0xfe, 0xe7, 0x10 };
	struct kvm_sregs s;
	struct vcpu *v;
	struct vm vm;
	uint32_t got;
	int i;

	(void)arg;
	for (i = 0; i < 2; i++) {
		v = vm_without(r, &vm, VM_IRQCHIP, i ? KVM_X86_QUIRK_LAPIC_MMIO_HOLE : 0);
		guest_code(&vm, v, code, sizeof(code));
		xioctl(v->fd, KVM_GET_SREGS, &s);
		s.apic_base |= 0xc00;
		xioctl(v->fd, KVM_SET_SREGS, &s);
		if (!i) {
			got = out_of(r, v);
			if (!got && strcmp(kvm_device, "/dev/vh")) {
				tap_skip(r, "where the processor virtualizes the xAPIC KVM has memory there");
				return;
			}
			if (got != 0xffffffff)
				tap_fail(r, "with the quirk %#x is read", got);
		} else {
			if (vcpu_run(v) || v->run->exit_reason != KVM_EXIT_MMIO || !v->run->mmio.is_write ||
			    v->run->mmio.phys_addr != 0xfee00080)
				tap_fail(r, "a write: exit %s", exit_name(v->run->exit_reason));
			if (vcpu_run(v) || v->run->exit_reason != KVM_EXIT_MMIO || v->run->mmio.is_write ||
			    v->run->mmio.phys_addr != 0xfee00030)
				tap_fail(r, "a read: exit %s", exit_name(v->run->exit_reason));
			memset(v->run->mmio.data, 0x42, 8);
			got = out_of(r, v);
			if (got != 0x42424242)
				tap_fail(r, "userspace's answer is read as %#x", got);
		}
		vm_destroy(&vm);
	}
}

static void out_7e(struct tap_result *r, const void *arg)
{
	/* out %al, $0x7e; inc %ebx; mov %ebx, %eax; out %eax, $0x10 */
	static const uint8_t code[] = { 0xe6, 0x7e, 0x43, 0x89, 0xd8, 0xe7, 0x10 };
	struct kvm_regs regs;
	struct vcpu *v;
	struct vm vm;
	int i;

	(void)arg;
	for (i = 0; i < 2; i++) {
		v = vm_without(r, &vm, 0, i ? KVM_X86_QUIRK_OUT_7E_INC_RIP : 0);
		guest_code(&vm, v, code, sizeof(code));
		if (vcpu_run(v) || v->run->exit_reason != KVM_EXIT_IO || v->run->io.port != 0x7e)
			tap_fail(r, "exit %s", exit_name(v->run->exit_reason));
		xioctl(v->fd, KVM_GET_REGS, &regs);
		if (regs.rip != (i ? 0x1000 : 0x1002))
			tap_fail(r, "quirk %s: RIP is %#llx", i ? "off" : "on", regs.rip);
		if (out_of(r, v) != 1)
			tap_fail(r, "the guest does not go on behind it");
		vm_destroy(&vm);
	}
}

/* CPUID's MONITOR follows IA32_MISC_ENABLE only without the quirk. */
static void cpuid_mwait(struct tap_result *r, const void *arg)
{
	/* mov $1, %eax; cpuid; mov %ecx, %eax; out %eax, $0x10; jmp */
	static const uint8_t code[] = { 0xb8, 1, 0, 0, 0, 0x0f, 0xa2, 0x89, 0xc8, 0xe7, 0x10, 0xeb, 0xf3 };
	uint32_t off, on, again;
	uint64_t misc;
	struct vcpu *v;
	struct vm vm;
	int i;

	(void)arg;
	for (i = 0; i < 2; i++) {
		v = vm_without(r, &vm, 0, i ? KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT : 0);
		guest_code(&vm, v, code, sizeof(code));
		misc = vcpu_msr_get(v, MISC_ENABLE) & ~(uint64_t)MWAIT;
		if (!vcpu_msr_set(v, MISC_ENABLE, misc))
			tap_fail(r, "IA32_MISC_ENABLE cannot be set");
		off = out_of(r, v) & 8;
		if (!vcpu_msr_set(v, MISC_ENABLE, misc | MWAIT))
			tap_fail(r, "IA32_MISC_ENABLE[18] cannot be set");
		on = out_of(r, v) & 8;
		vcpu_msr_set(v, MISC_ENABLE, misc);
		again = out_of(r, v) & 8;
		if (i ? off || !on || again : off != on)
			tap_fail(r, "quirk %s: MONITOR %u, with the bit %u, without %u", i ? "off" : "on", off, on, again);
		vm_destroy(&vm);
	}
}

static void mwait(struct tap_result *r, const void *arg)
{
	/* xor %ecx, %ecx; xor %edx, %edx; mov $0x8000, %eax; monitor; mov $0, %eax; mwait; mov $7, %eax; out %eax, $0x10 */
	static const uint8_t code[] = {
		0x31, 0xc9, 0x31, 0xd2, 0xb8, 0, 0x80, 0, 0, 0x0f, 0x01, 0xc8, 0xb8, 0, 0, 0, 0,
		0x0f, 0x01, 0xc9, 0xb8, 7, 0, 0, 0, 0xe7, 0x10
	};
	struct vcpu *v;
	struct vm vm;
	uint32_t got;
	int i;

	(void)arg;
	for (i = 0; i < 2; i++) {
		v = vm_without(r, &vm, 0, i ? KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS : 0);
		guest_code(&vm, v, code, sizeof(code));
		catch(&vm, UD);
		got = out_of(r, v);
		if (got != (i ? FAULTED : 7))
			tap_fail(r, "quirk %s: %#x", i ? "off" : "on", got);
		vm_destroy(&vm);
	}
}

/* The hypercall of another make of processors is an invalid one, and stays as it is. */
static void hypercall(struct tap_result *r, const void *arg)
{
	static const uint8_t code[] = { 0x0f, 0x01, 0xd9, 0xb8, 7, 0, 0, 0, 0xe7, 0x10 };
	struct vcpu *v;
	struct vm vm;
	uint32_t got;

	(void)arg;
	v = vm_without(r, &vm, 0, KVM_X86_QUIRK_FIX_HYPERCALL_INSN);
	guest_code(&vm, v, code, sizeof(code));
	catch(&vm, UD);
	got = out_of(r, v);
	if (got != FAULTED || memcmp(vm.mem + 0x1000, code, 3))
		tap_fail(r, "%#x, and code of %02x %02x %02x", got, vm.mem[0x1000], vm.mem[0x1001], vm.mem[0x1002]);
	vm_destroy(&vm);
}

/* Of another memslot nothing is dropped: what its pages were mapped by is there without a fault. */
static void slots_apart(struct tap_result *r, const void *arg)
{
	struct vcpu *v;
	struct vm vm;
	uint8_t *two;

	(void)arg;
	if (!knows(KVM_X86_QUIRK_SLOT_ZAP_ALL)) {
		tap_skip(r, "this device does not know the quirk");
		return;
	}
	v = vm_without(r, &vm, 0, KVM_X86_QUIRK_SLOT_ZAP_ALL);
	two = aligned_alloc(4096, 4096);
	memset(two, 0, 4096);
	guest_start(&vm, v, "touch", 0x80000, 4);
	vm_slot(&vm, 1, 0, 0x40000000, 4096, two);
	if (vcpu_run(v) || *(uint32_t *)(vm.mem + 0x80000) != 1)
		tap_fail(r, "the guest does not run");
	vm_slot(&vm, 1, 0, 0x40000000, 0, two);
	if (vcpu_run(v) || *(uint32_t *)(vm.mem + 0x80000) != 2)
		tap_fail(r, "the guest does not run on");
	vm_destroy(&vm);
}

static bool in_list(unsigned long req, uint32_t index)
{
	struct kvm_msr_list *l = calloc(1, sizeof(*l) + 1000 * 4);
	bool found = false;
	unsigned int i;

	l->nmsrs = 1000;
	xioctl(kvm_open(), req, l);
	for (i = 0; i < l->nmsrs; i++)
		found |= l->indices[i] == index;
	free(l);
	return found;
}

/* MSRs that tell of the processor: what the host has for them, a vCPU's, and what a VMM that comes from elsewhere sets. */
static void feature_msrs(struct tap_result *r, const void *arg)
{
	static const uint32_t index[] = { ARCH_CAPABILITIES, UCODE_REV, PERF_CAPABILITIES };
	struct { struct kvm_msrs h; struct kvm_msr_entry e; } m = { .h.nmsrs = 1 };
	struct vcpu *v;
	struct vm vm;
	unsigned int i;

	(void)arg;
	v = vm_without(r, &vm, 0, 0);
	for (i = 0; i < 3; i++) {
		/* KVM leaves out those that the processor has not */
		if (!in_list(KVM_GET_MSR_FEATURE_INDEX_LIST, index[i])) {
			if (index[i] == UCODE_REV)
				tap_fail(r, "IA32_BIOS_SIGN_ID is not in the list");
			continue;
		}
		m.e.index = index[i];
		if (ioctl(kvm_open(), KVM_GET_MSRS, &m) != 1)
			tap_fail(r, "%#x cannot be read", index[i]);
		/* KVM: the microcode of a new vCPU is an older one than the host's */
		if (index[i] == ARCH_CAPABILITIES && vcpu_msr_get(v, index[i]) != m.e.data)
			tap_fail(r, "%#x: a vCPU has %#llx, not %#llx", index[i],
				 (long long)vcpu_msr_get(v, index[i]), m.e.data);
		if (!vcpu_msr_set(v, index[i], m.e.data))
			tap_fail(r, "%#x does not take %#llx", index[i], m.e.data);
	}
	for (i = 0; i < 2; i++)
		if (!vcpu_msr_set(v, index[i], 0x29) || vcpu_msr_get(v, index[i]) != 0x29)
			tap_fail(r, "%#x: %#llx", index[i], (long long)vcpu_msr_get(v, index[i]));
	/* none of nested virtualization, unless there is such */
	m.e.index = 0x480;
	if (!in_list(KVM_GET_MSR_FEATURE_INDEX_LIST, 0x480) && ioctl(kvm_open(), KVM_GET_MSRS, &m) == 1)
		tap_fail(r, "IA32_VMX_BASIC can be read");
	vm_destroy(&vm);
	if (!knows(KVM_X86_QUIRK_STUFF_FEATURE_MSRS))
		return;
	v = vm_without(r, &vm, 0, KVM_X86_QUIRK_STUFF_FEATURE_MSRS);
	for (i = 0; i < 2; i++)
		if (vcpu_msr_get(v, index[i]))
			tap_fail(r, "without the quirk %#x begins as %#llx", index[i],
				 (long long)vcpu_msr_get(v, index[i]));
	vm_destroy(&vm);
}

/* mov $INDEX, %ecx; rdmsr; out %eax, $0x10; jmp */
static void reads_msr(struct vm *vm, struct vcpu *v, uint32_t index)
{
	uint8_t code[] = { 0xb9, 0, 0, 0, 0, 0x0f, 0x32, 0xe7, 0x10, 0xeb, 0xf5 };

	memcpy(code + 1, &index, 4);
	guest_code(vm, v, code, sizeof(code));
	catch(vm, GP);
}

static void platform_info(struct tap_result *r, const void *arg)
{
	struct vcpu *v;
	struct vm vm;
	uint32_t got;

	(void)arg;
	if (kvm_cap(KVM_CAP_MSR_PLATFORM_INFO) <= 0)
		tap_fail(r, "no KVM_CAP_MSR_PLATFORM_INFO");
	v = vm_without(r, &vm, 0, 0);
	if (!vcpu_msr_set(v, PLATFORM_INFO, 0x1700) || vcpu_msr_get(v, PLATFORM_INFO) != 0x1700)
		tap_fail(r, "it does not take a ratio");
	reads_msr(&vm, v, PLATFORM_INFO);
	got = out_of(r, v);
	if (got != 0x1700)
		tap_fail(r, "the guest reads %#x", got);
	want_ok(r, vm_enable(&vm, KVM_CAP_MSR_PLATFORM_INFO, 0), "KVM_ENABLE_CAP 0");
	got = out_of(r, v);
	if (got != FAULTED)
		tap_fail(r, "hidden, the guest reads %#x", got);
	if (vcpu_msr_get(v, PLATFORM_INFO) != 0x1700)
		tap_fail(r, "hidden from userspace, too");
	want_ok(r, vm_enable(&vm, KVM_CAP_MSR_PLATFORM_INFO, 1), "KVM_ENABLE_CAP 1");
	reads_msr(&vm, v, PLATFORM_INFO);
	got = out_of(r, v);
	if (got != 0x1700)
		tap_fail(r, "shown again, the guest reads %#x", got);
	vm_destroy(&vm);
}

/* kvmclock, in vCPUs whose CPUID shows it or not. */
static void enforce_pv(struct tap_result *r, const void *arg)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + 256 * sizeof(c->entries[0]));
	struct kvm_enable_cap on = { .cap = KVM_CAP_ENFORCE_PV_FEATURE_CPUID, .args = { 1 } }, bad = on;
	unsigned int i, shown;
	struct vcpu *v;
	struct vm vm;
	uint32_t got;

	(void)arg;
	if (kvm_cap(KVM_CAP_ENFORCE_PV_FEATURE_CPUID) <= 0 || kvm_cap(KVM_CAP_ENABLE_CAP) <= 0)
		tap_fail(r, "ENFORCE_PV_FEATURE_CPUID %d, ENABLE_CAP %d", kvm_cap(KVM_CAP_ENFORCE_PV_FEATURE_CPUID),
			 kvm_cap(KVM_CAP_ENABLE_CAP));
	for (shown = 0; shown < 2; shown++) {
		v = vm_without(r, &vm, 0, 0);
		c->nent = 256;
		xioctl(kvm_open(), KVM_GET_SUPPORTED_CPUID, c);
		for (i = 0; i < c->nent && !shown; i++)
			if (c->entries[i].function == 0x40000001)
				c->entries[i].eax = 0;
		xioctl(v->fd, KVM_SET_CPUID2, c);
		reads_msr(&vm, v, SYSTEM_TIME);
		if (!vcpu_msr_set(v, SYSTEM_TIME, 0x5001))
			tap_fail(r, "not enforced, CPUID matters");
		got = out_of(r, v);
		if (got != 0x5001)
			tap_fail(r, "not enforced, the guest reads %#x", got);
		want_ok(r, ioctl(v->fd, KVM_ENABLE_CAP, &on), "KVM_ENABLE_CAP");
		got = out_of(r, v);
		if (got != (shown ? 0x5001 : FAULTED))
			tap_fail(r, "enforced, %s: the guest reads %#x", shown ? "shown" : "hidden", got);
		vm_destroy(&vm);
	}
	v = vm_without(r, &vm, 0, 0);
	bad.flags = 1;
	want_errno(r, ioctl(v->fd, KVM_ENABLE_CAP, &bad), EINVAL, "a flag");
	bad = on;
	bad.cap = 99999;
	want_errno(r, ioctl(v->fd, KVM_ENABLE_CAP, &bad), EINVAL, "capability 99999");
	want_errno(r, ioctl(v->fd, KVM_ENABLE_CAP, BAD_POINTER), EFAULT, "a bad pointer");
	vm_destroy(&vm);
	free(c);
}

static void max_vcpu_id(struct tap_result *r, const void *arg)
{
	struct vm vm;

	(void)arg;
	vm_create(&vm, 1 << 20, 0);
	want_errno(r, vm_enable(&vm, KVM_CAP_MAX_VCPU_ID, kvm_cap(KVM_CAP_MAX_VCPU_ID) + 1), EINVAL, "too many");
	want_errno(r, vm_enable(&vm, KVM_CAP_MAX_VCPU_ID, ~0ull), EINVAL, "2^64-1");
	want_ok(r, vm_enable(&vm, KVM_CAP_MAX_VCPU_ID, 4), "4");
	want_ok(r, vm_enable(&vm, KVM_CAP_MAX_VCPU_ID, 4), "4 once more");
	want_errno(r, vm_enable(&vm, KVM_CAP_MAX_VCPU_ID, 5), EINVAL, "then 5");
	want_errno(r, ioctl(vm.fd, KVM_CREATE_VCPU, 4), EINVAL, "vCPU 4 of ids below 4");
	want_ok(r, ioctl(vm.fd, KVM_CREATE_VCPU, 3), "vCPU 3");
	vm_destroy(&vm);
}

/* A guest with fewer physical-address bits than the processor: what is reserved for it is an error, not an address. */
static void smaller_maxphyaddr(struct tap_result *r, const void *arg)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + 256 * sizeof(c->entries[0]));
	/* mov 0x40000000, %eax: of the entry below; out %eax, $0x10 */
	static const uint8_t code[] = { 0xa1, 0, 0, 0, 0x40, 0xe7, 0x10 };
	/* pop %eax: the error code; out %eax, $0x10 */
	static const uint8_t handler[] = { 0x58, 0xe7, 0x10 };
	struct vcpu *v;
	struct vm vm;
	unsigned int i;
	uint32_t got;

	(void)arg;
	if (kvm_cap(KVM_CAP_SMALLER_MAXPHYADDR) <= 0) {
		tap_skip(r, "the capability is 0");
		return;
	}
	vm_create(&vm, 1 << 20, 0);
	vm_build_tables(&vm);
	v = vm_add_vcpu(&vm);
	c->nent = 256;
	xioctl(kvm_open(), KVM_GET_SUPPORTED_CPUID, c);
	for (i = 0; i < c->nent; i++)
		if (c->entries[i].function == 0x80000008)
			c->entries[i].eax = (c->entries[i].eax & ~0xff) | 36;
	xioctl(v->fd, KVM_SET_CPUID2, c);
	memcpy(vm.mem + 0x1000, code, sizeof(code));
	vcpu_set_mode(&vm, v, MODE_PAE, 0x1000, 0x8000);
	memcpy(vm.mem + HANDLER, handler, sizeof(handler));
	gate(&vm, PF, HANDLER);
	/* present, writable, large, and bit 36: the second gigabyte's first entry */
	*(uint64_t *)(vm.mem + GUEST_PD + 0x1000) = 1ull << 36 | 0x83;
	got = out_of(r, v);
	if (got != 9)
		tap_fail(r, "the error code is %#x, not that of a reserved bit", got);
	vm_destroy(&vm);
	free(c);
}

const struct test_case quirk_cases[] = {
	{ "quirk-mask", mask, NULL },
	{ "quirk-reset", reset, NULL },
	{ "quirk-lapic-hole", lapic_hole, NULL },
	{ "quirk-out-7e", out_7e, NULL },
	{ "quirk-cpuid-mwait", cpuid_mwait, NULL },
	{ "quirk-mwait", mwait, NULL },
	{ "quirk-hypercall", hypercall, NULL },
	{ "quirk-slots-apart", slots_apart, NULL },
	{ "quirk-feature-msrs", feature_msrs, NULL },
	{ "quirk-platform-info", platform_info, NULL },
	{ "quirk-enforce-pv", enforce_pv, NULL },
	{ "quirk-max-vcpu-id", max_vcpu_id, NULL },
	{ "quirk-smaller-maxphyaddr", smaller_maxphyaddr, NULL },
	{ NULL, NULL, NULL }
};
