/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LINUX_PERCPU_H
#define SHIM_LINUX_PERCPU_H

/* The CPU that the program plays. */
#define SHIM_CPUS 2
extern int shim_cpu;
#define smp_processor_id() shim_cpu
#define DEFINE_PER_CPU(type, name) type name[SHIM_CPUS]
#define per_cpu(name, cpu) name[cpu]
#define per_cpu_ptr(p, cpu) ((p) + (cpu))
#define alloc_percpu(type) ((type *)calloc(SHIM_CPUS, sizeof(type)))
#define free_percpu(p) free(p)
#define for_each_possible_cpu(cpu) for ((cpu) = 0; (cpu) < SHIM_CPUS; (cpu)++)
#define for_each_online_cpu(cpu) for_each_possible_cpu(cpu)

#endif
