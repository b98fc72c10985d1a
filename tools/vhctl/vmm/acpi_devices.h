/* SPDX-License-Identifier: GPL-2.0-only */
/* acpi_devices.h - what a guest finds its small devices by. */
#ifndef ACPI_DEVICES_H
#define ACPI_DEVICES_H

#include <stddef.h>
#include <stdint.h>

struct vmm;

void acpi_put_devices(struct vmm *v, uint8_t **at);
size_t acpi_put_watchdog(uint8_t *at);

#endif /* ACPI_DEVICES_H */
