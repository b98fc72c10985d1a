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
module=$(KDIR=$kernel tests/lib/module-variant debug-sanitizer VH_DEBUG=1) || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
scripts=() names=()

suite() {	# NAME COMMAND...: its script is run with the others'
	local name=$1
	shift
	# shellcheck disable=SC2053
	[[ $name == $only ]] || return 0
	IN_LAB_COLLECT=$work/$name "$@" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
	names+=("$name") scripts+=("$work/$name.sh")
}

m="--module $module"
if [ -n "$all" ]; then
	suite guests tests/guests/run.sh $m
	suite guests-ept0 tests/guests/run.sh $m --param ept=0
	suite guests-real tests/guests/run.sh $m --param unrestricted_guest=0
	suite abi tests/abi/run.sh $m
	suite abi-ept0 tests/abi/run.sh $m --param ept=0
	suite netlink tests/netlink/run.sh $m --skip 'many*'
	suite paging tests/paging/run.sh $m --seed 3 --rounds 2 --vcpus 2
	suite paging-ept0 tests/paging/run.sh $m --param ept=0 --seed 2 --rounds 2 --vcpus 2
	set -- --then tests/lib/leaks.sh "$@"
else
	suite guests tests/guests/run.sh $m --only '[isx]*'
	suite abi tests/abi/run.sh $m --only '[hv]*'
	suite memory tests/abi/run.sh $m --only '*-running'
	suite netlink tests/netlink/run.sh $m --only 'registry*'
	suite paging tests/paging/run.sh $m --param ept=0 --seed 2 --rounds 1 --vcpus 1
fi
# The same option of two suites is given once.
mapfile -t options < <(cat "$work"/*.options | paste -d '\t' - - | sort -u | tr '\t' '\n')
tests/lab/lab run --kernel sanitizer --mem 768 --timeout 5000 "${options[@]}" "$@" "${scripts[@]}" 2>&1 |
	tee "$work/log"
status=${PIPESTATUS[0]}

read -r passed failed skipped <<<"$(grep -aoE '[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?' "$work/log" |
	awk -F '[ ,]+' '{ p += $1; f += $3; s += $5 } END { print p + 0, f + 0, s + 0 }')"
# A suite that says nothing, and a report of the kernel, are failures too.
[ "$(grep -acE '[0-9]+ passed, [0-9]+ failed' "$work/log")" = ${#names[@]} ] || failed=$((failed + 1))
[ "$status" = 0 ] || [ "$failed" != 0 ] || failed=1
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
