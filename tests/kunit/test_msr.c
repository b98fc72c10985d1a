// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which values MSRs take (kmod/cpu/msr.c), against SDM Vol. 4 and Vol. 3, 12.11 and 12.12; and that what
 * was taken is read back.
 */
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <asm/msr.h>
#include <asm/mtrr.h>

#include "../../kmod/cpu/internal.h"

/* --- what msr.c calls elsewhere in the module --- */

void vh_tsc_write(struct vh_vcpu *vcpu, u64 value, bool host) { }
void vh_tsc_adjust(struct vh_vcpu *vcpu, s64 delta) { }
int vh_set_efer(struct vh_vcpu *vcpu, u64 value, bool host) { return -EINVAL; }
int vh_mce_msr_read(struct vh_vcpu *vcpu, u32 msr, u64 *value) { return -EINVAL; }
int vh_mce_msr_write(struct vh_vcpu *vcpu, u32 msr, u64 value, bool host) { return -EINVAL; }
int vh_pv_msr_read(struct vh_vcpu *vcpu, u32 msr, u64 *value) { return -ENOENT; }
int vh_pv_msr_write(struct vh_vcpu *vcpu, u32 msr, u64 value) { return -ENOENT; }
int vh_clock_msr_read(struct vh_vcpu *vcpu, u32 msr, u64 *value) { return -ENOENT; }
int vh_clock_msr_write(struct vh_vcpu *vcpu, u32 msr, u64 value) { return -ENOENT; }

#define MAXPHYADDR	39

struct msr_case {
	u32 msr;
	u64 value;
	bool guest, host;	/* may each write it? */
};

#define BOTH	true, true
#define NONE	false, false
static const struct msr_case cases[] = {
	/* addresses are canonical: by 48 or by 57 bits */
	{ MSR_LSTAR, 0x00007fffffffffffULL, BOTH },
	{ MSR_LSTAR, 0xffff800000000000ULL, BOTH },
	{ MSR_LSTAR, 0x0100000000000000ULL, NONE },
	{ MSR_CSTAR, 0xfeffffffffffffffULL, NONE },
	{ MSR_KERNEL_GS_BASE, 0x8000000000000000ULL, NONE },
	{ MSR_FS_BASE, 0x7fffffffffffffffULL, NONE },
	{ MSR_GS_BASE, 0xffff800000001000ULL, BOTH },
	{ MSR_IA32_SYSENTER_ESP, 0x0100000000000000ULL, NONE },
	{ MSR_IA32_SYSENTER_EIP, 0xffffffff81000000ULL, BOTH },
	{ MSR_STAR, 0x0023001000000000ULL, BOTH },
	/* 32 bits, the upper ones reserved */
	{ MSR_SYSCALL_MASK, 0x00047700, BOTH },
	{ MSR_SYSCALL_MASK, 1ULL << 32, NONE },
	{ MSR_TSC_AUX, 0xffffffff, BOTH },
	{ MSR_TSC_AUX, 1ULL << 32, NONE },
	/* memory types: 0, 1, 4, 5, 6, and 7 (UC-) in the PAT alone */
	{ MSR_IA32_CR_PAT, 0x0007040600070406ULL, BOTH },
	{ MSR_IA32_CR_PAT, 0x0106050407000000ULL, BOTH },
	{ MSR_IA32_CR_PAT, 0x0007040600070402ULL, NONE },
	{ MSR_IA32_CR_PAT, 0x0307040600070406ULL, NONE },
	{ MSR_IA32_CR_PAT, 0x0007080600070406ULL, NONE },
	{ MSR_MTRRdefType, 0xc06, BOTH },
	{ MSR_MTRRdefType, 0x000, BOTH },
	{ MSR_MTRRdefType, 0xc07, NONE },
	{ MSR_MTRRdefType, 0xc02, NONE },
	{ MSR_MTRRdefType, 0x106, NONE },
	{ MSR_MTRRdefType, 0x1006, NONE },
	{ MSR_MTRRfix64K_00000, 0x0606060606060606ULL, BOTH },
	{ MSR_MTRRfix4K_F8000, 0x0504010006060606ULL, BOTH },
	{ MSR_MTRRfix16K_A0000, 0x0606060607060606ULL, NONE },
	{ MSR_MTRRfix4K_C0000, 0x0306060606060606ULL, NONE },
	{ MTRRphysBase_MSR(0), 0x00000000fe000006ULL, BOTH },
	{ MTRRphysBase_MSR(0), BIT_ULL(MAXPHYADDR - 1) | 6, BOTH },
	{ MTRRphysBase_MSR(0), BIT_ULL(MAXPHYADDR) | 6, NONE },
	{ MTRRphysBase_MSR(7), 0x00000000fe000106ULL, NONE },
	{ MTRRphysBase_MSR(7), 0x00000000fe000002ULL, NONE },
	{ MTRRphysMask_MSR(7), 0x0000007fff000800ULL, BOTH },
	{ MTRRphysMask_MSR(7), 0x0000007fff000c00ULL, NONE },
	{ MTRRphysMask_MSR(0), BIT_ULL(MAXPHYADDR) | 0x800, NONE },
	{ MTRRphysBase_MSR(8), 6, NONE },		/* there are eight */
	/* read-only, or not there */
	{ MSR_MTRRcap, 0x508, NONE },
	{ MSR_IA32_XSS, 0, BOTH },
	{ MSR_IA32_XSS, 0x100, NONE },
	{ MSR_MISC_FEATURES_ENABLES, 1, NONE },
	{ MSR_PLATFORM_INFO, 0, false, true },
	{ MSR_PLATFORM_INFO, 0x1700, false, true },
	{ MSR_PLATFORM_INFO, BIT_ULL(31), NONE },	/* no CPUID faulting */
	{ MSR_IA32_ARCH_CAPABILITIES, 0x29, false, true },
	{ MSR_IA32_PERF_CAPABILITIES, 0, false, true },
	{ MSR_IA32_PERF_CAPABILITIES, 1, NONE },
	{ MSR_IA32_FEAT_CTL, FEAT_CTL_LOCKED, false, true },
	{ MSR_IA32_FEAT_CTL, FEAT_CTL_LOCKED | FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX, NONE },
	{ MSR_SMI_COUNT, 5, false, true },
	{ MSR_IA32_DEBUGCTLMSR, 0, BOTH },
	{ MSR_IA32_DEBUGCTLMSR, 1, NONE },
	/* what guests are not offered (docs/security.md) */
	{ MSR_IA32_SPEC_CTRL, 0, NONE },
	{ MSR_IA32_PRED_CMD, 1, NONE },
	{ MSR_IA32_FLUSH_CMD, 1, NONE },
	{ MSR_IA32_VMX_BASIC, 0, NONE },
	{ 0x12345678, 0, NONE },
	{ 0xffffffff, 0, NONE },
};

static struct kvm_cpuid_entry2 leaves[] = {
	{ .function = 0x80000001, .edx = BIT(27) },		/* RDTSCP */
	{ .function = 0xd, .index = 1, .eax = BIT(3) },		/* XSAVES */
};

static struct vh_vcpu *vcpu_begin(struct kunit *test)
{
	struct vh_vcpu *vcpu = kunit_kzalloc(test, sizeof(*vcpu), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, vcpu);
	vcpu->vm = kunit_kzalloc(test, sizeof(*vcpu->vm), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vcpu->vm);
	vcpu->valid = VH_S_ALL;
	vcpu->maxphyaddr = MAXPHYADDR;
	vh_cpu_caps.rdtscp = true;
	vcpu->msrs = kunit_kzalloc(test, sizeof(*vcpu->msrs), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vcpu->msrs);
	vcpu->cpuid = kunit_kzalloc(test, sizeof(*vcpu->cpuid), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vcpu->cpuid);
	vcpu->cpuid->entry = leaves;
	vcpu->cpuid->nr = ARRAY_SIZE(leaves);
	return vcpu;
}

static bool reads_as_zero(u32 msr)
{
	return msr == MSR_IA32_XSS || msr == MSR_IA32_DEBUGCTLMSR;
}

static void check(struct kunit *test, const struct msr_case *c, bool host)
{
	struct vh_vcpu *vcpu = vcpu_begin(test);
	bool ok = host ? c->host : c->guest;
	u64 before = 0, after = 0;
	bool had = !vh_msr_read(vcpu, c->msr, &before, host);
	int err = vh_msr_write(vcpu, c->msr, c->value, host);

	KUNIT_EXPECT_EQ_MSG(test, err == 0, ok, "MSR %#x, %#llx, %s", c->msr, c->value,
			    host ? "userspace" : "guest");
	if (ok) {
		KUNIT_EXPECT_EQ(test, vh_msr_read(vcpu, c->msr, &after, host), 0);
		KUNIT_EXPECT_EQ_MSG(test, after, reads_as_zero(c->msr) ? 0 : c->value, "MSR %#x", c->msr);
	} else if (had) {
		/* What is refused changes nothing. */
		KUNIT_EXPECT_EQ(test, vh_msr_read(vcpu, c->msr, &after, host), 0);
		KUNIT_EXPECT_EQ_MSG(test, after, before, "MSR %#x", c->msr);
	}
}

static void writes(struct kunit *test)
{
	check(test, test->param_value, false);
	check(test, test->param_value, true);
}

static void name_of(const struct msr_case *c, char *to)
{
	snprintf(to, KUNIT_PARAM_DESC_SIZE, "%#x, %#llx", c->msr, c->value);
}
KUNIT_ARRAY_PARAM(msr, cases, name_of);

/* The guest does not have @msr, but userspace may save and restore it. */
static void not_the_guests(struct kunit *test, struct vh_vcpu *vcpu, u32 msr)
{
	u64 value = 0;

	KUNIT_EXPECT_NE(test, vh_msr_write(vcpu, msr, 0, false), 0);
	KUNIT_EXPECT_NE(test, vh_msr_read(vcpu, msr, &value, false), 0);
	KUNIT_EXPECT_EQ(test, vh_msr_write(vcpu, msr, 0, true), 0);
	KUNIT_EXPECT_EQ(test, vh_msr_read(vcpu, msr, &value, true), 0);
}

/* Without RDTSCP there is no TSC_AUX, without XSAVES no XSS: in the processor, or in CPUID. */
static void no_rdtscp(struct kunit *test)
{
	struct vh_vcpu *vcpu = vcpu_begin(test);

	vh_cpu_caps.rdtscp = false;
	not_the_guests(test, vcpu, MSR_TSC_AUX);
	vh_cpu_caps.rdtscp = true;
	vcpu->cpuid->nr = 1;
	not_the_guests(test, vcpu, MSR_IA32_XSS);
	vcpu->cpuid->entry++;
	not_the_guests(test, vcpu, MSR_TSC_AUX);
}

static struct kunit_case msr_cases[] = {
	KUNIT_CASE_PARAM(writes, msr_gen_params),
	KUNIT_CASE(no_rdtscp),
	{ }
};

static struct kunit_suite msr_suite = { .name = "vh-msr", .test_cases = msr_cases };
kunit_test_suite(msr_suite);
