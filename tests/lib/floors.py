#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""floors.py BUILD: which file of the module calls up, against the tables of docs/architecture.md.

BUILD is kmod/ of a build. What one object needs and another defines is an arrow, and so is an include.
Fails for one that leads to a higher floor and is not listed, for one that is listed and not there, and
for a file without a floor.
"""
import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
DOC = TOP / "docs/architecture.md"


def table(name):
    """Rows of the table after <!-- NAME -->, as lists of cells."""
    text = DOC.read_text().partition(f"<!-- {name} -->\n")[2]
    rows = []
    for line in text.splitlines():
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows[2:]


def quoted(cell):
    return re.findall(r"`([^`]+)`", cell)


FLOORS = {room: int(row[0]) for row in table("floors") for room in quoted(row[1])}


def room_of(path):
    """run/ for run/exits.c, kick.c for kick.c and its header."""
    folder, _, name = path.rpartition("/")
    if folder:
        return folder.split("/")[0] + "/"
    return next((r for r in FLOORS if r.rpartition(".")[0] == name.rpartition(".")[0]), name)


def symbols(path):
    """What an object needs, and what it defines for others."""
    needs, defines = set(), set()
    for line in subprocess.run(["nm", path], check=True, stdout=subprocess.PIPE,
                               universal_newlines=True).stdout.splitlines():
        kind, name = line.split()[-2:]
        if kind in "Uwv":
            needs.add(name)
        elif kind.isupper():
            defines.add(name)
    return needs, defines


def calls(build):
    objects = {}
    for path in build.glob("**/*.o"):
        source = path.relative_to(build).with_suffix("").as_posix()
        for suffix in ".c", ".S":
            if not source.endswith(".mod") and (TOP / "kmod" / (source + suffix)).exists():
                objects[source + suffix] = symbols(path)
    home = {name: source for source, (_, defines) in objects.items() for name in defines}
    if len(objects) < 50:
        sys.exit(f"floors: {build} has only {len(objects)} objects")
    for source, (needs, _) in objects.items():
        for name in needs & home.keys():
            yield source, home[name], name


def includes():
    kmod = TOP / "kmod"
    for path in kmod.glob("**/*.[chS]"):
        if path.name.endswith(".mod.c"):
            continue
        source = path.relative_to(kmod).as_posix()
        for name in re.findall(r'^#include "(.*)"', path.read_text(), re.M):
            for folder in path.parent, kmod:
                found = (folder / name).resolve()
                if found.exists() and kmod in found.parents:
                    yield source, found.relative_to(kmod).as_posix(), None
                    break


def main():
    if not FLOORS:
        sys.exit(f"floors: {DOC} has no table of floors")
    allowed = {(source, room, name) for row in table("upward") for source in quoted(row[0])
               for room in quoted(row[1]) for name in quoted(row[2])}
    may_include = {(source, room) for source, room, _ in allowed}
    seen, bad = set(), []
    for source, target, name in list(calls(pathlib.Path(sys.argv[1]))) + list(includes()):
        rooms = room_of(source), room_of(target)
        missing = [path for path, room in zip((source, target), rooms) if room not in FLOORS]
        if missing:
            bad += [f"{path} is on no floor" for path in missing]
        elif FLOORS[rooms[0]] >= FLOORS[rooms[1]]:
            continue
        elif name and (source, rooms[1], name) in allowed:
            seen.add((source, rooms[1], name))
        elif name or (source, rooms[1]) not in may_include:
            bad.append(f"{source} (floor {FLOORS[rooms[0]]}) {'calls' if name else 'includes'} up to "
                       f"{target} (floor {FLOORS[rooms[1]]}){': ' + name if name else ''}")
    bad += [f"{source} does not call {name} of {room} any more" for source, room, name in allowed - seen]
    for line in sorted(set(bad)):
        print(line)
    return bool(bad)


sys.exit(main())
