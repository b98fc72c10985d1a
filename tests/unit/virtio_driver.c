// SPDX-License-Identifier: GPL-2.0-only
/* virtio_driver.c - the driver: rings of queue q are at q * 0x4000 of the guest's memory. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vhctl.h"
#include "virtio_driver.h"
#include "vmm/msi.h"
#include "vmm/pci.h"

#define RINGS	0x4000ULL
#define DESC(q)	((q) * RINGS)
#define AVAIL(q) ((q) * RINGS + 0x1000)
#define USED(q)	((q) * RINGS + 0x2000)
#define QUEUES	8

struct vmm driver_vm;
char driver_said[512];
static pthread_mutex_t said_lock = PTHREAD_MUTEX_INITIALIZER;
static struct vmm_config cfg = { .cpus = 1 };
static uint16_t made[QUEUES];
static unsigned int desc[QUEUES];

/* --- what the devices call --- */

void error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	pthread_mutex_lock(&said_lock);
	vsnprintf(driver_said, sizeof(driver_said), fmt, ap);
	pthread_mutex_unlock(&said_lock);
	va_end(ap);
}

__attribute__((weak)) void error_capture(char *text, size_t size)
{
	(void)text, (void)size;
}

/* --- the driver --- */

void driver_begin(uint64_t memory)
{
	cfg.memory = memory;
	driver_vm.cfg = &cfg;
	driver_vm.vm = driver_vm.memory_fd = -1;
	driver_vm.low_size = memory;
	driver_vm.low = mmap(NULL, memory, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (driver_vm.low == MAP_FAILED)
		abort();
	pthread_mutex_init(&driver_vm.lock, NULL);
	bus_init(&driver_vm.bus);
	pci_create(&driver_vm);
}

void *driver_at(uint64_t gpa)
{
	return driver_vm.low + gpa;
}

uint64_t driver_config(int slot, uint64_t at, int len, bool write, uint64_t value)
{
	bus_access(&driver_vm.bus, BUS_MEMORY, PCI_ECAM + slot * 0x8000ULL + at, &value, len, write);
	return len < 8 ? value & ((1ULL << len * 8) - 1) : value;
}

uint64_t driver_bar(int slot, uint64_t at, int len, bool write, uint64_t value)
{
	uint64_t bar = driver_config(slot, PCI_BASE_ADDRESS_0, 4, false, 0) & ~0xfULL;

	bus_access(&driver_vm.bus, BUS_MEMORY, bar + at, &value, len, write);
	return len < 8 ? value & ((1ULL << len * 8) - 1) : value;
}

uint8_t driver_status(int slot)
{
	return driver_bar(slot, 20, 1, false, 0);
}

bool driver_reset(int slot)
{
	driver_bar(slot, 20, 1, true, 0);
	return !driver_status(slot);
}

bool driver_start(int slot, uint32_t features, int queues)
{
	if (!driver_reset(slot))
		return false;
	memset(driver_vm.low, 0, DRIVER_DATA);
	memset(made, 0, sizeof(made));
	memset(desc, 0, sizeof(desc));
	driver_bar(slot, 20, 1, true, 3);
	driver_bar(slot, 8, 4, true, 1);
	driver_bar(slot, 12, 4, true, 1);
	driver_bar(slot, 8, 4, true, 0);
	driver_bar(slot, 12, 4, true, features);
	driver_bar(slot, 20, 1, true, 11);
	for (int q = 0; q < queues; q++) {
		driver_bar(slot, 22, 2, true, q);
		driver_bar(slot, 24, 2, true, DRIVER_SIZE);
		driver_bar(slot, 32, 4, true, DESC(q));
		driver_bar(slot, 40, 4, true, AVAIL(q));
		driver_bar(slot, 48, 4, true, USED(q));
		driver_bar(slot, 28, 2, true, 1);
	}
	driver_bar(slot, 20, 1, true, 15);
	return driver_status(slot) == 15;
}

void driver_add(int slot, int q, const struct vring_desc *d, int n)
{
	struct vring_desc *table = driver_at(DESC(q));
	struct vring_avail *avail = driver_at(AVAIL(q));
	unsigned int head = desc[q] % DRIVER_SIZE;

	for (int i = 0; i < n; i++, desc[q]++) {
		table[desc[q] % DRIVER_SIZE] = d[i];
		if (i + 1 < n) {
			table[desc[q] % DRIVER_SIZE].flags |= VRING_DESC_F_NEXT;
			table[desc[q] % DRIVER_SIZE].next = (desc[q] + 1) % DRIVER_SIZE;
		}
	}
	avail->ring[made[q] % DRIVER_SIZE] = head;
	__atomic_store_n(&avail->idx, ++made[q], __ATOMIC_RELEASE);
	driver_bar(slot, 0x3000 + q * 4, 2, true, 0);
}

bool driver_until(bool (*is)(void *), void *arg)
{
	for (int i = 0; i < 5000; i++, usleep(1000))
		if (is(arg))
			return true;
	return false;
}

static bool given_back(void *arg)
{
	int q = *(int *)arg;
	struct vring_used *used = driver_at(USED(q));

	return __atomic_load_n(&used->idx, __ATOMIC_ACQUIRE) == made[q];
}

bool driver_done(int q)
{
	return driver_until(given_back, &q);
}

uint32_t driver_length(int q)
{
	struct vring_used *used = driver_at(USED(q));

	return used->ring[(uint16_t)(made[q] - 1) % DRIVER_SIZE].len;
}

static bool needs_reset(void *arg)
{
	return driver_status(*(int *)arg) & 0x40;
}

static bool says(void *words)
{
	bool good;

	pthread_mutex_lock(&said_lock);
	good = strstr(driver_said, words) != NULL;
	pthread_mutex_unlock(&said_lock);
	return good;
}

/* It sets the bit first. */
bool driver_breaks(int slot, const char *words)
{
	return driver_until(needs_reset, &slot) && driver_until(says, (void *)words);
}
