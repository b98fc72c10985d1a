// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each VMX instruction of a VM's life fails in turn (debug build: kmod/vmx/fault.h).
 * KVM_CREATE_VM fails with EIO, or the VM ends: every KVM_RUN of it from then
 * on, and every ioctl of a vCPU whose state is lost, fails with EIO. The host
 * and the next VM are well. Besides, exits and entries are taken for machine
 * checks, which the host has to hear of: with mce=off its handler says so and
 * does nothing (run.sh).
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/kvm.h"
#include "../lib/runner.h"
#include "../lib/tap.h"
#include "scenario.h"

#define PARAMETER	"/sys/module/vh/parameters/fail_vmx"

static unsigned int most = 40, step = 9;

static bool set_fault(const char *insn, unsigned long n, const char *how)
{
	char text[80];
	int fd = open(PARAMETER, O_WRONLY), r;

	snprintf(text, sizeof(text), "%s %lu %s", insn, n, how);
	r = fd < 0 ? -1 : write(fd, text, strlen(text));
	close(fd);
	return r > 0;
}

static unsigned long failed_insns(void)
{
	unsigned long to_go = 0, failed = 0;
	FILE *f = fopen(PARAMETER, "r");

	if (!f || fscanf(f, "%lu %lu", &to_go, &failed) != 2)
		failed = 0;
	if (f)
		fclose(f);
	return failed;
}

static bool is_run(enum op op)
{
	return op == OP_RUN || op == OP_RUN_LOGGED || op == OP_RUN_AGAIN || op == OP_RUN2;
}

/* Errors are EIO, and once a run has ended in one no other succeeds. */
static bool as_documented(struct tap_result *r, const int err[OPS], const char *what, unsigned long n)
{
	bool dead = false;
	int op;

	for (op = 0; op < OPS; op++) {
		if (err[op] > 0 && err[op] != EIO)
			return tap_fail(r, "%s %lu: %s: %s", what, n, op_name[op], strerror(err[op]));
		if (err[op] == EIO && op != OP_VM && op < OP_RUN && op != OP_CPUID && op != OP_SREGS &&
		    op != OP_REGS)
			return tap_fail(r, "%s %lu: %s: EIO", what, n, op_name[op]);
		if (is_run(op) && dead && !err[op])
			return tap_fail(r, "%s %lu: %s succeeds in a VM that was stopped", what, n,
					op_name[op]);
		dead |= is_run(op) && err[op] == EIO;
	}
	return true;
}

struct kind {
	const char *insns, *how;
	bool some;		/* there are many: not each one */
	bool none;		/* the processor may have no use for it */
};

static void fail_each(struct tap_result *r, const void *arg)
{
	const struct kind *k = arg;
	struct scenario s = { .irqchip = true };
	unsigned long n, tried = 0, stopped = 0, refused = 0, unseen = 0;
	int err[OPS];
	bool ok;

	if (access(PARAMETER, W_OK)) {
		tap_skip(r, "not the debug build of vh");
		return;
	}
	for (n = 1; ; n += k->some && n > most ? step : 1) {
		s.irqchip = n & 1;
		if (!set_fault(k->insns, n, k->how)) {
			tap_fail(r, "%s: %s", PARAMETER, strerror(errno));
			return;
		}
		ok = scenario_run(&s, err);
		tried = failed_insns();
		set_fault("none", 0, "");
		if (!tried)
			break;
		if (!as_documented(r, err, k->insns, n))
			return;
		if (err[OP_VM] == EIO)
			refused++;
		else if (ok)
			unseen++;
		else
			stopped++;
		if (!scenario_run(&s, err)) {
			tap_fail(r, "%s %lu: the next VM does not work", k->insns, n);
			return;
		}
	}
	printf("# %s %s: %lu tried, %lu VMs refused, %lu stopped, %lu of no consequence\n", k->insns, k->how,
	       refused + stopped + unseen, refused, stopped, unseen);
	fflush(stdout);
	if (n == 1 && !k->none)
		tap_fail(r, "no %s was ever executed", k->insns);
	/* What comes after the end of all vCPUs may have none; the others have to be seen. */
	else if (n > 1 && !refused && !stopped)
		tap_fail(r, "no failing %s was ever seen", k->insns);
}

/* How often the host's handler of machine checks was called since @log was last read. */
static int machine_checks(int log)
{
	char record[4096];
	ssize_t n;
	int found = 0;

	while ((n = read(log, record, sizeof(record) - 1)) > 0 || (n < 0 && errno == EPIPE)) {
		record[n > 0 ? n : 0] = 0;
		found += !!strstr(record, "Unexpected int18 (Machine Check)");
	}
	return found;
}

/* Each exit in turn: the host hears of it, and the guest of nothing. */
static void machine_check(struct tap_result *r, const void *arg)
{
	bool entry = !strcmp(arg, "mce-entry");
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK), err[OPS], heard;
	struct scenario s = { .irqchip = true };
	unsigned long n, tried;
	bool ok;

	if (access(PARAMETER, W_OK)) {
		tap_skip(r, "not the debug build of vh");
		return;
	}
	lseek(log, 0, SEEK_END);
	for (n = 1; ; n++) {
		set_fault(arg, n, "");
		ok = scenario_run(&s, err);
		tried = failed_insns();
		set_fault("none", 0, "");
		heard = machine_checks(log);
		if (!tried)
			break;
		if (heard != 1) {
			tap_fail(r, "%s %lu: the host's handler was called %d times (is it mce=off?)",
				 (const char *)arg, n, heard);
			break;
		}
		/* An entry that fails is KVM_EXIT_FAIL_ENTRY; an exit is of no consequence. */
		if (ok == entry) {
			tap_fail(r, "%s %lu: the VM %s", (const char *)arg, n,
				 ok ? "does not know" : "does not go on");
			break;
		}
		if (entry && !scenario_run(&s, err)) {
			tap_fail(r, "%s %lu: the next VM does not work", (const char *)arg, n);
			break;
		}
	}
	close(log);
	printf("# %s: %lu tried\n", (const char *)arg, n - 1);
	fflush(stdout);
	if (n <= 10)
		tap_fail(r, "%lu of 10 exits and more", n - 1);
}

static void nothing(int sig)
{
	(void)sig;
}

/*
 * An interrupt whose delivery is cut short by an exit that is taken for a machine check is delivered
 * all the same: the stack it is pushed to is touched for the first time.
 */
static void machine_check_delivery(struct tap_result *r, const void *arg)
{
	static const uint8_t spin[] = { 0xfb, 0xe6, 0x11, 0xeb, 0xfe };	/* sti; out 0x11,al; here: jmp here */
	static const uint8_t handler[] = { 0xe6, 0x20, 0xf4 };		/* out 0x20,al; hlt */
	const struct kvm_interrupt irq = { .irq = 0x40 };
	struct sigaction sa = { .sa_handler = nothing };
	unsigned long n, tried = 1;

	(void)arg;
	if (access(PARAMETER, W_OK)) {
		tap_skip(r, "not the debug build of vh");
		return;
	}
	sigaction(SIGALRM, &sa, NULL);
	for (n = 1; tried; n++) {
		static const uint8_t gate[] = { 0, 0x20, SEL_CODE32, 0, 0, 0x8e, 0, 0 };
		struct kvm_run *run;
		struct vm vm;
		int err;

		vm_create(&vm, 4 << 20, 0);
		vm_build_tables(&vm);
		memcpy(vm.mem + 0x1000, spin, sizeof(spin));
		memcpy(vm.mem + 0x2000, handler, sizeof(handler));
		memcpy(vm.mem + GUEST_IDT + 8 * irq.irq, gate, sizeof(gate));
		vcpu_set_mode(&vm, vm_add_vcpu(&vm), MODE_FLAT32, 0x1000, 0x380000);
		run = vm.vcpu[0].run;
		err = ioctl(vm.vcpu[0].fd, KVM_RUN, 0) ?: ioctl(vm.vcpu[0].fd, KVM_INTERRUPT, &irq);
		if (err || run->exit_reason != KVM_EXIT_IO || run->io.port != 0x11) {
			tap_fail(r, "the guest does not start: %s, exit %u", strerror(errno), run->exit_reason);
			vm_destroy(&vm);
			break;
		}
		set_fault("mce", n, "");
		alarm(5);
		err = ioctl(vm.vcpu[0].fd, KVM_RUN, 0);
		alarm(0);
		tried = failed_insns();
		set_fault("none", 0, "");
		if (err || run->exit_reason != KVM_EXIT_IO || run->io.port != 0x20)
			tap_fail(r, "mce %lu: the interrupt is lost: %s, exit %u", n, err ? strerror(errno) : "", run->exit_reason);
		vm_destroy(&vm);
	}
	if (n < 3)
		tap_fail(r, "no exit during the delivery");
}

struct spinner {
	int fd;
	volatile int err;
};

static void *spin_main(void *arg)
{
	struct spinner *s = arg;

	while (!ioctl(s->fd, KVM_RUN, 0))
		;
	s->err = errno;
	return NULL;
}

/*
 * A guest that only the host's interrupts take out: an exit that cannot be read has acknowledged one
 * where posted interrupts are used. Lost, it would keep all others from the CPU, and nothing here
 * would come back.
 */
static void host_interrupt(struct tap_result *r, const void *arg)
{
	static const uint8_t code[] = { 0xff, 0x05, 0, 0x80, 0, 0, 0xeb, 0xf8 };	/* inc [0x8000]; again */
	struct sigaction sa = { .sa_handler = nothing };
	unsigned long n, stopped = 0;

	(void)arg;
	if (access(PARAMETER, W_OK)) {
		tap_skip(r, "not the debug build of vh");
		return;
	}
	sigaction(SIGUSR1, &sa, NULL);
	for (n = 1; n <= 12; n++) {
		struct spinner s = { 0 };
		pthread_t t;
		struct vm vm;

		vm_create(&vm, 1 << 20, VM_IRQCHIP);
		vm_build_tables(&vm);
		memcpy(vm.mem + 0x1000, code, sizeof(code));
		vcpu_set_mode(&vm, vm_add_vcpu(&vm), MODE_FLAT32, 0x1000, 0x9000);
		s.fd = vm.vcpu[0].fd;
		pthread_create(&t, NULL, spin_main, &s);
		while (*(volatile uint32_t *)(vm.mem + 0x8000) < 1000)
			usleep(1000);
		set_fault("vmread", n, "");
		do {
			usleep(20000);
			pthread_kill(t, SIGUSR1);
		} while (!s.err);
		pthread_join(t, NULL);
		set_fault("none", 0, "");
		stopped += s.err == EIO;
		if (s.err != EIO && s.err != EINTR)
			tap_fail(r, "vmread %lu: KVM_RUN: %s", n, strerror(s.err));
		usleep(20000);
		vm_destroy(&vm);
	}
	if (!stopped)
		tap_fail(r, "no failing vmread stopped the VM");
}

/*
 * What perf wants exchanged is in force in the guest for that window, and for no longer; the host has its
 * own again. The lab's processors have no counters: TSC_AUX stands for one, for a guest can read it.
 */
static void perf_exchanged(struct tap_result *r, const void *arg)
{
	static const uint8_t code[] = {
		0x0f, 0x01, 0xf9, 0x89, 0xc8, 0xe7, 0x10, 0xeb, 0xf7	/* rdtscp; mov eax,ecx; out 0x10,eax; again */
	};
	static const uint32_t want[] = { 5, 0x7fe57ed, 5, 5 };
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry aux;
	} msrs = { { .nmsrs = 1 }, { .index = 0xc0000103, .data = 5 } };
	unsigned int i;
	struct vm vm;

	(void)arg;
	if (access(PARAMETER, W_OK)) {
		tap_skip(r, "not the debug build of vh");
		return;
	}
	vm_create(&vm, 1 << 20, 0);
	memcpy(vm.mem + 0x1000, code, sizeof(code));
	vcpu_set_mode(&vm, vm_add_vcpu(&vm), MODE_FLAT32, 0x1000, 0x9000);
	if (ioctl(vm.vcpu[0].fd, KVM_SET_MSRS, &msrs) != 1) {
		vm_destroy(&vm);
		tap_skip(r, "this processor has no RDTSCP");
		return;
	}
	for (i = 0; i < 4; i++) {
		struct kvm_run *run = vm.vcpu[0].run;
		uint32_t seen;

		set_fault("perf", i == 1, "");
		if (ioctl(vm.vcpu[0].fd, KVM_RUN, 0) || run->exit_reason != KVM_EXIT_IO) {
			tap_fail(r, "KVM_RUN: exit %u", run->exit_reason);
			break;
		}
		memcpy(&seen, (char *)run + run->io.data_offset, 4);
		if (seen != want[i])
			tap_fail(r, "run %u: the guest read %#x, not %#x", i, seen, want[i]);
	}
	set_fault("none", 0, "");
	vm_destroy(&vm);
}

/*
 * An exit that says that there was a bus lock, and one by the notify window: userspace is told once, and the guest
 * goes on as it would have. The host's interrupts are exits too, so that which one is struck is not the same in each
 * of a few rounds.
 */
static void exit_told(struct tap_result *r, const void *arg)
{
	/* cpuid; out 0x10,al; mov [0xd0000000],eax; rdmsr of MISC_ENABLE; hlt */
	static const uint8_t code[] = {
		0x31, 0xc0, 0x0f, 0xa2, 0xe6, 0x10, 0xa3, 0, 0, 0, 0xd0, 0xb9, 0xa0, 1, 0, 0, 0x0f, 0x32, 0xf4
	};
	static const uint32_t ends[] = { KVM_EXIT_IO, KVM_EXIT_MMIO, KVM_EXIT_HLT };
	const bool lock = !strcmp(arg, "bus-lock");
	const uint32_t reason = lock ? KVM_EXIT_X86_BUS_LOCK : KVM_EXIT_NOTIFY;
	unsigned long n, alone = 0, beside = 0, tried;
	unsigned int rounds = 0, said = 0;	/* a bit of each of the three exits */

	if (access(PARAMETER, W_OK)) {
		tap_skip(r, "not the debug build of vh");
		return;
	}
	for (n = 1; r->verdict == TAP_PASS; n++) {
		unsigned int i = 0, told = 0;
		struct kvm_run *run;
		struct vm vm;

		vm_create(&vm, 1 << 20, 0);
		vm_build_tables(&vm);
		memcpy(vm.mem + 0x1000, code, sizeof(code));
		vcpu_set_mode(&vm, vm_add_vcpu(&vm), MODE_FLAT32, 0x1000, 0x9000);
		run = vm.vcpu[0].run;
		set_fault(arg, n, "");
		while (i < 3) {
			if (vcpu_run(&vm.vcpu[0])) {
				tap_fail(r, "%lu: KVM_RUN: %s", n, strerror(errno));
				break;
			}
			if (run->exit_reason == reason) {
				alone++;
				told++;
				if (lock ? !(run->flags & KVM_RUN_X86_BUS_LOCK) : run->notify.flags != KVM_NOTIFY_CONTEXT_INVALID)
					tap_fail(r, "%lu: the exit's flags", n);
			} else if (run->exit_reason != ends[i++]) {
				tap_fail(r, "%lu: exit %u in place of %u", n, run->exit_reason, ends[i - 1]);
				break;
			} else if (run->flags & KVM_RUN_X86_BUS_LOCK) {
				told++;
				beside++;
				said |= 1 << (i - 1);
			}
		}
		tried = failed_insns();
		set_fault("none", 0, "");
		vm_destroy(&vm);
		if (told != tried)
			tap_fail(r, "%lu: told %u times", n, told);
		if (tried)
			continue;
		if (++rounds == 10 || (alone >= 2 && (!lock || said == 7)))
			break;
		n = 0;
	}
	printf("# %s: %lu exits for it, %lu others said it\n", (const char *)arg, alone, beside);
	fflush(stdout);
	if (alone < 2 || (lock && said != 7))
		tap_fail(r, "too few, exits %#x", said);
}

#define KIND(...) &(const struct kind){ __VA_ARGS__ }

static const struct test_case cases[] = {
	{ "vmxon", fail_each, KIND("vmxon", "", false, false) },
	{ "vmclear", fail_each, KIND("vmclear", "", false, false) },
	{ "vmptrld", fail_each, KIND("vmptrld", "", false, false) },
	{ "vmlaunch-vmresume", fail_each, KIND("enter", "", false, false) },
	{ "invept", fail_each, KIND("invept", "", false, true) },
	{ "invvpid", fail_each, KIND("invvpid", "", false, true) },
	{ "vmx-ends-before-vmptrld", fail_each, KIND("vmclear,vmptrld", "forever", false, false) },
	{ "vmx-ends-before-entry", fail_each, KIND("enter", "forever", false, false) },
	{ "vmx-ends-anywhere", fail_each,
	  KIND("vmxon,vmclear,vmptrld,enter,invept,invvpid,vmread,vmwrite", "forever", true, false) },
	{ "vmread-host-interrupt", host_interrupt, NULL },
	{ "machine-check", machine_check, "mce" },
	{ "machine-check-entry", machine_check, "mce-entry" },
	{ "machine-check-delivery", machine_check_delivery, NULL },
	{ "perf-exchanged", perf_exchanged, NULL },
	{ "bus-lock", exit_told, "bus-lock" },
	{ "notify", exit_told, "notify" },
	{ NULL, NULL, NULL }
};

int main(int argc, char **argv)
{
	return runner_main(argc, argv, cases);
}
