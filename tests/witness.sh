#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# witness.sh [--dirty]: the exit guests, or the dirty logs, on the debug build, whose witnesses
# (kmod/vmx/witness.h) WARN when a rule is broken that only silicon would punish; the lab fails
# on a WARNING.
set -eu
cd "$(dirname "$0")/.."
suite=tests/guests/run.sh only=()
if [ "${1-}" = --dirty ]; then
	shift
	suite=tests/abi/run.sh only=(--only 'dirty*')
fi
module=$(tests/lib/module-variant VH_DEBUG=1)
exec $suite --module "$module" "${only[@]}" --cpus 2 "$@"
