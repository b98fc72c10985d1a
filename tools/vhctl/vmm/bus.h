/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bus.h - where devices are, and what they have to do with the world.
 *
 * A device claims ranges of ports or of guest-physical addresses and is asked for accesses there. It
 * drives lines (an interrupt, power-off, reset) and may have a byte channel; it knows who is behind
 * none of them, and no other device.
 */
#ifndef BUS_H
#define BUS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bus_space { BUS_PORTS, BUS_MEMORY, BUS_SPACES };

/**
 * struct device_ops - accesses to a range that a device claimed
 * @read: @len bytes (1, 2, 4 or 8) at @offset of the range; ones where there is nothing
 * @write: the same
 *
 * bus->lock is held.
 */
struct device_ops {
	uint64_t (*read)(void *device, uint64_t offset, int len);
	void (*write)(void *device, uint64_t offset, int len, uint64_t value);
};

/**
 * struct bus - ports and addresses of a VM's devices
 */
struct bus {
	pthread_mutex_t lock;		/* state of all devices, and both ends of their channels */
	struct bus_range {
		uint64_t first, n;
		const struct device_ops *ops;
		void *device;
	} *range[BUS_SPACES];		/* const once vCPUs run */
	int ranges[BUS_SPACES];
};

void bus_init(struct bus *b);
void bus_claim(struct bus *b, enum bus_space space, uint64_t first, uint64_t n,
	       const struct device_ops *ops, void *device);
void bus_access(struct bus *b, enum bus_space space, uint64_t at, void *data, int len, bool write);

/**
 * struct line - a wire out of a device
 * @set: told of the level, changed or not; bus->lock is held
 */
struct line {
	void (*set)(struct line *l, bool level);
};

static inline void line_set(struct line *l, bool level)
{
	l->set(l, level);
}

/**
 * struct channel - bytes between a device and what is outside of the VM; bus->lock
 * @device: the device, for its functions
 * @room: how many bytes the device would take; asked for none, it tells by @drained when it takes some
 * @input: so many bytes for it
 * @output: a byte from it
 * @full: the next one would be lost; then it is told by @writable when none would be
 * @drained: it has room again
 * @open: the guest takes input from it; NULL: always
 * @writable: there is room outside again; NULL: it looks itself
 *
 * The device fills in the first three and the last two, who is outside the others.
 */
struct channel {
	void *device;
	size_t (*room)(void *device);
	void (*input)(void *device, const uint8_t *data, size_t n);
	void (*output)(uint8_t byte);
	bool (*full)(void);
	void (*drained)(void);
	bool (*open)(void *device);
	void (*writable)(void *device);
};

#endif /* BUS_H */
