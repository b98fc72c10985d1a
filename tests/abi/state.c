// SPDX-License-Identifier: GPL-2.0-only
/* A vCPU's state: what is set comes back, what is illegal is refused. */
#include <stdlib.h>

#include "lane.h"

static void regs(struct tap_result *r, const void *arg)
{
	struct kvm_regs a, b;
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&vm, 0);
	a = (struct kvm_regs) {
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
		0x8000000000000000, 0x1234, 0x246
	};
	want_ok(r, ioctl(v->fd, KVM_SET_REGS, &a), "set");
	want_ok(r, ioctl(v->fd, KVM_GET_REGS, &b), "get");
	if (memcmp(&a, &b, sizeof(a)))
		tap_fail(r, "they come back different");
	a.rflags = 0;		/* bit 1 is always set */
	want_ok(r, ioctl(v->fd, KVM_SET_REGS, &a), "set");
	want_ok(r, ioctl(v->fd, KVM_GET_REGS, &b), "get");
	if (b.rflags != 2)
		tap_fail(r, "rflags 0 became %#llx", b.rflags);
	want_errno(r, ioctl(v->fd, KVM_GET_REGS, BAD_POINTER), EFAULT,
		   "get, bad pointer");
	want_errno(r, ioctl(v->fd, KVM_SET_REGS, BAD_POINTER), EFAULT,
		   "set, bad pointer");
	want_errno(r, ioctl(v->fd, KVM_SET_REGS, NULL), EFAULT, "set, NULL");
}

static void sregs(struct tap_result *r, const void *arg)
{
	static const enum guest_mode modes[] = {
		MODE_REAL, MODE_FLAT32, MODE_PAGE32, MODE_PAE, MODE_LONG
	};
	struct kvm_sregs a, b;
	unsigned int i;
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&vm, VM_IRQCHIP);
	for (i = 0; i < 5; i++) {
		vcpu_set_mode(&vm, v, modes[i], 0x1000, 0x8000);
		xioctl(v->fd, KVM_GET_SREGS, &a);
		a.cr2 = 0x12345000 + i;
		a.fs.base = 0x1000 * i;
		a.fs.limit = 0xffff;
		a.fs.g = 0;
		a.ldt.base = 0x5000;
		a.ldt.limit = 0x7f;
		a.ldt.present = 1;
		a.ldt.type = 2;
		a.ldt.selector = 0x50;
		want_ok(r, ioctl(v->fd, KVM_SET_SREGS, &a), "set");
		want_ok(r, ioctl(v->fd, KVM_GET_SREGS, &b), "get");
		if (memcmp(&a, &b, sizeof(a)))
			tap_fail(r, "mode %u comes back different at byte %u",
				 i, (unsigned int)({
				 unsigned int n = 0;
				 while (((char *)&a)[n] == ((char *)&b)[n])
					n++;
				 n; }));
	}
	want_errno(r, ioctl(v->fd, KVM_GET_SREGS, BAD_POINTER), EFAULT,
		   "get, bad pointer");
	want_errno(r, ioctl(v->fd, KVM_SET_SREGS, BAD_POINTER), EFAULT,
		   "set, bad pointer");
}

static void sregs_illegal(struct tap_result *r, const void *arg)
{
	struct kvm_sregs good, s;
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&vm, VM_IRQCHIP);
	vcpu_set_mode(&vm, v, MODE_LONG, 0x1000, 0x8000);
	xioctl(v->fd, KVM_GET_SREGS, &good);
	s = good;
	s.cr4 |= 1ull << 63;
	want_errno(r, ioctl(v->fd, KVM_SET_SREGS, &s), EINVAL, "CR4 bit 63");
	s = good;
	s.cr4 |= 1ull << 31;
	want_errno(r, ioctl(v->fd, KVM_SET_SREGS, &s), EINVAL, "CR4 bit 31");
	s = good;
	s.efer &= ~(1ull << 8);
	want_errno(r, ioctl(v->fd, KVM_SET_SREGS, &s), EINVAL,
		   "LMA without LME");
	s = good;
	s.cr4 &= ~(1ull << 5);
	want_errno(r, ioctl(v->fd, KVM_SET_SREGS, &s), EINVAL,
		   "long mode without PAE");
	s = good;
	s.cr3 |= 1ull << 60;
	want_errno(r, ioctl(v->fd, KVM_SET_SREGS, &s), EINVAL, "CR3 bit 60");
	/* whatever is taken, the guest may fail but not the host */
	s = good;
	s.cr0 = ~0ull;
	ioctl(v->fd, KVM_SET_SREGS, &s);
	s = good;
	s.efer = ~0ull;
	ioctl(v->fd, KVM_SET_SREGS, &s);
	s = good;
	s.cr0 &= ~1ull;			/* paging without protection */
	ioctl(v->fd, KVM_SET_SREGS, &s);
	s = good;
	s.gdt.base = s.idt.base = s.tr.base = s.fs.base = 0x8000000000000000;
	ioctl(v->fd, KVM_SET_SREGS, &s);
	memset(&s, 0xff, sizeof(s));
	ioctl(v->fd, KVM_SET_SREGS, &s);
	memset(&s, 0x55, sizeof(s));
	ioctl(v->fd, KVM_SET_SREGS, &s);
	want_ok(r, ioctl(v->fd, KVM_SET_SREGS, &good), "the good ones");
	xioctl(v->fd, KVM_GET_SREGS, &s);
	if (s.cr0 != good.cr0 || s.efer != good.efer || s.cr4 != good.cr4)
		tap_fail(r, "cr0 %#llx cr4 %#llx efer %#llx", s.cr0, s.cr4,
			 s.efer);
}

/* State that VM entry refuses ends the run, and the next one works. */
static void sregs_entry_fails(struct tap_result *r, const void *arg)
{
	struct kvm_sregs good, s;
	struct vm vm;
	struct vcpu *v;
	int ret;

	(void)arg;
	v = vm_simple(&vm, 0);
	guest_start(&vm, v, "touch", 0x80000, 16);
	xioctl(v->fd, KVM_GET_SREGS, &good);
	s = good;
	s.tr.type = 5;			/* no task state segment */
	s.tr.present = 0;
	s.tr.unusable = 0;
	if (ioctl(v->fd, KVM_SET_SREGS, &s) == 0) {
		ret = ioctl(v->fd, KVM_RUN, 0);
		if (!ret && v->run->exit_reason != KVM_EXIT_FAIL_ENTRY &&
		    v->run->exit_reason != KVM_EXIT_INTERNAL_ERROR &&
		    v->run->exit_reason != KVM_EXIT_IO)
			tap_fail(r, "exit %s", exit_name(v->run->exit_reason));
	}
	guest_start(&vm, v, "touch", 0x80000, 16);
	xioctl(v->fd, KVM_SET_SREGS, &good);
	want_ok(r, vcpu_run(v), "the good state");
	if (v->run->exit_reason != KVM_EXIT_IO)
		tap_fail(r, "then exit %s", exit_name(v->run->exit_reason));
}

static void sregs2(struct tap_result *r, const void *arg)
{
	struct kvm_sregs2 a, b;
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&vm, VM_IRQCHIP);
	if (kvm_cap(KVM_CAP_SREGS2) <= 0) {
		want_either(r, ioctl(v->fd, KVM_GET_SREGS2, &a), EINVAL,
			    ENOTTY, "KVM_GET_SREGS2 unreported");
		return;
	}
	vcpu_set_mode(&vm, v, MODE_PAE, 0x1000, 0x8000);
	want_ok(r, ioctl(v->fd, KVM_GET_SREGS2, &a), "get");
	a.cr2 = 0x77;
	want_ok(r, ioctl(v->fd, KVM_SET_SREGS2, &a), "set");
	want_ok(r, ioctl(v->fd, KVM_GET_SREGS2, &b), "get again");
	if (memcmp(&a, &b, sizeof(a)))
		tap_fail(r, "they come back different");
	a.flags = 0x8000;
	want_errno(r, ioctl(v->fd, KVM_SET_SREGS2, &a), EINVAL,
		   "unknown flag");
}

static void fpu(struct tap_result *r, const void *arg)
{
	struct kvm_fpu a, b;
	unsigned int i;
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&vm, 0);
	want_ok(r, ioctl(v->fd, KVM_GET_FPU, &a), "get");
	/* FINIT's value, as KVM has it, or that of a reset (SDM 10.1.1) */
	if (a.fcw != 0x37f && a.fcw != 0x40)
		tap_fail(r, "at reset fcw %#x", a.fcw);
	for (i = 0; i < sizeof(a.xmm); i++)
		((uint8_t *)a.xmm)[i] = i;
	for (i = 0; i < 8; i++)
		memset(a.fpr[i], i + 1, 10);
	a.fcw = 0x27f;
	want_ok(r, ioctl(v->fd, KVM_SET_FPU, &a), "set");
	want_ok(r, ioctl(v->fd, KVM_GET_FPU, &b), "get again");
	if (memcmp(a.xmm, b.xmm, sizeof(a.xmm)))
		tap_fail(r, "the XMM registers come back different");
	if (memcmp(a.fpr, b.fpr, sizeof(a.fpr)))
		tap_fail(r, "the x87 registers come back different");
	/* MXCSR is not checked: KVM leaves it out of this pair of ioctls */
	if (b.fcw != 0x27f)
		tap_fail(r, "fcw %#x", b.fcw);
	want_errno(r, ioctl(v->fd, KVM_GET_FPU, BAD_POINTER), EFAULT,
		   "get, bad pointer");
	want_errno(r, ioctl(v->fd, KVM_SET_FPU, BAD_POINTER), EFAULT,
		   "set, bad pointer");
}

static void xsave(struct tap_result *r, const void *arg)
{
	static struct kvm_xsave a, b;
	unsigned int i;
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&vm, 0);
	want_ok(r, ioctl(v->fd, KVM_GET_XSAVE, &a), "get");
	for (i = 0; i < 64; i++)
		a.region[40 + i] = i * 0x01010101;	/* XMM registers */
	a.region[128] |= 3;				/* XSTATE_BV */
	want_ok(r, ioctl(v->fd, KVM_SET_XSAVE, &a), "set");
	want_ok(r, ioctl(v->fd, KVM_GET_XSAVE, &b), "get again");
	if (memcmp(&a.region[40], &b.region[40], 256))
		tap_fail(r, "the XMM registers come back different");
	b = a;
	b.region[6] = 0xffffffff;
	want_errno(r, ioctl(v->fd, KVM_SET_XSAVE, &b), EINVAL,
		   "reserved bits of MXCSR");
	if (kvm_cap(KVM_CAP_XCRS) > 0) {
		b = a;
		b.region[129] = 0x40000000;
		want_errno(r, ioctl(v->fd, KVM_SET_XSAVE, &b), EINVAL,
			   "unknown feature in XSTATE_BV");
	}
	want_errno(r, ioctl(v->fd, KVM_GET_XSAVE, BAD_POINTER), EFAULT,
		   "get, bad pointer");
	want_errno(r, ioctl(v->fd, KVM_SET_XSAVE, BAD_POINTER), EFAULT,
		   "set, bad pointer");
}

static void xcrs(struct tap_result *r, const void *arg)
{
	struct kvm_xcrs a = { 0 }, b;
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&vm, 0);
	if (kvm_cap(KVM_CAP_XCRS) <= 0 ||
	    ioctl(v->fd, KVM_GET_XCRS, &a) < 0) {
		tap_skip(r, "this CPU model has no XSAVE");
		return;
	}
	if (a.nr_xcrs != 1 || a.xcrs[0].value != 1)
		tap_fail(r, "at reset %u, %#llx", a.nr_xcrs, a.xcrs[0].value);
	a.xcrs[0].value = 3;
	want_ok(r, ioctl(v->fd, KVM_SET_XCRS, &a), "x87 and SSE");
	want_ok(r, ioctl(v->fd, KVM_GET_XCRS, &b), "get");
	if (b.xcrs[0].value != 3)
		tap_fail(r, "3 became %#llx", b.xcrs[0].value);
	a.xcrs[0].value = 2;
	want_errno(r, ioctl(v->fd, KVM_SET_XCRS, &a), EINVAL, "without x87");
	a.xcrs[0].value = 1ull << 62 | 1;
	want_errno(r, ioctl(v->fd, KVM_SET_XCRS, &a), EINVAL, "bit 62");
	a.xcrs[0].value = 1;
	a.nr_xcrs = 0xffffffff;
	want_errno(r, ioctl(v->fd, KVM_SET_XCRS, &a), EINVAL, "2^32-1 XCRs");
	a.nr_xcrs = 1;
	a.flags = 1;
	want_errno(r, ioctl(v->fd, KVM_SET_XCRS, &a), EINVAL, "unknown flag");
}

struct one_msr {
	struct kvm_msrs h;
	struct kvm_msr_entry e[3];
};

static void msrs(struct tap_result *r, const void *arg)
{
	struct kvm_msr_list *l = calloc(1, sizeof(*l) + 1000 * 4);
	struct one_msr m;
	struct vm vm;
	struct vcpu *v;
	unsigned int i;

	(void)arg;
	v = vm_simple(&vm, VM_IRQCHIP);
	l->nmsrs = 1000;
	xioctl(kvm_open(), KVM_GET_MSR_INDEX_LIST, l);
	for (i = 0; i < l->nmsrs; i++) {
		memset(&m, 0, sizeof(m));
		m.h.nmsrs = 1;
		m.e[0].index = l->indices[i];
		if (ioctl(v->fd, KVM_GET_MSRS, &m) != 1) {
			tap_fail(r, "MSR %#x of the list cannot be read",
				 l->indices[i]);
			continue;
		}
		/* what was read can be set, but for what needs hardware */
		if (ioctl(v->fd, KVM_SET_MSRS, &m) != 1)
			tap_fail(r, "MSR %#x: %#llx was read but not taken",
				 l->indices[i], m.e[0].data);
	}
}

static void msrs_values(struct tap_result *r, const void *arg)
{
	static const struct {
		uint32_t index;
		uint64_t data;
	} ok[] = {
		{ 0xc0000081, 0x0018000800000000 }, /* STAR */
		{ 0xc0000082, 0xffffffff81000000 },
		{ 0xc0000084, 0x47700 },
		{ 0xc0000102, 0xffff888000000000 },
		{ 0x174, 0x10 },
		{ 0x175, 0xffff888000001000 },
		{ 0x176, 0xffffffff81001000 },
		{ 0x277, 0x0007040600070406 },
	}, bad[] = {
		{ 0xc0000082, 0x0001000000000000 },	/* non-canonical */
		{ 0xc0000102, 0x8000000000000000 },
		{ 0xc0000100, 0x8000000000000000 },
		{ 0x277, 0x0202020202020202 },
		{ 0xc0000080, 0xffffffffffffffff },
		{ 0x1b, 0xffffffffffffffff },
		{ 0x12345678, 0 },
	};
	struct one_msr m;
	struct vm vm;
	struct vcpu *v;
	unsigned int i;

	(void)arg;
	v = vm_simple(&vm, VM_IRQCHIP);
	for (i = 0; i < sizeof(ok) / sizeof(ok[0]); i++) {
		memset(&m, 0, sizeof(m));
		m.h.nmsrs = 1;
		m.e[0].index = ok[i].index;
		m.e[0].data = ok[i].data;
		if (ioctl(v->fd, KVM_SET_MSRS, &m) != 1)
			tap_fail(r, "MSR %#x is not taken", ok[i].index);
		m.e[0].data = 0;
		if (ioctl(v->fd, KVM_GET_MSRS, &m) != 1 ||
		    m.e[0].data != ok[i].data)
			tap_fail(r, "MSR %#x comes back as %#llx",
				 ok[i].index, m.e[0].data);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&m, 0, sizeof(m));
		m.h.nmsrs = 1;
		m.e[0].index = bad[i].index;
		m.e[0].data = bad[i].data;
		if (ioctl(v->fd, KVM_SET_MSRS, &m) == 1)
			tap_fail(r, "MSR %#x takes %#llx", bad[i].index,
				 m.e[0].data);
	}
}

static void msrs_arguments(struct tap_result *r, const void *arg)
{
	struct one_msr m = { .h = { .nmsrs = 3 } };
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&vm, 0);
	m.e[0].index = 0x174;
	m.e[1].index = 0x12345678;
	m.e[2].index = 0x174;
	if (ioctl(v->fd, KVM_GET_MSRS, &m) != 1)
		tap_fail(r, "get does not stop at the unknown one");
	if (ioctl(v->fd, KVM_SET_MSRS, &m) != 1)
		tap_fail(r, "set does not stop at the unknown one");
	m.h.nmsrs = 0xffffffff;
	want_errno(r, ioctl(v->fd, KVM_GET_MSRS, &m), E2BIG, "get 2^32-1");
	want_errno(r, ioctl(v->fd, KVM_SET_MSRS, &m), E2BIG, "set 2^32-1");
	want_errno(r, ioctl(v->fd, KVM_GET_MSRS, BAD_POINTER), EFAULT,
		   "get, bad pointer");
	want_errno(r, ioctl(v->fd, KVM_SET_MSRS, BAD_POINTER), EFAULT,
		   "set, bad pointer");
	m.h.nmsrs = 0;
	want_ok(r, ioctl(v->fd, KVM_GET_MSRS, &m), "none at all");
}

static void lapic(struct tap_result *r, const void *arg)
{
	struct kvm_lapic_state a, b;
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&vm, VM_IRQCHIP);
	want_ok(r, ioctl(v->fd, KVM_GET_LAPIC, &a), "get");
	*(uint32_t *)(a.regs + 0xf0) = 0x1ff;
	*(uint32_t *)(a.regs + 0x80) = 0x20;
	*(uint32_t *)(a.regs + 0x210) = 0x10;	/* vector 0x24 requested */
	*(uint32_t *)(a.regs + 0x320) = 0x10031;
	want_ok(r, ioctl(v->fd, KVM_SET_LAPIC, &a), "set");
	want_ok(r, ioctl(v->fd, KVM_GET_LAPIC, &b), "get again");
	*(uint32_t *)(a.regs + 0xa0) = *(uint32_t *)(b.regs + 0xa0);
	if (memcmp(&a, &b, sizeof(a))) {
		unsigned int n = 0;

		while (a.regs[n] == b.regs[n])
			n++;
		tap_fail(r, "register %#x comes back different", n & ~15u);
	}
	want_errno(r, ioctl(v->fd, KVM_GET_LAPIC, BAD_POINTER), EFAULT,
		   "get, bad pointer");
	want_errno(r, ioctl(v->fd, KVM_SET_LAPIC, BAD_POINTER), EFAULT,
		   "set, bad pointer");
	memset(&a, 0xff, sizeof(a));
	ioctl(v->fd, KVM_SET_LAPIC, &a);	/* the host survives it */
	memset(&a, 0x55, sizeof(a));
	ioctl(v->fd, KVM_SET_LAPIC, &a);
	v->run->immediate_exit = 1;
	ioctl(v->fd, KVM_RUN, 0);
}

static void mp_state(struct tap_result *r, const void *arg)
{
	struct kvm_mp_state s = { .mp_state = 99 };
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&vm, VM_IRQCHIP);
	want_ok(r, ioctl(v->fd, KVM_GET_MP_STATE, &s), "get");
	if (s.mp_state != KVM_MP_STATE_RUNNABLE)
		tap_fail(r, "vCPU 0 starts in %u", s.mp_state);
	s.mp_state = KVM_MP_STATE_HALTED;
	want_ok(r, ioctl(v->fd, KVM_SET_MP_STATE, &s), "halted");
	want_ok(r, ioctl(v->fd, KVM_GET_MP_STATE, &s), "get");
	if (s.mp_state != KVM_MP_STATE_HALTED)
		tap_fail(r, "halted came back as %u", s.mp_state);
	v = vm_add_vcpu(&vm);
	want_ok(r, ioctl(v->fd, KVM_GET_MP_STATE, &s), "get");
	if (s.mp_state != KVM_MP_STATE_UNINITIALIZED)
		tap_fail(r, "vCPU 1 starts in %u", s.mp_state);
	s.mp_state = 77;
	want_errno(r, ioctl(v->fd, KVM_SET_MP_STATE, &s), EINVAL, "state 77");
	want_errno(r, ioctl(v->fd, KVM_SET_MP_STATE, BAD_POINTER), EFAULT,
		   "bad pointer");
}

static void events(struct tap_result *r, const void *arg)
{
	struct kvm_vcpu_events a, b;
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&vm, VM_IRQCHIP);
	want_ok(r, ioctl(v->fd, KVM_GET_VCPU_EVENTS, &a), "get");
	a.exception.injected = 1;
	a.exception.nr = 13;
	a.exception.has_error_code = 1;
	a.exception.error_code = 0xfff8;	/* a selector, as large as they come */
	a.nmi.pending = 1;
	a.nmi.masked = 1;
	a.interrupt.shadow = 1;
	a.flags |= KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
	want_ok(r, ioctl(v->fd, KVM_SET_VCPU_EVENTS, &a), "set");
	want_ok(r, ioctl(v->fd, KVM_GET_VCPU_EVENTS, &b), "get again");
	if (!b.exception.injected || b.exception.nr != 13 ||
	    b.exception.error_code != 0xfff8 || !b.nmi.pending ||
	    !b.nmi.masked || !b.interrupt.shadow)
		tap_fail(r, "exception %u/%u/%#x nmi %u/%u shadow %u",
			 b.exception.injected, b.exception.nr,
			 b.exception.error_code, b.nmi.pending, b.nmi.masked,
			 b.interrupt.shadow);
	b = a;
	b.flags |= 0x8000;
	want_errno(r, ioctl(v->fd, KVM_SET_VCPU_EVENTS, &b), EINVAL,
		   "unknown flag");
	b = a;
	b.exception.nr = 32;
	want_errno(r, ioctl(v->fd, KVM_SET_VCPU_EVENTS, &b), EINVAL,
		   "exception 32");
	b.exception.nr = 2;
	want_errno(r, ioctl(v->fd, KVM_SET_VCPU_EVENTS, &b), EINVAL,
		   "exception 2 is the NMI");
	want_errno(r, ioctl(v->fd, KVM_SET_VCPU_EVENTS, BAD_POINTER), EFAULT,
		   "bad pointer");
}

static void debugregs(struct tap_result *r, const void *arg)
{
	struct kvm_debugregs a = {
		.db = { 0x1000, 0x2000, 0x3000, 0x4000 },
		.dr6 = 0xffff0ff1, .dr7 = 0x402
	}, b;
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&vm, 0);
	want_ok(r, ioctl(v->fd, KVM_SET_DEBUGREGS, &a), "set");
	want_ok(r, ioctl(v->fd, KVM_GET_DEBUGREGS, &b), "get");
	if (memcmp(&a, &b, sizeof(a)))
		tap_fail(r, "dr6 %#llx dr7 %#llx", b.dr6, b.dr7);
	b = a;
	b.dr6 |= 1ull << 32;
	want_errno(r, ioctl(v->fd, KVM_SET_DEBUGREGS, &b), EINVAL,
		   "DR6 bit 32");
	b = a;
	b.dr7 |= 1ull << 32;
	want_errno(r, ioctl(v->fd, KVM_SET_DEBUGREGS, &b), EINVAL,
		   "DR7 bit 32");
	b = a;
	b.flags = 1;
	want_errno(r, ioctl(v->fd, KVM_SET_DEBUGREGS, &b), EINVAL,
		   "unknown flag");
	want_errno(r, ioctl(v->fd, KVM_SET_DEBUGREGS, BAD_POINTER), EFAULT,
		   "bad pointer");
}

static void cpuid(struct tap_result *r, const void *arg)
{
	struct kvm_cpuid2 *a = calloc(1, sizeof(*a) + 512 * sizeof(a->entries[0]));
	struct kvm_cpuid2 *b = calloc(1, sizeof(*b) + 512 * sizeof(b->entries[0]));
	unsigned int i;
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&vm, 0);
	a->nent = 256;
	xioctl(kvm_open(), KVM_GET_SUPPORTED_CPUID, a);
	for (i = 0; i < a->nent; i++)
		if (a->entries[i].function == 0)
			a->entries[i].ebx = 0x11111111;
	want_ok(r, ioctl(v->fd, KVM_SET_CPUID2, a), "set");
	b->nent = 256;
	want_ok(r, ioctl(v->fd, KVM_GET_CPUID2, b), "get");
	if (a->nent != b->nent && b->nent != 256)	/* KVM 6.1 leaves it */
		tap_fail(r, "%u entries became %u", a->nent, b->nent);
	if (b->entries[0].ebx != a->entries[0].ebx)
		tap_fail(r, "the vendor comes back different");
	b->nent = 1;
	want_errno(r, ioctl(v->fd, KVM_GET_CPUID2, b), E2BIG,
		   "room for one entry");
	a->nent = 100000;
	want_errno(r, ioctl(v->fd, KVM_SET_CPUID2, a), E2BIG,
		   "100000 entries");
	a->nent = 0xffffffff;
	want_errno(r, ioctl(v->fd, KVM_SET_CPUID2, a), E2BIG,
		   "2^32-1 entries");
	want_errno(r, ioctl(v->fd, KVM_SET_CPUID2, BAD_POINTER), EFAULT,
		   "bad pointer");
	a->nent = 0;
	want_ok(r, ioctl(v->fd, KVM_SET_CPUID2, a), "none at all");
}

/* A vCPU that has no CPUID yet takes what the host supports: VMMs set both in any order. */
static void sregs_first(struct tap_result *r, const void *arg)
{
	struct kvm_cpuid2 *all = calloc(1, sizeof(*all) + 256 * sizeof(all->entries[0]));
	uint64_t cr4 = 0;
	struct kvm_sregs s;
	unsigned int i;
	struct vm vm;
	int fd;

	(void)arg;
	all->nent = 256;
	xioctl(kvm_open(), KVM_GET_SUPPORTED_CPUID, all);
	for (i = 0; i < all->nent; i++) {
		const struct kvm_cpuid_entry2 *e = &all->entries[i];

		if (e->function == 1 && e->ecx & 1u << 26)
			cr4 |= 1u << 18;	/* OSXSAVE */
		if (e->function == 7 && !e->index) {
			cr4 |= e->ebx & 1u ? 1u << 16 : 0;		/* FSGSBASE */
			cr4 |= e->ebx & 1u << 7 ? 1u << 20 : 0;		/* SMEP */
			cr4 |= e->ebx & 1u << 20 ? 1u << 21 : 0;	/* SMAP */
		}
	}
	vm_create(&vm, 1 << 20, 0);
	fd = ioctl(vm.fd, KVM_CREATE_VCPU, 0);
	xioctl(fd, KVM_GET_SREGS, &s);
	s.cr4 |= cr4;
	if (ioctl(fd, KVM_SET_SREGS, &s))
		tap_fail(r, "CR4 %llx: %s", s.cr4, strerror(errno));
	want_ok(r, ioctl(fd, KVM_SET_CPUID2, all), "CPUID behind it");
	xioctl(fd, KVM_GET_SREGS, &s);
	if ((s.cr4 & cr4) != cr4)
		tap_fail(r, "CR4 became %llx", s.cr4);
	close(fd);
	vm_destroy(&vm);
	free(all);
}

static void tsc_khz(struct tap_result *r, const void *arg)
{
	struct vm vm;
	struct vcpu *v;
	long khz;

	(void)arg;
	v = vm_simple(&vm, 0);
	khz = ioctl(v->fd, KVM_GET_TSC_KHZ, 0);
	if (khz <= 0) {
		tap_fail(r, "the frequency is %ld kHz", khz);
		return;
	}
	want_ok(r, ioctl(v->fd, KVM_SET_TSC_KHZ, khz), "the same");
	if (ioctl(v->fd, KVM_GET_TSC_KHZ, 0) != khz)
		tap_fail(r, "it changed");
	/* without TSC scaling KVM takes any; either answer will do */
	ioctl(v->fd, KVM_SET_TSC_KHZ, 1ul << 31);
}

static void kvmclock_ctrl(struct tap_result *r, const void *arg)
{
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&vm, 0);
	want_errno(r, ioctl(v->fd, KVM_KVMCLOCK_CTRL, 0), EINVAL,
		   "without a kvmclock");
}

static void tpr_reporting(struct tap_result *r, const void *arg)
{
	struct kvm_tpr_access_ctl c = { .enabled = 1 };
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&vm, VM_IRQCHIP);
	want_errno(r, ioctl(v->fd, KVM_TPR_ACCESS_REPORTING, BAD_POINTER),
		   EFAULT, "bad pointer");
	if (kvm_cap(KVM_CAP_VAPIC) > 0)
		want_ok(r, ioctl(v->fd, KVM_TPR_ACCESS_REPORTING, &c), "on");
}

/* An instruction that waits for userspace, and userspace has the vCPU elsewhere: at the same offset of another segment. */
static void moved_segment(struct tap_result *r, const void *arg)
{
	const bool memory = *(const bool *)arg;
	struct kvm_sregs s;
	struct vcpu *v;
	struct vm vm;

	if (memory && on_kvm()) {
		tap_skip(r, "KVM executes the instruction all the same");
		return;
	}
	v = vm_simple(&vm, 0);
	if (memory)
		guest_code(&vm, v, "\xa1\x00\x00\x00\xd0", 5);
	else
		guest_code(&vm, v, "\xe4\x20", 2);
	memcpy(vm.mem + 0x11000, "\xe6\x10\xe6\x11\xe6\x12\xe6\x13", 8);
	want_exit(r, v, memory ? KVM_EXIT_MMIO : KVM_EXIT_IO, "a device");
	xioctl(v->fd, KVM_GET_SREGS, &s);
	s.cs.base = 0x10000;
	xioctl(v->fd, KVM_SET_SREGS, &s);
	want_exit(r, v, KVM_EXIT_IO, "elsewhere");
	if (v->run->io.port != 0x10)
		tap_fail(r, "it goes on with port %#x", v->run->io.port);
	vm_destroy(&vm);
}

/* An exception that is being delivered is, whatever registers userspace sets. */
static void injected_stays(struct tap_result *r, const void *arg)
{
	struct kvm_vcpu_events e = { .exception = { .injected = 1, .nr = 6 } };
	struct kvm_regs regs;
	struct vcpu *v;
	struct vm vm;

	(void)arg;
	v = vm_simple(&vm, 0);
	guest_code(&vm, v, "\xe6\x11", 2);
	memcpy(vm.mem + 0x3000, "\xe6\x10", 2);
	gate(&vm, 6, 0x3000);
	xioctl(v->fd, KVM_SET_VCPU_EVENTS, &e);
	xioctl(v->fd, KVM_GET_REGS, &regs);
	xioctl(v->fd, KVM_SET_REGS, &regs);
	want_exit(r, v, KVM_EXIT_IO, "#UD");
	if (v->run->io.port != 0x10)
		tap_fail(r, "it is lost: port %#x", v->run->io.port);
	vm_destroy(&vm);
}

static const bool to_memory = true, to_port;

const struct test_case state_cases[] = {
	{ "state-regs", regs, NULL },
	{ "state-sregs", sregs, NULL },
	{ "state-sregs-illegal", sregs_illegal, NULL },
	{ "state-sregs-entry-fails", sregs_entry_fails, NULL },
	{ "state-sregs2", sregs2, NULL },
	{ "state-fpu", fpu, NULL },
	{ "state-xsave", xsave, NULL },
	{ "state-xcrs", xcrs, NULL },
	{ "state-msrs", msrs, NULL },
	{ "state-msrs-values", msrs_values, NULL },
	{ "state-msrs-arguments", msrs_arguments, NULL },
	{ "state-lapic", lapic, NULL },
	{ "state-mp-state", mp_state, NULL },
	{ "state-events", events, NULL },
	{ "state-debugregs", debugregs, NULL },
	{ "state-cpuid", cpuid, NULL },
	{ "state-sregs-first", sregs_first, NULL },
	{ "state-tsc-khz", tsc_khz, NULL },
	{ "state-kvmclock-ctrl", kvmclock_ctrl, NULL },
	{ "state-tpr-reporting", tpr_reporting, NULL },
	{ "state-injected-stays", injected_stays, NULL },
	{ "state-moved-segment", moved_segment, &to_port },
	{ "state-moved-segment-mmio", moved_segment, &to_memory },
	{ NULL, NULL, NULL }
};
