// SPDX-License-Identifier: GPL-2.0-only
/*
 * vcpu.c - vCPU objects: life cycle, file descriptor, ioctls.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

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

#define MC_VECTOR	18

/* --- ioctls --- */

static int copy_sigmask(struct vh_vcpu *vcpu, const struct kvm_signal_mask __user *u)
{
	struct kvm_signal_mask mask;
	sigset_t set;

	if (!u) {
		vcpu->sigmask_set = false;
		return 0;
	}
	if (copy_from_user(&mask, u, sizeof(mask)))
		return -EFAULT;
	if (mask.len != sizeof(set))
		return -EINVAL;
	if (copy_from_user(&set, u->sigset, sizeof(set)))
		return -EFAULT;
	sigdelsetmask(&set, sigmask(SIGKILL) | sigmask(SIGSTOP));
	vcpu->sigmask = set;
	vcpu->sigmask_set = true;
	return 0;
}

static int set_regs(struct vh_vcpu *vcpu, const struct kvm_regs *r)
{
	vh_need(vcpu, VH_S_RIP);
	if (vcpu->s.rip != r->rip)
		vh_run_abandon(vcpu);
	return vh_regs_set(vcpu, r);
}

static u64 code_base(struct vh_vcpu *vcpu)
{
	vh_need(vcpu, VH_S_SEGS);
	return vcpu->s.seg[VH_CS].base;
}

/* @err: of setting segments. The vCPU goes on elsewhere also where RIP is the same, in another segment. */
static int segments_set(struct vh_vcpu *vcpu, u64 old_base, int err)
{
	if (!err && code_base(vcpu) != old_base)
		vh_run_abandon(vcpu);
	return err;
}

static int set_sregs(struct vh_vcpu *vcpu, const struct kvm_sregs *s)
{
	u64 base = code_base(vcpu);

	return segments_set(vcpu, base, vh_sregs_set(vcpu, s));
}

static int set_sregs2(struct vh_vcpu *vcpu, const struct kvm_sregs2 *s)
{
	u64 base = code_base(vcpu);

	return segments_set(vcpu, base, vh_sregs2_set(vcpu, s));
}

static int get_mp_state(struct vh_vcpu *vcpu, struct kvm_mp_state *mp)
{
	mp->mp_state = vcpu->mp_state;
	return 0;
}

static int set_mp_state(struct vh_vcpu *vcpu, const struct kvm_mp_state *mp)
{
	/* INIT is latched. */
	if ((vcpu->smm || vcpu->ev.smi_pending || (READ_ONCE(vcpu->requests) & BIT(VH_REQ_SMI))) &&
	    (mp->mp_state == KVM_MP_STATE_INIT_RECEIVED || mp->mp_state == KVM_MP_STATE_SIPI_RECEIVED))
		return -EINVAL;
	switch (mp->mp_state) {
	case KVM_MP_STATE_RUNNABLE:
		break;
	case KVM_MP_STATE_UNINITIALIZED:
	case KVM_MP_STATE_INIT_RECEIVED:
	case KVM_MP_STATE_HALTED:
		if (!vcpu->lapic)
			return -EINVAL;
		break;
	case KVM_MP_STATE_SIPI_RECEIVED:
		if (!vcpu->lapic)
			return -EINVAL;
		vcpu->mp_state = KVM_MP_STATE_INIT_RECEIVED;
		set_bit(1, &vcpu->apic_events);
		vh_request(vcpu, VH_REQ_APIC_EVENT);
		return 0;
	default:
		return -EINVAL;
	}
	vcpu->mp_state = mp->mp_state;
	if (vcpu->ev.smi_pending)
		vh_request(vcpu, VH_REQ_SMI);
	vh_request(vcpu, VH_REQ_EVENT);
	return 0;
}

static int set_interrupt(struct vh_vcpu *vcpu, const struct kvm_interrupt *irq)
{
	if (irq->irq > 255)
		return -EINVAL;
	if (!vcpu->user_pic)
		return -ENXIO;
	if (vcpu->user_irq >= 0)
		return -EEXIST;
	vcpu->user_irq = irq->irq;
	vh_request(vcpu, VH_REQ_EVENT);
	return 0;
}

static int get_lapic(struct vh_vcpu *vcpu, struct kvm_lapic_state *s)
{
	return vcpu->lapic ? vh_lapic_get_state(vcpu, s) : -EINVAL;
}

static int set_lapic(struct vh_vcpu *vcpu, const struct kvm_lapic_state *s)
{
	int err = vcpu->lapic ? vh_lapic_set_state(vcpu, s) : -EINVAL;

	vh_request(vcpu, VH_REQ_APIC_MODE);
	vh_request(vcpu, VH_REQ_EVENT);
	return err;
}

static int tpr_access(struct vh_vcpu *vcpu, struct kvm_tpr_access_ctl *ctl)
{
	if (ctl->flags)
		return -EINVAL;
	vcpu->tpr_reporting = ctl->enabled;
	return 0;
}

/* No TPR access is ever reported, so no VMM has a page to name (KVM_CAP_VAPIC is 0). */
static int set_vapic_addr(struct vh_vcpu *vcpu, const struct kvm_vapic_addr *va)
{
	return vcpu->lapic && !va->vapic_addr ? 0 : -EINVAL;
}

/* How far it came is told also when it ends early. */
static long pre_fault(struct vh_vcpu *vcpu, struct kvm_pre_fault_memory __user *u)
{
	struct kvm_pre_fault_memory range;
	long r = 0;
	u64 whole;

	if (copy_from_user(&range, u, sizeof(range)))
		return -EFAULT;
	whole = range.size;
	if (range.flags || ((range.gpa | range.size) & ~PAGE_MASK) || range.gpa + range.size <= range.gpa)
		r = -EINVAL;
	while (!r && range.size) {
		long n = vh_mmu_prefault(vcpu, range.gpa);

		if (n <= 0) {
			r = n;
			break;
		}
		n = min_t(u64, n, range.size);
		range.gpa += n;
		range.size -= n;
		cond_resched();
	}
	if (range.size != whole)
		r = 0;
	return copy_to_user(u, &range, sizeof(range)) ? -EFAULT : r;
}

static int set_mce(struct vh_vcpu *vcpu, const struct kvm_x86_mce *e)
{
	int r = vh_mce_inject(vcpu, e);

	if (r <= 0)
		return r;
	vh_inject_fault(vcpu, &(struct vh_fault){ .vector = MC_VECTOR });
	return 0;
}

static int enable_cap(struct vh_vcpu *vcpu, const struct kvm_enable_cap *cap)
{
	if (cap->flags || cap->cap != KVM_CAP_ENFORCE_PV_FEATURE_CPUID)
		return -EINVAL;
	vh_cpuid_enforce_pv(vcpu, cap->args[0]);
	return 0;
}

static long get_xsave(struct vh_vcpu *vcpu, void __user *u)
{
	unsigned int size = vh_xsave_size();
	struct xregs_state *x = kzalloc(size, GFP_KERNEL_ACCOUNT);
	long r;

	if (!x)
		return -ENOMEM;
	vh_xsave_get(vcpu, x);
	r = copy_to_user(u, x, size) ? -EFAULT : 0;
	kfree(x);
	return r;
}

static long set_xsave(struct vh_vcpu *vcpu, const void __user *u)
{
	struct xregs_state *x = memdup_user(u, vh_xsave_size());
	long r = PTR_ERR_OR_ZERO(x);

	if (!r) {
		r = vh_xsave_set(vcpu, x);
		kfree(x);
	}
	return r;
}

static long exit_stats(struct vh_vcpu *vcpu, struct vh_exit_stats __user *u)
{
	unsigned int i;

	if (put_user(VH_NR_EXIT_REASONS, &u->nr) || put_user(0, &u->pad))
		return -EFAULT;
	for (i = 0; i < VH_NR_EXIT_REASONS; i++)
		if (put_user(READ_ONCE(vcpu->exits[i]), &u->counts[i]))
			return -EFAULT;
	return 0;
}

/* Fixed-size state: get copies out, set copies in, both through a zeroed kernel copy. */
#define GET(type, fn)							\
	({								\
		type *p_ = kzalloc(sizeof(*p_), GFP_KERNEL_ACCOUNT);	\
		long r_ = -ENOMEM;					\
		if (p_) {						\
			r_ = fn(vcpu, p_);				\
			if (!r_ && copy_to_user(u, p_, sizeof(*p_)))	\
				r_ = -EFAULT;				\
			kfree(p_);					\
		}							\
		r_;							\
	})
#define SET(type, fn)							\
	({								\
		type *p_ = memdup_user(u, sizeof(*p_));			\
		long r_ = PTR_ERR_OR_ZERO(p_);				\
		if (!r_) {						\
			r_ = fn(vcpu, p_);				\
			kfree(p_);					\
		}							\
		r_;							\
	})
/* In and out. */
#define EXCHANGE(type, fn)						\
	({								\
		type *p_ = memdup_user(u, sizeof(*p_));			\
		long r_ = PTR_ERR_OR_ZERO(p_);				\
		if (!r_) {						\
			r_ = fn(vcpu, p_);				\
			if (!r_ && copy_to_user(u, p_, sizeof(*p_)))	\
				r_ = -EFAULT;				\
			kfree(p_);					\
		}							\
		r_;							\
	})

static noinline long vcpu_ioctl_locked(struct vh_vcpu *vcpu, unsigned int cmd, unsigned long arg)
{
	void __user *u = (void __user *)arg;

	vh_whose_calls(vcpu->vm);
	switch (cmd) {
	case KVM_GET_REGS:	return GET(struct kvm_regs, vh_regs_get);
	case KVM_SET_REGS:	return SET(struct kvm_regs, set_regs);
	case KVM_GET_SREGS:	return GET(struct kvm_sregs, vh_sregs_get);
	case KVM_SET_SREGS:	return SET(struct kvm_sregs, set_sregs);
	case KVM_GET_SREGS2:	return GET(struct kvm_sregs2, vh_sregs2_get);
	case KVM_SET_SREGS2:	return SET(struct kvm_sregs2, set_sregs2);
	case KVM_GET_FPU:	return GET(struct kvm_fpu, vh_fpu_get);
	case KVM_SET_FPU:	return SET(struct kvm_fpu, vh_fpu_set);
	case KVM_GET_XSAVE:
		/* Part of it would be no state to go on from. */
		return vh_xsave_size() > sizeof(struct kvm_xsave) ? -EINVAL : get_xsave(vcpu, u);
	case KVM_GET_XSAVE2:	return get_xsave(vcpu, u);
	case KVM_SET_XSAVE:	return set_xsave(vcpu, u);
	case KVM_GET_XCRS:	return GET(struct kvm_xcrs, vh_xcrs_get);
	case KVM_SET_XCRS:	return SET(struct kvm_xcrs, vh_xcrs_set);
	case KVM_GET_VCPU_EVENTS: return GET(struct kvm_vcpu_events, vh_events_get);
	case KVM_SET_VCPU_EVENTS: return SET(struct kvm_vcpu_events, vh_events_set);
	case KVM_GET_DEBUGREGS:	return GET(struct kvm_debugregs, vh_debugregs_get);
	case KVM_SET_DEBUGREGS:	return SET(struct kvm_debugregs, vh_debugregs_set);
	case KVM_SET_GUEST_DEBUG: return SET(struct kvm_guest_debug, vh_debug_set);
	case KVM_GET_MP_STATE:	return GET(struct kvm_mp_state, get_mp_state);
	case KVM_SET_MP_STATE:	return SET(struct kvm_mp_state, set_mp_state);
	case KVM_GET_LAPIC:	return GET(struct kvm_lapic_state, get_lapic);
	case KVM_SET_LAPIC:	return SET(struct kvm_lapic_state, set_lapic);
	case KVM_TRANSLATE:	return EXCHANGE(struct kvm_translation, vh_translate);
	case KVM_TPR_ACCESS_REPORTING: return EXCHANGE(struct kvm_tpr_access_ctl, tpr_access);
	case KVM_SET_VAPIC_ADDR: return SET(struct kvm_vapic_addr, set_vapic_addr);
	case KVM_INTERRUPT:	return SET(struct kvm_interrupt, set_interrupt);
	case KVM_ENABLE_CAP:	return SET(struct kvm_enable_cap, enable_cap);
	case KVM_SET_CPUID2:	return vh_cpuid_set(vcpu, u);
	case KVM_GET_CPUID2:	return vh_cpuid_get(vcpu, u);
	case KVM_GET_SUPPORTED_HV_CPUID: return vh_cpuid_hyperv(u);
	case KVM_GET_MSRS:	return vh_msrs_ioctl(vcpu, u, false);
	case KVM_SET_MSRS:	return vh_msrs_ioctl(vcpu, u, true);
	case KVM_SET_SIGNAL_MASK: return copy_sigmask(vcpu, u);
	case KVM_SET_TSC_KHZ:
		return arg > UINT_MAX ? -EINVAL : vh_tsc_set_khz(vcpu, arg);
	case KVM_GET_TSC_KHZ:
		return vcpu->tsc_khz;
	case KVM_X86_SETUP_MCE: {
		u64 cap;

		return get_user(cap, (u64 __user *)u) ? -EFAULT : vh_mce_setup(vcpu, cap);
	}
	case KVM_X86_SET_MCE:	return SET(struct kvm_x86_mce, set_mce);
	case KVM_KVMCLOCK_CTRL:
		return vh_clock_ctrl(vcpu);
	case KVM_HAS_DEVICE_ATTR:
	case KVM_GET_DEVICE_ATTR:
	case KVM_SET_DEVICE_ATTR:
		return vh_vcpu_attr(vcpu, u, cmd);
	case KVM_PRE_FAULT_MEMORY:
		return pre_fault(vcpu, u);
	case KVM_SMI:
		vh_vcpu_post_smi(vcpu);
		return 0;
	case KVM_NMI:
		vh_vcpu_post_nmi(vcpu);
		return 0;
	}
	return -ENOTTY;
}

/*
 * KVM_RUN with KVM_CAP_SYNC_REGS: registers that userspace has changed in its copy are set before, those that it wants
 * to see are there behind. The copy is userspace's memory: each part is read once.
 */
static noinline long run_synced(struct vh_vcpu *vcpu)
{
	u64 valid = READ_ONCE(vcpu->run->kvm_valid_regs), dirty = READ_ONCE(vcpu->run->kvm_dirty_regs);
	struct kvm_sync_regs *shared = &vcpu->run->s.regs, *s;
	long r;

	if ((valid | dirty) & ~(u64)KVM_SYNC_X86_VALID_FIELDS)
		return -EINVAL;
	if (vcpu->lost)
		return -EIO;
	s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
	if (!s)
		return -ENOMEM;
	memcpy(s, shared, sizeof(*s));
	r = dirty & KVM_SYNC_X86_REGS ? set_regs(vcpu, &s->regs) : 0;
	if (!r && (dirty & KVM_SYNC_X86_SREGS))
		r = set_sregs(vcpu, &s->sregs);
	if (!r && (dirty & KVM_SYNC_X86_EVENTS))
		r = vh_events_set(vcpu, &s->events);
	if (!r) {
		vcpu->run->kvm_dirty_regs = 0;
		r = vh_vcpu_run(vcpu);
	}
	if (vcpu->lost)
		valid = 0;
	memset(s, 0, sizeof(*s));
	if ((valid & KVM_SYNC_X86_REGS) && !vh_regs_get(vcpu, &s->regs))
		shared->regs = s->regs;
	if ((valid & KVM_SYNC_X86_SREGS) && !vh_sregs_get(vcpu, &s->sregs))
		shared->sregs = s->sregs;
	if ((valid & KVM_SYNC_X86_EVENTS) && !vh_events_get(vcpu, &s->events))
		shared->events = s->events;
	kfree(s);
	return r;
}

static long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct vh_vcpu *vcpu = file->private_data;
	long r;

	if (vcpu->vm->mm != current->mm)
		return -EIO;
	if (unlikely(cmd != KVM_RUN)) {
		if (cmd == VH_GET_EXIT_STATS)
			return exit_stats(vcpu, (void __user *)arg);
		if (cmd == KVM_GET_STATS_FD)
			return vh_stats_fd(vcpu->vm, vcpu);
		if (_IOC_TYPE(cmd) != KVMIO)
			return -ENOTTY;
	}
	if (mutex_lock_killable(&vcpu->lock))
		return -EINTR;
	if (likely(cmd == KVM_RUN))
		r = arg ? -EINVAL :
		    unlikely(vcpu->run->kvm_valid_regs | vcpu->run->kvm_dirty_regs) ? run_synced(vcpu) :
		    vh_vcpu_run(vcpu);
	else
		r = unlikely(vcpu->lost) ? -EIO : vcpu_ioctl_locked(vcpu, cmd, arg);
	/* What was asked for could not be read. */
	if (unlikely(vcpu->lost))
		r = -EIO;
	mutex_unlock(&vcpu->lock);
	return r;
}

static vm_fault_t vcpu_fault(struct vm_fault *vmf)
{
	struct vh_vcpu *vcpu = vmf->vma->vm_file->private_data;
	void *at;

	switch (vmf->pgoff) {
	case 0:
		at = vcpu->run;
		break;
	case 1:
		at = vcpu->pio_data;
		break;
	case KVM_COALESCED_MMIO_PAGE_OFFSET:
		at = vh_coalesced_page(vcpu->vm);
		if (!at)
			return VM_FAULT_OOM;
		break;
	default:
		vmf->page = vmf->pgoff < KVM_DIRTY_LOG_PAGE_OFFSET ? NULL :
			    vh_ring_page(vcpu, vmf->pgoff - KVM_DIRTY_LOG_PAGE_OFFSET);
		if (!vmf->page)
			return VM_FAULT_SIGBUS;
		get_page(vmf->page);
		return 0;
	}
	vmf->page = virt_to_page(at);
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct vcpu_vm_ops = { .fault = vcpu_fault };

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	const struct vh_vcpu *vcpu = file->private_data;
	unsigned long first = vma->vm_pgoff, n = vma_pages(vma);
	unsigned long ring = vcpu->vm->mmu->ring_bytes >> PAGE_SHIFT;

	if (first >= KVM_DIRTY_LOG_PAGE_OFFSET) {
		/* What userspace writes there has to be seen. */
		if (first - KVM_DIRTY_LOG_PAGE_OFFSET + n > ring || !(vma->vm_flags & VM_SHARED) ||
		    (vma->vm_flags & VM_EXEC))
			return -EINVAL;
	} else if (first + n > VH_VCPU_MMAP_PAGES) {
		return -EINVAL;
	}
	vma->vm_ops = &vcpu_vm_ops;
	return 0;
}

static int vcpu_release(struct inode *inode, struct file *file)
{
	struct vh_vcpu *vcpu = file->private_data;

	vh_vm_put(vcpu->vm);
	return 0;
}

static const struct file_operations vcpu_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= vcpu_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.mmap		= vcpu_mmap,
	.release	= vcpu_release,
	.llseek		= noop_llseek,
};

/**
 * vh_vcpu_free - free a vCPU
 * @vcpu: the vCPU
 *
 * The VM's last reference is gone, or the vCPU was never visible.
 */
void vh_vcpu_free(struct vh_vcpu *vcpu)
{
	/* The VMCS, which names their pages, first. */
	vh_vmx_destroy(vcpu);
	vh_lapic_destroy(vcpu);
	vh_cpu_destroy(vcpu);
	vh_run_destroy(vcpu);
	vh_mmu_vcpu_free(vcpu);
	put_pid(rcu_dereference_protected(vcpu->pid, 1));
	free_page((unsigned long)vcpu->run);
	free_page((unsigned long)vcpu->pio_data);
	kfree(vcpu);
}

static int vcpu_init(struct vh_vcpu *vcpu)
{
	int err;

	vcpu->run = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vcpu->pio_data = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (!vcpu->run || !vcpu->pio_data)
		return -ENOMEM;
	err = vh_cpu_create(vcpu);
	if (!err)
		err = vh_mmu_vcpu_create(vcpu);
	if (!err)
		err = vh_run_create(vcpu);
	if (!err && vcpu->vm->irqchip_kernel)
		err = vh_lapic_create(vcpu);
	if (!err)
		err = vh_vmx_create(vcpu);
	if (err)
		return err;
	vh_cpuid_refresh(vcpu);
	vh_state_reset(vcpu, false);
	vh_fpu_reset(vcpu, false);
	vh_msr_reset(vcpu);
	if (vcpu->lapic)
		vh_lapic_reset(vcpu, false);
	return 0;
}

/**
 * vh_vcpu_create - KVM_CREATE_VCPU
 * @vm: the VM
 * @id: KVM_CREATE_VCPU id
 *
 * vm->lock held. Returns a file descriptor, -EEXIST, -EINVAL, -ENOMEM,
 * -EDQUOT (a group's limit).
 */
int vh_vcpu_create(struct vh_vm *vm, u32 id)
{
	struct vh_vcpu *vcpu, ***chunk;
	struct file *file;
	int err, fd;

	if (id >= (vm->max_vcpu_ids ? vm->max_vcpu_ids : VH_MAX_VCPU_IDS))
		return -EINVAL;
	if (vm->nr_vcpus >= VH_MAX_VCPUS)
		return -EINVAL;
	if (vh_vcpu_by_id(vm, id))
		return -EEXIST;
	if (vh_cpu_caps.ept && !vh_cpu_caps.unrestricted && !vm->mmu->identity_page &&
	    vh_mmu_create_identity_page(vm))
		return -ENOMEM;
	chunk = &vm->vcpus[vm->nr_vcpus / VH_VCPU_CHUNK];
	if (!*chunk)
		*chunk = kcalloc(VH_VCPU_CHUNK, sizeof(**chunk), GFP_KERNEL_ACCOUNT);
	if (!*chunk)
		return -ENOMEM;
	err = vh_record_charge(vm->rec, VH_RES_VCPUS, 1);
	if (err)
		return err;
	vcpu = kzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);
	if (!vcpu) {
		vh_record_uncharge(vm->rec, VH_RES_VCPUS, 1);
		return -ENOMEM;
	}
	vcpu->vm = vm;
	vcpu->id = id;
	vcpu->idx = vm->nr_vcpus;
	vcpu->cpu = -1;
	vcpu->user_irq = -1;
	vcpu->user_pic = !vm->irqchip_kernel || vh_irqchip_is_split(vm);
	vcpu->device_gfn = ~0ULL;
	mutex_init(&vcpu->lock);
	rcuwait_init(&vcpu->wait);
	vcpu->mp_state = vm->irqchip_kernel && id != vm->bsp_id ?
			 KVM_MP_STATE_UNINITIALIZED : KVM_MP_STATE_RUNNABLE;
	err = vcpu_init(vcpu);
	if (err)
		goto free;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		err = fd;
		goto free;
	}
	file = anon_inode_getfile("vh-vcpu", &vcpu_fops, vcpu, O_RDWR);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		err = PTR_ERR(file);
		goto free;
	}
	vh_vm_get(vm);
	vm->vcpus[vcpu->idx / VH_VCPU_CHUNK][vcpu->idx % VH_VCPU_CHUNK] = vcpu;
	smp_store_release(&vm->nr_vcpus, vcpu->idx + 1);
	vh_vm_request_all(vm, VH_REQ_EOI_BITMAP);
	fd_install(fd, file);
	return fd;
free:
	vh_vcpu_free(vcpu);
	vh_record_uncharge(vm->rec, VH_RES_VCPUS, 1);
	return err;
}
