// SPDX-License-Identifier: GPL-2.0-only
/*
 * caps.c - what this processor's VMX can do (SDM Vol. 3, Appendix A).
 *
 * Read on every CPU when the module loads; all CPUs must agree. The minimum is
 * stated in need[] below; everything else is used when it is there.
 */
#include <linux/cpu.h>
#include <linux/moduleparam.h>
#include <linux/smp.h>
#include <asm/cpufeature.h>

#include "../compat/compat.h"
#include "internal.h"
#include "mitigate.h"

struct vmx_caps vmx_caps __ro_after_init;

static int apicv = -1;
module_param(apicv, int, 0444);
MODULE_PARM_DESC(apicv, "interrupts delivered by the processor (0: no, 1: not posted ones, 2: also posted ones, -1: 2 where it can)");

static bool unrestricted_guest = true;
module_param(unrestricted_guest, bool, 0444);
MODULE_PARM_DESC(unrestricted_guest, "let the processor run real mode and unpaged code itself, if it can");

static bool ept = true;
module_param(ept, bool, 0444);
MODULE_PARM_DESC(ept, "extended page tables, if the processor has them; else shadow tables");

static bool vpid = true;
module_param(vpid, bool, 0444);
MODULE_PARM_DESC(vpid, "tag the TLB by vCPU, if the processor can");

static bool pml = true;
module_param(pml, bool, 0444);
MODULE_PARM_DESC(pml, "dirty logging by page-modification logging, if the processor has it; else by write protection");

/**
 * struct ctl - one word of VM-execution, exit or entry controls
 * @name: of the word, for the log
 * @msr: capability MSR
 * @true_msr: its "true" twin when VMX_BASIC has bit 55
 * @min: controls without which vh does not run here
 * @opt: controls used when the processor has them
 */
struct ctl {
	const char *name;
	u32 msr, true_msr;
	u32 min, opt;
};

static const struct ctl ctl_pin = {
	"pin-based", MSR_IA32_VMX_PINBASED_CTLS, MSR_IA32_VMX_TRUE_PINBASED_CTLS,
	PIN_BASED_EXT_INTR_MASK | PIN_BASED_NMI_EXITING | PIN_BASED_VIRTUAL_NMIS,
	PIN_BASED_POSTED_INTR,
};
static const struct ctl ctl_proc = {
	"primary processor-based", MSR_IA32_VMX_PROCBASED_CTLS, MSR_IA32_VMX_TRUE_PROCBASED_CTLS,
	CPU_BASED_HLT_EXITING | CPU_BASED_MWAIT_EXITING | CPU_BASED_MONITOR_EXITING |
	CPU_BASED_MOV_DR_EXITING | CPU_BASED_UNCOND_IO_EXITING | CPU_BASED_USE_MSR_BITMAPS |
	CPU_BASED_USE_TSC_OFFSETTING | CPU_BASED_RDPMC_EXITING | CPU_BASED_TPR_SHADOW |
	CPU_BASED_ACTIVATE_SECONDARY_CONTROLS,
	CPU_BASED_MONITOR_TRAP_FLAG,
};
static const struct ctl ctl_proc2 = {
	"secondary processor-based", MSR_IA32_VMX_PROCBASED_CTLS2, MSR_IA32_VMX_PROCBASED_CTLS2,
	0,
	SECONDARY_EXEC_ENABLE_EPT | SECONDARY_EXEC_UNRESTRICTED_GUEST |
	SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES | SECONDARY_EXEC_ENABLE_RDTSCP |
	SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE | SECONDARY_EXEC_ENABLE_VPID |
	SECONDARY_EXEC_WBINVD_EXITING | SECONDARY_EXEC_APIC_REGISTER_VIRT |
	SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY | SECONDARY_EXEC_PAUSE_LOOP_EXITING |
	SECONDARY_EXEC_ENABLE_INVPCID | SECONDARY_EXEC_ENABLE_XSAVES | SECONDARY_EXEC_TSC_SCALING |
	SECONDARY_EXEC_ENABLE_PML | SECONDARY_EXEC_ENCLS_EXITING |
	SECONDARY_EXEC_RDRAND_EXITING | SECONDARY_EXEC_RDSEED_EXITING |
	SECONDARY_EXEC_BUS_LOCK_DETECTION | SECONDARY_EXEC_NOTIFY_VM_EXITING,
};
static const struct ctl ctl_exit = {
	"VM-exit", MSR_IA32_VMX_EXIT_CTLS, MSR_IA32_VMX_TRUE_EXIT_CTLS,
	VM_EXIT_HOST_ADDR_SPACE_SIZE | VM_EXIT_SAVE_DEBUG_CONTROLS,
	VM_EXIT_LOAD_IA32_EFER | VM_EXIT_LOAD_IA32_PAT | VM_EXIT_ACK_INTR_ON_EXIT,
};
static const struct ctl ctl_entry = {
	"VM-entry", MSR_IA32_VMX_ENTRY_CTLS, MSR_IA32_VMX_TRUE_ENTRY_CTLS,
	VM_ENTRY_LOAD_DEBUG_CONTROLS, VM_ENTRY_LOAD_IA32_EFER | VM_ENTRY_LOAD_IA32_PAT,
};

/* SDM A.2 to A.5: the low half of the MSR must be one, the high half may be. */
static bool ctl_read(const struct ctl *c, bool true_msrs, u32 *value)
{
	u32 must, may;

	if (rdmsr_safe(true_msrs ? c->true_msr : c->msr, &must, &may))
		must = ~0u, may = 0;
	*value = ((c->min | c->opt) & may) | must;
	if ((c->min & ~may) == 0)
		return true;
	vh_info("CPU%d: VMX lacks %s controls %#x\n", raw_smp_processor_id(), c->name,
		c->min & ~may);
	return false;
}


#define EPT_VPID_USED							\
	(VMX_EPT_EXECUTE_ONLY_BIT | VMX_EPT_PAGE_WALK_4_BIT | VMX_EPTP_WB_BIT | VMX_EPT_2MB_PAGE_BIT |	\
	 VMX_EPT_1GB_PAGE_BIT | VMX_EPT_INVEPT_BIT | VMX_EPT_AD_BIT | VMX_EPT_EXTENT_CONTEXT_BIT |	\
	 VMX_EPT_EXTENT_GLOBAL_BIT |									\
	 (VMX_VPID_INVVPID_BIT | VMX_VPID_EXTENT_SINGLE_CONTEXT_BIT |					\
	  VMX_VPID_EXTENT_GLOBAL_CONTEXT_BIT) << 32)

/* Four levels, write-back, and a way to flush. */
static bool ept_usable(u64 cap)
{
	return (cap & VMX_EPT_PAGE_WALK_4_BIT) && (cap & VMX_EPTP_WB_BIT) &&
	       (cap & VMX_EPT_INVEPT_BIT) &&
	       (cap & (VMX_EPT_EXTENT_CONTEXT_BIT | VMX_EPT_EXTENT_GLOBAL_BIT));
}

static bool caps_read(struct vmx_caps *c)
{
	u64 basic = 0;
	bool true_msrs, ok;

	memset(c, 0, sizeof(*c));
	if (rdmsrl_safe(MSR_IA32_VMX_BASIC, &basic))
		return false;
	true_msrs = basic & VMX_BASIC_TRUE_CTLS;
	c->revision = basic & 0x7fffffff;
	c->vmcs_size = (basic >> 32) & 0x1fff;
	ok = ctl_read(&ctl_pin, true_msrs, &c->pin);
	ok &= ctl_read(&ctl_proc, true_msrs, &c->proc);
	/* The "true" MSR allows CR3 exiting off; the plain one, on the first CPUs, does not. */
	ok &= ctl_read(&ctl_exit, true_msrs, &c->exit);
	ok &= ctl_read(&ctl_entry, true_msrs, &c->entry);
	if (!ok || !ctl_read(&ctl_proc2, false, &c->proc2))
		return false;
	/* A vCPU's, while a debugger steps it. */
	c->step = c->proc & CPU_BASED_MONITOR_TRAP_FLAG;
	c->proc &= ~CPU_BASED_MONITOR_TRAP_FLAG;
	/* Those of VMs that ask for them. */
	c->bus_lock = c->proc2 & SECONDARY_EXEC_BUS_LOCK_DETECTION;
	c->notify = c->proc2 & SECONDARY_EXEC_NOTIFY_VM_EXITING;
	c->proc2 &= ~(SECONDARY_EXEC_BUS_LOCK_DETECTION | SECONDARY_EXEC_NOTIFY_VM_EXITING);
	/* Both ways or not at all. Without PAT the host's stays: guest memory ignores the guest's. */
	if (!(c->exit & VM_EXIT_LOAD_IA32_EFER) || !(c->entry & VM_ENTRY_LOAD_IA32_EFER)) {
		c->exit &= ~VM_EXIT_LOAD_IA32_EFER;
		c->entry &= ~VM_ENTRY_LOAD_IA32_EFER;
	}
	if (!(c->exit & VM_EXIT_LOAD_IA32_PAT) || !(c->entry & VM_ENTRY_LOAD_IA32_PAT)) {
		c->exit &= ~VM_EXIT_LOAD_IA32_PAT;
		c->entry &= ~VM_ENTRY_LOAD_IA32_PAT;
	}
	if (c->vmcs_size > PAGE_SIZE || c->vmcs_size == 0)
		return false;

	rdmsrl(MSR_IA32_VMX_CR0_FIXED0, c->cr0_fixed0);
	rdmsrl(MSR_IA32_VMX_CR4_FIXED0, c->cr4_fixed0);
	rdmsrl(MSR_IA32_VMX_CR4_FIXED1, c->cr4_fixed1);
	/* The MSR is there when one of the two is (SDM A.10). */
	if (c->proc2 & (SECONDARY_EXEC_ENABLE_EPT | SECONDARY_EXEC_ENABLE_VPID))
		rdmsrl(MSR_IA32_VMX_EPT_VPID_CAP, c->ept_vpid);
	/* CPUs of one host may differ in what does not matter here. */
	c->ept_vpid &= EPT_VPID_USED;

	if (!ept || !ept_usable(c->ept_vpid))
		c->proc2 &= ~SECONDARY_EXEC_ENABLE_EPT;
	if (!(c->proc2 & SECONDARY_EXEC_ENABLE_EPT)) {
		/* SDM 27.2.1.1; and the guest's CR3 is not the processor's. */
		c->proc2 &= ~SECONDARY_EXEC_UNRESTRICTED_GUEST;
		c->proc |= CPU_BASED_CR3_LOAD_EXITING | CPU_BASED_CR3_STORE_EXITING |
			   CPU_BASED_INVLPG_EXITING;
	}

	/* What is logged is that a dirty bit is set (SDM 29.3.6). */
	if (!pml || !(c->ept_vpid & VMX_EPT_AD_BIT) || !(c->proc2 & SECONDARY_EXEC_ENABLE_EPT))
		c->proc2 &= ~SECONDARY_EXEC_ENABLE_PML;

	/* A tagged TLB that cannot be flushed by tag is of no use. */
	if (!(c->ept_vpid & VMX_VPID_INVVPID_BIT << 32) ||
	    !(c->ept_vpid & (VMX_VPID_EXTENT_SINGLE_CONTEXT_BIT |
			     VMX_VPID_EXTENT_GLOBAL_CONTEXT_BIT) << 32))
		c->proc2 &= ~SECONDARY_EXEC_ENABLE_VPID;
	if (!vpid)
		c->proc2 &= ~SECONDARY_EXEC_ENABLE_VPID;
	if (!unrestricted_guest)
		c->proc2 &= ~SECONDARY_EXEC_UNRESTRICTED_GUEST;
	if (!(c->proc2 & SECONDARY_EXEC_APIC_REGISTER_VIRT) ||
	    !(c->proc2 & SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY) ||
	    !(c->proc2 & SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE) ||
	    !(c->proc2 & SECONDARY_EXEC_VIRTUALIZE_APIC_ACCESSES))
		c->proc2 &= ~(SECONDARY_EXEC_APIC_REGISTER_VIRT | SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY);
	/* What is posted is acknowledged by the processor, also when it is the host's (SDM 27.2.1.1). */
	if (!(c->exit & VM_EXIT_ACK_INTR_ON_EXIT) || vh_notify_vector() < 0 || apicv == 1)
		c->pin &= ~PIN_BASED_POSTED_INTR;
	/*
	 * Every processor that delivers virtual interrupts also takes posted ones.
	 * One that claims only the former is an emulator's; bochs 2.7 reports no
	 * IDT-vectoring information when such a delivery is cut short.
	 */
	if (apicv == 0 || (apicv < 0 && !(c->pin & PIN_BASED_POSTED_INTR)))
		c->proc2 &= ~(SECONDARY_EXEC_APIC_REGISTER_VIRT | SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY);
	c->vid = c->proc2 & SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY;
	c->posted = c->vid && (c->pin & PIN_BASED_POSTED_INTR);
	c->pin &= ~PIN_BASED_POSTED_INTR;	/* a vCPU's, when its interrupts are virtual */
	if (!c->posted)
		c->exit &= ~VM_EXIT_ACK_INTR_ON_EXIT;
	if (!boot_cpu_has(X86_FEATURE_XSAVES))
		c->proc2 &= ~SECONDARY_EXEC_ENABLE_XSAVES;
	return true;
}

static void caps_compare(void *failed)
{
	struct vmx_caps c;

	if (!caps_read(&c) || memcmp(&c, &vmx_caps, sizeof(c)))
		atomic_inc(failed);
}

/**
 * vmx_caps_init - read the capability MSRs of every CPU
 *
 * Process context. Returns -EOPNOTSUPP with a line in the log when the
 * processor or the firmware does not offer what vh needs.
 */
int vmx_caps_init(void)
{
	atomic_t failed = ATOMIC_INIT(0);
	u64 feat = 0, misc;

	/* The kernel hides the feature too where firmware locked it: ask the processor. */
	if (!(cpuid_ecx(1) & BIT(5))) {
		vh_info("this processor has no VMX\n");
		return -EOPNOTSUPP;
	}
	/*
	 * SDM 24.7: VMXON faults unless firmware has locked the MSR with VMX on; another bit counts in a
	 * measured environment (tboot), and the kernel knows whether it is in one.
	 */
	if (rdmsrl_safe(MSR_IA32_FEAT_CTL, &feat) || !(feat & FEAT_CTL_LOCKED) ||
	    !(feat & (FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX | FEAT_CTL_VMX_ENABLED_INSIDE_SMX))) {
		vh_info("VMX is disabled by the firmware (IA32_FEATURE_CONTROL %#llx); enable it there\n",
			feat);
		return -EOPNOTSUPP;
	}
	if (!boot_cpu_has(X86_FEATURE_VMX)) {
		vh_info("VMX is disabled by the kernel's command line (clearcpuid=), or a measured launch\n");
		return -EOPNOTSUPP;
	}

#ifdef X86_FEATURE_FRED
	/* NMIs and machine checks reach the host's handlers by INT, which FRED does not take for them. */
	if (cpu_feature_enabled(X86_FEATURE_FRED)) {
		vh_info("this host's kernel uses FRED, which vh does not know: boot with fred=off\n");
		return -EOPNOTSUPP;
	}
#endif

	cpus_read_lock();
	preempt_disable();
	if (!caps_read(&vmx_caps))
		atomic_inc(&failed);
	preempt_enable();
	if (!atomic_read(&failed))
		on_each_cpu(caps_compare, &failed, 1);
	cpus_read_unlock();
	if (atomic_read(&failed)) {
		vh_info("VMX here is below vh's minimum, or differs between CPUs\n");
		return -EOPNOTSUPP;
	}

	rdmsrl(MSR_IA32_VMX_MISC, misc);
	vmx_caps.pt_stops = !(misc & BIT(14)) && boot_cpu_has(X86_FEATURE_INTEL_PT);
	vh_cpu_caps.ept = vmx_caps.proc2 & SECONDARY_EXEC_ENABLE_EPT;
	vh_cpu_caps.unrestricted = vmx_caps.proc2 & SECONDARY_EXEC_UNRESTRICTED_GUEST;
	vh_cpu_caps.vpid = vmx_caps.proc2 & SECONDARY_EXEC_ENABLE_VPID;
	vh_cpu_caps.invpcid = vmx_caps.proc2 & SECONDARY_EXEC_ENABLE_INVPCID;
	vh_cpu_caps.rdtscp = vmx_caps.proc2 & SECONDARY_EXEC_ENABLE_RDTSCP;
	vh_cpu_caps.xsaves = vmx_caps.proc2 & SECONDARY_EXEC_ENABLE_XSAVES;
	vh_cpu_caps.tsc_scaling = vmx_caps.proc2 & SECONDARY_EXEC_TSC_SCALING;
	vh_cpu_caps.step = vmx_caps.step;
	vh_cpu_caps.bus_lock = vmx_caps.bus_lock;
	vh_cpu_caps.notify = vmx_caps.notify;
	/* A guest that waits so must be woken by an interrupt of the host's timer, and by a store. */
	vh_cpu_caps.mwait = boot_cpu_has(X86_FEATURE_MWAIT) && boot_cpu_has(X86_FEATURE_ARAT) &&
			    !boot_cpu_has_bug(X86_BUG_MONITOR);
	/* Without PKRU in the host's XCR0 nobody would exchange it. */
	vh_cpu_caps.cr4_allowed = vmx_caps.cr4_fixed1 & ~(boot_cpu_has(X86_FEATURE_OSPKE) ? 0 : X86_CR4_PKE);
	vh_ept_caps.ad = vmx_caps.ept_vpid & VMX_EPT_AD_BIT;
	vh_ept_caps.huge_2m = vmx_caps.ept_vpid & VMX_EPT_2MB_PAGE_BIT;
	vh_ept_caps.huge_1g = vmx_caps.ept_vpid & VMX_EPT_1GB_PAGE_BIT;
	vh_ept_caps.exec_only = vmx_caps.ept_vpid & VMX_EPT_EXECUTE_ONLY_BIT;
	vh_ept_caps.pml = vmx_caps.proc2 & SECONDARY_EXEC_ENABLE_PML;
	/* The parameters read as what is in use. */
	ept = vh_cpu_caps.ept;
	unrestricted_guest = vh_cpu_caps.unrestricted;
	vpid = vh_cpu_caps.vpid;
	apicv = vmx_caps.vid + vmx_caps.posted;
	pml = vh_ept_caps.pml;
	return 0;
}

/**
 * vh_vmx_init - module load: what VMX is there, and the hooks around it
 *
 * VMX itself stays off. -EOPNOTSUPP with a line in the log when it cannot be used.
 */
int __init vh_vmx_init(void)
{
	int err = vmx_caps_init();

	if (!err)
		err = vmx_mitigate_init();
	if (err)
		return err;
	vmx_perf_init();
	static_call_update(vh_fetch, vmx_fetch);
	err = vmx_root_init();
	if (err)
		vmx_mitigate_exit();
	return err;
}

/**
 * vh_vmx_exit - module unload
 */
void vh_vmx_exit(void)
{
	vmx_root_exit();
	vmx_mitigate_exit();
}
