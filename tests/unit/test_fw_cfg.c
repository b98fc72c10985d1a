// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_fw_cfg.c - what a firmware is told by vhctl's VMM: fw_cfg with inputs made up (test_fw_cfg [COUNT
 * [SEED]]; libFuzzer has the same entry: make fuzz-fw-cfg), its directory, and ACPI's tables as a firmware
 * puts them together.
 */
#include <endian.h>
#include <linux/qemu_fw_cfg.h>
#include <stdlib.h>
#include <string.h>

#include "fw_cfg_guest.h"
#include "random.h"
#include "tap.h"
#include "vmm/fw_cfg.h"
#include "vmm/pci.h"

#define MOST	300
#define ACCESS	0x2f00		/* of a transfer */
#define MEMORY	(1u << 20)

static uint64_t state;

int msi_create(struct vmm *v, struct msi *m)
{
	*m = (struct msi){ .v = v, .fd = -1 };
	return 0;
}

void msi_signal(int fd)
{
	(void)fd;
}

static void random_inputs(unsigned long count, uint64_t seed)
{
	static uint8_t data[MOST];

	for (unsigned long i = 0; i < count; i++) {
		size_t n = random_input(&state, seed, i, data, 1, MOST);

		LLVMFuzzerTestOneInput(data, n);
	}
	printf("# %lu inputs: %llu bytes, %llu transfers: %llu read, %llu refused; %llu described nowhere\n", count,
	       (unsigned long long)fw_counts.bytes, (unsigned long long)fw_counts.transfers,
	       (unsigned long long)fw_counts.read, (unsigned long long)fw_counts.refused,
	       (unsigned long long)fw_counts.nowhere);
	TAP_CHECK(fw_counts.bytes > count);
	TAP_CHECK(fw_counts.read > count / 2);
	TAP_CHECK(fw_counts.refused > count / 2);
	TAP_CHECK(fw_counts.nowhere > count / 2);
	TAP_EQ(fw_counts.messages, 10);		/* they end */
}

/* --- the directory --- */

/* Reads all of an item into @to; false when the device says no. */
static bool fetch(uint16_t key, void *to, uint32_t size)
{
	uint32_t status = fw_dma(ACCESS, (uint32_t)key << 16 | FW_CFG_DMA_CTL_SELECT | FW_CFG_DMA_CTL_READ,
				 size, 0);

	memcpy(to, fw_vmm.low, size);
	return !status;
}

static void directory(void)
{
	struct {
		uint32_t count;
		struct fw_cfg_file file[3];
	} d;
	uint64_t signature = 0;

	TAP_CHECK(fetch(FW_CFG_FILE_DIR, &d, sizeof(d)));
	TAP_EQ(be32toh(d.count), 2);
	TAP_CHECK(!strcmp(d.file[0].name, "large") && !strcmp(d.file[1].name, "etc/odd"));
	TAP_EQ(be32toh(d.file[0].size), 0x1800);
	TAP_EQ(be32toh(d.file[1].size), 77);
	TAP_EQ(be16toh(d.file[1].select), FW_CFG_FILE_FIRST + 1);
	TAP_CHECK(!d.file[2].size && !d.file[2].name[0]);
	bus_access(&fw_vmm.bus, BUS_PORTS, 0x514, &signature, 8, false);
	TAP_EQ(be64toh(signature), FW_CFG_DMA_SIGNATURE);
}

/* --- ACPI, as a firmware does it --- */

static uint8_t memory[MEMORY];
static struct vmm acpi_vmm;
static struct vmm_config acpi_cfg = { .cpus = 5, .memory = MEMORY };

static struct place {
	char name[56];
	uint32_t at, size;
} places[8];
static int n_places;

static uint64_t number(uint64_t at, int size)
{
	uint64_t value = 0;

	if (at + size <= MEMORY)
		memcpy(&value, memory + at, size);
	return value;
}

static uint8_t sum(uint64_t at, uint32_t n)
{
	uint8_t s = 0;

	while (n-- && at < MEMORY)
		s += memory[at++];
	return s;
}

static void port(uint16_t at, uint64_t value, int len)
{
	bus_access(&acpi_vmm.bus, BUS_PORTS, at, &value, len, true);
}

/* The bytes of a file, by ports; returns its size, 0 when there is none. */
static uint32_t get(const char *name, uint8_t *to, uint32_t most)
{
	struct fw_cfg_file file;
	uint8_t count[4], *byte = (uint8_t *)&file;
	uint32_t n;

	port(0x510, FW_CFG_FILE_DIR, 2);
	for (int i = 0; i < 4; i++)
		bus_access(&acpi_vmm.bus, BUS_PORTS, 0x511, &count[i], 1, false);
	for (int i = 0; i < count[3]; i++) {
		for (size_t k = 0; k < sizeof(file); k++)
			bus_access(&acpi_vmm.bus, BUS_PORTS, 0x511, &byte[k], 1, false);
		if (strcmp(file.name, name))
			continue;
		n = be32toh(file.size) < most ? be32toh(file.size) : most;
		port(0x510, be16toh(file.select), 2);
		for (uint32_t k = 0; k < n; k++)
			bus_access(&acpi_vmm.bus, BUS_PORTS, 0x511, &to[k], 1, false);
		return n;
	}
	return 0;
}

static struct place *place(const uint8_t *name)
{
	for (int i = 0; i < n_places; i++)
		if (!strcmp(places[i].name, (const char *)name))
			return &places[i];
	return NULL;
}

/* One command; false when it makes no sense. */
static bool command(const uint8_t *c)
{
	uint32_t what, a, b, n;
	struct place *p, *q;

	memcpy(&what, c, 4);
	switch (what) {
	case 1:
		p = &places[n_places];
		strcpy(p->name, (const char *)c + 4);
		memcpy(&a, c + 60, 4);
		p->at = c[64] == 2 ? 0xf0000 + 16 : 0x40000 + 64;	/* the zone */
		p->size = get(p->name, memory + p->at, 0x10000);
		n_places++;
		return p->size && !(p->at % a) && !place((const uint8_t *)"") && (c[64] == 1 || c[64] == 2);
	case 2:
		p = place(c + 4), q = place(c + 60);
		memcpy(&a, c + 116, 4);
		n = c[120];
		if (!p || !q || a + n > p->size || (n != 4 && n != 8))
			return false;
		if (number(p->at + a, n) >= q->size)
			return false;
		*(uint32_t *)(memory + p->at + a) += q->at;
		return true;
	case 3:
		p = place(c + 4);
		memcpy(&a, c + 60, 4);
		memcpy(&b, c + 64, 4);
		memcpy(&n, c + 68, 4);
		if (!p || a >= p->size || b + n > p->size || a < b || a >= b + n)
			return false;
		memory[p->at + a] -= sum(p->at + b, n);
		return true;
	}
	return false;
}

static void check_table(const char *signature, uint64_t at)
{
	tap_ok(at >= 0x40000 && !memcmp(memory + at, signature, 4), "%s is where its address says", signature);
	tap_ok(!sum(at, number(at + 4, 4)), "%s: its sum", signature);
}

static void acpi(void)
{
	static uint8_t script[0x2000];
	uint32_t n, bad = 0;
	uint64_t rsdp = 0xf0000 + 16, xsdt, fadt;
	struct fw_cfg *f;

	acpi_vmm = (struct vmm){ .cfg = &acpi_cfg, .low = memory, .low_size = MEMORY };
	bus_init(&acpi_vmm.bus);
	pci_create(&acpi_vmm);
	f = fw_cfg_create(&acpi_vmm);
	acpi_offer(&acpi_vmm, f);
	n = get("etc/table-loader", script, sizeof(script));
	TAP_CHECK(n && !(n % 128));
	for (uint32_t i = 0; i < n; i += 128)
		bad += !command(script + i);
	TAP_EQ(bad, 0);
	TAP_CHECK(!memcmp(memory + rsdp, "RSD PTR ", 8));
	TAP_EQ(sum(rsdp, 20), 0);
	TAP_EQ(sum(rsdp, 36), 0);
	xsdt = number(rsdp + 24, 8);
	check_table("XSDT", xsdt);
	TAP_EQ(number(xsdt + 4, 4), 36 + 3 * 8);
	fadt = number(xsdt + 36, 8);
	check_table("FACP", fadt);
	check_table("APIC", number(xsdt + 44, 8));
	check_table("MCFG", number(xsdt + 52, 8));
	check_table("DSDT", number(fadt + 140, 8));
	TAP_EQ(number(fadt + 40, 4), number(fadt + 140, 8));
	TAP_CHECK(!memcmp(memory + number(fadt + 36, 4), "FACS", 4));
	TAP_EQ(number(fadt + 36, 4) % 64, 0);
}

int main(int argc, char **argv)
{
	fw_start();
	directory();
	acpi();
	random_inputs(argc > 1 ? strtoul(argv[1], NULL, 0) : 20000, argc > 2 ? strtoul(argv[2], NULL, 0) : 1);
	return tap_done();
}
