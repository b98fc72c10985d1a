#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""host-state.py: the table of docs/architecture.md and items[] of kmod/witness/host.c name the same, for the same spans."""
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
SPANS = {"W": "window", "B": "beside", "S": "section", "U": "user"}

promised = {}
for line in (TOP / "docs/architecture.md").read_text().partition("<!-- host -->\n")[2].splitlines()[2:]:
    if not line.startswith("|"):
        break
    names, spans = line.split("|")[1:3]
    for name in names.split():
        promised[name] = frozenset(spans.replace(",", " ").split())

code = (TOP / "kmod/witness/host.c").read_text()
compared = {name: frozenset(SPANS[s] for s in re.findall(r"\w", spans)) for name, spans in
            re.findall(r'^\t\{ "([\w.]+)", \w+, ([WBSU |]+)[ ,}]', code, re.M)}

if len(compared) < 40:
    sys.exit(f"host-state: only {len(compared)} items found in host.c")
wrong = [name for name in sorted(promised.keys() | compared.keys())
         if promised.get(name) != compared.get(name)]
for name in wrong:
    print(f"{name}: the table says {' '.join(sorted(promised.get(name, ['nothing'])))}, "
          f"host.c compares {' '.join(sorted(compared.get(name, ['nothing'])))}")
sys.exit(bool(wrong))
