/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * perf.h - the host's performance counters, and what of them may go on in a guest.
 *
 * The kernel tells any module, later ones KVM alone. Where it does not tell, none of the host's
 * counters goes on in a guest, not even one that should.
 */
#ifndef VH_COMPAT_PERF_H
#define VH_COMPAT_PERF_H

#include <asm/cpufeature.h>
#include <asm/perf_event.h>

#include "arch.h"

/* At most that many MSRs: processors without a global control have one for each counter. */
#define VH_PERF_MSRS	8

/* Is there anything to exchange on this processor? Any context. */
static inline bool vh_perf_msrs_exist(void)
{
#ifdef VH_HAVE_PERF_GUEST_MSRS
	return boot_cpu_has(X86_FEATURE_ARCH_PERFMON);
#else
	/* IA32_PERF_GLOBAL_CTRL came with version 2 (SDM Vol. 3, 20.2.2). */
	return boot_cpu_has(X86_FEATURE_ARCH_PERFMON) && (cpuid_eax(10) & 0xff) >= 2;
#endif
}

/**
 * vh_perf_msrs - the MSRs that control host counters, with their values in the host and in a guest
 * @m: filled in
 *
 * Interrupts off. Returns how many differ, of at most VH_PERF_MSRS.
 */
static inline unsigned int vh_perf_msrs(struct perf_guest_switch_msr m[VH_PERF_MSRS])
{
	unsigned int n = 0;
#ifdef VH_HAVE_PERF_GUEST_MSRS
	const struct perf_guest_switch_msr *all;
	int i, nr = 0;

	all = perf_guest_get_msrs(&nr, NULL);
	for (i = 0; all && i < nr && n < VH_PERF_MSRS; i++)
		if (all[i].host != all[i].guest)
			m[n++] = all[i];
#else
	u64 on;

	rdmsrl(MSR_CORE_PERF_GLOBAL_CTRL, on);
	if (!on)
		return 0;
	m[n++] = (struct perf_guest_switch_msr){ .msr = MSR_CORE_PERF_GLOBAL_CTRL, .host = on };
	/* A record may come behind the counter's last event (SDM Vol. 3, 20.6.2.4). */
	if (boot_cpu_has(X86_FEATURE_PEBS) && !rdmsrl_safe(MSR_IA32_PEBS_ENABLE, &on) && on)
		m[n++] = (struct perf_guest_switch_msr){ .msr = MSR_IA32_PEBS_ENABLE, .host = on };
#endif
	return n;
}

/**
 * vh_perf_pebs - what IA32_PEBS_ENABLE is to be in the host
 * @was: what it was when vh turned it off
 *
 * Interrupts off.
 */
static inline u64 vh_perf_pebs(u64 was)
{
#ifdef VH_HAVE_PERF_GUEST_MSRS
	struct perf_guest_switch_msr m[VH_PERF_MSRS];
	unsigned int i, n = vh_perf_msrs(m);

	for (i = 0; i < n; i++)
		if (m[i].msr == MSR_IA32_PEBS_ENABLE)
			return m[i].host;
	return 0;
#else
	return was;
#endif
}

#endif /* VH_COMPAT_PERF_H */
