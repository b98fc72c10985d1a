/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hotplug.h - PCI devices that come and go while the VM runs. ACPI tells the guest which slots to look at,
 * and the guest ejects a device when it has let go of it (acpi_devices.c has the methods).
 */
#ifndef HOTPLUG_H
#define HOTPLUG_H

#include <stdbool.h>
#include <stdint.h>

struct json_object;
struct virtio;
struct vmm;
struct vmm_config;

/* Registers of 32 bits: slots, a bit each, that are to be looked at, and are to be ejected; reads take them. */
#define HOTPLUG_PORT	0x640
enum { HOTPLUG_ADDED = 0, HOTPLUG_WANTED = 4, HOTPLUG_EJECT = 8, HOTPLUG_STATUS = 12, HOTPLUG_SIZE = 16 };

void hotplug_create(struct vmm *v);
bool hotplug_slot(const struct vmm *v, int slot);
void hotplug_add(struct vmm *v, const char *kind, const char *what, struct virtio *d, void (*remove)(struct virtio *d));
/* What was ejected is to be given back, and has been; bus.lock. */
void hotplug_leaves(void);
void hotplug_left(struct vmm *v);
/* The network that "device-add" asks for; its options, and ports. False, told. */
bool hotplug_net_options(struct json_object *request, struct vmm_config *c);
void hotplug_add_command(struct vmm *v, struct json_object *request, struct json_object *answer);
void hotplug_remove_command(struct vmm *v, struct json_object *request, struct json_object *answer);
void hotplug_list_command(struct vmm *v, struct json_object *request, struct json_object *answer);

#endif /* HOTPLUG_H */
