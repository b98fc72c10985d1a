#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# native.sh: what this machine's own processor makes of vh (docs/silicon.md)
#
#   native.sh [--lab [LAB OPTIONS...]]
#
# Builds for the kernel that runs, the debug build, and runs tests/native/run.sh as root in build/native/, where the
# report is. --lab: the same in the lab, which shows that it runs.
set -e
cd "$(dirname "$0")/.."
make -s vhctl
for suite in guests abi paging bench; do make -s -C tests/$suite; done
programs='build/vhctl/vhctl build/tests/guests/guests build/tests/abi/abi build/tests/paging/paging build/tests/bench/bench'
if [ "${1-}" = --lab ]; then
	shift
	module=$(tests/lib/module-variant VH_DEBUG=1)
	# the lab's bounds of what a suite may cost are instructions: KVM is left out, and so bench
	set -- --file "$module:vh.ko" "$@" tests/native/run.sh
	for p in $programs; do [ "${p##*/}" = bench ] || set -- --file "$p" "$@"; done
	exec tests/lab/lab run "$@"
fi
[ "$(id -u)" = 0 ] || { echo "native.sh: needs root" >&2; exit 2; }
module=$(KDIR=/lib/modules/$(uname -r)/build tests/lib/module-variant VH_DEBUG=1)
rm -rf build/native
mkdir -p build/native
cp "$module" build/native/vh.ko
for p in $programs tests/native/run.sh; do cp "$p" build/native/; done
cd build/native
exec ./run.sh
