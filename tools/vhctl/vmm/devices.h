/* SPDX-License-Identifier: GPL-2.0-only */
/* devices.h - the devices that there are; each is in a file of its own. */
#ifndef DEVICES_H
#define DEVICES_H

#include "vmm/bus.h"

struct disk_config;
struct net_config;
struct vmm;

/* serial.c: a 16550A at @port */
void serial_create(struct bus *b, uint16_t port, struct line *irq, struct channel *channel);
/* rtc.c: a clock at 0x70 */
void rtc_create(struct bus *b);
/* reset.c: the reset control register, and the keyboard controller's reset */
void reset_create(struct bus *b, struct line *reset);

/* pm.c: ACPI's fixed power-management registers at @port; @off: the guest powered off */
struct pm;
struct pm *pm_create(struct bus *b, uint16_t port, struct line *sci, struct line *off);
/* Press the power button; false: the guest does not listen to it. bus->lock held. */
bool pm_press(struct pm *pm);

/* rng.c, blk.c, net.c, vsock.c: on PCI. 0, or -1, told */
int rng_create(struct vmm *v);
int blk_create(struct vmm *v, const struct disk_config *cfg);
int net_create(struct vmm *v, const struct net_config *cfg, int index);
int vsock_create(struct vmm *v, uint32_t cid);
/* vCPUs have ended: so do disks and networks. */
void blk_finish(struct vmm *v);
void nets_finish(struct vmm *v);

#endif /* DEVICES_H */
