// SPDX-License-Identifier: GPL-2.0-only
/*
 * msr.c - model-specific registers (SDM Vol. 4).
 *
 * An MSR that is not here raises #GP. Those that are only kept for the guest
 * stand in stored[]; those with a meaning have a case in get() and set().
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/msr.h>
#include <asm/mtrr.h>
#include <uapi/asm/kvm_para.h>

#include "internal.h"
#include "../compat/kvm.h"
#include "../tsc.h"

#define MAX_IO_MSRS	256
#define X2APIC_FIRST	0x800
#define X2APIC_LAST	0x8ff

static const u32 mtrr_fixed[] = {
	MSR_MTRRfix64K_00000, MSR_MTRRfix16K_80000, MSR_MTRRfix16K_A0000,
	MSR_MTRRfix4K_C0000, MSR_MTRRfix4K_C8000, MSR_MTRRfix4K_D0000, MSR_MTRRfix4K_D8000,
	MSR_MTRRfix4K_E0000, MSR_MTRRfix4K_E8000, MSR_MTRRfix4K_F0000, MSR_MTRRfix4K_F8000,
};

/* What KVM_GET_MSR_INDEX_LIST names: state to be saved and restored. */
static const u32 saved_msrs[] = {
	MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
	MSR_STAR, MSR_CSTAR, MSR_KERNEL_GS_BASE, MSR_SYSCALL_MASK, MSR_LSTAR,
	MSR_IA32_TSC, MSR_IA32_CR_PAT, MSR_TSC_AUX, MSR_IA32_FEAT_CTL, MSR_IA32_TSC_ADJUST,
	MSR_IA32_TSC_DEADLINE, MSR_IA32_MISC_ENABLE, MSR_IA32_MCG_STATUS,
	MSR_IA32_ARCH_CAPABILITIES, MSR_PLATFORM_INFO, MSR_MISC_FEATURES_ENABLES,
	MSR_IA32_XSS, MSR_SMI_COUNT, MSR_IA32_SMBASE, MSR_EFER, MSR_FS_BASE, MSR_GS_BASE,
	MSR_KVM_WALL_CLOCK, MSR_KVM_SYSTEM_TIME, MSR_KVM_WALL_CLOCK_NEW, MSR_KVM_SYSTEM_TIME_NEW,
	MSR_KVM_STEAL_TIME, MSR_KVM_PV_EOI_EN, MSR_KVM_POLL_CONTROL,
	MSR_KVM_ASYNC_PF_EN, MSR_KVM_ASYNC_PF_INT, MSR_KVM_ASYNC_PF_ACK,
	MSR_MTRRdefType, MSR_IA32_PERF_CAPABILITIES, MSR_IA32_UCODE_REV,
};

/* Of VMX there are none, as there is no nested virtualization. */
static const u32 feature_msrs[] = { MSR_IA32_UCODE_REV, MSR_IA32_ARCH_CAPABILITIES, MSR_IA32_PERF_CAPABILITIES };

#define UCODE_REV		0x100000000ULL
#define PLATFORM_CPUID_FAULT	BIT_ULL(31)	/* of IA32_PLATFORM_INFO: not offered */

/*
 * HV_X64_MSR_GUEST_OS_ID and _HYPERCALL: no guest has them, but QEMU resets them for "hv-spinlocks", which is a number in
 * CPUID and needs nothing of the host.
 */
static bool hyperv_msr(u32 msr)
{
	return msr == 0x40000000 || msr == 0x40000001;
}

/* A paravirtual MSR whose feature CPUID has to show, and does not. */
static bool pv_hidden(struct vh_vcpu *vcpu, u32 msr)
{
	switch (msr) {
	case MSR_KVM_WALL_CLOCK: case MSR_KVM_SYSTEM_TIME:
		return !vh_cpuid_has_pv(vcpu, KVM_FEATURE_CLOCKSOURCE);
	case MSR_KVM_WALL_CLOCK_NEW: case MSR_KVM_SYSTEM_TIME_NEW:
		return !vh_cpuid_has_pv(vcpu, KVM_FEATURE_CLOCKSOURCE2);
	case MSR_KVM_STEAL_TIME:
		return !vh_cpuid_has_pv(vcpu, KVM_FEATURE_STEAL_TIME);
	case MSR_KVM_PV_EOI_EN:
		return !vh_cpuid_has_pv(vcpu, KVM_FEATURE_PV_EOI);
	case MSR_KVM_POLL_CONTROL:
		return !vh_cpuid_has_pv(vcpu, KVM_FEATURE_POLL_CONTROL);
	case MSR_KVM_ASYNC_PF_EN:
		return !vh_cpuid_has_pv(vcpu, KVM_FEATURE_ASYNC_PF);
	case MSR_KVM_ASYNC_PF_INT: case MSR_KVM_ASYNC_PF_ACK:
		return !vh_cpuid_has_pv(vcpu, KVM_FEATURE_ASYNC_PF_INT);
	}
	return false;
}

static bool memory_type(u8 t)
{
	return t == 0 || t == 1 || (t >= 4 && t <= 6);
}

static bool pat_valid(u64 pat)
{
	int i;

	for (i = 0; i < 8; i++) {
		u8 t = pat >> i * 8;

		if (!memory_type(t) && t != 7)
			return false;
	}
	return true;
}

static bool mtrr_fixed_valid(u64 v)
{
	int i;

	for (i = 0; i < 8; i++)
		if (!memory_type(v >> i * 8))
			return false;
	return true;
}

/* The place of an MTRR in stored[], or -1. */
static int mtrr_slot(u32 msr)
{
	int i;

	if (msr == MSR_MTRRdefType)
		return ST_MTRR_DEF;
	if (msr >= 0x200 && msr < 0x200 + 2 * NR_MTRR_VAR)
		return ST_MTRR_VAR + msr - 0x200;
	for (i = 0; i < ARRAY_SIZE(mtrr_fixed); i++)
		if (mtrr_fixed[i] == msr)
			return ST_MTRR_FIX + i;
	return -1;
}

/* SDM Vol. 3, 12.11.2. */
static bool mtrr_valid(struct vh_vcpu *vcpu, int slot, u64 v)
{
	u64 high = ~GENMASK_ULL(vcpu->maxphyaddr - 1, 0);

	if (slot == ST_MTRR_DEF)
		return !(v & ~0xcffULL) && memory_type(v & 0xff);
	if (slot < ST_MTRR_FIX_END)
		return mtrr_fixed_valid(v);
	if ((slot - ST_MTRR_VAR) & 1)
		return !(v & (high | 0x7ff));
	return !(v & (high | 0xf00)) && memory_type(v & 0xff);
}

/* Read by stock kernels without a performance monitor; they expect 0 and write 0. */
static bool perf_msr(u32 msr)
{
	switch (msr) {
	case MSR_IA32_PERFCTR0: case MSR_IA32_PERFCTR1:
	case MSR_P6_EVNTSEL0: case MSR_P6_EVNTSEL1:
	case MSR_IA32_PERF_CTL: case MSR_IA32_PERF_STATUS:
		return true;
	}
	return false;
}

static u64 arch_capabilities(void)
{
	u64 v = 0;

	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrl_safe(MSR_IA32_ARCH_CAPABILITIES, &v);
	/* "Not affected" bits hold for guests too: RDCL, IBRS_ALL, SSB, MDS, PSCHANGE_MC, TAA. */
	return v & (BIT(0) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(8));
}

/**
 * vh_msr_feature - system-scoped KVM_GET_MSRS
 * @msr: one of the feature list
 * @value: filled in
 */
int vh_msr_feature(u32 msr, u64 *value)
{
	switch (msr) {
	case MSR_IA32_UCODE_REV:
		*value = UCODE_REV;
		return 0;
	case MSR_IA32_ARCH_CAPABILITIES:
		*value = arch_capabilities();
		return 0;
	case MSR_IA32_PERF_CAPABILITIES:
		*value = 0;		/* no performance monitor is offered */
		return 0;
	}
	return -EINVAL;
}

static bool has_tsc_aux(struct vh_vcpu *vcpu)
{
	return vh_cpu_caps.rdtscp &&
	       (vh_cpuid_has(vcpu, VH_HAS_RDTSCP) || vh_cpuid_has(vcpu, VH_HAS_RDPID));
}

/**
 * vh_msr_read - RDMSR, or userspace reading
 * @vcpu: the vCPU
 * @msr: its index
 * @value: filled in
 * @host: userspace
 *
 * Own thread, process context. -ENOENT: there is no such MSR; -EINVAL: it cannot be had, or take that.
 */
int vh_msr_read(struct vh_vcpu *vcpu, u32 msr, u64 *value, bool host)
{
	struct vh_cpu_state *s = &vcpu->s;
	struct vh_msrs *m = vcpu->msrs;
	int slot, err;

	switch (msr) {
	case MSR_IA32_SYSENTER_CS: case MSR_IA32_SYSENTER_ESP: case MSR_IA32_SYSENTER_EIP:
		vh_need(vcpu, VH_S_SYSENTER);
		*value = msr == MSR_IA32_SYSENTER_CS ? s->sysenter_cs :
			 msr == MSR_IA32_SYSENTER_ESP ? s->sysenter_esp : s->sysenter_eip;
		return 0;
	case MSR_FS_BASE: case MSR_GS_BASE:
		vh_need(vcpu, VH_S_SEGS);
		*value = s->seg[msr == MSR_FS_BASE ? VH_FS : VH_GS].base;
		return 0;
	case MSR_STAR:		*value = s->star; return 0;
	case MSR_LSTAR:		*value = s->lstar; return 0;
	case MSR_CSTAR:		*value = s->cstar; return 0;
	case MSR_SYSCALL_MASK:	*value = s->sfmask; return 0;
	case MSR_KERNEL_GS_BASE: *value = s->kernel_gs_base; return 0;
	case MSR_EFER:		*value = s->efer; return 0;
	case MSR_IA32_CR_PAT:	*value = s->pat; return 0;
	case MSR_IA32_TSC:	*value = vh_tsc_read(vcpu); return 0;
	case MSR_IA32_XSS:
		*value = 0;
		return host || vh_cpuid_has(vcpu, VH_HAS_XSAVES) ? 0 : -EINVAL;
	case MSR_TSC_AUX:
		if (!host && !has_tsc_aux(vcpu))
			return -EINVAL;
		*value = s->tsc_aux;
		return 0;
	case MSR_IA32_APICBASE:
		*value = vcpu->lapic ? vh_lapic_base(vcpu) : vcpu->user_apic_base;
		return 0;
	case MSR_IA32_TSC_DEADLINE:
		*value = vcpu->lapic ? vh_lapic_deadline(vcpu) : 0;
		return 0;
	case X2APIC_FIRST ... X2APIC_LAST:
		return vcpu->lapic ? vh_lapic_msr_read(vcpu, msr, value) : -EINVAL;
	case MSR_IA32_TSC_ADJUST:	*value = m->v[ST_TSC_ADJUST]; return 0;
	case MSR_IA32_MISC_ENABLE:	*value = m->v[ST_MISC_ENABLE]; return 0;
	case MSR_MISC_FEATURES_ENABLES:	*value = m->v[ST_MISC_FEATURES]; return 0;
	case MSR_SMI_COUNT:		*value = m->v[ST_SMI_COUNT]; return 0;
	case MSR_IA32_SMBASE:
		*value = vcpu->smbase;
		return host ? 0 : -EINVAL;
	case MSR_IA32_MCG_CAP: case MSR_IA32_MCG_STATUS: case MSR_IA32_MCG_CTL:
	case MSR_IA32_MC0_CTL ... MSR_IA32_MCx_MISC(VH_MCE_BANKS - 1):
		return vh_mce_msr_read(vcpu, msr, value);
	case MSR_IA32_FEAT_CTL:		*value = FEAT_CTL_LOCKED; return 0;
	case MSR_IA32_PLATFORM_ID:	*value = 0; return 0;
	case MSR_PLATFORM_INFO:
		*value = m->v[ST_PLATFORM_INFO];
		return host || !READ_ONCE(vcpu->vm->hide_platform_info) ? 0 : -EINVAL;
	case MSR_IA32_PERF_CAPABILITIES:
		*value = 0;
		return host ? 0 : -EINVAL;	/* CPUID shows no PDCM */
	case MSR_IA32_EBL_CR_POWERON:	*value = 0; return 0;
	case MSR_IA32_P5_MC_ADDR: case MSR_IA32_P5_MC_TYPE:
		*value = 0;
		return 0;
	case MSR_IA32_DEBUGCTLMSR:	*value = 0; return 0;
	case MSR_IA32_ARCH_CAPABILITIES: *value = m->v[ST_ARCH_CAPABILITIES]; return 0;
	case MSR_IA32_UCODE_REV:	*value = m->v[ST_UCODE_REV]; return 0;
	case MSR_MTRRcap:		*value = 0x500 | NR_MTRR_VAR; return 0;
	}
	slot = mtrr_slot(msr);
	if (slot >= 0) {
		*value = m->v[slot];
		return 0;
	}
	if (perf_msr(msr)) {
		*value = 0;
		return 0;
	}
	if (host && hyperv_msr(msr)) {
		*value = 0;
		return 0;
	}
	if (pv_hidden(vcpu, msr))
		return -EINVAL;
	err = vh_clock_msr_read(vcpu, msr, value);
	return err == -ENOENT ? vh_pv_msr_read(vcpu, msr, value) : err;
}

static int set_address(struct vh_vcpu *vcpu, u64 *where, u64 value, u32 group)
{
	if (!vh_canonical(value, vh_host_la57()))
		return -EINVAL;
	if (group)
		vh_need(vcpu, group);
	*where = value;
	if (group)
		vh_dirty(vcpu, group);
	return 0;
}

static int set_misc_enable(struct vh_vcpu *vcpu, u64 value)
{
	u64 *at = &vcpu->msrs->v[ST_MISC_ENABLE], changed = *at ^ value;

	if (!(changed & MSR_IA32_MISC_ENABLE_MWAIT) || vh_has_quirk(vcpu->vm, KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT)) {
		*at = value;
		return 0;
	}
	/* SDM Vol. 4: not where there is no SSE3. */
	if (!vh_cpuid_has(vcpu, VH_HAS_SSE3))
		return -EINVAL;
	*at = value;
	vh_cpuid_refresh(vcpu);
	return 0;
}

/**
 * vh_msr_write - WRMSR, or userspace writing
 * @vcpu: the vCPU
 * @msr: its index
 * @value: new value
 * @host: userspace
 *
 * Own thread, process context. -ENOENT: there is no such MSR; -EINVAL: it cannot be had, or take that.
 */
int vh_msr_write(struct vh_vcpu *vcpu, u32 msr, u64 value, bool host)
{
	struct vh_cpu_state *s = &vcpu->s;
	struct vh_msrs *m = vcpu->msrs;
	int slot, err;

	switch (msr) {
	case MSR_IA32_SYSENTER_CS:
		vh_need(vcpu, VH_S_SYSENTER);
		s->sysenter_cs = (u32)value;
		vh_dirty(vcpu, VH_S_SYSENTER);
		return 0;
	case MSR_IA32_SYSENTER_ESP:
		return set_address(vcpu, &s->sysenter_esp, value, VH_S_SYSENTER);
	case MSR_IA32_SYSENTER_EIP:
		return set_address(vcpu, &s->sysenter_eip, value, VH_S_SYSENTER);
	case MSR_FS_BASE:
		return set_address(vcpu, &s->seg[VH_FS].base, value, VH_S_SEGS);
	case MSR_GS_BASE:
		return set_address(vcpu, &s->seg[VH_GS].base, value, VH_S_SEGS);
	case MSR_LSTAR:		return set_address(vcpu, &s->lstar, value, 0);
	case MSR_CSTAR:		return set_address(vcpu, &s->cstar, value, 0);
	case MSR_KERNEL_GS_BASE: return set_address(vcpu, &s->kernel_gs_base, value, 0);
	case MSR_STAR:
		s->star = value;
		return 0;
	case MSR_SYSCALL_MASK:
		if (value >> 32)
			return -EINVAL;
		s->sfmask = value;
		return 0;
	case MSR_EFER:
		return vh_set_efer(vcpu, value, host);
	case MSR_IA32_CR_PAT:
		if (!pat_valid(value))
			return -EINVAL;
		s->pat = value;
		vh_dirty(vcpu, VH_S_PAT);
		return 0;
	case MSR_TSC_AUX:
		if (value >> 32 || (!host && !has_tsc_aux(vcpu)))
			return -EINVAL;
		s->tsc_aux = value;
		return 0;
	case MSR_IA32_XSS:
		return value || !(host || vh_cpuid_has(vcpu, VH_HAS_XSAVES)) ? -EINVAL : 0;
	case MSR_IA32_TSC: {
		/* A guest's write moves TSC_ADJUST along (SDM 18.17.3). */
		u64 before = vh_tsc_read(vcpu);

		vh_tsc_write(vcpu, value, host);
		if (!host)
			m->v[ST_TSC_ADJUST] += value - before;
		return 0;
	}
	case MSR_IA32_TSC_ADJUST:
		if (!host)
			vh_tsc_adjust(vcpu, value - m->v[ST_TSC_ADJUST]);
		m->v[ST_TSC_ADJUST] = value;
		return 0;
	case MSR_IA32_APICBASE:
		if (!vcpu->lapic) {
			/* SDM Vol. 3, 11.4.4: bits 0 to 7, 9, and what no address has */
			if (!host && (value & (~GENMASK_ULL(vcpu->maxphyaddr - 1, 0) | 0x2ff)))
				return -EINVAL;
			vcpu->user_apic_base = value;
			return 0;
		}
		err = vh_lapic_set_base(vcpu, value, host);
		if (!err) {
			vh_cpuid_refresh(vcpu);
			vh_request(vcpu, VH_REQ_APIC_MODE);
		}
		return err;
	case MSR_IA32_TSC_DEADLINE:
		if (vcpu->lapic)
			vh_lapic_set_deadline(vcpu, value);
		return 0;
	case X2APIC_FIRST ... X2APIC_LAST:
		return vcpu->lapic ? vh_lapic_msr_write(vcpu, msr, value) : -EINVAL;
	case MSR_IA32_MISC_ENABLE:
		return set_misc_enable(vcpu, value);
	case MSR_MISC_FEATURES_ENABLES:
		if (value)
			return -EINVAL;
		return 0;
	case MSR_IA32_SMBASE:
		if (!host || value >> 32)
			return -EINVAL;
		vcpu->smbase = value;
		return 0;
	case MSR_SMI_COUNT:
		if (!host)
			return -EINVAL;
		m->v[ST_SMI_COUNT] = value;
		return 0;
	case MSR_IA32_MCG_STATUS: case MSR_IA32_MCG_CTL:
	case MSR_IA32_MC0_CTL ... MSR_IA32_MCx_MISC(VH_MCE_BANKS - 1):
		return vh_mce_msr_write(vcpu, msr, value, host);
	case MSR_IA32_FEAT_CTL:
		/* Locked with VMX off; userspace restores what it read. */
		return host && (value & ~(u64)FEAT_CTL_LOCKED) == 0 ? 0 : -EINVAL;
	case MSR_IA32_ARCH_CAPABILITIES:
		/* Of the host that the guest began on. */
		if (!host)
			return -EINVAL;
		m->v[ST_ARCH_CAPABILITIES] = value;
		return 0;
	case MSR_PLATFORM_INFO:
		if (!host || (value & PLATFORM_CPUID_FAULT))
			return -EINVAL;
		m->v[ST_PLATFORM_INFO] = value;
		return 0;
	case MSR_IA32_PERF_CAPABILITIES:
		return host && !value ? 0 : -EINVAL;
	case MSR_IA32_UCODE_REV:
		if (host)
			m->v[ST_UCODE_REV] = value;
		return 0;	/* kernels write 0 before they read */
	case MSR_IA32_UCODE_WRITE:
		return 0;	/* no microcode to load */
	case MSR_IA32_DEBUGCTLMSR:
		return value ? -EINVAL : 0;
	}
	slot = mtrr_slot(msr);
	if (slot >= 0) {
		if (!mtrr_valid(vcpu, slot, value))
			return -EINVAL;
		m->v[slot] = value;
		return 0;
	}
	if (perf_msr(msr))
		return value ? -EINVAL : 0;
	if (host && hyperv_msr(msr))
		return value ? -EINVAL : 0;
	if (pv_hidden(vcpu, msr))
		return -EINVAL;
	err = vh_clock_msr_write(vcpu, msr, value);
	return err == -ENOENT ? vh_pv_msr_write(vcpu, msr, value) : err;
}

/* Apart, or the other MSRs would pay for its registers. */
static noinline u64 tsc_read(struct vh_vcpu *vcpu)
{
	return vh_tsc_read(vcpu);
}

static noinline bool x2apic_read(struct vh_vcpu *vcpu, u32 msr)
{
	u64 value;

	if (!vcpu->lapic || vh_lapic_msr_read(vcpu, msr, &value))
		return false;
	vcpu->s.gpr[VH_RAX] = (u32)value;
	vcpu->s.gpr[VH_RDX] = value >> 32;
	return true;
}

/**
 * vh_msr_read_fast - RDMSR of the hot ones
 * @vcpu: the vCPU, with its operands in s.gpr
 *
 * Own thread, interrupts may be off; touches no VMCS state. False: not handled, nothing changed.
 */
bool vh_msr_read_fast(struct vh_vcpu *vcpu)
{
	u64 *gpr = vcpu->s.gpr, value;
	u32 msr = gpr[VH_RCX];

	switch (msr) {
	case MSR_IA32_MISC_ENABLE:
		value = vcpu->msrs->v[ST_MISC_ENABLE];
		break;
	case MSR_IA32_TSC_ADJUST:
		value = vcpu->msrs->v[ST_TSC_ADJUST];
		break;
	case MSR_IA32_TSC:
		value = tsc_read(vcpu);
		break;
	case MSR_IA32_APICBASE:
		if (!vcpu->lapic)
			return false;
		value = vh_lapic_base(vcpu);
		break;
	case X2APIC_FIRST ... X2APIC_LAST:
		return x2apic_read(vcpu, msr);
	default:
		return false;
	}
	if (unlikely(vcpu->msrs_filtered))
		return false;
	gpr[VH_RAX] = (u32)value;
	gpr[VH_RDX] = value >> 32;
	return true;
}

/* Apart, or the others would pay for its registers, too. */
static noinline bool x2apic_icr_write(struct vh_vcpu *vcpu, u64 value)
{
	return !vh_lapic_icr_is_wide(vcpu, value, value >> 32) && !vh_lapic_msr_write(vcpu, 0x830, value);
}

/**
 * vh_msr_write_fast - WRMSR of the hot ones
 * @vcpu: the vCPU
 * @msr: its index
 * @value: new value
 *
 * Own thread, interrupts may be off. False: not handled, nothing changed.
 */
bool vh_msr_write_fast(struct vh_vcpu *vcpu, u32 msr, u64 value)
{
	if (!vcpu->lapic)
		return false;
	switch (msr) {
	case MSR_IA32_TSC_DEADLINE:
		if (unlikely(vcpu->msrs_filtered))
			return false;
		vh_lapic_set_deadline(vcpu, value);
		return true;
	case 0x830:
		return x2apic_icr_write(vcpu, value);
	case 0x808: case 0x80b: case 0x83f:	/* ICR; TPR, EOI, self-IPI */
		return !vh_lapic_msr_write(vcpu, msr, value);
	}
	return false;
}

/**
 * vh_msr_reset - power-up values
 * @vcpu: the vCPU
 */
void vh_msr_reset(struct vh_vcpu *vcpu)
{
	memset(vcpu->msrs->v, 0, sizeof(vcpu->msrs->v));
	vcpu->msrs->v[ST_MISC_ENABLE] = 1;	/* fast strings */
	if (vh_has_quirk(vcpu->vm, KVM_X86_QUIRK_STUFF_FEATURE_MSRS)) {
		vcpu->msrs->v[ST_ARCH_CAPABILITIES] = arch_capabilities();
		vcpu->msrs->v[ST_UCODE_REV] = UCODE_REV;
	}
	vcpu->smbase = 0x30000;
}

/**
 * vh_msr_smi - one more SMI
 * @vcpu: the vCPU
 */
void vh_msr_smi(struct vh_vcpu *vcpu)
{
	vcpu->msrs->v[ST_SMI_COUNT]++;
}

/**
 * vh_msr_index_list - KVM_GET_MSR_INDEX_LIST, KVM_GET_MSR_FEATURE_INDEX_LIST
 * @u: userspace's list
 * @feature: the latter
 *
 * Returns 0, -E2BIG with the number needed, -EFAULT.
 */
int vh_msr_index_list(struct kvm_msr_list __user *u, bool feature)
{
	const u32 *list = feature ? feature_msrs : saved_msrs;
	u32 n = feature ? ARRAY_SIZE(feature_msrs) : ARRAY_SIZE(saved_msrs), nmsrs;

	if (get_user(nmsrs, &u->nmsrs) || put_user(n, &u->nmsrs))
		return -EFAULT;
	if (nmsrs < n)
		return -E2BIG;
	return copy_to_user(u->indices, list, n * sizeof(*list)) ? -EFAULT : 0;
}

/**
 * vh_msrs_ioctl - KVM_GET_MSRS, KVM_SET_MSRS
 * @vcpu: the vCPU, or NULL for the system's feature MSRs
 * @u: userspace's list
 * @write: the latter
 *
 * Returns how many were done (it stops at the first that fails), -E2BIG, -EFAULT, -ENOMEM.
 */
int vh_msrs_ioctl(struct vh_vcpu *vcpu, struct kvm_msrs __user *u, bool write)
{
	struct kvm_msr_entry *e;
	struct kvm_msrs h;
	unsigned int i;
	int err;

	if (copy_from_user(&h, u, sizeof(h)))
		return -EFAULT;
	if (h.nmsrs >= MAX_IO_MSRS)
		return -E2BIG;
	e = memdup_user(u->entries, array_size(h.nmsrs, sizeof(*e)));
	if (IS_ERR(e))
		return PTR_ERR(e);
	for (i = 0; i < h.nmsrs; i++) {
		if (!vcpu)
			err = vh_msr_feature(e[i].index, &e[i].data);
		else if (write)
			err = vh_msr_write(vcpu, e[i].index, e[i].data, true);
		else
			err = vh_msr_read(vcpu, e[i].index, &e[i].data, true);
		if (err)
			break;
	}
	if (!write && copy_to_user(u->entries, e, h.nmsrs * sizeof(*e)))
		i = -EFAULT;
	kfree(e);
	return i;
}
