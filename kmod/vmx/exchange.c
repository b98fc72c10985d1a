// SPDX-License-Identifier: GPL-2.0-only
/*
 * exchange.c - struct vh_cpu_state to and from the VMCS.
 *
 * Who owns which bit of CR0 and CR4: a bit that the guest may change without
 * vh having to know is the guest's (mask 0); all others exit (SDM 25.6.6).
 */
#include <asm/processor-flags.h>

#include "internal.h"

/* PG, PE: long-mode and PDPTE book-keeping; CD, NW: ignored here; NE: VMX wants 1. */
#define CR0_GUEST_OWNED	(X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_ET | \
			 X86_CR0_WP | X86_CR0_AM)
/* Others change CPUID, the paging mode, or belong to VMX. */
#define CR4_GUEST_OWNED	(X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PCE | \
			 X86_CR4_PGE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT | X86_CR4_UMIP | \
			 X86_CR4_FSGSBASE | X86_CR4_SMEP | X86_CR4_SMAP)

/* Without EPT paging is vh's, and the guest's values are those in memory. */
#define CR4_SHADOWED	(X86_CR4_PGE | X86_CR4_PSE | X86_CR4_PAE | X86_CR4_PCIDE | \
			 X86_CR4_SMEP | X86_CR4_SMAP)

/*
 * A MOV to CR4 that changes them has PAE's PDPTEs loaded (SDM Vol. 3, 4.4.1). KVM below vh does this by itself, and its
 * guest's guest has #GP where vh's EPT does not let their page be written at that moment.
 */
#define CR4_LOADS_PDPTES (X86_CR4_PGE | X86_CR4_SMEP)

/* What would change the meaning of the identity map. */
#define CR4_PAGING	(X86_CR4_PAE | X86_CR4_SMEP | X86_CR4_SMAP | X86_CR4_PKE | \
			 X86_CR4_PCIDE | X86_CR4_LA57)

static const struct {
	u16 selector, base, limit, ar;
} seg_fields[VH_NR_SEGS] = {
#define SEG(name) [VH_##name] = { GUEST_##name##_SELECTOR, GUEST_##name##_BASE, \
				  GUEST_##name##_LIMIT, GUEST_##name##_AR_BYTES }
	SEG(ES), SEG(CS), SEG(SS), SEG(DS), SEG(FS), SEG(GS), SEG(LDTR), SEG(TR),
#undef SEG
};

static void seg_read(struct vh_vmx *vmx, struct kvm_segment *seg, int i)
{
	u32 ar = vmcs_read(seg_fields[i].ar);

	seg->base = vmcs_read(seg_fields[i].base);
	seg->limit = vmcs_read(seg_fields[i].limit);
	seg->selector = vmcs_read(seg_fields[i].selector);
	/* Access rights seldom change: do not take them apart each time. */
	if (likely(vmx->seg_ar[i] == ar))
		return;
	vmx->seg_ar[i] = ar;
	seg->unusable = (ar >> 16) & 1;
	seg->type = ar & 15;
	seg->s = (ar >> 4) & 1;
	seg->dpl = (ar >> 5) & 3;
	seg->present = !seg->unusable && ((ar >> 7) & 1);
	seg->avl = (ar >> 12) & 1;
	seg->l = (ar >> 13) & 1;
	seg->db = (ar >> 14) & 1;
	seg->g = (ar >> 15) & 1;
	seg->padding = 0;
}

static void seg_write(const struct kvm_segment *seg, int i)
{
	u32 ar = seg->type | seg->s << 4 | seg->dpl << 5 | seg->present << 7 |
		 seg->avl << 12 | seg->l << 13 | seg->db << 14 | seg->g << 15;

	/* An absent segment is what VMX calls unusable (SDM 25.4.1). */
	if (seg->unusable || !seg->present)
		ar |= 1 << 16;
	vmcs_write(seg_fields[i].base, seg->base);
	vmcs_write(seg_fields[i].limit, seg->limit);
	vmcs_write(seg_fields[i].selector, seg->selector);
	vmcs_write(seg_fields[i].ar, ar);
}

static bool pae_paging(const struct vh_cpu_state *s)
{
	return (s->cr0 & X86_CR0_PG) && (s->cr4 & X86_CR4_PAE) && !(s->efer & EFER_LMA);
}

/**
 * vmx_read_state - make groups of vcpu->s valid
 * @vcpu: the vCPU
 * @groups: VH_S_* groups
 *
 * In the window; groups that are dirty are newer in memory and must not be asked for.
 */
void vmx_read_state(struct vh_vcpu *vcpu, u32 groups)
{
	struct vh_cpu_state *s = &vcpu->s;
	struct vh_vmx *vmx = vcpu->vmx;
	int i;

	groups &= ~vcpu->dirty;
	/* PDPTEs are read with CR3, and whether there are any depends on these. */
	if (groups & VH_S_CR3)
		groups |= (VH_S_CR0 | VH_S_CR4) & ~vcpu->valid;

	if (groups & VH_S_RIP)
		s->rip = vmcs_read(GUEST_RIP);
	if (groups & VH_S_RSP)
		s->gpr[VH_RSP] = vmcs_read(GUEST_RSP);
	if (groups & VH_S_RFLAGS)
		s->rflags = vmcs_read(GUEST_RFLAGS);
	if (groups & VH_S_CR0)
		s->cr0 = (vmcs_read(GUEST_CR0) & ~vmx->cr0_mask) |
			 (vmcs_read(CR0_READ_SHADOW) & vmx->cr0_mask);
	if (groups & VH_S_CR4)
		s->cr4 = (vmcs_read(GUEST_CR4) & ~vmx->cr4_mask) |
			 (vmcs_read(CR4_READ_SHADOW) & vmx->cr4_mask);
	if (groups & VH_S_CR3) {
		/* Under the identity map and without EPT every access to CR3 exits: memory has it. */
		if (vh_cpu_caps.ept && !vmx->nopaging)
			s->cr3 = vmcs_read(GUEST_CR3);
		if (vh_cpu_caps.ept && !vmx->nopaging && pae_paging(s)) {
			s->pdptr[0] = vmcs_read(GUEST_PDPTR0);
			s->pdptr[1] = vmcs_read(GUEST_PDPTR1);
			s->pdptr[2] = vmcs_read(GUEST_PDPTR2);
			s->pdptr[3] = vmcs_read(GUEST_PDPTR3);
		}
	}
	if (groups & VH_S_SEGS) {
		for (i = 0; i < VH_LDTR; i++)
			seg_read(vmx, &s->seg[i], i);
		groups |= VH_S_SS;
	} else if (groups & VH_S_SS) {
		seg_read(vmx, &s->seg[VH_SS], VH_SS);
	}
	if (groups & VH_S_TABLES) {
		seg_read(vmx, &s->seg[VH_LDTR], VH_LDTR);
		seg_read(vmx, &s->seg[VH_TR], VH_TR);
		s->gdt.base = vmcs_read(GUEST_GDTR_BASE);
		s->gdt.limit = vmcs_read(GUEST_GDTR_LIMIT);
		s->idt.base = vmcs_read(GUEST_IDTR_BASE);
		s->idt.limit = vmcs_read(GUEST_IDTR_LIMIT);
	}
	if (groups & VH_S_SYSENTER) {
		s->sysenter_cs = vmcs_read(GUEST_SYSENTER_CS);
		s->sysenter_esp = vmcs_read(GUEST_SYSENTER_ESP);
		s->sysenter_eip = vmcs_read(GUEST_SYSENTER_EIP);
	}
	if (groups & VH_S_DR7)
		s->dr7 = vmcs_read(GUEST_DR7);
	if (groups & VH_S_INTR)
		s->interruptibility = vmcs_read(GUEST_INTERRUPTIBILITY_INFO);
	if (groups & VH_S_PENDING_DB)
		s->pending_db = vmcs_read(GUEST_PENDING_DBG_EXCEPTIONS);
	/* EFER and PAT never change behind vh's back: always valid. */
	vcpu->valid |= groups;
}

static void cr0_write(struct vh_vcpu *vcpu)
{
	struct vh_vmx *vmx = vcpu->vmx;
	u64 hw = vcpu->s.cr0 & ~(X86_CR0_CD | X86_CR0_NW);

	/* Unrestricted guest: PE and PG are free, the other fixed bits hold (SDM A.7). */
	hw |= vmx_caps.cr0_fixed0 & ~(X86_CR0_PE | X86_CR0_PG);
	if (!vh_cpu_caps.unrestricted)
		hw |= X86_CR0_PE | X86_CR0_PG;
	vmx->cr0_mask = ~(u64)CR0_GUEST_OWNED;
	if (!vh_cpu_caps.ept) {
		hw |= X86_CR0_WP;
		vmx->cr0_mask |= X86_CR0_WP;
	}
	vmcs_write(CR0_GUEST_HOST_MASK, vmx->cr0_mask);
	vmcs_write(CR0_READ_SHADOW, vcpu->s.cr0);
	vmcs_write(GUEST_CR0, hw);
}

static void cr4_write(struct vh_vcpu *vcpu)
{
	struct vh_vmx *vmx = vcpu->vmx;
	u64 hw = vcpu->s.cr4 | vmx_caps.cr4_fixed0 | (__read_cr4() & X86_CR4_MCE);

	vmx->cr4_mask = ~(u64)CR4_GUEST_OWNED | vcpu->cr4_reserved;
	if (vmx->nopaging) {
		/* The identity map has 4M pages, open to user and supervisor. */
		hw = (hw & ~(u64)CR4_PAGING) | X86_CR4_PSE;
		vmx->cr4_mask = ~0ULL;
	}
	if (!vh_cpu_caps.ept) {
		hw = (hw & ~(u64)(X86_CR4_PGE | X86_CR4_PCIDE)) | X86_CR4_PAE;
		vmx->cr4_mask |= CR4_SHADOWED;
	}
	if (boot_cpu_has(X86_FEATURE_HYPERVISOR) && !(vcpu->s.efer & EFER_LMA))
		vmx->cr4_mask |= CR4_LOADS_PDPTES;
	vmcs_write(CR4_GUEST_HOST_MASK, vmx->cr4_mask);
	vmcs_write(CR4_READ_SHADOW, vcpu->s.cr4);
	vmcs_write(GUEST_CR4, hw);
}

/* vh_dirty(SS) alone is not a thing: SS goes with all segments. */
static void segs_write(struct vh_vmx *vmx, struct vh_cpu_state *s)
{
	int i;

	for (i = 0; i < VH_LDTR; i++)
		seg_write(&s->seg[i], i);
	/* No access rights: take them apart at the next read. */
	memset(vmx->seg_ar, 0xff, VH_LDTR * sizeof(vmx->seg_ar[0]));
}

static void tables_write(struct vh_vmx *vmx, struct vh_cpu_state *s)
{
	struct kvm_segment tr = s->seg[VH_TR];
	bool small = !(s->efer & EFER_LMA) && (tr.type == 1 || tr.type == 3);

	seg_write(&s->seg[VH_LDTR], VH_LDTR);
	/* SDM 27.3.1.2: TR must be a busy TSS, whatever userspace thought of it. */
	tr.type = small ? 3 : 11;
	tr.s = 0;
	tr.present = 1;
	tr.unusable = 0;
	seg_write(&tr, VH_TR);
	vmx->seg_ar[VH_LDTR] = vmx->seg_ar[VH_TR] = ~0U;
	vmcs_write(GUEST_GDTR_BASE, s->gdt.base);
	vmcs_write(GUEST_GDTR_LIMIT, s->gdt.limit);
	vmcs_write(GUEST_IDTR_BASE, s->idt.base);
	vmcs_write(GUEST_IDTR_LIMIT, s->idt.limit);
}

/*
 * Without unrestricted guest CR0.PG is always 1 in hardware (SDM 27.3.1.1): an
 * unpaged guest runs on tables that map 4 GiB to themselves, and its own CR3,
 * CR4 and EFER wait in memory. Returns the groups to be written.
 */
static u32 paging_change(struct vh_vcpu *vcpu, u32 groups)
{
	const u32 cr3_exits = CPU_BASED_CR3_LOAD_EXITING | CPU_BASED_CR3_STORE_EXITING;
	struct vh_vmx *vmx = vcpu->vmx;
	bool nopaging = !(vcpu->s.cr0 & X86_CR0_PG);

	if (vmx->nopaging == nopaging)
		return groups;
	vmx_need(vcpu, VH_S_CR3 | VH_S_CR4);
	vmx->nopaging = nopaging;
	vmx_set_proc(vmx, nopaging ? vmx->proc | cr3_exits :
				     vmx->proc & ~(cr3_exits & ~vmx_caps.proc));
	return groups | VH_S_CR3 | VH_S_CR4 | VH_S_EFER;
}

/* SDM 27.3.1.1: with the hardware's CR0.PG set, LME is what the entry control says. */
static u64 hw_efer(const struct vh_vmx *vmx, const struct vh_cpu_state *s)
{
	u64 efer = s->efer;

	if (vmx->nopaging || !vh_cpu_caps.ept)
		efer &= efer & EFER_LMA ? ~0ULL : ~(u64)EFER_LME;
	/* Shadow tables use NX for SMEP (mmu/shadow_pte.c). */
	return vh_cpu_caps.ept ? efer : efer | EFER_NX;
}

static u64 hw_cr3(struct vh_vcpu *vcpu)
{
	if (!vh_cpu_caps.ept)
		return vh_shadow_hw_cr3(vcpu);
	return vcpu->vmx->nopaging ? READ_ONCE(vcpu->vm->identity_addr) : vcpu->s.cr3;
}

/*
 * SDM 27.3.1.5: an interrupt shadow is of one kind, STI's needs IF, and a trap
 * flag beneath it is a pending single step. Returns the groups to be written.
 */
static noinline u32 shadow_fits(struct vh_vcpu *vcpu)
{
	struct vh_cpu_state *s = &vcpu->s;

	vmx_need(vcpu, VH_S_RFLAGS | VH_S_PENDING_DB);
	if (!(s->rflags & X86_EFLAGS_IF) || (s->interruptibility & VH_SHADOW_MOVSS))
		s->interruptibility &= ~VH_SHADOW_STI;
	if (!(s->interruptibility & (VH_SHADOW_STI | VH_SHADOW_MOVSS)))
		return 0;
	s->pending_db &= ~(u64)VH_PENDING_DB_STEP;
	if (s->rflags & X86_EFLAGS_TF)
		s->pending_db |= VH_PENDING_DB_STEP;
	return VH_S_PENDING_DB;
}

/**
 * vmx_write_state - write dirty groups of vcpu->s to the VMCS
 * @vcpu: the vCPU
 * @groups: VH_S_* groups
 *
 * In the window. They stay valid.
 */
void vmx_write_state(struct vh_vcpu *vcpu, u32 groups)
{
	struct vh_cpu_state *s = &vcpu->s;
	struct vh_vmx *vmx = vcpu->vmx;

	if ((groups & VH_S_CR0) && !vh_cpu_caps.unrestricted)
		groups = paging_change(vcpu, groups);
	if (groups & VH_S_RIP)
		vmcs_write(GUEST_RIP, s->rip);
	if (groups & VH_S_RSP)
		vmcs_write(GUEST_RSP, s->gpr[VH_RSP]);
	if (groups & VH_S_RFLAGS)
		vmcs_write(GUEST_RFLAGS, s->rflags | X86_EFLAGS_FIXED);
	if (groups & VH_S_CR0)
		cr0_write(vcpu);
	if (groups & VH_S_EFER) {
		u32 entry = vmx->entry & ~VM_ENTRY_IA32E_MODE;

		if (s->efer & EFER_LMA)
			entry |= VM_ENTRY_IA32E_MODE;
		if (entry != vmx->entry) {
			vmx->entry = entry;
			vmcs_write(VM_ENTRY_CONTROLS, entry);
			/* The type of TR depends on the mode, and what of CR4 is the guest's. */
			vmx_need(vcpu, VH_S_TABLES | VH_S_CR4);
			groups |= VH_S_TABLES | VH_S_CR4;
		}
		if (vmx_efer_listed())
			vmx->lists->guest[0].value = hw_efer(vmx, s);
		else
			vmcs_write(GUEST_IA32_EFER, hw_efer(vmx, s));
	}
	if (groups & VH_S_CR4)
		cr4_write(vcpu);
	if (groups & VH_S_CR3) {
		vmcs_write(GUEST_CR3, hw_cr3(vcpu));
		if (vh_cpu_caps.ept && pae_paging(s)) {
			vmcs_write(GUEST_PDPTR0, s->pdptr[0]);
			vmcs_write(GUEST_PDPTR1, s->pdptr[1]);
			vmcs_write(GUEST_PDPTR2, s->pdptr[2]);
			vmcs_write(GUEST_PDPTR3, s->pdptr[3]);
		}
	}
	if (groups & VH_S_SEGS)
		segs_write(vmx, s);
	if (groups & VH_S_TABLES)
		tables_write(vmx, s);
	if (groups & VH_S_SYSENTER) {
		vmcs_write(GUEST_SYSENTER_CS, s->sysenter_cs);
		vmcs_write(GUEST_SYSENTER_ESP, s->sysenter_esp);
		vmcs_write(GUEST_SYSENTER_EIP, s->sysenter_eip);
	}
	if (groups & VH_S_DR7)
		vmcs_write(GUEST_DR7, s->dr7);
	if ((groups & VH_S_PAT) && (vmx_caps.entry & VM_ENTRY_LOAD_IA32_PAT))
		vmcs_write(GUEST_IA32_PAT, vh_cpu_caps.ept ? s->pat : vmcs_read(HOST_IA32_PAT));
	if (groups & VH_S_INTR) {
		if (unlikely(s->interruptibility & (VH_SHADOW_STI | VH_SHADOW_MOVSS)))
			groups |= shadow_fits(vcpu);
		vmcs_write(GUEST_INTERRUPTIBILITY_INFO, s->interruptibility);
		vmcs_write(GUEST_ACTIVITY_STATE, GUEST_ACTIVITY_ACTIVE);
	}
	if (groups & VH_S_PENDING_DB)
		vmcs_write(GUEST_PENDING_DBG_EXCEPTIONS, s->pending_db);
}

/**
 * vmx_exchange_init - a new vCPU's state is all in memory
 * @vcpu: the vCPU
 * @vmx: its VMX side
 */
void vmx_exchange_init(struct vh_vcpu *vcpu, struct vh_vmx *vmx)
{
	vmx->cr0_mask = ~0ULL;
	vmx->cr4_mask = ~0ULL;
	memset(vmx->seg_ar, 0xff, sizeof(vmx->seg_ar));
	vcpu->valid = VH_S_ALL;
	vcpu->dirty = VH_S_ALL;
}
