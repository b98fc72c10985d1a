// SPDX-License-Identifier: GPL-2.0-only
/*
 * active.c - debug build: which VMCS is current, and which are active, on which CPU.
 *
 * A model of what SDM Vol. 3, 25.1 and 25.11.1 say of each VMX instruction, kept by the
 * instructions that were executed, and nothing else. A processor may keep a VMCS that is active on it in a
 * cache: what another CPU finds in memory is anything, until it was VMCLEARed. VMLAUNCH wants the
 * launch state clear, VMRESUME launched. When the host dies (crash.c) nothing is held any more.
 */
#include <linux/bug.h>
#include <linux/percpu.h>
#include <linux/xarray.h>

#include "internal.h"
#include "witness.h"

#define NO_VMCS	(~0ULL)

/*
 * struct cpu_vmcs - one CPU
 *
 * Own CPU, interrupts off.
 */
struct cpu_vmcs {
	struct vh_vmx *ours;		/* the current VMCS, if it is vh's */
	u64 foreign;			/* else whose it is; NO_VMCS: none */
	int active;			/* how many of vh's are */
};
static DEFINE_PER_CPU(struct cpu_vmcs, cpu_vmcs) = { .foreign = NO_VMCS };

/* Those of all vCPUs, by the frame of the region. */
static DEFINE_XARRAY(all);

static struct vh_vmx *vmx_of(u64 pa)
{
	return pa == NO_VMCS ? NULL : xa_load(&all, pa >> PAGE_SHIFT);
}

/**
 * vmx_witness_create - a vCPU has its VMCS's region, and its VPID
 * @vcpu: the vCPU
 * @vmx: its VMX side
 *
 * Process context. Without memory it is taken for somebody else's.
 */
void vmx_witness_create(struct vh_vcpu *vcpu, struct vh_vmx *vmx)
{
	VH_TAG_NEW(vcpu, VH_TAG_VPID, vmx->vpid);
	vmx->model.cpu = -1;
	vmx->model.state = VMX_MODEL_UNKNOWN;
	xa_store(&all, vmx->vmcs_pa >> PAGE_SHIFT, vmx, GFP_KERNEL);
}

/**
 * vmx_witness_destroy - the region goes
 * @vmx: its VMX side
 *
 * Process context; no instruction names it any more. (The tag goes with the tables: mmu/fault.c.)
 */
void vmx_witness_destroy(struct vh_vmx *vmx)
{
	WARN_ONCE(vmx->model.cpu != -1, "vh: a VMCS is freed while it is active on CPU%d: VMCLEAR is missing\n",
		  vmx->model.cpu);
	xa_erase(&all, vmx->vmcs_pa >> PAGE_SHIFT);
}

/* Active nowhere from here on. */
static void inactive(struct vh_vmx *vmx, struct cpu_vmcs *c)
{
	if (vmx->model.cpu == smp_processor_id())
		c->active--;
	WRITE_ONCE(vmx->model.cpu, -1);
	if (c->ours == vmx)
		c->ours = NULL;
}

/**
 * vmx_witness_lost - an instruction failed on it that cannot: nothing is known of it any more
 * @vmx: its VMX side
 *
 * Interrupts off, on the CPU where it is active, if it is. It is never entered again.
 */
void vmx_witness_lost(struct vh_vmx *vmx)
{
	inactive(vmx, this_cpu_ptr(&cpu_vmcs));
	vmx->model.state = VMX_MODEL_UNKNOWN;
}

/**
 * vmx_witness_vmclear - VMCLEAR was executed
 * @pa: its operand
 *
 * Interrupts off.
 */
void vmx_witness_vmclear(u64 pa)
{
	struct vh_vmx *vmx;
	int on;

	if (READ_ONCE(vmx_dying))
		return;
	vmx = vmx_of(pa);
	if (WARN_ONCE(!vmx, "vh: VMCLEAR of %#llx, which is no VMCS of vh's\n", pa))
		return;
	on = READ_ONCE(vmx->model.cpu);
	WARN_ONCE(on != -1 && on != smp_processor_id(),
		  "vh: VMCLEAR on CPU%d of a VMCS that is active on CPU%d\n", smp_processor_id(), on);
	inactive(vmx, this_cpu_ptr(&cpu_vmcs));
	vmx->model.state = VMX_MODEL_CLEAR;
}

/**
 * vmx_witness_vmptrld - VMPTRLD was executed
 * @pa: its operand
 *
 * Interrupts off.
 */
void vmx_witness_vmptrld(u64 pa)
{
	struct cpu_vmcs *c = this_cpu_ptr(&cpu_vmcs);
	int cpu = smp_processor_id(), on;
	struct vh_vmx *vmx;

	if (READ_ONCE(vmx_dying))
		return;
	vmx = vmx_of(pa);
	c->ours = vmx;
	c->foreign = vmx ? NO_VMCS : pa;
	if (!vmx) {
		WARN_ONCE(c->active, "vh: %d of vh's VMCSs stay active on CPU%d behind a window: VMCLEAR is missing\n",
			  c->active, cpu);
		return;
	}
	on = READ_ONCE(vmx->model.cpu);
	WARN_ONCE(on != -1 && on != cpu,
		  "vh: VMPTRLD on CPU%d of a VMCS that is active on CPU%d: it moves without VMCLEAR\n", cpu, on);
	WARN_ONCE(vmx->model.state == VMX_MODEL_UNKNOWN, "vh: VMPTRLD of a VMCS that was never VMCLEARed\n");
	if (on != cpu)
		c->active++;
	WRITE_ONCE(vmx->model.cpu, cpu);
}

/**
 * vmx_witness_vmptrst - VMPTRST was executed
 * @pa: what it stored
 *
 * Interrupts off. Outside windows the current VMCS may have become another one of KVM's.
 */
void vmx_witness_vmptrst(u64 pa)
{
	struct cpu_vmcs *c = this_cpu_ptr(&cpu_vmcs);
	struct vh_vmx *vmx;

	if (READ_ONCE(vmx_dying))
		return;
	vmx = vmx_of(pa);
	WARN_ONCE(vmx != c->ours, "vh: %#llx is the current VMCS, not %#llx\n", pa,
		  c->ours ? c->ours->vmcs_pa : c->foreign);
	c->ours = vmx;
	c->foreign = vmx ? NO_VMCS : pa;
}

/**
 * vmx_witness_vmxon - VMXON was executed: no VMCS is current
 * @pa: its operand
 */
void vmx_witness_vmxon(u64 pa)
{
	struct cpu_vmcs *c = this_cpu_ptr(&cpu_vmcs);

	c->ours = NULL;
	c->foreign = NO_VMCS;
}

/**
 * vmx_witness_vmxoff - VMXOFF was executed
 *
 * What is active then could not be VMCLEARed any more.
 */
void vmx_witness_vmxoff(void)
{
	struct cpu_vmcs *c = this_cpu_ptr(&cpu_vmcs);

	if (READ_ONCE(vmx_dying))
		return;
	WARN_ONCE(c->active, "vh: VMXOFF on CPU%d with %d VMCSs active: VMCLEAR is missing\n",
		  smp_processor_id(), c->active);
	c->ours = NULL;
	c->foreign = NO_VMCS;
}

/**
 * vmx_witness_access - VMREAD or VMWRITE is about to be executed
 * @insn: mnemonic
 * @field: its operand
 */
void vmx_witness_access(const char *insn, unsigned long field)
{
	const struct cpu_vmcs *c;

	if (WARN_ONCE(!irqs_disabled(), "vh: %s of %#lx with interrupts on\n", insn, field))
		return;
	c = this_cpu_ptr(&cpu_vmcs);
	if (unlikely(c->ours != __this_cpu_read(vmx_current) || !c->ours) && !READ_ONCE(vmx_dying))
		WARN_ONCE(1, "vh: %s of %#lx, current is %#llx, not %#llx\n", insn, field,
			  c->ours ? c->ours->vmcs_pa : c->foreign,
			  __this_cpu_read(vmx_current) ? __this_cpu_read(vmx_current)->vmcs_pa : NO_VMCS);
}

/**
 * vmx_witness_launch - VMLAUNCH or VMRESUME is about to be executed
 * @vmx: the VMX side
 * @resume: which of them
 *
 * In the window.
 */
void vmx_witness_launch(struct vh_vmx *vmx, bool resume)
{
	if (READ_ONCE(vmx_dying))
		return;
	WARN_ONCE(this_cpu_ptr(&cpu_vmcs)->ours != vmx, "vh: entry with another VMCS\n");
	WARN_ONCE(vmx->model.cpu != smp_processor_id(), "vh: entry on CPU%d with a VMCS active on CPU%d\n",
		  smp_processor_id(), vmx->model.cpu);
	WARN_ONCE(vmx->model.state != (resume ? VMX_MODEL_LAUNCHED : VMX_MODEL_CLEAR),
		  "vh: %s with the launch state %s\n", resume ? "VMRESUME" : "VMLAUNCH",
		  vmx->model.state == VMX_MODEL_LAUNCHED ? "launched" :
		  vmx->model.state == VMX_MODEL_CLEAR ? "clear" : "unknown");
}

/**
 * vmx_witness_launched - the entry was made, and has come to an exit
 * @vmx: the VMX side
 *
 * In the window. Not for an entry that failed: that leaves the launch state as it is (SDM Vol. 3, 27.8).
 */
void vmx_witness_launched(struct vh_vmx *vmx)
{
	vmx->model.state = VMX_MODEL_LAUNCHED;
}
