// SPDX-License-Identifier: GPL-2.0-only
/*
 * fw_cfg.c - the device by which a firmware asks what its machine is (QEMU's "Firmware Configuration
 * (fw_cfg) Device" specification): a selector and a byte of data at a time by ports, or many bytes by DMA.
 *
 * Nothing here is written by the guest: what it transfers to an item is an error to it.
 */
#include <endian.h>
#include <linux/qemu_fw_cfg.h>
#include <stdlib.h>
#include <string.h>

#include "vhctl.h"
#include "vmm/bus.h"
#include "vmm/fw_cfg.h"
#include "vmm/vmm.h"

#define SELECT_PORT	0x510
#define DMA_PORT	0x514
#define MAX_FILES	FW_CFG_FILE_SLOTS_MIN
#define MAX_ITEMS	(MAX_FILES + 16)

/* The selector has 16 bits and is written by two bytes, the second of which is where data is read. */
enum { SELECT = 0, DATA = 1, SELECT_SIZE = 2 };

struct item {
	uint16_t key;
	void *data;
	uint32_t size;
};

struct fw_cfg {
	struct vmm *v;				/* const, as the next four are once vCPUs run */
	struct item item[MAX_ITEMS];
	int items;
	struct {
		uint32_t count;			/* big endian */
		struct fw_cfg_file file[MAX_FILES];
	} directory;
	int files;
	const struct item *selected;		/* NULL: there is none of that number; bus->lock */
	uint32_t offset;			/* in it; bus->lock */
	uint64_t dma;				/* address of which the low half is to come; bus->lock */
	int complaints;				/* bus->lock */
};

/* --- the items --- */

static const struct item *find(const struct fw_cfg *f, uint16_t key)
{
	for (int i = 0; i < f->items; i++)
		if (f->item[i].key == key)
			return &f->item[i];
	return NULL;
}

static void select_item(struct fw_cfg *f, uint16_t key)
{
	f->selected = find(f, key);
	f->offset = 0;
}

/* Bytes that are still to be read; behind them are zeroes. */
static uint32_t left(const struct fw_cfg *f)
{
	return f->selected ? f->selected->size - f->offset : 0;
}

static void read_bytes(struct fw_cfg *f, uint8_t *to, uint32_t n)
{
	uint32_t there = left(f) < n ? left(f) : n;

	if (there)
		memcpy(to, (const uint8_t *)f->selected->data + f->offset, there);
	memset(to + there, 0, n - there);
	f->offset += there;
}

static void skip_bytes(struct fw_cfg *f, uint32_t n)
{
	f->offset += left(f) < n ? left(f) : n;
}

/* --- selector and data --- */

static uint64_t port_read(void *device, uint64_t offset, int len)
{
	struct fw_cfg *f = device;
	uint8_t byte;

	if (offset != DATA || len != 1)
		return ~0ULL;
	read_bytes(f, &byte, 1);
	return byte;
}

static void port_write(void *device, uint64_t offset, int len, uint64_t value)
{
	if (offset == SELECT && len == SELECT_SIZE)
		select_item(device, value);
}

static const struct device_ops port_ops = { .read = port_read, .write = port_write };

/* --- DMA --- */

/* What the guest has asked for; false: it cannot be done. */
static bool transfer(struct fw_cfg *f, uint32_t control, uint32_t length, uint64_t address)
{
	uint8_t *to;

	if (control & FW_CFG_DMA_CTL_SELECT)
		select_item(f, control >> 16);
	if (control & FW_CFG_DMA_CTL_READ) {
		to = memory_at(f->v, address, length);
		if (!to && length)
			return false;
		if (length)
			read_bytes(f, to, length);
		return true;
	}
	if (control & FW_CFG_DMA_CTL_WRITE)
		return !length;
	if (control & FW_CFG_DMA_CTL_SKIP)
		skip_bytes(f, length);
	return true;
}

static void dma(struct fw_cfg *f, uint64_t gpa)
{
	struct fw_cfg_dma_access access, *at = memory_at(f->v, gpa, sizeof(access));
	uint32_t status;

	if (!at) {
		if (may_complain(&f->complaints))
			error("fw_cfg: a transfer is described at %#llx, which is not memory",
			      (unsigned long long)gpa);
		return;
	}
	/* Once: other vCPUs may change it meanwhile. */
	memcpy(&access, at, sizeof(access));
	__asm__ volatile("" : : "r"(&access) : "memory");
	status = transfer(f, be32toh(access.control), be32toh(access.length), be64toh(access.address)) ?
		 0 : htobe32(FW_CFG_DMA_CTL_ERROR);
	memcpy(&at->control, &status, sizeof(status));
}

static uint64_t dma_read(void *device, uint64_t offset, int len)
{
	uint64_t signature = htobe64(FW_CFG_DMA_SIGNATURE), value = 0;

	(void)device;
	if (offset + len > sizeof(signature))
		return ~0ULL;
	memcpy(&value, (uint8_t *)&signature + offset, len);
	return value;
}

static void dma_write(void *device, uint64_t offset, int len, uint64_t value)
{
	struct fw_cfg *f = device;
	uint64_t gpa;

	if (len == 4 && offset == 0) {
		f->dma = (uint64_t)be32toh(value) << 32;
	} else if (len == 4 && offset == 4) {
		gpa = f->dma | be32toh(value);
		f->dma = 0;
		dma(f, gpa);
	} else if (len == 8 && offset == 0) {
		dma(f, be64toh(value));
	}
}

static const struct device_ops dma_ops = { .read = dma_read, .write = dma_write };

/* --- making it --- */

/**
 * fw_cfg_add - an item of a number
 * @f: the device
 * @key: the number, which no other item has
 * @data: copied
 * @size: of it
 *
 * Before vCPUs run.
 */
void fw_cfg_add(struct fw_cfg *f, uint16_t key, const void *data, size_t size)
{
	void *copy = malloc(size);

	if (!copy || f->items == MAX_ITEMS || find(f, key) || size > UINT32_MAX)
		abort();
	memcpy(copy, data, size);
	f->item[f->items++] = (struct item){ key, copy, size };
}

/**
 * fw_cfg_add_file - an item of a name
 * @f: the device
 * @name: shorter than FW_CFG_MAX_FILE_PATH
 * @data: copied
 * @size: of it
 *
 * Before vCPUs run.
 */
void fw_cfg_add_file(struct fw_cfg *f, const char *name, const void *data, size_t size)
{
	struct fw_cfg_file *file = &f->directory.file[f->files];
	uint16_t key = FW_CFG_FILE_FIRST + f->files;

	if (f->files == MAX_FILES || strlen(name) >= sizeof(file->name))
		abort();
	fw_cfg_add(f, key, data, size);
	file->size = htobe32(size);
	file->select = htobe16(key);
	strcpy(file->name, name);
	f->directory.count = htobe32(++f->files);
	/* The item that fw_cfg_create() made of it. */
	memcpy(find(f, FW_CFG_FILE_DIR)->data, &f->directory, sizeof(f->directory));
}

/**
 * fw_cfg_create - the device, which has no files yet
 * @v: the VM, with memory
 */
struct fw_cfg *fw_cfg_create(struct vmm *v)
{
	struct fw_cfg *f = calloc(1, sizeof(*f));
	uint32_t id = htole32(FW_CFG_VERSION | FW_CFG_VERSION_DMA);

	if (!f)
		abort();
	f->v = v;
	fw_cfg_add(f, FW_CFG_SIGNATURE, "QEMU", FW_CFG_SIG_SIZE);
	fw_cfg_add(f, FW_CFG_ID, &id, sizeof(id));
	fw_cfg_add(f, FW_CFG_FILE_DIR, &f->directory, sizeof(f->directory));
	bus_claim(&v->bus, BUS_PORTS, SELECT_PORT, SELECT_SIZE, &port_ops, f);
	bus_claim(&v->bus, BUS_PORTS, DMA_PORT, sizeof(uint64_t), &dma_ops, f);
	return f;
}
