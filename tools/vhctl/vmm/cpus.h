/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cpus.h - vCPUs that come and go while the VM runs. ACPI tells the guest which to look at, and the guest ejects one that
 * it has let go of (acpi_devices.c has the methods).
 *
 * Each that there can be has its thread from the beginning, which sleeps while the vCPU is not there. The vCPU itself is
 * made by this thread when it is wanted for the first time, and stays: the kernel takes none back.
 */
#ifndef CPUS_H
#define CPUS_H

#include <stdbool.h>
#include <stdint.h>

struct json_object;
struct vmm;
struct vmm_vcpu;

/*
 * Registers of 32 bits. A bit for each vCPU, in two: those that are there; that have come, and are to be ejected, which
 * reads take. Then its number in the lowest byte: eject it; and what became of the wish, from bit 8 on.
 */
#define CPUS_PORT	0x660
enum { CPUS_PRESENT = 0, CPUS_ADDED = 8, CPUS_WANTED = 16, CPUS_EJECT = 24, CPUS_STATUS = 28, CPUS_SIZE = 32 };

void cpus_create(struct vmm *v);
bool cpus_absent(const struct vmm_vcpu *c);
bool cpus_park(struct vmm_vcpu *c);
void cpus_wake(struct vmm *v);
void cpus_command(struct vmm *v, struct json_object *request, struct json_object *answer);

#endif /* CPUS_H */
