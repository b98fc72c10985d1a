// SPDX-License-Identifier: GPL-2.0-only
/*
 * translate.c - linear addresses as the guest's processor translates them.
 */
#include "internal.h"

static int walk_read(void *vcpu, gpa_t gpa, void *buf, unsigned int len)
{
	return vh_gpa_read(vcpu, gpa, buf, len);
}

static int walk_cmpxchg(void *vcpu, gpa_t gpa, u64 *old, u64 new, unsigned int len)
{
	return vh_gpa_cmpxchg(vcpu, gpa, old, new, len);
}

static void paging_of(struct vh_vcpu *vcpu, struct vh_paging *p)
{
	vh_need(vcpu, VH_S_CR0 | VH_S_CR3 | VH_S_CR4 | VH_S_EFER | VH_S_RFLAGS);
	vh_paging_in_memory(vcpu, p);
}

/**
 * vh_paged_gva_to_gpa - vh_gva_to_gpa() with paging on
 * @vcpu: the vCPU
 * @gva: guest linear address
 * @access: VH_ACC_*
 * @gpa: guest-physical address
 * @f: the exception
 *
 * As vh_gva_to_gpa(). Apart, for its variables are large and code without
 * paging needs none of them.
 */
int vh_paged_gva_to_gpa(struct vh_vcpu *vcpu, u64 gva, u32 access, gpa_t *gpa, struct vh_fault *f)
{
	const struct vh_walk_mem mem = { walk_read, walk_cmpxchg, vcpu };
	struct vh_paging p;
	struct vh_walk w;
	int err;

	paging_of(vcpu, &p);
	err = vh_walk_paging(&p, &mem, gva, access & ~VH_ACC_NOSET, !(access & VH_ACC_NOSET), &w);
	if (err == -EFAULT)
		*f = (struct vh_fault){ .vector = 14,
					.error = w.error_code, .cr2 = gva };
	*gpa = w.gpa;
	return err;
}

/**
 * vh_translate - KVM_TRANSLATE
 * @vcpu: the vCPU
 * @t: t
 */
int vh_translate(struct vh_vcpu *vcpu, struct kvm_translation *t)
{
	struct vh_fault f;
	gpa_t gpa = 0;
	int err = vh_gva_to_gpa(vcpu, t->linear_address, VH_ACC_READ | VH_ACC_NOSET, &gpa, &f);

	t->valid = !err;
	t->physical_address = err ? ~0ULL : gpa;
	t->writeable = 1;
	t->usermode = 0;
	return 0;
}
