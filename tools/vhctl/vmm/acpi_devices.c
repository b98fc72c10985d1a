// SPDX-License-Identifier: GPL-2.0-only
/*
 * acpi_devices.c - the small devices in ACPI's tables: the counter of generations and pvpanic in AML, slots
 * that devices are plugged into and vCPUs that come and go (ACPI Specification 6.5, 6.3 and 8.4), general-purpose events (5.6.4), and the
 * watchdog's table (Hardware Watchdog Timers Design Specification, Microsoft).
 */
#include <stdio.h>

#include "vmm/acpi_devices.h"
#include "vmm/aml.h"
#include "vmm/cpus.h"
#include "vmm/devices.h"
#include "vmm/hotplug.h"
#include "vmm/pci.h"
#include "vmm/vmm.h"

/* Notify (\_SB.@device, @value) */
static void put_notify(uint8_t **at, const char *device, uint8_t value)
{
	put(at, "\x86\\\x2e_SB_", 7);
	put(at, device, 4);
	put(at, (uint8_t[]){ 0x0a, value }, 2);
}

/* The page is found by ADDR: Package (2) { low, high } (Virtual Machine Generation ID, Microsoft). */
static void put_generation(uint8_t **at)
{
	uint8_t *device = open_device(at, "VGEN");

	put_name(at, "_HID"), put_string(at, "VHGN0001");
	/* The name of the specification, and one that is short enough for ACPI's. */
	put_name(at, "_CID");
	put(at, (uint8_t[]){ 0x12, 1 + 1 + 16 + 10, 2 }, 3);
	put_string(at, "VM_Gen_Counter");
	put_string(at, "VMGENCTR");
	put_name(at, "_DDN"), put_string(at, "VM_Gen_Counter");
	put_name(at, "ADDR");
	put(at, (uint8_t[]){ 0x12, 1 + 1 + 5 + 1, 2, 0x0c }, 4);
	put_number(at, GPA_GENERATION, 4);
	put(at, "\0", 1);		/* Zero */
	close_package(at, device);
}

static void put_pvpanic(uint8_t **at)
{
	uint8_t *device = open_device(at, "PEVT"), *resources;

	put_name(at, "_HID"), put_string(at, "QEMU0001");
	resources = open_resources(at);
	put_ports(at, PVPANIC_PORT, 1);
	close_resources(at, resources);
	close_package(at, device);
}

/* Field @region of 32-bit registers */
static void put_registers(uint8_t **at, const char *region, uint16_t port, uint8_t size, const char *const *names, int n)
{
	uint8_t *package;

	put(at, "\x5b\x80", 2), put(at, region, 4), put(at, "\x01\x0b", 2);	/* OperationRegion (..., SystemIO, ...) */
	put_number(at, port, 2);
	put(at, (uint8_t[]){ 0x0a, size }, 2);
	put(at, "\x5b\x81", 2);				/* Field (..., DWordAcc, NoLock, WriteAsZeros) */
	package = open_package(at);
	put(at, region, 4), put(at, "\x43", 1);
	for (int i = 0; i < n; i++)
		put(at, names[i], 4), put(at, "\x20", 1);
	close_package(at, package);
}

/* --- slots --- */

static void slot_name(char *name, int slot)
{
	snprintf(name, 5, "S%02d_", slot & (PCI_SLOTS - 1));
}

static void put_dword(uint8_t **at, uint32_t value)
{
	put(at, "\x0c", 1);
	put_number(at, value, 4);
}

/*
 * Device (Snn) { Name (_ADR, ...) Name (_SUN, ...) Method (_EJ0, 1) { EJCT = 1 << slot }
 * Method (_OST, 3) { STAT = Arg1 << 8 | slot } }
 */
static void put_slot(uint8_t **at, int slot)
{
	uint8_t *device, *method;
	char name[5];

	slot_name(name, slot);
	device = open_device(at, name);
	put_name(at, "_ADR"), put_dword(at, (uint32_t)slot << 16);
	put_name(at, "_SUN"), put(at, (uint8_t[]){ 0x0a, slot }, 2);
	method = open_method(at, "_EJ0", 1);
	put(at, "\x70", 1);				/* Store */
	put_dword(at, 1u << slot);
	put(at, "EJCT", 4);
	close_package(at, method);
	method = open_method(at, "_OST", 3);
	put(at, "\x79\x69\x0a\x08\x60", 5);	/* ShiftLeft (Arg1, 8, Local0) */
	put(at, (uint8_t[]){ 0x7d, 0x60, 0x0a, slot }, 4);	/* Or (Local0, slot, STAT) */
	put(at, "STAT", 4);
	close_package(at, method);
	close_package(at, device);
}

/* Local0 = @reg, and for each slot: If (Local0 & 1 << slot) { Notify (Snn, @value) } */
static void put_look(struct vmm *v, uint8_t **at, const char *reg, uint8_t value)
{
	uint8_t *package;
	char name[5];

	put(at, "\x70", 1), put(at, reg, 4), put(at, "\x60", 1);
	for (int slot = 1; slot < PCI_SLOTS; slot++) {
		if (!hotplug_slot(v, slot))
			continue;
		put(at, "\xa0", 1);			/* If */
		package = open_package(at);
		put(at, "\x7b\x60", 2);			/* And (Local0, mask, ) */
		put_dword(at, 1u << slot);
		put(at, "\0", 1);
		put(at, "\x86", 1);			/* Notify */
		slot_name(name, slot);
		put(at, name, 4);
		put(at, (uint8_t[]){ 0x0a, value }, 2);
		close_package(at, package);
	}
}

/* Those slots of the bus that something can be plugged into, and the registers for it. */
static void put_slots(struct vmm *v, uint8_t **at)
{
	static const char *const fields[] = { "ADDD", "WNTD", "EJCT", "STAT" };	/* as HOTPLUG_ADDED, ... */
	uint8_t *scope = open_scope(at, "\\\x2e_SB_PCI0"), *package;

	put_registers(at, "HPRG", HOTPLUG_PORT, HOTPLUG_SIZE, fields, 4);
	for (int slot = 1; slot < PCI_SLOTS; slot++)
		if (hotplug_slot(v, slot))
			put_slot(at, slot);
	package = open_method(at, "LOOK", 0);
	put_look(v, at, "ADDD", 1);			/* device check */
	put_look(v, at, "WNTD", 3);			/* eject request */
	close_package(at, package);
	close_package(at, scope);
}

/* --- vCPUs --- */

static void cpu_name(char *name, int n)
{
	snprintf(name, 5, "C%02u_", (unsigned int)n % 100);
}

/*
 * Device (Cnn) { Name (_HID, "ACPI0007") Name (_UID, n) Name (_MAT, its entry in the MADT)
 * Method (_STA) { If (PRSx & 1 << n) { Return (15) } Return (0) } Method (_EJ0, 1) { CEJC = n }
 * Method (_OST, 3) { CSTA = Arg1 << 8 | n } }
 */
static void put_cpu(uint8_t **at, int n)
{
	uint8_t *device, *method, *package;
	char name[5];

	cpu_name(name, n);
	device = open_device(at, name);
	put_name(at, "_HID"), put_string(at, "ACPI0007");
	put_name(at, "_UID"), put(at, (uint8_t[]){ 0x0a, n }, 2);
	put_name(at, "_MAT"), put(at, (uint8_t[]){ 0x11, 11, 0x0a, 8, 0, 8, n, n, 1, 0, 0, 0 }, 12);
	method = open_method(at, "_STA", 0);
	put(at, "\xa0", 1);				/* If */
	package = open_package(at);
	put(at, n < 32 ? "\x7bPRS0" : "\x7bPRS1", 5);	/* And (PRSx, mask, ) */
	put_dword(at, 1u << n % 32);
	put(at, "\0\xa4\x0a\x0f", 4);
	close_package(at, package);
	put(at, "\xa4\0", 2);
	close_package(at, method);
	if (n) {				/* the boot processor stays */
		method = open_method(at, "_EJ0", 1);
		put(at, (uint8_t[]){ 0x70, 0x0a, n }, 3);
		put(at, "CEJC", 4);
		close_package(at, method);
		method = open_method(at, "_OST", 3);
		put(at, "\x79\x69\x0a\x08\x60", 5);	/* ShiftLeft (Arg1, 8, Local0) */
		put(at, (uint8_t[]){ 0x7d, 0x60, 0x0a, n }, 4);	/* Or (Local0, n, CSTA) */
		put(at, "CSTA", 4);
		close_package(at, method);
	}
	close_package(at, device);
}

/* Local0 = @reg, and for each vCPU from @first on: If (Local0 & 1 << n) { Notify (Cnn, @value) } */
static void put_cpu_look(uint8_t **at, const char *reg, int first, int end, uint8_t value)
{
	uint8_t *package;
	char name[5];

	put(at, "\x70", 1), put(at, reg, 4), put(at, "\x60", 1);
	for (int n = first; n < end && n < first + 32; n++) {
		put(at, "\xa0", 1);
		package = open_package(at);
		put(at, "\x7b\x60", 2);
		put_dword(at, 1u << n % 32);
		put(at, "\0\x86", 2);
		cpu_name(name, n);
		put(at, name, 4);
		put(at, (uint8_t[]){ 0x0a, value }, 2);
		close_package(at, package);
	}
}

static void put_cpus(struct vmm *v, uint8_t **at)
{
	static const char *const fields[] = {	/* as CPUS_PRESENT, ... */
		"PRS0", "PRS1", "ADD0", "ADD1", "WNT0", "WNT1", "CEJC", "CSTA",
	};
	uint8_t *scope = open_scope(at, "\\_SB_"), *method;
	int most = vmm_most_cpus(v->cfg);

	put_registers(at, "CPRG", CPUS_PORT, CPUS_SIZE, fields, 8);
	close_package(at, scope);
	/* A package is at most 4 KiB. */
	for (int n = 0; n < most; n++) {
		scope = open_scope(at, "\\_SB_");
		put_cpu(at, n);
		close_package(at, scope);
	}
	scope = open_scope(at, "\\_SB_");
	method = open_method(at, "CLOK", 0);
	put_cpu_look(at, "ADD0", 0, most, 1);		/* device check */
	put_cpu_look(at, "WNT0", 0, most, 3);		/* eject request */
	if (most > 32) {
		put_cpu_look(at, "ADD1", 32, most, 1);
		put_cpu_look(at, "WNT1", 32, most, 3);
	}
	close_package(at, method);
	close_package(at, scope);
}

/* What is done when an event comes. */
static void put_events(struct vmm *v, uint8_t **at)
{
	uint8_t *scope = open_scope(at, "\\_GPE"), *method;

	if (v->pci) {
		method = open_method(at, "_E01", 0);	/* GPE_PCI */
		put(at, "\\\x2f\x03_SB_PCI0LOOK", 15);
		close_package(at, method);
	}
	method = open_method(at, "_E02", 0);	/* GPE_GENERATION */
	put_notify(at, "VGEN", 0x80);
	close_package(at, method);
	if (v->cfg->cpus_max) {
		method = open_method(at, "_E03", 0);	/* GPE_CPU */
		put(at, "\\\x2e_SB_CLOK", 10);
		close_package(at, method);
	}
	close_package(at, scope);
}

/**
 * acpi_put_devices - the devices, in AML
 * @v: the VM
 * @at: where; moved on
 */
void acpi_put_devices(struct vmm *v, uint8_t **at)
{
	uint8_t *scope = open_scope(at, "\\_SB_");

	put_generation(at);
	put_pvpanic(at);
	close_package(at, scope);
	if (v->pci)
		put_slots(v, at);
	if (v->cfg->cpus_max)
		put_cpus(v, at);
	put_events(v, at);
}

/* --- the watchdog's table --- */

enum { RESET = 1, QUERY_COUNTDOWN = 4, QUERY_PERIOD = 5, SET_PERIOD = 6, QUERY_RUNNING = 8, SET_RUNNING = 9,
       QUERY_STOPPED = 10, SET_STOPPED = 11 };
enum { READ_VALUE, READ_COUNTDOWN, WRITE_VALUE, WRITE_COUNTDOWN };

static void put_action(uint8_t **at, uint8_t action, uint8_t instruction, int reg, uint32_t value)
{
	put(at, (uint8_t[]){ action, instruction, 0, 0 }, 4);
	put(at, (uint8_t[]){ 1, 32, 0, 3 }, 4);		/* a port, 32 bits at once */
	put_number(at, WATCHDOG_PORT + reg, 8);
	put_number(at, value, 4);
	put_number(at, 0xffffffff, 4);			/* mask */
}

/**
 * acpi_put_watchdog - what follows the table's header
 * @at: where
 *
 * Returns how much it is.
 */
size_t acpi_put_watchdog(uint8_t *at)
{
	uint8_t *begin = at;

	put_number(&at, 32, 4);
	put(&at, "\xff\0\xff\xff\xff\0\0\0", 8);	/* of no PCI device */
	put_number(&at, WATCHDOG_TICK_MS, 4);
	put_number(&at, WATCHDOG_MAX_TICKS, 4);
	put_number(&at, WATCHDOG_MIN_TICKS, 4);
	put_number(&at, 1, 4);				/* it is there */
	put_number(&at, 8, 4);				/* actions */
	put_action(&at, RESET, WRITE_VALUE, WATCHDOG_RELOAD, 1);
	put_action(&at, QUERY_COUNTDOWN, READ_COUNTDOWN, WATCHDOG_LEFT, 0);
	put_action(&at, QUERY_PERIOD, READ_COUNTDOWN, WATCHDOG_PERIOD, 0);
	put_action(&at, SET_PERIOD, WRITE_COUNTDOWN, WATCHDOG_PERIOD, 0);
	put_action(&at, QUERY_RUNNING, READ_VALUE, WATCHDOG_RUNNING, 1);
	put_action(&at, SET_RUNNING, WRITE_VALUE, WATCHDOG_RUNNING, 1);
	put_action(&at, QUERY_STOPPED, READ_VALUE, WATCHDOG_RUNNING, 0);
	put_action(&at, SET_STOPPED, WRITE_VALUE, WATCHDOG_RUNNING, 0);
	return at - begin;
}
