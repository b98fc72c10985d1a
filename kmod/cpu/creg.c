// SPDX-License-Identifier: GPL-2.0-only
/*
 * creg.c - control registers as the guest writes them (SDM Vol. 3, 2.5, 4.1, 10.8.5).
 *
 * A write returns 0 when it took effect, -EINVAL when the processor would raise
 * #GP. The groups that the setters touch are valid (VH_S_CR0, CR3, CR4, EFER, SEGS).
 */
#include <asm/processor-flags.h>

#include "internal.h"

static bool pae_paging(const struct vh_cpu_state *s)
{
	return (s->cr0 & X86_CR0_PG) && (s->cr4 & X86_CR4_PAE) && !(s->efer & EFER_LMA);
}

/**
 * vh_pdptrs_valid - no PDPTE that is present has a reserved bit set (SDM 4.4.1)
 * @vcpu: the vCPU
 * @pdptr: four PDPTEs
 */
bool vh_pdptrs_valid(struct vh_vcpu *vcpu, const u64 *pdptr)
{
	u64 reserved = ~GENMASK_ULL(vcpu->maxphyaddr - 1, 12) & ~0xe19ULL;
	int i;

	for (i = 0; i < 4; i++)
		if ((pdptr[i] & 1) && (pdptr[i] & reserved))
			return false;
	return true;
}

/**
 * vh_load_pdptrs - the four PAE PDPTEs at CR3
 * @vcpu: the vCPU
 * @cr3: cr3
 *
 * Process context. -EINVAL when they are unreadable or have reserved bits set
 * (SDM 4.4.1).
 */
int vh_load_pdptrs(struct vh_vcpu *vcpu, u64 cr3)
{
	u64 pdptr[4];

	if (vh_gpa_read(vcpu, cr3 & 0xffffffe0, pdptr, sizeof(pdptr)) ||
	    !vh_pdptrs_valid(vcpu, pdptr))
		return -EINVAL;
	memcpy(vcpu->s.pdptr, pdptr, sizeof(pdptr));
	return 0;
}

/**
 * vh_cr3_loadable - would a task switch that loads CR3 go on?
 * @vcpu: the vCPU
 * @cr3: the new task's
 *
 * Own thread, interrupts on. With PAE paging the PDPTEs are looked at (SDM 4.4.1).
 */
bool vh_cr3_loadable(struct vh_vcpu *vcpu, u64 cr3)
{
	struct vh_cpu_state *s = &vcpu->s;
	u64 pdptr[4];

	vh_need(vcpu, VH_S_CR0 | VH_S_CR3 | VH_S_CR4);
	if (!pae_paging(s))
		return true;
	return !vh_gpa_read(vcpu, cr3 & 0xffffffe0, pdptr, sizeof(pdptr)) &&
	       vh_pdptrs_valid(vcpu, pdptr);
}

/* MOV to CR0, CLTS, LMSW. */
static int set_cr0(struct vh_vcpu *vcpu, u64 value)
{
	struct vh_cpu_state *s = &vcpu->s;
	u64 known = X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_ET |
		    X86_CR0_NE | X86_CR0_WP | X86_CR0_AM | X86_CR0_NW | X86_CR0_CD | X86_CR0_PG;
	u64 changed, old_efer = s->efer;

	if (value >> 32)
		return -EINVAL;
	value &= known;			/* the other low bits are ignored */
	value |= X86_CR0_ET;
	if (((value & X86_CR0_PG) && !(value & X86_CR0_PE)) ||
	    ((value & X86_CR0_NW) && !(value & X86_CR0_CD)))
		return -EINVAL;
	changed = s->cr0 ^ value;
	if ((changed & X86_CR0_PG) && (value & X86_CR0_PG)) {
		if (s->efer & EFER_LME) {
			if (!(s->cr4 & X86_CR4_PAE) || s->seg[VH_CS].l)
				return -EINVAL;
			s->efer |= EFER_LMA;
		}
	} else if (changed & X86_CR0_PG) {
		/* From 64-bit mode, or with PCIDs, paging cannot be turned off. */
		if (s->cr4 & X86_CR4_PCIDE || ((s->efer & EFER_LMA) && s->seg[VH_CS].l))
			return -EINVAL;
		s->efer &= ~(u64)EFER_LMA;
	}
	if ((value & X86_CR0_PG) && (s->cr4 & X86_CR4_PAE) && !(s->efer & EFER_LMA) &&
	    (changed & (X86_CR0_PG | X86_CR0_CD | X86_CR0_NW))) {
		if (vh_load_pdptrs(vcpu, s->cr3)) {
			s->efer = old_efer;
			return -EINVAL;
		}
		vh_dirty(vcpu, VH_S_CR3);
	}
	s->cr0 = value;
	vh_dirty(vcpu, VH_S_CR0);
	if (s->efer != old_efer)
		vh_dirty(vcpu, VH_S_EFER);
	if (changed & (X86_CR0_PG | X86_CR0_WP))
		vh_mmu_new_paging(vcpu);
	if (changed & X86_CR0_PG)
		vh_mmu_flush(vcpu, VH_FLUSH_ALL, 0);
	return 0;
}

/* MOV to CR3. */
static int set_cr3(struct vh_vcpu *vcpu, u64 value)
{
	struct vh_cpu_state *s = &vcpu->s;
	bool keep = false;

	if (s->efer & EFER_LMA) {
		/* Bit 63 with PCIDs: do not flush (SDM 4.10.4.1). It is not stored. */
		if (s->cr4 & X86_CR4_PCIDE) {
			keep = value >> 63;
			value &= ~BIT_ULL(63);
		}
		if (value & ~GENMASK_ULL(vcpu->maxphyaddr - 1, 0))
			return -EINVAL;
	} else if (pae_paging(s) && vh_load_pdptrs(vcpu, value)) {
		return -EINVAL;
	}
	s->cr3 = value;
	vh_dirty(vcpu, VH_S_CR3);
	vh_mmu_new_paging(vcpu);
	if (!keep)
		vh_mmu_flush(vcpu, VH_FLUSH_PCID, s->cr4 & X86_CR4_PCIDE ? value & 0xfff : 0);
	return 0;
}

/* MOV to CR4. */
static int set_cr4(struct vh_vcpu *vcpu, u64 value)
{
	struct vh_cpu_state *s = &vcpu->s;
	u64 changed = s->cr4 ^ value, old = s->cr4;

	if (value & vcpu->cr4_reserved)
		return -EINVAL;
	if ((s->efer & EFER_LMA) &&
	    (!(value & X86_CR4_PAE) || (changed & X86_CR4_LA57)))
		return -EINVAL;
	if ((changed & value & X86_CR4_PCIDE) && (!(s->efer & EFER_LMA) || (s->cr3 & 0xfff)))
		return -EINVAL;
	s->cr4 = value;
	if (pae_paging(s) && (changed & (X86_CR4_PAE | X86_CR4_PGE | X86_CR4_PSE | X86_CR4_SMEP))) {
		if (vh_load_pdptrs(vcpu, s->cr3)) {
			s->cr4 = old;
			return -EINVAL;
		}
		vh_dirty(vcpu, VH_S_CR3);
	}
	vh_dirty(vcpu, VH_S_CR4);
	/* SDM 4.10.4.1. */
	if (changed & (X86_CR4_PSE | X86_CR4_PAE | X86_CR4_PGE | X86_CR4_SMEP | X86_CR4_SMAP |
		       X86_CR4_PKE | X86_CR4_PCIDE | X86_CR4_LA57)) {
		vh_mmu_new_paging(vcpu);
		vh_mmu_flush(vcpu, VH_FLUSH_ALL, 0);
	}
	return 0;
}

/**
 * vh_set_efer - WRMSR to IA32_EFER
 * @vcpu: the vCPU
 * @value: new value
 * @host: host
 *
 * LMA is read-only for the guest. For userspace it follows from LME and CR0.PG;
 * -EINVAL when CR4 does not allow what follows.
 */
int vh_set_efer(struct vh_vcpu *vcpu, u64 value, bool host)
{
	struct vh_cpu_state *s = &vcpu->s;

	vh_need(vcpu, VH_S_CR0 | VH_S_EFER);
	if (value & vcpu->cpuid->efer_reserved)
		return -EINVAL;
	if (host) {
		value &= ~(u64)EFER_LMA;
		if ((value & EFER_LME) && (s->cr0 & X86_CR0_PG))
			value |= EFER_LMA;
		vh_need(vcpu, VH_S_CR3 | VH_S_CR4);
		if (value & EFER_LMA ? !(s->cr4 & X86_CR4_PAE) : s->cr4 & X86_CR4_PCIDE)
			return -EINVAL;
	} else {
		if ((s->cr0 & X86_CR0_PG) && ((s->efer ^ value) & EFER_LME))
			return -EINVAL;
		value = (value & ~(u64)EFER_LMA) | (s->efer & EFER_LMA);
	}
	if ((s->efer ^ value) & (EFER_NX | EFER_LMA)) {
		vh_mmu_new_paging(vcpu);
		vh_mmu_flush(vcpu, VH_FLUSH_ALL, 0);
	}
	if (host && (s->efer & ~value & EFER_LMA) && (s->cr4 & X86_CR4_PAE)) {
		/* As in KVM_SET_SREGS: absent PDPTEs fault when they are used. */
		if (vh_load_pdptrs(vcpu, s->cr3))
			memset(s->pdptr, 0, sizeof(s->pdptr));
		vh_dirty(vcpu, VH_S_CR3);
	}
	s->efer = value;
	vh_dirty(vcpu, VH_S_EFER);
	return 0;
}

static int set_cr8(struct vh_vcpu *vcpu, u64 value)
{
	if (value & ~15ULL)
		return -EINVAL;
	if (vcpu->lapic)
		vh_lapic_set_tpr(vcpu, value << 4);
	else
		vcpu->user_cr8 = value;
	vh_request(vcpu, VH_REQ_EVENT);
	return 0;
}

/**
 * vh_cr_read - MOV from a control register
 * @vcpu: the vCPU
 * @cr: 0, 2, 3, 4 or 8
 * @value: filled in
 *
 * Own thread, interrupts on. -EINVAL: there is no such register.
 */
int vh_cr_read(struct vh_vcpu *vcpu, unsigned int cr, u64 *value)
{
	struct vh_cpu_state *s = &vcpu->s;

	switch (cr) {
	case 0:
		vh_need(vcpu, VH_S_CR0);
		*value = s->cr0;
		return 0;
	case 2:
		*value = s->cr2;
		return 0;
	case 3:
		vh_need(vcpu, VH_S_CR3);
		*value = s->cr3;
		return 0;
	case 4:
		vh_need(vcpu, VH_S_CR4);
		*value = s->cr4;
		return 0;
	case 8:
		*value = vcpu->lapic ? vh_lapic_tpr(vcpu) >> 4 : vcpu->user_cr8;
		return 0;
	}
	return -EINVAL;
}

/**
 * vh_cr_write - MOV to a control register, CLTS, LMSW
 * @vcpu: the vCPU
 * @cr: 0, 2, 3, 4 or 8
 * @value: all of it, for CLTS and LMSW too
 *
 * Own thread, interrupts on. -EINVAL: #GP, or there is no such register.
 */
int vh_cr_write(struct vh_vcpu *vcpu, unsigned int cr, u64 value)
{
	int err;

	switch (cr) {
	case 0:
		vh_need(vcpu, VH_S_CR0 | VH_S_CR3 | VH_S_CR4 | VH_S_SEGS);
		return set_cr0(vcpu, value);
	case 2:
		vcpu->s.cr2 = value;
		return 0;
	case 3:
		vh_need(vcpu, VH_S_CR0 | VH_S_CR3 | VH_S_CR4);
		return set_cr3(vcpu, value);
	case 4:
		vh_need(vcpu, VH_S_CR0 | VH_S_CR3 | VH_S_CR4 | VH_S_SEGS);
		err = set_cr4(vcpu, value);
		if (!err)
			vh_cpuid_refresh(vcpu);
		return err;
	case 8:
		return set_cr8(vcpu, value);
	}
	return -EINVAL;
}
