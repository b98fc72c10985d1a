// SPDX-License-Identifier: GPL-2.0-only
/* stats.c - how many exits of which kinds. */
#include <linux/vh.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "object.h"
#include "vmm/vmm.h"

static const char *const user_reasons[64] = {
	[KVM_EXIT_IO] = "port", [KVM_EXIT_MMIO] = "MMIO", [KVM_EXIT_HLT] = "HLT",
	[KVM_EXIT_SHUTDOWN] = "shutdown", [KVM_EXIT_INTR] = "signal",
	[KVM_EXIT_INTERNAL_ERROR] = "internal error", [KVM_EXIT_FAIL_ENTRY] = "entry failed",
};

static void row(const char *name, int number, unsigned long long count)
{
	char unnamed[32];

	if (!count)
		return;
	snprintf(unnamed, sizeof(unnamed), "reason %d", number);
	fprintf(stderr, "  %-28s %12llu\n", name ? name : unnamed, count);
}

/**
 * stats_print - the tables, on stderr
 * @v: the VM, its threads ended
 */
void stats_print(struct vmm *v)
{
	unsigned long long user[64] = { 0 }, vmx[VH_NR_EXIT_REASONS] = { 0 }, total = 0;
	int cpu, i, known = 0;

	for (cpu = 0; cpu < vmm_most_cpus(v->cfg); cpu++) {
		struct vh_exit_stats s;

		for (i = 0; i < 64; i++)
			user[i] += v->cpu[cpu].exits[i];
		if (ioctl(v->cpu[cpu].fd, VH_GET_EXIT_STATS, &s))
			continue;
		known = 1;
		for (i = 0; i < (int)s.nr && i < VH_NR_EXIT_REASONS; i++) {
			vmx[i] += s.counts[i];
			total += s.counts[i];
		}
	}
	if (known) {
		fprintf(stderr, "VM exits: %llu\n", total);
		for (i = 0; i < VH_NR_EXIT_REASONS; i++)
			row(exit_name(i), i, vmx[i]);
	}
	fprintf(stderr, "exits to userspace:\n");
	for (i = 0; i < 64; i++)
		row(user_reasons[i], i, user[i]);
}
