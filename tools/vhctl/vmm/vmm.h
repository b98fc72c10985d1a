/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vmm.h - a small VMM that speaks only the KVM ABI.
 *
 *   vmm.c      a VM from its configuration to its end: puts all of this together
 *   vcpu.c     one thread for each vCPU: state, KVM_RUN, exits; cpus.c: those that come and go
 *   cpuid.c    the processor that each sees (cpu/cpu.h)
 *   memory.c   guest memory; region.c, mem.c: what of it comes and goes
 *   load.c     bzImage and vmlinux
 *   firmware.c or a firmware, which boots from a disk; fw_cfg.c: what it is told
 *   acpi.c     tables; acpi_loader.c: for a firmware;
 *              acpi_devices.c: the small devices there, aml.h: AML
 *   bus.c      ports and addresses, and the devices there (devices.h):
 *              serial.c rtc.c pm.c reset.c pvpanic.c generation.c watchdog.c
 *   pci.c      a PCI bus, if there is something on it; msi.c: its interrupts; hotplug.c: what comes and goes
 *   virtio_pci.c  virtio devices there, whose queues are in virtqueue.c:
 *   disk_image.c  disks that are not raw; storage.c: who opens them, landlock.c: and what else;
 *              nbd.c: how they are read and written
 *              blk.c (disks; blk_ring.c, blk_request.c, disk.c) rng.c net.c (networks; net.h) vsock.c
 *              balloon.c hvc.c (a console) pmem.c; worker.c: a thread for those that want one
 *   control.c  a socket by which other commands ask the VM
 *   vhost.c    the kernel as the one that serves queues; vhost_user.c: another process
 *              (share.c: folders; virtiofsd.c); daemon.c: processes that serve devices
 *   watch.c    what happens now and then
 *   console.c  terminal
 *   end.c      how a VM ends, from whichever thread
 *   thread.c   threads; confine.c, lists.c: what each may call; what the process has (jail.c), who waits for it
 *              (supervise.c) and asks it (relay.c, plug.h): confine.h
 *   stats.c    exits counted
 *
 * A VM in the background (vhctl start) has its console on a socket and in a log.
 */
#ifndef VMM_H
#define VMM_H

#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/bus.h"
#include "vmm/disk.h"
#include "vmm/net_config.h"
#include "vmm/pmem.h"
#include "vmm/share.h"
#include "vmm/thread.h"

#define VMM_MAX_CPUS	64
#define VMM_MAX_DISKS	24
#define VMM_MAX_NETS	8
#define VMM_MAX_PORTS	64
#define VMM_MAX_PMEMS	8
#define VMM_MAX_SHARES	8
#define VMM_MAX_AREAS	(VMM_MAX_PMEMS + 1)	/* and a firmware */
/* That there can be when the guest begins, and of the small devices a thread each. */
#define VMM_MAX_THREADS	(THREAD_KINDS + VMM_MAX_CPUS + VMM_MAX_DISKS + VMM_MAX_NETS + VMM_MAX_PMEMS + VMM_MAX_SHARES)
#define VMM_MIN_MEMORY	(16ULL << 20)
#define VMM_MAX_MEMORY	(1ULL << 40)

/* Guest-physical layout. */
#define GPA_START_INFO	0x6000ULL	/* hvm_start_info, its module and memory map */
#define GPA_ZERO_PAGE	0x7000ULL	/* boot_params */
#define GPA_CMDLINE	0x20000ULL
#define GPA_GDT		0x5000ULL
#define GPA_RSDP	0xe0000ULL	/* where BIOSes put it */
#define ACPI_SIZE	0x4000		/* of all tables and the RSDP */
#define GPA_KERNEL	0x100000ULL
#define LOW_MEM_END	0x9fc00ULL
#define MMIO_START	0xc0000000ULL	/* memory above continues at 4 GiB */
#define FOUR_GIB	0x100000000ULL
#define GPA_IDENTITY	0xfeffc000ULL	/* a page for VMX, and three for its TSS: KVM_SET_*_ADDR */
#define GPA_TSS		0xfeffd000ULL
#define VMX_PAGES_SIZE	0x4000ULL

/* Ports of the power-management block. */
#define PM_EVENT_PORT	0x600
#define PM_CONTROL_PORT	0x604
#define PM_TIMER_PORT	0x608
#define RESET_PORT	0xcf9
#define SLEEP_TYPE_S5	5
#define GPE_PORT	0x620
#define GPE_BYTES	2		/* of status, and of enable bits */
#define PVPANIC_PORT	0x505
#define SCI_IRQ		9
#define SERIAL_PORT	0x3f8
#define SERIAL_IRQ	4
#define RTC_IRQ		8

/* General-purpose events, as acpi_devices.c has their methods. */
enum { GPE_PCI = 1, GPE_GENERATION = 2, GPE_CPU = 3 };

/* What a watchdog does that the guest does not feed. */
enum watchdog { WATCHDOG_NONE, WATCHDOG_RESET, WATCHDOG_POWEROFF, WATCHDOG_PAUSE };

/**
 * struct vmm_config - what vhctl run was asked for
 */
struct vmm_config {
	const char *device, *name;
	const char *kernel, *initrd, *cmdline;	/* no kernel: what the first disk boots, by @firmware */
	const char *firmware;
	const char *cpu;		/* model of the processor; "host" or NULL: what there is */
	uint64_t memory, memory_max;	/* what it begins with; what can come to be, or 0 */
	int cpus, cpus_max;		/* that it begins with; that there can be, or 0 */
	bool stats;
	bool confine;			/* the VMM, before the guest runs */
	bool named;			/* the kernel is to know the name */
	uint32_t attach;		/* VM of VH_CMD_VM_CREATE to take; 0: create one */
	unsigned int stop_ms;		/* for the guest to power off, after VH_CMD_VM_STOP */
	int listen_fd, log_fd;		/* background: console socket, log; else -1 */
	int ready_fd;			/* background: told when the VM runs; else -1 */
	bool *started;			/* set as soon as it may have run; or NULL */
	struct disk_config disk[VMM_MAX_DISKS];
	int disks;
	struct net_config net[VMM_MAX_NETS];
	int nets;
	struct net_publish publish[VMM_MAX_PORTS];
	int publishes;
	uint32_t vsock_cid;		/* 0: none */
	bool balloon;
	struct pmem_config pmem[VMM_MAX_PMEMS];
	int pmems;
	struct share_config share[VMM_MAX_SHARES];
	int shares;
	bool virtio_console;
	enum watchdog watchdog;
	uint64_t balloon_target;	/* memory that the guest begins with; 0: all */
};

struct vmm_vcpu {
	struct vmm *vmm;
	int id, fd;
	struct kvm_run *run;		/* NULL: it was not made yet; its thread's until then */
	struct thread thread;
	bool present, left;		/* it may run; it could not meanwhile. Written with bus.lock, read by any */
	bool exists;			/* the kernel has it; its thread's, once there is one */
	bool made, ordered;		/* cpus.c; bus.lock, as the next one: the thread is to make it */
	int failed;			/* why it could not, or 0 */
	uint64_t exits[64];		/* by KVM_EXIT_*; own thread */
};

/**
 * struct vmm - a running VM
 */
struct vmm {
	const struct vmm_config *cfg;
	int dev, vm;			/* descriptors; of a confined VM dev only until it is made */
	int channel, link;		/* to supervise.c and relay.c if it is confined, or -1 */
	size_t run_size;
	uint8_t *low, *high;		/* memory below MMIO_START, above 4 GiB */
	uint64_t low_size, high_size;
	int memory_fd;			/* the file that this is, or -1: it is nobody else's */
	struct memory_area {		/* what memory_add() added; const once vCPUs run */
		uint64_t gpa, size;
		uint8_t *at;
	} area[VMM_MAX_AREAS];
	int areas;
	struct region *region;		/* memory that comes and goes; NULL: none; const */
	struct vmm_vcpu cpu[VMM_MAX_CPUS];

	/* How the boot processor starts. */
	uint64_t entry, boot_arg;	/* boot_arg: EBX or RSI */
	bool long_mode;

	struct bus bus;
	struct channel console, hvc;	/* of the serial port, of a virtio console if there is one; bus.lock */
	struct pm *pm;			/* bus.lock */
	struct rtc *rtc;		/* const */
	struct pci_host *pci;		/* NULL: there is none; const */
	bool running;			/* there are vCPUs; const from then on */
	void (*wake)(void);		/* console_loop() is to look; const once there are vCPUs */

	pthread_mutex_t lock;		/* everything below; inside bus.lock */
	bool stopping;
	long long stop_at;		/* ms of CLOCK_MONOTONIC: no more patience; 0: no hurry */
	int status;			/* exit status, set once by vmm_stop() */
	char reason[160];
};

/* How many vCPUs there can be */
static inline int vmm_most_cpus(const struct vmm_config *c)
{
	return c->cpus_max ? c->cpus_max : c->cpus;
}

/* vmm.c */
int vmm_run(const struct vmm_config *cfg);
/* It has a device that is on a PCI bus, and so such a bus. */
bool vmm_has_bus(const struct vmm_config *cfg);

/* end.c; any thread, v->lock not held */
/* End the VM with an exit status and, unless NULL, a reason; the first call counts. */
void vmm_stop(struct vmm *v, int status, const char *reason, ...)
	__attribute__((format(printf, 3, 4)));
/* Somebody asked for the VM's end (VH_CMD_VM_STOP). bus.lock not held. */
void vmm_ask_stop(struct vmm *v);

/* A guest may have the same said for ever: ten times are enough. @said is its count. */
static inline bool may_complain(int *said)
{
	return *said < 10 && ++*said;
}

/* memory.c */
int memory_create(struct vmm *v);
/* @size bytes at @p, of whole pages, that the guest finds at @gpa, with @ro not to be written. 0 or -1, told. */
int memory_add(struct vmm *v, uint64_t gpa, void *p, uint64_t size, bool ro);
/* Where the processor's addresses of memory end. */
uint64_t memory_limit(void);
void memory_limit_bits(unsigned int bits);	/* the guest's have no more; 0: the processor's */
/* Host address of [gpa, +len), or NULL when it is not all memory. */
void *memory_at(struct vmm *v, uint64_t gpa, uint64_t len);

/* load.c; 0, or -1 with the error printed */
int load_guest(struct vmm *v);

/* firmware.c; 0, or -1, told */
int firmware_create(struct vmm *v);

/* acpi.c */
void acpi_build(struct vmm *v, uint8_t *base, uint64_t gpa);
void acpi_create(struct vmm *v);
/* acpi_loader.c */
struct fw_cfg;
void acpi_offer(struct vmm *v, struct fw_cfg *f);

/* cpuid.c; 0, or -1, told */
int cpuid_prepare(struct vmm *v);	/* before memory is made */
int cpuid_set(struct vmm_vcpu *c);

/* vcpu.c */
int vcpu_create(struct vmm *v, int id);
int vcpu_start(struct vmm *v, int id);
int vcpu_make(struct vmm_vcpu *c);
void vcpu_reset(struct vmm_vcpu *c);
void vcpu_kick(struct vmm_vcpu *c);
void vcpus_kick(struct vmm *v);

/* console.c */
int console_open(struct vmm *v);	/* raw mode when stdin is a terminal */
void console_close(struct vmm *v);
void console_loop(struct vmm *v);	/* input until the VM ends */

/* stats.c */
void stats_print(struct vmm *v);

#endif /* VMM_H */
