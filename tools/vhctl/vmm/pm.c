// SPDX-License-Identifier: GPL-2.0-only
/* pm.c - ACPI's PM1 registers (ACPI Specification 6.5, 4.8.3): power button, power-off. */
#include <stdlib.h>

#include "vmm/devices.h"
#include "vmm/vmm.h"

#define SLEEP_ENABLE	(1 << 13)
#define SCI_ENABLE	1
#define POWER_BUTTON	(1 << 8)	/* of the event registers */

enum { STATUS = 0, ENABLE = 2, CONTROL = PM_CONTROL_PORT - PM_EVENT_PORT, SIZE = CONTROL + 2 };

struct pm {
	uint16_t status, enable;
	struct line *sci, *off;
};

/* The SCI is level-triggered: it is there as long as an enabled event is. */
static void update_sci(struct pm *pm)
{
	line_set(pm->sci, pm->status & pm->enable);
}

bool pm_press(struct pm *pm)
{
	if (!(pm->enable & POWER_BUTTON))
		return false;
	pm->status |= POWER_BUTTON;
	update_sci(pm);
	return true;
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
	return pm;
}
