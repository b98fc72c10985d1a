# SPDX-License-Identifier: GPL-2.0-only
"""Paths, errors, locks: what every part of the lab uses."""

import contextlib
import fcntl
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent.parent
TOP = HERE.parent.parent
BUILD = pathlib.Path(os.environ.get("VH_BUILD", TOP / "build"))
TOOLS = BUILD / "lab"
SNAPSHOTS = TOOLS / "snap"
KERNELS = BUILD / "kernels"

# Exit statuses of its own; a script's status goes through unchanged otherwise.
STATUS_USAGE = 2
STATUS_LAB = 89         # the lab itself could not do its work
STATUS_HOST = 90        # the emulated host panicked, warned, hung or timed out

# One bochs is one thread, and two of them fill a small machine.
EMULATORS = int(os.environ.get("VH_LAB_EMULATORS", 2))
SLOT = "/tmp/emu.lock.%d"


class LabError(Exception):
    """Something the user can act on; printed without a traceback."""


def say(text):
    """One line about what the lab is doing, on stderr."""
    print(f"lab: {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def locked(path, waiting=None):
    """Holds an exclusive flock on path; says `waiting` if that takes long."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting:
                say(waiting)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def emulator_slot():
    """Waits until fewer than EMULATORS emulators run on this machine."""
    handles = []
    for number in range(1, EMULATORS + 1):
        old = os.umask(0)
        try:
            handles.append(open(SLOT % number, "a"))
        finally:
            os.umask(old)
    said = False
    try:
        while True:
            for handle in handles:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                yield
                return
            if not said:
                said = True
                say(f"waiting: {EMULATORS} emulators are running already")
            time.sleep(0.2)
    finally:
        for handle in handles:
            handle.close()


def run(command, **more):
    """Runs a command, raising LabError with its output when it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
    if done.returncode:
        shown = " ".join(str(word) for word in command)
        raise LabError(f"{shown}: status {done.returncode}\n"
                       + done.stdout.decode(errors="replace").strip())
    return done.stdout


def build_tools():
    """Builds the lab's C programs if they are out of date."""
    with locked(TOOLS / ".lock"):
        run(["make", "-s", "-C", HERE, f"O={TOOLS}"])
