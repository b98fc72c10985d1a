// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_acpi.c - ACPI's tables of vhctl's VMM, with all there can be: lengths, sums, places, packages of AML
 * that end where they say. With an argument the DSDT goes to that file, for a disassembler.
 */
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "virtio_driver.h"
#include "vmm/acpi_devices.h"
#include "vmm/devices.h"
#include "vmm/hotplug.h"
#include "vmm/net.h"
#include "vmm/pci.h"

#define MEMORY	(16ULL << 20)
#define SIZE	ACPI_SIZE

/* there are none here */
const struct net_backend net_tap;

static const uint8_t *base;

static uint32_t number(const uint8_t *p, size_t n)
{
	uint32_t value = 0;

	memcpy(&value, p, n);
	return value;
}

static bool sums(const uint8_t *p, size_t n)
{
	uint8_t s = 0;

	while (n--)
		s += *p++;
	return !s;
}

static size_t package_length(const uint8_t *p, size_t *bytes)
{
	size_t n = *p & 0x3f;

	*bytes = 1 + (*p >> 6);
	if (*bytes > 1)
		n = *p & 0xf;
	for (size_t i = 1; i < *bytes; i++)
		n |= (size_t)p[i] << (8 * i - 4);
	return n;
}

static int scopes, devices, methods;

/* Of what is a list of objects: each has to end where its package does. Names and buffers by their form. */
static const char *walk(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *stop;
	size_t bytes;

	while (p < end) {
		if (*p == 0x08) {		/* Name */
			p += 5;
			switch (*p) {
			case 0x00: case 0x01: p += 1; break;
			case 0x0a: p += 2; break;
			case 0x0b: p += 3; break;
			case 0x0c: p += 5; break;
			case 0x0d: p += strlen((const char *)p) + 1; break;
			case 0x11: case 0x12: p += 1 + package_length(p + 1, &bytes); break;
			default: return "a name of something else";
			}
			continue;
		}
		if (p[0] == 0x5b && p[1] == 0x80) {	/* OperationRegion */
			p += 12;
			continue;
		}
		if (*p == 0x14) {			/* Method */
			methods++;
			p += 1 + package_length(p + 1, &bytes);
			continue;
		}
		if (p[0] == 0x5b && p[1] == 0x81) {	/* Field */
			p += 2 + package_length(p + 2, &bytes);
			continue;
		}
		if (*p != 0x10 && !(p[0] == 0x5b && p[1] == 0x82))
			return "something else";
		p += *p == 0x10 ? 1 : 2;
		stop = p + package_length(p, &bytes);
		p += bytes;
		if (stop > end)
			return "a package that does not end in time";
		if (p[-1 - (int)bytes] == 0x10) {
			scopes++;
			p += *p == '\\';
			p += *p == 0x2e ? 9 : 4;
		} else {
			devices++;
			p += 4;
		}
		if (walk(p, stop))
			return walk(p, stop);
		p = stop;
	}
	return p == end ? NULL : "an object that goes on behind the end";
}

static const uint8_t *table(uint64_t gpa, const char *signature)
{
	const uint8_t *p = base + (gpa - GPA_RSDP);
	uint32_t n;

	if (gpa < GPA_RSDP || gpa > GPA_RSDP + SIZE - 36)
		return NULL;
	n = number(p + 4, 4);
	tap_ok(!memcmp(p, signature, 4), "%s", signature);
	tap_ok(n >= 36 && gpa + n <= GPA_RSDP + SIZE && sums(p, n), "%s: %u bytes", signature, n);
	return p;
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "FACP", "APIC", "MCFG", "WDAT" };
	struct vmm_config cfg;
	const uint8_t *xsdt, *fadt = NULL, *dsdt, *p;
	uint64_t at;

	driver_begin(MEMORY);
	hotplug_create(&driver_vm);
	cfg = *driver_vm.cfg;
	cfg.watchdog = WATCHDOG_RESET;
	cfg.cpus = 1;
	cfg.cpus_max = VMM_MAX_CPUS;
	driver_vm.cfg = &cfg;
	base = driver_at(GPA_RSDP);
	acpi_create(&driver_vm);
	TAP_CHECK(!memcmp(base, "RSD PTR ", 8) && sums(base, 20) && sums(base, 36));
	xsdt = table(number(base + 24, 4), "XSDT");
	TAP_EQ(number(xsdt + 4, 4), 36 + 8 * 4);
	for (int i = 0; i < 4; i++) {
		p = table(number(xsdt + 36 + 8 * i, 4), names[i]);
		fadt = i ? fadt : p;
	}
	/* no table begins in another one */
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < 4; k++) {
			at = number(xsdt + 36 + 8 * i, 4);
			if (i != k && at >= number(xsdt + 36 + 8 * k, 4) &&
			    at < number(xsdt + 36 + 8 * k, 4) + number(driver_at(number(xsdt + 36 + 8 * k, 4)) + 4, 4))
				tap_ok(0, "%s is in %s", names[i], names[k]);
		}
	TAP_EQ(number(fadt + 80, 4), GPE_PORT);
	TAP_EQ(fadt[92], 2 * GPE_BYTES);
	dsdt = table(number(fadt + 40, 4), "DSDT");
	TAP_CHECK(!walk(dsdt + 36, dsdt + number(dsdt + 4, 4)));
	/* the bus, its ECAM, the generation, pvpanic; each slot but the bridge's has _EJ0 and _OST */
	TAP_EQ(devices, 4 + PCI_SLOTS - 1 + VMM_MAX_CPUS);
	/* each vCPU has _STA, and all but the first these, too */
	TAP_EQ(methods, 2 * (PCI_SLOTS - 1) + 1 + 2 + VMM_MAX_CPUS + 2 * (VMM_MAX_CPUS - 1) + 2);
	/* one vCPU is enabled, the others can come to be */
	p = driver_at(number(xsdt + 36 + 8, 4)) + 44;
	for (int i = 0; i < VMM_MAX_CPUS; i++, p += 8)
		if (p[0] || p[1] != 8 || p[2] != i || p[3] != i || number(p + 4, 4) != (i ? 2 : 1))
			tap_ok(0, "vCPU %d in the MADT", i);
	TAP_CHECK(p[0] == 1 && p[2] == VMM_MAX_CPUS);
	if (argc > 1) {
		FILE *f = fopen(argv[1], "w");

		fwrite(dsdt, number(dsdt + 4, 4), 1, f);
		fclose(f);
	}
	return tap_done();
}
