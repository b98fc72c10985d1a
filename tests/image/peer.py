#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""peer.py: a host that lies to vhctl image push and pull.

peer.py client WAY FILE COMMAND...   pushes to COMMAND, which is vhctl image serve
peer.py server WAY FILE              is what a pull asks, as ssh would run it

FILE is a qcow2 image. WAY "honest" does all as it should be; every other lies in one thing, and has
to be refused: see WAYS.
"""
import hashlib
import json
import os
import struct
import subprocess
import sys

WAYS = ["honest", "id", "digest", "bytes", "more", "less", "backing", "parent", "writable", "name", "size", "label",
        "garbage", "zstd", "another", "silent", "huge", "traversal", "version", "list"]


def frame(kind, data):
    return struct.pack("<I", len(data)) + kind + data


def say(out, message):
    out.write(frame(b"J", json.dumps(message).encode()))
    out.flush()


def hear(inp):
    head = inp.read(5)
    if len(head) < 5:
        return None, b""
    length, kind = struct.unpack("<Ic", head)
    return kind, inp.read(length)


def compressed(data):
    return subprocess.run(["zstd", "-qc"], input=data, stdout=subprocess.PIPE, check=True).stdout


def seal(image):
    """The id, as vhctl-image(8) says."""
    text = ""
    for key in ("digest", "parent", "size", "created", "kernel", "initrd", "cmdline", "memory", "cpus"):
        default = "" if key in ("digest", "parent", "kernel", "initrd", "cmdline") else 0
        text += f"{key}={image.get(key, default)}\n"
    for key, value in image.get("labels", {}).items():
        text += f"label.{key}={value}\n"
    return hashlib.sha256(text.encode()).hexdigest()


def backed(data):
    """The same image, with /etc/passwd behind it."""
    name = b"/etc/passwd"
    data = bytearray(data)
    at = struct.unpack(">I", data[100:104])[0]
    while struct.unpack(">I", data[at:at + 4])[0]:
        at += 8 + (struct.unpack(">I", data[at + 4:at + 8])[0] + 7) // 8 * 8
    at += 8
    data[8:16] = struct.pack(">Q", at)
    data[16:20] = struct.pack(">I", len(name))
    data[at:at + len(name)] = name
    return bytes(data)


def load(way, path):
    with open(path, "rb") as f:
        data = f.read()
    if way == "backing":
        data = backed(data)
    image = {"sealed": True, "digest": hashlib.sha256(data).hexdigest(), "bytes": len(data), "created": 1000,
             "size": struct.unpack(">Q", data[24:32])[0], "labels": {"from": "peer"}}
    if way == "size":
        image["size"] += 512
    if way == "digest":
        image["digest"] = hashlib.sha256(b"another").hexdigest()
    if way == "bytes":
        image["bytes"] += 1
    if way == "traversal":
        image["kernel"] = "../../" + "e" * 58
    if way == "label":
        image["labels"]["x"] = "\x1b[31m"
    if way == "parent":
        image["parent"] = "ab" * 32
    image["id"] = seal(image)
    if way == "id":
        image["created"] = 1001
    if way == "writable":
        image["sealed"] = False
        del image["digest"]
    return image, data


def send(way, out, digest, data):
    size = len(data)
    say(out, {"file": "ab" * 32 if way == "another" else digest, "size": size + (way == "bytes")})
    if way == "more":
        data += b"x" * 100000
    if way == "less":
        data = data[:-1]
    if way == "zstd":
        out.write(frame(b"D", os.urandom(4096)))
    elif way == "huge":
        out.write(struct.pack("<I", 0xfffffff0) + b"D" + b"x" * 65536)
    elif way == "silent":
        sys.exit(1)
    else:
        packed = compressed(data)
        for at in range(0, len(packed), 100000):
            out.write(frame(b"D", packed[at:at + 100000]))
        out.write(frame(b"E", b""))
    out.flush()


def client(way, path, command):
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    out, inp = server.stdin, server.stdout
    image, data = load(way, path)
    images = [7] * 100 if way == "list" else [image]
    if way == "garbage":
        out.write(b"GET / HTTP/1.0\r\n\r\n")
        out.flush()
        out.close()
    else:
        say(out, {"version": 99 if way == "version" else 1, "op": "put",
                  "name": "../x" if way == "name" else "lies:latest", "images": images})
    kind, answer = hear(inp)
    if kind == b"J":
        for digest in json.loads(answer)["want"]:
            send(way, out, digest, data)
        kind, answer = hear(inp)
    print(kind, answer.decode(errors="replace"))
    out.close()
    return 0 if kind == b"J" and json.loads(answer).get("done") else 1


def server(way, path):
    inp, out = sys.stdin.buffer, sys.stdout.buffer
    if way == "garbage":
        out.write(b"Welcome to this host!\r\n" * 100)
        out.flush()
        return 0
    image, data = load(way, path)
    hear(inp)
    say(out, {"images": [7] * 100 if way == "list" else [image]})
    kind, answer = hear(inp)
    if kind == b"J":
        for digest in json.loads(answer)["want"]:
            send(way, out, digest, data)
    return 0


def main():
    try:
        if sys.argv[1] == "ways":
            print(*WAYS)
        elif sys.argv[1] == "client":
            return client(sys.argv[2], sys.argv[3], sys.argv[4:])
        else:
            return server(sys.argv[2], sys.argv[3])
    except BrokenPipeError:
        os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
        return 1
    return 0


sys.exit(main())
