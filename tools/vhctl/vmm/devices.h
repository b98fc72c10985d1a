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
/* rtc.c: a clock at 0x70; its thread: 0, or -1, told */
struct rtc;
struct rtc *rtc_create(struct bus *b, struct line *irq);
int rtc_start(struct vmm *v, struct rtc *r);
/* reset.c: the reset control register, and the keyboard controller's reset */
void reset_create(struct bus *b, struct line *reset);

/* pm.c: ACPI's fixed power-management registers at @port; @off: the guest powered off */
struct pm;
struct pm *pm_create(struct bus *b, uint16_t port, struct line *sci, struct line *off);
/* Press the power button; false: the guest does not listen to it. bus->lock held. */
bool pm_press(struct pm *pm);

/* A general-purpose event. bus->lock held. */
void pm_event(struct pm *pm, int gpe);

/* pvpanic.c: at PVPANIC_PORT; @panic: rises when the guest's kernel panics */
void pvpanic_create(struct bus *b, struct line *panic);

/* generation.c: a number of the VM's, another one when it goes on as a copy of itself, at GPA_GENERATION */
#define GPA_GENERATION	0xfeffb000ULL
int generation_create(struct vmm *v);
/* Another number, and the guest is told. bus->lock held. 0, or -1, told. */
int generation_change(struct vmm *v);
/* The control socket's command: generation_change(). */
struct json_object;
void generation_command(struct vmm *v, struct json_object *request, struct json_object *answer);

/* watchdog.c: registers of 32 bits at WATCHDOG_PORT; acpi_devices.c tells the guest of them */
#define WATCHDOG_PORT	0x630
#define WATCHDOG_TICK_MS	100
#define WATCHDOG_MIN_TICKS	10
#define WATCHDOG_MAX_TICKS	36000
enum { WATCHDOG_RUNNING = 0, WATCHDOG_PERIOD = 4, WATCHDOG_LEFT = 8, WATCHDOG_RELOAD = 12, WATCHDOG_SIZE = 16 };
int watchdog_create(struct vmm *v);
void watchdog_finish(void);

/* hvc.c: a console on PCI. 0, or -1, told */
int hvc_create(struct vmm *v, struct channel *channel);
void hvc_finish(void);
void hvc_resize(struct vmm *v, uint16_t rows, uint16_t cols);
void hvc_command(struct vmm *v, struct json_object *request, struct json_object *answer);

/* rng.c, blk.c, net.c, vsock.c: on PCI. 0, or -1, told */
int rng_create(struct vmm *v);
int blk_create(struct vmm *v, const struct disk_config *cfg);
int net_create(struct vmm *v, const struct net_config *cfg);
int vsock_create(struct vmm *v, uint32_t cid);
/* vCPUs have ended: so do disks and networks. */
void blk_finish(struct vmm *v);
void nets_finish(struct vmm *v);

#endif /* DEVICES_H */
