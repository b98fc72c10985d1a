/* SPDX-License-Identifier: GPL-2.0-only */
/* caps.h - what vmx/ found in the processor that the guest may be offered. */
#ifndef VH_CAPS_H
#define VH_CAPS_H

#include <linux/types.h>

/**
 * struct vh_cpu_caps - VMX features that decide what CPUID may promise
 *
 * Written once at module load by vmx/caps.c; defined in shared.c.
 */
struct vh_cpu_caps {
	bool ept, unrestricted, vpid, invpcid, rdtscp, xsaves, tsc_scaling, step;
	bool bus_lock, notify;		/* exits that VMMs may ask for */
	bool mwait;			/* MONITOR and MWAIT could be left to the guest */
	u64 cr4_allowed;		/* bits that VM entry takes as 1 */
};
extern struct vh_cpu_caps vh_cpu_caps;

#endif /* VH_CAPS_H */
