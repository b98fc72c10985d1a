// SPDX-License-Identifier: GPL-2.0-only
/* test_rtc.c - the clock of vhctl's VMM: the time in all its ways, set, and interrupts each second and at a time. */
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"
#include "vhctl.h"
#include "vmm/devices.h"
#include "vmm/vmm.h"

static struct bus bus;
static bool level;
static int rises;

void error(const char *fmt, ...)
{
	(void)fmt;
}

static void set(struct line *l, bool on)
{
	(void)l;
	rises += on && !level;
	level = on;
}

static struct line irq = { set };

static void reach(uint16_t port, uint8_t *value, bool write)
{
	bus_access(&bus, BUS_PORTS, port, value, 1, write);
}

static uint8_t get(uint8_t index)
{
	uint8_t value;

	reach(0x70, &index, true);
	reach(0x71, &value, false);
	return value;
}

static void put(uint8_t index, uint8_t value)
{
	reach(0x70, &index, true);
	reach(0x71, &value, true);
}

static int bcd(uint8_t n)
{
	return (n >> 4) * 10 + (n & 15);
}

static uint8_t to_bcd(int n)
{
	return n / 10 << 4 | n % 10;
}

/* As a driver reads it: not while it changes, in BCD and 24 hours. */
static time_t read_time(void)
{
	struct tm tm = { 0 };

	do {
		while (get(10) & 0x80)
			;
		tm = (struct tm){ .tm_sec = bcd(get(0)), .tm_min = bcd(get(2)), .tm_hour = bcd(get(4)), .tm_mday = bcd(get(7)),
				  .tm_mon = bcd(get(8)) - 1, .tm_year = bcd(get(9)) + (bcd(get(0x32)) - 19) * 100 };
	} while (get(10) & 0x80 || bcd(get(0)) != tm.tm_sec);
	return timegm(&tm);
}

static void set_time(time_t t)
{
	struct tm tm;

	gmtime_r(&t, &tm);
	put(11, get(11) | 0x80);
	put(0, to_bcd(tm.tm_sec));
	put(2, to_bcd(tm.tm_min));
	put(4, to_bcd(tm.tm_hour));
	put(7, to_bcd(tm.tm_mday));
	put(8, to_bcd(tm.tm_mon + 1));
	put(9, to_bcd(tm.tm_year % 100));
	put(0x32, to_bcd(19 + tm.tm_year / 100));
	put(11, get(11) & ~0x80);
}

static bool near(time_t a, time_t b)
{
	if (a - b <= 1 && b - a <= 1)
		return true;
	printf("# %lld, not %lld\n", (long long)a, (long long)b);
	return false;
}

static void time_of_day(void)
{
	static const time_t times[] = { 0, 951782399, 951868800, 1709208000, 4102444799, 4107542400 };
	time_t before;
	int hour;

	TAP_CHECK(near(read_time(), time(NULL)));
	for (unsigned int i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		set_time(times[i]);
		tap_ok(near(read_time(), times[i]), "set to %lld", (long long)times[i]);
	}
	/* and it goes on from there */
	before = time(NULL) - times[5];
	usleep(1200000);
	TAP_CHECK(near(read_time(), time(NULL) - before));
	/* frozen while it is set */
	put(11, 0x82);
	hour = get(0);
	usleep(1100000);
	TAP_EQ(get(0), hour);
	TAP_EQ(get(10) & 0x80, 0);
	put(11, 0x02);

	/* binary, and twelve hours */
	set_time(1709213399);		/* 13:29:59 */
	put(11, 0x06);
	TAP_EQ(get(4), 13);
	TAP_CHECK(get(2) == 29 || get(2) == 30);
	put(11, 0x04);
	TAP_EQ(get(4), 0x81);
	put(11, 0x00);
	TAP_EQ(get(4), 0x81);
	put(4, 0x12);			/* midnight */
	put(11, 0x02);
	TAP_EQ(get(4), 0x00);
	put(11, 0x00);
	put(4, 0x92);			/* noon */
	put(11, 0x02);
	TAP_EQ(get(4), 0x12);
	/* what makes no sense */
	put(11, 0x82);
	for (int i = 0; i < 10; i++)
		put(i, 0xff);
	put(0x32, 0xff);
	put(11, 0x02);
	get(0);
	set_time(time(NULL));
	TAP_CHECK(near(read_time(), time(NULL)));
	/* memory */
	put(0x40, 0x5a);
	put(0x7f, 0xa5);
	TAP_CHECK(get(0x40) == 0x5a && get(0x7f) == 0xa5 && get(13) == 0x80);
}

static void interrupts(void)
{
	struct tm tm;
	time_t at;
	int n;

	get(12);
	TAP_CHECK(!level);
	put(11, 0x12);
	for (n = 0; n < 3000 && rises < 2; n++, usleep(1000))
		if (level)
			get(12);
	TAP_CHECK(rises >= 2 && n > 900);
	put(11, 0x02);
	get(12);
	rises = 0;
	usleep(1200000);
	TAP_CHECK(!rises && !level);
	TAP_EQ(get(12) & 0x10, 0x10);	/* noted all the same */
	TAP_EQ(get(12) & 0x90, 0);

	at = read_time() + 2;
	gmtime_r(&at, &tm);
	put(1, to_bcd(tm.tm_sec));
	put(3, to_bcd(tm.tm_min));
	put(5, 0xff);
	put(11, 0x22);
	for (n = 0; n < 4000 && !rises; n++)
		usleep(1000);
	TAP_CHECK(rises == 1 && near(read_time(), at) && n > 900);
	TAP_EQ(get(12) & 0xa0, 0xa0);
	TAP_CHECK(!level && !(get(12) & 0x80));
	usleep(1500000);
	TAP_EQ(rises, 1);
}

int main(void)
{
	static struct vmm vmm;

	bus_init(&bus);
	if (rtc_start(&vmm, rtc_create(&bus, &irq)) || threads_start(&vmm))
		return 1;
	time_of_day();
	interrupts();
	return tap_done();
}
