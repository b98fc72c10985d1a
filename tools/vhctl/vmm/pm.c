// SPDX-License-Identifier: GPL-2.0-only
/*
 * pm.c - ACPI's PM1 registers (ACPI Specification 6.5, 4.8.3): power button, power-off; and a block of
 * general-purpose events (4.8.4.1), by which devices tell the guest that there is something to look at.
 */
#include <stdlib.h>

#include "vmm/devices.h"
#include "vmm/vmm.h"

#define SLEEP_ENABLE	(1 << 13)
#define SCI_ENABLE	1
#define POWER_BUTTON	(1 << 8)	/* of the event registers */

enum { STATUS = 0, ENABLE = 2, CONTROL = PM_CONTROL_PORT - PM_EVENT_PORT, SIZE = CONTROL + 2 };

struct pm {
	uint16_t status, enable;
	uint8_t gpe_status[GPE_BYTES], gpe_enable[GPE_BYTES];
	struct line *sci, *off;
};

/* The SCI is level-triggered: it is there as long as an enabled event is. */
static void update_sci(struct pm *pm)
{
	bool level = pm->status & pm->enable;

	for (int i = 0; i < GPE_BYTES; i++)
		level |= (pm->gpe_status[i] & pm->gpe_enable[i]) != 0;
	line_set(pm->sci, level);
}

bool pm_press(struct pm *pm)
{
	if (!(pm->enable & POWER_BUTTON))
		return false;
	pm->status |= POWER_BUTTON;
	update_sci(pm);
	return true;
}

void pm_event(struct pm *pm, int gpe)
{
	pm->gpe_status[gpe / 8] |= 1 << gpe % 8;
	update_sci(pm);
}

static uint64_t pm_read(void *device, uint64_t offset, int len)
{
	struct pm *pm = device;

	(void)len;
	switch (offset) {
	case STATUS:
		return pm->status;
	case ENABLE:
		return pm->enable;
	case CONTROL:
		return SCI_ENABLE;
	}
	return ~0ULL;
}

static void pm_write(void *device, uint64_t offset, int len, uint64_t value)
{
	struct pm *pm = device;

	(void)len;
	switch (offset) {
	case STATUS:
		pm->status &= ~value;	/* what is written as 1 is cleared */
		update_sci(pm);
		break;
	case ENABLE:
		pm->enable = value;
		update_sci(pm);
		break;
	case CONTROL:
		if ((value & SLEEP_ENABLE) && ((value >> 10) & 7) == SLEEP_TYPE_S5)
			line_set(pm->off, true);
		break;
	}
}

static const struct device_ops ops = { .read = pm_read, .write = pm_write };

/* Status and then enable bits, a byte each eight. */
static uint64_t gpe_read(void *device, uint64_t offset, int len)
{
	struct pm *pm = device;
	uint64_t value = 0;

	for (int i = len; i--; ) {
		uint64_t at = offset + i;

		value <<= 8;
		if (at < GPE_BYTES)
			value |= pm->gpe_status[at];
		else if (at < 2 * GPE_BYTES)
			value |= pm->gpe_enable[at - GPE_BYTES];
	}
	return value;
}

static void gpe_write(void *device, uint64_t offset, int len, uint64_t value)
{
	struct pm *pm = device;

	for (uint64_t at = offset; len--; at++, value >>= 8) {
		if (at < GPE_BYTES)
			pm->gpe_status[at] &= ~value;
		else if (at < 2 * GPE_BYTES)
			pm->gpe_enable[at - GPE_BYTES] = value;
	}
	update_sci(pm);
}

static const struct device_ops gpe_ops = { .read = gpe_read, .write = gpe_write };

/**
 * pm_create - the registers that acpi.c tells the guest of
 * @b: the bus
 * @port: the first of them
 * @sci: the system control interrupt
 * @off: rises when the guest powers off
 */
struct pm *pm_create(struct bus *b, uint16_t port, struct line *sci, struct line *off)
{
	struct pm *pm = calloc(1, sizeof(*pm));

	if (!pm)
		abort();
	pm->sci = sci;
	pm->off = off;
	bus_claim(b, BUS_PORTS, port, SIZE, &ops, pm);
	bus_claim(b, BUS_PORTS, GPE_PORT, 2 * GPE_BYTES, &gpe_ops, pm);
	return pm;
}
