#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# witness.sh: the exit guests on the debug build, whose witnesses (kmod/vmx/witness.h) WARN
# when a rule is broken that only silicon would punish; the lab fails on a WARNING.
set -eu
cd "$(dirname "$0")/.."
module=$(tests/lib/module-variant debug VH_DEBUG=1)
exec tests/guests/run.sh --module "$module" --cpus 2 "$@"
