/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SDM Vol. 3, 26.2 (interrupt window) and 27.7.5: with interrupt-window exiting and RFLAGS.IF set, the
 * guest is left at once; the HLT state is no hindrance, from HLT and on an entry into it.
 *
 * Bochs does not look for the window while a CPU halts. A hypervisor that halts its guest by the
 * activity state and asks for a window to inject something does not get it.
 */
#include "vmx.h"

void test(void)
{
	vm_make((struct controls){ .proc = PROC_WINDOW }, vmcall, RFLAGS_IF);
	vmwrite(ACTIVITY, 1);
	vm_run_to(REASON_WINDOW, "exit by the interrupt window in the HLT state");
}
