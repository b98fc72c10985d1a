// SPDX-License-Identifier: GPL-2.0-only
/*
 * mitigate.c - processor weaknesses: what is done on the way into a guest and out of it.
 *
 * Decided at module load from what the host itself does (compat/mitigate.h),
 * so that mitigations= and its like mean the same for vh. Three places:
 *
 *   a CPU goes from one vCPU to another	branch predictor barrier (IBPB)
 *   a window opens: the host has run	L1D flush, if conditional
 *   each entry and exit			L1D flush if always; VERW, return stack,
 *					branch history (enter.S)
 *
 * Guests are not offered IA32_SPEC_CTRL: they run with the host's, which no
 * exit has to put back.
 */
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/topology.h>
#include <linux/user-return-notifier.h>

#include "../compat/mitigate.h"
#include "mitigate.h"
#include "weakness.h"

DEFINE_STATIC_KEY_FALSE(vmx_mitigated);

struct vmx_mitigations vmx_mitigations __ro_after_init;
DEFINE_PER_CPU(struct vmx_mitigation_counts, vmx_mitigation_counts);

/* --- parameters: words in, what is in use out --- */

static const char *const l1d_words[] = { "never", "cond", "always", "auto" };
static const char *const nx_words[] = { "off", "on", "auto" };
static int l1d_wanted __ro_after_init = L1D_AUTO;
static int nx_wanted __ro_after_init = 2;

static int l1d_set(const char *value, const struct kernel_param *p)
{
	int i = sysfs_match_string(l1d_words, value);

	if (i < 0)
		return i;
	l1d_wanted = i;
	return 0;
}

static int l1d_get(char *buf, const struct kernel_param *p)
{
	return sysfs_emit(buf, "%s\n", l1d_words[vmx_mitigations.l1d]);
}

static const struct kernel_param_ops l1d_ops = { .set = l1d_set, .get = l1d_get };
module_param_cb(l1d_flush, &l1d_ops, NULL, 0444);
MODULE_PARM_DESC(l1d_flush, "flush the L1 data cache before entries on processors with L1TF (never, cond, always; auto: as the host's l1tf=)");

static int nx_set(const char *value, const struct kernel_param *p)
{
	int i = sysfs_match_string(nx_words, value);

	if (i < 0)
		return i;
	nx_wanted = i;
	return 0;
}

static int nx_get(char *buf, const struct kernel_param *p)
{
	return sysfs_emit(buf, "%s\n", nx_words[vh_ept_caps.nx_huge]);
}

static const struct kernel_param_ops nx_ops = { .set = nx_set, .get = nx_get };
module_param_cb(nx_huge_pages, &nx_ops, NULL, 0444);
MODULE_PARM_DESC(nx_huge_pages, "execute guest code from 4 KiB pages only (off, on; auto: on processors with iTLB multihit, unless mitigations=off)");

/* --- L1D --- */

#define L1D_FILL	(64 << 10)	/* twice the L1D of any processor with L1TF */
#define L1D_LINE	64

static void *l1d_pages __ro_after_init;

/* Without the MSR: fill the cache with what is nobody's secret. */
static __always_inline void l1d_fill(void)
{
	unsigned long at;

	/* The page walks first: their loads would evict lines of the fill. */
	for (at = 0; at < L1D_FILL; at += PAGE_SIZE)
		asm volatile("movb (%0), %%al" : : "r" (l1d_pages + at) : "eax", "memory");
	asm volatile("lfence" : : : "memory");
	for (at = 0; at < L1D_FILL; at += L1D_LINE)
		asm volatile("movb (%0), %%al" : : "r" (l1d_pages + at) : "eax", "memory");
	asm volatile("lfence" : : : "memory");
}

static __always_inline void l1d_flush(void)
{
	raw_cpu_inc(vmx_mitigation_counts.l1d);
	if (vmx_mitigations.l1d_msr)	/* wrmsrl() can be traced */
		asm volatile("wrmsr" : : "c" (MSR_IA32_FLUSH_CMD), "a" (L1D_FLUSH), "d" (0) : "memory");
	else
		l1d_fill();
}

static int __init l1d_prepare(void)
{
	unsigned int i;

	if (vmx_mitigations.l1d == L1D_NEVER)
		return 0;
	vmx_mitigations.l1d_msr = boot_cpu_has(X86_FEATURE_FLUSH_L1D);
	if (vmx_mitigations.l1d_msr)
		return 0;
	l1d_pages = (void *)__get_free_pages(GFP_KERNEL, get_order(L1D_FILL));
	if (!l1d_pages)
		return -ENOMEM;
	/* All different: below another hypervisor equal ones might be merged into one. */
	for (i = 0; i < L1D_FILL / PAGE_SIZE; i++)
		memset(l1d_pages + i * PAGE_SIZE, i + 1, PAGE_SIZE);
	return 0;
}

/* --- branch predictors --- */

static DEFINE_PER_CPU(u64, last_vcpu);	/* serial of the vCPU that ran here last; interrupts off */

/*
 * Between a guest and its VMM, where the host has no mark for it that a module
 * may set: the barrier is vh's own, on the way to user mode.
 */
struct to_user {
	struct user_return_notifier notifier;
	bool registered;
};
static DEFINE_PER_CPU(struct to_user, to_user);	/* own CPU, interrupts off */

static void ibpb(void)
{
	__this_cpu_inc(vmx_mitigation_counts.ibpb);
	wrmsrl(MSR_IA32_PRED_CMD, PRED_CMD_IBPB);
}

static void to_user_barrier(struct user_return_notifier *n)
{
	struct to_user *t = container_of(n, struct to_user, notifier);
	unsigned long flags;

	local_irq_save(flags);
	if (t->registered) {
		t->registered = false;
		user_return_notifier_unregister(n);
		ibpb();
	}
	local_irq_restore(flags);
}

static void guest_ran(void)
{
	struct to_user *t = this_cpu_ptr(&to_user);

	if (vh_host_mark_guest_ran() || t->registered)
		return;
	t->notifier.on_user_return = to_user_barrier;
	user_return_notifier_register(&t->notifier);
	t->registered = true;
}

/**
 * vmx_mitigate_switch - another VMCS becomes current on this CPU
 * @vmx: the VMX side of the vCPU
 *
 * Interrupts off. What the vCPU that ran here last has taught the branch
 * predictors is not for this one. By serial number: a VMCS may be where a
 * freed one was.
 */
void vmx_mitigate_switch(struct vh_vmx *vmx)
{
	if (!vmx_mitigations.ibpb || __this_cpu_read(last_vcpu) == vmx->serial)
		return;
	__this_cpu_write(last_vcpu, vmx->serial);
	ibpb();
}

/**
 * vmx_mitigate_window_slow - the host has run since the last entry
 * @vmx: the VMX side of the vCPU, whose VMCS is current
 *
 * Interrupts off. Whatever it was, userspace, another task, an interrupt or
 * the slow path of an exit: it may have left something in the L1D.
 */
void vmx_mitigate_window_slow(struct vh_vmx *vmx)
{
	vmx->l1d_due = vmx_mitigations.l1d == L1D_COND;
	/* Nobody but this CPU changes it, and not before interrupts are on. */
	if (vmx_mitigations.spec_ctrl)
		rdmsrl(MSR_IA32_SPEC_CTRL, vmx->spec_ctrl);
	if (vmx_mitigations.ibpb_to_user)
		guest_ran();
}

/**
 * vmx_mitigate_enter - vmx_enter() on a processor with weaknesses
 * @vcpu: the vCPU
 *
 * In the window; nothing is read for the host between the flush and the entry
 * but this vCPU's own state. RCU need not be looking: noinstr.
 */
noinstr int vmx_mitigate_enter(struct vh_vcpu *vcpu)
{
	struct vh_vmx *vmx = vcpu->vmx;

	if (vmx->l1d_due || vmx_mitigations.l1d == L1D_ALWAYS) {
		vmx->l1d_due = false;
		l1d_flush();
	}
	return vmx_enter_mitigated(vcpu, &vmx->host_rsp,
				   vmx_mitigations.flags | vmx->launched << VMX_ENTER_LAUNCHED_BIT,
				   vmx->spec_ctrl);
}

/* --- module load --- */

/* SDM Vol. 4, IA32_ARCH_CAPABILITIES[3]: a hypervisor below flushes. */
static bool __init l1d_not_needed(void)
{
	u64 caps = 0;

	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrl_safe(MSR_IA32_ARCH_CAPABILITIES, &caps);
	return caps & ARCH_CAP_SKIP_VMENTRY_L1DFLUSH;
}

static int __init l1d_decide(void)
{
	/* The entries of shadow tables are vh's: none points where the guest may not look. */
	if (!vh_has_bug(X86_BUG_L1TF) || !vh_cpu_caps.ept || l1d_not_needed())
		return L1D_NEVER;
	if (l1d_wanted != L1D_AUTO)
		return l1d_wanted;
	return vh_host_l1tf();
}

static bool __init smt_on(void)
{
	unsigned int cpu;

	for_each_online_cpu(cpu)
		if (cpumask_weight(topology_sibling_cpumask(cpu)) > 1)
			return true;
	return false;
}

static void __init warn(void)
{
	bool shared = vh_has_bug(X86_BUG_L1TF) || vh_has_bug(X86_BUG_MDS) ||
		      vh_has_bug(X86_BUG_TAA) || vh_has_bug(X86_BUG_MMIO_STALE_DATA);

	if (cpu_mitigations_off())
		return;
	vmx_mitigations.smt = shared && smt_on();
	if (vmx_mitigations.smt)
		pr_warn("vh: SMT is on, and what a sibling thread may see of another is not mitigated (L1TF, MDS): run only guests that you trust, or boot with nosmt\n");
	if (vh_has_bug(X86_BUG_L1TF) && vh_host_l1tf() && vmx_mitigations.l1d == L1D_NEVER &&
	    vh_cpu_caps.ept && !l1d_not_needed())
		pr_warn("vh: l1d_flush=never: guests may read the host's memory (L1TF)\n");
}

/**
 * vmx_mitigate_init - decide what is done about this processor's weaknesses
 *
 * Module load; the capabilities are known, no VMCS is. -ENOMEM.
 */
int __init vmx_mitigate_init(void)
{
	struct vmx_mitigations *m = &vmx_mitigations;
	int err;

	m->l1d = l1d_decide();
	err = l1d_prepare();
	if (err)
		return err;
	m->verw = vh_host_clears_buffers();
	m->verw_mmio = vh_host_clears_mmio();
	m->flags = m->verw || m->verw_mmio ? BIT(VMX_ENTER_VERW_BIT) : 0;
	m->ibpb = vh_host_ibpb();
	m->ibpb_to_user = vh_host_ibpb_to_user();
	m->rsb = boot_cpu_has(X86_FEATURE_RSB_VMEXIT) || boot_cpu_has(X86_FEATURE_RSB_VMEXIT_LITE);
	m->spec_ctrl = boot_cpu_has(X86_FEATURE_KERNEL_IBRS);
	m->bhb = vh_host_clears_bhb();
	vh_ept_caps.nx_huge = nx_wanted == 2 ?
		vh_has_bug(X86_BUG_ITLB_MULTIHIT) && !cpu_mitigations_off() : nx_wanted;
	if (m->l1d != L1D_NEVER || m->flags || m->ibpb_to_user || m->rsb || m->spec_ctrl || m->bhb)
		static_branch_enable(&vmx_mitigated);
	warn();
	err = vmx_weakness_init();
	if (err)
		vmx_mitigate_exit();
	return err;
}

/**
 * vmx_mitigate_exit - undo vmx_mitigate_init()
 *
 * Module unload.
 */
void vmx_mitigate_exit(void)
{
	vmx_weakness_exit();
	if (l1d_pages)
		free_pages((unsigned long)l1d_pages, get_order(L1D_FILL));
}
