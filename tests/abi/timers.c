// SPDX-License-Identifier: GPL-2.0-only
/*
 * Timers of vCPUs that do not run: they expire in the host's interrupts, which are nobody's time,
 * so that what they take of a CPU is bounded whatever the guest has asked for.
 */
#include <unistd.h>
#include <x86intrin.h>

#include "lane.h"

/* Ticks that the same work takes: on one CPU what is more is what interrupts took. */
static uint64_t work(void)
{
	uint64_t at = __rdtsc();
	unsigned int n = 10000000;

	asm volatile("1: dec %0; jnz 1b" : "+r"(n));
	return __rdtsc() - at;
}

static void lapic_timer(struct vcpu *v, uint32_t lvt, uint32_t count)
{
	struct kvm_lapic_state s;

	xioctl(v->fd, KVM_GET_LAPIC, &s);
	*(uint32_t *)(s.regs + 0xf0) = 0x1ff;
	*(uint32_t *)(s.regs + 0x320) = lvt;
	*(uint32_t *)(s.regs + 0x3e0) = 0xb;	/* by 1 */
	*(uint32_t *)(s.regs + 0x380) = count;
	*(uint32_t *)(s.regs + 0x390) = count;
	xioctl(v->fd, KVM_SET_LAPIC, &s);
}

static void pit_timer(struct vm *vm, bool masked)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_PIC_MASTER };
	struct kvm_pit_state2 ps;

	xioctl(vm->fd, KVM_GET_IRQCHIP, &chip);
	chip.chip.pic.irq_base = 0x20;
	chip.chip.pic.imr = masked ? 0xff : 0;
	xioctl(vm->fd, KVM_SET_IRQCHIP, &chip);
	xioctl(vm->fd, KVM_GET_PIT2, &ps);
	ps.channels[0].mode = 2;
	ps.channels[0].rw_mode = 3;
	ps.channels[0].gate = 1;
	ps.channels[0].count = 24;		/* 20 us */
	xioctl(vm->fd, KVM_SET_PIT2, &ps);
}

struct idle {
	unsigned int vcpus, percent;
	uint32_t lvt, count;		/* 0: the PIT */
	bool masked;
};

static void idle(struct tap_result *r, const void *arg)
{
	const struct idle *t = arg;
	uint64_t alone, beside;
	unsigned int i;
	struct vm vm;

	vm_simple(&vm, VM_IRQCHIP | VM_PIT);
	for (i = 1; i < t->vcpus; i++)
		vm_add_vcpu(&vm);
	work();
	alone = work();
	for (i = 0; i < t->vcpus && t->lvt; i++)
		lapic_timer(&vm.vcpu[i], t->lvt, t->count);
	if (!t->lvt)
		pit_timer(&vm, t->masked);
	work();
	beside = work();
	if (beside > alone + alone * t->percent / 100)
		tap_fail(r, "the same work takes %llu alone, %llu beside the timers",
			 (unsigned long long)alone, (unsigned long long)beside);
	vm_destroy(&vm);
}

static const struct idle lapic = { 1, 20, 0x20030, 20000, false },
	lapic_masked = { 1, 20, 0x30030, 20000, false }, lapic_many = { 8, 20, 0x20030, 20000, false },
	lapic_tiny = { 1, 20, 0x20030, 1, false }, pit_busy = { 1, 20, 0, 0, false },
	pit_masked = { 1, 20, 0, 0, true };

/* A vCPU that comes back has its ticks again, and the current count is one of the period's. */
static void lapse(struct tap_result *r, const void *arg)
{
	struct kvm_lapic_state s;
	struct lane lane;
	struct vcpu *v;
	uint32_t n, left;
	struct vm vm;
	int i;

	(void)arg;
	v = vm_irqs(&vm, "irq_halt", 0);
	lapic_timer(v, 0x20030, 1000000);	/* 1 ms */
	for (i = 0; i < 5; i++) {
		usleep(7300);
		xioctl(v->fd, KVM_GET_LAPIC, &s);
		left = *(uint32_t *)(s.regs + 0x390);
		if (!left || left > 1000000)
			tap_fail(r, "current count %u of 1000000", left);
	}
	lane_start(&lane, v);
	if (!wait_count(count(&vm, 0x30), 20))
		tap_fail(r, "%u ticks", *count(&vm, 0x30));
	n = *count(&vm, 0x30);
	usleep(50000);
	n = *count(&vm, 0x30) - n;
	if (n < 30 || n > 60)
		tap_fail(r, "%u ticks in about 50 ms", n);
	lane_stop(r, &lane);
	usleep(20000);
	n = *count(&vm, 0x30);
	lane_start(&lane, v);
	if (!wait_count(count(&vm, 0x30), n + 10))
		tap_fail(r, "%u ticks more after a pause", *count(&vm, 0x30) - n);
	lane_stop(r, &lane);
	vm_destroy(&vm);
}

const struct test_case timer_cases[] = {
	{ "timer-idle-lapic", idle, &lapic },
	{ "timer-idle-lapic-masked", idle, &lapic_masked },
	{ "timer-idle-lapic-tiny", idle, &lapic_tiny },
	{ "timer-idle-lapic-many", idle, &lapic_many },
	{ "timer-idle-pit", idle, &pit_busy },
	{ "timer-idle-pit-masked", idle, &pit_masked },
	{ "timer-lapse", lapse, NULL },
	{ NULL, NULL, NULL }
};
