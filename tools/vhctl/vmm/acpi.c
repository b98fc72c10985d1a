// SPDX-License-Identifier: GPL-2.0-only
/*
 * acpi.c - the tables a stock kernel needs to find its CPUs and IOAPIC, its PCI bus if there is
 * one, to power off and to reset (ACPI Specification 6.5, chapters 5, 6 and 20; PCI Firmware
 * Specification 3.3, 4.1).
 */
#include <stdlib.h>
#include <string.h>

#include "vmm/acpi_devices.h"
#include "vmm/aml.h"
#include "vmm/pci.h"
#include "vmm/vmm.h"

struct header {
	char signature[4];
	uint32_t length;
	uint8_t revision, checksum;
	char oem[6], table[8];
	uint32_t oem_revision;
	char creator[4];
	uint32_t creator_revision;
} __attribute__((packed));

struct gas {
	uint8_t space, width, offset, access;
	uint64_t address;
} __attribute__((packed));

struct fadt {
	struct header h;
	uint32_t facs, dsdt;
	uint8_t reserved, profile;
	uint16_t sci;
	uint32_t smi_cmd;
	uint8_t acpi_enable, acpi_disable, s4bios, pstate;
	uint32_t pm1a_evt, pm1b_evt, pm1a_cnt, pm1b_cnt, pm2_cnt, pm_tmr, gpe0, gpe1;
	uint8_t pm1_evt_len, pm1_cnt_len, pm2_cnt_len, pm_tmr_len, gpe0_len, gpe1_len, gpe1_base;
	uint8_t cst;
	uint16_t c2_latency, c3_latency, flush_size, flush_stride;
	uint8_t duty_offset, duty_width, day_alarm, month_alarm, century;
	uint16_t boot_arch;
	uint8_t reserved2;
	uint32_t flags;
	struct gas reset;
	uint8_t reset_value;
	uint16_t arm_boot;
	uint8_t minor;
	uint64_t x_facs, x_dsdt;
	struct gas x_pm1a_evt, x_pm1b_evt, x_pm1a_cnt, x_pm1b_cnt, x_pm2_cnt, x_pm_tmr, x_gpe0,
		x_gpe1, sleep_control, sleep_status;
} __attribute__((packed));

struct rsdp {
	char signature[8];
	uint8_t checksum;
	char oem[6];
	uint8_t revision;
	uint32_t rsdt, length;
	uint64_t xsdt;
	uint8_t x_checksum, reserved[3];
} __attribute__((packed));

#define DSDT_ROOM	(ACPI_SIZE - 0x900)	/* it is the last of the tables */

#define FLAG_WBINVD	(1 << 0)
#define FLAG_C1		(1 << 2)
#define FLAG_NO_SLEEP	(1 << 5)	/* no fixed sleep button; the power button is there */
#define FLAG_RESET	(1 << 10)

static uint8_t sum(const void *p, size_t n)
{
	const uint8_t *b = p;
	uint8_t s = 0;

	while (n--)
		s += *b++;
	return -s;
}

static void head(struct header *h, const char *signature, uint32_t length, uint8_t revision)
{
	memcpy(h->signature, signature, 4);
	h->length = length;
	h->revision = revision;
	memcpy(h->oem, "VH    ", 6);
	memcpy(h->table, "VHCTL   ", 8);
	memcpy(h->creator, "VH  ", 4);
	h->oem_revision = h->creator_revision = 1;
	h->checksum = 0;
	h->checksum = sum(h, length);
}

static struct gas port(uint16_t address, uint8_t width)
{
	return (struct gas){ .space = 1, .width = width, .access = width == 8 ? 1 : 2,
			     .address = address };
}

static uint32_t make_madt(struct vmm *v, uint8_t *at)
{
	uint8_t *p = at + sizeof(struct header);
	uint32_t lapic = 0xfee00000, flags = 1, ioapic = 0xfec00000, base = 0;
	int i;

	memcpy(p, &lapic, 4);
	memcpy(p + 4, &flags, 4);
	p += 8;
	/* Enabled, or it can come to be. */
	for (i = 0; i < vmm_most_cpus(v->cfg); i++, p += 8)
		memcpy(p, (uint8_t[8]){ 0, 8, i, i, i < v->cfg->cpus ? 1 : 2 }, 8);
	memcpy(p, (uint8_t[4]){ 1, 12, vmm_most_cpus(v->cfg), 0 }, 4);
	memcpy(p + 4, &ioapic, 4);
	memcpy(p + 8, &base, 4);
	p += 12;
	/* The SCI is level-triggered, active high. */
	memcpy(p, (uint8_t[10]){ 2, 10, 0, SCI_IRQ, SCI_IRQ, 0, 0, 0, 0x0d, 0 }, 10);
	p += 10;
	memcpy(p, (uint8_t[6]){ 4, 6, 0xff, 0, 0, 1 }, 6);	/* NMI on LINT1 */
	p += 6;
	head((struct header *)at, "APIC", p - at, v->cfg->cpus_max ? 5 : 3);
	return p - at;
}

static void make_fadt(struct fadt *f, uint64_t facs, uint64_t dsdt)
{
	*f = (struct fadt){
		.facs = facs, .dsdt = dsdt, .x_dsdt = dsdt, .sci = SCI_IRQ,
		.pm1a_evt = PM_EVENT_PORT, .pm1a_cnt = PM_CONTROL_PORT,
		.pm1_evt_len = 4, .pm1_cnt_len = 2, .gpe0 = GPE_PORT, .gpe0_len = 2 * GPE_BYTES,
		.c2_latency = 0xffff, .c3_latency = 0xffff, .century = 0x32,
		.boot_arch = 1 | 4,	/* legacy devices, no VGA */
		.flags = FLAG_WBINVD | FLAG_C1 | FLAG_NO_SLEEP | FLAG_RESET,
		.reset = port(RESET_PORT, 8), .reset_value = 6,
		.x_pm1a_evt = port(PM_EVENT_PORT, 32), .x_pm1a_cnt = port(PM_CONTROL_PORT, 16),
		.x_gpe0 = port(GPE_PORT, 2 * GPE_BYTES * 8),
	};
	head(&f->h, "FACP", sizeof(*f), 5);
}

/* --- the DSDT --- */

/* An address space descriptor that the bridge hands down; @n: bytes of each number. */
static void put_window(uint8_t **at, uint8_t tag, uint8_t type, uint8_t flags, size_t n,
		       uint64_t first, uint64_t size)
{
	put_number(at, tag, 1);
	put_number(at, 3 + 5 * n, 2);
	put(at, (uint8_t[]){ type, 0x0c, flags }, 3);	/* minimum and maximum are fixed */
	put_number(at, 0, n);				/* granularity */
	put_number(at, first, n);
	put_number(at, first + size - 1, n);
	put_number(at, 0, n);				/* translation */
	put_number(at, size, n);
}

static void put_pci(struct vmm *v, uint8_t **at)
{
	uint8_t *scope, *device, *resources;
	uint64_t first, size;

	put(at, "\x10", 1);
	scope = open_package(at);
	put(at, "\\_SB_", 5);

	device = open_device(at, "PCI0");
	put_id(at, "_HID", 0x0a08);
	put_id(at, "_CID", 0x0a03);
	put_name(at, "_UID"), put(at, "\0", 1);
	put_name(at, "_SEG"), put(at, "\0", 1);
	put_name(at, "_BBN"), put(at, "\0", 1);
	resources = open_resources(at);
	put_window(at, 0x88, 2, 0, 2, 0, 1);		/* bus 0 */
	put(at, (uint8_t[]){ 0x47, 1, 0xf8, 0x0c, 0xf8, 0x0c, 1, 8 }, 8);	/* ports 0xcf8 to 0xcff */
	put_window(at, 0x87, 0, 1, 4, PCI_WINDOW, PCI_WINDOW_SIZE);
	put_window(at, 0x87, 0, 1, 4, PCI_TOP_WINDOW, PCI_TOP_WINDOW_SIZE);
	pci_high_window(v, &first, &size);
	if (size)
		put_window(at, 0x8a, 0, 1, 8, first, size);
	close_resources(at, resources);
	close_package(at, device);

	/* What the ECAM takes is nobody else's. */
	device = open_device(at, "ECAM");
	put_id(at, "_HID", 0x0c02);
	resources = open_resources(at);
	put(at, (uint8_t[]){ 0x86, 9, 0, 1 }, 4);
	put_number(at, PCI_ECAM, 4);
	put_number(at, PCI_ECAM_SIZE, 4);
	close_resources(at, resources);
	close_package(at, device);

	close_package(at, scope);
}

static void make_dsdt(struct vmm *v, struct header *h)
{
	uint8_t *at = (uint8_t *)(h + 1);

	/* Name (_S5, Package () { 5, 5, 0, 0 }) */
	put_name(&at, "_S5_");
	put(&at, (uint8_t[]){ 0x12, 8, 4, 0x0a, SLEEP_TYPE_S5, 0x0a, SLEEP_TYPE_S5, 0, 0 }, 9);
	if (v->pci)
		put_pci(v, &at);
	acpi_put_devices(v, &at);
	if (at - (uint8_t *)h > DSDT_ROOM)
		abort();
	head(h, "DSDT", at - (uint8_t *)h, 2);
}

static void make_mcfg(struct header *h)
{
	struct {
		uint64_t reserved, base;
		uint16_t segment;
		uint8_t first_bus, last_bus;
		uint32_t reserved2;
	} __attribute__((packed)) m = { .base = PCI_ECAM };

	memcpy(h + 1, &m, sizeof(m));
	head(h, "MCFG", sizeof(*h) + sizeof(m), 1);
}

static void make_wdat(struct header *h)
{
	head(h, "WDAT", sizeof(*h) + acpi_put_watchdog((uint8_t *)(h + 1)), 1);
}

/**
 * acpi_build - write the tables, and the RSDP in front of them
 * @v: the VM, with memory and its PCI host, if it has one
 * @base: ACPI_SIZE bytes of zeroes
 * @gpa: what their addresses count from: where @base is in the guest, or 0 if nobody knows yet
 */
void acpi_build(struct vmm *v, uint8_t *base, uint64_t gpa)
{
	uint64_t facs_at = gpa + 0x40, xsdt_at = gpa + 0x80, fadt_at = gpa + 0x100,
		 madt_at = gpa + 0x300, wdat_at = gpa + 0x600, mcfg_at = gpa + 0x800, dsdt_at = gpa + 0x900;
	struct header *xsdt = (void *)(base + (xsdt_at - gpa));
	uint64_t tables[4] = { fadt_at, madt_at };
	size_t size = 2 * sizeof(tables[0]);
	struct rsdp *r = (void *)base;
	uint32_t length = 64;

	memcpy(base + (facs_at - gpa), "FACS", 4);
	memcpy(base + (facs_at - gpa) + 4, &length, 4);
	base[facs_at - gpa + 32] = 2;

	make_dsdt(v, (void *)(base + (dsdt_at - gpa)));
	make_fadt((void *)(base + (fadt_at - gpa)), facs_at, dsdt_at);
	make_madt(v, base + (madt_at - gpa));
	if (v->pci) {
		make_mcfg((void *)(base + (mcfg_at - gpa)));
		tables[size / 8] = mcfg_at;
		size += 8;
	}
	if (v->cfg->watchdog != WATCHDOG_NONE) {
		make_wdat((void *)(base + (wdat_at - gpa)));
		tables[size / 8] = wdat_at;
		size += 8;
	}
	memcpy(xsdt + 1, tables, size);
	head(xsdt, "XSDT", sizeof(*xsdt) + size, 1);

	*r = (struct rsdp){ .signature = "RSD PTR ", .revision = 2, .length = sizeof(*r),
			    .xsdt = xsdt_at };
	memcpy(r->oem, "VH    ", 6);
	r->checksum = sum(r, 20);
	r->x_checksum = sum(r, sizeof(*r));
}

/**
 * acpi_create - write the tables below the BIOS area
 * @v: the VM, with memory and its PCI host, if it has one
 */
void acpi_create(struct vmm *v)
{
	acpi_build(v, memory_at(v, GPA_RSDP, ACPI_SIZE), GPA_RSDP);
}
