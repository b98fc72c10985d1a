# SPDX-License-Identifier: GPL-2.0-only
"""What the emulated host starts from: initramfs, boot disk, memory image."""

import os
import pathlib
import re
import struct

from . import kernel as kernels
from .common import HERE, TOOLS, LabError, run

BLOCK = 0x20000             # bochs backs guest memory in blocks of this size
PADDING = 16                # blocks the firmware may have touched before the boot sector
PAD_MAGIC = 0x50564842
LOW_TOP = 0xc0000000         # where the firmware wants memory below 4 GiB to end
KERNEL_BASE = 0x1000000
INITRD_BASE = 0x6000000
INFO = 0x80000              # what the kernel is told; see src/boot.S
INFO_PAGES = 5
XEN_ELFNOTE_PHYS32_ENTRY = 18
PT_LOAD, PT_NOTE = 1, 4

BASE_MODULES = ["irqbypass", "kvm", "kvm_intel"]

PASSWD = "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n"
GROUP = "root:x:0:\ntty:x:5:\nkvm:x:104:user\nuser:x:1000:\n"


class Cpio:
    """A newc archive in memory, enough of it for an initramfs."""

    def __init__(self):
        self.parts = []
        self.number = 0
        self.made = set()

    def _entry(self, name, mode, data=b"", dev=(0, 0), ids=(0, 0)):
        self.number += 1
        raw = name.encode() + b"\0"
        fields = (self.number, mode, ids[0], ids[1], 1, 0, len(data), 0, 0, dev[0], dev[1], len(raw), 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields)
        self.parts.append(head + raw + b"\0" * (-(len(head) + len(raw)) % 4)
                          + data + b"\0" * (-len(data) % 4))

    def directory(self, name, mode=0o755, ids=(0, 0)):
        parent = os.path.dirname(name)
        if parent:
            self.directory(parent)
        if name not in self.made:
            self.made.add(name)
            self._entry(name, 0o040000 | mode, ids=ids)

    def file(self, name, data, mode=0o644):
        if os.path.dirname(name):
            self.directory(os.path.dirname(name))
        self._entry(name, 0o100000 | mode, data)

    def link(self, name, target):
        if os.path.dirname(name):
            self.directory(os.path.dirname(name))
        self._entry(name, 0o120777, target.encode())

    def bytes(self):
        self._entry("TRAILER!!!", 0)
        return b"".join(self.parts)


def initramfs(folder):
    """The emulated host's root: busybox, the agent, KVM's modules under /mods."""
    cpio = Cpio()
    for name in ("bin", "dev", "etc", "lib", "lib64", "mods", "mnt", "p", "proc", "run", "sbin", "sys",
                 "usr/bin", "usr/sbin", "usr/lib", "var/run", "var/lock"):
        cpio.directory(name)
    cpio.directory("tmp", 0o1777)
    cpio.directory("root", 0o700)
    cpio.directory("home/user", ids=(1000, 1000))
    cpio.file("dev/console", b"", 0o600)
    cpio.file("dev/null", b"", 0o666)
    cpio.file("etc/passwd", PASSWD.encode())
    cpio.file("etc/group", GROUP.encode())
    cpio.file("etc/profile", b"export PATH=/p:/bin:/sbin:/usr/bin:/usr/sbin HOME=/root PS1='lab:\\w# '\n")
    busybox = pathlib.Path("/bin/busybox")
    if not busybox.exists():
        raise LabError("busybox is missing: apt-get install busybox-static")
    if b"INTERP" in run(["readelf", "-l", busybox]):
        raise LabError("busybox needs libraries: apt-get install busybox-static")
    cpio.file("bin/busybox", busybox.read_bytes(), 0o755)
    for name in run([busybox, "--list-full"]).decode().split():
        if name not in ("bin/busybox", "init", "linuxrc"):
            cpio.link(name, "/bin/busybox")
    cpio.file("bin/lab-agent", (TOOLS / "lab-agent").read_bytes(), 0o755)
    cpio.file("init", (HERE / "src/init").read_bytes(), 0o755)
    add_modules(folder, BASE_MODULES, lambda name, data: cpio.file(name, data), cpio.link)
    return cpio.bytes()


def add_modules(folder, names, put_file, put_link):
    """Puts modules where modprobe finds them, and as /mods/NAME.ko for insmod."""
    order, _ = kernels.module_closure(folder, names)
    _, lines = kernels.module_closure(folder, dict.fromkeys(BASE_MODULES + list(names)))
    root = f"lib/modules/{kernels.release(folder)}"
    for path in order:
        plain = re.sub(r"\.ko\.(xz|zst|gz)$", ".ko", path)
        put_file(f"{root}/{plain}", kernels.stripped_module(folder, path).read_bytes())
        put_link("mods/" + os.path.basename(plain), f"/{root}/{plain}")
    text = re.sub(r"\.ko\.(xz|zst|gz)", ".ko", "\n".join(lines)) + "\n"
    put_file(f"{root}/modules.dep", text.encode())


def _segments(elf):
    """PT_LOAD segments as (physical address, bytes, size in memory), the PVH entry (or None)
    and the 64-bit entry."""
    start, table = struct.unpack_from("<QQ", elf, 24)
    count, = struct.unpack_from("<H", elf, 56)
    segments, entry = [], None
    for index in range(count):
        kind, _, offset, _, address, size, memory, _ = struct.unpack_from("<IIQQQQQQ", elf, table + 56 * index)
        if kind == PT_LOAD:
            segments.append((address, elf[offset:offset + size], memory))
        elif kind == PT_NOTE:
            at = offset
            while at < offset + size:
                name_size, value_size, note = struct.unpack_from("<III", elf, at)
                value = at + 12 + (name_size + 3 & ~3)
                if elf[at + 12:at + 12 + name_size] == b"Xen\0" and note == XEN_ELFNOTE_PHYS32_ENTRY:
                    entry, = struct.unpack_from("<I", elf, value)
                at = value + (value_size + 3 & ~3)
    return segments, entry, start


def _memory_map(memory_mb):
    """The memory as (start, size, e820 type)."""
    top = min(memory_mb << 20, LOW_TOP)
    high = (memory_mb << 20) - top
    ram, reserved, acpi = 1, 2, 3
    return [
        (0, 0x9fc00, ram), (0x9fc00, 0x400, reserved), (0xf0000, 0x10000, reserved),
        (0x100000, top - 0x100000 - 0x10000, ram),
        (top - 0x10000, 0x10000, acpi),         # bochs' BIOS keeps its ACPI tables here
        (0xfffc0000, 0x40000, reserved),
    ] + ([(1 << 32, high, ram)] if high else [])


def _start_info(initrd_size, memory_mb, command_line):
    """The page with hvm_start_info, module list, memory map and command line."""
    memory_map = _memory_map(memory_mb)
    page = bytearray(4096)
    text = command_line.encode()
    if len(text) >= 0xa00:
        raise LabError("kernel command line too long")
    struct.pack_into("<IIIIQQQQII", page, 0, 0x336ec578, 1, 0, 1, INFO + 0x100, INFO + 0x200,
                     0, INFO + 0xc00, len(memory_map), 0)
    struct.pack_into("<QQQQ", page, 0x100, INITRD_BASE, initrd_size, 0, 0)
    page[0x200:0x200 + len(text)] = text
    for index, (start, size, kind) in enumerate(memory_map):
        struct.pack_into("<QQII", page, 0xc00 + 24 * index, start, size, kind, 0)
    return page


def _zero_page(folder, initrd_size, memory_mb, command_line):
    """Five pages: struct boot_params, the command line, and tables that map the first GB to
    itself (Documentation/x86/boot.rst, 64-bit boot protocol). And where the tables are."""
    head = (folder / "vmlinuz").read_bytes()[:0x1000]
    if head[0x202:0x206] != b"HdrS":
        raise LabError(f"{folder / 'vmlinuz'}: not a bzImage")
    pages = bytearray(INFO_PAGES * 4096)
    end = 0x202 + head[0x201]
    pages[0x1f1:end] = head[0x1f1:end]          # the setup header
    pages[0x210] = 0xff                         # type_of_loader: none that has a number
    pages[0x211] |= 1                           # loadflags: LOADED_HIGH
    struct.pack_into("<II", pages, 0x218, INITRD_BASE, initrd_size)
    text = command_line.encode()
    if len(text) >= 0x800:                      # COMMAND_LINE_SIZE
        raise LabError("kernel command line too long")
    struct.pack_into("<I", pages, 0x228, INFO + 0x1000)
    pages[0x1000:0x1000 + len(text)] = text
    memory_map = _memory_map(memory_mb)
    pages[0x1e8] = len(memory_map)
    for index, entry in enumerate(memory_map):
        struct.pack_into("<QQI", pages, 0x2d0 + 20 * index, *entry)
    present, large = 3, 0x83
    struct.pack_into("<Q", pages, 0x2000, INFO + 0x3000 | present)
    struct.pack_into("<Q", pages, 0x3000, INFO + 0x4000 | present)
    for index in range(512):
        struct.pack_into("<Q", pages, 0x4000 + 8 * index, index << 21 | large)
    return pages, INFO + 0x2000


def instrumented(folder):
    """Is this a kernel with KASAN? Its PVH entry calls C before there is a shadow."""
    config = folder / "config"
    return config.exists() and "\nCONFIG_KASAN=y\n" in config.read_text()


def build(folder, memory_mb, command_line, out):
    """Writes out/boot.ram (oversized optramimage) and out/boot.img (boot disk); see src/boot.S.

    Returns how much memory the emulator is to have, in MB: it lays memory out without a hole, so that
    what lies between LOW_TOP and 4 GiB is never used."""
    path = folder / "vmlinux"
    segments, entry, entry_64 = _segments(path.read_bytes())
    initrd = initramfs(folder)
    flat = bytearray()

    def put(address, data):
        offset = address - KERNEL_BASE
        flat.extend(b"\0" * (offset + len(data) - len(flat)))
        flat[offset:offset + len(data)] = data

    for address, data, size in segments:
        if address < KERNEL_BASE or address + size > INITRD_BASE:
            raise LabError(f"{path}: segment at {address:#x} is out of place")
        put(address, data)
    put(INITRD_BASE, initrd)
    flat.extend(b"\0" * (-len(flat) % BLOCK))
    if KERNEL_BASE + len(flat) + 80 * BLOCK > memory_mb << 20:
        raise LabError(f"{memory_mb} MB is too little memory for the emulated host")

    if instrumented(folder):
        entry = entry_64
        info, tables = _zero_page(folder, len(initrd), memory_mb, command_line)
    elif entry is None:
        raise LabError(f"{path}: no PVH entry (CONFIG_PVH)")
    else:
        info, tables = _start_info(len(initrd), memory_mb, command_line), 0

    zero = bytes(BLOCK)
    memory = bytearray(flat[:BLOCK])
    for index in range(PADDING):
        block = bytearray(BLOCK)
        struct.pack_into("<II", block, BLOCK - 16, PAD_MAGIC, index == PADDING - 1)
        memory += block
    table = [min(memory_mb << 20, LOW_TOP) - 64 * BLOCK, entry, tables]
    for offset in range(BLOCK, len(flat), BLOCK):
        if flat[offset:offset + BLOCK] != zero:
            memory += flat[offset:offset + BLOCK]
            table.append(KERNEL_BASE + offset)
    table.append(0)
    packed = struct.pack(f"<{len(table)}I", *table)
    if len(packed) > 16 * 512:
        raise LabError("kernel and initramfs are too large for the boot sector's table")

    sector = (TOOLS / "boot.bin").read_bytes()
    if len(sector) > 446:
        raise LabError("boot sector too large")
    disk = bytearray(16 * 63 * 512)
    disk[:len(sector)] = sector
    disk[510:512] = b"\x55\xaa"
    disk[512:512 + len(packed)] = packed
    disk[17 * 512:17 * 512 + len(info)] = info
    (out / "boot.ram").write_bytes(memory)
    (out / "boot.img").write_bytes(disk)
    return memory_mb if memory_mb << 20 <= LOW_TOP else memory_mb + ((1 << 32) - LOW_TOP >> 20)
