// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts that go to all vCPUs of a VM with many: each gets them, and (on the debug build, which
 * counts) nobody waits with interrupts off while they are sent.
 */
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lane.h"

#define MANY	1000
#define EDGE	0x40
#define LEVEL	0x51
#define TICK	0x62
#define FROM_EVENTFD 0x73

struct crowd {
	struct vm vm;
	int fd[MANY];
};

static void pin_to(struct crowd *c, unsigned int n, uint64_t bits, uint8_t dest)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };

	xioctl(c->vm.fd, KVM_GET_IRQCHIP, &chip);
	chip.chip.ioapic.redirtbl[n].bits = bits | (uint64_t)dest << 56;
	xioctl(c->vm.fd, KVM_SET_IRQCHIP, &chip);
}

static void pin(struct crowd *c, unsigned int n, uint64_t bits)
{
	pin_to(c, n, bits, 0xff);
}

static void crowd_make(struct crowd *c)
{
	const struct rlimit files = { MANY + 100, MANY + 100 };
	struct kvm_lapic_state lapic;
	unsigned int i;

	setrlimit(RLIMIT_NOFILE, &files);
	vm_create(&c->vm, 1 << 20, VM_IRQCHIP | VM_PIT);
	for (i = 0; i < MANY; i++) {
		c->fd[i] = xioctl(c->vm.fd, KVM_CREATE_VCPU, i);
		xioctl(c->fd[i], KVM_GET_LAPIC, &lapic);
		*(uint32_t *)(lapic.regs + 0xf0) = 0x1ff;
		xioctl(c->fd[i], KVM_SET_LAPIC, &lapic);
	}
}

static void crowd_leave(struct crowd *c)
{
	unsigned int i;

	for (i = 0; i < MANY; i++)
		close(c->fd[i]);
	vm_destroy(&c->vm);
}

static unsigned int waiting(struct crowd *c, unsigned int vector)
{
	struct kvm_lapic_state lapic;
	unsigned int i, n = 0;

	for (i = 0; i < MANY; i++) {
		xioctl(c->fd[i], KVM_GET_LAPIC, &lapic);
		n += *(uint32_t *)(lapic.regs + 0x200 + vector / 32 * 16) >> vector % 32 & 1;
	}
	return n;
}

static void all_get(struct tap_result *r, struct crowd *c, unsigned int vector, const char *what)
{
	uint64_t end = now_ms() + 5000;

	while (waiting(c, vector) < MANY && now_ms() < end)
		usleep(500);
	if (waiting(c, vector) != MANY)
		tap_fail(r, "%s: %u of %u vCPUs got it", what, waiting(c, vector), MANY);
}

static void line(struct crowd *c, unsigned int gsi, int level)
{
	struct kvm_irq_level l = { .irq = gsi, .level = level };

	xioctl(c->vm.fd, KVM_IRQ_LINE, &l);
}

static void pins(struct tap_result *r, const void *arg)
{
	struct crowd c;
	unsigned int i;

	(void)arg;
	crowd_make(&c);
	pin(&c, 20, EDGE);
	line(&c, 20, 1);
	line(&c, 20, 0);
	all_get(r, &c, EDGE, "an edge");
	pin(&c, 21, LEVEL | 0x8000);
	line(&c, 21, 1);
	all_get(r, &c, LEVEL, "a level");
	line(&c, 21, 0);
	/* all pins at once, by one ioctl */
	for (i = 0; i < 24; i++)
		pin(&c, i, (0x80 + i) | 0x8000);
	for (i = 16; i < 24; i++)
		line(&c, i, 1);
	for (i = 16; i < 24; i++)
		all_get(r, &c, 0x80 + i, "one of many levels");
	crowd_leave(&c);
}

static void by_eventfd(struct tap_result *r, const void *arg)
{
	struct kvm_irqfd f = { .gsi = 22 };
	uint64_t one = 1;
	struct crowd c;

	(void)arg;
	crowd_make(&c);
	pin(&c, 22, FROM_EVENTFD);
	f.fd = eventfd(0, EFD_CLOEXEC);
	xioctl(c.vm.fd, KVM_IRQFD, &f);
	if (write(f.fd, &one, 8) != 8)
		_exit(3);
	all_get(r, &c, FROM_EVENTFD, "an irqfd's");
	close(f.fd);
	crowd_leave(&c);
}

static void by_timer(struct tap_result *r, const void *arg)
{
	struct kvm_pit_state2 ps;
	struct crowd c;
	uint64_t end;

	(void)arg;
	crowd_make(&c);
	pin(&c, 0, TICK);
	xioctl(c.vm.fd, KVM_GET_PIT2, &ps);
	ps.channels[0].mode = 2;
	ps.channels[0].gate = 1;
	ps.channels[0].count = 100;		/* as often as it goes */
	xioctl(c.vm.fd, KVM_SET_PIT2, &ps);
	all_get(r, &c, TICK, "a tick");
	for (end = now_ms() + 100; now_ms() < end; )
		usleep(5000);
	/* while it is loaded anew, stopped, and goes with the VM */
	for (unsigned int i = 0; i < 50; i++) {
		ps.channels[0].count = i & 1 ? 100 : 30000;
		xioctl(c.vm.fd, KVM_SET_PIT2, &ps);
		usleep(300);
	}
	crowd_leave(&c);
}

/* A timer that is often due, for @ms. */
static void ticks(struct vm *vm, unsigned int ms)
{
	struct kvm_pit_state2 ps;
	uint64_t end;

	xioctl(vm->fd, KVM_GET_PIT2, &ps);
	ps.channels[0].mode = 2;
	ps.channels[0].gate = 1;
	ps.channels[0].count = 3000;
	xioctl(vm->fd, KVM_SET_PIT2, &ps);
	for (end = now_ms() + ms; now_ms() < end; )
		usleep(5000);
}

/* Guests choose their APICs' ids: a message to one may be one to all. */
static void one_id(struct tap_result *r, const void *arg)
{
	struct kvm_lapic_state lapic;
	struct crowd c;
	unsigned int i;

	(void)arg;
	crowd_make(&c);
	for (i = 0; i < MANY; i++) {
		xioctl(c.fd[i], KVM_GET_LAPIC, &lapic);
		*(uint32_t *)(lapic.regs + 0x20) = (i == 7 ? 9u : 7u) << 24;
		xioctl(c.fd[i], KVM_SET_LAPIC, &lapic);
	}
	pin_to(&c, 0, TICK, 7);
	ticks(&c.vm, 200);
	if (!waiting(&c, TICK))
		tap_fail(r, "nobody got it");
	crowd_leave(&c);
}

/* To find who has the lowest priority among so many takes a while. */
static void lowest(struct tap_result *r, const void *arg)
{
	struct rlimit files = { 4096, 4096 };
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
	struct vm vm;
	unsigned int i, max = kvm_cap(KVM_CAP_MAX_VCPUS);

	(void)arg;
	setrlimit(RLIMIT_NOFILE, &files);
	vm_create(&vm, 1 << 20, VM_IRQCHIP | VM_PIT);
	for (i = 0; i < max && i < 1024; i++)
		if (ioctl(vm.fd, KVM_CREATE_VCPU, (unsigned long)i) < 0)
			return (void)tap_fail(r, "vCPU %u: %s", i, strerror(errno));
	xioctl(vm.fd, KVM_GET_IRQCHIP, &chip);
	chip.chip.ioapic.redirtbl[0].bits = TICK | 1 << 8 | 1 << 11 | 1ull << 56;
	xioctl(vm.fd, KVM_SET_IRQCHIP, &chip);
	ticks(&vm, 200);
}

const struct test_case broadcast_cases[] = {
	{ "scale-broadcast-pins", pins, NULL },
	{ "scale-broadcast-irqfd", by_eventfd, NULL },
	{ "scale-broadcast-pit", by_timer, NULL },
	{ "scale-broadcast-one-id", one_id, NULL },
	{ "scale-broadcast-lowest", lowest, NULL },
	{ NULL, NULL, NULL }
};
