// SPDX-License-Identifier: GPL-2.0-only
/* virtio_host.c - what of a VM the devices' tests have no kernel for: messages, limits. */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "quota.h"
#include "vhctl.h"
#include "vmm/hotplug.h"
#include "vmm/msi.h"

void msi_set(struct msi *m, bool on, uint64_t address, uint32_t data)
{
	(void)address, (void)data;
	m->connected = on;
}

bool msi_pending(const struct msi *m)
{
	return !m->connected;
}

/* memory.c: of memslots, which nobody makes here */
const char *limit_words(enum vh_resource resource, uint64_t more)
{
	(void)resource, (void)more;
	return "";
}

long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* msi.c, where a test does not count */
__attribute__((weak)) int msi_create(struct vmm *v, struct msi *m)
{
	*m = (struct msi){ .v = v, .fd = -1 };
	return 0;
}

__attribute__((weak)) void msi_signal(int fd)
{
	uint64_t one = 1;

	if (fd >= 0 && write(fd, &one, sizeof(one)) < 0)
		abort();
}

/* hotplug.c, where a test has none */
__attribute__((weak)) void hotplug_add(struct vmm *v, const char *kind, const char *what, struct virtio *d,
				       void (*remove)(struct virtio *d))
{
	(void)v, (void)kind, (void)what, (void)d, (void)remove;
}

__attribute__((weak)) bool hotplug_slot(const struct vmm *v, int slot)
{
	(void)v, (void)slot;
	return 0;
}

__attribute__((weak)) void msi_destroy(struct msi *m)
{
	(void)m;
}

__attribute__((weak)) void hotplug_leaves(void)
{
}

__attribute__((weak)) void hotplug_left(struct vmm *v)
{
	(void)v;
}
