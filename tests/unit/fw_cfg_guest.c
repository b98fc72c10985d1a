// SPDX-License-Identifier: GPL-2.0-only
/*
 * fw_cfg_guest.c - a guest that does to fw_cfg what an input says, and knows what has to come: the entry of
 * libFuzzer, and of test_fw_cfg.c, which makes inputs up.
 *
 * Its memory is two allocations of just their size, so that ASan sees what is beside them; a copy of it
 * tells whether more was written than had to be.
 */
#include <endian.h>
#include <linux/qemu_fw_cfg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fw_cfg_guest.h"
#include "input.h"
#include "vhctl.h"
#include "vmm/fw_cfg.h"

#define LOW	0x3000ULL
#define HIGH	0x1000ULL
#define ODD	77		/* bytes of the second file */

struct fw_counts fw_counts;
struct vmm fw_vmm;

static struct vmm_config cfg = { .cpus = 1, .memory = LOW };
static uint8_t large[0x1800], odd[ODD], low[LOW], high[HIGH];

/* What is selected, as the guest knows it. */
static const uint8_t *item;
static uint32_t item_size, item_at;

void error(const char *fmt, ...)
{
	(void)fmt;
	fw_counts.messages++;
}

static void need(bool so, const char *what)
{
	if (so)
		return;
	fprintf(stderr, "fw_cfg: not so: %s\n", what);
	abort();
}

#define NEED(cond) need(cond, #cond)

void fw_start(void)
{
	struct fw_cfg *f;

	if (fw_vmm.low)
		return;
	fw_vmm = (struct vmm){ .cfg = &cfg, .low = malloc(LOW), .high = malloc(HIGH), .low_size = LOW, .high_size = HIGH };
	bus_init(&fw_vmm.bus);
	memset(fw_vmm.low, 0, LOW);
	memset(fw_vmm.high, 0, HIGH);
	for (size_t i = 0; i < sizeof(large); i++)
		large[i] = i * 7 + i / 256 + 1;
	memset(odd, 0xa5, sizeof(odd));
	f = fw_cfg_create(&fw_vmm);
	fw_cfg_add(f, FW_CFG_NB_CPUS, "\3", 2);
	fw_cfg_add_file(f, "large", large, sizeof(large));
	fw_cfg_add_file(f, "etc/odd", odd, sizeof(odd));
}

static void choose(uint16_t key)
{
	item = NULL;
	item_size = item_at = 0;
	switch (key) {
	case FW_CFG_SIGNATURE: item = (const uint8_t *)"QEMU"; item_size = 4; break;
	case FW_CFG_ID: item = (const uint8_t *)"\3\0\0"; item_size = 4; break;
	case FW_CFG_NB_CPUS: item = (const uint8_t *)"\3"; item_size = 2; break;
	case FW_CFG_FILE_FIRST: item = large; item_size = sizeof(large); break;
	case FW_CFG_FILE_FIRST + 1: item = odd; item_size = sizeof(odd); break;
	}
}

static uint8_t expected(void)
{
	return item_at < item_size ? item[item_at++] : 0;
}

static void advance(uint32_t n)
{
	item_at += n < item_size - item_at ? n : item_size - item_at;
}

static uint8_t *copy_of(uint64_t gpa)
{
	return gpa < LOW ? low + gpa : high + (gpa - FOUR_GIB);
}

static void same(void)
{
	NEED(!memcmp(low, fw_vmm.low, LOW));
	NEED(!memcmp(high, fw_vmm.high, HIGH));
}

static void select_item(uint16_t key)
{
	uint64_t value = key;

	bus_access(&fw_vmm.bus, BUS_PORTS, 0x510, &value, 2, true);
	choose(key);
}

uint32_t fw_dma(uint64_t gpa, uint32_t control, uint32_t length, uint64_t address)
{
	struct fw_cfg_dma_access a = { htobe32(control), htobe32(length), htobe64(address) };
	void *at = memory_at(&fw_vmm, gpa, sizeof(a));
	uint32_t half = htobe32(gpa >> 32), left = ~0u;

	if (at)
		memcpy(at, &a, sizeof(a));
	bus_access(&fw_vmm.bus, BUS_PORTS, 0x514, &half, 4, true);
	half = htobe32((uint32_t)gpa);
	bus_access(&fw_vmm.bus, BUS_PORTS, 0x518, &half, 4, true);
	if (at)
		memcpy(&left, at, sizeof(left));
	return be32toh(left);
}

/* The same, and all that it has done is what it had to do. */
static void checked_dma(uint64_t gpa, uint32_t control, uint32_t length, uint64_t address)
{
	struct fw_cfg_dma_access a = { htobe32(control), htobe32(length), htobe64(address) };
	bool described = memory_at(&fw_vmm, gpa, sizeof(a));
	bool memory = !length || memory_at(&fw_vmm, address, length), good = true;
	uint32_t left = fw_dma(gpa, control, length, address), status;

	if (!described) {
		fw_counts.nowhere++;
		same();
		return;
	}
	fw_counts.transfers++;
	memcpy(copy_of(gpa), &a, sizeof(a));
	if (control & FW_CFG_DMA_CTL_SELECT)
		choose(control >> 16);
	if (control & FW_CFG_DMA_CTL_READ) {
		good = memory;
		for (uint32_t i = 0; good && i < length; i++)
			*copy_of(address + i) = expected();
		fw_counts.read += good && length;
	} else if (control & FW_CFG_DMA_CTL_WRITE) {
		good = !length;
	} else if (control & FW_CFG_DMA_CTL_SKIP) {
		advance(length);
	}
	fw_counts.refused += !good;
	status = good ? 0 : htobe32(FW_CFG_DMA_CTL_ERROR);
	memcpy(copy_of(gpa), &status, sizeof(status));
	NEED(left == be32toh(status));
	same();
}

static uint16_t key(struct input *in)
{
	static const uint16_t keys[] = { FW_CFG_SIGNATURE, FW_CFG_ID, FW_CFG_NB_CPUS, FW_CFG_FILE_FIRST,
					 FW_CFG_FILE_FIRST + 1, FW_CFG_INVALID };
	uint8_t n = number(in, 1);
	uint16_t k = n < 200 ? keys[n % 6] : number(in, 2);

	return k == FW_CFG_FILE_DIR ? 0 : k;	/* test_fw_cfg.c reads it */
}

static uint64_t address(struct input *in)
{
	uint16_t n = number(in, 2);

	switch (n & 15) {
	case 0: return FOUR_GIB + (n >> 4);
	case 1: return number(in, 8);
	case 2: return LOW - (n >> 4) % 40;
	case 3: return ~0ULL - (n >> 4);
	case 4: return FOUR_GIB + HIGH - (n >> 4) % 40;
	}
	return n % LOW;
}

static uint32_t length(struct input *in)
{
	uint16_t n = number(in, 2);

	return n & 0x8000 ? number(in, 4) : n & 0x4000 ? n % 0x2000 : n % 100;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const uint8_t commands[] = { 2, 10, 4, 12, 8, 16, 24, 0, 26, 6, 30, 1 };
	struct input in = { data, n };

	fw_start();
	memcpy(low, fw_vmm.low, LOW);
	memcpy(high, fw_vmm.high, HIGH);
	select_item(FW_CFG_INVALID);
	while (in.left) {
		uint8_t op = number(&in, 1);
		uint64_t value = 0, at;
		uint32_t control;
		int len = 1 << (op >> 6);

		switch (op & 3) {
		case 0:
			select_item(key(&in));
			break;
		case 1:
			for (int i = op >> 2; i >= 0; i--, fw_counts.bytes++) {
				bus_access(&fw_vmm.bus, BUS_PORTS, 0x511, &value, 1, false);
				NEED((uint8_t)value == expected());
			}
			break;
		case 2:
			/* Ports of any width, in any place; not those that begin something. */
			at = 0x510 + (op >> 2) % 12;
			if (at + len <= 0x51c && at != 0x511)
				bus_access(&fw_vmm.bus, BUS_PORTS, at, &value, len, false);
			if (at != 0x510 && at < 0x518 && len < 8)
				bus_access(&fw_vmm.bus, BUS_PORTS, at, &value, len, true);
			break;
		case 3:
			control = commands[number(&in, 1) % sizeof(commands)];
			control |= op & 4 ? number(&in, 4) << 8 : 0;
			if (control & FW_CFG_DMA_CTL_SELECT)
				control = (control & 0xffff) | (uint32_t)key(&in) << 16;
			at = address(&in);
			checked_dma(at, control, length(&in), address(&in));
			break;
		}
	}
	same();
	return 0;
}
