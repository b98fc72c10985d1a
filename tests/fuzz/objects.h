/* SPDX-License-Identifier: GPL-2.0-only */
/* VMs of a round of ioctls, shared by its threads without locks: they only guess at each other's work. */
#ifndef VH_TESTS_OBJECTS_H
#define VH_TESTS_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/kvm.h>

#define MAX_VMS		3
#define MAX_VCPUS	3
#define SLOTS		8
#define EVENTS		8
#define MEM_SIZE	(4u << 20)
#define CODE		0x1000u
#define IDT		0x3000u

struct a_vcpu {
	int fd;
	struct kvm_run *run;		/* NULL: none */
};

struct a_vm {
	int fd;
	bool live;			/* runs guest.S; else its memory is HLT, and any state goes */
	uint8_t *mem, *spare;		/* spare: where mremap() moves things */
	uint8_t *odd;			/* ODD_SIZE bytes that come late or not (backing.h), or NULL */
	unsigned int vcpus;
	struct a_vcpu vcpu[MAX_VCPUS];
	struct kvm_userspace_memory_region slot[SLOTS];
	int event[EVENTS];
	struct kvm_irqfd irqfd[EVENTS];
	struct kvm_ioeventfd ioevent[EVENTS];
};

extern struct a_vm vms[MAX_VMS];
extern unsigned int nr_vms;

void vm_begin(struct a_vm *vm, bool live);		/* a new VM with memory, perhaps devices, a vCPU */
void vm_add(struct a_vm *vm);				/* one more vCPU, if it can be */
void vm_end(struct a_vm *vm);				/* close its descriptors */
void vcpu_begin(struct a_vm *vm, struct a_vcpu *v);	/* put a vCPU at the start of its guest */

/* Each does one thing to a VM or a vCPU, with arguments that are nearly right. */
void an_ioctl(struct a_vm *vm);
void to_memory(struct a_vm *vm);
void to_descriptors(struct a_vm *vm, int helper);

enum { IOCTLS, SUCCEEDED, RUNS, RETURNED, IRQS, SLOT_CHANGES, EVENTFDS, MEMORY_CHANGES, CLOSES, FORKS,
	PASSED, RESTARTS, VMS };

#endif
