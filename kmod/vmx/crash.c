// SPDX-License-Identifier: GPL-2.0-only
/*
 * crash.c - the host dies with VMs running: VMX off on every CPU, at once.
 *
 * A CPU in VMX operation ignores INIT (SDM 24.8), and takes #GP when CR4.VMXE
 * is cleared under it: a kdump kernel would get no second CPU, or not even
 * start, and firmware might not come back from a reset. The other CPUs are
 * asked by NMI: they may be in a guest, have interrupts off, or be stuck.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/printk.h>
#include <linux/smp.h>
#include <asm/nmi.h>

#include "../compat/crash.h"
#include "internal.h"

#define WAIT_US		200000		/* for the other CPUs */

bool vmx_dying;				/* for good */

static int crash_nmi(unsigned int type, struct pt_regs *regs)
{
	if (likely(!READ_ONCE(vmx_dying)))
		return NMI_DONE;
	return vmx_root_emergency_off() ? NMI_HANDLED : NMI_DONE;
}

static unsigned int count_on(void)
{
	unsigned int cpu, n = 0;

	for_each_online_cpu(cpu)
		n += vmx_root_is_on(cpu);
	return n;
}

/* Any context, even NMI; whatever the crashing CPU held is held no more than before. */
static void crash_off(void)
{
	unsigned int before, waited;
	unsigned long flags;

	if (xchg(&vmx_dying, true))
		return;
	before = count_on();
	if (!before)
		return;
	local_irq_save(flags);
	vmx_root_emergency_off();
	local_irq_restore(flags);
	if (count_on() && vh_nmi_others())
		for (waited = 0; count_on() && waited < WAIT_US; waited += 10)
			udelay(10);
	pr_emerg("vh: VMX is off on %u of %u CPUs\n", before - count_on(), before);
}

/**
 * vmx_crash_init - should the host die from now on, VMX goes off where it is on
 *
 * Module load.
 */
void vmx_crash_init(void)
{
	register_nmi_handler(NMI_LOCAL, crash_nmi, 0, "vh");
	vh_crash_hook(crash_off);
}

/**
 * vmx_crash_exit - undo vmx_crash_init()
 *
 * Module unload: VMX is off.
 */
void vmx_crash_exit(void)
{
	vh_crash_unhook();
	unregister_nmi_handler(NMI_LOCAL, "vh");
}
