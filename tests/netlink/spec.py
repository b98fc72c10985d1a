#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Holds docs/netlink/vh.yaml against uapi/linux/vh.h and against what the kernel answers.

    spec.py [ANSWERS]   ANSWERS: the output of the program "answers", run beside the module
"""
import re
import struct
import sys

import yaml

passed, failed = 0, 0


def check(good, name):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print(f"not ok - {name}")


spec = yaml.safe_load(open("docs/netlink/vh.yaml"))
header = re.sub(r"/\*.*?\*/", "", open("uapi/linux/vh.h").read(), flags=re.S)

# --- the header ---
enums = {}
for name, body in re.findall(r"enum (\w+) \{(.*?)\}", header, re.S):
    enums[name] = [v.split("=")[0].strip() for v in body.split(",") if v.strip()]


def constant(prefix, name):
    return (prefix + name).upper().replace("-", "_")


for d in spec["definitions"]:
    want = [constant(d["name-prefix"], e["name"]) for e in d["entries"]]
    check(want in enums.values(), f"enum {d['name']}: header and spec differ")
for s in spec["attribute-sets"]:
    have = enums.get("vh_attr_" + s["name"], [])
    prefix = s["name-prefix"]
    want = [constant(prefix, a["name"]) for a in s["attributes"]]
    check(have[1:-2] == want, f"attribute set {s['name']}: {set(have[1:-2]) ^ set(want) or 'the order differs'}")
    check(have[:1] == [constant(prefix, "unspec")], f"attribute set {s['name']}: no UNSPEC")
    check(all(a.get("doc") for a in s["attributes"]), f"attribute set {s['name']}: without docs")
ops = spec["operations"]["list"]
check([constant("vh-cmd-", o["name"]) for o in ops] == enums["vh_cmd"][1:-2], "commands differ")
check('"%s"' % spec["name"] in header and "VH_GENL_VERSION" in header, "family name")

# --- the kernel's answers ---
sets = {s["name"]: s["attributes"] for s in spec["attribute-sets"]}
enum_size = {d["name"]: len(d["entries"]) for d in spec["definitions"]}
sizes = {"u32": 4, "s32": 4, "u64": 8, "flag": 0, "pad": 0}
seen = set()


def attributes(data):
    at = 0
    while at + 4 <= len(data):
        n, kind = struct.unpack_from("<HH", data, at)
        if n < 4:
            break
        yield kind & 0x3FFF, data[at + 4:at + n]
        at += (n + 3) & ~3
    check(at >= len(data), "bytes after the last attribute")


def hold(data, set_name, allowed, where):
    once = set()
    for kind, value in attributes(data):
        known = 1 <= kind <= len(sets[set_name])
        check(known, f"{where}: attribute {kind} is not in the spec")
        if not known:
            continue
        a = sets[set_name][kind - 1]
        name = f"{where}: {a['name']}"
        if a["type"] == "pad":
            continue
        seen.add((set_name, a["name"]))
        check(allowed is None or a["name"] in allowed, f"{name} is not told of this command")
        check(kind not in once or a.get("multi-attr"), f"{name} comes twice")
        once.add(kind)
        if a["type"] in sizes:
            check(len(value) == sizes[a["type"]], f"{name}: {len(value)} bytes as {a['type']}")
        if "exact-len" in a:
            check(len(value) == a["exact-len"], f"{name}: {len(value)} bytes")
        if a["type"] == "string":
            check(value.endswith(b"\0") and len(value) - 1 <= a.get("max-len", 4096), f"{name}: {value}")
        if "enum" in a:
            check(struct.unpack("<I", value)[0] < enum_size[a["enum"]], f"{name}: value {value}")
        if a["type"] == "nest":
            hold(value, a["nested-attributes"], None, name)


if len(sys.argv) > 1:
    answers = [line.split() for line in open(sys.argv[1], errors="replace") if line.startswith("answer ")]
    by_cmd = {}
    for _, cmd, *data in answers:
        o = ops[int(cmd) - 1]
        by_cmd[o["name"]] = by_cmd.get(o["name"], 0) + 1
        told = o.get("event", o.get("dump", {}).get("reply", {}))["attributes"]
        hold(bytes.fromhex(data[0]), o["attribute-set"], told, o["name"])
    for name in ("vm-get", "vcpu-get", "group-get", "event"):
        check(by_cmd.get(name), f"no answer to {name}")
    # What the requests of that program must bring to light, all of it.
    for s, a in [(s, a["name"]) for s in ("vcpu", "counter", "exit", "resource", "vm") for a in sets[s]]:
        if a != "pad" and not a.endswith("-fd"):
            check((s, a) in seen, f"the kernel never told {s}: {a}")

print(f"{passed} passed, {failed} failed")
sys.exit(failed != 0)
