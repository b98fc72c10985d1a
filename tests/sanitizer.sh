#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# sanitizer.sh: the suites on the sanitizer kernel in the lab, with the module's debug build: KASAN,
# UBSAN, lockdep, RCU, sleeping in atomic context, DEBUG_OBJECTS, kmemleak and the witnesses.
#
#   sanitizer.sh [--all] [--only SUITE] [LAB OPTIONS...]
#
# A subset of each suite, without kmemleak; --all: everything, also without EPT, and a scan for
# leaks at the end. All in one boot.
set -u
cd "$(dirname "$0")/.."
all= only='*'
while [ $# -gt 0 ]; do
	case $1 in
	--all) all=yes; shift ;;
	--only) only=$2; shift 2 ;;
	*) break ;;
	esac
done
kernel=$(tests/kunit/kernel) || exit 1
module=$(KDIR=$kernel tests/lib/module-variant VH_DEBUG=1) || exit 1
. tests/lib/suites.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
suites_new "$work/suites"
take() {	# NAME COMMAND...
	# shellcheck disable=SC2053
	[[ $1 == $only ]] || return 0
	suite "$@" || exit 1
}

m="--module $module"
if [ -n "$all" ]; then
	take guests tests/guests/run.sh $m
	take guests-ept0 tests/guests/run.sh $m --param ept=0
	take guests-real tests/guests/run.sh $m --param unrestricted_guest=0
	take abi tests/abi/run.sh $m
	take abi-ept0 tests/abi/run.sh $m --param ept=0
	take netlink tests/netlink/run.sh $m --skip 'many*'
	take paging tests/paging/run.sh $m --seed 3 --rounds 2 --vcpus 2
	take paging-ept0 tests/paging/run.sh $m --param ept=0 --seed 2 --rounds 2 --vcpus 2
	set -- --then tests/lib/leaks.sh "$@"
else
	take guests tests/guests/run.sh $m --only '[isx]*'
	take abi tests/abi/run.sh $m --only '[hv]*' --skip 'hostile-*'
	take memory tests/abi/run.sh $m --only '*-running'
	take netlink tests/netlink/run.sh $m --only 'registry*'
	take paging tests/paging/run.sh $m --param ept=0 --seed 2 --rounds 1 --vcpus 1
fi
# 6.1's serial console takes a spinlock in whatever context printk() is called, which this kernel
# reports. What it says is read from /dev/kmsg.
echo 'echo 1 >/proc/sys/kernel/printk' >"$work/quiet.sh"
suites_run --kernel sanitizer --mem 768 --timeout 5000 "$@" "$work/quiet.sh"
suites_end $?
