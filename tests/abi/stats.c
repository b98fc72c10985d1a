// SPDX-License-Identifier: GPL-2.0-only
/* KVM_GET_STATS_FD: names and figures, and that they count what they say. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lane.h"

#define CODE	0x1000u
#define STACK	0x8000u

struct stats {
	struct kvm_stats_header h;
	char id[64];
	uint8_t *desc;			/* of (sizeof(struct kvm_stats_desc) + name_size) each */
};

static const struct kvm_stats_desc *desc(const struct stats *s, unsigned int i)
{
	return (const struct kvm_stats_desc *)(s->desc + i * (sizeof(struct kvm_stats_desc) + s->h.name_size));
}

/* As a VMM does: header, id, descriptors, each where the header says. */
static bool load(struct tap_result *r, struct stats *s, int fd)
{
	size_t bytes;

	if (pread(fd, &s->h, sizeof(s->h), 0) != sizeof(s->h))
		return tap_fail(r, "no header");
	bytes = s->h.num_desc * (sizeof(struct kvm_stats_desc) + s->h.name_size);
	if (s->h.flags || !s->h.num_desc || s->h.num_desc > 200 || s->h.name_size < 16 || s->h.name_size > sizeof(s->id))
		return tap_fail(r, "flags %#x, %u descriptors, names of %u", s->h.flags, s->h.num_desc, s->h.name_size);
	s->desc = calloc(1, bytes);
	if (pread(fd, s->id, s->h.name_size, s->h.id_offset) != s->h.name_size)
		return tap_fail(r, "no id");
	if (pread(fd, s->desc, bytes, s->h.desc_offset) != (ssize_t)bytes)
		return tap_fail(r, "no descriptors");
	return true;
}

static const struct kvm_stats_desc *find(const struct stats *s, const char *name)
{
	unsigned int i;

	for (i = 0; i < s->h.num_desc; i++)
		if (!strcmp(desc(s, i)->name, name))
			return desc(s, i);
	return NULL;
}

static uint64_t figure(struct tap_result *r, const struct stats *s, int fd, const char *name)
{
	const struct kvm_stats_desc *d = find(s, name);
	uint64_t value = 0;

	if (!d || pread(fd, &value, 8, s->h.data_offset + d->offset) != 8)
		tap_fail(r, "%s is missing", name);
	return value;
}

/* What every name of the file has to be. */
static void check_all(struct tap_result *r, const struct stats *s, int fd)
{
	unsigned int i, j;
	uint64_t value;

	if (!s->id[0] || !memchr(s->id, 0, s->h.name_size))
		tap_fail(r, "id %.40s", s->id);
	for (i = 0; i < s->h.num_desc; i++) {
		const struct kvm_stats_desc *d = desc(s, i);

		if (!d->name[0] || !memchr(d->name, 0, s->h.name_size) || !d->size ||
		    (d->flags & KVM_STATS_TYPE_MASK) > KVM_STATS_TYPE_MAX || (d->flags & KVM_STATS_UNIT_MASK) > KVM_STATS_UNIT_MAX)
			tap_fail(r, "%.48s: size %u, flags %#x", d->name, d->size, d->flags);
		if (pread(fd, &value, 8, s->h.data_offset + d->offset + 8 * (d->size - 1)) != 8)
			tap_fail(r, "%s: no data", d->name);
		for (j = 0; j < i; j++)
			if (!strcmp(desc(s, j)->name, d->name))
				tap_fail(r, "%s twice", d->name);
		if (strlen(d->name) > 3 && !strcmp(d->name + strlen(d->name) - 3, "_ns") &&
		    ((d->flags & KVM_STATS_UNIT_MASK) != KVM_STATS_UNIT_SECONDS || d->exponent != -9))
			tap_fail(r, "%s: flags %#x, exponent %d", d->name, d->flags, d->exponent);
	}
}

static void stats_vcpu(struct tap_result *r, const void *arg)
{
	/* 1: out %al, $0x10; mov %eax, 0xd0000000; dec %ecx; jnz 1b; hlt */
	static const uint8_t code[] = {
		0xe6, 0x10, 0xa3, 0, 0, 0, 0xd0, 0x49, 0x75, 0xf6, 0xf4
	};
	struct kvm_regs regs;
	struct stats s;
	struct vm vm;
	struct vcpu *v;
	unsigned int ios = 0, mmios = 0;
	uint64_t before, after;
	void *volatile nowhere = BAD_POINTER;
	int fd;

	(void)arg;
	if (kvm_cap(KVM_CAP_BINARY_STATS_FD) != 1)
		tap_fail(r, "the capability answers %d", kvm_cap(KVM_CAP_BINARY_STATS_FD));
	v = vm_simple(&vm, 0);
	memcpy(vm.mem + CODE, code, sizeof(code));
	vcpu_set_mode(&vm, v, MODE_FLAT32, CODE, STACK);
	xioctl(v->fd, KVM_GET_REGS, &regs);
	regs.rcx = 25;
	xioctl(v->fd, KVM_SET_REGS, &regs);
	fd = xioctl(v->fd, KVM_GET_STATS_FD, 0);
	if (!load(r, &s, fd))
		return;
	check_all(r, &s, fd);
	before = figure(r, &s, fd, "exits");
	if (figure(r, &s, fd, "io_exits") || figure(r, &s, fd, "mmio_exits") || figure(r, &s, fd, "halt_exits"))
		tap_fail(r, "exits of a vCPU that has not run");
	while (!vcpu_run(v) && v->run->exit_reason != KVM_EXIT_HLT) {
		ios += v->run->exit_reason == KVM_EXIT_IO;
		mmios += v->run->exit_reason == KVM_EXIT_MMIO;
	}
	after = figure(r, &s, fd, "exits");
	if (ios != 25 || figure(r, &s, fd, "io_exits") != ios)
		tap_fail(r, "%u, io_exits %llu", ios, (long long)figure(r, &s, fd, "io_exits"));
	if (mmios != 25 || figure(r, &s, fd, "mmio_exits") != mmios)
		tap_fail(r, "%u, mmio_exits %llu", mmios, (long long)figure(r, &s, fd, "mmio_exits"));
	if (figure(r, &s, fd, "halt_exits") != 1)
		tap_fail(r, "halt_exits %llu", (long long)figure(r, &s, fd, "halt_exits"));
	if (after - before < ios + mmios + 1 || after - before > 1000)
		tap_fail(r, "%llu exits", (long long)(after - before));
	if (figure(r, &s, fd, "blocking"))
		tap_fail(r, "it is blocking");
	/* the end of the file, and no way to write or to have ioctls */
	want_errno(r, write(fd, &s, 1), EBADF, "write");
	want_either(r, ioctl(fd, KVM_RUN, 0), ENOTTY, EINVAL, "KVM_RUN");
	if (pread(fd, &s.h, sizeof(s.h), 1 << 30) != 0 || pread(fd, &s.h, sizeof(s.h), 1ll << 62) != 0)
		tap_fail(r, "there is something behind the end");
	want_errno(r, pread(fd, nowhere, 8, 0), EFAULT, "bad pointer");
}

/* Halts that are slept and woken from. */
static void stats_halt(struct tap_result *r, const void *arg)
{
	struct stats s;
	struct vm vm;
	struct vcpu *v = vm_irqs(&vm, "irq_halt", 0);
	volatile uint32_t *turns = (volatile uint32_t *)(vm.mem + TURNS);
	struct lane lane;
	unsigned int i;
	int fd;

	(void)arg;
	fd = xioctl(v->fd, KVM_GET_STATS_FD, 0);
	if (!load(r, &s, fd))
		return;
	lane_start(&lane, v);
	for (i = 0; i < 5; i++) {
		uint32_t n = *turns;

		wait_count(turns, 1);
		usleep(30000);
		if (!figure(r, &s, fd, "blocking"))
			tap_fail(r, "halted, and not blocking");
		msi_to(&vm, 0, 0x40);
		if (!wait_count(turns, n + 1))
			tap_fail(r, "it does not wake up");
	}
	usleep(30000);		/* halted, so that the signal ends it, and not immediate_exit */
	lane_stop(r, &lane);
	if (figure(r, &s, fd, "halt_wakeup") < 5 || figure(r, &s, fd, "halt_wait_ns") < 100 * 1000000)
		tap_fail(r, "%llu wake-ups, %llu ns", (long long)figure(r, &s, fd, "halt_wakeup"),
			 (long long)figure(r, &s, fd, "halt_wait_ns"));
	if (figure(r, &s, fd, "halt_exits") < 5 || !figure(r, &s, fd, "signal_exits"))
		tap_fail(r, "%llu halts, %llu signals", (long long)figure(r, &s, fd, "halt_exits"),
			 (long long)figure(r, &s, fd, "signal_exits"));
}

static void stats_vm(struct tap_result *r, const void *arg)
{
	struct stats s, of_vcpu;
	struct vm vm;
	struct vcpu *v = vm_simple(&vm, 0);
	uint64_t flushes;
	int fd, fd2;

	(void)arg;
	fd = xioctl(vm.fd, KVM_GET_STATS_FD, 0);
	fd2 = xioctl(v->fd, KVM_GET_STATS_FD, 0);
	if (!load(r, &s, fd) || !load(r, &of_vcpu, fd2))
		return;
	check_all(r, &s, fd);
	if (!strcmp(s.id, of_vcpu.id))
		tap_fail(r, "VM and vCPU have the same id");
	guest_start(&vm, v, "touch", 0x80000, 16);
	if (vcpu_run(v) || v->run->exit_reason != KVM_EXIT_IO)
		tap_fail(r, "exit %s", exit_name(v->run->exit_reason));
	flushes = figure(r, &s, fd, "remote_tlb_flush_requests");
	madvise(vm.mem + 0x80000, 0x10000, MADV_DONTNEED);
	if (figure(r, &s, fd, "remote_tlb_flush_requests") <= flushes)
		tap_fail(r, "%llu flushes", (long long)flushes);

	/* the files outlive the descriptors of VM and vCPU */
	close(v->fd);
	close(vm.fd);
	if (!load(r, &of_vcpu, fd2) || !figure(r, &of_vcpu, fd2, "io_exits"))
		tap_fail(r, "the vCPU's are gone");
	close(fd2);
	if (figure(r, &s, fd, "remote_tlb_flush_requests") <= flushes)
		tap_fail(r, "the VM's are gone");
	close(fd);
}

const struct test_case stats_cases[] = {
	{ "stats-vcpu", stats_vcpu, NULL },
	{ "stats-halt", stats_halt, NULL },
	{ "stats-vm", stats_vm, NULL },
	{ NULL, NULL, NULL }
};
