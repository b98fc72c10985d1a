/* SPDX-License-Identifier: GPL-2.0-only */
/* mce.h - machine checks of the guest (mce.c); own thread throughout. */
#ifndef VH_MCE_H
#define VH_MCE_H

#include <linux/kvm.h>

struct vh_vcpu;

#define VH_MCE_BANKS 32			/* KVM_CAP_MCE */

u64 vh_mce_cap(void);						/* KVM_X86_GET_MCE_CAP_SUPPORTED */
int vh_mce_create(struct vh_vcpu *vcpu);
void vh_mce_destroy(struct vh_vcpu *vcpu);
int vh_mce_setup(struct vh_vcpu *vcpu, u64 cap);		/* KVM_X86_SETUP_MCE */
int vh_mce_inject(struct vh_vcpu *vcpu, const struct kvm_x86_mce *e);	/* KVM_X86_SET_MCE */
/* 0, or -EINVAL: #GP. @host: userspace writes. */
int vh_mce_msr_read(struct vh_vcpu *vcpu, u32 msr, u64 *value);
int vh_mce_msr_write(struct vh_vcpu *vcpu, u32 msr, u64 value, bool host);

#endif /* VH_MCE_H */
