/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vmx.h - what vmx/ promises to the rest of the module.
 *
 *   caps.c      capability MSRs, read once, the same on every CPU
 *   root.c      VMX operation on each CPU: whose, on demand, hotplug, suspend, reboot
 *   beside.c    VMX operation for one window, where it is KVM's
 *   vmcs.c      a vCPU's VMCS: life cycle, controls, which CPU it is active on
 *   exchange.c  struct vh_cpu_state <-> VMCS
 *   window.c    interrupts off: VMPTRLD, entry, exit, the reads that it asks for
 *   fast.c      exits that are finished inside the window
 *   crash.c     VMX off when the host dies
 *   pml.c       page-modification log: on and off, to the bitmaps
 *   mitigate.c  processor weaknesses: decisions, flushes, barriers
 *   weakness.c  and what is told about them
 *   enter.S     VMLAUNCH/VMRESUME
 *   witness.c   debug build: what must hold at entries, and of the host's state
 *   active.c    debug build: which VMCS is current and active where
 */
#ifndef VH_VMX_H
#define VH_VMX_H

#include <linux/list.h>
#include <linux/types.h>

#include "../kick.h"

/* Process context. Count a VM: VMX on for the first, off after the last. */
int vh_root_get(void);
void vh_root_put(void);
/* Module load and unload; load only checks that VMX exists and what it can do. */
int vh_vmx_init(void);
void vh_vmx_exit(void);

/* A vCPU's VMCS; process context. */
int vh_vmx_create(struct vh_vcpu *vcpu);
void vh_vmx_destroy(struct vh_vcpu *vcpu);

/*
 * The section around windows: preemption off (vh_fpu_enter() did it),
 * interrupts on. load makes the VMCS this CPU's and puts the guest's syscall
 * MSRs in place, unload takes the latter back.
 */
void vh_vmx_load(struct vh_vcpu *vcpu);
void vh_vmx_unload(struct vh_vcpu *vcpu);

/* What a window ended with. */
enum vh_window {
	VH_WIN_EXIT,		/* vcpu->exit is for the slow path */
	VH_WIN_AGAIN,		/* nothing left to do: enter again after interrupts were on */
	VH_WIN_BREAK,		/* a request, a signal or a reschedule is due */
	VH_WIN_NO_ROOT,		/* this CPU is not in VMX operation (hotplug, suspend): try elsewhere */
	VH_WIN_FAILED,		/* VM entry failed: exit.reason, exit.fail_code */
	VH_WIN_LOST,		/* a VMX instruction failed that cannot: the VM ends */
};
enum vh_window vh_window_run(struct vh_vcpu *vcpu);

#endif /* VH_VMX_H */
