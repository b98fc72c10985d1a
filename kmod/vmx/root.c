// SPDX-License-Identifier: GPL-2.0-only
/*
 * root.c - VMX operation on each CPU, owned by vh (provider "own").
 *
 * On with the first VM, off with the last. A CPU that comes online joins, one
 * that goes offline leaves first; suspend, reboot and module unload turn VMX
 * off. A vCPU thread that finds its CPU out of VMX operation (window.c) waits
 * and tries again, on another CPU or after resume.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/mm.h>
#include <linux/reboot.h>
#include <linux/slab.h>
#include <asm/tlbflush.h>

#include "internal.h"

static DEFINE_MUTEX(root_lock);		/* root_users and the transitions of all CPUs */
static int root_users;
static bool root_wanted;		/* CPUs that come up join; written under root_lock, cpus_read_lock */
static DEFINE_PER_CPU(void *, root_region);	/* VMXON region; written at init */
static DEFINE_PER_CPU(bool, root_on);	/* own CPU, interrupts off */

/* Interrupts off. 0, -EBUSY when another owner has VMX on, -EIO when VMXON fails. */
static int root_on_local(void)
{
	void *region = __this_cpu_read(root_region);

	if (__this_cpu_read(root_on))
		return 0;
	if (__read_cr4() & X86_CR4_VMXE)
		return -EBUSY;
	if (!region)
		return -ENOMEM;
	*(u32 *)region = vmx_caps.revision;
	vh_cr4_vmxe(true);
	if (!vmx_vmxon(__pa(region))) {
		vh_cr4_vmxe(false);
		return -EIO;
	}
	/* Nothing cached from an earlier life may be used (SDM 29.4.3.3). */
	if (vmx_caps.ept_vpid & VMX_EPT_EXTENT_GLOBAL_BIT)
		vmx_invept(VMX_EPT_EXTENT_GLOBAL, 0, 0);
	__this_cpu_write(root_on, true);
	return 0;
}

static void root_off_local(void)
{
	if (!__this_cpu_read(root_on))
		return;
	vmx_clear_all_local();
	__this_cpu_write(root_on, false);
	vmx_vmxoff();
	vh_cr4_vmxe(false);
}

/**
 * vmx_root_is_on - has vh turned VMX on there?
 * @cpu: the CPU
 */
bool vmx_root_is_on(int cpu)
{
	return READ_ONCE(per_cpu(root_on, cpu));
}

/**
 * vmx_root_emergency_off - leave VMX operation on this CPU, for good
 *
 * The host dies. Interrupts off, or in an NMI. The VMCSs are cleared, but
 * stay on their list. Returns whether VMX was on.
 */
bool vmx_root_emergency_off(void)
{
	if (!__this_cpu_read(root_on))
		return false;
	root_wanted = false;
	__this_cpu_write(root_on, false);
	vmx_clear_all_emergency();
	vmx_vmxoff();
	vh_cr4_vmxe(false);
	return true;
}

static void root_on_ipi(void *error)
{
	int err = root_on_local();

	if (err)
		atomic_set(error, err);
}

static void root_off_ipi(void *unused)
{
	root_off_local();
}

static int root_own_get(void)
{
	atomic_t error = ATOMIC_INIT(0);
	int err;

	if (!VH_MAY_SET_VMXE) {
		vh_info("this kernel lets only KVM turn VMX on, and vh cannot use KVM's VMX operation yet: no VMs\n");
		return -EOPNOTSUPP;
	}
	cpus_read_lock();
	on_each_cpu(root_on_ipi, &error, 1);
	err = atomic_read(&error);
	if (err)
		on_each_cpu(root_off_ipi, NULL, 1);
	else
		root_wanted = true;
	cpus_read_unlock();
	if (err == -EBUSY)
		vh_info("VMX is in use by another hypervisor (is kvm_intel loaded and running VMs?)\n");
	else if (err)
		vh_err("VMXON failed: %d\n", err);
	return err;
}

static void root_own_put(void)
{
	cpus_read_lock();
	root_wanted = false;
	on_each_cpu(root_off_ipi, NULL, 1);
	cpus_read_unlock();
}

/**
 * vmx_root_own_begin - is this CPU in VMX operation?
 *
 * Interrupts off.
 */
bool vmx_root_own_begin(void)
{
	return __this_cpu_read(root_on);
}

static void root_own_end(void)
{
}

static const struct vh_root_ops root_own = {
	.name	= "own",
	.get	= root_own_get,
	.put	= root_own_put,
	.begin	= vmx_root_own_begin,
	.end	= root_own_end,
};

const struct vh_root_ops *vmx_root = &root_own;

/**
 * vh_root_get - VMX operation for one more VM
 *
 * Process context. Returns 0, -EBUSY (another owner has VMX), -EOPNOTSUPP (only
 * KVM may turn it on), -EIO.
 */
int vh_root_get(void)
{
	int err = 0;

	mutex_lock(&root_lock);
	if (!root_users)
		err = vmx_root->get();
	if (!err)
		root_users++;
	mutex_unlock(&root_lock);
	return err;
}

/**
 * vh_root_put - a VM is gone
 *
 * Process context.
 */
void vh_root_put(void)
{
	mutex_lock(&root_lock);
	if (!--root_users)
		vmx_root->put();
	mutex_unlock(&root_lock);
}

static int root_cpu_online(unsigned int cpu)
{
	int err = 0;

	if (!per_cpu(root_region, cpu)) {
		struct page *page = alloc_pages_node(cpu_to_node(cpu), GFP_KERNEL | __GFP_ZERO, 0);

		if (!page)
			return -ENOMEM;
		per_cpu(root_region, cpu) = page_address(page);
	}
	local_irq_disable();
	if (root_wanted)
		err = root_on_local();
	local_irq_enable();
	if (err)
		vh_err("CPU%u cannot join: VMX in use or broken (%d)\n", cpu, err);
	return err;
}

static int root_cpu_offline(unsigned int cpu)
{
	local_irq_disable();
	root_off_local();
	local_irq_enable();
	return 0;
}

/* Suspend: only this CPU is left online, interrupts are off. */
static int root_suspend(void)
{
	root_off_local();
	return 0;
}

static void root_resume(void)
{
	if (root_wanted && root_on_local())
		vh_err("VMX did not come back after resume\n");
}

/* INIT is blocked in VMX operation: firmware could not restart the CPUs (SDM 24.8). */
static int root_reboot(struct notifier_block *nb, unsigned long code, void *unused)
{
	root_wanted = false;
	on_each_cpu(root_off_ipi, NULL, 1);
	return NOTIFY_OK;
}

static struct notifier_block root_reboot_nb = { .notifier_call = root_reboot };
static enum cpuhp_state root_cpuhp;

static void root_free_regions(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		free_page((unsigned long)per_cpu(root_region, cpu));
		per_cpu(root_region, cpu) = NULL;
	}
}

/**
 * vmx_root_init - hook into CPU hotplug, suspend and reboot
 *
 * Module load. VMX stays off.
 */
int vmx_root_init(void)
{
	int err = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "vh:online",
				    root_cpu_online, root_cpu_offline);

	if (err < 0) {
		root_free_regions();
		return err;
	}
	root_cpuhp = err;
	vh_syscore_register(root_suspend, root_resume);
	register_reboot_notifier(&root_reboot_nb);
	if (VH_MAY_SET_VMXE)
		vmx_crash_init();
	return 0;
}

/**
 * vmx_root_exit - undo vmx_root_init()
 *
 * Module unload: no VM exists.
 */
void vmx_root_exit(void)
{
	if (VH_MAY_SET_VMXE)
		vmx_crash_exit();
	unregister_reboot_notifier(&root_reboot_nb);
	vh_syscore_unregister();
	cpuhp_remove_state(root_cpuhp);
	root_free_regions();
}
