#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# beside.sh: KVM and vh on one host: one loaded before, after and under the other, both running
# guests on the same CPUs that check their registers and memory, with CPU hotplug and suspend
#
#   beside.sh [--seconds N] [--module vh.ko] [LAB OPTIONS...]
#
# --seconds: emulated seconds of running at the same time (default 4). On the debug build, whose
# witnesses compare the host's state around each window, unless --module names another.
set -eu
cd "$(dirname "$0")/.."
seconds=4 module=
while [ $# -gt 0 ]; do
	case $1 in
	--seconds) seconds=$2; shift 2 ;;
	--module) module=$2; shift 2 ;;
	--help) sed -n '3,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) break ;;
	esac
done
[ -n "$module" ] || module=$(tests/lib/module-variant VH_DEBUG=1)
make -s -C tests/guests
make -s -C tests/abi
for program in hold hostcheck; do
	gcc -O2 -Wall -D_GNU_SOURCE -static tests/beside/$program.c -o build/tests/$program
done
script=$(mktemp)
trap 'rm -f "$script"' EXIT
{ echo "seconds=$seconds"; cat tests/beside/lab.sh; } >"$script"
tests/lab/lab run --timeout $((300 + seconds * 40)) --cpus 2 --file "$module:vh.ko" --file build/vhctl/vhctl \
	--file build/tests/hold --file build/tests/hostcheck --file build/tests/guests/guests \
	--file build/tests/abi/abi "$@" "$script"
