// SPDX-License-Identifier: GPL-2.0-only
/*
 * load.c - kernels: bzImage by the 64-bit boot protocol
 * (Documentation/x86/boot.rst), vmlinux by the PVH entry (Xen's
 * docs/misc/pvh.pandoc and xen/include/public/arch-x86/hvm/start_info.h).
 */
#include <asm/bootparam.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vhctl.h"
#include "vmm/pci.h"
#include "vmm/vmm.h"

#define XEN_NOTE_PHYS32_ENTRY	18
#define START_MAGIC		0x336ec578

struct hvm_start_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modlist, cmdline, rsdp, memmap;
	uint32_t memmap_entries, reserved;
};

struct hvm_module {
	uint64_t address, size, cmdline, reserved;
};

struct hvm_memmap {
	uint64_t address, size;
	uint32_t type, reserved;
};

struct file {
	const uint8_t *data;
	uint64_t size;
};

static int map_file(const char *path, struct file *f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		error("%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	f->size = st.st_size;
	f->data = st.st_size ? mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
	close(fd);
	if (!st.st_size || f->data == MAP_FAILED) {
		error("%s: %s", path, st.st_size ? strerror(errno) : "is empty");
		return -1;
	}
	return 0;
}

/* RAM, and what is not: the two holes of a PC. */
static int memory_map(struct vmm *v, struct boot_e820_entry *e)
{
	int n = 0;

	e[n++] = (struct boot_e820_entry){ 0, LOW_MEM_END, 1 };
	e[n++] = (struct boot_e820_entry){ LOW_MEM_END, 0x100000 - LOW_MEM_END, 2 };
	e[n++] = (struct boot_e820_entry){ 0x100000, v->low_size - 0x100000, 1 };
	if (v->pci)
		e[n++] = (struct boot_e820_entry){ PCI_ECAM, PCI_ECAM_SIZE, 2 };
	if (v->high_size)
		e[n++] = (struct boot_e820_entry){ FOUR_GIB, v->high_size, 1 };
	return n;
}

/* As high as it may be, page-aligned, above the kernel. */
static int load_initrd(struct vmm *v, uint64_t kernel_end, uint64_t limit, uint64_t *gpa,
		       uint64_t *size)
{
	uint64_t top = v->low_size < limit ? v->low_size : limit;
	struct file f;

	*gpa = *size = 0;
	if (!v->cfg->initrd)
		return 0;
	if (map_file(v->cfg->initrd, &f))
		return -1;
	if (f.size > top || ((top - f.size) & ~0xfffULL) < kernel_end) {
		error("%s: %llu MiB do not fit beside the kernel; give the VM more --memory",
		      v->cfg->initrd, (unsigned long long)f.size >> 20);
		return -1;
	}
	*gpa = (top - f.size) & ~0xfffULL;
	*size = f.size;
	memcpy(memory_at(v, *gpa, f.size), f.data, f.size);
	munmap((void *)f.data, f.size);
	return 0;
}

static int put_cmdline(struct vmm *v, uint64_t limit)
{
	uint64_t n = strlen(v->cfg->cmdline) + 1;

	if (n > limit) {
		error("--cmdline: %llu bytes; this kernel takes %llu", (unsigned long long)n,
		      (unsigned long long)limit);
		return -1;
	}
	memcpy(memory_at(v, GPA_CMDLINE, n), v->cfg->cmdline, n);
	return 0;
}

/* --- vmlinux --- */

static int pvh_entry(const struct file *f, const Elf64_Phdr *ph, uint64_t *entry)
{
	uint64_t at = ph->p_offset, end = at + ph->p_filesz;

	while (at + sizeof(Elf64_Nhdr) <= end) {
		const Elf64_Nhdr *n = (const void *)(f->data + at);
		uint64_t name = at + sizeof(*n), desc = name + ((n->n_namesz + 3ULL) & ~3ULL);
		uint64_t next = desc + ((n->n_descsz + 3ULL) & ~3ULL);

		if (next > end)
			return 0;
		if (n->n_type == XEN_NOTE_PHYS32_ENTRY && n->n_namesz == 4 &&
		    !memcmp(f->data + name, "Xen", 4) && n->n_descsz >= 4) {
			uint32_t v;

			memcpy(&v, f->data + desc, 4);
			*entry = v;
			return 1;
		}
		at = next;
	}
	return 0;
}

static int load_vmlinux(struct vmm *v, const struct file *f)
{
	const Elf64_Ehdr *eh = (const void *)f->data;
	struct boot_e820_entry map[5];
	struct hvm_start_info *si;
	struct hvm_module *mod;
	struct hvm_memmap *mm;
	uint64_t end = 0, rd, rd_size;
	bool found = false;
	int i, n;

	if (f->size < sizeof(*eh) || eh->e_ident[EI_CLASS] != ELFCLASS64 ||
	    eh->e_machine != EM_X86_64 || eh->e_phentsize != sizeof(Elf64_Phdr) ||
	    eh->e_phoff > f->size || eh->e_phnum > (f->size - eh->e_phoff) / sizeof(Elf64_Phdr)) {
		error("%s: is no x86-64 ELF kernel", v->cfg->kernel);
		return -1;
	}
	for (i = 0; i < eh->e_phnum; i++) {
		const Elf64_Phdr *ph = (const void *)(f->data + eh->e_phoff + i * sizeof(*ph));
		void *to;

		if (ph->p_offset > f->size || ph->p_filesz > f->size - ph->p_offset) {
			error("%s: is truncated", v->cfg->kernel);
			return -1;
		}
		if (ph->p_type == PT_NOTE && pvh_entry(f, ph, &v->entry))
			found = true;
		if (ph->p_type != PT_LOAD || !ph->p_memsz)
			continue;
		to = ph->p_filesz <= ph->p_memsz ? memory_at(v, ph->p_paddr, ph->p_memsz) : NULL;
		if (!to || ph->p_paddr < GPA_KERNEL) {
			error("%s: does not fit into %llu MiB; give the VM more --memory",
			      v->cfg->kernel, (unsigned long long)v->cfg->memory >> 20);
			return -1;
		}
		memcpy(to, f->data + ph->p_offset, ph->p_filesz);
		if (ph->p_paddr + ph->p_memsz > end)
			end = ph->p_paddr + ph->p_memsz;
	}
	if (!found) {
		error("%s: has no PVH entry (CONFIG_PVH); use its bzImage", v->cfg->kernel);
		return -1;
	}
	if (load_initrd(v, end, MMIO_START, &rd, &rd_size) || put_cmdline(v, 4096))
		return -1;

	si = memory_at(v, GPA_START_INFO, 4096);
	mod = (void *)(si + 1);
	mm = (void *)(mod + 1);
	n = memory_map(v, map);
	for (i = 0; i < n; i++)
		mm[i] = (struct hvm_memmap){ map[i].addr, map[i].size, map[i].type, 0 };
	*mod = (struct hvm_module){ .address = rd, .size = rd_size };
	*si = (struct hvm_start_info){
		.magic = START_MAGIC, .version = 1, .nr_modules = rd_size ? 1 : 0,
		.modlist = GPA_START_INFO + sizeof(*si), .cmdline = GPA_CMDLINE, .rsdp = GPA_RSDP,
		.memmap = GPA_START_INFO + sizeof(*si) + sizeof(*mod), .memmap_entries = n,
	};
	v->boot_arg = GPA_START_INFO;
	v->long_mode = false;
	return 0;
}

/* --- bzImage --- */

static int load_bzimage(struct vmm *v, const struct file *f)
{
	struct boot_params *bp = memory_at(v, GPA_ZERO_PAGE, sizeof(*bp));
	struct setup_header h;
	uint64_t setup, size, rd, rd_size, limit;
	void *to;

	memcpy(&h, f->data + 0x1f1, sizeof(h));
	if (h.version < 0x20c || !(h.xloadflags & XLF_KERNEL_64)) {
		error("%s: is older than boot protocol 2.12 or has no 64-bit entry", v->cfg->kernel);
		return -1;
	}
	setup = (h.setup_sects ? h.setup_sects + 1 : 5) * 512ULL;
	if (setup >= f->size) {
		error("%s: is truncated", v->cfg->kernel);
		return -1;
	}
	size = f->size - setup;
	/* init_size: what it needs from its preferred address to unpack itself. */
	to = memory_at(v, h.pref_address, h.init_size > size ? h.init_size : size);
	if (!to || h.pref_address < GPA_KERNEL) {
		error("%s: needs %u MiB to unpack; give the VM more --memory", v->cfg->kernel,
		      (unsigned int)((h.pref_address + h.init_size) >> 20) + 1);
		return -1;
	}
	memcpy(to, f->data + setup, size);
	limit = h.initrd_addr_max + 1ULL;
	if (load_initrd(v, h.pref_address + h.init_size, limit, &rd, &rd_size) ||
	    put_cmdline(v, h.cmdline_size + 1ULL))
		return -1;
	memset(bp, 0, sizeof(*bp));
	bp->hdr = h;
	bp->hdr.type_of_loader = 0xff;
	bp->hdr.loadflags |= CAN_USE_HEAP;
	bp->hdr.heap_end_ptr = 0xfe00;
	bp->hdr.cmd_line_ptr = GPA_CMDLINE;
	bp->hdr.ramdisk_image = rd;
	bp->hdr.ramdisk_size = rd_size;
	bp->acpi_rsdp_addr = GPA_RSDP;
	bp->e820_entries = memory_map(v, bp->e820_table);
	v->entry = h.pref_address + 0x200;
	v->boot_arg = GPA_ZERO_PAGE;
	v->long_mode = true;
	return 0;
}

/**
 * load_guest - kernel, initrd and command line into guest memory
 * @v: the VM, with memory
 */
int load_guest(struct vmm *v)
{
	struct file f;
	int err;

	if (map_file(v->cfg->kernel, &f))
		return -1;
	if (f.size >= 4 && !memcmp(f.data, ELFMAG, SELFMAG)) {
		err = load_vmlinux(v, &f);
	} else if (f.size > 0x270 && !memcmp(f.data + 0x202, "HdrS", 4)) {
		err = load_bzimage(v, &f);
	} else {
		error("%s: is neither a bzImage nor an uncompressed vmlinux", v->cfg->kernel);
		err = -1;
	}
	munmap((void *)f.data, f.size);
	return err;
}
