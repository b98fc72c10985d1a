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

static void dying(void)
{
	void (*fn)(void) = READ_ONCE(on_dying);

	if (fn)
		fn();
}

static void stop_hook(int wait)
{
	dying();
	stop_others(wait);
}

static void crash_stop_hook(void)
{
	dying();
	crash_stop_others();
}

static void dump(enum kmsg_dump_reason reason)
{
	if (reason == KMSG_DUMP_EMERG || reason == KMSG_DUMP_PANIC)
		dying();
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

void vh_crash_hook(void (*fn)(void))
{
	WRITE_ONCE(on_dying, fn);
	stop_others = smp_ops.stop_other_cpus;
	crash_stop_others = smp_ops.crash_stop_other_cpus;
	/* Not before the originals can be seen. */
	smp_wmb();
	WRITE_ONCE(smp_ops.stop_other_cpus, stop_hook);
	if (crash_stop_others)
		WRITE_ONCE(smp_ops.crash_stop_other_cpus, crash_stop_hook);
	kmsg_dump_register(&dumper);
}

void vh_crash_unhook(void)
{
	kmsg_dump_unregister(&dumper);
	/* Whoever came after us keeps a way through: the hooks then do nothing but go on. */
	cmpxchg(&smp_ops.stop_other_cpus, stop_hook, stop_others);
	cmpxchg(&smp_ops.crash_stop_other_cpus, crash_stop_hook, crash_stop_others);
	WRITE_ONCE(on_dying, NULL);
}

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
