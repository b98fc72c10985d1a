// SPDX-License-Identifier: GPL-2.0-only
/* The debugger of a VMM: KVM_SET_GUEST_DEBUG and KVM_EXIT_DEBUG. */
#include <stdio.h>

#include "lane.h"

#define CODE		0x1000u
#define STACK		0x8000u
#define HANDLER		0x3000u
#define DATA		0x4000u
#define DEVICE		0xd0000000u
#define PORT		0x10

#define DR6_FIXED	0xffff0ff0u
#define DR6_BS		0x4000u
#define DR6_BD		0x2000u
#define DR7_GD		0x2000u
#define DR7_FIXED	0x400u
#define TF		0x100u
#define IF		0x200u

#define DB_VECTOR	1
#define BP_VECTOR	3

/* A VM whose vCPU is at @code, in @mode. */
static struct vcpu *guest(struct vm *vm, unsigned int flags, enum guest_mode mode, const void *code, size_t len)
{
	struct vcpu *v = vm_simple(vm, flags);

	memcpy(vm->mem + CODE, code, len);
	vcpu_set_mode(vm, v, mode, CODE, STACK);
	return v;
}

static int debug(struct vcpu *v, uint32_t control, const uint64_t *dr)
{
	struct kvm_guest_debug d = { .control = control ? control | KVM_GUESTDBG_ENABLE : 0 };

	if (dr)
		memcpy(d.arch.debugreg, dr, sizeof(d.arch.debugreg));
	return ioctl(v->fd, KVM_SET_GUEST_DEBUG, &d);
}

static uint64_t rip(struct vcpu *v)
{
	struct kvm_regs regs;

	xioctl(v->fd, KVM_GET_REGS, &regs);
	return regs.rip;
}

/* The next exit is the debugger's: an exception at an address, with these of DR6's bits. */
static bool stops(struct tap_result *r, struct vcpu *v, const char *where, uint8_t vector, uint64_t pc, uint32_t dr6)
{
	const struct kvm_debug_exit_arch *a = &v->run->debug.arch;
	int reason = vcpu_exit(v);

	if (reason != KVM_EXIT_DEBUG) {
		tap_fail(r, "%s: exit %s", where, exit_name(reason));
		return false;
	}
	if (a->exception != vector || a->pc != pc || (vector == DB_VECTOR && a->dr6 != (DR6_FIXED | dr6))) {
		tap_fail(r, "%s: exception %u at %#llx, DR6 %#llx; not %u at %#llx, DR6 %#x", where, a->exception,
			 (long long)a->pc, (long long)a->dr6, vector, (long long)pc, DR6_FIXED | dr6);
		return false;
	}
	return true;
}

static bool exits(struct tap_result *r, struct vcpu *v, const char *where, int reason)
{
	int got = vcpu_exit(v);

	if (got != reason)
		tap_fail(r, "%s: exit %s", where, exit_name(got));
	return got == reason;
}

/* --- single steps --- */

static void step(struct tap_result *r, const void *arg)
{
	static const uint8_t code[] = {
		0xb8, 1, 0, 0, 0,			/*  0 mov $1, %eax */
		0x0f, 0xa2,				/*  5 cpuid */
		0xe6, PORT,				/*  7 out */
		0x9c,					/*  9 pushf */
		0xb9, 0x10, 0, 0, 0,			/* 10 mov $0x10, %ecx */
		0x0f, 0x32,				/* 15 rdmsr */
		0x0f, 0x20, 0xc0,			/* 17 mov %cr0, %eax */
		0x0f, 0x22, 0xc0,			/* 20 mov %eax, %cr0 */
		0xeb, 0,				/* 23 jmp . + 2 */
		0xa1, 0, 0, 0, 0xd0,			/* 25 mov DEVICE, %eax */
		0xf4,					/* 30 hlt */
	};
	static const uint8_t ends[] = { 5, 7, 9, 10, 15, 17, 20, 23, 25, 30 };
	const bool hlt = *(const bool *)arg;
	struct kvm_regs regs;
	struct vm vm;
	struct vcpu *v = guest(&vm, hlt ? VM_IRQCHIP : 0, MODE_FLAT32, code, sizeof(code));
	unsigned int i;

	want_ok(r, debug(v, KVM_GUESTDBG_SINGLESTEP, NULL), "single steps");
	for (i = 0; i < sizeof(ends); i++) {
		char where[32];

		if (ends[i] == 9 && (!exits(r, v, "OUT", KVM_EXIT_IO) || v->run->io.port != PORT))
			return;
		if (ends[i] == 30) {
			if (!exits(r, v, "device", KVM_EXIT_MMIO))
				return;
			memcpy(v->run->mmio.data, "\x11\x22\x33\x44", 4);
		}
		snprintf(where, sizeof(where), "step %u", i);
		if (!stops(r, v, where, DB_VECTOR, CODE + ends[i], DR6_BS))
			return;
		if (rip(v) != CODE + ends[i])
			tap_fail(r, "%s: RIP is %#llx", where, (long long)rip(v));
	}
	xioctl(v->fd, KVM_GET_REGS, &regs);
	if ((uint32_t)regs.rax != 0x44332211 || (regs.rflags & TF))
		tap_fail(r, "EAX %#llx, RFLAGS %#llx", (long long)regs.rax, (long long)regs.rflags);
	if (!on_kvm() && (*(uint32_t *)(vm.mem + STACK - 4) & TF))
		tap_fail(r, "the guest saw a trap flag");
	if (hlt) {
		struct kvm_mp_state mp;

		stops(r, v, "HLT", DB_VECTOR, CODE + sizeof(code), DR6_BS);
		xioctl(v->fd, KVM_GET_MP_STATE, &mp);
		if (mp.mp_state != KVM_MP_STATE_HALTED)
			tap_fail(r, "MP state %u behind HLT", mp.mp_state);
	} else {
		exits(r, v, "HLT", KVM_EXIT_HLT);
	}
	/* and without the debugger on from there: the guest is in no way different */
	vcpu_set_mode(&vm, v, MODE_FLAT32, CODE, STACK);
	want_ok(r, debug(v, 0, NULL), "no steps");
	if (hlt)
		xioctl(v->fd, KVM_SET_MP_STATE, &(struct kvm_mp_state){ .mp_state = KVM_MP_STATE_RUNNABLE });
	exits(r, v, "OUT alone", KVM_EXIT_IO);
	exits(r, v, "device alone", KVM_EXIT_MMIO);
}

static void step_real(struct tap_result *r, const void *arg)
{
	static const uint8_t code[] = {
		0xb8, 0x34, 0x12,			/*  0 mov $0x1234, %ax */
		0x50,					/*  3 push %ax */
		0xb9, 3, 0,				/*  4 mov $3, %cx */
		0xbf, 0, 0x40,				/*  7 mov $DATA, %di */
		0x5b,					/* 10 pop %bx */
		0xe6, PORT,				/* 11 out */
		0x0f, 0xa2,				/* 13 cpuid */
		0xcd, 0x40,				/* 15 int $0x40 */
		0xf4,					/* 17 hlt */
	};
	static const uint16_t ends[] = { 3, 4, 7, 10, 11, 13, 15, HANDLER - CODE, 17 };
	struct vm vm;
	struct vcpu *v = guest(&vm, 0, MODE_REAL, code, sizeof(code));
	unsigned int i;

	(void)arg;
	vm.mem[HANDLER] = 0xcf;			/* iret */
	memcpy(vm.mem + 0x40 * 4, (uint16_t[]){ HANDLER, 0 }, 4);
	want_ok(r, debug(v, KVM_GUESTDBG_SINGLESTEP, NULL), "single steps");
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		char where[32];

		snprintf(where, sizeof(where), "step %u", i);
		if (ends[i] == 13 && !exits(r, v, "OUT", KVM_EXIT_IO))
			return;
		if (!stops(r, v, where, DB_VECTOR, CODE + ends[i], DR6_BS))
			return;
	}
	exits(r, v, "HLT", KVM_EXIT_HLT);
}

/* A REP string on a device: a step is an iteration or more, and they come to an end. */
static void step_rep(struct tap_result *r, const void *arg)
{
	static const uint8_t code[] = {
		0xf3, 0xaa,				/* 0 rep stosb */
		0xf4,					/* 2 hlt */
	};
	struct kvm_regs regs;
	struct vm vm;
	struct vcpu *v = guest(&vm, 0, MODE_FLAT32, code, sizeof(code));
	int reason, writes = 0, steps = 0;

	(void)arg;
	xioctl(v->fd, KVM_GET_REGS, &regs);
	regs.rdi = DEVICE;
	regs.rcx = 5;
	xioctl(v->fd, KVM_SET_REGS, &regs);
	want_ok(r, debug(v, KVM_GUESTDBG_SINGLESTEP, NULL), "single steps");
	while ((reason = vcpu_exit(v)) != KVM_EXIT_HLT && writes + steps < 20) {
		if (reason == KVM_EXIT_MMIO) {
			writes++;
		} else if (reason == KVM_EXIT_DEBUG) {
			steps++;
		} else {
			tap_fail(r, "exit %s", exit_name(reason));
			return;
		}
	}
	if (writes != 5 || !steps || steps > 5)
		tap_fail(r, "%d writes, %d steps", writes, steps);
}

/* The guest's own trap flag is the guest's, whoever steps. */
static void step_own_trap(struct tap_result *r, const void *arg)
{
	static const uint8_t code[] = {
		0x9c,					/*  0 pushf */
		0x80, 0x4c, 0x24, 1, 1,			/*  1 orb $1, 1(%esp) */
		0x9d,					/*  6 popf */
		0x90,					/*  7 nop: #DB behind it */
		0x0f, 0xa2,				/*  8 cpuid: likewise */
		0xf4,					/* 10 hlt */
	};
	static const uint8_t handler[] = {
		0xff, 0x05, 0, 0x40, 0, 0,		/* 0 incl DATA */
		0xcf,					/* 6 iret */
	};
	static const uint16_t ends[] = {
		1, 6, 7,
		8, HANDLER - CODE, HANDLER - CODE + 6, 8,
		10, HANDLER - CODE, HANDLER - CODE + 6, 10,
	};
	struct vm vm;
	struct vcpu *v = guest(&vm, 0, MODE_FLAT32, code, sizeof(code));
	unsigned int i;

	(void)arg;
	memcpy(vm.mem + HANDLER, handler, sizeof(handler));
	gate(&vm, DB_VECTOR, HANDLER);
	want_ok(r, debug(v, KVM_GUESTDBG_SINGLESTEP, NULL), "single steps");
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		char where[32];

		snprintf(where, sizeof(where), "step %u", i);
		if (!stops(r, v, where, DB_VECTOR, CODE + ends[i], DR6_BS))
			return;
	}
	if (*(uint32_t *)(vm.mem + DATA) != 2)
		tap_fail(r, "%u traps of the guest's", *(uint32_t *)(vm.mem + DATA));
}

/* --- INT3 --- */

static void int3(struct tap_result *r, const void *arg)
{
	static const uint8_t code[] = {
		0x90,					/* 0 nop */
		0xcc,					/* 1 int3 */
		0xf4,					/* 2 hlt */
	};
	const enum guest_mode mode = *(const enum guest_mode *)arg;
	struct vm vm;
	struct vcpu *v = guest(&vm, 0, mode, code, sizeof(code));
	struct kvm_guest_debug d = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_INJECT_BP
	};

	/* IRET, in 32 bits and in real mode */
	vm.mem[HANDLER] = 0xcf;
	if (mode == MODE_REAL)
		memcpy(vm.mem + BP_VECTOR * 4, (uint16_t[]){ HANDLER, 0 }, 4);
	else
		gate(&vm, BP_VECTOR, HANDLER);
	want_ok(r, debug(v, KVM_GUESTDBG_USE_SW_BP, NULL), "software breakpoints");
	stops(r, v, "INT3", BP_VECTOR, CODE + 1, 0);
	stops(r, v, "INT3 again", BP_VECTOR, CODE + 1, 0);
	/* not the debugger's: the guest gets it */
	want_ok(r, ioctl(v->fd, KVM_SET_GUEST_DEBUG, &d), "inject #BP");
	want_errno(r, ioctl(v->fd, KVM_SET_GUEST_DEBUG, &d), EBUSY, "inject another");
	exits(r, v, "behind INT3", KVM_EXIT_HLT);
	if (rip(v) != CODE + 3)
		tap_fail(r, "RIP is %#llx", (long long)rip(v));
	/* no debugger: the guest's from the start */
	want_ok(r, debug(v, 0, NULL), "no breakpoints");
	vcpu_set_mode(&vm, v, mode, CODE, STACK);
	exits(r, v, "without", KVM_EXIT_HLT);
}

/* Likewise by KVM_SET_VCPU_EVENTS, which QEMU takes, and a VM that was saved meanwhile. */
static void int3_restored(struct tap_result *r, const void *arg)
{
	static const uint8_t code[] = { 0x90, 0xcc, 0xf4 };	/* nop; int3; hlt */
	struct kvm_vcpu_events e = { };
	struct vm vm;
	struct vcpu *v = guest(&vm, 0, MODE_FLAT32, code, sizeof(code));

	(void)arg;
	vm.mem[HANDLER] = 0xcf;			/* iret */
	gate(&vm, BP_VECTOR, HANDLER);
	want_ok(r, debug(v, KVM_GUESTDBG_USE_SW_BP, NULL), "software breakpoints");
	stops(r, v, "INT3", BP_VECTOR, CODE + 1, 0);
	xioctl(v->fd, KVM_GET_VCPU_EVENTS, &e);
	if (e.exception.injected)
		tap_fail(r, "exception %u is there already", e.exception.nr);
	e.exception.injected = 1;
	e.exception.nr = BP_VECTOR;
	xioctl(v->fd, KVM_SET_VCPU_EVENTS, &e);
	exits(r, v, "behind INT3", KVM_EXIT_HLT);
	if (rip(v) != CODE + 3)
		tap_fail(r, "RIP is %#llx", (long long)rip(v));
}

/* --- breakpoints of the processor's --- */

static void breakpoints(struct tap_result *r, const void *arg)
{
	static const uint8_t code[] = {
		0x90,					/*  0 nop */
		0x90,					/*  1 nop: execution */
		0xc6, 0x05, 0, 0x40, 0, 0, 7,		/*  2 movb $7, DATA: write */
		0xa0, 1, 0x40, 0, 0,			/*  9 mov DATA + 1, %al: access */
		0x0f, 0x21, 0xc0,			/* 14 mov %db0, %eax */
		0x0f, 0x21, 0xfb,			/* 17 mov %db7, %ebx */
		0xf4,					/* 20 hlt */
	};
	const uint64_t dr[8] = {
		CODE + 1, DATA, DATA + 1, 0, [7] = DR7_FIXED | 0x2 | 0x8 | 0x20 | 1u << 20 | 3u << 24
	};
	struct kvm_debugregs own = { .db = { 0x55, 0x66 }, .dr6 = DR6_FIXED, .dr7 = DR7_FIXED }, now;
	struct kvm_regs regs;
	struct vm vm;
	struct vcpu *v = guest(&vm, 0, MODE_FLAT32, code, sizeof(code));

	(void)arg;
	xioctl(v->fd, KVM_SET_DEBUGREGS, &own);
	want_ok(r, debug(v, KVM_GUESTDBG_USE_HW_BP, dr), "breakpoints");
	if (!stops(r, v, "execution", DB_VECTOR, CODE + 1, 1))
		return;
	if (v->run->debug.arch.dr7 != dr[7])
		tap_fail(r, "DR7 %#llx", (long long)v->run->debug.arch.dr7);
	xioctl(v->fd, KVM_GET_REGS, &regs);
	regs.rip = CODE + 2;
	xioctl(v->fd, KVM_SET_REGS, &regs);
	if (!stops(r, v, "write", DB_VECTOR, CODE + 9, 2) || !stops(r, v, "read", DB_VECTOR, CODE + 14, 4))
		return;
	xioctl(v->fd, KVM_GET_DEBUGREGS, &now);
	if (memcmp(&now, &own, sizeof(own)))
		tap_fail(r, "the guest's are DR0 %#llx, DR6 %#llx, DR7 %#llx", (long long)now.db[0],
			 (long long)now.dr6, (long long)now.dr7);
	exits(r, v, "HLT", KVM_EXIT_HLT);
	xioctl(v->fd, KVM_GET_REGS, &regs);
	if ((uint32_t)regs.rax != 0x55 || (uint32_t)regs.rbx != DR7_FIXED)
		tap_fail(r, "the guest reads DR0 %#llx, DR7 %#llx", (long long)regs.rax, (long long)regs.rbx);
	/* with steps: told in one */
	vcpu_set_mode(&vm, v, MODE_FLAT32, CODE + 2, STACK);
	want_ok(r, debug(v, KVM_GUESTDBG_USE_HW_BP | KVM_GUESTDBG_SINGLESTEP, dr), "breakpoints and steps");
	stops(r, v, "step with a write", DB_VECTOR, CODE + 9, DR6_BS | 2);
	want_ok(r, debug(v, 0, NULL), "no breakpoints");
	xioctl(v->fd, KVM_GET_DEBUGREGS, &now);
	if (memcmp(&now, &own, sizeof(own)))
		tap_fail(r, "afterwards DR0 %#llx, DR7 %#llx", (long long)now.db[0], (long long)now.dr7);
	vcpu_set_mode(&vm, v, MODE_FLAT32, CODE, STACK);
	exits(r, v, "without", KVM_EXIT_HLT);
}

/* What is interpreted meets them as well. */
static void breakpoints_device(struct tap_result *r, const void *arg)
{
	static const uint8_t code[] = {
		0xa2, 0, 0, 0, 0xd0,			/* 0 mov %al, DEVICE */
		0xf4,					/* 5 hlt */
	};
	const uint64_t dr[8] = { DEVICE, [7] = DR7_FIXED | 0x2 | 1u << 16 };
	struct vm vm;
	struct vcpu *v = guest(&vm, 0, MODE_FLAT32, code, sizeof(code));

	(void)arg;
	want_ok(r, debug(v, KVM_GUESTDBG_USE_HW_BP, dr), "breakpoints");
	exits(r, v, "device", KVM_EXIT_MMIO);
	stops(r, v, "write", DB_VECTOR, CODE + 5, 1);
	exits(r, v, "HLT", KVM_EXIT_HLT);
}

static void guarded(struct tap_result *r, const void *arg)
{
	static const uint8_t code[] = {
		0x0f, 0x21, 0xc0,			/* 0 mov %db0, %eax */
		0xf4,					/* 3 hlt */
	};
	const uint64_t dr[8] = { [7] = DR7_FIXED | DR7_GD };
	struct vm vm;
	struct vcpu *v = guest(&vm, 0, MODE_FLAT32, code, sizeof(code));

	(void)arg;
	want_ok(r, debug(v, KVM_GUESTDBG_USE_HW_BP, dr), "general detect");
	stops(r, v, "MOV DR", DB_VECTOR, CODE, DR6_BD);
	want_ok(r, debug(v, 0, NULL), "no debugger");
	exits(r, v, "HLT", KVM_EXIT_HLT);
}

/* --- events --- */

static void inject_db(struct tap_result *r, const void *arg)
{
	static const uint8_t code[] = { 0x90, 0xf4 };
	struct kvm_guest_debug d = { .control = KVM_GUESTDBG_INJECT_DB };
	struct vm vm;
	struct vcpu *v = guest(&vm, 0, MODE_FLAT32, code, sizeof(code));

	(void)arg;
	memcpy(vm.mem + HANDLER, "\xff\x05\x00\x40\x00\x00\xcf", 7);	/* incl DATA; iret */
	gate(&vm, DB_VECTOR, HANDLER);
	want_ok(r, ioctl(v->fd, KVM_SET_GUEST_DEBUG, &d), "inject #DB");
	exits(r, v, "HLT", KVM_EXIT_HLT);
	if (*(uint32_t *)(vm.mem + DATA) != 1)
		tap_fail(r, "%u #DB", *(uint32_t *)(vm.mem + DATA));
}

/* Interrupts and NMIs wait until the debugger is done. */
static void blocked(struct tap_result *r, const void *arg)
{
	static const uint8_t code[] = { 0xfb, 0x90, 0x90, 0x90, 0x90, 0xeb, 0xf9 };	/* sti; nop * 4; jmp */
	static const uint8_t ends[] = { 1, 2, 3, 4, 5, 0 };
	struct vm vm;
	struct vcpu *v = guest(&vm, VM_IRQCHIP, MODE_FLAT32, code, sizeof(code));
	unsigned int i;

	(void)arg;
	if (!(kvm_cap(KVM_CAP_SET_GUEST_DEBUG2) & KVM_GUESTDBG_BLOCKIRQ)) {
		tap_fail(r, "no KVM_GUESTDBG_BLOCKIRQ");
		return;
	}
	make_handlers(&vm);
	/* the LAPIC is on, and the vCPU has been in the guest once */
	want_ok(r, debug(v, KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_BLOCKIRQ, NULL), "steps without interrupts");
	{
		struct kvm_lapic_state s;

		xioctl(v->fd, KVM_GET_LAPIC, &s);
		memcpy(s.regs + 0xf0, (uint32_t[]){ 0x1ff }, 4);
		xioctl(v->fd, KVM_SET_LAPIC, &s);
	}
	msi_to(&vm, 0, 0x40);
	if (ioctl(v->fd, KVM_NMI, 0))
		tap_fail(r, "KVM_NMI");
	for (i = 0; i < sizeof(ends); i++)
		if (!stops(r, v, "blocked", DB_VECTOR, CODE + ends[i], DR6_BS))
			return;
	if (total(&vm))
		tap_fail(r, "%u interrupts", total(&vm));
	/* then they come, the NMI first, and a step ends in a handler */
	want_ok(r, debug(v, KVM_GUESTDBG_SINGLESTEP, NULL), "steps with them");
	for (i = 0; i < 40 && total(&vm) < 2; i++)
		if (vcpu_exit(v) != KVM_EXIT_DEBUG)
			tap_fail(r, "exit %s", exit_name(v->run->exit_reason));
	if (*count(&vm, 2) != 1 || *count(&vm, 0x40) != 1)
		tap_fail(r, "%u NMIs, %u interrupts", *count(&vm, 2), *count(&vm, 0x40));
}

static void numbers(struct tap_result *r, const void *arg)
{
	static const uint8_t code[] = { 0xf4 };
	struct kvm_guest_debug d = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP };
	struct vm vm;
	struct vcpu *v = guest(&vm, 0, MODE_FLAT32, code, sizeof(code));
	unsigned int i;

	(void)arg;
	want_errno(r, ioctl(v->fd, KVM_SET_GUEST_DEBUG, BAD_POINTER), EFAULT, "bad pointer");
	if (!on_kvm()) {
		d.arch.debugreg[7] = 1ull << 32 | DR7_FIXED;
		want_errno(r, ioctl(v->fd, KVM_SET_GUEST_DEBUG, &d), EINVAL, "DR7 of 33 bits");
		d.arch.debugreg[7] = 0;
		d.control = KVM_GUESTDBG_ENABLE | 1u << 30;
		want_errno(r, ioctl(v->fd, KVM_SET_GUEST_DEBUG, &d), EINVAL, "unknown control");
	}
	/* addresses are any number */
	for (i = 0; i < 4; i++)
		d.arch.debugreg[i] = ~0ull << (16 * i);
	d.arch.debugreg[7] = 0xffff07ff;
	d.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
	want_ok(r, ioctl(v->fd, KVM_SET_GUEST_DEBUG, &d), "breakpoints anywhere");
	exits(r, v, "HLT", KVM_EXIT_HLT);
}

static const bool yes = true, no;
static const enum guest_mode flat32 = MODE_FLAT32, real = MODE_REAL;

const struct test_case debug_cases[] = {
	{ "debug-step", step, &no },
	{ "debug-step-hlt", step, &yes },
	{ "debug-step-real", step_real, NULL },
	{ "debug-step-rep", step_rep, NULL },
	{ "debug-step-own-trap", step_own_trap, NULL },
	{ "debug-int3", int3, &flat32 },
	{ "debug-int3-real", int3, &real },
	{ "debug-int3-restored", int3_restored, NULL },
	{ "debug-breakpoints", breakpoints, NULL },
	{ "debug-breakpoints-device", breakpoints_device, NULL },
	{ "debug-guarded", guarded, NULL },
	{ "debug-inject", inject_db, NULL },
	{ "debug-blocked", blocked, NULL },
	{ "debug-numbers", numbers, NULL },
	{ NULL, NULL, NULL }
};
