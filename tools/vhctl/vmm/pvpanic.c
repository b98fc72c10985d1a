// SPDX-License-Identifier: GPL-2.0-only
/* pvpanic.c - a port by which a kernel tells that it has panicked (QEMU's docs/specs/pvpanic). */
#include <misc/pvpanic.h>

#include "vhctl.h"
#include "vmm/devices.h"
#include "vmm/vmm.h"

/* Which events can be told. */
static uint64_t events(void *line, uint64_t offset, int len)
{
	(void)line, (void)offset, (void)len;
	return PVPANIC_PANICKED | PVPANIC_CRASH_LOADED;
}

static void told(void *line, uint64_t offset, int len, uint64_t value)
{
	static int complaints;

	(void)offset, (void)len;
	if (value & PVPANIC_PANICKED)
		line_set(line, true);
	else if (value & PVPANIC_CRASH_LOADED && may_complain(&complaints))
		error("the guest panicked, and its crash kernel takes over");
}

static const struct device_ops ops = { .read = events, .write = told };

/**
 * pvpanic_create - the port
 * @b: the bus
 * @panic: rises when the guest's kernel panics and nobody in the guest takes care of it
 */
void pvpanic_create(struct bus *b, struct line *panic)
{
	bus_claim(b, BUS_PORTS, PVPANIC_PORT, 1, &ops, panic);
}
