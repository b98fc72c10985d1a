// SPDX-License-Identifier: GPL-2.0-only
/*
 * fpu.c - the guest's x87, SSE, AVX, AVX-512 and PKRU state.
 *
 * Kept in an XSAVE area of the standard format (SDM Vol. 1, 13.4), which is
 * also what KVM_GET_XSAVE shows. It is in the registers only inside a section,
 * which is a kernel-FPU section: the host's user state was saved by
 * kernel_fpu_begin(), and nobody else uses the FPU on this CPU meanwhile. What
 * the host's interrupts would be disturbed by, XCR0, XSS and PKRU, is the guest's
 * in windows only.
 */
#include <linux/mm.h>
#include <asm/fpu/api.h>
#include <asm/fpu/types.h>
#include <asm/special_insns.h>

#include "../witness/witness.h"
#include "internal.h"

#define XCR0_X87	BIT_ULL(0)
#define XCR0_SSE	BIT_ULL(1)
#define XCR0_AVX	BIT_ULL(2)
#define XCR0_AVX512	GENMASK_ULL(7, 5)
#define XCR0_PKRU	BIT_ULL(9)
#define XCR0_OFFERED	(XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512 | XCR0_PKRU)

#define MXCSR_RESET	0x1f80
#define LEGACY_SIZE	512
#define HEADER_SIZE	64

#define host_xcr0	vh_fpu_host_xcr0
u64 vh_fpu_host_xcr0 __ro_after_init;	/* 0: no XSAVE, FXSAVE is used */
static u64 host_xss __ro_after_init;	/* the same on each CPU, at all times */
static u64 offered __ro_after_init;
static u64 moved __ro_after_init;	/* by XRSTOR and XSAVE: PKRU goes with each window */
DEFINE_STATIC_KEY_FALSE(vh_fpu_more);
static unsigned int area_size __ro_after_init = LEGACY_SIZE + HEADER_SIZE;
static u32 mxcsr_mask __ro_after_init = 0xffbf;
static unsigned int pkru_offset __ro_after_init;

/* Components of vector registers: where they are in the area, bytes. */
#define C_AVX		2
#define C_ZMM_HI256	6
#define C_HI16_ZMM	7
static struct {
	unsigned int offset, size;
} components[C_HI16_ZMM + 1] __ro_after_init;

/**
 * vh_fpu_module_init - what of the host's FPU guests are offered
 *
 * Module load. Always 0.
 */
int __init vh_fpu_module_init(void)
{
	struct fxregs_state fx __aligned(16) = {};
	unsigned int i, eax, ebx, ecx, edx;

	kernel_fpu_begin();
	asm volatile("fxsave %0" : "=m" (fx));
	kernel_fpu_end();
	if (fx.mxcsr_mask)
		mxcsr_mask = fx.mxcsr_mask;
	if (!boot_cpu_has(X86_FEATURE_OSXSAVE))
		return 0;
	host_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	if (boot_cpu_has(X86_FEATURE_XSAVES))
		rdmsrl(MSR_IA32_XSS, host_xss);
	offered = host_xcr0 & XCR0_OFFERED;
	if ((offered & XCR0_AVX512) != XCR0_AVX512)
		offered &= ~XCR0_AVX512;
	if (!boot_cpu_has(X86_FEATURE_OSPKE))
		offered &= ~XCR0_PKRU;
	moved = offered & ~XCR0_PKRU;
	if (host_xss || moved != offered)
		static_branch_enable(&vh_fpu_more);
	for (i = 2; i < 63; i++) {
		if (!(offered & BIT_ULL(i)))
			continue;
		cpuid_count(0xd, i, &eax, &ebx, &ecx, &edx);
		area_size = max(area_size, eax + ebx);
		if (i < ARRAY_SIZE(components)) {
			components[i].offset = ebx;
			components[i].size = eax;
		}
		if (BIT_ULL(i) == XCR0_PKRU)
			pkru_offset = ebx;
	}
	return 0;
}

/**
 * vh_fpu_xcr0 - XCR0 bits that guests are offered; 0 without XSAVE
 */
u64 vh_fpu_xcr0(void)
{
	return offered;
}

/**
 * vh_fpu_create - the area of a new vCPU
 * @vcpu: the vCPU
 *
 * Process context. -ENOMEM.
 */
int vh_fpu_create(struct vh_vcpu *vcpu)
{
	/* Pages: 64-byte alignment is what XSAVE wants. */
	vcpu->fpu->area = alloc_pages_exact(area_size, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	return vcpu->fpu->area ? 0 : -ENOMEM;
}

/**
 * vh_fpu_destroy - free it
 * @vcpu: the vCPU
 */
void vh_fpu_destroy(struct vh_vcpu *vcpu)
{
	if (vcpu->fpu->area)
		free_pages_exact(vcpu->fpu->area, area_size);
}

static struct xregs_state *area(struct vh_vcpu *vcpu)
{
	return vcpu->fpu->area;
}

/**
 * vh_fpu_reset - RESET or INIT values (SDM Vol. 3, Table 10-1)
 * @vcpu: the vCPU
 * @init: INIT: the registers keep their values
 */
void vh_fpu_reset(struct vh_vcpu *vcpu, bool init)
{
	struct fxregs_state *fx = &area(vcpu)->i387;

	vcpu->s.xcr0 = host_xcr0 ? XCR0_X87 : 0;
	if (init)
		return;
	memset(vcpu->fpu->area, 0, area_size);
	fx->cwd = 0x40;
	fx->twd = 0;
	fx->mxcsr = MXCSR_RESET;
	/* x87 differs from its initial configuration (037F): say so. */
	area(vcpu)->header.xfeatures = offered & (XCR0_X87 | XCR0_SSE);
	vcpu->s.pkru = 0;
	vcpu->s.xss = 0;
}

static void restore(struct xregs_state *x)
{
	if (host_xcr0) {
		/* A header that userspace made passed vh_xsave_set(): the fixup is for the unthought-of. */
		asm volatile("1: xrstor64 %0\n2:\n" _ASM_EXTABLE(1b, 2b)
			     : : "m" (*x), "a" ((u32)moved), "d" ((u32)(moved >> 32)) : "memory");
	} else {
		asm volatile("1: fxrstor64 %0\n2:\n" _ASM_EXTABLE(1b, 2b)
			     : : "m" (x->i387) : "memory");
	}
}

static void save(struct xregs_state *x)
{
	if (host_xcr0)
		asm volatile("xsave64 %0"
			     : "+m" (*x) : "a" ((u32)moved), "d" ((u32)(moved >> 32)) : "memory");
	else
		asm volatile("fxsave64 %0" : "+m" (x->i387));
}

/* Can the guest tell what is in PKRU: by paging, or by XSAVE? */
static bool pkru_seen(const struct vh_vcpu *vcpu)
{
	return (offered & XCR0_PKRU) && ((vcpu->s.xcr0 & XCR0_PKRU) || (vcpu->s.cr4 & X86_CR4_PKE));
}

/**
 * vh_fpu_enter - guest FPU state into the registers
 * @vcpu: the vCPU
 *
 * Process context, interrupts on. Preemption is off until vh_fpu_leave().
 */
void vh_fpu_enter(struct vh_vcpu *vcpu)
{
	kernel_fpu_begin();
	vh_host_save(VH_HOST_SECTION);
	restore(vcpu->fpu->area);
}

/**
 * vh_fpu_leave - save the guest's state
 * @vcpu: the vCPU
 *
 * Preemption off, interrupts on.
 */
void vh_fpu_leave(struct vh_vcpu *vcpu)
{
	save(vcpu->fpu->area);
	vh_host_check(VH_HOST_SECTION);
	kernel_fpu_end();
}

/**
 * vh_fpu_more_enter - the guest's XSS and PKRU
 * @vcpu: the vCPU
 *
 * vh_fpu_window_enter() alone calls it.
 */
void vh_fpu_more_enter(struct vh_vcpu *vcpu)
{
	/* Guests have no supervisor state: their XSAVES must not see the host's. */
	if (host_xss)
		wrmsrl(MSR_IA32_XSS, 0);
	if (pkru_seen(vcpu)) {
		vcpu->fpu->host_pkru = rdpkru();
		if (vcpu->s.pkru != vcpu->fpu->host_pkru)
			wrpkru(vcpu->s.pkru);
	}
}

/**
 * vh_fpu_more_leave - the host's XSS and PKRU again
 * @vcpu: the vCPU
 *
 * vh_fpu_window_leave() alone calls it.
 */
void vh_fpu_more_leave(struct vh_vcpu *vcpu)
{
	if (pkru_seen(vcpu)) {
		vcpu->s.pkru = rdpkru();
		if (vcpu->s.pkru != vcpu->fpu->host_pkru)
			wrpkru(vcpu->fpu->host_pkru);
	}
	if (host_xss)
		wrmsrl(MSR_IA32_XSS, host_xss);
}

/* The component of register @n of a kind, @bytes of it; NULL: not there. As in its initial configuration, if it is. */
static void *component(struct vh_vcpu *vcpu, unsigned int c, unsigned int n, unsigned int bytes)
{
	void *at = (void *)area(vcpu) + components[c].offset;

	if (!(offered & BIT_ULL(c)))
		return NULL;
	if (!(area(vcpu)->header.xfeatures & BIT_ULL(c)))
		memset(at, 0, components[c].size);
	return at + n * bytes;
}

/**
 * vh_fpu_vector_get - a vector register in memory, for the interpreter
 * @vcpu: the vCPU
 * @n: 0 to 31
 * @val: its bytes; 0 of those that are not there
 *
 * Own thread, outside a section.
 */
void vh_fpu_vector_get(struct vh_vcpu *vcpu, unsigned int n, u8 val[64])
{
	void *part;

	memset(val, 0, 64);
	if (n >= 16) {
		part = component(vcpu, C_HI16_ZMM, n - 16, 64);
		if (part)
			memcpy(val, part, 64);
		return;
	}
	memcpy(val, &vh_fpu_legacy(vcpu, false)->xmm_space[4 * n], 16);
	part = component(vcpu, C_AVX, n, 16);
	if (part)
		memcpy(val + 16, part, 16);
	part = component(vcpu, C_ZMM_HI256, n, 32);
	if (part)
		memcpy(val + 32, part, 32);
}

static void set_part(struct vh_vcpu *vcpu, unsigned int c, unsigned int n, const u8 *val,
		     unsigned int bytes)
{
	void *part;

	/* What stays in its initial configuration is not named: the guest may not have it at all. */
	if (!(area(vcpu)->header.xfeatures & BIT_ULL(c)) && !memchr_inv(val, 0, bytes))
		return;
	part = component(vcpu, c, n, bytes);
	if (!part)
		return;
	memcpy(part, val, bytes);
	area(vcpu)->header.xfeatures |= BIT_ULL(c);
}

/**
 * vh_fpu_vector_set - write a vector register in memory
 * @vcpu: the vCPU
 * @n: 0 to 31
 * @val: its bytes
 * @len: 16: the others stay; 64
 *
 * Own thread, outside a section.
 */
void vh_fpu_vector_set(struct vh_vcpu *vcpu, unsigned int n, const u8 val[64], unsigned int len)
{
	if (n >= 16) {
		set_part(vcpu, C_HI16_ZMM, n - 16, val, 64);
		return;
	}
	memcpy(&vh_fpu_legacy(vcpu, true)->xmm_space[4 * n], val, 16);
	if (len == 16)
		return;
	set_part(vcpu, C_AVX, n, val + 16, 16);
	set_part(vcpu, C_ZMM_HI256, n, val + 32, 32);
}

/**
 * vh_fpu_call - let something use the processor's x87 and SSE registers
 * @fn: does, and leaves no x87 exception pending; neither sleeps nor faults
 * @arg: for it
 *
 * Process context, outside a section.
 */
void vh_fpu_call(void (*fn)(void *arg), void *arg)
{
	kernel_fpu_begin();
	fn(arg);
	kernel_fpu_end();
}

/**
 * vh_fpu_legacy - x87 and SSE registers in memory, for the interpreter
 * @vcpu: the vCPU
 * @write: they are going to be changed
 *
 * Own thread, outside a section. XSAVE has written them even where they are in their
 * initial configuration, but userspace need not have; they are loaded only if the header
 * names them.
 */
struct fxregs_state *vh_fpu_legacy(struct vh_vcpu *vcpu, bool write)
{
	struct fxregs_state *fx = &area(vcpu)->i387;
	u64 there = host_xcr0 ? area(vcpu)->header.xfeatures : XCR0_X87 | XCR0_SSE;

	if (!(there & XCR0_X87)) {
		memset(fx, 0, offsetof(struct fxregs_state, mxcsr));
		memset(fx->st_space, 0, sizeof(fx->st_space));
		fx->cwd = 0x37f;
	}
	if (!(there & XCR0_SSE))
		memset(fx->xmm_space, 0, sizeof(fx->xmm_space));
	fx->mxcsr_mask = mxcsr_mask;
	if (write)
		area(vcpu)->header.xfeatures |= offered & (XCR0_X87 | XCR0_SSE);
	return fx;
}

/**
 * vh_fpu_get - KVM_GET_FPU
 * @vcpu: the vCPU
 * @f: filled in
 */
int vh_fpu_get(struct vh_vcpu *vcpu, struct kvm_fpu *f)
{
	const struct fxregs_state *fx = &area(vcpu)->i387;

	memcpy(f->fpr, fx->st_space, sizeof(f->fpr));
	memcpy(f->xmm, fx->xmm_space, sizeof(f->xmm));
	f->fcw = fx->cwd;
	f->fsw = fx->swd;
	f->ftwx = fx->twd;
	f->last_opcode = fx->fop;
	f->last_ip = fx->rip;
	f->last_dp = fx->rdp;
	f->mxcsr = fx->mxcsr;
	return 0;
}

/**
 * vh_fpu_set - KVM_SET_FPU
 * @vcpu: the vCPU
 * @f: new state; -EINVAL for reserved MXCSR bits
 */
int vh_fpu_set(struct vh_vcpu *vcpu, const struct kvm_fpu *f)
{
	struct fxregs_state *fx = &area(vcpu)->i387;

	/* KVM_SET_FPU takes no MXCSR in KVM; here it does, and must be loadable. */
	if (f->mxcsr & ~mxcsr_mask)
		return -EINVAL;
	memcpy(fx->st_space, f->fpr, sizeof(f->fpr));
	memcpy(fx->xmm_space, f->xmm, sizeof(f->xmm));
	fx->cwd = f->fcw;
	fx->swd = f->fsw;
	fx->twd = f->ftwx;
	fx->fop = f->last_opcode;
	fx->rip = f->last_ip;
	fx->rdp = f->last_dp;
	fx->mxcsr = f->mxcsr;
	area(vcpu)->header.xfeatures |= offered & (XCR0_X87 | XCR0_SSE);
	return 0;
}

/**
 * vh_xsave_size - how much memory KVM_GET_XSAVE2 and KVM_SET_XSAVE are about
 *
 * Bytes: what guests are offered, and a struct kvm_xsave at least. More than that takes AMX, which is not offered.
 */
unsigned int vh_xsave_size(void)
{
	return max_t(unsigned int, area_size, sizeof(struct kvm_xsave));
}

/**
 * vh_xsave_get - KVM_GET_XSAVE, KVM_GET_XSAVE2
 * @vcpu: the vCPU
 * @dst: vh_xsave_size() bytes, zeroed by the caller; filled in, standard format
 */
void vh_xsave_get(struct vh_vcpu *vcpu, struct xregs_state *dst)
{
	/* FXSAVE has written both; a processor with XSAVE has to take them from there. */
	u64 features = host_xcr0 ? area(vcpu)->header.xfeatures : XCR0_X87 | XCR0_SSE;
	unsigned int i, eax, ebx, ecx, edx;

	if (offered & XCR0_PKRU) {
		*(u32 *)((void *)area(vcpu) + pkru_offset) = vcpu->s.pkru;
		features &= ~XCR0_PKRU;
		if (vcpu->s.pkru)
			features |= XCR0_PKRU;
	}
	/* Components in their initial configuration have no meaning in memory: show zeros. */
	memcpy(dst, vcpu->fpu->area, LEGACY_SIZE);
	dst->header.xfeatures = features;
	for (i = 2; i < 63; i++) {
		if (!(features & offered & BIT_ULL(i)))
			continue;
		cpuid_count(0xd, i, &eax, &ebx, &ecx, &edx);
		memcpy((void *)dst + ebx, (void *)vcpu->fpu->area + ebx, eax);
	}
}

/**
 * vh_xsave_set - KVM_SET_XSAVE
 * @vcpu: the vCPU
 * @src: new state, standard format, vh_xsave_size() bytes; -EINVAL for features
 *     not offered, reserved header bytes or MXCSR bits
 */
int vh_xsave_set(struct vh_vcpu *vcpu, const struct xregs_state *src)
{
	if (src->i387.mxcsr & ~mxcsr_mask)
		return -EINVAL;
	if (src->header.xfeatures & ~(host_xcr0 ? offered : XCR0_X87 | XCR0_SSE) ||
	    src->header.xcomp_bv ||
	    memchr_inv(src->header.reserved, 0, sizeof(src->header.reserved)))
		return -EINVAL;
	if (host_xcr0) {
		memcpy(vcpu->fpu->area, src, area_size);
		if (offered & XCR0_PKRU)
			vcpu->s.pkru = src->header.xfeatures & XCR0_PKRU ?
				       *(const u32 *)((const void *)src + pkru_offset) : 0;
	} else {
		memcpy(&area(vcpu)->i387, &src->i387, sizeof(src->i387));
	}
	return 0;
}

/* SDM Vol. 1, 13.3: which combinations XSETBV takes. */
static bool xcr0_valid(struct vh_vcpu *vcpu, u64 v)
{
	if (!(v & XCR0_X87) || (v & ~vcpu->cpuid->xcr0_allowed))
		return false;
	if ((v & XCR0_AVX) && !(v & XCR0_SSE))
		return false;
	if ((v & XCR0_AVX512) && ((v & XCR0_AVX512) != XCR0_AVX512 || !(v & XCR0_AVX)))
		return false;
	return true;
}

/**
 * vh_xcr0_set - XSETBV with ECX = 0
 * @vcpu: the vCPU
 * @value: new value; -EINVAL: #GP
 */
int vh_xcr0_set(struct vh_vcpu *vcpu, u64 value)
{
	if (!host_xcr0 || !xcr0_valid(vcpu, value))
		return -EINVAL;
	vcpu->s.xcr0 = value;
	return 0;
}

/**
 * vh_xcrs_get - KVM_GET_XCRS
 * @vcpu: the vCPU
 * @x: filled in, zeroed by the caller
 */
int vh_xcrs_get(struct vh_vcpu *vcpu, struct kvm_xcrs *x)
{
	if (!host_xcr0)
		return -EINVAL;
	x->nr_xcrs = 1;
	x->xcrs[0].xcr = 0;
	x->xcrs[0].value = vcpu->s.xcr0;
	return 0;
}

/**
 * vh_xcrs_set - KVM_SET_XCRS
 * @vcpu: the vCPU
 * @x: only XCR0 counts; -EINVAL
 */
int vh_xcrs_set(struct vh_vcpu *vcpu, const struct kvm_xcrs *x)
{
	unsigned int i;
	int err;

	if (!host_xcr0 || x->nr_xcrs > KVM_MAX_XCRS || x->flags)
		return -EINVAL;
	for (i = 0; i < x->nr_xcrs; i++) {
		if (x->xcrs[i].xcr)
			continue;
		err = vh_xcr0_set(vcpu, x->xcrs[i].value);
		if (err)
			return err;
		vh_cpuid_refresh(vcpu);
	}
	return 0;
}
