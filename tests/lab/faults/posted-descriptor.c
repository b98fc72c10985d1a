/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SDM Vol. 3, 27.2.1.1: of the posted-interrupt descriptor's address, bits 5:0 have to be 0, and no
 * bit beyond the physical-address width may be set. It is 64 bytes large (30.6); nothing asks for a
 * page of its own.
 *
 * Bochs 3.0 asks for a page: every entry with a descriptor elsewhere fails with VM-instruction error
 * 7. A hypervisor that keeps the descriptor in a structure of its own never gets into its guest.
 */
#include "vmx.h"

static u8 descriptors[PAGE] __page;

void test(void)
{
	static const u16 offsets[] = { 0, 64, 0xfc0 };

	vm_make((struct controls){ .pin = PIN_EXTERNAL | PIN_POSTED, .proc = PROC_TPR_SHADOW,
				   .proc2 = PROC2_DELIVERY, .exit = EXIT_ACK }, vmcall, 0);
	vmwrite(NOTIFICATION_VECTOR, 0xf2);
	for (u32 i = 0; i < 3; i++) {
		vmwrite(POSTED_DESCRIPTOR, (u64)descriptors + offsets[i]);
		vm_run_to(REASON_VMCALL, "VMCALL");
	}
}
