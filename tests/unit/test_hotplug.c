// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_hotplug.c - disks of vhctl's VMM that come and go: the registers, the commands, with requests in
 * flight, and guests that eject what they like.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"
#include "virtio_driver.h"
#include "vmm/control.h"
#include "vmm/devices.h"
#include "vmm/hotplug.h"
#include "vmm/net.h"
#include "vmm/pci.h"

#define MEMORY	(64ULL << 20)
#define A	DRIVER_DATA

/* networks have a test of their own */
const struct net_backend net_tap;

static char file[4096];
static int events, destroyed;
static char why[512];

/* --- what the devices call --- */

void pm_event(struct pm *pm, int gpe)
{
	(void)pm;
	events += gpe == GPE_PCI;
}

void msi_destroy(struct msi *m)
{
	(void)m;
	__atomic_fetch_add(&destroyed, 1, __ATOMIC_SEQ_CST);
}

/* Of the one thread that asks. */
void error_capture(char *text, size_t size)
{
	static char *to;

	if (text)
		driver_said[0] = 0;
	else
		snprintf(to, sizeof(why), "%s", driver_said);
	to = text;
	(void)size;
}

/* --- guest and user --- */

static uint32_t get(uint16_t reg)
{
	uint32_t value = 0;

	bus_access(&driver_vm.bus, BUS_PORTS, HOTPLUG_PORT + reg, &value, 4, false);
	return value;
}

static void put(uint16_t reg, uint32_t value)
{
	bus_access(&driver_vm.bus, BUS_PORTS, HOTPLUG_PORT + reg, &value, 4, true);
}

static struct json_object *ask(control_fn *command, const char *format, const char *value)
{
	struct json_object *request, *answer = json_object_new_object(), *o;
	char text[5000];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(text, sizeof(text), format, value);
#pragma GCC diagnostic pop
	request = json_tokener_parse(text);
	command(&driver_vm, request, answer);
	json_object_put(request);
	why[0] = 0;
	if (json_object_object_get_ex(answer, "error", &o))
		snprintf(why, sizeof(why), "%s", json_object_get_string(o));
	return answer;
}

static bool add(const char *options)
{
	json_object_put(ask(hotplug_add_command, "{\"kind\":\"disk\",\"options\":\"%s\"}", options));
	return !why[0];
}

static bool rm(const char *id)
{
	json_object_put(ask(hotplug_remove_command, "{\"id\":\"%s\"}", id));
	return !why[0];
}

/* How many there are; their last's state. */
static int list(char *state)
{
	struct json_object *answer = ask(hotplug_list_command, "{}", ""), *devices, *o;
	int n = 0;

	if (json_object_object_get_ex(answer, "devices", &devices))
		n = json_object_array_length(devices);
	state[0] = 0;
	if (n && json_object_object_get_ex(json_object_array_get_idx(devices, n - 1), "state", &o))
		strcpy(state, json_object_get_string(o));
	json_object_put(answer);
	return n;
}

/* What an operating system does with a BAR that nobody has placed. */
static void place(int slot)
{
	driver_config(slot, PCI_BASE_ADDRESS_0, 4, true, PCI_WINDOW + 0x1000000 + slot * 0x10000);
	driver_config(slot, PCI_COMMAND, 2, true, PCI_COMMAND_MEMORY);
}

static bool is_free(void *arg)
{
	struct disk_config cfg = { .path = file };
	struct disk d;
	bool good = !disk_open(&cfg, &d);

	(void)arg;
	disk_close(&d);
	return good;
}

static void read_some(int slot, int n)
{
	struct virtio_blk_outhdr *head = driver_at(A);

	*head = (struct virtio_blk_outhdr){ .type = VIRTIO_BLK_T_IN };
	for (int i = 0; i < n; i++)
		driver_add(slot, 0, (struct vring_desc[]){ OUT(A, 16), IN(A + 0x1000, 1 << 20), IN(A + 16, 1) }, 3);
}

static void life(void)
{
	char state[32];
	uint32_t bit;

	TAP_CHECK(list(state) == 0);
	TAP_CHECK(!add("/none") && strstr(why, "/none: No such file"));
	TAP_CHECK(!add("file,frob") && strstr(why, "want ro, format="));
	TAP_CHECK(!add("") && strstr(why, "which file?"));
	json_object_put(ask(hotplug_add_command, "{\"kind\":\"%s\",\"options\":\"x\"}", "piano"));
	TAP_CHECK(strstr(why, "only a disk or a net"));
	json_object_put(ask(hotplug_add_command, "{\"kind\":\"%s\"}", "disk"));
	TAP_CHECK(strstr(why, "only a disk or a net"));
	TAP_CHECK(!rm("disk1") && strstr(why, "no device 'disk1'"));
	TAP_EQ(events, 0);

	TAP_CHECK(add(file));
	TAP_EQ(events, 1);
	TAP_CHECK(!add(file) && strstr(why, "in use"));
	TAP_CHECK(list(state) == 1 && !strcmp(state, "plugged"));
	bit = get(HOTPLUG_ADDED);
	TAP_EQ(bit, 1u << 1);
	TAP_EQ(get(HOTPLUG_ADDED), 0);
	TAP_EQ(driver_config(1, PCI_VENDOR_ID, 2, false, 0), 0x1af4);
	TAP_EQ(driver_config(1, PCI_COMMAND, 2, false, 0), 0);
	place(1);
	TAP_CHECK(driver_start(1, 0, 1));
	read_some(1, 2);
	TAP_CHECK(driver_done(0) && !*(uint8_t *)driver_at(A + 16));

	/* it is asked for, refused, asked for again */
	TAP_CHECK(rm("disk1") && events == 2 && get(HOTPLUG_WANTED) == bit && !get(HOTPLUG_WANTED));
	TAP_CHECK(list(state) == 1 && !strcmp(state, "leaving"));
	put(HOTPLUG_STATUS, 1 | 0x80 << 8);
	TAP_CHECK(list(state) == 1 && !strcmp(state, "refused"));
	TAP_CHECK(rm("disk1") && list(state) == 1 && !strcmp(state, "leaving"));
	put(HOTPLUG_STATUS, 1);			/* success says nothing: the ejection does */
	TAP_CHECK(list(state) == 1 && !strcmp(state, "leaving"));
	TAP_CHECK(!is_free(NULL));
	put(HOTPLUG_EJECT, bit);
	TAP_EQ(list(state), 0);
	TAP_EQ(driver_config(1, PCI_VENDOR_ID, 4, false, 0), 0xffffffff);
	TAP_CHECK(driver_until(is_free, NULL));
	put(HOTPLUG_EJECT, ~0u);		/* of nothing */
	TAP_CHECK(!rm("disk1"));
}

static void *reset(void *arg)
{
	uint8_t zero = 0;

	bus_access(&driver_vm.bus, BUS_MEMORY, *(uint64_t *)arg + 20, &zero, 1, true);
	return NULL;
}

/* Ejected with requests in flight, by whoever likes, while another vCPU resets it. */
static void at_once(void)
{
	uint64_t bar = PCI_WINDOW + 0x1000000 + 0x10000;
	int i, before = destroyed;
	bool told = false;
	char state[32];
	pthread_t other;

	for (i = 0; i < 200; i++) {
		if (!add(file))
			break;
		place(1);
		if (!driver_start(1, 0, 1))
			break;
		read_some(1, 4);
		if (i % 2) {
			pthread_create(&other, NULL, reset, &bar);
			if (i % 4 == 1)
				usleep(i % 7 * 20);
		}
		put(HOTPLUG_EJECT, 1u << 1);
		told |= !!strstr(driver_said, "by itself");
		if (i % 2)
			pthread_join(other, NULL);
		if (list(state) || !driver_until(is_free, NULL))
			break;
	}
	if (i < 200)
		printf("# %s\n", why);
	TAP_EQ(i, 200);
	TAP_EQ(destroyed - before, 400);	/* a message for the queue, one for the configuration */
	TAP_CHECK(told);
}

static void many(void)
{
	char options[4200];
	int i;

	/* Slots end: the bridge has one. */
	snprintf(options, sizeof(options), "%s,ro", file);
	for (i = 0; i < 40 && add(options); i++)
		;
	TAP_EQ(i, PCI_SLOTS - 1);
	TAP_CHECK(strstr(why, "no room for another PCI device"));
	put(HOTPLUG_EJECT, 1u << 7);
	for (int n = 0; n < 5000 && !add(options); n++)
		usleep(1000);
	TAP_CHECK(!why[0]);
	put(HOTPLUG_EJECT, ~0u);
	TAP_CHECK(driver_until(is_free, NULL));
}

static int descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Whichever of its descriptors is the one too many, none of the others is left. */
static void too_many_files(const char *path)
{
	int before = descriptors(), highest = open("/dev/null", O_RDONLY), failed = 0, i;
	struct rlimit old, few;

	close(highest);
	getrlimit(RLIMIT_NOFILE, &old);
	few = old;
	for (i = 0; i < 64; i++) {
		bool added;

		few.rlim_cur = highest + i;
		setrlimit(RLIMIT_NOFILE, &few);
		added = add(path);
		setrlimit(RLIMIT_NOFILE, &old);
		if (added)
			break;
		failed += !!why[0];
		if (descriptors() != before)
			break;
	}
	TAP_EQ(descriptors() > before, i < 64);
	TAP_CHECK(i < 64 && failed == i && i > 3);
	put(HOTPLUG_EJECT, ~0u);
	TAP_CHECK(driver_until(is_free, NULL));
	blk_finish(&driver_vm);
	TAP_EQ(descriptors(), before);
}

/* At the end of a VM an image that was ejected a moment ago is written whole, and nobody serves it any more. */
static void image(void)
{
	char path[4200], command[4300];
	int status = 0;

	snprintf(path, sizeof(path), "%s.qcow2", file);
	if (system("command -v qemu-img >/dev/null && command -v qemu-storage-daemon >/dev/null")) {
		printf("ok %d - an image is ejected # SKIP no qemu-img or no qemu-storage-daemon here\n", ++tap_count);
		return;
	}
	snprintf(command, sizeof(command), "qemu-img create -q -f qcow2 '%s' 16M", path);
	TAP_CHECK(!system(command) && add(path));
	for (int i = 0; i < 20; i++) {
		place(1);
		if (!driver_start(1, 0, 1))
			break;
		read_some(1, 4);
		put(HOTPLUG_EJECT, 1u << 1);
		blk_finish(&driver_vm);
		status = waitpid(-1, NULL, WNOHANG);
		if (status != -1 || errno != ECHILD || i == 19 || !add(path))
			break;
	}
	TAP_CHECK(status == -1 && errno == ECHILD);
	too_many_files(path);
	TAP_CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	unlink(path);
}

int main(int argc, char **argv)
{
	int fd;

	(void)argc;
	snprintf(file, sizeof(file), "%s-file.%d", argv[0], getpid());
	fd = open(file, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, 16 << 20))
		return 1;
	close(fd);
	driver_begin(MEMORY);
	TAP_CHECK(driver_vm.pci != NULL);
	TAP_CHECK(!hotplug_slot(&driver_vm, 5));	/* without registers */
	hotplug_create(&driver_vm);
	TAP_CHECK(hotplug_slot(&driver_vm, 5));
	driver_vm.running = true;
	if (!add(file) && strstr(why, "io_uring")) {
		printf("ok 1 - hot-plug # SKIP no io_uring here\n1..1\n");
		unlink(file);
		return 0;
	}
	put(HOTPLUG_EJECT, ~0u);
	driver_until(is_free, NULL);
	get(HOTPLUG_ADDED);
	events = 0;
	life();
	at_once();
	many();
	image();
	too_many_files(file);
	blk_finish(&driver_vm);
	unlink(file);
	return tap_done();
}
