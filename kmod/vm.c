// SPDX-License-Identifier: GPL-2.0-only
/*
 * vm.c - VM objects: life cycle, file descriptor, ioctls.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <asm/tsc.h>

#include "caps.h"
#include "compat/kvm.h"
#include "cpu/cpu.h"
#include "ctl/registry.h"
#include "ctl/whose.h"
#include "irq/irq.h"
#include "kick.h"
#include "mmu/mmu.h"
#include "objects.h"
#include "run/run.h"
#include "vmx/vmx.h"

/**
 * vh_vm_get - one more reference
 * @vm: the VM
 */
void vh_vm_get(struct vh_vm *vm)
{
	refcount_inc(&vm->refs);
}

/*
 * The last file descriptor is gone: nothing runs, and nothing can come in but
 * the MMU notifier and eventfds, which are shut out first.
 */
static void vm_destroy(struct vh_vm *vm)
{
	unsigned int i, n = vm->nr_vcpus;
	struct vh_record *rec = vm->rec;

	vh_record_detach(rec, vm);
	vh_irqfd_release_all(vm);
	vh_ioeventfd_release_all(vm);
	vh_pit_destroy(vm);
	vh_irqchip_stop(vm);
	/* Another thread's munmap() may be flushing: it does so with mmu.lock held. */
	write_lock(&vm->mmu->lock);
	smp_store_release(&vm->nr_vcpus, 0);
	write_unlock(&vm->mmu->lock);
	for (i = 0; i < n; i++) {
		vh_vcpu_free(vh_vcpu_at(vm, i));
		cond_resched();
	}
	for (i = 0; i < ARRAY_SIZE(vm->vcpus); i++)
		kfree(vm->vcpus[i]);
	vh_irqchip_destroy(vm);
	vh_irq_vm_free(vm);
	vh_clock_vm_free(vm);
	vh_msr_filter_free(vm);
	vh_root_put();
	vh_reclaim_vm_free(vm);
	vh_mmu_destroy(vm);	/* frees vm when the notifier's last user has gone */
	vh_record_detached(rec);
}

/**
 * vh_vm_put - drop a reference; the last one destroys the VM
 * @vm: the VM
 *
 * Process context.
 */
void vh_vm_put(struct vh_vm *vm)
{
	if (refcount_dec_and_test(&vm->refs))
		vm_destroy(vm);
}

/* --- ioctls; those with (L) hold vm->lock --- */

static int set_tss_addr(struct vh_vm *vm, unsigned long addr)
{
	/* Three pages below 4 GiB. Real mode is interpreted where the processor cannot run it: they stay unused. */
	if (addr > 0xffffffffUL - 3 * PAGE_SIZE)
		return -EINVAL;
	vm->tss_addr = addr;
	return 0;
}

static int set_identity_addr(struct vh_vm *vm, const u64 __user *u)
{
	u64 addr;

	if (copy_from_user(&addr, u, sizeof(addr)))
		return -EFAULT;
	/* One page below 4 GiB: CR3 of 32-bit paging has to hold it. */
	if (vm->nr_vcpus || (addr & ~PAGE_MASK) || addr > 0xfffff000)
		return -EINVAL;
	vm->identity_addr = addr ? addr : 0xfffbc000;
	return 0;
}

/* LAPICs for the vCPUs to come, and the other chips; or, split, none of these but @pins pins of userspace's. */
static int create_irqchip(struct vh_vm *vm, bool split, u64 pins)
{
	int err;

	if (vm->irqchip_kernel)
		return -EEXIST;
	if (vm->nr_vcpus)
		return split ? -EEXIST : -EINVAL;
	err = vh_mmu_create_apic_page(vm);
	if (err)
		return err;
	/* Last, for it cannot be taken back: from then on other threads use the chips. */
	err = split ? vh_irqchip_create_split(vm, pins) : vh_irqchip_create(vm);
	if (err) {
		vh_mmu_free_apic_page(vm);
		return err;
	}
	WRITE_ONCE(vm->irqchip_kernel, true);
	return 0;
}

/* IOAPIC and 8259s, which a split irqchip leaves to userspace. */
static bool has_chips(struct vh_vm *vm)
{
	return vm->irqchip_kernel && !vh_irqchip_is_split(vm);
}

static int create_pit(struct vh_vm *vm, const struct kvm_pit_config __user *u)
{
	struct kvm_pit_config cfg = {};

	if (u && copy_from_user(&cfg, u, sizeof(cfg)))
		return -EFAULT;
	if (vm->pit)
		return -EEXIST;
	if (!has_chips(vm))
		return -ENOENT;
	return vh_pit_create(vm, &cfg);
}

static int irqchip_state(struct vh_vm *vm, struct kvm_irqchip __user *u, bool set)
{
	struct kvm_irqchip *chip;
	int err;

	chip = memdup_user(u, sizeof(*chip));
	if (IS_ERR(chip))
		return PTR_ERR(chip);
	err = -ENXIO;
	if (has_chips(vm))
		err = set ? vh_irqchip_set(vm, chip) : vh_irqchip_get(vm, chip);
	if (!err && !set && copy_to_user(u, chip, sizeof(*chip)))
		err = -EFAULT;
	kfree(chip);
	if (set && !err) {
		vh_vm_request_all(vm, VH_REQ_EOI_BITMAP);
		vh_vm_request_all(vm, VH_REQ_EVENT);
	}
	return err;
}

/* KVM_GET_PIT and KVM_SET_PIT are about the channels alone, with which the newer structure begins. */
static int pit_state(struct vh_vm *vm, void __user *u, unsigned int cmd)
{
	bool flags = cmd == KVM_GET_PIT2 || cmd == KVM_SET_PIT2;
	size_t size = flags ? sizeof(struct kvm_pit_state2) : sizeof(struct kvm_pit_state);
	struct kvm_pit_state2 ps = {};

	if (!vm->pit)
		return -ENXIO;
	if (cmd == KVM_SET_PIT || cmd == KVM_SET_PIT2)
		return copy_from_user(&ps, u, size) ? -EFAULT : vh_pit_set(vm, &ps, flags);
	vh_pit_get(vm, &ps);
	return copy_to_user(u, &ps, size) ? -EFAULT : 0;
}

static int pit_reinject(struct vh_vm *vm, const struct kvm_reinject_control __user *u)
{
	struct kvm_reinject_control c;

	if (copy_from_user(&c, u, sizeof(c)))
		return -EFAULT;
	if (!vm->pit)
		return -ENXIO;
	vh_pit_reinject(vm, c.pit_reinject);
	return 0;
}

static int irq_line(struct vh_vm *vm, struct kvm_irq_level __user *u, bool status)
{
	struct kvm_irq_level level;
	int r;

	if (copy_from_user(&level, u, sizeof(level)))
		return -EFAULT;
	if (!READ_ONCE(vm->irqchip_kernel))
		return -ENXIO;
	r = vh_irq_line(vm, level.irq, level.level);
	if (r < 0)
		return r;
	if (status) {
		level.status = r;
		if (copy_to_user(u, &level, sizeof(level)))
			return -EFAULT;
	}
	return 0;
}

static int set_routing(struct vh_vm *vm, const struct kvm_irq_routing __user *u)
{
	struct kvm_irq_routing_entry *e = NULL;
	struct kvm_irq_routing r;
	int err;

	if (copy_from_user(&r, u, sizeof(r)))
		return -EFAULT;
	if (!vm->irqchip_kernel)
		return -EINVAL;
	if (r.nr > VH_MAX_ROUTES || r.flags)
		return -EINVAL;
	if (r.nr) {
		e = vmemdup_user(u->entries, array_size(r.nr, sizeof(*e)));
		if (IS_ERR(e))
			return PTR_ERR(e);
	}
	err = vh_irq_set_routing(vm, e, r.nr, r.flags);
	kvfree(e);
	return err;
}

/* How far ids of vCPUs go: told once. */
static int set_max_vcpu_id(struct vh_vm *vm, u64 ids)
{
	if (ids > VH_MAX_VCPU_IDS || (vm->max_vcpu_ids && vm->max_vcpu_ids != ids))
		return -EINVAL;
	vm->max_vcpu_ids = ids;
	return 0;
}

/* @modes: KVM_BUS_LOCK_DETECTION_*; once it is on it stays */
static int set_bus_lock(struct vh_vm *vm, u64 modes)
{
	if (modes & ~(u64)(KVM_BUS_LOCK_DETECTION_OFF | KVM_BUS_LOCK_DETECTION_EXIT) ||
	    modes == (KVM_BUS_LOCK_DETECTION_OFF | KVM_BUS_LOCK_DETECTION_EXIT))
		return -EINVAL;
	if (!(modes & KVM_BUS_LOCK_DETECTION_EXIT))
		return 0;
	if (!vh_cpu_caps.bus_lock)
		return -EINVAL;
	WRITE_ONCE(vm->bus_lock, true);
	return 0;
}

/* @arg: the window in its upper half, KVM_X86_NOTIFY_VMEXIT_* in the lower */
static int set_notify(struct vh_vm *vm, u64 arg)
{
	u32 flags = arg;

	if (!vh_cpu_caps.notify || (flags & ~(u32)VH_NOTIFY_VALID) || !(flags & KVM_X86_NOTIFY_VMEXIT_ENABLED) ||
	    vm->nr_vcpus)
		return -EINVAL;
	vm->notify_flags = flags;
	vm->notify_window = arg >> 32;
	return 0;
}

static int enable_cap(struct vh_vm *vm, const struct kvm_enable_cap __user *u)
{
	struct kvm_enable_cap cap;
	u64 arg;

	if (copy_from_user(&cap, u, sizeof(cap)))
		return -EFAULT;
	if (cap.flags)
		return -EINVAL;
	arg = cap.args[0];
	switch (cap.cap) {
	case KVM_CAP_X86_DISABLE_EXITS:
		if (arg & ~(u64)vh_check_extension(cap.cap) || vm->nr_vcpus)
			return -EINVAL;
		vm->disabled_exits = arg;
		return 0;
	case KVM_CAP_X86_BUS_LOCK_EXIT:
		return set_bus_lock(vm, arg);
	case KVM_CAP_X86_NOTIFY_VMEXIT:
		return set_notify(vm, arg);
	case KVM_CAP_X86_USER_SPACE_MSR:
		if (arg & ~(u64)(KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_FILTER))
			return -EINVAL;
		WRITE_ONCE(vm->user_msr, arg);
		return 0;
	case KVM_CAP_EXIT_ON_EMULATION_FAILURE:
		if (arg & ~1ULL)
			return -EINVAL;
		WRITE_ONCE(vm->user_emulation_failure, arg);
		return 0;
	case KVM_CAP_SPLIT_IRQCHIP:
		if (cap.args[0] > VH_MAX_ROUTES)
			return -EINVAL;
		return create_irqchip(vm, true, cap.args[0]);
	case KVM_CAP_X2APIC_API:
		if (cap.args[0] & ~(u64)VH_X2APIC_API)
			return -EINVAL;
		WRITE_ONCE(vm->x2apic_api, vm->x2apic_api | cap.args[0]);
		return 0;
	case KVM_CAP_DISABLE_QUIRKS2:
		if (cap.args[0] & ~(u64)VH_QUIRKS)
			return -EINVAL;
		fallthrough;
	case KVM_CAP_DISABLE_QUIRKS:
		WRITE_ONCE(vm->quirks_off, vm->quirks_off | (cap.args[0] & VH_QUIRKS));
		return 0;
	case KVM_CAP_MAX_VCPU_ID:
		return set_max_vcpu_id(vm, cap.args[0]);
	case KVM_CAP_MSR_PLATFORM_INFO:
		WRITE_ONCE(vm->hide_platform_info, !cap.args[0]);
		return 0;
	case KVM_CAP_EXCEPTION_PAYLOAD:
		WRITE_ONCE(vm->exception_payload, !!cap.args[0]);
		return 0;
	case KVM_CAP_X86_TRIPLE_FAULT_EVENT:
		WRITE_ONCE(vm->triple_fault_event, !!cap.args[0]);
		return 0;
	case KVM_CAP_DIRTY_LOG_RING:
	case KVM_CAP_DIRTY_LOG_RING_ACQ_REL:
		return vh_ring_enable(vm, arg);
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		return vh_log_manual(vm, arg);
	}
	return -EINVAL;
}

/* Copy in, call, copy out when @out. */
#define WITH(type, in, out, call)					\
	({								\
		type v = {};						\
		long r_ = 0;						\
		if ((in) && copy_from_user(&v, u, sizeof(v)))		\
			r_ = -EFAULT;					\
		if (!r_)						\
			r_ = (call);					\
		if (!r_ && (out) && copy_to_user(u, &v, sizeof(v)))	\
			r_ = -EFAULT;					\
		r_;							\
	})

static int get_vm_id(struct vh_vm *vm, struct vh_vm_id __user *u)
{
	struct vh_vm_id id = { .id = vm->rec->id };

	export_uuid(id.uuid, &vm->rec->uuid);
	return copy_to_user(u, &id, sizeof(id)) ? -EFAULT : 0;
}

/* Those that change the VM: vm->lock held. */
static long vm_ioctl_locked(struct vh_vm *vm, unsigned int cmd, unsigned long arg)
{
	void __user *u = (void __user *)arg;

	switch (cmd) {
	case KVM_CREATE_VCPU:
		return arg > UINT_MAX ? -EINVAL : vh_vcpu_create(vm, arg);
	case KVM_SET_TSS_ADDR:
		return set_tss_addr(vm, arg);
	case KVM_SET_IDENTITY_MAP_ADDR:
		return set_identity_addr(vm, u);
	case KVM_CREATE_IRQCHIP:
		return create_irqchip(vm, false, 0);
	case KVM_CREATE_PIT:
		return create_pit(vm, NULL);
	case KVM_CREATE_PIT2:
		return u ? create_pit(vm, u) : -EFAULT;
	case KVM_GET_IRQCHIP:
		return irqchip_state(vm, u, false);
	case KVM_SET_IRQCHIP:
		return irqchip_state(vm, u, true);
	case KVM_GET_PIT:
	case KVM_SET_PIT:
	case KVM_GET_PIT2:
	case KVM_SET_PIT2:
		return pit_state(vm, u, cmd);
	case KVM_REINJECT_CONTROL:
		return pit_reinject(vm, u);
	case KVM_SET_GSI_ROUTING:
		return set_routing(vm, u);
	case KVM_ENABLE_CAP:
		return enable_cap(vm, u);
	case KVM_SET_BOOT_CPU_ID:
		if (vm->nr_vcpus)
			return -EBUSY;
		if (arg >= VH_MAX_VCPU_IDS)
			return -EINVAL;
		vm->bsp_id = arg;
		return 0;
	case KVM_SET_TSC_KHZ:
		if (arg > UINT_MAX || vh_tsc_khz_check(arg))
			return -EINVAL;
		vm->default_tsc_khz = arg ? arg : tsc_khz;
		return 0;
	case KVM_GET_TSC_KHZ:
		return vm->default_tsc_khz;
	case KVM_CREATE_DEVICE:
		return vh_device_create(vm, u);
	case KVM_X86_SET_MSR_FILTER:
		return WITH(struct kvm_msr_filter, true, false, vh_msr_set_filter(vm, &v));
	case KVM_SET_NR_MMU_PAGES:
		return vh_mmu_set_nr_pages(vm, arg);
	case KVM_GET_NR_MMU_PAGES:
		return vh_mmu_nr_pages(vm);
	}
	return -ENOTTY;
}

static long vm_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct vh_vm *vm = file->private_data;
	void __user *u = (void __user *)arg;
	long r;

	if (vm->mm != current->mm)
		return -EIO;
	vh_whose_calls(vm);
	switch (cmd) {
	case KVM_CHECK_EXTENSION:
		return vh_check_extension(arg);
	case VH_GET_VM_ID:
		return get_vm_id(vm, u);
	case VH_SET_POWER_BUTTON:
		if (arg > 1)
			return -EINVAL;
		WRITE_ONCE(vm->power_button, arg);
		return 0;
	case KVM_SET_USER_MEMORY_REGION:
		return WITH(struct kvm_userspace_memory_region, true, false,
			    vh_mmu_set_region(vm, &v));
	case KVM_SET_USER_MEMORY_REGION2:
		/* Begins as the other does; the flag for the rest of it is refused. */
		return WITH(struct kvm_userspace_memory_region2, true, false,
			    vh_mmu_set_region(vm, (struct kvm_userspace_memory_region *)&v));
	case KVM_GET_DIRTY_LOG:
		return WITH(struct kvm_dirty_log, true, false, vh_mmu_get_dirty_log(vm, &v));
	case KVM_CLEAR_DIRTY_LOG:
		return WITH(struct kvm_clear_dirty_log, true, false, vh_mmu_clear_dirty_log(vm, &v));
	case KVM_RESET_DIRTY_RINGS:
		return vh_ring_reset(vm);
	case KVM_IRQ_LINE:
		return irq_line(vm, u, false);
	case KVM_IRQ_LINE_STATUS:
		return irq_line(vm, u, true);
	case KVM_SIGNAL_MSI:
		if (!READ_ONCE(vm->irqchip_kernel))
			return -EINVAL;
		{
			struct kvm_msi v;

			if (copy_from_user(&v, u, sizeof(v)))
				return -EFAULT;
			return vh_irq_signal_msi(vm, &v);
		}
	case KVM_IRQFD:
		return WITH(struct kvm_irqfd, true, false, vh_irqfd(vm, &v));
	case KVM_IOEVENTFD:
		return WITH(struct kvm_ioeventfd, true, false, vh_ioeventfd(vm, &v));
	case KVM_REGISTER_COALESCED_MMIO:
	case KVM_UNREGISTER_COALESCED_MMIO:
		return WITH(struct kvm_coalesced_mmio_zone, true, false,
			    vh_coalesced_zone(vm, &v, cmd == KVM_UNREGISTER_COALESCED_MMIO));
	case KVM_GET_STATS_FD:
		return vh_stats_fd(vm, NULL);
	case KVM_GET_CLOCK:
		return WITH(struct kvm_clock_data, false, true, vh_clock_get(vm, &v));
	case KVM_SET_CLOCK:
		return WITH(struct kvm_clock_data, true, false, vh_clock_set(vm, &v));
	}
	if (_IOC_TYPE(cmd) != KVMIO)
		return -ENOTTY;
	if (mutex_lock_killable(&vm->lock))
		return -EINTR;
	r = vm_ioctl_locked(vm, cmd, arg);
	mutex_unlock(&vm->lock);
	return r;
}

static int vm_release(struct inode *inode, struct file *file)
{
	vh_vm_put(file->private_data);
	return 0;
}

static const struct file_operations vm_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= vm_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.release	= vm_release,
	.llseek		= noop_llseek,
};

/* A VM without memory and vCPUs, charged to @rec, whose reference it takes. */
static struct vh_vm *vm_alloc(struct vh_record *rec)
{
	struct vh_vm *vm = kvzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	int err = -ENOMEM;

	if (!vm)
		goto record;
	refcount_set(&vm->refs, 1);
	mutex_init(&vm->lock);
	vm->mm = current->mm;
	vm->rec = rec;
	vm->control = BIT(VH_CTL_NEW);
	if (vh_clock_vm_init(vm) || vh_irq_vm_init(vm) || vh_reclaim_vm_init(vm))
		goto free;
	err = vh_root_get();
	if (err)
		goto reclaim;
	err = vh_mmu_init(vm);
	if (!err)
		return vm;
	vh_root_put();
reclaim:
	vh_reclaim_vm_free(vm);
free:
	vh_irq_vm_free(vm);
	vh_clock_vm_free(vm);
	kvfree(vm);
record:
	vh_record_detached(rec);
	return ERR_PTR(err);
}

/*
 * A file for a new VM of @rec. It is known to the registry (@claim: it was, and
 * now has this VM) before anybody can use the descriptor.
 */
static int vm_open(struct vh_record *rec, bool claim)
{
	struct vh_vm *vm = vm_alloc(rec);
	struct file *file;
	int err, fd;

	if (IS_ERR(vm))
		return PTR_ERR(vm);
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		vh_vm_put(vm);
		return fd;
	}
	file = anon_inode_getfile("vh-vm", &vm_fops, vm, O_RDWR);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		vh_vm_put(vm);
		return PTR_ERR(file);
	}
	err = claim ? vh_record_attach(rec, vm) : vh_record_register(rec, vm, NULL);
	if (err) {
		put_unused_fd(fd);
		fput(file);	/* and the VM with it */
		return err;
	}
	fd_install(fd, file);
	return fd;
}

/**
 * vh_vm_create - KVM_CREATE_VM
 * @type: machine type, must be 0
 *
 * Process context. Returns a file descriptor, -EINVAL for a machine type other
 * than 0, -EBUSY when another hypervisor has VMX, -EDQUOT when a group or the
 * user is at its limit, -ENOMEM.
 */
int vh_vm_create(unsigned long type)
{
	struct vh_record *rec;
	struct vh_group *group;
	const char *why;

	if (type)
		return -EINVAL;
	group = vh_group_of_current();
	if (IS_ERR(group))
		return PTR_ERR(group);
	rec = vh_record_create(group, NULL, &why);
	if (PTR_ERR(rec) == -EDQUOT)
		vh_quota_log(why);
	return IS_ERR(rec) ? PTR_ERR(rec) : vm_open(rec, false);
}

/**
 * vh_vm_attach - VH_ATTACH_VM: be the VMM of a VM made over netlink
 * @id: the VM
 *
 * Process context. As vh_vm_create(); -ENOENT when the caller has no such VM,
 * -EBUSY when the VM has a VMM.
 */
int vh_vm_attach(u32 id)
{
	struct vh_record *rec = vh_record_claim(id);

	return IS_ERR(rec) ? PTR_ERR(rec) : vm_open(rec, true);
}
