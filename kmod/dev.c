// SPDX-License-Identifier: GPL-2.0-only
/*
 * dev.c - /dev/vh: system ioctls and capabilities (the KVM ABI), module life cycle.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/notifier.h>

#include "bound.h"
#include "caps.h"
#include "compat/compat.h"
#include "compat/kvm.h"
#include "cpu/cpu.h"
#include "ctl/asker.h"
#include "ctl/events.h"
#include "irq/irq.h"
#include "mmu/mmu.h"
#include "objects.h"
#include "run/run.h"
#include "vmx/vmx.h"

/**
 * vh_check_extension - KVM_CHECK_EXTENSION
 * @cap: KVM_CAP_*
 *
 * The table of docs/uapi.md: what is answered here works, what is not is 0.
 */
int vh_check_extension(long cap)
{
	switch (cap) {
	case KVM_CAP_IRQCHIP:
	case KVM_CAP_SPLIT_IRQCHIP:
	case KVM_CAP_HLT:
	case KVM_CAP_USER_MEMORY:
	case KVM_CAP_SET_TSS_ADDR:
	case KVM_CAP_EXT_CPUID:
	case KVM_CAP_EXT_EMUL_CPUID:
	case KVM_CAP_CLOCKSOURCE:
	case KVM_CAP_PIT:
	case KVM_CAP_NOP_IO_DELAY:
	case KVM_CAP_MP_STATE:
	case KVM_CAP_SYNC_MMU:
	case KVM_CAP_DESTROY_MEMORY_REGION_WORKS:
	case KVM_CAP_USER_NMI:
	case KVM_CAP_JOIN_MEMORY_REGIONS_WORKS:
	case KVM_CAP_IRQ_INJECT_STATUS:
	case KVM_CAP_IRQFD:
	case KVM_CAP_IRQFD_RESAMPLE:
	case KVM_CAP_PIT2:
	case KVM_CAP_PIT_STATE2:
	case KVM_CAP_IOEVENTFD:
	case KVM_CAP_IOEVENTFD_ANY_LENGTH:
	case KVM_CAP_SET_IDENTITY_MAP_ADDR:
	case KVM_CAP_VCPU_EVENTS:
	case KVM_CAP_INTERNAL_ERROR_DATA:
	case KVM_CAP_DEBUGREGS:
	case KVM_CAP_XSAVE:
	case KVM_CAP_GET_TSC_KHZ:
	case KVM_CAP_TSC_DEADLINE_TIMER:
	case KVM_CAP_SIGNAL_MSI:
	case KVM_CAP_READONLY_MEM:
	case KVM_CAP_KVMCLOCK_CTRL:
	case KVM_CAP_IMMEDIATE_EXIT:
	case KVM_CAP_CHECK_EXTENSION_VM:
	case KVM_CAP_ENABLE_CAP_VM:
	case KVM_CAP_GET_MSR_FEATURES:
	case KVM_CAP_SREGS2:
	case KVM_CAP_SET_BOOT_CPU_ID:
	case KVM_CAP_COALESCED_PIO:
	case KVM_CAP_USER_MEMORY2:
	case KVM_CAP_MEMORY_FAULT_INFO:
	case KVM_CAP_MMU_SHADOW_CACHE_CONTROL:
	case KVM_CAP_HYPERV:		/* without it QEMU does not ask for what there is (none), and fails later */
	case KVM_CAP_HYPERV_CPUID:
	case KVM_CAP_SYS_HYPERV_CPUID:
	case KVM_CAP_SYS_ATTRIBUTES:
	case KVM_CAP_VCPU_ATTRIBUTES:
	case KVM_CAP_EXCEPTION_PAYLOAD:
	case KVM_CAP_X86_TRIPLE_FAULT_EVENT:
	case KVM_CAP_DISABLE_QUIRKS:
	case KVM_CAP_ENABLE_CAP:
	case KVM_CAP_ENFORCE_PV_FEATURE_CPUID:
	case KVM_CAP_ASYNC_PF:
	case KVM_CAP_ASYNC_PF_INT:
	case KVM_CAP_MSR_PLATFORM_INFO:
	case KVM_CAP_REINJECT_CONTROL:
	case KVM_CAP_X86_USER_SPACE_MSR:
	case KVM_CAP_X86_MSR_FILTER:
	case KVM_CAP_EXIT_ON_EMULATION_FAILURE:
	case KVM_CAP_BINARY_STATS_FD:
	case KVM_CAP_DEVICE_CTRL:
	case KVM_CAP_X86_SMM:
		return 1;
	case KVM_CAP_DISABLE_QUIRKS2:
		return VH_QUIRKS;
	case KVM_CAP_SMALLER_MAXPHYADDR:
		/* With EPT the processor alone looks at the guest's tables, and knows its own width. */
		return !vh_cpu_caps.ept;
	case KVM_CAP_XSAVE2:
		return vh_xsave_size();
	case KVM_CAP_SYNC_REGS:
		return KVM_SYNC_X86_VALID_FIELDS;
	case KVM_CAP_SET_GUEST_DEBUG:
	case KVM_CAP_X86_ROBUST_SINGLESTEP:
		return vh_debug_supported();
	case KVM_CAP_SET_GUEST_DEBUG2:
		return vh_debug_supported() ? VH_GUESTDBG_VALID : 0;
	case KVM_CAP_PRE_FAULT_MEMORY:
		return vh_cpu_caps.ept;
	case KVM_CAP_COALESCED_MMIO:
		return KVM_COALESCED_MMIO_PAGE_OFFSET;
	case KVM_CAP_MCE:
		return VH_MCE_BANKS;
	case KVM_CAP_ADJUST_CLOCK:
		return KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC;
	case KVM_CAP_XCRS:
		return boot_cpu_has(X86_FEATURE_XSAVE);
	case KVM_CAP_TSC_CONTROL:
	case KVM_CAP_VM_TSC_CONTROL:
		return vh_tsc_can_scale();
	case KVM_CAP_IRQ_ROUTING:
		return VH_MAX_GSI;
	case KVM_CAP_NR_VCPUS:
		return min_t(unsigned int, num_online_cpus(), VH_MAX_VCPUS);
	case KVM_CAP_MAX_VCPUS:
		return VH_MAX_VCPUS;
	case KVM_CAP_MAX_VCPU_ID:
		return VH_MAX_VCPU_IDS;
	case KVM_CAP_X2APIC_API:
		return VH_X2APIC_API;
	case KVM_CAP_DIRTY_LOG_RING:
	case KVM_CAP_DIRTY_LOG_RING_ACQ_REL:
		return VH_RING_MAX_BYTES;
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		return VH_LOG_MANUAL;
	case KVM_CAP_NR_MEMSLOTS:
		return VH_MAX_SLOTS;
	case KVM_CAP_MULTI_ADDRESS_SPACE:
		return VH_SPACES;
	case KVM_CAP_X86_DISABLE_EXITS:
		return KVM_X86_DISABLE_EXITS_HLT | KVM_X86_DISABLE_EXITS_PAUSE | KVM_X86_DISABLE_EXITS_CSTATE |
		       (vh_cpu_caps.mwait ? KVM_X86_DISABLE_EXITS_MWAIT : 0);
	case KVM_CAP_X86_BUS_LOCK_EXIT:
		return vh_cpu_caps.bus_lock ? KVM_BUS_LOCK_DETECTION_OFF | KVM_BUS_LOCK_DETECTION_EXIT : 0;
	case KVM_CAP_X86_NOTIFY_VMEXIT:
		return vh_cpu_caps.notify ? VH_NOTIFY_VALID : 0;
	}
	return 0;
}

static long dev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *u = (void __user *)arg;

	switch (cmd) {
	case KVM_GET_API_VERSION:
		return arg ? -EINVAL : KVM_API_VERSION;
	case KVM_CREATE_VM:
		return vh_vm_create(arg);
	case VH_ATTACH_VM: {
		u32 id;

		return get_user(id, (u32 __user *)u) ? -EFAULT : vh_vm_attach(id);
	}
	case KVM_CHECK_EXTENSION:
		return vh_check_extension(arg);
	case KVM_GET_VCPU_MMAP_SIZE:
		return arg ? -EINVAL : VH_VCPU_MMAP_PAGES * PAGE_SIZE;
	case KVM_GET_SUPPORTED_CPUID:
		return vh_cpuid_supported(u, false);
	case KVM_GET_EMULATED_CPUID:
		return vh_cpuid_supported(u, true);
	case KVM_GET_SUPPORTED_HV_CPUID:
		return vh_cpuid_hyperv(u);
	case KVM_GET_MSR_INDEX_LIST:
		return vh_msr_index_list(u, false);
	case KVM_GET_MSR_FEATURE_INDEX_LIST:
		return vh_msr_index_list(u, true);
	case KVM_X86_GET_MCE_CAP_SUPPORTED:
		return put_user(vh_mce_cap(), (u64 __user *)u);
	case KVM_HAS_DEVICE_ATTR:
	case KVM_GET_DEVICE_ATTR:
		return vh_system_attr(u, cmd);
	case KVM_GET_MSRS:
		return vh_msrs_ioctl(NULL, u, false);
	}
	return -ENOTTY;
}

static const struct file_operations dev_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= dev_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.llseek		= noop_llseek,
};

static bool is_device(const struct file *file)
{
	return file->f_op->unlocked_ioctl == dev_ioctl;
}

static struct miscdevice dev = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "vh",
	.fops	= &dev_fops,
	.mode	= 0660,
};

static bool kvm_alias;
module_param(kvm_alias, bool, 0444);
MODULE_PARM_DESC(kvm_alias, "be /dev/kvm as well, for VMMs that know no other name; KVM must not be loaded");

static struct miscdevice alias = {
	.minor	= KVM_MINOR,
	.name	= "kvm",
	.fops	= &dev_fops,
	.mode	= 0660,
};

/*
 * KVM would find its minor taken. Where it registers that last, it leaves its syscore operations in the kernel's list then,
 * and the next attempt to load it is an oops of the host: so it does not come to that.
 */
static int keep_kvm_out(struct notifier_block *nb, unsigned long state, void *data)
{
	const struct module *module = data;

	if (state != MODULE_STATE_COMING || strcmp(module->name, "kvm_intel"))
		return NOTIFY_DONE;
	vh_err("kvm_alias: /dev/kvm is vh's, and kvm_intel not loaded\n");
	return notifier_from_errno(-EBUSY);
}

static struct notifier_block modules = { .notifier_call = keep_kvm_out };

static int __init register_devices(void)
{
	int err = misc_register(&dev);

	if (err || !kvm_alias)
		return err;
	err = register_module_notifier(&modules);
	if (err)
		goto dev;
	err = misc_register(&alias);
	if (err == -EBUSY)
		vh_err("kvm_alias: /dev/kvm is KVM's, whose modules are loaded\n");
	if (!err)
		return 0;
	unregister_module_notifier(&modules);
dev:
	misc_deregister(&dev);
	return err;
}

static void deregister_devices(void)
{
	if (kvm_alias) {
		misc_deregister(&alias);
		unregister_module_notifier(&modules);
	}
	misc_deregister(&dev);
}

static int __init vh_module_init(void)
{
	int err = vh_vmx_init();

	if (err)
		return err;
	err = vh_fpu_module_init();
	if (err)
		goto vmx;
	err = vh_mmu_module_init();
	if (err)
		goto vmx;
	err = vh_irq_module_init();
	if (err)
		goto mmu;
	err = vh_registry_init();
	if (err)
		goto irq;
	vh_is_device = is_device;
	err = register_devices();
	if (err)
		goto registry;
	err = vh_netlink_init();
	if (err)
		goto misc;
	return 0;
misc:
	deregister_devices();
registry:
	vh_registry_exit();
irq:
	vh_irq_module_exit();
mmu:
	vh_mmu_module_exit();
vmx:
	vh_vmx_exit();
	return err;
}

static void __exit vh_module_exit(void)
{
	vh_netlink_exit();
	deregister_devices();
	vh_irq_module_exit();
	vh_mmu_module_exit();
	vh_registry_exit();
	vh_vmx_exit();
	vh_bounds_report();
}

module_init(vh_module_init);
module_exit(vh_module_exit);
MODULE_DESCRIPTION("vh: a lightweight hypervisor for Intel VMX");
MODULE_LICENSE("GPL");
MODULE_VERSION(__stringify(VH_VERSION));
