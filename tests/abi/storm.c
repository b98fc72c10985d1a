// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts to a vCPU wherever it is: in the guest, halted, in userspace, on
 * its way to another CPU. None may be lost, none come twice.
 */
#include <sys/eventfd.h>
#include <unistd.h>

#include "lane.h"

enum way { MSI, LINE, IRQFD };

struct storm {
	const char *guest;
	enum way way;
	enum where { STAY, MOVE, HOTPLUG } where;
	unsigned int n;
	unsigned int flags;		/* of vm_create(), beside VM_IRQCHIP */
};

/* false: the host has one CPU */
static bool can_move(struct tap_result *r, const struct storm *s)
{
	if (s->where != HOTPLUG || sysconf(_SC_NPROCESSORS_ONLN) > 1)
		return true;
	tap_skip(r, "the host has one CPU");
	return false;
}

static void send_one(struct vm *vm, enum way way, const int *efd, unsigned int i)
{
	struct kvm_irq_level l = { .irq = 16 + i, .level = 1 };
	uint64_t one = 1;

	switch (way) {
	case MSI:
		msi_to(vm, 0, 0x30 + i);
		break;
	case LINE:
		xioctl(vm->fd, KVM_IRQ_LINE, &l);
		l.level = 0;
		xioctl(vm->fd, KVM_IRQ_LINE, &l);
		break;
	case IRQFD:
		if (write(efd[i], &one, 8) != 8)
			_exit(3);
		break;
	}
}

/* Eight vectors in turn; one is sent again when its handler has run. */
static void storm(struct tap_result *r, const void *arg)
{
	const struct storm *s = arg;
	struct mover mover;
	struct lane lane;
	int efd[8] = { 0 };
	struct vcpu *v;
	unsigned int i;
	struct vm vm;

	if (!can_move(r, s))
		return;
	v = vm_irqs(&vm, s->guest, s->flags);
	set_pins(&vm, false);
	for (i = 0; i < 8 && s->way == IRQFD; i++) {
		struct kvm_irqfd f = { .gsi = 16 + i };

		f.fd = efd[i] = eventfd(0, EFD_CLOEXEC);
		xioctl(vm.fd, KVM_IRQFD, &f);
	}
	lane_start(&lane, v);
	if (s->where)
		mover_start(&mover, &vm, &lane, s->where == HOTPLUG);
	/* from here on the APIC takes what comes */
	wait_count((volatile uint32_t *)(vm.mem + TURNS), 1);
	for (i = 0; i < s->n; i++) {
		if (i >= 8 && !wait_count(count(&vm, 0x30 + (i & 7)), i >> 3)) {
			tap_fail(r, "interrupt %u is lost: vector %#x came %u times",
				 i - 8, 0x30 + (i & 7), *count(&vm, 0x30 + (i & 7)));
			break;
		}
		send_one(&vm, s->way, efd, i & 7);
	}
	for (i = 0; i < 8; i++)
		if (!wait_count(count(&vm, 0x30 + i), s->n / 8))
			tap_fail(r, "of vector %#x %u came", 0x30 + i, *count(&vm, 0x30 + i));
	usleep(1000);
	if (total(&vm) != s->n)
		tap_fail(r, "%u sent, %u came", s->n, total(&vm));
	if (s->where)
		mover_stop(&mover);
	lane_stop(r, &lane);
	vm_destroy(&vm);
}

/* Level-triggered by irqfd: the guest's EOI signals the resampler each time. */
static void resample(struct tap_result *r, const void *arg)
{
	const struct storm *s = arg;
	struct kvm_irqfd f = { .gsi = 20, .flags = KVM_IRQFD_FLAG_RESAMPLE };
	uint64_t one = 1, n, acks = 0, end;
	struct mover mover;
	struct lane lane;
	struct vcpu *v;
	unsigned int i;
	struct vm vm;

	if (!can_move(r, s))
		return;
	v = vm_irqs(&vm, s->guest, s->flags);
	set_pins(&vm, true);
	f.fd = eventfd(0, EFD_CLOEXEC);
	f.resamplefd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	xioctl(vm.fd, KVM_IRQFD, &f);
	lane_start(&lane, v);
	if (s->where)
		mover_start(&mover, &vm, &lane, s->where == HOTPLUG);
	wait_count((volatile uint32_t *)(vm.mem + TURNS), 1);
	for (i = 0; i < s->n; i++) {
		if (write(f.fd, &one, 8) != 8)
			_exit(3);
		end = now_ms() + 10000;
		while (read(f.resamplefd, &n, 8) != 8 && now_ms() < end)
			usleep(20);
		if (now_ms() >= end) {
			tap_fail(r, "EOI %u did not reach the resampler; handled %u", i,
				 *count(&vm, 0x34));
			break;
		}
		acks += n;
	}
	if (s->where)
		mover_stop(&mover);
	lane_stop(r, &lane);
	if (*count(&vm, 0x34) != s->n || acks != s->n || total(&vm) != s->n)
		tap_fail(r, "%u signalled, %u handled, %u in all, %llu resampled", s->n,
			 *count(&vm, 0x34), total(&vm), (unsigned long long)acks);
	vm_destroy(&vm);
}

/* One vCPU sends to another that runs, halts, exits. */
static void ipis(struct tap_result *r, const void *arg)
{
	const struct storm *s = arg;
	struct kvm_mp_state mp = { KVM_MP_STATE_RUNNABLE };
	struct lane to, from;
	struct mover mover;
	struct kvm_regs regs;
	struct vcpu *a, *b;
	unsigned int came, before = 0, us = 200;
	uint64_t end = 0;
	struct vm vm;

	if (!can_move(r, s))
		return;
	vm_create(&vm, 1 << 20, VM_IRQCHIP | s->flags);
	vm_build_tables(&vm);
	a = vm_add_vcpu(&vm);
	b = vm_add_vcpu(&vm);
	guest_start(&vm, b, s->guest, TURNS, 0);
	guest_start(&vm, a, "irq_ipis", TURNS, s->n);
	xioctl(a->fd, KVM_GET_REGS, &regs);
	regs.rsp = 0x9000;
	xioctl(a->fd, KVM_SET_REGS, &regs);
	make_handlers(&vm);
	xioctl(b->fd, KVM_SET_MP_STATE, &mp);
	lane_start(&to, b);
	wait_count((volatile uint32_t *)(vm.mem + TURNS), 1);
	if (s->where)
		mover_start(&mover, &vm, &to, s->where == HOTPLUG);
	lane_start(&from, a);
	do {
		came = total(&vm);
		/* a look takes a vCPU of this CPU out of its guest, which takes longer than 200 us in a VM */
		us = came != before ? 200 : us < 2000 ? us * 2 : us;
		if (came != before || !end)
			end = now_ms() + 10000;
		before = came;
		usleep(us);
	} while (!from.stop && now_ms() < end);
	if (!from.stop)
		tap_fail(r, "an IPI is lost after %u", total(&vm));
	if (s->where)
		mover_stop(&mover);
	lane_stop(r, &from);
	lane_stop(r, &to);
	if (total(&vm) != s->n)
		tap_fail(r, "%u sent, %u came", s->n, total(&vm));
	vm_destroy(&vm);
}

#define STORM(guest, way, where, n)	&(const struct storm){ guest, way, where, n, 0 }
#define HALTS(guest, way, where, n)	&(const struct storm){ guest, way, where, n, VM_HLT }

const struct test_case storm_cases[] = {
	{ "irq-msi-spin", storm, STORM("irq_spin", MSI, STAY, 800) },
	{ "irq-msi-pause", storm, STORM("irq_pause", MSI, STAY, 400) },
	{ "irq-msi-halt", storm, STORM("irq_halt", MSI, STAY, 800) },
	{ "irq-msi-userspace", storm, STORM("irq_exit", MSI, STAY, 400) },
	{ "irq-msi-spin-move", storm, STORM("irq_spin", MSI, MOVE, 2400) },
	{ "irq-msi-halt-move", storm, STORM("irq_halt", MSI, MOVE, 2400) },
	{ "irq-msi-userspace-move", storm, STORM("irq_exit", MSI, MOVE, 800) },
	{ "irq-line-spin", storm, STORM("irq_spin", LINE, STAY, 400) },
	{ "irq-line-halt-move", storm, STORM("irq_halt", LINE, MOVE, 800) },
	{ "irq-irqfd-spin", storm, STORM("irq_spin", IRQFD, STAY, 400) },
	{ "irq-irqfd-halt", storm, STORM("irq_halt", IRQFD, STAY, 400) },
	{ "irq-irqfd-spin-move", storm, STORM("irq_spin", IRQFD, MOVE, 1600) },
	{ "irq-resample-spin", resample, STORM("irq_spin", IRQFD, STAY, 100) },
	{ "irq-resample-halt-move", resample, STORM("irq_halt", IRQFD, MOVE, 300) },
	{ "irq-ipi-spin", ipis, STORM("irq_spin", MSI, STAY, 1000) },
	{ "irq-ipi-halt", ipis, STORM("irq_halt", MSI, STAY, 1000) },
	{ "irq-ipi-spin-move", ipis, STORM("irq_spin", MSI, MOVE, 2000) },
	{ "irq-ipi-halt-move", ipis, STORM("irq_halt", MSI, MOVE, 2000) },
	/* CPU 1 goes and comes back, and what was sent to a vCPU on it with it */
	{ "irq-msi-spin-hotplug", storm, STORM("irq_spin", MSI, HOTPLUG, 2400) },
	{ "irq-msi-halt-hotplug", storm, STORM("irq_halt", MSI, HOTPLUG, 2400) },
	{ "irq-irqfd-halt-hotplug", storm, STORM("irq_halt", IRQFD, HOTPLUG, 1600) },
	{ "irq-ipi-halt-hotplug", ipis, STORM("irq_halt", MSI, HOTPLUG, 2000) },
	/* the processor itself halts in the guest */
	{ "irq-msi-hlt", storm, HALTS("irq_halt", MSI, STAY, 800) },
	{ "irq-msi-hlt-move", storm, HALTS("irq_halt", MSI, MOVE, 2400) },
	{ "irq-line-hlt-move", storm, HALTS("irq_halt", LINE, MOVE, 800) },
	{ "irq-irqfd-hlt-move", storm, HALTS("irq_halt", IRQFD, MOVE, 800) },
	{ "irq-resample-hlt-move", resample, HALTS("irq_halt", IRQFD, MOVE, 300) },
	{ "irq-ipi-hlt", ipis, HALTS("irq_halt", MSI, STAY, 1000) },
	{ "irq-ipi-hlt-move", ipis, HALTS("irq_halt", MSI, MOVE, 2000) },
	{ NULL, NULL, NULL }
};
