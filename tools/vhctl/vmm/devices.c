// SPDX-License-Identifier: GPL-2.0-only
/* devices.c - what answers at I/O ports; there is no other device bus. */
#include <string.h>
#include <time.h>

#include "vhctl.h"
#include "vmm/vmm.h"

#define COM1		0x3f8
#define KBD_COMMAND	0x64
#define KBD_RESET	0xfe
#define RTC_INDEX	0x70
#define SLEEP_ENABLE	(1 << 13)
#define SCI_ENABLE	1
#define POWER_BUTTON	(1 << 8)	/* of the PM1 event registers */

static uint8_t rtc_index;	/* v->lock */
static uint16_t pm_status, pm_enable;	/* PM1 event registers; v->lock */

static uint8_t bcd(int n)
{
	return n / 10 << 4 | n % 10;
}

/* MC146818: time in BCD, 24-hour mode; no alarm, no memory. */
static uint8_t rtc_read(void)
{
	time_t now = time(NULL);
	struct tm t;

	gmtime_r(&now, &t);
	switch (rtc_index & 0x7f) {
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

/* The SCI is level-triggered: it is there as long as an enabled event is. */
static void update_sci(struct vmm *v)
{
	vmm_irq(v, SCI_IRQ, !!(pm_status & pm_enable));
}

bool power_button(struct vmm *v)
{
	if (!(pm_enable & POWER_BUTTON))
		return false;
	pm_status |= POWER_BUTTON;
	update_sci(v);
	return true;
}

static void power_control(struct vmm *v, uint16_t value)
{
	if ((value & SLEEP_ENABLE) && ((value >> 10) & 7) == SLEEP_TYPE_S5)
		vmm_stop(v, EXIT_OK, NULL);
}

static void port_write(struct vmm *v, uint16_t port, uint32_t value, int len)
{
	switch (port) {
	case PM_CONTROL_PORT:
		power_control(v, value);
		return;
	case RESET_PORT:
		if (value & 4)
			vmm_stop(v, EXIT_GUEST_RESET, "the guest asked for a reset");
		return;
	case KBD_COMMAND:
		if ((uint8_t)value == KBD_RESET)
			vmm_stop(v, EXIT_GUEST_RESET, "the guest asked for a reset");
		return;
	}
	pthread_mutex_lock(&v->lock);
	if (port >= COM1 && port < COM1 + 8 && len == 1)
		serial_write(v, port - COM1, value);
	else if (port == RTC_INDEX)
		rtc_index = value;
	else if (port == PM_EVENT_PORT + 2)
		pm_enable = value;
	else if (port == PM_EVENT_PORT)
		pm_status &= ~value;	/* what is written as 1 is cleared */
	if (port == PM_EVENT_PORT || port == PM_EVENT_PORT + 2)
		update_sci(v);
	pthread_mutex_unlock(&v->lock);
}

static uint32_t port_read(struct vmm *v, uint16_t port, int len)
{
	uint32_t value = ~0u;

	switch (port) {
	case PM_CONTROL_PORT:
		return SCI_ENABLE;
	}
	pthread_mutex_lock(&v->lock);
	if (port >= COM1 && port < COM1 + 8 && len == 1)
		value = serial_read(v, port - COM1);
	else if (port == RTC_INDEX + 1)
		value = rtc_read();
	else if (port == PM_EVENT_PORT)
		value = pm_status;
	else if (port == PM_EVENT_PORT + 2)
		value = pm_enable;
	pthread_mutex_unlock(&v->lock);
	return value;
}

/**
 * device_io - a guest's access to a port
 * @v: the VM
 * @port: its number
 * @data: in or out
 * @len: 1, 2 or 4 bytes
 * @write: direction
 *
 * Ports that nobody has read as ones.
 */
void device_io(struct vmm *v, uint16_t port, void *data, int len, bool write)
{
	uint32_t value = 0;

	if (write) {
		memcpy(&value, data, len);
		port_write(v, port, value, len);
	} else {
		value = port_read(v, port, len);
		memcpy(data, &value, len);
	}
}
