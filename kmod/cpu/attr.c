// SPDX-License-Identifier: GPL-2.0-only
/*
 * attr.c - attributes of the system's descriptor and a vCPU's: KVM_{HAS,GET,SET}_DEVICE_ATTR.
 *
 * A VM has none (KVM_CAP_VM_ATTRIBUTES is 0), as on KVM.
 */
#include <linux/mm.h>

#include "internal.h"

/**
 * vh_system_attr - KVM_HAS_DEVICE_ATTR, KVM_GET_DEVICE_ATTR on /dev/vh
 * @u: struct kvm_device_attr
 * @cmd: the ioctl
 *
 * Process context. -ENXIO: no such attribute; -EFAULT.
 */
int vh_system_attr(const struct kvm_device_attr __user *u, unsigned int cmd)
{
	struct kvm_device_attr a;

	if (copy_from_user(&a, u, sizeof(a)))
		return -EFAULT;
	if (a.group || a.attr != KVM_X86_XCOMP_GUEST_SUPP)
		return -ENXIO;
	return cmd == KVM_GET_DEVICE_ATTR ? put_user(vh_fpu_xcr0(), (u64 __user *)u64_to_user_ptr(a.addr)) : 0;
}

/**
 * vh_vcpu_attr - KVM_HAS_DEVICE_ATTR, KVM_GET_DEVICE_ATTR, KVM_SET_DEVICE_ATTR on a vCPU
 * @vcpu: the vCPU; own thread
 * @u: struct kvm_device_attr
 * @cmd: the ioctl
 *
 * Process context. -ENXIO: no such attribute; -EFAULT.
 */
int vh_vcpu_attr(struct vh_vcpu *vcpu, const struct kvm_device_attr __user *u, unsigned int cmd)
{
	struct kvm_device_attr a;
	u64 __user *at;
	u64 offset;

	if (copy_from_user(&a, u, sizeof(a)))
		return -EFAULT;
	if (a.group != KVM_VCPU_TSC_CTRL || a.attr != KVM_VCPU_TSC_OFFSET)
		return -ENXIO;
	at = u64_to_user_ptr(a.addr);
	switch (cmd) {
	case KVM_GET_DEVICE_ATTR:
		return put_user(vh_tsc_offset_get(vcpu), at);
	case KVM_SET_DEVICE_ATTR:
		if (get_user(offset, at))
			return -EFAULT;
		vh_tsc_offset_set(vcpu, offset);
	}
	return 0;
}
