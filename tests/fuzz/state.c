// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random vCPU states and random guest code. What a SET ioctl accepts GET must
 * return, KVM_RUN must end in a defined way, VM entry may refuse only what
 * entry.h says, and a vCPU that loops must come when it is called.
 *
 * The emulated processor takes no external interrupt in a guest that has them
 * disabled: code that may loop runs with interrupts enabled and cannot disable
 * them; all memory that is not something else is HLT.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "../lib/kvm.h"
#include "../../uapi/linux/vh.h"
#include "backing.h"
#include "code.h"
#include "entry.h"
#include "mutate.h"
#include "rounds.h"

#define STEPS		12	/* states of a round, on one VM */
#define RUNS		12	/* KVM_RUNs of a state, at most */
#define MEMORY		(2u << 20)
#define CODE		0x4000u
#define STACK		0x8000u
#define HANDLER		0x3000u
#define FILE_AT		(MEMORY - ODD_SIZE)

#define RFLAGS_IF	(1u << 9)
#define RFLAGS_TF	(1u << 8)
#define RFLAGS_VM	(1u << 17)
#define EFER_LMA	(1u << 10)
#define CR0_PG		(1u << 31)
#define CR4_PAE		(1u << 5)

enum { STATES, SETS, REFUSED, RUN, EXITS, X_IO, X_MMIO, X_HLT, X_SHUTDOWN, X_EMULATION, X_DELIVERY,
	X_TASK_SWITCH, X_WINDOW, X_TPR, X_KICKED, X_REFUSED, X_ENTERED, LOOPS, SAVED };
static const char *const counters[] = {
	"states", "SET ioctls accepted", "SET ioctls refused", "KVM_RUN", "VM exits",
	"ended: IO", "ended: MMIO", "ended: HLT", "ended: SHUTDOWN", "ended: EMULATION",
	"ended: DELIVERY_EV", "ended: task switch", "ended: IRQ_WINDOW_OPEN", "ended: SET_TPR",
	"ended: kicked", "entries refused, rightly", "states that entered", "loops kicked",
	"states saved and restored", NULL
};

static struct vm vm;
static struct vcpu *v;
static bool irqchip, vh, odd_memory;	/* odd: comes late, fails, or is poisoned (backing.h) */
static int file = -1;			/* of FUSE: memory from FILE_AT on */
static unsigned int step;
static struct kvm_sregs sregs;		/* what was set last */
static struct kvm_regs regs;
static struct kvm_msr_list *msr_list;

#define failed(fmt, ...) \
	round_failed("step %u: " fmt, step, ##__VA_ARGS__)

static void dump(void)
{
	static const char *const names[] = { "cs", "ds", "es", "fs", "gs", "ss", "tr", "ldt" };
	const struct kvm_segment *seg = &sregs.cs;
	struct kvm_vcpu_events e = { };
	unsigned int i;

	ioctl(v->fd, KVM_GET_SREGS, &sregs);
	ioctl(v->fd, KVM_GET_REGS, &regs);
	ioctl(v->fd, KVM_GET_VCPU_EVENTS, &e);
	for (i = 0; i < 8; i++)
		printf("# %-3s %04x base %llx limit %x type %x s %u dpl %u p %u avl %u l %u db %u g %u unusable %u\n",
		       names[i], seg[i].selector, seg[i].base, seg[i].limit, seg[i].type, seg[i].s,
		       seg[i].dpl, seg[i].present, seg[i].avl, seg[i].l, seg[i].db, seg[i].g,
		       seg[i].unusable);
	printf("# cr0 %llx cr3 %llx cr4 %llx efer %llx rip %llx rflags %llx gdt %llx idt %llx irqchip %d\n",
	       sregs.cr0, sregs.cr3, sregs.cr4, sregs.efer, regs.rip, regs.rflags, sregs.gdt.base,
	       sregs.idt.base, irqchip);
	printf("# exception %u nr %u error %u %x; irq %u nr %u soft %u shadow %u; nmi %u pending %u masked %u\n",
	       e.exception.injected, e.exception.nr, e.exception.has_error_code, e.exception.error_code,
	       e.interrupt.injected, e.interrupt.nr, e.interrupt.soft, e.interrupt.shadow,
	       e.nmi.injected, e.nmi.pending, e.nmi.masked);
}

/* A SET that may be refused, but in no other way. */
static bool set(unsigned long cmd, void *arg, const char *name)
{
	int r = ioctl(v->fd, cmd, arg);

	if (verbose)
		printf("# step %u: %s: %s\n", step, name, r < 0 ? strerror(errno) : "ok");
	if (r >= 0) {
		count(SETS);
		return true;
	}
	count(REFUSED);
	if (errno != EINVAL && errno != E2BIG)
		failed("%s: %s", name, strerror(errno));
	return false;
}

static void get(unsigned long cmd, void *arg, const char *name)
{
	if (ioctl(v->fd, cmd, arg) < 0)
		failed("%s: %s", name, strerror(errno));
}

#define SET(x, arg) set(KVM_SET_##x, arg, #x)
#define GET(x, arg) get(KVM_GET_##x, arg, #x)

/* --- segments and control registers --- */

/* Of what is read and written. */
static uint64_t an_address(uint64_t usual)
{
	if (file >= 0 && chance(2))
		return FILE_AT + rnd(ODD_SIZE);
	return chance(2) ? usual : odd_number();
}

/* A state to begin with: one of the modes, at CPL 0 or 3, or virtual-8086. */
static void base_state(void)
{
	enum guest_mode mode = rnd(5);
	struct kvm_segment *seg = &sregs.cs;
	unsigned int i;

	vcpu_set_mode(&vm, v, mode, CODE, STACK);
	GET(SREGS, &sregs);
	GET(REGS, &regs);
	sregs.ldt = (struct kvm_segment){ .limit = 0xffff, .type = 2, .present = 1 };
	regs.rflags |= RFLAGS_IF | (chance(4) ? rnd(4) << 12 : 0) | (chance(16) ? RFLAGS_TF : 0);
	regs.rcx = rnd(64);	/* of REP and LOOP */
	regs.rdx = chance(2) ? rnd(0x400) : odd_number();
	regs.rsi = regs.rdi = an_address(0x6000);
	regs.rbx = an_address(0x7000);
	regs.rax = odd_number();
	regs.rbp = an_address(STACK);
	if (file >= 0 && mode != MODE_REAL && chance(8))
		sregs.cr3 = FILE_AT + rnd(ODD_SIZE / 4096) * 4096;
	if (mode == MODE_REAL)
		return;
	if (chance(8) && mode != MODE_LONG) {	/* virtual-8086 */
		regs.rflags |= RFLAGS_VM;
		for (i = 0; i < 6; i++)
			seg[i] = (struct kvm_segment){ .limit = 0xffff, .type = 3, .s = 1, .dpl = 3,
						       .present = 1 };
		return;
	}
	if (mode == MODE_LONG && chance(3)) {	/* compatibility mode */
		sregs.cs.l = 0;
		sregs.cs.db = 1;
		sregs.cs.selector = SEL_CODE32;
	}
	if (chance(2))
		for (i = 0; i < 6; i++) {
			seg[i].dpl = 3;
			seg[i].selector |= 3;
		}
}

static bool same_segment(const struct kvm_segment *a, const struct kvm_segment *b)
{
	return a->base == b->base && a->limit == b->limit && a->selector == b->selector &&
	       a->type == b->type && a->present == b->present && a->dpl == b->dpl && a->db == b->db &&
	       a->s == b->s && a->l == b->l && a->g == b->g && a->avl == b->avl &&
	       a->unusable == b->unusable;
}

static void check_sregs(const struct kvm_sregs *want, const struct kvm_sregs *got, const char *name)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		if (!same_segment(&(&want->cs)[i], &(&got->cs)[i]))
			failed("%s: segment %u is not what was set", name, i);
	/* CR0.ET is always 1 */
	if (got->cr0 != (want->cr0 | 0x10) || got->cr2 != want->cr2 || got->cr3 != want->cr3 ||
	    got->cr4 != want->cr4 || got->cr8 != want->cr8 || got->efer != want->efer ||
	    got->apic_base != want->apic_base)
		failed("%s: cr0 %llx cr2 %llx cr3 %llx cr4 %llx cr8 %llx efer %llx apic_base %llx", name,
		       got->cr0, got->cr2, got->cr3, got->cr4, got->cr8, got->efer, got->apic_base);
	if (got->gdt.base != want->gdt.base || got->gdt.limit != want->gdt.limit ||
	    got->idt.base != want->idt.base || got->idt.limit != want->idt.limit)
		failed("%s: GDTR or IDTR", name);
}

static void set_sregs(void)
{
	struct kvm_sregs got;

	if (!SET(SREGS, &sregs))
		return;
	GET(SREGS, &got);
	check_sregs(&sregs, &got, "SREGS");
}

static void set_sregs2(void)
{
	bool pae = (sregs.cr0 & CR0_PG) && (sregs.cr4 & CR4_PAE) && !(sregs.efer & EFER_LMA);
	struct kvm_sregs2 s2 = { }, got2;
	struct kvm_sregs got;
	unsigned int i;

	memcpy(&s2, &sregs, offsetof(struct kvm_sregs, interrupt_bitmap));
	if (pae ? !chance(4) : chance(32)) {
		s2.flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
		for (i = 0; i < 4; i++)
			s2.pdptrs[i] = (GUEST_PD + i * 4096) | 1;
		if (chance(2))
			s2.pdptrs[rnd(4)] ^= 1ull << rnd(64);
	}
	if (!SET(SREGS2, &s2))
		return;
	GET(SREGS2, &got2);
	memset(&got, 0, sizeof(got));
	memcpy(&got, &got2, offsetof(struct kvm_sregs, interrupt_bitmap));
	check_sregs(&sregs, &got, "SREGS2");
	if (s2.flags && (!got2.flags || memcmp(s2.pdptrs, got2.pdptrs, sizeof(s2.pdptrs))))
		failed("SREGS2: PDPTEs are not what was set");
}

static void set_regs(void)
{
	struct kvm_regs got;

	if (!SET(REGS, &regs))
		return;
	GET(REGS, &got);
	regs.rflags = (regs.rflags & 0x3f7fd5) | 2;
	if (memcmp(&regs, &got, sizeof(got)))
		failed("REGS are not what was set");
}

/* --- the rest --- */

static void set_events(void)
{
	struct kvm_vcpu_events e, got;

	GET(VCPU_EVENTS, &e);
	switch (rnd(6)) {
	case 0:
		e.exception.injected = 1;
		e.exception.nr = rnd(chance(8) ? 256 : 32);
		e.exception.has_error_code = rnd(2);
		e.exception.error_code = odd_number();
		break;
	case 1:
		e.interrupt.injected = 1;
		e.interrupt.nr = rnd(256);
		e.interrupt.soft = chance(3);
		break;
	case 2:
		e.interrupt.shadow = rnd(4);
		e.flags |= KVM_VCPUEVENT_VALID_SHADOW;
		break;
	case 3:
		e.nmi.injected = rnd(2);
		e.nmi.masked = rnd(2);
		e.nmi.pending = rnd(2);
		e.flags |= KVM_VCPUEVENT_VALID_NMI_PENDING;
		break;
	case 4:
		e.flags = chance(4) ? odd_number() : e.flags ^ 1u << rnd(6);
		break;
	default:
		((uint8_t *)&e)[rnd(sizeof(e))] ^= 1 << rnd(8);
	}
	if (!SET(VCPU_EVENTS, &e))
		return;
	GET(VCPU_EVENTS, &got);
	if (!!e.exception.injected != got.exception.injected ||
	    (got.exception.injected && e.exception.nr != got.exception.nr) ||
	    !!e.interrupt.injected != got.interrupt.injected ||
	    (got.interrupt.injected && e.interrupt.nr != got.interrupt.nr) ||
	    !!e.nmi.injected != got.nmi.injected)
		failed("VCPU_EVENTS are not what was set: exception %u %u, interrupt %u %u, nmi %u",
		       got.exception.injected, got.exception.nr, got.interrupt.injected,
		       got.interrupt.nr, got.nmi.injected);
	/* An NMI that is being delivered is not masked yet. */
	if ((e.nmi.masked && !e.nmi.injected) != !!got.nmi.masked)
		failed("VCPU_EVENTS: nmi.masked %u became %u", e.nmi.masked, got.nmi.masked);
}

static void set_debugregs(void)
{
	struct kvm_debugregs d, got;

	GET(DEBUGREGS, &d);
	d.db[rnd(4)] = chance(2) ? CODE + rnd(16) : odd_number();
	d.dr7 ^= chance(2) ? 1ull << rnd(40) : rnd64() & 0xffff00ff;
	d.dr6 ^= 1ull << rnd(40);
	d.flags = chance(16);
	if (!SET(DEBUGREGS, &d))
		return;
	GET(DEBUGREGS, &got);
	if (memcmp(d.db, got.db, sizeof(d.db)) ||
	    got.dr6 != ((d.dr6 & 0xe00f) | 0xffff0ff0) || got.dr7 != ((d.dr7 & 0xffff2fff) | 0x400))
		failed("DEBUGREGS are not what was set: dr6 %llx dr7 %llx", got.dr6, got.dr7);
}

static void set_xcrs(void)
{
	struct kvm_xcrs x, got;

	if (ioctl(v->fd, KVM_GET_XCRS, &x) < 0)
		return;
	x.xcrs[0].value ^= chance(2) ? 1ull << rnd(64) : rnd(256);
	if (chance(8))
		x.nr_xcrs = odd_number();
	if (!SET(XCRS, &x))
		return;
	GET(XCRS, &got);
	if (x.nr_xcrs == 1 && got.xcrs[0].value != x.xcrs[0].value)
		failed("XCR0 is not what was set: %llx", got.xcrs[0].value);
}

static void set_xsave(void)
{
	struct kvm_xsave x, got;
	uint64_t *header = (uint64_t *)x.region + 64;
	unsigned int i, n;

	GET(XSAVE, &x);
	*header |= chance(2) ? rnd(8) : 0;
	n = rnd(8);
	for (i = 0; i < n; i++)
		x.region[rnd(chance(2) ? 160 : 1024)] ^= chance(2) ? 1u << rnd(32) : odd_number();
	if (!SET(XSAVE, &x))
		return;
	GET(XSAVE, &got);
	/* A component in its initial state has no bytes; the header and the named ones count. */
	if (kvm_cap(KVM_CAP_XCRS) <= 0)		/* FXSAVE knows no such thing */
		*header = 3;
	for (i = 0; i < 144; i++)
		if (((i < 104 && (*header & 3) == 3) || i >= 128) && got.region[i] != x.region[i])
			failed("XSAVE: word %u: %x became %x", i, x.region[i], got.region[i]);
}

/* Values of these follow from something else, or are not kept. */
static bool volatile_msr(uint32_t index)
{
	switch (index) {
	case 0x10: case 0x1b: case 0x3a: case 0x3b: case 0x8b: case 0x79: case 0x6e0:
	case 0x11: case 0x12: case 0x4b564d00: case 0x4b564d01: case 0x4b564d07:
		return true;
	}
	return index >= 0x800 && index < 0x900;
}

static void set_msr(void)
{
	static const uint32_t base[] = {
		0, 0x10, 0x1b, 0x170, 0x174, 0x1a0, 0x1d8, 0x200, 0x250, 0x268, 0x277, 0x2ff, 0x3a,
		0x400, 0x480, 0x6e0, 0x800, 0x820, 0x830, 0xda0, 0x4b564d00, 0xc0000080,
		0xc0000100, 0x40000000
	};
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry e;
	} m = { .head.nmsrs = 1 };
	uint64_t value;

	m.e.index = chance(2) ? msr_list->indices[rnd(msr_list->nmsrs)] :
				base[rnd(sizeof(base) / 4)] + rnd(16);
	m.e.data = value = m.e.index == 0xc0000080 ? sregs.efer ^ 1u << rnd(13) : odd_number();
	if (m.e.index >= 0x4b564d00 && m.e.index < 0x4b564d10)
		m.e.data = value = rnd(MEMORY * 2) & ~3u;
	if (verbose)
		printf("# step %u: MSR %x = %llx\n", step, m.e.index, m.e.data);
	if (ioctl(v->fd, KVM_SET_MSRS, &m) != 1) {
		count(REFUSED);
		return;
	}
	count(SETS);
	m.e.data = 0;
	if (ioctl(v->fd, KVM_GET_MSRS, &m) != 1) {
		if (m.e.index != 0x79 && !(m.e.index >= 0x800 && m.e.index < 0x900))
			failed("MSR %x can be set to %llx, but not be read", m.e.index,
			       (unsigned long long)value);
		return;
	}
	if (m.e.index == 0x174)
		value = (uint32_t)value;
	if (m.e.index == 0xc0000080)	/* LMA follows from LME and CR0.PG */
		value = (value & ~(uint64_t)EFER_LMA) | (m.e.data & EFER_LMA);
	if (!volatile_msr(m.e.index) && m.e.data != value)
		failed("MSR %x: %llx became %llx", m.e.index, (unsigned long long)value, m.e.data);
}

static void set_lapic(void)
{
	struct kvm_lapic_state s, once, again;
	unsigned int i, n = rnd(6);

	if (!irqchip)
		return;
	GET(LAPIC, &s);
	for (i = 0; i < n; i++)
		*(uint32_t *)(s.regs + rnd(64) * 16) = chance(2) ? odd_number() : rnd64();
	if (!SET(LAPIC, &s))
		return;
	GET(LAPIC, &once);
	if (!SET(LAPIC, &once))
		failed("LAPIC: what GET returns SET refuses");
	GET(LAPIC, &again);
	/* the current count runs, and what is requested may be delivered meanwhile */
	memset(once.regs + 0x390, 0, 4);
	memset(again.regs + 0x390, 0, 4);
	if (memcmp(once.regs, again.regs, 0x200) && !(once.regs[0x382]))
		failed("LAPIC changes by GET and SET");
}

static void set_mp_state(void)
{
	struct kvm_mp_state s = { .mp_state = chance(4) ? odd_number() : rnd(5) }, got;

	if (!SET(MP_STATE, &s))
		return;
	GET(MP_STATE, &got);
	/* the SIPI is pending */
	if (s.mp_state != got.mp_state && s.mp_state != KVM_MP_STATE_SIPI_RECEIVED)
		failed("MP_STATE %u became %u", s.mp_state, got.mp_state);
}

static void set_cpuid(void)
{
	static struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 e[300];
	} c, was;
	unsigned int i, n = rnd(6);

	was.head.nent = c.head.nent = 256;
	GET(CPUID2, &was);
	c = was;
	for (i = 0; i < n && c.head.nent; i++)
		((uint32_t *)&c.e[rnd(c.head.nent)])[rnd(chance(4) ? 10 : 7)] ^=
			chance(2) ? 1u << rnd(32) : odd_number();
	if (chance(16))
		c.head.nent = odd_number();
	if (set(KVM_SET_CPUID2, &c, "CPUID2"))
		set(KVM_SET_CPUID2, &was, "CPUID2");
}

static void set_fpu(void)
{
	struct kvm_fpu f, got;

	GET(FPU, &f);
	((uint8_t *)&f)[rnd(sizeof(f))] ^= 1 << rnd(8);
	f.pad1 = f.pad2 = 0;
	if (!SET(FPU, &f))
		return;
	GET(FPU, &got);
	got.pad1 = got.pad2 = 0;
	if (memcmp(&f, &got, sizeof(f)))
		failed("FPU is not what was set");
}

static void interrupt(void)
{
	struct kvm_interrupt irq = { .irq = chance(8) ? odd_number() : rnd(256) };

	if (chance(2))
		ioctl(v->fd, KVM_NMI, 0);
	else
		ioctl(v->fd, KVM_INTERRUPT, &irq);
}

/* --- running --- */

static void nothing(int sig)
{
	(void)sig;
}

/* The thread is kicked every 3 ms, so that no KVM_RUN lasts for ever. */
static void kicks(bool on)
{
	struct itimerval it = { { 0, on ? 3000 : 0 }, { 0, on ? 3000 : 0 } };

	setitimer(ITIMER_REAL, &it, NULL);
}

static unsigned long exits(void)
{
	struct vh_exit_stats s = { };
	unsigned long sum = 0;
	unsigned int i;

	if (!vh)
		return 0;
	get(VH_GET_EXIT_STATS, &s, "VH_GET_EXIT_STATS");
	for (i = 0; i < s.nr; i++)
		sum += s.counts[i];
	return sum;
}

static void entry_failed(unsigned long exits_before)
{
	uint64_t reason = v->run->fail_entry.hardware_entry_failure_reason;
	const char *rule;

	GET(SREGS, &sregs);
	GET(REGS, &regs);
	rule = entry_refused(&sregs, &regs);
	if (verbose)
		printf("# step %u: entry refused: %s\n", step, rule ? rule : "?");
	if (reason != 0x80000021 || !rule) {
		dump();
		failed("VM entry failed: %#llx", (unsigned long long)reason);
	}
	if (exits() != exits_before) {
		dump();
		failed("a state of the guest's own making cannot be entered: %s", rule);
	}
	count(X_REFUSED);
}

/* One KVM_RUN. Does it make sense to go on? */
static bool run(unsigned long exits_before)
{
	struct kvm_run *run = v->run;
	int r;

	count(RUN);
	run->request_interrupt_window = !irqchip && chance(4);
	r = ioctl(v->fd, KVM_RUN, 0);
	if (verbose)
		printf("# step %u: KVM_RUN: %s, %s\n", step, r < 0 ? strerror(errno) : "0",
		       exit_name(run->exit_reason));
	if (r < 0) {
		if (errno != EINTR && errno != EAGAIN && !(odd_memory && errno == EFAULT)) {
			int err = errno;

			dump();
			failed("KVM_RUN: %s", strerror(err));
		}
		count(X_KICKED);
		return false;
	}
	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		count(X_IO);
		return true;
	case KVM_EXIT_MMIO:
		count(X_MMIO);
		return true;
	case KVM_EXIT_HLT:
		count(X_HLT);
		return false;
	case KVM_EXIT_SHUTDOWN:
		count(X_SHUTDOWN);
		return false;
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		count(X_WINDOW);
		return true;
	case KVM_EXIT_SET_TPR:
		count(X_TPR);
		return true;
	case KVM_EXIT_FAIL_ENTRY:
		entry_failed(exits_before);
		return false;
	case KVM_EXIT_INTERNAL_ERROR:
		if (run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION) {
			count(X_EMULATION);
			return false;
		}
		if (run->internal.suberror == KVM_INTERNAL_ERROR_DELIVERY_EV) {
			count(X_DELIVERY);
			return false;
		}
		/* One to a TSS that is no memory is documented to end in this way. */
		if (run->internal.suberror == KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON &&
		    (run->internal.data[0] & 0xffff) == 9) {
			count(X_TASK_SWITCH);
			return false;
		}
		dump();
		failed("INTERNAL_ERROR %u, %llx %llx", run->internal.suberror, run->internal.data[0],
		       run->internal.data[1]);
	}
	failed("KVM_RUN ended with exit reason %u", run->exit_reason);
}

/* What GET returns can be set again, and is then the same. */
static void save_and_restore(void)
{
	struct kvm_sregs2 s2, s2_again;
	struct kvm_vcpu_events e;
	struct kvm_debugregs d;
	struct kvm_mp_state mp;
	struct kvm_xsave x;
	struct kvm_regs r, r_again;
	struct kvm_fpu f;

	GET(SREGS2, &s2);
	GET(REGS, &r);
	GET(VCPU_EVENTS, &e);
	GET(DEBUGREGS, &d);
	GET(XSAVE, &x);
	GET(FPU, &f);
	GET(MP_STATE, &mp);
	if (!SET(SREGS2, &s2) || !SET(REGS, &r) || !SET(VCPU_EVENTS, &e) || !SET(DEBUGREGS, &d) ||
	    !SET(XSAVE, &x) || !SET(FPU, &f) || !SET(MP_STATE, &mp)) {
		dump();
		failed("state that was got cannot be set");
	}
	GET(SREGS2, &s2_again);
	GET(REGS, &r_again);
	if (memcmp(&r, &r_again, sizeof(r)) || memcmp(&s2, &s2_again, sizeof(s2)))
		failed("state that was got and set is another");
	count(SAVED);
}

static void an_ioctl(void)
{
	static void (*const calls[])(void) = {
		set_events, set_events, set_debugregs, set_xcrs, set_xsave, set_msr, set_msr, set_msr,
		set_lapic, set_mp_state, set_cpuid, set_fpu, interrupt
	};

	calls[rnd(sizeof(calls) / sizeof(calls[0]))]();
}

/* An endless loop, interrupts on: KVM_RUN must come back. */
static void loop_is_kicked(void)
{
	static const uint8_t loops[][4] = { { 0xeb, 0xfe }, { 0xf3, 0x90, 0xeb, 0xfc }, { 0x90, 0xeb, 0xfd } };
	struct kvm_mp_state mp = { KVM_MP_STATE_RUNNABLE };
	struct kvm_vcpu_events e = { .flags = KVM_VCPUEVENT_VALID_SHADOW | KVM_VCPUEVENT_VALID_NMI_PENDING };
	struct kvm_debugregs d = { .dr6 = 0xffff0ff0, .dr7 = 0x400 };
	unsigned int tries;
	int r;

	base_state();
	memcpy(vm.mem + CODE, loops[rnd(3)], 4);
	regs.rflags = 2 | RFLAGS_IF;
	sregs.apic_base = 0xfee00900;
	memset(sregs.interrupt_bitmap, 0, sizeof(sregs.interrupt_bitmap));
	vcpu_set_cpuid(v, 0);
	SET(VCPU_EVENTS, &e);
	SET(DEBUGREGS, &d);
	SET(MP_STATE, &mp);
	/* virtual-8086 mode was for other things */
	if (!(regs.rflags & RFLAGS_VM) && sregs.cs.limit == 0xffff && (sregs.cr0 & 1))
		return;
	xioctl(v->fd, KVM_SET_SREGS, &sregs);
	xioctl(v->fd, KVM_SET_REGS, &regs);
	for (tries = 0; tries < 4; tries++) {
		r = ioctl(v->fd, KVM_RUN, 0);
		if (r < 0 && errno == EINTR) {
			count(LOOPS);
			return;
		}
		/* an interrupt that was still pending takes it elsewhere */
		if (r == 0 && v->run->exit_reason != KVM_EXIT_FAIL_ENTRY)
			return;
	}
	dump();
	failed("an endless loop ends: %d %s", r, exit_name(v->run->exit_reason));
}

static void handlers(void)
{
	unsigned int i;

	memset(vm.mem + GUEST_IDT, 0xf4, 4096);
	if (chance(3))
		return;
	/* interrupt gates of 32-bit or 64-bit mode: to HLT */
	for (i = 0; i < 256; i++) {
		uint64_t low = (HANDLER & 0xffff) | 0x8e00ull << 32 | (HANDLER >> 16) * 1ull << 48;

		if (chance(2))
			memcpy(vm.mem + GUEST_IDT + i * 8, &(uint64_t){ low | SEL_CODE32 << 16 }, 8);
		else if (i < 128)
			memcpy(vm.mem + GUEST_IDT + i * 16,
			       (uint64_t[]){ low | SEL_CODE64 << 16, 0 }, 16);
	}
}

/* Pages go, to come back late, and some are poisoned. */
static void discard(void)
{
	unsigned int n = rnd(64);

	if (!odd_memory || chance(3))
		return;
	while (n--)
		madvise(vm.mem + rnd(MEMORY / 4096) * 4096, 4096, MADV_DONTNEED);
	if (file >= 0)
		posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
	if (chance(8))
		backing_poison(vm.mem + rnd(MEMORY / 4096) * 4096, 0xf4);
}

static void one_state(void)
{
	unsigned long before;
	unsigned int i, n;
	bool may_loop;

	base_state();
	may_loop = code_fill(vm.mem + CODE, 256, sregs.cr0 & 1);
	n = chance(3) ? 0 : rnd(4);
	for (i = 0; i < n; i++)
		mutate_sregs(&sregs);
	if (chance(4))
		regs.rip = chance(2) ? odd_number() : CODE + rnd(16);
	if (chance(6))
		regs.rflags ^= 1ull << rnd(64);
	if (!may_loop && chance(2))
		regs.rflags ^= RFLAGS_IF;
	if (may_loop)
		regs.rflags |= RFLAGS_IF;
	if (chance(2)) {
		set_regs();
		chance(3) ? set_sregs2() : set_sregs();
	} else {
		chance(3) ? set_sregs2() : set_sregs();
		set_regs();
	}
	n = rnd(5);
	for (i = 0; i < n; i++)
		an_ioctl();
	count(STATES);
	before = exits();
	for (i = 0; i < RUNS && run(before); i++)
		if (chance(4))
			interrupt();
	count(RUN);
	if (exits() != before)
		count(X_ENTERED);
	__atomic_fetch_add(&counter[EXITS], exits() - before, __ATOMIC_RELAXED);
	if (chance(3))
		save_and_restore();
}

static void round_of_states(void)
{
	struct sigaction sa = { .sa_handler = nothing };

	vh = !strcmp(kvm_device, "/dev/vh");
	irqchip = !chance(3);
	odd_memory = chance(4);
	/* before there is another process that is charged elsewhere; a round takes about 2200 KiB */
	if (chance(6)) {
		backing_tight(2130, 200);
		round_may_die();
	}
	if (odd_memory && chance(2))
		file = backing_file(0xf4, true);
	msr_list = calloc(1, 4 + 4 * 256);
	msr_list->nmsrs = 256;
	xioctl(kvm_open(), KVM_GET_MSR_INDEX_LIST, msr_list);
	vm_create(&vm, MEMORY, !irqchip ? 0 : chance(4) ? VM_SPLIT : VM_IRQCHIP | (chance(3) ? VM_PIT : 0));
	memset(vm.mem, 0xf4, MEMORY);
	if (file >= 0 && mmap(vm.mem + FILE_AT, ODD_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED,
			      file, 0) == MAP_FAILED)
		round_failed("the file of FUSE: %s", strerror(errno));
	if (odd_memory && file < 0)
		backing_serve(vm.mem, MEMORY, 0xf4);
	v = vm_add_vcpu(&vm);
	sigaction(SIGALRM, &sa, NULL);
	kicks(true);
	for (step = 0; step < STEPS; step++) {
		discard();
		vm_build_tables(&vm);
		handlers();
		one_state();
		if (chance(4))
			loop_is_kicked();
	}
	kicks(false);
	backing_end();
	vm_destroy(&vm);
}

int main(int argc, char **argv)
{
	static const struct rounds rounds = {
		.name = "state", .round = round_of_states, .counters = counters
	};

	return rounds_main(argc, argv, &rounds);
}
