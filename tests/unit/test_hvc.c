// SPDX-License-Identifier: GPL-2.0-only
/* test_hvc.c - the virtio console of vhctl's VMM: bytes in both directions, messages, sizes, drivers that err. */
#include <linux/virtio_console.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <unistd.h>

#include "tap.h"
#include "virtio_driver.h"
#include "vmm/control.h"
#include "vmm/devices.h"

#define MEMORY	(64ULL << 20)
#define SLOT	1
#define A	DRIVER_DATA
#define B	(DRIVER_DATA + 0x100000)
#define BOTH	(1u << VIRTIO_CONSOLE_F_SIZE | 1u << VIRTIO_CONSOLE_F_MULTIPORT)

static struct channel channel;
static char out[8 << 20];
static size_t out_n, seen;
static int drained;
static bool is_full;		/* bus.lock */

static void output(uint8_t c)
{
	if (out_n < sizeof(out))
		out[out_n++] = c;
}

static bool full(void)
{
	return is_full;
}

static void on_drained(void)
{
	drained++;
}

/* Input, as much as there is room for. */
static size_t type(const char *text, size_t n)
{
	size_t room;

	pthread_mutex_lock(&driver_vm.bus.lock);
	room = channel.room(channel.device);
	n = n < room ? n : room;
	channel.input(channel.device, (const uint8_t *)text, n);
	pthread_mutex_unlock(&driver_vm.bus.lock);
	return n;
}

static bool is_open(void)
{
	bool open;

	pthread_mutex_lock(&driver_vm.bus.lock);
	open = channel.open(channel.device);
	pthread_mutex_unlock(&driver_vm.bus.lock);
	return open;
}

static void tell(uint16_t event, uint16_t value, uint32_t id)
{
	*(struct virtio_console_control *)driver_at(B) = (struct virtio_console_control){ id, event, value };
	driver_add(SLOT, 3, (struct vring_desc[]){ OUT(B, 3), OUT(B + 3, 5) }, 2);
}

/* The message in the buffer that is given for it. */
static bool hears(uint16_t event, uint32_t length)
{
	struct virtio_console_control *m = driver_at(B + 0x100);

	return driver_done(2) && m->id == 0 && m->event == event && m->value == 1 && driver_length(2) == length;
}

static void hear(void)
{
	memset(driver_at(B + 0x100), 0, 16);
	driver_add(SLOT, 2, (struct vring_desc[]){ IN(B + 0x100, 16) }, 1);
}

static void bytes(void)
{
	TAP_CHECK(driver_start(SLOT, 0, 2));
	TAP_CHECK(is_open());
	strcpy(driver_at(A), "hello");
	driver_add(SLOT, 1, (struct vring_desc[]){ OUT(A, 2), OUT(A + 2, 3) }, 2);
	TAP_CHECK(driver_done(1) && out_n == 5 && !memcmp(out, "hello", 5));
	/* more than is written at once */
	for (int i = 0; i < 1 << 20; i++)
		((char *)driver_at(A))[i] = i * 7 >> 3;
	driver_add(SLOT, 1, (struct vring_desc[]){ OUT(A, 1 << 20), OUT(A, 1 << 20) }, 2);
	TAP_CHECK(driver_done(1) && out_n == 5 + (2 << 20));
	TAP_CHECK(!memcmp(out + 5, driver_at(A), 1 << 20) && !memcmp(out + 5 + (1 << 20), driver_at(A), 1 << 20));
	/* input before there is a buffer, and behind one that is there */
	TAP_EQ(type("first", 5), 5);
	driver_add(SLOT, 0, (struct vring_desc[]){ IN(B, 3) }, 1);
	TAP_CHECK(driver_done(0) && driver_length(0) == 3 && !memcmp(driver_at(B), "fir", 3));
	driver_add(SLOT, 0, (struct vring_desc[]){ IN(B, 1), IN(B + 1, 100) }, 2);
	TAP_CHECK(driver_done(0) && driver_length(0) == 2 && !memcmp(driver_at(B), "st", 2));
	driver_add(SLOT, 0, (struct vring_desc[]){ IN(B, 100) }, 1);
	TAP_EQ(type("second", 6), 6);
	TAP_CHECK(driver_done(0) && driver_length(0) == 6 && !memcmp(driver_at(B), "second", 6));
	/* more than it takes */
	seen = type(out + 5, 10000);
	TAP_EQ(seen, 4096);
	TAP_EQ(type("x", 1), 0);
	drained = 0;
	for (int i = 0; i < 4; i++) {
		driver_add(SLOT, 0, (struct vring_desc[]){ IN(B + i * 1024, 1024) }, 1);
		TAP_CHECK(driver_done(0));
	}
	TAP_CHECK(!memcmp(driver_at(B), out + 5, 4096));
	TAP_EQ(drained, 1);
	out_n = 0;
	driver_bar(SLOT, 0x2008, 4, true, '!');
	TAP_CHECK(out_n == 1 && out[0] == '!');
}

static void set_full(bool yes)
{
	pthread_mutex_lock(&driver_vm.bus.lock);
	is_full = yes;
	pthread_mutex_unlock(&driver_vm.bus.lock);
}

/* A terminal that takes nothing makes the driver wait, and nobody else. */
static void waits(void)
{
	set_full(true);
	out_n = 0;
	memcpy(driver_at(A), "later", 5);
	driver_add(SLOT, 1, (struct vring_desc[]){ OUT(A, 5) }, 1);
	usleep(50000);
	TAP_EQ(driver_status(SLOT), 15);
	set_full(false);
	TAP_CHECK(driver_done(1) && out_n == 5 && !memcmp(out, "later", 5));
}

static void messages(void)
{
	struct virtio_console_control *m = driver_at(B + 0x100);
	uint16_t *size = (uint16_t *)(m + 1);

	hvc_resize(&driver_vm, 24, 80);
	TAP_CHECK(driver_start(SLOT, BOTH, 4));
	TAP_EQ(driver_bar(SLOT, 0x2000, 2, false, 0), 80);
	TAP_EQ(driver_bar(SLOT, 0x2002, 2, false, 0), 24);
	TAP_EQ(driver_bar(SLOT, 0x2004, 4, false, 0), 1);
	TAP_CHECK(!is_open());
	hear();
	tell(VIRTIO_CONSOLE_DEVICE_READY, 1, VIRTIO_CONSOLE_BAD_ID);
	TAP_CHECK(hears(VIRTIO_CONSOLE_PORT_ADD, 8));
	/* of a port that there is not, and of none */
	tell(VIRTIO_CONSOLE_PORT_READY, 1, 1);
	tell(77, 1, 0);
	TAP_CHECK(driver_done(3) && !is_open());
	/* first there is no buffer for what it is told */
	tell(VIRTIO_CONSOLE_PORT_READY, 1, 0);
	TAP_CHECK(driver_done(3) && is_open());
	hear();
	TAP_CHECK(hears(VIRTIO_CONSOLE_CONSOLE_PORT, 8));
	hear();
	TAP_CHECK(hears(VIRTIO_CONSOLE_RESIZE, 12) && size[0] == 80 && size[1] == 24);
	hvc_resize(&driver_vm, 24, 80);		/* no news */
	hvc_resize(&driver_vm, 50, 132);
	hvc_resize(&driver_vm, 51, 133);
	hear();
	TAP_CHECK(hears(VIRTIO_CONSOLE_RESIZE, 12) && size[0] == 133 && size[1] == 51);
	tell(VIRTIO_CONSOLE_PORT_READY, 0, 0);
	TAP_CHECK(driver_done(3) && !is_open());
	TAP_CHECK(driver_reset(SLOT) && !is_open());
}

static bool fails(const char *text)
{
	struct json_object *request = json_tokener_parse(text), *answer = json_object_new_object();
	bool failed;

	hvc_command(&driver_vm, request, answer);
	failed = json_object_object_get_ex(answer, "error", NULL);
	json_object_put(request);
	json_object_put(answer);
	return failed;
}

static uint64_t state = 1;

static uint32_t next(uint32_t n)
{
	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (state >> 33) % n;
}

/* Whatever a driver makes of it, there is a reset. */
static void at_random(void)
{
	int started = 0;

	for (int i = 0; i < 500; i++, started++) {
		if (!driver_start(SLOT, BOTH & next(~0u), 1 + next(4)))
			break;
		for (int k = next(10); k; k--) {
			struct vring_desc d[3];

			for (int j = 0; j < 3; j++)
				d[j] = (struct vring_desc){ next(8) ? A + next(0x3000) : next(~0u), next(4) ? next(16) : next(10000),
							    next(2) ? VRING_DESC_F_WRITE : 0, 0 };
			*(struct virtio_console_control *)driver_at(A + next(64)) =
				(struct virtio_console_control){ next(4) == 0, next(9), next(2) };
			driver_add(SLOT, next(4), d, 1 + next(3));
			type("xyz", next(4));
			hvc_resize(&driver_vm, next(100), next(100));
		}
		out_n = 0;
	}
	TAP_EQ(started, 500);
	TAP_CHECK(driver_reset(SLOT));
}

int main(void)
{
	driver_begin(MEMORY);
	channel.output = output;
	channel.full = full;
	channel.drained = on_drained;
	hvc_resize(&driver_vm, 1, 1);		/* there is none yet */
	if (hvc_create(&driver_vm, &channel) || threads_start(&driver_vm))
		return 1;
	bytes();
	waits();
	messages();
	TAP_CHECK(fails("{}") && fails("{\"rows\":1}") && fails("{\"rows\":1,\"cols\":65536}"));
	TAP_CHECK(!fails("{\"rows\":1,\"cols\":65535}"));
	at_random();
	/* the VM ends all the same */
	TAP_CHECK(driver_start(SLOT, 0, 2));
	set_full(true);
	driver_add(SLOT, 1, (struct vring_desc[]){ OUT(A, 5) }, 1);
	usleep(10000);
	hvc_finish();
	return tap_done();
}
