// SPDX-License-Identifier: GPL-2.0-only
/* test_vhost.c - what vhctl's VMM tells kernel backends of memory: all that a guest can name in a queue. */
#include <linux/vhost.h>
#include <stdarg.h>
#include <string.h>

#include "tap.h"
#include "vhctl.h"
#include "vmm/region.h"
#include "vmm/vhost.h"
#include "vmm/vmm.h"

#define ROOM	64

static struct vhost_memory_region table[ROOM];
static unsigned int regions, told;

int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	const struct vhost_memory *m;
	va_list ap;

	(void)fd;
	va_start(ap, request);
	m = va_arg(ap, void *);
	va_end(ap);
	if (request != VHOST_SET_MEM_TABLE)
		return 0;
	regions = m->nregions;
	told++;
	if (regions > 64)		/* as the kernel has it */
		return -1;
	memcpy(table, m->regions, (regions < ROOM ? regions : ROOM) * sizeof(*table));
	return 0;
}

void error(const char *fmt, ...)
{
	(void)fmt;
}

void virtio_broken(struct virtio *d, const char *why)
{
	(void)d, (void)why;
}

void watch_on(struct watch *w)
{
	(void)w;
}

void watch_off(struct watch *w)
{
	(void)w;
}

static bool has(unsigned int i, uint64_t gpa, uint64_t size, void *at)
{
	return i < regions && table[i].guest_phys_addr == gpa && table[i].memory_size == size &&
	       table[i].userspace_addr == (uintptr_t)at;
}

int main(void)
{
	static uint8_t low[1], high[1], area[VMM_MAX_AREAS];
	static struct vmm v = { .low = low, .low_size = 64 << 20 };
	static struct virtio d = { .v = &v };
	static struct region region = { .gpa = 200ULL << 30, .chunk_size = REGION_CHUNK, .chunks = 100, .at = low };
	struct vhost h = { .d = &d };

	TAP_CHECK(!vhost_start(&h) && regions == 1 && has(0, 0, 64 << 20, low));
	v.high = high;
	v.high_size = 8192;
	TAP_CHECK(!vhost_start(&h) && regions == 2 && has(1, FOUR_GIB, 8192, high));
	/* files as memory, and a firmware: as many as there can be */
	for (v.areas = 0; v.areas < VMM_MAX_AREAS; v.areas++) {
		v.area[v.areas].gpa = (100ULL + v.areas) << 30;
		v.area[v.areas].size = 2 << 20;
		v.area[v.areas].at = &area[v.areas];
	}
	TAP_CHECK(!vhost_start(&h));
	TAP_EQ(regions, 2 + VMM_MAX_AREAS);
	for (int i = 0; i < VMM_MAX_AREAS; i++)
		TAP_CHECK(has(2 + i, (100ULL + i) << 30, 2 << 20, &area[i]));
	/* memory that comes and goes: what there is, in pieces, while the driver uses it */
	v.areas = 0;
	v.region = &region;
	told = 0;
	TAP_CHECK(!vhost_memory(&v) && told == 1 && regions == 2);
	region.chunk[0].shown = region.chunk[1].shown = region.chunk[3].shown = region.chunk[99].shown = true;
	TAP_CHECK(!vhost_memory(&v) && told == 2 && regions == 5);
	TAP_CHECK(has(2, region.gpa, 2 * REGION_CHUNK, region.at));
	TAP_CHECK(has(3, region.gpa + 3 * REGION_CHUNK, REGION_CHUNK, region.at + 3 * REGION_CHUNK));
	TAP_CHECK(has(4, region.gpa + 99 * REGION_CHUNK, REGION_CHUNK, region.at + 99 * REGION_CHUNK));
	region.chunk[1].shown = false;
	TAP_CHECK(!vhost_memory(&v) && regions == 5 && has(2, region.gpa, REGION_CHUNK, region.at));
	/* as many as region.c lets there be, beside all others */
	v.areas = VMM_MAX_AREAS;
	for (int i = 0; i < 100; i++)
		region.chunk[i].shown = i % 2 && i < 2 * VHOST_PIECES;
	TAP_CHECK(!vhost_memory(&v) && regions == 2 + VMM_MAX_AREAS + VHOST_PIECES);
	/* who starts again is told once, and who is stopped not any more */
	TAP_CHECK(!vhost_start(&h));
	told = 0;
	TAP_CHECK(!vhost_memory(&v) && told == 1);
	vhost_stopped(&h);
	TAP_CHECK(!vhost_memory(&v) && told == 1);
	return tap_done();
}
