// SPDX-License-Identifier: GPL-2.0-only
/* LAPICs in the kernel, the other chips in the VMM; x2APIC ids beyond 8 bits; as many vCPUs as there can be. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lane.h"

#define PINS	24
#define CODE	0x2000u
#define STACK	0x8000u
#define LVT0	0x350
#define SVR	0x0f0
#define ID	0x020
#define IRR	0x200

static int routes(struct vm *vm, const struct kvm_irq_routing_entry *e, unsigned int n)
{
	struct kvm_irq_routing *t = calloc(1, sizeof(*t) + n * sizeof(*e));
	int err;

	t->nr = n;
	memcpy(t->entries, e, n * sizeof(*e));
	err = ioctl(vm->fd, KVM_SET_GSI_ROUTING, t);
	free(t);
	return err;
}

static struct kvm_irq_routing_entry msi(uint32_t gsi, uint32_t data)
{
	return (struct kvm_irq_routing_entry){
		.gsi = gsi, .type = KVM_IRQ_ROUTING_MSI, .u.msi = { .address_lo = 0xfee00000, .data = data }
	};
}

static int line(struct vm *vm, unsigned int gsi, int level)
{
	struct kvm_irq_level l = { .irq = gsi, .level = level };

	return ioctl(vm->fd, KVM_IRQ_LINE, &l);
}

static void create(struct tap_result *r, const void *arg)
{
	struct kvm_irq_routing_entry e = {
		.gsi = 3, .type = KVM_IRQ_ROUTING_IRQCHIP, .u.irqchip = { KVM_IRQCHIP_IOAPIC, 3 }
	};
	struct kvm_pit_config pit = { 0 };
	struct kvm_irqchip chip = { 0 };
	struct kvm_lapic_state lapic;
	struct kvm_irqfd f = { .gsi = 4 };
	struct vcpu *v;
	struct vm vm;

	(void)arg;
	vm_create(&vm, 1 << 20, 0);
	want_errno(r, vm_enable(&vm, KVM_CAP_SPLIT_IRQCHIP, 4097), EINVAL, "4097 pins");
	want_errno(r, vm_enable(&vm, KVM_CAP_SPLIT_IRQCHIP, ~0ull), EINVAL, "pins without end");
	want_ok(r, vm_enable(&vm, KVM_CAP_SPLIT_IRQCHIP, PINS), "split");
	want_errno(r, vm_enable(&vm, KVM_CAP_SPLIT_IRQCHIP, PINS), EEXIST, "split twice");
	want_errno(r, ioctl(vm.fd, KVM_CREATE_IRQCHIP, 0), EEXIST, "irqchip after it");
	/* KVM of 6.1 makes one that interrupts nobody */
	if (!on_kvm())
		want_errno(r, ioctl(vm.fd, KVM_CREATE_PIT2, &pit), ENOENT, "PIT");
	want_errno(r, ioctl(vm.fd, KVM_GET_IRQCHIP, &chip), ENXIO, "KVM_GET_IRQCHIP");
	want_errno(r, ioctl(vm.fd, KVM_SET_IRQCHIP, &chip), ENXIO, "KVM_SET_IRQCHIP");
	vm_build_tables(&vm);
	v = vm_add_vcpu(&vm);
	want_ok(r, ioctl(v->fd, KVM_GET_LAPIC, &lapic), "KVM_GET_LAPIC");
	want_ok(r, line(&vm, 3, 1), "a line without a route");
	want_errno(r, routes(&vm, &e, 1), EINVAL, "a route to a chip");
	e = msi(4, 0x51);
	want_ok(r, routes(&vm, &e, 1), "a message's");
	f.fd = eventfd(0, EFD_CLOEXEC);
	f.resamplefd = eventfd(0, EFD_CLOEXEC);
	f.flags = KVM_IRQFD_FLAG_RESAMPLE;
	want_errno(r, ioctl(vm.fd, KVM_IRQFD, &f), EINVAL, "an irqfd that resamples");
	f.flags = 0;
	want_ok(r, ioctl(vm.fd, KVM_IRQFD, &f), "one that does not");
	vm_destroy(&vm);

	vm_create(&vm, 1 << 20, VM_IRQCHIP);
	want_errno(r, vm_enable(&vm, KVM_CAP_SPLIT_IRQCHIP, PINS), EEXIST, "split after the irqchip");
	vm_destroy(&vm);
	vm_simple(&vm, 0);
	want_errno(r, vm_enable(&vm, KVM_CAP_SPLIT_IRQCHIP, PINS), EEXIST, "split after a vCPU");
}

/* Handlers that count, tell that they are there by OUT to 0x11 when @tell, and write EOI by WRMSR. */
static void x2apic_handlers(struct vm *vm, bool tell)
{
	static const uint8_t eoi[] = {
		0x50, 0x51, 0x52, 0xb9, 0x0b, 0x08, 0, 0, 0x31, 0xc0, 0x31, 0xd2, 0x0f, 0x30, 0x5a, 0x59, 0x58, 0xcf
	};
	unsigned int i;

	for (i = 0; i < 256; i++) {
		uint8_t *p = vm->mem + HANDLERS + i * 32 + 7;

		memcpy(p, tell ? "\xe6\x11" : "\x90\x90", 2);
		memcpy(p + 2, eoi, sizeof(eoi));
	}
}

static void set_x2apic(struct vcpu *v)
{
	struct kvm_sregs s;

	xioctl(v->fd, KVM_GET_SREGS, &s);
	s.apic_base |= 0xc00;
	xioctl(v->fd, KVM_SET_SREGS, &s);
}

static uint32_t lapic_reg(struct vcpu *v, unsigned int reg)
{
	struct kvm_lapic_state s;

	xioctl(v->fd, KVM_GET_LAPIC, &s);
	return *(uint32_t *)(s.regs + reg);
}

static void set_lapic_reg(struct vcpu *v, unsigned int reg, uint32_t value)
{
	struct kvm_lapic_state s;

	xioctl(v->fd, KVM_GET_LAPIC, &s);
	*(uint32_t *)(s.regs + reg) = value;
	xioctl(v->fd, KVM_SET_LAPIC, &s);
}

/* A vCPU that halts for ever with interrupts on, and handlers that end theirs. */
static struct vcpu *halts(struct vm *vm, bool x2apic, bool tell)
{
	struct vcpu *v = vm_simple(vm, VM_SPLIT);

	make_handlers(vm);
	memcpy(vm->mem + CODE, "\xfb\xf4\xeb\xfd", 4);	/* sti; hlt; jmp */
	vcpu_set_mode(vm, v, MODE_FLAT32, CODE, STACK);
	if (x2apic) {
		set_x2apic(v);
		x2apic_handlers(vm, tell);
	}
	set_lapic_reg(v, LVT0, 0x10000);
	set_lapic_reg(v, SVR, 0x1ff);
	return v;
}

static void ended(struct tap_result *r, struct vcpu *v, const char *what, unsigned int vector)
{
	want_exit(r, v, KVM_EXIT_IOAPIC_EOI, what);
	if (v->run->exit_reason == KVM_EXIT_IOAPIC_EOI && v->run->eoi.vector != vector)
		tap_fail(r, "%s: EOI of %#x, not %#x", what, v->run->eoi.vector, vector);
}

/* Only what its IOAPIC's pins sent level-triggered is the VMM's to be told of. */
static void eoi(struct tap_result *r, const void *arg)
{
	const struct kvm_irq_routing_entry e[] = {
		msi(3, 0x51 | 0xc000), msi(4, 0x52), msi(PINS + 6, 0x53 | 0xc000), msi(5, 0x54 | 0xc000)
	};
	struct vm vm;
	struct vcpu *v = halts(&vm, *(const bool *)arg, false);

	want_ok(r, routes(&vm, e, 4), "routes");
	line(&vm, 3, 1);
	ended(r, v, "a level", 0x51);
	line(&vm, 3, 1);
	line(&vm, 5, 1);
	ended(r, v, "the higher of two levels", 0x54);
	ended(r, v, "the lower", 0x51);
	line(&vm, 4, 1);
	line(&vm, PINS + 6, 1);
	line(&vm, 3, 1);
	ended(r, v, "a level behind an edge and another's", 0x51);
	if (*count(&vm, 0x51) != 3 || *count(&vm, 0x52) != 1 || *count(&vm, 0x53) != 1 || *count(&vm, 0x54) != 1)
		tap_fail(r, "arrived: %u, %u, %u and %u", *count(&vm, 0x51), *count(&vm, 0x52),
			 *count(&vm, 0x53), *count(&vm, 0x54));
	/* an immediate exit does not lose it */
	line(&vm, 3, 1);
	v->run->immediate_exit = 1;
	if (ioctl(v->fd, KVM_RUN, 0) != -1 || errno != EINTR)
		tap_fail(r, "immediate_exit: exit %u", v->run->exit_reason);
	v->run->immediate_exit = 0;
	ended(r, v, "after an immediate exit", 0x51);
}

/* The route of what is in service changes: whoever wants to know that it ended is still told. */
static void eoi_moved(struct tap_result *r, const void *arg)
{
	struct kvm_irq_routing_entry e = msi(3, 0x51 | 0xc000);
	struct vm vm;
	struct vcpu *v = halts(&vm, true, true);

	(void)arg;
	routes(&vm, &e, 1);
	line(&vm, 3, 1);
	want_exit(r, v, KVM_EXIT_IO, "the handler");
	e = msi(3, 0x61 | 0xc000);
	routes(&vm, &e, 1);
	if (!on_kvm())
		ended(r, v, "the old vector", 0x51);
	line(&vm, 3, 1);
	want_exit(r, v, KVM_EXIT_IO, "the handler");
	ended(r, v, "the new vector", 0x61);
}

static int interrupt(struct vcpu *v, uint32_t vector)
{
	struct kvm_interrupt i = { vector };

	return ioctl(v->fd, KVM_INTERRUPT, &i);
}

/* The VMM's 8259s: when they may interrupt, and that it happens. */
static void extint(struct tap_result *r, const void *arg)
{
	/* out 0x10; sti; nop; nop; out 0x12; hlt; jmp -1 */
	static const uint8_t code[] = { 0xe6, 0x10, 0xfb, 0x90, 0x90, 0xe6, 0x12, 0xf4, 0xeb, 0xfd };
	struct vm vm;
	struct vcpu *v = vm_simple(&vm, VM_SPLIT);

	(void)arg;
	make_handlers(&vm);
	memcpy(vm.mem + CODE, code, sizeof(code));
	vcpu_set_mode(&vm, v, MODE_FLAT32, CODE, STACK);
	want_exit(r, v, KVM_EXIT_IO, "interrupts off");
	if (v->run->ready_for_interrupt_injection || v->run->if_flag)
		tap_fail(r, "ready for an interrupt with IF clear");
	v->run->request_interrupt_window = 1;
	want_exit(r, v, KVM_EXIT_IRQ_WINDOW_OPEN, "STI");
	if (!v->run->ready_for_interrupt_injection || !v->run->if_flag)
		tap_fail(r, "not ready for an interrupt in its window");
	want_errno(r, interrupt(v, 256), EINVAL, "vector 256");
	want_ok(r, interrupt(v, 0x21), "KVM_INTERRUPT");
	want_errno(r, interrupt(v, 0x22), EEXIST, "another before it was taken");
	v->run->request_interrupt_window = 0;
	want_exit(r, v, KVM_EXIT_IO, "OUT behind the handler");
	if (v->run->io.port != 0x12 || *count(&vm, 0x21) != 1 || *count(&vm, 0x22))
		tap_fail(r, "port %#x, counts %u and %u", v->run->io.port, *count(&vm, 0x21), *count(&vm, 0x22));
	/* in HLT, which is the kernel's */
	v->run->request_interrupt_window = 1;
	want_exit(r, v, KVM_EXIT_IRQ_WINDOW_OPEN, "the window is open");
	v->run->request_interrupt_window = 0;
	v->run->immediate_exit = 1;
	if (ioctl(v->fd, KVM_RUN, 0) != -1 || errno != EINTR)
		tap_fail(r, "immediate_exit: exit %u", v->run->exit_reason);
	v->run->immediate_exit = 0;
	v->run->request_interrupt_window = 1;
	want_exit(r, v, KVM_EXIT_IRQ_WINDOW_OPEN, "HLT");
	want_ok(r, interrupt(v, 0x23), "KVM_INTERRUPT of a halted vCPU");
	want_exit(r, v, KVM_EXIT_IRQ_WINDOW_OPEN, "halted again");
	if (*count(&vm, 0x23) != 1)
		tap_fail(r, "the halted vCPU took %u", *count(&vm, 0x23));
}

/* An NMI that is blocked is nothing that an interrupt has to wait for: HLT would never end. */
static void extint_nmi_blocked(struct tap_result *r, const void *arg)
{
	static const uint8_t code[] = { 0xfb, 0xf4, 0xe6, 0x12 };	/* sti; hlt; out 0x12 */
	struct kvm_vcpu_events e = { .flags = KVM_VCPUEVENT_VALID_NMI_PENDING, .nmi.pending = 1, .nmi.masked = 1 };
	struct vm vm;
	struct vcpu *v = vm_simple(&vm, 0);

	(void)arg;
	make_handlers(&vm);
	/* IRET where they would tell a LAPIC, which is not there */
	vm.mem[HANDLERS + 32 * 2 + 7] = vm.mem[HANDLERS + 32 * 0x21 + 7] = 0xcf;
	memcpy(vm.mem + CODE, code, sizeof(code));
	vcpu_set_mode(&vm, v, MODE_FLAT32, CODE, STACK);
	xioctl(v->fd, KVM_SET_VCPU_EVENTS, &e);
	want_exit(r, v, KVM_EXIT_HLT, "HLT");
	if (!v->run->ready_for_interrupt_injection || !v->run->if_flag)
		tap_fail(r, "not ready for an interrupt in HLT");
	want_ok(r, interrupt(v, 0x21), "KVM_INTERRUPT");
	/* IRET of its handler unblocks the NMI. */
	want_exit(r, v, KVM_EXIT_IO, "OUT behind HLT");
	if (v->run->io.port != 0x12 || *count(&vm, 0x21) != 1 || *count(&vm, 2) != 1)
		tap_fail(r, "port %#x, counts %u and %u", v->run->io.port, *count(&vm, 0x21), *count(&vm, 2));
	/* one that is due comes first */
	memcpy(vm.mem + CODE, code, sizeof(code));
	vcpu_set_mode(&vm, v, MODE_FLAT32, CODE, STACK);
	want_exit(r, v, KVM_EXIT_HLT, "HLT again");
	xioctl(v->fd, KVM_NMI, 0);
	want_exit(r, v, KVM_EXIT_IO, "OUT behind the NMI");
	if (*count(&vm, 2) != 2)
		tap_fail(r, "%u NMIs", *count(&vm, 2));
}

/* A LAPIC whose LINT0 is masked lets nothing of the 8259s through, and tells of no window. */
static void extint_masked(struct tap_result *r, const void *arg)
{
	/* sti; nop; nop; out 0x10; nop; out 0x11; hlt */
	static const uint8_t code[] = { 0xfb, 0x90, 0x90, 0xe6, 0x10, 0x90, 0xe6, 0x11, 0xf4 };
	struct vm vm;
	struct vcpu *v = vm_simple(&vm, VM_SPLIT);

	(void)arg;
	make_handlers(&vm);
	memcpy(vm.mem + CODE, code, sizeof(code));
	vcpu_set_mode(&vm, v, MODE_FLAT32, CODE, STACK);
	set_lapic_reg(v, SVR, 0x1ff);
	set_lapic_reg(v, LVT0, 0x10700);
	v->run->request_interrupt_window = 1;
	want_exit(r, v, KVM_EXIT_IO, "masked");
	if (v->run->ready_for_interrupt_injection)
		tap_fail(r, "ready for an interrupt that LINT0 does not take");
	want_ok(r, interrupt(v, 0x21), "KVM_INTERRUPT");
	want_exit(r, v, KVM_EXIT_IO, "still masked");
	if (v->run->io.port != 0x11 || *count(&vm, 0x21))
		tap_fail(r, "port %#x, taken %u", v->run->io.port, *count(&vm, 0x21));
	set_lapic_reg(v, LVT0, 0x700);
	want_exit(r, v, KVM_EXIT_IRQ_WINDOW_OPEN, "taken, and the next window");
	if (*count(&vm, 0x21) != 1)
		tap_fail(r, "unmasked, taken %u", *count(&vm, 0x21));
}

/* --- ids --- */

/* A vCPU of any id, its LAPIC on. */
static struct vcpu with_id(struct vm *vm, unsigned int id, bool x2apic)
{
	struct vcpu v = { .fd = xioctl(vm->fd, KVM_CREATE_VCPU, id) };

	vcpu_set_cpuid(&v, id);
	if (x2apic)
		set_x2apic(&v);
	set_lapic_reg(&v, SVR, 0x1ff);
	return v;
}

static int send(struct vm *vm, uint32_t dest, uint32_t low_hi, uint32_t vector)
{
	struct kvm_msi m = { .address_lo = 0xfee00000 | (dest & 0xff) << 12,
			     .address_hi = (dest & ~0xffu) | low_hi, .data = vector };

	return ioctl(vm->fd, KVM_SIGNAL_MSI, &m);
}

static bool got(struct vcpu *v, unsigned int vector)
{
	return lapic_reg(v, IRR + vector / 32 * 16) >> vector % 32 & 1;
}

static void ids(struct tap_result *r, const void *arg)
{
	struct kvm_irq_routing_entry e = msi(9, 0x45);
	struct kvm_lapic_state s;
	struct vcpu low, high;
	struct vm vm;

	(void)arg;
	vm_create(&vm, 1 << 20, VM_IRQCHIP);
	low = with_id(&vm, 0, true);
	high = with_id(&vm, 300, true);
	want_errno(r, vm_enable(&vm, KVM_CAP_X2APIC_API, 4), EINVAL, "an unknown flag");
	want_errno(r, vm_enable(&vm, KVM_CAP_X2APIC_API, 1ull << 32), EINVAL, "another");
	if (lapic_reg(&high, ID) != (uint32_t)300 << 24)
		tap_fail(r, "id of 8 bits: %#x", lapic_reg(&high, ID));
	want_ok(r, send(&vm, 0x100, 0, 0x41) - 1, "8 bits of 0x100");
	if (!got(&low, 0x41))
		tap_fail(r, "8 bits of 0x100 are not 0");
	close(low.fd);
	close(high.fd);
	vm_destroy(&vm);

	vm_create(&vm, 1 << 20, VM_IRQCHIP);
	want_ok(r, vm_enable(&vm, KVM_CAP_X2APIC_API, KVM_X2APIC_API_USE_32BIT_IDS), "32-bit ids");
	low = with_id(&vm, 0, true);
	high = with_id(&vm, 300, true);
	if (lapic_reg(&high, ID) != 300)
		tap_fail(r, "id of 32 bits: %#x", lapic_reg(&high, ID));
	xioctl(high.fd, KVM_GET_LAPIC, &s);
	*(uint32_t *)(s.regs + ID) = 44;
	want_errno(r, ioctl(high.fd, KVM_SET_LAPIC, &s), EINVAL, "another's id");
	want_errno(r, send(&vm, 300, 1, 0x42), EINVAL, "reserved bits of a message");
	if (send(&vm, 300, 0, 0x43) != 1 || !got(&high, 0x43) || got(&low, 0x43))
		tap_fail(r, "message to 300");
	if (send(&vm, 44, 0, 0x44) > 0)
		tap_fail(r, "somebody is 44");
	e.u.msi.address_lo = 0xfee00000 | (300 & 0xff) << 12;
	e.u.msi.address_hi = 0x101;
	want_errno(r, routes(&vm, &e, 1), EINVAL, "reserved bits of a route");
	e.u.msi.address_hi = 0x100;
	want_ok(r, routes(&vm, &e, 1), "a route to 300");
	line(&vm, 9, 1);
	if (!got(&high, 0x45))
		tap_fail(r, "the route to 300");
}

/* 255 is everybody, and with the quirk off an x2APIC like any other. */
static void broadcasts(struct tap_result *r, const void *arg)
{
	struct vcpu low, high;
	struct vm vm;

	(void)arg;
	vm_create(&vm, 1 << 20, VM_IRQCHIP);
	low = with_id(&vm, 1, true);
	high = with_id(&vm, 255, true);
	if (send(&vm, 255, 0, 0x41) != 2 || !got(&low, 0x41) || !got(&high, 0x41))
		tap_fail(r, "255 is not everybody");
	want_ok(r, vm_enable(&vm, KVM_CAP_X2APIC_API,
			  KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK), "quirk off");
	if (send(&vm, 255, 0, 0x42) != 1 || got(&low, 0x42) || !got(&high, 0x42))
		tap_fail(r, "255 is not itself");
	if (send(&vm, ~0u, 0, 0x43) != 2 || !got(&low, 0x43) || !got(&high, 0x43))
		tap_fail(r, "all ones is not everybody");
}

/* --- many --- */

static void most(struct tap_result *r, const void *arg)
{
	unsigned int max = kvm_cap(KVM_CAP_MAX_VCPUS), ids = kvm_cap(KVM_CAP_MAX_VCPU_ID), i;
	struct rlimit files = { 4096, 4096 };
	struct kvm_mp_state mp = { KVM_MP_STATE_RUNNABLE };
	struct vcpu last = { 0 };
	struct vm vm;
	int fd;

	(void)arg;
	setrlimit(RLIMIT_NOFILE, &files);
	vm_create(&vm, 1 << 20, VM_IRQCHIP);
	vm_build_tables(&vm);
	if (max < 1024 || ids < max)
		tap_fail(r, "%u vCPUs with %u ids", max, ids);
	want_errno(r, ioctl(vm.fd, KVM_CREATE_VCPU, (unsigned long)ids), EINVAL, "an id too high");
	for (i = 0; i + 1 < max; i++) {
		fd = ioctl(vm.fd, KVM_CREATE_VCPU, (unsigned long)i);
		if (fd < 0) {
			tap_fail(r, "vCPU %u: %s", i, strerror(errno));
			return;
		}
	}
	want_errno(r, ioctl(vm.fd, KVM_CREATE_VCPU, 5ul), EEXIST, "an id twice");
	want_ok(r, vm_enable(&vm, KVM_CAP_X2APIC_API, KVM_X2APIC_API_USE_32BIT_IDS), "32-bit ids");
	last = with_id(&vm, ids - 1, true);
	want_errno(r, ioctl(vm.fd, KVM_CREATE_VCPU, (unsigned long)max), EINVAL, "one more vCPU");
	if (send(&vm, ids - 1, 0, 0x41) != 1 || !got(&last, 0x41))
		tap_fail(r, "a message to the last");
	last.run_size = xioctl(kvm_open(), KVM_GET_VCPU_MMAP_SIZE, 0);
	last.run = mmap(NULL, last.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, last.fd, 0);
	memcpy(vm.mem + CODE, "\xe6\x10", 2);
	vcpu_set_mode(&vm, &last, MODE_FLAT32, CODE, STACK);
	xioctl(last.fd, KVM_SET_MP_STATE, &mp);
	want_exit(r, &last, KVM_EXIT_IO, "the last runs");
}

static const bool yes = true, no;

const struct test_case split_cases[] = {
	{ "split-create", create, NULL },
	{ "split-eoi", eoi, &no },
	{ "split-eoi-x2apic", eoi, &yes },
	{ "split-eoi-moved", eoi_moved, NULL },
	{ "split-extint", extint, NULL },
	{ "split-extint-masked", extint_masked, NULL },
	{ "extint-nmi-blocked", extint_nmi_blocked, NULL },
	{ "x2apic-ids", ids, NULL },
	{ "x2apic-broadcast", broadcasts, NULL },
	{ "vcpus-most", most, NULL },
	{ NULL, NULL, NULL }
};
