// SPDX-License-Identifier: GPL-2.0-only
/*
 * switch.c - processor state that VMX does not switch: the section's part.
 *
 * STAR, LSTAR, FMASK and TSC_AUX matter to user mode only, so the guest's
 * values stay until this CPU returns to user mode; beside KVM, which does the
 * same, they go with each window. KERNEL_GS_BASE belongs to
 * the task and is exchanged around each section. A VM exit leaves GDTR and
 * IDTR with 64 KiB limits, TR with the minimal one, LDTR and the data
 * segments null (SDM 28.5.2): the section's end puts the host's back.
 */
#include <linux/user-return-notifier.h>
#include <asm/cpufeature.h>
#include <asm/desc.h>
#include <asm/fsgsbase.h>
#include <asm/segment.h>

#include "internal.h"
#include "witness.h"

static const u32 lazy_msrs[] = { MSR_STAR, MSR_LSTAR, MSR_SYSCALL_MASK, MSR_TSC_AUX };
#define NR_LAZY	ARRAY_SIZE(lazy_msrs)

/* The guest's value of lazy_msrs[i]. */
static __always_inline u64 lazy_want(const struct vh_cpu_state *s, unsigned int i)
{
	static const u16 at[NR_LAZY] = {
		offsetof(struct vh_cpu_state, star), offsetof(struct vh_cpu_state, lstar),
		offsetof(struct vh_cpu_state, sfmask), offsetof(struct vh_cpu_state, tsc_aux),
	};

	return *(const u64 *)((const void *)s + at[i]);
}

/* These MSRs are there, and rdmsrl() and wrmsrl() go through calls. */
static __always_inline u64 lazy_read(unsigned int i)
{
	u32 low, high;

	asm volatile("rdmsr" : "=a" (low), "=d" (high) : "c" (lazy_msrs[i]));
	return low | (u64)high << 32;
}

static __always_inline void lazy_write(unsigned int i, u64 value)
{
	asm volatile("wrmsr" : : "c" (lazy_msrs[i]), "a" ((u32)value), "d" ((u32)(value >> 32)) :
		     "memory");
}

/*
 * struct lazy - the lazily restored MSRs of one CPU
 *
 * Own CPU; preemption off, interrupts off where @notifier is (un)registered.
 */
struct lazy {
	struct user_return_notifier notifier;
	bool registered, known;
	u64 host[NR_LAZY], now[NR_LAZY];
};
static DEFINE_PER_CPU(struct lazy, lazy);

static void lazy_restore(struct lazy *l)
{
	int i;

	if (!l->registered)
		return;
	l->registered = false;
	user_return_notifier_unregister(&l->notifier);
	for (i = 0; i < NR_LAZY; i++) {
		if (l->now[i] != l->host[i]) {
			if (!VH_BROKEN(tscaux) || lazy_msrs[i] != MSR_TSC_AUX)
				lazy_write(i, l->host[i]);
			l->now[i] = l->host[i];
		}
	}
}

static void lazy_return(struct user_return_notifier *n)
{
	unsigned long flags;

	local_irq_save(flags);
	lazy_restore(container_of(n, struct lazy, notifier));
	local_irq_restore(flags);
}

/**
 * vmx_msrs_restore_local - the host's syscall MSRs, now
 *
 * Interrupts off; before the CPU leaves VMX operation.
 */
void vmx_msrs_restore_local(void)
{
	lazy_restore(this_cpu_ptr(&lazy));
	vmx_witness_user_check();
}

/* Of lazy_msrs[], what this guest can see: without SYSCALL only TSC_AUX. */
static inline unsigned int lazy_first(const struct vh_cpu_state *s)
{
	return s->efer & EFER_SCE ? 0 : NR_LAZY - 1;
}

static inline unsigned int lazy_end(void)
{
	return NR_LAZY - !boot_cpu_has(X86_FEATURE_RDTSCP);
}

static void lazy_load(const struct vh_cpu_state *s)
{
	unsigned int i = lazy_first(s), n = lazy_end();
	struct lazy *l = this_cpu_ptr(&lazy);
	unsigned long flags;

	if (unlikely(!l->known)) {
		unsigned int j;

		for (j = 0; j < n; j++) {
			l->host[j] = lazy_read(j);
			l->now[j] = l->host[j];
		}
		l->known = true;
	}
	for (; i < n; i++) {
		if (l->now[i] == lazy_want(s, i))
			continue;
		local_irq_save(flags);
		/* KVM came: the next window notices. */
		if (unlikely(__this_cpu_read(vmx_root_state) != VMX_ROOT_OWN)) {
			local_irq_restore(flags);
			return;
		}
		if (!l->registered) {
			l->notifier.on_user_return = lazy_return;
			user_return_notifier_register(&l->notifier);
			l->registered = true;
		}
		l->now[i] = lazy_want(s, i);
		lazy_write(i, l->now[i]);
		local_irq_restore(flags);
	}
}

/* Beside KVM: what the open window of a CPU has to put back; interrupts off. */
struct window_msrs {
	unsigned int first;
	u64 found[NR_LAZY], now[NR_LAZY];
};
static DEFINE_PER_CPU(struct window_msrs, window_msrs);

/**
 * vmx_msrs_window_enter - the guest's syscall MSRs, beside KVM
 * @vcpu: the vCPU
 *
 * Interrupts off. What is found may be the host's values or, on their way to
 * user mode, those of a KVM guest.
 */
void vmx_msrs_window_enter(struct vh_vcpu *vcpu)
{
	const struct vh_cpu_state *s = &vcpu->s;
	struct window_msrs *w = this_cpu_ptr(&window_msrs);
	unsigned int i, n = lazy_end();

	w->first = lazy_first(s);
	for (i = w->first; i < n; i++) {
		w->found[i] = lazy_read(i);
		w->now[i] = lazy_want(s, i);
		if (w->found[i] != w->now[i])
			lazy_write(i, w->now[i]);
	}
}

/**
 * vmx_msrs_window_leave - the MSRs that vmx_msrs_window_enter() found
 *
 * Interrupts off.
 */
void vmx_msrs_window_leave(void)
{
	struct window_msrs *w = this_cpu_ptr(&window_msrs);
	unsigned int i, n = lazy_end();

	for (i = w->first; i < n; i++)
		if (w->now[i] != w->found[i] && (!VH_BROKEN(tscaux) || lazy_msrs[i] != MSR_TSC_AUX))
			lazy_write(i, w->found[i]);
}

/*
 * struct section - what the open section of a CPU has to put back
 *
 * Own CPU, preemption off.
 */
struct section {
	struct desc_ptr gdt, idt;
	u64 kernel_gs_base, fs_base;
	u16 ds, es, fs, gs, ldt;
};
static DEFINE_PER_CPU(struct section, sections);

/**
 * vh_vmx_load - open a section on this CPU
 * @vcpu: the vCPU
 *
 * Preemption off (vh_fpu_enter()), interrupts on. The VMCS is active on no
 * other CPU afterwards.
 */
void vh_vmx_load(struct vh_vcpu *vcpu)
{
	struct vh_vmx *vmx = vcpu->vmx;
	struct section *sec = this_cpu_ptr(&sections);

	if (unlikely(vmx->cpu != smp_processor_id()))
		vmx_release_remote(vmx);
	savesegment(ds, sec->ds);
	savesegment(es, sec->es);
	savesegment(fs, sec->fs);
	savesegment(gs, sec->gs);
	if (unlikely(sec->fs))
		rdmsrl(MSR_FS_BASE, sec->fs_base);
	asm("sldt %0" : "=rm" (sec->ldt));
	native_store_gdt(&sec->gdt);
	store_idt(&sec->idt);
	rdmsrl(MSR_KERNEL_GS_BASE, sec->kernel_gs_base);
	wrmsrl(MSR_KERNEL_GS_BASE, vcpu->s.kernel_gs_base);
	vmx->root = __this_cpu_read(vmx_root_state);
	vmx_witness_user_due();
	if (likely(vmx->root == VMX_ROOT_OWN))
		lazy_load(&vcpu->s);
	vmx->section = true;
	vmx_witness_section_open();
}

/**
 * vh_vmx_unload - close the section
 * @vcpu: the vCPU
 *
 * Preemption off, interrupts on.
 */
void vh_vmx_unload(struct vh_vcpu *vcpu)
{
	struct section *sec = this_cpu_ptr(&sections);
	struct vh_vmx *vmx = vcpu->vmx;

	vmx_witness_section_close();
	vmx->section = false;
	rdmsrl(MSR_KERNEL_GS_BASE, vcpu->s.kernel_gs_base);
	if (unlikely(sec->ldt))
		asm volatile("lldt %0" : : "rm" (sec->ldt));
	if (unlikely(sec->fs)) {
		loadsegment(fs, sec->fs);
		wrmsrl(MSR_FS_BASE, sec->fs_base);	/* user mode may have set it apart */
	}
	if (unlikely(sec->gs)) {
		unsigned long flags;

		/* load_gs_index() exchanges GS bases: no interrupt in between. */
		local_irq_save(flags);
		load_gs_index(sec->gs);
		local_irq_restore(flags);
	}
	if (!VH_BROKEN(gsbase))
		wrmsrl(MSR_KERNEL_GS_BASE, sec->kernel_gs_base);
	if (unlikely(sec->ds | sec->es)) {
		loadsegment(ds, sec->ds);
		loadsegment(es, sec->es);
	}
	native_load_gdt(&sec->gdt);
	native_load_idt(&sec->idt);
	invalidate_tss_limit();
}
