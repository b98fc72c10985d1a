// SPDX-License-Identifier: GPL-2.0-only
/*
 * cpuid.c - what CPUID tells guests.
 *
 * Allow-lists: a feature is offered when the host has it and the list below
 * names it, so that a new processor cannot promise what vh does not handle.
 * Feature bits: SDM Vol. 2, CPUID; the leaves at 0x40000000 follow
 * Documentation/virt/kvm/x86/cpuid.rst.
 */
#include <linux/mm.h>
#include <linux/sched/stat.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/cpufeature.h>
#include <uapi/asm/kvm_para.h>

#include "internal.h"

#define F(n)	BIT(n)

/* CPUID.1:ECX: SSE3 PCLMUL SSSE3 FMA CX16 PCID SSE4.1 SSE4.2 x2APIC MOVBE POPCNT
 * AES XSAVE AVX F16C RDRAND hypervisor */
#define ALLOW_1_ECX	(F(0) | F(1) | F(9) | F(12) | F(13) | F(17) | F(19) | F(20) | F(22) | \
			 F(23) | F(25) | F(26) | F(28) | F(29) | F(30))
/* CPUID.1:EDX: FPU VME DE PSE TSC MSR PAE MCE CX8 APIC SEP MTRR PGE MCA CMOV PAT PSE36 CLFSH
 * MMX FXSR SSE SSE2 SS */
#define ALLOW_1_EDX	(F(0) | F(1) | F(2) | F(3) | F(4) | F(5) | F(6) | F(7) | F(8) | F(9) | \
			 F(11) | F(12) | F(13) | F(14) | F(15) | F(16) | F(17) | F(19) | F(23) | \
			 F(24) | F(25) | F(26) | F(27))
/* CPUID.7.0:EBX: FSGSBASE TSC_ADJUST BMI1 AVX2 FDP_EXCPTN_ONLY SMEP BMI2 ERMS INVPCID AVX512F AVX512DQ RDSEED
 * ADX SMAP AVX512IFMA CLFLUSHOPT CLWB AVX512CD SHA AVX512BW AVX512VL */
#define ALLOW_7_EBX	(F(0) | F(1) | F(3) | F(5) | F(6) | F(7) | F(8) | F(9) | F(10) | F(16) | \
			 F(17) | F(18) | F(19) | F(20) | F(21) | F(23) | F(24) | F(28) | F(29) | F(30) | F(31))
/* AVX512VBMI UMIP PKU AVX512_VBMI2 GFNI VAES VPCLMULQDQ AVX512_VNNI BITALG VPOPCNTDQ RDPID */
#define ALLOW_7_ECX	(F(1) | F(2) | F(3) | F(6) | F(8) | F(9) | F(10) | F(11) | F(12) | F(14) | F(22))
/* FSRM MD_CLEAR ARCH_CAPABILITIES */
#define ALLOW_7_EDX	(F(4) | F(10))
/* LAHF LZCNT PREFETCHW */
#define ALLOW_81_ECX	(F(0) | F(5) | F(8))
/* SYSCALL NX 1G pages RDTSCP LM */
#define ALLOW_81_EDX	(F(11) | F(20) | F(26) | F(27) | F(29))

/* KVMKVMKVM: the interface that guests look for */
#define PV_LEAF		0x40000000
#define PV_EBX		0x4b4d564b
#define PV_ECX		0x564b4d56
#define PV_EDX		0x4d

#define AVX512_EBX	(F(16) | F(17) | F(21) | F(28) | F(30) | F(31))
#define AVX512_ECX	(F(1) | F(6) | F(11) | F(12) | F(14))

static void leaf(struct kvm_cpuid_entry2 *e, u32 function, u32 index, bool indexed)
{
	memset(e, 0, sizeof(*e));
	e->function = function;
	e->index = index;
	e->flags = indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0;
	cpuid_count(function, index, &e->eax, &e->ebx, &e->ecx, &e->edx);
}

/*
 * What the host's kernel keeps of a word of features: not what it was told to leave alone (clearcpuid=, nosmap), what
 * a mitigation takes away (AVX), what firmware switched off elsewhere (fast strings, ERMS).
 */
static u32 kept(enum cpuid_leafs word)
{
	return boot_cpu_data.x86_capability[word];
}

static void leaf_1(struct kvm_cpuid_entry2 *e)
{
	e->ecx &= kept(CPUID_1_ECX);
	e->edx &= kept(CPUID_1_EDX);
	/*
	 * Offered in software whether the host has them or not: x2APIC, hypervisor. The timer's TSC-deadline mode is
	 * told of by KVM_CAP_TSC_DEADLINE_TIMER alone, for it is there with an in-kernel irqchip only.
	 */
	e->ecx = (e->ecx & ALLOW_1_ECX) | F(21) | F(31);
	e->edx &= ALLOW_1_EDX;
	if (!vh_fpu_xcr0())
		e->ecx &= ~(F(26) | F(28) | F(12) | F(29));
	e->ebx &= 0x0000ffff;	/* APIC id and count are the VMM's to say */
	e->ebx |= 1 << 16;
}

static void leaf_7(struct kvm_cpuid_entry2 *e)
{
	u64 xcr0 = vh_fpu_xcr0();

	e->eax = 0;
	e->ebx = (e->ebx & ALLOW_7_EBX & kept(CPUID_7_0_EBX)) | F(1);	/* TSC_ADJUST is software's */
	e->ecx &= ALLOW_7_ECX & kept(CPUID_7_ECX);
	e->edx &= ALLOW_7_EDX & kept(CPUID_7_EDX);
	if (!vh_cpu_caps.invpcid)
		e->ebx &= ~F(10);
	if (!vh_cpu_caps.rdtscp)
		e->ecx &= ~F(22);
	if (!(xcr0 & BIT(2)))
		e->ebx &= ~F(5);
	if ((xcr0 & 0xe0) != 0xe0) {
		e->ebx &= ~AVX512_EBX;
		e->ecx &= ~AVX512_ECX;
	}
	if (!(xcr0 & BIT(9)))
		e->ecx &= ~F(3);
}

static unsigned int xsave_size(u64 xcr0, bool compacted)
{
	unsigned int size = 576, i, eax, ebx, ecx, edx;

	for (i = 2; i < 63; i++) {
		if (!(xcr0 & BIT_ULL(i)))
			continue;
		cpuid_count(0xd, i, &eax, &ebx, &ecx, &edx);
		if (!compacted)
			size = max(size, eax + ebx);
		else
			size = (ecx & 2 ? ALIGN(size, 64) : size) + eax;
	}
	return size;
}

/* One leaf of the supported list, sub-leaves included; returns entries written. */
static unsigned int supported_leaf(struct kvm_cpuid_entry2 *e, u32 function)
{
	unsigned int n = 1, i;
	u64 xcr0 = vh_fpu_xcr0();

	switch (function) {
	case 4:
		for (n = 0; n < 8; n++) {
			leaf(&e[n], 4, n, true);
			/* How many share a cache or a package is the VMM's to say. */
			e[n].eax &= 0x3ff;
			if (!(e[n].eax & 31)) {
				n++;
				break;
			}
		}
		return n;
	case 7:
		leaf(&e[0], 7, 0, true);
		leaf_7(&e[0]);
		return 1;
	case 0xb:
	case 0x1f:
		for (n = 0; n < 2; n++) {
			memset(&e[n], 0, sizeof(*e));
			e[n].function = function;
			e[n].index = n;
			e[n].flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
			e[n].ecx = n;
		}
		return 2;
	case 0xd:
		leaf(&e[0], 0xd, 0, true);
		e[0].eax = (u32)xcr0;
		e[0].edx = xcr0 >> 32;
		e[0].ebx = e[0].ecx = xcr0 ? xsave_size(xcr0, false) : 0;
		if (!xcr0)
			return 1;
		leaf(&e[1], 0xd, 1, true);
		e[1].eax &= kept(CPUID_D_1_EAX) & (vh_cpu_caps.xsaves ? 0xf : 0x7);
		e[1].ebx = e[1].eax & 0xa ? xsave_size(xcr0, true) : 0;
		e[1].ecx = e[1].edx = 0;
		for (i = 2, n = 2; i < 32; i++) {
			if (!(xcr0 & BIT_ULL(i)))
				continue;
			leaf(&e[n], 0xd, i, true);
			e[n].ecx &= 2;
			e[n].edx = 0;
			n++;
		}
		return n;
	}

	leaf(e, function, 0, false);
	switch (function) {
	case 0:
		/* Up to the last leaf below that has something to say. */
		e->eax = min(e->eax, 0x1fu);
		if (e->eax > 0xd && e->eax < 0x1f)
			e->eax = 0xd;
		break;
	case 1:
		leaf_1(e);
		break;
	case 2:
		break;
	case 6:
		e->eax = F(2);		/* ARAT: the APIC timer runs always */
		e->ebx = e->ecx = e->edx = 0;
		break;
	case 0x40000000:
		e->eax = 0x40000001;
		e->ebx = PV_EBX;
		e->ecx = PV_ECX;
		e->edx = PV_EDX;
		break;
	case 0x40000001:
		e->eax = BIT(KVM_FEATURE_CLOCKSOURCE) | BIT(KVM_FEATURE_NOP_IO_DELAY) |
			 BIT(KVM_FEATURE_CLOCKSOURCE2) | BIT(KVM_FEATURE_CLOCKSOURCE_STABLE_BIT) |
			 BIT(KVM_FEATURE_PV_EOI) | BIT(KVM_FEATURE_POLL_CONTROL) |
			 BIT(KVM_FEATURE_ASYNC_PF) | BIT(KVM_FEATURE_ASYNC_PF_INT) |
			 BIT(KVM_FEATURE_ASYNC_PF_VMEXIT);	/* of guests' guests, which there are none of */
		if (sched_info_on())
			e->eax |= BIT(KVM_FEATURE_STEAL_TIME);
		e->ebx = e->ecx = e->edx = 0;
		break;
	case 0x80000000:
		e->eax = min(e->eax, 0x80000008u);
		break;
	case 0x80000001:
		e->ecx &= ALLOW_81_ECX & kept(CPUID_8000_0001_ECX);
		e->edx &= ALLOW_81_EDX & kept(CPUID_8000_0001_EDX);
		e->eax = e->ebx = 0;
		if (!vh_cpu_caps.rdtscp)
			e->edx &= ~F(27);
		break;
	case 0x80000002: case 0x80000003: case 0x80000004: case 0x80000006:
		break;
	case 0x80000007:
		e->eax = e->ebx = e->ecx = 0;
		e->edx &= F(8);		/* invariant TSC */
		break;
	case 0x80000008:
		e->ebx = e->ecx = e->edx = 0;
		e->eax &= 0xffff;
		break;
	default:
		e->eax = e->ebx = e->ecx = e->edx = 0;
	}
	return 1;
}

/**
 * vh_cpuid_list - what guests may be offered on this host
 * @e: room for VH_MAX_CPUID entries
 *
 * Returns how many were written. SDM Vol. 2, CPUID.
 */
unsigned int vh_cpuid_list(struct kvm_cpuid_entry2 *e)
{
	static const struct { u32 first, last; } ranges[] = {
		{ 0, 0x1f }, { 0x40000000, 0x40000001 }, { 0x80000000, 0x80000008 },
	};
	unsigned int n = 0, i;
	u32 f, last;

	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		unsigned int first = n;

		n += supported_leaf(&e[n], ranges[i].first);
		last = min(ranges[i].last, e[first].eax);
		for (f = ranges[i].first + 1; f <= last; f++)
			n += supported_leaf(&e[n], f);
	}
	return n;
}

/**
 * vh_cpuid_supported - KVM_GET_SUPPORTED_CPUID, KVM_GET_EMULATED_CPUID
 * @u: userspace's list; nent says how many entries fit
 * @emulated: the latter: vh emulates no feature, the list is empty
 *
 * Returns 0, -E2BIG when the list does not fit, -EFAULT, -ENOMEM.
 */
int vh_cpuid_supported(struct kvm_cpuid2 __user *u, bool emulated)
{
	struct kvm_cpuid_entry2 *e;
	u32 nent, n = 0;
	int err = 0;

	if (get_user(nent, &u->nent))
		return -EFAULT;
	if (nent < 1)
		return -E2BIG;
	e = kvcalloc(VH_MAX_CPUID, sizeof(*e), GFP_KERNEL);
	if (!e)
		return -ENOMEM;
	if (!emulated)
		n = vh_cpuid_list(e);
	if (n > nent)
		err = -E2BIG;
	else if (put_user(n, &u->nent) || copy_to_user(u->entries, e, n * sizeof(*e)))
		err = -EFAULT;
	kvfree(e);
	return err;
}

/**
 * vh_cpuid_hyperv - KVM_GET_SUPPORTED_HV_CPUID
 * @u: userspace's list; nent says how many entries fit
 *
 * The leaves of Microsoft's Hypervisor Top-Level Functional Specification, 2.4. No enlightenment is there: who asks
 * learns so from leaves of zeros, and does not begin with what would fail. Returns 0, -E2BIG, -EFAULT.
 */
int vh_cpuid_hyperv(struct kvm_cpuid2 __user *u)
{
	static const struct kvm_cpuid_entry2 e[] = {
		{ .function = 0x40000000, .eax = 0x40000005,
		  .ebx = 0x756e694c, .ecx = 0x564b2078, .edx = 0x7648204d },	/* "Linux KVM Hv", as KVM */
		{ .function = 0x40000001, .eax = 0x31237648 },			/* "Hv#1" */
		{ .function = 0x40000002 }, { .function = 0x40000003 }, { .function = 0x40000004 },
		{ .function = 0x40000005, .eax = VH_MAX_VCPUS },
	};
	u32 nent;

	if (get_user(nent, &u->nent))
		return -EFAULT;
	if (nent < ARRAY_SIZE(e))
		return -E2BIG;
	return put_user(ARRAY_SIZE(e), &u->nent) || copy_to_user(u->entries, e, sizeof(e)) ? -EFAULT : 0;
}

/**
 * vh_cpuid_find - a leaf of the vCPU's CPUID, or NULL
 * @vcpu: the vCPU
 * @function: EAX
 * @index: ECX, where it matters
 *
 * Interrupts may be off.
 */
const struct kvm_cpuid_entry2 *vh_cpuid_find(struct vh_vcpu *vcpu, u32 function, u32 index)
{
	unsigned int i;

	for (i = 0; i < vcpu->cpuid->nr; i++) {
		const struct kvm_cpuid_entry2 *e = &vcpu->cpuid->entry[i];

		if (e->function == function &&
		    (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || e->index == index))
			return e;
	}
	return NULL;
}

static struct kvm_cpuid_entry2 *find(struct vh_vcpu *vcpu, u32 function, u32 index)
{
	return (struct kvm_cpuid_entry2 *)vh_cpuid_find(vcpu, function, index);
}

/* Where the words of VH_HAS_* are. */
static const struct { u32 function, index; u8 reg; } has_words[] = {
	[VH_HAS_1_ECX] = { 1, 0, 2 }, [VH_HAS_1_EDX] = { 1, 0, 3 },
	[VH_HAS_7_EBX] = { 7, 0, 1 }, [VH_HAS_7_ECX] = { 7, 0, 2 },
	[VH_HAS_D1_EAX] = { 0xd, 1, 0 }, [VH_HAS_81_ECX] = { 0x80000001, 0, 2 },
	[VH_HAS_81_EDX] = { 0x80000001, 0, 3 },
};

/**
 * vh_cpuid_host_has - does this processor have a feature?
 * @feature: VH_HAS_*
 *
 * Any context.
 */
bool vh_cpuid_host_has(unsigned int feature)
{
	unsigned int w = feature / 32;
	struct kvm_cpuid_entry2 e;

	leaf(&e, has_words[w].function, has_words[w].index, false);
	return (&e.eax)[has_words[w].reg] & BIT(feature % 32);
}

/**
 * vh_cpuid_has - does the vCPU's CPUID show a feature?
 * @vcpu: the vCPU
 * @feature: VH_HAS_*
 *
 * Interrupts may be off. A vCPU that was given no CPUID has all that the processor has.
 */
bool vh_cpuid_has(struct vh_vcpu *vcpu, unsigned int feature)
{
	unsigned int w = feature / 32;
	const struct kvm_cpuid_entry2 *e;

	if (!vcpu->cpuid->nr)
		return vh_cpuid_host_has(feature);
	e = vh_cpuid_find(vcpu, has_words[w].function, has_words[w].index);
	return e && (&e->eax)[has_words[w].reg] & BIT(feature % 32);
}

/**
 * vh_cpuid_enforce_pv - KVM_CAP_ENFORCE_PV_FEATURE_CPUID
 * @vcpu: the vCPU; own thread
 * @on: MSRs of paravirtual features are there only where the vCPU's CPUID shows the feature
 */
void vh_cpuid_enforce_pv(struct vh_vcpu *vcpu, bool on)
{
	vcpu->cpuid->pv_enforced = on;
}

/**
 * vh_cpuid_has_pv - may the guest use a paravirtual feature?
 * @vcpu: the vCPU; own thread
 * @feature: KVM_FEATURE_*
 *
 * Its leaf comes behind the one with KVM's signature, wherever userspace has put that.
 */
bool vh_cpuid_has_pv(struct vh_vcpu *vcpu, unsigned int feature)
{
	const struct vh_cpuid *c = vcpu->cpuid;
	const struct kvm_cpuid_entry2 *e;
	unsigned int i;

	if (!c->pv_enforced)
		return true;
	for (i = 0; i < c->nr; i++) {
		e = &c->entry[i];
		if ((e->function & 0xffff00ff) != PV_LEAF || e->ebx != PV_EBX || e->ecx != PV_ECX || e->edx != PV_EDX)
			continue;
		e = vh_cpuid_find(vcpu, e->function | KVM_CPUID_FEATURES, 0);
		return e && e->eax & BIT(feature);
	}
	return false;
}

/* CR4 bits, by the CPUID feature that allows them. */
static u64 cr4_reserved_bits(u32 ecx1, u32 edx1, u32 ebx7, u32 ecx7)
{
	u64 ok = X86_CR4_TSD | X86_CR4_PGE | X86_CR4_PCE | X86_CR4_OSXMMEXCPT | X86_CR4_OSFXSR |
		 X86_CR4_PSE | X86_CR4_PAE | X86_CR4_MCE | X86_CR4_VME | X86_CR4_PVI | X86_CR4_DE;

	if (ecx1 & F(17))
		ok |= X86_CR4_PCIDE;
	if (ecx1 & F(26))
		ok |= X86_CR4_OSXSAVE;
	if (ebx7 & F(0))
		ok |= X86_CR4_FSGSBASE;
	if (ebx7 & F(7))
		ok |= X86_CR4_SMEP;
	if (ebx7 & F(20))
		ok |= X86_CR4_SMAP;
	if (ecx7 & F(2))
		ok |= X86_CR4_UMIP;
	if (ecx7 & F(3))
		ok |= X86_CR4_PKE;
	/* A VMM may promise what this processor does not have; VM entry would refuse it. */
	return ~(ok & vh_cpu_caps.cr4_allowed);
}

static void derive(struct vh_vcpu *vcpu)
{
	const struct kvm_cpuid_entry2 *l1 = find(vcpu, 1, 0), *l7 = find(vcpu, 7, 0),
		*ld = find(vcpu, 0xd, 0), *x1 = find(vcpu, 0x80000001, 0),
		*x8 = find(vcpu, 0x80000008, 0);
	u32 ext = x1 ? x1->edx : 0;

	vcpu->cr4_reserved = cr4_reserved_bits(l1 ? l1->ecx : 0, l1 ? l1->edx : 0,
					       l7 ? l7->ebx : 0, l7 ? l7->ecx : 0);
	/* A VMM that never sets CPUID (a test, a unikernel) still gets long mode, as with KVM. */
	vcpu->cpuid->efer_reserved = ~(u64)(EFER_SCE | EFER_LME | EFER_LMA | EFER_NX);
	if (!vcpu->cpuid->nr) {
		/* Nor does it matter whether CR4 comes before CPUID. */
		vcpu->cr4_reserved = cr4_reserved_bits(~0, ~0, ~0, ~0);
	} else {
		if (!(ext & F(29)))
			vcpu->cpuid->efer_reserved |= EFER_LME | EFER_LMA;
		if (!(ext & F(20)))
			vcpu->cpuid->efer_reserved |= EFER_NX;
		if (!(ext & F(11)))
			vcpu->cpuid->efer_reserved |= EFER_SCE;
	}
	vcpu->gbpages = ext & F(26);
	/* At most the processor's, which has to take the guest's CR3. */
	vcpu->maxphyaddr = clamp_t(u32, x8 && (x8->eax & 0xff) ? x8->eax & 0xff : 36,
				   32, boot_cpu_data.x86_phys_bits);
	vcpu->cpuid->xcr0_allowed = vh_fpu_xcr0() & ((ld ? ld->eax | (u64)ld->edx << 32 : 0) | 3);
	vh_dirty(vcpu, 0);
}

/* Slots of the direct look-up: the leaves that kernels ask for again and again. */
static int hot_slot(u32 function)
{
	if (function < VH_CPUID_HOT)
		return function;
	if (function - 0x80000000 < 9)
		return VH_CPUID_HOT + (function - 0x80000000);
	if (function - 0x40000000 < 2)
		return VH_CPUID_HOT + 9 + (function - 0x40000000);
	return -1;
}

static void index_hot(struct vh_vcpu *vcpu)
{
	unsigned int i;
	int slot;

	memset(vcpu->cpuid->hot, 0, sizeof(vcpu->cpuid->hot));
	/* From the back: the first entry of a function wins, sub-leaves follow it. */
	for (i = vcpu->cpuid->nr; i-- > 0; ) {
		slot = hot_slot(vcpu->cpuid->entry[i].function);
		if (slot >= 0)
			vcpu->cpuid->hot[slot] = i + 1;
	}
}

/**
 * vh_cpuid_install - the vCPU's leaves from now on
 * @vcpu: the vCPU
 * @e: allocated by kvmalloc(), or NULL; now the vCPU's
 * @n: how many
 *
 * Own thread. What CR4, EFER, XCR0 and addresses may be follows from them.
 */
void vh_cpuid_install(struct vh_vcpu *vcpu, struct kvm_cpuid_entry2 *e, unsigned int n)
{
	kvfree(vcpu->cpuid->entry);
	vcpu->cpuid->entry = e;
	vcpu->cpuid->nr = n;
	index_hot(vcpu);
	derive(vcpu);
	/* The CR4 mask follows cr4_reserved. */
	vh_need(vcpu, VH_S_CR4);
	vh_dirty(vcpu, VH_S_CR4);
	vh_cpuid_refresh(vcpu);
	vh_request(vcpu, VH_REQ_CPUID);
}

/* Would the vCPU's leaves be the same with this list? The bits that follow its state are put right in it. */
static bool same(struct vh_vcpu *vcpu, struct kvm_cpuid_entry2 *e, unsigned int n)
{
	struct vh_cpuid *c = vcpu->cpuid;
	struct kvm_cpuid_entry2 *now = c->entry;
	unsigned int i;

	if (n != c->nr)
		return false;
	if (n) {
		c->entry = e;
		vh_cpuid_refresh(vcpu);
		c->entry = now;
	}
	for (i = 0; i < n; i++)
		if (memcmp(&now[i], &e[i], offsetof(struct kvm_cpuid_entry2, padding)))
			return false;
	return true;
}

/**
 * vh_cpuid_set - KVM_SET_CPUID2
 * @vcpu: the vCPU
 * @u: the list
 *
 * Returns 0, -E2BIG, -EFAULT, -ENOMEM; -EINVAL when the vCPU has run, and not with these.
 */
int vh_cpuid_set(struct vh_vcpu *vcpu, const struct kvm_cpuid2 __user *u)
{
	struct kvm_cpuid_entry2 *e = NULL;
	u32 nent;

	if (get_user(nent, &u->nent))
		return -EFAULT;
	if (nent > VH_MAX_CPUID)
		return -E2BIG;
	if (nent) {
		e = vmemdup_user(u->entries, array_size(nent, sizeof(*e)));
		if (IS_ERR(e))
			return PTR_ERR(e);
	}
	/* What the guest has seen of its processor stays true. */
	if (vcpu->cpu >= 0) {
		int err = same(vcpu, e, nent) ? 0 : -EINVAL;

		kvfree(e);
		return err;
	}
	vh_cpuid_install(vcpu, e, nent);
	return 0;
}

/**
 * vh_cpuid_get - KVM_GET_CPUID2
 * @vcpu: the vCPU
 * @u: the list; nent says how many entries fit
 *
 * Returns 0, -E2BIG with the number needed in nent, -EFAULT.
 */
int vh_cpuid_get(struct vh_vcpu *vcpu, struct kvm_cpuid2 __user *u)
{
	u32 nent;

	if (get_user(nent, &u->nent) || put_user(vcpu->cpuid->nr, &u->nent))
		return -EFAULT;
	if (nent < vcpu->cpuid->nr)
		return -E2BIG;
	if (vcpu->cpuid->nr && copy_to_user(u->entries, vcpu->cpuid->entry,
						vcpu->cpuid->nr * sizeof(*vcpu->cpuid->entry)))
		return -EFAULT;
	return 0;
}

/**
 * vh_cpuid_refresh - bits that follow CR4, XCR0 and IA32_APIC_BASE
 * @vcpu: the vCPU
 *
 * Own thread. Also right for a vCPU without CPUID yet.
 */
void vh_cpuid_refresh(struct vh_vcpu *vcpu)
{
	struct kvm_cpuid_entry2 *e;

	if (!vcpu->cpuid->nr) {
		derive(vcpu);
		return;
	}
	vh_need(vcpu, VH_S_CR4);
	e = find(vcpu, 1, 0);
	if (e) {
		e->ecx &= ~F(27);
		if ((e->ecx & F(26)) && (vcpu->s.cr4 & X86_CR4_OSXSAVE))
			e->ecx |= F(27);
		if (!vh_has_quirk(vcpu->vm, KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT))
			e->ecx = (e->ecx & ~F(3)) |
				 (vcpu->msrs->v[ST_MISC_ENABLE] & MSR_IA32_MISC_ENABLE_MWAIT ? F(3) : 0);
		if (vcpu->lapic) {
			e->edx &= ~F(9);
			if (vh_lapic_hw_enabled(vcpu))
				e->edx |= F(9);
		}
	}
	e = find(vcpu, 7, 0);
	if (e) {
		e->ecx &= ~F(4);
		if ((e->ecx & F(3)) && (vcpu->s.cr4 & X86_CR4_PKE))
			e->ecx |= F(4);
	}
	e = find(vcpu, 0xd, 0);
	if (e && vh_fpu_xcr0())
		e->ebx = xsave_size(vcpu->s.xcr0, false);
	e = find(vcpu, 0xd, 1);
	if (e && (e->eax & 0xa) && vh_fpu_xcr0())
		e->ebx = xsave_size(vcpu->s.xcr0, true);
}

/**
 * vh_cpuid_exec - the CPUID instruction on vcpu->s.gpr
 * @vcpu: the vCPU
 *
 * Own thread, interrupts may be off.
 */
void vh_cpuid_exec(struct vh_vcpu *vcpu)
{
	u64 *g = vcpu->s.gpr;
	u32 function = g[VH_RAX], index = g[VH_RCX];
	const struct kvm_cpuid_entry2 *e = NULL;
	int slot = hot_slot(function);

	if (likely(slot >= 0)) {
		unsigned int i = vcpu->cpuid->hot[slot];

		for (; i && i <= vcpu->cpuid->nr && vcpu->cpuid->entry[i - 1].function == function; i++) {
			const struct kvm_cpuid_entry2 *c = &vcpu->cpuid->entry[i - 1];

			if (!(c->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || c->index == index) {
				e = c;
				break;
			}
		}
		/* Sub-leaves that userspace did not keep together. */
		if (unlikely(!e && vcpu->cpuid->hot[slot]))
			e = vh_cpuid_find(vcpu, function, index);
	} else {
		e = vh_cpuid_find(vcpu, function, index);
	}
	if (unlikely(!e && !(function & 0x40000000))) {
		/* Above the range: data of the highest basic leaf (SDM Vol. 2, CPUID). */
		const struct kvm_cpuid_entry2 *max =
			vh_cpuid_find(vcpu, function & 0x80000000, 0), *basic;

		if (!max || function > max->eax) {
			basic = vh_cpuid_find(vcpu, 0, 0);
			if (basic)
				e = vh_cpuid_find(vcpu, basic->eax, index);
		}
	}
	if (unlikely(!e)) {
		/* Leaves 0xB and 0x1F give the sub-leaf number and the APIC id even past their end. */
		bool topo = (function == 0xb || function == 0x1f) && vh_cpuid_find(vcpu, function, 0);

		g[VH_RAX] = g[VH_RBX] = 0;
		g[VH_RCX] = topo ? index & 0xff : 0;
		g[VH_RDX] = topo ? vcpu->id : 0;
		return;
	}
	g[VH_RAX] = e->eax;
	g[VH_RBX] = e->ebx;
	g[VH_RCX] = e->ecx;
	g[VH_RDX] = e->edx;
}
