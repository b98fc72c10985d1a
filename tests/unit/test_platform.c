// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_platform.c - the small devices of vhctl's VMM that are no PCI devices: general-purpose events,
 * pvpanic, the VM's generation, the watchdog.
 */
#include <linux/vh.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "nl.h"
#include "tap.h"
#include "vhctl.h"
#include "vmm/control.h"
#include "vmm/devices.h"
#include "vmm/msi.h"
#include "vmm/vmm.h"

static struct vmm vmm;
static struct vmm_config cfg = { .watchdog = WATCHDOG_POWEROFF, .name = "test" };
static bool sci, off, panicked, with_vh = true;
static int ended, pauses;		/* status; ended, pauses and state: atomic */
static uint32_t state = VH_VM_RUNNING;
static char said[256];

/* --- what the devices call --- */

void error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
}

void vmm_stop(struct vmm *v, int status, const char *reason, ...)
{
	(void)v, (void)reason;
	__atomic_store_n(&ended, status, __ATOMIC_SEQ_CST);
}

void msi_signal(int fd)
{
	(void)fd;
}

int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	(void)fd;
	return request == VH_GET_VM_ID && with_vh ? 0 : -1;
}

struct nl *vh_open(void)
{
	return (struct nl *)&vmm;
}

int nl_socket_get_fd(const struct nl_sock *s)
{
	(void)s;
	return -1;
}

void vh_close(struct nl *nl)
{
	(void)nl;
}

struct nl_msg *vh_request(struct nl *nl, int cmd, int flags)
{
	(void)nl, (void)flags;
	return cmd == VH_CMD_VM_PAUSE ? (struct nl_msg *)&vmm : NULL;
}

int vh_do(struct nl *nl, struct nl_msg *msg, const char *what)
{
	(void)nl, (void)what;
	if (!msg)
		return 1;
	__atomic_fetch_add(&pauses, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&state, VH_VM_PAUSED, __ATOMIC_SEQ_CST);
	return 0;
}

int nla_put_u32(struct nl_msg *msg, int type, uint32_t value)
{
	(void)msg, (void)type, (void)value;
	return 0;
}

int vm_get(struct nl *nl, const char *ref, struct vm *vm)
{
	(void)nl, (void)ref;
	*vm = (struct vm){ .state = __atomic_load_n(&state, __ATOMIC_SEQ_CST) };
	return 0;
}

void vm_free(struct vm *vm)
{
	(void)vm;
}

static void set_sci(struct line *l, bool on) { (void)l; sci = on; }
static void set_off(struct line *l, bool on) { (void)l; off = on; }
static void set_panic(struct line *l, bool on) { (void)l; panicked = on; }
static struct line sci_line = { set_sci }, off_line = { set_off }, panic_line = { set_panic };

/* --- the guest --- */

static uint64_t get(enum bus_space space, uint64_t at, int len)
{
	uint64_t value = 0;

	bus_access(&vmm.bus, space, at, &value, len, false);
	return value;
}

static void put(uint64_t port, int len, uint64_t value)
{
	bus_access(&vmm.bus, BUS_PORTS, port, &value, len, true);
}

static void event(int n)
{
	pthread_mutex_lock(&vmm.bus.lock);
	pm_event(vmm.pm, n);
	pthread_mutex_unlock(&vmm.bus.lock);
}

static void events(void)
{
	/* not enabled: it is noted */
	event(GPE_PCI);
	TAP_CHECK(!sci && get(BUS_PORTS, GPE_PORT, 1) == 1 << GPE_PCI);
	put(GPE_PORT + GPE_BYTES, 1, 0xff);
	TAP_CHECK(sci);
	/* cleared by ones, and only those */
	event(GPE_GENERATION);
	put(GPE_PORT, 1, 1 << GPE_PCI);
	TAP_CHECK(sci && get(BUS_PORTS, GPE_PORT, 1) == 1 << GPE_GENERATION);
	put(GPE_PORT, 1, 0xff);
	TAP_CHECK(!sci && !get(BUS_PORTS, GPE_PORT, 1));
	TAP_EQ(get(BUS_PORTS, GPE_PORT, 4), 0x00ff0000);
	/* beside the power button's */
	put(PM_EVENT_PORT + 2, 2, 1 << 8);
	TAP_CHECK(pm_press(vmm.pm) && sci);
	put(GPE_PORT, 4, 0);
	TAP_CHECK(sci);
	put(PM_EVENT_PORT, 2, 1 << 8);
	TAP_CHECK(!sci && !off);
	put(GPE_PORT, 8, ~0ULL);	/* more than there is */
	get(BUS_PORTS, GPE_PORT + 3, 8);
}

static void panic(void)
{
	TAP_EQ(get(BUS_PORTS, PVPANIC_PORT, 1), 3);
	put(PVPANIC_PORT, 1, 0);
	TAP_CHECK(!panicked && !said[0]);
	put(PVPANIC_PORT, 1, 2);
	TAP_CHECK(!panicked && strstr(said, "its crash kernel takes over"));
	put(PVPANIC_PORT, 1, 1);
	TAP_CHECK(panicked);
}

static void generation(void)
{
	uint64_t a = get(BUS_MEMORY, GPA_GENERATION, 8), b = get(BUS_MEMORY, GPA_GENERATION + 8, 8);
	struct json_object *answer = json_object_new_object();

	TAP_CHECK(a && b && a != b);
	TAP_EQ(get(BUS_MEMORY, GPA_GENERATION + 12, 4), b >> 32);
	TAP_EQ(get(BUS_MEMORY, GPA_GENERATION + 12, 8), 0);
	bus_access(&vmm.bus, BUS_MEMORY, GPA_GENERATION, &b, 8, true);
	TAP_EQ(get(BUS_MEMORY, GPA_GENERATION, 8), a);
	put(GPE_PORT + GPE_BYTES, 1, 1 << GPE_GENERATION);
	generation_command(&vmm, answer, answer);
	TAP_CHECK(sci && get(BUS_MEMORY, GPA_GENERATION, 8) != a && get(BUS_MEMORY, GPA_GENERATION + 8, 8) != b);
	TAP_CHECK(!json_object_object_get_ex(answer, "error", NULL));
	json_object_put(answer);
}

static bool ends(int ms)
{
	for (; ms > 0 && !__atomic_load_n(&ended, __ATOMIC_SEQ_CST); ms -= 10)
		usleep(10000);
	return __atomic_load_n(&ended, __ATOMIC_SEQ_CST);
}

static void watchdog(void)
{
	uint64_t left;

	/* limits */
	put(WATCHDOG_PORT + WATCHDOG_PERIOD, 4, 0);
	TAP_EQ(get(BUS_PORTS, WATCHDOG_PORT + WATCHDOG_PERIOD, 4), WATCHDOG_MIN_TICKS);
	put(WATCHDOG_PORT + WATCHDOG_PERIOD, 4, ~0u);
	TAP_EQ(get(BUS_PORTS, WATCHDOG_PORT + WATCHDOG_PERIOD, 4), WATCHDOG_MAX_TICKS);
	put(WATCHDOG_PORT + WATCHDOG_PERIOD, 4, WATCHDOG_MIN_TICKS);
	put(WATCHDOG_PORT + WATCHDOG_PERIOD, 1, 77);
	TAP_EQ(get(BUS_PORTS, WATCHDOG_PORT + WATCHDOG_PERIOD, 4), WATCHDOG_MIN_TICKS);
	TAP_CHECK(!ends(1300));			/* nobody has started it */
	put(WATCHDOG_PORT + WATCHDOG_RUNNING, 4, 1);
	TAP_EQ(get(BUS_PORTS, WATCHDOG_PORT + WATCHDOG_RUNNING, 4), 1);
	for (int i = 0; i < 5; i++) {
		TAP_CHECK(!ends(300));
		put(WATCHDOG_PORT + WATCHDOG_RELOAD, 4, 1);
	}
	usleep(300000);
	left = get(BUS_PORTS, WATCHDOG_PORT + WATCHDOG_LEFT, 4);
	TAP_CHECK(left > 0 && left < WATCHDOG_MIN_TICKS);
	/* paused: no time goes by */
	__atomic_store_n(&state, VH_VM_PAUSED, __ATOMIC_SEQ_CST);
	TAP_CHECK(!ends(1500));
	put(WATCHDOG_PORT + WATCHDOG_RUNNING, 4, 0);
	__atomic_store_n(&state, VH_VM_RUNNING, __ATOMIC_SEQ_CST);
	TAP_CHECK(!ends(1500));			/* stopped */
	put(WATCHDOG_PORT + WATCHDOG_RUNNING, 4, 1);
	TAP_CHECK(ends(3000) && ended == EXIT_GUEST_CRASH);
	/* what else may be done */
	cfg.watchdog = WATCHDOG_RESET;
	ended = 0;
	TAP_CHECK(ends(3000) && ended == EXIT_GUEST_RESET);
	cfg.watchdog = WATCHDOG_PAUSE;
	ended = 0;
	TAP_CHECK(!ends(3000) && __atomic_load_n(&pauses, __ATOMIC_SEQ_CST) == 1);
	watchdog_finish();
}

int main(void)
{
	vmm.cfg = &cfg;
	bus_init(&vmm.bus);
	vmm.pm = pm_create(&vmm.bus, PM_EVENT_PORT, &sci_line, &off_line);
	pvpanic_create(&vmm.bus, &panic_line);
	if (generation_create(&vmm))
		return 1;
	events();
	panic();
	generation();
	cfg.watchdog = WATCHDOG_PAUSE;
	with_vh = false;
	TAP_CHECK(watchdog_create(&vmm) && strstr(said, "cannot pause VMs"));
	with_vh = true;
	cfg.watchdog = WATCHDOG_POWEROFF;
	if (watchdog_create(&vmm) || threads_start(&vmm))
		return 1;
	watchdog();
	return tap_done();
}
