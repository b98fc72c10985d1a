// SPDX-License-Identifier: GPL-2.0-only
/*
 * host_irq.c - interrupts of the host's that a VM exit has acknowledged.
 *
 * With posted interrupts the processor acknowledges whatever interrupt ends the
 * guest's run (SDM 27.2.1.1): it is in service, and nobody else will call its
 * handler. INT does, through the gate that the processor would have used.
 */
#include "../compat/compat.h"
#include "internal.h"

#define INT1(n)		case (n): asm volatile("int %0" : : "i" (n) : "memory"); break;
#define INT4(n)		INT1(n) INT1((n) + 1) INT1((n) + 2) INT1((n) + 3)
#define INT16(n)	INT4(n) INT4((n) + 4) INT4((n) + 8) INT4((n) + 12)
#define INT64(n)	INT16(n) INT16((n) + 16) INT16((n) + 32) INT16((n) + 48)

/**
 * vmx_host_interrupt - run the host's handler of a vector
 * @vector: from the VM-exit interruption information
 *
 * Interrupts off, outside the window. Hosts with FRED have no such gates:
 * vmx_caps_init() refuses them.
 */
void vmx_host_interrupt(u8 vector)
{
	switch (vector) {
	INT16(32) INT16(48)
	INT64(64) INT64(128) INT64(192)
	}
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
