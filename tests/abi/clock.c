// SPDX-License-Identifier: GPL-2.0-only
/* kvmclock: what the guest reads is what KVM_GET_CLOCK says, whatever becomes of the host's clocks. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/timex.h>
#include <unistd.h>
#include <asm/kvm_para.h>

#include "abi.h"

#define PAGE		0x5000
#define TSC		0x10
#define MS		1000000ll

/* The page that the guest shares (Documentation/virt/kvm/x86/msr.rst). */
struct time_info {
	uint32_t version, pad;
	uint64_t tsc, system_time;
	uint32_t mul;
	int8_t shift;
	uint8_t flags, pad2[2];
};
#define TSC_STABLE	1

/* A vCPU that does OUTs, with kvmclock on. */
static struct vcpu *vm_with_clock(struct tap_result *r, struct vm *vm)
{
	static const uint8_t outs[] = { 0xe6, 0x81, 0xeb, 0xfc };
	struct vcpu *v = vm_simple(vm, VM_IRQCHIP);

	memcpy(vm->mem + 0x1000, outs, sizeof(outs));
	vcpu_set_mode(vm, v, MODE_FLAT32, 0x1000, 0x7000);
	if (!vcpu_msr_set(v, MSR_KVM_SYSTEM_TIME_NEW, PAGE | 1))
		tap_fail(r, "kvmclock cannot be enabled");
	return v;
}

/* What the guest would read now, after it ran. */
static int64_t guest_clock(struct tap_result *r, struct vm *vm)
{
	volatile struct time_info *t = (void *)(vm->mem + PAGE);
	uint64_t ticks;

	if (vcpu_run(&vm->vcpu[0]))
		tap_fail(r, "KVM_RUN: %s", strerror(errno));
	ticks = vcpu_msr_get(&vm->vcpu[0], TSC) - t->tsc;
	ticks = t->shift < 0 ? ticks >> -t->shift : ticks << t->shift;
	return t->system_time + (int64_t)((unsigned __int128)ticks * t->mul >> 32);
}

static int64_t vm_clock(struct vm *vm)
{
	struct kvm_clock_data d = { 0 };

	xioctl(vm->fd, KVM_GET_CLOCK, &d);
	return d.clock;
}

/* They agree to what lies between the two questions. */
static void agree(struct tap_result *r, struct vm *vm, const char *when)
{
	int64_t before = vm_clock(vm), guest = guest_clock(r, vm), after = vm_clock(vm);

	if (guest < before || guest > after)
		tap_fail(r, "%s: the guest has %lld ns, KVM_GET_CLOCK %lld before and %lld after", when,
			 (long long)guest, (long long)before, (long long)after);
}

/* The host's clock is slewed by a tenth. */
static void slewed(struct tap_result *r, const void *arg)
{
	struct timex fast = { .modes = ADJ_TICK, .tick = 11000 }, normal = { .modes = ADJ_TICK, .tick = 10000 };
	struct kvm_clock_data d = { 0 };
	int64_t before, after;
	struct vm vm;

	(void)arg;
	vm_with_clock(r, &vm);
	agree(r, &vm, "at first");
	if (adjtimex(&fast) < 0)
		tap_fail(r, "adjtimex: %s", strerror(errno));
	usleep(200000);
	agree(r, &vm, "slewed");
	/* as a VMM does when it stops and goes on */
	before = guest_clock(r, &vm);
	xioctl(vm.fd, KVM_GET_CLOCK, &d);
	d.flags = 0;
	xioctl(vm.fd, KVM_SET_CLOCK, &d);
	after = guest_clock(r, &vm);
	adjtimex(&normal);
	if (after < before)
		tap_fail(r, "KVM_SET_CLOCK of KVM_GET_CLOCK's moves the guest back by %lld ns",
			 (long long)(before - after));
	agree(r, &vm, "set");
	vm_destroy(&vm);
}

/* A frequency that is so near the host's that the TSC is not scaled for it. */
static void nearly(struct tap_result *r, const void *arg)
{
	int khz, i;

	(void)arg;
	for (i = -1; i <= 1; i += 2) {
		struct vm vm;
		struct vcpu *v = vm_with_clock(r, &vm);

		khz = ioctl(v->fd, KVM_GET_TSC_KHZ, 0);
		want_ok(r, ioctl(v->fd, KVM_SET_TSC_KHZ, khz + i * (khz / 10000 * 4)), "KVM_SET_TSC_KHZ");
		guest_clock(r, &vm);
		usleep(200000);
		agree(r, &vm, i < 0 ? "400 ppm slower" : "400 ppm faster");
		vm_destroy(&vm);
	}
}

/* A parameter of the debug build; false: this is none. */
static bool parameter(const char *name, const char *value)
{
	char path[80];

	snprintf(path, sizeof(path), "/sys/module/vh/parameters/%s", name);
	return write_file(path, value);
}

/* The host finds its TSC unstable: the guest is told, while it runs, and goes on without a leap. */
static void unstable(struct tap_result *r, const void *arg)
{
	static const uint8_t spin[] = { 0xf3, 0x90, 0xf6, 0x05, 0x1d, 0x50, 0, 0, 1, 0x75, 0xf5, 0xe6, 0x81 };
	struct timex fast = { .modes = ADJ_TICK, .tick = 11000 }, normal = { .modes = ADJ_TICK, .tick = 10000 };
	volatile struct time_info *t;
	int64_t before, after;
	struct vcpu *v;
	struct vm vm;

	(void)arg;
	if (!parameter("tsc_unstable", "N")) {
		tap_skip(r, "it takes the debug build");
		return;
	}
	v = vm_with_clock(r, &vm);
	t = (void *)(vm.mem + PAGE);
	guest_clock(r, &vm);
	if (!(t->flags & TSC_STABLE)) {
		tap_skip(r, "this host's TSC is not stable");
		vm_destroy(&vm);
		return;
	}
	adjtimex(&fast);
	usleep(100000);
	adjtimex(&normal);
	before = guest_clock(r, &vm);
	parameter("tsc_unstable", "Y");
	/* until the flag is gone */
	memcpy(vm.mem + 0x1000, spin, sizeof(spin));
	vcpu_set_mode(&vm, v, MODE_FLAT32, 0x1000, 0x7000);
	if (vcpu_run(v) || v->run->exit_reason != KVM_EXIT_IO || (t->flags & TSC_STABLE))
		tap_fail(r, "the guest is not told");
	after = t->system_time;
	if (after < before || after > before + 3000 * MS)
		tap_fail(r, "the clock goes from %lld to %lld ns", (long long)before, (long long)after);
	parameter("tsc_unstable", "N");
	vm_destroy(&vm);
}

/*
 * The host sleeps, and its TSC has lost 2^40 ticks, or so the module is told: the guest's has as many more, and
 * its clock agrees.
 */
static void suspended(struct tap_result *r, const void *arg)
{
	uint64_t tsc, tsc_after, offset = 0, offset_after = 0;
	struct kvm_device_attr a = { .group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET };
	int64_t clock, clock_after;
	struct vm vm;
	int fd;

	(void)arg;
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1) {
		tap_skip(r, "the emulator's processors wake with different TSCs");
		return;
	}
	fd = open("/sys/power/state", O_WRONLY);
	if (fd < 0 || !parameter("tsc_restarts", "Y")) {
		tap_skip(r, "it takes the debug build, and a host that can sleep");
		return;
	}
	vm_with_clock(r, &vm);
	clock = guest_clock(r, &vm);
	tsc = vcpu_msr_get(&vm.vcpu[0], TSC);
	a.addr = (uintptr_t)&offset;
	xioctl(vm.vcpu[0].fd, KVM_GET_DEVICE_ATTR, &a);
	if (write(fd, "mem", 3) != 3)
		tap_fail(r, "the host does not sleep: %s", strerror(errno));
	close(fd);
	parameter("tsc_restarts", "N");
	tsc_after = vcpu_msr_get(&vm.vcpu[0], TSC);
	clock_after = guest_clock(r, &vm);
	if (tsc_after < tsc + (1ull << 40) || tsc_after > tsc + (2ull << 40))
		tap_fail(r, "the guest's TSC goes from %llx to %llx", (long long)tsc, (long long)tsc_after);
	a.addr = (uintptr_t)&offset_after;
	xioctl(vm.vcpu[0].fd, KVM_GET_DEVICE_ATTR, &a);
	/* less what the host's counted in its sleep */
	if (offset_after < offset + (1ull << 40) - (1ull << 30) || offset_after > offset + (2ull << 40))
		tap_fail(r, "the offset goes from %llx to %llx", (long long)offset, (long long)offset_after);
	if (clock_after < clock)
		tap_fail(r, "the guest's clock goes from %lld to %lld ns", (long long)clock,
			 (long long)clock_after);
	agree(r, &vm, "after the sleep");
	vm_destroy(&vm);
}

const struct test_case clock_cases[] = {
	{ "state-clock-slewed", slewed, NULL },
	{ "state-clock-nearly", nearly, NULL },
	{ "state-clock-unstable", unstable, NULL },
	{ "state-clock-suspended", suspended, NULL },
	{ NULL, NULL, NULL }
};
