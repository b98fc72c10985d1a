// SPDX-License-Identifier: GPL-2.0-only
/*
 * firmware.c - a machine that boots from its disks: a BIOS at the top of the first 4 GiB, its end once
 * more below 1 MiB, and what it wants to know of the machine.
 *
 * Made for SeaBIOS, which has a driver for virtio disks and a console on a serial port.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/qemu_fw_cfg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vhctl.h"
#include "vmm/fw_cfg.h"
#include "vmm/pci.h"
#include "vmm/vmm.h"

#define MIN_SIZE	0x10000		/* what is at 0xf0000 */
#define MAX_SIZE	(8u << 20)	/* GPA_TSS is below */
#define LOW_SIZE	0x40000		/* of the copy below 1 MiB at most */
#define LOW_END		0x100000ULL
#define PAGE		4096

#define PCI_BASE_CLASS_STORAGE 1

enum { E820_RAM = 1, E820_RESERVED };

struct e820 {
	uint64_t address, size;
	uint32_t type;
} __attribute__((packed));

static int load(struct vmm *v, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	uint64_t size = 0, low;
	struct stat st;
	uint8_t *rom;

	if (fd < 0 || fstat(fd, &st)) {
		error("firmware %s: %s%s", path, strerror(errno), errno == ENOENT ?
		      " (Debian's package seabios has one)" : "");
		goto fail;
	}
	size = st.st_size;
	if (!S_ISREG(st.st_mode) || size < MIN_SIZE || size > MAX_SIZE || size % PAGE) {
		error("firmware %s: is no firmware: want a file of 64K to 8M, of whole pages", path);
		goto fail;
	}
	rom = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (rom == MAP_FAILED || pread(fd, rom, size, 0) != (ssize_t)size) {
		error("firmware %s: cannot be read: %s", path, strerror(errno));
		goto fail;
	}
	close(fd);
	low = size < LOW_SIZE ? size : LOW_SIZE;
	memcpy(memory_at(v, LOW_END - low, low), rom + size - low, low);
	return memory_add(v, FOUR_GIB - size, rom, size, true);
fail:
	if (fd >= 0)
		close(fd);
	return -1;
}

static struct e820 range(uint64_t address, uint64_t size, uint32_t type)
{
	return (struct e820){ htole64(address), htole64(size), htole32(type) };
}

static void tell_memory(struct vmm *v, struct fw_cfg *f)
{
	struct e820 map[4];
	int n = 0;

	map[n++] = range(0, v->low_size, E820_RAM);
	if (v->high_size)
		map[n++] = range(FOUR_GIB, v->high_size, E820_RAM);
	map[n++] = range(PCI_ECAM, PCI_ECAM_SIZE, E820_RESERVED);
	map[n++] = range(GPA_IDENTITY, VMX_PAGES_SIZE, E820_RESERVED);
	fw_cfg_add_file(f, "etc/e820", map, n * sizeof(map[0]));
}

/* Disks in their order, by the paths of IEEE Std 1275-1994, 3.2.1.1. */
static void tell_boot_order(struct vmm *v, struct fw_cfg *f)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	for (int slot = 0; slot < PCI_SLOTS; slot++) {
		const struct pci_device *d = pci_slot(v, slot);

		if (d && d->config[PCI_CLASS_DEVICE + 1] == PCI_BASE_CLASS_STORAGE)
			fprintf(out, "/pci@i0cf8/scsi@%x/disk@0,0\n", slot);
	}
	if (fclose(out))
		abort();
	fw_cfg_add_file(f, "bootorder", text, size + 1);
	free(text);
}

/**
 * firmware_create - the firmware, and what it is told
 * @v: the VM, with memory and devices
 *
 * 0, or -1, told.
 */
int firmware_create(struct vmm *v)
{
	uint16_t cpus = htole16(v->cfg->cpus), most = htole16(vmm_most_cpus(v->cfg)), console = htole16(SERIAL_PORT);
	struct fw_cfg *f;

	if (load(v, v->cfg->firmware))
		return -1;
	f = fw_cfg_create(v);
	fw_cfg_add(f, FW_CFG_NB_CPUS, &cpus, sizeof(cpus));
	fw_cfg_add(f, FW_CFG_MAX_CPUS, &most, sizeof(most));
	tell_memory(v, f);
	tell_boot_order(v, f);
	acpi_offer(v, f);
	fw_cfg_add_file(f, "etc/sercon-port", &console, sizeof(console));
	return 0;
}
