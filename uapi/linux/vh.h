/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * vh.h - what userspace may include of vh.
 *
 * /dev/vh speaks the KVM ioctl ABI of <linux/kvm.h>. This header holds what
 * vh adds to it; the magic is vh's own, no KVM ioctl is changed.
 */
#ifndef _UAPI_LINUX_VH_H
#define _UAPI_LINUX_VH_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define VH_DEVICE	"/dev/vh"
#define VHIO		0xB7

/* One counter for each basic exit reason of the SDM (Vol. 3, Appendix C). */
#define VH_NR_EXIT_REASONS	80

/**
 * struct vh_exit_stats - exits of one vCPU since its creation
 * @nr: number of valid entries in @counts
 * @pad: zero
 * @counts: exits, indexed by basic exit reason
 */
struct vh_exit_stats {
	__u32 nr;
	__u32 pad;
	__u64 counts[VH_NR_EXIT_REASONS];
};

/* vCPU ioctl: read the vCPU's exit counters; allowed while it runs. */
#define VH_GET_EXIT_STATS	_IOR(VHIO, 0x10, struct vh_exit_stats)

#endif /* _UAPI_LINUX_VH_H */
