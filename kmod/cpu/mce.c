// SPDX-License-Identifier: GPL-2.0-only
/*
 * mce.c - the guest's machine-check banks (SDM Vol. 3, chapter 16).
 *
 * Errors come from userspace only (KVM_X86_SET_MCE). A vCPU has all banks, switched off,
 * until userspace says how many (KVM_X86_SETUP_MCE).
 */
#include <asm/mce.h>
#include <asm/msr.h>

#include "internal.h"

/* Software recovery and IA32_MCG_CTL; no CMCI, no extended state, no LMCE. */
#define CAPS_SUPPORTED (MCG_CTL_P | MCG_SER_P)

enum { CTL, STATUS, ADDR, MISC };	/* registers of a bank, in MSR order */

/**
 * vh_mce_cap - KVM_X86_GET_MCE_CAP_SUPPORTED
 */
u64 vh_mce_cap(void)
{
	return CAPS_SUPPORTED;
}

/**
 * vh_mce_setup - KVM_X86_SETUP_MCE
 * @vcpu: the vCPU
 * @cap: IA32_MCG_CAP as the guest reads it
 *
 * Own thread. -EINVAL: a capability or a number of banks that is not offered.
 */
int vh_mce_setup(struct vh_vcpu *vcpu, u64 cap)
{
	unsigned int i, banks = cap & MCG_BANKCNT_MASK;
	struct vh_mce *m = vcpu->mce;

	if (!banks || banks > VH_MCE_BANKS || (cap & ~(CAPS_SUPPORTED | MCG_BANKCNT_MASK)))
		return -EINVAL;
	memset(m, 0, sizeof(*m));
	m->cap = cap;
	if (cap & MCG_CTL_P)
		m->ctl = ~0ULL;
	for (i = 0; i < banks; i++)
		m->bank[i][CTL] = ~0ULL;
	return 0;
}

/*
 * An uncorrected error that asks for nothing (UCNA, SDM 16.6.3): it would be told by a
 * CMCI, which the guest does not have, never by #MC.
 */
static bool no_action_needed(const struct kvm_x86_mce *e)
{
	return !e->mcg_status && !(e->status & (MCI_STATUS_PCC | MCI_STATUS_S | MCI_STATUS_AR));
}

/**
 * vh_mce_inject - KVM_X86_SET_MCE
 * @vcpu: the vCPU
 * @e: the error
 *
 * Own thread. Returns 1 when #MC is due, for an uncorrected error; the VM is shut
 * down when the guest has it off or handles one already. Else 0, or -EINVAL: no
 * such bank, no error.
 */
int vh_mce_inject(struct vh_vcpu *vcpu, const struct kvm_x86_mce *e)
{
	struct vh_mce *m = vcpu->mce;
	u64 status = e->status;
	bool fatal = (status & MCI_STATUS_UC) && !no_action_needed(e);
	u64 *bank;

	if (e->bank >= (m->cap & MCG_BANKCNT_MASK) || !(status & MCI_STATUS_VAL))
		return -EINVAL;
	bank = m->bank[e->bank];
	if (fatal) {
		/* Not enabled: nobody hears of it. */
		if (((m->cap & MCG_CTL_P) && m->ctl != ~0ULL) || bank[CTL] != ~0ULL)
			return 0;
		vh_need(vcpu, VH_S_CR4);
		if ((m->status & MCG_STATUS_MCIP) || !(vcpu->s.cr4 & X86_CR4_MCE)) {
			vh_request(vcpu, VH_REQ_TRIPLE_FAULT);
			return 0;
		}
	} else if (!(status & MCI_STATUS_UC) && (bank[STATUS] & MCI_STATUS_VAL) &&
		   (bank[STATUS] & MCI_STATUS_UC)) {
		bank[STATUS] |= MCI_STATUS_OVER;	/* the graver one stays (SDM 16.3.2.2.1) */
		return 0;
	}
	if (bank[STATUS] & MCI_STATUS_VAL)
		status |= MCI_STATUS_OVER;
	bank[STATUS] = status;
	bank[ADDR] = e->addr;
	bank[MISC] = e->misc;
	if (fatal)
		m->status = e->mcg_status;
	return fatal;
}

/* The register behind an MSR of a bank, or NULL. */
static u64 *bank_register(struct vh_mce *m, u32 msr)
{
	u32 n = msr - MSR_IA32_MC0_CTL;

	return n < 4 * (m->cap & MCG_BANKCNT_MASK) ? &m->bank[n / 4][n % 4] : NULL;
}

/**
 * vh_mce_msr_read - RDMSR of the machine-check MSRs
 * @vcpu: the vCPU
 * @msr: its index
 * @value: filled in
 *
 * Own thread. -EINVAL: not one that this vCPU has.
 */
int vh_mce_msr_read(struct vh_vcpu *vcpu, u32 msr, u64 *value)
{
	struct vh_mce *m = vcpu->mce;
	u64 *r;

	switch (msr) {
	case MSR_IA32_MCG_CAP:
		*value = m->cap;
		return 0;
	case MSR_IA32_MCG_STATUS:
		*value = m->status;
		return 0;
	case MSR_IA32_MCG_CTL:
		if (!(m->cap & MCG_CTL_P))
			return -EINVAL;
		*value = m->ctl;
		return 0;
	}
	r = bank_register(m, msr);
	if (!r)
		return -EINVAL;
	*value = *r;
	return 0;
}

/**
 * vh_mce_msr_write - WRMSR of the machine-check MSRs
 * @vcpu: the vCPU
 * @msr: its index
 * @value: new value
 * @host: userspace
 *
 * Own thread. A guest can clear a status, address or information register, not
 * make one up (SDM 16.3.2.2). -EINVAL: #GP, or not one that this vCPU has.
 */
int vh_mce_msr_write(struct vh_vcpu *vcpu, u32 msr, u64 value, bool host)
{
	struct vh_mce *m = vcpu->mce;
	u64 *r;

	switch (msr) {
	case MSR_IA32_MCG_STATUS:
		if (value & ~7ULL || (value && !host))
			return -EINVAL;
		m->status = value;
		return 0;
	case MSR_IA32_MCG_CTL:
		if (!(m->cap & MCG_CTL_P))
			return -EINVAL;
		m->ctl = value;
		return 0;
	}
	r = bank_register(m, msr);
	if (!r || ((msr - MSR_IA32_MC0_CTL) % 4 != CTL && value && !host))
		return -EINVAL;
	*r = value;
	return 0;
}
