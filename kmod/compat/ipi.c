// SPDX-License-Identifier: GPL-2.0-only
/* ipi.c - the reschedule interrupt; newer kernels trace it where it is sent. */
#include <linux/smp.h>
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
