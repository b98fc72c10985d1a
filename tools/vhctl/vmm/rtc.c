// SPDX-License-Identifier: GPL-2.0-only
/*
 * rtc.c - a clock (MC146818A data sheet): the host's time, and how far the guest has set its own off that.
 * Alarms and an interrupt each second; no periodic ones. The memory is kept as long as the VM.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vhctl.h"
#include "vmm/devices.h"
#include "vmm/thread.h"

#define RTC_PORT	0x70
#define CELLS		128
#define SECOND		1000000000L
#define UIP_NS		244000L		/* before a second ends: what is read now may change */

enum { INDEX, DATA };
enum { SECONDS, SECONDS_ALARM, MINUTES, MINUTES_ALARM, HOURS, HOURS_ALARM, WEEKDAY, DAY, MONTH, YEAR,
       REG_A, REG_B, REG_C, REG_D, CENTURY = 0x32 };

#define A_UIP		0x80
#define B_SET		0x80
#define B_AIE		0x20
#define B_UIE		0x10
#define B_BINARY	0x04
#define B_24_HOURS	0x02
#define C_IRQ		0x80
#define C_ALARM		0x20
#define C_UPDATE	0x10
#define D_VALID		0x80
#define PM		0x80
#define ANY		0xc0		/* of an alarm: two bits for "whatever it is" */

struct rtc {
	struct bus *bus;
	struct line *irq;
	uint8_t index;			/* bus.lock, as everything below */
	uint8_t cell[CELLS];		/* the time's only while the guest sets it */
	int64_t offset;			/* of the guest's time */
	int64_t seen;			/* the second in which flags were read last */
	struct thread thread;
	pthread_cond_t changed;
};

/* --- time --- */

static int64_t now(const struct rtc *r, long *ns)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	*ns = t.tv_nsec;
	return t.tv_sec + r->offset;
}

static uint8_t encode(const struct rtc *r, int n)
{
	return r->cell[REG_B] & B_BINARY ? n : n / 10 << 4 | n % 10;
}

static int decode(const struct rtc *r, uint8_t n)
{
	return r->cell[REG_B] & B_BINARY ? n : (n >> 4) * 10 + (n & 0xf);
}

static uint8_t encode_hour(const struct rtc *r, int hour)
{
	if (r->cell[REG_B] & B_24_HOURS)
		return encode(r, hour);
	return encode(r, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? PM : 0);
}

static int decode_hour(const struct rtc *r, uint8_t n)
{
	if (r->cell[REG_B] & B_24_HOURS)
		return decode(r, n);
	return decode(r, n & ~PM) % 12 + (n & PM ? 12 : 0);
}

/* The time's cells are those of @t. */
static void put_time(struct rtc *r, time_t t)
{
	struct tm tm;

	if (!gmtime_r(&t, &tm))
		return;
	r->cell[SECONDS] = encode(r, tm.tm_sec);
	r->cell[MINUTES] = encode(r, tm.tm_min);
	r->cell[HOURS] = encode_hour(r, tm.tm_hour);
	r->cell[WEEKDAY] = encode(r, tm.tm_wday + 1);
	r->cell[DAY] = encode(r, tm.tm_mday);
	r->cell[MONTH] = encode(r, tm.tm_mon + 1);
	r->cell[YEAR] = encode(r, tm.tm_year % 100);
	r->cell[CENTURY] = encode(r, 19 + tm.tm_year / 100);
}

/* What the guest wrote there is the time from now on. */
static void take_time(struct rtc *r)
{
	struct tm tm = {
		.tm_sec = decode(r, r->cell[SECONDS]), .tm_min = decode(r, r->cell[MINUTES]),
		.tm_hour = decode_hour(r, r->cell[HOURS]), .tm_mday = decode(r, r->cell[DAY]),
		.tm_mon = decode(r, r->cell[MONTH]) - 1,
		.tm_year = decode(r, r->cell[YEAR]) + (decode(r, r->cell[CENTURY]) - 19) * 100,
	};
	long ns;

	r->offset += timegm(&tm) - now(r, &ns);
	r->seen = now(r, &ns);
}

/* --- interrupts --- */

static void update_irq(struct rtc *r)
{
	bool on = r->cell[REG_C] & r->cell[REG_B] & (B_AIE | B_UIE);

	r->cell[REG_C] = (r->cell[REG_C] & ~C_IRQ) | (on ? C_IRQ : 0);
	line_set(r->irq, on);
}

static bool alarm_at(const struct rtc *r, int64_t second)
{
	time_t t = second;
	struct tm tm;

	if (!gmtime_r(&t, &tm))
		return false;
	return (r->cell[SECONDS_ALARM] >= ANY || r->cell[SECONDS_ALARM] == encode(r, tm.tm_sec)) &&
	       (r->cell[MINUTES_ALARM] >= ANY || r->cell[MINUTES_ALARM] == encode(r, tm.tm_min)) &&
	       (r->cell[HOURS_ALARM] >= ANY || r->cell[HOURS_ALARM] == encode_hour(r, tm.tm_hour));
}

/* Sleeps until a second begins, if anybody wants to know. */
static void *tick(void *arg)
{
	struct rtc *r = arg;
	struct timespec t;
	int64_t told = 0, second;
	long ns;

	pthread_mutex_lock(&r->bus->lock);
	for (;;) {
		if (!(r->cell[REG_B] & (B_AIE | B_UIE)) || r->cell[REG_B] & B_SET) {
			pthread_cond_wait(&r->changed, &r->bus->lock);
			told = now(r, &ns);
			continue;
		}
		second = now(r, &ns);
		if (second != told) {
			r->cell[REG_C] |= C_UPDATE;
			/* Late by some seconds it has them all; a clock that was set jumps. */
			if (told > second || told + 60 < second)
				told = second - 1;
			while (told < second)
				if (alarm_at(r, ++told))
					r->cell[REG_C] |= C_ALARM;
			update_irq(r);
			continue;
		}
		clock_gettime(CLOCK_REALTIME, &t);
		t = (struct timespec){ .tv_sec = t.tv_sec + 1 };
		pthread_cond_timedwait(&r->changed, &r->bus->lock, &t);
	}
	return NULL;
}

/* --- registers --- */

static bool is_time(int i)
{
	return i == SECONDS || i == MINUTES || i == HOURS || (i >= WEEKDAY && i <= YEAR) || i == CENTURY;
}

static uint8_t flags(struct rtc *r, int64_t second)
{
	uint8_t value;

	if (second != r->seen)
		r->cell[REG_C] |= C_UPDATE;
	r->seen = second;
	value = r->cell[REG_C];
	r->cell[REG_C] = 0;
	update_irq(r);
	return value;
}

static uint64_t rtc_read(void *device, uint64_t offset, int len)
{
	struct rtc *r = device;
	bool set = r->cell[REG_B] & B_SET;
	int64_t second;
	long ns;

	(void)len;
	if (offset != DATA)
		return ~0ULL;
	second = now(r, &ns);
	if (is_time(r->index) && !set)
		put_time(r, second);
	switch (r->index) {
	case REG_A:
		return r->cell[REG_A] | (!set && ns >= SECOND - UIP_NS ? A_UIP : 0);
	case REG_C:
		return flags(r, second);
	case REG_D:
		return D_VALID;
	}
	return r->cell[r->index];
}

static void write_b(struct rtc *r, uint8_t value)
{
	uint8_t old = r->cell[REG_B];
	long ns;

	/* Begun: what the time is, as it was read so far; ended: what was written, as it is to be read. */
	if (value & B_SET && !(old & B_SET))
		put_time(r, now(r, &ns));
	if (value & B_SET)
		value &= ~B_UIE;
	r->cell[REG_B] = value;
	if (!(value & B_SET) && old & B_SET)
		take_time(r);
	update_irq(r);
	pthread_cond_signal(&r->changed);
}

static void rtc_write(void *device, uint64_t offset, int len, uint64_t wide)
{
	struct rtc *r = device;
	uint8_t value = wide;
	long ns;

	(void)len;
	if (offset == INDEX) {
		r->index = value % CELLS;	/* the top bit masks NMIs */
		return;
	}
	switch (r->index) {
	case REG_A:
		r->cell[REG_A] = value & ~A_UIP;
		return;
	case REG_B:
		write_b(r, value);
		return;
	case REG_C:
	case REG_D:
		return;
	}
	if (!is_time(r->index) || r->cell[REG_B] & B_SET) {
		r->cell[r->index] = value;
		return;
	}
	put_time(r, now(r, &ns));
	r->cell[r->index] = value;
	take_time(r);
}

static const struct device_ops ops = { .read = rtc_read, .write = rtc_write };

/**
 * rtc_create - a clock
 * @b: the bus
 * @irq: its interrupt
 */
struct rtc *rtc_create(struct bus *b, struct line *irq)
{
	struct rtc *r = calloc(1, sizeof(*r));

	if (!r)
		abort();
	r->bus = b;
	r->irq = irq;
	r->cell[REG_A] = 0x26;
	r->cell[REG_B] = B_24_HOURS;
	pthread_cond_init(&r->changed, NULL);
	bus_claim(b, BUS_PORTS, RTC_PORT, 2, &ops, r);
	return r;
}

/**
 * rtc_start - its interrupts come as soon as threads run
 * @v: the VM
 * @r: the clock
 *
 * 0, or -1, told.
 */
int rtc_start(struct vmm *v, struct rtc *r)
{
	r->thread = (struct thread){ .kind = THREAD_CLOCK, .own = -1, .file = -1, .run = tick, .arg = r };
	return thread_create(v, &r->thread);
}
