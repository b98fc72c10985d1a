#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# apicv.sh [--all] [--module FILE] [LAB OPTIONS...]: the suites on a processor of a server, and with what it
# does about interrupts left out: all (apicv=0), posted interrupts alone (apicv=1). In one boot, with
# 2 CPUs. The suites by themselves run with all of it, on an older model. --all: whole suites
# without it, not only what is about interrupts.
set -u
cd "$(dirname "$0")/.."
module= all=
while [ $# -gt 0 ]; do
	case $1 in
	--all) all=yes; shift ;;
	--module) module="--module $2"; shift 2 ;;
	--help) sed -n '3,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
	*) break ;;
	esac
done
. tests/lib/suites.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
suites_new "$work/suites"
if [ -n "$all" ]; then
	irqs='*' netlink='*'
else
	irqs='[ait][pri][irqm]*' netlink='[fr]*'
fi
suite guests tests/guests/run.sh $module &&
	suite abi tests/abi/run.sh $module &&
	suite paging-ept0 tests/paging/run.sh $module --param ept=0 --seed 3 --rounds 2 --vcpus 2 &&
	suite guests-apicv0 tests/guests/run.sh $module --param apicv=0 &&
	suite abi-apicv0 tests/abi/run.sh $module --param apicv=0 --only "$irqs" &&
	suite netlink-apicv0 tests/netlink/run.sh $module --param apicv=0 --only "$netlink" --skip 'many*' &&
	suite guests-apicv1 tests/guests/run.sh $module --param apicv=1 &&
	suite guests-apicv1-ept0 tests/guests/run.sh $module --param apicv=1 --param ept=0 --only 'apicv-*' &&
	suite abi-apicv1 tests/abi/run.sh $module --param apicv=1 --only 'apicv*' || exit 1
[ -z "$all" ] || suite paging tests/paging/run.sh $module --seed 3 --rounds 4 --vcpus 2 || exit 1
suites_run --cpu sapphire_rapids --cpus 2 --timeout 1500 "$@"
suites_end $?
