// SPDX-License-Identifier: GPL-2.0-only
/* Registers that KVM_RUN takes and shows by itself, and what of events came after KVM_GET_VCPU_EVENTS: payloads, triple faults. */
#include "lane.h"

#define VALID_REGS	KVM_SYNC_X86_REGS
#define VALID_SREGS	KVM_SYNC_X86_SREGS
#define VALID_EVENTS	KVM_SYNC_X86_EVENTS
#define HANDLER		0x3000u
#define DB		1
#define PF		14

/* inc %ebx; out %al, $0x10; again */
static const uint8_t counts[] = { 0x43, 0xe6, 0x10, 0xeb, 0xfb };

static void run_to_out(struct tap_result *r, struct vcpu *v, const char *when)
{
	if (vcpu_run(v) || v->run->exit_reason != KVM_EXIT_IO || v->run->io.port != 0x10)
		tap_fail(r, "%s: exit %s", when, exit_name(v->run->exit_reason));
}

static uint32_t out_value(struct vcpu *v)
{
	return *(uint32_t *)((char *)v->run + v->run->io.data_offset);
}

/* An exception's handler: what it finds goes to port 0x10, all bits of it. */
static void handler(struct vm *vm, unsigned int vector, const void *code, size_t size)
{
	memcpy(vm->mem + HANDLER, code, size);
	gate(vm, vector, HANDLER);
}

static void sync_regs(struct tap_result *r, const void *arg)
{
	static const uint8_t ud[] = { 0xb8, 0x66, 0, 0, 0, 0xe7, 0x10 };	/* mov $0x66, %eax; out %eax */
	struct kvm_sync_regs *s;
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	struct kvm_run *run;
	struct vcpu *v;
	struct vm vm;

	(void)arg;
	if (kvm_cap(KVM_CAP_SYNC_REGS) != KVM_SYNC_X86_VALID_FIELDS) {
		tap_fail(r, "the capability is %#x", kvm_cap(KVM_CAP_SYNC_REGS));
		return;
	}
	v = vm_simple(&vm, 0);
	run = v->run;
	s = &run->s.regs;
	guest_code(&vm, v, counts, sizeof(counts));
	memset(s, 0x5a, sizeof(*s));

	run->kvm_valid_regs = 1ull << 40;
	want_errno(r, ioctl(v->fd, KVM_RUN, 0), EINVAL, "an unknown bit of kvm_valid_regs");
	run->kvm_valid_regs = 0;
	run->kvm_dirty_regs = 8;
	want_errno(r, ioctl(v->fd, KVM_RUN, 0), EINVAL, "an unknown bit of kvm_dirty_regs");
	run->kvm_dirty_regs = 0;
	run_to_out(r, v, "none");
	if (s->regs.rbx != 0x5a5a5a5a5a5a5a5aull)
		tap_fail(r, "registers that nobody wants are shown");

	run->kvm_valid_regs = VALID_REGS;
	run_to_out(r, v, "registers");
	xioctl(v->fd, KVM_GET_REGS, &regs);
	if (memcmp(&regs, &s->regs, sizeof(regs)) || regs.rbx != 2)
		tap_fail(r, "RBX is %llu, shown as %llu", regs.rbx, s->regs.rbx);
	if (s->sregs.cr3 != 0x5a5a5a5a5a5a5a5aull)
		tap_fail(r, "segments come with registers");

	/* what is changed counts only with its bit */
	s->regs.rbx = 77;
	run_to_out(r, v, "not dirty");
	if (s->regs.rbx != 3)
		tap_fail(r, "RBX becomes %llu without its bit", s->regs.rbx);
	s->regs.rbx = 77;
	run->kvm_dirty_regs = VALID_REGS;
	run_to_out(r, v, "dirty");
	if (s->regs.rbx != 78 || run->kvm_dirty_regs)
		tap_fail(r, "RBX 77 becomes %llu, the bits stay %#llx", s->regs.rbx, run->kvm_dirty_regs);

	run->kvm_valid_regs = VALID_REGS | VALID_SREGS | VALID_EVENTS;
	/* KVM leaves padding as it is, and the bitmap where no interrupt is on its way */
	memset(&s->sregs, 0, sizeof(s->sregs));
	run_to_out(r, v, "all");
	xioctl(v->fd, KVM_GET_SREGS, &sregs);
	if (memcmp(&sregs, &s->sregs, sizeof(sregs)))
		tap_fail(r, "the segments are shown wrong");
	s->sregs.gs.base = 0x1234000;
	s->regs.rbx = 5;
	run->kvm_dirty_regs = VALID_REGS | VALID_SREGS;
	run_to_out(r, v, "both dirty");
	xioctl(v->fd, KVM_GET_SREGS, &sregs);
	if (sregs.gs.base != 0x1234000 || s->sregs.gs.base != 0x1234000 || s->regs.rbx != 6)
		tap_fail(r, "GS is at %#llx, RBX %llu", sregs.gs.base, s->regs.rbx);

	/* an event */
	handler(&vm, 6, ud, sizeof(ud));
	memset(&s->events, 0, sizeof(s->events));
	s->events.exception.injected = 1;
	s->events.exception.nr = 6;
	run->kvm_dirty_regs = VALID_EVENTS;
	run_to_out(r, v, "an event");
	if (s->regs.rax != 0x66 || s->events.exception.injected)
		tap_fail(r, "#UD is not delivered: RAX %#llx", s->regs.rax);

	/* what cannot be set is refused, and nothing runs */
	s->sregs.cr0 = ~0ull;
	s->regs.rbx = 9;
	run->kvm_dirty_regs = VALID_SREGS;
	want_errno(r, ioctl(v->fd, KVM_RUN, 0), EINVAL, "CR0 of all ones");
	run->kvm_dirty_regs = 0;
	xioctl(v->fd, KVM_GET_REGS, &regs);
	if (regs.rbx == 9)
		tap_fail(r, "registers are set without their bit");
	/* immediate_exit: they are set and shown all the same */
	vcpu_set_mode(&vm, v, MODE_FLAT32, 0x1000, 0x8000);
	run->immediate_exit = 1;
	xioctl(v->fd, KVM_GET_REGS, &s->regs);
	s->regs.rbx = 41;
	run->kvm_dirty_regs = VALID_REGS;
	want_errno(r, ioctl(v->fd, KVM_RUN, 0), EINTR, "immediate_exit");
	run->immediate_exit = 0;
	if (s->regs.rbx != 41 || s->regs.rip != 0x1000)
		tap_fail(r, "RBX %llu RIP %#llx behind an immediate exit", s->regs.rbx, s->regs.rip);
	run_to_out(r, v, "the end");
	if (s->regs.rbx != 42)
		tap_fail(r, "41 becomes %llu", s->regs.rbx);
	vm_destroy(&vm);
}

/* Registers as they come, in any mix, from a page that changes: the host survives it. */
static void sync_hostile(struct tap_result *r, const void *arg)
{
	static const uint8_t bytes[] = { 0, 0xff, 0x55, 0x80 };
	unsigned int i, bit, n = 0;
	struct kvm_regs regs;
	struct vcpu *v;
	struct vm vm;

	(void)arg;
	if (kvm_cap(KVM_CAP_SYNC_REGS) <= 0) {
		tap_skip(r, "no KVM_CAP_SYNC_REGS");
		return;
	}
	v = vm_simple(&vm, VM_IRQCHIP);
	for (i = 0; i < sizeof(bytes); i++)
		for (bit = 1; bit < 8; bit++) {
			memset(&v->run->s.regs, bytes[i], sizeof(v->run->s.regs));
			v->run->kvm_valid_regs = 7;
			v->run->kvm_dirty_regs = bit;
			v->run->immediate_exit = 1;
			n += ioctl(v->fd, KVM_RUN, 0) < 0;
		}
	if (n != sizeof(bytes) * 7)
		tap_fail(r, "an immediate exit without an error");
	v->run->immediate_exit = 0;
	v->run->kvm_dirty_regs = 0;
	v->run->kvm_valid_regs = 0;
	want_ok(r, ioctl(v->fd, KVM_GET_REGS, &regs), "KVM_GET_REGS");
	vm_destroy(&vm);
}

static uint64_t cr2_of(struct vcpu *v)
{
	struct kvm_sregs s;

	xioctl(v->fd, KVM_GET_SREGS, &s);
	return s.cr2;
}

static uint64_t dr6_of(struct vcpu *v)
{
	struct kvm_debugregs d;

	xioctl(v->fd, KVM_GET_DEBUGREGS, &d);
	return d.dr6;
}

static void payload(struct tap_result *r, const void *arg)
{
	/* mov %cr2, %eax; out %eax, $0x10 */
	static const uint8_t pf[] = { 0x0f, 0x20, 0xd0, 0xe7, 0x10 };
	/* mov %dr6, %eax; out %eax, $0x10 */
	static const uint8_t db[] = { 0x0f, 0x21, 0xf0, 0xe7, 0x10 };
	struct kvm_vcpu_events e = { 0 }, got;
	struct kvm_sregs s;
	struct vcpu *v;
	struct vm vm;

	(void)arg;
	if (kvm_cap(KVM_CAP_EXCEPTION_PAYLOAD) <= 0) {
		tap_fail(r, "no KVM_CAP_EXCEPTION_PAYLOAD");
		return;
	}
	v = vm_simple(&vm, 0);
	guest_code(&vm, v, counts, sizeof(counts));
	xioctl(v->fd, KVM_GET_VCPU_EVENTS, &got);
	if (got.flags & KVM_VCPUEVENT_VALID_PAYLOAD)
		tap_fail(r, "the flag is there unasked");
	e.flags = KVM_VCPUEVENT_VALID_PAYLOAD;
	want_errno(r, ioctl(v->fd, KVM_SET_VCPU_EVENTS, &e), EINVAL, "the flag unasked");

	want_ok(r, vm_enable(&vm, KVM_CAP_EXCEPTION_PAYLOAD, 1), "KVM_ENABLE_CAP");
	xioctl(v->fd, KVM_GET_SREGS, &s);
	s.cr2 = 0x1111;
	xioctl(v->fd, KVM_SET_SREGS, &s);
	handler(&vm, PF, pf, sizeof(pf));
	e.exception.pending = 1;
	e.exception.nr = PF;
	e.exception.has_error_code = 1;
	e.exception.error_code = 2;
	e.exception_has_payload = 1;
	e.exception_payload = 0x4321000;
	want_ok(r, ioctl(v->fd, KVM_SET_VCPU_EVENTS, &e), "a pending #PF");
	xioctl(v->fd, KVM_GET_VCPU_EVENTS, &got);
	if (!(got.flags & KVM_VCPUEVENT_VALID_PAYLOAD) || !got.exception.pending || got.exception.injected ||
	    got.exception.nr != PF || got.exception.error_code != 2 || !got.exception_has_payload ||
	    got.exception_payload != 0x4321000)
		tap_fail(r, "pending %u injected %u nr %u error %u payload %u %#llx", got.exception.pending,
			 got.exception.injected, got.exception.nr, got.exception.error_code,
			 got.exception_has_payload, got.exception_payload);
	if (cr2_of(v) != 0x1111)
		tap_fail(r, "CR2 is %#llx before the exception", (long long)cr2_of(v));
	run_to_out(r, v, "#PF");
	if (out_value(v) != 0x4321000 || cr2_of(v) != 0x4321000)
		tap_fail(r, "the handler finds CR2 %#x", out_value(v));
	xioctl(v->fd, KVM_GET_VCPU_EVENTS, &got);
	if (got.exception.pending || got.exception.injected)
		tap_fail(r, "an exception is left behind");

	/* a #DB's is for DR6 */
	guest_code(&vm, v, counts, sizeof(counts));
	handler(&vm, DB, db, sizeof(db));
	memset(&e, 0, sizeof(e));
	e.flags = KVM_VCPUEVENT_VALID_PAYLOAD;
	e.exception.pending = 1;
	e.exception.nr = DB;
	e.exception_has_payload = 1;
	e.exception_payload = 0x4002;		/* single step, breakpoint 1 */
	want_ok(r, ioctl(v->fd, KVM_SET_VCPU_EVENTS, &e), "a pending #DB");
	if (dr6_of(v) & 0x4002)
		tap_fail(r, "DR6 is %#llx before the exception", (long long)dr6_of(v));
	run_to_out(r, v, "#DB");
	if ((out_value(v) & 0xe00f) != 0x4002)
		tap_fail(r, "the handler finds DR6 %#x",
			 out_value(v));

	/* one that is being delivered has had its effects */
	guest_code(&vm, v, counts, sizeof(counts));
	handler(&vm, PF, pf, sizeof(pf));
	memset(&e, 0, sizeof(e));
	e.flags = KVM_VCPUEVENT_VALID_PAYLOAD;
	e.exception.injected = 1;
	e.exception.nr = PF;
	e.exception.has_error_code = 1;
	e.exception_has_payload = 1;
	e.exception_payload = 0x777000;
	want_ok(r, ioctl(v->fd, KVM_SET_VCPU_EVENTS, &e), "an injected #PF");
	xioctl(v->fd, KVM_GET_VCPU_EVENTS, &got);
	if (got.exception.pending || !got.exception.injected || got.exception_has_payload)
		tap_fail(r, "injected, it is pending %u injected %u payload %u", got.exception.pending,
			 got.exception.injected, got.exception_has_payload);
	run_to_out(r, v, "an injected #PF");
	if (cr2_of(v) != 0x4321000)
		tap_fail(r, "an injected one loads CR2");
	e.exception.injected = 0;
	e.exception.pending = 1;
	e.exception.nr = 2;
	want_errno(r, ioctl(v->fd, KVM_SET_VCPU_EVENTS, &e), EINVAL, "a pending NMI");
	/* off: what is pending cannot be told apart any more, and is done with */
	guest_code(&vm, v, counts, sizeof(counts));
	e.exception.nr = PF;
	want_ok(r, ioctl(v->fd, KVM_SET_VCPU_EVENTS, &e), "once more");
	want_ok(r, vm_enable(&vm, KVM_CAP_EXCEPTION_PAYLOAD, 0), "off");
	xioctl(v->fd, KVM_GET_VCPU_EVENTS, &got);
	if (!got.exception.injected || cr2_of(v) != 0x777000)
		tap_fail(r, "off: injected %u, CR2 %#llx", got.exception.injected, (long long)cr2_of(v));
	vm_destroy(&vm);
}

static void triple_fault(struct tap_result *r, const void *arg)
{
	struct kvm_vcpu_events e, got;
	struct vcpu *v;
	struct vm vm;

	(void)arg;
	if (kvm_cap(KVM_CAP_X86_TRIPLE_FAULT_EVENT) <= 0) {
		tap_fail(r, "no KVM_CAP_X86_TRIPLE_FAULT_EVENT");
		return;
	}
	v = vm_simple(&vm, 0);
	guest_code(&vm, v, counts, sizeof(counts));
	xioctl(v->fd, KVM_GET_VCPU_EVENTS, &e);
	if (e.flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT)
		tap_fail(r, "the flag is there unasked");
	e.flags |= KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	want_errno(r, ioctl(v->fd, KVM_SET_VCPU_EVENTS, &e), EINVAL, "the flag unasked");
	want_ok(r, vm_enable(&vm, KVM_CAP_X86_TRIPLE_FAULT_EVENT, 1), "KVM_ENABLE_CAP");
	xioctl(v->fd, KVM_GET_VCPU_EVENTS, &e);
	if (!(e.flags & KVM_VCPUEVENT_VALID_TRIPLE_FAULT) || e.triple_fault.pending)
		tap_fail(r, "flags %#x pending %u", e.flags, e.triple_fault.pending);
	e.triple_fault.pending = 1;
	want_ok(r, ioctl(v->fd, KVM_SET_VCPU_EVENTS, &e), "pending");
	xioctl(v->fd, KVM_GET_VCPU_EVENTS, &got);
	if (!got.triple_fault.pending)
		tap_fail(r, "it does not come back");
	/* without its flag it stays, with it it goes */
	got.flags &= ~KVM_VCPUEVENT_VALID_TRIPLE_FAULT;
	got.triple_fault.pending = 0;
	xioctl(v->fd, KVM_SET_VCPU_EVENTS, &got);
	xioctl(v->fd, KVM_GET_VCPU_EVENTS, &got);
	if (!got.triple_fault.pending)
		tap_fail(r, "it goes without its flag");
	e.triple_fault.pending = 0;
	xioctl(v->fd, KVM_SET_VCPU_EVENTS, &e);
	run_to_out(r, v, "taken back");
	e.triple_fault.pending = 1;
	xioctl(v->fd, KVM_SET_VCPU_EVENTS, &e);
	if (vcpu_run(v) || v->run->exit_reason != KVM_EXIT_SHUTDOWN)
		tap_fail(r, "a triple fault is exit %s", exit_name(v->run->exit_reason));
	xioctl(v->fd, KVM_GET_VCPU_EVENTS, &got);
	if (got.triple_fault.pending)
		tap_fail(r, "it is there behind the exit");
	vm_destroy(&vm);
}

/* A #GP of real mode, whose stack is no memory, is delivered in protected mode, where it has an error code. */
static void other_mode(struct tap_result *r, const void *arg)
{
	static const uint8_t beyond[] = { 0xa1, 0xff, 0xff };			/* mov 0xffff, %ax */
	static const uint8_t gp[] = { 0x58, 0xe7, 0x10 };			/* pop %eax; out %eax, $0x10 */
	struct kvm_vcpu_events e;
	struct kvm_sregs s;
	struct vcpu *v;
	struct vm vm;

	(void)arg;
	if (on_kvm()) {
		tap_skip(r, "KVM enters without the error code, and fails");
		return;
	}
	v = vm_simple(&vm, 0);
	vcpu_set_mode(&vm, v, MODE_REAL, 0x1000, 0x8000);
	memcpy(vm.mem + 0x1000, beyond, sizeof(beyond));
	memcpy(vm.mem + 0x1100, counts, sizeof(counts));
	*(uint32_t *)(vm.mem + 13 * 4) = 0x1100;
	xioctl(v->fd, KVM_GET_SREGS, &s);
	s.ss.base = 0x20000000;
	xioctl(v->fd, KVM_SET_SREGS, &s);
	if (vcpu_run(v))
		tap_fail(r, "real mode: errno %d", errno);
	xioctl(v->fd, KVM_GET_VCPU_EVENTS, &e);
	if (!e.exception.injected || e.exception.nr != 13) {
		tap_skip(r, "real mode is interpreted: its #GP is delivered, whatever the stack is");
		goto out;
	}
	vcpu_set_mode(&vm, v, MODE_FLAT32, 0x1000, 0x8000);
	handler(&vm, 13, gp, sizeof(gp));
	run_to_out(r, v, "protected mode");
	if (out_value(v))
		tap_fail(r, "the error code is %#x", out_value(v));
out:
	vm_destroy(&vm);
}

/* Other paging, and a task register that no entry takes: it is refused as often as it is tried, and mended it runs. */
static void refused(struct tap_result *r, const void *arg)
{
	struct kvm_sregs s;
	struct vcpu *v;
	struct vm vm;
	int i;

	(void)arg;
	v = vm_simple(&vm, 0);
	vcpu_set_mode(&vm, v, MODE_PAE, 0x1000, 0x8000);
	memcpy(vm.mem + 0x1000, counts, sizeof(counts));
	run_to_out(r, v, "PAE paging");
	vcpu_set_mode(&vm, v, MODE_PAGE32, 0x1000, 0x8000);
	xioctl(v->fd, KVM_GET_SREGS, &s);
	s.tr.selector |= 4;
	xioctl(v->fd, KVM_SET_SREGS, &s);
	for (i = 0; i < 3; i++) {
		if (vcpu_run(v) || (v->run->exit_reason != KVM_EXIT_FAIL_ENTRY && v->run->exit_reason != KVM_EXIT_IO))
			tap_fail(r, "TR in an LDT: exit %s", exit_name(v->run->exit_reason));
		if (v->run->exit_reason == KVM_EXIT_IO)
			tap_skip(r, "what cannot be entered is interpreted");
	}
	s.tr.selector &= ~4;
	xioctl(v->fd, KVM_SET_SREGS, &s);
	run_to_out(r, v, "32-bit paging");
	vm_destroy(&vm);
}

const struct test_case event_cases[] = {
	{ "state-entry-refused", refused, NULL },
	{ "state-other-mode", other_mode, NULL },
	{ "state-sync-regs", sync_regs, NULL },
	{ "state-sync-regs-hostile", sync_hostile, NULL },
	{ "state-payload", payload, NULL },
	{ "state-triple-fault", triple_fault, NULL },
	{ NULL, NULL, NULL }
};
