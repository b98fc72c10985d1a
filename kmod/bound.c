// SPDX-License-Identifier: GPL-2.0-only
/* bound.c - debug build: the longest times of bound.h, and whether they are too long. */
#include <linux/atomic.h>
#include <linux/hardirq.h>
#include <linux/kernel_stat.h>
#include <linux/percpu.h>
#include <asm/msr.h>

#include "bound.h"
#include "vh.h"

static const struct { const char *name; u64 limit; } bounds[VH_NR_BOUNDS] = {
	[VH_BOUND_WINDOW]		= { "window", 100000 },
	[VH_BOUND_TIMER]		= { "timer", 8000 },
	[VH_BOUND_PIC]			= { "PIC", 8000 },
	[VH_BOUND_IOAPIC]		= { "IOAPIC", 16000 },
	[VH_BOUND_PIT]			= { "PIT", 12000 },
	[VH_BOUND_CLOCK]		= { "clock", 4000 },
	[VH_BOUND_REGISTRY_READ]	= { "registry, read", 30000 },
	[VH_BOUND_REGISTRY_WRITE]	= { "registry, written", 30000 },
	[VH_BOUND_GROUPS]		= { "groups", 24000 },
	[VH_BOUND_USERS]		= { "users", 16000 },
	[VH_BOUND_EVENTS]		= { "events", 8000 },
	[VH_BOUND_EVENTFDS]		= { "eventfds", 8000 },
	[VH_BOUND_IRQFDS]		= { "irqfds", 60000 },
	[VH_BOUND_MMU]			= { "mmu.lock", 2000000 },
};

struct span { u64 since; unsigned long irqs; };
static DEFINE_PER_CPU(struct span, spans[VH_NR_BOUNDS]);
static atomic64_t longest[VH_NR_BOUNDS];
static unsigned long reported;

/* Interrupts of this CPU so far. */
static unsigned long irqs(void)
{
	unsigned long n = __this_cpu_read(kstat.irqs_sum) + __this_cpu_read(irq_stat.apic_timer_irqs) +
			  __this_cpu_read(irq_stat.apic_irq_work_irqs);

#ifdef CONFIG_SMP
	n += __this_cpu_read(irq_stat.irq_resched_count) + __this_cpu_read(irq_stat.irq_call_count);
#endif
	return n;
}

/**
 * vh_bound_begin - something begins that must not take long
 * @b: what
 *
 * Preemption off: on PREEMPT_RT, where locks do not see to that, nothing is measured.
 */
void vh_bound_begin(enum vh_bound b)
{
	struct span *s;

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return;
	s = this_cpu_ptr(&spans[b]);
	s->irqs = irqs();
	s->since = rdtsc();
}

/**
 * vh_bound_end - it is over
 * @b: what
 */
void vh_bound_end(enum vh_bound b)
{
	u64 took = rdtsc(), was;
	const struct span *s;

	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		return;
	s = this_cpu_ptr(&spans[b]);
	took -= s->since;
	if (s->irqs != irqs())
		return;
	was = atomic64_read(&longest[b]);
	while (took > was) {
		u64 now = atomic64_cmpxchg(&longest[b], was, took);

		if (now == was)
			break;
		was = now;
	}
	/* A kernel that looks for errors at every access is several times slower. */
	if (took > bounds[b].limit && !IS_ENABLED(CONFIG_KASAN) && !test_and_set_bit(b, &reported))
		vh_err("BUG: %s: %llu ticks, %llu at most\n", bounds[b].name, took, bounds[b].limit);
}

/**
 * vh_bounds_report - the longest of each, to the log
 *
 * Module unload.
 */
void vh_bounds_report(void)
{
	unsigned int b;

	for (b = 0; b < VH_NR_BOUNDS; b++)
		vh_info("bound: %s: %llu ticks of %llu\n", bounds[b].name,
			(u64)atomic64_read(&longest[b]), bounds[b].limit);
}
