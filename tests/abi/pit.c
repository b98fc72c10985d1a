// SPDX-License-Identifier: GPL-2.0-only
/* The PIT's older ioctls, and what becomes of ticks that the guest was not ready for. */
#include "lane.h"

static void old_state(struct tap_result *r, const void *arg)
{
	struct kvm_reinject_control c = { 0 };
	struct kvm_pit_state a, b;
	struct kvm_pit_state2 p;
	struct vm vm;

	(void)arg;
	vm_simple(&vm, VM_IRQCHIP);
	want_errno(r, ioctl(vm.fd, KVM_GET_PIT, &a), ENXIO, "KVM_GET_PIT without");
	memset(&a, 0, sizeof(a));
	want_errno(r, ioctl(vm.fd, KVM_SET_PIT, &a), ENXIO, "KVM_SET_PIT without");
	want_errno(r, ioctl(vm.fd, KVM_REINJECT_CONTROL, &c), ENXIO, "KVM_REINJECT_CONTROL without");
	vm_destroy(&vm);

	vm_simple(&vm, VM_IRQCHIP | VM_PIT);
	xioctl(vm.fd, KVM_GET_PIT2, &p);
	p.flags = KVM_PIT_FLAGS_HPET_LEGACY;
	xioctl(vm.fd, KVM_SET_PIT2, &p);
	memset(&a, 0x77, sizeof(a));
	want_ok(r, ioctl(vm.fd, KVM_GET_PIT, &a), "KVM_GET_PIT");
	a.channels[2].mode = 3;
	a.channels[2].count = 0x1234;
	want_ok(r, ioctl(vm.fd, KVM_SET_PIT, &a), "KVM_SET_PIT");
	want_ok(r, ioctl(vm.fd, KVM_GET_PIT, &b), "KVM_GET_PIT again");
	xioctl(vm.fd, KVM_GET_PIT2, &p);
	if (b.channels[2].mode != 3 || b.channels[2].count != 0x1234 || p.channels[2].count != 0x1234)
		tap_fail(r, "channel 2: mode %u count %#x, in the newer %#x", b.channels[2].mode,
			 b.channels[2].count, p.channels[2].count);
	if (!(p.flags & KVM_PIT_FLAGS_HPET_LEGACY))
		tap_fail(r, "the older ioctl changes flags that it does not have");
	want_errno(r, ioctl(vm.fd, KVM_GET_PIT, BAD_POINTER), EFAULT, "get, a bad pointer");
	want_errno(r, ioctl(vm.fd, KVM_SET_PIT, BAD_POINTER), EFAULT, "set, a bad pointer");
	want_errno(r, ioctl(vm.fd, KVM_REINJECT_CONTROL, BAD_POINTER), EFAULT, "reinject, a bad pointer");
	want_ok(r, ioctl(vm.fd, KVM_REINJECT_CONTROL, &c), "KVM_REINJECT_CONTROL");
	vm_destroy(&vm);
}

/*
 * A tick each 5 ms: the guest is deaf for 200 ms, and listens for 400. It may last longer where a tick costs much.
 * Returns how many of the @all ticks of that time it lacks.
 */
static int lacking(struct tap_result *r, int reinject, int *all)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_PIC_MASTER };
	struct kvm_reinject_control c = { .pit_reinject = reinject };
	struct kvm_pit_state2 p;
	struct vcpu *v;
	struct vm vm;
	uint64_t tsc;
	int khz, n;

	v = vm_irqs(&vm, "deaf", VM_PIT);
	khz = ioctl(v->fd, KVM_GET_TSC_KHZ, 0);
	guest_start(&vm, v, "deaf", 200 * khz, 400 * khz);
	xioctl(vm.fd, KVM_GET_IRQCHIP, &chip);
	chip.chip.pic.irq_base = 0x20;
	chip.chip.pic.imr = 0xfe;
	chip.chip.pic.init4 = 1;
	chip.chip.pic.auto_eoi = 1;
	xioctl(vm.fd, KVM_SET_IRQCHIP, &chip);
	/* -1: as it is by itself */
	if (reinject >= 0)
		want_ok(r, ioctl(vm.fd, KVM_REINJECT_CONTROL, &c), "KVM_REINJECT_CONTROL");
	xioctl(vm.fd, KVM_GET_PIT2, &p);
	p.channels[0].mode = 2;
	p.channels[0].rw_mode = 3;
	p.channels[0].gate = 1;
	p.channels[0].count = 5 * 1193;
	tsc = rdtsc();
	xioctl(vm.fd, KVM_SET_PIT2, &p);
	if (vcpu_run(v) || v->run->exit_reason != KVM_EXIT_IO)
		tap_fail(r, "exit %s", exit_name(v->run->exit_reason));
	*all = (rdtsc() - tsc) / khz / 5;
	n = *all - *count(&vm, 0x20);
	vm_destroy(&vm);
	return n;
}

static void reinject(struct tap_result *r, const void *arg)
{
	int n, all;

	(void)arg;
	if (kvm_cap(KVM_CAP_REINJECT_CONTROL) <= 0)
		tap_fail(r, "no KVM_CAP_REINJECT_CONTROL");
	n = lacking(r, -1, &all);
	if (n < -5 || n > 12)
		tap_fail(r, "by itself %d ticks of %u are lacking", n, all);
	n = lacking(r, 1, &all);
	if (n < -5 || n > 12)
		tap_fail(r, "with ticks that come again %d of %u are lacking", n, all);
	n = lacking(r, 0, &all);
	if (n < 30 || n > all - 60)
		tap_fail(r, "with ticks that are lost %d of %u are lacking", n, all);
}

const struct test_case pit_cases[] = {
	{ "irqchip-pit-old", old_state, NULL },
	{ "irqchip-pit-reinject", reinject, NULL },
	{ NULL, NULL, NULL }
};
