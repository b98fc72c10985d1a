# SPDX-License-Identifier: GPL-2.0-only
"""Cold boots and saved machines."""

import hashlib
import os
import re
import shutil
import time

from . import image, kernel as kernels
from .common import BUILD, HERE, SNAPSHOTS, TOOLS, LabError, locked, run, say
from .machine import KERNEL_ARGUMENTS, MHZ, SLOW_MHZ, TRIMMED, Machine, configure
from .payload import CYLINDER
from .verdict import HostLog

BOOT_LIMIT = 240        # seconds for a cold boot; it takes about ten on a quiet machine
SLOW_LIMIT = 900        # with sanitizers
KEEP = 24               # saved machines


def _mhz(folder):
    return SLOW_MHZ if image.instrumented(folder) else MHZ


def command_line(options, folder):
    emulator = options.emulator
    words = [KERNEL_ARGUMENTS.format(mhz=_mhz(folder)), emulator.kernel, emulator.quirks.get(options.cpu, ""),
             TRIMMED if options.trim else "", " ".join(options.append)]
    if options.cold:
        words.append("lab_cold=1")
    if image.instrumented(folder):
        # the serial console's lock, taken where an interrupt tells of an error, is a report of its own
        words.append("lab_quiet=1")
    return " ".join(word for word in words if word)


def prepare_cold(options, folder, work, cylinders):
    """Fills `work` with what bochs needs for a cold boot with a payload disk of that size."""
    size = image.build(folder, options.mem, command_line(options, folder), work)
    configure(work, options, size, cylinders, _mhz(folder))


def _key(options, folder):
    """Names a saved machine after all that went into it."""
    digest = hashlib.sha256()
    for word in (folder.name, kernels.release(folder), options.cpu, options.cpus, options.mem, options.nic,
                 command_line(options, folder), options.emulator.identity()):
        digest.update(f"{word}\n".encode())
    digest.update(str((folder / "vmlinux").stat().st_mtime_ns).encode())
    for path in (TOOLS / "lab-agent", TOOLS / "boot.bin", HERE / "src/init", "/bin/busybox",
                 HERE / "labkit/image.py", HERE / "labkit/machine.py", HERE / "src/shim.c"):
        with open(path, "rb") as handle:
            digest.update(handle.read())
    return (f"{folder.name.removeprefix('linux-image-')}-{options.cpu}-{options.cpus}-"
            f"{options.emulator.name}-{digest.hexdigest()[:12]}")


def saved_machine(options, folder, work):
    """Returns the folder of a saved machine, booting and saving it first if need be."""
    key = _key(options, folder)
    place = SNAPSHOTS / key
    if (place / ".complete").exists():
        os.utime(place)
        return place
    with locked(SNAPSHOTS / f".{key}.lock", "waiting for another run to save this machine"):
        if (place / ".complete").exists():
            return place
        say(f"booting {kernels.release(folder)} on {options.cpu} (bochs {options.emulator.name}), "
            f"{options.cpus} CPU, {options.mem} MB, to be saved for later runs")
        boot = work / "boot"
        boot.mkdir()
        prepare_cold(options, folder, boot, 1)
        with open(boot / "payload.img", "wb") as disk:
            disk.truncate(CYLINDER)
        new = SNAPSHOTS / f".{key}.new"
        shutil.rmtree(new, ignore_errors=True)
        _boot_and_save(options.emulator, boot, new, SLOW_LIMIT if image.instrumented(folder) else BOOT_LIMIT)
        (new / "hard_drive.0.drive1.image").unlink()
        # The memory image must not be loaded a second time.
        config = (new / "config").read_text().splitlines(True)
        (new / "config").write_text("".join(line for line in config if "optramimage" not in line))
        run(["fallocate", "-d", new / "memory.ram"])    # most of it is zeros
        (new / ".complete").touch()
        shutil.rmtree(place, ignore_errors=True)
        new.rename(place)
        shutil.rmtree(boot)
        _forget_old()
    return place


def _forget_old():
    """Removes the saved machines not used for the longest time."""
    places = sorted((p for p in SNAPSHOTS.glob("[!.]*") if (p / ".complete").exists()),
                    key=lambda p: p.stat().st_mtime)
    for place in places[:-KEEP]:
        if time.time() - place.stat().st_mtime > 600:       # a run may be reading it
            shutil.rmtree(place, ignore_errors=True)


def _boot_and_save(emulator, boot, new, limit):
    machine = Machine(boot, emulator, save="state")
    log = HostLog()
    saved = boot / "state"
    try:
        deadline = time.monotonic() + limit
        for kind, value in machine.events():
            if kind == "frame" and value[0] == "k":
                log.record(value[1])
            elif kind == "serial":
                log.serial_text(value)
            elif kind == "tick":
                if log.deadly or time.monotonic() > deadline:
                    break
            elif kind == "exit":
                break
    finally:
        machine.kill()
    if (saved / ".saved").exists():
        shutil.move(saved, new)
    else:
        raise LabError("the host did not boot:\n" + "\n".join(log.tail())
                       + f"\n{machine.emulator_log()}")


def prepare_restore(place, work, payload):
    """Fills `work` so that bochs can restore the saved machine from work/state."""
    state = work / "state"
    state.mkdir()
    for entry in place.iterdir():
        if not entry.name.startswith(".") and entry.name != "config":
            (state / entry.name).symlink_to(entry.resolve())
    shutil.copy(place / "hard_drive.0.drive0.image", work / "boot.img")
    # Restoring copies this over the second disk, whose size is this payload's.
    cylinders = payload.write(state / "hard_drive.0.drive1.image")
    with open(work / "payload.img", "wb") as disk:
        disk.truncate(cylinders * CYLINDER)
    config = (place / "config").read_text()
    (state / "config").write_text(
        re.sub(r"(ata0-slave:.*cylinders=)\d+", rf"\g<1>{cylinders}", config))


def clean():
    """Removes saved machines, unpacked kernels and the lab's programs."""
    shutil.rmtree(TOOLS, ignore_errors=True)
    shutil.rmtree(BUILD / "kernels", ignore_errors=True)
