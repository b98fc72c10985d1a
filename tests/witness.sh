#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# witness.sh: the exit guests on the debug build, whose witnesses (kmod/vmx/witness.h) WARN
# when a rule is broken that only silicon would punish; the lab fails on a WARNING.
set -eu
cd "$(dirname "$0")/.."
dir=$PWD/build/debug
rm -rf "$dir" && mkdir -p "$dir" && cp -r kmod uapi "$dir/" && find "$dir" -name '*.o' -delete
make -s -j2 -C "$(scripts/deps --kdir)" M="$dir/kmod" VH_DEBUG=1 modules >/dev/null
exec tests/guests/run.sh --module "$dir/kmod/vh.ko" --cpus 2 "$@"
