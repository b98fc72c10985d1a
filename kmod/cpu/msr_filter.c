// SPDX-License-Identifier: GPL-2.0-only
/*
 * msr_filter.c - which MSRs a guest may access, as its VMM says: KVM_X86_SET_MSR_FILTER.
 *
 * A filter is replaced as a whole, and never changes. Those of the LAPIC are not filtered, for their
 * registers are also memory.
 */
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "internal.h"

#define X2APIC_FIRST	0x800
#define X2APIC_LAST	0x8ff
#define ACCESSES	(KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE)

/*
 * Ranges of MSRs; the first that has an MSR and the kind of access decides. Const once it is there; the
 * bitmaps follow in the same allocation.
 */
struct vh_msr_filter {
	struct rcu_head rcu;
	bool deny;			/* what is in no range */
	unsigned int nr;
	struct {
		u32 flags, base, nmsrs;
		const u8 *allowed;	/* a bit for each, as userspace gave it */
	} range[KVM_MSR_FILTER_MAX_RANGES];
	u8 bitmaps[];
};

/**
 * vh_msr_allowed - does the VM's filter let its guest access an MSR?
 * @vm: the VM
 * @msr: its index
 * @write: the access
 *
 * Any context.
 */
bool vh_msr_allowed(struct vh_vm *vm, u32 msr, bool write)
{
	u32 access = write ? KVM_MSR_FILTER_WRITE : KVM_MSR_FILTER_READ;
	const struct vh_msr_filter *f;
	bool allowed = true;
	unsigned int i;

	if (likely(!rcu_access_pointer(vm->msr_filter)) || (msr >= X2APIC_FIRST && msr <= X2APIC_LAST))
		return true;
	rcu_read_lock();
	f = rcu_dereference(vm->msr_filter);
	if (f) {
		allowed = !f->deny;
		for (i = 0; i < f->nr; i++) {
			u32 n = msr - f->range[i].base;

			if (msr < f->range[i].base || n >= f->range[i].nmsrs || !(f->range[i].flags & access))
				continue;
			allowed = f->range[i].allowed[n / 8] & BIT(n % 8);
			break;
		}
	}
	rcu_read_unlock();
	return allowed;
}

/* How many bytes of a range's bitmap there are; 0: more than there may be. */
static unsigned int bitmap_bytes(u32 nmsrs)
{
	u64 bytes = ALIGN((u64)nmsrs, 64) / 8;

	return bytes <= KVM_MSR_FILTER_MAX_BITMAP_SIZE ? bytes : 0;
}

/**
 * vh_msr_set_filter - KVM_X86_SET_MSR_FILTER
 * @vm: the VM
 * @u: what to allow; from then on, and instead of what there was
 *
 * vm->lock held. When it returns no vCPU goes by the filter that there was. -EINVAL for flags, a bitmap of more
 * than 1,536 bytes, and to deny all by default with no range; -EFAULT, -ENOMEM.
 */
int vh_msr_set_filter(struct vh_vm *vm, const struct kvm_msr_filter *u)
{
	struct vh_msr_filter *f, *old;
	unsigned int i, bytes = 0;
	u8 *at;

	if (u->flags & ~KVM_MSR_FILTER_DEFAULT_DENY)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(u->ranges); i++) {
		unsigned int n = bitmap_bytes(u->ranges[i].nmsrs);

		if (!u->ranges[i].nmsrs)
			continue;
		if (!n || !u->ranges[i].flags || (u->ranges[i].flags & ~ACCESSES))
			return -EINVAL;
		bytes += n;
	}
	/* Of the LAPIC's MSRs only this would be left. */
	if (!bytes && (u->flags & KVM_MSR_FILTER_DEFAULT_DENY))
		return -EINVAL;
	f = kvzalloc(struct_size(f, bitmaps, bytes), GFP_KERNEL_ACCOUNT);
	if (!f)
		return -ENOMEM;
	f->deny = u->flags & KVM_MSR_FILTER_DEFAULT_DENY;
	at = f->bitmaps;
	for (i = 0; i < ARRAY_SIZE(u->ranges); i++) {
		const struct kvm_msr_filter_range *r = &u->ranges[i];
		unsigned int n = bitmap_bytes(r->nmsrs);

		if (!r->nmsrs)
			continue;
		if (copy_from_user(at, (const u8 __user *)r->bitmap, n)) {
			kvfree(f);
			return -EFAULT;
		}
		f->range[f->nr].flags = r->flags;
		f->range[f->nr].base = r->base;
		f->range[f->nr].nmsrs = r->nmsrs;
		f->range[f->nr].allowed = at;
		f->nr++;
		at += n;
	}
	/* One that allows everything is none: MSRs go their fast ways. */
	if (!f->nr) {
		kvfree(f);
		f = NULL;
	}
	old = rcu_replace_pointer(vm->msr_filter, f, lockdep_is_held(&vm->lock));
	if (old || f)
		vh_vm_request_sync(vm, VH_REQ_MSR_FILTER);
	if (old)
		kvfree_rcu(old, rcu);
	return 0;
}

/**
 * vh_msr_filter_free - the VM goes
 * @vm: the VM; no vCPU is left
 */
void vh_msr_filter_free(struct vh_vm *vm)
{
	kvfree(rcu_dereference_protected(vm->msr_filter, 1));
}

/**
 * vh_msr_guest - RDMSR or WRMSR of the guest's
 * @vcpu: the vCPU
 * @msr: its index
 * @value: from or to
 * @write: direction
 *
 * Own thread, process context. 0, or why it is #GP, unless userspace wants to know of it: KVM_MSR_EXIT_REASON_*.
 */
u32 vh_msr_guest(struct vh_vcpu *vcpu, u32 msr, u64 *value, bool write)
{
	int err;

	if (!vh_msr_allowed(vcpu->vm, msr, write))
		return KVM_MSR_EXIT_REASON_FILTER;
	err = write ? vh_msr_write(vcpu, msr, *value, false) : vh_msr_read(vcpu, msr, value, false);
	if (!err)
		return 0;
	return err == -ENOENT ? KVM_MSR_EXIT_REASON_UNKNOWN : KVM_MSR_EXIT_REASON_INVAL;
}
