#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# coverage.sh: how much of the module the tests reach: lines of kmod/ by gcc's gcov, from suites in
# the lab and the KUnit suites, all on the sanitizer kernel.
#
#   coverage.sh [--only SUITE] [--update] [--lines]
#
# --update writes the table in docs/coverage.md; --lines prints the lines that were not reached.
# --only: what SUITE, a pattern, reaches, is added to what earlier runs of the same build did.
set -u
cd "$(dirname "$0")/.."
only='*' more=()
while [ $# -gt 0 ]; do
	case $1 in
	--only) only=$2; shift 2 ;;
	--update | --lines) more+=("$1"); shift ;;
	*) sed -n '3,9s/^# \{0,1\}//p' "$0"; exit 2 ;;
	esac
done
data=$PWD/build/coverage-data
kernel=$(tests/kunit/kernel) || exit 1
module=$(KDIR=$kernel tests/lib/module-variant GCOV_PROFILE=y) || exit 1
if [ "$only" = '*' ] || ! cmp -s "$module" "$data/vh.ko"; then
	rm -rf "$data"
	mkdir -p "$data"
	cp "$module" "$data/vh.ko"
fi
make -s NODEPS=1 vhctl || exit 1
passed=0 failed=0

# suite NAME COMMAND...: a run in the lab; what it reached goes to $data/NAME. A suite that fails has
# not reached what it should.
suite() {
	local name=$1 begin=$SECONDS status=0
	shift
	# shellcheck disable=SC2053
	[[ $name == $only ]] || return 0
	rm -rf "${data:?}/$name"
	"$@" --kernel sanitizer --mem 768 --timeout 3000 --then tests/lib/gcov.sh \
		--out "$data/$name" >"$data/$name.log" 2>&1 || status=$?
	if [ $status = 0 ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		tail -n 30 "$data/$name.log"
	fi
	echo "# $name: status $status, $((SECONDS - begin)) s"
}

m="--module $module"
suite guests tests/guests/run.sh $m
suite abi tests/abi/run.sh $m
suite netlink tests/netlink/run.sh $m --skip 'many*'
suite guests-ept0 tests/guests/run.sh $m --param ept=0
suite guests-real tests/guests/run.sh $m --param unrestricted_guest=0
suite paging-ept0 tests/paging/run.sh $m --param ept=0 --seed 2 --rounds 1 --vcpus 1
suite abi-ept0 tests/abi/run.sh $m --param ept=0
suite fuzz tests/abi/fuzz.sh $m --rounds 100
suite nlfuzz tests/netlink/fuzz.sh $m --count 2000
suite abi-nopml tests/abi/run.sh $m --param pml=0 --only 'dirty*'
suite guests-plain tests/guests/run.sh $m --param apicv=0 --param vpid=0
suite boot tests/boot.sh smp $m
suite boot-ept0 tests/boot.sh smp $m --param ept=0
suite boot-real tests/boot.sh bzimage $m --param unrestricted_guest=0
# shellcheck disable=SC2053
if [[ kunit == $only ]]; then
	rm -rf "$data/kunit"
	tests/kunit/run --coverage "$data/kunit" >"$data/kunit.log" 2>&1 &&
		passed=$((passed + 1)) || { failed=$((failed + 1)); tail -n 30 "$data/kunit.log"; }
fi
tests/lib/coverage.py "$data" "${more[@]+"${more[@]}"}" || failed=$((failed + 1))
echo "$passed passed, $failed failed"
[ $failed = 0 ]
