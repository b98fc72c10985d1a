/* SPDX-License-Identifier: GPL-2.0-only */
/* crash.h - being called when the host dies, where the kernel has no hook for a second owner of VMX. */
#ifndef VH_COMPAT_CRASH_H
#define VH_COMPAT_CRASH_H

#include <linux/types.h>

/* Process context. @dying: the other CPUs are about to be stopped, or the machine to be reset. */
void vh_crash_hook(void (*dying)(void));
void vh_crash_unhook(void);
/* Any context: an NMI to every other CPU; false: this kernel does not let modules. */
bool vh_nmi_others(void);

#endif /* VH_COMPAT_CRASH_H */
