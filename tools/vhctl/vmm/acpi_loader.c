// SPDX-License-Identifier: GPL-2.0-only
/*
 * acpi_loader.c - ACPI's tables for a firmware, which decides where they are: files of them, and what it
 * has to do with these (QEMU's "BIOS linker/loader" interface): allocate, add where a file is to the
 * addresses in it, and mend checksums.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/fw_cfg.h"
#include "vmm/vmm.h"

#define TABLES		"etc/acpi/tables"
#define RSDP		"etc/acpi/rsdp"
#define MAX_COMMANDS	64

/* ACPI Specification 6.5, 5.2.5.3, 5.2.6, 5.2.9 */
enum { RSDP_SIZE = 36, RSDP_XSDT = 24, RSDP_SUM = 32, HEADER_SIZE = 36, HEADER_LENGTH = 4, HEADER_SUM = 9,
       FADT_FACS = 36, FADT_DSDT = 40, FADT_X_DSDT = 140 };

enum { ALLOCATE = 1, ADD_POINTER, ADD_CHECKSUM };
enum { ZONE_HIGH = 1, ZONE_FSEG };

/* All numbers are little endian. */
struct command {
	uint32_t what;
	union {
		struct {
			char file[56];
			uint32_t align;
			uint8_t zone;
		} __attribute__((packed)) allocate;
		struct {
			char in[56], to[56];
			uint32_t offset;
			uint8_t size;
		} __attribute__((packed)) pointer;
		struct {
			char file[56];
			uint32_t result, first, length;
		} __attribute__((packed)) sum;
		uint8_t all[124];
	};
} __attribute__((packed));

struct script {
	struct command command[MAX_COMMANDS];
	int n;
};

static struct command *next(struct script *s, uint32_t what)
{
	if (s->n == MAX_COMMANDS)
		abort();
	s->command[s->n].what = htole32(what);
	return &s->command[s->n++];
}

static void allocate(struct script *s, const char *file, uint32_t align, uint8_t zone)
{
	struct command *c = next(s, ALLOCATE);

	strcpy(c->allocate.file, file);
	c->allocate.align = htole32(align);
	c->allocate.zone = zone;
}

static void add_pointer(struct script *s, const char *in, uint32_t offset, uint8_t size)
{
	struct command *c = next(s, ADD_POINTER);

	strcpy(c->pointer.in, in);
	strcpy(c->pointer.to, TABLES);
	c->pointer.offset = htole32(offset);
	c->pointer.size = size;
}

static void add_sum(struct script *s, const char *file, uint32_t result, uint32_t first, uint32_t length)
{
	struct command *c = next(s, ADD_CHECKSUM);

	strcpy(c->sum.file, file);
	c->sum.result = htole32(result);
	c->sum.first = htole32(first);
	c->sum.length = htole32(length);
}

static uint32_t number(const uint8_t *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return le32toh(value);
}

/**
 * acpi_offer - the tables as files, and what to do with them
 * @v: the VM, with its PCI host
 * @f: gets them
 */
void acpi_offer(struct vmm *v, struct fw_cfg *f)
{
	uint8_t *base = calloc(1, ACPI_SIZE);
	struct script *s = calloc(1, sizeof(*s));
	uint32_t xsdt, end, at;

	if (!base || !s)
		abort();
	acpi_build(v, base, 0);
	xsdt = number(base + RSDP_XSDT);
	end = xsdt + number(base + xsdt + HEADER_LENGTH);

	allocate(s, TABLES, 64, ZONE_HIGH);	/* the FACS wants 64 */
	allocate(s, RSDP, 16, ZONE_FSEG);
	for (at = xsdt + HEADER_SIZE; at < end; at += 8) {
		uint32_t table = number(base + at);

		add_pointer(s, TABLES, at, 8);
		if (memcmp(base + table, "FACP", 4))
			continue;
		add_pointer(s, TABLES, table + FADT_FACS, 4);
		add_pointer(s, TABLES, table + FADT_DSDT, 4);
		add_pointer(s, TABLES, table + FADT_X_DSDT, 8);
		add_sum(s, TABLES, table + HEADER_SUM, table, number(base + table + HEADER_LENGTH));
	}
	add_sum(s, TABLES, xsdt + HEADER_SUM, xsdt, end - xsdt);
	add_pointer(s, RSDP, RSDP_XSDT, 8);
	add_sum(s, RSDP, RSDP_SUM, 0, RSDP_SIZE);

	fw_cfg_add_file(f, RSDP, base, RSDP_SIZE);
	fw_cfg_add_file(f, TABLES, base, ACPI_SIZE);
	fw_cfg_add_file(f, "etc/table-loader", s->command, s->n * sizeof(s->command[0]));
	free(base);
	free(s);
}
