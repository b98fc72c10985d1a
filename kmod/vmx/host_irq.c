// SPDX-License-Identifier: GPL-2.0-only
/*
 * host_irq.c - interrupts of the host's that a VM exit has acknowledged.
 *
 * With posted interrupts the processor acknowledges whatever interrupt ends the
 * guest's run (SDM 27.2.1.1): it is in service, and nobody else will call its
 * handler. INT does, through the gate that the processor would have used.
 *
 * The handler has to find that interrupts were on where it came from: what it
 * leaves for its way out, as the kernel's high-resolution timers do since 7.2,
 * is done on a return to code that has them on. STI works one instruction late
 * (SDM Vol. 2, STI): nothing comes before INT.
 */
#include "../compat/compat.h"
#include "internal.h"

#define INT1(n)		case (n): asm volatile("sti; int %0" : : "i" (n) : "memory"); break;
#define INT4(n)		INT1(n) INT1((n) + 1) INT1((n) + 2) INT1((n) + 3)
#define INT16(n)	INT4(n) INT4((n) + 4) INT4((n) + 8) INT4((n) + 12)
#define INT64(n)	INT16(n) INT16((n) + 16) INT16((n) + 32) INT16((n) + 48)

/**
 * vmx_host_interrupt - run the host's handler of a vector
 * @vector: from the VM-exit interruption information
 *
 * Interrupts off, outside the window; others that wait may come behind it.
 * Hosts with FRED have no such gates: vmx_caps_init() refuses them.
 */
void vmx_host_interrupt(u8 vector)
{
	switch (vector) {
	INT16(32) INT16(48)
	INT64(64) INT64(128) INT64(192)
	}
	local_irq_disable();
}

/**
 * vmx_host_interrupts - run the host's handlers of all that is in service
 *
 * As vmx_host_interrupt(), when nobody can tell which vector the exit has
 * acknowledged, or whether it has: the exit's fields could not be read. No
 * handler is under way in process context, so what is in service waits for one.
 */
void vmx_host_interrupts(void)
{
	int vector, last = -1;

	/* A handler that does not end its interrupt would be called for ever. */
	while ((vector = vh_host_in_service()) >= 32 && vector != last) {
		vmx_host_interrupt(vector);
		last = vector;
	}
}
