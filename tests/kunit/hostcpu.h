/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hostcpu.h - included before all else where kmod/cpu/cpuid.c is compiled for its suite: the processor
 * is what the test says.
 */
#ifndef VH_KUNIT_HOSTCPU_H
#define VH_KUNIT_HOSTCPU_H

#include <asm/processor.h>

void shim_cpuid(u32 function, u32 index, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx);

/* what the kernel keeps of it */
extern struct cpuinfo_x86 shim_cpu;

#define boot_cpu_data	shim_cpu
#define cpuid_count(f, i, a, b, c, d)	shim_cpuid(f, i, a, b, c, d)

#endif
