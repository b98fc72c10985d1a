/* SPDX-License-Identifier: GPL-2.0-only */
/* objects.h - /dev/vh, VMs, vCPUs: what dev.c, vm.c and vcpu.c promise each other. */
#ifndef VH_OBJECTS_H
#define VH_OBJECTS_H

#include "compat/kvm.h"

#include "vh.h"

/*
 * Oddities of KVM's that KVM_CAP_DISABLE_QUIRKS2 takes away. CD_NW_CLEARED, FIX_HYPERCALL_INSN and SLOT_ZAP_ALL are
 * not there to begin with.
 */
#define VH_QUIRKS	(KVM_X86_QUIRK_LINT0_REENABLED | KVM_X86_QUIRK_CD_NW_CLEARED | KVM_X86_QUIRK_LAPIC_MMIO_HOLE | \
			 KVM_X86_QUIRK_OUT_7E_INC_RIP | KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT |			       \
			 KVM_X86_QUIRK_FIX_HYPERCALL_INSN | KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS |		       \
			 KVM_X86_QUIRK_SLOT_ZAP_ALL | KVM_X86_QUIRK_STUFF_FEATURE_MSRS)

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
