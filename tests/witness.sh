#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# witness.sh [--all | --bites] [LAB OPTIONS...]: suites on the debug build, in one boot with 2 CPUs. Its witnesses
# (kmod/vmx/witness.h) WARN when a rule is broken that only silicon would punish, its bounds
# (kmod/bound.h) tell of interrupts that are off, and of locks of all tenants that are held, for too
# long, beside one object and beside thousands; the lab fails on either. --all: whole suites.
# --bites: what is left out on purpose is found by the witnesses (witness/bites.sh).
set -u
cd "$(dirname "$0")/.."
all= bites=
[ "${1-}" != --all ] || { all=yes; shift; }
[ "${1-}" != --bites ] || { bites=yes; shift; }
. tests/lib/suites.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
suites_new "$work/suites"
module=$(tests/lib/module-variant VH_DEBUG=1) || exit 1
if [ -n "$bites" ]; then
	make -s -C tests/guests && make -s -C tests/abi || exit 1
	# To print a warning takes longer than a window may. Others than vh have nothing to warn of.
	tests/lab/lab run --cpus 2 --timeout 900 --allow 'WARNING: CPU.*\[vh\]|vh: BUG: window' --file "$module:vh.ko" \
		--file build/tests/guests/guests --file build/tests/abi/abi "$@" tests/witness/bites.sh
	exit
fi
m="--module $module"
suite guests tests/guests/run.sh $m || exit 1
if [ -n "$all" ]; then
	suite abi tests/abi/run.sh $m &&
		suite abi-ept0 tests/abi/run.sh $m --param ept=0 &&
		suite netlink tests/netlink/run.sh $m &&
		suite neighbour tests/neighbour/run.sh $m || exit 1
else
	suite abi tests/abi/run.sh $m --only '[dhst][ict]*' &&
		suite abi-ept0 tests/abi/run.sh $m --param ept=0 --only 'shadow*' &&
		suite netlink tests/netlink/run.sh $m --only '[hmw]*' || exit 1
fi
suites_run --modules "fuse?" --cpus 2 --timeout 3000 "$@"
suites_end $?
