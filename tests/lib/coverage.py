#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""coverage.py DATA [--update] [--lines]: adds up the gcov counts that tests/coverage.sh left.

Each DATA/SUITE holds .gcda files under the absolute path of the folder that the module was built in,
with its .gcno files. A line counts as reached when any suite ran it. Lines of the suites' own
builds (KUnit links single files) count for the same line of the module.
"""

import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
DOC = TOP / "docs/coverage.md"
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"


def source(path):
    """kmod/... for a source of the module, in whatever copy it was compiled; else None."""
    found = re.search(r"/(kmod/[a-z0-9_/]+\.[ch])$", os.path.normpath("/" + path))
    return found and (TOP / found[1]).exists() and found[1]


def read(folder, lines, functions):
    """Adds the counts below one suite's folder."""
    for data in sorted(folder.glob("**/*.gcda")):
        built = pathlib.Path("/") / data.relative_to(folder)
        notes = built.with_suffix(".gcno")
        if not notes.exists():
            sys.exit(f"coverage: {notes} is missing")
        with tempfile.TemporaryDirectory() as work:
            for name in (data, notes):
                os.symlink(name, os.path.join(work, name.name))
            done = subprocess.run(["gcov", "--json-format", "--stdout", data.name], cwd=work,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode or b"stamp mismatch" in done.stderr:
            sys.exit(f"coverage: {data}: {done.stderr.decode().strip()}")
        for text in done.stdout.splitlines():
            for one in json.loads(text)["files"]:
                name = source(one["file"])
                if not name:
                    continue
                for line in one["lines"]:
                    lines[name][line["line_number"]] += line["count"]
                for function in one["functions"]:
                    key = (function["start_line"], function["end_line"], function["name"].split(".")[0])
                    functions[name][key] += function["execution_count"]


def ranges(numbers, known):
    """Lines as text; what lies between two of them and is no code joins them."""
    text, start, last = [], None, None
    for number in sorted(known):
        if number in numbers:
            start, last = start or number, number
        elif start:
            text.append(f"{start}-{last}" if last > start else f"{start}")
            start = None
    if start:
        text.append(f"{start}-{last}" if last > start else f"{start}")
    return " ".join(text)


def main():
    data = pathlib.Path(sys.argv[1]).resolve()
    lines = collections.defaultdict(collections.Counter)
    functions = collections.defaultdict(collections.Counter)
    for folder in sorted(p for p in data.iterdir() if p.is_dir()):
        read(folder, lines, functions)
    if not lines:
        sys.exit("coverage: no data")
    table = ["| file | lines | reached | % |", "|---|---|---|---|"]
    total = reached = 0
    for name in sorted(lines):
        missed = {number for number, count in lines[name].items() if not count}
        all_, hit = len(lines[name]), len(lines[name]) - len(missed)
        total, reached = total + all_, reached + hit
        table.append(f"| `{name}` | {all_} | {hit} | {100 * hit / all_:.1f} |")
        if "--lines" in sys.argv and missed:
            never = [key[2] for key, count in sorted(functions[name].items()) if not count]
            print(f"{name}: {ranges(missed, lines[name])}" + (f"; never: {' '.join(never)}" if never else ""))
    for path in sorted((TOP / "kmod").glob("**/*.c")):
        name = str(path.relative_to(TOP))
        if name not in lines:
            table.append(f"| `{name}` | not in this build | | |")
    table.append(f"| **all** | **{total}** | **{reached}** | **{100 * reached / total:.1f}** |")
    text = "\n".join(table) + "\n"
    print(text)
    if "--update" in sys.argv:
        page = DOC.read_text()
        head, _, rest = page.partition(BEGIN)
        _, _, tail = rest.partition(END)
        DOC.write_text(head + BEGIN + text + END + tail)
    return 0


if __name__ == "__main__":
    sys.exit(main())
