// SPDX-License-Identifier: GPL-2.0-only
/* Machine checks: banks, their MSRs, errors that userspace injects; and the TPR page. */
#include "abi.h"

#define MCG_CAP		0x179
#define MCG_STATUS	0x17a
#define MCG_CTL		0x17b
#define MC(bank, reg)	(0x400 + 4 * (bank) + (reg))	/* CTL, STATUS, ADDR, MISC */

#define CAP_CTL		(1ull << 8)
#define CAP_SER		(1ull << 24)

#define VALID		(1ull << 63)
#define OVERFLOW	(1ull << 62)
#define UNCORRECTED	(1ull << 61)
#define ENABLED		(1ull << 60)
#define IN_PROGRESS	4ull

#define CR4_MCE		0x40

static int msr(struct vcpu *v, unsigned long req, uint32_t index, uint64_t *value)
{
	struct {
		struct kvm_msrs h;
		struct kvm_msr_entry e;
	} m = { .h.nmsrs = 1, .e = { .index = index, .data = *value } };
	int n = ioctl(v->fd, req, &m);

	*value = m.e.data;
	return n;
}

static void is(struct tap_result *r, struct vcpu *v, uint32_t index, uint64_t want)
{
	uint64_t value = 0;

	if (msr(v, KVM_GET_MSRS, index, &value) != 1)
		tap_fail(r, "MSR %#x cannot be read", index);
	else if (value != want)
		tap_fail(r, "MSR %#x is %#llx, not %#llx", index, (long long)value,
			 (long long)want);
}

static void setup(struct tap_result *r, const void *arg)
{
	uint64_t supported = 0, cap, value = 0;
	struct vm vm;
	struct vcpu *v;
	int banks = kvm_cap(KVM_CAP_MCE);

	(void)arg;
	v = vm_simple(&vm, 0);
	is(r, v, MCG_CAP, banks);
	is(r, v, MC(banks - 1, 0), 0);
	if (banks < 10)
		tap_fail(r, "%d banks", banks);
	want_ok(r, ioctl(kvm_open(), KVM_X86_GET_MCE_CAP_SUPPORTED, &supported), "supported");
	if ((supported & (CAP_CTL | CAP_SER)) != (CAP_CTL | CAP_SER))
		tap_fail(r, "capabilities %#llx", (long long)supported);
	want_errno(r, ioctl(kvm_open(), KVM_X86_GET_MCE_CAP_SUPPORTED, BAD_POINTER), EFAULT,
		   "supported, bad pointer");
	want_errno(r, ioctl(v->fd, KVM_X86_SETUP_MCE, BAD_POINTER), EFAULT, "bad pointer");
	cap = CAP_CTL;
	want_errno(r, ioctl(v->fd, KVM_X86_SETUP_MCE, &cap), EINVAL, "no banks");
	cap = banks + 1;
	want_errno(r, ioctl(v->fd, KVM_X86_SETUP_MCE, &cap), EINVAL, "too many banks");
	cap = 1ull << 40 | 10;
	want_errno(r, ioctl(v->fd, KVM_X86_SETUP_MCE, &cap), EINVAL, "unknown capability");
	cap = CAP_CTL | CAP_SER | 10;
	want_ok(r, ioctl(v->fd, KVM_X86_SETUP_MCE, &cap), "10 banks");
	is(r, v, MCG_CAP, cap);
	is(r, v, MCG_CTL, ~0ull);
	is(r, v, MC(0, 0), ~0ull);
	is(r, v, MC(9, 0), ~0ull);
	is(r, v, MC(9, 3), 0);
	if (msr(v, KVM_GET_MSRS, MC(10, 0), &value) == 1)
		tap_fail(r, "an eleventh bank can be read");
	value = 1;
	if (msr(v, KVM_SET_MSRS, MC(10, 0), &value) == 1)
		tap_fail(r, "an eleventh bank can be written");
	value = 0x1234;
	if (msr(v, KVM_SET_MSRS, MC(3, 2), &value) != 1)
		tap_fail(r, "an address register cannot be set");
	is(r, v, MC(3, 2), 0x1234);
}

static unsigned int pending(struct vcpu *v)
{
	struct kvm_vcpu_events e;

	xioctl(v->fd, KVM_GET_VCPU_EVENTS, &e);
	return e.exception.injected || e.exception.pending ? e.exception.nr : 0;
}

static void set_cr4(struct vcpu *v, uint64_t bits)
{
	struct kvm_sregs s;

	xioctl(v->fd, KVM_GET_SREGS, &s);
	s.cr4 |= bits;
	xioctl(v->fd, KVM_SET_SREGS, &s);
}

static void inject(struct tap_result *r, const void *arg)
{
	struct kvm_x86_mce e = { .bank = 2, .status = VALID | ENABLED | 0x11, .addr = 0x5000,
				 .misc = 0x8c };
	uint64_t cap = CAP_CTL | CAP_SER | 10, off = 0;
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&vm, 0);
	want_ok(r, ioctl(v->fd, KVM_X86_SETUP_MCE, &cap), "set up");
	guest_start(&vm, v, "mixed", 0x80000, 0);
	set_cr4(v, CR4_MCE);
	want_errno(r, ioctl(v->fd, KVM_X86_SET_MCE, BAD_POINTER), EFAULT, "bad pointer");
	e.bank = 10;
	want_errno(r, ioctl(v->fd, KVM_X86_SET_MCE, &e), EINVAL, "bank 10");
	e.bank = 2;
	e.status &= ~VALID;
	want_errno(r, ioctl(v->fd, KVM_X86_SET_MCE, &e), EINVAL, "an invalid error");
	/* a corrected one: noted, no exception */
	e.status |= VALID;
	want_ok(r, ioctl(v->fd, KVM_X86_SET_MCE, &e), "corrected");
	is(r, v, MC(2, 1), e.status);
	is(r, v, MC(2, 2), 0x5000);
	is(r, v, MC(2, 3), 0x8c);
	if (pending(v))
		tap_fail(r, "a corrected error raises %u", pending(v));
	want_ok(r, ioctl(v->fd, KVM_X86_SET_MCE, &e), "once more");
	is(r, v, MC(2, 1), e.status | OVERFLOW);
	/* an uncorrected one in a bank that is switched off: nothing */
	e.bank = 3;
	e.status |= UNCORRECTED;
	/* nor does one that asks for nothing raise an exception */
	e.bank = 5;
	want_ok(r, ioctl(v->fd, KVM_X86_SET_MCE, &e), "no action required");
	is(r, v, MC(5, 1), e.status);
	if (pending(v))
		tap_fail(r, "an error that asks for nothing raises %u", pending(v));
	e.bank = 3;
	e.mcg_status = IN_PROGRESS;
	msr(v, KVM_SET_MSRS, MC(3, 0), &off);
	want_ok(r, ioctl(v->fd, KVM_X86_SET_MCE, &e), "switched off");
	is(r, v, MC(3, 1), 0);
	/* in one that is on: #MC */
	e.bank = 4;
	want_ok(r, ioctl(v->fd, KVM_X86_SET_MCE, &e), "uncorrected");
	is(r, v, MC(4, 1), e.status);
	is(r, v, MCG_STATUS, IN_PROGRESS);
	if (pending(v) != 18)
		tap_fail(r, "an uncorrected error raises %u", pending(v));
	/* a second one while the first is being handled: shutdown */
	want_ok(r, ioctl(v->fd, KVM_X86_SET_MCE, &e), "and another");
	want_ok(r, ioctl(v->fd, KVM_RUN, 0), "KVM_RUN");
	if (v->run->exit_reason != KVM_EXIT_SHUTDOWN)
		tap_fail(r, "exit %s", exit_name(v->run->exit_reason));
}

static void inject_off(struct tap_result *r, const void *arg)
{
	struct kvm_x86_mce e = { .bank = 1, .status = VALID | ENABLED | UNCORRECTED,
				 .mcg_status = IN_PROGRESS };
	uint64_t cap = 10;
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&vm, 0);
	want_ok(r, ioctl(v->fd, KVM_X86_SETUP_MCE, &cap), "set up");
	guest_start(&vm, v, "mixed", 0x80000, 0);
	want_ok(r, ioctl(v->fd, KVM_X86_SET_MCE, &e), "the guest has CR4.MCE off");
	want_ok(r, ioctl(v->fd, KVM_RUN, 0), "KVM_RUN");
	if (v->run->exit_reason != KVM_EXIT_SHUTDOWN)
		tap_fail(r, "exit %s", exit_name(v->run->exit_reason));
}

static void vapic(struct tap_result *r, const void *arg)
{
	struct kvm_vapic_addr a = { 0 };
	struct vm with, without;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&without, 0);
	want_errno(r, ioctl(v->fd, KVM_SET_VAPIC_ADDR, &a), EINVAL, "without an irqchip");
	v = vm_simple(&with, VM_IRQCHIP);
	want_ok(r, ioctl(v->fd, KVM_SET_VAPIC_ADDR, &a), "none");
	want_errno(r, ioctl(v->fd, KVM_SET_VAPIC_ADDR, BAD_POINTER), EFAULT, "bad pointer");
}

const struct test_case mce_cases[] = {
	{ "mce-setup", setup, NULL },
	{ "mce-inject", inject, NULL },
	{ "mce-inject-off", inject_off, NULL },
	{ "mce-vapic", vapic, NULL },
	{ NULL, NULL, NULL }
};
