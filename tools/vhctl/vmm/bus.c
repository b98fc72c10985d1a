// SPDX-License-Identifier: GPL-2.0-only
/* bus.c - from an address to the device that claimed it. */
#include <stdlib.h>
#include <string.h>

#include "vmm/bus.h"

/**
 * bus_init - a bus without devices
 * @b: the bus
 */
void bus_init(struct bus *b)
{
	*b = (struct bus){ 0 };
	pthread_mutex_init(&b->lock, NULL);
}

static struct bus_range *find(const struct bus *b, enum bus_space space, uint64_t at)
{
	for (int i = 0; i < b->ranges[space]; i++) {
		struct bus_range *r = &b->range[space][i];

		if (at - r->first < r->n)
			return r;
	}
	return NULL;
}

/**
 * bus_claim - a range is a device's
 * @b: the bus
 * @space: ports or addresses
 * @first: the first
 * @n: how many
 * @ops: its functions
 * @device: for them
 *
 * Before vCPUs run. Two devices at one place are a mistake in the program, and end it.
 */
void bus_claim(struct bus *b, enum bus_space space, uint64_t first, uint64_t n,
	       const struct device_ops *ops, void *device)
{
	int count = b->ranges[space];
	struct bus_range *r = realloc(b->range[space], (count + 1) * sizeof(*r));

	if (!r)
		abort();
	b->range[space] = r;
	for (int i = 0; i < count; i++)
		if (first < r[i].first + r[i].n && r[i].first < first + n)
			abort();
	r[count] = (struct bus_range){ first, n, ops, device };
	b->ranges[space]++;
}

/**
 * bus_access - what a guest does to a port or an address that is not memory
 * @b: the bus; its lock is not held
 * @space: ports or addresses
 * @at: where
 * @data: from or to
 * @len: 1, 2, 4 or 8 bytes
 * @write: direction
 *
 * Where there is no device reads give ones, as on a PC's bus.
 */
void bus_access(struct bus *b, enum bus_space space, uint64_t at, void *data, int len, bool write)
{
	const struct bus_range *r = find(b, space, at);
	uint64_t value = 0;

	if (!r) {
		if (!write)
			memset(data, 0xff, len);
		return;
	}
	pthread_mutex_lock(&b->lock);
	if (write) {
		memcpy(&value, data, len);
		r->ops->write(r->device, at - r->first, len, value);
	} else {
		value = r->ops->read(r->device, at - r->first, len);
		memcpy(data, &value, len);
	}
	pthread_mutex_unlock(&b->lock);
}
