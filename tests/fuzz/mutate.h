/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef VH_TESTS_MUTATE_H
#define VH_TESTS_MUTATE_H

#include <linux/kvm.h>

/* One change at random, to something legal or not. */
void mutate_sregs(struct kvm_sregs *s);

#endif
