// SPDX-License-Identifier: GPL-2.0-only
/* Attributes of the system's descriptor and a vCPU's, state of any size, and the clocks that migration goes by. */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "abi.h"

#define TSC		0x10

static int attr(int fd, unsigned long req, uint32_t group, uint64_t which, void *at)
{
	struct kvm_device_attr a = { .group = group, .attr = which, .addr = (uintptr_t)at };

	return ioctl(fd, req, &a);
}

static void system_attr(struct tap_result *r, const void *arg)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + 256 * sizeof(c->entries[0]));
	uint64_t xcr0 = ~0ull, offered = 0;
	unsigned int i;

	(void)arg;
	if (kvm_cap(KVM_CAP_SYS_ATTRIBUTES) <= 0)
		tap_fail(r, "no KVM_CAP_SYS_ATTRIBUTES");
	want_ok(r, attr(kvm_open(), KVM_HAS_DEVICE_ATTR, 0, KVM_X86_XCOMP_GUEST_SUPP, NULL), "has");
	want_ok(r, attr(kvm_open(), KVM_GET_DEVICE_ATTR, 0, KVM_X86_XCOMP_GUEST_SUPP, &xcr0), "get");
	c->nent = 256;
	xioctl(kvm_open(), KVM_GET_SUPPORTED_CPUID, c);
	for (i = 0; i < c->nent; i++)
		if (c->entries[i].function == 0xd && !c->entries[i].index)
			offered = c->entries[i].eax | (uint64_t)c->entries[i].edx << 32;
	if (xcr0 != offered)
		tap_fail(r, "components %#llx, of CPUID %#llx", (long long)xcr0, (long long)offered);
	want_errno(r, attr(kvm_open(), KVM_HAS_DEVICE_ATTR, 0, 99, NULL), ENXIO, "has 99");
	want_errno(r, attr(kvm_open(), KVM_GET_DEVICE_ATTR, 0, 99, &xcr0), ENXIO, "get 99");
	want_errno(r, attr(kvm_open(), KVM_HAS_DEVICE_ATTR, 99, 0, NULL), ENXIO, "group 99");
	want_errno(r, attr(kvm_open(), KVM_GET_DEVICE_ATTR, 0, 0, BAD_POINTER), EFAULT, "a bad pointer");
	want_errno(r, ioctl(kvm_open(), KVM_HAS_DEVICE_ATTR, BAD_POINTER), EFAULT, "a bad argument");
	want_either(r, attr(kvm_open(), KVM_SET_DEVICE_ATTR, 0, 0, &xcr0), ENOTTY, EINVAL, "set");
	free(c);
}

static void xsave2(struct tap_result *r, const void *arg)
{
	static struct kvm_xsave old;
	uint8_t *a, *b;
	struct vcpu *v;
	struct vm vm;
	int size, i;

	(void)arg;
	v = vm_simple(&vm, 0);
	size = ioctl(vm.fd, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2);
	if (size < 4096 || size > 1 << 20) {
		tap_fail(r, "the size is %d", size);
		return;
	}
	a = malloc(size + 64);
	b = malloc(size + 64);
	memset(a, 0xa5, size + 64);
	want_ok(r, ioctl(v->fd, KVM_GET_XSAVE2, a), "get");
	for (i = 0; i < 64; i++)
		if (a[size + i] != 0xa5)
			tap_fail(r, "byte %d is written", size + i);
	if (size == 4096) {
		want_ok(r, ioctl(v->fd, KVM_GET_XSAVE, &old), "KVM_GET_XSAVE");
		if (memcmp(a, &old, 4096))
			tap_fail(r, "KVM_GET_XSAVE tells another state");
	} else {
		want_errno(r, ioctl(v->fd, KVM_GET_XSAVE, &old), EINVAL, "KVM_GET_XSAVE of more than it holds");
	}
	for (i = 0; i < 256; i++)
		a[160 + i] = i;		/* XMM registers */
	a[512] |= 3;			/* XSTATE_BV */
	want_ok(r, ioctl(v->fd, KVM_SET_XSAVE, a), "set");
	memset(b, 0x3c, size + 64);
	want_ok(r, ioctl(v->fd, KVM_GET_XSAVE2, b), "get again");
	if (memcmp(a + 160, b + 160, 256))
		tap_fail(r, "the XMM registers come back different");
	want_errno(r, ioctl(v->fd, KVM_GET_XSAVE2, BAD_POINTER), EFAULT, "a bad pointer");
	free(a);
	free(b);
	vm_destroy(&vm);
}

/* out %al, $0x10; again */
static const uint8_t outs[] = { 0xe6, 0x10, 0xeb, 0xfc };
/* rdtsc; out %eax, $0x10; again */
static const uint8_t reads[] = { 0x0f, 0x31, 0xe7, 0x10, 0xeb, 0xfa };

/* The guest's RDTSC, low half. */
static uint32_t guest_tsc(struct tap_result *r, struct vcpu *v)
{
	if (vcpu_run(v) || v->run->exit_reason != KVM_EXIT_IO)
		tap_fail(r, "exit %s", exit_name(v->run->exit_reason));
	return *(uint32_t *)((char *)v->run + v->run->io.data_offset);
}

static void tsc_offset(struct tap_result *r, const void *arg)
{
	uint64_t offset, want, before, after, tsc;
	struct kvm_clock_data d = { 0 };
	struct vcpu *v, *w;
	uint32_t low;
	struct vm vm;

	(void)arg;
	if (kvm_cap(KVM_CAP_VCPU_ATTRIBUTES) <= 0)
		tap_fail(r, "no KVM_CAP_VCPU_ATTRIBUTES");
	v = vm_simple(&vm, 0);
	w = vm_add_vcpu(&vm);
	guest_code(&vm, v, reads, sizeof(reads));
	want_ok(r, attr(v->fd, KVM_HAS_DEVICE_ATTR, KVM_VCPU_TSC_CTRL, KVM_VCPU_TSC_OFFSET, NULL), "has");
	want_ok(r, attr(v->fd, KVM_GET_DEVICE_ATTR, KVM_VCPU_TSC_CTRL, KVM_VCPU_TSC_OFFSET, &offset), "get");
	before = rdtsc();
	tsc = vcpu_msr_get(v, TSC);
	after = rdtsc();
	if (tsc - offset < before || tsc - offset > after)
		tap_fail(r, "TSC %#llx, offset %#llx, the host's %#llx to %#llx", (long long)tsc, (long long)offset,
			 (long long)before, (long long)after);

	want = 0x123456789abcull - before;
	want_ok(r, attr(v->fd, KVM_SET_DEVICE_ATTR, KVM_VCPU_TSC_CTRL, KVM_VCPU_TSC_OFFSET, &want), "set");
	want_ok(r, attr(v->fd, KVM_GET_DEVICE_ATTR, KVM_VCPU_TSC_CTRL, KVM_VCPU_TSC_OFFSET, &offset), "get");
	if (offset != want)
		tap_fail(r, "%#llx comes back as %#llx", (long long)want, (long long)offset);
	before = rdtsc();
	low = guest_tsc(r, v);
	after = rdtsc();
	if (low - (uint32_t)(before + want) > (uint32_t)(after - before))
		tap_fail(r, "the guest reads %#x, not %#x to %#x", low, (uint32_t)(before + want),
			 (uint32_t)(after + want));

	/* another vCPU's TSC that is written with nearly the same value is the same */
	vcpu_msr_set(w, TSC, rdtsc() + want + 1000);
	want_ok(r, attr(w->fd, KVM_GET_DEVICE_ATTR, KVM_VCPU_TSC_CTRL, KVM_VCPU_TSC_OFFSET, &offset), "get");
	xioctl(vm.fd, KVM_GET_CLOCK, &d);
	if (d.flags & KVM_CLOCK_TSC_STABLE && offset != want)
		tap_fail(r, "the other has offset %#llx, not %#llx", (long long)offset, (long long)want);
	/* but an offset is taken as it is */
	want += 1000;
	want_ok(r, attr(w->fd, KVM_SET_DEVICE_ATTR, KVM_VCPU_TSC_CTRL, KVM_VCPU_TSC_OFFSET, &want), "set");
	want_ok(r, attr(w->fd, KVM_GET_DEVICE_ATTR, KVM_VCPU_TSC_CTRL, KVM_VCPU_TSC_OFFSET, &offset), "get");
	if (offset != want)
		tap_fail(r, "%#llx comes back as %#llx", (long long)want, (long long)offset);

	want_errno(r, attr(v->fd, KVM_HAS_DEVICE_ATTR, KVM_VCPU_TSC_CTRL, 99, NULL), ENXIO, "attribute 99");
	want_errno(r, attr(v->fd, KVM_GET_DEVICE_ATTR, 99, 0, &offset), ENXIO, "group 99");
	want_errno(r, attr(v->fd, KVM_SET_DEVICE_ATTR, KVM_VCPU_TSC_CTRL, 99, &offset), ENXIO, "set 99");
	want_errno(r, attr(v->fd, KVM_GET_DEVICE_ATTR, 0, 0, BAD_POINTER), EFAULT, "get, a bad pointer");
	want_errno(r, attr(v->fd, KVM_SET_DEVICE_ATTR, 0, 0, BAD_POINTER), EFAULT, "set, a bad pointer");
	want_errno(r, ioctl(v->fd, KVM_SET_DEVICE_ATTR, BAD_POINTER), EFAULT, "a bad argument");
	/* a VM has none */
	if (kvm_cap(KVM_CAP_VM_ATTRIBUTES) <= 0)
		want_either(r, attr(vm.fd, KVM_HAS_DEVICE_ATTR, 0, 0, NULL), ENOTTY, ENXIO, "a VM's");
	vm_destroy(&vm);
}

static int64_t ns_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* What KVM_GET_CLOCK says of the host is so, and KVM_SET_CLOCK adds the time that has passed. */
static void clock_flags(struct tap_result *r, const void *arg)
{
	struct kvm_clock_data d = { 0 }, e = { 0 };
	const unsigned int all = KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC;
	int64_t real, real_after, passed;
	uint64_t before, after;
	struct vcpu *v;
	struct vm vm;

	(void)arg;
	if (kvm_cap(KVM_CAP_ADJUST_CLOCK) != (int)all)
		tap_fail(r, "the capability is %#x", kvm_cap(KVM_CAP_ADJUST_CLOCK));
	v = vm_simple(&vm, VM_IRQCHIP);
	guest_code(&vm, v, outs, sizeof(outs));
	/* KVM knows what its TSC is worth from the first run on */
	guest_tsc(r, v);
	real = ns_of(CLOCK_REALTIME);
	before = rdtsc();
	want_ok(r, ioctl(vm.fd, KVM_GET_CLOCK, &d), "get");
	after = rdtsc();
	real_after = ns_of(CLOCK_REALTIME);
	if (d.flags & ~all)
		tap_fail(r, "flags %#x", d.flags);
	if ((d.flags & KVM_CLOCK_REALTIME) &&
	    ((int64_t)d.realtime < real || (int64_t)d.realtime > real_after))
		tap_fail(r, "the time of day is %lld, not %lld to %lld", (long long)d.realtime, (long long)real,
			 (long long)real_after);
	if ((d.flags & KVM_CLOCK_HOST_TSC) && (d.host_tsc < before || d.host_tsc > after))
		tap_fail(r, "the host's TSC is %lld, not %lld to %lld", (long long)d.host_tsc, (long long)before,
			 (long long)after);
	if ((d.flags & KVM_CLOCK_TSC_STABLE) && (d.flags & all) != all)
		tap_fail(r, "with a TSC that is stable the flags are %#x", d.flags);
	if (!(d.flags & KVM_CLOCK_REALTIME)) {
		tap_skip(r, "no time of day here");
		return;
	}
	/* a minute ago it was 5 s */
	e.flags = KVM_CLOCK_REALTIME;
	e.clock = 5000000000ull;
	e.realtime = ns_of(CLOCK_REALTIME) - 60000000000ll;
	want_ok(r, ioctl(vm.fd, KVM_SET_CLOCK, &e), "set with the time of day");
	real = ns_of(CLOCK_REALTIME);
	xioctl(vm.fd, KVM_GET_CLOCK, &d);
	passed = d.realtime - e.realtime;
	if ((int64_t)d.clock < 5000000000ll + passed - 50000000 || (int64_t)d.clock > 5000000000ll + passed + 50000000)
		tap_fail(r, "the clock is %lld, %lld ns after 5 s", (long long)d.clock, (long long)passed);
	/* in an hour it will be 5 s: it is now */
	e.realtime = ns_of(CLOCK_REALTIME) + 3600000000000ll;
	want_ok(r, ioctl(vm.fd, KVM_SET_CLOCK, &e), "set with a time to come");
	xioctl(vm.fd, KVM_GET_CLOCK, &d);
	if (d.clock < 5000000000ull || d.clock > 6000000000ull)
		tap_fail(r, "a time to come: the clock is %lld", (long long)d.clock);
	/* without the flag the time of day does not matter */
	e.flags = 0;
	e.realtime = 1;
	want_ok(r, ioctl(vm.fd, KVM_SET_CLOCK, &e), "set");
	xioctl(vm.fd, KVM_GET_CLOCK, &d);
	if (d.clock < 5000000000ull || d.clock > 6000000000ull)
		tap_fail(r, "without the flag the clock is %lld", (long long)d.clock);
	/* what was read can be set */
	want_ok(r, ioctl(vm.fd, KVM_SET_CLOCK, &d), "what was read");
	e.flags = 1;
	want_errno(r, ioctl(vm.fd, KVM_SET_CLOCK, &e), EINVAL, "flag 1");
	vm_destroy(&vm);
}

/* The frequency of a VM's vCPUs to come. */
static void vm_tsc_khz(struct tap_result *r, const void *arg)
{
	int host, khz, got, scales = kvm_cap(KVM_CAP_VM_TSC_CONTROL);
	uint32_t a, b;
	uint64_t h;
	struct vcpu *v;
	struct vm vm;

	(void)arg;
	if (scales != kvm_cap(KVM_CAP_TSC_CONTROL))
		tap_fail(r, "a VM's %d, a vCPU's %d", scales, kvm_cap(KVM_CAP_TSC_CONTROL));
	vm_create(&vm, 1 << 20, 0);
	host = ioctl(vm.fd, KVM_GET_TSC_KHZ, 0);
	if (host <= 0)
		tap_fail(r, "a new VM has %d kHz", host);
	khz = scales > 0 ? host / 4 * 3 : host;
	want_ok(r, ioctl(vm.fd, KVM_SET_TSC_KHZ, khz), "KVM_SET_TSC_KHZ");
	got = ioctl(vm.fd, KVM_GET_TSC_KHZ, 0);
	if (got != khz)
		tap_fail(r, "%d kHz become %d", khz, got);
	vm_build_tables(&vm);
	v = vm_add_vcpu(&vm);
	got = ioctl(v->fd, KVM_GET_TSC_KHZ, 0);
	if (got != khz)
		tap_fail(r, "a vCPU of %d kHz has %d", khz, got);
	guest_code(&vm, v, reads, sizeof(reads));
	h = rdtsc();
	a = guest_tsc(r, v);
	usleep(20000);
	b = guest_tsc(r, v);
	h = rdtsc() - h;
	/* what lies between the guest's is a little less than what lies between the host's */
	if (b - a > (uint32_t)(h * khz / host) + 2 || b - a < (uint32_t)(h * khz / host / 2))
		tap_fail(r, "%u guest ticks in %llu of the host's at %d to %d kHz", b - a, (long long)h, khz, host);
	/* 0 is the host's */
	want_ok(r, ioctl(vm.fd, KVM_SET_TSC_KHZ, 0), "0 kHz");
	got = ioctl(vm.fd, KVM_GET_TSC_KHZ, 0);
	if (got != host)
		tap_fail(r, "0 kHz become %d, not %d", got, host);
	vm_destroy(&vm);
}

const struct test_case attr_cases[] = {
	{ "system-attributes", system_attr, NULL },
	{ "state-xsave2", xsave2, NULL },
	{ "state-tsc-offset", tsc_offset, NULL },
	{ "state-clock-flags", clock_flags, NULL },
	{ "state-vm-tsc-khz", vm_tsc_khz, NULL },
	{ NULL, NULL, NULL }
};
