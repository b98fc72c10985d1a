// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_net_plug.c - networks of vhctl's VMM that come and go: addresses, what is left of them (nothing), with packets
 * under way, and a program in place of passt, which may hang or be lost.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"
#include "virtio_driver.h"
#include "vhctl.h"
#include "vmm/control.h"
#include "vmm/devices.h"
#include "vmm/hotplug.h"
#include "vmm/net.h"
#include "vmm/pci.h"

#define MEMORY	(64ULL << 20)
#define A	DRIVER_DATA

static char dir[64], why[512];
static int events;

/* taps are tested in the lab */
const struct net_backend net_tap;

void pm_event(struct pm *pm, int gpe)
{
	(void)pm;
	events += gpe == GPE_PCI;
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

/* --- the program --- */

static void passt_is(const char *script)
{
	char path[80];
	FILE *f;

	snprintf(path, sizeof(path), "%s/passt", dir);
	f = fopen(path, "w");
	if (!f || fprintf(f, "#!/bin/sh\n%s\n", script) < 0 || fclose(f) || chmod(path, 0755))
		abort();
}

/* It takes what it gets until there is nothing more to come, in the background, where nobody hears it. */
#define GOOD	"echo $* >${0%/*}/said; PATH=/bin:/usr/bin; cat <&3 >/dev/null 2>&1 &"

static bool was_told(const char *words)
{
	char path[80], text[1000] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/said", dir);
	f = fopen(path, "r");
	if (f && !fgets(text, sizeof(text), f))
		text[0] = 0;
	if (f)
		fclose(f);
	if (strstr(text, words))
		return true;
	printf("# %s\n", text);
	return false;
}

/* --- guest and user --- */

static uint32_t get(uint16_t reg)
{
	uint32_t value = 0;

	bus_access(&driver_vm.bus, BUS_PORTS, HOTPLUG_PORT + reg, &value, 4, false);
	return value;
}

static void eject(uint32_t slots)
{
	bus_access(&driver_vm.bus, BUS_PORTS, HOTPLUG_PORT + HOTPLUG_EJECT, &slots, 4, true);
}

static struct json_object *ask(control_fn *command, const char *text)
{
	struct json_object *request = json_tokener_parse(text), *answer = json_object_new_object(), *o;

	command(&driver_vm, request, answer);
	json_object_put(request);
	why[0] = 0;
	if (json_object_object_get_ex(answer, "error", &o))
		snprintf(why, sizeof(why), "%s", json_object_get_string(o));
	return answer;
}

/* What it is called; "": it is not. */
static const char *add(const char *options, const char *more)
{
	static char id[32];
	struct json_object *answer, *o;
	char text[500];

	snprintf(text, sizeof(text), "{\"kind\":\"net\",\"options\":\"%s\"%s}", options, more);
	answer = ask(hotplug_add_command, text);
	id[0] = 0;
	if (json_object_object_get_ex(answer, "id", &o))
		snprintf(id, sizeof(id), "%s", json_object_get_string(o));
	json_object_put(answer);
	return id;
}

static bool refused(const char *options, const char *more, const char *words)
{
	if (!*add(options, more) && strstr(why, words))
		return true;
	printf("# %s\n", why);
	return false;
}

/* How many there are, and what the last one is made of. */
static int list(char *what)
{
	struct json_object *answer = ask(hotplug_list_command, "{}"), *devices, *o;
	int n = 0;

	if (json_object_object_get_ex(answer, "devices", &devices))
		n = json_object_array_length(devices);
	what[0] = 0;
	if (n && json_object_object_get_ex(json_object_array_get_idx(devices, n - 1), "what", &o))
		strcpy(what, json_object_get_string(o));
	json_object_put(answer);
	return n;
}

static void place(int slot)
{
	driver_config(slot, PCI_BASE_ADDRESS_0, 4, true, PCI_WINDOW + 0x1000000 + slot * 0x10000);
	driver_config(slot, PCI_COMMAND, 2, true, PCI_COMMAND_MEMORY);
}

static int descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int threads(void)
{
	DIR *d = opendir("/proc/self/task");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* No process either, not even one that has ended. */
static bool no_child(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD;
}

static void life(void)
{
	char first[100], what[100];
	int before = descriptors(), had = threads() + 1;	/* watch.c's thread comes with the first one */
	long long since;

	TAP_CHECK(!list(what) && no_child());
	TAP_CHECK(refused("piano", "", "want user, tap=NAME or bridge=NAME first"));
	TAP_CHECK(refused("", "", "want user, tap=NAME or bridge=NAME first"));
	TAP_CHECK(refused("user,mac=1", "", "want an address of one station"));
	TAP_CHECK(refused("user,queues=2", "", "has one queue"));
	TAP_CHECK(refused("user", ",\"publish\":7", "want a list of texts"));
	TAP_CHECK(refused("user", ",\"publish\":[7]", "want [ADDRESS:]PORT:GUESTPORT"));
	TAP_CHECK(refused("user", ",\"publish\":[\"80\"]", "want [ADDRESS:]PORT:GUESTPORT"));
	TAP_CHECK(refused("tap=x", ",\"publish\":[\"80:80\"]", "goes with --net user"));
	passt_is("echo it is not to be >&2; exit 3");
	TAP_CHECK(refused("user", "", "passt: it is not to be"));
	TAP_EQ(events, 0);
	passt_is(GOOD);
	TAP_CHECK(!strcmp(add("user", ",\"publish\":[\"127.0.0.1:47080:80\",\"47053:53/udp\"]"), "net0") && events == 1);
	TAP_CHECK(was_told("--tcp-ports 127.0.0.1/47080:80 --udp-ports 47053:53"));
	TAP_EQ(get(HOTPLUG_ADDED), 1u << 1);
	TAP_CHECK(list(first) == 1 && !strncmp(first, "user,mac=", 9));
	TAP_CHECK(!strcmp(add("user", ""), "net1") && was_told("--udp-ports none"));
	TAP_CHECK(list(what) == 2 && strcmp(first, what));
	/* Addresses are each network's own, whoever has chosen them. */
	TAP_CHECK(refused(what, "", "another network of the VM's has this mac"));
	TAP_CHECK(!strcmp(add("user,mac=02:00:00:00:00:01", ""), "net2"));
	TAP_CHECK(refused("user,mac=02:00:00:00:00:01", "", "another network of the VM's has this mac"));
	for (int i = 3; i < 8; i++)
		TAP_CHECK(*add("user", ""));
	TAP_CHECK(refused("user", "", "a VM has at most 8"));
	eject(~0u);
	TAP_CHECK(strstr(driver_said, "the guest has ejected net7 (user,mac="));
	TAP_CHECK(!list(what) && no_child());
	TAP_EQ(descriptors(), before);
	TAP_EQ(threads(), had);
	/* The first one has the first one's address again, unless somebody has it. */
	TAP_CHECK(*add("user", "") && list(what) == 1 && !strcmp(first, what));
	eject(~0u);
	TAP_CHECK(*add(first, "") && list(what) == 1 && !strcmp(first, what));
	TAP_CHECK(*add("user", "") && list(what) == 2 && strcmp(first, what));
	eject(~0u);
	TAP_CHECK(!list(what) && no_child());
	/* One that does not end is ended. */
	passt_is("PATH=/bin:/usr/bin; sleep 1000 <&3 >/dev/null 2>&1 &");
	TAP_CHECK(*add("user", ""));
	since = now_ms();
	eject(~0u);
	TAP_CHECK(!list(what) && no_child() && now_ms() - since >= 1500);
	/* One that is gone already. */
	passt_is("PATH=/bin:/usr/bin; sleep 0.01 <&3 >/dev/null 2>&1 &");
	TAP_CHECK(*add("user", ""));
	usleep(100000);
	eject(~0u);
	TAP_CHECK(!list(what) && no_child());
	TAP_EQ(descriptors(), before);
	passt_is(GOOD);
}

static void *reset(void *arg)
{
	uint8_t zero = 0;

	bus_access(&driver_vm.bus, BUS_MEMORY, *(uint64_t *)arg + 20, &zero, 1, true);
	return NULL;
}

/* Ejected with packets under way, by whoever likes, while another vCPU resets it. */
static void at_once(void)
{
	uint64_t bar = PCI_WINDOW + 0x1000000 + 0x10000;
	int before = descriptors(), had = threads(), i;
	char what[100];
	pthread_t other;

	for (i = 0; i < 100; i++) {
		if (!*add("user", ""))
			break;
		place(1);
		if (!driver_start(1, i % 3 ? 1u << VIRTIO_NET_F_CTRL_VQ : 0, 3))
			break;
		for (int k = 0; k < 5; k++)
			driver_add(1, 1, (struct vring_desc[]){ OUT(A, 12), OUT(A + 0x1000, 50000) }, 2);
		/* a command that is none, too */
		driver_add(1, 2, (struct vring_desc[]){ OUT(A, 2), IN(A + 16, 1) }, 2);
		if (i % 2) {
			pthread_create(&other, NULL, reset, &bar);
			if (i % 4 == 1)
				usleep(i % 7 * 20);
		}
		eject(1u << 1);
		if (i % 2)
			pthread_join(other, NULL);
		if (list(what) || !no_child())
			break;
	}
	if (i < 100)
		printf("# %s\n", why);
	TAP_EQ(i, 100);
	TAP_EQ(descriptors(), before);
	TAP_EQ(threads(), had);
}

/* Whichever of its descriptors is the one too many, none of the others is left. */
static void too_many_files(void)
{
	int before = descriptors(), highest = open("/dev/null", O_RDONLY), i;
	struct rlimit old, few;
	char what[100];

	close(highest);
	getrlimit(RLIMIT_NOFILE, &old);
	few = old;
	for (i = 0; i < 64; i++) {
		bool added;

		few.rlim_cur = highest + i;
		setrlimit(RLIMIT_NOFILE, &few);
		added = *add("user", "");
		setrlimit(RLIMIT_NOFILE, &old);
		list(what);		/* what has begun to leave has left */
		if (added && list(what))
			break;
		if (descriptors() != before || !no_child())
			break;
	}
	printf("# %d descriptors\n", i);
	TAP_EQ(descriptors() > before, i < 64);
	TAP_CHECK(i < 64 && i > 3);
	eject(~0u);
	TAP_CHECK(!list(what) && no_child());
	TAP_EQ(descriptors(), before);
}

/* The VM ends with one that is there, and one that has been ejected a moment ago. */
static void end(void)
{
	TAP_CHECK(*add("user", "") && *add("user", ""));
	eject(1u << 1);
	watch_finish(&driver_vm);
	nets_finish(&driver_vm);
	TAP_CHECK(no_child());
}

int main(void)
{
	static struct vmm_config cfg = { .cpus = 1, .memory = MEMORY, .name = "vm", .named = true };

	strcpy(dir, "/tmp/vhctl-test-net.XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	setenv("PATH", dir, 1);
	driver_begin(MEMORY);
	driver_vm.cfg = &cfg;
	hotplug_create(&driver_vm);
	if (watch_create(&driver_vm) || nets_prepare(&driver_vm) || threads_start(&driver_vm))
		return 1;
	driver_vm.running = true;
	life();
	at_once();
	too_many_files();
	end();
	if (chdir(dir) || unlink("passt") || unlink("said") || chdir("/") || rmdir(dir))
		printf("# something is left in %s\n", dir);
	return tap_done();
}
