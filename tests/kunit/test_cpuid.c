// SPDX-License-Identifier: GPL-2.0-only
/*
 * What CPUID offers to guests (kmod/cpu/cpuid.c) on hosts that the test makes up, and what follows from
 * the leaves that a VMM sets: SDM Vol. 2, CPUID; Vol. 1, 13.2 (XSAVE leaves); Vol. 3, 2.5 (CR4).
 */
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <uapi/asm/kvm_para.h>

#include "hostcpu.h"
#include "../../kmod/cpu/internal.h"

/* --- the host --- */

struct host_leaf {
	u32 function, index, eax, ebx, ecx, edx;
};

static const struct host_leaf *host;
static unsigned int host_leaves;
static u64 host_xcr0;

struct cpuinfo_x86 shim_cpu = { .x86_phys_bits = 48 };

void shim_cpuid(u32 function, u32 index, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	unsigned int i;

	*eax = *ebx = *ecx = *edx = 0;
	for (i = 0; i < host_leaves; i++) {
		if (host[i].function != function || host[i].index != index)
			continue;
		*eax = host[i].eax;
		*ebx = host[i].ebx;
		*ecx = host[i].ecx;
		*edx = host[i].edx;
	}
}

u64 vh_fpu_xcr0(void)
{
	return host_xcr0;
}

#define ALL	0xffffffff

/* A processor that claims every feature there is, and every one that will be. */
static const struct host_leaf everything[] = {
	{ 0, 0, 0x23, 0x756e6547, 0x6c65746e, 0x49656e69 },
	{ 1, 0, 0x000906ed, 0x07100800, ALL, ALL },
	{ 4, 0, 0x1c004121, 0x01c0003f, 0x3f, 0 },
	{ 4, 1, 0x1c004122, 0x01c0003f, 0x3f, 0 },
	{ 6, 0, ALL, ALL, ALL, ALL },
	{ 7, 0, 2, ALL, ALL, ALL },
	{ 7, 1, ALL, ALL, ALL, ALL },
	{ 0xa, 0, ALL, ALL, ALL, ALL },
	{ 0xd, 0, ALL, 0xa88, 0xa88, ALL },
	{ 0xd, 1, ALL, 0xa88, 0, 0 },
	{ 0xd, 2, 0x100, 0x240, 0, 0 },
	{ 0xd, 5, 0x40, 0x440, 0, 0 },
	{ 0xd, 6, 0x200, 0x480, 0, 0 },
	{ 0xd, 7, 0x400, 0x680, 0, 0 },
	{ 0xd, 9, 0x8, 0xa80, 0, 0 },
	{ 0xd, 17, 0x40, 0xac0, 2, 0 },
	{ 0xd, 18, 0x2000, 0xb00, 6, 0 },
	{ 0x12, 0, ALL, ALL, ALL, ALL },
	{ 0x14, 0, ALL, ALL, ALL, ALL },
	{ 0x80000000, 0, 0x80000021, 0, 0, 0 },
	{ 0x80000001, 0, ALL, ALL, ALL, ALL },
	{ 0x80000002, 0, 0x65746e49, 0, 0, 0 },
	{ 0x80000007, 0, ALL, ALL, ALL, ALL },
	{ 0x80000008, 0, 0x3030, ALL, ALL, ALL },
};

/* One from before XSAVE, leaf 7 and RDTSCP. */
static const struct host_leaf old[] = {
	{ 0, 0, 6, 0x756e6547, 0x6c65746e, 0x49656e69 },
	{ 1, 0, 0x00010676, 0x00020800, 0x0008e3bd, 0xbfebfbff },
	{ 6, 0, 1, 2, 1, 0 },
	{ 0x80000000, 0, 0x80000008, 0, 0, 0 },
	{ 0x80000001, 0, 0, 0, 1, 0x20100800 },
	{ 0x80000008, 0, 0x3024, 0, 0, 0 },
};

static struct kvm_cpuid_entry2 *list;
static unsigned int listed;

static void host_is(struct kunit *test, const struct host_leaf *leaves, unsigned int n, u64 xcr0,
		    bool vmx_features)
{
	host = leaves;
	host_leaves = n;
	host_xcr0 = xcr0;
	memset(shim_cpu.x86_capability, 0xff, sizeof(shim_cpu.x86_capability));
	vh_cpu_caps = (struct vh_cpu_caps){
		.invpcid = vmx_features, .rdtscp = vmx_features, .xsaves = vmx_features,
		.cr4_allowed = ~0ULL,
	};
	list = kunit_kzalloc(test, VH_MAX_CPUID * sizeof(*list), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, list);
	listed = vh_cpuid_list(list);
	KUNIT_ASSERT_LE(test, listed, VH_MAX_CPUID);
}

static const struct kvm_cpuid_entry2 *got(u32 function, u32 index)
{
	static const struct kvm_cpuid_entry2 none;
	unsigned int i;

	for (i = 0; i < listed; i++)
		if (list[i].function == function && list[i].index == index)
			return &list[i];
	return &none;
}

#define XCR0_ALL	0x2e7
#define HOST_ALL(test)	host_is(test, everything, ARRAY_SIZE(everything), XCR0_ALL, true)
#define HOST_OLD(test)	host_is(test, old, ARRAY_SIZE(old), 0, false)

/* --- the list --- */

/* What no guest may be told, however much the host claims. */
static void never_offered(struct kunit *test)
{
	HOST_ALL(test);
	/* DTES64 MONITOR DS-CPL VMX SMX EIST TM2 CNXT-ID SDBG xTPR PDCM DCA OSXSAVE */
	KUNIT_EXPECT_EQ(test, got(1, 0)->ecx & 0x0804cdfc & ~BIT(9), 0);
	/* PSN DS ACPI HTT TM PBE */
	KUNIT_EXPECT_EQ(test, got(1, 0)->edx & 0xb0640000, 0);
	/* SGX, RTM and HLE, PQM and PQE, PT, MPX */
	KUNIT_EXPECT_EQ(test, got(7, 0)->ebx & 0x0200d814, 0);
	/* WAITPKG SHSTK TME LA57 RDT-A KL bus lock ENQCMD SGX_LC PKS, OSPKE as CR4 says */
	KUNIT_EXPECT_EQ(test, got(7, 0)->ecx & 0xe38120b0, 0);
	/* SPEC_CTRL, STIBP, L1D_FLUSH, SSBD and ARCH_CAPABILITIES: docs/security.md; AMX, IBT, UINTR */
	KUNIT_EXPECT_EQ(test, got(7, 0)->edx & 0xff500020, 0);
	KUNIT_EXPECT_EQ(test, got(7, 0)->eax, 0);
	/* perfmon, SGX, PT: leaves that say nothing */
	KUNIT_EXPECT_EQ(test, got(0xa, 0)->eax | got(0xa, 0)->ebx | got(0xa, 0)->ecx, 0);
	KUNIT_EXPECT_EQ(test, got(0x12, 0)->eax | got(0x14, 0)->eax, 0);
	KUNIT_EXPECT_EQ(test, got(6, 0)->eax, BIT(2));
	KUNIT_EXPECT_EQ(test, got(6, 0)->ebx | got(6, 0)->ecx | got(6, 0)->edx, 0);
	KUNIT_EXPECT_EQ(test, got(0x80000007, 0)->edx, BIT(8));
	KUNIT_EXPECT_EQ(test, got(0x80000008, 0)->eax, 0x3030);
	KUNIT_EXPECT_EQ(test, got(0x80000008, 0)->ebx, 0);
	KUNIT_EXPECT_EQ(test, got(0x80000000, 0)->eax, 0x80000008);
	KUNIT_EXPECT_LE(test, got(0, 0)->eax, 0x1f);
}

/* What vh does in software is there on any host, and what the host lacks is not. */
static void old_host(struct kunit *test)
{
	HOST_OLD(test);
	KUNIT_EXPECT_EQ(test, got(0, 0)->eax, 6);
	/* x2APIC, hypervisor; no TSC deadline, XSAVE, FMA, AVX, F16C */
	KUNIT_EXPECT_EQ(test, got(1, 0)->ecx & (BIT(21) | BIT(24) | BIT(31)), BIT(21) | BIT(31));
	KUNIT_EXPECT_EQ(test, got(1, 0)->ecx & (BIT(26) | BIT(28) | BIT(12) | BIT(29)), 0);
	KUNIT_EXPECT_EQ(test, got(1, 0)->ecx & ~(BIT(21) | BIT(31)) & ~0x0008e3bd, 0);
	KUNIT_EXPECT_EQ(test, got(1, 0)->edx & ~0xbfebfbff, 0);
	KUNIT_EXPECT_EQ(test, got(0x80000001, 0)->edx, 0x20100800);
	KUNIT_EXPECT_EQ(test, got(0x80000000, 0)->eax, 0x80000008);
}

/* Features that need more of the host than its own CPUID bit. */
static void by_capability(struct kunit *test)
{
	host_is(test, everything, ARRAY_SIZE(everything), 3, false);
	KUNIT_EXPECT_EQ(test, got(7, 0)->ebx & BIT(10), 0);		/* INVPCID */
	KUNIT_EXPECT_EQ(test, got(7, 0)->ecx & BIT(22), 0);		/* RDPID */
	KUNIT_EXPECT_EQ(test, got(0x80000001, 0)->edx & BIT(27), 0);	/* RDTSCP */
	KUNIT_EXPECT_EQ(test, got(0xd, 1)->eax & BIT(3), 0);		/* XSAVES */
	/* AVX2, AVX-512 and PKU by XCR0 */
	KUNIT_EXPECT_EQ(test, got(7, 0)->ebx & (BIT(5) | BIT(16) | BIT(17) | BIT(31)), 0);
	KUNIT_EXPECT_EQ(test, got(7, 0)->ecx & (BIT(1) | BIT(3) | BIT(14)), 0);
	KUNIT_EXPECT_EQ(test, got(0xd, 0)->eax, 3);
	KUNIT_EXPECT_EQ(test, got(0xd, 0)->ecx, 576);
	HOST_ALL(test);
	KUNIT_EXPECT_NE(test, got(7, 0)->ebx & BIT(10), 0);
	KUNIT_EXPECT_NE(test, got(7, 0)->ebx & BIT(5), 0);
	KUNIT_EXPECT_NE(test, got(7, 0)->ecx & BIT(3), 0);
	KUNIT_EXPECT_NE(test, got(0x80000001, 0)->edx & BIT(27), 0);
}

/* What the host's kernel does not keep, guests do not get. */
static void kept(struct kunit *test)
{
	static const struct { enum cpuid_leafs word; u32 function, index; unsigned int reg, bit; } words[] = {
		{ CPUID_1_ECX, 1, 0, 2, 17 }, { CPUID_1_EDX, 1, 0, 3, 4 }, { CPUID_7_0_EBX, 7, 0, 1, 9 },
		{ CPUID_7_ECX, 7, 0, 2, 3 }, { CPUID_7_EDX, 7, 0, 3, 4 }, { CPUID_8000_0001_ECX, 0x80000001, 0, 2, 5 },
		{ CPUID_8000_0001_EDX, 0x80000001, 0, 3, 26 }, { CPUID_D_1_EAX, 0xd, 1, 0, 1 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		HOST_ALL(test);
		KUNIT_EXPECT_NE(test, (&got(words[i].function, words[i].index)->eax)[words[i].reg] & BIT(words[i].bit), 0);
		shim_cpu.x86_capability[words[i].word] &= ~BIT(words[i].bit);
		listed = vh_cpuid_list(list);
		KUNIT_EXPECT_EQ(test, (&got(words[i].function, words[i].index)->eax)[words[i].reg] & BIT(words[i].bit), 0);
		KUNIT_EXPECT_NE(test, got(1, 0)->ecx & BIT(31), 0);	/* of the hypervisor's making */
	}
}

/* XSAVE: of the states only those that XCR0 may have; sizes of both formats. */
static void xsave_leaves(struct kunit *test)
{
	HOST_ALL(test);
	KUNIT_EXPECT_EQ(test, got(0xd, 0)->eax, XCR0_ALL);
	KUNIT_EXPECT_EQ(test, got(0xd, 0)->edx, 0);
	KUNIT_EXPECT_EQ(test, got(0xd, 0)->ecx, 0xa88);
	KUNIT_EXPECT_EQ(test, got(0xd, 1)->eax, 0xf);
	KUNIT_EXPECT_EQ(test, got(0xd, 1)->ebx, 576 + 0x100 + 0x40 + 0x200 + 0x400 + 8);
	KUNIT_EXPECT_EQ(test, got(0xd, 1)->ecx, 0);
	KUNIT_EXPECT_EQ(test, got(0xd, 9)->ebx, 0xa80);
	KUNIT_EXPECT_EQ(test, got(0xd, 17)->eax | got(0xd, 18)->eax, 0);
}

/* Caches are told, but not how many share them: that is the VMM's. */
static void caches(struct kunit *test)
{
	HOST_ALL(test);
	KUNIT_EXPECT_EQ(test, got(4, 0)->eax, 0x121);
	KUNIT_EXPECT_EQ(test, got(4, 1)->eax, 0x122);
	KUNIT_EXPECT_EQ(test, got(4, 0)->ebx, 0x01c0003f);
	KUNIT_EXPECT_EQ(test, got(4, 2)->eax, 0);
	KUNIT_EXPECT_EQ(test, got(1, 0)->ebx, 0x00010800);
}

/* --- a vCPU's leaves --- */

static struct vh_vcpu *vcpu_with(struct kunit *test, const struct host_leaf *leaves, unsigned int n)
{
	struct vh_vcpu *vcpu = kunit_kzalloc(test, sizeof(*vcpu), GFP_KERNEL);
	struct kvm_cpuid_entry2 *e = n ? kvcalloc(n, sizeof(*e), GFP_KERNEL) : NULL;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, vcpu);
	KUNIT_ASSERT_TRUE(test, e || !n);
	for (i = 0; i < n; i++) {
		e[i] = (struct kvm_cpuid_entry2){
			.function = leaves[i].function, .index = leaves[i].index,
			.eax = leaves[i].eax, .ebx = leaves[i].ebx,
			.ecx = leaves[i].ecx, .edx = leaves[i].edx,
		};
		if (leaves[i].function == 4 || leaves[i].function == 7 || leaves[i].function == 0xb ||
		    leaves[i].function == 0xd)
			e[i].flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
	}
	vcpu->vm = kunit_kzalloc(test, sizeof(*vcpu->vm), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vcpu->vm);
	vcpu->cpuid = kunit_kzalloc(test, sizeof(*vcpu->cpuid), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, vcpu->cpuid);
	vcpu->valid = VH_S_ALL;
	vcpu->id = 5;
	vcpu->s.xcr0 = 1;
	vh_cpuid_install(vcpu, e, n);
	return vcpu;
}

static void vcpu_end(struct vh_vcpu *vcpu)
{
	kvfree(vcpu->cpuid->entry);
}

static void exec(struct vh_vcpu *vcpu, u32 function, u32 index)
{
	/* The upper halves are ignored, and cleared. */
	vcpu->s.gpr[VH_RAX] = 0xdead000000000000ULL | function;
	vcpu->s.gpr[VH_RCX] = 0xbeef000000000000ULL | index;
	vcpu->s.gpr[VH_RBX] = vcpu->s.gpr[VH_RDX] = ~0ULL;
	vh_cpuid_exec(vcpu);
}

#define EXEC(v, f, i, a, b, c, d) do { \
	exec(v, f, i); \
	KUNIT_EXPECT_EQ(test, (v)->s.gpr[VH_RAX], (u64)(a)); \
	KUNIT_EXPECT_EQ(test, (v)->s.gpr[VH_RBX], (u64)(b)); \
	KUNIT_EXPECT_EQ(test, (v)->s.gpr[VH_RCX], (u64)(c)); \
	KUNIT_EXPECT_EQ(test, (v)->s.gpr[VH_RDX], (u64)(d)); \
} while (0)

static const struct host_leaf some[] = {
	{ 0, 0, 0xd, 1, 2, 3 },
	{ 1, 0, 0x11, 0x12, 0x13, 0x14 },
	{ 4, 0, 0x41, 0x42, 0x43, 0x44 },
	{ 7, 0, 0, 0x72, 0x20, 0x74 },
	{ 0xb, 0, 1, 2, 0x100, 5 },
	{ 0xd, 0, 3, 0x240, 0x240, 0 },
	{ 4, 1, 0x45, 0x46, 0x47, 0x48 },	/* apart from its sub-leaf 0 */
	{ 0x40000000, 0, 0x40000001, 4, 5, 6 },
	{ 0x80000000, 0, 0x80000002, 0, 0, 0 },
	{ 0x80000002, 0, 0x82, 0x83, 0x84, 0x85 },
};

static void instruction(struct kunit *test)
{
	struct vh_vcpu *vcpu;

	HOST_ALL(test);
	vcpu = vcpu_with(test, some, ARRAY_SIZE(some));
	EXEC(vcpu, 0, 0, 0xd, 1, 2, 3);
	EXEC(vcpu, 1, 77, 0x11, 0x12, 0x13, 0x14);	/* the index does not matter */
	EXEC(vcpu, 4, 0, 0x41, 0x42, 0x43, 0x44);
	EXEC(vcpu, 4, 1, 0x45, 0x46, 0x47, 0x48);
	EXEC(vcpu, 4, 2, 0, 0, 0, 0);
	EXEC(vcpu, 3, 0, 0, 0, 0, 0);			/* in range, not there */
	EXEC(vcpu, 0x40000000, 0, 0x40000001, 4, 5, 6);
	EXEC(vcpu, 0x40000001, 0, 0, 0, 0, 0);
	EXEC(vcpu, 0x80000002, 0, 0x82, 0x83, 0x84, 0x85);
	/* Past the end: the highest basic leaf, by the same index. */
	EXEC(vcpu, 0xe, 0, 3, 0x240, 0x240, 0);
	EXEC(vcpu, 0x3fffffff, 0, 3, 0x240, 0x240, 0);
	EXEC(vcpu, 0x80000003, 0, 3, 0x240, 0x240, 0);
	EXEC(vcpu, 0xffffffff, 0, 0, 0, 0, 0);
	/* Topology: past its levels the sub-leaf number and the APIC id. */
	EXEC(vcpu, 0xb, 0, 1, 2, 0x100, 5);
	EXEC(vcpu, 0xb, 0x107, 0, 0, 7, 5);
	vcpu_end(vcpu);
	vcpu = vcpu_with(test, NULL, 0);
	EXEC(vcpu, 0, 0, 0, 0, 0, 0);
	EXEC(vcpu, 0x80000000, 0, 0, 0, 0, 0);
	vcpu_end(vcpu);
}

/*
 * struct derived_case - leaves, and what registers may hold with them
 */
struct derived_case {
	const char *name;
	u32 ecx1, ebx7, ecx7, edx81, addresses;
	u64 cr4, efer;		/* the bits that are allowed beyond the common ones */
};

#define CR4_COMMON	0x7ffULL
static const struct derived_case derived[] = {
	{ "nothing", 0, 0, 0, 0, 0, 0, 0 },
	{ "pcid", BIT(17), 0, 0, 0, 36, X86_CR4_PCIDE, 0 },
	{ "xsave", BIT(26), 0, 0, 0, 36, X86_CR4_OSXSAVE, 0 },
	{ "fsgsbase", 0, BIT(0), 0, 0, 36, X86_CR4_FSGSBASE, 0 },
	{ "smep", 0, BIT(7), 0, 0, 36, X86_CR4_SMEP, 0 },
	{ "smap", 0, BIT(20), 0, 0, 36, X86_CR4_SMAP, 0 },
	{ "umip", 0, 0, BIT(2), 0, 36, X86_CR4_UMIP, 0 },
	{ "pku", 0, 0, BIT(3), 0, 36, X86_CR4_PKE, 0 },
	{ "la57, cet, vmx: never", BIT(5) | BIT(6), 0, BIT(7) | BIT(16), 0, 36, 0, 0 },
	{ "long mode", 0, 0, 0, BIT(29), 36, 0, EFER_LME | EFER_LMA },
	{ "nx", 0, 0, 0, BIT(20), 36, 0, EFER_NX },
	{ "syscall", 0, 0, 0, BIT(11), 36, 0, EFER_SCE },
};

static void follows(struct kunit *test)
{
	const struct derived_case *c = test->param_value;
	const struct host_leaf leaves[] = {
		{ 0, 0, 0xd, 0, 0, 0 },
		{ 1, 0, 0, 0, c->ecx1, 0 },
		{ 7, 0, 0, c->ebx7, c->ecx7, 0 },
		{ 0x80000001, 0, 0, 0, 0, c->edx81 },
		{ 0x80000008, 0, c->addresses, 0, 0, 0 },
	};
	struct vh_vcpu *vcpu;

	HOST_ALL(test);
	vcpu = vcpu_with(test, leaves, ARRAY_SIZE(leaves));
	KUNIT_EXPECT_EQ(test, ~vcpu->cr4_reserved, CR4_COMMON | c->cr4);
	KUNIT_EXPECT_EQ(test, ~vcpu->cpuid->efer_reserved, c->efer);
	KUNIT_EXPECT_EQ(test, vcpu->maxphyaddr, min_t(u32, 36, boot_cpu_data.x86_phys_bits));
	vcpu_end(vcpu);
	/* What VM entry would refuse is reserved whatever the VMM promises. */
	vh_cpu_caps.cr4_allowed = X86_CR4_PAE;
	vcpu = vcpu_with(test, leaves, ARRAY_SIZE(leaves));
	KUNIT_EXPECT_EQ(test, ~vcpu->cr4_reserved, (u64)X86_CR4_PAE);
	vcpu_end(vcpu);
}

static void derived_name(const struct derived_case *c, char *to)
{
	strscpy(to, c->name, KUNIT_PARAM_DESC_SIZE);
}
KUNIT_ARRAY_PARAM(derived, derived, derived_name);

/* Bits of the leaves that mirror control registers, and sizes that follow XCR0. */
static void mirrors(struct kunit *test)
{
	static const struct host_leaf leaves[] = {
		{ 0, 0, 0xd, 0, 0, 0 },
		{ 1, 0, 0, 0, BIT(26) | BIT(27), 0 },
		{ 7, 0, 0, 0, BIT(3) | BIT(4), 0 },
		{ 0xd, 0, 7, 0, 0x340, 0 },
		{ 0xd, 1, 0xf, 0, 0, 0 },
	};
	struct vh_vcpu *vcpu;

	HOST_ALL(test);
	vcpu = vcpu_with(test, leaves, ARRAY_SIZE(leaves));
	KUNIT_EXPECT_EQ(test, vcpu->cpuid->xcr0_allowed, 7);
	exec(vcpu, 1, 0);
	KUNIT_EXPECT_EQ(test, vcpu->s.gpr[VH_RCX], BIT(26));	/* a VMM cannot set OSXSAVE */
	exec(vcpu, 7, 0);
	KUNIT_EXPECT_EQ(test, vcpu->s.gpr[VH_RCX], BIT(3));
	vcpu->s.cr4 = X86_CR4_OSXSAVE | X86_CR4_PKE;
	vcpu->s.xcr0 = 7;
	vh_cpuid_refresh(vcpu);
	exec(vcpu, 1, 0);
	KUNIT_EXPECT_EQ(test, vcpu->s.gpr[VH_RCX], BIT(26) | BIT(27));
	exec(vcpu, 7, 0);
	KUNIT_EXPECT_EQ(test, vcpu->s.gpr[VH_RCX], BIT(3) | BIT(4));
	exec(vcpu, 0xd, 0);
	KUNIT_EXPECT_EQ(test, vcpu->s.gpr[VH_RBX], 0x340);
	exec(vcpu, 0xd, 1);
	KUNIT_EXPECT_EQ(test, vcpu->s.gpr[VH_RBX], 0x340);
	vcpu_end(vcpu);
}

/* Where paravirtual features have to be shown, they are looked for behind KVM's signature, wherever that is. */
static void paravirtual(struct kunit *test)
{
	static const struct host_leaf hidden[] = {
		{ 0x40000000, 0, 0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d },
		{ 0x40000001, 0, BIT(KVM_FEATURE_CLOCKSOURCE), 0, 0, 0 },
	}, behind[] = {
		{ 0x40000000, 0, 0x40000001, 1, 2, 3 },
		{ 0x40000001, 0, BIT(KVM_FEATURE_CLOCKSOURCE), 0, 0, 0 },
		{ 0x40000100, 0, 0x40000101, 0x4b4d564b, 0x564b4d56, 0x4d },
		{ 0x40000101, 0, BIT(KVM_FEATURE_CLOCKSOURCE2), 0, 0, 0 },
	};
	struct vh_vcpu *vcpu;

	HOST_ALL(test);
	vcpu = vcpu_with(test, hidden, ARRAY_SIZE(hidden));
	KUNIT_EXPECT_TRUE(test, vh_cpuid_has_pv(vcpu, KVM_FEATURE_CLOCKSOURCE2));
	vh_cpuid_enforce_pv(vcpu, true);
	KUNIT_EXPECT_FALSE(test, vh_cpuid_has_pv(vcpu, KVM_FEATURE_CLOCKSOURCE2));
	KUNIT_EXPECT_TRUE(test, vh_cpuid_has_pv(vcpu, KVM_FEATURE_CLOCKSOURCE));
	vcpu_end(vcpu);
	vcpu = vcpu_with(test, behind, ARRAY_SIZE(behind));
	vh_cpuid_enforce_pv(vcpu, true);
	KUNIT_EXPECT_TRUE(test, vh_cpuid_has_pv(vcpu, KVM_FEATURE_CLOCKSOURCE2));
	KUNIT_EXPECT_FALSE(test, vh_cpuid_has_pv(vcpu, KVM_FEATURE_CLOCKSOURCE));
	vcpu_end(vcpu);
	vcpu = vcpu_with(test, behind, 2);
	vh_cpuid_enforce_pv(vcpu, true);
	KUNIT_EXPECT_FALSE(test, vh_cpuid_has_pv(vcpu, KVM_FEATURE_CLOCKSOURCE));
	vcpu_end(vcpu);
}

static struct kunit_case cpuid_cases[] = {
	KUNIT_CASE(never_offered),
	KUNIT_CASE(old_host),
	KUNIT_CASE(by_capability),
	KUNIT_CASE(kept),
	KUNIT_CASE(xsave_leaves),
	KUNIT_CASE(caches),
	KUNIT_CASE(instruction),
	KUNIT_CASE_PARAM(follows, derived_gen_params),
	KUNIT_CASE(mirrors),
	KUNIT_CASE(paravirtual),
	{ }
};

static struct kunit_suite cpuid_suite = { .name = "vh-cpuid", .test_cases = cpuid_cases };
kunit_test_suite(cpuid_suite);
