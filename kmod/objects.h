/* SPDX-License-Identifier: GPL-2.0-only */
/* objects.h - /dev/vh, VMs, vCPUs: what dev.c, vm.c and vcpu.c promise each other. */
#ifndef VH_OBJECTS_H
#define VH_OBJECTS_H

#include "vh.h"

int vh_check_extension(long cap);			/* dev.c: KVM_CHECK_EXTENSION */

/* vm.c; process context */
int vh_vm_create(unsigned long type);			/* a VM fd, or -errno */
int vh_vm_attach(u32 id);				/* VH_ATTACH_VM: a VM fd, or -errno */
void vh_vm_get(struct vh_vm *vm);
void vh_vm_put(struct vh_vm *vm);

/* vcpu.c; process context */
int vh_vcpu_create(struct vh_vm *vm, u32 id);		/* vm->lock held; a vCPU fd, or -errno */
void vh_vcpu_free(struct vh_vcpu *vcpu);		/* last reference of the VM is gone */

/* stats.c; process context */
int vh_stats_fd(struct vh_vm *vm, struct vh_vcpu *vcpu);	/* KVM_GET_STATS_FD; vcpu NULL: the VM's */

/* vfio.c; process context, vm->lock held */
int vh_device_create(struct vh_vm *vm, struct kvm_create_device __user *u);	/* KVM_CREATE_DEVICE */

#endif /* VH_OBJECTS_H */
