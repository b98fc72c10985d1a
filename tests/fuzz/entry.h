/* SPDX-License-Identifier: GPL-2.0-only */
/* What VM entry refuses (SDM Vol. 3, 27.3.1), of a state as the ioctls tell it. */
#ifndef VH_TESTS_ENTRY_H
#define VH_TESTS_ENTRY_H

#include <stdbool.h>
#include <linux/kvm.h>

/**
 * entry_refused() - why VM entry must refuse a state that the device may accept
 * @s: sregs
 * @r: regs
 *
 * Only what no single SET ioctl can know is looked at, and what KVM leaves to
 * VM entry too: that segments fit each other, the mode and RFLAGS.VM, and that
 * RIP fits the mode. All else the device has to refuse or to put right.
 *
 * Return: the rule that is broken, or NULL.
 */
const char *entry_refused(const struct kvm_sregs *s, const struct kvm_regs *r);

#endif
