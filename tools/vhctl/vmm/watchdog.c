// SPDX-License-Identifier: GPL-2.0-only
/*
 * watchdog.c - a watchdog: the guest that starts it has to reload it, or something is done about the guest.
 *
 * A period is four steps, and its end is the fourth step in which the guest could run. So neither a
 * paused VM nor a VMM that was stopped itself has its time run out meanwhile.
 */
#include <errno.h>
#include <linux/vh.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "nl.h"
#include "vhctl.h"
#include "vmm/confine.h"
#include "vmm/devices.h"
#include "vmm/thread.h"
#include "vmm/vmm.h"

#define STEPS		4
#define DEFAULT_TICKS	300

static struct watchdog_timer {
	struct vmm *v;			/* const */
	struct thread thread;
	struct nl *nl;			/* opened before the VM is confined; NULL: not vh */
	pthread_cond_t changed;
	bool running, quit;		/* bus.lock, as everything below */
	uint32_t ticks;			/* of a period */
	int left;			/* steps */
	unsigned int loads;		/* how often it was loaded */
} timer;

static bool created;

/* --- registers; bus->lock is held --- */

static void load(struct watchdog_timer *w)
{
	w->left = STEPS;
	w->loads++;
	pthread_cond_signal(&w->changed);
}

static uint64_t reg_read(void *device, uint64_t offset, int len)
{
	struct watchdog_timer *w = device;

	if (len != 4)
		return ~0ULL;
	switch (offset) {
	case WATCHDOG_RUNNING: return w->running;
	case WATCHDOG_PERIOD: return w->ticks;
	case WATCHDOG_LEFT: return w->running ? (uint64_t)w->ticks * w->left / STEPS : w->ticks;
	}
	return 0;
}

static void reg_write(void *device, uint64_t offset, int len, uint64_t value)
{
	struct watchdog_timer *w = device;

	if (len != 4)
		return;
	switch (offset) {
	case WATCHDOG_RUNNING:
		w->running = value & 1;
		load(w);
		break;
	case WATCHDOG_PERIOD:
		w->ticks = value < WATCHDOG_MIN_TICKS ? WATCHDOG_MIN_TICKS :
			   value > WATCHDOG_MAX_TICKS ? WATCHDOG_MAX_TICKS : value;
		load(w);
		break;
	case WATCHDOG_RELOAD:
		load(w);
		break;
	}
}

static const struct device_ops ops = { .read = reg_read, .write = reg_write };

/* --- the thread --- */

/* Asks the kernel, with @pause to pause the VM; bus->lock is not held. True: it is paused. */
static bool paused(struct watchdog_timer *w, bool pause)
{
	struct vmm *v = w->v;
	struct nl *nl = w->nl;
	struct vh_vm_id id;
	bool is = false;
	char ref[16];
	struct vm vm;

	if (!nl || ioctl(v->vm, VH_GET_VM_ID, &id))
		return false;
	if (pause) {
		struct nl_msg *msg = vh_request(nl, VH_CMD_VM_PAUSE, 0);

		nla_put_u32(msg, VH_A_VM_ID, id.id);
		is = !vh_do(nl, msg, v->cfg->name);
	} else {
		snprintf(ref, sizeof(ref), "%u", id.id);
		if (!vm_get(nl, ref, &vm)) {
			is = vm.state == VH_VM_PAUSED;
			vm_free(&vm);
		}
	}
	return is;
}

static void expired(struct watchdog_timer *w)
{
	struct vmm *v = w->v;

	switch (v->cfg->watchdog) {
	case WATCHDOG_PAUSE:
		error("%s: the guest did not feed its watchdog; the VM is paused", v->cfg->name);
		if (paused(w, true))
			return;
		vmm_stop(v, EXIT_ERROR, "the VM cannot be paused");
		return;
	case WATCHDOG_POWEROFF:
		vmm_stop(v, EXIT_GUEST_CRASH, "the guest hangs: it did not feed its watchdog");
		return;
	default:
		vmm_stop(v, EXIT_GUEST_RESET, "the guest hangs: its watchdog resets it");
	}
}

/* A step goes by; false: the timer was loaded, stopped or started, or has to end. */
static bool step(struct watchdog_timer *w)
{
	unsigned int loads = w->loads;
	struct timespec until;
	uint64_t ms = (uint64_t)w->ticks * WATCHDOG_TICK_MS / STEPS;
	int err = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += ms % 1000 * 1000000;
	until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (!err && !w->quit && w->loads == loads)
		err = pthread_cond_timedwait(&w->changed, &w->v->bus.lock, &until);
	return err == ETIMEDOUT && !w->quit && w->loads == loads;
}

static void *watch(void *arg)
{
	struct watchdog_timer *w = arg;
	struct vmm *v = w->v;
	unsigned int loads;
	bool counts;

	pthread_mutex_lock(&v->bus.lock);
	while (!w->quit) {
		if (!w->running) {
			pthread_cond_wait(&w->changed, &v->bus.lock);
			continue;
		}
		if (!step(w))
			continue;
		loads = w->loads;
		pthread_mutex_unlock(&v->bus.lock);
		counts = !paused(w, false);
		pthread_mutex_lock(&v->bus.lock);
		if (!counts || w->loads != loads || --w->left)
			continue;
		w->left = STEPS;	/* of a VM that was paused for it */
		pthread_mutex_unlock(&v->bus.lock);
		expired(w);
		pthread_mutex_lock(&v->bus.lock);
	}
	pthread_mutex_unlock(&v->bus.lock);
	return NULL;
}

/**
 * watchdog_create - a watchdog, if the configuration has one
 * @v: the VM
 *
 * 0, or -1, told.
 */
int watchdog_create(struct vmm *v)
{
	struct watchdog_timer *w = &timer;
	pthread_condattr_t attr;
	struct vh_vm_id id;

	if (v->cfg->watchdog == WATCHDOG_NONE)
		return 0;
	if (!ioctl(v->vm, VH_GET_VM_ID, &id)) {
		w->nl = vh_open();
		if (!w->nl)
			return -1;
		confine_keep(nl_socket_get_fd(w->nl->sock));
	} else if (v->cfg->watchdog == WATCHDOG_PAUSE) {
		error("--watchdog=pause: %s cannot pause VMs", v->cfg->device);
		return -1;
	}
	w->v = v;
	w->ticks = DEFAULT_TICKS;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->changed, &attr);
	bus_claim(&v->bus, BUS_PORTS, WATCHDOG_PORT, WATCHDOG_SIZE, &ops, w);
	w->thread = (struct thread){
		.kind = THREAD_WATCHDOG, .own = w->nl ? nl_socket_get_fd(w->nl->sock) : -1, .file = -1, .run = watch, .arg = w,
	};
	created = true;
	return thread_create(v, &w->thread);
}

/**
 * watchdog_finish - nobody watches any more
 */
void watchdog_finish(void)
{
	struct watchdog_timer *w = &timer;

	if (!created)
		return;
	created = false;
	pthread_mutex_lock(&w->v->bus.lock);
	w->quit = true;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->v->bus.lock);
	thread_join(&w->thread);
}
