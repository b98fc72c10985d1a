/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kvm.h - what <linux/kvm.h> of newer kernels has, with KVM's numbers, for older ones.
 *
 * Also for programs of userspace that speak the KVM ABI.
 */
#ifndef VH_COMPAT_KVM_H
#define VH_COMPAT_KVM_H

#include <linux/kvm.h>

#ifndef KVM_CAP_USER_MEMORY2
#define KVM_CAP_USER_MEMORY2		231
#endif
#ifndef KVM_CAP_MEMORY_FAULT_INFO
#define KVM_CAP_MEMORY_FAULT_INFO	232
#endif
#ifndef KVM_CAP_PRE_FAULT_MEMORY
#define KVM_CAP_PRE_FAULT_MEMORY	236
#endif

#ifndef KVM_X86_QUIRK_SLOT_ZAP_ALL
#define KVM_X86_QUIRK_SLOT_ZAP_ALL	(1 << 7)
#endif
#ifndef KVM_X86_QUIRK_STUFF_FEATURE_MSRS
#define KVM_X86_QUIRK_STUFF_FEATURE_MSRS (1 << 8)
#endif

#ifndef KVM_EXIT_MEMORY_FAULT
#define KVM_EXIT_MEMORY_FAULT		39
#endif

/* kvm_run.memory_fault, which begins where all members of that union do. */
struct vh_memory_fault {
	__u64 flags, gpa, size;
};
#define vh_memory_fault_of(run)	((struct vh_memory_fault *)((char *)(run) + __builtin_offsetof(struct kvm_run, hw)))

#ifndef KVM_SET_USER_MEMORY_REGION2
struct kvm_userspace_memory_region2 {
	__u32 slot;
	__u32 flags;
	__u64 guest_phys_addr;
	__u64 memory_size;
	__u64 userspace_addr;
	__u64 guest_memfd_offset;
	__u32 guest_memfd;
	__u32 pad1;
	__u64 pad2[14];
};
#define KVM_SET_USER_MEMORY_REGION2	_IOW(KVMIO, 0x49, struct kvm_userspace_memory_region2)
#endif

#ifndef KVM_PRE_FAULT_MEMORY
struct kvm_pre_fault_memory {
	__u64 gpa;
	__u64 size;
	__u64 flags;
	__u64 padding[5];
};
#define KVM_PRE_FAULT_MEMORY		_IOWR(KVMIO, 0xd5, struct kvm_pre_fault_memory)
#endif

/* Newer ones have lost it. */
#ifndef KVM_GET_NR_MMU_PAGES
#define KVM_GET_NR_MMU_PAGES		_IO(KVMIO, 0x45)
#endif

#endif /* VH_COMPAT_KVM_H */
