// SPDX-License-Identifier: GPL-2.0-only
/*
 * ipi.c - interrupts to other CPUs: the reschedule interrupt, which newer kernels
 * trace where it is sent, and the notification of posted interrupts, whose
 * vector the kernel sets aside for KVM and leaves without effect on the host.
 */
#include <linux/smp.h>
#include <asm/apic.h>
#include <asm/irq_vectors.h>
#include <trace/events/ipi.h>

#include "compat.h"

/**
 * vh_kick_cpu - interrupt another CPU
 * @cpu: it
 */
void vh_kick_cpu(int cpu)
{
	smp_send_reschedule(cpu);
}

#if defined(VH_HAVE_APIC) && defined(POSTED_INTR_VECTOR) && IS_ENABLED(CONFIG_KVM)
/**
 * vh_notify_vector - vector of the notification, or -1 where there is none
 */
int vh_notify_vector(void)
{
	return POSTED_INTR_VECTOR;
}

/**
 * vh_notify_cpu - send the notification to another CPU
 * @cpu: it
 *
 * Preemption off. A guest that runs there, whosever it is, takes what is posted
 * to it; the host takes no notice.
 */
void vh_notify_cpu(int cpu)
{
	apic->send_IPI(cpu, POSTED_INTR_VECTOR);
}

/**
 * vh_host_in_service - the highest vector in service in this CPU's own APIC, or -1
 *
 * Interrupts off. -1 also where the APIC cannot be asked.
 */
int vh_host_in_service(void)
{
	int i;

	for (i = 7; i >= 0; i--) {
		u32 word = apic->read(APIC_ISR + i * 0x10);

		if (word)
			return i * 32 + __fls(word);
	}
	return -1;
}
#else
int vh_notify_vector(void)
{
	return -1;
}

void vh_notify_cpu(int cpu)
{
	vh_kick_cpu(cpu);
}

int vh_host_in_service(void)
{
	return -1;
}
#endif
