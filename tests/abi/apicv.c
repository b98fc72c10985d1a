// SPDX-License-Identifier: GPL-2.0-only
/* A local APIC's state while vectors are requested and in service: read, set, moved. */
#include <pthread.h>
#include <unistd.h>

#include "lane.h"

static bool lapic_bit(const struct kvm_lapic_state *s, unsigned int base, unsigned int vector)
{
	return *(const uint32_t *)(s->regs + base + (vector >> 5) * 16) >> (vector & 31) & 1;
}

static void lapic_set_bit(struct kvm_lapic_state *s, unsigned int base, unsigned int vector)
{
	*(uint32_t *)(s->regs + base + (vector >> 5) * 16) |= 1u << (vector & 31);
}

#define ISR 0x100
#define TMR 0x180
#define IRR 0x200

/* How many bits of a bitmap are set, to find those that should not be. */
static unsigned int lapic_bits(const struct kvm_lapic_state *s, unsigned int base)
{
	unsigned int i, n = 0;

	for (i = 0; i < 8; i++)
		n += __builtin_popcount(*(const uint32_t *)(s->regs + base + i * 16));
	return n;
}

static uint32_t lapic_reg(struct vcpu *v, unsigned int offset)
{
	struct kvm_lapic_state s;

	xioctl(v->fd, KVM_GET_LAPIC, &s);
	return *(uint32_t *)(s.regs + offset);
}

/* The OUT that ended the run is done, so that the state is all there is. */
static void complete(struct vcpu *v)
{
	v->run->immediate_exit = 1;
	if (ioctl(v->fd, KVM_RUN, 0) == 0 || errno != EINTR)
		_exit(3);
	v->run->immediate_exit = 0;
}

static bool run_to(struct tap_result *r, struct vcpu *v, unsigned int port)
{
	int err = vcpu_run(v);

	if (err)
		return tap_fail(r, "KVM_RUN: %s", strerror(-err));
	if (v->run->exit_reason != KVM_EXIT_IO || v->run->io.port != port)
		return tap_fail(r, "exit %s, port %#x; expected %#x",
				exit_name(v->run->exit_reason), v->run->io.port, port);
	complete(v);
	return true;
}

/* All of it to a new VM; the old one is gone. */
static struct vcpu *move_vm(struct vm *vm)
{
	static const uint32_t indices[] = { 0x1b, 0x10, 0x6e0, 0x174, 0x175, 0x176, 0x1a0, 0x277 };
	struct { struct kvm_msrs h; struct kvm_msr_entry e[8]; } msrs = { .h.nmsrs = 8 };
	struct vcpu *from = &vm->vcpu[0], *to;
	struct kvm_vcpu_events ev;
	struct kvm_lapic_state lapic;
	struct kvm_irqchip chip[3];
	struct kvm_mp_state mp;
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	unsigned int i;
	struct vm new;

	for (i = 0; i < 8; i++)
		msrs.e[i].index = indices[i];
	xioctl(from->fd, KVM_GET_REGS, &regs);
	xioctl(from->fd, KVM_GET_SREGS, &sregs);
	xioctl(from->fd, KVM_GET_MSRS, &msrs);
	xioctl(from->fd, KVM_GET_VCPU_EVENTS, &ev);
	xioctl(from->fd, KVM_GET_MP_STATE, &mp);
	xioctl(from->fd, KVM_GET_LAPIC, &lapic);
	for (i = 0; i < 3; i++) {
		chip[i].chip_id = i;
		xioctl(vm->fd, KVM_GET_IRQCHIP, &chip[i]);
	}
	to = vm_simple(&new, VM_IRQCHIP);
	memcpy(new.mem, vm->mem, vm->size);
	for (i = 0; i < 3; i++)
		xioctl(new.fd, KVM_SET_IRQCHIP, &chip[i]);
	xioctl(to->fd, KVM_SET_SREGS, &sregs);
	xioctl(to->fd, KVM_SET_MSRS, &msrs);
	xioctl(to->fd, KVM_SET_REGS, &regs);
	xioctl(to->fd, KVM_SET_LAPIC, &lapic);
	xioctl(to->fd, KVM_SET_VCPU_EVENTS, &ev);
	xioctl(to->fd, KVM_SET_MP_STATE, &mp);
	vm_destroy(vm);
	*vm = new;
	return &vm->vcpu[0];
}

static bool want_lapic(struct tap_result *r, struct vcpu *v, const char *when, unsigned int isr,
		       unsigned int isr2, unsigned int irr, unsigned int irr2, unsigned int ppr)
{
	struct kvm_lapic_state s;

	xioctl(v->fd, KVM_GET_LAPIC, &s);
	if ((isr && !lapic_bit(&s, ISR, isr)) || (isr2 && !lapic_bit(&s, ISR, isr2)) ||
	    lapic_bits(&s, ISR) != (isr ? 1u : 0) + (isr2 ? 1u : 0))
		return tap_fail(r, "%s: ISR has %u bits", when, lapic_bits(&s, ISR));
	if ((irr && !lapic_bit(&s, IRR, irr)) || (irr2 && !lapic_bit(&s, IRR, irr2)) ||
	    lapic_bits(&s, IRR) != (irr ? 1u : 0) + (irr2 ? 1u : 0))
		return tap_fail(r, "%s: IRR has %u bits", when, lapic_bits(&s, IRR));
	if ((*(uint32_t *)(s.regs + 0xa0) & 0xf0) != ppr)
		return tap_fail(r, "%s: PPR is %#x", when, *(uint32_t *)(s.regs + 0xa0));
	return true;
}

/*
 * In the handler of 0x60 userspace adds 0x50 in service and 0x45 and 0x75
 * requested. With @arg the guest goes to another VM at each stop.
 */
static void in_service(struct tap_result *r, const void *arg)
{
	struct kvm_lapic_state s;
	struct vcpu *v;
	struct vm vm;

	v = vm_irqs(&vm, "irq_exit", 0);
	gate(&vm, 0x60, guest_entry("on_nest"));
	if (!run_to(r, v, 0x10))
		return;
	msi_to(&vm, 0, 0x60);
	if (!run_to(r, v, 0x11) || !want_lapic(r, v, "in the handler", 0x60, 0, 0, 0, 0x60))
		return;
	xioctl(v->fd, KVM_GET_LAPIC, &s);
	lapic_set_bit(&s, ISR, 0x50);
	lapic_set_bit(&s, IRR, 0x45);
	lapic_set_bit(&s, IRR, 0x75);
	xioctl(v->fd, KVM_SET_LAPIC, &s);
	if (!want_lapic(r, v, "as set", 0x60, 0x50, 0x45, 0x75, 0x60))
		return;
	if (arg)
		v = move_vm(&vm);
	if (!run_to(r, v, 0x11) || !want_lapic(r, v, "after one EOI", 0x50, 0, 0x45, 0x75, 0x50))
		return;
	if (arg)
		v = move_vm(&vm);
	/* STI let 0x75 in, and nothing else */
	if (!run_to(r, v, 0x11) || !want_lapic(r, v, "after STI", 0x50, 0, 0x45, 0, 0x50))
		return;
	if (*count(&vm, 0x75) != 1 || *count(&vm, 0x45))
		tap_fail(r, "0x75 came %u times, 0x45 %u", *count(&vm, 0x75), *count(&vm, 0x45));
	if (arg)
		v = move_vm(&vm);
	if (!run_to(r, v, 0x11) || !want_lapic(r, v, "after the second EOI", 0, 0, 0x45, 0, 0))
		return;
	if (arg)
		v = move_vm(&vm);
	if (!run_to(r, v, 0x10) || !run_to(r, v, 0x10) || !want_lapic(r, v, "at the end", 0, 0, 0, 0, 0))
		return;
	if (*count(&vm, 0x45) != 1 || total(&vm) != 2)
		tap_fail(r, "0x45 came %u times, %u in all", *count(&vm, 0x45), total(&vm));
	vm_destroy(&vm);
}

/* A level-triggered vector in service: its EOI in the new VM reaches the IOAPIC. */
static void level_moved(struct tap_result *r, const void *arg)
{
	struct kvm_irq_level l = { .irq = 20, .level = 1 };
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
	struct kvm_lapic_state s;
	struct vcpu *v;
	struct vm vm;

	(void)arg;
	v = vm_irqs(&vm, "irq_exit", 0);
	set_pins(&vm, true);
	gate(&vm, 0x34, guest_entry("on_nest"));
	if (!run_to(r, v, 0x10))
		return;
	xioctl(vm.fd, KVM_IRQ_LINE, &l);
	if (!run_to(r, v, 0x11))
		return;
	xioctl(v->fd, KVM_GET_LAPIC, &s);
	if (!lapic_bit(&s, ISR, 0x34) || !lapic_bit(&s, TMR, 0x34))
		tap_fail(r, "ISR %d TMR %d", lapic_bit(&s, ISR, 0x34), lapic_bit(&s, TMR, 0x34));
	l.level = 0;
	xioctl(vm.fd, KVM_IRQ_LINE, &l);
	v = move_vm(&vm);
	xioctl(vm.fd, KVM_GET_IRQCHIP, &chip);
	if (!chip.chip.ioapic.redirtbl[20].fields.remote_irr)
		tap_fail(r, "remote IRR was lost on the way");
	if (!run_to(r, v, 0x11))
		return;
	xioctl(vm.fd, KVM_GET_IRQCHIP, &chip);
	if (chip.chip.ioapic.redirtbl[20].fields.remote_irr)
		tap_fail(r, "the EOI did not reach the IOAPIC");
	if (!run_to(r, v, 0x11) || !run_to(r, v, 0x11) || !run_to(r, v, 0x10))
		return;
	gate(&vm, 0x34, HANDLERS + 0x34 * 32);
	l.level = 1;
	xioctl(vm.fd, KVM_IRQ_LINE, &l);
	l.level = 0;
	xioctl(vm.fd, KVM_IRQ_LINE, &l);
	run_to(r, v, 0x10);
	if (*count(&vm, 0x34) != 1)
		tap_fail(r, "the line is dead: %u", *count(&vm, 0x34));
	vm_destroy(&vm);
}

/* The TPR by KVM_SET_SREGS and KVM_SET_LAPIC over a vector that waits. */
static void tpr(struct tap_result *r, const void *arg)
{
	struct kvm_lapic_state l;
	struct kvm_sregs s;
	struct vcpu *v;
	struct vm vm;

	(void)arg;
	v = vm_irqs(&vm, "irq_exit", 0);
	run_to(r, v, 0x10);
	xioctl(v->fd, KVM_GET_SREGS, &s);
	s.cr8 = 6;
	xioctl(v->fd, KVM_SET_SREGS, &s);
	if (lapic_reg(v, 0x80) != 0x60)
		tap_fail(r, "the TPR is %#x, not 0x60", lapic_reg(v, 0x80));
	msi_to(&vm, 0, 0x65);
	run_to(r, v, 0x10);
	run_to(r, v, 0x10);
	if (total(&vm))
		tap_fail(r, "0x65 came at CR8 6");
	s.cr8 = 5;
	xioctl(v->fd, KVM_SET_SREGS, &s);
	run_to(r, v, 0x10);
	if (total(&vm) != 1)
		tap_fail(r, "at CR8 5 %u came", total(&vm));
	if (v->run->cr8 != 5)
		tap_fail(r, "run->cr8 is %llu", v->run->cr8);
	msi_to(&vm, 0, 0x55);
	run_to(r, v, 0x10);
	xioctl(v->fd, KVM_GET_LAPIC, &l);
	*(uint32_t *)(l.regs + 0x80) = 0;
	xioctl(v->fd, KVM_SET_LAPIC, &l);
	run_to(r, v, 0x10);
	if (total(&vm) != 2)
		tap_fail(r, "at TPR 0 %u came", total(&vm));
	vm_destroy(&vm);
}

/* The mode by KVM_SET_SREGS and KVM_SET_MSRS over vectors that wait. */
static void modes(struct tap_result *r, const void *arg)
{
	struct kvm_lapic_state l;
	struct kvm_sregs s;
	struct vcpu *v;
	struct vm vm;

	(void)arg;
	v = vm_irqs(&vm, "irq_closed", 0);
	run_to(r, v, 0x10);
	msi_to(&vm, 0, 0x60);
	run_to(r, v, 0x10);
	xioctl(v->fd, KVM_GET_SREGS, &s);
	s.apic_base |= 0xc00;
	xioctl(v->fd, KVM_SET_SREGS, &s);
	run_to(r, v, 0x10);
	if (vcpu_msr_get(v, 0x823) != 1)
		tap_fail(r, "x2APIC: the IRR is %#llx", (long long)vcpu_msr_get(v, 0x823));
	if (!vcpu_msr_set(v, 0x808, 0x70) || lapic_reg(v, 0x80) != 0x70)
		tap_fail(r, "x2APIC: the TPR is %#x", lapic_reg(v, 0x80));
	xioctl(v->fd, KVM_GET_SREGS, &s);
	if (s.cr8 != 7)
		tap_fail(r, "CR8 is %llu", s.cr8);
	if (!vcpu_msr_set(v, 0x83f, 0x61))
		tap_fail(r, "no self-IPI");
	run_to(r, v, 0x10);
	if (vcpu_msr_get(v, 0x823) != 3)
		tap_fail(r, "after a self-IPI the IRR is %#llx", (long long)vcpu_msr_get(v, 0x823));
	xioctl(v->fd, KVM_GET_LAPIC, &l);
	if (!lapic_bit(&l, IRR, 0x60) || !lapic_bit(&l, IRR, 0x61) || lapic_bits(&l, IRR) != 2)
		tap_fail(r, "KVM_GET_LAPIC: %u bits of IRR", lapic_bits(&l, IRR));
	/* off: the MSRs are gone, the guest runs; and back */
	if (!vcpu_msr_set(v, 0x1b, 0xfee00100) || vcpu_msr_get(v, 0x823) != ~0ull)
		tap_fail(r, "off: the IRR is there");
	run_to(r, v, 0x10);
	if (!vcpu_msr_set(v, 0x1b, 0xfee00900))
		tap_fail(r, "xAPIC again: refused");
	run_to(r, v, 0x10);
	xioctl(v->fd, KVM_SET_LAPIC, &l);
	run_to(r, v, 0x10);
	if (!want_lapic(r, v, "xAPIC again", 0, 0, 0x60, 0x61, 0x70))
		return;
	guest_start(&vm, v, "irq_exit", TURNS, 0);
	xioctl(v->fd, KVM_GET_SREGS, &s);
	s.cr8 = 0;
	xioctl(v->fd, KVM_SET_SREGS, &s);
	run_to(r, v, 0x10);
	run_to(r, v, 0x10);
	if (*count(&vm, 0x60) != 1 || *count(&vm, 0x61) != 1 || total(&vm) != 2)
		tap_fail(r, "in the end 0x60 came %u, 0x61 %u, in all %u",
			 *count(&vm, 0x60), *count(&vm, 0x61), total(&vm));
	vm_destroy(&vm);
}

/* An interrupt under way by KVM_SET_VCPU_EVENTS, an NMI, and a vector that waits: all. */
static void events(struct tap_result *r, const void *arg)
{
	struct kvm_vcpu_events ev;
	struct vcpu *v;
	struct vm vm;

	(void)arg;
	v = vm_irqs(&vm, "irq_exit", 0);
	memcpy(vm.mem + HANDLERS + 2 * 32 + 7, "\xcf", 1);	/* no EOI of the NMI */
	run_to(r, v, 0x10);
	msi_to(&vm, 0, 0x60);
	xioctl(v->fd, KVM_GET_VCPU_EVENTS, &ev);
	ev.interrupt.injected = 1;
	ev.interrupt.nr = 0x44;
	ev.nmi.pending = 1;
	ev.flags = KVM_VCPUEVENT_VALID_NMI_PENDING;
	xioctl(v->fd, KVM_SET_VCPU_EVENTS, &ev);
	run_to(r, v, 0x10);
	run_to(r, v, 0x10);
	if (*count(&vm, 0x44) != 1 || *count(&vm, 0x60) != 1 || *count(&vm, 2) != 1)
		tap_fail(r, "0x44 came %u times, 0x60 %u, NMI %u", *count(&vm, 0x44),
			 *count(&vm, 0x60), *count(&vm, 2));
	want_lapic(r, v, "at the end", 0, 0, 0, 0, 0);
	vm_destroy(&vm);
}

/* Halted by KVM_SET_MP_STATE with a vector waiting, and with none. */
static void halted(struct tap_result *r, const void *arg)
{
	struct kvm_mp_state mp = { KVM_MP_STATE_HALTED };
	struct lane lane;
	struct vcpu *v;
	struct vm vm;

	(void)arg;
	v = vm_irqs(&vm, "irq_exit", 0);
	run_to(r, v, 0x10);
	msi_to(&vm, 0, 0x60);
	xioctl(v->fd, KVM_SET_MP_STATE, &mp);
	run_to(r, v, 0x10);
	if (total(&vm) != 1)
		tap_fail(r, "%u came", total(&vm));
	xioctl(v->fd, KVM_SET_MP_STATE, &mp);
	lane_start(&lane, v);
	usleep(5000);
	msi_to(&vm, 0, 0x61);
	if (!wait_count(count(&vm, 0x61), 1))
		tap_fail(r, "not woken");
	lane_stop(r, &lane);
	vm_destroy(&vm);
}

/* INIT takes all away, what waits and what is in service; the start-up IPI finds it clean. */
static void init(struct tap_result *r, const void *arg)
{
	static const uint8_t code[] = { 0xe6, 0x12, 0xeb, 0xfc };	/* out 0x12, al; again */
	struct kvm_mp_state mp = { KVM_MP_STATE_RUNNABLE };
	struct kvm_lapic_state s;
	struct lane lane;
	unsigned int i;
	struct vcpu *v;
	struct vm vm;

	(void)arg;
	vm_create(&vm, 1 << 20, VM_IRQCHIP);
	vm_build_tables(&vm);
	vm_add_vcpu(&vm);
	v = vm_add_vcpu(&vm);
	guest_start(&vm, v, "irq_exit", TURNS, 0);
	make_handlers(&vm);
	memcpy(vm.mem + 0x90000, code, sizeof(code));
	gate(&vm, 0x60, guest_entry("on_nest"));
	xioctl(v->fd, KVM_SET_MP_STATE, &mp);
	if (!run_to(r, v, 0x10))
		return;
	msi_to(&vm, 1, 0x60);
	if (!run_to(r, v, 0x11))
		return;
	msi_to(&vm, 1, 0x45);
	msi_to(&vm, 1, 0x75);
	if (!want_lapic(r, v, "before", 0x60, 0, 0x45, 0x75, 0x60))
		return;
	msi_to(&vm, 1, 0x500);
	msi_to(&vm, 1, 0x85);		/* on its way when INIT comes: it may be lost */
	/* INIT is taken when it runs, which a thread on a busy host may not get to do at once */
	for (i = 0; i < 100 && mp.mp_state != KVM_MP_STATE_INIT_RECEIVED; i++) {
		lane_start(&lane, v);
		usleep(20000);
		lane_stop(r, &lane);
		xioctl(v->fd, KVM_GET_MP_STATE, &mp);
	}
	if (mp.mp_state != KVM_MP_STATE_INIT_RECEIVED)
		tap_fail(r, "after INIT: state %u", mp.mp_state);
	xioctl(v->fd, KVM_GET_LAPIC, &s);
	if (lapic_bits(&s, ISR) || lapic_bits(&s, IRR) || lapic_bits(&s, TMR))
		tap_fail(r, "after INIT: ISR %u IRR %u TMR %u bits", lapic_bits(&s, ISR),
			 lapic_bits(&s, IRR), lapic_bits(&s, TMR));
	if ((lapic_reg(v, 0xf0) & 0x1ff) != 0xff)
		tap_fail(r, "after INIT: SVR %#x", lapic_reg(v, 0xf0));
	msi_to(&vm, 1, 0x690);
	run_to(r, v, 0x12);
	if (total(&vm))
		tap_fail(r, "%u interrupts came", total(&vm));
	/* and its APIC works: back to the guest that counts */
	guest_start(&vm, v, "irq_exit", TURNS, 0);
	run_to(r, v, 0x10);
	msi_to(&vm, 1, 0x66);
	run_to(r, v, 0x10);
	if (*count(&vm, 0x66) != 1 || total(&vm) != 1)
		tap_fail(r, "after the start 0x66 came %u times, %u in all", *count(&vm, 0x66),
			 total(&vm));
	vm_destroy(&vm);
}

const struct test_case apicv_cases[] = {
	{ "apicv-in-service", in_service, NULL },
	{ "apicv-in-service-moved", in_service, "" },
	{ "apicv-level-moved", level_moved, NULL },
	{ "apicv-tpr", tpr, NULL },
	{ "apicv-modes", modes, NULL },
	{ "apicv-events", events, NULL },
	{ "apicv-halted", halted, NULL },
	{ "apicv-init", init, NULL },
	{ NULL, NULL, NULL }
};
