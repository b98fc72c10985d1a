# SPDX-License-Identifier: GPL-2.0-only
"""The second disk: header, mailbox, and a tar with everything a run needs."""

import io
import os
import pathlib
import re
import struct
import subprocess
import tarfile

from . import image
from .common import LabError

SECTOR = 512
TAR_AT = 2 * SECTOR
CYLINDER = 16 * 63 * SECTOR
MOST_CYLINDERS = 2048               # 1 GiB


class Payload:
    """Collects files, then writes the disk."""

    def __init__(self):
        self.buffer = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.buffer, mode="w", format=tarfile.GNU_FORMAT)
        self.names = set()

    def _add(self, info, data=None):
        info.uid = info.gid = 0
        info.uname = info.gname = ""
        info.mtime = 1700000000         # the same payload is the same disk
        self.names.add(info.name)
        self.tar.addfile(info, data)

    def data(self, name, content, mode=0o644):
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(content), mode
        self._add(info, io.BytesIO(content))

    def link(self, name, target):
        info = tarfile.TarInfo(name)
        info.type, info.linkname = tarfile.SYMTYPE, target
        self._add(info)

    def file(self, source, name):
        """Adds a file, or a directory and all below it; programs bring their libraries."""
        source = pathlib.Path(source)
        if source.is_dir():
            for entry in sorted(source.rglob("*")):
                inner = f"{name}/{entry.relative_to(source)}"
                if entry.is_symlink() and not entry.exists():
                    continue
                if entry.is_file():
                    self._one(entry, inner)
                elif entry.is_dir():
                    info = tarfile.TarInfo(inner)
                    info.type, info.mode = tarfile.DIRTYPE, 0o755
                    self._add(info)
        elif source.is_file():
            self._one(source, name)
        else:
            raise LabError(f"{source}: no such file")

    def _one(self, source, name):
        info = tarfile.TarInfo(name)
        status = source.stat()
        info.size, info.mode = status.st_size, status.st_mode & 0o7777
        with open(source, "rb") as handle:
            is_elf = handle.read(4) == b"\x7fELF"
            handle.seek(0)
            self._add(info, handle)
        if is_elf and (status.st_mode & 0o111):
            self._libraries(source)

    def _libraries(self, program):
        """Adds what the dynamic loader would look for, under the same paths."""
        done = subprocess.run(["ldd", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for line in done.stdout.decode().splitlines():
            if "not found" in line:
                raise LabError(f"{program} needs a library this machine lacks: {line.strip()}")
            found = re.search(r"(/\S+) \(0x", line)
            if not found:
                continue
            name = found[1].lstrip("/")
            if name not in self.names:
                self.data(name, pathlib.Path(found[1]).resolve().read_bytes(), 0o755)

    def modules(self, folder, names):
        """Adds kernel modules and what they depend on."""
        known = {}
        image.add_modules(folder, names, lambda name, data: known.setdefault(name, data), self.link)
        for name, data in known.items():
            self.data(name, data)

    def write(self, path):
        """Writes the disk image and returns its size in cylinders."""
        self.tar.close()
        content = self.buffer.getbuffer()
        cylinders = (TAR_AT + len(content) + CYLINDER - 1) // CYLINDER
        if cylinders > MOST_CYLINDERS:
            raise LabError(f"payload of {len(content) >> 20} MB: at most {MOST_CYLINDERS * CYLINDER >> 20} MB")
        with open(path, "wb") as disk:
            disk.write(b"VHLAB%d\n" % ((len(content) + SECTOR - 1) // SECTOR))
            disk.seek(TAR_AT)
            disk.write(content)
            disk.truncate(cylinders * CYLINDER)
        return cylinders


class Mailbox:
    """Sector 1 of the second disk: messages to the running host (src/agent.c, struct mail)."""

    def __init__(self, path):
        self.path = path
        self.sequence = 0
        self.taken = 0

    def free(self):
        return self.taken == self.sequence

    def send(self, kind, data=b""):
        self.sequence += 1
        message = struct.pack("<4sIcxH", b"MAIL", self.sequence, kind, len(data)) + data
        handle = os.open(self.path, os.O_WRONLY)
        try:
            os.pwrite(handle, message.ljust(SECTOR, b"\0"), SECTOR)
        finally:
            os.close(handle)

    ROOM = SECTOR - 12
