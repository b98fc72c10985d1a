// SPDX-License-Identifier: GPL-2.0-only
/* Which exits there are, and which userspace is told of, as the VMM has asked (KVM_ENABLE_CAP). */
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

#include "../../uapi/linux/vh.h"
#include "lane.h"

#define CODE		0x1000u
#define STACK		0x8000u
#define DEVICE		0xd0000000u

#define EXIT_HLT	12
#define EXIT_MWAIT	36
#define EXIT_PAUSE	40

/* --- instructions that nobody executes --- */

/* PCLMULQDQ with an operand in a device is not interpreted, by KVM neither. */
static const uint8_t unknown[] = { 0x66, 0x0f, 0x3a, 0x44, 0x00, 0x00 };	/* pclmulqdq $0, (%rax), %xmm0 */

/* In 64-bit mode at @cpl, where no exception has a handler: one is a shutdown. */
static struct vcpu *at_unknown(struct vm *vm, unsigned int cpl)
{
	struct vcpu *v = vm_simple(vm, 0);
	struct kvm_regs regs;
	struct kvm_sregs s;

	memcpy(vm->mem + CODE, unknown, sizeof(unknown));
	memcpy(vm->mem + CODE + sizeof(unknown), "\x8b\x00", 2);	/* mov (%rax), %eax */
	vcpu_set_mode(vm, v, MODE_LONG, CODE, STACK);
	xioctl(v->fd, KVM_GET_SREGS, &s);
	if (cpl) {
		s.cs.selector = SEL_CODE64_U;
		s.ss.selector = SEL_DATA_U;
		s.cs.dpl = s.ss.dpl = 3;
		xioctl(v->fd, KVM_SET_SREGS, &s);
	}
	xioctl(v->fd, KVM_GET_REGS, &regs);
	regs.rax = DEVICE;
	xioctl(v->fd, KVM_SET_REGS, &regs);
	return v;
}

/* KVM_INTERNAL_ERROR_EMULATION that names the instruction; the VMM steps over it, and the guest goes on. */
static void named(struct tap_result *r, struct vcpu *v, const char *what)
{
	struct kvm_run *k = v->run;
	struct kvm_regs regs;

	want_exit(r, v, KVM_EXIT_INTERNAL_ERROR, what);
	if (r->verdict != TAP_PASS)
		return;
	if (k->internal.suberror != KVM_INTERNAL_ERROR_EMULATION || k->internal.ndata < 3 ||
	    !(k->emulation_failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES) ||
	    k->emulation_failure.insn_size < sizeof(unknown) || k->emulation_failure.insn_size > 15 ||
	    memcmp(k->emulation_failure.insn_bytes, unknown, sizeof(unknown)))
		tap_fail(r, "%s: suberror %u, %u words, flags %#llx, %u bytes", what, k->internal.suberror, k->internal.ndata,
			 (long long)k->emulation_failure.flags, k->emulation_failure.insn_size);
	/* the words behind are what the exit was: an EPT violation, or a page fault */
	if (k->internal.ndata != 8 || (k->internal.data[3] != 48 && k->internal.data[3] != 0 && k->internal.data[3] != 49))
		tap_fail(r, "%s: %u words, exit %llu", what, k->internal.ndata, (long long)k->internal.data[3]);
	xioctl(v->fd, KVM_GET_REGS, &regs);
	if (regs.rip != CODE)
		tap_fail(r, "%s: RIP %#llx", what, (long long)regs.rip);
	regs.rip += sizeof(unknown);
	xioctl(v->fd, KVM_SET_REGS, &regs);
	want_exit(r, v, KVM_EXIT_MMIO, "the next instruction");
}

static void emulation_failure(struct tap_result *r, const void *arg)
{
	const unsigned int cpl = *(const unsigned int *)arg;
	struct vcpu *v;
	struct vm vm;

	if (kvm_cap(KVM_CAP_EXIT_ON_EMULATION_FAILURE) != 1)
		tap_fail(r, "the capability answers %d", kvm_cap(KVM_CAP_EXIT_ON_EMULATION_FAILURE));
	v = at_unknown(&vm, cpl);
	/* user code gets #UD */
	if (cpl)
		want_exit(r, v, KVM_EXIT_SHUTDOWN, "not asked for");
	else
		named(r, v, "not asked for");
	vm_destroy(&vm);

	v = at_unknown(&vm, cpl);
	want_errno(r, vm_enable(&vm, KVM_CAP_EXIT_ON_EMULATION_FAILURE, 2), EINVAL, "argument 2");
	want_ok(r, vm_enable(&vm, KVM_CAP_EXIT_ON_EMULATION_FAILURE, 1), "on");
	named(r, v, "asked for");
	vm_destroy(&vm);

	v = at_unknown(&vm, cpl);
	want_ok(r, vm_enable(&vm, KVM_CAP_EXIT_ON_EMULATION_FAILURE, 1), "on");
	want_ok(r, vm_enable(&vm, KVM_CAP_EXIT_ON_EMULATION_FAILURE, 0), "off");
	if (cpl)
		want_exit(r, v, KVM_EXIT_SHUTDOWN, "off again");
}

static const unsigned int kernel, user = 3;

/* --- instructions that need not exit --- */

static uint64_t exits_by(struct vcpu *v, unsigned int reason)
{
	struct vh_exit_stats s;

	xioctl(v->fd, VH_GET_EXIT_STATS, &s);
	return s.counts[reason];
}

/* A VM that was asked not to exit for @what, and a vCPU at @code. */
static struct vcpu *without(struct vm *vm, uint64_t what, const void *code, size_t len)
{
	struct vcpu *v;

	vm_create(vm, 1 << 20, 0);
	vm_build_tables(vm);
	if (what)
		xioctl(vm->fd, KVM_ENABLE_CAP, (&(struct kvm_enable_cap){ .cap = KVM_CAP_X86_DISABLE_EXITS, .args = { what } }));
	v = vm_add_vcpu(vm);
	memcpy(vm->mem + CODE, code, len);
	vcpu_set_mode(vm, v, MODE_FLAT32, CODE, STACK);
	return v;
}

static void disable_bad(struct tap_result *r, const void *arg)
{
	int can = kvm_cap(KVM_CAP_X86_DISABLE_EXITS);
	struct vm vm;

	(void)arg;
	if ((can & 14) != 14 || (can & ~15))
		tap_fail(r, "the capability answers %#x", can);
	vm_create(&vm, 1 << 20, 0);
	want_errno(r, vm_enable(&vm, KVM_CAP_X86_DISABLE_EXITS, 1ull << 40), EINVAL, "unknown bit");
	want_errno(r, vm_enable(&vm, KVM_CAP_X86_DISABLE_EXITS, -1ull), EINVAL, "all bits");
	want_ok(r, vm_enable(&vm, KVM_CAP_X86_DISABLE_EXITS, can), "all there are");
	vm_add_vcpu(&vm);
	if (!on_kvm())		/* 6.1 takes it, for vCPUs to come */
		want_errno(r, vm_enable(&vm, KVM_CAP_X86_DISABLE_EXITS, can), EINVAL, "behind a vCPU");
}

static void disable_pause(struct tap_result *r, const void *arg)
{
	/* mov $2000000, %ecx; 1: pause; dec %ecx; jnz 1b; hlt */
	static const uint8_t spin[] = { 0xb9, 0x80, 0x84, 0x1e, 0, 0xf3, 0x90, 0x49, 0x75, 0xfb, 0xf4 };
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	v = without(&vm, KVM_X86_DISABLE_EXITS_PAUSE, spin, sizeof(spin));
	want_exit(r, v, KVM_EXIT_HLT, "PAUSE");
	if (!on_kvm() && exits_by(v, EXIT_PAUSE))
		tap_fail(r, "%llu exits for PAUSE", (long long)exits_by(v, EXIT_PAUSE));
	vm_destroy(&vm);
	/* the same loop exits otherwise, so that it would be seen */
	v = without(&vm, 0, spin, sizeof(spin));
	want_exit(r, v, KVM_EXIT_HLT, "PAUSE that exits");
	if (!on_kvm() && !exits_by(v, EXIT_PAUSE))
		tap_skip(r, "this processor has no exits for PAUSE loops");
}

static void disable_mwait(struct tap_result *r, const void *arg)
{
	/* mov $0x4000, %eax; xor %ecx, %ecx; xor %edx, %edx; monitor; xor %eax, %eax; mwait; hlt */
	static const uint8_t wait[] = {
		0xb8, 0, 0x40, 0, 0, 0x31, 0xc9, 0x31, 0xd2, 0x0f, 0x01, 0xc8, 0x31, 0xc0, 0x0f, 0x01, 0xc9, 0xf4
	};
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	if (!(kvm_cap(KVM_CAP_X86_DISABLE_EXITS) & KVM_X86_DISABLE_EXITS_MWAIT)) {
		vm_create(&vm, 1 << 20, 0);
		if (!on_kvm())		/* 6.1 takes it, and does nothing */
			want_errno(r, vm_enable(&vm, KVM_CAP_X86_DISABLE_EXITS, KVM_X86_DISABLE_EXITS_MWAIT), EINVAL, "not offered");
		tap_skip(r, "MWAIT is not for guests on this processor");
		return;
	}
	/* an interrupt of the host's ends the wait, if nothing else does */
	v = without(&vm, KVM_X86_DISABLE_EXITS_MWAIT, wait, sizeof(wait));
	want_exit(r, v, KVM_EXIT_HLT, "MWAIT");
	if (!on_kvm() && exits_by(v, EXIT_MWAIT))
		tap_fail(r, "%llu exits for MWAIT", (long long)exits_by(v, EXIT_MWAIT));
	vm_destroy(&vm);
	v = without(&vm, 0, wait, sizeof(wait));
	/* it is not in CPUID, and does nothing unless a quirk is off */
	want_exit(r, v, KVM_EXIT_HLT, "MWAIT that exits");
	if (!on_kvm() && exits_by(v, EXIT_MWAIT) != 1)
		tap_fail(r, "%llu exits for one MWAIT", (long long)exits_by(v, EXIT_MWAIT));
}

/* What a vCPU that waits in MWAIT is told: a signal has it leave. */
static void on_alarm(int sig)
{
	(void)sig;
}

/* HLT without an exit: what userspace has delivered to the guest ends it, be that an exception or other segments. */
static void disable_hlt(struct tap_result *r, const void *arg)
{
	const struct itimerval soon = { .it_value = { .tv_usec = 200000 } };
	struct kvm_guest_debug d = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_BP };
	struct kvm_sregs s;
	unsigned int i;
	struct vcpu *v;
	struct vm vm;

	(void)arg;
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_alarm }, NULL);
	/* on KVM other segments do not end it, and the entry fails */
	for (i = 0; i < (on_kvm() ? 2 : 3); i++) {
		vm_create(&vm, 1 << 20, VM_IRQCHIP);
		want_ok(r, vm_enable(&vm, KVM_CAP_X86_DISABLE_EXITS, KVM_X86_DISABLE_EXITS_HLT), "HLT");
		vm_build_tables(&vm);
		v = vm_add_vcpu(&vm);
		guest_code(&vm, v, "\xf4\xe6\x11", 3);
		memcpy(vm.mem + 0x3000, "\xe6\x10", 2);
		gate(&vm, 3, 0x3000);
		gate(&vm, 1, 0x3000);
		setitimer(ITIMER_REAL, &soon, NULL);
		want_errno(r, ioctl(v->fd, KVM_RUN, 0), EINTR, "HLT");
		switch (i) {
		case 0:
			want_ok(r, ioctl(v->fd, KVM_SET_GUEST_DEBUG, &d), "#BP");
			break;
		case 1:
			d.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_INJECT_DB;
			want_ok(r, ioctl(v->fd, KVM_SET_GUEST_DEBUG, &d), "#DB");
			break;
		case 2:
			xioctl(v->fd, KVM_GET_SREGS, &s);
			s.cs.selector |= 3;
			s.ss.selector |= 3;
			s.cs.dpl = s.ss.dpl = 3;
			xioctl(v->fd, KVM_SET_SREGS, &s);
			/* halted or not: it can be entered */
			setitimer(ITIMER_REAL, &soon, NULL);
		}
		if (vcpu_exit(v) == KVM_EXIT_FAIL_ENTRY)
			tap_fail(r, "%u: the entry fails", i);
		else if (i < 2 && (v->run->exit_reason != KVM_EXIT_IO || v->run->io.port != 0x10))
			tap_fail(r, "%u: exit %s", i, exit_name(v->run->exit_reason));
		vm_destroy(&vm);
	}
}

static void mwait_kick(struct tap_result *r, const void *arg)
{
	static const uint8_t wait[] = {
		0xb8, 0, 0x40, 0, 0, 0x31, 0xc9, 0x31, 0xd2, 0x0f, 0x01, 0xc8, 0x31, 0xc0, 0x0f, 0x01, 0xc9,
		0xff, 0x06,				/* incl (%esi) */
		0xeb, 0xeb				/* again */
	};
	volatile uint32_t *turns;
	struct kvm_regs regs;
	struct lane lane;
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	if (!(kvm_cap(KVM_CAP_X86_DISABLE_EXITS) & KVM_X86_DISABLE_EXITS_MWAIT)) {
		tap_skip(r, "MWAIT is not for guests on this processor");
		return;
	}
	v = without(&vm, KVM_X86_DISABLE_EXITS_MWAIT, wait, sizeof(wait));
	turns = (volatile uint32_t *)(vm.mem + TURNS);
	xioctl(v->fd, KVM_GET_REGS, &regs);
	regs.rsi = TURNS;
	xioctl(v->fd, KVM_SET_REGS, &regs);
	lane_start(&lane, v);
	if (!wait_count(turns, 3))
		tap_fail(r, "%u turns", *turns);
	lane_stop(r, &lane);
}

/* --- what this processor may not have --- */

static void bus_lock(struct tap_result *r, const void *arg)
{
	/* lock incl across two lines: 0x303e; hlt */
	static const uint8_t split[] = { 0xf0, 0xff, 0x05, 0x3e, 0x30, 0, 0, 0xf4 };
	int can = kvm_cap(KVM_CAP_X86_BUS_LOCK_EXIT);
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	vm_create(&vm, 1 << 20, 0);
	want_errno(r, vm_enable(&vm, KVM_CAP_X86_BUS_LOCK_EXIT, 3), EINVAL, "on and off");
	want_errno(r, vm_enable(&vm, KVM_CAP_X86_BUS_LOCK_EXIT, 4), EINVAL, "unknown bit");
	want_ok(r, vm_enable(&vm, KVM_CAP_X86_BUS_LOCK_EXIT, KVM_BUS_LOCK_DETECTION_OFF), "off");
	if (!can) {
		if (!on_kvm())		/* 6.1 takes it, and does nothing */
			want_errno(r, vm_enable(&vm, KVM_CAP_X86_BUS_LOCK_EXIT, KVM_BUS_LOCK_DETECTION_EXIT), EINVAL, "not offered");
		tap_skip(r, "this processor does not tell of bus locks");
		return;
	}
	if (can != 3)
		tap_fail(r, "the capability answers %#x", can);
	want_ok(r, vm_enable(&vm, KVM_CAP_X86_BUS_LOCK_EXIT, KVM_BUS_LOCK_DETECTION_EXIT), "on");
	vm_build_tables(&vm);
	v = vm_add_vcpu(&vm);
	memcpy(vm.mem + CODE, split, sizeof(split));
	vcpu_set_mode(&vm, v, MODE_FLAT32, CODE, STACK);
	want_exit(r, v, KVM_EXIT_X86_BUS_LOCK, "a lock across lines");
	if (!(v->run->flags & KVM_RUN_X86_BUS_LOCK))
		tap_fail(r, "flags %#x", v->run->flags);
	want_exit(r, v, KVM_EXIT_HLT, "and on");
	if (v->run->flags & KVM_RUN_X86_BUS_LOCK)
		tap_fail(r, "told twice");
}

static void notify(struct tap_result *r, const void *arg)
{
	int can = kvm_cap(KVM_CAP_X86_NOTIFY_VMEXIT);
	struct vm vm;

	(void)arg;
	vm_create(&vm, 1 << 20, 0);
	want_errno(r, vm_enable(&vm, KVM_CAP_X86_NOTIFY_VMEXIT, KVM_X86_NOTIFY_VMEXIT_USER), EINVAL, "not enabled");
	want_errno(r, vm_enable(&vm, KVM_CAP_X86_NOTIFY_VMEXIT, 4 | KVM_X86_NOTIFY_VMEXIT_ENABLED), EINVAL, "unknown bit");
	if (!can) {
		want_errno(r, vm_enable(&vm, KVM_CAP_X86_NOTIFY_VMEXIT, KVM_X86_NOTIFY_VMEXIT_ENABLED), EINVAL, "not offered");
		tap_skip(r, "this processor has no notify window");
		return;
	}
	if (can != 3)
		tap_fail(r, "the capability answers %#x", can);
	want_ok(r, vm_enable(&vm, KVM_CAP_X86_NOTIFY_VMEXIT, 1ull << 48 | 3), "a window");
	vm_add_vcpu(&vm);
	want_errno(r, vm_enable(&vm, KVM_CAP_X86_NOTIFY_VMEXIT, 1ull << 48 | 3), EINVAL, "behind a vCPU");
}

const struct test_case exits_cases[] = {
	{ "exits-emulation-failure", emulation_failure, &kernel },
	{ "exits-emulation-failure-user", emulation_failure, &user },
	{ "exits-disable", disable_bad, NULL },
	{ "exits-disable-hlt", disable_hlt, NULL },
	{ "exits-disable-pause", disable_pause, NULL },
	{ "exits-disable-mwait", disable_mwait, NULL },
	{ "exits-mwait-kick", mwait_kick, NULL },
	{ "exits-bus-lock", bus_lock, NULL },
	{ "exits-notify", notify, NULL },
	{ NULL, NULL, NULL }
};
