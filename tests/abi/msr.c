// SPDX-License-Identifier: GPL-2.0-only
/* MSRs that the VMM answers for, and those that it denies. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "lane.h"

#define READS		0x1000u		/* rdmsr; hlt */
#define WRITES		0x1010u		/* wrmsr; hlt */
#define LOOP		0x1020u		/* rdmsr, a turn counted, again */
#define HANDLER		0x1040u
#define STACK		0x8000u
#define PORT		0x11

#define UNKNOWN		0x12345678u	/* no processor's */
#define SYSENTER_CS	0x174u		/* read without an exit */
#define MISC_ENABLE	0x1a0u
#define TSC		0x10u
#define DEADLINE	0x6e0u
#define PAT		0x277u
#define EFER		0xc0000080u
#define GS_BASE		0xc0000101u
#define X2APIC_ID	0x802u

#define ALL_REASONS	(KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_FILTER)

/* RDMSR is interpreted in real mode where the processor has no unrestricted guest. */
static const enum guest_mode modes[] = { MODE_FLAT32, MODE_REAL };

static struct vcpu *guest(struct vm *vm, unsigned int flags, enum guest_mode mode)
{
	struct vcpu *v = vm_simple(vm, flags);
	const uint16_t ivt[2] = { HANDLER, 0 };

	memcpy(vm->mem + READS, "\x0f\x32\xf4", 3);
	memcpy(vm->mem + WRITES, "\x0f\x30\xf4", 3);
	memcpy(vm->mem + LOOP, "\x0f\x32\xff\x06\xeb\xfa", 6);	/* incl (%esi) */
	memcpy(vm->mem + HANDLER, "\xe6\x11", 2);		/* out %al, $PORT */
	memcpy(vm->mem + 13 * 4, ivt, sizeof(ivt));
	vcpu_set_mode(vm, v, mode, READS, STACK);
	if (mode == MODE_FLAT32)
		gate(vm, 13, HANDLER);
	return v;
}

enum end { DONE, FAULTED, ASKED, OTHER };

/* How the run ended. */
static enum end go(struct vcpu *v)
{
	if (vcpu_run(v))
		return OTHER;
	switch (v->run->exit_reason) {
	case KVM_EXIT_HLT:
		return DONE;
	case KVM_EXIT_IO:
		return v->run->io.port == PORT ? FAULTED : OTHER;
	case KVM_EXIT_X86_RDMSR:
	case KVM_EXIT_X86_WRMSR:
		return ASKED;
	}
	return OTHER;
}

/* The guest executes RDMSR or WRMSR. */
static enum end accesses(struct vcpu *v, bool write, uint32_t msr, uint64_t value)
{
	struct kvm_regs regs = {
		.rip = write ? WRITES : READS, .rsp = STACK, .rflags = 2,
		.rax = write ? (uint32_t)value : 0x1111, .rdx = write ? value >> 32 : 0x2222, .rcx = msr,
	};

	xioctl(v->fd, KVM_SET_REGS, &regs);
	return go(v);
}

static uint64_t answer(struct vcpu *v)
{
	struct kvm_regs regs;

	xioctl(v->fd, KVM_GET_REGS, &regs);
	return regs.rdx << 32 | (uint32_t)regs.rax;
}

static void want(struct tap_result *r, enum end got, enum end end, const char *what)
{
	static const char *const names[] = { "done", "#GP", "an exit", "something else" };

	if (got != end)
		tap_fail(r, "%s: %s, not %s", what, names[got], names[end]);
}

/* It was an exit for @reason; userspace answers. */
static void asked(struct tap_result *r, struct vcpu *v, enum end got, bool write, uint32_t msr, uint64_t value,
		  uint32_t reason, const char *what)
{
	struct kvm_run *run = v->run;

	want(r, got, ASKED, what);
	if (got != ASKED)
		return;
	if ((run->exit_reason == KVM_EXIT_X86_WRMSR) != write || run->msr.index != msr || run->msr.reason != reason ||
	    run->msr.error || (write && run->msr.data != value))
		tap_fail(r, "%s: %s of %#x, %#llx, reason %#x, error %u", what, exit_name(run->exit_reason), run->msr.index,
			 (long long)run->msr.data, run->msr.reason, run->msr.error);
}

static void user_space(struct tap_result *r, const void *arg)
{
	struct vm vm;
	struct vcpu *v = guest(&vm, 0, *(const enum guest_mode *)arg);
	enum end e;

	if (kvm_cap(KVM_CAP_X86_USER_SPACE_MSR) != 1)
		tap_fail(r, "the capability answers %d", kvm_cap(KVM_CAP_X86_USER_SPACE_MSR));
	want(r, accesses(v, false, UNKNOWN, 0), FAULTED, "read, unknown, not asked for");
	want(r, accesses(v, true, UNKNOWN, 5), FAULTED, "write, unknown, not asked for");
	want_errno(r, vm_enable(&vm, KVM_CAP_X86_USER_SPACE_MSR, 1 << 9), EINVAL, "a reason that is none");

	want_ok(r, vm_enable(&vm, KVM_CAP_X86_USER_SPACE_MSR, KVM_MSR_EXIT_REASON_UNKNOWN), "unknown ones");
	asked(r, v, accesses(v, false, UNKNOWN, 0), false, UNKNOWN, 0, KVM_MSR_EXIT_REASON_UNKNOWN, "read");
	v->run->msr.data = 0xfedcba9876543210;
	want(r, go(v), DONE, "answered");
	if (answer(v) != 0xfedcba9876543210)
		tap_fail(r, "the guest reads %#llx", (long long)answer(v));
	asked(r, v, accesses(v, false, UNKNOWN, 0), false, UNKNOWN, 0, KVM_MSR_EXIT_REASON_UNKNOWN, "read again");
	v->run->msr.error = 1;
	want(r, go(v), FAULTED, "refused");
	if (answer(v) != (0x2222ull << 32 | 0x1111))
		tap_fail(r, "what was refused was read: %#llx", (long long)answer(v));

	asked(r, v, accesses(v, true, UNKNOWN, 0x123456789abcdef0), true, UNKNOWN, 0x123456789abcdef0,
	      KVM_MSR_EXIT_REASON_UNKNOWN, "write");
	want(r, go(v), DONE, "taken");
	asked(r, v, accesses(v, true, UNKNOWN, 7), true, UNKNOWN, 7, KVM_MSR_EXIT_REASON_UNKNOWN, "write again");
	v->run->msr.error = 0xff;
	want(r, go(v), FAULTED, "write refused");

	/* a value that the MSR does not take is another reason */
	want(r, accesses(v, true, PAT, 2), FAULTED, "memory type 2, not asked for");
	want_ok(r, vm_enable(&vm, KVM_CAP_X86_USER_SPACE_MSR, KVM_MSR_EXIT_REASON_INVAL), "values");
	asked(r, v, accesses(v, true, PAT, 2), true, PAT, 2, KVM_MSR_EXIT_REASON_INVAL, "memory type 2");
	want(r, go(v), DONE, "taken nevertheless");
	want(r, accesses(v, false, PAT, 0), DONE, "the PAT");
	if (answer(v) != 0x0007040600070406)
		tap_fail(r, "the PAT is %#llx", (long long)answer(v));
	want(r, accesses(v, false, UNKNOWN, 0), FAULTED, "unknown, not asked for any more");

	/* the instruction is abandoned: RIP is elsewhere */
	want_ok(r, vm_enable(&vm, KVM_CAP_X86_USER_SPACE_MSR, ALL_REASONS), "all");
	e = accesses(v, false, UNKNOWN, 0);
	want(r, e, ASKED, "read that is left");
	want(r, accesses(v, false, MISC_ENABLE, 0), DONE, "another instruction");
	want_ok(r, vm_enable(&vm, KVM_CAP_X86_USER_SPACE_MSR, 0), "none");
	want(r, accesses(v, false, UNKNOWN, 0), FAULTED, "after all");
}

/* immediate_exit finishes the instruction, and no more. */
static void user_space_finish(struct tap_result *r, const void *arg)
{
	struct kvm_regs regs;
	struct vm vm;
	struct vcpu *v = guest(&vm, 0, MODE_FLAT32);

	(void)arg;
	xioctl(v->fd, KVM_GET_REGS, &regs);
	want_ok(r, vm_enable(&vm, KVM_CAP_X86_USER_SPACE_MSR, ALL_REASONS), "all");
	want(r, accesses(v, false, UNKNOWN, 0), ASKED, "read");
	v->run->msr.data = 0x55;
	v->run->immediate_exit = 1;
	want_errno(r, ioctl(v->fd, KVM_RUN, 0), EINTR, "finished");
	v->run->immediate_exit = 0;
	xioctl(v->fd, KVM_GET_REGS, &regs);
	if (regs.rax != 0x55 || regs.rip != READS + 2)
		tap_fail(r, "RAX %#llx, RIP %#llx", (long long)regs.rax, (long long)regs.rip);
	want(r, go(v), DONE, "and on");
}

/* --- filters --- */

static uint8_t none[KVM_MSR_FILTER_MAX_BITMAP_SIZE], all[KVM_MSR_FILTER_MAX_BITMAP_SIZE];

static struct kvm_msr_filter_range range(uint32_t flags, uint32_t base, uint32_t n, uint8_t *bits)
{
	return (struct kvm_msr_filter_range){ .flags = flags, .base = base, .nmsrs = n, .bitmap = bits };
}

#define BOTH	(KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE)

static int set(struct vm *vm, uint32_t flags, struct kvm_msr_filter_range a, struct kvm_msr_filter_range b)
{
	struct kvm_msr_filter f = { .flags = flags, .ranges = { a, b } };

	return ioctl(vm->fd, KVM_X86_SET_MSR_FILTER, &f);
}

static const struct kvm_msr_filter_range no_range;

static void filter(struct tap_result *r, const void *arg)
{
	static const uint32_t denied[] = { SYSENTER_CS, MISC_ENABLE, TSC, PAT, EFER, GS_BASE };
	struct vm vm;
	struct vcpu *v = guest(&vm, 0, *(const enum guest_mode *)arg);
	uint8_t bits[8] = { 0x10 };		/* of 0x170 on, only 0x174 */
	unsigned int i;

	memset(all, 0xff, sizeof(all));
	if (kvm_cap(KVM_CAP_X86_MSR_FILTER) != 1)
		tap_fail(r, "the capability answers %d", kvm_cap(KVM_CAP_X86_MSR_FILTER));
	for (i = 0; i < sizeof(denied) / sizeof(denied[0]); i++) {
		char what[40];
		uint64_t old;

		snprintf(what, sizeof(what), "MSR %#x", denied[i]);
		want_ok(r, set(&vm, 0, no_range, no_range), "no filter");
		want(r, accesses(v, false, denied[i], 0), DONE, what);
		old = answer(v);
		/* reads; the second range has it too, but the first decides */
		want_ok(r, set(&vm, 0, range(KVM_MSR_FILTER_READ, denied[i], 1, none), range(BOTH, denied[i], 8, all)), what);
		want(r, accesses(v, false, denied[i], 0), FAULTED, what);
		if (denied[i] != TSC)
			want(r, accesses(v, true, denied[i], old), DONE, what);
		/* writes */
		want_ok(r, set(&vm, 0, range(KVM_MSR_FILTER_WRITE, denied[i], 1, none), no_range), what);
		want(r, accesses(v, false, denied[i], 0), DONE, what);
		want(r, accesses(v, true, denied[i], old), FAULTED, what);
		/* the VMM's own are not filtered */
		if (vcpu_msr_get(v, denied[i]) == ~0ull)
			tap_fail(r, "%s: KVM_GET_MSRS does not", what);
		want_ok(r, vm_enable(&vm, KVM_CAP_X86_USER_SPACE_MSR, KVM_MSR_EXIT_REASON_FILTER), "exits");
		asked(r, v, accesses(v, true, denied[i], old), true, denied[i], old, KVM_MSR_EXIT_REASON_FILTER, what);
		v->run->msr.error = 1;
		want(r, go(v), FAULTED, what);
		/* another reason is not asked for */
		want(r, accesses(v, false, UNKNOWN, 0), FAULTED, "unknown");
		want_ok(r, vm_enable(&vm, KVM_CAP_X86_USER_SPACE_MSR, 0), "no exits");
	}

	/* all but a bit's */
	want_ok(r, set(&vm, KVM_MSR_FILTER_DEFAULT_DENY, range(BOTH, 0x170, 64, bits), no_range), "default deny");
	want(r, accesses(v, false, SYSENTER_CS, 0), DONE, "its bit");
	want(r, accesses(v, false, SYSENTER_CS + 1, 0), FAULTED, "the next");
	want(r, accesses(v, false, MISC_ENABLE, 0), FAULTED, "its bit is beyond");
	want(r, accesses(v, false, TSC, 0), FAULTED, "in no range");
	want(r, accesses(v, true, GS_BASE, 0), FAULTED, "in no range, written");
	want_ok(r, vm_enable(&vm, KVM_CAP_X86_USER_SPACE_MSR, ALL_REASONS), "exits");
	/* an MSR that is none is filtered first of all */
	asked(r, v, accesses(v, false, UNKNOWN, 0), false, UNKNOWN, 0, KVM_MSR_EXIT_REASON_FILTER, "unknown and denied");
	v->run->msr.data = 77;
	want(r, go(v), DONE, "and answered");
	if (answer(v) != 77)
		tap_fail(r, "the guest reads %#llx", (long long)answer(v));
	want_ok(r, set(&vm, 0, no_range, no_range), "no filter");
	want(r, accesses(v, false, SYSENTER_CS + 1, 0), DONE, "no filter");
}

/* The LAPIC's MSRs are not filtered; one that is finished in the window otherwise is. */
static void filter_lapic(struct tap_result *r, const void *arg)
{
	struct vm vm;
	struct vcpu *v = guest(&vm, VM_IRQCHIP, MODE_FLAT32);

	(void)arg;
	if (!vcpu_msr_set(v, 0x1b, 0xfee00d00))
		tap_fail(r, "no x2APIC");
	memcpy(vm.mem + READS + 2, "\xe6\x12", 2);	/* not HLT: out %al, $0x12 */
	memcpy(vm.mem + WRITES + 2, "\xe6\x12", 2);
	want_ok(r, set(&vm, KVM_MSR_FILTER_DEFAULT_DENY, range(BOTH, 0x800, 0x100, none), no_range), "all denied");
	want(r, accesses(v, false, X2APIC_ID, 0), OTHER, "the x2APIC's id");
	want(r, accesses(v, true, 0x808, 0x20), OTHER, "its TPR");
	want(r, accesses(v, false, 0x808, 0), OTHER, "the TPR again");
	if (answer(v) != 0x20)
		tap_fail(r, "the TPR is %#llx", (long long)answer(v));
	/* KVM 6.1 sets it before it looks at the filter */
	if (!on_kvm())
		want(r, accesses(v, true, DEADLINE, 0), FAULTED, "the deadline");
	want(r, accesses(v, false, 0x1b, 0), FAULTED, "the APIC base");
	/* a vCPU that comes later */
	v = vm_add_vcpu(&vm);
	xioctl(v->fd, KVM_SET_MP_STATE, &(struct kvm_mp_state){ KVM_MP_STATE_RUNNABLE });
	vcpu_set_mode(&vm, v, MODE_FLAT32, READS, STACK);
	want(r, accesses(v, false, SYSENTER_CS, 0), FAULTED, "of another vCPU");
}

static void filter_bad(struct tap_result *r, const void *arg)
{
	const uint32_t most = KVM_MSR_FILTER_MAX_BITMAP_SIZE * 8;
	struct vm vm;
	struct vcpu *v = guest(&vm, 0, MODE_FLAT32);

	(void)arg;
	want_ok(r, set(&vm, 0, range(BOTH, SYSENTER_CS, 1, none), no_range), "a filter");
	want_errno(r, set(&vm, 2, no_range, no_range), EINVAL, "flags");
	want_errno(r, set(&vm, KVM_MSR_FILTER_DEFAULT_DENY, no_range, no_range), EINVAL, "all denied by no range");
	want_errno(r, set(&vm, 0, range(4, 0, 1, all), no_range), EINVAL, "a range's flags");
	want_errno(r, set(&vm, 0, range(0, 0, 1, all), no_range), EINVAL, "a range without flags");
	want_errno(r, set(&vm, 0, range(BOTH, 0, most + 1, all), no_range), EINVAL, "a bitmap too large");
	want_errno(r, set(&vm, 0, range(BOTH, 0, -1u, all), no_range), EINVAL, "2^32-1 MSRs");
	want_errno(r, set(&vm, 0, range(BOTH, 0, 8, BAD_POINTER), no_range), EFAULT, "no bitmap");
	want_errno(r, set(&vm, 0, range(BOTH, 0, 8, all), range(BOTH, 0, 8, KERNEL_POINTER)), EFAULT, "the kernel's");
	want_errno(r, ioctl(vm.fd, KVM_X86_SET_MSR_FILTER, BAD_POINTER), EFAULT, "no filter at all");
	/* there is still what there was */
	want(r, accesses(v, false, SYSENTER_CS, 0), FAULTED, "the first filter");
	want_ok(r, set(&vm, 0, range(BOTH, 0, most, none), range(BOTH, -1u, most, none)), "the largest, and past 2^32");
	want(r, accesses(v, false, MISC_ENABLE, 0), FAULTED, "the largest");
	want_ok(r, set(&vm, 0, range(BOTH, -8u, most, none), no_range), "past 2^32 alone");
	want(r, accesses(v, false, MISC_ENABLE, 0), DONE, "a range does not wrap around");
	want_ok(r, set(&vm, 0, no_range, range(BOTH, SYSENTER_CS, 1, none)), "the first is empty");
	want(r, accesses(v, false, SYSENTER_CS, 0), FAULTED, "of the second");
	want(r, accesses(v, false, MISC_ENABLE, 0), DONE, "of none");
}

/* Residencies in C-states are the processor's own where the guest chooses C-states: no exit, but for a filter. */
static void cstate(struct tap_result *r, const void *arg)
{
	static const uint32_t msrs[] = { 0x660, 0x3fc, 0x3fd, 0x3fe };
	struct vcpu *v;
	struct vm vm;
	unsigned int i, on;
	enum end e;

	(void)arg;
	for (on = 0; on < 2; on++) {
		vm_create(&vm, 1 << 20, 0);
		vm_build_tables(&vm);
		if (on)
			want_ok(r, vm_enable(&vm, KVM_CAP_X86_DISABLE_EXITS, KVM_X86_DISABLE_EXITS_CSTATE), "C-states");
		want_ok(r, vm_enable(&vm, KVM_CAP_X86_USER_SPACE_MSR, ALL_REASONS), "exits");
		v = vm_add_vcpu(&vm);
		memcpy(vm.mem + READS, "\x0f\x32\xf4", 3);
		memcpy(vm.mem + WRITES, "\x0f\x30\xf4", 3);
		memcpy(vm.mem + HANDLER, "\xe6\x11", 2);
		vcpu_set_mode(&vm, v, MODE_FLAT32, READS, STACK);
		gate(&vm, 13, HANDLER);
		for (i = 0; i < 4; i++) {
			e = accesses(v, false, msrs[i], 0);
			/* a processor that has none of it raises #GP itself */
			if (on ? e != DONE && e != FAULTED : e != ASKED)
				tap_fail(r, "read of %#x: %u", msrs[i], e);
			if (!on_kvm())	/* 6.1 takes a write of 0 */
				want(r, accesses(v, true, msrs[i], 0), ASKED, "a write");
			want_ok(r, set(&vm, 0, range(BOTH, msrs[i], 1, none), no_range), "a filter");
			asked(r, v, accesses(v, false, msrs[i], 0), false, msrs[i], 0, KVM_MSR_EXIT_REASON_FILTER, "filtered");
			want_ok(r, set(&vm, 0, no_range, no_range), "none");
		}
		vm_destroy(&vm);
	}
}

/* --- a filter that changes under a vCPU that runs --- */

struct reader {
	struct vcpu *v;
	volatile unsigned int exits;
	volatile bool stop, failed;
};

static void *reads(void *arg)
{
	struct reader *rd = arg;

	while (!rd->stop) {
		int err = vcpu_run(rd->v);

		if (err || rd->v->run->exit_reason != KVM_EXIT_X86_RDMSR || rd->v->run->msr.reason != KVM_MSR_EXIT_REASON_FILTER) {
			rd->failed = true;
			break;
		}
		rd->exits++;
	}
	return NULL;
}

static void filter_changes(struct tap_result *r, const void *arg)
{
	const uint32_t msr = *(const uint32_t *)arg;
	struct vm vm;
	struct reader rd = { .v = guest(&vm, 0, MODE_FLAT32) };
	struct kvm_regs regs = { .rip = LOOP, .rsp = STACK, .rflags = 2, .rcx = msr, .rsi = TURNS };
	volatile uint32_t *turns = (volatile uint32_t *)(vm.mem + TURNS);
	pthread_t thread;
	unsigned int i, n;

	want_ok(r, vm_enable(&vm, KVM_CAP_X86_USER_SPACE_MSR, KVM_MSR_EXIT_REASON_FILTER), "exits");
	xioctl(rd.v->fd, KVM_SET_REGS, &regs);
	pthread_create(&thread, NULL, reads, &rd);
	for (i = 0; i < 50 && !rd.failed; i++) {
		if (!wait_count(turns, *turns + 2))
			tap_fail(r, "the guest stands");
		want_ok(r, set(&vm, 0, range(KVM_MSR_FILTER_READ, msr, 1, none), no_range), "denied");
		n = rd.exits;
		/* each turn is an exit from here on; one may be under way */
		if (!wait_count(turns, *turns + 3) || rd.exits < n + 2)
			tap_fail(r, "%u exits in 3 turns", rd.exits - n);
		want_ok(r, set(&vm, 0, no_range, no_range), "allowed");
		wait_count(turns, *turns + 2);
		n = rd.exits;
		wait_count(turns, *turns + 20);
		if (rd.exits != n)
			tap_fail(r, "%u exits without a filter", rd.exits - n);
	}
	rd.stop = true;
	set(&vm, 0, range(KVM_MSR_FILTER_READ, msr, 1, none), no_range);
	pthread_join(thread, NULL);
	if (rd.failed)
		tap_fail(r, "exit %s", exit_name(rd.v->run->exit_reason));
}

static const uint32_t passed = SYSENTER_CS, fast = MISC_ENABLE;

const struct test_case msr_cases[] = {
	{ "msr-user-space", user_space, &modes[0] },
	{ "msr-user-space-real", user_space, &modes[1] },
	{ "msr-user-space-finish", user_space_finish, NULL },
	{ "msr-filter", filter, &modes[0] },
	{ "msr-filter-real", filter, &modes[1] },
	{ "msr-filter-lapic", filter_lapic, NULL },
	{ "msr-filter-bad", filter_bad, NULL },
	{ "msr-cstate", cstate, NULL },
	{ "msr-filter-changes-passed", filter_changes, &passed },
	{ "msr-filter-changes-fast", filter_changes, &fast },
	{ NULL, NULL, NULL }
};
