// SPDX-License-Identifier: GPL-2.0-only
/*
 * generation.c - the VM's generation (Virtual Machine Generation ID, Microsoft): 16 random bytes. A guest
 * that finds others there is a copy, and draws its random numbers anew.
 *
 * They are read from where no memory is: rarely, and memory is charged by the page.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "vhctl.h"
#include "vmm/control.h"
#include "vmm/devices.h"
#include "vmm/vmm.h"

#define ID_SIZE	16
#define PAGE	4096

static uint8_t id[ID_SIZE];	/* bus.lock */

static uint64_t id_read(void *device, uint64_t offset, int len)
{
	uint64_t value = 0;

	(void)device;
	if (offset + len <= ID_SIZE)
		memcpy(&value, id + offset, len);
	return value;
}

static void id_write(void *device, uint64_t offset, int len, uint64_t value)
{
	(void)device, (void)offset, (void)len, (void)value;
}

static const struct device_ops ops = { .read = id_read, .write = id_write };

static int draw(void)
{
	if (getrandom(id, ID_SIZE, 0) == ID_SIZE)
		return 0;
	error("no random numbers for the VM's generation: %s", strerror(errno));
	return -1;
}

int generation_change(struct vmm *v)
{
	if (draw())
		return -1;
	pm_event(v->pm, GPE_GENERATION);
	return 0;
}

/**
 * generation_create - the page with the generation
 * @v: the VM
 *
 * 0, or -1, told.
 */
int generation_create(struct vmm *v)
{
	bus_claim(&v->bus, BUS_MEMORY, GPA_GENERATION, PAGE, &ops, NULL);
	return draw();
}

void generation_command(struct vmm *v, struct json_object *request, struct json_object *answer)
{
	int err;

	(void)request;
	pthread_mutex_lock(&v->bus.lock);
	err = generation_change(v);
	pthread_mutex_unlock(&v->bus.lock);
	if (err)
		control_fail(answer, "there are no random numbers");
}
