// SPDX-License-Identifier: GPL-2.0-only
/* The vCPU's file descriptor: running, events, and what is wrong there. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sys/time.h>
#include <time.h>
#include "abi.h"

static void immediate_exit(struct tap_result *r, const void *arg)
{
	struct kvm_regs a, b;
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&vm, 0);
	guest_start(&vm, v, "mixed", 0x80000, 0);
	xioctl(v->fd, KVM_GET_REGS, &a);
	v->run->immediate_exit = 1;
	want_errno(r, ioctl(v->fd, KVM_RUN, 0), EINTR, "KVM_RUN");
	xioctl(v->fd, KVM_GET_REGS, &b);
	if (a.rip != b.rip)
		tap_fail(r, "the guest ran");
	v->run->immediate_exit = 0;
	want_ok(r, ioctl(v->fd, KVM_RUN, 0), "KVM_RUN without");
	if (v->run->exit_reason != KVM_EXIT_IO || v->run->io.port != 0x10)
		tap_fail(r, "exit %s", exit_name(v->run->exit_reason));
	want_errno(r, ioctl(v->fd, KVM_RUN, 1), EINVAL, "KVM_RUN argument 1");
	/* an exit is finished by the next run even if that does not enter */
	v->run->immediate_exit = 1;
	want_errno(r, ioctl(v->fd, KVM_RUN, 0), EINTR, "completing");
	if (v->run->exit_reason != KVM_EXIT_IO)
		tap_fail(r, "completing: exit %s", exit_name(v->run->exit_reason));
	xioctl(v->fd, KVM_GET_REGS, &a);
	v->run->immediate_exit = 1;
	want_errno(r, ioctl(v->fd, KVM_RUN, 0), EINTR, "again");
	xioctl(v->fd, KVM_GET_REGS, &b);
	if (a.rip != b.rip)
		tap_fail(r, "the guest ran");
}

static void nothing(int sig)
{
	(void)sig;
}

/* Kicks until told to stop: one that comes between two runs ends neither. */
struct kicker {
	pthread_t target;
	unsigned int usec;
	volatile bool stop;
};

static void *kick(void *arg)
{
	struct kicker *k = arg;

	while (!k->stop) {
		usleep(k->usec);
		pthread_kill(k->target, SIGUSR1);
	}
	return NULL;
}

static void signal_kick(struct tap_result *r, const void *arg)
{
	struct sigaction sa = { .sa_handler = nothing };
	struct kicker k = { pthread_self(), 3000, false };
	pthread_t t;
	struct vm vm;
	struct vcpu *v;
	int i;

	(void)arg;
	sigaction(SIGUSR1, &sa, NULL);
	v = vm_simple(&vm, 0);
	guest_start(&vm, v, "spin", 0x80000, 16);
	pthread_create(&t, NULL, kick, &k);
	for (i = 0; i < 5; i++) {
		want_errno(r, ioctl(v->fd, KVM_RUN, 0), EINTR,
			   "KVM_RUN of an endless loop");
		if (v->run->exit_reason != KVM_EXIT_INTR)
			tap_fail(r, "exit reason %u", v->run->exit_reason);
	}
	k.stop = true;
	pthread_join(t, NULL);
}

static void signal_kick_halted(struct tap_result *r, const void *arg)
{
	struct sigaction sa = { .sa_handler = nothing };
	struct kicker k = { pthread_self(), 3000, false };
	pthread_t t;
	struct vm vm;
	struct vcpu *v;
	int i;

	(void)arg;
	sigaction(SIGUSR1, &sa, NULL);
	v = vm_simple(&vm, VM_IRQCHIP);
	guest_start(&vm, v, "halt", 0, 0);
	pthread_create(&t, NULL, kick, &k);
	for (i = 0; i < 3; i++)
		want_errno(r, ioctl(v->fd, KVM_RUN, 0), EINTR,
			   "KVM_RUN of a halted guest");
	k.stop = true;
	pthread_join(t, NULL);
}

static void signal_mask(struct tap_result *r, const void *arg)
{
	struct {
		struct kvm_signal_mask m;
		uint8_t set[16];
	} mask = { .m = { .len = 8 } };
	struct sigaction sa = { .sa_handler = nothing };
	sigset_t set;
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	sigaction(SIGUSR1, &sa, NULL);
	v = vm_simple(&vm, 0);
	guest_start(&vm, v, "spin", 0x80000, 16);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	/* blocked outside, open inside: KVM_RUN ends at once */
	want_ok(r, ioctl(v->fd, KVM_SET_SIGNAL_MASK, &mask), "empty mask");
	want_errno(r, ioctl(v->fd, KVM_RUN, 0), EINTR, "KVM_RUN");
	sigpending(&set);
	if (!sigismember(&set, SIGUSR1))
		tap_fail(r, "the signal was lost");
	mask.m.len = 4;
	want_errno(r, ioctl(v->fd, KVM_SET_SIGNAL_MASK, &mask), EINVAL,
		   "a mask of 4 bytes");
	want_ok(r, ioctl(v->fd, KVM_SET_SIGNAL_MASK, NULL), "no mask");
	want_errno(r, ioctl(v->fd, KVM_SET_SIGNAL_MASK, BAD_POINTER), EFAULT,
		   "bad pointer");
}

static void interrupt(struct tap_result *r, const void *arg)
{
	struct kvm_interrupt i = { .irq = 0x30 };
	struct vm vm, with;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&vm, 0);
	want_ok(r, ioctl(v->fd, KVM_INTERRUPT, &i), "vector 0x30");
	i.irq = 256;
	want_errno(r, ioctl(v->fd, KVM_INTERRUPT, &i), EINVAL, "vector 256");
	want_errno(r, ioctl(v->fd, KVM_INTERRUPT, BAD_POINTER), EFAULT,
		   "bad pointer");
	v = vm_simple(&with, VM_IRQCHIP);
	i.irq = 0x30;
	want_errno(r, ioctl(v->fd, KVM_INTERRUPT, &i), ENXIO,
		   "with an irqchip");
	want_ok(r, ioctl(v->fd, KVM_NMI, 0), "KVM_NMI");
}

static void translate(struct tap_result *r, const void *arg)
{
	struct kvm_translation t = { .linear_address = 0x1234 };
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&vm, 0);
	vcpu_set_mode(&vm, v, MODE_LONG, 0x1000, 0x8000);
	want_ok(r, ioctl(v->fd, KVM_TRANSLATE, &t), "an address");
	if (!t.valid || t.physical_address != 0x1234)
		tap_fail(r, "valid %u, physical %#llx", t.valid,
			 t.physical_address);
	t.linear_address = 0x123456789000;
	want_ok(r, ioctl(v->fd, KVM_TRANSLATE, &t), "one without a mapping");
	if (t.valid)
		tap_fail(r, "it is called valid");
	want_errno(r, ioctl(v->fd, KVM_TRANSLATE, BAD_POINTER), EFAULT,
		   "bad pointer");
}

static void mapping(struct tap_result *r, const void *arg)
{
	struct vm vm;
	struct vcpu *v;
	void *p;

	(void)arg;
	v = vm_simple(&vm, 0);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (p == MAP_FAILED)
		tap_fail(r, "mapping it twice: %s", strerror(errno));
	else if (((struct kvm_run *)p)->immediate_exit !=
		 v->run->immediate_exit)
		tap_fail(r, "two mappings differ");
	v->run->immediate_exit = 77;
	if (p != MAP_FAILED && ((struct kvm_run *)p)->immediate_exit != 77)
		tap_fail(r, "two mappings differ");
}

static void vcpu_unknown(struct tap_result *r, const void *arg)
{
	struct kvm_enable_cap cap = { .cap = 99999 };
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&vm, 0);
	want_either(r, ioctl(v->fd, UNKNOWN_IOCTL, 0), EINVAL, ENOTTY,
		    "unknown ioctl");
	want_either(r, ioctl(v->fd, KVM_CREATE_VCPU, 0), EINVAL, ENOTTY,
		    "KVM_CREATE_VCPU on the vCPU's");
	want_either(r, ioctl(v->fd, KVM_CREATE_VM, 0), EINVAL, ENOTTY,
		    "KVM_CREATE_VM on the vCPU's");
	want_either(r, ioctl(v->fd, KVM_ENABLE_CAP, &cap), EINVAL, ENOTTY,
		    "enabling capability 99999");
}

/* A vCPU that nobody has given any state starts at the reset vector. */
static void reset_state(struct tap_result *r, const void *arg)
{
	struct kvm_sregs s;
	struct kvm_regs regs;
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&vm, 0);
	xioctl(v->fd, KVM_GET_SREGS, &s);
	xioctl(v->fd, KVM_GET_REGS, &regs);
	if (regs.rip != 0xfff0 || regs.rflags != 2)
		tap_fail(r, "rip %#llx rflags %#llx", regs.rip, regs.rflags);
	if (s.cs.base != 0xffff0000 || s.cs.selector != 0xf000 ||
	    s.cr0 != 0x60000010)
		tap_fail(r, "cs %#x/%#llx cr0 %#llx", s.cs.selector,
			 s.cs.base, s.cr0);
}

/* Two threads may not run one vCPU; the second waits or is told so. */
struct runner {
	struct vcpu *v;
	int rounds, failed;
};

static void *run_some(void *arg)
{
	struct runner *t = arg;

	while (t->rounds--)
		if (vcpu_run(t->v))
			t->failed++;
	return NULL;
}

static void two_threads(struct tap_result *r, const void *arg)
{
	struct runner a, b;
	pthread_t ta, tb;
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&vm, 0);
	guest_start(&vm, v, "touch", 0x80000, 16);
	a = b = (struct runner) { v, 200, 0 };
	pthread_create(&ta, NULL, run_some, &a);
	pthread_create(&tb, NULL, run_some, &b);
	pthread_join(ta, NULL);
	pthread_join(tb, NULL);
	if (a.failed || b.failed)
		tap_fail(r, "%d and %d runs failed", a.failed, b.failed);
	if (*(uint32_t *)(vm.mem + 0x80000) != 400)
		tap_fail(r, "%u rounds instead of 400",
			 *(uint32_t *)(vm.mem + 0x80000));
}

static void no_memory(struct tap_result *r, const void *arg)
{
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	/* code fetched from nowhere: an error, not a hang */
	v = vm_simple(&vm, 0);
	vcpu_set_mode(&vm, v, MODE_FLAT32, 0x40000000, 0x8000);
	if (ioctl(v->fd, KVM_RUN, 0) < 0)
		return;
	if (v->run->exit_reason != KVM_EXIT_INTERNAL_ERROR &&
	    v->run->exit_reason != KVM_EXIT_MMIO &&
	    v->run->exit_reason != KVM_EXIT_SHUTDOWN)
		tap_fail(r, "exit %s", exit_name(v->run->exit_reason));
}

static void guest_debug(struct tap_result *r, const void *arg)
{
	struct kvm_guest_debug d = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP
	};
	struct kvm_regs a, b;
	struct vm vm;
	struct vcpu *v;
	int i, steps = 0;

	(void)arg;
	v = vm_simple(&vm, 0);
	if (kvm_cap(KVM_CAP_SET_GUEST_DEBUG) <= 0) {
		want_either(r, ioctl(v->fd, KVM_SET_GUEST_DEBUG, &d), EINVAL,
			    ENOTTY, "KVM_SET_GUEST_DEBUG");
		return;
	}
	guest_start(&vm, v, "touch", 0x80000, 1000);
	want_ok(r, ioctl(v->fd, KVM_SET_GUEST_DEBUG, &d), "single steps");
	for (i = 0; i < 10; i++) {
		xioctl(v->fd, KVM_GET_REGS, &a);
		want_ok(r, ioctl(v->fd, KVM_RUN, 0), "KVM_RUN");
		xioctl(v->fd, KVM_GET_REGS, &b);
		if (v->run->exit_reason != KVM_EXIT_DEBUG)
			tap_fail(r, "exit %s", exit_name(v->run->exit_reason));
		steps += a.rip != b.rip;
	}
	if (steps < 5)		/* KVM reports some twice */
		tap_fail(r, "%d steps of 10 went on", steps);
	want_errno(r, ioctl(v->fd, KVM_SET_GUEST_DEBUG, BAD_POINTER), EFAULT,
		   "bad pointer");
}

/* A signal that comes on the way to user mode, from a timer of processor time, ends the run like any other. */
static void profiled(struct tap_result *r, const void *arg)
{
	static const uint8_t spin[] = { 0xeb, 0xfe };
	struct itimerval prof = { .it_value.tv_usec = 50000 }, late = { .it_value.tv_sec = 5 };
	struct sigaction a = { .sa_handler = nothing };
	struct timespec begin, end;
	struct vm vm;
	struct vcpu *v;
	int err;

	(void)arg;
	v = vm_simple(&vm, 0);
	memcpy(vm.mem + 0x1000, spin, sizeof(spin));
	vcpu_set_mode(&vm, v, MODE_FLAT32, 0x1000, 0x7000);
	sigaction(SIGPROF, &a, NULL);
	sigaction(SIGALRM, &a, NULL);
	setitimer(ITIMER_REAL, &late, NULL);
	setitimer(ITIMER_PROF, &prof, NULL);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	err = ioctl(v->fd, KVM_RUN, 0) ? errno : 0;
	clock_gettime(CLOCK_MONOTONIC, &end);
	memset(&late, 0, sizeof(late));
	setitimer(ITIMER_REAL, &late, NULL);
	if (err != EINTR || v->run->exit_reason != KVM_EXIT_INTR)
		tap_fail(r, "%s, exit reason %u", strerror(err), v->run->exit_reason);
	if (end.tv_sec - begin.tv_sec > 2)
		tap_fail(r, "it took %ld s", (long)(end.tv_sec - begin.tv_sec));
	vm_destroy(&vm);
}

/* A single-step trap that is due behind an OUT survives the VMM's reading and writing back of the state. */
static void trap_due(struct tap_result *r, const void *arg)
{
	static const uint8_t code[] = { 0xe6, 0x81, 0x90, 0x90, 0xf4 };
	struct kvm_vcpu_events e;
	struct kvm_regs regs;
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&vm, 0);
	memcpy(vm.mem + 0x1000, code, sizeof(code));
	vcpu_set_mode(&vm, v, MODE_FLAT32, 0x1000, 0x7000);
	xioctl(v->fd, KVM_GET_REGS, &regs);
	regs.rflags |= 0x100;
	xioctl(v->fd, KVM_SET_REGS, &regs);
	if (vcpu_run(v) || v->run->exit_reason != KVM_EXIT_IO)
		tap_fail(r, "no OUT but %u", v->run->exit_reason);
	v->run->immediate_exit = 1;
	if (!ioctl(v->fd, KVM_RUN, 0) || errno != EINTR)
		tap_fail(r, "immediate_exit: %s", strerror(errno));
	v->run->immediate_exit = 0;
	xioctl(v->fd, KVM_GET_REGS, &regs);
	memset(&e, 0, sizeof(e));
	xioctl(v->fd, KVM_GET_VCPU_EVENTS, &e);
	if (regs.rip != 0x1002 || !(e.exception.injected || e.exception.pending) || e.exception.nr != 1)
		tap_fail(r, "RIP %llx, exception %u, injected %u", regs.rip, e.exception.nr, e.exception.injected);
	vm_destroy(&vm);
}

/* Between an exit for INS and the next run userspace changes how often it is to be done. */
static void rep_ins(struct tap_result *r, const void *arg)
{
	/* rep insb; out %al, $0x11 */
	static const uint8_t code[] = { 0xf3, 0x6c, 0xe6, 0x11 };
	static const unsigned int counts[] = { 0, 1, 3, 7, 8, 9, 5000 };
	struct kvm_regs regs;
	unsigned int i, n;
	struct vcpu *v;
	struct vm vm;

	(void)arg;
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		v = vm_simple(&vm, 0);
		guest_code(&vm, v, code, sizeof(code));
		xioctl(v->fd, KVM_GET_REGS, &regs);
		regs.rcx = 8;
		regs.rdx = 0x10;
		regs.rdi = 0x4000;
		xioctl(v->fd, KVM_SET_REGS, &regs);
		for (n = 0; n < 6000; n++) {
			if (vcpu_run(v) || v->run->exit_reason != KVM_EXIT_IO) {
				tap_fail(r, "8 to %u: exit %s", counts[i], exit_name(v->run->exit_reason));
				break;
			}
			if (v->run->io.port == 0x11)
				break;
			memset((char *)v->run + v->run->io.data_offset, 0x40 + n, v->run->io.count);
			if (n)
				continue;
			xioctl(v->fd, KVM_GET_REGS, &regs);
			regs.rcx = counts[i];
			xioctl(v->fd, KVM_SET_REGS, &regs);
		}
		xioctl(v->fd, KVM_GET_REGS, &regs);
		if (regs.rcx || regs.rdi < 0x4000 + counts[i] || regs.rdi > 0x4000 + counts[i] + 8)
			tap_fail(r, "8 to %u: RCX %llu, RDI %#llx", counts[i], regs.rcx, regs.rdi);
		vm_destroy(&vm);
	}
}

/* The guest has seen its processor: another is refused, the same is not. */
static void cpuid_late(struct tap_result *r, const void *arg)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + 256 * sizeof(c->entries[0]));
	static const uint8_t code[] = { 0xe6, 0x10, 0xeb, 0xfc };
	struct vcpu *v;
	struct vm vm;

	(void)arg;
	v = vm_simple(&vm, 0);
	guest_code(&vm, v, code, sizeof(code));
	c->nent = 256;
	xioctl(v->fd, KVM_GET_CPUID2, c);
	if (c->nent == 256) {		/* KVM 6.1 leaves it as it is */
		c->nent = 0;
		while (c->nent < 256 && (!c->nent || c->entries[c->nent].function))
			c->nent++;
	}
	want_ok(r, vcpu_run(v), "KVM_RUN");
	want_ok(r, ioctl(v->fd, KVM_SET_CPUID2, c), "the same");
	c->entries[0].ebx ^= 1;
	want_errno(r, ioctl(v->fd, KVM_SET_CPUID2, c), EINVAL, "another vendor");
	c->entries[0].ebx ^= 1;
	want_ok(r, vcpu_run(v), "KVM_RUN again");
	vm_destroy(&vm);
	free(c);
}

const struct test_case vcpu_cases[] = {
	{ "vcpu-immediate-exit", immediate_exit, NULL },
	{ "vcpu-rep-ins", rep_ins, NULL },
	{ "vcpu-cpuid-late", cpuid_late, NULL },
	{ "vcpu-signal-kick", signal_kick, NULL },
	{ "vcpu-signal-kick-halted", signal_kick_halted, NULL },
	{ "vcpu-signal-mask", signal_mask, NULL },
	{ "vcpu-interrupt", interrupt, NULL },
	{ "vcpu-translate", translate, NULL },
	{ "vcpu-mapping", mapping, NULL },
	{ "vcpu-unknown", vcpu_unknown, NULL },
	{ "vcpu-reset-state", reset_state, NULL },
	{ "vcpu-two-threads", two_threads, NULL },
	{ "vcpu-no-memory", no_memory, NULL },
	{ "vcpu-guest-debug", guest_debug, NULL },
	{ "vcpu-profiled", profiled, NULL },
	{ "state-trap-due", trap_due, NULL },
	{ NULL, NULL, NULL }
};
