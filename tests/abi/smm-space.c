// SPDX-License-Identifier: GPL-2.0-only
/* The address space of system management mode, and what must not go wrong there. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <asm/kvm_para.h>

#include "smm.h"

static void on_signal(int sig)
{
	(void)sig;
}

/* KVM may have a page that was only read in the log. */
static uint32_t executed(void)
{
	return strcmp(kvm_device, "/dev/vh") ? 1u << 8 : 0;
}

/* Ids, overlaps, logs: of each address space for itself. */
static void address_spaces(struct tap_result *r, const void *arg)
{
	static uint64_t bits[2];
	struct kvm_dirty_log log = { .slot = SMM(1), .dirty_bitmap = bits };
	struct kvm_clear_dirty_log clear = { .slot = SMM(1), .num_pages = 16, .dirty_bitmap = bits };
	struct smm s;

	(void)arg;
	if (kvm_cap(KVM_CAP_MULTI_ADDRESS_SPACE) != 2)
		tap_fail(r, "KVM_CAP_MULTI_ADDRESS_SPACE is %d", kvm_cap(KVM_CAP_MULTI_ADDRESS_SPACE));
	if (!smm_vm(r, &s, MODE_LONG, 0, 1))
		return;
	want_errno(r, vm_slot(&s.vm, 2u << 16, 0, 1 << 24, 4096, s.ram) ? -1 : 0, EINVAL, "a third address space");
	want_errno(r, vm_slot(&s.vm, 0xffff0000u, 0, 1 << 24, 4096, s.ram) ? -1 : 0, EINVAL, "the last one");
	want_errno(r, vm_slot(&s.vm, SMM(0x7ffc), 0, 1 << 24, 4096, s.ram) ? -1 : 0, EINVAL, "one slot too many");
	want_errno(r, vm_slot(&s.vm, SMM(0x7ffb), 0, 0x3f000, 4096, s.ram) ? -1 : 0, EEXIST, "an overlap in SMM");
	want_ok(r, -!!vm_slot(&s.vm, SMM(0x7ffb), 0, 1 << 24, 4096, s.ram), "the last slot");
	want_ok(r, -!!vm_slot(&s.vm, 5, 0, 1 << 24, 4096, s.ram), "the same place outside");
	want_ok(r, -!!vm_slot(&s.vm, SMM(0x7ffb), 0, 1 << 25, 4096, s.ram), "it moves");
	want_ok(r, -!!vm_slot(&s.vm, SMM(0x7ffb), 0, 1 << 25, 0, s.ram), "it goes");
	log.slot = 2u << 16 | 1;
	want_errno(r, ioctl(s.vm.fd, KVM_GET_DIRTY_LOG, &log), EINVAL, "the log of a third");
	log.slot = SMM(1);
	want_errno(r, ioctl(s.vm.fd, KVM_GET_DIRTY_LOG, &log), ENOENT, "a log that there is not");

	PUT(s.ram + HANDLER, smm_memory);
	want_ok(r, -!!vm_slot(&s.vm, SMM(1), KVM_MEM_LOG_DIRTY_PAGES, SMBASE, 0x10000, s.ram), "SMM's memory is logged");
	want_ok(r, -!!vm_slot(&s.vm, 0, KVM_MEM_LOG_DIRTY_PAGES, 0, SIZE, s.vm.mem), "so is the other");
	xioctl(s.v->fd, KVM_SMI, 0);
	if (!smm_until(r, s.v, 0x28, "in SMM"))
		return;
	memset(bits, 0, sizeof(bits));
	want_ok(r, ioctl(s.vm.fd, KVM_GET_DIRTY_LOG, &log), "SMM's log");
	if ((bits[0] & ~executed()) != (1 << 10 | 1 << 15))
		tap_fail(r, "SMM's log has %#llx", (unsigned long long)bits[0]);
	want_ok(r, ioctl(s.vm.fd, KVM_GET_DIRTY_LOG, &log), "and again");
	if (bits[0])
		tap_fail(r, "and again %#llx", (unsigned long long)bits[0]);
	bits[0] = ~0ull;
	want_ok(r, ioctl(s.vm.fd, KVM_CLEAR_DIRTY_LOG, &clear), "KVM_CLEAR_DIRTY_LOG");
	clear.slot = 3u << 16;
	want_errno(r, ioctl(s.vm.fd, KVM_CLEAR_DIRTY_LOG, &clear), EINVAL, "that of a third");
	if (!smm_until(r, s.v, 0x10, "outside"))
		return;
	xioctl(s.v->fd, KVM_SMI, 0);
	if (!smm_until(r, s.v, 0x28, "in SMM again"))
		return;
	want_ok(r, ioctl(s.vm.fd, KVM_GET_DIRTY_LOG, &log), "SMM's log of the second");
	if ((bits[0] & ~executed()) != (1 << 10 | 1 << 15))
		tap_fail(r, "SMM's log of the second has %#llx", (unsigned long long)bits[0]);
}

/* An address beyond all that a guest has is not one of SMM's memory: not for what the guest shares with its hypervisor. */
static void shared(struct tap_result *r, const void *arg)
{
	static const uint32_t msrs[] = { MSR_KVM_STEAL_TIME, MSR_KVM_SYSTEM_TIME_NEW, MSR_KVM_WALL_CLOCK_NEW };
	unsigned int i, at;
	struct smm s;

	(void)arg;
	if (!smm_vm(r, &s, MODE_LONG, 0, 1))
		return;
	PUT(s.ram + HANDLER, smm_memory);
	memset(s.ram + 0x1000, 0xa5, 0x1000);
	for (at = 52; at < 64; at++) {
		for (i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++)
			vcpu_msr_set(s.v, msrs[i], 1ull << at | (SMBASE + 0x1000 + i * 0x100) | (i < 2));
		if (!smm_until(r, s.v, 0x10, "outside"))
			return;
		xioctl(s.v->fd, KVM_SMI, 0);
		if (!smm_until(r, s.v, 0x28, "in SMM") || !smm_until(r, s.v, 0x10, "outside again"))
			return;
	}
	for (i = 0x1000; i < 0x2000; i++)
		if (s.ram[i] != 0xa5) {
			tap_fail(r, "SMM's memory was written at %#x", SMBASE + i);
			return;
		}
}

/* Entries of a dirty ring say which address space. */
static void ring(struct tap_result *r, const void *arg)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_DIRTY_LOG_RING, .args = { 65536 } };
	struct kvm_dirty_gfn *e;
	unsigned int i, found = 0;
	struct smm s;

	(void)arg;
	memset(&s, 0, sizeof(s));
	vm_create(&s.vm, SIZE, 0);
	if (ioctl(s.vm.fd, KVM_ENABLE_CAP, &cap))
		return (void)tap_fail(r, "KVM_CAP_DIRTY_LOG_RING: %s", strerror(errno));
	s.ram = mmap(NULL, 0x10000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	vm_slot(&s.vm, SMM(0), 0, 0, SMBASE, s.vm.mem);
	vm_slot(&s.vm, SMM(7), KVM_MEM_LOG_DIRTY_PAGES, SMBASE, 0x10000, s.ram);
	s.v = vm_add_vcpu(&s.vm);
	PUT(s.vm.mem + CODE, smm_loop);
	PUT(s.ram + HANDLER, smm_memory);
	vcpu_set_mode(&s.vm, s.v, MODE_REAL, CODE, 0x8000);
	e = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, s.v->fd, KVM_DIRTY_LOG_PAGE_OFFSET * 4096);
	xioctl(s.v->fd, KVM_SMI, 0);
	if (!smm_until(r, s.v, 0x28, "in SMM"))
		return;
	smm_settle(s.v);
	for (i = 0; i < 16 && e[i].flags == KVM_DIRTY_GFN_F_DIRTY; i++) {
		if (e[i].slot != SMM(7))
			tap_fail(r, "slot %#x", e[i].slot);
		found |= e[i].offset < 16 ? 1 << e[i].offset : 0;
		e[i].flags = KVM_DIRTY_GFN_F_RESET;
	}
	if ((found & ~executed()) != (1 << 10 | 1 << 15))
		tap_fail(r, "pages %#x are in the ring", found);
	if (ioctl(s.vm.fd, KVM_RESET_DIRTY_RINGS, 0) != (int)i)
		tap_fail(r, "KVM_RESET_DIRTY_RINGS");
}

/* Nothing to save to, nothing to execute: the VM may end, no more. */
static void nowhere(struct tap_result *r, const void *arg)
{
	static const uint32_t where[] = { 0x80000000, 0xfffffff8, 0xfee00000, 0x200000, 0xfffff };
	unsigned int i;
	struct smm s;

	(void)arg;
	for (i = 0; i < sizeof(where) / sizeof(where[0]) + 2; i++) {
		if (!smm_vm(r, &s, i & 1 ? MODE_LONG : MODE_REAL, VM_IRQCHIP, 1))
			return;
		if (i < sizeof(where) / sizeof(where[0]))
			vcpu_msr_set(s.v, MSR_SMBASE, where[i]);
		else if (i & 1)
			munmap(s.ram, 0x10000);
		else
			vm_slot(&s.vm, SMM(1), 0, SMBASE, 0, s.ram);
		xioctl(s.v->fd, KVM_SMI, 0);
		alarm(20);
		vcpu_run(s.v);
		vcpu_run(s.v);
		/* and it can be taken out of it again */
		{
			struct kvm_vcpu_events e = { .flags = KVM_VCPUEVENT_VALID_SMM };

			want_ok(r, ioctl(s.v->fd, KVM_SET_VCPU_EVENTS, &e), "KVM_SET_VCPU_EVENTS");
			vcpu_set_mode(&s.vm, s.v, MODE_LONG, CODE, 0x8000);
			smm_until(r, s.v, 0x10, "outside again");
		}
		vm_destroy(&s.vm);
	}
	/* read-only: the handler runs, what was saved is lost */
	if (!smm_vm(r, &s, MODE_LONG, 0, 1))
		return;
	vm_slot(&s.vm, SMM(1), 0, SMBASE, 0, s.ram);
	vm_slot(&s.vm, SMM(1), KVM_MEM_READONLY, SMBASE, 0x10000, s.ram);
	xioctl(s.v->fd, KVM_SMI, 0);
	if (!smm_until(r, s.v, 0x28, "read-only"))
		return;
	if (s.ram[AREA + 0xfc])
		tap_fail(r, "read-only memory was written");
}

struct race {
	struct smm s;
	volatile bool stop;
	struct vcpu *v;
	unsigned long smis, runs, bad;
};

static void *run_thread(void *arg)
{
	struct race *c = arg;

	while (!c->stop) {
		if (ioctl(c->v->fd, KVM_RUN, 0) && errno != EINTR && errno != EAGAIN)
			break;
		if (c->v->run->exit_reason == KVM_EXIT_IO && c->v->run->io.port == 0x28)
			c->smis++;
		if (c->v->run->exit_reason == KVM_EXIT_IO && c->v->run->io.port == 0x16)
			c->bad++;
		c->runs++;
	}
	return NULL;
}

/*
 * SMIs without end, memslots that come and go, and memory that is taken away: a guest outside never sees SMM's memory,
 * which is full of 0x5a, and SMM never what is outside.
 */
static void race(struct tap_result *r, const void *arg)
{
	static struct race c[2];
	pthread_t t[2];
	unsigned int i;

	(void)arg;
	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = on_signal }, NULL);
	if (!smm_vm(r, &c[0].s, MODE_LONG, VM_IRQCHIP, 2))
		return;
	smm_enable_apics(&c[0].s);
	PUT(c[0].s.ram + HANDLER, smm_memory);
	memset(c[0].s.ram + 0xb000, 0x5a, 4096);
	/* the other looks at what is there outside: 0 */
	memcpy(c[0].s.vm.mem + 0x1400, "\x8b\x04\x25\x00\xb0\x03\x00\x85\xc0\x74\xf5\xe6\x16\xeb\xf1", 15);
	vcpu_set_mode(&c[0].s.vm, &c[0].s.vm.vcpu[1], MODE_LONG, 0x1400, 0x8000);
	xioctl(c[0].s.vm.vcpu[1].fd, KVM_SET_MP_STATE, &((struct kvm_mp_state){ KVM_MP_STATE_RUNNABLE }));
	for (i = 0; i < 2; i++) {
		c[i].v = &c[0].s.vm.vcpu[i];
		pthread_create(&t[i], NULL, run_thread, &c[i]);
	}
	for (i = 0; i < 300; i++) {
		smm_message(&c[0].s, 0, MSG_SMI);
		if (i % 4 == 0)
			smm_message(&c[0].s, 1, MSG_SMI);
		if (i % 3 == 0)
			madvise(c[0].s.ram + 0xb000, 4096, MADV_WILLNEED);
		if (i % 5 == 0)
			mprotect(c[0].s.ram + 0xb000, 4096, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE);
		if (i % 7 == 0) {
			vm_slot(&c[0].s.vm, 9, 0, 1 << 24, 0x10000, c[0].s.ram);
			vm_slot(&c[0].s.vm, 9, 0, 1 << 24, 0, c[0].s.ram);
		}
		if (i % 11 == 0) {
			vm_slot(&c[0].s.vm, SMM(9), 0, 1 << 24, 0x10000, c[0].s.ram);
			vm_slot(&c[0].s.vm, SMM(9), 0, 1 << 24, 0, c[0].s.ram);
		}
		usleep(500);
	}
	for (i = 0; i < 2; i++)
		c[i].stop = true;
	for (i = 0; i < 2; i++) {
		pthread_kill(t[i], SIGUSR1);
		pthread_kill(t[i], SIGUSR1);
	}
	c[1].v->run->immediate_exit = 1;
	c[0].v->run->immediate_exit = 1;
	for (i = 0; i < 2; i++) {
		pthread_kill(t[i], SIGUSR1);
		pthread_join(t[i], NULL);
	}
	if (c[0].smis < 10 || c[1].smis < 2)
		tap_fail(r, "%lu and %lu SMIs", c[0].smis, c[1].smis);
	if (c[1].bad)
		tap_fail(r, "SMM's memory was seen from outside");
}

/* Userspace asks for SMIs while the vCPU runs, as fast as it can. */
static void storm(struct tap_result *r, const void *arg)
{
	struct smm s;
	unsigned int i;

	(void)arg;
	if (!smm_vm(r, &s, MODE_PAE, VM_IRQCHIP, 1))
		return;
	PUT(s.ram + HANDLER, smm_rsm);
	for (i = 0; i < 2000; i++) {
		xioctl(s.v->fd, KVM_SMI, 0);
		if (!smm_until(r, s.v, 0x10, "between SMIs"))
			return;
	}
	if (vcpu_msr_get(s.v, MSR_SMI_COUNT) != 2000)
		tap_fail(r, "IA32_SMI_COUNT is %llu", (unsigned long long)vcpu_msr_get(s.v, MSR_SMI_COUNT));
}

const struct test_case smm_space_cases[] = {
	{ "smm-address-spaces", address_spaces, NULL },
	{ "smm-ring", ring, NULL },
	{ "smm-nowhere", nowhere, NULL },
	{ "smm-race", race, NULL },
	{ "smm-storm", storm, NULL },
	{ "smm-space-shared", shared, NULL },
	{ NULL, NULL, NULL }
};
