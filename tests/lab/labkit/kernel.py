# SPDX-License-Identifier: GPL-2.0-only
"""Debian kernels: fetched with apt-get download, unpacked under build/kernels, never installed.

And the sanitizer kernel, which tests/kunit/kernel builds.
"""

import lzma
import os
import pathlib
import re
import shutil
import struct
import subprocess

from .apt import SUITES, Apt
from .common import KERNELS, TOP, LabError, locked, run, say

ALIASES = {
    "6.1": r"linux-image-6\.1\.0-\d+-amd64",
    "6.12": r"linux-image-6\.12\.\S+-amd64",
    "7.2": r"linux-(?:binary|image)-7\.2\.\S+-amd64",
}


def _natural(name):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def _headers_installed(package):
    release = re.sub(r"^linux-(image|binary)-", "", package)
    return os.path.isdir(f"/usr/src/linux-headers-{release}")


def _apt_with(package, apt):
    """The Apt that has a package: the machine's, or that of the suite which the name tells."""
    suite = next((suite for mark, suite in SUITES.items() if mark in package), None)
    if suite and not (KERNELS / package / ".complete").exists() and package not in apt.names(package):
        apt = Apt(suite)
        if package not in apt.names(package):
            apt.refresh()
    return apt


def resolve(name):
    """The package an alias such as 6.1 stands for, and the Apt that has it.

    The newest one whose headers are installed here, so that modules built here
    load there; without headers one unpacked already; else the archive's newest.
    """
    apt = Apt()
    if name not in ALIASES:
        return name, _apt_with(name, apt)
    pattern = re.compile(ALIASES[name])

    def suitable(words):
        return sorted((w for w in words if pattern.fullmatch(w)
                       and not re.search(r"-(cloud|rt)-amd64$", w)), key=_natural)

    here = suitable(p.name for p in KERNELS.glob("linux-*") if (p / ".complete").exists())
    headers = suitable(p.name.replace("headers", "image", 1)
                       for p in pathlib.Path("/usr/src").glob("linux-headers-*"))
    if headers and headers[-1] in here:     # and apt, which is slow, need not be asked
        return headers[-1], apt
    known = suitable(apt.names("linux-"))
    with_headers = [w for w in here + known if _headers_installed(w)]
    if with_headers:
        return max(with_headers, key=_natural), apt
    if here:
        return here[-1], apt
    if not known and name in SUITES:
        apt = Apt(SUITES[name])
        known = suitable(apt.names("linux-"))
    if not known:
        raise LabError(f"no package for kernel {name} in this machine's package lists: "
                       "add the suite that has it, or name a package or folder")
    return known[-1], apt


def _decompress(payload):
    if payload[:6] == b"\xfd7zXZ\0":
        return lzma.LZMADecompressor().decompress(payload)
    for magic, tool in ((b"\x28\xb5\x2f\xfd", "zstd"), (b"\x02\x21\x4c\x18", "lz4")):
        if payload[:4] == magic:
            # The size that follows the stream is none of it: ignore that complaint.
            return subprocess.run([tool, "-dc"], input=payload, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL).stdout
    raise LabError("vmlinuz: neither xz, zstd nor lz4 inside")


def _unpack_vmlinux(vmlinuz, vmlinux):
    """Takes the uncompressed ELF out of a bzImage (Documentation/arch/x86/boot.rst)."""
    data = vmlinuz.read_bytes()
    if data[0x202:0x206] != b"HdrS":
        raise LabError(f"{vmlinuz}: not a bzImage")
    setup = (data[0x1f1] + 1) * 512
    offset, length = struct.unpack_from("<II", data, 0x248)
    elf = _decompress(data[setup + offset:setup + offset + length])
    if elf[:4] != b"\x7fELF":
        raise LabError(f"{vmlinuz}: no ELF inside")
    vmlinux.write_bytes(elf)


def _depends(deb):
    """The packages that hold the rest of a split kernel, as 7.2 is."""
    text = run(["dpkg-deb", "-f", deb, "Depends"]).decode()
    return re.findall(r"linux-(?:modules|binary)-\d[^\s,]+", text)


def _sanitizer():
    """The folder of the sanitizer kernel, built if need be."""
    done = subprocess.run([TOP / "tests/kunit/kernel"], stdout=subprocess.PIPE)
    if done.returncode:
        raise LabError("the sanitizer kernel was not built")
    return pathlib.Path(done.stdout.decode().strip())


def fetch(name):
    """Returns the folder of an unpacked kernel: vmlinux, vmlinuz, config, modules/, release."""
    if name == "sanitizer":
        return _sanitizer()
    if "/" in name and (pathlib.Path(name) / "vmlinux").exists():
        return pathlib.Path(name).resolve()
    package, apt = resolve(name)
    folder = KERNELS / package
    if (folder / ".complete").exists():
        return folder
    with locked(KERNELS / f".{package}.lock", f"waiting for {package} to be unpacked"):
        if (folder / ".complete").exists():
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        work = KERNELS / f".{package}.new"
        shutil.rmtree(work, ignore_errors=True)
        (work / "deb").mkdir(parents=True)
        wanted, done = [package], set()
        while wanted:
            one = wanted.pop()
            if one in done:
                continue
            done.add(one)
            say(f"fetching {one}")
            deb = _apt_with(one, apt).download(one, work / "deb")
            run(["dpkg-deb", "-x", deb, work / "tree"])
            wanted += _depends(deb)
            deb.unlink()
        tree = work / "tree"
        vmlinuz = next(tree.glob("**/vmlinuz*"), None)
        modules = next((p.parent for p in tree.glob("**/lib/modules/*/kernel")), None)
        if not vmlinuz or not modules:
            raise LabError(f"{package}: no vmlinuz or no modules inside")
        shutil.copy(vmlinuz, work / "vmlinuz")
        _unpack_vmlinux(work / "vmlinuz", work / "vmlinux")
        config = next(tree.glob("**/config-*"), None) or next(tree.glob("**/config"), None)
        if config:
            shutil.copy(config, work / "config")
        (work / "release").write_text(modules.name + "\n")
        shutil.move(modules, work / "modules")
        if not (work / "modules/modules.dep").exists():
            base = work / "depmod/lib/modules"
            base.mkdir(parents=True)
            (base / modules.name).symlink_to(work / "modules")
            run(["/sbin/depmod", "-b", work / "depmod", modules.name])
            shutil.rmtree(work / "depmod")
        shutil.rmtree(tree)
        (work / "deb").rmdir()
        (work / ".complete").touch()
        work.rename(folder)
    return folder


def release(folder):
    """uname -r of an unpacked kernel."""
    return (folder / "release").read_text().strip()


def _canonical(name):
    return name.replace("-", "_")


def module_closure(folder, names):
    """Paths (relative to modules/) of the named modules and all they need, in load order,
    and the modules.dep lines for them. What is built in is left out, and so is a name that
    ends in "?" when the kernel has no such module."""
    table, path_of = {}, {}
    for line in (folder / "modules/modules.dep").read_text().splitlines():
        path, _, needs = line.partition(":")
        table[path] = needs.split()
        path_of[_canonical(os.path.basename(path).split(".ko")[0])] = path
    builtin_list = folder / "modules/modules.builtin"
    builtin = {_canonical(os.path.basename(line).split(".ko")[0])
               for line in (builtin_list.read_text().split() if builtin_list.exists() else ())}
    order = []

    def add(path):
        if path not in order:
            for need in reversed(table[path]):
                add(need)
            order.append(path)

    for name in names:
        name, may_lack = _canonical(name.rstrip("?")), name.endswith("?")
        if name in path_of:
            add(path_of[name])
        elif name not in builtin and not may_lack:
            raise LabError(f"{folder.name} has no module {name}")
    return order, [f"{path}: {' '.join(table[path])}".rstrip() for path in order]


def stripped_module(folder, path):
    """A module without debug information and BTF, which load 2.5 times slower in the lab."""
    plain = re.sub(r"\.(xz|zst|gz)$", "", path)
    target = folder / "stripped" / os.path.basename(plain)
    if target.exists():
        return target
    target.parent.mkdir(exist_ok=True)
    work = target.with_suffix(f".{os.getpid()}")
    source = folder / "modules" / path
    if path.endswith(".xz"):
        work.write_bytes(lzma.decompress(source.read_bytes()))
    elif path.endswith(".zst"):
        work.write_bytes(run(["zstd", "-dc", source]))
    else:
        shutil.copy(source, work)
    run(["strip", "-g", "-R", ".BTF", work])
    work.rename(target)
    return target
