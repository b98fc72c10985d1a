// SPDX-License-Identifier: GPL-2.0-only
/* rtc.c - MC146818: time in BCD, 24-hour mode; no alarm, no memory. */
#include <stdlib.h>
#include <time.h>

#include "vmm/devices.h"

#define RTC_PORT	0x70

enum { INDEX, DATA };

struct rtc {
	uint8_t index;
};

static uint8_t bcd(int n)
{
	return n / 10 << 4 | n % 10;
}

static uint64_t rtc_read(void *device, uint64_t offset, int len)
{
	struct rtc *r = device;
	time_t now = time(NULL);
	struct tm t;

	(void)len;
	if (offset != DATA)
		return ~0ULL;
	gmtime_r(&now, &t);
	switch (r->index & 0x7f) {
	case 0x00: return bcd(t.tm_sec);
	case 0x02: return bcd(t.tm_min);
	case 0x04: return bcd(t.tm_hour);
	case 0x06: return t.tm_wday + 1;
	case 0x07: return bcd(t.tm_mday);
	case 0x08: return bcd(t.tm_mon + 1);
	case 0x09: return bcd(t.tm_year % 100);
	case 0x0a: return 0x26;
	case 0x0b: return 0x02;
	case 0x0d: return 0x80;
	case 0x32: return bcd(19 + t.tm_year / 100);
	}
	return 0;
}

static void rtc_write(void *device, uint64_t offset, int len, uint64_t value)
{
	struct rtc *r = device;

	(void)len;
	if (offset == INDEX)
		r->index = value;
}

static const struct device_ops ops = { .read = rtc_read, .write = rtc_write };

/**
 * rtc_create - a clock
 * @b: the bus
 */
void rtc_create(struct bus *b)
{
	struct rtc *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	bus_claim(b, BUS_PORTS, RTC_PORT, 2, &ops, r);
}
