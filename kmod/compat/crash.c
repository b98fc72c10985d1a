// SPDX-License-Identifier: GPL-2.0-only
/*
 * crash.c - a module learns that the host dies, before its other CPUs are stopped.
 *
 * What the kernel offers for that, cpu_emergency_register_virt_callback(), has
 * room for one owner of VMX, warns when there is a second, and is KVM's. The
 * panic notifiers come after the CPUs were stopped, and before kdump not at
 * all. What is called in time:
 *
 *   smp_ops.crash_stop_other_cpus	kdump
 *   smp_ops.stop_other_cpus		panic without kdump, halt, power-off
 *   kmsg dumpers			emergency_restart() (sysrq b, panic=)
 */
#include <linux/kmsg_dump.h>
#include <linux/smp.h>
#include <asm/apic.h>
#include <asm/irq_vectors.h>
#include <asm/smp.h>

#include "compat/probed.h"
#include "crash.h"

#if defined(VH_HAVE_SMP_OPS) && defined(VH_HAVE_APIC)

static void (*on_dying)(void);
static void (*stop_others)(int wait);
static void (*crash_stop_others)(void);

static void stop_hook(int wait)
{
	on_dying();
	stop_others(wait);
}

static void crash_stop_hook(void)
{
	on_dying();
	crash_stop_others();
}

static void dump(enum kmsg_dump_reason reason)
{
	if (reason == KMSG_DUMP_EMERG || reason == KMSG_DUMP_PANIC)
		on_dying();
}

#ifdef VH_HAVE_KMSG_DUMP_DETAIL
static void dump_fn(struct kmsg_dumper *dumper, struct kmsg_dump_detail *detail)
{
	dump(detail->reason);
}
#else
static void dump_fn(struct kmsg_dumper *dumper, enum kmsg_dump_reason reason)
{
	dump(reason);
}
#endif

static struct kmsg_dumper dumper = { .dump = dump_fn, .max_reason = KMSG_DUMP_EMERG };

/**
 * vh_crash_hook - have @fn called when the host dies
 * @fn: any context; VMX has to be off on all CPUs when it returns. May be called twice
 *
 * Process context. There is one user.
 */
void vh_crash_hook(void (*fn)(void))
{
	on_dying = fn;
	stop_others = smp_ops.stop_other_cpus;
	crash_stop_others = smp_ops.crash_stop_other_cpus;
	/* The hooks are not seen before what they need. */
	smp_wmb();
	WRITE_ONCE(smp_ops.stop_other_cpus, stop_hook);
	if (crash_stop_others)
		WRITE_ONCE(smp_ops.crash_stop_other_cpus, crash_stop_hook);
	kmsg_dump_register(&dumper);
}

/**
 * vh_crash_unhook - and no more
 *
 * Process context.
 */
void vh_crash_unhook(void)
{
	kmsg_dump_unregister(&dumper);
	WRITE_ONCE(smp_ops.stop_other_cpus, stop_others);
	WRITE_ONCE(smp_ops.crash_stop_other_cpus, crash_stop_others);
}

/**
 * vh_nmi_others - an NMI to every other CPU
 *
 * Any context. False: this kernel does not let modules.
 */
bool vh_nmi_others(void)
{
	if (num_online_cpus() > 1)
		apic->send_IPI_allbutself(NMI_VECTOR);
	return true;
}

#else

void vh_crash_hook(void (*fn)(void))
{
}

void vh_crash_unhook(void)
{
}

bool vh_nmi_others(void)
{
	return false;
}

#endif
