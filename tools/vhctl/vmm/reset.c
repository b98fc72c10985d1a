// SPDX-License-Identifier: GPL-2.0-only
/* reset.c - the ways in which a PC resets itself: port 0xcf9, and the keyboard controller. */
#include "vmm/devices.h"
#include "vmm/vmm.h"

#define KBD_COMMAND	0x64
#define KBD_RESET	0xfe

static uint64_t nothing(void *line, uint64_t offset, int len)
{
	(void)line, (void)offset, (void)len;
	return ~0ULL;
}

static void control(void *line, uint64_t offset, int len, uint64_t value)
{
	(void)offset, (void)len;
	if (value & 4)
		line_set(line, true);
}

static void keyboard(void *line, uint64_t offset, int len, uint64_t value)
{
	(void)offset, (void)len;
	if ((uint8_t)value == KBD_RESET)
		line_set(line, true);
}

static const struct device_ops control_ops = { .read = nothing, .write = control };
static const struct device_ops keyboard_ops = { .read = nothing, .write = keyboard };

/**
 * reset_create - the reset register and the keyboard controller's reset
 * @b: the bus
 * @reset: rises when the guest asks for one
 */
void reset_create(struct bus *b, struct line *reset)
{
	bus_claim(b, BUS_PORTS, RESET_PORT, 1, &control_ops, reset);
	bus_claim(b, BUS_PORTS, KBD_COMMAND, 1, &keyboard_ops, reset);
}
