// SPDX-License-Identifier: GPL-2.0-only
/*
 * weakness.c - /sys/module/vh/mitigations: each weakness, and what vh does about it.
 *
 * Named as in /sys/devices/system/cpu/vulnerabilities. A line begins with "Not
 * affected", "Mitigation: ", "Vulnerable" or "Host: ": the latter where nothing
 * that a hypervisor does between host and guest matters.
 */
#include <linux/kobject.h>
#include <linux/module.h>
#include <linux/sysfs.h>

#include "../compat/mitigate.h"
#include "internal.h"
#include "weakness.h"

static const char *l1tf(void)
{
	const struct vmx_mitigations *m = &vmx_mitigations;

	if (!vh_cpu_caps.ept)
		return "Mitigation: no EPT, shadow entries are vh's";
	switch (m->l1d) {
	case L1D_COND:
		return m->l1d_msr ? "Mitigation: L1D flush when the host has run, by MSR" :
				    "Mitigation: L1D flush when the host has run, by software";
	case L1D_ALWAYS:
		return m->l1d_msr ? "Mitigation: L1D flush at each entry, by MSR" :
				    "Mitigation: L1D flush at each entry, by software";
	}
	return "Vulnerable: no L1D flush";
}

static const char *buffers(void)
{
	if (!vmx_mitigations.verw)
		return "Vulnerable";
	return boot_cpu_has(X86_FEATURE_MD_CLEAR) ? "Mitigation: CPU buffers cleared at each entry" :
		"Vulnerable: CPU buffers cleared at each entry, but the microcode does not know how";
}

static const char *mmio(void)
{
	if (!vmx_mitigations.verw && !vmx_mitigations.verw_mmio)
		return "Mitigation: guests reach no device";
	return "Mitigation: guests reach no device; VERW at each entry";
}

static const char *v2(void)
{
	const struct vmx_mitigations *m = &vmx_mitigations;

	if (m->rsb && m->ibpb)
		return m->spec_ctrl ?
			"Mitigation: return stack filled and IBRS set at each exit, IBPB between vCPUs" :
			"Mitigation: return stack filled at each exit, IBPB between vCPUs";
	if (m->rsb)
		return "Vulnerable: return stack filled at each exit; no IBPB between vCPUs";
	return m->ibpb ? "Vulnerable: IBPB between vCPUs only" : "Vulnerable";
}

static const char *retbleed(void)
{
	return vmx_mitigations.spec_ctrl ? "Mitigation: IBRS set at each exit" :
	       boot_cpu_has(X86_FEATURE_IBRS_ENHANCED) ? "Mitigation: enhanced IBRS" : "Vulnerable";
}

static const char *bhi(void)
{
	return vmx_mitigations.bhb ? "Mitigation: branch history cleared at each exit" :
	       vh_host_bhi_dis_s() ? "Mitigation: BHI_DIS_S, in guests too" : "Vulnerable";
}

static const char *vmscape(void)
{
	return vmx_mitigations.ibpb_to_user ? "Mitigation: IBPB before the VMM's user mode" :
					      "Vulnerable";
}

static const char *multihit(void)
{
	return vh_ept_caps.nx_huge ? "Mitigation: guest code in 4 KiB pages" : "Vulnerable";
}

static const char *ssb(void)
{
	return "Host: the VMM's own setting holds for its guests";
}

static const char *host(void)
{
	return "Host: microcode and kernel";
}

static ssize_t weakness_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf);

static struct vmx_weakness {
	struct kobj_attribute attr;
	int bug;
	const char *(*what)(void);
} weaknesses[] = {
#define WEAKNESS(name, bug, what) { __ATTR(name, 0444, weakness_show, NULL), bug, what }
	WEAKNESS(l1tf, X86_BUG_L1TF, l1tf),
	WEAKNESS(mds, X86_BUG_MDS, buffers),
	WEAKNESS(tsx_async_abort, X86_BUG_TAA, buffers),
	WEAKNESS(reg_file_data_sampling, VH_BUG_RFDS, buffers),
	WEAKNESS(mmio_stale_data, X86_BUG_MMIO_STALE_DATA, mmio),
	WEAKNESS(spectre_v2, X86_BUG_SPECTRE_V2, v2),
	WEAKNESS(retbleed, X86_BUG_RETBLEED, retbleed),
	WEAKNESS(branch_history_injection, VH_BUG_BHI, bhi),
	WEAKNESS(vmscape, VH_BUG_VMSCAPE, vmscape),
	WEAKNESS(itlb_multihit, X86_BUG_ITLB_MULTIHIT, multihit),
	WEAKNESS(spec_store_bypass, X86_BUG_SPEC_STORE_BYPASS, ssb),
	WEAKNESS(srbds, X86_BUG_SRBDS, host),
	WEAKNESS(gather_data_sampling, VH_BUG_GDS, host),
	WEAKNESS(indirect_target_selection, VH_BUG_ITS, host),
#undef WEAKNESS
};

static ssize_t weakness_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	const struct vmx_weakness *w = container_of(attr, struct vmx_weakness, attr);
	bool shared = w->what == l1tf || w->what == buffers;

	if (!vh_has_bug(w->bug))
		return sysfs_emit(buf, "Not affected\n");
	return sysfs_emit(buf, "%s%s\n", w->what(),
			  shared && vmx_mitigations.smt ? "; SMT vulnerable" : "");
}

/* What was done so far, on all CPUs. */
static ssize_t counts_show(struct kobject *kobj, struct kobj_attribute *attr, char *buf)
{
	u64 l1d = 0, ibpb = 0;
	int cpu;

	for_each_possible_cpu(cpu) {
		l1d += READ_ONCE(per_cpu(vmx_mitigation_counts, cpu).l1d);
		ibpb += READ_ONCE(per_cpu(vmx_mitigation_counts, cpu).ibpb);
	}
	return sysfs_emit(buf, "l1d_flush %llu\nibpb %llu\nnx_split %ld\n", l1d, ibpb,
			  atomic_long_read(&vh_ept_splits));
}
static struct kobj_attribute counts = __ATTR_RO(counts);

static struct attribute *attrs[ARRAY_SIZE(weaknesses) + 2];
static const struct attribute_group group = { .attrs = attrs };
static struct kobject *folder;

/**
 * vmx_weakness_init - make /sys/module/vh/mitigations
 *
 * Module load, after the decisions.
 */
int __init vmx_weakness_init(void)
{
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(weaknesses); i++)
		attrs[i] = &weaknesses[i].attr.attr;
	attrs[i] = &counts.attr;
	folder = kobject_create_and_add("mitigations", &THIS_MODULE->mkobj.kobj);
	if (!folder)
		return -ENOMEM;
	err = sysfs_create_group(folder, &group);
	if (err)
		vmx_weakness_exit();
	return err;
}

/**
 * vmx_weakness_exit - and remove it
 */
void vmx_weakness_exit(void)
{
	kobject_put(folder);
	folder = NULL;
}
