# SPDX-License-Identifier: GPL-2.0-only
"""The emulators: bochs 3.0, built from Debian's source, and Debian 12's bochs 2.7."""

import hashlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tarfile

from .apt import Apt
from .common import HERE, TOOLS, LabError, locked, run, say

BIOS = "/usr/share/bochs/BIOS-bochs-latest"
VGA_BIOS = "/usr/share/bochs/VGABIOS-lgpl-latest"
PACKAGES = "bochs bochs-term bochsbios vgabios"

# Where bochs 3.0 comes from. Debian's build of it has the debugger in, which costs half the speed.
SUITE, SOURCE, UPSTREAM = "trixie", "bochs", "3.0+dfsg"
TARBALL = f"bochs_{UPSTREAM}.orig.tar.xz"
PATCHES = HERE / "bochs"
CONFIGURE = """
    --enable-cpu-level=6 --enable-smp --enable-x86-64 --enable-vmx=2 --enable-avx --enable-evex
    --enable-amx --enable-cet --enable-uintr --enable-protection-keys --enable-perfmon
    --enable-memtype --enable-pci --enable-e1000 --enable-all-optimizations --disable-plugins
    --disable-debugger --disable-docbook --without-x --with-nogui""".split()
FLAGS = {"CFLAGS": "-O3", "CXXFLAGS": "-O3", "LDFLAGS": "-rdynamic"}


class Emulator:
    """One emulator: how it is started, and what the host's kernel has to know of it.

    name        as --emulator has it
    program     what is run
    arguments   of every run
    config      lines of the configuration that only it has
    kernel      kernel arguments for any host
    quirks      kernel arguments by CPU model
    memory      how much a host can have, MB
    stop        the signal that makes it tell where the host's CPUs are
    """

    def __init__(self, name, program, arguments, config, kernel, quirks, memory, stop, identity):
        self.name = name
        self.program = program
        self.arguments = arguments
        self.config = config
        self.kernel = kernel
        self.quirks = quirks
        self.memory = memory
        self.stop = stop
        self._identity = identity

    def identity(self):
        """Changes with whatever may change a saved machine."""
        firmware = run(["dpkg-query", "-W", "-f", "${Version}\n", "bochsbios"]).decode()
        return f"{self.name} {self._identity()} {firmware}"

    def cpu_models(self):
        """The CPU models it knows."""
        done = subprocess.run([self.program, "-help", "cpu"], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, cwd=TOOLS)
        return re.findall(r"^([a-z]\w+)$", done.stdout.decode(), re.M)


def _packaged():
    if not shutil.which("bochs-bin"):
        raise LabError(f"the emulator is missing: apt-get install {PACKAGES}")
    return Emulator(
        "2.7", "bochs-bin", ["-unlock", "-rc", "start.rc"],
        config=["plugin_ctrl: unmapped=1, biosdev=1", "display_library: term", "panic: action=fatal"],
        kernel="", quirks={"tigerlake": "clearcpuid=fsrm", "corei7_icelake_u": "clearcpuid=fsrm"},
        memory=2048, stop=signal.SIGINT,
        identity=lambda: run(["dpkg-query", "-W", "-f", "${Version}", "bochs"]).decode())


def _tarball():
    """Bochs' source, as the signed package index of its suite names it; None when it cannot be had."""
    place = TOOLS / "bochs" / TARBALL
    if place.exists():
        return place
    say(f"fetching the source of bochs {UPSTREAM} ({SUITE})")
    try:
        return Apt(SUITE, source=True).source(SOURCE, TARBALL, place.parent)
    except LabError as error:
        say(str(error))
        return None


def _key():
    """Names a build after all that goes into it."""
    digest = hashlib.sha256()
    for word in [UPSTREAM, *CONFIGURE, *map(str, FLAGS.items())]:
        digest.update(f"{word}\n".encode())
    for patch in sorted(PATCHES.glob("*.patch")):
        digest.update(patch.read_bytes())
    digest.update(run(["g++", "--version"]).splitlines()[0])
    return digest.hexdigest()[:12]


def _compile(source, target):
    """Unpacks, patches, configures and builds; leaves the program at target."""
    work = target.parent / f".{target.name}.new"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    with tarfile.open(source) as tar:
        tar.extractall(work)
    tree = next(work.iterdir())
    for patch in sorted(PATCHES.glob("*.patch")):
        with open(patch, "rb") as text:
            run(["patch", "-p1", "-s"], cwd=tree, stdin=text)
    environment = dict(os.environ, **FLAGS)
    run(["./configure", *CONFIGURE], cwd=tree, env=environment)
    run(["make", f"-j{os.cpu_count()}"], cwd=tree, env=environment)
    run(["strip", "-g", tree / "bochs"])
    (tree / "bochs").rename(target)
    shutil.rmtree(work)


def _built():
    """The emulator built here, made if need be; None when its source cannot be had."""
    program = TOOLS / "bochs" / f"bochs-{_key()}"
    if not program.exists():
        with locked(TOOLS / "bochs/.lock", "waiting for the emulator to be built"):
            if not program.exists():
                source = _tarball()
                if not source:
                    return None
                say("building the emulator: about two minutes, once")
                _compile(source, program)
    return Emulator(
        "3.0", str(program), [],
        config=["display_library: nogui", "panic: action=fatal"],
        # With the HPET it crawls. AMX comes without XFD, and Linux turns half of it off (faults/amx-cpuid.c).
        # REP MOVSB is slow.
        kernel="hpet=disable",
        quirks={"sapphire_rapids": "clearcpuid=amx_tile,fsrm", "arrow_lake": "clearcpuid=fsrm",
                "corei7_icelake_u": "clearcpuid=fsrm", "tigerlake": "clearcpuid=fsrm"},
        memory=4096, stop=signal.SIGUSR1, identity=lambda: program.name)


NAMES = ("3.0", "2.7")


def choose(name):
    """The emulator of that name: what VH_LAB_EMULATOR says without one, else 3.0, or 2.7 where 3.0
    cannot be had."""
    for path in (BIOS, VGA_BIOS):
        if not pathlib.Path(path).exists():
            raise LabError(f"the firmware is missing: apt-get install {PACKAGES}")
    wanted = name or os.environ.get("VH_LAB_EMULATOR") or NAMES[0]
    if wanted not in NAMES:
        raise LabError(f"unknown emulator {wanted}; there are: {' '.join(NAMES)}")
    if wanted == "2.7":
        return _packaged()
    built = _built()
    if not built and name:
        raise LabError(f"bochs {UPSTREAM} cannot be had")
    if not built:
        say("bochs 3.0 cannot be had: using 2.7, which is slower and has no posted interrupts")
    return built or _packaged()
