// SPDX-License-Identifier: GPL-2.0-only
/* vcpu.c - vCPUs: their state at the start, KVM_RUN, and the exits of it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "quota.h"
#include "vhctl.h"
#include "vmm/confine.h"
#include "vmm/cpus.h"
#include "vmm/vmm.h"

#define GPA_PML4	0x9000ULL
#define GPA_PDPT	0xa000ULL
#define GPA_PD		0xb000ULL	/* four pages: 4 GiB */

#define CR0_PE		1UL
#define CR0_ET		(1UL << 4)
#define CR0_PG		(1UL << 31)
#define CR4_PAE		(1UL << 5)
#define EFER_LME	(1UL << 8)
#define EFER_LMA	(1UL << 10)

static struct kvm_segment segment(uint16_t selector, uint8_t type, bool code64)
{
	return (struct kvm_segment){
		.limit = 0xffffffff, .selector = selector, .type = type, .present = 1, .s = 1,
		.g = 1, .db = !code64, .l = code64,
	};
}

/* Identity mapping of the first 4 GiB in 2-MiB pages, and a GDT: the 64-bit boot protocol. */
static void long_mode_tables(struct vmm *v)
{
	uint64_t *pml4 = memory_at(v, GPA_PML4, 4096), *pdpt = memory_at(v, GPA_PDPT, 4096);
	uint64_t *pd = memory_at(v, GPA_PD, 4 * 4096), *gdt = memory_at(v, GPA_GDT, 64);
	int i;

	pml4[0] = GPA_PDPT | 3;
	for (i = 0; i < 4; i++)
		pdpt[i] = (GPA_PD + i * 4096ULL) | 3;
	for (i = 0; i < 4 * 512; i++)
		pd[i] = (uint64_t)i << 21 | 0x83;
	gdt[2] = 0x00af9b000000ffffULL;		/* selector 0x10: 64-bit code */
	gdt[3] = 0x00cf93000000ffffULL;		/* selector 0x18: data */
}

static int boot_state(struct vmm *v, struct vmm_vcpu *c)
{
	struct kvm_regs r = { .rip = v->entry, .rflags = 2 };
	struct kvm_sregs s;

	if (ioctl(c->fd, KVM_GET_SREGS, &s))
		return -1;
	s.cs = segment(0x10, 11, v->long_mode);
	s.ds = s.es = s.ss = s.fs = s.gs = segment(0x18, 3, false);
	s.gdt = (struct kvm_dtable){ .base = GPA_GDT, .limit = 31 };
	s.idt = (struct kvm_dtable){ };
	s.cr0 = CR0_PE | CR0_ET;
	if (v->long_mode) {
		long_mode_tables(v);
		s.cr3 = GPA_PML4;
		s.cr4 = CR4_PAE;
		s.efer = EFER_LME | EFER_LMA;
		s.cr0 |= CR0_PG;
		r.rsi = v->boot_arg;
	} else {
		r.rbx = v->boot_arg;
	}
	return ioctl(c->fd, KVM_SET_SREGS, &s) || ioctl(c->fd, KVM_SET_REGS, &r) ? -1 : 0;
}

/* With what it begins with, as its descriptor is there. 0 or -1, told. */
static int set_up(struct vmm *v, struct vmm_vcpu *c)
{
	void *run = mmap(NULL, v->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd, 0);

	if (run == MAP_FAILED) {
		error("cannot map vCPU %d: %s", c->id, strerror(errno));
		return -1;
	}
	if (cpuid_set(c)) {
		munmap(run, v->run_size);
		return -1;
	}
	__atomic_store_n(&c->run, run, __ATOMIC_SEQ_CST);
	return 0;
}

/* One that may come has the number of its descriptor already: its thread's list names it. */
static int reserve(struct vmm_vcpu *c)
{
	c->fd = eventfd(0, EFD_CLOEXEC);
	if (c->fd < 0) {
		error("cannot make an eventfd: %s", strerror(errno));
		return -1;
	}
	confine_keep(c->fd);
	return 0;
}

/**
 * vcpu_make - one that is wanted now
 * @c: the vCPU, which was created as one that may come; in its own thread, which can do that once
 *
 * 0, or an error.
 */
int vcpu_make(struct vmm_vcpu *c)
{
	struct vmm *v = c->vmm;
	struct filter *f;
	int fd;

	if (!c->exists) {
		fd = ioctl(v->vm, KVM_CREATE_VCPU, c->id);
		if (fd < 0)
			return errno;
		if (dup3(fd, c->fd, O_CLOEXEC) < 0)
			abort();
		close(fd);
		c->exists = true;
	}
	if (set_up(v, c))
		return EIO;
	/* From now on it is a thread like the others of vCPUs. */
	f = confine_filter(v, THREAD_VCPU, c->fd, -1);
	if (!f || confine_thread(v, f)) {
		vmm_stop(v, EXIT_ERROR, "vCPU %d cannot be confined", c->id);
		return EPERM;
	}
	return 0;
}

/**
 * vcpu_reset - it comes, and waits until another one starts it
 * @c: the vCPU, in its own thread
 */
void vcpu_reset(struct vmm_vcpu *c)
{
	struct kvm_mp_state state = { .mp_state = KVM_MP_STATE_UNINITIALIZED };

	ioctl(c->fd, KVM_SET_MP_STATE, &state);
	/* Who stops it, or takes it away again, says so before this is set; and the thread looks once more. */
	__atomic_store_n(&c->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
}

/**
 * vcpu_create - a vCPU, ready to run, or one that may come
 * @v: the VM; the guest is loaded
 * @id: 0 is the boot processor
 */
int vcpu_create(struct vmm *v, int id)
{
	struct vmm_vcpu *c = &v->cpu[id];

	*c = (struct vmm_vcpu){ .vmm = v, .id = id };
	if (id >= v->cfg->cpus)
		return reserve(c);
	c->fd = ioctl(v->vm, KVM_CREATE_VCPU, id);
	if (c->fd < 0) {
		error("cannot create vCPU %d: %s", id,
		      errno == EDQUOT ? limit_words(VH_RES_VCPUS, 1) : strerror(errno));
		return -1;
	}
	confine_keep(c->fd);
	if (set_up(v, c))
		return -1;
	c->exists = c->made = c->present = true;
	/* Without a kernel it begins as a processor does after a reset: at the firmware's last 16 bytes. */
	if (id == 0 && v->cfg->kernel && boot_state(v, c)) {
		error("cannot set the boot processor's state: %s", strerror(errno));
		return -1;
	}
	return 0;
}

static uint64_t rip_of(struct vmm_vcpu *c)
{
	struct kvm_regs r = { };

	ioctl(c->fd, KVM_GET_REGS, &r);
	return r.rip;
}

static void crashed(struct vmm_vcpu *c, const char *what, uint64_t detail)
{
	vmm_stop(c->vmm, EXIT_GUEST_CRASH, "the guest crashed: %s (%#llx) on vCPU %d at rip %#llx",
		 what, (unsigned long long)detail, c->id, (unsigned long long)rip_of(c));
}

static void io_exit(struct vmm_vcpu *c)
{
	struct kvm_run *run = c->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;

	for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size)
		bus_access(&c->vmm->bus, BUS_PORTS, run->io.port, data, run->io.size,
			   run->io.direction == KVM_EXIT_IO_OUT);
}

/* What the exit asks for; false ends the thread. */
static bool handle_exit(struct vmm_vcpu *c)
{
	struct kvm_run *run = c->run;
	struct vmm *v = c->vmm;

	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		io_exit(c);
		return true;
	case KVM_EXIT_MMIO:
		bus_access(&v->bus, BUS_MEMORY, run->mmio.phys_addr, run->mmio.data, run->mmio.len,
			   run->mmio.is_write);
		return true;
	case KVM_EXIT_INTR:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
	case KVM_EXIT_HLT:
		return true;
	case KVM_EXIT_SHUTDOWN:
		crashed(c, "triple fault", 0);
		return false;
	case KVM_EXIT_FAIL_ENTRY:
		crashed(c, "VM entry failed, reason",
			run->fail_entry.hardware_entry_failure_reason);
		return false;
	case KVM_EXIT_INTERNAL_ERROR:
		crashed(c, run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION ?
			"instruction not emulated" : "internal error, suberror",
			run->internal.suberror);
		return false;
	case KVM_EXIT_SYSTEM_EVENT:
		if (run->system_event.type == KVM_SYSTEM_EVENT_SHUTDOWN) {
			vmm_ask_stop(v);
			return true;
		}
		if (run->system_event.type == KVM_SYSTEM_EVENT_RESET)
			vmm_stop(v, EXIT_GUEST_RESET, "the guest asked for a reset");
		else
			crashed(c, "system event", run->system_event.type);
		return false;
	}
	crashed(c, "unknown exit", run->exit_reason);
	return false;
}

static bool stopping(struct vmm *v)
{
	return __atomic_load_n(&v->stopping, __ATOMIC_ACQUIRE);
}

static void *vcpu_thread(void *arg)
{
	struct vmm_vcpu *c = arg;
	unsigned int cuts = 0;

	if (!confine_gate())
		return NULL;
	while (!stopping(c->vmm)) {
		if (cpus_absent(c)) {
			if (!cpus_park(c))
				break;
			continue;
		}
		if (ioctl(c->fd, KVM_RUN, 0) < 0) {
			if (errno == EINTR || errno == EAGAIN || (errno == EFAULT && pmem_mend(&cuts)))
				continue;
			if (errno == EIO)
				vmm_stop(c->vmm, EXIT_QUIT, "the VM was killed");
			vmm_stop(c->vmm, EXIT_ERROR, "vCPU %d stopped: %s%s", c->id,
				 strerror(errno), errno == ENOMEM ?
				 "; the cgroup's limit on page tables may be too low" : "");
			break;
		}
		if (c->run->exit_reason < sizeof(c->exits) / sizeof(c->exits[0]))
			c->exits[c->run->exit_reason]++;
		if (!handle_exit(c))
			break;
	}
	return NULL;
}

static void kicked(int sig)
{
	(void)sig;
}

/**
 * vcpu_start - its thread
 * @v: the VM
 * @id: of the vCPU
 */
int vcpu_start(struct vmm *v, int id)
{
	struct sigaction sa = { .sa_handler = kicked };
	struct vmm_vcpu *c = &v->cpu[id];

	sigaction(SIGUSR1, &sa, NULL);
	c->thread = (struct thread){
		.kind = c->made ? THREAD_VCPU : THREAD_SPARE, .own = c->fd, .file = -1, .number = id, .run = vcpu_thread, .arg = c,
	};
	return thread_start(v, &c->thread);
}

/**
 * vcpu_kick - it leaves KVM_RUN, and does not enter it again before somebody says so
 * @c: the vCPU, which has a thread; any thread
 */
void vcpu_kick(struct vmm_vcpu *c)
{
	struct kvm_run *run = __atomic_load_n(&c->run, __ATOMIC_SEQ_CST);

	if (run)
		__atomic_store_n(&run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	pthread_kill(c->thread.id, SIGUSR1);
}

/**
 * vcpus_kick - every vCPU leaves KVM_RUN and does not enter it again
 * @v: the VM, stopping
 */
void vcpus_kick(struct vmm *v)
{
	for (int i = 0; i < vmm_most_cpus(v->cfg); i++)
		if (v->cpu[i].thread.started)
			vcpu_kick(&v->cpu[i]);
}
