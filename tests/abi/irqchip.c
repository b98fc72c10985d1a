// SPDX-License-Identifier: GPL-2.0-only
/* The VM's interrupt controllers, lines, routes, MSIs and irqfds. */
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "abi.h"

static void create(struct tap_result *r, const void *arg)
{
	struct kvm_pit_config pit = { 0 };
	struct vm vm;

	(void)arg;
	vm_create(&vm, 1 << 20, 0);
	want_ok(r, ioctl(vm.fd, KVM_CREATE_IRQCHIP, 0), "irqchip");
	want_errno(r, ioctl(vm.fd, KVM_CREATE_IRQCHIP, 0), EEXIST,
		   "irqchip twice");
	want_ok(r, ioctl(vm.fd, KVM_CREATE_PIT2, &pit), "PIT");
	want_errno(r, ioctl(vm.fd, KVM_CREATE_PIT2, &pit), EEXIST,
		   "PIT twice");
	want_errno(r, ioctl(vm.fd, KVM_CREATE_PIT2, BAD_POINTER), EFAULT,
		   "PIT, bad pointer");
}

static void after_vcpu(struct tap_result *r, const void *arg)
{
	struct vm vm;

	(void)arg;
	vm_simple(&vm, 0);
	want_errno(r, ioctl(vm.fd, KVM_CREATE_IRQCHIP, 0), EINVAL,
		   "irqchip after a vCPU");
}

static void missing(struct tap_result *r, const void *arg)
{
	struct kvm_irq_level l = { .irq = 5, .level = 1 };
	struct kvm_msi msi = { .address_lo = 0xfee00000, .data = 0x30 };
	struct kvm_lapic_state lapic;
	struct kvm_pit_state2 ps;
	struct kvm_irqchip chip = { .chip_id = 0 };
	struct vm vm;
	struct vcpu *v;

	(void)arg;
	v = vm_simple(&vm, 0);
	want_errno(r, ioctl(vm.fd, KVM_IRQ_LINE, &l), ENXIO, "KVM_IRQ_LINE");
	want_errno(r, ioctl(vm.fd, KVM_GET_IRQCHIP, &chip), ENXIO,
		   "KVM_GET_IRQCHIP");
	want_errno(r, ioctl(vm.fd, KVM_SET_IRQCHIP, &chip), ENXIO,
		   "KVM_SET_IRQCHIP");
	want_errno(r, ioctl(vm.fd, KVM_GET_PIT2, &ps), ENXIO, "KVM_GET_PIT2");
	want_errno(r, ioctl(vm.fd, KVM_SET_PIT2, &ps), ENXIO, "KVM_SET_PIT2");
	want_either(r, ioctl(vm.fd, KVM_SIGNAL_MSI, &msi), EINVAL, ENXIO,
		    "KVM_SIGNAL_MSI");
	want_errno(r, ioctl(v->fd, KVM_GET_LAPIC, &lapic), EINVAL,
		   "KVM_GET_LAPIC");
	want_errno(r, ioctl(v->fd, KVM_SET_LAPIC, &lapic), EINVAL,
		   "KVM_SET_LAPIC");
}

static void chips(struct tap_result *r, const void *arg)
{
	struct kvm_irqchip a, b;
	struct vm vm;
	unsigned int i;

	(void)arg;
	vm_simple(&vm, VM_IRQCHIP);
	for (i = 0; i < 3; i++) {
		memset(&a, 0, sizeof(a));
		a.chip_id = i;
		want_ok(r, ioctl(vm.fd, KVM_GET_IRQCHIP, &a), "get");
		if (i == KVM_IRQCHIP_IOAPIC) {
			a.chip.ioapic.id = 3;
			a.chip.ioapic.redirtbl[7].bits = 0x0100000000010055;
		} else {
			a.chip.pic.imr = 0x5a;
			a.chip.pic.irq_base = 0x40;
		}
		want_ok(r, ioctl(vm.fd, KVM_SET_IRQCHIP, &a), "set");
		memset(&b, 0, sizeof(b));
		b.chip_id = i;
		want_ok(r, ioctl(vm.fd, KVM_GET_IRQCHIP, &b), "get again");
		if (memcmp(&a.chip, &b.chip, sizeof(a.chip)))
			tap_fail(r, "chip %u comes back different", i);
	}
	a.chip_id = 7;
	want_errno(r, ioctl(vm.fd, KVM_GET_IRQCHIP, &a), EINVAL, "get chip 7");
	want_errno(r, ioctl(vm.fd, KVM_SET_IRQCHIP, &a), EINVAL, "set chip 7");
	want_errno(r, ioctl(vm.fd, KVM_GET_IRQCHIP, BAD_POINTER), EFAULT,
		   "get, bad pointer");
	want_errno(r, ioctl(vm.fd, KVM_SET_IRQCHIP, BAD_POINTER), EFAULT,
		   "set, bad pointer");
}

/* Whatever a VMM writes there, the kernel survives it. */
static void chips_garbage(struct tap_result *r, const void *arg)
{
	struct kvm_irqchip a;
	struct kvm_pit_state2 p;
	struct kvm_irq_level l;
	struct vm vm;
	unsigned int i, j;

	(void)arg;
	vm_simple(&vm, VM_IRQCHIP | VM_PIT);
	for (j = 0; j < 4; j++) {
		for (i = 0; i < 3; i++) {
			memset(&a, j == 3 ? 0x55 : -(int)j, sizeof(a));
			a.chip_id = i;
			ioctl(vm.fd, KVM_SET_IRQCHIP, &a);
		}
		memset(&p, j == 3 ? 0x55 : -(int)j, sizeof(p));
		ioctl(vm.fd, KVM_SET_PIT2, &p);
		for (i = 0; i < 24; i++) {
			l.irq = i;
			l.level = 1;
			want_ok(r, ioctl(vm.fd, KVM_IRQ_LINE, &l), "line up");
			l.level = 0;
			want_ok(r, ioctl(vm.fd, KVM_IRQ_LINE, &l), "and down");
		}
		usleep(2000);
	}
}

static void pit(struct tap_result *r, const void *arg)
{
	struct kvm_pit_state2 a = { 0 }, b = { 0 };
	struct vm vm;

	(void)arg;
	vm_simple(&vm, VM_IRQCHIP | VM_PIT);
	want_ok(r, ioctl(vm.fd, KVM_GET_PIT2, &a), "get");
	a.channels[2].mode = 3;
	a.channels[2].count = 0x1234;
	want_ok(r, ioctl(vm.fd, KVM_SET_PIT2, &a), "set");
	want_ok(r, ioctl(vm.fd, KVM_GET_PIT2, &b), "get again");
	if (b.channels[2].mode != 3 || b.channels[2].count != 0x1234)
		tap_fail(r, "channel 2: mode %u count %#x",
			 b.channels[2].mode, b.channels[2].count);
	want_errno(r, ioctl(vm.fd, KVM_GET_PIT2, BAD_POINTER), EFAULT,
		   "get, bad pointer");
	want_errno(r, ioctl(vm.fd, KVM_SET_PIT2, BAD_POINTER), EFAULT,
		   "set, bad pointer");
}

static void lines(struct tap_result *r, const void *arg)
{
	struct kvm_irq_level l = { .irq = 5, .level = 1 };
	struct vm vm;

	(void)arg;
	vm_simple(&vm, VM_IRQCHIP);
	want_ok(r, ioctl(vm.fd, KVM_IRQ_LINE, &l), "GSI 5");
	want_ok(r, ioctl(vm.fd, KVM_IRQ_LINE_STATUS, &l), "with status");
	l.irq = 0xffffffff;
	ioctl(vm.fd, KVM_IRQ_LINE, &l);		/* either answer will do */
	want_errno(r, ioctl(vm.fd, KVM_IRQ_LINE, BAD_POINTER), EFAULT,
		   "bad pointer");
}

static void routing(struct tap_result *r, const void *arg)
{
	struct {
		struct kvm_irq_routing h;
		struct kvm_irq_routing_entry e[4];
	} t;
	struct kvm_irq_level l = { .irq = 30, .level = 1 };
	struct vm vm;

	(void)arg;
	vm_simple(&vm, VM_IRQCHIP);
	memset(&t, 0, sizeof(t));
	t.h.nr = 2;
	t.e[0].gsi = 30;
	t.e[0].type = KVM_IRQ_ROUTING_MSI;
	t.e[0].u.msi.address_lo = 0xfee00000;
	t.e[0].u.msi.data = 0x40;
	t.e[1].gsi = 2;
	t.e[1].type = KVM_IRQ_ROUTING_IRQCHIP;
	t.e[1].u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
	t.e[1].u.irqchip.pin = 9;
	want_ok(r, ioctl(vm.fd, KVM_SET_GSI_ROUTING, &t), "an MSI and a pin");
	want_ok(r, ioctl(vm.fd, KVM_IRQ_LINE, &l), "the MSI's GSI");
	t.e[1].u.irqchip.pin = 24;
	want_errno(r, ioctl(vm.fd, KVM_SET_GSI_ROUTING, &t), EINVAL,
		   "pin 24");
	t.e[1].u.irqchip.pin = 0xffffffff;
	want_errno(r, ioctl(vm.fd, KVM_SET_GSI_ROUTING, &t), EINVAL,
		   "pin 2^32-1");
	t.e[1].u.irqchip.pin = 1;
	t.e[1].u.irqchip.irqchip = 9;
	want_errno(r, ioctl(vm.fd, KVM_SET_GSI_ROUTING, &t), EINVAL,
		   "irqchip 9");
	t.e[1].u.irqchip.irqchip = 0;
	t.e[1].type = 77;
	want_errno(r, ioctl(vm.fd, KVM_SET_GSI_ROUTING, &t), EINVAL,
		   "type 77");
	t.e[1].type = KVM_IRQ_ROUTING_IRQCHIP;
	t.e[1].gsi = 0xfffffff0;
	want_errno(r, ioctl(vm.fd, KVM_SET_GSI_ROUTING, &t), EINVAL,
		   "GSI 2^32-16");
	t.e[1].gsi = 3;
	t.e[1].flags = 0x80;
	want_errno(r, ioctl(vm.fd, KVM_SET_GSI_ROUTING, &t), EINVAL,
		   "unknown flag of an entry");
	t.e[1].flags = 0;
	t.h.flags = 1;
	want_errno(r, ioctl(vm.fd, KVM_SET_GSI_ROUTING, &t), EINVAL,
		   "unknown flag");
	t.h.flags = 0;
	t.h.nr = 0xffffffff;
	want_errno(r, ioctl(vm.fd, KVM_SET_GSI_ROUTING, &t), EINVAL,
		   "2^32-1 entries");
	t.h.nr = 0;
	want_ok(r, ioctl(vm.fd, KVM_SET_GSI_ROUTING, &t), "none at all");
	want_errno(r, ioctl(vm.fd, KVM_SET_GSI_ROUTING, BAD_POINTER), EFAULT,
		   "bad pointer");
}

static void msi(struct tap_result *r, const void *arg)
{
	struct kvm_msi m = { .address_lo = 0xfee00000, .data = 0x40 };
	struct vm vm;

	(void)arg;
	vm_simple(&vm, VM_IRQCHIP);
	ioctl(vm.fd, KVM_SIGNAL_MSI, &m);
	m.flags = 0x8000;
	want_errno(r, ioctl(vm.fd, KVM_SIGNAL_MSI, &m), EINVAL,
		   "unknown flag");
	want_errno(r, ioctl(vm.fd, KVM_SIGNAL_MSI, BAD_POINTER), EFAULT,
		   "bad pointer");
}

static void irqfd(struct tap_result *r, const void *arg)
{
	struct kvm_irqfd f = { .gsi = 5 };
	struct vm vm;
	int efd;

	(void)arg;
	vm_simple(&vm, VM_IRQCHIP);
	efd = f.fd = eventfd(0, 0);
	want_ok(r, ioctl(vm.fd, KVM_IRQFD, &f), "assign");
	want_errno(r, ioctl(vm.fd, KVM_IRQFD, &f), EBUSY, "twice");
	f.flags = 0x8000;
	want_errno(r, ioctl(vm.fd, KVM_IRQFD, &f), EINVAL, "unknown flag");
	f.flags = KVM_IRQFD_FLAG_DEASSIGN;
	want_ok(r, ioctl(vm.fd, KVM_IRQFD, &f), "deassign");
	f.flags = 0;
	f.fd = 9999;
	want_errno(r, ioctl(vm.fd, KVM_IRQFD, &f), EBADF, "bad fd");
	f.fd = kvm_open();
	want_errno(r, ioctl(vm.fd, KVM_IRQFD, &f), EINVAL,
		   "fd that is no eventfd");
	want_errno(r, ioctl(vm.fd, KVM_IRQFD, BAD_POINTER), EFAULT,
		   "bad pointer");
	f.fd = efd;
	f.gsi = 0x10000;
	ioctl(vm.fd, KVM_IRQFD, &f);
	f.gsi = 5;
	f.fd = eventfd(0, 0);
	want_ok(r, ioctl(vm.fd, KVM_IRQFD, &f), "one that stays");
	close(f.fd);
}

/* The last GSI that the capability tells of is as good as any: by KVM_IRQ_LINE, and by an irqfd. */
static void last_gsi(struct tap_result *r, const void *arg)
{
	struct { struct kvm_irq_routing h; struct kvm_irq_routing_entry e[4096]; } *t = calloc(1, sizeof(*t));
	unsigned int i, n = kvm_cap(KVM_CAP_IRQ_ROUTING);
	struct kvm_irq_level l = { .irq = n - 1, .level = 1 };
	struct kvm_irqfd f = { .gsi = n - 1 };
	struct kvm_lapic_state s;
	uint64_t one = 1;
	struct vcpu *v;
	struct vm vm;

	(void)arg;
	if (n != 4096) {
		tap_fail(r, "%u GSIs", n);
		return;
	}
	v = vm_simple(&vm, VM_IRQCHIP);
	xioctl(v->fd, KVM_GET_LAPIC, &s);
	*(uint32_t *)(s.regs + 0xf0) = 0x1ff;
	xioctl(v->fd, KVM_SET_LAPIC, &s);
	t->h.nr = n;
	for (i = 0; i < n; i++) {
		t->e[i].gsi = i;
		t->e[i].type = KVM_IRQ_ROUTING_MSI;
		t->e[i].u.msi.address_lo = 0xfee00000;
		t->e[i].u.msi.data = i == n - 1 ? 0x47 : 0x60 + (i & 0x1f);
	}
	want_ok(r, ioctl(vm.fd, KVM_SET_GSI_ROUTING, t), "4096 routes");
	want_ok(r, ioctl(vm.fd, KVM_IRQ_LINE, &l), "KVM_IRQ_LINE");
	xioctl(v->fd, KVM_GET_LAPIC, &s);
	if (*(uint32_t *)(s.regs + 0x220) != 0x80)
		tap_fail(r, "KVM_IRQ_LINE: IRR %#x", *(uint32_t *)(s.regs + 0x220));
	*(uint32_t *)(s.regs + 0x220) = 0;
	xioctl(v->fd, KVM_SET_LAPIC, &s);
	f.fd = eventfd(0, 0);
	want_ok(r, ioctl(vm.fd, KVM_IRQFD, &f), "KVM_IRQFD");
	if (write(f.fd, &one, 8) != 8)
		tap_fail(r, "the eventfd cannot be signalled");
	usleep(2000);
	xioctl(v->fd, KVM_GET_LAPIC, &s);
	if (*(uint32_t *)(s.regs + 0x220) != 0x80)
		tap_fail(r, "KVM_IRQFD: IRR %#x", *(uint32_t *)(s.regs + 0x220));
	t->e[0].gsi = n;
	want_errno(r, ioctl(vm.fd, KVM_SET_GSI_ROUTING, t), EINVAL, "GSI 4096");
	t->h.nr = n + 1;
	want_errno(r, ioctl(vm.fd, KVM_SET_GSI_ROUTING, t), EINVAL, "4097 routes");
	vm_destroy(&vm);
	free(t);
}

/* An irqfd's message to all of many vCPUs, once for each signal. */
static void irqfd_broadcast(struct tap_result *r, const void *arg)
{
	struct { struct kvm_irq_routing h; struct kvm_irq_routing_entry e; } t = {
		.h.nr = 1, .e = { .gsi = 30, .type = KVM_IRQ_ROUTING_MSI,
				  .u.msi = { .address_lo = 0xfeeff000, .data = 0x47 } },
	};
	struct kvm_irqfd f = { .gsi = 30 };
	struct kvm_lapic_state s;
	uint64_t one = 1;
	struct vm vm;
	unsigned int i, j, round;

	(void)arg;
	vm_simple(&vm, VM_IRQCHIP);
	for (i = 1; i < 8; i++)
		vm_add_vcpu(&vm);
	xioctl(vm.fd, KVM_SET_GSI_ROUTING, &t);
	f.fd = eventfd(0, 0);
	want_ok(r, ioctl(vm.fd, KVM_IRQFD, &f), "assign");
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 8; i++) {
			xioctl(vm.vcpu[i].fd, KVM_GET_LAPIC, &s);
			*(uint32_t *)(s.regs + 0xf0) = 0x1ff;
			*(uint32_t *)(s.regs + 0x220) = 0;
			xioctl(vm.vcpu[i].fd, KVM_SET_LAPIC, &s);
		}
		if (write(f.fd, &one, 8) != 8)
			_exit(3);
		for (i = 0; i < 8; i++) {
			for (j = 0; j < 1000; j++) {
				xioctl(vm.vcpu[i].fd, KVM_GET_LAPIC, &s);
				if (*(uint32_t *)(s.regs + 0x220))
					break;
				usleep(100);
			}
			if (*(uint32_t *)(s.regs + 0x220) != 0x80)
				tap_fail(r, "round %u, vCPU %u: IRR %#x", round, i,
					 *(uint32_t *)(s.regs + 0x220));
		}
	}
	/* what was signalled before it is taken away does not come after */
	for (i = 0; i < 100; i++) {
		if (write(f.fd, &one, 8) != 8)
			_exit(3);
		f.flags = KVM_IRQFD_FLAG_DEASSIGN;
		xioctl(vm.fd, KVM_IRQFD, &f);
		f.flags = 0;
		xioctl(vm.fd, KVM_IRQFD, &f);
	}
	vm_destroy(&vm);
}

const struct test_case irqchip_cases[] = {
	{ "irqchip-create", create, NULL },
	{ "irqchip-after-vcpu", after_vcpu, NULL },
	{ "irqchip-missing", missing, NULL },
	{ "irqchip-chips", chips, NULL },
	{ "irqchip-garbage", chips_garbage, NULL },
	{ "irqchip-pit", pit, NULL },
	{ "irqchip-lines", lines, NULL },
	{ "irqchip-routing", routing, NULL },
	{ "irqchip-msi", msi, NULL },
	{ "irqchip-last-gsi", last_gsi, NULL },
	{ "irqchip-irqfd", irqfd, NULL },
	{ "irqchip-irqfd-broadcast", irqfd_broadcast, NULL },
	{ NULL, NULL, NULL }
};
