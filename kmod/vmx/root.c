// SPDX-License-Identifier: GPL-2.0-only
/*
 * root.c - VMX operation on each CPU: whose it is, from when to when.
 *
 * Each CPU has one of two providers while there are VMs. "own": VMXON with the
 * first VM, VMXOFF with the last. "beside": KVM is loaded, and whether VMX is
 * on is its affair (beside.c). A CPU that comes online joins, one that goes
 * offline leaves first; suspend, reboot and module unload turn VMX off. When
 * KVM is loaded or unloaded, every CPU changes over, under running VMs. A vCPU
 * thread that finds its CPU out of VMX operation (window.c) waits and tries
 * again, on another CPU or after resume.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/kmod.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/reboot.h>
#include <linux/slab.h>
#include <asm/tlbflush.h>

#include "internal.h"

#define KVM_MODULE	"kvm_intel"

/* Anybody who creates a VM has modprobe run, as root: not often. */
#define ASK_INTERVAL	(2 * HZ)
/* Seconds on a slow host; nobody waits longer for it. */
#define ASK_LIMIT	(30 * HZ)
static unsigned long root_asked;	/* jiffies, 0: never; racy, an ask more does no harm */
static atomic_t root_asking;		/* modprobes that have been asked for and have not ended */
static DECLARE_WAIT_QUEUE_HEAD(root_wait);	/* for them, and for KVM's beginning */

static DEFINE_MUTEX(root_lock);		/* the transitions of all CPUs */
static atomic_t root_users;		/* VMs; from 0 and to 0 with root_lock held */
static struct module *root_pinned;	/* KVM's, where vh cannot do without; root_lock */

/* Written under root_lock and cpus_read_lock. */
static bool root_wanted;		/* CPUs that come up join */
static bool root_kvm;			/* KVM is loaded */
static bool root_coming;		/* and begins: it has not turned VMX on yet */

DEFINE_PER_CPU(u64, vmx_root_region);	/* written when the CPU first comes online; 0 before */
DEFINE_PER_CPU(u8, vmx_root_state);

/* Interrupts off. 0; -EOPNOTSUPP, -EIO: there is no VMX to be had. */
static int root_join_local(void)
{
	u64 region = __this_cpu_read(vmx_root_region);

	if (__this_cpu_read(vmx_root_state) != VMX_ROOT_NONE)
		return 0;
	if (!region)
		return -ENOMEM;
	if (!VH_MAY_SET_VMXE || root_kvm || (__read_cr4() & X86_CR4_VMXE)) {
		__this_cpu_write(vmx_root_state, VMX_ROOT_BESIDE);
		return 0;
	}
	vh_cr4_vmxe(true);
	vmx_pt(true);
	if (!vmx_vmxon(region)) {
		vmx_pt(false);
		vh_cr4_vmxe(false);
		return -EIO;
	}
	/* Nothing cached from an earlier life may be used (SDM 29.4.3.3). */
	if (vmx_caps.ept_vpid & VMX_EPT_EXTENT_GLOBAL_BIT &&
	    !vmx_invept(VMX_EPT_EXTENT_GLOBAL, 0, 0)) {
		vmx_vmxoff();
		vmx_pt(false);
		vh_cr4_vmxe(false);
		return -EIO;
	}
	__this_cpu_write(vmx_root_state, VMX_ROOT_OWN);
	return 0;
}

static void root_leave_local(void)
{
	u8 state = __this_cpu_read(vmx_root_state);

	__this_cpu_write(vmx_root_state, VMX_ROOT_NONE);
	if (state != VMX_ROOT_OWN)
		return;		/* outside windows a CPU beside KVM holds nothing */
	vmx_clear_all_local();
	vmx_vmxoff();
	vmx_pt(false);
	vh_cr4_vmxe(false);
}

/**
 * vmx_root_is_on - has vh turned VMX on there?
 * @cpu: the CPU
 */
bool vmx_root_is_on(int cpu)
{
	return READ_ONCE(per_cpu(vmx_root_state, cpu)) == VMX_ROOT_OWN || vmx_beside_is_mine(cpu);
}

/**
 * vmx_root_emergency_off - leave VMX operation on this CPU, for good
 *
 * The host dies. Interrupts off, or in an NMI. The VMCSs are cleared, but
 * stay on their list. Returns whether VMX was on, and vh's.
 */
bool vmx_root_emergency_off(void)
{
	u8 state = __this_cpu_read(vmx_root_state);

	root_wanted = false;
	__this_cpu_write(vmx_root_state, VMX_ROOT_NONE);
	if (state == VMX_ROOT_NONE)
		return false;
	if (state == VMX_ROOT_BESIDE)
		return vmx_beside_emergency_off();
	vmx_clear_all_emergency();
	vmx_vmxoff();
	vh_cr4_vmxe(false);
	return true;
}

static void root_join_ipi(void *error)
{
	int err = root_join_local();

	if (!err && __this_cpu_read(vmx_root_state) == VMX_ROOT_BESIDE)
		err = vmx_beside_try();
	if (err)
		atomic_set(error, err);
}

static void root_leave_ipi(void *unused)
{
	root_leave_local();
}

static void root_change_ipi(void *error)
{
	int err;

	root_leave_local();
	err = root_join_local();
	if (err)
		atomic_set(error, err);
}

static int root_on(void)
{
	atomic_t error = ATOMIC_INIT(0);
	int err;

	cpus_read_lock();
	on_each_cpu(root_join_ipi, &error, 1);
	err = atomic_read(&error);
	if (err)
		on_each_cpu(root_leave_ipi, NULL, 1);
	else
		root_wanted = true;
	cpus_read_unlock();
	if (err == -EOPNOTSUPP)
		vh_info("this kernel lets only KVM turn VMX on, and KVM has not: load " KVM_MODULE
			", and kvm with enable_virt_at_load=1\n");
	else if (err)
		vh_err("VMXON failed: %d\n", err);
	return err;
}

static void root_off(void)
{
	cpus_read_lock();
	root_wanted = false;
	on_each_cpu(root_leave_ipi, NULL, 1);
	cpus_read_unlock();
}

/* --- KVM comes and goes --- */

/* A module that is loaded or built in, as its folder in /sys/module; kobject_put() it. */
static struct kobject *root_find_kvm(void)
{
	return kset_find_obj(THIS_MODULE->mkobj.kobj.kset, KVM_MODULE);
}

/* @mod: KVM's; NULL when it is built in. Its state is ahead of what notifiers are told. */
static void root_set_kvm(const struct module *mod, bool loaded)
{
	atomic_t error = ATOMIC_INIT(0);

	mutex_lock(&root_lock);
	cpus_read_lock();
	WRITE_ONCE(root_coming, mod && mod->state == MODULE_STATE_COMING);
	if (root_kvm != loaded) {
		WRITE_ONCE(root_kvm, loaded);
		if (root_wanted)
			on_each_cpu(root_change_ipi, &error, 1);
	}
	cpus_read_unlock();
	mutex_unlock(&root_lock);
	wake_up_all(&root_wait);
	if (atomic_read(&error))
		vh_err("VMX did not come back after KVM: %d\n", atomic_read(&error));
}

/*
 * Before KVM's first instruction VMX is off outside windows, and no guest's
 * MSRs are left in this CPU for KVM to take as the host's.
 */
static int root_module(struct notifier_block *nb, unsigned long state, void *data)
{
	const struct module *mod = data;

	if (strcmp(mod->name, KVM_MODULE))
		return NOTIFY_DONE;
	root_set_kvm(mod, state != MODULE_STATE_GOING);
	return NOTIFY_OK;
}

static struct notifier_block root_module_nb = { .notifier_call = root_module };

/* Where only KVM turns VMX on, it stays loaded as long as there are VMs. */
static void root_pin_kvm(void)
{
	struct kobject *kobj;

	if (VH_MAY_SET_VMXE || root_pinned)
		return;
	kobj = root_find_kvm();
	if (!kobj)
		return;
	root_pinned = container_of(kobj, struct module_kobject, kobj)->mod;
	if (root_pinned && !try_module_get(root_pinned))
		root_pinned = NULL;
	kobject_put(kobj);
}

static void root_unpin_kvm(void)
{
	if (root_pinned)
		module_put(root_pinned);
	root_pinned = NULL;
}

static int root_tell(char *to, const struct kernel_param *kp)
{
	bool kvm = READ_ONCE(root_kvm), on = native_read_cr4() & X86_CR4_VMXE;

	if (!VH_MAY_SET_VMXE)
		return sprintf(to, "%s\n", !kvm ? "none: this kernel lets only KVM turn VMX on, and " KVM_MODULE " is not loaded" :
					   !on ? "none: this kernel lets only KVM turn VMX on, and it has not (enable_virt_at_load=0?)" :
						 "kvm: this kernel lets only KVM turn VMX on");
	if (kvm)
		return sprintf(to, "kvm: " KVM_MODULE " is loaded, %s\n", on ? "VMX is on" :
			       "VMX is off and turned on for each run");
	return sprintf(to, "own: " KVM_MODULE " is not loaded\n");
}

static const struct kernel_param_ops root_param = { .get = root_tell };
module_param_cb(vmx_root, &root_param, NULL, 0444);
MODULE_PARM_DESC(vmx_root, "(read only) whose VMX operation VMs run in, and why");

static bool root_kvm_settled(void)
{
	return !READ_ONCE(root_coming) && (READ_ONCE(root_kvm) || !atomic_read(&root_asking));
}

/*
 * Where only KVM turns VMX on: have it loaded, and wait until it is, whoever asked for that. -EINTR: killed.
 */
static int root_want_kvm(void)
{
	unsigned long asked = READ_ONCE(root_asked);

	if (!READ_ONCE(root_kvm) && (!asked || time_after(jiffies, asked + ASK_INTERVAL))) {
		atomic_inc(&root_asking);
		WRITE_ONCE(root_asked, jiffies | 1);
		request_module(KVM_MODULE);
		atomic_dec(&root_asking);
		wake_up_all(&root_wait);
	}
	return wait_event_killable_timeout(root_wait, root_kvm_settled(), ASK_LIMIT) < 0 ? -EINTR : 0;
}

/**
 * vh_root_get - VMX operation for one more VM
 *
 * Process context. Returns 0, -EOPNOTSUPP (only KVM may turn VMX on, and has
 * not; or it is there, and cannot be beside), -EIO, -EINTR (killed).
 */
int vh_root_get(void)
{
	int err = 0;

	/* Not under root_lock, which its loading takes. */
	if (!VH_MAY_SET_VMXE) {
		err = root_want_kvm();
		if (err)
			return err;
	}
	if (READ_ONCE(root_kvm) && vmx_beside_cannot()) {
		vh_info("beside KVM on Hyper-V nothing can run: unload " KVM_MODULE "\n");
		return -EOPNOTSUPP;
	}
	/* Others' VMs come and go without waiting for whoever holds root_lock. */
	if (atomic_inc_not_zero(&root_users))
		return 0;
	if (mutex_lock_killable(&root_lock))
		return -EINTR;
	if (!atomic_read(&root_users)) {
		root_pin_kvm();
		err = root_on();
		if (err)
			root_unpin_kvm();
	}
	if (!err)
		atomic_inc(&root_users);
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
	if (!atomic_dec_and_mutex_lock(&root_users, &root_lock))
		return;
	root_off();
	root_unpin_kvm();
	mutex_unlock(&root_lock);
}

static int root_cpu_online(unsigned int cpu)
{
	int err = 0;

	if (!per_cpu(vmx_root_region, cpu)) {
		struct page *page = alloc_pages_node(cpu_to_node(cpu), GFP_KERNEL | __GFP_ZERO, 0);

		if (!page)
			return -ENOMEM;
		*(u32 *)page_address(page) = vmx_caps.revision;
		per_cpu(vmx_root_region, cpu) = __pa(page_address(page));
	}
	local_irq_disable();
	if (root_wanted)
		err = root_join_local();
	local_irq_enable();
	if (err)
		vh_err("CPU%u cannot join: VMX is broken (%d)\n", cpu, err);
	return err;
}

static int root_cpu_offline(unsigned int cpu)
{
	local_irq_disable();
	root_leave_local();
	local_irq_enable();
	return 0;
}

/* Suspend: only this CPU is left online, interrupts are off. */
static int root_suspend(void)
{
	root_leave_local();
	vh_tsc_suspend();
	return 0;
}

static void root_resume(void)
{
	vh_tsc_resume();
	if (root_wanted && root_join_local())
		vh_err("VMX did not come back after resume\n");
}

/* INIT is blocked in VMX operation: firmware could not restart the CPUs (SDM 24.8). */
static int root_reboot(struct notifier_block *nb, unsigned long code, void *unused)
{
	root_wanted = false;
	on_each_cpu(root_leave_ipi, NULL, 1);
	return NOTIFY_OK;
}

static struct notifier_block root_reboot_nb = { .notifier_call = root_reboot };
static enum cpuhp_state root_cpuhp;

static void root_free_regions(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		u64 *region = per_cpu_ptr(&vmx_root_region, cpu);

		if (*region)
			free_page((unsigned long)__va(*region));
		*region = 0;
	}
}

/**
 * vmx_root_init - hook into CPU hotplug, suspend, reboot, and KVM's coming and going
 *
 * Module load. VMX stays off.
 */
int vmx_root_init(void)
{
	struct kobject *kvm;
	int err = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "vh:online",
				    root_cpu_online, root_cpu_offline);

	if (err < 0)
		goto regions;
	root_cpuhp = err;
	err = register_module_notifier(&root_module_nb);
	if (err)
		goto hotplug;
	kvm = root_find_kvm();
	if (kvm) {
		root_set_kvm(container_of(kvm, struct module_kobject, kobj)->mod, true);
		kobject_put(kvm);
	}
	vh_syscore_register(root_suspend, root_resume);
	register_reboot_notifier(&root_reboot_nb);
	if (VH_MAY_SET_VMXE)
		vmx_crash_init();
	return 0;
hotplug:
	cpuhp_remove_state(root_cpuhp);
regions:
	root_free_regions();
	return err;
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
	unregister_module_notifier(&root_module_nb);
	cpuhp_remove_state(root_cpuhp);
	root_free_regions();
}
