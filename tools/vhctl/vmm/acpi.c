// SPDX-License-Identifier: GPL-2.0-only
/*
 * acpi.c - the tables a stock kernel needs to find its CPUs and IOAPIC, to
 * power off and to reset (ACPI Specification 6.5, chapter 5).
 */
#include <string.h>

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

#define FLAG_WBINVD	(1 << 0)
#define FLAG_C1		(1 << 2)
#define FLAG_NO_SLEEP	(1 << 5)	/* no fixed sleep button; the power button is there */
#define FLAG_RESET	(1 << 10)

/* Name (_S5, Package () { 5, 5, 0, 0 }) */
static const uint8_t dsdt_body[] = {
	0x08, '_', 'S', '5', '_', 0x12, 0x08, 0x04, 0x0a, SLEEP_TYPE_S5, 0x0a, SLEEP_TYPE_S5, 0, 0,
};

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
	for (i = 0; i < v->cfg->cpus; i++, p += 8)
		memcpy(p, (uint8_t[8]){ 0, 8, i, i, 1 }, 8);
	memcpy(p, (uint8_t[4]){ 1, 12, v->cfg->cpus, 0 }, 4);
	memcpy(p + 4, &ioapic, 4);
	memcpy(p + 8, &base, 4);
	p += 12;
	/* The SCI is level-triggered, active high. */
	memcpy(p, (uint8_t[10]){ 2, 10, 0, SCI_IRQ, SCI_IRQ, 0, 0, 0, 0x0d, 0 }, 10);
	p += 10;
	memcpy(p, (uint8_t[6]){ 4, 6, 0xff, 0, 0, 1 }, 6);	/* NMI on LINT1 */
	p += 6;
	head((struct header *)at, "APIC", p - at, 3);
	return p - at;
}

static void make_fadt(struct fadt *f, uint64_t facs, uint64_t dsdt)
{
	*f = (struct fadt){
		.facs = facs, .dsdt = dsdt, .x_dsdt = dsdt, .sci = SCI_IRQ,
		.pm1a_evt = PM_EVENT_PORT, .pm1a_cnt = PM_CONTROL_PORT,
		.pm1_evt_len = 4, .pm1_cnt_len = 2,
		.c2_latency = 0xffff, .c3_latency = 0xffff, .century = 0x32,
		.boot_arch = 1 | 4,	/* legacy devices, no VGA */
		.flags = FLAG_WBINVD | FLAG_C1 | FLAG_NO_SLEEP | FLAG_RESET,
		.reset = port(RESET_PORT, 8), .reset_value = 6,
		.x_pm1a_evt = port(PM_EVENT_PORT, 32), .x_pm1a_cnt = port(PM_CONTROL_PORT, 16),
	};
	head(&f->h, "FACP", sizeof(*f), 5);
}

/**
 * acpi_create - write the tables below the BIOS area
 * @v: the VM, with memory
 */
void acpi_create(struct vmm *v)
{
	uint64_t gpa = GPA_RSDP, facs_at = gpa + 0x40, xsdt_at = gpa + 0x80, fadt_at = gpa + 0x100,
		 dsdt_at = gpa + 0x280, madt_at = gpa + 0x300;
	uint8_t *base = memory_at(v, gpa, 0x2000);
	struct header *xsdt = (void *)(base + (xsdt_at - gpa));
	struct header *dsdt = (void *)(base + (dsdt_at - gpa));
	uint64_t tables[2] = { fadt_at, madt_at };
	struct rsdp *r = (void *)base;
	uint32_t length = 64;

	memcpy(base + (facs_at - gpa), "FACS", 4);
	memcpy(base + (facs_at - gpa) + 4, &length, 4);
	base[facs_at - gpa + 32] = 2;

	memcpy(dsdt + 1, dsdt_body, sizeof(dsdt_body));
	head(dsdt, "DSDT", sizeof(*dsdt) + sizeof(dsdt_body), 2);
	make_fadt((void *)(base + (fadt_at - gpa)), facs_at, dsdt_at);
	make_madt(v, base + (madt_at - gpa));
	memcpy(xsdt + 1, tables, sizeof(tables));
	head(xsdt, "XSDT", sizeof(*xsdt) + sizeof(tables), 1);

	*r = (struct rsdp){ .signature = "RSD PTR ", .revision = 2, .length = sizeof(*r),
			    .xsdt = xsdt_at };
	memcpy(r->oem, "VH    ", 6);
	r->checksum = sum(r, 20);
	r->x_checksum = sum(r, sizeof(*r));
}
